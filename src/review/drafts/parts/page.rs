//! The pages of parts: asked, answered, and asked again with what was typed.
use super::answers::{Pairs, one, plain, rearranged};
use super::condition::with_picked;
use super::pen::{Offers, Pen, Section};
use super::{Part, PartLink, document, drawn, index_of, part_at, parts_of};
use crate::app::App;
use crate::db::{Conn, Tx};
use crate::error::{Error, Result};
use crate::form::SummaryLine;
use crate::review::drafts::page::{At, NewPart, Posted, again_with_new, seen};
use crate::review::drafts::view::{ProblemView, problem_view, problems};
use crate::review::drafts::{self, Draft, examined, invalid, well_named};
use crate::review::service::Desk;
use crate::review::words::sentence;
use crate::web::answer::{go_to, page_with, status_of};
use crate::web::session::Visitor;
use crate::workflow::{Change, Problem, compare, laid_out};
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Serialize;
use serde_json::{Map, Value, json};

type PartPlace = web::Path<(String, String, String)>;
type MemberPlace = web::Path<(String, String, String, String)>;

#[derive(Serialize)]
struct PartPage {
    summary: Vec<SummaryLine>,
    title: String,
    path: String,
    action: String,
    draft_title: String,
    seen: i32,
    problems: Vec<ProblemView>,
    sections: Vec<Section>,
    offers: Vec<Offers>,
    parts: Vec<PartLink>,
    /// Short name of a stage or table, and what it is.
    key: Option<String>,
    noun: &'static str,
    /// What was typed and is not saved, against what is.
    unsaved: bool,
    changes: Vec<Change>,
    /// It was taken away meanwhile; saving puts it back.
    gone: bool,
}

/// What was typed and could not be saved, and why.
struct Typed {
    pairs: Pairs,
    why: String,
}

/// The page of a part as it stands, or with what was typed in it.
fn part_page(
    conn: &mut Conn,
    desk: &Desk,
    draft: &Draft,
    part: &Part,
    typed: Option<&Typed>,
) -> Result<PartPage> {
    let saved = match typed {
        Some(_) => document(&draft.text).unwrap_or_default(),
        None => document(&draft.text)?,
    };
    let (mut whole, mut draft) = (saved.clone(), draft.clone());
    let mut gone = false;
    if let Some(typed) = typed {
        gone = part.place(&saved).is_err();
        part.put_back(&mut whole);
        part.take(&mut whole, &typed.pairs)?;
        draft.text = laid_out(&Value::Object(whole.clone()));
    }
    let place = part.place(&whole)?;
    let looked = examined(desk, &draft)?;
    let all = problems(conn, desk, &looked)?;
    let here = |problem: &&Problem| part_at(&whole, &problem.place).as_ref() == Some(part);
    let pen = Pen {
        place,
        problems: &all,
    };
    let (sections, offers) = drawn(conn, desk, &draft, (part, &pen), &whole)?;
    let path = format!("/workflows/{}/drafts/{}", draft.key, draft.id);
    Ok(PartPage {
        summary: Vec::new(),
        title: part.title(&whole),
        action: format!("{path}{}", part.path()),
        parts: parts_of(&path, &draft.text),
        path,
        draft_title: plain(whole.get("title")),
        seen: draft.seen,
        problems: all
            .iter()
            .filter(here)
            .cloned()
            .map(|p| problem_view(p, None))
            .collect(),
        sections,
        offers,
        key: part.member().map(|(_, key)| key.to_owned()),
        noun: match part {
            Part::Table(_) => "table",
            _ => "stage",
        },
        unsaved: typed.is_some(),
        changes: match typed {
            Some(_) => compare(&Value::Object(saved), &Value::Object(whole)),
            None => Vec::new(),
        },
        gone,
    })
}

async fn show(
    app: &App,
    visitor: &Visitor,
    (at, part): (&At, Part),
    typed: Option<Typed>,
    status: StatusCode,
) -> Result<HttpResponse> {
    visitor.must_keep_policy()?;
    let (desk, at) = (app.desk.clone(), at.clone());
    let read = move |conn: &mut Conn| {
        let draft = drafts::draft(conn, &at.key, at.id)?;
        let closed = draft.state.closed();
        if let (Some(closed), None) = (closed.clone(), &typed) {
            return Err(closed.into());
        }
        let mut page = part_page(conn, &desk, &draft, &part, typed.as_ref())?;
        let why = closed.map(|closed| closed.to_string());
        let why = why.or_else(|| typed.map(|typed| typed.why));
        let line = |why: String| SummaryLine {
            target: None,
            message: sentence(&why),
        };
        page.summary.extend(why.map(line));
        Ok(page)
    };
    let context = app.db.read(read).await?;
    page_with(app, visitor, "workflows", "workflow-part", &context, status)
}

fn at_part(place: PartPlace) -> Result<(At, Part)> {
    let (key, id, name) = place.into_inner();
    Ok((At::of(web::Path::from((key, id)))?, Part::named(&name)?))
}

fn at_member(place: MemberPlace) -> Result<(At, Part)> {
    let (key, id, list, name) = place.into_inner();
    let part = Part::listed(&list, &name)?;
    Ok((At::of(web::Path::from((key, id)))?, part))
}

/// `GET /workflows/{key}/drafts/{id}/{part}`
///
/// # Errors
/// 403, 404, 409 once it is published or discarded.
pub async fn part(app: web::Data<App>, visitor: Visitor, place: PartPlace) -> Result<HttpResponse> {
    let (at, part) = at_part(place)?;
    show(&app, &visitor, (&at, part), None, StatusCode::OK).await
}

/// `GET /workflows/{key}/drafts/{id}/{list}/{name}`: a stage or a table.
///
/// # Errors
/// As [`part`].
pub async fn member(
    app: web::Data<App>,
    visitor: Visitor,
    place: MemberPlace,
) -> Result<HttpResponse> {
    let (at, part) = at_member(place)?;
    show(&app, &visitor, (&at, part), None, StatusCode::OK).await
}

/// An edit of the document as it was seen, saved.
async fn change(
    app: &App,
    visitor: &Visitor,
    at: &At,
    seen: i32,
    edit: impl FnOnce(&mut Map<String, Value>) -> Result<()> + Send + 'static,
) -> Result<()> {
    visitor.must_keep_policy()?;
    let (place, actor) = (at.clone(), visitor.actor()?);
    let author = actor.clone();
    let work = move |tx: &mut Tx, desk: &Desk| {
        let place = (place.key.as_str(), place.id);
        let draft = drafts::draft(tx, place.0, place.1)?;
        if draft.seen != seen {
            let now = draft.seen;
            return Err(Error::Stale { seen, now });
        }
        let before = document(&draft.text)?;
        let mut after = before.clone();
        edit(&mut after)?;
        let text = match before == after {
            true => draft.text,
            false => laid_out(&Value::Object(after)),
        };
        drafts::save(tx, desk, &author, place, seen, text).map(drop)
    };
    app.command("save_draft", at.id.to_string(), &actor, work)
        .await
}

/// Saves what was typed in a part; where it cannot be, asks again with all of it.
async fn answered(
    app: &App,
    visitor: &Visitor,
    (at, part): (&At, Part),
    pairs: Pairs,
) -> Result<HttpResponse> {
    let (seen, deed) = (seen(&pairs), one(&pairs, "do"));
    let pairs = match deed.as_str() {
        "condition" => with_picked(pairs, part.usual_condition()),
        deed => rearranged(pairs, deed),
    };
    let (edited, typed) = (part.clone(), pairs.clone());
    let edit = move |whole: &mut Map<String, Value>| {
        if one(&typed, "gone") == "yes" {
            edited.put_back(whole);
        }
        edited.take(whole, &typed)
    };
    let error = match change(app, visitor, at, seen, edit).await {
        Ok(()) => return Ok(go_to(app, &format!("{}{}", at.path(), part.path()))),
        Err(error @ (Error::Stale { .. } | Error::Invalid(_) | Error::BadRequest(_))) => error,
        Err(error @ Error::Draft(drafts::Refusal::Published | drafts::Refusal::Discarded)) => error,
        Err(error) => return Err(error),
    };
    let why = match &error {
        Error::Stale { .. } => {
            "somebody changed this draft meanwhile, and what you typed is not saved: it stands \
             below, compared with what is saved now. Saving replaces that"
                .to_owned()
        }
        other => other.to_string(),
    };
    let typed = Some(Typed { pairs, why });
    show(app, visitor, (at, part), typed, status_of(&error)).await
}

/// `POST /workflows/{key}/drafts/{id}/{part}`: saves it, adds a picked condition, or moves or takes
/// away a row, by the button that was pressed.
///
/// # Errors
/// 403, 404.
pub async fn change_part(
    app: web::Data<App>,
    visitor: Visitor,
    place: PartPlace,
    form: Posted,
) -> Result<HttpResponse> {
    let (at, part) = at_part(place)?;
    answered(&app, &visitor, (&at, part), form.into_inner()).await
}

/// `POST /workflows/{key}/drafts/{id}/{list}/{name}`: as [`change_part`], and moves or takes away
/// the stage or the table itself.
///
/// # Errors
/// 403, 404.
pub async fn change_member(
    app: web::Data<App>,
    visitor: Visitor,
    place: MemberPlace,
    form: Posted,
) -> Result<HttpResponse> {
    let ((at, part), pairs) = (at_member(place)?, form.into_inner());
    match one(&pairs, "do").as_str() {
        "remove" | "up" | "down" => moved(&app, &visitor, (&at, part), &pairs).await,
        _ => answered(&app, &visitor, (&at, part), pairs).await,
    }
}

/// Moves a stage or table in its list, or takes it away.
async fn moved(
    app: &App,
    visitor: &Visitor,
    (at, part): (&At, Part),
    pairs: &Pairs,
) -> Result<HttpResponse> {
    let (deed, moved) = (one(pairs, "do"), part.clone());
    let next = match deed.as_str() {
        "remove" => at.path(),
        _ => format!("{}{}", at.path(), part.path()),
    };
    let edit = move |whole: &mut Map<String, Value>| {
        let (list, key) = moved.member().unwrap_or_default();
        let index = index_of(whole, list, key)?;
        let items = whole.get_mut(list).and_then(Value::as_array_mut);
        let items = items.ok_or_else(|| Error::not_found("part", key))?;
        match deed.as_str() {
            "remove" => drop(items.remove(index)),
            "up" if index > 0 => items.swap(index, index - 1),
            "down" if index + 1 < items.len() => items.swap(index, index + 1),
            _ => {}
        }
        Ok(())
    };
    match change(app, visitor, at, seen(pairs), edit).await {
        Ok(()) => Ok(go_to(app, &next)),
        Err(error) => again_with_new(app, visitor, at, NewPart::default(), error).await,
    }
}

/// `POST /workflows/{key}/drafts/{id}/{list}`: one more stage or table, at the end.
///
/// # Errors
/// 403, 404.
pub async fn add_member(
    app: web::Data<App>,
    visitor: Visitor,
    place: PartPlace,
    form: Posted,
) -> Result<HttpResponse> {
    let ((key, id, list), pairs) = (place.into_inner(), form.into_inner());
    let at = At::of(web::Path::from((key, id)))?;
    let typed = NewPart {
        list,
        key: one(&pairs, "key"),
        title: one(&pairs, "title"),
    };
    let part = Part::listed(&typed.list, &typed.key)?;
    let (new, added) = (typed.clone(), part.clone());
    let edit = move |whole: &mut Map<String, Value>| {
        well_named(&new.key)?;
        let (list, key) = added.member().unwrap_or_default();
        if index_of(whole, list, key).is_ok() {
            let taken = "there is one of this short name already";
            return Err(invalid("key", taken));
        }
        let items = whole.entry(list).or_insert_with(|| json!([]));
        if let Some(items) = items.as_array_mut() {
            items.push(fresh(&added, &new));
        }
        Ok(())
    };
    match change(&app, &visitor, &at, seen(&pairs), edit).await {
        Ok(()) => Ok(go_to(&app, &format!("{}{}", at.path(), part.path()))),
        Err(error) => again_with_new(&app, &visitor, &at, typed, error).await,
    }
}

/// What a stage or table begins with.
fn fresh(part: &Part, new: &NewPart) -> Value {
    if let Part::Table(key) = part {
        return json!({ "key": key, "type": "string", "cases": [] });
    }
    let keepers = json!([{ "role": "governance_admin" }]);
    let seat = json!({ "key": "seat", "from": keepers, "need": 1, "fallback": keepers });
    json!({ "key": new.key, "title": new.title, "kind": "other", "seats": [seat] })
}

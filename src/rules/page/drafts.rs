//! Drafts as pages: begun, written, looked at, proposed, published by somebody else or sent back.
use super::{KindView, key_of, kind_of, operator, place_of, view};
use crate::app::App;
use crate::db::{At, Conn, Tx};
use crate::error::{Error, Result};
use crate::form::SummaryLine;
use crate::people;
use crate::review::Desk;
use crate::review::words::{field, sentence};
use crate::rules::drafts::{self, Draft, Examined, Place, State};
use crate::rules::{Part, in_force};
use crate::web::answer::{go_to, page, page_with, status_of};
use crate::web::badge::{Badge, badge};
use crate::web::once::{Key, once};
use crate::web::session::Visitor;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde_json::{Value, json};

type Pairs = Vec<(String, String)>;
/// Findings of one sort that stand on the page.
const SHOWN: usize = 50;

fn path_of(place: &Place) -> String {
    format!("{}/{}/drafts/{}", place.kind.path, place.key, place.id)
}

#[derive(Serialize)]
struct ListPage {
    kind: KindView,
    key: String,
    in_force: i32,
    drafts: Vec<Line>,
    may_keep: bool,
}

#[derive(Serialize)]
struct Line {
    id: String,
    base: i32,
    authors: Vec<String>,
    changed_at: At,
    status: Badge,
}

fn of_state(state: State) -> Badge {
    match state {
        State::Draft => badge("Draft", ""),
        State::Proposed => badge("Proposed", "open"),
        State::Published => badge("Published", "good"),
        State::Returned => badge("Sent back", "part"),
        State::Discarded => badge("Discarded", ""),
    }
}

pub(in crate::rules) fn authors(conn: &mut Conn, draft: &Draft) -> Result<Vec<String>> {
    let mut names: Vec<String> = people::names(conn, &draft.authors)?.into_values().collect();
    if names.is_empty() {
        names.push(operator());
    }
    Ok(names)
}

/// `GET …/{key}/drafts`
///
/// # Errors
/// 403.
pub async fn list(
    app: web::Data<App>,
    visitor: Visitor,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let (kind, key) = (kind_of(&request)?, key_of(&request));
    visitor.must_see_drafts_of(kind.keepers)?;
    let may_keep = visitor.keeps(kind.keepers);
    let read = move |conn: &mut Conn| {
        let mut lines = Vec::new();
        for draft in drafts::all(conn, kind, Some(&key))? {
            lines.push(Line {
                authors: authors(conn, &draft)?,
                id: draft.id.to_string(),
                base: draft.base,
                changed_at: draft.changed_at,
                status: of_state(draft.state),
            });
        }
        Ok(ListPage {
            kind: view(kind),
            in_force: in_force(conn, kind, &key)?,
            key,
            drafts: lines,
            may_keep,
        })
    };
    let context = app.db.read(read).await?;
    page(&app, &visitor, "policy", "rules-drafts", &context)
}

/// `POST …/{key}/drafts`: from the version in force; of the organisation's own document, where
/// there is none, from the one that ships.
///
/// # Errors
/// 403 for others than keepers of the kind, 404.
pub async fn begin(
    app: web::Data<App>,
    visitor: Visitor,
    request: HttpRequest,
    form: web::Form<Pairs>,
) -> Result<HttpResponse> {
    let (kind, key) = (kind_of(&request)?, key_of(&request));
    visitor.must_keep(kind.keepers)?;
    let actor = visitor.actor()?;
    let (author, name) = (actor.clone(), key.clone());
    let sent = Key::of_form(&visitor, &format!("{}/drafts", kind.path), &form)?;
    let work = move |tx: &mut Tx, desk: &Desk| {
        let draft = drafts::begin(tx, desk, &author, (kind, &name), None)?;
        Ok(json!({ "id": draft.id }))
    };
    let answer = once(&app, "draft_rules", key.clone(), &actor, sent, work).await?;
    let id = answer.get("id").and_then(Value::as_str).unwrap_or_default();
    Ok(go_to(&app, &format!("{}/{key}/drafts/{id}", kind.path)))
}

#[derive(Serialize)]
struct DraftPage {
    summary: Vec<SummaryLine>,
    kind: KindView,
    key: String,
    path: String,
    title: String,
    base: i32,
    moved: i32,
    seen: i32,
    status: Badge,
    authors: Vec<String>,
    changed_at: At,
    reason: Option<String>,
    discarded_by: Option<String>,
    waits: bool,
    may_edit: bool,
    may_propose: bool,
    may_decide: bool,
    problems: Vec<ProblemView>,
    found: Vec<PartView>,
    changed: Vec<PartView>,
    lines: Vec<String>,
    unsaved: bool,
    reason_typed: Vec<String>,
}

#[derive(Serialize)]
struct ProblemView {
    line: usize,
    column: usize,
    place: String,
    message: String,
}

/// A part of which the first lines are shown.
#[derive(Serialize)]
struct PartView {
    part: Part,
    more: usize,
}

fn shown(part: &Part) -> PartView {
    let mut part = part.clone();
    let all = part.lines.len() + part.moves.len();
    part.lines.truncate(SHOWN);
    part.moves.truncate(SHOWN);
    PartView {
        more: all - part.lines.len() - part.moves.len(),
        part,
    }
}

/// What comes back when something could not be done.
#[derive(Default)]
struct Again {
    text: Option<String>,
    reason: String,
    errors: Vec<SummaryLine>,
}

/// `GET …/{key}/drafts/{id}`
///
/// # Errors
/// 403, 404.
pub async fn draft(
    app: web::Data<App>,
    visitor: Visitor,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let place = place_of(&request)?;
    visitor.must_see_drafts_of(place.kind.keepers)?;
    draw(&app, &visitor, &place, Again::default(), StatusCode::OK).await
}

async fn draw(
    app: &App,
    visitor: &Visitor,
    place: &Place,
    again: Again,
    status: StatusCode,
) -> Result<HttpResponse> {
    let (desk, who, place) = (app.desk.clone(), visitor.clone(), place.clone());
    let read = move |conn: &mut Conn| {
        let draft = drafts::one(conn, &place)?;
        let found = drafts::examined(conn, &desk, &draft)?;
        DraftPage::read(conn, &who, &place, draft, &found, again)
    };
    let context = app.db.read(read).await?;
    page_with(app, visitor, "policy", "rules-draft", &context, status)
}

impl DraftPage {
    fn read(
        conn: &mut Conn,
        who: &Visitor,
        place: &Place,
        draft: Draft,
        found: &Examined,
        again: Again,
    ) -> Result<DraftPage> {
        let newest = in_force(conn, place.kind, &draft.key)?;
        let open = draft.state.closed().is_none();
        let moved = if open && newest != draft.base {
            newest
        } else {
            0
        };
        let mine = draft.authors.contains(&who.id()?);
        let proposed = draft.state == State::Proposed;
        let keeps = who.keeps(place.kind.keepers);
        let title = found.heading.as_ref().map(|heading| heading.title.clone());
        let discarded = people::names(conn, &draft.discarded_by.into_iter().collect())?;
        let text = again.text.as_ref().unwrap_or(&draft.text);
        Ok(DraftPage {
            summary: again.errors,
            kind: view(place.kind),
            path: path_of(place),
            title: title.unwrap_or_else(|| draft.key.clone()),
            authors: authors(conn, &draft)?,
            reason: drafts::reason(conn, &draft)?,
            discarded_by: discarded.into_values().next(),
            waits: proposed && (mine || !keeps),
            may_edit: open && keeps,
            may_propose: open && keeps && !proposed && found.problems.is_empty() && moved == 0,
            may_decide: proposed && keeps && !mine,
            problems: found.problems.iter().map(problem_view).collect(),
            found: found.effect.found.iter().map(shown).collect(),
            changed: found.effect.changed.iter().map(shown).collect(),
            lines: text.split('\n').map(str::to_owned).collect(),
            unsaved: *text != draft.text,
            reason_typed: again.reason.split('\n').map(str::to_owned).collect(),
            status: of_state(draft.state),
            base: draft.base,
            seen: draft.seen,
            changed_at: draft.changed_at,
            key: draft.key,
            moved,
        })
    }
}

fn problem_view(problem: &crate::workflow::Problem) -> ProblemView {
    ProblemView {
        line: problem.line,
        column: problem.column,
        place: problem.place.clone(),
        message: problem.message.clone(),
    }
}

/// `POST …/{key}/drafts/{id}`: saves the text.
///
/// # Errors
/// 403, 404.
pub async fn save(
    app: web::Data<App>,
    visitor: Visitor,
    request: HttpRequest,
    form: web::Form<Pairs>,
) -> Result<HttpResponse> {
    let (place, pairs) = (place_of(&request)?, form.into_inner());
    visitor.must_keep(place.kind.keepers)?;
    let (text, seen) = (
        field(&pairs, "text"),
        field(&pairs, "seen").parse().unwrap_or(0),
    );
    let (at, saved, actor) = (place.clone(), text.clone(), visitor.actor()?);
    let author = actor.clone();
    let work = move |tx: &mut Tx, desk: &Desk| drafts::save(tx, desk, &author, &at, seen, saved);
    let done = app
        .command("save_rules_draft", place.id.to_string(), &actor, work)
        .await;
    match done {
        Ok(_) => Ok(go_to(&app, &path_of(&place))),
        Err(error) => {
            let again = Again {
                text: Some(text),
                ..Again::default()
            };
            refused(&app, &visitor, &place, again, error).await
        }
    }
}

/// What is done with a draft: `proposal`, `publication`, `return`, `discard` or `base`; what came
/// of a publication is the new version.
pub(in crate::rules) async fn done(
    app: &App,
    visitor: &Visitor,
    place: &Place,
    deed: &str,
    seen: i32,
    reason: String,
) -> Result<Option<i32>> {
    visitor.must_keep(place.kind.keepers)?;
    let (at, actor, what) = (place.clone(), visitor.actor()?, deed.to_owned());
    let author = actor.clone();
    let found = match deed {
        "publication" => Some(looked_at(app, place.clone()).await?),
        _ => None,
    };
    let work = move |tx: &mut Tx, desk: &Desk| {
        let place = &at;
        if let Some(found) = &found {
            return drafts::publish(tx, desk, &author, place, seen, found).map(Some);
        }
        match what.as_str() {
            "proposal" => drafts::propose(tx, desk, &author, place, seen).map(|_| None),
            "return" => drafts::send_back(tx, desk, &author, place, seen, &reason).map(|_| None),
            "discard" => drafts::discard(tx, desk, &author, place, seen).map(|_| None),
            "base" => drafts::rebase(tx, desk, &author, place, seen).map(|_| None),
            other => Err(Error::not_found("page", other)),
        }
    };
    app.command("rules_draft", place.id.to_string(), &actor, work)
        .await
}

async fn looked_at(app: &App, place: Place) -> Result<Examined> {
    let desk = app.desk.clone();
    let read = move |conn: &mut Conn| {
        let draft = drafts::one(conn, &place)?;
        drafts::examined(conn, &desk, &draft)
    };
    app.db.read(read).await
}

/// `POST …/{key}/drafts/{id}/{deed}`
///
/// # Errors
/// 403, 404.
pub async fn deed(
    app: web::Data<App>,
    visitor: Visitor,
    request: HttpRequest,
    form: web::Form<Pairs>,
) -> Result<HttpResponse> {
    let deed = request.match_info().get("deed").unwrap_or_default();
    let (place, reason) = (place_of(&request)?, field(&form, "reason"));
    let seen = field(&form, "seen").parse().unwrap_or(0);
    match done(&app, &visitor, &place, deed, seen, reason.clone()).await {
        Ok(Some(version)) => {
            let (path, key) = (place.kind.path, &place.key);
            Ok(go_to(&app, &format!("{path}/{key}/versions/{version}")))
        }
        Ok(None) => Ok(go_to(&app, &path_of(&place))),
        Err(error) => {
            let again = Again {
                reason,
                ..Again::default()
            };
            refused(&app, &visitor, &place, again, error).await
        }
    }
}

/// The page again with what was typed, for what its reader can mend or must know.
async fn refused(
    app: &App,
    visitor: &Visitor,
    place: &Place,
    mut again: Again,
    error: Error,
) -> Result<HttpResponse> {
    let line = |target: Option<&str>, message: &str| SummaryLine {
        target: target.map(str::to_owned),
        message: sentence(message),
    };
    let status = status_of(&error);
    again.errors = match &error {
        Error::Invalid(wrong) => wrong
            .iter()
            .map(|one| line(Some(&one.field), &one.message))
            .collect(),
        Error::Stale { .. } if again.text.is_some() => {
            let message = "somebody changed this draft meanwhile. What you typed stands below and \
                           is not saved; saving replaces what they wrote";
            vec![line(Some("text"), message)]
        }
        Error::Stale { .. } => {
            let message = "somebody changed this draft meanwhile, and nothing was done: look at \
                           what stands there now and try again";
            vec![line(None, message)]
        }
        Error::Draft(refusal) => vec![line(None, &refusal.to_string())],
        _ => return Err(error),
    };
    draw(app, visitor, place, again, status).await
}

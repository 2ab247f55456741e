//! Drafts as pages: begun, written, looked at, proposed, published by somebody else or sent back.
use super::view::{DraftLine, DraftView, line};
use super::{Draft, Examined, Start, TEMPLATES, simulate};
use crate::app::App;
use crate::db::{Conn, DraftId, Tx};
use crate::error::{Error, Result};
use crate::form::SummaryLine;
use crate::ledger::Actor;
use crate::review::drafts;
use crate::review::service::Desk;
use crate::review::simulation::Simulation;
use crate::review::words::{sentence, typed};
use crate::web::answer::{go_to, page, page_with, status_of};
use crate::web::once::{Key, once};
use crate::web::session::Visitor;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

/// Reviews that are replayed for the entry of a publication.
pub(super) const LAST: i64 = 50;

pub(super) type Pairs = Vec<(String, String)>;
pub(super) type Posted = web::Form<Pairs>;
pub(super) type Place = web::Path<(String, String)>;

pub(super) fn value(pairs: &Pairs, name: &str) -> String {
    let found = pairs.iter().find(|(known, _)| known == name);
    found.map_or_else(String::new, |(_, value)| typed(value))
}

pub(super) fn seen(pairs: &Pairs) -> i32 {
    value(pairs, "seen").parse().unwrap_or(0)
}

pub(super) fn draft_id(text: &str) -> Result<DraftId> {
    text.parse().map_err(|_| Error::not_found("draft", text))
}

#[derive(Serialize)]
struct ListPage {
    key: String,
    in_force: i32,
    drafts: Vec<DraftLine>,
    may_keep: bool,
}

/// `GET /workflows/{key}/drafts`
///
/// # Errors
/// When the database fails.
pub async fn list(
    app: web::Data<App>,
    visitor: Visitor,
    key: web::Path<String>,
) -> Result<HttpResponse> {
    visitor.must_see_drafts()?;
    let (key, may_keep) = (key.into_inner(), visitor.keeps_policy());
    let read = move |conn: &mut Conn| {
        let found = drafts::drafts(conn, Some(&key))?;
        let lines = found
            .iter()
            .map(|draft| line(conn, draft))
            .collect::<Result<_>>()?;
        Ok(ListPage {
            in_force: crate::review::workflows::in_force(conn, &key)?,
            key,
            drafts: lines,
            may_keep,
        })
    };
    let context = app.db.read(read).await?;
    page(&app, &visitor, "workflows", "workflow-drafts", &context)
}

#[derive(Serialize)]
struct NewPage {
    summary: Vec<SummaryLine>,
    key: String,
    error: Option<String>,
    templates: Vec<TemplateView>,
}

#[derive(Serialize)]
struct TemplateView {
    name: &'static str,
    what: &'static str,
    checked: bool,
}

fn draw_new(
    app: &App,
    visitor: &Visitor,
    (key, chosen): (&str, &str),
    error: Option<String>,
    status: StatusCode,
) -> Result<HttpResponse> {
    let template = |(name, what, _): &(&'static str, &'static str, &str)| TemplateView {
        name,
        what,
        checked: *name == chosen,
    };
    let message = error.clone().into_iter();
    let context = NewPage {
        summary: message
            .map(|message| SummaryLine {
                target: Some("key".to_owned()),
                message,
            })
            .collect(),
        key: key.to_owned(),
        error,
        templates: TEMPLATES.iter().map(template).collect(),
    };
    page_with(app, visitor, "workflows", "workflow-new", &context, status)
}

/// `GET /workflows/new`
///
/// # Errors
/// 403 for others than keepers of the policy.
pub async fn new(app: web::Data<App>, visitor: Visitor) -> Result<HttpResponse> {
    visitor.must_keep_policy()?;
    draw_new(&app, &visitor, ("", "small"), None, StatusCode::OK)
}

/// `POST /workflows`: a draft of a workflow there is none of yet.
///
/// # Errors
/// 403 for others than keepers of the policy.
pub async fn start(app: web::Data<App>, visitor: Visitor, form: Posted) -> Result<HttpResponse> {
    visitor.must_keep_policy()?;
    let pairs = form.into_inner();
    let (key, template) = (value(&pairs, "key"), value(&pairs, "template"));
    let start = Start::Template(template.clone());
    match begin(
        &app,
        &visitor,
        key.trim().to_owned(),
        start,
        "/workflows",
        &pairs,
    )
    .await
    {
        Ok(answer) => Ok(answer),
        Err(error @ (Error::Invalid(_) | Error::Draft(_))) => {
            let message = match &error {
                Error::Invalid(wrong) => wrong.first().map(|w| w.message.clone()),
                other => Some(other.to_string()),
            };
            let message = message.as_deref().map(sentence);
            draw_new(
                &app,
                &visitor,
                (&key, &template),
                message,
                status_of(&error),
            )
        }
        Err(other) => Err(other),
    }
}

/// `POST /workflows/{key}/drafts`: a draft from the version in force.
///
/// # Errors
/// 403 for others than keepers of the policy, 404.
pub async fn start_from(
    app: web::Data<App>,
    visitor: Visitor,
    key: web::Path<String>,
    form: Posted,
) -> Result<HttpResponse> {
    visitor.must_keep_policy()?;
    let (key, path) = (key.into_inner(), "/workflows/drafts");
    begin(&app, &visitor, key, Start::InForce, path, &form).await
}

async fn begin(
    app: &App,
    visitor: &Visitor,
    key: String,
    start: Start,
    path: &str,
    pairs: &Pairs,
) -> Result<HttpResponse> {
    let actor = visitor.actor()?;
    let (author, name) = (actor.clone(), key.clone());
    let sent = Key::of_form(visitor, path, pairs)?;
    let work = move |tx: &mut Tx, desk: &Desk| {
        let draft = drafts::begin(tx, desk, &author, &name, start)?;
        Ok(json!({ "id": draft.id }))
    };
    let answer = once(app, "draft_workflow", key.clone(), &actor, sent, work).await?;
    let id = answer.get("id").and_then(Value::as_str).unwrap_or_default();
    Ok(go_to(app, &format!("/workflows/{key}/drafts/{id}")))
}

/// How many reviews are replayed.
#[derive(Debug, Deserialize)]
pub struct Wanted {
    last: Option<i64>,
}

/// What comes back when something could not be done.
#[derive(Default)]
struct Again {
    text: Option<String>,
    reason: String,
    new: NewPart,
    errors: Vec<SummaryLine>,
}

/// A stage or a table that is to be added.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct NewPart {
    /// `stages` or `tables`.
    pub list: String,
    pub key: String,
    pub title: String,
}

#[derive(Serialize)]
struct DraftPage {
    summary: Vec<SummaryLine>,
    draft: DraftView,
    lines: Vec<String>,
    unsaved: bool,
    reason_typed: Vec<String>,
    new: NewPart,
}

/// `GET /workflows/{key}/drafts/{id}`, with `?last=N` for a simulation over the last reviews.
///
/// # Errors
/// 403, 404.
pub async fn show(
    app: web::Data<App>,
    visitor: Visitor,
    place: Place,
    wanted: web::Query<Wanted>,
) -> Result<HttpResponse> {
    visitor.must_see_drafts()?;
    let at = At::of(place)?;
    draw(
        &app,
        &visitor,
        &at,
        wanted.last,
        Again::default(),
        StatusCode::OK,
    )
    .await
}

/// Which draft.
#[derive(Debug, Clone)]
pub(super) struct At {
    pub key: String,
    pub id: DraftId,
}

impl At {
    pub fn of(place: Place) -> Result<At> {
        let (key, id) = place.into_inner();
        let id = draft_id(&id)?;
        Ok(At { key, id })
    }

    pub fn path(&self) -> String {
        format!("/workflows/{}/drafts/{}", self.key, self.id)
    }
}

async fn draw(
    app: &App,
    visitor: &Visitor,
    at: &At,
    last: Option<i64>,
    again: Again,
    status: StatusCode,
) -> Result<HttpResponse> {
    let (desk, who, at) = (app.desk.clone(), visitor.clone(), at.clone());
    let read = move |conn: &mut Conn| {
        let draft = drafts::draft(conn, &at.key, at.id)?;
        let text = again.text.as_ref().unwrap_or(&draft.text);
        Ok(DraftPage {
            summary: again.errors,
            lines: text.split('\n').map(str::to_owned).collect(),
            unsaved: *text != draft.text,
            reason_typed: again.reason.split('\n').map(str::to_owned).collect(),
            new: again.new,
            draft: DraftView::of(conn, &desk, &draft, &who, last)?,
        })
    };
    let context = app.db.read(read).await?;
    page_with(
        app,
        visitor,
        "workflows",
        "workflow-draft",
        &context,
        status,
    )
}

/// The page again with what was typed, for what its reader can mend or must know.
async fn again(
    app: &App,
    visitor: &Visitor,
    at: &At,
    mut again: Again,
    error: Error,
) -> Result<HttpResponse> {
    let (text, list) = (again.text.is_some(), again.new.list.clone());
    let line = |target: Option<&str>, message: &str| SummaryLine {
        target: target.map(str::to_owned),
        message: sentence(message),
    };
    let status = status_of(&error);
    again.errors = match &error {
        Error::Invalid(wrong) => {
            let target = |field: &str| match list.is_empty() {
                true => field.to_owned(),
                false => format!("new-{list}-{field}"),
            };
            let lines = wrong.iter();
            let lines = lines.map(|w| line(Some(&target(&w.field)), &w.message));
            lines.collect()
        }
        Error::Stale { .. } if !text => {
            let message = "somebody changed this draft meanwhile, and nothing was done: look at \
                           what stands there now and try again";
            vec![line(None, message)]
        }
        Error::BadRequest(message) => vec![line(Some("text"), message)],
        Error::Stale { .. } => {
            let message = "somebody changed this draft meanwhile. What you typed stands below; \
                           what is saved now is compared above. Saving replaces it";
            vec![line(Some("text"), message)]
        }
        Error::Draft(refusal) => vec![line(None, &refusal.to_string())],
        _ => return Err(error),
    };
    draw(app, visitor, at, None, again, status).await
}

/// The page again with the stage or table that could not be added, or moved.
pub(super) async fn again_with_new(
    app: &App,
    visitor: &Visitor,
    at: &At,
    new: NewPart,
    error: Error,
) -> Result<HttpResponse> {
    let typed = Again {
        new,
        ..Again::default()
    };
    again(app, visitor, at, typed, error).await
}

/// `POST /workflows/{key}/drafts/{id}`: saves the text.
///
/// # Errors
/// 403, 404.
pub async fn save(
    app: web::Data<App>,
    visitor: Visitor,
    place: Place,
    form: Posted,
) -> Result<HttpResponse> {
    visitor.must_keep_policy()?;
    let (at, pairs) = (At::of(place)?, form.into_inner());
    let (text, seen) = (value(&pairs, "text"), seen(&pairs));
    let (place, saved, actor) = (at.clone(), text.clone(), visitor.actor()?);
    let author = actor.clone();
    let work = move |tx: &mut Tx, desk: &Desk| {
        drafts::save(tx, desk, &author, (&place.key, place.id), seen, saved)
    };
    let done = app
        .command("save_draft", at.id.to_string(), &actor, work)
        .await;
    match done {
        Ok(_) => Ok(go_to(&app, &at.path())),
        Err(error) => {
            let typed = Again {
                text: Some(text),
                ..Again::default()
            };
            again(&app, &visitor, &at, typed, error).await
        }
    }
}

/// What a deed of a draft is given.
pub(super) type Sight<'a> = (&'a At, i32, &'a Examined, Option<&'a Simulation>);

/// Looks at a draft, then does something with it as one command.
pub(super) async fn with_sight<T: Send + 'static>(
    app: &App,
    actor: &Actor,
    name: &'static str,
    (at, seen): (&At, i32),
    simulated: bool,
    work: impl FnOnce(&mut Tx, &Desk, &Actor, Sight) -> Result<T> + Send + 'static,
) -> Result<T> {
    let (desk, place) = (app.desk.clone(), at.clone());
    let look = move |conn: &mut Conn| {
        let draft: Draft = drafts::draft(conn, &place.key, place.id)?;
        let examined: Arc<Examined> = drafts::examined(&desk, &draft)?;
        let tried = match simulated {
            true => simulate(conn, &desk, &examined, LAST)?,
            false => None,
        };
        Ok((examined, tried))
    };
    let (examined, tried) = app.db.read(look).await?;
    let (author, place) = (actor.clone(), at.clone());
    let work = move |tx: &mut Tx, desk: &Desk| {
        work(tx, desk, &author, (&place, seen, &examined, tried.as_ref()))
    };
    app.command(name, at.id.to_string(), actor, work).await
}

/// `POST /workflows/{key}/drafts/{id}/proposal`
///
/// # Errors
/// 403, 404.
pub async fn propose(
    app: web::Data<App>,
    visitor: Visitor,
    place: Place,
    form: Posted,
) -> Result<HttpResponse> {
    visitor.must_keep_policy()?;
    let (at, seen, actor) = (At::of(place)?, seen(&form), visitor.actor()?);
    let work = |tx: &mut Tx, desk: &Desk, actor: &Actor, (at, seen, examined, _): Sight| {
        drafts::propose(tx, desk, actor, (&at.key, at.id), seen, examined).map(drop)
    };
    match with_sight(&app, &actor, "propose_draft", (&at, seen), false, work).await {
        Ok(()) => Ok(go_to(&app, &at.path())),
        Err(error) => again(&app, &visitor, &at, Again::default(), error).await,
    }
}

/// `POST /workflows/{key}/drafts/{id}/publication`
///
/// # Errors
/// 403, 404.
pub async fn publish(
    app: web::Data<App>,
    visitor: Visitor,
    place: Place,
    form: Posted,
) -> Result<HttpResponse> {
    visitor.must_keep_policy()?;
    let (at, seen, actor) = (At::of(place)?, seen(&form), visitor.actor()?);
    let work = |tx: &mut Tx, desk: &Desk, actor: &Actor, (at, seen, examined, tried): Sight| {
        drafts::publish(tx, desk, actor, (&at.key, at.id), seen, examined, tried)
    };
    match with_sight(&app, &actor, "publish_draft", (&at, seen), true, work).await {
        Ok(version) => Ok(go_to(&app, &format!("/workflows/{}/{version}", at.key))),
        Err(error) => again(&app, &visitor, &at, Again::default(), error).await,
    }
}

/// `POST /workflows/{key}/drafts/{id}/return`
///
/// # Errors
/// 403, 404.
pub async fn send_back(
    app: web::Data<App>,
    visitor: Visitor,
    place: Place,
    form: Posted,
) -> Result<HttpResponse> {
    visitor.must_keep_policy()?;
    let (at, seen, actor) = (At::of(place)?, seen(&form), visitor.actor()?);
    let reason = value(&form, "reason");
    let (place, author, why) = (at.clone(), actor.clone(), reason.clone());
    let work = move |tx: &mut Tx, desk: &Desk| {
        drafts::send_back(tx, desk, &author, (&place.key, place.id), seen, &why).map(drop)
    };
    let done = app
        .command("return_draft", at.id.to_string(), &actor, work)
        .await;
    match done {
        Ok(()) => Ok(go_to(&app, &at.path())),
        Err(error) => {
            let typed = Again {
                reason,
                ..Again::default()
            };
            again(&app, &visitor, &at, typed, error).await
        }
    }
}

/// `POST /workflows/{key}/drafts/{id}/base`: takes the version in force as the base.
///
/// # Errors
/// 403, 404.
pub async fn rebase(
    app: web::Data<App>,
    visitor: Visitor,
    place: Place,
    form: Posted,
) -> Result<HttpResponse> {
    visitor.must_keep_policy()?;
    let (at, seen, actor) = (At::of(place)?, seen(&form), visitor.actor()?);
    let (place, author) = (at.clone(), actor.clone());
    let work = move |tx: &mut Tx, desk: &Desk| {
        drafts::rebase(tx, desk, &author, (&place.key, place.id), seen).map(drop)
    };
    let done = app
        .command("rebase_draft", at.id.to_string(), &actor, work)
        .await;
    match done {
        Ok(()) => Ok(go_to(&app, &at.path())),
        Err(error) => again(&app, &visitor, &at, Again::default(), error).await,
    }
}

/// `POST /workflows/{key}/drafts/{id}/discard`: gives it up.
///
/// # Errors
/// 403, 404.
pub async fn discard(
    app: web::Data<App>,
    visitor: Visitor,
    place: Place,
    form: Posted,
) -> Result<HttpResponse> {
    visitor.must_keep_policy()?;
    let (at, seen, actor) = (At::of(place)?, seen(&form), visitor.actor()?);
    let (place, author) = (at.clone(), actor.clone());
    let work = move |tx: &mut Tx, desk: &Desk| {
        drafts::discard(tx, desk, &author, (&place.key, place.id), seen).map(drop)
    };
    let done = app
        .command("discard_draft", at.id.to_string(), &actor, work)
        .await;
    match done {
        Ok(()) => Ok(go_to(&app, &at.path())),
        Err(error) => again(&app, &visitor, &at, Again::default(), error).await,
    }
}

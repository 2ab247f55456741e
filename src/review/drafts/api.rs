//! Drafts of workflows over the API.
use super::page::{At, Sight, with_sight};
use super::view::{changes, line, problems};
use super::{Draft, Start, examined};
use crate::app::App;
use crate::db::{Conn, Tx};
use crate::error::Result;
use crate::ledger::Actor;
use crate::review::drafts;
use crate::review::service::Desk;
use crate::web::once::{Key, once};
use crate::web::session::Visitor;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

type Place = web::Path<(String, String)>;

/// A draft as the API lists it.
fn summary(conn: &mut Conn, draft: &Draft) -> Result<Value> {
    let shown = line(conn, draft)?;
    Ok(json!({
        "id": draft.id, "key": draft.key, "base_version": draft.base,
        "state": draft.state.as_str(), "seen": draft.seen, "authors": shown.authors,
        "created_at": draft.created_at.to_string(), "changed_at": draft.changed_at.to_string(),
    }))
}

fn whole(conn: &mut Conn, desk: &Desk, draft: &Draft) -> Result<Value> {
    let looked = examined(desk, draft)?;
    let mut answer = summary(conn, draft)?;
    if let Some(members) = answer.as_object_mut() {
        let mut add = |name: &str, value: Value| members.insert(name.to_owned(), value);
        add("text", draft.text.as_str().into());
        add("problems", json!(problems(conn, desk, &looked)?));
        add("dry_run", json!(looked.found.dry_run));
        add("changes", json!(changes(conn, desk, draft)?));
        add("reason", json!(drafts::reason(conn, draft)?));
    }
    Ok(answer)
}

/// `GET /api/v1/workflows/{key}/drafts`
///
/// # Errors
/// 403 for others than keepers of the policy and readers of the log.
pub async fn list(
    app: web::Data<App>,
    visitor: Visitor,
    key: web::Path<String>,
) -> Result<HttpResponse> {
    visitor.must_see_drafts()?;
    let key = key.into_inner();
    let read = move |conn: &mut Conn| {
        let found = drafts::drafts(conn, Some(&key))?;
        found
            .iter()
            .map(|draft| summary(conn, draft))
            .collect::<Result<Vec<Value>>>()
    };
    let found = app.db.read(read).await?;
    Ok(HttpResponse::Ok().json(json!({ "drafts": found })))
}

/// `GET /api/v1/workflows/{key}/drafts/{id}`
///
/// # Errors
/// 403, 404.
pub async fn show(app: web::Data<App>, visitor: Visitor, place: Place) -> Result<HttpResponse> {
    visitor.must_see_drafts()?;
    answer(&app, &At::of(place)?).await
}

async fn answer(app: &App, at: &At) -> Result<HttpResponse> {
    let (desk, at) = (app.desk.clone(), at.clone());
    let read = move |conn: &mut Conn| {
        let draft = drafts::draft(conn, &at.key, at.id)?;
        whole(conn, &desk, &draft)
    };
    Ok(HttpResponse::Ok().json(app.db.read(read).await?))
}

/// What a draft begins with: a text, a template, or the version in force without either.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NewDraft {
    text: Option<String>,
    template: Option<String>,
}

/// `POST /api/v1/workflows/{key}/drafts`
///
/// # Errors
/// 403, 404, 409, 422.
pub async fn create(
    app: web::Data<App>,
    visitor: Visitor,
    key: web::Path<String>,
    request: HttpRequest,
    body: web::Json<NewDraft>,
) -> Result<HttpResponse> {
    visitor.must_keep_policy()?;
    let sent = Key::of(&request, &visitor, &json!(*body))?;
    let start = match body.into_inner() {
        NewDraft {
            text: Some(text), ..
        } => Start::Text(text),
        NewDraft {
            template: Some(name),
            ..
        } => Start::Template(name),
        _ => Start::InForce,
    };
    let (key, actor) = (key.into_inner(), visitor.actor()?);
    let (author, name) = (actor.clone(), key.clone());
    let work = move |tx: &mut Tx, desk: &Desk| {
        let draft = drafts::begin(tx, desk, &author, &name, start)?;
        summary(tx, &draft)
    };
    let answer = once(&app, "draft_workflow", key, &actor, sent, work).await?;
    Ok(HttpResponse::Created().json(answer))
}

/// A text for a draft, by somebody who saw it as it stood.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewText {
    seen: i32,
    text: String,
}

/// `PUT /api/v1/workflows/{key}/drafts/{id}`
///
/// # Errors
/// 403, 404, 409, 422.
pub async fn save(
    app: web::Data<App>,
    visitor: Visitor,
    place: Place,
    body: web::Json<NewText>,
) -> Result<HttpResponse> {
    visitor.must_keep_policy()?;
    let (at, actor, body) = (At::of(place)?, visitor.actor()?, body.into_inner());
    let (place, author) = (at.clone(), actor.clone());
    let work = move |tx: &mut Tx, desk: &Desk| {
        drafts::save(
            tx,
            desk,
            &author,
            (&place.key, place.id),
            body.seen,
            body.text,
        )
        .map(drop)
    };
    app.command("save_draft", at.id.to_string(), &actor, work)
        .await?;
    answer(&app, &at).await
}

/// Which state of the draft was seen.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    seen: i32,
}

/// `POST /api/v1/workflows/{key}/drafts/{id}/proposal`
///
/// # Errors
/// 403, 404, 409, 422.
pub async fn propose(
    app: web::Data<App>,
    visitor: Visitor,
    place: Place,
    body: web::Json<Seen>,
) -> Result<HttpResponse> {
    visitor.must_keep_policy()?;
    let (at, actor) = (At::of(place)?, visitor.actor()?);
    let work = |tx: &mut Tx, desk: &Desk, actor: &Actor, (at, seen, examined, _): Sight| {
        drafts::propose(tx, desk, actor, (&at.key, at.id), seen, examined).map(drop)
    };
    with_sight(&app, &actor, "propose_draft", (&at, body.seen), false, work).await?;
    answer(&app, &at).await
}

/// `POST /api/v1/workflows/{key}/drafts/{id}/publication`
///
/// # Errors
/// 403, 404, 409, 422.
pub async fn publish(
    app: web::Data<App>,
    visitor: Visitor,
    place: Place,
    body: web::Json<Seen>,
) -> Result<HttpResponse> {
    visitor.must_keep_policy()?;
    let (at, actor) = (At::of(place)?, visitor.actor()?);
    let work = |tx: &mut Tx, desk: &Desk, actor: &Actor, (at, seen, examined, tried): Sight| {
        drafts::publish(tx, desk, actor, (&at.key, at.id), seen, examined, tried)
    };
    let seen = (&at, body.seen);
    let version = with_sight(&app, &actor, "publish_draft", seen, true, work).await?;
    Ok(HttpResponse::Created().json(json!({ "key": at.key, "version": version })))
}

/// Why a draft is sent back, by somebody who saw it as it stood.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Return {
    seen: i32,
    reason: String,
}

/// `POST /api/v1/workflows/{key}/drafts/{id}/return`
///
/// # Errors
/// 403, 404, 409, 422.
pub async fn send_back(
    app: web::Data<App>,
    visitor: Visitor,
    place: Place,
    body: web::Json<Return>,
) -> Result<HttpResponse> {
    visitor.must_keep_policy()?;
    let (at, actor, body) = (At::of(place)?, visitor.actor()?, body.into_inner());
    let (place, author) = (at.clone(), actor.clone());
    let work = move |tx: &mut Tx, desk: &Desk| {
        let place = (place.key.as_str(), place.id);
        drafts::send_back(tx, desk, &author, place, body.seen, &body.reason).map(drop)
    };
    app.command("return_draft", at.id.to_string(), &actor, work)
        .await?;
    answer(&app, &at).await
}

/// `POST /api/v1/workflows/{key}/drafts/{id}/discard`
///
/// # Errors
/// 403, 404, 409.
pub async fn discard(
    app: web::Data<App>,
    visitor: Visitor,
    place: Place,
    body: web::Json<Seen>,
) -> Result<HttpResponse> {
    visitor.must_keep_policy()?;
    let (at, actor) = (At::of(place)?, visitor.actor()?);
    let (place, author) = (at.clone(), actor.clone());
    let work = move |tx: &mut Tx, desk: &Desk| {
        let place = (place.key.as_str(), place.id);
        drafts::discard(tx, desk, &author, place, body.seen).map(drop)
    };
    app.command("discard_draft", at.id.to_string(), &actor, work)
        .await?;
    answer(&app, &at).await
}

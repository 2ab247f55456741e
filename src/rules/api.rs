//! Documents that say rules, and their drafts, over the API.
use super::drafts::{self, Place};
use super::page::{authors, done, key_of, kind_of, place_of};
use super::{Head, KINDS, store};
use crate::app::App;
use crate::db::{Conn, Tx};
use crate::error::{Error, Result};
use crate::review::Desk;
use crate::web::once::{Key, once};
use crate::web::session::Visitor;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What a list says of a version.
pub fn head(head: &Head) -> Value {
    json!({
        "key": head.key, "version": head.version, "title": head.title, "hash": head.hash,
        "published_at": head.published_at.to_string(), "published_by": head.published_by,
    })
}

/// `GET /api/v1/rules`: the kinds of rules.
///
/// # Errors
/// None.
pub async fn kinds() -> Result<HttpResponse> {
    let kind = |kind: &&super::Kind| json!({ "name": name(kind.path), "title": kind.plural });
    let all: Vec<Value> = KINDS.iter().map(kind).collect();
    Ok(HttpResponse::Ok().json(json!({ "kinds": all })))
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// `GET /api/v1/rules/{rules}`: the documents of a kind that are in force.
///
/// # Errors
/// 404.
pub async fn list(app: web::Data<App>, request: HttpRequest) -> Result<HttpResponse> {
    let kind = kind_of(&request)?;
    let heads = app.db.read(move |conn| store::heads(conn, kind)).await?;
    let all: Vec<Value> = heads.iter().map(head).collect();
    Ok(HttpResponse::Ok().json(json!({ "documents": all })))
}

/// `GET …/{key}/versions`
///
/// # Errors
/// 404.
pub async fn versions(app: web::Data<App>, request: HttpRequest) -> Result<HttpResponse> {
    let (kind, key) = (kind_of(&request)?, key_of(&request));
    let read = move |conn: &mut Conn| store::versions_of(conn, kind, &key);
    let all: Vec<Value> = app.db.read(read).await?.iter().map(head).collect();
    Ok(HttpResponse::Ok().json(json!({ "versions": all })))
}

/// `GET /api/v1/rules/{rules}/{key}` and `…/versions/{version}`: a version and its document.
///
/// # Errors
/// 404.
pub async fn version(app: web::Data<App>, request: HttpRequest) -> Result<HttpResponse> {
    let (kind, key) = (kind_of(&request)?, key_of(&request));
    let number: Option<i32> = match request.match_info().get("version") {
        Some(text) => Some(
            text.parse()
                .map_err(|_| Error::not_found("version", text))?,
        ),
        None => None,
    };
    let read = move |conn: &mut Conn| {
        let in_force = store::in_force(conn, kind, &key)?;
        let number = number.unwrap_or(in_force);
        let mut whole = head(&store::version(conn, kind, &key, number)?);
        let text = store::source(conn, kind, &key, number)?.1;
        if let Some(members) = whole.as_object_mut() {
            members.insert("in_force".to_owned(), (number == in_force).into());
            members.insert("document".to_owned(), serde_json::from_str(&text)?);
        }
        Ok(whole)
    };
    Ok(HttpResponse::Ok().json(app.db.read(read).await?))
}

fn summary(conn: &mut Conn, draft: &drafts::Draft) -> Result<Value> {
    Ok(json!({
        "id": draft.id, "key": draft.key, "base_version": draft.base,
        "state": draft.state.as_str(), "seen": draft.seen, "authors": authors(conn, draft)?,
        "created_at": draft.created_at.to_string(), "changed_at": draft.changed_at.to_string(),
    }))
}

/// `GET …/{key}/drafts`
///
/// # Errors
/// 403 for others than keepers of the kind and readers of the log.
pub async fn draft_list(
    app: web::Data<App>,
    visitor: Visitor,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let (kind, key) = (kind_of(&request)?, key_of(&request));
    visitor.must_see_drafts_of(kind.keepers)?;
    let read = move |conn: &mut Conn| {
        let found = drafts::all(conn, kind, Some(&key))?;
        found
            .iter()
            .map(|draft| summary(conn, draft))
            .collect::<Result<Vec<Value>>>()
    };
    let all = app.db.read(read).await?;
    Ok(HttpResponse::Ok().json(json!({ "drafts": all })))
}

/// What a draft begins with: a text, or the version in force without one.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NewDraft {
    #[serde(default)]
    text: Option<String>,
}

/// `POST …/{key}/drafts`
///
/// # Errors
/// 403, 404, 422.
pub async fn begin(
    app: web::Data<App>,
    visitor: Visitor,
    request: HttpRequest,
    body: web::Json<NewDraft>,
) -> Result<HttpResponse> {
    let (kind, key) = (kind_of(&request)?, key_of(&request));
    visitor.must_keep(kind.keepers)?;
    let (actor, body) = (visitor.actor()?, body.into_inner());
    let sent = Key::of(&request, &visitor, &json!(body))?;
    let (author, name) = (actor.clone(), key.clone());
    let work = move |tx: &mut Tx, desk: &Desk| {
        let draft = drafts::begin(tx, desk, &author, (kind, &name), body.text)?;
        summary(tx, &draft)
    };
    let answer = once(&app, "draft_rules", key, &actor, sent, work).await?;
    Ok(HttpResponse::Created().json(answer))
}

/// `GET …/{key}/drafts/{id}`: a draft, what is wrong with it, and what it changes.
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
    let whole = whole(&app, place).await?;
    Ok(HttpResponse::Ok().json(whole))
}

async fn whole(app: &App, place: Place) -> Result<Value> {
    let desk = app.desk.clone();
    let read = move |conn: &mut Conn| {
        let draft = drafts::one(conn, &place)?;
        let found = drafts::examined(conn, &desk, &draft)?;
        let mut whole = summary(conn, &draft)?;
        if let Some(members) = whole.as_object_mut() {
            members.extend(found.effect.facts);
            let mut add = |name: &str, value: Value| members.insert(name.to_owned(), value);
            add("text", draft.text.as_str().into());
            add("problems", json!(found.problems));
            add("reason", json!(drafts::reason(conn, &draft)?));
        }
        Ok(whole)
    };
    app.db.read(read).await
}

/// A text for a draft, by somebody who saw it as it stood.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewText {
    seen: i32,
    text: String,
}

/// `PUT …/{key}/drafts/{id}`
///
/// # Errors
/// 403, 404, 409, 422.
pub async fn save(
    app: web::Data<App>,
    visitor: Visitor,
    request: HttpRequest,
    body: web::Json<NewText>,
) -> Result<HttpResponse> {
    let place = place_of(&request)?;
    visitor.must_keep(place.kind.keepers)?;
    let actor = visitor.actor()?;
    let (at, author, body) = (place.clone(), actor.clone(), body.into_inner());
    let work = move |tx: &mut Tx, desk: &Desk| {
        drafts::save(tx, desk, &author, &at, body.seen, body.text).map(drop)
    };
    app.command("save_rules_draft", place.id.to_string(), &actor, work)
        .await?;
    Ok(HttpResponse::Ok().json(whole(&app, place).await?))
}

/// What is done with a draft, by somebody who saw it as it stood.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deed {
    seen: i32,
    #[serde(default)]
    reason: String,
}

/// `POST …/{key}/drafts/{id}/{deed}`
///
/// # Errors
/// 403, 404, 409, 422.
pub async fn deed(
    app: web::Data<App>,
    visitor: Visitor,
    request: HttpRequest,
    body: web::Json<Deed>,
) -> Result<HttpResponse> {
    let (place, body) = (place_of(&request)?, body.into_inner());
    let what = request
        .path()
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .to_owned();
    let made = done(&app, &visitor, &place, &what, body.seen, body.reason).await?;
    match made {
        Some(version) => {
            let answer = json!({ "key": place.key, "version": version });
            Ok(HttpResponse::Created().json(answer))
        }
        None => Ok(HttpResponse::Ok().json(whole(&app, place).await?)),
    }
}

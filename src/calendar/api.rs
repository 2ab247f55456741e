//! Calendars over the API.

use super::{self as calendar, Head};
use crate::app::App;
use crate::db::{Conn, Tx};
use crate::error::{Error, Result};
use crate::review::Desk;
use crate::web::session::Visitor;
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};

/// `GET /api/v1/calendars`: every version, the newest of each first.
///
/// # Errors
/// When the database fails.
pub async fn list(app: web::Data<App>) -> Result<HttpResponse> {
    let versions = app.db.read(calendar::versions).await?;
    let versions: Vec<Value> = versions.iter().map(summary).collect();
    Ok(HttpResponse::Ok().json(json!({ "calendars": versions })))
}

fn summary(head: &Head) -> Value {
    json!({
        "key": head.key, "version": head.version, "title": head.title, "hash": head.hash,
        "kept_at": head.kept_at.to_string(),
    })
}

/// Which version is asked for.
#[derive(Debug, Deserialize)]
pub struct Wanted {
    version: Option<i32>,
}

/// `GET /api/v1/calendars/{key}`, with `?version=N` for another than the one in force.
///
/// # Errors
/// 404.
pub async fn show(
    app: web::Data<App>,
    path: web::Path<String>,
    wanted: web::Query<Wanted>,
) -> Result<HttpResponse> {
    let (key, wanted) = (path.into_inner(), wanted.version);
    let answer = app.db.read(move |conn| full(conn, &key, wanted)).await?;
    Ok(with_tag(&answer))
}

fn full(conn: &mut Conn, key: &str, wanted: Option<i32>) -> Result<Value> {
    let heads = calendar::versions_of(conn, key)?;
    let mut heads = heads.iter();
    let head = heads.find(|head| wanted.is_none_or(|number| head.version == number));
    let number = wanted.unwrap_or_default();
    let missing = || Error::not_found("calendar", format!("{key} version {number}"));
    let head = head.ok_or_else(missing)?;
    let (_, text) = calendar::source(conn, key, head.version)?;
    let mut answer = summary(head);
    if let Some(members) = answer.as_object_mut() {
        members.insert("document".to_owned(), serde_json::from_str(&text)?);
    }
    Ok(answer)
}

fn with_tag(answer: &Value) -> HttpResponse {
    let version = answer.get("version").and_then(Value::as_i64).unwrap_or(0);
    HttpResponse::Ok()
        .insert_header((header::ETAG, format!("\"{version}\"")))
        .json(answer)
}

/// A calendar as a program sends it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    document: Value,
}

/// `PUT /api/v1/calendars/{key}`: its next version, with `If-Match`; the first without.
///
/// # Errors
/// 403 for others than keepers of the policy, 409 when it changed meanwhile, 422 with the places
/// that are wrong.
pub async fn keep(
    app: web::Data<App>,
    visitor: Visitor,
    path: web::Path<String>,
    request: HttpRequest,
    body: web::Json<Content>,
) -> Result<HttpResponse> {
    visitor.must_keep_policy()?;
    let (key, document) = (path.into_inner(), body.into_inner().document);
    if document
        .get("key")
        .and_then(Value::as_str)
        .is_some_and(|other| other != key)
    {
        let sentence = "the key of the document is not that of the address";
        return Err(Error::BadRequest(sentence.to_owned()));
    }
    let (actor, seen) = (visitor.actor()?, seen(&request)?);
    let (author, name) = (actor.clone(), key.clone());
    let work = move |tx: &mut Tx, desk: &Desk| match calendar::revise(
        tx,
        desk.clock.now(),
        &author,
        seen,
        &document,
    ) {
        Err(Error::Stale { seen: 0, .. }) => {
            let sentence = "send If-Match with the ETag of the version you saw";
            Err(Error::BadRequest(sentence.to_owned()))
        }
        kept => kept.and_then(|_| full(tx, &name, None)),
    };
    let answer = app.command("keep_calendar", key, &actor, work).await?;
    Ok(with_tag(&answer))
}

/// The version that `If-Match` names; 0 without.
fn seen(request: &HttpRequest) -> Result<i32> {
    let Some(tag) = request.headers().get(header::IF_MATCH) else {
        return Ok(0);
    };
    let tag = tag.to_str().unwrap_or_default().trim();
    let number = tag.trim_start_matches("W/").trim_matches('"').parse().ok();
    number.ok_or_else(|| Error::BadRequest("If-Match: send the ETag of a version".to_owned()))
}

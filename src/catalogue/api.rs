//! The catalogue and joining over the API.
use super::joins::{self, Given, Offer};
use super::page::wanted;
use super::{spend, store, tools};
use crate::app::App;
use crate::db::{Conn, Tx};
use crate::error::{Error, Result};
use crate::register;
use crate::review::Desk;
use crate::web::once::{Key, once};
use crate::web::session::Visitor;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Joined use cases that an answer names.
const SHOWN: i64 = 100;

/// `GET /api/v1/catalogue`
///
/// # Errors
/// 400 for parameters that are none.
pub async fn list(
    app: web::Data<App>,
    visitor: Visitor,
    pairs: web::Query<Vec<(String, String)>>,
) -> Result<HttpResponse> {
    const NAMES: [&str; 7] = [
        "q", "vendor", "category", "class", "verdict", "after", "from",
    ];
    let odd = pairs
        .iter()
        .find(|(name, _)| !NAMES.contains(&name.as_str()));
    if let Some((name, _)) = odd {
        return Err(Error::BadRequest(format!("there is no parameter {name}")));
    }
    let (wanted, within) = (wanted(&pairs)?, visitor.register_query()?);
    let desk = app.desk.clone();
    let found = app
        .db
        .read(move |conn| tools::catalogue(conn, &desk, &wanted, &within))
        .await?;
    Ok(HttpResponse::Ok().json(found))
}

/// `GET /api/v1/catalogue/spend`
///
/// # Errors
/// When the database fails.
pub async fn spend(app: web::Data<App>, visitor: Visitor) -> Result<HttpResponse> {
    let (desk, within) = (app.desk.clone(), visitor.register_query()?);
    let groups = app
        .db
        .read(move |conn| spend::spend(conn, &desk, &within))
        .await?;
    Ok(HttpResponse::Ok().json(json!({ "groups": groups })))
}

/// `GET /api/v1/catalogue/{reference}`
///
/// # Errors
/// 404.
pub async fn tool(app: web::Data<App>, path: web::Path<String>) -> Result<HttpResponse> {
    let desk = app.desk.clone();
    let read = move |conn: &mut Conn| {
        let record = register::by_reference(conn, "tool", &path)?;
        let version = tools::policy(conn, &desk)?;
        let cards = tools::cards(conn, &desk, version.as_deref(), &[record])?;
        let card = cards.into_iter().next();
        card.ok_or_else(|| Error::not_found("record", path.as_str()))
    };
    Ok(HttpResponse::Ok().json(app.db.read(read).await?))
}

/// `GET /api/v1/use-cases/{reference}/joins`: whether it may be joined, what must be confirmed,
/// who joined.
///
/// # Errors
/// 404, also for a use case that nothing approved.
pub async fn offer(
    app: web::Data<App>,
    visitor: Visitor,
    path: web::Path<String>,
) -> Result<HttpResponse> {
    let (desk, within) = (app.desk.clone(), visitor.register_query()?);
    let read = move |conn: &mut Conn| {
        let record = register::by_reference(conn, "use_case", &path)?;
        let none = || Error::not_found("approval of", path.as_str());
        let offer = Offer::read(conn, &desk, record)?.ok_or_else(none)?;
        told(conn, &offer, &within)
    };
    Ok(HttpResponse::Ok().json(app.db.read(read).await?))
}

fn told(conn: &mut Conn, offer: &Offer, within: &tools::Within) -> Result<Value> {
    let joined = store::joins_of(conn, offer.base.record.id, SHOWN)?;
    let joined = store::visible(conn, joined, within)?;
    let joined = joined
        .iter()
        .map(|record| json!({ "reference": record.reference, "title": record.title }));
    Ok(json!({
        "reference": offer.base.record.reference,
        "revision": offer.base.approval.revision,
        "digest": offer.base.approval.digest,
        "standing": offer.base.worth.as_str(),
        "open": offer.closed.is_none(),
        "closed_because": offer.closed,
        "conditions": offer.conditions,
        "places": offer.places,
        "count": offer.joined,
        "joined": joined.collect::<Vec<Value>>(),
    }))
}

/// `POST /api/v1/use-cases/{reference}/joins`
///
/// # Errors
/// 404, 409 for another revision, 422 for what is missing or outside of the approval.
pub async fn join(
    app: web::Data<App>,
    visitor: Visitor,
    path: web::Path<String>,
    request: HttpRequest,
    body: web::Json<Given>,
) -> Result<HttpResponse> {
    let (reference, given, actor) = (path.into_inner(), body.into_inner(), visitor.actor()?);
    let sent = Key::of(&request, &visitor, &json!(given))?;
    let (author, at) = (actor.clone(), reference.clone());
    let work = move |tx: &mut Tx, desk: &Desk| {
        let record = joins::join(tx, desk, &author, &at, &given)?;
        Ok(json!({ "reference": record.reference, "joined": at, "revision": record.revision }))
    };
    let made = once(&app, "join_approval", reference, &actor, sent, work).await?;
    Ok(HttpResponse::Created().json(made))
}

/// How many may join.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// None closes it; nothing said is as many as like.
    places: Option<i32>,
    /// Why.
    reason: String,
}

/// `PUT /api/v1/use-cases/{reference}/joins/limit`
///
/// # Errors
/// 403, 404, 422.
pub async fn limit(
    app: web::Data<App>,
    visitor: Visitor,
    path: web::Path<String>,
    body: web::Json<Limit>,
) -> Result<HttpResponse> {
    let (reference, given, actor) = (path.into_inner(), body.into_inner(), visitor.actor()?);
    let (author, at) = (actor.clone(), reference.clone());
    let work = move |tx: &mut Tx, desk: &Desk| {
        joins::set_limit(tx, desk, &author, &at, given.places, &given.reason).map(drop)
    };
    app.command("limit_joining", reference.clone(), &actor, work)
        .await?;
    offer(app, visitor, web::Path::from(reference)).await
}

//! Erasure, legal holds and retention over the API: a token with the scope `people` of an
//! administrator.
use super::deed::{Deed, Held, Kept, Proposed, Why};
use super::view::{self, View};
use crate::app::App;
use crate::error::{Error, Result};
use crate::people::ADMINISTRATOR;
use crate::web::once::{Key, once};
use crate::web::session::Visitor;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;
use std::str::FromStr;

type Shared = web::Data<App>;
type Id = web::Path<String>;

async fn read(app: &App, visitor: &Visitor) -> Result<View> {
    if !visitor.holds(&[ADMINISTRATOR]) {
        return Err(Error::Forbidden("this is for administrators".to_owned()));
    }
    app.db.read(view::read).await
}

async fn run(
    app: &App,
    visitor: &Visitor,
    request: &HttpRequest,
    deed: Deed,
) -> Result<HttpResponse> {
    let actor = visitor.actor()?;
    let key = Key::of(request, visitor, &serde_json::to_value(&deed)?)?;
    let (name, author) = (deed.name(), actor.clone());
    let subject = request.path().to_owned();
    let work =
        move |tx: &mut crate::db::Tx, desk: &crate::review::Desk| deed.run(tx, desk, &author);
    let answer = once(app, name, subject, &actor, key, work).await?;
    Ok(HttpResponse::Ok().json(answer))
}

fn id<T: FromStr>(what: &str, text: &str) -> Result<T> {
    text.parse().map_err(|_| Error::not_found(what, text))
}

/// `GET /api/v1/erasures`
///
/// # Errors
/// 403 for others than administrators.
pub async fn erasures(app: Shared, visitor: Visitor) -> Result<HttpResponse> {
    let view = read(&app, &visitor).await?;
    Ok(HttpResponse::Ok().json(json!({ "erasures": view.erasures })))
}

/// `POST /api/v1/erasures`
///
/// # Errors
/// 403, 409, 422.
pub async fn propose(
    app: Shared,
    visitor: Visitor,
    request: HttpRequest,
    body: web::Json<Proposed>,
) -> Result<HttpResponse> {
    run(&app, &visitor, &request, Deed::Propose(body.into_inner())).await
}

/// `POST /api/v1/erasures/{id}/agreement`
///
/// # Errors
/// 403, 404, 409.
pub async fn agree(
    app: Shared,
    visitor: Visitor,
    request: HttpRequest,
    path: Id,
) -> Result<HttpResponse> {
    let deed = Deed::Agree(id("proposal", &path)?);
    run(&app, &visitor, &request, deed).await
}

/// `POST /api/v1/erasures/{id}/refusal`
///
/// # Errors
/// 403, 404, 409, 422.
pub async fn decline(
    app: Shared,
    visitor: Visitor,
    request: HttpRequest,
    path: Id,
    body: web::Json<Why>,
) -> Result<HttpResponse> {
    let deed = Deed::Decline(id("proposal", &path)?, body.into_inner());
    run(&app, &visitor, &request, deed).await
}

/// `GET /api/v1/holds`
///
/// # Errors
/// 403 for others than administrators.
pub async fn holds(app: Shared, visitor: Visitor) -> Result<HttpResponse> {
    let view = read(&app, &visitor).await?;
    Ok(HttpResponse::Ok().json(json!({ "holds": view.holds })))
}

/// `POST /api/v1/holds`
///
/// # Errors
/// 403, 409, 422.
pub async fn hold(
    app: Shared,
    visitor: Visitor,
    request: HttpRequest,
    body: web::Json<Held>,
) -> Result<HttpResponse> {
    run(&app, &visitor, &request, Deed::Hold(body.into_inner())).await
}

/// `POST /api/v1/holds/{id}/end`
///
/// # Errors
/// 403, 404, 409, 422.
pub async fn lift(
    app: Shared,
    visitor: Visitor,
    request: HttpRequest,
    path: Id,
    body: web::Json<Why>,
) -> Result<HttpResponse> {
    let deed = Deed::Lift(id("legal hold", &path)?, body.into_inner());
    run(&app, &visitor, &request, deed).await
}

/// `GET /api/v1/retention`
///
/// # Errors
/// 403 for others than administrators.
pub async fn retention(app: Shared, visitor: Visitor) -> Result<HttpResponse> {
    let view = read(&app, &visitor).await?;
    Ok(HttpResponse::Ok().json(json!({ "rule": view.rule, "proposed": view.proposed_rule })))
}

/// `POST /api/v1/retention`
///
/// # Errors
/// 403, 409, 422.
pub async fn keep(
    app: Shared,
    visitor: Visitor,
    request: HttpRequest,
    body: web::Json<Kept>,
) -> Result<HttpResponse> {
    run(&app, &visitor, &request, Deed::Keep(body.into_inner())).await
}

/// `POST /api/v1/retention/{id}/agreement`
///
/// # Errors
/// 403, 404, 409.
pub async fn agree_to_keep(
    app: Shared,
    visitor: Visitor,
    request: HttpRequest,
    path: Id,
) -> Result<HttpResponse> {
    let deed = Deed::AgreeToKeep(id("retention rule", &path)?);
    run(&app, &visitor, &request, deed).await
}

/// `POST /api/v1/retention/{id}/refusal`
///
/// # Errors
/// 403, 404, 409, 422.
pub async fn decline_to_keep(
    app: Shared,
    visitor: Visitor,
    request: HttpRequest,
    path: Id,
    body: web::Json<Why>,
) -> Result<HttpResponse> {
    let deed = Deed::DeclineToKeep(id("retention rule", &path)?, body.into_inner());
    run(&app, &visitor, &request, deed).await
}

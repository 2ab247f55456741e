//! What a person wants of mail, over the API.
use crate::app::App;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::notify::page::{self, Mailing};
use crate::web::session::Visitor;
use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::json;

/// `GET /api/v1/profile/mail`
///
/// # Errors
/// When the database fails.
pub async fn wishes(app: web::Data<App>, visitor: Visitor) -> Result<HttpResponse> {
    let person = visitor.person()?.clone();
    let today = app.desk.today();
    let read = move |conn: &mut Conn| Mailing::of(conn, today, &person);
    let mailing = app.db.read(read).await?;
    Ok(HttpResponse::Ok().json(mailing))
}

/// What the person wants from now on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    digest: Option<bool>,
    checkpoints: Option<bool>,
}

/// `PUT /api/v1/profile/mail`
///
/// # Errors
/// When the database fails.
pub async fn wish(
    app: web::Data<App>,
    visitor: Visitor,
    wish: web::Json<Wish>,
) -> Result<HttpResponse> {
    if wish.digest.is_none() && wish.checkpoints.is_none() {
        let sentence = "say what you want: digest, checkpoints, or both, as true or false";
        return Err(Error::BadRequest(sentence.to_owned()));
    }
    if let Some(wanted) = wish.checkpoints {
        page::set_checkpoints(&app, &visitor, wanted).await?;
    }
    if let Some(wanted) = wish.digest {
        page::set_digest(&app, &visitor.actor()?, visitor.id()?, wanted).await?;
    }
    wishes(app, visitor).await
}

/// `POST /api/v1/profile/calendar`: the address is in this answer and in no other.
///
/// # Errors
/// When the database fails.
pub async fn make_calendar(app: web::Data<App>, visitor: Visitor) -> Result<HttpResponse> {
    let address = page::new_address(&app, &visitor).await?;
    Ok(HttpResponse::Created().json(json!({ "address": address })))
}

/// `DELETE /api/v1/profile/calendar`
///
/// # Errors
/// When the database fails.
pub async fn revoke_calendar(app: web::Data<App>, visitor: Visitor) -> Result<HttpResponse> {
    page::revoke(&app, &visitor).await?;
    Ok(HttpResponse::NoContent().finish())
}

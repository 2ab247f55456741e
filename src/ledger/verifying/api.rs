//! The same over the API.
use crate::app::App;
use crate::error::Result;
use crate::ledger::verifying::incoming::look;
use crate::ledger::verifying::{kept, keys};
use crate::web::session::Visitor;
use actix_web::{HttpResponse, web};
use serde::Deserialize;

/// What a file is held against.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Against {
    /// Keys of the log, one a line.
    vkey: String,
    /// A checkpoint from before, or what else holds one.
    since: String,
}

/// `POST /api/v1/log/verifications`: the verdict on the file in the body, which is never kept.
///
/// # Errors
/// For keys or a checkpoint that cannot be read, or while other files are being looked at.
pub async fn verify(
    app: web::Data<App>,
    visitor: Visitor,
    against: web::Query<Against>,
    body: web::Payload,
) -> Result<HttpResponse> {
    let (keys, since) = (keys(&against.vkey)?, kept(&against.since)?);
    let turn = app.verifying.take(visitor.actor()?.person)?;
    let found = look(turn, keys, since, body).await?;
    Ok(HttpResponse::Ok().json(found))
}

//! `/healthz` and `/readyz`, for whoever watches the process.
use crate::app::App;
use crate::error::Result;
use actix_web::{HttpResponse, web};
use serde_json::json;

/// The process answers; it says nothing of the database.
pub async fn alive() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "alive", "version": env!("CARGO_PKG_VERSION") }))
}

/// The database can be read.
///
/// # Errors
/// When it cannot.
pub async fn ready(app: web::Data<App>) -> Result<HttpResponse> {
    let (size, _) = app.db.read(crate::ledger::head).await?;
    let backend = app.db.backend().to_string();
    Ok(HttpResponse::Ok().json(json!({ "status": "ready", "database": backend, "entries": size })))
}

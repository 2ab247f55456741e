//! `/healthz` and `/readyz`, for whoever watches the process.
use crate::app::App;
use crate::error::Result;
use crate::ledger::seal;
use actix_web::{HttpResponse, web};
use serde_json::json;

/// The process answers; it says nothing of the database.
pub async fn alive() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "alive", "version": env!("CARGO_PKG_VERSION") }))
}

/// The database can be read. How the ledger is sealed is told besides: a program that may not
/// sign goes on serving, but whoever watches it must hear why.
///
/// # Errors
/// When it cannot.
pub async fn ready(app: web::Data<App>) -> Result<HttpResponse> {
    let (size, _) = app.db.read(crate::ledger::head).await?;
    let backend = app.db.backend().to_string();
    let seal = seal::standing(&app).await?;
    Ok(HttpResponse::Ok().json(json!({
        "status": "ready", "database": backend, "entries": size, "checkpoint": seal,
    })))
}

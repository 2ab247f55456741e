//! The auditor's desk over the API.
use crate::app::App;
use crate::audit::as_of::at_the_end_of;
use crate::audit::asked::Asked;
use crate::audit::take::taken;
use crate::error::Result;
use crate::web::session::Visitor;
use actix_web::{HttpResponse, web};
use serde::Deserialize;

/// What papers are about.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Wish {
    population: String,
    from: String,
    to: String,
    unit: String,
    drawing: String,
    seed: String,
    count: u32,
    size: Option<u64>,
}

/// `POST /api/v1/audit/papers`: counts, exceptions and a sample, each with its tests. That a
/// program took them is an entry.
///
/// # Errors
/// `Error::Invalid` naming every field that is wrong.
pub async fn papers(
    app: web::Data<App>,
    visitor: Visitor,
    wish: web::Json<Wish>,
) -> Result<HttpResponse> {
    let wish = wish.into_inner();
    let asked = Asked {
        population: wish.population,
        from: wish.from,
        to: wish.to,
        unit: wish.unit,
        drawing: wish.drawing,
        seed: wish.seed,
        count: wish.count.to_string(),
        size: wish.size.map(|size| size.to_string()).unwrap_or_default(),
        format: String::new(),
    };
    let drawn = taken(&app, &visitor, &asked, "json").await?;
    Ok(HttpResponse::Ok().json(drawn))
}

/// Which day.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    day: String,
}

/// `GET /api/v1/audit/as-of`: register, workflows and roles at the end of a day.
///
/// # Errors
/// `Error::Invalid` for what is no day, or none that the appointment covers.
pub async fn as_of(
    app: web::Data<App>,
    visitor: Visitor,
    which: web::Query<Which>,
) -> Result<HttpResponse> {
    let shown = at_the_end_of(&app, &visitor.scope, &which.day).await?;
    Ok(HttpResponse::Ok().json(shown))
}

//! Risk over the API.
use super::map::{Measure, map};
use super::{Given, Settling, assess, settle, store, view};
use crate::app::App;
use crate::db::{Conn, EscalationId, RecordId, Tx};
use crate::error::{Error, Result};
use crate::overview::{self, AREAS, Lens};
use crate::register;
use crate::review::Desk;
use crate::review::words::field;
use crate::web::once::{Key, once};
use crate::web::session::Visitor;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

type Shared = web::Data<App>;

/// `GET /api/v1/use-cases/{reference}/risk`
///
/// # Errors
/// 404.
pub async fn show(app: Shared, reference: web::Path<String>) -> Result<HttpResponse> {
    let (desk, reference) = (app.desk.clone(), reference.into_inner());
    let read = move |conn: &mut Conn| {
        let record = register::by_reference(conn, super::USE_CASE, &reference)?;
        let assessed = store::assessed(conn, &[record.id])?.remove(&record.id);
        let shown = match &assessed {
            Some(assessed) => Some(view::of(conn, &record, assessed, desk.today())?),
            None => None,
        };
        Ok(json!({
            "reference": record.reference, "revision": record.revision, "assessment": shown,
        }))
    };
    Ok(HttpResponse::Ok().json(app.db.read(read).await?))
}

/// `POST /api/v1/use-cases/{reference}/risk`
///
/// # Errors
/// 403, 404, 409, 422.
pub async fn record(
    app: Shared,
    visitor: Visitor,
    request: HttpRequest,
    path: web::Path<String>,
    given: web::Json<Given>,
) -> Result<HttpResponse> {
    let actor = visitor.actor()?;
    let key = Key::of(&request, &visitor, &json!(&*given))?;
    let (reference, author) = (path.into_inner(), actor.clone());
    let subject = reference.clone();
    let work = move |tx: &mut Tx, desk: &Desk| {
        let case = register::by_reference(tx, super::USE_CASE, &reference)?;
        let assessed = assess(tx, desk, &author, case.id, &given)?;
        let escalations = assessed.escalations.iter();
        let escalations: Vec<Value> = escalations
            .map(|one| json!({ "id": one.id, "role": one.role, "due_on": one.due_on.to_string() }))
            .collect();
        let assessment = &assessed.assessment;
        Ok(json!({
            "entry": assessment.seq, "tier": assessment.tier, "class": assessment.class,
            "valid_until": assessment.valid_until.to_string(), "escalations": escalations,
        }))
    };
    let answer = once(&app, "assess_risk", subject, &actor, key, work).await?;
    Ok(HttpResponse::Created().json(answer))
}

/// How an escalation is answered.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Answered {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    until: String,
}

/// `POST /api/v1/risk-escalations/{escalation}/acceptance` and `/return`
///
/// # Errors
/// 403, 404, 409, 422.
pub async fn settled(
    app: Shared,
    visitor: Visitor,
    request: HttpRequest,
    path: web::Path<String>,
    said: web::Json<Answered>,
) -> Result<HttpResponse> {
    let actor = visitor.actor()?;
    let key = Key::of(&request, &visitor, &json!(&*said))?;
    let missing = |_| Error::not_found("escalation", &path);
    let id: EscalationId = path.parse().map_err(missing)?;
    let word = request.path().rsplit('/').next().unwrap_or_default();
    let settling = Settling::named(word);
    let settling = settling.ok_or_else(|| Error::not_found("deed", word))?;
    let author = actor.clone();
    let work = move |tx: &mut Tx, desk: &Desk| {
        let answer = (said.reason.as_str(), said.until.as_str());
        let one = settle(tx, desk, &author, id, settling, answer)?;
        Ok(json!({ "id": one.id, "state": one.state, "entry": one.settled_seq }))
    };
    let answer = once(&app, "settle_escalation", id.to_string(), &actor, key, work).await?;
    Ok(HttpResponse::Ok().json(answer))
}

/// `GET /api/v1/risk`: the heat map.
///
/// # Errors
/// When the database fails.
pub async fn heat(
    app: Shared,
    visitor: Visitor,
    pairs: web::Query<Vec<(String, String)>>,
) -> Result<HttpResponse> {
    let said = field(&pairs, "area");
    let known = AREAS.iter().find(|(key, _)| *key == said);
    if known.is_none() && !said.is_empty() {
        return Err(Error::not_found("risk area", said));
    }
    let (area, measure) = (
        known.map(|(key, _)| *key),
        Measure::named(&field(&pairs, "of")),
    );
    let lens = Lens {
        unit: None,
        within: visitor.register_query()?,
    };
    let desk = app.desk.clone();
    let read = move |conn: &mut Conn| {
        let all = overview::portfolio(conn, &desk)?;
        let rows = overview::seen(conn, &all, &lens)?;
        let ids: Vec<RecordId> = rows.iter().map(|row| row.id).collect();
        let cells = map(conn, &ids, area, measure)?;
        let cells: Vec<Value> = cells
            .iter()
            .map(|(score, cell)| {
                json!({
                    "likelihood": score.likelihood, "impact": score.impact,
                    "count": cell.risks.len(),
                })
            })
            .collect();
        let assessed = store::assessed(conn, &ids)?.len();
        Ok(json!({
            "of": measure, "area": area, "use_cases": rows.len(), "assessed": assessed,
            "cells": cells,
        }))
    };
    Ok(HttpResponse::Ok().json(app.db.read(read).await?))
}

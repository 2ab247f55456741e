//! Gates, results, waivers and moves over the API.
use super::view::{self, of_record};
use super::{Given, Settling, ask, move_to, record, settle};
use crate::app::App;
use crate::db::{Conn, Tx, WaiverId};
use crate::error::{Error, Result};
use crate::evidence::{self, Form, Rules, form};
use crate::register;
use crate::review::Desk;
use crate::web::once::{Key, once};
use crate::web::session::Visitor;
use actix_multipart::Multipart;
use actix_web::http::header;
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

type Shared = web::Data<App>;
/// Longest body without files, in bytes.
const BODY_MAX: usize = 64 * 1024;

/// `GET /api/v1/use-cases/{reference}/tests`
///
/// # Errors
/// 404.
pub async fn list(app: Shared, reference: web::Path<String>) -> Result<HttpResponse> {
    let (desk, reference) = (app.desk.clone(), reference.into_inner());
    let read = move |conn: &mut Conn| {
        let (record, lines, lifecycle) = of_record(conn, &desk, &reference)?;
        let gates = view::of_lines(conn, &lines)?;
        let lifecycle = Some(lifecycle).filter(|word| !word.is_empty());
        Ok(json!({
            "reference": record.reference, "revision": record.revision,
            "lifecycle": lifecycle, "gates": gates,
        }))
    };
    Ok(HttpResponse::Ok().json(app.db.read(read).await?))
}

/// `POST /api/v1/use-cases/{reference}/tests/{plan}/{gate}/results`: JSON, or a form with the JSON
/// as `result` and files.
///
/// # Errors
/// 403, 404, 422.
pub async fn results(
    app: Shared,
    visitor: Visitor,
    request: HttpRequest,
    path: web::Path<(String, String, String)>,
    body: Payload,
) -> Result<HttpResponse> {
    let actor = visitor.actor()?;
    let form = read(&app, &request, body).await?;
    if !form.wrong.is_empty() {
        return Err(Error::Invalid(form.wrong));
    }
    let given: Given = serde_json::from_str(form.text("result"))
        .map_err(|e| Error::BadRequest(format!("result: {e}")))?;
    let digests: Vec<&str> = form.files.iter().map(|file| file.digest.as_str()).collect();
    let key = Key::of(&request, &visitor, &json!([given, digests]))?;
    let (reference, plan, gate) = path.into_inner();
    let (author, subject) = (actor.clone(), reference.clone());
    let work = move |tx: &mut Tx, desk: &Desk| {
        let case = register::by_reference(tx, super::USE_CASE, &reference)?;
        let at = (plan.as_str(), gate.as_str());
        let row = record(tx, desk, &author, case.id, at, &given, &form.files)?;
        Ok(json!({
            "id": row.id, "entry": row.seq, "met": row.met,
            "valid_until": row.valid_until.to_string(),
        }))
    };
    let answer = once(&app, "record_test", subject, &actor, key, work).await?;
    Ok(HttpResponse::Created().json(answer))
}

async fn read(app: &App, request: &HttpRequest, mut body: Payload) -> Result<Form> {
    let kind = request.headers().get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.to_lowercase().starts_with("multipart/form-data") {
        let rules = Rules::of(&app.config);
        return form::read(&rules, Multipart::new(request.headers(), body)).await;
    }
    let mut text = Vec::new();
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(|e| Error::BadRequest(format!("the body broke off: {e}")))?;
        text.extend_from_slice(&piece);
        if text.len() > BODY_MAX {
            let rule = format!("send at most {BODY_MAX} bytes, or a form with files");
            return Err(Error::BadRequest(rule));
        }
    }
    let text = String::from_utf8(text);
    let text = text.map_err(|_| Error::BadRequest("send JSON in UTF-8".to_owned()))?;
    Ok(Form {
        fields: vec![("result".to_owned(), text)],
        ..Form::default()
    })
}

/// What a waiver is asked for with.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    until: String,
}

/// `POST /api/v1/use-cases/{reference}/tests/{plan}/{gate}/waivers`
///
/// # Errors
/// 403, 404, 409, 422.
pub async fn waive(
    app: Shared,
    visitor: Visitor,
    request: HttpRequest,
    path: web::Path<(String, String, String)>,
    asked: web::Json<Asked>,
) -> Result<HttpResponse> {
    let actor = visitor.actor()?;
    let key = Key::of(&request, &visitor, &json!(&*asked))?;
    let (reference, plan, gate) = path.into_inner();
    let (author, subject) = (actor.clone(), reference.clone());
    let work = move |tx: &mut Tx, desk: &Desk| {
        let case = register::by_reference(tx, super::USE_CASE, &reference)?;
        let at = (plan.as_str(), gate.as_str());
        let waiver = ask(
            tx,
            desk,
            &author,
            case.id,
            at,
            (&asked.reason, &asked.until),
        )?;
        Ok(json!({ "id": waiver.id, "state": waiver.state, "entry": waiver.asked_seq }))
    };
    let answer = once(&app, "ask_waiver", subject, &actor, key, work).await?;
    Ok(HttpResponse::Created().json(answer))
}

/// Why a waiver is settled so.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Why {
    reason: String,
}

/// `POST /api/v1/test-waivers/{waiver}/grant`, `/refusal` and `/withdrawal`
///
/// # Errors
/// 403, 404, 409, 422.
pub async fn settled(
    app: Shared,
    visitor: Visitor,
    request: HttpRequest,
    path: web::Path<String>,
    why: web::Json<Why>,
) -> Result<HttpResponse> {
    let actor = visitor.actor()?;
    let key = Key::of(&request, &visitor, &json!(&*why))?;
    let missing = |_| Error::not_found("waiver", &path);
    let id: WaiverId = path.parse().map_err(missing)?;
    let word = request.path().rsplit('/').next().unwrap_or_default();
    let settling = Settling::named(word);
    let settling = settling.ok_or_else(|| Error::not_found("deed", word))?;
    let author = actor.clone();
    let work = move |tx: &mut Tx, desk: &Desk| {
        let waiver = settle(tx, desk, &author, id, settling, &why.reason)?;
        Ok(json!({ "id": waiver.id, "state": waiver.state, "entry": waiver.settled_seq }))
    };
    let answer = once(&app, "settle_waiver", id.to_string(), &actor, key, work).await?;
    Ok(HttpResponse::Ok().json(answer))
}

/// Where a use case shall move.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Move {
    to: String,
    revision: i32,
}

/// `POST /api/v1/use-cases/{reference}/lifecycle`
///
/// # Errors
/// 403, 404, 409, 422.
pub async fn lifecycle(
    app: Shared,
    visitor: Visitor,
    request: HttpRequest,
    reference: web::Path<String>,
    wanted: web::Json<Move>,
) -> Result<HttpResponse> {
    let actor = visitor.actor()?;
    let key = Key::of(&request, &visitor, &json!(&*wanted))?;
    let (author, subject) = (actor.clone(), reference.clone());
    let work = move |tx: &mut Tx, desk: &Desk| {
        let case = register::by_reference(tx, super::USE_CASE, &reference)?;
        let moved = move_to(tx, desk, &author, case.id, wanted.revision, &wanted.to)?;
        let gates = view::of_lines(tx, &moved.gates)?;
        let (revision, to) = (moved.record.revision, &wanted.to);
        let gates: Vec<Value> = gates.iter().map(|gate| json!(gate)).collect();
        Ok(json!({ "lifecycle": to, "revision": revision, "gates": gates }))
    };
    let answer = once(&app, "move_use_case", subject, &actor, key, work).await?;
    Ok(HttpResponse::Ok().json(answer))
}

/// What a file may be, for forms.
pub(super) fn most(app: &App) -> (String, &'static str) {
    (Rules::of(&app.config).most(), evidence::ENDINGS)
}

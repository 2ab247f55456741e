//! Human review over the API.
use super::arrange::of_record;
use super::{Given, Named, arrange, record, standing, view, withdraw};
use crate::app::App;
use crate::db::{Conn, SampleId, Tx};
use crate::error::{Error, Result};
use crate::register;
use crate::review::Desk;
use crate::web::once::{Key, once};
use crate::web::session::Visitor;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::json;

type Shared = web::Data<App>;

/// `GET /api/v1/use-cases/{reference}/human-review`
///
/// # Errors
/// 404.
pub async fn show(app: Shared, reference: web::Path<String>) -> Result<HttpResponse> {
    let (desk, reference) = (app.desk.clone(), reference.into_inner());
    let read = move |conn: &mut Conn| {
        let found = register::by_reference(conn, super::USE_CASE, &reference)?;
        let (record, overseen) = of_record(conn, &desk, found.id)?;
        let document = register::revision(conn, record.id, record.revision)?.document()?;
        let at = (reference.as_str(), standing::lifecycle(&document));
        let overseen = view::of(conn, &overseen, at, desk.today())?;
        Ok(json!({ "reference": record.reference, "human_review": overseen }))
    };
    Ok(HttpResponse::Ok().json(app.db.read(read).await?))
}

/// `POST /api/v1/use-cases/{reference}/human-review/overseers`
///
/// # Errors
/// 403, 404, 409, 422.
pub async fn overseers(
    app: Shared,
    visitor: Visitor,
    request: HttpRequest,
    path: web::Path<String>,
    named: web::Json<Named>,
) -> Result<HttpResponse> {
    let actor = visitor.actor()?;
    let key = Key::of(&request, &visitor, &json!(&*named))?;
    let (reference, author) = (path.into_inner(), actor.clone());
    let subject = reference.clone();
    let work = move |tx: &mut Tx, desk: &Desk| {
        let case = register::by_reference(tx, super::USE_CASE, &reference)?;
        let arranged = arrange(tx, desk, &author, case.id, &named)?;
        Ok(json!({ "entry": arranged.seq, "overseers": arranged.overseers }))
    };
    let answer = once(&app, "name_overseers", subject, &actor, key, work).await?;
    Ok(HttpResponse::Created().json(answer))
}

/// What was looked at, as programs say it.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Looked {
    looked_on: String,
    looked_at: i64,
    overridden: i64,
    #[serde(default)]
    outputs: String,
    #[serde(default)]
    reason: String,
}

/// `POST /api/v1/use-cases/{reference}/human-review/samples`
///
/// # Errors
/// 403, 404, 422.
pub async fn samples(
    app: Shared,
    visitor: Visitor,
    request: HttpRequest,
    path: web::Path<String>,
    looked: web::Json<Looked>,
) -> Result<HttpResponse> {
    let actor = visitor.actor()?;
    let key = Key::of(&request, &visitor, &json!(&*looked))?;
    let looked = looked.into_inner();
    let given = Given {
        looked_on: looked.looked_on,
        looked_at: looked.looked_at.to_string(),
        overridden: looked.overridden.to_string(),
        outputs: looked.outputs,
        reason: looked.reason,
    };
    let (reference, author) = (path.into_inner(), actor.clone());
    let subject = reference.clone();
    let work = move |tx: &mut Tx, desk: &Desk| {
        let case = register::by_reference(tx, super::USE_CASE, &reference)?;
        let sample = record(tx, desk, &author, case.id, &given)?;
        Ok(json!({ "id": sample.id, "entry": sample.seq }))
    };
    let answer = once(&app, "record_sample", subject, &actor, key, work).await?;
    Ok(HttpResponse::Created().json(answer))
}

/// Why a sample is taken back.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Why {
    #[serde(default)]
    reason: String,
}

/// `POST /api/v1/oversight-samples/{sample}/withdrawal`
///
/// # Errors
/// 403, 404, 409, 422.
pub async fn withdrawal(
    app: Shared,
    visitor: Visitor,
    request: HttpRequest,
    path: web::Path<String>,
    why: web::Json<Why>,
) -> Result<HttpResponse> {
    let actor = visitor.actor()?;
    let key = Key::of(&request, &visitor, &json!(&*why))?;
    let missing = |_| Error::not_found("sample", &path);
    let id: SampleId = path.parse().map_err(missing)?;
    let author = actor.clone();
    let work = move |tx: &mut Tx, desk: &Desk| {
        let sample = withdraw(tx, desk, &author, id, &why.reason)?;
        Ok(json!({ "id": sample.id, "entry": sample.withdrawn_seq }))
    };
    let answer = once(&app, "withdraw_sample", id.to_string(), &actor, key, work).await?;
    Ok(HttpResponse::Ok().json(answer))
}

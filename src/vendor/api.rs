//! Vendors over the API: what depends on one, and changes there.
use super::page::{done, found, parsed, vendor};
use super::view::{self, ChangeView};
use super::{Given, change, store};
use crate::app::App;
use crate::db::{Conn, Tx, VendorChangeId};
use crate::error::{Error, Result};
use crate::review::Desk;
use crate::web::once::{Key, once};
use crate::web::session::Visitor;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Most use cases that one answer has.
const MOST: usize = 500;
/// How many it has where nobody says.
const USUAL: usize = 100;

/// Which part of a list is wanted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    #[serde(default)]
    from: usize,
    limit: Option<usize>,
}

impl Part {
    fn read(&self) -> Result<(usize, usize)> {
        match self.limit.unwrap_or(USUAL) {
            limit @ 1..=MOST => Ok((self.from, limit)),
            _ => Err(Error::BadRequest(format!("limit: ask for 1 to {MOST}"))),
        }
    }
}

/// `GET /api/v1/vendors/{reference}/dependants`
///
/// # Errors
/// 400, 404.
pub async fn dependants(
    app: web::Data<App>,
    visitor: Visitor,
    reference: web::Path<String>,
    part: web::Query<Part>,
) -> Result<HttpResponse> {
    let (part, within) = (part.read()?, visitor.register_query()?);
    let read = move |conn: &mut Conn| {
        let vendor = vendor(conn, &reference)?;
        let found = view::depending(conn, &vendor, &within, part)?;
        let lines: Vec<Value> = found.lines.iter().map(line).collect();
        let next = (found.more > 0).then(|| part.0 + lines.len());
        Ok(json!({
            "vendor": vendor.reference, "total": found.total,
            "cost_eur_per_year": found.cost_eur_per_year, "dependants": lines, "next": next,
        }))
    };
    Ok(HttpResponse::Ok().json(app.db.read(read).await?))
}

fn line(line: &view::Line) -> Value {
    json!({
        "reference": line.reference, "title": line.title, "status": line.state,
        "owner": line.owner, "cost_eur_per_year": line.cost_eur_per_year,
        "under_review_because": line.under_review_because,
    })
}

/// `GET /api/v1/vendors/{reference}/changes`
///
/// # Errors
/// 404.
pub async fn list(
    app: web::Data<App>,
    visitor: Visitor,
    reference: web::Path<String>,
) -> Result<HttpResponse> {
    visitor.person()?;
    let desk = app.desk.clone();
    let within = visitor.register_query()?;
    let read = move |conn: &mut Conn| {
        let vendor = vendor(conn, &reference)?;
        let mut all = Vec::new();
        for change in store::changes(conn, vendor.id)? {
            let form = &desk.kinds.by_key("vendor")?.form;
            let asked = (&vendor, &change);
            let view = view::change_view(conn, form, asked, &within, (0, 0))?;
            let mut whole = whole(&view);
            if let Some(members) = whole.as_object_mut() {
                members.remove("cases");
                members.remove("next");
            }
            all.push(whole);
        }
        Ok(json!({ "changes": all }))
    };
    Ok(HttpResponse::Ok().json(app.db.read(read).await?))
}

fn whole(view: &ChangeView) -> Value {
    let cases = view.cases.iter().map(|case| {
        json!({
            "reference": case.reference, "title": case.title, "state": case.state,
            "outcome": case.outcome, "held_back_because": case.trouble,
        })
    });
    let sets = view.sets.iter();
    json!({
        "id": view.id, "vendor": view.vendor, "area": view.area, "state": view.state,
        "what": view.what, "source": view.source, "effective_on": view.effective_on,
        "sets": sets.map(|set| set.field.as_str()).collect::<Vec<_>>(),
        "reported_by": view.reported_by, "reported_at": view.reported_at,
        "reported_entry": view.reported_entry, "decided_by": view.decided_by,
        "decided_at": view.decided_at, "decided_entry": view.decided_entry,
        "closed_by": view.closed_by, "closed_at": view.closed_at,
        "closed_entry": view.closed_entry, "reasons": view.reasons, "dependants": view.total,
        "cases": cases.collect::<Vec<_>>(),
    })
}

/// `GET /api/v1/vendors/{reference}/changes/{id}`
///
/// # Errors
/// 400, 404.
pub async fn one(
    app: web::Data<App>,
    visitor: Visitor,
    path: web::Path<(String, String)>,
    part: web::Query<Part>,
) -> Result<HttpResponse> {
    let (reference, id) = path.into_inner();
    let at = (reference, parsed(&id)?);
    let answer = read(&app, &visitor, at, part.read()?).await?;
    Ok(HttpResponse::Ok().json(answer))
}

async fn read(
    app: &App,
    visitor: &Visitor,
    (reference, id): (String, VendorChangeId),
    (from, limit): (usize, usize),
) -> Result<Value> {
    let (desk, within) = (app.desk.clone(), visitor.register_query()?);
    let place = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    let part = (place(from), place(limit));
    let read = move |conn: &mut Conn| {
        let (vendor, change) = found(conn, &reference, id)?;
        let form = &desk.kinds.by_key("vendor")?.form;
        let view = view::change_view(conn, form, (&vendor, &change), &within, part)?;
        let mut whole = whole(&view);
        if let Some(members) = whole.as_object_mut() {
            let next = (view.more > 0).then(|| from + limit);
            members.insert("next".to_owned(), json!(next));
        }
        Ok(whole)
    };
    app.db.read(read).await
}

/// `POST /api/v1/vendors/{reference}/changes`
///
/// # Errors
/// 403 for auditors, 404, 422.
pub async fn report(
    app: web::Data<App>,
    visitor: Visitor,
    reference: web::Path<String>,
    request: HttpRequest,
    body: web::Json<Given>,
) -> Result<HttpResponse> {
    let (at, actor, given) = (reference.into_inner(), visitor.actor()?, body.into_inner());
    let sent = Key::of(&request, &visitor, &json!(given))?;
    let (author, wanted) = (actor.clone(), at.clone());
    let work = move |tx: &mut Tx, desk: &Desk| {
        let vendor = vendor(tx, &wanted)?;
        let change = change::report(tx, desk, &author, vendor.id, &given)?;
        Ok(json!({ "id": change.id }))
    };
    let answer = once(&app, "report_vendor_change", at.clone(), &actor, sent, work).await?;
    let id = parsed(answer.get("id").and_then(Value::as_str).unwrap_or_default())?;
    let answer = read(&app, &visitor, (at, id), (0, USUAL)).await?;
    Ok(HttpResponse::Created().json(answer))
}

/// Why a keeper says so.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    #[serde(default)]
    reason: String,
}

/// `POST /api/v1/vendors/{reference}/changes/{id}/confirmation`, and `dismissal` and `closing`.
///
/// # Errors
/// 403 for others than keepers of vendors, 404, 409, 422.
pub async fn deed(
    app: web::Data<App>,
    visitor: Visitor,
    path: web::Path<(String, String)>,
    request: HttpRequest,
    body: web::Json<Reason>,
) -> Result<HttpResponse> {
    let (reference, id) = path.into_inner();
    let deed = request.path().rsplit('/').next().unwrap_or_default();
    let deed = deed.to_owned();
    let (id, actor, reason) = (parsed(&id)?, visitor.actor()?, body.into_inner().reason);
    let (author, wanted) = (actor.clone(), reference.clone());
    let work = move |tx: &mut Tx, desk: &Desk| {
        found(tx, &wanted, id)?;
        done(tx, desk, &author, id, (&deed, &reason)).map(drop)
    };
    let subject = id.to_string();
    app.command("decide_vendor_change", subject, &actor, work)
        .await?;
    let answer = read(&app, &visitor, (reference, id), (0, USUAL)).await?;
    Ok(HttpResponse::Ok().json(answer))
}

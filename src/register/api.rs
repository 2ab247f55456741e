//! Records over the API.
use crate::app::App;
use crate::db::{At, Conn};
use crate::error::{Error, Result};
use crate::people;
use crate::register::{self, Cursor, Query, Record, RevisionHead, Sort, Standing, Status};
use crate::review;
use crate::web::once::{Key, once};
use crate::web::session::Visitor;
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

type Pairs = web::Query<Vec<(String, String)>>;

/// Reads the filters of a list from an address: `q`, `status`, `risk`, `standing`, `conditions`,
/// `sort`, `after`, and any facet of the kind; a name may be repeated.
///
/// # Errors
/// [`Error::BadRequest`] naming the filter that does not exist or has a value that does not.
pub fn read_query(kind: &register::Kind, pairs: &[(String, String)], now: At) -> Result<Query> {
    let mut query = Query {
        kind: kind.key.to_owned(),
        now: Some(now),
        ..Query::default()
    };
    let facets: BTreeSet<String> = kind.form.facets().into_iter().map(|f| f.field).collect();
    for (name, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
        let wrong = || Error::BadRequest(format!("{name}: {value} is not one of its values"));
        match name.as_str() {
            "q" => query.text = Some(value.chars().take(200).collect()),
            "status" => query.status.push(Status::named(value).ok_or_else(wrong)?),
            "risk" => query.risk.push(value.clone()),
            "standing" => query
                .standing
                .push(Standing::named(value).ok_or_else(wrong)?),
            "conditions" if value == "overdue" => query.overdue = true,
            "conditions" => return Err(wrong()),
            "sort" => query.sort = Sort::named(value).ok_or_else(wrong)?,
            "after" => query.after = Some(Cursor::parse(value)?),
            facet if facets.contains(facet) => {
                query
                    .facets
                    .entry(facet.to_owned())
                    .or_default()
                    .push(value.clone());
            }
            other => return Err(Error::BadRequest(format!("there is no filter {other}"))),
        }
    }
    Ok(query)
}

/// `GET /api/v1/{kind}`
///
/// # Errors
/// For filters that do not exist.
pub async fn list(
    app: web::Data<App>,
    visitor: Visitor,
    path: web::Path<String>,
    pairs: Pairs,
) -> Result<HttpResponse> {
    let now = app.desk.clock.now();
    let mut query = read_query(app.desk.kinds.by_path(&path)?, &pairs, now)?;
    query.within = visitor.register_query()?;
    let (listing, names) = app
        .db
        .read(move |conn| {
            let listing = register::list(conn, &query)?;
            let names = owner_names(conn, &listing.records)?;
            Ok((listing, names))
        })
        .await?;
    let records: Vec<Value> = listing.records.iter().map(|r| summary(r, &names)).collect();
    let next = listing.next.map(|cursor| cursor.to_text());
    Ok(HttpResponse::Ok().json(json!({ "records": records, "next": next })))
}

type Names = BTreeMap<crate::db::PersonId, String>;

fn owner_names(conn: &mut Conn, records: &[Record]) -> Result<Names> {
    let ids = records
        .iter()
        .flat_map(|r| [r.owner_id, r.submitter_id])
        .flatten()
        .collect();
    people::names(conn, &ids)
}

fn summary(record: &Record, names: &Names) -> Value {
    let name = |id: Option<crate::db::PersonId>| id.and_then(|id| names.get(&id));
    json!({
        "reference": record.reference,
        "kind": record.kind,
        "title": record.title,
        "status": record.status,
        "risk": record.risk,
        "revision": record.revision,
        "owner": name(record.owner_id),
        "submitter": name(record.submitter_id),
        "review": record.review_id,
        "approval": record.approval_id,
        "standing": record.standing,
        "valid_until": record.valid_until.map(|at| at.to_string()),
        "created_at": record.created_at.to_string(),
        "updated_at": record.updated_at.to_string(),
    })
}

/// What creates or revises a record.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    document: Value,
}

/// `POST /api/v1/{kind}`: a draft of a use case, or a vendor or tool.
///
/// # Errors
/// 422 with the fields that are wrong.
pub async fn create(
    app: web::Data<App>,
    visitor: Visitor,
    path: web::Path<String>,
    request: HttpRequest,
    body: web::Json<Content>,
) -> Result<HttpResponse> {
    let kind = app.desk.kinds.by_path(&path)?;
    let (key, document) = (kind.key, kind.form.tidy(body.into_inner().document));
    let once_key = Key::of(&request, &visitor, &document)?;
    let actor = visitor.actor()?;
    let author = actor.clone();
    let answer = once(
        &app,
        "create",
        path.to_string(),
        &actor,
        once_key,
        move |tx, desk| {
            let record = review::start(tx, desk, &author, key, document)?;
            full(tx, &record)
        },
    )
    .await?;
    Ok(with_tag(HttpResponse::Created(), &answer))
}

/// `GET /api/v1/{kind}/{reference}`
///
/// # Errors
/// 404.
pub async fn show(app: web::Data<App>, path: web::Path<(String, String)>) -> Result<HttpResponse> {
    let (kind, reference) = path.into_inner();
    let kind = app.desk.kinds.by_path(&kind)?.key;
    let answer = app
        .db
        .read(move |conn| {
            let record = register::by_reference(conn, kind, &reference)?;
            full(conn, &record)
        })
        .await?;
    Ok(with_tag(HttpResponse::Ok(), &answer))
}

/// `GET /api/v1/{kind}/look-alikes`, with any text field of the kind: what is like it.
///
/// # Errors
/// [`Error::BadRequest`] naming a field that the kind does not have.
pub async fn look_alikes(
    app: web::Data<App>,
    visitor: Visitor,
    path: web::Path<String>,
    pairs: Pairs,
) -> Result<HttpResponse> {
    let kind = app.desk.kinds.by_path(&path)?;
    let within = visitor.register_query()?;
    let mut fields = serde_json::Map::new();
    for (name, value) in pairs.into_inner() {
        if kind.form.field(&name).is_none() {
            return Err(Error::BadRequest(format!("there is no field {name}")));
        }
        fields.insert(name, Value::String(value));
    }
    let (key, document) = (kind.key, Value::Object(fields));
    let found = app
        .db
        .read(move |conn| register::lines(conn, key, &document, None, within.as_ref()))
        .await?;
    Ok(HttpResponse::Ok().json(json!({ "alike": found })))
}

/// `GET /api/v1/{kind}/{reference}/look-alikes`: how those like it ended.
///
/// # Errors
/// 404.
pub async fn precedents(
    app: web::Data<App>,
    visitor: Visitor,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse> {
    let (kind, reference) = path.into_inner();
    let kind = app.desk.kinds.by_path(&kind)?.key;
    let within = visitor.register_query()?;
    let found = app
        .db
        .read(move |conn| {
            let record = register::by_reference(conn, kind, &reference)?;
            let document = register::revision(conn, record.id, record.revision)?.document()?;
            register::precedents(conn, &record, &document, within.as_ref())
        })
        .await?;
    Ok(HttpResponse::Ok().json(match found {
        Some(found) => json!({
            "sentence": found.sentence, "conditions": found.conditions, "alike": found.lines,
        }),
        None => json!({ "sentence": null, "conditions": [], "alike": [] }),
    }))
}

fn full(conn: &mut Conn, record: &Record) -> Result<Value> {
    let revision = register::revision(conn, record.id, record.revision)?;
    let names = owner_names(conn, std::slice::from_ref(record))?;
    let mut answer = summary(record, &names);
    if let Some(fields) = answer.as_object_mut() {
        fields.insert("digest".to_owned(), json!(revision.digest));
        fields.insert("document".to_owned(), revision.document()?);
    }
    Ok(answer)
}

fn with_tag(mut response: actix_web::HttpResponseBuilder, answer: &Value) -> HttpResponse {
    let revision = answer.get("revision").and_then(Value::as_i64).unwrap_or(0);
    response
        .insert_header((header::ETAG, format!("\"{revision}\"")))
        .json(answer)
}

/// The revision that `If-Match` names.
fn seen(request: &HttpRequest) -> Result<i32> {
    let tag = request
        .headers()
        .get(header::IF_MATCH)
        .and_then(|v| v.to_str().ok());
    let number = tag.and_then(|t| {
        t.trim()
            .trim_start_matches("W/")
            .trim_matches('"')
            .parse()
            .ok()
    });
    number.ok_or_else(|| {
        Error::BadRequest("send If-Match with the ETag of the revision you saw".to_owned())
    })
}

/// `PUT /api/v1/{kind}/{reference}` with `If-Match`.
///
/// # Errors
/// 409 when it changed meanwhile, 422 for wrong fields.
pub async fn revise(
    app: web::Data<App>,
    visitor: Visitor,
    path: web::Path<(String, String)>,
    request: HttpRequest,
    body: web::Json<Content>,
) -> Result<HttpResponse> {
    let (kind, reference) = path.into_inner();
    let kind = app.desk.kinds.by_path(&kind)?;
    let (key, document) = (kind.key, kind.form.tidy(body.into_inner().document));
    let seen = seen(&request)?;
    let actor = visitor.actor()?;
    let author = actor.clone();
    let answer = app
        .command("revise", reference.clone(), &actor, move |tx, desk| {
            let record = register::by_reference(tx, key, &reference)?;
            let revised = review::revise(tx, desk, &author, record.id, seen, &document)?;
            full(tx, &revised.record)
        })
        .await?;
    Ok(with_tag(HttpResponse::Ok(), &answer))
}

/// `GET /api/v1/{kind}/{reference}/revisions`
///
/// # Errors
/// 404.
pub async fn revisions(
    app: web::Data<App>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse> {
    let (kind, reference) = path.into_inner();
    let kind = app.desk.kinds.by_path(&kind)?.key;
    let all = app
        .db
        .read(move |conn| {
            let record = register::by_reference(conn, kind, &reference)?;
            register::revisions(conn, record.id)
        })
        .await?;
    let all: Vec<Value> = all.iter().map(head).collect();
    Ok(HttpResponse::Ok().json(json!({ "revisions": all })))
}

fn head(revision: &RevisionHead) -> Value {
    json!({
        "revision": revision.number,
        "digest": revision.digest,
        "author": revision.author_id,
        "created_at": revision.created_at.to_string(),
        "redacted_by": revision.redacted_seq,
    })
}

/// What a revision is compared with.
#[derive(Debug, Deserialize)]
pub struct Against {
    against: Option<i32>,
}

/// `GET /api/v1/{kind}/{reference}/revisions/{number}`, with `?against=N` for the differences.
///
/// # Errors
/// 404.
pub async fn revision(
    app: web::Data<App>,
    path: web::Path<(String, String, i32)>,
    query: web::Query<Against>,
) -> Result<HttpResponse> {
    let (kind, reference, number) = path.into_inner();
    let kind = app.desk.kinds.by_path(&kind)?;
    let (key, against) = (kind.key, query.against);
    let (this, other) = app
        .db
        .read(move |conn| {
            let record = register::by_reference(conn, key, &reference)?;
            let this = register::revision(conn, record.id, number)?;
            let other = against
                .map(|n| register::revision(conn, record.id, n))
                .transpose()?;
            Ok((this, other))
        })
        .await?;
    let mut answer = head(&this.head());
    if let Some(fields) = answer.as_object_mut() {
        fields.insert("document".to_owned(), this.document()?);
        if let Some(other) = other {
            let changes = kind.form.diff(&other.document()?, &this.document()?);
            fields.insert("changes".to_owned(), json!(changes));
        }
    }
    Ok(HttpResponse::Ok().json(answer))
}

/// Which revision is submitted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Submission {
    revision: i32,
}

/// `POST /api/v1/{kind}/{reference}/submission`
///
/// # Errors
/// 409 in the wrong state, 422 for missing answers.
pub async fn submit(
    app: web::Data<App>,
    visitor: Visitor,
    path: web::Path<(String, String)>,
    request: HttpRequest,
    body: web::Json<Submission>,
) -> Result<HttpResponse> {
    let (kind, reference) = path.into_inner();
    let key = app.desk.kinds.by_path(&kind)?.key;
    let revision = body.revision;
    let once_key = Key::of(&request, &visitor, &json!({ "revision": revision }))?;
    let actor = visitor.actor()?;
    let author = actor.clone();
    let answer = once(
        &app,
        "submit",
        reference.clone(),
        &actor,
        once_key,
        move |tx, desk| {
            let record = register::by_reference(tx, key, &reference)?;
            let review = review::submit(tx, desk, &author, record.id, revision)?;
            crate::review::api::state(tx, desk, &review)
        },
    )
    .await?;
    Ok(HttpResponse::Created().json(answer))
}

/// `GET /api/v1/{kind}/{reference}/timeline`
///
/// # Errors
/// 404.
pub async fn timeline(
    app: web::Data<App>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse> {
    let (kind, reference) = path.into_inner();
    let key = app.desk.kinds.by_path(&kind)?.key;
    let desk = app.desk.clone();
    let items = app
        .db
        .read(move |conn| {
            let record = register::by_reference(conn, key, &reference)?;
            review::timeline(conn, &desk, record.id)
        })
        .await?;
    Ok(HttpResponse::Ok().json(json!({ "entries": items })))
}

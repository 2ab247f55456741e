//! Reviews, tasks and decisions over the API.
mod tasks;

pub use tasks::{decide_many, delegate, give};

use crate::app::App;
use crate::db::{At, ConditionId, Conn, PersonId, ReviewId, TaskId};
use crate::error::{Error, Result};
use crate::people;
use crate::register;
use crate::review::engine::{Obligation, Progress, Review};
use crate::review::service::{ConditionGiven, DecisionGiven, Desk};
use crate::review::store::{self, DecisionRow, Task};
use crate::review::{self, workflows};
use crate::web::once::{Key, once};
use crate::web::session::Visitor;
use crate::workflow::Outcome;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// `GET /api/v1/reviews/{id}`
///
/// # Errors
/// 404.
pub async fn review(app: web::Data<App>, path: web::Path<String>) -> Result<HttpResponse> {
    let id: ReviewId = parse("review", &path)?;
    let desk = app.desk.clone();
    let answer = app
        .db
        .read(move |conn| {
            let review = store::review(conn, id)?;
            state(conn, &desk, &review)
        })
        .await?;
    Ok(HttpResponse::Ok().json(answer))
}

fn parse<T: std::str::FromStr>(what: &str, text: &str) -> Result<T> {
    text.parse().map_err(|_| Error::not_found(what, text))
}

/// A review as the API shows it.
///
/// # Errors
/// When the database fails.
pub fn state(conn: &mut Conn, desk: &Desk, review: &Review) -> Result<Value> {
    let pin = &review.workflow;
    let loaded = workflows::version(conn, &desk.workflows, &pin.key, pin.version)?;
    let asked: BTreeSet<PersonId> = review.stages.values().flat_map(|s| s.asked()).collect();
    let names = people::names(conn, &asked)?;
    let record = register::by_id(conn, review.record)?;
    let name = |p: &PersonId| names.get(p).cloned().unwrap_or_default();
    let stages: Vec<Value> = loaded
        .workflow
        .in_order()
        .into_iter()
        .filter_map(|stage| Some((stage, review.stage(&stage.key)?)))
        .map(|(stage, run)| {
            let waiting: Vec<String> = match run.progress {
                Progress::Open => run
                    .asked()
                    .iter()
                    .filter(|p| !run.votes.contains_key(p))
                    .map(name)
                    .collect(),
                _ => Vec::new(),
            };
            json!({
                "key": stage.key, "title": stage.title, "progress": run.progress,
                "epoch": run.epoch, "since": run.since.map(|at| at.to_string()),
                "waiting_for": waiting,
            })
        })
        .collect();
    Ok(json!({
        "id": review.id,
        "reference": record.reference,
        "phase": review.phase.as_str(),
        "revision": review.revision,
        "digest": review.digest,
        "workflow": { "key": pin.key, "version": pin.version, "hash": pin.hash },
        "derived": review.derived,
        "stages": stages,
        "renews": review.renews,
        "after_the_fact": review.after_the_fact,
        "looks_again": review.looks_again, "vendor_changes": review.vendor_changes,
        "valid_until": review.valid_until.map(|at| at.to_string()),
        "conditions": owed(conn, review)?,
        "override": overridden(conn, review)?,
    }))
}

/// The conditions of an approval, with what became of them.
fn owed(conn: &mut Conn, review: &Review) -> Result<Vec<Value>> {
    let ids: Vec<ConditionId> = review.obligations.keys().copied().collect();
    let texts = store::condition_texts(conn, &ids)?;
    let people = review.obligations.values();
    let people: BTreeSet<PersonId> = people.flat_map(|o| [o.owner, o.asked_by]).collect();
    let names = people::names(conn, &people)?;
    let one = |(id, owed): (&ConditionId, &Obligation)| {
        json!({
            "id": id, "text": texts.get(id), "state": owed.state.as_str(),
            "stage": owed.stage, "owner": names.get(&owed.owner),
            "asked_by": names.get(&owed.asked_by), "due": owed.due.map(|at| at.to_string()),
        })
    };
    Ok(review.obligations.iter().map(one).collect())
}

fn overridden(conn: &mut Conn, review: &Review) -> Result<Value> {
    let Some(run) = review.overriding else {
        return Ok(Value::Null);
    };
    let people: BTreeSet<PersonId> = [Some(run.first), run.second]
        .into_iter()
        .flatten()
        .collect();
    let names = people::names(conn, &people)?;
    Ok(json!({
        "proposed_by": names.get(&run.first),
        "agreed_by": run.second.and_then(|second| names.get(&second)),
        "until": run.until.to_string(),
    }))
}

/// Why something is taken back.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Withdrawal {
    reason: Option<String>,
}

/// `POST /api/v1/reviews/{id}/withdrawal`
///
/// # Errors
/// 403 for others than submitter and owner, 409 when it is over.
pub async fn withdraw(
    app: web::Data<App>,
    visitor: Visitor,
    path: web::Path<String>,
    request: HttpRequest,
    body: web::Json<Withdrawal>,
) -> Result<HttpResponse> {
    let id: ReviewId = parse("review", &path)?;
    let key = Key::of(&request, &visitor, &json!(*body))?;
    let reason = body.into_inner().reason;
    let actor = visitor.actor()?;
    let author = actor.clone();
    let answer = once(
        &app,
        "withdraw",
        id.to_string(),
        &actor,
        key,
        move |tx, desk| {
            let review = review::withdraw(tx, desk, &author, id, reason)?;
            state(tx, desk, &review)
        },
    )
    .await?;
    Ok(HttpResponse::Ok().json(answer))
}

/// `GET /api/v1/tasks`: the open tasks of the token's person, what is due first first.
///
/// # Errors
/// When the database fails.
pub async fn tasks(app: web::Data<App>, visitor: Visitor) -> Result<HttpResponse> {
    let (desk, person) = (app.desk.clone(), visitor.id()?);
    let read = move |conn: &mut Conn| store::asked_of(conn, person);
    let mut open = app.db.read(read).await?;
    let now = desk.clock.now();
    open.sort_by_key(|asked| {
        let due = asked.task.due_at;
        (due.is_none(), due, asked.task.opened_at)
    });
    let tasks: Vec<Value> = open
        .iter()
        .map(|asked| shown(&asked.task, &asked.review, &asked.record, now))
        .collect();
    Ok(HttpResponse::Ok().json(json!({ "tasks": tasks })))
}

fn task_state(conn: &mut Conn, desk: &Desk, task: &Task) -> Result<Value> {
    let review = store::review(conn, task.review_id)?;
    let record = register::by_id(conn, task.record_id)?;
    Ok(shown(task, &review, &record, desk.clock.now()))
}

fn shown(task: &Task, review: &Review, record: &register::Record, now: At) -> Value {
    let run = review.stage(&task.stage);
    let first = run.and_then(|run| run.on_behalf.get(&task.person_id));
    json!({
        "id": task.id,
        "review": task.review_id,
        "reference": record.reference,
        "title": record.title,
        "risk": record.risk,
        "stage": task.stage,
        "epoch": task.epoch,
        "state": task.state,
        "revision": review.revision,
        "digest": review.digest,
        "opened_at": task.opened_at.to_string(),
        "due_at": task.due_at.map(|at| at.to_string()),
        "overdue": task.state == "open" && task.due_at.is_some_and(|at| at < now),
        "on_behalf_of": first,
    })
}

/// `GET /api/v1/tasks/{id}`: one's own.
///
/// # Errors
/// 404, also for tasks of others.
pub async fn task(
    app: web::Data<App>,
    visitor: Visitor,
    path: web::Path<String>,
) -> Result<HttpResponse> {
    let (id, person): (TaskId, PersonId) = (parse("task", &path)?, visitor.id()?);
    let desk = app.desk.clone();
    let answer = app
        .db
        .read(move |conn| {
            let task = store::task(conn, id)?;
            if task.person_id != person {
                return Err(Error::not_found("task", id));
            }
            let mut answer = task_state(conn, &desk, &task)?;
            if let (Some((decision, reason)), Some(fields)) =
                (store::decision(conn, id)?, answer.as_object_mut())
            {
                fields.insert("decision".to_owned(), decided(&decision, reason.as_deref()));
            }
            Ok(answer)
        })
        .await?;
    Ok(HttpResponse::Ok().json(answer))
}

fn decided(row: &DecisionRow, reason: Option<&str>) -> Value {
    json!({
        "id": row.id,
        "outcome": row.outcome,
        "stage": row.stage,
        "revision": row.revision,
        "digest": row.digest,
        "reason": reason,
        "method": row.method,
        "entry": row.seq,
        "decided_at": row.decided_at.to_string(),
    })
}

/// A decision as a program sends it.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DecisionBody {
    outcome: Outcome,
    digest: String,
    reason: Option<String>,
    #[serde(default = "no_answers")]
    answers: Value,
    #[serde(default)]
    conditions: Vec<ConditionBody>,
}

/// A condition as a program sends it.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ConditionBody {
    text: String,
    #[serde(default)]
    owner: String,
    #[serde(default)]
    due: String,
}

fn no_answers() -> Value {
    json!({})
}

/// `POST /api/v1/tasks/{id}/decisions`
///
/// # Errors
/// 403, 409 and 422 with the refusal's sentence.
pub async fn decide(
    app: web::Data<App>,
    visitor: Visitor,
    path: web::Path<String>,
    request: HttpRequest,
    body: web::Json<DecisionBody>,
) -> Result<HttpResponse> {
    let task: TaskId = parse("task", &path)?;
    let key = Key::of(&request, &visitor, &json!(*body))?;
    let body = body.into_inner();
    let condition = |c: ConditionBody| ConditionGiven {
        text: c.text,
        owner: c.owner,
        due: c.due,
    };
    let given = DecisionGiven {
        task,
        seen: body.digest,
        outcome: body.outcome,
        reason: body.reason,
        answers: body.answers,
        conditions: body.conditions.into_iter().map(condition).collect(),
        link: None,
    };
    let actor = visitor.actor()?;
    let author = actor.clone();
    let answer = once(
        &app,
        "decide",
        task.to_string(),
        &actor,
        key,
        move |tx, desk| {
            let reason = given.reason.clone();
            let row = review::decide(tx, desk, &author, &given)?;
            Ok(decided(&row, reason.as_deref()))
        },
    )
    .await?;
    Ok(HttpResponse::Created().json(answer))
}

/// `GET /api/v1/workflows`
///
/// # Errors
/// When the database fails.
pub async fn workflows(app: web::Data<App>) -> Result<HttpResponse> {
    let versions = app.db.read(workflows::versions).await?;
    let shown = |v: &workflows::Version| {
        json!({
            "key": v.key, "version": v.version, "title": v.title, "hash": v.hash,
            "active": v.active, "published_at": v.published_at.to_string(),
        })
    };
    let versions: Vec<Value> = versions.iter().map(shown).collect();
    Ok(HttpResponse::Ok().json(json!({ "workflows": versions })))
}

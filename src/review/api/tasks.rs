//! Tasks that go to somebody else, and many decisions in one call.
use super::{ConditionBody, decided, no_answers, parse};
use crate::app::App;
use crate::db::{Conn, TaskId, Tx};
use crate::error::{Error, Result};
use crate::ledger::Actor;
use crate::people;
use crate::review::service::{self, ConditionGiven, DecisionGiven};
use crate::review::{self, Desk, HandoverGiven, store};
use crate::web::answer::problem_of;
use crate::web::once::{Key, once};
use crate::web::session::Visitor;
use crate::workflow::Outcome;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Most decisions that one call may carry.
const MOST: usize = 100;

/// To whom a task goes, and why.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct HandoverBody {
    to: String,
    reason: String,
}

/// `POST /api/v1/tasks/{id}/delegation`: the token's person hands their task on.
///
/// # Errors
/// 403, 409 and 422 with the refusal's sentence.
pub async fn delegate(
    app: web::Data<App>,
    visitor: Visitor,
    path: web::Path<String>,
    request: HttpRequest,
    body: web::Json<HandoverBody>,
) -> Result<HttpResponse> {
    hand_over(&app, &visitor, &path, &request, body.into_inner(), false).await
}

/// `POST /api/v1/tasks/{id}/holder`: an administrator gives a task to somebody else.
///
/// # Errors
/// 403 for others than administrators, 409 and 422 with the refusal's sentence.
pub async fn give(
    app: web::Data<App>,
    visitor: Visitor,
    path: web::Path<String>,
    request: HttpRequest,
    body: web::Json<HandoverBody>,
) -> Result<HttpResponse> {
    hand_over(&app, &visitor, &path, &request, body.into_inner(), true).await
}

async fn hand_over(
    app: &App,
    visitor: &Visitor,
    path: &str,
    request: &HttpRequest,
    body: HandoverBody,
    reassigns: bool,
) -> Result<HttpResponse> {
    let task: TaskId = parse("task", path)?;
    let key = Key::of(request, visitor, &json!(body))?;
    let given = HandoverGiven {
        task,
        to: body.to,
        reason: body.reason,
        link: None,
    };
    let actor = visitor.actor()?;
    let by = actor.clone();
    let work = move |tx: &mut Tx, desk: &Desk| {
        match reassigns {
            true => review::reassign(tx, desk, &by, &given)?,
            false => review::delegate(tx, desk, &by, &given)?,
        };
        moved(tx, &given)
    };
    let name = if reassigns { "reassign" } else { "delegate" };
    let answer = once(app, name, task.to_string(), &actor, key, work).await?;
    Ok(HttpResponse::Ok().json(answer))
}

/// Who has the task now, under which identifier.
fn moved(conn: &mut Conn, given: &HandoverGiven) -> Result<Value> {
    let before = store::task(conn, given.task)?;
    let holder = people::by_email(conn, &crate::form::plain(&given.to))?;
    let holder = holder.ok_or_else(|| Error::not_found("person", &given.to))?;
    let epoch = u32::try_from(before.epoch).unwrap_or(0);
    let task = TaskId::of(before.review_id, &before.stage, epoch, holder.id);
    Ok(json!({
        "task": task,
        "review": before.review_id,
        "stage": before.stage,
        "holder": { "id": holder.id, "name": holder.name },
    }))
}

/// Several decisions.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManyBody {
    decisions: Vec<Value>,
}

/// One of several decisions.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OneOf {
    task: String,
    outcome: Outcome,
    digest: String,
    reason: Option<String>,
    #[serde(default = "no_answers")]
    answers: Value,
    #[serde(default)]
    conditions: Vec<ConditionBody>,
}

/// `POST /api/v1/decisions`: one command for each, one entry for each that is taken. Each answer
/// stands by itself; one refusal leaves the others.
///
/// # Errors
/// 400 for more than a hundred decisions.
pub async fn decide_many(
    app: web::Data<App>,
    visitor: Visitor,
    request: HttpRequest,
    body: web::Json<ManyBody>,
) -> Result<HttpResponse> {
    let given = body.into_inner().decisions;
    if given.is_empty() || given.len() > MOST {
        let sentence = format!("send 1 to {MOST} decisions in one call");
        return Err(Error::BadRequest(sentence));
    }
    let actor = visitor.actor()?;
    let mut results = Vec::new();
    for one in given {
        let task = one.get("task").cloned().unwrap_or(Value::Null);
        let key = Key::of(&request, &visitor, &one)?;
        results.push(match decide(&app, &actor, key, one).await {
            Ok(decision) => json!({ "task": task, "status": 201, "decision": decision }),
            Err(error) => {
                let status = error.meaning().status;
                json!({ "task": task, "status": status, "problem": problem_of(&app, &error) })
            }
        });
    }
    Ok(HttpResponse::Ok().json(json!({ "results": results })))
}

async fn decide(app: &App, actor: &Actor, key: Option<Key>, one: Value) -> Result<Value> {
    let one: OneOf = serde_json::from_value(one)
        .map_err(|why| Error::BadRequest(format!("this decision cannot be read: {why}")))?;
    let task: TaskId = parse("task", &one.task)?;
    let condition = |c: ConditionBody| ConditionGiven {
        text: c.text,
        owner: c.owner,
        due: c.due,
    };
    let given = DecisionGiven {
        task,
        seen: one.digest,
        outcome: one.outcome,
        reason: one.reason,
        answers: one.answers,
        conditions: one.conditions.into_iter().map(condition).collect(),
        link: None,
    };
    let (by, key) = (actor.clone(), key.map(|key| key.of_part(&task.to_string())));
    let work = move |tx: &mut Tx, desk: &Desk| {
        let reason = given.reason.clone();
        let row = service::decide(tx, desk, &by, &given)?;
        Ok(decided(&row, reason.as_deref()))
    };
    once(app, "decide", task.to_string(), actor, key, work).await
}

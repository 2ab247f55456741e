//! Policies, answers and drafts over the API.
use super::page::read;
use super::{KIND, Question, kept, lint, store, view};
use crate::app::App;
use crate::db::{Conn, Tx};
use crate::error::{Error, Result};
use crate::review::Desk;
use crate::rules;
use crate::rules::api::head;
use crate::web::once::{Key, once};
use crate::web::session::Visitor;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// `GET /api/v1/policy`: the policies in force.
///
/// # Errors
/// When the database fails.
pub async fn list(app: web::Data<App>) -> Result<HttpResponse> {
    let heads = app.db.read(|conn| rules::heads(conn, &KIND)).await?;
    let all: Vec<Value> = heads.iter().map(head).collect();
    Ok(HttpResponse::Ok().json(json!({ "policies": all })))
}

/// `GET /api/v1/policy/{key}/versions`
///
/// # Errors
/// 404.
pub async fn versions(app: web::Data<App>, key: web::Path<String>) -> Result<HttpResponse> {
    let heads = app
        .db
        .read(move |conn| rules::versions_of(conn, &KIND, &key))
        .await?;
    let all: Vec<Value> = heads.iter().map(head).collect();
    Ok(HttpResponse::Ok().json(json!({ "versions": all })))
}

/// `GET /api/v1/policy/{key}`: the version in force, its document and what was found in it.
///
/// # Errors
/// 404.
pub async fn current(app: web::Data<App>, key: web::Path<String>) -> Result<HttpResponse> {
    show(&app, key.into_inner(), None).await
}

/// `GET /api/v1/policy/{key}/versions/{version}`
///
/// # Errors
/// 404.
pub async fn version(app: web::Data<App>, path: web::Path<(String, i32)>) -> Result<HttpResponse> {
    let (key, number) = path.into_inner();
    show(&app, key, Some(number)).await
}

async fn show(app: &App, key: String, number: Option<i32>) -> Result<HttpResponse> {
    let desk = app.desk.clone();
    let read = move |conn: &mut Conn| {
        let heads = rules::versions_of(conn, &KIND, &key)?;
        let newest = heads.first().map_or(0, |head| head.version);
        let number = number.unwrap_or(newest);
        let missing = || Error::not_found("data-use policy", format!("{key} version {number}"));
        let found = heads
            .iter()
            .find(|head| head.version == number)
            .ok_or_else(missing)?;
        let mut whole = head(found);
        let text = rules::source(conn, &KIND, &key, number)?.1;
        let version = store::version(conn, &desk.policies, &key, number)?;
        if let Some(members) = whole.as_object_mut() {
            members.insert("in_force".to_owned(), (number == newest).into());
            members.insert("document".to_owned(), serde_json::from_str(&text)?);
            let findings = lint(&version.index, desk.today().0);
            members.insert("findings".to_owned(), serde_json::to_value(findings)?);
        }
        Ok(whole)
    };
    Ok(HttpResponse::Ok().json(app.db.read(read).await?))
}

/// `GET /api/v1/policy/answers`: answers a question and keeps nothing.
///
/// # Errors
/// 404 for a policy there is none of, 422 for a question without a tool or data.
pub async fn ask(
    app: web::Data<App>,
    visitor: Visitor,
    pairs: web::Query<Vec<(String, String)>>,
) -> Result<HttpResponse> {
    const NAMES: [&str; 5] = ["policy", "tool", "mode", "class", "purpose"];
    if let Some((name, _)) = pairs
        .iter()
        .find(|(name, _)| !NAMES.contains(&name.as_str()))
    {
        return Err(Error::BadRequest(format!("there is no parameter {name}")));
    }
    let (key, question) = read(&pairs);
    let answer = answered(&app, key, question, visitor.register_query()?).await?;
    Ok(HttpResponse::Ok().json(answer))
}

async fn answered(
    app: &App,
    key: String,
    question: Question,
    within: view::Within,
) -> Result<Value> {
    let desk = app.desk.clone();
    let read = move |conn: &mut Conn| {
        kept::check(&question)?;
        let version = store::current(conn, &desk.policies, &key)?;
        view::answer(conn, &desk, &version, &question, &within)
    };
    let view = app.db.read(read).await?;
    let mut answer = serde_json::to_value(&view)?;
    if let Some(members) = answer.as_object_mut() {
        let page = app.config.link(&view.path);
        members.insert("page".to_owned(), page.into());
    }
    Ok(answer)
}

/// A question over the API.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    #[serde(default = "main")]
    policy: String,
    tool: String,
    #[serde(default)]
    mode: Option<String>,
    classes: Vec<String>,
    #[serde(default)]
    purpose: Option<String>,
}

fn main() -> String {
    super::MAIN.to_owned()
}

/// `POST /api/v1/policy/answers`: answers a question and keeps the answer.
///
/// # Errors
/// 404, 422.
pub async fn keep(
    app: web::Data<App>,
    visitor: Visitor,
    request: HttpRequest,
    body: web::Json<Asked>,
) -> Result<HttpResponse> {
    let (actor, asked) = (visitor.actor()?, body.into_inner());
    let sent = Key::of(&request, &visitor, &json!(asked))?;
    let question = Question {
        tool: asked.tool,
        mode: asked.mode,
        classes: asked.classes,
        purpose: asked.purpose,
    };
    let (author, key, within) = (actor.clone(), asked.policy, visitor.register_query()?);
    let work = move |tx: &mut Tx, desk: &Desk| {
        let version = store::current(tx, &desk.policies, &key)?;
        let kept = kept::keep(tx, desk, &author, &version, &question)?;
        let answer = view::answer(tx, desk, &version, &question, &within)?;
        let mut answer = serde_json::to_value(answer)?;
        if let Some(members) = answer.as_object_mut() {
            members.insert("id".to_owned(), json!(kept.id));
            members.insert("entry".to_owned(), kept.seq.into());
            members.insert("kept_at".to_owned(), kept.at.to_string().into());
        }
        Ok(answer)
    };
    let answer = once(&app, "keep_answer", "answer".to_owned(), &actor, sent, work).await?;
    Ok(HttpResponse::Created().json(answer))
}

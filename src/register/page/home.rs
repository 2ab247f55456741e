//! The start: what needs me, and what I wrote.
use super::{loaded, names};
use crate::app::App;
use crate::db::{Conn, PersonId};
use crate::error::Result;
use crate::register::{self, Query, Record, Status};
use crate::review::{self, Desk, Task};
use crate::web::answer::page;
use crate::web::badge::{Badge, of_risk, of_status};
use crate::web::session::Visitor;
use actix_web::{HttpResponse, web};
use serde::Serialize;

/// Tasks that stand on the start page; the rest is one link away.
const TASKS: usize = 5;

#[derive(Serialize)]
struct HomePage {
    answers: Vec<Mine>,
    tasks: Vec<TaskView>,
    more_tasks: bool,
    mine: Vec<Mine>,
}

#[derive(Serialize)]
struct TaskView {
    id: String,
    stage: String,
    title: String,
    reference: String,
    submitter: String,
    since: String,
    risk: Option<Badge>,
}

#[derive(Serialize)]
struct Mine {
    path: String,
    title: String,
    reference: String,
    words: String,
    since: String,
    status: Badge,
}

/// `GET /`
///
/// # Errors
/// When the database fails.
pub async fn home(app: web::Data<App>, visitor: Visitor) -> Result<HttpResponse> {
    let (desk, person) = (app.desk.clone(), visitor.id()?);
    let context = app
        .db
        .read(move |conn| HomePage::read(conn, &desk, person))
        .await?;
    page(&app, &visitor, "home", "home", &context)
}

impl HomePage {
    fn read(conn: &mut Conn, desk: &Desk, person: PersonId) -> Result<HomePage> {
        let all = review::tasks_of_person(conn, person)?;
        let tasks = all
            .iter()
            .take(TASKS)
            .map(|task| task_view(conn, desk, task));
        let tasks = tasks.collect::<Result<Vec<TaskView>>>()?;
        let query = Query {
            kind: "use_case".to_owned(),
            person: Some(person),
            ..Query::default()
        };
        let mine = register::list(conn, &query)?.records;
        let (answers, mine): (Vec<Record>, Vec<Record>) = mine
            .into_iter()
            .partition(|record| record.status == Status::ChangesRequested.as_str());
        Ok(HomePage {
            answers: views(conn, desk, &answers)?,
            more_tasks: all.len() > TASKS,
            tasks,
            mine: views(conn, desk, &mine)?,
        })
    }
}

fn task_view(conn: &mut Conn, desk: &Desk, task: &Task) -> Result<TaskView> {
    let record = register::by_id(conn, task.record_id)?;
    let review = review::review(conn, task.review_id)?;
    let names = names(conn, [Some(review.submitter)])?;
    let loaded = loaded(conn, desk, &review)?;
    let stage = loaded.workflow.stage(&task.stage);
    Ok(TaskView {
        id: task.id.to_string(),
        stage: stage.map_or_else(|| task.stage.clone(), |stage| stage.title.clone()),
        title: record.title,
        reference: record.reference,
        submitter: names.get(&review.submitter).cloned().unwrap_or_default(),
        since: task.opened_at.to_string(),
        risk: record.risk.as_deref().map(of_risk),
    })
}

fn views(conn: &mut Conn, desk: &Desk, records: &[Record]) -> Result<Vec<Mine>> {
    let ids: Vec<_> = records.iter().map(|record| record.id).collect();
    let holders = review::holders(conn, &ids)?;
    let view = |record: &Record| {
        let with: Vec<&str> = holders
            .iter()
            .filter(|holder| holder.record_id == record.id)
            .map(|holder| holder.name.as_str())
            .collect();
        let status = record.status()?;
        Ok(Mine {
            path: format!(
                "/{}/{}",
                desk.kinds.by_key(&record.kind)?.path,
                record.reference
            ),
            title: record.title.clone(),
            reference: record.reference.clone(),
            words: match (status, with.as_slice()) {
                (Status::ChangesRequested, _) => "waits for your answer".to_owned(),
                (_, []) => String::new(),
                (_, names) => format!("now with {}", names.join(", ")),
            },
            since: record.updated_at.to_string(),
            status: of_status(status),
        })
    };
    records.iter().map(view).collect()
}

//! The start: what needs me, and what I wrote.
use crate::app::App;
use crate::db::{Conn, PersonId};
use crate::error::Result;
use crate::register::{self, Query, Record, Status};
use crate::review::{self, Desk};
use crate::web::answer::page;
use crate::web::badge::{Badge, of_status};
use crate::web::session::Visitor;
use actix_web::{HttpResponse, web};
use serde::Serialize;

/// Tasks that stand on the start page; the rest is one link away.
const TASKS: usize = 5;

#[derive(Serialize)]
struct HomePage {
    answers: Vec<Mine>,
    tasks: Vec<review::Item>,
    more_tasks: bool,
    mine: Vec<Mine>,
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
        let mut tasks = review::inbox(conn, desk, person)?;
        let more_tasks = tasks.len() > TASKS;
        tasks.truncate(TASKS);
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
            more_tasks,
            tasks,
            mine: views(conn, desk, &mine)?,
        })
    }
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

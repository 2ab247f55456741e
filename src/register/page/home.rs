//! The start: what needs me, and what I wrote.
use crate::app::App;
use crate::db::{At, Conn, PersonId};
use crate::error::Result;
use crate::register::{self, Query, Record, Standing, Status};
use crate::review::deeds::{self, Deed};
use crate::review::{self, Desk};
use crate::web::answer::page;
use crate::web::badge::{Badge, badge, of_status};
use crate::web::session::Visitor;
use actix_web::{HttpResponse, web};
use serde::Serialize;

/// Tasks that stand on the start page; the rest is one link away.
const TASKS: usize = 5;

#[derive(Serialize)]
struct HomePage {
    duties: Vec<DutyView>,
    ending: Vec<DutyView>,
    answers: Vec<Mine>,
    tasks: Vec<review::Item>,
    more_tasks: bool,
    mine: Vec<Mine>,
}

/// Something that waits besides tasks.
#[derive(Serialize)]
struct DutyView {
    path: String,
    title: String,
    reference: String,
    words: String,
    late: Option<String>,
    status: Badge,
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
        let mut tasks = review::inbox(conn, desk, person, None)?;
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
            duties: duties(conn, desk, person)?,
            ending: ending(conn, desk, person)?,
            answers: views(conn, desk, &answers)?,
            more_tasks,
            tasks,
            mine: views(conn, desk, &mine)?,
        })
    }
}

fn duties(conn: &mut Conn, desk: &Desk, person: PersonId) -> Result<Vec<DutyView>> {
    let mut views = Vec::new();
    for duty in review::duties(conn, desk, person)? {
        let record = register::by_id(conn, duty.record)?;
        let kind = desk.kinds.by_key(&record.kind)?.path;
        let last = |due: At| At::new(due.0 - jiff::Span::new().seconds(1));
        let until = duty.due.map(|due| review::spelled(last(due), &desk.zone));
        let until = until.map_or_else(String::new, |day| format!(", until {day}"));
        let text = duty.condition.as_ref().map(|(_, text)| text.clone());
        let (words, status) = match duty.deed {
            Deed::AgreeToOverride => ("waits for a second person", badge("Override", "part")),
            Deed::GiveEvidence if duty.missed => ("was not met in time", badge("Missed", "bad")),
            Deed::GiveEvidence => ("is yours to meet", badge("Condition", "part")),
            _ => ("has evidence to judge", badge("Evidence", "open")),
        };
        views.push(DutyView {
            path: format!("/{kind}/{}", record.reference),
            title: text.unwrap_or_else(|| record.title.clone()),
            reference: record.reference,
            words: format!("{words}{until}"),
            late: duty.due.and_then(|due| deeds::late(desk, due)),
            status,
        });
    }
    Ok(views)
}

/// The person's approvals that end soon or are suspended.
fn ending(conn: &mut Conn, desk: &Desk, person: PersonId) -> Result<Vec<DutyView>> {
    let query = Query {
        kind: "use_case".to_owned(),
        person: Some(person),
        standing: vec![Standing::EndsSoon, Standing::Suspended],
        now: Some(desk.clock.now()),
        ..Query::default()
    };
    let view = |record: Record| {
        let status = record.standing().unwrap_or(Status::Approved);
        let until = record.valid_until.map(|at| review::spelled(at, &desk.zone));
        let words = match (status, record.is_under_review()) {
            (Status::Suspended, _) => "not in force".to_owned(),
            (_, true) => format!(
                "ends on {}; a review is on its way",
                until.unwrap_or_default()
            ),
            _ => format!("ends on {}", until.unwrap_or_default()),
        };
        Ok(DutyView {
            path: format!(
                "/{}/{}",
                desk.kinds.by_key(&record.kind)?.path,
                record.reference
            ),
            title: record.title,
            reference: record.reference,
            words,
            late: None,
            status: of_status(status),
        })
    };
    register::list(conn, &query)?
        .records
        .into_iter()
        .map(view)
        .collect()
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

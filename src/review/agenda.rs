//! What a person has to do: decisions that wait for them, conditions they owe, approvals of theirs
//! that end. The daily digest, the inbox and the calendar feed tell of it.
use crate::db::schema::{conditions, decisions, records};
use crate::db::{At, ConditionId, Conn, PersonId, RecordId};
use crate::error::Result;
use crate::people;
use crate::register::{self, Record};
use crate::review::engine::Review;
use crate::review::service::Desk;
use crate::review::store::{self, ConditionRow, Task};
use crate::review::workflows;
use diesel::prelude::*;
use std::collections::BTreeSet;
use std::collections::btree_map::{BTreeMap, Entry};

/// What a person has to do.
#[derive(Debug, Clone, Default)]
pub struct Agenda {
    /// Open tasks: the overdue first, then by the time they are due, then the oldest.
    pub tasks: Vec<Waiting>,
    /// Conditions they owe, in the order of their days.
    pub conditions: Vec<Owing>,
    /// Approvals of records they own, in the order of their ends.
    pub approvals: Vec<Ending>,
}

/// A task that waits.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// The task.
    pub task: Task,
    /// Title of its stage.
    pub stage: String,
    /// The record.
    pub about: About,
    /// Who submitted it.
    pub submitter: String,
    /// When it is due.
    pub due: Option<At>,
}

/// A condition that is owed.
#[derive(Debug, Clone)]
pub struct Owing {
    /// The condition.
    pub id: ConditionId,
    /// What must be done.
    pub text: String,
    /// The record.
    pub about: About,
    /// Last day, `YYYY-MM-DD`, where one was named.
    pub day: Option<String>,
    /// The instant at which it is missed.
    pub due: Option<At>,
    /// Since when it is owed.
    pub since: At,
}

/// An approval that ends.
#[derive(Debug, Clone)]
pub struct Ending {
    /// The record.
    pub about: About,
    /// When.
    pub ends: At,
    /// When it was given.
    pub since: At,
}

/// A record as an agenda names it.
#[derive(Debug, Clone)]
pub struct About {
    /// Its identifier.
    pub id: RecordId,
    /// `AI-2026-0042`.
    pub reference: String,
    /// Its title.
    pub title: String,
    /// Path of its page.
    pub path: String,
}

impl About {
    fn of(desk: &Desk, record: &Record) -> Result<About> {
        let kind = desk.kinds.by_key(&record.kind)?;
        Ok(About {
            id: record.id,
            reference: record.reference.clone(),
            title: record.title.clone(),
            path: format!("/{}/{}", kind.path, record.reference),
        })
    }
}

impl Agenda {
    /// What a person has to do, and which approvals of theirs end until then.
    ///
    /// # Errors
    /// When the database fails or holds what cannot be read.
    pub fn of(conn: &mut Conn, desk: &Desk, person: PersonId, until: At) -> Result<Agenda> {
        Ok(Agenda {
            tasks: tasks(conn, desk, person)?,
            conditions: conditions_owed(conn, desk, person)?,
            approvals: approvals_ending(conn, desk, person, until)?,
        })
    }

    /// Whether nothing is to be done.
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty() && self.conditions.is_empty() && self.approvals.is_empty()
    }
}

fn tasks(conn: &mut Conn, desk: &Desk, person: PersonId) -> Result<Vec<Waiting>> {
    let open = store::tasks_of_person(conn, person)?;
    let mut reviews = BTreeMap::new();
    for task in &open {
        if let Entry::Vacant(vacant) = reviews.entry(task.review_id) {
            vacant.insert(store::review(conn, task.review_id)?);
        }
    }
    let submitters: BTreeSet<PersonId> = reviews.values().map(|r| r.submitter).collect();
    let names = people::names(conn, &submitters)?;
    let mut waiting = Vec::new();
    for task in open {
        let Some(review) = reviews.get(&task.review_id) else {
            continue;
        };
        let record = register::by_id(conn, task.record_id)?;
        waiting.push(Waiting {
            stage: stage_title(conn, desk, review, &task.stage)?,
            about: About::of(desk, &record)?,
            submitter: names.get(&review.submitter).cloned().unwrap_or_default(),
            due: task.due_at,
            task,
        });
    }
    waiting.sort_by_key(|one| (one.due.is_none(), one.due, one.task.opened_at));
    Ok(waiting)
}

fn stage_title(conn: &mut Conn, desk: &Desk, review: &Review, stage: &str) -> Result<String> {
    let pin = &review.workflow;
    let loaded = workflows::version(conn, &desk.workflows, &pin.key, pin.version)?;
    let stage = loaded.workflow.stage(stage);
    Ok(stage.map_or_else(String::new, |stage| stage.title.clone()))
}

/// The conditions of approvals that were given; those of a running review may still fall.
fn conditions_owed(conn: &mut Conn, desk: &Desk, person: PersonId) -> Result<Vec<Owing>> {
    let rows: Vec<(ConditionRow, Record, At)> = conditions::table
        .inner_join(decisions::table)
        .inner_join(records::table.on(records::id.eq(conditions::record_id)))
        .filter(conditions::owner_id.eq(person))
        .filter(conditions::state.eq_any(["open", "missed"]))
        .filter(records::approval_id.eq(decisions::review_id.nullable()))
        .filter(records::standing.eq_any(["approved", "overridden", "suspended"]))
        .order((
            conditions::due_at.is_null(),
            conditions::due_at,
            conditions::id,
        ))
        .select((
            ConditionRow::as_select(),
            Record::as_select(),
            decisions::decided_at,
        ))
        .load(conn)?;
    let owing = |(row, record, since): (ConditionRow, Record, At)| {
        Ok(Owing {
            id: row.id,
            text: row.text,
            about: About::of(desk, &record)?,
            day: row.due,
            due: row.due_at,
            since,
        })
    };
    rows.into_iter().map(owing).collect()
}

fn approvals_ending(
    conn: &mut Conn,
    desk: &Desk,
    person: PersonId,
    until: At,
) -> Result<Vec<Ending>> {
    let rows: Vec<Record> = records::table
        .filter(records::owner_id.eq(person))
        .filter(records::standing.eq_any(["approved", "overridden"]))
        .filter(records::valid_until.le(until))
        .order((records::valid_until, records::nr))
        .select(Record::as_select())
        .load(conn)?;
    let mut endings = Vec::new();
    for record in rows {
        let Some(ends) = record.valid_until else {
            continue;
        };
        endings.push(Ending {
            about: About::of(desk, &record)?,
            ends,
            since: record.updated_at,
        });
    }
    Ok(endings)
}

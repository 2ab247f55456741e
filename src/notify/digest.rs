//! The daily digest: one mail a person and day that reminds of everything at once. Whoever has a
//! reason to remind says only that a digest is wanted; what it tells is gathered when it is sent.
use crate::db::{At, Conn, PersonId, Tx};
use crate::error::Result;
use crate::notify::Timetable;
use crate::notify::outbox::{self, Message, Stand};
use crate::people::mailing;
use crate::review::Desk;
use crate::review::agenda::{Agenda, Owing, Waiting};
use jiff::civil::Date;
use serde_json::{Value, json};
use std::time::Duration;

/// Most lines of one kind that a digest has; it says how many more there are.
const LINES_MAX: usize = 40;
/// How many days ahead the end of an approval is told of.
const ENDING_DAYS: u64 = 60;

/// Has a person reminded by their next digest: today's when it is still to come, one at once when
/// its hour has passed and none went today, else tomorrow's. Nothing for who wants no digests.
///
/// # Errors
/// When the database fails.
pub fn want(tx: &mut Tx, table: &Timetable, person: PersonId, now: At) -> Result<()> {
    if !mailing::wants_digest(tx, person)? {
        return Ok(());
    }
    let today = table.day(now);
    let day = match outbox::stand(tx, &key(person, today))? {
        // Nothing was left to remind of when it was due; now there is.
        Stand::Dropped => return outbox::queue_again(tx, &key(person, today), now),
        Stand::Unknown | Stand::Waiting => today,
        Stand::Begun => today.tomorrow().unwrap_or(today),
    };
    let digest = Message::new("digest", person).once(&key(person, day));
    let at = table.digest_of(day).unwrap_or(now);
    outbox::queue(tx, digest.not_before(at), now)
}

fn key(person: PersonId, day: Date) -> String {
    format!("digest:{person}:{day}")
}

/// What a digest tells; nothing when there is nothing to remind of.
///
/// # Errors
/// When the database fails or holds what cannot be read.
pub(super) fn facts(
    conn: &mut Conn,
    desk: &Desk,
    person: PersonId,
    now: At,
) -> Result<Option<Value>> {
    let until = now.plus(Duration::from_secs(ENDING_DAYS * 86_400));
    let agenda = Agenda::of(conn, desk, person, until)?;
    if agenda.is_empty() {
        return Ok(None);
    }
    let tasks = agenda.tasks.iter().map(|one| task(one, now));
    let conditions = agenda.conditions.iter().map(|one| condition(one, now));
    let approvals = agenda.approvals.iter();
    let approvals = approvals.map(|one| json!({ "record": named(&one.about), "ends": one.ends }));
    Ok(Some(json!({
        "subject": subject(&agenda, now),
        "tasks": tasks.take(LINES_MAX).collect::<Vec<_>>(),
        "more_tasks": agenda.tasks.len().saturating_sub(LINES_MAX),
        "conditions": conditions.take(LINES_MAX).collect::<Vec<_>>(),
        "more_conditions": agenda.conditions.len().saturating_sub(LINES_MAX),
        "approvals": approvals.take(LINES_MAX).collect::<Vec<_>>(),
        "more_approvals": agenda.approvals.len().saturating_sub(LINES_MAX),
    })))
}

fn named(about: &crate::review::agenda::About) -> Value {
    json!({ "reference": about.reference, "title": about.title })
}

fn task(one: &Waiting, now: At) -> Value {
    json!({
        "record": named(&one.about),
        "stage": one.stage,
        "submitter": one.submitter,
        "since": one.task.opened_at,
        "due": one.due,
        "overdue": one.due.is_some_and(|due| due < now),
    })
}

fn condition(one: &Owing, now: At) -> Value {
    json!({
        "record": named(&one.about),
        "text": one.text,
        "due": one.day,
        "due_at": one.due.filter(|_| one.day.is_none()),
        "overdue": one.due.is_some_and(|due| due < now),
    })
}

/// `2 decisions wait for you, 1 of them overdue; 1 condition is owed`.
fn subject(agenda: &Agenda, now: At) -> String {
    let mut parts = Vec::new();
    let overdue = agenda
        .tasks
        .iter()
        .filter(|one| one.due.is_some_and(|due| due < now));
    match (agenda.tasks.len(), overdue.count()) {
        (0, _) => {}
        (1, 0) => parts.push("1 decision waits for you".to_owned()),
        (1, _) => parts.push("1 decision waits for you and is overdue".to_owned()),
        (count, 0) => parts.push(format!("{count} decisions wait for you")),
        (count, late) => parts.push(format!("{count} decisions wait for you, {late} overdue")),
    }
    match agenda.conditions.len() {
        0 => {}
        1 => parts.push("1 condition to be met".to_owned()),
        count => parts.push(format!("{count} conditions to be met")),
    }
    match agenda.approvals.len() {
        0 => {}
        1 => parts.push("1 approval ends soon".to_owned()),
        count => parts.push(format!("{count} approvals end soon")),
    }
    parts.join("; ")
}

//! The checkpoint of each day by mail, for who wants it: with the proof that the log only grew
//! since the one before. A mailbox that holds them is a witness whom nobody can talk round.
use crate::app::App;
use crate::db::schema::checkpoint_readers;
use crate::db::{At, Conn, Day, PersonId, Tx};
use crate::error::{Error, Result};
use crate::ledger::seal::{self, Growing};
use crate::ledger::{Actor, Note, append};
use crate::notify::letter::Enclosed;
use crate::notify::mail::{About, Found, Key, Unwanted};
use crate::notify::outbox::{self, Message, Owed};
use crate::people::{self, Person};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// The mail's template.
pub(super) const TEMPLATE: &str = "checkpoint";
const NO_READER: Unwanted = "the person may not read the log any more, or wants no checkpoints";

/// Whether a person gets checkpoints by mail.
///
/// # Errors
/// When the database fails.
pub(super) fn wanted(conn: &mut Conn, person: PersonId) -> Result<bool> {
    let row = checkpoint_readers::table.find(person);
    Ok(diesel::select(diesel::dsl::exists(row)).get_result(conn)?)
}

/// Turns a person's checkpoints on or off. What is as wanted already is left so.
///
/// # Errors
/// When the database fails.
pub fn set(tx: &mut Tx, now: At, actor: &Actor, person: PersonId, on: bool) -> Result<()> {
    if wanted(tx, person)? == on {
        tx.leave_unchanged();
        return Ok(());
    }
    let kind = if on {
        diesel::insert_into(checkpoint_readers::table)
            .values(checkpoint_readers::person_id.eq(person))
            .execute(&mut **tx)?;
        "checkpoint_mail.started"
    } else {
        diesel::delete(checkpoint_readers::table.find(person)).execute(&mut **tx)?;
        "checkpoint_mail.stopped"
    };
    append(tx, now, Note::new(kind, actor).about(person))?;
    Ok(())
}

/// What a mail tells: from which checkpoint to which. Both are looked up when it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Step {
    origin: String,
    size: u64,
    since: Option<u64>,
}

/// Queues the mail of the day for everybody who wants it.
///
/// # Errors
/// When the database fails.
pub fn queue_all(tx: &mut Tx, today: Day, now: At) -> Result<()> {
    let Some((origin, size)) = seal::tip(tx)? else {
        return Ok(());
    };
    type Reader = (PersonId, Option<String>, Option<i64>);
    let readers: Vec<Reader> = checkpoint_readers::table
        .order(checkpoint_readers::person_id)
        .load(&mut **tx)?;
    for (person, told, since) in readers {
        // Under another name another log begins, and nothing ties it to the old one but its entry.
        let since = since.filter(|_| told.as_deref() == Some(origin.as_str()));
        let step = Step {
            origin: origin.clone(),
            size,
            since: since.and_then(|size| u64::try_from(size).ok()),
        };
        let mail = Message::new(TEMPLATE, person)
            .context(serde_json::to_value(step)?)
            .once(&format!("{TEMPLATE}:{today}:{person}"));
        outbox::queue(tx, mail, now)?;
        diesel::update(checkpoint_readers::table.find(person))
            .set((
                checkpoint_readers::origin.eq(&origin),
                checkpoint_readers::size.eq(i64::try_from(size).unwrap_or(i64::MAX)),
            ))
            .execute(&mut **tx)?;
    }
    Ok(())
}

/// What a mail says.
///
/// # Errors
/// When the database fails or lacks a checkpoint.
pub(super) fn tell(conn: &mut Conn, app: &App, owed: &Owed, person: &Person) -> Result<Found> {
    if !wanted(conn, person.id)? || !people::reads_log(conn, app.desk.today(), person.id)? {
        return Ok(Err(NO_READER));
    }
    let step: Step = serde_json::from_str(&owed.context)?;
    let since = step.since.filter(|since| *since < step.size);
    let grown = seal::growing(conn, &step.origin, since, step.size)?;
    let Growing { text, root, at } = grown.ok_or_else(|| {
        Error::Corrupt(format!("the checkpoint of size {} is missing", step.size))
    })?;
    let day = app.desk.timetable.day(owed.created_at);
    let facts = json!({
        "origin": step.origin,
        "size": step.size,
        "root": root,
        "signed_at": at,
        "since": step.since,
        "grown": step.since.map(|since| step.size.saturating_sub(since)),
    });
    Ok(Ok(About {
        case: None,
        key: Key::Page("/log".to_owned()),
        facts,
        enclosed: Some(Enclosed {
            name: format!("checkpoint-{day}.txt"),
            text,
        }),
    }))
}

//! Taking a person out of the outbox. Rows stay, so that what was sent is not sent again.
use crate::db::schema::outbox;
use crate::db::{At, MessageId, PersonId, Tx, lower};
use crate::error::Result;
use diesel::prelude::*;
use serde_json::{Value, json};

/// Empties the messages to a person, and drops those that wait; how many there were.
///
/// # Errors
/// When the database fails.
pub fn forget(tx: &mut Tx, person: PersonId, now: At) -> Result<usize> {
    let theirs = outbox::table.filter(outbox::person_id.eq(person));
    let waiting = theirs.filter(outbox::state.eq("queued"));
    diesel::update(waiting)
        .set((outbox::state.eq("dropped"), outbox::done_at.eq(now)))
        .execute(&mut **tx)?;
    Ok(diesel::update(theirs)
        .set((
            outbox::context.eq(json!({}).to_string()),
            outbox::last_error.eq(None::<String>),
        ))
        .execute(&mut **tx)?)
}

/// Takes what `without` takes out of messages to others in which one of `needles` stands, in small
/// letters; how many changed.
///
/// # Errors
/// When the database fails.
pub fn redact(
    tx: &mut Tx,
    needles: &[String],
    without: impl Fn(&Value) -> Option<Value>,
) -> Result<usize> {
    let mut changed = 0;
    for needle in needles {
        let pattern = crate::db::containing(needle);
        let found: Vec<(MessageId, String)> = outbox::table
            .filter(lower(outbox::context).like(&pattern).escape('!'))
            .select((outbox::id, outbox::context))
            .load(&mut **tx)?;
        for (id, context) in found {
            if let Some(left) = without(&serde_json::from_str(&context)?) {
                diesel::update(outbox::table.find(id))
                    .set(outbox::context.eq(left.to_string()))
                    .execute(&mut **tx)?;
                changed += 1;
            }
        }
    }
    Ok(changed + forget_errors(tx, needles)?)
}

/// What a mail server said about an address that did not work.
fn forget_errors(tx: &mut Tx, needles: &[String]) -> Result<usize> {
    let told: Vec<(MessageId, Option<String>)> = outbox::table
        .filter(outbox::last_error.is_not_null())
        .select((outbox::id, outbox::last_error))
        .load(&mut **tx)?;
    let names = |error: &str| {
        let error = error.to_lowercase();
        needles.iter().any(|needle| error.contains(needle))
    };
    let mut changed = 0;
    for (id, error) in told {
        if error.is_some_and(|error| names(&error)) {
            changed += diesel::update(outbox::table.find(id))
                .set(outbox::last_error.eq(None::<String>))
                .execute(&mut **tx)?;
        }
    }
    Ok(changed)
}

/// Empties what is kept of messages that were done with before `before`; how many.
///
/// # Errors
/// When the database fails.
pub fn empty_before(tx: &mut Tx, before: At) -> Result<usize> {
    let empty = json!({}).to_string();
    let done = outbox::table
        .filter(outbox::done_at.lt(before))
        .filter(outbox::context.ne(&empty));
    Ok(diesel::update(done)
        .set((
            outbox::context.eq(&empty),
            outbox::last_error.eq(None::<String>),
        ))
        .execute(&mut **tx)?)
}

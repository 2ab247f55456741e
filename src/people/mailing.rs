//! Whether mail reaches a person, and whether they want the daily digest.
//!
//! A mail server that refuses a person, or a mail that comes back, makes them unreachable; both go
//! through [`lose`]. That a server takes a mail proves that they are reached when it was the server
//! that refused. After a mail came back it does not: that one too had been taken. Then it needs a
//! day in which none comes back, or the person following a link that was mailed to them.
use crate::db::schema::{people, unreachable_people};
use crate::db::{At, Conn, PersonId, Tx};
use crate::error::Result;
use crate::ledger::entry::{Method, Via};
use crate::ledger::{Actor, Note};
use diesel::prelude::*;
use std::time::Duration;

/// How long after a server took a mail a bounce may still be on its way back.
const RETURN: Duration = Duration::from_secs(24 * 3600);

/// Why mail does not reach a person.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = unreachable_people)]
pub struct Unreachable {
    /// The status a mail server gave, such as `5.1.1`.
    pub code: String,
    /// Whether a server had taken the mail first.
    pub bounced: bool,
    /// Since when.
    pub since: At,
}

/// Who acts when mail servers have spoken.
pub fn postmaster() -> Actor {
    Actor::system(Via::new(Method::Timer, "none"))
}

/// Notes that mail does not reach a person. Whether that is new.
///
/// # Errors
/// When the database fails.
pub fn lose(tx: &mut Tx, now: At, person: PersonId, code: &str, bounced: bool) -> Result<bool> {
    if let Some(known) = unreachable(tx, person)? {
        diesel::update(unreachable_people::table.find(person))
            .set((
                unreachable_people::bounced.eq(bounced || known.bounced),
                unreachable_people::taken_at.eq(None::<At>),
            ))
            .execute(&mut **tx)?;
        return Ok(false);
    }
    diesel::insert_into(unreachable_people::table)
        .values((
            unreachable_people::person_id.eq(person),
            unreachable_people::code.eq(code),
            unreachable_people::bounced.eq(bounced),
            unreachable_people::since.eq(now),
        ))
        .execute(&mut **tx)?;
    mark(tx, person, false)?;
    let note = Note::new("person.unreachable", &postmaster()).about(person);
    crate::ledger::append(tx, now, note.data("code", code).data("bounced", bounced))?;
    Ok(true)
}

/// Notes that a mail server took a mail for a person. Whether they are reachable again by that.
///
/// # Errors
/// When the database fails.
pub fn taken(tx: &mut Tx, now: At, person: PersonId) -> Result<bool> {
    let Some(known) = unreachable(tx, person)? else {
        return Ok(false);
    };
    if !known.bounced {
        return reached(tx, now, person);
    }
    let first = unreachable_people::table
        .find(person)
        .filter(unreachable_people::taken_at.is_null());
    diesel::update(first)
        .set(unreachable_people::taken_at.eq(now))
        .execute(&mut **tx)?;
    Ok(false)
}

/// Notes that mail reached a person: they followed its link. Whether that is new.
///
/// # Errors
/// When the database fails.
pub fn reached(tx: &mut Tx, now: At, person: PersonId) -> Result<bool> {
    if unreachable(tx, person)?.is_none() {
        return Ok(false);
    }
    diesel::delete(unreachable_people::table.find(person)).execute(&mut **tx)?;
    mark(tx, person, true)?;
    let note = Note::new("person.reachable", &postmaster()).about(person);
    crate::ledger::append(tx, now, note)?;
    Ok(true)
}

/// Those whose mail came back once and, since a server took the next, has not for a day.
///
/// # Errors
/// When the database fails.
pub fn silent(conn: &mut Conn, now: At) -> Result<Vec<PersonId>> {
    let before = At(now.0.checked_sub(RETURN).unwrap_or(now.0));
    Ok(unreachable_people::table
        .filter(unreachable_people::taken_at.le(before))
        .select(unreachable_people::person_id)
        .order(unreachable_people::person_id)
        .load(conn)?)
}

/// Why mail does not reach a person; nothing when it does.
///
/// # Errors
/// When the database fails.
pub fn unreachable(conn: &mut Conn, person: PersonId) -> Result<Option<Unreachable>> {
    Ok(unreachable_people::table
        .find(person)
        .select(Unreachable::as_select())
        .get_result(conn)
        .optional()?)
}

fn mark(tx: &mut Tx, person: PersonId, reachable: bool) -> Result<()> {
    diesel::update(people::table.find(person))
        .set(people::reachable.eq(reachable))
        .execute(&mut **tx)?;
    Ok(())
}

/// Whether a person wants the daily digest, and notices that ask for nothing.
///
/// # Errors
/// When the database fails.
pub fn wants_digest(conn: &mut Conn, person: PersonId) -> Result<bool> {
    let wanted = people::table.find(person).select(people::digest);
    Ok(wanted.get_result(conn).optional()?.unwrap_or(false))
}

/// Turns a person's digest on or off. A digest that is as wanted already is left so.
///
/// # Errors
/// When the database fails.
pub fn set_digest(
    tx: &mut Tx,
    now: At,
    actor: &Actor,
    person: PersonId,
    wanted: bool,
) -> Result<()> {
    if wants_digest(tx, person)? == wanted {
        tx.leave_unchanged();
        return Ok(());
    }
    diesel::update(people::table.find(person))
        .set(people::digest.eq(wanted))
        .execute(&mut **tx)?;
    let kind = if wanted {
        "digest.started"
    } else {
        "digest.stopped"
    };
    crate::ledger::append(tx, now, Note::new(kind, actor).about(person))?;
    Ok(())
}

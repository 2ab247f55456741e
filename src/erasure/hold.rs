//! Legal holds: what must be kept, whatever anybody wants erased.
use super::{Reach, Refusal, administrator, reason};
use crate::db::schema::legal_holds;
use crate::db::{At, Conn, HoldId, PersonId, RecordId, Tx};
use crate::error::{Error, Result};
use crate::ledger::{Actor, Note};
use crate::people::{self, Person};
use crate::register;
use crate::review::Desk;
use diesel::prelude::*;
use std::collections::BTreeSet;

/// What a hold is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// Everything that concerns a person.
    Person(PersonId),
    /// Everything that concerns a record.
    Record(RecordId),
}

/// A legal hold.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = legal_holds)]
pub struct Hold {
    /// Identifier.
    pub id: HoldId,
    /// The person, if it is on one.
    pub person_id: Option<PersonId>,
    /// The record, if it is on one.
    pub record_id: Option<RecordId>,
    /// Who set it.
    pub set_by: Option<PersonId>,
    /// The entry, beside which the reason lies.
    pub set_seq: i64,
    /// When.
    pub set_at: At,
    /// Who lifted it.
    pub lifted_by: Option<PersonId>,
    /// The entry that says so.
    pub lifted_seq: Option<i64>,
    /// When.
    pub lifted_at: Option<At>,
}

/// Sets a hold on a person or a record.
///
/// # Errors
/// [`Error::Forbidden`] for others than administrators, [`Error::Invalid`] for the reason,
/// [`Refusal::HeldAlready`].
pub fn set(tx: &mut Tx, desk: &Desk, actor: &Actor, on: On, why: &str) -> Result<HoldId> {
    let by = administrator(tx, actor)?;
    let (id, now) = (HoldId::new(), desk.clock.now());
    let note = Note::new("hold.set", actor).subject("hold", id.to_string());
    let (note, name, held) = match on {
        On::Person(person) => {
            let person = people::known(tx, person)?;
            let held = people_held(tx)?.contains(&person.id);
            (note.about(person.id), person.name, held)
        }
        On::Record(record) => {
            let record = register::by_id(tx, record)?;
            let held = records_held(tx)?.contains(&record.id);
            (
                note.record(record.id, &record.reference),
                record.reference,
                held,
            )
        }
    };
    if held {
        return Err(Refusal::HeldAlready(name).into());
    }
    let seq = crate::ledger::append(tx, now, note.private("reason", reason(why)?))?;
    let (person, record) = match on {
        On::Person(person) => (Some(person), None),
        On::Record(record) => (None, Some(record)),
    };
    diesel::insert_into(legal_holds::table)
        .values((
            legal_holds::id.eq(id),
            legal_holds::person_id.eq(person),
            legal_holds::record_id.eq(record),
            legal_holds::set_by.eq(by),
            legal_holds::set_seq.eq(i64::try_from(seq).unwrap_or(i64::MAX)),
            legal_holds::set_at.eq(now),
        ))
        .execute(&mut **tx)?;
    Ok(id)
}

/// Lifts a hold.
///
/// # Errors
/// [`Error::Forbidden`] for others than administrators, [`Error::Invalid`] for the reason,
/// [`Refusal::Lifted`], [`Error::NotFound`].
pub fn lift(tx: &mut Tx, desk: &Desk, actor: &Actor, id: HoldId, why: &str) -> Result<()> {
    let by = administrator(tx, actor)?;
    let hold = hold(tx, id)?;
    if hold.lifted_at.is_some() {
        return Err(Refusal::Lifted.into());
    }
    let now = desk.clock.now();
    let mut note = Note::new("hold.lifted", actor).subject("hold", id.to_string());
    if let Some(person) = hold.person_id {
        note = note.about(person);
    }
    if let Some(record) = hold.record_id {
        let record = register::by_id(tx, record)?;
        note = note.record(record.id, &record.reference);
    }
    let seq = crate::ledger::append(tx, now, note.private("reason", reason(why)?))?;
    diesel::update(legal_holds::table.find(id))
        .set((
            legal_holds::lifted_by.eq(by),
            legal_holds::lifted_seq.eq(i64::try_from(seq).unwrap_or(i64::MAX)),
            legal_holds::lifted_at.eq(now),
        ))
        .execute(&mut **tx)?;
    Ok(())
}

/// The hold with this identifier.
///
/// # Errors
/// [`Error::NotFound`].
pub fn hold(conn: &mut Conn, id: HoldId) -> Result<Hold> {
    let found = legal_holds::table.find(id).select(Hold::as_select());
    let found = found.get_result(conn).optional()?;
    found.ok_or_else(|| Error::not_found("legal hold", id))
}

/// The holds, those that stand first, then the newest first.
///
/// # Errors
/// When the database fails.
pub fn holds(conn: &mut Conn) -> Result<Vec<Hold>> {
    let mut all: Vec<Hold> = legal_holds::table
        .order((legal_holds::set_at.desc(), legal_holds::id.desc()))
        .select(Hold::as_select())
        .load(conn)?;
    all.sort_by_key(|hold| hold.lifted_at.is_some());
    Ok(all)
}

pub(super) fn people_held(conn: &mut Conn) -> Result<BTreeSet<PersonId>> {
    let held: Vec<Option<PersonId>> = legal_holds::table
        .filter(legal_holds::lifted_at.is_null())
        .select(legal_holds::person_id)
        .load(conn)?;
    Ok(held.into_iter().flatten().collect())
}

pub(crate) fn records_held(conn: &mut Conn) -> Result<BTreeSet<RecordId>> {
    let held: Vec<Option<RecordId>> = legal_holds::table
        .filter(legal_holds::lifted_at.is_null())
        .select(legal_holds::record_id)
        .load(conn)?;
    Ok(held.into_iter().flatten().collect())
}

/// Refuses an erasure against which a hold stands, naming what is held.
pub(super) fn refuse_held(conn: &mut Conn, person: &Person, reach: &Reach) -> Result<()> {
    let mut names = Vec::new();
    let held = people_held(conn)?;
    if held.contains(&person.id) {
        names.push(person.name.clone());
    }
    let others = held.intersection(&reach.people);
    for other in others.filter(|other| **other != person.id) {
        names.push(people::known(conn, *other)?.name);
    }
    for record in records_held(conn)?.intersection(&reach.records) {
        names.push(register::by_id(conn, *record)?.reference);
    }
    if names.is_empty() {
        Ok(())
    } else {
        Err(Refusal::Held(names).into())
    }
}

//! Whether a record is one of some business units.
use crate::db::schema::{conditions, evidence_uses, records, reviews};
use crate::db::{Conn, PersonId, RecordId};
use crate::error::Result;
use crate::ledger::{closes, listed, of_units};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use std::collections::BTreeSet;

/// What an address leads to.
#[derive(Debug, Clone)]
pub enum Place {
    /// The record of this reference.
    Record(String),
    /// The record of this review.
    Review(String),
    /// The record of this condition.
    Condition(String),
    /// The record of this evidence file.
    File(String),
}

/// Whether some revision of the record names one of `units`, or `person` owns or submitted it.
/// What is not there is not within.
///
/// # Errors
/// When the database fails.
pub fn within(conn: &mut Conn, units: &[String], person: PersonId, place: &Place) -> Result<bool> {
    let found: Option<RecordId> = match place {
        Place::Record(reference) => records::table
            .filter(records::reference.eq(reference))
            .select(records::id)
            .first(conn)
            .optional()?,
        Place::Review(id) => reviews::table
            .filter(reviews::id.eq(id))
            .select(reviews::record_id)
            .first(conn)
            .optional()?,
        Place::Condition(id) => conditions::table
            .filter(conditions::id.eq(id))
            .select(conditions::record_id)
            .first(conn)
            .optional()?,
        Place::File(id) => evidence_uses::table
            .filter(evidence_uses::id.eq(id))
            .select(evidence_uses::record_id)
            .first(conn)
            .optional()?,
    };
    let Some(record) = found else {
        return Ok(false);
    };
    let theirs = records::owner_id
        .eq(person)
        .or(records::submitter_id.eq(person));
    let own: i64 = records::table
        .filter(records::id.eq(record).and(theirs))
        .count()
        .get_result(conn)?;
    Ok(own > 0 || of(conn, units)?.contains(&record))
}

/// The records of which some revision names one of `units`.
///
/// # Errors
/// When the database fails.
pub fn of(conn: &mut Conn, units: &[String]) -> Result<BTreeSet<RecordId>> {
    let named = sql::<Bool>(&of_units(matches!(conn, Conn::Postgres(_)), "records.id"));
    let named = named
        .bind::<Text, _>(listed(units))
        .sql(closes(matches!(conn, Conn::Postgres(_))));
    let found: Vec<RecordId> = records::table
        .filter(named)
        .select(records::id)
        .load(conn)?;
    Ok(found.into_iter().collect())
}

//! Whether a record is one of some business units.
use crate::db::schema::{
    conditions, evidence_uses, oversight_samples, records, reviews, risk_escalations, test_waivers,
};
use crate::db::{Conn, PersonId, RecordId};
use crate::error::Result;
use crate::of_units;
use diesel::prelude::*;
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
    /// The record of this waiver of a test.
    Waiver(String),
    /// The record of what an overseer looked at.
    Sample(String),
    /// The record of this escalation of risk.
    Escalation(String),
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
        Place::Waiver(id) => test_waivers::table
            .filter(test_waivers::id.eq(id))
            .select(test_waivers::record_id)
            .first(conn)
            .optional()?,
        Place::Sample(id) => oversight_samples::table
            .filter(oversight_samples::id.eq(id))
            .select(oversight_samples::record_id)
            .first(conn)
            .optional()?,
        Place::Escalation(id) => risk_escalations::table
            .filter(risk_escalations::id.eq(id))
            .select(risk_escalations::record_id)
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
    Ok(own > 0 || is_of(conn, units, record)?)
}

/// Whether some revision of the record names one of `units`.
///
/// # Errors
/// When the database fails.
pub fn is_of(conn: &mut Conn, units: &[String], record: RecordId) -> Result<bool> {
    let named = of_units!(conn, "records.id", units);
    let found = records::table
        .find(record)
        .filter(named)
        .select(records::id);
    let found: Option<RecordId> = found.get_result(conn).optional()?;
    Ok(found.is_some())
}

/// The records of which some revision names one of `units`.
///
/// # Errors
/// When the database fails.
pub fn of(conn: &mut Conn, units: &[String]) -> Result<BTreeSet<RecordId>> {
    let named = of_units!(conn, "records.id", units);
    let found: Vec<RecordId> = records::table
        .filter(named)
        .select(records::id)
        .load(conn)?;
    Ok(found.into_iter().collect())
}

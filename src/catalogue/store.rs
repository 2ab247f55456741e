//! Joins and their limits in the database.
use crate::db::schema::{join_limits, joins, records};
use crate::db::{At, Conn, PersonId, RecordId, ReviewId, Tx};
use crate::error::Result;
use crate::register::{self, Record};
use diesel::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// A use case that joined the approval of another.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = joins)]
pub struct Join {
    /// The use case.
    pub record_id: RecordId,
    /// Whose approval it joined.
    pub base_id: RecordId,
    /// The review that had approved it then.
    pub approval_id: ReviewId,
    /// The revision that was approved then.
    pub revision: i32,
    /// Digest of that revision.
    pub digest: String,
    /// How many conditions were confirmed.
    pub conditions: i32,
    /// Who joined.
    pub person_id: PersonId,
    /// Number of its entry.
    pub seq: i64,
    /// When.
    pub joined_at: At,
}

/// What a record joined; nothing where it joined none.
///
/// # Errors
/// When the database fails.
pub fn join_of(conn: &mut Conn, record: RecordId) -> Result<Option<Join>> {
    Ok(joins::table
        .find(record)
        .select(Join::as_select())
        .get_result(conn)
        .optional()?)
}

/// What each of these records joined.
///
/// # Errors
/// When the database fails.
pub(super) fn joins_among(
    conn: &mut Conn,
    records: &[RecordId],
) -> Result<BTreeMap<RecordId, Join>> {
    let rows: Vec<Join> = joins::table
        .filter(joins::record_id.eq_any(records))
        .select(Join::as_select())
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|join| (join.record_id, join))
        .collect())
}

/// The use cases that joined the approval of `base`, the latest first.
///
/// # Errors
/// When the database fails.
pub fn joins_of(conn: &mut Conn, base: RecordId, most: i64) -> Result<Vec<Record>> {
    Ok(records::table
        .inner_join(joins::table.on(joins::record_id.eq(records::id)))
        .filter(joins::base_id.eq(base))
        .order(joins::seq.desc())
        .limit(most)
        .select(Record::as_select())
        .load(conn)?)
}

/// Those of `all` that a reader sees who sees records `within`.
///
/// # Errors
/// When the database fails.
pub(super) fn visible(
    conn: &mut Conn,
    mut all: Vec<Record>,
    within: &Option<(Vec<String>, PersonId)>,
) -> Result<Vec<Record>> {
    if let Some((units, person)) = within {
        let seen = register::of_units(conn, units)?;
        let own = |record: &Record| [record.owner_id, record.submitter_id].contains(&Some(*person));
        all.retain(|record| seen.contains(&record.id) || own(record));
    }
    Ok(all)
}

/// How many joined the approval of each of these.
///
/// # Errors
/// When the database fails.
pub(super) fn counts(conn: &mut Conn, bases: &[RecordId]) -> Result<BTreeMap<RecordId, i64>> {
    let rows: Vec<(RecordId, i64)> = joins::table
        .filter(joins::base_id.eq_any(bases))
        .group_by(joins::base_id)
        .select((joins::base_id, diesel::dsl::count_star()))
        .load(conn)?;
    Ok(rows.into_iter().collect())
}

/// Who answers for what joined the approval of `base` and has no approval of its own.
///
/// # Errors
/// When the database fails.
pub fn owners_of(conn: &mut Conn, base: RecordId) -> Result<BTreeSet<PersonId>> {
    let rows: Vec<(Option<PersonId>, Option<PersonId>)> = records::table
        .inner_join(joins::table.on(joins::record_id.eq(records::id)))
        .filter(joins::base_id.eq(base).and(records::approval_id.is_null()))
        .select((records::owner_id, records::submitter_id))
        .load(conn)?;
    let people = rows.into_iter().filter_map(|(owner, by)| owner.or(by));
    Ok(people.collect())
}

/// What was said last of how many may join: the number of its entry, and the places.
///
/// # Errors
/// When the database fails.
pub(super) fn limit(conn: &mut Conn, base: RecordId) -> Result<Option<(i64, Option<i32>)>> {
    Ok(join_limits::table
        .filter(join_limits::record_id.eq(base))
        .order(join_limits::seq.desc())
        .select((join_limits::seq, join_limits::places))
        .first(conn)
        .optional()?)
}

pub(super) fn insert(tx: &mut Tx, join: &Join) -> Result<()> {
    diesel::insert_into(joins::table)
        .values(join)
        .execute(&mut **tx)?;
    Ok(())
}

pub(super) fn insert_limit(
    tx: &mut Tx,
    (seq, base): (i64, RecordId),
    places: Option<i32>,
    person: PersonId,
    at: At,
) -> Result<()> {
    diesel::insert_into(join_limits::table)
        .values((
            join_limits::seq.eq(seq),
            join_limits::record_id.eq(base),
            join_limits::places.eq(places),
            join_limits::person_id.eq(person),
            join_limits::set_at.eq(at),
        ))
        .execute(&mut **tx)?;
    Ok(())
}

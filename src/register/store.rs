//! Records and revisions in the database, one statement a function.
use crate::db::schema::{counters, record_facets, records, revisions};
use crate::db::{At, Conn, Kept, PersonId, RecordId, ReviewId, Tx};
use crate::error::{Error, Result};
use crate::on_backend;
use crate::register::{Sealed, Status};
use diesel::prelude::*;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A record of the register.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = records)]
pub struct Record {
    /// Identifier.
    pub id: RecordId,
    /// Running number, the key of the text index.
    pub nr: i64,
    /// Key of its kind.
    pub kind: String,
    /// What people call it: `AI-2026-0042`.
    pub reference: String,
    /// Title of the current revision.
    pub title: String,
    /// Where it stands, as a word of [`Status`].
    pub status: String,
    /// Risk tier, once a workflow's tables gave one.
    pub risk: Option<String>,
    /// Number of the current revision.
    pub revision: i32,
    /// Who created it.
    pub submitter_id: Option<PersonId>,
    /// Who answers for it, when that is a person of the directory.
    pub owner_id: Option<PersonId>,
    /// The latest review.
    pub review_id: Option<ReviewId>,
    /// What identifies it in the register it came from.
    pub source_key: Option<String>,
    /// When it was created.
    pub created_at: At,
    /// When it last changed.
    pub updated_at: At,
    /// The review whose approval counts, also after it ended.
    pub approval_id: Option<ReviewId>,
    /// What became of that approval, as a word of [`Status`].
    pub standing: Option<String>,
    /// Until when it holds.
    pub valid_until: Option<At>,
}

impl Record {
    /// What became of its approval, when it has or had one.
    pub fn standing(&self) -> Option<Status> {
        self.standing.as_deref().and_then(Status::named)
    }

    /// Whether it may be used now because of an approval or override.
    pub fn is_in_force(&self) -> bool {
        matches!(self.standing(), Some(Status::Approved | Status::Overridden))
    }

    /// Whether a review of it runs, or waits for its submitter.
    pub fn is_under_review(&self) -> bool {
        let running = [Status::InReview, Status::ChangesRequested];
        Status::named(&self.status).is_some_and(|status| running.contains(&status))
    }

    /// Whether a new review of it is a renewal.
    pub fn standing_can_be_renewed(&self) -> bool {
        let ends = [Status::Expired];
        self.standing()
            .is_some_and(|s| s.is_approval() || ends.contains(&s))
    }

    /// Where it stands.
    ///
    /// # Errors
    /// When the database holds another word.
    pub fn status(&self) -> Result<Status> {
        Status::named(&self.status)
            .ok_or_else(|| Error::Corrupt(format!("{} has status {}", self.reference, self.status)))
    }
}

/// One immutable version of a document.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = revisions)]
pub struct Revision {
    /// The record.
    pub record_id: RecordId,
    /// From 1.
    pub number: i32,
    /// Salted commitment to the text, in hex: what an approver signs.
    pub digest: String,
    /// The salt, in hex.
    pub salt: String,
    /// The exact canonical text.
    #[diesel(column_name = document)]
    pub text: String,
    /// Who wrote it.
    pub author_id: Option<PersonId>,
    /// When.
    pub created_at: At,
    /// The entry that says that personal data was taken out of the text; the digest is still that
    /// of the text as it was.
    pub redacted_seq: Option<i64>,
    /// Digest of the text as it is since then, in hex.
    pub redacted_digest: Option<String>,
}

/// What is known of a revision besides its text, which may be long.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = revisions)]
pub struct RevisionHead {
    /// From 1.
    pub number: i32,
    /// Salted commitment to the text, in hex.
    pub digest: String,
    /// Who wrote it.
    pub author_id: Option<PersonId>,
    /// When.
    pub created_at: At,
    /// The entry that says that personal data was taken out of the text.
    pub redacted_seq: Option<i64>,
}

impl Revision {
    /// The revision without its text.
    pub fn head(&self) -> RevisionHead {
        RevisionHead {
            number: self.number,
            digest: self.digest.clone(),
            author_id: self.author_id,
            created_at: self.created_at,
            redacted_seq: self.redacted_seq,
        }
    }

    /// The document.
    ///
    /// # Errors
    /// When the stored text is no JSON.
    pub fn document(&self) -> Result<Value> {
        Ok(serde_json::from_str(&self.text)?)
    }
}

/// The record with this identifier.
///
/// # Errors
/// [`Error::NotFound`].
pub fn by_id(conn: &mut Conn, id: RecordId) -> Result<Record> {
    records::table
        .find(id)
        .select(Record::as_select())
        .get_result(conn)
        .optional()?
        .ok_or_else(|| Error::not_found("record", id))
}

/// What people call these records.
///
/// # Errors
/// When the database fails.
pub fn references(conn: &mut Conn, ids: &BTreeSet<RecordId>) -> Result<BTreeMap<RecordId, String>> {
    let ids: Vec<RecordId> = ids.iter().copied().collect();
    let rows: Vec<(RecordId, String)> = records::table
        .filter(records::id.eq_any(ids))
        .select((records::id, records::reference))
        .load(conn)?;
    Ok(rows.into_iter().collect())
}

/// The record with this reference.
///
/// # Errors
/// [`Error::NotFound`].
pub fn by_reference(conn: &mut Conn, kind: &str, reference: &str) -> Result<Record> {
    records::table
        .filter(records::kind.eq(kind).and(records::reference.eq(reference)))
        .select(Record::as_select())
        .get_result(conn)
        .optional()?
        .ok_or_else(|| Error::not_found("record", reference))
}

/// The record of any kind with this reference.
///
/// # Errors
/// [`Error::NotFound`].
pub fn any_by_reference(conn: &mut Conn, reference: &str) -> Result<Record> {
    records::table
        .filter(records::reference.eq(reference.trim()))
        .select(Record::as_select())
        .get_result(conn)
        .optional()?
        .ok_or_else(|| Error::not_found("record", reference))
}

/// The record that an import made from this row, if it did.
pub(super) fn by_source(conn: &mut Conn, kind: &str, key: &str) -> Result<Option<Record>> {
    Ok(records::table
        .filter(records::kind.eq(kind).and(records::source_key.eq(key)))
        .select(Record::as_select())
        .get_result(conn)
        .optional()?)
}

/// One revision of a record.
///
/// # Errors
/// [`Error::NotFound`].
pub fn revision(conn: &mut Conn, record: RecordId, number: i32) -> Result<Revision> {
    revisions::table
        .find((record, number))
        .select(Revision::as_select())
        .get_result(conn)
        .optional()?
        .ok_or_else(|| Error::not_found("revision", number))
}

/// All revisions of a record without their texts, the first first.
///
/// # Errors
/// When the database fails.
pub fn revisions(conn: &mut Conn, record: RecordId) -> Result<Vec<RevisionHead>> {
    Ok(revisions::table
        .filter(revisions::record_id.eq(record))
        .order(revisions::number)
        .select(RevisionHead::as_select())
        .load(conn)?)
}

/// Everyone who wrote a revision of a record.
///
/// # Errors
/// When the database fails.
pub fn editors(conn: &mut Conn, record: RecordId) -> Result<BTreeSet<PersonId>> {
    let authors: Vec<Option<PersonId>> = revisions::table
        .filter(revisions::record_id.eq(record))
        .select(revisions::author_id)
        .distinct()
        .load(conn)?;
    Ok(authors.into_iter().flatten().collect())
}

pub(super) fn insert(tx: &mut Tx, record: &Record, body: &str) -> Result<()> {
    diesel::insert_into(records::table)
        .values((
            records::id.eq(record.id),
            records::nr.eq(record.nr),
            records::kind.eq(&record.kind),
            records::reference.eq(&record.reference),
            records::title.eq(&record.title),
            records::body.eq(body),
            records::status.eq(&record.status),
            records::revision.eq(record.revision),
            records::submitter_id.eq(record.submitter_id),
            records::owner_id.eq(record.owner_id),
            records::source_key.eq(&record.source_key),
            records::created_at.eq(record.created_at),
            records::updated_at.eq(record.updated_at),
        ))
        .execute(&mut **tx)?;
    Ok(())
}

pub(super) fn update_content(tx: &mut Tx, record: &Record, body: &str) -> Result<()> {
    let update = diesel::update(records::table.find(record.id)).set((
        records::title.eq(&record.title),
        records::body.eq(body),
        records::revision.eq(record.revision),
        records::owner_id.eq(record.owner_id),
        records::updated_at.eq(record.updated_at),
    ));
    on_backend!(&mut **tx, c => Kept(update).run(c))?;
    Ok(())
}

/// Notes the latest review of a record and where it stands.
///
/// # Errors
/// When the database fails.
pub fn set_review(
    tx: &mut Tx,
    record: RecordId,
    review: ReviewId,
    status: Status,
    risk: Option<&str>,
    now: At,
) -> Result<()> {
    let update = diesel::update(records::table.find(record)).set((
        records::review_id.eq(review),
        records::status.eq(status.as_str()),
        records::risk.eq(risk),
        records::updated_at.eq(now),
    ));
    on_backend!(&mut **tx, c => Kept(update).run(c))?;
    Ok(())
}

/// Notes where a record stands while no review changes it.
///
/// # Errors
/// When the database fails.
pub fn set_status(tx: &mut Tx, record: RecordId, status: Status, now: At) -> Result<()> {
    let update = diesel::update(records::table.find(record)).set((
        records::status.eq(status.as_str()),
        records::updated_at.eq(now),
    ));
    on_backend!(&mut **tx, c => Kept(update).run(c))?;
    Ok(())
}

/// Notes which approval of a record counts and what became of it.
///
/// # Errors
/// When the database fails.
pub fn set_standing(
    tx: &mut Tx,
    record: RecordId,
    approval: ReviewId,
    standing: Status,
    valid_until: Option<At>,
    now: At,
) -> Result<()> {
    let update = diesel::update(records::table.find(record)).set((
        records::approval_id.eq(approval),
        records::standing.eq(standing.as_str()),
        records::valid_until.eq(valid_until),
        records::updated_at.eq(now),
    ));
    on_backend!(&mut **tx, c => Kept(update).run(c))?;
    Ok(())
}

pub(super) fn insert_revision(
    tx: &mut Tx,
    record: &Record,
    sealed: &Sealed,
    author: Option<PersonId>,
    now: At,
) -> Result<()> {
    diesel::insert_into(revisions::table)
        .values((
            revisions::record_id.eq(record.id),
            revisions::number.eq(record.revision),
            revisions::digest.eq(&sealed.digest),
            revisions::salt.eq(&sealed.salt),
            revisions::document.eq(&sealed.text),
            revisions::author_id.eq(author),
            revisions::created_at.eq(now),
        ))
        .execute(&mut **tx)?;
    Ok(())
}

pub(super) fn set_facets(tx: &mut Tx, record: RecordId, facets: &[(String, String)]) -> Result<()> {
    diesel::delete(record_facets::table.filter(record_facets::record_id.eq(record)))
        .execute(&mut **tx)?;
    for (field, value) in facets {
        diesel::insert_into(record_facets::table)
            .values((
                record_facets::record_id.eq(record),
                record_facets::field.eq(field),
                record_facets::value.eq(value),
            ))
            .execute(&mut **tx)?;
    }
    Ok(())
}

/// The next number of the register.
pub(super) fn next_number(tx: &mut Tx) -> Result<i64> {
    next(tx, "records")
}

/// The next reference of this year, such as `AI-2026-0042`.
pub(super) fn next_reference(tx: &mut Tx, prefix: &str, now: At) -> Result<String> {
    let year = jiff::tz::TimeZone::UTC.to_datetime(now.0).year();
    let number = next(tx, &format!("{prefix}-{year}"))?;
    Ok(format!("{prefix}-{year}-{number:04}"))
}

fn next(tx: &mut Tx, name: &str) -> Result<i64> {
    let counter = counters::table.find(name);
    let last: Option<i64> = counter
        .select(counters::last)
        .get_result(&mut **tx)
        .optional()?;
    match last {
        Some(last) => {
            let update = diesel::update(counter).set(counters::last.eq(last + 1));
            on_backend!(&mut **tx, c => Kept(update).run(c))?;
            Ok(last + 1)
        }
        None => {
            diesel::insert_into(counters::table)
                .values((counters::name.eq(name), counters::last.eq(1_i64)))
                .execute(&mut **tx)?;
            Ok(1)
        }
    }
}

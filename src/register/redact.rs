//! Taking personal data out of revisions. The digest that was signed stays; the text it was made
//! of is gone, and with its salt whatever could show what it said. What is left of the text gets
//! a digest of its own, which the erasure's entry carries.
use super::{Kinds, facets, seal, search_text, store, title};
use crate::db::schema::{records, revisions};
use crate::db::{Conn, RecordId, Tx, lower};
use crate::error::Result;
use diesel::prelude::*;
use serde_json::Value;

/// A revision, and its text as it is to be.
#[derive(Debug, Clone)]
pub struct Redaction {
    /// The record.
    pub record: RecordId,
    /// The revision's number.
    pub number: i32,
    /// The fields that change.
    pub fields: Vec<String>,
    /// Digest of the text as it is to be, in hex.
    pub digest: String,
    document: Value,
    text: String,
    salt: String,
}

/// The revisions that one of `needles`, in small letters, stands in and that `without` changes.
///
/// # Errors
/// When the database fails.
pub fn redactions(
    conn: &mut Conn,
    needles: &[String],
    without: impl Fn(&Value) -> Option<(Value, Vec<String>)>,
) -> Result<Vec<Redaction>> {
    let mut found: Vec<(RecordId, i32, String)> = Vec::new();
    for needle in needles {
        // As it is spelled within JSON.
        let spelled = serde_json::to_string(needle)?;
        let pattern = crate::db::containing(spelled.trim_matches('"'));
        found.extend(
            revisions::table
                .filter(lower(revisions::document).like(pattern).escape('!'))
                .select((revisions::record_id, revisions::number, revisions::document))
                .load::<(RecordId, i32, String)>(conn)?,
        );
    }
    found.sort();
    found.dedup();
    let mut all = Vec::new();
    for (record, number, text) in found {
        let Some((document, fields)) = without(&serde_json::from_str(&text)?) else {
            continue;
        };
        let sealed = seal(&document)?;
        all.push(Redaction {
            record,
            number,
            fields,
            digest: sealed.digest,
            document,
            text: sealed.text,
            salt: sealed.salt,
        });
    }
    Ok(all)
}

/// Puts the text in its place, on the word of entry `because`, which must stand already. Where it
/// is the present revision, the register's list and search follow.
///
/// # Errors
/// When the database fails.
pub fn redact(tx: &mut Tx, kinds: &Kinds, because: u64, redaction: &Redaction) -> Result<()> {
    let because = i64::try_from(because).unwrap_or(i64::MAX);
    diesel::update(revisions::table.find((redaction.record, redaction.number)))
        .set((
            revisions::document.eq(&redaction.text),
            revisions::salt.eq(&redaction.salt),
            revisions::redacted_seq.eq(because),
            revisions::redacted_digest.eq(&redaction.digest),
        ))
        .execute(&mut **tx)?;
    let record = store::by_id(tx, redaction.record)?;
    if record.revision != redaction.number {
        return Ok(());
    }
    let document = &redaction.document;
    diesel::update(records::table.find(record.id))
        .set((
            records::title.eq(title(document)?),
            records::body.eq(search_text(document)),
        ))
        .execute(&mut **tx)?;
    let kind = kinds.by_key(&record.kind)?;
    store::set_facets(tx, record.id, &facets(kind, document))
}

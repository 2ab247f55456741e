//! What a person keeps of their decision, ready for `receipt`.
use crate::db::{At, Conn};
use crate::error::{Error, Result};
use crate::ledger::seal::Sealing;
use crate::ledger::{self, Filter, Page, tree};
use crate::people;
use crate::review::case::Case;
use crate::review::sheet::{Named, conditions};
use crate::review::store;
use crate::review::words;
use crate::web::spine;
use serde::Serialize;

/// A recorded decision as its person reads it.
#[derive(Debug, Serialize)]
pub struct Receipt {
    /// What was decided on.
    pub record: Named,
    /// Who decided.
    pub person: String,
    /// In whose place.
    pub on_behalf_of: Option<String>,
    /// Title of the stage.
    pub stage: String,
    /// What they did.
    pub outcome: String,
    /// Its tone.
    pub tone: &'static str,
    /// When.
    pub at: At,
    /// How they were known.
    pub method: &'static str,
    /// The revision decided on.
    pub revision: i32,
    /// Its digest.
    pub digest: String,
    /// Number of the ledger entry.
    pub seq: i64,
    /// Its leaf hash.
    pub leaf_hash: String,
    /// Whether a signed checkpoint covers it, and the proof.
    pub seal: Sealing,
    /// Why.
    pub reason: Option<String>,
    /// What must still be done.
    pub conditions: Vec<String>,
    /// The revision now, when another took the place of the one decided on.
    pub replaced_by: Option<i32>,
}

/// The receipt of a decided task.
///
/// # Errors
/// When the database fails or lacks the decision.
pub fn receipt(conn: &mut Conn, case: &Case) -> Result<Receipt> {
    let found = store::decision(conn, case.task.id)?;
    let (row, reason) = found.ok_or_else(|| Error::not_found("decision", case.task.id))?;
    let conditions = conditions(conn, case.record.id)?.remove(&row.id);
    let first = match row.on_behalf_of {
        Some(id) => Some(people::known(conn, id)?.name),
        None => None,
    };
    Ok(Receipt {
        record: Named::of(case),
        person: case.person.name.clone(),
        on_behalf_of: first,
        stage: case.stage()?.title.clone(),
        outcome: words::done_by_key(&row.outcome),
        tone: spine::tone(Some(&row.outcome)),
        at: row.decided_at,
        method: spine::method(&row.method),
        revision: row.revision,
        seq: row.seq,
        leaf_hash: leaf_hash(conn, row.seq)?,
        seal: sealing(conn, row.seq)?,
        reason,
        conditions: conditions.unwrap_or_default(),
        replaced_by: (case.record.revision > row.revision).then_some(case.record.revision),
        digest: row.digest,
    })
}

/// How a decision's entry is sealed.
///
/// # Errors
/// When the database fails or lacks the entry.
pub(super) fn sealing(conn: &mut Conn, seq: i64) -> Result<Sealing> {
    Sealing::of(conn, u64::try_from(seq).unwrap_or(0))
}

fn leaf_hash(conn: &mut Conn, seq: i64) -> Result<String> {
    let from = Page::From(u64::try_from(seq).unwrap_or(0));
    let rows = ledger::rows(conn, &Filter::default(), from, 1)?;
    let row = rows.first().filter(|row| row.seq == seq);
    let row = row.ok_or_else(|| Error::Corrupt(format!("entry {seq} is missing")))?;
    Ok(hex::encode(tree::leaf_hash(&row.entry).as_bytes()))
}

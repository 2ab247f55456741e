//! Erasing, once two administrators agree.
use super::reach::Reach;
use super::store::Proposal;
use crate::db::schema::idempotency;
use crate::db::{Conn, Tx, lower};
use crate::error::Result;
use crate::ledger::{self, Actor, Note, PrivateValue};
use crate::register::{self, Redaction};
use crate::review::{self, Desk};
use crate::{notify, people};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Most values and most revisions that one entry lists: an entry holds 64 kB.
const VALUES_MAX: usize = 3000;
const REVISIONS_MAX: usize = 150;

/// What an erasure took away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Erased {
    /// The first entry that says so.
    pub seq: u64,
    /// Values beside entries.
    pub values: usize,
    /// Revisions whose texts were replaced.
    pub revisions: usize,
    /// Messages that were emptied.
    pub messages: usize,
    /// Other rows that went: sessions, links, tokens, absences.
    pub rows: usize,
}

/// Takes all of `reach` away. The entries come first: the database loses a value only on the word
/// of an entry.
pub(super) fn erase(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    proposal: &Proposal,
    reach: &Reach,
) -> Result<Erased> {
    let now = desk.clock.now();
    let person = proposal.person_id;
    overwrite(tx, true)?;
    let needles = reach.mention.needles();
    let mut rows = people::erase(tx, person, now)? + review::delete_links_of(tx, person)?;
    rows += delete_answers(tx, &needles)?;
    let mut messages = notify::forget(tx, person, now)?;
    messages += notify::redact(tx, &needles, |context| {
        reach.mention.without_in(context).map(|(left, _)| left)
    })?;
    let mut erased = Erased {
        seq: 0,
        values: reach.values.len(),
        revisions: reach.revisions.len(),
        messages,
        rows,
    };
    let parts = parts(&reach.values, &reach.revisions);
    let count = parts.len();
    for (index, (values, revisions)) in parts.into_iter().enumerate() {
        let note = Note::new("person.erased", actor)
            .about(person)
            .subject("erasure", proposal.id.to_string())
            .data("basis", proposal.basis.as_str())
            .data("proposed_by", proposal.proposed_by.to_string())
            .data("part", index + 1)
            .data("parts", count)
            .data("values", listed(values))
            .data("revisions", revisions.iter().map(told).collect::<Vec<_>>())
            .data("messages", messages)
            .data("rows", rows);
        let seq = ledger::append(tx, now, note)?;
        if index == 0 {
            erased.seq = seq;
        }
        ledger::erase(tx, seq, values)?;
        review::forget(tx, values)?;
        for revision in revisions {
            register::redact(tx, &desk.kinds, seq, revision)?;
        }
    }
    overwrite(tx, false)?;
    Ok(erased)
}

/// Answers kept for requests that come again, where they tell of the person.
fn delete_answers(tx: &mut Tx, needles: &[String]) -> Result<usize> {
    let mut gone = 0;
    for needle in needles {
        let pattern = crate::db::containing(needle);
        let told = idempotency::table.filter(lower(idempotency::answer).like(pattern).escape('!'));
        gone += diesel::delete(told).execute(&mut **tx)?;
    }
    Ok(gone)
}

/// SQLite overwrites what it deletes, and its text index drops words that are gone. PostgreSQL
/// does the like when it vacuums.
fn overwrite(tx: &mut Tx, begins: bool) -> Result<()> {
    if let Conn::Sqlite(conn) = &mut **tx {
        conn.batch_execute(match begins {
            true => "PRAGMA secure_delete = ON",
            false => {
                "INSERT INTO record_text (record_text) VALUES ('optimize'); \
                 PRAGMA secure_delete = OFF"
            }
        })?;
    }
    Ok(())
}

/// What each entry lists; one entry at least.
fn parts<'r>(
    values: &'r [PrivateValue],
    revisions: &'r [Redaction],
) -> Vec<(&'r [PrivateValue], &'r [Redaction])> {
    let mut values = values.chunks(VALUES_MAX);
    let mut revisions = revisions.chunks(REVISIONS_MAX);
    let mut parts = Vec::new();
    loop {
        let values = values.next().unwrap_or_default();
        let revisions = revisions.next().unwrap_or_default();
        if values.is_empty() && revisions.is_empty() && !parts.is_empty() {
            return parts;
        }
        parts.push((values, revisions));
    }
}

/// Numbers of entries by the name of the value.
pub(super) fn listed(values: &[PrivateValue]) -> Value {
    let mut by_name: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for (seq, name) in values {
        by_name.entry(name).or_default().push(*seq);
    }
    json!(by_name)
}

fn told(revision: &Redaction) -> Value {
    json!({
        "record": revision.record, "revision": revision.number, "fields": revision.fields,
        "digest": revision.digest,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_for_one_entry_goes_into_several() {
        let values: Vec<PrivateValue> = (0..6500).map(|seq| (seq, "reason".to_owned())).collect();
        let parts = parts(&values, &[]);
        let lengths: Vec<usize> = parts.iter().map(|(values, _)| values.len()).collect();
        assert_eq!(lengths, [3000, 3000, 500]);
        assert_eq!(super::parts(&[], &[]).len(), 1);
        let first = listed(parts[0].0).to_string();
        assert!(first.len() < 30_000, "{}", first.len());
    }
}

//! What joined an approval, and how many may.
use crate::db::schema::{join_limits, joins};
use crate::db::{Conn, PersonId};
use crate::error::Result;
use crate::ledger::entry::Entry;
use crate::replay::entries::{Replay, by, last, number, subject};
use crate::replay::stored::put;
use crate::replay::{Key, Snapshot};
use diesel::prelude::*;
use serde_json::{Value, json};

/// A use case joined an approval.
///
/// # Errors
/// What the entry lacks.
pub(super) fn joined(replay: &mut Replay, entry: &Entry) -> std::result::Result<(), String> {
    let record = subject(entry, "record")?.to_owned();
    replay.touch(&Key::new("record", &record), last(entry));
    let conditions = entry.data.get("conditions_accepted");
    let fields = json!({
        "base": subject(entry, "base")?, "approval": subject(entry, "approval")?,
        "revision": number(entry, "base_revision")?, "digest": subject(entry, "base_digest")?,
        "conditions": conditions.and_then(Value::as_i64), "person": by(entry), "entry": entry.seq,
    });
    replay.put(Key::new("join", record), entry, fields);
    Ok(())
}

/// Somebody said how many may join.
///
/// # Errors
/// What the entry lacks.
pub(super) fn limited(replay: &mut Replay, entry: &Entry) -> std::result::Result<(), String> {
    let record = subject(entry, "record")?.to_owned();
    replay.touch(&Key::new("record", &record), last(entry));
    let places = entry.data.get("places").cloned().unwrap_or_default();
    let fields = json!({ "record": record, "places": places, "person": by(entry) });
    replay.put(Key::new("join_limit", entry.seq), entry, fields);
    Ok(())
}

type JoinRow = (String, String, String, i32, String, i32, PersonId, i64);

/// What the tables say of both.
///
/// # Errors
/// When the database fails.
pub(super) fn stored(conn: &mut Conn, all: &mut Snapshot) -> Result<()> {
    let rows: Vec<JoinRow> = joins::table
        .select((
            joins::record_id,
            joins::base_id,
            joins::approval_id,
            joins::revision,
            joins::digest,
            joins::conditions,
            joins::person_id,
            joins::seq,
        ))
        .load(conn)?;
    for (record, base, approval, revision, digest, conditions, person, seq) in rows {
        let fields = json!({
            "base": base, "approval": approval, "revision": revision, "digest": digest,
            "conditions": conditions, "person": person, "entry": seq,
        });
        put(all, Key::new("join", record), fields);
    }
    let rows: Vec<(i64, String, Option<i32>, PersonId)> = join_limits::table
        .select((
            join_limits::seq,
            join_limits::record_id,
            join_limits::places,
            join_limits::person_id,
        ))
        .load(conn)?;
    for (seq, record, places, person) in rows {
        let fields = json!({ "record": record, "places": places, "person": person });
        put(all, Key::new("join_limit", seq), fields);
    }
    Ok(())
}

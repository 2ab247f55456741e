//! Who oversees and what they looked at, by entries and by the database.
use super::entries::Replay;
use super::stored::put;
use super::{Key, Snapshot};
use crate::db::schema::{overseers, oversight_arrangements, oversight_samples};
use crate::db::{ArrangementId, Conn, Day, PersonId, RecordId};
use crate::error::Result;
use crate::ledger::entry::{Entry, SYSTEM};
use crate::oversight::Sample;
use diesel::prelude::*;
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};

const ARRANGEMENT: &str = "oversight_arrangement";
const SAMPLE: &str = "oversight_sample";

impl Replay {
    /// What an entry tells of human review.
    pub(super) fn oversight(
        &mut self,
        entry: &Entry,
        deed: &str,
    ) -> std::result::Result<(), String> {
        let subject = |name: &str| entry.subject.get(name).cloned().unwrap_or_default();
        let data = |name: &str| entry.data.get(name).cloned().unwrap_or_default();
        let by = Some(&entry.actor).filter(|actor| *actor != SYSTEM);
        let id = |name: &str| {
            let id = entry.subject.get(name).and_then(Value::as_str);
            id.ok_or_else(|| format!("it does not say `{name}`"))
        };
        match deed {
            "arranged" => {
                let fields = json!({
                    "record": subject("record"), "on": data("on"), "overseers": data("overseers"),
                    "by": by, "entry": entry.seq,
                });
                self.put(Key::new(ARRANGEMENT, id("arrangement")?), entry, fields);
                Ok(())
            }
            "sampled" => {
                let fields = json!({
                    "record": subject("record"), "on": data("looked_on"),
                    "looked_at": data("looked_at"), "overridden": data("overridden"),
                    "by": by, "entry": entry.seq, "withdrawn_by": null, "withdrawn": null,
                });
                self.put(Key::new(SAMPLE, id("sample")?), entry, fields);
                Ok(())
            }
            _ => {
                let fields = json!({ "withdrawn_by": by, "withdrawn": entry.seq });
                self.set(&Key::new(SAMPLE, id("sample")?), entry, fields)
            }
        }
    }
}

pub(super) fn of_oversight(conn: &mut Conn, all: &mut Snapshot) -> Result<()> {
    let mut named: HashMap<ArrangementId, BTreeSet<PersonId>> = HashMap::new();
    let rows: Vec<(ArrangementId, PersonId)> = overseers::table
        .select((overseers::arrangement_id, overseers::person_id))
        .load(conn)?;
    for (arrangement, person) in rows {
        named.entry(arrangement).or_default().insert(person);
    }
    type Row = (ArrangementId, RecordId, Day, PersonId, i64);
    let rows: Vec<Row> = oversight_arrangements::table
        .select((
            oversight_arrangements::id,
            oversight_arrangements::record_id,
            oversight_arrangements::named_on,
            oversight_arrangements::arranged_by,
            oversight_arrangements::seq,
        ))
        .load(conn)?;
    for (id, record, on, by, seq) in rows {
        let fields = json!({
            "record": record, "on": on.to_string(),
            "overseers": named.remove(&id).unwrap_or_default(), "by": by, "entry": seq,
        });
        put(all, Key::new(ARRANGEMENT, id), fields);
    }
    let rows = oversight_samples::table.select(Sample::as_select());
    for row in rows.load(conn)? {
        let fields = json!({
            "record": row.record_id, "on": row.looked_on.to_string(),
            "looked_at": row.looked_at, "overridden": row.overridden, "by": row.recorded_by,
            "entry": row.seq, "withdrawn_by": row.withdrawn_by, "withdrawn": row.withdrawn_seq,
        });
        put(all, Key::new(SAMPLE, row.id), fields);
    }
    Ok(())
}

//! Results and waivers of tests, by entries and by the database.
use super::entries::Replay;
use super::stored::put;
use super::{Key, Snapshot};
use crate::db::Conn;
use crate::db::schema::{test_results, test_waivers};
use crate::error::Result;
use crate::gates::{Amount, Recorded, Waiver};
use crate::ledger::entry::{Entry, SYSTEM};
use diesel::prelude::*;
use serde_json::{Value, json};

impl Replay {
    /// What an entry tells of tests.
    pub(super) fn gates(&mut self, entry: &Entry, deed: &str) -> std::result::Result<(), String> {
        let subject = |name: &str| entry.subject.get(name).cloned().unwrap_or_default();
        let data = |name: &str| entry.data.get(name).cloned().unwrap_or_default();
        let by = Some(&entry.actor).filter(|actor| *actor != SYSTEM);
        let id = |name: &str| {
            let id = entry.subject.get(name).and_then(Value::as_str);
            id.ok_or_else(|| format!("it does not say `{name}`"))
        };
        if entry.kind == "test.recorded" {
            let fields = json!({
                "record": subject("record"), "plan": subject("plan"),
                "plan_version": subject("plan_version"), "gate": subject("gate"),
                "value": data("value"), "met": data("met"), "on": data("performed_on"),
                "until": data("valid_until"), "by": by, "entry": entry.seq,
            });
            self.put(Key::new("test", id("test")?), entry, fields);
            return Ok(());
        }
        let key = Key::new("waiver", id("waiver")?);
        if deed == "asked" {
            let fields = json!({
                "record": subject("record"), "plan": subject("plan"), "gate": subject("gate"),
                "until": data("until"), "state": "asked", "asked_by": by, "entry": entry.seq,
                "settled_by": null, "settled": null,
            });
            self.put(key, entry, fields);
            return Ok(());
        }
        let fields = json!({ "state": deed, "settled_by": by, "settled": entry.seq });
        self.set(&key, entry, fields)
    }
}

pub(super) fn of_gates(conn: &mut Conn, all: &mut Snapshot) -> Result<()> {
    for row in test_results::table
        .select(Recorded::as_select())
        .load(conn)?
    {
        let fields = json!({
            "record": row.record_id, "plan": row.plan, "plan_version": row.plan_version,
            "gate": row.gate, "value": Amount(row.value).to_string(), "met": row.met,
            "on": row.performed_on.to_string(), "until": row.valid_until.to_string(),
            "by": row.recorded_by, "entry": row.seq,
        });
        put(all, Key::new("test", row.id), fields);
    }
    for row in test_waivers::table.select(Waiver::as_select()).load(conn)? {
        let fields = json!({
            "record": row.record_id, "plan": row.plan, "gate": row.gate,
            "until": row.until.to_string(), "state": row.state, "asked_by": row.asked_by,
            "entry": row.asked_seq, "settled_by": row.settled_by, "settled": row.settled_seq,
        });
        put(all, Key::new("waiver", row.id), fields);
    }
    Ok(())
}

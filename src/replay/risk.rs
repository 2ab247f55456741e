//! Assessments of risk and their escalations, by entries and by the database.
use super::entries::Replay;
use super::stored::put;
use super::{Key, Snapshot};
use crate::db::schema::{risk_assessments, risk_escalations};
use crate::db::{Conn, RecordId};
use crate::error::Result;
use crate::ledger::entry::{Entry, SYSTEM};
use crate::risk::{self, Assessment, Escalation};
use diesel::prelude::*;
use serde_json::{Map, Value, json};

const ASSESSMENT: &str = "risk_assessment";
const ESCALATION: &str = "risk_escalation";

impl Replay {
    /// What an entry tells of risk.
    pub(super) fn risk(&mut self, entry: &Entry, deed: &str) -> std::result::Result<(), String> {
        let subject = |name: &str| entry.subject.get(name).cloned().unwrap_or_default();
        let data = |name: &str| entry.data.get(name).cloned().unwrap_or_default();
        let by = Some(&entry.actor).filter(|actor| *actor != SYSTEM);
        let id = |name: &str| {
            let id = entry.subject.get(name).and_then(Value::as_str);
            id.ok_or_else(|| format!("it does not say `{name}`"))
        };
        if deed != "assessed" {
            let fields = json!({
                "state": deed, "until": data("until"), "settled_by": by, "settled": entry.seq,
            });
            return self.set(&Key::new(ESCALATION, id("escalation")?), entry, fields);
        }
        let assessment = id("assessment")?;
        for old in data("superseded").as_array().into_iter().flatten() {
            let old = old.as_str().ok_or("it names an escalation by no name")?;
            let fields = json!({ "state": "superseded", "settled_by": by, "settled": entry.seq });
            self.set(&Key::new(ESCALATION, old), entry, fields)?;
        }
        for one in data("escalations").as_array().into_iter().flatten() {
            let said = |name: &str| one.get(name).cloned().unwrap_or_default();
            let new = said("id");
            let new = new.as_str().ok_or("it names an escalation by no name")?;
            let fields = json!({
                "assessment": assessment, "record": subject("record"), "rule": said("rule"),
                "areas": said("areas"), "role": said("role"), "due_on": said("due_on"),
                "state": "open", "until": null, "settled_by": null, "settled": null,
            });
            self.put(Key::new(ESCALATION, new), entry, fields);
        }
        let fields = json!({
            "record": subject("record"), "revision": subject("revision"),
            "rules_version": subject("rules_version"), "tier": data("tier"),
            "class": data("class"), "role": data("role"), "answers": data("answers"),
            "on": data("on"), "until": data("valid_until"), "areas": data("areas"), "by": by,
            "entry": entry.seq,
        });
        self.put(Key::new(ASSESSMENT, assessment), entry, fields);
        Ok(())
    }
}

pub(super) fn of_risk(conn: &mut Conn, all: &mut Snapshot) -> Result<()> {
    let rows: Vec<Assessment> = risk_assessments::table
        .select(Assessment::as_select())
        .load(conn)?;
    let mut areas = risk::areas_of_all(conn)?;
    for row in rows {
        let answers: Value = serde_json::from_str(&row.answers).unwrap_or_default();
        let areas: Map<String, Value> = areas.remove(&row.id).unwrap_or_default();
        let record: RecordId = row.record_id;
        let fields = json!({
            "record": record, "revision": row.revision, "rules_version": row.rules_version,
            "tier": row.tier, "class": row.class, "role": row.role, "answers": answers,
            "on": row.assessed_on.to_string(), "until": row.valid_until.to_string(),
            "areas": areas, "by": row.assessed_by, "entry": row.seq,
        });
        put(all, Key::new(ASSESSMENT, row.id), fields);
    }
    let rows = risk_escalations::table.select(Escalation::as_select());
    for row in rows.load(conn)? {
        let fields = json!({
            "assessment": row.assessment_id, "record": row.record_id, "rule": row.rule,
            "areas": row.areas, "role": row.role, "due_on": row.due_on.to_string(),
            "state": row.state, "until": row.accepted_until.map(|until| until.to_string()),
            "settled_by": row.settled_by, "settled": row.settled_seq,
        });
        put(all, Key::new(ESCALATION, row.id), fields);
    }
    Ok(())
}

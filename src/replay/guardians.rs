//! What bounds those who look and those who erase: an auditor's appointment, legal holds, erasures
//! and how long values are kept; as the entries tell them, and as the database has them.
use super::entries::{Replay, committed, subject};
use super::stored::{Beside, put};
use super::{Key, Snapshot};
use crate::db::schema::{auditor_terms, erasures, legal_holds, retention_rules};
use crate::db::{Conn, PersonId, RecordId};
use crate::error::Result;
use crate::ledger::entry::Entry;
use diesel::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn said(entry: &Entry, name: &str) -> Value {
    entry.data.get(name).cloned().unwrap_or_default()
}

impl Replay {
    /// What an auditor is appointed to, by the latest entry that says so; nothing is kept of an
    /// appointment without limits.
    pub(super) fn appointment(&mut self, entry: &Entry) -> std::result::Result<(), String> {
        let key = Key::new("appointment", subject(entry, "person")?);
        let days = ["from", "until", "last_day"].map(|name| said(entry, name));
        let by_unit = said(entry, "by_unit") == json!(true);
        if !by_unit && days.iter().all(Value::is_null) {
            self.forget(&key);
            return Ok(());
        }
        let [from, until, last_day] = days;
        let fields = json!({
            "units": committed(entry, "units"), "from": from, "until": until,
            "last_day": last_day, "entry": entry.seq,
        });
        self.put(key, entry, fields);
        Ok(())
    }

    pub(super) fn hold(&mut self, entry: &Entry, deed: &str) -> std::result::Result<(), String> {
        let key = Key::new("hold", subject(entry, "hold")?);
        if deed == "lifted" {
            return self.set(&key, entry, json!({ "lifted": entry.seq }));
        }
        let of = |name: &str| entry.subject.get(name).cloned();
        let fields = json!({
            "person": of("person"), "record": of("record"), "set": entry.seq, "lifted": null,
        });
        self.put(key, entry, fields);
        Ok(())
    }

    pub(super) fn erasure(&mut self, entry: &Entry, deed: &str) -> std::result::Result<(), String> {
        let key = Key::new("erasure", subject(entry, "erasure")?);
        let settled = |state: &str| json!({ "state": state, "settled": entry.seq });
        match deed {
            "proposed" => {
                let fields = json!({
                    "person": subject(entry, "person")?, "basis": said(entry, "basis"),
                    "state": "proposed", "proposed": entry.seq, "settled": null,
                });
                self.put(key, entry, fields);
                Ok(())
            }
            "declined" => self.set(&key, entry, settled("declined")),
            // A long erasure has several entries; its proposal names the first.
            _ if said(entry, "part") == json!(1) => self.set(&key, entry, settled("done")),
            _ => Ok(()),
        }
    }

    pub(super) fn retention(
        &mut self,
        entry: &Entry,
        deed: &str,
    ) -> std::result::Result<(), String> {
        let key = Key::new("retention", subject(entry, "rule")?);
        let state = match deed {
            "proposed" => {
                let fields = json!({
                    "values_months": said(entry, "values_months"),
                    "links_days": said(entry, "links_days"),
                    "state": "proposed", "proposed": entry.seq, "settled": null,
                });
                self.put(key, entry, fields);
                return Ok(());
            }
            "changed" => "agreed",
            _ => "declined",
        };
        self.set(&key, entry, json!({ "state": state, "settled": entry.seq }))
    }
}

type TermsRow = (
    PersonId,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    i64,
);
type HoldRow = (String, Option<PersonId>, Option<RecordId>, i64, Option<i64>);
type ErasureRow = (String, PersonId, String, String, i64, Option<i64>);
type RuleRow = (String, Option<i32>, Option<i32>, String, i64, Option<i64>);

pub(super) fn of_guardians(conn: &mut Conn, beside: &Beside, all: &mut Snapshot) -> Result<()> {
    of_auditors(conn, beside, all)?;
    let rows: Vec<HoldRow> = legal_holds::table
        .select((
            legal_holds::id,
            legal_holds::person_id,
            legal_holds::record_id,
            legal_holds::set_seq,
            legal_holds::lifted_seq,
        ))
        .load(conn)?;
    for (id, person, record, set, lifted) in rows {
        let fields = json!({ "person": person, "record": record, "set": set, "lifted": lifted });
        put(all, Key::new("hold", id), fields);
    }
    let rows: Vec<ErasureRow> = erasures::table
        .select((
            erasures::id,
            erasures::person_id,
            erasures::basis,
            erasures::state,
            erasures::proposed_seq,
            erasures::settled_seq,
        ))
        .load(conn)?;
    for (id, person, basis, state, proposed, settled) in rows {
        let fields = json!({
            "person": person, "basis": basis, "state": state, "proposed": proposed,
            "settled": settled,
        });
        put(all, Key::new("erasure", id), fields);
    }
    let rows: Vec<RuleRow> = retention_rules::table
        .select((
            retention_rules::id,
            retention_rules::values_months,
            retention_rules::links_days,
            retention_rules::state,
            retention_rules::proposed_seq,
            retention_rules::settled_seq,
        ))
        .load(conn)?;
    for (id, months, days, state, proposed, settled) in rows {
        let fields = json!({
            "values_months": months, "links_days": days, "state": state, "proposed": proposed,
            "settled": settled,
        });
        put(all, Key::new("retention", id), fields);
    }
    Ok(())
}

fn of_auditors(conn: &mut Conn, beside: &Beside, all: &mut Snapshot) -> Result<()> {
    let rows: Vec<TermsRow> = auditor_terms::table
        .select((
            auditor_terms::person_id,
            auditor_terms::units,
            auditor_terms::from_day,
            auditor_terms::until_day,
            auditor_terms::last_day,
            auditor_terms::seq,
        ))
        .load(conn)?;
    for (person, units, from, until, last_day, seq) in rows {
        let units = match serde_json::from_str::<BTreeSet<String>>(&units) {
            Ok(units) if units.is_empty() => Value::Null,
            Ok(units) => {
                let lines: Vec<String> = units.into_iter().collect();
                beside.commitment(Some(seq), "units", &lines.join("\n"))
            }
            Err(_) => units.into(),
        };
        let fields = json!({
            "units": units, "from": from, "until": until, "last_day": last_day, "entry": seq,
        });
        put(all, Key::new("appointment", person), fields);
    }
    Ok(())
}

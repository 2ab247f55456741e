//! Changes at vendors, and the reviews that they called for: what entries tell of them, and what
//! the tables say. Use cases that wait are nobody's deed; that none is missing shows by the digest
//! of all of them in the entry of the confirmation.
use super::entries::{by, last, subject};
use super::reviews::object;
use super::stored::put;
use super::{Key, Last, Snapshot, Thing};
use crate::db::schema::{vendor_change_cases, vendor_changes};
use crate::db::{Conn, PersonId, RecordId, ReviewId};
use crate::error::Result;
use crate::ledger::entry::Entry;
use crate::review::engine::Review;
use crate::vendor::{self, Next, case_digest};
use diesel::prelude::*;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Which changes each review deals with.
#[derive(Debug, Default)]
pub(super) struct Vendors {
    dealt_with: BTreeMap<ReviewId, BTreeSet<String>>,
}

fn case(change: &str, record: impl ToString) -> Key {
    Key::new(
        "vendor_change_case",
        format!("{change}:{}", record.to_string()),
    )
}

impl Vendors {
    /// Takes an entry about a change.
    pub fn take(
        &mut self,
        all: &mut Snapshot,
        entry: &Entry,
        deed: &str,
    ) -> std::result::Result<(), String> {
        let id = subject(entry, "vendor_change")?;
        let data = |name: &str| entry.data.get(name).cloned().unwrap_or_default();
        if deed == "joined" {
            let (record, review) = (subject(entry, "record")?, subject(entry, "review")?);
            let parsed = review
                .parse()
                .map_err(|_| format!("`review` is {review}"))?;
            self.open(all, id, record, parsed, last(entry));
            return Ok(());
        }
        if deed == "skipped" {
            // Whatever waited is in no table of reviews; an open one cannot be skipped.
            let key = case(id, subject(entry, "record")?);
            return match all.get(&key) {
                Some(_) => Err(format!(
                    "change {id} is skipped where a review deals with it"
                )),
                None => Ok(()),
            };
        }
        let key = Key::new("vendor_change", id);
        if deed == "reported" {
            let fields = json!({
                "vendor": subject(entry, "record")?, "area": data("area"),
                "effective_on": data("effective_on"), "state": "reported",
                "reported_by": by(entry), "entry": entry.seq, "decided_by": null,
                "closed_by": null, "dependants": null, "cases": null,
            });
            let thing = Thing {
                fields: object(fields),
                last: Some(last(entry)),
            };
            all.insert(key, thing);
            return Ok(());
        }
        let says = match deed {
            "confirmed" => json!({
                "state": "open", "decided_by": by(entry), "dependants": data("dependants"),
                "cases": data("cases"),
            }),
            "dismissed" => json!({ "state": "dismissed", "decided_by": by(entry) }),
            _ => json!({ "state": "closed", "closed_by": by(entry) }),
        };
        let thing = all.get_mut(&key);
        let thing = thing.ok_or_else(|| format!("no entry before it reports change {id}"))?;
        thing.fields.extend(object(says));
        thing.last = Some(last(entry));
        Ok(())
    }

    fn open(
        &mut self,
        all: &mut Snapshot,
        change: &str,
        record: impl ToString,
        review: ReviewId,
        last: Last,
    ) {
        let fields = json!({ "state": "open", "review": review, "outcome": null });
        let thing = Thing {
            fields: object(fields),
            last: Some(last),
        };
        all.insert(case(change, record), thing);
        let dealt = self.dealt_with.entry(review).or_default();
        dealt.insert(change.to_owned());
    }

    /// Something happened to a review.
    pub fn follow(&mut self, all: &mut Snapshot, review: &Review, opened: bool, last: &Last) {
        if opened {
            for change in &review.vendor_changes {
                let change = change.to_string();
                self.open(all, &change, review.record, review.id, last.clone());
            }
        }
        let next = vendor::next(review);
        let dealt = self.dealt_with.get(&review.id).into_iter().flatten();
        for change in dealt.filter(|_| next != Next::Runs) {
            let key = case(change, review.record);
            let Some(thing) = all.get_mut(&key) else {
                continue;
            };
            let its = [("state", json!("open")), ("review", json!(review.id))];
            if its
                .iter()
                .any(|(name, is)| thing.fields.get(*name) != Some(is))
            {
                continue;
            }
            if next == Next::Again {
                all.remove(&key);
                continue;
            }
            let outcome = review.phase.as_str();
            let says = json!({ "state": "ended", "outcome": outcome });
            thing.fields.extend(object(says));
            thing.last = Some(last.clone());
        }
    }
}

type ChangeRow = (
    String,
    String,
    String,
    Option<String>,
    String,
    Option<PersonId>,
    i64,
    Option<PersonId>,
    Option<PersonId>,
);
type CaseRow = (String, RecordId, String, Option<String>, Option<String>);

/// What the tables say of changes at vendors.
pub(super) fn of_vendors(conn: &mut Conn, all: &mut Snapshot) -> Result<()> {
    let rows: Vec<CaseRow> = vendor_change_cases::table
        .select((
            vendor_change_cases::change_id,
            vendor_change_cases::record_id,
            vendor_change_cases::state,
            vendor_change_cases::review_id,
            vendor_change_cases::outcome,
        ))
        .load(conn)?;
    let mut of_change: HashMap<String, Vec<RecordId>> = HashMap::new();
    for (change, record, state, review, outcome) in rows {
        if ["open", "ended"].contains(&state.as_str()) {
            let fields = json!({ "state": state, "review": review, "outcome": outcome });
            put(all, case(&change, record), fields);
        }
        of_change.entry(change).or_default().push(record);
    }
    let rows: Vec<ChangeRow> = vendor_changes::table
        .select((
            vendor_changes::id,
            vendor_changes::vendor_id,
            vendor_changes::area,
            vendor_changes::effective_on,
            vendor_changes::state,
            vendor_changes::reported_by,
            vendor_changes::reported_seq,
            vendor_changes::decided_by,
            vendor_changes::closed_by,
        ))
        .load(conn)?;
    for (id, vendor, area, effective_on, state, reported_by, entry, decided_by, closed_by) in rows {
        let cases = of_change.remove(&id).unwrap_or_default();
        let counts = ["open", "closed"].contains(&state.as_str()) || !cases.is_empty();
        let (count, digest) = match counts {
            true => (json!(cases.len()), json!(case_digest(cases))),
            false => (Value::Null, Value::Null),
        };
        let fields = json!({
            "vendor": vendor, "area": area, "effective_on": effective_on, "state": state,
            "reported_by": reported_by, "entry": entry, "decided_by": decided_by,
            "closed_by": closed_by, "dependants": count, "cases": digest,
        });
        put(all, Key::new("vendor_change", id), fields);
    }
    Ok(())
}

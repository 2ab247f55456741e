//! What the mails about vendors tell, from what is true when they are sent.
use super::store::{self, Change, State};
use super::{change, reminders};
use crate::app::App;
use crate::db::{Conn, PersonId, RecordId, VendorChangeId};
use crate::error::{Error, Result};
use crate::people;
use crate::register::{self, Record};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The mail to keepers of vendors: somebody reported a change.
pub const REPORTED: &str = "vendor_change_reported";
/// The mail to owners, submitters and approvers: their use cases are reviewed again.
pub const RE_REVIEW: &str = "vendor_change";
/// The mail to keepers and owner: something about a vendor runs out.
pub const DUE: &str = "vendor_due";
/// Most use cases that one mail lists; it says how many more there are.
const LISTED: usize = 40;

/// Where a mail leads and what it says; nothing when it is not wanted any more.
///
/// # Errors
/// When the database fails or holds what cannot be read.
pub fn tell(
    conn: &mut Conn,
    app: &App,
    template: &str,
    (record, context): (RecordId, &Value),
    person: PersonId,
) -> Result<Option<(String, Value)>> {
    let vendor = register::by_id(conn, record)?;
    if template == DUE {
        return reminders::tell(conn, &app.desk, &vendor, context);
    }
    let id = context.get("change").and_then(Value::as_str);
    let id: Option<VendorChangeId> = id.and_then(|id| id.parse().ok());
    let id = id.ok_or_else(|| Error::Corrupt("a mail about no change".to_owned()))?;
    let change = store::change(conn, id)?;
    let wanted = match template {
        REPORTED => change.state()? == State::Reported,
        _ => change.state()? == State::Open,
    };
    if !wanted {
        return Ok(None);
    }
    let said = change::words(conn, &change)?;
    let reporter = people::names(conn, &change.reported_by.into_iter().collect())?;
    let path = format!("/vendors/{}/changes/{id}", vendor.reference);
    let mut facts = json!({
        "vendor": named(&vendor),
        "area": change.area().words(),
        "what": lines(said.what.as_deref()),
        "effective_on": change.effective_on,
        "by": reporter.into_values().next(),
        "at": change.reported_at,
    });
    if let (RE_REVIEW, Some(facts)) = (template, facts.as_object_mut()) {
        let cases = theirs(conn, &change, person)?;
        facts.insert("total".to_owned(), cases.len().into());
        facts.insert("more".to_owned(), cases.len().saturating_sub(LISTED).into());
        let shown: Vec<Value> = cases.into_iter().take(LISTED).collect();
        facts.insert("cases".to_owned(), shown.into());
    }
    Ok(Some((path, facts)))
}

fn named(record: &Record) -> Value {
    json!({ "reference": record.reference, "title": record.title })
}

/// A text by lines, as mails draw it.
fn lines(text: Option<&str>) -> Vec<&str> {
    text.into_iter().flat_map(str::lines).collect()
}

/// The use cases of a change in which a person has a part, with what that is.
fn theirs(conn: &mut Conn, change: &Change, person: PersonId) -> Result<Vec<Value>> {
    let mut parts: BTreeMap<RecordId, BTreeSet<&str>> = BTreeMap::new();
    for (record, owner, submitter) in store::parts(conn, change.id)? {
        let is = [(owner, "you answer for it"), (submitter, "you wrote it")];
        for (_, part) in is.iter().filter(|(who, _)| *who == Some(person)) {
            parts.entry(record).or_default().insert(part);
        }
    }
    let since = change.decided_at.unwrap_or(change.reported_at);
    let approved = store::approvers(conn, change.id, since)?;
    for (record, _) in approved.into_iter().filter(|(_, who)| *who == person) {
        parts.entry(record).or_default().insert("you approved it");
    }
    let ids: Vec<RecordId> = parts.keys().copied().collect();
    let line = |record: Record| {
        let parts = parts.get(&record.id).into_iter().flatten();
        let parts: Vec<&str> = parts.copied().collect();
        json!({ "record": named(&record), "why": parts.join(", ") })
    };
    let all = register::all_of(conn, &ids)?;
    Ok(all.into_iter().map(line).collect())
}

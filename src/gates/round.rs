//! The daily round of gates: owners hear of tests that run out.
use super::{State, Step, USE_CASE, lines_of};
use crate::db::schema::{record_facets, records, revisions};
use crate::db::{At, Conn, Day, PersonId, RecordId, Tx};
use crate::error::Result;
use crate::notify::outbox::{self, Message};
use crate::register;
use diesel::prelude::*;
use serde_json::{Value, json};
use std::collections::HashMap;

/// The mail about gates.
pub const MAIL: &str = "gate";
/// How many days before a test runs out its owner hears of it.
pub const SOON_DAYS: i64 = 14;

/// A mail that is owed.
struct Owed {
    record: RecordId,
    owner: PersonId,
    key: String,
    context: Value,
}

/// Queues the mails of the day, each once.
///
/// # Errors
/// When the database fails.
pub fn make(tx: &mut Tx, today: Day, now: At) -> Result<()> {
    for owed in owed(tx, today)? {
        let message = Message::new(MAIL, owed.owner).record(owed.record);
        outbox::queue(tx, message.context(owed.context).once(&owed.key), now)?;
    }
    Ok(())
}

fn owed(conn: &mut Conn, today: Day) -> Result<Vec<Owed>> {
    let rows: Vec<(RecordId, PersonId, String, String)> = records::table
        .inner_join(record_facets::table)
        .inner_join(revisions::table.on(revisions::record_id.eq(records::id)))
        .filter(records::kind.eq(USE_CASE))
        .filter(record_facets::field.eq("lifecycle"))
        .filter(record_facets::value.eq_any(["pilot", "live"]))
        .filter(revisions::number.eq(records::revision))
        .filter(records::owner_id.is_not_null())
        .select((
            records::id,
            records::owner_id.assume_not_null(),
            record_facets::value,
            revisions::document,
        ))
        .load(conn)?;
    let (mut cases, mut about) = (Vec::new(), HashMap::new());
    for (id, owner, lifecycle, text) in rows {
        cases.push((id, serde_json::from_str(&text)?));
        about.insert(id, (owner, Step::of(&lifecycle)));
    }
    let mut owed = Vec::new();
    for (record, lines) in lines_of(conn, &cases, today)? {
        let Some((owner, Some(step))) = about.get(&record).copied() else {
            continue;
        };
        for line in lines
            .iter()
            .filter(|line| line.needed.gate.steps.contains(&step))
        {
            let Some(until) = line.judged.until.map(Day) else {
                continue;
            };
            let soon = until <= today.days_later(SOON_DAYS);
            let what = match line.judged.state {
                State::Expired => "expired",
                State::Passed | State::Waived if soon => "expires",
                _ => continue,
            };
            let (plan, gate) = (&line.needed.plan, &line.needed.gate);
            owed.push(Owed {
                record,
                owner,
                key: format!("gate:{record}:{plan}/{}:{until}:{what}", gate.key),
                context: json!({
                    "what": what, "gate": gate.title, "until": until.to_string(),
                }),
            });
        }
    }
    Ok(owed)
}

/// Path and facts of a mail about a gate, from its context; nothing for one that no longer speaks
/// of anything.
///
/// # Errors
/// When the database fails.
pub fn tell(conn: &mut Conn, record: RecordId, context: &Value) -> Result<Option<(String, Value)>> {
    let said = |name: &str| context.get(name).and_then(Value::as_str);
    let record = register::by_id(conn, record)?;
    let own = "You get this mail because you own the use case.";
    let asked = "You get this mail because you asked for the waiver.";
    let (heading, text, why) = match said("what") {
        Some("expires") => (
            "A test runs out",
            "a test of a use case that you own counts only for a while longer; test again before \
             it runs out.",
            own,
        ),
        Some("expired") => (
            "A test has run out",
            "a test of a use case that you own counts no more; test again, or ask for a waiver.",
            own,
        ),
        Some("waiver_asked") => (
            "A waiver is asked for",
            "somebody asks you to let a test of a use case go for a while; you may grant or \
             refuse it.",
            "You get this mail because the test plan names your role.",
        ),
        Some("waiver_granted") => (
            "The waiver was granted",
            "the test may be left out until the last day; test before that.",
            asked,
        ),
        Some("waiver_refused") => (
            "The waiver was refused",
            "the test may not be left out; the page says why.",
            asked,
        ),
        _ => return Ok(None),
    };
    let facts = json!({
        "record": { "reference": record.reference, "title": record.title },
        "heading": heading, "text": text, "why": why,
        "gate": said("gate").unwrap_or_default(), "until": said("until").unwrap_or_default(),
    });
    Ok(Some((
        format!("/use-cases/{}/tests", record.reference),
        facts,
    )))
}

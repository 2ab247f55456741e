//! The daily round of human review: overseers and owners hear of what runs out.
use super::store::{Overseen, overseen_of};
use super::{State, USE_CASE};
use crate::db::schema::{record_facets, records, revisions};
use crate::db::{At, Conn, Day, PersonId, RecordId, Tx};
use crate::error::Result;
use crate::notify::outbox::{self, Message};
use crate::register;
use diesel::prelude::*;
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};

/// The mail about human review.
pub const MAIL: &str = "oversight";
/// How many days before something runs out people hear of it.
pub const SOON_DAYS: i64 = 7;

/// Queues the mails of the day, each once.
///
/// # Errors
/// When the database fails.
pub fn make(tx: &mut Tx, today: Day, now: At) -> Result<()> {
    let rows: Vec<(RecordId, Option<PersonId>, String)> = records::table
        .inner_join(record_facets::table)
        .inner_join(revisions::table.on(revisions::record_id.eq(records::id)))
        .filter(records::kind.eq(USE_CASE))
        .filter(record_facets::field.eq("lifecycle"))
        .filter(record_facets::value.eq_any(["pilot", "live"]))
        .filter(revisions::number.eq(records::revision))
        .select((records::id, records::owner_id, revisions::document))
        .load(&mut **tx)?;
    let (mut cases, mut owners) = (Vec::new(), HashMap::new());
    for (id, owner, text) in rows {
        cases.push((id, serde_json::from_str(&text)?));
        owners.insert(id, owner);
    }
    for (record, overseen) in overseen_of(tx, &cases, today)? {
        let owner = owners.get(&record).copied().flatten();
        for (readers, key, context) in owed(&overseen, owner, today) {
            for reader in readers {
                let message = Message::new(MAIL, reader).record(record);
                let key = format!("oversight:{record}:{key}:{reader}");
                outbox::queue(tx, message.context(context.clone()).once(&key), now)?;
            }
        }
    }
    Ok(())
}

/// What is owed about one use case: to whom, a key by which each goes out once, and what it says.
fn owed(
    overseen: &Overseen,
    owner: Option<PersonId>,
    today: Day,
) -> Vec<(BTreeSet<PersonId>, String, Value)> {
    let mut all = Vec::new();
    let soon = |until: Day| until <= today.days_later(SOON_DAYS);
    let owner: BTreeSet<PersonId> = owner.into_iter().collect();
    if let Some(until) = overseen.named_until().filter(|until| soon(*until)) {
        let what = match until < today {
            true => "naming_over",
            false => "naming_ends",
        };
        let context = json!({ "what": what, "until": until.to_string() });
        all.push((owner.clone(), format!("{what}:{until}"), context));
    }
    for line in &overseen.lines {
        let Some(until) = line.judged.until.map(Day).filter(|until| soon(*until)) else {
            continue;
        };
        let lapsed = line.judged.state == State::Expired;
        let (what, mut readers) = match lapsed {
            true => ("lapsed", owner.clone()),
            false => ("due", BTreeSet::new()),
        };
        readers.extend(&overseen.here);
        let context = json!({
            "what": what, "rule": line.rule.title, "until": until.to_string(),
            "demand": line.rule.demand(),
        });
        let key = format!("{what}:{}/{}:{until}", line.book, line.rule.key);
        all.push((readers, key, context));
    }
    all
}

/// Path and facts of a mail about human review, from its context; nothing for one that no longer
/// speaks of anything.
///
/// # Errors
/// When the database fails.
pub fn tell(conn: &mut Conn, record: RecordId, context: &Value) -> Result<Option<(String, Value)>> {
    let said = |name: &str| {
        context
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let record = register::by_id(conn, record)?;
    let overseer = "You get this mail because you oversee the use case.";
    let own = "You get this mail because you own the use case.";
    let (heading, text, why) = match said("what") {
        "named" => (
            "You oversee it",
            "you are named to oversee a use case of AI; its page says how you step in, and takes \
             what you looked at.",
            overseer,
        ),
        "due" => (
            "Outputs wait to be looked at",
            "what was looked at counts only for a while longer; look at more before it runs out.",
            overseer,
        ),
        "lapsed" => (
            "Human review has run out",
            "too little was looked at lately; until more is, the use case counts as not reviewed.",
            "You get this mail because you own or oversee the use case.",
        ),
        "exceeded" => (
            "Too much is overridden",
            "those who oversee a use case set aside more of its outputs than the rule allows; see \
             what is wrong with it, and stop it where it harms.",
            "You get this mail because you own the use case, or the rule names your role.",
        ),
        "naming_ends" => (
            "Overseers are to be named anew",
            "the naming of who oversees a use case that you own runs out; name them again.",
            own,
        ),
        "naming_over" => (
            "Nobody is named any more",
            "the naming of who oversees a use case that you own has run out; name them again.",
            own,
        ),
        _ => return Ok(None),
    };
    let labels = [
        ("rule", "Rule"),
        ("demand", "Asked for"),
        ("figures", "Overridden"),
        ("allowed", "At most"),
    ];
    let mut facts: Vec<Value> = labels
        .into_iter()
        .filter(|(name, _)| !said(name).is_empty())
        .map(|(name, label)| json!({ "label": label, "value": said(name) }))
        .collect();
    facts.push(json!({
        "label": "Use case", "value": format!("{}, {}", record.reference, record.title),
    }));
    let until = Some(said("until")).filter(|until| !until.is_empty());
    let told = json!({
        "record": { "reference": record.reference, "title": record.title },
        "heading": heading, "text": text, "why": why, "facts": facts, "until": until,
    });
    let path = format!("/use-cases/{}/human-review", record.reference);
    Ok(Some((path, told)))
}

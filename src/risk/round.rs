//! The daily round of risk: owners hear of what runs out, roles of answers that are overdue.
use super::USE_CASE;
use super::store::{self, Assessed};
use crate::db::schema::records;
use crate::db::{At, Conn, Day, PersonId, RecordId, Tx};
use crate::error::Result;
use crate::notify::outbox::{self, Message};
use crate::{people, register, review};
use diesel::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The mail about risk.
pub const MAIL: &str = "risk";
/// How many days before an assessment runs out its owner hears of it.
pub const SOON_DAYS: i64 = 14;

/// Queues the mails of the day, each once.
///
/// # Errors
/// When the database fails.
pub fn make(tx: &mut Tx, today: Day, now: At) -> Result<()> {
    let ids: Vec<RecordId> = store::ever_assessed(tx)?.into_iter().collect();
    let gone = ["draft", "withdrawn", "rejected"];
    let running: Vec<RecordId> = records::table
        .filter(records::id.eq_any(&ids))
        .filter(records::kind.eq(USE_CASE))
        .filter(records::status.ne_all(gone))
        .select(records::id)
        .load(&mut **tx)?;
    for (record, assessed) in store::assessed(tx, &running)? {
        tell_owner(tx, record, &assessed, (today, now))?;
        tell_roles(tx, record, &assessed, (today, now))?;
    }
    Ok(())
}

fn tell_owner(
    tx: &mut Tx,
    record: RecordId,
    assessed: &Assessed,
    (today, now): (Day, At),
) -> Result<()> {
    let accepted = assessed
        .escalations
        .iter()
        .filter_map(|one| one.accepted_until);
    let last = accepted.chain([assessed.assessment.valid_until]).min();
    let Some(until) = last.filter(|until| *until <= today.days_later(SOON_DAYS)) else {
        return Ok(());
    };
    let Some(owner) = register::by_id(tx, record)?.owner_id else {
        return Ok(());
    };
    let what = match until < today {
        true => "expired",
        false => "expires",
    };
    let context = json!({ "what": what, "until": until.to_string() });
    let key = format!("risk:{}:{until}:{what}", assessed.assessment.id);
    let message = Message::new(MAIL, owner).record(record);
    outbox::queue(tx, message.context(context).once(&key), now)
}

fn tell_roles(
    tx: &mut Tx,
    record: RecordId,
    assessed: &Assessed,
    (today, now): (Day, At),
) -> Result<()> {
    let overdue = assessed.escalations.iter();
    let overdue = overdue.filter(|one| one.state == "open" && one.due_on < today);
    for one in overdue {
        let row = register::by_id(tx, record)?;
        let part = review::parties(tx, &row)?;
        let mut readers: BTreeSet<PersonId> = people::holders(tx, "role", &one.role)?;
        readers.extend(people::holders(tx, "role", people::GOVERNANCE)?);
        for reader in readers.difference(&part) {
            let context = json!({
                "what": "overdue", "title": one.rule.replace('_', " "),
                "until": one.due_on.to_string(),
            });
            let key = format!("risk:{}:overdue:{reader}", one.id);
            let message = Message::new(MAIL, *reader).record(record);
            outbox::queue(tx, message.context(context).once(&key), now)?;
        }
    }
    Ok(())
}

/// Path and facts of a mail about risk, from its context; nothing for one that no longer speaks of
/// anything.
///
/// # Errors
/// When the database fails.
pub fn tell(conn: &mut Conn, record: RecordId, context: &Value) -> Result<Option<(String, Value)>> {
    let said = |name: &str| {
        let said = context.get(name).and_then(Value::as_str);
        said.unwrap_or_default()
    };
    let record = register::by_id(conn, record)?;
    let role = "You get this mail because the risk rules name your role.";
    let own = "You get this mail because you own the use case or assessed its risk.";
    let (heading, text, why) = match said("what") {
        "escalated" => (
            "Risk waits for your answer",
            "the risk that is left at a use case is too high for its owner to bear alone; accept \
             it for a while, or send it back.",
            role,
        ),
        "nobody" => (
            "Nobody can answer for a risk",
            "the risk rules name a role to answer for what is left at a use case, and nobody \
             without a part in it holds that role; give it to somebody.",
            "You get this mail because you keep the risk rules.",
        ),
        "overdue" => (
            "An answer about risk is overdue",
            "somebody should have answered for the risk that is left at a use case.",
            role,
        ),
        "accepted" => (
            "The risk that is left was accepted",
            "the risk that is left at a use case is accepted until the day below; assess it again \
             before.",
            own,
        ),
        "sent_back" => (
            "The risk that is left was not accepted",
            "more has to be done about the risk of a use case; its page says why. Then assess it \
             again.",
            own,
        ),
        "expires" => (
            "The risk is to be assessed again",
            "the assessment of the risk of a use case counts only for a while longer.",
            own,
        ),
        "expired" => (
            "The risk assessment has run out",
            "the assessment of the risk of a use case counts no more; assess it again.",
            own,
        ),
        _ => return Ok(None),
    };
    let mut facts = Vec::new();
    if !said("title").is_empty() {
        facts.push(json!({ "label": "Because", "value": said("title") }));
    }
    facts.push(json!({
        "label": "Use case", "value": format!("{}, {}", record.reference, record.title),
    }));
    let until = Some(said("until")).filter(|until| !until.is_empty());
    let told = json!({
        "record": { "reference": record.reference, "title": record.title },
        "heading": heading, "text": text, "why": why, "facts": facts, "until": until,
    });
    let path = format!("/use-cases/{}/risk", record.reference);
    Ok(Some((path, told)))
}

//! Answering for what is left: accepting it for a while, or sending the assessment back.
use super::store::{self, Escalation};
use super::{MAIL, Refusal};
use crate::db::{Day, EscalationId, Tx};
use crate::error::{Error, Result};
use crate::form::FieldError;
use crate::ledger::{Actor, Note};
use crate::notify::outbox::{self, Message};
use crate::register;
use crate::review::{self, Desk};
use crate::{erasure, people};
use serde_json::json;

/// How many days ahead what is left may be accepted at most.
pub const LONGEST: i64 = 366;

/// What is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settling {
    /// What is left is accepted until a day.
    Accept,
    /// More has to be done, and the risk assessed anew.
    SendBack,
}

impl Settling {
    /// The deed by the last word of its address.
    pub fn named(word: &str) -> Option<Settling> {
        match word {
            "acceptance" => Some(Settling::Accept),
            "return" => Some(Settling::SendBack),
            _ => None,
        }
    }

    fn state(self) -> &'static str {
        match self {
            Settling::Accept => "accepted",
            Settling::SendBack => "sent_back",
        }
    }
}

/// Answers an escalation. Who assessed and who owns the use case have mail.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Invalid`] for reason and day, [`Refusal::EscalationSettled`],
/// [`Refusal::NotTheRole`], [`Refusal::OwnRisk`].
pub fn settle(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    id: EscalationId,
    settling: Settling,
    (why, until): (&str, &str),
) -> Result<Escalation> {
    let person = actor.person.ok_or(Error::Unauthenticated)?;
    let escalation = store::escalation(tx, id)?;
    let record = register::by_id(tx, escalation.record_id)?;
    let roles = people::roles_on(tx, desk.today(), person)?;
    if !roles.contains(&escalation.role) {
        return Err(Refusal::NotTheRole(escalation.role.replace('_', " ")).into());
    }
    let assessed = store::assessed(tx, &[record.id])?.remove(&record.id);
    let assessor = assessed.map(|one| one.assessment.assessed_by);
    if review::parties(tx, &record)?.contains(&person) || assessor == Some(person) {
        return Err(Refusal::OwnRisk.into());
    }
    if escalation.state != "open" {
        return Err(Refusal::EscalationSettled.into());
    }
    let until = match settling {
        Settling::Accept => Some(last_day(until, desk.today())?),
        Settling::SendBack => None,
    };
    let (why, now) = (erasure::reason(why)?, desk.time(tx)?);
    let mut note = Note::new(&format!("risk.{}", settling.state()), actor)
        .record(record.id, &record.reference)
        .subject("escalation", id.to_string())
        .data("rule", escalation.rule.as_str())
        .data("role", escalation.role.as_str())
        .private("reason", why);
    if let Some(until) = until {
        note = note.data("until", until.to_string());
    }
    let seq = i64::try_from(crate::ledger::append(tx, now, note)?).unwrap_or(i64::MAX);
    store::settle(tx, id, (settling.state(), until), (person, seq, now))?;
    let readers = assessor.into_iter().chain(record.owner_id);
    for reader in readers.collect::<std::collections::BTreeSet<_>>() {
        let context = json!({
            "what": settling.state(), "title": escalation.rule.replace('_', " "),
            "until": until.map(|until| until.to_string()),
        });
        let message = Message::new(MAIL, reader).record(record.id);
        let key = format!("risk:{id}:{}:{reader}", settling.state());
        outbox::queue(tx, message.context(context).once(&key), now)?;
    }
    store::escalation(tx, id)
}

fn last_day(text: &str, today: Day) -> Result<Day> {
    let latest = today.days_later(LONGEST);
    let sentence = match Day::parse(text.trim()) {
        Some(day) if day >= today && day <= latest => return Ok(day),
        Some(_) => format!("It is accepted until a day from today to {latest}"),
        None => "Say the last day on which it is accepted, such as 2027-01-31".to_owned(),
    };
    Err(Error::Invalid(vec![FieldError::new(
        "until", "date", sentence,
    )]))
}

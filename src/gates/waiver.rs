//! Letting a test go for a while: asked for by one person, granted by another.
use super::deed::gate_of;
use super::round::MAIL;
use super::store::{self, Waiver};
use super::{Refusal, State};
use crate::db::{Day, PersonId, RecordId, Tx, WaiverId};
use crate::erasure;
use crate::error::{Error, Result};
use crate::form::FieldError;
use crate::ledger::{Actor, Note};
use crate::notify::outbox::{self, Message};
use crate::people;
use crate::register::Record;
use crate::review::{self, Desk};
use serde_json::json;
use std::collections::BTreeSet;

/// Most days that a waiver may hold.
pub const WAIVER_DAYS: i64 = 90;

/// What becomes of a waiver that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settling {
    /// A second person lets the test go.
    Grant,
    /// A second person does not.
    Refuse,
    /// Whoever asked takes it back, also when it was granted.
    Withdraw,
}

impl Settling {
    /// By its word in addresses.
    pub fn named(word: &str) -> Option<Settling> {
        match word {
            "grant" => Some(Settling::Grant),
            "refusal" => Some(Settling::Refuse),
            "withdrawal" => Some(Settling::Withdraw),
            _ => None,
        }
    }

    /// The state that it leads to.
    pub fn state(self) -> &'static str {
        match self {
            Settling::Grant => "granted",
            Settling::Refuse => "refused",
            Settling::Withdraw => "withdrawn",
        }
    }
}

/// Asks for a waiver of a test until a day.
///
/// # Errors
/// [`Error::Invalid`] for reason and day, [`Refusal::NotYours`], [`Refusal::NotWaivable`],
/// [`Refusal::WaiverThere`].
pub fn ask(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    record: RecordId,
    at: (&str, &str),
    (why, until): (&str, &str),
) -> Result<Waiver> {
    let person = actor.person.ok_or(Error::Unauthenticated)?;
    let (record, line) = gate_of(tx, desk, record, at)?;
    if !review::may_edit(tx, person, &record)? {
        return Err(Refusal::NotYours.into());
    }
    let (gate, today) = (&line.needed.gate, desk.today());
    if gate.waived_by.is_empty() {
        return Err(Refusal::NotWaivable.into());
    }
    let waiting = line.waivers.iter().any(|waiver| waiver.state == "asked");
    if waiting || line.judged.state == State::Waived {
        return Err(Refusal::WaiverThere.into());
    }
    let until = last_day(until, today)?;
    let (why, now) = (erasure::reason(why)?, desk.time(tx)?);
    let id = WaiverId::new();
    let note = Note::new("waiver.asked", actor)
        .record(record.id, &record.reference)
        .subject("waiver", id.to_string())
        .subject("plan", line.needed.plan.as_str())
        .subject("gate", gate.key.as_str())
        .data("until", until.to_string())
        .private("reason", why);
    let seq = crate::ledger::append(tx, now, note)?;
    let waiver = Waiver {
        id,
        record_id: record.id,
        plan: line.needed.plan.clone(),
        gate: gate.key.clone(),
        until,
        state: "asked".to_owned(),
        asked_by: person,
        asked_seq: i64::try_from(seq).unwrap_or(i64::MAX),
        asked_at: now,
        settled_by: None,
        settled_seq: None,
        settled_at: None,
    };
    store::insert_waiver(tx, &waiver)?;
    let part = parties(tx, &record, person)?;
    for role in &gate.waived_by {
        for granter in people::holders(tx, "role", role)? {
            if !part.contains(&granter) {
                tell(tx, &waiver, (granter, "asked"), &gate.title)?;
            }
        }
    }
    Ok(waiver)
}

fn last_day(text: &str, today: Day) -> Result<Day> {
    let wrong = |sentence: String| {
        let field = FieldError::new("until", "date", sentence);
        Error::Invalid(vec![field])
    };
    let latest = today.days_later(WAIVER_DAYS);
    match Day::parse(text.trim()) {
        Some(day) if day >= today && day <= latest => Ok(day),
        Some(_) => Err(wrong(format!(
            "A waiver ends between today and {latest}, after {WAIVER_DAYS} days"
        ))),
        None => Err(wrong("Say the last day, such as 2027-01-31".to_owned())),
    }
}

/// Everybody with a part in the use case, and whoever asked.
fn parties(tx: &mut Tx, record: &Record, asked: PersonId) -> Result<BTreeSet<PersonId>> {
    let mut all = review::parties(tx, record)?;
    all.insert(asked);
    Ok(all)
}

/// Grants, refuses or takes back a waiver.
///
/// # Errors
/// [`Refusal::WaiverSettled`], [`Refusal::OwnWaiver`], [`Refusal::NotAGranter`],
/// [`Refusal::NotYours`] for taking back what another asked for, [`Error::Invalid`] for the reason.
pub fn settle(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    id: WaiverId,
    settling: Settling,
    why: &str,
) -> Result<Waiver> {
    let person = actor.person.ok_or(Error::Unauthenticated)?;
    let waiver = store::waiver(tx, id)?;
    let (record, line) = gate_of(tx, desk, waiver.record_id, (&waiver.plan, &waiver.gate))?;
    may_settle(
        tx,
        desk,
        person,
        &record,
        (&waiver, &line.needed.gate.waived_by),
        settling,
    )?;
    let holds = waiver.state == "granted" && settling == Settling::Withdraw;
    if waiver.state != "asked" && !holds {
        return Err(Refusal::WaiverSettled.into());
    }
    if settling == Settling::Grant {
        last_day(&waiver.until.to_string(), desk.today())?;
    }
    let now = desk.time(tx)?;
    let mut note = Note::new(&format!("waiver.{}", settling.state()), actor)
        .record(record.id, &record.reference)
        .subject("waiver", id.to_string())
        .subject("plan", waiver.plan.as_str())
        .subject("gate", waiver.gate.as_str())
        .data("until", waiver.until.to_string());
    if settling != Settling::Withdraw || !why.trim().is_empty() {
        note = note.private("reason", erasure::reason(why)?);
    }
    let seq = i64::try_from(crate::ledger::append(tx, now, note)?).unwrap_or(i64::MAX);
    store::settle_waiver(tx, id, settling.state(), (person, seq, now))?;
    let waiver = store::waiver(tx, id)?;
    if settling != Settling::Withdraw {
        let title = &line.needed.gate.title;
        tell(tx, &waiver, (waiver.asked_by, settling.state()), title)?;
    }
    Ok(waiver)
}

fn may_settle(
    tx: &mut Tx,
    desk: &Desk,
    person: PersonId,
    record: &Record,
    (waiver, granters): (&Waiver, &BTreeSet<String>),
    settling: Settling,
) -> Result<()> {
    if settling == Settling::Withdraw {
        return match waiver.asked_by == person {
            true => Ok(()),
            false => Err(Refusal::NotYours.into()),
        };
    }
    let roles = people::roles_on(tx, desk.today(), person)?;
    if !roles.iter().any(|role| granters.contains(role)) {
        let roles: Vec<String> = granters.iter().map(|role| role.replace('_', " ")).collect();
        return Err(Refusal::NotAGranter(roles.join(" or ")).into());
    }
    match parties(tx, record, waiver.asked_by)?.contains(&person) {
        true => Err(Refusal::OwnWaiver.into()),
        false => Ok(()),
    }
}

fn tell(tx: &mut Tx, waiver: &Waiver, (to, what): (PersonId, &str), title: &str) -> Result<()> {
    let at = waiver.settled_at.unwrap_or(waiver.asked_at);
    let context = json!({
        "what": format!("waiver_{what}"), "gate": title, "until": waiver.until.to_string(),
    });
    let message = Message::new(MAIL, to)
        .record(waiver.record_id)
        .context(context);
    let key = format!("waiver:{}:{what}:{to}", waiver.id);
    outbox::queue(tx, message.once(&key), at)
}

//! Recording what an overseer looked at, and taking it back.
use super::arrange::of_record;
use super::store::{self, Overseen, Sample};
use super::{MAIL, Refusal, State, share};
use crate::db::{Day, PersonId, RecordId, SampleId, Tx};
use crate::erasure;
use crate::error::{Error, Result};
use crate::form::{FieldError, plain};
use crate::ledger::{Actor, Note};
use crate::notify::outbox::{self, Message};
use crate::people;
use crate::register::{self, Record};
use crate::review::Desk;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeSet;

/// Most outputs of one sample.
const MOST: i32 = 100_000;
/// How many days back a sample may lie.
const DAYS_BACK: i64 = 366;
/// Longest text, in characters.
const TEXT: usize = 4000;

/// What an overseer says they looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Given {
    /// The day, `2027-01-31`.
    pub looked_on: String,
    /// How many outputs.
    pub looked_at: String,
    /// How many of them were overridden.
    pub overridden: String,
    /// Which outputs: numbers of tickets, a folder.
    pub outputs: String,
    /// Why they were overridden.
    pub reason: String,
}

struct Checked {
    on: Day,
    looked_at: i32,
    overridden: i32,
    outputs: String,
    reason: String,
}

/// Records what an overseer looked at. When more is overridden by it than a rule allows, the owner
/// and the roles that the rule names have mail.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Invalid`] field by field, [`Refusal::NotAnOverseer`].
pub fn record(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    record: RecordId,
    given: &Given,
) -> Result<Sample> {
    let person = actor.person.ok_or(Error::Unauthenticated)?;
    let (record, before) = of_record(tx, desk, record)?;
    if !before.here.contains(&person) {
        return Err(Refusal::NotAnOverseer.into());
    }
    let checked = check(given, desk.today())?;
    let (id, now) = (SampleId::new(), desk.time(tx)?);
    let mut note = Note::new("oversight.sampled", actor)
        .record(record.id, &record.reference)
        .subject("sample", id.to_string())
        .data("looked_on", checked.on.to_string())
        .data("looked_at", checked.looked_at)
        .data("overridden", checked.overridden)
        .private("outputs", checked.outputs);
    if !checked.reason.is_empty() {
        note = note.private("reason", checked.reason);
    }
    let seq = crate::ledger::append(tx, now, note)?;
    let row = Sample {
        id,
        record_id: record.id,
        looked_on: checked.on,
        looked_at: checked.looked_at,
        overridden: checked.overridden,
        recorded_by: person,
        seq: i64::try_from(seq).unwrap_or(i64::MAX),
        at: now,
        withdrawn_by: None,
        withdrawn_seq: None,
        withdrawn_at: None,
    };
    store::insert_sample(tx, &row)?;
    let (record, after) = of_record(tx, desk, record.id)?;
    tell_what_is_exceeded(tx, &record, (&before, &after), &row)?;
    Ok(row)
}

fn check(given: &Given, today: Day) -> Result<Checked> {
    let mut wrong = Vec::new();
    let mut complain = |field: &'static str, rule: &'static str, sentence: String| {
        wrong.push(FieldError::new(field, rule, sentence));
    };
    let on = Day::parse(given.looked_on.trim());
    match on {
        None => {
            let sentence = "Say on which day you looked, such as 2027-01-31";
            complain("looked_on", "date", sentence.to_owned());
        }
        Some(day) if day > today => {
            complain("looked_on", "date", "It cannot be a day to come".to_owned());
        }
        Some(day) if day.days_later(DAYS_BACK) < today => {
            let sentence = format!("It may lie at most {DAYS_BACK} days back");
            complain("looked_on", "date", sentence);
        }
        Some(_) => {}
    }
    let looked_at = given.looked_at.trim().parse::<i32>().ok();
    let looked_at = looked_at.filter(|count| (1..=MOST).contains(count));
    if looked_at.is_none() {
        let sentence = format!("Say how many outputs, a number from 1 to {MOST}");
        complain("looked_at", "number", sentence);
    }
    let overridden = given.overridden.trim().parse::<i32>().ok();
    let overridden = overridden.filter(|count| (0..=looked_at.unwrap_or(MOST)).contains(count));
    if overridden.is_none() {
        let sentence = "Say how many of them you overrode: 0, or at most as many as you looked at";
        complain("overridden", "number", sentence.to_owned());
    }
    let (outputs, reason) = (plain(&given.outputs), plain(&given.reason));
    if outputs.is_empty() {
        let sentence = "Say which outputs, so that somebody else can find them";
        complain("outputs", "missing", sentence.to_owned());
    }
    if reason.is_empty() && overridden.is_some_and(|count| count > 0) {
        let sentence = "Say why you overrode them";
        complain("reason", "missing", sentence.to_owned());
    }
    for (field, text) in [("outputs", &outputs), ("reason", &reason)] {
        if text.chars().count() > TEXT {
            complain(field, "length", format!("Write at most {TEXT} characters"));
        }
    }
    match (on, looked_at, overridden) {
        (Some(on), Some(looked_at), Some(overridden)) if wrong.is_empty() => Ok(Checked {
            on,
            looked_at,
            overridden,
            outputs,
            reason,
        }),
        _ => Err(Error::Invalid(wrong)),
    }
}

/// Mail about each rule of which the threshold was passed just now.
fn tell_what_is_exceeded(
    tx: &mut Tx,
    record: &Record,
    (before, after): (&Overseen, &Overseen),
    sample: &Sample,
) -> Result<()> {
    for line in &after.lines {
        let same =
            |other: &&store::Line| other.book == line.book && other.rule.key == line.rule.key;
        let was = before.lines.iter().find(same);
        let was = was.is_some_and(|was| was.judged.state == State::Exceeded);
        if line.judged.state != State::Exceeded || was {
            continue;
        }
        let mut readers: BTreeSet<PersonId> = record.owner_id.into_iter().collect();
        for role in &line.rule.tells {
            readers.extend(people::holders(tx, "role", role)?);
        }
        let (over, at) = (line.judged.overridden, line.judged.looked_at);
        let share = share(over, at).unwrap_or_default();
        for reader in readers {
            let context = json!({
                "what": "exceeded", "rule": line.rule.title,
                "figures": format!("{over} of {at} outputs, {share}"),
                "allowed": format!("{} %", line.rule.override_at_most),
            });
            let message = Message::new(MAIL, reader)
                .record(record.id)
                .context(context);
            let key = format!(
                "overridden:{}:{}/{}:{reader}",
                sample.id, line.book, line.rule.key
            );
            outbox::queue(tx, message.once(&key), sample.at)?;
        }
    }
    Ok(())
}

/// Takes a sample back: it stays to be read and counts no more.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Invalid`] for the reason, [`Refusal::NotYourSample`],
/// [`Refusal::SampleWithdrawn`].
pub fn withdraw(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    id: SampleId,
    why: &str,
) -> Result<Sample> {
    let person = actor.person.ok_or(Error::Unauthenticated)?;
    let sample = store::sample(tx, id)?;
    let record = register::by_id(tx, sample.record_id)?;
    let keeps = people::roles_on(tx, desk.today(), person)?.contains(people::GOVERNANCE);
    if sample.recorded_by != person && !keeps {
        return Err(Refusal::NotYourSample.into());
    }
    if sample.withdrawn_seq.is_some() {
        return Err(Refusal::SampleWithdrawn.into());
    }
    let (why, now) = (erasure::reason(why)?, desk.time(tx)?);
    let note = Note::new("oversight.withdrawn", actor)
        .record(record.id, &record.reference)
        .subject("sample", id.to_string())
        .data("looked_at", sample.looked_at)
        .data("overridden", sample.overridden)
        .private("reason", why);
    let seq = i64::try_from(crate::ledger::append(tx, now, note)?).unwrap_or(i64::MAX);
    store::withdraw_sample(tx, id, (person, seq, now))?;
    store::sample(tx, id)
}

//! Recording what a test showed.
use super::store::{self, Line, Recorded};
use super::{Amount, Gate, OWNER, Refusal, USE_CASE, counts_until};
use crate::db::{Conn, Day, PersonId, RecordId, ResultId, Tx};
use crate::error::{Error, Result};
use crate::evidence::{self, Taken};
use crate::form::{FieldError, plain};
use crate::ledger::{Actor, Note};
use crate::people;
use crate::register::{self, Record};
use crate::review::{self, Desk};
use serde::{Deserialize, Serialize};

/// Longest line of text, in characters.
const LINE: usize = 300;
/// Longest notes, in characters.
const NOTES: usize = 4000;

/// What somebody says of a test.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Given {
    /// The value of the metric, as a decimal number.
    pub value: String,
    /// What it was measured on.
    pub dataset: String,
    /// The day of the test, `2027-01-31`.
    pub performed_on: String,
    /// Who tested.
    pub performed_by: String,
    /// The last day on which it shall count; empty for as long as the plan allows.
    pub valid_until: String,
    /// What else to know.
    pub notes: String,
}

/// What was read of it.
struct Checked {
    value: Amount,
    on: Day,
    until: Day,
    dataset: String,
    tester: String,
    notes: String,
}

/// A use case and one of its gates.
///
/// # Errors
/// [`Error::NotFound`] for what is no use case, and for a gate that it does not need.
pub(super) fn gate_of(
    conn: &mut Conn,
    desk: &Desk,
    record: RecordId,
    (plan, gate): (&str, &str),
) -> Result<(Record, Line)> {
    let record = register::by_id(conn, record)?;
    if record.kind != USE_CASE {
        return Err(Error::not_found("use case", record.reference));
    }
    let document = register::revision(conn, record.id, record.revision)?.document()?;
    let lines = store::lines(conn, record.id, &document, desk.today())?;
    let mut lines = lines.into_iter();
    let found = lines.find(|line| line.needed.plan == plan && line.needed.gate.key == gate);
    let missing = || Error::not_found("test that it needs called", format!("{plan}/{gate}"));
    Ok((record, found.ok_or_else(missing)?))
}

/// Whether a person may record results of a gate.
///
/// # Errors
/// When the database fails.
pub fn may_record(
    conn: &mut Conn,
    desk: &Desk,
    person: PersonId,
    record: &Record,
    gate: &Gate,
) -> Result<bool> {
    let roles = people::roles_on(conn, desk.today(), person)?;
    if roles.iter().any(|role| gate.recorders.contains(role)) {
        return Ok(true);
    }
    Ok(gate.recorders.contains(OWNER) && review::may_edit(conn, person, record)?)
}

/// Records a result with its files. Whether it passes is computed by the plan in force.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Invalid`] field by field, [`Refusal::NotARecorder`].
pub fn record(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    record: RecordId,
    at: (&str, &str),
    given: &Given,
    files: &[Taken],
) -> Result<Recorded> {
    let person = actor.person.ok_or(Error::Unauthenticated)?;
    let (record, line) = gate_of(tx, desk, record, at)?;
    let (gate, now) = (&line.needed.gate, desk.time(tx)?);
    if !may_record(tx, desk, person, &record, gate)? {
        let who: Vec<String> = gate
            .recorders
            .iter()
            .map(|role| role.replace('_', " "))
            .collect();
        return Err(Refusal::NotARecorder(who.join(", ")).into());
    }
    let checked = check(gate, given, desk.today(), files.len())?;
    let met = gate.comparison.passes(checked.value, gate.threshold);
    let id = ResultId::new();
    let mut note = Note::new("test.recorded", actor)
        .record(record.id, &record.reference)
        .subject("test", id.to_string())
        .subject("plan", line.needed.plan.as_str())
        .subject("plan_version", line.needed.version)
        .subject("gate", gate.key.as_str())
        .data("value", checked.value.to_string())
        .data("met", met)
        .data("performed_on", checked.on.to_string())
        .data("valid_until", checked.until.to_string())
        .private("dataset", checked.dataset)
        .private("performed_by", checked.tester);
    if !checked.notes.is_empty() {
        note = note.private("notes", checked.notes);
    }
    let (seq, _) = evidence::append(tx, now, note, record.id, files)?;
    let row = Recorded {
        id,
        record_id: record.id,
        plan: line.needed.plan.clone(),
        plan_version: line.needed.version,
        gate: gate.key.clone(),
        value: checked.value.0,
        met,
        performed_on: checked.on,
        valid_until: checked.until,
        recorded_by: person,
        seq: i64::try_from(seq).unwrap_or(i64::MAX),
        at: now,
    };
    store::insert_result(tx, &row)?;
    Ok(row)
}

fn check(gate: &Gate, given: &Given, today: Day, files: usize) -> Result<Checked> {
    let mut wrong = Vec::new();
    let value = given.value.parse::<Amount>();
    if let Err(why) = &value {
        wrong.push(FieldError::new("value", "number", format!("Value: {why}")));
    }
    let on = tested_on(&given.performed_on, today, &mut wrong);
    let until = on.and_then(|on| last_day(gate, on, &given.valid_until, &mut wrong));
    let dataset = ("dataset", Some("Say what it was tested on"), LINE);
    let dataset = text(dataset, &given.dataset, &mut wrong);
    let tester = ("performed_by", Some("Say who tested"), LINE);
    let tester = text(tester, &given.performed_by, &mut wrong);
    let notes = text(("notes", None, NOTES), &given.notes, &mut wrong);
    if gate.evidence && files == 0 {
        let sentence = "Choose the file that shows the result".to_owned();
        wrong.push(FieldError::new(evidence::FIELD, "missing", sentence));
    }
    match (value, on, until) {
        (Ok(value), Some(on), Some(until)) if wrong.is_empty() => Ok(Checked {
            value,
            on,
            until,
            dataset,
            tester,
            notes,
        }),
        _ => Err(Error::Invalid(wrong)),
    }
}

/// The day of the test.
fn tested_on(said: &str, today: Day, wrong: &mut Vec<FieldError>) -> Option<Day> {
    let (day, sentence) = match Day::parse(said.trim()) {
        Some(day) if day <= today => return Some(day),
        Some(day) => (Some(day), "A test cannot be of a day to come"),
        None => (None, "Say on which day it was tested, such as 2027-01-31"),
    };
    wrong.push(FieldError::new("performed_on", "date", sentence.to_owned()));
    day
}

/// The last day on which it counts.
fn last_day(gate: &Gate, on: Day, said: &str, wrong: &mut Vec<FieldError>) -> Option<Day> {
    let longest = Day(counts_until(gate, on.0, jiff::civil::Date::MAX));
    if said.trim().is_empty() {
        return Some(longest);
    }
    let sentence = match Day::parse(said.trim()) {
        Some(day) if day > longest => {
            format!("By the test plan it counts until {longest} at the longest")
        }
        Some(day) if day < on => "It cannot end before the test".to_owned(),
        Some(day) => return Some(day),
        None => "Write a day such as 2027-01-31".to_owned(),
    };
    wrong.push(FieldError::new("valid_until", "date", sentence));
    None
}

/// A text of so many characters at most, called so, with what is said where it is missing.
fn text(
    (name, missing, most): (&str, Option<&str>, usize),
    given: &str,
    wrong: &mut Vec<FieldError>,
) -> String {
    let text = plain(given);
    match (text.chars().count(), missing) {
        (0, Some(missing)) => wrong.push(FieldError::new(name, "missing", missing.to_owned())),
        (length, _) if length > most => {
            let sentence = format!("Write at most {most} characters");
            wrong.push(FieldError::new(name, "length", sentence));
        }
        _ => {}
    }
    text
}

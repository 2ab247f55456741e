//! The steps of a use case's life, and the gates before them.
use super::store::{self, Line};
use super::{Refusal, Step, USE_CASE};
use crate::db::{Conn, Day, RecordId, Tx};
use crate::error::{Error, Result};
use crate::form::FieldError;
use crate::ledger::{Actor, Note};
use crate::register::{self, Record, Status};
use crate::review::{self, Desk};
use serde_json::{Value, json};

/// The field that says it.
const FIELD: &str = "lifecycle";
/// Where a move may lead.
const MOVES: [&str; 3] = ["pilot", "live", "retired"];

/// What a move led to.
#[derive(Debug, Clone)]
pub struct Moved {
    /// The record now.
    pub record: Record,
    /// The gates before the step, as they stood.
    pub gates: Vec<Line>,
}

fn said(document: &Value) -> &str {
    let said = document.get(FIELD).and_then(Value::as_str);
    said.unwrap_or_default()
}

/// The gates before a step that do not let pass.
pub fn blocking(lines: &[Line], step: Step) -> Vec<&Line> {
    let before = lines
        .iter()
        .filter(|line| line.needed.gate.steps.contains(&step));
    before
        .filter(|line| !line.judged.state.lets_pass())
        .collect()
}

fn refused(lines: &[Line], step: Step) -> Option<Refusal> {
    let closed = blocking(lines, step);
    let told = |line: &&Line| {
        let state = line.judged.state.words().to_lowercase();
        format!("{} ({state})", line.needed.gate.title)
    };
    let titles: Vec<String> = closed.iter().map(told).collect();
    let step = step.as_str();
    (!titles.is_empty()).then_some(Refusal::GatesOpen { step, titles })
}

/// Keeps a revision from marking a use case as piloted or live while a gate before that is open.
/// `before` is what it said; nothing for a new one.
///
/// # Errors
/// [`Refusal::GatesOpen`].
pub fn door(
    conn: &mut Conn,
    today: Day,
    record: Option<RecordId>,
    before: Option<&Value>,
    after: &Value,
) -> Result<()> {
    let Some(step) = Step::of(said(after)).filter(|_| before.map(said) != Some(said(after))) else {
        return Ok(());
    };
    // What is not there yet has no results.
    let lines = store::lines(conn, record.unwrap_or_else(RecordId::new), after, today)?;
    match refused(&lines, step) {
        Some(refusal) => Err(refusal.into()),
        None => Ok(()),
    }
}

/// Moves a use case to pilot, live or retired: a revision that says so, and an entry that says how
/// its gates stood.
///
/// # Errors
/// [`Refusal::GatesOpen`], [`Refusal::NotApproved`], [`Refusal::UnderReview`],
/// [`Refusal::NotYours`], [`Error::Stale`], [`Error::Invalid`] for another word.
pub fn move_to(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    record: RecordId,
    seen: i32,
    to: &str,
) -> Result<Moved> {
    let person = actor.person.ok_or(Error::Unauthenticated)?;
    let record = register::by_id(tx, record)?;
    if record.kind != USE_CASE {
        return Err(Error::not_found("use case", record.reference));
    }
    if !MOVES.contains(&to) {
        let words = MOVES.join(", ");
        let wrong = FieldError::new("to", "choice", format!("Choose one of {words}"));
        return Err(Error::Invalid(vec![wrong]));
    }
    if !review::may_edit(tx, person, &record)? {
        return Err(Refusal::NotYours.into());
    }
    if record.is_under_review() {
        return Err(Refusal::UnderReview.into());
    }
    let mut document = register::revision(tx, record.id, record.revision)?.document()?;
    let from = said(&document).to_owned();
    let mut gates = store::lines(tx, record.id, &document, desk.today())?;
    if let Some(step) = Step::of(to) {
        let status = record.status()?;
        if !record.is_in_force() && status != Status::Registered {
            return Err(Refusal::NotApproved(status.words()).into());
        }
        gates.retain(|line| line.needed.gate.steps.contains(&step));
        if let Some(refusal) = refused(&gates, step) {
            return Err(refusal.into());
        }
    }
    if let Some(fields) = document.as_object_mut() {
        fields.insert(FIELD.to_owned(), to.into());
    }
    let (kind, now) = (desk.kinds.by_key(USE_CASE)?, desk.time(tx)?);
    let after = register::revise(tx, now, actor, kind, &record, seen, &document)?;
    if after.revision != record.revision {
        let note = Note::new("lifecycle.moved", actor)
            .record(record.id, &record.reference)
            .subject("revision", after.revision)
            .data("from", Some(from).filter(|from| !from.is_empty()))
            .data("to", to)
            .data("gates", gates.iter().map(told).collect::<Vec<Value>>());
        crate::ledger::append(tx, now, note)?;
    }
    Ok(Moved {
        record: after,
        gates,
    })
}

fn told(line: &Line) -> Value {
    let newest = line.results.first().map(|result| result.id.to_string());
    json!({
        "plan": line.needed.plan, "plan_version": line.needed.version,
        "gate": line.needed.gate.key, "state": line.judged.state, "test": newest,
        "until": line.judged.until.map(|until| until.to_string()),
    })
}

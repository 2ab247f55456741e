//! Gates, results and waivers as pages and programs see them.
use super::store::{Line, Recorded, Waiver};
use super::{Amount, Gate, State};
use crate::db::{Conn, PersonId, RecordId};
use crate::error::Result;
use crate::evidence::{self, File};
use crate::ledger;
use crate::people;
use crate::web::badge::{Badge, badge};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A gate of a use case.
#[derive(Debug, Clone, Serialize)]
pub struct GateView {
    /// Key of the plan.
    pub plan: String,
    /// Its version in force.
    pub plan_version: i32,
    /// Key of the gate.
    pub key: String,
    /// What people read.
    pub title: String,
    /// What it shows.
    pub shows: String,
    /// Why this use case needs it.
    pub because: String,
    /// Before which steps.
    pub steps: Vec<&'static str>,
    /// What is measured.
    pub metric: String,
    /// Metric and threshold in words.
    pub demand: String,
    /// How many days a result counts.
    pub days: i64,
    /// Whether a result needs a file.
    pub evidence: bool,
    /// The state in one word.
    pub state: State,
    /// The same for people.
    pub status: Badge,
    /// The last day of the state, or on which the result counted.
    pub until: Option<String>,
    /// Its results, the newest first.
    pub results: Vec<ResultView>,
    /// Its waivers, the newest first.
    pub waivers: Vec<WaiverView>,
}

/// A result.
#[derive(Debug, Clone, Serialize)]
pub struct ResultView {
    /// Identifier.
    pub id: String,
    /// The value of the metric.
    pub value: String,
    /// Whether it passed when it was recorded.
    pub met: bool,
    /// The same for people.
    pub status: Badge,
    /// The day of the test.
    pub performed_on: String,
    /// The last day on which it counts, as it says itself.
    pub valid_until: String,
    /// Who recorded it.
    pub recorded_by: String,
    /// What it was measured on; nothing once it is erased.
    pub dataset: Option<String>,
    /// Who tested.
    pub performed_by: Option<String>,
    /// What else to know.
    pub notes: Option<String>,
    /// Its files.
    pub files: Vec<FileView>,
    /// Its entry.
    pub entry: i64,
}

/// A file.
#[derive(Debug, Clone, Serialize)]
pub struct FileView {
    /// Identifier, for its address.
    pub id: String,
    /// What to call it.
    pub name: String,
    /// SHA-256 of the content.
    pub digest: String,
    /// Media type.
    pub media_type: String,
    /// Length in bytes.
    pub bytes: i64,
    /// Whether its content was erased.
    pub erased: bool,
}

impl FileView {
    fn of(file: &File) -> FileView {
        FileView {
            id: file.id.to_string(),
            name: file.called(),
            digest: file.digest.clone(),
            media_type: file.media_type.clone(),
            bytes: file.bytes,
            erased: file.erased,
        }
    }
}

/// A waiver.
#[derive(Debug, Clone, Serialize)]
pub struct WaiverView {
    /// Identifier.
    pub id: String,
    /// `asked`, `granted`, `refused` or `withdrawn`.
    pub state: String,
    /// The last day.
    pub until: String,
    /// Who asked.
    pub asked_by: String,
    /// Who settled it.
    pub settled_by: Option<String>,
    /// Why it is asked for; nothing once it is erased.
    pub reason: Option<String>,
    /// Why it was granted, refused or taken back.
    pub answer: Option<String>,
    /// Its entry.
    pub entry: i64,
}

/// A state for people.
pub(super) fn of_state(state: State) -> Badge {
    let tone = match state {
        State::Passed => "good",
        State::Waived => "part",
        State::Expired | State::Failed => "bad",
        State::Open => "open",
    };
    badge(state.words(), tone)
}

/// What lies beside entries, by entry and name.
type Beside = HashMap<(i64, String), String>;
/// People's names.
type Names = BTreeMap<PersonId, String>;

/// The lines of one record as they are shown.
///
/// # Errors
/// When the database fails.
pub(super) fn of_lines(conn: &mut Conn, lines: &[Line]) -> Result<Vec<GateView>> {
    let results = || lines.iter().flat_map(|line| &line.results);
    let waivers = || lines.iter().flat_map(|line| &line.waivers);
    let mut seqs: Vec<i64> = results().map(|result| result.seq).collect();
    let files = evidence::of_entries(conn, &seqs)?;
    seqs.extend(waivers().map(|waiver| waiver.asked_seq));
    seqs.extend(waivers().filter_map(|waiver| waiver.settled_seq));
    let beside = ledger::opened(conn, &seqs)?.into_iter();
    let beside: Beside = beside
        .map(|(seq, name, _, text)| ((seq, name), text))
        .collect();
    let mut people: BTreeSet<PersonId> = results().map(|result| result.recorded_by).collect();
    people.extend(waivers().map(|waiver| waiver.asked_by));
    people.extend(waivers().filter_map(|waiver| waiver.settled_by));
    let names = people::names(conn, &people)?;
    let view = |line: &Line| {
        let results = line.results.iter();
        let results = results.map(|result| of_result(result, &files, &beside, &names));
        let waivers = line
            .waivers
            .iter()
            .map(|waiver| of_waiver(waiver, &beside, &names));
        of_gate(line, results.collect(), waivers.collect())
    };
    Ok(lines.iter().map(view).collect())
}

fn of_gate(line: &Line, results: Vec<ResultView>, waivers: Vec<WaiverView>) -> GateView {
    let gate: &Gate = &line.needed.gate;
    GateView {
        plan: line.needed.plan.clone(),
        plan_version: line.needed.version,
        key: gate.key.clone(),
        title: gate.title.clone(),
        shows: gate.shows.clone(),
        because: gate.because.clone(),
        steps: gate.steps.iter().map(|step| step.as_str()).collect(),
        metric: gate.metric.clone(),
        demand: gate.demand(),
        days: gate.days,
        evidence: gate.evidence,
        state: line.judged.state,
        status: of_state(line.judged.state),
        until: line.judged.until.map(|until| until.to_string()),
        results,
        waivers,
    }
}

fn of_result(
    result: &Recorded,
    files: &HashMap<i64, Vec<File>>,
    beside: &Beside,
    names: &Names,
) -> ResultView {
    let text = |name: &str| beside.get(&(result.seq, name.to_owned())).cloned();
    let files = files.get(&result.seq).into_iter().flatten();
    ResultView {
        id: result.id.to_string(),
        value: Amount(result.value).to_string(),
        met: result.met,
        status: match result.met {
            true => badge("Passed", "good"),
            false => badge("Not passed", "bad"),
        },
        performed_on: result.performed_on.to_string(),
        valid_until: result.valid_until.to_string(),
        recorded_by: names.get(&result.recorded_by).cloned().unwrap_or_default(),
        dataset: text("dataset"),
        performed_by: text("performed_by"),
        notes: text("notes"),
        files: files.map(FileView::of).collect(),
        entry: result.seq,
    }
}

fn of_waiver(waiver: &Waiver, beside: &Beside, names: &Names) -> WaiverView {
    let reason = |seq: i64| beside.get(&(seq, "reason".to_owned())).cloned();
    WaiverView {
        id: waiver.id.to_string(),
        state: waiver.state.clone(),
        until: waiver.until.to_string(),
        asked_by: names.get(&waiver.asked_by).cloned().unwrap_or_default(),
        settled_by: waiver.settled_by.and_then(|id| names.get(&id).cloned()),
        reason: reason(waiver.asked_seq),
        answer: waiver.settled_seq.and_then(reason),
        entry: waiver.asked_seq,
    }
}

/// The lines of a record of the register with its reference, read anew.
///
/// # Errors
/// [`crate::error::Error::NotFound`] for what is no use case.
pub(super) fn of_record(
    conn: &mut Conn,
    desk: &crate::review::Desk,
    reference: &str,
) -> Result<(crate::register::Record, Vec<Line>, String)> {
    let record = crate::register::by_reference(conn, super::USE_CASE, reference)?;
    let (id, revision): (RecordId, i32) = (record.id, record.revision);
    let document = crate::register::revision(conn, id, revision)?.document()?;
    let lines = super::lines(conn, id, &document, desk.today())?;
    let said = document
        .get("lifecycle")
        .and_then(serde_json::Value::as_str);
    let lifecycle = said.unwrap_or_default().to_owned();
    Ok((record, lines, lifecycle))
}

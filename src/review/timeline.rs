//! The decision timeline and the decision log: ledger entries in words.
use crate::db::{At, Conn, PersonId, RecordId, ReviewId};
use crate::error::{Error, Result};
use crate::ledger::{self, Filter, Page, Row, tree};
use crate::people;
use crate::register;
use crate::review::service::Desk;
use crate::review::{store, workflows};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Entries of one record read at a time.
const CHUNK: i64 = 500;

/// One entry as people read it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TimelineItem {
    /// Sequence number.
    pub seq: i64,
    /// When.
    pub at: At,
    /// Its kind.
    pub kind: String,
    /// Whether a person decided here; shown heavier.
    pub decision: bool,
    /// What happened, in a sentence without names.
    pub sentence: String,
    /// Who did it; `None` for the system.
    pub actor: Option<String>,
    /// Whom it concerns.
    pub person: Option<String>,
    /// Reference of the record.
    pub reference: Option<String>,
    /// Key of the stage.
    pub stage: Option<String>,
    /// Title of the stage.
    pub stage_title: Option<String>,
    /// Outcome.
    pub outcome: Option<String>,
    /// Revision it is about.
    pub revision: Option<i64>,
    /// Digest of that revision.
    pub digest: Option<String>,
    /// How the actor was known.
    pub method: String,
    /// The reason given, where it is not erased.
    pub reason: Option<String>,
    /// Conditions attached.
    pub conditions: Vec<String>,
    /// Leaf hash, in hex.
    pub leaf_hash: String,
}

/// Everything that happened to a record, the oldest first.
///
/// # Errors
/// When the database fails or an entry cannot be read.
pub fn timeline(conn: &mut Conn, desk: &Desk, record: RecordId) -> Result<Vec<TimelineItem>> {
    let filter = Filter {
        record: Some(record),
        ..Filter::default()
    };
    let (mut all, mut next) = (Vec::new(), 0);
    loop {
        let chunk = log_page(conn, desk, &filter, Page::From(next), CHUNK)?;
        let full = i64::try_from(chunk.len()).is_ok_and(|count| count == CHUNK);
        next = chunk
            .last()
            .map_or(next, |item| u64::try_from(item.seq).unwrap_or(0) + 1);
        all.extend(chunk);
        if !full {
            return Ok(all);
        }
    }
}

/// One page of the decision log.
///
/// # Errors
/// When the database fails or an entry cannot be read.
pub fn log_page(
    conn: &mut Conn,
    desk: &Desk,
    filter: &Filter,
    page: Page,
    limit: i64,
) -> Result<Vec<TimelineItem>> {
    let rows = ledger::rows(conn, filter, page, limit)?;
    describe(conn, desk, &rows)
}

/// Puts rows of the ledger into words.
///
/// # Errors
/// When the database fails or an entry cannot be read.
pub fn describe(conn: &mut Conn, desk: &Desk, rows: &[Row]) -> Result<Vec<TimelineItem>> {
    let words = Words::load(conn, desk, rows)?;
    rows.iter().map(|row| words.item(row)).collect()
}

struct Words {
    names: BTreeMap<PersonId, String>,
    private: BTreeMap<(i64, String), String>,
    titles: BTreeMap<(ReviewId, String), String>,
    references: BTreeMap<RecordId, String>,
}

impl Words {
    fn load(conn: &mut Conn, desk: &Desk, rows: &[Row]) -> Result<Words> {
        let seqs: Vec<i64> = rows.iter().map(|r| r.seq).collect();
        let people: BTreeSet<PersonId> = rows
            .iter()
            .flat_map(|r| [r.actor_id, r.person_id, other_person(r)])
            .flatten()
            .collect();
        let private = ledger::opened(conn, &seqs)?;
        let records: BTreeSet<RecordId> = rows.iter().filter_map(|r| r.record_id).collect();
        let mut references = BTreeMap::new();
        for id in records {
            references.insert(id, register::by_id(conn, id)?.reference);
        }
        Ok(Words {
            names: people::names(conn, &people)?,
            private: private
                .into_iter()
                .map(|(seq, name, _, v)| ((seq, name), v))
                .collect(),
            titles: titles(conn, desk, rows)?,
            references,
        })
    }

    fn private(&self, seq: i64, name: &str) -> Option<String> {
        self.private.get(&(seq, name.to_owned())).cloned()
    }

    fn item(&self, row: &Row) -> Result<TimelineItem> {
        let entry: Value = serde_json::from_slice(&row.entry)
            .map_err(|e| Error::Corrupt(format!("entry {}: {e}", row.seq)))?;
        let text = |pointer: &str| {
            entry
                .pointer(pointer)
                .and_then(Value::as_str)
                .map(str::to_owned)
        };
        let days = self.private(row.seq, "days");
        let other = people::other_person(&entry).and_then(|p| self.names.get(&p));
        let of_people = people::sentence(
            &row.kind,
            &entry,
            days.as_deref(),
            other.map(String::as_str),
        );
        let title = row.review_id.zip(row.stage.clone());
        let stage_title = title.and_then(|key| self.titles.get(&key).cloned());
        let conditions = (1..=crate::review::engine::CONDITIONS_MAX)
            .map_while(|n| self.private(row.seq, &format!("condition_{n}")));
        Ok(TimelineItem {
            seq: row.seq,
            at: row.at,
            kind: row.kind.clone(),
            decision: row.kind == "decision.recorded",
            sentence: of_people.unwrap_or_else(|| sentence(row, stage_title.as_deref(), &entry)),
            actor: row.actor_id.and_then(|p| self.names.get(&p).cloned()),
            person: row.person_id.and_then(|p| self.names.get(&p).cloned()),
            reference: row.record_id.and_then(|r| self.references.get(&r).cloned()),
            stage: row.stage.clone(),
            stage_title,
            outcome: row.outcome.clone(),
            revision: entry.pointer("/subject/revision").and_then(Value::as_i64),
            digest: text("/subject/digest"),
            method: text("/via/method").unwrap_or_default(),
            reason: self.private(row.seq, "reason"),
            conditions: conditions.collect(),
            leaf_hash: hex::encode(tree::leaf_hash(&row.entry).as_bytes()),
        })
    }
}

/// Somebody an entry about people names besides actor and subject. Entries about records name
/// theirs in events, which are many and need no look.
fn other_person(row: &Row) -> Option<PersonId> {
    if row.record_id.is_some() {
        return None;
    }
    let entry = serde_json::from_slice(&row.entry).ok()?;
    people::other_person(&entry)
}

fn titles(
    conn: &mut Conn,
    desk: &Desk,
    rows: &[Row],
) -> Result<BTreeMap<(ReviewId, String), String>> {
    let reviews: BTreeSet<ReviewId> = rows.iter().filter_map(|r| r.review_id).collect();
    let mut titles = BTreeMap::new();
    for id in reviews {
        let pin = store::review(conn, id)?.workflow;
        let loaded = workflows::version(conn, &desk.workflows, &pin.key, pin.version)?;
        for stage in &loaded.workflow.stages {
            titles.insert((id, stage.key.clone()), stage.title.clone());
        }
    }
    Ok(titles)
}

fn sentence(row: &Row, stage: Option<&str>, entry: &Value) -> String {
    let stage = stage.unwrap_or("The stage");
    let revision = entry
        .pointer("/subject/revision")
        .and_then(Value::as_i64)
        .unwrap_or(1);
    match row.kind.as_str() {
        "record.created" => "Created, revision 1".to_owned(),
        "record.revised" => format!("Changed: revision {revision}"),
        "review.opened" => format!("Submitted revision {revision} for review"),
        "review.resubmitted" => format!("Submitted again, revision {revision}"),
        "review.changes_requested" => format!("{stage}: back to the submitter for changes"),
        "review.approved" => "The review ended: approved".to_owned(),
        "review.rejected" => "The review ended: rejected".to_owned(),
        "review.withdrawn" => "Withdrawn".to_owned(),
        "stage.opened" => format!("{stage}: opened"),
        "stage.skipped" => format!("{stage}: not needed, its condition does not hold"),
        "stage.reopened" => format!("{stage}: starts anew"),
        "stage.settled" => format!("{stage}: {}", spaced(row.outcome.as_deref())),
        "seat.fell_back" => format!("{stage}: others were asked to stand in"),
        "decision.recorded" => format!("{stage}: {}", choice(row.outcome.as_deref())),
        "calendar.kept" => calendar_sentence(entry),
        "workflow.published" => of_workflow(entry, "published"),
        "workflow.drafted" => of_workflow(entry, "a draft was begun"),
        "workflow.draft_saved" => of_workflow(entry, "a draft was changed"),
        "workflow.draft_rebased" => of_workflow(entry, "a draft took the new version as its base"),
        "workflow.proposed" => of_workflow(entry, "a draft was proposed"),
        "workflow.returned" => of_workflow(entry, "a draft was sent back"),
        "token.created" => "API token created".to_owned(),
        "log.exported" => "Decision log exported".to_owned(),
        other => spaced(Some(&other.replace('.', " "))),
    }
}

fn calendar_sentence(entry: &Value) -> String {
    let subject = |name: &str| entry.pointer(&format!("/subject/{name}"));
    let key = subject("calendar").and_then(Value::as_str).unwrap_or("?");
    let version = subject("calendar_version").and_then(Value::as_i64);
    format!("Calendar {key}: version {} kept", version.unwrap_or(1))
}

fn of_workflow(entry: &Value, what: &str) -> String {
    let subject = |name: &str| entry.pointer(&format!("/subject/{name}"));
    let key = subject("workflow").and_then(Value::as_str).unwrap_or("?");
    match subject("workflow_version").and_then(Value::as_i64) {
        Some(version) => format!("Workflow {key}: version {version} {what}"),
        None => format!("Workflow {key}: {what}"),
    }
}

fn spaced(word: Option<&str>) -> String {
    word.unwrap_or("settled").replace('_', " ")
}

fn choice(outcome: Option<&str>) -> String {
    match outcome {
        Some("approve") => "approved",
        Some("approve_with_conditions") => "approved with conditions",
        Some("request_changes") => "changes requested",
        Some("reject") => "rejected",
        Some("recuse") => "stepped aside",
        _ => "decided",
    }
    .to_owned()
}

//! The decision timeline and the decision log: ledger entries in words.
use crate::db::{At, ConditionId, Conn, PersonId, RecordId, ReviewId};
use crate::error::{Error, Result};
use crate::ledger::entry::fact;
use crate::ledger::{self, Filter, Page, Row, tree};
use crate::people;
use crate::register;
use crate::review::engine::CONDITIONS_MAX;
use crate::review::forget::ERASED;
use crate::review::sentences::{self, Told};
use crate::review::service::Desk;
use crate::review::workflows::Loaded;
use crate::review::{store, workflows};
use serde::Serialize;
use serde_json::Value;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

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
    /// In whose place they decided.
    pub on_behalf_of: Option<String>,
    /// Reference of the record.
    pub reference: Option<String>,
    /// The review.
    pub review: Option<ReviewId>,
    /// The condition it is about.
    pub condition: Option<ConditionId>,
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
    /// The reason given; `Erased` where it was.
    pub reason: Option<String>,
    /// The evidence given; `Erased` where it was.
    pub evidence: Option<String>,
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
    let read = |row: &Row| {
        serde_json::from_slice(&row.entry)
            .map_err(|e| Error::Corrupt(format!("entry {}: {e}", row.seq)))
    };
    let entries = rows.iter().map(read).collect::<Result<Vec<Value>>>()?;
    let words = Words::load(conn, desk, rows, &entries)?;
    let all = rows.iter().zip(&entries);
    Ok(all.map(|(row, entry)| words.item(row, entry)).collect())
}

struct Words {
    names: BTreeMap<PersonId, String>,
    private: BTreeMap<(i64, String), String>,
    titles: BTreeMap<(ReviewId, String), String>,
    references: BTreeMap<RecordId, String>,
    conditions: BTreeMap<ConditionId, String>,
    zone: jiff::tz::TimeZone,
}

impl Words {
    fn load(conn: &mut Conn, desk: &Desk, rows: &[Row], entries: &[Value]) -> Result<Words> {
        let seqs: Vec<i64> = rows.iter().map(|r| r.seq).collect();
        let people: BTreeSet<PersonId> = rows
            .iter()
            .flat_map(|r| [r.actor_id, r.person_id])
            .flatten()
            .chain(entries.iter().filter_map(people::other_person))
            .chain(entries.iter().flat_map(sentences::named))
            .collect();
        let conditions: Vec<ConditionId> =
            entries.iter().filter_map(sentences::condition).collect();
        let private = ledger::opened(conn, &seqs)?;
        let records: BTreeSet<RecordId> = rows.iter().filter_map(|r| r.record_id).collect();
        Ok(Words {
            names: people::names(conn, &people)?,
            private: private
                .into_iter()
                .map(|(seq, name, _, v)| ((seq, name), v))
                .collect(),
            titles: titles(conn, desk, rows)?,
            references: register::references(conn, &records)?,
            conditions: store::condition_texts(conn, &conditions)?,
            zone: desk.zone.clone(),
        })
    }

    fn private(&self, seq: i64, name: &str) -> Option<String> {
        self.private.get(&(seq, name.to_owned())).cloned()
    }

    /// The value, or that it was erased, when the entry promises one.
    fn private_or_erased(&self, seq: i64, entry: &Value, name: &str) -> Option<String> {
        entry.get("private")?.get(name)?;
        let kept = self.private(seq, name);
        kept.or_else(|| Some(ERASED.to_owned()))
    }

    fn item(&self, row: &Row, entry: &Value) -> TimelineItem {
        let text = |place: &str| Some(fact(entry, place)?.as_str()?.to_owned());
        let days = self.private(row.seq, "days");
        let other = people::other_person(entry).and_then(|p| self.names.get(&p));
        let of_people =
            people::sentence(&row.kind, entry, days.as_deref(), other.map(String::as_str));
        let title = row.review_id.zip(row.stage.clone());
        let stage_title = title.and_then(|key| self.titles.get(&key).cloned());
        let promises = entry.get("private").and_then(Value::as_object);
        let some = promises.is_some_and(|all| all.contains_key("condition_1"));
        let most = if some { CONDITIONS_MAX } else { 0 };
        let conditions = (1..=most)
            .filter_map(|n| self.private_or_erased(row.seq, entry, &format!("condition_{n}")));
        let told = Told {
            row,
            entry,
            stage: stage_title.as_deref(),
            names: &self.names,
            conditions: &self.conditions,
            zone: &self.zone,
        };
        let sentence = of_people.unwrap_or_else(|| told.sentence());
        let first = text("/data/on_behalf_of").and_then(|id| id.parse().ok());
        TimelineItem {
            seq: row.seq,
            at: row.at,
            kind: row.kind.clone(),
            decision: row.kind == "decision.recorded",
            sentence,
            actor: row.actor_id.and_then(|p| self.names.get(&p).cloned()),
            person: row.person_id.and_then(|p| self.names.get(&p).cloned()),
            on_behalf_of: first.and_then(|p: PersonId| self.names.get(&p).cloned()),
            review: row.review_id,
            condition: sentences::condition(entry),
            reference: row.record_id.and_then(|r| self.references.get(&r).cloned()),
            stage: row.stage.clone(),
            stage_title,
            outcome: row.outcome.clone(),
            revision: fact(entry, "/subject/revision").and_then(Value::as_i64),
            digest: text("/subject/digest"),
            method: text("/via/method").unwrap_or_default(),
            reason: self.private_or_erased(row.seq, entry, "reason"),
            evidence: self.private_or_erased(row.seq, entry, "evidence"),
            conditions: conditions.collect(),
            leaf_hash: hex::encode(tree::leaf_hash(&row.entry).as_bytes()),
        }
    }
}

fn titles(
    conn: &mut Conn,
    desk: &Desk,
    rows: &[Row],
) -> Result<BTreeMap<(ReviewId, String), String>> {
    let reviews: BTreeSet<ReviewId> = rows.iter().filter_map(|r| r.review_id).collect();
    let mut titles = BTreeMap::new();
    let mut loaded: BTreeMap<(String, i32), Arc<Loaded>> = BTreeMap::new();
    for (id, key, version) in store::followed(conn, &reviews)? {
        let workflow = match loaded.entry((key, version)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let (key, version) = place.key();
                let workflow = workflows::version(conn, &desk.workflows, key, *version)?;
                place.insert(workflow)
            }
        };
        for stage in &workflow.workflow.stages {
            titles.insert((id, stage.key.clone()), stage.title.clone());
        }
    }
    Ok(titles)
}

//! Appending under the writer's lock, and reading entries back.
use crate::db::schema::{
    erased_values, ledger_entries, ledger_index, ledger_nodes, ledger_private,
};
use crate::db::{At, Conn, PersonId, RecordId, ReviewId, Tx};
use crate::error::{Error, Result};
use crate::ledger::entry::{self, Draft, SYSTEM, Stamp, Via, commitment};
use crate::ledger::rows::Rows;
use crate::ledger::tree::{self, Hash};
use crate::{of_units, on_backend};
use diesel::dsl::{count_star, max, min};
use diesel::prelude::*;
use serde_json::Value;
use std::collections::HashMap;
use std::ops::Range;

/// Where an entry says which entry of its record it is, from 1.
const RECORD_SEQ: &str = "record_seq";

/// Who did it, and how they were known.
#[derive(Debug, Clone)]
pub struct Actor {
    /// The person; `None` for the system itself.
    pub person: Option<PersonId>,
    /// The way in.
    pub via: Via,
}

impl Actor {
    /// The system acting by itself.
    pub fn system(via: Via) -> Actor {
        Actor { person: None, via }
    }

    /// A person.
    pub fn person(person: PersonId, via: Via) -> Actor {
        Actor {
            person: Some(person),
            via,
        }
    }
}

/// What is to be written as one entry: its public part, the values kept outside, and what the
/// decision log can be filtered by.
#[derive(Debug, Clone)]
pub struct Note {
    draft: Draft,
    private: Vec<(String, String)>,
    actor: Option<PersonId>,
    kind: String,
    person: Option<PersonId>,
    record: Option<RecordId>,
    review: Option<ReviewId>,
    stage: Option<String>,
    outcome: Option<String>,
}

impl Note {
    /// Something of `kind` (a noun and what happened to it) done by `actor`.
    pub fn new(kind: &str, actor: &Actor) -> Note {
        let name = actor
            .person
            .map_or_else(|| SYSTEM.to_owned(), |p| p.to_string());
        Note {
            draft: Draft::new(kind, name, actor.via.clone()),
            private: Vec::new(),
            actor: actor.person,
            kind: kind.to_owned(),
            person: None,
            record: None,
            review: None,
            stage: None,
            outcome: None,
        }
    }

    /// The record it concerns.
    pub fn record(mut self, id: RecordId, reference: &str) -> Note {
        self.record = Some(id);
        self.subject("record", id.to_string())
            .subject("reference", reference)
    }

    /// The review it concerns.
    pub fn review(mut self, id: ReviewId) -> Note {
        self.review = Some(id);
        self.subject("review", id.to_string())
    }

    /// The stage it concerns.
    pub fn stage(mut self, key: &str, epoch: u32) -> Note {
        self.stage = Some(key.to_owned());
        self.subject("stage", key).subject("epoch", epoch)
    }

    /// The person it concerns.
    pub fn about(mut self, person: PersonId) -> Note {
        self.person = Some(person);
        self.subject("person", person.to_string())
    }

    /// The outcome, for what has one.
    pub fn outcome(mut self, outcome: &str) -> Note {
        self.outcome = Some(outcome.to_owned());
        self.data("outcome", outcome)
    }

    /// Names a thing it happened to by a short key or a number.
    pub fn subject(mut self, name: &str, value: impl Into<Value>) -> Note {
        self.draft = self.draft.subject(name, value);
        self
    }

    /// Adds a fact: keys, numbers and ids only, never free text or personal data.
    pub fn data(mut self, name: &str, value: impl Into<Value>) -> Note {
        self.draft = self.draft.data(name, value);
        self
    }

    /// Adds free text or personal data: the entry gets a salted commitment, the value lies in
    /// the erasable side table.
    pub fn private(mut self, name: &str, value: impl Into<String>) -> Note {
        self.private.push((name.to_owned(), value.into()));
        self
    }
}

/// Fresh random bytes from the operating system.
///
/// # Errors
/// When the operating system has none, which ends the command.
pub fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|e| Error::Unavailable(format!("no randomness: {e}")))?;
    Ok(bytes)
}

/// Writes one entry as the next of the ledger and returns its sequence number.
///
/// # Errors
/// When the entry would be malformed or too long, or the database fails.
pub fn append(tx: &mut Tx, now: At, note: Note) -> Result<u64> {
    let mut tip = match tx.take_tip() {
        Some(tip) => tip,
        None => Tip::read(tx)?,
    };
    let size = tip.tree.size();
    if size >= tree::MAX_SIZE {
        return Err(Error::Corrupt("the ledger is full".to_owned()));
    }
    let at = At(entry::after(now.0, tip.at.map(|at| at.0)));
    let mut draft = note.draft;
    let record_seq = note.record.map(|r| tip.next_of(tx, r)).transpose()?;
    if let Some(number) = record_seq {
        draft = draft.subject(RECORD_SEQ, number);
    }
    let mut opened = Vec::new();
    for (name, value) in note.private {
        let salt = random::<32>()?;
        draft = draft.private(&name, commitment(&salt, &name, value.as_bytes()));
        opened.push((name, salt.to_vec(), value));
    }
    let stamp = Stamp {
        seq: size,
        id: uuid::Uuid::now_v7(),
        at: at.0,
        salt: random::<16>()?,
    };
    let text = draft
        .seal(&stamp)
        .map_err(|flaw| Error::BadRequest(format!("this cannot be recorded: {flaw}")))?;
    let nodes = tip.tree.grow(tree::leaf_hash(&text)).into_iter();
    let rows = Rows {
        seq: signed(size),
        nodes: nodes
            .map(|(n, hash)| (signed(n), hash.0.to_vec()))
            .collect(),
        text,
        opened: opened.into_iter().collect(),
        at,
        kind: note.kind,
        actor: note.actor.map(|p| p.to_string()),
        person: note.person.map(|p| p.to_string()),
        record: note.record.map(|r| r.to_string()),
        review: note.review.map(|r| r.to_string()),
        stage: note.stage,
        outcome: note.outcome,
        record_seq: record_seq.map(signed),
    };
    rows.insert(tx)?;
    tip.at = Some(at);
    tx.entry_written(tip);
    Ok(size)
}

/// The time of a command that may write: now, but not before the last entry. What is dated by it
/// carries the very time of its entries, also where the clocks of two nodes differ.
///
/// # Errors
/// When the database fails.
pub fn time(tx: &mut Tx, now: At) -> Result<At> {
    let tip = match tx.take_tip() {
        Some(tip) => tip,
        None => Tip::read(tx)?,
    };
    let at = At(entry::after(now.0, tip.at.map(|at| at.0)));
    tx.keep_tip(tip);
    Ok(at)
}

/// Where the ledger ends, as far as the present transaction knows. It must not outlive the
/// transaction: another process may append next.
#[derive(Debug, Clone)]
pub struct Tip {
    at: Option<At>,
    tree: tree::Range,
    /// How many entries the records have that this transaction wrote about.
    of_records: HashMap<RecordId, u64>,
}

impl Tip {
    fn read(conn: &mut Conn) -> Result<Tip> {
        let (size, at) = head(conn)?;
        let tree = tree::Range::load(size, &mut |wanted| read_nodes(conn, wanted))
            .map_err(|e| Error::Corrupt(format!("the ledger's tree: {e}")))?;
        Ok(Tip {
            at,
            tree,
            of_records: HashMap::new(),
        })
    }

    /// The number of the next entry of a record, which is taken by that.
    fn next_of(&mut self, conn: &mut Conn, record: RecordId) -> Result<u64> {
        let so_far = match self.of_records.get(&record) {
            Some(so_far) => *so_far,
            None => entries_of(conn, record)?,
        };
        let next = so_far + 1;
        self.of_records.insert(record, next);
        Ok(next)
    }
}

/// The number of entries and the time of the last one.
///
/// # Errors
/// When the database fails.
pub fn head(conn: &mut Conn) -> Result<(u64, Option<At>)> {
    let newest = ledger_entries::table.select(max(ledger_entries::seq));
    let last: Option<(i64, At)> = ledger_index::table
        .filter(ledger_index::seq.nullable().eq_any(newest))
        .select((ledger_index::seq, ledger_index::at))
        .get_result(conn)
        .optional()?;
    Ok(match last {
        Some((seq, at)) => (unsigned(seq) + 1, Some(at)),
        None => (0, None),
    })
}

/// How many entries concern a record: they are numbered from 1 without a gap.
fn entries_of(conn: &mut Conn, record: RecordId) -> Result<u64> {
    let newest = ledger_index::table
        .filter(ledger_index::record_id.eq(record.to_string()))
        .select(max(ledger_index::record_seq));
    let newest: Option<i64> = on_backend!(conn, c => newest.get_result(c))?;
    Ok(newest.map_or(0, unsigned))
}

/// The root over the first `size` entries.
///
/// # Errors
/// When nodes are missing or the database fails.
pub fn root(conn: &mut Conn, size: u64) -> Result<Hash> {
    tree::root(size, &mut |wanted| read_nodes(conn, wanted))
        .map_err(|e| Error::Corrupt(format!("the ledger's tree: {e}")))
}

/// The leaf hashes the tree holds for these rows. They were stored with the entries, so an entry
/// that was changed behind our back no longer has its own.
///
/// # Errors
/// When nodes are missing or the database fails.
pub fn leaves(conn: &mut Conn, rows: &[impl Numbered]) -> Result<Vec<Hash>> {
    let number = |row: &_| {
        let seq = Numbered::seq(row);
        tree::leaf_index(unsigned(seq))
            .ok_or_else(|| Error::Corrupt(format!("entry {seq} is out of range")))
    };
    let numbers = rows.iter().map(number).collect::<Result<Vec<u64>>>()?;
    read_nodes(conn, &numbers)
}

/// Nodes that are asked for together lie so close at most, for a run of them to be read.
const CLOSE: i64 = 4;

pub(super) fn read_nodes(conn: &mut Conn, wanted: &[u64]) -> Result<Vec<Hash>> {
    let numbers: Vec<i64> = wanted.iter().copied().map(signed).collect();
    let nodes = ledger_nodes::table;
    let rows: Vec<(i64, Vec<u8>)> = match run(&numbers) {
        Some((first, last)) => nodes
            .filter(ledger_nodes::idx.between(first, last))
            .load(conn)?,
        None => {
            let nodes = nodes.filter(ledger_nodes::idx.eq_any(&numbers));
            on_backend!(conn, c => nodes.load(c))?
        }
    };
    let rows: HashMap<i64, Vec<u8>> = rows.into_iter().collect();
    numbers
        .iter()
        .map(|number| {
            rows.get(number)
                .and_then(|hash| Hash::from_slice(hash))
                .ok_or_else(|| Error::Corrupt(format!("the ledger's node {number} is missing")))
        })
        .collect()
}

/// The first and the last of many numbers that lie close together.
fn run(numbers: &[i64]) -> Option<(i64, i64)> {
    let (first, last) = (numbers.iter().min()?, numbers.iter().max()?);
    let many = i64::try_from(numbers.len()).ok().filter(|many| *many > 8)?;
    let close = last.checked_sub(*first)? <= many.checked_mul(CLOSE)?;
    close.then_some((*first, *last))
}

/// A sequence number as the database keeps it. Numbers stay below 2^53, so nothing is lost.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// What the decision log is narrowed to; everything when empty. The page and the downloads use
/// the same filter, so that a file holds the very rows of the screen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Not before.
    pub from: Option<At>,
    /// Before (exclusive).
    pub to: Option<At>,
    /// Who did it, or whom it concerns.
    pub person: Option<PersonId>,
    /// Whom it concerns.
    pub about: Option<PersonId>,
    /// The stage's key.
    pub stage: Option<String>,
    /// The outcome.
    pub outcome: Option<String>,
    /// The record.
    pub record: Option<RecordId>,
    /// The entry's kind, such as `decision.recorded`.
    pub kind: Option<String>,
    /// Only what concerns records of these business units; everything when empty.
    pub units: Vec<String>,
}

impl Filter {
    /// Whether nothing is left out.
    pub fn is_empty(&self) -> bool {
        *self == Filter::default()
    }
}

/// One entry as the log shows it.
#[derive(Debug, Clone, Queryable)]
pub struct Row {
    /// Sequence number.
    pub seq: i64,
    /// When.
    pub at: At,
    /// What kind.
    pub kind: String,
    /// Who, by id; `None` for the system.
    pub actor_id: Option<PersonId>,
    /// Whom it concerns.
    pub person_id: Option<PersonId>,
    /// Which record.
    pub record_id: Option<RecordId>,
    /// Which review.
    pub review_id: Option<ReviewId>,
    /// Which stage.
    pub stage: Option<String>,
    /// Which outcome.
    pub outcome: Option<String>,
    /// The entry's exact bytes.
    pub entry: Vec<u8>,
}

/// Narrows a boxed query over the index to what a filter shows: the one way for pages, files and
/// counts.
macro_rules! narrowed {
    ($conn:expr, $query:expr, $filter:expr) => {{
        let (mut query, filter) = ($query, $filter);
        if let Some(from) = filter.from {
            query = query.filter(ledger_index::at.ge(from));
        }
        if let Some(to) = filter.to {
            query = query.filter(ledger_index::at.lt(to));
        }
        if let Some(person) = filter.person.map(|p| p.to_string()) {
            query = query.filter(
                ledger_index::actor_id
                    .eq(person.clone())
                    .or(ledger_index::person_id.eq(person)),
            );
        }
        if let Some(person) = filter.about {
            query = query.filter(ledger_index::person_id.eq(person.to_string()));
        }
        if let Some(stage) = &filter.stage {
            query = query.filter(ledger_index::stage.eq(stage.clone()));
        }
        if let Some(outcome) = &filter.outcome {
            query = query.filter(ledger_index::outcome.eq(outcome.clone()));
        }
        if let Some(record) = filter.record {
            query = query.filter(ledger_index::record_id.eq(record.to_string()));
        }
        if let Some(kind) = &filter.kind {
            query = query.filter(ledger_index::kind.eq(kind.clone()));
        }
        if !filter.units.is_empty() {
            query = query.filter(of_units!($conn, "ledger_index.record_id", filter.units));
        }
        query
    }};
}

/// At most `limit` rows of the log below `before` (newest first), or from `after` on (oldest
/// first) for downloads, which page by the dense sequence number and so lose nothing.
///
/// # Errors
/// When the database fails.
pub fn rows(conn: &mut Conn, filter: &Filter, from: Page, limit: i64) -> Result<Vec<Row>> {
    let mut query = ledger_index::table
        .inner_join(ledger_entries::table)
        .select((
            ledger_index::seq,
            ledger_index::at,
            ledger_index::kind,
            ledger_index::actor_id,
            ledger_index::person_id,
            ledger_index::record_id,
            ledger_index::review_id,
            ledger_index::stage,
            ledger_index::outcome,
            ledger_entries::entry,
        ))
        .limit(limit)
        .into_boxed();
    query = match from {
        Page::Newest => query.order(ledger_index::seq.desc()),
        Page::Before(seq) => query
            .filter(ledger_index::seq.lt(signed(seq)))
            .order(ledger_index::seq.desc()),
        Page::From(seq) => query
            .filter(ledger_index::seq.ge(signed(seq)))
            .order(ledger_index::seq.asc()),
    };
    query = narrowed!(conn, query, filter);
    Ok(query.load(conn)?)
}

/// What has a place in the log.
pub trait Numbered {
    /// Its sequence number.
    fn seq(&self) -> i64;
}

impl Numbered for Row {
    fn seq(&self) -> i64 {
        self.seq
    }
}

/// The exact bytes of an entry.
#[derive(Debug, Clone, Queryable)]
pub(super) struct Exact {
    pub seq: i64,
    pub entry: Vec<u8>,
}

impl Numbered for Exact {
    fn seq(&self) -> i64 {
        self.seq
    }
}

/// As [`rows`] from an entry on, of those who need the bytes alone: of the whole log they are read
/// without its index.
pub(super) fn texts(conn: &mut Conn, filter: &Filter, from: u64, limit: i64) -> Result<Vec<Exact>> {
    if filter.is_empty() {
        return Ok(ledger_entries::table
            .filter(ledger_entries::seq.ge(signed(from)))
            .select((ledger_entries::seq, ledger_entries::entry))
            .order(ledger_entries::seq)
            .limit(limit)
            .load(conn)?);
    }
    let query = ledger_index::table
        .inner_join(ledger_entries::table)
        .select((ledger_entries::seq, ledger_entries::entry))
        .filter(ledger_index::seq.ge(signed(from)))
        .order(ledger_index::seq.asc())
        .limit(limit)
        .into_boxed();
    Ok(narrowed!(conn, query, filter).load(conn)?)
}

/// How often something stands in the log.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct Count {
    /// What kind.
    pub kind: String,
    /// With which outcome.
    pub outcome: Option<String>,
    /// How many entries.
    pub count: i64,
    /// When first.
    pub first: Option<At>,
    /// When last.
    pub last: Option<At>,
}

/// How many of these entries a filter shows, by kind and outcome.
pub(super) fn counts(conn: &mut Conn, filter: &Filter, of: Range<u64>) -> Result<Vec<Count>> {
    let query = ledger_index::table
        .group_by((ledger_index::kind, ledger_index::outcome))
        .select((
            ledger_index::kind,
            ledger_index::outcome,
            count_star(),
            min(ledger_index::at),
            max(ledger_index::at),
        ))
        .order((ledger_index::kind, ledger_index::outcome))
        .filter(ledger_index::seq.ge(signed(of.start)))
        .filter(ledger_index::seq.lt(signed(of.end)))
        .into_boxed();
    Ok(narrowed!(conn, query, filter).load(conn)?)
}

/// Where a page of the log begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// At the newest entry.
    Newest,
    /// Below this sequence number, newest first.
    Before(u64),
    /// From this sequence number on, oldest first.
    From(u64),
}

/// A value that an entry keeps outside: `(seq, name, salt, value)`.
pub type Opened = (i64, String, Vec<u8>, String);

/// The values that these entries keep outside, where they are not erased.
///
/// # Errors
/// When the database fails.
pub fn opened(conn: &mut Conn, seqs: &[i64]) -> Result<Vec<Opened>> {
    Ok(ledger_private::table
        .filter(ledger_private::seq.eq_any(seqs))
        .order((ledger_private::seq, ledger_private::name))
        .load(conn)?)
}

/// Which values of these entries were erased: `(seq, name)`.
///
/// # Errors
/// When the database fails.
pub(super) fn erased(conn: &mut Conn, seqs: &[i64]) -> Result<Vec<(i64, String)>> {
    Ok(erased_values::table
        .filter(erased_values::seq.eq_any(seqs))
        .select((erased_values::seq, erased_values::name))
        .load(conn)?)
}

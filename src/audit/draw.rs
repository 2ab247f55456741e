//! Reads the ledger through an examination and keeps what was asked for: how many there are, every
//! exception, and the sample.
use crate::audit::asked::{Wanted, error};
use crate::audit::exam::sample::Sample;
use crate::audit::exam::{Definitions, History, Item, Verdict, tests_of};
use crate::db::{Conn, Db, RecordId};
use crate::error::{Error, Result};
use crate::ledger::entry::Entry;
use crate::ledger::tree::{Range, leaf_hash};
use crate::ledger::{Filter, Page, head, root, rows, seal};
use crate::register;
use crate::review::{Desk, engine::Pin, workflows};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Rows read at a time.
const CHUNK: i64 = 500;
/// Exceptions that are listed; the rest is counted.
pub const LISTED_MAX: usize = 2_000;

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Drawn {
    /// What was asked for.
    pub wanted: Wanted,
    /// How many entries were looked at.
    pub size: u64,
    /// The root over them, in hex.
    pub root: String,
    /// Size of the newest signed checkpoint; nothing when the ledger is not signed.
    pub signed: Option<u64>,
    /// How many items the population has.
    pub population: u64,
    /// How many of them are exceptions.
    pub excepted: u64,
    /// Each test over the whole population.
    pub tests: Vec<Tally>,
    /// The exceptions, the oldest first.
    pub exceptions: Vec<Item>,
    /// The sample, in the order in which it was drawn.
    pub sample: Vec<Item>,
}

/// How often a test came to what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Which test.
    pub key: &'static str,
    /// What people read.
    pub title: &'static str,
    /// As it should be.
    pub holds: u64,
    /// Not as it should be.
    pub exceptions: u64,
    /// Nothing was asked.
    pub not_applicable: u64,
    /// A person has to look.
    pub by_hand: u64,
}

/// The items so far.
pub(super) struct Found {
    wanted: Wanted,
    history: History,
    tree: Range,
    units: BTreeMap<(RecordId, i32), bool>,
    /// The records that whoever asks may read; all when nothing stands here.
    within: Option<BTreeSet<RecordId>>,
    sample: Sample,
    exceptions: Vec<Item>,
    population: u64,
    excepted: u64,
    tests: Vec<Tally>,
}

/// Examines the ledger. No connection is held longer than a chunk takes.
///
/// # Errors
/// [`Error::Invalid`] for a size that the ledger has not reached, [`Error::Corrupt`] when the
/// entries cannot be read or do not give the ledger's root.
pub fn draw(db: &Db, desk: &Desk, wanted: &Wanted) -> Result<Drawn> {
    let (now, signed) = db.read_now(|conn| Ok((head(conn)?.0, seal::newest(conn)?)))?;
    let size = wanted.size.unwrap_or(now);
    if size > now {
        let message = format!("The ledger has {now} entries so far; write that or less.");
        return Err(Error::Invalid(vec![error("size", &message)]));
    }
    let mut found = Found::new(wanted);
    if !wanted.scope.units.is_empty() {
        found.within = Some(db.read_now(|conn| register::of_units(conn, &wanted.scope.units))?);
    }
    while found.tree.size() < size {
        db.read_now(|conn| found.chunk(conn, desk, size))?;
    }
    let stored = db.read_now(|conn| root(conn, size))?;
    if found.tree.root() != stored {
        let sentence = "the ledger's entries do not give its root".to_owned();
        return Err(Error::Corrupt(sentence));
    }
    Ok(found.end(signed.map(|checkpoint| checkpoint.size)))
}

impl Found {
    pub(super) fn new(wanted: &Wanted) -> Found {
        let tally = |(key, title): &(&'static str, &'static str)| Tally {
            key,
            title,
            holds: 0,
            exceptions: 0,
            not_applicable: 0,
            by_hand: 0,
        };
        Found {
            history: History::default(),
            tree: Range::default(),
            units: BTreeMap::new(),
            within: None,
            sample: Sample::new(wanted.drawing, &wanted.seed, wanted.count),
            exceptions: Vec::new(),
            population: 0,
            excepted: 0,
            tests: tests_of(wanted.population).iter().map(tally).collect(),
            wanted: wanted.clone(),
        }
    }

    fn chunk(&mut self, conn: &mut Conn, desk: &Desk, size: u64) -> Result<()> {
        let next = self.tree.size();
        let mut chunk = rows(conn, &Filter::default(), Page::From(next), CHUNK)?;
        chunk.retain(|row| u64::try_from(row.seq).is_ok_and(|seq| seq < size));
        if chunk.is_empty() {
            return Err(Error::Corrupt(format!("entry {next} is missing")));
        }
        for row in chunk {
            let entry = Entry::parse(&row.entry)
                .map_err(|why| Error::Corrupt(format!("entry {}: {why}", row.seq)))?;
            let mut find = |pin: &Pin| workflows::pinned(conn, &desk.workflows, pin).ok();
            let items = self.entry(&row.entry, &entry, &mut find);
            for item in items.map_err(Error::Corrupt)? {
                if self.of_unit(conn, &item)? {
                    self.take(item);
                }
            }
        }
        Ok(())
    }

    /// Examines the next entry; the items that it tells of.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub(super) fn entry(
        &mut self,
        text: &[u8],
        entry: &Entry,
        find: &mut Definitions,
    ) -> std::result::Result<Vec<Item>, String> {
        let leaf = leaf_hash(text);
        let mut items = self.history.take(entry, find)?;
        self.tree.push(leaf);
        for item in &mut items {
            item.leaf_hash = hex::encode(leaf.as_bytes());
        }
        Ok(items)
    }

    /// Counts an item, when it is one of those that are asked for.
    pub(super) fn take(&mut self, item: Item) {
        let Wanted {
            from, to, scope, ..
        } = &self.wanted;
        let within = from.is_none_or(|from| from <= item.at)
            && to.is_none_or(|to| item.at < to)
            && scope.reaches(item.at)
            && self
                .within
                .as_ref()
                .is_none_or(|all| all.contains(&item.record));
        if item.population != self.wanted.population || !within {
            return;
        }
        self.population += 1;
        for (tally, test) in self.tests.iter_mut().zip(&item.tests) {
            *match test.verdict {
                Verdict::Holds => &mut tally.holds,
                Verdict::Exception => &mut tally.exceptions,
                Verdict::NotApplicable => &mut tally.not_applicable,
                Verdict::ByHand => &mut tally.by_hand,
            } += 1;
        }
        self.sample.take(&item);
        if item.is_exception() {
            self.excepted += 1;
            if self.exceptions.len() < LISTED_MAX {
                self.exceptions.push(item);
            }
        }
    }

    /// Units stand in the documents, which lie outside of the entries; the entry has the digest.
    fn of_unit(&mut self, conn: &mut Conn, item: &Item) -> Result<bool> {
        let Some(unit) = &self.wanted.unit else {
            return Ok(true);
        };
        let key = (item.record, item.revision);
        if let Some(known) = self.units.get(&key) {
            return Ok(*known);
        }
        let revision = register::revision(conn, item.record, item.revision)?;
        let document = revision.document()?;
        let said = document.get("unit").and_then(|unit| unit.as_str());
        let same = said.is_some_and(|said| said.trim() == unit);
        self.units.insert(key, same);
        Ok(same)
    }

    /// What was found in the entries so far.
    pub(super) fn end(self, signed: Option<u64>) -> Drawn {
        let (size, root) = (self.tree.size(), hex::encode(self.tree.root().as_bytes()));
        Drawn {
            wanted: self.wanted,
            size,
            root,
            signed,
            population: self.population,
            excepted: self.excepted,
            tests: self.tests,
            exceptions: self.exceptions,
            sample: self.sample.items(),
        }
    }
}

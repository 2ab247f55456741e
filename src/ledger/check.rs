//! Whether the ledger in the database holds together, for `countersign doctor`.
//!
//! The short look compares counts, the newest entries and the nodes that the next append builds
//! on. The full one reads every entry and builds the tree anew.
use crate::db::schema::{
    erased_values, ledger_entries, ledger_index, ledger_nodes, ledger_private,
};
use crate::db::{At, Conn};
use crate::error::Result;
use crate::finding::Finding;
use crate::ledger::entry::{Entry, commitment};
use crate::ledger::store::{head, root};
use crate::ledger::tree::{self, Hash};
use diesel::dsl::max;
use diesel::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// Entries looked at by the short look, from the newest on.
const NEWEST: i64 = 64;
/// Entries read at a time.
const AT_A_TIME: i64 = 1000;
/// Most faults told.
const TOLD: usize = 20;

/// Whether sequence, tree and values beside the ledger hold together; `full` reads all of it.
///
/// # Errors
/// When the database fails.
pub fn check(conn: &mut Conn, full: bool) -> Result<Finding> {
    let size = size(conn)?;
    let mut found = counts(conn, size)?;
    if let Err(error) = root(conn, u64::try_from(size).unwrap_or(0)) {
        found.push(error.to_string());
    }
    let mut walk = Walk::new(if full { 0 } else { (size - NEWEST).max(0) }, full);
    while walk.next < size && found.len() + walk.found.len() < TOLD {
        walk.some(conn)?;
    }
    found.append(&mut walk.found);
    found.truncate(TOLD);
    let looked = if full {
        "every one was read".to_owned()
    } else {
        format!(
            "the newest {} were read; --full reads all",
            size.min(NEWEST)
        )
    };
    Ok(Finding::of(
        "ledger",
        found,
        format!("{size} entries, {looked}"),
        format!("{size} entries, and not all of them hold; keep a copy of the database as it is"),
    ))
}

/// The time of the newest entry.
///
/// # Errors
/// When the database fails.
pub fn newest(conn: &mut Conn) -> Result<Option<At>> {
    Ok(head(conn)?.1)
}

fn size(conn: &mut Conn) -> Result<i64> {
    let last: Option<i64> = ledger_entries::table
        .select(max(ledger_entries::seq))
        .get_result(conn)?;
    Ok(last.map_or(0, |last| last + 1))
}

fn counts(conn: &mut Conn, size: i64) -> Result<Vec<String>> {
    let entries: i64 = ledger_entries::table.count().get_result(conn)?;
    let index: i64 = ledger_index::table.count().get_result(conn)?;
    let nodes: i64 = ledger_nodes::table.count().get_result(conn)?;
    let owed = tree::node_count(u64::try_from(size).unwrap_or(0)).unwrap_or(0);
    let owed = i64::try_from(owed).unwrap_or(i64::MAX);
    let told = [
        ("entries", entries, size),
        ("rows of the index", index, size),
        ("nodes of the tree", nodes, owed),
    ];
    let odd = told.into_iter().filter(|(_, are, owed)| are != owed);
    Ok(odd
        .map(|(what, are, owed)| format!("there are {are} {what}, not {owed}"))
        .collect())
}

/// A walk along the entries.
struct Walk {
    next: i64,
    full: bool,
    /// The tree so far, where the walk began at the first entry.
    tree: tree::Range,
    found: Vec<String>,
}

type Values = BTreeMap<i64, BTreeMap<String, (Vec<u8>, String)>>;
type IndexRow = (
    i64,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
);

impl Walk {
    fn new(from: i64, full: bool) -> Walk {
        Walk {
            next: from,
            full,
            tree: tree::Range::default(),
            found: Vec::new(),
        }
    }

    fn some(&mut self, conn: &mut Conn) -> Result<()> {
        let (from, to) = (self.next, self.next.saturating_add(AT_A_TIME));
        let rows: Vec<(i64, Vec<u8>)> = ledger_entries::table
            .filter(ledger_entries::seq.ge(from).and(ledger_entries::seq.lt(to)))
            .order(ledger_entries::seq)
            .load(conn)?;
        let values = values(conn, from, to)?;
        let erased: BTreeSet<(i64, String)> = erased_values::table
            .filter(erased_values::seq.ge(from).and(erased_values::seq.lt(to)))
            .select((erased_values::seq, erased_values::name))
            .load(conn)?
            .into_iter()
            .collect();
        let index = index(conn, from, to)?;
        for (seq, text) in rows {
            if self.found.len() >= TOLD {
                return Ok(());
            }
            let fault = self.entry(conn, seq, &text)?;
            let fault = fault.or_else(|| content(seq, &text, &values, &erased, &index));
            self.found
                .extend(fault.map(|fault| format!("entry {seq}: {fault}")));
        }
        self.next = to;
        Ok(())
    }

    /// The entry's place in the tree.
    fn entry(&mut self, conn: &mut Conn, seq: i64, text: &[u8]) -> Result<Option<String>> {
        let leaf = tree::leaf_hash(text);
        let nodes: Vec<(u64, Hash)> = if self.full {
            self.tree.grow(leaf)
        } else {
            let at = u64::try_from(seq).ok().and_then(tree::leaf_index);
            at.map(|at| (at, leaf)).into_iter().collect()
        };
        let numbers: Vec<i64> = nodes
            .iter()
            .map(|(number, _)| i64::try_from(*number).unwrap_or(i64::MAX))
            .collect();
        let stored: BTreeMap<i64, Vec<u8>> = ledger_nodes::table
            .filter(ledger_nodes::idx.eq_any(&numbers))
            .load::<(i64, Vec<u8>)>(conn)?
            .into_iter()
            .collect();
        let odd = nodes.iter().zip(&numbers).find(|((_, hash), number)| {
            stored.get(number).map(Vec::as_slice) != Some(hash.as_bytes().as_slice())
        });
        Ok(odd.map(|(_, number)| {
            format!("its text and node {number} of the tree do not belong together")
        }))
    }
}

fn values(conn: &mut Conn, from: i64, to: i64) -> Result<Values> {
    let rows: Vec<(i64, String, Vec<u8>, String)> = ledger_private::table
        .filter(ledger_private::seq.ge(from).and(ledger_private::seq.lt(to)))
        .load(conn)?;
    let mut values = Values::new();
    for (seq, name, salt, value) in rows {
        values.entry(seq).or_default().insert(name, (salt, value));
    }
    Ok(values)
}

fn index(conn: &mut Conn, from: i64, to: i64) -> Result<BTreeMap<i64, IndexRow>> {
    let rows: Vec<IndexRow> = ledger_index::table
        .filter(ledger_index::seq.ge(from).and(ledger_index::seq.lt(to)))
        .select((
            ledger_index::seq,
            ledger_index::kind,
            ledger_index::actor_id,
            ledger_index::person_id,
            ledger_index::record_id,
            ledger_index::review_id,
        ))
        .load(conn)?;
    Ok(rows.into_iter().map(|row| (row.0, row)).collect())
}

/// What is wrong with an entry, its values and its row of the index.
fn content(
    seq: i64,
    text: &[u8],
    values: &Values,
    erased: &BTreeSet<(i64, String)>,
    index: &BTreeMap<i64, IndexRow>,
) -> Option<String> {
    let entry = match Entry::parse(text) {
        Ok(entry) => entry,
        Err(flaw) => return Some(format!("it cannot be read: {flaw}")),
    };
    if i64::try_from(entry.seq) != Ok(seq) {
        return Some(format!("it says that it is entry {}", entry.seq));
    }
    let none = BTreeMap::new();
    let values = values.get(&seq).unwrap_or(&none);
    if let Some(name) = values
        .keys()
        .find(|name| !entry.private.contains_key(*name))
    {
        return Some(format!("it promises no value `{name}`, and there is one"));
    }
    for (name, promised) in &entry.private {
        let gone = erased.contains(&(seq, name.clone()));
        let fault = match values.get(name) {
            Some(_) if gone => "is noted as erased and still there",
            Some((salt, value)) if !opens(salt, name, value, promised) => {
                "is not the one it promised"
            }
            None if !gone => "is missing, and no erasure took it",
            _ => continue,
        };
        return Some(format!("its value `{name}` {fault}"));
    }
    (index.get(&seq) != Some(&told(&entry)))
        .then(|| "its row of the index says something else".to_owned())
}

fn opens(salt: &[u8], name: &str, value: &str, promised: &[u8; 32]) -> bool {
    let salt: Option<[u8; 32]> = salt.try_into().ok();
    salt.is_some_and(|salt| commitment(&salt, name, value.as_bytes()) == *promised)
}

/// The row of the index that an entry should have.
fn told(entry: &Entry) -> IndexRow {
    let subject = |name: &str| {
        let value = entry.subject.get(name)?.as_str()?;
        Some(value.to_owned())
    };
    let actor = (entry.actor != crate::ledger::entry::SYSTEM).then(|| entry.actor.clone());
    (
        i64::try_from(entry.seq).unwrap_or(i64::MAX),
        entry.kind.clone(),
        actor,
        subject("person"),
        subject("record"),
        subject("review"),
    )
}

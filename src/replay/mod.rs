//! Replay: the state of the register, rebuilt from the ledger's entries alone and held against what
//! the database says.
//!
//! A table that was changed behind the register's back shows here, also where the ledger itself was
//! left alone. A snapshot is a list of things (records, reviews, decisions, people …), each with
//! its fields; [`entries::Replay`] makes one from entries, [`stored::snapshot`] one from the
//! tables, and [`compare`] names the first thing in which they differ. Texts and personal data
//! stand in neither: where a table holds one, the snapshot has the commitment that its entry holds,
//! computed anew from the text.
//!
//! Not compared is what nobody decided: sessions, links, mails, running numbers, times of the last
//! change, and tasks that are over.
pub mod entries;
mod evidence;
mod gates;
mod guardians;
mod joins;
pub mod open;
mod oversight;
mod packaged;
mod reviews;
mod risk;
mod rules;
pub mod stored;
mod tables;
mod vendors;

pub use packaged::Replaying;

use crate::db::Conn;
use crate::error::Result;
use crate::review::{self, Desk, engine::Review};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt;

/// Which thing: what it is, and its identifier among those.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// What it is, such as `record`.
    pub thing: &'static str,
    /// Its identifier.
    pub id: String,
}

impl Key {
    /// A key.
    pub fn new(thing: &'static str, id: impl ToString) -> Key {
        Key {
            thing,
            id: id.to_string(),
        }
    }
}

/// The last entry that concerns a thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Last {
    /// Its number.
    pub seq: u64,
    /// Its kind.
    pub kind: String,
    /// Its time, as it says it.
    pub at: String,
}

impl fmt::Display for Last {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {}, {} at {}", self.seq, self.kind, self.at)
    }
}

/// A thing: its fields, and where entries speak of it last.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Thing {
    /// By name.
    pub fields: Map<String, Value>,
    /// The last entry; the database has none.
    pub last: Option<Last>,
}

/// The whole state, sorted.
pub type Snapshot = BTreeMap<Key, Thing>;

/// The line of a thing in a file: canonical JSON without the line feed.
pub fn line(key: &Key, thing: &Thing) -> String {
    let mut whole = thing.fields.clone();
    whole.insert("thing".to_owned(), key.thing.into());
    whole.insert("id".to_owned(), key.id.as_str().into());
    Value::Object(whole).to_string()
}

/// Something in which the database and the entries differ.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// Which thing.
    pub key: Key,
    /// What people call it: a record's reference.
    pub called: Option<String>,
    /// How they differ.
    pub how: How,
    /// The last entry about it.
    pub last: Option<Last>,
}

/// How the database and the entries differ in a thing.
#[derive(Debug, Clone, PartialEq)]
pub enum How {
    /// No entry tells of it.
    Invented,
    /// It is gone from the database.
    Lost,
    /// A field says something else.
    Changed {
        /// Which field.
        field: String,
        /// What the database says.
        stored: Value,
        /// What follows from the entries.
        entries: Value,
    },
}

/// The first thing in which `stored` differs from what follows from the entries; nothing when they
/// agree.
pub fn compare(entries: &Snapshot, stored: &Snapshot) -> Option<Difference> {
    differences(entries, stored).next()
}

/// Every thing in which `stored` differs from what follows from the entries, each by its first
/// field that does. Records come first: they are what people ask about.
pub fn differences<'a>(
    entries: &'a Snapshot,
    stored: &'a Snapshot,
) -> impl Iterator<Item = Difference> + 'a {
    let records = |key: &&Key| key.thing == "record";
    let keys = |all: &'a Snapshot| all.keys();
    let both = || keys(entries).chain(keys(stored).filter(|key| !entries.contains_key(*key)));
    let ordered = both()
        .filter(records)
        .chain(both().filter(move |key| !records(key)));
    ordered.filter_map(move |key| {
        let (should, is) = (entries.get(key), stored.get(key));
        let how = match (should, is) {
            (None, _) => How::Invented,
            (_, None) => How::Lost,
            (Some(should), Some(is)) => changed(&should.fields, &is.fields)?,
        };
        Some(Difference {
            key: key.clone(),
            called: called(should.or(is)),
            how,
            last: should.and_then(|thing| thing.last.clone()),
        })
    })
}

fn called(thing: Option<&Thing>) -> Option<String> {
    let reference = thing?.fields.get("reference")?.as_str()?;
    Some(reference.to_owned())
}

/// The first field that differs; what a person would name before what follows from it.
fn changed(should: &Map<String, Value>, is: &Map<String, Value>) -> Option<How> {
    let first = ["status", "standing", "phase", "outcome", "active"];
    let names = first
        .into_iter()
        .chain(should.keys().chain(is.keys()).map(String::as_str));
    for name in names {
        let (a, b) = (should.get(name), is.get(name));
        if a == b {
            continue;
        }
        let (field, entries, stored) = deepest(name.to_owned(), a, b);
        return Some(How::Changed {
            field,
            stored,
            entries,
        });
    }
    None
}

/// Follows a difference into objects, so that the sentence names the very place.
fn deepest(place: String, should: Option<&Value>, is: Option<&Value>) -> (String, Value, Value) {
    if let (Some(Value::Object(should)), Some(Value::Object(is))) = (should, is) {
        let mut names = should.keys().chain(is.keys());
        if let Some(name) = names.find(|name| should.get(*name) != is.get(*name)) {
            return deepest(format!("{place}.{name}"), should.get(name), is.get(name));
        }
    }
    let owned = |value: Option<&Value>| value.cloned().unwrap_or_default();
    (place, owned(should), owned(is))
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.called.as_deref().unwrap_or(&self.key.id);
        let thing = self.key.thing.replace('_', " ");
        match &self.how {
            How::Invented => {
                return write!(
                    f,
                    "{thing} {name} stands in the database, but no entry tells of it"
                );
            }
            How::Lost => write!(
                f,
                "{thing} {name} is not in the database, but entries are: "
            )?,
            How::Changed {
                field,
                stored,
                entries,
            } if field == "status" => write!(
                f,
                "{thing} {name} stands as {} in the database, but no entry says so: by the \
                 entries it is {}; ",
                plain(stored),
                plain(entries)
            )?,
            How::Changed { field, .. } if field == "content" => write!(
                f,
                "{thing} {name} shows a title, a text or a facet in the database that its \
                 revision does not have; "
            )?,
            How::Changed {
                field,
                stored,
                entries,
            } => write!(
                f,
                "{thing} {name} has {} for `{field}` in the database, but by the entries it is \
                 {}; ",
                plain(stored),
                plain(entries)
            )?,
        }
        match &self.last {
            Some(last) => write!(f, "the last about it is {last}"),
            None => f.write_str("none is about it alone"),
        }
    }
}

/// Holds the database against its own ledger: checks the ledger's tables, rebuilds the state from
/// every entry, and compares.
///
/// # Errors
/// When the database fails.
pub fn check(conn: &mut Conn, desk: &Desk) -> Result<Checked> {
    let (entries, _) = crate::ledger::head(conn)?;
    let mut replay = entries::Replay::default();
    let mut checked = Checked {
        entries,
        things: 0,
        first: tables::check(conn, entries, &mut |entry| replay.take(entry))?,
    };
    if checked.first.is_some() {
        return Ok(checked);
    }
    let reviews: Vec<Review> = replay.reviews().cloned().collect();
    let mut should = replay.snapshot();
    let mut rules = |review: &Review| review::rules(conn, desk, review);
    open::add(&mut should, reviews.iter(), &mut rules)?;
    let is = stored::snapshot(conn, &desk.kinds, true)?;
    checked.things = should.len();
    checked.first = compare(&should, &is).map(|difference| difference.to_string());
    Ok(checked)
}

/// What a comparison came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// How many entries were replayed.
    pub entries: u64,
    /// How many things follow from them.
    pub things: usize,
    /// What is wrong first, as a sentence; nothing when all agrees.
    pub first: Option<String>,
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Checked {
            entries, things, ..
        } = self;
        match &self.first {
            Some(wrong) => f.write_str(wrong),
            None => write!(
                f,
                "Good: the state in the database follows from the ledger's {entries} entries \
                 ({things} things compared).\nIt does not prove that nobody rewrote the ledger \
                 itself: verify an export against a checkpoint that others hold."
            ),
        }
    }
}

/// A value as a sentence has it.
fn plain(value: &Value) -> String {
    const LONGEST: usize = 120;
    let text = match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match text.chars().count() {
        ..=LONGEST => text,
        _ => text.chars().take(LONGEST).chain(['…']).collect(),
    }
}

//! Documents that say rules: kept in versions that never change, changed by a draft that a second
//! person publishes.
//!
//! What it promises, for every kind of document alike:
//! - A version never changes, in the program and in the database; the newest of a key is in force.
//! - Nobody publishes or sends back what they wrote, and the operator is nobody's second person.
//! - What is published is what was looked at: its text, against the version that is in force.
//! - Each step of a draft is one entry; a reason for sending back lies beside its entry.
//!
//! A kind of document says how it is read and what a change of it does ([`Kind`]); the table of
//! kinds is [`KINDS`].

pub mod api;
pub mod drafts;
pub mod page;
mod refusal;
mod rows;
mod store;

pub use refusal::Refusal;
pub use store::{Head, heads, in_force, publish_with, source, version, versions, versions_of};

use crate::db::Conn;
use crate::error::{Error, Result};
use crate::review::Desk;
use crate::web::badge::{Badge, badge};
use crate::workflow::Problem;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Every kind of document, in the order in which pages list them.
pub const KINDS: &[&Kind] = &[
    &crate::policy::KIND,
    &crate::gates::KIND,
    &crate::oversight::KIND,
    &crate::risk::KIND,
    &crate::questionnaire::KIND,
];

/// What problems of a draft name as the file.
pub const FILE: &str = "draft";

/// A kind of document.
#[derive(Debug)]
pub struct Kind {
    /// Its name in entries and in the database: `policy`.
    pub word: &'static str,
    /// What a draft of it is called where state is rebuilt: `policy_draft`.
    pub draft_word: &'static str,
    /// What people call one: "data-use policy".
    pub title: &'static str,
    /// What people call several: "Data-use policies".
    pub plural: &'static str,
    /// Path of its pages without the base path: `/policy`, or `/rules/` and a name.
    pub path: &'static str,
    /// Who may change it besides administrators: one of these roles.
    pub keepers: &'static [&'static str],
    /// Longest text, in bytes.
    pub max_bytes: usize,
    /// The key that an organisation's own has, and the text that a first draft of it begins with.
    pub first: (&'static str, &'static str),
    /// Reads and checks a text.
    pub read: fn(&mut Conn, &str) -> Result<Read>,
    /// Looks at a document that can be read: what to know about it, what it changes.
    pub examine: fn(&mut Conn, &Desk, &Change<'_>) -> Result<Effect>,
    /// Tells a document in words, for its page.
    pub tell: fn(&mut Conn, &Desk, &str) -> Result<Vec<Part>>,
}

impl Kind {
    /// The kind with this name in addresses, which is the end of its path.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn at(name: &str) -> Result<&'static Kind> {
        let named = |kind: &&&Kind| kind.path.rsplit('/').next() == Some(name);
        let found = KINDS.iter().find(named).copied();
        found.ok_or_else(|| Error::not_found("kind of rules", name))
    }

    /// The kind with this name in entries.
    pub fn of_word(word: &str) -> Option<&'static Kind> {
        KINDS.iter().find(|kind| kind.word == word).copied()
    }
}

/// What a text turned out to be.
pub type Read = std::result::Result<Heading, Vec<Problem>>;

/// What the mechanism needs to know of a document.
#[derive(Debug, Clone)]
pub struct Heading {
    /// Its short name, which never changes.
    pub key: String,
    /// What people read.
    pub title: String,
    /// The document as canonical JSON (RFC 8785).
    pub text: String,
    /// SHA-256 of the text in lower-case hex.
    pub hash: String,
}

/// A document beside the one that is in force.
#[derive(Debug)]
pub struct Change<'a> {
    /// Key of both.
    pub key: &'a str,
    /// The canonical text in force, if there is one.
    pub before: Option<&'a str>,
    /// The canonical text of the draft.
    pub after: &'a str,
}

/// What is known of a document before it is published.
#[derive(Debug, Default)]
pub struct Effect {
    /// What its authors should know; it keeps nothing from being published.
    pub found: Vec<Part>,
    /// What it changes; empty where nothing is in force.
    pub changed: Vec<Part>,
    /// The same for programs: members of the draft in the API.
    pub facts: Map<String, Value>,
    /// Figures for the entry of the publication.
    pub figures: Value,
}

/// A piece of what is told about a document.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Part {
    /// Its heading.
    pub heading: String,
    /// A sentence below it.
    pub text: String,
    /// A list.
    pub lines: Vec<String>,
    /// What is another than before.
    pub moves: Vec<Move>,
    /// Whether it is folded away at first.
    pub folded: bool,
}

/// What differs between two tellings of a document, each a line by title.
pub fn moves(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<Move> {
    let new = after.keys().filter(|title| !before.contains_key(*title));
    let told = |line: Option<&String>| badge(line.map_or("none", String::as_str), "");
    before
        .keys()
        .chain(new)
        .filter(|title| before.get(*title) != after.get(*title))
        .map(|title| Move {
            place: title.clone(),
            before: told(before.get(title)),
            after: told(after.get(title)),
        })
        .collect()
}

/// Something that is another than before.
#[derive(Debug, Clone, Serialize)]
pub struct Move {
    /// What.
    pub place: String,
    /// As it is.
    pub before: Badge,
    /// As it would be.
    pub after: Badge,
}

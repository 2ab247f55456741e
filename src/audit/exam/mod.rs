//! The examination of a ledger, as an auditor does it: entries go in one after the other, and out
//! come the decisions, ended reviews and overrides they tell of, each with the tests a person would
//! do by hand. Pure, so that whoever holds the entries and the workflow versions that they name by
//! hash can do it again and come to the same.
//!
//! The tests do not ask the engine whether it was right: they read the entries for themselves.
mod decision;
mod ended;
mod history;
mod overridden;
pub mod sample;

pub use history::{Definitions, History};

use crate::db::{At, PersonId, RecordId, ReviewId};
use serde::Serialize;

/// What an examination can be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Population {
    /// Every decision of a person.
    Decisions,
    /// Every review that ended.
    Reviews,
    /// Every override that was granted.
    Overrides,
}

impl Population {
    /// All of them.
    pub const ALL: [Population; 3] = [
        Population::Decisions,
        Population::Reviews,
        Population::Overrides,
    ];

    /// The word, as addresses and entries say it.
    pub fn as_str(self) -> &'static str {
        match self {
            Population::Decisions => "decisions",
            Population::Reviews => "reviews",
            Population::Overrides => "overrides",
        }
    }
}

/// What a test came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Holds,
    /// Not as it should be.
    Exception,
    /// The test asks for nothing here.
    NotApplicable,
    /// Entries alone cannot tell; a person has to look.
    ByHand,
}

impl Verdict {
    /// The word, as files say it.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Holds => "holds",
            Verdict::Exception => "exception",
            Verdict::NotApplicable => "not_applicable",
            Verdict::ByHand => "by_hand",
        }
    }
}

/// One test of one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Test {
    /// Which test.
    pub key: &'static str,
    /// What it came to.
    pub verdict: Verdict,
    /// Why, in a sentence that names nobody.
    pub sentence: String,
    /// Numbers of the entries it rests on.
    pub entries: Vec<u64>,
}

impl Test {
    fn new(key: &'static str, verdict: Verdict, sentence: impl Into<String>) -> Test {
        Test {
            key,
            verdict,
            sentence: sentence.into(),
            entries: Vec::new(),
        }
    }

    fn holds(key: &'static str, sentence: impl Into<String>) -> Test {
        Test::new(key, Verdict::Holds, sentence)
    }

    fn fails(key: &'static str, sentence: impl Into<String>) -> Test {
        Test::new(key, Verdict::Exception, sentence)
    }

    fn unasked(key: &'static str, sentence: impl Into<String>) -> Test {
        Test::new(key, Verdict::NotApplicable, sentence)
    }

    fn by_hand(key: &'static str, sentence: impl Into<String>) -> Test {
        Test::new(key, Verdict::ByHand, sentence)
    }

    /// Whether it found something.
    pub fn found(&self) -> bool {
        self.verdict == Verdict::Exception
    }

    fn on(mut self, entries: impl IntoIterator<Item = u64>) -> Test {
        self.entries.extend(entries);
        self.entries.sort_unstable();
        self.entries.dedup();
        self
    }
}

/// The tests of a population: key and title, in the order they are done.
pub fn tests_of(population: Population) -> &'static [(&'static str, &'static str)] {
    match population {
        Population::Decisions => decision::TESTS,
        Population::Reviews => ended::TESTS,
        Population::Overrides => overridden::TESTS,
    }
}

/// One item of a population, examined.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Item {
    /// Which population it belongs to.
    pub population: Population,
    /// Identifier of the entry that tells of it.
    pub id: String,
    /// Number of that entry.
    pub seq: u64,
    /// When.
    pub at: At,
    /// The record.
    pub record: RecordId,
    /// What people call the record.
    pub reference: String,
    /// The review.
    pub review: ReviewId,
    /// The revision under review.
    pub revision: i32,
    /// Its digest.
    pub digest: String,
    /// The stage of a decision.
    pub stage: Option<String>,
    /// The task that a decision answered.
    pub task: Option<String>,
    /// Who decided, or agreed to an override.
    pub person: Option<PersonId>,
    /// What was decided, or how the review ended.
    pub outcome: String,
    /// How the person was known.
    pub method: &'static str,
    /// The risk that the workflow found.
    pub risk: Option<String>,
    /// Leaf hash of the entry, in hex; set by whoever reads the entries' bytes.
    pub leaf_hash: String,
    /// The tests.
    pub tests: Vec<Test>,
}

impl Item {
    /// Whether a test found something.
    pub fn is_exception(&self) -> bool {
        self.tests.iter().any(Test::found)
    }
}

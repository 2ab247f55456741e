//! Data-use policies: which data may go into which tool, and what a person may do next.
//!
//! A policy is a document: data classes, tools with their modes, purposes, rules. What is kept of
//! it is a version that never changes, so that an answer can be told years later. What answers
//! promise:
//! - For one class of data the rule that names more of tool, mode, class and purpose counts; of
//!   rules that name equally many, the strictest.
//! - Over several classes the strictest verdict counts, and conditions add up. A class that
//!   includes others is asked together with them.
//! - Where the mode is not said, each mode is answered, and the strictest answer counts.
//! - A rule outside its days does not count, and the answer names it.
//! - What the policy does not know (a tool, a mode, a class) is never allowed: a rule for every
//!   tool or every mode can only forbid it or send it to review. Otherwise nothing is decided, and
//!   the answer says whom to ask.
//!
//! Document, answer, lint, matrix, words and import are pure.

mod answer;
pub mod api;
mod document;
pub mod import;
pub mod kept;
mod kind;
mod lint;
mod matrix;
pub mod overlay;
pub mod page;
mod store;
#[cfg(test)]
mod tests;
pub mod view;
mod words;

pub use answer::{
    Answer, ClassOutcome, Index, ModeOutcome, NotCounting, Outcome, Question, Resolved,
};
pub use document::{
    Class, Condition, Document, MAX_BYTES, Named, Names, Policy, Rule, SCHEMA, Tool,
};
pub use kind::KIND;
pub use lint::{Cell, Contradiction, Findings, Idle, Overlap, lint};
pub use matrix::{
    CellChange, MATRIX_TOOLS, Matrix, MatrixCell, MatrixRow, MatrixTool, changes, matrix, matrix_of,
};
pub use store::{Cache, Version, current, version};
pub use words::{Step, headline, next_step};

use serde::{Deserialize, Serialize};

/// Key of the organisation's own policy: the one that is meant where none is named.
pub const MAIN: &str = "data_use";

/// What a rule says, from the mildest to the strictest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It may be used.
    Allowed,
    /// It may be used by whoever keeps the conditions.
    AllowedWithConditions,
    /// Nobody has decided.
    NotDecided,
    /// A review decides.
    ReviewRequired,
    /// It may not be used.
    Prohibited,
}

impl Verdict {
    /// Every verdict, from the mildest to the strictest.
    pub const ALL: [Verdict; 5] = [
        Verdict::Allowed,
        Verdict::AllowedWithConditions,
        Verdict::NotDecided,
        Verdict::ReviewRequired,
        Verdict::Prohibited,
    ];

    /// The word, as stored and as the API says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Allowed => "allowed",
            Verdict::AllowedWithConditions => "allowed_with_conditions",
            Verdict::NotDecided => "not_decided",
            Verdict::ReviewRequired => "review_required",
            Verdict::Prohibited => "prohibited",
        }
    }

    /// The verdict by its word.
    pub fn named(word: &str) -> Option<Verdict> {
        Verdict::ALL.into_iter().find(|v| v.as_str() == word)
    }

    /// Whether it lets somebody use the tool.
    pub fn permits(self) -> bool {
        matches!(self, Verdict::Allowed | Verdict::AllowedWithConditions)
    }
}

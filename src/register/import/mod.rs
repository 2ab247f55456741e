//! Taking a register in that somebody else keeps as a CSV file.
//!
//! Pure: bytes and a mapping go in, documents and a report come out. Whoever calls this compares
//! each document with what the register holds and writes it through the door. The steps:
//!
//! 1. [`Mapping::load`] reads the mapping, [`Table::open`] the file.
//! 2. [`Mapping::fit`] holds one against the other and against the kind's [`Field`]s.
//! 3. [`map_rows`] gives a document for each row, with everything of the row that is not in it.
//! 4. [`settle_repeats`] gives rows of the same key the numbers they had the last time.
//! 5. [`Report`] counts and lists.
//!
//! Nothing is dropped silently: a cell that is not empty is in the document or in the key, or it
//! is a [`Problem`], or the mapping sets it aside and a count of [`SetAside`] says why.

mod cell;
mod encoding;
mod fields;
mod json;
mod key;
mod mapping;
mod mapping_file;
mod plan;
mod report;
mod rows;
mod split;
mod table;
mod text;

pub use fields::{Field, Shape, fields_of};
pub use key::settle_repeats;
pub use mapping::{Mapping, MappingProblem};
pub use plan::Plan;
pub use report::{Ignored, Report, Taken};
pub use rows::{Check, Mapped, Refused, SetAside, map_rows};
pub use table::{Layout, MAX_CELL, MAX_COLUMNS, MAX_FILE, Row, Table, Unreadable};

use serde::Serialize;

/// Something that was not taken, or not as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Physical line of the file where the row starts; 0 for the mapping itself.
    pub line: u64,
    /// The column by its header; empty when it concerns the whole row or the mapping.
    pub column: String,
    /// The value as written, shortened.
    pub value: String,
    /// What would be right, in a sentence.
    pub rule: String,
}

/// How much of a value a report shows, in characters.
const VALUE_SHOWN: usize = 80;

impl Problem {
    /// A problem whose value is shortened for the report.
    pub fn new(line: u64, column: &str, value: &str, rule: impl Into<String>) -> Problem {
        let (column, value) = (column.to_owned(), text::shorten(value, VALUE_SHOWN));
        Problem {
            line,
            column,
            value,
            rule: rule.into(),
        }
    }
}

//! Checks an exported ledger with nothing but the file, and names the first line that is wrong.
//!
//! Every byte counts: a line must be spelled exactly as the export writes it, so that no change,
//! not even of white space, goes unnoticed. Memory stays bounded by a few
//! batches of lines, whatever the file.

pub(super) mod crew;
pub(super) mod facts;
pub mod kept;
mod line;
pub mod live;
#[cfg(test)]
mod tests;
mod trailer;
mod walk;

use super::histories::Told;
use super::tree::Hash;
use serde::Serialize;
use serde_json::{Map, Value};
use std::fmt;
use std::io::BufRead;

/// Exit code of a file that holds.
pub const GOOD: u8 = 0;
/// Exit code of a file that was changed.
pub const TAMPERED: u8 = 1;
/// Exit code of what cannot be read, or is no export.
pub const UNREADABLE: u8 = 2;

/// What a file that holds shows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Whether the file has every entry of the ledger up to `size`.
    pub complete: bool,
    /// The entries in the file.
    pub count: u64,
    /// The ledger's size when the file was written.
    pub size: u64,
    /// The ledger's root at that size; proven by the file only when it is complete.
    pub root: Hash,
    /// The filter a partial export was made with.
    pub filter: Option<Map<String, Value>>,
    /// The time of the first entry in the file.
    pub first_at: Option<String>,
    /// The time of the last entry in the file.
    pub last_at: Option<String>,
    /// The commitments to private values in these entries.
    pub commitments: u64,
    /// How many of them the file opens, each in accordance with its commitment.
    pub opened: u64,
    /// Whether the histories of the records in it are whole.
    pub histories: Told,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report {
            count,
            size,
            root,
            commitments,
            opened,
            ..
        } = self;
        let entries = if *count == 1 { "entry" } else { "entries" };
        let span = match (&self.first_at, &self.last_at) {
            (Some(first), Some(last)) => format!(", written from {first} to {last}"),
            _ => String::new(),
        };
        if self.complete {
            writeln!(
                f,
                "Good: the file holds all {count} {entries} of the ledger{span}."
            )?;
            writeln!(f, "Size {size}, root {root}.")?;
        } else {
            let filter = Value::Object(self.filter.clone().unwrap_or_default());
            writeln!(
                f,
                "Good: the file holds {count} {entries}{span}, each with its leaf hash."
            )?;
            writeln!(f, "It is a partial export; its filter is {filter}.")?;
            writeln!(
                f,
                "Records whose history has no gap up to its last entry here: {}; with gaps: {}.",
                self.histories.complete, self.histories.with_gaps
            )?;
        }
        if *commitments > 0 {
            writeln!(
                f,
                "Of {commitments} private values it shows {opened}; they are the originals."
            )?;
        }
        if self.complete {
            write!(
                f,
                "Compare size and root with what you noted earlier or what others hold: \
                 that shows that nobody rewrote the whole file."
            )
        } else {
            write!(
                f,
                "It does not prove that no matching entry is missing, nor that these entries stand \
                 in the ledger of size {size} and root {root}: a complete export does."
            )
        }
    }
}

/// Why a file is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Refusal {
    /// The file is not as it was written.
    Tampered {
        /// The first line that is wrong, counted from 1.
        line: u64,
        /// The entry that belongs on that line, if that can be told.
        seq: Option<u64>,
        /// What is wrong with it.
        reason: String,
    },
    /// A package is not as it was written.
    Broken {
        /// The file in it, and the line where there is one.
        place: String,
        /// The entry, if that can be told.
        seq: Option<u64>,
        /// What is wrong with it.
        reason: String,
    },
    /// The file cannot be read, or is no export of a ledger.
    Unreadable {
        /// Why.
        reason: String,
    },
}

impl Refusal {
    /// The exit code that tells a script.
    pub fn exit_code(&self) -> u8 {
        match self {
            Refusal::Tampered { .. } | Refusal::Broken { .. } => TAMPERED,
            Refusal::Unreadable { .. } => UNREADABLE,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Tampered {
                line,
                seq: Some(seq),
                reason,
            } => {
                write!(f, "line {line} (entry {seq}): {reason}")
            }
            Refusal::Tampered {
                line,
                seq: None,
                reason,
            } => write!(f, "line {line}: {reason}"),
            Refusal::Broken {
                place,
                seq: Some(seq),
                reason,
            } => write!(f, "{place} (entry {seq}): {reason}"),
            Refusal::Broken { place, reason, .. } => write!(f, "{place}: {reason}"),
            Refusal::Unreadable { reason } => write!(f, "cannot verify: {reason}"),
        }
    }
}

impl std::error::Error for Refusal {}

/// Verifies what `reader` holds: the exit code and what to tell the person who asked.
pub fn run_verify(reader: impl BufRead) -> (u8, String) {
    match verify_jsonl(reader) {
        Ok(report) => (GOOD, report.to_string()),
        Err(refusal) => (refusal.exit_code(), refusal.to_string()),
    }
}

/// Verifies an export in JSON lines.
///
/// # Errors
///
/// A [`Refusal`] that names the first bad line, or says why there is nothing to verify.
pub fn verify_jsonl(reader: impl BufRead) -> Result<Report, Refusal> {
    walk::verify(reader)
}

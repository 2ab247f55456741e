//! What a package that holds shows.

use super::super::histories::Told;
use super::super::tree::Hash;
use super::private::Values;
use serde::Serialize;
use serde_json::{Map, Value};
use std::fmt;

/// What a package that holds shows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The name of the log.
    pub origin: String,
    /// The entries in the package.
    pub count: u64,
    /// The size of the log.
    pub size: u64,
    /// Its root.
    pub root: Hash,
    /// What the package was narrowed to; nothing for a whole log.
    pub filter: Option<Map<String, Value>>,
    /// The keys that signed the checkpoint.
    pub signed_by: Vec<String>,
    /// Whether those came from the reader and not from the package.
    pub trusted: bool,
    /// The size of the checkpoint from before from which it was shown to have grown.
    pub since: Option<u64>,
    /// The checkpoints of before that the package holds, each signed and in accordance with the
    /// entries.
    pub checkpoints: u64,
    /// The private values in the package, when it has them.
    pub private: Option<Values>,
    /// Whether the histories of records are whole.
    pub histories: Told,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, size, origin) = (self.count, self.size, &self.origin);
        match &self.filter {
            None => writeln!(
                f,
                "Good: the package holds all {count} entries of {origin}."
            )?,
            Some(filter) => writeln!(
                f,
                "Good: the package holds {count} entries of {origin}, each proven to stand in it.\n\
                 It is a part; its filter is {}.",
                Value::Object(filter.clone())
            )?,
        }
        writeln!(f, "Size {size}, root {}.", self.root)?;
        if let Some(since) = self.since {
            writeln!(
                f,
                "It grew from the {since} entries that you knew; none of those changed."
            )?;
        }
        if self.checkpoints > 0 {
            writeln!(
                f,
                "Each of its {} checkpoints is signed and has the root of the entries.",
                self.checkpoints
            )?;
        }
        if let Some(Values { opened, erased }) = self.private {
            writeln!(
                f,
                "Private values: {opened}, each the original; {erased} more were erased."
            )?;
        }
        let Told {
            complete,
            with_gaps,
            ..
        } = self.histories;
        writeln!(
            f,
            "Records whose history has no gap up to its last entry here: {complete}; \
             with gaps: {with_gaps}."
        )?;
        match (self.signed_by.is_empty(), self.trusted) {
            (true, _) => write!(
                f,
                "Its checkpoint is not signed: compare size and root with what others hold."
            ),
            (false, true) => write!(f, "Its checkpoint is signed by the key you gave."),
            (false, false) => write!(
                f,
                "Its checkpoint is signed by a key that came with the package: compare {} with \
                 your own copy, or give it with --vkey.",
                self.signed_by.join(", ")
            ),
        }
    }
}

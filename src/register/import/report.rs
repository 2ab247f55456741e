//! What an import did, for people and for machines.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::rows::{Mapped, Refused, SetAside};
use super::{Problem, text::shorten};

/// How many groups of problems the text shows; the JSON form has all problems.
const GROUPS_SHOWN: usize = 40;
/// How many lines of a group the text names.
const LINES_SHOWN: usize = 8;

/// What happened to a row that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// The register had no record of this key.
    Created,
    /// The record has a new revision.
    Revised,
    /// The record is as it was.
    Unchanged,
}

/// Cells that the mapping sets aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ignored {
    /// The column by its header.
    pub column: String,
    /// Why.
    pub reason: String,
    /// How many cells.
    pub cells: u64,
}

/// The report of an import. `read` is the sum of the four figures after it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Rows that are not empty.
    pub read: u64,
    /// Records that are new.
    pub created: u64,
    /// Records with a new revision.
    pub revised: u64,
    /// Records that are as they were.
    pub unchanged: u64,
    /// Rows of which nothing was taken.
    pub refused: u64,
    /// Everything that was not taken, or not as it stands, in the order of the file.
    pub problems: Vec<Problem>,
    /// What the mapping sets aside, by column and reason.
    pub ignored: Vec<Ignored>,
}

impl Report {
    /// Adds what concerns the file as a whole ([`super::Plan::remarks`]).
    pub fn remark(&mut self, problems: &[Problem]) {
        self.problems.extend_from_slice(problems);
    }

    /// Counts a row that was taken.
    pub fn take(&mut self, row: &Mapped, taken: Taken) {
        self.read += 1;
        match taken {
            Taken::Created => self.created += 1,
            Taken::Revised => self.revised += 1,
            Taken::Unchanged => self.unchanged += 1,
        }
        self.problems.extend_from_slice(&row.problems);
        row.set_aside.iter().for_each(|aside| self.count(aside));
    }

    /// Counts a row that was refused.
    pub fn refuse(&mut self, row: Refused) {
        self.read += 1;
        self.refused += 1;
        self.problems.extend(row.problems);
    }

    fn count(&mut self, aside: &SetAside) {
        let same = |one: &Ignored| (&one.column, &one.reason).cmp(&(&aside.column, &aside.reason));
        match self.ignored.binary_search_by(same) {
            Ok(place) => {
                if let Some(one) = self.ignored.get_mut(place) {
                    one.cells += 1;
                }
            }
            Err(place) => {
                let (column, reason) = (aside.column.clone(), aside.reason.clone());
                self.ignored.insert(
                    place,
                    Ignored {
                        column,
                        reason,
                        cells: 1,
                    },
                );
            }
        }
    }

    /// Problems with the same column, value and rule, in the order of their first line.
    fn groups(&self) -> Vec<(&Problem, Vec<u64>)> {
        let mut places: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
        let mut groups: Vec<(&Problem, Vec<u64>)> = Vec::new();
        for problem in &self.problems {
            let same = (
                problem.column.as_str(),
                problem.value.as_str(),
                problem.rule.as_str(),
            );
            let place = *places.entry(same).or_insert(groups.len());
            match groups.get_mut(place) {
                Some((_, lines)) => lines.push(problem.line),
                None => groups.push((problem, vec![problem.line])),
            }
        }
        groups
    }
}

impl Report {
    /// By reason; the JSON form says it by column as well.
    fn write_set_aside(&self, out: &mut fmt::Formatter) -> fmt::Result {
        let mut reasons: BTreeMap<&str, (u64, Vec<&str>)> = BTreeMap::new();
        for one in &self.ignored {
            let (cells, columns) = reasons.entry(&one.reason).or_default();
            *cells += one.cells;
            columns.push(&one.column);
        }
        if !reasons.is_empty() {
            writeln!(out, "\nSet aside by the mapping, in cells:")?;
        }
        let mut reasons: Vec<_> = reasons.into_iter().collect();
        reasons.sort_by_key(|(_, (cells, _))| u64::MAX - cells);
        for (reason, (cells, columns)) in reasons.iter().take(GROUPS_SHOWN) {
            let place = match columns.as_slice() {
                [column] => shorten(column, 60),
                columns => format!("{} columns", columns.len()),
            };
            writeln!(out, "  {cells:>6} × {reason} ({place})")?;
        }
        let more = reasons.len().saturating_sub(GROUPS_SHOWN);
        if more > 0 {
            writeln!(out, "  … and {more} more reasons: --json lists every one")?;
        }
        Ok(())
    }
}

/// The report as it is printed: figures, then problems by column, value and rule, then what was
/// set aside.
impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        writeln!(out, "read {:>8}", self.read)?;
        writeln!(out, "created {:>5}", self.created)?;
        writeln!(out, "revised {:>5}", self.revised)?;
        writeln!(out, "unchanged {:>3}", self.unchanged)?;
        writeln!(out, "refused {:>5}", self.refused)?;
        let groups = self.groups();
        if !groups.is_empty() {
            writeln!(
                out,
                "\nNot taken, or not as it stands ({}):",
                self.problems.len()
            )?;
        }
        for (problem, lines) in groups.iter().take(GROUPS_SHOWN) {
            writeln!(out, "  {}", lines_in_words(lines))?;
            let column = shorten(&problem.column, 72);
            match (column.is_empty(), problem.value.is_empty()) {
                (false, false) => writeln!(out, "    {column}: “{}”", problem.value)?,
                (false, true) => writeln!(out, "    {column}")?,
                (true, false) => writeln!(out, "    “{}”", problem.value)?,
                (true, true) => {}
            }
            writeln!(out, "    {}", problem.rule)?;
        }
        let more = groups
            .iter()
            .skip(GROUPS_SHOWN)
            .map(|(_, lines)| lines.len())
            .sum::<usize>();
        if more > 0 {
            writeln!(out, "  … and {more} more: --json lists every one")?;
        }
        self.write_set_aside(out)
    }
}

fn lines_in_words(lines: &[u64]) -> String {
    let shown = lines
        .iter()
        .take(LINES_SHOWN)
        .map(ToString::to_string)
        .collect::<Vec<_>>();
    match lines {
        [0] => "the mapping".to_owned(),
        [line] => format!("line {line}"),
        _ if lines.len() > LINES_SHOWN => {
            let more = lines.len() - LINES_SHOWN;
            format!("lines {} and {more} more", shown.join(", "))
        }
        _ => format!("lines {}", shown.join(", ")),
    }
}

//! A mapping: which column of a register fills which field, and which cell means which value.
//!
//! The format is described by `schemas/import/mapping.json` and, for people, by
//! `docs/importing.md`. A mapping never names code: another register needs another file only.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use jiff::civil::Date;
use serde_json::Value;

use super::mapping_file;
use super::table::Layout;
use super::text::{collapse, fold};

/// A mapping that has been read and found well formed.
#[derive(Debug, Clone)]
pub struct Mapping {
    pub(crate) kind: String,
    pub(crate) title: String,
    pub(crate) source: String,
    pub(crate) layout: Layout,
    pub(crate) key: Vec<String>,
    pub(crate) repeated_keys: RepeatedKeys,
    pub(crate) fields: Vec<FieldMapping>,
    pub(crate) ignore: BTreeMap<String, String>,
}

/// What is wrong with a mapping file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappingProblem {
    /// The file as its reader was told.
    pub file: String,
    /// Place in the file: a JSON Pointer such as `/fields/lifecycle/values`, or empty.
    pub place: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl fmt::Display for MappingProblem {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        if self.place.is_empty() {
            write!(out, "{}: {}", self.file, self.message)
        } else {
            write!(out, "{}: {}: {}", self.file, self.place, self.message)
        }
    }
}

/// What to do with a second row of the same key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RepeatedKeys {
    Refuse,
    Number,
}

/// Where one field's value comes from and how a cell becomes that value.
#[derive(Debug, Clone)]
pub(crate) struct FieldMapping {
    pub name: String,
    pub from: From,
    pub join: Option<String>,
    pub split: Vec<String>,
    pub values: HashMap<String, Value>,
    /// Longest first, so that the most exact beginning wins.
    pub starts_with: Vec<(String, Value)>,
    pub otherwise: Otherwise,
    pub dates: Vec<String>,
    pub earliest: Date,
    pub latest: Date,
    pub blank: Vec<String>,
    pub max_length: Option<usize>,
    pub too_long: TooLong,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum From {
    Columns(Vec<Column>),
    Const(Value),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    pub name: String,
    pub label: Option<String>,
}

/// What happens to a cell that `values` and `starts_with` do not know.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Otherwise {
    Refuse,
    Skip,
    Keep,
    Value(Value),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TooLong {
    Shorten,
    Refuse,
}

impl Mapping {
    /// Reads a mapping file; `file` is only for messages. All problems are told at once.
    pub fn load(file: &str, text: &str) -> Result<Mapping, Vec<MappingProblem>> {
        mapping_file::load(file, text)
    }

    /// The kind of record that is filled, such as `use_case`.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// What the mapping is for, in words.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The short name that sets the keys of this register apart from those of others.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What the mapping says about the file itself, for [`super::Table::open`].
    pub fn layout(&self) -> &Layout {
        &self.layout
    }
}

impl FieldMapping {
    /// The value of that very wording; `null` means that the wording says nothing.
    pub fn exact(&self, text: &str) -> Option<&Value> {
        self.values.get(&fold(text))
    }

    /// The value of that wording, or of the longest beginning that fits.
    pub fn known(&self, text: &str) -> Option<&Value> {
        let text = fold(text);
        let begins = |start: &str| {
            text.strip_prefix(start).is_some_and(|rest| {
                // “No” must not claim “None”; “a)” may be followed by anything.
                let open = start.chars().next_back().is_some_and(char::is_alphanumeric);
                !(open && rest.chars().next().is_some_and(char::is_alphanumeric))
            })
        };
        let beginning = || self.starts_with.iter().find(|(start, _)| begins(start));
        self.values
            .get(&text)
            .or_else(|| beginning().map(|(_, value)| value))
    }

    /// True when the cells are translated rather than read.
    pub fn translates(&self) -> bool {
        !self.values.is_empty() || !self.starts_with.is_empty()
    }

    /// The parts of a cell that holds several values; nothing when it holds one.
    pub fn parts(&self, text: &str) -> Option<Vec<String>> {
        if self.split.iter().any(|sign| sign == "json")
            && let Ok(members) = serde_json::from_str::<Vec<Value>>(text)
        {
            return Some(
                members
                    .iter()
                    .map(plain)
                    .filter(|part| !part.is_empty())
                    .collect(),
            );
        }
        let mut parts = vec![text];
        for sign in self.split.iter().filter(|sign| *sign != "json") {
            parts = parts
                .into_iter()
                .flat_map(|part| part.split(sign.as_str()))
                .collect();
        }
        let parts: Vec<String> = parts
            .into_iter()
            .map(collapse)
            .filter(|part| !part.is_empty())
            .collect();
        (parts.len() > 1).then_some(parts)
    }
}

/// A JSON value as somebody would type it.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => collapse(text),
        Value::Null => String::new(),
        Value::Array(members) => members.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(about: &str) -> FieldMapping {
        let text = format!(
            r#"{{"format": 1, "kind": "use_case", "title": "T", "source": "s", "key": ["A"],
                "fields": {{"title": {{"column": "A"}}, "it": {about}}}}}"#
        );
        let mapping = Mapping::load("m.json", &text).unwrap();
        mapping
            .fields
            .into_iter()
            .find(|field| field.name == "it")
            .unwrap()
    }

    #[test]
    fn an_exact_wording_beats_a_beginning_and_a_longer_beginning_a_shorter_one() {
        let field = field(
            r#"{"column": "B", "values": {"No – planned": "x"},
                "starts_with": {"No": "n", "No – law": "l", "a)": "a"}}"#,
        );
        let known = |text: &str| field.known(text).map(plain);
        assert_eq!(known("no\u{a0}– PLANNED ").as_deref(), Some("x"));
        assert_eq!(known("No – Law, operational limits").as_deref(), Some("l"));
        assert_eq!(known("No, because").as_deref(), Some("n"));
        assert_eq!(known("a)\u{a0}Purchased").as_deref(), Some("a"));
        assert_eq!(known("None of the above"), None);
    }

    #[test]
    fn high_impact_never_matches_inside_not_high_impact() {
        let field = field(
            r#"{"column": "B", "values": {"High-impact": "high"},
                "starts_with": {"High-impact": "high", "Not high-impact": "not"}}"#,
        );
        assert_eq!(
            field.known("Not High-impact").map(plain).as_deref(),
            Some("not")
        );
        assert_eq!(field.known("Presumed high-impact"), None);
    }

    #[test]
    fn several_values_in_a_cell_come_apart_at_any_of_the_signs_or_as_json() {
        let field = field(r#"{"column": "B", "split": ["json", ";", "\n"]}"#);
        let parts = |text: &str| field.parts(text);
        assert_eq!(
            parts(r#"["Age", "Sex/Gender"]"#),
            Some(vec!["Age".into(), "Sex/Gender".into()])
        );
        assert_eq!(
            parts("Age; Sex\nRace"),
            Some(vec!["Age".into(), "Sex".into(), "Race".into()])
        );
        assert_eq!(parts("[Age"), None);
        assert_eq!(parts(r#"["Age"]"#), Some(vec!["Age".into()]));
    }
}

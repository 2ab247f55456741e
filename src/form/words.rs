//! Answers in words: facts for people to read, differences, and what a register filters by.

use serde::Serialize;
use serde_json::Value;

use super::{Field, Form, Kind, answer, is_blank, text};

const LONG: usize = 120;

/// One answer as people read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// Name of the field.
    pub field: String,
    /// Key of its section.
    pub section: String,
    /// The field's short name.
    pub label: String,
    /// The answer in words, several when several were chosen.
    pub values: Vec<String>,
    /// Whether it wants the full width: several lines, or a long one.
    pub long: bool,
    /// Whether there is an answer.
    pub given: bool,
    /// Path (before the base path) where the answer can be changed; the page sets it.
    pub change: Option<String>,
}

/// The facts of one section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FactGroup {
    /// Key of the section.
    pub key: String,
    /// Its heading.
    pub title: String,
    /// Its facts.
    pub facts: Vec<Fact>,
}

/// One answer that differs between two documents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Name of the field.
    pub field: String,
    /// The field's short name.
    pub label: String,
    /// The earlier answer in words; empty when there was none.
    pub before: Vec<String>,
    /// The later answer in words; empty when there is none.
    pub after: Vec<String>,
}

/// One field by which the register filters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Facet {
    /// Name of the field.
    pub field: String,
    /// The field's short name.
    pub label: String,
    /// Value and label of each choice; empty when any text may stand there.
    pub values: Vec<(String, String)>,
}

impl Form {
    /// Every answer in words, in order: all that is asked, answered or not, and what else is given.
    pub fn facts(&self, document: &Value) -> Vec<Fact> {
        let asked = self.asked(document);
        let wanted = |field: &&Field| {
            let is_asked = asked.iter().any(|asked| asked.field == field.name);
            is_asked || answer(document, &field.name).is_some()
        };
        self.fields
            .iter()
            .filter(wanted)
            .map(|field| field.fact(document))
            .collect()
    }

    /// The facts by section, without empty sections.
    pub fn fact_groups(&self, document: &Value) -> Vec<FactGroup> {
        let facts = self.facts(document);
        let group = |section: &super::Section| FactGroup {
            key: section.key.clone(),
            title: section.title.clone(),
            facts: facts
                .iter()
                .filter(|fact| fact.section == section.key)
                .cloned()
                .collect(),
        };
        self.sections
            .iter()
            .map(group)
            .filter(|group| !group.facts.is_empty())
            .collect()
    }

    /// What differs between two documents, in the order of the form; members that the form does
    /// not know come last, under their own name.
    pub fn diff(&self, before: &Value, after: &Value) -> Vec<Change> {
        let mut names: Vec<&str> = self
            .fields
            .iter()
            .map(|field| field.name.as_str())
            .collect();
        for document in [before, after] {
            for name in document
                .as_object()
                .into_iter()
                .flat_map(|members| members.keys())
            {
                if !names.contains(&name.as_str()) {
                    names.push(name);
                }
            }
        }
        names
            .into_iter()
            .filter_map(|name| self.change(name, before, after))
            .collect()
    }

    fn change(&self, name: &str, before: &Value, after: &Value) -> Option<Change> {
        let (before, after) = (answer(before, name), answer(after, name));
        if before == after {
            return None;
        }
        let change = Change {
            field: name.to_owned(),
            label: self
                .field(name)
                .map_or(name, |field| field.short.as_str())
                .to_owned(),
            before: before
                .map(|value| self.words(name, value))
                .unwrap_or_default(),
            after: after
                .map(|value| self.words(name, value))
                .unwrap_or_default(),
        };
        let known = self.field(name).is_some();
        (!known || change.before != change.after).then_some(change)
    }

    /// One answer in words.
    pub fn words(&self, field: &str, value: &Value) -> Vec<String> {
        match self.field(field) {
            Some(field) => field.words(value),
            None => vec![raw(value)],
        }
    }

    /// The fields by which the register filters, in order.
    pub fn facets(&self) -> Vec<Facet> {
        let facet = |field: &Field| Facet {
            field: field.name.clone(),
            label: field.short.clone(),
            values: field
                .choices()
                .iter()
                .map(|c| (c.value.clone(), c.label.clone()))
                .collect(),
        };
        self.fields
            .iter()
            .filter(|field| field.facet)
            .map(facet)
            .collect()
    }
}

impl Field {
    fn fact(&self, document: &Value) -> Fact {
        let value = answer(document, &self.name);
        let values = value.map(|value| self.words(value)).unwrap_or_default();
        let is_long = |words: &String| words.contains('\n') || words.chars().count() > LONG;
        Fact {
            field: self.name.clone(),
            section: self.section.clone(),
            label: self.short.clone(),
            long: values.iter().any(is_long),
            given: value.is_some(),
            values,
            change: None,
        }
    }

    /// An answer in words: labels of choices in the form's order, dates written out.
    fn words(&self, value: &Value) -> Vec<String> {
        match (&self.kind, value) {
            _ if is_blank(value) => Vec::new(),
            (Kind::Choices(choices), Value::Array(items)) => {
                let place = |item: &&Value| {
                    choices
                        .iter()
                        .position(|c| item.as_str() == Some(c.value.as_str()))
                };
                let mut items: Vec<&Value> = items.iter().collect();
                items.sort_by_key(|item| place(item).unwrap_or(usize::MAX));
                items
                    .into_iter()
                    .map(|item| self.label_of(&raw(item)))
                    .collect()
            }
            (Kind::Choice(_), Value::String(chosen)) => vec![self.label_of(chosen)],
            (Kind::Boolean(_), Value::Bool(chosen)) => vec![self.label_of(&chosen.to_string())],
            (Kind::Date, Value::String(day)) => vec![written_out(day)],
            (Kind::Integer, Value::Number(number)) => {
                vec![
                    number
                        .as_i64()
                        .map_or_else(|| number.to_string(), text::grouped),
                ]
            }
            _ => vec![raw(value)],
        }
    }

    fn label_of(&self, value: &str) -> String {
        let choice = self.choices().iter().find(|choice| choice.value == value);
        choice.map_or_else(|| value.to_owned(), |choice| choice.label.clone())
    }
}

fn written_out(day: &str) -> String {
    let date = day.parse::<jiff::civil::Date>();
    date.map_or_else(
        |_| day.to_owned(),
        |date| date.strftime("%-d %B %Y").to_string(),
    )
}

/// A value as it would be typed.
pub(super) fn raw(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

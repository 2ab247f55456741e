//! Which questions the answers so far ask for, and how far each section is.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::{Ask, Field, FieldError, FollowUp, Form, Test, answer};

/// A question that is asked, and the reason when an answer asked for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// Name of the field.
    pub field: String,
    /// One sentence; `None` when everybody is asked.
    pub because: Option<String>,
}

/// How far a section is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// None of its questions has an answer.
    NotStarted,
    /// An answer is missing or wrong.
    Incomplete,
    /// Nothing is missing and nothing is wrong.
    Complete,
}

/// One row of the task list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SectionState {
    /// Its name in addresses.
    pub key: String,
    /// Its heading.
    pub title: String,
    /// One sentence about it.
    pub description: Option<String>,
    /// Why its questions are asked; empty when everybody is asked.
    pub because: Vec<String>,
    /// How far it is.
    pub state: State,
}

impl Form {
    /// The questions to ask, in order: those for everybody and those that an answer asks for.
    pub fn asked(&self, document: &Value) -> Vec<Asked> {
        let because = self.because(document);
        let asked = |field: &Field| match field.ask {
            Ask::First => Some(Asked {
                field: field.name.clone(),
                because: None,
            }),
            Ask::Never => None,
            Ask::FollowUp => because.get(field.name.as_str()).map(|because| Asked {
                field: field.name.clone(),
                because: Some((*because).to_owned()),
            }),
        };
        self.fields.iter().filter_map(asked).collect()
    }

    /// The sections in which something is asked, in order, and how far each one is.
    pub fn sections(&self, document: &Value) -> Vec<SectionState> {
        let asked = self.asked(document);
        let errors = self.check(document);
        let state = |section: &super::Section| {
            let here = |name: &str| self.field(name).is_some_and(|f| f.section == section.key);
            let asked: Vec<&Asked> = asked.iter().filter(|asked| here(&asked.field)).collect();
            if asked.is_empty() {
                return None;
            }
            let mut because: Vec<String> = Vec::new();
            for sentence in asked.iter().filter_map(|asked| asked.because.as_ref()) {
                if !because.contains(sentence) {
                    because.push(sentence.clone());
                }
            }
            Some(SectionState {
                key: section.key.clone(),
                title: section.title.clone(),
                description: section.description.clone(),
                because,
                state: state_of(&asked, &errors, document),
            })
        };
        self.sections.iter().filter_map(state).collect()
    }

    /// Names of the questions that must be answered.
    pub(super) fn needed(&self, document: &Value) -> BTreeSet<&str> {
        let always = self.required.iter().map(String::as_str);
        always.chain(self.because(document).into_keys()).collect()
    }

    /// The reason for each question that a follow-up requires; the first reason wins.
    fn because(&self, document: &Value) -> BTreeMap<&str, &str> {
        let mut because = BTreeMap::new();
        for follow_up in self
            .follow_ups
            .iter()
            .filter(|follow_up| follow_up.holds(document))
        {
            for field in &follow_up.asks {
                because
                    .entry(field.as_str())
                    .or_insert(follow_up.because.as_str());
            }
        }
        because
    }
}

fn state_of(asked: &[&Asked], errors: &[FieldError], document: &Value) -> State {
    let wrong = |asked: &&&Asked| errors.iter().any(|error| error.field == asked.field);
    let given = |asked: &&&Asked| answer(document, &asked.field).is_some();
    if !asked.iter().any(|asked| given(&asked)) {
        State::NotStarted
    } else if asked.iter().any(|asked| wrong(&asked)) {
        State::Incomplete
    } else {
        State::Complete
    }
}

impl FollowUp {
    fn holds(&self, document: &Value) -> bool {
        self.tests.iter().all(|(field, test)| {
            answer(document, field).is_some_and(|value| match test {
                Test::Given => true,
                Test::OneOf(values) => values.contains(value),
                Test::Contains(values) => value
                    .as_array()
                    .is_some_and(|given| given.iter().any(|v| values.contains(v))),
            })
        })
    }
}

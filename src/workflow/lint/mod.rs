//! What a JSON Schema cannot say about a workflow: names that meet, an order that ends, values,
//! conditions and clocks that fit each other.
//!
//! What would make a review stick, mislead somebody or never happen is an error; what may be meant
//! is a warning.

mod changes;
mod clocks;
mod readable;
mod stages;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::conditions::Conditions;
use super::definition::{Derive, DeriveKind, Workflow};
use super::format::shown;
use super::problem::{Problem, Source, did_you_mean, one_of};

/// The stage forms by key.
pub(super) type Forms = BTreeMap<String, Value>;

/// Checks one workflow and collects what is wrong.
pub(super) struct Lint<'a> {
    source: &'a Source<'a>,
    workflow: &'a Workflow,
    /// The schema of the request; none when a stored version is opened again.
    request: Option<&'a Value>,
    forms: &'a Forms,
    conditions: Conditions,
    problems: Vec<Problem>,
    work: u64,
}

/// What a check found.
pub(super) struct Linted {
    /// The conditions that can be asked.
    pub conditions: Conditions,
    /// Errors and warnings in the order of the checks.
    pub problems: Vec<Problem>,
    /// How much work it was: bytes of conditions read and parts of them looked at.
    pub work: u64,
}

impl<'a> Lint<'a> {
    pub fn new(
        source: &'a Source<'a>,
        workflow: &'a Workflow,
        request: Option<&'a Value>,
        forms: &'a Forms,
    ) -> Lint<'a> {
        Lint {
            source,
            workflow,
            request,
            forms,
            conditions: Conditions::default(),
            problems: Vec::new(),
            work: 0,
        }
    }

    /// Everything found. A version that was published already is only held to what it needs to
    /// run: what later versions of the program advise is no reason to stop its reviews.
    pub fn run(mut self) -> Linted {
        self.unique_keys();
        self.tables();
        self.stages();
        self.cycle();
        self.all_conditions();
        if self.request.is_some() {
            self.clocks();
            self.changes();
            self.unasked_fields();
        }
        Linted {
            conditions: self.conditions,
            problems: self.problems,
            work: self.work,
        }
    }

    fn refuse(&mut self, place: &str, message: impl Into<String>) {
        self.problems.push(self.source.value(place, message));
    }

    fn warn(&mut self, place: &str, message: impl Into<String>) {
        let problem = self.source.value(place, message).into_warning();
        self.problems.push(problem);
    }

    fn unique_keys(&mut self) {
        let workflow = self.workflow;
        self.unique("/stages", workflow.stages.iter().map(|stage| &stage.key));
        self.unique("/derive", workflow.derive.iter().map(|table| &table.key));
        for (index, stage) in workflow.stages.iter().enumerate() {
            let keys = stage.seats.iter().map(|seat| &seat.key);
            self.unique(&format!("/stages/{index}/seats"), keys);
        }
    }

    fn unique<'k>(&mut self, list: &str, keys: impl Iterator<Item = &'k String>) {
        let mut seen = BTreeSet::new();
        for (index, key) in keys.enumerate() {
            if !seen.insert(key) {
                let message = format!("the key `{key}` is taken already: choose another");
                self.refuse(&format!("{list}/{index}/key"), message);
            }
        }
    }

    fn tables(&mut self) {
        for (index, table) in self.workflow.derive.iter().enumerate() {
            let place = format!("/derive/{index}");
            if !table.values.is_empty() && table.kind != DeriveKind::String {
                let message = "only a table of type string has values: remove them";
                self.refuse(&format!("{place}/values"), message);
            }
            for (row, case) in table.cases.iter().enumerate() {
                self.table_value(&format!("{place}/cases/{row}/then"), table, &case.then);
            }
            self.table_value(&format!("{place}/otherwise"), table, &table.otherwise);
        }
    }

    fn table_value(&mut self, place: &str, table: &Derive, value: &Value) {
        let wanted = match table.kind {
            DeriveKind::Bool if !value.is_boolean() => "true or false",
            DeriveKind::Int if !value.is_i64() => "a whole number",
            DeriveKind::String if !value.is_string() => "a text",
            _ => return self.listed_value(place, table, value),
        };
        let given = shown(value);
        let message = format!("{given} does not fit the type of the table: write {wanted}");
        self.refuse(place, message);
    }

    fn listed_value(&mut self, place: &str, table: &Derive, value: &Value) {
        let Some(text) = value.as_str() else { return };
        if table.values.is_empty() || table.values.iter().any(|listed| listed == text) {
            return;
        }
        let known = table.values.iter().map(String::as_str);
        let hint = did_you_mean(text, known.clone());
        let (given, known) = (shown(value), one_of(known));
        let message = format!("{given} is not among `values`{hint}; write {known}");
        self.refuse(place, message);
    }
}

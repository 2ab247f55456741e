//! A condition that stands outside of a workflow, over the answers of a kind.
use super::conditions::{Conditions, Variables, parse};
use super::problem::{Problem, Source};
use super::types::{Field, Type, fields_from};
use serde_json::Value;
use std::sync::Arc;

/// A checked condition over `request`.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    text: String,
    kept: Conditions,
}

impl Condition {
    /// Reads the condition at `place` of a document. `schema` says what `request` has; without it
    /// (for what was published before) only its form is checked.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(
        source: &Source<'_>,
        place: &str,
        text: &str,
        schema: Option<&Value>,
    ) -> Result<Condition, Vec<Problem>> {
        let told = |fault: super::conditions::Fault| source.inside(place, fault.at, fault.message);
        let parsed = match parse(text) {
            Ok(parsed) => parsed,
            Err(faults) => return Err(faults.into_iter().map(told).collect()),
        };
        let mut cost = u64::MAX;
        if let Some(schema) = schema {
            let request = Field {
                kind: Type::Object(Arc::new(fields_from(schema))),
                optional: false,
            };
            let variables = [("request".to_owned(), request)].into_iter().collect();
            let (size, faults) = parsed.check(&variables);
            if !faults.is_empty() {
                return Err(faults.into_iter().map(told).collect());
            }
            cost = size.cost;
        }
        let mut kept = Conditions::default();
        kept.keep(text, parsed, cost);
        let text = text.to_owned();
        Ok(Condition { text, kept })
    }

    /// Whether it holds for this document. One that cannot be answered counts as yes: more
    /// caution, never less.
    pub fn holds(&self, request: &Value) -> bool {
        let variables = Variables::new(request);
        self.kept.evaluate(&self.text, &variables).unwrap_or(true)
    }
}

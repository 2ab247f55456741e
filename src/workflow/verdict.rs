//! What a workflow says about one request: whether it applies, what is derived, which stages are
//! required. Pure: the same inputs give the same answer years later.

use std::collections::BTreeMap;

use cel::Value as Cel;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::conditions::{Variables, members, object, to_cel};
use super::definition::{Derive, Stage, Validity, Workflow};
use crate::calendar::Span;

/// The value of a `derive` table for one request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Derived {
    /// The value; null when a row could not be answered.
    pub value: Value,
    /// The reason given by the row that held; none for `otherwise`.
    pub because: Option<String>,
    /// The row that held, from 0; none for `otherwise`.
    pub row: Option<usize>,
    /// Why a row could not be answered. Rows below it are not tried, and a stage whose condition
    /// depends on this value is required.
    pub error: Option<String>,
}

/// How a stage was settled, as conditions of later stages read it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageResult {
    /// `approved`, `approved_with_conditions`, `skipped` or `timed_out`.
    pub outcome: String,
    /// Whether the time ran out.
    pub timed_out: bool,
    /// The stage form as answered, an object.
    pub answers: Value,
}

/// What a stage's condition reads.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// The document under review.
    pub request: &'a Value,
    /// The answer of [`Workflow::derive`] for it.
    pub derived: &'a BTreeMap<String, Derived>,
    /// The settled stages by key.
    pub stages: &'a BTreeMap<String, StageResult>,
}

impl Inputs<'_> {
    fn variables(&self) -> Variables {
        let mut variables = Variables::new(self.request);
        variables.set("derived", derived_to_cel(self.derived));
        let stages = members(self.stages, |result| Some(stage_to_cel(result)));
        variables.set("stages", stages);
        variables
    }
}

/// Whether a stage must be decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// It must.
    Required {
        /// The condition that held; none when the stage has no condition.
        condition: Option<String>,
    },
    /// It is left out.
    Skipped {
        /// The condition that did not hold.
        condition: String,
    },
    /// Its condition could not be answered, so it must.
    Error {
        /// The condition.
        condition: String,
        /// Why it could not be answered.
        message: String,
    },
}

impl Verdict {
    /// Whether the stage must be decided; an error counts as yes.
    pub fn is_required(&self) -> bool {
        !matches!(self, Verdict::Skipped { .. })
    }
}

impl Workflow {
    /// Whether the workflow applies to this document. A condition that cannot be answered counts
    /// as yes, so that an error never leaves a record without a review.
    pub fn applies(&self, request: &Value) -> bool {
        let Some(condition) = &self.applies_when else {
            return true;
        };
        self.conditions
            .evaluate(condition, &Variables::new(request))
            .unwrap_or(true)
    }

    /// The value of every `derive` table for this document.
    pub fn derive(&self, request: &Value) -> BTreeMap<String, Derived> {
        let mut variables = Variables::new(request);
        let mut all = BTreeMap::new();
        for table in &self.derive {
            variables.set("derived", derived_to_cel(&all));
            all.insert(table.key.clone(), self.first_hit(table, &variables));
        }
        all
    }

    fn first_hit(&self, table: &Derive, variables: &Variables) -> Derived {
        for (row, case) in table.cases.iter().enumerate() {
            let (value, because, error) = match self.conditions.evaluate(&case.when, variables) {
                Ok(false) => continue,
                Ok(true) => (case.then.clone(), Some(case.because.clone()), None),
                Err(message) => (Value::Null, None, Some(message)),
            };
            return Derived {
                value,
                because,
                row: Some(row),
                error,
            };
        }
        Derived {
            value: table.otherwise.clone(),
            because: None,
            row: None,
            error: None,
        }
    }

    /// Whether `stage` must be decided, given what is settled before it.
    pub fn condition(&self, stage: &Stage, inputs: &Inputs) -> Verdict {
        let Some(condition) = stage.when.clone() else {
            return Verdict::Required { condition: None };
        };
        match self.conditions.evaluate(&condition, &inputs.variables()) {
            Ok(true) => Verdict::Required {
                condition: Some(condition),
            },
            Ok(false) => Verdict::Skipped { condition },
            Err(message) => Verdict::Error { condition, message },
        }
    }

    /// Whether `condition`, one of the stage's side conditions (`step_up_when`, an escalation's
    /// `when`), holds. One that cannot be answered counts as yes: more caution, never less.
    pub fn holds(&self, condition: &str, inputs: &Inputs) -> bool {
        self.conditions
            .evaluate(condition, &inputs.variables())
            .unwrap_or(true)
    }

    /// Whether `condition` holds, or why that cannot be said.
    pub(super) fn answer(&self, condition: &str, inputs: &Inputs) -> Result<bool, String> {
        self.conditions.evaluate(condition, &inputs.variables())
    }

    /// How long an approval of this document is valid: the first row that holds. A row that cannot
    /// be answered holds, so that an error never makes an approval last for ever.
    pub fn valid_for(&self, request: &Value, derived: &BTreeMap<String, Derived>) -> Option<&Span> {
        let stages = BTreeMap::new();
        let inputs = Inputs {
            request,
            derived,
            stages: &stages,
        };
        let holds = |row: &&Validity| {
            let condition = row.when.as_deref();
            condition.is_none_or(|condition| self.holds(condition, &inputs))
        };
        let row = self.renewal.as_ref()?.valid_for.iter().find(holds)?;
        Some(&row.then)
    }

    /// The stages this document would pass, in the order of work, if every stage required were
    /// approved without conditions and without answers. What a submitter is shown before the
    /// review starts; the review itself asks [`Workflow::condition`] again.
    pub fn forecast(&self, request: &Value) -> Vec<(&Stage, Verdict)> {
        let derived = self.derive(request);
        let mut stages = BTreeMap::new();
        let mut route = Vec::new();
        for stage in self.in_order() {
            let inputs = Inputs {
                request,
                derived: &derived,
                stages: &stages,
            };
            let verdict = self.condition(stage, &inputs);
            let outcome = if verdict.is_required() {
                "approved"
            } else {
                "skipped"
            };
            stages.insert(stage.key.clone(), StageResult::new(outcome));
            route.push((stage, verdict));
        }
        route
    }
}

impl StageResult {
    /// A stage settled in time and without answers.
    pub fn new(outcome: &str) -> StageResult {
        let answers = Value::Object(serde_json::Map::new());
        StageResult {
            outcome: outcome.to_owned(),
            timed_out: false,
            answers,
        }
    }
}

/// A table without a value is left out, so that reading it is an error and not a wrong answer.
fn derived_to_cel(derived: &BTreeMap<String, Derived>) -> Cel {
    members(derived, |table| {
        table.error.is_none().then(|| to_cel(&table.value))
    })
}

fn stage_to_cel(result: &StageResult) -> Cel {
    let fields = [
        ("outcome", Cel::from(result.outcome.as_str())),
        ("timed_out", Cel::Bool(result.timed_out)),
        ("answers", to_cel(&result.answers)),
    ];
    object(fields.into_iter())
}

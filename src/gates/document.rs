//! Test plans: which tests a use case needs before it is piloted or goes live. Pure.
use super::Amount;
use crate::workflow::{Condition, Format, MAX_PROBLEMS, Problem, Source, typed};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// The format of a test plan as JSON Schema, for editors.
pub const SCHEMA: &str = include_str!("../../schemas/testing/test_plan.json");
/// The longest text, in bytes.
pub const MAX_BYTES: usize = 512 * 1024;
/// The word in place of a role for whoever may change the use case.
pub const OWNER: &str = "owner";
/// Roles that run or look over the register, and so neither test nor let go.
const OUTSIDE: [&str; 2] = [crate::people::ADMINISTRATOR, crate::people::AUDITOR];

static FORMAT: LazyLock<Option<Format>> = LazyLock::new(|| Format::of(SCHEMA));

/// A step of a use case's life that gates stand before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// It is tried with some of the people it is for.
    Pilot,
    /// It is in use.
    Live,
}

impl Step {
    /// The step that a use case with this `lifecycle` has taken.
    pub fn of(lifecycle: &str) -> Option<Step> {
        match lifecycle {
            "pilot" => Some(Step::Pilot),
            "live" => Some(Step::Live),
            _ => None,
        }
    }

    /// The word of the field `lifecycle`.
    pub fn as_str(self) -> &'static str {
        match self {
            Step::Pilot => "pilot",
            Step::Live => "live",
        }
    }
}

/// How a value is held against the threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    /// The threshold or more.
    AtLeast,
    /// The threshold or less.
    AtMost,
    /// More than the threshold.
    Above,
    /// Less than the threshold.
    Below,
}

impl Comparison {
    /// Whether `value` passes.
    pub fn passes(self, value: Amount, threshold: Amount) -> bool {
        match self {
            Comparison::AtLeast => value >= threshold,
            Comparison::AtMost => value <= threshold,
            Comparison::Above => value > threshold,
            Comparison::Below => value < threshold,
        }
    }

    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Comparison::AtLeast => "at least",
            Comparison::AtMost => "at most",
            Comparison::Above => "more than",
            Comparison::Below => "less than",
        }
    }
}

/// A test that stands before a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// Its short name in the plan.
    pub key: String,
    /// What people read.
    pub title: String,
    /// What it shows.
    pub shows: String,
    /// For which use cases, as a condition in CEL; without it for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Why those need it.
    pub because: String,
    /// Before which steps.
    pub steps: BTreeSet<Step>,
    /// What is measured.
    pub metric: String,
    /// How the value is held against the threshold.
    pub comparison: Comparison,
    /// The threshold.
    pub threshold: Amount,
    /// How many days a result counts.
    pub days: i64,
    /// Whether a result needs a file.
    #[serde(default)]
    pub evidence: bool,
    /// Who records results: roles, or `owner` for whoever may change the use case.
    pub recorders: BTreeSet<String>,
    /// Roles of which one person may waive it; empty where nobody may.
    #[serde(default)]
    pub waived_by: BTreeSet<String>,
}

impl Gate {
    /// Metric and threshold in words.
    pub fn demand(&self) -> String {
        format!(
            "{} {} {}",
            self.metric,
            self.comparison.words(),
            self.threshold
        )
    }
}

/// A test plan that was checked.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Its short name.
    pub key: String,
    /// What people read.
    pub title: String,
    /// Its gates, each with its condition.
    pub(super) gates: Vec<(Gate, Option<Condition>)>,
    /// The document as canonical JSON (RFC 8785).
    pub text: String,
    /// SHA-256 of the text in lower-case hex.
    pub hash: String,
}

#[derive(Deserialize)]
struct Said {
    key: String,
    title: String,
    gates: Vec<Gate>,
}

impl Plan {
    /// Reads a plan. `schema` is that of use cases; without it conditions are not held against
    /// what use cases have today, as for a version that was published before.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its place.
    pub fn read(file: &str, text: &str, schema: Option<&Value>) -> Result<Plan, Vec<Problem>> {
        let source = Source::new(file, text, "").of_at_most(MAX_BYTES, 50_000);
        let (said, kept): (Said, _) = typed(&source, FORMAT.as_ref())?;
        let (mut gates, mut problems, mut keys) = (Vec::new(), Vec::new(), BTreeSet::new());
        for (index, gate) in said.gates.into_iter().enumerate() {
            let place = format!("/gates/{index}");
            problems.extend(wrong(&source, &place, &gate));
            if !keys.insert(gate.key.clone()) {
                let message = format!("two gates have the key `{}`", gate.key);
                problems.push(source.value(&format!("{place}/key"), message));
            }
            let at = format!("{place}/when");
            let when = gate.when.as_deref();
            match when
                .map(|when| Condition::read(&source, &at, when, schema))
                .transpose()
            {
                Ok(condition) => gates.push((gate, condition)),
                Err(more) => problems.extend(more),
            }
        }
        if !problems.is_empty() {
            problems.truncate(MAX_PROBLEMS);
            return Err(problems);
        }
        Ok(Plan {
            key: said.key,
            title: said.title,
            hash: kept.hash,
            gates,
            text: kept.text,
        })
    }

    /// The gates that a use case needs, before whatever step.
    pub fn required(&self, document: &Value) -> impl Iterator<Item = &Gate> {
        let applies = |condition: &Option<Condition>| {
            condition
                .as_ref()
                .is_none_or(|condition| condition.holds(document))
        };
        let gates = self.gates.iter();
        gates
            .filter(move |(_, condition)| applies(condition))
            .map(|(gate, _)| gate)
    }
}

/// Roles that a gate must not name.
fn wrong(source: &Source<'_>, place: &str, gate: &Gate) -> Vec<Problem> {
    let outside = |role: &&String| OUTSIDE.contains(&role.as_str());
    let mut problems = Vec::new();
    if let Some(role) = gate.recorders.iter().find(outside) {
        let message = format!("the role {role} does not record results; name who tests");
        problems.push(source.value(&format!("{place}/recorders"), message));
    }
    let nobody = |role: &&String| outside(role) || *role == OWNER;
    if let Some(role) = gate.waived_by.iter().find(nobody) {
        let message = format!("{role} cannot waive a test; name a role that answers for the risk");
        problems.push(source.value(&format!("{place}/waived_by"), message));
    }
    problems
}

//! Everything that is asked of a text before it may be published, at once.

use std::collections::BTreeMap;

use serde_json::Value;

use super::dry_run::{DryRun, Limits, dry_run};
use super::load::Bundle;
use super::problem::Problem;

/// What was found.
#[derive(Debug, Clone)]
pub struct Examination {
    /// The workflow, when it can be read and its parts fit each other.
    pub bundle: Option<Bundle>,
    /// Its dry run.
    pub dry_run: Option<DryRun>,
    /// Errors first, then warnings.
    pub problems: Vec<Problem>,
}

impl Examination {
    /// The workflow, unless something keeps it from being published.
    pub fn publishable(&self) -> Option<&Bundle> {
        let stopped = self.problems.iter().any(Problem::is_error);
        self.bundle.as_ref().filter(|_| !stopped)
    }
}

/// Reads the workflow in `text` as [`Bundle::load`] does, and tries it out.
pub fn examine(
    file: &str,
    text: &str,
    request_schema: &Value,
    stage_forms: &BTreeMap<String, Value>,
    limits: Limits,
) -> Examination {
    let bundle = match Bundle::load(file, text, request_schema, stage_forms) {
        Ok(bundle) => bundle,
        Err(problems) => {
            return Examination {
                bundle: None,
                dry_run: None,
                problems,
            };
        }
    };
    let run = dry_run(&bundle, request_schema, limits);
    let mut problems = bundle.warnings.clone();
    problems.extend(run.problems(file, text));
    problems.sort_by_key(|problem| problem.severity);
    Examination {
        bundle: Some(bundle),
        dry_run: Some(run),
        problems,
    }
}

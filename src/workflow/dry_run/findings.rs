//! What a dry run says about the workflow, as problems at their places.

use serde_json::Value;

use super::{Asked, DryRun};
use crate::workflow::format::shown;
use crate::workflow::problem::{Problem, Source, shortened};

impl DryRun {
    /// What is wrong, at its place in `text`. What can never happen is an error where the dry run
    /// is complete, else a warning.
    pub fn problems(&self, file: &str, text: &str) -> Vec<Problem> {
        let source = Source::new(file, text, "");
        let mut problems = Vec::new();
        self.condition_problems(&source, &mut problems);
        let dead = self
            .rows
            .iter()
            .filter(|row| row.hits == 0 && !row.otherwise);
        for row in dead.filter(|_| self.requests > self.not_meant) {
            let message = format!(
                "no answers lead to this row, which gives {}: the rows above it take them all, or \
                 its condition never holds. Move it up, or remove it",
                shown(&row.gives)
            );
            problems.push(self.never(source.value(&row.place, message)));
        }
        for uncovered in &self.uncovered {
            let message = format!(
                "when the time of `{}` runs out no later stage is asked, so nobody would answer \
                 for it: let the condition of a later stage read `stages.{}.timed_out`. For \
                 example {}",
                uncovered.stage,
                uncovered.stage,
                brief(&uncovered.example)
            );
            let place = self.place_of(&uncovered.stage, &source);
            problems.push(source.value(&format!("{place}/sla/on_timeout"), message));
        }
        problems
    }

    fn condition_problems(&self, source: &Source, problems: &mut Vec<Problem>) {
        for asked in &self.conditions {
            if let Some(error) = asked.error.as_ref().filter(|_| asked.errors > 0) {
                let example = asked.example.as_ref().map(brief).unwrap_or_default();
                let message = format!(
                    "this could not be answered in {} of {} cases: {error}. For example {example}",
                    asked.errors,
                    asked.held + asked.failed + asked.errors,
                );
                problems.push(source.value(&asked.place, message));
                continue;
            }
            let in_row = asked.place.contains("/cases/") || asked.place.contains("/valid_for/");
            if !in_row {
                let found = self.one_sided(asked, source);
                problems.extend(found);
            }
        }
    }

    /// A condition outside of tables that always gives the same answer.
    fn one_sided(&self, asked: &Asked, source: &Source) -> Option<Problem> {
        let code = asked.place.ends_with("/step_up_when");
        let plain = asked.condition.trim() == "true";
        match (asked.held, asked.failed) {
            (0, 0) => None,
            (0, _) => {
                let what = match asked.place.as_str() {
                    "/applies_when" => "this workflow is meant for nothing",
                    _ if code => "nobody is ever asked for more than the link",
                    place if place.contains("/escalate/") => "nobody is ever called in",
                    _ => "the stage is never asked",
                };
                let message = format!("this never holds, so {what}: mend it, or remove that");
                Some(self.never(source.value(&asked.place, message)))
            }
            (_, 0) if !code && !plain => {
                let message = "this always holds where it is asked: remove it";
                Some(source.value(&asked.place, message).into_warning())
            }
            _ => None,
        }
    }

    /// What never happened among all there is cannot happen; among some, it may.
    fn never(&self, problem: Problem) -> Problem {
        match self.complete {
            true => problem,
            false => Problem {
                message: format!("{} (not everything could be tried)", problem.message),
                ..problem.into_warning()
            },
        }
    }

    fn place_of(&self, stage: &str, source: &Source) -> String {
        let document = source.parse().unwrap_or_default();
        let stages = document.get("stages").and_then(Value::as_array);
        let keys = stages.into_iter().flatten();
        let index = keys
            .map(|item| item.get("key").and_then(Value::as_str))
            .position(|key| key == Some(stage));
        format!("/stages/{}", index.unwrap_or(0))
    }
}

/// Answers in a line.
fn brief(example: &Value) -> String {
    shortened(&example.to_string(), 200)
}

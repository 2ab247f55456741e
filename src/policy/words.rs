//! Answers in words, and the one next step.

use super::{Answer, Index, ModeOutcome, Outcome, Verdict};
use serde::Serialize;

/// What a person may do next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// Use it.
    Use,
    /// Accept the conditions and be registered.
    Accept,
    /// Use a mode in which more is possible.
    ChooseMode {
        /// Its key.
        mode: String,
        /// What people read.
        title: String,
        /// What holds there.
        verdict: Verdict,
        /// How many conditions there are.
        conditions: usize,
    },
    /// Join an approval that is there.
    Join {
        /// Reference of the use case.
        reference: String,
        /// What it is called.
        title: String,
    },
    /// Begin a request with what was said filled in.
    Request {
        /// Which workflow reviews it, where the rule names one.
        workflow: Option<String>,
    },
    /// Ask somebody.
    Ask {
        /// Whom.
        contact: String,
    },
}

/// The one next step. `approval` is a use case that others may join.
pub fn next_step(index: &Index, answer: &Answer, approval: Option<(String, String)>) -> Step {
    let mildest = answer.modes.iter().min_by_key(|mode| mode.outcome.verdict);
    let better = mildest
        .filter(|mode| answer.depends_on_mode && mode.outcome.verdict < answer.outcome.verdict);
    if let Some(mode) = better {
        return Step::ChooseMode {
            mode: mode.mode.clone(),
            title: mode.title.clone(),
            verdict: mode.outcome.verdict,
            conditions: mode.outcome.conditions.len(),
        };
    }
    match (answer.outcome.verdict, approval) {
        (Verdict::Allowed, _) => Step::Use,
        (Verdict::AllowedWithConditions, _) => Step::Accept,
        (Verdict::ReviewRequired, Some((reference, title))) => Step::Join { reference, title },
        (Verdict::ReviewRequired, None) => Step::Request {
            workflow: answer.outcome.workflow.clone(),
        },
        (Verdict::Prohibited | Verdict::NotDecided, _) => Step::Ask {
            contact: contact(index, &answer.outcome),
        },
    }
}

/// Whom to ask: who answers for the rule, else whom the policy names.
fn contact(index: &Index, outcome: &Outcome) -> String {
    let policy = index.policy();
    let rules = outcome.rules.iter().filter_map(|key| index.rule(key));
    let owner = rules.into_iter().find_map(|rule| rule.owner.clone());
    owner
        .or_else(|| policy.contact.clone())
        .unwrap_or_else(|| policy.owner.clone())
}

/// The verdict as a sentence; where modes differ, one for each.
pub fn headline(answer: &Answer) -> String {
    if !answer.depends_on_mode {
        return alone(&answer.outcome);
    }
    let mut groups: Vec<(&Outcome, Vec<&str>)> = Vec::new();
    let mut modes: Vec<&ModeOutcome> = answer.modes.iter().collect();
    modes.sort_by_key(|mode| std::cmp::Reverse(mode.outcome.verdict));
    for mode in modes {
        let like = |(other, _): &&mut (&Outcome, Vec<&str>)| {
            other.verdict == mode.outcome.verdict && other.conditions == mode.outcome.conditions
        };
        match groups.iter_mut().find(like) {
            Some((_, titles)) => titles.push(&mode.title),
            None => groups.push((&mode.outcome, vec![&mode.title])),
        }
    }
    let sentences = groups.iter().map(|(outcome, titles)| {
        let list = match titles.as_slice() {
            [] => String::new(),
            [one] => format!("“{one}”"),
            [all @ .., last] => {
                let all: Vec<String> = all.iter().map(|title| format!("“{title}”")).collect();
                format!("{} and “{last}”", all.join(", "))
            }
        };
        match outcome.verdict {
            Verdict::Allowed => format!("In {list} yes."),
            Verdict::AllowedWithConditions => {
                format!("In {list} yes, with {}.", conditions(outcome))
            }
            Verdict::NotDecided => format!("In {list} nobody has decided yet."),
            Verdict::ReviewRequired => format!("In {list} only after a review."),
            Verdict::Prohibited => format!("No, not in {list}."),
        }
    });
    sentences.collect::<Vec<_>>().join(" ")
}

fn alone(outcome: &Outcome) -> String {
    match outcome.verdict {
        Verdict::Allowed => "Yes, you may.".to_owned(),
        Verdict::AllowedWithConditions => format!("Yes, with {}.", conditions(outcome)),
        Verdict::NotDecided => "Nobody has decided this yet.".to_owned(),
        Verdict::ReviewRequired => "Only after a review.".to_owned(),
        Verdict::Prohibited => "No.".to_owned(),
    }
}

fn conditions(outcome: &Outcome) -> String {
    match outcome.conditions.len() {
        1 => "one condition".to_owned(),
        count => format!("{count} conditions"),
    }
}

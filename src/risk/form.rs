//! The form of an assessment: drawn as it was typed, or as it would be sent again.
use super::{AreaGiven, Given, RiskRules};
use crate::overview::AREAS;
use crate::review::words::field;
use serde::Serialize;

/// The form.
#[derive(Debug, Serialize)]
pub struct FormView {
    revision: i32,
    roles: Vec<Choice>,
    areas: Vec<AreaForm>,
    questions: Vec<QuestionForm>,
    open: bool,
}

#[derive(Debug, Serialize)]
struct AreaForm {
    key: &'static str,
    title: &'static str,
    none: bool,
    selects: Vec<Select>,
    why: String,
    mitigation: String,
    owner: String,
    due: String,
}

#[derive(Debug, Serialize)]
struct Select {
    name: String,
    label: &'static str,
    options: Vec<Choice>,
}

#[derive(Debug, Serialize)]
struct Choice {
    value: String,
    label: String,
    chosen: bool,
}

#[derive(Debug, Serialize)]
struct QuestionForm {
    key: String,
    text: String,
    hint: Option<String>,
    choices: Vec<Choice>,
}

/// A number of an area: its name, what people read, whether it is an impact, and where it stands.
type Number = (
    &'static str,
    &'static str,
    bool,
    fn(&AreaGiven) -> Option<u8>,
);

const NUMBERS: [Number; 4] = [
    ("inherent_likelihood", "Likelihood before", false, |area| {
        area.inherent_likelihood
    }),
    ("inherent_impact", "Impact before", true, |area| {
        area.inherent_impact
    }),
    ("residual_likelihood", "Likelihood left", false, |area| {
        area.residual_likelihood
    }),
    ("residual_impact", "Impact left", true, |area| {
        area.residual_impact
    }),
];

impl FormView {
    /// The form by the rules in force, filled with what was given.
    pub(super) fn of(rules: &RiskRules, given: &Given, open: bool) -> FormView {
        let role = |word: &str, label: &str| Choice {
            value: word.to_owned(),
            label: label.to_owned(),
            chosen: given.role == word,
        };
        let question = |one: &super::Question| QuestionForm {
            choices: [("yes", "Yes"), ("no", "No"), ("unsure", "Not sure")]
                .map(|(word, label)| Choice {
                    value: word.to_owned(),
                    label: label.to_owned(),
                    chosen: given.answers.get(&one.key).is_some_and(|said| said == word),
                })
                .into(),
            key: one.key.clone(),
            text: one.text.clone(),
            hint: one.hint.clone(),
        };
        FormView {
            revision: given.revision,
            roles: vec![
                role("deployer", "Deployer: we use it"),
                role(
                    "provider",
                    "Provider: we make it, or offer it under our name",
                ),
            ],
            areas: AREAS
                .iter()
                .map(|(key, title)| area(rules, given, key, title))
                .collect(),
            questions: rules.questions.iter().map(question).collect(),
            open,
        }
    }
}

fn area(rules: &RiskRules, given: &Given, key: &'static str, title: &'static str) -> AreaForm {
    let one = given.areas.get(key).cloned().unwrap_or_default();
    let select = |(name, label, is_impact, of): &Number| {
        let words = match is_impact {
            true => &rules.impact,
            false => &rules.likelihood,
        };
        let chosen = of(&one);
        let option = |(number, word): (u8, &String)| Choice {
            value: number.to_string(),
            label: format!("{number} {word}"),
            chosen: chosen == Some(number),
        };
        Select {
            name: format!("{key}_{name}"),
            label,
            options: (1..=5).zip(words).map(option).collect(),
        }
    };
    AreaForm {
        key,
        title,
        none: !one.applies,
        selects: NUMBERS.iter().map(select).collect(),
        why: one.why.clone(),
        mitigation: one.mitigation.clone(),
        owner: one.owner.clone(),
        due: one.due.clone(),
    }
}

/// What was typed into the form.
pub(super) fn read(pairs: &[(String, String)]) -> Given {
    let area = |key: &str| {
        let said = |name: &str| field(pairs, &format!("{key}_{name}"));
        let number = |name: &str| said(name).trim().parse().ok();
        AreaGiven {
            applies: said("none").is_empty(),
            inherent_likelihood: number("inherent_likelihood"),
            inherent_impact: number("inherent_impact"),
            residual_likelihood: number("residual_likelihood"),
            residual_impact: number("residual_impact"),
            why: said("why"),
            mitigation: said("mitigation"),
            owner: said("owner"),
            due: said("due"),
        }
    };
    let answers = pairs
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix("q_")?.to_owned(), value.clone())));
    Given {
        revision: field(pairs, "revision").parse().unwrap_or_default(),
        role: field(pairs, "role"),
        areas: AREAS
            .iter()
            .map(|(key, _)| ((*key).to_owned(), area(key)))
            .collect(),
        answers: answers.collect(),
    }
}

//! The form that answers a task: how it is drawn, what came back, what is wrong with it.
//!
//! Names that begin with `_` are the page's own; every other name is a question of the stage's
//! form.
use crate::error::Result;
use crate::form::{FieldError, FieldView, Form, SummaryLine, error_summary};
use crate::review::case::Case;
use crate::review::engine::Refusal;
use crate::review::service::{ConditionGiven, DecisionGiven};
use crate::review::words;
use crate::workflow::Outcome;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Rows for conditions on the page.
const ROWS: usize = 3;

/// A decision as it was typed.
#[derive(Debug, Default)]
pub struct Ballot {
    /// The choice, if there is one we know.
    choice: Option<Outcome>,
    reason: String,
    seen: String,
    /// The proof that the page was ours.
    pub nonce: String,
    conditions: [ConditionGiven; ROWS],
    answers: Value,
    typed: BTreeMap<String, Vec<String>>,
    fields: Vec<FieldError>,
    wrong: Vec<Wrong>,
}

/// Where on the page something is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The choice.
    Choice,
    /// The reason.
    Reason,
    /// A row of conditions, from 0.
    Condition(usize),
    /// No single control.
    Page,
}

#[derive(Debug)]
struct Wrong {
    place: Place,
    message: String,
}

impl Ballot {
    /// Reads what was posted.
    pub fn read(case: &Case, pairs: &[(String, String)]) -> Ballot {
        let mut ballot = Ballot {
            answers: json!({}),
            ..Ballot::default()
        };
        for (name, value) in pairs.iter().filter(|(name, _)| name.starts_with('_')) {
            ballot.take(name, value);
        }
        ballot.read_form(case.form(), pairs);
        if ballot.choice.is_none() {
            ballot.complain(Place::Choice, "Choose what you decide");
        }
        ballot
    }

    fn take(&mut self, name: &str, value: &str) {
        match name {
            "_choice" => self.choice = Outcome::named(value),
            "_reason" => self.reason = words::typed(value),
            "_seen" => self.seen = value.to_owned(),
            "_nonce" => self.nonce = value.to_owned(),
            _ => self.take_condition(name, value),
        }
    }

    fn take_condition(&mut self, name: &str, value: &str) {
        let value = words::typed(value);
        for (index, row) in self.conditions.iter_mut().enumerate() {
            let number = index + 1;
            if name == format!("_condition_{number}") {
                row.text.clone_from(&value);
            } else if name == format!("_condition_{number}_owner") {
                row.owner.clone_from(&value);
            } else if name == format!("_condition_{number}_due") {
                row.due.clone_from(&value);
            }
        }
    }

    /// The stage's form is asked of those who approve; the others get back what they typed.
    fn read_form(&mut self, form: Option<&Form>, pairs: &[(String, String)]) {
        let Some(form) = form else { return };
        let approves = matches!(
            self.choice,
            Some(Outcome::Approve | Outcome::ApproveWithConditions)
        );
        let nothing = json!({});
        let read = match approves {
            true => form.read_complete(None, pairs, &nothing),
            false => form.read(None, pairs, &nothing),
        };
        self.answers = read.document;
        self.typed = read.typed;
        if approves {
            self.fields = read.errors;
        }
    }

    /// Notes that something is wrong.
    pub fn complain(&mut self, place: Place, message: impl Into<String>) {
        let message = message.into();
        self.wrong.push(Wrong { place, message });
    }

    /// Whether anything is wrong.
    pub fn is_wrong(&self) -> bool {
        !self.wrong.is_empty() || !self.fields.is_empty()
    }

    /// Notes a refusal where the person can mend it.
    pub fn refused(&mut self, refusal: &Refusal) {
        let message = words::sentence(&refusal.to_string());
        match refusal {
            Refusal::AnswersInvalid(fields) => self.fields.clone_from(fields),
            Refusal::NotOffered | Refusal::StandInCannotRecuse => {
                self.complain(Place::Choice, message);
            }
            Refusal::ReasonMissing | Refusal::TooLong(..) => self.complain(Place::Reason, message),
            Refusal::ConditionMissing | Refusal::ConditionsNotOffered => {
                self.complain(Place::Condition(0), message);
            }
            Refusal::ConditionInvalid(number, what) => {
                let row = self.row_of(*number);
                let message = words::sentence(&format!("condition {}: {what}", row + 1));
                self.complain(Place::Condition(row), message);
            }
            _ => self.complain(Place::Page, message),
        }
    }

    /// The row of the `number`-th condition that was given; blank rows do not count.
    fn row_of(&self, number: usize) -> usize {
        let filled = self
            .conditions
            .iter()
            .enumerate()
            .filter(|(_, c)| is_filled(c));
        filled
            .map(|(row, _)| row)
            .nth(number.saturating_sub(1))
            .unwrap_or(0)
    }

    /// The decision, once something was chosen.
    pub fn given(&self, case: &Case, link: Option<String>) -> Option<DecisionGiven> {
        Some(DecisionGiven {
            task: case.task.id,
            seen: self.seen.clone(),
            outcome: self.choice?,
            reason: Some(self.reason.clone()),
            answers: self.answers.clone(),
            conditions: self
                .conditions
                .iter()
                .filter(|c| is_filled(c))
                .cloned()
                .collect(),
            link,
        })
    }

    /// How the form is drawn, with what was typed. Without a ballot nothing is chosen.
    ///
    /// # Errors
    /// When the workflow lacks the stage.
    pub fn view(&self, case: &Case, action: String, nonce: Option<String>) -> Result<BallotView> {
        let stage = case.stage()?;
        let typed = (!self.typed.is_empty()).then_some(&self.typed);
        let form = case.form();
        let fields = form.map(|form| form.view(None, &self.answers, typed, &self.fields));
        let fields = fields.unwrap_or_default();
        Ok(BallotView {
            action,
            nonce,
            seen: case.review.digest.clone(),
            choices: case
                .choices()?
                .into_iter()
                .map(|c| self.choice_view(c))
                .collect(),
            choice_error: self.error_at(Place::Choice),
            reason: self.reason.split('\n').map(str::to_owned).collect(),
            reason_error: self.error_at(Place::Reason),
            reason_for: reason_for(&stage.reason_required),
            form_title: form.map(|f| f.title().to_owned()),
            form_description: form.and_then(|f| f.description().map(str::to_owned)),
            fields,
            conditions: (0..ROWS).map(|row| self.row_view(row)).collect(),
        })
    }

    fn error_at(&self, place: Place) -> Option<String> {
        self.wrong
            .iter()
            .find(|w| w.place == place)
            .map(|w| w.message.clone())
    }

    /// Everything that is wrong, linked to its place on the page.
    pub fn summary(&self, fields: &[FieldView]) -> Vec<SummaryLine> {
        let line = |wrong: &Wrong| SummaryLine {
            target: target(wrong.place),
            message: wrong.message.clone(),
        };
        let mut lines: Vec<SummaryLine> = self.wrong.iter().map(line).collect();
        lines.extend(error_summary(fields, &self.fields));
        lines
    }

    fn choice_view(&self, outcome: Outcome) -> ChoiceView {
        let (label, hint) = words::choice(outcome);
        ChoiceView {
            id: format!("choice-{}", outcome.as_str()),
            value: outcome.as_str(),
            label,
            hint,
            checked: self.choice == Some(outcome),
        }
    }

    fn row_view(&self, row: usize) -> RowView {
        let given = self.conditions.get(row).cloned().unwrap_or_default();
        RowView {
            number: row + 1,
            text: given.text.split('\n').map(str::to_owned).collect(),
            owner: given.owner,
            due: given.due,
            error: self.error_at(Place::Condition(row)),
        }
    }
}

fn is_filled(condition: &ConditionGiven) -> bool {
    [&condition.text, &condition.owner, &condition.due]
        .iter()
        .any(|t| !t.trim().is_empty())
}

fn target(place: Place) -> Option<String> {
    match place {
        Place::Choice => Some("choices".to_owned()),
        Place::Reason => Some("reason".to_owned()),
        Place::Condition(row) => Some(format!("condition-{}", row + 1)),
        Place::Page => None,
    }
}

/// Which choices need a reason, as the hint of its field says it.
fn reason_for(required: &[Outcome]) -> Option<String> {
    let offered: Vec<&str> = required.iter().map(|o| words::choice(*o).0).collect();
    let (last, rest) = offered.split_last()?;
    Some(match rest {
        [] => format!("Needed for “{last}”."),
        rest => format!("Needed for “{}” and “{last}”.", rest.join("”, “")),
    })
}

/// The form as `parts/ballot` draws it.
#[derive(Debug, Serialize)]
pub struct BallotView {
    /// Where it is sent, below the base path.
    pub action: String,
    /// The proof that the page is ours; none for those who are signed in.
    pub nonce: Option<String>,
    /// Digest of the revision that is shown.
    pub seen: String,
    /// What can be chosen.
    pub choices: Vec<ChoiceView>,
    /// What is wrong with the choice.
    pub choice_error: Option<String>,
    /// The reason by lines.
    pub reason: Vec<String>,
    /// What is wrong with it.
    pub reason_error: Option<String>,
    /// Which choices need one.
    pub reason_for: Option<String>,
    /// Title of the stage's form.
    pub form_title: Option<String>,
    /// What it is for.
    pub form_description: Option<String>,
    /// Its questions.
    pub fields: Vec<FieldView>,
    /// The rows for conditions.
    pub conditions: Vec<RowView>,
}

/// One choice.
#[derive(Debug, Serialize)]
pub struct ChoiceView {
    /// Id of its control.
    pub id: String,
    /// The value that is sent.
    pub value: &'static str,
    /// What it is called.
    pub label: &'static str,
    /// What it leads to.
    pub hint: &'static str,
    /// Whether it was chosen before.
    pub checked: bool,
}

/// One row for a condition.
#[derive(Debug, Serialize)]
pub struct RowView {
    /// From 1.
    pub number: usize,
    /// What must be done, by lines.
    pub text: Vec<String>,
    /// Address of who does it.
    pub owner: String,
    /// By when.
    pub due: String,
    /// What is wrong.
    pub error: Option<String>,
}

//! Everything a template needs to draw the questions.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::{Choice, Field, FieldError, Form, Kind, Widget, answer, text, words};

/// One question, ready to be drawn by `parts/field`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldView {
    /// Id of the control; of the first choice where there are several controls.
    pub id: String,
    /// Name of the control.
    pub name: String,
    /// The question.
    pub label: String,
    /// Help below the question.
    pub help: Option<String>,
    /// Id of the help and of the limit, when there is either.
    pub hint_id: Option<String>,
    /// “Up to 4,000 characters”, where that is worth saying.
    pub limit: Option<String>,
    /// How it is drawn.
    pub widget: Widget,
    /// `type` of the `input`.
    pub input_type: &'static str,
    /// `inputmode` of the `input`.
    pub inputmode: Option<&'static str>,
    /// `autocomplete` of the `input`.
    pub autocomplete: Option<&'static str>,
    /// Id of the `datalist` that offers answers.
    pub list: Option<&'static str>,
    /// Lines of a `textarea`.
    pub rows: u8,
    /// What stands in a single control.
    pub value: String,
    /// The same by lines, so that no page that sets its parts in can set in what was typed.
    pub lines: Vec<String>,
    /// The choices of radios, checkboxes and selects.
    pub choices: Vec<ChoiceView>,
    /// Whether the form is incomplete without an answer.
    pub required: bool,
    /// Most characters of an answer.
    pub max_length: Option<u64>,
    /// What is wrong with the answer.
    pub error: Option<String>,
    /// Id of the error, when there is one.
    pub error_id: Option<String>,
    /// Value of `aria-describedby`: hint and error, when there are any.
    pub described_by: Option<String>,
    /// Why it is asked; only on the first of neighbours that share a reason.
    pub because: Option<String>,
}

/// One choice, ready to be drawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChoiceView {
    /// Id of the control.
    pub id: String,
    /// The value that is sent.
    pub value: String,
    /// What a person reads.
    pub label: String,
    /// A line below the label.
    pub hint: Option<String>,
    /// Id of that line.
    pub hint_id: Option<String>,
    /// Whether it is chosen.
    pub checked: bool,
}

/// One line of the error summary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SummaryLine {
    /// Id of the control that the line leads to; `None` when the page draws none.
    pub target: Option<String>,
    /// What is wrong.
    pub message: String,
}

/// The lines of `parts/error-summary`: every error, linked to its field where that is drawn.
pub fn error_summary(views: &[FieldView], errors: &[FieldError]) -> Vec<SummaryLine> {
    let target = |error: &FieldError| {
        views
            .iter()
            .find(|view| view.name == error.field)
            .map(|view| view.id.clone())
    };
    let line = |error| SummaryLine {
        target: target(error),
        message: error.message.clone(),
    };
    errors.iter().map(line).collect()
}

impl Form {
    /// The questions of one section (or of all) that are asked now, ready to be drawn.
    ///
    /// `typed` wins over the document, so that a wrong answer comes back as it was typed.
    pub fn view(
        &self,
        section: Option<&str>,
        document: &Value,
        typed: Option<&BTreeMap<String, Vec<String>>>,
        errors: &[FieldError],
    ) -> Vec<FieldView> {
        let needed = self.needed(document);
        let mut last = None;
        let mut views = Vec::new();
        for asked in self.asked(document) {
            let Some(field) = self.field(&asked.field).filter(|f| f.is_in(section)) else {
                continue;
            };
            let values = match typed.and_then(|typed| typed.get(&field.name)) {
                Some(typed) => typed.clone(),
                None => field.values(document),
            };
            let error = errors.iter().find(|error| error.field == field.name);
            let mut view = field.view(&values, error.map(|error| error.message.clone()));
            view.required = needed.contains(field.name.as_str());
            view.because = asked.because.clone().filter(|_| asked.because != last);
            last = asked.because;
            views.push(view);
        }
        views
    }
}

impl Field {
    /// The answer as controls carry it.
    fn values(&self, document: &Value) -> Vec<String> {
        match answer(document, &self.name) {
            None => Vec::new(),
            Some(Value::Array(items)) => items.iter().map(words::raw).collect(),
            Some(value) => vec![words::raw(value)],
        }
    }

    fn view(&self, values: &[String], error: Option<String>) -> FieldView {
        let id = format!("field-{}", self.name);
        let limit = match self.kind {
            Kind::Text { max } if self.many_lines() => {
                let max = i64::try_from(max).unwrap_or(i64::MAX);
                Some(format!("Up to {} characters.", text::grouped(max)))
            }
            _ => None,
        };
        let has_hint = self.help.is_some() || limit.is_some();
        let hint_id = has_hint.then(|| format!("{id}-hint"));
        let error_id = error.is_some().then(|| format!("{id}-error"));
        let described: Vec<&str> = hint_id
            .iter()
            .chain(&error_id)
            .map(String::as_str)
            .collect();
        let value = values.last().cloned().unwrap_or_default();
        FieldView {
            name: self.name.clone(),
            label: self.label.clone(),
            help: self.help.clone(),
            limit,
            widget: self.widget,
            input_type: input_type(self.widget, error.is_some()),
            inputmode: (self.widget == Widget::Number).then_some("numeric"),
            autocomplete: (self.widget == Widget::Person).then_some("off"),
            list: (self.widget == Widget::Person).then_some("people"),
            rows: if self.max_length().is_some_and(|most| most > 1000) {
                6
            } else {
                3
            },
            lines: value
                .replace("\r\n", "\n")
                .split('\n')
                .map(str::to_owned)
                .collect(),
            value,
            choices: self.choice_views(&id, values),
            required: false,
            max_length: self.max_length(),
            described_by: (!described.is_empty()).then(|| described.join(" ")),
            hint_id,
            error,
            error_id,
            because: None,
            id,
        }
    }

    fn choice_views(&self, id: &str, values: &[String]) -> Vec<ChoiceView> {
        let view = |(at, choice): (usize, &Choice)| {
            let id = if at == 0 {
                id.to_owned()
            } else {
                format!("{id}-{}", at + 1)
            };
            ChoiceView {
                hint_id: choice.hint.as_ref().map(|_| format!("{id}-hint-of-choice")),
                id,
                value: choice.value.clone(),
                label: choice.label.clone(),
                hint: choice.hint.clone(),
                checked: values.contains(&choice.value),
            }
        };
        self.choices().iter().enumerate().map(view).collect()
    }
}

/// A wrong date stands in a text control: a date control would show it as empty.
fn input_type(widget: Widget, is_wrong: bool) -> &'static str {
    match widget {
        Widget::Date if is_wrong => "text",
        Widget::Email | Widget::Person => "email",
        Widget::Date => "date",
        Widget::Radios => "radio",
        Widget::Checkboxes => "checkbox",
        _ => "text",
    }
}

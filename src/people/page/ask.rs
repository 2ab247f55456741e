//! Small forms of a question or two, as `parts/ask` draws them.
use super::Again;
use crate::error::Result;
use crate::form::{FieldView, SummaryLine, Widget};
use crate::people::Secret;
use serde::Serialize;

/// One small form.
#[derive(Debug, Serialize)]
pub struct Ask {
    /// Path it is sent to, below the base path.
    pub action: String,
    /// Makes two presses of the button one command; empty where that is no matter.
    pub once: Option<String>,
    /// Digest of the revision that is signed, where one is.
    pub digest: Option<String>,
    /// Its questions.
    pub fields: Vec<FieldView>,
    /// What the button says.
    pub button: String,
    /// How the button looks: a class of the stylesheet.
    pub tone: &'static str,
}

impl Ask {
    pub(crate) fn new(action: String, button: impl Into<String>) -> Ask {
        Ask {
            action,
            once: None,
            digest: None,
            fields: Vec::new(),
            button: button.into(),
            tone: "plain",
        }
    }

    pub(crate) fn once(mut self) -> Result<Ask> {
        self.once = Some(Secret::new()?.reveal().to_owned());
        Ok(self)
    }

    pub(crate) fn toned(mut self, tone: &'static str) -> Ask {
        self.tone = tone;
        self
    }

    pub(crate) fn field(mut self, field: FieldView) -> Ask {
        self.fields.push(field);
        self
    }

    /// The lines of the summary that lead into this form.
    pub fn complaints(&self) -> impl Iterator<Item = SummaryLine> {
        self.fields.iter().filter_map(|field| {
            Some(SummaryLine {
                target: Some(field.id.clone()),
                message: field.error.clone()?,
            })
        })
    }
}

/// A question of a small form. `form` tells apart forms of one page that ask the same; what
/// `again` holds for that form wins over `value`.
pub(crate) fn question(
    (form, name): (&str, &str),
    label: &str,
    help: Option<&str>,
    widget: Widget,
    value: &str,
    again: &Again,
) -> FieldView {
    let ours = again.form == form;
    let typed = again.typed.iter().find(|(known, _)| ours && known == name);
    let value = typed.map_or_else(|| value.to_owned(), |(_, typed)| typed.clone());
    let error = again.errors.iter().find(|e| ours && e.field == name);
    let error = error.map(|e| crate::review::words::sentence(&e.message));
    let id = format!("{form}-{name}");
    let hint_id = help.map(|_| format!("{id}-hint"));
    let error_id = error.as_ref().map(|_| format!("{id}-error"));
    let described: Vec<&str> = hint_id
        .iter()
        .chain(&error_id)
        .map(String::as_str)
        .collect();
    FieldView {
        name: name.to_owned(),
        label: label.to_owned(),
        help: help.map(str::to_owned),
        limit: None,
        widget,
        // A wrong day stands in a text control: a date control would show it as empty.
        input_type: match widget {
            Widget::Date if error.is_none() => "date",
            Widget::Email | Widget::Person if error.is_none() => "email",
            _ => "text",
        },
        inputmode: None,
        autocomplete: Some("off"),
        list: (widget == Widget::Person).then_some("people"),
        rows: 3,
        lines: value.split('\n').map(str::to_owned).collect(),
        value,
        choices: Vec::new(),
        required: true,
        max_length: None,
        described_by: (!described.is_empty()).then(|| described.join(" ")),
        hint_id,
        error,
        error_id,
        because: None,
        id,
    }
}

/// The same question, which may stay empty.
pub(crate) fn optional(field: FieldView) -> FieldView {
    FieldView {
        required: false,
        ..field
    }
}

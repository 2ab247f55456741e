//! Forms: a JSON Schema drawn as accessible questions, and answers read back as a document.
//!
//! Pure. A [`Form`] is parsed once from the subset that `docs/forms.md` describes and then only
//! asked: what to draw, what a person typed, what is wrong with it, how to say it in words.
//! Nothing is fetched: a schema that refers to a file or to the network is refused.

mod ask;
mod check;
mod read;
mod subset;
mod text;
mod view;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

pub use ask::{Asked, SectionState, State};
pub use check::FieldError;
pub use read::Answers;
pub use text::plain;
pub use view::{ChoiceView, FieldView, SummaryLine, error_summary};
pub use words::{Change, Facet, Fact, FactGroup};

/// One parsed form: a kind of record or the form of a stage.
#[derive(Debug)]
pub struct Form {
    title: String,
    description: Option<String>,
    sections: Vec<Section>,
    fields: Vec<Field>,
    places: BTreeMap<String, usize>,
    required: BTreeSet<String>,
    follow_ups: Vec<FollowUp>,
    complete: jsonschema::Validator,
    draft: jsonschema::Validator,
}

impl Form {
    /// Parses a schema of the documented subset.
    ///
    /// # Errors
    /// Everything outside the subset, each with its place and what would be right.
    pub fn parse(schema: &Value) -> Result<Form, Vec<SchemaProblem>> {
        subset::parse(schema)
    }

    /// What the form as a whole is called.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// What the form as a whole is for.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// All fields in the order in which they are asked, those that nobody is asked for included.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The field of that name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.places
            .get(name)
            .and_then(|place| self.fields.get(*place))
    }

    /// All sections in order, whether anything in them is asked or not.
    pub fn all_sections(&self) -> &[Section] {
        &self.sections
    }

    fn place(&self, name: &str) -> usize {
        self.places.get(name).copied().unwrap_or(usize::MAX)
    }
}

/// Why a schema cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{}: {message}", if pointer.is_empty() { "the schema" } else { pointer.as_str() })]
pub struct SchemaProblem {
    /// JSON Pointer to the place in the schema; empty for the whole.
    pub pointer: String,
    /// One sentence saying what would be right.
    pub message: String,
}

/// A group of questions, one row of the task list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Its name in the schema and in addresses.
    pub key: String,
    /// Its heading.
    pub title: String,
    /// One sentence about it.
    pub description: Option<String>,
}

/// One question and its answer's rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The name in the document.
    pub name: String,
    /// The question as a person reads it.
    pub label: String,
    /// A short noun for lists, filters and messages.
    pub short: String,
    /// Help below the question.
    pub help: Option<String>,
    /// Key of its section.
    pub section: String,
    /// What an answer is.
    pub kind: Kind,
    /// How it is drawn.
    pub widget: Widget,
    /// When it is asked.
    pub ask: Ask,
    /// Whether the register filters by it.
    pub facet: bool,
    missing: String,
    pattern_says: Option<String>,
    order: i64,
}

impl Field {
    /// The choices of a field that offers some; booleans offer `true` and `false`.
    pub fn choices(&self) -> &[Choice] {
        match &self.kind {
            Kind::Choice(choices) | Kind::Choices(choices) | Kind::Boolean(choices) => choices,
            _ => &[],
        }
    }

    /// Whether an answer may have several lines.
    pub fn many_lines(&self) -> bool {
        self.widget == Widget::Textarea
    }

    fn max_length(&self) -> Option<u64> {
        match self.kind {
            Kind::Text { max } | Kind::Email { max } => Some(max),
            _ => None,
        }
    }
}

/// What an answer is, as a value in the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A string of at most `max` characters.
    Text {
        /// Most characters.
        max: u64,
    },
    /// A string that is an e-mail address.
    Email {
        /// Most characters.
        max: u64,
    },
    /// A string that is a calendar day, `2026-11-30`.
    Date,
    /// One string of the choices.
    Choice(Vec<Choice>),
    /// An array without repetition of strings of the choices.
    Choices(Vec<Choice>),
    /// A whole number.
    Integer,
    /// True or false; the two choices carry the labels.
    Boolean(Vec<Choice>),
}

/// One answer that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The value in the document (`true` and `false` for booleans).
    pub value: String,
    /// What a person reads.
    pub label: String,
    /// A line below the label.
    pub hint: Option<String>,
}

/// How a question is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Widget {
    Text,
    Textarea,
    Email,
    Person,
    Date,
    Number,
    Radios,
    Select,
    Checkboxes,
}

/// When a question is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// Always.
    First,
    /// When an earlier answer asks for it.
    FollowUp,
    /// By nobody: filled by an import or through the API.
    Never,
}

/// Questions that certain answers ask for.
#[derive(Debug)]
struct FollowUp {
    tests: Vec<(String, Test)>,
    asks: Vec<String>,
    because: String,
}

/// What an answer is held against; all tests of a follow-up must hold.
#[derive(Debug)]
enum Test {
    Given,
    OneOf(Vec<Value>),
    Contains(Vec<Value>),
}

/// Whether a value counts as no answer: blank text, an empty list.
fn is_blank(value: &Value) -> bool {
    match value {
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// The answer to a field, unless it is missing or blank.
fn answer<'a>(document: &'a Value, field: &str) -> Option<&'a Value> {
    document.get(field).filter(|value| !is_blank(value))
}

#[cfg(test)]
mod tests;

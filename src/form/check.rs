//! What is wrong with a document, field by field, in plain words.

use std::collections::BTreeMap;

use jsonschema::{ValidationError, Validator, error::ValidationErrorKind as Rule};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Field, Form, Kind, is_blank, subset::LARGEST, text};

const MOST_UNKNOWN: usize = 20;
const ADDRESS: &str = "must be an e-mail address, such as name@example.org";

/// One thing that is wrong with one answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// Name of the field; empty when the document as a whole is wrong.
    pub field: String,
    /// JSON Pointer into the document.
    pub pointer: String,
    /// The broken rule in one word: `missing`, `unknown`, `type`, `choice`, `length`, `number`,
    /// `count`, `date`, `email`, `pattern`, `characters`, `repeated` or `other`.
    pub rule: &'static str,
    /// One sentence that stands for itself.
    pub message: String,
}

impl FieldError {
    pub(super) fn of(field: &Field, rule: &'static str, ends: &str) -> FieldError {
        FieldError::new(&field.name, rule, format!("{} {ends}", field.short))
    }

    pub(crate) fn new(field: &str, rule: &'static str, message: String) -> FieldError {
        let pointer = match field {
            "" => String::new(),
            name => format!("/{}", name.replace('~', "~0").replace('/', "~1")),
        };
        FieldError {
            field: field.to_owned(),
            pointer,
            rule,
            message,
        }
    }

    pub(super) fn unknown(name: &str) -> FieldError {
        let name = text::shortened(name, 80);
        let message = format!("There is no question called “{name}”");
        FieldError::new(&name, "unknown", message)
    }
}

impl Form {
    /// Everything that is wrong with a document, at most one error a field, in the order in which
    /// the fields are asked.
    pub fn check(&self, document: &Value) -> Vec<FieldError> {
        self.errors(&self.complete, document)
    }

    /// As [`Form::check`], but nothing is required: the rules for a draft or an import.
    pub fn check_draft(&self, document: &Value) -> Vec<FieldError> {
        self.errors(&self.draft, document)
    }

    fn errors(&self, validator: &Validator, document: &Value) -> Vec<FieldError> {
        let Some(given) = document.as_object() else {
            let message = "The answers must be a JSON object with one member for each question";
            return vec![FieldError::new("", "type", message.into())];
        };
        let mut errors = self.unknown_fields(given);
        let mut found: BTreeMap<usize, FieldError> = BTreeMap::new();
        let mut sound = Map::new();
        for (name, value) in given.iter().filter(|(_, value)| !is_blank(value)) {
            let Some(field) = self.field(name) else {
                continue;
            };
            if let Some(error) = field.misfit(value) {
                found.insert(self.place(name), error);
            } else {
                sound.insert(name.clone(), value.clone());
            }
        }
        let sound = Value::Object(sound);
        for error in validator.iter_errors(&sound) {
            if let Some(field) = self.field(&subject(&error)) {
                found
                    .entry(self.place(&field.name))
                    .or_insert_with(|| field.error(&error));
            }
        }
        errors.splice(0..0, found.into_values());
        errors
    }

    fn unknown_fields(&self, given: &Map<String, Value>) -> Vec<FieldError> {
        let unknown = given.keys().filter(|name| self.field(name).is_none());
        unknown
            .take(MOST_UNKNOWN)
            .map(|name| FieldError::unknown(name))
            .collect()
    }
}

/// The field that an error of the validator is about.
fn subject(error: &ValidationError) -> String {
    match error.kind() {
        Rule::Required { property } => property.as_str().unwrap_or_default().to_owned(),
        _ => error
            .instance_path()
            .as_str()
            .split('/')
            .nth(1)
            .unwrap_or_default()
            .to_owned(),
    }
}

impl Field {
    /// Whether a value can be an answer to this question at all. Asked before the validator, which
    /// counts 1.0 as whole, and which would report each of a million wrong items.
    fn misfit(&self, value: &Value) -> Option<FieldError> {
        let wrong = |rule, ends: &str| Some(FieldError::of(self, rule, ends));
        match (&self.kind, value) {
            (Kind::Choice(_) | Kind::Boolean(_), Value::String(_)) => {
                (!self.offers(value)).then(|| self.not_offered())
            }
            (Kind::Text { .. } | Kind::Email { .. } | Kind::Date, Value::String(text)) => {
                match text::fault(text, self.many_lines()) {
                    Some(fault) => wrong("characters", &fault),
                    None if self.is_odd_address(text) => wrong("email", ADDRESS),
                    None => None,
                }
            }
            (Kind::Boolean(_), Value::Bool(_)) => None,
            (Kind::Integer, Value::Number(number)) => match number.as_i64() {
                Some(n) if (-LARGEST..=LARGEST).contains(&n) => None,
                None if number.is_f64() => wrong("number", "must be a whole number"),
                _ => wrong("number", &format!("must lie within ±{LARGEST}")),
            },
            (Kind::Choices(choices), Value::Array(items)) => {
                if items.len() > choices.len() {
                    wrong(
                        "count",
                        &format!("must have at most {} choices", choices.len()),
                    )
                } else {
                    items
                        .iter()
                        .any(|item| !self.offers(item))
                        .then(|| self.not_offered())
                }
            }
            (Kind::Integer, _) => wrong("type", "must be a whole number"),
            (Kind::Choices(_), _) => wrong("type", "must be a list of choices"),
            (Kind::Choice(_), _) => Some(self.not_offered()),
            (Kind::Boolean(_), _) => wrong("type", "must be true or false"),
            _ => wrong("type", "must be text"),
        }
    }

    /// Whether an address is written in one of the ways that the standard allows and no mailbox
    /// uses: quoted, with comments, at a bare network address.
    fn is_odd_address(&self, text: &str) -> bool {
        let odd = |c: char| c.is_whitespace() || "\"\\<>()[],:;".contains(c);
        matches!(self.kind, Kind::Email { .. }) && text.contains(odd)
    }

    fn offers(&self, value: &Value) -> bool {
        match self.kind {
            Kind::Boolean(_) => value.is_boolean(),
            _ => self
                .choices()
                .iter()
                .any(|c| value.as_str() == Some(c.value.as_str())),
        }
    }

    fn not_offered(&self) -> FieldError {
        let values: Vec<&str> = self.choices().iter().map(|c| c.value.as_str()).collect();
        let message = format!("{}: Choose one of: {}", self.short, values.join(", "));
        FieldError::new(&self.name, "choice", message)
    }

    /// An error of the validator in words.
    fn error(&self, error: &ValidationError) -> FieldError {
        let typed = error.instance();
        let (rule, ends) = match error.kind() {
            Rule::Required { .. } => return self.missing_error(),
            Rule::MaxLength { limit } => ("length", too_long(*limit, typed)),
            Rule::MinLength { limit } => {
                ("length", format!("must have at least {limit} characters"))
            }
            Rule::Minimum { limit } => ("number", format!("must be {} or more", shown(limit))),
            Rule::Maximum { limit } => ("number", format!("must be {} or less", shown(limit))),
            Rule::MinItems { limit } => ("count", format!("must have at least {limit} choices")),
            Rule::MaxItems { limit } => ("count", format!("must have at most {limit} choices")),
            Rule::UniqueItems => ("repeated", "must not have the same choice twice".into()),
            Rule::Format { format } if format == "date" => {
                ("date", "must be a real date, such as 2026-11-30".into())
            }
            Rule::Format { .. } => ("email", ADDRESS.into()),
            Rule::Pattern { .. } => return self.pattern_error(),
            _ => ("other", "does not fit this question".into()),
        };
        FieldError::of(self, rule, &ends)
    }

    fn missing_error(&self) -> FieldError {
        FieldError::new(&self.name, "missing", self.missing.clone())
    }

    fn pattern_error(&self) -> FieldError {
        match &self.pattern_says {
            Some(sentence) => FieldError::new(&self.name, "pattern", sentence.clone()),
            None => FieldError::of(self, "pattern", "is not written in the form that is needed"),
        }
    }
}

fn too_long(limit: u64, typed: &Value) -> String {
    let is = typed.as_str().map_or(0, |text| text.chars().count());
    format!("must be at most {limit} characters, is {is}")
}

fn shown(limit: &Value) -> String {
    limit
        .as_i64()
        .map_or_else(|| limit.to_string(), text::grouped)
}

/// What is wrong with one answer by itself.
pub(super) fn fault(form: &Form, field: &str, value: &Value) -> Option<FieldError> {
    form.check_draft(&json!({ field: value }))
        .into_iter()
        .next()
}

//! What a person typed, as a document.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{Ask, Field, FieldError, Form, Kind, check, is_blank, text};

/// What came of reading a posted form.
#[derive(Debug, Clone, PartialEq)]
pub struct Answers {
    /// The document with every answer that has no error; a wrong answer leaves the earlier one.
    pub document: Value,
    /// What was typed, by field, to be drawn again as it was.
    pub typed: BTreeMap<String, Vec<String>>,
    /// What is wrong, in the order in which the fields are asked.
    pub errors: Vec<FieldError>,
}

impl Form {
    /// Reads the pairs of a posted form over an earlier document, as a draft: nothing is required.
    ///
    /// Takes the questions of one section (or of all) that are asked before or because of these
    /// very answers. A question without a pair stays as it was: drawn fields always send one, if
    /// only an empty one. Answers to questions that are no longer asked leave the document, except
    /// those that nobody is ever asked for. A name that is no field is an error, unless it begins
    /// with an underscore: such names belong to the page.
    pub fn read(
        &self,
        section: Option<&str>,
        pairs: &[(String, String)],
        before: &Value,
    ) -> Answers {
        let mut reading = Reading::start(self, section, pairs, before);
        while reading.take_asked() {}
        reading.finish()
    }

    /// As [`Form::read`], and every question of the section that must be answered is missed.
    pub fn read_complete(
        &self,
        section: Option<&str>,
        pairs: &[(String, String)],
        before: &Value,
    ) -> Answers {
        let mut answers = self.read(section, pairs, before);
        for error in self.check(&answers.document) {
            let here = self
                .field(&error.field)
                .is_none_or(|field| field.is_in(section));
            if here
                && !answers
                    .errors
                    .iter()
                    .any(|known| known.field == error.field)
            {
                answers.errors.push(error);
            }
        }
        answers.errors.sort_by_key(|error| self.place(&error.field));
        answers
    }

    /// A document from elsewhere (an import, the API) cleaned as typed answers are: text trimmed,
    /// line ends made one kind, e-mail addresses in small letters, choices in the form's order,
    /// blank answers left out. What does not fit its field stays for [`Form::check`] to name.
    pub fn tidy(&self, document: Value) -> Value {
        let Value::Object(given) = document else {
            return document;
        };
        let tidied = given.into_iter().map(|(name, value)| {
            let value = match self.field(&name) {
                Some(field) => field.tidied(value),
                None => value,
            };
            (name, value)
        });
        Value::Object(tidied.filter(|(_, value)| !is_blank(value)).collect())
    }

    fn asked_names(&self, document: &Value) -> BTreeSet<String> {
        self.asked(document)
            .into_iter()
            .map(|asked| asked.field)
            .collect()
    }
}

/// A posted form while it is read.
struct Reading<'a> {
    form: &'a Form,
    section: Option<&'a str>,
    posted: BTreeMap<&'a str, Vec<&'a str>>,
    asked_before: BTreeSet<String>,
    document: Value,
    typed: BTreeMap<String, Vec<String>>,
    errors: Vec<FieldError>,
}

impl<'a> Reading<'a> {
    fn start(
        form: &'a Form,
        section: Option<&'a str>,
        pairs: &'a [(String, String)],
        before: &Value,
    ) -> Self {
        let mut posted: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let mut unknown = BTreeSet::new();
        for (name, value) in pairs.iter().filter(|(name, _)| !name.starts_with('_')) {
            if form.field(name).is_some() {
                posted.entry(name).or_default().push(value);
            } else {
                unknown.insert(name.as_str());
            }
        }
        let document = if before.is_object() {
            before.clone()
        } else {
            Value::Object(Map::new())
        };
        Reading {
            form,
            section,
            posted,
            asked_before: form.asked_names(&document),
            document,
            typed: BTreeMap::new(),
            errors: unknown
                .into_iter()
                .take(20)
                .map(FieldError::unknown)
                .collect(),
        }
    }

    /// Takes what is asked now and not yet taken; false when nothing was left to take.
    fn take_asked(&mut self) -> bool {
        let asked = self.form.asked_names(&self.document);
        let next: Vec<&Field> = self
            .form
            .fields()
            .iter()
            .filter(|field| asked.contains(&field.name) && field.is_in(self.section))
            .filter(|field| self.posted.contains_key(field.name.as_str()))
            .filter(|field| !self.typed.contains_key(&field.name))
            .collect();
        for field in &next {
            self.take(field);
        }
        !next.is_empty()
    }

    fn take(&mut self, field: &Field) {
        let raw = self
            .posted
            .get(field.name.as_str())
            .cloned()
            .unwrap_or_default();
        let given: Vec<&str> = raw
            .into_iter()
            .filter(|value| !value.trim().is_empty())
            .collect();
        let error = match field.typed_value(&given) {
            Err(error) => Some(error),
            Ok(value) if is_blank(&value) => {
                self.put(field, None);
                None
            }
            Ok(value) => {
                let error = check::fault(self.form, &field.name, &value);
                if error.is_none() {
                    self.put(field, Some(value));
                }
                error
            }
        };
        self.errors.extend(error);
        self.typed.insert(
            field.name.clone(),
            given.into_iter().map(str::to_owned).collect(),
        );
    }

    fn put(&mut self, field: &Field, value: Option<Value>) {
        let Some(document) = self.document.as_object_mut() else {
            return;
        };
        match value {
            Some(value) => document.insert(field.name.clone(), value),
            None => document.remove(&field.name),
        };
    }

    fn finish(mut self) -> Answers {
        while self.drop_unasked() {}
        let asked = self.form.asked_names(&self.document);
        let form = self.form;
        self.errors
            .retain(|e| form.field(&e.field).is_none() || asked.contains(&e.field));
        self.typed.retain(|name, _| asked.contains(name));
        self.errors.sort_by_key(|error| form.place(&error.field));
        Answers {
            document: self.document,
            typed: self.typed,
            errors: self.errors,
        }
    }

    /// An answer leaves when its question was asked and no longer is; true when one left.
    fn drop_unasked(&mut self) -> bool {
        let asked = self.form.asked_names(&self.document);
        let form = self.form;
        let Some(document) = self.document.as_object_mut() else {
            return false;
        };
        let count = document.len();
        document.retain(|name, _| {
            let was_asked = self.asked_before.contains(name) || self.typed.contains_key(name);
            let follow_up = form
                .field(name)
                .is_some_and(|field| field.ask == Ask::FollowUp);
            !(follow_up && was_asked && !asked.contains(name))
        });
        document.len() < count
    }
}

impl Field {
    pub(super) fn is_in(&self, section: Option<&str>) -> bool {
        section.is_none_or(|key| self.section == key)
    }

    /// The value that was typed; what cannot be one stays text for the check to refuse.
    fn typed_value(&self, given: &[&str]) -> Result<Value, FieldError> {
        if matches!(self.kind, Kind::Choices(_)) {
            let items = given
                .iter()
                .map(|value| Value::from(value.trim()))
                .collect();
            return Ok(self.tidied(Value::Array(items)));
        }
        let Some((typed, further)) = given.split_last() else {
            return Ok("".into());
        };
        if !further.is_empty() {
            return Err(FieldError::of(
                self,
                "repeated",
                "was answered more than once",
            ));
        }
        match self.kind {
            Kind::Integer => text::whole_number(typed)
                .map(Value::from)
                .ok_or_else(|| FieldError::of(self, "number", "must be a whole number, like 1200")),
            Kind::Boolean(_) => Ok(match typed.trim() {
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                other => Value::from(other),
            }),
            _ => Ok(self.tidied(Value::from(*typed))),
        }
    }

    fn tidied(&self, value: Value) -> Value {
        match (&self.kind, value) {
            (Kind::Email { .. }, Value::String(typed)) => {
                Value::String(text::tidy(&typed, false).to_lowercase())
            }
            (_, Value::String(typed)) => Value::String(text::tidy(&typed, self.many_lines())),
            (Kind::Choices(choices), Value::Array(mut items)) if items.len() <= 1000 => {
                let place = |item: &Value| {
                    choices
                        .iter()
                        .position(|c| item.as_str() == Some(c.value.as_str()))
                };
                items.sort_by_key(|item| place(item).unwrap_or(usize::MAX));
                items.dedup();
                Value::Array(items)
            }
            (_, value) => value,
        }
    }
}

//! Holds a document that people write against its schema, in words an author can act on. Where the
//! schema has `x-message`, that is what the author is told.

use std::sync::LazyLock;

use jsonschema::error::ValidationErrorKind as Kind;
use jsonschema::{ValidationError, Validator};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::definition::Workflow;
use super::problem::{Problem, Source, did_you_mean, one_of, shortened, token};
use crate::calendar::Span;

/// The format as JSON Schema, for editors and for `GET /schemas/workflow.json`.
pub const SCHEMA: &str = include_str!("../../schemas/workflow/workflow.json");

/// How many problems are told at once; an author mends them in rounds.
pub(crate) const MAX_PROBLEMS: usize = 50;

/// The shape of documents that people write.
pub(crate) struct Format {
    schema: Value,
    validator: Validator,
}

static FORMAT: LazyLock<Option<Format>> = LazyLock::new(|| Format::of(SCHEMA));

impl Format {
    /// Reads a schema of ours; nothing when it is broken, which the tests rule out.
    pub(crate) fn of(schema: &str) -> Option<Format> {
        let schema: Value = serde_json::from_str(schema).ok()?;
        let validator = jsonschema::draft202012::new(&schema).ok()?;
        Some(Format { schema, validator })
    }

    /// Everything in `document` that is not of this shape, up to a number that can be read.
    pub(crate) fn problems(&self, source: &Source, document: &Value) -> Vec<Problem> {
        self.validator
            .iter_errors(document)
            .flat_map(|error| explain(source, &self.schema, &error))
            .take(MAX_PROBLEMS)
            .collect()
    }
}

/// A document in canonical form (RFC 8785).
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    /// Its text.
    pub text: String,
    /// SHA-256 of the text in lower-case hex.
    pub hash: String,
}

/// What stands in a source, as the type that its format describes.
///
/// # Errors
/// Everything in it that is not of the format, each with its place.
pub(crate) fn typed<T: serde::de::DeserializeOwned>(
    source: &Source,
    format: Option<&Format>,
) -> Result<(T, Kept), Vec<Problem>> {
    let broken = |message: String| vec![source.value("", message)];
    let format = format.ok_or_else(|| broken("the schema of this format is broken".to_owned()))?;
    let document = source.parse().map_err(|problem| vec![problem])?;
    let problems = format.problems(source, &document);
    if !problems.is_empty() {
        return Err(problems);
    }
    let text = serde_json_canonicalizer::to_string(&document)
        .map_err(|error| broken(format!("this cannot be kept: {error}")))?;
    let hash = hex::encode(Sha256::digest(text.as_bytes()));
    let said = serde_json::from_value(document).map_err(|error| broken(error.to_string()))?;
    Ok((said, Kept { text, hash }))
}

/// The workflow in `document`, or everything in it that is not of the format.
pub(super) fn read(source: &Source, document: &Value) -> Result<Workflow, Vec<Problem>> {
    let broken = |message: &str| vec![source.value("", message)];
    let format = FORMAT
        .as_ref()
        .ok_or_else(|| broken("the schema of workflows is broken"))?;
    let problems = format.problems(source, document);
    if !problems.is_empty() {
        return Err(problems);
    }
    let problems = no_spans(source, document);
    if !problems.is_empty() {
        return Err(problems);
    }
    serde_json::from_value(document.clone()).map_err(|error| broken(&error.to_string()))
}

/// Where lengths of time stand; `*` is every item of a list.
const SPANS: [&str; 10] = [
    "/max_duration",
    "/conditions/due",
    "/conditions/remind_before/*",
    "/renewal/valid_for/*/then",
    "/renewal/remind_before/*",
    "/override/valid_for",
    "/stages/*/sla/due",
    "/stages/*/sla/remind/*",
    "/stages/*/sla/escalate/*/after",
    "/stages/*/email/valid_for",
];

/// Every length of time that has the right shape and is none: nothing at all, or too long.
fn no_spans(source: &Source, document: &Value) -> Vec<Problem> {
    let texts = SPANS.iter().flat_map(|place| found(document, place));
    let faults = texts.filter_map(|(place, text)| {
        let fault = text.parse::<Span>().err()?;
        Some(source.value(&place, fault.to_string()))
    });
    faults.take(MAX_PROBLEMS).collect()
}

/// The texts at a place, with their own places.
fn found<'v>(document: &'v Value, place: &str) -> Vec<(String, &'v str)> {
    let mut here = vec![(String::new(), document)];
    for step in place.split('/').skip(1) {
        let mut next = Vec::new();
        for (place, value) in here {
            match (step, value.as_array()) {
                ("*", Some(items)) => next.extend(
                    items
                        .iter()
                        .enumerate()
                        .map(|(index, item)| (format!("{place}/{index}"), item)),
                ),
                ("*", None) => {}
                _ => next.extend(
                    value
                        .get(step)
                        .map(|item| (format!("{place}/{step}"), item)),
                ),
            }
        }
        here = next;
    }
    let texts = here.into_iter();
    texts
        .filter_map(|(place, value)| Some((place, value.as_str()?)))
        .collect()
}

/// One schema error as problems: one for each key where keys are unknown.
fn explain(source: &Source, schema: &Value, error: &ValidationError) -> Vec<Problem> {
    let place = error.instance_path().as_str();
    let keyword = error.schema_path().as_str();
    let owner = keyword.rsplit_once('/').map_or("", |(owner, _)| owner);
    let rule = schema.pointer(owner).unwrap_or(&Value::Null);
    match error.kind() {
        Kind::AdditionalProperties { unexpected } => unexpected
            .iter()
            .take(MAX_PROBLEMS)
            .map(|key| unknown_key(source, rule, place, key))
            .collect(),
        Kind::Required { property } => vec![source.value(place, missing_key(rule, property))],
        Kind::Not { .. } => vec![source.key(place, message_of(rule).unwrap_or("remove this"))],
        _ => vec![source.value(place, refused_value(rule, error))],
    }
}

fn message_of(rule: &Value) -> Option<&str> {
    rule.get("x-message").and_then(Value::as_str)
}

fn property_names(rule: &Value) -> impl Iterator<Item = &str> + Clone {
    let properties = rule.get("properties").and_then(Value::as_object);
    properties
        .into_iter()
        .flatten()
        .filter(|(_, rule)| available(rule))
        .map(|(name, _)| name.as_str())
}

/// Whether this version takes the key at all.
fn available(rule: &Value) -> bool {
    rule.get("not").is_none()
}

fn unknown_key(source: &Source, rule: &Value, place: &str, key: &str) -> Problem {
    let known = property_names(rule).filter(|name| *name != "$schema");
    let hint = did_you_mean(key, known.clone());
    let (given, known) = (shortened(key, 60), one_of(known));
    let message = format!("unknown key `{given}`{hint}; the keys here are {known}");
    source.key(&format!("{place}/{}", token(key)), message)
}

fn missing_key(rule: &Value, property: &Value) -> String {
    let name = property.as_str().unwrap_or_default();
    let meaning = rule
        .get("properties")
        .and_then(|all| all.get(name)?.get("description")?.as_str());
    match meaning {
        Some(meaning) => format!("`{name}` is missing: {meaning}"),
        None => format!("`{name}` is missing"),
    }
}

fn refused_value(rule: &Value, error: &ValidationError) -> String {
    let given = shown(error.instance());
    let message = match error.kind() {
        Kind::Enum { options } => not_an_option(error.instance(), options),
        Kind::Constant { expected_value } => format!("{given} must be {expected_value}"),
        Kind::UniqueItems => "an item stands here twice".to_owned(),
        Kind::MinItems { limit: 1 } => "this list needs at least one item".to_owned(),
        Kind::MinItems { limit } => format!("this list needs at least {limit} items"),
        Kind::MaxItems { limit } => format!("this list has too many items; at most {limit} fit"),
        Kind::MinLength { .. } => "this text is empty".to_owned(),
        Kind::MaxLength { limit } => format!("this text is longer than {limit} characters"),
        Kind::Minimum { limit } => format!("{given} is less than {limit}"),
        Kind::Maximum { limit } => format!("{given} is more than {limit}"),
        Kind::Type { .. } => wrong_type(rule, &given),
        _ => format!("{given} does not fit here"),
    };
    match message_of(rule) {
        Some(advice) => format!("{message}: {advice}"),
        None => message,
    }
}

fn not_an_option(given: &Value, options: &Value) -> String {
    let words = options
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    let hint = did_you_mean(given.as_str().unwrap_or_default(), words.clone());
    format!(
        "{} is not known here{hint}; write {}",
        shown(given),
        one_of(words)
    )
}

fn wrong_type(rule: &Value, given: &str) -> String {
    let wanted = match rule.get("type").and_then(Value::as_str) {
        Some("object") => "an object, {…}",
        Some("array") => "a list, […]",
        Some("string") => "a text in quotes",
        Some("integer") => "a whole number",
        _ => return format!("{given} does not fit here"),
    };
    format!("{given} does not fit here: this must be {wanted}")
}

/// The value as written, at most 60 characters of it.
pub(super) fn shown(value: &Value) -> String {
    shortened(&value.to_string(), 60)
}

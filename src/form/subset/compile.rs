//! The schema as the validator sees it.

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::{Value, json};

use super::node::{Problems, note};
use crate::form::{Field, Kind};

/// A validator for finished documents.
pub(super) fn complete(
    schema: &Value,
    fields: &[Field],
    problems: &mut Problems,
) -> Option<Validator> {
    compiled(closed(schema, fields), problems)
}

/// A validator for drafts, of which nothing is required.
pub(super) fn draft(
    schema: &Value,
    fields: &[Field],
    problems: &mut Problems,
) -> Option<Validator> {
    compiled(without_required(closed(schema, fields)), problems)
}

/// The schema with the limits that the subset implies spelled out.
fn closed(schema: &Value, fields: &[Field]) -> Value {
    let mut schema = schema.clone();
    let Some(root) = schema.as_object_mut() else {
        return schema;
    };
    root.remove("$id");
    root.remove("$schema");
    for field in fields {
        let node = root
            .get_mut("properties")
            .and_then(|all| all.get_mut(&field.name));
        let Some(node) = node.and_then(Value::as_object_mut) else {
            continue;
        };
        match &field.kind {
            Kind::Text { max } => {
                node.insert("maxLength".into(), json!(max));
            }
            Kind::Email { max } => {
                node.insert("maxLength".into(), json!(max));
                node.insert("format".into(), json!("email"));
            }
            Kind::Date => {
                node.insert("format".into(), json!("date"));
            }
            Kind::Choices(_) => {
                node.insert("uniqueItems".into(), json!(true));
            }
            _ => {}
        }
    }
    schema
}

fn without_required(mut schema: Value) -> Value {
    if let Some(root) = schema.as_object_mut() {
        root.remove("required");
        root.remove("allOf");
    }
    schema
}

fn compiled(schema: Value, problems: &mut Problems) -> Option<Validator> {
    let built = jsonschema::options()
        .with_draft(Draft::Draft202012)
        .offline()
        .should_validate_formats(true)
        .with_pattern_options(PatternOptions::regex().size_limit(1 << 20))
        .build(&schema);
    match built {
        Ok(validator) => Some(validator),
        Err(error) => {
            let place = error.instance_path().as_str().to_owned();
            let message = if place.ends_with("/pattern") {
                "`pattern` is not a regular expression that can be used here (no look-around)"
                    .into()
            } else {
                format!("this is not a usable JSON Schema: {error}")
            };
            note(problems, &place, message);
            None
        }
    }
}

//! What a person, an import and the writer of a form would notice.

mod answers;
mod drawing;
mod hostile;
mod properties;
mod subset;

use std::path::Path;
use std::sync::LazyLock;

use serde_json::Value;

use super::*;

/// The schema of a kind as it is shipped.
pub fn kind(name: &str) -> Value {
    let path = format!("{}/schemas/kinds/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

pub fn use_case() -> &'static Form {
    static FORM: LazyLock<Form> = LazyLock::new(|| Form::parse(&kind("use_case")).unwrap());
    &FORM
}

/// A use case whose eight first answers ask for nothing further.
pub fn plain_case() -> Value {
    serde_json::json!({
        "title": "Notes of team meetings",
        "purpose": "Shortens our own notes.\nNobody else reads them.",
        "owner": "tomas@harbour.example",
        "tool": "Open model on our server",
        "sourcing": "open_model",
        "data_classes": ["internal"],
        "uses": ["summarising"],
        "effect_on_people": "none",
    })
}

pub fn with(document: &Value, changes: Value) -> Value {
    let mut document = document.clone();
    for (name, value) in changes.as_object().unwrap() {
        document[name.as_str()] = value.clone();
    }
    document
}

pub fn pairs(given: &[(&str, &str)]) -> Vec<(String, String)> {
    given
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()))
        .collect()
}

/// What a browser would post from the drawn fields.
pub fn posted(views: &[FieldView]) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for view in views {
        match view.widget {
            Widget::Radios | Widget::Checkboxes | Widget::Select => {
                pairs.push((view.name.clone(), String::new()));
                let chosen = view.choices.iter().filter(|choice| choice.checked);
                pairs.extend(chosen.map(|choice| (view.name.clone(), choice.value.clone())));
            }
            _ => pairs.push((view.name.clone(), view.lines.join("\r\n"))),
        }
    }
    pairs
}

pub fn messages(errors: &[FieldError]) -> Vec<&str> {
    errors.iter().map(|error| error.message.as_str()).collect()
}

pub fn names(asked: &[Asked]) -> Vec<&str> {
    asked.iter().map(|asked| asked.field.as_str()).collect()
}

/// Every shipped form parses: the kinds, and the forms of the default policy's stages.
#[test]
fn every_form_that_is_shipped_can_be_used() {
    let schemas = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
    let mut count = 0;
    for folder in ["kinds", "forms"] {
        let Ok(entries) = std::fs::read_dir(schemas.join(folder)) else {
            continue;
        };
        for entry in entries {
            let path = entry.unwrap().path();
            let schema = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            if let Err(problems) = Form::parse(&schema) {
                panic!("{}: {problems:#?}", path.display());
            }
            count += 1;
        }
    }
    assert!(count >= 3);
}

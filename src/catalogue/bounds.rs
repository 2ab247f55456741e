//! Whether a use case lies within what was approved for another. Pure.
use crate::form::Form;
use serde_json::Value;

/// An answer that lies outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outside {
    /// The field.
    pub field: &'static str,
    /// What is outside, in one sentence.
    pub message: String,
}

/// Lists of which no more may be chosen than was approved.
const WITHIN: [&str; 2] = ["data_classes", "uses"];
/// What must be what was approved.
const SAME: [&str; 5] = [
    "tool",
    "sourcing",
    "vendor",
    "trains_on_our_data",
    "data_location",
];
/// From the mildest to the gravest.
const EFFECTS: [&str; 3] = ["none", "assistive", "significant"];

/// Every answer of `mine` that lies outside of `approved`. What was not said when it was approved
/// was not approved.
pub fn outside(form: &Form, approved: &Value, mine: &Value) -> Vec<Outside> {
    let mut found = Vec::new();
    for field in WITHIN {
        let (held, wanted) = (words(approved, field), words(mine, field));
        for value in wanted.iter().filter(|value| !held.contains(value)) {
            let label = label(form, field, value);
            let message = format!("“{label}” was not approved");
            found.push(Outside { field, message });
        }
    }
    if effect(mine) > effect(approved) {
        let was = word(approved, "effect_on_people").unwrap_or("none");
        let was = label(form, "effect_on_people", was);
        let message = format!("The effect on people is greater than what was approved: “{was}”");
        let field = "effect_on_people";
        found.push(Outside { field, message });
    }
    for field in SAME {
        if !is_same(approved.get(field), mine.get(field)) {
            let title = form.field(field).map_or(field, |field| &field.short);
            let message = format!("“{title}” is another than what was approved");
            found.push(Outside { field, message });
        }
    }
    let number = |document: &Value| document.get("expected_users").and_then(Value::as_i64);
    if number(mine) > number(approved) && number(approved).is_some() {
        let (field, message) = (
            "expected_users",
            "More people than were approved".to_owned(),
        );
        found.push(Outside { field, message });
    }
    found
}

fn word<'a>(document: &'a Value, field: &str) -> Option<&'a str> {
    document.get(field).and_then(Value::as_str)
}

fn words<'a>(document: &'a Value, field: &str) -> Vec<&'a str> {
    let items = document.get(field).and_then(Value::as_array);
    items
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

/// How grave the effect on people is; a word nobody knows is the gravest.
fn effect(document: &Value) -> usize {
    match word(document, "effect_on_people") {
        None => 0,
        Some(word) => EFFECTS
            .iter()
            .position(|known| *known == word)
            .unwrap_or(EFFECTS.len()),
    }
}

fn is_same(approved: Option<&Value>, mine: Option<&Value>) -> bool {
    let folded = |value: Option<&Value>| match value {
        Some(Value::String(text)) => {
            let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
            Some(Value::String(words.join(" ")))
        }
        other => other.cloned(),
    };
    folded(approved) == folded(mine)
}

fn label(form: &Form, field: &str, value: &str) -> String {
    let choices = form.field(field).map(|field| field.choices());
    let mut choices = choices.unwrap_or_default().iter();
    let found = choices.find(|choice| choice.value == value);
    found.map_or_else(|| value.to_owned(), |choice| choice.label.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::register::Kinds;
    use serde_json::json;

    fn found(mine: &Value) -> Vec<&'static str> {
        let approved = json!({
            "tool": "Northlight Assistant", "sourcing": "vendor", "vendor": "Northlight AI",
            "data_classes": ["internal", "personal"], "uses": ["drafting"],
            "effect_on_people": "assistive", "expected_users": 40,
        });
        let mut document = approved.clone();
        for (name, value) in mine.as_object().unwrap() {
            document[name] = value.clone();
        }
        let kinds = Kinds::load().unwrap();
        let form = &kinds.by_key("use_case").unwrap().form;
        let all = outside(form, &approved, &document).into_iter();
        all.map(|one| one.field).collect()
    }

    #[test]
    fn less_of_everything_lies_within() {
        assert_eq!(found(&json!({})), [""; 0]);
        let less = json!({
            "data_classes": ["internal"], "effect_on_people": "none", "expected_users": 3,
            "tool": "northlight  ASSISTANT",
        });
        assert_eq!(found(&less), [""; 0]);
    }

    #[test]
    fn each_answer_that_is_more_is_named() {
        let more = json!({
            "data_classes": ["internal", "special_category"], "uses": ["drafting", "hiring"],
            "effect_on_people": "significant", "tool": "Another", "expected_users": 41,
        });
        let named = [
            "data_classes",
            "uses",
            "effect_on_people",
            "tool",
            "expected_users",
        ];
        assert_eq!(found(&more), named);
        assert_eq!(
            found(&json!({"effect_on_people": "grave"})),
            ["effect_on_people"]
        );
        assert_eq!(
            found(&json!({"trains_on_our_data": true})),
            ["trains_on_our_data"]
        );
    }
}

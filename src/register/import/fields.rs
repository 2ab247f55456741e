//! What a kind's JSON Schema says about the fields that an import may fill.

use serde_json::Value;

/// The shape of a field's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Text of one line.
    Line,
    /// Text that keeps its line ends.
    Text,
    /// A calendar date, `2026-03-31` in the document.
    Date,
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// Yes or no.
    Boolean,
    /// Several texts, each once.
    List,
}

/// One field of a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name in the document.
    pub name: String,
    /// What its value looks like.
    pub shape: Shape,
    /// The only values it may have (of each member, for a list); empty when any will do.
    pub choices: Vec<String>,
    /// The most characters it may have.
    pub max_length: Option<usize>,
}

/// The fields of a kind, from its JSON Schema (`schemas/kinds/*.json`).
pub fn fields_of(schema: &Value) -> Vec<Field> {
    let properties = schema.get("properties").and_then(Value::as_object);
    properties
        .into_iter()
        .flatten()
        .map(|(name, about)| field(name, about))
        .collect()
}

fn field(name: &str, about: &Value) -> Field {
    let word = |key: &str| about.get(key).and_then(Value::as_str).unwrap_or_default();
    let shape = match (word("type"), word("format"), word("x-widget")) {
        ("integer", _, _) => Shape::Integer,
        ("number", _, _) => Shape::Number,
        ("boolean", _, _) => Shape::Boolean,
        ("array", _, _) => Shape::List,
        (_, "date", _) => Shape::Date,
        (_, _, "textarea") => Shape::Text,
        _ => Shape::Line,
    };
    let chosen_from = if shape == Shape::List {
        about.get("items")
    } else {
        Some(about)
    };
    let choices = chosen_from
        .and_then(|one| one.get("enum"))
        .and_then(Value::as_array);
    Field {
        name: name.to_owned(),
        shape,
        choices: choices
            .into_iter()
            .flatten()
            .filter_map(|choice| choice.as_str().map(str::to_owned))
            .collect(),
        max_length: about
            .get("maxLength")
            .and_then(Value::as_u64)
            .and_then(|most| usize::try_from(most).ok()),
    }
}

impl Field {
    /// True when the field can hold this value; lengths are looked at elsewhere.
    pub(crate) fn holds(&self, value: &Value) -> bool {
        let chosen = |text: &str| {
            self.choices.is_empty() || self.choices.iter().any(|choice| choice == text)
        };
        match self.shape {
            Shape::Integer => value.is_i64() || value.is_u64(),
            Shape::Number => value.is_number(),
            Shape::Boolean => value.is_boolean(),
            Shape::Line | Shape::Text | Shape::List => value.as_str().is_some_and(chosen),
            Shape::Date => value
                .as_str()
                .is_some_and(|text| text.parse::<jiff::civil::Date>().is_ok()),
        }
    }

    /// What the field wants, to end a sentence with.
    pub(crate) fn wanted(&self) -> String {
        if !self.choices.is_empty() {
            return format!("one of: {}", self.choices.join(", "));
        }
        match self.shape {
            Shape::Integer => "a whole number such as 1200".to_owned(),
            Shape::Number => "a number such as 12.5".to_owned(),
            Shape::Boolean => "true or false".to_owned(),
            Shape::Date => "a date such as 2026-03-31".to_owned(),
            Shape::Line | Shape::Text | Shape::List => "text".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_kinds_schema_says_what_each_field_takes() {
        let fields = fields_of(&json!({ "properties": {
            "title": { "type": "string", "maxLength": 300 },
            "purpose": { "type": "string", "x-widget": "textarea" },
            "started_on": { "type": "string", "format": "date" },
            "uses": { "type": "array", "items": { "enum": ["drafting", "other"] } },
            "asked": { "type": "boolean" },
            "users": { "type": "integer" },
        }}));
        let shape = |name: &str| fields.iter().find(|field| field.name == name).unwrap();
        assert_eq!(
            (shape("title").shape, shape("title").max_length),
            (Shape::Line, Some(300))
        );
        assert_eq!(shape("purpose").shape, Shape::Text);
        assert!(shape("started_on").holds(&json!("2026-02-28")));
        assert!(!shape("started_on").holds(&json!("2026-02-30")));
        assert!(shape("uses").holds(&json!("drafting")) && !shape("uses").holds(&json!("sums")));
        assert_eq!(shape("uses").wanted(), "one of: drafting, other");
        assert!(!shape("users").holds(&json!(1.5)) && shape("asked").holds(&json!(true)));
    }
}

//! The types a condition is checked with, and how a form's JSON Schema gives them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::definition::{Derive, DeriveKind};
use super::problem::one_of;

/// How many items an array is taken to have when its schema sets no bound.
const UNBOUNDED_ITEMS: u64 = 1000;

/// What a part of a condition can be.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Type {
    /// Not known, because the part is refused already; fits everything.
    Unknown,
    Bool,
    Int,
    Double,
    /// A form's `number`: whole or not, as it was typed in.
    Number,
    Text,
    /// One of the texts that a form or a `derive` table lists.
    Choice(Vec<String>),
    /// Texts written in the condition itself.
    Literal(Vec<String>),
    /// Items, and the most there can be.
    List(Box<Type>, u64),
    /// Shared: a condition names `request` often, and a form has many fields.
    Object(Arc<Fields>),
}

/// The fields of an object by name.
pub(super) type Fields = BTreeMap<String, Field>;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Field {
    pub kind: Type,
    /// May be absent, so that reading it must be guarded by `has()`.
    pub optional: bool,
}

impl Type {
    pub fn is_text(&self) -> bool {
        matches!(
            self,
            Type::Text | Type::Choice(_) | Type::Literal(_) | Type::Unknown
        )
    }

    pub fn is_number(&self) -> bool {
        matches!(
            self,
            Type::Int | Type::Double | Type::Number | Type::Unknown
        )
    }

    pub fn is_bool(&self) -> bool {
        matches!(self, Type::Bool | Type::Unknown)
    }

    /// Whether values of the two can ever be equal.
    pub fn fits(&self, other: &Type) -> bool {
        match (self, other) {
            (Type::Unknown, _) | (_, Type::Unknown) => true,
            (Type::List(a, _), Type::List(b, _)) => a.fits(b),
            (a, b) if a.is_text() && b.is_text() => true,
            (a, b) if a.is_number() && b.is_number() => true,
            (a, b) => a.is_bool() && b.is_bool(),
        }
    }

    /// The type of a list or a choice between two values.
    pub fn join(self, other: Type) -> Type {
        match (self, other) {
            (Type::Unknown, known) | (known, Type::Unknown) => known,
            (Type::Literal(mut a), Type::Literal(b)) => {
                a.extend(b);
                Type::Literal(a)
            }
            (a, b) if a == b => a,
            (a, b) if a.is_text() && b.is_text() => Type::Text,
            (Type::List(a, n), Type::List(b, m)) => Type::List(Box::new(a.join(*b)), n.max(m)),
            _ => Type::Number,
        }
    }

    /// The first literal among the two that the other, a list of choices, does not have; with
    /// those choices.
    pub fn misspelt<'a>(&'a self, other: &'a Type) -> Option<(&'a str, &'a [String])> {
        match (self, other) {
            (Type::List(a, _), b) => a.misspelt(b),
            (a, Type::List(b, _)) => a.misspelt(b),
            (Type::Literal(texts), Type::Choice(choices))
            | (Type::Choice(choices), Type::Literal(texts)) => {
                let wrong = texts.iter().find(|text| !choices.contains(text))?;
                Some((wrong, choices))
            }
            _ => None,
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Unknown => to.write_str("something unknown"),
            Type::Bool => to.write_str("true or false"),
            Type::Int => to.write_str("a whole number"),
            Type::Double | Type::Number => to.write_str("a number"),
            Type::Text | Type::Literal(_) => to.write_str("a text"),
            Type::Choice(choices) => to.write_str(&one_of(choices.iter().map(String::as_str))),
            Type::List(item, _) if matches!(**item, Type::List(..)) => {
                to.write_str("a list of lists")
            }
            Type::List(item, _) => write!(to, "a list of ({item})"),
            Type::Object(_) => to.write_str("a group of fields"),
        }
    }
}

/// The type of a value that the schema admits. What the form subset does not know is
/// [`Type::Unknown`] to conditions and refused when read.
pub(super) fn from_schema(schema: &Value) -> Type {
    if let Some(choices) = texts(schema.get("enum")) {
        return Type::Choice(choices);
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("boolean") => Type::Bool,
        Some("integer") => Type::Int,
        Some("number") => Type::Number,
        Some("string") => Type::Text,
        Some("array") => list_from(schema),
        Some("object") => object(fields_from(schema)),
        _ => Type::Unknown,
    }
}

fn texts(list: Option<&Value>) -> Option<Vec<String>> {
    let items = list?
        .as_array()?
        .iter()
        .map(|item| item.as_str().map(str::to_owned));
    items.collect()
}

fn list_from(schema: &Value) -> Type {
    let item = schema.get("items").map_or(Type::Unknown, from_schema);
    let unique = schema.get("uniqueItems") == Some(&Value::Bool(true));
    let distinct = match &item {
        Type::Choice(choices) if unique => choices.len() as u64,
        _ => UNBOUNDED_ITEMS,
    };
    let most = schema
        .get("maxItems")
        .and_then(Value::as_u64)
        .unwrap_or(UNBOUNDED_ITEMS);
    Type::List(Box::new(item), most.min(distinct))
}

/// The fields of an object schema. What only a `then` requires is optional.
pub(super) fn fields_from(schema: &Value) -> Fields {
    let required = texts(schema.get("required")).unwrap_or_default();
    let properties = schema.get("properties").and_then(Value::as_object);
    let field = |(name, schema): (&String, &Value)| {
        let optional = !required.contains(name);
        (
            name.clone(),
            Field {
                kind: from_schema(schema),
                optional,
            },
        )
    };
    properties.into_iter().flatten().map(field).collect()
}

/// The type of `derived.<key>`.
pub(super) fn from_derive(table: &Derive) -> Type {
    match table.kind {
        DeriveKind::Bool => Type::Bool,
        DeriveKind::Int => Type::Int,
        DeriveKind::String if table.values.is_empty() => Type::Text,
        DeriveKind::String => Type::Choice(table.values.clone()),
    }
}

/// The type of `stages.<key>` for a stage that is settled, with the form it was answered in. Every
/// answer is optional: the stage may have been skipped.
pub(super) fn from_stage(form: Option<&Value>) -> Type {
    let outcomes = [
        "approved",
        "approved_with_conditions",
        "skipped",
        "timed_out",
    ]
    .map(str::to_owned);
    let mut answers = form.map(fields_from).unwrap_or_default();
    answers.values_mut().for_each(|field| field.optional = true);
    object(BTreeMap::from([
        always("outcome", Type::Choice(outcomes.to_vec())),
        always("timed_out", Type::Bool),
        always("answers", object(answers)),
    ]))
}

/// A group of these fields.
pub(super) fn object(fields: Fields) -> Type {
    Type::Object(Arc::new(fields))
}

/// A field that is always there.
pub(super) fn always(name: &str, kind: Type) -> (String, Field) {
    (
        name.to_owned(),
        Field {
            kind,
            optional: false,
        },
    )
}

//! The follow-ups of a schema: which answers ask for which further questions.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::node::{Node, Problems, note};
use crate::form::{Field, FollowUp, Kind, Test};

pub(super) fn follow_ups(root: &Node, fields: &[Field], problems: &mut Problems) -> Vec<FollowUp> {
    let Some(blocks) = root.take::<Vec<Value>>("allOf", "a list of `if` and `then`", problems)
    else {
        return Vec::new();
    };
    let mut all = Vec::new();
    for (at, block) in blocks.iter().enumerate() {
        let place = format!("/allOf/{at}");
        let Some(node) = Node::of(&place, block, problems) else {
            continue;
        };
        node.only(&[&["if", "then"]], problems);
        let (Some(test), Some(then)) = (node.map.get("if"), node.map.get("then")) else {
            node.note("a follow-up has an `if` and a `then`", problems);
            continue;
        };
        let tests = tests(&format!("{place}/if"), test, fields, problems);
        let Some(then) = Node::of(&format!("{place}/then"), then, problems) else {
            continue;
        };
        then.only(&[&["required", "x-because"]], problems);
        let asks = then.take::<Vec<String>>("required", "a list of field names", problems);
        let because = then.needed("x-because", problems);
        let asks = asks.unwrap_or_default();
        if asks.is_empty() {
            then.note("`then` names in `required` the questions to ask", problems);
        }
        let because = because.unwrap_or_default();
        all.push(FollowUp {
            tests,
            asks,
            because,
        });
    }
    all
}

fn tests(
    place: &str,
    value: &Value,
    fields: &[Field],
    problems: &mut Problems,
) -> Vec<(String, Test)> {
    let Some(node) = Node::of(place, value, problems) else {
        return Vec::new();
    };
    node.only(&[&["properties", "required"]], problems);
    let given = node.take::<BTreeSet<String>>("required", "a list of field names", problems);
    let given = given.unwrap_or_default();
    let tested = node.take::<Map<String, Value>>("properties", "tests by field", problems);
    let tested = tested.unwrap_or_default();
    if given.is_empty() {
        note(
            problems,
            place,
            "`if` names in `required` the fields that it looks at",
        );
    }
    for name in tested.keys().filter(|name| !given.contains(*name)) {
        let why = format!("add `{name}` to `required` here, or it would hold before an answer");
        note(problems, place, why);
    }
    let mut all = Vec::new();
    for name in given {
        let Some(field) = fields.iter().find(|field| field.name == name) else {
            note(
                problems,
                place,
                format!("there is no field `{name}` that could be looked at"),
            );
            continue;
        };
        let at = format!("{place}/properties/{name}");
        let test = match tested.get(&name) {
            None => Some(Test::Given),
            Some(value) => one_test(&at, value, field, problems),
        };
        all.extend(test.map(|test| (name, test)));
    }
    all
}

fn one_test(place: &str, value: &Value, field: &Field, problems: &mut Problems) -> Option<Test> {
    let node = Node::of(place, value, problems)?;
    let many = matches!(field.kind, Kind::Choices(_));
    if many {
        node.only(&[&["contains"]], problems);
        let inner = node.map.get("contains");
        let inner = Node::of(&format!("{place}/contains"), inner?, problems)?;
        inner.only(&[&["const", "enum"]], problems);
        return values(&inner, field, problems).map(Test::Contains);
    }
    node.only(&[&["const", "enum"]], problems);
    values(&node, field, problems).map(Test::OneOf)
}

fn values(node: &Node, field: &Field, problems: &mut Problems) -> Option<Vec<Value>> {
    let values = match (node.map.get("const"), node.map.get("enum")) {
        (Some(one), None) => vec![one.clone()],
        (None, Some(Value::Array(several))) => several.clone(),
        _ => {
            node.note("test with `const` or with `enum`", problems);
            return None;
        }
    };
    let possible = |value: &Value| match &field.kind {
        Kind::Boolean(_) => value.is_boolean(),
        Kind::Integer => value.is_i64(),
        Kind::Choice(choices) | Kind::Choices(choices) => choices
            .iter()
            .any(|choice| value.as_str() == Some(choice.value.as_str())),
        _ => value.is_string(),
    };
    for value in values.iter().filter(|value| !possible(value)) {
        node.note(format!("`{}` can never be {value}", field.name), problems);
    }
    Some(values)
}

//! Reading a schema: everything outside the documented subset is refused with its place.

mod compile;
mod follow_up;
mod lint;
mod node;
mod question;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Field, Form, Section};
use node::{Node, Problems, is_name, note, pointer_part};

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";
const ROOT: &[&str] = &[
    "$schema",
    "$id",
    "title",
    "description",
    "type",
    "additionalProperties",
    "properties",
    "required",
    "allOf",
    "x-sections",
];
const MOST_FIELDS: usize = 200;
/// Largest whole number that every reader of JSON keeps exactly.
pub(super) const LARGEST: i64 = 9_007_199_254_740_991;

pub(super) fn parse(schema: &Value) -> Result<Form, Problems> {
    let mut problems = Problems::new();
    let form = form(schema, &mut problems);
    match form {
        Some(form) if problems.is_empty() => Ok(form),
        _ => Err(problems),
    }
}

fn form(schema: &Value, problems: &mut Problems) -> Option<Form> {
    let root = Node::of("", schema, problems)?;
    root.only(&[ROOT], problems);
    root.must_be("type", &json!("object"), problems);
    root.must_be("additionalProperties", &json!(false), problems);
    if root.map.contains_key("$schema") {
        root.must_be("$schema", &json!(DIALECT), problems);
    }
    let sections = sections(&root, problems);
    let required = required(&root, problems);
    let mut fields = fields(&root, &required, &sections, problems);
    let place = |section: &str| sections.iter().position(|s| s.key == section);
    fields.sort_by_key(|field| (place(&field.section), field.order, field.name.clone()));
    let follow_ups = follow_up::follow_ups(&root, &fields, problems);
    lint::lint(&fields, &required, &follow_ups, problems);
    let title = root.sentence("title", problems);
    let description = root.sentence("description", problems);
    if !problems.is_empty() {
        return None;
    }
    let places = fields
        .iter()
        .enumerate()
        .map(|(at, field)| (field.name.clone(), at))
        .collect();
    let complete = compile::complete(schema, &fields, problems)?;
    let draft = compile::draft(schema, &fields, problems)?;
    Some(Form {
        title: title.unwrap_or_else(|| "Form".into()),
        description,
        sections,
        fields,
        places,
        required,
        follow_ups,
        complete,
        draft,
    })
}

fn sections(root: &Node, problems: &mut Problems) -> Vec<Section> {
    let Some(listed) = root.take::<Vec<Value>>("x-sections", "a list of sections", problems) else {
        let title = root
            .map
            .get("title")
            .and_then(Value::as_str)
            .unwrap_or("Questions");
        return vec![Section {
            key: "form".into(),
            title: title.into(),
            description: None,
        }];
    };
    let mut sections: Vec<Section> = Vec::new();
    for (at, value) in listed.iter().enumerate() {
        let place = format!("/x-sections/{at}");
        let Some(node) = Node::of(&place, value, problems) else {
            continue;
        };
        node.only(&[&["key", "title", "description"]], problems);
        let key = node.needed("key", problems);
        let title = node.needed("title", problems);
        let description = node.sentence("description", problems);
        let (Some(key), Some(title)) = (key, title) else {
            continue;
        };
        if !is_name(&key) {
            note(
                problems,
                &place,
                "a section's key is lower-case letters, digits and `_`",
            );
        }
        if sections.iter().any(|section| section.key == key) {
            note(
                problems,
                &place,
                format!("the section `{key}` is listed twice"),
            );
        }
        sections.push(Section {
            key,
            title,
            description,
        });
    }
    sections
}

fn required(root: &Node, problems: &mut Problems) -> BTreeSet<String> {
    let names = root.take::<Vec<String>>("required", "a list of field names", problems);
    names.unwrap_or_default().into_iter().collect()
}

fn fields(
    root: &Node,
    required: &BTreeSet<String>,
    sections: &[Section],
    problems: &mut Problems,
) -> Vec<Field> {
    let Some(value) = root.map.get("properties") else {
        note(problems, "", "give the questions in `properties`");
        return Vec::new();
    };
    let Some(properties) = Node::of("/properties", value, problems) else {
        return Vec::new();
    };
    if properties.map.is_empty() || properties.map.len() > MOST_FIELDS {
        note(
            problems,
            "/properties",
            format!("a form has 1 to {MOST_FIELDS} fields"),
        );
    }
    let mut fields = Vec::new();
    for (name, value) in properties.map {
        let place = format!("/properties/{}", pointer_part(name));
        if !is_name(name) {
            let rule = "a field's name is lower-case letters, digits and `_`, begins with a letter \
                        and has at most 63 characters";
            note(problems, &place, rule);
        }
        let Some(node) = Node::of(&place, value, problems) else {
            continue;
        };
        let given_sections = root.map.contains_key("x-sections").then_some(sections);
        fields.extend(question::field(
            name,
            &node,
            required.contains(name),
            given_sections,
            problems,
        ));
    }
    fields
}

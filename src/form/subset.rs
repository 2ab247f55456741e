//! Reading a schema: everything outside the documented subset is refused with its place.

use std::collections::{BTreeMap, BTreeSet};

use jsonschema::{Draft, PatternOptions, Validator};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::{Ask, Choice, Field, FollowUp, Form, Kind, SchemaProblem, Section, Test, Widget, text};

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
const COMMON: &[&str] = &[
    "type",
    "title",
    "description",
    "x-order",
    "x-section",
    "x-short",
    "x-missing",
    "x-widget",
    "x-facet",
    "x-ask",
];
const MOST_FIELDS: usize = 200;
const MOST_CHOICES: usize = 60;
const LONGEST_LINE: u64 = 500;
const LONGEST_TEXT: u64 = 10_000;
/// Largest whole number that every reader of JSON keeps exactly.
pub(super) const LARGEST: i64 = 9_007_199_254_740_991;

type Problems = Vec<SchemaProblem>;

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
    let follow_ups = follow_ups(&root, &fields, problems);
    lint(&fields, &required, &follow_ups, problems);
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
    let complete = compiled(closed(schema, &fields), problems)?;
    let draft = compiled(without_required(closed(schema, &fields)), problems)?;
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
        fields.extend(field(
            name,
            &node,
            required.contains(name),
            given_sections,
            problems,
        ));
    }
    fields
}

fn field(
    name: &str,
    node: &Node,
    required: bool,
    sections: Option<&[Section]>,
    problems: &mut Problems,
) -> Option<Field> {
    let before = problems.len();
    let label = node.needed("title", problems);
    let kind = kind(node, problems);
    let order = node.take::<i64>("x-order", "a whole number", problems);
    if order.is_none() && !node.map.contains_key("x-order") {
        node.note("say with `x-order` where the question stands", problems);
    }
    let section = section_of(node, sections, problems);
    let ask = ask(node, required, problems);
    let help = node.sentence("description", problems);
    let short = node.sentence("x-short", problems);
    let missing = node.sentence("x-missing", problems);
    let pattern_says = node.sentence("x-pattern-says", problems);
    let facet = node
        .take::<bool>("x-facet", "true or false", problems)
        .unwrap_or(false);
    let kind = kind?;
    let widget = widget(node, &kind, problems);
    if problems.len() > before {
        return None;
    }
    let label = label?;
    Some(Field {
        name: name.into(),
        short: short.unwrap_or_else(|| short_of(&label)),
        missing: missing.unwrap_or_else(|| missing_of(&label, &kind)),
        label,
        help,
        section: section?,
        kind,
        widget: widget?,
        ask,
        facet,
        pattern_says,
        order: order?,
    })
}

fn short_of(label: &str) -> String {
    if label.ends_with('?') {
        format!("“{label}”")
    } else {
        label.to_owned()
    }
}

fn missing_of(label: &str, kind: &Kind) -> String {
    match kind {
        Kind::Choice(_) | Kind::Choices(_) | Kind::Boolean(_) => {
            format!("Choose an answer to “{label}”")
        }
        _ => format!("Enter an answer to “{label}”"),
    }
}

fn section_of(node: &Node, listed: Option<&[Section]>, problems: &mut Problems) -> Option<String> {
    let given = node.take::<String>("x-section", "the key of a section", problems);
    match (given, listed) {
        (None, None) => Some("form".into()),
        (Some(key), Some(sections)) if sections.iter().any(|s| s.key == key) => Some(key),
        (Some(key), _) => {
            node.note(
                format!("`{key}` is not among the `x-sections` of the schema"),
                problems,
            );
            None
        }
        (None, Some(_)) => {
            node.note("say with `x-section` in which section it stands", problems);
            None
        }
    }
}

fn ask(node: &Node, required: bool, problems: &mut Problems) -> Ask {
    match node
        .take::<String>("x-ask", "`first`, `follow_up` or `never`", problems)
        .as_deref()
    {
        Some("first") => Ask::First,
        Some("never") => Ask::Never,
        Some("follow_up") => Ask::FollowUp,
        None if required => Ask::First,
        None => Ask::FollowUp,
        Some(_) => {
            node.note("`x-ask` is `first`, `follow_up` or `never`", problems);
            Ask::Never
        }
    }
}

fn kind(node: &Node, problems: &mut Problems) -> Option<Kind> {
    let declared = node.take::<String>("type", "one type", problems);
    match declared.as_deref() {
        None | Some("string") if node.map.contains_key("enum") => choice(node, problems),
        Some("string") => string(node, problems),
        Some("integer") => integer(node, problems),
        Some("boolean") => boolean(node, problems),
        Some("array") => choices(node, problems),
        Some("number") => {
            let why = "`number` is not available, because entries of the ledger hold whole numbers \
                       only: use `integer` and a smaller unit";
            node.note(why, problems);
            None
        }
        _ => {
            node.note(
                "`type` is `string`, `integer`, `boolean` or `array` of choices",
                problems,
            );
            None
        }
    }
}

fn string(node: &Node, problems: &mut Problems) -> Option<Kind> {
    let format = node.take::<String>("format", "`date` or `email`", problems);
    let widget = node.map.get("x-widget").and_then(Value::as_str);
    match (format.as_deref(), widget) {
        (Some("date"), _) | (None, Some("date")) => {
            node.only(&[COMMON, &["format"]], problems);
            Some(Kind::Date)
        }
        (Some("email"), _) | (None, Some("person" | "email")) => {
            node.only(&[COMMON, &["format", "minLength", "maxLength"]], problems);
            Some(Kind::Email {
                max: longest(node, 254, problems),
            })
        }
        (None, _) => {
            let allowed = ["minLength", "maxLength", "pattern", "x-pattern-says"];
            node.only(&[COMMON, &allowed], problems);
            node.take::<String>("pattern", "a regular expression", problems);
            let usual = if widget == Some("textarea") {
                LONGEST_TEXT
            } else {
                LONGEST_LINE
            };
            Some(Kind::Text {
                max: longest(node, usual, problems),
            })
        }
        (Some(_), _) => {
            node.note("`format` is `date` or `email`", problems);
            None
        }
    }
}

fn longest(node: &Node, usual: u64, problems: &mut Problems) -> u64 {
    let least = node
        .take::<u64>("minLength", "a whole number", problems)
        .unwrap_or(0);
    let most = node
        .take::<u64>("maxLength", "a whole number", problems)
        .unwrap_or(usual);
    if most == 0 || most > 100_000 || least > most {
        let rule = "`maxLength` lies between 1 (or `minLength`) and 100000";
        node.note(rule, problems);
    }
    most
}

fn integer(node: &Node, problems: &mut Problems) -> Option<Kind> {
    node.only(&[COMMON, &["minimum", "maximum"]], problems);
    let least = node
        .take::<i64>("minimum", "a whole number", problems)
        .unwrap_or(-LARGEST);
    let most = node
        .take::<i64>("maximum", "a whole number", problems)
        .unwrap_or(LARGEST);
    if least > most || least < -LARGEST || most > LARGEST {
        node.note(
            format!("`minimum` and `maximum` lie within ±{LARGEST}, in order"),
            problems,
        );
    }
    Some(Kind::Integer)
}

fn boolean(node: &Node, problems: &mut Problems) -> Option<Kind> {
    node.only(&[COMMON, &["x-labels", "x-hints"]], problems);
    let mut choices = offered(node, &["true".into(), "false".into()], problems)?;
    let labelled = |value: &str| {
        node.map
            .get("x-labels")
            .is_some_and(|l| l.get(value).is_some())
    };
    for (choice, word) in choices.iter_mut().zip(["Yes", "No"]) {
        if !labelled(&choice.value) {
            choice.label = word.into();
        }
    }
    Some(Kind::Boolean(choices))
}

fn choice(node: &Node, problems: &mut Problems) -> Option<Kind> {
    node.only(&[COMMON, &["enum", "x-labels", "x-hints"]], problems);
    let values = node.take::<Vec<String>>("enum", "a list of texts", problems)?;
    offered(node, &values, problems).map(Kind::Choice)
}

fn choices(node: &Node, problems: &mut Problems) -> Option<Kind> {
    let allowed = [
        "items",
        "uniqueItems",
        "minItems",
        "maxItems",
        "x-labels",
        "x-hints",
    ];
    node.only(&[COMMON, &allowed], problems);
    if node.map.contains_key("uniqueItems") {
        node.must_be("uniqueItems", &json!(true), problems);
    }
    let least = node
        .take::<u64>("minItems", "a whole number", problems)
        .unwrap_or(0);
    let most = node
        .take::<u64>("maxItems", "a whole number", problems)
        .unwrap_or(u64::MAX);
    if least > most || most == 0 {
        node.note("`maxItems` is at least 1 and at least `minItems`", problems);
    }
    let Some(items) = node.map.get("items") else {
        node.note("give the choices as `items: {\"enum\": [...]}`", problems);
        return None;
    };
    let items = Node::of(&format!("{}/items", node.at), items, problems)?;
    items.only(&[&["type", "enum"]], problems);
    if items.map.contains_key("type") {
        items.must_be("type", &json!("string"), problems);
    }
    let Some(values) = items.take::<Vec<String>>("enum", "a list of texts", problems) else {
        items.note("an array holds texts of an `enum`", problems);
        return None;
    };
    offered(node, &values, problems).map(Kind::Choices)
}

fn offered(node: &Node, values: &[String], problems: &mut Problems) -> Option<Vec<Choice>> {
    let before = problems.len();
    if values.is_empty() || values.len() > MOST_CHOICES {
        node.note(format!("offer 1 to {MOST_CHOICES} choices"), problems);
    }
    if values.iter().collect::<BTreeSet<_>>().len() != values.len() {
        node.note("a choice is listed twice", problems);
    }
    for value in values {
        let plain = value
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
        if value.is_empty() || value.len() > 63 || !plain {
            let rule =
                format!("the choice {value:?} is not made of letters, digits, `_`, `-`, `.`");
            node.note(rule, problems);
        }
    }
    let labels = node.words_for("x-labels", values, problems);
    let hints = node.words_for("x-hints", values, problems);
    let choice = |value: &String| Choice {
        value: value.clone(),
        label: labels
            .get(value)
            .cloned()
            .unwrap_or_else(|| text::words_of(value)),
        hint: hints.get(value).cloned(),
    };
    (problems.len() == before).then(|| values.iter().map(choice).collect())
}

fn widget(node: &Node, kind: &Kind, problems: &mut Problems) -> Option<Widget> {
    let fitting: &[(&str, Widget)] = match kind {
        Kind::Text { .. } => &[("text", Widget::Text), ("textarea", Widget::Textarea)],
        Kind::Email { .. } => &[("email", Widget::Email), ("person", Widget::Person)],
        Kind::Date => &[("date", Widget::Date)],
        Kind::Integer => &[("number", Widget::Number)],
        Kind::Boolean(_) => &[("radios", Widget::Radios), ("select", Widget::Select)],
        Kind::Choice(choices) if choices.len() > 8 => {
            &[("select", Widget::Select), ("radios", Widget::Radios)]
        }
        Kind::Choice(_) => &[("radios", Widget::Radios), ("select", Widget::Select)],
        Kind::Choices(_) => &[("checkboxes", Widget::Checkboxes)],
    };
    let Some(asked) = node.take::<String>("x-widget", "the name of a widget", problems) else {
        return fitting.first().map(|(_, widget)| *widget);
    };
    let found = fitting
        .iter()
        .find(|(name, _)| *name == asked)
        .map(|(_, widget)| *widget);
    if found.is_none() {
        let names: Vec<_> = fitting
            .iter()
            .map(|(name, _)| format!("`{name}`"))
            .collect();
        node.note(
            format!("`x-widget` of such a field is {}", names.join(" or ")),
            problems,
        );
    }
    found
}

fn follow_ups(root: &Node, fields: &[Field], problems: &mut Problems) -> Vec<FollowUp> {
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

/// Mistakes that only show when fields, `required` and follow-ups are held together.
fn lint(
    fields: &[Field],
    required: &BTreeSet<String>,
    follow_ups: &[FollowUp],
    problems: &mut Problems,
) {
    let named = |name: &String| fields.iter().find(|field| field.name == *name);
    for name in required {
        match named(name).map(|field| field.ask) {
            None => note(
                problems,
                "/required",
                format!("there is no usable field `{name}`"),
            ),
            Some(Ask::First) => {}
            Some(_) => {
                let why = format!("`{name}` is always required, so its `x-ask` is `first`");
                note(problems, "/required", why);
            }
        }
    }
    for (at, follow_up) in follow_ups.iter().enumerate() {
        let place = format!("/allOf/{at}/then/required");
        for name in &follow_up.asks {
            match named(name).map(|field| field.ask) {
                None => note(
                    problems,
                    &place,
                    format!("there is no usable field `{name}`"),
                ),
                Some(Ask::Never) => {
                    note(
                        problems,
                        &place,
                        format!("`{name}` is never asked by its `x-ask`"),
                    );
                }
                Some(_) => {}
            }
        }
    }
    let is_asked = |name: &String| {
        follow_ups
            .iter()
            .any(|follow_up| follow_up.asks.contains(name))
    };
    for field in fields
        .iter()
        .filter(|f| f.ask == Ask::FollowUp && !is_asked(&f.name))
    {
        let why = "no `then` asks for it: give it `x-ask` `first` or `never`, or a follow-up";
        note(problems, &format!("/properties/{}", field.name), why);
    }
    for (field, next) in fields.iter().zip(fields.iter().skip(1)) {
        if (&field.section, field.order) == (&next.section, next.order) {
            let why = format!("`{}` has the same `x-order` in its section", field.name);
            note(problems, &format!("/properties/{}", next.name), why);
        }
    }
}

/// The schema as the validator sees it, with the limits that the subset implies spelled out.
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

/// An object in the schema and where it stands.
struct Node<'a> {
    at: String,
    map: &'a Map<String, Value>,
}

impl<'a> Node<'a> {
    fn of(at: &str, value: &'a Value, problems: &mut Problems) -> Option<Node<'a>> {
        let map = value.as_object();
        if map.is_none() {
            note(problems, at, "this must be an object");
        }
        map.map(|map| Node {
            at: at.to_owned(),
            map,
        })
    }

    fn note(&self, message: impl Into<String>, problems: &mut Problems) {
        note(problems, &self.at, message);
    }

    fn only(&self, allowed: &[&[&str]], problems: &mut Problems) {
        let known = |key: &str| allowed.iter().any(|keys| keys.contains(&key));
        for key in self.map.keys().filter(|key| !known(key)) {
            let names: Vec<_> = allowed.iter().copied().flatten().copied().collect();
            let message = format!("is not available here; there are {}", names.join(", "));
            note(
                problems,
                &format!("{}/{}", self.at, pointer_part(key)),
                message,
            );
        }
    }

    fn must_be(&self, key: &str, right: &Value, problems: &mut Problems) {
        if self.map.get(key) != Some(right) {
            self.note(format!("`{key}` must be {right}"), problems);
        }
    }

    fn take<T: DeserializeOwned>(
        &self,
        key: &str,
        what: &str,
        problems: &mut Problems,
    ) -> Option<T> {
        let value = self.map.get(key)?;
        let taken = serde_json::from_value(value.clone()).ok();
        if taken.is_none() {
            note(
                problems,
                &format!("{}/{key}", self.at),
                format!("must be {what}"),
            );
        }
        taken
    }

    /// Words for people: not blank, on one line, nothing that cannot be shown.
    fn sentence(&self, key: &str, problems: &mut Problems) -> Option<String> {
        let words = self.take::<String>(key, "text", problems)?;
        if words.trim().is_empty() || text::fault(&words, false).is_some() {
            let message = "must be words on one line".to_owned();
            note(problems, &format!("{}/{key}", self.at), message);
        }
        Some(words)
    }

    fn needed(&self, key: &str, problems: &mut Problems) -> Option<String> {
        if !self.map.contains_key(key) {
            self.note(format!("`{key}` is missing"), problems);
        }
        self.sentence(key, problems)
    }

    fn words_for(
        &self,
        key: &str,
        values: &[String],
        problems: &mut Problems,
    ) -> BTreeMap<String, String> {
        let Some(value) = self.map.get(key) else {
            return BTreeMap::new();
        };
        let Some(node) = Node::of(&format!("{}/{key}", self.at), value, problems) else {
            return BTreeMap::new();
        };
        let names: Vec<&str> = values.iter().map(String::as_str).collect();
        node.only(&[&names], problems);
        let word = |name: &String| Some((name.clone(), node.sentence(name, problems)?));
        node.map.keys().filter_map(word).collect()
    }
}

fn note(problems: &mut Problems, pointer: &str, message: impl Into<String>) {
    problems.push(SchemaProblem {
        pointer: pointer.to_owned(),
        message: message.into(),
    });
}

fn pointer_part(name: &str) -> String {
    text::shortened(name, 80)
        .replace('~', "~0")
        .replace('/', "~1")
}

fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    name.len() <= 63
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(plain)
}

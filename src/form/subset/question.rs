//! One question of a schema.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::node::{Node, Problems};
use super::{LARGEST, Section};
use crate::form::{Ask, Choice, Field, Kind, Widget, text};

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
const MOST_CHOICES: usize = 60;
const LONGEST_LINE: u64 = 500;
const LONGEST_TEXT: u64 = 10_000;

pub(super) fn field(
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

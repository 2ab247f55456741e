//! Parts of a workflow as questions, and answers back into the document. Whatever is typed is kept
//! in the draft, also what is wrong: the check of the draft then names it at its place.
use crate::form::{Field, Kind};
use serde_json::{Map, Value, json};

/// What a browser sent.
pub(super) type Pairs = [(String, String)];

pub(super) fn one(pairs: &Pairs, name: &str) -> String {
    let found = pairs.iter().find(|(known, _)| known == name);
    let text = found.map_or_else(String::new, |(_, value)| crate::review::words::typed(value));
    text.trim().to_owned()
}

fn many(pairs: &Pairs, name: &str) -> Vec<Value> {
    let found = pairs.iter().filter(|(known, _)| known == name);
    let values = found.map(|(_, value)| value.as_str());
    values
        .filter(|value| !value.is_empty())
        .map(Value::from)
        .collect()
}

fn put(members: &mut Map<String, Value>, name: &str, value: Value) {
    let nothing = match &value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(inner) => inner.is_empty(),
        _ => false,
    };
    if nothing {
        members.remove(name);
    } else {
        members.insert(name.to_owned(), value);
    }
}

/// As [`put`]; what goes without saying is not said where it was not said before.
fn put_usual(members: &mut Map<String, Value>, name: &str, value: Value, usual: &Value) {
    if members.contains_key(name) || value != *usual {
        put(members, name, value);
    }
}

/// What a stage does where nothing is said.
pub(super) fn usual(name: &str) -> Value {
    match name {
        "on_reject" => "veto".into(),
        "delegation" => "same_role".into(),
        "email_link" => "decide".into(),
        "on_timeout" => "keep_open".into(),
        "decisions" => json!([
            "approve",
            "approve_with_conditions",
            "request_changes",
            "reject"
        ]),
        "reason_required" => json!(["request_changes", "reject", "recuse"]),
        "not" => json!(["submitter", "owner", "editors"]),
        _ => Value::Null,
    }
}

/// A whole number where it is one; else what was typed.
fn number(text: &str) -> Value {
    text.parse::<u32>()
        .map_or_else(|_| text.into(), Value::from)
}

/// `3 business days, PT4H` as a list.
fn spans(text: &str) -> Value {
    let parts = text.split([',', '\n']).map(str::trim);
    let parts = parts.filter(|part| !part.is_empty());
    parts.map(Value::from).collect()
}

/// `role legal`, one in a line, as people.
pub(super) fn people(text: &str) -> Value {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let person = |line: &str| {
        let (sort, name) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let sort = sort.trim_end_matches(':');
        json!({ sort: name.trim() })
    };
    lines.map(person).collect()
}

/// People as lines.
pub(super) fn people_lines(people: Option<&Value>) -> String {
    let items = people.and_then(Value::as_array).into_iter().flatten();
    let line = |item: &Value| {
        let members = item.as_object()?;
        let (sort, name) = members.iter().next()?;
        Some(format!("{sort} {}", plain(Some(name))))
    };
    items.filter_map(line).collect::<Vec<_>>().join("\n")
}

/// What stands in a single control.
pub(super) fn plain(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => {
            let items: Vec<String> = items.iter().map(|item| plain(Some(item))).collect();
            items.join(", ")
        }
        Some(other) => other.to_string(),
    }
}

/// The questions about the whole, into the document.
pub(super) fn general(document: &mut Map<String, Value>, pairs: &Pairs) {
    for name in [
        "title",
        "description",
        "applies_when",
        "calendar",
        "max_duration",
    ] {
        put(document, name, one(pairs, name).into());
    }
    for name in ["priority", "max_revisions"] {
        let text = one(pairs, name);
        put(document, name, number(&text));
    }
}

/// The questions about one stage, into it.
pub(super) fn stage(stage: &mut Map<String, Value>, pairs: &Pairs) {
    for name in [
        "title",
        "guidance",
        "kind",
        "when",
        "on_reject",
        "form",
        "delegation",
    ] {
        put_usual(stage, name, one(pairs, name).into(), &usual(name));
    }
    for name in ["needs", "decisions", "reason_required"] {
        put_usual(stage, name, many(pairs, name).into(), &usual(name));
    }
    let apart = inner(stage, "separation", |apart| {
        let not = Value::from(many(pairs, "not"));
        // Nobody kept out is not the same as nothing said about it.
        if apart.contains_key("not") || not != usual("not") {
            apart.insert("not".to_owned(), not);
        }
        put(
            apart,
            "not_approvers_of",
            many(pairs, "not_approvers_of").into(),
        );
    });
    put(stage, "separation", apart);
    let email = inner(stage, "email", |email| {
        for (name, asked) in [
            ("link", "email_link"),
            ("valid_for", "email_valid_for"),
            ("step_up_when", "email_step_up_when"),
        ] {
            put_usual(email, name, one(pairs, asked).into(), &usual(asked));
        }
    });
    put(stage, "email", email);
    put(stage, "seats", seats(pairs));
    let sla = inner(stage, "sla", |sla| {
        put(sla, "due", one(pairs, "due").into());
        put(sla, "remind", spans(&one(pairs, "remind")));
        let on_timeout = one(pairs, "on_timeout").into();
        put_usual(sla, "on_timeout", on_timeout, &usual("on_timeout"));
        put(sla, "escalate", escalations(pairs, "timed", "after"));
    });
    // Without any length of time there is no clock, whatever else was chosen for it.
    let clock = ["due", "remind", "escalate"];
    let runs = clock.iter().any(|name| sla.get(*name).is_some());
    put(stage, "sla", if runs { sla } else { Value::Null });
    put(stage, "escalate", escalations(pairs, "risk", "on"));
}

fn inner(
    members: &Map<String, Value>,
    name: &str,
    fill: impl FnOnce(&mut Map<String, Value>),
) -> Value {
    let known = members.get(name).and_then(Value::as_object);
    let mut inner = known.cloned().unwrap_or_default();
    fill(&mut inner);
    Value::Object(inner)
}

/// How many rows of a sort were sent.
fn rows(pairs: &Pairs, sort: &str) -> usize {
    let number = |name: &str| {
        let rest = name.strip_prefix(sort)?.strip_prefix('_')?;
        rest.split('_').next()?.parse::<usize>().ok()
    };
    let last = pairs.iter().filter_map(|(name, _)| number(name)).max();
    last.map_or(0, |last| last.saturating_add(1).min(50))
}

/// Seats: a row whose short name and people were emptied is taken away.
fn seats(pairs: &Pairs) -> Value {
    let row = |at: usize| {
        let text = |name: &str| one(pairs, &format!("seat_{at}_{name}"));
        let (key, from) = (text("key"), people(&text("from")));
        if key.is_empty() && from.as_array().is_some_and(Vec::is_empty) {
            return None;
        }
        let need = match text("need").as_str() {
            "" => 1.into(),
            need => number(need),
        };
        let fallback = people(&text("fallback"));
        Some(json!({ "key": key, "from": from, "need": need, "fallback": fallback }))
    };
    (0..rows(pairs, "seat")).filter_map(row).collect()
}

/// Escalations by time (`after`) or by what happened (`on`): a row without people is taken away.
fn escalations(pairs: &Pairs, sort: &str, by: &str) -> Value {
    let row = |at: usize| {
        let text = |name: &str| one(pairs, &format!("{sort}_{at}_{name}"));
        let to = people(&text("to"));
        if to.as_array().is_some_and(Vec::is_empty) {
            return None;
        }
        let mut members = Map::new();
        put(&mut members, by, text(by).into());
        put(&mut members, "to", to);
        for name in ["mode", "seat", "when"] {
            put(&mut members, name, text(name).into());
        }
        Some(Value::Object(members))
    };
    (0..rows(pairs, sort)).filter_map(row).collect()
}

/// What can be picked for a condition: its text in CEL and what it says.
pub(super) fn clauses(fields: &[Field], document: &Value) -> Vec<(String, String)> {
    let mut clauses = Vec::new();
    for field in fields {
        let name = &field.name;
        let read = format!("request.{name}");
        let guard = match field.ask {
            crate::form::Ask::First => String::new(),
            _ => format!("has({read}) && "),
        };
        let mut add = |clause: String, says: String| clauses.push((clause, says));
        match &field.kind {
            Kind::Choice(choices) => {
                for choice in choices {
                    let clause = format!("{guard}{read} == '{}'", choice.value);
                    add(clause, format!("{}: {}", field.short, choice.label));
                }
            }
            Kind::Choices(choices) => {
                for choice in choices {
                    let clause = match guard.is_empty() {
                        true => format!("'{}' in {read}", choice.value),
                        false => format!("{guard}'{}' in {read}", choice.value),
                    };
                    add(
                        clause,
                        format!("{} contains: {}", field.short, choice.label),
                    );
                }
            }
            Kind::Boolean(_) => {
                add(format!("{guard}{read}"), format!("{}: yes", field.short));
                add(format!("{guard}!{read}"), format!("{}: no", field.short));
            }
            Kind::Integer => {
                let clause = format!("{guard}{read} > NUMBER");
                add(clause, format!("{} is more than the number", field.short));
            }
            _ if !guard.is_empty() => {
                add(
                    format!("has({read})"),
                    format!("{} is answered", field.short),
                );
            }
            _ => {}
        }
    }
    let tables = document.get("derive").and_then(Value::as_array);
    for table in tables.into_iter().flatten() {
        let key = plain(table.get("key"));
        let values = table.get("values").and_then(Value::as_array);
        for value in values.into_iter().flatten() {
            let value = plain(Some(value));
            let clause = format!("derived.{key} == '{value}'");
            clauses.push((clause, format!("{key} is {value}")));
        }
    }
    clauses
}

/// A condition with one more clause.
pub(super) fn joined(when: &str, clause: &str, negated: bool, number: &str, or: bool) -> String {
    let number = match number.parse::<i64>() {
        Ok(number) => number.to_string(),
        Err(_) => "0".to_owned(),
    };
    let clause = clause.replace("NUMBER", &number);
    let compound = clause.contains(" && ");
    let clause = match (negated, compound && or) {
        (true, _) => format!("!({clause})"),
        (false, true) => format!("({clause})"),
        (false, false) => clause,
    };
    match (when.trim(), or) {
        ("", _) => clause,
        (when, true) => format!("{when} || {clause}"),
        (when, false) if when.contains("||") => format!("({when}) && {clause}"),
        (when, false) => format!("{when} && {clause}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(sent: &[(&str, &str)]) -> Vec<(String, String)> {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        sent.iter().map(own).collect()
    }

    #[test]
    fn people_are_lines_and_come_back_as_the_same() {
        let lines = "role legal\nfield request.owner\nmanager_of owner";
        let named = people("role: legal\n\n field  request.owner\nmanager_of owner");
        assert_eq!(people_lines(Some(&named)), lines);
        assert_eq!(
            people("legal"),
            json!([{"legal": ""}]),
            "the check names it"
        );
    }

    #[test]
    fn a_stage_keeps_what_no_question_asks_and_loses_what_was_emptied() {
        let mut before = json!({"key": "a", "x": 1, "guidance": "old",
            "sla": {"due": "P1D", "pause_while": []}});
        let sent = pairs(&[
            ("title", "A"),
            ("guidance", ""),
            ("due", "P2D"),
            ("remind", "P1D, PT4H"),
            ("seat_0_key", "s"),
            ("seat_0_from", "role legal"),
            ("seat_0_need", "2"),
            ("seat_0_fallback", "role ciso"),
            ("seat_1_key", ""),
            ("seat_1_from", ""),
            ("not", ""),
            ("not", "submitter"),
        ]);
        stage(before.as_object_mut().unwrap(), &sent);
        assert_eq!(
            before,
            json!({
                "key": "a", "x": 1, "title": "A", "separation": {"not": ["submitter"]},
                "seats": [{"key": "s", "from": [{"role": "legal"}], "need": 2,
                           "fallback": [{"role": "ciso"}]}],
                "sla": {"due": "P2D", "remind": ["P1D", "PT4H"], "pause_while": []},
            })
        );
    }

    #[test]
    fn a_number_that_is_none_is_kept_as_it_was_typed() {
        let mut document = Map::new();
        general(
            &mut document,
            &pairs(&[("priority", "high"), ("max_revisions", "3")]),
        );
        assert_eq!(
            Value::Object(document),
            json!({"priority": "high", "max_revisions": 3})
        );
    }

    #[test]
    fn clauses_are_joined_so_that_they_mean_what_was_picked() {
        assert_eq!(joined("", "a", false, "", false), "a");
        assert_eq!(joined("a || b", "c", false, "", false), "(a || b) && c");
        assert_eq!(
            joined("a", "has(x) && y", false, "", true),
            "a || (has(x) && y)"
        );
        assert_eq!(
            joined("a", "has(x) && y", true, "", false),
            "a && !(has(x) && y)"
        );
        assert_eq!(joined("", "x > NUMBER", false, "12'", false), "x > 0");
        assert_eq!(joined("", "x > NUMBER", false, "12", false), "x > 12");
    }
}

//! What one text of a workflow says other than another, place by place.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Map, Value};

/// One place where two workflows differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Where, by keys: `stages/legal/sla/due`.
    pub place: String,
    /// What stood there; nothing for what was added.
    pub before: Option<String>,
    /// What stands there; nothing for what was taken away.
    pub after: Option<String>,
}

/// The places where `after` differs from `before`, in the order of `after`. Stages, seats and
/// tables are told apart by their keys, so that moving one is not a change of all that follow.
pub fn compare(before: &Value, after: &Value) -> Vec<Change> {
    let mut changes = Vec::new();
    differ("", before, after, &mut changes);
    changes
}

fn differ(place: &str, before: &Value, after: &Value, changes: &mut Vec<Change>) {
    if before == after {
        return;
    }
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => members(place, old, new, changes),
        (Value::Array(old), Value::Array(new)) => match (by_key(old), by_key(new)) {
            (Some(before), Some(after)) => {
                members(place, &before, &after, changes);
                order(place, old, new, changes);
            }
            _ => items(place, old, new, changes),
        },
        _ => changes.push(Change {
            place: place.to_owned(),
            before: Some(said(before)),
            after: Some(said(after)),
        }),
    }
}

fn below(place: &str, name: &str) -> String {
    match place {
        "" => name.to_owned(),
        _ => format!("{place}/{name}"),
    }
}

fn members(
    place: &str,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
    changes: &mut Vec<Change>,
) {
    for (name, after) in new {
        let place = below(place, name);
        match old.get(name) {
            Some(before) => differ(&place, before, after, changes),
            None => changes.push(Change {
                place,
                before: None,
                after: Some(said(after)),
            }),
        }
    }
    for (name, before) in old.iter().filter(|(name, _)| !new.contains_key(*name)) {
        changes.push(Change {
            place: below(place, name),
            before: Some(said(before)),
            after: None,
        });
    }
}

/// Lists of single values, or of things without keys, are shown as a whole where short, and item
/// by item where each is made of parts.
fn items(place: &str, old: &[Value], new: &[Value], changes: &mut Vec<Change>) {
    let made_of_parts = |items: &[Value]| items.iter().any(Value::is_object);
    if !made_of_parts(old) || !made_of_parts(new) || old.len() != new.len() {
        let whole = |items: &[Value]| said(&Value::Array(items.to_vec()));
        changes.push(Change {
            place: place.to_owned(),
            before: Some(whole(old)),
            after: Some(whole(new)),
        });
        return;
    }
    for (index, (before, after)) in old.iter().zip(new).enumerate() {
        let place = below(place, &(index + 1).to_string());
        differ(&place, before, after, changes);
    }
}

/// A list of things that each have their own key, as an object by these keys.
fn by_key(items: &[Value]) -> Option<Map<String, Value>> {
    let mut object = Map::new();
    for item in items {
        let key = item.get("key")?.as_str()?;
        object.insert(key.to_owned(), item.clone());
    }
    (object.len() == items.len()).then_some(object)
}

/// The same things in another order.
fn order(place: &str, old: &[Value], new: &[Value], changes: &mut Vec<Change>) {
    fn keys(items: &[Value]) -> Vec<&str> {
        let keys = items.iter().filter_map(|item| item.get("key")?.as_str());
        keys.collect()
    }
    let (old, new) = (keys(old), keys(new));
    let both: BTreeSet<&str> = old
        .iter()
        .filter(|key| new.contains(key))
        .copied()
        .collect();
    let common = |keys: &[&str]| -> Vec<String> {
        let known = keys.iter().filter(|key| both.contains(*key));
        known.map(|key| (*key).to_owned()).collect()
    };
    let (before, after) = (common(&old), common(&new));
    if before != after {
        changes.push(Change {
            place: below(place, "(order)"),
            before: Some(before.join(", ")),
            after: Some(after.join(", ")),
        });
    }
}

fn said(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) if items.iter().all(|item| !item.is_object()) => {
            let items: Vec<String> = items.iter().map(said).collect();
            items.join(", ")
        }
        other => super::laid_out(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(before: Value, after: Value) -> Vec<String> {
        let line = |c: Change| format!("{}: {:?} -> {:?}", c.place, c.before, c.after);
        compare(&before, &after).into_iter().map(line).collect()
    }

    #[test]
    fn the_same_workflow_has_no_changes() {
        let same = json!({"stages": [{"key": "a"}]});
        assert_eq!(compare(&same, &same), []);
    }

    #[test]
    fn a_stage_that_moves_is_one_change_and_an_edit_names_its_place() {
        let before = json!({"stages": [{"key": "a", "title": "A"}, {"key": "b", "title": "B"}]});
        let after = json!({"stages": [{"key": "b", "title": "Bee"}, {"key": "a", "title": "A"}]});
        assert_eq!(
            told(before, after),
            [
                "stages/b/title: Some(\"B\") -> Some(\"Bee\")",
                "stages/(order): Some(\"a, b\") -> Some(\"b, a\")",
            ]
        );
    }

    #[test]
    fn what_is_added_and_taken_away_is_told_apart() {
        let before = json!({"old": 1, "list": ["x"], "rows": [{"w": 1}]});
        let after = json!({"new": 2, "list": ["x", "y"], "rows": [{"w": 2}]});
        assert_eq!(
            told(before, after),
            [
                "list: Some(\"x\") -> Some(\"x, y\")",
                "new: None -> Some(\"2\")",
                "rows/1/w: Some(\"1\") -> Some(\"2\")",
                "old: Some(\"1\") -> None",
            ]
        );
    }
}

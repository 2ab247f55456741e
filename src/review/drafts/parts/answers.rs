//! What a browser sent of a part, read back into the document. Whatever is typed is kept in the
//! draft, also what is wrong: the check of the draft then names it at its place.
use serde_json::{Map, Value, json};

/// What a browser sent.
pub(super) type Pairs = Vec<(String, String)>;

/// Most rows of a sort that are read; the format takes fewer, and its check says how many.
const ROWS: usize = 200;

/// The one answer of this name, without blanks around it.
pub(in crate::review::drafts) fn one(pairs: &Pairs, name: &str) -> String {
    let found = pairs.iter().find(|(known, _)| known == name);
    let text = found.map_or_else(String::new, |(_, value)| crate::review::words::typed(value));
    text.trim().to_owned()
}

/// All answers of this name that say something.
pub(super) fn many(pairs: &Pairs, name: &str) -> Vec<Value> {
    let found = pairs.iter().filter(|(known, _)| known == name);
    let values = found.map(|(_, value)| value.as_str());
    values
        .filter(|value| !value.is_empty())
        .map(Value::from)
        .collect()
}

/// All lines of all answers of this name.
pub(super) fn lines(pairs: &Pairs, name: &str) -> Vec<String> {
    let found = pairs.iter().filter(|(known, _)| known == name);
    let texts = found.map(|(_, value)| crate::review::words::typed(value));
    let texts: Vec<String> = texts.collect();
    let lines = texts.iter().flat_map(|text| text.lines()).map(str::trim);
    let lines = lines.filter(|line| !line.is_empty());
    lines.map(str::to_owned).collect()
}

/// As [`lines`], where commas part them as well.
pub(super) fn parts(pairs: &Pairs, name: &str) -> Vec<String> {
    let lines = lines(pairs, name);
    let parts = lines.iter().flat_map(|line| line.split(',')).map(str::trim);
    let parts = parts.filter(|part| !part.is_empty());
    parts.map(str::to_owned).collect()
}

/// Sets a member, or takes it away where there is nothing to say.
pub(super) fn put(members: &mut Map<String, Value>, name: &str, value: Value) {
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
pub(super) fn put_usual(members: &mut Map<String, Value>, name: &str, value: Value, usual: &Value) {
    if members.contains_key(name) || value != *usual {
        put(members, name, value);
    }
}

/// What holds where nothing is said.
pub(super) fn usual(name: &str) -> Value {
    match name {
        "on_reject" => "veto".into(),
        "delegation" => "same_role".into(),
        "email_link" => "decide".into(),
        "on_timeout" => "keep_open".into(),
        "on_missed" => "suspend".into(),
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
pub(super) fn number(text: &str) -> Value {
    text.parse::<u32>()
        .map_or_else(|_| text.into(), Value::from)
}

/// `3 business days, PT4H` as a list.
pub(super) fn spans(text: &str) -> Value {
    let parts = text.split([',', '\n']).map(str::trim);
    let parts = parts.filter(|part| !part.is_empty());
    parts.map(Value::from).collect()
}

/// What stands in a single control.
pub(in crate::review::drafts) fn plain(value: Option<&Value>) -> String {
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

/// A member that is an object, filled.
pub(super) fn inner(
    members: &Map<String, Value>,
    name: &str,
    fill: impl FnOnce(&mut Map<String, Value>),
) -> Value {
    let known = members.get(name).and_then(Value::as_object);
    let mut inner = known.cloned().unwrap_or_default();
    fill(&mut inner);
    Value::Object(inner)
}

/// The rows of a sort that were sent, each read by `row`; a row that gives nothing is taken away.
pub(super) fn rows(pairs: &Pairs, sort: &str, row: impl Fn(usize) -> Option<Value>) -> Value {
    let last = pairs.iter().filter_map(|(name, _)| row_of(name, sort));
    let count = last
        .max()
        .map_or(0, |last| last.saturating_add(1).min(ROWS));
    (0..count).filter_map(row).collect()
}

/// Which row of a sort a control belongs to: `seat_2_from` is of row 2 of the seats.
fn row_of(name: &str, sort: &str) -> Option<usize> {
    let rest = name.strip_prefix(sort)?.strip_prefix('_')?;
    rest.split('_').next()?.parse().ok()
}

/// Does to a row what its button says: `up_seat_2` moves it before its neighbour, `drop_seat_2`
/// takes it away. Anything else leaves the rows as they were sent.
pub(super) fn rearranged(pairs: Pairs, deed: &str) -> Pairs {
    let Some((deed, row)) = deed.split_once('_') else {
        return pairs;
    };
    let Some((sort, at)) = row.rsplit_once('_') else {
        return pairs;
    };
    let Ok(at) = at.parse::<usize>() else {
        return pairs;
    };
    let prefix = |at: usize| format!("{sort}_{at}_");
    let renamed = |name: &str, from: usize, to: usize| {
        let rest = name.strip_prefix(&prefix(from))?;
        Some(prefix(to) + rest)
    };
    let moved = |(name, value): (String, String)| match (deed, row_of(&name, sort), at) {
        ("drop", Some(row), at) if row == at => None,
        ("up", Some(row), 1..) if row == at => Some((renamed(&name, at, at - 1)?, value)),
        ("up", Some(row), 1..) if row == at - 1 => Some((renamed(&name, at - 1, at)?, value)),
        _ => Some((name, value)),
    };
    pairs.into_iter().filter_map(moved).collect()
}

#[cfg(test)]
pub(super) fn sent(pairs: &[(&str, &str)]) -> Pairs {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    pairs.iter().map(own).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_moves_with_all_that_was_typed_in_it_or_goes() {
        let typed = sent(&[
            ("seat_0_key", "a"),
            ("seat_1_key", "b"),
            ("seat_1_from", "x"),
        ]);
        let up = sent(&[
            ("seat_1_key", "a"),
            ("seat_0_key", "b"),
            ("seat_0_from", "x"),
        ]);
        assert_eq!(rearranged(typed.clone(), "up_seat_1"), up);
        assert_eq!(rearranged(typed.clone(), "up_seat_0"), typed, "it is first");
        let gone = sent(&[("seat_0_key", "a")]);
        assert_eq!(rearranged(typed.clone(), "drop_seat_1"), gone);
        for other in [
            "save",
            "up_seat_x",
            "up",
            "drop_case_1",
            "up_seat_99999999999999999999",
        ] {
            assert_eq!(rearranged(typed.clone(), other), typed, "{other}");
        }
    }

    #[test]
    fn a_row_far_away_is_not_walked_to() {
        let far = sent(&[("seat_18446744073709551615_key", "x")]);
        let read = rows(&far, "seat", |at| Some(at.into()));
        assert_eq!(read.as_array().map(Vec::len), Some(ROWS));
    }
}

//! A workflow as text that people read and edit: keys in the order of thought, short things on one
//! line.

use serde_json::{Map, Value};

/// Columns of a line at most, where its parts allow it.
const WIDTH: usize = 100;

/// The keys that come first, in this order; the others follow by name, long lists at the end.
const FIRST: [&str; 16] = [
    "format",
    "key",
    "kind",
    "type",
    "title",
    "form",
    "description",
    "guidance",
    "fields",
    "on",
    "after",
    "when",
    "then",
    "because",
    "needs",
    "due",
];
const LAST: [&str; 3] = ["cases", "otherwise", "stages"];

/// The text of a document.
pub fn laid_out(document: &Value) -> String {
    let mut text = String::new();
    write(document, 0, 0, &mut text);
    text
}

fn write(value: &Value, depth: usize, column: usize, text: &mut String) {
    let brief = in_one_line(value);
    let flat = match value {
        Value::Object(_) => depth > 1,
        _ => true,
    };
    if flat && column + brief.chars().count() <= WIDTH {
        text.push_str(&brief);
        return;
    }
    match value {
        Value::Object(members) if !members.is_empty() => {
            let lines = ordered(members).into_iter().map(|(name, value)| {
                let key = Value::from(name.as_str()).to_string();
                (format!("{key}: "), value)
            });
            block(('{', '}'), lines.collect(), depth, text);
        }
        Value::Array(items) if !items.is_empty() => {
            let lines = items.iter().map(|item| (String::new(), item));
            block(('[', ']'), lines.collect(), depth, text);
        }
        _ => text.push_str(&brief),
    }
}

fn block(
    (open, close): (char, char),
    lines: Vec<(String, &Value)>,
    depth: usize,
    text: &mut String,
) {
    text.push(open);
    let last = lines.len().saturating_sub(1);
    for (at, (label, value)) in lines.into_iter().enumerate() {
        text.push('\n');
        let indent = "  ".repeat(depth + 1);
        text.push_str(&indent);
        text.push_str(&label);
        let column = indent.len() + label.chars().count() + 1;
        write(value, depth + 1, column, text);
        if at < last {
            text.push(',');
        }
    }
    text.push('\n');
    text.push_str(&"  ".repeat(depth));
    text.push(close);
}

fn ordered(members: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let rank = |name: &str| {
        let first = FIRST.iter().position(|known| *known == name);
        let last = LAST.iter().position(|known| *known == name);
        match (first, last) {
            (Some(at), _) => at,
            (_, Some(at)) => 1000 + at,
            _ => 500,
        }
    };
    let mut ordered: Vec<(&String, &Value)> = members.iter().collect();
    ordered.sort_by_key(|(name, _)| (rank(name), name.as_str()));
    ordered
}

fn in_one_line(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let parts = ordered(members).into_iter().map(|(name, value)| {
                format!("{}: {}", Value::from(name.as_str()), in_one_line(value))
            });
            format!("{{{}}}", parts.collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) => {
            let parts = items.iter().map(in_one_line);
            format!("[{}]", parts.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn short_parts_stand_on_one_line_and_the_stages_come_last() {
        let document = json!({
            "stages": [{"title": "A", "key": "a", "seats": [{"need": 1, "key": "s"}]}],
            "key": "k", "format": 1, "max_revisions": 5,
        });
        assert_eq!(
            laid_out(&document),
            "{\n  \"format\": 1,\n  \"key\": \"k\",\n  \"max_revisions\": 5,\n  \
             \"stages\": [{\"key\": \"a\", \"title\": \"A\", \"seats\": [{\"key\": \"s\", \
             \"need\": 1}]}]\n}"
        );
    }

    #[test]
    fn whatever_is_laid_out_reads_back_as_the_same() {
        let policy = include_str!("../../templates/workflows/ai_use_case.json");
        let document: Value = serde_json::from_str(policy).unwrap();
        let text = laid_out(&document);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), document);
        let longest = text.lines().map(|line| line.chars().count()).max();
        assert!(longest < Some(700), "{longest:?}");
    }
}

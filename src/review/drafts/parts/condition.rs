//! Conditions that are picked instead of written: what a form's fields, the tables and the stages
//! before can say, and one more clause joined to a condition.
use super::answers::{Pairs, one, plain};
use crate::form::{Ask, Field, Kind};
use serde_json::Value;

/// What a condition can read where it stands.
pub(super) struct Reads<'a> {
    /// The fields of the request.
    pub fields: &'a [Field],
    /// Derived values.
    pub tables: Vec<&'a Value>,
    /// Stages that are settled before: short name and title.
    pub stages: Vec<(String, String)>,
}

/// What can be picked for a condition: its text in CEL and what it says.
pub(super) fn clauses(reads: &Reads) -> Vec<(String, String)> {
    let mut clauses: Vec<_> = reads.fields.iter().flat_map(of_field).collect();
    clauses.extend(reads.tables.iter().flat_map(|table| of_table(table)));
    clauses.extend(reads.stages.iter().flat_map(of_stage));
    clauses
}

fn of_field(field: &Field) -> Vec<(String, String)> {
    let (short, read) = (&field.short, format!("request.{}", field.name));
    let guard = match field.ask {
        Ask::First => String::new(),
        _ => format!("has({read}) && "),
    };
    match &field.kind {
        Kind::Choice(choices) => {
            let clause = |value: &str| format!("{guard}{read} == '{value}'");
            let choices = choices.iter();
            let named = choices.map(|c| (clause(&c.value), format!("{short}: {}", c.label)));
            named.collect()
        }
        Kind::Choices(choices) => {
            let clause = |value: &str| format!("{guard}'{value}' in {read}");
            let says = |label: &str| format!("{short} contains: {label}");
            let choices = choices.iter();
            choices
                .map(|c| (clause(&c.value), says(&c.label)))
                .collect()
        }
        Kind::Boolean(_) => vec![
            (format!("{guard}{read}"), format!("{short}: yes")),
            (format!("{guard}!{read}"), format!("{short}: no")),
        ],
        Kind::Integer => vec![(
            format!("{guard}{read} > NUMBER"),
            format!("{short} is more than the number"),
        )],
        _ if !guard.is_empty() => vec![(format!("has({read})"), format!("{short} is answered"))],
        _ => Vec::new(),
    }
}

fn of_table(table: &Value) -> Vec<(String, String)> {
    let key = plain(table.get("key"));
    let read = format!("derived.{key}");
    match plain(table.get("type")).as_str() {
        "bool" => vec![
            (read.clone(), format!("{key}: yes")),
            (format!("!{read}"), format!("{key}: no")),
        ],
        "int" => vec![(
            format!("{read} > NUMBER"),
            format!("{key} is more than the number"),
        )],
        _ => {
            let values = table.get("values").and_then(Value::as_array);
            let values = values.into_iter().flatten().map(|v| plain(Some(v)));
            values
                .map(|value| (format!("{read} == '{value}'"), format!("{key} is {value}")))
                .collect()
        }
    }
}

fn of_stage((key, title): &(String, String)) -> Vec<(String, String)> {
    let outcome = |word: &str, says: &str| {
        let clause = format!("stages.{key}.outcome == '{word}'");
        (clause, format!("{title} {says}"))
    };
    vec![
        outcome("approved", "was approved"),
        outcome("approved_with_conditions", "was approved with conditions"),
        outcome("skipped", "was skipped"),
        (
            format!("stages.{key}.timed_out"),
            format!("{title} timed out"),
        ),
    ]
}

/// The clause that was picked, joined to the condition it was picked for: `usual` where there is
/// only one.
pub(super) fn with_picked(mut pairs: Pairs, usual: &str) -> Pairs {
    let pick = one(&pairs, "pick");
    if pick.is_empty() {
        return pairs;
    }
    let into = match one(&pairs, "into") {
        chosen if chosen.is_empty() => usual.to_owned(),
        chosen => chosen,
    };
    let negated = one_of(&pairs, "negated", "yes");
    let or = one(&pairs, "join") == "or";
    let (before, number) = (one(&pairs, &into), one(&pairs, "number"));
    let condition = joined(&before, &pick, negated, &number, or);
    pairs.retain(|(name, _)| *name != into);
    pairs.push((into, condition));
    pairs
}

fn one_of(pairs: &Pairs, name: &str, value: &str) -> bool {
    pairs
        .iter()
        .any(|(known, sent)| known == name && sent == value)
}

/// A condition with one more clause.
fn joined(when: &str, clause: &str, negated: bool, number: &str, or: bool) -> String {
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
    use super::super::answers::sent;
    use super::*;
    use serde_json::json;

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

    #[test]
    fn a_picked_clause_goes_to_the_condition_it_was_picked_for() {
        let typed = |into: &str| {
            let pick = sent(&[
                ("when", "a"),
                ("risk_0_when", "b"),
                ("pick", "c"),
                ("into", into),
            ]);
            with_picked(pick, "when")
        };
        let (usual, chosen) = (typed(""), typed("risk_0_when"));
        assert_eq!(one(&usual, "when"), "a && c");
        assert_eq!(one(&usual, "risk_0_when"), "b");
        assert_eq!(one(&chosen, "when"), "a");
        assert_eq!(one(&chosen, "risk_0_when"), "b && c");
    }

    #[test]
    fn what_a_table_or_an_earlier_stage_says_can_be_picked() {
        let (risk, sure) = (
            json!({"key": "risk", "type": "string", "values": ["low", "high"]}),
            json!({"key": "sure", "type": "bool"}),
        );
        let reads = Reads {
            fields: &[],
            tables: vec![&risk, &sure],
            stages: vec![("data".to_owned(), "Data use".to_owned())],
        };
        let clauses: Vec<String> = clauses(&reads)
            .into_iter()
            .map(|(clause, _)| clause)
            .collect();
        for expected in [
            "derived.risk == 'high'",
            "!derived.sure",
            "stages.data.outcome == 'skipped'",
            "stages.data.timed_out",
        ] {
            assert!(clauses.iter().any(|c| c == expected), "{clauses:?}");
        }
    }
}

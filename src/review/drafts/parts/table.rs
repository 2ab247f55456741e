//! One table: the value it derives, its cases in their order, and what holds otherwise.
use super::answers::{Pairs, lines, one, plain, put, rows};
use super::condition::{Reads, clauses};
use super::pen::{Offer, Pen, Rows, Said, Section, section};
use super::picker;
use crate::form::Widget;
use serde_json::{Map, Value};

const TYPES: Said = &[
    ("string", "One of several words"),
    ("bool", "Yes or no: true or false"),
    ("int", "A whole number"),
];

/// Its questions.
pub(super) fn ask(pen: &Pen, table: &Value, reads: &Reads) -> Vec<Section> {
    let asked = ("type", "type", "What it gives");
    let values = values(table).join("\n");
    let rows = Rows {
        pen,
        sort: "case",
        below: "cases",
        noun: "row",
        ordered: true,
    };
    let groups = rows.draw(table.get("cases"), |row| {
        vec![
            row.condition("when", "When").hint("CEL."),
            row.text("then", "Then").offering("values"),
            row.text("because", "Because")
                .hint("A sentence that submitter and approver read."),
        ]
    });
    let count = groups.len();
    let row = |at: usize| {
        let says = match at + 1 == count {
            true => "A new row".to_owned(),
            false => format!("Row {}", at + 1),
        };
        (format!("case_{at}_when"), says)
    };
    // A clause is picked for a new row more often than for one that is there.
    let into: Vec<(String, String)> = (0..count).rev().map(row).collect();
    let otherwise = ("otherwise", "otherwise", "Otherwise");
    let otherwise = pen
        .text(otherwise, table.get("otherwise"))
        .offering("values");
    vec![
        section(
            "What it gives",
            vec![
                pen.choose(asked, Widget::Select, TYPES, table.get("type")),
                pen.area(("values", "values", "The words"), &values)
                    .free()
                    .hint("One in a line. Conditions that compare it are held to them."),
            ],
        ),
        Section {
            title: "Its rows".to_owned(),
            note: Some("The first row that holds gives the value."),
            groups,
            button: None,
        },
        section("When no row holds", vec![otherwise]),
        picker(pen, &clauses(reads), &into),
    ]
}

fn values(table: &Value) -> Vec<String> {
    let values = table.get("values").and_then(Value::as_array);
    values
        .into_iter()
        .flatten()
        .map(|v| plain(Some(v)))
        .collect()
}

/// The values that its rows can give.
pub(super) fn offered(table: &Value) -> Vec<Offer> {
    let words = match plain(table.get("type")).as_str() {
        "bool" => vec!["true".to_owned(), "false".to_owned()],
        _ => values(table),
    };
    let offer = |value: String| Offer {
        says: value.clone(),
        value,
    };
    words.into_iter().map(offer).collect()
}

/// Its answers, into it.
pub(super) fn take(table: &mut Map<String, Value>, pairs: &Pairs) {
    let sort = one(pairs, "type");
    put(table, "type", sort.clone().into());
    put(table, "values", lines(pairs, "values").into());
    let row = |at: usize| {
        let text = |part: &str| one(pairs, &format!("case_{at}_{part}"));
        let mut members = Map::new();
        put(&mut members, "when", text("when").into());
        put(&mut members, "then", answer(&sort, &text("then")));
        put(&mut members, "because", text("because").into());
        (!members.is_empty()).then_some(Value::Object(members))
    };
    // The list stays when its last row goes: the check asks for a row in it.
    table.insert("cases".to_owned(), rows(pairs, "case", row));
    put(table, "otherwise", answer(&sort, &one(pairs, "otherwise")));
}

/// A value of the table's type where it is one; else what was typed.
fn answer(sort: &str, text: &str) -> Value {
    match (sort, text) {
        ("bool", "true") => true.into(),
        ("bool", "false") => false.into(),
        ("int", text) => text
            .parse::<i64>()
            .map_or_else(|_| text.into(), Value::from),
        (_, text) => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::answers::sent;
    use super::*;
    use serde_json::json;

    #[test]
    fn values_become_what_the_table_gives_and_stay_as_typed_where_they_cannot() {
        let typed = |sort: &str| {
            let mut table = Map::new();
            let rows = [
                ("type", sort),
                ("case_0_then", "true"),
                ("case_1_then", "-7"),
                ("case_1_because", "Why"),
                ("case_2_then", ""),
                ("otherwise", "no idea"),
            ];
            take(&mut table, &sent(&rows));
            Value::Object(table)
        };
        let cases =
            |one: Value, two: Value| json!([{"then": one}, {"then": two, "because": "Why"}]);
        assert_eq!(typed("bool")["cases"], cases(true.into(), "-7".into()));
        assert_eq!(typed("int")["cases"], cases("true".into(), (-7).into()));
        assert_eq!(typed("string")["cases"], cases("true".into(), "-7".into()));
        assert_eq!(typed("int")["otherwise"], "no idea");
    }
}

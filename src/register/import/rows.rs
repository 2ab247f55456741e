//! From rows to documents, with an account of every cell.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::Problem;
use super::cell;
use super::fields::Shape;
use super::key::{key, numbered};
use super::mapping::{RepeatedKeys, TooLong, plain};
use super::plan::{Plan, Planned, Use};
use super::table::{MAX_CELL, Row};
use super::text::{clean, is_empty, shorten};

/// The rules of a kind for a draft: fields that are wrong, each with a sentence.
pub type Check<'a> = dyn Fn(&Value) -> Vec<(String, String)> + 'a;

/// A row that became a document.
#[derive(Debug, Clone, PartialEq)]
pub struct Mapped {
    /// Physical line where the row starts.
    pub line: u64,
    /// The key by which the record is found again at the next import.
    pub key: String,
    /// The key without the number of a repeated one; [`super::settle_repeats`] needs it.
    pub(crate) group: String,
    /// The record's title, never empty.
    pub title: String,
    /// The record's document: only fields that have a value.
    pub document: Value,
    /// What was not taken, or not as it stands.
    pub problems: Vec<Problem>,
    /// What the mapping sets aside.
    pub set_aside: Vec<SetAside>,
}

/// A row of which nothing is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Physical line where the row starts.
    pub line: u64,
    /// Why; the last one is the reason, those before it tell of single cells.
    pub problems: Vec<Problem>,
}

/// A cell that the mapping says not to take.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SetAside {
    /// The column by its header.
    pub column: String,
    /// Why.
    pub reason: String,
}

/// Reads the rows of the plan's table, in the order of the file. `check` gives the kind's rules: a
/// field it complains about is left out and reported, and the row is refused only when no title
/// is left.
pub fn map_rows<'a>(
    plan: &'a Plan<'a>,
    check: &'a Check<'a>,
) -> impl Iterator<Item = Result<Mapped, Refused>> + 'a {
    let mut seen: HashMap<String, (u64, u64)> = HashMap::new();
    plan.table.rows().map(move |row| {
        let mut mapped = map_row(plan, check, &row)?;
        let (count, first) = seen.entry(mapped.group.clone()).or_insert((0, row.line));
        *count += 1;
        if *count > 1 && plan.mapping.repeated_keys == RepeatedKeys::Refuse {
            let rule = format!(
                "line {first} has the same key: give each row its own, or set repeated_keys to \
                 \"number\" in the mapping"
            );
            return Err(refuse_by_key(plan, row.line, mapped, rule));
        }
        mapped.key = numbered(&mapped.group, *count);
        Ok(mapped)
    })
}

fn refuse_by_key(plan: &Plan, line: u64, mapped: Mapped, rule: String) -> Refused {
    let mut problems = mapped.problems;
    problems.push(Problem::new(line, &key_names(plan), &mapped.group, rule));
    Refused { line, problems }
}

fn key_names(plan: &Plan) -> String {
    let headers = plan.table.headers();
    let names = plan.key.iter().filter_map(|place| headers.get(*place));
    names.map(String::as_str).collect::<Vec<_>>().join(" + ")
}

fn map_row(plan: &Plan, check: &Check, row: &Row) -> Result<Mapped, Refused> {
    let line = row.line;
    let mut account = Account::new(plan.table.headers(), line);
    refuse_whole(plan, row)?;
    let cells = account.clean(plan, row);
    let mut document = Map::new();
    for planned in &plan.fields {
        let value = planned.constant().cloned();
        if let Some(value) = value.or_else(|| fill(planned, &cells, &mut account)) {
            document.insert(planned.field.name.clone(), value);
        }
    }
    account.close(plan, row, &cells);
    let document = account.checked(plan, check, Value::Object(document));
    let title = document.get("title").map(plain).unwrap_or_default();
    if is_empty(&title) {
        return Err(account.refuse_untitled(plan));
    }
    let parts = plan
        .key
        .iter()
        .map(|place| cells.get(*place).map_or("", String::as_str));
    let Some(group) = key(&plan.mapping.source, parts) else {
        let rule = "the row has no key: fill one of these cells, or name other columns as key";
        account
            .problems
            .push(Problem::new(line, &key_names(plan), "", rule));
        return Err(Refused {
            line,
            problems: account.problems,
        });
    };
    let (problems, set_aside) = (account.problems, account.set_aside);
    Ok(Mapped {
        line,
        key: group.clone(),
        group,
        title,
        document,
        problems,
        set_aside,
    })
}

/// Rows that are no records at all.
fn refuse_whole(plan: &Plan, row: &Row) -> Result<(), Refused> {
    let headers = plan.table.headers();
    let refuse = |column: &str, value: &str, rule: &str| {
        let problems = vec![Problem::new(row.line, column, value, rule)];
        Err(Refused {
            line: row.line,
            problems,
        })
    };
    if let Some(place) = row.cells.iter().position(|cell| cell.len() > MAX_CELL) {
        let column = headers.get(place).map(String::as_str).unwrap_or_default();
        let value = row.cells.get(place).map(AsRef::as_ref).unwrap_or_default();
        return refuse(column, value, "a cell must not be longer than 1 MiB");
    }
    let again = |(cell, header): (_, &String)| super::text::collapse(cell) == *header;
    let cells = row.cells.iter().map(AsRef::as_ref);
    if row.cells.len() > 1 && row.cells.len() == headers.len() && cells.zip(headers).all(again) {
        return refuse(
            "",
            &row.cells.join(","),
            "the row repeats the header: remove it",
        );
    }
    Ok(())
}

/// What became of the cells of one row.
struct Account<'a> {
    headers: &'a [String],
    line: u64,
    fates: Vec<Fate>,
    problems: Vec<Problem>,
    set_aside: Vec<SetAside>,
}

#[derive(Clone, Default)]
struct Fate {
    settled: bool,
    aside: Option<String>,
}

impl<'a> Account<'a> {
    fn new(headers: &'a [String], line: u64) -> Self {
        let fates = vec![Fate::default(); headers.len()];
        Account {
            headers,
            line,
            fates,
            problems: Vec::new(),
            set_aside: Vec::new(),
        }
    }

    fn name(&self, place: usize) -> &'a str {
        self.headers
            .get(place)
            .map(String::as_str)
            .unwrap_or_default()
    }

    fn settle(&mut self, place: usize) {
        if let Some(fate) = self.fates.get_mut(place) {
            fate.settled = true;
        }
    }

    fn report(&mut self, place: usize, value: &str, rule: impl Into<String>) {
        self.settle(place);
        self.problems
            .push(Problem::new(self.line, self.name(place), value, rule));
    }

    /// A wording that says nothing; `at_once` counts it whatever else takes the cell.
    fn lay_aside(&mut self, place: usize, reason: String, at_once: bool) {
        let column = self.name(place).to_owned();
        match self.fates.get_mut(place) {
            Some(fate) if !at_once => fate.aside = Some(reason),
            _ => self.set_aside.push(SetAside { column, reason }),
        }
    }

    /// The cells below the header as they are kept; what is lost on the way is reported.
    fn clean(&mut self, plan: &Plan, row: &Row) -> Vec<String> {
        let mut cells = Vec::with_capacity(plan.columns.len());
        for (place, cell) in row.cells.iter().take(plan.columns.len()).enumerate() {
            let (text, controls) = clean(cell);
            let used = matches!(plan.columns.get(place), Some(Use::Field | Use::Key));
            if controls && used {
                self.report(
                    place,
                    &text,
                    "control characters (such as NUL) were left out",
                );
            }
            if used && text.contains('\u{fffd}') {
                let rule = "“�” stands for signs lost before: save the file as UTF-8 again";
                self.problems.push(Problem::new(
                    self.line,
                    self.name(place),
                    &around_lost(&text),
                    rule,
                ));
            }
            cells.push(text);
        }
        cells
    }

    /// Accounts for the cells that no field has taken.
    fn close(&mut self, plan: &Plan, row: &Row, cells: &[String]) {
        for (place, text) in cells.iter().enumerate().filter(|(_, text)| !is_empty(text)) {
            let fate = self
                .fates
                .get_mut(place)
                .map(std::mem::take)
                .unwrap_or_default();
            let reason = match (plan.columns.get(place), fate.aside) {
                _ if fate.settled => continue,
                (Some(Use::Ignored(reason)), _) => (*reason).to_owned(),
                (_, Some(reason)) => reason,
                (Some(Use::Key), _) => continue,
                _ => {
                    self.report(
                        place,
                        text,
                        "the mapping neither uses nor ignores this column",
                    );
                    continue;
                }
            };
            self.set_aside.push(SetAside {
                column: self.name(place).to_owned(),
                reason,
            });
        }
        let extra = row
            .cells
            .iter()
            .skip(plan.columns.len())
            .filter(|cell| !is_empty(cell));
        let extra: Vec<&str> = extra.map(AsRef::as_ref).collect();
        if !extra.is_empty() {
            let (most, count) = (plan.columns.len(), row.cells.len());
            let rule = format!("the row has {count} cells, the header {most}: remove the rest");
            let value = extra.join(" | ");
            self.problems.push(Problem::new(
                self.line,
                "(after the last column)",
                &value,
                rule,
            ));
        }
    }

    /// Leaves out what the kind's rules refuse.
    fn checked(&mut self, plan: &Plan, check: &Check, mut document: Value) -> Value {
        // Leaving one field out may make another one wrong; a document has fewer rounds than
        // fields, and nearly always one.
        let mut gone = Vec::new();
        for _ in 0..=plan.fields.len() {
            let faults = check(&document);
            let Some(object) = document.as_object_mut().filter(|_| !faults.is_empty()) else {
                break;
            };
            let before = object.len();
            let mut left = Vec::new();
            for (name, message) in faults {
                let Some(value) = object.remove(&name) else {
                    if !gone.contains(&name) {
                        left.push(Problem::new(self.line, "", &name, message));
                    }
                    continue;
                };
                let planned = plan.fields.iter().find(|one| one.field.name == name);
                let column = planned
                    .map(|one| one.column_names(self.headers))
                    .unwrap_or_default();
                let rule = format!("`{name}` left out: {message}");
                self.problems
                    .push(Problem::new(self.line, &column, &plain(&value), rule));
                gone.push(name);
            }
            if object.len() == before {
                self.problems.extend(left);
                break;
            }
        }
        document
    }

    fn refuse_untitled(mut self, plan: &Plan) -> Refused {
        let title = plan.fields.iter().find(|one| one.field.name == "title");
        let column = title
            .map(|one| one.column_names(self.headers))
            .unwrap_or_default();
        let rule = "a record needs a title: fill this cell";
        self.problems
            .push(Problem::new(self.line, &column, "", rule));
        Refused {
            line: self.line,
            problems: self.problems,
        }
    }
}

/// The text near the first sign that was lost.
fn around_lost(text: &str) -> String {
    let before = text.chars().take_while(|sign| *sign != '\u{fffd}').count();
    match before.saturating_sub(30) {
        0 => text.to_owned(),
        skipped => format!("…{}", text.chars().skip(skipped).collect::<String>()),
    }
}

/// The value of one field from its columns.
fn fill(planned: &Planned, cells: &[String], account: &mut Account) -> Option<Value> {
    let mut read = Vec::new();
    for (place, label) in &planned.columns {
        let text = cells.get(*place).map(String::as_str).unwrap_or_default();
        if is_empty(text) {
            continue;
        }
        let reading = cell::read(planned.field, planned.how, text);
        for (value, rule) in &reading.faults {
            account.report(*place, value, rule.as_str());
        }
        // Of a cell with several parts, those that say nothing are counted beside the others.
        let mixed = !reading.values.is_empty() || !reading.faults.is_empty();
        for reason in reading.asides {
            account.lay_aside(*place, reason, mixed);
        }
        if !reading.values.is_empty() {
            account.settle(*place);
            read.push((*place, *label, reading.values));
        }
    }
    match planned.field.shape {
        Shape::List => list(read),
        Shape::Line | Shape::Text if planned.how.join.is_some() => joined(planned, read, account),
        Shape::Line | Shape::Text => first(planned, read, account, true),
        _ => first(planned, read, account, false),
    }
}

type Read<'a> = Vec<(usize, Option<&'a str>, Vec<Value>)>;

/// All values of all columns, each once.
fn list(read: Read) -> Option<Value> {
    let mut members = Vec::new();
    for value in read.into_iter().flat_map(|(_, _, values)| values) {
        if !members.contains(&value) {
            members.push(value);
        }
    }
    (!members.is_empty()).then_some(Value::Array(members))
}

/// The first column that gives a value; what others give besides is reported.
fn first(planned: &Planned, read: Read, account: &mut Account, text: bool) -> Option<Value> {
    let mut taken: Option<(usize, Value)> = None;
    for (place, label, values) in read {
        let value = if text {
            Some(Value::from(labelled(label, &values, "; ")))
        } else {
            values.first().cloned()
        };
        let surplus = if text {
            &[][..]
        } else {
            values.get(1..).unwrap_or_default()
        };
        for other in surplus
            .iter()
            .filter(|other| Some(*other) != value.as_ref())
        {
            let rule = format!(
                "`{}` holds one value: the first was taken",
                planned.field.name
            );
            account.report(place, &plain(other), rule);
        }
        match (&taken, value) {
            (None, Some(value)) => taken = Some((place, value)),
            (Some((from, has)), Some(value)) if *has != value => {
                let (name, from) = (&planned.field.name, account.name(*from));
                let rule = format!("`{name}` is already filled from “{}”", shorten(from, 80));
                account.report(place, &plain(&value), rule);
            }
            _ => {}
        }
    }
    let (place, value) = taken?;
    let Value::String(text) = value else {
        return Some(value);
    };
    let mut room = planned.most();
    let text = fitted(planned, place, &text, &mut room, account);
    (!text.is_empty()).then_some(Value::from(text))
}

/// One text from several columns, as far as there is room.
fn joined(planned: &Planned, read: Read, account: &mut Account) -> Option<Value> {
    let join = planned.how.join.as_deref().unwrap_or_default();
    let mut room = planned.most();
    let mut whole = String::new();
    for (place, label, values) in read {
        let between = if whole.is_empty() { "" } else { join };
        let text = labelled(
            label,
            &values,
            if planned.columns.len() > 1 {
                "; "
            } else {
                join
            },
        );
        let mut left = room.saturating_sub(between.chars().count());
        let text = fitted(planned, place, &text, &mut left, account);
        if !text.is_empty() {
            whole.push_str(between);
            whole.push_str(&text);
            room = left;
        }
    }
    (!whole.is_empty()).then_some(Value::from(whole))
}

fn labelled(label: Option<&str>, values: &[Value], between: &str) -> String {
    let text = match values {
        [Value::String(text)] => text.clone(),
        values => values.iter().map(plain).collect::<Vec<_>>().join(between),
    };
    match label {
        Some(label) => format!("{label}: {text}"),
        None => text,
    }
}

/// As much of the text as there is room for; what does not fit is reported.
fn fitted(
    planned: &Planned,
    place: usize,
    text: &str,
    room: &mut usize,
    account: &mut Account,
) -> String {
    let length = text.chars().count();
    if length <= *room {
        *room -= length;
        return text.to_owned();
    }
    let (name, most) = (&planned.field.name, planned.most());
    if planned.how.too_long == TooLong::Refuse || *room < 2 {
        account.report(
            place,
            text,
            format!("`{name}` holds {most} characters: left out"),
        );
        return String::new();
    }
    let rule = format!("`{name}` holds {most} characters: the end was cut off");
    account.report(place, text, rule);
    let mut head: String = text.chars().take(*room - 1).collect();
    head.push('…');
    *room = 0;
    head
}

#[cfg(test)]
mod tests {
    use super::super::{Layout, Mapping, Report, Table, Taken, fields_of};
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn kind() -> Value {
        json!({ "properties": {
            "title": { "type": "string", "maxLength": 20 },
            "purpose": { "type": "string", "x-widget": "textarea", "maxLength": 60 },
            "topic": { "type": "string" },
            "lifecycle": { "type": "string", "enum": ["planned", "live"] },
            "uses": { "type": "array", "items": { "enum": ["drafting", "search"] } },
            "started_on": { "type": "string", "format": "date" },
            "asked": { "type": "boolean" },
        }})
    }

    fn mapping(about: Value) -> Value {
        let mut mapping = json!({
            "format": 1, "kind": "use_case", "title": "T", "source": "s", "key": ["Name"],
            "fields": { "title": { "column": "Name" } }
        });
        for (key, value) in about.as_object().unwrap() {
            mapping[key] = value.clone();
        }
        mapping["fields"]["title"] = json!({ "column": "Name" });
        mapping
    }

    fn import(csv: &str, about: Value, check: &Check) -> Vec<Result<Mapped, Refused>> {
        let mapping = Mapping::load("m", &mapping(about).to_string()).unwrap();
        let table = Table::open(csv.as_bytes().to_vec(), &Layout::default()).unwrap();
        let fields = fields_of(&kind());
        let plan = mapping.fit(&table, &fields).unwrap();
        map_rows(&plan, check).collect()
    }

    fn rows(csv: &str, about: Value) -> Vec<Result<Mapped, Refused>> {
        import(csv, about, &|_| Vec::new())
    }

    fn row(csv: &str, about: Value) -> Mapped {
        rows(csv, about).remove(0).unwrap()
    }

    fn told(problem: &Problem) -> (u64, &str, &str, &str) {
        (problem.line, &problem.column, &problem.value, &problem.rule)
    }

    #[test]
    fn a_row_becomes_a_document_with_only_the_fields_that_have_a_value() {
        let about = json!({ "fields": {
            "lifecycle": { "column": "Stage", "values": { "In use": "live" } },
            "uses": { "columns": ["Uses", "More"], "split": ";" },
            "asked": { "column": "Asked" },
            "started_on": { "column": "Since", "dates": "%d.%m.%Y" },
            "topic": { "const": "Public" },
        }});
        let csv = "Name;Stage;Uses;More;Asked;Since\n\
                   X;In\u{a0}Use ;\"Search; drafting\";search;;1.2.2024\n";
        let mapped = row(csv, about);
        let expected = json!({
            "title": "X", "lifecycle": "live", "uses": ["search", "drafting"],
            "started_on": "2024-02-01", "topic": "Public"
        });
        assert_eq!(mapped.document, expected);
        assert_eq!((mapped.key.as_str(), mapped.line), ("s:X", 2));
        assert_eq!(mapped.problems, []);
    }

    #[test]
    fn a_cell_that_is_not_taken_is_named_by_line_column_value_and_rule() {
        let about = json!({ "fields": {
            "lifecycle": { "column": "Stage", "values": { "In use": "live" } }
        }});
        let csv = "Name,Stage,Extra\n\"two\nlines\",Not in use,e\n";
        let mapped = row(csv, about);
        let problems: Vec<_> = mapped.problems.iter().map(told).collect();
        assert_eq!(problems[0].0, 2);
        assert_eq!((problems[0].1, problems[0].2), ("Stage", "Not in use"));
        assert!(
            problems[0]
                .3
                .starts_with("`lifecycle` must be one of: planned, live")
        );
        assert_eq!((problems[1].1, problems[1].2), ("Extra", "e"));
    }

    #[test]
    fn cells_set_aside_are_counted_with_the_reason() {
        let about = json!({
            "blank": ["n/a"], "ignore": { "Mail": "not public" },
            "fields": { "topic": { "column": "Topic" } }
        });
        let mapped = row("Name,Topic,Mail\nX, N/A ,m@x.org\n", about);
        let asides: Vec<_> = mapped
            .set_aside
            .iter()
            .map(|one| (one.column.as_str(), one.reason.as_str()))
            .collect();
        let expected = [
            ("Topic", "“n/a” counts as not given"),
            ("Mail", "not public"),
        ];
        assert_eq!((asides, mapped.problems.len()), (expected.to_vec(), 0));
    }

    #[test]
    fn a_column_that_one_field_takes_is_still_reported_when_another_cannot() {
        let about = json!({ "fields": {
            "lifecycle": { "column": "Stage", "values": { "A": "live", "B": null } },
            "purpose": { "columns": [{ "column": "Stage", "label": "Stage" }], "join": "\n" },
        }});
        let mapped = rows("Name,Stage\nX,C\nY,B\n", about);
        let (first, second) = (mapped[0].as_ref().unwrap(), mapped[1].as_ref().unwrap());
        assert_eq!(first.document["purpose"], "Stage: C");
        assert_eq!(first.problems.len(), 1);
        assert_eq!((second.problems.len(), second.set_aside.len()), (0, 0));
    }

    #[test]
    fn ragged_rows_lose_nothing_without_a_word() {
        let mapped = rows(
            "Name,Topic\nX\nY,t,more,,\" and more\"\n",
            json!({
                "fields": { "topic": { "column": "Topic" } }
            }),
        );
        assert_eq!(
            mapped[0].as_ref().unwrap().document,
            json!({ "title": "X" })
        );
        let problem = &mapped[1].as_ref().unwrap().problems[0];
        assert_eq!(told(problem).2, "more | and more");
        assert!(problem.rule.contains("5 cells, the header 2"));
    }

    #[test]
    fn text_that_is_too_long_is_cut_or_left_out_and_reported_where_it_stands() {
        let about = json!({ "fields": { "purpose": {
            "columns": ["A", { "column": "B", "label": "B" }, "C"], "join": "\n"
        }}});
        let csv = format!(
            "Name,A,B,C\n{},{},{},c\n",
            "n".repeat(30),
            "a".repeat(40),
            "b".repeat(40)
        );
        let mapped = row(&csv, about.clone());
        assert_eq!(mapped.title, format!("{}…", "n".repeat(19)));
        let purpose = mapped.document["purpose"].as_str().unwrap();
        assert_eq!(
            purpose,
            format!("{}\nB: {}…", "a".repeat(40), "b".repeat(15))
        );
        let columns: Vec<&str> = mapped
            .problems
            .iter()
            .map(|one| one.column.as_str())
            .collect();
        assert_eq!(columns, ["B", "C", "Name"]);
        let mut about = about;
        about["fields"]["purpose"]["too_long"] = json!("refuse");
        let mapped = row(&csv, about);
        assert_eq!(mapped.document["purpose"], format!("{}\nc", "a".repeat(40)));
    }

    #[test]
    fn the_first_of_several_columns_counts_and_another_answer_is_reported() {
        let about = json!({ "fields": {
            "started_on": { "columns": ["Live", "Pilot"], "dates": "%Y-%m-%d" }
        }});
        let csv = "Name,Live,Pilot\nX,2024-01-02,2023-01-02\nY,,2023-01-02\nZ,soon,2023-01-02\n";
        let mapped: Vec<Mapped> = rows(csv, about).into_iter().map(Result::unwrap).collect();
        assert_eq!(mapped[0].document["started_on"], "2024-01-02");
        assert!(
            mapped[0].problems[0]
                .rule
                .contains("already filled from “Live”")
        );
        assert_eq!(
            (&mapped[1].document["started_on"], mapped[1].problems.len()),
            (&json!("2023-01-02"), 0)
        );
        assert_eq!(
            (&mapped[2].document["started_on"], mapped[2].problems.len()),
            (&json!("2023-01-02"), 1)
        );
    }

    #[test]
    fn what_the_kinds_rules_refuse_is_left_out_and_the_rest_is_taken() {
        let about = json!({ "fields": { "topic": { "column": "Topic" } } });
        let check = |document: &Value| match document.get("topic") {
            Some(topic) if topic == "bad" => {
                vec![("topic".to_owned(), "is not known".to_owned())]
            }
            _ => Vec::new(),
        };
        let mapped = import("Name,Topic\nX,bad\n", about, &check)
            .remove(0)
            .unwrap();
        assert_eq!(mapped.document, json!({ "title": "X" }));
        assert_eq!(
            told(&mapped.problems[0]),
            (2, "Topic", "bad", "`topic` left out: is not known")
        );
    }

    #[test]
    fn a_complaint_about_no_field_in_particular_is_told_and_the_row_is_taken() {
        let check = |_: &Value| vec![(String::new(), "is too large".to_owned())];
        let mapped = import("Name\nX\n", json!({}), &check).remove(0).unwrap();
        assert_eq!(told(&mapped.problems[0]), (2, "", "", "is too large"));
    }

    #[test]
    fn a_row_without_a_title_is_refused_and_a_check_that_never_ends_is_not_believed() {
        let refused = rows("Name,Topic\n ,t\n", json!({})).remove(0).unwrap_err();
        assert_eq!(
            refused.problems.last().unwrap().rule,
            "a record needs a title: fill this cell"
        );
        let check = |_: &Value| vec![("title".to_owned(), "is ugly".to_owned())];
        let refused = import("Name\nX\n", json!({}), &check)
            .remove(0)
            .unwrap_err();
        assert_eq!(refused.problems.len(), 2);
    }

    #[test]
    fn rows_that_are_no_records_are_refused_with_their_line() {
        let csv = format!(
            "Name,Topic\nName, Topic \n\"{}\",x\nok,\n",
            "y".repeat(MAX_CELL + 1)
        );
        let mapped = rows(
            &csv,
            json!({ "fields": { "topic": { "column": "Topic" } } }),
        );
        assert!(
            mapped[0].as_ref().unwrap_err().problems[0]
                .rule
                .contains("repeats the header")
        );
        let long = &mapped[1].as_ref().unwrap_err().problems[0];
        assert_eq!((long.line, long.column.as_str()), (3, "Name"));
        assert!(long.value.chars().count() <= 80);
        assert!(mapped[2].is_ok());
    }

    #[test]
    fn control_characters_are_left_out_and_lost_signs_are_named() {
        let lost = format!("Name\n{}\u{fffd}b\n", "a ".repeat(100));
        assert!(row(&lost, json!({})).problems[0].value.contains('\u{fffd}'));
        let mapped = row("Name\na\u{0}b \u{fffd}\n", json!({}));
        assert_eq!(mapped.title, "ab \u{fffd}");
        assert_eq!(mapped.problems.len(), 2);
    }

    #[test]
    fn a_second_row_of_the_same_key_is_refused_or_numbered_as_the_mapping_says() {
        let csv = "Name,Topic\nX,\n x ,\nX,\n";
        let refused = rows(csv, json!({ "ignore": { "Topic": "t" } }))
            .remove(2)
            .unwrap_err();
        assert!(
            refused.problems[0]
                .rule
                .starts_with("line 2 has the same key")
        );
        let about = json!({ "ignore": { "Topic": "t" }, "repeated_keys": "number" });
        let keys: Vec<String> = rows(csv, about)
            .into_iter()
            .map(|one| one.unwrap().key)
            .collect();
        assert_eq!(keys, ["s:X", "s:x", "s:X|#2"]);
    }

    #[test]
    fn the_report_counts_rows_and_groups_what_was_not_taken() {
        let about = json!({
            "fields": { "asked": { "column": "Asked" } }, "ignore": { "Mail": "not public" }
        });
        let mut report = Report::default();
        for mapped in rows("Name,Asked,Mail\nA,maybe,m\n,yes,m\nB,maybe,m\n", about) {
            match mapped {
                Ok(row) => report.take(&row, Taken::Created),
                Err(refused) => report.refuse(refused),
            }
        }
        assert_eq!((report.read, report.created, report.refused), (3, 2, 1));
        assert_eq!((report.problems.len(), report.ignored[0].cells), (3, 2));
        let text = report.to_string();
        assert!(text.contains("lines 2, 4\n    Asked: “maybe”\n    `asked` must be true or false"));
        assert!(text.contains("2 × not public (Mail)"), "{text}");
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["problems"][0]["column"], "Asked");
        let names: Vec<&String> = json.as_object().unwrap().keys().collect();
        let expected = [
            "created",
            "ignored",
            "problems",
            "read",
            "refused",
            "revised",
            "unchanged",
        ];
        assert_eq!(names, expected);
    }

    fn everything() -> Value {
        json!({
            "repeated_keys": "number", "blank": ["na"], "ignore": { "Off": "not needed" },
            "fields": {
                "lifecycle": { "column": "Stage", "values": { "a": "live", "b": null } },
                "uses": { "column": "Uses", "split": [";", "json"] },
                "started_on": { "column": "Since", "dates": ["%Y-%m-%d", "%b-%y"] },
                "purpose": { "columns": ["Why", "Stage"], "join": "; " },
            }
        })
    }

    proptest! {
        #[test]
        fn every_cell_that_is_not_empty_is_taken_reported_or_set_aside(
            cells in proptest::collection::vec(
                proptest::collection::vec(
                    "(a|b|na|drafting;x|2024-01-01|Jan-24|a\u{0}b|[ab \u{a0}]{0,70}|\\PC{0,9})",
                    0..9,
                ),
                1..6,
            )
        ) {
            let columns = ["Name", "Stage", "Uses", "Since", "Why", "Off", "Extra"];
            let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
            writer.write_record(columns).unwrap();
            cells.iter().for_each(|row| writer.write_record(row).unwrap());
            let csv = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            prop_assume!(Table::open(csv.clone().into_bytes(), &Layout::default()).is_ok());
            for (mapped, cells) in rows(&csv, everything()).iter().zip(
                cells.iter().filter(|row| !row.iter().all(|cell| is_empty(cell))),
            ) {
                let Ok(mapped) = mapped else { continue };
                for (place, cell) in cells.iter().enumerate().filter(|(_, cell)| !is_empty(cell)) {
                    let column = columns.get(place).copied().unwrap_or("(after the last column)");
                    let reported = mapped.problems.iter().any(|one| one.column == column);
                    let aside = mapped.set_aside.iter().any(|one| one.column == column);
                    let document = mapped.document.to_string();
                    let text = serde_json::to_string(&clean(cell).0).unwrap();
                    let taken = document.contains(text.trim_matches('"'))
                        || document.contains(&super::super::text::collapse(cell))
                        || (place == 1 && mapped.document.get("lifecycle").is_some())
                        || (place == 2 && mapped.document.get("uses").is_some())
                        || (place == 3 && mapped.document.get("started_on").is_some());
                    prop_assert!(reported || aside || taken, "{} {:?} {:?}", column, cell, mapped);
                }
            }
        }
    }
}

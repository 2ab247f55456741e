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

    fn lay_aside(&mut self, place: usize, reason: String) {
        if let Some(fate) = self.fates.get_mut(place) {
            fate.aside = Some(reason);
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
                self.problems
                    .push(Problem::new(self.line, self.name(place), &text, rule));
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
        for _ in 0..=plan.fields.len() {
            let faults = check(&document);
            let Some(object) = document.as_object_mut().filter(|_| !faults.is_empty()) else {
                break;
            };
            let before = object.len();
            for (name, message) in faults {
                let Some(value) = object.remove(&name) else {
                    continue;
                };
                let planned = plan.fields.iter().find(|one| one.field.name == name);
                let column = planned
                    .map(|one| one.column_names(self.headers))
                    .unwrap_or_default();
                let rule = format!("`{name}` left out: {message}");
                self.problems
                    .push(Problem::new(self.line, &column, &plain(&value), rule));
            }
            if object.len() == before {
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
        if let Some(reason) = reading.asides.into_iter().next() {
            account.lay_aside(*place, reason);
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

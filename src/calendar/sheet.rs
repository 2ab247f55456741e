//! A calendar as the form on the page asks it: text that people type, read back into a document
//! with what is wrong at the field it was typed in.

use super::{Calendar, Document, Hours, WEEKDAYS};
use crate::error::{Error, Result};
use crate::form::{FieldError, Form};
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

const SCHEMA: &str = include_str!("../../schemas/calendar/form.json");
const HOURS_LIKE: &str = "write hours such as 09:00–12:30, 13:30–17:30";
const DAY_LIKE: &str = "write the day and its name, such as 2027-01-01 New Year";
/// How many wrong lines are told at once.
const MAX_WRONG: usize = 20;

static FORM: LazyLock<Option<Form>> = LazyLock::new(|| {
    let schema = serde_json::from_str(SCHEMA).ok()?;
    Form::parse(&schema).ok()
});

/// The form.
///
/// # Errors
/// When its schema is broken, which the tests rule out.
pub fn form() -> Result<&'static Form> {
    let broken = || Error::Configuration("schemas/calendar/form.json is broken".to_owned());
    FORM.as_ref().ok_or_else(broken)
}

/// Hours as people read and type them: `09:00–12:30, 13:30–17:30`.
pub fn in_words(hours: &[Hours]) -> String {
    let time = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
    let hours = hours
        .iter()
        .map(|hours| format!("{}–{}", time(hours.from), time(hours.to)));
    hours.collect::<Vec<_>>().join(", ")
}

/// A calendar as answers of the form.
pub fn answers(calendar: &Calendar) -> Value {
    let mut answers = Map::new();
    answers.insert("key".to_owned(), json!(calendar.key));
    answers.insert("title".to_owned(), json!(calendar.title));
    answers.insert(
        "zone".to_owned(),
        json!(calendar.zone.iana_name().unwrap_or("UTC")),
    );
    for (weekday, (key, _)) in WEEKDAYS.into_iter().enumerate() {
        let hours = calendar.week.hours(weekday);
        answers.insert(key.to_owned(), json!(in_words(hours)));
    }
    let days = calendar
        .holidays
        .iter()
        .map(|(date, name)| format!("{date} {name}"));
    answers.insert(
        "holidays".to_owned(),
        json!(days.collect::<Vec<_>>().join("\n")),
    );
    if let Some(until) = calendar.stated_until {
        answers.insert("holidays_stated_until".to_owned(), json!(until.to_string()));
    }
    answers.retain(|_, value| value != "");
    Value::Object(answers)
}

/// The document that answers say.
///
/// # Errors
/// What is wrong, at the fields of the form.
pub fn document(answers: &Value) -> Result<Value> {
    let text = |name: &str| {
        answers
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let mut wrong = Vec::new();
    let mut week = Map::new();
    for (key, name) in WEEKDAYS {
        match read_hours(text(key)) {
            Ok(hours) if hours.is_empty() => {}
            Ok(hours) => drop(week.insert(key.to_owned(), json!(hours))),
            Err(part) => wrong.push(error(
                key,
                format!("{name}: “{part}” is no time: {HOURS_LIKE}"),
            )),
        }
    }
    let holidays = read_days(text("holidays"), &mut wrong);
    if !wrong.is_empty() {
        return Err(Error::Invalid(wrong));
    }
    let mut document = json!({
        "key": text("key"), "title": text("title"), "zone": text("zone"),
        "week": week, "holidays": holidays,
    });
    let until = text("holidays_stated_until");
    if let (false, Some(members)) = (until.is_empty(), document.as_object_mut()) {
        members.insert("holidays_stated_until".to_owned(), json!(until));
    }
    match Document::read(&document) {
        Ok(_) => Ok(document),
        Err(errors) => {
            let lines = days(text("holidays"));
            let lines: Vec<usize> = lines.map(|(line, _)| line).collect();
            let errors = errors.into_iter().map(|error| at_field(error, &lines));
            Err(Error::Invalid(errors.collect()))
        }
    }
}

fn error(field: &str, message: String) -> FieldError {
    FieldError::new(field, "other", message)
}

/// `9:00-12:30, 13:30 – 17:30` as pairs of times; else the part that is none.
fn read_hours(typed: &str) -> std::result::Result<Vec<[String; 2]>, String> {
    let parts = typed
        .split([',', ';'])
        .map(str::trim)
        .filter(|part| !part.is_empty());
    let pair = |part: &str| {
        let (from, to) = part.split_once(['–', '-', '—'])?;
        Some([time(from.trim())?, time(to.trim())?])
    };
    let told = |part: &str| part.chars().take(40).collect::<String>();
    parts
        .map(|part| pair(part).ok_or_else(|| told(part)))
        .collect()
}

/// A time with two digits each; whether there is such a time is for the document to say.
fn time(typed: &str) -> Option<String> {
    let (hour, minute) = typed.split_once(':')?;
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let fits = (1..=2).contains(&hour.len()) && minute.len() == 2;
    (fits && digits(hour) && digits(minute)).then(|| format!("{hour:0>2}:{minute}"))
}

/// The lines that hold a day, with their numbers from 1.
fn days(typed: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = typed
        .lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line.trim()));
    lines.filter(|(_, line)| !line.is_empty())
}

fn read_days(typed: &str, wrong: &mut Vec<FieldError>) -> Vec<Value> {
    let mut holidays = Vec::new();
    for (line, text) in days(typed) {
        match text.split_once(char::is_whitespace) {
            Some((date, name)) => holidays.push(json!({"date": date, "name": name.trim()})),
            None if wrong.len() < MAX_WRONG => {
                let message = format!("Holidays, line {line}: {DAY_LIKE}");
                wrong.push(error("holidays", message));
            }
            None => {}
        }
    }
    holidays
}

/// What is wrong in the document, as somebody reads it who sees the form.
fn at_field(error: FieldError, lines: &[usize]) -> FieldError {
    let places: Vec<&str> = error.pointer.split('/').skip(1).collect();
    let (field, about) = match places.as_slice() {
        ["week", key, ..] => {
            let name = WEEKDAYS
                .iter()
                .find(|(other, _)| other == key)
                .map_or("", |(_, name)| name);
            (*key, name.to_owned())
        }
        ["week"] => ("mon", "Working hours".to_owned()),
        ["holidays", index, ..] => {
            let line = index.parse().ok().and_then(|index: usize| lines.get(index));
            let line = line.map_or(String::new(), |line| format!(", line {line}"));
            ("holidays", format!("Holidays{line}"))
        }
        ["zone"] => ("zone", "Time zone".to_owned()),
        ["key"] => ("key", "Short name".to_owned()),
        [field, ..] => (*field, field.replace('_', " ")),
        [] => ("", "The calendar".to_owned()),
    };
    let message = format!("{about}: {}", error.message.replace('`', ""));
    FieldError::new(field, error.rule, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head_office() -> Value {
        let text = include_str!("../../templates/calendars/head_office.json");
        answers(&Document::load("head_office.json", text).unwrap().calendar)
    }

    fn typed(changes: &[(&str, &str)]) -> Value {
        let mut answers = head_office();
        for (name, value) in changes {
            answers[*name] = json!(value);
        }
        answers
    }

    fn wrong(changes: &[(&str, &str)]) -> Vec<(String, String)> {
        match document(&typed(changes)) {
            Err(Error::Invalid(errors)) => {
                errors.into_iter().map(|e| (e.field, e.message)).collect()
            }
            other => panic!("{changes:?}: {other:?}"),
        }
    }

    #[test]
    fn every_field_of_the_form_comes_back_as_the_same_calendar() {
        let answers = head_office();
        assert!(form().unwrap().check(&answers).is_empty());
        assert_eq!(answers["mon"], "09:00–12:30, 13:30–17:30");
        assert_eq!(answers["sat"], Value::Null);
        let again = Document::read(&document(&answers).unwrap()).unwrap();
        assert_eq!(super::answers(&again.calendar), answers);
        let shipped = include_str!("../../templates/calendars/head_office.json");
        let shipped = Document::load("head_office.json", shipped).unwrap();
        assert_eq!(again.calendar, shipped.calendar);
    }

    #[test]
    fn hours_are_read_as_people_type_them() {
        for hours in ["9:00-12:30,13:30-17:30", " 09:00 – 12:30 ; 13:30 — 17:30 ;"] {
            let document = document(&typed(&[("mon", hours)])).unwrap();
            assert_eq!(
                document["week"]["mon"],
                json!([["09:00", "12:30"], ["13:30", "17:30"]])
            );
        }
        let document = document(&typed(&[("mon", ""), ("sat", "0:00–24:00")])).unwrap();
        assert_eq!(document["week"].get("mon"), None);
        assert_eq!(document["week"]["sat"], json!([["00:00", "24:00"]]));
    }

    #[test]
    fn what_is_wrong_stands_at_its_field_in_words() {
        for (field, value, told) in [
            (
                "mon",
                "9-5",
                "Monday: “9-5” is no time: write hours such as 09:00–12:30",
            ),
            ("tue", "09:00", "Tuesday: “09:00” is no time"),
            ("wed", "25:00–26:00", "Wednesday: "),
            (
                "thu",
                "17:00–09:00",
                "Thursday: 17:00 to 09:00 does not end after it begins",
            ),
            (
                "fri",
                "09:00–12:00, 11:00–13:00",
                "Friday: 11:00 to 13:00 begins before",
            ),
            (
                "zone",
                "Europe/Bruxelles",
                "Time zone: Europe/Bruxelles is no time zone (did you mean",
            ),
            ("key", "new", "Short name: new is where the form"),
            (
                "holidays",
                "2027-01-01",
                "Holidays, line 1: write the day and its name",
            ),
            (
                "holidays",
                "2027-01-01 New Year\n\n2027-02-30 Never",
                "Holidays, line 3: 2027-02-30 is no day",
            ),
            ("holidays", "New Year 2027", "Holidays, line 1: "),
            (
                "holidays",
                "2027-01-01 New Year\n2027-01-01 Again",
                "Holidays, line 2: 2027-01-01 stands here twice, as “New Year” and as “Again”",
            ),
        ] {
            let all = wrong(&[(field, value)]);
            assert_eq!(all[0].0, field, "{all:?}");
            assert!(all[0].1.starts_with(told), "{all:?}");
        }
        let names = ["mon", "tue", "wed", "thu", "fri"].map(|name| (name, ""));
        assert_eq!(wrong(&names)[0].0, "mon");
    }

    #[test]
    fn a_thousand_wrong_lines_are_told_in_part() {
        let lines = "nonsense\n".repeat(1000);
        assert_eq!(wrong(&[("holidays", &lines)]).len(), MAX_WRONG);
    }
}

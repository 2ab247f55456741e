//! From the document of a calendar to the calendar, or to every reason why not, each with its
//! place and what would be right.

use super::week::{self, Hours, HoursFault, WEEKDAYS, Week};
use super::{Calendar, SCHEMA};
use crate::form::{FieldError, plain};
use crate::workflow::{Format, MAX_PROBLEMS, Problem, Source, did_you_mean};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The key under which the form for a new calendar is found.
const TAKEN_KEY: &str = "new";

/// More values than the fullest calendar has.
const MAX_VALUES: usize = 5000;

static FORMAT: LazyLock<Option<Format>> = LazyLock::new(|| Format::of(SCHEMA));

/// A document that was checked.
#[derive(Debug, Clone)]
pub struct Document {
    /// The calendar it says.
    pub calendar: Calendar,
    /// The document as canonical JSON (RFC 8785): what is kept and hashed.
    pub text: String,
    /// SHA-256 of the text in lower-case hex.
    pub hash: String,
}

/// The shape that the schema promises.
#[derive(Deserialize)]
struct Written {
    key: String,
    title: String,
    zone: String,
    week: BTreeMap<String, Vec<(String, String)>>,
    #[serde(default)]
    holidays: Vec<Day>,
    holidays_stated_until: Option<String>,
}

#[derive(Deserialize)]
struct Day {
    date: String,
    name: String,
}

impl Document {
    /// Reads a document.
    ///
    /// # Errors
    /// Everything that is wrong with it; `pointer` says where.
    pub fn read(document: &Value) -> Result<Document, Vec<FieldError>> {
        read(&Source::new("", "", ""), document)
            .map_err(|problems| problems.into_iter().map(as_field_error).collect())
    }

    /// Reads the text of a document. `file` names it in problems.
    ///
    /// # Errors
    /// As [`Document::read`], each with its line; and what is no JSON or has a key twice.
    pub fn load(file: &str, text: &str) -> Result<Document, Vec<Problem>> {
        let source = Source::new(file, text, "");
        let document = source.parse().map_err(|problem| vec![problem])?;
        read(&source, &document)
    }
}

fn as_field_error(problem: Problem) -> FieldError {
    let field = problem.place.split('/').nth(1).unwrap_or_default();
    FieldError {
        field: field.to_owned(),
        pointer: problem.place,
        rule: "other",
        message: problem.message,
    }
}

fn read(source: &Source, document: &Value) -> Result<Document, Vec<Problem>> {
    let broken = |message: &str| vec![source.value("", message)];
    let format = FORMAT
        .as_ref()
        .ok_or_else(|| broken("the schema of calendars is broken"))?;
    if values(document, MAX_VALUES + 1) > MAX_VALUES {
        return Err(broken(
            "this is too large for a calendar: at most 1000 holidays and 12 hours of a day fit",
        ));
    }
    let problems = format.problems(source, document);
    if !problems.is_empty() {
        return Err(problems);
    }
    let written: Written =
        serde_json::from_value(document.clone()).map_err(|e| broken(&e.to_string()))?;
    let calendar = Reading {
        source,
        problems: Vec::new(),
    }
    .calendar(&written)?;
    let text = serde_json_canonicalizer::to_string(document)
        .map_err(|e| broken(&format!("this cannot be kept: {e}")))?;
    let hash = hex::encode(Sha256::digest(text.as_bytes()));
    Ok(Document {
        calendar,
        text,
        hash,
    })
}

/// How many values a document has; the count stops at `most`.
fn values(document: &Value, most: usize) -> usize {
    let count = |so_far: usize, part: &Value| match so_far < most {
        true => so_far + values(part, most - so_far),
        false => so_far,
    };
    match document {
        Value::Array(items) => items.iter().fold(1, count),
        Value::Object(members) => members.values().fold(1, count),
        _ => 1,
    }
}

/// What was found wrong so far.
struct Reading<'a> {
    source: &'a Source<'a>,
    problems: Vec<Problem>,
}

impl Reading<'_> {
    fn wrong(&mut self, place: &str, message: impl Into<String>) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(self.source.value(place, message));
        }
    }

    fn calendar(mut self, written: &Written) -> Result<Calendar, Vec<Problem>> {
        if written.key == TAKEN_KEY {
            let message = "`new` is where the form for a new calendar is: take another key";
            self.wrong("/key", message);
        }
        self.one_line("/title", &written.title);
        let zone = self.zone(&written.zone);
        let week = self.week(&written.week);
        let holidays = self.holidays(&written.holidays);
        let until = written.holidays_stated_until.as_deref();
        let stated_until = until.and_then(|text| self.date("/holidays_stated_until", text));
        match (zone, week, self.problems.is_empty()) {
            (Some(zone), Some(week), true) => Ok(Calendar {
                key: written.key.clone(),
                title: written.title.clone(),
                zone,
                week,
                holidays,
                stated_until,
            }),
            _ => Err(self.problems),
        }
    }

    fn one_line(&mut self, place: &str, text: &str) {
        if plain(text) != text || text.contains('\n') {
            let message = "this has blanks at its ends, line breaks, or characters that cannot be \
                           shown: write one plain line";
            self.wrong(place, message);
        }
    }

    fn zone(&mut self, name: &str) -> Option<TimeZone> {
        let zone = TimeZone::get(name).ok().filter(|zone| !zone.is_unknown());
        if zone.is_none() {
            let known: Vec<String> = jiff::tz::db().available().map(|n| n.to_string()).collect();
            let hint = did_you_mean(name, known.iter().map(String::as_str));
            let message = format!(
                "`{name}` is no time zone{hint}; write an IANA name such as Europe/Brussels or UTC"
            );
            self.wrong("/zone", message);
        }
        zone
    }

    fn week(&mut self, written: &BTreeMap<String, Vec<(String, String)>>) -> Option<Week> {
        let before = self.problems.len();
        let week = WEEKDAYS.map(|(key, _)| {
            let day = written.get(key).map_or(&[][..], Vec::as_slice);
            self.day(&format!("/week/{key}"), day)
        });
        let sound = self.problems.len() == before;
        let week = Week::new(week);
        if sound && week.is_none() {
            let message = "nobody ever works in this week: give hours to at least one day, such \
                           as \"mon\": [[\"09:00\", \"17:00\"]]";
            self.wrong("/week", message);
        }
        week
    }

    fn day(&mut self, place: &str, written: &[(String, String)]) -> Vec<Hours> {
        let hours = written.iter().map(|(from, to)| Hours {
            from: minute(from),
            to: minute(to),
        });
        let hours: Vec<Hours> = hours.collect();
        for (index, fault) in week::faults(&hours) {
            let shown = written
                .get(index)
                .map(|(from, to)| format!("{from} to {to}"));
            let shown = shown.unwrap_or_default();
            let message = match fault {
                HoursFault::Reversed => format!(
                    "{shown} does not end after it begins: write the earlier time first; work over \
                     midnight is two, up to 24:00 and from 00:00 on the next day"
                ),
                HoursFault::Overlap => format!(
                    "{shown} begins before the hours in front of it end: write the hours of a day \
                     in their order, none overlapping"
                ),
            };
            self.wrong(&format!("{place}/{index}"), message);
        }
        hours
    }

    fn holidays(&mut self, written: &[Day]) -> BTreeMap<Date, String> {
        let mut holidays: BTreeMap<Date, String> = BTreeMap::new();
        for (index, day) in written.iter().enumerate() {
            self.one_line(&format!("/holidays/{index}/name"), &day.name);
            let place = format!("/holidays/{index}/date");
            let Some(date) = self.date(&place, &day.date) else {
                continue;
            };
            if let Some(other) = holidays.insert(date, day.name.clone()) {
                let message = format!(
                    "{date} stands here twice, as “{other}” and as “{}”: leave one out",
                    day.name
                );
                self.wrong(&place, message);
            }
        }
        holidays
    }

    fn date(&mut self, place: &str, text: &str) -> Option<Date> {
        let date = text.parse().ok();
        if date.is_none() {
            self.wrong(place, format!("{text} is no day of the calendar"));
        }
        date
    }
}

/// Minutes since midnight of `09:30`.
fn minute(text: &str) -> u16 {
    let (hour, minute) = text.split_once(':').unwrap_or_default();
    let number = |digits: &str| digits.parse::<u16>().unwrap_or(0);
    number(hour) * 60 + number(minute)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::time::Instant;

    const HEAD_OFFICE: &str = include_str!("../../templates/calendars/head_office.json");

    fn head_office() -> Value {
        serde_json::from_str(HEAD_OFFICE).unwrap()
    }

    /// The calendar of the head office with another value at a place.
    fn with(place: &str, value: Value) -> Value {
        let mut document = head_office();
        match document.pointer_mut(place) {
            Some(there) => *there = value,
            None => document[place.trim_start_matches('/')] = value,
        }
        document
    }

    fn refused(document: &Value) -> Vec<(String, String)> {
        let errors = Document::read(document).unwrap_err();
        errors
            .into_iter()
            .map(|error| (error.pointer, error.message))
            .collect()
    }

    #[test]
    fn the_calendar_that_ships_is_read_and_keeps_its_text() {
        let document = Document::load("head_office.json", HEAD_OFFICE).unwrap();
        assert_eq!(document.calendar.key, "head_office");
        assert_eq!(document.calendar.zone.iana_name(), Some("Europe/Brussels"));
        assert_eq!(document.calendar.holidays.len(), 30);
        let again = Document::load("stored", &document.text).unwrap();
        assert_eq!(
            (again.text, again.hash),
            (document.text.clone(), document.hash)
        );
        assert_eq!(
            serde_json::from_str::<Value>(&document.text).unwrap(),
            head_office()
        );
    }

    /// What is put where, where it is told, and in which words.
    const MISTAKES: &str = r#"
        /zone | "Europe/Bruxelles" | /zone | did you mean `Europe/Brussels`?
        /zone | "Etc/Unknown" | /zone | is no time zone
        /zone | "../../etc/passwd" | /zone | an IANA time zone
        /zone | 2 | /zone | an IANA time zone
        /key | "Head Office" | /key | lower-case letters
        /key | "new" | /key | another key
        /title | "" | /title | empty
        /title | "a\u202eb" | /title | one plain line
        /week | {} | /week | nobody ever works
        /week | {"mon": [], "sun": []} | /week | nobody ever works
        /week | {"monday": []} | /week/monday | the keys here are `fri`, `mon`
        /week/mon | [["17:00", "09:00"]] | /week/mon/0 | the earlier time first
        /week/mon | [["09:00", "09:00"]] | /week/mon/0 | does not end after
        /week/mon | [["09:00", "12:00"], ["11:59", "17:00"]] | /week/mon/1 | none overlapping
        /week/mon | [["13:00", "17:00"], ["09:00", "12:00"]] | /week/mon/1 | in their order
        /week/mon | [["9:00", "17:00"]] | /week/mon/0/0 | such as 09:00
        /week/mon | [["09:00", "24:01"]] | /week/mon/0/1 | 00:00 to 24:00
        /week/mon | [["09:00"]] | /week/mon/0 | begin and end
        /week/mon | "9-5" | /week/mon | an empty list for no work
        /holidays/0/date | "2027-02-29" | /holidays/0/date | no day
        /holidays/0/date | "1.1.2027" | /holidays/0/date | such as 2027-01-01
        /holidays/1/date | "2026-01-01" | /holidays/1/date | stands here twice
        /holidays/0/name | " New Year" | /holidays/0/name | one plain line
        /holidays/0 | {"date": "2027-01-01"} | /holidays/0 | `name` is missing
        /holidays_stated_until | "2027-13-01" | /holidays_stated_until | no day
        /holiday | [] | /holiday | did you mean `holidays`?
    "#;

    #[test]
    fn every_mistake_is_told_with_its_place_and_what_would_be_right() {
        for row in MISTAKES.trim().lines() {
            let parts: Vec<&str> = row.split(" | ").map(str::trim).collect();
            let value = serde_json::from_str(parts[1]).unwrap();
            let all = refused(&with(parts[0], value));
            assert_eq!(all.len(), 1, "{row}: {all:?}");
            assert_eq!(all[0].0, parts[2], "{row}");
            assert!(all[0].1.contains(parts[3]), "{row}: {}", all[0].1);
        }
        let title = json!("x".repeat(201));
        assert!(refused(&with("/title", title))[0].1.contains("at most 200"));
        for name in ["key", "title", "zone", "week"] {
            let mut document = head_office();
            document.as_object_mut().unwrap().remove(name);
            assert!(
                refused(&document)[0]
                    .1
                    .contains(&format!("`{name}` is missing"))
            );
        }
        assert_eq!(refused(&json!([]))[0].0, "");
    }

    #[test]
    fn a_file_is_refused_with_line_and_column() {
        let text = HEAD_OFFICE.replace("2026-04-06", "2026-01-01");
        let problems = Document::load("office.json", &text).unwrap_err();
        let line = text
            .lines()
            .position(|line| line.contains("Easter Monday"))
            .unwrap()
            + 1;
        let told = problems[0].to_string();
        assert!(told.starts_with(&format!("office.json:{line}:")), "{told}");
        let twice = Document::load("f", "{\"key\": \"a\",\n \"key\": \"b\"}").unwrap_err();
        assert_eq!(twice[0].line, 2);
    }

    #[test]
    fn the_smallest_calendar_of_the_documentation_is_one() {
        let page = include_str!("../../docs/calendars.md");
        let text = page
            .split("```json")
            .nth(1)
            .unwrap()
            .split("```")
            .next()
            .unwrap();
        let calendar = Document::load("calendars.md", text).unwrap().calendar;
        assert_eq!(
            (calendar.week.hours(1).len(), calendar.week.hours(0).len()),
            (2, 0)
        );
    }

    #[test]
    fn touching_hours_a_whole_day_and_no_holidays_are_fine() {
        let document = json!({"key": "k", "title": "T", "zone": "UTC", "week":
            {"mon": [["00:00", "12:00"], ["12:00", "24:00"]], "tue": []}});
        let calendar = Document::read(&document).unwrap().calendar;
        assert_eq!(calendar.week.hours(0).len(), 2);
        assert_eq!(calendar.holidays_until(), None);
    }

    #[test]
    fn a_hostile_document_is_refused_at_once() {
        let day = |n: i64| {
            let date = jiff::civil::date(2000, 1, 1).saturating_add(jiff::Span::new().days(n));
            json!({"date": date.to_string(), "name": "x".repeat(100)})
        };
        let many: Vec<Value> = (0..8000).map(day).collect();
        let wrong = vec![json!(["25:00", "99:99", null]); 50_000];
        let unknown: serde_json::Map<String, Value> = (0..50_000)
            .map(|n| (format!("holiday_{n}"), json!(n)))
            .collect();
        let mut deep = json!([]);
        (0..100).for_each(|_| deep = json!([deep]));
        let hostile = [
            with("/holidays", json!(many)),
            with("/week/mon", json!(wrong)),
            Value::Object(unknown),
            with("/week", deep),
            with("/zone", json!("A".repeat(500_000))),
        ];
        for document in hostile {
            let begun = Instant::now();
            let problems = refused(&document);
            assert!(
                !problems.is_empty() && problems.len() <= 60,
                "{}",
                problems.len()
            );
            let taken = begun.elapsed();
            assert!(taken.as_millis() < 1000, "{taken:?}: {:?}", problems[0]);
        }
        let full: Vec<Value> = (0..1000).map(day).collect();
        let begun = Instant::now();
        assert!(Document::read(&with("/holidays", json!(full))).is_ok());
        assert!(begun.elapsed().as_millis() < 1000);
        let thousand_twice: Vec<Value> = (0..1000).map(|_| day(0)).collect();
        assert_eq!(refused(&with("/holidays", json!(thousand_twice))).len(), 50);
    }
}

//! From a cell to a value of a field.

use jiff::fmt::strtime;
use serde_json::Value;

use super::fields::{Field, Shape};
use super::mapping::{FieldMapping, Otherwise};
use super::text::{collapse, fold, shorten};

/// What a cell gives: values, parts that are wrong, and why it says nothing.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Reading {
    pub values: Vec<Value>,
    /// Value as written, and what would be right.
    pub faults: Vec<(String, String)>,
    pub asides: Vec<String>,
}

enum Outcome {
    Is(Value),
    Instead(Value, String),
    Nothing(String),
    Wrong(String),
}

/// Reads a cell that is clean and not empty.
pub(crate) fn read(field: &Field, how: &FieldMapping, text: &str) -> Reading {
    let mut reading = Reading::default();
    let whole = how.blank.contains(&fold(text)) || how.exact(text).is_some();
    match if whole { None } else { how.parts(text) } {
        Some(parts) => parts
            .iter()
            .for_each(|part| reading.add(part, one(field, how, part))),
        None => reading.add(text, one(field, how, text)),
    }
    reading
}

impl Reading {
    fn add(&mut self, text: &str, outcome: Outcome) {
        match outcome {
            Outcome::Is(value) => self.values.push(value),
            Outcome::Instead(value, rule) => {
                self.values.push(value);
                self.faults.push((text.to_owned(), rule));
            }
            Outcome::Nothing(reason) => self.asides.push(reason),
            Outcome::Wrong(rule) => self.faults.push((text.to_owned(), rule)),
        }
    }
}

fn one(field: &Field, how: &FieldMapping, text: &str) -> Outcome {
    if how.blank.contains(&fold(text)) {
        return Outcome::Nothing(format!(
            "“{}” counts as not given",
            shorten(&fold(text), 40)
        ));
    }
    match how.known(text) {
        Some(Value::Null) => {
            let shown = shorten(&fold(text), 40);
            Outcome::Nothing(format!("“{shown}” says nothing for `{}`", field.name))
        }
        Some(value) => Outcome::Is(value.clone()),
        None if !how.dates.is_empty() => date(how, text),
        None if how.translates() => unknown(field, how, text),
        None => parsed(field, text),
    }
}

/// A wording that the mapping does not list.
fn unknown(field: &Field, how: &FieldMapping, text: &str) -> Outcome {
    match &how.otherwise {
        Otherwise::Refuse => Outcome::Wrong(format!(
            "`{}` must be {}; the mapping knows none for this wording: add it under values",
            field.name,
            field.wanted()
        )),
        Otherwise::Skip => Outcome::Nothing(format!(
            "wordings that the mapping skips for `{}`",
            field.name
        )),
        Otherwise::Keep => parsed(field, text),
        Otherwise::Value(value) => Outcome::Instead(
            value.clone(),
            format!(
                "taken as {value} for `{}`, as the mapping says of other wordings",
                field.name
            ),
        ),
    }
}

fn date(how: &FieldMapping, text: &str) -> Outcome {
    let line = collapse(text);
    let Some(day) = how.dates.iter().find_map(|format| day(format, &line)) else {
        let examples = how.dates.iter().filter_map(|format| example(format));
        let examples = examples.collect::<Vec<_>>().join(" or ");
        return Outcome::Wrong(format!("a date must exist and be written like {examples}"));
    };
    if day < how.earliest || day > how.latest {
        let (earliest, latest) = (how.earliest, how.latest);
        return Outcome::Wrong(format!("a date must lie between {earliest} and {latest}"));
    }
    Outcome::Is(Value::from(day.to_string()))
}

/// The last of March 2024 in that format; none when the format is not understood.
pub(crate) fn example(format: &str) -> Option<String> {
    let day = jiff::civil::date(2024, 3, 31)
        .to_zoned(jiff::tz::TimeZone::UTC)
        .ok()?;
    strtime::format(format, &day).ok()
}

/// A format without a day, or without a month, means the first.
fn day(format: &str, text: &str) -> Option<jiff::civil::Date> {
    let mut parsed = strtime::parse(format, text).ok()?;
    if let Ok(day) = parsed.to_date() {
        return Some(day);
    }
    let month = parsed.month().unwrap_or(1);
    let day = parsed.day().unwrap_or(1);
    if parsed.month().is_none() || parsed.day().is_none() {
        parsed.set_month(Some(month)).ok()?;
        parsed.set_day(Some(day)).ok()?;
    }
    parsed.to_date().ok()
}

/// A cell that is read as it stands.
fn parsed(field: &Field, text: &str) -> Outcome {
    let value = match field.shape {
        _ if !field.choices.is_empty() => {
            let same = |choice: &&String| fold(choice) == fold(text);
            field
                .choices
                .iter()
                .find(same)
                .map(|choice| Value::from(choice.as_str()))
        }
        Shape::Line | Shape::List => Some(Value::from(collapse(text))),
        Shape::Text => Some(Value::from(text)),
        Shape::Date => text
            .parse::<jiff::civil::Date>()
            .ok()
            .map(|day| day.to_string().into()),
        Shape::Integer => text.parse::<i64>().ok().map(Value::from),
        Shape::Number => text
            .parse::<f64>()
            .ok()
            .filter(|one| one.is_finite())
            .map(Value::from),
        Shape::Boolean => match fold(text).as_str() {
            "yes" | "true" => Some(Value::from(true)),
            "no" | "false" => Some(Value::from(false)),
            _ => None,
        },
    };
    match value {
        Some(value) => Outcome::Is(value),
        None => Outcome::Wrong(format!("`{}` must be {}", field.name, field.wanted())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::register::import::{Mapping, fields_of};
    use serde_json::json;

    fn reading(field: Value, how: Value, text: &str) -> Reading {
        let fields = fields_of(&json!({ "properties": { "it": field } }));
        let mut how = how;
        how["column"] = json!("B");
        let mapping = json!({
            "format": 1, "kind": "k", "title": "T", "source": "s", "key": "A", "blank": ["N/A"],
            "fields": { "title": { "column": "A" }, "it": how }
        });
        let mapping = Mapping::load("m", &mapping.to_string()).unwrap();
        let how = mapping.fields.iter().find(|one| one.name == "it").unwrap();
        read(&fields[0], how, text)
    }

    fn date(formats: Value, text: &str) -> Result<String, String> {
        let field = json!({ "type": "string", "format": "date" });
        let reading = reading(field, json!({ "dates": formats }), text);
        match reading.values.first() {
            Some(value) => Ok(value.as_str().unwrap().to_owned()),
            None => Err(reading.faults[0].1.clone()),
        }
    }

    #[test]
    fn dates_are_read_in_the_mappings_formats_only() {
        let formats = json!(["%m/%d/%Y", "%b-%y", "%Y"]);
        assert_eq!(date(formats.clone(), "7/4/2024").unwrap(), "2024-07-04");
        assert_eq!(date(formats.clone(), "Jan-03").unwrap(), "2003-01-01");
        assert_eq!(date(formats.clone(), " jul-25 ").unwrap(), "2025-07-01");
        assert_eq!(date(formats.clone(), "2023").unwrap(), "2023-01-01");
        let stamp = json!("%Y-%m-%dT%H:%M:%SZ");
        assert_eq!(date(stamp, "2025-06-26T07:39:09Z").unwrap(), "2025-06-26");
        let rule = date(formats.clone(), "31.12.2024").unwrap_err();
        assert_eq!(
            rule,
            "a date must exist and be written like 03/31/2024 or Mar-24 or 2024"
        );
        assert!(date(formats, "TBD").is_err());
    }

    #[test]
    fn dates_that_do_not_exist_or_cannot_be_are_reported() {
        assert!(
            date(json!("%m/%d/%Y"), "2/30/2024")
                .unwrap_err()
                .contains("must exist")
        );
        assert!(
            date(json!("%m/%d/%Y"), "13/1/2024")
                .unwrap_err()
                .contains("must exist")
        );
        let rule = date(json!("%m/%d/%Y"), "7/15/1905").unwrap_err();
        assert_eq!(rule, "a date must lie between 1950-01-01 and 2099-12-31");
        assert!(date(json!("%m/%d/%Y"), "10/1/20233").is_err());
    }

    #[test]
    fn each_part_of_a_cell_is_translated_and_the_unknown_part_alone_is_reported() {
        let field = json!({ "type": "array", "items": { "enum": ["age", "sex"] } });
        let how = json!({ "split": ["json", ";"], "values": { "Age": "age", "Sex": "sex" } });
        let reading = reading(field, how, r#"["Age","Shoe size","N/A","sex"]"#);
        assert_eq!(reading.values, [json!("age"), json!("sex")]);
        assert_eq!(reading.faults[0].0, "Shoe size");
        assert_eq!(reading.asides, ["“n/a” counts as not given"]);
    }

    #[test]
    fn a_cell_whose_whole_wording_is_known_does_not_come_apart() {
        let field = json!({ "type": "array", "items": { "enum": ["other", "mail"] } });
        let how = json!({
            "split": ",", "values": { "Other, please explain": "other", "Mail": "mail" }
        });
        assert_eq!(
            reading(field, how, "Other, please explain").values,
            [json!("other")]
        );
    }

    #[test]
    fn otherwise_decides_about_wordings_that_are_not_listed() {
        let with = |otherwise: Value| {
            let how = json!({ "values": { "A": "x" }, "otherwise": otherwise });
            reading(json!({ "type": "string" }), how, "B")
        };
        assert!(
            with(json!("refuse")).faults[0]
                .1
                .contains("add it under values")
        );
        assert_eq!(with(json!("keep")).values, [json!("B")]);
        assert_eq!(with(json!("skip")).asides.len(), 1);
        let other = with(json!({ "value": "x" }));
        assert_eq!((other.values.len(), other.faults.len()), (1, 1));
    }

    #[test]
    fn numbers_and_yes_or_no_are_read_as_such_or_refused_with_an_example() {
        let boolean = |text: &str| reading(json!({ "type": "boolean" }), json!({}), text);
        assert_eq!(boolean(" YES").values, [json!(true)]);
        assert_eq!(boolean("maybe").faults[0].1, "`it` must be true or false");
        let whole = reading(json!({ "type": "integer" }), json!({}), "12");
        assert_eq!(whole.values, [json!(12)]);
        assert!(
            reading(json!({ "type": "number" }), json!({}), "NaN")
                .values
                .is_empty()
        );
    }
}

//! Reading a mapping file, with messages that name the place and what would be right.

use std::collections::{BTreeMap, HashMap};

use jiff::civil::{Date, date};
use serde_json::{Map, Value};

use super::json;
use super::mapping::{
    Column, FieldMapping, From, Mapping, MappingProblem, Otherwise, RepeatedKeys, TooLong,
};
use super::table::Layout;
use super::text::{collapse, fold, hint};

const ROOT: [&str; 14] = [
    "$schema",
    "format",
    "kind",
    "title",
    "source",
    "header_row",
    "encoding",
    "delimiter",
    "key",
    "repeated_keys",
    "blank",
    "fields",
    "ignore",
    "description",
];
const FIELD: [&str; 14] = [
    "column",
    "columns",
    "const",
    "join",
    "split",
    "values",
    "starts_with",
    "otherwise",
    "dates",
    "earliest",
    "latest",
    "blank",
    "max_length",
    "too_long",
];
/// Dates outside of these are slips, such as a year that a spreadsheet took for a day count.
const EARLIEST: Date = date(1950, 1, 1);
const LATEST: Date = date(2099, 12, 31);

pub(crate) fn load(file: &str, text: &str) -> Result<Mapping, Vec<MappingProblem>> {
    let mut told = Told {
        file,
        problems: Vec::new(),
    };
    let mapping = match json::read(text) {
        Ok(Value::Object(root)) => mapping(&root, &mut told),
        Ok(_) => {
            told.say(
                "",
                "a mapping is a JSON object: { \"format\": 1, \"kind\": … }".to_owned(),
            );
            None
        }
        Err(message) => {
            told.say("", format!("this is not JSON: {message}"));
            None
        }
    };
    mapping
        .filter(|_| told.problems.is_empty())
        .ok_or(told.problems)
}

/// Collects what is wrong.
struct Told<'a> {
    file: &'a str,
    problems: Vec<MappingProblem>,
}

impl Told<'_> {
    fn say(&mut self, place: &str, message: String) {
        let (file, place) = (self.file.to_owned(), place.to_owned());
        self.problems.push(MappingProblem {
            file,
            place,
            message,
        });
    }
}

/// An object of the file and its place.
struct At<'a> {
    place: String,
    object: &'a Map<String, Value>,
}

impl<'a> At<'a> {
    fn under(&self, key: &str) -> String {
        format!(
            "{}/{}",
            self.place,
            key.replace('~', "~0").replace('/', "~1")
        )
    }

    fn get(&self, key: &str) -> Option<&'a Value> {
        self.object.get(key)
    }

    /// Refuses names that the format does not have.
    fn only(&self, known: &[&str], told: &mut Told) {
        for key in self
            .object
            .keys()
            .filter(|key| !known.contains(&key.as_str()))
        {
            let hint = hint(key, known.iter().copied());
            let list = known.iter().filter(|name| !name.starts_with('$'));
            let list = list.copied().collect::<Vec<_>>().join(", ");
            told.say(
                &self.under(key),
                format!("“{key}” is unknown.{hint} Known here: {list}"),
            );
        }
    }

    fn text(&self, key: &str, told: &mut Told) -> Option<String> {
        match self.get(key)? {
            Value::String(text) if !fold(text).is_empty() => Some(text.clone()),
            _ => {
                told.say(
                    &self.under(key),
                    "must be a text that is not empty".to_owned(),
                );
                None
            }
        }
    }

    fn needed(&self, key: &str, example: &str, told: &mut Told) -> String {
        if self.get(key).is_none() {
            told.say(
                &self.place,
                format!("“{key}” is missing, for example {example}"),
            );
        }
        self.text(key, told).unwrap_or_default()
    }

    /// A list of texts; a single text counts as a list of one.
    fn texts(&self, key: &str, told: &mut Told) -> Vec<String> {
        let members = match self.get(key) {
            None => return Vec::new(),
            Some(Value::String(text)) => return vec![text.clone()],
            Some(Value::Array(members)) => members.as_slice(),
            Some(_) => &[],
        };
        let texts: Vec<String> = members
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
        if texts.is_empty() || texts.len() < members.len() {
            told.say(
                &self.under(key),
                "must be a list of texts such as [\"N/A\"]".to_owned(),
            );
        }
        texts
    }

    fn object(&self, key: &str, told: &mut Told) -> Option<At<'a>> {
        match self.get(key)? {
            Value::Object(object) => Some(At {
                place: self.under(key),
                object,
            }),
            _ => {
                told.say(&self.under(key), "must be an object { … }".to_owned());
                None
            }
        }
    }

    fn count(&self, key: &str, told: &mut Told) -> Option<u64> {
        let count = self.get(key)?.as_u64().filter(|count| *count > 0);
        if count.is_none() {
            told.say(&self.under(key), "must be a whole number from 1".to_owned());
        }
        count
    }

    fn one_of<T: Copy>(&self, key: &str, known: &[(&str, T)], told: &mut Told) -> Option<T> {
        let given = self.get(key)?;
        let found = known.iter().find(|(name, _)| given.as_str() == Some(name));
        if found.is_none() {
            let names = known
                .iter()
                .map(|(name, _)| format!("\"{name}\""))
                .collect::<Vec<_>>();
            told.say(&self.under(key), format!("must be {}", names.join(" or ")));
        }
        found.map(|(_, value)| *value)
    }
}

fn mapping(root: &Map<String, Value>, told: &mut Told) -> Option<Mapping> {
    let at = At {
        place: String::new(),
        object: root,
    };
    at.only(&ROOT, told);
    match root.get("format") {
        Some(format) if format == 1 => {}
        Some(_) => told.say(
            "/format",
            "must be 1, the only format of this version".to_owned(),
        ),
        None => told.say("", "“format” is missing: write \"format\": 1".to_owned()),
    }
    let key: Vec<String> = at
        .texts("key", told)
        .iter()
        .map(|name| collapse(name))
        .collect();
    if key.is_empty() && at.get("key").is_none() {
        let example = "“key” is missing: the columns that tell one row from all others";
        told.say("", example.to_owned());
    }
    let known = [
        ("refuse", RepeatedKeys::Refuse),
        ("number", RepeatedKeys::Number),
    ];
    let repeated_keys = at
        .one_of("repeated_keys", &known, told)
        .unwrap_or(RepeatedKeys::Refuse);
    let blank = at.texts("blank", told);
    let mapping = Mapping {
        kind: at.needed("kind", "\"kind\": \"use_case\"", told),
        title: at.needed("title", "\"title\": \"Our register of 2026\"", told),
        source: source(&at, told),
        layout: layout(&at, told),
        key,
        repeated_keys,
        fields: fields(&at, &blank, told),
        ignore: ignore(&at, told),
    };
    no_column_twice(&mapping, told);
    Some(mapping)
}

fn source(at: &At, told: &mut Told) -> String {
    let source = at.needed("source", "\"source\": \"our-register\"", told);
    let fine = |sign: char| sign.is_ascii_lowercase() || sign.is_ascii_digit() || sign == '-';
    if !source.chars().all(fine) || source.len() > 60 {
        let message = "must be a short name of a-z, 0-9 and hyphens, such as our-register";
        told.say("/source", message.to_owned());
    }
    source
}

fn layout(at: &At, told: &mut Told) -> Layout {
    let encoding = at.text("encoding", told);
    if let Some(Err(error)) = encoding.as_deref().map(super::encoding::named) {
        told.say("/encoding", error.to_string());
    }
    let known = [(",", ','), (";", ';'), ("\t", '\t'), ("|", '|')];
    Layout {
        header_row: at.count("header_row", told).unwrap_or(0),
        encoding,
        delimiter: at.one_of("delimiter", &known, told),
    }
}

fn ignore(at: &At, told: &mut Told) -> BTreeMap<String, String> {
    let Some(ignore) = at.object("ignore", told) else {
        return BTreeMap::new();
    };
    let columns = ignore.object.keys();
    columns
        .map(|column| {
            let reason = ignore.text(column, told).unwrap_or_default();
            (collapse(column), collapse(&reason))
        })
        .collect()
}

/// A column is either used or left out; saying both is a slip.
fn no_column_twice(mapping: &Mapping, told: &mut Told) {
    for field in &mapping.fields {
        let From::Columns(columns) = &field.from else {
            continue;
        };
        for column in columns
            .iter()
            .filter(|one| mapping.ignore.contains_key(&one.name))
        {
            let message = format!(
                "“{}” fills `{}` and cannot be ignored",
                column.name, field.name
            );
            told.say("/ignore", message);
        }
    }
}

fn fields(at: &At, blank: &[String], told: &mut Told) -> Vec<FieldMapping> {
    let Some(fields) = at.object("fields", told) else {
        if at.get("fields").is_none() {
            let example = "“fields” is missing: { \"title\": { \"column\": \"Name\" } }";
            told.say("", example.to_owned());
        }
        return Vec::new();
    };
    if !fields.object.contains_key("title") {
        let message = "“title” is missing: every record needs one, so name its column";
        told.say("/fields", message.to_owned());
    }
    let names = fields.object.keys();
    names
        .filter_map(|name| fields.object(name, told).map(|about| (name, about)))
        .collect::<Vec<_>>()
        .into_iter()
        .map(|(name, about)| field(name, &about, blank, told))
        .collect()
}

fn field(name: &str, at: &At, blank: &[String], told: &mut Told) -> FieldMapping {
    at.only(&FIELD, told);
    let mut blank: Vec<String> = blank.iter().map(|word| fold(word)).collect();
    blank.extend(at.texts("blank", told).iter().map(|word| fold(word)));
    let mut starts_with: Vec<(String, Value)> =
        words(at, "starts_with", told).into_iter().collect();
    starts_with.sort_by_key(|(start, _)| (usize::MAX - start.len(), start.clone()));
    let known = [("shorten", TooLong::Shorten), ("refuse", TooLong::Refuse)];
    let most = at
        .count("max_length", told)
        .and_then(|most| usize::try_from(most).ok());
    let join = at.get("join").and_then(Value::as_str).map(str::to_owned);
    if at.get("join").is_some_and(|join| !join.is_string()) {
        told.say(
            &at.under("join"),
            "must be a text such as \", \" or \"\\n\"".to_owned(),
        );
    }
    FieldMapping {
        name: name.to_owned(),
        from: from(at, told),
        join,
        split: split(at, told),
        values: words(at, "values", told),
        starts_with,
        otherwise: otherwise(at, told),
        dates: dates(at, told),
        earliest: day(at, "earliest", EARLIEST, told),
        latest: day(at, "latest", LATEST, told),
        blank,
        max_length: most,
        too_long: at
            .one_of("too_long", &known, told)
            .unwrap_or(TooLong::Shorten),
    }
}

fn from(at: &At, told: &mut Told) -> From {
    match (at.get("column"), at.get("columns"), at.get("const")) {
        (Some(_), None, None) => {
            let name = at.text("column", told).unwrap_or_default();
            From::Columns(vec![Column {
                name: collapse(&name),
                label: None,
            }])
        }
        (None, Some(Value::Array(members)), None) if !members.is_empty() => {
            let place = at.under("columns");
            From::Columns(
                members
                    .iter()
                    .map(|one| column(one, &place, told))
                    .collect(),
            )
        }
        (None, None, Some(value)) => From::Const(value.clone()),
        (None, Some(_), None) => {
            told.say(
                &at.under("columns"),
                "must be a list of column names".to_owned(),
            );
            From::Const(Value::Null)
        }
        _ => {
            let message = "needs exactly one of “column”, “columns” and “const”";
            told.say(&at.place, message.to_owned());
            From::Const(Value::Null)
        }
    }
}

fn column(member: &Value, place: &str, told: &mut Told) -> Column {
    match member {
        Value::String(name) if !fold(name).is_empty() => Column {
            name: collapse(name),
            label: None,
        },
        Value::Object(object) => {
            let at = At {
                place: place.to_owned(),
                object,
            };
            at.only(&["column", "label"], told);
            let name = at.needed(
                "column",
                "{ \"column\": \"Name\", \"label\": \"Name\" }",
                told,
            );
            Column {
                name: collapse(&name),
                label: at.text("label", told),
            }
        }
        _ => {
            let message = "each member must be a column name or { \"column\": …, \"label\": … }";
            told.say(place, message.to_owned());
            Column {
                name: String::new(),
                label: None,
            }
        }
    }
}

fn split(at: &At, told: &mut Told) -> Vec<String> {
    let signs = at.texts("split", told);
    if signs.iter().any(String::is_empty) {
        told.say(
            &at.under("split"),
            "must be signs such as \";\", or \"json\"".to_owned(),
        );
    }
    signs
}

/// Wordings and their values, with the wordings folded.
fn words(at: &At, key: &str, told: &mut Told) -> HashMap<String, Value> {
    let mut words = HashMap::new();
    let Some(object) = at.object(key, told) else {
        return words;
    };
    for (word, value) in object.object {
        if value.is_object() || value.is_array() {
            let message = "must be a text, a number, true, false, or null for nothing";
            told.say(&object.under(word), message.to_owned());
        }
        if fold(word).is_empty() {
            told.say(
                &object.under(word),
                "an empty cell never has a value".to_owned(),
            );
        }
        if words
            .insert(fold(word), value.clone())
            .is_some_and(|other| other != *value)
        {
            let message = format!("“{word}” stands twice: upper and lower case are alike");
            told.say(&object.under(word), message);
        }
    }
    words
}

fn otherwise(at: &At, told: &mut Told) -> Otherwise {
    let translated = at.get("values").is_some() || at.get("starts_with").is_some();
    if at.get("otherwise").is_some() && !translated {
        let message = "has no effect without “values” or “starts_with”";
        told.say(&at.under("otherwise"), message.to_owned());
    }
    match at.get("otherwise") {
        None => Otherwise::Refuse,
        Some(Value::String(word)) if word == "refuse" => Otherwise::Refuse,
        Some(Value::String(word)) if word == "skip" => Otherwise::Skip,
        Some(Value::String(word)) if word == "keep" => Otherwise::Keep,
        Some(Value::Object(object)) if object.len() == 1 && object.contains_key("value") => {
            Otherwise::Value(object.get("value").cloned().unwrap_or_default())
        }
        Some(_) => {
            let message = "must be \"refuse\", \"skip\", \"keep\" or { \"value\": … }";
            told.say(&at.under("otherwise"), message.to_owned());
            Otherwise::Refuse
        }
    }
}

fn dates(at: &At, told: &mut Told) -> Vec<String> {
    let formats = at.texts("dates", told);
    for format in &formats {
        let year = ["%Y", "%y", "%F", "%D", "%G"]
            .iter()
            .any(|sign| format.contains(sign));
        if !year || super::cell::example(format).is_none() {
            let message = "must be a date format such as \"%Y-%m-%d\", \"%d.%m.%Y\" or \"%b-%y\"";
            told.say(&at.under("dates"), format!("“{format}” {message}"));
        }
    }
    formats
}

fn day(at: &At, key: &str, default: Date, told: &mut Told) -> Date {
    let Some(text) = at.text(key, told) else {
        return default;
    };
    text.parse().unwrap_or_else(|_| {
        told.say(
            &at.under(key),
            "must be a date such as \"2026-03-31\"".to_owned(),
        );
        default
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn good() -> Value {
        json!({
            "format": 1, "kind": "use_case", "title": "T", "source": "s", "key": ["Id"],
            "fields": { "title": { "column": "Name" } }
        })
    }

    fn problems(change: impl FnOnce(&mut Value)) -> Vec<String> {
        let mut value = good();
        change(&mut value);
        let told = match load("m.json", &value.to_string()) {
            Ok(_) => Vec::new(),
            Err(problems) => problems.iter().map(ToString::to_string).collect(),
        };
        assert_eq!(
            told.is_empty(),
            schema().is_valid(&value) && !OURS.iter().any(|ours| told.concat().contains(ours)),
            "the schema and the reader disagree: {told:?}"
        );
        told
    }

    /// What a JSON Schema cannot say.
    const OURS: [&str; 5] = [
        "stands twice",
        "cannot be ignored",
        "no encoding",
        "date format",
        "no effect",
    ];

    fn schema() -> jsonschema::Validator {
        let text = include_str!("../../../schemas/import/mapping.json");
        jsonschema::validator_for(&serde_json::from_str(text).unwrap()).unwrap()
    }

    #[test]
    fn a_small_mapping_loads() {
        assert_eq!(problems(|_| ()), Vec::<String>::new());
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_one_that_was_meant() {
        let told = problems(|root| root["fields"]["title"]["colum"] = json!("x"));
        assert!(told[0].starts_with("m.json: /fields/title/colum: “colum” is unknown."));
        assert!(told[0].contains("Did you mean “column”?"), "{told:?}");
        assert!(problems(|root| root["ignored"] = json!({}))[0].contains("“ignore”"));
    }

    #[test]
    fn every_mistake_is_told_at_its_place() {
        let place = |change: fn(&mut Value)| problems(change).join("\n");
        assert!(place(|root| root["format"] = json!(2)).contains("/format: must be 1"));
        assert!(place(|root| root["source"] = json!("Our Register")).contains("/source:"));
        assert!(place(|root| root["header_row"] = json!(0)).contains("/header_row:"));
        assert!(place(|root| root["encoding"] = json!("utf-9")).contains("no encoding"));
        assert!(place(|root| root["delimiter"] = json!("::")).contains("/delimiter:"));
        assert!(place(|root| root["key"] = json!([1])).contains("/key:"));
        assert!(place(|root| root["fields"] = json!({})).contains("“title” is missing"));
        assert!(place(|root| root["fields"]["x"] = json!({})).contains("exactly one of"));
        assert!(place(|root| root["fields"]["x"] = json!("A")).contains("/fields/x: must be an"));
        let dates = |root: &mut Value| root["fields"]["x"] = json!({"column":"A","dates":["%Q"]});
        assert!(place(dates).contains("“%Q” must be a date format"));
        let both = |root: &mut Value| root["ignore"] = json!({ "Name": "not needed" });
        assert!(place(both).contains("cannot be ignored"));
        let reason = |root: &mut Value| root["ignore"] = json!({ "Other": "" });
        assert!(place(reason).contains("/ignore/Other: must be a text"));
        let twice = |root: &mut Value| {
            root["fields"]["x"] = json!({"column": "A", "values": {"Yes": "a", "yes ": "b"}});
        };
        assert!(place(twice).contains("stands twice"));
    }

    #[test]
    fn text_that_is_not_json_is_told_with_its_line() {
        let told = load("m.json", "{\n \"format\": 1,\n}").unwrap_err();
        assert!(told[0].to_string().contains("line 3"), "{}", told[0]);
        assert!(load("m.json", "[]").is_err());
    }
}

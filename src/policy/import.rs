//! Tables of tools by data class, as organisations publish them, as policies: one for each
//! organisation. Nothing is swallowed: rows that contradict each other become rules that do, and
//! are told; a word for a verdict that is not known becomes `not_decided`, with that word as its
//! reason.

use super::Verdict;
use super::document::folded;
use crate::form::plain;
use crate::register::import::{Layout, Row, Table};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The columns, those that must be there first.
const COLUMNS: [&str; 9] = [
    "organisation",
    "tool",
    "data_class",
    "verdict",
    "vendor",
    "account_or_mode",
    "condition",
    "source_url",
    "page_version",
];
const REQUIRED: usize = 4;
/// Words for every tool.
const EVERY_TOOL: [&str; 5] = [
    "any ai tool",
    "any tool",
    "all tools",
    "all ai tools",
    "any ai",
];
/// Words for no mode in particular.
const EVERY_MODE: [&str; 4] = ["", "any", "all", "(any)"];
const LINE_MAX: usize = 300;
const KEY_MAX: usize = 64;

/// The policy of one organisation.
#[derive(Debug, Clone)]
pub struct Converted {
    /// The organisation, as the file says it.
    pub organisation: String,
    /// Key of the policy.
    pub key: String,
    /// The policy.
    pub document: Value,
    /// How many rows of the file are its.
    pub rows: usize,
    /// How many rules came of them.
    pub rules: usize,
    /// Cells that the file answers twice, and differently.
    pub conflicts: Vec<String>,
    /// Words for verdicts that are not known.
    pub not_decided: Vec<String>,
    /// Rows that cannot be taken, and why.
    pub problems: Vec<String>,
}

/// Converts a file. `owner` answers for the rules; `only` picks one organisation.
///
/// # Errors
/// Why the file cannot be read at all, or has no such organisation.
pub fn convert(file: Vec<u8>, owner: &str, only: Option<&str>) -> Result<Vec<Converted>, String> {
    let table = Table::open(file, &Layout::default()).map_err(|why| why.to_string())?;
    let places = columns(&table)?;
    let mut all: Vec<Making> = Vec::new();
    let mut keys = BTreeSet::new();
    for row in table.rows() {
        let cell = cells(&row, &places);
        let organisation = cell.text("organisation");
        if only.is_some_and(|only| folded(only) != folded(&organisation)) {
            continue;
        }
        let known = all
            .iter()
            .position(|one| folded(&one.organisation) == folded(&organisation));
        let at = known.unwrap_or_else(|| {
            let key = free(&slug(&organisation, "policy"), &mut keys);
            all.push(Making::new(organisation, key, owner));
            all.len() - 1
        });
        if let Some(making) = all.get_mut(at) {
            making.take(row.line, &cell);
        }
    }
    match (all.is_empty(), only) {
        (false, _) => Ok(all.into_iter().map(Making::done).collect()),
        (true, Some(only)) => Err(format!("there is no row of {only}")),
        (true, None) => Err("there is no row below the column names".to_owned()),
    }
}

fn columns(table: &Table) -> Result<BTreeMap<&'static str, usize>, String> {
    let headers: Vec<String> = table.headers().iter().map(|name| folded(name)).collect();
    let found = COLUMNS.iter().filter_map(|name| {
        let at = headers
            .iter()
            .position(|header| header.replace([' ', '-'], "_") == **name)?;
        Some((*name, at))
    });
    let found: BTreeMap<&str, usize> = found.collect();
    let missing = COLUMNS
        .iter()
        .take(REQUIRED)
        .filter(|name| !found.contains_key(*name));
    let missing: Vec<&str> = missing.copied().collect();
    match missing.as_slice() {
        [] => Ok(found),
        missing => Err(format!("these columns are missing: {}", missing.join(", "))),
    }
}

/// The cells of a row by their columns.
struct Cells(BTreeMap<&'static str, String>);

impl Cells {
    fn text(&self, column: &str) -> String {
        self.0.get(column).cloned().unwrap_or_default()
    }
}

fn cells(row: &Row, places: &BTreeMap<&'static str, usize>) -> Cells {
    let text = |at: usize| row.cells.get(at).map(|cell| line(cell)).unwrap_or_default();
    Cells(places.iter().map(|(name, at)| (*name, text(*at))).collect())
}

/// One plain line of a text.
fn line(text: &str) -> String {
    let words: Vec<String> = plain(text).split_whitespace().map(str::to_owned).collect();
    words
        .join(" ")
        .chars()
        .take(LINE_MAX)
        .collect::<String>()
        .trim()
        .to_owned()
}

/// `UK Defra` as `uk_defra`; `spare` where nothing is left.
fn slug(text: &str, spare: &str) -> String {
    let mut key = String::new();
    for c in text.to_lowercase().chars() {
        if c.is_ascii_alphanumeric() {
            key.push(c);
        } else if !key.ends_with('_') && !key.is_empty() {
            key.push('_');
        }
    }
    let key: String = key.chars().take(KEY_MAX - 8).collect();
    let key = key.trim_end_matches('_');
    match key.chars().next() {
        None => spare.to_owned(),
        Some(c) if c.is_ascii_lowercase() => key.to_owned(),
        Some(_) => format!("{spare}_{key}").chars().take(KEY_MAX - 8).collect(),
    }
}

/// The key, or with a number behind it where it is taken.
fn free(key: &str, taken: &mut BTreeSet<String>) -> String {
    let numbered = (2..).map(|number| format!("{key}_{number}"));
    let mut all = std::iter::once(key.to_owned()).chain(numbered);
    let free = all.find(|key| !taken.contains(key)).unwrap_or_default();
    taken.insert(free.clone());
    free
}

/// Names in order, each with its key.
#[derive(Default)]
struct Names {
    all: Vec<(String, String)>,
    taken: BTreeSet<String>,
}

impl Names {
    fn key(&mut self, title: &str, spare: &str) -> String {
        let known = self
            .all
            .iter()
            .find(|(_, other)| folded(other) == folded(title));
        if let Some((key, _)) = known {
            return key.clone();
        }
        let key = free(&slug(title, spare), &mut self.taken);
        self.all.push((key.clone(), title.to_owned()));
        key
    }

    fn values(&self) -> Vec<Value> {
        let value = |(key, title): &(String, String)| json!({ "key": key, "title": title });
        self.all.iter().map(value).collect()
    }
}

/// A policy in the making.
struct Making {
    organisation: String,
    key: String,
    owner: String,
    rows: usize,
    classes: Names,
    tools: Names,
    vendors: BTreeMap<String, String>,
    modes: BTreeMap<String, Names>,
    rules: Vec<Value>,
    rule_keys: BTreeSet<String>,
    /// What the file says of a cell, with its lines.
    said: BTreeMap<[String; 3], Said>,
    not_decided: BTreeSet<String>,
    problems: Vec<String>,
}

impl Making {
    fn new(organisation: String, key: String, owner: &str) -> Making {
        Making {
            organisation,
            key,
            owner: owner.to_owned(),
            rows: 0,
            classes: Names::default(),
            tools: Names::default(),
            vendors: BTreeMap::new(),
            modes: BTreeMap::new(),
            rules: Vec::new(),
            rule_keys: BTreeSet::new(),
            said: BTreeMap::new(),
            not_decided: BTreeSet::new(),
            problems: Vec::new(),
        }
    }

    fn take(&mut self, at: u64, cell: &Cells) {
        self.rows += 1;
        let empty = COLUMNS
            .iter()
            .take(REQUIRED)
            .find(|name| cell.text(name).is_empty());
        if let Some(name) = empty {
            self.problems
                .push(format!("line {at}: {name} is empty; the row is left out"));
            return;
        }
        let (tool, mode) = (cell.text("tool"), cell.text("account_or_mode"));
        let class = self.classes.key(&cell.text("data_class"), "class");
        let key = self.tools.key(&tool, "tool");
        let vendor = cell.text("vendor");
        if !vendor.is_empty() && !vendor.starts_with('(') {
            self.vendors.entry(key.clone()).or_insert(vendor);
        }
        let every_mode = EVERY_MODE.contains(&folded(&mode).as_str());
        let mode_key = (!every_mode).then(|| {
            self.modes
                .entry(key.clone())
                .or_default()
                .key(&mode, "mode")
        });
        let stated = cell.text("verdict");
        let place = [
            key.clone(),
            mode_key.clone().unwrap_or_default(),
            class.clone(),
        ];
        let said = self.said.entry(place).or_insert_with(|| Said {
            place: match every_mode {
                true => format!("{tool}, {}", cell.text("data_class")),
                false => format!("{tool}, {mode}, {}", cell.text("data_class")),
            },
            words: Vec::new(),
        });
        said.words.push((at, stated.clone()));
        let every_tool = EVERY_TOOL.contains(&folded(&tool).as_str());
        let tools = if every_tool {
            json!("any")
        } else {
            json!([key])
        };
        let name = format!("row_{at}_{}", slug(&tool, "tool"));
        let name: String = name.chars().take(KEY_MAX - 8).collect();
        let name = free(name.trim_end_matches('_'), &mut self.rule_keys);
        let rule = self.rule(cell, name, tools, mode_key, &class);
        self.rules.push(rule);
    }

    fn rule(
        &mut self,
        cell: &Cells,
        name: String,
        tools: Value,
        mode: Option<String>,
        class: &str,
    ) -> Value {
        let stated = cell.text("verdict");
        let (verdict, condition) = verdict(&stated, &cell.text("condition"));
        let mut rule = json!({
            "key": name, "tools": tools, "classes": [class], "verdict": verdict.as_str(),
            "reason": self.reason(cell, &stated),
        });
        if verdict == Verdict::NotDecided {
            self.not_decided.insert(stated);
        }
        let source = cell.text("source_url");
        let more = [
            ("modes", mode.map(|mode| json!([mode]))),
            ("source", (!source.is_empty()).then(|| source.into())),
            (
                "conditions",
                condition.map(|text| json!([{ "key": "stated", "text": text }])),
            ),
        ];
        if let Some(fields) = rule.as_object_mut() {
            let more = more
                .into_iter()
                .filter_map(|(name, value)| Some((name, value?)));
            fields.extend(more.map(|(name, value)| (name.to_owned(), value)));
        }
        rule
    }

    fn reason(&self, cell: &Cells, stated: &str) -> String {
        let mut reason = format!("{} states: {stated}.", self.organisation);
        let (condition, version) = (cell.text("condition"), cell.text("page_version"));
        if !condition.is_empty() {
            reason.push_str(&format!(" {condition}."));
        }
        if !version.is_empty() {
            reason.push_str(&format!(" Page: {version}."));
        }
        reason
    }

    fn done(self) -> Converted {
        let tools: Vec<Value> = self
            .tools
            .values()
            .into_iter()
            .map(|mut tool| {
                let key = tool
                    .get("key")
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned();
                if let Some(fields) = tool.as_object_mut() {
                    if let Some(vendor) = self.vendors.get(&key) {
                        fields.insert("vendor".to_owned(), vendor.as_str().into());
                    }
                    if let Some(modes) = self.modes.get(&key) {
                        fields.insert("modes".to_owned(), modes.values().into());
                    }
                }
                tool
            })
            .collect();
        let conflicts = self.said.values().filter_map(Said::conflict).collect();
        let title = format!("What {} allows", self.organisation);
        Converted {
            document: json!({
                "format": 1, "key": self.key, "owner": self.owner,
                "title": title.chars().take(LINE_MAX).collect::<String>(),
                "classes": self.classes.values(), "tools": tools, "rules": self.rules,
            }),
            rules: self.rules.len(),
            organisation: self.organisation,
            key: self.key,
            rows: self.rows,
            conflicts,
            not_decided: self.not_decided.into_iter().collect(),
            problems: self.problems,
        }
    }
}

/// What the file says of one cell.
struct Said {
    /// The cell, as its first row says it.
    place: String,
    /// Each verdict with its line.
    words: Vec<(u64, String)>,
}

impl Said {
    /// Rows that answer it differently.
    fn conflict(&self) -> Option<String> {
        let words: BTreeSet<&str> = self.words.iter().map(|(_, word)| word.as_str()).collect();
        if words.len() < 2 {
            return None;
        }
        let lines = self.words.iter();
        let lines: Vec<String> = lines
            .map(|(line, word)| format!("{word} on line {line}"))
            .collect();
        let strictest = words.iter().map(|word| verdict(word, "").0).max();
        let counts = strictest.map_or("", Verdict::as_str);
        Some(format!(
            "{}: {}; {counts} counts",
            self.place,
            lines.join(", ")
        ))
    }
}

/// What a stated verdict means, and the condition that comes with it.
fn verdict(stated: &str, condition: &str) -> (Verdict, Option<String>) {
    let word = folded(stated).replace([' ', '_'], "-");
    let given = |spare: &str| match condition {
        "" => Some(spare.to_owned()),
        condition => Some(condition.to_owned()),
    };
    match word.as_str() {
        "allowed" => (Verdict::Allowed, None),
        "prohibited" | "forbidden" | "not-allowed" | "denied" => (Verdict::Prohibited, None),
        "review-required" => (Verdict::ReviewRequired, None),
        "allowed-with-conditions" | "conditional" => (
            Verdict::AllowedWithConditions,
            given("The conditions that the source states."),
        ),
        "allowed-selected-users" => (
            Verdict::AllowedWithConditions,
            given("Only for those who were selected."),
        ),
        "allowed-registered-use-case" => (
            Verdict::AllowedWithConditions,
            given("Only for a registered use case."),
        ),
        _ => (Verdict::NotDecided, None),
    }
}

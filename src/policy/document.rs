//! From the document of a data-use policy to the policy, or to every reason why not, each with its
//! place and what would be right.

use super::Verdict;
use crate::form::plain;
use crate::workflow::{Format, MAX_PROBLEMS, Problem, Source, did_you_mean};
use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// The format of a policy as JSON Schema, for editors.
pub const SCHEMA: &str = include_str!("../../schemas/policy/policy.json");

/// The longest text of a policy, in bytes.
pub const MAX_BYTES: usize = 8 * 1024 * 1024;
const MAX_VALUES: usize = 1_000_000;
/// What stands at this place in addresses.
const TAKEN_KEYS: [&str; 4] = ["answers", "drafts", "new", "versions"];

static FORMAT: LazyLock<Option<Format>> = LazyLock::new(|| Format::of(SCHEMA));

/// A policy that was checked.
#[derive(Debug, Clone)]
pub struct Document {
    /// What it says.
    pub policy: Policy,
    /// The document as canonical JSON (RFC 8785): what is kept and hashed.
    pub text: String,
    /// SHA-256 of the text in lower-case hex.
    pub hash: String,
}

/// Which data may go into which tool.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Policy {
    /// Its short name.
    pub key: String,
    /// What people read.
    pub title: String,
    /// What it is for.
    pub description: Option<String>,
    /// Address of who answers for a rule that names nobody.
    pub owner: String,
    /// Whom to ask where nothing is decided.
    pub contact: Option<String>,
    /// The organisation's data classes.
    pub classes: Vec<Class>,
    /// The tools it knows.
    pub tools: Vec<Tool>,
    /// What tools are used for.
    #[serde(default)]
    pub purposes: Vec<Named>,
    /// Its rules.
    pub rules: Vec<Rule>,
}

/// A key and what people read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Named {
    /// Short name.
    pub key: String,
    /// What people read.
    pub title: String,
}

/// A class of data.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Class {
    /// Short name.
    pub key: String,
    /// What people read.
    pub title: String,
    /// What belongs to it.
    pub description: Option<String>,
    /// Classes that always apply with it.
    #[serde(default)]
    pub includes: Vec<String>,
    /// What a use case of the register says for it.
    #[serde(default)]
    pub counts_as: Vec<String>,
}

/// A tool.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Tool {
    /// Short name.
    pub key: String,
    /// What people read.
    pub title: String,
    /// Who makes it.
    pub vendor: Option<String>,
    /// Other names people know it by.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Accounts, licences, web or work.
    #[serde(default)]
    pub modes: Vec<Named>,
    /// Reference of its record in the register.
    pub reference: Option<String>,
}

/// What a rule names of tools, modes, classes or purposes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Names {
    /// Every one.
    #[default]
    Any,
    /// These.
    These(BTreeSet<String>),
}

impl Names {
    /// Whether `key` is meant.
    pub fn includes(&self, key: &str) -> bool {
        match self {
            Names::Any => true,
            Names::These(keys) => keys.contains(key),
        }
    }

    /// The keys; nothing for every one.
    pub fn keys(&self) -> Option<&BTreeSet<String>> {
        match self {
            Names::Any => None,
            Names::These(keys) => Some(keys),
        }
    }
}

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Names, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            // The schema lets no word but `any` through.
            Word(#[allow(dead_code, reason = "its shape is what is read")] String),
            Keys(BTreeSet<String>),
        }
        Ok(match Written::deserialize(from)? {
            Written::Word(_) => Names::Any,
            Written::Keys(keys) => Names::These(keys),
        })
    }
}

/// Something that must be done for a use to be allowed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub struct Condition {
    /// Short name.
    pub key: String,
    /// What must be done.
    pub text: String,
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Rule {
    /// Short name.
    pub key: String,
    /// For which tools.
    pub tools: Names,
    /// In which modes.
    #[serde(default)]
    pub modes: Names,
    /// For which data.
    #[serde(default)]
    pub classes: Names,
    /// For what.
    #[serde(default)]
    pub purposes: Names,
    /// What it says.
    pub verdict: Verdict,
    /// What must be done.
    #[serde(default)]
    pub conditions: Vec<Condition>,
    /// Which workflow reviews it.
    pub workflow: Option<String>,
    /// Why.
    pub reason: String,
    /// Where it is written.
    pub source: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// The first day on which it counts.
    pub valid_from: Option<Date>,
    /// The last day on which it counts.
    pub valid_until: Option<Date>,
}

impl Rule {
    /// How many of tool, mode, class and purpose it names.
    pub fn specificity(&self) -> u8 {
        let parts = [&self.tools, &self.modes, &self.classes, &self.purposes];
        let named = parts.iter().filter(|names| names.keys().is_some());
        u8::try_from(named.count()).unwrap_or(u8::MAX)
    }

    /// Whether it counts on this day.
    pub fn is_valid(&self, today: Date) -> bool {
        self.valid_from.is_none_or(|from| from <= today)
            && self.valid_until.is_none_or(|until| today <= until)
    }
}

impl Document {
    /// Reads a document.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(document: &Value) -> Result<Document, Vec<Problem>> {
        read(&Source::new("", "", ""), document)
    }

    /// Reads the text of a document. `file` names it in problems.
    ///
    /// # Errors
    /// As [`Document::read`], each with its line; and what is no JSON or has a key twice.
    pub fn load(file: &str, text: &str) -> Result<Document, Vec<Problem>> {
        let source = Source::new(file, text, "").of_at_most(MAX_BYTES, MAX_VALUES);
        let document = source.parse().map_err(|problem| vec![problem])?;
        read(&source, &document)
    }
}

fn read(source: &Source, document: &Value) -> Result<Document, Vec<Problem>> {
    let broken = |message: &str| vec![source.value("", message)];
    let format = FORMAT
        .as_ref()
        .ok_or_else(|| broken("the schema of policies is broken"))?;
    let problems = format.problems(source, document);
    if !problems.is_empty() {
        return Err(problems);
    }
    let problems = no_days(source, document);
    if !problems.is_empty() {
        return Err(problems);
    }
    let policy: Policy =
        serde_json::from_value(document.clone()).map_err(|e| broken(&e.to_string()))?;
    let mut reading = Reading {
        source,
        policy: &policy,
        problems: Vec::new(),
    };
    reading.all();
    if !reading.problems.is_empty() {
        return Err(reading.problems);
    }
    let text = serde_json_canonicalizer::to_string(document)
        .map_err(|e| broken(&format!("this cannot be kept: {e}")))?;
    let hash = hex::encode(Sha256::digest(text.as_bytes()));
    Ok(Document { policy, text, hash })
}

/// Days that no calendar has.
fn no_days(source: &Source, document: &Value) -> Vec<Problem> {
    let rules = document.get("rules").and_then(Value::as_array);
    let rules = rules.into_iter().flatten().enumerate();
    let days = rules.flat_map(|(index, rule)| {
        ["valid_from", "valid_until"].map(|name| (index, name, rule.get(name)))
    });
    let wrong = days.filter_map(|(index, name, day)| {
        let text = day?.as_str()?;
        let place = format!("/rules/{index}/{name}");
        let is_day = text.parse::<Date>().is_ok();
        (!is_day).then(|| source.value(&place, format!("{text} is no day of the calendar")))
    });
    wrong.take(MAX_PROBLEMS).collect()
}

/// What was found wrong so far.
struct Reading<'a> {
    source: &'a Source<'a>,
    policy: &'a Policy,
    problems: Vec<Problem>,
}

impl<'a> Reading<'a> {
    fn wrong(&mut self, place: &str, message: impl Into<String>) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(self.source.value(place, message));
        }
    }

    fn all(&mut self) {
        let policy = self.policy;
        if TAKEN_KEYS.contains(&policy.key.as_str()) {
            let message = format!("`{}` is a page of ours: take another key", policy.key);
            self.wrong("/key", message);
        }
        self.texts();
        self.once("classes", policy.classes.iter().map(|class| &class.key));
        self.once("tools", policy.tools.iter().map(|tool| &tool.key));
        self.once(
            "purposes",
            policy.purposes.iter().map(|purpose| &purpose.key),
        );
        self.once("rules", policy.rules.iter().map(|rule| &rule.key));
        for (index, tool) in policy.tools.iter().enumerate() {
            let modes = tool.modes.iter().map(|mode| &mode.key);
            self.once(&format!("tools/{index}/modes"), modes);
        }
        self.tool_names();
        self.included();
        let known = Known::of(policy);
        for (index, rule) in policy.rules.iter().enumerate() {
            self.rule(&known, &format!("/rules/{index}"), rule);
        }
    }

    /// Titles are plain lines, and longer texts hold nothing that cannot be shown.
    fn texts(&mut self) {
        let policy = self.policy;
        self.line("/title", &policy.title);
        policy
            .contact
            .iter()
            .for_each(|text| self.line("/contact", text));
        for (index, class) in policy.classes.iter().enumerate() {
            self.line(&format!("/classes/{index}/title"), &class.title);
        }
        for (index, tool) in policy.tools.iter().enumerate() {
            self.line(&format!("/tools/{index}/title"), &tool.title);
            for mode in &tool.modes {
                self.line(&format!("/tools/{index}/modes"), &mode.title);
            }
        }
        for (index, rule) in policy.rules.iter().enumerate() {
            self.shown(&format!("/rules/{index}/reason"), &rule.reason);
            for (nth, condition) in rule.conditions.iter().enumerate() {
                self.shown(
                    &format!("/rules/{index}/conditions/{nth}/text"),
                    &condition.text,
                );
            }
        }
    }

    fn line(&mut self, place: &str, text: &str) {
        if plain(text) != text || text.contains('\n') {
            let message = "this has blanks at its ends, line breaks, or characters that cannot be \
                           shown: write one plain line";
            self.wrong(place, message);
        }
    }

    fn shown(&mut self, place: &str, text: &str) {
        if plain(text) != text {
            let message = "this has blanks at its ends, or characters that cannot be shown";
            self.wrong(place, message);
        }
    }

    fn once(&mut self, list: &str, keys: impl Iterator<Item = &'a String>) {
        let mut seen = BTreeSet::new();
        for (index, key) in keys.enumerate() {
            if !seen.insert(key) {
                let message = format!("`{key}` stands here twice: give each its own key");
                self.wrong(&format!("/{list}/{index}/key"), message);
            }
        }
    }

    /// A name that two tools have would be answered for either.
    fn tool_names(&mut self) {
        let mut seen: BTreeMap<String, &str> = BTreeMap::new();
        for (index, tool) in self.policy.tools.iter().enumerate() {
            let own: BTreeSet<String> = names_of(tool).map(folded).collect();
            for name in own {
                if let Some(other) = seen.insert(name.clone(), &tool.key) {
                    let message = format!(
                        "“{name}” is a name of `{other}` too: a question could mean either"
                    );
                    self.wrong(&format!("/tools/{index}"), message);
                }
            }
        }
    }

    fn included(&mut self) {
        let policy = self.policy;
        let known: Vec<&str> = policy.classes.iter().map(|c| c.key.as_str()).collect();
        for (index, class) in policy.classes.iter().enumerate() {
            for (nth, key) in class.includes.iter().enumerate() {
                if !known.contains(&key.as_str()) {
                    let hint = did_you_mean(key, known.iter().copied());
                    let place = format!("/classes/{index}/includes/{nth}");
                    self.wrong(&place, format!("there is no class `{key}`{hint}"));
                }
            }
        }
    }

    fn rule(&mut self, known: &Known, place: &str, rule: &Rule) {
        let parts = [
            ("tools", "tool", &rule.tools, &known.tools),
            ("classes", "class", &rule.classes, &known.classes),
            ("purposes", "purpose", &rule.purposes, &known.purposes),
        ];
        for (list, what, names, known) in parts {
            self.known(&format!("{place}/{list}"), what, names, known);
        }
        let modes = known.modes(&rule.tools);
        self.known(
            &format!("{place}/modes"),
            "mode of these tools",
            &rule.modes,
            &modes,
        );
        if let (Some(from), Some(until)) = (rule.valid_from, rule.valid_until)
            && from > until
        {
            let message = format!("it would end on {until}, before it begins on {from}");
            self.wrong(&format!("{place}/valid_until"), message);
        }
        if rule.workflow.is_some() && rule.verdict != Verdict::ReviewRequired {
            let message = "only a rule that says `review_required` names a workflow";
            self.wrong(&format!("{place}/workflow"), message);
        }
    }

    fn known(&mut self, place: &str, what: &str, names: &Names, known: &BTreeSet<&str>) {
        let keys = names.keys().into_iter().flatten();
        for key in keys.filter(|key| !known.contains(key.as_str())) {
            let hint = did_you_mean(key, known.iter().copied());
            self.wrong(place, format!("there is no {what} `{key}`{hint}"));
        }
    }
}

/// The keys that rules may name.
struct Known<'a> {
    tools: BTreeSet<&'a str>,
    classes: BTreeSet<&'a str>,
    purposes: BTreeSet<&'a str>,
    all_modes: BTreeSet<&'a str>,
    modes: BTreeMap<&'a str, BTreeSet<&'a str>>,
}

impl<'a> Known<'a> {
    fn of(policy: &'a Policy) -> Known<'a> {
        let modes = |tool: &'a Tool| tool.modes.iter().map(|mode| mode.key.as_str());
        Known {
            tools: policy.tools.iter().map(|tool| tool.key.as_str()).collect(),
            classes: policy
                .classes
                .iter()
                .map(|class| class.key.as_str())
                .collect(),
            purposes: policy.purposes.iter().map(|one| one.key.as_str()).collect(),
            all_modes: policy.tools.iter().flat_map(modes).collect(),
            modes: policy
                .tools
                .iter()
                .map(|tool| (tool.key.as_str(), modes(tool).collect()))
                .collect(),
        }
    }

    fn modes(&self, tools: &Names) -> BTreeSet<&'a str> {
        match tools.keys() {
            None => self.all_modes.clone(),
            Some(keys) => {
                let sets = keys.iter().filter_map(|key| self.modes.get(key.as_str()));
                sets.flatten().copied().collect()
            }
        }
    }
}

/// Every name of a tool: key, title, other names.
pub(super) fn names_of(tool: &Tool) -> impl Iterator<Item = &str> {
    let named = [tool.key.as_str(), tool.title.as_str()];
    named
        .into_iter()
        .chain(tool.aliases.iter().map(String::as_str))
}

/// A name as it is compared: small letters, single blanks.
pub(super) fn folded(name: &str) -> String {
    let words: Vec<String> = name.split_whitespace().map(str::to_lowercase).collect();
    words.join(" ")
}

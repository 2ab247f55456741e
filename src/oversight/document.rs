//! The rules for human review: for which use cases, by how many, how much. Pure.
use crate::workflow::{Condition, Format, MAX_PROBLEMS, Problem, Source, typed};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// The format of the rules as JSON Schema, for editors.
pub const SCHEMA: &str = include_str!("../../schemas/oversight/human_review.json");
/// The longest text, in bytes.
pub const MAX_BYTES: usize = 512 * 1024;

static FORMAT: LazyLock<Option<Format>> = LazyLock::new(|| Format::of(SCHEMA));

/// Which outputs a human reviews.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Extent {
    /// Each, before it is used.
    EachOutput,
    /// Some of them.
    Sample,
}

impl Extent {
    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Extent::EachOutput => "each output before it is used",
            Extent::Sample => "a sample of the outputs",
        }
    }
}

/// A rule: when a human must review, and how much.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Its short name in the document.
    pub key: String,
    /// What people read.
    pub title: String,
    /// For which use cases, as a condition in CEL; without it for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Why those need it.
    pub because: String,
    /// Which outputs a human reviews.
    pub review: Extent,
    /// What overseers must be able to do.
    pub duty: String,
    /// How many people must be named at least.
    pub overseers: u32,
    /// Whether owner and submitter count as none of them.
    #[serde(default)]
    pub apart_from_owner: bool,
    /// How many days the naming of overseers counts.
    pub named_for: i64,
    /// How many outputs must be looked at, at least, within `days`.
    pub samples: u32,
    /// The days that are looked back on.
    pub days: i64,
    /// Of a hundred outputs looked at, how many may be overridden at most.
    pub override_at_most: u32,
    /// Roles that have mail, besides the owner, when more are overridden.
    #[serde(default)]
    pub tells: BTreeSet<String>,
}

impl Rule {
    /// What is asked of overseers, in words.
    pub fn demand(&self) -> String {
        format!(
            "At least {} outputs looked at in {} days, of a hundred at most {} overridden",
            self.samples, self.days, self.override_at_most
        )
    }
}

/// Rules that were checked.
#[derive(Debug, Clone)]
pub struct RuleBook {
    /// Its short name.
    pub key: String,
    /// What people read.
    pub title: String,
    /// Its rules, each with its condition.
    pub(super) rules: Vec<(Rule, Option<Condition>)>,
    /// The document as canonical JSON (RFC 8785).
    pub text: String,
    /// SHA-256 of the text in lower-case hex.
    pub hash: String,
}

#[derive(Deserialize)]
struct Said {
    key: String,
    title: String,
    rules: Vec<Rule>,
}

impl RuleBook {
    /// Reads the rules. `schema` is that of use cases; without it conditions are not held against
    /// what use cases have today, as for a version that was published before.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its place.
    pub fn read(file: &str, text: &str, schema: Option<&Value>) -> Result<RuleBook, Vec<Problem>> {
        let source = Source::new(file, text, "").of_at_most(MAX_BYTES, 50_000);
        let (said, kept): (Said, _) = typed(&source, FORMAT.as_ref())?;
        let (mut rules, mut problems, mut keys) = (Vec::new(), Vec::new(), BTreeSet::new());
        for (index, rule) in said.rules.into_iter().enumerate() {
            let place = format!("/rules/{index}");
            if !keys.insert(rule.key.clone()) {
                let message = format!("two rules have the key `{}`", rule.key);
                problems.push(source.value(&format!("{place}/key"), message));
            }
            let at = format!("{place}/when");
            let when = rule.when.as_deref();
            match when
                .map(|when| Condition::read(&source, &at, when, schema))
                .transpose()
            {
                Ok(condition) => rules.push((rule, condition)),
                Err(more) => problems.extend(more),
            }
        }
        if !problems.is_empty() {
            problems.truncate(MAX_PROBLEMS);
            return Err(problems);
        }
        Ok(RuleBook {
            key: said.key,
            title: said.title,
            hash: kept.hash,
            rules,
            text: kept.text,
        })
    }

    /// The rules that a use case falls under. A condition that cannot be answered counts as yes.
    pub fn required(&self, document: &Value) -> impl Iterator<Item = &Rule> {
        let applies = |condition: &Option<Condition>| {
            condition
                .as_ref()
                .is_none_or(|condition| condition.holds(document))
        };
        let rules = self.rules.iter();
        rules
            .filter(move |(_, condition)| applies(condition))
            .map(|(rule, _)| rule)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn book(text: &str) -> Result<RuleBook, Vec<Problem>> {
        RuleBook::read("rules", text, None)
    }

    #[test]
    fn what_ships_can_be_read_and_picks_its_rules_by_the_answers() {
        let rules = book(super::super::TEMPLATE).expect("rules");
        let keys = |document: Value| -> Vec<String> {
            let rules = rules.required(&document);
            rules.map(|rule| rule.key.clone()).collect()
        };
        let none = json!({ "effect_on_people": "none", "uses": ["drafting"] });
        assert_eq!(keys(none), Vec::<String>::new());
        let both = json!({ "effect_on_people": "significant", "uses": ["customer_chat"] });
        assert_eq!(keys(both), ["decisions_about_people", "strangers"]);
    }

    #[test]
    fn two_rules_of_one_key_and_a_broken_condition_are_named_with_their_places() {
        let mut said: Value = serde_json::from_str(super::super::TEMPLATE).expect("JSON");
        said["rules"][1]["key"] = said["rules"][0]["key"].clone();
        said["rules"][2]["when"] = json!("request.effect_on_people ==");
        let problems = book(&said.to_string()).expect_err("problems");
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let told = told.join("\n");
        assert!(told.contains("two rules have the key"), "{told}");
        assert!(told.contains("/rules/2/when"), "{told}");
    }
}

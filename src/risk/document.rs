//! The risk rules: how risk is scored, which tier follows, who is told, how the law is screened.
//! Pure.
use crate::workflow::{Condition, Format, MAX_PROBLEMS, Problem, Source, typed};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// The format of the rules as JSON Schema, for editors.
pub const SCHEMA: &str = include_str!("../../schemas/risk/risk.json");
/// The longest text, in bytes.
pub const MAX_BYTES: usize = 512 * 1024;

static FORMAT: LazyLock<Option<Format>> = LazyLock::new(|| Format::of(SCHEMA));

/// How high a risk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Nothing has to be done.
    Low,
    /// Worth a look.
    Medium,
    /// Somebody has to answer for it.
    High,
    /// Hardly to be borne.
    VeryHigh,
}

impl Level {
    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Level::Low => "Low",
            Level::Medium => "Medium",
            Level::High => "High",
            Level::VeryHigh => "Very high",
        }
    }
}

/// What a law makes of a use case, the strictest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// No duty follows from the questions.
    Minimal,
    /// People have to be told.
    Transparency,
    /// It is allowed under strict duties.
    HighRisk,
    /// It is forbidden.
    Prohibited,
}

impl Class {
    /// The word, as entries and the API say it.
    pub fn as_str(self) -> &'static str {
        match self {
            Class::Minimal => "minimal",
            Class::Transparency => "transparency",
            Class::HighRisk => "high_risk",
            Class::Prohibited => "prohibited",
        }
    }

    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Class::Minimal => "Minimal",
            Class::Transparency => "Duty to tell people",
            Class::HighRisk => "High-risk",
            Class::Prohibited => "Prohibited",
        }
    }
}

/// What the organisation is to a system, in the terms of Article 3 (3) and (4) of Regulation (EU)
/// 2024/1689.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It develops the system, or puts it on the market under its name.
    Provider,
    /// It uses the system under its authority.
    Deployer,
}

impl Role {
    /// The word, as entries and the API say it.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Provider => "provider",
            Role::Deployer => "deployer",
        }
    }

    /// The role by its word.
    pub fn named(word: &str) -> Option<Role> {
        let both = [Role::Provider, Role::Deployer];
        both.into_iter().find(|role| role.as_str() == word)
    }
}

/// The lowest score, likelihood times impact, of each level above low.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Levels {
    /// Of medium.
    pub medium: u8,
    /// Of high.
    pub high: u8,
    /// Of very high.
    pub very_high: u8,
}

impl Levels {
    /// The level of a score.
    pub fn of(self, score: u8) -> Level {
        match score {
            score if score >= self.very_high => Level::VeryHigh,
            score if score >= self.high => Level::High,
            score if score >= self.medium => Level::Medium,
            _ => Level::Low,
        }
    }
}

/// How much an organisation makes of a use case's risk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tier {
    /// Its short name.
    pub key: String,
    /// What people read.
    pub title: String,
    /// For which use cases, as a condition in CEL.
    #[serde(default)]
    pub when: Option<String>,
    /// Where the highest residual level is this or more.
    #[serde(default)]
    pub residual: Option<Level>,
    /// Where the screening gives one of these.
    #[serde(default)]
    pub classes: BTreeSet<Class>,
    /// Why.
    pub because: String,
    /// How many days an assessment counts.
    pub days: i64,
}

impl Tier {
    /// Whether it asks for nothing, and so fits everything.
    fn fits_all(&self) -> bool {
        self.when.is_none() && self.residual.is_none() && self.classes.is_empty()
    }
}

/// Who answers when much risk is left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EscalationRule {
    /// Its short name.
    pub key: String,
    /// What people read.
    pub title: String,
    /// Where the residual level of an area is this or more.
    #[serde(default)]
    pub residual: Option<Level>,
    /// Of these areas; empty for any.
    #[serde(default)]
    pub areas: BTreeSet<String>,
    /// Or where the screening gives one of these.
    #[serde(default)]
    pub classes: BTreeSet<Class>,
    /// The role of which one person answers.
    pub to: String,
    /// Days until an answer is due.
    pub within_days: i64,
    /// Why.
    pub because: String,
}

/// A question of the screening, answered with yes, no or not sure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Its short name.
    pub key: String,
    /// What people read.
    pub text: String,
    /// What helps to answer.
    #[serde(default)]
    pub hint: Option<String>,
}

/// What follows from answers by a law.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScreeningRule {
    /// Its short name.
    pub key: String,
    /// What the law makes of it.
    pub class: Class,
    /// The day from which it applies.
    pub from: Date,
    /// The last day on which it applies.
    #[serde(default)]
    pub until: Option<Date>,
    /// Questions of which one is answered with yes, or not for sure.
    pub any: BTreeSet<String>,
    /// Questions of which one answered with yes lifts it.
    #[serde(default)]
    pub unless: BTreeSet<String>,
    /// For whom; empty for both.
    #[serde(default)]
    pub roles: BTreeSet<Role>,
    /// Why.
    pub because: String,
    /// Where the law says so.
    pub source: String,
}

/// Risk rules that were checked.
#[derive(Debug, Clone)]
pub struct RiskRules {
    /// Their short name.
    pub key: String,
    /// What people read.
    pub title: String,
    /// What likelihood 1 to 5 is called.
    pub likelihood: Vec<String>,
    /// What impact 1 to 5 is called.
    pub impact: Vec<String>,
    /// Which scores are of which level.
    pub levels: Levels,
    /// The tiers, each with its condition; the last fits everything.
    pub(super) tiers: Vec<(Tier, Option<Condition>)>,
    /// Who answers when much risk is left.
    pub escalations: Vec<EscalationRule>,
    /// The questions of the screening.
    pub questions: Vec<Question>,
    /// What follows from the answers.
    pub screening: Vec<ScreeningRule>,
    /// The document as canonical JSON (RFC 8785).
    pub text: String,
    /// SHA-256 of the text in lower-case hex.
    pub hash: String,
}

#[derive(Deserialize)]
struct Said {
    key: String,
    title: String,
    likelihood: Vec<String>,
    impact: Vec<String>,
    levels: Levels,
    tiers: Vec<Tier>,
    escalations: Vec<EscalationRule>,
    questions: Vec<Question>,
    screening: Vec<ScreeningRule>,
}

impl RiskRules {
    /// Reads the rules. `schema` is that of use cases; without it conditions are not held against
    /// what use cases have today, as for a version that was published before.
    ///
    /// # Errors
    /// Everything that is wrong with them, each with its place.
    pub fn read(file: &str, text: &str, schema: Option<&Value>) -> Result<RiskRules, Vec<Problem>> {
        let source = Source::new(file, text, "").of_at_most(MAX_BYTES, 50_000);
        let (said, kept): (Said, _) = typed(&source, FORMAT.as_ref())?;
        let mut problems = wrong(&source, &said);
        let mut tiers = Vec::new();
        for (index, tier) in said.tiers.into_iter().enumerate() {
            let at = format!("/tiers/{index}/when");
            let when = tier.when.as_deref();
            match when
                .map(|when| Condition::read(&source, &at, when, schema))
                .transpose()
            {
                Ok(condition) => tiers.push((tier, condition)),
                Err(more) => problems.extend(more),
            }
        }
        if !problems.is_empty() {
            problems.truncate(MAX_PROBLEMS);
            return Err(problems);
        }
        Ok(RiskRules {
            key: said.key,
            title: said.title,
            likelihood: said.likelihood,
            impact: said.impact,
            levels: said.levels,
            tiers,
            escalations: said.escalations,
            questions: said.questions,
            screening: said.screening,
            hash: kept.hash,
            text: kept.text,
        })
    }

    /// The tier of this name; the last where a version knows none of it.
    pub fn tier(&self, key: &str) -> Option<&Tier> {
        let mut tiers = self.tiers.iter().map(|(tier, _)| tier);
        tiers.find(|tier| tier.key == key)
    }
}

/// What the schema cannot say.
fn wrong(source: &Source<'_>, said: &Said) -> Vec<Problem> {
    let mut problems = Vec::new();
    let levels = said.levels;
    if !(levels.medium < levels.high && levels.high < levels.very_high) {
        let message = "each level begins above the one before it: medium, high, very_high";
        problems.push(source.value("/levels", message.to_owned()));
    }
    let keys = |keys: Vec<&str>, list: &str, problems: &mut Vec<Problem>| {
        let mut known = BTreeSet::new();
        for (index, key) in keys.into_iter().enumerate() {
            if !known.insert(key.to_owned()) {
                let message = format!("two of them have the key `{key}`");
                problems.push(source.value(&format!("/{list}/{index}/key"), message));
            }
        }
        known
    };
    let of_tiers = said.tiers.iter().map(|one| one.key.as_str()).collect();
    keys(of_tiers, "tiers", &mut problems);
    let of_lines = said
        .escalations
        .iter()
        .map(|one| one.key.as_str())
        .collect();
    keys(of_lines, "escalations", &mut problems);
    let of_rules = said.screening.iter().map(|one| one.key.as_str()).collect();
    keys(of_rules, "screening", &mut problems);
    let of_questions = said.questions.iter().map(|one| one.key.as_str()).collect();
    let questions = keys(of_questions, "questions", &mut problems);
    let last = said.tiers.len().saturating_sub(1);
    for (index, tier) in said.tiers.iter().enumerate() {
        let message = match (tier.fits_all(), index == last) {
            (false, true) => "the last tier fits everything: take its conditions away",
            (true, false) => "it fits everything, so none below it is ever reached",
            _ => continue,
        };
        problems.push(source.value(&format!("/tiers/{index}"), message.to_owned()));
    }
    for (index, rule) in said.escalations.iter().enumerate() {
        if rule.residual.is_none() && rule.classes.is_empty() {
            let message = "say from which residual level, or by which classes";
            problems.push(source.value(&format!("/escalations/{index}"), message.to_owned()));
        }
        if [crate::people::ADMINISTRATOR, crate::people::AUDITOR].contains(&rule.to.as_str()) {
            let message = format!("{} answers for no risk; name a role that does", rule.to);
            problems.push(source.value(&format!("/escalations/{index}/to"), message));
        }
    }
    for (index, rule) in said.screening.iter().enumerate() {
        for (list, named) in [("any", &rule.any), ("unless", &rule.unless)] {
            if let Some(missing) = named.difference(&questions).next() {
                let message = format!("there is no question `{missing}`");
                problems.push(source.value(&format!("/screening/{index}/{list}"), message));
            }
        }
        if rule.until.is_some_and(|until| until < rule.from) {
            let message = "it ends before it begins".to_owned();
            problems.push(source.value(&format!("/screening/{index}/until"), message));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(change: impl FnOnce(&mut Value)) -> String {
        let mut said: Value = serde_json::from_str(super::super::TEMPLATE).expect("JSON");
        change(&mut said);
        match RiskRules::read("risk", &said.to_string(), None) {
            Ok(_) => String::new(),
            Err(problems) => {
                let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
                told.join("\n")
            }
        }
    }

    #[test]
    fn what_ships_can_be_read() {
        assert_eq!(told(|_| {}), "");
    }

    #[test]
    fn rules_that_cannot_be_meant_are_named_with_their_places() {
        let last = told(|said| {
            said["tiers"].as_array_mut().expect("tiers").pop();
        });
        assert!(last.contains("the last tier fits everything"), "{last}");
        let first = told(|said| {
            said["tiers"][0] = json!({
                "key": "all", "title": "All", "because": "So", "days": 1,
            })
        });
        assert!(first.contains("none below it is ever reached"), "{first}");
        let levels = told(|said| said["levels"]["high"] = json!(3));
        assert!(levels.contains("above the one before"), "{levels}");
        let question = told(|said| said["screening"][0]["any"] = json!(["nothing"]));
        assert!(
            question.contains("there is no question `nothing`"),
            "{question}"
        );
        let nobody = told(|said| said["escalations"][0]["to"] = json!("auditor"));
        assert!(nobody.contains("answers for no risk"), "{nobody}");
    }
}

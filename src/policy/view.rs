//! An answer as pages and the API show it.
use super::overlay::{self, Overlay};
use super::{Answer, NotCounting, Question, Rule, Step, Verdict, Version, headline, kept};
use crate::db::{Conn, Day, PersonId};
use crate::error::Result;
use crate::people;
use crate::register::{self, Query, Status};
use crate::review::Desk;
use crate::web::badge::{Badge, badge};
use jiff::civil::Date;
use serde::Serialize;
use serde_json::Value;

/// A verdict as a word with a shape.
pub fn of_verdict(verdict: Verdict, conditions: usize) -> Badge {
    match verdict {
        Verdict::Allowed => badge("Allowed", "good"),
        Verdict::AllowedWithConditions if conditions == 1 => badge("1 condition", "part"),
        Verdict::AllowedWithConditions => badge(format!("{conditions} conditions"), "part"),
        Verdict::ReviewRequired => badge("Review", "open"),
        Verdict::NotDecided => badge("Not decided", ""),
        Verdict::Prohibited => badge("Not allowed", "bad"),
    }
}

/// A rule as it is shown.
#[derive(Debug, Clone, Serialize)]
pub struct RuleView {
    /// Its key.
    pub key: String,
    /// Where its page is.
    pub path: String,
    /// What it says.
    pub verdict: Verdict,
    /// The same as a word with a shape.
    pub status: Badge,
    /// Why.
    pub reason: String,
    /// Where it is written.
    pub source: Option<String>,
    /// Whether that is an address of the web.
    pub source_is_address: bool,
    /// Who answers for it: a name, or an address nobody here has.
    pub owner: String,
    /// Since when it counts: its first day, or that of its version.
    pub since: Date,
    /// The first day on which it counts.
    pub valid_from: Option<Date>,
    /// The last day on which it counts.
    pub valid_until: Option<Date>,
}

/// The version that answered.
#[derive(Debug, Clone, Serialize)]
pub struct PolicyView {
    /// Its key.
    pub key: String,
    /// Its number.
    pub version: i32,
    /// SHA-256 of its text.
    pub hash: String,
    /// What people read.
    pub title: String,
}

impl PolicyView {
    /// What is said of a version.
    pub fn of(version: &Version) -> PolicyView {
        PolicyView {
            key: version.key.clone(),
            version: version.version,
            hash: version.hash.clone(),
            title: version.index.policy().title.clone(),
        }
    }
}

/// The one next step.
#[derive(Debug, Clone, Serialize)]
pub struct StepView {
    /// What it is.
    #[serde(flatten)]
    pub step: Step,
    /// In words.
    pub words: String,
    /// Where it leads, where it is a page.
    pub path: Option<String>,
}

/// One line beside the verdict: a class, a mode or a purpose with what holds for it.
#[derive(Debug, Clone, Serialize)]
pub struct PartView {
    /// What people read.
    pub title: String,
    /// What holds.
    pub verdict: Verdict,
    /// The same as a word with a shape.
    pub status: Badge,
    /// Rules that say so.
    pub rules: Vec<String>,
    /// Where the same is asked for this part alone.
    pub path: Option<String>,
}

/// An answer.
#[derive(Debug, Clone, Serialize)]
pub struct AnswerView {
    /// The version that answered.
    pub policy: PolicyView,
    /// What was asked, in one line.
    pub about: String,
    /// What was asked.
    pub question: Question,
    /// What was understood of it.
    pub asked: super::Resolved,
    /// What holds.
    pub verdict: Verdict,
    /// The same in words.
    pub words: String,
    /// The same as a word with a shape.
    pub status: Badge,
    /// The rules that say so.
    pub rules: Vec<RuleView>,
    /// What must be done.
    pub conditions: Vec<super::Condition>,
    /// Stands for the conditions, so that nobody accepts others than they saw.
    pub terms: String,
    /// What holds for each class, where several apply.
    pub classes: Vec<PartView>,
    /// Whether several classes were asked.
    pub several: bool,
    /// What holds in each mode, where none was said.
    pub modes: Vec<PartView>,
    /// Whether it depends on the mode.
    pub depends_on_mode: bool,
    /// Purposes for which another verdict holds.
    pub other_purposes: Vec<PartView>,
    /// What is not known or does not count, in sentences.
    pub remarks: Vec<String>,
    /// The one next step.
    pub next: StepView,
    /// Where this answer stands, to be linked to.
    pub path: String,
    /// The change at the tool's vendor that makes it another than the policy says.
    pub overlay: Option<Overlay>,
}

/// Beyond which business units a reader must not see, and who reads; nothing for everything.
pub type Within = Option<(Vec<String>, PersonId)>;

/// Answers a question as of today, for a reader who sees records `within`.
///
/// # Errors
/// When the database fails.
pub fn answer(
    conn: &mut Conn,
    desk: &Desk,
    version: &Version,
    question: &Question,
    within: &Within,
) -> Result<AnswerView> {
    let mut answer = version.index.ask(question, desk.today().0);
    let overlay = overlay::lay(conn, version, &mut answer)?;
    let approval = match answer.outcome.verdict {
        // What is approved of this vendor is itself under review.
        _ if overlay.is_some() => None,
        Verdict::ReviewRequired => approval(conn, desk, version, &answer, within)?,
        _ => None,
    };
    let mut rules = Vec::new();
    for key in answer.outcome.rules.iter().take(20) {
        if let Some(rule) = version.index.rule(key) {
            rules.push(rule_view(conn, desk, version, rule)?);
        }
    }
    let (classes, modes, other_purposes) = parts(version, question, &answer);
    let next = super::next_step(&version.index, &answer, approval);
    Ok(AnswerView {
        policy: PolicyView::of(version),
        about: about(version, question, &answer),
        words: headline(&answer),
        verdict: answer.outcome.verdict,
        status: of_verdict(answer.outcome.verdict, answer.outcome.conditions.len()),
        rules,
        terms: kept::terms(&answer.outcome.conditions),
        conditions: answer.outcome.conditions.clone(),
        several: answer.outcome.by_class.len() > 1,
        classes,
        modes,
        depends_on_mode: answer.depends_on_mode,
        other_purposes,
        remarks: remarks(version, question, &answer),
        next: step_view(desk, version, question, &answer, next)?,
        path: path(&version.key, question),
        question: question.clone(),
        asked: answer.asked,
        overlay,
    })
}

type Parts = Vec<PartView>;

/// What holds for each class, each mode and other purposes.
fn parts(version: &Version, question: &Question, answer: &Answer) -> (Parts, Parts, Parts) {
    let policy = version.index.policy();
    let class_title = |key: &str| {
        let class = policy.classes.iter().find(|class| class.key == key);
        class.map_or_else(|| key.to_owned(), |class| class.title.clone())
    };
    let by_class = answer.outcome.by_class.iter().map(|class| PartView {
        title: class_title(&class.class),
        verdict: class.verdict,
        status: brief(class.verdict),
        rules: class.rules.clone(),
        path: None,
    });
    let modes = answer.modes.iter().map(|mode| PartView {
        title: mode.title.clone(),
        verdict: mode.outcome.verdict,
        status: of_verdict(mode.outcome.verdict, mode.outcome.conditions.len()),
        rules: mode.outcome.rules.clone(),
        path: Some(path(
            &version.key,
            &Question {
                mode: Some(mode.mode.clone()),
                ..question.clone()
            },
        )),
    });
    let purposes = answer.other_purposes.iter().map(|(key, verdict)| PartView {
        title: purpose_title(version, key),
        verdict: *verdict,
        status: brief(*verdict),
        rules: Vec::new(),
        path: Some(path(
            &version.key,
            &Question {
                purpose: Some(key.clone()),
                ..question.clone()
            },
        )),
    });
    (by_class.collect(), modes.collect(), purposes.collect())
}

fn brief(verdict: Verdict) -> Badge {
    match verdict {
        Verdict::AllowedWithConditions => badge("With conditions", "part"),
        other => of_verdict(other, 0),
    }
}

fn purpose_title(version: &Version, key: &str) -> String {
    let mut purposes = version.index.policy().purposes.iter();
    let found = purposes.find(|purpose| purpose.key == key);
    found.map_or_else(|| key.to_owned(), |purpose| purpose.title.clone())
}

/// A rule as it is shown.
///
/// # Errors
/// When the database fails.
pub fn rule_view(conn: &mut Conn, desk: &Desk, version: &Version, rule: &Rule) -> Result<RuleView> {
    let owner = rule.owner.as_ref().unwrap_or(&version.index.policy().owner);
    let person = people::by_email(conn, owner)?;
    let source = rule.source.clone();
    let is_address = |text: &String| text.starts_with("https://") || text.starts_with("http://");
    Ok(RuleView {
        key: rule.key.clone(),
        path: format!(
            "/policy/{}/versions/{}/rules/{}",
            version.key, version.version, rule.key
        ),
        verdict: rule.verdict,
        status: of_verdict(rule.verdict, rule.conditions.len()),
        reason: rule.reason.clone(),
        source_is_address: source.as_ref().is_some_and(is_address),
        source,
        owner: person.map_or_else(|| owner.clone(), |person| person.name),
        since: rule
            .valid_from
            .unwrap_or(Day::of(version.published_at, &desk.zone).0),
        valid_from: rule.valid_from,
        valid_until: rule.valid_until,
    })
}

/// What was asked, in one line.
pub fn about(version: &Version, question: &Question, answer: &Answer) -> String {
    let policy = version.index.policy();
    let tool = version.index.tool(&question.tool);
    let tool_title = tool.map_or_else(|| question.tool.clone(), |tool| tool.title.clone());
    let mode = answer.asked.mode.as_deref().and_then(|key| {
        let mut modes = tool.into_iter().flat_map(|tool| &tool.modes);
        modes
            .find(|mode| mode.key == key)
            .map(|mode| mode.title.clone())
    });
    let mode = mode.or_else(|| answer.asked.unknown_mode.clone());
    let first = match mode {
        Some(mode) => format!("{tool_title}, {mode}"),
        None => tool_title,
    };
    let known = policy.classes.iter();
    let known = known.filter(|class| answer.asked.classes.contains(&class.key));
    let mut classes: Vec<String> = known.map(|class| class.title.clone()).collect();
    classes.extend(answer.asked.unknown_classes.iter().cloned());
    let purpose = answer
        .asked
        .purpose
        .as_deref()
        .map(|key| purpose_title(version, key));
    let purpose = purpose.or_else(|| answer.asked.unknown_purpose.clone());
    let parts = [Some(first), Some(classes.join(", ")), purpose];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

fn remarks(version: &Version, question: &Question, answer: &Answer) -> Vec<String> {
    let asked = &answer.asked;
    let policy = version.index.policy();
    let mut remarks = Vec::new();
    if asked.tool.is_none() {
        remarks.push(format!("{} is not listed in this policy.", question.tool));
    }
    if let Some(mode) = &asked.unknown_mode {
        remarks.push(format!("This tool has no mode “{mode}” in this policy."));
    }
    for class in &asked.unknown_classes {
        remarks.push(format!("This policy has no data class “{class}”."));
    }
    if let Some(purpose) = &asked.unknown_purpose {
        remarks.push(format!(
            "“{purpose}” is no purpose of this policy: the rules for every purpose counted."
        ));
    }
    for key in &asked.included {
        let class = policy.classes.iter().find(|class| class.key == *key);
        let title = class.map_or(key.as_str(), |class| class.title.as_str());
        remarks.push(format!(
            "“{title}” was asked as well, because what you chose includes it."
        ));
    }
    if answer
        .outcome
        .by_class
        .iter()
        .any(|class| !class.held_back.is_empty())
    {
        let sentence = "A rule for every tool allows it, but only for tools and modes that are \
                        listed.";
        remarks.push(sentence.to_owned());
    }
    remarks.extend(answer.not_counting.iter().map(not_counting));
    remarks
}

fn not_counting(rule: &NotCounting) -> String {
    match (rule.expired_on, rule.begins_on) {
        (Some(day), _) => format!("The rule {} ended on {day} and did not count.", rule.rule),
        (_, Some(day)) => format!("The rule {} begins on {day} and did not count.", rule.rule),
        _ => format!("The rule {} did not count.", rule.rule),
    }
}

fn step_view(
    desk: &Desk,
    version: &Version,
    question: &Question,
    answer: &Answer,
    step: Step,
) -> Result<StepView> {
    let (words, path) = match &step {
        Step::Use => ("Use it.".to_owned(), None),
        Step::Accept => ("Accept the conditions and be registered.".to_owned(), None),
        Step::ChooseMode {
            mode,
            title,
            conditions,
            verdict,
        } => {
            let better = Question {
                mode: Some(mode.clone()),
                ..question.clone()
            };
            let words = match (verdict, conditions) {
                (Verdict::AllowedWithConditions, 1) => format!("Use “{title}”: 1 condition"),
                (Verdict::AllowedWithConditions, n) => format!("Use “{title}”: {n} conditions"),
                (Verdict::Allowed, _) => format!("Use “{title}”"),
                _ => format!("See what holds in “{title}”"),
            };
            (words, Some(self::path(&version.key, &better)))
        }
        Step::Join { reference, title } => {
            let words = format!("Join what is approved: {title}");
            (words, Some(format!("/use-cases/{reference}/joins")))
        }
        Step::Request { .. } => {
            let form = &desk.kinds.by_key("use_case")?.form;
            let filled = kept::prefilled(version, answer, form);
            let words = "Start a request with these answers filled in".to_owned();
            (words, Some(format!("/use-cases/new?{}", query(&filled)?)))
        }
        Step::Ask { contact } => (format!("Ask {contact}."), None),
    };
    Ok(StepView { step, words, path })
}

/// Fields of a form as they stand in an address.
///
/// # Errors
/// When they cannot be written there.
pub fn query(fields: &Value) -> Result<String> {
    let fields = fields.as_object().into_iter().flatten();
    let pairs = fields.flat_map(|(name, value)| match value {
        Value::Array(items) => items.iter().map(|item| (name, item)).collect(),
        one => vec![(name, one)],
    });
    let pairs = pairs.filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)));
    encoded(&pairs.collect::<Vec<_>>())
}

fn encoded(pairs: &[(&str, &str)]) -> Result<String> {
    serde_urlencoded::to_string(pairs)
        .map_err(|e| crate::error::Error::Corrupt(format!("an address cannot be made: {e}")))
}

/// Where the answer to a question stands.
pub fn path(key: &str, question: &Question) -> String {
    let mut pairs = vec![("tool", question.tool.as_str())];
    if key != super::MAIN {
        pairs.push(("policy", key));
    }
    pairs.extend(question.mode.as_deref().map(|mode| ("mode", mode)));
    pairs.extend(
        question
            .classes
            .iter()
            .map(|class| ("class", class.as_str())),
    );
    pairs.extend(
        question
            .purpose
            .as_deref()
            .map(|purpose| ("purpose", purpose)),
    );
    format!("/answers?{}", encoded(&pairs).unwrap_or_default())
}

/// An approved use case of the same tool for at least this data: reference and title.
fn approval(
    conn: &mut Conn,
    desk: &Desk,
    version: &Version,
    answer: &Answer,
    within: &Within,
) -> Result<Option<(String, String)>> {
    let asked = &answer.asked;
    let Some(tool) = asked
        .tool
        .as_deref()
        .and_then(|key| version.index.tool(key))
    else {
        return Ok(None);
    };
    let filled = kept::prefilled(version, answer, &desk.kinds.by_key("use_case")?.form);
    let words = |document: &Value, name: &str| -> Vec<String> {
        let items = document.get(name).and_then(Value::as_array);
        let items = items.into_iter().flatten().filter_map(Value::as_str);
        items.map(str::to_owned).collect()
    };
    let data = words(&filled, "data_classes");
    if data.is_empty() {
        return Ok(None);
    }
    let query = Query {
        kind: "use_case".to_owned(),
        text: Some(tool.title.clone()),
        status: vec![Status::Approved],
        within: within.clone(),
        now: Some(desk.clock.now()),
        ..Query::default()
    };
    for record in register::list(conn, &query)?.records {
        let document = register::revision(conn, record.id, record.revision)?.document()?;
        let named = document
            .get("tool")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let same = version
            .index
            .tool(named)
            .is_some_and(|other| other.key == tool.key);
        let held = words(&document, "data_classes");
        if same && data.iter().all(|class| held.contains(class)) {
            return Ok(Some((record.reference, record.title)));
        }
    }
    Ok(None)
}

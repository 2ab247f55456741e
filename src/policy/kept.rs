//! Answers that somebody kept, and use cases that are registered under a rule.
use super::overlay;
use super::{Answer, Condition, Index, Question, Resolved, Verdict, Version};
use crate::db::schema::policy_answers;
use crate::db::{AnswerId, At, Conn, PersonId, RecordId, Tx, VendorChangeId};
use crate::error::{Error, Result};
use crate::form::{FieldError, plain};
use crate::ledger::{self, Actor, Note};
use crate::people;
use crate::register::{self, NewRecord, Record, Status};
use crate::review::Desk;
use diesel::prelude::*;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// Longest word of a question.
pub const WORD_MAX: usize = 300;
/// Most classes of a question.
pub const CLASSES_MAX: usize = 100;
/// Rules that are named in an entry: many rules may say the same of one question.
const RULES_MAX: usize = 100;
/// Kept answers that a dry run asks again, the latest first.
const ASKED_AGAIN: i64 = 2000;

/// What the policy knows of a question: keys only. What it does not know lies beside the entry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Key of the tool.
    pub tool: Option<String>,
    /// Key of the mode.
    pub mode: Option<String>,
    /// Keys of the classes.
    pub classes: Vec<String>,
    /// Key of the purpose.
    pub purpose: Option<String>,
}

impl Asked {
    fn of(asked: &Resolved) -> Asked {
        Asked {
            tool: asked.tool.clone(),
            mode: asked.mode.clone(),
            classes: asked.classes.clone(),
            purpose: asked.purpose.clone(),
        }
    }
}

/// An answer as it was kept.
#[derive(Debug, Clone)]
pub struct Kept {
    /// Identifier.
    pub id: AnswerId,
    /// Number of its entry.
    pub seq: i64,
    /// Key of the policy.
    pub policy: String,
    /// Version that answered.
    pub version: i32,
    /// What was asked, as far as the policy knows it.
    pub asked: Asked,
    /// What held.
    pub verdict: Verdict,
    /// Keys of the rules that said so.
    pub rules: Vec<String>,
    /// Who asked.
    pub person: PersonId,
    /// The use case that was registered with it.
    pub record: Option<RecordId>,
    /// When.
    pub at: At,
}

/// A kept answer that another policy would answer differently.
#[derive(Debug, Clone, Serialize)]
pub struct Moved {
    /// Identifier.
    pub id: String,
    /// The tool, as it is known.
    pub tool: Option<String>,
    /// Key of the mode.
    pub mode: Option<String>,
    /// Keys of the classes.
    pub classes: Vec<String>,
    /// What holds now.
    pub before: Verdict,
    /// What would hold.
    pub after: Verdict,
    /// Whether a use case was registered with it.
    pub registered: bool,
}

/// Refuses questions that nobody can answer: without a tool or data, or with endless words.
///
/// # Errors
/// [`Error::Invalid`] naming the fields.
pub fn check(question: &Question) -> Result<()> {
    let mut errors = Vec::new();
    let mut wrong = |field: &str, rule: &'static str, sentence: &str| {
        errors.push(FieldError::new(field, rule, sentence.to_owned()));
    };
    if question.tool.trim().is_empty() {
        wrong(
            "tool",
            "missing",
            "Say which tool, also when it is not listed",
        );
    }
    if question.classes.is_empty() {
        wrong("classes", "missing", "Choose the data that goes in");
    }
    if question.classes.len() > CLASSES_MAX {
        wrong("classes", "other", "Choose at most 100 classes");
    }
    let long = |word: &str| word.chars().count() > WORD_MAX || plain(word) != word.trim();
    let words = [
        ("tool", Some(&question.tool)),
        ("mode", question.mode.as_ref()),
        ("purpose", question.purpose.as_ref()),
    ];
    let classes = question
        .classes
        .iter()
        .map(|class| ("classes", Some(class)));
    for (field, word) in words.into_iter().chain(classes) {
        if word.is_some_and(|word| long(word)) {
            wrong(
                field,
                "other",
                "Write one plain line of at most 300 characters",
            );
        }
    }
    match errors.is_empty() {
        true => Ok(()),
        false => Err(Error::Invalid(errors)),
    }
}

/// Keeps the answer to a question as it stands now.
///
/// # Errors
/// [`Error::Invalid`], [`Error::Unauthenticated`] for the operator, who asks nothing.
pub fn keep(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    version: &Version,
    question: &Question,
) -> Result<Kept> {
    check(question)?;
    let mut answer = version.index.ask(question, desk.today().0);
    let overlay = overlay::lay(tx, version, &mut answer)?;
    let change = overlay.map(|overlay| overlay.change);
    enter(tx, desk, actor, version, question, &answer, (None, change))
}

fn enter(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    version: &Version,
    question: &Question,
    answer: &Answer,
    (record, change): (Option<&Record>, Option<VendorChangeId>),
) -> Result<Kept> {
    let person = actor.person.ok_or(Error::Unauthenticated)?;
    let kind = match record {
        Some(_) => "answer.accepted",
        None => "answer.kept",
    };
    let rules = answer.outcome.rules.iter().take(RULES_MAX).cloned();
    let rules: Vec<String> = rules.collect();
    let (id, asked, now) = (AnswerId::new(), Asked::of(&answer.asked), desk.clock.now());
    let mut note = Note::new(kind, actor)
        .subject("answer", id.to_string())
        .subject("policy", version.key.as_str())
        .subject("policy_version", version.version)
        .subject("policy_hash", version.hash.as_str())
        .data("asked", serde_json::to_value(&asked)?)
        .data("verdict", answer.outcome.verdict.as_str())
        .data("rules", rules.clone());
    if let Some(record) = record {
        note = note.record(record.id, &record.reference);
        note = note.data("conditions_accepted", answer.outcome.conditions.len());
    }
    if let Some(change) = change {
        note = note.data("vendor_change", change.to_string());
    }
    if has_unknown(&answer.asked) {
        note = note.private("question", serde_json::to_string(question)?);
    }
    let seq = i64::try_from(ledger::append(tx, now, note)?).unwrap_or(i64::MAX);
    let kept = Kept {
        id,
        seq,
        policy: version.key.clone(),
        version: version.version,
        asked,
        verdict: answer.outcome.verdict,
        rules,
        person,
        record: record.map(|record| record.id),
        at: now,
    };
    insert(tx, &kept)?;
    Ok(kept)
}

fn has_unknown(asked: &Resolved) -> bool {
    asked.tool.is_none()
        || asked.unknown_mode.is_some()
        || asked.unknown_purpose.is_some()
        || !asked.unknown_classes.is_empty()
}

/// What somebody says who accepts the conditions of an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acceptance {
    /// The version that was shown.
    pub version: i32,
    /// What stands for the conditions that were shown, see [`terms`].
    pub terms: String,
    /// What the use case is called.
    pub title: String,
    /// The conditions that are accepted: their places in the answer, from 0.
    #[serde(default)]
    pub conditions: Vec<usize>,
}

/// Registers a use case under the rules that allow it: no review, the conditions are accepted by
/// whoever asks and answers for it.
///
/// # Errors
/// [`Error::Stale`] when another version is in force, [`Error::Invalid`] where the answer does not
/// allow it or a condition is not accepted.
pub fn accept(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    version: &Version,
    question: &Question,
    given: &Acceptance,
) -> Result<Record> {
    check(question)?;
    if given.version != version.version {
        let (seen, now) = (given.version, version.version);
        return Err(Error::Stale { seen, now });
    }
    let answer = settled(tx, desk, version, question)?;
    let wrong = |field: &str, sentence: &str| {
        Error::Invalid(vec![FieldError::new(field, "other", sentence.to_owned())])
    };
    if !answer.outcome.verdict.permits() {
        let sentence = "the policy does not allow this as it was asked; nothing was registered";
        return Err(wrong("", sentence));
    }
    if answer.depends_on_mode {
        return Err(wrong("mode", "Say in which mode: what holds depends on it"));
    }
    if hides_a_purpose(version, question, &answer, desk.today().0) {
        let sentence = "Say what for, as the policy names it: for some purposes it is not allowed";
        return Err(wrong("purpose", sentence));
    }
    // A rule may have begun or ended since the page was drawn.
    if given.terms != terms(&answer.outcome.conditions) {
        let (seen, now) = (given.version, version.version);
        return Err(Error::Stale { seen, now });
    }
    let all = 0..answer.outcome.conditions.len();
    if !all
        .into_iter()
        .all(|place| given.conditions.contains(&place))
    {
        return Err(wrong(
            "conditions",
            "Accept every condition, or ask for an exception",
        ));
    }
    let title = given.title.trim();
    if title.is_empty() {
        let missing = FieldError::new("title", "missing", "Say what you call it".to_owned());
        return Err(Error::Invalid(vec![missing]));
    }
    let person = people::known(tx, actor.person.ok_or(Error::Unauthenticated)?)?;
    let kind = desk.kinds.by_key("use_case")?;
    let mut document = prefilled(version, &answer, &kind.form);
    if let Some(fields) = document.as_object_mut() {
        fields.insert("title".to_owned(), title.into());
        fields.insert("owner".to_owned(), person.email.into());
        fields.insert("notes".to_owned(), notes(version, &answer).into());
    }
    let new = NewRecord {
        document,
        status: Status::Registered,
        source_key: None,
    };
    let record = register::create(tx, desk.clock.now(), actor, kind, new)?;
    let about = (Some(&record), None);
    enter(tx, desk, actor, version, question, &answer, about)?;
    Ok(record)
}

/// The answer, as long as nothing changed at the tool's vendor that is not dealt with.
fn settled(conn: &mut Conn, desk: &Desk, version: &Version, question: &Question) -> Result<Answer> {
    let mut answer = version.index.ask(question, desk.today().0);
    match overlay::lay(conn, version, &mut answer)? {
        None => Ok(answer),
        Some(overlay) => {
            let sentence = format!("{} Nothing was registered.", overlay.words);
            let error = FieldError::new("", "other", sentence);
            Err(Error::Invalid(vec![error]))
        }
    }
}

/// Whether the question names no purpose that the policy knows, and one of those would not be
/// allowed: nobody is registered for what they did not say.
fn hides_a_purpose(version: &Version, question: &Question, answer: &Answer, today: Date) -> bool {
    let open = Question {
        purpose: None,
        ..question.clone()
    };
    let others = || version.index.ask(&open, today).other_purposes;
    answer.asked.purpose.is_none() && others().iter().any(|(_, verdict)| !verdict.permits())
}

/// What stands for conditions: others have another.
pub fn terms(conditions: &[Condition]) -> String {
    let mut hash = Sha256::new();
    for condition in conditions {
        hash.update(condition.text.as_bytes());
        hash.update([0]);
    }
    hex::encode(hash.finalize())
}

fn notes(version: &Version, answer: &Answer) -> String {
    let mut lines = vec![format!(
        "Registered under the data-use policy {}, version {}, by: {}.",
        version.key,
        version.version,
        answer.outcome.rules.join(", ")
    )];
    let conditions = answer.outcome.conditions.iter();
    lines.extend(conditions.map(|condition| format!("Accepted: {}", condition.text)));
    lines.join("\n")
}

/// What a use case can say of the question: tool, vendor, data, use.
pub fn prefilled(version: &Version, answer: &Answer, form: &crate::form::Form) -> Value {
    let policy = version.index.policy();
    let asked = &answer.asked;
    let mut document = serde_json::Map::new();
    if let Some(tool) = asked
        .tool
        .as_deref()
        .and_then(|key| version.index.tool(key))
    {
        let title: String = tool.title.chars().take(120).collect();
        document.insert("tool".to_owned(), title.into());
        if let Some(vendor) = &tool.vendor {
            let vendor: String = vendor.chars().take(120).collect();
            document.insert("sourcing".to_owned(), "vendor".into());
            document.insert("vendor".to_owned(), vendor.into());
        }
    }
    let keys: Vec<&String> = asked.classes.iter().chain(&asked.included).collect();
    let classes = policy
        .classes
        .iter()
        .filter(|class| keys.contains(&&class.key));
    let mut data: Vec<&String> = classes.flat_map(|class| &class.counts_as).collect();
    data.dedup();
    if !data.is_empty() {
        document.insert("data_classes".to_owned(), json!(data));
    }
    let uses = form
        .field("uses")
        .map(|field| field.choices())
        .unwrap_or_default();
    let purpose = asked.purpose.as_ref();
    if let Some(purpose) = purpose.filter(|key| uses.iter().any(|one| one.value == **key)) {
        document.insert("uses".to_owned(), json!([purpose]));
    }
    Value::Object(document)
}

/// Kept answers of a policy that `after` answers differently from `before`.
///
/// # Errors
/// When the database fails.
pub fn moved(
    conn: &mut Conn,
    before: &Index,
    after: &Index,
    key: &str,
    today: Date,
) -> Result<Vec<Moved>> {
    let rows: Vec<Row> = policy_answers::table
        .filter(policy_answers::policy_key.eq(key))
        .order(policy_answers::kept_at.desc())
        .limit(ASKED_AGAIN)
        .load(conn)?;
    let all: Vec<Kept> = rows.into_iter().map(read).collect::<Result<_>>()?;
    let seqs: Vec<i64> = all.iter().map(|kept| kept.seq).collect();
    let opened = ledger::opened(conn, &seqs)?.into_iter();
    let words = opened.filter(|(_, name, ..)| name == "question");
    let words: HashMap<i64, String> = words.map(|(seq, .., text)| (seq, text)).collect();
    let mut moved = Vec::new();
    for kept in all {
        let question = asked(&kept, words.get(&kept.seq).map(String::as_str))?;
        let verdict = |index: &Index| index.ask(&question, today).outcome.verdict;
        let (was, will) = (verdict(before), verdict(after));
        if was != will {
            moved.push(Moved {
                id: kept.id.to_string(),
                tool: kept.asked.tool,
                mode: kept.asked.mode,
                classes: kept.asked.classes,
                before: was,
                after: will,
                registered: kept.record.is_some(),
            });
        }
    }
    Ok(moved)
}

/// The question of a kept answer; where its words are erased, what the policy knew of it.
///
/// # Errors
/// When the database fails.
pub fn question(conn: &mut Conn, kept: &Kept) -> Result<Question> {
    let mut words = ledger::opened(conn, &[kept.seq])?.into_iter();
    let words = words.find(|(_, name, ..)| name == "question");
    asked(kept, words.as_ref().map(|(.., text)| text.as_str()))
}

fn asked(kept: &Kept, words: Option<&str>) -> Result<Question> {
    if let Some(text) = words {
        return Ok(serde_json::from_str(text)?);
    }
    let asked = kept.asked.clone();
    Ok(Question {
        tool: asked.tool.unwrap_or_default(),
        mode: asked.mode,
        classes: asked.classes,
        purpose: asked.purpose,
    })
}

/// One kept answer.
///
/// # Errors
/// [`Error::NotFound`].
pub fn kept(conn: &mut Conn, id: AnswerId) -> Result<Kept> {
    let row: Option<Row> = policy_answers::table.find(id).get_result(conn).optional()?;
    read(row.ok_or_else(|| Error::not_found("answer", id))?)
}

type Row = (
    AnswerId,
    i64,
    String,
    i32,
    String,
    String,
    String,
    PersonId,
    Option<RecordId>,
    At,
);

fn read(row: Row) -> Result<Kept> {
    let (id, seq, policy, version, asked, verdict, rules, person, record, at) = row;
    let odd = || Error::Corrupt(format!("answer {id} says {verdict}"));
    Ok(Kept {
        id,
        seq,
        policy,
        version,
        asked: serde_json::from_str(&asked)?,
        verdict: Verdict::named(&verdict).ok_or_else(odd)?,
        rules: serde_json::from_str(&rules)?,
        person,
        record,
        at,
    })
}

fn insert(tx: &mut Tx, kept: &Kept) -> Result<()> {
    diesel::insert_into(policy_answers::table)
        .values((
            policy_answers::id.eq(kept.id),
            policy_answers::seq.eq(kept.seq),
            policy_answers::policy_key.eq(&kept.policy),
            policy_answers::policy_version.eq(kept.version),
            policy_answers::asked.eq(serde_json::to_string(&kept.asked)?),
            policy_answers::verdict.eq(kept.verdict.as_str()),
            policy_answers::rules.eq(serde_json::to_string(&kept.rules)?),
            policy_answers::person_id.eq(kept.person),
            policy_answers::record_id.eq(kept.record),
            policy_answers::kept_at.eq(kept.at),
        ))
        .execute(&mut **tx)?;
    Ok(())
}

//! Assessing the risk of a use case.
use super::judge::{Judged, judge};
use super::store::{self, Area, Assessed, Assessment, Escalation};
use super::{Answer, Answers, MAIL, Refusal, RiskRules, Role, Score, Scores, USE_CASE};
use crate::db::{AssessmentId, Conn, Day, EscalationId, PersonId, RecordId, Tx};
use crate::error::{Error, Result};
use crate::form::{FieldError, plain};
use crate::ledger::{Actor, Note};
use crate::notify::outbox::{self, Message};
use crate::overview::AREAS;
use crate::register::{self, Record};
use crate::review::{self, Desk};
use crate::{people, rules};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Longest text, in characters.
const TEXT: usize = 4000;

/// What somebody says of one area.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AreaGiven {
    /// Whether it can go wrong here at all.
    pub applies: bool,
    /// Likelihood before anything is done, 1 to 5.
    pub inherent_likelihood: Option<u8>,
    /// Impact before anything is done, 1 to 5.
    pub inherent_impact: Option<u8>,
    /// Likelihood that is left, 1 to 5.
    pub residual_likelihood: Option<u8>,
    /// Impact that is left, 1 to 5.
    pub residual_impact: Option<u8>,
    /// Why it is so, or why it does not apply.
    pub why: String,
    /// What is done about it.
    pub mitigation: String,
    /// Address of who answers for that.
    pub owner: String,
    /// The day by which it is done; empty where it is.
    pub due: String,
}

impl Default for AreaGiven {
    fn default() -> Self {
        Self {
            applies: true,
            inherent_likelihood: None,
            inherent_impact: None,
            residual_likelihood: None,
            residual_impact: None,
            why: String::new(),
            mitigation: String::new(),
            owner: String::new(),
            due: String::new(),
        }
    }
}

/// What somebody says of the risk of a use case.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Given {
    /// The revision that they looked at.
    pub revision: i32,
    /// `provider` or `deployer`.
    pub role: String,
    /// By area.
    pub areas: BTreeMap<String, AreaGiven>,
    /// By question: `yes`, `no` or `unsure`.
    pub answers: BTreeMap<String, String>,
}

/// What was read of an area.
struct Checked {
    area: Area,
    why: String,
    mitigation: String,
}

/// Whether a person may assess a use case: whoever may change it, and who keeps the rules.
///
/// # Errors
/// When the database fails.
pub fn may_assess(conn: &mut Conn, desk: &Desk, person: PersonId, record: &Record) -> Result<bool> {
    let roles = people::roles_on(conn, desk.today(), person)?;
    Ok(roles.contains(people::GOVERNANCE) || review::may_edit(conn, person, record)?)
}

/// Records an assessment. Who has to answer for what is left has mail, or whoever keeps the rules
/// where nobody can; what waited for an answer before is superseded.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Invalid`] field by field, [`Error::Stale`],
/// [`Refusal::NoRiskRules`], [`Refusal::NotYoursToAssess`].
pub fn assess(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    record: RecordId,
    given: &Given,
) -> Result<Assessed> {
    let person = actor.person.ok_or(Error::Unauthenticated)?;
    let record = register::by_id(tx, record)?;
    if record.kind != USE_CASE {
        return Err(Error::not_found("use case", record.reference));
    }
    if !may_assess(tx, desk, person, &record)? {
        return Err(Refusal::NotYoursToAssess.into());
    }
    let in_force = store::rules_in_force(tx)?;
    let (version, rules) = in_force.ok_or(Refusal::NoRiskRules)?;
    let (checked, answers, role) = check(tx, &rules, given, desk.today())?;
    if given.revision != record.revision {
        let (seen, now) = (given.revision, record.revision);
        return Err(Error::Stale { seen, now });
    }
    let document = register::revision(tx, record.id, record.revision)?.document()?;
    let scores: BTreeMap<String, Option<Scores>> = checked
        .iter()
        .map(|(area, one)| (area.clone(), one.area.scores))
        .collect();
    let today = desk.today();
    let judged = judge(&rules, &document, &scores, (&answers, role), today.0);
    let judged = judged.ok_or_else(|| Error::Corrupt("risk rules without a tier".to_owned()))?;
    let superseded = store::open_of(tx, record.id)?;
    let (id, now) = (AssessmentId::new(), desk.time(tx)?);
    let mut assessed = Assessed {
        assessment: Assessment {
            id,
            record_id: record.id,
            revision: record.revision,
            rules_version: version,
            tier: judged.tier.key.clone(),
            class: judged.screened.class.as_str().to_owned(),
            role: role.as_str().to_owned(),
            answers: spelled(&answers)?,
            assessed_on: today,
            valid_until: today.days_later(judged.tier.days),
            assessed_by: person,
            seq: 0,
            at: now,
        },
        areas: checked
            .iter()
            .map(|(area, one)| (area.clone(), one.area))
            .collect(),
        escalations: escalations(&judged, id, record.id, today),
    };
    let note = note(actor, &record, &assessed, &superseded, checked)?;
    let seq = i64::try_from(crate::ledger::append(tx, now, note)?).unwrap_or(i64::MAX);
    assessed.assessment.seq = seq;
    for old in superseded {
        store::settle(tx, old.id, ("superseded", None), (person, seq, now))?;
    }
    store::insert(tx, &assessed)?;
    tell_who_answers(tx, &record, &rules, &assessed)?;
    Ok(assessed)
}

fn spelled(answers: &Answers) -> Result<String> {
    let text = serde_json_canonicalizer::to_string(answers);
    text.map_err(|_| Error::Interrupted)
}

fn escalations(
    judged: &Judged<'_>,
    assessment: AssessmentId,
    record: RecordId,
    today: Day,
) -> Vec<Escalation> {
    let fired = judged.escalations.iter().map(|fired| Escalation {
        id: EscalationId::new(),
        assessment_id: assessment,
        record_id: record,
        rule: fired.rule.clone(),
        areas: fired.areas.iter().cloned().collect::<Vec<_>>().join(","),
        role: fired.to.clone(),
        due_on: today.days_later(fired.within_days),
        state: "open".to_owned(),
        accepted_until: None,
        settled_by: None,
        settled_seq: None,
        settled_at: None,
    });
    fired.collect()
}

/// The entry: numbers and keys stand in it, texts beside it.
fn note(
    actor: &Actor,
    record: &Record,
    assessed: &Assessed,
    superseded: &[Escalation],
    checked: BTreeMap<String, Checked>,
) -> Result<Note> {
    let assessment = &assessed.assessment;
    let areas: Map<String, Value> = assessed
        .areas
        .iter()
        .map(|(area, one)| (area.clone(), told(one)))
        .collect();
    let escalations: Vec<Value> = assessed
        .escalations
        .iter()
        .map(|one| {
            json!({
                "id": one.id, "rule": one.rule, "areas": one.areas, "role": one.role,
                "due_on": one.due_on.to_string(),
            })
        })
        .collect();
    let gone: Vec<String> = superseded.iter().map(|one| one.id.to_string()).collect();
    let answers: Value = serde_json::from_str(&assessment.answers)?;
    let mut note = Note::new("risk.assessed", actor)
        .record(record.id, &record.reference)
        .subject("assessment", assessment.id.to_string())
        .subject("revision", assessment.revision)
        .subject("rules_version", assessment.rules_version)
        .data("tier", assessment.tier.as_str())
        .data("class", assessment.class.as_str())
        .data("role", assessment.role.as_str())
        .data("answers", answers)
        .data("on", assessment.assessed_on.to_string())
        .data("valid_until", assessment.valid_until.to_string())
        .data("areas", areas)
        .data("escalations", escalations)
        .data("superseded", gone);
    for (area, one) in checked {
        for (what, text) in [("why", one.why), ("mitigation", one.mitigation)] {
            if !text.is_empty() {
                note = note.private(&format!("{area}_{what}"), text);
            }
        }
    }
    Ok(note)
}

/// An area as entries and replay tell it.
pub(crate) fn told(area: &Area) -> Value {
    let pair = |score: Score| json!([score.likelihood, score.impact]);
    json!({
        "inherent": area.scores.map(|scores| pair(scores.inherent)),
        "residual": area.scores.map(|scores| pair(scores.residual)),
        "owner": area.owner, "due": area.due.map(|due| due.to_string()),
    })
}

fn tell_who_answers(
    tx: &mut Tx,
    record: &Record,
    rules: &RiskRules,
    assessed: &Assessed,
) -> Result<()> {
    let mut part = review::parties(tx, record)?;
    part.insert(assessed.assessment.assessed_by);
    for one in &assessed.escalations {
        let rule = rules.escalations.iter().find(|rule| rule.key == one.rule);
        let title = rule.map_or(one.rule.as_str(), |rule| rule.title.as_str());
        let holders = people::holders(tx, "role", &one.role)?;
        let mut readers: BTreeSet<PersonId> = holders.difference(&part).copied().collect();
        let what = match readers.is_empty() {
            // Whoever keeps the rules can give the role to somebody, or change who answers.
            true => {
                readers = people::holders(tx, "role", people::GOVERNANCE)?;
                "nobody"
            }
            false => "escalated",
        };
        for person in readers {
            let context = json!({
                "what": what, "title": title, "until": one.due_on.to_string(),
            });
            let message = Message::new(MAIL, person).record(record.id);
            let key = format!("risk:{}:{person}", one.id);
            let message = message.context(context).once(&key);
            outbox::queue(tx, message, assessed.assessment.at)?;
        }
    }
    Ok(())
}

type Read = (BTreeMap<String, Checked>, Answers, Role);

fn check(conn: &mut Conn, rules: &RiskRules, given: &Given, today: Day) -> Result<Read> {
    let mut wrong = Vec::new();
    let role = Role::named(&given.role);
    if role.is_none() {
        let sentence = "Choose what we are to the system: provider or deployer";
        wrong.push(FieldError::new("role", "choice", sentence.to_owned()));
    }
    let mut areas = BTreeMap::new();
    for (key, title) in AREAS {
        let one = given.areas.get(key).cloned().unwrap_or_default();
        let checked = area(conn, (key, title), &one, today, &mut wrong)?;
        areas.insert(key.to_owned(), checked);
    }
    let known = |key: &String| AREAS.iter().any(|(known, _)| known == key);
    if let Some(stranger) = given.areas.keys().find(|key| !known(key)) {
        let sentence = format!("There is no risk area called {stranger}");
        wrong.push(FieldError::new("areas", "unknown", sentence));
    }
    let mut answers = Answers::new();
    for question in &rules.questions {
        let said = given.answers.get(&question.key);
        match said.and_then(|said| Answer::named(said)) {
            Some(answer) => {
                answers.insert(question.key.clone(), answer);
            }
            None => {
                let sentence = format!("Answer with yes, no or not sure: {}", question.text);
                let field = format!("q_{}", question.key);
                wrong.push(FieldError::new(&field, "choice", sentence));
            }
        }
    }
    let asked = |key: &String| rules.questions.iter().any(|question| question.key == *key);
    if let Some(stranger) = given.answers.keys().find(|key| !asked(key)) {
        let sentence = format!("The rules in force have no question called {stranger}");
        wrong.push(FieldError::new("answers", "unknown", sentence));
    }
    match role {
        Some(role) if wrong.is_empty() => Ok((areas, answers, role)),
        _ => Err(Error::Invalid(wrong)),
    }
}

fn area(
    conn: &mut Conn,
    (key, title): (&str, &str),
    given: &AreaGiven,
    today: Day,
    wrong: &mut Vec<FieldError>,
) -> Result<Checked> {
    let mut complain = |what: &str, rule: &'static str, sentence: String| {
        let field = format!("{key}_{what}");
        wrong.push(FieldError::new(
            &field,
            rule,
            format!("{title}: {sentence}"),
        ));
    };
    let (why, mitigation) = (plain(&given.why), plain(&given.mitigation));
    for (what, text) in [("why", &why), ("mitigation", &mitigation)] {
        if text.chars().count() > TEXT {
            complain(what, "length", format!("write at most {TEXT} characters"));
        }
    }
    let mut checked = Checked {
        area: Area::default(),
        why,
        mitigation,
    };
    if !given.applies {
        if checked.why.is_empty() {
            complain("why", "missing", "say why it does not apply".to_owned());
        }
        checked.mitigation.clear();
        return Ok(checked);
    }
    let mut number = |what: &str, value: Option<u8>| {
        let value = value.filter(|value| (1..=5).contains(value));
        if value.is_none() {
            complain(what, "choice", "choose a number from 1 to 5".to_owned());
        }
        value
    };
    let il = number("inherent_likelihood", given.inherent_likelihood);
    let ii = number("inherent_impact", given.inherent_impact);
    let rl = number("residual_likelihood", given.residual_likelihood);
    let ri = number("residual_impact", given.residual_impact);
    if let (Some(il), Some(ii), Some(rl), Some(ri)) = (il, ii, rl, ri) {
        let scores = Scores {
            inherent: Score {
                likelihood: il,
                impact: ii,
            },
            residual: Score {
                likelihood: rl,
                impact: ri,
            },
        };
        if rl > il || ri > ii {
            let sentence = "what is left cannot be more than what there was";
            complain("residual_likelihood", "order", sentence.to_owned());
        } else if scores.residual != scores.inherent && checked.mitigation.is_empty() {
            let sentence = "say what was done, so that less is left";
            complain("mitigation", "missing", sentence.to_owned());
        }
        checked.area.scores = Some(scores);
    }
    (checked.area.owner, checked.area.due) = doer(conn, (key, title), given, today, wrong)?;
    Ok(checked)
}

/// Who does something about it, and by when.
fn doer(
    conn: &mut Conn,
    (key, title): (&str, &str),
    given: &AreaGiven,
    today: Day,
    wrong: &mut Vec<FieldError>,
) -> Result<(Option<PersonId>, Option<Day>)> {
    let mut complain = |what: &str, rule: &'static str, sentence: String| {
        let field = format!("{key}_{what}");
        wrong.push(FieldError::new(
            &field,
            rule,
            format!("{title}: {sentence}"),
        ));
    };
    let (address, said) = (given.owner.trim().to_lowercase(), given.due.trim());
    let mut owner = None;
    if !address.is_empty() {
        match people::by_email(conn, &address)?.filter(|person| person.active) {
            Some(person) => owner = Some(person.id),
            None => complain(
                "owner",
                "person",
                format!("nobody here has the address {address}"),
            ),
        }
    }
    let due = Day::parse(said);
    match due {
        None if !said.is_empty() => {
            complain("due", "date", "write a day such as 2027-01-31".to_owned());
        }
        Some(day) if day < today => complain("due", "date", "the day is over".to_owned()),
        _ => {}
    }
    if address.is_empty() != said.is_empty() {
        let sentence = "an open mitigation needs who answers for it and a day; one that is done, \
                        neither";
        complain("owner", "missing", sentence.to_owned());
    }
    Ok((owner, due))
}

/// Whether the content that was assessed is still what the register says, but for where the use
/// case is in its life, which the rules do not ask.
pub(super) fn still_holds(conn: &mut Conn, record: &Record, revision: i32) -> Result<bool> {
    if revision == record.revision {
        return Ok(true);
    }
    let mut content = |number: i32| -> Result<Value> {
        let mut document = register::revision(conn, record.id, number)?.document()?;
        if let Some(fields) = document.as_object_mut() {
            fields.remove("lifecycle");
        }
        Ok(document)
    };
    Ok(content(revision)? == content(record.revision)?)
}

/// Whether rules are in force.
pub(super) fn is_ruled(conn: &mut Conn) -> Result<bool> {
    Ok(!rules::heads(conn, &super::KIND)?.is_empty())
}

//! An assessment as pages and programs see it.
use super::assess::still_holds;
use super::judge::screen;
use super::map::tone;
use super::store::{Area, Assessed, Escalation, rules_at};
use super::{AreaGiven, Given, Hit, Level, RiskRules, Role, Score};
use crate::db::{Conn, Day, PersonId};
use crate::error::Result;
use crate::overview::AREAS;
use crate::register::Record;
use crate::web::badge::{Badge, badge};
use crate::{ledger, people};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// An assessment.
#[derive(Debug, Clone, Serialize)]
pub struct AssessedView {
    /// Its entry.
    pub entry: i64,
    /// The revision that was assessed.
    pub revision: i32,
    /// Whether the content is another since.
    pub stale: bool,
    /// Key of the tier.
    pub tier: String,
    /// The same for people.
    pub tier_title: String,
    /// Why.
    pub because: String,
    /// What the law makes of it today.
    pub class: &'static str,
    /// The same for people.
    pub class_words: &'static str,
    /// `provider` or `deployer`.
    pub role: String,
    /// The day.
    pub on: String,
    /// The last day on which it counts.
    pub valid_until: String,
    /// Who.
    pub by: String,
    /// The nine areas.
    pub areas: Vec<AreaView>,
    /// The rules of the law that apply today.
    pub applies: Vec<HitView>,
    /// Those that fit and apply from a later day.
    pub coming: Vec<HitView>,
    /// Who had to answer.
    pub escalations: Vec<EscalationView>,
}

/// The risk of an area.
#[derive(Debug, Clone, Serialize)]
pub struct AreaView {
    /// Its key.
    pub key: &'static str,
    /// What people read.
    pub title: &'static str,
    /// Before anything is done; nothing where it does not apply.
    pub inherent: Option<ScoreView>,
    /// What is left.
    pub residual: Option<ScoreView>,
    /// Why; nothing once it is erased.
    pub why: Option<String>,
    /// What is done about it.
    pub mitigation: Option<String>,
    /// Who answers for that.
    pub owner: Option<String>,
    /// The day by which it is done.
    pub due: Option<String>,
}

/// A score with its level.
#[derive(Debug, Clone, Serialize)]
pub struct ScoreView {
    /// 1 to 5.
    pub likelihood: u8,
    /// 1 to 5.
    pub impact: u8,
    /// The level in one word.
    pub level: Level,
    /// The same for people.
    pub status: Badge,
}

/// A rule of a law that fits.
#[derive(Debug, Clone, Serialize)]
pub struct HitView {
    /// Its key.
    pub key: String,
    /// What the law makes of it.
    pub class: &'static str,
    /// The same for people.
    pub class_words: &'static str,
    /// The day from which it applies.
    pub from: String,
    /// Why.
    pub because: String,
    /// Where the law says so.
    pub source: String,
    /// Whether it fits only because an answer is not sure.
    pub unsure: bool,
}

/// An escalation.
#[derive(Debug, Clone, Serialize)]
pub struct EscalationView {
    /// Identifier.
    pub id: String,
    /// Key of the rule.
    pub rule: String,
    /// What people read.
    pub title: String,
    /// Why.
    pub because: String,
    /// The areas of which too much risk is left.
    pub areas: Vec<String>,
    /// The role that answers.
    pub role: String,
    /// The day by which it answers.
    pub due_on: String,
    /// `open`, `accepted`, `sent_back` or `superseded`.
    pub state: String,
    /// The same for people.
    pub status: Badge,
    /// The last day on which what is left is accepted.
    pub accepted_until: Option<String>,
    /// Who answered.
    pub settled_by: Option<String>,
    /// Why; nothing once it is erased.
    pub reason: Option<String>,
}

/// What lies beside entries, and people's names.
struct Told {
    beside: HashMap<(i64, String), String>,
    names: BTreeMap<PersonId, String>,
}

impl Told {
    fn read(conn: &mut Conn, assessed: &Assessed) -> Result<Told> {
        let settled = assessed.escalations.iter();
        let mut seqs: Vec<i64> = settled.filter_map(|one| one.settled_seq).collect();
        seqs.push(assessed.assessment.seq);
        let opened = ledger::opened(conn, &seqs)?.into_iter();
        let beside = opened.map(|(seq, name, _, text)| ((seq, name), text));
        let mut about: BTreeSet<PersonId> = BTreeSet::from([assessed.assessment.assessed_by]);
        about.extend(assessed.areas.values().filter_map(|area| area.owner));
        about.extend(assessed.escalations.iter().filter_map(|one| one.settled_by));
        Ok(Told {
            beside: beside.collect(),
            names: people::names(conn, &about)?,
        })
    }

    fn text(&self, seq: i64, name: &str) -> Option<String> {
        self.beside.get(&(seq, name.to_owned())).cloned()
    }

    fn name(&self, person: PersonId) -> String {
        self.names.get(&person).cloned().unwrap_or_default()
    }

    fn area(
        &self,
        seq: i64,
        rules: &RiskRules,
        (key, title): (&'static str, &'static str),
        area: &Area,
    ) -> AreaView {
        let score = |score: Score| {
            let level = rules.levels.of(score.value());
            ScoreView {
                likelihood: score.likelihood,
                impact: score.impact,
                level,
                status: badge(level.words(), tone(level)),
            }
        };
        AreaView {
            key,
            title,
            inherent: area.scores.map(|scores| score(scores.inherent)),
            residual: area.scores.map(|scores| score(scores.residual)),
            why: self.text(seq, &format!("{key}_why")),
            mitigation: self.text(seq, &format!("{key}_mitigation")),
            owner: area.owner.map(|owner| self.name(owner)),
            due: area.due.map(|due| due.to_string()),
        }
    }

    fn escalation(&self, rules: &RiskRules, one: &Escalation) -> EscalationView {
        let rule = rules.escalations.iter().find(|rule| rule.key == one.rule);
        let title = |area: &str| {
            let known = AREAS.iter().find(|(key, _)| *key == area);
            known.map_or_else(|| area.to_owned(), |(_, title)| (*title).to_owned())
        };
        EscalationView {
            id: one.id.to_string(),
            rule: one.rule.clone(),
            title: rule.map_or_else(|| one.rule.clone(), |rule| rule.title.clone()),
            because: rule.map_or_else(String::new, |rule| rule.because.clone()),
            areas: one.areas().map(title).collect(),
            role: one.role.replace('_', " "),
            due_on: one.due_on.to_string(),
            state: one.state.clone(),
            status: match one.state.as_str() {
                "open" => badge("Waits for an answer", "open"),
                "accepted" => badge("Accepted", "good"),
                "sent_back" => badge("Sent back", "bad"),
                _ => badge("Superseded", ""),
            },
            accepted_until: one.accepted_until.map(|until| until.to_string()),
            settled_by: one.settled_by.map(|person| self.name(person)),
            reason: one.settled_seq.and_then(|seq| self.text(seq, "reason")),
        }
    }
}

fn hit(hit: &Hit<'_>) -> HitView {
    HitView {
        key: hit.rule.key.clone(),
        class: hit.rule.class.as_str(),
        class_words: hit.rule.class.words(),
        from: hit.rule.from.to_string(),
        because: hit.rule.because.clone(),
        source: hit.rule.source.clone(),
        unsure: hit.unsure,
    }
}

/// An assessment of this use case, as it is today.
///
/// # Errors
/// When the database fails.
pub(super) fn of(
    conn: &mut Conn,
    record: &Record,
    assessed: &Assessed,
    today: Day,
) -> Result<AssessedView> {
    let assessment = &assessed.assessment;
    let rules = rules_at(conn, assessment.rules_version)?;
    let told = Told::read(conn, assessed)?;
    let answers = assessment.answers()?;
    let role = Role::named(&assessment.role).unwrap_or(Role::Deployer);
    let screened = screen(&rules.screening, &answers, role, today.0);
    let tier = rules.tier(&assessment.tier);
    let area = |(key, title): &(&'static str, &'static str)| {
        let area = assessed.areas.get(*key).copied().unwrap_or_default();
        told.area(assessment.seq, &rules, (key, title), &area)
    };
    Ok(AssessedView {
        entry: assessment.seq,
        revision: assessment.revision,
        stale: !still_holds(conn, record, assessment.revision)?,
        tier: assessment.tier.clone(),
        tier_title: tier.map_or_else(|| assessment.tier.clone(), |tier| tier.title.clone()),
        because: tier.map_or_else(String::new, |tier| tier.because.clone()),
        class: screened.class.as_str(),
        class_words: screened.class.words(),
        role: assessment.role.clone(),
        on: assessment.assessed_on.to_string(),
        valid_until: assessment.valid_until.to_string(),
        by: told.name(assessment.assessed_by),
        areas: AREAS.iter().map(area).collect(),
        applies: screened.applies.iter().map(hit).collect(),
        coming: screened.coming.iter().map(hit).collect(),
        escalations: assessed
            .escalations
            .iter()
            .map(|one| told.escalation(&rules, one))
            .collect(),
    })
}

/// What would be given to say the same again of the present revision.
///
/// # Errors
/// When the database fails.
pub(super) fn given_again(
    conn: &mut Conn,
    record: &Record,
    before: Option<(&Assessed, &AssessedView)>,
    rules: &RiskRules,
) -> Result<Given> {
    let mut given = Given {
        revision: record.revision,
        ..Given::default()
    };
    let Some((assessed, shown)) = before else {
        return Ok(given);
    };
    given.role.clone_from(&assessed.assessment.role);
    for (question, answer) in assessed.assessment.answers()? {
        if rules.questions.iter().any(|known| known.key == question) {
            given.answers.insert(question, answer.as_str().to_owned());
        }
    }
    for view in &shown.areas {
        let area = assessed.areas.get(view.key).copied().unwrap_or_default();
        let owner = match area.owner {
            Some(owner) => people::known(conn, owner)?.email,
            None => String::new(),
        };
        let scores = area.scores;
        let one = AreaGiven {
            applies: scores.is_some(),
            inherent_likelihood: scores.map(|all| all.inherent.likelihood),
            inherent_impact: scores.map(|all| all.inherent.impact),
            residual_likelihood: scores.map(|all| all.residual.likelihood),
            residual_impact: scores.map(|all| all.residual.impact),
            why: view.why.clone().unwrap_or_default(),
            mitigation: view.mitigation.clone().unwrap_or_default(),
            owner,
            due: view.due.clone().unwrap_or_default(),
        };
        given.areas.insert(view.key.to_owned(), one);
    }
    Ok(given)
}

//! Assessments and escalations in the database.
use super::{Answer, Answers, KIND, RiskRules, Score, Scores};
use crate::db::schema::{risk_assessments, risk_escalations, risk_scores};
use crate::db::{AssessmentId, At, Conn, Day, EscalationId, PersonId, RecordId, Tx};
use crate::error::{Error, Result};
use crate::rules;
use diesel::prelude::*;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// An assessment as it was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = risk_assessments)]
pub struct Assessment {
    /// Identifier.
    pub id: AssessmentId,
    /// The use case.
    pub record_id: RecordId,
    /// The revision that was assessed.
    pub revision: i32,
    /// The version of the rules that was in force.
    pub rules_version: i32,
    /// Key of the tier.
    pub tier: String,
    /// What the law made of it that day.
    pub class: String,
    /// `provider` or `deployer`.
    pub role: String,
    /// The answers of the screening, as canonical JSON.
    pub answers: String,
    /// The day.
    pub assessed_on: Day,
    /// The last day on which it counts.
    pub valid_until: Day,
    /// Who.
    pub assessed_by: PersonId,
    /// The entry, beside which its texts lie.
    pub seq: i64,
    /// When.
    pub at: At,
}

impl Assessment {
    /// The answers of the screening.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for what is none.
    pub fn answers(&self) -> Result<Answers> {
        let read: BTreeMap<String, Answer> = serde_json::from_str(&self.answers)
            .map_err(|_| Error::Corrupt(format!("answers of assessment {}", self.id)))?;
        Ok(read)
    }
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = risk_scores)]
struct ScoreRow {
    assessment_id: AssessmentId,
    area: String,
    inherent_likelihood: Option<i32>,
    inherent_impact: Option<i32>,
    residual_likelihood: Option<i32>,
    residual_impact: Option<i32>,
    mitigation_owner: Option<PersonId>,
    mitigation_due: Option<Day>,
}

/// The risk of an area, and who does something about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Area {
    /// The scores; nothing where the area does not apply.
    pub scores: Option<Scores>,
    /// Who answers for the mitigation.
    pub owner: Option<PersonId>,
    /// The day by which it is done.
    pub due: Option<Day>,
}

/// An escalation.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = risk_escalations)]
pub struct Escalation {
    /// Identifier.
    pub id: EscalationId,
    /// The assessment that called for it.
    pub assessment_id: AssessmentId,
    /// The use case.
    pub record_id: RecordId,
    /// Key of the rule.
    pub rule: String,
    /// The areas, separated by commas; empty where the class alone is the reason.
    pub areas: String,
    /// The role that answers.
    pub role: String,
    /// The day by which it answers.
    pub due_on: Day,
    /// `open`, `accepted`, `sent_back` or `superseded`.
    pub state: String,
    /// The last day on which what is left is accepted.
    pub accepted_until: Option<Day>,
    /// Who settled it.
    pub settled_by: Option<PersonId>,
    /// The entry that says so.
    pub settled_seq: Option<i64>,
    /// When.
    pub settled_at: Option<At>,
}

impl Escalation {
    /// The areas of it.
    pub fn areas(&self) -> impl Iterator<Item = &str> {
        self.areas.split(',').filter(|area| !area.is_empty())
    }
}

/// The newest assessment of a use case with all that belongs to it.
#[derive(Debug, Clone)]
pub struct Assessed {
    /// It.
    pub assessment: Assessment,
    /// Its areas.
    pub areas: BTreeMap<String, Area>,
    /// The escalations that it called for.
    pub escalations: Vec<Escalation>,
}

/// The rules in force with their version; nothing before there are any.
pub(super) fn rules_in_force(conn: &mut Conn) -> Result<Option<(i32, RiskRules)>> {
    let Some(head) = rules::heads(conn, &KIND)?.into_iter().next() else {
        return Ok(None);
    };
    Ok(Some((head.version, rules_at(conn, head.version)?)))
}

/// A version of the rules.
pub(super) fn rules_at(conn: &mut Conn, version: i32) -> Result<RiskRules> {
    let (hash, text) = rules::source(conn, &KIND, KIND.first.0, version)?;
    let read = RiskRules::read("stored version", &text, None);
    let read = read.ok().filter(|rules| rules.hash == hash);
    read.ok_or_else(|| Error::Corrupt(format!("risk rules version {version}")))
}

/// The newest assessment of each of these use cases.
///
/// # Errors
/// When the database fails.
pub fn assessed(conn: &mut Conn, ids: &[RecordId]) -> Result<HashMap<RecordId, Assessed>> {
    let rows = risk_assessments::table
        .filter(risk_assessments::record_id.eq_any(ids))
        .order(risk_assessments::seq)
        .select(Assessment::as_select());
    let mut newest: HashMap<RecordId, Assessment> = HashMap::new();
    for row in rows.load(conn)? {
        newest.insert(row.record_id, row);
    }
    let wanted: Vec<AssessmentId> = newest.values().map(|one| one.id).collect();
    let mut areas: HashMap<AssessmentId, BTreeMap<String, Area>> = HashMap::new();
    let rows = risk_scores::table
        .filter(risk_scores::assessment_id.eq_any(&wanted))
        .select(ScoreRow::as_select());
    for row in rows.load(conn)? {
        let of = areas.entry(row.assessment_id).or_default();
        of.insert(row.area.clone(), of_row(&row));
    }
    let mut escalations: HashMap<AssessmentId, Vec<Escalation>> = HashMap::new();
    let rows = risk_escalations::table
        .filter(risk_escalations::assessment_id.eq_any(&wanted))
        .order((risk_escalations::due_on, risk_escalations::id))
        .select(Escalation::as_select());
    for row in rows.load(conn)? {
        escalations.entry(row.assessment_id).or_default().push(row);
    }
    let with = |(record, assessment): (RecordId, Assessment)| {
        let (areas, escalations) = (
            areas.remove(&assessment.id).unwrap_or_default(),
            escalations.remove(&assessment.id).unwrap_or_default(),
        );
        let assessed = Assessed {
            assessment,
            areas,
            escalations,
        };
        (record, assessed)
    };
    Ok(newest.into_iter().map(with).collect())
}

fn of_row(row: &ScoreRow) -> Area {
    let number = |value: Option<i32>| value.and_then(|value| u8::try_from(value).ok());
    let score = |likelihood, impact| {
        Some(Score {
            likelihood: number(likelihood)?,
            impact: number(impact)?,
        })
    };
    let inherent = score(row.inherent_likelihood, row.inherent_impact);
    let residual = score(row.residual_likelihood, row.residual_impact);
    Area {
        scores: inherent
            .zip(residual)
            .map(|(inherent, residual)| Scores { inherent, residual }),
        owner: row.mitigation_owner,
        due: row.mitigation_due,
    }
}

/// The areas of every assessment, as entries tell them.
///
/// # Errors
/// When the database fails.
pub fn areas_of_all(conn: &mut Conn) -> Result<HashMap<AssessmentId, Map<String, Value>>> {
    let mut all: HashMap<AssessmentId, Map<String, Value>> = HashMap::new();
    let rows = risk_scores::table.select(ScoreRow::as_select());
    for row in rows.load(conn)? {
        let of = all.entry(row.assessment_id).or_default();
        of.insert(row.area.clone(), super::assess::told(&of_row(&row)));
    }
    Ok(all)
}

/// Every use case that was ever assessed.
pub(super) fn ever_assessed(conn: &mut Conn) -> Result<BTreeSet<RecordId>> {
    let ids: Vec<RecordId> = risk_assessments::table
        .select(risk_assessments::record_id)
        .distinct()
        .load(conn)?;
    Ok(ids.into_iter().collect())
}

/// An escalation.
///
/// # Errors
/// [`Error::NotFound`].
pub fn escalation(conn: &mut Conn, id: EscalationId) -> Result<Escalation> {
    let found = risk_escalations::table
        .find(id)
        .select(Escalation::as_select());
    let found = found.get_result(conn).optional()?;
    found.ok_or_else(|| Error::not_found("escalation", id))
}

/// Escalations of a use case that wait for an answer.
pub(super) fn open_of(conn: &mut Conn, record: RecordId) -> Result<Vec<Escalation>> {
    let rows = risk_escalations::table
        .filter(risk_escalations::record_id.eq(record))
        .filter(risk_escalations::state.eq("open"))
        .order(risk_escalations::id)
        .select(Escalation::as_select());
    Ok(rows.load(conn)?)
}

pub(super) fn insert(tx: &mut Tx, assessed: &Assessed) -> Result<()> {
    diesel::insert_into(risk_assessments::table)
        .values(&assessed.assessment)
        .execute(&mut **tx)?;
    for (area, one) in &assessed.areas {
        let number = |of: fn(&Scores) -> u8| one.scores.as_ref().map(|all| i32::from(of(all)));
        let row = ScoreRow {
            assessment_id: assessed.assessment.id,
            area: area.clone(),
            inherent_likelihood: number(|all| all.inherent.likelihood),
            inherent_impact: number(|all| all.inherent.impact),
            residual_likelihood: number(|all| all.residual.likelihood),
            residual_impact: number(|all| all.residual.impact),
            mitigation_owner: one.owner,
            mitigation_due: one.due,
        };
        diesel::insert_into(risk_scores::table)
            .values(&row)
            .execute(&mut **tx)?;
    }
    for escalation in &assessed.escalations {
        diesel::insert_into(risk_escalations::table)
            .values(escalation)
            .execute(&mut **tx)?;
    }
    Ok(())
}

pub(super) fn settle(
    tx: &mut Tx,
    id: EscalationId,
    (state, until): (&str, Option<Day>),
    (by, seq, at): (PersonId, i64, At),
) -> Result<()> {
    diesel::update(risk_escalations::table.find(id))
        .set((
            risk_escalations::state.eq(state),
            risk_escalations::accepted_until.eq(until),
            risk_escalations::settled_by.eq(by),
            risk_escalations::settled_seq.eq(seq),
            risk_escalations::settled_at.eq(at),
        ))
        .execute(&mut **tx)?;
    Ok(())
}

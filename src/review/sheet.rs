//! What one person is asked to sign: content, risk, changes and earlier decisions, ready for
//! `sign-off`.
use crate::db::{At, Conn, PersonId, RecordId, TaskId};
use crate::error::Result;
use crate::form::{Change, Fact, FactGroup};
use crate::people;
use crate::register;
use crate::review::case::Case;
use crate::review::due::{self, Due};
use crate::review::moves::{self, Told};
use crate::review::service::Desk;
use crate::review::store::{self, ConditionRow, DecisionRow};
use crate::review::words;
use crate::web::badge::{self, Badge};
use crate::web::spine;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The page of one open task, without the form that answers it.
#[derive(Debug, Serialize)]
pub struct Sheet {
    /// What is decided on.
    pub record: Named,
    /// Who is asked.
    pub reader: Reader,
    /// Where in the review.
    pub stage: StageLine,
    /// Who submitted it.
    pub submitter: String,
    /// Since when the person is asked.
    pub since: At,
    /// The risk with its reason, where the workflow has one.
    pub risk: Option<Risk>,
    /// Number of the revision to be signed.
    pub revision: i32,
    /// Its digest.
    pub digest: String,
    /// The answers that matter first.
    pub facts: Vec<Fact>,
    /// All answers.
    pub groups: Vec<FactGroup>,
    /// How many answers were given.
    pub answers: usize,
    /// What differs from the revision that was seen before.
    pub changes: Vec<Change>,
    /// That revision.
    pub seen_before: Option<i32>,
    /// What was decided in this review so far.
    pub events: Vec<Mark>,
    /// Who else is asked in this stage now.
    pub others: Vec<String>,
    /// When the stage is due.
    pub due: Option<Due>,
    /// How the task came to its reader, when it was somebody else's.
    pub came: Option<Told>,
    /// What the reader decided in this stage before it started anew.
    pub former: Option<Former>,
    /// What was decided before on records like this one.
    pub precedents: Option<register::Precedents>,
}

/// An earlier decision of the reader, void since.
#[derive(Debug, Serialize)]
pub struct Former {
    /// What.
    pub outcome: String,
    /// When.
    pub at: At,
    /// On which revision.
    pub revision: i32,
    /// Why.
    pub reason: Option<String>,
    /// What must still be done.
    pub conditions: Vec<String>,
}

/// A record by the words people use.
#[derive(Debug, Clone, Serialize)]
pub struct Named {
    /// `AI-2026-0042`.
    pub reference: String,
    /// Its title.
    pub title: String,
}

impl Named {
    /// The record of a case.
    pub fn of(case: &Case) -> Named {
        Named {
            reference: case.record.reference.clone(),
            title: case.record.title.clone(),
        }
    }
}

/// Who reads the page.
#[derive(Debug, Serialize)]
pub struct Reader {
    /// Their name.
    pub name: String,
    /// Their address, masked.
    pub address: String,
    /// Whether they were asked in the place of others.
    pub stands_in: bool,
}

/// The stage in its row.
#[derive(Debug, Serialize)]
pub struct StageLine {
    /// Its title.
    pub title: String,
    /// What to look at; may be empty.
    pub guidance: String,
    /// Its place, from 1.
    pub number: usize,
    /// How many there are.
    pub count: usize,
}

/// The risk tier with its reason.
#[derive(Debug, Serialize)]
pub struct Risk {
    /// The word and its tone.
    pub status: Badge,
    /// Whether it deserves a warning.
    pub grave: bool,
    /// The rule that gave it.
    pub because: Option<String>,
}

/// A decision on the spine, as `parts/spine` draws it.
#[derive(Debug, Clone, Serialize)]
pub struct Mark {
    /// Number of its entry.
    pub seq: i64,
    /// When.
    pub at: At,
    /// Always drawn as a decision.
    pub decision: bool,
    /// Tone of the outcome.
    pub tone: &'static str,
    /// What was decided, in which stage.
    pub sentence: String,
    /// Who.
    pub actor: Option<String>,
    /// How they were known.
    pub method: &'static str,
    /// On which revision.
    pub revision: Option<i32>,
    /// Its digest.
    pub digest: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// What must still be done.
    pub conditions: Vec<String>,
}

/// Draws up the page of an open task.
///
/// # Errors
/// When the database fails or holds what cannot be read.
pub fn sheet(conn: &mut Conn, desk: &Desk, case: &Case) -> Result<Sheet> {
    let kind = desk.kinds.by_key(&case.record.kind)?;
    let document = case.revision.document()?;
    let groups = kind.form.fact_groups(&document);
    let (seen_before, changes) = changes(conn, desk, case)?;
    let stage = case.stage()?;
    let (number, count) = case.place();
    Ok(Sheet {
        record: Named::of(case),
        reader: Reader {
            name: case.person.name.clone(),
            address: words::masked(&case.person.email),
            stands_in: case.stands_in(),
        },
        stage: StageLine {
            title: stage.title.clone(),
            guidance: stage.guidance.clone(),
            number,
            count,
        },
        submitter: name_of(conn, case.review.submitter)?,
        since: case.task.opened_at,
        risk: risk(case),
        revision: case.revision.number,
        digest: case.revision.digest.clone(),
        facts: first_facts(&groups),
        answers: groups
            .iter()
            .flat_map(|g| &g.facts)
            .filter(|f| f.given)
            .count(),
        groups,
        changes,
        seen_before,
        events: marks(conn, case, None)?,
        others: others(conn, case)?,
        due: due::of_stage(conn, desk, &case.loaded, &case.review, &stage.key)?,
        came: moves::came(conn, &case.review, &case.task)?,
        former: former(conn, case)?,
        precedents: register::precedents(conn, &case.record, &document, None)?,
    })
}

/// What the person whom the task is with decided in an earlier epoch of its stage, the last first.
fn former(conn: &mut Conn, case: &Case) -> Result<Option<Former>> {
    let task = &case.task;
    let theirs = |row: &DecisionRow| {
        row.review_id == task.review_id
            && row.stage == task.stage
            && row.person_id == task.person_id
            && row.epoch < task.epoch
    };
    let all = store::decisions_of(conn, task.record_id)?;
    let Some(row) = all.into_iter().rfind(theirs) else {
        return Ok(None);
    };
    let reason = store::decision(conn, row.id)?.and_then(|(_, reason)| reason);
    let mut conditions = conditions(conn, task.record_id)?;
    Ok(Some(Former {
        outcome: words::done_by_key(&row.outcome),
        at: row.decided_at,
        revision: row.revision,
        reason,
        conditions: conditions.remove(&row.id).unwrap_or_default(),
    }))
}

/// The first section without the title, which stands above as the heading.
fn first_facts(groups: &[FactGroup]) -> Vec<Fact> {
    let facts = groups.first().map(|group| group.facts.clone());
    let mut facts = facts.unwrap_or_default();
    facts.retain(|fact| fact.given && fact.field != "title");
    facts
}

/// A person's name.
///
/// # Errors
/// When the database fails.
pub fn name_of(conn: &mut Conn, person: PersonId) -> Result<String> {
    let found = people::by_id(conn, person)?;
    Ok(found.map_or_else(|| "somebody".to_owned(), |p| p.name))
}

fn risk(case: &Case) -> Option<Risk> {
    let derived = case.review.derived.get("risk")?;
    let tier = derived.value.as_str()?;
    Some(Risk {
        grave: matches!(tier, "high" | "prohibited"),
        status: badge::of_risk(tier),
        because: derived.because.clone(),
    })
}

/// What differs from the revision this person decided on last, or else the stage, or else any
/// stage: whoever is asked again wants to see what they have not seen.
fn changes(conn: &mut Conn, desk: &Desk, case: &Case) -> Result<(Option<i32>, Vec<Change>)> {
    let now = case.revision.number;
    let earlier: Vec<DecisionRow> = store::decisions_of(conn, case.record.id)?
        .into_iter()
        .filter(|d| d.review_id == case.review.id && d.revision < now)
        .collect();
    let last = |wanted: &dyn Fn(&DecisionRow) -> bool| {
        earlier
            .iter()
            .filter(|d| wanted(d))
            .map(|d| d.revision)
            .max()
    };
    let seen = last(&|d| d.person_id == case.task.person_id)
        .or_else(|| last(&|d| d.stage == case.task.stage))
        .or_else(|| last(&|_| true));
    let Some(seen) = seen else {
        return Ok((None, Vec::new()));
    };
    let form = &desk.kinds.by_key(&case.record.kind)?.form;
    let before = register::revision(conn, case.record.id, seen)?.document()?;
    Ok((Some(seen), form.diff(&before, &case.revision.document()?)))
}

fn others(conn: &mut Conn, case: &Case) -> Result<Vec<String>> {
    let asked: BTreeSet<PersonId> = store::open_tasks_of(conn, case.review.id)?
        .into_iter()
        .filter(|t| t.stage == case.task.stage && t.person_id != case.task.person_id)
        .map(|t| t.person_id)
        .collect();
    let mut names: Vec<String> = people::names(conn, &asked)?.into_values().collect();
    names.sort();
    Ok(names)
}

/// The decisions of a review, or of one of its stages, the first first.
///
/// # Errors
/// When the database fails.
pub fn marks(conn: &mut Conn, case: &Case, stage: Option<&str>) -> Result<Vec<Mark>> {
    let rows: Vec<DecisionRow> = store::decisions_of(conn, case.record.id)?
        .into_iter()
        .filter(|d| d.review_id == case.review.id && stage.is_none_or(|key| d.stage == key))
        .collect();
    let people: BTreeSet<PersonId> = rows.iter().map(|d| d.person_id).collect();
    let names = people::names(conn, &people)?;
    let conditions = conditions(conn, case.record.id)?;
    let mut marks = Vec::new();
    for row in rows {
        let reason = store::decision(conn, row.id)?.and_then(|(_, reason)| reason);
        let conditions = conditions.get(&row.id).cloned().unwrap_or_default();
        let actor = names.get(&row.person_id).cloned();
        marks.push(mark(case, row, actor, reason, conditions));
    }
    Ok(marks)
}

fn mark(
    case: &Case,
    row: DecisionRow,
    actor: Option<String>,
    reason: Option<String>,
    conditions: Vec<String>,
) -> Mark {
    let title = case
        .loaded
        .workflow
        .stage(&row.stage)
        .map(|s| s.title.as_str());
    let earlier = row.revision < case.review.revision;
    let void = if earlier { ", earlier revision" } else { "" };
    let outcome = words::done_by_key(&row.outcome);
    Mark {
        seq: row.seq,
        at: row.decided_at,
        decision: true,
        tone: if earlier {
            "idle"
        } else {
            spine::tone(Some(&row.outcome))
        },
        sentence: format!("{}{void}: {outcome}", title.unwrap_or(&row.stage)),
        actor,
        method: spine::method(&row.method),
        revision: Some(row.revision),
        digest: None,
        reason,
        conditions,
    }
}

/// The conditions of a record in words, by decision.
///
/// # Errors
/// When the database fails.
pub fn conditions(conn: &mut Conn, record: RecordId) -> Result<BTreeMap<TaskId, Vec<String>>> {
    let rows = store::conditions_of(conn, record)?;
    let owners: BTreeSet<PersonId> = rows.iter().filter_map(|c| c.owner_id).collect();
    let names = people::names(conn, &owners)?;
    let mut found: BTreeMap<TaskId, Vec<String>> = BTreeMap::new();
    for row in rows {
        let owner = row.owner_id.and_then(|id| names.get(&id).cloned());
        found
            .entry(row.decision_id)
            .or_default()
            .push(condition(&row, owner));
    }
    Ok(found)
}

fn condition(row: &ConditionRow, owner: Option<String>) -> String {
    let owner = owner.unwrap_or_else(|| "the owner of the use case".to_owned());
    let due = row
        .due
        .as_deref()
        .map(|day| format!(", due {}", written_out(day)));
    format!("{} ({owner}{})", row.text, due.unwrap_or_default())
}

/// `2027-01-31` as pages write days.
fn written_out(day: &str) -> String {
    let read = day.parse::<jiff::civil::Date>();
    read.map_or_else(
        |_| day.to_owned(),
        |day| day.strftime("%-d %b %Y").to_string(),
    )
}

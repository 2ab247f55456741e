//! How the nine areas, and the point "escalation", stand for use cases.
use super::assess::{is_ruled, still_holds};
use super::store::{self, Area, Assessed, Escalation, rules_at};
use super::{Level, Levels};
use crate::db::schema::records;
use crate::db::{Conn, Day, RecordId};
use crate::error::Result;
use crate::overview::{AREAS, Proof, Standing};
use crate::register::Record;
use diesel::prelude::*;
use jiff::civil::Date;
use std::collections::HashMap;

/// An assessment with what is needed to say how it stands.
struct Known {
    record: Record,
    assessed: Assessed,
    holds: bool,
    levels: Levels,
}

fn known(conn: &mut Conn, ids: &[RecordId]) -> Result<HashMap<RecordId, Known>> {
    let assessed = store::assessed(conn, ids)?;
    let wanted: Vec<RecordId> = assessed.keys().copied().collect();
    let rows: Vec<Record> = records::table
        .filter(records::id.eq_any(&wanted))
        .select(Record::as_select())
        .load(conn)?;
    let mut records: HashMap<RecordId, Record> =
        rows.into_iter().map(|record| (record.id, record)).collect();
    let mut versions: HashMap<i32, Levels> = HashMap::new();
    let mut all = HashMap::new();
    for (id, assessed) in assessed {
        let Some(record) = records.remove(&id) else {
            continue;
        };
        let version = assessed.assessment.rules_version;
        let levels = match versions.get(&version) {
            Some(levels) => *levels,
            None => rules_at(conn, version)?.levels,
        };
        versions.insert(version, levels);
        let known = Known {
            holds: still_holds(conn, &record, assessed.assessment.revision)?,
            record,
            assessed,
            levels,
        };
        all.insert(id, known);
    }
    Ok(all)
}

/// How the nine areas stand for each of these records on a day, in the order of [`AREAS`].
///
/// # Errors
/// When the database fails.
pub fn areas(
    conn: &mut Conn,
    ids: &[RecordId],
    today: Date,
) -> Result<HashMap<RecordId, [Standing; 9]>> {
    let known = known(conn, ids)?;
    let none = match is_ruled(conn)? {
        true => "Nobody has assessed it.",
        false => "No risk rules are in force.",
    };
    let of = |id: &RecordId| {
        let standings = AREAS.map(|(key, _)| match known.get(id) {
            Some(known) => of_area(known, key, today),
            None => Standing::open(none),
        });
        (*id, standings)
    };
    Ok(ids.iter().map(of).collect())
}

fn of_area(known: &Known, key: &str, today: Date) -> Standing {
    let Some(area) = known.assessed.areas.get(key) else {
        return Standing::open("Nobody has assessed it.");
    };
    let of = |one: &&Escalation| one.areas().any(|area| area == key);
    let mut until = known.assessed.assessment.valid_until;
    for one in known.assessed.escalations.iter().filter(of) {
        match (one.state.as_str(), one.accepted_until) {
            ("accepted", Some(last)) => until = until.min(last),
            ("sent_back", _) => {
                return Standing::open("What is left was not accepted; more has to be done.");
            }
            _ => {
                let role = one.role.replace('_', " ");
                return Standing::open(format!("What is left waits for an answer of {role}."));
            }
        }
    }
    let proof = proof(known, until);
    if !known.holds {
        return stale(known, proof);
    }
    match (area.scores, words(known.levels, area)) {
        (Some(_), Some((words, _))) => {
            let why = match until.0 < today {
                true => format!("{words}; assess it again."),
                false => format!("{words}."),
            };
            Standing::by(vec![proof], today, why)
        }
        _ if until.0 < today => {
            Standing::by(vec![proof], today, "It did not apply; assess it again.")
        }
        _ => Standing::not_needed("It does not apply, as the assessment says."),
    }
}

/// What is left in an area, in words, and its level; nothing where it does not apply.
pub(super) fn words(levels: Levels, area: &Area) -> Option<(String, Level)> {
    let scores = area.scores?;
    let level = levels.of(scores.residual.value());
    let words = format!(
        "{} risk is left, {} times {}",
        level.words(),
        scores.residual.likelihood,
        scores.residual.impact
    );
    Some((words, level))
}

fn proof(known: &Known, until: Day) -> Proof {
    Proof {
        label: "Risk assessment".to_owned(),
        href: format!("/use-cases/{}/risk", known.record.reference),
        on: known.assessed.assessment.assessed_on.0,
        until: Some(until.0),
    }
}

fn stale(known: &Known, proof: Proof) -> Standing {
    let (was, is) = (known.assessed.assessment.revision, known.record.revision);
    let why = format!("Assessed as of revision {was}; it is revision {is} now. Assess it again.");
    Standing::expired(vec![proof], why)
}

/// How the point "escalation" stands for each of these records on a day.
///
/// # Errors
/// When the database fails.
pub fn escalations(
    conn: &mut Conn,
    ids: &[RecordId],
    today: Date,
) -> Result<HashMap<RecordId, Standing>> {
    let known = known(conn, ids)?;
    let is_ruled = is_ruled(conn)?;
    let of = |id: &RecordId| {
        let standing = match known.get(id) {
            _ if !is_ruled => Standing::open("No risk rules say who answers for what is left."),
            Some(known) => of_escalations(known, today),
            None => Standing::open("Its risk is not assessed, so nobody knows who has to answer."),
        };
        (*id, standing)
    };
    Ok(ids.iter().map(of).collect())
}

fn of_escalations(known: &Known, today: Date) -> Standing {
    let all = &known.assessed.escalations;
    let mut until = known.assessed.assessment.valid_until;
    if let Some(one) = all.iter().find(|one| one.state == "open") {
        let (role, due) = (one.role.replace('_', " "), one.due_on);
        let why = match due.0 < today {
            true => format!("{role} should have answered by {due}."),
            false => format!("{role} answers by {due}."),
        };
        return Standing::open(why);
    }
    if all.iter().any(|one| one.state == "sent_back") {
        return Standing::open("What is left was not accepted; more has to be done.");
    }
    for last in all.iter().filter_map(|one| one.accepted_until) {
        until = until.min(last);
    }
    let proof = proof(known, until);
    if !known.holds {
        return stale(known, proof);
    }
    let why = match all.len() {
        0 => "Nothing had to be escalated.".to_owned(),
        1 => "Who had to answer accepted what is left.".to_owned(),
        many => format!("All {many} who had to answer accepted what is left."),
    };
    Standing::by(vec![proof], today, why)
}

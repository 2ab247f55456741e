//! What waits for a person besides tasks: conditions to meet, evidence to judge, overrides to
//! answer.
use crate::db::schema::{conditions, decisions, people as persons, reviews};
use crate::db::{At, ConditionId, Conn, PersonId, RecordId, ReviewId};
use crate::error::Result;
use crate::people;
use crate::register;
use crate::review::approvals::is_steward;
use crate::review::deeds::{self, Deed};
use crate::review::service::Desk;
use diesel::prelude::*;

/// Most of each sort that are looked up.
const MOST: i64 = 20;

/// Phases of a review whose approval still owes its conditions.
const STANDING: [&str; 3] = ["approved", "overridden", "suspended"];

/// Something that waits for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duty {
    /// What is to be done.
    pub deed: Deed,
    /// The record.
    pub record: RecordId,
    /// What the condition says, where it is about one.
    pub condition: Option<(ConditionId, String)>,
    /// Until when.
    pub due: Option<At>,
    /// Whether it was missed already.
    pub missed: bool,
}

/// What waits for `person`, the most pressing first.
///
/// # Errors
/// When the database fails.
pub fn duties(conn: &mut Conn, desk: &Desk, person: PersonId) -> Result<Vec<Duty>> {
    let mut all = overrides(conn, desk, person)?;
    all.extend(evidence(conn, person)?);
    all.extend(obligations(conn, person)?);
    Ok(all)
}

type Row = (ConditionId, RecordId, String, Option<At>, String);

fn duty(deed: Deed, (id, record, text, due, state): Row) -> Duty {
    Duty {
        deed,
        record,
        condition: Some((id, text)),
        due,
        missed: state == "missed",
    }
}

/// The conditions that the person owes.
fn obligations(conn: &mut Conn, person: PersonId) -> Result<Vec<Duty>> {
    let rows: Vec<Row> = conditions::table
        .inner_join(decisions::table)
        .inner_join(reviews::table.on(reviews::id.eq(decisions::review_id)))
        .filter(conditions::owner_id.eq(person))
        .filter(conditions::state.eq_any(["open", "missed"]))
        .filter(reviews::phase.eq_any(STANDING))
        .order((conditions::due_at, conditions::id))
        .select((
            conditions::id,
            conditions::record_id,
            conditions::text,
            conditions::due_at,
            conditions::state,
        ))
        .limit(MOST)
        .load(conn)?;
    let owed = |row| duty(Deed::GiveEvidence, row);
    Ok(rows.into_iter().map(owed).collect())
}

/// Evidence for conditions that the person attached; a keeper of the policy sees besides what
/// nobody else is there to judge.
fn evidence(conn: &mut Conn, person: PersonId) -> Result<Vec<Duty>> {
    let keeps = is_steward(conn, person)?;
    let theirs = decisions::person_id.eq(person);
    let orphaned = persons::active.eq(false).and(persons::active.ne(keeps));
    let rows: Vec<Row> = conditions::table
        .inner_join(decisions::table)
        .inner_join(reviews::table.on(reviews::id.eq(decisions::review_id)))
        .inner_join(persons::table.on(persons::id.eq(decisions::person_id)))
        .filter(conditions::state.eq("evidence_given"))
        .filter(reviews::phase.eq_any(STANDING))
        .filter(theirs.or(orphaned))
        .order((conditions::due_at, conditions::id))
        .select((
            conditions::id,
            conditions::record_id,
            conditions::text,
            conditions::due_at,
            conditions::state,
        ))
        .limit(MOST)
        .load(conn)?;
    let judged = |row| duty(Deed::AcceptEvidence, row);
    Ok(rows.into_iter().map(judged).collect())
}

/// Overrides to which the person may agree.
fn overrides(conn: &mut Conn, desk: &Desk, person: PersonId) -> Result<Vec<Duty>> {
    if people::held_by(conn, person)?.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<(ReviewId, RecordId, Option<At>)> = reviews::table
        .filter(reviews::override_until.gt(desk.clock.now()))
        .order(reviews::override_until)
        .select((reviews::id, reviews::record_id, reviews::override_until))
        .limit(MOST)
        .load(conn)?;
    let mut open = Vec::new();
    for (id, record, due) in rows {
        let found = register::by_id(conn, record)?;
        let offered = deeds::offered(conn, desk, person, &found)?;
        let agree = (Deed::AgreeToOverride, deeds::Subject::Review(id));
        if offered.contains(&agree) {
            open.push(Duty {
                deed: Deed::AgreeToOverride,
                record,
                condition: None,
                due,
                missed: false,
            });
        }
    }
    Ok(open)
}

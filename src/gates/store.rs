//! Results, waivers and what they come to, in the database.
use super::{Amount, Gate, Judged, KIND, Plan, Tested, judge};
use crate::db::schema::{test_results, test_waivers};
use crate::db::{At, Conn, Day, PersonId, RecordId, ResultId, Tx, WaiverId};
use crate::error::{Error, Result};
use crate::rules;
use diesel::prelude::*;
use serde_json::Value;
use std::collections::HashMap;

/// A gate that a use case needs.
#[derive(Debug, Clone)]
pub struct Needed {
    /// Key of the plan.
    pub plan: String,
    /// Its version in force.
    pub version: i32,
    /// The gate.
    pub gate: Gate,
}

/// A result as it was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = test_results)]
pub struct Recorded {
    /// Identifier.
    pub id: ResultId,
    /// The use case.
    pub record_id: RecordId,
    /// Key of the plan.
    pub plan: String,
    /// The version that was in force.
    pub plan_version: i32,
    /// Key of the gate.
    pub gate: String,
    /// The value, in millionths.
    pub value: i64,
    /// Whether it passed by that version.
    pub met: bool,
    /// The day of the test.
    pub performed_on: Day,
    /// The last day on which it counts.
    pub valid_until: Day,
    /// Who recorded it.
    pub recorded_by: PersonId,
    /// The entry, beside which dataset, tester and notes lie.
    pub seq: i64,
    /// When.
    pub at: At,
}

impl Recorded {
    fn tested(&self) -> Tested {
        Tested {
            seq: self.seq,
            value: Amount(self.value),
            on: self.performed_on.0,
            until: self.valid_until.0,
        }
    }
}

/// A waiver.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = test_waivers)]
pub struct Waiver {
    /// Identifier.
    pub id: WaiverId,
    /// The use case.
    pub record_id: RecordId,
    /// Key of the plan.
    pub plan: String,
    /// Key of the gate.
    pub gate: String,
    /// The last day.
    pub until: Day,
    /// `asked`, `granted`, `refused` or `withdrawn`.
    pub state: String,
    /// Who asked.
    pub asked_by: PersonId,
    /// The entry, beside which the reason lies.
    pub asked_seq: i64,
    /// When.
    pub asked_at: At,
    /// Who granted, refused or withdrew it.
    pub settled_by: Option<PersonId>,
    /// The entry that says so.
    pub settled_seq: Option<i64>,
    /// When.
    pub settled_at: Option<At>,
}

/// A gate that a use case needs, with all that is known of it.
#[derive(Debug, Clone)]
pub struct Line {
    /// The gate.
    pub needed: Needed,
    /// How it stands.
    pub judged: Judged,
    /// Its results, the newest first.
    pub results: Vec<Recorded>,
    /// Its waivers, the newest first.
    pub waivers: Vec<Waiver>,
}

/// The plans in force, each with its version.
pub(super) fn plans(conn: &mut Conn) -> Result<Vec<(i32, Plan)>> {
    let mut plans = Vec::new();
    for head in rules::heads(conn, &KIND)? {
        let (hash, text) = rules::source(conn, &KIND, &head.key, head.version)?;
        let corrupt = || Error::Corrupt(format!("test plan {} version {}", head.key, head.version));
        let plan = Plan::read("stored version", &text, None).map_err(|_| corrupt())?;
        if plan.hash != hash {
            return Err(corrupt());
        }
        plans.push((head.version, plan));
    }
    Ok(plans)
}

/// The gates of one use case with this content.
///
/// # Errors
/// When the database fails.
pub fn lines(conn: &mut Conn, record: RecordId, document: &Value, today: Day) -> Result<Vec<Line>> {
    let mut all = lines_of(conn, &[(record, document.clone())], today)?;
    Ok(all.remove(&record).unwrap_or_default())
}

/// The gates of many use cases, with a few questions to the database whatever their number.
///
/// # Errors
/// When the database fails.
pub fn lines_of(
    conn: &mut Conn,
    cases: &[(RecordId, Value)],
    today: Day,
) -> Result<HashMap<RecordId, Vec<Line>>> {
    let plans = plans(conn)?;
    let ids: Vec<RecordId> = cases.iter().map(|(id, _)| *id).collect();
    let mut results: HashMap<(RecordId, String, String), Vec<Recorded>> = HashMap::new();
    let rows = test_results::table
        .filter(test_results::record_id.eq_any(&ids))
        .order((test_results::performed_on.desc(), test_results::seq.desc()))
        .select(Recorded::as_select());
    for row in rows.load(conn)? {
        let of = (row.record_id, row.plan.clone(), row.gate.clone());
        results.entry(of).or_default().push(row);
    }
    let mut waivers: HashMap<(RecordId, String, String), Vec<Waiver>> = HashMap::new();
    let rows = test_waivers::table
        .filter(test_waivers::record_id.eq_any(&ids))
        .order(test_waivers::asked_seq.desc())
        .select(Waiver::as_select());
    for row in rows.load(conn)? {
        let of = (row.record_id, row.plan.clone(), row.gate.clone());
        waivers.entry(of).or_default().push(row);
    }
    let mut all = HashMap::new();
    for (record, document) in cases {
        let mut lines = Vec::new();
        for (version, plan) in &plans {
            for gate in plan.required(document) {
                let of = (*record, plan.key.clone(), gate.key.clone());
                let needed = Needed {
                    plan: plan.key.clone(),
                    version: *version,
                    gate: gate.clone(),
                };
                let results = results.remove(&of).unwrap_or_default();
                let waivers = waivers.remove(&of).unwrap_or_default();
                lines.push(line(needed, results, waivers, today));
            }
        }
        all.insert(*record, lines);
    }
    Ok(all)
}

fn line(needed: Needed, results: Vec<Recorded>, waivers: Vec<Waiver>, today: Day) -> Line {
    let tested: Vec<Tested> = results.iter().map(Recorded::tested).collect();
    let granted = waivers.iter().filter(|waiver| waiver.state == "granted");
    let granted: Vec<_> = granted.map(|waiver| waiver.until.0).collect();
    Line {
        judged: judge(&needed.gate, &tested, &granted, today.0),
        needed,
        results,
        waivers,
    }
}

/// A waiver.
///
/// # Errors
/// [`Error::NotFound`].
pub fn waiver(conn: &mut Conn, id: WaiverId) -> Result<Waiver> {
    let found = test_waivers::table.find(id).select(Waiver::as_select());
    let found = found.get_result(conn).optional()?;
    found.ok_or_else(|| Error::not_found("waiver", id))
}

pub(super) fn insert_result(tx: &mut Tx, row: &Recorded) -> Result<()> {
    diesel::insert_into(test_results::table)
        .values(row)
        .execute(&mut **tx)?;
    Ok(())
}

pub(super) fn insert_waiver(tx: &mut Tx, row: &Waiver) -> Result<()> {
    diesel::insert_into(test_waivers::table)
        .values(row)
        .execute(&mut **tx)?;
    Ok(())
}

pub(super) fn settle_waiver(
    tx: &mut Tx,
    id: WaiverId,
    state: &str,
    (by, seq, at): (PersonId, i64, At),
) -> Result<()> {
    diesel::update(test_waivers::table.find(id))
        .set((
            test_waivers::state.eq(state),
            test_waivers::settled_by.eq(by),
            test_waivers::settled_seq.eq(seq),
            test_waivers::settled_at.eq(at),
        ))
        .execute(&mut **tx)?;
    Ok(())
}

//! Monitoring: when an approval is looked at again, and what of its conditions is overdue.
use super::approval::Approvals;
use super::sources::{Standings, Subject};
use super::{Proof, Standing};
use crate::catalogue::Worth;
use crate::db::schema::conditions;
use crate::db::{At, Conn, Day, RecordId};
use crate::error::Result;
use crate::review::Desk;
use diesel::dsl::min;
use diesel::prelude::*;
use jiff::civil::Date;
use std::collections::HashMap;

/// How each of these stands.
///
/// # Errors
/// When the database fails.
pub(super) fn standings(
    conn: &mut Conn,
    desk: &Desk,
    subjects: &[Subject],
    today: Date,
) -> Result<Standings> {
    let approvals = Approvals::read(conn, desk, subjects)?;
    let bases = subjects
        .iter()
        .filter_map(|subject| approvals.base(subject.record.id));
    let bases: Vec<RecordId> = bases.map(|base| base.id).collect();
    let due = due(conn, &bases)?;
    let standing = |subject: &Subject| {
        let id = subject.record.id;
        let base = approvals.base(id);
        let worth = approvals.worth(id);
        let standing = match (base, worth) {
            (Some(base), Some(worth)) if worth.holds() || worth == Worth::ConditionMissed => {
                let mut proofs: Vec<Proof> = Vec::new();
                if base.valid_until.is_some() {
                    proofs.extend(approvals.proof(desk, id, "Next review"));
                }
                if let Some(at) = due.get(&base.id) {
                    let mut proof = approvals.proof(desk, id, "Condition");
                    if let Some(proof) = &mut proof {
                        proof.until = Some(Day::of(*at, &desk.zone).0);
                    }
                    proofs.extend(proof);
                }
                match proofs.is_empty() {
                    true => Standing::open("No day is set on which it is looked at again."),
                    false => Standing::by(proofs, today, "Days are set on which it is looked at."),
                }
            }
            (Some(_), Some(Worth::Retired)) => Standing::not_needed("It is no longer used."),
            _ => Standing::open("Nothing in force says when it is looked at again."),
        };
        (id, standing)
    };
    Ok(subjects.iter().map(standing).collect())
}

/// The first day on which a condition is owed.
fn due(conn: &mut Conn, records: &[RecordId]) -> Result<HashMap<RecordId, At>> {
    let rows: Vec<(RecordId, Option<At>)> = conditions::table
        .filter(conditions::record_id.eq_any(records))
        .filter(conditions::state.eq_any(["open", "evidence_given", "missed", "refused"]))
        .group_by(conditions::record_id)
        .select((conditions::record_id, min(conditions::due_at)))
        .load(conn)?;
    let rows = rows.into_iter().filter_map(|(id, at)| Some((id, at?)));
    Ok(rows.collect())
}

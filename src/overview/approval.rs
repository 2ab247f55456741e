//! Who approves: an approval in force, one that was joined, or a rule that needs no review.
use super::sources::{Standings, Subject};
use super::{Light, Proof, Standing, data};
use crate::catalogue::{self, Worth};
use crate::db::schema::{decisions, policy_answers};
use crate::db::{At, Conn, Day, RecordId, ReviewId};
use crate::error::Result;
use crate::register::{Record, Status};
use crate::review::Desk;
use diesel::dsl::max;
use diesel::prelude::*;
use jiff::civil::Date;
use std::collections::{HashMap, HashSet};

/// What the points that rest on approvals need of them.
pub(super) struct Approvals {
    /// The record whose approval counts: the use case's own, or what it joined.
    bases: HashMap<RecordId, Record>,
    /// What that is worth.
    worth: HashMap<RecordId, Worth>,
    /// When the last decision was made.
    decided: HashMap<ReviewId, At>,
}

impl Approvals {
    /// Of these use cases.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) fn read(conn: &mut Conn, desk: &Desk, subjects: &[Subject]) -> Result<Approvals> {
        let now = desk.clock.now();
        let mut bases: HashMap<RecordId, Record> = HashMap::new();
        let mut worth = HashMap::new();
        let own = subjects.iter().map(|subject| &subject.record);
        let own: Vec<&Record> = own.filter(|record| record.approval_id.is_some()).collect();
        let ids: Vec<RecordId> = own.iter().map(|record| record.id).collect();
        let missed = catalogue::missed(conn, &ids)?;
        for record in own {
            let is_missed = record.approval_id.is_some_and(|id| missed.contains(&id));
            worth.insert(record.id, Worth::of(record, is_missed, now));
            bases.insert(record.id, record.clone());
        }
        let rest = subjects.iter().filter(|s| s.record.approval_id.is_none());
        let rest: Vec<(&Record, &serde_json::Value)> = rest
            .map(|subject| (&subject.record, &subject.document))
            .collect();
        for (id, base, held) in catalogue::joined_among(conn, desk, &rest)? {
            worth.insert(id, held);
            bases.insert(id, base);
        }
        let reviews: Vec<ReviewId> = bases.values().filter_map(|base| base.approval_id).collect();
        let rows: Vec<(ReviewId, Option<At>)> = decisions::table
            .filter(decisions::review_id.eq_any(reviews))
            .group_by(decisions::review_id)
            .select((decisions::review_id, max(decisions::decided_at)))
            .load(conn)?;
        let decided = rows.into_iter().filter_map(|(id, at)| Some((id, at?)));
        Ok(Approvals {
            bases,
            worth,
            decided: decided.collect(),
        })
    }

    /// What the approval of a use case is worth, where it has or joined one.
    pub(super) fn worth(&self, id: RecordId) -> Option<Worth> {
        self.worth.get(&id).copied()
    }

    /// The record whose approval counts for a use case.
    pub(super) fn base(&self, id: RecordId) -> Option<&Record> {
        self.bases.get(&id)
    }

    /// What shows the approval of a use case.
    pub(super) fn proof(&self, desk: &Desk, id: RecordId, label: &str) -> Option<Proof> {
        let base = self.bases.get(&id)?;
        let decided = base.approval_id.and_then(|id| self.decided.get(&id));
        let decided = decided.copied().unwrap_or(base.created_at);
        let day = |at: At| Day::of(at, &desk.zone).0;
        Some(Proof {
            label: format!("{label} of {}", base.reference),
            href: format!("/use-cases/{}", base.reference),
            on: day(decided),
            until: base.valid_until.map(day),
        })
    }
}

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
    let accepted = accepted(conn, subjects)?;
    let by_policy = match accepted.is_empty() {
        true => HashMap::new(),
        false => data::standings(conn, desk, subjects, today)?,
    };
    let standing = |subject: &Subject| {
        let record = &subject.record;
        let own = approvals
            .worth(record.id)
            .map(|worth| of_approval(desk, &approvals, record, worth, today));
        let standing = own.unwrap_or_else(|| match accepted.contains(&record.id) {
            true => of_policy(by_policy.get(&record.id)),
            false => without(record),
        });
        (record.id, standing)
    };
    Ok(subjects.iter().map(standing).collect())
}

fn of_approval(
    desk: &Desk,
    approvals: &Approvals,
    record: &Record,
    worth: Worth,
    today: Date,
) -> Standing {
    let joined = record.approval_id.is_none();
    let label = if joined {
        "Approval, joined,"
    } else {
        "Approval"
    };
    let proofs: Vec<Proof> = approvals
        .proof(desk, record.id, label)
        .into_iter()
        .collect();
    match worth {
        Worth::InForce | Worth::UnderReview => Standing::by(proofs, today, worth.sentence()),
        Worth::Expired => expired(proofs, today, worth.sentence()),
        Worth::Retired => Standing::not_needed(worth.sentence()),
        Worth::NotApproved if record.standing() == Some(Status::Overridden) => {
            Standing::open("Two people let it through for a while; no review has approved it.")
        }
        _ => Standing::open(worth.sentence()),
    }
}

/// Over, also where its last day is today.
fn expired(mut proofs: Vec<Proof>, today: Date, why: &str) -> Standing {
    for proof in &mut proofs {
        let yesterday = today.yesterday().unwrap_or(today);
        proof.until = proof
            .until
            .map(|until| until.min(yesterday))
            .or(Some(yesterday));
    }
    Standing::by(proofs, today, why)
}

fn of_policy(data: Option<&Standing>) -> Standing {
    match data {
        Some(data) if data.light == Light::Settled => {
            let why = "The data-use policy allows it, and its conditions were accepted: no review \
                       is needed.";
            Standing::not_needed(why)
        }
        _ => Standing::open(
            "It was registered under the data-use policy, which says something else by now.",
        ),
    }
}

fn without(record: &Record) -> Standing {
    match Status::named(&record.status) {
        Some(Status::InReview) => Standing::open("A review is under way."),
        Some(Status::ChangesRequested) => Standing::open("A review waits for changes."),
        Some(Status::Rejected) => Standing::open("It was rejected."),
        _ => Standing::open("Nobody has approved it."),
    }
}

/// Those that were registered under the data-use policy.
pub(super) fn accepted(conn: &mut Conn, subjects: &[Subject]) -> Result<HashSet<RecordId>> {
    let ids: Vec<RecordId> = subjects.iter().map(|subject| subject.record.id).collect();
    let rows: Vec<Option<RecordId>> = policy_answers::table
        .filter(policy_answers::record_id.eq_any(ids))
        .select(policy_answers::record_id)
        .load(conn)?;
    Ok(rows.into_iter().flatten().collect())
}

//! What an approval is worth to those who join it, and what a use case that joined one is worth.
use super::bounds::{Outside, outside};
use super::store::{self, Join};
use crate::db::schema::{conditions, decisions};
use crate::db::{At, Conn, RecordId, ReviewId};
use crate::error::Result;
use crate::register::{self, Record, Status};
use crate::review::engine::{ObligationState, Review};
use crate::review::{self, Desk};
use crate::web::badge::{Badge, badge};
use diesel::prelude::*;
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What an approval is worth now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Worth {
    /// In force.
    InForce,
    /// In force, and a review looks at it again.
    UnderReview,
    /// A condition of it was not kept.
    ConditionMissed,
    /// Not in force for now.
    Suspended,
    /// Its time is over.
    Expired,
    /// It was taken away.
    Revoked,
    /// The use case ended.
    Retired,
    /// What joined lies outside of what was approved by now.
    Outside,
    /// Nothing approves it.
    NotApproved,
}

impl Worth {
    /// Of the approval of `record` at `now`; `missed` says whether a condition of it was not kept.
    pub fn of(record: &Record, missed: bool, now: At) -> Worth {
        let over = record.valid_until.is_some_and(|until| until <= now);
        match record.standing() {
            Some(Status::Approved) if over => Worth::Expired,
            Some(Status::Approved) if missed => Worth::ConditionMissed,
            Some(Status::Approved) if record.is_under_review() => Worth::UnderReview,
            Some(Status::Approved) => Worth::InForce,
            Some(Status::Suspended) => Worth::Suspended,
            Some(Status::Expired) => Worth::Expired,
            Some(Status::Revoked) => Worth::Revoked,
            Some(Status::Retired) => Worth::Retired,
            _ => Worth::NotApproved,
        }
    }

    /// Whether it may be used.
    pub fn holds(self) -> bool {
        matches!(self, Worth::InForce | Worth::UnderReview)
    }

    /// The word, as the API says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Worth::InForce => "in_force",
            Worth::UnderReview => "under_review",
            Worth::ConditionMissed => "condition_missed",
            Worth::Suspended => "suspended",
            Worth::Expired => "expired",
            Worth::Revoked => "revoked",
            Worth::Retired => "retired",
            Worth::Outside => "outside",
            Worth::NotApproved => "not_approved",
        }
    }

    /// The same as a word with a shape.
    pub fn badge(self) -> Badge {
        match self {
            Worth::InForce => badge("In force", "good"),
            Worth::UnderReview => badge("In force, reviewed again", "part"),
            Worth::ConditionMissed => badge("Condition missed", "bad"),
            Worth::Suspended => badge("Suspended", "bad"),
            Worth::Expired => badge("Expired", "bad"),
            Worth::Revoked => badge("Revoked", "bad"),
            Worth::Retired => badge("Retired", ""),
            Worth::Outside => badge("Outside of the approval", "bad"),
            Worth::NotApproved => badge("Not approved", ""),
        }
    }

    /// In a sentence about the approval.
    pub fn sentence(self) -> &'static str {
        match self {
            Worth::InForce => "The approval is in force.",
            Worth::UnderReview => "The approval is in force, and a review looks at it again.",
            Worth::ConditionMissed => "A condition of the approval was not kept.",
            Worth::Suspended => "The approval is suspended.",
            Worth::Expired => "The time of the approval is over.",
            Worth::Revoked => "The approval was revoked.",
            Worth::Retired => "The use case that was approved ended.",
            Worth::Outside => "It lies outside of what is approved: it needs a review of its own.",
            Worth::NotApproved => "Nothing approves it.",
        }
    }
}

/// The approvals of which a condition was missed or refused, among those of these records.
///
/// # Errors
/// When the database fails.
pub fn missed(conn: &mut Conn, records: &[RecordId]) -> Result<BTreeSet<ReviewId>> {
    let rows: Vec<ReviewId> = conditions::table
        .inner_join(decisions::table.on(decisions::id.eq(conditions::decision_id)))
        .filter(conditions::record_id.eq_any(records))
        .filter(conditions::state.eq_any(["missed", "refused"]))
        .select(decisions::review_id)
        .distinct()
        .load(conn)?;
    Ok(rows.into_iter().collect())
}

/// An approval with what was approved.
#[derive(Debug)]
pub struct Base {
    /// The use case.
    pub record: Record,
    /// The review that approved it.
    pub approval: Review,
    /// What was approved.
    pub document: Value,
    /// What that is worth now.
    pub worth: Worth,
}

impl Base {
    /// The approval of a record; nothing where it never had one.
    ///
    /// # Errors
    /// When the database fails.
    pub fn read(conn: &mut Conn, now: At, record: Record) -> Result<Option<Base>> {
        let Some(id) = record.approval_id else {
            return Ok(None);
        };
        let approval = review::review(conn, id)?;
        let kept = |state: ObligationState| {
            !matches!(state, ObligationState::Missed | ObligationState::Refused)
        };
        let missed = !approval.obligations.values().all(|one| kept(one.state));
        let worth = Worth::of(&record, missed, now);
        let document = register::revision(conn, record.id, approval.revision)?.document()?;
        Ok(Some(Base {
            record,
            approval,
            document,
            worth,
        }))
    }
}

/// A use case that joined an approval, and what that is worth now.
#[derive(Debug)]
pub struct Joined {
    /// How it joined.
    pub join: Join,
    /// What it joined.
    pub base: Base,
    /// What the join is worth now.
    pub worth: Worth,
    /// What lies outside of what is approved.
    pub outside: Vec<Outside>,
}

/// What a record joined; nothing where it joined none, or has an approval of its own by now.
///
/// # Errors
/// When the database fails.
pub fn joined(conn: &mut Conn, desk: &Desk, record: &Record) -> Result<Option<Joined>> {
    if record.approval_id.is_some() {
        return Ok(None);
    }
    let Some(join) = store::join_of(conn, record.id)? else {
        return Ok(None);
    };
    let base = register::by_id(conn, join.base_id)?;
    let Some(base) = Base::read(conn, desk.clock.now(), base)? else {
        return Ok(None);
    };
    let form = &desk.kinds.by_key("use_case")?.form;
    let mine = register::revision(conn, record.id, record.revision)?.document()?;
    let outside = outside(form, &base.document, &mine);
    let worth = match outside.is_empty() {
        true => base.worth,
        false if base.worth.holds() => Worth::Outside,
        false => base.worth,
    };
    Ok(Some(Joined {
        join,
        base,
        worth,
        outside,
    }))
}

/// What those of these use cases that joined an approval are worth: each with what it joined.
///
/// # Errors
/// When the database fails.
pub fn joined_among(
    conn: &mut Conn,
    desk: &Desk,
    all: &[(&Record, &Value)],
) -> Result<Vec<(RecordId, Record, Worth)>> {
    let ids: Vec<RecordId> = all.iter().map(|(record, _)| record.id).collect();
    let joins = store::joins_among(conn, &ids)?;
    let bases: BTreeSet<RecordId> = joins.values().map(|join| join.base_id).collect();
    let mut known = BTreeMap::new();
    for id in bases {
        let base = register::by_id(conn, id)?;
        if let Some(base) = Base::read(conn, desk.clock.now(), base)? {
            known.insert(id, base);
        }
    }
    let form = &desk.kinds.by_key("use_case")?.form;
    let worth = |(record, document): &(&Record, &Value)| {
        let base = known.get(&joins.get(&record.id)?.base_id)?;
        let within = outside(form, &base.document, document).is_empty();
        let worth = match within || !base.worth.holds() {
            true => base.worth,
            false => Worth::Outside,
        };
        Some((record.id, base.record.clone(), worth))
    };
    Ok(all.iter().filter_map(worth).collect())
}

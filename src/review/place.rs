//! Where a record stands by its reviews: the latest one, and the one whose approval counts.
use crate::db::{At, ReviewId};
use crate::register::{Record, Status};
use crate::review::engine::{Phase, Review};

/// What a record says of its reviews.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Where it stands, as a word of [`Status`].
    pub status: String,
    /// Risk tier, once a workflow's tables gave one.
    pub risk: Option<String>,
    /// The latest review.
    pub review: Option<ReviewId>,
    /// The review whose approval counts.
    pub approval: Option<ReviewId>,
    /// What became of that approval.
    pub standing: Option<String>,
    /// Until when it holds.
    pub valid_until: Option<At>,
}

impl Place {
    /// A record without any review.
    pub fn new(status: &str) -> Place {
        Place {
            status: status.to_owned(),
            risk: None,
            review: None,
            approval: None,
            standing: None,
            valid_until: None,
        }
    }

    /// What is stored of a record.
    pub fn of(record: &Record) -> Place {
        Place {
            status: record.status.clone(),
            risk: record.risk.clone(),
            review: record.review_id,
            approval: record.approval_id,
            standing: record.standing.clone(),
            valid_until: record.valid_until,
        }
    }

    /// Takes in how one of the record's reviews stands after something happened to it. `opened`
    /// says that it began just now.
    pub fn follow(&mut self, after: &Review, opened: bool) {
        if after.phase == Phase::Superseded {
            return;
        }
        let status = status_of(after.phase).as_str();
        if self.is_latest(after, opened) {
            let risk = after.derived.get("risk").and_then(|d| d.value.as_str());
            self.review = Some(after.id);
            status.clone_into(&mut self.status);
            self.risk = risk.map(str::to_owned);
        }
        if self.counts(after) {
            self.approval = Some(after.id);
            self.standing = Some(status.to_owned());
            self.valid_until = after.valid_until;
        }
    }

    /// While a renewal is being written, the record is a draft, whatever becomes of its approval.
    pub(super) fn is_latest(&self, after: &Review, opened: bool) -> bool {
        let drafted = self.status == Status::Draft.as_str();
        opened || (self.review == Some(after.id) && !drafted)
    }

    pub(super) fn counts(&self, after: &Review) -> bool {
        self.approval == Some(after.id) || after.phase.is_in_force()
    }
}

pub(super) fn status_of(phase: Phase) -> Status {
    match phase {
        Phase::InReview => Status::InReview,
        Phase::ChangesRequested => Status::ChangesRequested,
        Phase::Approved => Status::Approved,
        Phase::Overridden => Status::Overridden,
        Phase::Suspended => Status::Suspended,
        Phase::Rejected => Status::Rejected,
        Phase::Withdrawn | Phase::Superseded => Status::Withdrawn,
        Phase::Abandoned => Status::Abandoned,
        Phase::Expired => Status::Expired,
        Phase::Revoked => Status::Revoked,
        Phase::Retired => Status::Retired,
    }
}

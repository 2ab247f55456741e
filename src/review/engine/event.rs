//! What can happen to a review. Each event becomes exactly one ledger entry.
use crate::db::{PersonId, RecordId, ReviewId, TaskId};
use crate::review::engine::state::{Pin, Progress, SeatRun};
use crate::workflow::{Derived, Outcome};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// An obligation attached to an approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// What must be done.
    pub text: String,
    /// Who does it.
    pub owner: Option<PersonId>,
    /// By when, as `YYYY-MM-DD`.
    pub due: Option<String>,
}

/// Why a review ended in rejection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectedBecause {
    /// A stage was rejected.
    Stage,
    /// More revisions than the workflow allows.
    TooManyRevisions,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A record was submitted and its review began.
    Opened {
        /// The review.
        review: ReviewId,
        /// The record.
        record: RecordId,
        /// The pinned version.
        workflow: Pin,
        /// The revision under review.
        revision: i32,
        /// Its digest.
        digest: String,
        /// Who submitted.
        submitter: PersonId,
        /// Who answers for it.
        owner: PersonId,
        /// Who wrote it.
        editors: BTreeSet<PersonId>,
        /// Results of the tables, with their reasons.
        derived: BTreeMap<String, Derived>,
        /// Keys of all stages, in the order of the workflow.
        stages: Vec<String>,
    },
    /// A new revision took the place of the one under review.
    Resubmitted {
        /// The new revision.
        revision: i32,
        /// Its digest.
        digest: String,
        /// Who answers for it now.
        owner: PersonId,
        /// Who wrote it.
        editors: BTreeSet<PersonId>,
        /// Results of the tables for it.
        derived: BTreeMap<String, Derived>,
    },
    /// A stage waits again, in a new epoch.
    StageReopened {
        /// The stage.
        stage: String,
        /// Its new epoch.
        epoch: u32,
    },
    /// A stage is not needed.
    StageSkipped {
        /// The stage.
        stage: String,
        /// Its epoch.
        epoch: u32,
        /// The condition that did not hold.
        condition: String,
    },
    /// People are asked.
    StageOpened {
        /// The stage.
        stage: String,
        /// Its epoch.
        epoch: u32,
        /// The seats with their people.
        seats: Vec<SeatRun>,
        /// Why the condition could not be read, when it could not: such a stage is required.
        unread: Option<String>,
    },
    /// A seat's own people no longer suffice; others stand in.
    SeatFellBack {
        /// The stage.
        stage: String,
        /// Its epoch.
        epoch: u32,
        /// The seat.
        seat: String,
        /// Who stands in; nobody, when the fallback is empty too.
        people: BTreeSet<PersonId>,
    },
    /// A person decided.
    Decided {
        /// The task, and so the decision.
        task: TaskId,
        /// The stage.
        stage: String,
        /// Its epoch.
        epoch: u32,
        /// Who decided.
        person: PersonId,
        /// What they chose.
        outcome: Outcome,
        /// The revision they saw.
        revision: i32,
        /// Its digest.
        digest: String,
        /// Why, in their words.
        reason: Option<String>,
        /// The stage's form, filled.
        answers: Value,
        /// What must still be done.
        conditions: Vec<Condition>,
    },
    /// A stage came to its end.
    StageSettled {
        /// The stage.
        stage: String,
        /// Its epoch.
        epoch: u32,
        /// Approved, approved with conditions, or rejected.
        progress: Progress,
    },
    /// The submitter is asked to change something.
    ChangesRequested {
        /// The stage that asks.
        stage: String,
    },
    /// The review ended in approval.
    Approved {
        /// Whether conditions hang on it.
        with_conditions: bool,
    },
    /// The review ended in rejection.
    Rejected {
        /// Why.
        because: RejectedBecause,
    },
    /// The submitter or owner took it back.
    Withdrawn {
        /// Why, in their words.
        reason: Option<String>,
    },
}

impl Event {
    /// The stage it concerns, when it concerns one.
    pub fn stage(&self) -> Option<&str> {
        match self {
            Event::StageReopened { stage, .. }
            | Event::StageSkipped { stage, .. }
            | Event::StageOpened { stage, .. }
            | Event::SeatFellBack { stage, .. }
            | Event::Decided { stage, .. }
            | Event::StageSettled { stage, .. }
            | Event::ChangesRequested { stage } => Some(stage),
            _ => None,
        }
    }

    /// The entry's kind: a noun and what happened to it.
    pub fn kind(&self) -> &'static str {
        match self {
            Event::Opened { .. } => "review.opened",
            Event::Resubmitted { .. } => "review.resubmitted",
            Event::StageReopened { .. } => "stage.reopened",
            Event::StageSkipped { .. } => "stage.skipped",
            Event::StageOpened { .. } => "stage.opened",
            Event::SeatFellBack { .. } => "seat.fell_back",
            Event::Decided { .. } => "decision.recorded",
            Event::StageSettled { .. } => "stage.settled",
            Event::ChangesRequested { .. } => "review.changes_requested",
            Event::Approved { .. } => "review.approved",
            Event::Rejected { .. } => "review.rejected",
            Event::Withdrawn { .. } => "review.withdrawn",
        }
    }
}

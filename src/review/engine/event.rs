//! What can happen to a review. Each event becomes exactly one ledger entry.
use crate::db::{At, ConditionId, PersonId, RecordId, ReviewId, TaskId, VendorChangeId};
use crate::review::engine::clock::Clock;
use crate::review::engine::standing::Obligation;
use crate::review::engine::state::{Pin, Progress, SeatRun};
use crate::workflow::{Derived, Mode, Outcome};
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
    /// A stage's time ran out.
    Timeout,
    /// A stage's time ran out and no later stage made up for it.
    NotCovered,
    /// More revisions than the workflow allows.
    TooManyRevisions,
}

/// Why a task went from one person to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moved {
    /// Its person handed it on.
    Delegated,
    /// Its person is away and had named a delegate.
    Absent,
    /// An administrator gave it to another.
    Reassigned,
    /// The delegate left; it is its first person's again.
    Returned,
}

/// What called an escalation in, by its place in the workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The stage's clock: an item of `sla.escalate`.
    Time(usize),
    /// Risk or disagreement: an item of the stage's `escalate`.
    Rule(usize),
}

/// People were brought in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Escalated {
    /// The stage.
    pub stage: String,
    /// Its epoch.
    pub epoch: u32,
    /// What called them in.
    pub cause: Cause,
    /// What they do.
    pub mode: Mode,
    /// The seat they join, or whose fallback stands in for them.
    pub seat: Option<String>,
    /// Who; nobody, when nobody holds the role. Of those who are only told, the entry says no more
    /// than how many.
    #[serde(default)]
    pub people: BTreeSet<PersonId>,
}

/// Why another review took the place of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SupersededBecause {
    /// The renewal was approved.
    Renewed,
    /// It was started anew under another workflow version.
    Restarted,
    /// It was started anew because something changed at a vendor.
    LookedAgain,
}

/// Why an approval was taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevokedBecause {
    /// A person decided so.
    Person,
    /// The review after the fact did not approve what an override had let through.
    AfterTheFact,
    /// A change at a vendor called for another review, which did not approve it.
    LookedAgain,
}

/// How a review began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Opened {
    /// The review.
    pub review: ReviewId,
    /// The record.
    pub record: RecordId,
    /// The pinned version.
    pub workflow: Pin,
    /// The revision under review.
    pub revision: i32,
    /// Its digest.
    pub digest: String,
    /// Who submitted.
    pub submitter: PersonId,
    /// Who answers for it.
    pub owner: PersonId,
    /// Who wrote it.
    pub editors: BTreeSet<PersonId>,
    /// Results of the tables, with their reasons.
    pub derived: BTreeMap<String, Derived>,
    /// Keys of all stages, in the order of the workflow.
    pub stages: Vec<String>,
    /// The calendar version its own clocks run by.
    pub calendar: i32,
    /// The review whose approval it renews or looks at afterwards.
    pub renews: Option<ReviewId>,
    /// Whether it looks at an override after the fact.
    pub after_the_fact: bool,
    /// Who is kept out of every stage, whatever the workflow says.
    pub apart: BTreeSet<PersonId>,
    /// The changes at vendors under which it is decided.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub vendor_changes: BTreeSet<VendorChangeId>,
    /// Whether a change at a vendor called for it, and not a person.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub looks_again: bool,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A record was submitted and its review began.
    Opened(Box<Opened>),
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
        /// The fields that changed.
        changed: BTreeSet<String>,
        /// The stages whose decisions are void; the others stand.
        reopened: BTreeSet<String>,
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
        /// Who is asked in the place of whom, because they are away.
        on_behalf: BTreeMap<PersonId, PersonId>,
        /// The clock that starts, when the stage has one.
        clock: Option<Clock>,
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
        /// In whose place.
        on_behalf_of: Option<PersonId>,
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
    /// A task went from one person to another.
    TaskMoved {
        /// The stage.
        stage: String,
        /// Its epoch.
        epoch: u32,
        /// Whose it was.
        from: PersonId,
        /// Whose it is.
        to: PersonId,
        /// Why.
        because: Moved,
        /// Who did it, when it was somebody's deed.
        by: Option<PersonId>,
        /// The reason in words.
        reason: Option<String>,
    },
    /// Somebody who was asked left the organisation, or lost what they were asked for.
    PersonLeft {
        /// The stage.
        stage: String,
        /// Its epoch.
        epoch: u32,
        /// Who.
        person: PersonId,
    },
    /// Those who still have to decide are reminded.
    Reminded {
        /// The stage.
        stage: String,
        /// Its epoch.
        epoch: u32,
        /// Which reminder, from 0.
        step: usize,
        /// Who; not in the entry, which says only how many.
        #[serde(default)]
        people: BTreeSet<PersonId>,
    },
    /// People were brought in.
    Escalated(Escalated),
    /// A stage's time ran out.
    StageOverdue {
        /// The stage.
        stage: String,
        /// Its epoch.
        epoch: u32,
    },
    /// A stage whose decisions stood through a change goes on, later by as long as it waited.
    ClockResumed {
        /// The stage.
        stage: String,
        /// Its epoch.
        epoch: u32,
        /// When it is due now.
        due: At,
    },
    /// A stage came to its end.
    StageSettled {
        /// The stage.
        stage: String,
        /// Its epoch.
        epoch: u32,
        /// Approved, approved with conditions, rejected or timed out.
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
        /// Until when it holds; without end when nothing stands here.
        valid_until: Option<At>,
        /// The conditions.
        obligations: BTreeMap<ConditionId, Obligation>,
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
    /// It ran longer than the workflow allows.
    Abandoned,
    /// Another review took its place.
    Superseded {
        /// Which.
        by: ReviewId,
        /// Why.
        because: SupersededBecause,
        /// The reason in words.
        reason: Option<String>,
    },
    /// The owner of a condition is reminded of it.
    ConditionReminded {
        /// The condition.
        condition: ConditionId,
        /// Which reminder, from 0.
        step: usize,
    },
    /// The owner of a condition says that it is done.
    EvidenceGiven {
        /// The condition.
        condition: ConditionId,
        /// Who says so.
        by: PersonId,
        /// What shows it.
        evidence: String,
    },
    /// The evidence shows that the condition is met.
    ConditionMet {
        /// The condition.
        condition: ConditionId,
        /// Who accepted it.
        by: PersonId,
    },
    /// The evidence does not suffice.
    EvidenceRefused {
        /// The condition.
        condition: ConditionId,
        /// Who refused it.
        by: PersonId,
        /// Why.
        reason: String,
    },
    /// The owner of a condition says that it will not be met.
    ConditionRefused {
        /// The condition.
        condition: ConditionId,
        /// Who.
        by: PersonId,
        /// Why.
        reason: String,
    },
    /// The condition need not be met.
    ConditionWaived {
        /// The condition.
        condition: ConditionId,
        /// Who let it go.
        by: PersonId,
        /// Why.
        reason: String,
    },
    /// The condition was not met in time.
    ConditionMissed {
        /// The condition.
        condition: ConditionId,
    },
    /// The end of the approval comes near.
    RenewalDue {
        /// Which reminder, from 0.
        step: usize,
    },
    /// The time of the approval is over.
    Expired,
    /// The approval is not in force for now.
    Suspended {
        /// Who did it; nobody when a condition was missed.
        by: Option<PersonId>,
        /// Why, in words.
        reason: Option<String>,
    },
    /// The approval is in force again.
    Reinstated {
        /// Who did it; nobody when the last missed condition was met.
        by: Option<PersonId>,
        /// Why, in words.
        reason: Option<String>,
    },
    /// The approval was taken away.
    Revoked {
        /// Why.
        because: RevokedBecause,
        /// Who did it.
        by: Option<PersonId>,
        /// The reason in words.
        reason: Option<String>,
    },
    /// The use case ended.
    Retired {
        /// Who says so.
        by: PersonId,
        /// Why.
        reason: String,
    },
    /// A first person asks to let the use case go ahead.
    OverrideProposed {
        /// The revision that is to be let through.
        revision: i32,
        /// Its digest.
        digest: String,
        /// Who.
        by: PersonId,
        /// Why.
        reason: String,
        /// Until when.
        until: At,
    },
    /// The proposal came to nothing.
    OverrideDeclined {
        /// Who declined it, or took it back.
        by: PersonId,
        /// Why.
        reason: Option<String>,
    },
    /// Two people let the use case go ahead.
    OverrideGranted {
        /// The revision that is let through.
        revision: i32,
        /// Its digest.
        digest: String,
        /// Who proposed it.
        first: PersonId,
        /// Who agreed.
        second: PersonId,
        /// Until when.
        until: At,
        /// Who is told at once; not in the entry, which says only how many.
        #[serde(default)]
        notify: BTreeSet<PersonId>,
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
            | Event::TaskMoved { stage, .. }
            | Event::PersonLeft { stage, .. }
            | Event::Reminded { stage, .. }
            | Event::Escalated(Escalated { stage, .. })
            | Event::StageOverdue { stage, .. }
            | Event::ClockResumed { stage, .. }
            | Event::StageSettled { stage, .. }
            | Event::ChangesRequested { stage } => Some(stage),
            _ => None,
        }
    }

    /// The epoch of its stage, where it says so.
    pub fn epoch(&self) -> Option<u32> {
        match self {
            Event::StageReopened { epoch, .. }
            | Event::StageSkipped { epoch, .. }
            | Event::StageOpened { epoch, .. }
            | Event::SeatFellBack { epoch, .. }
            | Event::Decided { epoch, .. }
            | Event::TaskMoved { epoch, .. }
            | Event::PersonLeft { epoch, .. }
            | Event::Reminded { epoch, .. }
            | Event::Escalated(Escalated { epoch, .. })
            | Event::StageOverdue { epoch, .. }
            | Event::ClockResumed { epoch, .. }
            | Event::StageSettled { epoch, .. } => Some(*epoch),
            _ => None,
        }
    }

    /// The condition it concerns, when it concerns one.
    pub fn condition(&self) -> Option<ConditionId> {
        match self {
            Event::ConditionReminded { condition, .. }
            | Event::EvidenceGiven { condition, .. }
            | Event::ConditionMet { condition, .. }
            | Event::EvidenceRefused { condition, .. }
            | Event::ConditionRefused { condition, .. }
            | Event::ConditionWaived { condition, .. }
            | Event::ConditionMissed { condition } => Some(*condition),
            _ => None,
        }
    }

    /// The entry's kind: a noun and what happened to it.
    pub fn kind(&self) -> &'static str {
        match self {
            Event::Opened(_) => "review.opened",
            Event::Resubmitted { .. } => "review.resubmitted",
            Event::StageReopened { .. } => "stage.reopened",
            Event::StageSkipped { .. } => "stage.skipped",
            Event::StageOpened { .. } => "stage.opened",
            Event::SeatFellBack { .. } => "seat.fell_back",
            Event::Decided { .. } => "decision.recorded",
            Event::TaskMoved { .. } => "task.moved",
            Event::PersonLeft { .. } => "seat.left",
            Event::Reminded { .. } => "stage.reminded",
            Event::Escalated(_) => "stage.escalated",
            Event::StageOverdue { .. } => "stage.overdue",
            Event::ClockResumed { .. } => "stage.resumed",
            Event::StageSettled { .. } => "stage.settled",
            Event::ChangesRequested { .. } => "review.changes_requested",
            Event::Approved { .. } => "review.approved",
            Event::Rejected { .. } => "review.rejected",
            Event::Withdrawn { .. } => "review.withdrawn",
            Event::Abandoned => "review.abandoned",
            Event::Superseded { .. } => "review.superseded",
            Event::ConditionReminded { .. } => "condition.reminded",
            Event::EvidenceGiven { .. } => "condition.evidence_given",
            Event::ConditionMet { .. } => "condition.met",
            Event::EvidenceRefused { .. } => "condition.evidence_refused",
            Event::ConditionRefused { .. } => "condition.refused",
            Event::ConditionWaived { .. } => "condition.waived",
            Event::ConditionMissed { .. } => "condition.missed",
            Event::RenewalDue { .. } => "approval.renewal_due",
            Event::Expired => "approval.expired",
            Event::Suspended { .. } => "approval.suspended",
            Event::Reinstated { .. } => "approval.reinstated",
            Event::Revoked { .. } => "approval.revoked",
            Event::Retired { .. } => "approval.retired",
            Event::OverrideProposed { .. } => "override.proposed",
            Event::OverrideDeclined { .. } => "override.declined",
            Event::OverrideGranted { .. } => "override.granted",
        }
    }
}

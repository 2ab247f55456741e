//! `decide`: a command meets the state and becomes events or a refusal.
use crate::db::{At, ConditionId, PersonId, RecordId, ReviewId, TaskId, VendorChangeId};
use crate::form::Form;
use crate::review::engine::clock::{Calendars, Timer};
use crate::review::engine::event::{Condition, Event, Opened, RejectedBecause, SupersededBecause};
use crate::review::engine::refusal::Refusal;
use crate::review::engine::seats::{Directory, is_last, named, separated, still_named};
use crate::review::engine::standing::{ApprovalDeed, ConditionDeed, OverrideDeed};
use crate::review::engine::state::{Phase, Pin, Progress, Review, SeatRun};
use crate::review::engine::{CONDITION_MAX, CONDITIONS_MAX, REASON_MAX};
use crate::workflow::{Inputs, Link, OnReject, Outcome, Seat, Stage, Workflow};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What a command is judged by, besides the state.
pub struct Context<'a> {
    /// The pinned definition.
    pub workflow: &'a Workflow,
    /// The stage forms it pins, by key.
    pub forms: &'a BTreeMap<String, Form>,
    /// The document under review.
    pub request: &'a Value,
    /// The people.
    pub directory: &'a Directory,
    /// The calendar that business time is counted by.
    pub calendars: &'a Calendars,
}

/// What begins a review.
#[derive(Debug, Clone)]
pub struct Opening {
    /// The new review.
    pub review: ReviewId,
    /// The record.
    pub record: RecordId,
    /// The pinned version.
    pub workflow: Pin,
    /// The revision submitted.
    pub revision: i32,
    /// Its digest.
    pub digest: String,
    /// Who submits.
    pub submitter: PersonId,
    /// Who answers for it.
    pub owner: PersonId,
    /// Who wrote it.
    pub editors: BTreeSet<PersonId>,
    /// The review whose approval it renews or looks at afterwards.
    pub renews: Option<ReviewId>,
    /// Whether it looks at an override after the fact.
    pub after_the_fact: bool,
    /// Who is kept out of every stage, whatever the workflow says: those who overrode.
    pub apart: BTreeSet<PersonId>,
    /// The changes at vendors under which it is decided.
    pub vendor_changes: BTreeSet<VendorChangeId>,
    /// Whether a change at a vendor called for it, and not a person.
    pub looks_again: bool,
}

/// A person's vote.
#[derive(Debug, Clone)]
pub struct Decision {
    /// The stage.
    pub stage: String,
    /// The epoch of the question that is answered.
    pub epoch: u32,
    /// Who decides.
    pub person: PersonId,
    /// The digest of the revision they saw.
    pub seen: String,
    /// Whether they came by a sign-off link alone.
    pub by_link: bool,
    /// What they choose.
    pub outcome: Outcome,
    /// Why.
    pub reason: Option<String>,
    /// The stage's form, filled.
    pub answers: Value,
    /// What must still be done.
    pub conditions: Vec<Condition>,
}

/// A new revision for a running review.
#[derive(Debug, Clone)]
pub struct Resubmission {
    /// Who submits it.
    pub by: PersonId,
    /// The new revision.
    pub revision: i32,
    /// Its digest.
    pub digest: String,
    /// Who answers for it now.
    pub owner: PersonId,
    /// Who wrote it.
    pub editors: BTreeSet<PersonId>,
    /// The fields that differ from the revision under review so far.
    pub changed: BTreeSet<String>,
}

/// A task that is given to another person.
#[derive(Debug, Clone)]
pub struct Handover {
    /// The stage.
    pub stage: String,
    /// The epoch of the question.
    pub epoch: u32,
    /// Whose task it is.
    pub from: PersonId,
    /// Who shall decide.
    pub to: PersonId,
    /// Who says so.
    pub by: PersonId,
    /// Whether they came by a sign-off link alone.
    pub by_link: bool,
    /// Why.
    pub reason: String,
}

/// What can be asked of a review.
#[derive(Debug, Clone)]
pub enum Command {
    /// A person decides.
    Decide(Decision),
    /// The content changed.
    Resubmit(Resubmission),
    /// The submitter or owner takes it back.
    Withdraw {
        /// Who.
        by: PersonId,
        /// Why.
        reason: Option<String>,
    },
    /// The directory changed: tasks and seats that lack people are looked at again.
    Refill,
    /// A person hands their task on.
    Delegate(Handover),
    /// An administrator gives a task to another person.
    Reassign(Handover),
    /// A clock's step is due. One that is out of date changes nothing.
    Fire(Timer),
    /// Somebody does something about a condition.
    OnCondition {
        /// Which.
        condition: ConditionId,
        /// Who.
        by: PersonId,
        /// Whether they keep the policy.
        steward: bool,
        /// What.
        deed: ConditionDeed,
    },
    /// Somebody does something about the approval.
    OnApproval {
        /// Who.
        by: PersonId,
        /// Whether they keep the policy.
        steward: bool,
        /// What.
        deed: ApprovalDeed,
        /// Why.
        reason: String,
    },
    /// Somebody proposes, grants or declines an override.
    OnOverride {
        /// Who.
        by: PersonId,
        /// Digest of the revision they were shown.
        seen: String,
        /// What.
        deed: OverrideDeed,
    },
    /// Another review takes the place of this one.
    Supersede {
        /// Which.
        by: ReviewId,
        /// Why.
        because: SupersededBecause,
        /// The reason in words.
        reason: Option<String>,
    },
    /// The review after the fact said no to what this one's override let through.
    RevokeAfterTheFact,
    /// The review that a change at a vendor called for did not approve.
    RevokeLookedAgain,
}

/// Begins a review: its state and the events that led to it.
pub fn open(ctx: &Context, opening: Opening, now: At) -> Option<(Review, Vec<Event>)> {
    let event = opened(ctx, opening);
    let review = Review::begin(&event, now)?;
    let mut run = Run {
        ctx,
        review,
        events: vec![event],
        now,
    };
    run.settle();
    Some((run.review, run.events))
}

/// The event that begins a review.
pub fn opened(ctx: &Context, opening: Opening) -> Event {
    Event::Opened(Box::new(Opened {
        review: opening.review,
        record: opening.record,
        workflow: opening.workflow,
        revision: opening.revision,
        digest: opening.digest,
        submitter: opening.submitter,
        owner: opening.owner,
        editors: opening.editors,
        derived: ctx.workflow.derive(ctx.request),
        stages: ctx.workflow.stages.iter().map(|s| s.key.clone()).collect(),
        calendar: ctx.calendars.current.version,
        renews: opening.renews,
        after_the_fact: opening.after_the_fact,
        apart: opening.apart,
        vendor_changes: opening.vendor_changes,
        looks_again: opening.looks_again,
    }))
}

/// Judges `command`: the state it leads to and the events, or why nothing changes.
///
/// # Errors
/// The refusal, in the words of the person who asked.
pub fn decide(
    ctx: &Context,
    review: &Review,
    command: &Command,
    now: At,
) -> Result<(Review, Vec<Event>), Refusal> {
    let mut run = Run {
        ctx,
        review: review.clone(),
        events: Vec::new(),
        now,
    };
    match command {
        Command::Decide(decision) => run.vote(decision)?,
        Command::Resubmit(resubmission) => run.resubmit(resubmission)?,
        Command::Withdraw { by, reason } => run.withdraw(*by, reason.as_deref())?,
        Command::Refill => run.refill(),
        Command::Delegate(handover) => run.delegate(handover)?,
        Command::Reassign(handover) => run.reassign(handover)?,
        Command::Fire(timer) => run.fire(timer),
        Command::OnCondition {
            condition,
            by,
            steward,
            deed,
        } => run.on_condition(*condition, *by, *steward, deed)?,
        Command::OnApproval {
            by,
            steward,
            deed,
            reason,
        } => run.on_approval(*by, *steward, *deed, reason)?,
        Command::OnOverride { by, seen, deed } => run.on_override(*by, seen, deed)?,
        Command::Supersede {
            by,
            because,
            reason,
        } => run.supersede(*by, *because, reason.as_deref())?,
        Command::RevokeAfterTheFact => run.revoke_after_the_fact(),
        Command::RevokeLookedAgain => run.revoke_looked_again(),
    }
    Ok((run.review, run.events))
}

/// Whether `command` would be taken, or refused only for a text that its person can still write.
/// Pages offer deeds by this, so that what they offer and what is taken are the same.
pub fn would_take(ctx: &Context, review: &Review, command: &Command, now: At) -> bool {
    const MENDED_IN_THE_FORM: u16 = 422;
    match decide(ctx, review, command, now) {
        Ok(_) => true,
        Err(refusal) => refusal.status() == MENDED_IN_THE_FORM,
    }
}

pub(super) struct Run<'a> {
    pub(super) ctx: &'a Context<'a>,
    pub(super) review: Review,
    pub(super) events: Vec<Event>,
    pub(super) now: At,
}

impl<'a> Run<'a> {
    pub(super) fn emit(&mut self, event: Event) {
        self.review.apply(&event, self.now);
        self.events.push(event);
    }

    pub(super) fn definition(&self, key: &str) -> Option<&'a Stage> {
        self.ctx.workflow.stages.iter().find(|s| s.key == key)
    }

    fn vote(&mut self, vote: &Decision) -> Result<(), Refusal> {
        let stage = self.may_decide(vote)?;
        self.well_formed(stage, vote)?;
        let answers = self.answers(stage, vote)?;
        self.emit(Event::Decided {
            task: TaskId::of(self.review.id, &stage.key, vote.epoch, vote.person),
            stage: stage.key.clone(),
            epoch: vote.epoch,
            person: vote.person,
            on_behalf_of: self.on_behalf_of(stage, vote.person),
            outcome: vote.outcome,
            revision: self.review.revision,
            digest: self.review.digest.clone(),
            reason: text(&vote.reason),
            answers,
            conditions: vote.conditions.clone(),
        });
        match vote.outcome {
            Outcome::RequestChanges => {
                self.emit(Event::ChangesRequested {
                    stage: stage.key.clone(),
                });
            }
            Outcome::Reject if stage.on_reject == OnReject::Veto => {
                self.reject(&stage.key, RejectedBecause::Stage);
            }
            _ => {
                self.on_disagreement(stage);
                self.settle();
            }
        }
        Ok(())
    }

    fn on_behalf_of(&self, stage: &Stage, person: PersonId) -> Option<PersonId> {
        let run = self.review.stage(&stage.key)?;
        run.on_behalf.get(&person).copied()
    }

    fn may_decide(&self, vote: &Decision) -> Result<&'a Stage, Refusal> {
        let stage = self.definition(&vote.stage).ok_or(Refusal::StageNotOpen)?;
        let run = self
            .review
            .stage(&vote.stage)
            .ok_or(Refusal::StageNotOpen)?;
        if run.epoch == vote.epoch && run.votes.contains_key(&vote.person) {
            return Err(Refusal::AlreadyDecided);
        }
        if self.review.phase != Phase::InReview {
            return Err(Refusal::NotInReview(self.review.phase.as_str()));
        }
        if run.epoch != vote.epoch {
            return Err(Refusal::Void);
        }
        if run.progress != Progress::Open {
            return Err(Refusal::StageNotOpen);
        }
        if let Some(why) = separated(self.ctx, &self.review, stage, vote.person) {
            return Err(Refusal::Separated(why));
        }
        if run.gone.contains(&vote.person) {
            return Err(Refusal::TaskMoved);
        }
        if !run.asked().contains(&vote.person) {
            return Err(Refusal::NotAsked);
        }
        if !still_named(self.ctx, &self.review, stage, run, vote.person) {
            return Err(Refusal::NoLongerNamed);
        }
        if vote.seen != self.review.digest {
            return Err(Refusal::Superseded);
        }
        if vote.by_link && self.needs_sign_in(stage) {
            return Err(Refusal::SignInRequired);
        }
        Ok(stage)
    }

    pub(super) fn needs_sign_in(&self, stage: &Stage) -> bool {
        needs_sign_in(self.ctx, &self.review, stage)
    }

    fn well_formed(&self, stage: &Stage, vote: &Decision) -> Result<(), Refusal> {
        if vote.outcome == Outcome::Recuse {
            self.may_recuse(stage, vote.person)?;
        } else if !stage.decisions.contains(&vote.outcome) {
            return Err(Refusal::NotOffered);
        }
        let reason = text(&vote.reason);
        if reason.is_none() && stage.reason_required.contains(&vote.outcome) {
            return Err(Refusal::ReasonMissing);
        }
        if reason.is_some_and(|r| r.chars().count() > REASON_MAX) {
            return Err(Refusal::TooLong("the reason", REASON_MAX));
        }
        conditions_well_formed(vote)
    }

    /// Who stands in for any seat may not step aside, even from a seat of their own: with one
    /// decision they would leave both. Nor may who is the only one left to stand in.
    fn may_recuse(&self, stage: &Stage, person: PersonId) -> Result<(), Refusal> {
        let stands_in = |seat: &SeatRun| seat.fallback.iter().flatten().any(|p| *p == person);
        let would = |seat: &Seat| named(self.ctx, &self.review, &seat.fallback).contains(&person);
        let needed =
            || stage.seats.iter().any(would) && is_last(self.ctx, &self.review, stage, person);
        match self.review.stage(&stage.key) {
            Some(run) if !run.seats.iter().any(stands_in) && !needed() => Ok(()),
            _ => Err(Refusal::StandInCannotRecuse),
        }
    }

    /// The stage's form is asked of those who approve; the others may leave it as it is.
    fn answers(&self, stage: &Stage, vote: &Decision) -> Result<Value, Refusal> {
        let nothing = || Value::Object(serde_json::Map::new());
        let approving = vote.outcome.is_approval();
        let form = stage.form.as_ref().and_then(|key| self.ctx.forms.get(key));
        let (true, Some(form)) = (approving, form) else {
            return Ok(nothing());
        };
        let errors = form.check(&vote.answers);
        if errors.is_empty() {
            Ok(vote.answers.clone())
        } else {
            Err(Refusal::AnswersInvalid(errors))
        }
    }

    fn withdraw(&mut self, by: PersonId, reason: Option<&str>) -> Result<(), Refusal> {
        self.submitter_or_owner(by)?;
        if !self.review.phase.is_running() {
            return Err(Refusal::NothingToWithdraw);
        }
        if self.review.after_the_fact {
            return Err(Refusal::AfterTheFact);
        }
        if self.review.looks_again {
            return Err(Refusal::LooksAgain);
        }
        if reason.is_some_and(|r| r.chars().count() > REASON_MAX) {
            return Err(Refusal::TooLong("the reason", REASON_MAX));
        }
        self.emit(Event::Withdrawn {
            reason: text(&reason.map(str::to_owned)),
        });
        Ok(())
    }

    pub(super) fn submitter_or_owner(&self, person: PersonId) -> Result<(), Refusal> {
        if person == self.review.submitter || person == self.review.owner {
            Ok(())
        } else {
            Err(Refusal::NotYours)
        }
    }
}

/// Whether a mailed link alone does not decide this stage of this review.
pub fn needs_sign_in(ctx: &Context, review: &Review, stage: &Stage) -> bool {
    let results = review.results();
    let inputs = Inputs {
        request: ctx.request,
        derived: &review.derived,
        stages: &results,
    };
    let step_up = stage.email.step_up_when.as_ref();
    stage.email.link == Link::View || step_up.is_some_and(|c| ctx.workflow.holds(c, &inputs))
}

fn conditions_well_formed(vote: &Decision) -> Result<(), Refusal> {
    let conditional = vote.outcome == Outcome::ApproveWithConditions;
    if !conditional && !vote.conditions.is_empty() {
        return Err(Refusal::ConditionsNotOffered);
    }
    if conditional && vote.conditions.is_empty() {
        return Err(Refusal::ConditionMissing);
    }
    if vote.conditions.len() > CONDITIONS_MAX {
        return Err(Refusal::ConditionInvalid(
            CONDITIONS_MAX + 1,
            "at most ten conditions",
        ));
    }
    for (index, condition) in vote.conditions.iter().enumerate() {
        if condition.text.trim().is_empty() {
            return Err(Refusal::ConditionInvalid(
                index + 1,
                "say what must be done",
            ));
        }
        if condition.text.chars().count() > CONDITION_MAX {
            return Err(Refusal::ConditionInvalid(
                index + 1,
                "at most 1000 characters",
            ));
        }
    }
    Ok(())
}

/// A reason of at least `least` characters, or why it is none.
pub(super) fn long_enough(reason: &str, least: usize) -> Result<String, Refusal> {
    let reason = text(&Some(reason.to_owned())).ok_or(Refusal::ReasonMissing)?;
    match reason.chars().count() {
        length if length > REASON_MAX => Err(Refusal::TooLong("the reason", REASON_MAX)),
        length if length < least => Err(Refusal::ReasonTooShort(least)),
        _ => Ok(reason),
    }
}

pub(super) fn text(given: &Option<String>) -> Option<String> {
    given
        .as_deref()
        .map(crate::form::plain)
        .filter(|t| !t.is_empty())
}

//! `decide`: a command meets the state and becomes events or a refusal.
use crate::db::{At, PersonId, RecordId, ReviewId, TaskId};
use crate::form::Form;
use crate::review::engine::event::{Condition, Event, RejectedBecause};
use crate::review::engine::refusal::Refusal;
use crate::review::engine::seats::{Count, Directory, count, resolve, separated, stand_ins};
use crate::review::engine::state::{Phase, Pin, Progress, Review, SeatRun, StageRun};
use crate::review::engine::{CONDITION_MAX, CONDITIONS_MAX, REASON_MAX};
use crate::workflow::{Inputs, Link, OnReject, Outcome, Stage, StageResult, Verdict, Workflow};
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
}

/// What can be asked of a running review.
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
    /// The directory changed: seats that lack people are looked at again.
    Refill,
}

/// Begins a review: its state and the events that led to it.
pub fn open(ctx: &Context, opening: Opening, now: At) -> Option<(Review, Vec<Event>)> {
    let event = Event::Opened {
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
    };
    let review = Review::begin(&event)?;
    let mut run = Run {
        ctx,
        review,
        events: vec![event],
        now,
    };
    run.settle();
    Some((run.review, run.events))
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
    }
    Ok((run.review, run.events))
}

struct Run<'a> {
    ctx: &'a Context<'a>,
    review: Review,
    events: Vec<Event>,
    now: At,
}

impl<'a> Run<'a> {
    fn emit(&mut self, event: Event) {
        self.review.apply(&event, self.now);
        self.events.push(event);
    }

    fn definition(&self, key: &str) -> Option<&'a Stage> {
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
            Outcome::Reject if stage.on_reject == OnReject::Veto => self.reject(&stage.key),
            _ => self.settle(),
        }
        Ok(())
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
        if !run.asked().contains(&vote.person) {
            return Err(Refusal::NotAsked);
        }
        if vote.seen != self.review.digest {
            return Err(Refusal::Superseded);
        }
        if vote.by_link && stage.email.link == Link::View {
            return Err(Refusal::SignInRequired);
        }
        Ok(stage)
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
    /// decision they would leave both.
    fn may_recuse(&self, stage: &Stage, person: PersonId) -> Result<(), Refusal> {
        let stands_in = |seat: &SeatRun| seat.fallback.iter().flatten().any(|p| *p == person);
        match self.review.stage(&stage.key) {
            Some(run) if !run.seats.iter().any(stands_in) => Ok(()),
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

    fn reject(&mut self, stage: &str) {
        let epoch = self.review.stage(stage).map_or(0, |s| s.epoch);
        let progress = Progress::Rejected;
        self.emit(Event::StageSettled {
            stage: stage.to_owned(),
            epoch,
            progress,
        });
        self.emit(Event::Rejected {
            because: RejectedBecause::Stage,
        });
    }

    fn resubmit(&mut self, new: &Resubmission) -> Result<(), Refusal> {
        self.submitter_or_owner(new.by)?;
        if self.review.phase.is_final() {
            return Err(Refusal::NotEditable(self.review.phase.as_str()));
        }
        let allowed = self.ctx.workflow.max_revisions;
        self.emit(Event::Resubmitted {
            revision: new.revision,
            digest: new.digest.clone(),
            owner: new.owner,
            editors: new.editors.clone(),
            derived: self.ctx.workflow.derive(self.ctx.request),
        });
        self.reopen_stages();
        if self.review.resubmissions > allowed {
            self.emit(Event::Rejected {
                because: RejectedBecause::TooManyRevisions,
            });
        } else {
            self.settle();
        }
        Ok(())
    }

    fn reopen_stages(&mut self) {
        for stage in &self.ctx.workflow.stages {
            let Some(run) = self.review.stage(&stage.key) else {
                continue;
            };
            if run.progress != Progress::Pending {
                let epoch = run.epoch + 1;
                self.emit(Event::StageReopened {
                    stage: stage.key.clone(),
                    epoch,
                });
            }
        }
    }

    fn withdraw(&mut self, by: PersonId, reason: Option<&str>) -> Result<(), Refusal> {
        self.submitter_or_owner(by)?;
        if self.review.phase.is_final() {
            return Err(Refusal::NothingToWithdraw);
        }
        if reason.is_some_and(|r| r.chars().count() > REASON_MAX) {
            return Err(Refusal::TooLong("the reason", REASON_MAX));
        }
        self.emit(Event::Withdrawn {
            reason: text(&reason.map(str::to_owned)),
        });
        Ok(())
    }

    fn submitter_or_owner(&self, person: PersonId) -> Result<(), Refusal> {
        if person == self.review.submitter || person == self.review.owner {
            Ok(())
        } else {
            Err(Refusal::NotYours)
        }
    }

    /// Opens, skips, fills and closes stages until nothing moves.
    fn settle(&mut self) {
        let mut moved = true;
        while moved && self.review.phase == Phase::InReview {
            moved = false;
            for stage in &self.ctx.workflow.stages {
                if self.review.phase == Phase::InReview {
                    moved |= self.settle_stage(stage);
                }
            }
        }
        let done = |run: &StageRun| run.progress.lets_others_start();
        if self.review.phase == Phase::InReview && self.review.stages.values().all(done) {
            let conditional = |run: &StageRun| run.progress == Progress::ApprovedWithConditions;
            let with_conditions = self.review.stages.values().any(conditional);
            self.emit(Event::Approved { with_conditions });
        }
    }

    fn settle_stage(&mut self, stage: &'a Stage) -> bool {
        let Some(run) = self.review.stage(&stage.key) else {
            return false;
        };
        match run.progress {
            Progress::Pending => self.start(stage),
            Progress::Open => self.close_or_fill(stage),
            _ => false,
        }
    }

    fn start(&mut self, stage: &Stage) -> bool {
        let settled = |key: &String| {
            self.review
                .stage(key)
                .is_some_and(|run| run.progress.lets_others_start())
        };
        if !stage.needs.iter().all(settled) {
            return false;
        }
        let epoch = self.review.stage(&stage.key).map_or(0, |run| run.epoch);
        let key = stage.key.clone();
        let results = self.results();
        let inputs = Inputs {
            request: self.ctx.request,
            derived: &self.review.derived,
            stages: &results,
        };
        let unread = match self.ctx.workflow.condition(stage, &inputs) {
            Verdict::Skipped { condition } => {
                self.emit(Event::StageSkipped {
                    stage: key,
                    epoch,
                    condition,
                });
                return true;
            }
            Verdict::Error { message, .. } => Some(message),
            Verdict::Required { .. } => None,
        };
        let seats = resolve(self.ctx, &self.review, stage);
        self.emit(Event::StageOpened {
            stage: key,
            epoch,
            seats,
            unread,
        });
        true
    }

    fn results(&self) -> BTreeMap<String, StageResult> {
        let result = |(key, run): (&String, &StageRun)| {
            let result = StageResult {
                outcome: run.progress.as_str().to_owned(),
                timed_out: false,
                answers: run.answers.clone(),
            };
            (key.clone(), result)
        };
        self.review.stages.iter().map(result).collect()
    }

    fn close_or_fill(&mut self, stage: &Stage) -> bool {
        let Some(run) = self.review.stage(&stage.key) else {
            return false;
        };
        match count(self.ctx, &self.review, stage, run) {
            Count::Open => false,
            Count::Rejected => {
                self.reject(&stage.key);
                true
            }
            Count::Met => {
                let (epoch, progress) = (run.epoch, outcome_of(run));
                self.emit(Event::StageSettled {
                    stage: stage.key.clone(),
                    epoch,
                    progress,
                });
                true
            }
            Count::Short { seats, outvoted } => {
                let fell = |moved, seat| self.fall_back(stage, seat, false) || moved;
                let moved = seats.into_iter().fold(false, fell);
                if !moved && outvoted {
                    self.reject(&stage.key);
                }
                moved || outvoted
            }
        }
    }

    fn fall_back(&mut self, stage: &Stage, index: usize, again: bool) -> bool {
        let Some(run) = self.review.stage(&stage.key) else {
            return false;
        };
        let (Some(seat), Some(now)) = (stage.seats.get(index), run.seats.get(index)) else {
            return false;
        };
        let people = stand_ins(self.ctx, &self.review, stage, seat);
        let new = match &now.fallback {
            None => true,
            Some(asked) => again && !people.is_subset(asked),
        };
        if !new {
            return false;
        }
        let people = people
            .into_iter()
            .chain(now.fallback.iter().flatten().copied())
            .collect();
        self.emit(Event::SeatFellBack {
            stage: stage.key.clone(),
            epoch: run.epoch,
            seat: seat.key.clone(),
            people,
        });
        true
    }

    /// Asks again for seats that lack people: first those the seat names, then its fallback. Who
    /// approved already may be the one a seat lacked, so stages are settled after.
    fn refill(&mut self) {
        for stage in &self.ctx.workflow.stages {
            let open = self
                .review
                .stage(&stage.key)
                .filter(|r| r.progress == Progress::Open);
            let Some(run) = open.filter(|_| self.review.phase == Phase::InReview) else {
                continue;
            };
            if let Count::Short { seats, .. } = count(self.ctx, &self.review, stage, run) {
                for index in seats {
                    self.refill_seat(stage, index);
                }
            }
        }
        self.settle();
    }

    fn refill_seat(&mut self, stage: &Stage, index: usize) {
        let Some(run) = self.review.stage(&stage.key) else {
            return;
        };
        let Some(seat) = run.seats.get(index) else {
            return;
        };
        let (epoch, key) = (run.epoch, seat.key.clone());
        let asked: BTreeSet<PersonId> = seat.asked().collect();
        let before = seat.fallback.clone().unwrap_or_default();
        let fresh = resolve(self.ctx, &self.review, stage);
        let named = fresh.into_iter().nth(index).map(|seat| seat.people);
        let new: BTreeSet<PersonId> = named
            .into_iter()
            .flatten()
            .filter(|person| !asked.contains(person))
            .collect();
        if new.is_empty() {
            self.fall_back(stage, index, true);
            return;
        }
        self.emit(Event::SeatFellBack {
            stage: stage.key.clone(),
            epoch,
            seat: key,
            people: new.into_iter().chain(before).collect(),
        });
    }
}

fn outcome_of(run: &StageRun) -> Progress {
    if run
        .votes
        .values()
        .any(|o| *o == Outcome::ApproveWithConditions)
    {
        Progress::ApprovedWithConditions
    } else {
        Progress::Approved
    }
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

fn text(given: &Option<String>) -> Option<String> {
    given
        .as_deref()
        .map(crate::form::plain)
        .filter(|t| !t.is_empty())
}

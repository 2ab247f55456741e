//! Faults planted around the engine, one at a time: each must be named by the law it breaks.

use crate::explore::{Decided, Engine};
use crate::laws::Seen;
use crate::small::{Move, State};
use countersign::db::TaskId;
use countersign::review::engine::{
    self, Command, Context, Decision, Event, Handover, Moved, OverrideDeed, Phase, Progress,
    Refusal, RejectedBecause, Review, Step,
};
use countersign::workflow::Outcome;
use serde_json::json;

/// What is wrong with the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    EpochNotChecked,
    LinkOfAnotherRevision,
    TasksOutliveTheirStage,
    SubmitterMayVote,
    VotesOnAClosedStage,
    ResubmissionKeepsTheEpoch,
    SecondVoteOverwrites,
    RecusalCounts,
    MetStageStaysOpen,
    OpensBeforeItsNeeds,
    ApprovalKeptAfterEdit,
    ReopenedWithVotes,
    EarlierApproverMayVote,
    TimeoutApproves,
    TimedOutNeedsNoCover,
    WithdrawnAfterTheEnd,
    OpeningNotAudited,
    FallbackMayRecuse,
    NoFallback,
    RevisionsWithoutEnd,
    DelegationToTheSubmitter,
    HandedOnTwice,
    OverrideByOnePerson,
    PauseShortens,
    TimerFiresTwice,
    TimerFiresEarly,
    TaskWithoutMail,
    MissedConditionIsForgotten,
}

use Fault::*;

/// Every fault with the law that must name it.
pub const ALL: &[(Fault, &str)] = &[
    (EpochNotChecked, "I2"),
    (LinkOfAnotherRevision, "I2"),
    (TasksOutliveTheirStage, "I3"),
    (SubmitterMayVote, "I4"),
    (VotesOnAClosedStage, "I5"),
    (ResubmissionKeepsTheEpoch, "I5"),
    (SecondVoteOverwrites, "I6"),
    (RecusalCounts, "I7"),
    (MetStageStaysOpen, "I8"),
    (OpensBeforeItsNeeds, "I9"),
    (ApprovalKeptAfterEdit, "I10"),
    (ReopenedWithVotes, "I10"),
    (EarlierApproverMayVote, "I11"),
    (TimeoutApproves, "I12"),
    (TimedOutNeedsNoCover, "I13"),
    (WithdrawnAfterTheEnd, "I14"),
    (OpeningNotAudited, "I15"),
    (FallbackMayRecuse, "I17"),
    (NoFallback, "I17"),
    (RevisionsWithoutEnd, "I18"),
    (DelegationToTheSubmitter, "I22"),
    (HandedOnTwice, "I22"),
    (OverrideByOnePerson, "I23"),
    (PauseShortens, "I25"),
    (TimerFiresTwice, "I26"),
    (TimerFiresEarly, "I26"),
    (TaskWithoutMail, "I27"),
    (MissedConditionIsForgotten, "I30"),
];

/// The engine with a fault.
pub struct Faulty(pub Fault);

/// A transition by hand.
struct Forced {
    review: Review,
    events: Vec<Event>,
}

impl Forced {
    fn from(state: &State) -> Forced {
        Forced {
            review: state.review.clone(),
            events: Vec::new(),
        }
    }

    fn with(mut self, event: Event, step: &Move) -> Forced {
        self.review.apply(&event, step.now);
        self.events.push(event);
        self
    }

    fn done(self) -> Decided {
        Ok((self.review, self.events))
    }
}

fn decided(review: &Review, vote: &Decision) -> Event {
    Event::Decided {
        task: TaskId::of(review.id, &vote.stage, vote.epoch, vote.person),
        stage: vote.stage.clone(),
        epoch: review.stages[&vote.stage].epoch,
        person: vote.person,
        on_behalf_of: review.stages[&vote.stage]
            .on_behalf
            .get(&vote.person)
            .copied(),
        outcome: vote.outcome,
        revision: review.revision,
        digest: review.digest.clone(),
        reason: None,
        answers: json!({}),
        conditions: Vec::new(),
    }
}

fn moved(given: &Handover) -> Event {
    Event::TaskMoved {
        stage: given.stage.clone(),
        epoch: given.epoch,
        from: given.from,
        to: given.to,
        because: Moved::Delegated,
        by: Some(given.by),
        reason: Some(given.reason.clone()),
    }
}

/// The state that these events lead to.
fn replayed(state: &State, events: Vec<Event>, step: &Move) -> Decided {
    let forced = events
        .into_iter()
        .fold(Forced::from(state), |forced, event| {
            forced.with(event, step)
        });
    forced.done()
}

impl Engine for Faulty {
    fn decide(&self, ctx: &Context, state: &State, step: &Move) -> Decided {
        let right = engine::decide(ctx, &state.review, &step.command, step.now);
        match right {
            Err(refusal) => match self.accepts(state, step, &refusal) {
                Some(wrong) => wrong,
                None => Err(refusal),
            },
            Ok((review, events)) => Ok(self.spoils(ctx, state, step, (review, events))),
        }
    }

    fn shown<'a>(&self, mut seen: Seen<'a>) -> Seen<'a> {
        match self.0 {
            TasksOutliveTheirStage => {
                seen.tasks.extend(engine::open_tasks(seen.ctx, seen.before));
            }
            TaskWithoutMail => {
                seen.tasks.pop_first();
            }
            _ => {}
        }
        seen
    }
}

impl Faulty {
    /// What the engine should have refused.
    fn accepts(&self, state: &State, step: &Move, refusal: &Refusal) -> Option<Decided> {
        let review = &state.review;
        let run = |key: &str| &review.stages[key];
        let vote = |vote: &Decision| {
            let event = decided(review, vote);
            Some(Forced::from(state).with(event, step).done())
        };
        match (self.0, &step.command, refusal) {
            (EpochNotChecked, Command::Decide(v), Refusal::Void)
            | (LinkOfAnotherRevision, Command::Decide(v), Refusal::Superseded)
            | (SecondVoteOverwrites, Command::Decide(v), Refusal::AlreadyDecided)
            | (FallbackMayRecuse, Command::Decide(v), Refusal::StandInCannotRecuse) => vote(v),
            (VotesOnAClosedStage, Command::Decide(v), Refusal::StageNotOpen)
                if run(&v.stage).progress.is_approval() =>
            {
                vote(v)
            }
            (SubmitterMayVote, Command::Decide(v), Refusal::Separated(_))
                if v.person == review.submitter =>
            {
                vote(v)
            }
            (EarlierApproverMayVote, Command::Decide(v), Refusal::Separated(_))
                if v.person != review.submitter && v.outcome == Outcome::Approve =>
            {
                vote(v)
            }
            (WithdrawnAfterTheEnd, Command::Withdraw { .. }, Refusal::NothingToWithdraw) => {
                let event = Event::Withdrawn { reason: None };
                Some(Forced::from(state).with(event, step).done())
            }
            (DelegationToTheSubmitter, Command::Delegate(given), Refusal::DelegateUnfit(_))
                if given.to == review.submitter =>
            {
                Some(Forced::from(state).with(moved(given), step).done())
            }
            (HandedOnTwice, Command::Delegate(given), Refusal::DelegatedAlready) => {
                Some(Forced::from(state).with(moved(given), step).done())
            }
            (
                OverrideByOnePerson,
                Command::OnOverride {
                    by,
                    deed: OverrideDeed::Agree,
                    ..
                },
                Refusal::OverrideNeedsAnother,
            ) => {
                let event = Event::OverrideGranted {
                    revision: review.revision,
                    digest: review.digest.clone(),
                    first: *by,
                    second: *by,
                    until: review.overriding?.until,
                    notify: [*by].into(),
                };
                Some(Forced::from(state).with(event, step).done())
            }
            _ => None,
        }
    }

    /// What the engine should have done otherwise.
    fn spoils(
        &self,
        ctx: &Context,
        state: &State,
        step: &Move,
        (mut review, events): (Review, Vec<Event>),
    ) -> (Review, Vec<Event>) {
        let before = &state.review;
        let again = |events: Vec<Event>| replayed(state, events, step).expect("it is forced");
        match self.0 {
            ResubmissionKeepsTheEpoch => {
                for (key, run) in &mut review.stages {
                    run.epoch = before.stages[key].epoch;
                }
            }
            ReopenedWithVotes if matches!(step.command, Command::Resubmit(_)) => {
                for (key, run) in &mut review.stages {
                    run.votes = before.stages[key].votes.clone();
                }
            }
            RecusalCounts => {
                if let Some(Event::Decided {
                    stage,
                    epoch,
                    outcome,
                    ..
                }) = events.first()
                    && *outcome == Outcome::Recuse
                    && review.stages[stage].progress == Progress::Open
                {
                    let settled = Event::StageSettled {
                        stage: stage.clone(),
                        epoch: *epoch,
                        progress: Progress::Approved,
                    };
                    let mut all = events.clone();
                    all.push(settled);
                    return again(all);
                }
            }
            MetStageStaysOpen => {
                let vote = |event: &Event| matches!(event, Event::Decided { .. });
                if events.first().is_some_and(vote) {
                    return again(events.into_iter().take(1).collect());
                }
            }
            OpensBeforeItsNeeds => {
                let waits = |key: &&String| review.stages[*key].progress == Progress::Pending;
                if let Some(key) = review.stages.keys().find(waits).cloned() {
                    let mut all = events.clone();
                    all.push(Event::StageOpened {
                        epoch: review.stages[&key].epoch,
                        seats: before
                            .stages
                            .values()
                            .flat_map(|run| run.seats.clone())
                            .collect(),
                        stage: key,
                        on_behalf: Default::default(),
                        clock: None,
                        unread: None,
                    });
                    return again(all);
                }
            }
            ApprovalKeptAfterEdit => {
                let kept = |event: &Event| matches!(event, Event::Resubmitted { .. });
                if events.first().is_some_and(kept) {
                    return again(events.into_iter().take(1).collect());
                }
            }
            TimeoutApproves => return again(events.into_iter().map(approving).collect()),
            TimedOutNeedsNoCover => {
                let uncovered = |event: &Event| {
                    let because = RejectedBecause::NotCovered;
                    *event == Event::Rejected { because }
                };
                if events.iter().any(uncovered) {
                    let approved = Event::Approved {
                        with_conditions: false,
                        valid_until: None,
                        obligations: Default::default(),
                    };
                    let spoiled = |e| if uncovered(&e) { approved.clone() } else { e };
                    return again(events.into_iter().map(spoiled).collect());
                }
            }
            OpeningNotAudited => {
                let told = |e: &Event| !matches!(e, Event::StageOpened { .. });
                return (review, events.into_iter().filter(told).collect());
            }
            NoFallback => {
                let other = |e: &Event| !matches!(e, Event::SeatFellBack { .. });
                return again(events.into_iter().filter(other).collect());
            }
            RevisionsWithoutEnd => {
                let because = RejectedBecause::TooManyRevisions;
                let other = |e: &Event| *e != Event::Rejected { because };
                return again(events.into_iter().filter(other).collect());
            }
            PauseShortens => {
                if let Some(clock) = review
                    .stages
                    .values_mut()
                    .find_map(|run| run.clock.as_mut())
                    && before.phase == Phase::ChangesRequested
                    && review.phase == Phase::InReview
                {
                    clock.due = clock.started;
                }
            }
            TimerFiresTwice => {
                for run in review.stages.values_mut() {
                    if let Some(clock) = &mut run.clock {
                        clock.fired.remove(&Step::Remind(0));
                    }
                }
            }
            TimerFiresEarly => {
                if let Command::Fire(timer) = &step.command
                    && let Some(at) = engine::timers(ctx, before).get(timer)
                    && let Ok(done) = engine::decide(ctx, before, &step.command, *at)
                {
                    return done;
                }
            }
            MissedConditionIsForgotten => {
                let other = |e: &Event| !matches!(e, Event::Suspended { by: None, .. });
                return again(events.into_iter().filter(other).collect());
            }
            _ => {}
        }
        (review, events)
    }
}

/// A clock that says yes.
fn approving(event: Event) -> Event {
    match event {
        Event::StageSettled {
            stage,
            epoch,
            progress: Progress::TimedOut,
        } => {
            let progress = Progress::Approved;
            Event::StageSettled {
                stage,
                epoch,
                progress,
            }
        }
        other => other,
    }
}

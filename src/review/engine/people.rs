//! Who holds a task: delegation, absence, reassignment, leaving, and seats that lack people.
use crate::db::PersonId;
use crate::review::engine::command::{Handover, Run, long_enough};
use crate::review::engine::event::{Event, Moved};
use crate::review::engine::refusal::Refusal;
use crate::review::engine::seats::{
    Count, count, may_stand_for, resolve, separated, stand_ins, still_named,
};
use crate::review::engine::state::{Phase, Progress, StageRun};
use crate::workflow::{Delegation, Stage};
use std::collections::BTreeSet;

impl Run<'_> {
    /// A person hands their own task on: once, and never to somebody the rules exclude.
    pub(super) fn delegate(&mut self, given: &Handover) -> Result<(), Refusal> {
        let stage = self.open_task(given)?;
        // What a link may not decide it may not give to somebody else to decide either.
        if given.by_link && self.needs_sign_in(stage) {
            return Err(Refusal::SignInRequired);
        }
        if stage.delegation == Delegation::None {
            return Err(Refusal::DelegationNotOffered);
        }
        let run = self.review.stage(&stage.key);
        if run.is_some_and(|run| run.on_behalf.contains_key(&given.from)) {
            return Err(Refusal::DelegatedAlready);
        }
        self.may_take(stage, given)?;
        if !may_stand_for(self.ctx, &self.review, stage, given.from, given.to) {
            return Err(Refusal::DelegateUnfit(
                "the workflow only allows people whom the seat names",
            ));
        }
        self.hand_over(given, Moved::Delegated)
    }

    /// An administrator gives a task to another, though never to themselves.
    pub(super) fn reassign(&mut self, given: &Handover) -> Result<(), Refusal> {
        let stage = self.open_task(given)?;
        if given.to == given.by {
            return Err(Refusal::DelegateUnfit("you cannot give a task to yourself"));
        }
        // Else they would choose who judges what is theirs.
        if self.review.has_part(given.by) {
            return Err(Refusal::Separated("you have a part in this"));
        }
        if let Some(why) = separated(self.ctx, &self.review, stage, given.by) {
            return Err(Refusal::Separated(why));
        }
        self.may_take(stage, given)?;
        self.hand_over(given, Moved::Reassigned)
    }

    fn open_task(&self, given: &Handover) -> Result<&'_ Stage, Refusal> {
        let stage = self.definition(&given.stage);
        let stage = stage.ok_or(Refusal::StageNotOpen)?;
        let run = self.review.stage(&given.stage);
        let run = run.ok_or(Refusal::StageNotOpen)?;
        if self.review.phase != Phase::InReview {
            return Err(Refusal::NotInReview(self.review.phase.as_str()));
        }
        if run.epoch != given.epoch {
            return Err(Refusal::Void);
        }
        if run.progress != Progress::Open {
            return Err(Refusal::StageNotOpen);
        }
        if run.votes.contains_key(&given.from) {
            return Err(Refusal::AlreadyDecided);
        }
        if run.gone.contains(&given.from) {
            return Err(Refusal::TaskMoved);
        }
        if !run.asked().contains(&given.from) {
            return Err(Refusal::NotAsked);
        }
        Ok(stage)
    }

    fn may_take(&self, stage: &Stage, given: &Handover) -> Result<(), Refusal> {
        let unfit = |why| Err(Refusal::DelegateUnfit(why));
        let run = self.review.stage(&stage.key);
        if given.to == given.from {
            return unfit("the task is theirs already");
        }
        if run.is_some_and(|run| run.asked().contains(&given.to)) {
            return unfit("they are asked in this stage themselves");
        }
        if run.is_some_and(|run| run.votes.contains_key(&given.to)) {
            return unfit("they decided in this stage already");
        }
        if run.is_some_and(|run| run.would_be_second(given.from, given.to)) {
            return unfit("they handed their own task on");
        }
        if self.ctx.directory.gone.contains(&given.to) {
            return unfit("they are no longer active");
        }
        if self.ctx.directory.away.contains_key(&given.to) {
            return unfit("they are away");
        }
        match separated(self.ctx, &self.review, stage, given.to) {
            Some(_) => unfit("the rules keep them out of this stage"),
            None => Ok(()),
        }
    }

    fn hand_over(&mut self, given: &Handover, because: Moved) -> Result<(), Refusal> {
        let reason = long_enough(&given.reason, 1)?;
        self.emit(Event::TaskMoved {
            stage: given.stage.clone(),
            epoch: given.epoch,
            from: given.from,
            to: given.to,
            because,
            by: Some(given.by),
            reason: Some(reason),
        });
        Ok(())
    }

    /// Looks at every open stage again after the directory changed. Who approved already may be
    /// the one a seat lacked, so stages are settled after.
    pub(super) fn refill(&mut self) {
        if self.review.phase == Phase::InReview {
            for stage in &self.ctx.workflow.stages {
                self.refill_stage(stage);
            }
        }
        self.settle();
    }

    pub(super) fn refill_stage(&mut self, stage: &Stage) {
        let open = |run: &&StageRun| run.progress == Progress::Open;
        let Some(run) = self.review.stage(&stage.key).filter(open) else {
            return;
        };
        let waiting: Vec<PersonId> = run
            .asked()
            .into_iter()
            .filter(|person| !run.votes.contains_key(person))
            .collect();
        for person in waiting {
            self.look_after(stage, person);
        }
        let Some(run) = self.review.stage(&stage.key) else {
            return;
        };
        if let Count::Short { seats, .. } = count(self.ctx, &self.review, stage, run) {
            for index in seats {
                self.refill_seat(stage, index);
            }
        }
    }

    /// A task whose person left, or is no longer named for it, goes back to whom it came from; one
    /// whose person is away goes to the delegate.
    fn look_after(&mut self, stage: &Stage, person: PersonId) {
        let Some(run) = self.review.stage(&stage.key) else {
            return;
        };
        let epoch = run.epoch;
        let directory = self.ctx.directory;
        let moved = |from, to, because| Event::TaskMoved {
            stage: stage.key.clone(),
            epoch,
            from,
            to,
            because,
            by: None,
            reason: None,
        };
        let lost = || !still_named(self.ctx, &self.review, stage, run, person);
        if directory.gone.contains(&person) || lost() {
            let first = run.on_behalf.get(&person).copied();
            let back = first.filter(|first| {
                !directory.gone.contains(first)
                    && !directory.away.contains_key(first)
                    && still_named(self.ctx, &self.review, stage, run, *first)
            });
            self.emit(match back {
                Some(first) => moved(person, first, Moved::Returned),
                None => Event::PersonLeft {
                    stage: stage.key.clone(),
                    epoch,
                    person,
                },
            });
            return;
        }
        let delegate = directory.away.get(&person).copied().flatten();
        let deputises = run.on_behalf.contains_key(&person);
        let Some(to) = delegate.filter(|_| !deputises) else {
            return;
        };
        let asked = run.asked().contains(&to) || run.votes.contains_key(&to);
        let asked = asked || run.would_be_second(person, to);
        if !asked && may_stand_for(self.ctx, &self.review, stage, person, to) {
            self.emit(moved(person, to, Moved::Absent));
        }
    }

    pub(super) fn fall_back(&mut self, stage: &Stage, index: usize, again: bool) -> bool {
        let Some(run) = self.review.stage(&stage.key) else {
            return false;
        };
        let Some(now) = run.seats.get(index) else {
            return false;
        };
        let named = now.beside.as_ref().unwrap_or(&now.key);
        let Some(seat) = stage.seats.iter().find(|seat| seat.key == *named) else {
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
            seat: now.key.clone(),
            people,
        });
        true
    }

    /// Asks again for a seat that lacks people: first those the seat names, then its fallback.
    fn refill_seat(&mut self, stage: &Stage, index: usize) {
        let Some(run) = self.review.stage(&stage.key) else {
            return;
        };
        let Some(seat) = run.seats.get(index) else {
            return;
        };
        let (epoch, key) = (run.epoch, seat.key.clone());
        let handed_on = |person: &PersonId| run.on_behalf.values().any(|first| first == person);
        let known: BTreeSet<PersonId> = seat
            .asked()
            .filter(|person| !run.gone.contains(person) || handed_on(person))
            .collect();
        let mut before = seat.fallback.clone().unwrap_or_default();
        before.retain(|person| known.contains(person));
        let fresh = resolve(self.ctx, &self.review, stage).seats;
        let named = fresh.into_iter().find(|s| s.key == key).map(|s| s.people);
        let new: BTreeSet<PersonId> = named
            .into_iter()
            .flatten()
            .filter(|person| !known.contains(person))
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

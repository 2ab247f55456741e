//! Stages open, close, time out and start anew.
use crate::db::PersonId;
use crate::review::engine::clock::{Clock, Step, Timer, timers};
use crate::review::engine::command::{Resubmission, Run};
use crate::review::engine::event::{Cause, Escalated, Event, RejectedBecause};
use crate::review::engine::refusal::Refusal;
use crate::review::engine::seats::{Count, at_most, count, named, resolve, separated};
use crate::review::engine::state::{Phase, Progress, Review, StageRun};
use crate::workflow::{
    ASKED_MAX, Effect, Inputs, Mode, OnChange, OnTimeout, Outcome, Stage, StageResult, Trigger,
    Verdict, Who,
};
use std::collections::{BTreeMap, BTreeSet};

impl Review {
    /// How its stages stand, as conditions read it.
    pub(super) fn results(&self) -> BTreeMap<String, StageResult> {
        let result = |(key, run): (&String, &StageRun)| {
            let result = StageResult {
                outcome: run.progress.as_str().to_owned(),
                timed_out: run.progress == Progress::TimedOut,
                answers: run.answers.clone(),
            };
            (key.clone(), result)
        };
        self.stages.iter().map(result).collect()
    }
}

impl<'a> Run<'a> {
    /// Opens, skips, fills and closes stages until nothing moves.
    pub(super) fn settle(&mut self) {
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
            self.finish();
        }
    }

    fn finish(&mut self) {
        if !self.ctx.workflow.stages.iter().all(|s| self.is_covered(s)) {
            let because = RejectedBecause::NotCovered;
            return self.emit(Event::Rejected { because });
        }
        let obligations = self.obligations();
        let validity = self
            .ctx
            .workflow
            .valid_for(self.ctx.request, &self.review.derived);
        let calendar = self.ctx.calendars.get(self.review.calendar);
        let valid_until = validity.map(|span| calendar.after(self.now, span));
        let conditional = |run: &StageRun| run.progress == Progress::ApprovedWithConditions;
        self.emit(Event::Approved {
            with_conditions: self.review.stages.values().any(conditional),
            valid_until,
            obligations,
        });
    }

    /// A stage that timed out is no approval: one that depends on it must have been approved, and
    /// after its time was over. An approval that stood through an edit knew nothing of it.
    fn is_covered(&self, stage: &Stage) -> bool {
        let Some(run) = self.review.stage(&stage.key) else {
            return false;
        };
        if run.progress != Progress::TimedOut {
            return true;
        }
        let made_up = |later: &StageRun| later.progress.is_approval() && later.since >= run.since;
        self.ctx.workflow.stages.iter().any(|later| {
            let depends = self.ctx.workflow.ancestors(later);
            let depends = depends.iter().any(|earlier| earlier.key == stage.key);
            depends && self.review.stage(&later.key).is_some_and(made_up)
        })
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
        let unread = match self.verdict(stage) {
            Verdict::Skipped { condition } => {
                self.emit(Event::StageSkipped {
                    stage: stage.key.clone(),
                    epoch,
                    condition,
                });
                return true;
            }
            Verdict::Error { message, .. } => Some(message),
            Verdict::Required { .. } => None,
        };
        let found = resolve(self.ctx, &self.review, stage);
        let clock = |sla| Clock::start(sla, self.ctx.calendars, self.now);
        self.emit(Event::StageOpened {
            stage: stage.key.clone(),
            epoch,
            seats: found.seats,
            on_behalf: found.on_behalf,
            clock: stage.sla.as_ref().map(clock),
            unread,
        });
        self.call_in(stage, Trigger::Opened);
        true
    }

    fn verdict(&self, stage: &Stage) -> Verdict {
        let results = self.review.results();
        let inputs = Inputs {
            request: self.ctx.request,
            derived: &self.review.derived,
            stages: &results,
        };
        self.ctx.workflow.condition(stage, &inputs)
    }

    fn close_or_fill(&mut self, stage: &Stage) -> bool {
        let Some(run) = self.review.stage(&stage.key) else {
            return false;
        };
        match count(self.ctx, &self.review, stage, run) {
            Count::Open => false,
            Count::Rejected => {
                self.reject(&stage.key, RejectedBecause::Stage);
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
                    self.reject(&stage.key, RejectedBecause::Stage);
                }
                moved || outvoted
            }
        }
    }

    pub(super) fn reject(&mut self, stage: &str, because: RejectedBecause) {
        let epoch = self.review.stage(stage).map_or(0, |s| s.epoch);
        self.emit(Event::StageSettled {
            stage: stage.to_owned(),
            epoch,
            progress: Progress::Rejected,
        });
        self.emit(Event::Rejected { because });
    }

    /// A rejection met an approval, and the stage is still open.
    pub(super) fn on_disagreement(&mut self, stage: &Stage) {
        let Some(run) = self.review.stage(&stage.key) else {
            return;
        };
        let said = |wanted: fn(&Outcome) -> bool| run.votes.values().any(wanted);
        if said(|o| o.is_approval()) && said(|o| *o == Outcome::Reject) {
            self.call_in(stage, Trigger::Disagreement);
        }
    }

    fn call_in(&mut self, stage: &Stage, trigger: Trigger) {
        for (place, rule) in stage.escalate.iter().enumerate() {
            let Some(run) = self.review.stage(&stage.key) else {
                return;
            };
            if rule.on != trigger || run.called.contains(&place) {
                continue;
            }
            let results = self.review.results();
            let inputs = Inputs {
                request: self.ctx.request,
                derived: &self.review.derived,
                stages: &results,
            };
            let condition = rule.when.as_ref();
            if condition.is_none_or(|c| self.ctx.workflow.holds(c, &inputs)) {
                self.bring_in(stage, Cause::Rule(place), &rule.to, rule.mode, &rule.seat);
            }
        }
    }

    fn bring_in(
        &mut self,
        stage: &Stage,
        cause: Cause,
        to: &[Who],
        mode: Mode,
        seat: &Option<String>,
    ) {
        let epoch = self.review.stage(&stage.key).map_or(0, |run| run.epoch);
        let mut people = named(self.ctx, &self.review, to);
        if mode != Mode::Notify {
            people.retain(|p| separated(self.ctx, &self.review, stage, *p).is_none());
            people = at_most(people, ASKED_MAX);
        }
        self.emit(Event::Escalated(Escalated {
            stage: stage.key.clone(),
            epoch,
            cause,
            mode,
            seat: seat.clone(),
            people,
        }));
    }

    /// Takes a step of a clock, if it is due and still to come.
    pub(super) fn fire(&mut self, timer: &Timer) {
        let at = timers(self.ctx, &self.review).get(timer).copied();
        if at.is_none_or(|at| at > self.now) {
            return;
        }
        match timer.step {
            Step::Abandon => self.emit(Event::Abandoned),
            Step::Expire => self.emit(Event::Expired),
            Step::RemindRenewal(step) => self.emit(Event::RenewalDue { step }),
            Step::RemindCondition(condition, step) => {
                self.emit(Event::ConditionReminded { condition, step });
            }
            Step::ConditionDue(condition) => self.miss_condition(condition),
            Step::Remind(_) | Step::Escalate(_) | Step::Due => {
                let key = timer.stage.as_deref().unwrap_or_default();
                if let Some(stage) = self.definition(key) {
                    self.fire_stage(stage, timer);
                }
            }
        }
    }

    fn fire_stage(&mut self, stage: &Stage, timer: &Timer) {
        let Some(sla) = &stage.sla else { return };
        match timer.step {
            Step::Remind(step) => {
                // Absences are looked at again, so that the right person is reminded.
                self.refill_stage(stage);
                let people = self.still_asked(stage);
                self.emit(Event::Reminded {
                    stage: stage.key.clone(),
                    epoch: timer.epoch,
                    step,
                    people,
                });
            }
            Step::Escalate(step) => {
                if let Some(rule) = sla.escalate.get(step) {
                    self.bring_in(stage, Cause::Time(step), &rule.to, rule.mode, &rule.seat);
                }
            }
            _ => self.time_out(stage, timer.epoch, sla.on_timeout),
        }
        self.settle();
    }

    fn still_asked(&self, stage: &Stage) -> BTreeSet<PersonId> {
        let Some(run) = self.review.stage(&stage.key) else {
            return BTreeSet::new();
        };
        let mut people = run.asked();
        people.retain(|person| !run.votes.contains_key(person));
        people
    }

    fn time_out(&mut self, stage: &Stage, epoch: u32, then: OnTimeout) {
        self.emit(Event::StageOverdue {
            stage: stage.key.clone(),
            epoch,
        });
        match then {
            OnTimeout::KeepOpen => {}
            OnTimeout::Reject => self.reject(&stage.key, RejectedBecause::Timeout),
            OnTimeout::MarkTimedOut => self.emit(Event::StageSettled {
                stage: stage.key.clone(),
                epoch,
                progress: Progress::TimedOut,
            }),
        }
    }

    pub(super) fn resubmit(&mut self, new: &Resubmission) -> Result<(), Refusal> {
        self.submitter_or_owner(new.by)?;
        if !self.review.phase.is_running() {
            return Err(Refusal::NotEditable(self.review.phase.as_str()));
        }
        let reopened = self.reopened_by(new);
        self.emit(Event::Resubmitted {
            revision: new.revision,
            digest: new.digest.clone(),
            owner: new.owner,
            editors: new.editors.clone(),
            derived: self.ctx.workflow.derive(self.ctx.request),
            changed: new.changed.clone(),
            reopened: reopened.clone(),
        });
        for key in reopened {
            let epoch = self.review.stage(&key).map_or(0, |run| run.epoch) + 1;
            self.emit(Event::StageReopened { stage: key, epoch });
        }
        self.resume_clocks();
        if self.review.resubmissions > self.ctx.workflow.max_revisions {
            let because = RejectedBecause::TooManyRevisions;
            self.emit(Event::Rejected { because });
        } else {
            // People may have left while the submitter held it.
            self.refill();
        }
        Ok(())
    }

    /// The stages whose decisions fall: those that `on_change` names for what changed, those that
    /// asked for the change, those whose approver became somebody with a part in the record, and
    /// the skipped ones, whose conditions may hold now. Who edits after approving is such a
    /// somebody: their approval would be one of their own words.
    fn reopened_by(&self, new: &Resubmission) -> BTreeSet<String> {
        let everything = new.changed.iter().any(|field| self.reopens_all(field));
        let named: BTreeSet<&String> = new
            .changed
            .iter()
            .filter_map(|field| self.rule_for(field))
            .filter(|rule| rule.effect == Effect::Reopen)
            .flat_map(|rule| &rule.stages)
            .collect();
        let falls = |stage: &&Stage| {
            let Some(run) = self.review.stage(&stage.key) else {
                return false;
            };
            let asked = |outcome: &Outcome| *outcome == Outcome::RequestChanges;
            let partial = |person: &PersonId| *person == new.owner || new.editors.contains(person);
            run.progress != Progress::Pending
                && (everything
                    || named.contains(&stage.key)
                    || run.progress == Progress::Skipped
                    || run.votes.values().any(asked)
                    || run.votes.keys().any(partial)
                    || run.asked().iter().any(partial))
        };
        let stages = self.ctx.workflow.stages.iter().filter(falls);
        stages.map(|stage| stage.key.clone()).collect()
    }

    fn rule_for(&self, field: &str) -> Option<&'a OnChange> {
        let rules = &self.ctx.workflow.on_change;
        rules
            .iter()
            .find(|rule| rule.fields.iter().any(|named| named == field))
    }

    fn reopens_all(&self, field: &str) -> bool {
        match self.rule_for(field) {
            None => true,
            Some(rule) => rule.effect == Effect::Reopen && rule.stages.is_empty(),
        }
    }

    fn resume_clocks(&mut self) {
        for stage in &self.ctx.workflow.stages {
            let open = |run: &&StageRun| run.progress == Progress::Open;
            let Some(run) = self.review.stage(&stage.key).filter(open) else {
                continue;
            };
            let (Some(sla), Some(clock)) = (&stage.sla, &run.clock) else {
                continue;
            };
            let (epoch, due) = (run.epoch, clock.after(self.ctx.calendars, &sla.due));
            if due != clock.due {
                self.emit(Event::ClockResumed {
                    stage: stage.key.clone(),
                    epoch,
                    due,
                });
            }
        }
    }
}

fn outcome_of(run: &StageRun) -> Progress {
    let conditional = |outcome: &Outcome| *outcome == Outcome::ApproveWithConditions;
    if run.votes.values().any(conditional) {
        Progress::ApprovedWithConditions
    } else {
        Progress::Approved
    }
}

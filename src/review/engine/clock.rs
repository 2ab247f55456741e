//! Clocks: what time brings about, and when. No step ever approves.
use crate::calendar::{Calendar, Span, Version};
use crate::db::{At, ConditionId};
use crate::review::engine::command::Context;
use crate::review::engine::standing::ObligationState;
use crate::review::engine::state::{Phase, Progress, Review, StageRun};
use crate::workflow::{Pause, Sla, Stage};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The calendar of a workflow: its present version, and those that running clocks were started by.
#[derive(Debug, Clone)]
pub struct Calendars {
    /// What new clocks run by.
    pub current: Arc<Version>,
    /// Earlier versions by number.
    pub earlier: BTreeMap<i32, Arc<Version>>,
}

impl Default for Calendars {
    /// The built-in calendar alone.
    fn default() -> Calendars {
        let calendar = Calendar::built_in();
        let current = Arc::new(Version {
            version: 0,
            calendar,
        });
        Calendars {
            current,
            earlier: BTreeMap::new(),
        }
    }
}

impl Calendars {
    /// The version with this number; the present one when it is not at hand.
    pub fn get(&self, version: i32) -> &Calendar {
        let earlier = self.earlier.get(&version);
        &earlier.unwrap_or(&self.current).calendar
    }
}

/// The clock of an open stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// The calendar version it runs by.
    pub calendar: i32,
    /// When the stage opened.
    pub started: At,
    /// When it is due.
    pub due: At,
    /// Whether it stands while the submitter is asked to change something.
    pub waits: bool,
    /// From when until when it stood; the last may still last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pauses: Vec<(At, Option<At>)>,
    /// Steps that were taken.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub fired: BTreeSet<Step>,
}

impl Clock {
    /// A clock that starts at `now`.
    pub(super) fn start(sla: &Sla, calendars: &Calendars, now: At) -> Clock {
        Clock {
            calendar: calendars.current.version,
            started: now,
            due: calendars.current.calendar.due(now, &sla.due, &[]),
            waits: sla.pause_while.contains(&Pause::ChangesRequested),
            pauses: Vec::new(),
            fired: BTreeSet::new(),
        }
    }

    pub(super) fn pause(&mut self, now: At) {
        if self.waits && !self.stands() {
            self.pauses.push((now, None));
        }
    }

    pub(super) fn resume(&mut self, now: At) {
        if let Some((_, until @ None)) = self.pauses.last_mut() {
            *until = Some(now);
        }
    }

    /// Whether it stands now.
    pub fn stands(&self) -> bool {
        matches!(self.pauses.last(), Some((_, None)))
    }

    /// When `span` from the start is over, the pauses so far not counted.
    pub(super) fn after(&self, calendars: &Calendars, span: &Span) -> At {
        let over = |(from, until): &(At, Option<At>)| Some((*from, (*until)?));
        let pauses: Vec<(At, At)> = self.pauses.iter().filter_map(over).collect();
        calendars
            .get(self.calendar)
            .due(self.started, span, &pauses)
    }
}

/// What a clock brings about. The numbers are places in the workflow, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Those who still have to decide are reminded.
    Remind(usize),
    /// Others are brought in.
    Escalate(usize),
    /// The stage's time is over.
    Due,
    /// The review's time is over.
    Abandon,
    /// The owner of a condition is reminded.
    RemindCondition(ConditionId, usize),
    /// A condition's time is over.
    ConditionDue(ConditionId),
    /// Submitter and owner are reminded that the approval ends.
    RemindRenewal(usize),
    /// The approval's time is over.
    Expire,
}

/// One step of one clock. The epoch keeps steps of a stage that was started anew apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Timer {
    /// The stage whose clock it is; none for the review's own.
    pub stage: Option<String>,
    /// The stage's epoch; 0 for the review's own.
    pub epoch: u32,
    /// What it brings about.
    pub step: Step,
}

/// Every step that is still to come, and when. Clocks that stand have none.
pub fn timers(ctx: &Context, review: &Review) -> BTreeMap<Timer, At> {
    let mut all = BTreeMap::new();
    if review.phase.is_running() {
        abandonment(ctx, review, &mut all);
    }
    if review.phase == Phase::InReview {
        for stage in &ctx.workflow.stages {
            if let Some(run) = review.stage(&stage.key) {
                of_stage(ctx, stage, run, &mut all);
            }
        }
    }
    if !review.phase.is_running() && !review.phase.is_final() {
        of_standing(ctx, review, &mut all);
    }
    all
}

fn abandonment(ctx: &Context, review: &Review, all: &mut BTreeMap<Timer, At>) {
    if let Some(span) = &ctx.workflow.max_duration {
        let calendar = ctx.calendars.get(review.calendar);
        let at = calendar.due(review.opened_at, span, &[]);
        add(all, &review.fired, None, Step::Abandon, at);
    }
}

fn of_stage(ctx: &Context, stage: &Stage, run: &StageRun, all: &mut BTreeMap<Timer, At>) {
    let open = run.progress == Progress::Open;
    let (true, Some(sla), Some(clock)) = (open, &stage.sla, &run.clock) else {
        return;
    };
    if clock.stands() {
        return;
    }
    let owner = Some((stage.key.as_str(), run.epoch));
    let mut step = |step, at| add(all, &clock.fired, owner, step, at);
    for (index, span) in sla.remind.iter().enumerate() {
        step(Step::Remind(index), clock.after(ctx.calendars, span));
    }
    for (index, escalation) in sla.escalate.iter().enumerate() {
        let at = clock.after(ctx.calendars, &escalation.after);
        step(Step::Escalate(index), at);
    }
    step(Step::Due, clock.due);
}

fn of_standing(ctx: &Context, review: &Review, all: &mut BTreeMap<Timer, At>) {
    let calendar = ctx.calendars.get(review.calendar);
    let mut step = |step, at| add(all, &review.fired, None, step, at);
    let overridden = review.phase == Phase::Overridden;
    let reminders = ctx.workflow.renewal.iter().flat_map(|r| &r.remind_before);
    if let Some(until) = review.valid_until {
        for (index, before) in reminders.enumerate().filter(|_| !overridden) {
            let at = calendar.before(until, before);
            // An approval shorter than the reminder's lead begins with nothing to remind of.
            if review.approved_at.is_none_or(|approved| at > approved) {
                step(Step::RemindRenewal(index), at);
            }
        }
        step(Step::Expire, until);
    }
    for (id, obligation) in &review.obligations {
        // Evidence waits for its judge however long that takes; once it is refused, the day counts
        // again. Saying that it will not be done does not put the day off.
        let owed = matches!(
            obligation.state,
            ObligationState::Open | ObligationState::Refused
        );
        let Some(due) = obligation.due.filter(|_| owed) else {
            continue;
        };
        if obligation.state == ObligationState::Open {
            let lead = &ctx.workflow.obligations.remind_before;
            for (index, before) in lead.iter().enumerate() {
                step(
                    Step::RemindCondition(*id, index),
                    calendar.before(due, before),
                );
            }
        }
        step(Step::ConditionDue(*id), due);
    }
}

fn add(
    all: &mut BTreeMap<Timer, At>,
    fired: &BTreeSet<Step>,
    stage: Option<(&str, u32)>,
    step: Step,
    at: At,
) {
    if !fired.contains(&step) {
        let timer = Timer {
            stage: stage.map(|(key, _)| key.to_owned()),
            epoch: stage.map_or(0, |(_, epoch)| epoch),
            step,
        };
        all.insert(timer, at);
    }
}

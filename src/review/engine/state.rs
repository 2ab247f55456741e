//! The state of a review, and how each event changes it.
use crate::db::{At, ConditionId, PersonId, RecordId, ReviewId, VendorChangeId};
use crate::review::engine::clock::{Clock, Step};
use crate::review::engine::event::{Cause, Escalated, Event};
use crate::review::engine::standing::{Obligation, Overriding};
use crate::workflow::{Derived, Mode, Outcome};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Which immutable workflow version a review runs under.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// Key of the workflow.
    pub key: String,
    /// Its version, from 1.
    pub version: i32,
    /// SHA-256 of its canonical text, in hex.
    pub hash: String,
}

/// Where a review stands: first while people decide, then what became of its approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Stages are open or waiting.
    InReview,
    /// The submitter is asked to change something.
    ChangesRequested,
    /// Every stage is settled, and the approval is in force.
    Approved,
    /// Two people let the use case go ahead for a while before its review ended.
    Overridden,
    /// The approval is not in force for now.
    Suspended,
    /// A stage was rejected, or could not be decided in the ways the workflow allows.
    Rejected,
    /// The submitter took it back.
    Withdrawn,
    /// It ran longer than the workflow allows.
    Abandoned,
    /// The time of the approval is over.
    Expired,
    /// The approval was taken away.
    Revoked,
    /// The use case ended.
    Retired,
    /// Another review took its place.
    Superseded,
}

impl Phase {
    /// The word, as stored and as the API says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::InReview => "in_review",
            Phase::ChangesRequested => "changes_requested",
            Phase::Approved => "approved",
            Phase::Overridden => "overridden",
            Phase::Suspended => "suspended",
            Phase::Rejected => "rejected",
            Phase::Withdrawn => "withdrawn",
            Phase::Abandoned => "abandoned",
            Phase::Expired => "expired",
            Phase::Revoked => "revoked",
            Phase::Retired => "retired",
            Phase::Superseded => "superseded",
        }
    }

    /// Whether people still decide, or the submitter may still answer.
    pub fn is_running(self) -> bool {
        matches!(self, Phase::InReview | Phase::ChangesRequested)
    }

    /// Whether the use case is allowed because of this review.
    pub fn is_in_force(self) -> bool {
        matches!(self, Phase::Approved | Phase::Overridden)
    }

    /// Whether nothing can follow.
    pub fn is_final(self) -> bool {
        !self.is_running() && !self.is_in_force() && self != Phase::Suspended
    }
}

/// Where a stage stands in its present epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// Waits for the stages it needs.
    Pending,
    /// Its condition says that it is not needed.
    Skipped,
    /// People are asked.
    Open,
    /// Every seat has its need.
    Approved,
    /// As approved, and somebody attached a condition.
    ApprovedWithConditions,
    /// Rejected.
    Rejected,
    /// Its time ran out and the workflow goes on without an answer.
    TimedOut,
}

impl Progress {
    /// The word, as stored and as conditions read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Progress::Pending => "pending",
            Progress::Skipped => "skipped",
            Progress::Open => "open",
            Progress::Approved => "approved",
            Progress::ApprovedWithConditions => "approved_with_conditions",
            Progress::Rejected => "rejected",
            Progress::TimedOut => "timed_out",
        }
    }

    /// Whether every seat has its need.
    pub fn is_approval(self) -> bool {
        matches!(self, Progress::Approved | Progress::ApprovedWithConditions)
    }

    /// Whether stages that need this one may start.
    pub fn lets_others_start(self) -> bool {
        self.is_approval() || matches!(self, Progress::Skipped | Progress::TimedOut)
    }
}

/// One seat of an open stage: who was asked, and how many of them it takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatRun {
    /// Key of the seat.
    pub key: String,
    /// Approvals it takes.
    pub need: usize,
    /// Those it names, as resolved when the stage opened.
    pub people: BTreeSet<PersonId>,
    /// Those who stand in, once the seat's own people no longer suffice.
    pub fallback: Option<BTreeSet<PersonId>>,
    /// Of a seat that an escalation added: the workflow's seat whose fallback stands in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<String>,
}

impl SeatRun {
    /// Everyone who was asked for this seat.
    pub fn asked(&self) -> impl Iterator<Item = PersonId> {
        self.people
            .iter()
            .chain(self.fallback.iter().flatten())
            .copied()
    }
}

/// One stage in its present epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageRun {
    /// Counts how often the stage started anew.
    pub epoch: u32,
    /// Where it stands.
    pub progress: Progress,
    /// Its seats, resolved when it opened; empty before.
    pub seats: Vec<SeatRun>,
    /// The decisions of this epoch, one per person.
    pub votes: BTreeMap<PersonId, Outcome>,
    /// The answers of those who approved, the latest on top; conditions of later stages read them.
    pub answers: Value,
    /// When it took its present progress.
    pub since: Option<At>,
    /// Who was asked in this epoch and is no longer: the task went to another, or they left.
    #[serde(default)]
    pub gone: BTreeSet<PersonId>,
    /// Who decides in the place of whom.
    #[serde(default)]
    pub on_behalf: BTreeMap<PersonId, PersonId>,
    /// Conditions attached in this epoch.
    #[serde(default)]
    pub conditions: BTreeMap<ConditionId, Owed>,
    /// The clock, when one runs.
    #[serde(default)]
    pub clock: Option<Clock>,
    /// Escalations by risk or disagreement that were called in, by their place in the workflow.
    #[serde(default)]
    pub called: BTreeSet<usize>,
}

/// A condition of an approval that is not in force yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owed {
    /// Who attached it.
    pub by: PersonId,
    /// Who does it; the owner of the use case when nobody is named.
    pub owner: Option<PersonId>,
    /// By when, as `YYYY-MM-DD`.
    pub due: Option<String>,
}

impl StageRun {
    /// Everyone who is asked in this epoch, each once.
    pub fn asked(&self) -> BTreeSet<PersonId> {
        let all = self.seats.iter().flat_map(SeatRun::asked);
        all.filter(|person| !self.gone.contains(person)).collect()
    }

    /// Those who approved, with or without conditions.
    pub fn approvers(&self) -> BTreeSet<PersonId> {
        self.votes
            .iter()
            .filter(|(_, o)| o.is_approval())
            .map(|(p, _)| *p)
            .collect()
    }
}

/// One run of one workflow version on one record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Review {
    /// Its identifier.
    pub id: ReviewId,
    /// The record under review.
    pub record: RecordId,
    /// The version it runs under, which never changes.
    pub workflow: Pin,
    /// Where it stands.
    pub phase: Phase,
    /// The revision under review.
    pub revision: i32,
    /// Digest of that revision: what approvers sign.
    pub digest: String,
    /// How often a new revision replaced one under review.
    pub resubmissions: u32,
    /// Who submitted it.
    pub submitter: PersonId,
    /// Who answers for the use case.
    pub owner: PersonId,
    /// Everyone who wrote a revision.
    pub editors: BTreeSet<PersonId>,
    /// Results of the workflow's tables for this revision.
    pub derived: BTreeMap<String, Derived>,
    /// The stages by key.
    pub stages: BTreeMap<String, StageRun>,
    /// When it began.
    pub opened_at: At,
    /// The review whose approval it renews or looks at afterwards.
    #[serde(default)]
    pub renews: Option<ReviewId>,
    /// Whether it looks at an override after the fact.
    #[serde(default)]
    pub after_the_fact: bool,
    /// Who is kept out of every stage, whatever the workflow says: those who overrode.
    #[serde(default)]
    pub apart: BTreeSet<PersonId>,
    /// The changes at vendors under which it is decided.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub vendor_changes: BTreeSet<VendorChangeId>,
    /// Whether a change at a vendor called for it, and not a person: nobody takes it back, and
    /// what it does not approve is approved no longer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub looks_again: bool,
    /// The calendar version that its own clocks run by.
    #[serde(default)]
    pub calendar: i32,
    /// Steps of its own clocks that were taken; those of stages stand there.
    #[serde(default)]
    pub fired: BTreeSet<Step>,
    /// When it was approved.
    #[serde(default)]
    pub approved_at: Option<At>,
    /// Until when the approval or override holds.
    #[serde(default)]
    pub valid_until: Option<At>,
    /// The conditions of the approval.
    #[serde(default)]
    pub obligations: BTreeMap<ConditionId, Obligation>,
    /// What was in force before the suspension, and whether missed conditions alone caused it.
    #[serde(default)]
    pub suspended: Option<Suspended>,
    /// An override that is proposed or granted.
    #[serde(default)]
    pub overriding: Option<Overriding>,
}

/// A suspension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspended {
    /// What was in force before.
    pub from: Phase,
    /// Whether it ends by itself once no condition is missed or refused any more.
    pub by_conditions: bool,
}

impl Review {
    /// A stage by key.
    pub fn stage(&self, key: &str) -> Option<&StageRun> {
        self.stages.get(key)
    }

    /// When a stage is due, where a clock runs.
    pub fn due(&self, key: &str) -> Option<At> {
        Some(self.stage(key)?.clock.as_ref()?.due)
    }

    /// The review as its first event, at `at`, leaves it; `None` when the event is another.
    pub fn begin(event: &Event, at: At) -> Option<Review> {
        let Event::Opened(opened) = event else {
            return None;
        };
        let opened = opened.as_ref().clone();
        let pending = |key: String| (key, StageRun::pending(0));
        Some(Review {
            id: opened.review,
            record: opened.record,
            workflow: opened.workflow,
            phase: Phase::InReview,
            revision: opened.revision,
            digest: opened.digest,
            resubmissions: 0,
            submitter: opened.submitter,
            owner: opened.owner,
            editors: opened.editors,
            derived: opened.derived,
            stages: opened.stages.into_iter().map(pending).collect(),
            opened_at: at,
            renews: opened.renews,
            after_the_fact: opened.after_the_fact,
            apart: opened.apart,
            vendor_changes: opened.vendor_changes,
            looks_again: opened.looks_again,
            calendar: opened.calendar,
            fired: BTreeSet::new(),
            approved_at: None,
            valid_until: None,
            obligations: BTreeMap::new(),
            suspended: None,
            overriding: None,
        })
    }

    /// Takes in what happened at `at`.
    pub fn apply(&mut self, event: &Event, at: At) {
        match event {
            Event::Resubmitted {
                revision,
                digest,
                owner,
                editors,
                derived,
                reopened,
                ..
            } => {
                self.phase = Phase::InReview;
                self.revision = *revision;
                self.digest = digest.clone();
                self.resubmissions += u32::from(!reopened.is_empty());
                self.owner = *owner;
                self.editors = editors.clone();
                self.derived = derived.clone();
                // Nobody agreed to let this revision through.
                self.overriding = None;
                self.clocks().for_each(|clock| clock.resume(at));
            }
            Event::ChangesRequested { .. } => {
                self.phase = Phase::ChangesRequested;
                self.clocks().for_each(|clock| clock.pause(at));
            }
            Event::Rejected { .. } => self.phase = Phase::Rejected,
            Event::Withdrawn { .. } => self.phase = Phase::Withdrawn,
            Event::Abandoned => self.phase = Phase::Abandoned,
            Event::Superseded { .. } => self.phase = Phase::Superseded,
            _ if event.stage().is_some() => self.apply_to_stage(event, at),
            _ => self.apply_to_standing(event, at),
        }
    }

    /// The stages that were not left out, by their keys: reviews of one route are alike.
    pub fn route(&self) -> String {
        let asked = |run: &StageRun| run.progress != Progress::Skipped;
        let stages = self.stages.iter().filter(|(_, run)| asked(run));
        let keys: Vec<&str> = stages.map(|(key, _)| key.as_str()).collect();
        keys.join(" ")
    }

    /// Until when a proposed override waits for a second person.
    pub fn override_until(&self) -> Option<At> {
        let proposed = self.overriding.filter(|o| o.second.is_none());
        proposed
            .filter(|_| self.phase.is_running())
            .map(|o| o.until)
    }

    /// Everybody who has a part in the record or is asked, was asked or is awaited.
    pub fn people(&self) -> BTreeSet<PersonId> {
        let runs = self.stages.values();
        let asked = runs.flat_map(|run| run.seats.iter().flat_map(SeatRun::asked));
        let first = self.stages.values().flat_map(|run| run.on_behalf.values());
        asked
            .chain(first.copied())
            .chain([self.submitter, self.owner])
            .collect()
    }

    /// The calendar versions that its clocks run by.
    pub fn calendar_versions(&self) -> BTreeSet<i32> {
        let clocks = self.stages.values().filter_map(|run| run.clock.as_ref());
        let versions = clocks.map(|clock| clock.calendar);
        versions.chain([self.calendar]).collect()
    }

    /// The clocks of open stages.
    fn clocks(&mut self) -> impl Iterator<Item = &mut Clock> {
        let open = |run: &&mut StageRun| run.progress == Progress::Open;
        let runs = self.stages.values_mut().filter(open);
        runs.filter_map(|run| run.clock.as_mut())
    }

    fn apply_to_stage(&mut self, event: &Event, at: At) {
        let Some(run) = event.stage().and_then(|key| self.stages.get_mut(key)) else {
            return;
        };
        match event {
            Event::StageReopened { epoch, .. } => *run = StageRun::pending(*epoch),
            Event::StageSkipped { .. } => run.take(Progress::Skipped, at),
            Event::StageOpened {
                seats,
                on_behalf,
                clock,
                ..
            } => {
                run.seats = seats.clone();
                run.on_behalf = on_behalf.clone();
                run.clock = clock.clone();
                run.take(Progress::Open, at);
            }
            Event::SeatFellBack { seat, people, .. } => {
                if let Some(seat) = run.seats.iter_mut().find(|s| s.key == *seat) {
                    let before = seat.fallback.replace(people.clone()).unwrap_or_default();
                    // Who was asked before, lost it and is named again comes back.
                    run.gone
                        .retain(|person| before.contains(person) || !people.contains(person));
                }
            }
            Event::Decided { .. } => run.decided(event),
            Event::StageSettled { progress, .. } => run.take(*progress, at),
            Event::TaskMoved { from, to, .. } => run.move_task(*from, *to),
            Event::PersonLeft { person, .. } => {
                run.gone.insert(*person);
            }
            Event::Reminded { step, .. } => run.fire(Step::Remind(*step)),
            Event::StageOverdue { .. } => run.fire(Step::Due),
            Event::Escalated(escalated) => run.escalate(escalated),
            Event::ClockResumed { due, .. } => {
                if let Some(clock) = &mut run.clock {
                    clock.due = *due;
                }
            }
            _ => {}
        }
    }
}

impl StageRun {
    fn pending(epoch: u32) -> StageRun {
        StageRun {
            epoch,
            progress: Progress::Pending,
            seats: Vec::new(),
            votes: BTreeMap::new(),
            answers: Value::Object(serde_json::Map::new()),
            since: None,
            gone: BTreeSet::new(),
            on_behalf: BTreeMap::new(),
            conditions: BTreeMap::new(),
            clock: None,
            called: BTreeSet::new(),
        }
    }

    fn take(&mut self, progress: Progress, at: At) {
        self.progress = progress;
        self.since = Some(at);
    }

    fn decided(&mut self, event: &Event) {
        let Event::Decided {
            task,
            person,
            outcome,
            answers,
            conditions,
            ..
        } = event
        else {
            return;
        };
        self.votes.insert(*person, *outcome);
        if outcome.is_approval() {
            merge(&mut self.answers, answers);
        }
        for (index, condition) in conditions.iter().enumerate() {
            let owed = Owed {
                by: *person,
                owner: condition.owner,
                due: condition.due.clone(),
            };
            self.conditions.insert(ConditionId::of(*task, index), owed);
        }
    }

    /// `to` takes the place of `from` in every seat. Whoever decides for somebody decides for the
    /// one who was asked first, not for those between.
    fn move_task(&mut self, from: PersonId, to: PersonId) {
        for seat in &mut self.seats {
            if seat.people.contains(&from) {
                seat.people.insert(to);
            }
            if let Some(fallback) = seat.fallback.as_mut().filter(|f| f.contains(&from)) {
                fallback.insert(to);
            }
        }
        self.gone.insert(from);
        self.gone.remove(&to);
        let first = self.on_behalf.remove(&from).unwrap_or(from);
        if first == to {
            self.on_behalf.remove(&to);
        } else {
            self.on_behalf.insert(to, first);
        }
    }

    /// Whether a task that goes from `from` to `to` would lie with somebody for whom another
    /// decides: handed on twice. It may go back to whom it came from.
    pub(super) fn would_be_second(&self, from: PersonId, to: PersonId) -> bool {
        let returns = self.on_behalf.get(&from) == Some(&to);
        !returns && self.on_behalf.values().any(|first| *first == to)
    }

    fn fire(&mut self, step: Step) {
        if let Some(clock) = &mut self.clock {
            clock.fired.insert(step);
        }
    }

    fn escalate(&mut self, escalated: &Escalated) {
        match escalated.cause {
            Cause::Time(step) => self.fire(Step::Escalate(step)),
            Cause::Rule(place) => {
                self.called.insert(place);
            }
        }
        match escalated.mode {
            Mode::Notify => {}
            Mode::AddToSeat => {
                let joined = self
                    .seats
                    .iter_mut()
                    .find(|seat| Some(&seat.key) == escalated.seat.as_ref());
                if let Some(seat) = joined {
                    seat.people.extend(&escalated.people);
                }
            }
            Mode::MustAgree => self.seats.push(SeatRun {
                key: format!("escalation_{}", self.seats.len() + 1),
                need: 1,
                people: escalated.people.clone(),
                fallback: None,
                beside: escalated.seat.clone(),
            }),
        }
    }
}

/// Lays the answers of one who approved over those of the others.
pub fn merge(answers: &mut Value, more: &Value) {
    if let (Value::Object(into), Value::Object(more)) = (answers, more) {
        into.extend(more.iter().map(|(k, v)| (k.clone(), v.clone())));
    }
}

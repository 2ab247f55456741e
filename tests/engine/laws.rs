//! What holds of every transition, whatever anybody thinks the engine should answer: the
//! invariants of a review, each by its number. They read the workflow for themselves and share no
//! code with the engine but its calendar and the states and events they judge.
//!
//! | law | what it says |
//! |---|---|
//! | I2 | a decision answers the question of the present epoch |
//! | I3 | an open task means: in review, stage open, same epoch, and its person may decide |
//! | I4 | nobody decides what they submitted, own or edited, as the workflow keeps them out |
//! | I5 | what was decided or settled stays as long as its epoch |
//! | I6 | a person decides once in a stage and epoch |
//! | I7 | a stage is approved only by its need of eligible people in every seat |
//! | I8 | a stage whose need is met, or that is vetoed, is closed in the same transition |
//! | I9 | a stage opens when its needs are settled, then at once, and not before |
//! | I10 | decisions belong to the revision shown; an edit voids exactly what the rules say |
//! | I11 | approvers of stages that are kept apart differ |
//! | I12 | no clock approves |
//! | I13 | approved if and only if every stage is approved, skipped or covered |
//! | I14 | what ended stays ended |
//! | I15 | one event for each change, none without one |
//! | I17 | somebody can lead on, or everybody who may stand in was called |
//! | I18 | no more revisions than the workflow allows |
//! | I19 | the events alone lead to the state |
//! | I21 | a review keeps its workflow and its submitter |
//! | I22 | a task is handed on once, to somebody whom the rules admit |
//! | I23 | an override takes two people without a part, a reason, an end |
//! | I25 | a pause never shortens a deadline; it follows from opening, pauses and calendar |
//! | I26 | each step of a clock is taken once in an epoch, when it is due, and none is lost |
//! | I27 | whoever is asked has a task |
//! | I28 | whoever decides is named by the workflow when they do |
//! | I30 | conditions become obligations, and one past due has its consequence, not on decisions |

use countersign::db::{At, ConditionId, PersonId};
use countersign::review::engine::{
    self, Cause, Command, Context, Event, Moved, ObligationState, OpenTask, Phase, Progress,
    RejectedBecause, Review, SeatRun, StageRun, Step, Timer,
};
use countersign::workflow::{
    Effect, OnMissed, OnReject, OnTimeout, Outcome, Party, Relation, Stage, Who,
};
use std::collections::{BTreeMap, BTreeSet};

/// One transition, as whoever looks at the register sees it.
pub struct Seen<'a> {
    pub ctx: &'a Context<'a>,
    pub now: At,
    pub command: &'a Command,
    pub before: &'a Review,
    pub after: &'a Review,
    pub events: &'a [Event],
    /// Questions that are open after it.
    pub tasks: BTreeSet<OpenTask>,
    /// Steps of clocks that are to come after it.
    pub timers: BTreeMap<Timer, At>,
}

/// A law that does not hold.
#[derive(Debug, Clone)]
pub struct Breach {
    pub law: &'static str,
    pub why: String,
}

impl<'a> Seen<'a> {
    pub fn new(
        ctx: &'a Context<'a>,
        now: At,
        command: &'a Command,
        before: &'a Review,
        (after, events): (&'a Review, &'a [Event]),
    ) -> Seen<'a> {
        Seen {
            ctx,
            now,
            command,
            before,
            after,
            events,
            tasks: engine::open_tasks(ctx, after),
            timers: engine::timers(ctx, after),
        }
    }
}

/// Every law that a transition breaks.
pub fn breaches(seen: &Seen) -> Vec<Breach> {
    let mut look = Look {
        seen,
        found: Vec::new(),
    };
    look.decisions();
    look.votes_stay();
    look.revision();
    look.approvals();
    look.order();
    look.ends();
    look.entries();
    look.steps();
    look.due_times();
    look.tasks();
    look.progress();
    look.handovers();
    look.overrides();
    look.obligations();
    look.found
}

/// Holds one transition against all of them.
pub fn hold(seen: &Seen) {
    let found = breaches(seen);
    assert!(
        found.is_empty(),
        "{found:#?}\nby {:#?}\nwith {:#?}\nfrom {:#?}\nto {:#?}",
        seen.command,
        seen.events,
        seen.before,
        seen.after
    );
}

/// Whether the workflow keeps `person` out of `stage`.
pub fn kept_out(ctx: &Context, review: &Review, stage: &Stage, person: PersonId) -> bool {
    let has_part = stage.separation.not.iter().any(|party| match party {
        Party::Submitter => review.submitter == person,
        Party::Owner => review.owner == person,
        Party::Editors => review.editors.contains(&person),
    });
    let elsewhere = ctx.workflow.stages.iter().any(|other| {
        let apart = stage.separation.not_approvers_of.contains(&other.key)
            || other.separation.not_approvers_of.contains(&stage.key);
        apart && yes(&review.stages[&other.key]).contains(&person)
    });
    has_part || elsewhere || review.apart.contains(&person)
}

/// Whether any line of the stage names `person` now.
fn named(ctx: &Context, review: &Review, stage: &Stage, person: PersonId) -> bool {
    let seats = stage
        .seats
        .iter()
        .flat_map(|s| s.from.iter().chain(&s.fallback));
    let clocks = stage
        .sla
        .iter()
        .flat_map(|sla| &sla.escalate)
        .flat_map(|e| &e.to);
    let others = stage.escalate.iter().flat_map(|e| &e.to);
    let has = |at: &Relation| match at {
        Relation::Submitter => review.submitter,
        Relation::Owner => review.owner,
    };
    let people = ctx.directory;
    let address = |text: &str| people.addresses.get(&text.trim().to_lowercase()) == Some(&person);
    seats.chain(clocks).chain(others).any(|who| match who {
        Who::Role(role) => people
            .roles
            .get(role)
            .is_some_and(|all| all.contains(&person)),
        Who::Group(group) => people
            .groups
            .get(group)
            .is_some_and(|all| all.contains(&person)),
        Who::Person(text) => address(text),
        Who::Field(field) => ctx.request[field].as_str().is_some_and(address),
        Who::Relation(at) => has(at) == person,
        Who::ManagerOf(at) => people.managers.get(&has(at)) == Some(&person),
    })
}

fn yes(run: &StageRun) -> BTreeSet<PersonId> {
    let approved = |o: &Outcome| matches!(o, Outcome::Approve | Outcome::ApproveWithConditions);
    let votes = run.votes.iter().filter(|(_, o)| approved(o));
    votes.map(|(person, _)| *person).collect()
}

/// Whether each seat can have its need with each person on one seat, tried one by one.
fn enough(seats: &[SeatRun], people: &[PersonId], needs: &[usize]) -> bool {
    if needs.iter().all(|need| *need == 0) {
        return true;
    }
    let Some((person, rest)) = people.split_first() else {
        return false;
    };
    let takes = |index: usize| {
        let mut left = needs.to_vec();
        left[index] -= 1;
        enough(seats, rest, &left)
    };
    let fits = |index: &usize| needs[*index] > 0 && seats[*index].asked().any(|p| p == *person);
    (0..seats.len()).filter(fits).any(takes) || enough(seats, rest, needs)
}

fn filled_by(seats: &[SeatRun], people: &BTreeSet<PersonId>) -> bool {
    let people: Vec<PersonId> = people.iter().copied().collect();
    let needs: Vec<usize> = seats.iter().map(|seat| seat.need).collect();
    enough(seats, &people, &needs)
}

fn is_full(run: &StageRun) -> bool {
    !run.seats.is_empty() && filled_by(&run.seats, &yes(run))
}

fn rejected(run: &StageRun) -> bool {
    run.votes.values().any(|o| *o == Outcome::Reject)
}

struct Look<'a> {
    seen: &'a Seen<'a>,
    found: Vec<Breach>,
}

impl<'a> Look<'a> {
    fn must(&mut self, law: &'static str, holds: bool, why: impl FnOnce() -> String) {
        if !holds {
            self.found.push(Breach { law, why: why() });
        }
    }

    fn stages(&self) -> impl Iterator<Item = (&'a Stage, &'a StageRun, &'a StageRun)> + use<'a> {
        let (before, after) = (self.seen.before, self.seen.after);
        let stages = self.seen.ctx.workflow.stages.iter();
        stages.map(|stage| (stage, &before.stages[&stage.key], &after.stages[&stage.key]))
    }

    fn stage(&self, key: &str) -> &'a Stage {
        self.seen.ctx.workflow.stage(key).expect("the stage")
    }

    fn events(&self, kind: &str) -> usize {
        let fits = |event: &&Event| event.kind() == kind;
        self.seen.events.iter().filter(fits).count()
    }

    fn decisions(&mut self) {
        let (ctx, before) = (self.seen.ctx, self.seen.before);
        for event in self.seen.events {
            let Event::Decided {
                stage,
                epoch,
                person,
                on_behalf_of,
                outcome,
                revision,
                digest,
                ..
            } = event
            else {
                continue;
            };
            let run = &before.stages[stage];
            let rules = self.stage(stage);
            if let Command::Decide(given) = self.seen.command {
                let same = (given.epoch, &given.seen) == (run.epoch, &before.digest);
                self.must("I2", same, || {
                    format!("{stage}: another question was answered")
                });
                let link = given.by_link && rules.email.link == countersign::workflow::Link::View;
                self.must("I2", !link, || format!("{stage}: a link alone decided"));
            }
            let open = run.progress == Progress::Open && before.phase == Phase::InReview;
            self.must("I5", open, || format!("{stage}: decided and not open"));
            self.must("I2", *epoch == run.epoch, || {
                format!("{stage}: epoch {epoch}")
            });
            let first = !run.votes.contains_key(person);
            self.must("I6", first, || format!("{stage}: {person} decides twice"));
            let seated = on_behalf_of.unwrap_or(*person);
            let named = seated != *person || named(ctx, before, rules, seated);
            self.must("I28", named, || format!("{stage}: nothing names {seated}"));
            let asked = run.asked().contains(person);
            self.must("I3", asked, || format!("{stage}: {person} was not asked"));
            let shown = (revision, digest) == (&before.revision, &before.digest);
            self.must("I10", shown, || format!("{stage}: of another revision"));
            let out = kept_out(ctx, before, rules, *person);
            self.must("I4", !out, || format!("{stage}: {person} is kept out"));
            let stands_in = |seat: &SeatRun| seat.fallback.iter().flatten().any(|p| p == person);
            let last = run.seats.iter().any(stands_in) && *outcome == Outcome::Recuse;
            self.must("I17", !last, || {
                format!("{stage}: the last resort stepped aside")
            });
            let named = run.on_behalf.get(person) == on_behalf_of.as_ref();
            self.must("I22", named, || format!("{stage}: in whose place?"));
        }
    }

    fn votes_stay(&mut self) {
        let revised = matches!(self.seen.command, Command::Resubmit(_));
        for (stage, old, new) in self.stages() {
            let key = &stage.key;
            if new.epoch != old.epoch {
                let next = new.epoch == old.epoch + 1;
                self.must("I5", next && revised, || format!("{key}: started anew"));
                let none = new.votes.is_empty();
                self.must("I10", none, || format!("{key}: a new epoch with decisions"));
                continue;
            }
            for (person, outcome) in &old.votes {
                let now = new.votes.get(person);
                self.must("I5", now.is_some(), || format!("{key}: a decision is gone"));
                let same = now.is_none_or(|now| now == outcome);
                self.must("I6", same, || format!("{key}: a decision changed"));
            }
            if !matches!(old.progress, Progress::Pending | Progress::Open) {
                let same = (old.progress, &old.votes) == (new.progress, &new.votes);
                self.must("I5", same, || format!("{key} was settled"));
            }
            let kept = new.fired().is_superset(&old.fired()) && new.called.is_superset(&old.called);
            self.must("I26", kept, || {
                format!("{key}: a step is to be taken again")
            });
        }
    }

    /// What an edit voids, from the words of `on_change`.
    fn revision(&mut self) {
        let (ctx, before, after) = (self.seen.ctx, self.seen.before, self.seen.after);
        let Command::Resubmit(new) = self.seen.command else {
            let same = (before.revision, &before.digest) == (after.revision, &after.digest);
            return self.must("I10", same, || "another revision by no edit".to_owned());
        };
        let most = ctx.workflow.max_revisions;
        let within = after.resubmissions <= most || after.phase == Phase::Rejected;
        self.must("I18", within, || "more revisions than allowed".to_owned());
        let rule = |field: &String| {
            let rules = ctx.workflow.on_change.iter();
            rules.clone().find(|rule| rule.fields.contains(field))
        };
        for (stage, old, now) in self.stages() {
            let touches = |field: &String| match rule(field) {
                None => true,
                Some(rule) => {
                    rule.effect == Effect::Reopen
                        && (rule.stages.is_empty() || rule.stages.contains(&stage.key))
                }
            };
            let partial = |p: &PersonId| *p == new.owner || new.editors.contains(p);
            let asked_for = old.votes.values().any(|o| *o == Outcome::RequestChanges);
            let falls = old.progress != Progress::Pending
                && (new.changed.iter().any(touches)
                    || asked_for
                    || old.progress == Progress::Skipped
                    || old.votes.keys().any(partial)
                    || old.asked().iter().any(partial));
            let fell = now.epoch > old.epoch;
            let why = || format!("{}: falls {falls}, fell {fell}", stage.key);
            self.must("I10", falls == fell, why);
        }
    }

    fn approvals(&mut self) {
        let (ctx, after) = (self.seen.ctx, self.seen.after);
        for (stage, _, run) in self.stages() {
            let key = &stage.key;
            let full = is_full(run);
            let with = run
                .votes
                .values()
                .any(|o| *o == Outcome::ApproveWithConditions);
            let fits = match run.progress {
                Progress::Approved => full && !with,
                Progress::ApprovedWithConditions => full && with,
                Progress::Rejected => !full,
                Progress::Skipped | Progress::Pending => run.votes.is_empty(),
                Progress::TimedOut | Progress::Open => true,
            };
            self.must("I7", fits, || {
                format!("{key} is {:?}: {run:#?}", run.progress)
            });
            let eligible = yes(run).is_subset(&run.asked());
            self.must("I7", eligible, || {
                format!("{key}: a voice nobody asked for")
            });
            let ended = stage.sla.as_ref().map(|sla| sla.on_timeout);
            let over = run.fired().contains(&Step::Due);
            let by_clock = match run.progress {
                Progress::TimedOut => over && ended == Some(OnTimeout::MarkTimedOut),
                Progress::Rejected => rejected(run) || ended == Some(OnTimeout::Reject) && over,
                _ => true,
            };
            self.must("I12", by_clock, || {
                format!("{key}: {:?} by no rule", run.progress)
            });
            if run.progress == Progress::Open && after.phase == Phase::InReview {
                let veto = stage.on_reject == OnReject::Veto && rejected(run);
                self.must("I8", !full && !veto, || {
                    format!("{key} is decided and open")
                });
            }
            let parts = |person: &PersonId| {
                stage.separation.not.iter().any(|party| match party {
                    Party::Submitter => after.submitter == *person,
                    Party::Owner => after.owner == *person,
                    Party::Editors => after.editors.contains(person),
                })
            };
            let own = yes(run).iter().any(parts);
            self.must("I4", !own, || format!("{key}: approved by who has a part"));
            for other in &stage.separation.not_approvers_of {
                let both = yes(run).intersection(&yes(&after.stages[other])).count();
                self.must("I11", both == 0, || {
                    format!("{key} and {other} are kept apart")
                });
            }
        }
        let timed = matches!(self.seen.command, Command::Fire(_) | Command::Refill);
        let fired = matches!(self.seen.command, Command::Fire(_));
        let cast = self.events("decision.recorded");
        self.must("I12", !timed || cast == 0, || "a clock decided".to_owned());
        for event in self.seen.events.iter().filter(|_| fired) {
            let approves = match event {
                Event::Approved { .. } | Event::OverrideGranted { .. } => true,
                Event::StageSettled { progress, .. } => progress.is_approval(),
                _ => false,
            };
            self.must("I12", !approves, || format!("a clock led to {event:?}"));
        }
        let _ = ctx;
    }

    fn order(&mut self) {
        let (before, after, now) = (self.seen.before, self.seen.after, self.seen.now);
        let settled = |review: &Review, stage: &Stage| {
            let mut needs = stage.needs.iter();
            needs.all(|need| review.stages[need].progress.lets_others_start())
        };
        let mut state = before.clone();
        for event in self.seen.events {
            let begins = matches!(
                event,
                Event::StageOpened { .. } | Event::StageSkipped { .. }
            );
            if let Some(key) = event.stage().filter(|_| begins) {
                let ready = settled(&state, self.stage(key));
                self.must("I9", ready, || format!("{key} began too early"));
            }
            state.apply(event, now);
        }
        self.must("I19", state == *after, || format!("replayed: {state:#?}"));
        for (stage, old, run) in self.stages() {
            let waits = run.progress == Progress::Pending && settled(after, stage);
            let waits = waits && after.phase == Phase::InReview;
            self.must("I9", !waits, || format!("{} waits for nothing", stage.key));
            let begun = old.progress == Progress::Pending && run.progress != Progress::Pending;
            let early = begun && !settled(after, stage);
            self.must("I9", !early, || format!("{} began too early", stage.key));
        }
    }

    /// A stage that timed out needs a later one, approved after its time was over.
    fn covered(&self, stage: &Stage) -> bool {
        let after = self.seen.after;
        let run = &after.stages[&stage.key];
        run.progress != Progress::TimedOut
            || self.seen.ctx.workflow.stages.iter().any(|later| {
                let other = &after.stages[&later.key];
                let ancestors = self.seen.ctx.workflow.ancestors(later);
                ancestors.iter().any(|earlier| earlier.key == stage.key)
                    && other.progress.is_approval()
                    && other.since >= run.since
            })
    }

    fn ends(&mut self) {
        let (before, after) = (self.seen.before, self.seen.after);
        let passed = |run: &StageRun| run.progress.lets_others_start();
        let all = after.stages.values().all(passed);
        let covered = self
            .seen
            .ctx
            .workflow
            .stages
            .iter()
            .all(|s| self.covered(s));
        let approved = self.events("review.approved") > 0;
        self.must("I13", !approved || (all && covered), || {
            "approved too soon".to_owned()
        });
        let open = after.phase == Phase::InReview;
        self.must("I13", !(open && all), || {
            "every stage is settled".to_owned()
        });
        for event in self.seen.events {
            let Event::Rejected { because } = event else {
                continue;
            };
            let fits = match because {
                RejectedBecause::Stage | RejectedBecause::Timeout => {
                    let no = |run: &StageRun| run.progress == Progress::Rejected;
                    after.stages.values().any(no)
                }
                RejectedBecause::NotCovered => all && !covered,
                RejectedBecause::TooManyRevisions => {
                    after.resubmissions > self.seen.ctx.workflow.max_revisions
                }
            };
            self.must("I13", fits, || format!("rejected because of {because:?}"));
        }
        let lost = after
            .stages
            .values()
            .any(|run| run.progress == Progress::Rejected);
        self.must("I13", !lost || after.phase == Phase::Rejected, || {
            format!("a stage is rejected, the review {:?}", after.phase)
        });
        use Phase::*;
        let may = match before.phase {
            InReview | ChangesRequested => after.phase != Suspended && after.phase != Expired,
            Approved | Overridden => !matches!(after.phase, InReview | ChangesRequested | Rejected),
            Suspended => !matches!(after.phase, InReview | ChangesRequested | Rejected),
            Expired => matches!(after.phase, Expired | Superseded),
            ended => after.phase == ended && before == after,
        };
        self.must("I14", may, || {
            format!("{:?} became {:?}", before.phase, after.phase)
        });
        if !before.phase.is_running() {
            let same = before.stages == after.stages;
            self.must("I14", same, || "a stage moved after the end".to_owned());
        }
        let same = (&before.workflow, before.submitter, before.record, before.id)
            == (&after.workflow, after.submitter, after.record, after.id);
        self.must("I21", same, || "another workflow or submitter".to_owned());
    }

    fn entries(&mut self) {
        let (before, after) = (self.seen.before, self.seen.after);
        let events = self.seen.events;
        let of = |key: &str, kind: &str| {
            let fits = |e: &&Event| e.stage() == Some(key) && e.kind() == kind;
            events.iter().filter(fits).count()
        };
        for (stage, old, new) in self.stages() {
            let key = stage.key.as_str();
            let anew = new.epoch != old.epoch;
            let from = if anew {
                Progress::Pending
            } else {
                old.progress
            };
            let ended = |p| !matches!(p, Progress::Pending | Progress::Open | Progress::Skipped);
            let seats = if anew { 0 } else { old.seats.len() };
            let known = if anew { 0 } else { old.votes.len() };
            let expected = [
                ("stage.reopened", usize::from(anew)),
                (
                    "stage.opened",
                    usize::from(seats == 0 && !new.seats.is_empty()),
                ),
                (
                    "stage.skipped",
                    usize::from(from == Progress::Pending && new.progress == Progress::Skipped),
                ),
                (
                    "stage.settled",
                    usize::from(!ended(from) && ended(new.progress)),
                ),
                ("decision.recorded", new.votes.len().saturating_sub(known)),
            ];
            for (kind, count) in expected {
                let told = of(key, kind);
                self.must("I15", told == count, || {
                    format!("{key}: {told} times {kind} for {count}")
                });
            }
        }
        let phases = [
            "review.changes_requested",
            "review.approved",
            "review.rejected",
            "review.withdrawn",
            "review.abandoned",
            "review.superseded",
            "approval.expired",
            "approval.suspended",
            "approval.reinstated",
            "approval.revoked",
            "approval.retired",
            "override.granted",
        ];
        let told = events.iter().filter(|e| phases.contains(&e.kind())).count();
        let revised = self.events("review.resubmitted");
        let moved = before.phase != after.phase;
        let one = if revised == 1 {
            told <= 1
        } else {
            told == usize::from(moved)
        };
        self.must("I15", one, || {
            format!("{told} ends of the review, moved {moved}")
        });
        let silent = events.is_empty() && before != after;
        self.must("I15", !silent, || "a change without an event".to_owned());
        let idle = events.len() != usize::from(!events.is_empty()) && before == after;
        self.must("I15", !idle, || "events without a change".to_owned());
    }

    /// The step of a clock that an event takes, with its stage.
    fn taken(event: &Event) -> Option<(Option<&str>, Step)> {
        Some(match event {
            Event::Reminded { stage, step, .. } => (Some(stage), Step::Remind(*step)),
            Event::Escalated(e) => match e.cause {
                Cause::Time(step) => (Some(&e.stage), Step::Escalate(step)),
                Cause::Rule(_) => return None,
            },
            Event::StageOverdue { stage, .. } => (Some(stage), Step::Due),
            Event::ConditionReminded { condition, step } => {
                (None, Step::RemindCondition(*condition, *step))
            }
            Event::ConditionMissed { condition } => (None, Step::ConditionDue(*condition)),
            Event::RenewalDue { step } => (None, Step::RemindRenewal(*step)),
            Event::Expired => (None, Step::Expire),
            Event::Abandoned => (None, Step::Abandon),
            _ => return None,
        })
    }

    fn steps(&mut self) {
        let (ctx, before, after) = (self.seen.ctx, self.seen.before, self.seen.after);
        let mut taken = BTreeSet::new();
        for event in self.seen.events {
            if let Event::Escalated(e) = event
                && let Cause::Rule(place) = e.cause
            {
                let run = &before.stages[&e.stage];
                let again = run.epoch == e.epoch && run.called.contains(&place);
                self.must("I26", !again, || format!("{}: called in twice", e.stage));
            }
            let Some((stage, step)) = Self::taken(event) else {
                continue;
            };
            let fired = match stage {
                Some(key) => before.stages[key].fired(),
                None => before.fired.clone(),
            };
            let once = taken.insert((stage, step)) && !fired.contains(&step);
            self.must("I26", once, || {
                format!("{step:?} of {stage:?} is taken twice")
            });
            let told = matches!(self.seen.command, Command::Fire(timer)
                if timer.step == step && timer.stage.as_deref() == stage);
            self.must("I26", told, || format!("{step:?} was taken by no clock"));
            let epoch = stage.map_or(0, |key| before.stages[key].epoch);
            let timer = Timer {
                stage: stage.map(str::to_owned),
                epoch,
                step,
            };
            let again = self.seen.timers.contains_key(&timer);
            self.must("I26", !again, || format!("{step:?} will be taken again"));
        }
        if let Command::Fire(timer) = self.seen.command {
            let due = engine::timers(ctx, before).get(timer).copied();
            let due = due.is_some_and(|at| at <= self.seen.now);
            let acted = !self.seen.events.is_empty();
            self.must("I26", due == acted, || {
                format!("{timer:?}: due {due}, acted {acted}")
            });
        }
        for (stage, _, run) in self.stages() {
            let Some(sla) = stage.sla.as_ref() else {
                continue;
            };
            let runs = run.progress == Progress::Open && after.phase == Phase::InReview;
            let reminders = (0..sla.remind.len()).map(Step::Remind);
            let escalations = (0..sla.escalate.len()).map(Step::Escalate);
            for step in reminders.chain(escalations).chain([Step::Due]) {
                let timer = Timer {
                    stage: Some(stage.key.clone()),
                    epoch: run.epoch,
                    step,
                };
                let comes = self.seen.timers.contains_key(&timer);
                let wanted = runs && !run.fired().contains(&step);
                let why = || format!("{}: {step:?} comes {comes}, {wanted}", stage.key);
                self.must("I26", comes == wanted, why);
            }
        }
        let ends = after.valid_until.is_some_and(|until| {
            let timer = Timer {
                stage: None,
                epoch: 0,
                step: Step::Expire,
            };
            let holds = after.phase.is_in_force() || after.phase == Phase::Suspended;
            holds && self.seen.timers.get(&timer) != Some(&until)
        });
        self.must("I26", !ends, || "the approval never ends".to_owned());
    }

    fn due_times(&mut self) {
        for (stage, old, new) in self.stages() {
            let (Some(sla), Some(clock)) = (stage.sla.as_ref(), new.clock.as_ref()) else {
                continue;
            };
            let key = &stage.key;
            if let Some(earlier) = old.clock.as_ref().filter(|_| old.epoch == new.epoch) {
                let same = (earlier.started, earlier.calendar) == (clock.started, clock.calendar);
                self.must("I25", same, || format!("{key}: another clock"));
                let later = clock.due >= earlier.due;
                self.must("I25", later, || format!("{key}: the deadline came nearer"));
            }
            let over = |(from, until): &(At, Option<At>)| Some((*from, (*until)?));
            let pauses: Vec<(At, At)> = clock.pauses.iter().filter_map(over).collect();
            let calendar = self.seen.ctx.calendars.get(clock.calendar);
            let due = calendar.due(clock.started, &sla.due, &pauses);
            let open = new.progress == Progress::Open && !clock.stands();
            let fits = !open || self.seen.after.phase != Phase::InReview || due == clock.due;
            self.must("I25", fits, || {
                format!("{key} is due {due}, not {}", clock.due)
            });
        }
    }

    fn tasks(&mut self) {
        let (ctx, after) = (self.seen.ctx, self.seen.after);
        for task in &self.seen.tasks {
            let run = &after.stages[&task.stage];
            let live = after.phase == Phase::InReview
                && (run.progress, run.epoch) == (Progress::Open, task.epoch)
                && run.asked().contains(&task.person)
                && !run.votes.contains_key(&task.person)
                && !kept_out(ctx, after, self.stage(&task.stage), task.person);
            self.must("I3", live, || format!("{task:?} cannot be done"));
        }
        for (stage, _, run) in self.stages() {
            if run.progress != Progress::Open || after.phase != Phase::InReview {
                continue;
            }
            for person in run.asked() {
                let task = OpenTask {
                    stage: stage.key.clone(),
                    epoch: run.epoch,
                    person,
                };
                let waits = !run.votes.contains_key(&person)
                    && !kept_out(ctx, after, stage, person)
                    && !self.seen.tasks.contains(&task);
                self.must("I27", !waits, || format!("{task:?} is asked of nobody"));
            }
        }
    }

    /// From every open state somebody who was asked leads on, or whoever may stand in was called.
    fn progress(&mut self) {
        let (ctx, after) = (self.seen.ctx, self.seen.after);
        if after.phase != Phase::InReview {
            return;
        }
        let is_open = |run: &StageRun| run.progress == Progress::Open;
        let some = after.stages.values().any(is_open);
        self.must("I17", some, || "in review and nothing is open".to_owned());
        let directory = ctx.directory;
        for (stage, _, run) in self.stages().filter(|(_, _, run)| is_open(run)) {
            let able = |person: &PersonId| {
                !run.votes.contains_key(person)
                    && !kept_out(ctx, after, stage, *person)
                    && !directory.gone.contains(person)
                    && !directory.away.contains_key(person)
                    && !directory.unreachable.contains(person)
            };
            let mut people: BTreeSet<PersonId> = run.asked().into_iter().filter(able).collect();
            people.extend(yes(run));
            people.extend(
                run.votes
                    .iter()
                    .filter(|(_, o)| **o == Outcome::Reject)
                    .map(|v| v.0),
            );
            let called = run.seats.iter().any(|seat| seat.fallback.is_some());
            let leads = filled_by(&run.seats, &people) || called;
            self.must("I17", leads, || {
                format!("{}: nobody was called: {run:#?}", stage.key)
            });
        }
    }

    fn handovers(&mut self) {
        let (ctx, before, after) = (self.seen.ctx, self.seen.before, self.seen.after);
        for event in self.seen.events {
            let Event::TaskMoved {
                stage: key,
                from,
                to,
                because,
                by,
                ..
            } = event
            else {
                continue;
            };
            let stage = self.stage(key);
            let out = kept_out(ctx, before, stage, *to) && *because != Moved::Returned;
            self.must("I22", !out, || format!("{key}: to {to}, who is kept out"));
            let run = &before.stages[key];
            let deputy = run.on_behalf.contains_key(from);
            let handed_on = matches!(because, Moved::Delegated | Moved::Absent);
            self.must("I22", !(deputy && handed_on), || {
                format!("{key}: handed on twice")
            });
            let own = *because != Moved::Delegated || *by == Some(*from);
            self.must("I22", own, || {
                format!("{key}: somebody else's task was handed on")
            });
            let here = !ctx.directory.gone.contains(to);
            self.must("I22", here, || format!("{key}: to {to}, who left"));
        }
        for (stage, _, run) in self.stages() {
            let asked = run.asked();
            for (to, from) in run.on_behalf.iter().filter(|(to, _)| asked.contains(to)) {
                let chain = run.on_behalf.iter().find(|(_, first)| *first == to);
                let two = chain.filter(|(last, _)| asked.contains(last));
                self.must("I22", two.is_none(), || {
                    format!("{}: {two:?} decides for who decides for {from}", stage.key)
                });
                self.must("I22", to != from, || {
                    format!("{}: for themselves", stage.key)
                });
            }
        }
        let _ = after;
    }

    fn overrides(&mut self) {
        let (ctx, before, now) = (self.seen.ctx, self.seen.before, self.seen.now);
        for event in self.seen.events {
            let rules = ctx.workflow.over_ride.as_ref();
            match event {
                Event::OverrideProposed {
                    digest,
                    by,
                    reason,
                    until,
                    ..
                } => {
                    let rules = rules.expect("an override is offered");
                    let longest = ctx
                        .calendars
                        .get(before.calendar)
                        .after(now, &rules.valid_for);
                    let fits = !before.has_part(*by)
                        && reason.chars().count() >= rules.min_reason_length
                        && (now < *until && *until <= longest)
                        && (before.phase == Phase::InReview && *digest == before.digest);
                    self.must("I23", fits, || format!("{event:?}"));
                }
                Event::OverrideGranted {
                    first,
                    second,
                    until,
                    notify,
                    digest,
                    ..
                } => {
                    let proposed = before.overriding.filter(|o| o.second.is_none());
                    let fits = first != second
                        && !before.has_part(*first)
                        && !before.has_part(*second)
                        && proposed.is_some_and(|o| (o.first, o.until) == (*first, *until))
                        && *until > now
                        && (before.phase == Phase::InReview && *digest == before.digest)
                        && !notify.is_empty();
                    self.must("I23", fits, || format!("{event:?}"));
                }
                _ => {}
            }
        }
    }

    fn obligations(&mut self) {
        let (ctx, after, now) = (self.seen.ctx, self.seen.after, self.seen.now);
        for event in self.seen.events {
            let Event::Approved { obligations, .. } = event else {
                continue;
            };
            let runs = after.stages.values().flat_map(|run| run.conditions.keys());
            let attached: BTreeSet<&ConditionId> = runs.collect();
            let same = attached == obligations.keys().collect();
            self.must("I30", same, || "a condition was lost".to_owned());
            let dated = ctx.workflow.obligations.due.is_some();
            let all = obligations.values().all(|o| o.due.is_some() || !dated);
            self.must("I30", all, || "a condition without a day".to_owned());
        }
        let suspends = ctx.workflow.obligations.on_missed == OnMissed::Suspend;
        for (id, obligation) in &after.obligations {
            let owed = !matches!(
                obligation.state,
                ObligationState::Met | ObligationState::Waived
            );
            let step = Step::ConditionDue(*id);
            let timer = Timer {
                stage: None,
                epoch: 0,
                step,
            };
            let Some(due) = obligation.due.filter(|_| owed) else {
                continue;
            };
            if after.phase.is_final() {
                continue;
            }
            let judged_first = obligation.state == ObligationState::EvidenceGiven;
            let known = after.fired.contains(&step) || self.seen.timers.contains_key(&timer);
            let known = known || judged_first;
            self.must("I30", known, || {
                format!("{id} is due {due} and nobody looks")
            });
            let past = suspends && after.fired.contains(&step);
            let quiet = past && after.phase.is_in_force();
            self.must("I30", !quiet, || {
                format!("{id} was missed at {now} and nothing followed")
            });
        }
    }
}

/// The steps that a stage's clock took.
trait Fired {
    fn fired(&self) -> BTreeSet<Step>;
}

impl Fired for StageRun {
    fn fired(&self) -> BTreeSet<Step> {
        self.clock
            .as_ref()
            .map(|clock| clock.fired.clone())
            .unwrap_or_default()
    }
}

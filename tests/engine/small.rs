//! Small organisations for the exhaustive exploration: a workflow, a handful of people by number
//! (0 submits, 1 owns), and what can happen in them.

use countersign::db::{At, PersonId, RecordId, ReviewId};
use countersign::review::engine::{
    self, ApprovalDeed, Calendars, Command, Condition, ConditionDeed, Context, Decision, Directory,
    Event, Handover, Opening, OverrideDeed, Phase, Pin, Progress, Resubmission, Review, Step,
    SupersededBecause, Timer,
};
use countersign::workflow::{Bundle, Outcome};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write;
use std::hash::Hasher;
use std::rc::Rc;

/// An organisation and what may happen in it.
pub struct Small {
    pub name: &'static str,
    pub bundle: Bundle,
    pub ids: Vec<PersonId>,
    roles: Vec<(&'static str, Vec<usize>)>,
    pub can: Can,
    forms: BTreeMap<String, countersign::form::Form>,
    calendars: Calendars,
    requests: [Value; 2],
    directories: RefCell<HashMap<Around, Rc<Directory>>>,
}

/// Who is away and who left.
type Around = (BTreeSet<usize>, BTreeSet<usize>);

/// What is tried in every state.
#[derive(Default)]
pub struct Can {
    /// The outcomes that are chosen.
    pub outcomes: Vec<Outcome>,
    /// Who may go away, with the delegate they name.
    pub away: Vec<(usize, Option<usize>)>,
    /// Who may leave for good.
    pub leave: Vec<usize>,
    /// To whom tasks are handed on or given.
    pub takers: Vec<usize>,
    /// What an edit changes: the fields by name, with the owner from then on.
    pub edits: Vec<(&'static [&'static str], usize)>,
    /// Who proposes and agrees to overrides.
    pub override_by: Vec<usize>,
    /// Whether things are done to conditions and approvals.
    pub standing: bool,
    /// Whether the submitter takes reviews back and others take their place.
    pub ends: bool,
}

/// A review and the world around it.
#[derive(Clone)]
pub struct State {
    pub review: Review,
    pub now: At,
    pub away: BTreeSet<usize>,
    pub gone: BTreeSet<usize>,
    pub public: bool,
}

/// What happens: a command, and what it changes around the review.
#[derive(Clone)]
pub struct Move {
    pub command: Command,
    pub now: At,
    pub away: BTreeSet<usize>,
    pub gone: BTreeSet<usize>,
    pub public: bool,
    /// Whether deciding people and clocks alone bring it about: what a decision may wait for.
    pub leads: bool,
}

pub fn monday() -> At {
    At::new("2027-03-01T09:00:00Z".parse().expect("a time"))
}

fn id(person: usize) -> PersonId {
    PersonId(uuid::Uuid::from_u128(
        0x0190_0000_0000_7000_8000_0000_0000_0000 + person as u128,
    ))
}

impl Small {
    pub fn new(
        name: &'static str,
        workflow: Value,
        people: usize,
        roles: &[(&'static str, &[usize])],
        can: Can,
    ) -> Small {
        let kind = include_str!("../../schemas/kinds/use_case.json");
        let kind = serde_json::from_str(kind).expect("the kind's schema");
        let text = workflow.to_string();
        let bundle = Bundle::load("small.json", &text, &kind, &BTreeMap::new())
            .unwrap_or_else(|problems| panic!("{name}: {problems:#?}"));
        Small {
            name,
            bundle,
            ids: (0..people).map(id).collect(),
            roles: roles
                .iter()
                .map(|(role, held)| (*role, held.to_vec()))
                .collect(),
            can,
            forms: BTreeMap::new(),
            calendars: Calendars::default(),
            requests: [false, true].map(Self::request),
            directories: RefCell::default(),
        }
    }

    fn request(public: bool) -> Value {
        json!({"title": "Small", "owner": "p1@example.org",
               "data_classes": [if public { "public" } else { "internal" }]})
    }

    fn directory(&self, away: &BTreeSet<usize>, gone: &BTreeSet<usize>) -> Directory {
        let here = |person: &&usize| !gone.contains(person);
        let held = |people: &Vec<usize>| people.iter().filter(here).map(|p| self.ids[*p]).collect();
        let delegate = |person: &usize| {
            let named = self.can.away.iter().find(|(p, _)| p == person);
            let named = named
                .and_then(|(_, to)| *to)
                .filter(|to| !gone.contains(to));
            (self.ids[*person], named.map(|to| self.ids[to]))
        };
        let absent = away.iter().filter(here);
        Directory {
            roles: self
                .roles
                .iter()
                .map(|(role, p)| ((*role).to_owned(), held(p)))
                .collect(),
            away: absent.map(delegate).collect(),
            gone: gone.iter().map(|person| self.ids[*person]).collect(),
            addresses: (0..self.ids.len())
                .filter(|person| here(&person))
                .map(|person| (format!("p{person}@example.org"), self.ids[person]))
                .collect(),
            ..Directory::default()
        }
    }

    /// Does something with the context that a move has.
    pub fn within<T>(&self, step: &Move, work: impl FnOnce(&Context) -> T) -> T {
        let around = (step.away.clone(), step.gone.clone());
        let known = self.directories.borrow().get(&around).cloned();
        let directory = known.unwrap_or_else(|| {
            let directory = Rc::new(self.directory(&step.away, &step.gone));
            self.directories
                .borrow_mut()
                .insert(around, directory.clone());
            directory
        });
        work(&Context {
            workflow: &self.bundle.workflow,
            forms: &self.forms,
            request: &self.requests[usize::from(step.public)],
            directory: &directory,
            calendars: &self.calendars,
        })
    }

    /// The first state, and the events that led to it.
    pub fn open(&self) -> (State, Vec<Event>) {
        let opening = Opening {
            review: ReviewId(id(100).0),
            record: RecordId(id(101).0),
            workflow: Pin {
                key: self.bundle.workflow.key.clone(),
                version: 1,
                hash: self.bundle.hash.clone(),
            },
            revision: 1,
            digest: "r1".to_owned(),
            submitter: self.ids[0],
            owner: self.ids[1],
            editors: BTreeSet::from([self.ids[0]]),
            renews: None,
            after_the_fact: false,
            apart: BTreeSet::new(),
            vendor_changes: Default::default(),
            looks_again: false,
        };
        let nothing = Move {
            command: Command::Refill,
            now: monday(),
            away: BTreeSet::new(),
            gone: BTreeSet::new(),
            public: false,
            leads: false,
        };
        let opened = self.within(&nothing, |ctx| engine::open(ctx, opening, monday()));
        let (review, events) = opened.expect("it opens");
        let state = State {
            review,
            now: monday(),
            away: BTreeSet::new(),
            gone: BTreeSet::new(),
            public: false,
        };
        (state, events)
    }

    /// Everything that anybody can try in this state. Of what is surely refused, a sample.
    pub fn moves(&self, state: &State) -> Vec<Move> {
        let mut all = Vec::new();
        let plain = |command: Command, leads: bool| Move {
            command,
            now: state.now,
            away: state.away.clone(),
            gone: state.gone.clone(),
            public: state.public,
            leads,
        };
        for command in self.decisions(&state.review) {
            all.push(plain(command, true));
        }
        for command in self.handovers(state) {
            all.push(plain(command, false));
        }
        for (command, public) in self.edits(state) {
            all.push(Move {
                public,
                ..plain(command, true)
            });
        }
        for command in self.standing(state) {
            all.push(plain(command, false));
        }
        self.time(state, &plain, &mut all);
        self.people(&plain, &mut all);
        all
    }

    fn decisions(&self, review: &Review) -> Vec<Command> {
        let mut all = Vec::new();
        for stage in &self.bundle.workflow.stages {
            let run = &review.stages[&stage.key];
            let asked = run.asked();
            let open = run.progress == Progress::Open && review.phase == Phase::InReview;
            for person in &self.ids {
                for outcome in &self.can.outcomes {
                    let hopeless = !open || !asked.contains(person);
                    if hopeless && *outcome != Outcome::Approve {
                        continue;
                    }
                    let conditional = *outcome == Outcome::ApproveWithConditions;
                    let condition = Condition {
                        text: "Do it.".to_owned(),
                        owner: None,
                        due: None,
                    };
                    let vote = Decision {
                        stage: stage.key.clone(),
                        epoch: run.epoch,
                        person: *person,
                        seen: review.digest.clone(),
                        by_link: false,
                        outcome: *outcome,
                        reason: Some("It is so.".to_owned()),
                        answers: json!({}),
                        conditions: if conditional {
                            vec![condition]
                        } else {
                            Vec::new()
                        },
                    };
                    if *outcome == Outcome::Approve && !hopeless {
                        if run.epoch > 0 {
                            let epoch = run.epoch - 1;
                            all.push(Command::Decide(Decision {
                                epoch,
                                ..vote.clone()
                            }));
                        }
                        let seen = "of another revision".to_owned();
                        all.push(Command::Decide(Decision {
                            seen,
                            ..vote.clone()
                        }));
                    }
                    all.push(Command::Decide(vote));
                }
            }
        }
        all
    }

    fn handovers(&self, state: &State) -> Vec<Command> {
        let mut all = Vec::new();
        for stage in &self.bundle.workflow.stages {
            let run = &state.review.stages[&stage.key];
            for from in run.asked() {
                for to in &self.can.takers {
                    let given = Handover {
                        stage: stage.key.clone(),
                        epoch: run.epoch,
                        from,
                        to: self.ids[*to],
                        by: from,
                        by_link: false,
                        reason: "Please.".to_owned(),
                    };
                    all.push(Command::Delegate(given.clone()));
                    let by = self.ids[0];
                    all.push(Command::Reassign(Handover { by, ..given }));
                }
            }
        }
        all
    }

    fn edits(&self, state: &State) -> Vec<(Command, bool)> {
        let review = &state.review;
        let mut all = Vec::new();
        for (fields, owner) in &self.can.edits {
            for by in [self.ids[0], self.ids[2]] {
                let public = state.public != fields.contains(&"data_classes");
                let mut editors = review.editors.clone();
                editors.insert(by);
                let command = Command::Resubmit(Resubmission {
                    by,
                    revision: review.revision + 1,
                    digest: format!("r{}", review.revision + 1),
                    owner: self.ids[*owner],
                    editors,
                    changed: fields.iter().map(|field| (*field).to_owned()).collect(),
                });
                all.push((command, public));
            }
        }
        all
    }

    fn standing(&self, state: &State) -> Vec<Command> {
        let mut all = Vec::new();
        for by in &self.can.override_by {
            let by = self.ids[*by];
            let reason = "The shop is closed without it, and nobody is there.".to_owned();
            let propose = OverrideDeed::Propose {
                reason,
                until: None,
            };
            for deed in [propose, OverrideDeed::Agree, OverrideDeed::Decline(None)] {
                let seen = state.review.digest.clone();
                all.push(Command::OnOverride { by, seen, deed });
            }
        }
        let reason = || "It is so.".to_owned();
        if self.can.ends {
            for by in [0, 2] {
                let by = self.ids[by];
                all.push(Command::Withdraw { by, reason: None });
            }
            all.push(Command::Supersede {
                by: ReviewId(id(102).0),
                because: SupersededBecause::Restarted,
                reason: Some(reason()),
            });
            all.push(Command::RevokeAfterTheFact);
        }
        if !self.can.standing {
            return all;
        }
        for (by, steward) in [(0, false), (0, true), (4, true)] {
            for deed in [
                ApprovalDeed::Suspend,
                ApprovalDeed::Reinstate,
                ApprovalDeed::Revoke,
                ApprovalDeed::Retire,
            ] {
                let (by, reason) = (self.ids[by], reason());
                all.push(Command::OnApproval {
                    by,
                    steward,
                    deed,
                    reason,
                });
            }
        }
        for condition in state.review.obligations.keys().copied() {
            for (by, steward) in [(1, false), (2, false), (4, true)] {
                for deed in [
                    ConditionDeed::GiveEvidence(reason()),
                    ConditionDeed::Accept,
                    ConditionDeed::RefuseEvidence(reason()),
                    ConditionDeed::Refuse(reason()),
                    ConditionDeed::Waive(reason()),
                ] {
                    let by = self.ids[by];
                    all.push(Command::OnCondition {
                        condition,
                        by,
                        steward,
                        deed,
                    });
                }
            }
        }
        all
    }

    /// Time goes on to the next step of a clock; steps that are not due, foreign or out of date
    /// are tried too.
    fn time(&self, state: &State, plain: &dyn Fn(Command, bool) -> Move, all: &mut Vec<Move>) {
        let review = &state.review;
        let timers = self.within(&plain(Command::Refill, false), |ctx| {
            engine::timers(ctx, review)
        });
        let next = timers.values().min().copied();
        for (timer, at) in &timers {
            let command = Command::Fire(timer.clone());
            if Some(*at) == next {
                let now = (*at).max(state.now);
                all.push(Move {
                    now,
                    ..plain(command, true)
                });
            } else {
                all.push(plain(command, false));
            }
        }
        for (key, run) in &review.stages {
            for (epoch, step) in [
                (run.epoch + 1, Step::Due),
                (run.epoch.wrapping_sub(1), Step::Due),
                (run.epoch, Step::Due),
                (run.epoch, Step::Remind(7)),
            ] {
                let timer = Timer {
                    stage: Some(key.clone()),
                    epoch,
                    step,
                };
                if !timers.contains_key(&timer) {
                    all.push(plain(Command::Fire(timer), false));
                }
            }
        }
    }

    /// People go away, come back and leave, and the seats are looked at again.
    fn people(&self, plain: &dyn Fn(Command, bool) -> Move, all: &mut Vec<Move>) {
        for (person, _) in &self.can.away {
            let mut step = plain(Command::Refill, false);
            if !step.away.remove(person) {
                step.away.insert(*person);
            }
            all.push(step);
        }
        for person in &self.can.leave {
            let mut step = plain(Command::Refill, false);
            if step.gone.insert(*person) {
                all.push(step);
            }
        }
    }

    /// A fingerprint of what can still matter: times count from now, revisions not at all.
    pub fn key(&self, state: &State) -> u128 {
        let mut text = String::with_capacity(2048);
        let review = &state.review;
        let now = state.now;
        let since = |at: At| at.0.as_second() - now.0.as_second();
        let parts = (
            (
                &review.phase,
                review.resubmissions,
                review.owner,
                &review.editors,
            ),
            (
                &review.fired,
                &review.suspended,
                &state.away,
                &state.gone,
                state.public,
            ),
        );
        write!(text, "{parts:?}").expect("text");
        for (key, run) in &review.stages {
            let parts = (run.epoch, run.progress, &run.seats, &run.votes, &run.gone);
            let more = (&run.on_behalf, run.conditions.keys(), &run.called);
            write!(text, "|{key}{parts:?}{more:?}").expect("text");
            if let Some(clock) = &run.clock {
                let stands = clock
                    .stands()
                    .then(|| since(clock.pauses.last().expect("one").0));
                let left = stands.map(|from| from - since(clock.due));
                write!(text, "{:?}{left:?}", clock.fired).expect("text");
            }
            if run.progress == Progress::TimedOut {
                let others = review.stages.values();
                let later = others.map(|other| other.since >= run.since);
                write!(text, "{:?}", later.collect::<Vec<_>>()).expect("text");
            }
        }
        if review.phase.is_running() || !review.phase.is_final() {
            let timers = self.within(
                &Move {
                    command: Command::Refill,
                    now,
                    away: state.away.clone(),
                    gone: state.gone.clone(),
                    public: state.public,
                    leads: false,
                },
                |ctx| engine::timers(ctx, review),
            );
            for (timer, at) in &timers {
                write!(text, "{timer:?}{}", since(*at)).expect("text");
            }
        }
        for (id, o) in &review.obligations {
            write!(
                text,
                "{id}{:?}{:?}{:?}",
                o.state,
                o.due.map(since),
                o.evidence_by
            )
            .expect("text");
        }
        if let Some(o) = &review.overriding {
            write!(text, "{}{:?}{}", o.first, o.second, since(o.until)).expect("text");
        }
        fingerprint(&text)
    }
}

fn fingerprint(text: &str) -> u128 {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        hasher.write_u8(salt);
        hasher.write(text.as_bytes());
        u128::from(hasher.finish())
    };
    half(0) << 64 | half(1)
}

/// Whether the review has come to a decision.
pub fn is_decided(review: &Review) -> bool {
    !review.phase.is_running() && !matches!(review.phase, Phase::Withdrawn | Phase::Abandoned)
}

fn stage(key: &str, needs: &[&str], seats: Value, more: Value) -> Value {
    let mut stage = json!({"key": key, "kind": "other", "title": key, "needs": needs,
        "seats": seats,
        "reason_required": ["request_changes", "reject", "recuse"]});
    for (name, value) in more.as_object().expect("members") {
        stage[name] = value.clone();
    }
    stage
}

fn workflow(stages: Value, more: Value) -> Value {
    let mut all = json!({"format": 1, "key": "small", "title": "Small", "form": "use_case",
        "max_revisions": 1, "stages": stages});
    for (name, value) in more.as_object().expect("members") {
        all[name] = value.clone();
    }
    all
}

fn seat(key: &str, role: &str, need: usize, fallback: &str) -> Value {
    json!({"key": key, "from": [{"role": role}], "need": need, "fallback": [{"role": fallback}]})
}

/// Two stages one after the other, with clocks, changes and absences.
pub fn in_a_row(wide: bool) -> Small {
    let first = stage(
        "first",
        &[],
        json!([seat("a", "near", 1, "last")]),
        json!({"sla": {"due": "3 business days", "remind": ["1 business days"],
                       "on_timeout": "mark_timed_out"}}),
    );
    let second = stage(
        "second",
        &["first"],
        json!([seat("b", "far", 1, "end")]),
        json!({"separation": {"not": ["submitter", "owner", "editors"],
                              "not_approvers_of": ["first"]},
               "sla": {"due": "2 business days", "on_timeout": "reject"}}),
    );
    let more = json!({"max_revisions": if wide { 2 } else { 1 },
        "on_change": [
        {"fields": ["request.title"], "effect": "keep"},
        {"fields": ["request.purpose"], "effect": "reopen", "stages": ["first"]}]});
    Small::new(
        "in a row",
        workflow(json!([first, second]), more),
        6,
        &[
            ("near", &[2, 3]),
            ("far", &[3, 4]),
            ("last", &[4]),
            ("end", &[5]),
        ],
        Can {
            outcomes: vec![
                Outcome::Approve,
                Outcome::RequestChanges,
                Outcome::Reject,
                Outcome::Recuse,
            ],
            away: if wide { vec![(3, Some(2))] } else { Vec::new() },
            edits: vec![(&["title"], 1), (&["purpose"], 1), (&["tool"], 1)],
            ends: wide,
            ..Can::default()
        },
    )
}

/// Two stages side by side with two seats, votes against each other, handed-on tasks and a leaver.
pub fn side_by_side(wide: bool) -> Small {
    let left = stage(
        "left",
        &[],
        json!([seat("a", "near", 1, "last"), seat("b", "far", 1, "last")]),
        json!({"on_reject": "until_impossible", "delegation": "any_eligible",
               "escalate": [{"on": "disagreement", "to": [{"role": "chief"}],
                             "mode": "must_agree", "seat": "a"}]}),
    );
    let right = stage(
        "right",
        &[],
        json!([seat("c", "near", 1, "end")]),
        json!({"separation": {"not": ["submitter", "owner", "editors"],
                              "not_approvers_of": ["left"]}}),
    );
    Small::new(
        "side by side",
        workflow(json!([left, right]), json!({"max_revisions": 0})),
        8,
        &[
            ("near", &[2, 3]),
            ("far", &[3]),
            ("last", &[4, 5]),
            ("chief", &[6]),
            ("end", &[7]),
        ],
        Can {
            outcomes: vec![Outcome::Approve, Outcome::Reject, Outcome::Recuse],
            takers: if wide { vec![0, 3, 6] } else { Vec::new() },
            leave: if wide { vec![3] } else { Vec::new() },
            ..Can::default()
        },
    )
}

/// Deputies: absence with a delegate, delegation within the role, reassignment, a leaver.
pub fn deputies(wide: bool) -> Small {
    let only = stage(
        "only",
        &[],
        json!([seat("a", "near", 2, "last")]),
        json!({"delegation": "same_role",
               "sla": {"due": "3 business days", "remind": ["1 business days"],
                       "escalate": [{"after": "2 business days", "to": [{"role": "chief"}],
                                     "mode": "add_to_seat", "seat": "a"}],
                       "on_timeout": "keep_open"}}),
    );
    Small::new(
        "deputies",
        workflow(json!([only]), json!({"max_revisions": 0})),
        9,
        &[("near", &[2, 3]), ("last", &[5, 7, 8]), ("chief", &[6])],
        Can {
            outcomes: vec![Outcome::Approve, Outcome::Recuse],
            takers: if wide { vec![0, 4, 5, 6] } else { vec![0, 5] },
            away: if wide {
                vec![(2, Some(5)), (5, Some(6))]
            } else {
                vec![(2, Some(5))]
            },
            leave: vec![5],
            ..Can::default()
        },
    )
}

/// What becomes of an approval, and the ways around one.
pub fn afterwards(_wide: bool) -> Small {
    let only = stage(
        "only",
        &[],
        json!([seat("a", "near", 1, "last")]),
        json!({"sla": {"due": "2 business days", "on_timeout": "reject"}}),
    );
    let more = json!({"max_duration": "P20D",
        "conditions": {"due": "P10D", "remind_before": ["P3D"], "escalate_to": [{"role": "chief"}]},
        "renewal": {"valid_for": [{"then": "P60D"}], "remind_before": ["P14D"]},
        "override": {"roles": ["near", "chief"], "min_reason_length": 20,
                     "notify": [{"role": "last"}], "valid_for": "P5D"}});
    Small::new(
        "afterwards",
        workflow(json!([only]), more),
        5,
        &[("near", &[2]), ("last", &[3]), ("chief", &[4, 0])],
        Can {
            outcomes: vec![
                Outcome::Approve,
                Outcome::ApproveWithConditions,
                Outcome::RequestChanges,
            ],
            edits: vec![(&["tool"], 1)],
            override_by: vec![0, 2, 4],
            standing: true,
            ends: true,
            ..Can::default()
        },
    )
}

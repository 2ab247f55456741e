//! A history played through the engine alone, beside the model.

use super::laws::{self, Seen};
use super::model::{Ballot, End, Mark, Model};
use super::plan::{PEOPLE, Plan, Step, email, role_name, seat_key, stage_key};
use countersign::db::{At, PersonId, RecordId, ReviewId};
use countersign::review::engine::{
    self, Calendars, Command, Condition, Context, Decision, Directory, Event, OpenTask, Opening,
    Phase, Pin, Progress, Refusal, Resubmission, Review,
};
use countersign::workflow::{Bundle, Outcome};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A review in the making.
pub struct Play {
    pub plan: Plan,
    pub tag: String,
    pub ids: Vec<PersonId>,
    pub bundle: Bundle,
    pub review: Review,
    pub model: Model,
    pub events: Vec<Event>,
    request: Value,
    now: At,
}

/// A step, resolved against the present state.
#[derive(Debug, Clone)]
pub enum Deed {
    Vote(Ballot),
    Edit {
        person: usize,
        public: bool,
        owner: usize,
    },
    Withdraw {
        person: usize,
    },
    Appoint {
        person: usize,
        role: usize,
    },
}

/// What begins a review, as the engine or the register gives it.
pub struct Beginning {
    pub plan: Plan,
    pub tag: String,
    pub ids: Vec<PersonId>,
    pub bundle: Bundle,
    pub review: ReviewId,
    pub record: RecordId,
    pub pin: Pin,
    pub digest: String,
    pub now: At,
}

/// The document of a revision.
pub fn request(revision: i32, public: bool, owner: usize) -> Value {
    json!({
        "title": "Generated", "purpose": format!("Revision {revision}."), "owner": email(owner),
        "tool": "Small model", "sourcing": "in_house", "uses": ["summarising"],
        "data_classes": [if public { "public" } else { "internal" }], "effect_on_people": "none"
    })
}

impl Play {
    pub fn open(start: Beginning) -> Play {
        let opening = Opening {
            review: start.review,
            record: start.record,
            workflow: start.pin,
            revision: 1,
            digest: start.digest,
            submitter: start.ids[0],
            owner: start.ids[1],
            editors: BTreeSet::from([start.ids[0]]),
            renews: None,
            after_the_fact: false,
            apart: BTreeSet::new(),
            vendor_changes: Default::default(),
            looks_again: false,
        };
        let request = request(1, false, 1);
        let directory = directory(&start.plan, &start.tag, &start.ids);
        let forms = BTreeMap::new();
        let ctx = Context {
            workflow: &start.bundle.workflow,
            forms: &forms,
            request: &request,
            directory: &directory,
            calendars: &Calendars::default(),
        };
        let (review, events) = engine::open(&ctx, opening, start.now).expect("it opens");
        let play = Play {
            model: Model::open(&start.plan),
            plan: start.plan,
            tag: start.tag,
            ids: start.ids,
            bundle: start.bundle,
            now: start.now,
            review,
            events,
            request,
        };
        play.agrees();
        play
    }

    /// What a step means now: an answer is given to one of the tasks that are open.
    pub fn resolve(&self, step: &Step) -> Deed {
        match *step {
            Step::Answer {
                pick,
                outcome,
                by_link,
            } => {
                let asked = self.model.asked();
                let (stage, person) = match asked.len() {
                    0 => (pick % self.plan.stages.len(), pick % PEOPLE),
                    open => asked[pick % open],
                };
                let epoch = self.model.rooms[stage].epoch;
                Deed::Vote(Ballot {
                    person,
                    stage,
                    epoch,
                    blind: false,
                    by_link,
                    outcome,
                })
            }
            Step::Intrude {
                person,
                stage,
                old,
                blind,
                outcome,
                by_link,
            } => {
                let epoch = self.model.rooms.get(stage).map_or(0, |room| room.epoch);
                let epoch = if old { epoch.saturating_sub(1) } else { epoch };
                Deed::Vote(Ballot {
                    person,
                    stage,
                    epoch,
                    blind,
                    by_link,
                    outcome,
                })
            }
            Step::Edit {
                person,
                public,
                owner,
            } => Deed::Edit {
                person,
                public,
                owner,
            },
            Step::Withdraw { person } => Deed::Withdraw { person },
            Step::Appoint { person, role } => Deed::Appoint { person, role },
        }
    }

    /// Plays one deed with the digest a new revision gets; the events, if it was accepted.
    pub fn takes(&mut self, deed: &Deed, digest: &str) -> Option<Vec<Event>> {
        let before = self.review.clone();
        let expected = self.model_takes(deed);
        let decided = self.engine_takes(deed, digest);
        assert_eq!(
            decided.is_ok(),
            expected,
            "{deed:?}: {:?} in {before:#?}",
            decided.err()
        );
        let (after, events) = decided.ok()?;
        self.review = after;
        self.events.extend(events.iter().cloned());
        self.agrees();
        self.replays();
        Some(events)
    }

    fn model_takes(&mut self, deed: &Deed) -> bool {
        match *deed {
            Deed::Vote(ballot) => self.model.vote(ballot),
            Deed::Edit {
                person,
                public,
                owner,
            } => self.model.edit(person, public, owner),
            Deed::Withdraw { person } => self.model.withdraw(person),
            Deed::Appoint { person, role } => {
                self.model.appoint(person, role);
                true
            }
        }
    }

    fn engine_takes(&mut self, deed: &Deed, digest: &str) -> Result<(Review, Vec<Event>), Refusal> {
        let mut request = self.request.clone();
        if let Deed::Edit { public, owner, .. } = *deed {
            request = self::request(self.review.revision + 1, public, owner);
        }
        if let Deed::Appoint { person, role } = *deed {
            self.plan.roles[role].insert(person);
        }
        let command = self.command(deed, digest);
        let directory = directory(&self.plan, &self.tag, &self.ids);
        let ctx = Context {
            workflow: &self.bundle.workflow,
            forms: &BTreeMap::new(),
            request: &request,
            directory: &directory,
            calendars: &Calendars::default(),
        };
        let decided = engine::decide(&ctx, &self.review, &command, self.now);
        if let Ok((after, events)) = &decided {
            let (now, before) = (self.now, &self.review);
            laws::hold(&Seen::new(&ctx, now, &command, before, (after, events)));
            self.request = request;
        }
        decided
    }

    fn command(&self, deed: &Deed, digest: &str) -> Command {
        match *deed {
            Deed::Vote(ballot) => Command::Decide(self.decision(ballot)),
            Deed::Edit { person, owner, .. } => {
                let mut editors = self.review.editors.clone();
                editors.insert(self.ids[person]);
                Command::Resubmit(Resubmission {
                    by: self.ids[person],
                    revision: self.review.revision + 1,
                    digest: digest.to_owned(),
                    owner: self.ids[owner],
                    editors,
                    changed: BTreeSet::from(["purpose".to_owned()]),
                })
            }
            Deed::Withdraw { person } => Command::Withdraw {
                by: self.ids[person],
                reason: None,
            },
            Deed::Appoint { .. } => Command::Refill,
        }
    }

    fn decision(&self, ballot: Ballot) -> Decision {
        let seen = if ballot.blind {
            "of another revision"
        } else {
            &self.review.digest
        };
        let condition = Condition {
            text: "Do it.".to_owned(),
            owner: None,
            due: None,
        };
        let conditional = ballot.outcome == Outcome::ApproveWithConditions;
        Decision {
            stage: stage_key(ballot.stage),
            epoch: ballot.epoch,
            person: self.ids[ballot.person],
            seen: seen.to_owned(),
            by_link: ballot.by_link,
            outcome: ballot.outcome,
            reason: Some("It is so.".to_owned()),
            answers: json!({}),
            conditions: if conditional {
                vec![condition]
            } else {
                Vec::new()
            },
        }
    }

    /// Every question that is open, by the engine.
    pub fn open_tasks(&self) -> BTreeSet<OpenTask> {
        let directory = directory(&self.plan, &self.tag, &self.ids);
        let ctx = Context {
            workflow: &self.bundle.workflow,
            forms: &BTreeMap::new(),
            request: &self.request,
            directory: &directory,
            calendars: &Calendars::default(),
        };
        engine::open_tasks(&ctx, &self.review)
    }

    /// Engine and model stand at the same place.
    fn agrees(&self) {
        let phase = match self.model.end {
            End::Running => Phase::InReview,
            End::Waiting => Phase::ChangesRequested,
            End::Approved => Phase::Approved,
            End::Rejected => Phase::Rejected,
            End::Withdrawn => Phase::Withdrawn,
        };
        assert_eq!(
            self.review.phase, phase,
            "{:#?}\n{:#?}",
            self.model, self.review
        );
        assert_eq!(self.review.resubmissions, self.model.resubmissions);
        assert_eq!(self.review.owner, self.ids[self.model.owner]);
        for stage in 0..self.plan.stages.len() {
            self.agrees_on(stage);
        }
        let task = |(stage, person): (usize, usize)| OpenTask {
            stage: stage_key(stage),
            epoch: self.model.rooms[stage].epoch,
            person: self.ids[person],
        };
        let expected: BTreeSet<OpenTask> = self.model.asked().into_iter().map(task).collect();
        assert_eq!(self.open_tasks(), expected);
    }

    fn agrees_on(&self, stage: usize) {
        let (run, room) = (
            &self.review.stages[&stage_key(stage)],
            &self.model.rooms[stage],
        );
        let progress = match room.mark {
            Mark::Pending => Progress::Pending,
            Mark::Skipped => Progress::Skipped,
            Mark::Open => Progress::Open,
            Mark::Approved { conditions: false } => Progress::Approved,
            Mark::Approved { conditions: true } => Progress::ApprovedWithConditions,
            Mark::Rejected => Progress::Rejected,
        };
        let place = format!("stage {stage}: {room:#?}\n{run:#?}");
        assert_eq!((run.progress, run.epoch), (progress, room.epoch), "{place}");
        let ids = |people: &BTreeSet<usize>| people.iter().map(|p| self.ids[*p]).collect();
        let votes = room
            .ballots
            .iter()
            .map(|(person, outcome)| (self.ids[*person], *outcome));
        assert_eq!(run.votes, votes.collect(), "{place}");
        assert_eq!(run.seats.len(), room.chairs.len(), "{place}");
        for (number, (seat, chair)) in run.seats.iter().zip(&room.chairs).enumerate() {
            assert_eq!(
                (&seat.key, seat.need),
                (&seat_key(number), chair.need),
                "{place}"
            );
            assert_eq!(seat.people, ids(&chair.own), "{place}");
            assert_eq!(seat.fallback, chair.stand_ins.as_ref().map(ids), "{place}");
        }
    }

    /// The events alone lead to the same state.
    fn replays(&self) {
        let (first, rest) = self.events.split_first().expect("an opening");
        let mut again = Review::begin(first, self.now).expect("it opens");
        rest.iter().for_each(|event| again.apply(event, self.now));
        assert_eq!(again, self.review, "replayed");
    }
}

fn directory(plan: &Plan, tag: &str, ids: &[PersonId]) -> Directory {
    let held = |(role, people): (usize, &BTreeSet<usize>)| {
        (
            role_name(role, tag),
            people.iter().map(|person| ids[*person]).collect(),
        )
    };
    Directory {
        roles: plan.roles.iter().enumerate().map(held).collect(),
        groups: BTreeMap::new(),
        addresses: (0..PEOPLE)
            .map(|person| (email(person), ids[person]))
            .collect(),
        ..Directory::default()
    }
}

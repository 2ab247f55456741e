//! Random histories of generated workflows: the engine decides as the reference model does, keeps
//! its invariants over every transition, and the register stores what the engine says, on both
//! databases.

mod engine;
mod support;

use countersign::db::{PersonId, RecordId, ReviewId, TaskId};
use countersign::ledger::{self, Page};
use countersign::review::engine::{Event, OpenTask, Pin, Review};
use countersign::review::{self, ConditionGiven, DecisionGiven};
use countersign::workflow::{Bundle, Outcome};
use countersign::{people, review::workflows};
use engine::model::Ballot;
use engine::plan::{self, PEOPLE, Plan, Step};
use engine::play::{Beginning, Deed, Play, request};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use support::on_both;
use support::register::{Case, Register, first_day, in_session, operator};

/// Histories through the engine alone.
const PURE: u32 = 1000;
/// Histories through the door, for each database.
const STORED: u32 = 24;

fn bundle(plan: &Plan, tag: &str) -> Bundle {
    let kind = include_str!("../schemas/kinds/use_case.json");
    let kind = serde_json::from_str(kind).expect("the kind's schema");
    let text = plan.workflow(tag).to_string();
    Bundle::load("generated.json", &text, &kind, &Default::default())
        .unwrap_or_else(|problems| panic!("{problems:?}\n{text}"))
}

fn pin(bundle: &Bundle, version: i32) -> Pin {
    Pin {
        key: bundle.workflow.key.clone(),
        version,
        hash: bundle.hash.clone(),
    }
}

fn prove<S: Strategy>(cases: u32, strategy: S, law: impl Fn(S::Value)) {
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    let proven = TestRunner::new(config).run(&strategy, |value| {
        law(value);
        Ok::<(), TestCaseError>(())
    });
    if let Err(fault) = proven {
        panic!("{fault}");
    }
}

#[test]
fn the_engine_decides_as_the_reference_model_does() {
    prove(
        PURE,
        (plan::plans(), plan::histories(30)),
        |(plan, history)| {
            let bundle = bundle(&plan, "");
            let mut play = Play::open(Beginning {
                ids: (0..PEOPLE).map(|_| PersonId::new()).collect(),
                pin: pin(&bundle, 1),
                review: ReviewId::new(),
                record: RecordId::new(),
                digest: "of revision 1".to_owned(),
                tag: String::new(),
                now: first_day(),
                plan,
                bundle,
            });
            for step in &history {
                let deed = play.resolve(step);
                let digest = format!("of revision {}", play.review.revision + 1);
                play.takes(&deed, &digest);
            }
        },
    );
}

on_both! { now crate::support::register::Register::open =>
    the_register_stores_what_the_engine_says
}

fn the_register_stores_what_the_engine_says(register: Register) {
    let ids: Vec<PersonId> = (0..PEOPLE).map(|person| hire(&register, person)).collect();
    let played = AtomicUsize::new(0);
    prove(
        STORED,
        (plan::plans(), plan::histories(14)),
        |(plan, history)| {
            let tag = format!("_{}", played.fetch_add(1, Ordering::Relaxed));
            let mut stored = Stored::open(&register, &ids, plan, tag);
            history.iter().for_each(|step| stored.takes(step));
            stored.close();
        },
    );
}

fn hire(register: &Register, person: usize) -> PersonId {
    let new = people::NewPerson {
        email: plan::email(person),
        name: format!("P{person}"),
        roles: Vec::new(),
        groups: Vec::new(),
    };
    register.does(move |tx, desk| people::add(tx, desk.clock.now(), &operator(), &new))
}

/// One history, in the register and beside it.
struct Stored<'a> {
    register: &'a Register,
    case: Case,
    play: Play,
}

impl<'a> Stored<'a> {
    fn open(register: &'a Register, ids: &[PersonId], plan: Plan, tag: String) -> Stored<'a> {
        let bundle = bundle(&plan, &tag);
        for (role, holders) in plan.roles.iter().enumerate() {
            holders
                .iter()
                .for_each(|person| appoint(register, *person, role, &tag));
        }
        let published = bundle.clone();
        let version = register.does(move |tx, desk| {
            workflows::publish(tx, desk.clock.now(), &operator(), &published)
        });
        let author = in_session(ids[0]);
        let (record, review) = register.does(move |tx, desk| {
            let record = review::start(tx, desk, &author, "use_case", request(1, false, 1))?;
            Ok((record.id, review::submit(tx, desk, &author, record.id, 1)?))
        });
        let play = Play::open(Beginning {
            ids: ids.to_vec(),
            pin: pin(&bundle, version),
            review: review.id,
            record,
            digest: review.digest.clone(),
            now: first_day(),
            plan,
            tag,
            bundle,
        });
        let stored = Stored {
            register,
            case: Case {
                record,
                author: String::new(),
            },
            play,
        };
        stored.agrees(&review);
        stored
    }

    fn takes(&mut self, step: &Step) {
        let deed = self.play.resolve(step);
        if matches!(deed, Deed::Edit { .. }) && self.play.review.phase.is_final() {
            return; // then a record may be edited and submitted again, for a review of its own
        }
        let size = self.register.ledger_size();
        let accepted = self.does(&deed);
        let revision = self.register.record(&self.case).revision;
        let record = self.case.record;
        let digest = self
            .register
            .reads(|c| Ok(countersign::register::revision(c, record, revision)?.digest));
        let events = self.play.takes(&deed, &digest);
        assert_eq!(
            accepted,
            events.is_some(),
            "{deed:?} in {:#?}",
            self.play.review
        );
        self.entries_follow(size, &deed, &events.unwrap_or_default());
        let review = self.register.review(&self.case);
        self.agrees(&review);
    }

    fn does(&self, deed: &Deed) -> bool {
        let (register, review, record) = (self.register, self.play.review.id, self.case.record);
        let person = |person: usize| in_session(self.play.ids[person]);
        match *deed {
            Deed::Vote(ballot) => self.votes(ballot),
            Deed::Withdraw { person: by } => {
                let actor = person(by);
                register
                    .tries(move |tx, desk| review::withdraw(tx, desk, &actor, review, None))
                    .is_ok()
            }
            Deed::Appoint { person, role } => {
                appoint(register, person, role, &self.play.tag);
                true
            }
            Deed::Edit {
                person: by,
                public,
                owner,
            } => {
                let actor = person(by);
                let seen = self.play.review.revision;
                let document = request(seen + 1, public, owner);
                let done = register.tries(move |tx, desk| {
                    let revised = review::revise(tx, desk, &actor, record, seen, &document)?;
                    if revised.reopened {
                        return Ok(());
                    }
                    review::submit(tx, desk, &actor, record, revised.record.revision).map(drop)
                });
                done.is_ok()
            }
        }
    }

    fn votes(&self, ballot: Ballot) -> bool {
        let (review, id) = (&self.play.review, self.play.ids[ballot.person]);
        let key = plan::stage_key(ballot.stage);
        let task = TaskId::of(review.id, &key, ballot.epoch, id);
        let exists = self
            .register
            .reads(|conn| Ok(review::task(conn, task).is_ok()));
        let link = (ballot.by_link && exists).then(|| self.register.link_to(task));
        let condition = ConditionGiven {
            text: "Do it.".to_owned(),
            ..Default::default()
        };
        let conditional = ballot.outcome == Outcome::ApproveWithConditions;
        let seen = if ballot.blind {
            "of another revision"
        } else {
            &review.digest
        };
        let given = DecisionGiven {
            task,
            seen: seen.to_owned(),
            outcome: ballot.outcome,
            reason: Some("It is so.".to_owned()),
            answers: serde_json::json!({}),
            conditions: if conditional {
                vec![condition]
            } else {
                Vec::new()
            },
            link: link.as_ref().map(people::Secret::hash),
        };
        let via = match ballot.by_link {
            true => ledger::entry::Via::new(ledger::entry::Method::EmailLink, "link"),
            false => ledger::entry::Via::new(ledger::entry::Method::Session, "session"),
        };
        let actor = ledger::Actor::person(id, via);
        self.register
            .tries(move |tx, desk| review::decide(tx, desk, &actor, &given))
            .is_ok()
    }

    /// One entry per event, in their order, and none for a refusal.
    fn entries_follow(&self, size: u64, deed: &Deed, events: &[Event]) {
        let added = self
            .register
            .reads(|c| ledger::rows(c, &ledger::Filter::default(), Page::From(size), 1000));
        let kinds: Vec<&str> = added.iter().map(|row| row.kind.as_str()).collect();
        let mut expected: Vec<&str> = events.iter().map(Event::kind).collect();
        match deed {
            Deed::Edit { .. } if !events.is_empty() => expected.insert(0, "record.revised"),
            Deed::Appoint { .. } if kinds.first() == Some(&"role.given") => {
                expected.insert(0, "role.given");
            }
            _ => {}
        }
        assert_eq!(kinds, expected, "{deed:?}");
    }

    /// What is stored is what the engine says.
    fn agrees(&self, review: &Review) {
        assert_eq!(*review, self.play.review);
        let open = self
            .register
            .reads(|conn| review::open_tasks_of(conn, review.id));
        let open = open.into_iter().map(|task| OpenTask {
            stage: task.stage,
            epoch: task.epoch as u32,
            person: task.person_id,
        });
        assert_eq!(open.collect::<BTreeSet<_>>(), self.play.open_tasks());
        let status = self.register.status(&self.case);
        assert_eq!(status, review.phase.as_str());
    }

    /// Leaves no running review behind.
    fn close(self) {
        if self.play.review.phase.is_running() {
            let (by, review) = (in_session(self.play.ids[0]), self.play.review.id);
            self.register
                .does(move |tx, desk| review::withdraw(tx, desk, &by, review, None));
        }
    }
}

fn appoint(register: &Register, person: usize, role: usize, tag: &str) {
    let new = people::NewPerson {
        email: plan::email(person),
        name: format!("P{person}"),
        roles: vec![plan::role_name(role, tag)],
        groups: Vec::new(),
    };
    register.does(move |tx, desk| {
        tx.leave_unchanged();
        people::add(tx, desk.clock.now(), &operator(), &new)
    });
    register.looks_again();
}

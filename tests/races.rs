//! Several people at the same moment, with real threads, on both databases: what comes out is what
//! one after the other would have given, in one order or the other.

mod support;

use countersign::db::{Db, RecordId};
use countersign::error::{Error, Result};
use countersign::ledger::{self, Filter, Page};
use countersign::review;
use countersign::workflow::Outcome;
use serde_json::json;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Barrier, mpsc};
use std::task::Poll;
use std::time::Duration;
use support::on_both;
use support::register::{Case, Register, in_session, seat, stage, use_case, workflow};
use tokio::task::JoinSet;

on_both! { now crate::support::register::Register::open =>
    the_last_two_approvers_are_one_too_many
    the_last_two_approvers_are_both_needed
    an_edit_meets_a_decision
    a_withdrawal_meets_a_decision
    changes_are_asked_for_while_another_approves
    a_veto_meets_the_last_approval
    two_people_submit_at_once
    two_people_save_at_once
    one_link_pressed_a_thousand_times_decides_once
    what_fails_among_others_leaves_them_their_commit
    a_caller_who_goes_away_loses_nothing
    two_nodes_number_entries_without_gaps
}

/// Something one person does, made ready before the race: what they saw, they saw then.
type Deed = Box<dyn FnOnce(&Register) -> Result<()> + Send>;

/// All that can be told apart afterwards.
#[derive(Debug, PartialEq, Eq)]
struct Outcomes {
    answers: Vec<String>,
    status: String,
    decisions: Vec<String>,
    entries: Vec<String>,
}

fn answer(done: Result<()>) -> String {
    match done {
        Ok(()) => "done".to_owned(),
        Err(error) => error.meaning().code.to_owned(),
    }
}

fn outcomes(register: &Register, case: &Case, answers: Vec<String>) -> Outcomes {
    let filter = Filter {
        record: Some(case.record),
        ..Filter::default()
    };
    let rows = register.reads(|conn| ledger::rows(conn, &filter, Page::From(0), 1000));
    Outcomes {
        answers,
        status: register.status(case),
        decisions: register.decisions(case),
        entries: rows.into_iter().map(|row| row.kind).collect(),
    }
}

/// Lets two deeds run one after the other in both orders, then several times against each other:
/// each race must come out as one of the orders did.
fn equals_one_order(register: &Register, prepare: impl Fn() -> (Case, [Deed; 2])) {
    let orders = [false, true].map(|turned| {
        let (case, [one, other]) = prepare();
        let answers = if turned {
            let last = answer(other(register));
            vec![answer(one(register)), last]
        } else {
            vec![answer(one(register)), answer(other(register))]
        };
        outcomes(register, &case, answers)
    });
    for _ in 0..6 {
        let (case, deeds) = prepare();
        let start = Barrier::new(deeds.len());
        let answers = std::thread::scope(|scope| {
            let runs = deeds.map(|deed| {
                scope.spawn(|| {
                    start.wait();
                    answer(deed(register))
                })
            });
            runs.map(|run| run.join().expect("it answers")).to_vec()
        });
        let raced = outcomes(register, &case, answers);
        assert!(
            orders.contains(&raced),
            "{raced:#?}\nis neither of\n{orders:#?}"
        );
    }
}

fn decides(register: &Register, name: &str, outcome: Outcome, case: &Case) -> Deed {
    let reviewer = register.as_reviewer(name);
    let (given, actor) = (reviewer.given(outcome, case, &[]), reviewer.actor());
    Box::new(move |register| {
        register
            .tries(move |tx, desk| review::decide(tx, desk, &actor, &given))
            .map(drop)
    })
}

fn edits(register: &Register, name: &str, case: &Case) -> Deed {
    let (actor, id) = (in_session(register.person(name)), case.record);
    let seen = register.record(case).revision;
    let document = use_case(&json!({ "purpose": format!("As {name} wants it.") }));
    Box::new(move |register| {
        let revised =
            register.tries(move |tx, desk| review::revise(tx, desk, &actor, id, seen, &document));
        revised.map(drop)
    })
}

fn submits(register: &Register, name: &str, case: &Case) -> Deed {
    let (actor, id) = (in_session(register.person(name)), case.record);
    let seen = register.record(case).revision;
    Box::new(move |register| {
        register
            .tries(move |tx, desk| review::submit(tx, desk, &actor, id, seen))
            .map(drop)
    })
}

fn withdraws(register: &Register, name: &str, case: &Case) -> Deed {
    let (actor, id) = (in_session(register.person(name)), register.review(case).id);
    Box::new(move |register| {
        register
            .tries(move |tx, desk| review::withdraw(tx, desk, &actor, id, None))
            .map(drop)
    })
}

/// One stage that takes `need` of mei, ravi and rosa.
fn reviewed_by(register: &Register, need: u32) {
    register.publish(&workflow(&[stage("check", &[], &[seat("reviewer", need)])]));
}

fn the_last_two_approvers_are_one_too_many(register: Register) {
    reviewed_by(&register, 2);
    equals_one_order(&register, || {
        let case = register.submitted_by("tomas", json!({}));
        register.as_reviewer("mei").approve(&case);
        let one = decides(&register, "ravi", Outcome::Approve, &case);
        let other = decides(&register, "rosa", Outcome::Approve, &case);
        (case, [one, other])
    });
}

fn the_last_two_approvers_are_both_needed(register: Register) {
    reviewed_by(&register, 3);
    equals_one_order(&register, || {
        let case = register.submitted_by("tomas", json!({}));
        register.as_reviewer("mei").approve(&case);
        let one = decides(&register, "ravi", Outcome::Approve, &case);
        let other = decides(&register, "rosa", Outcome::Approve, &case);
        (case, [one, other])
    });
    let approved = register
        .entries()
        .into_iter()
        .filter(|e| e.kind == "review.approved")
        .count();
    assert_eq!(approved, 8, "two in turn and six races, each closed once");
}

fn an_edit_meets_a_decision(register: Register) {
    reviewed_by(&register, 1);
    equals_one_order(&register, || {
        let case = register.submitted_by("tomas", json!({}));
        let decision = decides(&register, "mei", Outcome::Approve, &case);
        let edit = edits(&register, "tomas", &case);
        (case, [decision, edit])
    });
}

fn a_withdrawal_meets_a_decision(register: Register) {
    reviewed_by(&register, 1);
    equals_one_order(&register, || {
        let case = register.submitted_by("tomas", json!({}));
        let decision = decides(&register, "mei", Outcome::Approve, &case);
        let withdrawal = withdraws(&register, "olga", &case);
        (case, [decision, withdrawal])
    });
}

fn changes_are_asked_for_while_another_approves(register: Register) {
    reviewed_by(&register, 2);
    equals_one_order(&register, || {
        let case = register.submitted_by("tomas", json!({}));
        let one = decides(&register, "mei", Outcome::RequestChanges, &case);
        let other = decides(&register, "ravi", Outcome::Approve, &case);
        (case, [one, other])
    });
}

fn a_veto_meets_the_last_approval(register: Register) {
    reviewed_by(&register, 2);
    equals_one_order(&register, || {
        let case = register.submitted_by("tomas", json!({}));
        register.as_reviewer("mei").approve(&case);
        let one = decides(&register, "ravi", Outcome::Reject, &case);
        let other = decides(&register, "rosa", Outcome::Approve, &case);
        (case, [one, other])
    });
}

fn two_people_submit_at_once(register: Register) {
    equals_one_order(&register, || {
        let case = register.draft_by("tomas", json!({}));
        let one = submits(&register, "tomas", &case);
        let other = submits(&register, "olga", &case);
        (case, [one, other])
    });
}

fn two_people_save_at_once(register: Register) {
    equals_one_order(&register, || {
        let case = register.draft_by("tomas", json!({}));
        let one = edits(&register, "tomas", &case);
        let other = edits(&register, "olga", &case);
        (case, [one, other])
    });
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .enable_time()
        .build()
        .expect("a runtime")
}

fn one_link_pressed_a_thousand_times_decides_once(register: Register) {
    let case = register.submitted_by("tomas", json!({}));
    let link = register.link_for("dana", &case);
    let dana = register.as_reviewer("dana").by_link(&link);
    let other_node = register.another_node();
    let before = register.ledger_size();
    let pressed = async {
        let mut presses = JoinSet::new();
        for press in 0..1000 {
            let db = if press % 2 == 0 {
                register.db.clone()
            } else {
                other_node.clone()
            };
            let (desk, actor) = (register.desk.clone(), dana.actor());
            let outcome = if press % 3 == 0 {
                Outcome::Reject
            } else {
                Outcome::Approve
            };
            let given = dana.given(outcome, &case, &[]);
            presses.spawn(async move {
                db.write(move |tx| review::decide(tx, &desk, &actor, &given).map(drop))
                    .await
            });
        }
        presses.join_all().await
    };
    let answers: Vec<String> = runtime()
        .block_on(pressed)
        .into_iter()
        .map(answer)
        .collect();
    let with = |code: &str| answers.iter().filter(|answer| *answer == code).count();
    assert_eq!(
        (with("done"), with("already-decided")),
        (1, 999),
        "{answers:?}"
    );
    assert_eq!(register.decisions(&case).len(), 1);
    let entries = register.entries().into_iter().skip(before as usize);
    assert_eq!(
        entries
            .filter(|entry| entry.kind == "decision.recorded")
            .count(),
        1
    );
}

/// Holds the writer inside a write until told to go on: what is queued meanwhile shares a commit.
struct Held {
    go_on: mpsc::Sender<()>,
    write: std::thread::JoinHandle<Result<()>>,
}

impl Held {
    fn start(db: &Db) -> Held {
        let (go_on, wait) = mpsc::channel::<()>();
        let (here, arrived) = mpsc::channel();
        let db = db.clone();
        let write = std::thread::spawn(move || {
            db.upkeep_now(move |_| {
                here.send(()).expect("the test waits");
                wait.recv().map_err(|_| Error::Interrupted)
            })
        });
        arrived.recv().expect("the writer holds");
        Held { go_on, write }
    }

    fn release(self) {
        self.go_on.send(()).expect("the writer waits");
        self.write.join().expect("it ends").expect("it is let go");
    }
}

fn what_fails_among_others_leaves_them_their_commit(register: Register) {
    let case = register.submitted_by("tomas", json!({}));
    let author = in_session(register.person("tomas"));
    let before = register.ledger_size();
    let held = Held::start(&register.db);
    let mut writes: Vec<Pin<Box<dyn Future<Output = Result<RecordId>>>>> = Vec::new();
    for number in 0..40 {
        let (desk, author, id) = (register.desk.clone(), author.clone(), case.record);
        let document = use_case(&json!({ "title": format!("Case {number}") }));
        writes.push(Box::pin(register.db.write(move |tx| {
            let new = review::start(tx, &desk, &author, "use_case", document)?;
            match number % 4 {
                0 => panic!("a fault in the middle of a write"),
                1 => review::submit(tx, &desk, &author, id, 1).map(|_| new.id),
                _ => Ok(new.id),
            }
        })));
    }
    let mut kept = Vec::new();
    runtime().block_on(async {
        // Asked once, each is queued; nothing can be answered while the writer is held.
        poll_fn(|cx| {
            assert!(
                writes
                    .iter_mut()
                    .all(|write| write.as_mut().poll(cx).is_pending())
            );
            Poll::Ready(())
        })
        .await;
        held.release();
        for (number, write) in writes.into_iter().enumerate() {
            match (number % 4, write.await) {
                (0, Err(Error::Interrupted)) | (1, Err(Error::Refused(_))) => {}
                (2 | 3, Ok(record)) => kept.push(record),
                (_, other) => panic!("write {number}: {other:?}"),
            }
        }
    });
    assert_eq!(kept.len(), 20);
    assert_eq!(
        register.ledger_size(),
        before + 20,
        "what failed left no entry"
    );
    let reference = |record| {
        let found = register.reads(|conn| countersign::register::by_id(conn, record));
        found.reference
    };
    let references: Vec<String> = kept.into_iter().map(reference).collect();
    let expected: Vec<String> = (2..22)
        .map(|number| format!("AI-2027-{number:04}"))
        .collect();
    assert_eq!(references, expected, "and took no number");
}

fn a_caller_who_goes_away_loses_nothing(register: Register) {
    let author = in_session(register.person("tomas"));
    let (desk, before) = (register.desk.clone(), register.ledger_size());
    let held = Held::start(&register.db);
    let write = register.db.write(move |tx| {
        review::start(tx, &desk, &author, "use_case", use_case(&json!({}))).map(drop)
    });
    // It is asked once, which queues it, and then dropped as with a closed connection.
    let gone = runtime().block_on(async { tokio::time::timeout(Duration::ZERO, write).await });
    assert!(gone.is_err(), "the writer was held");
    held.release();
    register.draft_by("olga", json!({}));
    assert_eq!(register.ledger_size(), before + 2);
}

fn two_nodes_number_entries_without_gaps(register: Register) {
    let nodes = [register.db.clone(), register.another_node()];
    let before = register.ledger_size();
    std::thread::scope(|scope| {
        for db in &nodes {
            let (desk, author) = (&register.desk, in_session(register.person("tomas")));
            scope.spawn(move || {
                for _ in 0..15 {
                    let (desk, author) = (desk.clone(), author.clone());
                    let write = db.write_now(move |tx| {
                        review::start(tx, &desk, &author, "use_case", use_case(&json!({})))
                    });
                    write.expect("a draft");
                }
            });
        }
    });
    assert_eq!(register.ledger_size(), before + 30);
    let last = register.draft_by("olga", json!({}));
    assert_eq!(register.record(&last).reference, "AI-2027-0031");
}

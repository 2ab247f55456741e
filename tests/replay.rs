//! The state of the register follows from its entries alone. Every story of the other tests ends
//! with that (see `promises` in `support/register.rs`); here somebody with the database's password
//! changes one table after the other, and each change is found and named.

mod support;

use countersign::db::Tx;
use countersign::erasure::hold::{self, On};
use countersign::erasure::{self, Basis, retention};
use countersign::error::{Error, Result};
use countersign::ledger::Filter;
use countersign::ledger::download::{self, Extras, Format};
use countersign::ledger::package::{self, Asked};
use countersign::people::{self, absence};
use countersign::replay::{self, Replaying};
use diesel::connection::SimpleConnection;
use serde_json::json;
use std::sync::{Arc, Mutex};
use support::on_both;
use support::register::{Case, Register, in_session, operator};
use support::tamper::without_guards;

on_both! { now crate::support::register::Register::open =>
    what_people_did_is_replayed
    every_change_behind_the_registers_back_is_named
    each_record_numbers_its_entries
    a_package_holds_and_its_state_follows_from_its_entries
}

/// A register in which something of every kind has happened.
fn busy(register: &Register) -> Case {
    let case = register.approved_if("Delete the drafts.", "2027-06-30");
    register.submitted_by("tomas", json!({"title": "Another one"}));
    let mei = register.person("mei");
    let (person, delegate) = (register.person("dario"), register.person("dana"));
    register.does(move |tx, desk| {
        let (now, today) = (desk.clock.now(), desk.today());
        let new = absence::New {
            from: today,
            until: today.days_later(3),
            delegate: Some(delegate),
        };
        absence::set(tx, now, today, &operator(), person, &new)?;
        people::set_manager(tx, now, &operator(), mei, Some(person))?;
        people::create_token(tx, now, &operator(), mei, &["read".to_owned()], None)?;
        countersign::calendar::keep(tx, now, &operator(), &calendar()).map(drop)
    });
    guarded(register, &case);
    case
}

/// An auditor with limits, a legal hold, a proposal to erase somebody and one about retention.
fn guarded(register: &Register, case: &Case) {
    let (adam, record) = (in_session(register.person("adam")), case.record);
    let (audra, olga) = (register.person("audra"), register.person("olga"));
    register.does(move |tx, desk| {
        let now = desk.clock.now();
        let terms = people::auditor::Terms {
            units: ["Claims".to_owned(), "Pricing".to_owned()].into(),
            from: Some(desk.today()),
            last_day: Some(desk.today().days_later(90)),
            ..Default::default()
        };
        people::auditor::appoint(tx, now, &adam, audra, &terms)?;
        people::leave(tx, now, &adam, olga, None)?;
        erasure::propose(tx, desk, &adam, olga, Basis::Objection, "By letter.")?;
        hold::set(tx, desk, &adam, On::Record(record), "A lawsuit.")?;
        retention::propose(tx, desk, &adam, (Some(36), Some(90)), "As the law says.").map(drop)
    });
}

fn calendar() -> serde_json::Value {
    let text = include_str!("../templates/calendars/head_office.json");
    serde_json::from_str(text).expect("a calendar")
}

fn first(register: &Register) -> Option<String> {
    let checked = register.reads(|conn| replay::check(conn, &register.desk));
    checked.first
}

fn what_people_did_is_replayed(register: Register) {
    busy(&register);
    let checked = register.reads(|conn| replay::check(conn, &register.desk));
    assert_eq!(checked.first, None);
    assert_eq!(checked.entries, register.ledger_size());
    let kinds = [
        "absence",
        "appointment",
        "calendar",
        "condition",
        "decision",
        "erasure",
        "hold",
        "holding",
        "person",
        "record",
        "retention",
        "review",
        "revision",
        "task",
        "timer",
        "token",
        "workflow",
    ];
    let kept = register.reads(|conn| replay::stored::snapshot(conn, &register.desk.kinds, true));
    for kind in kinds {
        let found = kept.keys().filter(|key| key.thing == kind).count();
        assert!(found > 0, "the story has no {kind}");
    }
}

/// Somebody changes a table by hand, and what shows it: the beginning of the sentence.
const CHANGES: &[(&str, &str)] = &[
    (
        "UPDATE records SET status = 'rejected' WHERE reference = 'AI-2027-0001'",
        "record AI-2027-0001 stands as rejected in the database, but no entry says so: by the \
         entries it is approved; the last about it is entry ",
    ),
    (
        "UPDATE records SET valid_until = NULL, standing = 'suspended'",
        "record AI-2027-0001 has suspended for `standing` in the database, but by the entries it \
         is approved; ",
    ),
    (
        "UPDATE records SET title = 'Harmless'",
        "record AI-2027-0001 shows a title",
    ),
    (
        "UPDATE records SET body = 'Nothing'",
        "record AI-2027-0001 shows a title",
    ),
    (
        "UPDATE records SET risk = 'low' || '!'",
        "record AI-2027-0001 has low! for `risk` in the",
    ),
    (
        "DELETE FROM record_facets",
        "record AI-2027-0001 shows a title",
    ),
    (
        "UPDATE revisions SET document = replace(document, 'team', 'board')",
        "revision ",
    ),
    (
        "UPDATE revisions SET digest = 'ab' || substr(digest, 3)",
        "revision ",
    ),
    ("UPDATE revisions SET author_id = NULL", "revision "),
    ("UPDATE reviews SET phase = 'rejected'", "review "),
    (
        "UPDATE reviews SET state = replace(state, '\"approve\"', '\"reject\"')",
        "review ",
    ),
    (
        "UPDATE reviews SET state = replace(state, '\"lawful\":\"yes\"', '\"lawful\":\"no\"')",
        "review ",
    ),
    (
        "UPDATE decisions SET outcome = 'reject' WHERE outcome = 'approve'",
        "decision ",
    ),
    (
        "UPDATE decisions SET person_id = (SELECT id FROM people WHERE name = 'tomas')",
        "decision ",
    ),
    (
        "UPDATE decisions SET decided_at = '2027-01-01 00:00:00.000000'",
        "decision ",
    ),
    ("UPDATE conditions SET state = 'met'", "condition "),
    ("UPDATE conditions SET text = 'Nothing.'", "condition "),
    ("DELETE FROM conditions", "condition "),
    (
        "UPDATE tasks SET state = 'closed' WHERE state = 'open'",
        "task ",
    ),
    (
        "UPDATE tasks SET state = 'closed' WHERE state = 'decided'",
        "decision ",
    ),
    (
        "UPDATE timers SET fire_at = '2099-01-01 00:00:00.000000'",
        "timer ",
    ),
    ("DELETE FROM timers", "timer "),
    (
        "UPDATE people SET active = FALSE WHERE name = 'mei'",
        "person ",
    ),
    (
        "UPDATE people SET name = 'Somebody' WHERE name = 'mei'",
        "person ",
    ),
    (
        "UPDATE people SET email = 'x@example.org' WHERE name = 'mei'",
        "person ",
    ),
    ("UPDATE people SET manager_id = NULL", "person "),
    (
        "INSERT INTO memberships (kind, name, person_id) \
         SELECT 'role', 'administrator', id FROM people WHERE name = 'tomas'",
        "holding ",
    ),
    ("DELETE FROM memberships WHERE name = 'legal'", "holding "),
    ("UPDATE absences SET until_day = '2027-12-31'", "absence "),
    ("UPDATE absences SET delegate_id = NULL", "absence "),
    (
        "UPDATE auditor_terms SET units = '[\"Claims\"]'",
        "appointment ",
    ),
    (
        "UPDATE auditor_terms SET from_day = '2027-03-31'",
        "appointment ",
    ),
    ("UPDATE auditor_terms SET last_day = NULL", "appointment "),
    ("DELETE FROM auditor_terms", "appointment "),
    ("DELETE FROM legal_holds", "hold "),
    (
        "UPDATE erasures SET state = 'declined', settled_seq = proposed_seq",
        "erasure ",
    ),
    ("UPDATE retention_rules SET values_months = 1", "retention "),
    (
        "UPDATE api_tokens SET scopes = 'read write decide'",
        "token ",
    ),
    ("UPDATE api_tokens SET token_hash = 'of another'", "token "),
    (
        "UPDATE calendars SET text = replace(text, '09:00', '01:00')",
        "calendar ",
    ),
    (
        "UPDATE workflows SET text = replace(text, 'legal', 'ceo')",
        "workflow ",
    ),
    ("UPDATE workflows SET active = FALSE", "workflow "),
    (
        "UPDATE ledger_private SET value = 'Nothing.' WHERE name = 'condition_1'",
        "entry ",
    ),
    (
        "UPDATE ledger_index SET outcome = 'reject' WHERE outcome = 'approve'",
        "entry ",
    ),
    (
        "UPDATE ledger_nodes SET hash = (SELECT hash FROM ledger_nodes WHERE idx = 0)",
        "entry 1: ",
    ),
    ("DELETE FROM ledger_private WHERE name = 'days'", "absence "),
];

fn every_change_behind_the_registers_back_is_named(register: Register) {
    let case = busy(&register);
    let reference = register.record(&case).reference;
    assert_eq!(reference, "AI-2027-0001");
    let mut wrong = Vec::new();
    for (sql, begins) in CHANGES {
        let told = register.after_tampering(sql);
        let told = told.unwrap_or_default();
        if !told.starts_with(begins) || !told.contains("the database") {
            wrong.push(format!("{sql}: {told}"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(first(&register), None, "each change was taken back");
}

fn each_record_numbers_its_entries(register: Register) {
    let one = register.submitted_by("tomas", json!({}));
    let two = register.submitted_by("tomas", json!({}));
    register.as_reviewer("dana").approve(&one);
    register.as_reviewer("dana").approve(&two);
    // A write that is refused takes no number, whatever it had written by then.
    let (review, actor) = (
        register.review(&one).id,
        in_session(register.person("tomas")),
    );
    let refused: Result<()> = register.tries(move |tx: &mut Tx, desk| {
        countersign::review::withdraw(tx, desk, &actor, review, None)?;
        Err(Error::Interrupted)
    });
    assert!(refused.is_err());
    register.as_reviewer("lars").approve(&one);
    for case in [one, two] {
        let numbers = register.numbers_of(case.record);
        let dense: Vec<u64> = (1..=numbers.len() as u64).collect();
        assert_eq!(numbers, dense);
        assert!(numbers.len() > 5);
    }
}

fn a_package_holds_and_its_state_follows_from_its_entries(register: Register) {
    let case = busy(&register);
    let app = register.app();
    let file = |filter: Filter, state| {
        let extras = Extras {
            state,
            ..Extras::default()
        };
        let ready = download::ready(&app, filter, Format::Package, extras).expect("it is ready");
        let mut file = Vec::new();
        let count = ready.write(&mut file).expect("it is written");
        (file, count)
    };
    let (whole, count) = file(Filter::default(), true);
    assert_eq!(count, register.ledger_size());
    let mut replaying = Replaying::default();
    let report = package::verify(whole.as_slice(), &Asked::default(), &mut replaying);
    let report = report.unwrap_or_else(|refusal| panic!("{refusal}"));
    assert_eq!((report.count, report.histories.with_gaps), (count, 0));
    assert!(replaying.end().expect("the state follows") > 50);
    assert!(
        file(Filter::default(), true).0 == whole,
        "the same log gives the same bytes"
    );

    let of_record = Filter {
        record: Some(case.record),
        ..Filter::default()
    };
    let (part, some) = file(of_record, false);
    let report = package::verify(part.as_slice(), &Asked::default(), &mut ());
    let report = report.unwrap_or_else(|refusal| panic!("{refusal}"));
    assert_eq!(report.count, some);
    let told = &report.histories;
    assert_eq!(
        (told.complete, told.with_gaps),
        (1, 0),
        "one history, and it is whole"
    );

    let of_decisions = Filter {
        kind: Some("decision.recorded".to_owned()),
        ..Filter::default()
    };
    let (part, _) = file(of_decisions, false);
    let report = package::verify(part.as_slice(), &Asked::default(), &mut ());
    let told = report
        .unwrap_or_else(|refusal| panic!("{refusal}"))
        .histories;
    assert_eq!(
        (told.complete, told.with_gaps),
        (0, 1),
        "a filter leaves gaps"
    );
}

impl Register {
    /// What the numbers of a record's entries are, in the ledger's order.
    fn numbers_of(&self, record: countersign::db::RecordId) -> Vec<u64> {
        let filter = Filter {
            record: Some(record),
            ..Default::default()
        };
        let page = countersign::ledger::Page::From(0);
        let rows = self.reads(|conn| countersign::ledger::rows(conn, &filter, page, 1000));
        let number = |row: &countersign::ledger::Row| {
            let entry = countersign::ledger::entry::Entry::parse(&row.entry).expect("an entry");
            entry.subject["record_seq"].as_u64().expect("a number")
        };
        rows.iter().map(number).collect()
    }

    /// Looks at the register as it is once somebody has run `sql` with the guards off, and puts
    /// everything back as it was.
    fn after_tampering(&self, sql: &'static str) -> Option<String> {
        let desk = self.desk.clone();
        let told = Arc::new(Mutex::new(None));
        let tell = told.clone();
        let done: Result<()> = self.db.upkeep_now(move |tx| {
            without_guards(tx)?;
            tx.batch_execute(sql)?;
            *tell.lock().expect("nobody panicked") = Some(replay::check(tx, &desk)?.first);
            Err(Error::DryRun)
        });
        match done {
            Err(Error::DryRun) => {}
            other => panic!("{sql}: {other:?}"),
        }
        let told = told.lock().expect("nobody panicked").take();
        told.expect("it was looked at")
    }
}

//! Forgetting a person, and what stands against it: stories on both databases.

mod support;

use actix_web::cookie::Cookie;
use actix_web::http::{StatusCode, header};
use actix_web::rt::System;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use countersign::app::App;
use countersign::clock::Clock;
use countersign::config::Config;
use countersign::db::schema::ledger_private;
use countersign::db::{Conn, ErasureId, Tx};
use countersign::erasure::hold::{self, On};
use countersign::erasure::retention;
use countersign::erasure::{self, Basis, Erased};
use countersign::error::Result;
use countersign::finding::Verdict;
use countersign::ledger::entry::commitment;
use countersign::ledger::tree::{check_inclusion, inclusion, leaf_hash};
use countersign::ledger::{self, Filter, Page};
use countersign::people::{self, NewPerson};
use countersign::review::{self, Desk};
use countersign::web::serve::configure;
use countersign::web::session::session_cookie;
use diesel::prelude::*;
use serde_json::json;
use std::sync::Barrier;
use support::on_both;
use support::register::{Case, Register, in_session, operator};

on_both! { now crate::support::register::Register::open =>
    what_a_person_was_is_gone_and_everything_still_verifies
    a_text_that_names_the_person_keeps_the_digest_that_was_signed
    a_receipt_from_before_holds_after_the_erasure
    erasing_takes_two_administrators_and_neither_is_the_person
    who_is_here_is_not_erased_and_who_is_erased_does_not_come_back
    a_legal_hold_stands_against_an_erasure_until_it_is_lifted
    what_an_erasure_left_cannot_be_rewritten
    a_declined_proposal_changes_nothing_and_can_be_made_again
    two_who_agree_at_once_erase_once
    an_erasure_meets_a_decision
    what_mentions_the_person_and_stays_is_named
    the_log_says_that_a_value_was_erased
    values_of_ended_reviews_go_when_two_agreed_on_it
    a_rule_of_retention_takes_two_and_has_bounds
}

on_both! { now crate::house =>
    two_administrators_erase_somebody_by_page_and_by_api
    what_was_typed_wrong_comes_back_with_the_reason
}

/// The same database, reached by stories and over HTTP.
struct House {
    register: Register,
    app: App,
}

const ORIGIN: &str = "https://register.example";

fn house(url: String) -> House {
    let register = Register::open(url.clone());
    administrators(&register);
    let config = Config {
        database_url: url,
        public_url: ORIGIN.to_owned(),
        readers: 1,
        ..Config::default()
    };
    let clock = Clock::fixed(register.desk.clock.now());
    let app = App::open(config, clock).expect("the program opens");
    House { register, app }
}

impl House {
    fn cookie(&self, name: &str) -> Cookie<'static> {
        let (person, now) = (self.register.person(name), self.app.desk.clock.now());
        let open = move |tx: &mut Tx| people::open_session(tx, now, person);
        session_cookie(&self.app, &self.app.db.upkeep_now(open).expect("a session"))
    }

    fn token(&self, name: &str) -> String {
        let (person, now) = (self.register.person(name), self.app.desk.clock.now());
        let scopes = ["read".to_owned(), "people".to_owned()];
        let make = move |tx: &mut Tx, _: &Desk| {
            people::create_token(tx, now, &operator(), person, &scopes, None)
        };
        format!("Bearer {}", self.register.does(make).reveal())
    }

    fn send(&self, request: TestRequest) -> (StatusCode, String) {
        let request = request.insert_header((header::ORIGIN, ORIGIN)).to_request();
        System::new().block_on(async {
            let app = actix_web::App::new().configure(configure(self.app.clone()));
            let response = call_service(&init_service(app).await, request).await;
            let status = response.status();
            let body = read_body(response).await;
            (status, String::from_utf8_lossy(&body).into_owned())
        })
    }

    fn get(&self, who: &str, path: &str) -> (StatusCode, String) {
        self.send(TestRequest::get().uri(path).cookie(self.cookie(who)))
    }

    fn post(&self, who: &str, path: &str, form: &[(&str, &str)]) -> (StatusCode, String) {
        let request = TestRequest::post().uri(path).cookie(self.cookie(who));
        self.send(request.set_form(form))
    }

    fn call(&self, who: &str, path: &str, body: serde_json::Value) -> (StatusCode, String) {
        let bearer = (header::AUTHORIZATION, self.token(who));
        let request = TestRequest::post().uri(path).insert_header(bearer);
        self.send(request.set_json(body))
    }
}

fn two_administrators_erase_somebody_by_page_and_by_api(house: House) {
    let register = &house.register;
    let case = about_olga(register);
    leaves(register, "olga");
    assert_eq!(house.get("tomas", "/erasure").0, StatusCode::FORBIDDEN);
    let form = [
        ("person", "olga@example.org"),
        ("basis", "objection"),
        ("reason", "A letter of 3 May."),
    ];
    let (status, body) = house.post("dana", "/erasure/proposals", &form);
    assert_eq!(status, StatusCode::FORBIDDEN, "{body}");
    let (status, body) = house.post("adam", "/erasure/proposals", &form);
    assert_eq!(status, StatusCode::SEE_OTHER, "{body}");
    let (_, page) = house.get("adam", "/erasure");
    assert!(page.contains("another administrator must agree"), "{page}");
    let (_, page) = house.get("beth", "/erasure");
    assert!(page.contains("Agree, and erase the data of olga"), "{page}");
    let bearer = (header::AUTHORIZATION, house.token("beth"));
    let list = TestRequest::get()
        .uri("/api/v1/erasures")
        .insert_header(bearer);
    let (status, list) = house.send(list);
    assert_eq!(status, StatusCode::OK, "{list}");
    let list: serde_json::Value = serde_json::from_str(&list).expect("JSON");
    let id = list["erasures"][0]["id"].as_str().expect("a proposal");
    assert_eq!(list["erasures"][0]["reason"], "A letter of 3 May.");
    let path = format!("/api/v1/erasures/{id}/agreement");
    let (status, told) = house.call("adam", &path, json!({}));
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(told.contains("two-people-needed"), "{told}");
    let (status, told) = house.call("beth", &path, json!({}));
    assert_eq!(status, StatusCode::OK, "{told}");
    assert!(told.contains("\"revisions\":1"), "{told}");

    let reference = register.record(&case).reference;
    let pages = [
        ("/erasure".to_owned(), "Erased by beth"),
        (
            format!("/people/{}", register.person("olga")),
            "Erased person",
        ),
        (format!("/use-cases/{reference}"), "Erased"),
        (
            format!("/use-cases/{reference}/revisions/1"),
            "Personal data was erased",
        ),
        ("/log".to_owned(), "Their data was erased"),
    ];
    for (path, words) in pages {
        let (status, page) = house.get("adam", &path);
        assert_eq!(status, StatusCode::OK, "{path}: {page}");
        assert!(page.contains(words), "{path}: {page}");
        assert!(!page.to_lowercase().contains("olga@"), "{path}: {page}");
    }
    all_verifies(register);
}

fn what_was_typed_wrong_comes_back_with_the_reason(house: House) {
    type Typed<'a> = &'a [(&'a str, &'a str)];
    let wrong: [(&str, Typed, &str); 5] = [
        (
            "/erasure/proposals",
            &[
                ("person", "nobody@example.org"),
                ("basis", "objection"),
                ("reason", "x"),
            ],
            "Nobody in the directory has this address",
        ),
        (
            "/erasure/proposals",
            &[
                ("person", "olga@example.org"),
                ("basis", "whim"),
                ("reason", "x"),
            ],
            "Choose one of no_longer_needed",
        ),
        (
            "/erasure/holds",
            &[
                ("person", "olga@example.org"),
                ("record", "AI-2027-0001"),
                ("reason", "x"),
            ],
            "Name a person or a record, and not both",
        ),
        (
            "/erasure/holds",
            &[("person", ""), ("record", "AI-1999-0001"), ("reason", "x")],
            "No record has this reference",
        ),
        (
            "/erasure/retention",
            &[
                ("values_months", "soon"),
                ("links_days", ""),
                ("reason", "x"),
            ],
            "Enter a whole number, or nothing",
        ),
    ];
    for (path, form, words) in wrong {
        let before = house.register.ledger_size();
        let (status, page) = house.post("adam", path, form);
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{path}: {page}");
        assert!(page.contains(words), "{path} {words}: {page}");
        let typed = form.iter().map(|(_, value)| *value);
        let first = typed
            .into_iter()
            .find(|value| !value.is_empty())
            .unwrap_or_default();
        assert!(
            page.contains(&format!("value=\"{first}\"")),
            "{path} {first}: {page}"
        );
        assert_eq!(house.register.ledger_size(), before);
    }
}

/// Two administrators more; `adam` is one already.
fn administrators(register: &Register) {
    register.appoint("beth", "administrator");
    register.appoint("cara", "administrator");
}

fn leaves(register: &Register, name: &str) {
    let person = register.person(name);
    register.does(move |tx, desk| {
        let now = desk.clock.now();
        people::leave(tx, now, &operator(), person, Some("End of contract"))
    });
    register.looks_again();
}

fn proposes(register: &Register, by: &str, about: &str) -> Result<ErasureId> {
    let (actor, person) = (in_session(register.person(by)), register.person(about));
    let why = "A request by letter of 3 May.";
    register.tries(move |tx, desk| {
        erasure::propose(tx, desk, &actor, person, Basis::NoLongerNeeded, why)
    })
}

fn agrees(register: &Register, by: &str, id: ErasureId) -> Result<Erased> {
    let actor = in_session(register.person(by));
    register.tries(move |tx, desk| erasure::agree(tx, desk, &actor, id))
}

fn erases(register: &Register, name: &str) -> Erased {
    let proposed = proposes(register, "adam", name).expect("a proposal");
    agrees(register, "beth", proposed).expect("an erasure")
}

/// The ledger, the values beside it and what the database guards hold together.
fn all_verifies(register: &Register) {
    let found = register.reads(|conn| ledger::check(conn, true));
    assert_eq!(found.verdict, Verdict::Good, "{found:?}");
    let found = register.reads(countersign::db::check::triggers);
    assert_eq!(found.verdict, Verdict::Good, "{found:?}");
}

/// Where the database still holds this text, table by table.
fn traces(register: &Register, text: &str) -> Vec<&'static str> {
    let dump = register.dump();
    let holds = |rows: &Vec<String>| {
        let hex = hex::encode(text);
        rows.iter().any(|row| {
            let row = row.to_lowercase();
            row.contains(&text.to_lowercase()) || row.contains(&hex)
        })
    };
    let found = dump.into_iter().filter(|(_, rows)| holds(rows));
    found.map(|(table, _)| table).collect()
}

/// A case that olga owns, which names her in its text, and on which dana said something of her.
fn about_olga(register: &Register) -> Case {
    let case = register.submitted_by(
        "tomas",
        json!({ "purpose": "Ask Olga@Example.org before you start.", "notes": "olga@example.org" }),
    );
    let dana = register
        .as_reviewer("dana")
        .because("olga@example.org told me so.");
    dana.approve_if(
        &case,
        &[("olga@example.org reports monthly.", "2027-06-01")],
    );
    case
}

fn what_a_person_was_is_gone_and_everything_still_verifies(register: Register) {
    administrators(&register);
    let case = about_olga(&register);
    leaves(&register, "olga");
    assert!(traces(&register, "olga@example.org").len() > 3);
    let before = register.entries();
    let erased = erases(&register, "olga");
    assert!(erased.values >= 4 && erased.revisions == 1, "{erased:?}");
    assert_eq!(traces(&register, "olga@example.org"), [""; 0]);
    assert_eq!(traces(&register, "end of contract"), [""; 0]);
    let person = register.person("olga");
    let person = register.reads(|conn| people::known(conn, person));
    assert_eq!(person.name, "Erased person");
    assert!(!person.active && person.email.ends_with("@erased.invalid"));

    // Others keep what is theirs.
    assert_eq!(register.document(&case)["title"], "Summaries of tickets");
    assert!(!traces(&register, "tomas@example.org").is_empty());

    let after = register.entries();
    assert_eq!(&after[..before.len()], before, "entries stay as they are");
    let entry = after.last().expect("an entry");
    assert_eq!(entry.kind, "person.erased");
    assert_eq!(entry.data["basis"], "no_longer_needed");
    let listed = entry.data["values"].as_object().expect("values by name");
    let count: usize = listed
        .values()
        .map(|seqs| seqs.as_array().unwrap().len())
        .sum();
    assert_eq!(count, erased.values);
    assert!(listed.contains_key("name") && listed.contains_key("email"));
    all_verifies(&register);
}

fn a_text_that_names_the_person_keeps_the_digest_that_was_signed(register: Register) {
    administrators(&register);
    let case = about_olga(&register);
    let signed = register.review(&case).digest;
    leaves(&register, "olga");
    erases(&register, "olga");
    let document = register.document(&case);
    assert_eq!(document["owner"], "[erased]");
    assert_eq!(document["purpose"], "Ask [erased] before you start.");
    let number = register.record(&case).revision;
    let id = case.record;
    let revision = register.reads(move |c| countersign::register::revision(c, id, number));
    assert_eq!(revision.digest, signed);
    let digest_of = |text: &str| {
        let salt: [u8; 32] = hex::decode(&revision.salt).unwrap().try_into().unwrap();
        hex::encode(commitment(&salt, "document", text.as_bytes()))
    };
    let left = revision
        .redacted_digest
        .clone()
        .expect("a digest of what is left");
    assert_eq!(digest_of(&revision.text), left);
    assert_ne!(left, signed);
    let entries = register.entries();
    let told = &entries[revision.redacted_seq.expect("an entry") as usize].data["revisions"][0];
    assert_eq!(
        (&told["digest"], &told["fields"]),
        (&json!(left), &json!(["notes", "owner", "purpose"]))
    );
    // A search finds no more what is no more there.
    let found = register.reads(|conn| {
        use countersign::db::schema::records;
        let bodies: Vec<String> = records::table.select(records::body).load(conn)?;
        Ok(bodies.concat())
    });
    assert!(!found.to_lowercase().contains("olga"), "{found}");
    // The decision on it stands, and the review goes on.
    assert_eq!(register.review(&case).digest, signed);
    all_verifies(&register);
}

fn a_receipt_from_before_holds_after_the_erasure(register: Register) {
    administrators(&register);
    about_olga(&register);
    let size = register.ledger_size();
    let proof_of = |register: &Register, seq: u64, size: u64| {
        register.reads(move |conn| {
            let page = Page::From(seq);
            let row = ledger::rows(conn, &Filter::default(), page, 1)?.pop();
            let row = row.expect("the entry");
            let root = ledger::root(conn, size)?;
            let proof = inclusion(seq, size, &mut |wanted| nodes(conn, wanted));
            Ok((row.entry, root, proof.expect("a proof")))
        })
    };
    let receipts: Vec<_> = (0..size)
        .map(|seq| proof_of(&register, seq, size))
        .collect();
    leaves(&register, "olga");
    erases(&register, "olga");
    for (seq, (entry, root, proof)) in receipts.into_iter().enumerate() {
        let now = proof_of(&register, seq as u64, size);
        assert_eq!((&now.0, now.1), (&entry, root), "entry {seq}");
        check_inclusion(&proof, seq as u64, leaf_hash(&entry), size, root).expect("it holds");
    }
}

fn nodes(conn: &mut Conn, wanted: &[u64]) -> Result<Vec<ledger::tree::Hash>> {
    use countersign::db::schema::ledger_nodes;
    let one = |number: &u64| {
        let hash: Vec<u8> = ledger_nodes::table
            .find(*number as i64)
            .select(ledger_nodes::hash)
            .get_result(conn)?;
        Ok(ledger::tree::Hash::from_slice(&hash).expect("32 bytes"))
    };
    wanted.iter().map(one).collect()
}

fn erasing_takes_two_administrators_and_neither_is_the_person(register: Register) {
    administrators(&register);
    about_olga(&register);
    leaves(&register, "olga");
    register.refuses("forbidden", || proposes(&register, "tomas", "olga"));
    let olga = register.person("olga");
    let console = move |tx: &mut Tx, desk: &Desk| {
        erasure::propose(tx, desk, &operator(), olga, Basis::Objection, "x")
    };
    register.refuses("forbidden", || register.tries(console));
    let adam = in_session(register.person("adam"));
    let silent = move |tx: &mut Tx, desk: &Desk| {
        erasure::propose(tx, desk, &adam, olga, Basis::Objection, "  ")
    };
    register.refuses("invalid", || register.tries(silent));

    let id = proposes(&register, "adam", "olga").expect("a proposal");
    register.refuses("proposed-already", || proposes(&register, "beth", "olga"));
    register.refuses("two-people-needed", || agrees(&register, "adam", id));
    register.refuses("forbidden", || agrees(&register, "dana", id));
    agrees(&register, "beth", id).expect("an erasure");
    register.refuses("proposal-settled", || agrees(&register, "cara", id));
    register.refuses("erased-already", || proposes(&register, "adam", "olga"));
}

fn who_is_here_is_not_erased_and_who_is_erased_does_not_come_back(register: Register) {
    administrators(&register);
    register.refuses("person-still-here", || proposes(&register, "adam", "olga"));
    leaves(&register, "olga");
    let id = proposes(&register, "adam", "olga").expect("a proposal");
    let olga = register.person("olga");
    let back =
        move |tx: &mut Tx, desk: &Desk| people::come_back(tx, desk.clock.now(), &operator(), olga);
    register.tries(back).expect("she is back");
    register.refuses("person-still-here", || agrees(&register, "beth", id));
    leaves(&register, "olga");
    agrees(&register, "beth", id).expect("an erasure");
    register.refuses("person-erased", || register.tries(back));
    for sql in [
        "UPDATE people SET name = 'Olga' WHERE erased_at IS NOT NULL",
        "UPDATE people SET erased_at = NULL",
        "UPDATE people SET active = true WHERE erased_at IS NOT NULL",
    ] {
        assert!(
            !support::register::tampers(&register, sql),
            "let through: {sql}"
        );
    }
    // Somebody who comes with the same address is somebody new.
    let new = NewPerson {
        email: "olga@example.org".to_owned(),
        name: "olga".to_owned(),
        roles: Vec::new(),
        groups: Vec::new(),
    };
    let add = move |tx: &mut Tx, desk: &Desk| people::add(tx, desk.clock.now(), &operator(), &new);
    assert_ne!(register.does(add), olga);
    all_verifies(&register);
}

fn a_legal_hold_stands_against_an_erasure_until_it_is_lifted(register: Register) {
    administrators(&register);
    let case = about_olga(&register);
    leaves(&register, "olga");
    let id = proposes(&register, "adam", "olga").expect("a proposal");
    for on in [On::Person(register.person("olga")), On::Record(case.record)] {
        let adam = in_session(register.person("adam"));
        let sets = move |tx: &mut Tx, desk: &Desk| hold::set(tx, desk, &adam, on, "A lawsuit.");
        let hold = register.tries(sets.clone()).expect("a hold");
        register.refuses("held-already", || register.tries(sets));
        register.refuses("legal-hold", || agrees(&register, "beth", id));
        let cara = in_session(register.person("cara"));
        let lifts =
            move |tx: &mut Tx, desk: &Desk| hold::lift(tx, desk, &cara, hold, "It was settled.");
        register.tries(lifts.clone()).expect("it is lifted");
        register.refuses("hold-lifted", || register.tries(lifts));
    }
    let kinds: Vec<String> = register
        .entries()
        .into_iter()
        .map(|entry| entry.kind)
        .collect();
    let holds = kinds.iter().filter(|kind| kind.starts_with("hold."));
    assert_eq!(
        holds.collect::<Vec<_>>(),
        ["hold.set", "hold.lifted", "hold.set", "hold.lifted"]
    );
    let stranger = in_session(register.person("dana"));
    let record = case.record;
    register.refuses("forbidden", || {
        register
            .tries(move |tx, desk| hold::set(tx, desk, &stranger, On::Record(record), "Because."))
    });
    agrees(&register, "beth", id).expect("an erasure");
    all_verifies(&register);
}

fn what_an_erasure_left_cannot_be_rewritten(register: Register) {
    administrators(&register);
    let case = about_olga(&register);
    leaves(&register, "olga");
    erases(&register, "olga");
    let adam = in_session(register.person("adam"));
    let on = On::Record(case.record);
    register.does(move |tx, desk| hold::set(tx, desk, &adam, on, "A lawsuit.").map(drop));
    agreed(&register, Some(12), None);
    let before = register.dump();
    for sql in [
        "UPDATE erased_values SET entry_seq = 0",
        "DELETE FROM erased_values",
        // Put back from an old copy.
        "INSERT INTO ledger_private SELECT seq, name, entry, 'x' FROM erased_values
         JOIN ledger_entries USING (seq)",
        "INSERT INTO erased_values SELECT seq, name, 0 FROM ledger_private",
        "UPDATE revisions SET document = '{}'",
        "UPDATE revisions SET document = '{}', redacted_seq = redacted_seq + 1",
        "UPDATE erasures SET basis = 'unlawful'",
        "UPDATE erasures SET settled_by = proposed_by",
        "UPDATE erasures SET state = 'proposed'",
        "DELETE FROM erasures",
        "UPDATE legal_holds SET record_id = NULL",
        "DELETE FROM legal_holds",
        "UPDATE retention_rules SET values_months = 6",
        "DELETE FROM retention_rules",
    ] {
        assert!(
            !support::register::tampers(&register, sql),
            "let through: {sql}"
        );
    }
    assert_eq!(register.dump(), before);
}

fn a_declined_proposal_changes_nothing_and_can_be_made_again(register: Register) {
    administrators(&register);
    about_olga(&register);
    leaves(&register, "olga");
    let id = proposes(&register, "adam", "olga").expect("a proposal");
    let adam = in_session(register.person("adam"));
    register.does(move |tx, desk| erasure::decline(tx, desk, &adam, id, "A mistake."));
    register.refuses("proposal-settled", || agrees(&register, "beth", id));
    assert!(!traces(&register, "olga@example.org").is_empty());
    erases(&register, "olga");
}

fn two_who_agree_at_once_erase_once(register: Register) {
    administrators(&register);
    about_olga(&register);
    leaves(&register, "olga");
    let id = proposes(&register, "adam", "olga").expect("a proposal");
    let (other, start) = (register.another_node(), Barrier::new(2));
    let done: Vec<Result<Erased>> = std::thread::scope(|scope| {
        let agree = |db: countersign::db::Db, name: &'static str| {
            let (actor, desk) = (in_session(register.person(name)), register.desk.clone());
            let start = &start;
            scope.spawn(move || {
                start.wait();
                db.write_now(move |tx| erasure::agree(tx, &desk, &actor, id))
            })
        };
        let both = [agree(register.db.clone(), "beth"), agree(other, "cara")];
        both.map(|thread| thread.join().expect("no panic")).into()
    });
    let refused = done.iter().filter_map(|done| done.as_ref().err());
    let codes: Vec<&str> = refused.map(|error| error.meaning().code).collect();
    assert_eq!(codes, ["proposal-settled"]);
    let kinds = register.entries().into_iter().map(|entry| entry.kind);
    assert_eq!(kinds.filter(|kind| kind == "person.erased").count(), 1);
    all_verifies(&register);
}

fn an_erasure_meets_a_decision(register: Register) {
    administrators(&register);
    let cases: Vec<Case> = (0..4).map(|_| about_olga_undecided(&register)).collect();
    leaves(&register, "olga");
    let id = proposes(&register, "adam", "olga").expect("a proposal");
    let other = register.another_node();
    let start = Barrier::new(cases.len() + 1);
    std::thread::scope(|scope| {
        let start = &start;
        for case in &cases {
            let dana = register
                .as_reviewer("dana")
                .because("olga@example.org asked for it.");
            scope.spawn(move || {
                start.wait();
                dana.approve(case);
            });
        }
        let (actor, desk) = (in_session(register.person("beth")), register.desk.clone());
        scope.spawn(move || {
            start.wait();
            other
                .write_now(move |tx| erasure::agree(tx, &desk, &actor, id))
                .expect("an erasure");
        });
    });
    for case in &cases {
        assert_eq!(register.document(case)["owner"], "[erased]");
        assert_eq!(register.decisions(case).len(), 1);
    }
    all_verifies(&register);
}

fn about_olga_undecided(register: &Register) -> Case {
    register.submitted_by("tomas", json!({ "purpose": "As olga@example.org says." }))
}

fn what_mentions_the_person_and_stays_is_named(register: Register) {
    administrators(&register);
    let mut workflow = support::register::workflow(&[support::register::stage(
        "check",
        &[],
        &[support::register::seat("reviewer", 1)],
    )]);
    workflow["stages"][0]["seats"][0]["fallback"] = json!([{ "person": "olga@example.org" }]);
    register.publish(&workflow);
    leaves(&register, "olga");
    let olga = register.person("olga");
    let reach = register.reads(move |conn| {
        let person = people::known(conn, olga)?;
        erasure::reach(conn, &person)
    });
    assert_eq!(reach.remains.workflows, ["story version 1"]);
    erases(&register, "olga");
    assert_eq!(traces(&register, "olga@example.org"), ["workflows"]);
}

fn the_log_says_that_a_value_was_erased(register: Register) {
    administrators(&register);
    let case = about_olga(&register);
    let (desk, id) = (register.desk.clone(), case.record);
    let told = |register: &Register| {
        let desk = desk.clone();
        let items = register.reads(move |conn| review::timeline(conn, &desk, id));
        let decided = items.into_iter().find(|item| item.decision);
        decided.expect("a decision")
    };
    assert_eq!(
        told(&register).reason.as_deref(),
        Some("olga@example.org told me so.")
    );
    leaves(&register, "olga");
    erases(&register, "olga");
    let item = told(&register);
    assert_eq!(item.reason.as_deref(), Some("Erased"));
    assert_eq!(item.conditions, ["Erased"]);
    assert_eq!(
        item.actor.as_deref(),
        Some("dana"),
        "who decided is not who was erased"
    );
    let texts = register.reads(move |conn| review::conditions_of(conn, id));
    assert_eq!(texts[0].text, "Erased");
}

fn agreed(register: &Register, months: Option<i32>, days: Option<i32>) {
    let adam = in_session(register.person("adam"));
    let beth = in_session(register.person("beth"));
    let rule = register.does(move |tx, desk| {
        retention::propose(
            tx,
            desk,
            &adam,
            (months, days),
            "The works council asked for it.",
        )
    });
    register.does(move |tx, desk| retention::agree(tx, desk, &beth, rule));
}

fn applied(register: &Register) -> usize {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime
        .block_on(retention::apply(&register.db, &register.desk))
        .expect("it is applied")
}

fn values_beside(register: &Register, name: &'static str) -> i64 {
    register.reads(move |conn| {
        let rows = ledger_private::table.filter(ledger_private::name.eq(name));
        Ok(rows.count().get_result(conn)?)
    })
}

fn values_of_ended_reviews_go_when_two_agreed_on_it(register: Register) {
    administrators(&register);
    let ended = about_olga(&register);
    register.withdraw(&ended);
    let held = about_olga(&register);
    register.withdraw(&held);
    let running = about_olga(&register);
    register.days_pass(250);
    assert_eq!(
        applied(&register),
        0,
        "everything is kept until two agree on less"
    );
    agreed(&register, Some(12), Some(30));
    assert_eq!(applied(&register), 0, "it is not old enough");
    let adam = in_session(register.person("adam"));
    let record = held.record;
    register.does(move |tx, desk| hold::set(tx, desk, &adam, On::Record(record), "A lawsuit."));
    register.days_pass(200);
    let reasons = values_beside(&register, "reason");
    let gone = applied(&register);
    assert_eq!(
        gone, 3,
        "reason, answers and condition of the one that ended"
    );
    assert_eq!(values_beside(&register, "reason"), reasons - 1);
    assert_eq!(applied(&register), 0, "once");
    let of = |case: &Case| {
        let id = case.record;
        register.reads(move |conn| review::conditions_of(conn, id))[0]
            .text
            .clone()
    };
    assert_eq!(of(&ended), "Erased");
    assert_ne!(of(&held), "Erased");
    assert_ne!(of(&running), "Erased");
    let last = register.entries().pop().expect("an entry");
    assert_eq!(
        (last.kind.as_str(), last.actor.as_str()),
        ("values.erased", "system")
    );
    all_verifies(&register);
}

fn a_rule_of_retention_takes_two_and_has_bounds(register: Register) {
    administrators(&register);
    let propose = |name: &str, months: Option<i32>, days: Option<i32>| {
        let actor = in_session(register.person(name));
        register
            .tries(move |tx, desk| retention::propose(tx, desk, &actor, (months, days), "Because."))
    };
    register.refuses("forbidden", || propose("dana", Some(12), None));
    register.refuses("invalid", || propose("adam", Some(1), None));
    register.refuses("invalid", || propose("adam", None, Some(1)));
    let rule = propose("adam", Some(12), None).expect("a proposal");
    register.refuses("proposed-already", || propose("beth", Some(24), None));
    let agree = |name: &str| {
        let actor = in_session(register.person(name));
        register.tries(move |tx, desk| retention::agree(tx, desk, &actor, rule))
    };
    register.refuses("two-people-needed", || agree("adam"));
    assert_eq!(register.reads(retention::current), None);
    agree("beth").expect("it is agreed");
    let current = register.reads(retention::current).expect("a rule");
    assert_eq!(
        (current.values_months, current.links_days),
        (Some(12), None)
    );
    register.refuses("proposal-settled", || agree("cara"));
    let kinds: Vec<String> = register
        .entries()
        .into_iter()
        .map(|entry| entry.kind)
        .collect();
    assert_eq!(
        kinds[kinds.len() - 2..],
        ["retention.proposed", "retention.changed"]
    );
}

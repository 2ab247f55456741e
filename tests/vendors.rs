//! Vendors: what depends on them, and what happens when something changes there. On both databases.

mod support;

use actix_web::cookie::Cookie;
use actix_web::http::{StatusCode, header};
use actix_web::rt::System;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use countersign::app::App;
use countersign::db::{RecordId, VendorChangeId};
use countersign::error::{Error, Result};
use countersign::notify::{Letter, Mailbox, Postman, Worker};
use countersign::overview::Light;
use countersign::people;
use countersign::policy;
use countersign::register::{self, NewRecord, Record, Status};
use countersign::replay;
use countersign::review;
use countersign::rules::drafts;
use countersign::vendor::{self, CaseState, Change, Given, Refusal, State};
use countersign::web::serve::configure;
use countersign::web::session::session_cookie;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::afterwards::ORIGIN;
use support::on_both;
use support::register::{
    Case, Register, first_day, in_session, operator, seat, stage, tampers, use_case, workflow,
};

const SHIPPED: &str = include_str!("../templates/policies/data_use.json");

on_both! { now crate::open =>
    a_vendor_that_now_trains_on_customer_data_is_told_to_everybody_and_reviewed_again
    what_depends_on_a_vendor_is_found_by_its_name_its_reference_and_its_tools
    a_report_waits_for_a_keeper_and_a_dismissed_one_changes_nothing
    of_two_keepers_at_once_one_decides
    who_dies_in_the_middle_loses_nothing_and_begins_nothing_twice
    a_thousand_use_cases_are_reviewed_again_in_bounded_time
    what_is_rejected_is_approved_no_longer
    a_review_that_runs_begins_anew_or_goes_on_in_the_knowledge_of_it
    what_is_given_up_before_its_review_began_is_let_off_by_an_entry
    a_renewal_that_is_being_written_holds_its_use_case_back_until_it_is_submitted
    a_change_on_which_nothing_depends_is_closed_by_hand
    administrators_and_auditors_do_not_say_what_counts
    hostile_reports_are_refused_field_by_field_and_change_nothing
    a_program_reports_and_reads_what_depends_on_a_vendor
    an_auditor_of_a_unit_does_not_see_what_others_have_from_a_vendor
    a_use_case_that_is_taken_out_of_a_change_is_named
    the_vendor_point_is_settled_by_an_assessment_that_counts
    what_runs_out_is_told_to_keepers_and_owner_once
}

/// The same database, reached by services and over HTTP.
struct House {
    register: Register,
    app: App,
}

struct Answer {
    status: StatusCode,
    location: String,
    body: String,
}

impl Answer {
    #[track_caller]
    fn expect(&self, status: StatusCode) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    #[track_caller]
    fn shows(&self, pieces: &[&str]) {
        for piece in pieces {
            assert!(self.body.contains(piece), "{piece}: {}", self.body);
        }
    }
}

/// A house with a workflow of one stage, in which one of mei, ravi and rosa decides.
fn open(url: String) -> House {
    let register = Register::open(url);
    register.publish(&workflow(&[stage("check", &[], &[seat("reviewer", 1)])]));
    let app = register.app();
    House { register, app }
}

/// The policy that ships, with one more tool, of Nordlicht, in which internal data may be used.
fn with_polaris() -> String {
    let mut policy: Value = serde_json::from_str(SHIPPED).unwrap();
    let tool = json!({
        "key": "polaris", "title": "Polaris", "vendor": "NORDLICHT  ai", "aliases": ["Polaris Pro"],
        "modes": [],
    });
    policy["tools"].as_array_mut().unwrap().push(tool);
    let rule = json!({
        "key": "polaris_internal", "tools": ["polaris"], "classes": ["internal"],
        "verdict": "allowed", "reason": "The contract keeps it apart.",
    });
    policy["rules"].as_array_mut().unwrap().push(rule);
    policy.to_string()
}

impl House {
    fn vendor(&self, changes: Value) -> Record {
        let mut document = json!({ "title": "Nordlicht AI", "exit_plan": "Move to our own." });
        for (name, value) in changes.as_object().unwrap() {
            document[name] = value.clone();
        }
        self.made("vendor", document)
    }

    fn made(&self, kind: &'static str, document: Value) -> Record {
        let actor = in_session(self.register.person("tomas"));
        self.register
            .does(move |tx, desk| review::start(tx, desk, &actor, kind, document))
    }

    /// A use case that names the vendor, approved by mei.
    fn approved(&self, changes: Value) -> Case {
        let mut of_vendor = json!({
            "sourcing": "vendor", "vendor": "Nordlicht AI", "vendor_assessed": true,
            "trains_on_our_data": false, "cost_eur_per_year": 1200,
        });
        for (name, value) in changes.as_object().unwrap() {
            of_vendor[name] = value.clone();
        }
        let case = self.register.submitted_by("tomas", of_vendor);
        self.register.as_reviewer("mei").approve(&case);
        assert_eq!(self.register.standing(&case), "approved");
        case
    }

    fn reports(&self, who: &str, vendor: &Record, given: Given) -> Result<Change> {
        let (actor, id) = (in_session(self.register.person(who)), vendor.id);
        self.register
            .tries(move |tx, desk| vendor::report(tx, desk, &actor, id, &given))
    }

    fn confirms(&self, who: &str, change: &Change) -> Result<Change> {
        let (actor, id) = (in_session(self.register.person(who)), change.id);
        self.register
            .tries(move |tx, desk| vendor::confirm(tx, desk, &actor, id, Some("It is so.")))
    }

    fn change(&self, id: VendorChangeId) -> Change {
        self.register.reads(|conn| vendor::change(conn, id))
    }

    fn state(&self, change: &Change) -> State {
        self.change(change.id).state().unwrap()
    }

    fn case_states(&self, change: &Change) -> Vec<(String, String)> {
        let cases = self
            .register
            .reads(|conn| vendor::cases(conn, change.id, 0, 10_000));
        let line = |(case, record): (vendor::Case, Record)| (record.reference, case.state_word);
        cases.into_iter().map(line).collect()
    }

    fn depending(&self, vendor: &Record) -> Vec<RecordId> {
        self.register
            .reads(|conn| vendor::dependants(conn, vendor.id))
    }

    fn cookie(&self, name: &str) -> Cookie<'static> {
        let (person, now) = (self.register.person(name), self.register.desk.clock.now());
        let session = self
            .app
            .db
            .upkeep_now(move |tx| people::open_session(tx, now, person));
        session_cookie(&self.app, &session.expect("a session"))
    }

    fn send(&self, request: TestRequest) -> Answer {
        let request = request.insert_header((header::ORIGIN, ORIGIN)).to_request();
        System::new().block_on(async {
            let app = actix_web::App::new().configure(configure(self.app.clone()));
            let response = call_service(&init_service(app).await, request).await;
            let location = response.headers().get(header::LOCATION);
            let location = location.and_then(|value| value.to_str().ok());
            Answer {
                status: response.status(),
                location: location.unwrap_or_default().to_owned(),
                body: String::from_utf8_lossy(&read_body(response).await).into_owned(),
            }
        })
    }

    fn get(&self, who: &str, path: &str) -> Answer {
        self.send(TestRequest::get().uri(path).cookie(self.cookie(who)))
    }

    fn post(&self, who: &str, path: &str, pairs: &[(&str, &str)]) -> Answer {
        let request = TestRequest::post().uri(path).set_form(pairs);
        self.send(request.cookie(self.cookie(who)))
    }

    fn token(&self, name: &str, scopes: &[&str]) -> (header::HeaderName, String) {
        let (person, now) = (self.register.person(name), first_day());
        let scopes: Vec<String> = scopes.iter().map(ToString::to_string).collect();
        let secret = self
            .register
            .does(move |tx, _| people::create_token(tx, now, &operator(), person, &scopes, None));
        (header::AUTHORIZATION, format!("Bearer {}", secret.reveal()))
    }

    /// What the answer page says about internal data in the vendor's tool.
    fn answer(&self) -> Value {
        let token = self.token("tomas", &["read"]);
        let path = "/api/v1/policy/answers?tool=polaris&class=internal";
        let request = TestRequest::get().uri(path).insert_header(token);
        self.send(request).expect(StatusCode::OK)
    }

    /// Every mail that is owed goes out; those by this template, as `to: subject` and text.
    fn mails(&self, mailbox: &Mailbox, template: &str) -> Vec<Arc<Letter>> {
        let worker = Worker::new(self.app.clone(), Postman::Mailbox(mailbox.clone()));
        let worker = worker.expect("a worker");
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
            let task = tokio::spawn(worker.run(async move {
                let _ = stopped.await;
            }));
            for _ in 0..400 {
                let owed = self.app.db.read(|conn| {
                    let owed = "SELECT COUNT(*) AS count FROM outbox WHERE state = 'queued' \
                                AND template LIKE 'vendor%'";
                    support::register::count(conn, owed)
                });
                if owed.await.unwrap() == 0 {
                    break;
                }
                self.app.post.notify_one();
                tokio::time::sleep(Duration::from_millis(25)).await;
            }
            drop(stop);
            let _ = task.await;
        });
        let all = mailbox.list().into_iter();
        all.filter(|letter| letter.cover.template == template)
            .collect()
    }

    #[track_caller]
    fn agrees(&self) {
        let checked = self
            .register
            .reads(|conn| replay::check(conn, &self.register.desk));
        assert_eq!(checked.first, None);
    }
}

fn trains() -> Given {
    let sets = json!({ "trains_on_our_data": true });
    Given {
        area: "data_use".to_owned(),
        what: "From March on they train on what customers send.".to_owned(),
        source: "https://nordlicht.example/terms".to_owned(),
        effective_on: "2027-03-15".to_owned(),
        sets: sets.as_object().cloned().unwrap(),
    }
}

fn refused(done: Result<Change>) -> Refusal {
    match done {
        Err(Error::VendorChange(refusal)) => refusal,
        other => panic!("it should be refused: {other:?}"),
    }
}

fn a_vendor_that_now_trains_on_customer_data_is_told_to_everybody_and_reviewed_again(house: House) {
    let register = &house.register;
    let text = with_polaris();
    register
        .does(move |tx, desk| drafts::put(tx, desk, &operator(), &policy::KIND, &text).map(drop));
    let vendor = house.vendor(json!({ "trains_on_our_data": false }));
    let tool = house.made(
        "tool",
        json!({ "title": "Polaris", "vendor": "nordlicht ai" }),
    );
    let by_name = house.approved(json!({ "title": "Summaries" }));
    let by_tool = house.approved(json!({ "title": "Drafts", "vendor": "Somebody",
                                         "tool": "Polaris Pro" }));
    let other = house.approved(json!({ "title": "Other", "vendor": "Somebody" }));
    assert_eq!(house.answer()["verdict"], "allowed");

    // tomas reads it in the terms and reports it; vera, who keeps vendors, says that it counts.
    let page = house.get("tomas", &format!("/vendors/{}/changes", vendor.reference));
    page.expect(StatusCode::OK);
    page.shows(&[
        "Summaries",
        "Drafts",
        "2400 euros a year",
        "Move to our own.",
    ]);
    let report = [
        ("area", "data_use"),
        ("what", "From March on they train on what customers send."),
        ("source", "https://nordlicht.example/terms"),
        ("effective_on", "2027-03-15"),
        ("trains", "yes"),
    ];
    let path = format!("/vendors/{}/changes", vendor.reference);
    let made = house.post("tomas", &path, &report);
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.body);
    assert_eq!(
        house.answer()["verdict"],
        "allowed",
        "a report alone changes nothing"
    );
    let page = house.get("vera", &made.location);
    page.shows(&[
        "Does it count?",
        "From March on they train",
        "Summaries",
        "Drafts",
    ]);
    let reason = [("reason", "The terms say so.")];
    let done = house.post("vera", &format!("{}/confirmation", made.location), &reason);
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);

    // At once the answer is another, and the register says why.
    let answer = house.answer();
    assert_eq!(answer["verdict"], "review_required");
    assert_eq!(answer["overlay"]["path"], made.location);
    let page = house.get("tomas", "/answers?tool=polaris&class=internal");
    page.shows(&["Something changed at Nordlicht AI", &made.location]);
    let kept = house.post(
        "tomas",
        "/answers",
        &[("tool", "polaris"), ("class", "internal")],
    );
    assert_eq!(kept.status, StatusCode::SEE_OTHER, "{}", kept.body);
    let entry = register.entries().pop().unwrap();
    assert_eq!(entry.kind, "answer.kept");
    assert_eq!(entry.data["verdict"], "review_required");
    assert!(
        made.location
            .ends_with(entry.data["vendor_change"].as_str().unwrap())
    );
    house
        .get("tomas", "/use-cases")
        .shows(&["Under re-review because"]);

    // The clockwork begins the reviews; nobody else's are touched.
    register.clocks_tick();
    let page = house.get("tomas", &format!("/tools/{}", tool.reference));
    page.shows(&["Something changed at Nordlicht AI", &made.location]);
    for case in [&by_name, &by_tool] {
        assert_eq!(register.status(case), "in_review");
        assert_eq!(
            register.standing(case),
            "approved",
            "the approval goes on meanwhile"
        );
        let review = register.review(case);
        assert!(review.looks_again);
        assert_eq!(review.renews, register.record(case).approval_id);
        let reference = register.record(case).reference;
        let page = house.get("olga", &format!("/use-cases/{reference}"));
        page.shows(&[
            "Under re-review because something changed at Nordlicht AI",
            &made.location,
        ]);
        register.refuses("looks-again", || register.tries_to_withdraw("tomas", case));
    }
    assert_eq!(register.status(&other), "approved");
    let document = register.reads(|conn| {
        let record = register::by_id(conn, vendor.id)?;
        register::revision(conn, record.id, record.revision)?.document()
    });
    assert_eq!(
        document["trains_on_our_data"], true,
        "the vendor's record says it too"
    );

    // Owner, submitter and approver have one mail each, which lists both use cases.
    let mailbox = Mailbox::default();
    let letters = house.mails(&mailbox, "vendor_change");
    let mut to: Vec<&str> = letters
        .iter()
        .map(|one| one.cover.address.as_str())
        .collect();
    to.sort_unstable();
    assert_eq!(
        to,
        ["mei@example.org", "olga@example.org", "tomas@example.org"]
    );
    for letter in &letters {
        for said in [
            "Summaries",
            "Drafts",
            "From March on they train",
            &made.location,
        ] {
            assert!(letter.text.contains(said), "{said}: {}", letter.text);
        }
        assert!(!letter.text.contains("Other"), "{}", letter.text);
    }

    // The ledger tells it: one entry for the report, one for its confirmation, one for each review.
    let kinds: Vec<String> = register
        .entries()
        .into_iter()
        .map(|entry| entry.kind)
        .collect();
    let count = |kind: &str| kinds.iter().filter(|one| *one == kind).count();
    assert_eq!(count("vendor_change.reported"), 1);
    assert_eq!(count("vendor_change.confirmed"), 1);
    let named = register.entries().into_iter().filter(|entry| {
        let changes = entry.data.get("vendor_changes").and_then(Value::as_array);
        entry.kind == "review.opened"
            && changes.is_some_and(|all| made.location.ends_with(all[0].as_str().unwrap()))
    });
    assert_eq!(named.count(), 2);
    house.agrees();

    // One is decided: nothing is undone yet. With the other everything is as before.
    register.as_reviewer("ravi").approve(&by_name);
    assert_eq!(house.answer()["verdict"], "review_required");
    register.as_reviewer("ravi").approve(&by_tool);
    assert_eq!(house.answer()["verdict"], "allowed");
    assert_eq!(house.answer()["overlay"], Value::Null);
    for case in [&by_name, &by_tool] {
        assert_eq!(
            (register.status(case), register.standing(case)),
            ("approved".to_owned(), "approved".to_owned())
        );
        assert_eq!(
            register.record(case).approval_id,
            Some(register.review(case).id)
        );
    }
    let mut told = register.entries().into_iter();
    let closed = told.find(|entry| entry.kind == "vendor_change.closed");
    assert_eq!(closed.unwrap().actor, "system", "the reviews closed it");
    house
        .get("tomas", &made.location)
        .shows(&["Approved again", "are decided"]);
    house.agrees();
}

fn what_depends_on_a_vendor_is_found_by_its_name_its_reference_and_its_tools(house: House) {
    let text = with_polaris();
    house
        .register
        .does(move |tx, desk| drafts::put(tx, desk, &operator(), &policy::KIND, &text).map(drop));
    let vendor = house.vendor(json!({}));
    let tool = house.made(
        "tool",
        json!({ "title": "Aurora", "vendor": " nordlicht  AI" }),
    );
    let named = [
        json!({ "vendor": "  nordlicht   ai " }),
        json!({ "vendor": vendor.reference.to_lowercase() }),
        json!({ "vendor": "Another", "tool": "aurora" }),
        json!({ "vendor": "Another", "tool": tool.reference }),
        json!({ "vendor": "Another", "tool": "POLARIS" }),
        json!({ "vendor": "Another", "tool": "Polaris  pro" }),
    ];
    let cases = named.map(|named| house.approved(named).record);
    house.approved(json!({ "vendor": "Nordlicht AI Holding" }));
    house.approved(json!({ "vendor": "Another", "tool": "Aurora Borealis" }));
    assert_eq!(house.depending(&vendor), cases);
    let gone = house.register.submitted_by(
        "tomas",
        json!({ "vendor": "Nordlicht AI",
        "sourcing": "vendor", "vendor_assessed": true, "trains_on_our_data": false,
        "cost_eur_per_year": 1 }),
    );
    assert_eq!(house.depending(&vendor).len(), 7);
    house.register.withdraw(&gone);
    assert_eq!(
        house.depending(&vendor),
        cases,
        "what was taken back depends on nothing"
    );
    house.agrees();
}

fn a_report_waits_for_a_keeper_and_a_dismissed_one_changes_nothing(house: House) {
    let vendor = house.vendor(json!({}));
    let case = house.approved(json!({}));
    let change = house.reports("olga", &vendor, trains()).unwrap();
    assert_eq!(house.state(&change), State::Reported);
    assert_eq!(
        house.register.mails("vendor_change_reported"),
        1,
        "vera is told"
    );
    house.register.clocks_tick();
    assert_eq!(house.register.status(&case), "approved");
    let path = format!("/vendors/{}/changes/{}", vendor.reference, change.id);
    let wordless = house.post("vera", &format!("{path}/dismissal"), &[("reason", " ")]);
    assert_eq!(wordless.status, StatusCode::UNPROCESSABLE_ENTITY);
    wordless.shows(&["There is a problem", "Say why"]);
    let reason = [("reason", "That is another product.")];
    let done = house.post("vera", &format!("{path}/dismissal"), &reason);
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
    house.register.clocks_tick();
    assert_eq!(house.register.status(&case), "approved");
    assert_eq!(house.state(&change), State::Dismissed);
    house
        .get("olga", &path)
        .shows(&["Dismissed", "That is another product."]);
    let late = house.confirms("vera", &change);
    assert_eq!(refused(late), Refusal::Settled("dismissed"));
    house.agrees();
}

fn of_two_keepers_at_once_one_decides(house: House) {
    let vendor = house.vendor(json!({}));
    let case = house.approved(json!({}));
    house.register.appoint("viktor", "vendor_risk");
    let change = house.reports("olga", &vendor, trains()).unwrap();
    let nodes = [house.register.another_node(), house.register.another_node()];
    let racers = nodes.into_iter().zip(["vera", "viktor"]).map(|(db, who)| {
        let (actor, desk) = (
            in_session(house.register.person(who)),
            house.register.desk.clone(),
        );
        let id = change.id;
        std::thread::spawn(move || {
            db.write_now(move |tx| vendor::confirm(tx, &desk, &actor, id, None))
        })
    });
    let racers: Vec<_> = racers.collect();
    let done: Vec<_> = racers
        .into_iter()
        .map(|racer| racer.join().unwrap())
        .collect();
    assert_eq!(done.iter().filter(|one| one.is_ok()).count(), 1);
    let lost = done.into_iter().find(Result::is_err).unwrap();
    assert_eq!(refused(lost), Refusal::Settled("confirmed"));
    house.register.clocks_tick();
    assert_eq!(house.register.status(&case), "in_review");
    assert_eq!(house.case_states(&change).len(), 1);
    house.agrees();
}

fn who_dies_in_the_middle_loses_nothing_and_begins_nothing_twice(house: House) {
    let vendor = house.vendor(json!({}));
    let cases: Vec<Case> = (0..4).map(|_| house.approved(json!({}))).collect();
    let change = house.reports("vera", &vendor, trains()).unwrap();
    assert_eq!(
        house.state(&change),
        State::Open,
        "a keeper's report counts at once"
    );
    // The program began one review and died; two others take the rest up at the same time.
    let broken = house.register.tries(|tx, desk| {
        let record = register::any_by_reference(tx, "AI-2027-0001")?;
        let approval = record.approval_id.unwrap();
        review::look_again_at(tx, desk, &operator(), &record, approval)?;
        Err::<(), _>(Error::Interrupted)
    });
    assert!(broken.is_err(), "what fails leaves nothing");
    let desk = &house.register.desk;
    let nodes = [house.register.another_node(), house.register.another_node()];
    let racers = nodes.map(|db| {
        let desk = Arc::clone(desk);
        std::thread::spawn(move || vendor::open_due_now(&db, &desk, false).unwrap())
    });
    let begun: usize = racers.into_iter().map(|racer| racer.join().unwrap()).sum();
    assert_eq!(begun, 4, "each began once");
    for case in &cases {
        assert_eq!(house.register.status(case), "in_review");
        let reviews = house
            .register
            .reads(|conn| review::reviews_of(conn, case.record));
        assert_eq!(reviews.len(), 2);
    }
    assert_eq!(
        vendor::open_due_now(&house.register.db, desk, true).unwrap(),
        0
    );
    house.agrees();
}

fn a_thousand_use_cases_are_reviewed_again_in_bounded_time(house: House) {
    let many: usize = std::env::var("COUNTERSIGN_MANY").map_or(1000, |n| n.parse().unwrap());
    let (reviewed, register) = (1000.min(many), &house.register);
    let vendor = house.vendor(json!({}));
    let author = in_session(register.person("tomas"));
    let reviewer = in_session(register.person("mei"));
    for from in (0..many).step_by(250) {
        let (author, reviewer) = (author.clone(), reviewer.clone());
        register.does(move |tx, desk| {
            for n in from..many.min(from + 250) {
                let document = use_case(&json!({
                    "title": format!("Use case {n}"), "sourcing": "vendor",
                    "vendor": "Nordlicht AI", "vendor_assessed": true,
                    "trains_on_our_data": false, "cost_eur_per_year": 10,
                }));
                if n >= reviewed {
                    let kind = desk.kinds.by_key("use_case")?;
                    let status = Status::Registered;
                    let new = NewRecord {
                        document,
                        status,
                        source_key: None,
                    };
                    register::create(tx, desk.clock.now(), &operator(), kind, new)?;
                    continue;
                }
                let record = review::start(tx, desk, &author, "use_case", document)?;
                let run = review::submit(tx, desk, &author, record.id, 1)?;
                let tasks = review::open_tasks_of(tx, run.id)?;
                let mine = tasks
                    .iter()
                    .find(|task| Some(task.person_id) == reviewer.person);
                let given = review::DecisionGiven {
                    task: mine.unwrap().id,
                    seen: run.digest,
                    outcome: countersign::workflow::Outcome::Approve,
                    reason: None,
                    answers: json!({}),
                    conditions: Vec::new(),
                    link: None,
                };
                review::decide(tx, desk, &reviewer, &given)?;
            }
            Ok(())
        });
    }
    let watch = Instant::now();
    assert_eq!(house.depending(&vendor).len(), many);
    let (found, watch) = (watch.elapsed(), Instant::now());
    let page = house.get("tomas", &format!("/vendors/{}", vendor.reference));
    page.shows(&["other use cases", "euros a year"]);
    let (shown, watch) = (watch.elapsed(), Instant::now());
    let change = house.reports("vera", &vendor, trains()).unwrap();
    let (confirmed, watch) = (watch.elapsed(), Instant::now());
    register.clocks_tick();
    let begun = watch.elapsed();
    println!(
        "{many} use cases: found in {found:?}, page {shown:?}, confirmed in {confirmed:?}, \
         {reviewed} reviews begun in {begun:?}"
    );
    let open = house
        .case_states(&change)
        .into_iter()
        .filter(|(_, state)| state == "open");
    assert_eq!(open.count(), reviewed);
    assert!(found < Duration::from_secs(2), "{found:?}");
    assert!(confirmed < Duration::from_secs(20), "{confirmed:?}");
    assert!(begun < Duration::from_secs(180), "{begun:?}");
    assert_eq!(register.mails("vendor_change"), 3, "one mail a person");
    assert_eq!(
        register.mails("task"),
        3 * reviewed as i64,
        "those of the first reviews"
    );
    assert_eq!(
        register.mails("digest"),
        3,
        "and one digest for each of the three who decide"
    );
}

fn what_is_rejected_is_approved_no_longer(house: House) {
    let vendor = house.vendor(json!({}));
    let (bad, good) = (house.approved(json!({})), house.approved(json!({})));
    let change = house.reports("vera", &vendor, trains()).unwrap();
    house.register.clocks_tick();
    house.register.as_reviewer("ravi").reject(&bad);
    assert_eq!(house.register.standing(&bad), "revoked");
    let mut kinds = house.register.entries().into_iter();
    let revoked = kinds
        .find(|entry| entry.kind == "approval.revoked")
        .unwrap();
    assert_eq!(revoked.data["because"], "looked_again");
    assert_eq!(
        house.state(&change),
        State::Open,
        "the other is not decided"
    );
    house.register.as_reviewer("rosa").approve(&good);
    assert_eq!(house.register.standing(&good), "approved");
    assert_eq!(house.state(&change), State::Closed);
    assert_eq!(house.change(change.id).closed_by, None);
    house.agrees();
}

fn a_review_that_runs_begins_anew_or_goes_on_in_the_knowledge_of_it(house: House) {
    let two = stage("two", &["check"], &[seat("expert", 1)]);
    let first = stage("check", &[], &[seat("reviewer", 1)]);
    house.register.publish(&workflow(&[first, two]));
    let vendor = house.vendor(json!({}));
    let of_vendor = json!({ "sourcing": "vendor", "vendor": "Nordlicht AI",
        "vendor_assessed": true, "trains_on_our_data": false, "cost_eur_per_year": 1 });
    let untouched = house.register.submitted_by("tomas", of_vendor.clone());
    let half = house.register.submitted_by("tomas", of_vendor.clone());
    house.register.as_reviewer("mei").approve(&half);
    let draft = house.register.draft_by("tomas", of_vendor);
    let before = [
        house.register.review(&untouched).id,
        house.register.review(&half).id,
    ];
    let change = house.reports("vera", &vendor, trains()).unwrap();
    house.register.clocks_tick();
    assert_eq!(
        house.register.review(&untouched).id,
        before[0],
        "nobody had decided"
    );
    assert_ne!(
        house.register.review(&half).id,
        before[1],
        "mei decides again, knowing it"
    );
    assert_eq!(
        house.register.asked(&half, "check"),
        ["mei", "ravi", "rosa"]
    );
    let states: Vec<String> = house
        .case_states(&change)
        .into_iter()
        .map(|(_, s)| s)
        .collect();
    assert_eq!(states, ["open", "open", "told"]);
    house.agrees();
    // The draft is submitted while the change is open: its review deals with it.
    house.register.submit(&draft);
    assert!(
        house
            .register
            .review(&draft)
            .vendor_changes
            .contains(&change.id)
    );
    house.register.withdraw(&untouched);
    for case in [&half, &draft] {
        house.register.as_reviewer("mei").approve(case);
        house.register.as_reviewer("kim").approve(case);
    }
    assert_eq!(house.state(&change), State::Closed);
    house.agrees();
}

fn what_is_given_up_before_its_review_began_is_let_off_by_an_entry(house: House) {
    let vendor = house.vendor(json!({}));
    let given_up = house.register.submitted_by(
        "tomas",
        json!({ "sourcing": "vendor", "vendor": "Nordlicht AI", "vendor_assessed": true,
            "trains_on_our_data": false, "cost_eur_per_year": 1 }),
    );
    let change = house.reports("vera", &vendor, trains()).unwrap();
    let states = |house: &House| house.case_states(&change).remove(0).1;
    assert_eq!(states(&house), "waiting");
    house.register.withdraw(&given_up);
    house.register.clocks_tick();
    assert_eq!(states(&house), "told");
    let skipped = house.register.entries().into_iter();
    let mut skipped = skipped.filter(|entry| entry.kind == "vendor_change.skipped");
    let entry = skipped.next().expect("an entry that lets it off");
    assert_eq!(entry.subject["record"], given_up.record.to_string());
    assert_eq!(entry.subject["vendor_change"], change.id.to_string());
    assert!(skipped.next().is_none());
    assert_eq!(house.state(&change), State::Closed, "nothing else waits");
    house.agrees();
}

fn a_renewal_that_is_being_written_holds_its_use_case_back_until_it_is_submitted(house: House) {
    let vendor = house.vendor(json!({}));
    let case = house.approved(json!({}));
    house.register.renew(&case);
    let change = house.reports("vera", &vendor, trains()).unwrap();
    house.register.clocks_tick();
    let cases = house
        .register
        .reads(|conn| vendor::cases(conn, change.id, 0, 10));
    let (held, _) = &cases[0];
    assert_eq!(held.state().unwrap(), CaseState::Waiting);
    assert!(
        held.trouble.as_ref().unwrap().contains("renewal"),
        "{held:?}"
    );
    house.register.submit(&case);
    assert_eq!(house.case_states(&change)[0].1, "open");
    // Rejecting the renewal says nothing about what is approved: another review begins.
    house.register.as_reviewer("ravi").reject(&case);
    assert_eq!(house.register.standing(&case), "approved");
    assert_eq!(house.case_states(&change)[0].1, "waiting");
    let actor = in_session(house.register.person("tomas"));
    let id = case.record;
    house
        .register
        .does(move |tx, desk| review::give_renewal_up(tx, desk, &actor, id));
    house.register.days_pass_with_clocks(1);
    assert_eq!(house.case_states(&change)[0].1, "open");
    assert!(house.register.review(&case).looks_again);
    house.agrees();
}

fn a_change_on_which_nothing_depends_is_closed_by_hand(house: House) {
    let vendor = house.vendor(json!({}));
    let change = house.reports("vera", &vendor, trains()).unwrap();
    let close = |who: &str, reason: &'static str| {
        let (actor, id) = (in_session(house.register.person(who)), change.id);
        house
            .register
            .tries(move |tx, desk| vendor::close(tx, desk, &actor, id, reason))
    };
    house
        .register
        .refuses("forbidden", || close("gus", "Done."));
    house.register.refuses("invalid", || close("vera", " "));
    close("vera", "Nobody uses it.").unwrap();
    assert_eq!(house.state(&change), State::Closed);
    assert_eq!(refused(close("vera", "Again.")), Refusal::NotOpen("closed"));
    let case = house.approved(json!({}));
    let change = house.reports("vera", &vendor, trains()).unwrap();
    house.register.clocks_tick();
    let (actor, id) = (in_session(house.register.person("vera")), change.id);
    let early = house
        .register
        .tries(move |tx, desk| vendor::close(tx, desk, &actor, id, "Enough."));
    assert_eq!(refused(early), Refusal::UnderReview(1));
    assert_eq!(house.register.status(&case), "in_review");
    house.agrees();
}

fn administrators_and_auditors_do_not_say_what_counts(house: House) {
    let vendor = house.vendor(json!({}));
    house
        .register
        .refuses("forbidden", || house.reports("audra", &vendor, trains()));
    let change = house.reports("adam", &vendor, trains()).unwrap();
    assert_eq!(
        house.state(&change),
        State::Reported,
        "an administrator reports as anybody does"
    );
    for who in ["adam", "gus", "tomas", "audra"] {
        house
            .register
            .refuses("forbidden", || house.confirms(who, &change));
        let path = format!("/vendors/{}/changes/{}", vendor.reference, change.id);
        let asked = house.post(who, &format!("{path}/confirmation"), &[("reason", "x")]);
        assert_eq!(asked.status, StatusCode::FORBIDDEN, "{who}");
        assert!(!house.get(who, &path).body.contains("Does it count?"));
    }
    let page = house.get("audra", &format!("/vendors/{}/changes", vendor.reference));
    assert!(
        !page.body.contains("<textarea"),
        "an auditor is offered no form"
    );
}

fn hostile_reports_are_refused_field_by_field_and_change_nothing(house: House) {
    let vendor = house.vendor(json!({}));
    let case = house.approved(json!({}));
    let reports = |given: Given| house.reports("olga", &vendor, given);
    let long = "x".repeat(4001);
    let wrong: [(&str, Given); 7] = [
        (
            "area",
            Given {
                area: "everything".into(),
                ..trains()
            },
        ),
        (
            "what",
            Given {
                what: " \n\t ".into(),
                ..trains()
            },
        ),
        (
            "what",
            Given {
                what: long,
                ..trains()
            },
        ),
        (
            "effective_on",
            Given {
                effective_on: "2027-02-30".into(),
                ..trains()
            },
        ),
        (
            "source",
            Given {
                source: "y".repeat(2001),
                ..trains()
            },
        ),
        (
            "sets",
            Given {
                sets: json!({ "title": "Us" }).as_object().cloned().unwrap(),
                ..trains()
            },
        ),
        (
            "sets",
            Given {
                sets: json!({ "trains_on_our_data": "maybe" })
                    .as_object()
                    .cloned()
                    .unwrap(),
                ..trains()
            },
        ),
    ];
    for (field, given) in wrong {
        house
            .register
            .refuses("invalid", || match reports(given.clone()) {
                Err(Error::Invalid(errors)) => {
                    assert_eq!(errors[0].field, field, "{errors:?}");
                    Err(Error::Invalid(errors))
                }
                other => other,
            });
    }
    let of_no_vendor = Record {
        id: case.record,
        ..vendor.clone()
    };
    house.register.refuses("not-found", || {
        house.reports("olga", &of_no_vendor, trains())
    });
    let path = format!("/vendors/{}/changes", vendor.reference);
    let hostile = [
        ("area", "price"),
        ("what", "<script>alert(1)</script>"),
        ("source", "javascript:alert(1)"),
    ];
    let made = house.post("olga", &path, &hostile);
    let page = house.get("vera", &made.location);
    page.expect(StatusCode::OK);
    page.shows(&["&lt;script&gt;"]);
    assert!(!page.body.contains("href=\"javascript:"));
    let empty = house.post("olga", &path, &[("source", "kept as typed")]);
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
    empty.shows(&["Choose what changed", "Say what changed", "kept as typed"]);
    // A change is found at its own vendor only.
    let other = house.vendor(json!({ "title": "Another" }));
    let id = made.location.rsplit('/').next().unwrap();
    let strange = format!("/vendors/{}/changes/{id}", other.reference);
    assert_eq!(house.get("vera", &strange).status, StatusCode::NOT_FOUND);
    assert_eq!(
        house.get("vera", &format!("{path}/nothing")).status,
        StatusCode::NOT_FOUND
    );
    house.agrees();
}

fn a_program_reports_and_reads_what_depends_on_a_vendor(house: House) {
    let vendor = house.vendor(json!({}));
    let cases = [house.approved(json!({})), house.approved(json!({}))];
    let base = format!("/api/v1/vendors/{}", vendor.reference);
    let read = house.token("tomas", &["read"]);
    let get = |path: &str| {
        let request = TestRequest::get().uri(&format!("{base}{path}"));
        house.send(request.insert_header(read.clone()))
    };
    let found = get("/dependants?limit=1").expect(StatusCode::OK);
    assert_eq!((&found["total"], &found["next"]), (&json!(2), &json!(1)));
    assert_eq!(found["cost_eur_per_year"], 2400);
    assert_eq!(found["dependants"][0]["owner"], "olga");
    let rest = get("/dependants?limit=1&from=1").expect(StatusCode::OK);
    assert_eq!(rest["next"], Value::Null);
    get("/dependants?limit=0").expect(StatusCode::BAD_REQUEST);
    get("/dependants?limit=9999999").expect(StatusCode::BAD_REQUEST);
    let send = |who: &str, scope: &str, path: &str, body: Value| {
        let token = house.token(who, &[scope]);
        let request = TestRequest::post().uri(&format!("{base}{path}"));
        house.send(request.insert_header(token).set_json(body))
    };
    let body = json!({ "area": "sub_processor", "what": "Logs go to another company." });
    send("tomas", "read", "/changes", body.clone()).expect(StatusCode::FORBIDDEN);
    let unknown = json!({ "area": "price", "what": "x", "cost": 1 });
    send("tomas", "write", "/changes", unknown).expect(StatusCode::BAD_REQUEST);
    let made = send("tomas", "write", "/changes", body).expect(StatusCode::CREATED);
    assert_eq!(
        (&made["state"], &made["area"]),
        (&json!("reported"), &json!("sub_processor"))
    );
    let at = format!("/changes/{}", made["id"].as_str().unwrap());
    let confirm = format!("{at}/confirmation");
    send("tomas", "decide", &confirm, json!({})).expect(StatusCode::FORBIDDEN);
    let open = send("vera", "decide", &confirm, json!({})).expect(StatusCode::OK);
    assert_eq!(
        (&open["state"], &open["dependants"]),
        (&json!("open"), &json!(2))
    );
    let twice = send("vera", "decide", &confirm, json!({})).expect(StatusCode::CONFLICT);
    assert!(
        twice["type"]
            .as_str()
            .unwrap()
            .ends_with("#vendor-change-settled"),
        "{twice}"
    );
    house.register.clocks_tick();
    let now = get(&at).expect(StatusCode::OK);
    assert_eq!(now["cases"][1]["state"], "open");
    let found = get("/dependants").expect(StatusCode::OK);
    let why = found["dependants"][0]["under_review_because"]
        .as_str()
        .unwrap();
    assert!(why.contains("who else gets our data"), "{why}");
    assert_eq!(
        get("/changes").expect(StatusCode::OK)["changes"][0]["id"],
        made["id"]
    );
    for case in &cases {
        house.register.as_reviewer("mei").approve(case);
    }
    assert_eq!(get(&at).expect(StatusCode::OK)["state"], "closed");
    let early = send(
        "vera",
        "decide",
        &format!("{at}/closing"),
        json!({ "reason": "x" }),
    );
    early.expect(StatusCode::CONFLICT);
}

fn an_auditor_of_a_unit_does_not_see_what_others_have_from_a_vendor(house: House) {
    let vendor = house.vendor(json!({}));
    let ours = house.approved(json!({ "unit": "Claims", "title": "Of claims" }));
    house.approved(json!({ "unit": "Sales", "title": "Of sales" }));
    let auditor = house.register.person("audra");
    let within = Some((vec!["Claims".to_owned()], auditor));
    let note = house.register.reads(|conn| {
        let vendor = register::by_id(conn, vendor.id)?;
        vendor::record_note(conn, &vendor, &within)
    });
    let seen = note.vendor.unwrap().dependants;
    let reference = house.register.record(&ours).reference;
    assert_eq!((seen.total, seen.cost_eur_per_year), (1, Some(1200)));
    assert_eq!(seen.lines[0].reference, reference);
}

fn a_use_case_that_is_taken_out_of_a_change_is_named(house: House) {
    let vendor = house.vendor(json!({}));
    house.approved(json!({}));
    house.approved(json!({}));
    house.reports("vera", &vendor, trains()).unwrap();
    house.agrees();
    for refused in [
        "DELETE FROM vendor_change_cases",
        "DELETE FROM vendor_changes",
        "UPDATE vendor_changes SET area = 'price'",
        "UPDATE vendor_change_cases SET record_id = 'another'",
    ] {
        assert!(!tampers(&house.register, refused), "{refused}");
    }
    house.register.clocks_tick();
    house.agrees();
    let ended = "UPDATE vendor_change_cases SET state = 'ended', outcome = 'approved'";
    assert!(tampers(&house.register, ended));
    let checked = house
        .register
        .reads(|conn| replay::check(conn, &house.register.desk));
    let said = checked.first.expect("it shows");
    assert!(said.contains("vendor change case"), "{said}");
    house.register.plants();
}

fn the_vendor_point_is_settled_by_an_assessment_that_counts(house: House) {
    let vendor = house.vendor(json!({ "assessed_on": "2027-01-10",
        "assessment_valid_until": "2027-06-30", "certificates": ["iso_27001"],
        "iso_27001_until": "2027-09-30" }));
    let cases = [
        house.approved(json!({})),
        house.approved(json!({ "vendor": "Nobody knows" })),
        house.register.submitted_by("tomas", json!({})),
    ];
    let ids = cases.each_ref().map(|case| case.record);
    let on = |day: &str| {
        let today = day.parse().unwrap();
        let all = house
            .register
            .reads(|conn| vendor::standings(conn, &ids, today));
        ids.map(|id| all[&id].clone())
    };
    let [settled, unknown, none] = on("2027-03-01");
    assert_eq!(settled.light, Light::Settled, "{settled:?}");
    assert_eq!(settled.proofs.len(), 2);
    assert_eq!((unknown.light, none.light), (Light::Open, Light::NotNeeded));
    assert_eq!(
        on("2027-06-30")[0].light,
        Light::Settled,
        "on its last day it counts"
    );
    assert_eq!(on("2027-07-01")[0].light, Light::Expired);
    house.reports("vera", &vendor, trains()).unwrap();
    let [changed, ..] = on("2027-03-01");
    assert_eq!(changed.light, Light::Open);
    assert!(changed.why.contains("training"), "{}", changed.why);
}

fn what_runs_out_is_told_to_keepers_and_owner_once(house: House) {
    house.vendor(
        json!({ "owner": "olga@example.org", "assessment_valid_until": "2027-03-29",
        "contract_end": "2028-01-01", "certificates": ["soc_2"], "soc_2_until": "2020-01-01" }),
    );
    house.register.clocks_tick();
    assert_eq!(
        house.register.mails("vendor_due"),
        2,
        "vera and olga, of the assessment"
    );
    house.register.days_pass_with_clocks(2);
    assert_eq!(house.register.mails("vendor_due"), 2, "once");
    house.register.days_pass_with_clocks(20);
    assert_eq!(house.register.mails("vendor_due"), 4, "a week before");
    house.register.days_pass_with_clocks(8);
    assert_eq!(house.register.mails("vendor_due"), 6, "and when it ran out");
}

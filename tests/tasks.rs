//! Stories of tasks in an organisation that lives: clocks, absence, delegation, people who leave,
//! changes under review, and an inbox that is worked off. Told on both databases.

mod support;

use actix_web::cookie::Cookie;
use actix_web::http::StatusCode;
use actix_web::rt::System;
use actix_web::test::{self, TestRequest};
use countersign::app::App;
use countersign::config::Config;
use countersign::db::schema::{outbox, timers};
use countersign::db::{Day, PersonId, TaskId, Tx};
use countersign::error::Result;
use countersign::ledger::Actor;
use countersign::ledger::entry::{Entry, Method, Via};
use countersign::notify::links;
use countersign::people::{self, Secret, absence};
use countersign::review::clockwork::tick_now;
use countersign::review::engine::{Moved, Phase, Progress};
use countersign::review::{self, DecisionGiven, HandoverGiven, LinkState};
use countersign::web::serve;
use countersign::workflow::Outcome;
use diesel::prelude::*;
use serde_json::{Value, json};
use std::time::Duration;
use support::on_both;
use support::register::{Case, Register, in_session, operator, seat, stage, with, workflow};

on_both! { now crate::open =>
    a_task_is_handed_on_from_the_mail
    a_task_is_handed_on_once_and_never_to_whom_the_rules_exclude
    a_link_that_was_used_hands_nothing_on
    only_the_holder_hands_on_and_only_administrators_give
    an_administrator_gives_a_task_to_somebody_else
    who_is_away_when_a_stage_opens_is_not_asked
    an_absence_that_begins_moves_the_task_in_the_morning
    an_absence_is_noted_from_the_mail
    a_leaver_loses_the_task_and_a_stand_in_takes_it
    a_stage_that_takes_long_reminds_escalates_and_stays_open
    a_stage_whose_time_is_over_is_rejected_where_the_workflow_says_so
    a_stage_that_timed_out_is_made_up_for_or_not_approved
    risk_and_disagreement_bring_others_in
    a_clock_stands_while_changes_are_asked_for
    a_change_reopens_what_it_touches_and_nothing_else
    who_is_asked_again_sees_what_changed_and_what_they_decided
    the_page_says_when_it_is_due_and_in_whose_place
    a_stage_that_wants_a_sign_in_leads_there_and_back
    the_inbox_lists_what_is_due_first_and_is_filtered
    many_are_approved_and_one_refusal_leaves_the_others
    the_link_of_a_digest_opens_the_inbox_of_its_person_only
    a_role_that_grows_to_a_crowd_stops_no_review
    an_inbox_decides_no_longer_than_the_stage_lets_links_decide
    administrators_are_told_once_a_day_what_is_wrong
    two_nodes_take_each_step_once
    a_step_that_was_taken_before_a_crash_is_put_right
}

struct World {
    register: Register,
    app: App,
}

struct Answer {
    status: StatusCode,
    body: String,
    location: String,
}

fn open(url: String) -> World {
    let config = Config {
        database_url: url.clone(),
        ..Config::default()
    };
    let register = Register::open(url);
    let app = App::open(config, register.desk.clock.clone()).expect("the program opens");
    World { register, app }
}

/// One stage of the reviewers with a member more.
fn check(name: &str, value: Value) -> Value {
    with(stage("check", &[], &[seat("reviewer", 1)]), name, value)
}

impl World {
    fn publish(&self, stages: &[Value]) {
        self.register.publish(&workflow(stages));
    }

    fn case(&self) -> Case {
        self.register.submitted_by("tomas", json!({}))
    }

    fn visit(&self, request: TestRequest) -> Answer {
        System::new().block_on(async {
            let app = actix_web::App::new().configure(serve::configure(self.app.clone()));
            let app = test::init_service(app).await;
            let request = request.insert_header(("sec-fetch-site", "same-origin"));
            let response = test::call_service(&app, request.to_request()).await;
            let status = response.status();
            let location = response.headers().get("location");
            let location = location.and_then(|l| l.to_str().ok()).unwrap_or_default();
            let location = location.to_owned();
            let body = test::read_body(response).await;
            Answer {
                status,
                location,
                body: String::from_utf8_lossy(&body).into_owned(),
            }
        })
    }

    fn get(&self, path: &str) -> Answer {
        self.visit(TestRequest::get().uri(path))
    }

    fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.visit(TestRequest::post().uri(path).set_form(form))
    }

    fn session(&self, name: &str) -> Cookie<'static> {
        let (person, now) = (self.register.person(name), self.register.desk.clock.now());
        let open = move |tx: &mut Tx| people::open_session(tx, now, person);
        let secret = self.register.db.upkeep_now(open).expect("a session");
        Cookie::new("session", secret.reveal().to_owned())
    }

    fn get_as(&self, name: &str, path: &str) -> Answer {
        self.visit(TestRequest::get().uri(path).cookie(self.session(name)))
    }

    fn post_as(&self, name: &str, path: &str, form: &[(&str, &str)]) -> Answer {
        let request = TestRequest::post().uri(path).set_form(form);
        self.visit(request.cookie(self.session(name)))
    }

    /// Sends the form of a page with what it carries unseen.
    fn send(&self, page: &str, to: &str, typed: &[(&str, &str)]) -> Answer {
        let body = self.get(page).body;
        let mut form: Vec<(&str, &str)> = Vec::new();
        for name in ["_seen", "_nonce"] {
            let mark = format!("name=\"{name}\" value=\"");
            if let Some((_, after)) = body.split_once(&mark) {
                form.push((name, after.split('"').next().expect("an end")));
            }
        }
        form.extend(typed);
        self.post(to, &form)
    }

    /// Time goes by, hour by hour, with the clockwork running beside.
    fn hours_pass(&self, hours: u64) {
        for _ in 0..hours {
            let later = self
                .register
                .desk
                .clock
                .now()
                .plus(Duration::from_secs(3600));
            self.register.desk.clock.set(later);
            tick_now(&self.app).expect("the clockwork runs");
        }
    }

    fn days_pass(&self, days: u64) {
        for _ in 0..days {
            self.register.days_pass(1);
            tick_now(&self.app).expect("the clockwork runs");
        }
    }

    fn away(&self, name: &str, days: (&str, &str), delegate: Option<&str>) {
        let person = self.register.person(name);
        let new = absence::New {
            from: Day::parse(days.0).expect("a day"),
            until: Day::parse(days.1).expect("a day"),
            delegate: delegate.map(|name| self.register.person(name)),
        };
        self.register.does(move |tx, desk| {
            let (now, actor) = (desk.clock.now(), in_session(person));
            absence::set(tx, now, desk.today(), &actor, person, &new)
        });
        self.register.looks_again();
    }

    fn task(&self, case: &Case, name: &str) -> TaskId {
        let open = self.register.tasks_of(case, name);
        let open = open.iter().find(|task| task.state == "open");
        open.unwrap_or_else(|| panic!("{name} has no open task")).id
    }

    fn hands_on(&self, case: &Case, from: &str, to: &str, reason: &str) -> Result<()> {
        let actor = in_session(self.register.person(from));
        let given = HandoverGiven {
            task: self.task(case, from),
            to: format!("{to}@example.org"),
            reason: reason.to_owned(),
            link: None,
        };
        let done = move |tx: &mut Tx, desk: &review::Desk| {
            review::delegate(tx, desk, &actor, &given).map(drop)
        };
        self.register.tries(done)
    }

    fn hands_on_by_link(&self, case: &Case, from: &str, to: &str, link: &Secret) -> Result<()> {
        let actor = Actor::person(self.id(from), Via::new(Method::EmailLink, "link"));
        let given = HandoverGiven {
            task: self.task(case, from),
            to: format!("{to}@example.org"),
            reason: "Busy.".to_owned(),
            link: Some(link.hash()),
        };
        let done = move |tx: &mut Tx, desk: &review::Desk| {
            review::delegate(tx, desk, &actor, &given).map(drop)
        };
        self.register.tries(done)
    }

    fn entries(&self, kind: &str) -> Vec<Entry> {
        let all = self.register.entries().into_iter();
        all.filter(|entry| entry.kind == kind).collect()
    }

    /// How many mails by this template wait or went.
    fn mails(&self, template: &'static str) -> i64 {
        self.register.reads(|conn| {
            let mails = outbox::table.filter(outbox::template.eq(template));
            Ok(mails.count().get_result(conn)?)
        })
    }

    fn id(&self, name: &str) -> PersonId {
        self.register.person(name)
    }

    /// What a forged form would ask for: the page offers nothing to choose.
    fn decides_from(&self, inbox: &str, name: &str, task: TaskId, seen: &str) -> Result<()> {
        let secret = Secret::presented(inbox.trim_start_matches("/inbox/"));
        let actor = Actor::person(self.id(name), Via::new(Method::EmailLink, "inbox_link"));
        let given = DecisionGiven {
            task,
            seen: seen.to_owned(),
            outcome: Outcome::Approve,
            reason: None,
            answers: json!({}),
            conditions: Vec::new(),
            link: None,
        };
        let decide = move |tx: &mut Tx, desk: &review::Desk| {
            review::decide_from_inbox(tx, desk, &actor, &secret, &given).map(drop)
        };
        self.register.tries(decide)
    }

    fn inbox_link(&self, name: &str) -> String {
        let (person, now) = (self.id(name), self.register.desk.clock.now());
        let make = move |tx: &mut Tx| links::issue_inbox(tx, person, now);
        let secret = self.register.db.upkeep_now(make).expect("a link");
        format!("/inbox/{}", secret.reveal())
    }
}

fn page(link: &Secret) -> String {
    format!("/s/{}", link.reveal())
}

#[track_caller]
fn says(answer: &Answer, parts: &[&str]) {
    for part in parts {
        assert!(answer.body.contains(part), "no “{part}” in {}", answer.body);
    }
}

fn a_task_is_handed_on_from_the_mail(world: World) {
    world.publish(&[stage("check", &[], &[seat("reviewer", 1)])]);
    let case = world.case();
    let link = page(&world.register.link_for("mei", &case));
    let form = format!("{link}/delegation");
    let before = world.register.dump();
    says(&world.get(&link), &["Hand this on", "I am away"]);
    let shown = world.get(&form);
    says(&shown, &["stan", "Who shall decide"]);
    assert!(!shown.body.contains("ravi"), "ravi is asked already");
    let stan = world.id("stan").to_string();
    for typed in [
        vec![],
        vec![("to", stan.as_str())],
        vec![("reason", "Busy")],
    ] {
        let back = world.send(&form, &form, &typed);
        assert_eq!(back.status, StatusCode::UNPROCESSABLE_ENTITY);
        says(&back, &["There is a problem"]);
    }
    let forged = world.post(&form, &[("to", &stan), ("reason", "x"), ("_seen", "")]);
    assert_eq!(forged.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(world.register.dump(), before);

    let typed = [("to", stan.as_str()), ("reason", "At the fair.")];
    let sent = world.send(&form, &form, &typed);
    assert_eq!(
        (sent.status, sent.location),
        (StatusCode::SEE_OTHER, link.clone())
    );
    let gone = world.get(&link);
    assert_eq!(gone.status, StatusCode::GONE);
    says(
        &gone,
        &[
            "Somebody else decides this",
            "<b>stan</b> is asked now",
            "At the fair.",
        ],
    );
    let task = format!("/tasks/{}", world.task(&case, "stan"));
    says(
        &world.get_as("stan", &task),
        &["mei handed this on to you", "At the fair."],
    );
    world.register.as_reviewer("stan").approve(&case);
    let decided = &world.entries("decision.recorded")[0];
    assert_eq!(decided.data["on_behalf_of"], world.id("mei").to_string());
    assert_eq!(decided.actor, stan);
    let moved = &world.entries("task.moved")[0];
    assert_eq!(moved.actor, world.id("mei").to_string());
    assert_eq!(moved.data["because"], json!(Moved::Delegated));
    assert_eq!(world.register.status(&case), "approved");
}

fn a_task_is_handed_on_once_and_never_to_whom_the_rules_exclude(world: World) {
    let anybody = check("delegation", json!("any_eligible"));
    world.publish(&[with(anybody, "seats", json!([seat("reviewer", 2)]))]);
    let case = world.case();
    let register = &world.register;
    world.away("kim", ("2027-03-01", "2027-03-05"), None);
    for (to, code) in [
        ("tomas", "delegate-unfit"),
        ("olga", "delegate-unfit"),
        ("ravi", "delegate-unfit"),
        ("mei", "delegate-unfit"),
        ("kim", "delegate-unfit"),
        ("nobody", "delegate-unfit"),
    ] {
        register.refuses(code, || world.hands_on(&case, "mei", to, "Busy."));
    }
    register.refuses("reason-missing", || {
        world.hands_on(&case, "mei", "noor", " ")
    });
    world
        .hands_on(&case, "mei", "noor", "Busy.")
        .expect("noor can");
    register.refuses("delegated-already", || {
        world.hands_on(&case, "noor", "lena", "Busy too.")
    });
    let keep = check("delegation", json!("none"));
    world.publish(&[keep]);
    let kept = world.case();
    register.refuses("delegation-not-offered", || {
        world.hands_on(&kept, "mei", "stan", "Busy.")
    });
    let task = format!("/tasks/{}", world.task(&kept, "mei"));
    assert!(!world.get_as("mei", &task).body.contains("Hand this on"));
    says(
        &world.get_as("mei", &format!("{task}/delegation")),
        &["keeps this question with the people it names"],
    );
}

fn a_link_that_was_used_hands_nothing_on(world: World) {
    world.publish(&[stage("check", &[], &[seat("reviewer", 2)])]);
    let case = world.case();
    let link = world.register.link_for("mei", &case);
    let hidden = world.get(&format!("{}/delegation", page(&link))).body;
    assert!(hidden.contains("_nonce"));
    world
        .register
        .as_reviewer("mei")
        .by_link(&link)
        .approve(&case);
    let before = world.register.dump();
    let stan = world.id("stan").to_string();
    for path in ["delegation", "absence"] {
        let path = format!("{}/{path}", page(&link));
        assert_eq!(world.get(&path).status, StatusCode::SEE_OTHER);
        let form = [
            ("to", stan.as_str()),
            ("reason", "x"),
            ("from", "2027-03-02"),
        ];
        assert_eq!(world.post(&path, &form).status, StatusCode::SEE_OTHER);
    }
    assert_eq!(world.register.dump(), before);
}

fn only_the_holder_hands_on_and_only_administrators_give(world: World) {
    world.publish(&[stage("check", &[], &[seat("reviewer", 1)])]);
    let case = world.case();
    let task = world.task(&case, "mei");
    let form = [("to", "stan@example.org"), ("reason", "x")];
    let before = world.register.dump();
    let delegation = format!("/tasks/{task}/delegation");
    assert_eq!(
        world.post_as("ravi", &delegation, &form).status,
        StatusCode::NOT_FOUND
    );
    let holder = format!("/tasks/{task}/holder");
    for name in ["mei", "gus", "audra"] {
        assert_eq!(world.get_as(name, &holder).status, StatusCode::FORBIDDEN);
        assert_eq!(
            world.post_as(name, &holder, &form).status,
            StatusCode::FORBIDDEN
        );
    }
    assert_eq!(
        world.get(&holder).status,
        StatusCode::SEE_OTHER,
        "sign in first"
    );
    assert_eq!(world.register.dump(), before);
}

fn an_administrator_gives_a_task_to_somebody_else(world: World) {
    world.publish(&[stage("check", &[], &[seat("reviewer", 1)])]);
    let case = world.case();
    let reference = world.register.record(&case).reference;
    let record = format!("/use-cases/{reference}");
    says(&world.get_as("adam", &record), &["give to somebody else"]);
    assert!(
        !world
            .get_as("mei", &record)
            .body
            .contains("give to somebody else")
    );
    let holder = format!("/tasks/{}/holder", world.task(&case, "mei"));
    says(&world.get_as("adam", &holder), &["It is with mei now"]);
    let digest = world.register.review(&case).digest;
    let send = |to: &str, reason: &str| {
        let form = [("to", to), ("reason", reason), ("_seen", &digest)];
        world.post_as("adam", &holder, &form)
    };
    for (to, reason) in [
        ("adam@example.org", "Mine."),
        ("tomas@example.org", "Theirs."),
        ("stan@example.org", ""),
        ("", "Nobody."),
    ] {
        assert_eq!(
            send(to, reason).status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{to}"
        );
    }
    let sent = send("kim@example.org", "Mei moved to another team.");
    assert_eq!(
        (sent.status, sent.location),
        (StatusCode::SEE_OTHER, record)
    );
    let moved = &world.entries("task.moved")[0];
    assert_eq!(moved.actor, world.id("adam").to_string());
    assert_eq!(moved.data["from"], world.id("mei").to_string());
    let task = format!("/tasks/{}", world.task(&case, "kim"));
    says(
        &world.get_as("kim", &task),
        &["adam, who administers", "another team"],
    );
    world.register.as_reviewer("kim").approve(&case);
    assert_eq!(world.register.status(&case), "approved");
}

fn who_is_away_when_a_stage_opens_is_not_asked(world: World) {
    world.publish(&[stage("check", &[], &[seat("expert", 2)])]);
    world.away("kim", ("2027-03-01", "2027-03-05"), Some("stan"));
    let case = world.case();
    assert_eq!(world.register.asked(&case, "check"), ["noor", "stan"]);
    let task = format!("/tasks/{}", world.task(&case, "stan"));
    says(
        &world.get_as("stan", &task),
        &["kim is away", "in the place of kim"],
    );
    world.register.as_reviewer("stan").approve(&case);
    let decided = &world.entries("decision.recorded")[0];
    assert_eq!(decided.data["on_behalf_of"], world.id("kim").to_string());
    world.register.as_reviewer("noor").approve(&case);
    assert_eq!(world.register.status(&case), "approved");
}

fn an_absence_that_begins_moves_the_task_in_the_morning(world: World) {
    world.publish(&[stage("check", &[], &[seat("expert", 2)])]);
    world.away("kim", ("2027-03-03", "2027-03-05"), Some("stan"));
    let case = world.case();
    let link = world.register.link_for("kim", &case);
    assert_eq!(world.register.asked(&case, "check"), ["kim", "noor"]);
    world.days_pass(1);
    assert_eq!(world.register.asked(&case, "check"), ["kim", "noor"]);
    world.days_pass(1);
    assert_eq!(world.register.asked(&case, "check"), ["noor", "stan"]);
    assert!(matches!(
        world.register.link_state(&link),
        LinkState::Moved(_)
    ));
    says(
        &world.get(&page(&link)),
        &["You are away", "<b>stan</b> is asked now"],
    );
    assert_eq!(world.entries("task.moved").len(), 1);
    world.days_pass(2);
    assert_eq!(world.entries("task.moved").len(), 1, "once is enough");
}

fn an_absence_is_noted_from_the_mail(world: World) {
    world.publish(&[stage("check", &[], &[seat("expert", 2)])]);
    let case = world.case();
    let link = page(&world.register.link_for("kim", &case));
    let form = format!("{link}/absence");
    let before = world.register.dump();
    let empty = world.get(&form);
    says(&empty, &["I am away", "First day away", "sign in</a>"]);
    assert!(!empty.body.contains("name=\"delegate\""));
    // A mail that was forwarded gives no other task away, and nobody goes missing for a year.
    let wrong: [&[(&str, &str)]; 4] = [
        &[],
        &[("from", "1.3."), ("until", "2027-03-05")],
        &[
            ("from", "2027-03-01"),
            ("until", "2027-03-05"),
            ("delegate", "stan@example.org"),
        ],
        &[("from", "2027-03-01"), ("until", "2028-03-05")],
    ];
    for typed in wrong {
        let back = world.send(&form, &form, typed);
        assert_eq!(back.status, StatusCode::UNPROCESSABLE_ENTITY, "{typed:?}");
        says(&back, &["There is a problem"]);
    }
    let days = [("from", "2027-03-01"), ("until", "2027-03-05")];
    assert_eq!(
        world.post(&form, &days).status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    assert_eq!(world.register.dump(), before);
    let sent = world.send(&form, &form, &days);
    assert_eq!(
        (sent.status, sent.location),
        (StatusCode::SEE_OTHER, form.clone())
    );
    // Without anybody who stands in, the question stays, and so does the link.
    says(&world.get(&form), &["1 Mar 2027", "Nobody stands in"]);
    says(&world.get(&link), &["Your decision"]);
    let set = &world.entries("absence.set")[0];
    assert_eq!(set.actor, world.id("kim").to_string());
    assert_eq!(set.via.method.as_str(), "email_link");
}

fn a_leaver_loses_the_task_and_a_stand_in_takes_it(world: World) {
    world.publish(&[stage("check", &[], &[seat("expert", 2)])]);
    let case = world.case();
    world
        .hands_on(&case, "kim", "stan", "Busy.")
        .expect("stan can");
    let leaves = |name: &str| {
        let (admin, person) = (in_session(world.id("adam")), world.id(name));
        world
            .register
            .does(move |tx, desk| people::leave(tx, desk.clock.now(), &admin, person, None));
        world.register.looks_again();
    };
    // A delegate who leaves gives it back.
    leaves("stan");
    assert_eq!(world.register.asked(&case, "check"), ["kim", "noor"]);
    world.register.appoint("sid", "stand_in");
    leaves("kim");
    assert_eq!(world.register.asked(&case, "check"), ["noor", "sid"]);
    assert_eq!(world.entries("seat.left").len(), 1);
    world.register.as_reviewer("sid").approve(&case);
    world.register.as_reviewer("noor").approve(&case);
    assert_eq!(world.register.status(&case), "approved");
}

fn a_stage_that_takes_long_reminds_escalates_and_stays_open(world: World) {
    let sla = json!({"due": "2 business days", "remind": ["1 business days"],
                     "escalate": [{"after": "3 business days", "to": [{"role": "expert"}],
                                   "mode": "add_to_seat", "seat": "reviewer"}]});
    world.publish(&[check("sla", sla)]);
    let case = world.case();
    world.days_pass(10);
    for (kind, times) in [
        ("stage.reminded", 1),
        ("stage.overdue", 1),
        ("stage.escalated", 1),
    ] {
        assert_eq!(world.entries(kind).len(), times, "{kind}");
    }
    let asked = world.register.asked(&case, "check");
    assert_eq!(asked, ["kim", "mei", "noor", "ravi", "rosa"]);
    let reference = world.register.record(&case).reference;
    says(
        &world.get_as("adam", &format!("/use-cases/{reference}")),
        &["Overdue", "More people may decide"],
    );
    world.register.as_reviewer("kim").approve(&case);
    assert_eq!(world.register.status(&case), "approved");
}

fn a_stage_whose_time_is_over_is_rejected_where_the_workflow_says_so(world: World) {
    let sla = json!({"due": "2 business days", "on_timeout": "reject"});
    world.publish(&[check("sla", sla)]);
    let case = world.case();
    let link = world.register.link_for("mei", &case);
    world.days_pass(3);
    assert_eq!(world.register.review(&case).phase, Phase::Rejected);
    assert!(world.register.decisions(&case).is_empty(), "nobody decided");
    assert_eq!(world.get(&page(&link)).status, StatusCode::GONE);
}

fn a_stage_that_timed_out_is_made_up_for_or_not_approved(world: World) {
    let sla = json!({"due": "2 business days", "on_timeout": "mark_timed_out"});
    let later = stage("later", &["check"], &[seat("expert", 1)]);
    world.publish(&[check("sla", sla), later]);
    let case = world.case();
    world.days_pass(3);
    assert_eq!(world.register.progress(&case, "check"), Progress::TimedOut);
    assert_eq!(world.register.asked(&case, "later"), ["kim", "noor"]);
    world.register.as_reviewer("kim").approve(&case);
    assert_eq!(world.register.status(&case), "approved");
}

fn risk_and_disagreement_bring_others_in(world: World) {
    let rules = json!([
        {"on": "opened", "when": "'personal' in request.data_classes",
         "to": [{"role": "expert"}], "mode": "must_agree", "seat": "reviewer"},
        {"on": "disagreement", "to": [{"role": "legal"}], "mode": "must_agree",
         "seat": "reviewer"}
    ]);
    let two = with(
        check("escalate", rules),
        "seats",
        json!([seat("reviewer", 2)]),
    );
    world.publish(&[with(two, "on_reject", json!("until_impossible"))]);
    let personal = json!({"data_classes": ["personal"], "data_subjects": "Staff.",
                          "lawful_basis": "contract", "retention": "A year.",
                          "data_location": "eu"});
    let case = world.register.submitted_by("tomas", personal);
    let asked = world.register.asked(&case, "check");
    assert_eq!(asked, ["kim", "mei", "noor", "ravi", "rosa"]);
    world.register.as_reviewer("mei").reject(&case);
    world.register.as_reviewer("ravi").approve(&case);
    assert!(
        world
            .register
            .asked(&case, "check")
            .contains(&"lena".to_owned())
    );
    assert_eq!(world.entries("stage.escalated").len(), 2);
    for name in ["rosa", "kim", "lena"] {
        world.register.as_reviewer(name).approve(&case);
    }
    assert_eq!(world.register.status(&case), "approved");
}

fn a_clock_stands_while_changes_are_asked_for(world: World) {
    let due = json!({"due": "4 business days"});
    let keeps = json!([{"fields": ["request.purpose"], "effect": "keep"}]);
    let other = with(
        stage("other", &[], &[seat("expert", 1)]),
        "sla",
        due.clone(),
    );
    let flow = workflow(&[check("sla", due), other]);
    world.register.publish(&with(flow, "on_change", keeps));
    let case = world.case();
    let before = world.register.review(&case).due("other").expect("a clock");
    world.days_pass(1);
    world.register.as_reviewer("mei").request_changes(&case);
    let reference = world.register.record(&case).reference;
    says(
        &world.get_as("tomas", &format!("/use-cases/{reference}")),
        &["The clock stands while changes are asked for"],
    );
    world.days_pass(2);
    world.register.edit(&case, json!({"purpose": "Shorter."}));
    world.register.submit(&case);
    let after = world.register.review(&case).due("other").expect("a clock");
    let shift = after.0.duration_since(before.0);
    // Friday at nine and two working days make the end of Monday.
    assert_eq!(shift.as_hours(), 80, "two working days stood still");
    assert_eq!(world.entries("stage.overdue").len(), 0);
}

fn a_change_reopens_what_it_touches_and_nothing_else(world: World) {
    let rules = json!([
        {"fields": ["request.title"], "effect": "keep"},
        {"fields": ["request.tool"], "effect": "reopen", "stages": ["tool"]}
    ]);
    let stages = [
        stage("check", &[], &[seat("reviewer", 2)]),
        stage("tool", &[], &[seat("expert", 2)]),
    ];
    let flow = with(workflow(&stages), "on_change", rules);
    world.register.publish(&flow);
    let case = world.case();
    world.register.as_reviewer("mei").approve(&case);
    world.register.as_reviewer("kim").approve(&case);
    let votes = |stage: &str| {
        let review = world.register.review(&case);
        let run = review.stage(stage).expect("the stage");
        (run.epoch, run.votes.len())
    };
    world
        .register
        .edit(&case, json!({"title": "Another title"}));
    assert_eq!((votes("check"), votes("tool")), ((0, 1), (0, 1)));
    world.register.edit(&case, json!({"tool": "Large model"}));
    assert_eq!((votes("check"), votes("tool")), ((0, 1), (1, 0)));
    world
        .register
        .edit(&case, json!({"purpose": "Something else."}));
    assert_eq!((votes("check"), votes("tool")), ((1, 0), (2, 0)));
}

fn who_is_asked_again_sees_what_changed_and_what_they_decided(world: World) {
    world.publish(&[stage("check", &[], &[seat("reviewer", 2)])]);
    let case = world.case();
    let mei = world.register.as_reviewer("mei").because("Only in house.");
    mei.approve_if(&case, &[("Delete prompts", "2027-06-30")]);
    world
        .register
        .edit(&case, json!({"purpose": "Something else."}));
    let task = format!("/tasks/{}", world.task(&case, "mei"));
    says(
        &world.get_as("mei", &task),
        &[
            "Your earlier decision",
            "approved with conditions",
            "Only in house.",
            "Delete prompts",
            "Changed since revision 1",
            "Something else.",
        ],
    );
    let other = format!("/tasks/{}", world.task(&case, "ravi"));
    assert!(
        !world
            .get_as("ravi", &other)
            .body
            .contains("Your earlier decision")
    );
}

fn the_page_says_when_it_is_due_and_in_whose_place(world: World) {
    world.publish(&[check("sla", json!({"due": "3 business days"}))]);
    let case = world.case();
    let link = page(&world.register.link_for("mei", &case));
    says(
        &world.get(&link),
        &["4 Mar 2027, 09:00 UTC</time>, in 3 business days"],
    );
    world.days_pass(4);
    says(&world.get(&link), &["Overdue", "since"]);
    let reference = world.register.record(&case).reference;
    says(
        &world.get_as("tomas", &format!("/use-cases/{reference}")),
        &["If every stage takes as long as it may"],
    );
}

fn a_stage_that_wants_a_sign_in_leads_there_and_back(world: World) {
    let step_up = json!({"link": "decide", "step_up_when": "request.effect_on_people != 'none'"});
    world.publish(&[check("email", step_up)]);
    let plain = world.case();
    let link = page(&world.register.link_for("mei", &plain));
    says(&world.get(&link), &["Record my decision"]);
    let serious = json!({"effect_on_people": "assistive", "human_oversight": "A person.",
                         "people_affected": "Staff."});
    let case = world.register.submitted_by("tomas", serious);
    let secret = world.register.link_for("mei", &case);
    let task = format!("/tasks/{}", world.task(&case, "mei"));
    let shown = world.get(&page(&secret));
    says(&shown, &["Sign in to decide", &format!("href=\"{task}\"")]);
    assert!(!shown.body.contains("Record my decision"));
    let led = world.get(&task).location;
    assert!(led.starts_with("/sign-in?next=%2Ftasks%2F"), "{led}");
    let by_link = world.register.as_reviewer("mei").by_link(&secret);
    world.register.refuses("sign-in-required", || {
        by_link.tries(Outcome::Approve, &case)
    });
    // Nor does it hand the task on to somebody who then decides it by a link of their own.
    assert!(!shown.body.contains("Hand this on"));
    let delegation = format!("{}/delegation", page(&secret));
    assert_eq!(world.get(&delegation).location, page(&secret));
    world.register.refuses("sign-in-required", || {
        world.hands_on_by_link(&case, "mei", "stan", &secret)
    });
    // The inbox of a digest shows it, and decides it neither.
    let inbox = world.inbox_link("mei");
    says(&world.get(&inbox), &["wants you to <a"]);
    world.register.as_reviewer("mei").approve(&case);
}

fn the_inbox_lists_what_is_due_first_and_is_filtered(world: World) {
    world.publish(&[check("sla", json!({"due": "1 business days"}))]);
    let late = world
        .register
        .submitted_by("tomas", json!({"title": "Late one"}));
    world.days_pass(2);
    world.publish(&[check("guidance", json!("Look at the purpose."))]);
    world
        .register
        .submitted_by("tomas", json!({"title": "Without a clock"}));
    world.publish(&[check("sla", json!({"due": "9 business days"}))]);
    world
        .register
        .submitted_by("olga", json!({"title": "Soon enough"}));
    let all = world.get_as("mei", "/tasks");
    let place = |title: &str| all.body.find(title).unwrap_or_else(|| panic!("no {title}"));
    assert!(place("Late one") < place("Soon enough"));
    assert!(place("Soon enough") < place("Without a clock"));
    says(
        &all,
        &[
            "3 questions wait",
            "1 of them overdue",
            "Look at the purpose.",
            "by olga",
        ],
    );
    let overdue = world.get_as("mei", "/tasks?due=overdue").body;
    assert!(overdue.contains("Late one") && !overdue.contains("Soon enough"));
    let found = world.get_as("mei", "/tasks?q=enough").body;
    assert!(found.contains("Soon enough") && !found.contains("Late one"));
    says(
        &world.get_as("mei", "/tasks?q=%3Cx%3E"),
        &["None of them fits", "&lt;x&gt;"],
    );
    says(&world.get_as("mei", "/"), &["Late one", "Overdue"]);
    world.register.as_reviewer("mei").approve(&late);
}

fn many_are_approved_and_one_refusal_leaves_the_others(world: World) {
    world.publish(&[stage("check", &[], &[seat("reviewer", 1)])]);
    let cases: Vec<Case> = (0..3).map(|_| world.case()).collect();
    world.publish(&[check("form", json!("data_use_review"))]);
    let asks = world.case();
    let ids: Vec<String> = cases
        .iter()
        .chain([&asks])
        .map(|case| world.task(case, "mei").to_string())
        .collect();
    let query: Vec<String> = ids.iter().map(|id| format!("task={id}")).collect();
    let before = world.register.dump();
    let path = format!("/tasks/check?_choice=approve&{}", query.join("&"));
    let shown = world.get_as("mei", &path);
    let digest = |case: &Case| world.register.review(case).digest;
    says(
        &shown,
        &[
            "Check before you sign",
            "3 use cases",
            "Left out",
            "its form is filled",
        ],
    );
    for case in &cases {
        says(&shown, &[&digest(case)]);
    }
    assert_eq!(world.register.dump(), before);

    let mut signed: Vec<(String, String)> = cases
        .iter()
        .zip(&ids)
        .map(|(case, id)| ("task".to_owned(), format!("{id}:{}", digest(case))))
        .collect();
    signed.push((
        "task".to_owned(),
        format!(
            "{}:x",
            TaskId::of(world.register.review(&asks).id, "check", 9, world.id("mei"))
        ),
    ));
    signed.push(("_choice".to_owned(), "approve".to_owned()));
    // The second case changes after the page was drawn.
    world
        .register
        .edit(&cases[1], json!({"purpose": "Quite another."}));
    let form: Vec<(&str, &str)> = signed
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    let entries = world.entries("decision.recorded").len();
    let done = world.post_as("mei", "/tasks/decisions", &form);
    assert_eq!(done.status, StatusCode::OK, "{}", done.body);
    says(
        &done,
        &[
            "2 decisions are recorded",
            "Not recorded",
            "not yours or not there",
        ],
    );
    assert_eq!(world.entries("decision.recorded").len(), entries + 2);
    assert_eq!(world.register.status(&cases[0]), "approved");
    assert_eq!(world.register.status(&cases[1]), "in_review");
    assert_eq!(world.register.status(&cases[2]), "approved");
    // Sent again, it says that it was decided and records nothing.
    let again = world.post_as("mei", "/tasks/decisions", &form);
    says(&again, &["Nothing was recorded"]);
    let reject = format!("{}:{}", world.task(&cases[1], "mei"), digest(&cases[1]));
    let form = [("task", reject.as_str()), ("_choice", "reject")];
    let back = world.post_as("mei", "/tasks/decisions", &form);
    assert_eq!(back.status, StatusCode::UNPROCESSABLE_ENTITY);
    says(&back, &["href=\"#reason\""]);
    let form = [form[0], form[1], ("_reason", "No.")];
    world.post_as("mei", "/tasks/decisions", &form);
    assert_eq!(world.register.status(&cases[1]), "rejected");
}

fn the_link_of_a_digest_opens_the_inbox_of_its_person_only(world: World) {
    world.publish(&[stage("check", &[], &[seat("reviewer", 2)])]);
    let case = world.case();
    let (mine, other) = (world.inbox_link("mei"), world.inbox_link("ravi"));
    let before = world.register.dump();
    let list = world.get(&mine);
    says(&list, &["Questions for mei", "has recorded nothing"]);
    let task = world.task(&case, "mei");
    let check = format!("{mine}/check?_choice=approve&task={task}");
    says(&world.get(&check), &["For mei", "1 use case"]);
    assert_eq!(world.get("/inbox/nonsense").status, StatusCode::GONE);
    let digest = world.register.review(&case).digest;
    let signed = format!("{task}:{digest}");
    let decisions = format!("{mine}/decisions");
    let typed = [("task", signed.as_str()), ("_choice", "approve")];
    // Without the page's proof, and with that of somebody else's page.
    assert_eq!(
        world.post(&decisions, &typed).status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let theirs = format!(
        "{other}/check?_choice=approve&task={}",
        world.task(&case, "ravi")
    );
    let foreign = world.send(&theirs, &decisions, &typed);
    assert_eq!(foreign.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(world.register.dump(), before);
    // Somebody else's task under one's own link.
    let wrong = format!("{}:{digest}", world.task(&case, "ravi"));
    let wrong = [("task", wrong.as_str()), ("_choice", "approve")];
    says(
        &world.send(&check, &decisions, &wrong),
        &["Nothing was recorded"],
    );
    assert!(world.register.decisions(&case).is_empty());
    let done = world.send(&check, &decisions, &typed);
    says(&done, &["1 decision is recorded"]);
    assert_eq!(world.register.decisions(&case), ["mei approve check 1"]);
    let entry = &world.entries("decision.recorded")[0];
    assert_eq!(entry.via.method.as_str(), "email_link");
    world.register.days_pass(8);
    assert_eq!(world.get(&mine).status, StatusCode::GONE);
}

fn an_inbox_decides_no_longer_than_the_stage_lets_links_decide(world: World) {
    world.publish(&[check(
        "email",
        json!({"link": "decide", "valid_for": "P2D"}),
    )]);
    let case = world.case();
    let inbox = world.inbox_link("mei");
    let task = world.task(&case, "mei");
    let check = format!("{inbox}/check?_choice=approve&task={task}");
    says(&world.get(&check), &["1 use case"]);
    let digest = world.register.review(&case).digest;
    let signed = format!("{task}:{digest}");
    let typed = [("task", signed.as_str()), ("_choice", "approve")];
    // One that is made later decides as long from then.
    world.register.days_pass(1);
    let later = world.inbox_link("mei");
    world.register.days_pass(1);
    let before = world.register.dump();
    says(&world.get(&inbox), &["wants you to <a"]);
    says(&world.get(&check), &["wants you to sign in"]);
    world.register.refuses("sign-in-required", || {
        world.decides_from(&inbox, "mei", task, &digest)
    });
    assert_eq!(world.register.dump(), before);
    let check = format!("{later}/check?_choice=approve&task={task}");
    let done = world.send(&check, &format!("{later}/decisions"), &typed);
    says(&done, &["1 decision is recorded"]);
}

/// So many people get a role.
fn crowd(world: &World, role: &'static str, size: usize) {
    world.register.does(move |tx, desk| {
        for number in 0..size {
            let new = people::NewPerson {
                email: format!("p{number}@example.org"),
                name: format!("P {number}"),
                roles: vec![role.to_owned()],
                groups: Vec::new(),
            };
            people::add(tx, desk.clock.now(), &operator(), &new)?;
        }
        Ok(())
    });
}

fn a_role_that_grows_to_a_crowd_stops_no_review(world: World) {
    let sla = json!({"due": "2 business days",
                     "escalate": [{"after": "3 business days", "to": [{"role": "crowd"}],
                                   "mode": "notify"}]});
    let stages = [
        check("sla", sla),
        stage("after", &["check"], &[seat("crowd", 1)]),
    ];
    world.publish(&stages);
    let case = world.case();
    crowd(&world, "crowd", 1_700);
    // More than an entry can name are told, and the clock goes on.
    world.days_pass(7);
    let told = &world.entries("stage.escalated")[0].data["told"];
    assert_eq!(told["count"], 1_700);
    assert_eq!(told["digest"].as_str().map(str::len), Some(64));
    assert_eq!(world.mails("escalated"), 1_700);
    // A stage that opens later asks as many as an entry can name.
    world.register.as_reviewer("mei").approve(&case);
    let review = world.register.review(&case);
    assert_eq!(review.stage("after").expect("a stage").asked().len(), 400);
    // What did not begin yet is refused in words, and so is such a workflow.
    let draft = world.register.draft_by("tomas", json!({}));
    world.register.refuses("too-many-asked", || {
        world.register.tries_to_submit("tomas", &draft)
    });
    world.register.refuses("too-many-asked", || {
        let other = with(workflow(&stages), "title", json!("Another"));
        world.register.tries_to_publish(&other.to_string())
    });
}

fn administrators_are_told_once_a_day_what_is_wrong(world: World) {
    let nobody = json!([{"key": "nobody", "from": [{"role": "nobody_holds_this"}], "need": 1,
                         "fallback": [{"role": "nobody_either"}]}]);
    world.publish(&[with(
        stage("check", &[], &[seat("expert", 1)]),
        "seats",
        nobody,
    )]);
    let case = world.case();
    tick_now(&world.app).expect("the clockwork runs");
    assert_eq!(world.mails("staffing"), 1, "adam is told");
    let context: String = world.register.reads(|conn| {
        let told = outbox::table.filter(outbox::template.eq("staffing"));
        Ok(told.select(outbox::context).get_result(conn)?)
    });
    let reference = world.register.record(&case).reference;
    assert!(
        context.contains(&reference) && context.contains("check"),
        "{context}"
    );
    world.hours_pass(3);
    assert_eq!(world.mails("staffing"), 1);
    world.days_pass(1);
    assert_eq!(world.mails("staffing"), 2);
    world.register.appoint("newcomer", "nobody_holds_this");
    world.days_pass(1);
    assert_eq!(world.register.asked(&case, "check"), ["newcomer"]);
    assert_eq!(world.mails("staffing"), 2, "nothing is wrong any more");
}

fn two_nodes_take_each_step_once(world: World) {
    let sla = json!({"due": "2 business days", "remind": ["1 business days"]});
    world.publish(&[check("sla", sla)]);
    let cases: Vec<Case> = (0..4).map(|_| world.case()).collect();
    world.away("mei", ("2027-03-04", "2027-03-05"), Some("stan"));
    let config = (*world.app.config).clone();
    let clock = world.register.desk.clock.clone();
    let other = App::open(config, clock).expect("another node");
    for _ in 0..4 {
        world.register.days_pass(1);
        std::thread::scope(|scope| {
            for app in [&world.app, &other, &world.app] {
                scope.spawn(move || tick_now(app).expect("the clockwork runs"));
            }
        });
    }
    let count = |kind: &str| world.entries(kind).len();
    assert_eq!(count("stage.reminded"), cases.len());
    assert_eq!(count("stage.overdue"), cases.len());
    assert_eq!(count("task.moved"), cases.len());
}

fn a_step_that_was_taken_before_a_crash_is_put_right(world: World) {
    let sla = json!({"due": "2 business days", "remind": ["1 business days"]});
    world.publish(&[check("sla", sla)]);
    let case = world.case();
    let rows = |world: &World| -> Vec<(countersign::db::TimerId, String)> {
        world.register.reads(|conn| {
            let all = timers::table.order(timers::id);
            Ok(all.select((timers::id, timers::timer)).load(conn)?)
        })
    };
    let before = rows(&world);
    world.days_pass(3);
    let review = world.register.review(&case).id;
    let left_behind = before.clone();
    let now = world.register.desk.clock.now();
    let again = move |tx: &mut Tx| {
        for (id, timer) in left_behind {
            diesel::insert_into(timers::table)
                .values((
                    timers::id.eq(id),
                    timers::review_id.eq(review),
                    timers::timer.eq(timer),
                    timers::fire_at.eq(now),
                ))
                .execute(&mut **tx)?;
        }
        Ok(())
    };
    assert!(rows(&world).is_empty() && !before.is_empty());
    world
        .register
        .db
        .upkeep_now(again)
        .expect("rows of a step that was taken");
    let entries = world.register.ledger_size();
    tick_now(&world.app).expect("the clockwork runs");
    assert_eq!(
        world.register.ledger_size(),
        entries,
        "nothing happens twice"
    );
    assert!(rows(&world).is_empty(), "the rows are put right");
}

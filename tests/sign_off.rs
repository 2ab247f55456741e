//! Stories of approvers who decide from their mail, told on both databases: what a sign-off link
//! shows, what it takes, and what it leaves alone.

mod support;

use actix_web::cookie::Cookie;
use actix_web::http::{Method, StatusCode};
use actix_web::rt::System;
use actix_web::test::{self, TestRequest};
use countersign::app::App;
use countersign::config::Config;
use countersign::db::schema::outbox;
use countersign::people::{self, Secret};
use countersign::review::LinkState;
use countersign::web::serve;
use diesel::prelude::*;
use serde_json::{Value, json};
use support::on_both;
use support::register::{Case, Register, seat, stage, with, workflow};

on_both! { now crate::open =>
    looking_changes_nothing_however_often
    a_decision_by_link_ends_on_its_receipt
    sending_the_form_twice_gives_one_decision
    a_form_that_is_not_filled_comes_back_as_typed
    an_approval_asks_for_the_form_of_its_stage
    conditions_say_what_is_wrong_with_them
    a_form_that_was_not_drawn_for_this_link_is_refused_in_words
    a_page_that_was_open_too_long_comes_back_filled_in
    an_unknown_link_and_an_old_one_look_the_same
    an_old_link_is_renewed_for_its_person_only
    a_stage_that_was_settled_tells_strangers_nothing
    a_new_revision_voids_the_link
    a_withdrawn_case_needs_nobody
    a_stage_that_wants_a_session_only_shows
    who_is_signed_in_decides_on_their_task
    hostile_input_is_answered_and_never_a_fault
    what_was_typed_stays_text
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
    let alone = json!({"not": ["submitter", "owner", "editors"]});
    let two = stage("two", &[], &[seat("reviewer", 1)]);
    register.publish(&workflow(&[with(two, "separation", alone)]));
    World { register, app }
}

impl World {
    fn case(&self) -> Case {
        self.register.submitted_by("tomas", json!({}))
    }

    fn visit(&self, request: TestRequest) -> Answer {
        System::new().block_on(async {
            let app = actix_web::App::new().configure(serve::configure(self.app.clone()));
            let app = test::init_service(app).await;
            let response = test::call_service(&app, request.to_request()).await;
            let status = response.status();
            let location = response.headers().get("location");
            let location = location
                .and_then(|l| l.to_str().ok())
                .unwrap_or_default()
                .to_owned();
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
        let request = TestRequest::post().uri(path).set_form(form);
        self.visit(request.insert_header(("sec-fetch-site", "same-origin")))
    }

    fn signed_in(&self, name: &str, request: TestRequest) -> Answer {
        let (person, now) = (self.register.person(name), self.register.desk.clock.now());
        let open = self
            .register
            .db
            .upkeep_now(move |tx| people::open_session(tx, now, person));
        let secret = open.expect("a session");
        let cookie = Cookie::new("session", secret.reveal().to_owned());
        self.visit(
            request
                .cookie(cookie)
                .insert_header(("sec-fetch-site", "same-origin")),
        )
    }

    /// What the page of this link sends along without being typed.
    fn hidden(&self, page: &str) -> Vec<(String, String)> {
        let body = self.get(page).body;
        let value = |name: &str| {
            let mark = format!("name=\"{name}\" value=\"");
            let after = body
                .split_once(&mark)
                .unwrap_or_else(|| panic!("no {name}: {body}"))
                .1;
            after.split('"').next().expect("an end").to_owned()
        };
        ["_seen", "_nonce"]
            .iter()
            .map(|name| ((*name).to_owned(), value(name)))
            .collect()
    }

    /// Sends the form as the page drew it, with `typed`.
    fn send(&self, page: &str, typed: &[(&str, &str)]) -> Answer {
        let hidden = self.hidden(page);
        let mut form: Vec<(&str, &str)> = hidden
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        form.extend(typed);
        self.post(page, &form)
    }
}

fn page(link: &Secret) -> String {
    format!("/s/{}", link.reveal())
}

fn looking_changes_nothing_however_often(world: World) {
    let case = world.case();
    let link = world.register.link_for("mei", &case);
    let before = world.register.dump();
    for _ in 0..50 {
        assert_eq!(world.get(&page(&link)).status, StatusCode::OK);
        let head = TestRequest::default()
            .method(Method::HEAD)
            .uri(&page(&link));
        assert_eq!(world.visit(head).status, StatusCode::OK);
    }
    for method in [Method::PUT, Method::DELETE, Method::PATCH] {
        let request = TestRequest::default().method(method).uri(&page(&link));
        let request = request.insert_header(("sec-fetch-site", "same-origin"));
        assert!(world.visit(request).status.is_client_error());
    }
    assert_eq!(world.register.dump(), before);
    assert!(matches!(
        world.register.link_state(&link),
        LinkState::Open(_)
    ));
}

fn a_decision_by_link_ends_on_its_receipt(world: World) {
    let case = world.case();
    let link = world.register.link_for("mei", &case);
    let shown = world.get(&page(&link)).body;
    assert!(!shown.contains(" checked"), "something is chosen: {shown}");
    assert!(shown.contains("m•••••i@example.org"), "{shown}");
    let sent = world.send(
        &page(&link),
        &[("_choice", "reject"), ("_reason", "Not lawful.")],
    );
    assert_eq!(
        (sent.status, sent.location),
        (StatusCode::SEE_OTHER, page(&link))
    );
    let receipt = world.get(&page(&link));
    assert_eq!(receipt.status, StatusCode::OK);
    let digest = &world.register.review(&case).digest;
    for part in [
        "Your decision is recorded",
        "rejected",
        "Not lawful.",
        "by mail link",
        digest,
    ] {
        assert!(receipt.body.contains(part), "{part}: {}", receipt.body);
    }
    assert_eq!(world.register.decisions(&case), ["mei reject two 1"]);
}

fn sending_the_form_twice_gives_one_decision(world: World) {
    let case = world.case();
    let link = world.register.link_for("mei", &case);
    let hidden = world.hidden(&page(&link));
    let mut form = pairs(&hidden);
    form.push(("_choice", "approve"));
    for _ in 0..2 {
        let sent = world.post(&page(&link), &form);
        assert_eq!(
            (sent.status, sent.location),
            (StatusCode::SEE_OTHER, page(&link))
        );
    }
    assert_eq!(world.register.decisions(&case), ["mei approve two 1"]);
}

fn a_form_that_is_not_filled_comes_back_as_typed(world: World) {
    let case = world.case();
    let link = world.register.link_for("mei", &case);
    let before = world.register.ledger_size();
    let typed = [
        ("_reason", "Half a thought"),
        ("_condition_2", "Delete <all>"),
    ];
    let back = world.send(&page(&link), &typed);
    assert_eq!(back.status, StatusCode::UNPROCESSABLE_ENTITY);
    for part in [
        "There is a problem",
        "Error: ",
        "Half a thought",
        "Delete &lt;all&gt;",
    ] {
        assert!(back.body.contains(part), "{part}: {}", back.body);
    }
    assert!(back.body.contains("href=\"#choices\""), "{}", back.body);
    let back = world.send(&page(&link), &[("_choice", "request_changes")]);
    assert_eq!(back.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(back.body.contains("href=\"#reason\""), "{}", back.body);
    let chosen = "aria-describedby=\"choice-request_changes-hint\" checked";
    assert!(back.body.contains(chosen));
    assert_eq!(world.register.ledger_size(), before);
    assert!(matches!(
        world.register.link_state(&link),
        LinkState::Open(_)
    ));
}

fn an_approval_asks_for_the_form_of_its_stage(world: World) {
    let asks = with(
        stage("asks", &[], &[seat("reviewer", 1)]),
        "form",
        json!("data_use_review"),
    );
    world.register.publish(&workflow(&[asks]));
    let case = world.case();
    let link = world.register.link_for("mei", &case);
    let back = world.send(&page(&link), &[("_choice", "approve"), ("nonsense", "1")]);
    assert_eq!(back.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(back.body.contains("href=\"#field-"), "{}", back.body);
    let sent = world.send(
        &page(&link),
        &[("_choice", "recuse"), ("_reason", "My brother's.")],
    );
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.body);
}

fn conditions_say_what_is_wrong_with_them(world: World) {
    let case = world.case();
    let link = world.register.link_for("mei", &case);
    let send = |typed: &[(&str, &str)]| {
        let mut form = vec![
            ("_choice", "approve_with_conditions"),
            ("_reason", "Almost."),
        ];
        form.extend(typed);
        world.send(&page(&link), &form)
    };
    let wrong: [&[(&str, &str)]; 4] = [
        &[],
        &[("_condition_2", "x"), ("_condition_2_due", "31.1.2027")],
        &[
            ("_condition_2", "x"),
            ("_condition_2_owner", "nobody@example.org"),
        ],
        &[("_condition_2_owner", "olga@example.org")],
    ];
    for (typed, place) in wrong.iter().zip(["1", "2", "2", "2"]) {
        let back = send(typed);
        assert_eq!(back.status, StatusCode::UNPROCESSABLE_ENTITY);
        let target = format!("href=\"#condition-{place}\"");
        assert!(back.body.contains(&target), "{typed:?}: {}", back.body);
    }
    let row = [
        ("_condition_2", "Delete prompts"),
        ("_condition_2_due", "2027-06-30"),
    ];
    assert_eq!(send(&row).status, StatusCode::SEE_OTHER);
    assert!(world.get(&page(&link)).body.contains("Delete prompts"));
}

fn a_form_that_was_not_drawn_for_this_link_is_refused_in_words(world: World) {
    let case = world.case();
    let link = world.register.link_for("mei", &case);
    let other = world.register.link_for("ravi", &case);
    let seen = world.register.review(&case).digest;
    let foreign = world.hidden(&page(&other)).pop().expect("a nonce").1;
    for nonce in ["", "0.0", &foreign] {
        let form = [("_choice", "approve"), ("_seen", &seen), ("_nonce", nonce)];
        let back = world.post(&page(&link), &form);
        assert_eq!(back.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(back.body.contains("Nothing was recorded"), "{}", back.body);
    }
    assert!(world.register.decisions(&case).is_empty());
}

fn a_page_that_was_open_too_long_comes_back_filled_in(world: World) {
    let case = world.case();
    let link = world.register.link_for("mei", &case);
    let hidden = world.hidden(&page(&link));
    world.register.days_pass(1);
    let mut form = pairs(&hidden);
    form.extend([("_choice", "approve"), ("_reason", "Still so")]);
    let back = world.post(&page(&link), &form);
    assert_eq!(back.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        back.body.contains("12 hours") && back.body.contains("Still so"),
        "{}",
        back.body
    );
    assert_eq!(
        world.send(&page(&link), &[("_choice", "approve")]).status,
        StatusCode::SEE_OTHER
    );
}

fn an_unknown_link_and_an_old_one_look_the_same(world: World) {
    let case = world.case();
    let link = world.register.link_for("mei", &case);
    world.register.days_pass(8);
    let unknown = Secret::presented("q7Zt3w5vN0cXo1mJbU8yLr2hKfE4dPaSgTiVxYzABCD");
    let bodies = [&link, &unknown].map(|link| {
        let answer = world.get(&page(link));
        assert_eq!(answer.status, StatusCode::GONE);
        let posted = world.post(&page(link), &[("_choice", "approve")]);
        assert_eq!(posted.status, StatusCode::GONE);
        assert_eq!(posted.body, answer.body);
        answer.body.replace(link.reveal(), "TOKEN")
    });
    assert_eq!(bodies[0], bodies[1]);
    assert!(!bodies[0].contains("Summaries of tickets"), "{}", bodies[0]);
}

fn an_old_link_is_renewed_for_its_person_only(world: World) {
    let case = world.case();
    let link = world.register.link_for("mei", &case);
    world.register.days_pass(8);
    let owed = || {
        world.register.reads(|conn| {
            let renewals = outbox::table.filter(outbox::dedupe_key.like("renewal:%"));
            Ok(renewals.count().get_result::<i64>(conn)?)
        })
    };
    let before = world.register.ledger_size();
    let unknown = world.post("/s/unknown/renewal", &[]);
    assert_eq!(owed(), 0);
    for _ in 0..3 {
        let renewed = world.post(&format!("{}/renewal", page(&link)), &[]);
        assert_eq!(
            (renewed.status, &renewed.body),
            (unknown.status, &unknown.body)
        );
    }
    assert_eq!(owed(), 1);
    assert_eq!(world.register.ledger_size(), before);
}

fn a_stage_that_was_settled_tells_strangers_nothing(world: World) {
    let case = world.case();
    let link = world.register.link_for("mei", &case);
    let task = world.register.tasks_of(&case, "mei").remove(0).id;
    world
        .register
        .as_reviewer("ravi")
        .because("Fine by me.")
        .approve(&case);
    for answer in [
        world.get(&page(&link)),
        world.post(&page(&link), &[("_choice", "reject")]),
    ] {
        assert_eq!(answer.status, StatusCode::GONE);
        assert!(
            answer.body.contains("decided without you"),
            "{}",
            answer.body
        );
        assert!(!answer.body.contains("Fine by me.") && !answer.body.contains("by ravi"));
    }
    let known = world.signed_in("mei", TestRequest::get().uri(&format!("/tasks/{task}")));
    assert!(known.body.contains("Fine by me."), "{}", known.body);
}

fn a_new_revision_voids_the_link(world: World) {
    let case = world.case();
    let link = world.register.link_for("mei", &case);
    let hidden = world.hidden(&page(&link));
    world.register.edit(&case, json!({"tool": "Another model"}));
    let mut form = pairs(&hidden);
    form.push(("_choice", "approve"));
    for answer in [world.get(&page(&link)), world.post(&page(&link), &form)] {
        assert_eq!(answer.status, StatusCode::GONE);
        assert!(
            answer.body.contains("This question was replaced"),
            "{}",
            answer.body
        );
    }
    assert!(world.register.decisions(&case).is_empty());
}

fn a_withdrawn_case_needs_nobody(world: World) {
    let case = world.case();
    let link = world.register.link_for("mei", &case);
    world.register.withdraw(&case);
    let answer = world.get(&page(&link));
    assert_eq!(answer.status, StatusCode::GONE);
    assert!(
        answer.body.contains("This request was withdrawn"),
        "{}",
        answer.body
    );
}

fn a_stage_that_wants_a_session_only_shows(world: World) {
    let shows = with(
        stage("shows", &[], &[seat("reviewer", 1)]),
        "email",
        json!({"link": "view"}),
    );
    world.register.publish(&workflow(&[shows]));
    let case = world.case();
    let link = world.register.link_for("mei", &case);
    let shown = world.get(&page(&link));
    assert_eq!(shown.status, StatusCode::OK);
    assert!(shown.body.contains("Sign in and decide") && !shown.body.contains("_choice"));
    let seen = world.register.review(&case).digest;
    let sent = world.post(&page(&link), &[("_choice", "approve"), ("_seen", &seen)]);
    assert!(sent.status.is_client_error());
    assert!(world.register.decisions(&case).is_empty());
}

fn who_is_signed_in_decides_on_their_task(world: World) {
    let case = world.case();
    let task = world.register.tasks_of(&case, "mei").remove(0).id;
    let address = format!("/tasks/{task}");
    let list = world.signed_in("mei", TestRequest::get().uri("/tasks"));
    assert!(list.body.contains(&address), "{}", list.body);
    assert_eq!(world.get(&address).status, StatusCode::SEE_OTHER);
    let foreign = world.signed_in("ravi", TestRequest::get().uri(&address));
    assert_eq!(foreign.status, StatusCode::NOT_FOUND);
    let seen = world.register.review(&case).digest;
    let form = [("_choice", "approve"), ("_seen", seen.as_str())];
    let post = || {
        TestRequest::post()
            .uri(&format!("{address}/decision"))
            .set_form(form)
    };
    assert_eq!(
        world.signed_in("ravi", post()).status,
        StatusCode::NOT_FOUND
    );
    let sent = world.signed_in("mei", post());
    assert_eq!(
        (sent.status, sent.location),
        (StatusCode::SEE_OTHER, address.clone())
    );
    let receipt = world.signed_in("mei", TestRequest::get().uri(&address));
    assert!(receipt.body.contains("signed in"), "{}", receipt.body);
}

fn hostile_input_is_answered_and_never_a_fault(world: World) {
    let case = world.case();
    let link = world.register.link_for("mei", &case);
    let long = "x".repeat(20_000);
    let hostile = [
        "\0",
        "\u{202e}",
        "' OR 1=1 --",
        "<script>",
        long.as_str(),
        "\u{10ffff}",
    ];
    for text in hostile {
        for name in [
            "_choice",
            "_reason",
            "_seen",
            "_nonce",
            "_condition_1",
            "_condition_1_owner",
            "_condition_1_due",
            "_condition_9",
            "unknown",
            "",
        ] {
            // Conditions do not go with a rejection, so nothing here can be recorded.
            let choice = ("_choice", "reject");
            let sent = world.send(&page(&link), &[choice, ("_condition_2", "x"), (name, text)]);
            assert!(
                sent.status.is_client_error(),
                "{name}={text:.20}: {}",
                sent.status
            );
        }
    }
    for path in ["/s/%00", "/s/%ff%fe", "/s/..%2f..", "/s/'", "/s/x/renewal"] {
        assert!(!world.get(path).status.is_server_error(), "{path}");
        assert!(
            !world
                .post(path, &[("_choice", "approve")])
                .status
                .is_server_error(),
            "{path}"
        );
    }
    let body = TestRequest::post()
        .uri(&page(&link))
        .set_payload("%%%&&&=\u{0}\u{1}");
    let body = body.insert_header(("content-type", "application/x-www-form-urlencoded"));
    let answer = world.visit(body.insert_header(("sec-fetch-site", "same-origin")));
    assert!(answer.status.is_client_error());
    assert!(world.register.decisions(&case).is_empty());
}

fn what_was_typed_stays_text(world: World) {
    let hostile: Value = json!({"title": "<script>alert(1)</script>", "purpose": "\"><b>{{x}}"});
    let case = world.register.submitted_by("tomas", hostile);
    let link = world.register.link_for("mei", &case);
    let shown = world.get(&page(&link)).body;
    assert!(
        !shown.contains("<script>") && !shown.contains("\"><b>"),
        "{shown}"
    );
    let typed = [
        ("_choice", "reject"),
        ("_reason", "</textarea><img src=x onerror=y>"),
    ];
    assert_eq!(
        world.send(&page(&link), &typed).status,
        StatusCode::SEE_OTHER
    );
    assert!(!world.get(&page(&link)).body.contains("<img"));
}

/// Typed pairs as a form sends them.
fn pairs(hidden: &[(String, String)]) -> Vec<(&str, &str)> {
    hidden
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

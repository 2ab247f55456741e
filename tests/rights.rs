//! What somebody gets who asks for more than is theirs, or for what makes no sense: by page, by
//! API and by link, on both databases.

mod support;

use actix_web::cookie::Cookie;
use actix_web::http::{StatusCode, header};
use actix_web::rt::System;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use countersign::app::App;
use countersign::clock::Clock;
use countersign::config::Config;
use countersign::error::Error;
use countersign::ledger::download::{Extras, Format, ready};
use countersign::ledger::{self, Filter, Note};
use countersign::people;
use countersign::register::{self as records, NewRecord, Status};
use countersign::review;
use countersign::web::routes::{TABLE, Who};
use countersign::web::serve::configure;
use countersign::web::session::session_cookie;
use countersign::workflow::Outcome;
use serde_json::{Value, json};
use std::io::Write;
use support::on_both;
use support::register::{Register, first_day, operator, tampers, use_case};

const ORIGIN: &str = "https://register.example";

on_both! { now crate::open =>
    an_address_spelled_otherwise_opens_nothing_more
    a_token_never_widens_what_its_person_may_read
    a_token_that_writes_neither_judges_nor_overrides
    whoever_left_decides_nothing_by_an_old_link
    the_timeline_of_a_record_never_ends_early
    whoever_takes_the_log_slowly_keeps_nobody_from_the_database
    a_time_that_no_database_holds_is_no_fault_of_ours
    a_condition_for_an_impossible_address_is_refused_in_words
    keepers_of_the_policy_find_the_way_to_imported_records
    the_log_cannot_show_something_else_than_the_entries
    the_filters_of_an_address_come_back_after_the_sign_in
    who_signs_in_again_leaves_no_session_behind
    an_impatient_finger_makes_one_record_and_one_review
    outside_of_the_demo_there_is_nothing_of_it
    whoever_watches_the_process_needs_no_base_path
    whoever_takes_the_log_away_stands_in_it
}

/// The same database, reached by stories and over HTTP.
struct House {
    register: Register,
    app: App,
}

struct Answer {
    status: StatusCode,
    location: String,
    body: String,
}

fn open(url: String) -> House {
    let register = Register::open(url.clone());
    let config = Config {
        database_url: url,
        public_url: ORIGIN.to_owned(),
        readers: 1,
        ..Config::default()
    };
    let app = App::open(config, Clock::fixed(first_day())).expect("the program opens");
    House { register, app }
}

impl House {
    fn cookie(&self, name: &str) -> Cookie<'static> {
        let person = self.register.person(name);
        let session = self
            .app
            .db
            .upkeep_now(move |tx| people::open_session(tx, first_day(), person));
        session_cookie(&self.app, &session.expect("a session"))
    }

    fn token(&self, name: &str, scopes: &[&str]) -> String {
        let (person, now) = (self.register.person(name), first_day());
        let scopes: Vec<String> = scopes.iter().map(|s| (*s).to_owned()).collect();
        let secret = self
            .register
            .does(move |tx, _| people::create_token(tx, now, &operator(), person, &scopes, None));
        format!("Bearer {}", secret.reveal())
    }

    fn send(&self, request: TestRequest) -> Answer {
        let request = request.insert_header((header::ORIGIN, ORIGIN)).to_request();
        System::new().block_on(async {
            let app = actix_web::App::new().configure(configure(self.app.clone()));
            let response = call_service(&init_service(app).await, request).await;
            let location = response.headers().get(header::LOCATION);
            let location = location.and_then(|l| l.to_str().ok()).unwrap_or_default();
            Answer {
                status: response.status(),
                location: location.to_owned(),
                body: String::from_utf8_lossy(&read_body(response).await).into_owned(),
            }
        })
    }

    fn get(&self, who: &str, path: &str) -> Answer {
        self.send(TestRequest::get().uri(path).cookie(self.cookie(who)))
    }

    fn call(&self, token: &str, path: &str, body: Option<Value>) -> Answer {
        let request = match body {
            Some(body) => TestRequest::post().set_json(body),
            None => TestRequest::get(),
        };
        let bearer = (header::AUTHORIZATION, token);
        self.send(request.uri(path).insert_header(bearer))
    }
}

/// The router reads `%6c` as `l`: whoever checks who may enter must not read otherwise.
fn an_address_spelled_otherwise_opens_nothing_more(house: House) {
    let plain = |path: &str| path.replace("{kind:use-cases|vendors|tools}", "use-cases");
    let mut asked = 0;
    for route in TABLE.iter().filter(|route| route.who != Who::Anyone) {
        let path = plain(route.path);
        let Some(at) = path.find(|c: char| c.is_ascii_lowercase()) else {
            continue;
        };
        let letter = path.as_bytes()[at];
        let odd = format!("{}%{letter:02x}{}", &path[..at], &path[at + 1..]);
        let odd = odd.replace(['{', '}'], "").replace(":.*", "");
        let method = route.method.parse().expect("a method");
        let answer = house.send(TestRequest::default().method(method).uri(&odd));
        let refused = matches!(answer.status.as_u16(), 401 | 403 | 404)
            || answer.status.is_redirection() && answer.location.contains("/sign-in");
        assert!(
            refused,
            "{} {odd}: {} {}",
            route.method, answer.status, answer.body
        );
        asked += 1;
    }
    assert!(asked > 100, "{asked}");
    let token = house.token("audra", &["read"]);
    let log = house.call(&token, "/api/v1/%6cog/entries", None);
    assert_eq!(log.status.as_u16(), 403, "{}", log.body);
    let entries = house.send(TestRequest::get().uri("/api/v%31/log/entries"));
    assert_eq!(entries.status.as_u16(), 401, "{}", entries.body);
}

fn a_token_never_widens_what_its_person_may_read(house: House) {
    let path = "/api/v1/log/entries";
    for (name, scopes, status) in [
        ("tomas", ["read", "log"], StatusCode::FORBIDDEN),
        ("audra", ["read", "write"], StatusCode::FORBIDDEN),
        ("audra", ["read", "log"], StatusCode::OK),
        ("gus", ["read", "log"], StatusCode::OK),
    ] {
        let answer = house.call(&house.token(name, &scopes), path, None);
        assert_eq!(answer.status, status, "{name} {scopes:?}: {}", answer.body);
    }
}

fn a_token_that_writes_neither_judges_nor_overrides(house: House) {
    let (writes, decides) = (["read", "write"], ["read", "decide"]);
    let (writes, decides) = (house.token("gus", &writes), house.token("gus", &decides));
    let nothing = "0197b3c0-0000-7000-8000-000000000001";
    let (condition, review) = (
        format!("/conditions/{nothing}"),
        format!("/reviews/{nothing}"),
    );
    let draft = format!("/workflows/ai_use_case/drafts/{nothing}");
    let record = "/use-cases/AI-1999-0001".to_owned();
    for (subject, deeds) in [
        (condition, &["evidence/refusal", "acceptance", "waiver"][..]),
        (
            review,
            &[
                "override",
                "override/agreement",
                "override/refusal",
                "restart",
            ],
        ),
        (record, &["suspension", "reinstatement", "revocation"]),
        (draft, &["publication", "return"]),
    ] {
        for deed in deeds {
            let path = format!("/api/v1{subject}/{deed}");
            let lacking = house.call(&writes, &path, Some(json!({})));
            assert_eq!(lacking.status, StatusCode::FORBIDDEN, "{path}");
            assert!(lacking.body.contains("decide"), "{path}: {}", lacking.body);
            let having = house.call(&decides, &path, Some(json!({})));
            assert_ne!(having.status, StatusCode::FORBIDDEN, "{path}");
        }
    }
    let case = house.register.approved();
    let reference = house.register.record(&case).reference;
    let path = format!("/api/v1/use-cases/{reference}/revocation");
    let reason = json!({ "reason": "The vendor sold what people wrote." });
    let lacking = house.call(&writes, &path, Some(reason.clone()));
    assert_eq!(lacking.status, StatusCode::FORBIDDEN, "{}", lacking.body);
    assert_eq!(house.register.standing(&case), "approved");
    let done = house.call(&decides, &path, Some(reason));
    assert_eq!(done.status, StatusCode::OK, "{}", done.body);
    assert_eq!(house.register.standing(&case), "revoked");
}

fn whoever_left_decides_nothing_by_an_old_link(house: House) {
    let register = &house.register;
    let case = register.submitted_by("tomas", json!({}));
    let link = register.link_for("dana", &case);
    assert!(tampers(
        register,
        "UPDATE people SET active = FALSE WHERE email = 'dana@example.org'"
    ));
    register.refuses("not-asked", || {
        let dana = register.as_reviewer("dana").by_link(&link);
        dana.tries(Outcome::Approve, &case)
    });
    // A story ends with a register that follows from its entries.
    assert!(tampers(
        register,
        "UPDATE people SET active = TRUE WHERE email = 'dana@example.org'"
    ));
}

fn the_timeline_of_a_record_never_ends_early(house: House) {
    let register = &house.register;
    let case = register.draft_by("tomas", json!({}));
    let record = register.record(&case);
    let (id, reference) = (record.id, record.reference);
    register.does(move |tx, _| {
        for _ in 0..2100 {
            let note = Note::new("record.looked_at", &operator()).record(id, &reference);
            ledger::append(tx, first_day(), note)?;
        }
        Ok(())
    });
    register.submit(&case);
    let desk = register.desk.clone();
    let items = register.reads(|conn| review::timeline(conn, &desk, id));
    assert_eq!(items.len(), 2103);
    let last = items.last().map(|item| item.kind.as_str());
    assert_eq!(last, Some("stage.opened"), "the newest is there");
}

/// A reader who wants something else of the server before taking the next bytes.
struct Slow<'a>(&'a House, u64);

impl Write for Slow<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let other = self.0.app.db.read_now(ledger::head);
        other.map_err(|error| std::io::Error::other(error.to_string()))?;
        self.1 += 1;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn whoever_takes_the_log_slowly_keeps_nobody_from_the_database(house: House) {
    house.register.submitted_by("tomas", json!({}));
    let size = house.register.ledger_size();
    for format in [Format::Csv, Format::Jsonl, Format::Package] {
        let (app, all) = (&house.app, Filter::default());
        let taken = ready(app, all, format, Extras::default())
            .and_then(|ready| ready.write(Slow(&house, 0)));
        let taken = taken.unwrap_or_else(|error| panic!("{format:?}: {error}"));
        assert_eq!(taken, size, "{format:?}");
    }
}

fn a_time_that_no_database_holds_is_no_fault_of_ours(house: House) {
    let early = "-009999-01-02T01:59:59Z";
    for (path, status) in [
        (
            format!("/log?from={early}"),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            format!("/use-cases?after=1~{early}"),
            StatusCode::BAD_REQUEST,
        ),
        (
            "/log?to=9999-12-31".to_owned(),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            "/log?from=0001-01-01&to=2027-12-31".to_owned(),
            StatusCode::OK,
        ),
    ] {
        let answer = house.get("audra", &path);
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
    }
}

fn a_condition_for_an_impossible_address_is_refused_in_words(house: House) {
    let case = house.register.submitted_by("tomas", json!({}));
    let task = house.register.tasks_of(&case, "dana").remove(0);
    let body = json!({
        "outcome": "approve_with_conditions",
        "digest": house.register.review(&case).digest,
        "conditions": [{"text": "Ask the council", "owner": "no\u{0}body@example.org"}],
    });
    let token = house.token("dana", &["decide"]);
    let path = format!("/api/v1/tasks/{}/decisions", task.id);
    let answer = house.call(&token, &path, Some(body));
    assert_eq!(
        answer.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "{}",
        answer.body
    );
    assert!(answer.body.contains("condition 1"), "{}", answer.body);
}

fn keepers_of_the_policy_find_the_way_to_imported_records(house: House) {
    let document = use_case(&json!({ "owner": "nobody@example.org" }));
    let record = house.register.does(move |tx, desk| {
        let kind = desk.kinds.by_key("use_case")?;
        let new = NewRecord {
            document,
            status: Status::Registered,
            source_key: Some("7".into()),
        };
        records::create(tx, desk.clock.now(), &operator(), kind, new)
    });
    let page = format!("/use-cases/{}", record.reference);
    let way = format!("{page}/draft\"");
    assert!(
        house.get("gus", &page).body.contains(&way),
        "a keeper may change it"
    );
    assert!(
        !house.get("tomas", &page).body.contains(&way),
        "nobody else may"
    );
}

fn the_log_cannot_show_something_else_than_the_entries(house: House) {
    house.register.submitted_by("tomas", json!({}));
    for sql in [
        "UPDATE ledger_index SET actor_id = NULL WHERE seq = 1",
        "DELETE FROM ledger_index WHERE seq = 1",
    ] {
        assert!(!tampers(&house.register, sql), "{sql}");
    }
}

fn the_filters_of_an_address_come_back_after_the_sign_in(house: House) {
    let wanted = "/use-cases?status=approved&q=%C3%A4rzte";
    let asked = house.send(TestRequest::get().uri(wanted));
    assert_eq!(asked.status, StatusCode::SEE_OTHER);
    let query = asked.location.split_once('?').expect("a query").1;
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).expect("pairs");
    assert_eq!(pairs, [("next".to_owned(), wanted.to_owned())]);
}

fn who_signs_in_again_leaves_no_session_behind(house: House) {
    let (before, now) = (house.cookie("tomas"), first_day());
    let olga = house.register.person("olga");
    let link = house
        .app
        .db
        .upkeep_now(move |tx| people::sign_in_link(tx, now, olga));
    let path = format!("/sign-in/{}", link.expect("a link").reveal());
    let signed_in = house.send(TestRequest::post().uri(&path).cookie(before.clone()));
    assert_eq!(signed_in.status, StatusCode::SEE_OTHER);
    let secret = people::Secret::presented(before.value());
    let left = house
        .app
        .db
        .read_now(|conn| people::person_of_session(conn, now, &secret));
    assert!(matches!(left, Ok(None)) || matches!(left, Err(Error::Unauthenticated)));
}

fn an_impatient_finger_makes_one_record_and_one_review(house: House) {
    let form = house.get("tomas", "/use-cases/new").body;
    let once = form
        .split_once("name=\"_once\" value=\"")
        .expect("the form is numbered")
        .1;
    let once = once.split('"').next().expect("a value");
    let answers = [
        ("title", "Minutes"),
        ("purpose", "Write minutes"),
        ("owner", "tomas@example.org"),
        ("tool", "Small model"),
        ("sourcing", "in_house"),
        ("data_classes", "internal"),
        ("uses", "summarising"),
        ("effect_on_people", "none"),
        ("_then", "continue"),
        ("_once", once),
    ];
    let send = |path: &str, pairs: &[(&str, &str)]| {
        let request = TestRequest::post().uri(path).set_form(pairs);
        house.send(request.cookie(house.cookie("tomas")))
    };
    let first = send("/use-cases", &answers);
    assert_eq!(first.status, StatusCode::SEE_OTHER, "{}", first.body);
    let again = send("/use-cases", &answers);
    assert_eq!(
        (again.status, &again.location),
        (first.status, &first.location)
    );
    let mut other = answers;
    other[0].1 = "Minutes of the board";
    assert_ne!(
        send("/use-cases", &other).location,
        first.location,
        "another use case"
    );
    let path = first
        .location
        .strip_suffix("/draft")
        .expect("a complete draft");
    for _ in 0..2 {
        let submitted = send(&format!("{path}/submission"), &[("_seen", "1")]);
        assert_eq!(
            (submitted.status, submitted.location.as_str()),
            (StatusCode::SEE_OTHER, path)
        );
    }
}

fn outside_of_the_demo_there_is_nothing_of_it(house: House) {
    let id = house.register.person("adam").to_string();
    for path in [
        "/demo",
        "/demo/mailbox",
        "/demo/mailbox/1",
        &format!("/demo/mailbox/{id}/html"),
    ] {
        assert_eq!(
            house.get("adam", path).status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
    for body in ["", "person=x", &format!("person={id}")] {
        let form = (header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let request = TestRequest::post().uri("/demo/session").insert_header(form);
        let answer = house.send(request.set_payload(body.to_owned()));
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{body}");
    }
}

fn whoever_watches_the_process_needs_no_base_path(mut house: House) {
    let mut config = (*house.app.config).clone();
    config.public_url = format!("{ORIGIN}/reg");
    house.app = App::open(config, Clock::fixed(first_day())).expect("the program opens");
    for path in ["/healthz", "/readyz", "/reg/healthz", "/reg/readyz"] {
        let answer = house.send(TestRequest::get().uri(path));
        assert_eq!(answer.status, StatusCode::OK, "{path}");
    }
    assert_eq!(
        house.send(TestRequest::get().uri("/sign-in")).status,
        StatusCode::NOT_FOUND
    );
}

fn whoever_takes_the_log_away_stands_in_it(house: House) {
    house.register.submitted_by("tomas", json!({}));
    let take = |who: &str, pairs: &[(&str, &str)]| {
        let request = TestRequest::post().uri("/log/exports").set_form(pairs);
        house.send(request.cookie(house.cookie(who)))
    };
    let size = house.register.ledger_size();
    let whole = take("audra", &[("format", "jsonl"), ("stage", "")]);
    assert_eq!(whole.status, StatusCode::OK, "{}", whole.body);
    assert_eq!(
        whole.body.lines().count() as u64,
        size + 1,
        "the entries and a trailer"
    );
    let part = take(
        "audra",
        &[("format", "csv"), ("stage", "data_use"), ("person", "")],
    );
    assert_eq!(
        part.body.lines().count(),
        2,
        "a header and the stage that opened"
    );
    let entries = house.register.entries();
    let exports = &entries[size as usize..];
    let audra = house.register.person("audra").to_string();
    assert!(
        exports
            .iter()
            .all(|e| e.kind == "log.exported" && e.actor == audra)
    );
    let said: Vec<&Value> = exports.iter().map(|e| &e.data["filter"]).collect();
    assert_eq!(said, [&json!({}), &json!({ "stage": "data_use" })]);
    for (who, pairs) in [
        ("audra", [("format", "pdf"), ("from", "")]),
        (
            "audra",
            [("format", "csv"), ("from", "-009999-01-02T01:59:59Z")],
        ),
        ("tomas", [("format", "csv"), ("from", "")]),
    ] {
        assert!(
            take(who, &pairs).status.is_client_error(),
            "{who} {pairs:?}"
        );
    }
    assert_eq!(
        house.register.ledger_size(),
        size + 2,
        "what is refused leaves no entry"
    );
}

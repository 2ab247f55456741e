//! Calendars as people and programs keep them: in versions that never change, by those who may,
//! and never over somebody else's change. On both databases.

mod support;

use actix_web::cookie::Cookie;
use actix_web::http::{StatusCode, header};
use actix_web::rt::System;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use countersign::app::App;
use countersign::calendar::{self, Span};
use countersign::clock::Clock;
use countersign::config::Config;
use countersign::error::Error;
use countersign::people;
use countersign::web::serve::configure;
use countersign::web::session::session_cookie;
use serde_json::{Value, json};
use support::on_both;
use support::program::Program;
use support::register::{Register, first_day, operator, tampers, with};

const ORIGIN: &str = "https://register.example";
const HEAD_OFFICE: &str = include_str!("../templates/calendars/head_office.json");

on_both! { now crate::open =>
    a_calendar_is_kept_in_versions_that_never_change
    what_was_reckoned_with_a_version_stays
    where_no_calendar_is_kept_the_built_in_one_holds
    a_refused_calendar_leaves_everything_as_it_was
    a_change_asks_for_the_role_when_it_is_made
    only_keepers_of_the_policy_change_calendars
    a_keeper_changes_the_hours_by_the_form
    what_is_wrong_comes_back_as_typed_at_its_field
    of_two_who_save_at_once_the_second_is_told
    pressing_twice_keeps_one_version
    a_program_keeps_and_reads_calendars
    of_two_programs_that_save_at_once_the_second_is_told
}

/// The same database, reached by services and over HTTP.
struct House {
    register: Register,
    app: App,
}

struct Answer {
    status: StatusCode,
    location: String,
    tag: String,
    body: String,
}

impl Answer {
    #[track_caller]
    fn expect(&self, status: StatusCode) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        serde_json::from_str(&self.body).unwrap_or_default()
    }
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

fn head_office() -> Value {
    serde_json::from_str(HEAD_OFFICE).expect("JSON")
}

/// What the form of the head office sends.
fn typed<'a>(seen: &'a str, changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let day = "09:00–12:30, 13:30–17:30";
    let mut pairs = vec![
        ("_seen", seen),
        ("title", "Head office, Brussels"),
        ("zone", "Europe/Brussels"),
        ("mon", day),
        ("tue", day),
        ("wed", day),
        ("thu", day),
        ("fri", ""),
        ("sat", ""),
        ("sun", ""),
        (
            "holidays",
            "2027-01-01 New Year\r\n\r\n2027-12-25 Christmas Day\r\n",
        ),
        ("holidays_stated_until", "2027-12-31"),
    ];
    pairs.retain(|(name, _)| !changes.iter().any(|(other, _)| other == name));
    pairs.extend(changes);
    pairs
}

impl House {
    fn keeps(&self, document: Value) -> i32 {
        self.register
            .does(move |tx, desk| calendar::keep(tx, desk.clock.now(), &operator(), &document))
    }

    fn cookie(&self, name: &str) -> Cookie<'static> {
        let person = self.register.person(name);
        let session = self
            .app
            .db
            .upkeep_now(move |tx| people::open_session(tx, first_day(), person));
        session_cookie(&self.app, &session.expect("a session"))
    }

    fn send(&self, request: TestRequest) -> Answer {
        let request = request.insert_header((header::ORIGIN, ORIGIN)).to_request();
        System::new().block_on(async {
            let app = actix_web::App::new().configure(configure(self.app.clone()));
            let response = call_service(&init_service(app).await, request).await;
            let text = |name| {
                let value = response.headers().get(name).and_then(|v| v.to_str().ok());
                value.unwrap_or_default().to_owned()
            };
            Answer {
                status: response.status(),
                location: text(header::LOCATION),
                tag: text(header::ETAG),
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

    fn token(&self, name: &str) -> (header::HeaderName, String) {
        let (person, now) = (self.register.person(name), first_day());
        let scopes = ["read", "write"].map(str::to_owned);
        let secret = self
            .register
            .does(move |tx, _| people::create_token(tx, now, &operator(), person, &scopes, None));
        (header::AUTHORIZATION, format!("Bearer {}", secret.reveal()))
    }

    fn read(&self, who: &str, path: &str) -> Answer {
        self.send(TestRequest::get().uri(path).insert_header(self.token(who)))
    }

    fn put(&self, who: &str, path: &str, tag: Option<&str>, document: &Value) -> Answer {
        let mut request = TestRequest::put().uri(path).insert_header(self.token(who));
        if let Some(tag) = tag {
            request = request.insert_header((header::IF_MATCH, tag));
        }
        self.send(request.set_json(json!({ "document": document })))
    }

    fn versions(&self) -> usize {
        self.register.reads(calendar::versions).len()
    }
}

fn a_calendar_is_kept_in_versions_that_never_change(house: House) {
    let before = house.register.ledger_size();
    assert_eq!(house.keeps(head_office()), 1);
    assert_eq!(
        house.keeps(head_office()),
        1,
        "the same again is no version"
    );
    let changed = with(head_office(), "title", json!("Head office, moved"));
    assert_eq!(house.keeps(changed), 2);
    assert_eq!(house.register.ledger_size(), before + 2);
    let current = house
        .register
        .reads(|conn| calendar::current(conn, "head_office"));
    assert_eq!(
        (current.version, current.calendar.title.as_str()),
        (2, "Head office, moved")
    );
    let first = house
        .register
        .reads(|conn| calendar::version(conn, "head_office", 1));
    assert_eq!(first.calendar.title, "Head office, Brussels");
    let (hash, _) = house
        .register
        .reads(|conn| calendar::source(conn, "head_office", 2));
    let entry = house.register.entries().pop().expect("an entry");
    assert_eq!(entry.kind, "calendar.kept");
    let subject = json!({"calendar": "head_office", "calendar_version": 2, "calendar_hash": hash});
    assert_eq!(json!(entry.subject), subject);
    for sql in [
        "UPDATE calendars SET text = '{}'",
        "UPDATE calendars SET version = 3 WHERE version = 1",
        "DELETE FROM calendars",
        "INSERT INTO calendars SELECT * FROM calendars",
    ] {
        assert!(!tampers(&house.register, sql), "{sql}");
    }
}

fn what_was_reckoned_with_a_version_stays(house: House) {
    house.keeps(head_office());
    let day = json!([["00:00", "24:00"]]);
    let around_the_clock = json!({"mon": day, "tue": day, "wed": day, "thu": day, "fri": day});
    let due = |version: i32| {
        let cache = &house.register.desk.calendars;
        let read = |conn: &mut _| cache.version(conn, "head_office", version);
        let version = house.register.reads(read);
        version
            .calendar
            .due(first_day(), &Span::BusinessHours(12), &[])
    };
    let before = due(1);
    house.keeps(with(head_office(), "week", around_the_clock));
    assert_eq!(due(1), before, "also from the cache");
    assert!(due(2) < before);
    let read = |conn: &mut _| house.register.desk.calendars.current(conn, "head_office");
    assert_eq!(house.register.reads(read).version, 2);
}

fn where_no_calendar_is_kept_the_built_in_one_holds(house: House) {
    let current = house
        .register
        .reads(|conn| calendar::current(conn, "nowhere"));
    assert_eq!(current.version, 0);
    assert_eq!(current.calendar, calendar::Calendar::built_in());
    let again = house
        .register
        .reads(|conn| calendar::version(conn, "nowhere", 0));
    assert_eq!(again, current);
    let missing = house
        .app
        .db
        .read_now(|conn| calendar::version(conn, "nowhere", 1));
    assert!(matches!(missing, Err(Error::NotFound(_))));
}

fn a_refused_calendar_leaves_everything_as_it_was(house: House) {
    house.keeps(head_office());
    for (name, value, place) in [
        ("zone", json!("Mars/Olympus"), "/zone"),
        ("week", json!({}), "/week"),
        ("week", json!({"mon": [["17:00", "09:00"]]}), "/week/mon/0"),
        (
            "holidays",
            json!([{"date": "2027-02-30", "name": "Never"}]),
            "/holidays/0/date",
        ),
    ] {
        let document = with(head_office(), name, value);
        let refused = || {
            let document = document.clone();
            house
                .register
                .tries(move |tx, desk| calendar::keep(tx, desk.clock.now(), &operator(), &document))
        };
        house.register.refuses("invalid", refused);
        match refused() {
            Err(Error::Invalid(errors)) => assert_eq!(errors[0].pointer, place),
            other => panic!("{other:?}"),
        }
    }
}

/// A page may have been opened by somebody who held the role then and no longer does.
fn a_change_asks_for_the_role_when_it_is_made(house: House) {
    let tomas = house.register.as_reviewer("tomas").actor();
    house.register.refuses("forbidden", || {
        house.register.tries(move |tx, desk| {
            calendar::revise(tx, desk.clock.now(), &tomas, 0, &head_office())
        })
    });
}

fn only_keepers_of_the_policy_change_calendars(house: House) {
    house.keeps(head_office());
    let (path, document) = ("/api/v1/calendars/head_office", head_office());
    for name in ["tomas", "dana", "audra"] {
        assert_eq!(house.get(name, "/calendars").status, StatusCode::OK);
        let shown = house.get(name, "/calendars/head_office");
        assert_eq!(shown.status, StatusCode::OK);
        assert!(
            !shown.body.contains("/calendars/head_office/change"),
            "{name}"
        );
        for path in ["/calendars/new", "/calendars/head_office/change"] {
            assert_eq!(
                house.get(name, path).status,
                StatusCode::FORBIDDEN,
                "{name} {path}"
            );
        }
        for path in ["/calendars", "/calendars/head_office"] {
            let answer = house.post(name, path, &typed("1", &[]));
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{name} {path}");
        }
        assert_eq!(
            house.put(name, path, Some("\"1\""), &document).status,
            StatusCode::FORBIDDEN
        );
        house.read(name, path).expect(StatusCode::OK);
    }
    for name in ["gus", "adam"] {
        let shown = house.get(name, "/calendars/head_office");
        assert!(
            shown.body.contains("/calendars/head_office/change"),
            "{name}"
        );
        assert_eq!(
            house.get(name, "/calendars/new").status,
            StatusCode::OK,
            "{name}"
        );
        house
            .put(name, path, Some("\"1\""), &document)
            .expect(StatusCode::OK);
    }
    let nobody = house.send(TestRequest::get().uri("/calendars/head_office"));
    assert!(nobody.location.contains("/sign-in"), "{}", nobody.location);
    assert_eq!(house.versions(), 1);
}

fn a_keeper_changes_the_hours_by_the_form(house: House) {
    let pairs = typed("0", &[("key", "branch"), ("sat", "10:00-14:00")]);
    let made = house.post("gus", "/calendars", &pairs);
    assert_eq!(
        (made.status, made.location.as_str()),
        (StatusCode::SEE_OTHER, "/calendars/branch")
    );
    let shown = house.get("gus", "/calendars/branch").body;
    for told in [
        "Europe/Brussels",
        "10:00–14:00",
        "34 hours",
        "Saturday, 25 Dec 2027",
        "version 1",
    ] {
        assert!(shown.contains(told), "{told} is not shown: {shown}");
    }
    let form = house.get("gus", "/calendars/branch/change").body;
    assert!(form.contains("value=\"10:00–14:00\""), "{form}");
    assert!(form.contains("2027-01-01 New Year"), "{form}");
    let changed = house.post("gus", "/calendars/branch", &typed("1", &[("sat", "")]));
    assert_eq!(changed.status, StatusCode::SEE_OTHER, "{}", changed.body);
    let current = house
        .register
        .reads(|conn| calendar::current(conn, "branch"));
    assert_eq!(current.version, 2);
    assert!(current.calendar.week.hours(5).is_empty());
    let before = house.get("tomas", "/calendars/branch/1").body;
    assert!(
        before.contains("10:00–14:00") && before.contains("Replaced"),
        "{before}"
    );
    assert_eq!(
        house.get("tomas", "/calendars/branch/3").status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        house.get("tomas", "/calendars/nowhere").status,
        StatusCode::NOT_FOUND
    );
    let log = house.get("gus", "/log").body;
    assert!(log.contains("Calendar branch: version 2 kept"), "{log}");
}

fn what_is_wrong_comes_back_as_typed_at_its_field(house: House) {
    house.keeps(head_office());
    let wrong = [
        ("mon", "nine to <five>"),
        ("zone", "Europe/Bruxelles"),
        ("holidays", "2027-01-01 New Year\r\n2027-02-30 Never"),
        ("title", ""),
    ];
    let pairs = typed("1", &wrong);
    let answer = house.post("gus", "/calendars/head_office", &pairs);
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    for told in [
        "Enter what people call it",
        "value=\"nine to &lt;five&gt;\"",
        "2027-02-30 Never",
    ] {
        assert!(answer.body.contains(told), "{told}: {}", answer.body);
    }
    let pairs = typed("1", &wrong[..3]);
    let answer = house.post("gus", "/calendars/head_office", &pairs);
    assert!(
        answer.body.contains("id=\"field-mon-error\""),
        "{}",
        answer.body
    );
    assert!(
        answer.body.contains("href=\"#field-mon\""),
        "{}",
        answer.body
    );
    let answer = house.post("gus", "/calendars/head_office", &typed("1", &wrong[1..3]));
    for told in [
        "did you mean Europe/Brussels?",
        "Holidays, line 2: 2027-02-30 is no day",
    ] {
        assert!(answer.body.contains(told), "{told}: {}", answer.body);
    }
    assert_eq!(house.versions(), 1);
}

fn of_two_who_save_at_once_the_second_is_told(house: House) {
    house.keeps(head_office());
    let first = house.post(
        "gus",
        "/calendars/head_office",
        &typed("1", &[("title", "By Gus")]),
    );
    assert_eq!(first.status, StatusCode::SEE_OTHER);
    let late = typed("1", &[("title", "By Adam")]);
    let second = house.post("adam", "/calendars/head_office", &late);
    assert_eq!(second.status, StatusCode::CONFLICT);
    assert!(
        second.body.contains("it is now version 2"),
        "{}",
        second.body
    );
    assert!(
        second.body.contains("value=\"By Adam\""),
        "what was typed is there"
    );
    assert!(
        second.body.contains("name=\"_seen\" value=\"2\""),
        "saving again is a choice"
    );
    let again = house.post(
        "adam",
        "/calendars/head_office",
        &typed("2", &[("title", "By Adam")]),
    );
    assert_eq!(again.status, StatusCode::SEE_OTHER);
    let taken = house.post("gus", "/calendars", &typed("0", &[("key", "head_office")]));
    assert_eq!(taken.status, StatusCode::CONFLICT);
    assert!(
        taken.body.contains("there is such a calendar"),
        "{}",
        taken.body
    );
    let other = typed("3", &[("key", "other")]);
    house.post("gus", "/calendars/head_office", &other);
    let keys = house.register.reads(calendar::versions);
    assert!(
        keys.iter().all(|head| head.key == "head_office"),
        "a key never changes"
    );
}

fn pressing_twice_keeps_one_version(house: House) {
    house.keeps(head_office());
    for _ in 0..2 {
        let answer = house.post("gus", "/calendars/head_office", &typed("1", &[]));
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        let made = house.post("gus", "/calendars", &typed("0", &[("key", "branch")]));
        assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.body);
    }
    assert_eq!(house.versions(), 3);
    let entries = house.register.entries().into_iter();
    assert_eq!(
        entries
            .filter(|entry| entry.kind == "calendar.kept")
            .count(),
        3
    );
}

fn a_program_keeps_and_reads_calendars(house: House) {
    let path = "/api/v1/calendars/head_office";
    assert_eq!(house.read("gus", path).status, StatusCode::NOT_FOUND);
    let kept = house.put("gus", path, None, &head_office());
    let answer = kept.expect(StatusCode::OK);
    assert_eq!(
        (answer["version"].clone(), kept.tag.as_str()),
        (json!(1), "\"1\"")
    );
    assert_eq!(answer["document"], head_office());
    let changed = with(head_office(), "title", json!("Moved"));
    let kept = house
        .put("gus", path, Some("\"1\""), &changed)
        .expect(StatusCode::OK);
    assert_eq!(kept["version"], 2);
    let first = house
        .read("tomas", &format!("{path}?version=1"))
        .expect(StatusCode::OK);
    assert_eq!(first["document"], head_office());
    assert_eq!(
        house.read("tomas", path).expect(StatusCode::OK)["title"],
        "Moved"
    );
    assert_eq!(
        house.read("tomas", &format!("{path}?version=9")).status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        house.read("tomas", &format!("{path}?version=x")).status,
        StatusCode::BAD_REQUEST
    );
    let all = house
        .read("tomas", "/api/v1/calendars")
        .expect(StatusCode::OK);
    let versions: Vec<&Value> = all["calendars"]
        .as_array()
        .unwrap()
        .iter()
        .map(|head| &head["version"])
        .collect();
    assert_eq!(versions, [&json!(2), &json!(1)]);
    let wrong = with(head_office(), "zone", json!("Europe/Bruxelles"));
    let refused = house.put("gus", path, Some("\"2\""), &wrong);
    let problem = refused.expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(problem["errors"][0]["pointer"], "/zone");
    let elsewhere = house.put("gus", "/api/v1/calendars/other", None, &head_office());
    assert_eq!(elsewhere.status, StatusCode::BAD_REQUEST);
    for hostile in [
        json!(null),
        json!([]),
        json!("x"),
        json!({"key": 1}),
        json!({}),
    ] {
        let answer = house.put("gus", path, Some("\"2\""), &hostile);
        assert!(
            answer.status.is_client_error(),
            "{hostile}: {}",
            answer.body
        );
    }
    assert_eq!(house.versions(), 2);
}

fn of_two_programs_that_save_at_once_the_second_is_told(house: House) {
    let path = "/api/v1/calendars/head_office";
    house
        .put("gus", path, None, &head_office())
        .expect(StatusCode::OK);
    house
        .put("gus", path, None, &head_office())
        .expect(StatusCode::OK);
    let (one, two) = ("By Gus", "By Adam");
    let titled = |title: &str| with(head_office(), "title", json!(title));
    house
        .put("gus", path, Some("\"1\""), &titled(one))
        .expect(StatusCode::OK);
    let late = house.put("adam", path, Some("\"1\""), &titled(two));
    assert_eq!(late.expect(StatusCode::CONFLICT)["code"], "stale");
    let blind = house.put("adam", path, None, &titled(two));
    assert_eq!(blind.status, StatusCode::BAD_REQUEST);
    assert!(blind.body.contains("If-Match"), "{}", blind.body);
    let garbled = house.put("adam", path, Some("\"one\""), &titled(two));
    assert_eq!(garbled.status, StatusCode::BAD_REQUEST);
    assert_eq!(house.versions(), 2);
}

#[test]
fn the_operator_keeps_lists_and_shows_calendars() {
    let (_folder, url) = support::database::fresh_sqlite();
    let program = Program::on(url);
    program.write("office.json", HEAD_OFFICE);
    let said = program.run(&["calendar", "keep", "office.json"]).good();
    assert!(
        said.starts_with("head_office: version 1 is in force, sha256 "),
        "{said}"
    );
    let shown = program.run(&["calendar", "show", "head_office"]).good();
    assert_eq!(
        serde_json::from_str::<Value>(&shown).unwrap(),
        head_office()
    );
    program.write("again.json", &shown);
    let again = program
        .run(&["calendar", "keep", "again.json", "--json"])
        .good();
    let again: Value = serde_json::from_str(&again).unwrap();
    assert_eq!(
        (&again["good"], &again["version"]),
        (&json!(true), &json!(1))
    );
    program.write(
        "moved.json",
        HEAD_OFFICE.replace("office, Brussels", "office, moved"),
    );
    program.run(&["calendar", "keep", "moved.json"]).good();
    let list = program.run(&["calendar", "list"]).good();
    assert_eq!(list, "head_office  version 2  Head office, moved\n");
    let first = program
        .run(&["calendar", "show", "head_office", "--version", "1"])
        .good();
    assert_eq!(first, shown);
    let missing = program.run(&["calendar", "show", "nowhere"]).bad(2);
    assert!(
        missing.contains("there is no calendar nowhere"),
        "{missing}"
    );
}

#[test]
fn a_wrong_file_is_told_with_line_and_place() {
    let (_folder, url) = support::database::fresh_sqlite();
    let program = Program::on(url);
    program.write("wrong.json", HEAD_OFFICE.replace("\"12:30\"", "\"08:30\""));
    let told = program.run(&["calendar", "keep", "wrong.json"]).bad(1);
    assert!(told.starts_with("wrong.json:6:"), "{told}");
    assert!(
        told.contains("/week/mon/0: 09:00 to 08:30 does not end after it begins"),
        "{told}"
    );
    assert_eq!(told.lines().count(), 5, "each weekday: {told}");
    program.write("wrong.json", b"\xff\xfe");
    program.run(&["calendar", "keep", "wrong.json"]).bad(2);
    let json = program.run(&["calendar", "list", "--json"]).good();
    assert_eq!(json, "", "nothing was kept");
}

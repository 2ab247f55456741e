//! Data-use policies as people, programs and the console keep and ask them. On both databases.

mod support;

use actix_web::cookie::Cookie;
use actix_web::http::{StatusCode, header};
use actix_web::rt::System;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use countersign::app::App;
use countersign::clock::Clock;
use countersign::config::Config;
use countersign::db::DraftId;
use countersign::error::{Error, Result};
use countersign::people;
use countersign::policy::import::{Converted, convert};
use countersign::policy::{self, Document, Index, MAIN, Question, Verdict};
use countersign::replay;
use countersign::review::drafts::Refusal;
use countersign::rules::drafts::{self, Draft, Place, Put};
use countersign::web::serve::configure;
use countersign::web::session::session_cookie;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use support::on_both;
use support::program::Program;
use support::register::{Register, first_day, in_session, operator, tampers};

const ORIGIN: &str = "https://register.example";
fn place(id: DraftId) -> Place {
    Place {
        kind: &policy::KIND,
        key: MAIN.to_owned(),
        id,
    }
}

const SHIPPED: &str = include_str!("../templates/policies/data_use.json");

on_both! { now crate::open =>
    looking_answers_and_keeps_nothing
    a_kept_answer_says_which_version_gave_it
    an_auditor_of_a_unit_learns_nothing_of_others_by_answers
    whoever_accepts_the_conditions_is_registered
    what_is_not_allowed_cannot_be_registered
    an_unlisted_tool_gets_an_answer_and_somebody_to_ask
    a_review_leads_to_a_request_with_answers_filled_in
    a_change_is_published_by_a_second_person_who_sees_what_it_changes
    a_draft_is_sent_back_rebased_and_given_up
    a_policy_that_is_wrong_is_not_published
    only_keepers_of_the_policy_write_drafts
    a_program_asks_and_keeps_answers
    every_published_table_answers_as_it_states
    a_policy_changed_behind_the_registers_back_is_named
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

/// A house whose own policy is the one that ships.
fn open(url: String) -> House {
    let register = Register::open(url.clone());
    let config = Config {
        database_url: url,
        public_url: ORIGIN.to_owned(),
        readers: 1,
        ..Config::default()
    };
    let app = App::open(config, Clock::fixed(first_day())).expect("the program opens");
    register.does(|tx, desk| drafts::put(tx, desk, &operator(), &policy::KIND, SHIPPED).map(drop));
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

    fn entries(&self) -> u64 {
        self.register.ledger_size()
    }

    /// The kinds of the entries after this many.
    fn kinds_after(&self, before: u64) -> Vec<String> {
        let entries = self.register.entries().into_iter();
        entries
            .skip(usize::try_from(before).unwrap())
            .map(|entry| entry.kind)
            .collect()
    }

    fn agrees(&self) {
        let checked = self
            .register
            .reads(|conn| replay::check(conn, &self.register.desk));
        assert_eq!(checked.first, None);
    }

    fn draft_by(&self, name: &str, text: &str) -> Result<Draft> {
        let (actor, text) = (in_session(self.register.person(name)), text.to_owned());
        self.register.tries(move |tx, desk| {
            drafts::begin(tx, desk, &actor, (&policy::KIND, MAIN), Some(text))
        })
    }

    fn proposed_by(&self, name: &str, id: DraftId, seen: i32) -> Result<Draft> {
        let actor = in_session(self.register.person(name));
        self.register
            .tries(move |tx, desk| drafts::propose(tx, desk, &actor, &place(id), seen))
    }

    fn published_by(&self, name: &str, id: DraftId, seen: i32) -> Result<i32> {
        let actor = in_session(self.register.person(name));
        let found = self.register.reads(|conn| {
            let draft = drafts::one(conn, &place(id))?;
            drafts::examined(conn, &self.register.desk, &draft)
        });
        self.register
            .tries(move |tx, desk| drafts::publish(tx, desk, &actor, &place(id), seen, &found))
    }
}

/// The shipped policy with one of its rules changed.
fn changed(rule: &str, field: &str, value: Value) -> String {
    let mut document: Value = serde_json::from_str(SHIPPED).unwrap();
    let rules = document["rules"].as_array_mut().unwrap();
    let found = rules
        .iter_mut()
        .find(|one| one["key"] == rule)
        .expect("the rule");
    found[field] = value;
    document.to_string()
}

const PERSONAL: &str = "/answers?tool=Northlight+Assistant&class=personal&purpose=drafting";

fn looking_answers_and_keeps_nothing(house: House) {
    let before = house.entries();
    let answer = house.get("tomas", PERSONAL);
    answer.expect(StatusCode::OK);
    answer.shows(&[
        "No, not in “Free account”. In “Work account” yes, with 2 conditions.",
        "Use “Work account”: 2 conditions",
        "mode&#x3D;work",
    ]);
    let answer = house.get("tomas", &format!("{PERSONAL}&mode=work"));
    answer.shows(&[
        "Yes, with 2 conditions.",
        "personal_at_work",
        "Accept and be registered",
    ]);
    for page in [
        "/policy",
        "/policy/data_use/versions/1/rules/free_account",
        "/answers",
    ] {
        house.get("tomas", page).expect(StatusCode::OK);
    }
    house
        .get("tomas", "/policy")
        .shows(&["Northlight Assistant", "Free account", "Not allowed"]);
    // The start page asks for the tool alone.
    let answer = house.get("tomas", "/answers?tool=Orrery+Code");
    assert!(
        !answer.body.contains("There is a problem"),
        "{}",
        answer.body
    );
    house
        .get("tomas", "/answers?tool=Orrery&mode=")
        .shows(&["Choose the data that goes in"]);
    house
        .get("tomas", "/answers?tool=x&class=y&policy=nowhere")
        .expect(StatusCode::NOT_FOUND);
    assert_eq!(house.entries(), before, "a GET changes nothing");
    let request = TestRequest::get().uri(PERSONAL);
    assert_eq!(
        house.send(request).status,
        StatusCode::SEE_OTHER,
        "sign in first"
    );
}

fn a_kept_answer_says_which_version_gave_it(house: House) {
    let before = house.entries();
    let asked = [
        ("tool", "Orrery Code"),
        ("class", "personal"),
        ("_once", "1"),
    ];
    let kept = house.post("tomas", "/answers", &asked);
    assert_eq!(kept.status, StatusCode::SEE_OTHER, "{}", kept.body);
    let again = house.post("tomas", "/answers", &asked);
    assert_eq!(again.location, kept.location, "pressed twice, kept once");
    assert_eq!(house.kinds_after(before), ["answer.kept"]);
    let entry = house.register.entries().pop().unwrap();
    assert_eq!(entry.subject["policy_version"], 1);
    assert_eq!(entry.data["verdict"], "prohibited");
    assert!(entry.private.is_empty(), "keys alone need no words");
    let page = house.get("tomas", &kept.location);
    page.shows(&["Orrery Code", "version 1", "no_personal_in_code"]);
    house
        .get("olga", &kept.location)
        .expect(StatusCode::NOT_FOUND);
    house.get("audra", &kept.location).expect(StatusCode::OK);
    // A later version leaves it as it was.
    let text = changed("no_personal_in_code", "verdict", json!("allowed"));
    let draft = house.draft_by("gus", &text).unwrap();
    let found = house
        .register
        .reads(|conn| drafts::examined(conn, &house.register.desk, &draft));
    assert_eq!(found.effect.facts["answers"].as_array().unwrap().len(), 1);
    house.proposed_by("gus", draft.id, 1).unwrap();
    house.published_by("adam", draft.id, 2).unwrap();
    house
        .get("tomas", &kept.location)
        .shows(&["The policy says something else today", "No."]);
    house.agrees();
}

fn an_auditor_of_a_unit_learns_nothing_of_others_by_answers(house: House) {
    let about = json!({
        "title": "Hidden notes", "tool": "Meeting notes", "unit": "Pricing",
        "data_classes": ["confidential"], "data_location": "own_systems",
    });
    let case = house.register.submitted_by("tomas", about);
    house.register.approve_all(&case, &[]);
    let asked = [
        ("tool", "Meeting notes"),
        ("class", "confidential"),
        ("_once", "1"),
    ];
    let kept = house.post("tomas", "/answers", &asked).location;
    let review = "/answers?tool=Meeting+notes&class=confidential";
    let drafts = "/policy/data_use/drafts";
    house.get("audra", review).shows(&["Hidden notes"]);
    for page in [kept.as_str(), drafts] {
        house.get("audra", page).expect(StatusCode::OK);
    }
    let appointment = format!("/people/{}/auditor", house.register.person("audra"));
    house
        .post("adam", &appointment, &[("units", "Claims")])
        .expect(StatusCode::SEE_OTHER);
    let answer = house.get("audra", review);
    answer.expect(StatusCode::OK);
    assert!(!answer.body.contains("Hidden notes"), "{}", answer.body);
    house.get("audra", &kept).expect(StatusCode::NOT_FOUND);
    house.get("audra", drafts).expect(StatusCode::FORBIDDEN);
}

fn whoever_accepts_the_conditions_is_registered(house: House) {
    let before = house.entries();
    let page = house.get("tomas", &format!("{PERSONAL}&mode=work")).body;
    let terms = page
        .split("name=\"terms\" value=\"")
        .nth(1)
        .expect("the terms");
    let terms = terms.split('"').next().unwrap_or_default();
    let asked = |more: &[(&'static str, &'static str)]| {
        let mut pairs = vec![
            ("terms", terms),
            ("tool", "Northlight Assistant"),
            ("mode", "work"),
            ("class", "personal"),
            ("purpose", "drafting"),
            ("version", "1"),
            ("title", "Letters to members"),
        ];
        pairs.extend(more);
        pairs
    };
    let path = "/answers/use-cases";
    for unsaid in ["mode", "purpose"] {
        let mut pairs = asked(&[("accepted", "0"), ("accepted", "1")]);
        pairs.retain(|(name, _)| *name != unsaid);
        let answer = house.post("tomas", path, &pairs);
        answer.expect(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(house.entries(), before, "{unsaid} decides what holds");
    }
    let answer = house.post("tomas", path, &asked(&[("accepted", "0")]));
    answer.expect(StatusCode::UNPROCESSABLE_ENTITY);
    answer.shows(&["Accept every condition", "Letters to members"]);
    assert_eq!(house.entries(), before, "a refusal leaves no entry");
    let both = [("accepted", "0"), ("accepted", "1"), ("_once", "7")];
    let answer = house.post("tomas", path, &asked(&both));
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    assert!(
        answer.location.starts_with("/use-cases/AI-"),
        "{}",
        answer.location
    );
    assert_eq!(
        house.post("tomas", path, &asked(&both)).location,
        answer.location
    );
    assert_eq!(
        house.kinds_after(before),
        ["record.created", "answer.accepted"]
    );
    let entry = house.register.entries().pop().unwrap();
    assert_eq!(entry.data["conditions_accepted"], 2);
    assert_eq!(entry.data["rules"], json!(["personal_at_work"]));
    house
        .get("tomas", &answer.location)
        .shows(&["Letters to members", "Registered"]);
    let stale: Vec<_> = asked(&[("accepted", "0"), ("accepted", "1")]);
    let stale: Vec<_> = stale
        .into_iter()
        .map(|(n, v)| (n, if n == "version" { "9" } else { v }))
        .collect();
    house
        .post("tomas", path, &stale)
        .expect(StatusCode::CONFLICT);
    let mut other = asked(&[("accepted", "0"), ("accepted", "1")]);
    other[0].1 = "those of yesterday";
    house
        .post("tomas", path, &other)
        .expect(StatusCode::CONFLICT);
    house.agrees();
}

fn what_is_not_allowed_cannot_be_registered(house: House) {
    let before = house.entries();
    for (class, mode) in [
        ("special_category", "work"),
        ("personal", "web"),
        ("personal", ""),
    ] {
        let pairs = [
            ("tool", "Northlight Assistant"),
            ("mode", mode),
            ("class", class),
            ("version", "1"),
            ("title", "No"),
            ("accepted", "0"),
            ("accepted", "1"),
        ];
        let answer = house.post("tomas", "/answers/use-cases", &pairs);
        answer.expect(StatusCode::UNPROCESSABLE_ENTITY);
        answer.shows(&["does not allow this"]);
    }
    assert_eq!(house.entries(), before);
}

fn an_unlisted_tool_gets_an_answer_and_somebody_to_ask(house: House) {
    let path = "/answers?tool=Strange+Bot+%3Cb%3E&class=public";
    let answer = house.get("tomas", path);
    answer.shows(&[
        "Nobody has decided this yet.",
        "is not listed",
        "Ask Mei Tanaka",
    ]);
    assert!(!answer.body.contains("<b>Strange") && !answer.body.contains("Bot <b>"));
    let kept = house.post(
        "tomas",
        "/answers",
        &[("tool", "Strange Bot"), ("class", "public")],
    );
    assert_eq!(kept.status, StatusCode::SEE_OTHER);
    let entry = house.register.entries().pop().unwrap();
    assert_eq!(entry.data["asked"]["tool"], Value::Null);
    assert!(
        !format!("{:?}{:?}", entry.data, entry.subject).contains("Strange"),
        "words lie beside it"
    );
    assert!(entry.private.contains_key("question"));
    house.get("tomas", &kept.location).shows(&["Strange Bot"]);
    house.agrees();
}

fn a_review_leads_to_a_request_with_answers_filled_in(house: House) {
    let answer = house.get(
        "tomas",
        "/answers?tool=Meeting+notes&class=confidential&purpose=summarising",
    );
    answer.shows(&["Only after a review.", "/use-cases/new?", "Start a request"]);
    let start = answer
        .body
        .split("href=\"")
        .find(|rest| rest.starts_with("/use-cases/new?"));
    let path = start
        .and_then(|rest| rest.split('"').next())
        .expect("a link");
    let path = path.replace("&amp;", "&").replace("&#x3D;", "=");
    let form = house.get("tomas", &path);
    form.expect(StatusCode::OK);
    form.shows(&["value=\"Meeting notes\"", "Northlight AI"]);
    let checked = |value: &str| {
        let input = form
            .body
            .split("<input")
            .find(|one| one.contains(&format!("value=\"{value}\"")));
        input.is_some_and(|one| {
            one.split('>')
                .next()
                .unwrap_or_default()
                .contains(" checked")
        })
    };
    assert!(checked("confidential") && checked("summarising") && !checked("personal"));
}

fn a_change_is_published_by_a_second_person_who_sees_what_it_changes(house: House) {
    let begun = house.post("gus", "/policy/data_use/drafts", &[]);
    let path = begun.location.clone();
    let text = changed("free_account", "verdict", json!("review_required"));
    let saved = house.post("gus", &path, &[("seen", "1"), ("text", &text)]);
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.body);
    let page = house.get("gus", &path);
    page.shows(&[
        "4 cells",
        "northlight_assistant · web · confidential",
        "Propose it",
    ]);
    house.post("gus", &format!("{path}/proposal"), &[("seen", "2")]);
    let own = house.post("gus", &format!("{path}/publication"), &[("seen", "3")]);
    own.expect(StatusCode::FORBIDDEN);
    let before = house.entries();
    let done = house.post("adam", &format!("{path}/publication"), &[("seen", "3")]);
    assert_eq!(
        done.location, "/policy/data_use/versions/2",
        "{}",
        done.body
    );
    assert_eq!(house.kinds_after(before), ["policy.published"]);
    let entry = house.register.entries().pop().unwrap();
    assert_eq!(entry.data["dry_run"]["cells_changed"], 4);
    assert_eq!(
        entry.data["authors"],
        json!([house.register.person("gus").to_string()])
    );
    let answer = house.get("tomas", "/answers?tool=Northlight&mode=web&class=internal");
    answer.shows(&["Only after a review."]);
    let first = house.get("tomas", "/policy/data_use/versions/1");
    first.shows(&["Version 2 is in force"]);
    house.agrees();
}

fn a_draft_is_sent_back_rebased_and_given_up(house: House) {
    let text = changed("public_anywhere", "verdict", json!("not_decided"));
    let (one, two) = (
        house.draft_by("gus", &text).unwrap(),
        house.draft_by("gus", SHIPPED).unwrap(),
    );
    assert!(matches!(
        house.proposed_by("gus", two.id, 1),
        Err(Error::Draft(Refusal::Same(1)))
    ));
    house.proposed_by("gus", one.id, 1).unwrap();
    let path = format!("/policy/data_use/drafts/{}", one.id);
    let bare = house.post(
        "adam",
        &format!("{path}/return"),
        &[("seen", "2"), ("reason", " ")],
    );
    bare.expect(StatusCode::UNPROCESSABLE_ENTITY);
    let reason = [("seen", "2"), ("reason", "Public data is public.")];
    house.post("adam", &format!("{path}/return"), &reason);
    house
        .get("gus", &path)
        .shows(&["Sent back", "Public data is public."]);
    // Another version comes in between.
    let other = changed("code", "reason", json!("Another reason."));
    let other = house.draft_by("adam", &other).unwrap();
    house.proposed_by("adam", other.id, 1).unwrap();
    house.published_by("gus", other.id, 2).unwrap();
    let moved = house.proposed_by("gus", one.id, 3);
    let base = Refusal::BaseMoved { base: 1, now: 2 };
    assert!(
        matches!(moved, Err(Error::Draft(ref refusal)) if *refusal == base),
        "{moved:?}"
    );
    house.post("gus", &format!("{path}/base"), &[("seen", "3")]);
    house.proposed_by("gus", one.id, 4).unwrap();
    let stale = house.post("gus", &format!("{path}/discard"), &[("seen", "1")]);
    stale.expect(StatusCode::CONFLICT);
    house.post("gus", &format!("{path}/discard"), &[("seen", "5")]);
    house.get("gus", &path).shows(&["Discarded by gus"]);
    house.agrees();
}

fn a_policy_that_is_wrong_is_not_published(house: House) {
    let text = changed("code", "tools", json!(["orrery_cod"]));
    let draft = house.draft_by("gus", &text).unwrap();
    let page = house.get("gus", &format!("/policy/data_use/drafts/{}", draft.id));
    page.shows(&["did you mean", "orrery_code"]);
    let refused = house.proposed_by("gus", draft.id, 1);
    assert!(
        matches!(refused, Err(Error::Draft(Refusal::Flawed { .. }))),
        "{refused:?}"
    );
    let text = changed("confidential_reviewed", "workflow", json!("ai_use_cas"));
    let draft = house.draft_by("gus", &text).unwrap();
    let refused = house
        .proposed_by("gus", draft.id, 1)
        .unwrap_err()
        .to_string();
    assert!(refused.contains("did you mean `ai_use_case`?"), "{refused}");
}

fn only_keepers_of_the_policy_write_drafts(house: House) {
    let before = house.entries();
    for who in ["tomas", "audra"] {
        house
            .post(who, "/policy/data_use/drafts", &[])
            .expect(StatusCode::FORBIDDEN);
        assert!(matches!(
            house.draft_by(who, SHIPPED),
            Err(Error::Forbidden(_))
        ));
    }
    house
        .get("tomas", "/policy/data_use/drafts")
        .expect(StatusCode::FORBIDDEN);
    house
        .get("audra", "/policy/data_use/drafts")
        .expect(StatusCode::OK);
    assert_eq!(house.entries(), before);
}

fn a_program_asks_and_keeps_answers(house: House) {
    let reads = house.token("tomas", &["read"]);
    let get = |path: &str| {
        house.send(
            TestRequest::get()
                .uri(path)
                .insert_header((reads.0.clone(), reads.1.clone())),
        )
    };
    let before = house.entries();
    let answer =
        get("/api/v1/policy/answers?tool=Northlight&class=personal").expect(StatusCode::OK);
    assert_eq!(answer["verdict"], "prohibited");
    assert_eq!(answer["depends_on_mode"], true);
    assert_eq!(answer["next"]["step"], "choose_mode");
    assert_eq!(answer["policy"]["version"], 1);
    let page = answer["page"].as_str().unwrap();
    assert_eq!(
        page,
        "https://register.example/answers?tool=Northlight&class=personal"
    );
    get("/api/v1/policy/answers?tool=Northlight").expect(StatusCode::UNPROCESSABLE_ENTITY);
    get("/api/v1/policy/answers?tool=x&class=y&colour=red").expect(StatusCode::BAD_REQUEST);
    let whole = get("/api/v1/policy/data_use").expect(StatusCode::OK);
    assert_eq!(whole["document"]["key"], "data_use");
    assert_eq!(whole["findings"]["gap_count"], 0);
    assert_eq!(
        get("/api/v1/policy").expect(StatusCode::OK)["policies"][0]["version"],
        1
    );
    get("/api/v1/policy/data_use/versions").expect(StatusCode::OK);
    get("/api/v1/policy/nowhere").expect(StatusCode::NOT_FOUND);
    assert_eq!(house.entries(), before, "asking keeps nothing");
    let post = |token: &(header::HeaderName, String), body: Value| {
        let request = TestRequest::post()
            .uri("/api/v1/policy/answers")
            .set_json(body);
        house.send(request.insert_header((token.0.clone(), token.1.clone())))
    };
    let question = json!({"tool": "Clearwater Reader", "classes": ["personal"]});
    post(&reads, question.clone()).expect(StatusCode::FORBIDDEN);
    let writes = house.token("tomas", &["read", "write"]);
    let kept = post(&writes, question).expect(StatusCode::CREATED);
    assert_eq!(kept["verdict"], "review_required");
    assert!(kept["id"].is_string() && kept["entry"].is_number());
    let empty = json!({"tool": " ", "classes": []});
    post(&writes, empty).expect(StatusCode::UNPROCESSABLE_ENTITY);
    house.agrees();
}

fn a_policy_changed_behind_the_registers_back_is_named(house: House) {
    house.post(
        "tomas",
        "/answers",
        &[("tool", "Orrery Code"), ("class", "personal")],
    );
    house.agrees();
    for statement in [
        "UPDATE rule_versions SET hash = 'x'",
        "DELETE FROM rule_versions",
        "UPDATE policy_answers SET verdict = 'allowed'",
        "DELETE FROM policy_answers",
    ] {
        assert!(!tampers(&house.register, statement), "{statement}");
    }
    let draft = house.draft_by("gus", SHIPPED).unwrap();
    house.agrees();
    house.register.plants();
    assert!(tampers(
        &house.register,
        "UPDATE rule_drafts SET state = 'proposed'"
    ));
    let checked = house
        .register
        .reads(|conn| replay::check(conn, &house.register.desk));
    let first = checked.first.expect("it is named");
    assert!(
        first.starts_with(&format!("policy draft {}", draft.id)),
        "{first}"
    );
}

/// A file of the shared data, or nothing and a sentence that says so.
fn shared(file: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let folder = std::env::var_os("SHARED_DATA").map_or(beside, PathBuf::from);
    if !folder.join("data").is_dir() {
        println!("skipped: there is no data folder in {}", folder.display());
        return None;
    }
    Some(folder.join("data").join(file))
}

/// What each stated verdict must come back as.
fn meant(stated: &str) -> Verdict {
    match stated {
        "allowed" => Verdict::Allowed,
        "prohibited" => Verdict::Prohibited,
        "review-required" => Verdict::ReviewRequired,
        "allowed-selected-users" | "allowed-registered-use-case" => Verdict::AllowedWithConditions,
        _ => Verdict::NotDecided,
    }
}

fn index_of(one: &Converted) -> Index {
    let document = Document::read(&one.document);
    Index::new(
        document
            .unwrap_or_else(|p| panic!("{}: {p:#?}", one.organisation))
            .policy,
    )
}

fn every_published_table_answers_as_it_states(house: House) {
    let Some(path) = shared("ai-tool-matrices/tool_by_data_class.given.csv") else {
        return;
    };
    let bytes = std::fs::read(path).unwrap();
    let all = convert(bytes.clone(), "gus@example.org", None).unwrap();
    let conflicts: usize = all.iter().map(|one| one.conflicts.len()).sum();
    println!("{} organisations, {conflicts} conflicts", all.len());
    for one in &all {
        assert_eq!(one.problems, Vec::<String>::new(), "{}", one.organisation);
        assert_eq!(one.rules, one.rows);
        let text = one.document.to_string();
        let put = house
            .register
            .does(move |tx, desk| drafts::put(tx, desk, &operator(), &policy::KIND, &text));
        assert!(matches!(put, Put::Version(1)), "{put:?}");
    }
    let mut reader = csv::Reader::from_reader(bytes.as_slice());
    let rows: Vec<BTreeMap<String, String>> = reader.deserialize().map(|r| r.unwrap()).collect();
    let mut said: BTreeMap<[String; 4], Vec<Verdict>> = BTreeMap::new();
    for row in &rows {
        let cell =
            ["organisation", "tool", "account_or_mode", "data_class"].map(|c| row[c].clone());
        said.entry(cell).or_default().push(meant(&row["verdict"]));
    }
    for ([organisation, tool, mode, class], verdicts) in &said {
        let one = all
            .iter()
            .find(|one| one.organisation == *organisation)
            .unwrap();
        let question = Question {
            tool: tool.clone(),
            mode: (!["", "any"].contains(&mode.as_str())).then(|| mode.clone()),
            classes: vec![class.clone()],
            purpose: None,
        };
        let version = house
            .register
            .reads(|conn| policy::current(conn, &house.register.desk.policies, &one.key));
        let answer = version.index.ask(&question, house.register.desk.today().0);
        let strictest = verdicts.iter().max().unwrap();
        assert_eq!(
            answer.outcome.verdict, *strictest,
            "{organisation}, {tool}, {mode}, {class}"
        );
        assert_eq!(answer.asked.unknown_classes, Vec::<String>::new());
        let contradicts = verdicts.iter().any(|verdict| verdict != strictest);
        let told = one
            .conflicts
            .iter()
            .any(|line| line.contains(tool) && line.contains(class));
        assert!(
            !contradicts || told,
            "{organisation}, {tool}, {class} contradicts in silence"
        );
    }
    assert_eq!(said.values().map(Vec::len).sum::<usize>(), rows.len());
    house.agrees();
}

#[test]
fn rows_that_contradict_each_other_are_told_and_the_strictest_counts() {
    let file = "organisation,tool,account_or_mode,data_class,verdict,page_version\n\
                Here,Local model,,PHI,prohibited,old\nHere, local  MODEL,,phi,review-required,new\n\
                Here,Local model,,PII,status:Pilot,new\nHere,,,PII,allowed,new\n\
                Here,Any AI tool,any,Secret,prohibited,new\nThere,Bot,web,Open,allowed,\n";
    let all = convert(file.as_bytes().to_vec(), "gus@example.org", None).unwrap();
    let [here, there] = all.as_slice() else {
        panic!("{all:#?}")
    };
    assert_eq!((here.key.as_str(), there.key.as_str()), ("here", "there"));
    assert_eq!(
        here.problems,
        ["line 5: tool is empty; the row is left out"]
    );
    assert_eq!(here.not_decided, ["status:Pilot"]);
    let [conflict] = here.conflicts.as_slice() else {
        panic!("{:#?}", here.conflicts)
    };
    assert!(
        conflict.contains("prohibited on line 2, review-required on line 3"),
        "{conflict}"
    );
    assert!(conflict.ends_with("prohibited counts"), "{conflict}");
    let index = index_of(here);
    let ask = |tool: &str, class: &str| {
        let question = Question {
            tool: tool.to_owned(),
            classes: vec![class.to_owned()],
            ..Question::default()
        };
        index.ask(&question, jiff::civil::date(2027, 3, 1)).outcome
    };
    assert_eq!(ask("Local model", "PHI").verdict, Verdict::Prohibited);
    assert_eq!(ask("Local model", "PII").verdict, Verdict::NotDecided);
    assert_eq!(ask("Whatever comes", "Secret").verdict, Verdict::Prohibited);
    let reason = &index
        .rule(&ask("Local model", "PII").rules[0])
        .unwrap()
        .reason;
    assert!(reason.contains("status:Pilot"), "{reason}");
    let one = convert(file.as_bytes().to_vec(), "gus@example.org", Some("there")).unwrap();
    assert_eq!(one.len(), 1);
    assert!(convert(file.as_bytes().to_vec(), "g@e.org", Some("Nowhere")).is_err());
    let missing = convert(b"organisation,tool\na,b\n".to_vec(), "g@e.org", None).unwrap_err();
    assert!(missing.contains("data_class, verdict"), "{missing}");
}

#[test]
fn the_console_checks_publishes_and_takes_in_policies() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("here.sqlite");
    let program = Program::on(format!("sqlite:{}", file.display()));
    program.write(
        "policy.json",
        changed("confidential_reviewed", "workflow", json!("ai_use_case")),
    );
    let checked = program.run(&["policy", "check", "policy.json"]).good();
    assert!(checked.contains("good, sha256"), "{checked}");
    let told = program.run(&["policy", "publish", "policy.json"]).bad(2);
    assert!(
        told.contains("there is no workflow `ai_use_case`"),
        "{told}"
    );
    program.publish_policy();
    let told = program.run(&["policy", "publish", "policy.json"]).good();
    assert!(told.contains("data_use: version 1 is in force"), "{told}");
    program.write(
        "policy.json",
        changed("code", "verdict", json!("prohibited")),
    );
    let told = program.run(&["policy", "publish", "policy.json"]).good();
    assert!(
        told.contains("a keeper of the policy publishes it"),
        "{told}"
    );
    let shown = program.run(&["policy", "show", "data_use"]).good();
    assert_eq!(
        serde_json::from_str::<Value>(&shown).unwrap()["key"],
        "data_use"
    );
    let table = "organisation,tool,data_class,verdict\nHere,Bot,Open,allowed\n\
                 Here,Bot,Open,prohibited\nThere,Bot,Open,allowed\n";
    program.write("table.csv", table);
    let import = [
        "policy",
        "import",
        "table.csv",
        "--owner",
        "gus@example.org",
        "--json",
    ];
    let told = program.run(&[&import[..], &["--dry-run"]].concat()).bad(1);
    assert!(told.is_empty() || !told.contains("panicked"), "{told}");
    let told = program
        .run(&[&import[..], &["--organisation", "There"]].concat())
        .good();
    let report: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(report["policies"][0]["became"]["version"], 1);
    assert_eq!(report["policies"].as_array().unwrap().len(), 1);
    program.write("policy.json", "{\"format\": 1}");
    program.run(&["policy", "check", "policy.json"]).bad(1);
}

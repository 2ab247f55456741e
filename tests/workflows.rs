//! How the rules are changed: drafts, a second person, two who write at once, past reviews under
//! new rules. By the services and over HTTP, on both databases.

mod support;

use actix_web::http::StatusCode;
use actix_web::test::TestRequest;
use countersign::db::DraftId;
use countersign::error::{Error, Result};
use countersign::review::drafts::{self, Draft, Refusal, Start, State};
use countersign::review::workflows;
use serde_json::{Value, json};
use support::house::House;
use support::on_both;
use support::register::{Register, count, in_session, operator, seat, stage, workflow};

on_both! { now crate::support::register::Register::open =>
    a_change_takes_two_people_and_the_log_names_them_both
    an_author_never_publishes_whoever_else_wrote_as_well
    a_draft_from_an_old_version_is_refused_until_its_authors_looked_again
    of_two_who_save_at_once_the_second_is_told
    what_is_wrong_with_a_text_keeps_it_from_being_proposed
    a_draft_that_is_sent_back_says_why_and_can_be_proposed_again
    running_reviews_keep_the_version_they_began_with
    drafts_are_for_keepers_of_the_policy
    the_operator_proposes_and_somebody_else_publishes
    past_reviews_show_who_would_be_asked_instead
}

on_both! { now crate::support::house::House::open =>
    a_change_of_the_rules_goes_through_the_browser
    what_was_typed_comes_back_when_somebody_else_saved
    a_program_changes_the_rules_with_two_tokens
}

fn policy(register: &Register) -> String {
    let (text, _) = with_text(register);
    text
}

fn with_text(register: &Register) -> (String, DraftId) {
    let draft = begin(register, "gus").expect("a draft");
    (draft.text, draft.id)
}

fn begin(register: &Register, who: &str) -> Result<Draft> {
    let actor = in_session(register.person(who));
    register.tries(move |tx, desk| drafts::begin(tx, desk, &actor, "ai_use_case", Start::InForce))
}

fn save(register: &Register, who: &str, draft: &Draft, text: String) -> Result<Draft> {
    let (actor, id, seen) = (in_session(register.person(who)), draft.id, draft.seen);
    let key = draft.key.clone();
    register.tries(move |tx, desk| drafts::save(tx, desk, &actor, (&key, id), seen, text))
}

fn propose(register: &Register, who: &str, draft: &Draft) -> Result<Draft> {
    let (actor, draft) = (in_session(register.person(who)), draft.clone());
    let examined = drafts::examined(&register.desk, &draft).expect("it is looked at");
    register.tries(move |tx, desk| {
        let place = (draft.key.as_str(), draft.id);
        drafts::propose(tx, desk, &actor, place, draft.seen, &examined)
    })
}

fn publish(register: &Register, who: &str, draft: &Draft) -> Result<i32> {
    let (actor, draft) = (in_session(register.person(who)), draft.clone());
    let examined = drafts::examined(&register.desk, &draft).expect("it is looked at");
    register.tries(move |tx, desk| {
        let place = (draft.key.as_str(), draft.id);
        drafts::publish(tx, desk, &actor, place, draft.seen, &examined, None)
    })
}

fn send_back(register: &Register, who: &str, draft: &Draft, why: &'static str) -> Result<Draft> {
    let (actor, draft) = (in_session(register.person(who)), draft.clone());
    register.tries(move |tx, desk| {
        let place = (draft.key.as_str(), draft.id);
        drafts::send_back(tx, desk, &actor, place, draft.seen, why)
    })
}

fn retitled(text: &str, title: &str) -> String {
    let mut document: Value = serde_json::from_str(text).expect("JSON");
    document["title"] = title.into();
    document.to_string()
}

/// A draft by gus that gives the policy another title, proposed.
fn proposed(register: &Register, title: &str) -> Draft {
    let draft = begin(register, "gus").expect("a draft");
    let text = retitled(&draft.text, title);
    let draft = save(register, "gus", &draft, text).expect("it is saved");
    propose(register, "gus", &draft).unwrap_or_else(|e| panic!("{e}"))
}

#[track_caller]
fn refused<T: std::fmt::Debug>(answer: Result<T>) -> Refusal {
    match answer {
        Err(Error::Draft(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

fn a_change_takes_two_people_and_the_log_names_them_both(register: Register) {
    let kinds = register.kinds_of(|| proposed(&register, "Our policy"));
    assert_eq!(
        kinds,
        [
            "workflow.drafted",
            "workflow.draft_saved",
            "workflow.proposed"
        ]
    );
    let draft = register
        .reads(|conn| drafts::drafts(conn, Some("ai_use_case")))
        .remove(0);
    let told = "SELECT COUNT(*) AS count FROM outbox WHERE template = 'workflow_proposed'";
    assert_eq!(
        register.reads(|conn| count(conn, told)),
        1,
        "adam, who may publish"
    );

    assert_eq!(publish(&register, "adam", &draft).expect("published"), 2);
    let entry = register.entries().pop().expect("an entry");
    assert_eq!(entry.kind, "workflow.published");
    assert_eq!(entry.actor, register.person("adam").to_string());
    assert_eq!(entry.data["authors"], json!([register.person("gus")]));
    assert_eq!(entry.data["base_version"], 1);
    assert_eq!(entry.subject["workflow_version"], 2);
    assert_eq!(entry.data["dry_run"]["complete"], true);
    assert!(entry.data["dry_run"]["combinations"].as_u64() > Some(1000));
    let hash = register.reads(|conn| workflows::hash(conn, "ai_use_case", 2));
    assert_eq!(entry.subject["workflow_hash"], hash);
    let again = refused(publish(&register, "adam", &draft));
    assert_eq!(again, Refusal::Published);
}

fn an_author_never_publishes_whoever_else_wrote_as_well(register: Register) {
    register.appoint("cleo", "governance_admin");
    let draft = begin(&register, "gus").expect("a draft");
    let text = retitled(&draft.text, "By two");
    let draft = save(&register, "adam", &draft, text).expect("adam writes");
    let unproposed = refused(publish(&register, "cleo", &draft));
    assert_eq!(unproposed, Refusal::NotProposed);
    let draft = propose(&register, "gus", &draft).expect("gus proposes");
    for author in ["gus", "adam"] {
        assert_eq!(
            refused(publish(&register, author, &draft)),
            Refusal::OwnDraft
        );
        let back = send_back(&register, author, &draft, "No");
        assert_eq!(refused(back), Refusal::OwnDraft);
    }
    assert_eq!(
        publish(&register, "cleo", &draft).expect("cleo publishes"),
        2
    );
}

fn a_draft_from_an_old_version_is_refused_until_its_authors_looked_again(register: Register) {
    let old = begin(&register, "gus").expect("a draft");
    let text = retitled(&old.text, "From version 1");
    let old = save(&register, "gus", &old, text).expect("it is saved");
    let early = proposed(&register, "Proposed from version 1");
    let first = proposed(&register, "First");
    publish(&register, "adam", &first).expect("it is published");
    let moved = Refusal::BaseMoved { base: 1, now: 2 };
    assert_eq!(refused(propose(&register, "gus", &old)), moved);
    assert_eq!(refused(publish(&register, "adam", &early)), moved);
    let (actor, id) = (in_session(register.person("gus")), old.id);
    let seen = old.seen;
    let old =
        register.does(move |tx, desk| drafts::rebase(tx, desk, &actor, ("ai_use_case", id), seen));
    assert_eq!((old.base, old.state), (2, State::Draft));
    let old = propose(&register, "gus", &old).expect("now it can be proposed");
    assert_eq!(publish(&register, "adam", &old).expect("published"), 3);
}

fn of_two_who_save_at_once_the_second_is_told(register: Register) {
    let draft = begin(&register, "gus").expect("a draft");
    let (one, two) = (retitled(&draft.text, "One"), retitled(&draft.text, "Two"));
    let saved = save(&register, "gus", &draft, one.clone()).expect("the first");
    assert_eq!(saved.seen, 2);
    let late = save(&register, "adam", &draft, two.clone());
    assert!(
        matches!(late, Err(Error::Stale { seen: 1, now: 2 })),
        "{late:?}"
    );
    let same = save(&register, "adam", &draft, one).expect("the same text is no conflict");
    assert_eq!((same.seen, same.authors.len()), (2, 1));
    let mended = save(&register, "adam", &saved, two).expect("on top of the first");
    assert_eq!((mended.seen, mended.authors.len()), (3, 2));

    let late = propose(&register, "gus", &saved);
    assert!(matches!(late, Err(Error::Stale { .. })), "{late:?}");
}

fn what_is_wrong_with_a_text_keeps_it_from_being_proposed(register: Register) {
    let draft = begin(&register, "gus").expect("a draft");
    assert_eq!(refused(propose(&register, "gus", &draft)), Refusal::Same(1));
    let other = retitled(&draft.text, "T").replace("\"ai_use_case\"", "\"another\"");
    let nobody = retitled(&draft.text, "T").replace("request.sourcing", "request.sorcing");
    let mut draft = draft;
    for (text, place) in [("{".to_owned(), ""), (other, "/key"), (nobody, "/")] {
        draft = save(&register, "gus", &draft, text).expect("anything is saved");
        match refused(propose(&register, "gus", &draft)) {
            Refusal::Flawed { first, .. } => assert!(first.starts_with(place), "{first}"),
            refusal => panic!("{refusal}"),
        }
    }
    let long = " ".repeat(300_000);
    assert!(matches!(
        save(&register, "gus", &draft, long),
        Err(Error::Invalid(_))
    ));
}

fn a_draft_that_is_sent_back_says_why_and_can_be_proposed_again(register: Register) {
    let draft = proposed(&register, "Our policy");
    let silent = send_back(&register, "adam", &draft, "  ");
    assert!(matches!(silent, Err(Error::Invalid(_))), "{silent:?}");
    let back = send_back(&register, "adam", &draft, "Keep the old title").expect("sent back");
    assert_eq!(back.state, State::Returned);
    let why = register.reads(|conn| drafts::reason(conn, &back));
    assert_eq!(why.as_deref(), Some("Keep the old title"));
    let entry = register.entries().pop().expect("an entry");
    assert_eq!(entry.kind, "workflow.returned");
    assert!(
        !format!("{entry:?}").contains("old title"),
        "it lies beside"
    );
    let again = propose(&register, "gus", &back).expect("proposed again");
    assert_eq!(publish(&register, "adam", &again).expect("published"), 2);
}

fn running_reviews_keep_the_version_they_began_with(register: Register) {
    let running = register.submitted_by("tomas", json!({}));
    let draft = proposed(&register, "Our policy");
    publish(&register, "adam", &draft).expect("it is published");
    assert_eq!(register.review(&running).workflow.version, 1);
    let new = register.submitted_by("tomas", json!({}));
    assert_eq!(register.review(&new).workflow.version, 2);
}

fn drafts_are_for_keepers_of_the_policy(register: Register) {
    for who in ["tomas", "audra", "dana"] {
        register.refuses("forbidden", || begin(&register, who));
    }
    let actor = in_session(register.person("gus"));
    let start = |key: &'static str, name: &'static str| {
        let (actor, start) = (actor.clone(), Start::Template(name.to_owned()));
        register.tries(move |tx, desk| drafts::begin(tx, desk, &actor, key, start))
    };
    let taken = refused(start("ai_use_case", "small"));
    assert_eq!(taken, Refusal::KeyTaken("ai_use_case".to_owned()));
    assert!(matches!(start("Bad key!", "small"), Err(Error::Invalid(_))));
    assert!(matches!(start("fresh", "nothing"), Err(Error::NotFound(_))));
    let fresh = start("fresh", "small").expect("a new workflow");
    let fresh = propose(&register, "gus", &fresh).expect("the template is sound");
    assert_eq!(publish(&register, "adam", &fresh).expect("published"), 1);
}

fn the_operator_proposes_and_somebody_else_publishes(register: Register) {
    let text = retitled(&policy(&register), "From a file");
    let forms = &register.desk.kinds.stage_forms;
    let kind = register.desk.kinds.by_key("use_case").expect("the kind");
    let bundle = countersign::workflow::Bundle::load("f", &text, &kind.schema, forms);
    let bundle = bundle.expect("it is sound");
    let put = || {
        let (bundle, text) = (bundle.clone(), text.clone());
        register.does(move |tx, desk| drafts::propose_file(tx, desk, &operator(), &bundle, &text))
    };
    let draft = put();
    assert_eq!(put().id, draft.id, "what waits is not proposed twice");
    assert_eq!((draft.state, draft.authors.len()), (State::Proposed, 0));
    assert_eq!(publish(&register, "gus", &draft).expect("published"), 2);
}

fn past_reviews_show_who_would_be_asked_instead(register: Register) {
    register.publish(&workflow(&[
        stage("check", &[], &[seat("reviewer", 1)]),
        stage("second", &["check"], &[seat("expert", 1)]),
    ]));
    for author in ["tomas", "olga"] {
        register.submitted_by(author, json!({}));
    }
    let key = "story";
    let simulated = |stages: &[Value]| {
        let text = workflow(stages).to_string();
        let (forms, kinds) = (&register.desk.kinds.stage_forms, &register.desk.kinds);
        let schema = &kinds.by_key("use_case").expect("the kind").schema;
        let bundle = countersign::workflow::Bundle::load(key, &text, schema, forms);
        let bundle = bundle.unwrap_or_else(|problems| panic!("{problems:?}"));
        let desk = register.desk.clone();
        register.reads(move |conn| drafts::simulate_bundle(conn, &desk, &bundle, 20))
    };
    let other = simulated(&[stage("check", &[], &[seat("expert", "all")])]);
    assert_eq!(
        other.figures(),
        json!({
            "reviews": 2, "not_meant": 0, "same": 0, "more_stages": 0, "fewer_stages": 2,
            "automatic": 0, "stuck": 0,
        })
    );
    let load = |name: &str| other.load[&register.person(name)];
    assert_eq!((load("mei").before, load("mei").after), (2, 0));
    assert_eq!((load("kim").before, load("kim").after), (2, 2));

    let mut never = stage("check", &[], &[seat("reviewer", 1)]);
    never["when"] = "request.sourcing == 'vendor'".into();
    assert_eq!(simulated(&[never]).automatic, 2);

    let mut nobody = seat("ghost", 1);
    nobody["fallback"] = json!([{"relation": "submitter"}]);
    let stuck = simulated(&[stage("check", &[], &[nobody])]);
    assert_eq!(stuck.stuck, 2, "{:?}", stuck.reviews);
}

fn a_change_of_the_rules_goes_through_the_browser(house: House) {
    let list = "/workflows/ai_use_case/drafts";
    assert_eq!(house.post("dana", list, &[]).status, StatusCode::FORBIDDEN);
    assert_eq!(house.get("dana", list).status, StatusCode::FORBIDDEN);
    assert!(
        house
            .get("gus", "/workflows/ai_use_case/1")
            .body
            .contains("Change this workflow")
    );
    let path = house.post("gus", list, &[]).location;
    let page = house.get("gus", &path);
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    for part in [
        "What was found",
        "The way through",
        "Where requests go",
        "The text",
    ] {
        assert!(page.body.contains(part), "{part}");
    }
    house.register.submitted_by("tomas", json!({}));
    let simulated = house.get("gus", &format!("{path}?last=5"));
    assert!(
        simulated.body.contains("Who would be asked instead"),
        "{}",
        simulated.body
    );

    let wrong = house.post(
        "gus",
        &path,
        &[("seen", "1"), ("text", "{\"form\": <script>")],
    );
    assert_eq!(wrong.status, StatusCode::SEE_OTHER, "{}", wrong.body);
    let page = house.get("gus", &path);
    assert!(
        page.body.contains("this is not valid JSON"),
        "{}",
        page.body
    );
    let refused = house.post("gus", &format!("{path}/proposal"), &[("seen", "2")]);
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        refused
            .body
            .contains("keep this draft from being published"),
        "{}",
        refused.body
    );

    let text = retitled(&policy(&house.register), "Our <b> policy");
    let saved = house.post("gus", &path, &[("seen", "2"), ("text", &text)]);
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.body);
    let page = house.get("gus", &path);
    assert!(
        page.body
            .contains("<ins class=\"answer-line\">Our &lt;b&gt; policy</ins>")
    );
    let proposed = house.post("gus", &format!("{path}/proposal"), &[("seen", "3")]);
    assert_eq!(proposed.status, StatusCode::SEE_OTHER, "{}", proposed.body);
    let own = house.post("gus", &format!("{path}/publication"), &[("seen", "4")]);
    assert_eq!(own.status, StatusCode::FORBIDDEN, "{}", own.body);
    assert!(
        house
            .get("adam", &path)
            .body
            .contains("Publish or send back")
    );
    let published = house.post("adam", &format!("{path}/publication"), &[("seen", "4")]);
    assert_eq!(
        published.location, "/workflows/ai_use_case/2",
        "{}",
        published.body
    );
    let entry = house.register.entries().pop().expect("an entry");
    assert_eq!(entry.data["simulation"]["reviews"], 1);
    let history = house.get("dana", "/workflows/ai_use_case/versions");
    assert!(
        history.body.contains("Our &lt;b&gt; policy"),
        "{}",
        history.body
    );
    assert!(house.get("audra", &path).body.contains("Published"));
}

fn what_was_typed_comes_back_when_somebody_else_saved(house: House) {
    let path = house
        .post("gus", "/workflows/ai_use_case/drafts", &[])
        .location;
    house.post("adam", &path, &[("seen", "1"), ("text", "{\"a\": 1}")]);
    let late = house.post("gus", &path, &[("seen", "1"), ("text", "{\"mine\": 1}")]);
    assert_eq!(late.status, StatusCode::CONFLICT);
    assert!(late.body.contains("{&quot;mine&quot;: 1}"), "{}", late.body);
    assert!(late.body.contains("not saved"));
    let draft = path.rsplit('/').next().expect("an id");
    let nowhere = format!("/workflows/other/drafts/{draft}");
    assert_eq!(house.get("gus", &nowhere).status, StatusCode::NOT_FOUND);

    let bad = house.post(
        "gus",
        "/workflows",
        &[("key", "Not good"), ("template", "small")],
    );
    assert_eq!(bad.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(bad.body.contains("value=\"Not good\""), "{}", bad.body);
    let good = house.post(
        "gus",
        "/workflows",
        &[("key", "vendors"), ("template", "small")],
    );
    assert!(
        good.location.starts_with("/workflows/vendors/drafts/"),
        "{}",
        good.body
    );
}

fn a_program_changes_the_rules_with_two_tokens(house: House) {
    let (gus, adam) = (house.token("gus"), house.token("adam"));
    let list = "/api/v1/workflows/ai_use_case/drafts";
    let post = |body: Value| TestRequest::post().set_json(body);
    let (status, draft) = house.call(&gus, post(json!({})), list);
    assert_eq!(status, StatusCode::CREATED, "{draft}");
    let place = format!("{list}/{}", draft["id"].as_str().expect("an id"));
    let (_, whole) = house.call(&gus, TestRequest::get(), &place);
    let text = retitled(whole["text"].as_str().expect("a text"), "By a program");
    let put = TestRequest::put().set_json(json!({"seen": 1, "text": text}));
    let (status, saved) = house.call(&gus, put, &place);
    assert_eq!(status, StatusCode::OK, "{saved}");
    assert_eq!(saved["changes"][0]["place"], "title");
    let seen = json!({"seen": 2});
    let (status, _) = house.call(&gus, post(seen), &format!("{place}/proposal"));
    assert_eq!(status, StatusCode::OK);
    let publication = format!("{place}/publication");
    let (status, own) = house.call(&gus, post(json!({"seen": 3})), &publication);
    assert_eq!(
        (status, &own["code"]),
        (StatusCode::FORBIDDEN, &json!("own-draft"))
    );
    let back = post(json!({"seen": 3, "reason": "Not yet"}));
    let (status, back) = house.call(&adam, back, &format!("{place}/return"));
    assert_eq!(
        (status, &back["reason"]),
        (StatusCode::OK, &json!("Not yet")),
        "{back}"
    );
    let (status, _) = house.call(&gus, post(json!({"seen": 4})), &format!("{place}/proposal"));
    assert_eq!(status, StatusCode::OK);
    let (status, done) = house.call(&adam, post(json!({"seen": 5})), &publication);
    assert_eq!(
        (status, &done["version"]),
        (StatusCode::CREATED, &json!(2)),
        "{done}"
    );
    let dana = house.token("dana");
    let (status, _) = house.call(&dana, TestRequest::get(), list);
    assert_eq!(status, StatusCode::FORBIDDEN);
    let (status, all) = house.call(&adam, TestRequest::get(), list);
    assert_eq!(
        (status, &all["drafts"][0]["state"]),
        (StatusCode::OK, &json!("published"))
    );
}

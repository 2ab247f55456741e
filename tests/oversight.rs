//! Human review as people and programs meet it. On both databases.

mod support;

use actix_web::http::StatusCode;
use actix_web::test::TestRequest;
use countersign::db::Tx;
use countersign::error::Error;
use countersign::oversight::{self, Arranged, Given, Named, Sample};
use countersign::overview::Light;
use countersign::register::{self as records, NewRecord, Status};
use countersign::review::Desk;
use countersign::rules;
use diesel::prelude::*;
use serde_json::{Value, json};
use support::house::House;
use support::on_both;
use support::register::{Case, in_session, operator, tampers, use_case};

on_both! { now crate::open =>
    a_use_case_is_overseen_from_naming_to_a_settled_point
    only_who_is_named_records_what_they_looked_at
    who_answers_for_it_counts_as_no_overseer_where_a_rule_says_so
    two_who_name_overseers_at_once_do_not_overwrite_each_other
    too_many_overrides_are_told_to_whom_the_rule_names
    what_was_taken_back_counts_no_more_and_stays_to_be_read
    what_is_wrong_is_told_by_field_and_comes_back_as_typed
    overseers_hear_before_it_runs_out_and_owners_when_it_has
    an_overseer_who_left_counts_no_more
    what_overseers_found_never_changes_in_the_database
    a_program_names_overseers_and_records
}

fn open(url: String) -> House {
    let house = House::open(url);
    house.register.does(|tx, desk| {
        rules::drafts::put(tx, desk, &operator(), &oversight::KIND, oversight::TEMPLATE)
    });
    house
}

/// A live use case of olga's that tomas brought: it helps with work about people.
fn case(house: &House, changes: Value) -> Case {
    let actor = in_session(house.register.person("tomas"));
    let mut document = use_case(&json!({
        "effect_on_people": "assistive", "people_affected": "Applicants",
        "human_oversight": "Aiko reads them", "lifecycle": "live",
    }));
    for (name, value) in changes.as_object().expect("an object") {
        document[name] = value.clone();
    }
    let record = house.register.does(move |tx, desk| {
        let kind = desk.kinds.by_key("use_case")?;
        let new = NewRecord {
            document,
            status: Status::Registered,
            source_key: None,
        };
        records::create(tx, desk.clock.now(), &actor, kind, new)
    });
    Case {
        record: record.id,
        author: "tomas".to_owned(),
    }
}

fn significant() -> Value {
    json!({ "effect_on_people": "significant", "appeal": "They write to us" })
}

fn address(house: &House, name: &str) -> String {
    let person = house.register.person(name);
    house
        .register
        .reads(move |conn| Ok(countersign::people::known(conn, person)?.email))
}

fn tries_to_name(
    house: &House,
    who: &str,
    case: &Case,
    names: &[&str],
    seen: Option<i64>,
) -> Result<Arranged, Error> {
    let actor = in_session(house.register.person(who));
    let named = Named {
        overseers: names.iter().map(|name| address(house, name)).collect(),
        intervene: "They see each draft beside the file and may write their own.".to_owned(),
        stop: "Olga switches it off in the console.".to_owned(),
        seen,
    };
    let id = case.record;
    house
        .register
        .tries(move |tx, desk| oversight::arrange(tx, desk, &actor, id, &named))
}

fn names(house: &House, case: &Case, people: &[&str]) -> Arranged {
    tries_to_name(house, "olga", case, people, None).unwrap_or_else(|error| panic!("{error}"))
}

fn looked(at: u32, overridden: u32) -> Given {
    Given {
        looked_on: "2027-03-01".to_owned(),
        looked_at: at.to_string(),
        overridden: overridden.to_string(),
        outputs: "Tickets 1 to 40".to_owned(),
        reason: "The dates were wrong".to_owned(),
    }
}

fn tries_to_record(house: &House, who: &str, case: &Case, given: Given) -> Result<Sample, Error> {
    let (actor, id) = (in_session(house.register.person(who)), case.record);
    house
        .register
        .tries(move |tx, desk| oversight::record(tx, desk, &actor, id, &given))
}

fn records_of(house: &House, who: &str, case: &Case, at: u32, overridden: u32) -> Sample {
    tries_to_record(house, who, case, looked(at, overridden))
        .unwrap_or_else(|error| panic!("{error}"))
}

fn light(house: &House, case: &Case) -> (Light, String) {
    let (today, ids) = (house.register.desk.today().0, [case.record]);
    let all = house
        .register
        .reads(move |conn| oversight::standings(conn, &ids, today));
    let standing = all.get(&case.record).expect("a standing");
    (standing.light, standing.why.clone())
}

fn page_of(house: &House, case: &Case) -> String {
    let reference = house.register.record(case).reference;
    format!("/use-cases/{reference}/human-review")
}

/// Whom mails about human review are owed to, by what they say.
fn mails(house: &House, what: &str) -> Vec<String> {
    use countersign::db::PersonId;
    use countersign::db::schema::{outbox, people};
    let what = format!("\"{what}\"");
    let rows: Vec<(PersonId, String)> = house.register.reads(move |conn| {
        Ok(outbox::table
            .filter(outbox::template.eq("oversight"))
            .select((outbox::person_id, outbox::context))
            .load(conn)?)
    });
    let about: Vec<PersonId> = rows
        .into_iter()
        .filter(|(_, context)| context.contains(&what))
        .map(|(person, _)| person)
        .collect();
    let mut names: Vec<String> = house.register.reads(move |conn| {
        Ok(people::table
            .filter(people::id.eq_any(about))
            .select(people::email)
            .load(conn)?)
    });
    names.sort();
    let first = |email: &String| email.split('@').next().unwrap_or_default().to_owned();
    names.iter().map(first).collect()
}

fn a_use_case_is_overseen_from_naming_to_a_settled_point(house: House) {
    let case = case(&house, json!({}));
    assert_eq!(light(&house, &case).1, "Nobody is named to oversee it.");
    let kinds = house.register.kinds_of(|| names(&house, &case, &["aiko"]));
    assert_eq!(kinds, ["oversight.arranged"]);
    assert_eq!(mails(&house, "named"), ["aiko"]);
    let (open, why) = light(&house, &case);
    assert_eq!(open, Light::Open);
    assert!(
        why.ends_with("0 of 20 outputs looked at in 180 days."),
        "{why}"
    );

    let shown = house.get("aiko", "/human-review");
    assert!(shown.body.contains("Open"), "{}", shown.body);
    let page = page_of(&house, &case);
    let fields = [
        ("looked_on", "2027-03-01"),
        ("looked_at", "20"),
        ("overridden", "2"),
        ("outputs", "Tickets 1 to 20"),
        ("reason", "The dates were wrong"),
    ];
    let kinds = house.register.kinds_of(|| {
        let done = house.post("aiko", &format!("{page}/samples"), &fields);
        assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
    });
    assert_eq!(kinds, ["oversight.sampled"]);
    assert_eq!(light(&house, &case).0, Light::Settled);
    let body = house.get("dana", &page).body;
    for told in [
        "Settled",
        "20 looked at, 2 overridden (10.0 %)",
        "Tickets 1 to 20",
    ] {
        assert!(body.contains(told), "{told}: {body}");
    }
    let log = house.get("adam", "/log").body;
    assert!(log.contains("20 outputs looked at, 2 overridden"), "{log}");
}

fn only_who_is_named_records_what_they_looked_at(house: House) {
    let case = case(&house, json!({}));
    let refused = |who: &str| {
        house.register.refuses("not-an-overseer", || {
            tries_to_record(&house, who, &case, looked(20, 0))
        });
    };
    refused("aiko");
    let first = names(&house, &case, &["aiko"]);
    records_of(&house, "aiko", &case, 20, 0);
    // Neither who answers for it nor who keeps the rules looked at anything.
    refused("olga");
    refused("gus");
    tries_to_name(&house, "olga", &case, &["dana"], Some(first.seq)).expect("named anew");
    refused("aiko");
    // A stranger names nobody.
    house.register.refuses("not-yours-to-arrange", || {
        tries_to_name(&house, "dana", &case, &["dana"], None)
    });
}

fn who_answers_for_it_counts_as_no_overseer_where_a_rule_says_so(house: House) {
    let case = case(&house, significant());
    let before = house.register.dump();
    let refused = tries_to_name(&house, "olga", &case, &["olga", "aiko"], None);
    let Err(Error::Invalid(fields)) = refused else {
        panic!("two with the owner are too few");
    };
    let [field] = fields.as_slice() else {
        panic!("one field: {fields:?}");
    };
    assert_eq!(field.field, "overseers");
    assert!(
        field.message.contains("at least 2 besides owner"),
        "{}",
        field.message
    );
    assert!(house.register.dump() == before, "a refusal left something");
    let three = names(&house, &case, &["olga", "dana", "aiko"]);
    assert_eq!(three.overseers.len(), 3);
    // What the owner looked at is theirs, and shows the rule nothing.
    records_of(&house, "olga", &case, 30, 0);
    assert!(light(&house, &case).1.contains("0 of 30 outputs"));
    records_of(&house, "dana", &case, 30, 0);
    assert_eq!(light(&house, &case).0, Light::Settled);
    tries_to_name(&house, "olga", &case, &["dana", "aiko"], Some(three.seq)).expect("two");
    // An owner who comes later counts as none of them either.
    house
        .register
        .edit(&case, json!({ "owner": address(&house, "aiko") }));
    let (light, why) = light(&house, &case);
    assert_eq!(light, Light::Open);
    assert!(
        why.contains("asks for 2 overseers; those named who count: 1"),
        "{why}"
    );
}

fn two_who_name_overseers_at_once_do_not_overwrite_each_other(house: House) {
    let case = case(&house, json!({}));
    let first = names(&house, &case, &["aiko"]);
    tries_to_name(&house, "tomas", &case, &["dana"], Some(first.seq)).expect("the faster");
    house.register.refuses("named-meanwhile", || {
        tries_to_name(&house, "olga", &case, &["cleo"], Some(first.seq))
    });
    house.register.refuses("named-meanwhile", || {
        tries_to_name(&house, "olga", &case, &["cleo"], None)
    });
}

fn too_many_overrides_are_told_to_whom_the_rule_names(house: House) {
    let case = case(&house, significant());
    names(&house, &case, &["dana", "aiko"]);
    records_of(&house, "aiko", &case, 20, 10);
    assert_eq!(
        mails(&house, "exceeded"),
        Vec::<String>::new(),
        "too few to judge"
    );
    records_of(&house, "dana", &case, 10, 0);
    let told = mails(&house, "exceeded");
    assert!(told.contains(&"olga".to_owned()), "{told:?}");
    assert!(told.contains(&"gus".to_owned()), "{told:?}");
    let (state, why) = light(&house, &case);
    assert_eq!(state, Light::Open);
    assert!(why.contains("33.3 % overridden, more than 20 %"), "{why}");
    records_of(&house, "dana", &case, 1, 1);
    assert_eq!(
        mails(&house, "exceeded"),
        told,
        "told once until it is kept again"
    );
    records_of(&house, "dana", &case, 60, 0);
    assert_eq!(light(&house, &case).0, Light::Settled);
}

fn what_was_taken_back_counts_no_more_and_stays_to_be_read(house: House) {
    let case = case(&house, json!({}));
    names(&house, &case, &["aiko", "dana"]);
    let sample = records_of(&house, "aiko", &case, 400, 0);
    assert_eq!(light(&house, &case).0, Light::Settled);
    let take_back = |who: &str, why: &str| {
        let (actor, id, why) = (
            in_session(house.register.person(who)),
            sample.id,
            why.to_owned(),
        );
        house
            .register
            .tries(move |tx: &mut Tx, desk: &Desk| oversight::withdraw(tx, desk, &actor, id, &why))
    };
    house
        .register
        .refuses("not-your-sample", || take_back("dana", "It was 4"));
    assert!(matches!(take_back("aiko", " "), Err(Error::Invalid(_))));
    let kinds = house
        .register
        .kinds_of(|| take_back("aiko", "It was 4").expect("taken back"));
    assert_eq!(kinds, ["oversight.withdrawn"]);
    house
        .register
        .refuses("sample-withdrawn", || take_back("gus", "It was 4"));
    assert_eq!(light(&house, &case).0, Light::Open);
    let body = house.get("olga", &page_of(&house, &case)).body;
    for told in ["400 looked at", "taken back", "It was 4"] {
        assert!(body.contains(told), "{told}: {body}");
    }
}

fn what_is_wrong_is_told_by_field_and_comes_back_as_typed(house: House) {
    let case = case(&house, json!({}));
    let page = page_of(&house, &case);
    let form = [
        ("overseers", "nobody@harbour.example"),
        ("intervene", "They <see> it"),
        ("stop", ""),
        ("seen", ""),
    ];
    let answer = house.post("olga", &format!("{page}/overseers"), &form);
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    for told in [
        "Nobody has the address nobody@harbour.example",
        "Say how it is stopped",
        "They &lt;see&gt; it",
    ] {
        assert!(answer.body.contains(told), "{told}: {}", answer.body);
    }
    names(&house, &case, &["aiko"]);
    let before = house.register.dump();
    let wrong: [(&str, &str, &str); 6] = [
        ("looked_on", "2027-13-01", "Say on which day you looked"),
        ("looked_on", "2099-01-01", "day to come"),
        ("looked_at", "0", "a number from 1 to 100000"),
        ("overridden", "21", "at most as many as you looked at"),
        ("outputs", " ", "Say which outputs"),
        ("reason", "", "Say why you overrode them"),
    ];
    for (field, typed, told) in wrong {
        let mut fields = vec![
            ("looked_on", "2027-03-01"),
            ("looked_at", "20"),
            ("overridden", "2"),
            ("outputs", "A folder that is kept"),
            ("reason", "Wrong dates"),
        ];
        for (name, value) in &mut fields {
            if *name == field {
                *value = typed;
            }
        }
        let answer = house.post("aiko", &format!("{page}/samples"), &fields);
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{field}");
        assert!(answer.body.contains(told), "{field}: {}", answer.body);
        if field != "outputs" {
            assert!(answer.body.contains("A folder that is kept"), "{field}");
        }
    }
    assert!(house.register.dump() == before, "a refusal left something");
}

fn overseers_hear_before_it_runs_out_and_owners_when_it_has(house: House) {
    let case = case(&house, json!({}));
    names(&house, &case, &["aiko"]);
    records_of(&house, "aiko", &case, 20, 0);
    let round = || {
        let (desk, db) = (house.register.desk.clone(), &house.register.db);
        db.upkeep_now(move |tx| oversight::make_round(tx, desk.today(), desk.clock.now()))
            .expect("a round");
    };
    round();
    assert_eq!(mails(&house, "due"), Vec::<String>::new());
    house.register.days_pass(174);
    round();
    round();
    assert_eq!(mails(&house, "due"), ["aiko"]);
    house.register.days_pass(10);
    assert_eq!(light(&house, &case).0, Light::Expired);
    round();
    assert_eq!(mails(&house, "lapsed"), ["aiko", "olga"]);
    house.register.days_pass(200);
    round();
    assert_eq!(mails(&house, "naming_over"), ["olga"]);
}

fn an_overseer_who_left_counts_no_more(house: House) {
    let case = case(&house, json!({}));
    names(&house, &case, &["aiko"]);
    records_of(&house, "aiko", &case, 20, 0);
    assert_eq!(light(&house, &case).0, Light::Settled);
    let aiko = house.register.person("aiko");
    house.register.does(move |tx, desk| {
        countersign::people::leave(tx, desk.clock.now(), &operator(), aiko, None)
    });
    let (light, why) = light(&house, &case);
    assert_eq!(light, Light::Open);
    assert!(
        why.contains("asks for 1 overseer; those named who count: 0"),
        "{why}"
    );
    let body = house.get("olga", &page_of(&house, &case)).body;
    assert!(body.contains("(not here any more)"), "{body}");
}

fn what_overseers_found_never_changes_in_the_database(house: House) {
    let case = case(&house, json!({}));
    names(&house, &case, &["aiko"]);
    let sample = records_of(&house, "aiko", &case, 20, 0);
    let (actor, id) = (in_session(house.register.person("aiko")), sample.id);
    house
        .register
        .does(move |tx, desk| oversight::withdraw(tx, desk, &actor, id, "A mistake"));
    for statement in [
        "UPDATE oversight_samples SET overridden = 1",
        "UPDATE oversight_samples SET withdrawn_by = NULL, withdrawn_seq = NULL",
        "DELETE FROM oversight_samples",
        "UPDATE oversight_arrangements SET named_on = '2099-01-01'",
        "DELETE FROM oversight_arrangements",
        "UPDATE overseers SET person_id = person_id",
        "DELETE FROM overseers",
    ] {
        assert!(!tampers(&house.register, statement), "{statement}");
    }
}

fn a_program_names_overseers_and_records(house: House) {
    let case = case(&house, json!({}));
    let base = format!("/api/v1{}", page_of(&house, &case));
    let (olga, aiko) = (house.token("olga"), house.token("aiko"));
    let named = json!({
        "overseers": [address(&house, "aiko")], "intervene": "They read it", "stop": "A switch",
    });
    let naming = || TestRequest::post().set_json(&named);
    let (status, answer) = house.call(&olga, naming(), &format!("{base}/overseers"));
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    let (status, answer) = house.call(&olga, naming(), &format!("{base}/overseers"));
    assert_eq!(
        (status, &answer["code"]),
        (StatusCode::CONFLICT, &json!("named-meanwhile"))
    );
    let looked = json!({
        "looked_on": "2027-03-01", "looked_at": 20, "overridden": 0, "outputs": "A folder",
    });
    let recording = || {
        TestRequest::post()
            .insert_header(("idempotency-key", "one"))
            .set_json(&looked)
    };
    let (status, first) = house.call(&aiko, recording(), &format!("{base}/samples"));
    assert_eq!(status, StatusCode::CREATED, "{first}");
    let (_, again) = house.call(&aiko, recording(), &format!("{base}/samples"));
    assert_eq!(first, again);
    let (status, found) = house.call(&olga, TestRequest::get(), &base);
    assert_eq!(status, StatusCode::OK);
    let review = &found["human_review"];
    assert_eq!(
        (&review["state"], &review["samples_in_all"]),
        (&json!("settled"), &json!(1))
    );
    let id = first["id"].as_str().expect("an id");
    let path = format!("/api/v1/oversight-samples/{id}/withdrawal");
    let why = TestRequest::post().set_json(json!({ "reason": "A mistake" }));
    let (status, _) = house.call(&aiko, why, &path);
    assert_eq!(status, StatusCode::OK);
    let (_, found) = house.call(&olga, TestRequest::get(), &base);
    assert_eq!(found["human_review"]["state"], "open");
}

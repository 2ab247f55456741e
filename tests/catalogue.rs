//! Tools as people look for them, and approvals that other teams join. On both databases.

mod support;

use actix_web::http::StatusCode;
use actix_web::test::TestRequest;
use countersign::catalogue::joins::{self, Given};
use countersign::catalogue::{self, Worth};
use countersign::db::{PersonId, RecordId, Tx};
use countersign::error::{Error, Result};
use countersign::policy;
use countersign::register::{self as records, NewRecord, Record, Status};
use countersign::replay;
use countersign::review::Desk;
use countersign::review::engine::ApprovalDeed;
use countersign::rules::drafts;
use serde_json::{Value, json};
use std::sync::Barrier;
use support::house::House;
use support::on_both;
use support::register::{Case, in_session, operator, tampers};

const SHIPPED: &str = include_str!("../templates/policies/data_use.json");

on_both! { now crate::open =>
    a_team_joins_an_approval_within_its_conditions
    what_lies_outside_is_named_and_a_request_is_offered
    what_joined_is_worth_what_the_approval_is_worth
    an_edit_that_leads_outside_ends_the_join
    who_approved_or_owns_it_may_close_it
    what_joined_can_be_joined_by_nobody
    two_join_while_the_approval_is_revoked
    what_joined_never_changes_in_the_database
    the_catalogue_shows_records_and_what_only_the_policy_names
    a_tool_that_is_over_says_so_first
    what_is_paid_twice_is_told
    a_program_reads_the_catalogue_and_joins
    whoever_looks_after_a_tool_is_told_before_its_last_day_once
}

fn open(url: String) -> House {
    let house = House::open(url);
    let put = |tx: &mut Tx, desk: &Desk| {
        drafts::put(tx, desk, &operator(), &policy::KIND, SHIPPED).map(drop)
    };
    house.register.does(put);
    house
}

fn agrees(house: &House) {
    let desk = &house.register.desk;
    let checked = house.register.reads(|conn| replay::check(conn, desk));
    assert_eq!(checked.first, None);
}

fn reference(house: &House, case: &Case) -> String {
    house.register.record(case).reference
}

/// What kim says who joins, the conditions confirmed.
fn given(house: &House, case: &Case) -> Given {
    let approval = house.register.approval(case);
    Given {
        revision: approval.revision,
        title: "Tickets of the motor team".to_owned(),
        unit: "Motor".to_owned(),
        purpose: "Sum up tickets.".to_owned(),
        data_classes: vec!["internal".to_owned()],
        uses: vec!["summarising".to_owned()],
        effect_on_people: "none".to_owned(),
        conditions: approval.obligations.keys().copied().collect(),
        same_account: true,
    }
}

fn tries_to_join(house: &House, who: &str, case: &Case, given: Given) -> Result<Record> {
    let (actor, base) = (
        in_session(house.register.person(who)),
        reference(house, case),
    );
    let work = move |tx: &mut Tx, desk: &Desk| joins::join(tx, desk, &actor, &base, &given);
    house.register.tries(work)
}

fn joins(house: &House, who: &str, case: &Case) -> Record {
    let given = given(house, case);
    tries_to_join(house, who, case, given).unwrap_or_else(|error| panic!("{who}: {error}"))
}

fn worth(house: &House, id: RecordId) -> Worth {
    let desk = house.register.desk.clone();
    let joined = house.register.reads(|conn| {
        let record = records::by_id(conn, id)?;
        catalogue::joined(conn, &desk, &record)
    });
    joined.expect("it joined").worth
}

fn fields(error: Error) -> Vec<(String, &'static str)> {
    match error {
        Error::Invalid(errors) => errors.into_iter().map(|e| (e.field, e.rule)).collect(),
        other => panic!("{other}"),
    }
}

fn tool(house: &House, document: Value) -> Record {
    house.register.does(move |tx, desk| {
        let new = NewRecord {
            document,
            status: Status::Registered,
            source_key: None,
        };
        let kind = desk.kinds.by_key("tool")?;
        records::create(tx, desk.clock.now(), &operator(), kind, new)
    })
}

/// Addresses of mails by template.
fn mails(house: &House, template: &'static str) -> Vec<PersonId> {
    use countersign::db::schema::outbox;
    use diesel::prelude::*;
    house.register.reads(|conn| {
        Ok(outbox::table
            .filter(outbox::template.eq(template))
            .select(outbox::person_id)
            .load(conn)?)
    })
}

fn a_team_joins_an_approval_within_its_conditions(house: House) {
    let case = house
        .register
        .approved_if("Delete after 30 days.", "2027-06-01");
    let base = reference(&house, &case);
    let page = house.get("kim", &format!("/use-cases/{base}/joins"));
    assert!(page.body.contains("Delete after 30 days."), "{}", page.body);
    let condition = house.register.condition(&case).to_string();
    let before = house.register.ledger_size();
    let answer = house.post(
        "kim",
        &format!("/use-cases/{base}/joins"),
        &[
            ("revision", "1"),
            ("title", "Tickets of the motor team"),
            ("unit", "Motor"),
            ("purpose", "Sum up tickets."),
            ("data_classes", "internal"),
            ("uses", "summarising"),
            ("effect_on_people", "none"),
            ("condition", &condition),
            ("same_account", "yes"),
        ],
    );
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    let entries = house.register.entries().into_iter();
    let kinds: Vec<String> = entries
        .skip(usize::try_from(before).unwrap())
        .map(|entry| entry.kind)
        .collect();
    assert_eq!(kinds, ["record.created", "use_case.joined"]);
    let page = house.get("kim", &answer.location);
    assert!(page.body.contains("Joined an approval"), "{}", page.body);
    assert!(page.body.contains("In force"), "{}", page.body);
    let page = house.get("olga", &format!("/use-cases/{base}"));
    assert!(page.body.contains("1 use case joined it"), "{}", page.body);
    agrees(&house);
}

fn what_lies_outside_is_named_and_a_request_is_offered(house: House) {
    let case = house.register.approved();
    let more = Given {
        data_classes: vec!["internal".to_owned(), "personal".to_owned()],
        effect_on_people: "assistive".to_owned(),
        title: String::new(),
        same_account: false,
        ..given(&house, &case)
    };
    let error = tries_to_join(&house, "kim", &case, more).unwrap_err();
    let wrong = fields(error);
    let expected = [
        ("title", "missing"),
        ("same_account", "missing"),
        ("data_classes", "outside"),
        ("effect_on_people", "outside"),
    ];
    let expected = expected.map(|(field, rule)| (field.to_owned(), rule));
    assert_eq!(wrong, expected);
    let base = reference(&house, &case);
    let before = house.register.ledger_size();
    let pairs = [
        ("revision", "1"),
        ("title", "Ours <b>"),
        ("unit", "Motor"),
        ("purpose", "Sum up."),
        ("data_classes", "personal"),
        ("uses", "summarising"),
        ("effect_on_people", "none"),
        ("same_account", "yes"),
    ];
    let answer = house.post("kim", &format!("/use-cases/{base}/joins"), &pairs);
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        answer.body.contains("This needs a review"),
        "{}",
        answer.body
    );
    assert!(answer.body.contains("/use-cases/new?"), "{}", answer.body);
    assert!(answer.body.contains("Ours &lt;b&gt;"), "typed text stays");
    assert_eq!(house.register.ledger_size(), before);
    // A revision that is none is told as a conflict.
    let stale = Given {
        revision: 9,
        ..given(&house, &case)
    };
    let error = tries_to_join(&house, "kim", &case, stale).unwrap_err();
    assert!(matches!(error, Error::Stale { .. }), "{error}");
}

fn what_joined_is_worth_what_the_approval_is_worth(house: House) {
    let register = &house.register;
    let case = register.approved();
    let joined = joins(&house, "kim", &case);
    assert_eq!(worth(&house, joined.id), Worth::InForce);
    register.on_approval("gus", &case, ApprovalDeed::Suspend);
    assert_eq!(worth(&house, joined.id), Worth::Suspended);
    let told = mails(&house, "suspended");
    assert!(told.contains(&register.person("kim")), "kim is told");
    let given = given(&house, &case);
    let error = tries_to_join(&house, "noor", &case, given).unwrap_err();
    assert_eq!(fields(error), [(String::new(), "closed")]);
    register.on_approval("gus", &case, ApprovalDeed::Reinstate);
    assert_eq!(worth(&house, joined.id), Worth::InForce);
    register.on_approval("gus", &case, ApprovalDeed::Revoke);
    assert_eq!(worth(&house, joined.id), Worth::Revoked);
    agrees(&house);
}

fn an_edit_that_leads_outside_ends_the_join(house: House) {
    let case = house.register.approved();
    let joined = joins(&house, "kim", &case);
    let actor = in_session(house.register.person("kim"));
    house.register.does(move |tx, desk| {
        let record = records::by_id(tx, joined.id)?;
        let mut document = records::revision(tx, record.id, record.revision)?.document()?;
        document["uses"] = json!(["summarising", "hiring"]);
        let kind = desk.kinds.by_key("use_case")?;
        let now = desk.clock.now();
        records::revise(tx, now, &actor, kind, &record, record.revision, &document)
    });
    assert_eq!(worth(&house, joined.id), Worth::Outside);
    let page = house.get("kim", &format!("/use-cases/{}", joined.reference));
    assert!(
        page.body.contains("needs a review of its own"),
        "{}",
        page.body
    );
    agrees(&house);
}

fn who_approved_or_owns_it_may_close_it(house: House) {
    let case = house.register.approved();
    let base = reference(&house, &case);
    let limit = |who: &str, places: Option<i32>, reason: &'static str| {
        let (actor, base) = (in_session(house.register.person(who)), base.clone());
        let work = move |tx: &mut Tx, desk: &Desk| {
            joins::set_limit(tx, desk, &actor, &base, places, reason)
        };
        house.register.tries(work)
    };
    let error = limit("kim", Some(0), "No.").unwrap_err();
    assert!(matches!(error, Error::Forbidden(_)), "{error}");
    let error = limit("adam", Some(0), "No.").unwrap_err();
    assert!(matches!(error, Error::Forbidden(_)), "{error}");
    let error = limit("olga", Some(0), " ").unwrap_err();
    assert_eq!(fields(error), [("reason".to_owned(), "missing")]);
    limit("olga", Some(1), "One team tries it first.").expect("the owner may");
    joins(&house, "kim", &case);
    let given_again = given(&house, &case);
    let error = tries_to_join(&house, "noor", &case, given_again.clone()).unwrap_err();
    assert_eq!(fields(error), [(String::new(), "closed")]);
    limit("dana", None, "It went well.").expect("who approved may");
    joins(&house, "noor", &case);
    limit("gus", Some(0), "Enough.").expect("who keeps the policy may");
    let error = tries_to_join(&house, "ravi", &case, given_again).unwrap_err();
    assert_eq!(fields(error), [(String::new(), "closed")]);
    let page = house.get("kim", &format!("/use-cases/{base}/joins"));
    assert!(page.body.contains("closed for joining"), "{}", page.body);
    agrees(&house);
}

fn what_joined_can_be_joined_by_nobody(house: House) {
    let case = house.register.approved();
    let joined = joins(&house, "kim", &case);
    let page = house.get("noor", &format!("/use-cases/{}/joins", joined.reference));
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    let actor = in_session(house.register.person("noor"));
    let given = given(&house, &case);
    let at = joined.reference;
    let done = house
        .register
        .tries(move |tx, desk| joins::join(tx, desk, &actor, &at, &given));
    assert_eq!(fields(done.unwrap_err()), [(String::new(), "closed")]);
}

fn two_join_while_the_approval_is_revoked(house: House) {
    let case = house.register.approved();
    let start = Barrier::new(3);
    let given = given(&house, &case);
    let made: Vec<RecordId> = std::thread::scope(|scope| {
        let join = |who: &'static str| {
            let (start, given, house, case) = (&start, given.clone(), &house, &case);
            scope.spawn(move || {
                start.wait();
                match tries_to_join(house, who, case, given) {
                    Ok(record) => Some(record.id),
                    Err(Error::Invalid(_)) => None,
                    Err(other) => panic!("{other}"),
                }
            })
        };
        let both = [join("kim"), join("noor")];
        start.wait();
        house
            .register
            .on_approval("gus", &case, ApprovalDeed::Revoke);
        let both = both.into_iter().filter_map(|one| one.join().unwrap());
        both.collect()
    });
    let base = case.record;
    let stored = house
        .register
        .reads(|conn| catalogue::joins_of(conn, base, 10));
    assert_eq!(stored.len(), made.len());
    for id in made {
        assert_eq!(worth(&house, id), Worth::Revoked);
    }
    agrees(&house);
}

fn what_joined_never_changes_in_the_database(house: House) {
    let case = house.register.approved();
    joins(&house, "kim", &case);
    let (actor, base) = (
        in_session(house.register.person("olga")),
        reference(&house, &case),
    );
    house.register.does(move |tx, desk| {
        joins::set_limit(tx, desk, &actor, &base, Some(3), "Three are enough.").map(drop)
    });
    for sql in [
        "UPDATE joins SET revision = 7",
        "DELETE FROM joins",
        "UPDATE join_limits SET places = 9",
        "DELETE FROM join_limits",
    ] {
        assert!(!tampers(&house.register, sql), "{sql}");
    }
}

fn the_catalogue_shows_records_and_what_only_the_policy_names(house: House) {
    tool(
        &house,
        json!({ "title": "northlight assistant", "vendor": "Northlight AI", "category": "assistant",
                "what_for": "Drafting", "limits": "Check outputs before they leave.",
                "cost_eur_per_year": 42000, "licences": 120, "owner": "pavel@example.org" }),
    );
    tool(&house, json!({ "title": "Unheard of" }));
    house.register.draft_by(
        "tomas",
        json!({ "tool": "Northlight Assistant", "unit": "Motor" }),
    );
    let page = house.get("kim", "/catalogue");
    for piece in [
        "northlight assistant",
        "42000 € a year",
        "1 use case",
        "Unheard of",
        "Not in the data-use policy",
        "Only in the data-use policy",
        "Orrery Code",
    ] {
        assert!(page.body.contains(piece), "{piece}: {}", page.body);
    }
    let only = page
        .body
        .split("Only in the data-use policy")
        .nth(1)
        .unwrap();
    assert!(
        !only.to_lowercase().contains("northlight assistant</a>"),
        "{only}"
    );
    let page = house.get("kim", "/catalogue?class=personal&verdict=review_required");
    assert!(!page.body.contains("Unheard of"), "{}", page.body);
    assert!(page.body.contains("Meeting notes"), "{}", page.body);
    let page = house.get("kim", "/catalogue?q=unheard");
    assert!(page.body.contains("Unheard of") && !page.body.contains("Orrery Code</a>"));
    let wrong = house.get("kim", "/catalogue?verdict=perhaps");
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    let page = house.get("kim", "/catalogue/listed/orrery_code");
    assert!(page.body.contains("Team licence"), "{}", page.body);
    let none = house.get("kim", "/catalogue/listed/nothing");
    assert_eq!(none.status, StatusCode::NOT_FOUND);
}

fn a_tool_that_is_over_says_so_first(house: House) {
    let next = tool(&house, json!({ "title": "Meeting notes" }));
    let old = tool(
        &house,
        json!({ "title": "Old notes", "approved_until": "2027-02-28",
                "superseded_by": next.reference }),
    );
    let page = house.get("kim", &format!("/catalogue/{}", old.reference));
    let at = |piece: &str| {
        page.body
            .find(piece)
            .unwrap_or_else(|| panic!("{piece}: {}", page.body))
    };
    assert!(at("Expired") < at("Approvals to join"));
    assert!(
        page.body
            .contains(&format!("{} Meeting notes", next.reference))
    );
    tool(
        &house,
        json!({ "title": "Lasting", "approved_until": "2027-03-01" }),
    );
    let page = house.get("kim", "/catalogue?q=lasting");
    assert!(
        !page.body.contains("Expired"),
        "its last day counts: {}",
        page.body
    );
}

fn what_is_paid_twice_is_told(house: House) {
    for (title, cost) in [("One", 100), ("Two", 250), ("Free", 0)] {
        tool(
            &house,
            json!({ "title": title, "category": "translation", "cost_eur_per_year": cost }),
        );
    }
    tool(
        &house,
        json!({ "title": "Alone", "category": "coding", "cost_eur_per_year": 9 }),
    );
    let page = house.get("kim", "/catalogue/spend");
    assert!(
        page.body.contains("Translation: 350 € a year"),
        "{}",
        page.body
    );
    assert!(!page.body.contains("Free") && !page.body.contains("Alone"));
}

fn a_program_reads_the_catalogue_and_joins(house: House) {
    let case = house.register.approved();
    let base = reference(&house, &case);
    let token = house.token("kim");
    let path = format!("/api/v1/use-cases/{base}/joins");
    let (status, offer) = house.call(&token, TestRequest::get(), &path);
    assert_eq!((status, &offer["open"]), (StatusCode::OK, &json!(true)));
    let body = json!(given(&house, &case));
    let (status, made) = house.call(&token, TestRequest::post().set_json(&body), &path);
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let (_, offer) = house.call(&token, TestRequest::get(), &path);
    assert_eq!(offer["count"], 1);
    assert_eq!(offer["joined"][0]["reference"], made["reference"]);
    let mut outside = body.clone();
    outside["uses"] = json!(["hiring"]);
    let (status, problem) = house.call(&token, TestRequest::post().set_json(outside), &path);
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
    let (status, found) = house.call(&token, TestRequest::get(), "/api/v1/catalogue?q=orrery");
    assert_eq!(status, StatusCode::OK);
    assert_eq!(found["listed"][0]["title"], "Orrery Code");
    let odd = house.call(&token, TestRequest::get(), "/api/v1/catalogue?colour=red");
    assert_eq!(odd.0, StatusCode::BAD_REQUEST);
    let limit = json!({ "places": 0, "reason": "Enough." });
    let at = format!("{path}/limit");
    let (status, _) = house.call(&token, TestRequest::put().set_json(&limit), &at);
    assert_eq!(status, StatusCode::FORBIDDEN);
    let token = house.token("olga");
    let (status, offer) = house.call(&token, TestRequest::put().set_json(limit), &at);
    assert_eq!((status, &offer["open"]), (StatusCode::OK, &json!(false)));
    agrees(&house);
}

fn whoever_looks_after_a_tool_is_told_before_its_last_day_once(house: House) {
    use countersign::catalogue::reminders;
    let owned = |title: &str, until: &str| {
        let mut document = json!({ "title": title, "owner": "pavel@example.org" });
        document["approved_until"] = until.into();
        document
    };
    tool(&house, owned("Near", "2027-03-20"));
    tool(&house, owned("Far", "2027-09-01"));
    tool(&house, owned("Over", "2027-02-01"));
    let desk = house.register.desk.clone();
    for _ in 0..2 {
        let today = desk.today();
        let endings = house.register.reads(|conn| reminders::endings(conn, today));
        assert_eq!(endings.len(), 2);
        let now = desk.clock.now();
        let remind = move |tx: &mut Tx| reminders::remind(tx, &endings, now);
        house.register.db.upkeep_now(remind).expect("it is told");
    }
    let told = mails(&house, reminders::MAIL);
    assert_eq!(told, [house.register.person("pavel"); 2]);
}

//! Risk as people and programs meet it. On both databases.

mod support;

use actix_web::http::StatusCode;
use actix_web::test::TestRequest;
use countersign::db::{EscalationId, PersonId};
use countersign::error::Error;
use countersign::overview::{AREAS, Light, Standing};
use countersign::register::{self as records, NewRecord, Status};
use countersign::risk::{self, AreaGiven, Assessed, Escalation, Given, Settling};
use countersign::rules;
use diesel::prelude::*;
use serde_json::{Value, json};
use support::house::House;
use support::on_both;
use support::register::{Case, in_session, operator, tampers, use_case};

on_both! { now crate::open =>
    a_use_case_is_assessed_and_its_nine_areas_are_settled
    much_that_is_left_waits_for_whoever_the_rules_name
    who_has_a_part_does_not_answer_for_what_is_left
    two_who_answer_at_once_answer_once
    an_assessment_of_other_content_counts_no_more
    a_new_assessment_supersedes_what_waits
    much_that_is_left_in_every_area_is_one_question_to_each_role
    where_nobody_can_answer_whoever_keeps_the_rules_hears_of_it
    what_is_wrong_is_told_by_field_and_comes_back_as_typed
    owners_hear_before_an_assessment_runs_out_and_roles_of_late_answers
    assessments_and_escalations_never_change_in_the_database
    the_map_counts_each_risk_where_it_is
    a_program_assesses_and_answers
}

fn open(url: String) -> House {
    let house = House::open(url);
    house
        .register
        .does(|tx, desk| rules::drafts::put(tx, desk, &operator(), &risk::KIND, risk::TEMPLATE));
    house
}

/// A use case of olga's that tomas brought, in the register without a review.
fn case(house: &House) -> Case {
    let actor = in_session(house.register.person("tomas"));
    let document = use_case(&json!({}));
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

fn area(inherent: (u8, u8), residual: (u8, u8)) -> AreaGiven {
    AreaGiven {
        inherent_likelihood: Some(inherent.0),
        inherent_impact: Some(inherent.1),
        residual_likelihood: Some(residual.0),
        residual_impact: Some(residual.1),
        why: "It reads <tickets> of customers".to_owned(),
        mitigation: "Names are taken out first".to_owned(),
        ..AreaGiven::default()
    }
}

/// Low risk everywhere, and no question answered with yes.
fn calm(house: &House, case: &Case) -> Given {
    let rules = risk::RiskRules::read("risk", risk::TEMPLATE, None).expect("rules");
    let answers = rules.questions.into_iter();
    let areas = AREAS.iter();
    Given {
        revision: house.register.record(case).revision,
        role: "deployer".to_owned(),
        areas: areas
            .map(|(key, _)| ((*key).to_owned(), area((2, 2), (1, 2))))
            .collect(),
        answers: answers
            .map(|question| (question.key, "no".to_owned()))
            .collect(),
    }
}

fn with(mut given: Given, key: &str, one: AreaGiven) -> Given {
    given.areas.insert(key.to_owned(), one);
    given
}

fn tries(house: &House, who: &str, case: &Case, given: Given) -> Result<Assessed, Error> {
    let (actor, id) = (in_session(house.register.person(who)), case.record);
    house
        .register
        .tries(move |tx, desk| risk::assess(tx, desk, &actor, id, &given))
}

fn assesses(house: &House, who: &str, case: &Case, given: Given) -> Assessed {
    tries(house, who, case, given).unwrap_or_else(|error| panic!("{error}"))
}

/// High risk to people is left: data protection has to answer.
fn high(house: &House, case: &Case) -> Escalation {
    let given = with(calm(house, case), "privacy", area((5, 5), (3, 4)));
    let assessed = assesses(house, "olga", case, given);
    let [one] = assessed.escalations.try_into().expect("one escalation");
    one
}

fn settles(
    house: &House,
    who: &str,
    id: EscalationId,
    settling: Settling,
) -> Result<Escalation, Error> {
    let actor = in_session(house.register.person(who));
    let until = house.register.desk.today().days_later(60).to_string();
    house
        .register
        .tries(move |tx, desk| risk::settle(tx, desk, &actor, id, settling, ("Worth it", &until)))
}

fn standing(house: &House, case: &Case, key: &str) -> Standing {
    let (today, ids) = (house.register.desk.today().0, [case.record]);
    let all = house
        .register
        .reads(move |conn| risk::areas(conn, &ids, today));
    let place = AREAS.iter().position(|(known, _)| *known == key);
    let areas = all.get(&case.record).expect("areas");
    areas[place.expect("an area")].clone()
}

fn escalation(house: &House, case: &Case) -> Standing {
    let (today, ids) = (house.register.desk.today().0, [case.record]);
    let all = house
        .register
        .reads(move |conn| risk::escalations(conn, &ids, today));
    all.get(&case.record).expect("a standing").clone()
}

/// Whom mails about risk are owed to, by what they say.
fn mails(house: &House, what: &str) -> Vec<String> {
    use countersign::db::schema::{outbox, people};
    let what = format!("\"{what}\"");
    let mut names: Vec<String> = house.register.reads(move |conn| {
        let rows: Vec<(PersonId, String)> = outbox::table
            .filter(outbox::template.eq("risk"))
            .select((outbox::person_id, outbox::context))
            .load(conn)?;
        let about = rows
            .into_iter()
            .filter(|(_, context)| context.contains(&what));
        let about: Vec<PersonId> = about.map(|(person, _)| person).collect();
        Ok(people::table
            .filter(people::id.eq_any(about))
            .select(people::email)
            .load(conn)?)
    });
    names.sort();
    let first = |email: &String| email.split('@').next().unwrap_or_default().to_owned();
    names.iter().map(first).collect()
}

/// One who holds the role and has no part in the use case.
fn privacy(house: &House) -> String {
    let holders = house.register.reads(|conn| {
        let holders = countersign::people::holders(conn, "role", "data_protection")?;
        let mut mails = Vec::new();
        for holder in holders {
            mails.push(countersign::people::known(conn, holder)?.email);
        }
        Ok(mails)
    });
    let first = holders.first().expect("somebody of data protection");
    first.split('@').next().expect("a name").to_owned()
}

fn page_of(house: &House, case: &Case) -> String {
    format!("/use-cases/{}/risk", house.register.record(case).reference)
}

fn a_use_case_is_assessed_and_its_nine_areas_are_settled(house: House) {
    let case = case(&house);
    assert_eq!(
        standing(&house, &case, "bias").why,
        "Nobody has assessed it."
    );
    let mut given = calm(&house, &case);
    let nothing = AreaGiven {
        applies: false,
        why: "Nothing is bought".to_owned(),
        ..AreaGiven::default()
    };
    given = with(given, "vendor_dependency", nothing);
    given
        .answers
        .insert("employment".to_owned(), "unsure".to_owned());
    let kinds = house
        .register
        .kinds_of(|| assesses(&house, "olga", &case, given));
    assert_eq!(kinds, ["risk.assessed"]);
    let bias = standing(&house, &case, "bias");
    assert_eq!(bias.light, Light::Settled);
    assert_eq!(bias.why, "Low risk is left, 1 times 2.");
    assert_eq!(
        standing(&house, &case, "vendor_dependency").light,
        Light::NotNeeded
    );
    assert_eq!(escalation(&house, &case).light, Light::Settled);

    let body = house.get("dana", &page_of(&house, &case)).body;
    for told in [
        "Tier High",
        "The law counts it as high-risk.",
        "an answer is not sure",
        "Annex III point 4",
        "It reads &lt;tickets&gt; of customers",
        "Nothing is bought",
    ] {
        assert!(body.contains(told), "{told}: {body}");
    }
    let log = house.get("adam", "/log").body;
    assert!(
        log.contains("Risk assessed: tier high by law, by law high risk"),
        "{log}"
    );
    // What is settled is settled until the last day of the tier.
    house.register.days_pass(181);
    assert_eq!(standing(&house, &case, "bias").light, Light::Expired);
    assert_eq!(escalation(&house, &case).light, Light::Expired);
}

fn much_that_is_left_waits_for_whoever_the_rules_name(house: House) {
    let case = case(&house);
    let one = high(&house, &case);
    assert_eq!(
        (one.role.as_str(), one.areas.as_str()),
        ("data_protection", "privacy")
    );
    let who = privacy(&house);
    assert!(mails(&house, "escalated").contains(&who));
    assert_eq!(standing(&house, &case, "privacy").light, Light::Open);
    assert_eq!(standing(&house, &case, "bias").light, Light::Settled);
    assert_eq!(escalation(&house, &case).light, Light::Open);
    // Whoever holds the role decides on the page; others see it and are offered nothing.
    let page = page_of(&house, &case);
    assert!(house.get(&who, &page).body.contains("Accept what is left"));
    assert!(
        !house
            .get("olga", &page)
            .body
            .contains("Accept what is left")
    );
    let path = format!("/risk-escalations/{}/acceptance", one.id);
    let wrong = [("reason", "We can bear it"), ("until", "2031-01-01")];
    let answer = house.post(&who, &path, &wrong);
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    for told in [
        "accepted until a day from today",
        "We can bear it",
        "2031-01-01",
    ] {
        assert!(answer.body.contains(told), "{told}: {}", answer.body);
    }
    let kinds = house.register.kinds_of(|| {
        let good = [("reason", "We can bear it"), ("until", "2027-06-01")];
        let answer = house.post(&who, &path, &good);
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    });
    assert_eq!(kinds, ["risk.accepted"]);
    assert_eq!(standing(&house, &case, "privacy").light, Light::Settled);
    assert_eq!(mails(&house, "accepted"), ["olga"]);
    // An acceptance ends before the assessment does.
    house.register.days_pass(120);
    assert_eq!(standing(&house, &case, "privacy").light, Light::Expired);
    assert_eq!(standing(&house, &case, "bias").light, Light::Settled);
    assert_eq!(escalation(&house, &case).light, Light::Expired);
}

fn who_has_a_part_does_not_answer_for_what_is_left(house: House) {
    let case = case(&house);
    let one = high(&house, &case);
    house.register.refuses("not-the-role", || {
        settles(&house, "aiko", one.id, Settling::Accept)
    });
    // The owner gets the role, and is still the owner.
    house.register.appoint("olga", "data_protection");
    house.register.refuses("own-risk", || {
        settles(&house, "olga", one.id, Settling::Accept)
    });
    // Nor does who assessed it.
    house.register.appoint("gus", "data_protection");
    let given = with(calm(&house, &case), "privacy", area((5, 5), (3, 4)));
    let assessed = assesses(&house, "gus", &case, given);
    let id = assessed.escalations.first().expect("one").id;
    house
        .register
        .refuses("own-risk", || settles(&house, "gus", id, Settling::Accept));
    house.register.refuses("not-yours-to-assess", || {
        tries(&house, "aiko", &case, calm(&house, &case))
    });
}

fn two_who_answer_at_once_answer_once(house: House) {
    let case = case(&house);
    let one = high(&house, &case);
    let who = privacy(&house);
    settles(&house, &who, one.id, Settling::SendBack).expect("sent back");
    assert_eq!(standing(&house, &case, "privacy").light, Light::Open);
    assert_eq!(escalation(&house, &case).light, Light::Open);
    assert_eq!(mails(&house, "sent_back"), ["olga"]);
    house.register.refuses("escalation-settled", || {
        settles(&house, &who, one.id, Settling::Accept)
    });
}

fn an_assessment_of_other_content_counts_no_more(house: House) {
    let case = case(&house);
    assesses(&house, "olga", &case, calm(&house, &case));
    let olga = in_session(house.register.person("olga"));
    // It goes on in its life, and is what it was.
    let (id, actor) = (case.record, olga.clone());
    house
        .register
        .does(move |tx, desk| countersign::gates::move_to(tx, desk, &actor, id, 1, "live"));
    assert_eq!(standing(&house, &case, "bias").light, Light::Settled);
    let before = calm(&house, &case);
    house
        .register
        .edit(&case, json!({ "purpose": "It decides now." }));
    let stale = standing(&house, &case, "bias");
    assert_eq!(stale.light, Light::Expired);
    assert!(
        stale
            .why
            .contains("Assessed as of revision 1; it is revision 3 now"),
        "{}",
        stale.why
    );
    assert_eq!(escalation(&house, &case).light, Light::Expired);
    // What was looked at must be what there is.
    let refused = tries(&house, "olga", &case, before);
    assert!(
        matches!(refused, Err(Error::Stale { seen: 2, now: 3 })),
        "{refused:?}"
    );
    assesses(&house, "olga", &case, calm(&house, &case));
    assert_eq!(standing(&house, &case, "bias").light, Light::Settled);
}

fn a_new_assessment_supersedes_what_waits(house: House) {
    let case = case(&house);
    let one = high(&house, &case);
    assesses(&house, "olga", &case, calm(&house, &case));
    assert_eq!(standing(&house, &case, "privacy").light, Light::Settled);
    assert_eq!(escalation(&house, &case).light, Light::Settled);
    let who = privacy(&house);
    house.register.refuses("escalation-settled", || {
        settles(&house, &who, one.id, Settling::Accept)
    });
}

fn where_nobody_can_answer_whoever_keeps_the_rules_hears_of_it(house: House) {
    let case = case(&house);
    let holders = house
        .register
        .reads(|conn| countersign::people::holders(conn, "role", "data_protection"));
    for holder in holders {
        house.register.does(move |tx, desk| {
            countersign::people::leave(tx, desk.clock.now(), &operator(), holder, None)
        });
    }
    high(&house, &case);
    assert_eq!(mails(&house, "nobody"), ["gus"]);
    assert_eq!(mails(&house, "escalated"), Vec::<String>::new());
    assert_eq!(escalation(&house, &case).light, Light::Open);
}

fn much_that_is_left_in_every_area_is_one_question_to_each_role(house: House) {
    let case = case(&house);
    let mut given = calm(&house, &case);
    for one in given.areas.values_mut() {
        *one = area((5, 5), (4, 4));
    }
    let assessed = assesses(&house, "olga", &case, given);
    let told: Vec<(&str, Vec<&str>)> = assessed
        .escalations
        .iter()
        .map(|one| (one.role.as_str(), one.areas().collect()))
        .collect();
    assert!(told.contains(&("data_protection", vec!["bias", "explainability", "privacy"])));
    for key in ["bias", "explainability", "privacy", "security"] {
        assert_eq!(standing(&house, &case, key).light, Light::Open, "{key}");
    }
    assert_eq!(standing(&house, &case, "compliance").light, Light::Settled);
}

/// The form as a browser sends it.
fn form(given: &Given) -> Vec<(String, String)> {
    let mut pairs = vec![
        ("revision".to_owned(), given.revision.to_string()),
        ("role".to_owned(), given.role.clone()),
    ];
    for (key, one) in &given.areas {
        let number = |value: Option<u8>| value.map_or_else(String::new, |n| n.to_string());
        for (name, value) in [
            ("inherent_likelihood", number(one.inherent_likelihood)),
            ("inherent_impact", number(one.inherent_impact)),
            ("residual_likelihood", number(one.residual_likelihood)),
            ("residual_impact", number(one.residual_impact)),
            ("why", one.why.clone()),
            ("mitigation", one.mitigation.clone()),
            ("owner", one.owner.clone()),
            ("due", one.due.clone()),
        ] {
            pairs.push((format!("{key}_{name}"), value));
        }
    }
    for (key, answer) in &given.answers {
        pairs.push((format!("q_{key}"), answer.clone()));
    }
    pairs
}

fn what_is_wrong_is_told_by_field_and_comes_back_as_typed(house: House) {
    let case = case(&house);
    let before = house.register.dump();
    let good = || calm(&house, &case);
    let more_left = with(good(), "bias", area((2, 2), (3, 2)));
    let undone = AreaGiven {
        mitigation: String::new(),
        ..area((3, 3), (1, 1))
    };
    let nobody = AreaGiven {
        owner: "nobody@harbour.example".to_owned(),
        due: "2027-05-01".to_owned(),
        ..area((3, 3), (1, 1))
    };
    let late = AreaGiven {
        owner: "olga@harbour.example".to_owned(),
        due: "2020-01-01".to_owned(),
        ..area((3, 3), (1, 1))
    };
    let blank = AreaGiven {
        inherent_impact: None,
        ..area((3, 3), (1, 1))
    };
    let mut unanswered = good();
    unanswered.answers.remove("justice");
    let mut no_role = good();
    no_role.role.clear();
    for (given, told) in [
        (more_left, "Bias: what is left cannot be more"),
        (with(good(), "bias", undone), "Bias: say what was done"),
        (with(good(), "bias", nobody), "nobody here has the address"),
        (with(good(), "bias", late), "Bias: the day is over"),
        (
            with(good(), "bias", blank),
            "Bias: choose a number from 1 to 5",
        ),
        (unanswered, "Answer with yes, no or not sure"),
        (no_role, "Choose what we are to the system"),
    ] {
        let pairs = form(&given);
        let pairs: Vec<(&str, &str)> = pairs
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let answer = house.post("olga", &page_of(&house, &case), &pairs);
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{told}");
        assert!(answer.body.contains(told), "{told}: {}", answer.body);
        assert!(
            answer
                .body
                .contains("It reads &lt;tickets&gt; of customers"),
            "{told}"
        );
    }
    assert!(house.register.dump() == before, "a refusal left something");
    let pairs = form(&good());
    let pairs: Vec<(&str, &str)> = pairs
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let answer = house.post("olga", &page_of(&house, &case), &pairs);
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
}

fn owners_hear_before_an_assessment_runs_out_and_roles_of_late_answers(house: House) {
    let case = case(&house);
    high(&house, &case);
    let round = || {
        let (desk, db) = (house.register.desk.clone(), &house.register.db);
        db.upkeep_now(move |tx| risk::make_round(tx, desk.today(), desk.clock.now()))
            .expect("a round");
    };
    round();
    assert_eq!(mails(&house, "overdue"), Vec::<String>::new());
    house.register.days_pass(11);
    round();
    round();
    let told = mails(&house, "overdue");
    assert!(
        told.contains(&privacy(&house)) && told.contains(&"gus".to_owned()),
        "{told:?}"
    );
    house.register.days_pass(160);
    round();
    assert_eq!(mails(&house, "expires"), ["olga"]);
    house.register.days_pass(20);
    round();
    round();
    assert_eq!(mails(&house, "expired"), ["olga"]);
}

fn assessments_and_escalations_never_change_in_the_database(house: House) {
    let case = case(&house);
    let one = high(&house, &case);
    settles(&house, &privacy(&house), one.id, Settling::Accept).expect("accepted");
    for statement in [
        "UPDATE risk_assessments SET tier = 'low'",
        "DELETE FROM risk_assessments",
        "UPDATE risk_scores SET residual_impact = 1",
        "DELETE FROM risk_scores",
        "UPDATE risk_escalations SET due_on = '2099-01-01'",
        "UPDATE risk_escalations SET accepted_until = '2099-01-01'",
        "DELETE FROM risk_escalations",
    ] {
        assert!(!tampers(&house.register, statement), "{statement}");
    }
}

fn the_map_counts_each_risk_where_it_is(house: House) {
    let case = case(&house);
    high(&house, &case);
    let body = house.get("dana", "/risk").body;
    assert!(body.contains("1 use case, 1 of them assessed"), "{body}");
    let cell = "/risk?of&#x3D;residual&amp;likelihood&#x3D;1&amp;impact&#x3D;2\">8</a>";
    assert!(body.contains(cell), "{body}");
    let list = house.get(
        "dana",
        "/risk?area=privacy&of=inherent&likelihood=5&impact=5",
    );
    let reference = house.register.record(&case).reference;
    assert!(
        list.body.contains("Very high") && list.body.contains(&reference),
        "{}",
        list.body
    );
    assert!(list.body.contains("Privacy"), "{}", list.body);
}

fn a_program_assesses_and_answers(house: House) {
    let case = case(&house);
    let base = format!("/api/v1{}", page_of(&house, &case));
    let olga = house.token("olga");
    let given = with(calm(&house, &case), "privacy", area((5, 5), (3, 4)));
    let assessing = || {
        TestRequest::post()
            .insert_header(("idempotency-key", "one"))
            .set_json(&given)
    };
    let (status, first) = house.call(&olga, assessing(), &base);
    assert_eq!(status, StatusCode::CREATED, "{first}");
    assert_eq!(first["tier"], "high");
    let (_, again) = house.call(&olga, assessing(), &base);
    assert_eq!(first, again);
    let (status, wrong) = house.call(&olga, TestRequest::post().set_json(json!({})), &base);
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
    let id = first["escalations"][0]["id"].as_str().expect("an id");
    let who = house.token(&privacy(&house));
    let answer =
        TestRequest::post().set_json(json!({ "reason": "Worth it", "until": "2027-05-01" }));
    let path = format!("/api/v1/risk-escalations/{id}/acceptance");
    let (status, settled) = house.call(&who, answer, &path);
    assert_eq!(
        (status, &settled["state"]),
        (StatusCode::OK, &json!("accepted")),
        "{settled}"
    );
    let (_, found) = house.call(&olga, TestRequest::get(), &base);
    let assessment: &Value = &found["assessment"];
    assert_eq!(assessment["escalations"][0]["state"], "accepted");
    assert_eq!(assessment["areas"][1]["residual"]["level"], "high");
    let (_, map) = house.call(&olga, TestRequest::get(), "/api/v1/risk?area=privacy");
    assert_eq!(
        map["cells"],
        json!([{ "likelihood": 3, "impact": 4, "count": 1 }])
    );
    let (status, _) = house.call(&olga, TestRequest::get(), "/api/v1/risk?area=weather");
    assert_eq!(status, StatusCode::NOT_FOUND);
}

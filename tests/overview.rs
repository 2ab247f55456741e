//! Seven points and nine areas, of one use case and of all. On both databases.

mod support;

use actix_web::http::StatusCode;
use actix_web::test::TestRequest;
use countersign::catalogue::joins::{self, Given};
use countersign::db::Tx;
use countersign::overview::{self, Light, POINTS, Screen};
use countersign::policy;
use countersign::register as records;
use countersign::review::Desk;
use countersign::review::engine::ApprovalDeed;
use countersign::rules::drafts;
use serde_json::json;
use support::house::House;
use support::on_both;
use support::register::{Case, in_session, operator};

const SHIPPED: &str = include_str!("../templates/policies/data_use.json");

on_both! { now crate::open =>
    nothing_is_green_before_somebody_decided
    an_approval_settles_and_its_end_expires
    a_suspension_opens_the_point_again
    what_joined_stands_as_what_it_joined
    a_condition_that_is_overdue_is_not_monitored
    the_portfolio_counts_and_each_number_opens_its_list
    an_auditor_of_a_unit_counts_no_others
}

fn open(url: String) -> House {
    let house = House::open(url);
    let put = |tx: &mut Tx, desk: &Desk| {
        drafts::put(tx, desk, &operator(), &policy::KIND, SHIPPED).map(drop)
    };
    house.register.does(put);
    house
}

fn screen(house: &House, id: countersign::db::RecordId) -> Screen {
    let desk = house.register.desk.clone();
    house.register.reads(|conn| {
        let record = records::by_id(conn, id)?;
        overview::screen(conn, &desk, record)
    })
}

fn light(screen: &Screen, key: &str) -> Light {
    let place = POINTS.iter().position(|(known, _)| *known == key).unwrap();
    screen.points[place].light
}

fn of(house: &House, case: &Case, key: &str) -> Light {
    light(&screen(house, case.record), key)
}

fn nothing_is_green_before_somebody_decided(house: House) {
    let case = house.register.submitted_by("tomas", json!({}));
    let screen = screen(&house, case.record);
    for standing in screen.all() {
        assert_ne!(standing.light, Light::Settled, "{}", standing.why);
    }
    assert_eq!((screen.points.len(), screen.areas.len()), (7, 9));
    let reference = house.register.record(&case).reference;
    let page = house.get("kim", &format!("/use-cases/{reference}/overview"));
    for piece in [
        "Who approves",
        "A review is under way",
        "Operational resilience",
    ] {
        assert!(page.body.contains(piece), "{piece}: {}", page.body);
    }
    let page = house.get("kim", &format!("/use-cases/{reference}"));
    assert!(
        page.body.contains("Seven points, nine areas"),
        "{}",
        page.body
    );
}

fn an_approval_settles_and_its_end_expires(house: House) {
    let case = house.register.approved();
    assert_eq!(of(&house, &case, "approval"), Light::Settled);
    assert_eq!(of(&house, &case, "data"), Light::Settled);
    assert_eq!(of(&house, &case, "tests"), Light::Open);
    let until = house.register.record(&case).valid_until;
    let monitored = if until.is_some() {
        Light::Settled
    } else {
        Light::Open
    };
    assert_eq!(of(&house, &case, "monitoring"), monitored);
    let screen = screen(&house, case.record);
    for standing in screen.all().filter(|one| one.light == Light::Settled) {
        let today = house.register.desk.today().0;
        assert!(!standing.proofs.is_empty(), "green without evidence");
        assert!(standing.proofs.iter().all(|proof| proof.counts(today)));
    }
    if until.is_some() {
        house.register.days_pass(2000);
        assert_eq!(of(&house, &case, "approval"), Light::Expired);
        assert_ne!(of(&house, &case, "data"), Light::Settled);
        assert_ne!(of(&house, &case, "monitoring"), Light::Settled);
    }
}

fn a_suspension_opens_the_point_again(house: House) {
    let case = house.register.approved();
    house
        .register
        .on_approval("gus", &case, ApprovalDeed::Suspend);
    assert_eq!(of(&house, &case, "approval"), Light::Open);
    assert_eq!(of(&house, &case, "data"), Light::Open);
    house
        .register
        .on_approval("gus", &case, ApprovalDeed::Reinstate);
    assert_eq!(of(&house, &case, "approval"), Light::Settled);
}

fn what_joined_stands_as_what_it_joined(house: House) {
    let case = house.register.approved();
    let base = house.register.record(&case);
    let given = Given {
        revision: house.register.approval(&case).revision,
        title: "Ours".to_owned(),
        unit: "Motor".to_owned(),
        purpose: "Sum up.".to_owned(),
        data_classes: vec!["internal".to_owned()],
        uses: vec!["summarising".to_owned()],
        effect_on_people: "none".to_owned(),
        conditions: Vec::new(),
        same_account: true,
    };
    let (actor, at) = (in_session(house.register.person("kim")), base.reference);
    let joined = house
        .register
        .does(move |tx, desk| joins::join(tx, desk, &actor, &at, &given));
    assert_eq!(
        light(&screen(&house, joined.id), "approval"),
        Light::Settled
    );
    house
        .register
        .on_approval("gus", &case, ApprovalDeed::Revoke);
    assert_eq!(light(&screen(&house, joined.id), "approval"), Light::Open);
}

fn a_condition_that_is_overdue_is_not_monitored(house: House) {
    let case = house
        .register
        .approved_if("Delete the prompts.", "2027-03-10");
    assert_eq!(of(&house, &case, "monitoring"), Light::Settled);
    house.register.days_pass(20);
    assert_eq!(of(&house, &case, "monitoring"), Light::Expired);
}

fn the_portfolio_counts_and_each_number_opens_its_list(house: House) {
    house.register.approved();
    house
        .register
        .submitted_by("tomas", json!({ "unit": "Motor", "title": "Waits <b>" }));
    let token = house.token("kim");
    let (status, told) = house.call(&token, TestRequest::get(), "/api/v1/overview");
    assert_eq!(status, StatusCode::OK);
    assert_eq!(told["total"], 2);
    assert_eq!(told["points"]["approval"]["settled"], 1);
    assert_eq!(told["points"]["approval"]["open"], 1);
    assert_eq!(told["areas"]["bias"]["open"], 2);
    let path = "/api/v1/overview?unit=Motor&point=approval&light=open";
    let (_, told) = house.call(&token, TestRequest::get(), path);
    assert_eq!(told["total"], 1);
    let (status, _) = house.call(&token, TestRequest::get(), "/api/v1/overview?point=luck");
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let page = house.get("kim", "/overview");
    assert!(page.body.contains("2 use cases"), "{}", page.body);
    let page = house.get("kim", "/overview/list?point=approval&light=open");
    assert!(page.body.contains("Waits &lt;b&gt;"), "{}", page.body);
    assert!(
        page.body.contains("A review is under way."),
        "{}",
        page.body
    );
    // What changes is counted anew.
    house
        .register
        .submitted_by("tomas", json!({ "title": "Another" }));
    let (_, told) = house.call(&token, TestRequest::get(), "/api/v1/overview");
    assert_eq!(told["total"], 3);
}

fn an_auditor_of_a_unit_counts_no_others(house: House) {
    use countersign::overview::{Lens, portfolio, seen};
    house
        .register
        .submitted_by("tomas", json!({ "unit": "Motor" }));
    house
        .register
        .submitted_by("tomas", json!({ "unit": "Marine", "title": "Theirs" }));
    let lens = Lens {
        unit: None,
        within: Some((vec!["Motor".to_owned()], house.register.person("audra"))),
    };
    let desk = house.register.desk.clone();
    let units = house.register.reads(|conn| {
        let all = portfolio(conn, &desk)?;
        let rows = seen(conn, &all, &lens)?;
        Ok(rows.iter().map(|row| row.unit.clone()).collect::<Vec<_>>())
    });
    assert_eq!(units, [Some("Motor".to_owned())]);
}

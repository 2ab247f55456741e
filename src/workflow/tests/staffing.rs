//! Whether there are people for the seats of the default policy.

use super::*;

fn colleague(name: &str) -> Colleague {
    Colleague {
        name: name.to_owned(),
        address: format!("{}@example.org", name.to_lowercase()),
        reachable: true,
        away: false,
    }
}

/// An organisation in which every seat of the default policy can be filled.
fn staffed() -> Staffing {
    let holders = [
        ("data_protection", vec!["Mei", "Samuel"]),
        ("privacy_lead", vec!["Mei"]),
        ("ai_reviewer", vec!["Ruth"]),
        ("line_manager", vec!["Henrik", "Carla"]),
        ("vendor_risk", vec!["Jonas"]),
        ("procurement_lead", vec!["Farah"]),
        ("legal", vec!["Ingrid"]),
        ("general_counsel", vec!["Marta"]),
        ("security", vec!["Yusuf", "Chloe"]),
        ("ciso", vec!["Anders"]),
        ("cto", vec!["Grace"]),
        ("ceo", vec!["Viktor"]),
        ("governance_admin", vec!["Elena"]),
        ("auditor", vec!["David"]),
    ];
    let named = |names: &[&str]| names.iter().copied().map(colleague).collect();
    let roles = holders
        .iter()
        .map(|(role, names)| ((*role).to_owned(), named(names)));
    let council = named(&["Leila", "Oscar", "Priya"]);
    Staffing {
        roles: roles.collect(),
        groups: BTreeMap::from([("ai_council".to_owned(), council)]),
        people: BTreeMap::new(),
        calendars: BTreeMap::from([(
            "head_office".to_owned(),
            Some("2028-12-31".parse().unwrap()),
        )]),
        today: "2026-11-23".parse().unwrap(),
    }
}

fn warnings(staffing: &Staffing) -> Vec<Problem> {
    let bundle = shipped(&serde_json::from_str(POLICY).unwrap()).unwrap();
    short_staffed("policy.json", POLICY, &bundle.workflow, staffing)
}

fn only_warning(staffing: &Staffing) -> Problem {
    let problems = warnings(staffing);
    assert_eq!(problems.len(), 1, "{}", lines(&problems));
    assert_eq!(problems[0].severity, Severity::Warning);
    problems.into_iter().next().unwrap()
}

#[test]
fn an_organisation_with_somebody_for_every_seat_is_told_nothing() {
    assert_eq!(lines(&warnings(&staffed())), "");
}

#[test]
fn a_seat_whose_people_are_too_few_says_who_there_is_and_who_will_be_asked() {
    let mut staffing = staffed();
    staffing.roles.get_mut("security").unwrap().pop();
    let at = "/stages/3/seats/1/from";
    let words = [
        "2 must approve",
        "`from` finds 1 today",
        "Yusuf",
        "asked instead",
    ];
    assert_says(&only_warning(&staffing), at, &words);
}

#[test]
fn somebody_away_or_out_of_reach_does_not_count_and_is_named() {
    let mut staffing = staffed();
    staffing.roles.get_mut("security").unwrap()[1].away = true;
    let at = "/stages/3/seats/1/from";
    assert_says(&only_warning(&staffing), at, &["Chloe (away)", "Yusuf"]);
    let mut staffing = staffed();
    staffing.roles.get_mut("data_protection").unwrap()[1].reachable = false;
    let at = "/stages/0/seats/0/from";
    assert_says(
        &only_warning(&staffing),
        at,
        &["no mail reaches Samuel (samuel@example.org)"],
    );
}

#[test]
fn a_seat_that_nobody_can_fill_is_told_before_reviews_wait_for_it() {
    let mut staffing = staffed();
    staffing.roles.remove("legal");
    staffing.roles.remove("general_counsel");
    staffing.roles.remove("governance_admin");
    let problems = warnings(&staffing);
    let legal = problems
        .iter()
        .find(|p| p.place == "/stages/3/seats/0")
        .unwrap();
    assert_says(
        legal,
        "/stages/3/seats/0",
        &["there are 0 today", "nobody", "will wait here"],
    );
}

#[test]
fn one_person_alone_cannot_decide_their_own_records() {
    let mut staffing = staffed();
    staffing.roles.remove("ceo");
    let problems = warnings(&staffing);
    let cto = problems
        .iter()
        .find(|p| p.place == "/stages/4/seats/0/fallback")
        .unwrap();
    assert_says(
        cto,
        "/stages/4/seats/0/fallback",
        &["Grace is the only person"],
    );
    let told = problems
        .iter()
        .filter(|p| p.message.contains("nobody will be told"));
    assert_eq!(told.count(), 2);
}

#[test]
fn people_who_had_to_approve_in_a_stage_kept_apart_are_not_counted_twice() {
    let mut staffing = staffed();
    let both = staffing.roles["security"].clone();
    let council = staffing.groups.get_mut("ai_council").unwrap();
    council.truncate(1);
    council.extend(both);
    let problems = warnings(&staffing);
    let council = problems
        .iter()
        .find(|p| p.place.starts_with("/stages/4/seats/1"));
    let council = council.unwrap_or_else(|| panic!("{}", lines(&problems)));
    assert_says(
        council,
        "/stages/4/seats/1/from",
        &["once 2 of them have approved", "Leila"],
    );
}

#[test]
fn an_override_that_two_people_cannot_give_is_warned_of() {
    let mut staffing = staffed();
    staffing.roles.remove("ciso");
    let problems = warnings(&staffing);
    let roles = problems
        .iter()
        .find(|p| p.place == "/override/roles")
        .unwrap();
    assert_says(
        roles,
        "/override/roles",
        &["takes two people", "have 1 today: Elena"],
    );
}

#[test]
fn a_calendar_that_is_not_there_or_ends_soon_is_warned_of() {
    let mut staffing = staffed();
    staffing.calendars.clear();
    let words = ["no calendar `head_office`", "Monday to Friday"];
    assert_says(&only_warning(&staffing), "/calendar", &words);
    let soon = Some("2026-12-31".parse().unwrap());
    staffing.calendars.insert("head_office".to_owned(), soon);
    assert_says(
        &only_warning(&staffing),
        "/calendar",
        &["only until 2026-12-31", "twelve months"],
    );
    staffing.calendars.insert("head_office".to_owned(), None);
    assert_says(&only_warning(&staffing), "/calendar", &["for no year"]);
}

#[test]
fn a_stage_that_names_more_people_than_can_be_asked_is_an_error() {
    let mut staffing = staffed();
    let crowd: Vec<Colleague> = (2..ASKED_MAX)
        .map(|n| colleague(&format!("P{n}")))
        .collect();
    staffing.roles.insert("ai_reviewer".to_owned(), crowd);
    assert!(!lines(&warnings(&staffing)).contains("can be asked"));
    let one_more = colleague("Ruth");
    staffing
        .roles
        .get_mut("ai_reviewer")
        .unwrap()
        .push(one_more);
    let problems = warnings(&staffing);
    let found = problems
        .iter()
        .find(|p| p.message.contains("names 401 people"));
    assert_eq!(found.expect("it is told").severity, Severity::Error);
}

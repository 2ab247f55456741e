//! The auditor's desk, on both databases: the population and its exceptions, samples that come out
//! the same again, work papers that leave an entry, and the register as it stood on a day.

mod support;

use actix_web::test::TestRequest;
use countersign::audit::exam::{Item, Verdict};
use countersign::audit::{Asked, Drawn, draw};
use countersign::error::{Error, Result};
use countersign::people::{self, Holding};
use serde_json::{Value, json};
use support::house::House;
use support::on_both;
use support::register::{Register, operator, seat, stage, workflow};

on_both! { now crate::support::register::Register::open =>
    every_decision_of_an_ordinary_life_passes_its_tests
    whoever_lost_the_role_and_decides_is_an_exception
    an_override_is_examined_as_one
    the_same_seed_draws_the_same_sample
    a_population_has_a_period_and_a_unit
    what_cannot_be_meant_is_refused_at_its_field
}

fn asked(population: &str) -> Asked {
    Asked {
        population: population.to_owned(),
        seed: "engagement 7".to_owned(),
        count: "5".to_owned(),
        ..Asked::default()
    }
}

fn tries(register: &Register, asked: &Asked) -> Result<Drawn> {
    let wanted = asked.read().map_err(Error::Invalid)?;
    draw(&register.db, &register.desk, &wanted)
}

fn drawn(register: &Register, asked: &Asked) -> Drawn {
    tries(register, asked).expect("the ledger is examined")
}

fn verdict(item: &Item, key: &str) -> (Verdict, String) {
    let test = item.tests.iter().find(|test| test.key == key);
    let test = test.unwrap_or_else(|| panic!("no test {key}"));
    (test.verdict, test.sentence.clone())
}

fn complaints(drawn: &Drawn) -> Vec<String> {
    let found = drawn.exceptions.iter().flat_map(|item| &item.tests);
    let found = found.filter(|test| test.verdict == Verdict::Exception);
    found
        .map(|t| format!("{}: {}", t.key, t.sentence))
        .collect()
}

fn every_decision_of_an_ordinary_life_passes_its_tests(register: Register) {
    let case = register.approved_if("Delete the drafts.", "2027-06-30");
    let other = register.submitted_by("tomas", json!({"title": "Another one"}));
    register.edit(&other, json!({"title": "A better one"}));
    let decisions = drawn(&register, &asked("decisions"));
    assert_eq!(complaints(&decisions), Vec::<String>::new());
    assert!(decisions.population >= 2, "{}", decisions.population);
    assert_eq!(decisions.size, register.ledger_size());
    for item in &decisions.sample {
        assert_eq!(item.reference, register.record(&case).reference);
        let rests = item.tests.iter().map(|test| test.entries.len());
        assert!(rests.min() > Some(0), "each test names entries: {item:?}");
    }
    let reviews = drawn(&register, &asked("reviews"));
    assert_eq!(
        (reviews.population, reviews.excepted),
        (1, 0),
        "{reviews:?}"
    );
    assert_eq!(reviews.sample[0].outcome, "approved");
    assert_eq!(verdict(&reviews.sample[0], "stages").0, Verdict::Holds);
}

fn whoever_lost_the_role_and_decides_is_an_exception(register: Register) {
    let stages = [stage("look", &[], &[seat("reviewer", 1)])];
    register.publish(&workflow(&stages));
    let case = register.submitted_by("tomas", json!({}));
    let (mei, now) = (register.person("mei"), register.desk.clock.now());
    register.does(move |tx, _| {
        people::take(tx, now, &operator(), mei, Holding::Role, "reviewer").map(drop)
    });
    register.as_reviewer("mei").approve(&case);
    let drawn = drawn(&register, &asked("decisions"));
    assert_eq!((drawn.population, drawn.excepted), (1, 1));
    let expected = "entitled: They were asked, but when they decided they were none of those whom \
                    the workflow names for it: role reviewer, role stand_in.";
    assert_eq!(complaints(&drawn), [expected]);
    let entitled = drawn.tests.iter().find(|tally| tally.key == "entitled");
    assert_eq!(entitled.map(|tally| tally.exceptions), Some(1));
    let reviews = self::drawn(&register, &asked("reviews"));
    let told = complaints(&reviews);
    assert_eq!(
        told,
        ["decisions: Of its 1 decisions, 1 do not pass their tests."]
    );
}

fn an_override_is_examined_as_one(register: Register) {
    let case = register.submitted_by("tomas", json!({}));
    register.overridden(&case);
    let overrides = drawn(&register, &asked("overrides"));
    assert_eq!(
        (overrides.population, overrides.excepted),
        (1, 0),
        "{overrides:?}"
    );
    assert_eq!(
        verdict(&overrides.sample[0], "two_people").0,
        Verdict::Holds
    );
    assert_eq!(verdict(&overrides.sample[0], "entitled").0, Verdict::Holds);
    let reviews = drawn(&register, &asked("reviews"));
    let told = complaints(&reviews);
    let expected = "override: Two people let it go ahead before its review ended.";
    assert!(told.iter().any(|t| t == expected), "{told:?}");
}

fn seqs(drawn: &Drawn) -> Vec<u64> {
    drawn.sample.iter().map(|item| item.seq).collect()
}

fn the_same_seed_draws_the_same_sample(register: Register) {
    for _ in 0..4 {
        register.approved();
    }
    let few = Asked {
        count: "4".to_owned(),
        ..asked("decisions")
    };
    let first = drawn(&register, &few);
    assert_eq!(first.sample.len(), 4);
    let pinned = Asked {
        size: first.size.to_string(),
        ..few.clone()
    };
    register.approved();
    assert_eq!(
        drawn(&register, &pinned),
        Drawn {
            wanted: pinned.read().unwrap(),
            ..first.clone()
        }
    );
    let others = ["a", "b", "c", "d"].map(|seed| {
        let seed = seed.to_owned();
        seqs(&drawn(
            &register,
            &Asked {
                seed,
                ..pinned.clone()
            },
        ))
    });
    assert!(
        others.iter().any(|seqs| *seqs != self::seqs(&first)),
        "{others:?}"
    );
    let by_risk = Asked {
        drawing: "risk".to_owned(),
        ..pinned
    };
    assert_eq!(
        seqs(&drawn(&register, &by_risk)),
        seqs(&drawn(&register, &by_risk))
    );
}

fn a_population_has_a_period_and_a_unit(register: Register) {
    let old = register.submitted_by("tomas", json!({"unit": "Claims"}));
    register.approve_all(&old, &[]);
    let first = drawn(&register, &asked("reviews"));
    assert_eq!(first.population, 1);
    register.days_pass(40);
    register.approved();
    let count = |change: &dyn Fn(&mut Asked)| {
        let mut wanted = asked("reviews");
        change(&mut wanted);
        drawn(&register, &wanted).population
    };
    assert_eq!(count(&|_| {}), 2);
    assert_eq!(count(&|a| a.from = "2027-03-02".to_owned()), 1);
    assert_eq!(count(&|a| a.to = "2027-03-01".to_owned()), 1);
    assert_eq!(count(&|a| a.to = "2027-02-28".to_owned()), 0);
    assert_eq!(count(&|a| a.unit = "Claims".to_owned()), 1);
    assert_eq!(count(&|a| a.unit = "claims' OR 1=1".to_owned()), 0);
}

fn what_cannot_be_meant_is_refused_at_its_field(register: Register) {
    let wrong = |change: &dyn Fn(&mut Asked)| {
        let mut wanted = asked("decisions");
        change(&mut wanted);
        match tries(&register, &wanted) {
            Err(Error::Invalid(errors)) => errors.into_iter().map(|e| e.field).collect(),
            other => vec![format!("{other:?}")],
        }
    };
    assert_eq!(wrong(&|a| a.seed = String::new()), ["seed"]);
    assert_eq!(wrong(&|a| a.seed = "a\nb".to_owned()), ["seed"]);
    assert_eq!(wrong(&|a| a.seed = "x".repeat(65)), ["seed"]);
    for count in ["", "0", "-1", "501", "99999999999999999999", "ten"] {
        assert_eq!(wrong(&|a| a.count = count.to_owned()), ["count"], "{count}");
    }
    for day in [
        "2027-02-30",
        "31.01.2027",
        "0000-00-00",
        "999999-01-01",
        "yesterday",
    ] {
        assert_eq!(wrong(&|a| a.from = day.to_owned()), ["from"], "{day}");
    }
    assert_eq!(
        wrong(&|a| (a.from, a.to) = ("2027-03-02".into(), "2027-03-01".into())),
        ["to"]
    );
    assert_eq!(wrong(&|a| a.size = "99999".to_owned()), ["size"]);
    assert_eq!(wrong(&|a| a.size = "0".to_owned()), ["size"]);
    assert_eq!(wrong(&|a| a.unit = "u".repeat(201)), ["unit"]);
    assert_eq!(
        wrong(&|a| a.population = "entries".to_owned()),
        ["population"]
    );
    assert_eq!(wrong(&|a| a.drawing = "haphazard".to_owned()), ["drawing"]);
}

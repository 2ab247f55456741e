//! The auditor's desk, on both databases: the population and its exceptions, samples that come out
//! the same again, work papers that leave an entry, and the register as it stood on a day.

mod support;

use actix_web::test::TestRequest;
use countersign::audit::exam::{History, Item, Verdict};
use countersign::audit::{Asked, Drawn, draw};
use countersign::db::Conn;
use countersign::error::{Error, Result};
use countersign::ledger::entry::Entry;
use countersign::ledger::{Filter, Page, Scope, rows};
use countersign::people::{self, Holding};
use countersign::review::engine::Pin;
use countersign::review::workflows;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use support::house::{Answer, House};
use support::on_both;
use support::program::Program;
use support::register::{Register, in_session, operator, seat, stage, tampers, workflow};

on_both! { now crate::support::register::Register::open =>
    every_decision_of_an_ordinary_life_passes_its_tests
    whoever_lost_the_role_and_decides_is_an_exception
    a_package_alone_is_examined_as_the_database_is
    an_override_is_examined_as_one
    each_kind_of_fault_is_found_by_its_own_test
    the_same_seed_draws_the_same_sample
    a_population_has_a_period_and_a_unit
    what_cannot_be_meant_is_refused_at_its_field
}

on_both! { now crate::support::house::House::open =>
    an_auditor_finds_the_desk_and_looking_changes_nothing
    work_papers_say_what_they_were_drawn_from_and_leave_an_entry
    the_register_is_shown_as_of_a_day
    a_program_takes_the_same_papers
    the_desk_is_for_those_who_read_the_log
    an_auditor_of_a_unit_sees_nothing_of_others_anywhere
    a_refused_deed_shows_an_auditor_no_use_case_of_others
    moving_a_record_to_another_unit_takes_it_out_of_nobodys_sight
    an_auditor_of_a_time_reads_the_entries_of_that_time
    nobody_narrows_an_auditor_unseen
    the_role_of_an_auditor_ends_by_time_and_its_end_widens_nothing
}

fn asked(population: &str) -> Asked {
    Asked {
        population: population.to_owned(),
        seed: "engagement-7".to_owned(),
        count: "5".to_owned(),
        ..Asked::default()
    }
}

fn tries(register: &Register, asked: &Asked) -> Result<Drawn> {
    let wanted = asked.read(&Scope::default()).map_err(Error::Invalid)?;
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

const HELP_ENDS: &str = "DELETE FROM memberships WHERE name = 'reviewer' \
                         AND person_id IN (SELECT id FROM people WHERE name = 'mei')";

fn whoever_lost_the_role_and_decides_is_an_exception(register: Register) {
    let stages = [stage("look", &[], &[seat("reviewer", 1)])];
    register.publish(&workflow(&stages));
    let case = register.submitted_by("tomas", json!({}));
    let (mei, now) = (register.person("mei"), register.desk.clock.now());
    register.does(move |tx, _| {
        people::take(tx, now, &operator(), mei, Holding::Role, "reviewer").map(drop)
    });
    // The register refuses it; somebody with the database's password helps.
    let helped = "INSERT INTO memberships (kind, name, person_id) \
                  SELECT 'role', 'reviewer', id FROM people WHERE name = 'mei'";
    assert!(tampers(&register, helped));
    register.as_reviewer("mei").approve(&case);
    assert!(tampers(&register, HELP_ENDS));
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

fn a_package_alone_is_examined_as_the_database_is(register: Register) {
    register.approved();
    let program = Program::on(register.url().to_owned());
    let (package, folder) = (program.path("log.zip"), program.path("workflows"));
    std::fs::create_dir(&folder).expect("a folder");
    let (package, folder) = (package.display().to_string(), folder.display().to_string());
    let sampled = ["--sample", "2", "--seed", "engagement-7", "--json"];
    let mut database = vec!["audit", "--workflows-to", &folder];
    database.extend(sampled);
    let examined: Value = serde_json::from_str(&program.run(&database).out).expect("JSON");
    let exported = [
        "export",
        "decisions",
        "--format",
        "package",
        "--out",
        &package,
    ];
    assert_eq!(program.run(&exported).code, 0);
    let policies: Vec<String> = std::fs::read_dir(&folder)
        .expect("the workflows")
        .map(|file| file.expect("a file").path().display().to_string())
        .collect();
    let mut alone = vec!["audit", &package];
    alone.extend(sampled);
    let unknown: Value = serde_json::from_str(&program.run(&alone).out).expect("JSON");
    assert_ne!(
        unknown["tests"], examined["tests"],
        "without workflows a person has to look"
    );
    for policy in &policies {
        alone.extend(["--workflow", policy]);
    }
    let alone: Value = serde_json::from_str(&program.run(&alone).out).expect("JSON");
    assert_eq!(examined["population"], json!(3), "{examined}");
    for part in ["population", "excepted", "tests", "exceptions", "sample"] {
        assert_eq!(alone[part], examined[part], "{part}");
    }
    let mut bytes = std::fs::read(&package).expect("the package");
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let at = text.find("decision.recorded").expect("a decision");
    bytes[at] ^= 1;
    std::fs::write(&package, &bytes).expect("written");
    let tampered = program.run(&["audit", &package]);
    assert_eq!(
        (tampered.code, tampered.out.as_str()),
        (1, ""),
        "{}",
        tampered.err
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

/// The exceptions that are found when the entries say something else: `change` gets each entry,
/// and answers whether it is told twice.
fn found_after(register: &Register, change: &dyn Fn(&mut Value) -> bool) -> BTreeSet<String> {
    let all = |conn: &mut Conn| rows(conn, &Filter::default(), Page::From(0), 10_000);
    let texts = register.reads(all).into_iter().map(|row| row.entry);
    let mut told = Vec::new();
    for text in texts {
        let mut entry: Value = serde_json::from_slice(&text).expect("JSON");
        let twice = change(&mut entry);
        told.push(entry.clone());
        told.extend(twice.then_some(entry));
    }
    let mut history = History::default();
    let mut found = BTreeSet::new();
    for (seq, mut entry) in told.into_iter().enumerate() {
        entry["seq"] = seq.into();
        let entry = Entry::parse(entry.to_string().as_bytes()).expect("an entry");
        let mut find = |pin: &Pin| {
            let cache = &register.desk.workflows;
            Some(register.reads(|conn| workflows::pinned(conn, cache, pin)))
        };
        let items = history.take(&entry, &mut find).expect("it can be read");
        for item in items {
            let failed = item
                .tests
                .iter()
                .filter(|t| t.verdict == Verdict::Exception);
            found.extend(failed.map(|t| format!("{}/{}", item.population.as_str(), t.key)));
        }
    }
    found
}

fn each_kind_of_fault_is_found_by_its_own_test(register: Register) {
    register.approved();
    let overridden = register.submitted_by("tomas", json!({}));
    register.overridden(&overridden);
    let (dana, carl) = (
        register.person("dana").to_string(),
        register.person("carl").to_string(),
    );
    let other = "ab".repeat(32);
    let is = |entry: &Value, kind: &str| entry["kind"] == kind;
    let untouched = found_after(&register, &|_| false);
    assert_eq!(
        untouched,
        ["reviews/override".to_owned()].into(),
        "as it happened"
    );
    let of_dana = |entry: &Value| is(entry, "decision.recorded") && entry["actor"] == dana;
    type Change<'a> = &'a dyn Fn(&mut Value) -> bool;
    let faults: [(&str, Change); 10] = [
        ("decisions/separate", &|e| {
            if is(e, "review.opened") {
                e["data"]["submitter"] = dana.clone().into();
            }
            false
        }),
        ("decisions/evidence", &|e| {
            if of_dana(e) {
                e["subject"]["digest"] = other.clone().into();
            }
            false
        }),
        ("decisions/evidence", &|e| {
            if of_dana(e) {
                e["private"] = json!({});
            }
            false
        }),
        ("decisions/in_time", &|e| {
            if is(e, "stage.opened") && e["data"]["clock"].is_object() {
                e["data"]["clock"]["due"] = "2027-01-01T00:00:00.000000Z".into();
            }
            false
        }),
        ("decisions/known", &|e| {
            if of_dana(e) {
                e["via"]["method"] = "timer".into();
            }
            false
        }),
        ("decisions/workflow", &|e| {
            if of_dana(e) {
                e["subject"]["workflow_hash"] = other.clone().into();
            }
            false
        }),
        ("decisions/entitled", &|e| {
            if of_dana(e) {
                e["actor"] = carl.clone().into();
            }
            false
        }),
        ("decisions/once", &|e| of_dana(e)),
        ("reviews/stages", &|e| {
            if is(e, "stage.opened") {
                e["data"]["seats"][0]["need"] = 9.into();
            }
            false
        }),
        ("overrides/two_people", &|e| {
            if is(e, "override.granted") {
                e["data"]["second"] = carl.clone().into();
            }
            false
        }),
    ];
    for (test, change) in faults {
        let found = found_after(&register, change);
        assert!(found.contains(test), "{test} is not among {found:?}");
    }
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
            wanted: pinned.read(&Scope::default()).unwrap(),
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
    assert_eq!(wrong(&|a| a.seed = "a b".to_owned()), ["seed"]);
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

fn last_entry(register: &Register) -> String {
    let newest = |conn: &mut Conn| rows(conn, &Filter::default(), Page::Newest, 1);
    let row = register.reads(newest).into_iter().next().expect("an entry");
    String::from_utf8(row.entry).expect("text")
}

const DRAW: &str = "population=decisions&seed=engagement-7&count=5";

fn an_auditor_finds_the_desk_and_looking_changes_nothing(house: House) {
    house.register.approved();
    let before = house.register.ledger_size();
    let home = house.get("audra", "/audit");
    assert_eq!(home.status, 200);
    assert!(
        home.body.contains("aria-current=\"page\">Audit"),
        "{}",
        home.body
    );
    let page = house.get("audra", &format!("/audit?{DRAW}"));
    assert_eq!(page.status, 200);
    for expected in [
        "Population</dt><dd>3 decisions",
        "No exception",
        "AI-2027-0001",
        "seed",
    ] {
        assert!(page.body.contains(expected), "{expected}: {}", page.body);
    }
    let wrong = house.get(
        "audra",
        "/audit?population=decisions&seed=&count=9999999&from=soon",
    );
    assert_eq!(wrong.status, 422);
    for field in ["#seed", "#count", "#from"] {
        assert!(wrong.body.contains(&format!("href=\"{field}\"")), "{field}");
    }
    assert!(
        wrong.body.contains("value=\"soon\""),
        "what was typed comes back"
    );
    assert_eq!(house.register.ledger_size(), before);
}

fn work_papers_say_what_they_were_drawn_from_and_leave_an_entry(house: House) {
    let case = house
        .register
        .submitted_by("tomas", json!({"unit": "=Claims"}));
    house.register.approve_all(&case, &[]);
    let before = house.register.ledger_size();
    let pairs = [
        ("population", "decisions"),
        ("unit", "=Claims"),
        ("seed", "engagement-7"),
        ("count", "2"),
        ("format", "csv"),
    ];
    let papers = house.post("audra", "/audit/papers", &pairs);
    assert_eq!(papers.status, 200, "{}", papers.body);
    let lines: Vec<&str> = papers.body.lines().collect();
    assert_eq!(
        lines.len(),
        4,
        "a header, what it was drawn from, two items"
    );
    let from = format!("drawn_from,decisions,,,'=Claims,random,engagement-7,2,{before},");
    assert!(lines[1].starts_with(&from), "{}", lines[1]);
    assert!(lines[2].starts_with("sample,,,"), "{}", lines[2]);
    assert_eq!(house.register.ledger_size(), before + 1);
    let text = last_entry(&house.register);
    assert!(text.contains("\"kind\":\"audit.drawn\""), "{text}");
    assert!(
        text.contains("\"seed\":\"engagement-7\"") && !text.contains("Claims"),
        "{text}"
    );
    let mut printed = pairs;
    printed[4] = ("format", "print");
    let page = house.post("audra", "/audit/papers", &printed);
    assert!(
        page.body.contains("<h1>Work papers</h1>") && page.body.contains("of unit &#x3D;Claims")
    );
    let mut wrong = pairs;
    wrong[3] = ("count", "0");
    assert_eq!(house.post("audra", "/audit/papers", &wrong).status, 422);
    wrong[4] = ("format", "docx");
    assert_eq!(house.post("audra", "/audit/papers", &wrong).status, 400);
    assert_eq!(house.register.ledger_size(), before + 2);
}

fn the_register_is_shown_as_of_a_day(house: House) {
    let register = &house.register;
    let case = register.submitted_by("tomas", json!({"title": "First title"}));
    register.days_pass(3);
    register.edit(&case, json!({"title": "Second title"}));
    register.approve_all(&case, &[]);
    register.appoint("nils", "legal");
    let then = house.get("audra", "/audit/as-of?day=2027-03-01").body;
    assert!(
        then.contains("First title") && then.contains("<td>in review</td>"),
        "{then}"
    );
    assert!(!then.contains("nils"), "{then}");
    let now = house.get("audra", "/audit/as-of?day=2027-03-04").body;
    assert!(
        now.contains("Second title") && now.contains("<td>approved</td>"),
        "{now}"
    );
    assert!(
        now.contains("nils") && now.contains("ai_use_case, version 1"),
        "{now}"
    );
    let never = house.get("audra", "/audit/as-of?day=1999-12-31");
    assert!(never.body.contains("There was no record."));
    for odd in [
        "2027-02-30",
        "x",
        "-0001-01-01",
        "9999-12-31T00:00:00Z",
        "2027-3-1",
    ] {
        let answer = house.get("audra", &format!("/audit/as-of?day={odd}"));
        assert_eq!(answer.status, 422, "{odd}");
    }
    assert_eq!(
        house.get("audra", "/audit/as-of?day=9998-12-31").status,
        200
    );
}

fn a_program_takes_the_same_papers(house: House) {
    house.register.approved();
    let person = house.register.person("audra");
    let now = house.register.desk.clock.now();
    let secret = house.register.does(move |tx, _| {
        people::create_token(tx, now, &operator(), person, &["log".to_owned()], None)
    });
    let bearer = format!("Bearer {}", secret.reveal());
    let path = "/api/v1/audit/papers";
    let wish = json!({"seed": "engagement-7", "count": 2});
    let ask = |wish: &Value| TestRequest::post().uri(path).set_json(wish);
    let before = house.register.ledger_size();
    let (status, papers) = house.call(&bearer, ask(&wish), path);
    assert_eq!(status, 200, "{papers}");
    assert_eq!(
        (papers["population"].as_u64(), papers["size"].as_u64()),
        (Some(3), Some(before))
    );
    assert_eq!(
        papers["sample"][0]["tests"].as_array().map(Vec::len),
        Some(7)
    );
    assert_eq!(house.register.ledger_size(), before + 1);
    let (status, problem) = house.call(&bearer, ask(&json!({"seed": "", "count": 2})), path);
    assert_eq!(
        (status.as_u16(), problem["code"].as_str()),
        (422, Some("invalid"))
    );
    let (status, _) = house.call(&bearer, ask(&json!({"seeds": "a"})), path);
    assert_eq!(status, 400);
    let as_of = "/api/v1/audit/as-of?day=2027-03-01";
    let (status, then) = house.call(&bearer, TestRequest::get().uri(as_of), as_of);
    assert_eq!(
        (status.as_u16(), then["records_count"].as_u64()),
        (200, Some(1))
    );
}

fn the_desk_is_for_those_who_read_the_log(house: House) {
    for path in ["/audit", "/audit/as-of?day=2027-03-01", "/audit/receipts/1"] {
        assert_eq!(house.get("tomas", path).status, 403, "{path}");
    }
    let pairs = [("seed", "a"), ("count", "1"), ("format", "csv")];
    assert_eq!(house.post("tomas", "/audit/papers", &pairs).status, 403);
    let home = house.get("tomas", "/");
    assert!(!home.body.contains("/audit\""), "{}", home.body);
}

fn appointed(house: &House, terms: &[(&str, &str)]) -> Answer {
    let path = format!("/people/{}/auditor", house.register.person("audra"));
    house.post("adam", &path, terms)
}

/// What the answer of a program says, as text.
fn told(house: &House, bearer: &str, path: &str) -> (u16, String) {
    let (status, body) = house.call(bearer, TestRequest::get().uri(path), path);
    (status.as_u16(), body.to_string())
}

fn bearer(house: &House, name: &str, scopes: &[&str]) -> String {
    let (person, now) = (house.register.person(name), house.register.desk.clock.now());
    let scopes: Vec<String> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    let secret = house
        .register
        .does(move |tx, _| people::create_token(tx, now, &operator(), person, &scopes, None));
    format!("Bearer {}", secret.reveal())
}

/// The refusal of a deed shows the page of its use case: not to whom it is hidden.
fn a_refused_deed_shows_an_auditor_no_use_case_of_others(house: House) {
    use countersign::{gates, oversight, risk, rules};
    let register = &house.register;
    register.does(|tx, desk| {
        for (kind, text) in [
            (&gates::KIND, gates::TEMPLATE),
            (&oversight::KIND, oversight::TEMPLATE),
            (&risk::KIND, risk::TEMPLATE),
        ] {
            rules::drafts::put(tx, desk, &operator(), kind, text)?;
        }
        Ok(())
    });
    let theirs = register.submitted_by("tomas", json!({"unit": "Pricing", "title": "Hidden one"}));
    register.approve_all(&theirs, &[]);
    let (id, actor) = (theirs.record, in_session(register.person("tomas")));
    let email = register.reads({
        let tomas = register.person("tomas");
        move |conn| Ok(countersign::people::known(conn, tomas)?.email)
    });
    let until = register.desk.today().days_later(30).to_string();
    let (waiver, sample) = register.does({
        let actor = actor.clone();
        move |tx, desk| {
            let at = ("test_plan", "output_quality");
            let waiver = gates::ask(tx, desk, &actor, id, at, ("Later", &until))?;
            let named = oversight::Named {
                overseers: vec![email.clone()],
                intervene: "They read it".to_owned(),
                stop: "A switch".to_owned(),
                seen: None,
            };
            oversight::arrange(tx, desk, &actor, id, &named)?;
            let looked = oversight::Given {
                looked_on: desk.today().to_string(),
                looked_at: "1".to_owned(),
                overridden: "0".to_owned(),
                outputs: "One".to_owned(),
                reason: String::new(),
            };
            Ok((
                waiver.id,
                oversight::record(tx, desk, &actor, id, &looked)?.id,
            ))
        }
    });
    let rules = risk::RiskRules::read("risk", risk::TEMPLATE, None).expect("rules");
    let high = risk::AreaGiven {
        inherent_likelihood: Some(5),
        inherent_impact: Some(5),
        residual_likelihood: Some(5),
        residual_impact: Some(5),
        ..risk::AreaGiven::default()
    };
    let given = risk::Given {
        revision: register.record(&theirs).revision,
        role: "deployer".to_owned(),
        areas: countersign::overview::AREAS
            .iter()
            .map(|(key, _)| ((*key).to_owned(), high.clone()))
            .collect(),
        answers: rules
            .questions
            .into_iter()
            .map(|question| (question.key, "no".to_owned()))
            .collect(),
    };
    let assessed = register.does(move |tx, desk| risk::assess(tx, desk, &actor, id, &given));
    let escalation = assessed.escalations.first().expect("an escalation").id;
    let deeds = [
        format!("/test-waivers/{waiver}/grant"),
        format!("/oversight-samples/{sample}/withdrawal"),
        format!("/risk-escalations/{escalation}/return"),
    ];
    let answer = |path: &str| house.post("audra", path, &[("reason", "So")]);
    for deed in &deeds {
        assert!(answer(deed).body.contains("Hidden one"), "{deed}");
    }
    assert_eq!(appointed(&house, &[("units", "Claims")]).status, 303);
    for deed in &deeds {
        let refused = answer(deed);
        assert_eq!(refused.status, 404, "{deed}");
        assert!(!refused.body.contains("Hidden one"), "{deed}");
    }
}

fn an_auditor_of_a_unit_sees_nothing_of_others_anywhere(house: House) {
    let register = &house.register;
    let ours = register.submitted_by("tomas", json!({"unit": " Claims ", "title": "Ours now"}));
    let theirs = register.submitted_by("tomas", json!({"unit": "Pricing", "title": "Hidden one"}));
    for case in [&ours, &theirs] {
        register.approve_all(case, &[]);
    }
    let (ours, theirs) = (
        register.record(&ours).reference,
        register.record(&theirs).reference,
    );
    let before = house.get("audra", "/log").body;
    assert!(
        before.contains(&ours) && before.contains(&theirs),
        "{before}"
    );
    assert_eq!(
        appointed(&house, &[("units", "Claims\r\nClaims' OR 1=1")]).status,
        303
    );

    let token = bearer(&house, "audra", &["read", "log"]);
    let pages = [
        "/use-cases",
        "/log",
        "/audit/as-of?day=2027-03-01",
        &format!("/audit?{DRAW}"),
    ];
    for page in pages {
        let body = house.get("audra", page).body;
        assert!(body.contains(&ours), "{page}: {body}");
        assert!(
            !body.contains(&theirs) && !body.contains("Hidden one"),
            "{page}: {body}"
        );
    }
    // A record outside of the units answers as one that is not there.
    for address in ["/log?record=", "/api/v1/log/entries?record="] {
        let answer = |reference: &str| {
            let path = format!("{address}{reference}");
            let (status, body) = match address.starts_with("/api") {
                true => told(&house, &token, &path),
                false => {
                    let page = house.get("audra", &path);
                    (page.status.as_u16(), page.body)
                }
            };
            (status, body.replace(reference, "REFERENCE"))
        };
        assert_eq!(answer(&theirs), answer("AI-1999-9999"), "{address}");
    }
    let searched = house.get("audra", "/use-cases?q=Hidden").body;
    assert!(
        !searched.contains(&theirs) && !searched.contains("Pricing"),
        "{searched}"
    );
    for path in [
        "/api/v1/use-cases",
        "/api/v1/log/entries",
        "/api/v1/audit/as-of?day=2027-03-01",
    ] {
        let (status, body) = told(&house, &token, path);
        assert_eq!(status, 200, "{path}: {body}");
        assert!(
            body.contains(&ours) && !body.contains(&theirs),
            "{path}: {body}"
        );
    }
    for format in ["csv", "jsonl"] {
        let file = house
            .post("audra", "/log/exports", &[("format", format)])
            .body;
        assert!(
            file.contains(&ours) && !file.contains(&theirs),
            "{format}: {file}"
        );
    }
    let seq = |reference: &str| {
        let entries = register.entries();
        let about = |entry: &&Entry| entry.subject.get("reference") == Some(&json!(reference));
        entries.iter().find(about).expect("an entry").seq
    };
    let hidden = [
        format!("/use-cases/{theirs}"),
        format!("/use-cases/{theirs}/revisions/1"),
        format!("/audit/receipts/{}", seq(&theirs)),
    ];
    for path in &hidden {
        let answer = house.get("audra", path);
        assert_eq!(answer.status, 404, "{path}");
        assert!(
            answer.body.contains("your appointment covers"),
            "{path}: {}",
            answer.body
        );
    }
    for path in [
        format!("/api/v1/use-cases/{theirs}"),
        format!("/api/v1/use-cases/{theirs}/timeline"),
        format!("/api/v1/log/entries/{}/receipt", seq(&theirs)),
    ] {
        assert_eq!(told(&house, &token, &path).0, 404, "{path}");
    }
    assert_eq!(
        house.get("audra", &format!("/use-cases/{ours}")).status,
        200
    );
    let other = house.get("audra", &format!("/audit?{DRAW}&unit=Pricing"));
    assert_eq!(other.status, 422);
    assert!(
        other.body.contains("Your appointment covers"),
        "{}",
        other.body
    );
    assert_eq!(house.get("tomas", &hidden[0]).status, 200, "others read on");
}

fn moving_a_record_to_another_unit_takes_it_out_of_nobodys_sight(house: House) {
    let register = &house.register;
    let case = register.submitted_by("tomas", json!({"unit": "Claims"}));
    let reference = register.record(&case).reference;
    assert_eq!(appointed(&house, &[("units", "Claims")]).status, 303);
    register.edit(&case, json!({"unit": "Pricing"}));
    let page = format!("/use-cases/{reference}");
    assert_eq!(house.get("audra", &page).status, 200);
    assert!(house.get("audra", "/log").body.contains(&reference));
}

fn an_auditor_of_a_time_reads_the_entries_of_that_time(house: House) {
    let register = &house.register;
    let old = register.submitted_by("tomas", json!({}));
    register.approve_all(&old, &[]);
    register.days_pass(40);
    let new = register.submitted_by("tomas", json!({}));
    let (old, new) = (
        register.record(&old).reference,
        register.record(&new).reference,
    );
    let terms = [("from", "2027-04-01"), ("until", "2027-04-30")];
    assert_eq!(appointed(&house, &terms).status, 303);
    for page in ["/log", "/log?from=2020-01-01&to=2030-01-01"] {
        let body = house.get("audra", page).body;
        assert!(
            body.contains(&new) && !body.contains(&old),
            "{page}: {body}"
        );
    }
    let outside = house.get("audra", "/audit/as-of?day=2027-03-01");
    assert_eq!(outside.status, 422);
    assert!(
        outside.body.contains("Your appointment covers"),
        "{}",
        outside.body
    );
    let early = house.get("audra", &format!("/audit?{DRAW}&from=2027-03-01"));
    assert_eq!(early.status, 422);
    let drawn = house.get("audra", &format!("/audit?{DRAW}")).body;
    assert!(drawn.contains("Population</dt><dd>0 decisions"), "{drawn}");
}

fn nobody_narrows_an_auditor_unseen(house: House) {
    let register = &house.register;
    register.appoint("nils", "administrator");
    let mails = |name: &str| {
        let to = register.person(name);
        let query = format!(
            "SELECT COUNT(*) AS count FROM outbox WHERE template = 'auditor_scope' \
             AND person_id = '{to}'"
        );
        register.reads(|conn| support::register::count(conn, &query))
    };
    let first = mails("audra");
    let (size, nils) = (register.ledger_size(), mails("nils"));
    assert_eq!(
        appointed(&house, &[("units", "Claims"), ("last_day", "2027-03-31")]).status,
        303
    );
    assert_eq!(register.ledger_size(), size + 1);
    let entry = last_entry(register);
    assert!(
        entry.contains("\"change\":\"narrowed\"") && !entry.contains("Claims"),
        "{entry}"
    );
    assert_eq!(
        (mails("audra"), mails("nils"), mails("adam")),
        (first + 1, nils + 1, 0)
    );
    let again = appointed(&house, &[("units", "Claims"), ("last_day", "2027-03-31")]);
    assert_eq!(
        (again.status.as_u16(), register.ledger_size()),
        (303, size + 1)
    );
    let desk = house.get("audra", "/audit").body;
    for said in [
        "It was narrowed by adam on",
        "units Claims",
        "ends after 2027-03-31",
    ] {
        assert!(desk.contains(said), "{said}: {desk}");
    }
    let wrong = appointed(
        &house,
        &[("from", "2027-02-30"), ("last_day", "2020-01-01")],
    );
    assert_eq!(wrong.status, 422);
    assert!(
        wrong.body.contains("2027-02-30"),
        "what was typed comes back"
    );
    let path = format!("/people/{}/auditor", register.person("audra"));
    assert_eq!(house.post("tomas", &path, &[]).status, 403);
    assert_eq!(
        house.post("audra", &path, &[]).status,
        403,
        "not by herself"
    );
    let api = format!("/api/v1{path}");
    let token = bearer(&house, "adam", &["people"]);
    let body = json!({"units": ["Claims", "Pricing"], "last_day": "2027-03-31"});
    let (status, body) = house.call(&token, TestRequest::put().set_json(&body), &api);
    assert_eq!(status, 200, "{body}");
    assert_eq!(
        body["changes"]
            .as_array()
            .and_then(|all| all.last())
            .map(|c| &c["change"]),
        Some(&json!("widened"))
    );
    register.does(|tx, desk| {
        let (now, audra) = (desk.clock.now(), people::by_email(tx, "audra@example.org")?);
        let audra = audra.expect("audra").id;
        people::take(tx, now, &operator(), audra, Holding::Role, "auditor").map(drop)
    });
    assert_eq!(mails("audra"), first + 3);
    assert_eq!(
        mails("adam"),
        1,
        "the console did it: each administrator is told"
    );
    assert_eq!(house.get("audra", "/audit").status, 403);
}

fn the_role_of_an_auditor_ends_by_time_and_its_end_widens_nothing(house: House) {
    let register = &house.register;
    let theirs = register.submitted_by("tomas", json!({"unit": "Pricing"}));
    let hidden = format!("/use-cases/{}", register.record(&theirs).reference);
    assert_eq!(
        appointed(&house, &[("units", "Claims"), ("last_day", "2027-03-01")]).status,
        303
    );
    assert_eq!(house.get("audra", "/log").status, 200);
    let size = register.ledger_size();
    let audra = register.person("audra");
    let day = |text: &str| countersign::db::Day::parse(text).expect("a day");
    let reads = |on| register.reads(|conn| people::reads_log(conn, day(on), audra));
    assert!(reads("2027-03-01") && !reads("2027-03-02"));
    let scope = register.reads(|conn| people::scope_of(conn, audra));
    assert_eq!(scope.units, ["Claims"], "also when it is over");
    assert_eq!(house.get("audra", &hidden).status, 404);
    assert_eq!(register.ledger_size(), size, "nobody's deed");
}

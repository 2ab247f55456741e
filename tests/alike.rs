//! Look-alikes: what the register already has, told before anybody asks twice for it.

mod support;

use serde_json::{Value, json};
use std::collections::BTreeSet;
use support::house::House;
use support::http::send;
use support::on_both;
use support::program::{Program, project, shared};
use support::register::{Case, Register, seat, stage, workflow};

on_both! { now crate::Register::open =>
    an_approver_sees_what_was_decided_before
    a_draft_and_what_was_taken_back_are_nobodys_precedent
}
on_both! { now crate::House::open =>
    a_team_is_told_before_it_asks_and_nothing_is_saved
    a_program_asks_for_what_is_like_a_text
}
on_both! { now crate::Program::on =>
    planted_duplicates_are_found_among_real_registers
}

fn legal_only(register: &Register) {
    register.publish(&workflow(&[stage("legal", &[], &[seat("legal", 1)])]));
}

fn contracts(title: &str, purpose: &str) -> Value {
    json!({ "title": title, "purpose": purpose, "tool": "Claude" })
}

fn three_before(register: &Register) -> [Case; 3] {
    let told = [
        (
            "Summaries of supplier contracts",
            "Summarise supplier contracts for buyers.",
        ),
        (
            "Summarising supplier contracts",
            "Each contract of a supplier is summarised.",
        ),
        (
            "Supplier contract summary",
            "Write a summary of contracts with suppliers.",
        ),
    ];
    let cases =
        told.map(|(title, purpose)| register.submitted_by("tomas", contracts(title, purpose)));
    let lea = register.as_reviewer("lena");
    lea.approve_if(&cases[0], &[("Mask the prices.", "2027-03-01")]);
    lea.approve_if(&cases[1], &[("mask  the prices", "2027-03-01")]);
    lea.reject(&cases[2]);
    cases
}

fn an_approver_sees_what_was_decided_before(register: Register) {
    legal_only(&register);
    three_before(&register);
    register.submitted_by(
        "tomas",
        json!({ "title": "Chat on the phone", "purpose": "Answer." }),
    );
    let told = contracts(
        "Summaries of contracts with suppliers",
        "Summarise contracts.",
    );
    let case = register.submitted_by("tomas", told);
    let (record, document) = (register.record(&case), register.document(&case));
    let found = register
        .reads(|conn| countersign::register::precedents(conn, &record, &document, None))
        .expect("precedents");
    assert_eq!(found.sentence, "3 are like this: 2 approved, 1 rejected.");
    let condition = found.conditions.first().expect("a condition");
    assert_eq!(
        (condition.text.to_lowercase().as_str(), condition.records),
        { ("mask the prices.", 2) }
    );
    assert!(
        found
            .lines
            .iter()
            .all(|line| line.because.starts_with("the same tool"))
    );
    assert_eq!(found.lines.len(), 3);
}

fn a_draft_and_what_was_taken_back_are_nobodys_precedent(register: Register) {
    legal_only(&register);
    let told = || contracts("Summaries of supplier contracts", "Summarise contracts.");
    register.draft_by("tomas", told());
    let back = register.submitted_by("tomas", told());
    register.withdraw(&back);
    let case = register.submitted_by("tomas", told());
    let (record, document) = (register.record(&case), register.document(&case));
    let found =
        register.reads(|conn| countersign::register::precedents(conn, &record, &document, None));
    assert!(found.is_none(), "{found:?}");
}

fn a_team_is_told_before_it_asks_and_nothing_is_saved(house: House) {
    legal_only(&house.register);
    three_before(&house.register);
    let before = house.register.ledger_size();
    let typed = |then: &str| {
        [
            (
                "title".to_owned(),
                "Summary of a supplier's contracts".to_owned(),
            ),
            (
                "purpose".to_owned(),
                "Contracts are summarised for a buyer".to_owned(),
            ),
            ("_then".to_owned(), then.to_owned()),
        ]
    };
    let post = |then: &str| {
        let typed = typed(then);
        let pairs: Vec<(&str, &str)> = typed
            .iter()
            .map(|(a, b)| (a.as_str(), b.as_str()))
            .collect();
        house.post("tomas", "/use-cases", &pairs)
    };
    let looked = post("look");
    assert_eq!(looked.status, 200);
    assert_eq!(house.register.ledger_size(), before);
    for shown in [
        "Like what you typed",
        "Summaries of supplier contracts",
        "Approved",
        "Rejected",
        "value=\"Summary of a supplier&#x27;s contracts\"",
    ] {
        assert!(looked.body.contains(shown), "{shown}: {}", looked.body);
    }
    assert!(
        !looked.body.contains("There is a problem"),
        "nothing is demanded yet"
    );
    let saved = post("later");
    assert_eq!(saved.status, 303);
    assert_eq!(house.register.ledger_size(), before + 1);
    let draft = house.get("tomas", &saved.location);
    assert!(draft.body.contains("Is it one of these?"), "{}", draft.body);
}

fn a_program_asks_for_what_is_like_a_text(house: House) {
    legal_only(&house.register);
    let cases = three_before(&house.register);
    let token = house.token("tomas");
    let get = |path: &str| house.call(&token, actix_web::test::TestRequest::get(), path);
    let (status, found) =
        get("/api/v1/use-cases/look-alikes?title=Supplier%20contracts&purpose=Summarise");
    assert_eq!(
        (status.as_u16(), found["alike"].as_array().map(Vec::len)),
        (200, Some(3))
    );
    let (status, refused) = get("/api/v1/use-cases/look-alikes?name=x");
    assert_eq!(status, 400);
    assert!(
        refused["detail"]
            .as_str()
            .is_some_and(|told| told.contains("name")),
        "{refused}"
    );
    let reference = house.register.record(&cases[0]).reference;
    let (_, found) = get(&format!("/api/v1/use-cases/{reference}/look-alikes"));
    assert_eq!(
        found["sentence"],
        "2 are like this: 1 approved, 1 rejected."
    );
    let (_, none) = get("/api/v1/use-cases/look-alikes?title=%27%22)%20OR%20*%20%3A%26");
    assert_eq!(
        none["alike"],
        json!([]),
        "signs of a search language mean nothing"
    );
}

/// The words of a text without each fourth, the last first: what somebody else would write of
/// the same thing, at its worst.
fn retold(text: &str) -> String {
    let words = text.split_whitespace().enumerate();
    let kept: Vec<&str> = words
        .filter(|(i, _)| i % 4 != 3)
        .map(|(_, word)| word)
        .collect();
    kept.into_iter()
        .rev()
        .collect::<Vec<_>>()
        .join(" ")
        .to_lowercase()
}

const QUERIES: usize = 60;

fn planted_duplicates_are_found_among_real_registers(program: Program) {
    let registers = [
        (
            "us-omb-2024/2024_consolidated_ai_inventory_raw.csv",
            "us-omb-2024.json",
        ),
        (
            "us-agencies-2025-raw/department-of-health-and-human-services/\
             hhs-ai-use-case-inventory-fy25.csv",
            "us-hhs-2025.json",
        ),
    ];
    for (file, mapping) in registers {
        let Some(file) = shared(file) else { return };
        let mapping = project().join("docs/mappings").join(mapping);
        let paths = [file.to_str().unwrap(), mapping.to_str().unwrap()];
        program
            .run(&["import", paths[0], "--mapping", paths[1], "--json"])
            .good();
    }
    program.add_person("ann@example.org", "Ann", &[], &[]);
    let bearer = format!("Bearer {}", program.token("ann@example.org", "read"));
    let server = program.serve(&[]);
    let get = |path: &str| {
        let headers = [("Authorization", bearer.as_str())];
        send(&server.address, "GET", path, &headers, b"").expect(200)
    };
    let originals = originals(&get);
    let (mut found, mut first, mut shown) = (0, 0, 0);
    for (reference, title, purpose) in &originals {
        let query = serde_urlencoded::to_string([
            ("title", retold(title)),
            (
                "purpose",
                retold(&purpose.chars().take(600).collect::<String>()),
            ),
        ]);
        let path = format!("/api/v1/use-cases/look-alikes?{}", query.unwrap());
        let answer = get(&path);
        let alike = answer["alike"].as_array().unwrap();
        let same = |line: &&Value| line["reference"] == **reference || line["title"] == **title;
        shown += alike.len();
        found += usize::from(alike.iter().any(|line| same(&line)));
        first += usize::from(alike.first().is_some_and(|line| same(&line)));
    }
    let of = originals.len();
    println!("planted {of}: recall {found}/{of}, named first {first}/{of}, lines shown {shown}");
    assert!(found * 100 >= of * 90, "recall {found}/{of}");
    assert!(
        first * 100 >= of * 80,
        "precision of the first line {first}/{of}"
    );
    let strange = [
        "Beerdigung der Goldhamster",
        "Zwölf Boxkämpfer jagen Viktor",
        "Xylophonbau",
    ];
    for title in strange {
        let query = serde_urlencoded::to_string([("title", title)]).unwrap();
        let answer = get(&format!("/api/v1/use-cases/look-alikes?{query}"));
        assert_eq!(answer["alike"], json!([]), "{title}");
    }
}

/// Records from all over the register with enough text to be told again.
fn originals(get: &impl Fn(&str) -> Value) -> Vec<(String, String, String)> {
    let mut references = Vec::new();
    let mut after = String::new();
    while references.len() < QUERIES * 8 {
        let page = get(&format!("/api/v1/use-cases?sort=title{after}"));
        for record in page["records"].as_array().unwrap() {
            references.push(record["reference"].as_str().unwrap().to_owned());
        }
        let Some(next) = page["next"].as_str() else {
            break;
        };
        let next = serde_urlencoded::to_string([("after", next)]).unwrap();
        after = format!("&{next}");
    }
    let mut titles = BTreeSet::new();
    let mut originals = Vec::new();
    for reference in references.iter().step_by(6) {
        let record = get(&format!("/api/v1/use-cases/{reference}"));
        let text = |name: &str| {
            record["document"][name]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        let (title, purpose) = (text("title"), text("purpose"));
        let telling = title.split_whitespace().count() > 2 && purpose.len() > 80;
        if telling && titles.insert(title.clone()) && originals.len() < QUERIES {
            originals.push((reference.clone(), title, purpose));
        }
    }
    assert!(originals.len() > QUERIES / 2, "{}", originals.len());
    originals
}

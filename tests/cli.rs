//! The command line as operators and scripts meet it: the program is started, and judged by what
//! it prints and by its exit code.

mod support;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::path::Path;
use support::on_both;
use support::program::{Answer, Program, entries, project, shared};

on_both! { now crate::open =>
    a_register_is_imported_once_and_a_second_time_changes_nothing
    a_dry_run_keeps_nothing_and_says_the_same
    a_refused_row_is_named_and_fails_the_command
    the_real_registers_are_taken_whole
    the_log_is_exported_whole_and_as_a_spreadsheet
    the_log_is_narrowed_by_each_filter
    a_filter_that_means_nothing_is_named
    a_workflow_is_published_once_and_its_change_is_proposed
    people_are_added_once_and_wrong_fields_are_named
    people_get_managers_lose_roles_leave_and_return
    tokens_are_made_for_people_who_exist_and_rights_that_exist
}

fn open(url: String) -> Program {
    Program::on(url)
}

const REGISTER: &str = "\
No.;Name;Dept.;State;Uses;Remark
7;Contract summaries;Legal;In use;Summaries, Search;ask Kim
8;Übersetzung;;pilot (until May);Translations;
9;\"Notes of meetings, \"\"live\"\"\";IT;In use;Summaries;
";

fn mapping() -> Value {
    json!({
        "format": 1, "kind": "use_case", "title": "Our list", "source": "our-list",
        "key": ["No."],
        "fields": {
            "title": { "column": "Name" },
            "source_id": { "column": "No." },
            "unit": { "column": "Dept." },
            "lifecycle": {
                "column": "State", "values": { "In use": "live" },
                "starts_with": { "pilot": "pilot" },
            },
            "uses": {
                "column": "Uses", "split": ",",
                "values": { "Summaries": "summarising", "Search": "search" },
            },
        },
        "ignore": { "Remark": "not meant for the register" },
    })
}

fn import(program: &Program, more: &[&str]) -> Answer {
    program.write("mapping.json", mapping().to_string());
    let arguments = ["import", "register.csv", "--mapping", "mapping.json"];
    program.run(&[&arguments, more].concat())
}

fn report(answer: Answer) -> Value {
    serde_json::from_str(&answer.out).unwrap_or_else(|_| panic!("{}{}", answer.out, answer.err))
}

fn figures(report: &Value) -> [u64; 5] {
    ["read", "created", "revised", "unchanged", "refused"].map(|f| report[f].as_u64().unwrap())
}

fn a_register_is_imported_once_and_a_second_time_changes_nothing(program: Program) {
    program.write("register.csv", REGISTER);
    let first = report(import(&program, &["--json"]));
    assert_eq!(figures(&first), [3, 3, 0, 0, 0]);
    let problem = json!({
        "line": 3, "column": "Uses", "value": "Translations",
        "rule": first["problems"][0]["rule"],
    });
    assert_eq!(first["problems"], json!([problem]));
    assert_eq!(first["ignored"][0]["cells"], 1);
    let log = program.log();
    assert_eq!(entries(&log).len(), 3);

    let words = import(&program, &[]).good();
    assert!(words.contains("unchanged   3"), "{words}");
    assert_eq!(entries(&program.log()), entries(&log));

    program.write(
        "register.csv",
        REGISTER.replace("IT;In use", "IT;pilot phase"),
    );
    let newer = report(import(&program, &["--json", "--kind", "use_case"]));
    assert_eq!(figures(&newer), [3, 0, 1, 2, 0]);
    assert_eq!(entries(&program.log()).len(), 4);
}

fn a_dry_run_keeps_nothing_and_says_the_same(program: Program) {
    program.write("register.csv", REGISTER);
    let (before, trial) = (program.log(), import(&program, &["--json", "--dry-run"]));
    assert_eq!(trial.code, 0);
    assert_eq!(entries(&program.log()), entries(&before));
    let words = import(&program, &["--dry-run"]).good();
    assert!(
        words.contains("This was a dry run: nothing was kept."),
        "{words}"
    );
    assert_eq!(report(trial), report(import(&program, &["--json"])));
    assert_eq!(entries(&program.log()).len(), 3);
}

fn a_refused_row_is_named_and_fails_the_command(program: Program) {
    program.write(
        "register.csv",
        format!("{REGISTER}7;The same number;;;;\n10;;;;;\n"),
    );
    let answer = import(&program, &["--json"]);
    assert_eq!(answer.code, 1);
    let report = report(answer);
    assert_eq!(figures(&report), [5, 3, 0, 0, 2]);
    let lines: Vec<&Value> = report["problems"].as_array().unwrap().iter().collect();
    assert!(lines.iter().any(|p| p["line"] == 5), "{lines:?}");
    assert!(
        lines
            .iter()
            .any(|p| p["line"] == 6 && p["column"] == "Name"),
        "{lines:?}"
    );
}

const REAL: [(&str, &str, u64); 3] = [
    (
        "us-omb-2024/2023_consolidated_ai_inventory_raw.csv",
        "us-omb-2023.json",
        710,
    ),
    (
        "us-omb-2024/2024_consolidated_ai_inventory_raw.csv",
        "us-omb-2024.json",
        1_757,
    ),
    (
        "us-agencies-2025-raw/department-of-health-and-human-services/\
         hhs-ai-use-case-inventory-fy25.csv",
        "us-hhs-2025.json",
        447,
    ),
];

fn the_real_registers_are_taken_whole(program: Program) {
    let mut held = 0;
    for (file, mapping, count) in REAL {
        let Some(file) = shared(file) else { return };
        let mapping = project().join("docs/mappings").join(mapping);
        let paths = [file.to_str().unwrap(), mapping.to_str().unwrap()];
        let run = || program.run(&["import", paths[0], "--mapping", paths[1], "--json"]);
        let first = report(run());
        assert_eq!(figures(&first), [count, count, 0, 0, 0], "{}", paths[0]);
        let again = report(run());
        assert_eq!(figures(&again), [count, 0, 0, count, 0], "{}", paths[0]);
        assert_eq!(first["problems"], again["problems"]);
        held += usize::try_from(count).unwrap();
        assert_eq!(entries(&program.log()).len(), held);
    }
}

#[test]
fn a_mapping_that_is_wrong_is_named_with_the_place() {
    let (_folder, url) = support::database::fresh_sqlite();
    let program = Program::on(url);
    program.write("register.csv", REGISTER);
    let with = |text: String| {
        program.write("wrong.json", text);
        let err = program
            .run(&["import", "register.csv", "--mapping", "wrong.json"])
            .bad(2);
        assert!(err.contains("wrong.json"), "{err}");
        err
    };
    assert!(with("{ \"format\": 1,".to_owned()).contains("line 1"));
    let mut odd = mapping();
    odd["fields"]["title"]["colum"] = json!("Name");
    assert!(with(odd.to_string()).contains("/fields/title/colum"));
    let mut missing = mapping();
    missing["fields"]["title"]["column"] = json!("Caption");
    assert!(with(missing.to_string()).contains("Caption"));
    let mut field = mapping();
    field["fields"]["colour"] = json!({ "column": "Dept." });
    assert!(with(field.to_string()).contains("colour"));
    let absent = program
        .run(&["import", "register.csv", "--mapping", "none.json"])
        .bad(2);
    assert!(absent.contains("none.json"), "{absent}");
    program.write("mapping.json", mapping().to_string());
    let absent = ["import", "none.csv", "--mapping", "mapping.json"];
    assert!(program.run(&absent).bad(2).contains("none.csv"));
    let kind = import(&program, &["--kind", "vendor"]).bad(2);
    assert!(
        kind.contains("--kind vendor") && kind.contains("use_case"),
        "{kind}"
    );
    assert_eq!(entries(&program.log()), Vec::<Value>::new());
}

/// Ten entries: two people, three things they hold, a token, three records, a workflow.
fn with_a_log(program: &Program) {
    program.add_person(
        "ann@example.org",
        "Ann Lee",
        &["legal", "auditor"],
        &["ai_council"],
    );
    program.add_person("bo@example.org", "=Bo", &[], &[]);
    program.token("ann@example.org", "read,log");
    program.write("register.csv", REGISTER);
    import(program, &[]).good();
    program.publish_policy();
}

fn the_log_is_exported_whole_and_as_a_spreadsheet(program: Program) {
    with_a_log(&program);
    let run = program.run(&[
        "export",
        "decisions",
        "--out",
        "log.jsonl",
        "--format",
        "jsonl",
    ]);
    assert_eq!(
        (run.out.as_str(), run.err.as_str()),
        ("", "10 entries written.\n")
    );
    let log = program.read("log.jsonl");
    // That it was taken away is an entry, which names the file by its digest.
    let later = program.log();
    let taken: Vec<Value> = later
        .lines()
        .filter_map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["entry"]
                .as_str()
                .map(str::to_owned)
        })
        .map(|entry| serde_json::from_str(&entry).unwrap())
        .filter(|entry: &Value| entry["kind"] == "log.exported")
        .collect();
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0]["data"]["count"], 10);
    assert_eq!(
        taken[0]["subject"]["digest"],
        hex::encode(Sha256::digest(log.as_bytes()))
    );
    assert_eq!(entries(&log), entries(&later));
    let trailer: Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&trailer["size"], &trailer["complete"]),
        (&json!(10), &json!(true))
    );
    let good = program.run(&["verify", "log.jsonl"]).good();
    assert!(
        good.contains("all 10 entries") && good.contains("Size 10, root "),
        "{good}"
    );

    let csv = program
        .run(&["export", "decisions", "--format", "csv"])
        .good();
    let mut table = csv::Reader::from_reader(csv.as_bytes());
    let header = table.headers().unwrap().clone();
    let column = |name: &str| header.iter().position(|h| h == name).unwrap();
    let rows: Vec<csv::StringRecord> = table.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 12, "two exports came before");
    for (row, line) in rows.iter().zip(log.lines()).take(10) {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["leaf_hash"], row[column("leaf_hash")]);
    }
    let names: Vec<&str> = rows.iter().map(|row| &row[column("person")]).collect();
    assert!(
        names.contains(&"Ann Lee") && names.contains(&"'=Bo"),
        "{names:?}"
    );
}

fn the_log_is_narrowed_by_each_filter(program: Program) {
    with_a_log(&program);
    let count = |filter: &[&str]| {
        let arguments = [&["export", "decisions", "--out", "part.jsonl"], filter].concat();
        program.run(&arguments).good();
        let good = program.run(&["verify", "part.jsonl"]).good();
        assert!(good.contains("partial export"), "{good}");
        entries(&program.read("part.jsonl")).len()
    };
    assert_eq!(count(&["--person", "ann@example.org"]), 5);
    assert_eq!(count(&["--record", "AI-2026-0002"]), 1);
    assert_eq!(count(&["--stage", "data_use"]), 0);
    assert_eq!(count(&["--outcome", "approve"]), 0);
    assert_eq!(count(&["--from", "2000-01-01"]), 10);
    assert_eq!(count(&["--to", "2000-01-01"]), 0);
    assert_eq!(
        count(&["--from", "2000-01-01", "--person", "bo@example.org"]),
        1
    );
    let csv = program.run(&[
        "export",
        "decisions",
        "--format",
        "csv",
        "--to",
        "2000-01-01",
    ]);
    assert_eq!(csv.good().lines().count(), 1, "only the header");
}

fn a_filter_that_means_nothing_is_named(program: Program) {
    let complaint = |filter: &[&str]| {
        let arguments = [&["export", "decisions", "--out", "part.jsonl"], filter].concat();
        let err = program.run(&arguments).bad(2);
        assert!(!program.path("part.jsonl").exists());
        err
    };
    assert!(complaint(&["--person", "nobody@example.org"]).contains("nobody@example.org"));
    assert!(complaint(&["--record", "AI-1999-0001"]).contains("AI-1999-0001"));
    assert!(complaint(&["--from", "soon"]).contains("from: write 2026-01-31"));
    assert!(complaint(&["--to", "2026-02-31"]).contains("to: write 2026-01-31"));
    assert!(complaint(&["--format", "xml"]).contains("xml"));
    assert!(complaint(&["--colour", "red"]).contains("--colour"));
    let nowhere = ["export", "decisions", "--out", "no/such/folder/log.jsonl"];
    assert!(
        program
            .run(&nowhere)
            .bad(2)
            .contains("no/such/folder/log.jsonl")
    );
}

#[test]
fn every_kind_of_tampering_is_told_with_its_line() {
    let (_folder, url) = support::database::fresh_sqlite();
    let program = Program::on(url);
    with_a_log(&program);
    let log = program.log();
    let lines: Vec<&str> = log.lines().collect();
    let joined = |lines: &[&str]| format!("{}\n", lines.join("\n"));
    let changed = |at: usize, line: &str| {
        let mut lines = lines.clone();
        lines[at] = line;
        joined(&lines)
    };
    let mut cases: Vec<(&str, usize, String)> = vec![
        (
            "an entry edited",
            4,
            changed(3, &lines[3].replace("ai_council", "ai_counsel")),
        ),
        (
            "a leaf hash edited",
            1,
            changed(0, &flip(lines[0], "leaf_hash\":\"")),
        ),
        ("a space more", 2, changed(1, &format!("{} ", lines[1]))),
        (
            "an entry left out",
            3,
            joined(&[&lines[..2], &lines[3..]].concat()),
        ),
        (
            "an entry twice",
            3,
            joined(&[&lines[..2], &lines[1..]].concat()),
        ),
        (
            "the tail cut with the trailer kept",
            10,
            joined(&[&lines[..9], &lines[10..]].concat()),
        ),
        (
            "the root edited",
            11,
            changed(10, &flip(lines[10], "root\":\"")),
        ),
        (
            "the size edited",
            11,
            changed(10, &lines[10].replace("\"size\":10", "\"size\":11")),
        ),
        ("no trailer", 11, joined(&lines[..10])),
        (
            "something after the trailer",
            12,
            format!("{log}{}\n", lines[0]),
        ),
    ];
    let mut swapped = lines.clone();
    swapped.swap(5, 6);
    cases.push(("two entries swapped", 6, joined(&swapped)));
    for (what, line, text) in cases {
        assert_ne!(text, log, "{what}");
        program.write("log.jsonl", text);
        let err = program.run(&["verify", "log.jsonl"]).bad(1);
        let named = [format!("line {line}:"), format!("line {line} (entry ")];
        assert!(
            named.iter().any(|n| err.contains(n)),
            "{what}, line {line}: {err}"
        );
    }
}

/// The line with the first hexadecimal digit after `place` turned into another.
fn flip(line: &str, place: &str) -> String {
    let at = line.find(place).unwrap() + place.len();
    let other = if &line[at..=at] == "0" { "1" } else { "0" };
    format!("{}{other}{}", &line[..at], &line[at + 1..])
}

#[test]
fn what_is_no_log_cannot_be_verified() {
    let (_folder, url) = support::database::fresh_sqlite();
    let program = Program::on(url);
    for (name, content) in [
        ("empty", Vec::new()),
        ("table.csv", b"seq,kind\n0,person.added\n".to_vec()),
        ("binary", vec![0, 159, 146, 150, 10]),
        ("other.json", b"{\"format\":\"something-else\"}\n".to_vec()),
        ("deep.json", "[".repeat(100_000).into_bytes()),
    ] {
        program.write(name, content);
        let err = program.run(&["verify", name]).bad(2);
        assert!(err.contains("cannot verify"), "{name}: {err}");
    }
    assert!(program.run(&["verify", "none"]).bad(2).contains("none"));
    assert!(program.run(&["verify", "."]).bad(2).starts_with("c"));
}

#[test]
fn a_log_is_verified_without_settings_or_database() {
    let (_folder, url) = support::database::fresh_sqlite();
    let program = Program::on(url);
    program.write("log.jsonl", program.log());
    let wrong = [
        ("COUNTERSIGN_DATABASE_URL", "mysql://x"),
        ("COUNTERSIGN_READERS", "0"),
    ];
    program.with(&wrong, &["verify", "log.jsonl"]).good();
}

fn policy() -> String {
    std::fs::read_to_string(project().join("templates/workflows/ai_use_case.json")).unwrap()
}

#[test]
fn a_workflow_that_cannot_be_loaded_says_file_place_and_what_would_be_right() {
    let (_folder, url) = support::database::fresh_sqlite();
    let program = Program::on(url);
    program.write("policy.json", policy());
    let good = program.run(&["workflow", "check", "policy.json"]).good();
    assert!(
        good.starts_with("ai_use_case: good, 5 stages, sha256 "),
        "{good}"
    );
    let good = program
        .run(&["workflow", "check", "policy.json", "--json"])
        .good();
    let good: Value = serde_json::from_str(&good).unwrap();
    assert_eq!(
        (&good["good"], &good["problems"]),
        (&json!(true), &json!([]))
    );

    let due = "\"due\": \"3 business days\"";
    let clock = policy().replacen(due, "\"due\": \"10 days\"", 1);
    program.write("clock.json", &clock);
    let line = 1 + clock[..clock.find("10 days").unwrap()]
        .matches('\n')
        .count();
    let err = program.run(&["workflow", "check", "clock.json"]).bad(1);
    let place = format!("clock.json:{line}:16 /stages/0/sla/due: ");
    assert!(
        err.contains(&place) && err.contains("\"3 business days\""),
        "{err}"
    );

    program.write(
        "typo.json",
        policy().replacen("'special_category'", "'special'", 1),
    );
    let err = program.run(&["workflow", "publish", "typo.json"]).bad(1);
    assert!(
        err.contains("/derive/0/cases/2/when: ") && err.contains("special_category"),
        "{err}"
    );
    let answer = program.run(&["workflow", "check", "typo.json", "--json"]);
    assert_eq!(answer.code, 1);
    assert_eq!(
        report(answer)["problems"][0]["place"],
        "/derive/0/cases/2/when"
    );

    program.write("half.json", &policy()[..500]);
    let err = program.run(&["workflow", "check", "half.json"]).bad(1);
    assert!(err.starts_with("half.json:"), "{err}");
    program.write("latin.json", b"{\"title\":\"\xfc\"}");
    assert!(
        program
            .run(&["workflow", "check", "latin.json"])
            .bad(2)
            .contains("latin.json")
    );
    assert!(
        program
            .run(&["workflow", "check", "none.json"])
            .bad(2)
            .contains("none.json")
    );
    assert_eq!(entries(&program.log()), Vec::<Value>::new());
}

#[test]
fn a_workflow_is_tried_out_and_drawn_on_the_command_line() {
    let (_folder, url) = support::database::fresh_sqlite();
    let program = Program::on(url);
    program.write("policy.json", policy());
    let table = program
        .run(&["workflow", "check", "policy.json", "--routes"])
        .good();
    for words in [
        "0 errors in conditions",
        "council [prohibited]",
        "risk low (/derive/0/otherwise)",
    ] {
        assert!(table.contains(words), "{words:?} should stand in:\n{table}");
    }
    let answer = program.run(&["workflow", "check", "policy.json", "--routes", "--json"]);
    let run = &report(answer)["dry_run"];
    assert_eq!(
        (&run["complete"], &run["unreached"]),
        (&json!(true), &json!([]))
    );

    let unseen = policy().replacen(" || stages.legal_security.timed_out", "", 1);
    program.write("unseen.json", unseen);
    let err = program.run(&["workflow", "check", "unseen.json"]).bad(1);
    assert!(
        err.contains("/stages/3/sla/on_timeout: ") && err.contains("For example {"),
        "{err}"
    );
    let spare = policy().replacen("\"due\": \"P30D\",", "", 1);
    let spare = spare.replacen("\"on_missed\": \"suspend\"", "\"on_missed\": \"notify\"", 1);
    let spare = spare.replacen(
        ",\n    \"escalate_to\": [{\"role\": \"governance_admin\"}]",
        "",
        1,
    );
    program.write("spare.json", spare);
    let warned = program.run(&["workflow", "check", "spare.json", "--json"]);
    assert_eq!(warned.code, 0, "a warning stops nothing");
    assert_eq!(report(warned)["problems"][0]["severity"], "warning");

    let picture = program.run(&["workflow", "diagram", "policy.json"]).good();
    assert!(picture.starts_with("<svg ") && picture.contains("4. Legal and"));
    program
        .run(&["workflow", "diagram", "policy.json", "--out", "p.svg"])
        .good();
    let err = program.run(&["workflow", "diagram", "unseen.json", "--out", "no/p.svg"]);
    assert!(err.bad(2).contains("no/p.svg"));
    let err = program
        .run(&["workflow", "diagram", "clockless.json"])
        .bad(2);
    assert!(err.contains("clockless.json"), "{err}");
}

fn a_workflow_is_published_once_and_its_change_is_proposed(program: Program) {
    program.write("policy.json", policy());
    let publish = || program.run(&["workflow", "publish", "policy.json"]).good();
    assert!(publish().starts_with("ai_use_case: version 1 is in force, sha256 "));
    assert!(publish().starts_with("ai_use_case: version 1 is in force, sha256 "));
    assert_eq!(entries(&program.log()).len(), 1);
    program.write(
        "policy.json",
        policy().replace("AI use case: default policy", "Our policy"),
    );
    let said = publish();
    assert!(said.starts_with("ai_use_case: proposed as a change of version 1, sha256 "));
    let link = said
        .lines()
        .nth(1)
        .expect("where a second person publishes it");
    assert!(link.contains("/workflows/ai_use_case/drafts/"), "{link}");
    assert_eq!(publish(), said, "what waits is not proposed twice");
    let simulated = program
        .run(&["workflow", "simulate", "policy.json", "--last", "5"])
        .good();
    assert!(simulated.starts_with("0 reviews\n"), "{simulated}");
    let log = entries(&program.log());
    assert_eq!(log.len(), 2);
    assert_eq!(log[1]["kind"], "workflow.proposed");
    assert_ne!(
        log[0]["subject"]["workflow_hash"],
        log[1]["subject"]["workflow_hash"]
    );
}

fn people_are_added_once_and_wrong_fields_are_named(program: Program) {
    let add = |email: &str, name: &str, more: &[&str]| {
        program.run(&[&["people", "add", "--email", email, "--name", name], more].concat())
    };
    assert!(add("ann", "Ann", &[]).bad(2).contains("email: "));
    assert!(
        add("a@b.org\r\nBcc: x@y.org", "Ann", &[])
            .bad(2)
            .contains("email: ")
    );
    assert!(add("ann@example.org", " ", &[]).bad(2).contains("name: "));
    assert!(
        add("ann@example.org", "Ann", &["--role", "Legal!"])
            .bad(2)
            .contains("role: ")
    );
    assert!(
        add("ann@example.org", "Ann", &["--group", ""])
            .bad(2)
            .contains("group: ")
    );
    assert_eq!(
        entries(&program.log()),
        Vec::<Value>::new(),
        "nothing half-written"
    );

    let said = add("Ann@Example.org", "Ann Lee", &["--role", "legal"]).good();
    assert!(said.contains("is in the directory"), "{said}");
    let said = add("ann@example.org", "Ann Lee", &["--role", "legal"]).good();
    assert!(said.contains("was there already, unchanged"), "{said}");
    add("ann@example.org", "Ann Lee", &["--group", "ai_council"]).good();
    assert_eq!(entries(&program.log()).len(), 3);
    let listed = program.run(&["people", "list"]).good();
    assert_eq!(listed, "Ann Lee <ann@example.org>  legal, ai_council\n");
    let listed = program.run(&["people", "list", "--json"]).good();
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed["roles"], json!(["legal"]));
    assert_eq!(listed["groups"], json!(["ai_council"]));
    assert!(
        !program.log().contains("Ann Lee"),
        "names stay out of the log's entries"
    );
}

fn people_get_managers_lose_roles_leave_and_return(program: Program) {
    program.add_person("bo@example.org", "Bo Berg", &["administrator"], &[]);
    program.add_person(
        "ann@example.org",
        "Ann Lee",
        &["legal", "security"],
        &["ai_council"],
    );
    let people = |arguments: &[&str]| program.run(&[&["people"], arguments].concat());
    let ann = ["--email", "ann@example.org"];
    let with = |verb: &'static str, more: &[&str]| people(&[&[verb][..], &ann, more].concat());
    let manager = ["--name", "Ann Lee", "--manager", "bo@example.org"];
    assert!(with("add", &manager).good().contains("is in the directory"));
    assert!(with("add", &manager).good().contains("unchanged"));
    let own = ["--name", "Ann Lee", "--manager", "ann@example.org"];
    assert!(
        with("add", &own)
            .bad(2)
            .contains("manager: nobody is their own manager")
    );
    let nobody = ["--name", "Ann Lee", "--manager", "cy@example.org"];
    assert!(
        with("add", &nobody)
            .bad(2)
            .contains("no person cy@example.org")
    );

    let takes = ["--role", "legal", "--group", "ai_council"];
    assert!(with("take", &takes).good().contains("no longer holds that"));
    assert!(with("take", &takes).good().contains("unchanged"));
    let listed = people(&["list", "--json"]).good();
    let row: Value = serde_json::from_str(listed.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&row["roles"], &row["groups"]),
        (&json!(["security"]), &json!([]))
    );
    assert_eq!(
        (&row["manager"], &row["active"]),
        (&json!("bo@example.org"), &json!(true))
    );

    assert!(with("return", &[]).bad(2).contains("has not left"));
    assert_eq!(
        with("leave", &["--reason", "End of contract"]).good(),
        "Ann Lee <ann@example.org> left\n"
    );
    assert!(with("leave", &[]).bad(2).contains("Ann Lee left"));
    let more = ["--name", "Ann Lee", "--role", "legal"];
    assert!(with("add", &more).bad(2).contains("Ann Lee left"));
    assert!(
        people(&["list"])
            .good()
            .contains("Ann Lee <ann@example.org>  security  (left)")
    );
    assert!(with("return", &[]).good().contains("is back"));
    assert!(
        with("take", &["--manager"])
            .good()
            .contains("no longer holds that")
    );
    let last = people(&["leave", "--email", "bo@example.org"]).bad(2);
    assert!(last.contains("Bo Berg is the only administrator"), "{last}");
    assert!(
        people(&["leave", "--email", "cy@example.org"])
            .bad(2)
            .contains("no person")
    );
    let log = program.log();
    assert!(
        !log.contains("End of contract"),
        "reasons stay out of the log's entries"
    );
    let kinds: Vec<Value> = entries(&log)
        .into_iter()
        .map(|e| e["kind"].clone())
        .collect();
    let tail = [
        "role.taken",
        "group.left",
        "person.left",
        "person.returned",
        "manager.set",
    ];
    assert_eq!(kinds[kinds.len() - 5..], tail.map(|kind| json!(kind)));
}

fn tokens_are_made_for_people_who_exist_and_rights_that_exist(program: Program) {
    program.add_person("ann@example.org", "Ann Lee", &[], &[]);
    let create = |person: &str, scope: &str, more: &[&str]| {
        let arguments = ["token", "create", "--person", person, "--scope", scope];
        program.run(&[&arguments, more].concat())
    };
    assert!(
        create("bo@example.org", "read", &[])
            .bad(2)
            .contains("no person bo@example.org")
    );
    let odd = create("ann@example.org", "read,all", &[]).bad(2);
    assert!(
        odd.contains("no scope all") && odd.contains("read, write, decide, log"),
        "{odd}"
    );
    assert!(
        create("ann@example.org", "read", &["--days", "0"])
            .bad(2)
            .contains("--days")
    );
    assert!(
        create("ann@example.org", "read", &["--days", "367"])
            .bad(2)
            .contains("--days")
    );
    assert_eq!(entries(&program.log()).len(), 1);

    let made = create("ann@example.org", "read,log", &["--days", "30"]);
    assert!(made.err.contains("not shown again"), "{}", made.err);
    let token = made.good();
    assert!(
        token.starts_with("csn_") && token.trim().len() > 40,
        "{token}"
    );
    let log = program.log();
    assert!(!log.contains(token.trim()), "the log has no secret");
    assert_eq!(entries(&log)[1]["data"]["scopes"], json!(["read", "log"]));
}

#[test]
fn every_command_explains_itself_with_an_example() {
    let (_folder, url) = support::database::fresh_sqlite();
    let program = Program::on(url);
    let mut open: Vec<Vec<String>> = vec![Vec::new()];
    let mut leaves = 0;
    while let Some(command) = open.pop() {
        let mut arguments: Vec<&str> = command.iter().map(String::as_str).collect();
        arguments.push("--help");
        let help = program.run(&arguments).good();
        let Some((_, list)) = help.split_once("\nCommands:\n") else {
            let example = format!("Example: countersign {}", command.join(" "));
            let with_settings = help.contains(&format!(" countersign {}", command.join(" ")));
            assert!(
                help.contains(&example) || help.contains("Example: COUNTERSIGN_"),
                "{help}"
            );
            assert!(with_settings, "the example of {command:?} shows it: {help}");
            leaves += 1;
            continue;
        };
        let list = list.split("\n\n").next().unwrap();
        for name in list
            .lines()
            .filter_map(|line| line.split_whitespace().next())
        {
            if name != "help" {
                open.push([command.clone(), vec![name.to_owned()]].concat());
            }
        }
    }
    assert!(leaves >= 10, "{leaves} commands were seen");
}

#[test]
fn a_command_that_does_not_exist_is_refused_and_nothing_is_opened() {
    let (folder, url) = support::database::fresh_sqlite();
    let program = Program::on(url);
    for arguments in [
        &[][..],
        &["frobnicate"],
        &["people"],
        &["people", "remove"],
        &["verify"],
    ] {
        let answer = program.run(arguments);
        assert_eq!(answer.code, 2, "{arguments:?}");
        assert!(answer.err.contains("Usage: countersign"), "{}", answer.err);
    }
    assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none());
    let version = program.run(&["--version"]).good();
    assert_eq!(
        version,
        format!("countersign {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn a_wrong_setting_is_named_with_what_would_be_right() {
    let (_folder, url) = support::database::fresh_sqlite();
    let program = Program::on(url);
    for (setting, value, right) in [
        ("COUNTERSIGN_DATABASE_URL", "mysql://x", "postgres://"),
        ("COUNTERSIGN_DATABASE_URL", "", "sqlite:PATH"),
        ("COUNTERSIGN_PUBLIC_URL", "register.example", "http://"),
        ("COUNTERSIGN_TIME_ZONE", "Mars/Olympus", "Europe/Berlin"),
        ("COUNTERSIGN_READERS", "0", "at least 1"),
        ("COUNTERSIGN_READERS", "many", "whole number"),
        ("COUNTERSIGN_LOG_FORMAT", "xml", "text or json"),
        (
            "COUNTERSIGN_SMTP_URL_FILE",
            "/no/such/file",
            "/no/such/file",
        ),
        (
            "COUNTERSIGN_DATABSE_URL",
            "sqlite:x",
            "COUNTERSIGN_DATABASE_URL",
        ),
        ("COUNTERSIGN_COLOUR_FILE", "/dev/null", "no setting"),
    ] {
        let err = program
            .with(&[(setting, value)], &["people", "list"])
            .bad(2);
        assert!(
            err.contains(setting) && err.contains(right),
            "{setting}={value}: {err}"
        );
    }
    for (setting, value, right) in [
        ("COUNTERSIGN_MAIL_FROM", "nobody", "an address"),
        ("COUNTERSIGN_SMTP_URL", "ftp://x", "smtp://"),
        ("COUNTERSIGN_LISTEN", "everywhere", "--listen"),
    ] {
        let answer = program.with(&[(setting, value)], &["serve"]);
        assert_eq!(answer.out, "", "it does not claim to serve");
        let err = answer.bad(2);
        assert!(
            err.contains(value) || err.contains(setting),
            "{setting}: {err}"
        );
        assert!(err.contains(right), "{setting}: {err}");
    }
}

#[test]
fn a_wrong_line_of_the_settings_file_is_named() {
    let (_folder, url) = support::database::fresh_sqlite();
    let program = Program::on(url);
    for (text, told) in [
        ("colour = \"red\"", "colour"),
        ("readers = \"many\"", "readers"),
        ("organisation = 7", "organisation"),
        ("time_zone = \"Mars\"", "time_zone"),
        ("readers = ", "line 1"),
    ] {
        program.write("countersign.toml", text);
        let err = program.run(&["people", "list"]).bad(2);
        assert!(
            err.contains("countersign.toml") && err.contains(told),
            "{text}: {err}"
        );
        assert!(
            !err.contains("figment") && !err.contains("expected u32"),
            "{err}"
        );
    }
}

#[test]
fn settings_come_from_the_environment_over_files_over_the_settings_file() {
    let (_folder, url) = support::database::fresh_sqlite();
    let program = Program::on(url);
    let secret = Path::new(&program.url).to_owned();
    program.write("secret", format!("{}\n", secret.display()));
    program.write("countersign.toml", "readers = 2\ntime_zone = \"Mars\"\n");
    let file = program.path("secret").display().to_string();
    let settings = [
        ("COUNTERSIGN_TIME_ZONE", "Europe/Berlin"),
        ("COUNTERSIGN_ORGANISATION", "42"),
    ];
    program.with(&settings, &["people", "list"]).good();
    let both = [
        ("COUNTERSIGN_TIME_ZONE", "UTC"),
        ("COUNTERSIGN_DATABASE_URL_FILE", &file),
    ];
    let err = program.with(&both, &["people", "list"]).bad(2);
    assert!(
        err.contains("COUNTERSIGN_DATABASE_URL_FILE") && err.contains("both"),
        "{err}"
    );
    program.write("countersign.toml", "database_url = \"mysql://x\"");
    program
        .with(&[("COUNTERSIGN_READERS_FILE", &file)], &["people", "list"])
        .bad(2);
    program.run(&["people", "list"]).good();
}

#[test]
fn a_database_out_of_reach_is_told_in_words() {
    let program = Program::on("postgres://nobody@127.0.0.1:1/nothing".to_owned());
    let err = program.run(&["people", "list"]).bad(2);
    assert!(err.contains("cannot open the PostgreSQL database"), "{err}");
    let program = Program::on("sqlite:/proc/none/countersign.sqlite".to_owned());
    let err = program.run(&["people", "list"]).bad(2);
    assert!(err.contains("/proc/none"), "{err}");
}

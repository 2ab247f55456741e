//! The decision log for those who read it elsewhere: workbooks, events for what watches security,
//! files over the API, and a summary to print.

mod support;

use actix_web::http::StatusCode;
use countersign::db::At;
use countersign::ledger::csv::Cell;
use countersign::ledger::entry::Entry;
use countersign::ledger::tree::leaf_hash;
use countersign::ledger::views::xlsx::Book;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::path::Path;
use std::process::Command;
use support::house::House;
use support::http::{Response, send};
use support::on_both;
use support::program::Program;
use support::register::{seat, stage, workflow};

mod programs {
    use super::*;

    on_both! { now crate::Program::on =>
        every_format_is_taken_over_the_api_and_stands_in_the_log
        what_cannot_be_exported_is_refused_as_a_problem
        a_workbook_has_the_rows_of_the_csv_and_says_what_it_is
        what_watches_security_gets_no_name_and_can_check_every_event
    }
}

mod pages {
    use super::*;

    on_both! { now crate::House::open =>
        a_summary_counts_what_the_log_shows
        a_summary_says_how_many_decisions_it_leaves_out
        a_summary_is_for_those_who_read_the_log
    }
}

/// The sheets of a workbook: name and rows.
fn sheets(path: &Path) -> Vec<(String, Vec<Vec<Value>>)> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/workbook.py");
    let read = Command::new("python3").arg(script).arg(path).output();
    let read = read.expect("python3 runs");
    let complaint = String::from_utf8_lossy(&read.stderr);
    assert!(read.status.success(), "{complaint}");
    serde_json::from_slice(&read.stdout).expect("JSON")
}

fn made() -> jiff::Timestamp {
    "2026-11-23T10:00:00Z".parse().expect("a time")
}

fn workbook(book: Book, folder: &Path) -> Vec<(String, Vec<Vec<Value>>)> {
    let path = folder.join("book.xlsx");
    let file = std::fs::File::create(&path).expect("a file");
    let about = [("Filter".to_owned(), "=none".to_owned())];
    book.finish(&about, made(), file).expect("it is written");
    sheets(&path)
}

#[test]
fn hostile_text_stays_text_in_a_workbook() {
    let folder = tempfile::tempdir().expect("a folder");
    let long = "x".repeat(40_000);
    let emoji = "\u{1F600}".repeat(20_000);
    let hostile = [
        "=cmd|' /C calc'!A0",
        "+1+1",
        "-2",
        "@SUM(A1)",
        "\t=1",
        "\r\n=1",
        "\u{0}\u{1}\u{8}\u{b}\u{1f}",
        "_x0041_",
        "</t></is></c><c><f>1+1</f></c>",
        "\u{1F600} \u{202E}desrever\u{202C} العربية",
        "\u{FFFE}\u{FFFF}",
        "  spaces  ",
        "https://example.org",
        "1e5",
        "",
        &long,
        &emoji,
    ];
    let mut book = Book::new(folder.path(), &["seq", "text"]).expect("a book");
    for (seq, text) in (0..).zip(hostile) {
        let row = [Cell::Integer(seq), Cell::from(text)];
        book.row(&row).expect("a row");
    }
    let sheets = workbook(book, folder.path());
    let (name, rows) = &sheets[1];
    assert_eq!((name.as_str(), rows.len()), ("Entries", hostile.len() + 1));
    assert_eq!(rows[0], [json!("seq"), json!("text")]);
    for (text, row) in hostile.iter().zip(&rows[1..]) {
        let cell = row.get(1).and_then(Value::as_str).unwrap_or_default();
        let units = cell.encode_utf16().count();
        match text.len() {
            40_000.. => {
                let (begin, _) = cell.split_once(" … [cut").expect("that it was cut");
                assert!(text.starts_with(begin) && units <= 32_767 && units > 32_700);
            }
            // XML takes a line break however it was written.
            _ => assert_eq!(cell.replace('\r', ""), text.replace('\r', "")),
        }
    }
    assert_eq!(sheets[0].1, [[json!("Filter"), json!("=none")]]);
}

#[test]
fn rows_that_a_sheet_cannot_hold_go_on_the_next() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut book = Book::with_sheets_of(4, folder.path(), &["seq"]).expect("a book");
    for seq in 0..7 {
        book.row(&[Cell::Integer(seq)]).expect("a row");
    }
    let sheets = workbook(book, folder.path());
    let names: Vec<&str> = sheets.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["About", "Entries", "Entries 2", "Entries 3"]);
    let numbers: Vec<f64> = sheets[1..]
        .iter()
        .flat_map(|(_, rows)| {
            assert_eq!(rows[0], [json!("seq")], "each sheet names its columns");
            rows[1..].iter().filter_map(|row| row[0].as_f64())
        })
        .collect();
    assert_eq!(numbers, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
}

#[test]
fn the_same_rows_give_the_same_workbook() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = || {
        let mut book = Book::new(folder.path(), &["text"]).expect("a book");
        book.row(&["one".into()]).expect("a row");
        let mut bytes = Vec::new();
        book.finish(&[], made(), &mut bytes).expect("it is written");
        bytes
    };
    let first = write();
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    assert!(first == write());
}

const REGISTER: &str = "Name,Dept.\nOne,Claims\n\"=cmd|' /C calc'!A0\",Claims\n";

/// Ann, who reads the log, Bo with a name that is a formula, and the policy.
fn with_a_log(program: &Program) -> String {
    program.add_person("ann@example.org", "Ann Lee", &["auditor"], &[]);
    program.add_person("bo@example.org", "=Bo", &[], &[]);
    program.publish_policy();
    program.token("ann@example.org", "log")
}

/// The entries of the log, with those that it was taken away.
fn entries(log: &str) -> Vec<Value> {
    let lines = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    lines
        .filter_map(|line| serde_json::from_str(line["entry"].as_str()?).ok())
        .collect()
}

fn take(address: &str, token: &str, wish: &Value) -> Response {
    let bearer = format!("Bearer {token}");
    let headers = [
        ("Content-Type", "application/json"),
        ("Authorization", bearer.as_str()),
    ];
    let body = wish.to_string();
    send(
        address,
        "POST",
        "/api/v1/exports",
        &headers,
        body.as_bytes(),
    )
}

fn every_format_is_taken_over_the_api_and_stands_in_the_log(program: Program) {
    let token = with_a_log(&program);
    let server = program.serve(&[]);
    let formats = ["csv", "xlsx", "jsonl", "package", "ocsf", "cef"];
    let mut taken = Vec::new();
    for format in formats {
        let wish = json!({ "format": format, "person": "bo@example.org" });
        let answer = take(&server.address, &token, &wish);
        assert_eq!(answer.status, 200, "{format}: {}", answer.text());
        let length = answer.header("content-length").expect("its length");
        assert_eq!(length, answer.body.len().to_string(), "{format}");
        let name = answer.header("content-disposition").expect("a name");
        assert!(
            name.starts_with("attachment; filename=\"decisions."),
            "{name}"
        );
        taken.push(hex::encode(Sha256::digest(&answer.body)));
    }
    let all = entries(&program.log());
    let exported = all.iter().filter(|entry| entry["kind"] == "log.exported");
    let exported: Vec<&Value> = exported.collect();
    assert_eq!(exported.len(), formats.len());
    for ((entry, format), digest) in exported.iter().zip(formats).zip(&taken) {
        assert_eq!(entry["subject"]["digest"], digest.as_str(), "{format}");
        assert_eq!(entry["data"]["format"], format);
        assert_eq!(entry["data"]["count"], 1, "{format}");
        assert_eq!(entry["via"]["method"], "api_token");
        assert!(entry["data"]["filter"]["person"].is_string());
    }
    let whole = take(&server.address, &token, &json!({ "format": "package" }));
    program.write("log.zip", &whole.body);
    program.run(&["verify", "log.zip"]).good();
}

fn what_cannot_be_exported_is_refused_as_a_problem(program: Program) {
    let token = with_a_log(&program);
    let other = program.token("ann@example.org", "read");
    let server = program.serve(&[]);
    let before = entries(&program.log()).len();
    for (wish, status, word) in [
        (json!({ "format": "pdf" }), 400, "xlsx"),
        (json!({ "form": "csv" }), 400, "form"),
        (json!({ "format": "csv", "from": "yesterday" }), 400, "from"),
        (json!({ "format": "csv", "state": true }), 400, "state"),
        (
            json!({ "format": "csv", "person": "no@example.org" }),
            404,
            "person",
        ),
        (
            json!({ "format": "csv", "record": "AI-1999-0001" }),
            404,
            "record",
        ),
    ] {
        let problem = take(&server.address, &token, &wish);
        assert_eq!(
            problem.header("content-type"),
            Some("application/problem+json")
        );
        let problem = problem.expect(status);
        let detail = problem["detail"].as_str().unwrap_or_default();
        assert!(detail.contains(word), "{wish}: {problem}");
    }
    let all = json!({ "format": "csv" });
    take(&server.address, &other, &all).expect(403);
    take(&server.address, "cs_none", &all).expect(401);
    // The first look was itself an export.
    assert_eq!(entries(&program.log()).len(), before + 1);
}

fn export(program: &Program, format: &str, name: &str) {
    let arguments = ["export", "decisions", "--format", format, "--out", name];
    program
        .run(&[&arguments[..], &["--to", "2999-12-31"]].concat())
        .good();
}

fn a_workbook_has_the_rows_of_the_csv_and_says_what_it_is(program: Program) {
    with_a_log(&program);
    program.write("register.csv", REGISTER);
    export(&program, "xlsx", "log.xlsx");
    export(&program, "csv", "log.csv");
    let sheets = sheets(&program.path("log.xlsx"));
    let csv = program.read("log.csv");
    let mut csv = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(csv.as_bytes());
    let csv: Vec<Vec<String>> = csv
        .records()
        .map(|row| row.expect("a row").iter().map(str::to_owned).collect())
        .collect();
    let (name, rows) = &sheets[1];
    assert_eq!(name, "Entries");
    assert_eq!(
        rows.len() + 1,
        csv.len(),
        "that the workbook was taken is one row more"
    );
    for (row, line) in rows.iter().zip(&csv) {
        for (place, text) in line.iter().enumerate() {
            let cell = match row.get(place) {
                Some(Value::Number(number)) => number.as_f64().unwrap_or(0.0).to_string(),
                Some(Value::String(text)) => text.clone(),
                _ => String::new(),
            };
            // Only the CSV needs the apostrophe.
            assert!(
                cell == *text || format!("'{cell}") == *text,
                "{cell:?} {text:?}"
            );
        }
    }
    assert!(rows.iter().any(|row| row.contains(&json!("=Bo"))));
    let about: Vec<(&str, &str)> = sheets[0]
        .1
        .iter()
        .filter_map(|row| Some((row[0].as_str()?, row[1].as_str()?)))
        .collect();
    let says = |name: &str| {
        about
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, text)| *text)
    };
    assert_eq!(
        says("Entries here"),
        Some((rows.len() - 1).to_string().as_str())
    );
    assert_eq!(says("Filter"), Some("to: 3000-01-01T00:00:00.000000Z"));
    assert_eq!(
        says("Newest signed checkpoint"),
        Some("none: the log is not signed")
    );
    assert!(says("How to verify").is_some_and(|text| text.contains("countersign verify")));
    assert!(says("Root over all of it").is_some_and(|root| root.len() == 64));
}

fn what_watches_security_gets_no_name_and_can_check_every_event(program: Program) {
    with_a_log(&program);
    let log = program.log();
    let count = entries(&log).len();
    export(&program, "ocsf", "log.ocsf");
    export(&program, "cef", "log.cef");
    let (ocsf, cef) = (program.read("log.ocsf"), program.read("log.cef"));
    for name in ["Ann", "Bo", "example.org"] {
        assert!(!ocsf.contains(name) && !cef.contains(name), "{name}");
    }
    let events: Vec<Value> = ocsf
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(events.len(), count + 1, "and that the log was taken before");
    for (seq, event) in events.iter().enumerate() {
        let raw = event["raw_data"].as_str().expect("the entry");
        let entry = Entry::parse(raw.as_bytes()).expect("an entry");
        assert_eq!((entry.seq, &event["class_uid"]), (seq as u64, &json!(3004)));
        assert_eq!(
            event["unmapped"]["leaf_hash"],
            leaf_hash(raw.as_bytes()).to_string()
        );
        assert_eq!(event["time"], At(entry.at).0.as_millisecond());
    }
    let lines: Vec<&str> = cef.lines().collect();
    assert_eq!(lines.len(), count + 2);
    for (line, event) in lines.iter().zip(&events) {
        assert!(line.starts_with("CEF:0|Countersign|Countersign|"), "{line}");
        let leaf = event["unmapped"]["leaf_hash"].as_str().expect("a hash");
        assert!(line.contains(&format!(" cs1={leaf}")), "{line}");
    }
}

fn a_summary_counts_what_the_log_shows(house: House) {
    let stages = [stage("look", &[], &[seat("reviewer", 1)])];
    house.register.publish(&workflow(&stages));
    let case = house.register.submitted_by("tomas", json!({}));
    house
        .register
        .as_reviewer("mei")
        .because("Sound <b>")
        .approve(&case);
    let all = house.get("audra", "/log/summary");
    assert_eq!(all.status, StatusCode::OK);
    let size = house.register.ledger_size();
    for told in [
        format!("{size}, the whole log"),
        "Decision recorded".to_owned(),
        "Sound &lt;b&gt;".to_owned(),
        "The log is not signed.".to_owned(),
        "All of them are listed".to_owned(),
    ] {
        assert!(all.body.contains(&told), "{told}: {}", all.body);
    }
    assert_eq!(
        house.register.ledger_size(),
        size,
        "looking changes nothing"
    );
    let whole = countersign::ledger::Filter::default();
    assert_eq!(
        house.app.counted.size(&whole),
        size,
        "what was counted is kept"
    );
    house.register.submitted_by("tomas", json!({}));
    let (grown, before) = (house.register.ledger_size(), size);
    assert!(grown > before);
    let size = grown;
    let told = format!("{grown}, the whole log");
    let page = house.get("audra", "/log/summary").body;
    assert!(page.contains(&told), "what came since is added: {page}");
    let part = house.get("audra", "/log/summary?stage=look&person=");
    assert!(part.body.contains(&format!("that match, of {size}")));
    let none = house.get("audra", "/log/summary?from=2999-01-01");
    assert!(none.body.contains("0 that match") && none.body.contains("<p>None.</p>"));
    let log = house.get("audra", "/log?stage=look").body;
    assert!(
        log.contains("/log/summary?stage&#x3D;look") || log.contains("/log/summary?stage=look")
    );
    for wrong in ["from=yesterday", "person=no%40example.org", "record=AI-1"] {
        let answer = house.get("audra", &format!("/log/summary?{wrong}"));
        assert!(answer.status.is_client_error(), "{wrong}");
    }
}

fn a_summary_says_how_many_decisions_it_leaves_out(house: House) {
    use countersign::ledger::{self, Note, summary::LISTED_MAX};
    let mei = support::register::in_session(house.register.person("mei"));
    let now = support::register::first_day();
    house.register.does(move |tx, _| {
        for _ in 0..LISTED_MAX + 3 {
            let note = Note::new("decision.recorded", &mei).outcome("approve");
            ledger::append(tx, now, note)?;
        }
        Ok(())
    });
    let page = house.get("audra", "/log/summary").body;
    assert!(page.contains("3 older decisions not shown"), "{page}");
    assert_eq!(
        page.matches("<td class=\"who\">").count(),
        LISTED_MAX as usize
    );
    assert!(
        page.contains("<th scope=\"row\">Approved</th><td class=\"num\">203</td>"),
        "{page}"
    );
    // Decisions of no review fit no register, which looks at itself when it goes.
    std::mem::forget(house.register);
}

fn a_summary_is_for_those_who_read_the_log(house: House) {
    let answer = house.get("tomas", "/log/summary");
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let away = house.get("tomas", "/log/exports");
    assert!(away.status.is_client_error());
}

//! What keeps history as it is, played by somebody with the database's password, and how
//! `countersign doctor` tells what they did.

mod support;

use countersign::db::Conn;
use countersign::error::Error;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::{PgConnection, SqliteConnection};
use serde_json::{Value, json};
use support::database::{Roles, fresh_postgres, fresh_sqlite};
use support::on_both;
use support::program::{Answer, Program};
use support::register::{Case, Register, operator};

on_both! { now crate::support::register::Register::open =>
    each_way_of_tampering_is_refused_by_name
}

/// What the database answers to raw SQL; nothing when it let it through. Nothing is kept.
fn refusal(register: &Register, sql: &str) -> Option<String> {
    let sql = sql.to_owned();
    let done: Result<(), Error> = register.db.upkeep_now(move |tx| {
        (**tx).batch_execute(&sql)?;
        Err(Error::DryRun)
    });
    match done {
        Err(Error::DryRun) => None,
        Err(Error::Database(error)) => Some(error.to_string()),
        other => panic!("{other:?}"),
    }
}

/// A use case with a conditional approval, so that every table of history has rows.
fn with_history(register: &Register) -> Case {
    let case = register.submitted_by("tomas", json!({}));
    let dana = register.as_reviewer("dana");
    dana.approve_if(&case, &[("Tell the works council.", "2027-06-01")]);
    let calendar = include_str!("../templates/calendars/head_office.json");
    let calendar: Value = serde_json::from_str(calendar).expect("a calendar");
    register.does(move |tx, desk| {
        countersign::calendar::keep(tx, desk.clock.now(), &operator(), &calendar).map(drop)
    });
    let sealed = "INSERT INTO ledger_checkpoints VALUES ('o', 1, 'note', '2027-01-01');
        INSERT INTO ledger_cosignatures VALUES ('o', 1, 'w', 'line', '2027-01-01');
        INSERT INTO ledger_stamps VALUES ('o', 1, 'answer', '2027-01-01');
        INSERT INTO ledger_keys VALUES ('key', 'o', 0, NULL)";
    let sealed = register
        .db
        .upkeep_now(move |tx| Ok((**tx).batch_execute(sealed)?));
    sealed.expect("a checkpoint");
    case
}

const FIXED: &[(&str, &str)] = &[
    (
        "UPDATE ledger_entries SET entry = entry",
        "the ledger is append-only",
    ),
    (
        "UPDATE ledger_entries SET seq = seq + 1000",
        "the ledger is append-only",
    ),
    (
        "DELETE FROM ledger_entries WHERE seq = (SELECT max(seq) FROM ledger_entries)",
        "the ledger is append-only",
    ),
    (
        "INSERT INTO ledger_entries SELECT seq + 2, entry FROM ledger_entries",
        "the ledger is append-only",
    ),
    (
        "UPDATE ledger_nodes SET hash = hash",
        "the ledger is append-only",
    ),
    ("DELETE FROM ledger_nodes", "the ledger is append-only"),
    (
        "UPDATE ledger_index SET outcome = 'reject'",
        "the ledger is append-only",
    ),
    ("DELETE FROM ledger_index", "the ledger is append-only"),
    (
        "UPDATE ledger_private SET value = 'x'",
        "a value beside the ledger never changes",
    ),
    (
        "UPDATE ledger_private SET salt = salt",
        "a value beside the ledger never changes",
    ),
    (
        "DELETE FROM ledger_private",
        "a value beside the ledger goes only by an erasure",
    ),
    (
        "INSERT INTO ledger_private SELECT 0, name || seq, salt, value FROM ledger_private",
        "a value beside the ledger comes with its entry",
    ),
    (
        "INSERT INTO erased_values SELECT seq, name, 0 FROM ledger_private",
        "an erasure has its entry",
    ),
    (
        "UPDATE decisions SET outcome = 'reject'",
        "a decision never changes",
    ),
    ("DELETE FROM decisions", "a decision never changes"),
    (
        "UPDATE revisions SET document = '{}'",
        "a revision never changes",
    ),
    (
        "UPDATE revisions SET redacted_seq = 0, redacted_digest = ''",
        "a revision never changes",
    ),
    ("DELETE FROM revisions", "a revision never changes"),
    (
        "UPDATE workflows SET text = '{}'",
        "a workflow version never changes",
    ),
    (
        "UPDATE workflows SET published_by = NULL",
        "a workflow version never changes",
    ),
    ("DELETE FROM workflows", "a workflow version never changes"),
    (
        "UPDATE calendars SET text = '{}'",
        "a calendar version never changes",
    ),
    ("DELETE FROM calendars", "a calendar version never changes"),
    (
        "UPDATE ledger_checkpoints SET note = 'x'",
        "a checkpoint never changes",
    ),
    (
        "DELETE FROM ledger_checkpoints",
        "a checkpoint never changes",
    ),
    (
        "UPDATE ledger_cosignatures SET line = 'x'",
        "a cosignature never changes",
    ),
    (
        "DELETE FROM ledger_cosignatures",
        "a cosignature never changes",
    ),
    (
        "UPDATE ledger_stamps SET answer = 'x'",
        "a time stamp never changes",
    ),
    ("DELETE FROM ledger_stamps", "a time stamp never changes"),
    ("UPDATE ledger_keys SET origin = 'x'", "a key never changes"),
    ("DELETE FROM ledger_keys", "a key never changes"),
    (
        "UPDATE conditions SET text = 'Nothing.'",
        "a condition never changes",
    ),
    (
        "UPDATE conditions SET due = NULL",
        "a condition never changes",
    ),
    ("DELETE FROM conditions", "a condition never"),
    (
        "UPDATE reviews SET workflow_version = 2",
        "a review keeps its record and workflow",
    ),
    ("DELETE FROM reviews", "a review "),
    ("UPDATE tasks SET epoch = 7", "a task stays with its person"),
    (
        "DELETE FROM tasks WHERE state = 'decided'",
        "a decided task never goes",
    ),
    (
        "UPDATE records SET reference = 'AI-2027-9999'",
        "a record keeps its reference",
    ),
    ("DELETE FROM records", "a record "),
    ("UPDATE people SET id = 'x'", "a person "),
    ("DELETE FROM people", "a person never goes"),
    (
        "UPDATE counters SET last = last - 1",
        "a reference is never given twice",
    ),
    ("DELETE FROM counters", "a reference is never given twice"),
];

/// REPLACE deletes without asking the triggers that guard against deletion.
const ON_SQLITE: &[(&str, &str)] = &[
    (
        "REPLACE INTO ledger_entries SELECT seq, entry FROM ledger_entries WHERE seq = 0",
        "the ledger is append-only",
    ),
    (
        "REPLACE INTO ledger_nodes SELECT idx, hash FROM ledger_nodes WHERE idx = 0",
        "the ledger is append-only",
    ),
    (
        "REPLACE INTO ledger_index SELECT * FROM ledger_index",
        "the ledger is append-only",
    ),
    (
        "REPLACE INTO ledger_private SELECT seq, name, salt, 'x' FROM ledger_private",
        "a value beside the ledger comes with its entry",
    ),
    (
        "UPDATE OR REPLACE ledger_nodes SET idx = 1 WHERE idx = 0",
        "the ledger is append-only",
    ),
    (
        "INSERT INTO ledger_nodes SELECT idx, hash FROM ledger_nodes WHERE true
         ON CONFLICT (idx) DO UPDATE SET hash = excluded.hash",
        "the ledger is append-only",
    ),
    (
        "REPLACE INTO decisions SELECT * FROM decisions",
        "a decision never changes",
    ),
    (
        "REPLACE INTO revisions SELECT * FROM revisions",
        "a revision never changes",
    ),
    (
        "REPLACE INTO workflows SELECT * FROM workflows",
        "a workflow version never changes",
    ),
    (
        "REPLACE INTO conditions SELECT * FROM conditions",
        "a condition never changes",
    ),
    (
        "REPLACE INTO reviews SELECT * FROM reviews",
        "a review never goes",
    ),
    (
        "REPLACE INTO tasks SELECT * FROM tasks WHERE state = 'decided'",
        "a task stays with its person",
    ),
    (
        "REPLACE INTO records SELECT * FROM records",
        "a record never goes",
    ),
    (
        "REPLACE INTO people SELECT * FROM people",
        "a person never goes",
    ),
    (
        "UPDATE OR REPLACE people SET email = 'dana@example.org' WHERE email LIKE 'tomas@%'",
        "a person never goes",
    ),
    (
        "REPLACE INTO counters SELECT name, 0 FROM counters",
        "a reference is never given twice",
    ),
];

const ON_POSTGRESQL: &[(&str, &str)] = &[
    ("TRUNCATE ledger_entries CASCADE", "append-only"),
    ("TRUNCATE ledger_nodes", "the ledger is append-only"),
    (
        "TRUNCATE ledger_private",
        "a value beside the ledger goes only by an erasure",
    ),
    ("TRUNCATE erased_values", "what was erased stays noted"),
    ("TRUNCATE decisions CASCADE", "a decision never changes"),
    ("TRUNCATE revisions", "a revision never changes"),
    ("TRUNCATE workflows CASCADE", "never"),
    ("TRUNCATE conditions", "a condition never goes"),
    ("TRUNCATE tasks CASCADE", "never"),
    ("TRUNCATE people CASCADE", "never"),
    ("TRUNCATE counters", "a reference is never given twice"),
    (
        "INSERT INTO ledger_entries SELECT * FROM ledger_entries
         ON CONFLICT (seq) DO UPDATE SET entry = excluded.entry",
        "the ledger is append-only",
    ),
    (
        "INSERT INTO ledger_private SELECT * FROM ledger_private
         ON CONFLICT (seq, name) DO UPDATE SET value = excluded.value",
        "a value beside the ledger never changes",
    ),
    // A table of the same name, found first, must not fool the functions.
    (
        "CREATE TEMP TABLE erased_values AS SELECT seq, name FROM ledger_private;
         DELETE FROM ledger_private",
        "a value beside the ledger goes only by an erasure",
    ),
];

fn each_way_of_tampering_is_refused_by_name(register: Register) {
    with_history(&register);
    let before = register.dump();
    let on_sqlite = register.reads(|conn| Ok(matches!(conn, Conn::Sqlite(_))));
    let own = if on_sqlite { ON_SQLITE } else { ON_POSTGRESQL };
    for (sql, name) in FIXED.iter().chain(own) {
        let told = refusal(&register, sql).unwrap_or_else(|| panic!("let through: {sql}"));
        assert!(told.contains(name), "{sql}: {told}");
    }
    if on_sqlite {
        for pragma in ["recursive_triggers = ON", "foreign_keys = OFF"] {
            a_stranger_is_refused_too(register.url(), pragma);
        }
    }
    assert_eq!(register.dump(), before);
}

/// Somebody who opens the file with another program, in whose connections other pragmas hold.
fn a_stranger_is_refused_too(url: &str, pragma: &str) {
    let path = url.strip_prefix("sqlite://").expect("a file");
    let mut stranger = SqliteConnection::establish(path).expect("the file opens");
    let pragma = format!("PRAGMA busy_timeout = 10000; PRAGMA {pragma}");
    stranger.batch_execute(&pragma).expect("the pragma is set");
    for (sql, name) in FIXED.iter().chain(ON_SQLITE) {
        let told = stranger.batch_execute(sql);
        let told = told.expect_err(sql).to_string();
        assert!(told.contains(name), "{pragma}: {sql}: {told}");
    }
}

fn looked_at(program: &Program, arguments: &[&str]) -> (i32, Value) {
    let Answer { code, out, err } = program.run(&[&["doctor", "--json"], arguments].concat());
    let report = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{err}"));
    (code, report)
}

fn finding<'a>(report: &'a Value, check: &str) -> &'a Value {
    let all = report["findings"].as_array().expect("findings");
    let one = all.iter().find(|found| found["check"] == check);
    one.unwrap_or_else(|| panic!("no {check} in {report}"))
}

fn details(finding: &Value) -> String {
    let all = finding["details"].as_array().into_iter().flatten();
    all.map(|line| line.as_str().unwrap_or_default().to_owned() + "\n")
        .collect()
}

#[test]
fn a_sound_installation_is_good_and_looking_changes_nothing() {
    let (_folder, url) = fresh_sqlite();
    let register = Register::open(url.clone());
    with_history(&register);
    let (before, program) = (register.dump(), Program::on(url));
    let (code, report) = looked_at(&program, &["--full"]);
    // The story plays in a year that this machine's clock has not reached.
    assert_eq!(code, 1, "{report}");
    assert!(details(finding(&report, "clock")).contains("the newest entry is dated 2027-03-01"));
    for check in [
        "database",
        "migrations",
        "triggers",
        "pragmas",
        "pages",
        "ledger",
        "disk",
    ] {
        assert_eq!(finding(&report, check)["verdict"], "good", "{report}");
    }
    assert_eq!(finding(&report, "mail")["verdict"], "advice");
    assert_eq!(register.dump(), before);

    let (_folder, url) = fresh_sqlite();
    let today = Program::on(url);
    today.add_person("ann@example.org", "Ann Lee", &["administrator"], &[]);
    let (code, report) = looked_at(&today, &["--full"]);
    assert_eq!((code, &report["verdict"]), (0, &json!("good")), "{report}");
    let text = today.run(&["doctor"]).good();
    assert!(text.contains("good     triggers: all "), "{text}");
}

#[test]
fn what_cannot_be_reached_is_not_called_wrong() {
    let (folder, _) = fresh_sqlite();
    let missing = folder.path().join("nothing.sqlite");
    let program = Program::on(format!("sqlite://{}", missing.display()));
    let (code, report) = looked_at(&program, &[]);
    assert_eq!((code, &report["verdict"]), (2, &json!("unknown")));
    let says = finding(&report, "database")["says"]
        .as_str()
        .unwrap_or_default();
    assert!(says.starts_with("there is no file "), "{says}");
    assert!(!missing.exists(), "looking made a file");
}

#[test]
fn each_deed_of_an_administrator_of_a_sqlite_file_is_named() {
    let deeds: [(&str, &str, &str); 7] = [
        (
            "DROP TRIGGER ledger_entries_no_update",
            "triggers",
            "the trigger ledger_entries_no_update on ledger_entries is missing",
        ),
        (
            "DROP TRIGGER decisions_no_delete;
             CREATE TRIGGER decisions_no_delete BEFORE DELETE ON decisions BEGIN SELECT 1; END",
            "triggers",
            "the trigger decisions_no_delete on decisions is altered",
        ),
        (
            "CREATE TRIGGER helper AFTER INSERT ON decisions
             BEGIN UPDATE reviews SET phase = 'approved'; END",
            "triggers",
            "the trigger helper on decisions is not from this program",
        ),
        (
            "DROP TRIGGER ledger_entries_no_update;
             UPDATE ledger_entries
             SET entry = CAST(replace(CAST(entry AS TEXT), 'approve', 'reject ') AS BLOB)
             WHERE seq = (SELECT max(seq) FROM decisions)",
            "ledger",
            "its text and node",
        ),
        (
            "DROP TRIGGER ledger_entries_no_delete; PRAGMA foreign_keys = OFF;
             DELETE FROM ledger_entries WHERE seq = 3",
            "ledger",
            "entries, not ",
        ),
        (
            "DROP TRIGGER ledger_private_erased_by_entry;
             DELETE FROM ledger_private WHERE name = 'reason'",
            "ledger",
            "its value `reason` is missing, and no erasure took it",
        ),
        (
            "DROP TRIGGER ledger_private_no_update;
             UPDATE ledger_private SET value = 'Never.' WHERE name = 'reason'",
            "ledger",
            "its value `reason` is not the one it promised",
        ),
    ];
    for (sql, check, told) in deeds {
        let (_folder, url) = fresh_sqlite();
        let register = Register::open(url.clone());
        with_history(&register);
        drop(register);
        let path = url.strip_prefix("sqlite://").expect("a file");
        let mut administrator = SqliteConnection::establish(path).expect("the file opens");
        let patient = "PRAGMA busy_timeout = 10000";
        administrator
            .batch_execute(patient)
            .expect("the pragma is set");
        administrator.batch_execute(sql).expect(sql);
        let (code, report) = looked_at(&Program::on(url), &["--full"]);
        assert_eq!((code, &report["verdict"]), (1, &json!("wrong")), "{sql}");
        let found = finding(&report, check);
        assert!(details(found).contains(told), "{sql}: {report}");
    }
}

#[test]
fn each_deed_of_an_administrator_of_postgresql_is_named() {
    let deeds: [(&str, &str); 7] = [
        (
            "DROP TRIGGER ledger_entries_fixed ON ledger_entries",
            "the trigger ledger_entries_fixed on ledger_entries is missing",
        ),
        (
            "ALTER TABLE decisions DISABLE TRIGGER decisions_fixed",
            "EXECUTE FUNCTION countersign_refuse('a decision never changes') disabled",
        ),
        (
            "ALTER TABLE decisions ENABLE TRIGGER decisions_fixed",
            "the trigger decisions_fixed on decisions is altered or off",
        ),
        (
            "CREATE OR REPLACE FUNCTION countersign_refuse() RETURNS trigger LANGUAGE plpgsql
             AS $$ BEGIN RETURN NEW; END $$",
            "the function countersign_refuse is altered",
        ),
        (
            "ALTER FUNCTION countersign_erased_by_entry() RESET search_path;
             ALTER FUNCTION countersign_erased_by_entry() SET search_path = pg_temp",
            "the function countersign_erased_by_entry is altered",
        ),
        (
            "CREATE RULE quiet AS ON INSERT TO refusals DO INSTEAD NOTHING",
            "the rule quiet on refusals is not from this program",
        ),
        (
            "ALTER TABLE ledger_private ENABLE ROW LEVEL SECURITY",
            "row policies are on for ledger_private",
        ),
    ];
    for (sql, told) in deeds {
        let (_schema, url) = fresh_postgres();
        let program = Program::on(url.clone());
        program.run(&["migrate"]).good();
        let (_, before) = looked_at(&program, &[]);
        assert_eq!(finding(&before, "triggers")["verdict"], "good", "{before}");
        let mut owner = PgConnection::establish(&url).expect("the server");
        owner.batch_execute(sql).expect(sql);
        let (code, report) = looked_at(&program, &[]);
        assert_eq!(code, 1);
        let found = details(finding(&report, "triggers"));
        assert!(found.contains(told), "{sql}: {found}");
    }
}

#[test]
fn the_program_works_with_the_rights_that_doctor_prints_and_cannot_tamper() {
    let (schema, url) = fresh_postgres();
    let roles = Roles::new(&schema);
    Program::on(url.clone()).run(&["migrate"]).good();
    let program = Program::on(roles.app_url(&url));
    let print = [
        "doctor",
        "--grants",
        "--owner",
        &roles.owner,
        "--role",
        &roles.app,
    ];
    let sql = program
        .run(&[&print[..], &["--schema", schema.name()]].concat())
        .good();
    let mut administrator = PgConnection::establish(&url).expect("the server");
    administrator.batch_execute(&sql).expect("the grants");

    let (_, report) = looked_at(&program, &["--full"]);
    for check in ["triggers", "grants", "ledger", "migrations"] {
        assert_eq!(finding(&report, check)["verdict"], "good", "{report}");
    }
    let register = Register::open(roles.app_url(&url));
    let case = with_history(&register);
    register.days_pass(1);
    register.withdraw(&case);
    for (sql, name) in FIXED.iter().chain(ON_POSTGRESQL) {
        let told = refusal(&register, sql).unwrap_or_else(|| panic!("let through: {sql}"));
        let denied = told.contains("permission denied") || told.contains(name);
        assert!(denied, "{sql}: {told}");
    }
    for sql in [
        "DROP TRIGGER ledger_entries_fixed ON ledger_entries",
        "ALTER TABLE ledger_entries DISABLE TRIGGER ALL",
        "CREATE RULE quiet AS ON DELETE TO ledger_entries DO INSTEAD NOTHING",
        "DROP TABLE ledger_private",
        "CREATE OR REPLACE FUNCTION countersign_refuse() RETURNS trigger LANGUAGE plpgsql
         AS $$ BEGIN RETURN NEW; END $$",
        "SET LOCAL session_replication_role = replica",
        "CREATE TABLE own (a int)",
    ] {
        let told = refusal(&register, sql).unwrap_or_else(|| panic!("let through: {sql}"));
        let denied = told.contains("permission denied") || told.contains("must be owner");
        assert!(denied, "{sql}: {told}");
    }
}

#[test]
fn rights_that_are_too_wide_are_named() {
    let (schema, url) = fresh_postgres();
    let roles = Roles::new(&schema);
    let owner = Program::on(url.clone());
    owner.run(&["migrate"]).good();
    let (code, report) = looked_at(&owner, &[]);
    assert_eq!(code, 1, "who owns the tables may do anything");
    let found = details(finding(&report, "grants"));
    assert!(found.contains("it owns ledger_entries"), "{found}");

    let sql = countersign::db::check::grants_sql(schema.name(), &roles.owner, &roles.app);
    let mut administrator = PgConnection::establish(&url).expect("the server");
    administrator
        .batch_execute(&sql.expect("plain names"))
        .expect("the grants");
    let name = schema.name();
    let app = &roles.app;
    let wide = format!(
        "GRANT UPDATE (entry) ON {name}.ledger_entries TO {app};
         GRANT TRUNCATE ON {name}.decisions TO PUBLIC;
         GRANT CREATE ON SCHEMA {name} TO {app}"
    );
    administrator
        .batch_execute(&format!("SET ROLE {}", roles.owner))
        .expect("the owner");
    let _ = administrator.batch_execute(&wide);
    let (code, report) = looked_at(&Program::on(roles.app_url(&url)), &[]);
    assert_eq!(code, 1);
    let found = details(finding(&report, "grants"));
    assert!(
        found.contains("it may update entry of ledger_entries"),
        "{found}"
    );
}

#[test]
fn a_role_without_rights_is_told_to_migrate_as_the_owner() {
    let (schema, url) = fresh_postgres();
    let roles = Roles::new(&schema);
    let mut administrator = PgConnection::establish(&url).expect("the server");
    let sql = format!("GRANT USAGE ON SCHEMA {} TO {}", schema.name(), roles.app);
    administrator.batch_execute(&sql).expect("the grant");
    let told = Program::on(roles.app_url(&url)).run(&["migrate"]).bad(2);
    assert!(
        told.contains("permission denied") && told.contains("`countersign migrate` as the role"),
        "{told}"
    );
}

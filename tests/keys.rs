//! Keys on the command line, as an operator and an auditor use them.

mod support;

use serde_json::Value;
use support::database::fresh_sqlite;
use support::program::Program;

const KEY: (&str, &str) = ("COUNTERSIGN_SIGNING_KEY_FILE", "keys/signing.key");

#[test]
fn an_operator_makes_a_key_and_an_auditor_verifies_a_receipt_with_it() {
    let (_folder, url) = fresh_sqlite();
    let program = Program::on(url);
    let told = program.with(&[KEY], &["key", "new"]).good();
    assert!(
        told.contains("The log 127.0.0.1:8080/log is signed from now on."),
        "{told}"
    );
    let vkey = told
        .lines()
        .find(|line| line.starts_with("127.0.0.1:8080/log+"));
    let vkey = vkey.expect("the vkey").to_owned();
    assert!(
        program
            .with(&[KEY], &["key", "new"])
            .bad(2)
            .contains("countersign key rotate")
    );

    let shown = program.with(&[KEY], &["key", "show"]).good();
    assert!(
        shown.contains(&vkey) && shown.contains("Signed up to 1 entries."),
        "{shown}"
    );
    let shown = program.with(&[KEY], &["key", "show", "--json"]).good();
    let shown: serde_json::Value = serde_json::from_str(&shown).expect("JSON");
    assert_eq!(
        (&shown["vkeys"][0], &shown["state"]),
        (&vkey.clone().into(), &"signed".into())
    );

    let rotated = program.with(&[KEY], &["key", "rotate"]).good();
    assert!(rotated.contains("Both keys sign now"), "{rotated}");
    let secrets = program.read("keys/signing.key");
    assert_eq!(secrets.lines().count(), 2);
    assert!(
        secrets
            .lines()
            .all(|line| line.starts_with("PRIVATE+KEY+127.0.0.1:8080/log+"))
    );
    program.with(&[KEY], &["key", "retire"]).good();
    assert_eq!(program.read("keys/signing.key").lines().count(), 1);
    let lock = program.read("keys/signing.key.lock");
    assert!(lock.starts_with("127.0.0.1:8080/log\n3\n"), "{lock}");
}

/// What doctor finds of the signing, with `settings`, and its exit code.
fn signing(program: &Program, settings: &[(&str, &str)], more: &[&str]) -> (i32, Value) {
    let answer = program.with(settings, &[&["doctor", "--json"], more].concat());
    let report: Value = serde_json::from_str(&answer.out).expect("JSON");
    let all = report["findings"].as_array().expect("findings");
    let one = all.iter().find(|found| found["check"] == "signing");
    (answer.code, one.expect("the signing was looked at").clone())
}

#[test]
fn doctor_looks_at_key_and_lock_file_and_holds_them_against_the_database() {
    let (_folder, url) = fresh_sqlite();
    let program = Program::on(url);
    program.run(&["migrate"]).good();
    let (code, found) = signing(&program, &[], &[]);
    assert_eq!((code, &found["verdict"]), (0, &"advice".into()), "{found}");
    let says = |found: &Value| found["says"].as_str().unwrap_or_default().to_owned();
    assert!(says(&found).contains("nothing is signed from here, and nothing ever was"));
    let wrong = |about: &str| {
        let (code, found) = signing(&program, &[KEY], &[]);
        assert_eq!((code, &found["verdict"]), (1, &"wrong".into()), "{found}");
        let told = found["details"].to_string();
        assert!(told.contains(about), "{told}");
    };
    wrong("make one with `countersign key new`");

    program.with(&[KEY], &["key", "new"]).good();
    for more in [&[][..], &["--full"]] {
        let (code, found) = signing(&program, &[KEY], more);
        assert_eq!((code, &found["verdict"]), (0, &"good".into()), "{found}");
        let expected = "127.0.0.1:8080/log: signed up to 1 entry, ";
        assert!(says(&found).starts_with(expected), "{found}");
    }
    assert!(says(&signing(&program, &[], &[]).1).contains("another node signed 1 entry "));
    program.add_person("ann@example.org", "Ann Lee", &[], &[]);
    let (_, found) = signing(&program, &[KEY], &[]);
    assert_eq!(found["verdict"], "advice");
    assert!(says(&found).contains("; 1 entry since then"), "{found}");

    let (key, lock) = (
        program.path("keys/signing.key"),
        program.path("keys/signing.key.lock"),
    );
    let (good_key, good_lock) = (
        program.read("keys/signing.key"),
        program.read("keys/signing.key.lock"),
    );
    let mode = |mode| {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
        std::fs::set_permissions(&key, mode).expect("it is ours");
    };
    mode(0o640);
    wrong("others than its owner may read keys/signing.key");
    mode(0o600);
    std::fs::remove_file(&lock).expect("it was there");
    wrong("the lock file keys/signing.key.lock is missing");
    program.write("keys/signing.key.lock", good_lock.replace("\n1\n", "\n7\n"));
    wrong("does not fit the key");
    program.write("keys/signing.key.lock", &good_lock);
    program.write("keys/signing.key", "hunter2\n");
    wrong("keys/signing.key: a signing key has the form");
    std::fs::remove_file(&key).expect("it was there");
    wrong("is missing, and the log has one");
    program.write("keys/signing.key", &good_key);
    mode(0o600);

    program.with(&[KEY], &["key", "rotate"]).good();
    let (_, found) = signing(&program, &[KEY], &[]);
    assert!(says(&found).contains("two keys sign until"), "{found}");
    let both = program.read("keys/signing.key");
    program.write("keys/signing.key", &good_key);
    wrong("signs by the ledger, but is not in keys/signing.key");
    program.write("keys/signing.key", both);
    program.with(&[KEY], &["key", "retire"]).good();
    let (code, found) = signing(&program, &[KEY], &["--full"]);
    assert_eq!((code, &found["verdict"]), (0, &"good".into()), "{found}");
    assert!(says(&found).contains("keys retired so far: 1"), "{found}");
    program.write("keys/signing.key", &good_key);
    mode(0o600);
    wrong("is not one that signs by the ledger");
}

#[test]
fn what_is_missing_is_said_before_anything_is_served() {
    let (_folder, url) = fresh_sqlite();
    let program = Program::on(url);
    let told = program.run(&["key", "new"]).bad(2);
    assert!(told.contains("COUNTERSIGN_SIGNING_KEY_FILE"), "{told}");
    let told = program
        .with(&[KEY], &["serve", "--listen", "127.0.0.1:0"])
        .bad(2);
    assert!(told.contains("countersign key new"), "{told}");
    let told = program
        .with(&[("COUNTERSIGN_LOG_PUBLIC", "all")], &["key", "show"])
        .bad(2);
    assert!(told.contains("nothing, hashes or entries"), "{told}");
    let told = program
        .with(&[("COUNTERSIGN_LOG_ORIGIN", "a b")], &["key", "show"])
        .bad(2);
    assert!(told.contains("COUNTERSIGN_LOG_ORIGIN"), "{told}");
}

#[test]
fn a_database_that_was_restored_goes_on_under_another_name() {
    let (_folder, url) = fresh_sqlite();
    let program = Program::on(url.clone());
    let file = url.strip_prefix("sqlite://").expect("a path").to_owned();
    program.with(&[KEY], &["key", "new"]).good();
    std::fs::copy(&file, format!("{file}.backup")).expect("a backup");
    program.with(&[KEY], &["key", "rotate"]).good();
    for ending in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{file}{ending}"));
    }
    std::fs::copy(format!("{file}.backup"), &file).expect("it is restored");

    let told = program.with(&[KEY], &["key", "show"]);
    assert_eq!(told.code, 1);
    assert!(told.out.contains("restored from a backup"), "{}", told.out);
    let told = program.with(&[KEY], &["key", "new-log"]).good();
    assert!(
        told.contains("The log goes on as 127.0.0.1:8080/log/2."),
        "{told}"
    );
    assert!(told.contains("keys/signing.key.old-2"), "{told}");
    program.with(&[KEY], &["key", "show"]).good();
}

#[test]
fn a_receipt_is_told_from_a_log_and_judged() {
    let (_folder, url) = fresh_sqlite();
    let program = Program::on(url);
    program.write("receipt.txt", "countersign-receipt-1\n{}\n\nnonsense\n");
    let told = program.run(&["verify", "receipt.txt", "--vkey", "none"]);
    assert!(told.code != 0 && told.err.contains("none"), "{}", told.err);
    program.write("empty", "");
    let told = program
        .run(&["verify", "receipt.txt", "--vkey", "empty"])
        .bad(1);
    assert!(told.contains("the receipt does not hold"), "{told}");
    let bad = "a.example/log+00000000+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    let told = program.run(&["verify", "receipt.txt", "--vkey", bad]);
    assert!(told.err.contains("a character was changed"), "{}", told.err);
}

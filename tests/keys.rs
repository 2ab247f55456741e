//! Keys on the command line, as an operator and an auditor use them.

mod support;

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

//! What goes out of the house: receipts in the mails of those who decided, and the checkpoint of
//! each day for those who asked for it.

mod support;

use countersign::ledger::checkpoint;
use countersign::ledger::proof::Growth;
use countersign::ledger::receipt::Receipt;
use countersign::ledger::seal;
use countersign::notify::{Letter, Mailbox, Postman};
use countersign::review::clockwork::tick_now;
use support::post::{Post, open_with, until};
use support::register::{first_day, in_session, operator};

use tempfile::TempDir;

/// A register that signs, and the folder with its key.
fn signing() -> (TempDir, Post) {
    let (folder, url) = support::database::fresh_sqlite();
    let key = folder.path().join("signing.key").display().to_string();
    let post = open_with(url, |config| config.signing_key_file = key);
    seal::create(&post.app, &operator()).expect("a key");
    (folder, post)
}

fn letters(mailbox: &Mailbox, template: &str) -> Vec<Letter> {
    let all = mailbox.list().into_iter().map(|letter| (*letter).clone());
    all.filter(|letter| letter.cover.template == template)
        .collect()
}

#[test]
fn the_mail_after_a_decision_waits_for_the_seal_and_brings_the_receipt() {
    let (_folder, post) = signing();
    let mailbox = Mailbox::default();
    let _worker = post.worker_with(Postman::Mailbox(mailbox.clone()));
    let case = post.waits_for("mei");
    let row = post
        .register
        .as_reviewer("mei")
        .because("It is fine.")
        .approve(&case);
    post.seconds_pass(1);
    until("the receipt to have been looked at", || {
        let rows = post.rows();
        rows.iter()
            .any(|row| row.template == "task" && row.state == "dropped")
            .then_some(())
    });
    assert!(
        letters(&mailbox, "receipt").is_empty(),
        "no checkpoint covers the decision yet"
    );

    seal::sign(&post.app).expect("it is signed");
    post.seconds_pass(5);
    let letter = until("the receipt", || letters(&mailbox, "receipt").pop());
    let enclosed = letter.cover.enclosed.expect("a file goes along");
    assert_eq!(enclosed.name, format!("receipt-{}.txt", row.seq));
    let keys = post.register.reads(seal::vkeys);
    let receipt = Receipt::parse(enclosed.text.as_bytes()).expect("a receipt");
    let shown = receipt.check(&keys).expect("it holds");
    assert_eq!(shown.entry.kind, "decision.recorded");
    assert_eq!(i64::try_from(shown.entry.seq).ok(), Some(row.seq));
    let words = format!("Signed checkpoint: {} entries", shown.checkpoint.size);
    assert!(letter.text.contains(&words), "{}", letter.text);
    let sent = String::from_utf8(letter.bytes).expect("text");
    assert!(
        sent.contains("multipart/mixed") && sent.contains(&enclosed.name),
        "{sent}"
    );
    assert!(
        !enclosed.text.contains("It is fine."),
        "what was written stays beside the entry"
    );
}

#[test]
fn a_receipt_that_is_not_sealed_in_a_minute_goes_without() {
    let (_folder, post) = signing();
    let mailbox = Mailbox::default();
    let _worker = post.worker_with(Postman::Mailbox(mailbox.clone()));
    let case = post.waits_for("mei");
    post.register.as_reviewer("mei").approve(&case);
    post.later(61);
    let letter = until("the receipt", || letters(&mailbox, "receipt").pop());
    assert_eq!(letter.cover.enclosed, None);
    assert!(
        !letter.text.contains("Signed checkpoint"),
        "{}",
        letter.text
    );
}

#[test]
fn who_asked_for_checkpoints_gets_one_a_day_with_the_proof_from_the_day_before() {
    let (_folder, post) = signing();
    let mailbox = Mailbox::default();
    let _worker = post.worker_with(Postman::Mailbox(mailbox.clone()));
    let audra = post.register.person("audra");
    let author = in_session(audra);
    let wish = |on: bool| {
        let author = author.clone();
        let set = post.app.db.write_now(move |tx| {
            countersign::notify::checkpoint::set(tx, first_day(), &author, audra, on)
        });
        set.expect("it is as wanted");
    };
    wish(true);
    wish(true);
    let day = |count: usize| {
        seal::sign(&post.app).expect("it is signed");
        tick_now(&post.app).expect("the daily round");
        post.app.post.notify_one();
        let all = until("the mail of the day", || {
            Some(letters(&mailbox, "checkpoint")).filter(|all| all.len() == count)
        });
        all.first().expect("the newest").clone()
    };
    let keys = post.register.reads(seal::vkeys);
    let first = day(1).cover.enclosed.expect("a file");
    let first = checkpoint::open(first.text.as_bytes(), &keys).expect("a checkpoint");

    post.later(86_400);
    post.waits_for("mei");
    let second = day(2);
    assert!(second.text.contains("were added since"), "{}", second.text);
    let enclosed = second.cover.enclosed.expect("a file");
    let growth = Growth::parse(enclosed.text.as_bytes()).expect("a proof");
    let second = growth.check(&first, &keys).expect("the log only grew");
    assert!(second.size > first.size);

    wish(false);
    post.later(86_400);
    tick_now(&post.app).expect("the daily round");
    assert_eq!(
        letters(&mailbox, "checkpoint").len(),
        2,
        "no more are wanted"
    );
}

//! Stories of outgoing mail, with a real SMTP server that misbehaves when told to: what arrives,
//! what is tried again, and that nobody who decides ever waits for it.

mod support;

use countersign::db::MessageId;
use countersign::db::schema::{outbox, people, sign_in_links};
use countersign::notify::{Mailbox, Postman};
use countersign::people::Secret;
use countersign::review::LinkState;
use diesel::prelude::*;
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::on_both;
use support::post::{LOG, Post, Row, on_sqlite, until};
use support::register::{Case, stage, workflow};
use support::smtp::{Mail, Smtp};

on_both! { now crate::support::post::open =>
    a_task_mail_has_the_same_single_link_in_both_readings
    a_person_without_a_mailbox_is_unreachable_and_not_tried_again
    a_mail_refused_for_now_is_delivered_once_later
    nobody_waits_for_a_slow_server
    nobody_waits_for_a_dead_server_and_nothing_is_lost
    an_outage_costs_no_attempts_and_ends_by_itself
    a_mail_of_a_task_settled_meanwhile_is_dropped
    a_worker_that_dies_gives_its_mail_back
    a_link_stands_neither_in_the_database_nor_in_the_log
}

fn link(mail: &Mail) -> &str {
    mail.link("/s/")
        .unwrap_or_else(|| panic!("no link in {}", mail.text))
}

fn token(mail: &Mail) -> Secret {
    Secret::presented(link(mail).rsplit('/').next().expect("a token"))
}

fn a_task_mail_has_the_same_single_link_in_both_readings(post: Post) {
    let case = post.waits_for("dana");
    let _worker = post.worker();
    let mail = post.mails(1).remove(0);
    let link = link(&mail);
    assert!(link.starts_with("https://register.test/ai/s/"), "{link}");
    assert_eq!(mail.text.matches("http").count(), 1, "{}", mail.text);
    assert_eq!(mail.html.matches("href=").count(), 1, "{}", mail.html);
    assert!(
        mail.html.contains(&format!("href=\"{link}\"")),
        "{}",
        mail.html
    );
    let found = post.register.link_state(&token(&mail));
    assert!(matches!(found, LinkState::Open(_)), "{found:?}");
    let reference = post.register.record(&case).reference;
    assert!(
        mail.subject.starts_with(&format!("[{reference}] ")),
        "{}",
        mail.subject
    );
    for fact in [
        "Harbour Mutual",
        "Summaries of tickets",
        "tomas",
        reference.as_str(),
    ] {
        assert!(mail.text.contains(fact), "{fact}: {}", mail.text);
        assert!(mail.html.contains(fact), "{fact}: {}", mail.html);
    }
    the_envelope_and_the_headers_are_right(&post, &case, &mail);
    let row = post.task_row_when(|row| row.state == "sent");
    assert_eq!((row.attempts, row.last_error), (1, None));
}

fn the_envelope_and_the_headers_are_right(post: &Post, case: &Case, mail: &Mail) {
    let number = post.task_row().id.0.simple();
    assert_eq!(
        mail.mail_from,
        format!("register+{number}@countersign.test")
    );
    assert_eq!(mail.rcpt_to, ["dana@example.org"]);
    let id = post.message_id(&post.task_row());
    let thread = format!("<record-{}@register.test>", case.record);
    for (name, expected) in [
        ("From", "Countersign <register@countersign.test>"),
        ("To", "dana <dana@example.org>"),
        ("Date", "Mon, 01 Mar 2027 09:00:00 +0000"),
        ("Auto-Submitted", "auto-generated"),
        ("X-Auto-Response-Suppress", "All"),
        ("Message-ID", &id),
        ("In-Reply-To", &thread),
        ("References", &thread),
    ] {
        assert_eq!(mail.header(name), Some(expected), "{name}");
    }
    let raw = String::from_utf8_lossy(&mail.bytes);
    assert!(raw.contains("multipart/alternative"), "{raw}");
    let (plain, html) = (raw.find("text/plain"), raw.find("text/html"));
    assert!(plain < html, "plain text comes first");
}

fn a_person_without_a_mailbox_is_unreachable_and_not_tried_again(post: Post) {
    post.waits_for("nouser");
    let worker = post.worker();
    let row = post.task_row_when(|row| row.state == "failed");
    assert!(row.last_error.expect("a reason").contains("5.1.1"));
    assert!(!post.is_reachable("nouser"));
    assert!(post.is_reachable("dana"), "others are reached as before");
    post.seconds_pass(2 * 86_400);
    post.waits_for("dana");
    post.app.post.notify_one();
    post.mails(1);
    worker.dies();
    let rows = post.rows();
    let failed = rows
        .iter()
        .find(|row| row.state == "failed")
        .expect("it stays failed");
    assert_eq!(failed.attempts, 1);
}

fn a_mail_refused_for_now_is_delivered_once_later(post: Post) {
    post.waits_for("greylist");
    let _worker = post.worker();
    let row = post.task_row_when(|row| row.last_error.is_some());
    assert_eq!((row.state.as_str(), row.attempts), ("queued", 1));
    assert!(row.last_error.expect("a reason").contains("451"));
    assert!(post.smtp.mails().is_empty());
    post.seconds_pass(12);
    let mail = post.mails(1).remove(0);
    assert_eq!(
        mail.header("Message-ID"),
        Some(post.message_id(&post.task_row()).as_str())
    );
    let row = post.task_row_when(|row| row.state == "sent");
    assert_eq!(row.attempts, 2);
    post.seconds_pass(86_400);
    post.asks_to_sign_in("dana");
    assert_eq!(post.mails(2).len(), 2, "the second is another mail");
    assert!(post.is_reachable("greylist"));
}

fn nobody_waits_for_a_slow_server(post: Post) {
    let case = post.waits_for("mei");
    post.smtp.behave("slow");
    let _worker = post.worker();
    until("a mail on its way", || (post.links() == 1).then_some(()));
    let started = Instant::now();
    post.register.as_reviewer("mei").approve(&case);
    let took = started.elapsed();
    assert!(
        post.smtp.mails().is_empty(),
        "the server is still at the first mail"
    );
    assert!(took < Duration::from_secs(2), "deciding took {took:?}");
    post.smtp.behave("");
    post.all_done();
    let subjects: Vec<String> = post
        .smtp
        .mails()
        .into_iter()
        .map(|mail| mail.subject)
        .collect();
    assert_eq!(
        subjects.len(),
        4,
        "task, receipt and two who waited: {subjects:?}"
    );
}

fn nobody_waits_for_a_dead_server_and_nothing_is_lost(post: Post) {
    let dead = Smtp::dead();
    let case = post.waits_for("mei");
    let worker = post.worker_to(&format!("{}?timeout=1", dead.url()));
    let started = Instant::now();
    post.register.as_reviewer("mei").approve(&case);
    assert!(
        started.elapsed() < Duration::from_secs(2),
        "deciding took {:?}",
        started.elapsed()
    );
    let tried = until("a first attempt", || {
        let rows = post.rows();
        rows.iter()
            .any(|row| row.last_error.is_some())
            .then_some(rows)
    });
    assert!(tried.iter().all(|row| row.state != "failed"), "{tried:?}");
    worker.dies();
    assert_eq!(post.links(), 0, "no link is made before it can be sent");
    post.seconds_pass(3600);
    let _worker = post.worker();
    let rows = post.all_done();
    assert_eq!(
        post.smtp.mails().len(),
        rows.iter().filter(|row| row.state == "sent").count()
    );
    assert!(
        rows.iter()
            .all(|row| row.state == "sent" || row.template == "task"),
        "{rows:?}"
    );
    assert!(post.is_reachable("mei"));
}

fn an_outage_costs_no_attempts_and_ends_by_itself(mut post: Post) {
    post.smtp.stop();
    let _worker = post.worker();
    post.waits_for("mei");
    post.waits_for("ravi");
    for _ in 0..3 {
        post.seconds_pass(400);
        post.task_row_when(|row| row.last_error.is_some() && row.attempts == 0);
    }
    post.smtp.resume();
    post.seconds_pass(400);
    post.mails(2);
    let rows = post.all_done();
    assert!(
        rows.iter()
            .all(|row| row.state == "sent" && row.attempts == 1),
        "{rows:?}"
    );
}

fn a_mail_of_a_task_settled_meanwhile_is_dropped(post: Post) {
    let case = post.waits_for("mei");
    post.register.withdraw(&case);
    let _worker = post.worker();
    let row = post.task_row_when(|row| row.state == "dropped");
    assert!(row.last_error.expect("a reason").contains("settled"));
    post.all_done();
    let mails = post.smtp.mails();
    assert!(mails.iter().all(|mail| mail.rcpt_to != ["mei@example.org"]));
    assert_eq!(mails.len(), 2, "submitter and owner hear of the withdrawal");
}

fn a_worker_that_dies_gives_its_mail_back(post: Post) {
    post.waits_for("mei");
    post.smtp.behave("slow");
    let worker = post.worker();
    post.task_row_when(|row| row.attempts == 1);
    worker.dies();
    post.smtp.behave("");
    let _worker = post.worker();
    post.asks_to_sign_in("dana");
    assert_eq!(
        post.mails(1).len(),
        1,
        "until the lease ends only other mails are sent"
    );
    assert_eq!(post.task_row().state, "queued");
    post.seconds_pass(600);
    let mails = post.mails(2);
    let id = post.message_id(&post.task_row());
    let again = mails
        .iter()
        .find(|mail| mail.link("/s/").is_some())
        .expect("the task mail");
    assert_eq!(again.header("Message-ID"), Some(id.as_str()));
    assert_eq!(post.task_row_when(|row| row.state == "sent").attempts, 2);
}

fn a_link_stands_neither_in_the_database_nor_in_the_log(post: Post) {
    post.waits_for("mei");
    post.asks_to_sign_in("dana");
    let _worker = post.worker();
    let mails = post.mails(2);
    post.all_done();
    let sign_off = mails
        .iter()
        .find_map(|mail| mail.link("/s/"))
        .expect("a sign-off link");
    let sign_in = mails
        .iter()
        .find_map(|mail| mail.link("/sign-in/"))
        .expect("a sign-in link");
    let tokens = [sign_off, sign_in].map(|link| link.rsplit('/').next().expect("a token"));
    let mut stored = format!("{:?}", post.register.dump());
    let hashes = post.register.reads(|conn| {
        Ok(sign_in_links::table
            .select(sign_in_links::token_hash)
            .load::<String>(conn)?)
    });
    stored.push_str(&hashes.join(" "));
    let log = String::from_utf8_lossy(&LOG.0.lock().expect("nobody panicked")).into_owned();
    assert!(log.contains("mail sent"), "the log is read");
    for token in tokens {
        assert_eq!(token.len(), 43);
        assert!(
            stored.contains(&Secret::presented(token).hash()),
            "its hash is stored"
        );
        assert!(!stored.contains(token), "the database holds a token");
        let line = log.lines().find(|line| line.contains(token));
        assert_eq!(line, None, "the log holds a token");
    }
}

#[test]
fn a_mail_whose_answer_was_lost_comes_again_as_the_same_mail() {
    let (_folder, post) = on_sqlite();
    post.waits_for("lost");
    let _worker = post.worker();
    post.mails(1);
    let row = post.task_row_when(|row| row.last_error.is_some());
    assert_eq!(row.state, "queued", "nobody knows whether it was taken");
    post.smtp.behave("ok");
    post.seconds_pass(12);
    let mails = post.mails(2);
    assert_eq!(mails[0].header("Message-ID"), mails[1].header("Message-ID"));
    assert_ne!(
        link(&mails[0]),
        link(&mails[1]),
        "a secret is never stored to be sent again"
    );
    for mail in &mails {
        let found = post.register.link_state(&token(mail));
        assert!(
            matches!(found, LinkState::Open(_)),
            "either works: {found:?}"
        );
    }
}

#[test]
fn a_connection_that_breaks_after_the_message_is_tried_again_alone() {
    let (_folder, post) = on_sqlite();
    post.waits_for("drop");
    post.waits_for("dana");
    let _worker = post.worker();
    post.mails(1);
    let row = post.task_row_when(|row| row.last_error.is_some());
    assert_eq!((row.state.as_str(), row.attempts), ("queued", 1));
    post.smtp.behave("ok");
    post.seconds_pass(12);
    post.mails(2);
    assert!(post.all_done().iter().all(|row| row.state == "sent"));
}

#[test]
fn a_mail_is_given_up_after_a_day_and_its_person_is_unreachable() {
    let (_folder, post) = on_sqlite();
    post.waits_for("full");
    let tried_all_day = post.register.db.upkeep_now(|tx| {
        diesel::update(outbox::table)
            .set(outbox::attempts.eq(28))
            .execute(&mut **tx)?;
        Ok(())
    });
    tried_all_day.expect("28 attempts");
    let _worker = post.worker();
    let row = post.task_row_when(|row| row.state == "failed");
    assert_eq!(row.attempts, 29);
    assert!(!post.is_reachable("full"));
    post.smtp.behave("ok");
    post.asks_to_sign_in("full");
    post.mails(1);
    until("a mail that arrives", || {
        post.is_reachable("full").then_some(())
    });
}

#[test]
fn no_name_can_break_a_mail_or_add_to_it() {
    let (_folder, post) = on_sqlite();
    let long = "x".repeat(300);
    let names = [
        "Dana\r\nBcc: eve@evil.example",
        "Dana\u{0}\nX-Evil: 1",
        "\u{202e}anaD\u{2066}",
        "\u{1f600} Dana \u{1f469}\u{200d}\u{1f4bb}",
        "\"<eve@evil.example>\", Dana \\",
        long.as_str(),
    ];
    let dana = post.register.person("dana");
    let own = post
        .register
        .reads(|conn| countersign::people::known(conn, dana));
    let _worker = post.worker();
    for (index, name) in names.iter().enumerate() {
        post.rename("dana", name);
        post.asks_to_sign_in("dana");
        // Past the time in which only five links are sent.
        post.seconds_pass(700);
        let mail = post.mails(index + 1).pop().expect("a mail");
        assert_eq!(mail.rcpt_to, ["dana@example.org"], "{name:?}");
        assert_eq!(mail.header("Bcc"), None, "{name:?}");
        assert_eq!(mail.header("X-Evil"), None, "{name:?}");
        assert_eq!(
            mail.headers.iter().filter(|(h, _)| h == "To").count(),
            1,
            "{name:?}"
        );
        let to = mail.header("To").expect("a recipient");
        assert!(
            to.ends_with("<dana@example.org>") && to.chars().count() < 100,
            "{to}"
        );
        assert!(
            !to.contains('\u{202e}') && !mail.text.contains('\u{202e}'),
            "{to}"
        );
        assert!(!mail.bytes.contains(&0), "{name:?}");
    }
    // No entry tells of such a name.
    post.rename("dana", &own.name);
    assert!(post.all_done().iter().all(|row| row.state == "sent"));
}

#[test]
fn a_wrong_password_marks_nobody_unreachable() {
    let (_folder, post) = on_sqlite();
    post.waits_for("mei");
    let address = post
        .smtp
        .url()
        .replace("smtp://", "smtp://app:wrong-secret@");
    let _worker = post.worker_to(&address);
    let row = post.task_row_when(|row| row.last_error.is_some());
    assert_eq!((row.state.as_str(), row.attempts), ("queued", 0));
    assert!(!row.last_error.expect("a reason").contains("wrong-secret"));
    assert!(post.is_reachable("mei"));
}

#[test]
fn nothing_is_said_in_the_clear_where_tls_is_wanted() {
    let (_folder, post) = on_sqlite();
    post.waits_for("mei");
    let _worker = post.worker_to(&format!("{}?tls=starttls", post.smtp.url()));
    let row = post.task_row_when(|row| row.last_error.is_some());
    assert!(row.last_error.expect("a reason").contains("STARTTLS"));
    assert_eq!((row.state.as_str(), row.attempts), ("queued", 0));
    assert!(post.smtp.mails().is_empty());
}

#[test]
fn whoever_left_gets_no_mail() {
    let (_folder, post) = on_sqlite();
    post.waits_for("mei");
    let id = post.register.person("mei");
    let says = |active: bool| {
        let said = post.register.db.upkeep_now(move |tx| {
            diesel::update(people::table.find(id))
                .set(people::active.eq(active))
                .execute(&mut **tx)?;
            Ok(())
        });
        said.expect("a person");
    };
    says(false);
    let _worker = post.worker();
    let row = post.task_row_when(|row| row.state == "dropped");
    assert!(
        row.last_error
            .expect("a reason")
            .contains("no longer active")
    );
    // No entry tells of it.
    says(true);
}

#[test]
fn without_a_server_mails_wait() {
    let (_folder, post) = on_sqlite();
    post.waits_for("mei");
    let running = post.worker_to("");
    running.stop.send(()).expect("the worker listens");
    post.runtime
        .block_on(running.task)
        .expect("it ends in order");
    let row = post.task_row();
    assert_eq!((row.state.as_str(), row.attempts), ("queued", 0));
}

#[test]
fn a_worker_that_is_told_to_stop_sees_its_mails_out() {
    let (_folder, post) = on_sqlite();
    post.waits_for("slow");
    let running = post.worker();
    post.task_row_when(|row| row.attempts == 1);
    running.stop.send(()).expect("the worker listens");
    post.runtime
        .block_on(running.task)
        .expect("it ends in order");
    assert_eq!(post.task_row().state, "sent");
    assert_eq!(post.smtp.mails().len(), 1);
}

/// The mails of a demo's mailbox once nothing is queued, by template.
fn delivered(
    post: &Post,
    mailbox: &Mailbox,
    template: &str,
) -> Vec<Arc<countersign::notify::Letter>> {
    post.app.post.notify_one();
    let rows = post.all_done();
    let failed: Vec<&Row> = rows.iter().filter(|row| row.state == "failed").collect();
    assert!(failed.is_empty(), "{failed:?}");
    mailbox
        .list()
        .into_iter()
        .filter(|letter| letter.cover.template == template)
        .collect()
}

#[test]
fn everybody_hears_what_became_of_a_review() {
    let (_folder, post) = on_sqlite();
    let mailbox = Mailbox::default();
    let _worker = post.worker_with(Postman::Mailbox(mailbox.clone()));
    let case = post.waits_for("mei");
    let other = post.register.submitted_by("tomas", json!({}));
    post.register
        .as_reviewer("mei")
        .because("Who checks it?\n\nSay so.")
        .request_changes(&case);
    let asked = delivered(&post, &mailbox, "changes_requested");
    assert_eq!(asked.len(), 2, "submitter and owner");
    for letter in &asked {
        assert!(
            letter.text.contains("Asked by: mei, check"),
            "{}",
            letter.text
        );
        assert!(letter.text.contains("Who checks it?") && letter.text.contains("Say so."));
        let page = format!(
            "https://register.test/ai/use-cases/{}",
            reference(&post, &case)
        );
        assert!(letter.text.contains(&page), "{}", letter.text);
    }
    post.register.edit(&case, json!({"tool": "Another model"}));
    post.register.submit(&case);
    let task = delivered(&post, &mailbox, "task").remove(0);
    assert!(
        task.text.contains("Changed since the revision you saw:"),
        "{}",
        task.text
    );
    post.register
        .as_reviewer("mei")
        .approve_if(&case, &[("Check a sample", "2027-06-30")]);
    let approved = delivered(&post, &mailbox, "approved");
    assert_eq!(approved.len(), 2);
    assert!(
        approved[0].text.contains("Check a sample"),
        "{}",
        approved[0].text
    );
    assert!(
        approved[0]
            .text
            .contains("check: approved with conditions, mei")
    );
    post.register
        .as_reviewer("mei")
        .because("Not allowed.")
        .reject(&other);
    let rejected = delivered(&post, &mailbox, "rejected");
    assert!(
        rejected[0].text.contains("Decided by: mei, check"),
        "{}",
        rejected[0].text
    );
    assert!(rejected[0].text.contains("Not allowed."));
}

fn reference(post: &Post, case: &Case) -> String {
    post.register.record(case).reference
}

#[test]
fn a_receipt_names_the_entry_that_keeps_the_decision() {
    let (_folder, post) = on_sqlite();
    let mailbox = Mailbox::default();
    let _worker = post.worker_with(Postman::Mailbox(mailbox.clone()));
    let case = post.waits_for("mei");
    let row = post
        .register
        .as_reviewer("mei")
        .because("It is fine.")
        .approve(&case);
    let receipt = delivered(&post, &mailbox, "receipt").remove(0);
    assert!(
        receipt.text.contains(&format!("Ledger entry: {}", row.seq)),
        "{}",
        receipt.text
    );
    assert!(receipt.text.contains(&row.digest));
    assert!(receipt.text.contains("It is fine."));
    let filter = countersign::ledger::Filter::default();
    let page = countersign::ledger::Page::From(row.seq as u64);
    let entry = post
        .register
        .reads(|conn| countersign::ledger::rows(conn, &filter, page, 1));
    let leaf = countersign::ledger::tree::leaf_hash(&entry[0].entry);
    assert!(
        receipt.text.contains(&hex::encode(leaf.as_bytes())),
        "{}",
        receipt.text
    );
    assert!(
        receipt
            .text
            .contains(&format!("https://register.test/ai/tasks/{}", row.id))
    );
}

#[test]
fn the_demo_mailbox_shows_the_newest_mail_first_as_a_server_would_get_it() {
    let (_folder, post) = on_sqlite();
    let mailbox = Mailbox::default();
    let _worker = post.worker_with(Postman::Mailbox(mailbox.clone()));
    post.asks_to_sign_in("dana");
    until("the first mail", || {
        (mailbox.list().len() == 1).then_some(())
    });
    post.asks_to_sign_in("mei");
    until("the second mail", || {
        (mailbox.list().len() == 2).then_some(())
    });
    let list = mailbox.list();
    assert_eq!(list[0].cover.address, "mei@example.org");
    let letter = mailbox.get(list[1].cover.id).expect("it is kept");
    assert_eq!(letter.cover.address, "dana@example.org");
    let raw = String::from_utf8(letter.bytes.clone()).expect("ASCII");
    assert!(
        raw.contains(&format!("Message-ID: {}\r\n", letter.message_id)),
        "{raw}"
    );
    assert!(mailbox.get(MessageId::new()).is_none());
}

#[test]
fn many_mails_are_out_in_seconds_and_each_goes_to_one_person() {
    let (_folder, post) = on_sqlite();
    let seat = json!({"key": "all", "from": [{"role": "reviewer"}, {"role": "expert"},
                      {"role": "legal"}, {"role": "security"}, {"group": "ai_council"}],
                      "need": 1, "fallback": [{"role": "stand_in"}]});
    post.register
        .publish(&workflow(&[stage("check", &[], &[seat])]));
    for _ in 0..5 {
        post.register.submitted_by("tomas", json!({}));
    }
    let started = Instant::now();
    let _worker = post.worker();
    let mails = post.mails(55);
    let took = started.elapsed();
    assert!(took < Duration::from_secs(20), "55 mails took {took:?}");
    assert!(mails.iter().all(|mail| mail.rcpt_to.len() == 1));
    let ids: std::collections::BTreeSet<_> = mails
        .iter()
        .map(|mail| mail.header("Message-ID").expect("an id"))
        .collect();
    assert_eq!(ids.len(), mails.len(), "each is sent once");
}

//! Stories of mail by the clock and of mail that comes back: held and dropped, waiting for the
//! morning, one digest a day, bounces, the end of digests, the calendar feed.

mod support;

use actix_web::cookie::Cookie;
use actix_web::http::{Method, StatusCode, header};
use actix_web::rt::System;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use countersign::db::schema::{ledger_index, outbox, people as directory};
use countersign::db::{At, ConditionId, PersonId, TaskId};
use countersign::notify::outbox::{Message, Notice, queue, state_of_task_mail};
use countersign::notify::{Letter, Mailbox, Postman, digest, links};
use countersign::people::{self, Secret};
use countersign::review;
use countersign::review::engine::{ConditionDeed, OverrideDeed};
use countersign::web::serve::configure;
use countersign::web::session::session_cookie;
use diesel::prelude::*;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use support::on_both;
use support::post::{Post, Row, on_sqlite, open, open_with, until};
use support::program::Program;
use support::register::{Case, seat, stage, workflow};
use support::smtp::Mail;
use tempfile::TempDir;

const DAY: u64 = 86_400;

on_both! { now crate::support::post::open =>
    a_person_gets_one_digest_a_day_however_often_they_are_to_be_reminded
    a_digest_of_which_nothing_is_left_is_not_sent
    a_mail_that_comes_back_makes_its_person_unreachable_until_a_day_without
    whoever_signs_in_by_a_mailed_link_is_reachable_again
    the_button_of_a_mail_program_ends_digests_and_looking_does_not
    a_calendar_feed_shows_what_is_due_until_its_address_is_revoked
    pages_can_tell_who_was_not_notified
    whatever_clocks_and_people_do_is_told_to_those_it_concerns
}

on_both! { now crate::held =>
    a_task_mail_is_held_and_dropped_when_the_task_is_decided_meanwhile
}

/// A register whose task mails are held for a minute.
fn held(url: String) -> Post {
    open_with(url, |config| config.mail_hold = 60)
}

fn a_task_mail_is_held_and_dropped_when_the_task_is_decided_meanwhile(post: Post) {
    let (quick, slow) = (post.waits_for("mei"), post.waits_for("ravi"));
    let _worker = post.worker();
    post.asks_to_sign_in("dana");
    post.mails(1);
    post.later(30);
    post.register.as_reviewer("mei").approve(&quick);
    post.app.post.notify_one();
    let mails = post.mails(4);
    let to = |mail: &&Mail| mail.link("/s/").is_some();
    assert_eq!(mails.iter().filter(to).count(), 0, "task mails are held");
    post.later(31);
    let mails = post.mails(5);
    let asked: Vec<&Mail> = mails.iter().filter(to).collect();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].rcpt_to, ["ravi@example.org"]);
    let rows = post.all_done();
    let dropped: Vec<&Row> = rows.iter().filter(|row| row.state == "dropped").collect();
    assert_eq!(dropped.len(), 1, "{rows:?}");
    assert_eq!(dropped[0].attempts, 1, "it was looked at once");
    assert_eq!(post.register.status(&slow), "in_review");
}

#[test]
fn a_link_that_somebody_asked_for_is_not_held() {
    let (_folder, url) = support::database::fresh_sqlite();
    let post = held(url);
    let case = post.waits_for("mei");
    let _worker = post.worker();
    let task = task_of(&post, &case, "mei");
    say(
        &post,
        Message::new("task", post.register.person("mei"))
            .task(task)
            .at_once(),
    );
    let mail = post.mails(1).remove(0);
    assert!(mail.link("/s/").is_some());
}

#[test]
fn several_tasks_of_one_person_are_several_mails_with_a_link_each() {
    let (_folder, url) = support::database::fresh_sqlite();
    let post = held(url);
    for _ in 0..3 {
        post.waits_for("mei");
    }
    let _worker = post.worker();
    post.later(61);
    let mails = post.mails(3);
    let mut links: Vec<&str> = mails.iter().filter_map(|mail| mail.link("/s/")).collect();
    links.sort_unstable();
    links.dedup();
    assert_eq!(links.len(), 3);
    assert!(mails.iter().all(|mail| mail.rcpt_to == ["mei@example.org"]));
}

/// Queues a message now.
fn say(post: &Post, message: Message) {
    let now = post.register.desk.clock.now();
    let queued = post.app.db.upkeep_now(move |tx| queue(tx, message, now));
    queued.expect("a queued message");
    post.app.post.notify_one();
}

/// Has a person reminded.
fn remind(post: &Post, name: &str) {
    let (person, now) = (post.register.person(name), post.register.desk.clock.now());
    let table = post.app.desk.timetable.clone();
    let wanted = post
        .app
        .db
        .upkeep_now(move |tx| digest::want(tx, &table, person, now));
    wanted.expect("a wanted digest");
    post.app.post.notify_one();
}

fn task_of(post: &Post, case: &Case, name: &str) -> TaskId {
    let tasks = post.register.tasks_of(case, name);
    tasks.first().expect("a task").id
}

fn keys(post: &Post, template: &str) -> Vec<(String, String)> {
    post.register.reads(|conn| {
        Ok(outbox::table
            .filter(outbox::template.eq(template.to_owned()))
            .order(outbox::id)
            .select((outbox::dedupe_key, outbox::state))
            .load(conn)?)
    })
}

fn digests(mails: &[Mail]) -> Vec<&Mail> {
    mails
        .iter()
        .filter(|mail| mail.subject.starts_with("Digest: "))
        .collect()
}

fn a_person_gets_one_digest_a_day_however_often_they_are_to_be_reminded(post: Post) {
    let first = post.waits_for("mei");
    post.waits_for("mei");
    let _worker = post.worker();
    post.mails(2);
    // It is nine o'clock, the digest's hour was eight.
    (0..3).for_each(|_| remind(&post, "mei"));
    let mails = post.mails(3);
    let digest = digests(&mails)[0].clone();
    assert_eq!(digest.subject, "Digest: 2 decisions wait for you");
    assert!(
        digest
            .text
            .contains("check: Summaries of tickets (AI-2027-0001)"),
        "{}",
        digest.text
    );
    until("the digest", || {
        keys(&post, "digest")
            .iter()
            .any(|(_, s)| s == "sent")
            .then_some(())
    });
    (0..3).for_each(|_| remind(&post, "mei"));
    post.later(6 * 3600);
    post.asks_to_sign_in("dana");
    assert_eq!(digests(&post.mails(4)).len(), 1, "the next is tomorrow's");
    post.register.as_reviewer("mei").approve(&first);
    post.app.post.notify_one();
    post.mails(7);
    // Tuesday, a minute before and after eight.
    post.later(17 * 3600 - 60);
    post.asks_to_sign_in("dana");
    assert_eq!(digests(&post.mails(8)).len(), 1);
    post.later(60);
    let mails = post.mails(9);
    let subjects: Vec<&str> = digests(&mails).iter().map(|m| m.subject.as_str()).collect();
    let expected = [
        "Digest: 2 decisions wait for you",
        "Digest: 1 decision waits for you",
    ];
    assert_eq!(subjects, expected, "what is true when it is sent");
    let id = post.register.person("mei");
    let days: Vec<String> = keys(&post, "digest")
        .into_iter()
        .map(|(key, _)| key)
        .collect();
    assert_eq!(
        days,
        ["2027-03-01", "2027-03-02"].map(|day| format!("digest:{id}:{day}"))
    );
    let thread = format!("<digest-{id}@register.test>");
    assert!(
        digests(&mails)
            .iter()
            .all(|m| m.header("References") == Some(thread.as_str()))
    );
}

fn a_digest_of_which_nothing_is_left_is_not_sent(post: Post) {
    let case = post.waits_for("mei");
    // Half past seven.
    post.register
        .desk
        .clock
        .set(At::parse("2027-03-02T07:30:00Z").expect("a time"));
    remind(&post, "mei");
    post.register.as_reviewer("mei").approve(&case);
    let _worker = post.worker();
    post.later(3600);
    let rows = post.all_done();
    let digest = rows
        .iter()
        .find(|row| row.template == "digest")
        .expect("it was wanted");
    assert_eq!(digest.state, "dropped", "{rows:?}");
    // Later that day there is something again: no digest went yet.
    post.waits_for("mei");
    remind(&post, "mei");
    until("a digest", || {
        (digests(&post.smtp.mails()).len() == 1).then_some(())
    });
}

#[test]
fn at_night_only_what_cannot_wait_is_sent() {
    let (_folder, url) = support::database::fresh_sqlite();
    let post = open_with(url, |config| {
        config.quiet_hours = "20:00-07:00".to_owned();
        config.time_zone = "Europe/Berlin".to_owned();
    });
    post.register
        .desk
        .clock
        .set(At::parse("2027-03-01T20:30:00Z").expect("a time"));
    let case = post.waits_for("mei");
    let (record, mei) = (case.record, post.register.person("mei"));
    let about = |template| Message::new(template, mei).record(record);
    remind(&post, "mei");
    say(&post, about("overdue").context(json!({"stage": "check"})));
    let granted = json!({"by": mei, "second": mei, "until": "2027-03-14T10:00:00Z"});
    say(&post, about("override_granted").context(granted));
    say(&post, about("suspended"));
    let _worker = post.worker();
    post.asks_to_sign_in("mei");
    let mails = post.mails(4);
    let subjects: Vec<&str> = mails.iter().map(|mail| mail.subject.as_str()).collect();
    for now in [
        "your decision on",
        "Override granted",
        "Approval suspended",
        "Sign in to",
    ] {
        assert!(
            subjects.iter().any(|s| s.contains(now)),
            "{now}: {subjects:?}"
        );
    }
    // Five in the morning, Berlin: the two others are put off and lose no attempt by it.
    post.later(7 * 3600 + 1800);
    until("the others put off", || {
        let rows = post.rows();
        let waiting: Vec<&Row> = rows.iter().filter(|row| row.state == "queued").collect();
        (waiting.len() == 2 && waiting.iter().all(|row| row.attempts == 0)).then_some(())
    });
    assert_eq!(post.smtp.mails().len(), 4);
    post.later(2 * 3600);
    let mails = post.mails(6);
    let subjects: Vec<&str> = mails.iter().map(|mail| mail.subject.as_str()).collect();
    assert!(
        subjects.iter().any(|s| s.contains("Overdue: check")),
        "{subjects:?}"
    );
    let morning = mails
        .iter()
        .find(|m| m.subject.contains("Overdue"))
        .expect("it");
    assert_eq!(
        morning.header("Date"),
        Some("Tue, 02 Mar 2027 06:00:00 +0000")
    );
    assert!(post.all_done().iter().all(|row| row.state == "sent"));
}

/// A delivery report as Postfix writes them.
fn report(to: &str, action: &str, status: &str, message_id: &str) -> String {
    format!(
        "Return-Path: <>\r\nDelivered-To: {to}\r\nFrom: MAILER-DAEMON@mail.test\r\n\
         Subject: Undelivered Mail Returned to Sender\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"b/1\"\r\n\r\n\
         --b/1\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\nI'm sorry.\r\n\r\n\
         --b/1\r\nContent-Type: message/delivery-status\r\n\r\n\
         Reporting-MTA: dns; mail.test\r\n\r\nFinal-Recipient: rfc822; somebody@example.org\r\n\
         Action: {action}\r\nStatus: {status}\r\n\r\n\
         --b/1\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: {message_id}\r\n\
         Subject: x\r\n\r\nx\r\n\r\n--b/1--\r\n"
    )
}

/// An empty Maildir.
fn maildir() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for part in ["new", "cur", "tmp"] {
        std::fs::create_dir(folder.path().join(part)).expect("a folder");
    }
    folder
}

fn names(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).expect("a folder").flatten();
    let mut names: Vec<String> = files
        .filter_map(|file| file.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

/// The entries of a kind, as what they tell.
fn told(post: &Post, kind: &str) -> Vec<Value> {
    let entries = post.register.entries();
    let entries = entries.iter().filter(|entry| entry.kind == kind);
    entries.map(|entry| json!(entry.data)).collect()
}

/// The envelope sender of the first mail to a person.
fn sender_of(post: &Post, to: &str) -> String {
    let mails = post.smtp.mails();
    let mail = mails
        .iter()
        .find(|mail| mail.rcpt_to == [to])
        .expect("a mail");
    mail.mail_from.clone()
}

#[test]
fn what_comes_back_to_a_maildir_is_read_and_moved() {
    let folder = maildir();
    let bounces = folder.path().to_str().expect("a path").to_owned();
    let (_folder, url) = support::database::fresh_sqlite();
    let post = open_with(url, |config| config.bounce_dir = bounces);
    let case = post.waits_for("mei");
    for name in ["ravi", "kim"] {
        post.waits_for(name);
    }
    let _worker = post.worker();
    post.mails(3);
    post.all_done();
    let own = |name: &str| sender_of(&post, &format!("{name}@example.org"));
    let stranger = "register+0197f3a0111172228333444455556666@countersign.test";
    let put = |name: &str, text: String| {
        let there = folder.path().join("new").join(name);
        std::fs::write(there, text).expect("a file");
    };
    let before = post.register.dump();
    let other = format!("<{}@register.test>", post.rows()[1].id);
    put(
        "1.reply",
        format!("To: {}\r\n\r\nApproved! 5.1.1", own("mei")),
    );
    put(
        "2.unknown",
        report(stranger, "failed", "5.1.1", "<a@b.test>"),
    );
    put("3.two", report(&own("mei"), "failed", "5.1.1", &other));
    put(
        "4.deep",
        "Content-Type: message/rfc822\r\n\r\n".repeat(50_000),
    );
    put("5.long", "x".repeat(3_000_000));
    put("6.nothing", String::new());
    put(
        "7.relayed",
        report(&own("mei"), "relayed", "2.0.0", "<a@b.test>"),
    );
    std::fs::create_dir(folder.path().join("new/8.folder")).expect("a folder");
    let read = until("everything read", || {
        let left = names(&folder.path().join("new"));
        (left == ["8.folder"]).then(|| names(&folder.path().join("cur")))
    });
    assert!(
        read.iter().all(|name| name.ends_with(":2,")),
        "for people to see: {read:?}"
    );
    assert_eq!(
        post.register.dump(),
        before,
        "nothing of it changed anything"
    );
    put(
        "9.full",
        report(&own("kim"), "failed", "5.2.2", "<a@b.test>"),
    );
    put(
        "9.gone",
        report(&own("mei"), "failed", "5.1.1", "<a@b.test>"),
    );
    put(
        "9.late",
        report(&own("ravi"), "delayed", "4.4.1", "<a@b.test>"),
    );
    until("the reports read", || {
        (names(&folder.path().join("cur")).len() == 10).then_some(())
    });
    assert!(
        names(&folder.path().join("cur"))
            .iter()
            .any(|name| name == "9.gone:2,S")
    );
    let states: Vec<String> = post.rows().into_iter().map(|row| row.state).collect();
    assert_eq!(
        states.get(..3),
        Some(["bounced", "sent", "bounced"].map(str::to_owned).as_slice())
    );
    assert!(!post.is_reachable("mei"));
    until("somebody else is asked", || {
        let asked = post.register.asked(&case, "check");
        asked.contains(&"stan".to_owned()).then_some(())
    });
    assert!(post.is_reachable("kim") && post.is_reachable("ravi"));
    assert_eq!(
        told(&post, "person.unreachable"),
        [json!({"code": "5.1.1", "bounced": true})]
    );
    put(
        "9.gone.again",
        report(&own("mei"), "failed", "5.1.1", "<a@b.test>"),
    );
    until("the report read", || {
        (names(&folder.path().join("cur")).len() == 11).then_some(())
    });
    assert_eq!(told(&post, "person.unreachable").len(), 1);
}

#[test]
fn a_file_that_cannot_be_moved_keeps_no_report_waiting() {
    let folder = maildir();
    let bounces = folder.path().to_str().expect("a path").to_owned();
    let (_folder, url) = support::database::fresh_sqlite();
    let post = open_with(url, |config| config.bounce_dir = bounces);
    let case = post.waits_for("mei");
    post.waits_for("kim");
    let _worker = post.worker();
    post.mails(2);
    post.all_done();
    let gone = |name: &str| {
        let sender = sender_of(&post, &format!("{name}@example.org"));
        report(&sender, "failed", "5.1.1", "<a@b.test>")
    };
    // Where these would go to there is a folder already, which no file replaces.
    for name in ["1.reply:2,", "2.mei:2,S"] {
        std::fs::create_dir(folder.path().join("cur").join(name)).expect("a folder");
    }
    for (name, text) in [
        ("1.reply", "Approved!".to_owned()),
        ("2.mei", gone("mei")),
        ("3.kim", gone("kim")),
    ] {
        std::fs::write(folder.path().join("new").join(name), text).expect("a file");
    }
    until("the last report read", || {
        let read = names(&folder.path().join("cur"));
        read.contains(&"3.kim:2,S".to_owned()).then_some(())
    });
    assert_eq!(names(&folder.path().join("new")), ["1.reply", "2.mei"]);
    assert!(!post.is_reachable("mei") && !post.is_reachable("kim"));
    until("somebody else is asked", || {
        let asked = post.register.asked(&case, "check");
        asked.contains(&"stan".to_owned()).then_some(())
    });
    assert_eq!(told(&post, "person.unreachable").len(), 2);
}

#[test]
fn a_folder_that_is_no_maildir_ends_the_start() {
    let (folder, url) = support::database::fresh_sqlite();
    let nowhere = folder.path().join("nowhere").display().to_string();
    let post = open_with(url, |config| config.bounce_dir = nowhere);
    let worker = countersign::notify::Worker::new(post.app.clone(), Postman::Nobody);
    let error = worker.err().expect("an error").to_string();
    assert!(error.contains("COUNTERSIGN_BOUNCE_DIR"), "{error}");
}

#[test]
fn a_bounce_is_taken_from_a_pipe() {
    let (_folder, url) = support::database::fresh_sqlite();
    let post = open(url.clone());
    let case = post.waits_for("mei");
    let _worker = post.worker();
    post.mails(1);
    post.all_done();
    let settings = [
        ("COUNTERSIGN_PUBLIC_URL", "https://register.test/ai"),
        (
            "COUNTERSIGN_MAIL_FROM",
            "Countersign <register@countersign.test>",
        ),
    ];
    let program = Program::on(url);
    let own = sender_of(&post, "mei@example.org");
    let said = program.fed(&settings, &["bounce"], b"no report").good();
    assert!(said.contains("nothing changed"), "{said}");
    assert!(post.is_reachable("mei"));
    let message = report("someone@else.test", "failed", "5.1.1", "<a@b.test>");
    let piped = ["bounce", "--recipient", own.as_str()];
    let said = program.fed(&settings, &piped, message.as_bytes()).good();
    assert!(said.contains("not reachable"), "{said}");
    assert!(!post.is_reachable("mei"));
    assert!(
        post.register
            .asked(&case, "check")
            .contains(&"stan".to_owned())
    );
    let said = program.fed(&settings, &piped, message.as_bytes()).good();
    assert!(said.contains("nothing changed"), "{said}");
    assert_eq!(told(&post, "person.unreachable").len(), 1);
}

/// Takes a report in, as the worker and the pipe do.
fn comes_back(post: &Post, message: &str) -> countersign::notify::returns::Return {
    let taken = countersign::notify::returns::take_in(&post.app, message.as_bytes(), None);
    taken.expect("the report is taken")
}

fn a_mail_that_comes_back_makes_its_person_unreachable_until_a_day_without(post: Post) {
    post.waits_for("mei");
    let _worker = post.worker();
    post.mails(1);
    post.all_done();
    let sender = sender_of(&post, "mei@example.org");
    comes_back(&post, &report(&sender, "failed", "5.1.1", "<a@b.test>"));
    assert!(!post.is_reachable("mei"));
    assert_eq!(post.task_row().state, "bounced");
    post.later(700);
    post.asks_to_sign_in("mei");
    post.mails(2);
    post.all_done();
    assert!(
        !post.is_reachable("mei"),
        "the one that came back had been taken too"
    );
    post.later(DAY - 60);
    assert!(!post.is_reachable("mei"));
    post.later(120);
    until("mei is reachable", || {
        post.is_reachable("mei").then_some(())
    });
    assert_eq!(told(&post, "person.reachable").len(), 1);
    let kinds = post.register.reads(|conn| {
        let about = ledger_index::person_id.eq(post.register.person("mei").to_string());
        Ok(ledger_index::table
            .filter(about)
            .filter(ledger_index::kind.like("person.%reachable"))
            .order(ledger_index::seq)
            .select(ledger_index::kind)
            .load::<String>(conn)?)
    });
    assert_eq!(kinds, ["person.unreachable", "person.reachable"]);
}

fn whoever_signs_in_by_a_mailed_link_is_reachable_again(post: Post) {
    post.waits_for("mei");
    let _worker = post.worker();
    post.mails(1);
    post.all_done();
    let sender = sender_of(&post, "mei@example.org");
    comes_back(&post, &report(&sender, "failed", "5.1.1", "<a@b.test>"));
    post.asks_to_sign_in("mei");
    let mails = post.mails(2);
    let link = mails
        .iter()
        .find_map(|mail| mail.link("/sign-in/"))
        .expect("a link");
    post.all_done();
    assert!(!post.is_reachable("mei"));
    let path = link.strip_prefix("https://register.test").expect("ours");
    let used = send(&post, ours(Method::POST, path));
    assert_eq!(used.status, StatusCode::SEE_OTHER);
    assert!(post.is_reachable("mei"));
    assert_eq!(told(&post, "person.reachable").len(), 1);
}

#[test]
fn a_refusal_and_its_end_each_leave_one_entry() {
    let (_folder, post) = on_sqlite();
    post.waits_for("nouser");
    let _worker = post.worker();
    post.task_row_when(|row| row.state == "failed");
    let lost = json!({"code": "5.1.1", "bounced": false});
    assert_eq!(told(&post, "person.unreachable"), [lost]);
    post.smtp.behave("ok");
    post.asks_to_sign_in("nouser");
    post.mails(1);
    until("nouser is reachable", || {
        post.is_reachable("nouser").then_some(())
    });
    post.later(700);
    post.asks_to_sign_in("nouser");
    post.mails(2);
    post.all_done();
    assert_eq!(told(&post, "person.reachable").len(), 1);
}

#[test]
fn a_server_that_dislikes_a_message_makes_nobody_unreachable() {
    let (_folder, post) = on_sqlite();
    post.waits_for("rejected");
    let _worker = post.worker();
    let row = post.task_row_when(|row| row.state == "failed");
    assert!(row.last_error.expect("a reason").contains("5.6.0"));
    assert!(post.is_reachable("rejected"));
}

struct Answer {
    status: StatusCode,
    kind: String,
    cache: String,
    body: String,
}

fn send(post: &Post, request: TestRequest) -> Answer {
    System::new().block_on(async {
        let app = actix_web::App::new().configure(configure(post.app.clone()));
        let response = call_service(&init_service(app).await, request.to_request()).await;
        let of = |name| {
            let value = response.headers().get(name).and_then(|v| v.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        Answer {
            status: response.status(),
            kind: of(header::CONTENT_TYPE),
            cache: of(header::CACHE_CONTROL),
            body: String::from_utf8_lossy(&read_body(response).await).into_owned(),
        }
    })
}

/// A request as one of our own pages sends it.
fn ours(method: Method, path: &str) -> TestRequest {
    let request = TestRequest::default().method(method).uri(path);
    request.insert_header((header::ORIGIN, "https://register.test"))
}

fn cookie(post: &Post, name: &str) -> Cookie<'static> {
    let (person, now) = (post.register.person(name), post.register.desk.clock.now());
    let session = post
        .app
        .db
        .upkeep_now(move |tx| people::open_session(tx, now, person));
    session_cookie(&post.app, &session.expect("a session"))
}

fn as_person(post: &Post, name: &str, method: Method, path: &str) -> Answer {
    send(post, ours(method, path).cookie(cookie(post, name)))
}

fn wants_digest(post: &Post, person: PersonId) -> bool {
    let wanted = directory::table.find(person).select(directory::digest);
    post.register.reads(|conn| Ok(wanted.get_result(conn)?))
}

fn the_button_of_a_mail_program_ends_digests_and_looking_does_not(post: Post) {
    let case = post.waits_for("mei");
    let mei = post.register.person("mei");
    remind(&post, "mei");
    let _worker = post.worker();
    let mails = post.mails(2);
    post.all_done();
    let task = mails
        .iter()
        .find(|mail| mail.link("/s/").is_some())
        .expect("a task mail");
    assert_eq!(task.header("List-Unsubscribe"), None);
    let digest = digests(&mails)[0];
    let one_click = Some("List-Unsubscribe=One-Click");
    assert_eq!(digest.header("List-Unsubscribe-Post"), one_click);
    let address = digest.header("List-Unsubscribe").expect("an address");
    let address = address.trim_matches(['<', '>']);
    assert!(!digest.text.contains(address), "it is the mail program's");
    let path = address.strip_prefix("https://register.test").expect("ours");
    let before = post.register.dump();
    for method in [Method::GET, Method::HEAD] {
        let answer = send(&post, TestRequest::default().method(method).uri(path));
        assert_eq!(
            (answer.status, answer.cache.as_str()),
            (StatusCode::OK, "no-store")
        );
    }
    assert_eq!(post.register.dump(), before, "looking changes nothing");
    assert!(wants_digest(&post, mei));
    // As RFC 8058 has it: no cookie, no origin, only this body.
    let button = || {
        let request = TestRequest::post().uri(path);
        request.set_form([("List-Unsubscribe", "One-Click")])
    };
    for _ in 0..2 {
        assert_eq!(send(&post, button()).status, StatusCode::OK);
    }
    assert!(!wants_digest(&post, mei));
    assert_eq!(told(&post, "digest.stopped").len(), 1, "once");
    post.later(DAY);
    remind(&post, "mei");
    let late = Message::new("overdue", mei).record(case.record);
    say(&post, late.context(json!({"stage": "check"})));
    post.all_done();
    assert_eq!(digests(&post.smtp.mails()).len(), 1, "no more of them");
    assert_eq!(keys(&post, "overdue")[0].1, "dropped", "nor notices");
    post.waits_for("mei");
    post.app.post.notify_one();
    post.mails(3);
    let on = ours(Method::POST, "/ai/profile/mail/digest").cookie(cookie(&post, "mei"));
    assert_eq!(
        send(&post, on.set_form([("digest", "on")])).status,
        StatusCode::SEE_OTHER
    );
    assert!(wants_digest(&post, mei));
    let gone = path.replace("unsubscription/", "unsubscription/x");
    assert_eq!(
        send(&post, TestRequest::post().uri(&gone)).status,
        StatusCode::GONE
    );
}

/// The value of a property of the only event that has this beginning of an identifier.
fn property(ics: &str, uid: &str, name: &str) -> String {
    let text = ics.replace("\r\n ", "");
    let events = text.split("BEGIN:VEVENT").skip(1);
    let event = events
        .filter(|event| event.contains(&format!("UID:{uid}")))
        .collect::<Vec<_>>();
    assert_eq!(event.len(), 1, "{uid}: {text}");
    let line = event[0].lines().find(|line| line.starts_with(name));
    line.and_then(|line| line.split_once(':'))
        .expect(name)
        .1
        .to_owned()
}

fn a_calendar_feed_shows_what_is_due_until_its_address_is_revoked(post: Post) {
    let case = post.waits_for("mei");
    let condition = [("Check a sample; then, write \"why\"", "2027-06-30")];
    post.register
        .as_reviewer("mei")
        .approve_if(&case, &condition);
    let address = |answer: &Answer| {
        let at = answer
            .body
            .find("https://register.test/ai/calendar/")
            .expect("an address");
        let rest = &answer.body[at + "https://register.test".len()..];
        rest.split('"').next().expect("its end").to_owned()
    };
    let calendar = "/ai/profile/mail/calendar";
    let made = as_person(&post, "olga", Method::POST, calendar);
    assert_eq!(
        (made.status, made.cache.as_str()),
        (StatusCode::OK, "no-store")
    );
    let first = address(&made);
    let again = as_person(&post, "olga", Method::GET, "/ai/profile/mail");
    assert!(!again.body.contains("/ai/calendar/"), "it is shown once");
    let before = post.register.dump();
    let feed = send(&post, TestRequest::get().uri(&first));
    assert_eq!(feed.kind, "text/calendar; charset=utf-8");
    let id = ConditionId::of(task_of(&post, &case, "mei"), 0);
    let uid = format!("condition-{id}@register.test");
    let expected = "Condition: Check a sample\\; then\\, write \"why\"";
    assert_eq!(property(&feed.body, &uid, "SUMMARY"), expected);
    assert_eq!(property(&feed.body, &uid, "DTSTART;VALUE=DATE"), "20270630");
    let page = "https://register.test/ai/use-cases/AI-2027-0001";
    assert_eq!(property(&feed.body, &uid, "URL"), page);
    assert_eq!(
        send(&post, TestRequest::get().uri(&first)).body,
        feed.body,
        "stable"
    );
    assert_eq!(post.register.dump(), before, "reading changes nothing");
    let second = address(&as_person(&post, "olga", Method::POST, calendar));
    assert_eq!(
        send(&post, TestRequest::get().uri(&first)).status,
        StatusCode::NOT_FOUND
    );
    let head = TestRequest::default().method(Method::HEAD).uri(&second);
    assert_eq!(send(&post, head).status, StatusCode::OK);
    let revocation = format!("{calendar}/revocation");
    let revoked = as_person(&post, "olga", Method::POST, &revocation);
    assert_eq!(revoked.status, StatusCode::SEE_OTHER);
    assert_eq!(
        send(&post, TestRequest::get().uri(&second)).status,
        StatusCode::NOT_FOUND
    );
    let kinds = ["calendar_link.made", "calendar_link.revoked"];
    assert_eq!(kinds.map(|kind| told(&post, kind).len()), [2, 1]);
    let stored = format!("{:?}", post.register.dump());
    for path in [first, second] {
        let token = path
            .rsplit('/')
            .next()
            .expect("a name")
            .trim_end_matches(".ics");
        assert!(
            token.len() == 43 && !stored.contains(token),
            "only its hash is stored"
        );
    }
}

fn pages_can_tell_who_was_not_notified(post: Post) {
    let (good, bad) = (post.waits_for("mei"), post.waits_for("nouser"));
    let tasks = [task_of(&post, &good, "mei"), task_of(&post, &bad, "nouser")];
    let states = |post: &Post| {
        let found = post.register.reads(|conn| state_of_task_mail(conn, &tasks));
        tasks.map(|task| found.get(&task).copied())
    };
    assert_eq!(states(&post), [Some(Notice::Waiting); 2]);
    let _worker = post.worker();
    post.all_done();
    assert_eq!(
        states(&post),
        [Some(Notice::Sent), Some(Notice::NotNotified)]
    );
    let sender = sender_of(&post, "mei@example.org");
    comes_back(&post, &report(&sender, "failed", "4.4.7", "<a@b.test>"));
    assert_eq!(states(&post), [Some(Notice::NotNotified); 2]);
    let mei = post.register.person("mei");
    say(&post, Message::new("task", mei).task(tasks[0]).at_once());
    post.all_done();
    assert_eq!(states(&post)[0], Some(Notice::Sent), "the newest counts");
}

#[test]
fn the_link_of_a_digest_opens_the_inbox_of_its_person_for_a_week() {
    let (_folder, post) = on_sqlite();
    post.waits_for("mei");
    remind(&post, "mei");
    let _worker = post.worker();
    let mails = post.mails(2);
    let digest = digests(&mails)[0];
    let link = digest.link("/inbox/").expect("a link");
    let secret = Secret::presented(link.rsplit('/').next().expect("a token"));
    let opens = |secret: &Secret| {
        let now = post.register.desk.clock.now();
        let opened = post.register.reads(|conn| links::inbox(conn, secret, now));
        opened.map(|opened| opened.person)
    };
    assert_eq!(opens(&secret), Some(post.register.person("mei")));
    assert_eq!(opens(&Secret::presented("x")), None);
    let task = mails
        .iter()
        .find_map(|mail| mail.link("/s/"))
        .expect("a link");
    let task = Secret::presented(task.rsplit('/').next().expect("a token"));
    assert_eq!(opens(&task), None, "a link is for one thing");
    post.later(7 * DAY);
    assert_eq!(opens(&secret), None, "a week later");
}

/// The letters of a mailbox once nothing is queued, by template.
fn delivered(post: &Post, mailbox: &Mailbox, template: &str) -> Vec<Arc<Letter>> {
    let rows = post.all_done();
    let failed: Vec<&Row> = rows.iter().filter(|row| row.state == "failed").collect();
    assert!(failed.is_empty(), "{failed:?}");
    let all = mailbox.list().into_iter();
    all.filter(|letter| letter.cover.template == template)
        .collect()
}

#[test]
fn every_message_is_told_from_what_the_table_says_it_needs() {
    let (_folder, post) = on_sqlite();
    let mailbox = Mailbox::default();
    let _worker = post.worker_with(Postman::Mailbox(mailbox.clone()));
    let need = seat("reviewer", 2);
    post.register
        .publish(&workflow(&[stage("check", &[], &[need])]));
    let open = post.register.submitted_by("tomas", json!({}));
    let task = task_of(&post, &open, "ravi");
    let done = post.waits_for("kim");
    let row = post.register.as_reviewer("kim").because("So.\nAnd so.");
    let row = row.approve_if(&done, &[("Check a sample", "2027-06-30")]);
    let condition = ConditionId::of(row.id, 0);
    let id = |name: &str| post.register.person(name);
    let told = |template: &'static str, to: &str, case: &Case, context: Value, facts: &[&str]| {
        say(
            &post,
            Message::new(template, id(to))
                .record(case.record)
                .context(context),
        );
        let letter = delivered(&post, &mailbox, template).remove(0);
        let words = letter.text.split_whitespace().collect::<Vec<_>>().join(" ");
        for fact in facts {
            assert!(words.contains(fact), "{template}: {fact}: {}", letter.text);
        }
    };
    let entry = row.seq;
    let moved = json!({"because": "absent", "from": id("mei")});
    say(
        &post,
        Message::new("task", id("ravi"))
            .task(task)
            .record(open.record)
            .context(moved),
    );
    let letter = delivered(&post, &mailbox, "task").remove(0);
    assert!(
        letter
            .text
            .contains("mei is away. You decide in their place."),
        "{}",
        letter.text
    );
    let handed = json!({"because": "reassigned", "from": id("mei"), "by": id("adam"),
                        "entry": entry});
    say(
        &post,
        Message::new("task", id("ravi"))
            .task(task)
            .record(open.record)
            .context(handed),
    );
    let letter = delivered(&post, &mailbox, "task").remove(0);
    let text = letter.text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        text.contains("adam, an administrator, handed this task to you."),
        "{text}"
    );
    assert!(text.contains("So. And so."), "{text}");
    let brought = json!({"stage": "check", "mode": "must_agree", "because": "disagreement"});
    say(
        &post,
        Message::new("escalated", id("ravi"))
            .task(task)
            .context(brought),
    );
    let letter = delivered(&post, &mailbox, "escalated").remove(0);
    assert!(letter.subject.contains("Your agreement is needed") && letter.text.contains("/s/"));
    let late = json!({"stage": "check", "mode": "notify", "because": "late"});
    let asked = [
        "takes longer",
        "Asked to decide: mei, ravi, rosa",
        "role CTO",
    ];
    told("escalated", "cleo", &open, late, &asked);
    told(
        "overdue",
        "tomas",
        &open,
        json!({"stage": "check"}),
        &["Still to decide: mei"],
    );
    let delegated = json!({"stage": "check", "because": "absent", "to": id("ravi"),
                           "until": "2027-03-12"});
    told(
        "delegated",
        "mei",
        &open,
        delegated,
        &["Until: 12 Mar 2027", "Decides: ravi"],
    );
    let then = json!({"stage": "check", "then": "rejected"});
    told("timed_out", "tomas", &open, then, &["rejected by that"]);
    let owed = [
        "Check a sample",
        "Attached by: kim, check",
        "Due: 30 Jun 2027",
    ];
    told(
        "condition_due",
        "olga",
        &done,
        json!({"condition": condition}),
        &owed,
    );
    let missed = json!({"condition": condition, "then": "suspended"});
    told(
        "condition_missed",
        "olga",
        &done,
        missed,
        &["is suspended until"],
    );
    let refused = json!({"condition": condition, "by": id("kim"), "entry": entry});
    told(
        "condition_refused",
        "olga",
        &done,
        refused,
        &["Said by: kim", "And so."],
    );
    let met = json!({"condition": condition, "by": id("kim")});
    told("condition_met", "olga", &done, met, &["Accepted by: kim"]);
    let ends = json!({"ends": "2027-05-01T09:00:00Z"});
    told(
        "renewal_due",
        "olga",
        &done,
        ends.clone(),
        &["Ends: 1 May 2027, 09:00 UTC"],
    );
    told("expired", "olga", &done, ends, &["Ended: 1 May 2027"]);
    let why = json!({"because": "condition_missed"});
    told("suspended", "olga", &done, why, &["was not met."]);
    let by = json!({"by": id("gus"), "entry": entry});
    told("reinstated", "olga", &done, by.clone(), &["By: gus", "So."]);
    told("revoked", "olga", &done, by, &["By: gus", "must end"]);
    let asks = json!({"by": id("gus"), "entry": entry, "until": "2027-03-14T09:00:00Z"});
    told(
        "override_requested",
        "ezra",
        &open,
        asks,
        &["Asked for by: gus", "role CEO"],
    );
    let grants = json!({"by": id("gus"), "second": id("ezra"), "entry": entry,
                        "until": "2027-03-14T09:00:00Z"});
    let facts = [
        "Agreed by: ezra",
        "Holds until: 14 Mar 2027, 09:00 UTC",
        "role auditor",
    ];
    told("override_granted", "audra", &open, grants, &facts);
    told(
        "abandoned",
        "tomas",
        &open,
        json!({}),
        &["ran longer", "submitter of this use case"],
    );
    let proposal = json!({"title": "AI use cases", "by": id("gus"), "path": "/workflows/x/1"});
    say(
        &post,
        Message::new("workflow_proposed", id("adam")).context(proposal),
    );
    let letter = delivered(&post, &mailbox, "workflow_proposed").remove(0);
    assert!(
        letter
            .text
            .contains("https://register.test/ai/workflows/x/1"),
        "{}",
        letter.text
    );
}

#[test]
fn a_notice_that_came_too_late_is_not_sent() {
    let (_folder, post) = on_sqlite();
    let case = post.waits_for("mei");
    let tomas = post.register.person("tomas");
    for template in ["overdue", "escalated"] {
        let late = Message::new(template, tomas).record(case.record);
        let later = post
            .register
            .desk
            .clock
            .now()
            .plus(std::time::Duration::from_secs(3600));
        say(
            &post,
            late.context(json!({"stage": "check"})).not_before(later),
        );
    }
    let _worker = post.worker();
    post.task_row_when(|row| row.state == "sent");
    assert!(
        keys(&post, "overdue")
            .iter()
            .all(|(_, state)| state == "queued")
    );
    post.register.as_reviewer("mei").approve(&case);
    post.later(3600);
    post.all_done();
    assert!(
        keys(&post, "overdue")
            .iter()
            .all(|(_, state)| state == "dropped")
    );
    assert!(
        keys(&post, "escalated")
            .iter()
            .all(|(_, state)| state == "dropped")
    );
}

#[test]
fn the_api_tells_and_takes_what_a_person_wants_of_mail() {
    let (_folder, post) = on_sqlite();
    let (mei, now) = (post.register.person("mei"), post.register.desk.clock.now());
    let scopes = ["read".to_owned(), "write".to_owned()];
    let operator = support::register::operator();
    let token = post
        .register
        .does(move |tx, _| people::create_token(tx, now, &operator, mei, &scopes, None));
    let call = |method: Method, path: &str, body: Option<Value>| {
        let bearer = (header::AUTHORIZATION, format!("Bearer {}", token.reveal()));
        let request = TestRequest::default()
            .method(method)
            .uri(path)
            .insert_header(bearer);
        send(
            &post,
            match body {
                Some(body) => request.set_json(body),
                None => request,
            },
        )
    };
    let wishes = "/ai/api/v1/profile/mail";
    let json = |answer: Answer| serde_json::from_str::<Value>(&answer.body).expect("JSON");
    let expected = json!({"email": "mei@example.org", "digest": true, "calendar_since": null,
                          "checkpoints": null, "unreachable": null});
    assert_eq!(json(call(Method::GET, wishes, None)), expected);
    let off = call(Method::PUT, wishes, Some(json!({"digest": false})));
    assert_eq!(json(off)["digest"], false);
    let wrong = call(Method::PUT, wishes, Some(json!({"digest": "no"})));
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    let calendar = "/ai/api/v1/profile/calendar";
    let made = call(Method::POST, calendar, None);
    assert_eq!(made.status, StatusCode::CREATED);
    let address = json(made)["address"]
        .as_str()
        .expect("an address")
        .to_owned();
    let path = address.strip_prefix("https://register.test").expect("ours");
    assert_eq!(
        send(&post, TestRequest::get().uri(path)).status,
        StatusCode::OK
    );
    assert_eq!(
        call(Method::DELETE, calendar, None).status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        send(&post, TestRequest::get().uri(path)).status,
        StatusCode::NOT_FOUND
    );
}

/// A workflow with every clock, and everything that can become of an approval.
fn with_clocks() -> Value {
    let mut check = stage("check", &[], &[seat("reviewer", 1)]);
    check["delegation"] = json!("any_eligible");
    check["sla"] = json!({
        "due": "3 business days", "remind": ["2 business days"], "on_timeout": "keep_open",
        "escalate": [
            {"after": "4 business days", "to": [{"role": "cto"}], "mode": "notify"},
            {"after": "5 business days", "to": [{"role": "ciso"}], "mode": "add_to_seat",
             "seat": "reviewer"}],
    });
    let mut all = workflow(&[check]);
    all["conditions"] = json!({"due": "P10D", "remind_before": ["P2D"], "on_missed": "suspend",
                               "escalate_to": [{"role": "governance_admin"}]});
    all["renewal"] = json!({"valid_for": [{"then": "P60D"}], "remind_before": ["P10D"]});
    all["override"] = json!({"roles": ["governance_admin", "ceo"], "min_reason_length": 20,
                             "notify": [{"role": "auditor"}], "valid_for": "P14D"});
    all
}

/// Days go by, clocks strike, and what is owed is delivered.
fn days_go_by(post: &Post, days: u64) {
    for _ in 0..days {
        post.later(DAY);
        review::clockwork::tick_now(&post.app).expect("the clocks are read");
    }
    settled(post);
}

/// Waits until nothing is due any more.
fn settled(post: &Post) {
    post.app.post.notify_one();
    let now = post.register.desk.clock.now();
    until("an outbox with nothing due", || {
        let due = outbox::state
            .eq("queued")
            .and(outbox::next_attempt_at.le(now));
        let on_its_way = outbox::state.eq("queued").and(outbox::attempts.gt(0));
        let waiting = outbox::table.filter(due.or(on_its_way)).count();
        let waiting: i64 = post.register.reads(|conn| Ok(waiting.get_result(conn)?));
        (waiting == 0).then_some(())
    });
}

/// The words of the newest letter by a template to somebody.
#[track_caller]
fn newest(mailbox: &Mailbox, template: &str, to: &str) -> String {
    let (list, to) = (mailbox.list(), format!("{to}@example.org"));
    let is_it =
        |letter: &&Arc<Letter>| letter.cover.template == template && letter.cover.address == to;
    let Some(letter) = list.iter().find(is_it) else {
        let there: Vec<String> = list
            .iter()
            .map(|letter| format!("{} {}", letter.cover.template, letter.cover.address))
            .collect();
        panic!("no {template} to {to}: {there:#?}")
    };
    let words = letter.text.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("{}: {words}", letter.subject)
}

/// Hands a task over, on behalf of `by`.
fn hands_over(post: &Post, (by, from, to): (&str, &str, &str), case: &Case, reason: &str) {
    let given = review::HandoverGiven {
        task: task_of(post, case, from),
        to: format!("{to}@example.org"),
        reason: reason.to_owned(),
        link: None,
    };
    let actor = support::register::in_session(post.register.person(by));
    let own = by == from;
    post.register.does(move |tx, desk| match own {
        true => review::delegate(tx, desk, &actor, &given),
        false => review::reassign(tx, desk, &actor, &given),
    });
    settled(post);
}

fn whatever_clocks_and_people_do_is_told_to_those_it_concerns(post: Post) {
    let mailbox = Mailbox::default();
    let _worker = post.worker_with(Postman::Mailbox(mailbox.clone()));
    post.register.publish(&with_clocks());
    let case = post.register.submitted_by("tomas", json!({}));
    settled(&post);
    let task = newest(&mailbox, "task", "mei");
    assert!(task.contains("Due: 4 Mar 2027, 09:00 UTC"), "{task}");
    hands_over(&post, ("mei", "mei", "noor"), &case, "I know the vendor.");
    let task = newest(&mailbox, "task", "noor");
    assert!(task.contains("mei handed this task on to you."), "{task}");
    assert!(task.contains("I know the vendor."), "{task}");
    let told = newest(&mailbox, "delegated", "mei");
    assert!(told.contains("noor decides in your place: check"), "{told}");
    hands_over(
        &post,
        ("adam", "ravi", "kim"),
        &case,
        "Ravi is on a course.",
    );
    let task = newest(&mailbox, "task", "kim");
    assert!(
        task.contains("adam, an administrator, handed this task to you."),
        "{task}"
    );
    let told = newest(&mailbox, "delegated", "ravi");
    assert!(
        told.contains("adam, an administrator, gave the task"),
        "{told}"
    );
    assert!(told.contains("Ravi is on a course."), "{told}");
    days_go_by(&post, 2);
    let digest = newest(&mailbox, "digest", "rosa");
    assert!(digest.contains("1 decision waits for you"), "{digest}");
    assert!(digest.contains("due 4 Mar 2027, 09:00 UTC"), "{digest}");
    days_go_by(&post, 1);
    let late = newest(&mailbox, "overdue", "olga");
    assert!(late.contains("Still to decide: kim, noor, rosa"), "{late}");
    days_go_by(&post, 4);
    let told = newest(&mailbox, "escalated", "cleo");
    assert!(
        told.contains("takes longer") && !told.contains("/s/"),
        "{told}"
    );
    let asked = newest(&mailbox, "escalated", "carl");
    assert!(asked.contains("You are asked to decide too"), "{asked}");
    assert!(
        asked.contains("takes longer") && asked.contains("/s/"),
        "{asked}"
    );
    post.register
        .as_reviewer("rosa")
        .approve_if(&case, &[("Check a sample", "")]);
    what_becomes_of_the_approval(&post, &mailbox, &case);
    what_becomes_of_an_override(&post, &mailbox);
    let rows = post.rows();
    let failed: Vec<&Row> = rows.iter().filter(|row| row.state == "failed").collect();
    assert!(failed.is_empty(), "{failed:?}");
}

fn what_becomes_of_the_approval(post: &Post, mailbox: &Mailbox, case: &Case) {
    let condition = ConditionId::of(task_of(post, case, "rosa"), 0);
    let does = |who: &str, deed: ConditionDeed| {
        let actor = support::register::in_session(post.register.person(who));
        post.register
            .does(move |tx, desk| review::on_condition(tx, desk, &actor, condition, deed));
        settled(post);
    };
    days_go_by(post, 8);
    let due = newest(mailbox, "condition_due", "olga");
    assert!(due.contains("Due: 18 Mar 2027, 09:00 UTC"), "{due}");
    does(
        "olga",
        ConditionDeed::GiveEvidence("Section 4 of the contract.".to_owned()),
    );
    let look = newest(mailbox, "condition_evidence", "rosa");
    assert!(
        look.contains("Section 4 of the contract. Accept or refuse"),
        "{look}"
    );
    assert!(look.contains("Evidence by: olga"), "{look}");
    does(
        "rosa",
        ConditionDeed::RefuseEvidence("Section 4 says nothing of it.".to_owned()),
    );
    let refused = newest(mailbox, "condition_refused", "olga");
    assert!(refused.contains("Evidence does not suffice"), "{refused}");
    assert!(
        refused.contains("Section 4 says nothing of it."),
        "{refused}"
    );
    days_go_by(post, 3);
    for (template, who) in [("condition_missed", "gus"), ("suspended", "tomas")] {
        let told = newest(mailbox, template, who);
        assert!(
            told.contains("suspended") && told.contains("must rest"),
            "{told}"
        );
    }
    does("olga", ConditionDeed::GiveEvidence("Section 5.".to_owned()));
    does("rosa", ConditionDeed::Accept);
    let met = newest(mailbox, "condition_met", "olga");
    assert!(
        met.contains("Condition met") && met.contains("Accepted by: rosa"),
        "{met}"
    );
    let again = newest(mailbox, "reinstated", "tomas");
    assert!(again.contains("is met or waived"), "{again}");
    days_go_by(post, 40);
    let ends = newest(mailbox, "renewal_due", "olga");
    assert!(ends.contains("Ends: 7 May 2027, 09:00 UTC"), "{ends}");
    remind(post, "olga");
    days_go_by(post, 1);
    let digest = newest(mailbox, "digest", "olga");
    assert!(digest.contains("ends 7 May 2027, 09:00 UTC"), "{digest}");
    days_go_by(post, 10);
    let over = newest(mailbox, "expired", "tomas");
    assert!(over.contains("Ended: 7 May 2027, 09:00 UTC"), "{over}");
}

fn what_becomes_of_an_override(post: &Post, mailbox: &Mailbox) {
    let case = post.register.submitted_by("tomas", json!({}));
    let state = post.register.review(&case);
    let review = state.id;
    let does = |who: &str, deed: OverrideDeed| {
        let actor = support::register::in_session(post.register.person(who));
        let seen = state.digest.clone();
        post.register
            .does(move |tx, desk| review::on_override(tx, desk, &actor, review, &seen, deed));
        settled(post);
    };
    let reason = "The flood claims cannot wait.".to_owned();
    does(
        "gus",
        OverrideDeed::Propose {
            reason,
            until: None,
        },
    );
    let asked = newest(mailbox, "override_requested", "ezra");
    assert!(
        asked.contains("Asked for by: gus") && asked.contains("cannot wait"),
        "{asked}"
    );
    does("ezra", OverrideDeed::Agree);
    let told = newest(mailbox, "override_granted", "audra");
    assert!(told.contains("Asked for by: gus Agreed by: ezra"), "{told}");
    assert!(
        told.contains("cannot wait") && told.contains("role auditor"),
        "{told}"
    );
}

#[test]
fn a_rejection_by_the_clock_names_nobody() {
    let (_folder, post) = on_sqlite();
    let mailbox = Mailbox::default();
    let _worker = post.worker_with(Postman::Mailbox(mailbox.clone()));
    let mut check = stage("check", &[], &[seat("reviewer", 2)]);
    check["sla"] = json!({"due": "2 business days", "on_timeout": "reject"});
    post.register.publish(&workflow(&[check]));
    let case = post.register.submitted_by("tomas", json!({}));
    post.register.as_reviewer("mei").approve(&case);
    settled(&post);
    days_go_by(&post, 3);
    let told = newest(&mailbox, "rejected", "olga");
    let words = "Decided by: the rules of the workflow: the time of a stage ran out";
    assert!(told.contains(words) && !told.contains("mei"), "{told}");
}

#[test]
fn whoever_is_away_hears_who_decides_in_their_place() {
    let (_folder, post) = on_sqlite();
    let mailbox = Mailbox::default();
    let _worker = post.worker_with(Postman::Mailbox(mailbox.clone()));
    let (mei, noor) = (post.register.person("mei"), post.register.person("noor"));
    post.register.does(move |tx, desk| {
        let today = desk.today();
        let away = people::absence::New {
            from: today,
            until: today.days_later(1),
            delegate: Some(noor),
        };
        let operator = support::register::operator();
        people::absence::set(tx, desk.clock.now(), today, &operator, mei, &away)
    });
    post.register.publish(&with_clocks());
    post.register.submitted_by("tomas", json!({}));
    settled(&post);
    let task = newest(&mailbox, "task", "noor");
    assert!(
        task.contains("mei is away. You decide in their place."),
        "{task}"
    );
    let told = newest(&mailbox, "delegated", "mei");
    assert!(told.contains("noor decides in your place: check"), "{told}");
    assert!(told.contains("You are away."), "{told}");
}

//! The helpers of the other tests: what they promise is tried here, so that a failing story is
//! never the helper's fault.

mod support;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use lettre::message::{Message, MultiPart};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use std::time::Duration;
use support::database::{fresh_postgres, fresh_sqlite};
use support::on_both;
use support::smtp::Smtp;

on_both! { url => a_story_starts_on_an_empty_database }

async fn url(url: String) -> String {
    url
}

async fn a_story_starts_on_an_empty_database(url: String) {
    let make = "CREATE TABLE person (id integer); INSERT INTO person VALUES (1)";
    if let Some(file) = url.strip_prefix("sqlite://") {
        let mut database = SqliteConnection::establish(file).expect("the file is made");
        database.batch_execute(make).expect("nothing is in the way");
    } else {
        let mut database = PgConnection::establish(&url).expect("the URL connects");
        database.batch_execute(make).expect("nothing is in the way");
    }
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

fn schemas_named(name: &str) -> i64 {
    let server = std::env::var("TEST_POSTGRES").expect("tests/run sets it");
    let mut database = PgConnection::establish(&server).expect("the server answers");
    diesel::sql_query("SELECT count(*) FROM pg_namespace WHERE nspname = $1")
        .bind::<diesel::sql_types::Text, _>(name)
        .get_result::<Count>(&mut database)
        .expect("a count")
        .count
}

#[test]
fn a_schema_is_gone_with_its_guard_whatever_was_left_in_it() {
    let (guard, url) = fresh_postgres();
    let name = url
        .rsplit("%3D")
        .next()
        .expect("the schema's name")
        .to_owned();
    let mut left_open = PgConnection::establish(&url).expect("the URL connects");
    left_open
        .batch_execute("CREATE TABLE person (id integer)")
        .expect("a table");
    assert_eq!(schemas_named(&name), 1);
    drop(guard);
    assert_eq!(schemas_named(&name), 0);
}

#[test]
fn two_tests_never_share_a_database() {
    let ((_one, first), (_other, second)) = (fresh_sqlite(), fresh_sqlite());
    assert_ne!(first, second);
    let ((_one, first), (_other, second)) = (fresh_postgres(), fresh_postgres());
    assert_ne!(first, second);
}

fn mail_to(recipient: &str) -> Message {
    Message::builder()
        .from(
            "Countersign <register@countersign.test>"
                .parse()
                .expect("an address"),
        )
        .to(recipient.parse().expect("an address"))
        .subject("Please sign: Übersetzung")
        .multipart(MultiPart::alternative_plain_html(
            "Open https://register.test/s/abc_123 by Friday.\n.\nA line of one dot stands above."
                .to_owned(),
            "<p>Ünderneath</p>".to_owned(),
        ))
        .expect("a message")
}

async fn send(smtp: &Smtp, recipient: &str) -> Result<(), String> {
    let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(&smtp.url())
        .expect("the URL is understood")
        .timeout(Some(Duration::from_secs(5)))
        .build();
    let sent = tokio::time::timeout(Duration::from_secs(3), transport.send(mail_to(recipient)));
    match sent.await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(format!("{error} {:?}", error.status())),
        Err(_) => Err("no answer".to_owned()),
    }
}

#[tokio::test]
async fn an_accepted_mail_is_kept_byte_for_byte_and_decoded() {
    let smtp = Smtp::start();
    send(&smtp, "dana@example.org")
        .await
        .expect("it is accepted");
    let mails = smtp.wait_for(1).await;
    let mail = &mails[0];
    assert_eq!(mail.mail_from, "register@countersign.test");
    assert_eq!(mail.rcpt_to, ["dana@example.org"]);
    assert_eq!(mail.subject, "Please sign: Übersetzung");
    assert_eq!(mail.header("to"), Some("dana@example.org"));
    assert_eq!(mail.link("/s/"), Some("https://register.test/s/abc_123"));
    assert!(
        mail.text.contains("\n.\n"),
        "a line of one dot survives: {:?}",
        mail.text
    );
    assert!(mail.html.contains("Ünderneath"));
    let raw = String::from_utf8_lossy(&mail.bytes);
    assert!(
        raw.contains("Subject: Please sign: =?utf-8?") && raw.contains("\r\n"),
        "{raw}"
    );
}

#[tokio::test]
async fn each_recipient_is_treated_as_the_address_says() {
    let smtp = Smtp::start();
    for (recipient, answer) in [
        ("nouser@example.org", "550"),
        ("nouser+7@example.org", "550"),
        ("full@example.org", "452"),
        ("rejected@example.org", "554"),
        ("busy@example.org", "421"),
    ] {
        let refused = send(&smtp, recipient).await.expect_err(recipient);
        assert!(refused.contains(answer), "{recipient}: {refused}");
    }
    for recipient in ["drop@example.org", "hangup@example.org"] {
        send(&smtp, recipient).await.expect_err(recipient);
    }
    assert!(smtp.mails().is_empty(), "nothing refused is kept");
    send(&smtp, "lost@example.org")
        .await
        .expect_err("it hears no answer");
    assert_eq!(smtp.wait_for(1).await.len(), 1, "and yet the mail is there");
}

#[tokio::test]
async fn a_greylisted_mail_is_taken_at_the_second_try() {
    let smtp = Smtp::start();
    let first = send(&smtp, "greylist@example.org")
        .await
        .expect_err("not at once");
    assert!(first.contains("451"), "{first}");
    send(&smtp, "greylist@example.org")
        .await
        .expect("the second time");
    assert_eq!(smtp.mails().len(), 1);
}

#[tokio::test]
async fn a_slow_server_answers_late_and_a_dead_one_never() {
    let slow = Smtp::start_with(&["--slow", "60"]);
    assert_eq!(
        send(&slow, "slow@example.org").await,
        Err("no answer".to_owned())
    );
    let dead = Smtp::dead();
    assert_eq!(
        send(&dead, "dana@example.org").await,
        Err("no answer".to_owned())
    );
}

#[tokio::test]
async fn a_server_goes_down_and_comes_back_where_it_was() {
    let mut smtp = Smtp::start();
    let address = smtp.url();
    smtp.stop();
    send(&smtp, "dana@example.org")
        .await
        .expect_err("nobody listens");
    smtp.resume();
    assert_eq!(smtp.url(), address);
    smtp.behave("nouser");
    send(&smtp, "dana@example.org")
        .await
        .expect_err("everybody is refused");
    smtp.behave("");
    send(&smtp, "dana@example.org")
        .await
        .expect("it is taken now");
    assert_eq!(smtp.wait_for(1).await.len(), 1);
}

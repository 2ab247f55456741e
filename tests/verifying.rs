//! What an auditor does with what was handed to them: verdicts on the command line, on the page and
//! over the API, on files and on a log where it is served.

mod support;

use actix_web::http::{StatusCode, header};
use actix_web::test::TestRequest;
use countersign::app::App;
use countersign::clock::Clock;
use countersign::config::Config;
use countersign::db::PersonId;
use countersign::ledger::download::{Extras, Format, ready};
use countersign::ledger::{self, Filter, Note};
use countersign::people;
use serde_json::{Value, json};
use support::database::fresh_sqlite;
use support::house::House;
use support::http::send;
use support::on_both;
use support::program::Program;
use support::register::{first_day, operator};

on_both! { now crate::support::house::House::open =>
    private_values_go_along_when_asked
    who_may_not_open_values_gets_none_and_whoever_does_stands_in_the_log
    a_file_is_judged_on_the_page_and_nothing_is_entered
    few_exports_are_made_at_a_time_and_fewer_for_one_person
    a_program_gets_the_same_verdict
}

fn package(app: &App, filter: Filter) -> Vec<u8> {
    let extras = Extras {
        state: false,
        private: true,
    };
    let mut zip = Vec::new();
    let ready = ready(app, filter, Format::Package, extras).expect("it is ready");
    ready.write(&mut zip).expect("it is written");
    zip
}

fn judged(file: &[u8]) -> countersign::ledger::verifying::Found {
    countersign::ledger::verifying::check(file, &[], None)
}

fn private_values_go_along_when_asked(house: House) {
    house.register.submitted_by("tomas", json!({}));
    let zip = package(&house.app, Filter::default());
    assert_eq!(
        zip,
        package(&house.app, Filter::default()),
        "the same bytes"
    );
    let found = judged(&zip);
    assert_eq!(found.verdict, "good", "{}", found.words);
    assert!(
        found.words.contains("0 more were erased"),
        "{}",
        found.words
    );
    let part = Filter {
        kind: Some("record.created".to_owned()),
        ..Filter::default()
    };
    let found = judged(&package(&house.app, part));
    assert_eq!(found.verdict, "good", "{}", found.words);
}

#[test]
fn values_that_were_erased_are_listed_as_such_and_that_is_no_fault() {
    let (_folder, url) = fresh_sqlite();
    let config = Config {
        database_url: url,
        ..Config::default()
    };
    let app = App::open(config, Clock::fixed(first_day())).expect("the program opens");
    let told = app.db.write_now(|tx| {
        let story = Note::new("story.told", &operator());
        let story = story
            .private("reason", "Once there was")
            .private("teller", "Scheherazade");
        let seq = ledger::append(tx, first_day(), story)?;
        let because = ledger::append(tx, first_day(), Note::new("values.erased", &operator()))?;
        let seq = i64::try_from(seq).expect("a number");
        ledger::erase(tx, because, &[(seq, "teller".to_owned())])
    });
    told.expect("one of them is erased");
    let zip = package(&app, Filter::default());
    let found = judged(&zip);
    assert_eq!(found.verdict, "good", "{}", found.words);
    let told = "Private values: 1, each the original; 1 more were erased.";
    assert!(found.words.contains(told), "{}", found.words);
    let text = String::from_utf8_lossy(&zip).into_owned();
    assert!(text.contains("Once there was") && !text.contains("Scheherazade"));
}

fn who_may_not_open_values_gets_none_and_whoever_does_stands_in_the_log(house: House) {
    house.register.submitted_by("tomas", json!({}));
    let take = |who: &str, format: &str| {
        let pairs = [("format", format), ("private", "yes")];
        house.post(who, "/log/exports", &pairs).status
    };
    let size = house.register.ledger_size();
    assert_eq!(
        take("gus", "package"),
        StatusCode::FORBIDDEN,
        "keeps the policy"
    );
    assert_eq!(take("tomas", "package"), StatusCode::FORBIDDEN);
    assert_eq!(take("audra", "csv"), StatusCode::BAD_REQUEST);
    assert_eq!(
        house.register.ledger_size(),
        size,
        "what is refused leaves no entry"
    );
    assert!(!house.get("gus", "/log").body.contains("name=\"private\""));
    assert!(house.get("audra", "/log").body.contains("name=\"private\""));
    assert_eq!(take("audra", "package"), StatusCode::OK);
    let entries = house.register.entries();
    let last = entries.last().expect("an entry");
    assert_eq!(
        (last.kind.as_str(), &last.data["private_values"]),
        ("log.exported", &true.into())
    );
    let plain = house.post("audra", "/log/exports", &[("format", "package")]);
    assert_eq!(plain.status, StatusCode::OK);
    let entries = house.register.entries();
    assert_eq!(
        entries
            .last()
            .and_then(|last| last.data.get("private_values")),
        None
    );
}

/// A form with a file, as a browser sends it.
fn form(parts: &[(&str, &[u8])]) -> (String, Vec<u8>) {
    let mut body = Vec::new();
    for (name, bytes) in parts {
        let file = match *name {
            "file" => "; filename=\"log.zip\"\r\nContent-Type: application/zip",
            _ => "",
        };
        let head = format!("--b0undary\r\nContent-Disposition: form-data; name=\"{name}\"{file}");
        body.extend([head.as_bytes(), b"\r\n\r\n", bytes, b"\r\n"].concat());
    }
    body.extend(b"--b0undary--\r\n");
    ("multipart/form-data; boundary=b0undary".to_owned(), body)
}

fn a_file_is_judged_on_the_page_and_nothing_is_entered(house: House) {
    house.register.submitted_by("tomas", json!({}));
    let good = package(&house.app, Filter::default());
    let size = house.register.ledger_size();
    let check = |parts: &[(&str, &[u8])]| {
        let (media, body) = form(parts);
        let request = TestRequest::post().uri("/log/verify");
        let request = request.cookie(house.cookie("tomas"));
        let request = request.insert_header((header::CONTENT_TYPE, media));
        house.send(request.set_payload(body))
    };
    let page = house.get("tomas", "/log/verify");
    assert!(
        page.body.contains("What this does not prove"),
        "{}",
        page.body
    );

    let answer = check(&[("vkey", b""), ("since", b""), ("file", &good)]);
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.body.contains("The file holds"), "{}", answer.body);
    assert!(
        answer.body.contains(&format!("holds all {size} entries")),
        "{}",
        answer.body
    );

    let mut bad = good.clone();
    let text = b"\"kind\":\"record.created\"";
    let at = bad.windows(text.len()).position(|part| part == text);
    bad[at.expect("an entry") + 10] ^= 1;
    let answer = check(&[("vkey", b""), ("file", &bad)]);
    assert!(
        answer.body.contains("The file was changed"),
        "{}",
        answer.body
    );
    assert!(answer.body.contains("entries.jsonl"), "{}", answer.body);

    let answer = check(&[("vkey", b"nonsense<b>"), ("since", b"hm"), ("file", &good)]);
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        answer.body.contains("nonsense&lt;b&gt;"),
        "what was typed stays"
    );
    assert!(answer.body.contains("href=\"#vkey\"") && answer.body.contains("href=\"#since\""));

    let answer = check(&[("vkey", b""), ("file", b"")]);
    assert!(
        answer.body.contains("could not be checked"),
        "{}",
        answer.body
    );
    for parts in [&[][..], &[("vkey", b"".as_slice())], &[("other", b"x")]] {
        assert_eq!(check(parts).status, StatusCode::BAD_REQUEST);
    }
    let bare = house.send(TestRequest::get().uri("/log/verify"));
    assert_eq!(
        bare.status,
        StatusCode::SEE_OTHER,
        "who is not signed in signs in first"
    );

    let turns: Vec<_> = (0..2)
        .map(|_| house.app.verifying.take(Some(PersonId::new())))
        .collect();
    assert!(turns.iter().all(Result::is_ok), "every turn was given back");
    let answer = check(&[("vkey", b""), ("file", &good)]);
    assert_eq!(
        answer.status,
        StatusCode::SERVICE_UNAVAILABLE,
        "two are looked at already"
    );
    assert_eq!(house.register.ledger_size(), size, "looking enters nothing");
}

fn few_exports_are_made_at_a_time_and_fewer_for_one_person(house: House) {
    let take = |who: &str| house.post(who, "/log/exports", &[("format", "csv")]);
    let turns = &house.app.exporting;
    let audra = Some(house.register.person("audra"));
    let size = house.register.ledger_size();
    let own = [turns.take(audra), turns.take(audra)];
    assert!(own.iter().all(Result::is_ok));
    let refused = take("audra");
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(
        refused.headers.get(header::RETRY_AFTER).expect("a header"),
        "60"
    );
    let told = "xports of yours are at work already; try again in a minute";
    assert!(refused.body.contains(told), "{}", refused.body);
    assert_eq!(take("gus").status, StatusCode::OK, "others go on");
    let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while turns.in_use() > own.len() {
        assert!(std::time::Instant::now() < until, "the turn comes back");
        std::thread::yield_now();
    }
    let others = [turns.take(Some(PersonId::new())), turns.take(None)];
    assert!(others.iter().all(Result::is_ok));
    let refused = take("gus");
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        refused.headers.get(header::RETRY_AFTER).expect("a header"),
        "60"
    );
    let told = "xports of others are at work; try again in a minute";
    assert!(refused.body.contains(told), "{}", refused.body);
    assert_eq!(
        house.register.ledger_size(),
        size + 1,
        "what was refused left no entry"
    );
    drop((own, others));
    assert_eq!(take("audra").status, StatusCode::OK);
}

fn a_program_gets_the_same_verdict(house: House) {
    house.register.submitted_by("tomas", json!({}));
    let (good, person) = (
        package(&house.app, Filter::default()),
        house.register.person("audra"),
    );
    let scopes = ["log".to_owned()];
    let now = first_day();
    let secret = house
        .register
        .does(move |tx, _| people::create_token(tx, now, &operator(), person, &scopes, None));
    let bearer = format!("Bearer {}", secret.reveal());
    let call = |query: &str, body: &[u8]| -> (StatusCode, Value) {
        let request = TestRequest::post().set_payload(body.to_vec());
        let path = format!("/api/v1/log/verifications{query}");
        house.call(&bearer, request, &path)
    };
    let (status, told) = call("", &good);
    assert_eq!(
        (status, &told["verdict"]),
        (StatusCode::OK, &"good".into()),
        "{told}"
    );
    let (status, told) = call("", &good[..good.len() - 1]);
    assert_eq!(
        (status, &told["verdict"]),
        (StatusCode::OK, &"tampered".into()),
        "{told}"
    );
    let (status, told) = call("", &vec![b'x'; (64 << 20) + 1]);
    assert_eq!(
        (status, &told["verdict"]),
        (StatusCode::OK, &"unreadable".into()),
        "{told}"
    );
    assert_eq!(call("?vkey=nonsense", &good).0, StatusCode::BAD_REQUEST);
    assert_eq!(call("?other=1", &good).0, StatusCode::BAD_REQUEST);
}

const SIGNING: [(&str, &str); 2] = [
    ("COUNTERSIGN_SIGNING_KEY_FILE", "signing.key"),
    ("COUNTERSIGN_PUBLIC_URL", "https://register.test/ai"),
];

/// A register that signs, and its vkey.
fn signing() -> (tempfile::TempDir, Program, String) {
    let (folder, url) = fresh_sqlite();
    let program = Program::on(url);
    let told = program.with(&SIGNING, &["key", "new"]).good();
    let vkey = told
        .lines()
        .find(|line| line.starts_with("register.test/ai/log+"));
    let vkey = vkey.expect("the vkey").to_owned();
    (folder, program, vkey)
}

/// Serves until the newest checkpoint covers everything.
fn sealed(program: &Program, more: &[(&str, &str)]) -> support::program::Server {
    let settings = [&SIGNING[..], more].concat();
    let server = program.serve(&settings);
    let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
    loop {
        let ready = send(&server.address, "GET", "/readyz", &[], b"").json();
        if ready["checkpoint"]["state"] == "signed" {
            return server;
        }
        assert!(std::time::Instant::now() < until, "{ready}");
        std::thread::yield_now();
    }
}

#[test]
fn a_log_is_followed_where_it_is_served() {
    let (_folder, program, vkey) = signing();
    program.add_person("audra@example.org", "Audra Lind", &["auditor"], &[]);
    let kept = {
        let server = sealed(&program, &[]);
        let address = format!("http://{}/ai", server.address);
        let good = program.run(&["verify", &address, "--vkey", &vkey]).good();
        assert!(
            good.contains("Good: register.test/ai/log has 3 entries"),
            "{good}"
        );
        assert!(good.contains("Not checked: what the entries say"), "{good}");
        let log = send(&server.address, "GET", "/ai/log/checkpoint", &[], b"");
        log.text()
    };
    program.write("kept", &kept);
    program.add_person("dana@example.org", "Dana Fox", &[], &[]);
    let server = sealed(&program, &[("COUNTERSIGN_LOG_PUBLIC", "entries")]);
    let address = format!("http://{}/ai/log/", server.address);
    let good = program.run(&["verify", &address, "--vkey", &vkey, "--since", "kept"]);
    let good = good.good();
    assert!(
        good.contains("Every entry was read and has its hash"),
        "{good}"
    );
    assert!(
        good.contains("It grew from the 3 entries that you knew"),
        "{good}"
    );
    let told = program
        .run(&["verify", &address, "--vkey", &vkey, "--json"])
        .good();
    let told: Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!((&told["size"], &told["entries"]), (&4.into(), &true.into()));

    let bad = program.run(&["verify", &address]).bad(2);
    assert!(bad.contains("--vkey"), "{bad}");
    let other = "register.test/ai/log+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    let bad = program.run(&["verify", &address, "--vkey", other]);
    assert_ne!(bad.code, 0, "{}", bad.out);
    let elsewhere = format!("http://{}/elsewhere", server.address);
    let bad = program.run(&["verify", &elsewhere, "--vkey", &vkey]).bad(2);
    assert!(bad.contains("no public checkpoint"), "{bad}");
    let bad = program
        .run(&["verify", "http://register.test/ai", "--vkey", &vkey])
        .bad(2);
    assert!(bad.contains("--allow-http"), "{bad}");
    let gone = server.address.clone();
    drop(server);
    let gone = format!("http://{gone}/ai");
    program.run(&["verify", &gone, "--vkey", &vkey]).bad(2);
}

/// A server that leads elsewhere is not followed, nor is one that talks without end.
#[test]
fn a_server_of_ill_will_is_told_of_and_left() {
    let (_folder, program, vkey) = signing();
    let verdict = |answer: Vec<u8>| {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let serving = std::thread::spawn(move || {
            use std::io::{Read, Write};
            let (mut stream, _) = listener.accept().expect("somebody comes");
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(&answer);
        });
        let told = program.run(&["verify", &address, "--vkey", &vkey]).bad(2);
        serving.join().expect("it served");
        told
    };
    let told = verdict(
        b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"
            .to_vec(),
    );
    assert!(told.contains("leads to http://169.254.169.254/"), "{told}");
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 8000000\r\n\r\n".to_vec();
    let told = verdict([head, vec![b'x'; 8_000_000]].concat());
    assert!(told.contains("cannot verify"), "{told}");
    let told = verdict(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n".to_vec());
    assert!(told.contains("answered 500"), "{told}");
}

#[test]
fn a_package_is_held_against_whatever_was_kept() {
    let (_folder, program, vkey) = signing();
    let export = |name: &str, more: &[&str]| {
        let begin = ["export", "decisions", "--format", "package", "--out", name];
        program.with(&SIGNING, &[&begin[..], more].concat()).good();
    };
    export("old.zip", &[]);
    program.add_person("dana@example.org", "Dana Fox", &[], &[]);
    drop(sealed(&program, &[]));
    export("new.zip", &["--with-private"]);
    let since = |kept: &str| program.run(&["verify", "new.zip", "--vkey", &vkey, "--since", kept]);
    let good = since("old.zip").good();
    assert!(
        good.contains("It grew from the 1 entries that you knew"),
        "{good}"
    );
    assert!(good.contains("checkpoints is signed"), "{good}");
    assert!(good.contains("Private values: "), "{good}");
    let receipt = |seq: u64| {
        let zip = std::fs::read(program.path("new.zip")).expect("the package");
        let text = String::from_utf8_lossy(&zip).into_owned();
        let from = text.find("register.test/ai/log\n").expect("a checkpoint");
        let to = text[from..].find("PK").expect("its end");
        format!("old {seq}\n\n{}", &text[from..from + to])
    };
    program.write("mail.txt", receipt(1).replace('\n', "\r\n"));
    let good = since("mail.txt").good();
    assert!(good.contains("It grew from the"), "{good}");

    program.write("odd", "hello\n");
    let bad = since("odd").bad(2);
    assert!(
        bad.contains("no checkpoint, no proof from a daily mail"),
        "{bad}"
    );
    let cut = std::fs::read(program.path("old.zip")).expect("the package");
    program.write("cut.zip", &cut[..cut.len() - 9]);
    let bad = since("cut.zip").bad(1);
    assert!(bad.contains("--since cut.zip"), "{bad}");
    let both = ["verify", "old.zip", "--vkey", &vkey, "--since", "new.zip"];
    let bad = program.run(&both).bad(1);
    assert!(bad.contains("entries were taken away"), "{bad}");
    let only = ["export", "decisions", "--format", "jsonl", "--with-private"];
    let bad = program.with(&SIGNING, &only).bad(2);
    assert!(bad.contains("package only"), "{bad}");
}

//! Witnesses outside of the house, good ones and evil ones: what the log gets from them, what they
//! find, and that nothing here ever waits for them or believes them.

mod support;

use actix_web::test as web_test;
use base64::prelude::*;
use countersign::app::App;
use countersign::clock::Clock;
use countersign::config::Config;
use countersign::db::schema::ledger_cosignatures;
use countersign::finding::Verdict;
use countersign::ledger::checkpoint::{self, Checkpoint};
use countersign::ledger::key::Vkey;
use countersign::ledger::receipt::{Receipt, run_verify};
use countersign::ledger::seal::{self, Outside, Sealing, Signed, worker};
use countersign::ledger::tree::{self, Hash};
use countersign::ledger::{self, Note};
use countersign::web::serve::configure;
use diesel::prelude::*;
use ed25519_dalek::{Signer, SigningKey};
use sha2::{Digest, Sha256};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use support::on_both;
use support::outsider::{Outsider, Reply, Request};
use support::post::until;
use support::register::{first_day, operator};
use support::tamper;
use tempfile::TempDir;

on_both! { now crate::open =>
    a_witness_sees_each_checkpoint_and_its_line_goes_along
    a_witness_says_itself_what_it_saw_last
    a_witness_that_saw_more_or_something_else_is_heard
    an_evil_witness_gets_nothing_in_and_holds_nothing_up
    too_few_witnesses_are_told
    the_running_program_asks_after_it_has_signed
}

const SIZE: &str = "text/x.tlog.size";

/// A log that is signed, before anybody outside is asked.
struct House {
    config: Config,
    clock: Clock,
    app: App,
    _folder: TempDir,
}

fn open(url: String) -> House {
    let folder = tempfile::tempdir().expect("a folder");
    let config = Config {
        database_url: url,
        public_url: "https://register.test".to_owned(),
        signing_key_file: folder.path().join("signing.key").display().to_string(),
        readers: 4,
        ..Config::default()
    };
    let clock = Clock::fixed(first_day());
    let app = App::open(config.clone(), clock.clone()).expect("the program opens");
    seal::create(&app, &operator()).expect("a key");
    House {
        config,
        clock,
        app,
        _folder: folder,
    }
}

impl House {
    /// Starts the program again with other settings.
    fn with(&mut self, change: impl FnOnce(&mut Config)) {
        change(&mut self.config);
        self.config.check().expect("good settings");
        self.app = App::open(self.config.clone(), self.clock.clone()).expect("it opens");
    }

    fn witnessed_by(&mut self, witnesses: &[&Double]) {
        let all = witnesses.iter().map(|double| double.setting());
        let all: Vec<String> = all.collect();
        self.with(|config| config.witnesses = all.join(", "));
    }

    fn enter(&self, count: usize) {
        for _ in 0..count {
            let note = Note::new("story.told", &operator());
            let entered = self
                .app
                .db
                .write_now(|tx| ledger::append(tx, first_day(), note));
            entered.expect("an entry");
        }
    }

    fn grow(&self, count: usize) -> Checkpoint {
        self.enter(count);
        match seal::sign(&self.app).expect("an answer") {
            Signed::Now(checkpoint) => checkpoint,
            other => panic!("{other:?}"),
        }
    }

    fn ask(&self) -> Outside {
        seal::ask_outside(&self.app).expect("the database answers");
        self.outside()
    }

    fn outside(&self) -> Outside {
        let now = self.clock.now();
        let read = self
            .app
            .db
            .read_now(|conn| seal::outside(conn, &self.config, now));
        read.expect("the database answers")
            .expect("somebody is asked")
    }

    fn vkeys(&self) -> Vec<Vkey> {
        self.app.db.read_now(seal::vkeys).expect("keys")
    }

    fn minutes_pass(&self, minutes: u64) {
        let later = self.clock.now().plus(Duration::from_secs(60 * minutes));
        self.clock.set(later);
    }

    fn published(&self) -> Vec<u8> {
        let app = self.app.clone();
        actix_web::rt::System::new().block_on(async move {
            let service = actix_web::App::new().configure(configure(app));
            let service = web_test::init_service(service).await;
            let request = web_test::TestRequest::get().uri("/log/checkpoint");
            let answer = web_test::call_service(&service, request.to_request()).await;
            web_test::read_body(answer).await.to_vec()
        })
    }

    fn lines(&self) -> i64 {
        let count = ledger_cosignatures::table.count();
        let count = self.app.db.read_now(|conn| Ok(count.get_result(conn)?));
        count.expect("a count")
    }
}

/// A witness after C2SP `tlog-witness`, written from its text.
#[derive(Clone)]
struct Double {
    name: String,
    key: SigningKey,
    log: Vkey,
    saw: Arc<Mutex<(u64, Hash)>>,
    server: Arc<Mutex<Option<Outsider>>>,
    time: u64,
}

impl Double {
    fn new(house: &House, name: &str) -> Double {
        let seed: [u8; 32] = Sha256::digest(name).into();
        let time = first_day().0.as_second();
        let double = Double {
            name: name.to_owned(),
            key: SigningKey::from_bytes(&seed),
            log: house.vkeys().pop().expect("a key"),
            saw: Arc::new(Mutex::new((0, Hash::EMPTY))),
            server: Arc::default(),
            time: u64::try_from(time).expect("after 1970"),
        };
        let answering = double.clone();
        double.serves(move |request| answering.answer(request))
    }

    /// Somebody in the place of a witness, with its name and key in the settings.
    fn evil(
        house: &House,
        answer: impl Fn(&Double, &Request) -> Reply + Send + Sync + 'static,
    ) -> Double {
        let double = Double::new(house, "evil.example/w");
        let honest = double.clone();
        double.serves(move |request| answer(&honest, request))
    }

    fn serves(self, answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Double {
        let server = Arc::new(Mutex::new(Some(Outsider::open(answer))));
        Double { server, ..self }
    }

    fn vkey(&self) -> String {
        let material = [&[4], self.key.verifying_key().as_bytes().as_slice()].concat();
        let id = hex::encode(self.id());
        format!("{}+{id}+{}", self.name, BASE64_STANDARD.encode(material))
    }

    fn id(&self) -> [u8; 4] {
        let key = self.key.verifying_key();
        let text = [self.name.as_bytes(), b"\n\x04", key.as_bytes()].concat();
        Sha256::digest(text)[..4].try_into().expect("four bytes")
    }

    fn setting(&self) -> String {
        let server = self.server.lock().expect("nobody panicked");
        let url = &server.as_ref().expect("it serves").url;
        format!("{url}/some/where/ {}", self.vkey())
    }

    fn asked(&self) -> usize {
        let server = self.server.lock().expect("nobody panicked");
        server.as_ref().expect("it serves").asked()
    }

    fn size(&self) -> u64 {
        self.saw.lock().expect("nobody panicked").0
    }

    fn line(&self, text: &str) -> String {
        self.line_at(text, self.time)
    }

    fn line_at(&self, text: &str, time: u64) -> String {
        let message = format!("cosignature/v1\ntime {time}\n{text}");
        let signature = self.key.sign(message.as_bytes()).to_bytes();
        let line = [&self.id()[..], &time.to_be_bytes(), &signature].concat();
        format!("\u{2014} {} {}\n", self.name, BASE64_STANDARD.encode(line))
    }

    fn answer(&self, request: &Request) -> Reply {
        let no = |status| Reply::new(status, "text/plain", "no\n");
        if (request.method.as_str(), request.path.as_str())
            != ("POST", "/some/where/add-checkpoint")
        {
            return no(404);
        }
        let Some((old, proof, note)) = parts(&request.body) else {
            return no(400);
        };
        let text = text_of(note);
        if text.lines().next() != Some(self.log.name().as_str()) {
            return no(404);
        }
        let Ok(new) = checkpoint::open(note.as_bytes(), std::slice::from_ref(&self.log)) else {
            return no(403);
        };
        if old > new.size {
            return no(400);
        }
        let mut saw = self.saw.lock().expect("nobody panicked");
        if old != saw.0 {
            return Reply::new(409, SIZE, format!("{}\n", saw.0));
        }
        let goes_on = match (old, old == new.size) {
            (0, _) => proof.is_empty(),
            (_, true) => proof.is_empty() && saw.1 == new.root,
            _ => tree::check_consistency(&proof, *saw, (new.size, new.root)).is_ok(),
        };
        if !goes_on {
            return no(422);
        }
        *saw = (new.size, new.root);
        Reply::new(200, "text/plain", self.line(text))
    }
}

/// Old size, proof and note of a question.
fn parts(body: &[u8]) -> Option<(u64, Vec<Hash>, &str)> {
    let body = std::str::from_utf8(body).ok()?;
    let (head, note) = body.split_once("\n\n")?;
    let mut lines = head.lines();
    let old = lines.next()?.strip_prefix("old ")?;
    let number: u64 = old.parse().ok()?;
    let proof: Option<Vec<Hash>> = lines
        .map(|line| Hash::from_slice(&BASE64_STANDARD.decode(line).ok()?))
        .collect();
    let proof = proof.filter(|proof| proof.len() <= 63)?;
    (number.to_string() == old).then_some((number, proof, note))
}

fn text_of(note: &str) -> &str {
    let end = note.rfind("\n\n").expect("a note");
    &note[..=end]
}

fn a_witness_sees_each_checkpoint_and_its_line_goes_along(mut house: House) {
    let (one, two) = (
        Double::new(&house, "w.example/1"),
        Double::new(&house, "w.example/2"),
    );
    house.witnessed_by(&[&one, &two]);
    let log = house.vkeys();
    let mut all = log.clone();
    all.extend([one.vkey(), two.vkey()].map(|key| key.parse::<Vkey>().expect("a vkey")));
    for count in [1, 2, 70, 300] {
        let signed = house.grow(count);
        let bare = house.published();
        assert_eq!(
            checkpoint::opened(&bare, &all).expect("it opens").1.len(),
            0
        );
        let outside = house.ask();
        assert_eq!(outside.seen_by, 2, "{outside:?}");
        assert!(outside.witnesses.iter().all(|seen| seen.trouble.is_none()));
        assert_eq!((one.size(), two.size()), (signed.size, signed.size));

        let note = house.published();
        let (opened, witnesses) = checkpoint::opened(&note, &all).expect("it opens");
        assert_eq!((opened, witnesses.len()), (signed.clone(), 2));
        let known_to_few = checkpoint::open(&note, &log).expect("who knows no witness is served");
        assert_eq!(known_to_few, signed);
        let receipt = house.app.db.read_now(|conn| Sealing::of(conn, 1));
        let receipt = receipt.expect("an answer").receipt.expect("a receipt");
        let shown = Receipt::parse(receipt.as_bytes())
            .expect("it reads")
            .check(&all);
        assert_eq!(shown.expect("it holds").witnesses.len(), 2);
        let (code, words) = run_verify(receipt.as_bytes(), &log);
        assert_eq!((code, words.contains("witness")), (0, false), "{words}");
    }
    assert_eq!(one.asked(), 4);
    house.ask();
    assert_eq!(one.asked(), 4, "it saw the newest already");
}

fn a_witness_says_itself_what_it_saw_last(mut house: House) {
    let double = Double::new(&house, "w.example/1");
    house.witnessed_by(&[&double]);
    house.grow(5);
    house.ask();
    // What it answered was lost here, as with a database that was put back.
    let mut conn = tamper::connect(&house.config.database_url);
    tamper::without_guards(&mut conn).expect("no guards");
    let gone = diesel::delete(ledger_cosignatures::table).execute(&mut conn);
    assert_eq!(gone.expect("it is lost"), 1);
    let signed = house.grow(20);
    let outside = house.ask();
    assert_eq!(outside.witnesses[0].trouble, None);
    assert_eq!((outside.seen_by, double.size()), (1, signed.size));
    assert_eq!(double.asked(), 3, "once in vain, once from where it was");
}

fn a_witness_that_saw_more_or_something_else_is_heard(mut house: House) {
    let double = Double::new(&house, "w.example/1");
    house.witnessed_by(&[&double]);
    house.grow(5);
    let told = |saw, words: &str| {
        *double.saw.lock().expect("nobody panicked") = saw;
        house.minutes_pass(2);
        let outside = house.ask();
        let trouble = outside.witnesses[0].trouble.clone().unwrap_or_default();
        assert!(trouble.contains(words), "{trouble}");
        assert_eq!(house.lines(), 0);
    };
    told(
        (900, Hash([1; 32])),
        "it saw 900 entries of this log, which has 6 here",
    );
    told(
        (3, Hash([1; 32])),
        "does not go on from the one that it saw",
    );
    told(
        (6, Hash([1; 32])),
        "does not go on from the one that it saw",
    );
    let mut stranger = Double::new(&house, "w.example/2");
    stranger.log = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
        .parse()
        .expect("a vkey");
    let answering = stranger.clone();
    let stranger = stranger.serves(move |request| answering.answer(request));
    house.witnessed_by(&[&stranger]);
    let outside = house.ask();
    let trouble = outside.witnesses[0].trouble.clone().unwrap_or_default();
    assert_eq!(trouble, "it does not know the log register.test/log");
}

type Evil = fn(&Double, &Request) -> Reply;

fn well(body: impl Into<Vec<u8>>) -> Reply {
    Reply::new(200, "text/plain", body)
}

/// What an evil witness answers, and what is told of it.
const EVIL: &[(&str, Evil)] = &[
    ("does not belong to this text", |double, request| {
        let note = String::from_utf8_lossy(&request.body).into_owned();
        well(double.line(&text_of(&note).replace("old", "new")))
    }),
    ("does not belong to this text", |double, request| {
        let other = SigningKey::from_bytes(&[9; 32]);
        let line = Double {
            key: other,
            ..double.clone()
        };
        let note = String::from_utf8_lossy(&request.body).into_owned();
        let (_, _, note) = parts(note.as_bytes()).expect("a question");
        let line = line.line(text_of(note));
        let bytes = line.trim_end().rsplit(' ').next().expect("base64");
        let bytes = BASE64_STANDARD.decode(bytes).expect("base64");
        let bytes = BASE64_STANDARD.encode([&double.id()[..], &bytes[4..]].concat());
        well(format!("\u{2014} {} {bytes}\n", double.name))
    }),
    ("holds no signature of evil.example/w", |double, request| {
        let other = Double {
            name: "other.example/w".to_owned(),
            ..double.clone()
        };
        let (_, _, note) = parts(&request.body).expect("a question");
        well(other.line(text_of(note)))
    }),
    ("for a time to come", |double, request| {
        let (_, _, note) = parts(&request.body).expect("a question");
        well(double.line_at(text_of(note), double.time + 3600))
    }),
    ("does not answer as a witness", |double, request| {
        let (_, _, note) = parts(&request.body).expect("a question");
        let text = text_of(note).replace("\n6\n", "\n7\n");
        well(format!("\n{text}\n{}", double.line(&text)))
    }),
    ("does not answer as a witness", |_, _| well("")),
    ("does not answer as a witness", |_, _| well(vec![0xff; 100])),
    ("does not answer as a witness", |_, _| {
        well("\u{2014} evil.example/w not-base64\n")
    }),
    ("does not answer as a witness", |double, request| {
        let (_, _, note) = parts(&request.body).expect("a question");
        well(double.line(text_of(note)).trim_end().to_owned())
    }),
    ("its answer is too long", |_, _| well(vec![b'x'; 10 << 20])),
    ("it answers 302", |_, _| {
        let mut reply = Reply::new(302, "text/plain", "");
        reply
            .headers
            .push(("Location", "http://127.0.0.1:1/".to_owned()));
        reply
    }),
    ("it answers 500", |_, _| Reply::new(500, "text/plain", "")),
    ("409 without the size", |_, _| {
        Reply::new(409, SIZE, "many\n")
    }),
    ("409 about the size that it names", |_, _| {
        Reply::new(409, SIZE, "0\n")
    }),
    ("changes what it says", |_, request| {
        let (old, _, _) = parts(&request.body).expect("a question");
        Reply::new(409, SIZE, format!("{}\n", old + 1))
    }),
    ("does not answer within", |_, _| Reply {
        drips: true,
        ..well("")
    }),
];

fn an_evil_witness_gets_nothing_in_and_holds_nothing_up(mut house: House) {
    house.grow(5);
    let before = house.published();
    for (told, evil) in EVIL {
        let double = Double::evil(&house, evil);
        house.witnessed_by(&[&double]);
        house.minutes_pass(2);
        let outside = house.ask();
        let trouble = outside.witnesses[0].trouble.clone().unwrap_or_default();
        assert!(trouble.contains(told), "{told}: {trouble}");
        assert!(double.asked() <= 2, "{told}");
        assert_eq!((house.lines(), outside.seen_by), (0, 0), "{told}");
        let asked = double.asked();
        house.ask();
        assert_eq!(
            double.asked(),
            asked,
            "{told}: it is left alone for a while"
        );
    }
    assert!(house.published() == before, "the note is as it was");

    // While one of them drips, signing goes on.
    house.minutes_pass(2);
    let begun = Instant::now();
    let app = house.app.clone();
    let asking = std::thread::spawn(move || seal::ask_outside(&app));
    house.grow(3);
    assert!(
        !asking.is_finished(),
        "it signed after {:?}",
        begun.elapsed()
    );
    let asked = asking.join().expect("nobody panicked");
    asked.expect("the database answers");
}

fn too_few_witnesses_are_told(mut house: House) {
    let good = Double::new(&house, "w.example/1");
    let evil = Double::evil(&house, |_, _| Reply::new(500, "text/plain", ""));
    house.witnessed_by(&[&good, &evil]);
    house.grow(2);
    let doctor = |house: &House| {
        let now = house.clock.now();
        let found = house
            .app
            .db
            .read_now(|conn| seal::check_outside(conn, &house.config, now));
        let found = found.expect("an answer").remove(0);
        (found.verdict, found.says, found.details.join("\n"))
    };
    house.ask();
    house.minutes_pass(3);
    let (verdict, says, details) = doctor(&house);
    assert_eq!(
        (verdict, house.outside().is_short),
        (Verdict::Advice, false),
        "{says}"
    );
    assert!(says.starts_with("1 of 2 witnesses saw"), "{says}");
    assert!(
        details.contains("evil.example/w: it answers 500; it saw nothing yet"),
        "{details}"
    );
    assert!(
        details.contains("w.example/1: it saw 3 entries at 2027-"),
        "{details}"
    );

    house.with(|config| config.witness_quorum = 2);
    let (verdict, says, _) = doctor(&house);
    assert_eq!(
        (verdict, house.outside().is_short),
        (Verdict::Wrong, true),
        "{says}"
    );
    assert!(says.ends_with(", and 2 must"), "{says}");
    house.with(|config| config.witness_quorum = 1);
    assert!(!house.outside().is_short);
    house.grow(1);
    assert!(!house.outside().is_short, "it has time to be seen");
    house.minutes_pass(3);
    assert!(house.outside().is_short);
    house.ask();
    assert!(!house.outside().is_short);

    house.config.witness_quorum = 3;
    let told = house.config.check().expect_err("there are two").to_string();
    assert!(told.contains("COUNTERSIGN_WITNESS_QUORUM"), "{told}");
}

fn the_running_program_asks_after_it_has_signed(mut house: House) {
    let good = Double::new(&house, "w.example/1");
    let evil = Double::evil(&house, |_, _| Reply {
        drips: true,
        ..well("")
    });
    house.witnessed_by(&[&good, &evil]);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let over = async move { drop(stopped.await) };
    let running = runtime.spawn(worker::run(house.app.clone(), over));
    until("the witness to see the first", || {
        (good.size() == 1).then_some(())
    });
    house.enter(4);
    // The other one drips all the while.
    until("it to be signed", || {
        let newest = house.app.db.read_now(seal::newest).expect("an answer");
        newest.filter(|newest| newest.size == 5)
    });
    until("the witness to see it", || (good.size() == 5).then_some(()));
    stop.send(()).expect("the worker lives");
    runtime.block_on(running).expect("it ends");
    until("the line to be kept", || (house.lines() == 2).then_some(()));
}

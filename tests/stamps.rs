//! Time stamps of checkpoints, with an authority that OpenSSL plays: what is kept is what
//! `openssl ts -verify` accepts, and what an evil authority answers is not kept.

mod support;

use actix_web::http::StatusCode;
use actix_web::test as web_test;
use cms::cert::x509::der::{Decode, Encode};
use countersign::app::App;
use countersign::clock::Clock;
use countersign::config::Config;
use countersign::db::schema::ledger_stamps;
use countersign::finding::{Finding, Verdict};
use countersign::ledger::seal::{self, Signed};
use countersign::ledger::{self, Note};
use countersign::web::serve::configure;
use diesel::prelude::*;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use support::on_both;
use support::outsider::{Outsider, Reply, Request};
use support::register::operator;
use tempfile::TempDir;
use x509_tsp::TimeStampReq;

on_both! { now crate::open =>
    a_stamp_is_kept_and_openssl_verifies_it
    an_authority_is_asked_once_an_hour
    an_evil_authority_gets_nothing_in
}

const REPLY: &str = "application/timestamp-reply";

/// An authority: its keys and certificates, made by OpenSSL, in a folder.
#[derive(Clone)]
struct Authority {
    folder: Arc<TempDir>,
}

impl Authority {
    fn new() -> Authority {
        let folder = Arc::new(tempfile::tempdir().expect("a folder"));
        let authority = Authority { folder };
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
        authority.openssl(&format!(
            "req -x509 {key} -keyout ca.key -out ca.pem -subj /CN=Root -days 3650"
        ));
        authority.openssl(&format!(
            "req -new {key} -keyout tsa.key -out tsa.csr -subj /CN=Authority"
        ));
        authority.write("tsa.ext", "extendedKeyUsage = critical,timeStamping\n");
        authority.openssl(
            "x509 -req -in tsa.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out tsa.pem \
             -days 3650 -extfile tsa.ext",
        );
        authority.write("serial", "01\n");
        authority.write(
            "tsa.cnf",
            "[tsa]\ndefault_tsa = one\n[one]\nserial = serial\nsigner_digest = sha256\n\
             default_policy = 1.2.3.4.1\ndigests = sha256\naccuracy = secs:1\ncerts = ca.pem\n\
             ess_cert_id_alg = sha256\n",
        );
        authority
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).expect("it is written");
    }

    /// Runs OpenSSL, which must succeed; what it says.
    #[track_caller]
    fn openssl(&self, arguments: &str) -> String {
        let (good, said) = openssl(self.folder.path(), arguments);
        assert!(good, "openssl {arguments}: {said}");
        said
    }

    /// What OpenSSL answers to a question, in DER.
    fn stamp(&self, question: &[u8]) -> Vec<u8> {
        let name = uuid::Uuid::now_v7().to_string();
        self.write(&name, question);
        self.openssl(&format!(
            "ts -reply -queryfile {name} -out {name}.tsr -config tsa.cnf -section one \
             -signer tsa.pem -inkey tsa.key"
        ));
        std::fs::read(self.path(&format!("{name}.tsr"))).expect("an answer")
    }
}

fn openssl(folder: &Path, arguments: &str) -> (bool, String) {
    let mut openssl = Command::new("openssl");
    openssl
        .current_dir(folder)
        .args(arguments.split_whitespace());
    let done = openssl
        .output()
        .expect("OpenSSL is installed: tests/run names it");
    let said = [done.stdout, done.stderr].concat();
    (
        done.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

/// A log that is signed, on this machine's time: OpenSSL knows no other.
struct House {
    app: App,
    clock: Clock,
    folder: TempDir,
}

fn open(url: String) -> House {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = Clock::fixed(Clock::system().now());
    let mut house = House {
        app: program(&url, folder.path(), "", &clock),
        clock,
        folder,
    };
    seal::create(&house.app, &operator()).expect("a key");
    house.grow(4);
    house
}

fn program(url: &str, folder: &Path, authority: &str, clock: &Clock) -> App {
    let config = Config {
        database_url: url.to_owned(),
        public_url: "https://register.test".to_owned(),
        signing_key_file: folder.join("signing.key").display().to_string(),
        timestamp_url: authority.to_owned(),
        readers: 2,
        ..Config::default()
    };
    config.check().expect("good settings");
    App::open(config, clock.clone()).expect("the program opens")
}

impl House {
    fn grow(&mut self, count: usize) {
        for _ in 0..count {
            let (now, note) = (self.clock.now(), Note::new("story.told", &operator()));
            let entered = self
                .app
                .db
                .write_now(move |tx| ledger::append(tx, now, note));
            entered.expect("an entry");
        }
        let signed = seal::sign(&self.app).expect("an answer");
        assert!(matches!(signed, Signed::Now(_)));
    }

    fn asks(&mut self, url: &str) {
        let database = self.app.config.database_url.clone();
        self.app = program(&database, self.folder.path(), url, &self.clock);
    }

    fn minutes_pass(&self, minutes: u64) {
        let later = self.clock.now().plus(Duration::from_secs(60 * minutes));
        self.clock.set(later);
    }

    fn doctor(&self) -> Finding {
        seal::ask_outside(&self.app).expect("the database answers");
        let (config, now) = (self.app.config.clone(), self.clock.now());
        let found = self
            .app
            .db
            .read_now(|conn| seal::check_outside(conn, &config, now));
        let found = found.expect("an answer");
        let found = found.into_iter().find(|found| found.check == "timestamps");
        found.expect("an authority is asked")
    }

    fn stamps(&self) -> i64 {
        let count = ledger_stamps::table.count();
        let count = self.app.db.read_now(|conn| Ok(count.get_result(conn)?));
        count.expect("a count")
    }

    fn get(&self, path: &str) -> (StatusCode, Vec<u8>) {
        let (app, path) = (self.app.clone(), path.to_owned());
        actix_web::rt::System::new().block_on(async move {
            let service = actix_web::App::new().configure(configure(app));
            let service = web_test::init_service(service).await;
            let request = web_test::TestRequest::get().uri(&path).to_request();
            let answer = web_test::call_service(&service, request).await;
            let status = answer.status();
            (status, web_test::read_body(answer).await.to_vec())
        })
    }
}

fn a_stamp_is_kept_and_openssl_verifies_it(mut house: House) {
    let authority = Authority::new();
    let playing = authority.clone();
    let server = Outsider::open(move |request| {
        let right = ("POST", "/tsa", "application/timestamp-query");
        let is = (&*request.method, &*request.path, &*request.media);
        match is == right {
            true => Reply::new(200, REPLY, playing.stamp(&request.body)),
            false => Reply::new(404, "text/plain", ""),
        }
    });
    house.asks(&format!("{}/tsa", server.url));
    let found = house.doctor();
    assert_eq!(found.verdict, Verdict::Good, "{found:?}");
    assert!(found.says.contains("it saw 5 entries at 20"), "{found:?}");

    let (status, list) = house.get("/log/stamps");
    let list = String::from_utf8(list).expect("text");
    assert_eq!(
        (status, list.starts_with("5 20"), list.lines().count()),
        (StatusCode::OK, true, 1)
    );
    let (_, note) = house.get("/log/stamps/5.checkpoint");
    let (_, answer) = house.get("/log/stamps/5.tsr");
    let newest = house
        .app
        .db
        .read_now(seal::newest)
        .expect("an answer")
        .expect("one");
    assert_eq!(note, newest.note.as_bytes());
    authority.write("checkpoint", &note);
    authority.write("checkpoint.tsr", &answer);
    let verify = "ts -verify -data checkpoint -in checkpoint.tsr -CAfile ca.pem";
    assert!(authority.openssl(verify).contains("Verification: OK"));
    let other = String::from_utf8(note)
        .expect("text")
        .replace("\n5\n", "\n4\n");
    authority.write("checkpoint", other);
    let (good, said) = openssl(authority.folder.path(), verify);
    assert!(!good && said.contains("FAILED"), "{said}");

    for missing in [
        "4.tsr",
        "4.checkpoint",
        "5.txt",
        "x.tsr",
        "99999999999999999999.tsr",
    ] {
        let (status, _) = house.get(&format!("/log/stamps/{missing}"));
        assert_eq!(status, StatusCode::NOT_FOUND, "{missing}");
    }
}

fn an_authority_is_asked_once_an_hour(mut house: House) {
    let authority = Authority::new();
    let server =
        Outsider::open(move |request| Reply::new(200, REPLY, authority.stamp(&request.body)));
    house.asks(&server.url);
    assert_eq!(house.doctor().verdict, Verdict::Good);
    house.grow(1);
    house.minutes_pass(59);
    house.doctor();
    assert_eq!((server.asked(), house.stamps()), (1, 1));
    // An hour later OpenSSL's clock is not ours any more, which is told.
    house.minutes_pass(2);
    let found = house.doctor();
    assert_eq!((server.asked(), house.stamps()), (2, 1));
    assert!(found.says.contains("by more than ten minutes"), "{found:?}");
    assert_eq!(found.verdict, Verdict::Advice);
}

type Evil = fn(&Authority, &Request) -> Reply;

/// What OpenSSL answers to a question that was changed on its way.
fn to_another(
    authority: &Authority,
    request: &Request,
    change: impl FnOnce(&mut TimeStampReq),
) -> Reply {
    let mut question = TimeStampReq::from_der(&request.body).expect("a question");
    change(&mut question);
    let question = question.to_der().expect("a question");
    Reply::new(200, REPLY, authority.stamp(&question))
}

/// What an evil authority answers, and what is told of it.
const EVIL: &[(&str, Evil)] = &[
    ("is to another question", |authority, request| {
        to_another(authority, request, |question| {
            let nonce = [0x41; 16].as_slice();
            question.nonce = Some(cms::cert::x509::der::asn1::Int::new(nonce).unwrap());
        })
    }),
    ("is to another question", |authority, request| {
        to_another(authority, request, |question| question.nonce = None)
    }),
    ("stamped something else", |authority, request| {
        to_another(authority, request, |question| {
            let other = cms::cert::x509::der::asn1::OctetString::new([7; 32]);
            question.message_imprint.hashed_message = other.unwrap();
        })
    }),
    ("without the certificate", |authority, request| {
        to_another(authority, request, |question| question.cert_req = false)
    }),
    ("it refuses, with status 2", |authority, request| {
        to_another(authority, request, |question| {
            let sha_1 = "1.3.14.3.2.26".parse().unwrap();
            question.message_imprint.hash_algorithm.oid = sha_1;
            let other = cms::cert::x509::der::asn1::OctetString::new([7; 20]);
            question.message_imprint.hashed_message = other.unwrap();
        })
    }),
    ("grants a stamp and sends none", |_, _| {
        Reply::new(200, REPLY, [0x30, 0x05, 0x30, 0x03, 0x02, 0x01, 0x00])
    }),
    ("cannot be read", |_, _| Reply::new(200, REPLY, "garbage")),
    ("cannot be read", |_, _| Reply::new(200, REPLY, "")),
    ("cannot be read", |authority, request| {
        let mut answer = authority.stamp(&request.body);
        answer.truncate(answer.len() - 1);
        Reply::new(200, REPLY, answer)
    }),
    ("cannot be read", |authority, request| {
        let mut answer = authority.stamp(&request.body);
        answer.push(0);
        Reply::new(200, REPLY, answer)
    }),
    ("is no time stamp", |authority, request| {
        Reply::new(200, "text/html", authority.stamp(&request.body))
    }),
    ("it answers 503", |_, _| Reply::new(503, REPLY, "")),
    ("it answers 307", |_, _| {
        let mut reply = Reply::new(307, REPLY, "");
        reply
            .headers
            .push(("Location", "http://127.0.0.1:1/".to_owned()));
        reply
    }),
    ("its answer is too long", |_, _| {
        Reply::new(200, REPLY, vec![0x30; 10 << 20])
    }),
];

fn an_evil_authority_gets_nothing_in(mut house: House) {
    let authority = Authority::new();
    for (told, evil) in EVIL {
        let playing = authority.clone();
        let server = Outsider::open(move |request| evil(&playing, request));
        house.asks(&server.url);
        // Short enough that its clock is not what is wrong.
        let later = house.clock.now().plus(Duration::from_secs(30));
        house.clock.set(later);
        let database = house.app.config.database_url.clone();
        forget_askings(&database);
        let found = house.doctor();
        assert_eq!(found.verdict, Verdict::Advice, "{told}: {found:?}");
        assert!(found.says.contains(told), "{told}: {found:?}");
        assert_eq!((server.asked(), house.stamps()), (1, 0), "{told}");
        house.doctor();
        assert_eq!(server.asked(), 1, "{told}: it is left alone for a while");
        house.grow(1);
    }
}

/// As if nobody was ever asked, so that the next one is.
fn forget_askings(url: &str) {
    let mut conn = support::tamper::connect(url);
    let gone = diesel::delete(countersign::db::schema::ledger_askings::table).execute(&mut conn);
    gone.expect("it is forgotten");
}

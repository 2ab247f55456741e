//! Stories of the sealed ledger, on both databases: what is signed, what refuses to be, and what
//! a monitor and a person with a receipt can check without trusting the server.

mod support;

use actix_web::http::StatusCode;
use actix_web::test as web_test;
use countersign::app::App;
use countersign::clock::Clock;
use countersign::config::Config;
use countersign::db::Conn;
use countersign::db::schema::{ledger_checkpoints, ledger_nodes};
use countersign::error::Result;
use countersign::ledger::checkpoint::{self, Checkpoint};
use countersign::ledger::entry::{Method, Via};
use countersign::ledger::key::Vkey;
use countersign::ledger::proof::check_growth;
use countersign::ledger::receipt::Receipt;
use countersign::ledger::seal::{self, Sealing, Signed, worker};
use countersign::ledger::tree::{self, Hash};
use countersign::ledger::{self, Actor, Note};
use countersign::web::serve::configure;
use diesel::prelude::*;
use std::path::Path;
use std::time::Duration;
use support::on_both;
use support::register::first_day;
use support::tamper;
use tempfile::TempDir;

/// A server with a folder for its key, on a database of its own.
struct House {
    app: App,
    url: String,
    folder: TempDir,
}

on_both! { now crate::open =>
    entries_are_signed_and_each_checkpoint_begins_with_the_one_before
    without_a_key_everything_works_and_says_so
    a_receipt_holds_as_soon_as_a_checkpoint_covers_its_entry
    a_database_that_went_on_after_a_restore_is_not_signed
    an_entry_that_was_edited_is_not_signed_and_is_named
    without_its_lock_file_nothing_is_signed
    a_lock_file_of_another_key_or_edited_by_hand_signs_nothing
    the_log_goes_on_under_another_name_and_says_what_came_before
    keys_change_without_a_gap
    processes_that_race_never_sign_two_roots
    what_a_power_cut_left_unpublished_is_published
    the_last_checkpoint_covers_what_was_entered_at_the_end
    a_monitor_rebuilds_the_tree_from_the_tiles
    who_may_read_what_of_the_log_is_a_setting
}

fn open(url: String) -> House {
    let folder = tempfile::tempdir().expect("a folder");
    let key = folder.path().join("signing.key").display().to_string();
    open_with(url, folder, |config| config.signing_key_file = key)
}

fn open_with(url: String, folder: TempDir, change: impl FnOnce(&mut Config)) -> House {
    let mut config = Config {
        database_url: url.clone(),
        public_url: "https://register.test/ai".to_owned(),
        readers: 4,
        ..Config::default()
    };
    change(&mut config);
    let app = App::open(config, Clock::fixed(first_day())).expect("the program opens");
    House { app, url, folder }
}

fn operator() -> Actor {
    Actor::system(Via::new(Method::Cli, "console"))
}

impl House {
    fn enter(&self, count: usize) {
        for _ in 0..count {
            let note = Note::new("story.told", &operator());
            let entered = self
                .app
                .db
                .write_now(|tx| ledger::append(tx, first_day(), note));
            entered.expect("an entry is written");
        }
    }

    fn size(&self) -> u64 {
        self.app.db.read_now(ledger::head).expect("a head").0
    }

    /// Signs, and the checkpoint that came of it.
    #[track_caller]
    fn sign(&self) -> Checkpoint {
        match seal::sign(&self.app).expect("an answer") {
            Signed::Now(checkpoint) | Signed::Before(checkpoint) => checkpoint,
            Signed::Refused(why) => panic!("refused: {why}"),
        }
    }

    /// Why nothing may be signed.
    #[track_caller]
    fn refusal(&self) -> String {
        let examined = seal::examine(&self.app).expect("an answer");
        let Signed::Refused(why) = seal::sign(&self.app).expect("an answer") else {
            panic!("it was signed");
        };
        assert_eq!(
            examined,
            Some(Signed::Refused(why.clone())),
            "doctor says the same"
        );
        why
    }

    fn vkeys(&self) -> Vec<Vkey> {
        self.app.db.read_now(seal::vkeys).expect("keys")
    }

    fn published(&self) -> Vec<(i64, String)> {
        let all = ledger_checkpoints::table
            .order(ledger_checkpoints::size)
            .select((ledger_checkpoints::size, ledger_checkpoints::note));
        let read = self.app.db.read_now(|conn| Ok(all.load(conn)?));
        read.expect("checkpoints")
    }

    fn lock(&self) -> std::path::PathBuf {
        self.folder.path().join("signing.key.lock")
    }

    /// Somebody with all rights on the database, past every trigger.
    fn tamper(&self, work: impl FnOnce(&mut Conn) -> Result<()> + Send + 'static) {
        let done = self.app.db.upkeep_now(move |tx| {
            tamper::without_guards(tx)?;
            work(tx)
        });
        done.expect("it is done");
    }

    fn cut(&self, size: u64) {
        self.tamper(move |conn| tamper::cut(conn, size));
    }

    fn get(&self, path: &str) -> (StatusCode, String, String, Vec<u8>) {
        let (app, path) = (self.app.clone(), path.to_owned());
        let system = actix_web::rt::System::new();
        system.block_on(async move {
            let service = actix_web::App::new().configure(configure(app));
            let service = web_test::init_service(service).await;
            let request = web_test::TestRequest::get().uri(&path).to_request();
            let answer = web_test::call_service(&service, request).await;
            let header = |name: &str| {
                let value = answer
                    .headers()
                    .get(name)
                    .and_then(|value| value.to_str().ok());
                value.unwrap_or_default().to_owned()
            };
            let (status, media, cache) = (
                answer.status(),
                header("content-type"),
                header("cache-control"),
            );
            (
                status,
                media,
                cache,
                web_test::read_body(answer).await.to_vec(),
            )
        })
    }
}

fn growth(old: &Checkpoint, new: &Checkpoint, house: &House) {
    let proof = house.app.db.read_now(|conn| {
        let read = &mut |wanted: &[u64]| nodes(conn, wanted);
        Ok(tree::consistency(old.size, new.size, read).expect("a proof"))
    });
    check_growth(old, new, &proof.expect("the database answers")).expect("it only grew");
}

fn nodes(conn: &mut Conn, wanted: &[u64]) -> QueryResult<Vec<Hash>> {
    let mut found = Vec::new();
    for number in wanted {
        let node = ledger_nodes::table.find(i64::try_from(*number).expect("a number"));
        let hash: Vec<u8> = node.select(ledger_nodes::hash).get_result(conn)?;
        found.push(Hash::from_slice(&hash).expect("32 bytes"));
    }
    Ok(found)
}

fn entries_are_signed_and_each_checkpoint_begins_with_the_one_before(house: House) {
    house.enter(3);
    let mut last = seal::create(&house.app, &operator()).expect("a key");
    assert_eq!(
        (last.size, last.origin.as_str()),
        (4, "register.test/ai/log")
    );
    for count in [1, 2, 7, 300] {
        house.enter(count);
        let next = house.sign();
        assert_eq!(next.size, house.size());
        growth(&last, &next, &house);
        last = next;
    }
    assert_eq!(house.sign(), last, "nothing was entered since");
    let published = house.published();
    let sizes: Vec<i64> = published.iter().map(|(size, _)| *size).collect();
    assert_eq!(sizes, [4, 5, 7, 14, 314]);
    for (size, note) in &published {
        let opened = checkpoint::open(note.as_bytes(), &house.vkeys()).expect("it verifies");
        assert_eq!(i64::try_from(opened.size).ok(), Some(*size));
    }
    let lock = std::fs::read_to_string(house.lock()).expect("the lock file");
    assert_eq!(
        lock,
        published.last().expect("one").1,
        "the lock file is the last checkpoint"
    );
    assert!(
        seal::create(&house.app, &operator()).is_err(),
        "there is a key already"
    );
}

fn without_a_key_everything_works_and_says_so(house: House) {
    let house = open_with(house.url.clone(), house.folder, |_| ());
    house.enter(2);
    assert!(house.app.sealer.paths().is_none());
    assert_eq!(seal::examine(&house.app).expect("an answer"), None);
    assert!(
        seal::sign(&house.app)
            .unwrap_err()
            .to_string()
            .contains("SIGNING_KEY_FILE")
    );
    let sealing = house
        .app
        .db
        .read_now(|conn| Sealing::of(conn, 0))
        .expect("an answer");
    assert!(sealing.receipt.is_none() && !sealing.waits);
    let (status, _, _, body) = house.get("/readyz");
    let body: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(
        (status, body["checkpoint"]["state"].as_str()),
        (StatusCode::OK, Some("unsigned"))
    );
    assert_eq!(house.get("/ai/log/checkpoint").0, StatusCode::NOT_FOUND);
    assert_eq!(house.get("/ai/log/vkey").0, StatusCode::NOT_FOUND);
    assert_eq!(house.get("/ai/log/tile/0/000.p/1").0, StatusCode::NOT_FOUND);
}

fn a_receipt_holds_as_soon_as_a_checkpoint_covers_its_entry(house: House) {
    seal::create(&house.app, &operator()).expect("a key");
    house.enter(5);
    let of = |seq| {
        house
            .app
            .db
            .read_now(|conn| Sealing::of(conn, seq))
            .expect("an answer")
    };
    assert!(
        of(0).receipt.is_some(),
        "the first checkpoint covers the first entry"
    );
    assert!(of(3).receipt.is_none() && of(3).waits);
    house.sign();
    for seq in 0..house.size() {
        let text = of(seq).receipt.expect("a receipt");
        let shown = Receipt::parse(text.as_bytes())
            .expect("it reads")
            .check(&house.vkeys());
        assert_eq!(shown.expect("it holds").entry.seq, seq);
    }
}

fn a_database_that_went_on_after_a_restore_is_not_signed(house: House) {
    seal::create(&house.app, &operator()).expect("a key");
    house.enter(9);
    house.sign();
    house.cut(6);
    house.enter(30);
    let why = house.refusal();
    assert!(
        why.contains("the first 10 entries") && why.contains("restored"),
        "{why}"
    );
    let (_, _, _, ready) = house.get("/readyz");
    let state = |body: &[u8]| -> serde_json::Value { serde_json::from_slice(body).expect("JSON") };
    assert_eq!(
        state(&ready)["status"],
        "ready",
        "the register goes on serving"
    );
    let (app, runtime) = (
        house.app.clone(),
        tokio::runtime::Runtime::new().expect("a runtime"),
    );
    runtime.block_on(worker::run(app, async {}));
    let (_, _, _, ready) = house.get("/readyz");
    let ready = state(&ready);
    assert_eq!(ready["checkpoint"]["state"], "refused");
    assert_eq!(ready["checkpoint"]["why"], why.as_str());
}

fn an_entry_that_was_edited_is_not_signed_and_is_named(house: House) {
    seal::create(&house.app, &operator()).expect("a key");
    house.enter(4);
    house.tamper(|conn| {
        let text = tamper::text(conn, 3)?.replace("console", "consule");
        tamper::write(conn, 3, &text)
    });
    let why = house.refusal();
    assert!(why.contains("entry 3 was changed"), "{why}");
    assert!(
        seal::continue_log(&house.app, &operator(), None)
            .unwrap_err()
            .to_string()
            .contains("entry 3 was changed"),
        "no other name makes it good"
    );
}

fn without_its_lock_file_nothing_is_signed(house: House) {
    seal::create(&house.app, &operator()).expect("a key");
    let lock = std::fs::read_to_string(house.lock()).expect("the lock file");
    std::fs::remove_file(house.lock()).expect("it is gone");
    house.enter(1);
    assert!(house.refusal().contains("is missing"));
    std::fs::write(house.lock(), lock).expect("it is back");
    assert_eq!(house.sign().size, 2);
}

fn a_lock_file_of_another_key_or_edited_by_hand_signs_nothing(house: House) {
    seal::create(&house.app, &operator()).expect("a key");
    house.enter(3);
    house.sign();
    let good = std::fs::read_to_string(house.lock()).expect("the lock file");
    for bad in [
        String::new(),
        good.replace("\n4\n", "\n1\n"),
        "{}\n".to_owned(),
    ] {
        std::fs::write(house.lock(), bad).expect("it is edited");
        assert!(house.refusal().contains("does not fit the key"));
    }
    // An older copy that was put back signs on, since the database knows what came after.
    let first = house.published().first().expect("one").1.clone();
    std::fs::write(house.lock(), first).expect("it is put back");
    assert_eq!(house.sign().size, 4);
    house.cut(3);
    house.enter(3);
    assert!(house.refusal().contains("not those that were signed"));
}

fn the_log_goes_on_under_another_name_and_says_what_came_before(house: House) {
    seal::create(&house.app, &operator()).expect("a key");
    let old_keys = house.vkeys();
    house.enter(9);
    let last = house.sign();
    let receipt = |seq| {
        let sealing = house
            .app
            .db
            .read_now(|conn| Sealing::of(conn, seq))
            .expect("an answer");
        Receipt::parse(sealing.receipt.expect("a receipt").as_bytes()).expect("it reads")
    };
    let early = receipt(2);
    house.cut(6);
    house.enter(2);
    house.refusal();

    let same = seal::continue_log(&house.app, &operator(), Some("register.test/ai/log"));
    assert!(
        same.unwrap_err()
            .to_string()
            .contains("the name of the old log")
    );
    let went_on = seal::continue_log(&house.app, &operator(), None).expect("it goes on");
    let new = went_on.checkpoint;
    assert_eq!(
        (new.origin.as_str(), new.size),
        ("register.test/ai/log/2", 9)
    );
    let told = receipt(8).check(&house.vkeys()).expect("it holds").entry;
    assert_eq!(told.kind, "log.continued");
    let old = &told.data["old"];
    assert_eq!(old["origin"], "register.test/ai/log");
    assert_eq!(old["size"], 10);
    let note = format!(
        "{}\n{}\n{}\n\n\u{2014} {} {}\n",
        old["origin"].as_str().unwrap(),
        old["size"],
        old["root"].as_str().unwrap(),
        old["origin"].as_str().unwrap(),
        old["signature"].as_str().unwrap(),
    );
    let old = checkpoint::open(note.as_bytes(), &old_keys).expect("the old log's very note");
    assert_eq!(old, last);

    assert!(
        early.check(&old_keys).is_ok(),
        "an old receipt holds as ever"
    );
    assert!(
        early.check(&house.vkeys()).is_err(),
        "and the new key does not speak for the old"
    );
    for _ in 0..3 {
        house.enter(1);
        let next = house.sign();
        growth(&new, &next, &house);
        assert!(
            receipt(8).check(&house.vkeys()).is_ok(),
            "also where the old log had a size"
        );
    }
    let kept: Vec<bool> = went_on.set_aside.iter().map(|path| path.exists()).collect();
    assert_eq!(kept, [true, true], "old key and old lock file are kept");
    let again = seal::continue_log(&house.app, &operator(), Some("elsewhere.test/log"));
    assert_eq!(
        again.expect("it goes on").checkpoint.origin.as_str(),
        "elsewhere.test/log"
    );
}

fn keys_change_without_a_gap(house: House) {
    seal::create(&house.app, &operator()).expect("a key");
    assert!(
        seal::retire(&house.app, &operator()).is_err(),
        "only one signs"
    );
    let old = house.vkeys();
    let both = seal::rotate(&house.app, &operator()).expect("a second key");
    assert!(
        seal::rotate(&house.app, &operator()).is_err(),
        "two sign already"
    );
    let new = [both.newest().vkey()];
    assert_ne!(old, new);
    assert_eq!(house.vkeys(), [new.to_vec(), old.clone()].concat());
    house.enter(1);
    let during = house.sign();
    let (_, note) = house.published().pop().expect("one");
    for keys in [&old[..], &new[..]] {
        assert_eq!(
            checkpoint::open(note.as_bytes(), keys).expect("either opens it"),
            during
        );
    }
    seal::retire(&house.app, &operator()).expect("the old one retires");
    house.enter(1);
    let after = house.sign();
    let (_, note) = house.published().pop().expect("one");
    assert!(checkpoint::open(note.as_bytes(), &old).is_err());
    assert_eq!(
        checkpoint::open(note.as_bytes(), &new).expect("the new one opens it"),
        after
    );
    assert_eq!(house.vkeys(), new);
    growth(&during, &after, &house);
    let kinds = house.app.db.read_now(|conn| {
        let rows = ledger::rows(conn, &ledger::Filter::default(), ledger::Page::From(0), 99)?;
        Ok(rows.into_iter().map(|row| row.kind).collect::<Vec<_>>())
    });
    let expected = [
        "key.created",
        "key.rotated",
        "story.told",
        "key.retired",
        "story.told",
    ];
    assert_eq!(kinds.expect("rows"), expected);
}

fn processes_that_race_never_sign_two_roots(house: House) {
    seal::create(&house.app, &operator()).expect("a key");
    let config = (*house.app.config).clone();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            let config = config.clone();
            scope.spawn(|| {
                let app = App::open(config, Clock::fixed(first_day())).expect("another process");
                for _ in 0..15 {
                    let note = Note::new("story.told", &operator());
                    let entered = app.db.write_now(|tx| ledger::append(tx, first_day(), note));
                    entered.expect("an entry is written");
                    assert!(!matches!(
                        seal::sign(&app).expect("an answer"),
                        Signed::Refused(_)
                    ));
                }
            });
        }
    });
    assert_eq!(house.sign().size, 46);
    let notes = house.published();
    let all: Vec<Checkpoint> = notes
        .iter()
        .map(|(_, note)| checkpoint::open(note.as_bytes(), &house.vkeys()).expect("it verifies"))
        .collect();
    assert!(all.len() > 2);
    all.windows(2)
        .for_each(|pair| growth(&pair[0], &pair[1], &house));
}

fn what_a_power_cut_left_unpublished_is_published(house: House) {
    seal::create(&house.app, &operator()).expect("a key");
    house.enter(1);
    let signed = house.sign();
    house.tamper(|conn| {
        let newest = ledger_checkpoints::table.filter(ledger_checkpoints::size.eq(2));
        assert_eq!(
            diesel::delete(newest).execute(conn)?,
            1,
            "as if never published"
        );
        Ok(())
    });
    assert_eq!(house.sign(), signed);
    assert_eq!(house.published().pop().expect("one").0, 2);
}

fn the_last_checkpoint_covers_what_was_entered_at_the_end(house: House) {
    seal::create(&house.app, &operator()).expect("a key");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let over = async move { drop(stopped.await) };
        let running = tokio::spawn(worker::run(house.app.clone(), over));
        let sealed = |size: u64| {
            let app = house.app.clone();
            async move {
                loop {
                    let standing = seal::standing(&app).await.expect("an answer");
                    if standing.size == Some(size) {
                        return standing;
                    }
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        };
        tokio::task::block_in_place(|| house.enter(2));
        let patience = Duration::from_secs(20);
        let soon = tokio::time::timeout(patience, sealed(3))
            .await
            .expect("it is sealed soon");
        assert_eq!((soon.state, soon.why), ("signed", None));
        tokio::task::block_in_place(|| house.enter(4));
        stop.send(()).expect("the worker lives");
        running.await.expect("it ends");
        let standing = seal::standing(&house.app).await.expect("an answer");
        assert_eq!((standing.state, standing.size), ("signed", Some(7)));
    });
}

fn a_monitor_rebuilds_the_tree_from_the_tiles(house: House) {
    seal::create(&house.app, &operator()).expect("a key");
    house.enter(300);
    let signed = house.sign();
    house.enter(5);
    let house = open_with(house.url.clone(), house.folder, |config| {
        config.log_public = "entries".to_owned();
    });
    let (status, media, cache, note) = house.get("/ai/log/checkpoint");
    assert_eq!(
        (status, media.as_str()),
        (StatusCode::OK, "text/plain; charset=utf-8")
    );
    assert_eq!(cache, "no-cache");
    let (_, _, _, vkey) = house.get("/ai/log/vkey");
    let vkey: Vkey = String::from_utf8(vkey)
        .unwrap()
        .trim_end()
        .parse()
        .expect("a vkey");
    let seen = checkpoint::open(&note, &[vkey]).expect("it verifies");
    assert_eq!(seen, signed);

    let mut range = tree::Range::default();
    for path in ["entries/000", "entries/001.p/45"] {
        let (status, media, cache, bundle) = house.get(&format!("/ai/log/tile/{path}"));
        assert_eq!(
            (status, media.as_str()),
            (StatusCode::OK, "application/octet-stream")
        );
        assert_eq!(cache, "public, max-age=31536000, immutable");
        for entry in ledger::tiles::unbundle(&bundle).expect("a bundle") {
            range.push(tree::leaf_hash(entry));
        }
    }
    assert_eq!((range.size(), range.root()), (seen.size, seen.root));
    let (_, _, _, zero) = house.get("/ai/log/tile/0/000");
    let (_, _, _, one) = house.get("/ai/log/tile/1/000.p/1");
    assert_eq!((zero.len(), one.len()), (8192, 32));
    let mut full = tree::Range::default();
    zero.chunks(32)
        .for_each(|leaf| full.push(Hash::from_slice(leaf).expect("32 bytes")));
    assert_eq!(full.root().as_bytes()[..], one[..]);
    for beyond in [
        "0/001.p/46",
        "0/001",
        "1/000.p/2",
        "2/000.p/1",
        "entries/001.p/46",
        "entries/002.p/1",
        "63/000.p/1",
        "0/x000/000",
        "../checkpoint",
        "0/",
        "",
        "entries/000.p/0",
    ] {
        let (status, _, cache, _) = house.get(&format!("/ai/log/tile/{beyond}"));
        assert_eq!(status, StatusCode::NOT_FOUND, "{beyond}");
        assert!(
            !cache.contains("immutable"),
            "{beyond}: what is not there may come"
        );
    }
}

fn who_may_read_what_of_the_log_is_a_setting(house: House) {
    seal::create(&house.app, &operator()).expect("a key");
    let paths = [
        "checkpoint",
        "vkey",
        "tile/0/000.p/1",
        "tile/entries/000.p/1",
    ];
    let House {
        url, mut folder, ..
    } = house;
    for (setting, expected) in [
        ("nothing", [303, 303, 303, 303]),
        ("hashes", [200, 200, 200, 303]),
        ("entries", [200, 200, 200, 200]),
    ] {
        let house = open_with(url.clone(), folder, |config| {
            config.log_public = setting.to_owned();
        });
        let found = paths.map(|path| house.get(&format!("/ai/log/{path}")).0.as_u16());
        assert_eq!(found, expected, "{setting}");
        folder = house.folder;
    }
    assert!(Path::new(folder.path()).exists());
}

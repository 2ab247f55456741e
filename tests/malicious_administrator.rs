//! The administrator of the database turns against the register. He has every right: he takes the
//! triggers away, edits, deletes, swaps, computes every hash anew, restores last week's file. What
//! he does not have is the signing key, and what left the house before: a checkpoint, a receipt
//! and a package, which the auditor keeps.

mod support;

use countersign::app::App;
use countersign::clock::Clock;
use countersign::config::Config;
use countersign::db::schema::{ledger_index, ledger_private};
use countersign::db::{self, At, Conn};
use countersign::error::Result;
use countersign::finding::{Finding, Verdict};
use countersign::ledger::download::{Extras, Format, ready};
use countersign::ledger::entry::commitment;
use countersign::ledger::key::Vkey;
use countersign::ledger::package::{self, Asked};
use countersign::ledger::receipt::Receipt;
use countersign::ledger::seal::{self, Sealing, Signed};
use countersign::ledger::{self, Filter, Note};
use countersign::replay;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use serde_json::Value;
use std::path::PathBuf;
use support::on_both;
use support::register::{Register, operator};
use support::tamper;
use tempfile::TempDir;

on_both! { now crate::open =>
    a_house_where_nobody_did_anything_is_good
    he_switches_the_guards_off_and_edits_an_entry
    he_edits_an_entry_that_nobody_signed_yet
    he_swaps_two_entries
    he_deletes_what_came_last
    he_edits_and_computes_every_hash_anew
    he_restores_the_file_of_last_week
    he_restores_the_file_of_last_week_and_work_goes_on
    he_edits_what_people_see_and_leaves_the_log_alone
}

/// The installation: the program, its database, and a folder for key and lock file.
struct House {
    app: App,
    folder: TempDir,
    /// The entry of the first decision, and how many entries the auditor knew.
    decision: u64,
    known: u64,
    kept: Kept,
}

/// What the auditor took home last week.
struct Kept {
    vkeys: Vec<Vkey>,
    checkpoint: Vec<u8>,
    receipt: Receipt,
    /// Every entry, out of the package.
    entries: Vec<String>,
}

fn open(url: String) -> House {
    let folder = tempfile::tempdir().expect("a folder");
    let register = Register::open(url.clone());
    let app = program(&url, &folder, register.desk.clock.clone());
    seal::create(&app, &operator()).expect("a key");
    register.approved();
    let known = sign(&app);
    let decision = register.reads(first_decision);
    let kept = Kept::of(&app, decision);
    tamper::back_up(&mut tamper::connect(&url), &week_old(&folder)).expect("a backup");

    register.days_pass(7);
    register.approved();
    sign(&app);
    drop(register);
    House {
        app,
        folder,
        decision,
        known,
        kept,
    }
}

fn program(url: &str, folder: &TempDir, clock: Clock) -> App {
    let config = Config {
        database_url: url.to_owned(),
        public_url: "https://register.example".to_owned(),
        signing_key_file: folder.path().join("signing.key").display().to_string(),
        readers: 2,
        ..Config::default()
    };
    App::open(config, clock).expect("the program opens")
}

fn week_old(folder: &TempDir) -> PathBuf {
    folder.path().join("last-week.sqlite")
}

fn sign(app: &App) -> u64 {
    match seal::sign(app).expect("an answer") {
        Signed::Now(signed) => signed.size,
        other => panic!("{other:?}"),
    }
}

fn first_decision(conn: &mut Conn) -> Result<u64> {
    let decided = ledger_index::table.filter(ledger_index::kind.eq("decision.recorded"));
    let first: i64 = decided
        .order(ledger_index::seq)
        .select(ledger_index::seq)
        .first(conn)?;
    Ok(first.unsigned_abs())
}

impl Kept {
    fn of(app: &App, decision: u64) -> Kept {
        let newest = app.db.read_now(seal::newest).expect("an answer");
        Kept {
            vkeys: app.db.read_now(seal::vkeys).expect("keys"),
            checkpoint: newest.expect("a checkpoint").note.into_bytes(),
            receipt: Kept::receipt(app, decision),
            entries: entries(app),
        }
    }

    fn receipt(app: &App, seq: u64) -> Receipt {
        let sealing = app.db.read_now(|conn| Sealing::of(conn, seq));
        let text = sealing.expect("an answer").receipt.expect("a receipt");
        Receipt::parse(text.as_bytes()).expect("it reads")
    }
}

/// The whole log, as anybody who may read it takes it away.
fn package(app: &App) -> Result<Vec<u8>> {
    let ready = ready(app, Filter::default(), Format::Package, Extras::default())?;
    let mut file = Vec::new();
    ready.write(&mut file)?;
    Ok(file)
}

/// The entries as they are in a log that somebody takes away.
fn entries(app: &App) -> Vec<String> {
    let ready = ready(app, Filter::default(), Format::Jsonl, Extras::default()).expect("a log");
    let mut file = Vec::new();
    ready.write(&mut file).expect("it is written");
    let lines = file.split(|byte| *byte == b'\n');
    let lines = lines.filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    lines
        .filter_map(|line| Some(line.get("entry")?.as_str()?.to_owned()))
        .collect()
}

impl House {
    /// What the administrator does, on a connection of his own and without guards.
    fn administrator(&self, deed: impl FnOnce(&mut Conn) -> Result<()>) {
        let mut conn = tamper::connect(&self.app.config.database_url);
        tamper::without_guards(&mut conn).expect("he may");
        deed(&mut conn).expect("it is done");
    }

    /// Last week's database in the place of this week's; the program starts again.
    fn restored(self) -> House {
        let House { app, folder, .. } = self;
        let (url, clock) = (app.config.database_url.clone(), app.desk.clock.clone());
        drop(app);
        tamper::restore(&url, &week_old(&folder));
        House {
            app: program(&url, &folder, clock),
            folder,
            ..self
        }
    }

    /// What `countersign doctor --full` says of one thing.
    fn doctor(&self, look: impl FnOnce(&mut Conn, &Config, At) -> Result<Finding>) -> Found {
        let now = self.app.desk.clock.now();
        let found = self
            .app
            .db
            .read_now(|conn| look(conn, &self.app.config, now));
        let found = found.expect("the database answers");
        Found {
            wrong: found.verdict == Verdict::Wrong,
            told: found.details.join("\n"),
        }
    }

    fn triggers(&self) -> Found {
        self.doctor(|conn, _, _| db::check::triggers(conn))
    }

    fn ledger(&self) -> Found {
        self.doctor(|conn, _, _| ledger::check(conn, true))
    }

    fn signing(&self) -> Found {
        self.doctor(|conn, config, now| seal::check(conn, config, now, true))
    }

    /// What `countersign verify --replay` names first.
    fn replay(&self) -> Option<String> {
        let checked = self
            .app
            .db
            .read_now(|conn| replay::check(conn, &self.app.desk));
        checked.expect("the database answers").first
    }

    /// Why the signer refuses, if it does.
    fn refusal(&self) -> Option<String> {
        match seal::sign(&self.app).expect("an answer") {
            Signed::Refused(why) => Some(why),
            Signed::Before(_) | Signed::Now(_) => None,
        }
    }

    /// What an auditor finds who asks for the log again and verifies it with what they kept.
    fn audit(&self) -> std::result::Result<u64, String> {
        let file = package(&self.app).map_err(|error| error.to_string())?;
        let asked = Asked {
            keys: &self.kept.vkeys,
            since: Some(&self.kept.checkpoint),
            ..Default::default()
        };
        let report = package::verify(file.as_slice(), &asked, &mut ());
        let report = report.map_err(|refusal| refusal.to_string())?;
        assert_eq!(report.since, Some(self.known));
        Ok(report.count)
    }

    /// The first of the entries that the auditor took home which is another now, or gone.
    fn first_other(&self) -> Option<u64> {
        let now = entries(&self.app);
        let mut known = (0u64..).zip(&self.kept.entries).zip(0..);
        let other = known.find(|((_, entry), at): &(_, usize)| now.get(*at) != Some(entry));
        other.map(|((seq, _), _)| seq)
    }

    fn size(&self) -> u64 {
        self.app.db.read_now(ledger::head).expect("a head").0
    }
}

/// A finding of doctor.
#[derive(Debug)]
struct Found {
    wrong: bool,
    told: String,
}

impl Found {
    #[track_caller]
    fn names(&self, what: &str) {
        assert!(self.wrong && self.told.contains(what), "{what}: {self:?}");
    }
}

#[track_caller]
fn names(told: &str, what: &str) {
    assert!(told.contains(what), "{what}: {told}");
}

fn a_house_where_nobody_did_anything_is_good(house: House) {
    for found in [house.triggers(), house.ledger(), house.signing()] {
        assert!(!found.wrong, "{found:?}");
    }
    assert_eq!((house.replay(), house.refusal()), (None, None));
    assert!(house.audit().expect("it holds") > house.known);
    assert!(house.kept.receipt.check(&house.kept.vkeys).is_ok());
    assert_eq!(house.first_other(), None);
}

fn he_switches_the_guards_off_and_edits_an_entry(house: House) {
    let seq = house.decision;
    let named = format!("entry {seq}: its text");
    house.administrator(|conn| turn_down(conn, seq));
    house.triggers().names("ledger_entries");
    house.ledger().names(&named);
    names(&house.replay().expect("it is found"), &named);
    names(
        &house.audit().expect_err("it is found"),
        "an entry that you knew was changed",
    );
    assert_eq!(house.first_other(), Some(seq));

    // The receipt that was mailed says what was decided, and one from now proves nothing.
    let shown = house
        .kept
        .receipt
        .check(&house.kept.vkeys)
        .expect("it holds");
    assert_eq!(shown.entry.data["outcome"], "approve");
    let now = Kept::receipt(&house.app, seq).check(&house.kept.vkeys);
    names(&now.expect_err("it does not").to_string(), "does not show");
}

/// The approval becomes a refusal: in the entry, and wherever the database shows it.
fn turn_down(conn: &mut Conn, seq: u64) -> Result<()> {
    let before = tamper::text(conn, seq)?;
    let after = before.replace(r#""outcome":"approve""#, r#""outcome":"reject""#);
    assert_ne!(before, after);
    tamper::write(conn, seq, &after)?;
    let sql = format!(
        "UPDATE ledger_index SET outcome = 'reject' WHERE seq = {seq};
         UPDATE decisions SET outcome = 'reject' WHERE seq = {seq}"
    );
    Ok(conn.batch_execute(&sql)?)
}

fn he_edits_an_entry_that_nobody_signed_yet(house: House) {
    let seq = enter(&house.app);
    house.administrator(|conn| {
        let before = tamper::text(conn, seq)?;
        let after = before.replace(r#""kind":"story.told""#, r#""kind":"story.hidden""#);
        assert_ne!(before, after);
        tamper::write(conn, seq, &after)
    });
    house.ledger().names(&format!("entry {seq}: its text"));
    let named = format!("entry {seq} was changed after it was entered");
    house.signing().names(&named);
    names(&house.refusal().expect("it is not signed"), &named);
    let told = house.replay().expect("it is found");
    names(&told, &format!("entry {seq}: its text in the database"));
    // It never gets out: what leaves is what was signed, and no other name makes it good.
    assert_eq!(house.audit(), Ok(seq));
    let another = seal::continue_log(&house.app, &operator(), None);
    names(&another.expect_err("it is refused").to_string(), &named);
}

fn enter(app: &App) -> u64 {
    let (now, note) = (app.desk.clock.now(), Note::new("story.told", &operator()));
    let entered = app.db.write_now(move |tx| ledger::append(tx, now, note));
    entered.expect("an entry")
}

fn he_swaps_two_entries(house: House) {
    let one = house.decision;
    house.administrator(|conn| {
        let (first, second) = (tamper::text(conn, one)?, tamper::text(conn, one + 1)?);
        tamper::write(conn, one, &second)?;
        tamper::write(conn, one + 1, &first)
    });
    house.ledger().names(&format!("entry {one}: its text"));
    names(
        &house.replay().expect("it is found"),
        &format!("entry {one}"),
    );
    let told = house.audit().expect_err("it is found");
    names(&told, &format!("it stands where entry {one} belongs"));
    assert_eq!(house.first_other(), Some(one));
}

fn he_deletes_what_came_last(house: House) {
    // Also what the auditor knew of.
    let left = house.known - 2;
    house.administrator(|conn| tamper::cut(conn, left));
    assert!(!house.ledger().wrong, "what is left is whole");
    let named = format!("were signed, but the database holds {left}");
    house.signing().names(&named);
    let why = house.refusal().expect("it is not signed");
    names(&why, &named);
    names(&why, "countersign key new-log");
    let told = house.replay().expect("it is found");
    names(
        &told,
        "record AI-2027-0001 stands as approved in the database, but no entry",
    );
    house.audit().expect_err("no package can be made of it");
    assert_eq!(house.first_other(), Some(left));

    // He takes the checkpoints away too, so that the export is whole again.
    house.administrator(|conn| {
        let gone = format!("DELETE FROM ledger_checkpoints WHERE size > {left}");
        Ok(conn.batch_execute(&gone)?)
    });
    let told = house.audit().expect_err("it is found");
    names(&told, &format!("{} entries", house.known));
    names(&house.refusal().expect("the lock file knows"), &named);
}

fn he_edits_and_computes_every_hash_anew(house: House) {
    let seq = house.decision;
    house.administrator(|conn| {
        other_reason(conn, seq, "Nobody looked at it.")?;
        tamper::rebuild(conn)
    });
    // Within the database everything fits again.
    assert!(!house.ledger().wrong);
    assert_eq!(house.replay(), None);
    // What left it does not.
    let signing = house.signing();
    signing.names("the first 82 entries in the database are not those that were signed");
    signing.names(&format!(
        "the checkpoint of {} entries: the tree",
        house.known
    ));
    let why = house.refusal().expect("it is not signed");
    names(&why, "it was changed by hand");
    let told = house.audit().expect_err("it is found");
    names(&told, "root");
    assert_eq!(house.first_other(), Some(seq));
    let now = Kept::receipt(&house.app, seq).check(&house.kept.vkeys);
    now.expect_err("no checkpoint covers it");
    // More work on top of it changes nothing.
    enter(&house.app);
    names(
        &house.refusal().expect("it is not signed"),
        "changed by hand",
    );
}

/// Another reason for a decision, with the commitment that belongs to it.
fn other_reason(conn: &mut Conn, seq: u64, reason: &str) -> Result<()> {
    let number = i64::try_from(seq).expect("a number");
    let row = ledger_private::table.find((number, "reason"));
    let (salt, was): (Vec<u8>, String) = row
        .select((ledger_private::salt, ledger_private::value))
        .get_result(conn)?;
    let row = diesel::update(row).set(ledger_private::value.eq(reason));
    row.execute(conn)?;
    let salt: [u8; 32] = salt.try_into().expect("a salt");
    let of = |value: &str| hex::encode(commitment(&salt, "reason", value.as_bytes()));
    let before = tamper::text(conn, seq)?;
    let after = before.replace(&of(&was), &of(reason));
    assert_ne!(before, after);
    tamper::write(conn, seq, &after)?;
    Ok(())
}

fn he_restores_the_file_of_last_week(house: House) {
    let signed = house.size();
    let house = house.restored();
    assert!(!house.ledger().wrong, "last week everything was whole");
    assert_eq!(house.replay(), None);
    let named = format!("{signed} entries of register.example/log were signed, but the database");
    house.signing().names(&named);
    names(&house.refusal().expect("it is not signed"), &named);
    // Who knows no more than last week sees nothing; whoever got a receipt since does.
    assert_eq!(house.audit(), Ok(house.known));
}

fn he_restores_the_file_of_last_week_and_work_goes_on(house: House) {
    let since = Kept::of(&house.app, house.decision);
    let signed = house.size();
    let mut house = house.restored();
    for _ in 0..signed {
        enter(&house.app);
    }
    assert!(!house.ledger().wrong);
    let named = format!("the first {signed} entries in the database are not those");
    house.signing().names(&named);
    let why = house.refusal().expect("it is not signed");
    names(&why, &named);
    // What the auditor took home this week is gone, and the first entry of another week named.
    let first = house.known;
    house.kept = since;
    assert_eq!(house.first_other(), Some(first));
    house.audit().expect_err("the log that they know is longer");
}

fn he_edits_what_people_see_and_leaves_the_log_alone(house: House) {
    house.administrator(|conn| {
        let sql = "UPDATE records SET status = 'rejected' WHERE reference = 'AI-2027-0001'";
        Ok(conn.batch_execute(sql)?)
    });
    assert!(!house.ledger().wrong && !house.signing().wrong);
    assert_eq!(house.refusal(), None);
    assert_eq!(house.audit(), Ok(house.size()), "the log is as it was");
    let told = house.replay().expect("it is found");
    let named = "record AI-2027-0001 stands as rejected in the database, but no entry says so: by \
                 the entries it is approved; the last about it is entry ";
    assert!(told.starts_with(named), "{told}");
}

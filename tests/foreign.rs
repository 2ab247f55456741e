//! Verifiers from other hands accept what this program exports and refuse what was changed in it:
//! the Go project's own code for transparency logs, and aics-tlog from PyPI. Our scripts for them
//! (`tests/foreign/verify.go`, `verify.py`) only read files.
//!
//! All three check `checkpoint`, `entries.jsonl`, `tile/…`, `proofs/…`, and beside a package its
//! receipts and proofs of growth. `manifest.json` and `README.txt`, the checkpoints of before,
//! private values, files that do not belong there and what an entry says are checked by ours alone:
//! the formats of others know nothing of them.

mod support;

#[path = "foreign/court.rs"]
mod court;

use countersign::app::App;
use countersign::clock::Clock;
use countersign::config::Config;
use countersign::ledger::checkpoint::{self, Checkpoint};
use countersign::ledger::download::{self, Extras, Format};
use countersign::ledger::entry::{Method, Via};
use countersign::ledger::key::SigningKey;
use countersign::ledger::origin::Origin;
use countersign::ledger::seal::{self, Sealing, Signed};
use countersign::ledger::{self, Actor, Filter, Note};
use court::{Court, Files};
use support::database::fresh_sqlite;
use support::register::first_day;
use tempfile::TempDir;

/// More than two full tiles.
const ENTRIES: u64 = 600;
/// Where older checkpoints were taken: beside the borders of tiles and of subtrees.
const OLD: [u64; 5] = [1, 100, 255, 256, 511];

/// A ledger that is sealed.
struct Log {
    app: App,
    folder: TempDir,
    _database: TempDir,
}

fn operator() -> Actor {
    Actor::system(Via::new(Method::Cli, "console"))
}

impl Log {
    /// With entries of two kinds; every ninth ends a story.
    fn kept() -> Log {
        let (database, url) = fresh_sqlite();
        let folder = tempfile::tempdir().expect("a folder");
        let config = Config {
            database_url: url,
            public_url: "https://register.test/ai".to_owned(),
            signing_key_file: folder.path().join("signing.key").display().to_string(),
            ..Config::default()
        };
        let app = App::open(config, Clock::fixed(first_day())).expect("the program opens");
        let log = Log {
            app,
            folder,
            _database: database,
        };
        seal::create(&log.app, &operator()).expect("a key");
        // The key's own entry is the first, and already signed.
        for size in OLD.into_iter().skip(1).chain([ENTRIES]) {
            log.grow_to(size);
        }
        log
    }

    fn grow_to(&self, size: u64) {
        let written = self.app.db.write_now(move |tx| {
            for seq in ledger::head(tx)?.0..size {
                let kind = if seq % 9 == 0 {
                    "story.ended"
                } else {
                    "story.told"
                };
                ledger::append(tx, first_day(), Note::new(kind, &operator()))?;
            }
            Ok(())
        });
        written.expect("entries are written");
        let signed = seal::sign(&self.app).expect("an answer");
        assert!(!matches!(signed, Signed::Refused(_)), "{signed:?}");
    }

    fn key(&self) -> SigningKey {
        let text = std::fs::read_to_string(self.folder.path().join("signing.key"));
        SigningKey::parse(text.expect("the key file").trim_end()).expect("a key")
    }

    fn package(&self, filter: Filter) -> Files {
        let ready = download::ready(&self.app, filter, Format::Package, Extras::default());
        let mut zip = Vec::new();
        let ready = ready.expect("it is ready");
        ready.write(&mut zip).expect("it is written");
        Files::unpacked(&zip)
    }

    /// The checkpoint of a size, or with `since` the proof that it goes on from there.
    fn checkpoint(&self, since: Option<u64>, size: u64) -> Vec<u8> {
        let name = self.key().origin().to_string();
        let found = self
            .app
            .db
            .read_now(|conn| seal::growing(conn, &name, since, size));
        found
            .expect("an answer")
            .expect("a checkpoint")
            .text
            .into_bytes()
    }

    /// The whole log, checkpoints of before, and receipts.
    fn whole(&self) -> Files {
        let mut files = self.package(Filter::default());
        for old in OLD {
            let (before, growth) = (
                self.checkpoint(None, old),
                self.checkpoint(Some(old), ENTRIES),
            );
            files.all.insert(format!("growth/{old}.checkpoint"), before);
            files.all.insert(format!("growth/{old}.growth"), growth);
        }
        for seq in [0, 255, 256, ENTRIES - 1] {
            let sealing = self.app.db.read_now(|conn| Sealing::of(conn, seq));
            let receipt = sealing.expect("an answer").receipt.expect("a receipt");
            files
                .all
                .insert(format!("receipts/{seq}.txt"), receipt.into_bytes());
        }
        files
    }

    fn part(&self) -> Files {
        self.package(Filter {
            kind: Some("story.ended".to_owned()),
            ..Filter::default()
        })
    }
}

fn changed(files: &Files, name: &str, change: impl FnOnce(&mut Vec<u8>)) -> Files {
    let mut files = files.clone();
    change(
        files
            .all
            .get_mut(name)
            .unwrap_or_else(|| panic!("there is no {name}")),
    );
    files
}

fn without(files: &Files, name: &str) -> Files {
    let mut files = files.clone();
    files.all.remove(name).expect("it was there");
    files
}

fn with_lines(files: &Files, change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Files {
    changed(files, "entries.jsonl", |text| {
        let lines = text.split_inclusive(|byte| *byte == b'\n');
        let mut lines: Vec<Vec<u8>> = lines.map(<[u8]>::to_vec).collect();
        change(&mut lines);
        *text = lines.concat();
    })
}

fn signed(files: &Files, key: &SigningKey, change: impl FnOnce(&mut Checkpoint)) -> Files {
    signed_anew(files, "checkpoint", key, change)
}

fn signed_anew(
    files: &Files,
    name: &str,
    key: &SigningKey,
    change: impl FnOnce(&mut Checkpoint),
) -> Files {
    changed(files, name, |note| {
        let mut checkpoint = checkpoint::unverified(note).expect("a checkpoint");
        change(&mut checkpoint);
        *note = checkpoint::sign(&checkpoint, &[key]);
    })
}

/// Changes of entries that a forger makes without a key.
fn entries_are_bound(court: &mut Court, files: &Files) {
    let mut refuse = |what: &str, change: &dyn Fn(&mut Vec<Vec<u8>>)| {
        court.all_refuse(&with_lines(files, change), what);
    };
    refuse("two entries swapped", &|lines| lines.swap(5, 6));
    refuse("the first left out", &|lines| drop(lines.remove(0)));
    refuse("the last left out", &|lines| drop(lines.pop()));
    refuse("one told twice", &|lines| lines.insert(3, lines[3].clone()));
    refuse("the last told twice", &|lines| {
        lines.extend(lines.last().cloned())
    });
    refuse("one forged after the last", &|lines| {
        let last = String::from_utf8(lines.last().cloned().expect("one")).expect("text");
        lines.push(last.replace("story.", "forged.").into_bytes());
    });
    refuse("one edited", &|lines| {
        let text = String::from_utf8(lines[7].clone()).expect("text");
        lines[7] = text.replace("story.", "forged.").into_bytes();
    });
    refuse("an empty line at the end", &|lines| {
        lines.push(b"\n".to_vec())
    });
    refuse("none at all", &|lines| lines.clear());
}

/// Checkpoints that say something else, even with the log's own key.
fn the_checkpoint_is_bound(court: &mut Court, log: &Log, files: &Files) {
    let (key, name) = (log.key(), log.key().origin().clone());
    court.all_accept(
        &signed(files, &key, |_| ()),
        "signed once more by the same key",
    );
    let other = SigningKey::from_seed(name, &[7; 32]);
    court.all_refuse(&signed(files, &other, |_| ()), "signed by another key");
    let mut refuse = |what: &str, change: &dyn Fn(&mut Checkpoint)| {
        court.all_refuse(&signed(files, &key, change), what);
    };
    refuse("one more", &|checkpoint| checkpoint.size += 1);
    refuse("one less", &|checkpoint| checkpoint.size -= 1);
    refuse("of nothing", &|checkpoint| checkpoint.size = 0);
    refuse("another root", &|checkpoint| {
        let mut root = *checkpoint.root.as_bytes();
        root[31] ^= 1;
        checkpoint.root = ledger::tree::Hash::from_slice(&root).expect("32 bytes");
    });
    refuse("another origin", &|checkpoint| {
        checkpoint.origin = Origin::new("register.test/other").expect("a name");
    });
    let older = log.checkpoint(None, 511);
    let with_older = changed(files, "checkpoint", |note| note.clone_from(&older));
    court.all_refuse(&with_older, "an older checkpoint of the same log");
    let text = checkpoint::unverified(&files.all["checkpoint"])
        .expect("one")
        .text();
    let bare = changed(files, "checkpoint", |note| *note = text.into_bytes());
    court.all_refuse(&bare, "not signed");
}

/// Whether a file is more than ours.
fn concerns_all(name: &&String) -> bool {
    let views = ["README.txt", "manifest.json", "private.jsonl"];
    let folders = ["keys/", "checkpoints/"];
    !views.contains(&name.as_str()) && !folders.iter().any(|folder| name.starts_with(folder))
}

fn every_file_is_bound(court: &mut Court, files: &Files) {
    for name in files.all.keys().filter(concerns_all) {
        let flipped = changed(files, name, |bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        });
        court.all_refuse(&flipped, &format!("a bit of {name}"));
        if name.starts_with("tile/") || name.starts_with("proofs/") {
            court.all_refuse(&without(files, name), &format!("{name} left out"));
        }
    }
}

/// Somewhere in the files that concern everybody: `number` says where and what.
fn mutated(files: &Files, number: u64) -> (String, Files) {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut chance = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    let names: Vec<&String> = files.all.keys().filter(concerns_all).collect();
    let name = names[chance(names.len())];
    let files = changed(files, name, |bytes| {
        let at = chance(bytes.len());
        match chance(8) {
            0..5 => bytes[at] ^= 1 << chance(8),
            5 => drop(bytes.remove(at)),
            6 => bytes.insert(at, chance(256) as u8),
            _ => bytes.truncate(at),
        }
    });
    (format!("mutation {number}, in {name}"), files)
}

fn mutations_are_refused(court: &mut Court, files: &Files) {
    let said = std::env::var("COUNTERSIGN_MUTATIONS").ok();
    let most: u64 = said.map_or(400, |text| text.parse().expect("a number"));
    for number in 0..most / 2 {
        let (what, mutated) = mutated(files, number);
        if mutated != *files {
            court.all_refuse(&mutated, &what);
        }
    }
}

#[test]
fn a_whole_log_is_accepted_by_all_and_no_change_of_it_by_any() {
    let log = Log::kept();
    let files = log.whole();
    let mut court = Court::convened(log.key().vkey());
    court.all_accept(&files, "as it was exported");
    entries_are_bound(&mut court, &files);
    the_checkpoint_is_bound(&mut court, &log, &log.package(Filter::default()));
    every_file_is_bound(&mut court, &files);
    mutations_are_refused(&mut court, &files);
    court.all_accept(&files, "as it was exported, at the end");
}

#[test]
fn a_part_of_a_log_is_accepted_by_all_and_no_change_of_it_by_any() {
    let log = Log::kept();
    let files = log.part();
    let mut court = Court::convened(log.key().vkey());
    court.all_accept(&files, "as it was exported");
    entries_are_bound(&mut court, &files);
    every_file_is_bound(&mut court, &files);
    mutations_are_refused(&mut court, &files);

    let mut swapped = files.clone();
    let (one, two) = ("proofs/9.tlog-proof", "proofs/18.tlog-proof");
    swapped.all.insert(one.to_owned(), files.all[two].clone());
    swapped.all.insert(two.to_owned(), files.all[one].clone());
    court.all_refuse(&swapped, "two proofs swapped");
    court.all_accept(&files, "as it was exported, at the end");
}

/// A log that was written anew from its beginning, with the true key: it holds by itself, and only
/// who kept a checkpoint can tell.
#[test]
fn a_log_that_was_written_anew_contradicts_a_checkpoint_of_before() {
    let (log, anew) = (Log::kept(), Log::kept());
    let mut files = anew.package(Filter::default());
    files.all.insert(
        "keys/1.vkey".to_owned(),
        log.package(Filter::default()).all["keys/1.vkey"].clone(),
    );
    let mut files = signed(&files, &log.key(), |_| ());
    let names: Vec<String> = files.all.keys().cloned().collect();
    for name in names.iter().filter(|name| name.starts_with("checkpoints/")) {
        files = signed_anew(&files, name, &log.key(), |_| ());
    }
    let mut court = Court::convened(log.key().vkey());
    court.all_accept(&files, "with nothing to hold it against");
    for old in OLD {
        let mut files = files.clone();
        let proof = anew.checkpoint(Some(old), ENTRIES);
        let text = String::from_utf8(proof).expect("text");
        let (path, _) = text.split_once("\n\n").expect("a proof");
        let note = String::from_utf8(files.all["checkpoint"].clone()).expect("text");
        let growth = format!("{path}\n\n{note}").into_bytes();
        files.all.insert(format!("growth/{old}.growth"), growth);
        files.all.insert(
            format!("growth/{old}.checkpoint"),
            log.checkpoint(None, old),
        );
        court.all_refuse(&files, &format!("beside the checkpoint of {old}"));
    }
}

#[test]
fn what_the_formats_of_others_do_not_know_is_checked_by_ours() {
    let log = Log::kept();
    let files = log.package(Filter::default());
    let mut court = Court::convened(log.key().vkey());
    let before = |size: &u64| files.all.contains_key(&format!("checkpoints/{size}"));
    assert!(OLD.iter().all(before), "every checkpoint is in the package");
    let note = changed(&files, "checkpoints/256", |note| {
        let middle = note.len() / 2;
        note[middle] ^= 1;
    });
    court.we_refuse(&note, "a bit of a checkpoint of before");
    let other = files.all["checkpoints/255"].clone();
    let note = changed(&files, "checkpoints/256", |note| *note = other);
    court.we_refuse(&note, "a checkpoint of before in the place of another");
    let read_me = changed(&files, "README.txt", |text| text.push(b'!'));
    court.we_refuse(&read_me, "another README");
    let mut more = files.clone();
    more.all.insert("tile/0/999".to_owned(), vec![0; 32]);
    court.we_refuse(&more, "a tile that belongs to nothing");
}

//! Packages of a small ledger: what holds is accepted, and nothing else.

use super::super::checkpoint::{Checkpoint, sign};
use super::super::entry::commitment;
use super::super::key::{SigningKey, Vkey};
use super::super::origin::Origin;
use super::super::proof::Proof;
use super::super::sample::{Sample, opened};
use super::super::tiles::{self, Level, bundle};
use super::super::tree;
use super::super::verify::Refusal;
use super::private::{Held, Values, line};
use super::*;
use std::collections::BTreeMap;
use std::io::Write;

/// Files by name, as somebody made them.
#[derive(Clone, Default)]
struct Files(BTreeMap<String, Vec<u8>>);

impl Contents for Files {
    fn write(&mut self, name: &str, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(&self.0[name])
    }
}

/// A package that is put together by hand.
#[derive(Clone)]
struct Made {
    files: Files,
    names: Vec<String>,
    checkpoint: Checkpoint,
    count: u64,
    filter: Option<Map<String, Value>>,
}

fn key() -> SigningKey {
    SigningKey::from_seed(Origin::new("register.example/log").unwrap(), &[3; 32])
}

fn signed(sample: &Sample, size: u64) -> (Checkpoint, Vec<u8>) {
    let checkpoint = Checkpoint {
        origin: key().origin().clone(),
        size,
        root: sample.root(size),
    };
    let note = sign(&checkpoint, &[&key()]);
    (checkpoint, note)
}

fn lines<'a>(texts: impl Iterator<Item = &'a Vec<u8>>) -> Vec<u8> {
    texts
        .flat_map(|text| [text.as_slice(), b"\n"].concat())
        .collect()
}

impl Made {
    fn begin(sample: &Sample) -> Made {
        let (checkpoint, note) = signed(sample, sample.size());
        let mut made = Made {
            files: Files::default(),
            names: Vec::new(),
            count: checkpoint.size,
            checkpoint,
            filter: None,
        };
        made.add("README.txt", README.as_bytes().to_vec());
        made.add("checkpoint", note);
        made.add("keys/1.vkey", format!("{}\n", key().vkey()).into_bytes());
        made
    }

    fn add(&mut self, name: &str, bytes: Vec<u8>) {
        self.names.push(name.to_owned());
        self.files.0.insert(name.to_owned(), bytes);
    }

    fn whole(sample: &Sample) -> Made {
        let mut made = Made::begin(sample);
        for size in [1, 2, 100, 256, 600, sample.size()] {
            if size <= sample.size() && !made.names.contains(&checkpoint_name(size)) {
                made.add(&checkpoint_name(size), signed(sample, size).1);
            }
        }
        made.add("entries.jsonl", lines(sample.texts.iter()));
        for tile in tiles::all(sample.size()) {
            let bytes = match tile.level {
                Level::Hashes(_) => tile.hashes(&mut sample.read()).unwrap(),
                Level::Entries => {
                    let mut bytes = Vec::new();
                    for seq in tile.entries() {
                        bundle(&mut bytes, &sample.texts[seq as usize]).unwrap();
                    }
                    bytes
                }
            };
            made.add(&tile.to_string(), bytes);
        }
        made
    }

    /// Without the checkpoints of before.
    fn alone(mut self) -> Made {
        self.names.retain(|name| !name.starts_with("checkpoints/"));
        self
    }

    /// Every third entry, each with its proof.
    fn part(sample: &Sample) -> Made {
        let mut made = Made::begin(sample);
        let listed = || (0..sample.size()).step_by(3);
        let texts = listed().map(|seq| &sample.texts[seq as usize]);
        made.add("entries.jsonl", lines(texts));
        for seq in listed() {
            let proof = Proof {
                seq,
                path: tree::inclusion(seq, sample.size(), &mut sample.read()).unwrap(),
                extra: None,
                note: made.files.0["checkpoint"].clone(),
            };
            made.add(&format!("proofs/{seq}.tlog-proof"), proof.text());
        }
        made.count = listed().count() as u64;
        made.filter = Some(Map::from_iter([("stage".to_owned(), "legal".into())]));
        made
    }

    /// With the private values of its entries; those of every fifth are erased.
    fn with_private(mut self, seqs: impl Iterator<Item = u64>) -> Made {
        let mut text = Vec::new();
        for seq in seqs {
            for one in opened(seq) {
                let (salt, value) = (one.salt, one.value);
                let promised = commitment(&salt, &one.name, value.as_bytes());
                let held = match seq % 5 {
                    4 => Held::Erased(promised),
                    _ => Held::Open { salt, value },
                };
                text.extend(line(seq, &one.name, held));
            }
        }
        self.add(private::NAME, text);
        self
    }

    fn manifest(&mut self) -> (Manifest, Vec<u8>) {
        let mut body = Vec::new();
        let listed = measured(self.names.clone(), &mut self.files, &mut body).unwrap();
        let filter = self.filter.clone();
        let manifest = Manifest::new(&self.checkpoint, self.count, filter, listed);
        (manifest, body)
    }

    fn zip(&mut self) -> Vec<u8> {
        let (manifest, body) = self.manifest();
        super::write(&manifest, &mut body.as_slice(), Vec::new()).unwrap()
    }

    /// The package after somebody changed a file and computed every sum anew.
    fn forged(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut made = self.clone();
        change(made.files.0.get_mut(name).unwrap());
        made.zip()
    }
}

fn check(package: &[u8]) -> Result<Report, Refusal> {
    verify(package, &Asked::default(), &mut ())
}

fn with_key(package: &[u8]) -> Result<Report, Refusal> {
    let keys = [key().vkey()];
    let asked = Asked {
        keys: &keys,
        since: None,
        ..Asked::default()
    };
    verify(package, &asked, &mut ())
}

fn refused(package: &[u8]) -> String {
    let refusal = check(package).unwrap_err();
    assert_eq!(refusal.exit_code(), 1, "{refusal}");
    refusal.to_string()
}

#[test]
fn a_whole_log_and_a_part_of_it_hold() {
    for size in [0, 1, 2, 255, 256, 257, 600] {
        let sample = Sample::of(size);
        let report = with_key(&Made::whole(&sample).zip()).unwrap();
        assert_eq!(
            (report.count, report.size, report.trusted),
            (size, size, true)
        );
        assert_eq!(report.root, sample.root(size));
        let report = check(&Made::part(&sample).zip()).unwrap();
        assert_eq!((report.count, report.size), (size.div_ceil(3), size));
        assert!(!report.trusted && !report.signed_by.is_empty());
    }
}

#[test]
fn the_same_log_gives_the_same_bytes() {
    let sample = Sample::of(40);
    assert_eq!(Made::whole(&sample).zip(), Made::whole(&sample).zip());
}

#[test]
fn private_values_are_held_against_what_the_entries_committed_to() {
    let sample = Sample::of(40);
    let whole = Made::whole(&sample).with_private(0..40);
    let part = Made::part(&sample).with_private((0..40).step_by(3));
    let values = |made: &Made| check(&made.clone().zip()).unwrap().private.unwrap();
    let (opened, erased) = (64, 16);
    assert_eq!(values(&whole), Values { opened, erased });
    let (opened, erased) = (22, 6);
    assert_eq!(values(&part), Values { opened, erased });
    let words = check(&part.clone().zip()).unwrap().to_string();
    assert!(words.contains("Private values: 22, each the original; 6 more were erased"));
    assert_eq!(check(&Made::whole(&sample).zip()).unwrap().private, None);

    let told = |change: &dyn Fn(&mut Vec<String>)| {
        refused(&whole.forged(private::NAME, |text| {
            let all = String::from_utf8(text.clone()).unwrap();
            let mut lines: Vec<String> = all.lines().map(str::to_owned).collect();
            change(&mut lines);
            *text = lines.join("\n").into_bytes();
            text.push(b'\n');
        }))
    };
    let value = told(&|lines| lines[14] = lines[14].replace("Stra", "Strasse"));
    assert!(
        value.contains("(entry 7): the values listed for it"),
        "{value}"
    );
    for (what, change) in [
        (
            "one left out",
            &(|lines: &mut Vec<String>| drop(lines.remove(15))) as &dyn Fn(&mut Vec<String>),
        ),
        ("two swapped", &|lines| lines.swap(14, 15)),
        ("one twice", &|lines| lines.insert(15, lines[15].clone())),
        ("erased, as another", &|lines| {
            lines[14] = lines[8].replace("\"seq\":4", "\"seq\":7");
        }),
    ] {
        let told = told(change);
        assert!(told.contains("(entry 7)"), "{what}: {told}");
    }
    let shortened = told(&|lines| lines.truncate(78));
    assert!(
        shortened.contains("after entry 38 are left out"),
        "{shortened}"
    );
    let spaced = told(&|lines| lines[3] = lines[3].replace(',', ", "));
    assert!(
        spaced.contains("line 4: the line is not spelled"),
        "{spaced}"
    );
    let more = told(&|lines| lines.push(lines[0].clone()));
    assert!(more.contains("(entry 0)"), "{more}");
}

#[test]
fn every_checkpoint_of_before_is_signed_and_follows_from_the_entries() {
    let sample = Sample::of(300);
    let whole = Made::whole(&sample);
    assert_eq!(check(&whole.clone().zip()).unwrap().checkpoints, 5);
    let other = |size| {
        let mut other = Sample::of(size - 1);
        other.push(b"of another log".to_vec());
        signed(&other, size).1
    };
    let told = refused(&whole.forged("checkpoints/100", |note| *note = other(100)));
    assert!(
        told.starts_with("checkpoints/100: the entries up to it do not give its root: of the ")
            && told.contains("entries 2 to 99 at least one was changed"),
        "{told}"
    );
    let told = refused(&whole.forged("checkpoints/100", |note| *note = signed(&sample, 99).1));
    assert!(told.contains("another log or size"), "{told}");
    let stranger = SigningKey::from_seed(key().origin().clone(), &[9; 32]);
    let told = refused(&whole.forged("checkpoints/100", |note| {
        let (checkpoint, _) = signed(&sample, 100);
        *note = sign(&checkpoint, &[&stranger]);
    }));
    assert!(told.contains("no known key"), "{told}");
    let mut swapped = whole.clone();
    swapped.names.swap(3, 4);
    assert!(refused(&swapped.zip()).contains("out of order"));
    let mut part = Made::part(&sample);
    part.names.insert(3, "checkpoints/1".to_owned());
    part.files
        .0
        .insert("checkpoints/1".to_owned(), signed(&sample, 1).1);
    assert!(refused(&part.zip()).contains("only a whole log"));
}

/// After a key was retired, what it signed before came with the package.
#[test]
fn what_a_retired_key_signed_is_checked_with_the_key_in_the_package() {
    let sample = Sample::of(50);
    let mut made = Made::whole(&sample);
    let retired = SigningKey::from_seed(key().origin().clone(), &[9; 32]);
    let (checkpoint, _) = signed(&sample, 2);
    let note = sign(&checkpoint, &[&retired]);
    made.files.0.insert("checkpoints/2".to_owned(), note);
    made.names.insert(3, "keys/2.vkey".to_owned());
    let vkey = format!("{}\n", retired.vkey()).into_bytes();
    made.files.0.insert("keys/2.vkey".to_owned(), vkey);
    let report = with_key(&made.zip()).unwrap();
    assert_eq!((report.checkpoints, report.signed_by.len()), (3, 1));
    let package = made.zip();
    assert_eq!(
        check(&package).unwrap().signed_by,
        [key().vkey().to_string()]
    );
}

#[test]
fn a_log_that_is_not_signed_says_so_and_no_key_believes_it() {
    let sample = Sample::of(7);
    let mut made = Made::whole(&sample).alone();
    made.names.retain(|name| name != "keys/1.vkey");
    let text = made.checkpoint.text().into_bytes();
    made.files.0.insert("checkpoint".to_owned(), text);
    let package = made.zip();
    let words = check(&package).unwrap().to_string();
    assert!(words.contains("not signed"), "{words}");
    assert!(
        with_key(&package)
            .unwrap_err()
            .to_string()
            .contains("not signed")
    );
}

#[test]
fn a_package_signed_by_another_key_is_refused_by_who_has_the_right_one() {
    let sample = Sample::of(7);
    let mut made = Made::whole(&sample).alone();
    let other = SigningKey::from_seed(key().origin().clone(), &[4; 32]);
    let note = sign(&made.checkpoint, &[&other]);
    made.files.0.insert("checkpoint".to_owned(), note);
    let vkey = format!("{}\n", other.vkey()).into_bytes();
    made.files.0.insert("keys/1.vkey".to_owned(), vkey);
    let package = made.zip();
    let words = check(&package).unwrap().to_string();
    assert!(words.contains("came with the package"), "{words}");
    assert_eq!(with_key(&package).unwrap_err().exit_code(), 1);
}

#[test]
fn the_log_grew_from_what_was_known_or_it_is_refused() {
    let sample = Sample::of(300);
    let package = Made::whole(&sample).zip();
    let since = |note: &[u8]| {
        let keys: [Vkey; 1] = [key().vkey()];
        let asked = Asked {
            keys: &keys,
            since: Some(note),
            ..Asked::default()
        };
        verify(package.as_slice(), &asked, &mut ())
    };
    for size in [0, 1, 256, 299, 300] {
        let (_, note) = signed(&sample, size);
        assert_eq!(since(&note).unwrap().since, Some(size));
    }
    let mut other = Sample::of(100);
    other.push(b"of another log".to_vec());
    let (_, note) = signed(&other, 101);
    let words = since(&note).unwrap_err().to_string();
    assert!(
        words.contains("the first 101 entries do not give its root"),
        "{words}"
    );
    let (_, later) = signed(&Sample::of(301), 301);
    let words = since(&later).unwrap_err().to_string();
    assert!(words.contains("entries were taken away"), "{words}");
}

#[test]
fn a_forger_who_computes_every_sum_anew_is_found_and_the_place_is_named() {
    let sample = Sample::of(300);
    let whole = Made::whole(&sample).alone();
    let swap = |text: &mut Vec<u8>| {
        let changed = String::from_utf8(text.clone()).unwrap();
        *text = changed.replacen("approve", "approvd", 1).into_bytes();
    };
    let told = refused(&whole.forged("entries.jsonl", swap));
    assert!(
        told.starts_with("entries.jsonl: the entries do not give the root"),
        "{told}"
    );
    let told = refused(&whole.forged("tile/0/000", |tile| tile[7] ^= 1));
    assert!(
        told.starts_with("tile/0/000: it is not what follows"),
        "{told}"
    );
    let told = refused(&whole.forged("checkpoint", |note| note[25] ^= 1));
    assert!(told.starts_with("checkpoint: "), "{told}");
    let last = |text: &mut Vec<u8>| {
        text.pop();
        let at = text.iter().rposition(|b| *b == b'\n').unwrap();
        text.truncate(at + 1);
    };
    let told = refused(&whole.forged("entries.jsonl", last));
    assert!(told.contains("299 entries where 300 are stated"), "{told}");
    let again = |text: &mut Vec<u8>| text.extend(text.clone());
    let told = refused(&whole.forged("entries.jsonl", again));
    assert!(
        told.contains("line 301 (entry 0): it stands where entry 300 belongs"),
        "{told}"
    );
    let not_text = |text: &mut Vec<u8>| text[40] = 0xff;
    let told = refused(&whole.forged("entries.jsonl", not_text));
    assert!(told.contains("line 1") && told.contains("UTF-8"), "{told}");
    let part = Made::part(&sample);
    let told = refused(&part.forged("entries.jsonl", swap));
    assert!(
        told.starts_with("proofs/0.tlog-proof (entry 0): it does not show"),
        "{told}"
    );
    let other = part.files.0["proofs/6.tlog-proof"].clone();
    let told = refused(&part.forged("proofs/3.tlog-proof", |proof| *proof = other));
    assert!(told.starts_with("proofs/3.tlog-proof (entry 3)"), "{told}");
}

#[test]
fn files_that_belong_into_no_package_are_refused() {
    let whole = Made::whole(&Sample::of(5));
    for name in [
        "../../etc/passwd",
        "/etc/passwd",
        "extra.txt",
        "tile/0/000",
        "C:\\x",
    ] {
        let mut made = whole.clone();
        made.add(name, b"x".to_vec());
        assert!(
            refused(&made.zip()).contains("this file belongs into no package"),
            "{name}"
        );
    }
    let mut made = whole.clone();
    made.names.swap(1, 2);
    refused(&made.zip());
    let mut made = whole.clone();
    made.names.retain(|name| name != "tile/entries/000.p/5");
    refused(&made.zip());
}

#[test]
fn what_is_no_package_cannot_be_read_and_what_breaks_off_is_tampered_with() {
    for odd in [&b"PK\x03\x04"[..], b"", b"PK\x05\x06", &[0; 4000]] {
        assert!(check(odd).is_err());
    }
    let package = Made::whole(&Sample::of(3)).zip();
    for length in 60..package.len() {
        let refusal = check(&package[..length]).unwrap_err();
        assert_eq!(refusal.exit_code(), 1, "cut at {length}: {refusal}");
    }
    let more = [package.as_slice(), b"\n"].concat();
    assert!(refused(&more).contains("something follows"));
}

/// A file that claims to hold more than anybody has.
#[test]
fn stated_lengths_are_not_believed() {
    let mut made = Made::whole(&Sample::of(3));
    let (mut manifest, _) = made.manifest();
    for part in &mut manifest.files {
        part.size = 1 << 50;
    }
    let listed = manifest.files.clone();
    let manifest = Manifest::new(&made.checkpoint, 3, None, listed);
    let mut zip = zip::Writer::new(Vec::new());
    let text = manifest.text();
    let head = zip::Head {
        name: MANIFEST.to_owned(),
        size: text.len() as u64,
        crc: crc32fast::hash(&text),
    };
    zip.begin(&head).unwrap().write_all(&text).unwrap();
    zip.begin(&manifest.files[0].head()).unwrap();
    let package = zip.finish().unwrap();
    assert!(refused(&package).contains("longer than such a file can be"));
}

/// Mutations, unless COUNTERSIGN_MUTATIONS says another number; fewer where nothing is optimised.
const MUTATIONS: u64 = if cfg!(debug_assertions) {
    1_000
} else {
    10_000
};

/// One change of a package somewhere, told by a number.
fn mutated(package: &[u8], number: u64) -> Vec<u8> {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut chance = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    let mut bytes = package.to_vec();
    let (at, other) = (chance(bytes.len()), chance(bytes.len()));
    match chance(8) {
        0..4 => bytes[at] ^= 1 << chance(8),
        4 => drop(bytes.remove(at)),
        5 => bytes.insert(at, chance(256) as u8),
        6 if bytes[at] != bytes[other] => bytes.swap(at, other),
        _ => bytes.truncate(at),
    }
    bytes
}

#[test]
fn no_mutation_of_a_package_of_a_thousand_entries_is_accepted() {
    let said = std::env::var("COUNTERSIGN_MUTATIONS").ok();
    let most = said.map_or(MUTATIONS, |text| text.parse().expect("a number"));
    let sample = Sample::of(1000);
    let packages = [
        Made::whole(&sample).with_private(0..1000).zip(),
        Made::part(&sample).with_private((0..1000).step_by(3)).zip(),
    ];
    std::thread::scope(|scope| {
        for (kind, package) in packages.iter().enumerate() {
            scope.spawn(move || {
                for number in 0..most / 2 {
                    let bytes = mutated(package, number * 2 + kind as u64);
                    let same = bytes == *package;
                    assert!(
                        same || check(&bytes).is_err(),
                        "mutation {number} of {kind}"
                    );
                }
            });
        }
    });
}

/// A package that asks for more work than its length suggests.
#[test]
fn who_checks_for_others_takes_few_keys_and_checkpoints_and_a_short_manifest() {
    let sample = Sample::of(3);
    let mut made = Made::whole(&sample);
    let other = |number: u8| SigningKey::from_seed(key().origin().clone(), &[number; 32]).vkey();
    let first = made.names.iter().position(|name| name == "keys/1.vkey");
    let place = first.unwrap() + 1;
    let have = made
        .names
        .iter()
        .filter(|name| name.starts_with("keys/"))
        .count();
    for number in have..=MAX_KEYS {
        let name = format!("keys/{}.vkey", number + 1);
        made.names.insert(place + number - have, name.clone());
        made.files
            .0
            .insert(name, format!("{}\n", other(number as u8)).into_bytes());
    }
    assert!(refused(&made.zip()).contains("a package has at most 64 keys"));

    let package = Made::whole(&sample).zip();
    let bounded = |manifest, checkpoints| {
        let bounds = Bounds {
            manifest,
            checkpoints,
            beyond: "; ask elsewhere",
        };
        let asked = Asked {
            bounds,
            ..Asked::default()
        };
        verify(package.as_slice(), &asked, &mut ())
    };
    let refusal = bounded(100, 10).unwrap_err();
    assert_eq!(refusal.exit_code(), 2, "nothing is known about it");
    let told = "cannot verify: its manifest is longer than 0 MB; ask elsewhere";
    assert_eq!(refusal.to_string(), told);
    let told = "cannot verify: it has more than 2 checkpoints; ask elsewhere";
    assert_eq!(bounded(1 << 20, 2).unwrap_err().to_string(), told);
    assert!(bounded(1 << 20, 3).is_ok());
}

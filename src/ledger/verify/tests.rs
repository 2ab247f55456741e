//! Exports in JSON lines: what holds is accepted, and every change is named with its line.

use super::super::export::{Opened, Writer};
use super::super::sample::{Sample, draft, opened, stamp};
use super::super::tree;
use super::*;
use proptest::prelude::*;
use std::io::{self, Read};

fn verify(file: &[u8]) -> Result<Report, Refusal> {
    verify_jsonl(file)
}

/// The line that the verdict names, the entry on it, and the sentence.
fn tampered(file: &[u8]) -> (u64, Option<u64>, String) {
    match verify(file) {
        Err(Refusal::Tampered { line, seq, reason }) => (line, seq, reason),
        other => panic!("tampering must be seen: {other:?}"),
    }
}

fn lines(file: &[u8]) -> Vec<Vec<u8>> {
    file.split_inclusive(|byte| *byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect()
}

/// The line of the file, counted from 1, on which a byte stands.
fn line_of(file: &[u8], place: usize) -> u64 {
    1 + file[..place].iter().filter(|byte| **byte == b'\n').count() as u64
}

/// The file with one text replaced once.
fn changed(file: &[u8], from: &str, to: &str) -> Vec<u8> {
    let text = std::str::from_utf8(file).unwrap();
    assert!(text.contains(from), "{from} must stand in the sample");
    text.replacen(from, to, 1).into_bytes()
}

#[test]
fn a_good_export_is_reported_with_size_root_and_times() {
    let sample = Sample::of(30);
    let report = verify(&sample.export()).unwrap();
    assert!(report.complete && report.filter.is_none());
    assert_eq!(
        (report.count, report.size, report.root),
        (30, 30, sample.root(30))
    );
    assert_eq!(
        report.first_at.as_deref(),
        Some("2026-11-18T11:06:40.000000Z")
    );
    assert_eq!(
        report.last_at.as_deref(),
        Some("2026-11-18T11:06:54.000000Z")
    );
    assert_eq!((report.commitments, report.opened), (60, 8));
    let (code, message) = run_verify(&sample.export()[..]);
    assert_eq!(code, GOOD);
    assert!(message.contains("all 30 entries") && message.contains(&sample.root(30).to_string()));
    assert!(message.contains("Of 60 private values it shows 8"));
}

#[test]
fn an_empty_ledger_verifies() {
    let report = verify(&Sample::default().export()).unwrap();
    assert_eq!((report.count, report.root), (0, Hash::EMPTY));
}

#[test]
fn a_partial_export_says_what_it_does_not_prove() {
    let sample = Sample::of(10);
    let report = verify(&sample.export_even()).unwrap();
    assert!(!report.complete);
    assert_eq!(
        (report.count, report.size, report.root),
        (6, 10, sample.root(10))
    );
    assert_eq!(report.filter.as_ref().unwrap()["search"], "Straße \"x\"");
    let message = report.to_string();
    assert!(message.contains("partial export"));
    assert!(message.contains("does not prove that no matching entry is missing"));
}

/// Flips one bit of every byte, and every bit of some.
fn every_byte_counts(file: &[u8]) {
    assert!(verify(file).is_ok());
    for place in 0..file.len() {
        let bits = if place % 101 == 0 { 8 } else { 1 };
        for bit in 0..bits {
            let mut bad = file.to_vec();
            bad[place] ^= 1 << ((bit + place) % 8);
            let (line, ..) = tampered(&bad);
            assert_eq!(
                line,
                line_of(file, place),
                "bit {bit} of byte {place} flipped"
            );
        }
    }
}

#[test]
fn flipping_any_byte_is_refused_on_that_very_line() {
    every_byte_counts(&Sample::of(30).export());
}

#[test]
fn flipping_any_byte_of_a_partial_export_is_refused_on_that_very_line() {
    every_byte_counts(&Sample::of(12).export_even());
}

#[test]
fn flipping_any_byte_of_an_export_without_entries_is_refused() {
    every_byte_counts(&Sample::default().export());
}

#[test]
fn the_entry_behind_a_changed_line_is_named_even_when_its_number_was_changed() {
    let file = Sample::of(30).export();
    let bad = changed(&file, "\\\"seq\\\":16,", "\\\"seq\\\":17,");
    let (line, seq, reason) = tampered(&bad);
    assert_eq!((line, seq), (17, Some(16)));
    assert!(reason.starts_with("the text does not match its leaf hash"));
    let (code, message) = run_verify(&bad[..]);
    assert_eq!(code, TAMPERED);
    assert!(
        message.starts_with("line 17 (entry 16): the text does not match"),
        "{message}"
    );
}

#[test]
fn a_removed_line_is_named_where_it_is_missing() {
    let file = Sample::of(30).export();
    for gone in 0..30usize {
        let mut kept = lines(&file);
        kept.remove(gone);
        let (line, seq, reason) = tampered(&kept.concat());
        if gone < 29 {
            let place = gone as u64;
            assert_eq!((line, seq), (place + 1, Some(place)), "{reason}");
            assert!(reason.contains("lines were removed or moved"));
        } else {
            assert_eq!(
                line, 30,
                "only the trailer knows that the last entry is gone"
            );
            assert!(
                reason.contains("30 entries, but the file holds 29"),
                "{reason}"
            );
        }
    }
}

#[test]
fn a_repeated_line_is_named() {
    let file = Sample::of(30).export();
    for twice in 0..30usize {
        let mut more = lines(&file);
        more.insert(twice, more[twice].clone());
        let (line, _, reason) = tampered(&more.concat());
        assert_eq!(line, twice as u64 + 2);
        assert!(reason.contains("moved or repeated"), "{reason}");
    }
}

#[test]
fn swapped_lines_are_named_at_the_first() {
    let file = Sample::of(30).export();
    for (a, b) in [(0, 1), (4, 5), (3, 20), (28, 29)] {
        let mut swapped = lines(&file);
        swapped.swap(a, b);
        let (line, seq, _) = tampered(&swapped.concat());
        assert_eq!((line, seq), (a as u64 + 1, Some(a as u64)));
    }
}

#[test]
fn the_first_of_two_changes_is_named() {
    let file = Sample::of(30).export();
    let mut bad = lines(&file);
    bad.remove(4);
    bad[20][50] ^= 1;
    assert_eq!(tampered(&bad.concat()).0, 5);
}

#[test]
fn a_file_cut_off_anywhere_is_refused() {
    let file = Sample::of(5).export();
    assert!(
        (1..11).all(|end| verify(&file[..end]).is_err()),
        "too short to be recognised"
    );
    for end in 11..file.len() {
        let (line, _, reason) = tampered(&file[..end]);
        let expected = line_of(&file, end);
        assert_eq!(line, expected, "cut at {end}: {reason}");
        assert!(reason.contains("cut off"), "{reason}");
    }
}

#[test]
fn nothing_may_follow_the_trailer() {
    let file = Sample::of(3).export();
    let first = lines(&file).remove(0);
    let trailer = lines(&file).remove(3);
    let twice = [&trailer[..], &trailer[..]].concat();
    for extra in [
        b"\n".to_vec(),
        b" ".to_vec(),
        b"x".to_vec(),
        first,
        trailer,
        twice,
    ] {
        let (line, seq, reason) = tampered(&[&file[..], &extra].concat());
        assert_eq!((line, seq), (5, None));
        assert!(reason.contains("follows the trailer"));
    }
}

#[test]
fn a_trailer_with_another_size_or_root_is_refused_on_its_line() {
    let sample = Sample::of(8);
    let file = sample.export();
    let (line, _, reason) = tampered(&changed(&file, "\"size\":8", "\"size\":9"));
    assert!(
        line == 9 && reason.contains("9 entries, but the file holds 8"),
        "{reason}"
    );
    let (root, other) = (sample.root(8).to_string(), sample.root(7).to_string());
    let (line, _, reason) = tampered(&changed(&file, &root, &other));
    assert!(
        line == 9 && reason.contains("do not give the root"),
        "{reason}"
    );
    let (line, _, reason) = tampered(&changed(&file, "log-1", "log-2"));
    assert!(
        line == 9 && reason.contains("countersign-log-2"),
        "{reason}"
    );
    let claims_partial = "\"complete\":false,\"count\":8,\"filter\":{}";
    assert_eq!(
        tampered(&changed(&file, "\"complete\":true", claims_partial)).0,
        9
    );
}

#[test]
fn an_entry_changed_together_with_its_leaf_hash_is_betrayed_by_the_root() {
    let mut sample = Sample::of(12);
    let root = sample.root(12);
    let text = String::from_utf8(sample.texts[6].clone()).unwrap();
    sample.texts[6] = text.replace("approve", "request_changes").into_bytes();
    let mut out = Vec::new();
    let mut writer = Writer::complete(&mut out);
    for text in &sample.texts {
        writer.entry(text, tree::leaf_hash(text), &[]).unwrap();
    }
    assert!(!writer.finish(12, root).unwrap().root_holds);
    let (line, seq, reason) = tampered(&out);
    assert_eq!((line, seq), (13, None));
    assert!(reason.contains("changed together with its leaf hash"));
}

#[test]
fn a_row_changed_in_the_database_shows_on_its_line() {
    let mut sample = Sample::of(12);
    let text = String::from_utf8(sample.texts[6].clone()).unwrap();
    sample.texts[6] = text.replace("approve", "reject").into_bytes();
    let (line, seq, reason) = tampered(&sample.export());
    assert_eq!((line, seq), (7, Some(6)));
    assert!(reason.contains("does not match its leaf hash"));
}

fn export_of(texts: Vec<Vec<u8>>) -> Vec<u8> {
    let mut sample = Sample::default();
    texts.into_iter().for_each(|text| sample.push(text));
    let mut out = Vec::new();
    let mut writer = Writer::complete(&mut out);
    for (n, text) in (0..).zip(&sample.texts) {
        writer.entry(text, sample.leaf(n), &[]).unwrap();
    }
    writer
        .finish(sample.size(), sample.root(sample.size()))
        .unwrap();
    out
}

#[test]
fn a_forged_ledger_must_still_keep_the_rules_of_entries() {
    let seal = |n| draft(n).seal(&stamp(n)).unwrap();
    let (line, _, reason) = tampered(&export_of(vec![seal(0), b"{}".to_vec()]));
    assert!(line == 2 && reason.contains("is not an entry"), "{reason}");
    let spaced = [&seal(1)[..], b" "].concat();
    assert_eq!(tampered(&export_of(vec![seal(0), spaced])).0, 2);
    let early = draft(1)
        .seal(&crate::ledger::entry::Stamp { seq: 1, ..stamp(0) })
        .unwrap();
    let late = draft(0)
        .seal(&crate::ledger::entry::Stamp { seq: 0, ..stamp(9) })
        .unwrap();
    let (line, seq, reason) = tampered(&export_of(vec![late, early]));
    assert!(
        (line, seq) == (2, Some(1)) && reason.contains("is before"),
        "{reason}"
    );
    let (line, seq, _) = tampered(&export_of(vec![seal(1), seal(2)]));
    assert_eq!((line, seq), (1, Some(0)), "entry 0 is missing");
}

#[test]
fn private_values_must_be_those_that_were_committed_to() {
    let sample = Sample::of(1);
    let with = |private: &[Opened]| {
        let mut out = Vec::new();
        let mut writer = Writer::complete(&mut out);
        writer
            .entry(&sample.texts[0], sample.leaf(0), private)
            .unwrap();
        writer.finish(1, sample.root(1)).unwrap();
        out
    };
    let both = opened(0);
    assert_eq!(verify(&with(&both)).unwrap().opened, 2);
    assert_eq!(
        verify(&with(&both[1..])).unwrap().opened,
        1,
        "the other one may be erased"
    );
    let turned = [both[1].clone(), both[0].clone()];
    assert_eq!(
        verify(&with(&turned)).unwrap().opened,
        2,
        "the writer orders them"
    );
    let mut forged = both.clone();
    forged[0].value.push('!');
    let (line, seq, reason) = tampered(&with(&forged));
    assert_eq!((line, seq), (1, Some(0)));
    assert!(reason.contains("`comment` does not match its commitment"));
    forged[0].name = "remark".to_owned();
    assert!(
        tampered(&with(&forged))
            .2
            .contains("no private value \"remark\"")
    );
    let twice = [both[0].clone(), both[0].clone()];
    assert!(tampered(&with(&twice)).2.contains("twice"));
}

#[test]
fn other_spellings_of_the_same_json_are_refused() {
    let file = Sample::of(4).export();
    let cases = [
        ("{\"entry\":", "{ \"entry\":"),
        ("{\"entry\":", "{\"entry\": "),
        ("{\\\"actor", "{\\u0022actor"),
        ("\\\"approve", "\\\"\\u0061pprove"),
        ("\"leaf_hash\":", "\"leaf_hash\":\"\",\"leaf_hash\":"),
        ("\"}\n", "\",\"private\":[]}\n"),
        ("]}\n", "],\"note\":1}\n"),
        ("\"complete\":true}", "\"complete\":true }"),
        ("\"complete\":true}", "\"complete\":true,\"count\":4}"),
        ("\"size\":4,", "\"size\":4,\"size\":4,"),
        ("\"size\":4,", "\"size\":4.0,"),
        ("}\n", "}\r\n"),
    ];
    for (from, to) in cases {
        let bad = changed(&file, from, to);
        let place = file
            .windows(from.len())
            .position(|part| part == from.as_bytes())
            .unwrap();
        assert_eq!(tampered(&bad).0, line_of(&file, place), "{from} -> {to}");
    }
}

#[test]
fn a_program_that_rewrote_line_ends_is_recognised() {
    let file = String::from_utf8(Sample::of(4).export())
        .unwrap()
        .replace('\n', "\r\n");
    let (line, _, reason) = tampered(file.as_bytes());
    assert!(line == 1 && reason.contains("CR LF"), "{reason}");
}

#[test]
fn a_partial_export_that_lost_or_gained_a_line_is_refused() {
    let file = Sample::of(20).export_even();
    for gone in 0..11 {
        let mut kept = lines(&file);
        kept.remove(gone);
        assert_eq!(tampered(&kept.concat()).0, 11, "only the trailer can tell");
    }
    let mut more = lines(&file);
    more.insert(3, lines(&Sample::of(20).export())[5].clone());
    assert_eq!(tampered(&more.concat()).0, 13);
}

#[test]
fn a_partial_export_of_entries_beyond_the_ledger_is_refused() {
    let sample = Sample::of(9);
    let mut out = Vec::new();
    let mut writer = Writer::partial(&mut out, Map::new());
    writer.entry(&sample.texts[8], sample.leaf(8), &[]).unwrap();
    writer.finish(8, sample.root(8)).unwrap();
    assert!(tampered(&out).2.contains("a later one is listed"));
}

#[test]
fn what_is_no_export_is_told_apart_from_a_tampered_one() {
    let others: [&[u8]; 6] = [
        b"",
        b"hello\n",
        b"{\"a\":1}\n{\"b\":2}\n",
        b"PK\x03\x04\0\0\0",
        b"\x1f\x8b\x08\0",
        b"recorded_at_utc,entry\r\n",
    ];
    for other in others {
        let (code, message) = run_verify(other);
        assert_eq!(code, UNREADABLE, "{message}");
        assert!(message.starts_with("cannot verify: "));
    }
}

struct Failing;

impl io::Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("the disk is gone"))
    }
}

#[test]
fn a_file_that_cannot_be_read_is_no_sign_of_tampering() {
    let start = &Sample::of(3).export()[..700];
    let (code, message) = run_verify(io::BufReader::new(start.chain(Failing)));
    assert_eq!(code, UNREADABLE);
    assert!(message.contains("the disk is gone"));
}

#[test]
fn an_endless_line_is_refused_without_being_held_in_memory() {
    let file = Sample::of(3).export();
    let first = lines(&file).remove(0);
    let endless = io::repeat(b'x').take(64 << 20);
    let reader = io::BufReader::with_capacity(1 << 16, first.chain(endless));
    let Err(Refusal::Tampered { line, reason, .. }) = verify_jsonl(reader) else {
        panic!("an endless line must be refused");
    };
    assert!(line == 2 && reason.contains("longer than"), "{reason}");
}

#[test]
fn verdicts_read_as_json_for_machines() {
    let refusal = verify(&Sample::of(2).export()[..99]).unwrap_err();
    let json = serde_json::to_value(&refusal).unwrap();
    assert_eq!(
        (&json["verdict"], &json["line"]),
        (&"tampered".into(), &1.into())
    );
    let json = serde_json::to_value(verify(&Sample::of(2).export()).unwrap()).unwrap();
    assert_eq!(json["root"], Sample::of(2).root(2).to_string());
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_make_it_panic(bytes: Vec<u8>, text: String) {
        prop_assert!(verify(&bytes).is_err());
        prop_assert!(verify(text.as_bytes()).is_err());
        let ours = [b"{\"entry\":\"{".as_slice(), &bytes, b"\n"].concat();
        prop_assert!(verify(&ours).is_err());
        let trailer = [b"{\"format\":\"countersign-".as_slice(), &bytes, b"}\n"].concat();
        prop_assert!(verify(&trailer).is_err());
    }

    #[test]
    fn any_splice_of_a_good_file_is_refused(
        from in 0usize..4000, length in 0usize..300, put: Vec<u8>,
    ) {
        let file = Sample::of(4).export();
        let from = from % file.len();
        let to = (from + length).min(file.len());
        let bad = [&file[..from], &put, &file[to..]].concat();
        prop_assert_eq!(verify(&bad).is_ok(), bad == file);
    }
}

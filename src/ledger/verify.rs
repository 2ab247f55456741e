//! Checks an exported ledger with nothing but the file, and names the first line that is wrong.
//!
//! Every byte counts: a line must be spelled exactly as the export writes it, so that no change,
//! not even of white space, goes unnoticed. Memory stays bounded by one line, whatever the file.

use super::entry::{View, commitment};
use super::export::{Coverage, FORMAT, MAX_LINE, Opened, Trailer, encode_private, encode_trailer};
use super::histories::{Histories, Told};
use super::tree::{Hash, MAX_SIZE, Range, leaf_hash};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;
use std::io::{self, BufRead, Read};

/// Exit code of a file that holds.
pub const GOOD: u8 = 0;
/// Exit code of a file that was changed.
pub const TAMPERED: u8 = 1;
/// Exit code of what cannot be read, or is no export.
pub const UNREADABLE: u8 = 2;

/// What a file that holds shows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Whether the file has every entry of the ledger up to `size`.
    pub complete: bool,
    /// The entries in the file.
    pub count: u64,
    /// The ledger's size when the file was written.
    pub size: u64,
    /// The ledger's root at that size; proven by the file only when it is complete.
    pub root: Hash,
    /// The filter a partial export was made with.
    pub filter: Option<Map<String, Value>>,
    /// The time of the first entry in the file.
    pub first_at: Option<String>,
    /// The time of the last entry in the file.
    pub last_at: Option<String>,
    /// The commitments to private values in these entries.
    pub commitments: u64,
    /// How many of them the file opens, each in accordance with its commitment.
    pub opened: u64,
    /// Whether the histories of the records in it are whole.
    pub histories: Told,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report {
            count,
            size,
            root,
            commitments,
            opened,
            ..
        } = self;
        let entries = if *count == 1 { "entry" } else { "entries" };
        let span = match (&self.first_at, &self.last_at) {
            (Some(first), Some(last)) => format!(", written from {first} to {last}"),
            _ => String::new(),
        };
        if self.complete {
            writeln!(
                f,
                "Good: the file holds all {count} {entries} of the ledger{span}."
            )?;
            writeln!(f, "Size {size}, root {root}.")?;
        } else {
            let filter = Value::Object(self.filter.clone().unwrap_or_default());
            writeln!(
                f,
                "Good: the file holds {count} {entries}{span}, each with its leaf hash."
            )?;
            writeln!(f, "It is a partial export; its filter is {filter}.")?;
            writeln!(
                f,
                "Records whose history has no gap up to its last entry here: {}; with gaps: {}.",
                self.histories.complete, self.histories.with_gaps
            )?;
        }
        if *commitments > 0 {
            writeln!(
                f,
                "Of {commitments} private values it shows {opened}; they are the originals."
            )?;
        }
        if self.complete {
            write!(
                f,
                "Compare size and root with what you noted earlier or what others hold: \
                 that shows that nobody rewrote the whole file."
            )
        } else {
            write!(
                f,
                "It does not prove that no matching entry is missing, nor that these entries stand \
                 in the ledger of size {size} and root {root}: a complete export does."
            )
        }
    }
}

/// Why a file is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Refusal {
    /// The file is not as it was written.
    Tampered {
        /// The first line that is wrong, counted from 1.
        line: u64,
        /// The entry that belongs on that line, if that can be told.
        seq: Option<u64>,
        /// What is wrong with it.
        reason: String,
    },
    /// A package is not as it was written.
    Broken {
        /// The file in it, and the line where there is one.
        place: String,
        /// The entry, if that can be told.
        seq: Option<u64>,
        /// What is wrong with it.
        reason: String,
    },
    /// The file cannot be read, or is no export of a ledger.
    Unreadable {
        /// Why.
        reason: String,
    },
}

impl Refusal {
    /// The exit code that tells a script.
    pub fn exit_code(&self) -> u8 {
        match self {
            Refusal::Tampered { .. } | Refusal::Broken { .. } => TAMPERED,
            Refusal::Unreadable { .. } => UNREADABLE,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Tampered {
                line,
                seq: Some(seq),
                reason,
            } => {
                write!(f, "line {line} (entry {seq}): {reason}")
            }
            Refusal::Tampered {
                line,
                seq: None,
                reason,
            } => write!(f, "line {line}: {reason}"),
            Refusal::Broken {
                place,
                seq: Some(seq),
                reason,
            } => write!(f, "{place} (entry {seq}): {reason}"),
            Refusal::Broken { place, reason, .. } => write!(f, "{place}: {reason}"),
            Refusal::Unreadable { reason } => write!(f, "cannot verify: {reason}"),
        }
    }
}

impl std::error::Error for Refusal {}

/// Verifies what `reader` holds: the exit code and what to tell the person who asked.
pub fn run_verify(reader: impl BufRead) -> (u8, String) {
    match verify_jsonl(reader) {
        Ok(report) => (GOOD, report.to_string()),
        Err(refusal) => (refusal.exit_code(), refusal.to_string()),
    }
}

/// Verifies an export in JSON lines.
///
/// # Errors
///
/// A [`Refusal`] that names the first bad line, or says why there is nothing to verify.
pub fn verify_jsonl(reader: impl BufRead) -> Result<Report, Refusal> {
    let mut lines = Lines {
        reader,
        line: Vec::new(),
        number: 0,
    };
    let mut walk = Walk::default();
    match walk.file(&mut lines) {
        Ok(report) => Ok(report),
        Err(Stop::Unreadable(reason)) => Err(Refusal::Unreadable { reason }),
        Err(Stop::Early(wrong)) => Err(walk.first_wrong(wrong, &mut lines).refusal()),
        Err(Stop::Final(wrong)) => Err(wrong.refusal()),
    }
}

/// What ends the walk before a report.
enum Stop {
    Unreadable(String),
    /// Found before the trailer was read; the trailer may tell more.
    Early(Wrong),
    Final(Wrong),
}

/// A line that does not hold.
struct Wrong {
    line: u64,
    /// The entry the line claims to be.
    seq: Option<u64>,
    reason: String,
}

impl Wrong {
    fn refusal(self) -> Refusal {
        Refusal::Tampered {
            line: self.line,
            seq: self.seq,
            reason: self.reason,
        }
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Stop::Unreadable(format!("the file cannot be read: {error}"))
    }
}

/// Reads lines of bounded length.
struct Lines<R> {
    reader: R,
    line: Vec<u8>,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    /// Moves to the next line; false at the end. The line keeps its line feed, and lacks one when
    /// it is too long or the file breaks off.
    fn advance(&mut self) -> io::Result<bool> {
        self.line.clear();
        let limit = u64::try_from(MAX_LINE).unwrap_or(u64::MAX);
        self.reader
            .by_ref()
            .take(limit)
            .read_until(b'\n', &mut self.line)?;
        let there = !self.line.is_empty();
        self.number = self.number.saturating_add(u64::from(there));
        Ok(there)
    }
}

/// Out-of-order numbers are wrong in a complete export and usual in a partial one. Which one it
/// is stands in the last line, so the first gap is remembered until then.
struct Gap {
    line: u64,
    found: u64,
}

#[derive(Default)]
struct Walk {
    listed: Range,
    last_seq: Option<u64>,
    gap: Option<Gap>,
    first_at: Option<String>,
    last_at: String,
    commitments: u64,
    opened: u64,
    histories: Histories,
    /// The current entry's text, kept to be reused.
    text: String,
}

impl Walk {
    fn file<R: BufRead>(&mut self, lines: &mut Lines<R>) -> Result<Report, Stop> {
        loop {
            if !lines.advance()? {
                return Err(self.no_trailer(lines.number));
            }
            let number = lines.number;
            if number == 1 && !looks_like_ours(&lines.line) {
                let what = "this is not an export of a Countersign ledger in JSON lines";
                return Err(Stop::Unreadable(what.to_owned()));
            }
            let wrong = |(seq, reason)| {
                Stop::Early(Wrong {
                    line: number,
                    seq,
                    reason,
                })
            };
            let line = whole_line(&lines.line).map_err(|reason| wrong((None, reason)))?;
            if !line.starts_with(TRAILER) {
                self.entry(number, line).map_err(wrong)?;
                continue;
            }
            let trailer = self.last_line(number, line).map_err(Stop::Final)?;
            if lines.advance()? {
                let reason = "something follows the trailer, which is the last line".to_owned();
                return Err(Stop::Final(Wrong {
                    line: lines.number,
                    seq: None,
                    reason,
                }));
            }
            return Ok(self.report(trailer));
        }
    }

    fn no_trailer(&self, number: u64) -> Stop {
        if number == 0 {
            return Stop::Unreadable("the file is empty".to_owned());
        }
        let reason = "the trailer with size and root is missing: the file was cut off".to_owned();
        Stop::Final(Wrong {
            line: number.saturating_add(1),
            seq: None,
            reason,
        })
    }

    /// Checks the trailer, and with it what only the trailer can tell about the lines before.
    fn last_line(&self, number: u64, line: &str) -> Result<Trailer, Wrong> {
        let wrong = |reason| Wrong {
            line: number,
            seq: None,
            reason,
        };
        let trailer = self.trailer(line).map_err(wrong)?;
        if let (Coverage::Complete, Some(gap)) = (&trailer.coverage, &self.gap) {
            return Err(gap.wrong());
        }
        self.totals(&trailer).map_err(wrong)?;
        Ok(trailer)
    }

    /// Checks one entry's line; what is wrong comes with the number the entry claims.
    fn entry(&mut self, number: u64, line: &str) -> Result<(), (Option<u64>, String)> {
        let mut text = std::mem::take(&mut self.text);
        let checked = self.entry_line(number, line, &mut text);
        self.text = text;
        checked
    }

    fn entry_line(
        &mut self,
        number: u64,
        line: &str,
        text: &mut String,
    ) -> Result<(), (Option<u64>, String)> {
        let Parts { stated, private } =
            split(line, text).ok_or_else(|| (None, MISSPELLED.to_owned()))?;
        let leaf = leaf_hash(text.as_bytes());
        let view = View::of(text);
        let claimed = view.as_ref().ok().map(|view| view.seq);
        if stated.as_bytes() != leaf.hex() {
            let reason = "the text does not match its leaf hash: one of them was changed after \
                          the entry was written";
            return Err((claimed, reason.to_owned()));
        }
        let view = view.map_err(|flaw| (None, format!("the text is not an entry: {flaw}")))?;
        self.order(number, &view)
            .map_err(|reason| (claimed, reason))?;
        if let Some(private) = private {
            self.opened += check_private(private, &view).map_err(|reason| (claimed, reason))?;
        }
        self.histories
            .take(view.subject, false)
            .map_err(|reason| (claimed, reason))?;
        self.commitments += u64::try_from(view.private.len()).unwrap_or(0);
        self.listed.push(leaf);
        Ok(())
    }

    /// Numbers rise, and no entry is dated before its predecessor.
    fn order(&mut self, number: u64, view: &View<'_>) -> Result<(), String> {
        let (seq, at) = (view.seq, view.at);
        if let Some(last) = self.last_seq.filter(|last| seq <= *last) {
            return Err(format!(
                "entry {seq} follows entry {last}: a line was moved or repeated"
            ));
        }
        if self.gap.is_none() && seq.checked_add(1) != Some(number) {
            self.gap = Some(Gap {
                line: number,
                found: seq,
            });
        }
        if at < self.last_at.as_str() {
            let last = &self.last_at;
            return Err(format!(
                "its time {at} is before that of the previous entry, {last}"
            ));
        }
        if self.first_at.is_none() {
            self.first_at = Some(at.to_owned());
        }
        self.last_seq = Some(seq);
        self.last_at.clear();
        self.last_at.push_str(at);
        Ok(())
    }

    /// Reads the trailer and insists on its exact spelling.
    fn trailer(&self, line: &str) -> Result<Trailer, String> {
        let trailer = read_trailer(line)?;
        let mut exact = Vec::new();
        encode_trailer(&mut exact, &trailer, self.listed.root()).map_err(|_| MISSPELLED)?;
        let exact = exact.strip_suffix(b"\n").unwrap_or(&exact);
        if exact == line.as_bytes() {
            return Ok(trailer);
        }
        Err(match trailer.coverage {
            Coverage::Complete => MISSPELLED.to_owned(),
            Coverage::Partial { .. } => "the trailer is not as the export wrote it, or lines \
                                         before it were changed, added or removed"
                .to_owned(),
        })
    }

    /// Holds size, count and root of the trailer against the lines before it.
    fn totals(&self, trailer: &Trailer) -> Result<(), String> {
        let (count, size) = (self.listed.size(), trailer.size);
        match &trailer.coverage {
            Coverage::Complete if count != size => Err(format!(
                "the trailer says that the ledger has {size} entries, but the file holds {count}"
            )),
            Coverage::Complete if self.listed.root() != trailer.root => Err(
                "every line agrees with itself, but together they do not give the root that \
                     the trailer states: an entry was changed together with its leaf hash, or the \
                     root was"
                    .to_owned(),
            ),
            Coverage::Partial { count: stated, .. } if *stated != count => Err(format!(
                "the trailer says that the file holds {stated} entries, but it holds {count}"
            )),
            Coverage::Partial { .. } if self.last_seq >= Some(size) => Err(format!(
                "the trailer says that the ledger has {size} entries, but a later one is listed"
            )),
            _ => Ok(()),
        }
    }

    fn report(&mut self, trailer: Trailer) -> Report {
        let filter = match trailer.coverage {
            Coverage::Complete => None,
            Coverage::Partial { filter, .. } => Some(filter),
        };
        Report {
            complete: filter.is_none(),
            count: self.listed.size(),
            size: trailer.size,
            root: trailer.root,
            histories: self.histories.told(),
            filter,
            last_at: self
                .first_at
                .as_ref()
                .map(|_| std::mem::take(&mut self.last_at)),
            first_at: self.first_at.take(),
            commitments: self.commitments,
            opened: self.opened,
        }
    }

    /// In a complete export the place of a line says which entry belongs there, and a gap before
    /// the line at hand came first; the last line of the file tells whether it is complete.
    fn first_wrong<R: BufRead>(&self, mut wrong: Wrong, lines: &mut Lines<R>) -> Wrong {
        if rest_is_complete(lines) {
            wrong.seq = wrong.line.checked_sub(1);
            if let Some(gap) = self.gap.as_ref().filter(|gap| gap.line < wrong.line) {
                wrong = gap.wrong();
            }
        }
        wrong
    }
}

impl Gap {
    fn wrong(&self) -> Wrong {
        let expected = self.line.saturating_sub(1);
        let found = self.found;
        let reason = format!(
            "entry {found} stands where entry {expected} belongs: lines were removed or moved"
        );
        Wrong {
            line: self.line,
            seq: Some(expected),
            reason,
        }
    }
}

/// How a trailer begins.
const TRAILER: &str = "{\"format\":";

const MISSPELLED: &str = "the line is not spelled exactly as the export writes it";

/// Whether what is left of the file ends with the trailer of a complete export.
fn rest_is_complete<R: BufRead>(lines: &mut Lines<R>) -> bool {
    let mut complete = false;
    while let Ok(true) = lines.advance() {
        complete = whole_line(&lines.line).is_ok_and(|line| {
            line.starts_with(TRAILER)
                && read_trailer(line).is_ok_and(|trailer| trailer.coverage == Coverage::Complete)
        });
    }
    complete
}

/// A file whose first line shares nothing with an export is taken for another kind of file; one
/// flipped byte cannot remove all these marks.
fn looks_like_ours(line: &[u8]) -> bool {
    let marks = [
        "{\"entry\":\"{",
        "\",\"leaf_hash\":\"",
        "{\"format\":\"countersign-",
        "\"root\":\"",
    ];
    let holds = |mark: &&str| line.windows(mark.len()).any(|part| part == mark.as_bytes());
    marks.iter().any(holds)
}

/// The line as text, without its line feed.
fn whole_line(line: &[u8]) -> Result<&str, String> {
    let Some(line) = line.strip_suffix(b"\n") else {
        return Err(match line.len() {
            MAX_LINE => format!("the line is longer than {MAX_LINE} bytes"),
            _ => "the line breaks off without a line feed: the file was cut off".to_owned(),
        });
    };
    if line.ends_with(b"\r") {
        let reason = "the line ends in CR LF; the export ends its lines in LF alone, so a program \
                      has rewritten the file";
        return Err(reason.to_owned());
    }
    std::str::from_utf8(line).map_err(|_| "the line is not UTF-8 text".to_owned())
}

/// What stands beside the text in an entry's line.
struct Parts<'l> {
    stated: &'l str,
    private: Option<&'l str>,
}

/// Takes an entry's line apart; `None` unless it is spelled exactly as the export writes it. The
/// only escape is that of the quotation mark: a text with a backslash is refused as an entry.
fn split<'l>(line: &'l str, text: &mut String) -> Option<Parts<'l>> {
    text.clear();
    let mut rest = line.strip_prefix("{\"entry\":\"")?;
    loop {
        let (plain, after) = rest.split_once('"')?;
        rest = after;
        let Some(quoted) = plain.strip_suffix('\\') else {
            text.push_str(plain);
            break;
        };
        text.push_str(quoted);
        text.push('"');
    }
    let (stated, rest) = rest
        .strip_prefix(",\"leaf_hash\":\"")?
        .split_at_checked(64)?;
    match rest.strip_prefix('"')? {
        "}" => Some(Parts {
            stated,
            private: None,
        }),
        rest => {
            let private = rest.strip_prefix(",\"private\":")?.strip_suffix('}')?;
            Some(Parts {
                stated,
                private: Some(private),
            })
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SpelledOpened {
    name: String,
    salt: String,
    value: String,
}

/// How many private values are opened, each in accordance with the entry's commitment.
fn check_private(private: &str, view: &View<'_>) -> Result<u64, String> {
    let spelled: Vec<SpelledOpened> = serde_json::from_str(private).map_err(|_| MISSPELLED)?;
    let mut opened = Vec::new();
    for SpelledOpened {
        name,
        salt: digits,
        value,
    } in spelled
    {
        let mut salt = [0; 32];
        hex::decode_to_slice(digits, &mut salt).map_err(|_| MISSPELLED)?;
        opened.push(Opened { name, salt, value });
    }
    let mut exact = Vec::new();
    encode_private(&mut exact, &opened).map_err(|_| MISSPELLED)?;
    if exact != private.as_bytes() || opened.is_empty() {
        return Err(MISSPELLED.to_owned());
    }
    for Opened { name, salt, value } in &opened {
        let stated = view.private.iter().find(|(known, _)| known == name);
        let found = hex::encode(commitment(salt, name, value.as_bytes()));
        match stated {
            None => return Err(format!("the entry has no private value {name:?}")),
            Some((_, stated)) if *stated == found => {}
            Some(_) => {
                return Err(format!(
                    "the private value `{name}` does not match its commitment"
                ));
            }
        }
    }
    if opened
        .windows(2)
        .any(|pair| matches!(pair, [a, b] if a.name == b.name))
    {
        return Err("a private value is shown twice".to_owned());
    }
    Ok(u64::try_from(opened.len()).unwrap_or(0))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SpelledTrailer {
    format: String,
    size: u64,
    root: String,
    complete: bool,
    count: Option<u64>,
    filter: Option<Map<String, Value>>,
    #[serde(rename = "checksum")]
    _checksum: Option<String>,
}

fn read_trailer(line: &str) -> Result<Trailer, String> {
    let spelled: SpelledTrailer = serde_json::from_str(line).map_err(|_| MISSPELLED)?;
    if spelled.format != FORMAT {
        let format = spelled.format.escape_debug();
        return Err(format!(
            "the trailer names the format {format}; known here is {FORMAT}"
        ));
    }
    if spelled.size > MAX_SIZE {
        return Err("the trailer's size is beyond what a ledger can have".to_owned());
    }
    let coverage = match (spelled.complete, spelled.count, spelled.filter) {
        (true, None, None) => Coverage::Complete,
        (false, Some(count), Some(filter)) => Coverage::Partial { count, filter },
        _ => return Err(MISSPELLED.to_owned()),
    };
    let root = spelled
        .root
        .parse()
        .map_err(|_| "the trailer's root is not a hash")?;
    Ok(Trailer {
        size: spelled.size,
        root,
        coverage,
    })
}

#[cfg(test)]
mod tests {
    use super::super::export::Writer;
    use super::super::sample::{Sample, draft, opened, stamp};
    use super::super::tree;
    use super::*;
    use proptest::prelude::*;

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
        assert!(
            message.contains("all 30 entries") && message.contains(&sample.root(30).to_string())
        );
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
            .seal(&super::super::entry::Stamp { seq: 1, ..stamp(0) })
            .unwrap();
        let late = draft(0)
            .seal(&super::super::entry::Stamp { seq: 0, ..stamp(9) })
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
}

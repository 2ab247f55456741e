//! Checking a file for whoever has one: the verdicts of `countersign verify`, on a page and over
//! the API. The file is checked while it comes in; nothing of it is kept or entered.

pub mod api;
mod incoming;
pub mod page;

use crate::error::{Error, Result};
use crate::ledger::key::Vkey;
use crate::ledger::package::{self, Asked, Bounds};
use crate::ledger::receipt::{self, Receipt};
use crate::ledger::turns::Turns;
use crate::ledger::verify::{GOOD, Refusal, TAMPERED, verify_jsonl};
use serde::Serialize;
use std::io::{BufRead, Cursor, Read};
use std::sync::Arc;

/// Files that one process checks at a time, and for one person.
const AT_A_TIME: (usize, usize) = (2, 1);
/// The longest file that is taken, in bytes.
pub const FILE_MAX: u64 = 64 << 20;
/// Bytes that tell what kind of file it is.
const BEGIN: u64 = 64;

/// What keeps a package from asking more than its length suggests.
const BOUNDS: Bounds = Bounds {
    manifest: 8 << 20,
    checkpoints: 10_000,
    beyond: "; run `countersign verify` on your own machine, which takes more",
};

/// Turns at checking files.
pub fn turns() -> Arc<Turns> {
    Turns::new("checks of files", AT_A_TIME.0, AT_A_TIME.1)
}

/// What was found about a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Found {
    /// `good`, `tampered` or `unreadable`.
    pub verdict: &'static str,
    /// What `countersign verify` says.
    pub words: String,
    /// The first bad entry, where that can be told.
    pub seq: Option<u64>,
}

impl Found {
    fn of(code: u8, words: String, seq: Option<u64>) -> Found {
        let verdict = match code {
            GOOD => "good",
            TAMPERED => "tampered",
            _ => "unreadable",
        };
        Found {
            verdict,
            words,
            seq,
        }
    }

    fn told(verdict: std::result::Result<String, Refusal>) -> Found {
        match verdict {
            Ok(words) => Found::of(GOOD, words, None),
            Err(refusal) => {
                let seq = match &refusal {
                    Refusal::Tampered { seq, .. } | Refusal::Broken { seq, .. } => *seq,
                    Refusal::Unreadable { .. } => None,
                };
                Found::of(refusal.exit_code(), refusal.to_string(), seq)
            }
        }
    }

    fn unreadable(reason: String) -> Found {
        Found::told(Err(Refusal::Unreadable { reason }))
    }
}

/// Checks a package, a receipt or an export in JSON Lines, whatever it claims to be. `since` is the
/// note of a checkpoint from before.
pub fn check(mut file: impl BufRead, keys: &[Vkey], since: Option<&[u8]>) -> Found {
    let mut begin = Vec::new();
    if let Err(error) = file.by_ref().take(BEGIN).read_to_end(&mut begin) {
        return Found::unreadable(format!("the file cannot be read: {error}"));
    }
    let (is_package, is_receipt) = (begin.starts_with(b"PK"), Receipt::is_one(&begin));
    let file = Cursor::new(begin).chain(file);
    if is_package {
        let asked = Asked {
            keys,
            since,
            bounds: BOUNDS,
        };
        let report = package::verify(file, &asked, &mut ());
        return Found::told(report.map(|report| report.to_string()));
    }
    if since.is_some() {
        let why = "what was kept from before goes with a package; this file is none";
        return Found::unreadable(why.to_owned());
    }
    if !is_receipt {
        return Found::told(verify_jsonl(file).map(|report| report.to_string()));
    }
    let mut text = Vec::new();
    let most = u64::try_from(receipt::MAX_TEXT).unwrap_or(u64::MAX);
    if let Err(error) = file.take(most.saturating_add(1)).read_to_end(&mut text) {
        return Found::unreadable(format!("the file cannot be read: {error}"));
    }
    let (code, words) = receipt::run_verify(&text, keys);
    Found::of(code, words, None)
}

/// The keys in a text, one a line.
///
/// # Errors
/// [`Error::BadRequest`] for a line that is none.
fn keys(text: &str) -> Result<Vec<Vkey>> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let read = |line: &str| {
        line.parse()
            .map_err(|flaw| Error::BadRequest(format!("vkey: {flaw}")))
    };
    lines.map(read).collect()
}

/// The note of a checkpoint that somebody kept, when there is one.
///
/// # Errors
/// [`Error::BadRequest`] for a text that holds none.
fn kept(text: &str) -> Result<Option<Vec<u8>>> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    // A form ends lines as it likes, and whoever pastes leaves the last one open.
    let text = text.replace("\r\n", "\n");
    let text = format!("{}\n", text.trim());
    let note = crate::ledger::verify::kept::note(text.as_bytes());
    let wrong = |why| Error::BadRequest(format!("since: {why}"));
    note.map(Some).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::sample::Sample;
    use std::io::BufReader;

    #[test]
    fn a_file_is_known_by_its_first_bytes_however_slowly_they_come() {
        let file = Sample::of(9).export();
        let slow = BufReader::with_capacity(1, file.as_slice());
        assert_eq!(check(slow, &[], None).verdict, "good");
        let found = check(&b"countersign-receipt-1\n{}"[..], &[], None);
        assert_eq!(found.verdict, "tampered");
        assert!(found.words.contains("receipt"), "{}", found.words);
        for odd in [&b""[..], b"PK", b"hello", b"P"] {
            assert_ne!(check(odd, &[], None).verdict, "good");
        }
        let found = check(file.as_slice(), &[], Some(b"x"));
        assert_eq!(found.verdict, "unreadable");
    }

    #[test]
    fn the_first_bad_entry_is_named() {
        let file = String::from_utf8(Sample::of(9).export()).unwrap();
        let bad = file.replace("\\\"revision\\\":4", "\\\"revision\\\":5");
        let found = check(bad.as_bytes(), &[], None);
        assert_eq!((found.verdict, found.seq), ("tampered", Some(4)));
    }

    #[test]
    fn what_was_pasted_may_have_lost_its_last_line_feed() {
        let text = "register.example/log\r\n0\r\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
        assert!(kept(text).unwrap().is_some());
        assert!(kept(" \r\n").unwrap().is_none());
        assert!(kept("hello").is_err() && keys("hello").is_err());
        assert!(keys("\n \n").unwrap().is_empty());
    }
}

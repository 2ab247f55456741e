//! The ledger as a file of JSON lines that anyone can check with `countersign verify`.
//!
//! One line an entry, in the ledger's order, then one trailer, each ended by a line feed:
//!
//! ```text
//! {"entry":"<exact text>","leaf_hash":"<hex>"}
//! {"entry":"<exact text>","leaf_hash":"<hex>","private":[{"name":…,"salt":…,"value":…}]}
//! {"format":"countersign-log-1","size":2,"root":"<hex>","complete":true}
//! ```
//!
//! Leaf hashes, size and root are those the ledger's tree holds, not recomputed from the texts: a
//! text that was changed behind the ledger's back shows when the file is verified.
//!
//! A filtered export ends with `"complete":false,"count":…,"filter":{…},"checksum":"<hex>"`. The
//! checksum is `SHA-256(root of a tree over the listed leaf hashes ‖ the trailer before it)`; it
//! catches damage, while only a complete export can be held against the root.

use super::tree::{Hash, Range};
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::io::{self, Write};

/// What the trailer calls this format.
pub const FORMAT: &str = "countersign-log-1";

/// The greatest length of a line in bytes, its line feed included.
pub const MAX_LINE: usize = 1 << 20;

/// Private values of one entry that together stay below this many bytes fit a line, whatever
/// characters they hold.
pub const MAX_PRIVATE_BYTES: usize = 128 * 1024;

/// A private value, opened: with its salt it can be held against the entry's commitment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The commitment's name in the entry.
    pub name: String,
    /// The salt of the commitment.
    pub salt: [u8; 32],
    /// The value itself.
    pub value: String,
}

/// Why an export broke off. The file then has no trailer and does not verify.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The file or connection failed.
    #[error("the export could not be written: {0}")]
    Io(#[from] io::Error),
    /// A stored entry is not text, so its bytes cannot stand in a JSON string.
    #[error("the stored bytes for line {line} of the export are not UTF-8 text")]
    NotText {
        /// The line, counted from 1.
        line: u64,
    },
    /// A line would be longer than readers accept.
    #[error("line {line} of the export would be longer than {MAX_LINE} bytes")]
    TooLong {
        /// The line, counted from 1.
        line: u64,
    },
    /// A complete export was given another number of entries than the ledger has.
    #[error("the ledger has {size} entries, but {count} were written")]
    Incomplete {
        /// The ledger's size.
        size: u64,
        /// The entries written.
        count: u64,
    },
    /// JSON could not be written.
    #[error("a value could not be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// The entries in the file.
    pub count: u64,
    /// Whether the leaf hashes give the root in the trailer; always true for a filtered export,
    /// which cannot tell. When false, the ledger's own tree is damaged and the file will not
    /// verify: tell whoever asked for it.
    pub root_holds: bool,
}

/// What the file covers.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Coverage {
    Complete,
    Partial {
        count: u64,
        filter: Map<String, Value>,
    },
}

/// The last line of a file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Trailer {
    pub(super) size: u64,
    pub(super) root: Hash,
    pub(super) coverage: Coverage,
}

/// Writes an export line by line; keeps no more than one line and a logarithm of hashes.
///
/// Every line is one `write_all`, so give it something buffered.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    line: Vec<u8>,
    listed: Range,
    filter: Option<Map<String, Value>>,
}

impl<W: Write> Writer<W> {
    /// An export of every entry.
    pub fn complete(out: W) -> Self {
        Writer {
            out,
            line: Vec::new(),
            listed: Range::default(),
            filter: None,
        }
    }

    /// An export of the entries that match `filter`, which the trailer states.
    pub fn partial(out: W, filter: Map<String, Value>) -> Self {
        Writer {
            filter: Some(filter),
            ..Writer::complete(out)
        }
    }

    /// Where the lines go, for a caller that drains a buffer between them.
    pub fn out(&mut self) -> &mut W {
        &mut self.out
    }

    /// Writes the next entry: its stored bytes, the leaf hash the tree holds for it, and the
    /// private values to disclose with it (none, for an export without personal data).
    ///
    /// # Errors
    ///
    /// [`ExportError`]; the export cannot go on after one.
    pub fn entry(
        &mut self,
        entry: &[u8],
        leaf_hash: Hash,
        private: &[Opened],
    ) -> Result<(), ExportError> {
        let line = self.listed.size().saturating_add(1);
        let text = std::str::from_utf8(entry).map_err(|_| ExportError::NotText { line })?;
        self.line.clear();
        encode_entry(&mut self.line, text, leaf_hash, private)?;
        if self.line.len() > MAX_LINE {
            return Err(ExportError::TooLong { line });
        }
        self.out.write_all(&self.line)?;
        self.listed.push(leaf_hash);
        Ok(())
    }

    /// Writes the trailer with the ledger's size and root, and flushes.
    ///
    /// # Errors
    ///
    /// [`ExportError`], among them that a complete export lacks entries.
    pub fn finish(mut self, size: u64, root: Hash) -> Result<Summary, ExportError> {
        let count = self.listed.size();
        let mut root_holds = true;
        let coverage = match self.filter.take() {
            Some(filter) => Coverage::Partial { count, filter },
            None if count != size => return Err(ExportError::Incomplete { size, count }),
            None => {
                root_holds = self.listed.root() == root;
                Coverage::Complete
            }
        };
        let trailer = Trailer {
            size,
            root,
            coverage,
        };
        self.line.clear();
        encode_trailer(&mut self.line, &trailer, self.listed.root())?;
        if self.line.len() > MAX_LINE {
            return Err(ExportError::TooLong {
                line: count.saturating_add(1),
            });
        }
        self.out.write_all(&self.line)?;
        self.out.flush()?;
        Ok(Summary { count, root_holds })
    }
}

/// The only spelling of an entry's line.
fn encode_entry(
    out: &mut Vec<u8>,
    text: &str,
    leaf_hash: Hash,
    private: &[Opened],
) -> Result<(), serde_json::Error> {
    out.extend_from_slice(b"{\"entry\":");
    serde_json::to_writer(&mut *out, text)?;
    out.extend_from_slice(b",\"leaf_hash\":\"");
    out.extend_from_slice(&leaf_hash.hex());
    out.push(b'"');
    if !private.is_empty() {
        out.extend_from_slice(b",\"private\":");
        encode_private(out, private)?;
    }
    out.extend_from_slice(b"}\n");
    Ok(())
}

/// The only spelling of opened values: ordered by name.
pub(super) fn encode_private(
    out: &mut Vec<u8>,
    private: &[Opened],
) -> Result<(), serde_json::Error> {
    #[derive(Serialize)]
    struct Spelled<'a> {
        name: &'a str,
        salt: String,
        value: &'a str,
    }
    let mut ordered: Vec<&Opened> = private.iter().collect();
    ordered.sort_by(|a, b| a.name.cmp(&b.name));
    let spelled = ordered.into_iter().map(|opened| Spelled {
        name: &opened.name,
        salt: hex::encode(opened.salt),
        value: &opened.value,
    });
    serde_json::to_writer(out, &spelled.collect::<Vec<_>>())
}

/// The only spelling of a trailer, given the root over the leaf hashes that are listed before it.
pub(super) fn encode_trailer(
    out: &mut Vec<u8>,
    trailer: &Trailer,
    listed: Hash,
) -> Result<(), serde_json::Error> {
    let from = out.len();
    let Trailer {
        size,
        root,
        coverage,
    } = trailer;
    write_text(
        out,
        &format!(r#"{{"format":"{FORMAT}","size":{size},"root":"{root}","#),
    );
    match coverage {
        Coverage::Complete => write_text(out, r#""complete":true"#),
        Coverage::Partial { count, filter } => {
            write_text(
                out,
                &format!(r#""complete":false,"count":{count},"filter":"#),
            );
            out.extend(serde_json_canonicalizer::to_vec(filter)?);
            let mut checksum = Sha256::new_with_prefix(listed.as_bytes());
            checksum.update(out.get(from..).unwrap_or_default());
            write_text(
                out,
                &format!(r#","checksum":"{}""#, hex::encode(checksum.finalize())),
            );
        }
    }
    write_text(out, "}\n");
    Ok(())
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::super::sample::Sample;
    use super::*;

    #[test]
    fn an_export_has_one_line_an_entry_and_a_trailer() {
        let sample = Sample::of(2);
        let mut out = Vec::new();
        let mut writer = Writer::complete(&mut out);
        for (n, text) in (0..).zip(&sample.texts) {
            writer.entry(text, sample.leaf(n), &[]).unwrap();
        }
        let summary = writer.finish(2, sample.root(2)).unwrap();
        assert_eq!(
            summary,
            Summary {
                count: 2,
                root_holds: true
            }
        );
        let line = |n: usize| {
            let text = std::str::from_utf8(&sample.texts[n])
                .unwrap()
                .replace('"', "\\\"");
            let leaf = sample.leaf(n as u64);
            format!("{{\"entry\":\"{text}\",\"leaf_hash\":\"{leaf}\"}}\n")
        };
        let root = sample.root(2);
        let trailer = format!(
            "{{\"format\":\"countersign-log-1\",\"size\":2,\"root\":\"{root}\",\
             \"complete\":true}}\n"
        );
        assert_eq!(
            String::from_utf8(out).unwrap(),
            [line(0), line(1), trailer].concat()
        );
    }

    #[test]
    fn a_ledger_without_entries_exports_as_a_trailer() {
        let mut out = Vec::new();
        Writer::complete(&mut out).finish(0, Hash::EMPTY).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(
            text.starts_with("{\"format\":") && text.contains("\"size\":0,\"root\":\"e3b0c442")
        );
    }

    #[test]
    fn a_complete_export_that_lacks_entries_gets_no_trailer() {
        let sample = Sample::of(3);
        let mut out = Vec::new();
        let mut writer = Writer::complete(&mut out);
        writer.entry(&sample.texts[0], sample.leaf(0), &[]).unwrap();
        let refused = writer.finish(3, sample.root(3)).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "the ledger has 3 entries, but 1 were written"
        );
        assert!(!String::from_utf8(out).unwrap().contains("format"));
    }

    #[test]
    fn a_damaged_tree_is_told_when_the_export_is_written() {
        let sample = Sample::of(1);
        let mut writer = Writer::complete(Vec::new());
        writer.entry(&sample.texts[0], sample.leaf(0), &[]).unwrap();
        assert!(!writer.finish(1, Hash([3; 32])).unwrap().root_holds);
    }

    #[test]
    fn a_line_no_reader_would_take_is_not_written() {
        let sample = Sample::of(1);
        let opened = |length: usize| Opened {
            name: "comment".to_owned(),
            salt: [0; 32],
            value: "\u{1}".repeat(length),
        };
        let mut writer = Writer::complete(Vec::new());
        let entry = &sample.texts[0];
        let fits = writer.entry(entry, sample.leaf(0), &[opened(MAX_PRIVATE_BYTES)]);
        assert!(fits.is_ok(), "the stated limit fits at its worst");
        let too_long = writer.entry(entry, sample.leaf(0), &[opened(2 * MAX_PRIVATE_BYTES)]);
        assert!(matches!(too_long, Err(ExportError::TooLong { line: 2 })));
        let broken = writer.entry(b"\xff", sample.leaf(0), &[]);
        assert!(matches!(broken, Err(ExportError::NotText { line: 2 })));
    }

    #[test]
    fn a_full_disk_ends_the_export_with_an_error() {
        let sample = Sample::of(1);
        let mut space = [0; 20];
        let mut writer = Writer::complete(&mut space[..]);
        let refused = writer.entry(&sample.texts[0], sample.leaf(0), &[]);
        assert!(matches!(refused, Err(ExportError::Io(_))));
    }
}

//! `private.jsonl`: what the commitments of the entries stand for, in the order of the entries and
//! then of the names.
//!
//! ```text
//! {"name":"reason","salt":"…","seq":17,"value":"It was tested."}
//! {"commitment":"…","erased":true,"name":"reason","seq":18}
//! ```
//!
//! Every commitment has its line. Of the entries a digest each is kept until the lines come, a few
//! bytes of it to name the entry that differs and one sum over all of them to miss nothing.

use super::super::entry::commitment;
use super::super::verify::facts::Odd;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The file.
pub const NAME: &str = "private.jsonl";

const MISSPELLED: &str = "the line is not spelled exactly as the export writes it";

/// What became of a private value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// It is here.
    Open {
        /// The salt of its commitment.
        salt: [u8; 32],
        /// The value.
        value: String,
    },
    /// It was erased; its commitment stands in the entry.
    Erased([u8; 32]),
}

/// One line, members in the order of their names.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    #[serde(skip_serializing_if = "Option::is_none")]
    commitment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    erased: Option<bool>,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    salt: Option<String>,
    seq: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
}

/// The only spelling of a line, with its line feed.
pub fn line(seq: u64, name: &str, held: Held) -> Vec<u8> {
    let mut line = Line {
        name: name.to_owned(),
        seq,
        ..Line::default()
    };
    match held {
        Held::Open { salt, value } => {
            line.salt = Some(hex::encode(salt));
            line.value = Some(value);
        }
        Held::Erased(commitment) => {
            line.commitment = Some(hex::encode(commitment));
            line.erased = Some(true);
        }
    }
    let mut text = serde_json::to_vec(&line).unwrap_or_default();
    text.push(b'\n');
    text
}

fn read(text: &[u8]) -> Option<(u64, String, Held)> {
    let read: Line = serde_json::from_slice(text).ok()?;
    let bytes = |digits: &str| -> Option<[u8; 32]> { hex::decode(digits).ok()?.try_into().ok() };
    let held = match (read.commitment, read.erased, read.salt, read.value) {
        (None, None, Some(salt), Some(value)) => Held::Open {
            salt: bytes(&salt)?,
            value,
        },
        (Some(commitment), Some(true), None, None) => Held::Erased(bytes(&commitment)?),
        _ => return None,
    };
    let exact = line(read.seq, &read.name, held.clone());
    (exact.strip_suffix(b"\n") == Some(text)).then_some((read.seq, read.name, held))
}

/// A digest over the names and commitments of one entry.
struct Sum(Sha256);

impl Sum {
    fn of(seq: u64) -> Sum {
        Sum(Sha256::new_with_prefix(seq.to_be_bytes()))
    }

    /// Adds a commitment in its hex digits.
    fn add(&mut self, name: &str, commitment: &str) {
        let length = u64::try_from(name.len()).unwrap_or(u64::MAX);
        self.0.update(length.to_be_bytes());
        self.0.update(name);
        self.0.update(commitment);
    }

    fn end(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

/// The digest over what an entry promises, as names and hex digits.
pub fn promise(seq: u64, commitments: &[(&str, &str)]) -> [u8; 32] {
    let mut sum = Sum::of(seq);
    for (name, commitment) in commitments {
        sum.add(name, commitment);
    }
    sum.end()
}

/// What the entries promised.
#[derive(Default)]
pub struct Promises {
    all: Sha256,
    tags: Vec<[u8; 4]>,
}

fn tag(digest: &[u8; 32]) -> [u8; 4] {
    digest.first_chunk().copied().unwrap_or_default()
}

impl Promises {
    /// Adds the digest of the next entry that promises anything.
    pub fn add(&mut self, digest: [u8; 32]) {
        self.all.update(digest);
        self.tags.push(tag(&digest));
    }

    /// Holds lines against them.
    pub fn opening(self) -> Opening {
        Opening {
            promised: self.all.finalize().into(),
            tags: self.tags.into_iter(),
            found: Sha256::new(),
            entry: None,
            values: Values::default(),
        }
    }
}

/// How many values a package holds, and how many were erased.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Values {
    /// Held against their commitments.
    pub opened: u64,
    /// Listed as erased.
    pub erased: u64,
}

/// The lines so far.
pub struct Opening {
    promised: [u8; 32],
    tags: std::vec::IntoIter<[u8; 4]>,
    found: Sha256,
    entry: Option<(u64, Sum)>,
    values: Values,
}

impl Opening {
    /// Takes a line without its line feed.
    ///
    /// # Errors
    ///
    /// What is wrong with it, or with the entry whose lines it ends.
    pub fn line(&mut self, text: &[u8]) -> Result<(), Odd> {
        let (seq, name, held) = read(text).ok_or_else(|| (None, MISSPELLED.to_owned()))?;
        if self.entry.as_ref().is_none_or(|(at, _)| *at != seq) {
            self.settle()?;
            self.entry = Some((seq, Sum::of(seq)));
        }
        let found = match held {
            Held::Open { salt, value } => {
                self.values.opened += 1;
                commitment(&salt, &name, value.as_bytes())
            }
            Held::Erased(commitment) => {
                self.values.erased += 1;
                commitment
            }
        };
        if let Some((_, sum)) = &mut self.entry {
            sum.add(&name, &hex::encode(found));
        }
        Ok(())
    }

    /// Ends the lines of the entry at hand.
    fn settle(&mut self) -> Result<(), Odd> {
        let Some((seq, sum)) = self.entry.take() else {
            return Ok(());
        };
        let digest = sum.end();
        if self.tags.next() != Some(tag(&digest)) {
            let why = "the values listed for it are not those that it committed to, or those of \
                       an entry before it are left out";
            return Err((Some(seq), why.to_owned()));
        }
        self.found.update(digest);
        Ok(())
    }

    /// Ends the file.
    ///
    /// # Errors
    ///
    /// What is wrong with the last entry, or with all of it.
    pub fn end(mut self) -> Result<Values, Odd> {
        let last = self.entry.as_ref().map(|(seq, _)| *seq);
        self.settle()?;
        if self.tags.next().is_some() {
            let why = match last {
                Some(last) => format!("values of entries after entry {last} are left out"),
                None => "the values of all entries are left out".to_owned(),
            };
            return Err((None, why));
        }
        let found: [u8; 32] = self.found.finalize().into();
        match found == self.promised {
            true => Ok(self.values),
            false => Err((
                None,
                "its values are not those that were committed to".to_owned(),
            )),
        }
    }
}

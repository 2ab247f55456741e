//! One line of an export: taken apart, and checked as far as it tells by itself.

use super::super::entry::commitment;
use super::super::export::{MAX_LINE, Opened, encode_private};
use super::super::parts::View;
use super::super::tree::leaf_hash;
use super::crew::Look;
use super::facts::{Facts, Odd};
use serde::Deserialize;

pub const MISSPELLED: &str = "the line is not spelled exactly as the export writes it";

/// Looks at the lines of entries.
#[derive(Default)]
pub struct Eyes {
    /// The text of the entry at hand, kept to be reused.
    text: Vec<u8>,
}

impl Look for Eyes {
    type Found = Result<Facts, Odd>;

    fn look(&mut self, line: &[u8]) -> Result<Facts, Odd> {
        let line = whole(line).map_err(|reason| (None, reason))?;
        let misspelled = || (None, MISSPELLED.to_owned());
        let Parts {
            text,
            stated,
            private,
        } = split(line, &mut self.text).ok_or_else(misspelled)?;
        let leaf = leaf_hash(text.as_bytes());
        let view = View::of(text);
        if stated.as_bytes() != leaf.hex() {
            let reason = "the text does not match its leaf hash: one of them was changed after \
                          the entry was written";
            return Err((view.ok().map(|view| view.seq), reason.to_owned()));
        }
        let view = view.map_err(|flaw| (None, format!("the text is not an entry: {flaw}")))?;
        let mut facts = Facts::of(&view, leaf);
        match private.map(|private| check_private(private, &view)) {
            Some(Ok(opened)) => facts.opened = opened,
            Some(Err(reason)) => facts.late = Some(reason),
            None => {}
        }
        Ok(facts)
    }
}

/// The line as text, without its line feed.
pub fn whole(line: &[u8]) -> Result<&str, String> {
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

/// An entry's line, taken apart.
struct Parts<'l> {
    text: &'l str,
    stated: &'l str,
    private: Option<&'l str>,
}

/// Takes an entry's line apart; `None` unless it is spelled exactly as the export writes it.
fn split<'l>(line: &'l str, text: &'l mut Vec<u8>) -> Option<Parts<'l>> {
    let (text, rest) = unescaped(line.strip_prefix("{\"entry\":\"")?, text)?;
    let (stated, rest) = rest
        .strip_prefix(",\"leaf_hash\":\"")?
        .split_at_checked(64)?;
    let private = match rest.strip_prefix('"')? {
        "}" => None,
        rest => Some(rest.strip_prefix(",\"private\":")?.strip_suffix('}')?),
    };
    Some(Parts {
        text,
        stated,
        private,
    })
}

/// A string up to its quotation mark, and what follows. The only escape is that of the quotation
/// mark: a text with a backslash is refused as an entry.
fn unescaped<'l>(quoted: &'l str, text: &'l mut Vec<u8>) -> Option<(&'l str, &'l str)> {
    if text.len() < quoted.len() {
        text.resize(quoted.len(), 0);
    }
    let (mut length, mut escaped, mut end) = (0, false, None);
    for (at, byte) in quoted.bytes().enumerate() {
        // A quotation mark that is not escaped ends it; nothing else may be escaped.
        if (byte == b'"') != escaped {
            end = (byte == b'"').then_some(at);
            break;
        }
        if let Some(place) = text.get_mut(length) {
            *place = byte;
        }
        // A backslash is written over by what follows.
        escaped = byte == b'\\';
        length += usize::from(!escaped);
    }
    let rest = quoted.get(end?.checked_add(1)?..)?;
    Some((std::str::from_utf8(text.get(..length)?).ok()?, rest))
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

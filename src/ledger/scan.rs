//! Reads the narrow JSON of an entry straight from its bytes and refuses every other spelling.
//!
//! Entries hold keys, ids, digests and integers, so no string needs an escape and no number a
//! fraction. That leaves exactly one spelling for each value, which this reader insists on: it is
//! at once the parser and the proof that a text is canonical in the sense of RFC 8785.

use super::entry::Flaw;

/// The largest integer an entry may hold: beyond it, readers that use doubles would round.
pub(super) const MAX_INTEGER: i64 = (1 << 53) - 1;
const MAX_KEY: usize = 64;
const MAX_STRING: usize = 256;
const MAX_DEPTH: u8 = 8;

/// What reads one field of an object; it must consume the field's value.
type Field<'f, 'a> = &'f mut dyn FnMut(&mut Scan<'a>, &'a str) -> Result<(), Flaw>;

/// A position in a text of canonical JSON.
pub(super) struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Scan { text, at: 0 }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn must(&mut self, byte: u8) -> Result<(), Flaw> {
        if self.eat(byte) {
            return Ok(());
        }
        Err(self.unexpected(&format!("`{}`", char::from(byte))))
    }

    fn unexpected(&self, wanted: &str) -> Flaw {
        let found = match self.rest().chars().next() {
            Some(found) => format!("{found:?}"),
            None => "the end".to_owned(),
        };
        Flaw::new(format!(
            "at byte {} it has {found} where canonical JSON has {wanted}",
            self.at
        ))
    }

    /// The text between two positions of this reader.
    pub(super) fn since(&self, from: usize) -> &'a str {
        self.text.get(from..self.at).unwrap_or("")
    }

    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// Nothing may follow the value that was read.
    pub(super) fn end(&self) -> Result<(), Flaw> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.unexpected("its end")),
        }
    }

    /// A string without its quotes; one that would need an escape is refused.
    pub(super) fn string(&mut self) -> Result<&'a str, Flaw> {
        self.must(b'"')?;
        let rest = self.rest();
        let stop = rest
            .bytes()
            .position(|byte| byte == b'"' || byte == b'\\' || byte < b' ');
        let Some((string, after)) = stop.and_then(|stop| rest.split_at_checked(stop)) else {
            return Err(Flaw::new(format!(
                "the string at byte {} has no end",
                self.at
            )));
        };
        self.at += string.len();
        if !after.starts_with('"') {
            return Err(self.unexpected("no character that needs an escape"));
        }
        self.at += 1;
        Ok(string)
    }

    /// A whole number below 2^53 in magnitude, in its only canonical spelling.
    pub(super) fn integer(&mut self) -> Result<i64, Flaw> {
        let from = self.at;
        let negative = self.eat(b'-');
        let digits = self.rest().bytes().take_while(u8::is_ascii_digit).count();
        let Some(text) = self.rest().get(..digits).filter(|text| !text.is_empty()) else {
            return Err(self.unexpected("a whole number"));
        };
        self.at += digits;
        if matches!(self.peek(), Some(b'.' | b'e' | b'E')) {
            return Err(Flaw::new(format!(
                "the number at byte {from} is not a whole number"
            )));
        }
        if text.starts_with('0') && (text.len() > 1 || negative) {
            return Err(Flaw::new(format!(
                "the number at byte {from} is not in canonical form"
            )));
        }
        match text.parse::<i64>() {
            Ok(number) if number <= MAX_INTEGER => Ok(if negative { -number } else { number }),
            _ => Err(Flaw::new(format!(
                "the number at byte {from} is not below 2^53"
            ))),
        }
    }

    /// An object whose keys stand in ascending order, each once.
    pub(super) fn object(&mut self, field: Field<'_, 'a>) -> Result<(), Flaw> {
        self.must(b'{')?;
        if self.eat(b'}') {
            return Ok(());
        }
        let mut last: Option<&str> = None;
        loop {
            let key = self.string()?;
            check_key(key)?;
            match last {
                Some(last) if last == key => {
                    return Err(Flaw::new(format!("the key `{key}` stands twice")));
                }
                Some(last) if last > key => {
                    let order = format!("the key `{key}` follows `{last}`");
                    return Err(Flaw::new(format!(
                        "{order}, which is not the canonical order"
                    )));
                }
                _ => last = Some(key),
            }
            self.must(b':')?;
            field(self, key)?;
            if self.eat(b'}') {
                return Ok(());
            }
            self.must(b',')?;
        }
    }

    /// A string or a whole number: what names things.
    pub(super) fn scalar(&mut self) -> Result<(), Flaw> {
        match self.peek() {
            Some(b'"') => check_string(self.string()?),
            _ => self.integer().map(drop),
        }
    }

    /// Any value an entry may hold.
    pub(super) fn value(&mut self) -> Result<(), Flaw> {
        self.value_within(MAX_DEPTH)
    }

    fn value_within(&mut self, depth: u8) -> Result<(), Flaw> {
        let Some(depth) = depth.checked_sub(1) else {
            return Err(Flaw::new(format!(
                "it is nested more than {MAX_DEPTH} levels deep"
            )));
        };
        match self.peek() {
            Some(b'{') => self.object(&mut |scan, _| scan.value_within(depth)),
            Some(b'[') => self.array(depth),
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            Some(b'n') => self.word("null"),
            _ => self.scalar(),
        }
    }

    fn array(&mut self, depth: u8) -> Result<(), Flaw> {
        self.must(b'[')?;
        if self.eat(b']') {
            return Ok(());
        }
        loop {
            self.value_within(depth)?;
            if self.eat(b']') {
                return Ok(());
            }
            self.must(b',')?;
        }
    }

    fn word(&mut self, word: &str) -> Result<(), Flaw> {
        if !self.rest().starts_with(word) {
            return Err(self.unexpected(&format!("`{word}`")));
        }
        self.at += word.len();
        Ok(())
    }
}

/// Keys and ids: 1 to 64 characters of ASCII letters, digits and `_ . : -`.
pub(super) fn check_key(key: &str) -> Result<(), Flaw> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte);
    if !key.is_empty() && key.len() <= MAX_KEY && key.bytes().all(plain) {
        return Ok(());
    }
    let rule = "is not a key of 1 to 64 letters, digits, `_`, `.`, `:` or `-`";
    Err(Flaw::new(format!("{:?} {rule}", shorten(key))))
}

/// Strings in an entry name things. Spaces and `@` betray free text and addresses.
fn check_string(string: &str) -> Result<(), Flaw> {
    let foreign = |c: char| c == '@' || c.is_whitespace() || c.is_control();
    if string.len() <= MAX_STRING && !string.contains(foreign) {
        return Ok(());
    }
    let rule = "is longer than 256 bytes or holds a space, a control character or `@`: \
                free text and personal data belong under `private`";
    Err(Flaw::new(format!(
        "the string {:?} {rule}",
        shorten(string)
    )))
}

fn shorten(text: &str) -> String {
    text.chars().take(40).collect()
}

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

    #[inline]
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline]
    fn eat(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    #[inline]
    fn must(&mut self, byte: u8) -> Result<(), Flaw> {
        if self.eat(byte) {
            return Ok(());
        }
        Err(self.lacks(byte))
    }

    #[cold]
    fn lacks(&self, byte: u8) -> Flaw {
        self.unexpected(&format!("`{}`", char::from(byte)))
    }

    #[cold]
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

    /// A string; one that would need an escape is refused.
    pub(super) fn string(&mut self) -> Result<Token<'a>, Flaw> {
        self.must(b'"')?;
        let rest = self.rest();
        let mut seen = 0;
        for (length, byte) in rest.bytes().enumerate() {
            let class = class_of(byte);
            if class & ENDS == 0 {
                seen |= class;
                continue;
            }
            self.at += length;
            if byte != b'"' {
                return Err(self.unexpected("no character that needs an escape"));
            }
            self.at += 1;
            return Ok(Token {
                text: rest.get(..length).unwrap_or(""),
                seen,
            });
        }
        Err(Flaw::new(format!(
            "the string at byte {} has no end",
            self.at
        )))
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
            let token = self.string()?;
            check_key(token)?;
            let key = token.text;
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

/// A string as it was read, without its quotes.
#[derive(Clone, Copy)]
pub(super) struct Token<'a> {
    pub(super) text: &'a str,
    /// The classes of its bytes, together.
    seen: u8,
}

impl Token<'_> {
    /// Whether it holds lower-case hex digits only.
    pub(super) fn is_hex(self) -> bool {
        self.seen & NO_HEX == 0
    }
}

/// What a byte rules out for the string it stands in, so that one pass answers every question.
const ENDS: u8 = 1;
const NO_HEX: u8 = 2;
const NO_KEY: u8 = 4;
const NO_STRING: u8 = 8;
const NO_ASCII: u8 = 16;

static CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::indexing_slicing, reason = "runs while compiling")]
        {
            classes[byte] = classify(byte as u8);
        }
        byte += 1;
    }
    classes
}

const fn classify(byte: u8) -> u8 {
    match byte {
        0..b' ' | b'"' | b'\\' => ENDS,
        b'0'..=b'9' | b'a'..=b'f' => 0,
        b'A'..=b'Z' | b'g'..=b'z' | b'_' | b'.' | b':' | b'-' => NO_HEX,
        b' ' | b'@' | 0x7f => NO_HEX | NO_KEY | NO_STRING,
        0x80.. => NO_HEX | NO_KEY | NO_ASCII,
        _ => NO_HEX | NO_KEY,
    }
}

fn class_of(byte: u8) -> u8 {
    CLASSES.get(usize::from(byte)).copied().unwrap_or(ENDS)
}

/// Keys and ids: 1 to 64 characters of ASCII letters, digits and `_ . : -`.
pub(super) fn check_key(Token { text, seen }: Token<'_>) -> Result<(), Flaw> {
    if !text.is_empty() && text.len() <= MAX_KEY && seen & NO_KEY == 0 {
        return Ok(());
    }
    let rule = "is not a key of 1 to 64 letters, digits, `_`, `.`, `:` or `-`";
    Err(Flaw::new(format!("{:?} {rule}", shorten(text))))
}

/// Strings in an entry name things. Spaces and `@` betray free text and addresses.
fn check_string(Token { text, seen }: Token<'_>) -> Result<(), Flaw> {
    let foreign = |c: char| c.is_whitespace() || c.is_control();
    let plain = seen & NO_STRING == 0 && (seen & NO_ASCII == 0 || !text.contains(foreign));
    if plain && text.len() <= MAX_STRING {
        return Ok(());
    }
    let rule = "is longer than 256 bytes or holds a space, a control character or `@`: \
                free text and personal data belong under `private`";
    Err(Flaw::new(format!("the string {:?} {rule}", shorten(text))))
}

fn shorten(text: &str) -> String {
    text.chars().take(40).collect()
}

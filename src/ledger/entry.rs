//! One entry of the ledger: from what happened to its exact bytes, and strictly back.

use super::scan::{MAX_INTEGER, Scan, check_key};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::temporal::DateTimePrinter;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use uuid::Uuid;

/// An entry's greatest length in bytes: what a bundle of entries can state in 16 bits.
pub const MAX_BYTES: usize = 65_535;

/// The actor of what no person did.
pub const SYSTEM: &str = "system";

/// Why a text is not an entry, in words that complete "the entry is refused because …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Flaw {
    reason: String,
}

impl Flaw {
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Flaw {
            reason: reason.into(),
        }
    }

    fn within(self, place: &str) -> Self {
        Flaw {
            reason: format!("in `{place}`, {}", self.reason),
        }
    }
}

/// How the command behind an entry arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// A person's signed-in session.
    Session,
    /// A sign-off link from a mail.
    EmailLink,
    /// A program's bearer token.
    ApiToken,
    /// A timer that fell due.
    Timer,
    /// The command line.
    Cli,
    /// A file of records.
    Import,
}

impl Method {
    /// The word in the entry.
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Session => "session",
            Method::EmailLink => "email_link",
            Method::ApiToken => "api_token",
            Method::Timer => "timer",
            Method::Cli => "cli",
            Method::Import => "import",
        }
    }

    fn named(name: &str) -> Option<Self> {
        let all = [
            Method::Session,
            Method::EmailLink,
            Method::ApiToken,
            Method::Timer,
            Method::Cli,
            Method::Import,
        ];
        all.into_iter().find(|method| method.as_str() == name)
    }
}

/// How the command arrived, and how sure that makes us of the actor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Via {
    /// The way in.
    pub method: Method,
    /// How the actor was known, a key such as `link` or `fresh_code`; `none` for a machine.
    pub assurance: String,
}

impl Via {
    /// A way in with its assurance.
    pub fn new(method: Method, assurance: impl Into<String>) -> Self {
        Via {
            method,
            assurance: assurance.into(),
        }
    }
}

/// What happened, before it has its place in the ledger.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    kind: String,
    actor: String,
    via: Via,
    subject: Map<String, Value>,
    data: Map<String, Value>,
    private: BTreeMap<String, [u8; 32]>,
}

impl Draft {
    /// Something of a kind such as `decision.recorded`, done by a person's id or [`SYSTEM`].
    pub fn new(kind: impl Into<String>, actor: impl Into<String>, via: Via) -> Self {
        Draft {
            kind: kind.into(),
            actor: actor.into(),
            via,
            subject: Map::new(),
            data: Map::new(),
            private: BTreeMap::new(),
        }
    }

    /// Names a thing it happened to: `record`, `stage`, `digest`… by a short string or an integer.
    pub fn subject(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.subject.insert(name.to_owned(), value.into());
        self
    }

    /// Adds a fact: enums, keys, integers and ids only.
    pub fn data(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.data.insert(name.to_owned(), value.into());
        self
    }

    /// Adds the [`commitment`] to a value that is kept outside the ledger.
    pub fn private(mut self, name: &str, commitment: [u8; 32]) -> Self {
        self.private.insert(name.to_owned(), commitment);
        self
    }

    /// The entry's exact bytes at its place in the ledger.
    ///
    /// # Errors
    ///
    /// A [`Flaw`] when [`Entry::parse`] would refuse the result: what is written can be read.
    pub fn seal(&self, stamp: &Stamp) -> Result<Vec<u8>, Flaw> {
        for (name, value) in self.subject.iter().chain(&self.data) {
            check_numbers(value).map_err(|flaw| flaw.within(name))?;
        }
        let bytes = serde_json_canonicalizer::to_vec(&self.to_json(stamp))
            .map_err(|error| Flaw::new(format!("it cannot be written as JSON: {error}")))?;
        View::parse(&bytes)?;
        Ok(bytes)
    }

    fn to_json(&self, stamp: &Stamp) -> Value {
        let private: Map<String, Value> = self
            .private
            .iter()
            .map(|(name, commitment)| (name.clone(), hex::encode(commitment).into()))
            .collect();
        let mut entry = json!({
            "v": 1,
            "seq": stamp.seq,
            "id": stamp.id.hyphenated().to_string(),
            "at": time_text(stamp.at),
            "kind": self.kind,
            "actor": self.actor,
            "via": self.via,
            "data": self.data,
            "private": private,
            "salt": hex::encode(stamp.salt),
        });
        if let (Value::Object(fields), false) = (&mut entry, self.subject.is_empty()) {
            fields.insert("subject".to_owned(), Value::Object(self.subject.clone()));
        }
        entry
    }
}

/// An entry's place in the ledger and what chance adds to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// The number of entries before it.
    pub seq: u64,
    /// A version 7 UUID.
    pub id: Uuid,
    /// When, in microseconds; see [`after`].
    pub at: Timestamp,
    /// Sixteen random bytes: they keep a guessable entry from being found out by its leaf hash,
    /// which stands in the proofs of its neighbours.
    pub salt: [u8; 16],
}

/// The canonicalizer writes numbers as doubles, so what a double would change stops here.
fn check_numbers(value: &Value) -> Result<(), Flaw> {
    match value {
        Value::Number(number) => match number.as_i64() {
            Some(number) if (-MAX_INTEGER..=MAX_INTEGER).contains(&number) => Ok(()),
            _ => Err(Flaw::new(format!(
                "{number} is not a whole number below 2^53"
            ))),
        },
        Value::Array(values) => values.iter().try_for_each(check_numbers),
        Value::Object(fields) => fields.values().try_for_each(check_numbers),
        _ => Ok(()),
    }
}

/// The time of an entry: now, in whole microseconds, but never before the entry it follows.
pub fn after(now: Timestamp, last: Option<Timestamp>) -> Timestamp {
    let now = Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now);
    last.map_or(now, |last| now.max(last))
}

/// RFC 3339 in UTC with exactly six digits of fraction, such as `2026-11-23T10:00:00.000000Z`.
pub fn time_text(at: Timestamp) -> String {
    DateTimePrinter::new()
        .precision(Some(6))
        .timestamp_to_string(&at)
}

/// The commitment to a value that stays outside the ledger:
/// `SHA-256(0x02 ‖ salt ‖ length of the name as 64 bits, big-endian ‖ name ‖ value)`.
///
/// The first byte keeps it apart from the hashes of the tree, which begin with 0 and 1.
pub fn commitment(salt: &[u8; 32], name: &str, value: &[u8]) -> [u8; 32] {
    let length = u64::try_from(name.len()).unwrap_or(u64::MAX);
    let mut hash = Sha256::new();
    hash.update([0x02]);
    hash.update(salt);
    hash.update(length.to_be_bytes());
    hash.update(name.as_bytes());
    hash.update(value);
    hash.finalize().into()
}

/// An entry, read back from its bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The number of entries before it.
    pub seq: u64,
    /// Its own id.
    pub id: Uuid,
    /// When it was written.
    pub at: Timestamp,
    /// What happened: noun and past participle.
    pub kind: String,
    /// A person's id, or [`SYSTEM`].
    pub actor: String,
    /// How the command arrived.
    pub via: Via,
    /// What it happened to; empty when it concerns no single thing.
    pub subject: Map<String, Value>,
    /// The facts.
    pub data: Map<String, Value>,
    /// Commitments by name.
    pub private: BTreeMap<String, [u8; 32]>,
    /// Its random salt.
    pub salt: [u8; 16],
}

impl Entry {
    /// Reads an entry and refuses any text that [`Draft::seal`] cannot have written.
    ///
    /// # Errors
    ///
    /// A [`Flaw`] that says what is wrong with the text.
    pub fn parse(text: &[u8]) -> Result<Entry, Flaw> {
        let view = View::parse(text)?;
        let unreadable = |name: &str| Flaw::new(format!("`{name}` cannot be read"));
        let map = |name, raw| serde_json::from_str(raw).map_err(|_| unreadable(name));
        let mut private = BTreeMap::new();
        for (name, commitment) in &view.private {
            private.insert((*name).to_owned(), bytes(commitment)?);
        }
        Ok(Entry {
            seq: view.seq,
            id: Uuid::parse_str(view.id).map_err(|_| unreadable("id"))?,
            at: view.at.parse().map_err(|_| unreadable("at"))?,
            kind: view.kind.to_owned(),
            actor: view.actor.to_owned(),
            via: Via::new(view.method, view.assurance),
            subject: view
                .subject
                .map_or(Ok(Map::new()), |raw| map("subject", raw))?,
            data: map("data", view.data)?,
            private,
            salt: bytes(view.salt)?,
        })
    }
}

fn bytes<const N: usize>(text: &str) -> Result<[u8; N], Flaw> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| Flaw::new("it holds broken hex digits"))?;
    Ok(bytes)
}

/// An entry's parts, checked and left where they stand in the text.
pub(super) struct View<'a> {
    pub(super) seq: u64,
    pub(super) at: &'a str,
    pub(super) private: Vec<(&'a str, &'a str)>,
    id: &'a str,
    kind: &'a str,
    actor: &'a str,
    method: Method,
    assurance: &'a str,
    subject: Option<&'a str>,
    data: &'a str,
    salt: &'a str,
}

/// The parts met so far; all but the subject and the commitments must turn up.
#[derive(Default)]
struct Parts<'a> {
    v: Option<i64>,
    seq: Option<i64>,
    id: Option<&'a str>,
    at: Option<&'a str>,
    kind: Option<&'a str>,
    actor: Option<&'a str>,
    method: Option<Method>,
    assurance: Option<&'a str>,
    subject: Option<&'a str>,
    data: Option<&'a str>,
    private: Option<Vec<(&'a str, &'a str)>>,
    salt: Option<&'a str>,
}

impl<'a> View<'a> {
    pub(super) fn parse(text: &'a [u8]) -> Result<Self, Flaw> {
        if text.len() > MAX_BYTES {
            return Err(Flaw::new(format!("it is longer than {MAX_BYTES} bytes")));
        }
        let text = std::str::from_utf8(text).map_err(|_| Flaw::new("it is not UTF-8 text"))?;
        let mut parts = Parts::default();
        let mut scan = Scan::new(text);
        scan.object(&mut |scan, key| parts.read(scan, key).map_err(|flaw| flaw.within(key)))?;
        scan.end()?;
        parts.complete()
    }
}

impl<'a> Parts<'a> {
    fn read(&mut self, scan: &mut Scan<'a>, key: &str) -> Result<(), Flaw> {
        match key {
            "actor" => self.actor = Some(checked(scan, check_key)?),
            "at" => self.at = Some(checked(scan, check_time)?),
            "data" => self.data = Some(raw_object(scan, &mut |scan, _| scan.value())?),
            "id" => self.id = Some(checked(scan, check_id)?),
            "kind" => self.kind = Some(checked(scan, check_kind)?),
            "private" => self.private = Some(commitments(scan)?),
            "salt" => self.salt = Some(checked(scan, |text| check_hex(text, 32))?),
            "seq" => self.seq = Some(scan.integer()?),
            "subject" => self.subject = Some(raw_object(scan, &mut |scan, _| scan.scalar())?),
            "v" => self.v = Some(scan.integer()?),
            "via" => scan.object(&mut |scan, key| self.read_via(scan, key))?,
            _ => return Err(Flaw::new("there is a field that entries do not have")),
        }
        Ok(())
    }

    fn read_via(&mut self, scan: &mut Scan<'a>, key: &str) -> Result<(), Flaw> {
        match key {
            "assurance" => self.assurance = Some(checked(scan, check_key)?),
            "method" => self.method = Some(method(scan.string()?)?),
            _ => return Err(Flaw::new(format!("`{key}` is a field it does not have"))),
        }
        Ok(())
    }

    fn complete(self) -> Result<View<'a>, Flaw> {
        let missing = |name: &'static str| move || Flaw::new(format!("`{name}` is missing"));
        if self.v.ok_or_else(missing("v"))? != 1 {
            return Err(Flaw::new("`v` is not 1, the only version known here"));
        }
        if self.subject == Some("{}") {
            return Err(Flaw::new(
                "`subject` is empty; an entry without one leaves it out",
            ));
        }
        let seq = self.seq.ok_or_else(missing("seq"))?;
        Ok(View {
            seq: u64::try_from(seq).map_err(|_| Flaw::new("`seq` is below 0"))?,
            at: self.at.ok_or_else(missing("at"))?,
            private: self.private.ok_or_else(missing("private"))?,
            id: self.id.ok_or_else(missing("id"))?,
            kind: self.kind.ok_or_else(missing("kind"))?,
            actor: self.actor.ok_or_else(missing("actor"))?,
            method: self.method.ok_or_else(missing("via.method"))?,
            assurance: self.assurance.ok_or_else(missing("via.assurance"))?,
            subject: self.subject,
            data: self.data.ok_or_else(missing("data"))?,
            salt: self.salt.ok_or_else(missing("salt"))?,
        })
    }
}

fn checked<'a>(
    scan: &mut Scan<'a>,
    check: impl Fn(&str) -> Result<(), Flaw>,
) -> Result<&'a str, Flaw> {
    let text = scan.string()?;
    check(text)?;
    Ok(text)
}

fn raw_object<'a>(
    scan: &mut Scan<'a>,
    field: &mut dyn FnMut(&mut Scan<'a>, &'a str) -> Result<(), Flaw>,
) -> Result<&'a str, Flaw> {
    let from = scan.position();
    scan.object(field)?;
    Ok(scan.since(from))
}

fn commitments<'a>(scan: &mut Scan<'a>) -> Result<Vec<(&'a str, &'a str)>, Flaw> {
    let mut all = Vec::new();
    scan.object(&mut |scan, name| {
        all.push((name, checked(scan, |text| check_hex(text, 64))?));
        Ok(())
    })?;
    Ok(all)
}

fn method(name: &str) -> Result<Method, Flaw> {
    Method::named(name).ok_or_else(|| Flaw::new("the method is none that entries know"))
}

fn is_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

fn check_hex(text: &str, digits: usize) -> Result<(), Flaw> {
    if text.len() == digits && text.bytes().all(is_hex) {
        return Ok(());
    }
    Err(Flaw::new(format!(
        "there are not exactly {digits} lower-case hex digits"
    )))
}

fn check_id(text: &str) -> Result<(), Flaw> {
    let fits = |(place, byte): (usize, u8)| match place {
        8 | 13 | 18 | 23 => byte == b'-',
        14 => byte == b'7',
        19 => matches!(byte, b'8' | b'9' | b'a' | b'b'),
        _ => is_hex(byte),
    };
    if text.len() == 36 && text.bytes().enumerate().all(fits) {
        return Ok(());
    }
    Err(Flaw::new("there is no UUID of version 7 in lower case"))
}

fn check_kind(text: &str) -> Result<(), Flaw> {
    let word = |word: &str| {
        word.starts_with(|first: char| first.is_ascii_lowercase())
            && word
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    match text.split_once('.') {
        Some((noun, done)) if text.len() <= 64 && word(noun) && word(done) => Ok(()),
        _ => Err(Flaw::new(
            "there is no noun and past participle such as `record.created`",
        )),
    }
}

fn check_time(text: &str) -> Result<(), Flaw> {
    const SHAPE: &[u8; 27] = b"0000-00-00T00:00:00.000000Z";
    let fits = |(byte, shape): (u8, &u8)| match shape {
        b'0' => byte.is_ascii_digit(),
        shape => byte == *shape,
    };
    let shaped = text.len() == SHAPE.len() && text.bytes().zip(SHAPE).all(fits);
    if shaped && calendar_time(text).is_some() {
        return Ok(());
    }
    Err(Flaw::new(
        "there is no time such as 2026-11-23T10:00:00.000000Z",
    ))
}

/// The text has its shape already; this asks whether the calendar has such a moment.
fn calendar_time(text: &str) -> Option<DateTime> {
    let part = |from, to| text.get(from..to)?.parse::<i8>().ok();
    let year = text.get(0..4)?.parse().ok()?;
    let (month, day) = (part(5, 7)?, part(8, 10)?);
    DateTime::new(
        year,
        month,
        day,
        part(11, 13)?,
        part(14, 16)?,
        part(17, 19)?,
        0,
    )
    .ok()
}

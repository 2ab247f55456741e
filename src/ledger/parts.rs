//! The text of an entry, checked part by part and left where it stands: a log is verified without
//! a copy of each value. Strict: any text that sealing an entry cannot have written is refused.

use super::entry::{Flaw, MAX_BYTES, Method};
use super::scan::{Scan, Token, check_key};
use jiff::civil::DateTime;

/// An entry's parts, checked and left where they stand in the text.
pub(super) struct View<'a> {
    pub(super) seq: u64,
    pub(super) at: &'a str,
    pub(super) private: Vec<(&'a str, &'a str)>,
    /// What the subject says of its record, and which of its entries this is, as they are written.
    pub(super) record: Option<&'a str>,
    pub(super) record_seq: Option<&'a str>,
    pub(super) subject: Option<&'a str>,
    pub(super) id: &'a str,
    pub(super) kind: &'a str,
    pub(super) actor: &'a str,
    pub(super) method: Method,
    pub(super) assurance: &'a str,
    pub(super) data: &'a str,
    pub(super) salt: &'a str,
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
    record: Option<&'a str>,
    record_seq: Option<&'a str>,
    data: Option<&'a str>,
    private: Option<Vec<(&'a str, &'a str)>>,
    salt: Option<&'a str>,
}

impl<'a> View<'a> {
    pub(super) fn parse(text: &'a [u8]) -> Result<Self, Flaw> {
        View::of(std::str::from_utf8(text).map_err(|_| Flaw::new("it is not UTF-8 text"))?)
    }

    pub(super) fn of(text: &'a str) -> Result<Self, Flaw> {
        if text.len() > MAX_BYTES {
            return Err(Flaw::new(format!("it is longer than {MAX_BYTES} bytes")));
        }
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
            "salt" => self.salt = Some(checked(scan, |token| check_hex(token, 32))?),
            "seq" => self.seq = Some(scan.integer()?),
            "subject" => {
                let field = &mut |scan: &mut Scan<'a>, key| self.read_subject(scan, key);
                let text = raw_object(scan, field)?;
                self.subject = Some(text);
            }
            "v" => self.v = Some(scan.integer()?),
            "via" => scan.object(&mut |scan, key| self.read_via(scan, key))?,
            _ => return Err(Flaw::new("there is a field that entries do not have")),
        }
        Ok(())
    }

    fn read_subject(&mut self, scan: &mut Scan<'a>, key: &str) -> Result<(), Flaw> {
        let from = scan.position();
        scan.scalar()?;
        match key {
            "record" => self.record = Some(scan.since(from)),
            "record_seq" => self.record_seq = Some(scan.since(from)),
            _ => {}
        }
        Ok(())
    }

    fn read_via(&mut self, scan: &mut Scan<'a>, key: &str) -> Result<(), Flaw> {
        match key {
            "assurance" => self.assurance = Some(checked(scan, check_key)?),
            "method" => self.method = Some(method(scan.string()?.text)?),
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
            record: self.record,
            record_seq: self.record_seq,
            data: self.data.ok_or_else(missing("data"))?,
            salt: self.salt.ok_or_else(missing("salt"))?,
        })
    }
}

fn checked<'a>(
    scan: &mut Scan<'a>,
    check: impl Fn(Token<'a>) -> Result<(), Flaw>,
) -> Result<&'a str, Flaw> {
    let token = scan.string()?;
    check(token)?;
    Ok(token.text)
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
        all.push((name, checked(scan, |token| check_hex(token, 64))?));
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

fn check_hex(token: Token<'_>, digits: usize) -> Result<(), Flaw> {
    if token.text.len() == digits && token.is_hex() {
        return Ok(());
    }
    Err(Flaw::new(format!(
        "there are not exactly {digits} lower-case hex digits"
    )))
}

fn check_id(Token { text, .. }: Token<'_>) -> Result<(), Flaw> {
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

fn check_kind(Token { text, .. }: Token<'_>) -> Result<(), Flaw> {
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

fn check_time(Token { text, .. }: Token<'_>) -> Result<(), Flaw> {
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

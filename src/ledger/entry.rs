//! One entry of the ledger: from what happened to its exact bytes, and back. What a text must be to
//! count as an entry stands in `parts.rs`.

use super::parts::View;
use super::scan::MAX_INTEGER;
use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
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

    pub(super) fn within(self, place: &str) -> Self {
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

    pub(super) fn named(name: &str) -> Option<Self> {
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
        // Keys in ascending order and whole numbers: compact JSON is the canonical form then. The
        // strict reader refuses whatever were not.
        let bytes = serde_json::to_vec(&self.line(stamp))
            .map_err(|error| Flaw::new(format!("it cannot be written as JSON: {error}")))?;
        View::parse(&bytes)?;
        Ok(bytes)
    }

    fn line(&self, stamp: &Stamp) -> Line<'_> {
        let private = self.private.iter();
        Line {
            actor: &self.actor,
            at: time_text(stamp.at),
            data: &self.data,
            id: stamp.id,
            kind: &self.kind,
            private: private
                .map(|(name, c)| (name.as_str(), hex::encode(c)))
                .collect(),
            salt: hex::encode(stamp.salt),
            seq: stamp.seq,
            subject: &self.subject,
            v: 1,
            via: Known {
                assurance: &self.via.assurance,
                method: self.via.method,
            },
        }
    }
}

/// An entry as it is written: members in the order of their names.
#[derive(Serialize)]
struct Line<'a> {
    actor: &'a str,
    at: String,
    data: &'a Map<String, Value>,
    id: Uuid,
    kind: &'a str,
    private: BTreeMap<&'a str, String>,
    salt: String,
    seq: u64,
    #[serde(skip_serializing_if = "Map::is_empty")]
    subject: &'a Map<String, Value>,
    v: u8,
    via: Known<'a>,
}

#[derive(Serialize)]
struct Known<'a> {
    assurance: &'a str,
    method: Method,
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

/// Readers of JSON take numbers for doubles, so what a double would change stops here.
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

/// What stands at this place of an entry that was read as JSON: `/subject/revision`. Names in an
/// entry hold nothing that a path would escape.
pub fn fact<'v>(entry: &'v Value, path: &str) -> Option<&'v Value> {
    let mut names = path.split('/').skip(1);
    names.try_fold(entry, |found, name| found.get(name))
}

#[cfg(test)]
mod tests {
    use super::super::sample::{draft, shared, stamp};
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn sealed() -> String {
        String::from_utf8(draft(5).seal(&stamp(5)).unwrap()).unwrap()
    }

    fn flaw(text: &str) -> String {
        Entry::parse(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn an_entry_has_exactly_these_bytes() {
        let via = Via::new(Method::Session, "session");
        let draft = Draft::new("record.created", SYSTEM, via)
            .subject("reference", "AI-2026-0001")
            .data("kind", "use_case")
            .data("fields", 8)
            .private("document", [0xab; 32]);
        let expected = [
            r#"{"actor":"system","at":"2026-11-18T11:06:40.000000Z","#,
            r#""data":{"fields":8,"kind":"use_case"},"#,
            r#""id":"01a1ee56-5e00-7707-8707-070707070707","kind":"record.created","#,
            r#""private":{"document":""#,
            &"ab".repeat(32),
            r#""},"salt":"00000000000000000000000000000000","seq":0,"#,
            r#""subject":{"reference":"AI-2026-0001"},"v":1,"#,
            r#""via":{"assurance":"session","method":"session"}}"#,
        ];
        let expected = expected.concat();
        assert_eq!(
            String::from_utf8(draft.seal(&stamp(0)).unwrap()).unwrap(),
            expected
        );
    }

    #[test]
    fn an_entry_without_a_subject_leaves_it_out() {
        let via = Via::new(Method::Timer, "none");
        let text = Draft::new("ledger.opened", SYSTEM, via)
            .seal(&stamp(0))
            .unwrap();
        let entry = Entry::parse(&text).unwrap();
        assert!(entry.subject.is_empty() && entry.data.is_empty() && entry.private.is_empty());
        assert!(!String::from_utf8(text).unwrap().contains("subject"));
    }

    #[test]
    fn what_is_written_reads_back_the_same() {
        let entry = Entry::parse(sealed().as_bytes()).unwrap();
        let (draft, stamp) = (draft(5), stamp(5));
        assert_eq!(
            (entry.seq, entry.id, entry.at),
            (stamp.seq, stamp.id, stamp.at)
        );
        assert_eq!(
            (entry.kind, entry.actor, entry.via),
            (draft.kind, draft.actor, draft.via)
        );
        assert_eq!((entry.subject, entry.data), (draft.subject, draft.data));
        assert_eq!((entry.private, entry.salt), (draft.private, stamp.salt));
    }

    #[test]
    fn every_way_in_has_its_word_and_reads_back() {
        let words = [
            "session",
            "email_link",
            "api_token",
            "timer",
            "cli",
            "import",
        ];
        for word in words {
            let method = Method::named(word).unwrap();
            assert_eq!(serde_json::to_value(method).unwrap(), word);
            let draft = Draft::new("record.created", SYSTEM, Via::new(method, "none"));
            let entry = Entry::parse(&draft.seal(&stamp(1)).unwrap()).unwrap();
            assert_eq!(entry.via.method, method);
        }
    }

    #[test]
    fn free_text_and_addresses_are_kept_out_of_entries() {
        for value in [
            "because I said so",
            "dana@example.org",
            "two\nlines",
            "a\u{a0}b",
            "\u{7}",
        ] {
            assert!(
                draft(1).data("note", value).seal(&stamp(1)).is_err(),
                "{value:?} in data"
            );
            assert!(
                draft(1).subject("note", value).seal(&stamp(1)).is_err(),
                "{value:?} as subject"
            );
        }
        let flaw = draft(1)
            .data("note", "free text")
            .seal(&stamp(1))
            .unwrap_err()
            .to_string();
        assert!(
            flaw.contains("`data`") && flaw.contains("`private`"),
            "{flaw}"
        );
        let via = Via::new(Method::Cli, "none");
        assert!(
            Draft::new("record.created", "dana@example.org", via)
                .seal(&stamp(1))
                .is_err()
        );
    }

    #[test]
    fn numbers_a_reader_might_round_are_refused_when_written() {
        let most = i64::pow(2, 53) - 1;
        for good in [json!(0), json!(-1), json!(most), json!(-most)] {
            assert!(
                draft(1).data("n", good.clone()).seal(&stamp(1)).is_ok(),
                "{good}"
            );
        }
        let bad = [
            json!(most + 1),
            json!(-most - 1),
            json!(u64::MAX),
            json!(1.0),
            json!(0.5),
        ];
        for bad in bad {
            let nested = json!({"a": [bad]});
            assert!(draft(1).data("n", nested).seal(&stamp(1)).is_err(), "{bad}");
            assert!(
                draft(1).data("n", bad.clone()).seal(&stamp(1)).is_err(),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_draft_that_could_not_be_read_back_is_not_written() {
        let via = || Via::new(Method::Cli, "none");
        let bad = [
            Draft::new("created", SYSTEM, via()),
            Draft::new("Record.Created", SYSTEM, via()),
            Draft::new("record.", SYSTEM, via()),
            Draft::new("a.b.c", SYSTEM, via()),
            Draft::new("record.created", "", via()),
            Draft::new("record.created", SYSTEM, Via::new(Method::Cli, "")),
            draft(1).data("a key", 1),
            draft(1).data("", 1),
            draft(1).private("schlüssel", [0; 32]),
            draft(1).subject("record", json!({"id": 1})),
            draft(1).subject("record", json!(true)),
            draft(1).data("long", "x".repeat(257)),
            draft(1).data("deep", json!([[[[[[[[[1]]]]]]]]])),
        ];
        for draft in bad {
            assert!(draft.seal(&stamp(1)).is_err(), "{draft:?}");
        }
        let random_id = Stamp {
            id: Uuid::from_u128(1),
            ..stamp(1)
        };
        assert!(draft(1).seal(&random_id).is_err());
        assert!(
            draft(1)
                .seal(&Stamp {
                    seq: 1 << 53,
                    ..stamp(1)
                })
                .is_err()
        );
        assert!(
            draft(1)
                .seal(&Stamp {
                    at: Timestamp::MIN,
                    ..stamp(1)
                })
                .is_err()
        );
    }

    #[test]
    fn an_entry_is_at_most_65535_bytes_long() {
        let with = |filler: usize| {
            let values: Vec<String> = vec!["x".repeat(197); 324];
            draft(1)
                .data("ids", json!(values))
                .data("z", "y".repeat(filler))
                .seal(&stamp(1))
        };
        let room = MAX_BYTES - with(0).unwrap().len();
        assert!(room < 256, "the sample fills an entry almost: {room}");
        assert_eq!(with(room).unwrap().len(), MAX_BYTES);
        assert!(with(room + 1).unwrap_err().to_string().contains("65535"));
    }

    #[test]
    fn every_other_spelling_of_an_entry_is_refused_with_its_reason() {
        let good = sealed();
        let cases = [
            ("{\"actor\":", "{ \"actor\":", "canonical JSON"),
            ("\"v\":1", "\"v\":2", "`v` is not 1"),
            ("\"v\":1", "\"v\":1.0", "not a whole number"),
            ("\"v\":1", "\"v\":1e0", "not a whole number"),
            ("\"seq\":5", "\"seq\":05", "canonical form"),
            ("\"seq\":5", "\"seq\":-5", "below 0"),
            ("\"seq\":5", "\"seq\":-0", "canonical form"),
            ("\"seq\":5", "\"seq\":9007199254740992", "below 2^53"),
            ("\"seq\":5", "\"seq\":99999999999999999999999", "below 2^53"),
            ("\"seq\":5", "\"seq\":\"5\"", "a whole number"),
            ("\"seq\":5", "\"seq\":5,\"seq\":5", "stands twice"),
            ("\"seq\":5", "\"seq\":5,\"rev\":5", "canonical order"),
            ("\"v\":1", "\"time\":1,\"v\":1", "do not have"),
            ("\"seq\":5,", "", "`seq` is missing"),
            ("\"assurance\":\"link\",", "", "`via.assurance` is missing"),
            ("email_link", "owl", "method"),
            ("approve", "appro\\u0076e", "escape"),
            ("T11:", "t11:", "no time"),
            ("T11:", "T25:", "no time"),
            ("2026-11-18", "2026-11-31", "no time"),
            (".000000Z", ".000Z", "no time"),
            (".000000Z", "+00:00", "no time"),
            ("decision.recorded", "decision", "noun"),
            ("\"salt\":\"05", "\"salt\":\"0G", "32 lower-case hex digits"),
            ("\"id\":\"0", "\"id\":\"A", "UUID of version 7"),
            ("false", "False", "whole number"),
        ];
        for (from, to, reason) in cases {
            let bad = good.replacen(from, to, 1);
            assert_ne!(bad, good, "{from} must stand in the sample");
            let flaw = flaw(&bad);
            assert!(flaw.contains(reason), "{from} -> {to}: {flaw}");
        }
    }

    #[test]
    fn nothing_may_stand_around_an_entry() {
        let good = sealed();
        for bad in [
            format!("{good}\n"),
            format!(" {good}"),
            format!("\u{feff}{good}"),
        ] {
            assert!(Entry::parse(bad.as_bytes()).is_err());
        }
        for end in 0..good.len() {
            assert!(
                Entry::parse(&good.as_bytes()[..end]).is_err(),
                "cut at {end}"
            );
        }
        assert!(flaw("[]").contains("canonical JSON"));
        assert!(flaw("").contains("the end"));
        assert!(
            Entry::parse(b"{\"actor\":\"\xff\"}")
                .unwrap_err()
                .to_string()
                .contains("UTF-8")
        );
    }

    #[test]
    fn an_empty_subject_is_spelled_by_leaving_it_out() {
        let good = sealed();
        let from = good.find("\"subject\":{").unwrap();
        let to = good.find("},\"v\"").unwrap();
        let bad = format!("{}\"subject\":{{{}", &good[..from], &good[to..]);
        assert!(flaw(&bad).contains("leaves it out"));
    }

    #[test]
    fn an_entry_is_never_dated_before_its_predecessor() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let (early, late) = (
            at("2026-01-01T00:00:00.1234567Z"),
            at("2026-01-02T00:00:00Z"),
        );
        assert_eq!(time_text(after(early, None)), "2026-01-01T00:00:00.123456Z");
        assert_eq!(after(early, Some(late)), late, "a clock that went back");
        assert_eq!(after(late, Some(early)), late);
    }

    #[test]
    fn times_have_six_digits_whatever_the_moment() {
        for (given, text) in [
            ("2026-11-23T10:00:00Z", "2026-11-23T10:00:00.000000Z"),
            ("2026-11-23T10:00:00.5Z", "2026-11-23T10:00:00.500000Z"),
            ("2026-11-23T11:00:00+01:00", "2026-11-23T10:00:00.000000Z"),
        ] {
            assert_eq!(time_text(given.parse().unwrap()), text);
        }
    }

    #[test]
    fn a_commitment_hides_its_value_and_binds_salt_name_and_value() {
        let mut bytes = vec![0x02];
        bytes.extend([9; 32]);
        bytes.extend([0, 0, 0, 0, 0, 0, 0, 6]);
        bytes.extend(b"reasonit was tested");
        let by_hand: [u8; 32] = Sha256::digest(&bytes).into();
        assert_eq!(commitment(&[9; 32], "reason", b"it was tested"), by_hand);
        assert_ne!(commitment(&[8; 32], "reason", b"it was tested"), by_hand);
        assert_ne!(commitment(&[9; 32], "reasoni", b"t was tested"), by_hand);
    }

    #[test]
    fn the_public_vectors_of_canonical_json_agree() {
        let Some(vectors) = shared("vectors/cyberphone-json-canonicalization/testdata") else {
            return;
        };
        let mut seen = 0;
        for file in std::fs::read_dir(vectors.join("input")).unwrap() {
            let input = file.unwrap().path();
            let output = vectors.join("output").join(input.file_name().unwrap());
            let read: Value = serde_json::from_slice(&std::fs::read(&input).unwrap()).unwrap();
            let text = serde_json_canonicalizer::to_vec(&read).unwrap();
            assert_eq!(text, std::fs::read(output).unwrap(), "{}", input.display());
            seen += 1;
        }
        assert_eq!(seen, 6);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_make_reading_panic(bytes: Vec<u8>, text: String) {
            let _ = Entry::parse(&bytes);
            let _ = Entry::parse(text.as_bytes());
        }

        #[test]
        fn a_change_inside_an_entry_is_refused_or_reads_as_another_entry(
            place in 0usize..400, byte: u8,
        ) {
            let good = sealed().into_bytes();
            let mut bad = good.clone();
            if let Some(old) = bad.get_mut(place) {
                *old = byte;
            }
            if let Ok(entry) = Entry::parse(&bad) {
                prop_assert_eq!(bad == good, entry == Entry::parse(&good).unwrap());
            }
        }

        #[test]
        fn what_canonical_json_writes_is_what_we_accept(
            keys in proptest::collection::btree_map("[a-zA-Z0-9_]{1,8}", -99i64..99, 0..20),
        ) {
            let mut draft = draft(1);
            for (key, value) in &keys {
                draft = draft.data(key, *value);
            }
            let text = draft.seal(&stamp(1)).unwrap();
            let entry = Entry::parse(&text).unwrap();
            for (key, value) in keys {
                prop_assert_eq!(entry.data[&key].as_i64(), Some(value));
            }
            let read: Value = serde_json::from_slice(&text).unwrap();
            prop_assert_eq!(text, serde_json_canonicalizer::to_vec(&read).unwrap());
        }
    }
}

//! Signed checkpoints: the ledger's size and root in a C2SP signed note.
//!
//! ```text
//! register.example.org/log
//! 300
//! nexM8nzGDQTYBxUXtjfMjp/ERyFi1/InebzLsRX80JQ=
//!
//! — register.example.org/log 2jbjU6NK1npXZRSAO6603UWOhAY1dIHtYWfRZ/vFwuQj5jy/ZH…
//! ```
//!
//! There is one spelling of a checkpoint and it is the only one that is read.

use super::entry::Flaw;
use super::key::{KeyType, SigningKey, Vkey};
use super::origin::Origin;
use super::tree::{Hash, MAX_SIZE};
use base64::prelude::*;

/// More bytes than any checkpoint with its signatures has.
pub const MAX_NOTE: usize = 128 * 1024;
/// Most signature lines of a note; the specification asks for at least 16.
const MAX_SIGNATURES: usize = 64;
const DASH: &str = "\u{2014} ";

/// What a checkpoint says: that the log of this name had this root at this size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: Origin,
    /// How many entries it had.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
}

impl Checkpoint {
    /// The three lines that are signed.
    pub fn text(&self) -> String {
        let root = BASE64_STANDARD.encode(self.root.as_bytes());
        format!("{}\n{}\n{root}\n", self.origin, self.size)
    }

    /// Reads what [`Checkpoint::text`] writes. Extension lines are refused: no log of ours has
    /// any, and monitors could not check them.
    ///
    /// # Errors
    ///
    /// A [`Flaw`] that says what is wrong.
    pub fn parse(text: &str) -> Result<Checkpoint, Flaw> {
        let mut lines = text.split('\n');
        let mut next = || lines.next().unwrap_or_default();
        let (origin, size, root, rest) = (next(), next(), next(), next());
        let origin = Origin::new(origin)?;
        let size = number(size, "a checkpoint's size")?;
        if size > MAX_SIZE {
            return Err(Flaw::new("a checkpoint's size is beyond 2^53"));
        }
        let root =
            hash(root).ok_or_else(|| Flaw::new("a checkpoint's root is not base64 of 32 bytes"))?;
        let checkpoint = Checkpoint { origin, size, root };
        if !rest.is_empty() || checkpoint.text() != text {
            return Err(Flaw::new(
                "a checkpoint has other lines than name, size and root, each ended by a line feed",
            ));
        }
        if size == 0 && root != Hash::EMPTY {
            return Err(Flaw::new("a checkpoint of no entries has a root"));
        }
        Ok(checkpoint)
    }
}

/// A whole number in decimal digits, without sign or leading zeros.
pub(super) fn number(text: &str, what: &str) -> Result<u64, Flaw> {
    let number = text.parse::<u64>().ok();
    number
        .filter(|number| number.to_string() == text)
        .ok_or_else(|| Flaw::new(format!("{what} is not a number in plain digits")))
}

/// A hash in base64.
pub(super) fn hash(text: &str) -> Option<Hash> {
    Hash::from_slice(&BASE64_STANDARD.decode(text).ok()?)
}

/// A note as it stands: its text, and who is said to have signed it.
pub(super) struct Note<'a> {
    /// The signed text, with its last line feed.
    pub(super) text: &'a str,
    signatures: Vec<Line<'a>>,
}

/// One signature line, not verified.
struct Line<'a> {
    name: &'a str,
    id: [u8; 4],
    signature: Vec<u8>,
}

impl<'a> Note<'a> {
    pub(super) fn parse(note: &'a [u8]) -> Result<Note<'a>, Flaw> {
        if note.len() > MAX_NOTE {
            return Err(Flaw::new(format!(
                "a signed note is longer than {MAX_NOTE} bytes"
            )));
        }
        let note =
            std::str::from_utf8(note).map_err(|_| Flaw::new("a signed note is not UTF-8 text"))?;
        if note.chars().any(|c| c < ' ' && c != '\n') {
            return Err(Flaw::new("a signed note holds a control character"));
        }
        let unsigned = || Flaw::new("a signed note has no signature lines after an empty line");
        let at = note.rfind("\n\n").ok_or_else(unsigned)?;
        let (text, lines) = (note.get(..=at), note.get(at.saturating_add(2)..));
        let lines = lines
            .filter(|lines| !lines.is_empty())
            .ok_or_else(unsigned)?;
        let (Some(text), Some(lines)) = (text, lines.strip_suffix('\n')) else {
            return Err(Flaw::new("a signed note does not end with a line feed"));
        };
        let lines = lines.split('\n').take(MAX_SIGNATURES.saturating_add(1));
        let signatures = lines.map(Line::parse).collect::<Result<Vec<_>, _>>()?;
        if signatures.len() > MAX_SIGNATURES {
            return Err(Flaw::new(format!(
                "a signed note has more than {MAX_SIGNATURES} signature lines"
            )));
        }
        Ok(Note { text, signatures })
    }

    /// Which of these keys signed; each once.
    ///
    /// # Errors
    ///
    /// A [`Flaw`] when a line of one of these keys does not verify, or stands twice.
    pub(super) fn signers<'k>(&self, known: &'k [Vkey]) -> Result<Vec<&'k Vkey>, Flaw> {
        let mut found: Vec<&Vkey> = Vec::new();
        for line in &self.signatures {
            let Some(key) = known.iter().find(|key| line.is_of(key)) else {
                continue;
            };
            if !line.holds(key, self.text) {
                return Err(line.is_wrong());
            }
            if found.contains(&key) {
                return Err(Flaw::new(format!("{} has signed twice", line.name)));
            }
            found.push(key);
        }
        Ok(found)
    }
}

impl<'a> Line<'a> {
    fn parse(line: &'a str) -> Result<Line<'a>, Flaw> {
        let shape = || Flaw::new("a signature line is not `\u{2014} name base64`");
        let (name, signature) = line
            .strip_prefix(DASH)
            .and_then(|rest| rest.split_once(' '))
            .ok_or_else(shape)?;
        let bytes = BASE64_STANDARD.decode(signature).map_err(|_| shape())?;
        let (id, signature) = bytes.split_first_chunk::<4>().ok_or_else(shape)?;
        let name_is_good = !name.is_empty() && !name.contains('+');
        if !name_is_good || name.chars().any(char::is_whitespace) || signature.is_empty() {
            return Err(shape());
        }
        Ok(Line {
            name,
            id: *id,
            signature: signature.to_vec(),
        })
    }

    /// Whether it claims to be by this key.
    fn is_of(&self, key: &Vkey) -> bool {
        key.name().as_str() == self.name && key.id() == self.id
    }

    fn is_wrong(&self) -> Flaw {
        let name = self.name;
        Flaw::new(format!(
            "the signature of {name} does not belong to this text"
        ))
    }

    fn holds(&self, key: &Vkey, text: &str) -> bool {
        match key.kind() {
            KeyType::Note => key.signed(text.as_bytes(), &self.signature),
            KeyType::Cosignature => {
                let Some((time, signature)) = self.signature.split_first_chunk::<8>() else {
                    return false;
                };
                let time = u64::from_be_bytes(*time);
                let seen = format!("cosignature/v1\ntime {time}\n{text}");
                time < 1 << 63 && key.signed(seen.as_bytes(), signature)
            }
        }
    }
}

/// The checkpoint as a note with one signature line for each key.
pub fn sign(checkpoint: &Checkpoint, keys: &[&SigningKey]) -> Vec<u8> {
    let text = checkpoint.text();
    let mut note = format!("{text}\n");
    for key in keys {
        let line = [&key.vkey().id()[..], &key.sign(text.as_bytes())].concat();
        let line = BASE64_STANDARD.encode(line);
        note.push_str(&format!("{DASH}{} {line}\n", key.origin()));
    }
    note.into_bytes()
}

/// The checkpoint in a note that a key of its own log signed. Lines of unknown keys count for
/// nothing; a line of a known key that does not verify condemns the note.
///
/// # Errors
///
/// A [`Flaw`] that says why the note is not to be believed.
pub fn open(note: &[u8], keys: &[Vkey]) -> Result<Checkpoint, Flaw> {
    opened(note, keys).map(|(checkpoint, _)| checkpoint)
}

/// As [`open`], with the witnesses among `keys` who saw the checkpoint.
///
/// # Errors
///
/// As [`open`].
pub fn opened<'k>(note: &[u8], keys: &'k [Vkey]) -> Result<(Checkpoint, Vec<&'k Vkey>), Flaw> {
    let note = Note::parse(note)?;
    let checkpoint = Checkpoint::parse(note.text)?;
    let (logs, witnesses): (Vec<&Vkey>, Vec<&Vkey>) = note
        .signers(keys)?
        .into_iter()
        .partition(|key| key.kind() == KeyType::Note);
    if !logs.iter().any(|key| *key.name() == checkpoint.origin) {
        return Err(Flaw::new(format!(
            "no known key of {} signed this checkpoint",
            checkpoint.origin
        )));
    }
    Ok((checkpoint, witnesses))
}

/// What a witness adds to a note: that it saw the checkpoint, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosignature {
    /// The signature line, with its line feed.
    pub line: String,
    /// Seconds since 1970.
    pub time: u64,
}

/// The cosignature of `witness` in its answer to `note`: signature lines, of which those of
/// unknown keys count for nothing.
///
/// # Errors
///
/// A [`Flaw`] when the answer is something else, or holds no good line of this witness.
pub fn cosignature(note: &[u8], answer: &[u8], witness: &Vkey) -> Result<Cosignature, Flaw> {
    let text = Note::parse(note)?.text;
    let whole = [note, answer].concat();
    let whole = Note::parse(&whole)?;
    if whole.text != text {
        return Err(Flaw::new("the answer is more than signature lines"));
    }
    let answer = std::str::from_utf8(answer).unwrap_or_default();
    for raw in answer.split_terminator('\n') {
        let line = Line::parse(raw)?;
        if !line.is_of(witness) {
            continue;
        }
        let time = line.signature.first_chunk::<8>();
        return match time.filter(|_| line.holds(witness, text)) {
            Some(time) => Ok(Cosignature {
                line: format!("{raw}\n"),
                time: u64::from_be_bytes(*time),
            }),
            None => Err(line.is_wrong()),
        };
    }
    Err(Flaw::new(format!(
        "the answer holds no signature of {}",
        witness.name()
    )))
}

/// What a note claims, whoever signed it: for messages only, never to be believed.
///
/// # Errors
///
/// A [`Flaw`] when the note is not one.
pub fn unverified(note: &[u8]) -> Result<Checkpoint, Flaw> {
    Checkpoint::parse(Note::parse(note)?.text)
}

#[cfg(test)]
mod tests {
    use super::super::sample::{Sample, shared};
    use super::super::tree;
    use super::*;
    use proptest::prelude::*;
    use signed_note::Verifiers;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed(
            Origin::new("register.example.org/log").unwrap(),
            &[seed; 32],
        )
    }

    fn checkpoint(size: u64) -> Checkpoint {
        Checkpoint {
            origin: key(1).origin().clone(),
            size,
            root: Sample::of(size).root(size),
        }
    }

    fn flaw(note: &[u8], keys: &[Vkey]) -> String {
        open(note, keys).unwrap_err().to_string()
    }

    #[test]
    fn a_checkpoint_has_exactly_these_bytes() {
        let root = Hash([0xab; 32]);
        let text = Checkpoint {
            root,
            ..checkpoint(7)
        }
        .text();
        let expected = "register.example.org/log\n7\n\
                        q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=\n";
        assert_eq!(text, expected);
        assert_eq!(Checkpoint::parse(expected).unwrap().text(), expected);
        let empty = checkpoint(0);
        assert_eq!(Checkpoint::parse(&empty.text()).unwrap(), empty);
    }

    #[test]
    fn every_other_spelling_of_a_checkpoint_is_refused() {
        let good = checkpoint(7).text();
        let cases = [
            ("\n7\n", "\n07\n", "plain digits"),
            ("\n7\n", "\n+7\n", "plain digits"),
            ("\n7\n", "\n-7\n", "plain digits"),
            ("\n7\n", "\n7 \n", "plain digits"),
            ("\n7\n", "\n\n", "plain digits"),
            ("\n7\n", "\n18446744073709551616\n", "plain digits"),
            ("\n7\n", "\n9007199254740993\n", "2^53"),
            ("\n7\n", "\n0\n", "has a root"),
            ("=\n", "\n", "base64"),
            ("=\n", "=", "line feed"),
            ("=\n", "=\nmore\n", "other lines"),
            ("=\n", "=\n\n", "other lines"),
            ("register.", "", "other"),
        ];
        for (from, to, reason) in cases {
            let bad = good.replacen(from, to, 1);
            assert_ne!(bad, good);
            let read = Checkpoint::parse(&bad);
            if to.is_empty() {
                assert_ne!(read.unwrap(), checkpoint(7), "another log's");
            } else {
                let flaw = read.unwrap_err().to_string();
                assert!(flaw.contains(reason), "{from:?} -> {to:?}: {flaw}");
            }
        }
        assert!(Checkpoint::parse("").is_err());
        assert!(Checkpoint::parse(&format!("\n{good}")).is_err());
    }

    #[test]
    fn a_signed_checkpoint_opens_with_its_key_and_no_other() {
        let (ours, other) = (key(1), key(2));
        let note = sign(&checkpoint(7), &[&ours]);
        assert_eq!(open(&note, &[ours.vkey()]).unwrap(), checkpoint(7));
        assert!(flaw(&note, &[other.vkey()]).contains("no known key"));
        assert!(flaw(&note, &[]).contains("no known key"));
        let renamed = SigningKey::from_seed(Origin::new("b.example/log").unwrap(), &[1; 32]);
        assert!(flaw(&note, &[renamed.vkey()]).contains("no known key"));
    }

    #[test]
    fn while_keys_change_either_of_them_opens_a_checkpoint() {
        let (old, new) = (key(1), key(2));
        let note = sign(&checkpoint(7), &[&old, &new]);
        for keys in [
            vec![old.vkey()],
            vec![new.vkey()],
            vec![old.vkey(), new.vkey()],
        ] {
            assert_eq!(open(&note, &keys).unwrap(), checkpoint(7));
        }
    }

    #[test]
    fn a_key_does_not_vouch_for_a_log_of_another_name() {
        let other = Checkpoint {
            origin: Origin::new("b.example/log").unwrap(),
            ..checkpoint(7)
        };
        let note = sign(&other, &[&key(1)]);
        assert!(flaw(&note, &[key(1).vkey()]).contains("no known key of b.example/log"));
    }

    #[test]
    fn a_bad_line_of_a_known_key_condemns_the_note_wherever_it_stands() {
        let good = String::from_utf8(sign(&checkpoint(7), &[&key(1)])).unwrap();
        let line = good.lines().last().unwrap();
        let elsewhere = String::from_utf8(sign(&checkpoint(6), &[&key(1)])).unwrap();
        let wrong = elsewhere.lines().last().unwrap();
        let keys = [key(1).vkey()];
        assert!(flaw(format!("{good}{wrong}\n").as_bytes(), &keys).contains("does not belong"));
        let first = good.replace(line, &format!("{wrong}\n{line}"));
        assert!(flaw(first.as_bytes(), &keys).contains("does not belong"));
        assert!(flaw(format!("{good}{line}\n").as_bytes(), &keys).contains("twice"));
    }

    #[test]
    fn notes_that_are_none_are_refused_with_the_reason() {
        let good = String::from_utf8(sign(&checkpoint(7), &[&key(1)])).unwrap();
        let keys = [key(1).vkey()];
        let many = format!("{good}{}", "\u{2014} a AAAAAAA=\n".repeat(MAX_SIGNATURES));
        let cases = [
            (String::new(), "no signature lines"),
            (checkpoint(7).text(), "no signature lines"),
            (good.replace("\n\n", "\n"), "no signature lines"),
            (good.trim_end().to_owned(), "line feed"),
            (format!("{good}\n"), "no signature lines"),
            (good.replace('\u{2014}', "-"), "signature line"),
            (good.replace('\n', "\r\n"), "control character"),
            (good.replace("log\n", "log\t\n"), "control character"),
            (format!("{good}\u{2014} a+b AAAAAAA=\n"), "signature line"),
            (format!("{good}\u{2014} a AAAA\n"), "signature line"),
            (format!("{good}\u{2014} a b AAAAAAA=\n"), "signature line"),
            (format!("{good}\u{2014}  AAAAAAA=\n"), "signature line"),
            (many, "more than 64"),
            ("x".repeat(MAX_NOTE + 1), "longer"),
        ];
        for (note, reason) in cases {
            let flaw = flaw(note.as_bytes(), &keys);
            assert!(flaw.contains(reason), "{flaw}: {note:?}");
        }
        assert!(flaw(b"\xff\n\n", &keys).contains("UTF-8"));
        let foreign = format!("{good}\u{2014} a AAAAAAA=\n");
        assert!(
            open(foreign.as_bytes(), &keys).is_ok(),
            "unknown lines are ignored"
        );
    }

    #[test]
    fn the_note_that_c2sp_prints_verifies() {
        let vkey = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
        let note = "This is an example message.\n\n\u{2014} example.com/foo \
                    Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuw\
                    HjG1Yu72IneyaQM=\n";
        let keys = [vkey.parse().unwrap()];
        let read = Note::parse(note.as_bytes()).unwrap();
        assert_eq!(read.text, "This is an example message.\n");
        assert_eq!(read.signers(&keys).unwrap().len(), 1);
        let edited = note.replace("example message", "Example message");
        let read = Note::parse(edited.as_bytes()).unwrap();
        assert!(read.signers(&keys).is_err());
        assert!(open(note.as_bytes(), &keys).is_err(), "it is no checkpoint");
    }

    fn vkey(path: &str) -> Option<Vkey> {
        let text = std::fs::read_to_string(shared(path)?).unwrap();
        Some(text.trim_end().parse().unwrap())
    }

    #[test]
    fn the_checkpoints_of_the_toy_log_open_and_have_the_roots_of_its_entries() {
        let Some(toy) = shared("vectors/our-toy") else {
            return;
        };
        let log = vkey("vectors/our-toy/vkey").unwrap();
        let witness = vkey("vectors/our-toy/witness.vkey").unwrap();
        let entries = std::fs::read_to_string(toy.join("entries.jsonl")).unwrap();
        let keys = [log, witness];
        for size in [1, 2, 3, 7, 8, 100, 255, 256, 257, 300] {
            let note = std::fs::read(toy.join(format!("checkpoint.{size}"))).unwrap();
            let (checkpoint, witnesses) = opened(&note, &keys).unwrap();
            let mut tree = tree::Range::default();
            for line in entries.lines().take(usize::try_from(size).unwrap()) {
                tree.push(tree::leaf_hash(line.as_bytes()));
            }
            assert_eq!((checkpoint.size, checkpoint.root), (size, tree.root()));
            assert_eq!(witnesses.len(), 1, "the witness saw size {size}");
        }
        let quantum = std::fs::read(toy.join("checkpoint.300.pq")).unwrap();
        assert_eq!(
            open(&quantum, &keys).unwrap().size,
            300,
            "unknown lines are ignored"
        );
    }

    #[test]
    fn the_checkpoints_of_tessera_open() {
        let Some(log) = shared("vectors/tessera/testdata/log") else {
            return;
        };
        let key = SigningKey::parse(
            "PRIVATE+KEY+example.com/log/testdata+33d7b496+\
             AeymY/SZAX0jZcJ8enZ5FY1Dz+wTML2yWSkK+9DSF3eg",
        )
        .unwrap();
        for size in 0..=15 {
            let note = std::fs::read(log.join(format!("checkpoint.{size}"))).unwrap();
            let checkpoint = open(&note, &[key.vkey()]).unwrap();
            assert_eq!(checkpoint.size, size);
            assert_eq!(
                sign(&checkpoint, &[&key]),
                note,
                "signed again, byte for byte"
            );
        }
    }

    /// What an independent implementation makes of the same note.
    fn theirs(note: &[u8], vkey: &Vkey) -> bool {
        let verifier = signed_note::StandardVerifier::new(&vkey.to_string()).unwrap();
        let known = signed_note::VerifierList::new(vec![Box::new(verifier)]);
        let id = u32::from_be_bytes(vkey.id());
        assert!(known.verifier(vkey.name().as_str(), id).is_ok());
        signed_note::Note::from_bytes(note).is_ok_and(|note| note.verify(&known).is_ok())
    }

    #[test]
    fn an_independent_implementation_opens_what_we_sign() {
        let note = sign(&checkpoint(21), &[&key(1), &key(2)]);
        assert!(theirs(&note, &key(1).vkey()) && theirs(&note, &key(2).vkey()));
        assert!(!theirs(&note, &key(3).vkey()));
    }

    proptest! {
        #[test]
        fn a_signed_checkpoint_with_any_byte_changed_is_refused(place in 0usize..160, byte: u8) {
            let good = sign(&checkpoint(7), &[&key(1)]);
            let mut bad = good.clone();
            let place = place % bad.len();
            bad[place] = byte;
            let known = [key(1).vkey()];
            prop_assert_eq!(open(&bad, &known).is_ok(), bad == good);
            prop_assert!(bad == good || !theirs(&bad, &known[0]));
        }

        #[test]
        fn arbitrary_bytes_never_make_reading_panic(bytes: Vec<u8>, text: String) {
            let known = [key(1).vkey()];
            let _ = (open(&bytes, &known), Checkpoint::parse(&text));
            let signed = format!("{text}\n\n\u{2014} {text} AAAAAAA=\n");
            let _ = (open(signed.as_bytes(), &known), text.parse::<Vkey>());
            let _ = SigningKey::parse(&format!("PRIVATE+KEY+{text}"));
        }
    }
}

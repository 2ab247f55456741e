//! Proofs as text, each with the checkpoint that it leads to.
//!
//! That an entry stands in the log is a C2SP `tlog-proof`:
//!
//! ```text
//! c2sp.org/tlog-proof@v1
//! index 150
//! TxwZmZ5ZFmz/mrZfuy6+GXxKNQa7uf+gtWBuIlyncGc=        one hash a line
//!
//! register.example.org/log                            the signed checkpoint
//! …
//! ```
//!
//! That a later log begins with an earlier one is what C2SP witnesses are sent:
//!
//! ```text
//! old 100
//! PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
//!
//! register.example.org/log
//! …
//! ```

use super::checkpoint::{self, Checkpoint, MAX_NOTE, hash, number};
use super::entry::Flaw;
use super::key::Vkey;
use super::tree::{self, Hash};
use base64::prelude::*;

/// The first line of a proof.
pub const HEAD: &str = "c2sp.org/tlog-proof@v1";
/// More hashes than any proof has.
const MAX_HASHES: usize = 63;
/// More bytes than any proof has, extra data included.
const MAX_TEXT: usize = 2 * MAX_NOTE;

/// The proof that an entry stands in the log of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The entry's sequence number.
    pub seq: u64,
    /// The hashes from the leaf's sibling up to the root's child.
    pub path: Vec<Hash>,
    /// Data that nobody vouches for; ours have none.
    pub extra: Option<Vec<u8>>,
    /// The signed checkpoint.
    pub note: Vec<u8>,
}

impl Proof {
    /// The proof as text.
    pub fn text(&self) -> Vec<u8> {
        let extra = self.extra.as_ref().map_or_else(String::new, |extra| {
            format!("extra {}\n", BASE64_STANDARD.encode(extra))
        });
        let head = format!("{HEAD}\n{extra}index {}\n", self.seq);
        with_note(head, &self.path, &self.note)
    }

    /// Reads what [`Proof::text`] writes; nothing in it is believed until [`Proof::check`].
    ///
    /// # Errors
    ///
    /// A [`Flaw`] that says what is wrong.
    pub fn parse(text: &[u8]) -> Result<Proof, Flaw> {
        let (lines, note) = parts(text)?;
        let mut lines = lines.split('\n').peekable();
        if lines.next() != Some(HEAD) {
            return Err(Flaw::new(format!("a proof begins with the line {HEAD}")));
        }
        let extra = match lines.next_if(|line| line.starts_with("extra ")) {
            Some(line) => Some(extra(line)?),
            None => None,
        };
        let index = lines.next().and_then(|line| line.strip_prefix("index "));
        let index =
            index.ok_or_else(|| Flaw::new("a proof names no index after its first line"))?;
        Ok(Proof {
            seq: number(index, "a proof's index")?,
            path: hashes(lines)?,
            extra,
            note: note.to_vec(),
        })
    }

    /// Checks that the entry of these exact bytes stands in the log, and answers with the
    /// checkpoint that says so. Size and root are taken from nowhere but the signed checkpoint.
    ///
    /// # Errors
    ///
    /// A [`Flaw`] that says what does not hold.
    pub fn check(&self, entry: &[u8], keys: &[Vkey]) -> Result<Checkpoint, Flaw> {
        let checkpoint = checkpoint::open(&self.note, keys)?;
        self.leads_to(&checkpoint, entry)?;
        Ok(checkpoint)
    }

    /// Checks that the proof ties this entry to this checkpoint.
    ///
    /// # Errors
    ///
    /// A [`Flaw`] when it does not.
    pub fn leads_to(&self, checkpoint: &Checkpoint, entry: &[u8]) -> Result<(), Flaw> {
        let (size, root) = (checkpoint.size, checkpoint.root);
        let leaf = tree::leaf_hash(entry);
        tree::check_inclusion(&self.path, self.seq, leaf, size, root).map_err(|_| {
            Flaw::new(format!(
                "the proof does not show this entry to be number {} of the {size} entries of {}",
                self.seq, checkpoint.origin
            ))
        })
    }
}

/// The proof that the log of a checkpoint begins with the log of an older one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Growth {
    /// The older size.
    pub old: u64,
    /// The hashes that tie both roots together.
    pub path: Vec<Hash>,
    /// The newer signed checkpoint.
    pub note: Vec<u8>,
}

impl Growth {
    /// The proof as text.
    pub fn text(&self) -> Vec<u8> {
        with_note(format!("old {}\n", self.old), &self.path, &self.note)
    }

    /// Reads what [`Growth::text`] writes; nothing in it is believed until [`Growth::check`].
    ///
    /// # Errors
    ///
    /// A [`Flaw`] that says what is wrong.
    pub fn parse(text: &[u8]) -> Result<Growth, Flaw> {
        let (lines, note) = parts(text)?;
        let mut lines = lines.split('\n');
        let old = lines.next().and_then(|line| line.strip_prefix("old "));
        let old =
            old.ok_or_else(|| Flaw::new("a proof of growth begins with `old ` and a size"))?;
        Ok(Growth {
            old: number(old, "the old size")?,
            path: hashes(lines)?,
            note: note.to_vec(),
        })
    }

    /// Checks that the log only grew since `old` was signed, and answers with the newer
    /// checkpoint.
    ///
    /// # Errors
    ///
    /// A [`Flaw`] that says what does not hold.
    pub fn check(&self, old: &Checkpoint, keys: &[Vkey]) -> Result<Checkpoint, Flaw> {
        let new = checkpoint::open(&self.note, keys)?;
        if old.size != self.old {
            return Err(Flaw::new(format!(
                "the proof begins at size {}, the older checkpoint has size {}",
                self.old, old.size
            )));
        }
        check_growth(old, &new, &self.path)?;
        Ok(new)
    }
}

/// Checks that `path` shows the log of `new` to begin with the log of `old`. The empty log begins
/// every log.
///
/// # Errors
///
/// A [`Flaw`] when it does not.
pub fn check_growth(old: &Checkpoint, new: &Checkpoint, path: &[Hash]) -> Result<(), Flaw> {
    if old.origin != new.origin {
        return Err(Flaw::new(format!(
            "the checkpoints are of two logs, {} and {}",
            old.origin, new.origin
        )));
    }
    let from_nothing = old.size == 0 && path.is_empty();
    let (before, now) = ((old.size, old.root), (new.size, new.root));
    if from_nothing || tree::check_consistency(path, before, now).is_ok() {
        return Ok(());
    }
    Err(Flaw::new(format!(
        "{} of size {} does not begin with its {} entries of before",
        new.origin, new.size, old.size
    )))
}

fn with_note(mut head: String, path: &[Hash], note: &[u8]) -> Vec<u8> {
    for hash in path {
        head.push_str(&BASE64_STANDARD.encode(hash.as_bytes()));
        head.push('\n');
    }
    head.push('\n');
    [head.as_bytes(), note].concat()
}

/// The lines before the first empty line, and the note behind it.
fn parts(text: &[u8]) -> Result<(&str, &[u8]), Flaw> {
    if text.len() > MAX_TEXT {
        return Err(Flaw::new(format!(
            "a proof is longer than {MAX_TEXT} bytes"
        )));
    }
    let text = std::str::from_utf8(text).map_err(|_| Flaw::new("a proof is not UTF-8 text"))?;
    let (lines, note) = text
        .split_once("\n\n")
        .ok_or_else(|| Flaw::new("a proof has no checkpoint after an empty line"))?;
    Ok((lines, note.as_bytes()))
}

fn extra(line: &str) -> Result<Vec<u8>, Flaw> {
    let data = line.strip_prefix("extra ").unwrap_or_default();
    BASE64_STANDARD
        .decode(data)
        .map_err(|_| Flaw::new("a proof's extra data is not base64"))
}

fn hashes<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Vec<Hash>, Flaw> {
    let read = |line: &str| {
        hash(line).ok_or_else(|| Flaw::new("a line of a proof is not base64 of 32 bytes"))
    };
    let found = lines
        .take(MAX_HASHES.saturating_add(1))
        .map(read)
        .collect::<Result<Vec<_>, _>>()?;
    if found.len() > MAX_HASHES {
        return Err(Flaw::new(format!(
            "a proof has more than {MAX_HASHES} hashes"
        )));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::super::checkpoint::sign;
    use super::super::key::SigningKey;
    use super::super::origin::Origin;
    use super::super::sample::{Sample, shared};
    use super::*;
    use proptest::prelude::*;

    fn key() -> SigningKey {
        SigningKey::from_seed(Origin::new("register.example.org/log").unwrap(), &[1; 32])
    }

    fn checkpoint(sample: &Sample, size: u64) -> Checkpoint {
        Checkpoint {
            origin: key().origin().clone(),
            size,
            root: sample.root(size),
        }
    }

    fn proof(sample: &Sample, seq: u64, size: u64) -> Proof {
        Proof {
            seq,
            path: tree::inclusion(seq, size, &mut sample.read()).unwrap(),
            extra: None,
            note: sign(&checkpoint(sample, size), &[&key()]),
        }
    }

    fn growth(sample: &Sample, old: u64, size: u64) -> Growth {
        Growth {
            old,
            path: tree::consistency(old, size, &mut sample.read()).unwrap(),
            note: sign(&checkpoint(sample, size), &[&key()]),
        }
    }

    #[test]
    fn an_entry_is_proven_by_text_alone() {
        let sample = Sample::of(21);
        for seq in 0..21 {
            let text = proof(&sample, seq, 21).text();
            let read = Proof::parse(&text).unwrap();
            assert_eq!(read.text(), text);
            let entry = &sample.texts[usize::try_from(seq).unwrap()];
            let shown = read.check(entry, &[key().vkey()]).unwrap();
            assert_eq!(shown, checkpoint(&sample, 21));
            assert!(read.check(b"another", &[key().vkey()]).is_err());
            assert!(read.check(entry, &[]).is_err());
        }
    }

    #[test]
    fn extra_data_is_carried_along_and_vouches_for_nothing() {
        let sample = Sample::of(3);
        let with = Proof {
            extra: Some(b"anything\n\n".to_vec()),
            ..proof(&sample, 1, 3)
        };
        let read = Proof::parse(&with.text()).unwrap();
        assert_eq!(read, with);
        assert!(read.check(&sample.texts[1], &[key().vkey()]).is_ok());
    }

    #[test]
    fn growth_is_proven_by_text_alone() {
        let sample = Sample::of(21);
        for old in 1..=21 {
            let text = growth(&sample, old, 21).text();
            let read = Growth::parse(&text).unwrap();
            assert_eq!(read.text(), text);
            let before = checkpoint(&sample, old);
            assert_eq!(read.check(&before, &[key().vkey()]).unwrap().size, 21);
            let forked = Checkpoint {
                root: Hash([9; 32]),
                ..before.clone()
            };
            assert!(read.check(&forked, &[key().vkey()]).is_err());
            let smaller = checkpoint(&sample, old - 1);
            assert!(read.check(&smaller, &[key().vkey()]).is_err());
            let origin = Origin::new("b.example/log").unwrap();
            let other = Checkpoint { origin, ..before };
            let flaw = read.check(&other, &[key().vkey()]).unwrap_err().to_string();
            assert!(flaw.contains("two logs"), "{flaw}");
        }
        let (none, some) = (checkpoint(&sample, 0), checkpoint(&sample, 21));
        assert!(check_growth(&none, &some, &[]).is_ok());
        assert!(check_growth(&none, &some, &[Hash::EMPTY]).is_err());
        assert!(
            check_growth(&some, &none, &[]).is_err(),
            "a log does not shrink"
        );
    }

    #[test]
    fn texts_that_are_no_proof_are_refused_with_the_reason() {
        let sample = Sample::of(21);
        let good = String::from_utf8(proof(&sample, 5, 21).text()).unwrap();
        let line = good.lines().nth(2).unwrap();
        let cases = [
            (good.replace("@v1", "@v2"), "begins with"),
            (good.replace("index 5", "index 05"), "plain digits"),
            (good.replace("index 5", "index -5"), "plain digits"),
            (good.replace("index 5\n", ""), "no index"),
            (good.replace("index 5", "extra !\nindex 5"), "extra data"),
            (
                good.replace("index 5", "extra \nextra \nindex 5"),
                "no index",
            ),
            (good.replacen("\n\n", "\n", 2), "empty line"),
            (good.replacen(line, "AAAA", 1), "32 bytes"),
            (
                good.replacen(line, &[line; 64].join("\n"), 1),
                "more than 63",
            ),
            ("x".repeat(MAX_TEXT + 1), "longer"),
            (String::new(), "empty line"),
        ];
        for (text, reason) in cases {
            let flaw = Proof::parse(text.as_bytes()).unwrap_err().to_string();
            assert!(flaw.contains(reason), "{flaw}: {text:.200}");
        }
        assert!(
            Proof::parse(b"\xff")
                .unwrap_err()
                .to_string()
                .contains("UTF-8")
        );
        assert!(Growth::parse(good.as_bytes()).is_err());
        let swapped = good.replace("index 5", "index 4");
        let swapped = Proof::parse(swapped.as_bytes()).unwrap();
        assert!(swapped.check(&sample.texts[5], &[key().vkey()]).is_err());
        assert!(swapped.check(&sample.texts[4], &[key().vkey()]).is_err());
    }

    #[test]
    fn the_proofs_of_the_toy_log_hold_and_no_changed_entry_does() {
        let Some(toy) = shared("vectors/our-toy") else {
            return;
        };
        let read = |name: &str| std::fs::read_to_string(toy.join(name)).unwrap();
        let keys: [Vkey; 1] = [read("vkey").trim_end().parse().unwrap()];
        let entries = read("entries.jsonl");
        let entries: Vec<&str> = entries.lines().collect();
        let mut proofs = 0;
        for file in std::fs::read_dir(&toy).unwrap() {
            let path = file.unwrap().path();
            if path
                .extension()
                .is_none_or(|extension| extension != "tlog-proof")
            {
                continue;
            }
            let text = std::fs::read(&path).unwrap();
            let proof = Proof::parse(&text).unwrap();
            assert_eq!(proof.text(), text, "byte for byte");
            let entry = entries[usize::try_from(proof.seq).unwrap()];
            let shown = proof.check(entry.as_bytes(), &keys).unwrap();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            assert_eq!(name, format!("e{}-in-{}.tlog-proof", proof.seq, shown.size));
            assert!(proof.check(format!("{entry} ").as_bytes(), &keys).is_err());
            proofs += 1;
        }
        assert_eq!(proofs, 34);
    }

    #[test]
    fn the_consistency_of_the_toy_logs_checkpoints_holds() {
        #[derive(serde::Deserialize)]
        struct Pair {
            old: u64,
            new: u64,
            proof: Vec<String>,
        }
        let Some(toy) = shared("vectors/our-toy") else {
            return;
        };
        let read = |name: &str| std::fs::read(toy.join(name)).unwrap();
        let key = String::from_utf8(read("vkey")).unwrap();
        let keys: [Vkey; 1] = [key.trim_end().parse().unwrap()];
        let note = |size: u64| read(&format!("checkpoint.{size}"));
        let pairs: Vec<Pair> = serde_json::from_slice(&read("consistency.json")).unwrap();
        assert_eq!(pairs.len(), 45);
        for Pair { old, new, proof } in pairs {
            let path = proof.iter().map(|line| hash(line).unwrap()).collect();
            let growth = Growth {
                old,
                path,
                note: note(new),
            };
            let before = checkpoint::open(&note(old), &keys).unwrap();
            assert_eq!(growth.check(&before, &keys).unwrap().size, new);
        }
    }

    proptest! {
        #[test]
        fn a_proof_with_any_byte_changed_proves_nothing(place: usize, byte: u8) {
            let sample = Sample::of(21);
            let good = proof(&sample, 5, 21).text();
            let mut bad = good.clone();
            let place = place % bad.len();
            bad[place] = byte;
            let read = Proof::parse(&bad);
            let holds = read.is_ok_and(|read| {
                read.check(&sample.texts[5], &[key().vkey()]).is_ok()
            });
            prop_assert_eq!(holds, bad == good);
        }

        #[test]
        fn arbitrary_texts_never_make_reading_panic(bytes: Vec<u8>, text: String) {
            let _ = (Proof::parse(&bytes), Growth::parse(&bytes));
            let begun = format!("{HEAD}\nindex 1\n{text}\n\n{text}");
            let _ = Proof::parse(begun.as_bytes());
        }
    }
}

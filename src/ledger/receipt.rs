//! A receipt: one entry, and the proof that it stands in the signed log. One text, for mailboxes
//! and clipboards:
//!
//! ```text
//! countersign-receipt-1
//! {"actor":…}                                  the entry, its exact bytes
//!
//! c2sp.org/tlog-proof@v1                       from here on a C2SP tlog-proof
//! index 150
//! …
//! ```
//!
//! Without its first three lines it is a `tlog-proof` that other programs read; the second line is
//! the leaf that it proves.

use super::checkpoint::{self, Checkpoint};
use super::entry::{Entry, Flaw, MAX_BYTES};
use super::key::Vkey;
use super::proof::Proof;
use super::verify::{GOOD, TAMPERED, UNREADABLE};
use std::fmt;

/// The first line of a receipt.
pub const FORMAT: &str = "countersign-receipt-1";
/// More bytes than any receipt has.
pub const MAX_TEXT: usize = 512 * 1024;

/// An entry with its proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The entry's exact text.
    pub entry: String,
    /// That it stands in the log.
    pub proof: Proof,
}

/// What a receipt that holds shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// The entry.
    pub entry: Entry,
    /// The checkpoint that covers it.
    pub checkpoint: Checkpoint,
    /// The known witnesses who saw that checkpoint.
    pub witnesses: Vec<String>,
}

impl Receipt {
    /// The receipt as text.
    pub fn text(&self) -> String {
        let proof = String::from_utf8_lossy(&self.proof.text()).into_owned();
        format!("{FORMAT}\n{}\n\n{proof}", self.entry)
    }

    /// Whether a text claims to be a receipt: its first line says so.
    pub fn is_one(text: &[u8]) -> bool {
        let rest = text.strip_prefix(FORMAT.as_bytes());
        rest.is_some_and(|rest| rest.starts_with(b"\n") || rest.starts_with(b"\r\n"))
    }

    /// Reads what [`Receipt::text`] writes. A mail program or a form may have ended every line by
    /// CR LF: that is undone. Nothing is believed until [`Receipt::check`].
    ///
    /// # Errors
    ///
    /// A [`Flaw`] that says what is wrong.
    pub fn parse(text: &[u8]) -> Result<Receipt, Flaw> {
        if text.len() > MAX_TEXT {
            return Err(Flaw::new(format!(
                "a receipt is longer than {MAX_TEXT} bytes"
            )));
        }
        let text = std::str::from_utf8(text).map_err(|_| Flaw::new("it is not UTF-8 text"))?;
        let lines = text.matches('\n').count();
        let text = match lines > 0 && text.matches("\r\n").count() == lines {
            true => text.replace("\r\n", "\n"),
            false => text.to_owned(),
        };
        let shape = || {
            Flaw::new(format!(
                "a receipt has the line {FORMAT}, then one line with the entry, then an empty \
                 line, then the proof"
            ))
        };
        let rest = text
            .strip_prefix(FORMAT)
            .and_then(|rest| rest.strip_prefix('\n'))
            .ok_or_else(shape)?;
        let (entry, proof) = rest.split_once("\n\n").ok_or_else(shape)?;
        if entry.is_empty() || entry.contains('\n') || entry.len() > MAX_BYTES {
            return Err(shape());
        }
        Ok(Receipt {
            entry: entry.to_owned(),
            proof: Proof::parse(proof.as_bytes())?,
        })
    }

    /// Checks signature, proof and entry against the keys of the log.
    ///
    /// # Errors
    ///
    /// A [`Flaw`] that says what does not hold.
    pub fn check(&self, keys: &[Vkey]) -> Result<Shown, Flaw> {
        let (checkpoint, witnesses) = checkpoint::opened(&self.proof.note, keys)?;
        self.proof.leads_to(&checkpoint, self.entry.as_bytes())?;
        let entry = Entry::parse(self.entry.as_bytes())?;
        if entry.seq != self.proof.seq {
            return Err(Flaw::new(format!(
                "the entry calls itself number {}, but stands at {}",
                entry.seq, self.proof.seq
            )));
        }
        let witnesses = witnesses.iter().map(|key| key.name().to_string()).collect();
        Ok(Shown {
            entry,
            checkpoint,
            witnesses,
        })
    }
}

/// Verifies a receipt: the exit code and what to tell the person who asked.
pub fn run_verify(text: &[u8], keys: &[Vkey]) -> (u8, String) {
    let receipt = match Receipt::parse(text) {
        Ok(receipt) => receipt,
        Err(flaw) => return (TAMPERED, format!("the receipt does not hold: {flaw}")),
    };
    if keys.is_empty() {
        let origin = checkpoint::unverified(&receipt.proof.note).map(|found| found.origin);
        let whose = origin.map_or_else(|_| "the log".to_owned(), |origin| origin.to_string());
        let what = format!(
            "cannot verify: a receipt is checked with the vkey of {whose}, which you should have \
             from another place than the receipt: --vkey"
        );
        return (UNREADABLE, what);
    }
    match receipt.check(keys) {
        Ok(shown) => (GOOD, shown.to_string()),
        Err(flaw) => (TAMPERED, format!("the receipt does not hold: {flaw}")),
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shown {
            entry,
            checkpoint,
            witnesses,
        } = self;
        let at = super::entry::time_text(entry.at);
        writeln!(
            f,
            "Good: this is entry {} of {}, written {at}.",
            entry.seq, checkpoint.origin
        )?;
        let mut what = vec![format!("It says: {}", entry.kind)];
        let reference = entry.subject.get("reference").and_then(|v| v.as_str());
        what.extend(reference.map(|reference| format!("about {reference}")));
        let outcome = entry.data.get("outcome").and_then(|v| v.as_str());
        what.extend(outcome.map(|outcome| format!("outcome {outcome}")));
        writeln!(f, "{}.", what.join(", "))?;
        for witness in witnesses {
            writeln!(f, "The witness {witness} saw the checkpoint.")?;
        }
        write!(
            f,
            "A key of {} signed that it stands among its first {} entries. That these are the same \
             entries which others see: compare the checkpoint with theirs.",
            checkpoint.origin, checkpoint.size
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::checkpoint::sign;
    use super::super::key::SigningKey;
    use super::super::origin::Origin;
    use super::super::sample::Sample;
    use super::super::tree;
    use super::*;
    use proptest::prelude::*;

    fn key() -> SigningKey {
        SigningKey::from_seed(Origin::new("register.example.org/log").unwrap(), &[1; 32])
    }

    fn receipt(seq: u64, size: u64) -> Receipt {
        let sample = Sample::of(size);
        let checkpoint = Checkpoint {
            origin: key().origin().clone(),
            size,
            root: sample.root(size),
        };
        let text = &sample.texts[usize::try_from(seq).unwrap()];
        Receipt {
            entry: String::from_utf8(text.clone()).unwrap(),
            proof: Proof {
                seq,
                path: tree::inclusion(seq, size, &mut sample.read()).unwrap(),
                extra: None,
                note: sign(&checkpoint, &[&key()]),
            },
        }
    }

    #[test]
    fn a_receipt_shows_its_entry_offline() {
        let text = receipt(5, 21).text();
        assert!(Receipt::is_one(text.as_bytes()));
        let read = Receipt::parse(text.as_bytes()).unwrap();
        assert_eq!(read.text(), text);
        let shown = read.check(&[key().vkey()]).unwrap();
        assert_eq!((shown.entry.seq, shown.checkpoint.size), (5, 21));
        let told = shown.to_string();
        assert!(
            told.starts_with("Good: this is entry 5 of register.example.org/log"),
            "{told}"
        );
        assert!(
            told.contains("decision.recorded, about AI-2026-0042, outcome approve"),
            "{told}"
        );
    }

    #[test]
    fn without_its_first_three_lines_a_receipt_is_a_proof_for_other_programs() {
        let text = receipt(5, 21).text();
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let proof = Proof::parse(lines[3..].concat().as_bytes()).unwrap();
        let entry = lines[1].trim_end_matches('\n');
        assert!(proof.check(entry.as_bytes(), &[key().vkey()]).is_ok());
    }

    #[test]
    fn a_receipt_that_went_through_a_mail_program_is_read_nevertheless() {
        let text = receipt(5, 21).text();
        let mailed = text.replace('\n', "\r\n");
        assert!(Receipt::is_one(mailed.as_bytes()));
        let read = Receipt::parse(mailed.as_bytes()).unwrap();
        assert_eq!(read.text(), text);
        let one = text.replacen("\n\n", "\n\r\n", 1);
        assert!(Receipt::parse(one.as_bytes()).is_err(), "all lines or none");
    }

    #[test]
    fn what_is_no_receipt_is_refused_with_the_reason() {
        let good = receipt(5, 21).text();
        let other = receipt(6, 21).text();
        let entry = |text: &str| text.lines().nth(1).unwrap().to_owned();
        let keys = [key().vkey()];
        let flaw = |text: &str| {
            let read = Receipt::parse(text.as_bytes());
            read.and_then(|read| read.check(&keys))
                .unwrap_err()
                .to_string()
        };
        assert!(flaw("").contains("countersign-receipt-1"));
        assert!(flaw(&good.replace("receipt-1", "receipt-2")).contains("countersign-receipt-1"));
        assert!(flaw(&good.replacen("\n\n", "\n", 1)).contains("an empty line"));
        let swapped = good.replace(&entry(&good), &entry(&other));
        assert!(flaw(&swapped).contains("does not show this entry"));
        assert!(flaw(&good.replace("approve", "reject")).contains("does not show this entry"));
        assert!(flaw(&good.replace("index 5", "index 4")).contains("does not show"));
        assert!(flaw(&format!("{good}\n")).contains("signature lines"));
        let stranger = SigningKey::from_seed(key().origin().clone(), &[2; 32]);
        let read = Receipt::parse(good.as_bytes()).unwrap();
        let flaw = read.check(&[stranger.vkey()]).unwrap_err().to_string();
        assert!(flaw.contains("no known key"), "{flaw}");
        assert!(Receipt::parse(&vec![b'x'; MAX_TEXT + 1]).is_err());
        assert!(!Receipt::is_one(b"countersign-receipt-10\n") && !Receipt::is_one(b""));
    }

    proptest! {
        #[test]
        fn a_receipt_with_any_byte_changed_does_not_hold(place: usize, byte: u8) {
            let good = receipt(5, 21).text().into_bytes();
            let mut bad = good.clone();
            let place = place % bad.len();
            bad[place] = byte;
            let read = Receipt::parse(&bad);
            let holds = read.is_ok_and(|read| read.check(&[key().vkey()]).is_ok());
            prop_assert_eq!(holds, bad == good);
        }

        #[test]
        fn arbitrary_bytes_never_make_reading_panic(bytes: Vec<u8>) {
            let _ = Receipt::parse(&bytes);
            let _ = Receipt::parse(&[FORMAT.as_bytes(), b"\n", &bytes].concat());
        }
    }
}

//! What somebody kept of a log, to hold a later one against it.

use super::super::checkpoint::{self, Checkpoint};
use super::super::entry::Flaw;
use super::super::key::Vkey;
use super::super::proof::{self, Growth, Proof};
use super::super::receipt::Receipt;

/// More bytes than anything that is kept has, packages aside.
pub const MAX_TEXT: u64 = 512 * 1024;

/// The checkpoint in a text that somebody kept: a checkpoint itself, the proof in a daily mail, a
/// receipt or a proof. Who signed it is for [`opened`] to tell.
///
/// # Errors
///
/// A sentence when it is none of these.
pub fn note(text: &[u8]) -> Result<Vec<u8>, String> {
    let text = unix(text);
    let said = |flaw: Flaw| flaw.to_string();
    if Receipt::is_one(&text) {
        return Ok(Receipt::parse(&text).map_err(said)?.proof.note);
    }
    if text.starts_with(b"old ") {
        return Ok(Growth::parse(&text).map_err(said)?.note);
    }
    if text.starts_with(proof::HEAD.as_bytes()) {
        return Ok(Proof::parse(&text).map_err(said)?.note);
    }
    if checkpoint::unverified(&text).is_ok() || unsigned(&text).is_some() {
        return Ok(text);
    }
    Err("this is no checkpoint, no proof from a daily mail, no receipt and no package".to_owned())
}

/// A mail program may have ended every line by CR LF.
fn unix(text: &[u8]) -> Vec<u8> {
    let ends = text.iter().filter(|byte| **byte == b'\n').count();
    let both = text.windows(2).filter(|pair| pair == b"\r\n").count();
    let kept = |byte: &&u8| ends == 0 || both != ends || **byte != b'\r';
    text.iter().filter(kept).copied().collect()
}

fn unsigned(text: &[u8]) -> Option<Checkpoint> {
    Checkpoint::parse(std::str::from_utf8(text).ok()?).ok()
}

/// The checkpoint in a note. One without signatures is believed as its owner kept it; one with
/// signatures must be signed by a known key.
///
/// # Errors
///
/// A [`Flaw`] when it is not.
pub fn opened(note: &[u8], keys: &[Vkey]) -> Result<Checkpoint, Flaw> {
    match unsigned(note) {
        Some(checkpoint) => Ok(checkpoint),
        None => checkpoint::open(note, keys),
    }
}

/// That a log of today can have grown from what was known: it has the same name, and is not
/// shorter. `what` is what it is called.
///
/// # Errors
///
/// A sentence that says why not.
pub fn precedes(old: &Checkpoint, now: &Checkpoint, what: &str) -> Result<(), String> {
    if old.origin != now.origin {
        let (before, after) = (&old.origin, &now.origin);
        return Err(format!("it is of {before}, and {what} of {after}"));
    }
    if old.size > now.size {
        return Err(format!(
            "it has {} entries, and {what} only {}: entries were taken away",
            old.size, now.size
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::super::checkpoint::sign;
    use super::super::super::key::SigningKey;
    use super::super::super::origin::Origin;
    use super::super::super::sample::Sample;
    use super::super::super::tree;
    use super::*;

    fn key() -> SigningKey {
        SigningKey::from_seed(Origin::new("register.example/log").unwrap(), &[3; 32])
    }

    fn checkpoint() -> Checkpoint {
        Checkpoint {
            origin: key().origin().clone(),
            size: 9,
            root: Sample::of(9).root(9),
        }
    }

    #[test]
    fn the_checkpoint_is_found_in_whatever_was_kept() {
        let sample = Sample::of(9);
        let signed = sign(&checkpoint(), &[&key()]);
        let growth = Growth {
            old: 4,
            path: tree::consistency(4, 9, &mut sample.read()).unwrap(),
            note: signed.clone(),
        };
        let proof = Proof {
            seq: 3,
            path: tree::inclusion(3, 9, &mut sample.read()).unwrap(),
            extra: None,
            note: signed.clone(),
        };
        let receipt = Receipt {
            entry: String::from_utf8(sample.texts[3].clone()).unwrap(),
            proof: proof.clone(),
        };
        let kept = [
            signed,
            checkpoint().text().into_bytes(),
            growth.text(),
            proof.text(),
            receipt.text().into_bytes(),
        ];
        for text in kept {
            let lines = String::from_utf8(text).unwrap();
            for text in [lines.clone(), lines.replace('\n', "\r\n")] {
                let note = note(text.as_bytes()).unwrap();
                assert_eq!(opened(&note, &[key().vkey()]).unwrap(), checkpoint());
            }
        }
    }

    #[test]
    fn what_is_no_checkpoint_is_refused_and_a_foreign_signature_is_not_believed() {
        for odd in ["", "hello", "old 4\n", "old 4\nx\n\ny", "{\"entry\":1}\n"] {
            assert!(note(odd.as_bytes()).is_err(), "{odd:?}");
        }
        let other = SigningKey::from_seed(key().origin().clone(), &[4; 32]);
        let signed = sign(&checkpoint(), &[&other]);
        assert!(opened(&note(&signed).unwrap(), &[key().vkey()]).is_err());
    }
}

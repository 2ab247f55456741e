//! Witnesses: others who sign that they saw a checkpoint go on from those they saw before. A log
//! that is shown differently to different people cannot have the cosignatures of one honest
//! witness on both. The protocol is `add-checkpoint` of C2SP `tlog-witness`; nothing but name,
//! size, root and hashes leaves the house.
use crate::db::At;
use crate::ledger::checkpoint::{self, Cosignature};
use crate::ledger::key::{KeyType, Vkey};
use crate::ledger::proof::Growth;
use crate::ledger::seal::ask::{self, Answer, address};
use crate::ledger::seal::store::Published;
use crate::ledger::tree::Hash;

/// Most witnesses; a note holds as many lines besides those of its own log.
const MAX: usize = 16;
/// Seconds by which a witness's clock may be ahead of ours.
const AHEAD: u64 = 300;

/// Somebody outside who is asked to see each checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// Its address, without the final slash.
    pub prefix: String,
    /// Its key.
    pub key: Vkey,
}

impl Witness {
    /// Reads the setting: `address vkey`, separated by commas or line ends.
    ///
    /// # Errors
    /// What the setting must be.
    pub fn list(text: &str, plain: bool) -> Result<Vec<Witness>, String> {
        let mut all: Vec<Witness> = Vec::new();
        for one in text.split([',', '\n']).map(str::trim) {
            if one.is_empty() {
                continue;
            }
            let witness = Witness::read(one, plain)?;
            let twice = |known: &Witness| known.key.is_same_key(&witness.key);
            if all.iter().any(twice) {
                let name = witness.key.name();
                return Err(format!("name each key once; {name} has that of another"));
            }
            all.push(witness);
        }
        match all.len() {
            0..=MAX => Ok(all),
            more => Err(format!("name at most {MAX} witnesses, not {more}")),
        }
    }

    fn read(text: &str, plain: bool) -> Result<Witness, String> {
        let mut words = text.split_whitespace();
        let (Some(prefix), Some(key), None) = (words.next(), words.next(), words.next()) else {
            return Err(format!(
                "hold address and vkey of each witness, separated by commas; {text} is not that"
            ));
        };
        address(prefix, plain)?;
        let key: Vkey = key
            .parse()
            .map_err(|flaw| format!("hold a vkey after {prefix}: {flaw}"))?;
        if key.kind() != KeyType::Cosignature {
            return Err(format!(
                "hold the vkey of a witness after {prefix}: its type is 4, cosignature/v1"
            ));
        }
        let prefix = prefix.trim_end_matches('/').to_owned();
        Ok(Witness { prefix, key })
    }

    /// Asks for a cosignature. `known` is the size that it is said to have seen last, and `proof`
    /// tells how the checkpoint's log goes on from a size.
    ///
    /// # Errors
    /// Why there is none, in words for the operator.
    pub(super) fn ask(
        &self,
        new: &Published,
        known: u64,
        now: At,
        proof: &dyn Fn(u64) -> Result<Vec<Hash>, String>,
    ) -> Result<Cosignature, String> {
        let first = self.post(new, known, proof)?;
        let answer = match conflict(&first, known, new.size)? {
            Some(old) => self.post(new, old, proof)?,
            None => first,
        };
        self.accept(new, &answer, now)
    }

    fn post(
        &self,
        new: &Published,
        old: u64,
        proof: &dyn Fn(u64) -> Result<Vec<Hash>, String>,
    ) -> Result<Answer, String> {
        let path = match old == 0 || old == new.size {
            true => Vec::new(),
            false => proof(old)?,
        };
        let note = new.note.clone().into_bytes();
        let question = Growth { old, path, note }.text();
        let url = format!("{}/add-checkpoint", self.prefix);
        ask::post(&url, "text/plain; charset=utf-8", &question)
    }

    fn accept(&self, new: &Published, answer: &Answer, now: At) -> Result<Cosignature, String> {
        let refused = match answer.status {
            200 => None,
            403 => Some("it does not know the key that signs this log".to_owned()),
            404 => Some(format!("it does not know the log {}", new.origin())),
            409 => Some("it changes what it says it saw last".to_owned()),
            422 => Some(
                "it finds that this log does not go on from the one that it saw: find out why, \
                 at once"
                    .to_owned(),
            ),
            status => Some(format!("it answers {status}")),
        };
        if let Some(why) = refused {
            return Err(why);
        }
        let found = checkpoint::cosignature(new.note.as_bytes(), &answer.body, &self.key);
        let found = found.map_err(|flaw| format!("it does not answer as a witness: {flaw}"))?;
        let now = u64::try_from(now.0.as_second()).unwrap_or(0);
        if found.time > now.saturating_add(AHEAD) {
            return Err("it signs for a time to come; its clock or ours is wrong".to_owned());
        }
        Ok(found)
    }
}

/// The size that a witness says it saw last, when that is another than it was asked about.
fn conflict(answer: &Answer, known: u64, size: u64) -> Result<Option<u64>, String> {
    if answer.status != 409 {
        return Ok(None);
    }
    let text = std::str::from_utf8(&answer.body).ok();
    let old = text.and_then(|text| text.strip_suffix('\n'));
    let old = old.filter(|_| answer.media == "text/x.tlog.size");
    let old = old.and_then(|text| checkpoint::number(text, "a size").ok());
    let Some(old) = old else {
        return Err("it answers 409 without the size that it saw".to_owned());
    };
    if old > size {
        return Err(format!(
            "it saw {old} entries of this log, which has {size} here: another database was signed, \
             or this one was restored"
        ));
    }
    if old == known {
        return Err("it answers 409 about the size that it names itself".to_owned());
    }
    Ok(Some(old))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::SigningKey;

    /// The vkey of a witness whose key grows out of `seed`.
    fn vkey(name: &str, seed: u8) -> String {
        use base64::prelude::*;
        use sha2::{Digest, Sha256};
        let key = SigningKey::from_bytes(&[seed; 32]).verifying_key();
        let material = [&[4], key.as_bytes().as_slice()].concat();
        let id = Sha256::digest([name.as_bytes(), b"\n", &material].concat());
        let key = BASE64_STANDARD.encode(material);
        format!("{name}+{}+{key}", hex::encode(&id[..4]))
    }

    #[test]
    fn witnesses_are_named_by_address_and_vkey() {
        let (one, two) = (vkey("w.example/1", 1), vkey("w.example/2", 2));
        let list = |text: &str| Witness::list(text, false);
        assert_eq!(list("").unwrap(), []);
        assert_eq!(list(" \n,\n").unwrap(), []);
        let both = format!("https://w.example/a/ {one},\n https://w.example/b  {two}\n");
        let both = list(&both).unwrap();
        let prefixes: Vec<&str> = both.iter().map(|one| one.prefix.as_str()).collect();
        assert_eq!(prefixes, ["https://w.example/a", "https://w.example/b"]);
        let same = vkey("w.example/2", 1);
        for (text, told) in [
            (one.clone(), "address and vkey"),
            (format!("{one} https://w.example"), "https://host/path"),
            (format!("http://w.example {one}"), "https://"),
            (format!("https://w.example {one}x"), "vkey"),
            (
                format!("https://w.example {one}, https://w.example {one}"),
                "once",
            ),
            (
                format!("https://w.example {one}, https://w.example {same}"),
                "once",
            ),
            (
                "https://w.example \
                 example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
                    .to_owned(),
                "its type is 4",
            ),
        ] {
            let flaw = list(&text).unwrap_err();
            assert!(flaw.contains(told), "{text}: {flaw}");
        }
        let many = (0..17).map(|n| format!("https://w.example {}\n", vkey("w", n)));
        let flaw = list(&many.collect::<String>()).unwrap_err();
        assert!(flaw.contains("at most 16"), "{flaw}");
    }

    #[test]
    fn a_size_that_a_witness_names_is_believed_only_where_it_can_be() {
        let answer = |status, media: &str, body: &str| Answer {
            status,
            media: media.to_owned(),
            body: body.as_bytes().to_vec(),
        };
        let size = "text/x.tlog.size";
        assert_eq!(conflict(&answer(200, "", "x"), 3, 9), Ok(None));
        assert_eq!(conflict(&answer(409, size, "5\n"), 3, 9), Ok(Some(5)));
        assert_eq!(conflict(&answer(409, size, "0\n"), 3, 9), Ok(Some(0)));
        for (media, body) in [
            ("text/plain", "5\n"),
            (size, "5"),
            (size, "05\n"),
            (size, "-5\n"),
            (size, "\n"),
            (size, "5\n5\n"),
            (size, "3\n"),
            (size, "10\n"),
            (size, "99999999999999999999999\n"),
        ] {
            assert!(conflict(&answer(409, media, body), 3, 9).is_err(), "{body}");
        }
    }
}

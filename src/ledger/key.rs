//! Keys that sign checkpoints, in the texts of C2SP signed notes: Go's `sumdb/note` reads both.
//!
//! ```text
//! example.com/log+530d903a+AekyeRrm56h…               a vkey, to verify with: for everybody
//! PRIVATE+KEY+example.com/log+530d903a+AXyA…          a key to sign with: a secret
//! ```
//!
//! A key is told by name and id, the first four bytes of `SHA-256(name ‖ LF ‖ type ‖ public key)`.

use super::entry::Flaw;
use super::origin::Origin;
use base64::prelude::*;
use ed25519_dalek::{Signature, Signer, SigningKey as Secret, VerifyingKey};
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;

/// What a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyType {
    /// The text of a note: the keys of logs.
    Note,
    /// A note's text and the time at which it was seen: the keys of witnesses.
    Cosignature,
}

impl KeyType {
    fn byte(self) -> u8 {
        match self {
            KeyType::Note => 0x01,
            KeyType::Cosignature => 0x04,
        }
    }

    fn of(byte: u8) -> Option<KeyType> {
        [KeyType::Note, KeyType::Cosignature]
            .into_iter()
            .find(|kind| kind.byte() == byte)
    }
}

/// The public half of a key: whom to trust for the checkpoints of which log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vkey {
    name: Origin,
    kind: KeyType,
    key: VerifyingKey,
}

impl Vkey {
    /// The name: the origin of the log it signs for, or the witness's.
    pub fn name(&self) -> &Origin {
        &self.name
    }

    /// What it signs.
    pub fn kind(&self) -> KeyType {
        self.kind
    }

    /// The four bytes that tell it from other keys of its name.
    pub fn id(&self) -> [u8; 4] {
        key_id(&self.name, self.kind, &self.key)
    }

    /// Whether both are one key, whatever their names.
    pub fn is_same_key(&self, other: &Vkey) -> bool {
        self.key == other.key
    }

    /// Whether it made this signature of `text`. Small and mixed points are refused, so that all
    /// verifiers agree.
    pub(super) fn signed(&self, text: &[u8], signature: &[u8]) -> bool {
        let Ok(signature) = Signature::from_slice(signature) else {
            return false;
        };
        self.key.verify_strict(text, &signature).is_ok()
    }
}

fn key_id(name: &Origin, kind: KeyType, key: &VerifyingKey) -> [u8; 4] {
    let mut hash = Sha256::new();
    hash.update(name.as_str());
    hash.update([b'\n', kind.byte()]);
    hash.update(key.as_bytes());
    let [a, b, c, d, ..] = <[u8; 32]>::from(hash.finalize());
    [a, b, c, d]
}

impl fmt::Display for Vkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let material = [&[self.kind.byte()], self.key.as_bytes().as_slice()].concat();
        let (id, key) = (hex::encode(self.id()), BASE64_STANDARD.encode(material));
        write!(f, "{}+{id}+{key}", self.name)
    }
}

impl FromStr for Vkey {
    type Err = Flaw;

    /// Reads a vkey; only the one right spelling of it is taken.
    fn from_str(text: &str) -> Result<Vkey, Flaw> {
        let shape = || Flaw::new("a vkey has the form name+8 hex digits+base64");
        let mut parts = text.splitn(3, '+');
        let (name, id) = (parts.next(), parts.next());
        let (Some(name), Some(_), Some(key)) = (name, id, parts.next()) else {
            return Err(shape());
        };
        let bytes = BASE64_STANDARD.decode(key).map_err(|_| shape())?;
        let (kind, key) = bytes.split_first().ok_or_else(shape)?;
        let kind = KeyType::of(*kind).ok_or_else(|| {
            Flaw::new("a vkey is of a type other than Ed25519 (1) and cosignature (4)")
        })?;
        let key = <[u8; 32]>::try_from(key).map_err(|_| shape())?;
        let key = VerifyingKey::from_bytes(&key)
            .ok()
            .filter(|key| !key.is_weak())
            .ok_or_else(|| Flaw::new("a vkey holds no good Ed25519 public key"))?;
        let name = Origin::new(name)?;
        let vkey = Vkey { name, kind, key };
        if vkey.to_string() != text {
            return Err(Flaw::new(
                "the id in a vkey does not belong to its name and key: a character was changed",
            ));
        }
        Ok(vkey)
    }
}

/// A key that signs the checkpoints of one log. Whoever holds it can sign in the log's name; it
/// never enters the database, and nothing but [`SigningKey::secret_text`] shows it.
#[derive(Clone)]
pub struct SigningKey {
    name: Origin,
    secret: Secret,
}

impl SigningKey {
    /// The key of this log that grows out of 32 random bytes.
    pub fn from_seed(name: Origin, seed: &[u8; 32]) -> SigningKey {
        let secret = Secret::from_bytes(seed);
        SigningKey { name, secret }
    }

    /// The log it signs for.
    pub fn origin(&self) -> &Origin {
        &self.name
    }

    /// Its public half.
    pub fn vkey(&self) -> Vkey {
        Vkey {
            name: self.name.clone(),
            kind: KeyType::Note,
            key: self.secret.verifying_key(),
        }
    }

    /// `PRIVATE+KEY+…`, as it stands in the key file. A secret.
    pub fn secret_text(&self) -> String {
        let material = [&[KeyType::Note.byte()], self.secret.as_bytes().as_slice()].concat();
        let (id, key) = (
            hex::encode(self.vkey().id()),
            BASE64_STANDARD.encode(material),
        );
        format!("PRIVATE+KEY+{}+{id}+{key}", self.name)
    }

    /// Reads `PRIVATE+KEY+…`. What is wrong is told without a byte of it.
    ///
    /// # Errors
    ///
    /// A [`Flaw`] that says what is wrong.
    pub fn parse(text: &str) -> Result<SigningKey, Flaw> {
        let shape = || {
            Flaw::new("a signing key has the form PRIVATE+KEY+name+8 hex digits+base64 of 33 bytes")
        };
        let rest = text.strip_prefix("PRIVATE+KEY+").ok_or_else(shape)?;
        let mut parts = rest.splitn(3, '+');
        let (name, id) = (parts.next(), parts.next());
        let (Some(name), Some(_), Some(key)) = (name, id, parts.next()) else {
            return Err(shape());
        };
        let bytes = BASE64_STANDARD.decode(key).map_err(|_| shape())?;
        let (kind, seed) = bytes.split_first().ok_or_else(shape)?;
        let seed = <&[u8; 32]>::try_from(seed).map_err(|_| shape())?;
        if *kind != KeyType::Note.byte() {
            return Err(Flaw::new("the signing key is of another type than Ed25519"));
        }
        let key = SigningKey::from_seed(Origin::new(name)?, seed);
        if key.secret_text() != text {
            return Err(Flaw::new(
                "the id in the signing key does not belong to its name and key",
            ));
        }
        Ok(key)
    }

    pub(super) fn sign(&self, text: &[u8]) -> [u8; 64] {
        self.secret.sign(text).to_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.vkey())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key pair that C2SP prints, and Tessera's, whose secret half is public too.
    const C2SP: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    const TESSERA: &str = "PRIVATE+KEY+example.com/log/testdata+33d7b496+\
                           AeymY/SZAX0jZcJ8enZ5FY1Dz+wTML2yWSkK+9DSF3eg";
    const TESSERA_VKEY: &str = "example.com/log/testdata+33d7b496+\
                                AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx";

    #[test]
    fn keys_of_other_programs_are_read_and_written_as_they_were() {
        let vkey: Vkey = C2SP.parse().unwrap();
        assert_eq!(
            (
                vkey.to_string(),
                vkey.name().as_str(),
                hex::encode(vkey.id())
            ),
            (C2SP.to_owned(), "example.com/foo", "530d903a".to_owned())
        );
        let key = SigningKey::parse(TESSERA).unwrap();
        assert_eq!(key.secret_text(), TESSERA);
        assert_eq!(key.vkey().to_string(), TESSERA_VKEY);
    }

    #[test]
    fn a_key_of_ours_is_read_by_an_independent_implementation() {
        let key = SigningKey::from_seed(Origin::new("a.example/log").unwrap(), &[7; 32]);
        let theirs = signed_note::StandardSigner::new(&key.secret_text()).unwrap();
        assert_eq!(
            signed_note::Signer::key_id(&theirs).to_be_bytes(),
            key.vkey().id()
        );
        assert_eq!(
            signed_note::Signer::sign(&theirs, b"text\n").unwrap(),
            key.sign(b"text\n")
        );
        signed_note::StandardVerifier::new(&key.vkey().to_string()).unwrap();
    }

    #[test]
    fn a_key_with_any_character_changed_is_refused() {
        for at in 0..C2SP.len() {
            for other in ["A", "+", " ", "\n", "="] {
                let mut bad = C2SP.to_owned();
                bad.replace_range(at..=at, other);
                assert!(bad == C2SP || bad.parse::<Vkey>().is_err(), "{bad:?}");
                let mut bad = TESSERA.to_owned();
                bad.replace_range(at..=at, other);
                assert!(
                    bad == TESSERA || SigningKey::parse(&bad).is_err(),
                    "{bad:?}"
                );
            }
        }
        assert!(C2SP.to_uppercase().parse::<Vkey>().is_err());
        assert!(C2SP.replace("530d", "530D").parse::<Vkey>().is_err());
        assert!(format!("{C2SP}\n").parse::<Vkey>().is_err());
        for bad in ["", "+", "++", "a+b+c", "PRIVATE+KEY+", "PRIVATE+KEY+a+b+"] {
            assert!(bad.parse::<Vkey>().is_err() && SigningKey::parse(bad).is_err());
        }
    }

    #[test]
    fn a_public_key_that_accepts_signatures_of_anybody_is_refused() {
        let mut material = vec![0x01; 33];
        material[1..].fill(0);
        material[1] = 1;
        let key = BASE64_STANDARD.encode(&material);
        let flaw = format!("a+00000000+{key}").parse::<Vkey>().unwrap_err();
        assert!(flaw.to_string().contains("no good Ed25519"), "{flaw}");
    }

    #[test]
    fn a_secret_is_shown_by_no_log_and_no_error() {
        let key = SigningKey::parse(TESSERA).unwrap();
        let secret = "eymY/SZAX0jZcJ8enZ5FY1Dz";
        assert!(!format!("{key:?}").contains(secret));
        let flaw = SigningKey::parse(&TESSERA.replace("33d7", "33d8")).unwrap_err();
        assert!(!flaw.to_string().contains(secret));
    }
}

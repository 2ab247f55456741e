//! Time stamps after RFC 3161: an authority outside signs that it saw the digest of a checkpoint's
//! note, and when. The answer is kept as it came, so that `openssl ts -verify` reads it.
//!
//! What is checked here is that the answer is about this question. Whether the authority's
//! certificate is one to trust is for who verifies: only they know whom they trust.
use crate::db::At;
use crate::ledger::seal::ask;
use cms::cert::x509::der::asn1::{Any, Int, Null, ObjectIdentifier, OctetString};
use cms::cert::x509::der::{Decode, Encode, Tag, TagNumber, Tagged};
use cms::cert::x509::spki::AlgorithmIdentifier;
use cms::signed_data::EncapsulatedContentInfo;
use sha2::{Digest, Sha256};
use x509_tsp::{MessageImprint, TimeStampReq, TimeStampResp, TspVersion, TstInfo};

const SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
/// Seconds by which the authority's clock may be away from ours.
const APART: u64 = 600;

/// An answer that is about the question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamp {
    /// The whole answer.
    pub(super) answer: Vec<u8>,
    /// The time that it states.
    pub(super) at: At,
}

/// A question about a note.
pub(super) struct Question {
    digest: [u8; 32],
    nonce: Int,
    text: Vec<u8>,
}

impl Question {
    /// About this note, told from others by `nonce`.
    pub(super) fn new(note: &[u8], nonce: [u8; 16]) -> Result<Question, String> {
        let broken = |error| format!("no question can be made: {error}");
        let mut nonce = nonce;
        // Positive, and without leading zeros: the one spelling of its number.
        if let Some(first) = nonce.first_mut() {
            *first = (*first & 0x7f) | 0x40;
        }
        let digest: [u8; 32] = Sha256::digest(note).into();
        let nonce = Int::new(&nonce).map_err(broken)?;
        let request = TimeStampReq {
            version: TspVersion::V1,
            message_imprint: imprint(&digest).map_err(broken)?,
            req_policy: None,
            nonce: Some(nonce.clone()),
            cert_req: true,
            extensions: None,
        };
        let text = request.to_der().map_err(broken)?;
        Ok(Question {
            digest,
            nonce,
            text,
        })
    }

    /// Asks the authority at this address.
    pub(super) fn ask(&self, url: &str, now: At) -> Result<Stamp, String> {
        let answer = ask::post(url, "application/timestamp-query", &self.text)?;
        if answer.status != 200 {
            return Err(format!("it answers {}", answer.status));
        }
        if answer.media != "application/timestamp-reply" {
            return Err("its answer is no time stamp".to_owned());
        }
        self.accept(answer.body, now)
    }

    /// The stamp in an answer, when it is one to this question and of about now.
    pub(super) fn accept(&self, answer: Vec<u8>, now: At) -> Result<Stamp, String> {
        let info = info(&answer)?;
        let imprint = &info.message_imprint;
        if imprint.hash_algorithm.oid != SHA_256 || imprint.hashed_message.as_bytes() != self.digest
        {
            return Err("it stamped something else than it was asked to".to_owned());
        }
        if info.nonce.as_ref() != Some(&self.nonce) {
            return Err("its answer is to another question".to_owned());
        }
        let seconds = info.gen_time.to_unix_duration().as_secs();
        let ours = u64::try_from(now.0.as_second()).unwrap_or(0);
        if seconds.abs_diff(ours) > APART {
            return Err("its clock or ours is wrong by more than ten minutes".to_owned());
        }
        let at = i64::try_from(seconds).ok();
        let at = at.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
        let at = At::new(at.ok_or("its answer states no time")?);
        Ok(Stamp { answer, at })
    }
}

fn imprint(digest: &[u8; 32]) -> cms::cert::x509::der::Result<MessageImprint> {
    Ok(MessageImprint {
        hash_algorithm: AlgorithmIdentifier {
            oid: SHA_256,
            parameters: Some(Any::from(Null)),
        },
        hashed_message: OctetString::new(digest.as_slice())?,
    })
}

/// What an answer states, when it grants a stamp.
fn info(answer: &[u8]) -> Result<TstInfo, String> {
    let unreadable = |error| format!("its answer cannot be read: {error}");
    let response = TimeStampResp::from_der(answer).map_err(unreadable)?;
    // 0 is granted, 1 is granted with modifications.
    let status = response.status.status as u8;
    if status > 1 {
        return Err(format!("it refuses, with status {status}"));
    }
    let token = response
        .time_stamp_token
        .ok_or("it grants a stamp and sends none")?;
    if token.content_type != SIGNED_DATA {
        return Err("its stamp is not signed".to_owned());
    }
    // Part by part: many authorities send their certificates in an order that DER forbids.
    let signed = token.content.to_der().map_err(unreadable)?;
    let parts = Vec::<Any>::from_der(&signed).map_err(unreadable)?;
    let part = parts.get(2).ok_or("its stamp has no content")?;
    let content: EncapsulatedContentInfo = part.decode_as().map_err(unreadable)?;
    let certificates = Tag::ContextSpecific {
        constructed: true,
        number: TagNumber::N0,
    };
    if !parts.iter().any(|part| part.tag() == certificates) {
        return Err("its stamp comes without the certificate that was asked for".to_owned());
    }
    let signers = parts.last().filter(|last| last.tag() == Tag::Set);
    if signers.is_none_or(|signers| signers.value().is_empty()) {
        return Err("its stamp is not signed".to_owned());
    }
    let Some(text) = content
        .econtent
        .filter(|_| content.econtent_type == TST_INFO)
    else {
        return Err("its stamp states no time".to_owned());
    };
    TstInfo::from_der(text.value()).map_err(unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn now() -> At {
        At::new("2027-03-01T09:00:00Z".parse().unwrap())
    }

    #[test]
    fn a_question_holds_digest_and_nonce_and_asks_for_the_certificate() {
        for first in [0x00, 0x80, 0xff] {
            let question = Question::new(b"note", [first; 16]).unwrap();
            let read = TimeStampReq::from_der(&question.text).unwrap();
            assert!(read.cert_req);
            let digest = read.message_imprint.hashed_message;
            assert_eq!(digest.as_bytes(), Sha256::digest(b"note").as_slice());
            let nonce = read.nonce.unwrap();
            assert_eq!(nonce.as_bytes().len(), 16);
            assert_eq!(nonce, question.nonce);
        }
    }

    proptest! {
        #[test]
        fn whatever_is_answered_is_read_or_refused(
            answer in proptest::collection::vec(any::<u8>(), 0..200)
        ) {
            let question = Question::new(b"note", [7; 16]).unwrap();
            prop_assert!(question.accept(answer, now()).is_err());
        }
    }
}

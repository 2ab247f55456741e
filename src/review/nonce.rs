//! Proof that a decision was sent from the page we showed, and not long ago.
//!
//! Every drawing of a sign-off page carries the time and a hash of it keyed by the link's own
//! token, so nothing is stored, any node of the installation can check it, and a restart in
//! between harms nobody. It guards against requests that were never a page (a mail that posts by
//! itself, a form copied from another link); whoever holds the link could draw the page anyhow.
//! A page that was open too long comes back as it was filled in, with a new proof.
use crate::db::At;
use crate::people::Secret;
use sha2::{Digest, Sha256};

/// How long a page may stay open before its decision is asked for once more, in seconds.
const AGE_MAX: i64 = 12 * 3600;
/// How far clocks of two nodes may differ, in seconds.
const SKEW_MAX: i64 = 300;

/// Why a proof is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unproven {
    /// It is missing, or was made for another link.
    Foreign,
    /// The page was drawn too long ago.
    Old,
}

impl Unproven {
    /// What the person reads.
    pub fn sentence(self) -> &'static str {
        match self {
            Unproven::Foreign => {
                "This decision did not come from the page as we showed it. Nothing was recorded. \
                 Check what stands here and press the button again"
            }
            Unproven::Old => {
                "The page was open for more than 12 hours. Nothing was recorded. Look whether \
                 anything changed and press the button again"
            }
        }
    }
}

/// The proof for a page that is drawn now.
pub fn make(link: &Secret, now: At) -> String {
    let second = now.0.as_second();
    format!("{second:x}.{}", proof(link, second))
}

/// Checks the proof that came back.
///
/// # Errors
/// Why it is not taken.
pub fn check(link: &Secret, now: At, given: &str) -> Result<(), Unproven> {
    let (time, hash) = given.split_once('.').ok_or(Unproven::Foreign)?;
    let second = i64::from_str_radix(time, 16).map_err(|_| Unproven::Foreign)?;
    let age = now.0.as_second().saturating_sub(second);
    if hash != proof(link, second) || age < -SKEW_MAX {
        return Err(Unproven::Foreign);
    }
    if age > AGE_MAX {
        Err(Unproven::Old)
    } else {
        Ok(())
    }
}

fn proof(link: &Secret, second: i64) -> String {
    let mut hash = Sha256::new();
    hash.update(b"countersign: sign-off page\0");
    hash.update(Sha256::digest(link.reveal()));
    hash.update(second.to_be_bytes());
    hex::encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> At {
        At(text.parse().unwrap())
    }

    #[test]
    fn a_page_may_stay_open_over_lunch_and_over_a_restart() {
        let link = Secret::presented("token");
        let shown = make(&link, at("2026-11-23T09:00:00Z"));
        assert_eq!(check(&link, at("2026-11-23T09:00:00Z"), &shown), Ok(()));
        assert_eq!(check(&link, at("2026-11-23T20:59:00Z"), &shown), Ok(()));
        assert_eq!(
            check(&link, at("2026-11-23T21:00:01Z"), &shown),
            Err(Unproven::Old)
        );
        // Another node whose clock is a little behind.
        assert_eq!(check(&link, at("2026-11-23T08:58:00Z"), &shown), Ok(()));
    }

    #[test]
    fn nothing_but_the_page_of_this_link_proves_anything() {
        let now = at("2026-11-23T09:00:00Z");
        let link = Secret::presented("token");
        let other = make(&Secret::presented("other"), now);
        let future = make(&link, at("2026-11-24T09:00:00Z"));
        for given in [
            "",
            ".",
            "x.y",
            "6740.00",
            "-1.00",
            "ffffffffffffffffff.0",
            &other,
            &future,
        ] {
            assert_eq!(check(&link, now, given), Err(Unproven::Foreign), "{given}");
        }
    }
}

//! How each point of governance stands, in one shape that every room answers in.
//!
//! What it promises: nothing is settled without evidence, and evidence that has run out settles
//! nothing. This file is pure; `sources` says who answers for which point, `portfolio` asks for
//! all use cases at once.
pub mod api;
mod approval;
mod data;
mod monitoring;
pub mod page;
mod portfolio;
mod sources;

pub use portfolio::{Cache, Lens, Portfolio, Row, portfolio, seen};
pub use sources::{AREAS, POINTS, Screen, Small, screen, screens, small};

use crate::web::badge::{Badge, badge};
use jiff::civil::Date;
use serde::Serialize;

/// How one point of one use case stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Light {
    /// It does not apply to this use case, and a rule says why.
    NotNeeded,
    /// Evidence that is still valid settles it.
    Settled,
    /// It was settled, and the evidence has run out.
    Expired,
    /// Nobody has settled it.
    Open,
}

impl Light {
    /// Every light, in the order in which pages count them.
    pub const ALL: [Light; 4] = [
        Light::Settled,
        Light::Open,
        Light::Expired,
        Light::NotNeeded,
    ];

    /// The word, as addresses and the API say it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Light::NotNeeded => "not_needed",
            Light::Settled => "settled",
            Light::Expired => "expired",
            Light::Open => "open",
        }
    }

    /// The light by its word.
    #[must_use]
    pub fn named(word: &str) -> Option<Light> {
        Light::ALL.into_iter().find(|light| light.as_str() == word)
    }

    /// As a word with a shape.
    #[must_use]
    pub fn badge(self) -> Badge {
        match self {
            Light::Settled => badge("Settled", "good"),
            Light::Open => badge("Open", "part"),
            Light::Expired => badge("Expired", "bad"),
            Light::NotNeeded => badge("Not needed", ""),
        }
    }
}

/// What shows that a point is settled, or was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Proof {
    /// What it is, for the page: "Decision of the council", "Red-team test".
    pub label: String,
    /// Path of the page that shows it, without the base path.
    pub href: String,
    /// The day from which it counts, in UTC.
    pub on: Date,
    /// The last day on which it counts; none where it has no end.
    pub until: Option<Date>,
}

impl Proof {
    /// Whether it counts on `today`.
    #[must_use]
    pub fn counts(&self, today: Date) -> bool {
        self.on <= today && self.until.is_none_or(|until| today <= until)
    }
}

/// How one point stands, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// The state in one word.
    pub light: Light,
    /// Why, in one sentence for people.
    pub why: String,
    /// The evidence behind it; empty where it is open.
    pub proofs: Vec<Proof>,
}

impl Standing {
    /// Nobody has settled it.
    #[must_use]
    pub fn open(why: impl Into<String>) -> Self {
        Self::with(Light::Open, why, Vec::new())
    }

    /// It does not apply.
    #[must_use]
    pub fn not_needed(why: impl Into<String>) -> Self {
        Self::with(Light::NotNeeded, why, Vec::new())
    }

    /// As `proofs` say on `today`: settled when all of them count, expired when one has run out,
    /// open when there is none or one does not count yet.
    #[must_use]
    pub fn by(proofs: Vec<Proof>, today: Date, why: impl Into<String>) -> Self {
        let over = |proof: &Proof| proof.until.is_some_and(|until| until < today);
        let light = match &proofs {
            none if none.is_empty() => Light::Open,
            all if all.iter().all(|proof| proof.counts(today)) => Light::Settled,
            some if some.iter().any(over) => Light::Expired,
            _ => Light::Open,
        };
        Self::with(light, why, proofs)
    }

    /// It was settled, and what settled it counts no more, whatever its days say.
    #[must_use]
    pub fn expired(proofs: Vec<Proof>, why: impl Into<String>) -> Self {
        Self::with(Light::Expired, why, proofs)
    }

    fn with(light: Light, why: impl Into<String>, proofs: Vec<Proof>) -> Self {
        Self {
            light,
            why: why.into(),
            proofs,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn proof(on: Date, until: Option<Date>) -> Proof {
        Proof {
            label: "Test".into(),
            href: "/x".into(),
            on,
            until,
        }
    }

    #[test]
    fn nothing_is_settled_without_evidence() {
        let today = date(2026, 5, 4);
        assert_eq!(Standing::by(Vec::new(), today, "").light, Light::Open);
    }

    #[test]
    fn evidence_counts_on_its_last_day_and_no_longer() {
        let (from, last) = (date(2026, 1, 1), date(2026, 5, 4));
        let on = |today| Standing::by(vec![proof(from, Some(last))], today, "").light;
        assert_eq!(on(last), Light::Settled);
        assert_eq!(on(date(2026, 5, 5)), Light::Expired);
        assert_eq!(on(date(2025, 12, 31)), Light::Open);
    }

    #[test]
    fn one_proof_that_ran_out_is_not_outweighed_by_others() {
        let today = date(2026, 5, 4);
        let (lasting, over) = (proof(today, None), proof(today, None));
        let over = Proof {
            on: date(2025, 1, 1),
            until: Some(date(2025, 12, 31)),
            ..over
        };
        assert_eq!(
            Standing::by(vec![lasting, over], today, "").light,
            Light::Expired
        );
    }
}

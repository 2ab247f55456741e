//! Samples that another program can draw again.
//!
//! Each item has one or more *tickets*: ticket `k` (from 1) is the SHA-256 of the text
//! `SEED ‖ line feed ‖ ID ‖ line feed ‖ k`, where ID is the identifier of the item's entry and `k`
//! stands in decimal digits. The item's draw is the smallest of its tickets, and the sample is the
//! items with the smallest draws. In a random sample everybody has one ticket; in a risk-weighted
//! one the risk says how many, so that an item of weight 4 comes as easily as four of weight 1.
use crate::audit::exam::Item;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// How a sample is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Drawing {
    /// Every item as likely as every other.
    Random,
    /// The higher the risk, the likelier.
    Risk,
}

impl Drawing {
    /// The word, as addresses and entries say it.
    pub fn as_str(self) -> &'static str {
        match self {
            Drawing::Random => "random",
            Drawing::Risk => "risk",
        }
    }
}

/// How many tickets a risk has: `medium` 2, `high` 4, `low` and none 1. A risk of another name
/// weighs most, 8, for nobody here can say that it is small.
pub fn weight(risk: Option<&str>) -> u32 {
    match risk {
        None | Some("low") => 1,
        Some("medium") => 2,
        Some("high") => 4,
        Some(_) => 8,
    }
}

/// The draw of an item: the smallest of its tickets.
pub fn draw(seed: &str, id: &str, tickets: u32) -> [u8; 32] {
    let ticket = |k: u32| Sha256::digest(format!("{seed}\n{id}\n{k}")).into();
    (1..=tickets.max(1)).map(ticket).min().unwrap_or_default()
}

/// A sample while the items go by: it never holds more than it will keep.
#[derive(Debug)]
pub struct Sample {
    drawing: Drawing,
    seed: String,
    size: usize,
    kept: BTreeMap<([u8; 32], u64), Item>,
}

impl Sample {
    /// A sample of at most `size` items.
    pub fn new(drawing: Drawing, seed: &str, size: usize) -> Sample {
        Sample {
            drawing,
            seed: seed.to_owned(),
            size,
            kept: BTreeMap::new(),
        }
    }

    /// Lets an item take part.
    pub fn take(&mut self, item: &Item) {
        let tickets = match self.drawing {
            Drawing::Random => 1,
            Drawing::Risk => weight(item.risk.as_deref()),
        };
        let key = (draw(&self.seed, &item.id, tickets), item.seq);
        let full = self.kept.len() >= self.size;
        let last = self.kept.last_key_value().map(|(last, _)| *last);
        if full && last.is_none_or(|last| last < key) {
            return;
        }
        self.kept.insert(key, item.clone());
        if self.kept.len() > self.size {
            self.kept.pop_last();
        }
    }

    /// The sample, the smallest draw first.
    pub fn items(self) -> Vec<Item> {
        self.kept.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_is_what_any_program_computes_from_the_documented_text() {
        let one = "a\n01a1ee56-5e00-7707-8707-070707070707\n1";
        let two = "a\n01a1ee56-5e00-7707-8707-070707070707\n2";
        let hash = |text: &str| -> [u8; 32] { Sha256::digest(text).into() };
        let id = "01a1ee56-5e00-7707-8707-070707070707";
        assert_eq!(draw("a", id, 1), hash(one));
        assert_eq!(draw("a", id, 2), hash(one).min(hash(two)));
    }

    #[test]
    fn a_high_risk_comes_about_four_times_as_often_as_a_low_one() {
        let wins = |seed: u32| {
            let seed = seed.to_string();
            draw(&seed, "high", weight(Some("high"))) < draw(&seed, "low", weight(Some("low")))
        };
        let won = (0..5_000).filter(|seed| wins(*seed)).count();
        assert!(
            (3_900..4_100).contains(&won),
            "{won} of 5000, 4000 expected"
        );
    }
}

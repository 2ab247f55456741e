//! The heat map: how many risks are how likely and how bad.
use super::store;
use super::{Level, Score};
use crate::db::{Conn, RecordId};
use crate::error::Result;
use serde::Serialize;
use std::collections::BTreeMap;

/// Which of the two scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Before anything is done.
    Inherent,
    /// What is left.
    Residual,
}

impl Measure {
    /// The word, as addresses and the API say it.
    pub fn as_str(self) -> &'static str {
        match self {
            Measure::Inherent => "inherent",
            Measure::Residual => "residual",
        }
    }

    /// The measure by its word; what is left for any other.
    pub fn named(word: &str) -> Measure {
        match word {
            "inherent" => Measure::Inherent,
            _ => Measure::Residual,
        }
    }
}

/// A risk of the map: the use case and the area.
pub type Risk = (RecordId, String);

/// A cell of the map.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cell {
    /// The risks in it.
    pub risks: Vec<Risk>,
}

/// The map of these use cases, by score. `area` narrows it to one of the nine.
///
/// # Errors
/// When the database fails.
pub fn map(
    conn: &mut Conn,
    ids: &[RecordId],
    area: Option<&str>,
    measure: Measure,
) -> Result<BTreeMap<Score, Cell>> {
    let mut cells: BTreeMap<Score, Cell> = BTreeMap::new();
    let mut assessed: Vec<(RecordId, store::Assessed)> =
        store::assessed(conn, ids)?.into_iter().collect();
    assessed.sort_by_key(|(id, _)| *id);
    for (id, one) in assessed {
        for (key, scores) in one.areas {
            let Some(scores) = scores.scores else {
                continue;
            };
            if area.is_some_and(|area| area != key) {
                continue;
            }
            let score = match measure {
                Measure::Inherent => scores.inherent,
                Measure::Residual => scores.residual,
            };
            cells.entry(score).or_default().risks.push((id, key));
        }
    }
    Ok(cells)
}

/// The colour of a level: none of them speaks by itself, each cell says its level in words.
pub(super) fn tone(level: Level) -> &'static str {
    match level {
        Level::Low => "good",
        Level::Medium => "part",
        Level::High | Level::VeryHigh => "bad",
    }
}

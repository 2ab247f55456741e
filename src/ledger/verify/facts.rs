//! What an entry tells by itself, and what it must be after the entry before it.

use super::super::histories::{Histories, Step};
use super::super::parts::View;
use super::super::tree::Hash;

/// The time of an entry in its 27 characters, which sort as times do.
type At = [u8; 27];

/// What is wrong, with the number that the entry claims.
pub type Odd = (Option<u64>, String);

/// An entry that is spelled as entries are.
pub struct Facts {
    /// Its leaf hash.
    pub leaf: Hash,
    /// The number it claims.
    pub seq: u64,
    /// Its time.
    at: At,
    /// How many commitments to private values it has.
    pub commitments: u64,
    /// How many of them were opened beside it.
    pub opened: u64,
    /// Its place in the history of its record.
    step: Option<Step>,
    /// What is wrong with it, to be told unless its order is wrong.
    pub late: Option<String>,
}

impl Facts {
    /// What the exact text of an entry tells.
    pub fn of(view: &View<'_>, leaf: Hash) -> Facts {
        let (step, late) = match Step::read(view.record, view.record_seq) {
            Ok(step) => (step, None),
            Err(why) => (None, Some(why)),
        };
        Facts {
            leaf,
            seq: view.seq,
            at: view.at.as_bytes().try_into().unwrap_or([0; 27]),
            commitments: u64::try_from(view.private.len()).unwrap_or(0),
            opened: 0,
            step,
            late,
        }
    }

    /// Its time as text.
    pub fn at(&self) -> String {
        text(&self.at)
    }
}

fn text(at: &At) -> String {
    String::from_utf8_lossy(at).into_owned()
}

/// The entries so far, as far as the next one depends on them.
#[derive(Default)]
pub struct Order {
    /// The number of the last one.
    pub last: Option<u64>,
    at: Option<At>,
    /// The records' histories.
    pub histories: Histories,
}

impl Order {
    /// Takes an entry's time: none is dated before its predecessor.
    ///
    /// # Errors
    ///
    /// A sentence with both times.
    pub fn time(&mut self, facts: &Facts) -> Result<(), String> {
        if let Some(last) = self.at.filter(|last| facts.at < *last) {
            return Err(format!(
                "its time {} is before that of the previous entry, {}",
                facts.at(),
                text(&last)
            ));
        }
        self.at = Some(facts.at);
        self.last = Some(facts.seq);
        Ok(())
    }

    /// Takes what is left: what was found wrong before, and the place in its record's history.
    ///
    /// # Errors
    ///
    /// What is wrong.
    pub fn content(&mut self, facts: &mut Facts, whole: bool) -> Result<(), String> {
        if let Some(why) = facts.late.take() {
            return Err(why);
        }
        let step = facts.step.take();
        step.map_or(Ok(()), |step| self.histories.take(step, whole))
    }

    /// The time of the last entry.
    pub fn last_at(&self) -> Option<String> {
        self.at.as_ref().map(text)
    }
}

//! What was counted of the log is counted once: entries are only ever added, so the next count
//! begins where the last one ended.
use crate::db::Conn;
use crate::error::Result;
use crate::ledger::store::counts;
use crate::ledger::{Count, Filter};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Filters whose counts are kept.
const KEPT: usize = 64;

/// Counts that were made, the newest last.
#[derive(Debug, Default)]
pub struct Counted {
    kept: Mutex<VecDeque<Kept>>,
}

#[derive(Debug, Clone)]
struct Kept {
    filter: Filter,
    size: u64,
    counts: Vec<Count>,
}

impl Counted {
    /// How far this filter was counted; nothing of it where this says 0.
    pub fn size(&self, filter: &Filter) -> u64 {
        self.known(filter).map_or(0, |known| known.size)
    }

    /// How many of the first `size` entries a filter shows, by kind and outcome.
    ///
    /// # Errors
    /// When the database fails.
    pub fn counts(&self, conn: &mut Conn, filter: &Filter, size: u64) -> Result<Vec<Count>> {
        // A smaller log is another one: somebody put an older database in its place.
        let known = self.known(filter).filter(|known| known.size <= size);
        let mut known = known.unwrap_or_else(|| Kept {
            filter: filter.clone(),
            size: 0,
            counts: Vec::new(),
        });
        if known.size < size {
            let more = counts(conn, filter, known.size..size)?;
            known.counts = sum(known.counts, more);
            known.size = size;
        }
        let counts = known.counts.clone();
        // Which records belong to a unit may change, and with it what that filter shows.
        if filter.units.is_empty() {
            self.keep(known);
        }
        Ok(counts)
    }

    fn known(&self, filter: &Filter) -> Option<Kept> {
        self.kept().iter().find(|k| k.filter == *filter).cloned()
    }

    fn keep(&self, new: Kept) {
        let mut kept = self.kept();
        kept.retain(|known| known.filter != new.filter);
        if kept.len() >= KEPT {
            kept.pop_front();
        }
        kept.push_back(new);
    }

    /// What is kept is replaced as a whole, so whoever panicked left no harm.
    fn kept(&self) -> MutexGuard<'_, VecDeque<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Both counts together, in the order of kinds and outcomes.
fn sum(mut counts: Vec<Count>, more: Vec<Count>) -> Vec<Count> {
    for new in more {
        let same = |old: &&mut Count| (&old.kind, &old.outcome) == (&new.kind, &new.outcome);
        match counts.iter_mut().find(same) {
            Some(old) => {
                old.count += new.count;
                old.first = [old.first, new.first].into_iter().flatten().min();
                old.last = [old.last, new.last].into_iter().flatten().max();
            }
            None => counts.push(new),
        }
    }
    counts.sort_by(|a, b| (&a.kind, &a.outcome).cmp(&(&b.kind, &b.outcome)));
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(kind: &str, outcome: Option<&str>, count: i64) -> Count {
        Count {
            kind: kind.to_owned(),
            outcome: outcome.map(str::to_owned),
            count,
            first: None,
            last: None,
        }
    }

    #[test]
    fn what_came_since_is_added_and_old_filters_are_forgotten() {
        let old = vec![count("b", None, 2), count("d", Some("approve"), 1)];
        let new = vec![count("a", None, 1), count("b", None, 3)];
        let both = [
            count("a", None, 1),
            count("b", None, 5),
            count("d", Some("approve"), 1),
        ];
        assert_eq!(sum(old, new), both);
        let counted = Counted::default();
        let of = |stage: usize| Filter {
            stage: Some(stage.to_string()),
            ..Filter::default()
        };
        for stage in 0..=KEPT {
            counted.keep(Kept {
                filter: of(stage),
                size: 7,
                counts: Vec::new(),
            });
        }
        assert_eq!((counted.size(&of(0)), counted.size(&of(1))), (0, 7));
        assert_eq!(counted.kept().len(), KEPT);
    }
}

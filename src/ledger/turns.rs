//! Turns at heavy work: so many at a time in all, and fewer for one person, so that nobody keeps
//! the others from it.
use crate::db::PersonId;
use crate::error::{Error, Result};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Some work, and who does it at this moment.
#[derive(Debug)]
pub struct Turns {
    what: &'static str,
    all: usize,
    each: usize,
    taken: Mutex<HashMap<Option<PersonId>, usize>>,
}

/// The right to do it, given back when it is dropped.
#[derive(Debug)]
pub struct Turn {
    of: Arc<Turns>,
    who: Option<PersonId>,
}

impl Turns {
    /// `what` is done, in a plural that a sentence can begin with: `all` at a time, `each` of them
    /// for one person.
    pub fn new(what: &'static str, all: usize, each: usize) -> Arc<Turns> {
        Arc::new(Turns {
            what,
            all,
            each,
            taken: Mutex::default(),
        })
    }

    /// Takes a turn for this person.
    ///
    /// # Errors
    /// [`Error::Busy`] while they have all that one person can have, or others have the rest.
    pub fn take(self: &Arc<Turns>, who: Option<PersonId>) -> Result<Turn> {
        let mut taken = self.taken();
        let own = taken.get(&who).copied().unwrap_or(0);
        let busy = |own, why| Err(Error::Busy { own, why });
        if own >= self.each {
            let why = format!("{} of yours are at work already", self.what);
            return busy(true, why);
        }
        if taken.values().sum::<usize>() >= self.all {
            return busy(false, format!("{} of others are at work", self.what));
        }
        taken.insert(who, own + 1);
        let of = self.clone();
        Ok(Turn { of, who })
    }

    /// How many are taken at this moment.
    pub fn in_use(&self) -> usize {
        self.taken().values().sum()
    }

    /// Nothing can be half done under this lock, so whoever panicked left no harm.
    fn taken(&self) -> MutexGuard<'_, HashMap<Option<PersonId>, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut taken = self.of.taken();
        let left = taken.get(&self.who).map_or(0, |own| own.saturating_sub(1));
        match left {
            0 => taken.remove(&self.who),
            _ => taken.insert(self.who, left),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_takes_all_turns_and_every_turn_comes_back() {
        let turns = Turns::new("files", 3, 2);
        let (ada, ben) = (Some(PersonId::new()), Some(PersonId::new()));
        let first = turns.take(ada).unwrap();
        let second = turns.take(ada).unwrap();
        let own = turns.take(ada).unwrap_err();
        assert_eq!((own.meaning().status, own.is_ours()), (429, false));
        let third = turns.take(ben).unwrap();
        let others = turns.take(ben).unwrap_err();
        assert_eq!((others.meaning().status, others.is_ours()), (503, false));
        let told = "files of others are at work; try again in a minute";
        assert_eq!(others.to_string(), told);
        drop(first);
        assert_eq!(turns.in_use(), 2);
        let again = turns.take(ben).unwrap();
        drop((second, third, again));
        assert_eq!(turns.in_use(), 0);
        assert!(turns.taken().is_empty(), "nobody is remembered");
    }
}

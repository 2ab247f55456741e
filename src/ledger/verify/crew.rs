//! Several threads look at lines at once; what they found is taken in the order of the lines. Few
//! batches of lines wait at any moment, so memory stays bounded.

use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Scope, available_parallelism, scope};

/// Bytes from which on a batch is full.
const FULL: usize = 128 * 1024;
/// Batches that wait for a thread, at most.
const WAITING: usize = 2;
/// Most threads beside the one that reads.
const MOST: usize = 4;

/// Looks at one line without knowing its neighbours.
pub trait Look: Send + 'static {
    /// What it tells of a line.
    type Found: Send + 'static;
    /// Looks at a line.
    fn look(&mut self, line: &[u8]) -> Self::Found;
}

/// Where lines come from, and what becomes of them.
pub trait Work {
    /// What looks at lines; each thread has its own.
    type Look: Look;
    /// Why the work ends before all is done.
    type Stop;
    /// Another pair of eyes.
    fn look(&self) -> Self::Look;
    /// Adds the next lines until the batch is full; false when there are no more.
    fn fill(&mut self, lines: &mut Lines) -> bool;
    /// Takes a line and what was found on it, in the order in which they were added.
    ///
    /// # Errors
    ///
    /// Why no further line is to be taken.
    fn take(&mut self, line: &[u8], found: <Self::Look as Look>::Found) -> Result<(), Self::Stop>;
}

/// Lines, one after the other.
#[derive(Default)]
pub struct Lines {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Lines {
    /// Adds a line.
    pub fn push(&mut self, line: &[u8]) {
        self.bytes.extend_from_slice(line);
        self.ends.push(self.bytes.len());
    }

    /// Whether there is enough to be handed on.
    pub fn is_full(&self) -> bool {
        self.bytes.len() >= FULL
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    fn each(&self) -> impl Iterator<Item = &[u8]> {
        let begins = std::iter::once(0).chain(self.ends.iter().copied());
        let ranges = begins.zip(&self.ends);
        ranges.map(|(from, to)| self.bytes.get(from..*to).unwrap_or_default())
    }
}

struct Batch<F> {
    lines: Lines,
    found: Vec<F>,
}

impl<F> Batch<F> {
    fn new() -> Batch<F> {
        Batch {
            lines: Lines::default(),
            found: Vec::new(),
        }
    }

    fn looked_at(mut self, look: &mut impl Look<Found = F>) -> Batch<F> {
        self.found
            .extend(self.lines.each().map(|line| look.look(line)));
        self
    }

    /// Hands over what was found; the batch can be filled again.
    fn taken<W>(mut self, work: &mut W) -> Result<Batch<F>, W::Stop>
    where
        W: Work,
        W::Look: Look<Found = F>,
    {
        for (line, found) in self.lines.each().zip(self.found.drain(..)) {
            work.take(line, found)?;
        }
        self.lines.clear();
        Ok(self)
    }
}

/// Does all of it.
///
/// # Errors
///
/// What [`Work::take`] stopped with.
pub fn run<W: Work>(work: &mut W) -> Result<(), W::Stop> {
    let mut batch = Batch::new();
    if !work.fill(&mut batch.lines) {
        let batch = batch.looked_at(&mut work.look());
        return batch.taken(work).map(drop);
    }
    let threads = available_parallelism().map_or(1, NonZeroUsize::get);
    scope(|scope| {
        let hire = |_| Hand::hired(scope, work.look());
        let mut crew = Crew {
            hands: (0..threads.min(MOST)).map(hire).collect(),
            given: 0,
            back: 0,
        };
        let mut more = true;
        while more {
            crew.give(batch);
            batch = match crew.is_busy() {
                true => crew.next().taken(work)?,
                false => Batch::new(),
            };
            more = work.fill(&mut batch.lines);
        }
        crew.give(batch);
        while crew.back < crew.given {
            crew.next().taken(work)?;
        }
        Ok(())
    })
}

/// A thread that looks at batches, each in its turn.
struct Hand<F> {
    give: SyncSender<Batch<F>>,
    back: Receiver<Batch<F>>,
}

impl<F: Send + 'static> Hand<F> {
    fn hired<'s>(scope: &'s Scope<'s, '_>, mut look: impl Look<Found = F>) -> Hand<F> {
        let (give, given) = sync_channel::<Batch<F>>(WAITING);
        let (done, back) = sync_channel(WAITING);
        scope.spawn(move || {
            for batch in given {
                if done.send(batch.looked_at(&mut look)).is_err() {
                    return;
                }
            }
        });
        Hand { give, back }
    }
}

struct Crew<F> {
    hands: Vec<Hand<F>>,
    given: usize,
    back: usize,
}

impl<F> Crew<F> {
    fn is_busy(&self) -> bool {
        self.given - self.back >= self.hands.len() * WAITING
    }

    fn give(&mut self, batch: Batch<F>) {
        let turn = self.given % self.hands.len().max(1);
        // A thread that is gone has panicked, and the scope will as well.
        let _ = self.hands.get(turn).map(|hand| hand.give.send(batch));
        self.given += 1;
    }

    fn next(&mut self) -> Batch<F> {
        let turn = self.back % self.hands.len().max(1);
        self.back += 1;
        let batch = self.hands.get(turn).and_then(|hand| hand.back.recv().ok());
        batch.unwrap_or_else(Batch::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers, one a line, that are counted and come back in order.
    struct Numbers {
        next: u64,
        last: u64,
        taken: u64,
        stop_at: u64,
    }

    struct Read;

    impl Look for Read {
        type Found = u64;
        fn look(&mut self, line: &[u8]) -> u64 {
            std::str::from_utf8(line).unwrap().parse().unwrap()
        }
    }

    impl Work for Numbers {
        type Look = Read;
        type Stop = u64;
        fn look(&self) -> Read {
            Read
        }
        fn fill(&mut self, lines: &mut Lines) -> bool {
            while !lines.is_full() {
                if self.next == self.last {
                    return false;
                }
                lines.push(self.next.to_string().as_bytes());
                self.next += 1;
            }
            true
        }
        fn take(&mut self, line: &[u8], found: u64) -> Result<(), u64> {
            assert_eq!(found, self.taken);
            assert_eq!(line, found.to_string().as_bytes());
            self.taken += 1;
            match found == self.stop_at {
                true => Err(found),
                false => Ok(()),
            }
        }
    }

    fn numbers(last: u64, stop_at: u64) -> (Result<(), u64>, Numbers) {
        let mut work = Numbers {
            next: 0,
            last,
            taken: 0,
            stop_at,
        };
        (run(&mut work), work)
    }

    #[test]
    fn every_line_is_taken_once_and_in_order() {
        for last in [0, 1, 1000, 300_000] {
            let (ended, work) = numbers(last, u64::MAX);
            assert_eq!((ended, work.taken), (Ok(()), last));
        }
    }

    #[test]
    fn whoever_stops_is_not_asked_again_and_little_was_read_ahead() {
        let (ended, work) = numbers(3_000_000, 70_000);
        assert_eq!((ended, work.taken), (Err(70_000), 70_001));
        assert!(work.next < 500_000, "{}", work.next);
    }
}

//! The walk along the lines of an export.

use super::super::export::{Coverage, MAX_LINE, Trailer};
use super::super::tree::Range;
use super::crew::{self, Lines, Work};
use super::facts::{Facts, Odd, Order};
use super::line::{Eyes, whole};
use super::{Refusal, Report, trailer};
use std::io::{self, BufRead, Read};

/// Verifies an export.
///
/// # Errors
///
/// A [`Refusal`] that names the first bad line, or says why there is nothing to verify.
pub fn verify(reader: impl BufRead) -> Result<Report, Refusal> {
    let mut walk = Walk {
        source: Source {
            reader,
            line: Vec::new(),
            number: 0,
        },
        end: End::Cut,
        number: 0,
        listed: Range::default(),
        order: Order::default(),
        gap: None,
        first_at: None,
        commitments: 0,
        opened: 0,
    };
    let walked = crew::run(&mut walk).map_err(Stop::Early);
    match walked.and_then(|()| walk.ended()) {
        Ok(report) => Ok(report),
        Err(Stop::Unreadable(reason)) => Err(Refusal::Unreadable { reason }),
        Err(Stop::Early(wrong)) => Err(walk.first_wrong(wrong).refusal()),
        Err(Stop::Final(wrong)) => Err(wrong.refusal()),
    }
}

/// What ends the walk before a report.
enum Stop {
    Unreadable(String),
    /// Found before the trailer was read; the trailer may tell more.
    Early(Wrong),
    Final(Wrong),
}

/// A line that does not hold.
struct Wrong {
    line: u64,
    /// The entry the line claims to be.
    seq: Option<u64>,
    reason: String,
}

impl Wrong {
    fn refusal(self) -> Refusal {
        Refusal::Tampered {
            line: self.line,
            seq: self.seq,
            reason: self.reason,
        }
    }
}

/// Lines of bounded length.
struct Source<R> {
    reader: R,
    /// The line that was read last.
    line: Vec<u8>,
    number: u64,
}

impl<R: BufRead> Source<R> {
    /// Moves to the next line; false at the end. The line keeps its line feed, and lacks one when
    /// it is too long or the file breaks off.
    fn advance(&mut self) -> io::Result<bool> {
        self.line.clear();
        let limit = u64::try_from(MAX_LINE).unwrap_or(u64::MAX);
        self.reader
            .by_ref()
            .take(limit)
            .read_until(b'\n', &mut self.line)?;
        let there = !self.line.is_empty();
        self.number = self.number.saturating_add(u64::from(there));
        Ok(there)
    }

    /// Whether the file, whose rest is read for it, ends with the trailer of a complete export.
    fn ends_complete(&mut self) -> bool {
        loop {
            let complete = whole(&self.line).is_ok_and(trailer::is_complete);
            if !matches!(self.advance(), Ok(true)) {
                return complete;
            }
        }
    }
}

/// Out-of-order numbers are wrong in a complete export and usual in a partial one. Which one it
/// is stands in the last line, so the first gap is remembered until then.
struct Gap {
    line: u64,
    found: u64,
}

/// Where reading ended.
enum End {
    /// At the end of the file, without a trailer.
    Cut,
    /// Because the file cannot be read.
    Failed(io::Error),
    /// At a first line that is of another kind of file.
    Foreign,
    /// At the line of a trailer.
    Trailer,
}

struct Walk<R> {
    source: Source<R>,
    end: End,
    /// The line that was taken last, counted from 1.
    number: u64,
    listed: Range,
    order: Order,
    gap: Option<Gap>,
    first_at: Option<String>,
    commitments: u64,
    opened: u64,
}

impl<R: BufRead> Work for Walk<R> {
    type Look = Eyes;
    type Stop = Wrong;

    fn look(&self) -> Eyes {
        Eyes::default()
    }

    fn fill(&mut self, lines: &mut Lines) -> bool {
        while !lines.is_full() {
            self.end = match self.source.advance() {
                Ok(false) => End::Cut,
                Err(error) => End::Failed(error),
                Ok(true) if self.source.number == 1 && !looks_like_ours(&self.source.line) => {
                    End::Foreign
                }
                Ok(true) if self.source.line.starts_with(trailer::BEGIN.as_bytes()) => End::Trailer,
                Ok(true) => {
                    lines.push(&self.source.line);
                    continue;
                }
            };
            return false;
        }
        true
    }

    fn take(&mut self, _: &[u8], found: Result<Facts, Odd>) -> Result<(), Wrong> {
        self.number += 1;
        let line = self.number;
        let wrong = |(seq, reason)| Wrong { line, seq, reason };
        let mut facts = found.map_err(wrong)?;
        let odd = |reason| wrong((Some(facts.seq), reason));
        self.order(&facts).map_err(odd)?;
        let content = self.order.content(&mut facts, false);
        content.map_err(|reason| wrong((Some(facts.seq), reason)))?;
        self.commitments += facts.commitments;
        self.opened += facts.opened;
        self.listed.push(facts.leaf);
        Ok(())
    }
}

impl<R: BufRead> Walk<R> {
    /// What reading ended with, after every line before it was found good.
    fn ended(&mut self) -> Result<Report, Stop> {
        match &self.end {
            End::Trailer => {}
            End::Cut => return Err(self.no_trailer()),
            End::Failed(error) => {
                return Err(Stop::Unreadable(format!(
                    "the file cannot be read: {error}"
                )));
            }
            End::Foreign => {
                let what = "this is not an export of a Countersign ledger in JSON lines";
                return Err(Stop::Unreadable(what.to_owned()));
            }
        }
        let wrong = |line, reason| Wrong {
            line,
            seq: None,
            reason,
        };
        let number = self.source.number;
        let line = std::mem::take(&mut self.source.line);
        let line = whole(&line).map_err(|reason| Stop::Early(wrong(number, reason)))?;
        let trailer = self.last_line(number, line).map_err(Stop::Final)?;
        let followed = self
            .source
            .advance()
            .map_err(|error| Stop::Unreadable(format!("the file cannot be read: {error}")))?;
        if followed {
            let reason = "something follows the trailer, which is the last line".to_owned();
            return Err(Stop::Final(wrong(self.source.number, reason)));
        }
        Ok(self.report(trailer))
    }

    fn no_trailer(&self) -> Stop {
        if self.number == 0 {
            return Stop::Unreadable("the file is empty".to_owned());
        }
        let reason = "the trailer with size and root is missing: the file was cut off".to_owned();
        Stop::Final(Wrong {
            line: self.number.saturating_add(1),
            seq: None,
            reason,
        })
    }

    /// Checks the trailer, and with it what only the trailer can tell about the lines before.
    fn last_line(&self, number: u64, line: &str) -> Result<Trailer, Wrong> {
        let wrong = |reason| Wrong {
            line: number,
            seq: None,
            reason,
        };
        let trailer = trailer::read(line, self.listed.root()).map_err(wrong)?;
        if let (Coverage::Complete, Some(gap)) = (&trailer.coverage, &self.gap) {
            return Err(gap.wrong());
        }
        self.totals(&trailer).map_err(wrong)?;
        Ok(trailer)
    }

    /// Numbers rise, and no entry is dated before its predecessor.
    fn order(&mut self, facts: &Facts) -> Result<(), String> {
        let seq = facts.seq;
        if let Some(last) = self.order.last.filter(|last| seq <= *last) {
            return Err(format!(
                "entry {seq} follows entry {last}: a line was moved or repeated"
            ));
        }
        if self.gap.is_none() && seq.checked_add(1) != Some(self.number) {
            self.gap = Some(Gap {
                line: self.number,
                found: seq,
            });
        }
        self.order.time(facts)?;
        if self.first_at.is_none() {
            self.first_at = Some(facts.at());
        }
        Ok(())
    }

    /// Holds size, count and root of the trailer against the lines before it.
    fn totals(&self, trailer: &Trailer) -> Result<(), String> {
        let (count, size) = (self.listed.size(), trailer.size);
        match &trailer.coverage {
            Coverage::Complete if count != size => Err(format!(
                "the trailer says that the ledger has {size} entries, but the file holds {count}"
            )),
            Coverage::Complete if self.listed.root() != trailer.root => Err(
                "every line agrees with itself, but together they do not give the root that \
                     the trailer states: an entry was changed together with its leaf hash, or the \
                     root was"
                    .to_owned(),
            ),
            Coverage::Partial { count: stated, .. } if *stated != count => Err(format!(
                "the trailer says that the file holds {stated} entries, but it holds {count}"
            )),
            Coverage::Partial { .. } if self.order.last >= Some(size) => Err(format!(
                "the trailer says that the ledger has {size} entries, but a later one is listed"
            )),
            _ => Ok(()),
        }
    }

    fn report(&mut self, trailer: Trailer) -> Report {
        let filter = match trailer.coverage {
            Coverage::Complete => None,
            Coverage::Partial { filter, .. } => Some(filter),
        };
        Report {
            complete: filter.is_none(),
            count: self.listed.size(),
            size: trailer.size,
            root: trailer.root,
            histories: self.order.histories.told(),
            filter,
            first_at: self.first_at.take(),
            last_at: self.order.last_at(),
            commitments: self.commitments,
            opened: self.opened,
        }
    }

    /// In a complete export the place of a line says which entry belongs there, and a gap before
    /// the line at hand came first; the last line of the file tells whether it is complete.
    fn first_wrong(&mut self, mut wrong: Wrong) -> Wrong {
        if self.source.ends_complete() {
            wrong.seq = wrong.line.checked_sub(1);
            if let Some(gap) = self.gap.as_ref().filter(|gap| gap.line < wrong.line) {
                wrong = gap.wrong();
            }
        }
        wrong
    }
}

impl Gap {
    fn wrong(&self) -> Wrong {
        let expected = self.line.saturating_sub(1);
        let found = self.found;
        let reason = format!(
            "entry {found} stands where entry {expected} belongs: lines were removed or moved"
        );
        Wrong {
            line: self.line,
            seq: Some(expected),
            reason,
        }
    }
}

/// A file whose first line shares nothing with an export is taken for another kind of file; one
/// flipped byte cannot remove all these marks.
fn looks_like_ours(line: &[u8]) -> bool {
    let marks = [
        "{\"entry\":\"{",
        "\",\"leaf_hash\":\"",
        "{\"format\":\"countersign-",
        "\"root\":\"",
    ];
    let holds = |mark: &&str| line.windows(mark.len()).any(|part| part == mark.as_bytes());
    marks.iter().any(holds)
}

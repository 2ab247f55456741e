//! What an author should know about a policy whose document is in order: cells that no rule
//! answers, rules that speak of the same cell, contradict each other, never count or are over.

use super::answer::Place;
use super::{Index, Rule, Verdict};
use jiff::civil::Date;
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// Cells that are looked at.
const MOST_CELLS: usize = 300_000;
/// Cells that are named for one finding.
const MOST_NAMED: usize = 200;

/// A place of the matrix.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Cell {
    /// Key of the tool; nothing for one that is not listed.
    pub tool: Option<String>,
    /// Key of the mode, where the tool has some.
    pub mode: Option<String>,
    /// Key of the class.
    pub class: String,
    /// Key of the purpose; nothing where it is not said.
    pub purpose: Option<String>,
}

/// Rules that name equally much and say different things: the strictest counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Contradiction {
    /// Keys of the rules.
    pub rules: Vec<String>,
    /// What counts.
    pub verdict: Verdict,
    /// Where, the first of them.
    pub cells: Vec<Cell>,
    /// How many.
    pub count: usize,
}

/// Rules of which one names more and so counts before the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Overlap {
    /// The rule that counts.
    pub counts: String,
    /// The rule that does not.
    pub yields: String,
    /// Whether the one that counts is the milder.
    pub loosens: bool,
    /// How many cells.
    pub count: usize,
}

/// A rule that never counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Idle {
    /// Its key.
    pub rule: String,
    /// Rules that count instead.
    pub behind: Vec<String>,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Findings {
    /// Cells that no rule answers, the first of them.
    pub gaps: Vec<Cell>,
    /// How many.
    pub gap_count: usize,
    /// Rules that contradict each other.
    pub contradictions: Vec<Contradiction>,
    /// Rules that speak of the same cells and differ.
    pub overlaps: Vec<Overlap>,
    /// Rules that never count.
    pub idle: Vec<Idle>,
    /// Rules that are over.
    pub expired: Vec<String>,
    /// Rules that begin later.
    pub not_yet: Vec<String>,
    /// How many cells were looked at.
    pub cells: usize,
    /// Whether these are all.
    pub complete: bool,
}

impl Findings {
    /// How many things an author should look at.
    pub fn count(&self) -> usize {
        self.gap_count + self.contradictions.len() + self.idle.len() + self.expired.len()
    }
}

/// Looks at every cell as of a day.
pub fn lint(index: &Index, today: Date) -> Findings {
    let rules = &index.policy().rules;
    let over = |rule: &&Rule| rule.valid_until.is_some_and(|until| until < today);
    let later = |rule: &&Rule| rule.valid_from.is_some_and(|from| today < from);
    let key = |rule: &Rule| rule.key.clone();
    let mut look = Look {
        index,
        today,
        found: Findings {
            expired: rules.iter().filter(over).map(key).collect(),
            not_yet: rules.iter().filter(later).map(key).collect(),
            complete: true,
            ..Findings::default()
        },
        contradictions: BTreeMap::new(),
        overlaps: BTreeMap::new(),
        counting: BTreeSet::new(),
        behind: BTreeMap::new(),
    };
    look.everywhere();
    look.told()
}

struct Look<'a> {
    index: &'a Index,
    today: Date,
    found: Findings,
    contradictions: BTreeMap<Vec<usize>, (Vec<Cell>, usize)>,
    overlaps: BTreeMap<(usize, usize), usize>,
    counting: BTreeSet<usize>,
    behind: BTreeMap<usize, BTreeSet<usize>>,
}

impl Look<'_> {
    fn everywhere(&mut self) {
        let policy = self.index.policy();
        let named: BTreeSet<&String> = policy
            .rules
            .iter()
            .filter_map(|rule| rule.purposes.keys())
            .flatten()
            .collect();
        let purposes = policy.purposes.iter().zip(0..);
        let purposes = purposes.filter(|(purpose, _)| named.contains(&purpose.key));
        let purposes: Vec<(Option<&str>, Option<u32>)> = std::iter::once((None, None))
            .chain(purposes.map(|(purpose, number)| (Some(purpose.key.as_str()), Some(number))))
            .collect();
        let tools = policy
            .tools
            .iter()
            .zip(0..)
            .map(|(tool, number)| (Some(tool), Some(number)));
        for (tool, number) in tools.chain([(None, None)]) {
            let modes = tool.map(|tool| tool.modes.as_slice()).unwrap_or_default();
            let mut modes: Vec<Option<&str>> =
                modes.iter().map(|mode| Some(mode.key.as_str())).collect();
            if modes.is_empty() {
                modes.push(None);
            }
            for mode in modes {
                for (class, class_number) in policy.classes.iter().zip(0..) {
                    for (purpose, purpose_number) in &purposes {
                        if self.found.cells >= MOST_CELLS {
                            self.found.complete = false;
                            return;
                        }
                        self.found.cells += 1;
                        let place = Place {
                            tool: number,
                            mode: mode.and_then(|key| self.index.mode_number(key)),
                            class: class_number,
                            purpose: *purpose_number,
                        };
                        let cell = || Cell {
                            tool: tool.map(|tool| tool.key.clone()),
                            mode: mode.map(str::to_owned),
                            class: class.key.clone(),
                            purpose: purpose.map(str::to_owned),
                        };
                        self.at(place, &cell);
                    }
                }
            }
        }
    }

    fn rule(&self, number: usize) -> Option<&Rule> {
        self.index.policy().rules.get(number)
    }

    /// How a rule is ranked: what it names, then how strict it is.
    fn rank(&self, number: usize) -> (u8, Option<Verdict>) {
        let rule = self.rule(number);
        (
            rule.map_or(0, Rule::specificity),
            rule.map(|rule| rule.verdict),
        )
    }

    fn at(&mut self, place: Place, cell: &dyn Fn() -> Cell) {
        let mut speaking = self.index.speaking(place);
        speaking.sort_by_key(|number| (Reverse(self.rank(*number)), *number));
        self.count(&speaking, place.tool.is_none());
        let today = self.today;
        speaking.retain(|number| self.rule(*number).is_some_and(|rule| rule.is_valid(today)));
        let Some(first) = speaking.first().copied() else {
            if place.tool.is_some() && place.purpose.is_none() {
                self.found.gap_count += 1;
                if self.found.gaps.len() < MOST_NAMED {
                    self.found.gaps.push(cell());
                }
            }
            return;
        };
        let (best, verdict) = self.rank(first);
        let (equal, lower): (Vec<usize>, Vec<usize>) = speaking
            .iter()
            .partition(|number| self.rank(**number).0 == best);
        if equal.iter().any(|number| self.rank(*number).1 != verdict) {
            let (cells, count) = self.contradictions.entry(equal).or_default();
            *count += 1;
            if cells.len() < MOST_NAMED {
                cells.push(cell());
            }
        }
        let lower = lower
            .into_iter()
            .filter(|number| self.rank(*number).1 != verdict);
        for yields in lower.collect::<Vec<_>>() {
            *self.overlaps.entry((first, yields)).or_default() += 1;
        }
    }

    /// Notes which of the rules, ranked, can count here on some day.
    fn count(&mut self, ranked: &[usize], is_unlisted: bool) {
        for (at, number) in ranked.iter().enumerate() {
            let Some(rule) = self.rule(*number) else {
                continue;
            };
            let rank = self.rank(*number);
            let before = ranked.iter().take(at).copied();
            let hides = |other: &usize| {
                let covers = self.rule(*other).is_some_and(|other| covers(other, rule));
                covers && self.rank(*other) > rank
            };
            let hidden = before.into_iter().find(hides);
            match hidden {
                Some(other) => {
                    self.behind.entry(*number).or_default().insert(other);
                }
                // What is not listed is never allowed by a rule.
                None if is_unlisted && rule.verdict.permits() => {}
                None => {
                    self.counting.insert(*number);
                }
            }
        }
    }

    fn told(mut self) -> Findings {
        let key = |number: usize| self.rule(number).map(|rule| rule.key.clone());
        let keys = |numbers: &mut dyn Iterator<Item = usize>| -> Vec<String> {
            numbers.filter_map(key).collect()
        };
        let contradictions = self.contradictions.iter().map(|(rules, (cells, count))| {
            let strictest = rules.iter().filter_map(|number| self.rank(*number).1).max();
            Contradiction {
                rules: keys(&mut rules.iter().copied()),
                verdict: strictest.unwrap_or(Verdict::NotDecided),
                cells: cells.clone(),
                count: *count,
            }
        });
        let overlaps = self
            .overlaps
            .iter()
            .map(|((counts, yields), count)| Overlap {
                counts: key(*counts).unwrap_or_default(),
                yields: key(*yields).unwrap_or_default(),
                loosens: self.rank(*counts).1 < self.rank(*yields).1,
                count: *count,
            });
        let all = 0..self.index.policy().rules.len();
        let idle = all
            .filter(|number| !self.counting.contains(number))
            .map(|number| Idle {
                rule: key(number).unwrap_or_default(),
                behind: self
                    .behind
                    .get(&number)
                    .map(|others| keys(&mut others.iter().copied().take(5)))
                    .unwrap_or_default(),
            });
        let (contradictions, overlaps) = (contradictions.collect(), overlaps.collect());
        // Of a policy that was looked at in part nobody can say that a rule never counts.
        let idle = if self.found.complete {
            idle.collect()
        } else {
            Vec::new()
        };
        self.found.contradictions = contradictions;
        self.found.overlaps = overlaps;
        self.found.idle = idle;
        self.found
    }
}

/// Whether a rule counts on every day on which the other does.
fn covers(rule: &Rule, other: &Rule) -> bool {
    let from = match (rule.valid_from, other.valid_from) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(a), Some(b)) => a <= b,
    };
    let until = match (rule.valid_until, other.valid_until) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(a), Some(b)) => b <= a,
    };
    from && until
}

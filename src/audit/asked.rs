//! What an auditor asks for, from the texts of a form, an address or a program.
use crate::audit::exam::Population;
use crate::audit::exam::sample::Drawing;
use crate::db::At;
use crate::form::FieldError;
use crate::ledger::Scope;
use crate::ledger::api::time;
use crate::review::words::typed;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Most items of a sample.
pub const SAMPLE_MAX: usize = 500;
/// Most characters of a seed.
const SEED_MAX: usize = 64;
/// Most characters of a unit.
const UNIT_MAX: usize = 200;

/// As it was written; what is empty is not asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// `decisions`, `reviews` or `overrides`.
    pub population: String,
    /// First day or moment.
    pub from: String,
    /// Last day, or the moment before which.
    pub to: String,
    /// Business unit, as records name it.
    pub unit: String,
    /// `random` or `risk`.
    pub drawing: String,
    /// The seed.
    pub seed: String,
    /// Items of the sample.
    pub count: String,
    /// How many entries of the ledger are looked at.
    pub size: String,
    /// What the papers are taken away as: `csv` or `print`.
    #[serde(skip_serializing)]
    pub format: String,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Wanted {
    /// What is examined.
    pub population: Population,
    /// Not before.
    pub from: Option<At>,
    /// Before.
    pub to: Option<At>,
    /// The business unit.
    pub unit: Option<String>,
    /// How the sample is drawn.
    pub drawing: Drawing,
    /// Its seed.
    pub seed: String,
    /// How many items it has at most.
    pub count: usize,
    /// How many entries are looked at; all when nothing stands here.
    pub size: Option<u64>,
    /// How far whoever asks may read.
    #[serde(skip_serializing_if = "Scope::is_all")]
    pub scope: Scope,
}

impl Asked {
    /// Reads it, for somebody who may read as far as `scope`.
    ///
    /// # Errors
    /// Every field that is wrong or leaves the scope, each with what would be right.
    pub fn read(&self, scope: &Scope) -> Result<Wanted, Vec<FieldError>> {
        let mut wrong = Vec::new();
        let wanted = Wanted {
            population: self.population(&mut wrong),
            from: moment("from", &self.from, 0, &mut wrong),
            to: moment("to", &self.to, 1, &mut wrong),
            unit: self.unit(&mut wrong),
            drawing: self.drawing(&mut wrong),
            seed: self.seed(&mut wrong),
            count: self.count(&mut wrong),
            size: self.size(&mut wrong),
            scope: scope.clone(),
        };
        wanted.leave(scope, &mut wrong);
        if let (Some(from), Some(to)) = (wanted.from, wanted.to)
            && to <= from
        {
            wrong.push(error("to", "The end lies before the beginning."));
        }
        match wrong.is_empty() {
            true => Ok(wanted),
            false => Err(wrong),
        }
    }

    fn population(&self, wrong: &mut Vec<FieldError>) -> Population {
        let said = self.population.trim();
        let mut all = Population::ALL.into_iter();
        let found = all.find(|population| population.as_str() == said);
        if found.is_none() && !said.is_empty() {
            let message = "Choose decisions, reviews or overrides.";
            wrong.push(error("population", message));
        }
        found.unwrap_or(Population::Decisions)
    }

    fn drawing(&self, wrong: &mut Vec<FieldError>) -> Drawing {
        match self.drawing.trim() {
            "" | "random" => Drawing::Random,
            "risk" => Drawing::Risk,
            _ => {
                wrong.push(error("drawing", "Choose random or risk."));
                Drawing::Random
            }
        }
    }

    fn unit(&self, wrong: &mut Vec<FieldError>) -> Option<String> {
        let unit = typed(self.unit.trim());
        if unit.chars().count() > UNIT_MAX {
            let message = format!("Write the unit in at most {UNIT_MAX} characters.");
            wrong.push(error("unit", &message));
        }
        Some(unit).filter(|unit| !unit.is_empty())
    }

    /// A seed goes into an entry as it is: plain characters, so that every program reads the same.
    fn seed(&self, wrong: &mut Vec<FieldError>) -> String {
        let seed = self.seed.trim();
        let plain = |c: char| c.is_ascii_alphanumeric() || ".:_-".contains(c);
        if seed.is_empty() {
            let message = "Write a seed without spaces, such as engagement-2027-04.";
            wrong.push(error("seed", message));
        } else if seed.len() > SEED_MAX || !seed.chars().all(plain) {
            let message =
                format!("Write the seed in at most {SEED_MAX} letters a to z, digits and . : _ -");
            wrong.push(error("seed", &message));
        }
        seed.to_owned()
    }

    fn count(&self, wrong: &mut Vec<FieldError>) -> usize {
        let said = self.count.trim();
        let count = said.parse().ok();
        let count = count.filter(|count| (1..=SAMPLE_MAX).contains(count));
        count.unwrap_or_else(|| {
            let message = format!("Write how many items, from 1 to {SAMPLE_MAX}.");
            wrong.push(error("count", &message));
            1
        })
    }

    fn size(&self, wrong: &mut Vec<FieldError>) -> Option<u64> {
        let said = self.size.trim();
        if said.is_empty() {
            return None;
        }
        let size = said.parse().ok().filter(|size| *size > 0);
        if size.is_none() {
            let message = "Write how many entries of the ledger to look at, or leave it empty.";
            wrong.push(error("size", message));
        }
        size
    }
}

impl Wanted {
    /// Complains of what is asked for by name and lies outside of the scope. What is not asked for
    /// by name is narrowed without a word: the papers state the scope.
    fn leave(&self, scope: &Scope, wrong: &mut Vec<FieldError>) {
        let outside = || format!("Your appointment covers {}.", scope.words());
        let before = scope.from.is_some() && self.from.is_some_and(|from| Some(from) < scope.from);
        let after = scope
            .before
            .is_some_and(|end| self.to.is_some_and(|to| to > end));
        let unit = self.unit.as_ref();
        let other = unit.is_some_and(|unit| !scope.units.is_empty() && !scope.units.contains(unit));
        for (field, is_outside) in [("from", before), ("to", after), ("unit", other)] {
            if is_outside {
                wrong.push(error(field, &outside()));
            }
        }
    }

    /// The filter and the sample as an entry says them; the unit is not among them.
    pub fn words(&self) -> Map<String, Value> {
        let mut words = Map::new();
        let mut put = |name: &str, value: Value| drop(words.insert(name.to_owned(), value));
        put("population", self.population.as_str().into());
        for (name, at) in [("from", self.from), ("to", self.to)] {
            if let Some(at) = at {
                put(name, at.to_string().into());
            }
        }
        put("by_unit", self.unit.is_some().into());
        put("scoped", (!self.scope.is_all()).into());
        put("drawing", self.drawing.as_str().into());
        put("seed", self.seed.as_str().into());
        put("count", self.count.into());
        words
    }
}

fn moment(name: &str, text: &str, days: i64, wrong: &mut Vec<FieldError>) -> Option<At> {
    if text.trim().is_empty() {
        return None;
    }
    let read = time(name, text, days).ok();
    if read.is_none() {
        let message = "Write a day as 2027-01-31, or a time as 2027-01-31T09:00:00Z.";
        wrong.push(error(name, message));
    }
    read
}

/// What is wrong with a field.
pub(super) fn error(field: &str, message: &str) -> FieldError {
    FieldError {
        field: field.to_owned(),
        pointer: format!("/{field}"),
        rule: "other",
        message: message.to_owned(),
    }
}

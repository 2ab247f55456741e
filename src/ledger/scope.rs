//! How far somebody may read: the whole log, or what concerns some business units and happened in
//! some time.
use crate::db::At;
use crate::ledger::Filter;
use serde::Serialize;

/// How far a reader may read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Scope {
    /// Only what concerns records of these business units; everything when empty.
    pub units: Vec<String>,
    /// Not before.
    pub from: Option<At>,
    /// Before.
    pub before: Option<At>,
}

impl Scope {
    /// Whether nothing is left out.
    pub fn is_all(&self) -> bool {
        *self == Scope::default()
    }

    /// Whether it reaches an instant.
    pub fn reaches(&self, at: At) -> bool {
        self.from.is_none_or(|from| from <= at) && self.before.is_none_or(|before| at < before)
    }

    /// What a filter shows to this reader: what is within both.
    pub fn narrow(&self, filter: Filter) -> Filter {
        Filter {
            from: self.from.max(filter.from),
            to: match (self.before, filter.to) {
                (Some(ours), Some(theirs)) => Some(ours.min(theirs)),
                (ours, theirs) => ours.or(theirs),
            },
            units: self.units.clone(),
            ..filter
        }
    }

    /// In words, after "covers": what a refusal and a page say.
    pub fn words(&self) -> String {
        let units = match self.units.as_slice() {
            [] => String::new(),
            units => format!(" of {}", units.join(", ")),
        };
        let time = match (self.from, self.before) {
            (None, None) => String::new(),
            (Some(from), None) => format!(" from {from} on"),
            (None, Some(before)) => format!(" before {before}"),
            (Some(from), Some(before)) => format!(" from {from} and before {before}"),
        };
        format!("what concerns records{units}{time}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: &str) -> At {
        At::parse(&format!("{day}T00:00:00Z")).expect("a day")
    }

    #[test]
    fn whatever_a_reader_asks_for_the_scope_is_never_left() {
        let scope = Scope {
            units: vec!["Claims".to_owned()],
            from: Some(at("2027-01-01")),
            before: Some(at("2027-02-01")),
        };
        let wide = Filter {
            from: Some(at("2026-01-01")),
            to: Some(at("2028-01-01")),
            ..Filter::default()
        };
        for asked in [Filter::default(), wide] {
            let shown = scope.narrow(asked);
            assert_eq!((shown.from, shown.to), (scope.from, scope.before));
            assert_eq!(shown.units, ["Claims"]);
        }
        let within = Filter {
            from: Some(at("2027-01-10")),
            to: Some(at("2027-01-20")),
            ..Filter::default()
        };
        let shown = scope.narrow(within.clone());
        assert_eq!((shown.from, shown.to), (within.from, within.to));
        assert!(scope.reaches(at("2027-01-01")) && !scope.reaches(at("2027-02-01")));
        assert_eq!(Scope::default().narrow(within.clone()), within);
    }
}

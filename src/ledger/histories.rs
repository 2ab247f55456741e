//! Whether the entries of a record are all there: each carries the number it has among them.

use std::collections::HashMap;

/// Most records that are followed at once; what is beyond is not told of.
const RECORDS_MAX: usize = 200_000;

#[derive(Debug, Clone, Copy)]
struct Seen {
    last: u64,
    count: u64,
}

/// The numbers that were met, by record.
#[derive(Debug, Default)]
pub struct Histories {
    seen: HashMap<Box<str>, Seen>,
    beyond: bool,
}

/// What the numbers tell.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Told {
    /// Records whose entries are there from the first on without a gap.
    pub complete: u64,
    /// Records of which entries are left out.
    pub with_gaps: u64,
    /// Whether there were more records than are followed.
    pub more: bool,
}

/// An entry's place in the history of its record.
#[derive(Debug)]
pub struct Step {
    record: Box<str>,
    number: u64,
}

impl Step {
    /// What the subject of an entry says of its record and number, as both stand in its text.
    ///
    /// # Errors
    ///
    /// When it names a record and no number.
    pub fn read(record: Option<&str>, number: Option<&str>) -> Result<Option<Step>, String> {
        let bare = record.and_then(|text| text.strip_prefix('"')?.strip_suffix('"'));
        let Some(record) = bare else {
            return Ok(None);
        };
        match number.and_then(|digits| digits.parse().ok()) {
            None | Some(0) => Err("it does not say which entry of its record it is".to_owned()),
            Some(number) => Ok(Some(Step {
                record: record.into(),
                number,
            })),
        }
    }
}

impl Histories {
    /// Takes the next step. `whole` says that every entry of the log is taken.
    ///
    /// # Errors
    ///
    /// What is wrong with its number.
    pub fn take(&mut self, step: Step, whole: bool) -> Result<(), String> {
        let Step { record, number } = step;
        if !self.seen.contains_key(&record) && self.seen.len() >= RECORDS_MAX {
            self.beyond = true;
            return Ok(());
        }
        let nothing = Seen { last: 0, count: 0 };
        let seen = self.seen.entry(record).or_insert(nothing);
        let next = seen.last + 1;
        if number < next || (whole && number > next) {
            return Err(format!(
                "it is number {number} of its record, where number {next} belongs"
            ));
        }
        seen.last = number;
        seen.count += 1;
        Ok(())
    }

    /// What they told.
    pub fn told(&self) -> Told {
        let whole = |seen: &&Seen| seen.last == seen.count;
        let complete = self.seen.values().filter(whole).count();
        Told {
            complete: u64::try_from(complete).unwrap_or(u64::MAX),
            with_gaps: u64::try_from(self.seen.len() - complete).unwrap_or(u64::MAX),
            more: self.beyond,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(record: &str, number: u64) -> Step {
        let (record, number) = (format!("{record:?}"), number.to_string());
        Step::read(Some(&record), Some(&number)).unwrap().unwrap()
    }

    #[test]
    fn a_record_without_a_gap_is_told_from_one_with_a_gap() {
        let mut histories = Histories::default();
        for (record, number) in [("a", 1), ("b", 1), ("a", 2), ("b", 3), ("a", 3)] {
            histories.take(step(record, number), false).unwrap();
        }
        let told = histories.told();
        assert_eq!((told.complete, told.with_gaps, told.more), (1, 1, false));
    }

    #[test]
    fn a_whole_log_has_no_gap_and_no_number_comes_twice() {
        let mut histories = Histories::default();
        let mut take = |number, whole| histories.take(step("a", number), whole);
        assert!(take(1, true).is_ok());
        assert!(take(1, false).unwrap_err().contains("number 1"));
        assert!(
            take(3, true)
                .unwrap_err()
                .contains("where number 2 belongs")
        );
    }

    #[test]
    fn who_names_a_record_says_which_of_its_entries_it_is() {
        assert!(Step::read(None, Some("1")).unwrap().is_none());
        for number in [None, Some("0"), Some("-1"), Some("\"1\"")] {
            assert!(Step::read(Some("\"a\""), number).is_err(), "{number:?}");
        }
    }
}

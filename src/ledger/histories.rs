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
    seen: HashMap<String, Seen>,
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

impl Histories {
    /// Takes the subject of an entry as it stands in its text. `whole` says that every entry of
    /// the log is taken.
    ///
    /// # Errors
    ///
    /// What is wrong with the number.
    pub fn take(&mut self, subject: Option<&str>, whole: bool) -> Result<(), String> {
        let Some(subject) = subject else {
            return Ok(());
        };
        let Some(record) = member(subject, "\"record\":\"").and_then(|t| t.split('"').next())
        else {
            return Ok(());
        };
        let digits = member(subject, "\"record_seq\":").unwrap_or("");
        let digits = digits.split(|c: char| !c.is_ascii_digit()).next();
        let number: u64 = digits.and_then(|text| text.parse().ok()).unwrap_or(0);
        if number == 0 {
            return Err("it does not say which entry of its record it is".to_owned());
        }
        if !self.seen.contains_key(record) && self.seen.len() >= RECORDS_MAX {
            self.beyond = true;
            return Ok(());
        }
        let nothing = Seen { last: 0, count: 0 };
        let seen = self.seen.entry(record.to_owned()).or_insert(nothing);
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

/// What follows a key. Strings in entries hold no quotation marks, so nothing else looks like one.
fn member<'a>(subject: &'a str, key: &str) -> Option<&'a str> {
    let at = subject.find(key)?;
    subject.get(at.checked_add(key.len())?..)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(record: &str, number: u64) -> String {
        format!(r#"{{"record":"{record}","record_seq":{number},"reference":"AI-1"}}"#)
    }

    #[test]
    fn a_record_without_a_gap_is_told_from_one_with_a_gap() {
        let mut histories = Histories::default();
        for (record, number) in [("a", 1), ("b", 1), ("a", 2), ("b", 3), ("a", 3)] {
            histories
                .take(Some(&subject(record, number)), false)
                .unwrap();
        }
        histories.take(None, false).unwrap();
        histories.take(Some(r#"{"person":"x"}"#), false).unwrap();
        let told = histories.told();
        assert_eq!((told.complete, told.with_gaps, told.more), (1, 1, false));
    }

    #[test]
    fn a_whole_log_has_no_gap_and_no_number_comes_twice() {
        let mut histories = Histories::default();
        let mut take = |number, whole| histories.take(Some(&subject("a", number)), whole);
        assert!(take(1, true).is_ok());
        assert!(take(1, false).unwrap_err().contains("number 1"));
        assert!(
            take(3, true)
                .unwrap_err()
                .contains("where number 2 belongs")
        );
        let bare = Some(r#"{"record":"a"}"#);
        assert!(histories.take(bare, false).is_err());
    }
}

//! A length of time as a workflow states it, and its text.

use jiff::civil::{DateTime, date};
use jiff::fmt::friendly::{Designator, Spacing, SpanPrinter};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The longest span, in years.
const YEARS: i16 = 10;
/// The same in days.
const DAYS: u32 = 3653;
/// The day from which a period is measured to see whether it is too long.
const MEASURE: DateTime = date(2000, 1, 1).at(0, 0, 0, 0);

/// A length of time. Written `3 business days`, `4 business hours`, or as an ISO 8601 period such
/// as `P10D` or `PT4H`; as text it is at least a second and at most ten years.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Span {
    /// So many working days on, at the same time of day.
    BusinessDays(u32),
    /// So many hours of working time.
    BusinessHours(u32),
    /// Years to days by the calendar on the wall, hours to seconds as they pass.
    Period(jiff::Span),
}

/// Why a text is no [`Span`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SpanFault(String);

impl Span {
    /// As people read it: `3 business days`, `10 days`.
    pub fn words(&self) -> String {
        match self {
            Span::Period(period) => SpanPrinter::new()
                .designator(Designator::Verbose)
                .spacing(Spacing::BetweenUnitsAndDesignators)
                .comma_after_designator(true)
                .span_to_string(period),
            other => other.to_string(),
        }
    }
}

impl PartialEq for Span {
    /// Whether both say the same in the same units: `P7D` is not `P1W`.
    fn eq(&self, other: &Span) -> bool {
        match (self, other) {
            (Span::BusinessDays(one), Span::BusinessDays(two)) => one == two,
            (Span::BusinessHours(one), Span::BusinessHours(two)) => one == two,
            (Span::Period(one), Span::Period(two)) => one.fieldwise() == two.fieldwise(),
            _ => false,
        }
    }
}

impl Eq for Span {}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Span::BusinessDays(1) => f.write_str("1 business day"),
            Span::BusinessDays(days) => write!(f, "{days} business days"),
            Span::BusinessHours(1) => f.write_str("1 business hour"),
            Span::BusinessHours(hours) => write!(f, "{hours} business hours"),
            Span::Period(period) => write!(f, "{period}"),
        }
    }
}

impl From<Span> for String {
    fn from(span: Span) -> String {
        span.to_string()
    }
}

impl TryFrom<String> for Span {
    type Error = SpanFault;
    fn try_from(text: String) -> Result<Span, SpanFault> {
        text.parse()
    }
}

impl FromStr for Span {
    type Err = SpanFault;
    fn from_str(text: &str) -> Result<Span, SpanFault> {
        let words: Vec<&str> = text.split(' ').collect();
        match words.as_slice() {
            [count, "business", "day" | "days"] => {
                within(text, number(text, count)?, DAYS).map(Span::BusinessDays)
            }
            [count, "business", "hour" | "hours"] => {
                within(text, number(text, count)?, DAYS * 24).map(Span::BusinessHours)
            }
            [period] if period.starts_with('P') => read_period(period),
            _ => Err(unreadable(text)),
        }
    }
}

fn unreadable(text: &str) -> SpanFault {
    let shown: String = text.chars().take(40).collect();
    SpanFault(format!(
        "“{shown}” is no length of time: write `3 business days`, `4 business hours`, or an ISO \
         8601 period such as `P10D` or `PT4H`"
    ))
}

fn number(text: &str, digits: &str) -> Result<u32, SpanFault> {
    let plain = (1..=9).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    let number = plain.then(|| digits.parse().ok()).flatten();
    number.ok_or_else(|| unreadable(text))
}

fn within(text: &str, count: u32, most: u32) -> Result<u32, SpanFault> {
    match count {
        0 => Err(SpanFault(format!("“{text}” is no time at all"))),
        count if count > most => Err(SpanFault(format!(
            "“{text}” is too long: at most {most} fit, which is {YEARS} years"
        ))),
        count => Ok(count),
    }
}

fn read_period(text: &str) -> Result<Span, SpanFault> {
    let period: jiff::Span = text.parse().map_err(|_| unreadable(text))?;
    let too_long = || SpanFault(format!("“{text}” is too long: at most {YEARS} years fit"));
    let end = MEASURE.checked_add(period).map_err(|_| too_long())?;
    let latest = date(MEASURE.year() + YEARS, 1, 1).at(0, 0, 0, 0);
    if end > latest {
        return Err(too_long());
    }
    if end < MEASURE.saturating_add(jiff::Span::new().seconds(1)) {
        return Err(SpanFault(format!("“{text}” is no time at all")));
    }
    Ok(Span::Period(period))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_written_in_words_or_as_a_period_and_comes_back_the_same() {
        for (text, span) in [
            ("1 business day", Span::BusinessDays(1)),
            ("3 business days", Span::BusinessDays(3)),
            ("1 business hour", Span::BusinessHours(1)),
            ("40 business hours", Span::BusinessHours(40)),
            ("P10D", Span::Period(jiff::Span::new().days(10))),
            ("PT4H", Span::Period(jiff::Span::new().hours(4))),
            ("P1Y6M", Span::Period(jiff::Span::new().years(1).months(6))),
        ] {
            assert_eq!(text.parse(), Ok(span), "{text}");
            assert_eq!(span.to_string(), text);
            let json = serde_json::to_string(&span).unwrap();
            assert_eq!(json, format!("\"{text}\""));
            assert_eq!(serde_json::from_str::<Span>(&json).unwrap(), span);
        }
        assert_eq!("1 business days".parse(), Ok(Span::BusinessDays(1)));
        assert_ne!("P7D".parse::<Span>(), "P1W".parse());
    }

    #[test]
    fn people_read_a_period_in_words() {
        let words = |text: &str| text.parse::<Span>().unwrap().words();
        assert_eq!(words("P10D"), "10 days");
        assert_eq!(words("P1DT4H"), "1 day, 4 hours");
        assert_eq!(words("3 business days"), "3 business days");
    }

    #[test]
    fn what_is_no_length_of_time_is_refused_with_what_would_be_right() {
        for text in [
            "",
            "3",
            "3 days",
            "10 days",
            "10d",
            "business days",
            "3 business  days",
            " 3 business days",
            "-3 business days",
            "+3 business days",
            "1.5 business days",
            "3 Business days",
            "3 business weeks",
            "p10d",
            "-P10D",
            "P",
            "PT",
            "P10",
            "P1S",
            "three business days",
            "3\u{a0}business days",
            "9999999999 business days",
        ] {
            let fault = text.parse::<Span>().unwrap_err().to_string();
            assert!(fault.contains("`3 business days`"), "{text}: {fault}");
        }
    }

    #[test]
    fn no_time_at_all_and_more_than_ten_years_are_refused() {
        for text in [
            "0 business days",
            "0 business hours",
            "P0D",
            "PT0S",
            "PT0.5S",
        ] {
            let fault = text.parse::<Span>().unwrap_err().to_string();
            assert!(fault.contains("no time at all"), "{text}: {fault}");
        }
        for text in [
            "3654 business days",
            "87673 business hours",
            "999999999 business days",
            "P10Y1D",
            "P3654D",
            "P121M",
            "PT87673H",
            "P9999Y",
            "PT999999999S",
        ] {
            let fault = text.parse::<Span>().unwrap_err().to_string();
            assert!(fault.contains("too long"), "{text}: {fault}");
        }
        for text in [
            "3653 business days",
            "87672 business hours",
            "P10Y",
            "P120M",
            "P3653D",
        ] {
            assert!(text.parse::<Span>().is_ok(), "{text}");
        }
    }
}

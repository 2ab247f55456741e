//! How long a span lasts, as far as that can be said without a calendar.

use crate::calendar::Span;

const HOUR: u64 = 60;
const DAY: u64 = 24 * HOUR;
/// A week without weekends or holidays in it does not exist; one with both ends free is this much
/// longer than its working days.
const MOST_EXTRA: u64 = 4 * DAY;

/// Whether `a` certainly ends no earlier than `b`, both counted from the same moment. Spans of one
/// sort are compared exactly; of spans of different sorts only what holds by any week is said.
pub(super) fn at_least(a: &Span, b: &Span) -> bool {
    match (a, b) {
        (Span::BusinessDays(a), Span::BusinessDays(b))
        | (Span::BusinessHours(a), Span::BusinessHours(b)) => a >= b,
        (a, b) => a == b || least(a) >= most(b),
    }
}

/// The shortest a span can be, in minutes.
pub(super) fn least(span: &Span) -> u64 {
    match span {
        Span::BusinessDays(days) => weeks(u64::from(*days)).saturating_sub(DAY),
        Span::BusinessHours(hours) => u64::from(*hours) * HOUR,
        Span::Period(period) => minutes(period, 365, 28),
    }
}

/// The longest a span can be, in minutes, holidays not counted.
pub(super) fn most(span: &Span) -> u64 {
    match span {
        Span::BusinessDays(days) => weeks(u64::from(*days)) + MOST_EXTRA,
        Span::BusinessHours(hours) => weeks(u64::from(*hours).div_ceil(4)) + MOST_EXTRA,
        Span::Period(period) => minutes(period, 366, 31),
    }
}

/// Working days with the weekends between them, in minutes.
fn weeks(days: u64) -> u64 {
    (days / 5 * 7 + days % 5) * DAY
}

fn minutes(period: &jiff::Span, year: i64, month: i64) -> u64 {
    let days = i64::from(period.get_years()) * year
        + i64::from(period.get_months()) * month
        + i64::from(period.get_weeks()) * 7
        + i64::from(period.get_days());
    let hours = i64::from(period.get_hours());
    let whole = (days * 24 + hours) * 60 + period.get_minutes();
    whole.unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(text: &str) -> Span {
        serde_json::from_value(text.into()).unwrap()
    }

    #[test]
    fn spans_of_one_sort_are_compared_exactly() {
        assert!(at_least(&span("3 business days"), &span("3 business days")));
        assert!(!at_least(
            &span("3 business days"),
            &span("4 business days")
        ));
        assert!(at_least(&span("P2D"), &span("PT48H")));
        assert!(!at_least(&span("PT47H"), &span("P2D")));
        assert!(at_least(&span("P1M"), &span("P1M")));
    }

    #[test]
    fn spans_of_different_sorts_are_judged_only_where_every_week_agrees() {
        assert!(at_least(&span("P20D"), &span("10 business days")));
        assert!(!at_least(&span("P10D"), &span("8 business days")));
        assert!(!at_least(&span("8 business days"), &span("P10D")));
        assert!(at_least(&span("20 business days"), &span("P14D")));
        assert!(!at_least(&span("P1M"), &span("P30D")));
        assert!(!at_least(&span("P30D"), &span("P1M")));
    }
}

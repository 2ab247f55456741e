//! Reckoning on the wall: as if no clock were ever set forward or back. A wall time is the number
//! of microseconds from 1970-01-01 00:00 to what a local clock shows; a day is the number of days.
//!
//! Nothing here walks through time: totals come from whole weeks less the holidays in between, and
//! places are found by halving, so that a span of ten years costs what one of a day costs.

use super::Calendar;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

pub(super) type Wall = i64;

/// A day in microseconds.
pub(super) const DAY: i64 = 86_400_000_000;
const MINUTE: i64 = 60_000_000;
/// The first and the last day of which anything is said: -9999-01-02 and 9999-12-30.
const FIRST_DAY: i64 = -4_371_586;
const LAST_DAY: i64 = 2_932_894;
/// Before and after every working time.
pub(super) const BEGIN: Wall = FIRST_DAY * DAY;
pub(super) const END: Wall = (LAST_DAY + 1) * DAY;

/// The day of a wall time and the time of that day.
pub(super) fn split(wall: Wall) -> (i64, i64) {
    (wall.div_euclid(DAY), wall.rem_euclid(DAY))
}

/// A wall time in years, months and days; the nearest there is.
pub(super) fn civil(wall: Wall) -> DateTime {
    let limit = if wall < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    };
    TimeZone::UTC.to_datetime(Timestamp::from_microsecond(wall).unwrap_or(limit))
}

/// The wall time of years, months and days; the nearest there is.
pub(super) fn wall(civil: DateTime) -> Wall {
    let limit = if civil.year() < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    };
    let shown = TimeZone::UTC.to_timestamp(civil).unwrap_or(limit);
    shown.as_microsecond()
}

fn date(day: i64) -> Date {
    civil(day.saturating_mul(DAY)).date()
}

fn day(date: Date) -> i64 {
    split(wall(date.to_datetime(jiff::civil::Time::midnight()))).0
}

/// Full weeks since a Monday, and the weekday, 0 for Monday. 1970 began on a Thursday.
fn week_and_weekday(day: i64) -> (i64, usize) {
    let weekday = usize::try_from((day + 3).rem_euclid(7)).unwrap_or(0);
    ((day + 3).div_euclid(7), weekday)
}

/// The smallest number from `low` to `high` that `is_enough`, as every number above it is;
/// `high` when there is none.
fn smallest(low: i64, high: i64, is_enough: impl Fn(i64) -> bool) -> i64 {
    let (mut low, mut high) = (low, high);
    while low < high {
        let middle = low + (high - low) / 2;
        if is_enough(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

impl Calendar {
    /// Begin and end of the working hours of a weekday, in microseconds since midnight.
    fn hours_of(&self, weekday: usize) -> impl DoubleEndedIterator<Item = (i64, i64)> {
        let hours = self.week.hours(weekday).iter();
        hours.map(|hours| (i64::from(hours.from) * MINUTE, i64::from(hours.to) * MINUTE))
    }

    /// Begin and end of the working hours on a day, in wall time; none on a holiday.
    fn hours_on(&self, day: i64) -> impl DoubleEndedIterator<Item = (Wall, Wall)> {
        let working = !self.holidays.contains_key(&date(day));
        let hours = self
            .hours_of(week_and_weekday(day).1)
            .filter(move |_| working);
        hours.map(move |(from, to)| (day * DAY + from, day * DAY + to))
    }

    /// Work on a weekday before a time of that day.
    fn work_before(&self, weekday: usize, time: i64) -> i64 {
        let part = |(from, to): (i64, i64)| time.clamp(from, to) - from;
        self.hours_of(weekday).map(part).sum()
    }

    /// Work since a Monday if there were no holidays.
    fn regular_work(&self, wall: Wall) -> i64 {
        let (day, time) = split(wall);
        let (weeks, weekday) = week_and_weekday(day);
        let days = |days: usize| -> i64 { (0..days).map(|d| self.work_before(d, DAY)).sum() };
        weeks * days(7) + days(weekday) + self.work_before(weekday, time)
    }

    /// Holidays from one day up to and with another.
    fn holidays_within(&self, first: i64, last: i64) -> impl Iterator<Item = i64> {
        let days = (first <= last).then(|| self.holidays.range(date(first)..=date(last)));
        days.into_iter().flatten().map(|(date, _)| day(*date))
    }

    /// Working time between two wall times.
    pub(super) fn work(&self, from: Wall, until: Wall) -> i64 {
        if until <= from {
            return 0;
        }
        let lost = |day: i64| {
            let (weekday, midnight) = (week_and_weekday(day).1, day * DAY);
            self.work_before(weekday, until - midnight) - self.work_before(weekday, from - midnight)
        };
        let holidays = self.holidays_within(split(from).0, split(until).0);
        self.regular_work(until) - self.regular_work(from) - holidays.map(lost).sum::<i64>()
    }

    /// The first wall time after `from` by which `amount` of work (more than none) is done; what
    /// is missing when `until` comes first.
    pub(super) fn done_by(&self, from: Wall, until: Wall, amount: i64) -> Result<Wall, i64> {
        let work = self.work(from, until);
        if work < amount {
            return Err(amount - work);
        }
        let end = |day: i64| until.min((day + 1) * DAY);
        let day = smallest(split(from).0, split(until).0, |day| {
            self.work(from, end(day)) >= amount
        });
        let begin = from.max(day * DAY);
        let mut left = amount - self.work(from, begin);
        for (from, to) in self.hours_on(day) {
            let from = from.max(begin);
            if to - from >= left {
                return Ok(from + left);
            }
            left -= (to - from).max(0);
        }
        Ok(end(day))
    }

    /// The last wall time before `until` since which `amount` of work (more than none) was done;
    /// what is missing when only less was done since `from`.
    pub(super) fn done_since(&self, from: Wall, until: Wall, amount: i64) -> Result<Wall, i64> {
        let work = self.work(from, until);
        if work < amount {
            return Err(amount - work);
        }
        let begin = |day: i64| from.max(day * DAY);
        let next = smallest(split(from).0, split(until).0 + 1, |day| {
            self.work(begin(day), until) < amount
        });
        let day = next - 1;
        let end = until.min(next * DAY);
        let mut left = amount - self.work(end, until);
        for (from, to) in self.hours_on(day).rev() {
            let to = to.min(end);
            if to - from >= left {
                return Ok(to - left);
            }
            left -= (to - from).max(0);
        }
        Ok(begin(day))
    }

    /// Working days since a Monday if there were no holidays.
    fn regular_days(&self, day: i64) -> i64 {
        let works = |weekday: &usize| !self.week.hours(*weekday).is_empty();
        let days = |days: usize| -> i64 {
            let count = (0..days).filter(works).count();
            i64::try_from(count).unwrap_or(0)
        };
        let (weeks, weekday) = week_and_weekday(day);
        weeks * days(7) + days(weekday)
    }

    /// Working days from one day up to and with another.
    fn working_days(&self, first: i64, last: i64) -> i64 {
        let lost = |day: &i64| !self.week.hours(week_and_weekday(*day).1).is_empty();
        let holidays = self.holidays_within(first, last).filter(lost).count();
        let regular = self.regular_days(last + 1) - self.regular_days(first);
        regular - i64::try_from(holidays).unwrap_or(0)
    }

    /// The `count`th working day after a day; nothing when time ends before.
    pub(super) fn day_after(&self, day: i64, count: u32) -> Option<i64> {
        let count = i64::from(count);
        if self.working_days(day + 1, LAST_DAY) < count {
            return None;
        }
        Some(smallest(day, LAST_DAY, |other| {
            self.working_days(day + 1, other) >= count
        }))
    }

    /// The `count`th working day before a day; nothing when time begins after.
    pub(super) fn day_before(&self, day: i64, count: u32) -> Option<i64> {
        let count = i64::from(count);
        if self.working_days(FIRST_DAY, day - 1) < count {
            return None;
        }
        let next = smallest(FIRST_DAY, day + 1, |other| {
            self.working_days(other, day - 1) < count
        });
        Some(next - 1)
    }

    /// The time of day nearest to `time` at which work is done on that day, or ends: in a break it
    /// is the end of the break.
    pub(super) fn not_before(&self, day: i64, time: i64) -> Option<Wall> {
        let wall = day * DAY + time;
        let now = self.hours_on(day).find(|(_, to)| *to >= wall);
        let last = || self.hours_on(day).next_back().map(|(_, to)| to);
        now.map(|(from, _)| from.max(wall)).or_else(last)
    }

    /// As [`Calendar::not_before`]; in a break it is the beginning of the break.
    pub(super) fn not_after(&self, day: i64, time: i64) -> Option<Wall> {
        let wall = day * DAY + time;
        let now = self.hours_on(day).rev().find(|(from, _)| *from <= wall);
        let first = || self.hours_on(day).next().map(|(from, _)| from);
        now.map(|(_, to)| to.min(wall)).or_else(first)
    }

    /// Whether work is done when the wall shows this.
    pub(super) fn works(&self, wall: Wall) -> bool {
        self.hours_on(split(wall).0)
            .any(|(from, to)| (from..to).contains(&wall))
    }
}

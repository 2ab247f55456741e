//! Business time as it passes: the wall of `wall.rs` hung into a time zone. Between two changes of
//! its offset a zone is a wall; work is added up from stretch to stretch.

use super::wall::{BEGIN, END, Wall, civil, split, wall};
use super::{Calendar, Span};
use crate::db::At;
use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, Offset};
use jiff::{SignedDuration, Timestamp};

/// Microseconds since 1970 in UTC.
type Micros = i64;

/// Time within which the zone's offset stays the same.
struct Stretch {
    begin: Micros,
    end: Micros,
    /// What the wall shows less UTC.
    ahead: i64,
}

fn micros(at: At) -> Micros {
    at.0.as_microsecond()
}

fn instant(at: Micros) -> At {
    let limit = if at < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    };
    At::new(Timestamp::from_microsecond(at).unwrap_or(limit))
}

fn begin_of_time() -> Micros {
    Timestamp::MIN.as_microsecond()
}

fn end_of_time() -> Micros {
    Timestamp::MAX.as_microsecond()
}

fn ahead(offset: Offset) -> i64 {
    i64::from(offset.seconds()) * 1_000_000
}

fn duration(micros: i64) -> SignedDuration {
    SignedDuration::from_micros(micros)
}

impl Calendar {
    /// The end of `span` when it begins at `start`. Business days count whole working days and
    /// keep the time of day, moved into the working hours of the day they end on; a start outside
    /// of working time counts from the next working moment. Never before `start`; the end of time
    /// when no work is ever done that late.
    pub fn after(&self, start: At, span: &Span) -> At {
        let from = micros(start);
        let end = match span {
            Span::BusinessDays(days) => self.days_after(from, *days),
            Span::BusinessHours(hours) => self.work_after(from, hours_of_work(*hours)),
            Span::Period(period) => self.period_after(from, period),
        };
        instant(end).max(start)
    }

    /// The begin of `span` when it ends at `end`, the mirror image of [`Calendar::after`]: an end
    /// outside of working time counts from when work was last done. Never after `end`.
    pub fn before(&self, end: At, span: &Span) -> At {
        let until = micros(end);
        let begin = match span {
            Span::BusinessDays(days) => self.days_before(until, *days),
            Span::BusinessHours(hours) => self.work_before_end(until, hours_of_work(*hours)),
            Span::Period(period) => self.period_before(until, period),
        };
        instant(begin).min(end)
    }

    /// The end of `span` when the clock stood still in `pauses`, each from one instant to another,
    /// in any order, also overlapping. A pause that begins before the end moves it by the working
    /// time that passed in it, for a period by its length; it never moves it forward.
    pub fn due(&self, start: At, span: &Span, pauses: &[(At, At)]) -> At {
        let mut due = self.after(start, span);
        for (from, to) in apart(start, pauses) {
            if from >= due {
                break;
            }
            due = match span {
                Span::Period(_) => moved(due, from, to),
                _ => self.later(due, self.working_time(from, to)),
            };
        }
        due
    }

    /// Whether work is done at this instant. It no longer is when the hours end.
    pub fn is_working(&self, at: At) -> bool {
        self.works(self.shown(micros(at)))
    }

    /// This instant when work is done at it, else the next at which it is.
    pub fn next_working(&self, at: At) -> At {
        if self.is_working(at) {
            at
        } else {
            instant(self.next_work(micros(at))).max(at)
        }
    }

    /// The day on the wall.
    pub fn day(&self, at: At) -> Date {
        self.zone.to_datetime(at.0).date()
    }

    /// How much working time lies between two instants; none when they are not in order.
    pub fn working_time(&self, from: At, to: At) -> SignedDuration {
        let (mut at, end) = (micros(from), micros(to));
        let mut work = 0;
        while at < end {
            let stretch = self.stretch_after(at);
            let until = stretch.end.min(end);
            work += self.work(at + stretch.ahead, until + stretch.ahead);
            at = until;
        }
        duration(work)
    }

    /// The first instant by which this much working time has passed since `start`; `start` itself
    /// for none.
    pub fn later(&self, start: At, work: SignedDuration) -> At {
        let amount = i64::try_from(work.as_micros()).unwrap_or(i64::MAX);
        instant(self.work_after(micros(start), amount)).max(start)
    }

    fn shown(&self, at: Micros) -> Wall {
        at + ahead(self.zone.to_offset(instant(at).0))
    }

    /// From `begin` until the zone's offset next changes.
    fn stretch_after(&self, begin: Micros) -> Stretch {
        let at = instant(begin).0;
        let change = self.zone.following(at).next();
        let end = change.map_or(end_of_time(), |change| change.timestamp().as_microsecond());
        let ahead = ahead(self.zone.to_offset(at));
        Stretch { begin, end, ahead }
    }

    /// Until `end`, since the zone's offset last changed.
    fn stretch_before(&self, end: Micros) -> Stretch {
        let change = self.zone.preceding(instant(end).0).next();
        let begin = change.map_or(begin_of_time(), |change| {
            change.timestamp().as_microsecond()
        });
        let ahead = ahead(self.zone.to_offset(instant(begin).0));
        Stretch { begin, end, ahead }
    }

    fn work_after(&self, from: Micros, amount: i64) -> Micros {
        let (mut at, mut left) = (from, amount);
        while left > 0 && at < end_of_time() {
            let Stretch { begin, end, ahead } = self.stretch_after(at);
            match self.done_by(begin + ahead, end + ahead, left) {
                Ok(wall) => return wall - ahead,
                Err(missing) => (at, left) = (end, missing),
            }
        }
        at
    }

    fn work_before_end(&self, until: Micros, amount: i64) -> Micros {
        let (mut at, mut left) = (until, amount);
        while left > 0 && at > begin_of_time() {
            let Stretch { begin, end, ahead } = self.stretch_before(at);
            match self.done_since(begin + ahead, end + ahead, left) {
                Ok(wall) => return wall - ahead,
                Err(missing) => (at, left) = (begin, missing),
            }
        }
        at
    }

    /// The first instant from this on at which work is done: the one before a first moment of work
    /// has passed.
    fn next_work(&self, at: Micros) -> Micros {
        (self.work_after(at, 1) - 1).max(at)
    }

    /// The last instant up to this at which work is done or ends.
    fn last_work(&self, at: Micros) -> Micros {
        (self.work_before_end(at, 1) + 1).min(at)
    }

    /// Whether work is done, or just ended.
    fn touches_work(&self, at: Micros) -> bool {
        self.works(self.shown(at)) || self.works(self.shown(at - 1))
    }

    fn days_after(&self, start: Micros, days: u32) -> Micros {
        let begin = self.next_work(start);
        let (day, time) = self.counted_from(begin);
        let target = self.day_after(day, days);
        let Some(end) = target.and_then(|day| self.not_before(day, time)) else {
            return end_of_time();
        };
        let end = self.first_showing(end);
        if self.touches_work(end) {
            end
        } else {
            self.next_work(end)
        }
    }

    fn days_before(&self, end: Micros, days: u32) -> Micros {
        let last = if self.touches_work(end) {
            end
        } else {
            self.last_work(end)
        };
        let (day, time) = self.counted_back_from(last);
        let target = self.day_before(day, days);
        let Some(begin) = target.and_then(|day| self.not_after(day, time)) else {
            return begin_of_time();
        };
        let begin = self.first_showing(begin);
        if self.touches_work(begin) {
            begin
        } else {
            self.last_work(begin)
        }
    }

    /// The day and time of day from which business days are counted. While a clock that was set
    /// back repeats its time this is the latest working time it has shown, so that what begins
    /// later is never due earlier.
    fn counted_from(&self, at: Micros) -> (i64, i64) {
        let now = self.shown(at);
        let shown_before = self.shown_before_change(at);
        let shown = shown_before.filter(|before| *before > now);
        let last = shown.and_then(|before| self.done_since(BEGIN, before, 1).ok());
        last.map_or(split(now), |moment| split(now).max(just_after(moment)))
    }

    /// The mirror image of [`Calendar::counted_from`]: before a clock is set back, the earliest
    /// working time that it will show again.
    fn counted_back_from(&self, at: Micros) -> (i64, i64) {
        // Where work just ended, its last microsecond counts: the wall may have been set since.
        let (moment, now) = match self.works(self.shown(at)) {
            true => (at, split(self.shown(at))),
            false => (at - 1, just_after(self.shown(at - 1))),
        };
        let shown = self.shown(moment);
        let shown_again = self
            .shown_after_change(moment)
            .filter(|after| *after < shown);
        let first = shown_again.and_then(|after| self.done_by(after, END, 1).ok());
        first.map_or(now, |first| now.min(split(first - 1)))
    }

    /// What the wall had come to when the zone's offset last changed.
    fn shown_before_change(&self, at: Micros) -> Option<Wall> {
        let change = self.stretch_before(at + 1).begin;
        (change > begin_of_time()).then(|| self.shown(change - 1) + 1)
    }

    /// What the wall will begin with when the zone's offset next changes.
    fn shown_after_change(&self, at: Micros) -> Option<Wall> {
        let change = self.stretch_after(at).end;
        (change < end_of_time()).then(|| self.shown(change))
    }

    /// The first instant at which the wall shows this, or where the clock was set forward past it.
    fn first_showing(&self, shown: Wall) -> Micros {
        let ambiguous = self.zone.to_ambiguous_timestamp(civil(shown));
        match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { offset } => shown - ahead(offset),
            AmbiguousOffset::Fold { before, .. } => shown - ahead(before),
            AmbiguousOffset::Gap { before, after } => {
                let change = self.stretch_after(shown - ahead(after)).end;
                change.min(shown - ahead(before))
            }
        }
    }

    fn period_after(&self, start: Micros, period: &jiff::Span) -> Micros {
        let shown = self.shown(start);
        let shown = self
            .shown_before_change(start)
            .map_or(shown, |before| before.max(shown));
        let end = match on_the_wall(period) {
            Some(days) => self.first_showing(wall(days.from(civil(shown)))),
            None => start,
        };
        end.saturating_add(time_of(period))
    }

    fn period_before(&self, end: Micros, period: &jiff::Span) -> Micros {
        let shown = self.shown(end);
        let shown = self
            .shown_after_change(end)
            .map_or(shown, |after| after.min(shown));
        let begin = match on_the_wall(period) {
            Some(days) => self.first_showing(wall(days.back().from(civil(shown)))),
            None => end,
        };
        begin.saturating_sub(time_of(period))
    }
}

/// What of a period the wall measures.
struct OnTheWall {
    months: jiff::Span,
    days: jiff::Span,
}

fn on_the_wall(period: &jiff::Span) -> Option<OnTheWall> {
    let none = jiff::Span::new();
    let months = none
        .try_years(period.get_years())
        .ok()?
        .try_months(period.get_months())
        .ok()?;
    let days = none
        .try_weeks(period.get_weeks())
        .ok()?
        .try_days(period.get_days())
        .ok()?;
    let any = !months.is_zero() || !days.is_zero();
    any.then_some(OnTheWall { months, days })
}

impl OnTheWall {
    fn back(self) -> OnTheWall {
        OnTheWall {
            months: -self.months,
            days: -self.days,
        }
    }

    /// Months lead to the same day of the month. Where the month is too short for it they lead to
    /// the end of its last day, so that what begins later never ends earlier.
    fn from(&self, shown: DateTime) -> DateTime {
        let (date, month) = (shown.date(), shown.date().saturating_add(self.months));
        let moved = match date.day() == month.day() {
            true => month.to_datetime(shown.time()),
            false => month
                .saturating_add(jiff::Span::new().days(1))
                .at(0, 0, 0, 0),
        };
        moved.saturating_add(self.days)
    }
}

/// What of a period passes in microseconds, whatever the wall shows.
fn time_of(period: &jiff::Span) -> i64 {
    let units = [
        (i64::from(period.get_hours()), 3_600_000_000),
        (period.get_minutes(), 60_000_000),
        (period.get_seconds(), 1_000_000),
        (period.get_milliseconds(), 1_000),
        (period.get_microseconds(), 1),
    ];
    let sum =
        |sum: i64, (count, length): (i64, i64)| sum.saturating_add(count.saturating_mul(length));
    units.into_iter().fold(0, sum)
}

/// The day and the time at which this microsecond is over: a day ends with its last one.
fn just_after(moment: Wall) -> (i64, i64) {
    let (day, time) = split(moment);
    (day, time + 1)
}

fn hours_of_work(hours: u32) -> i64 {
    i64::from(hours).saturating_mul(3_600_000_000)
}

/// Pauses since `start` in their order, none overlapping another.
fn apart(start: At, pauses: &[(At, At)]) -> Vec<(At, At)> {
    let mut all: Vec<(At, At)> = pauses
        .iter()
        .map(|(from, to)| (start.max(*from), *to))
        .filter(|(from, to)| from < to)
        .collect();
    all.sort_unstable();
    let mut apart: Vec<(At, At)> = Vec::new();
    for (from, to) in all {
        match apart.last_mut() {
            Some((_, last)) if from <= *last => *last = to.max(*last),
            _ => apart.push((from, to)),
        }
    }
    apart
}

fn moved(due: At, from: At, to: At) -> At {
    instant(micros(due).saturating_add(micros(to) - micros(from)))
}

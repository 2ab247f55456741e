//! When something is due, in the words of pages and mails.
use crate::calendar::Calendar;
use crate::db::At;
use crate::review::engine::{Clock, Phase, Progress, Review};
use crate::review::service::Desk;
use crate::review::workflows::Loaded;
use crate::{db::Conn, error::Result};
use serde::Serialize;

/// Beyond so many days nobody counts them.
const DAYS_COUNTED: usize = 60;

/// When something is due, as `parts/due` draws it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Due {
    /// The instant.
    pub at: At,
    /// Whether it is past.
    pub overdue: bool,
    /// Whether the clock stands while the submitter is asked to change something.
    pub paused: bool,
    /// `in 2 business days`, `today`; empty when that is far away, past or stands still.
    pub words: String,
}

/// When the open stage `key` is due, as things stand at `now`; nothing where no clock runs.
///
/// # Errors
/// When the database fails.
pub fn of_stage(
    conn: &mut Conn,
    desk: &Desk,
    loaded: &Loaded,
    review: &Review,
    key: &str,
) -> Result<Option<Due>> {
    let run = review.stage(key);
    let open = run.filter(|run| run.progress == Progress::Open && review.phase.is_running());
    let Some(clock) = open.and_then(|run| run.clock.as_ref()) else {
        return Ok(None);
    };
    let calendar = &loaded.workflow.calendar;
    let version = desk.calendars.version(conn, calendar, clock.calendar)?;
    let waits = review.phase == Phase::ChangesRequested && clock.stands();
    Ok(Some(of_clock(
        &version.calendar,
        clock,
        waits,
        desk.clock.now(),
    )))
}

fn of_clock(calendar: &Calendar, clock: &Clock, paused: bool, now: At) -> Due {
    let overdue = clock.due < now && !paused;
    let words = match paused || overdue {
        true => String::new(),
        false => ahead(calendar, now, clock.due),
    };
    Due {
        at: clock.due,
        overdue,
        paused,
        words,
    }
}

/// How far ahead `due` lies, in days on which work is done.
fn ahead(calendar: &Calendar, now: At, due: At) -> String {
    let (today, last) = (calendar.day(now), calendar.day(due));
    if last <= today {
        return "today".to_owned();
    }
    let mut days = 0;
    for day in today.series(jiff::Span::new().days(1)).skip(1) {
        if day > last {
            break;
        }
        let weekday = usize::try_from(day.weekday().to_monday_zero_offset()).unwrap_or(0);
        let works = !calendar.week.hours(weekday).is_empty();
        days += usize::from(works && !calendar.holidays.contains_key(&day));
        if days > DAYS_COUNTED {
            return String::new();
        }
    }
    match days {
        0 => "before the next business day".to_owned(),
        1 => "in 1 business day".to_owned(),
        days => format!("in {days} business days"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> At {
        At(text.parse().unwrap())
    }

    #[test]
    fn business_days_ahead_leave_out_weekends_and_holidays() {
        let mut calendar = Calendar::built_in();
        // A Wednesday morning.
        let now = at("2027-03-03T10:00:00Z");
        let words = |calendar: &Calendar, due| ahead(calendar, now, at(due));
        assert_eq!(words(&calendar, "2027-03-03T17:00:00Z"), "today");
        assert_eq!(
            words(&calendar, "2027-03-04T10:00:00Z"),
            "in 1 business day"
        );
        assert_eq!(
            words(&calendar, "2027-03-08T10:00:00Z"),
            "in 3 business days"
        );
        calendar
            .holidays
            .insert("2027-03-05".parse().unwrap(), "A day off".to_owned());
        assert_eq!(
            words(&calendar, "2027-03-08T10:00:00Z"),
            "in 2 business days"
        );
        assert_eq!(words(&calendar, "2029-03-08T10:00:00Z"), "");
    }
}

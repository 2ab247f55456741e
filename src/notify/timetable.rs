//! When mail goes out: how long task mails are held, the hours in which nobody is disturbed, the
//! time of the daily digest. All in the organisation's zone; pure.
use crate::config::{Config, wrong};
use crate::db::At;
use crate::error::Result;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use std::time::Duration;

/// The settings that say when mail goes out. The default holds nothing, knows no quiet hours and
/// sends digests at eight, UTC.
#[derive(Debug, Clone)]
pub struct Timetable {
    zone: TimeZone,
    hold: Duration,
    quiet: Option<(Time, Time)>,
    digest_at: Time,
}

impl Default for Timetable {
    fn default() -> Timetable {
        Timetable {
            zone: TimeZone::UTC,
            hold: Duration::ZERO,
            quiet: None,
            digest_at: Time::constant(8, 0, 0, 0),
        }
    }
}

impl Timetable {
    /// The timetable by the settings.
    ///
    /// # Errors
    /// [`crate::error::Error::Configuration`] naming the setting that cannot be understood.
    pub fn new(config: &Config) -> Result<Timetable> {
        let zone = TimeZone::get(&config.time_zone)
            .map_err(|_| wrong("time_zone", "be an IANA name such as Europe/Berlin"))?;
        let quiet = match config.quiet_hours.trim() {
            "" => None,
            text => Some(quiet_hours(text).ok_or_else(|| {
                let rule = "be two different times such as 20:00-07:00, or empty for never";
                wrong("quiet_hours", rule)
            })?),
        };
        let digest_at = time(&config.digest_at)
            .ok_or_else(|| wrong("digest_at", "be a time of day such as 08:00"))?;
        Ok(Timetable {
            zone,
            hold: Duration::from_secs(config.mail_hold),
            quiet,
            digest_at,
        })
    }

    /// How long a task mail waits for its task to be decided meanwhile.
    pub fn hold(&self) -> Duration {
        self.hold
    }

    /// The day that `at` belongs to, here.
    pub fn day(&self, at: At) -> Date {
        self.zone.to_datetime(at.0).date()
    }

    /// When the quiet hours that `at` lies in are over, which is after `at`; nothing when it lies
    /// in none.
    pub fn quiet_until(&self, at: At) -> Option<At> {
        let (from, to) = self.quiet?;
        let here = self.zone.to_datetime(at.0);
        let time = here.time();
        let is_quiet = if from < to {
            from <= time && time < to
        } else {
            from <= time || time < to
        };
        if !is_quiet {
            return None;
        }
        let day = match time < to {
            true => here.date(),
            false => here.date().tomorrow().ok()?,
        };
        // When the clock is set back an hour comes twice, and the first of them may be over.
        let ends = self.instants(day, to).into_iter().flatten();
        ends.filter(|end| *end > at).min()
    }

    /// The moment of a day's digest; nothing at the end of the calendar.
    pub fn digest_of(&self, day: Date) -> Option<At> {
        let [first, _] = self.instants(day, self.digest_at);
        first
    }

    /// Both instants at which a clock here shows this time, one and the same on most days. A time
    /// that is left out when the clock is set forward comes with the jump's length later.
    fn instants(&self, day: Date, time: Time) -> [Option<At>; 2] {
        let shown = self.zone.to_ambiguous_zoned(day.to_datetime(time));
        let at = |zoned: jiff::Zoned| At::new(zoned.timestamp());
        let usual = shown.clone().compatible().ok().map(at);
        [usual, shown.later().ok().map(at)]
    }
}

fn quiet_hours(text: &str) -> Option<(Time, Time)> {
    let (from, to) = text.split_once(['-', '–'])?;
    let (from, to) = (time(from)?, time(to)?);
    (from != to).then_some((from, to))
}

/// `08:00`, and nothing that is only nearly so.
fn time(text: &str) -> Option<Time> {
    let (hour, minute) = text.trim().split_once(':')?;
    let number = |text: &str, length: usize| {
        let digits = text.len() <= length && text.chars().all(|c| c.is_ascii_digit());
        digits.then(|| text.parse::<i8>().ok()).flatten()
    };
    if minute.len() != 2 {
        return None;
    }
    Time::new(number(hour, 2)?, number(minute, 2)?, 0, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_berlin(quiet_hours: &str) -> Timetable {
        let config = Config {
            time_zone: "Europe/Berlin".to_owned(),
            quiet_hours: quiet_hours.to_owned(),
            ..Config::default()
        };
        Timetable::new(&config).expect("good settings")
    }

    fn at(text: &str) -> At {
        At::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    fn ends(quiet_hours: &str, now: &str) -> Option<String> {
        let end = in_berlin(quiet_hours).quiet_until(at(now));
        end.map(|end| end.0.to_string())
    }

    #[test]
    fn a_night_ends_in_the_morning_on_either_side_of_midnight() {
        for (now, end) in [
            ("2026-11-23T18:59:59Z", None),
            ("2026-11-23T19:00:00Z", Some("2026-11-24T06:00:00Z")),
            ("2026-11-23T23:30:00Z", Some("2026-11-24T06:00:00Z")),
            ("2026-11-24T05:59:59Z", Some("2026-11-24T06:00:00Z")),
            ("2026-11-24T06:00:00Z", None),
        ] {
            assert_eq!(ends("20:00-07:00", now).as_deref(), end, "{now}");
        }
    }

    #[test]
    fn a_rest_at_noon_stays_within_its_day() {
        for (now, end) in [
            ("2026-11-23T10:59:00Z", None),
            ("2026-11-23T11:00:00Z", Some("2026-11-23T12:30:00Z")),
            ("2026-11-23T12:30:00Z", None),
        ] {
            assert_eq!(ends("12:00-13:30", now).as_deref(), end, "{now}");
        }
    }

    #[test]
    fn a_night_with_another_hour_ends_when_the_clock_shows_the_time() {
        let spring = ends("20:00-07:00", "2027-03-27T22:00:00Z");
        assert_eq!(spring.as_deref(), Some("2027-03-28T05:00:00Z"), "CEST");
        let autumn = ends("20:00-07:00", "2027-10-30T22:00:00Z");
        assert_eq!(autumn.as_deref(), Some("2027-10-31T06:00:00Z"), "CET");
    }

    #[test]
    fn an_end_that_comes_twice_is_the_one_ahead_and_one_that_never_comes_is_later() {
        // 02:30 comes at 00:30Z and at 01:30Z.
        for (now, end) in [
            ("2027-10-31T00:10:00Z", "2027-10-31T00:30:00Z"),
            ("2027-10-31T01:10:00Z", "2027-10-31T01:30:00Z"),
        ] {
            assert_eq!(ends("20:00-02:30", now).as_deref(), Some(end), "{now}");
        }
        // From 02:00 the clock jumps to 03:00.
        let never = ends("20:00-02:30", "2027-03-28T00:59:00Z");
        assert_eq!(never.as_deref(), Some("2027-03-28T01:30:00Z"));
    }

    #[test]
    fn quiet_hours_end_after_now_at_every_minute_of_the_days_on_which_clocks_change() {
        for quiet in ["20:00-07:00", "02:10-02:50", "01:00-02:30", "02:30-01:59"] {
            let table = in_berlin(quiet);
            for day in ["2027-03-28T00:00:00Z", "2027-10-31T00:00:00Z"] {
                for minute in 0..300 {
                    let now = at(day).plus(Duration::from_secs(minute * 60 + 1));
                    let Some(end) = table.quiet_until(now) else {
                        continue;
                    };
                    assert!(end > now, "{quiet}: {now} ends at {end}");
                    assert_eq!(table.quiet_until(end), None, "{quiet}: {now} ends at {end}");
                }
            }
        }
    }

    #[test]
    fn the_digest_has_its_hour_and_its_day_here() {
        let table = in_berlin("");
        let day = table.day(at("2027-03-27T23:30:00Z"));
        assert_eq!(day.to_string(), "2027-03-28");
        assert_eq!(table.digest_of(day), Some(at("2027-03-28T06:00:00Z")));
        assert_eq!(table.quiet_until(at("2027-03-27T23:30:00Z")), None);
    }

    #[test]
    fn a_setting_that_names_no_times_is_refused_by_its_name() {
        for quiet in [
            "20-7",
            "20:00",
            "25:00-07:00",
            "07:00-07:00",
            "20:00-7:0",
            "+1:00-2:00",
        ] {
            let config = Config {
                quiet_hours: quiet.to_owned(),
                ..Config::default()
            };
            let error = Timetable::new(&config).err().map(|e| e.to_string());
            let error = error.unwrap_or_default();
            assert!(
                error.contains("COUNTERSIGN_QUIET_HOURS"),
                "{quiet}: {error}"
            );
        }
        let config = Config {
            digest_at: "eight".to_owned(),
            ..Config::default()
        };
        let error = Timetable::new(&config).err().map(|e| e.to_string());
        assert!(error.unwrap_or_default().contains("COUNTERSIGN_DIGEST_AT"));
    }
}

//! Business time against a reckoning that walks from minute to minute, against another crate's,
//! and against what it promises for every calendar.

use super::*;
use crate::db::At;
use jiff::civil::{DateTime, Time, Weekday, date};
use jiff::{SignedDuration, Timestamp, ToSpan, Zoned};
use proptest::prelude::*;
use std::time::Instant;

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// Zones whose clocks do odd things: at midnight, by half an hour, by two hours, for Ramadan, one
/// minute into the next day; the last two left out a whole day, which workclock counts as worked.
const ZONES: [&str; 16] = [
    "UTC",
    "Europe/Brussels",
    "Europe/London",
    "America/New_York",
    "America/Sao_Paulo",
    "America/St_Johns",
    "America/Havana",
    "Asia/Kathmandu",
    "Asia/Beirut",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Antarctica/Troll",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Pacific/Apia",
    "Pacific/Kwajalein",
];

fn at(text: &str) -> At {
    At::new(text.parse().unwrap())
}

fn span(text: &str) -> Span {
    text.parse().unwrap()
}

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

fn hours(from: u16, to: u16) -> Hours {
    Hours { from, to }
}

/// Nine to half past twelve and half past one to half past five, Friday until half past twelve.
fn brussels() -> Calendar {
    let day = || vec![hours(540, 750), hours(810, 1050)];
    let friday = vec![hours(540, 750)];
    let week = [day(), day(), day(), day(), friday, vec![], vec![]];
    let names = [(2026, 12, 25, "Christmas"), (2027, 1, 1, "New Year")];
    Calendar {
        key: "head_office".to_owned(),
        title: "Head office".to_owned(),
        zone: zone("Europe/Brussels"),
        week: Week::new(week).unwrap(),
        holidays: names
            .iter()
            .map(|(y, m, d, name)| (date(*y, *m, *d), (*name).into()))
            .collect(),
        stated_until: Some(date(2027, 12, 31)),
    }
}

/// What the wall in Brussels shows.
fn there(at: At) -> String {
    let shown = zone("Europe/Brussels").to_datetime(at.0);
    shown.strftime("%a %Y-%m-%d %H:%M").to_string()
}

/// The instant at which the wall in Brussels shows this.
fn here(text: &str) -> At {
    let shown: DateTime = text.replace(' ', "T").parse().unwrap();
    At::new(shown.to_zoned(zone("Europe/Brussels")).unwrap().timestamp())
}

#[test]
fn three_business_days_keep_the_time_of_day_and_leave_out_weekends_and_holidays() {
    let calendar = brussels();
    for (start, days, end) in [
        ("2026-11-24 10:15", 3, "Fri 2026-11-27 10:15"),
        ("2026-11-25 10:15", 3, "Mon 2026-11-30 10:15"),
        ("2026-12-23 10:15", 2, "Mon 2026-12-28 10:15"),
        ("2026-12-23 10:15", 7, "Tue 2027-01-05 10:15"),
    ] {
        let due = calendar.after(here(start), &Span::BusinessDays(days));
        assert_eq!(there(due), end, "{start}");
    }
}

#[test]
fn what_begins_out_of_hours_counts_from_the_next_working_moment() {
    let calendar = brussels();
    for (start, end) in [
        ("2026-11-28 03:00", "Tue 2026-12-01 09:00"),
        ("2026-11-24 06:00", "Wed 2026-11-25 09:00"),
        ("2026-11-24 12:45", "Wed 2026-11-25 13:30"),
        ("2026-11-24 17:30", "Thu 2026-11-26 09:00"),
        ("2026-12-25 10:00", "Tue 2026-12-29 09:00"),
    ] {
        let due = calendar.after(here(start), &span("1 business day"));
        assert_eq!(there(due), end, "{start}");
    }
}

#[test]
fn the_end_moves_into_the_hours_of_its_day() {
    let calendar = brussels();
    let after = |start: &str, days| there(calendar.after(here(start), &Span::BusinessDays(days)));
    assert_eq!(after("2026-11-26 16:00", 1), "Fri 2026-11-27 12:30");
    assert_eq!(after("2026-11-26 12:30", 1), "Fri 2026-11-27 12:30");
    let mut calendar = brussels();
    let late = vec![hours(600, 720), hours(840, 1080)];
    let day = || vec![hours(480, 1200)];
    calendar.week = Week::new([day(), late, day(), day(), day(), vec![], vec![]]).unwrap();
    for (start, end) in [
        ("2026-11-23 08:30", "Tue 2026-11-24 10:00"),
        ("2026-11-23 12:00", "Tue 2026-11-24 12:00"),
        ("2026-11-23 12:01", "Tue 2026-11-24 14:00"),
        ("2026-11-23 19:59", "Tue 2026-11-24 18:00"),
    ] {
        let due = calendar.after(here(start), &span("1 business day"));
        assert_eq!(there(due), end, "{start}");
    }
}

#[test]
fn business_hours_are_hours_of_work_and_end_when_the_work_ends() {
    let calendar = brussels();
    for (start, hours, end) in [
        ("2026-11-24 09:00", 1, "Tue 2026-11-24 10:00"),
        ("2026-11-24 12:00", 1, "Tue 2026-11-24 14:00"),
        ("2026-11-26 15:30", 2, "Thu 2026-11-26 17:30"),
        ("2026-11-26 16:30", 2, "Fri 2026-11-27 10:00"),
        ("2026-11-27 12:30", 1, "Mon 2026-11-30 10:00"),
        ("2026-11-23 09:00", 34, "Mon 2026-11-30 09:30"),
    ] {
        let due = calendar.after(here(start), &Span::BusinessHours(hours));
        assert_eq!(there(due), end, "{start} and {hours}");
    }
}

#[test]
fn a_period_goes_by_the_wall_in_days_and_by_the_clock_in_hours() {
    let calendar = brussels();
    let summer_ends = here("2026-10-24 12:00");
    assert_eq!(
        there(calendar.after(summer_ends, &span("P1D"))),
        "Sun 2026-10-25 12:00"
    );
    assert_eq!(
        there(calendar.after(summer_ends, &span("PT24H"))),
        "Sun 2026-10-25 11:00"
    );
    let month = |start: &str| there(calendar.after(here(start), &span("P1M")));
    assert_eq!(month("2027-01-28 08:00"), "Sun 2027-02-28 08:00");
    assert_eq!(
        month("2027-01-31 08:00"),
        "Mon 2027-03-01 00:00",
        "when February is over"
    );
}

#[test]
fn an_hour_that_the_clock_skips_is_no_working_time_and_one_it_repeats_is_worked_twice() {
    let calendar = night_shift(0, 360);
    let work = |from: &str, to: &str| calendar.working_time(here(from), here(to)).as_hours();
    assert_eq!(work("2027-03-27 00:00", "2027-03-28 00:00"), 6);
    assert_eq!(work("2027-03-28 00:00", "2027-03-29 00:00"), 5);
    assert_eq!(work("2026-10-25 00:00", "2026-10-26 00:00"), 7);
    let due = calendar.after(here("2027-03-27 02:30"), &span("1 business day"));
    assert_eq!(there(due), "Sun 2027-03-28 03:00");
}

/// Brussels, from midnight to the minute, every day.
fn night_shift(from: u16, to: u16) -> Calendar {
    let night = || vec![hours(from, to)];
    let week = [
        night(),
        night(),
        night(),
        night(),
        night(),
        night(),
        night(),
    ];
    Calendar {
        week: Week::new(week).unwrap(),
        ..brussels()
    }
}

#[test]
fn while_a_clock_that_was_set_back_repeats_an_hour_nothing_is_due_earlier() {
    let calendar = night_shift(0, 360);
    let day = span("1 business day");
    let (first, second) = (at("2026-10-25T00:30:00Z"), at("2026-10-25T01:10:00Z"));
    assert_eq!(there(first), "Sun 2026-10-25 02:30");
    assert_eq!(there(second), "Sun 2026-10-25 02:10");
    assert_eq!(there(calendar.after(first, &day)), "Mon 2026-10-26 02:30");
    assert_eq!(there(calendar.after(second, &day)), "Mon 2026-10-26 03:00");
    assert_eq!(there(calendar.before(second, &day)), "Sat 2026-10-24 02:10");
    assert_eq!(there(calendar.before(first, &day)), "Sat 2026-10-24 02:00");
    let twice = calendar.after(here("2026-10-24 02:30"), &day);
    assert_eq!(twice, first, "due when the wall first shows it");
}

#[test]
fn at_the_moment_of_the_change_nothing_is_due_earlier_either() {
    let calendar = Calendar {
        zone: zone("Antarctica/Troll"),
        ..night_shift(100, 180)
    };
    let (change, later) = (at("2026-10-25T01:00:00Z"), at("2026-10-25T01:40:00Z"));
    let day = span("1 business day");
    assert_eq!(calendar.before(change, &day), at("2026-10-23T23:40:00Z"));
    assert_eq!(calendar.before(later, &day), at("2026-10-23T23:40:00Z"));
}

#[test]
fn a_day_whose_hours_the_clock_skips_is_made_up_for_on_the_next() {
    let calendar = night_shift(120, 150);
    let due = calendar.after(here("2027-03-27 02:15"), &span("1 business day"));
    assert_eq!(there(due), "Mon 2027-03-29 02:00");
    let reminder = calendar.before(here("2027-03-29 02:15"), &span("1 business day"));
    assert_eq!(there(reminder), "Sat 2027-03-27 02:30");
}

#[test]
fn a_reminder_before_an_end_is_its_mirror_image() {
    let calendar = brussels();
    for (end, before, begin) in [
        ("2026-11-30 10:15", "1 business day", "Fri 2026-11-27 10:15"),
        ("2026-11-25 09:00", "1 business day", "Tue 2026-11-24 09:00"),
        ("2026-11-28 15:00", "1 business day", "Thu 2026-11-26 12:30"),
        (
            "2026-12-28 10:15",
            "2 business days",
            "Wed 2026-12-23 10:15",
        ),
        (
            "2026-11-30 11:00",
            "34 business hours",
            "Mon 2026-11-23 10:30",
        ),
        (
            "2026-11-24 09:00",
            "1 business hour",
            "Mon 2026-11-23 16:30",
        ),
        ("2026-10-25 12:00", "P1D", "Sat 2026-10-24 12:00"),
    ] {
        let reminder = calendar.before(here(end), &span(before));
        assert_eq!(there(reminder), begin, "{before} before {end}");
    }
}

#[test]
fn a_pause_moves_the_due_date_by_the_working_time_it_took() {
    let calendar = brussels();
    let start = here("2026-11-23 10:00");
    let due = |span_text: &str, pauses: &[(&str, &str)]| {
        let pauses: Vec<_> = pauses
            .iter()
            .map(|(from, to)| (here(from), here(to)))
            .collect();
        there(calendar.due(start, &span(span_text), &pauses))
    };
    assert_eq!(due("2 business days", &[]), "Wed 2026-11-25 10:00");
    let weekend = ("2026-11-28 00:00", "2026-11-29 00:00");
    let hour = ("2026-11-24 10:00", "2026-11-24 11:00");
    let night = ("2026-11-24 18:00", "2026-11-25 08:00");
    let day = ("2026-11-24 09:00", "2026-11-24 18:00");
    assert_eq!(due("2 business days", &[weekend]), "Wed 2026-11-25 10:00");
    assert_eq!(due("2 business days", &[night]), "Wed 2026-11-25 10:00");
    assert_eq!(due("2 business days", &[hour]), "Wed 2026-11-25 11:00");
    assert_eq!(due("2 business days", &[day, hour]), "Thu 2026-11-26 10:00");
    assert_eq!(due("P2D", &[day]), "Wed 2026-11-25 19:00");
    let before = ("2026-11-23 09:00", "2026-11-23 11:00");
    assert_eq!(
        due("2 business days", &[before]),
        "Wed 2026-11-25 11:00",
        "from the start on"
    );
    let later = ("2026-11-25 10:00", "2026-11-26 10:00");
    assert_eq!(
        due("2 business days", &[later]),
        "Wed 2026-11-25 10:00",
        "it was due before"
    );
    assert_eq!(
        due("2 business days", &[hour, later]),
        "Thu 2026-11-26 11:00"
    );
}

#[test]
fn the_day_and_working_moments_are_those_of_the_calendars_zone() {
    let calendar = brussels();
    assert_eq!(calendar.day(at("2026-11-23T23:30:00Z")), date(2026, 11, 24));
    assert!(calendar.is_working(here("2026-11-24 09:00")));
    assert!(calendar.is_working(here("2026-11-24 12:29")));
    assert!(!calendar.is_working(here("2026-11-24 12:30")));
    assert!(!calendar.is_working(here("2026-12-25 10:00")));
    assert_eq!(
        there(calendar.next_working(here("2026-12-24 17:30"))),
        "Mon 2026-12-28 09:00"
    );
    assert_eq!(calendar.holidays_until(), Some(date(2027, 12, 31)));
}

#[test]
fn the_built_in_calendar_works_nine_to_five() {
    let calendar = Calendar::built_in();
    let due = calendar.after(at("2026-11-27T16:00:00Z"), &span("2 business hours"));
    assert_eq!(due, at("2026-11-30T10:00:00Z"));
    assert_eq!(
        (calendar.key.as_str(), calendar.holidays_until()),
        ("default", None)
    );
}

/// One minute of work a week, on a day that is often a holiday.
fn hostile(zone_name: &str) -> Calendar {
    let mut week: [Vec<Hours>; 7] = Default::default();
    week[6] = vec![hours(150, 151)];
    let sundays = (0..1000).map(|n| date(2027, 1, 3).saturating_add((n * 7).days()));
    Calendar {
        zone: zone(zone_name),
        week: Week::new(week).unwrap(),
        holidays: sundays.map(|day| (day, "Sunday".to_owned())).collect(),
        ..Calendar::built_in()
    }
}

#[test]
fn a_calendar_of_one_minute_a_week_still_answers_at_once() {
    for name in ["UTC", "Europe/Brussels", "Africa/Casablanca"] {
        let calendar = hostile(name);
        let start = at("2026-12-31T12:00:00Z");
        let begun = Instant::now();
        for text in [
            "3653 business days",
            "1 business hour",
            "87672 business hours",
            "P10Y",
            "PT87672H",
        ] {
            let due = calendar.due(start, &span(text), &[(start, at("2036-01-01T00:00:00Z"))]);
            assert!(due > start, "{text}");
            assert!(calendar.before(start, &span(text)) < start, "{text}");
        }
        let taken = begun.elapsed();
        assert!(taken.as_millis() < 2000, "{name}: {taken:?}");
    }
}

#[test]
fn there_is_an_answer_at_both_ends_of_time() {
    let ends = [Timestamp::MIN, Timestamp::MAX, Timestamp::UNIX_EPOCH];
    let spans = [
        Span::BusinessDays(u32::MAX),
        Span::BusinessHours(u32::MAX),
        Span::BusinessDays(0),
        Span::BusinessHours(0),
        Span::Period(jiff::Span::new()),
        Span::Period(19_998.years()),
        Span::Period((-19_998).years()),
        Span::Period(i64::from(i32::MAX).seconds()),
    ];
    for calendar in [hostile("Europe/Brussels"), brussels(), Calendar::built_in()] {
        for (end, span) in ends
            .iter()
            .flat_map(|end| spans.iter().map(move |span| (*end, span)))
        {
            for end in [At(end), At::new(end)] {
                assert!(calendar.after(end, span) >= end, "{end} {span:?}");
                assert!(calendar.before(end, span) <= end, "{end} {span:?}");
                assert!(calendar.next_working(end) >= end, "{end}");
                let pause = (At(Timestamp::MIN), At(Timestamp::MAX));
                assert!(calendar.due(end, span, &[pause]) >= end, "{end} {span:?}");
                calendar.is_working(end);
                calendar.day(end);
            }
        }
    }
}

/// Some working hours between two times of a day, on a grid.
fn some_hours(begin: u16, end: u16) -> impl Strategy<Value = Vec<Hours>> {
    prop::collection::btree_set(begin / 5..=end / 5, 0..=6).prop_map(|ends| {
        let ends: Vec<u16> = ends.into_iter().map(|step| step * 5).collect();
        ends.chunks_exact(2)
            .map(|pair| hours(pair[0], pair[1]))
            .collect()
    })
}

fn calendars(begin: u16, end: u16) -> impl Strategy<Value = Calendar> {
    calendars_in(&ZONES, begin, end)
}

fn calendars_in(zones: &[&'static str], begin: u16, end: u16) -> impl Strategy<Value = Calendar> {
    let week = prop::array::uniform7(some_hours(begin, end));
    let week = week.prop_filter_map("somebody works", Week::new);
    let holidays = prop::collection::btree_set(0..400_i64, 0..30);
    (
        week,
        holidays,
        prop::sample::select(zones.to_vec()),
        0..40_i64,
    )
        .prop_map(|(week, holidays, name, years)| {
            let begin = date(1990, 1, 1).saturating_add((years * 365).days());
            let day = |n: &i64| (begin.saturating_add(n.days()), "free".to_owned());
            Calendar {
                zone: zone(name),
                week,
                holidays: holidays.iter().map(day).collect(),
                ..Calendar::built_in()
            }
        })
}

/// Minutes from a moment of a calendar's first year, often close to where its clocks change.
fn start(calendar: &Calendar, minutes: i64) -> At {
    let begin = calendar
        .holidays
        .keys()
        .next()
        .copied()
        .unwrap_or(date(2010, 1, 1));
    let begin = calendar
        .zone
        .to_timestamp(begin.to_datetime(Time::midnight()))
        .unwrap();
    let change = calendar
        .zone
        .following(begin)
        .next()
        .map(|change| change.timestamp());
    let whole = |change: &Timestamp| change.as_second() % 60 == 0;
    let close = change.filter(whole).filter(|_| minutes % 3 > 0);
    match close {
        Some(change) => At::new(change + MINUTE * i32::try_from(minutes % 2880 - 1440).unwrap()),
        None => At::new(begin + MINUTE * i32::try_from(minutes).unwrap()),
    }
}

/// Whether work is done, as one would read it off the wall.
fn on_the_wall(calendar: &Calendar, at: &Zoned) -> bool {
    let weekday = usize::try_from(at.weekday().to_monday_zero_offset()).unwrap();
    let minute = u16::try_from(i32::from(at.hour()) * 60 + i32::from(at.minute())).unwrap();
    let mut hours = calendar.week.hours(weekday).iter();
    !calendar.holidays.contains_key(&at.date())
        && hours.any(|hours| hours.from <= minute && minute < hours.to)
}

fn walked_off(calendar: &Calendar, start: At, minutes: i64) -> At {
    let (mut now, mut left) = (start.0.to_zoned(calendar.zone.clone()), minutes);
    while left > 0 {
        left -= i64::from(on_the_wall(calendar, &now));
        now += MINUTE;
    }
    At::new(now.timestamp())
}

fn walked_back(calendar: &Calendar, end: At, minutes: i64) -> At {
    let (mut now, mut left) = (end.0.to_zoned(calendar.zone.clone()), minutes);
    while left > 0 {
        now -= MINUTE;
        left -= i64::from(on_the_wall(calendar, &now));
    }
    At::new(now.timestamp())
}

/// Business days by the calendar on the wall, where no clock changes between start and end.
fn walked_days(calendar: &Calendar, start: At, days: u32) -> At {
    let mut now = start.0.to_zoned(calendar.zone.clone());
    while !on_the_wall(calendar, &now) {
        now += MINUTE;
    }
    let time = now.hour() as u16 * 60 + now.minute() as u16;
    let (mut day, mut left) = (now.date(), days);
    let hours_of = |day: Date| match calendar.holidays.contains_key(&day) {
        true => &[],
        false => calendar
            .week
            .hours(day.weekday().to_monday_zero_offset() as usize),
    };
    while left > 0 {
        day = day.tomorrow().unwrap();
        left -= u32::from(!hours_of(day).is_empty());
    }
    let all: Vec<u16> = hours_of(day).iter().flat_map(|h| h.from..=h.to).collect();
    let time = all
        .iter()
        .find(|minute| **minute >= time)
        .or(all.last())
        .unwrap();
    let shown = day.at(0, 0, 0, 0) + i64::from(*time).minutes();
    At::new(shown.to_zoned(calendar.zone.clone()).unwrap().timestamp())
}

fn no_change_within(calendar: &Calendar, from: At, to: At) -> bool {
    let before = from.0 - SignedDuration::from_hours(30);
    let change = calendar.zone.following(before).next();
    change.is_none_or(|change| change.timestamp() > to.0 + SignedDuration::from_hours(30))
}

fn ends_in_working_time(calendar: &Calendar, at: At) -> bool {
    let just_before = At(at.0 - SignedDuration::from_micros(1));
    calendar.is_working(at) || calendar.is_working(just_before)
}

fn spans() -> impl Strategy<Value = Span> {
    prop_oneof![
        (1..40_u32).prop_map(Span::BusinessDays),
        (1..200_u32).prop_map(Span::BusinessHours),
        (1..60_i64).prop_map(|days| Span::Period(days.days())),
        (1..400_i64).prop_map(|hours| Span::Period(hours.hours())),
        (1..30_i64, 1..50_i64).prop_map(|(d, h)| Span::Period(d.days().hours(h))),
        (1..30_i64).prop_map(|months| Span::Period(months.months())),
    ]
}

fn longer(span: &Span) -> Span {
    match span {
        Span::BusinessDays(days) => Span::BusinessDays(days + 1),
        Span::BusinessHours(hours) => Span::BusinessHours(hours + 1),
        Span::Period(period) if period.get_months() > 0 => {
            Span::Period((period.get_months() + 1).months())
        }
        Span::Period(period) => Span::Period(period.hours(period.get_hours() + 1)),
    }
}

fn within_days() -> impl Strategy<Value = i64> {
    0..400 * 1440_i64
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn business_hours_are_what_a_walk_from_minute_to_minute_finds(
        calendar in calendars(0, 1440), minutes in within_days(), hours in 1..8_u32,
    ) {
        let start = start(&calendar, minutes);
        let end = calendar.after(start, &Span::BusinessHours(hours));
        prop_assert_eq!(end, walked_off(&calendar, start, i64::from(hours) * 60));
        let begin = calendar.before(start, &Span::BusinessHours(hours));
        prop_assert_eq!(begin, walked_back(&calendar, start, i64::from(hours) * 60));
        let work = calendar.working_time(start, end);
        prop_assert_eq!(work, SignedDuration::from_hours(i64::from(hours)));
    }

    #[test]
    fn the_next_working_moment_is_what_a_walk_finds(
        calendar in calendars(0, 1440), minutes in within_days(),
    ) {
        let start = start(&calendar, minutes);
        let next = calendar.next_working(start);
        prop_assert_eq!(next, At::new(walked_off(&calendar, start, 1).0 - MINUTE));
        prop_assert!(calendar.is_working(next));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn business_days_are_what_a_walk_from_day_to_day_finds(
        calendar in calendars(0, 1435), minutes in within_days(), days in 1..12_u32,
    ) {
        let start = start(&calendar, minutes / 3 * 3);
        let end = calendar.after(start, &Span::BusinessDays(days));
        prop_assume!(no_change_within(&calendar, start, end));
        prop_assert_eq!(end, walked_days(&calendar, start, days));
    }

    #[test]
    fn another_crate_reckons_the_same_business_hours(
        calendar in calendars_in(&ZONES[..14], 300, 1320), minutes in within_days(),
        work in 1..30_000_i64,
    ) {
        let other = as_workclock(&calendar);
        let (start, work) = (start(&calendar, minutes), SignedDuration::from_mins(work));
        let end = calendar.later(start, work);
        prop_assert_eq!(end.0, other.add(start.0, work).unwrap());
        prop_assert_eq!(calendar.working_time(start, end), other.between(start.0, end.0));
        let hours = u32::try_from(work.as_hours()).unwrap() + 1;
        let begin = calendar.before(start, &Span::BusinessHours(hours));
        let length = SignedDuration::from_hours(i64::from(hours));
        prop_assert_eq!(begin.0, other.sub(start.0, length).unwrap());
    }

    #[test]
    fn an_end_is_never_before_its_start_and_lies_in_working_time(
        calendar in calendars(0, 1440), minutes in within_days(), span in spans(),
        micros in 0..120_000_000_i64,
    ) {
        let start = start(&calendar, minutes);
        let start = At(start.0 + SignedDuration::from_micros(micros));
        let (end, begin) = (calendar.after(start, &span), calendar.before(start, &span));
        prop_assert!(begin < start && start < end, "{} {} {}", begin, start, end);
        if !matches!(span, Span::Period(_)) {
            prop_assert!(ends_in_working_time(&calendar, end), "{}", end);
            prop_assert!(ends_in_working_time(&calendar, begin), "{}", begin);
        }
    }

    #[test]
    fn later_starts_and_longer_spans_never_end_earlier(
        calendar in calendars(0, 1440), minutes in within_days(), span in spans(),
        more in prop_oneof![0..180_000_000_i64, 0..86_400_000_000_i64, 0..900_000_000_000_i64],
    ) {
        let start = start(&calendar, minutes);
        let later = At(start.0 + SignedDuration::from_micros(more));
        prop_assert!(calendar.after(start, &span) <= calendar.after(later, &span));
        prop_assert!(calendar.before(start, &span) <= calendar.before(later, &span));
        prop_assert!(calendar.after(start, &span) <= calendar.after(start, &longer(&span)));
        prop_assert!(calendar.before(start, &longer(&span)) <= calendar.before(start, &span));
    }

    #[test]
    fn so_it_is_where_clocks_change_while_people_work(
        calendar in calendars(0, 360), minutes in within_days(), around in -1600..1600_i32,
        more in 0..10_800_i64, span in spans(),
    ) {
        let near = start(&calendar, minutes).0;
        let change = calendar.zone.following(near).next().map_or(near, |change| change.timestamp());
        let start = At::new(change + MINUTE * (around / 8));
        let later = At(start.0 + SignedDuration::from_secs(more));
        for (one, two) in [(start, later), (At::new(near), later)] {
            let (one, two) = (one.min(two), one.max(two));
            prop_assert!(calendar.after(one, &span) <= calendar.after(two, &span));
            prop_assert!(calendar.before(one, &span) <= calendar.before(two, &span));
        }
        if !matches!(span, Span::Period(_)) {
            prop_assert!(ends_in_working_time(&calendar, calendar.after(start, &span)));
            prop_assert!(ends_in_working_time(&calendar, calendar.before(start, &span)));
        }
    }

    #[test]
    fn pauses_never_bring_the_end_forward_and_their_order_does_not_matter(
        calendar in calendars(0, 1440), minutes in within_days(), span in spans(),
        pauses in prop::collection::vec((-3000..40_000_i32, -100..5000_i32), 0..6),
        turn in 0..6_usize,
    ) {
        let start = start(&calendar, minutes);
        let pause = |(from, length): &(i32, i32)| {
            let from = start.0 + MINUTE * *from;
            (At::new(from), At::new(from + MINUTE * *length))
        };
        let mut pauses: Vec<(At, At)> = pauses.iter().map(pause).collect();
        let due = calendar.due(start, &span, &pauses);
        prop_assert!(due >= calendar.after(start, &span));
        let fewer = pauses.get(1..).unwrap_or_default();
        prop_assert!(due >= calendar.due(start, &span, fewer));
        let turn = turn.min(pauses.len());
        pauses.rotate_left(turn);
        prop_assert_eq!(due, calendar.due(start, &span, &pauses));
        pauses.reverse();
        prop_assert_eq!(due, calendar.due(start, &span, &pauses));
        pauses.extend_from_within(..);
        prop_assert_eq!(due, calendar.due(start, &span, &pauses), "said twice");
    }

    #[test]
    fn business_hours_do_not_run_while_they_are_paused(
        calendar in calendars(0, 1440), minutes in within_days(), hours in 1..60_u32,
        from in 0..20_000_i32, length in 1..9000_i32,
    ) {
        let start = start(&calendar, minutes);
        let from = At::new(start.0 + MINUTE * from);
        let to = At::new(from.0 + MINUTE * length);
        let due = calendar.due(start, &Span::BusinessHours(hours), &[(from, to)]);
        let work = calendar.working_time(start, due);
        let paused = calendar.working_time(from, to.min(due));
        let paused = if from < due { paused } else { SignedDuration::ZERO };
        prop_assert_eq!(work - paused, SignedDuration::from_hours(i64::from(hours)));
    }
}

fn as_workclock(calendar: &Calendar) -> workclock::Schedule {
    use workclock::{Holidays, Schedule, Weekdays, WorkDay};
    let name = calendar.zone.iana_name().unwrap();
    let mut builder = Schedule::builder().time_zone(name);
    let time = |minute: u16| {
        let hour = i8::try_from(minute / 60).unwrap();
        Time::new(hour, i8::try_from(minute % 60).unwrap(), 0, 0).unwrap()
    };
    for (weekday, day) in Weekday::Monday.cycle_forward().take(7).enumerate() {
        for hours in calendar.week.hours(weekday) {
            let days = Weekdays::from_iter([day]);
            builder = builder.rule(WorkDay::new(time(hours.from), time(hours.to), days));
        }
    }
    let holidays = Holidays::new(calendar.holidays.keys().copied());
    builder.rule(holidays).build().unwrap()
}

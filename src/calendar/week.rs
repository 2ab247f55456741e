//! The working hours of a week.

/// Minutes in a day.
pub const DAY_MINUTES: u16 = 24 * 60;

/// The days of a week in their order, as a document names them, and in words.
pub const WEEKDAYS: [(&str, &str); 7] = [
    ("mon", "Monday"),
    ("tue", "Tuesday"),
    ("wed", "Wednesday"),
    ("thu", "Thursday"),
    ("fri", "Friday"),
    ("sat", "Saturday"),
    ("sun", "Sunday"),
];

/// Working time within a day, from the first minute to before the last: minutes since midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hours {
    /// The minute at which work begins.
    pub from: u16,
    /// The minute at which it ends, at most 1440, the end of the day.
    pub to: u16,
}

/// Why hours cannot be those of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoursFault {
    /// They end before they begin, or at once.
    Reversed,
    /// They begin before the hours in front of them end.
    Overlap,
}

/// The working hours of each weekday, in their order and apart from each other; some somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Week([Vec<Hours>; 7]);

impl Week {
    /// A week from Monday on, unless nobody ever works in it or hours do not fit each other.
    pub fn new(days: [Vec<Hours>; 7]) -> Option<Week> {
        let sound = days.iter().all(|day| faults(day).is_empty());
        let works = days.iter().any(|day| !day.is_empty());
        (sound && works).then_some(Week(days))
    }

    /// Monday to Friday, nine to five.
    pub(super) fn office() -> Week {
        let day = || {
            vec![Hours {
                from: 540,
                to: 1020,
            }]
        };
        Week([day(), day(), day(), day(), day(), vec![], vec![]])
    }

    /// The hours of a weekday, 0 for Monday; none for a day without work.
    pub fn hours(&self, weekday: usize) -> &[Hours] {
        self.0.get(weekday).map_or(&[], Vec::as_slice)
    }
}

/// What is wrong with the hours of a day, by their place.
pub(super) fn faults(day: &[Hours]) -> Vec<(usize, HoursFault)> {
    let mut last = 0;
    let mut faults = Vec::new();
    for (place, hours) in day.iter().enumerate() {
        if hours.to <= hours.from || hours.to > DAY_MINUTES {
            faults.push((place, HoursFault::Reversed));
        } else if hours.from < last {
            faults.push((place, HoursFault::Overlap));
        }
        last = last.max(hours.to);
    }
    faults
}

//! Calendars: when work is done, and how long business time takes.
//!
//! A calendar is a document: a time zone, working hours for each weekday, holidays. What is kept
//! of it is a version that never changes, because a due date must follow from it years later.
//! What the reckoning promises, for every calendar and every instant:
//! - an answer, soon, also for one minute of work a week and a span of ten years;
//! - an end never lies before its start, later starts and longer spans never end earlier;
//! - business time ends within working time, or at the moment at which it ends;
//! - pauses never bring an end forward, and their order does not matter;
//! - clocks that are set forward or back are reckoned with, by the hours that really pass.
//!
//! All but the store, its pages and the API is pure.

pub mod api;
mod document;
pub mod page;
mod reckon;
mod sheet;
mod span;
mod store;
mod wall;
mod week;

#[cfg(test)]
mod tests;

pub use document::Document;
pub use span::{Span, SpanFault};
pub use store::{
    Cache, Head, current, keep, newest, revise, source, version, versions, versions_of,
};
pub use week::{DAY_MINUTES, Hours, HoursFault, WEEKDAYS, Week};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

/// The format of a calendar's document as JSON Schema, for editors.
pub const SCHEMA: &str = include_str!("../../schemas/calendar/calendar.json");

/// When work is done.
#[derive(Debug, Clone, PartialEq)]
pub struct Calendar {
    /// Its short name.
    pub key: String,
    /// What people read.
    pub title: String,
    /// The time zone of its wall clock.
    pub zone: TimeZone,
    /// Working hours of each weekday.
    pub week: Week,
    /// Days without work, by their names.
    pub holidays: BTreeMap<Date, String>,
    /// The last day for which all holidays are stated.
    pub stated_until: Option<Date>,
}

/// One version of a calendar; it never changes.
#[derive(Debug, Clone, PartialEq)]
pub struct Version {
    /// From 1; 0 is the built-in calendar.
    pub version: i32,
    /// The calendar.
    pub calendar: Calendar,
}

impl Calendar {
    /// Monday to Friday, nine to five in UTC, without holidays: what holds where none is kept.
    pub fn built_in() -> Calendar {
        Calendar {
            key: "default".to_owned(),
            title: "Monday to Friday, 9 to 5 UTC".to_owned(),
            zone: TimeZone::UTC,
            week: Week::office(),
            holidays: BTreeMap::new(),
            stated_until: None,
        }
    }

    /// The last day for which its author says that all holidays are stated.
    pub fn holidays_until(&self) -> Option<Date> {
        self.stated_until
    }
}

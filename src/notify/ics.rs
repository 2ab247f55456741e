//! A calendar as text (RFC 5545): days and times to know of, nothing that asks for an answer and
//! nothing that rings. Pure.
use crate::db::At;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// Longest line, in bytes, its end not counted.
const LINE_MAX: usize = 75;
/// How often calendar programs should look again; it is theirs to decide.
const REFRESH: &str = "PT1H";

/// When an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// A whole day, wherever one is.
    Day(Date),
    /// A moment.
    Time(At),
}

/// One entry of a calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What identifies it, now and later.
    pub uid: String,
    /// Since when it is as it is.
    pub stamp: At,
    /// When it is.
    pub when: When,
    /// One line about it.
    pub summary: String,
    /// More about it.
    pub description: String,
    /// A page of ours.
    pub link: String,
}

/// A calendar of this name with these events.
pub fn calendar(name: &str, events: &[Event]) -> String {
    let mut text = String::new();
    line(&mut text, "BEGIN:VCALENDAR");
    line(&mut text, "VERSION:2.0");
    line(&mut text, "PRODID:-//Countersign//Countersign//EN");
    line(&mut text, "CALSCALE:GREGORIAN");
    for property in ["NAME", "X-WR-CALNAME"] {
        line(&mut text, &format!("{property}:{}", escaped(name)));
    }
    line(
        &mut text,
        &format!("REFRESH-INTERVAL;VALUE=DURATION:{REFRESH}"),
    );
    line(&mut text, &format!("X-PUBLISHED-TTL:{REFRESH}"));
    for event in events {
        add(&mut text, event);
    }
    line(&mut text, "END:VCALENDAR");
    text
}

fn add(text: &mut String, event: &Event) {
    line(text, "BEGIN:VEVENT");
    line(text, &format!("UID:{}", escaped(&event.uid)));
    line(text, &format!("DTSTAMP:{}", time(event.stamp)));
    match event.when {
        When::Day(day) => {
            line(
                text,
                &format!("DTSTART;VALUE=DATE:{}", day.strftime("%Y%m%d")),
            );
            // Without it some programs show two days, others none.
            let next = day.tomorrow().unwrap_or(day);
            line(
                text,
                &format!("DTEND;VALUE=DATE:{}", next.strftime("%Y%m%d")),
            );
        }
        When::Time(at) => {
            line(text, &format!("DTSTART:{}", time(at)));
            line(text, &format!("DTEND:{}", time(at)));
        }
    }
    line(text, &format!("SUMMARY:{}", escaped(&event.summary)));
    line(
        text,
        &format!("DESCRIPTION:{}", escaped(&event.description)),
    );
    line(text, &format!("URL:{}", plain(&event.link)));
    // Nobody is busy because something is due.
    line(text, "TRANSP:TRANSPARENT");
    line(text, "END:VEVENT");
}

fn time(at: At) -> String {
    let there = TimeZone::UTC.to_datetime(at.0);
    there.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// Text as a property's value: nothing in it ends the value, the line or the calendar.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.replace("\r\n", "\n").chars() {
        match c {
            '\\' | ';' | ',' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if is_hidden(c) => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

fn is_hidden(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// An address of ours, which holds no such character.
fn plain(address: &str) -> String {
    address.chars().filter(|c| c.is_ascii_graphic()).collect()
}

/// Adds a line, folded between characters.
fn line(text: &mut String, content: &str) {
    let mut width = 0;
    for c in content.chars() {
        if width + c.len_utf8() > LINE_MAX {
            text.push_str("\r\n ");
            width = 1;
        }
        text.push(c);
        width += c.len_utf8();
    }
    text.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> At {
        At::parse(text).expect("a time")
    }

    fn event(summary: &str, when: When) -> Event {
        Event {
            uid: "task-1@register.test".to_owned(),
            stamp: at("2026-11-23T08:40:00.5Z"),
            when,
            summary: summary.to_owned(),
            description: "Asked by Tomás".to_owned(),
            link: "https://register.test/ai/tasks/1".to_owned(),
        }
    }

    /// The lines as a reader unfolds them.
    fn unfolded(text: &str) -> Vec<String> {
        assert!(text.ends_with("\r\n") && !text.replace("\r\n", "").contains(['\r', '\n']));
        let whole = text.replace("\r\n ", "");
        whole.trim_end().split("\r\n").map(str::to_owned).collect()
    }

    #[test]
    fn a_moment_and_a_whole_day_stand_as_they_should() {
        let moment = event("Decide", When::Time(at("2026-11-30T16:00:00Z")));
        let day = event("Renew", When::Day("2027-12-31".parse().expect("a day")));
        let lines = unfolded(&calendar("AI register", &[moment, day]));
        for expected in [
            "DTSTART:20261130T160000Z",
            "DTEND:20261130T160000Z",
            "DTSTAMP:20261123T084000Z",
            "DTSTART;VALUE=DATE:20271231",
            "DTEND;VALUE=DATE:20280101",
            "URL:https://register.test/ai/tasks/1",
            "X-WR-CALNAME:AI register",
        ] {
            assert!(
                lines.iter().any(|line| line == expected),
                "{expected}: {lines:#?}"
            );
        }
        let text = lines.join("\n");
        for never in ["METHOD", "ATTENDEE", "ORGANIZER", "VALARM", "RRULE"] {
            assert!(!text.contains(never), "{never}");
        }
    }

    #[test]
    fn what_somebody_typed_adds_no_line_and_no_event() {
        let hostile = "a;b,c\\d\r\nEND:VEVENT\nBEGIN:VALARM\rX\u{2028}Y\u{202e}Z\0";
        let lines = unfolded(&calendar(
            hostile,
            &[event(hostile, When::Time(at("2026-11-30T16:00:00Z")))],
        ));
        let summary = "SUMMARY:a\\;b\\,c\\\\d\\nEND:VEVENT\\nBEGIN:VALARM X Y Z ";
        assert!(
            lines
                .iter()
                .any(|line| line.trim_end() == summary.trim_end()),
            "{lines:#?}"
        );
        let begins = lines.iter().filter(|line| line.starts_with("BEGIN:"));
        assert_eq!(begins.count(), 2, "{lines:#?}");
    }

    #[test]
    fn lines_are_short_in_bytes_and_no_character_is_torn() {
        for summary in [
            "ü".repeat(300),
            "\u{1f600}".repeat(100),
            format!("x{}", "é".repeat(200)),
        ] {
            let text = calendar(
                "",
                &[event(
                    &summary,
                    When::Day("2027-01-31".parse().expect("a day")),
                )],
            );
            assert!(
                text.split("\r\n").all(|line| line.len() <= LINE_MAX),
                "{text}"
            );
            assert!(unfolded(&text).contains(&format!("SUMMARY:{summary}")));
        }
    }

    #[test]
    fn a_calendar_without_events_is_one() {
        let lines = unfolded(&calendar("AI register", &[]));
        assert_eq!(lines.first().map(String::as_str), Some("BEGIN:VCALENDAR"));
        assert_eq!(lines.last().map(String::as_str), Some("END:VCALENDAR"));
    }
}

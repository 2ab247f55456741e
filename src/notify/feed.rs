//! What stands in a person's calendar feed: what they have to do by a day or a time.
use crate::config::Config;
use crate::db::{Conn, PersonId};
use crate::error::Result;
use crate::notify::ics::{self, Event, When};
use crate::notify::letter;
use crate::review::Desk;
use crate::review::agenda::{About, Agenda, Ending, Owing, Waiting};
use std::time::Duration;

/// How far ahead the ends of approvals are shown.
const AHEAD: Duration = Duration::from_secs(3 * 366 * 86_400);

/// The feed of a person, as text.
///
/// # Errors
/// When the database fails or holds what cannot be read.
pub(super) fn feed(
    conn: &mut Conn,
    config: &Config,
    desk: &Desk,
    person: PersonId,
) -> Result<String> {
    let until = desk.clock.now().plus(AHEAD);
    let agenda = Agenda::of(conn, desk, person, until)?;
    let maker = Maker {
        config,
        domain: letter::domain(&config.origin()),
    };
    let mut events: Vec<Event> = Vec::new();
    events.extend(agenda.tasks.iter().filter_map(|one| maker.task(one)));
    events.extend(
        agenda
            .conditions
            .iter()
            .filter_map(|one| maker.condition(one)),
    );
    events.extend(agenda.approvals.iter().map(|one| maker.approval(one)));
    let name = format!("{}, AI register", config.organisation);
    Ok(ics::calendar(&name, &events))
}

struct Maker<'a> {
    config: &'a Config,
    domain: String,
}

impl Maker<'_> {
    fn uid(&self, what: &str, id: impl std::fmt::Display) -> String {
        format!("{what}-{id}@{}", self.domain)
    }

    fn description(&self, about: &About, path: &str) -> String {
        format!(
            "{}, {}\n{}",
            about.reference,
            about.title,
            self.config.link(path)
        )
    }

    fn task(&self, one: &Waiting) -> Option<Event> {
        let path = format!("/tasks/{}", one.task.id);
        Some(Event {
            uid: self.uid("task", one.task.id),
            stamp: one.task.opened_at,
            when: When::Time(one.due?),
            summary: format!("Decide: {}, {}", one.stage, one.about.title),
            description: self.description(&one.about, &path),
            link: self.config.link(&path),
        })
    }

    fn condition(&self, one: &Owing) -> Option<Event> {
        let day = one.day.as_deref().and_then(|day| day.parse().ok());
        let when = match day {
            Some(day) => When::Day(day),
            None => When::Time(one.due?),
        };
        Some(Event {
            uid: self.uid("condition", one.id),
            stamp: one.since,
            when,
            summary: format!("Condition: {}", one.text),
            description: self.description(&one.about, &one.about.path),
            link: self.config.link(&one.about.path),
        })
    }

    fn approval(&self, one: &Ending) -> Event {
        Event {
            uid: self.uid("approval", one.about.id),
            stamp: one.since,
            when: When::Time(one.ends),
            summary: format!("Approval ends: {}", one.about.title),
            description: self.description(&one.about, &one.about.path),
            link: self.config.link(&one.about.path),
        }
    }
}

//! Who answers for which point and area. A room that settles one is plugged in with one line here.
use super::{Light, Standing, approval, data, monitoring};
use crate::catalogue;
use crate::db::{Conn, RecordId};
use crate::error::Result;
use crate::gates;
use crate::oversight;
use crate::register::Record;
use crate::review::Desk;
use crate::risk;
use crate::vendor;
use crate::web::badge::Badge;
use jiff::civil::Date;
use serde::Serialize;
use serde_json::Value;
use std::collections::HashMap;

/// A use case of which the standing is asked.
#[derive(Debug)]
pub struct Subject {
    /// It.
    pub record: Record,
    /// Its present content.
    pub document: Value,
}

/// How each of some use cases stands in one point.
pub(super) type Standings = HashMap<RecordId, Standing>;

/// Who says how a point stands.
#[derive(Clone, Copy)]
enum Source {
    /// This room: from approvals, the data-use policy, what is scheduled.
    Here(fn(&mut Conn, &Desk, &[Subject], Date) -> Result<Standings>),
    /// Another room, by its `standings`.
    Room(fn(&mut Conn, &[RecordId], Date) -> Result<Standings>),
}

/// A room that says how the nine areas stand.
type Areas = fn(&mut Conn, &[RecordId], Date) -> Result<HashMap<RecordId, [Standing; 9]>>;

/// Who answers for each of [`POINTS`], in their order.
const SOURCES: [Source; 7] = [
    Source::Here(approval::standings),
    Source::Here(data::standings),
    Source::Room(oversight::standings),
    Source::Room(gates::standings),
    Source::Room(vendor::standings),
    Source::Room(risk::escalations),
    Source::Here(monitoring::standings),
];

/// Who answers for [`AREAS`].
const ASSESSED: Areas = risk::areas;

/// Key and title of each governance point.
pub const POINTS: [(&str, &str); 7] = [
    ("approval", "Who approves"),
    ("data", "Data"),
    ("human_review", "Human review"),
    ("tests", "Tests"),
    ("vendor", "Vendor"),
    ("escalation", "Escalation"),
    ("monitoring", "Monitoring"),
];

/// Key and title of each risk area.
pub const AREAS: [(&str, &str); 9] = [
    ("security", "Security"),
    ("privacy", "Privacy"),
    ("compliance", "Compliance"),
    ("bias", "Bias"),
    ("reliability", "Reliability"),
    ("explainability", "Explainability"),
    ("intellectual_property", "Intellectual property"),
    ("vendor_dependency", "Vendor dependency"),
    ("operational_resilience", "Operational resilience"),
];

/// How one use case stands in every point and area.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Screen {
    /// In the order of [`POINTS`].
    pub points: Vec<Standing>,
    /// In the order of [`AREAS`].
    pub areas: Vec<Standing>,
}

impl Screen {
    /// All of it, points before areas.
    pub fn all(&self) -> impl Iterator<Item = &Standing> {
        self.points.iter().chain(&self.areas)
    }
}

/// How these use cases stand: a few statements whatever their number.
///
/// # Errors
/// When the database fails.
pub fn screens(
    conn: &mut Conn,
    desk: &Desk,
    records: Vec<Record>,
) -> Result<HashMap<RecordId, Screen>> {
    let today = desk.today().0;
    let mut documents = catalogue::documents(conn, &records)?;
    let subject = |record: Record| Subject {
        document: documents.remove(&record.id).unwrap_or_default(),
        record,
    };
    let subjects: Vec<Subject> = records.into_iter().map(subject).collect();
    let ids: Vec<RecordId> = subjects.iter().map(|subject| subject.record.id).collect();
    let mut screens: HashMap<RecordId, Screen> = HashMap::new();
    for source in SOURCES {
        let mut told = match source {
            Source::Here(ask) => ask(conn, desk, &subjects, today)?,
            Source::Room(ask) => ask(conn, &ids, today)?,
        };
        for id in &ids {
            let nobody = || Standing::open("Nobody has assessed it.");
            let standing = told.remove(id).unwrap_or_else(nobody);
            let screen = screens.entry(*id).or_insert_with(|| Screen {
                points: Vec::new(),
                areas: Vec::new(),
            });
            screen.points.push(standing);
        }
    }
    let mut told = ASSESSED(conn, &ids, today)?;
    for (id, screen) in &mut screens {
        screen.areas = match told.remove(id) {
            Some(areas) => areas.into(),
            None => vec![Standing::open("Nobody has assessed it."); AREAS.len()],
        };
    }
    Ok(screens)
}

/// How one use case stands.
///
/// # Errors
/// When the database fails.
pub fn screen(conn: &mut Conn, desk: &Desk, record: Record) -> Result<Screen> {
    let found = screens(conn, desk, vec![record])?.into_values().next();
    Ok(found.unwrap_or(Screen {
        points: Vec::new(),
        areas: Vec::new(),
    }))
}

/// The same in one line, for the record's own page.
#[derive(Debug, Clone, Serialize)]
pub struct Small {
    /// `2 of 7 points and 0 of 9 areas are settled.`
    pub sentence: String,
    /// Each point with its state.
    pub points: Vec<SmallPoint>,
}

/// A point and its state.
#[derive(Debug, Clone, Serialize)]
pub struct SmallPoint {
    /// What people read.
    pub title: &'static str,
    /// The state.
    pub status: Badge,
}

/// How a use case stands, in one line.
///
/// # Errors
/// When the database fails.
pub fn small(conn: &mut Conn, desk: &Desk, record: &Record) -> Result<Small> {
    let screen = screen(conn, desk, record.clone())?;
    let settled = |all: &[Standing]| {
        let done = [Light::Settled, Light::NotNeeded];
        all.iter().filter(|one| done.contains(&one.light)).count()
    };
    let points = POINTS.iter().zip(&screen.points);
    Ok(Small {
        sentence: format!(
            "{} of {} points and {} of {} risk areas are settled or not needed.",
            settled(&screen.points),
            POINTS.len(),
            settled(&screen.areas),
            AREAS.len()
        ),
        points: points
            .map(|((_, title), standing)| SmallPoint {
                title,
                status: standing.light.badge(),
            })
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seven_points_and_nine_areas_have_keys_of_their_own() {
        let mut keys: Vec<&str> = POINTS.iter().chain(&AREAS).map(|(key, _)| *key).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), 16);
        assert_eq!(SOURCES.len(), POINTS.len());
    }
}

//! How all use cases stand. Reckoned once for each state of the register: nothing in it changes
//! without an entry or a new day.
use super::{AREAS, Light, POINTS, screens};
use crate::db::schema::records;
use crate::db::{Conn, Day, PersonId, RecordId};
use crate::error::Result;
use crate::ledger;
use crate::register::{self, Record, Status};
use crate::review::Desk;
use diesel::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

/// Use cases that are reckoned together.
const CHUNK: usize = 500;
/// What stands in the portfolio: what is used, or about to be.
const COUNTED: [Status; 8] = [
    Status::Registered,
    Status::InReview,
    Status::ChangesRequested,
    Status::Approved,
    Status::Overridden,
    Status::Suspended,
    Status::Expired,
    Status::Revoked,
];

/// How one use case stands, in lights.
#[derive(Debug, Clone)]
pub struct Row {
    /// It.
    pub id: RecordId,
    /// Its reference.
    pub reference: String,
    /// Its title.
    pub title: String,
    /// The business unit it names.
    pub unit: Option<String>,
    /// Who answers for it, and who made it.
    people: [Option<PersonId>; 2],
    /// Points, then areas.
    lights: [Light; 16],
}

impl Row {
    /// How it stands in a point or area; nothing for a key that is none.
    pub fn light(&self, key: &str) -> Option<Light> {
        let mut keys = POINTS.iter().chain(&AREAS);
        let place = keys.position(|(known, _)| *known == key)?;
        self.lights.get(place).copied()
    }

    /// Every light, points before areas.
    pub fn lights(&self) -> &[Light] {
        &self.lights
    }
}

/// All use cases, as of an entry and a day.
#[derive(Debug)]
pub struct Portfolio {
    size: u64,
    day: Day,
    /// The use cases, by reference.
    pub rows: Vec<Row>,
}

/// The portfolio as it was reckoned last.
#[derive(Debug, Default)]
pub struct Cache(Mutex<Option<Arc<Portfolio>>>);

/// The portfolio as it is now.
///
/// # Errors
/// When the database fails.
pub fn portfolio(conn: &mut Conn, desk: &Desk) -> Result<Arc<Portfolio>> {
    let (size, day) = (ledger::head(conn)?.0, desk.today());
    let known = desk.overview.0.lock().ok().and_then(|last| last.clone());
    if let Some(known) = known.filter(|known| known.size == size && known.day == day) {
        return Ok(known);
    }
    let statuses: Vec<&str> = COUNTED.iter().map(|status| status.as_str()).collect();
    let mut all: Vec<Record> = records::table
        .filter(
            records::kind
                .eq("use_case")
                .and(records::status.eq_any(statuses)),
        )
        .order(records::reference)
        .select(Record::as_select())
        .load(conn)?;
    let units = units(conn)?;
    let mut rows = Vec::with_capacity(all.len());
    while !all.is_empty() {
        let rest = all.split_off(all.len().min(CHUNK));
        let chunk = std::mem::replace(&mut all, rest);
        let screens = screens(conn, desk, chunk.clone())?;
        for record in chunk {
            let Some(screen) = screens.get(&record.id) else {
                continue;
            };
            let mut lights = [Light::Open; 16];
            for (place, standing) in lights.iter_mut().zip(screen.all()) {
                *place = standing.light;
            }
            rows.push(Row {
                unit: units.get(&record.id).cloned(),
                people: [record.owner_id, record.submitter_id],
                id: record.id,
                reference: record.reference,
                title: record.title,
                lights,
            });
        }
    }
    let made = Arc::new(Portfolio { size, day, rows });
    if let Ok(mut last) = desk.overview.0.lock() {
        *last = Some(made.clone());
    }
    Ok(made)
}

/// The unit that each use case names.
fn units(conn: &mut Conn) -> Result<HashMap<RecordId, String>> {
    use crate::db::schema::record_facets;
    let rows: Vec<(RecordId, String)> = record_facets::table
        .filter(record_facets::field.eq("unit"))
        .select((record_facets::record_id, record_facets::value))
        .load(conn)?;
    Ok(rows.into_iter().collect())
}

/// What is looked at: a unit, and what a reader may see.
#[derive(Debug, Clone, Default)]
pub struct Lens {
    /// Only of this business unit.
    pub unit: Option<String>,
    /// Only of these units, and of this person.
    pub within: Option<(Vec<String>, PersonId)>,
}

/// The rows that a lens shows.
///
/// # Errors
/// When the database fails.
pub fn seen<'a>(conn: &mut Conn, all: &'a Portfolio, lens: &Lens) -> Result<Vec<&'a Row>> {
    let within: Option<(BTreeSet<RecordId>, PersonId)> = match &lens.within {
        Some((units, person)) => Some((register::of_units(conn, units)?, *person)),
        None => None,
    };
    let shows = |row: &&Row| {
        let may = within.as_ref().is_none_or(|(ids, person)| {
            ids.contains(&row.id) || row.people.contains(&Some(*person))
        });
        may && (lens.unit.is_none() || row.unit == lens.unit)
    };
    Ok(all.rows.iter().filter(shows).collect())
}

/// How many rows have each light, for each point and area.
pub fn counts(rows: &[&Row]) -> Vec<BTreeMap<Light, usize>> {
    let mut all = vec![BTreeMap::new(); POINTS.len() + AREAS.len()];
    for row in rows {
        for (counts, light) in all.iter_mut().zip(row.lights()) {
            *counts.entry(*light).or_default() += 1;
        }
    }
    all
}

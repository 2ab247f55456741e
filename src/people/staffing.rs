//! The whole organisation as it stands today, for the question whether seats can be filled.
use crate::db::schema::{memberships, people};
use crate::db::{Conn, Day, PersonId};
use crate::error::Result;
use crate::people::absence;
use crate::people::store::Person;
use crate::workflow::{Colleague, Staffing};
use diesel::prelude::*;
use std::collections::BTreeMap;

/// Everybody who is active, by what they hold and by address; calendars are left to the caller.
/// Three statements, however many people there are.
///
/// # Errors
/// When the database fails.
pub fn staffing(conn: &mut Conn, today: Day) -> Result<Staffing> {
    let active: Vec<Person> = people::table
        .filter(people::active.eq(true))
        .order((people::name, people::id))
        .select(Person::as_select())
        .load(conn)?;
    let away = absence::all_away(conn, today)?;
    let colleague = |person: Person| Colleague {
        away: away.contains(&person.id),
        name: person.name,
        address: person.email,
        reachable: person.reachable,
    };
    let known: BTreeMap<PersonId, Colleague> = active
        .into_iter()
        .map(|person| (person.id, colleague(person)))
        .collect();
    let held: Vec<(String, String, PersonId)> = memberships::table
        .select((memberships::kind, memberships::name, memberships::person_id))
        .load(conn)?;
    let mut staffing = Staffing {
        today: today.0,
        ..Staffing::default()
    };
    for (kind, name, person) in held {
        let Some(colleague) = known.get(&person) else {
            continue;
        };
        let holders = match kind.as_str() {
            "role" => &mut staffing.roles,
            _ => &mut staffing.groups,
        };
        holders.entry(name).or_default().push(colleague.clone());
    }
    let by_address = known.into_values().map(|c| (c.address.clone(), c));
    staffing.people = by_address.collect();
    Ok(staffing)
}

//! The organisation as the check of seats wants it.
use crate::calendar;
use crate::db::Conn;
use crate::error::Result;
use crate::people;
use crate::review::service::Desk;
use crate::workflow::{Colleague, Staffing};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Everybody who is here today, by what they hold, and the calendars there are.
///
/// # Errors
/// When the database fails.
pub fn staffing(conn: &mut Conn, desk: &Desk) -> Result<Staffing> {
    let today = desk.today();
    let everybody = people::all(conn)?;
    let mut staffing = Staffing {
        today: today.0,
        ..Staffing::default()
    };
    for line in people::lines(conn, today, everybody)? {
        if !line.person.active {
            continue;
        }
        let colleague = Colleague {
            name: line.person.name.clone(),
            address: line.person.email.clone(),
            reachable: line.person.reachable,
            away: line.away.is_some(),
        };
        let add = |held: &mut BTreeMap<String, Vec<Colleague>>, key: String| {
            held.entry(key).or_default().push(colleague.clone());
        };
        for role in line.held.roles {
            add(&mut staffing.roles, role);
        }
        for group in line.held.groups {
            add(&mut staffing.groups, group);
        }
        let address = colleague.address.to_lowercase();
        staffing.people.insert(address, colleague);
    }
    for head in calendar::versions(conn)? {
        if let Entry::Vacant(place) = staffing.calendars.entry(head.key) {
            let current = desk.calendars.current(conn, place.key())?;
            place.insert(current.calendar.stated_until);
        }
    }
    Ok(staffing)
}

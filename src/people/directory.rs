//! The people that a review may ask, for its engine. On the way of every decision: a statement for
//! those who hold roles and groups, one for those who are named or were asked, and one for the
//! managers and delegates of them all, where there are others.
use crate::db::schema::{absences, memberships, people};
use crate::db::{Conn, Day, Kept, PersonId};
use crate::error::Result;
use crate::on_backend;
use crate::review::engine::Directory;
use crate::workflow::{Who, Workflow};
use diesel::prelude::*;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What is known of one person.
#[derive(Debug, Clone, Queryable)]
struct Known {
    id: PersonId,
    email: String,
    active: bool,
    reachable: bool,
    manager: Option<PersonId>,
    absence: Option<String>,
    delegate: Option<PersonId>,
}

/// The people that a workflow names, directly or through the fields of `request`, and `others`
/// whom a review concerns (who was asked, who submitted, who owns), with their managers and
/// delegates, as they stand on the day `today`. Roles, groups, addresses, managers and delegates
/// are people who are here.
///
/// # Errors
/// When the database fails.
pub fn directory(
    conn: &mut Conn,
    workflow: &Workflow,
    request: &Value,
    today: Day,
    others: &BTreeSet<PersonId>,
) -> Result<Directory> {
    let mut found = Directory::default();
    let mut addresses = BTreeSet::new();
    for role in workflow.roles() {
        found.roles.entry(role.clone()).or_default();
    }
    for who in workflow.parties() {
        let address = match who {
            Who::Group(group) => {
                found.groups.entry(group.clone()).or_default();
                continue;
            }
            Who::Person(address) => Some(address.as_str()),
            Who::Field(field) => request.get(field).and_then(Value::as_str),
            Who::Role(_) | Who::Relation(_) | Who::ManagerOf(_) => None,
        };
        addresses.extend(address.and_then(|text| super::address(text).ok()));
    }
    let mut known = BTreeMap::new();
    for (kind, name, person) in holders(conn, &found, today)? {
        let held = match kind.as_str() {
            "role" => found.roles.get_mut(&name),
            _ => found.groups.get_mut(&name),
        };
        if let Some(held) = held {
            held.insert(person.id);
            known.insert(person.id, person);
        }
    }
    let missing = others.iter().copied().filter(|id| !known.contains_key(id));
    let missing: Vec<PersonId> = missing.collect();
    look_up(conn, &mut known, &addresses, missing, today)?;
    let named = known
        .values()
        .filter(|p| p.active && addresses.contains(&p.email));
    found.addresses = named.map(|p| (p.email.clone(), p.id)).collect();
    let behind: BTreeSet<PersonId> = known
        .values()
        .flat_map(|p| [p.manager, p.delegate])
        .flatten()
        .filter(|id| !known.contains_key(id))
        .collect();
    look_up(
        conn,
        &mut known,
        &BTreeSet::new(),
        behind.into_iter().collect(),
        today,
    )?;
    describe(&mut found, &known);
    Ok(found)
}

fn describe(found: &mut Directory, known: &BTreeMap<PersonId, Known>) {
    let here = |id: &PersonId| known.get(id).is_some_and(|p| p.active);
    for (id, person) in known {
        if !person.active {
            found.gone.insert(*id);
            continue;
        }
        if person.absence.is_some() {
            found.away.insert(*id, person.delegate.filter(here));
        }
        if let Some(manager) = person.manager.filter(here) {
            found.managers.insert(*id, manager);
        }
        if !person.reachable {
            found.unreachable.insert(*id);
        }
    }
}

/// The absence of a person that is in force on a day.
macro_rules! in_force {
    ($today:expr) => {
        absences::table.on(absences::person_id
            .eq(people::id)
            .and(absences::ended_at.is_null())
            .and(absences::from_day.le($today))
            .and(absences::until_day.ge($today)))
    };
}

/// What [`Known`] is read from.
macro_rules! about {
    () => {
        (
            people::id,
            people::email,
            people::active,
            people::reachable,
            people::manager_id,
            absences::id.nullable(),
            absences::delegate_id.nullable(),
        )
    };
}

/// Who holds the roles and groups of `found`.
fn holders(conn: &mut Conn, found: &Directory, today: Day) -> Result<Vec<(String, String, Known)>> {
    let names: BTreeSet<&String> = found.roles.keys().chain(found.groups.keys()).collect();
    let held = memberships::table
        .inner_join(people::table.on(people::id.eq(memberships::person_id)))
        .left_join(in_force!(today))
        .filter(memberships::kind.eq_any(["role", "group"]))
        .filter(memberships::name.eq_any(names).and(people::active.eq(true)))
        .select((memberships::kind, memberships::name, about!()));
    Ok(on_backend!(conn, c => Kept(held).load(c))?)
}

/// Adds those with these addresses and identifiers to what is known.
fn look_up(
    conn: &mut Conn,
    known: &mut BTreeMap<PersonId, Known>,
    addresses: &BTreeSet<String>,
    ids: Vec<PersonId>,
    today: Day,
) -> Result<()> {
    if addresses.is_empty() && ids.is_empty() {
        return Ok(());
    }
    let rows = people::table
        .left_join(in_force!(today))
        .filter(
            people::id
                .eq_any(filled_up(ids))
                .or(people::email.eq_any(filled_up(addresses.iter().collect()))),
        )
        .select(about!());
    let rows: Vec<Known> = on_backend!(conn, c => Kept(rows).load(c))?;
    known.extend(rows.into_iter().map(|person| (person.id, person)));
    Ok(())
}

/// The same values, the last repeated up to a power of two: of lists of any length there are few
/// statements, and each stays compiled.
fn filled_up<T: Clone>(mut values: Vec<T>) -> Vec<T> {
    if let Some(last) = values.last().cloned() {
        values.resize(values.len().next_power_of_two(), last);
    }
    values
}

#[cfg(test)]
mod tests {
    use super::filled_up;

    #[test]
    fn lists_of_many_lengths_make_few_statements() {
        assert!(filled_up(Vec::<u8>::new()).is_empty());
        assert_eq!(filled_up(vec![1]), [1]);
        assert_eq!(filled_up(vec![1, 2, 3, 4, 5]), [1, 2, 3, 4, 5, 5, 5, 5]);
    }
}

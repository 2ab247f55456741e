//! The people that a review may ask, for its engine. On the way of every decision: a statement for
//! those who hold roles and groups, one for those who are named or were asked, and one for the
//! managers and delegates of them all, where there are others.
use crate::db::schema::{absences, memberships, people};
use crate::db::{Conn, Day, Kept, PersonId};
use crate::error::Result;
use crate::on_backend;
use crate::people::{AUDITOR, auditor};
use crate::review::engine::Directory;
use crate::workflow::{Who, Workflow};
use diesel::prelude::*;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What is known of one person.
#[derive(Debug, Clone, Copy)]
struct Known {
    active: bool,
    reachable: bool,
    manager: Option<PersonId>,
    away: bool,
    delegate: Option<PersonId>,
}

/// A row of [`holders`]: `role` or `group`, its key, who, and how they stand.
type Holder = (String, String, PersonId, bool, bool, Option<PersonId>);

/// A row of [`look_up`].
#[derive(Debug, Queryable)]
struct Found {
    id: PersonId,
    email: String,
    active: bool,
    reachable: bool,
    manager: Option<PersonId>,
    away: bool,
    delegate: Option<PersonId>,
}

/// The people that a workflow names, directly or through the fields of `request`, and `others`
/// whom a review concerns (who was asked, who submitted, who owns), with the managers of those
/// others and everybody's delegates, as they stand on the day `today`. Roles, groups, addresses,
/// managers and delegates are people who are here.
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
    add_holders(conn, &mut found, &mut known, today)?;
    let named = look_up(conn, &mut known, &addresses, others, today)?;
    found.addresses = named
        .into_iter()
        .filter(|(email, _)| addresses.contains(email))
        .collect();
    let behind = known.values().flat_map(|p| [p.manager, p.delegate]);
    let behind = behind.flatten().filter(|id| !known.contains_key(id));
    let behind: BTreeSet<PersonId> = behind.collect();
    look_up(conn, &mut known, &BTreeSet::new(), &behind, today)?;
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
        if person.away {
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

/// Fills in who holds the roles and groups of `found`.
fn add_holders(
    conn: &mut Conn,
    found: &mut Directory,
    known: &mut BTreeMap<PersonId, Known>,
    today: Day,
) -> Result<()> {
    let over = match found.roles.contains_key(AUDITOR) {
        true => auditor::over_on(conn, today)?,
        false => BTreeSet::new(),
    };
    for (kind, name, person, reachable, away, delegate) in holders(conn, found, today)? {
        if (kind.as_str(), name.as_str()) == ("role", AUDITOR) && over.contains(&person) {
            continue;
        }
        let held = match kind.as_str() {
            "role" => found.roles.get_mut(&name),
            _ => found.groups.get_mut(&name),
        };
        let Some(held) = held else {
            continue;
        };
        held.insert(person);
        known.entry(person).or_insert(Known {
            active: true,
            reachable,
            manager: None,
            away,
            delegate,
        });
    }
    Ok(())
}

fn holders(conn: &mut Conn, found: &Directory, today: Day) -> Result<Vec<Holder>> {
    let names: BTreeSet<&String> = found.roles.keys().chain(found.groups.keys()).collect();
    let held = memberships::table
        .inner_join(people::table.on(people::id.eq(memberships::person_id)))
        .left_join(in_force!(today))
        .filter(memberships::kind.eq_any(["role", "group"]))
        .filter(memberships::name.eq_any(names).and(people::active.eq(true)))
        .select((
            memberships::kind,
            memberships::name,
            people::id,
            people::reachable,
            absences::id.nullable().is_not_null(),
            absences::delegate_id.nullable(),
        ));
    Ok(on_backend!(conn, c => Kept(held).load(c))?)
}

/// Adds those with these addresses and identifiers to what is known; who is here, by address.
fn look_up(
    conn: &mut Conn,
    known: &mut BTreeMap<PersonId, Known>,
    addresses: &BTreeSet<String>,
    ids: &BTreeSet<PersonId>,
    today: Day,
) -> Result<Vec<(String, PersonId)>> {
    if addresses.is_empty() && ids.is_empty() {
        return Ok(Vec::new());
    }
    let addresses = addresses.iter().map(String::as_str).collect();
    let ids = filled_up(ids.iter().copied().collect(), PersonId(uuid::Uuid::nil()));
    let rows = people::table
        .left_join(in_force!(today))
        .filter(
            people::id
                .eq_any(ids)
                .or(people::email.eq_any(filled_up(addresses, ""))),
        )
        .select((
            people::id,
            people::email,
            people::active,
            people::reachable,
            people::manager_id,
            absences::id.nullable().is_not_null(),
            absences::delegate_id.nullable(),
        ));
    let rows: Vec<Found> = on_backend!(conn, c => Kept(rows).load(c))?;
    for row in &rows {
        let person = Known {
            active: row.active,
            reachable: row.reachable,
            manager: row.manager,
            away: row.away,
            delegate: row.delegate,
        };
        known.insert(row.id, person);
    }
    let here = rows.into_iter().filter(|row| row.active);
    Ok(here.map(|row| (row.email, row.id)).collect())
}

/// The same values, filled up to a power of two with one that nobody has: of lists of any length
/// there are few statements, and each stays compiled. For an empty list SQLite would read everyone.
fn filled_up<T: Clone>(mut values: Vec<T>, nobody: T) -> Vec<T> {
    values.resize(values.len().next_power_of_two(), nobody);
    values
}

#[cfg(test)]
mod tests {
    use super::filled_up;

    #[test]
    fn lists_of_many_lengths_make_few_statements() {
        assert_eq!(filled_up(vec![], 0), [0]);
        assert_eq!(filled_up(vec![1], 0), [1]);
        assert_eq!(filled_up(vec![1, 2, 3, 4, 5], 0), [1, 2, 3, 4, 5, 0, 0, 0]);
    }
}

//! The directory in the database.
use crate::db::schema::{memberships, people};
use crate::db::{At, Conn, Kept, PersonId, Tx};
use crate::error::Result;
use crate::on_backend;
use crate::review::engine::Directory;
use crate::workflow::{Who, Workflow};
use diesel::prelude::*;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A person of the directory.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = people)]
pub struct Person {
    /// Identifier.
    pub id: PersonId,
    /// Lower-case address.
    pub email: String,
    /// Name as others read it.
    pub name: String,
    /// Whether they may sign in and decide.
    pub active: bool,
    /// Whether mail reaches them.
    pub reachable: bool,
}

pub(super) fn insert(tx: &mut Tx, id: PersonId, email: &str, name: &str, now: At) -> Result<()> {
    diesel::insert_into(people::table)
        .values((
            people::id.eq(id),
            people::email.eq(email),
            people::name.eq(name),
            people::active.eq(true),
            people::reachable.eq(true),
            people::created_at.eq(now),
        ))
        .execute(&mut **tx)?;
    Ok(())
}

/// The person with this address, in any case of letters; nobody has what is no address.
///
/// # Errors
/// When the database fails.
pub fn by_email(conn: &mut Conn, email: &str) -> Result<Option<Person>> {
    let Ok(email) = super::address(email) else {
        return Ok(None);
    };
    Ok(people::table
        .filter(people::email.eq(email))
        .select(Person::as_select())
        .get_result(conn)
        .optional()?)
}

/// The person with this identifier.
///
/// # Errors
/// When the database fails.
pub fn by_id(conn: &mut Conn, id: PersonId) -> Result<Option<Person>> {
    Ok(people::table
        .find(id)
        .select(Person::as_select())
        .get_result(conn)
        .optional()?)
}

/// Everyone, by name.
///
/// # Errors
/// When the database fails.
pub fn all(conn: &mut Conn) -> Result<Vec<Person>> {
    Ok(people::table
        .order((people::name, people::id))
        .select(Person::as_select())
        .load(conn)?)
}

/// Names by identifier, for showing.
///
/// # Errors
/// When the database fails.
pub fn names(conn: &mut Conn, ids: &BTreeSet<PersonId>) -> Result<BTreeMap<PersonId, String>> {
    let ids: Vec<PersonId> = ids.iter().copied().collect();
    let rows: Vec<(PersonId, String)> = people::table
        .filter(people::id.eq_any(ids))
        .select((people::id, people::name))
        .load(conn)?;
    Ok(rows.into_iter().collect())
}

/// Adds a membership; whether it is new.
pub(super) fn add_membership(
    tx: &mut Tx,
    kind: &str,
    name: &str,
    person: PersonId,
) -> Result<bool> {
    let known = diesel::select(diesel::dsl::exists(
        memberships::table.find((kind, name, person)),
    ))
    .get_result::<bool>(&mut **tx)?;
    if known {
        return Ok(false);
    }
    diesel::insert_into(memberships::table)
        .values((
            memberships::kind.eq(kind),
            memberships::name.eq(name),
            memberships::person_id.eq(person),
        ))
        .execute(&mut **tx)?;
    Ok(true)
}

/// The roles a person holds.
///
/// # Errors
/// When the database fails.
pub fn held_by(conn: &mut Conn, person: PersonId) -> Result<BTreeSet<String>> {
    member_names(conn, person, "role")
}

/// The roles (`role`) or groups (`group`) of a person.
///
/// # Errors
/// When the database fails.
pub fn member_names(conn: &mut Conn, person: PersonId, kind: &str) -> Result<BTreeSet<String>> {
    let names: Vec<String> = memberships::table
        .filter(
            memberships::kind
                .eq(kind)
                .and(memberships::person_id.eq(person)),
        )
        .select(memberships::name)
        .load(conn)?;
    Ok(names.into_iter().collect())
}

/// The active holders of a role or members of a group.
///
/// # Errors
/// When the database fails.
pub fn holders(conn: &mut Conn, kind: &str, name: &str) -> Result<BTreeSet<PersonId>> {
    let ids: Vec<PersonId> = memberships::table
        .inner_join(people::table.on(people::id.eq(memberships::person_id)))
        .filter(memberships::kind.eq(kind).and(memberships::name.eq(name)))
        .filter(people::active.eq(true))
        .select(people::id)
        .load(conn)?;
    Ok(ids.into_iter().collect())
}

/// The active people that a workflow names, directly or through the fields of `request`.
///
/// # Errors
/// When the database fails.
pub fn directory(conn: &mut Conn, workflow: &Workflow, request: &Value) -> Result<Directory> {
    let mut found = Directory::default();
    let seats = workflow.stages.iter().flat_map(|stage| &stage.seats);
    for who in seats.flat_map(|seat| seat.from.iter().chain(&seat.fallback)) {
        match who {
            Who::Role(role) => drop(found.roles.entry(role.clone()).or_default()),
            Who::Group(group) => drop(found.groups.entry(group.clone()).or_default()),
            Who::Person(address) => add_address(conn, &mut found, address)?,
            Who::Field(field) => {
                if let Some(address) = request.get(field).and_then(Value::as_str) {
                    add_address(conn, &mut found, address)?;
                }
            }
            Who::Relation(_) => {}
        }
    }
    add_holders(conn, &mut found)?;
    Ok(found)
}

/// One statement for all roles and groups, because every decision asks this.
fn add_holders(conn: &mut Conn, found: &mut Directory) -> Result<()> {
    let names: BTreeSet<&String> = found.roles.keys().chain(found.groups.keys()).collect();
    let held = memberships::table
        .inner_join(people::table.on(people::id.eq(memberships::person_id)))
        .filter(memberships::kind.eq_any(["role", "group"]))
        .filter(memberships::name.eq_any(names).and(people::active.eq(true)))
        .select((memberships::kind, memberships::name, people::id));
    let held: Vec<(String, String, PersonId)> = on_backend!(conn, c => Kept(held).load(c))?;
    for (kind, name, person) in held {
        let holders = match kind.as_str() {
            "role" => found.roles.get_mut(&name),
            _ => found.groups.get_mut(&name),
        };
        if let Some(holders) = holders {
            holders.insert(person);
        }
    }
    Ok(())
}

fn add_address(conn: &mut Conn, found: &mut Directory, address: &str) -> Result<()> {
    if let Some(person) = by_email(conn, address)?.filter(|p| p.active) {
        found.addresses.insert(person.email, person.id);
    }
    Ok(())
}

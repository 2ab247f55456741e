//! The directory in the database.
use crate::db::schema::{memberships, people};
use crate::db::{At, Conn, Day, PersonId, Tx};
use crate::error::{Error, Result};
use crate::people::{LOG_READERS, auditor};
use diesel::prelude::*;
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
    /// Who manages them.
    pub manager_id: Option<PersonId>,
    /// Since when they are gone.
    pub left_at: Option<At>,
    /// Since when their data is erased.
    pub erased_at: Option<At>,
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

/// The person with this identifier, who must be in the directory.
///
/// # Errors
/// [`Error::NotFound`].
pub fn known(conn: &mut Conn, id: PersonId) -> Result<Person> {
    by_id(conn, id)?.ok_or_else(|| Error::not_found("person", id))
}

pub(super) fn update_manager(tx: &mut Tx, id: PersonId, manager: Option<PersonId>) -> Result<()> {
    diesel::update(people::table.find(id))
        .set(people::manager_id.eq(manager))
        .execute(&mut **tx)?;
    Ok(())
}

/// Notes since when somebody is gone; `None` when they are here.
pub(super) fn update_standing(tx: &mut Tx, id: PersonId, left_at: Option<At>) -> Result<()> {
    diesel::update(people::table.find(id))
        .set((
            people::active.eq(left_at.is_none()),
            people::left_at.eq(left_at),
        ))
        .execute(&mut **tx)?;
    Ok(())
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

/// Those of them who are here.
///
/// # Errors
/// When the database fails.
pub fn active(conn: &mut Conn, ids: &BTreeSet<PersonId>) -> Result<BTreeSet<PersonId>> {
    let ids: Vec<PersonId> = ids.iter().copied().collect();
    let here: Vec<PersonId> = people::table
        .filter(people::id.eq_any(ids))
        .filter(people::active.eq(true))
        .select(people::id)
        .load(conn)?;
    Ok(here.into_iter().collect())
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

/// Removes a membership; whether there was one.
pub(super) fn remove_membership(
    tx: &mut Tx,
    kind: &str,
    name: &str,
    person: PersonId,
) -> Result<bool> {
    let held = memberships::table.find((kind, name, person));
    Ok(diesel::delete(held).execute(&mut **tx)? > 0)
}

/// The roles a person holds.
///
/// # Errors
/// When the database fails.
pub fn held_by(conn: &mut Conn, person: PersonId) -> Result<BTreeSet<String>> {
    member_names(conn, person, "role")
}

/// Whether a person may read the decision log on a day, as far as their scope reaches.
///
/// # Errors
/// When the database fails.
pub fn reads_log(conn: &mut Conn, today: Day, person: PersonId) -> Result<bool> {
    let roles = auditor::roles_on(conn, today, person)?;
    Ok(LOG_READERS.iter().any(|role| roles.contains(*role)))
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

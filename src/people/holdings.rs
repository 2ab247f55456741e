//! What people hold: roles and groups, given and taken away again.
use crate::db::schema::{memberships, people};
use crate::db::{At, Conn, PersonId, Tx};
use crate::error::Result;
use crate::ledger::{Actor, Note};
use crate::people::{ADMINISTRATOR, AUDITOR, Refusal, auditor, invalid, store};
use diesel::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// Something a person holds by its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holding {
    /// A role, such as `legal`.
    Role,
    /// Membership of a group, such as `ai_council`.
    Group,
}

impl Holding {
    /// The word in the database, in entries and beside a wrong key.
    pub fn as_str(self) -> &'static str {
        match self {
            Holding::Role => "role",
            Holding::Group => "group",
        }
    }

    fn given(self) -> &'static str {
        match self {
            Holding::Role => "role.given",
            Holding::Group => "group.joined",
        }
    }

    fn taken(self) -> &'static str {
        match self {
            Holding::Role => "role.taken",
            Holding::Group => "group.left",
        }
    }
}

/// Gives a person a role, or puts them into a group; whether they did not hold it before.
///
/// # Errors
/// `Error::Invalid` for what is no key, `Error::Forbidden` for others than administrators,
/// [`Refusal::Left`], [`Refusal::Appointed`] for an auditor with limits.
pub fn give(
    tx: &mut Tx,
    now: At,
    actor: &Actor,
    person: PersonId,
    what: Holding,
    key: &str,
) -> Result<bool> {
    super::administers(tx, actor)?;
    let key = readable(what, key)?;
    let known = super::present(tx, person)?;
    let new = store::add_membership(tx, what.as_str(), key, person)?;
    // Whoever gives the role means one that holds, without limits or last day.
    if !new && is_auditor(what, key) && auditor::terms(tx, person)?.is_some() {
        return Err(Refusal::Appointed(known.name).into());
    }
    if new {
        let note = Note::new(what.given(), actor).about(person);
        crate::ledger::append(tx, now, note.data(what.as_str(), key))?;
    }
    Ok(new)
}

/// Takes a role away, or somebody out of a group; whether they held it. Also of who left, so that
/// they do not come back to it.
///
/// # Errors
/// `Error::Invalid` for what is no key, `Error::Forbidden` for others than administrators,
/// [`Refusal::LastAdministrator`].
pub fn take(
    tx: &mut Tx,
    now: At,
    actor: &Actor,
    person: PersonId,
    what: Holding,
    key: &str,
) -> Result<bool> {
    super::administers(tx, actor)?;
    let key = readable(what, key)?;
    let held = store::known(tx, person)?;
    if what == Holding::Role && key == ADMINISTRATOR {
        keep_an_administrator(tx, &held)?;
    }
    let taken = store::remove_membership(tx, what.as_str(), key, person)?;
    if taken {
        let note = Note::new(what.taken(), actor).about(person);
        let seq = crate::ledger::append(tx, now, note.data(what.as_str(), key))?;
        if is_auditor(what, key) {
            auditor::forget(tx, person)?;
            auditor::tell(tx, now, actor, person, "ended", seq)?;
        }
    }
    Ok(taken)
}

fn is_auditor(what: Holding, key: &str) -> bool {
    what == Holding::Role && key == AUDITOR
}

/// Refuses what would leave the register without an administrator.
pub(super) fn keep_an_administrator(conn: &mut Conn, person: &store::Person) -> Result<()> {
    let mut left = store::holders(conn, Holding::Role.as_str(), ADMINISTRATOR)?;
    if left.remove(&person.id) && left.is_empty() {
        return Err(Refusal::LastAdministrator(person.name.clone()).into());
    }
    Ok(())
}

fn readable(what: Holding, key: &str) -> Result<&str> {
    let key = key.trim();
    let rule = "use small letters, digits and _, beginning with a letter, at most 48";
    if is_key(key) {
        Ok(key)
    } else {
        Err(invalid(what.as_str(), rule))
    }
}

fn is_key(key: &str) -> bool {
    key.len() <= 48
        && key.starts_with(|c: char| c.is_ascii_lowercase())
        && key
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// What one person holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Held {
    /// Keys of roles.
    pub roles: BTreeSet<String>,
    /// Keys of groups.
    pub groups: BTreeSet<String>,
}

/// What each of these people holds; one statement for all of them.
///
/// # Errors
/// When the database fails.
pub fn held_by_each(conn: &mut Conn, ids: &[PersonId]) -> Result<BTreeMap<PersonId, Held>> {
    let rows: Vec<(PersonId, String, String)> = memberships::table
        .filter(memberships::person_id.eq_any(ids))
        .select((memberships::person_id, memberships::kind, memberships::name))
        .load(conn)?;
    let mut all: BTreeMap<PersonId, Held> = BTreeMap::new();
    for (person, kind, name) in rows {
        let held = all.entry(person).or_default();
        match kind.as_str() {
            "role" => held.roles.insert(name),
            _ => held.groups.insert(name),
        };
    }
    Ok(all)
}

/// The roles or groups that somebody holds, whoever it is.
///
/// # Errors
/// When the database fails.
pub fn in_use(conn: &mut Conn, what: Holding) -> Result<Vec<String>> {
    Ok(memberships::table
        .inner_join(people::table.on(people::id.eq(memberships::person_id)))
        .filter(memberships::kind.eq(what.as_str()))
        .select(memberships::name)
        .distinct()
        .order(memberships::name)
        .load(conn)?)
}

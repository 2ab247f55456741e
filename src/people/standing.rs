//! Where a person stands: under whom, here or gone.
use crate::db::schema::{api_tokens, people, sessions, sign_in_links};
use crate::db::{At, Conn, PersonId, Tx};
use crate::error::{Error, Result};
use crate::ledger::{Actor, Note};
use crate::people::{Refusal, holdings, invalid, store};
use diesel::prelude::*;

/// Levels of managers that are looked at for a circle; nobody has more.
const LEVELS_MAX: usize = 100;
/// Longest reason for leaving, in characters.
const REASON_MAX: usize = 2000;

/// Says who manages a person; `None` for nobody. Whether that is new.
///
/// # Errors
/// [`Error::Invalid`] on `manager` for somebody who left and for a circle,
/// [`Error::Forbidden`] for others than administrators, [`Refusal::Left`].
pub fn set_manager(
    tx: &mut Tx,
    now: At,
    actor: &Actor,
    person: PersonId,
    manager: Option<PersonId>,
) -> Result<bool> {
    super::administers(tx, actor)?;
    let person = super::present(tx, person)?;
    if person.manager_id == manager {
        return Ok(false);
    }
    if let Some(manager) = manager {
        may_manage(tx, manager, &person)?;
    }
    store::update_manager(tx, person.id, manager)?;
    let id = manager.map(|manager| manager.to_string());
    let note = Note::new("manager.set", actor).about(person.id);
    crate::ledger::append(tx, now, note.data("manager", id))?;
    Ok(true)
}

/// The manager whom somebody types by their address; nobody for an empty text.
///
/// # Errors
/// [`Error::Invalid`] on `manager` for an address that nobody has.
pub fn manager_by_address(conn: &mut Conn, address: &str) -> Result<Option<PersonId>> {
    if address.trim().is_empty() {
        return Ok(None);
    }
    match store::by_email(conn, address)? {
        Some(person) => Ok(Some(person.id)),
        None => Err(invalid(
            "manager",
            "nobody in the directory has this address",
        )),
    }
}

fn may_manage(tx: &mut Tx, manager: PersonId, person: &store::Person) -> Result<()> {
    let mut above = store::known(tx, manager)?;
    if !above.active {
        let sentence = format!("{} left and cannot manage anybody", above.name);
        return Err(invalid("manager", &sentence));
    }
    for level in 0..LEVELS_MAX {
        if above.id == person.id {
            return Err(invalid("manager", &circle(level, &above.name)));
        }
        match above.manager_id {
            Some(next) => above = store::known(tx, next)?,
            None => return Ok(()),
        }
    }
    let sentence = format!("there are more than {LEVELS_MAX} managers above this one");
    Err(invalid("manager", &sentence))
}

fn circle(level: usize, name: &str) -> String {
    match level {
        0 => "nobody is their own manager".to_owned(),
        _ => format!("{name} manages this person, directly or through others"),
    }
}

/// A person leaves: they are asked no more, and sessions, sign-in links, API tokens, open sign-off
/// links and the addresses of their inbox and their dates stop working at once. What they decided
/// keeps their name.
///
/// # Errors
/// [`Error::Forbidden`] for others than administrators, [`Refusal::Left`],
/// [`Refusal::LastAdministrator`], [`Error::Invalid`] for a reason that is too long.
pub fn leave(
    tx: &mut Tx,
    now: At,
    actor: &Actor,
    person: PersonId,
    reason: Option<&str>,
) -> Result<()> {
    super::administers(tx, actor)?;
    let person = super::present(tx, person)?;
    let reason = reason
        .map(crate::form::plain)
        .filter(|text| !text.is_empty());
    let too_long = |text: &String| text.chars().count() > REASON_MAX;
    if reason.as_ref().is_some_and(too_long) {
        let sentence = format!("the reason is too long: at most {REASON_MAX} characters");
        return Err(invalid("reason", &sentence));
    }
    holdings::keep_an_administrator(tx, &person)?;
    store::update_standing(tx, person.id, Some(now))?;
    let note = Note::new("person.left", actor).about(person.id);
    let note = lock_out(tx, now, person.id)?
        .into_iter()
        .fold(note, |note, (what, count)| note.data(what, count));
    let note = match reason {
        Some(reason) => note.private("reason", reason),
        None => note,
    };
    crate::ledger::append(tx, now, note)?;
    Ok(())
}

/// Ends every way in that a person has; how many of each there were.
fn lock_out(tx: &mut Tx, now: At, person: PersonId) -> Result<[(&'static str, usize); 5]> {
    let sessions = sessions::table.filter(sessions::person_id.eq(person));
    let sessions = diesel::delete(sessions).execute(&mut **tx)?;
    let unused = sign_in_links::table
        .filter(sign_in_links::person_id.eq(person))
        .filter(sign_in_links::used_at.is_null());
    let sign_in_links = diesel::delete(unused).execute(&mut **tx)?;
    let live = api_tokens::table
        .filter(api_tokens::person_id.eq(person))
        .filter(api_tokens::revoked_at.is_null());
    let tokens = diesel::update(live)
        .set(api_tokens::revoked_at.eq(now))
        .execute(&mut **tx)?;
    let sign_off_links = crate::review::end_links_of(tx, person, now)?;
    let person_links = crate::notify::links::end_all_of(tx, person)?;
    Ok([
        ("sessions", sessions),
        ("sign_in_links", sign_in_links),
        ("tokens", tokens),
        ("sign_off_links", sign_off_links),
        ("person_links", person_links),
    ])
}

/// A person who left comes back, to the roles and groups they still hold.
///
/// # Errors
/// [`Error::Forbidden`] for others than administrators, [`Refusal::Present`].
pub fn come_back(tx: &mut Tx, now: At, actor: &Actor, person: PersonId) -> Result<()> {
    super::administers(tx, actor)?;
    let person = store::known(tx, person)?;
    if person.active {
        return Err(Error::People(Refusal::Present(person.name)));
    }
    if person.erased_at.is_some() {
        return Err(Error::People(Refusal::Erased));
    }
    store::update_standing(tx, person.id, None)?;
    let note = Note::new("person.returned", actor).about(person.id);
    crate::ledger::append(tx, now, note)?;
    Ok(())
}

/// Those whom a person manages, as far as they are here.
///
/// # Errors
/// When the database fails.
pub fn managed_by(conn: &mut Conn, person: PersonId) -> Result<Vec<store::Person>> {
    Ok(people::table
        .filter(people::manager_id.eq(person))
        .filter(people::active.eq(true))
        .order((people::name, people::id))
        .select(store::Person::as_select())
        .load(conn)?)
}

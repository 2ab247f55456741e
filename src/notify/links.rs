//! Addresses that belong to one person and need no account: the inbox that a digest leads to, the
//! end of digests, the calendar feed. Only the hash of their secret is stored, and reading one
//! changes nothing.
use crate::db::schema::{people, person_links};
use crate::db::{At, Conn, PersonId, Tx};
use crate::error::Result;
use crate::ledger::{Actor, Note};
use crate::people::Secret;
use diesel::prelude::*;
use std::time::Duration;

/// How long the link of a digest opens the inbox, in days.
pub const INBOX_DAYS: u64 = 7;
/// How long a mail's link ends digests, in days: people tidy up mail that is weeks old.
const UNSUBSCRIPTION_DAYS: u64 = 90;

const INBOX: &str = "inbox";
const UNSUBSCRIPTION: &str = "unsubscription";
const CALENDAR: &str = "calendar";

/// Makes the secret of a link to a person's inbox. Mail workers call it right before they send.
///
/// # Errors
/// When the database fails.
pub fn issue_inbox(tx: &mut Tx, person: PersonId, now: At) -> Result<Secret> {
    issue(tx, INBOX, person, now, Some(INBOX_DAYS))
}

/// What the link of a digest opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// Whose inbox.
    pub person: PersonId,
    /// When the link was made: stages may give links less time than an inbox has.
    pub made: At,
}

/// Whose inbox a link opens now; nobody's when it is unknown, too old, or its person has left.
///
/// # Errors
/// When the database fails.
pub fn inbox(conn: &mut Conn, secret: &Secret, now: At) -> Result<Option<Opened>> {
    let found = opened(conn, INBOX, secret, now)?;
    Ok(found.map(|(person, made)| Opened { person, made }))
}

/// Makes the secret of a link that ends a person's digests.
///
/// # Errors
/// When the database fails.
pub(super) fn issue_unsubscription(tx: &mut Tx, person: PersonId, now: At) -> Result<Secret> {
    issue(tx, UNSUBSCRIPTION, person, now, Some(UNSUBSCRIPTION_DAYS))
}

/// Whose digests a link ends.
///
/// # Errors
/// When the database fails.
pub(super) fn unsubscription(
    conn: &mut Conn,
    secret: &Secret,
    now: At,
) -> Result<Option<PersonId>> {
    person_of(conn, UNSUBSCRIPTION, secret, now)
}

/// Makes the address of a person's calendar feed; the one before it works no more.
///
/// # Errors
/// When the database fails.
pub(super) fn make_calendar(
    tx: &mut Tx,
    now: At,
    actor: &Actor,
    person: PersonId,
) -> Result<Secret> {
    forget(tx, CALENDAR, person)?;
    let secret = issue(tx, CALENDAR, person, now, None)?;
    let note = Note::new("calendar_link.made", actor).about(person);
    crate::ledger::append(tx, now, note)?;
    Ok(secret)
}

/// Lets a person's calendar feed work no more.
///
/// # Errors
/// When the database fails.
pub(super) fn revoke_calendar(tx: &mut Tx, now: At, actor: &Actor, person: PersonId) -> Result<()> {
    if forget(tx, CALENDAR, person)? == 0 {
        tx.leave_unchanged();
        return Ok(());
    }
    let note = Note::new("calendar_link.revoked", actor).about(person);
    crate::ledger::append(tx, now, note).map(|_| ())
}

/// Since when a person has a calendar feed.
///
/// # Errors
/// When the database fails.
pub(super) fn calendar_since(conn: &mut Conn, person: PersonId) -> Result<Option<At>> {
    Ok(person_links::table
        .filter(person_links::purpose.eq(CALENDAR))
        .filter(person_links::person_id.eq(person))
        .select(person_links::created_at)
        .get_result(conn)
        .optional()?)
}

/// Whose calendar a feed's address shows.
///
/// # Errors
/// When the database fails.
pub(super) fn calendar(conn: &mut Conn, secret: &Secret, now: At) -> Result<Option<PersonId>> {
    person_of(conn, CALENDAR, secret, now)
}

fn issue(
    tx: &mut Tx,
    purpose: &str,
    person: PersonId,
    now: At,
    days: Option<u64>,
) -> Result<Secret> {
    diesel::delete(person_links::table.filter(person_links::expires_at.le(now)))
        .execute(&mut **tx)?;
    let secret = Secret::new()?;
    let expires = days.map(|days| now.plus(Duration::from_secs(days * 86_400)));
    diesel::insert_into(person_links::table)
        .values((
            person_links::token_hash.eq(secret.hash()),
            person_links::purpose.eq(purpose),
            person_links::person_id.eq(person),
            person_links::created_at.eq(now),
            person_links::expires_at.eq(expires),
        ))
        .execute(&mut **tx)?;
    Ok(secret)
}

fn person_of(conn: &mut Conn, purpose: &str, secret: &Secret, now: At) -> Result<Option<PersonId>> {
    Ok(opened(conn, purpose, secret, now)?.map(|(person, _)| person))
}

fn opened(
    conn: &mut Conn,
    purpose: &str,
    secret: &Secret,
    now: At,
) -> Result<Option<(PersonId, At)>> {
    Ok(person_links::table
        .inner_join(people::table.on(people::id.eq(person_links::person_id)))
        .filter(person_links::token_hash.eq(secret.hash()))
        .filter(person_links::purpose.eq(purpose))
        .filter(
            person_links::expires_at
                .is_null()
                .or(person_links::expires_at.gt(now)),
        )
        .filter(people::active.eq(true))
        .select((person_links::person_id, person_links::created_at))
        .get_result(conn)
        .optional()?)
}

/// Ends every address that belongs to a person; how many there were.
///
/// # Errors
/// When the database fails.
pub fn end_all_of(tx: &mut Tx, person: PersonId) -> Result<usize> {
    let theirs = person_links::table.filter(person_links::person_id.eq(person));
    Ok(diesel::delete(theirs).execute(&mut **tx)?)
}

fn forget(tx: &mut Tx, purpose: &str, person: PersonId) -> Result<usize> {
    let theirs = person_links::table
        .filter(person_links::purpose.eq(purpose))
        .filter(person_links::person_id.eq(person));
    Ok(diesel::delete(theirs).execute(&mut **tx)?)
}

//! How a person or program is known: one-time sign-in links, sessions, API tokens. Only the
//! SHA-256 of a secret is stored.
use crate::db::schema::{api_tokens, sessions, sign_in_links};
use crate::db::{At, Conn, PersonId, TokenId, Tx};
use crate::error::{Error, Result};
use crate::ledger::{Actor, Note, random};
use crate::people::Person;
use base64::Engine as _;
use diesel::prelude::*;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::time::Duration;

/// How long a mailed sign-in link works, in minutes.
pub const SIGN_IN_MINUTES: u64 = 10;
/// How long a session lasts, in hours.
pub const SESSION_HOURS: u64 = 12;
/// Most sign-in links one person gets in [`SIGN_IN_MINUTES`].
const SIGN_IN_LINKS_MAX: i64 = 5;

/// 256 random bits handed to one person or program and never stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A fresh secret.
    ///
    /// # Errors
    /// When the operating system has no randomness.
    pub fn new() -> Result<Secret> {
        let bytes = random::<32>()?;
        Ok(Secret(
            base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes),
        ))
    }

    /// A secret that somebody presents; it may be anything.
    pub fn presented(text: &str) -> Secret {
        Secret(text.to_owned())
    }

    /// The text to put into a link, cookie or header.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is stored in its place.
    pub fn hash(&self) -> String {
        hex::encode(Sha256::digest(self.0.as_bytes()))
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Makes a one-time sign-in link's secret for a person.
///
/// # Errors
/// [`Error::TooMany`] when the person asked too often.
pub fn sign_in_link(tx: &mut Tx, now: At, person: PersonId) -> Result<Secret> {
    let since = At(now.0 - jiff::Span::new().minutes(10));
    let recent: i64 = sign_in_links::table
        .filter(
            sign_in_links::person_id
                .eq(person)
                .and(sign_in_links::created_at.ge(since)),
        )
        .count()
        .get_result(&mut **tx)?;
    if recent >= SIGN_IN_LINKS_MAX {
        return Err(Error::TooMany(
            "too many sign-in links were asked for; wait".to_owned(),
        ));
    }
    let secret = Secret::new()?;
    diesel::insert_into(sign_in_links::table)
        .values((
            sign_in_links::token_hash.eq(secret.hash()),
            sign_in_links::person_id.eq(person),
            sign_in_links::created_at.eq(now),
            sign_in_links::expires_at.eq(now.plus(Duration::from_secs(SIGN_IN_MINUTES * 60))),
        ))
        .execute(&mut **tx)?;
    Ok(secret)
}

/// The person a sign-in link would sign in now, without using it.
///
/// # Errors
/// When the database fails.
pub fn sign_in_person(conn: &mut Conn, now: At, secret: &Secret) -> Result<Option<Person>> {
    let person: Option<PersonId> = sign_in_links::table
        .find(secret.hash())
        .filter(
            sign_in_links::used_at
                .is_null()
                .and(sign_in_links::expires_at.gt(now)),
        )
        .select(sign_in_links::person_id)
        .get_result(conn)
        .optional()?;
    active(conn, person)
}

/// Uses a sign-in link up and opens a session for its person.
///
/// # Errors
/// [`Error::Unauthenticated`] when the link is used, expired or unknown.
pub fn use_sign_in_link(tx: &mut Tx, now: At, secret: &Secret) -> Result<(Person, Secret)> {
    let person = sign_in_person(tx, now, secret)?.ok_or(Error::Unauthenticated)?;
    diesel::update(sign_in_links::table.find(secret.hash()))
        .set(sign_in_links::used_at.eq(now))
        .execute(&mut **tx)?;
    let session = open_session(tx, now, person.id)?;
    Ok((person, session))
}

/// Opens a session.
///
/// # Errors
/// When the database fails.
pub fn open_session(tx: &mut Tx, now: At, person: PersonId) -> Result<Secret> {
    let secret = Secret::new()?;
    diesel::delete(sessions::table.filter(sessions::expires_at.le(now))).execute(&mut **tx)?;
    diesel::insert_into(sessions::table)
        .values((
            sessions::token_hash.eq(secret.hash()),
            sessions::person_id.eq(person),
            sessions::created_at.eq(now),
            sessions::expires_at.eq(now.plus(Duration::from_secs(SESSION_HOURS * 3600))),
        ))
        .execute(&mut **tx)?;
    Ok(secret)
}

/// Ends a session.
///
/// # Errors
/// When the database fails.
pub fn end_session(tx: &mut Tx, secret: &Secret) -> Result<()> {
    diesel::delete(sessions::table.find(secret.hash())).execute(&mut **tx)?;
    Ok(())
}

/// Whose session this is, if it is one and the person is active.
///
/// # Errors
/// When the database fails.
pub fn person_of_session(conn: &mut Conn, now: At, secret: &Secret) -> Result<Option<Person>> {
    let person: Option<PersonId> = sessions::table
        .find(secret.hash())
        .filter(sessions::expires_at.gt(now))
        .select(sessions::person_id)
        .get_result(conn)
        .optional()?;
    active(conn, person)
}

fn active(conn: &mut Conn, person: Option<PersonId>) -> Result<Option<Person>> {
    match person {
        Some(id) => Ok(crate::people::by_id(conn, id)?.filter(|p| p.active)),
        None => Ok(None),
    }
}

/// Makes an API token for a person; the secret is shown once.
///
/// # Errors
/// [`Error::BadRequest`] for a scope that does not exist.
pub fn create_token(
    tx: &mut Tx,
    now: At,
    actor: &Actor,
    person: PersonId,
    scopes: &[String],
    expires_at: Option<At>,
) -> Result<Secret> {
    let known = crate::people::SCOPES;
    if let Some(odd) = scopes.iter().find(|s| !known.contains(&s.as_str())) {
        let sentence = format!(
            "there is no scope {odd}; the scopes are {}",
            known.join(", ")
        );
        return Err(Error::BadRequest(sentence));
    }
    let secret = Secret(format!("csn_{}", Secret::new()?.0));
    let id = TokenId::new();
    let prefix: String = secret.0.chars().take(8).collect();
    diesel::insert_into(api_tokens::table)
        .values((
            api_tokens::id.eq(id),
            api_tokens::token_hash.eq(secret.hash()),
            api_tokens::prefix.eq(prefix),
            api_tokens::person_id.eq(person),
            api_tokens::scopes.eq(scopes.join(" ")),
            api_tokens::created_at.eq(now),
            api_tokens::expires_at.eq(expires_at),
        ))
        .execute(&mut **tx)?;
    let note = Note::new("token.created", actor).about(person);
    let note = note
        .subject("token", id.to_string())
        .subject("digest", token_digest(&secret.hash()))
        .data("scopes", scopes.to_vec())
        .data("expires_at", expires_at.map(|at| at.to_string()));
    crate::ledger::append(tx, now, note)?;
    Ok(secret)
}

/// What stands for a token in its entry: a hash of the hash by which it is known.
pub fn token_digest(token_hash: &str) -> String {
    hex::encode(Sha256::digest(token_hash.as_bytes()))
}

/// Whose token this is and what it may do, if it is one and is in force.
///
/// # Errors
/// When the database fails.
pub fn person_of_token(
    conn: &mut Conn,
    now: At,
    secret: &Secret,
) -> Result<Option<(Person, BTreeSet<String>)>> {
    let row: Option<(PersonId, String, Option<At>)> = api_tokens::table
        .filter(api_tokens::token_hash.eq(secret.hash()))
        .filter(api_tokens::revoked_at.is_null())
        .select((
            api_tokens::person_id,
            api_tokens::scopes,
            api_tokens::expires_at,
        ))
        .get_result(conn)
        .optional()?;
    let Some((person, scopes, expires_at)) = row else {
        return Ok(None);
    };
    if expires_at.is_some_and(|end| end <= now) {
        return Ok(None);
    }
    let scopes = scopes.split_whitespace().map(str::to_owned).collect();
    Ok(active(conn, Some(person))?.map(|person| (person, scopes)))
}

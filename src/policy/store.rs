//! Policies in the database: versions that never change, the newest of a key is in force.
use super::{Document, Index};
use crate::db::schema::policies;
use crate::db::{At, Conn, PersonId, Tx};
use crate::error::{Error, Result};
use crate::ledger::{Actor, Note};
use diesel::prelude::*;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// One version, ready to answer.
#[derive(Debug)]
pub struct Version {
    /// Key of the policy.
    pub key: String,
    /// From 1.
    pub version: i32,
    /// SHA-256 of the canonical text.
    pub hash: String,
    /// When it was published.
    pub published_at: At,
    /// The policy with its rules sorted.
    pub index: Index,
}

/// What a list says of a version.
#[derive(Debug, Clone, Queryable)]
pub struct Head {
    /// Key of the policy.
    pub key: String,
    /// From 1.
    pub version: i32,
    /// SHA-256 of the canonical text.
    pub hash: String,
    /// Its title.
    pub title: String,
    /// When it was published.
    pub published_at: At,
    /// By whom; the operator where nobody is named.
    pub published_by: Option<PersonId>,
}

/// Versions that were read before. One never changes, so what is here is never stale.
#[derive(Debug, Default)]
pub struct Cache(Mutex<HashMap<(String, i32), Arc<Version>>>);

/// One version, from the second time on without reading its text.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Corrupt`] when its text no longer has its hash.
pub fn version(conn: &mut Conn, cache: &Cache, key: &str, number: i32) -> Result<Arc<Version>> {
    let name = (key.to_owned(), number);
    let known = cache.0.lock().ok().and_then(|all| all.get(&name).cloned());
    if let Some(version) = known {
        return Ok(version);
    }
    let (hash, text) = source(conn, key, number)?;
    let corrupt = |what: &str| Error::Corrupt(format!("policy {key} version {number}: {what}"));
    let document = Document::load("stored version", &text)
        .map_err(|p| corrupt(&p.first().map(ToString::to_string).unwrap_or_default()))?;
    if document.hash != hash {
        return Err(corrupt(
            "its text no longer has the hash it was published with",
        ));
    }
    let published_at = policies::table
        .find((key, number))
        .select(policies::published_at);
    let read = Arc::new(Version {
        published_at: published_at.get_result(conn)?,
        key: key.to_owned(),
        version: number,
        hash,
        index: Index::new(document.policy),
    });
    if let Ok(mut all) = cache.0.lock() {
        all.insert(name, read.clone());
    }
    Ok(read)
}

/// The version in force.
///
/// # Errors
/// [`Error::NotFound`] where no version is published under the key.
pub fn current(conn: &mut Conn, cache: &Cache, key: &str) -> Result<Arc<Version>> {
    match in_force(conn, key)? {
        0 => Err(Error::not_found("data-use policy", key)),
        number => version(conn, cache, key, number),
    }
}

/// The number of the version in force; 0 when there is none.
///
/// # Errors
/// When the database fails.
pub fn in_force(conn: &mut Conn, key: &str) -> Result<i32> {
    let last: Option<i32> = policies::table
        .filter(policies::key.eq(key))
        .select(diesel::dsl::max(policies::version))
        .get_result(conn)?;
    Ok(last.unwrap_or(0))
}

/// Hash and canonical text of a version.
///
/// # Errors
/// [`Error::NotFound`].
pub fn source(conn: &mut Conn, key: &str, number: i32) -> Result<(String, String)> {
    let row: Option<(String, String)> = policies::table
        .find((key, number))
        .select((policies::hash, policies::text))
        .get_result(conn)
        .optional()?;
    row.ok_or_else(|| Error::not_found("data-use policy", format!("{key} version {number}")))
}

/// Every version of every policy, the newest of each first.
///
/// # Errors
/// When the database fails.
pub fn versions(conn: &mut Conn) -> Result<Vec<Head>> {
    let order = (policies::key.asc(), policies::version.desc());
    Ok(policies::table.order(order).select(HEAD).load(conn)?)
}

/// Every version of one policy, the newest first.
///
/// # Errors
/// [`Error::NotFound`] when there is none.
pub fn versions_of(conn: &mut Conn, key: &str) -> Result<Vec<Head>> {
    let heads = policies::table.filter(policies::key.eq(key)).select(HEAD);
    let all: Vec<Head> = heads.order(policies::version.desc()).load(conn)?;
    match all.is_empty() {
        true => Err(Error::not_found("data-use policy", key)),
        false => Ok(all),
    }
}

/// The policies in force.
///
/// # Errors
/// When the database fails.
pub fn heads(conn: &mut Conn) -> Result<Vec<Head>> {
    let mut all = versions(conn)?;
    all.dedup_by(|older, newer| older.key == newer.key);
    Ok(all)
}

/// Publishes a checked document as the next version of its policy, with more facts for its entry.
/// The same document again changes nothing.
///
/// # Errors
/// When the database fails.
pub fn publish_with(
    tx: &mut Tx,
    now: At,
    actor: &Actor,
    document: &Document,
    facts: Vec<(&str, Value)>,
) -> Result<i32> {
    let key = &document.policy.key;
    let last = in_force(tx, key)?;
    if last > 0 && source(tx, key, last)?.0 == document.hash {
        tx.leave_unchanged();
        return Ok(last);
    }
    let version = last + 1;
    diesel::insert_into(policies::table)
        .values((
            policies::key.eq(key),
            policies::version.eq(version),
            policies::hash.eq(&document.hash),
            policies::title.eq(&document.policy.title),
            policies::text.eq(&document.text),
            policies::published_at.eq(now),
            policies::published_by.eq(actor.person),
        ))
        .execute(&mut **tx)?;
    let note = Note::new("policy.published", actor).subject("policy", key.as_str());
    let note = note
        .subject("policy_version", version)
        .subject("policy_hash", document.hash.as_str());
    let add = |note: Note, (name, fact): (&str, Value)| note.data(name, fact);
    crate::ledger::append(tx, now, facts.into_iter().fold(note, add))?;
    Ok(version)
}

type HeadColumns = (
    policies::key,
    policies::version,
    policies::hash,
    policies::title,
    policies::published_at,
    policies::published_by,
);

const HEAD: HeadColumns = (
    policies::key,
    policies::version,
    policies::hash,
    policies::title,
    policies::published_at,
    policies::published_by,
);

//! Versions in the database: they never change, the newest of a key is in force.
use super::{Heading, Kind};
use crate::db::schema::rule_versions;
use crate::db::{At, Conn, PersonId, Tx};
use crate::error::{Error, Result};
use crate::ledger::{Actor, Note};
use diesel::dsl::max;
use diesel::prelude::*;
use serde_json::Value;

/// What a list says of a version.
#[derive(Debug, Clone, Queryable)]
pub struct Head {
    /// Key of the document.
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

/// The number of the version in force; 0 when there is none.
///
/// # Errors
/// When the database fails.
pub fn in_force(conn: &mut Conn, kind: &Kind, key: &str) -> Result<i32> {
    let of_kind = rule_versions::kind.eq(kind.word);
    let last: Option<i32> = rule_versions::table
        .filter(of_kind.and(rule_versions::key.eq(key)))
        .select(max(rule_versions::version))
        .get_result(conn)?;
    Ok(last.unwrap_or(0))
}

/// Hash and canonical text of a version.
///
/// # Errors
/// [`Error::NotFound`].
pub fn source(conn: &mut Conn, kind: &Kind, key: &str, number: i32) -> Result<(String, String)> {
    let row: Option<(String, String)> = rule_versions::table
        .find((kind.word, key, number))
        .select((rule_versions::hash, rule_versions::text))
        .get_result(conn)
        .optional()?;
    row.ok_or_else(|| Error::not_found(kind.title, format!("{key} version {number}")))
}

/// What a list says of one version.
///
/// # Errors
/// [`Error::NotFound`].
pub fn version(conn: &mut Conn, kind: &Kind, key: &str, number: i32) -> Result<Head> {
    let row = rule_versions::table
        .find((kind.word, key, number))
        .select(HEAD)
        .get_result(conn)
        .optional()?;
    row.ok_or_else(|| Error::not_found(kind.title, format!("{key} version {number}")))
}

/// Every version of every document of a kind, by key, the newest of each first.
///
/// # Errors
/// When the database fails.
pub fn versions(conn: &mut Conn, kind: &Kind) -> Result<Vec<Head>> {
    let order = (rule_versions::key.asc(), rule_versions::version.desc());
    let all = rule_versions::table.filter(rule_versions::kind.eq(kind.word));
    Ok(all.order(order).select(HEAD).load(conn)?)
}

/// Every version of one document, the newest first.
///
/// # Errors
/// [`Error::NotFound`] when there is none.
pub fn versions_of(conn: &mut Conn, kind: &Kind, key: &str) -> Result<Vec<Head>> {
    let of_kind = rule_versions::kind.eq(kind.word);
    let all: Vec<Head> = rule_versions::table
        .filter(of_kind.and(rule_versions::key.eq(key)))
        .order(rule_versions::version.desc())
        .select(HEAD)
        .load(conn)?;
    match all.is_empty() {
        true => Err(Error::not_found(kind.title, key)),
        false => Ok(all),
    }
}

/// The versions in force, one for each document of a kind.
///
/// # Errors
/// When the database fails.
pub fn heads(conn: &mut Conn, kind: &Kind) -> Result<Vec<Head>> {
    let mut all = versions(conn, kind)?;
    all.dedup_by(|older, newer| older.key == newer.key);
    Ok(all)
}

/// Publishes a checked document as its next version, with more facts for its entry. The same
/// document again changes nothing.
///
/// # Errors
/// When the database fails.
pub fn publish_with(
    tx: &mut Tx,
    now: At,
    actor: &Actor,
    kind: &Kind,
    heading: &Heading,
    facts: Vec<(&str, Value)>,
) -> Result<i32> {
    let key = heading.key.as_str();
    let last = in_force(tx, kind, key)?;
    if last > 0 && source(tx, kind, key, last)?.0 == heading.hash {
        tx.leave_unchanged();
        return Ok(last);
    }
    let version = last + 1;
    diesel::insert_into(rule_versions::table)
        .values((
            rule_versions::kind.eq(kind.word),
            rule_versions::key.eq(key),
            rule_versions::version.eq(version),
            rule_versions::hash.eq(&heading.hash),
            rule_versions::title.eq(&heading.title),
            rule_versions::text.eq(&heading.text),
            rule_versions::published_at.eq(now),
            rule_versions::published_by.eq(actor.person),
        ))
        .execute(&mut **tx)?;
    let (word, name) = (kind.word, format!("{}.published", kind.word));
    let note = Note::new(&name, actor)
        .subject(word, key)
        .subject(&format!("{word}_version"), version)
        .subject(&format!("{word}_hash"), heading.hash.as_str());
    let add = |note: Note, (name, fact): (&str, Value)| note.data(name, fact);
    crate::ledger::append(tx, now, facts.into_iter().fold(note, add))?;
    Ok(version)
}

type HeadColumns = (
    rule_versions::key,
    rule_versions::version,
    rule_versions::hash,
    rule_versions::title,
    rule_versions::published_at,
    rule_versions::published_by,
);

const HEAD: HeadColumns = (
    rule_versions::key,
    rule_versions::version,
    rule_versions::hash,
    rule_versions::title,
    rule_versions::published_at,
    rule_versions::published_by,
);

//! Calendars in the database: versions that never change, the newest of a key is in force.

use super::{Calendar, Document, Version};
use crate::db::schema::calendars;
use crate::db::{At, Conn, PersonId, Tx};
use crate::error::{Error, Result};
use crate::ledger::{Actor, Note};
use crate::people;
use diesel::dsl::max;
use diesel::prelude::*;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// What a list says of a version.
#[derive(Debug, Clone, Queryable)]
pub struct Head {
    /// Key of the calendar.
    pub key: String,
    /// From 1.
    pub version: i32,
    /// SHA-256 of the canonical text.
    pub hash: String,
    /// Its title.
    pub title: String,
    /// When it was kept.
    pub kept_at: At,
    /// Who kept it, unless it was the operator.
    pub kept_by: Option<PersonId>,
}

/// Versions that were read before. One never changes, so what is here is never stale.
#[derive(Debug, Default)]
pub struct Cache(Mutex<HashMap<(String, i32), Arc<Version>>>);

impl Cache {
    /// As [`current`].
    ///
    /// # Errors
    /// As [`current`].
    pub fn current(&self, conn: &mut Conn, key: &str) -> Result<Arc<Version>> {
        let number = in_force(conn, key)?;
        self.version(conn, key, number)
    }

    /// As [`version`], from the second time on without asking the database.
    ///
    /// # Errors
    /// As [`version`].
    pub fn version(&self, conn: &mut Conn, key: &str, number: i32) -> Result<Arc<Version>> {
        let name = (key.to_owned(), number);
        let known = self.0.lock().ok().and_then(|all| all.get(&name).cloned());
        if let Some(version) = known {
            return Ok(version);
        }
        let read = Arc::new(version(conn, key, number)?);
        if let Ok(mut all) = self.0.lock() {
            all.insert(name, read.clone());
        }
        Ok(read)
    }
}

/// The version of a calendar that is in force; the built-in one when none is kept under the key.
///
/// # Errors
/// When the database fails; [`Error::Corrupt`] when the text no longer has its hash.
pub fn current(conn: &mut Conn, key: &str) -> Result<Version> {
    let number = in_force(conn, key)?;
    version(conn, key, number)
}

/// One version of a calendar; the built-in one is version 0 of every key.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Corrupt`] when its text no longer has its hash.
pub fn version(conn: &mut Conn, key: &str, number: i32) -> Result<Version> {
    if number == 0 {
        let calendar = Calendar::built_in();
        return Ok(Version {
            version: 0,
            calendar,
        });
    }
    let (hash, text) = source(conn, key, number)?;
    let corrupt = |what: &str| Error::Corrupt(format!("calendar {key} version {number}: {what}"));
    let document = Document::load("stored version", &text).map_err(|problems| {
        corrupt(
            &problems
                .first()
                .map(ToString::to_string)
                .unwrap_or_default(),
        )
    })?;
    if document.hash != hash {
        return Err(corrupt("its text no longer has the hash it was kept with"));
    }
    Ok(Version {
        version: number,
        calendar: document.calendar,
    })
}

/// Hash and canonical text of a version.
///
/// # Errors
/// [`Error::NotFound`].
pub fn source(conn: &mut Conn, key: &str, number: i32) -> Result<(String, String)> {
    let row: Option<(String, String)> = calendars::table
        .find((key, number))
        .select((calendars::hash, calendars::text))
        .get_result(conn)
        .optional()?;
    row.ok_or_else(|| Error::not_found("calendar", format!("{key} version {number}")))
}

/// Keeps a document as the next version of its calendar. What was reckoned with an earlier version
/// stays as it is. The same document again changes nothing.
///
/// # Errors
/// [`Error::Invalid`] naming each place that is wrong; [`Error::Forbidden`] for whoever does not
/// keep the policy.
pub fn keep(tx: &mut Tx, now: At, actor: &Actor, document: &Value) -> Result<i32> {
    let document = Document::read(document).map_err(Error::Invalid)?;
    let newest = newest(tx, &document.calendar.key)?;
    keep_after(tx, now, actor, &document, newest)
}

/// As [`keep`], by somebody who saw version `seen` of the calendar; 0 when there was none. Sent
/// twice, the second is the same document again.
///
/// # Errors
/// As [`keep`]; [`Error::Stale`] when somebody else kept a version meanwhile.
pub fn revise(tx: &mut Tx, now: At, actor: &Actor, seen: i32, document: &Value) -> Result<i32> {
    let document = Document::read(document).map_err(Error::Invalid)?;
    let newest = newest(tx, &document.calendar.key)?;
    let version = newest.as_ref().map_or(0, |head| head.version);
    let is_same = newest
        .as_ref()
        .is_some_and(|head| head.hash == document.hash);
    if version != seen && !is_same {
        return Err(Error::Stale { seen, now: version });
    }
    keep_after(tx, now, actor, &document, newest)
}

fn keep_after(
    tx: &mut Tx,
    now: At,
    actor: &Actor,
    document: &Document,
    newest: Option<Head>,
) -> Result<i32> {
    people::keeps_policy(tx, actor)?;
    if let Some(same) = newest.as_ref().filter(|head| head.hash == document.hash) {
        tx.leave_unchanged();
        return Ok(same.version);
    }
    let (key, hash) = (&document.calendar.key, &document.hash);
    let version = newest.map_or(1, |head| head.version + 1);
    diesel::insert_into(calendars::table)
        .values((
            calendars::key.eq(key),
            calendars::version.eq(version),
            calendars::hash.eq(hash),
            calendars::title.eq(&document.calendar.title),
            calendars::text.eq(&document.text),
            calendars::kept_at.eq(now),
            calendars::kept_by.eq(actor.person),
        ))
        .execute(&mut **tx)?;
    let note = Note::new("calendar.kept", actor).subject("calendar", key.as_str());
    let note = note.subject("calendar_version", version);
    crate::ledger::append(tx, now, note.subject("calendar_hash", hash.as_str()))?;
    Ok(version)
}

/// The number of the version that is in force; 0, the built-in one, when none is kept.
fn in_force(conn: &mut Conn, key: &str) -> Result<i32> {
    let kept = calendars::table.filter(calendars::key.eq(key));
    let newest: Option<i32> = kept.select(max(calendars::version)).get_result(conn)?;
    Ok(newest.unwrap_or(0))
}

/// The version of a key that is in force, if one is kept.
///
/// # Errors
/// When the database fails.
pub fn newest(conn: &mut Conn, key: &str) -> Result<Option<Head>> {
    let heads = calendars::table.filter(calendars::key.eq(key)).select(HEAD);
    Ok(heads
        .order(calendars::version.desc())
        .first(conn)
        .optional()?)
}

/// Every version of every calendar, the newest of each first.
///
/// # Errors
/// When the database fails.
pub fn versions(conn: &mut Conn) -> Result<Vec<Head>> {
    let order = (calendars::key.asc(), calendars::version.desc());
    Ok(calendars::table.order(order).select(HEAD).load(conn)?)
}

/// Every version of one calendar, the newest first.
///
/// # Errors
/// [`Error::NotFound`] when there is none.
pub fn versions_of(conn: &mut Conn, key: &str) -> Result<Vec<Head>> {
    let heads = calendars::table.filter(calendars::key.eq(key)).select(HEAD);
    let all: Vec<Head> = heads.order(calendars::version.desc()).load(conn)?;
    match all.is_empty() {
        true => Err(Error::not_found("calendar", key)),
        false => Ok(all),
    }
}

type HeadColumns = (
    calendars::key,
    calendars::version,
    calendars::hash,
    calendars::title,
    calendars::kept_at,
    calendars::kept_by,
);

const HEAD: HeadColumns = (
    calendars::key,
    calendars::version,
    calendars::hash,
    calendars::title,
    calendars::kept_at,
    calendars::kept_by,
);

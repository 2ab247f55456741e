//! Published workflow versions: immutable, numbered, hashed; parsed once and kept.
use crate::db::schema::workflows;
use crate::db::{At, Conn, Tx};
use crate::error::{Error, Result};
use crate::form::Form;
use crate::ledger::{Actor, Note};
use crate::review::engine::Pin;
use crate::workflow::{Bundle, Workflow};
use diesel::prelude::*;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

/// One version, ready to run.
#[derive(Debug)]
pub struct Loaded {
    /// Which one.
    pub pin: Pin,
    /// The definition.
    pub workflow: Workflow,
    /// Its stage forms.
    pub forms: BTreeMap<String, Form>,
}

/// One row of the list of versions.
#[derive(Debug, Clone, Queryable)]
pub struct Version {
    /// Key of the workflow.
    pub key: String,
    /// From 1.
    pub version: i32,
    /// SHA-256 of the canonical text.
    pub hash: String,
    /// Its title.
    pub title: String,
    /// Whether new reviews may use it.
    pub active: bool,
    /// When it was published.
    pub published_at: At,
}

/// Versions by number and hash. A version never changes, so what is here is never stale; the
/// number counts, because the same text may be published again after another.
#[derive(Debug, Default)]
pub struct Cache(Mutex<HashMap<(i32, String), Arc<Loaded>>>);

impl Cache {
    fn get(&self, version: i32, hash: &str) -> Option<Arc<Loaded>> {
        self.0
            .lock()
            .ok()?
            .get(&(version, hash.to_owned()))
            .cloned()
    }

    fn keep(&self, loaded: &Arc<Loaded>) {
        if let Ok(mut all) = self.0.lock() {
            all.insert(
                (loaded.pin.version, loaded.pin.hash.clone()),
                loaded.clone(),
            );
        }
    }
}

/// Publishes a checked bundle as the next version of its key; later reviews run under it, running
/// ones keep theirs. The same text again changes nothing.
///
/// # Errors
/// When the database fails.
pub fn publish(tx: &mut Tx, now: At, actor: &Actor, bundle: &Bundle) -> Result<i32> {
    let key = &bundle.workflow.key;
    let last: Option<(i32, String)> = workflows::table
        .filter(workflows::key.eq(key))
        .order(workflows::version.desc())
        .select((workflows::version, workflows::hash))
        .first(&mut **tx)
        .optional()?;
    if let Some((version, hash)) = &last
        && *hash == bundle.hash
    {
        tx.leave_unchanged();
        return Ok(*version);
    }
    let version = last.map_or(1, |(version, _)| version + 1);
    diesel::update(workflows::table.filter(workflows::key.eq(key)))
        .set(workflows::active.eq(false))
        .execute(&mut **tx)?;
    diesel::insert_into(workflows::table)
        .values((
            workflows::key.eq(key),
            workflows::version.eq(version),
            workflows::hash.eq(&bundle.hash),
            workflows::title.eq(&bundle.workflow.title),
            workflows::text.eq(&bundle.text),
            workflows::active.eq(true),
            workflows::published_at.eq(now),
            workflows::published_by.eq(actor.person),
        ))
        .execute(&mut **tx)?;
    let note = Note::new("workflow.published", actor).subject("workflow", key.as_str());
    let note = note.subject("workflow_version", version);
    crate::ledger::append(tx, now, note.subject("workflow_hash", bundle.hash.as_str()))?;
    Ok(version)
}

/// All versions, the newest of each key first.
///
/// # Errors
/// When the database fails.
pub fn versions(conn: &mut Conn) -> Result<Vec<Version>> {
    Ok(workflows::table
        .order((workflows::key.asc(), workflows::version.desc()))
        .select((
            workflows::key,
            workflows::version,
            workflows::hash,
            workflows::title,
            workflows::active,
            workflows::published_at,
        ))
        .load(conn)?)
}

/// One version, ready to run.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Corrupt`] when its text no longer has its hash.
pub fn version(conn: &mut Conn, cache: &Cache, key: &str, version: i32) -> Result<Arc<Loaded>> {
    let row: Option<(String, String)> = workflows::table
        .find((key, version))
        .select((workflows::hash, workflows::text))
        .get_result(conn)
        .optional()?;
    let (hash, text) =
        row.ok_or_else(|| Error::not_found("workflow", format!("{key} version {version}")))?;
    if let Some(loaded) = cache.get(version, &hash) {
        return Ok(loaded);
    }
    let loaded = Arc::new(load(key, version, &hash, &text)?);
    cache.keep(&loaded);
    Ok(loaded)
}

/// The version that a review is pinned to; from the second time on without asking the database.
///
/// # Errors
/// As [`version`]; [`Error::Corrupt`] when that version has another hash.
pub fn pinned(conn: &mut Conn, cache: &Cache, pin: &Pin) -> Result<Arc<Loaded>> {
    if let Some(loaded) = cache.get(pin.version, &pin.hash) {
        return Ok(loaded);
    }
    let loaded = version(conn, cache, &pin.key, pin.version)?;
    if loaded.pin.hash == pin.hash {
        Ok(loaded)
    } else {
        Err(Error::Corrupt(format!(
            "workflow {} version {}: its hash changed",
            pin.key, pin.version
        )))
    }
}

fn load(key: &str, version: i32, hash: &str, text: &str) -> Result<Loaded> {
    let corrupt =
        |what: String| Error::Corrupt(format!("workflow {key} version {version}: {what}"));
    let bundle = Bundle::pinned(text).map_err(|problems| {
        corrupt(
            problems
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("; "),
        )
    })?;
    if bundle.hash != hash {
        return Err(corrupt(
            "its text no longer has the hash it was published with".to_owned(),
        ));
    }
    let mut forms = BTreeMap::new();
    for (name, schema) in &bundle.forms {
        let form = Form::parse(schema).map_err(|_| corrupt(format!("form {name}")))?;
        forms.insert(name.clone(), form);
    }
    let pin = Pin {
        key: key.to_owned(),
        version,
        hash: hash.to_owned(),
    };
    Ok(Loaded {
        pin,
        workflow: bundle.workflow,
        forms,
    })
}

/// The active version that is meant for `request`: of those that apply, the one with the highest
/// priority, then by key.
///
/// # Errors
/// When the database fails or a stored version cannot be read.
pub fn choose(
    conn: &mut Conn,
    cache: &Cache,
    kind: &str,
    request: &Value,
) -> Result<Option<Arc<Loaded>>> {
    let mut best: Option<Arc<Loaded>> = None;
    for row in versions(conn)?.into_iter().filter(|v| v.active) {
        let loaded = version(conn, cache, &row.key, row.version)?;
        let meant = loaded.workflow.form == kind && loaded.workflow.applies(request);
        let better = |b: &Arc<Loaded>| loaded.workflow.priority > b.workflow.priority;
        if meant && best.as_ref().is_none_or(better) {
            best = Some(loaded);
        }
    }
    Ok(best)
}

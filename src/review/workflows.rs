//! Published workflow versions: immutable, numbered, hashed; parsed once and kept.
use crate::db::schema::workflows;
use crate::db::{At, Conn, Day, PersonId, Tx};
use crate::error::{Error, Result};
use crate::form::Form;
use crate::ledger::{Actor, Note};
use crate::people;
use crate::register::{Kind, Kinds};
use crate::review::drafts::Examined;
use crate::review::engine::{self, Pin, Refusal};
use crate::workflow::{Bundle, Workflow};
use diesel::dsl::max;
use diesel::prelude::*;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
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
    /// By whom; the operator where nobody is named.
    pub published_by: Option<PersonId>,
}

/// Versions by number and hash. A version never changes, so what is here is never stale; the
/// number counts, because the same text may be published again after another.
#[derive(Debug, Default)]
pub struct Cache {
    versions: Mutex<HashMap<(i32, String), Arc<Loaded>>>,
    /// Drafts that were looked at lately: each page of a draft asks, and a dry run takes a while.
    drafts: Mutex<VecDeque<(String, Arc<Examined>)>>,
}

/// How many drafts are remembered.
const DRAFTS: usize = 16;

impl Cache {
    fn get(&self, version: i32, hash: &str) -> Option<Arc<Loaded>> {
        self.versions
            .lock()
            .ok()?
            .get(&(version, hash.to_owned()))
            .cloned()
    }

    fn keep(&self, loaded: &Arc<Loaded>) {
        if let Ok(mut all) = self.versions.lock() {
            all.insert(
                (loaded.pin.version, loaded.pin.hash.clone()),
                loaded.clone(),
            );
        }
    }
}

impl Cache {
    /// What was found in a draft that was looked at before, by a name of its content.
    pub(super) fn examined(&self, name: &str) -> Option<Arc<Examined>> {
        let drafts = self.drafts.lock().ok()?;
        let found = drafts.iter().find(|(known, _)| known == name);
        found.map(|(_, examined)| examined.clone())
    }

    pub(super) fn remember(&self, name: String, examined: &Arc<Examined>) {
        if let Ok(mut drafts) = self.drafts.lock() {
            drafts.push_front((name, examined.clone()));
            drafts.truncate(DRAFTS);
        }
    }
}

/// Publishes a checked bundle as the next version of its key; later reviews run under it, running
/// ones keep theirs. The same text again changes nothing.
///
/// # Errors
/// When the database fails.
pub fn publish(tx: &mut Tx, now: At, actor: &Actor, bundle: &Bundle) -> Result<i32> {
    publish_with(tx, now, actor, bundle, Vec::new())
}

/// As [`publish`], with more facts for its entry.
///
/// # Errors
/// As [`publish`].
pub(super) fn publish_with(
    tx: &mut Tx,
    now: At,
    actor: &Actor,
    bundle: &Bundle,
    facts: Vec<(&str, Value)>,
) -> Result<i32> {
    let workflow = &bundle.workflow;
    let today = Day(now.0.to_zoned(jiff::tz::TimeZone::UTC).date());
    let directory = people::directory(tx, workflow, &Value::Null, today, &BTreeSet::new())?;
    if let Some((stage, count)) = engine::crowded(workflow, &directory) {
        return Err(Refusal::TooManyAsked(stage, count).into());
    }
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
    let note = facts
        .into_iter()
        .fold(note, |note, (name, fact)| note.data(name, fact));
    crate::ledger::append(tx, now, note.subject("workflow_hash", bundle.hash.as_str()))?;
    Ok(version)
}

/// The version in force of a workflow; 0 when there is none.
///
/// # Errors
/// When the database fails.
pub fn in_force(conn: &mut Conn, key: &str) -> Result<i32> {
    let last: Option<i32> = workflows::table
        .filter(workflows::key.eq(key))
        .select(max(workflows::version))
        .get_result(conn)?;
    Ok(last.unwrap_or(0))
}

/// The canonical text of a version.
///
/// # Errors
/// [`Error::NotFound`].
pub fn text(conn: &mut Conn, key: &str, version: i32) -> Result<String> {
    let text = workflows::table.find((key, version));
    let text: Option<String> = text.select(workflows::text).get_result(conn).optional()?;
    text.ok_or_else(|| Error::not_found("workflow", format!("{key} version {version}")))
}

/// The hash of a version.
///
/// # Errors
/// [`Error::NotFound`].
pub fn hash(conn: &mut Conn, key: &str, version: i32) -> Result<String> {
    let hash = workflows::table.find((key, version));
    let hash: Option<String> = hash.select(workflows::hash).get_result(conn).optional()?;
    hash.ok_or_else(|| Error::not_found("workflow", format!("{key} version {version}")))
}

/// The kind whose fields the workflow in `text` reads; use cases where it does not say.
///
/// # Errors
/// When there are no use cases.
pub fn kind_of<'k>(text: &str, kinds: &'k Kinds) -> Result<&'k Kind> {
    let named = serde_json::from_str::<Value>(text).ok();
    let named = named.as_ref().and_then(|v| v.get("form")?.as_str());
    let kind = named.unwrap_or("use_case");
    kinds.by_key(kind).or_else(|_| kinds.by_key("use_case"))
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
            workflows::published_by,
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
    ready(bundle, version)
}

/// A published version from its stored text alone, as long as it has the hash of `pin`.
pub fn of_text(text: &str, pin: &Pin) -> Option<Loaded> {
    let bundle = Bundle::pinned(text).ok()?;
    let same = bundle.hash == pin.hash && bundle.workflow.key == pin.key;
    ready(bundle, pin.version).ok().filter(|_| same)
}

/// A bundle, ready to run as `version`.
///
/// # Errors
/// [`Error::Corrupt`] for a stage form that cannot be read.
pub(super) fn ready(bundle: Bundle, version: i32) -> Result<Loaded> {
    let mut forms = BTreeMap::new();
    for (name, schema) in &bundle.forms {
        let unread = |_| Error::Corrupt(format!("{}: form {name}", bundle.workflow.key));
        forms.insert(name.clone(), Form::parse(schema).map_err(unread)?);
    }
    let pin = Pin {
        key: bundle.workflow.key.clone(),
        version,
        hash: bundle.hash,
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

//! Policies in the database: versions that never change, the newest of a key is in force.
use super::{Document, Index, KIND};
use crate::db::{At, Conn};
use crate::error::{Error, Result};
use crate::rules;
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
    let (hash, text) = rules::source(conn, &KIND, key, number)?;
    let corrupt = |what: &str| Error::Corrupt(format!("policy {key} version {number}: {what}"));
    let document = Document::load("stored version", &text)
        .map_err(|p| corrupt(&p.first().map(ToString::to_string).unwrap_or_default()))?;
    if document.hash != hash {
        return Err(corrupt(
            "its text no longer has the hash it was published with",
        ));
    }
    let read = Arc::new(Version {
        published_at: rules::version(conn, &KIND, key, number)?.published_at,
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
    match rules::in_force(conn, &KIND, key)? {
        0 => Err(Error::not_found(KIND.title, key)),
        number => version(conn, cache, key, number),
    }
}

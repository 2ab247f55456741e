//! Sealing: what turns the ledger's size and root into signed checkpoints.
//!
//! The key lies in a file outside of the database, and beside it the lock file with the checkpoint
//! that was signed last. A checkpoint is signed only when the database shows that its log begins
//! with that one: a database that was restored from a backup, or is another than before, cannot
//! make this log say two things. The lock file belongs into no backup of the database.

mod ask;
mod check;
mod command;
mod file;
mod keys;
mod lock;
mod outside;
pub mod page;
mod receipts;
mod signer;
mod stamp;
mod store;
mod witness;
pub mod worker;

pub use ask::{address, agent, is_loopback};
pub use check::check;
pub use command::{continue_log, create, retire, rotate};
pub use keys::Keys;
pub use outside::{Outside, ask_outside, check_outside, outside};
pub use receipts::{Growing, Sealing, growing, waits};
pub use signer::{Signed, examine, sign};
pub use store::{Published, keys_until, newest, sizes_until, tip, vkeys};
pub use witness::Witness;

use crate::app::App;
use crate::config::Config;
use crate::db::At;
use crate::error::{Error, Result};
use crate::ledger::origin::Origin;
use serde::Serialize;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use tokio::sync::Notify;

/// Where this process finds key and lock, and how its sealing fares.
#[derive(Debug)]
pub struct Sealer {
    paths: Option<Paths>,
    bell: Notify,
    /// Rung when something was signed.
    signed: Notify,
    halted: Mutex<Option<String>>,
}

/// The two files.
#[derive(Debug, Clone)]
pub struct Paths {
    /// The key's.
    pub key: PathBuf,
    /// That of the checkpoint signed last.
    pub lock: PathBuf,
    /// The name that the settings give the log, when they do.
    pub origin: Option<String>,
}

impl Sealer {
    /// By the settings.
    pub fn new(config: &Config) -> Sealer {
        let key = &config.signing_key_file;
        let lock = match config.checkpoint_lock_file.as_str() {
            "" => format!("{key}.lock"),
            path => path.to_owned(),
        };
        let origin = Some(config.log_origin.clone()).filter(|name| !name.is_empty());
        let paths = Paths {
            key: PathBuf::from(key),
            lock: PathBuf::from(lock),
            origin,
        };
        Sealer {
            paths: (!key.is_empty()).then_some(paths),
            bell: Notify::new(),
            signed: Notify::new(),
            halted: Mutex::new(None),
        }
    }

    /// The files, when this process is to sign.
    pub fn paths(&self) -> Option<&Paths> {
        self.paths.as_ref()
    }

    /// Has the signer look at once: something may have been entered.
    pub fn ring(&self) {
        self.bell.notify_one();
    }

    /// Why this process signs no more, if so.
    pub fn halted(&self) -> Option<String> {
        let halted = self.halted.lock().unwrap_or_else(PoisonError::into_inner);
        halted.clone()
    }

    /// Notes why; whether that is news.
    fn halt(&self, why: Option<String>) -> bool {
        let mut halted = self.halted.lock().unwrap_or_else(PoisonError::into_inner);
        let news = *halted != why;
        *halted = why;
        news
    }
}

/// The files of a program that is to sign, or which setting is missing.
fn paths(app: &App) -> Result<Paths> {
    let sentence = "COUNTERSIGN_SIGNING_KEY_FILE (or signing_key_file in countersign.toml) must \
                    name the file of the signing key";
    let paths = app.sealer.paths().cloned();
    paths.ok_or_else(|| Error::Configuration(sentence.to_owned()))
}

/// The name that the settings give a new log.
fn origin(app: &App, paths: &Paths) -> Result<Origin> {
    let origin = match &paths.origin {
        Some(name) => Origin::new(name),
        None => Origin::of_address(&app.config.public_url),
    };
    let rule = "be set: the public address makes no name for a log";
    origin.map_err(|_| crate::config::wrong("log_origin", rule))
}

/// How the ledger is sealed, for pages and for whoever watches the process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// `unsigned`, `signed`, `behind` (entries wait to be covered) or `refused`.
    pub state: &'static str,
    /// Size of the newest checkpoint.
    pub size: Option<u64>,
    /// When it was published.
    pub at: Option<At>,
    /// Why nothing is signed.
    pub why: Option<String>,
}

/// How the ledger is sealed now, as this process knows.
///
/// # Errors
/// When the database fails.
pub async fn standing(app: &App) -> Result<Standing> {
    let read = |conn: &mut crate::db::Conn| Ok((newest(conn)?, crate::ledger::head(conn)?.0));
    let (newest, size) = app.db.read(read).await?;
    let why = app.sealer.halted();
    let state = match (&newest, &why) {
        (_, Some(_)) => "refused",
        (None, None) => "unsigned",
        (Some(newest), None) if newest.size < size => "behind",
        (Some(_), None) => "signed",
    };
    Ok(Standing {
        state,
        size: newest.as_ref().map(|newest| newest.size),
        at: newest.map(|newest| newest.at),
        why,
    })
}

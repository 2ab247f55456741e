//! Mail that comes back: from a Maildir that the worker looks into, or by `countersign bounce`.
use crate::app::App;
use crate::db::{At, Tx};
use crate::error::{Error, Result};
use crate::notify::bounce::{Bounce, Fate, READ_MAX};
use crate::notify::letter::Sender;
use crate::notify::outbox;
use crate::people::mailing;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Most files that are read before the worker looks to other things.
const FILES_MAX: usize = 100;

/// What a message that came in turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Return {
    /// No report about a mail of ours, or one that is known.
    Nothing,
    /// A mail is late.
    Late,
    /// A mail did not arrive; its person is reached as before.
    Bounced,
    /// A mail did not arrive, and mail reaches its person no more.
    Lost,
}

/// Reads as much of a message as counts.
///
/// # Errors
/// When it cannot be read.
pub fn read_bounded(from: impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(READ_MAX as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Takes a message in that somebody sent to the address of bounces. `recipient` is that address,
/// where it is known. Seats are not looked at again by this.
///
/// # Errors
/// When the database fails.
pub fn take_in(app: &App, bytes: &[u8], recipient: Option<&str>) -> Result<Return> {
    let marks = Sender::new(&app.config)?.marks();
    let Some(bounce) = Bounce::read(bytes, &marks, recipient) else {
        return Ok(Return::Nothing);
    };
    let now = app.desk.clock.now();
    app.db.upkeep_now(move |tx| note(tx, &bounce, now))
}

fn note(tx: &mut Tx, bounce: &Bounce, now: At) -> Result<Return> {
    let status = bounce.status.to_string();
    if bounce.fate == Fate::Delayed {
        let late = outbox::delayed(tx, bounce.mail, &format!("late, said a server: {status}"))?;
        return Ok(if late { Return::Late } else { Return::Nothing });
    }
    let why = format!("came back: {status}");
    let Some(person) = outbox::bounced(tx, bounce.mail, &why, now)? else {
        return Ok(Return::Nothing);
    };
    if bounce.loses() && mailing::lose(tx, now, person, &status, true)? {
        return Ok(Return::Lost);
    }
    Ok(Return::Bounced)
}

/// A Maildir: mail servers put messages into `new`, and who has read them moves them to `cur`.
#[derive(Debug, Clone)]
pub struct Maildir {
    folder: PathBuf,
    /// Files that cannot be read or moved: told of once, and tried after all others.
    stuck: Arc<Mutex<BTreeSet<PathBuf>>>,
}

impl Maildir {
    /// The Maildir of the settings, if they name one.
    ///
    /// # Errors
    /// [`Error::Configuration`] when there is none at that place.
    pub fn open(path: &str) -> Result<Option<Maildir>> {
        if path.trim().is_empty() {
            return Ok(None);
        }
        let folder = PathBuf::from(path);
        let whole = ["new", "cur"].iter().all(|part| folder.join(part).is_dir());
        if whole {
            Ok(Some(Maildir {
                folder,
                stuck: Arc::default(),
            }))
        } else {
            Err(crate::config::wrong(
                "bounce_dir",
                "be a Maildir, a folder with the folders new and cur",
            ))
        }
    }

    /// Takes every new message in. A file is moved only after what it says is kept, so that a
    /// process that dies reads it again; a report that is read twice changes nothing. One that
    /// cannot be read or moved stays and keeps no other waiting. Whether mail reaches somebody no
    /// more.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn sweep(&self, app: &App) -> Result<bool> {
        let mut lost = false;
        for path in self.waiting()? {
            let found = read(&path).and_then(|bytes| match bytes {
                Some(bytes) => take_in(app, &bytes, None).map(Some),
                None => Ok(None),
            });
            lost |= matches!(found, Ok(Some(Return::Lost)));
            let put_away = found.and_then(|found| match found {
                Some(found) => self.put_away(&path, found),
                None => Ok(()),
            });
            self.note(path, put_away);
        }
        Ok(lost)
    }

    fn note(&self, path: PathBuf, done: Result<()>) {
        let mut stuck = self.stuck();
        match done {
            Ok(()) => {
                stuck.remove(&path);
            }
            Err(error) => {
                if stuck.insert(path) {
                    tracing::error!(%error, "a message that came in stays where it is");
                }
            }
        }
    }

    fn stuck(&self) -> MutexGuard<'_, BTreeSet<PathBuf>> {
        self.stuck.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The new messages, the oldest name first, and last those that could not be taken in before.
    /// What is no plain file is nobody's message.
    fn waiting(&self) -> Result<Vec<PathBuf>> {
        let folder = self.folder.join("new");
        let files = std::fs::read_dir(&folder).map_err(|e| failed(&folder, &e))?;
        let plain = files
            .filter_map(std::result::Result::ok)
            .filter(|file| file.file_type().is_ok_and(|kind| kind.is_file()));
        let paths: BTreeSet<PathBuf> = plain.map(|file| file.path()).collect();
        let mut stuck = self.stuck();
        stuck.retain(|path| paths.contains(path));
        let fresh = paths.difference(&stuck);
        Ok(fresh.chain(stuck.iter()).take(FILES_MAX).cloned().collect())
    }

    /// What was a report is marked as seen; what people wrote stays for people to see.
    fn put_away(&self, path: &Path, found: Return) -> Result<()> {
        let Some(name) = path.file_name() else {
            return Ok(());
        };
        let mut name = name.to_owned();
        name.push(if found == Return::Nothing {
            ":2,"
        } else {
            ":2,S"
        });
        let moved = std::fs::rename(path, self.folder.join("cur").join(name));
        match moved {
            // Another node was faster.
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
            moved => moved.map_err(|e| failed(path, &e)),
        }
    }
}

/// What a file holds; nothing when another node was faster.
fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match File::open(path).and_then(read_bounded) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(path, &error)),
    }
}

fn failed(path: &Path, error: &std::io::Error) -> Error {
    Error::Unavailable(format!("bounces: {}: {error}", path.display()))
}

/// People whose mail came back once and has not since are reachable again. Whether there were any.
///
/// # Errors
/// When the database fails.
pub(super) fn forgive(app: &App) -> Result<bool> {
    let now = app.desk.clock.now();
    let silent = app.db.read_now(|conn| mailing::silent(conn, now))?;
    if silent.is_empty() {
        return Ok(false);
    }
    app.db.upkeep_now(move |tx| {
        for person in silent {
            mailing::reached(tx, now, person)?;
        }
        Ok(true)
    })
}

//! The lock file: the checkpoint that was signed last, as its note. Whoever signs holds the lock
//! from reading it until the next one is on the disk, so that two processes never sign two logs.
use crate::error::{Error, Result};
use crate::ledger::seal::file::{self, Pending};
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long another process is waited for: what it does takes milliseconds.
const PATIENCE: u32 = 1000;
const PAUSE: Duration = Duration::from_millis(10);

/// The lock, held by this process.
pub(super) struct Held {
    path: PathBuf,
    /// Locked until it is dropped. Another file, since the lock file itself is replaced.
    _guard: File,
}

impl Held {
    /// Takes the lock.
    pub(super) fn take(path: &Path) -> Result<Held> {
        if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(|error| file::trouble(folder, error))?;
        }
        let guard = file::beside(path, ".held");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&guard)
            .map_err(|error| file::trouble(&guard, error))?;
        for _ in 0..PATIENCE {
            match file.try_lock() {
                Ok(()) => {
                    return Ok(Held {
                        path: path.to_owned(),
                        _guard: file,
                    });
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
                Err(TryLockError::Error(error)) => return Err(file::trouble(&guard, error)),
            }
        }
        Err(Error::Unavailable(format!(
            "another process holds {} for long",
            guard.display()
        )))
    }

    /// The note that was signed last; nothing when there is no lock file.
    pub(super) fn last(&self) -> Result<Option<String>> {
        file::read(&self.path)
    }

    /// Puts `note` in the place of `seen`. A file that holds something else by now, because
    /// somebody wrote it without the lock, is left as it is.
    pub(super) fn replace(&self, seen: Option<&str>, note: &str) -> Result<()> {
        if self.last()?.as_deref() != seen {
            let why = "the lock file changed while it was held";
            return Err(Error::Unavailable(format!(
                "{}: {why}",
                self.path.display()
            )));
        }
        Pending::write(&self.path, note)?.keep()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_signed_last_is_replaced_only_by_who_saw_it() {
        let folder = tempfile::tempdir().unwrap();
        let held = Held::take(&folder.path().join("lock")).unwrap();
        assert_eq!(held.last().unwrap(), None);
        held.replace(None, "one").unwrap();
        assert_eq!(held.last().unwrap().as_deref(), Some("one"));
        assert!(held.replace(None, "two").is_err());
        assert!(held.replace(Some("another"), "two").is_err());
        held.replace(Some("one"), "two").unwrap();
        assert_eq!(held.last().unwrap().as_deref(), Some("two"));
    }

    #[test]
    fn of_those_who_hold_the_lock_at_once_there_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        Held::take(&path).unwrap().replace(None, "0").unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..25 {
                        let held = Held::take(&path).unwrap();
                        let seen = held.last().unwrap().unwrap();
                        let next = seen.parse::<u32>().unwrap() + 1;
                        held.replace(Some(&seen), &next.to_string()).unwrap();
                    }
                });
            }
        });
        let held = Held::take(&path).unwrap();
        assert_eq!(held.last().unwrap().as_deref(), Some("200"));
    }
}

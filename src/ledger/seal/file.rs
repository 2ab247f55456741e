//! Files that survive a power cut whole: the old content or the new, nothing between.
use crate::error::{Error, Result};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// More than any of our files has.
const MAX: u64 = 256 * 1024;

/// That a file cannot be read or written.
pub(super) fn trouble(path: &Path, error: impl std::fmt::Display) -> Error {
    Error::Configuration(format!("{}: {error}", path.display()))
}

/// What a file holds; nothing when there is none.
pub(super) fn read(path: &Path) -> Result<Option<String>> {
    use std::io::Read;
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(trouble(path, error)),
    };
    let mut text = String::new();
    let read = file.take(MAX).read_to_string(&mut text);
    read.map_err(|error| trouble(path, error))?;
    Ok(Some(text))
}

/// The path with this added to its name.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// A file that is written and not yet in its place; it goes when it is dropped before.
pub(super) struct Pending {
    at: PathBuf,
    to: PathBuf,
}

impl Pending {
    /// Writes `text` beside `to`, durably, for the eyes of the owner alone.
    pub(super) fn write(to: &Path, text: &str) -> Result<Pending> {
        if let Some(folder) = to.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(|error| trouble(folder, error))?;
        }
        let name = format!(".{}.new", uuid::Uuid::now_v7());
        let at = beside(to, &name);
        let pending = Pending {
            at,
            to: to.to_owned(),
        };
        let mut file = private(&pending.at).map_err(|error| trouble(&pending.at, error))?;
        file.write_all(text.as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(|error| trouble(&pending.at, error))?;
        Ok(pending)
    }

    /// Puts it into its place, over what is there.
    pub(super) fn keep(self) -> Result<()> {
        std::fs::rename(&self.at, &self.to).map_err(|error| trouble(&self.to, error))?;
        // The rename itself must be on the disk before anybody acts on it.
        let folder = self.to.parent().filter(|f| !f.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        if cfg!(unix) {
            let synced = File::open(folder).and_then(|folder| folder.sync_all());
            synced.map_err(|error| trouble(folder, error))?;
        }
        Ok(())
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        // Gone already when it was kept.
        let _ = std::fs::remove_file(&self.at);
    }
}

fn private(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Whether others than its owner may read a file.
pub(super) fn is_open_to_others(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::metadata(path).is_ok_and(|about| about.permissions().mode() & 0o077 != 0)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

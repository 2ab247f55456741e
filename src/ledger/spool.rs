//! A file that is made once, named by its digest, and then handed over: what somebody gets is what
//! the entry says they got, whatever changes in the database meanwhile.
use crate::db::Url;
use crate::error::{Error, Result};
use sha2::{Digest, Sha256};
use std::fs::{File, OpenOptions};
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};

/// Bytes that wait before they are written.
const BUFFER: usize = 256 * 1024;

/// A file in the making. Nobody else can open it, and it goes when this value goes.
pub(super) struct Spool {
    file: File,
    /// Its name, where the system keeps one as long as a file is open.
    left: Option<PathBuf>,
    waiting: Vec<u8>,
    /// Nothing for a file that only waits.
    hash: Option<Sha256>,
    length: u64,
}

/// Where files wait: beside the database where that is a file, else where temporary files are.
pub(super) fn folder(database_url: &str) -> PathBuf {
    match Url::parse(database_url) {
        Ok(Url::Sqlite(path)) => match Path::new(&path).parent() {
            Some(folder) if folder.is_dir() => folder.to_owned(),
            _ => PathBuf::from("."),
        },
        _ => std::env::temp_dir(),
    }
}

impl Spool {
    /// An empty file in this folder.
    ///
    /// # Errors
    /// When no file can be made there.
    pub(super) fn new(folder: &Path) -> Result<Spool> {
        let path = folder.join(format!("countersign-export-{}.tmp", uuid::Uuid::now_v7()));
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).map_err(|e| {
            Error::Unavailable(format!("no file can be made in {}: {e}", folder.display()))
        })?;
        let left = std::fs::remove_file(&path).is_err().then_some(path);
        Ok(Spool {
            file,
            left,
            waiting: Vec::with_capacity(BUFFER),
            hash: Some(Sha256::new()),
            length: 0,
        })
    }

    /// As [`Spool::new`], for a file that is read by this program alone and so needs no digest.
    ///
    /// # Errors
    /// As [`Spool::new`].
    pub(super) fn unnamed(folder: &Path) -> Result<Spool> {
        let mut spool = Spool::new(folder)?;
        spool.hash = None;
        Ok(spool)
    }

    /// What was written so far, from its beginning.
    ///
    /// # Errors
    /// When it cannot be written or read.
    pub(super) fn read(&mut self) -> io::Result<&mut File> {
        self.flush()?;
        self.file.rewind()?;
        Ok(&mut self.file)
    }

    /// Ends the making: SHA-256 of the file, in hex, and its length.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn finish(&mut self) -> io::Result<(String, u64)> {
        self.flush()?;
        let digest = self.hash.take().map(Sha256::finalize);
        Ok((digest.map(hex::encode).unwrap_or_default(), self.length))
    }

    /// Hands the file over.
    ///
    /// # Errors
    /// When it cannot be read, or `out` not written.
    pub(super) fn copy(&mut self, mut out: impl Write) -> io::Result<()> {
        self.file.rewind()?;
        io::copy(&mut self.file, &mut out)?;
        out.flush()
    }
}

impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.waiting.len() + bytes.len() > BUFFER {
            self.flush()?;
        }
        self.waiting.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.write_all(&self.waiting)?;
        if let Some(hash) = &mut self.hash {
            hash.update(&self.waiting);
        }
        self.length += u64::try_from(self.waiting.len()).unwrap_or(u64::MAX);
        self.waiting.clear();
        Ok(())
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        if let Some(path) = &self.left {
            let _ = std::fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_handed_over_as_its_digest_says_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::new(folder.path()).unwrap();
        let text = "entry ".repeat(100_000);
        for piece in text.as_bytes().chunks(7_001) {
            spool.write_all(piece).unwrap();
        }
        let (digest, length) = spool.finish().unwrap();
        let mut copy = Vec::new();
        spool.copy(&mut copy).unwrap();
        assert!(copy == text.as_bytes());
        assert_eq!(digest, hex::encode(Sha256::digest(&copy)));
        assert_eq!(length, 600_000);
        drop(spool);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_that_takes_no_file_is_named() {
        let refused = Spool::new(Path::new("/nowhere/at/all")).err().unwrap();
        assert!(refused.to_string().contains("/nowhere/at/all"));
    }
}

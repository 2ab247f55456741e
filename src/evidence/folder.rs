//! Where files lie: `ab/cdef…` by digest, and `incoming` for what comes in.
use crate::config::Config;
use crate::db::Url;
use crate::error::{Error, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// Name of the folder of what comes in.
pub(super) const INCOMING: &str = "incoming";

/// The folder of all files: the setting `evidence_dir`, or `evidence` beside the database where
/// that is a file, or below `data`.
pub fn folder(config: &Config) -> PathBuf {
    if !config.evidence_dir.is_empty() {
        return PathBuf::from(&config.evidence_dir);
    }
    let beside = match Url::parse(&config.database_url) {
        Ok(Url::Sqlite(path)) => Path::new(&path).parent().map(Path::to_owned),
        _ => Some(PathBuf::from("data")),
    };
    beside.unwrap_or_default().join("evidence")
}

/// Where the content with this digest lies.
pub(super) fn place(folder: &Path, digest: &str) -> PathBuf {
    match digest.split_at_checked(2) {
        Some((first, rest)) => folder.join(first).join(rest),
        None => folder.join(digest),
    }
}

/// Makes a folder that nobody else can look into.
pub(super) fn make(folder: &Path) -> Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|e| trouble(folder, &e))
}

/// That the disk failed.
pub(super) fn trouble(path: &Path, error: &std::io::Error) -> Error {
    Error::Unavailable(format!("{}: {error}", path.display()))
}

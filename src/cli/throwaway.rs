//! Folders that go with the command that made them.
use crate::error::{Error, Result};
use std::path::{Path, PathBuf};

/// A folder that is removed, with all that is in it, when this value goes.
pub(super) struct Throwaway(PathBuf);

impl Throwaway {
    /// A new folder in `parent`, named after what it is `for_what`.
    pub(super) fn new_in(parent: &Path, for_what: &str) -> Result<Throwaway> {
        let name = format!("countersign-{for_what}-{}", uuid::Uuid::now_v7());
        let folder = parent.join(name);
        std::fs::create_dir_all(&folder).map_err(|e| {
            Error::Configuration(format!("cannot create {}: {e}", folder.display()))
        })?;
        Ok(Throwaway(folder))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Throwaway {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

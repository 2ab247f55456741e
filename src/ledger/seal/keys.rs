//! The key file: one `PRIVATE+KEY+…` a line, the newest first.
use crate::error::{Error, Result};
use crate::ledger::key::{SigningKey, Vkey};
use crate::ledger::origin::Origin;
use crate::ledger::seal::Paths;
use crate::ledger::seal::file::{self, Pending};
use std::path::Path;

/// The keys that sign: one, or two while they change.
#[derive(Debug, Clone)]
pub struct Keys {
    newest: SigningKey,
    older: Vec<SigningKey>,
}

impl Keys {
    /// One key alone.
    pub(super) fn only(key: SigningKey) -> Keys {
        Keys {
            newest: key,
            older: Vec::new(),
        }
    }

    /// Reads the key file; nothing when there is none.
    ///
    /// # Errors
    /// [`Error::Configuration`] naming the file and what is wrong with it, without a byte of it.
    pub fn read(paths: &Paths) -> Result<Option<Keys>> {
        let Some(text) = file::read(&paths.key)? else {
            return Ok(None);
        };
        let keys = Keys::parse(&text).map_err(|why| file::trouble(&paths.key, why))?;
        match &paths.origin {
            Some(name) if name != keys.origin().as_str() => Err(Error::Configuration(format!(
                "COUNTERSIGN_LOG_ORIGIN is {name}, but the key in {} signs for {}: set the one \
                 name or take the other key",
                paths.key.display(),
                keys.origin()
            ))),
            _ => Ok(Some(keys)),
        }
    }

    /// As [`Keys::read`], of a program that is to sign.
    ///
    /// # Errors
    /// [`Error::Configuration`] besides when there is no key file.
    pub fn must(paths: &Paths) -> Result<Keys> {
        let keys = Keys::read(paths)?.ok_or_else(|| {
            Error::Configuration(format!(
                "there is no signing key in {}: make one with `countersign key new`",
                paths.key.display()
            ))
        })?;
        if file::is_open_to_others(&paths.key) {
            let file = paths.key.display();
            tracing::warn!(%file, "others than its owner may read the signing key");
        }
        Ok(keys)
    }

    fn parse(text: &str) -> std::result::Result<Keys, String> {
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        let keys = lines.map(SigningKey::parse);
        let mut keys = keys
            .collect::<std::result::Result<Vec<_>, _>>()
            .map_err(|flaw| flaw.to_string())?
            .into_iter();
        let newest = keys.next().ok_or("the file holds no signing key")?;
        let older: Vec<SigningKey> = keys.collect();
        if older.iter().any(|key| key.origin() != newest.origin()) {
            return Err("the file holds keys of two logs".to_owned());
        }
        Ok(Keys { newest, older })
    }

    /// The log they sign for.
    pub fn origin(&self) -> &Origin {
        self.newest.origin()
    }

    /// The key to come to trust, or the only one.
    pub fn newest(&self) -> &SigningKey {
        &self.newest
    }

    /// Those that sign beside the newest until everybody knows it.
    pub fn older(&self) -> &[SigningKey] {
        &self.older
    }

    /// All of them, the newest first.
    pub fn all(&self) -> Vec<&SigningKey> {
        std::iter::once(&self.newest).chain(&self.older).collect()
    }

    /// Their public halves, the newest first.
    pub fn vkeys(&self) -> Vec<Vkey> {
        self.all().into_iter().map(SigningKey::vkey).collect()
    }

    /// With `key` as the newest.
    pub(super) fn with(&self, key: SigningKey) -> Keys {
        Keys {
            newest: key,
            older: self.all().into_iter().cloned().collect(),
        }
    }

    /// The file as it will be, written and not yet in its place.
    pub(super) fn write(&self, path: &Path) -> Result<Pending> {
        let lines = self.all().into_iter().map(|key| key.secret_text() + "\n");
        Pending::write(path, &lines.collect::<String>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str, seed: u8) -> SigningKey {
        SigningKey::from_seed(Origin::new(name).unwrap(), &[seed; 32])
    }

    fn paths(folder: &Path, origin: Option<&str>) -> Paths {
        Paths {
            key: folder.join("keys").join("signing.key"),
            lock: folder.join("lock"),
            origin: origin.map(str::to_owned),
        }
    }

    #[test]
    fn a_key_file_is_for_its_owner_and_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let paths = paths(folder.path(), None);
        assert!(Keys::read(&paths).unwrap().is_none());
        let keys = Keys::only(key("a.example/log", 1)).with(key("a.example/log", 2));
        keys.write(&paths.key).unwrap().keep().unwrap();
        assert!(!file::is_open_to_others(&paths.key));
        let read = Keys::read(&paths).unwrap().unwrap();
        assert_eq!(read.vkeys(), keys.vkeys());
        assert_eq!(read.newest().vkey(), key("a.example/log", 2).vkey());
        assert_eq!(
            std::fs::read_dir(paths.key.parent().unwrap())
                .unwrap()
                .count(),
            1
        );
    }

    #[test]
    fn what_was_never_put_into_place_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::only(key("a.example/log", 1));
        drop(keys.write(&folder.path().join("signing.key")).unwrap());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_key_file_that_is_none_is_refused_by_name_and_without_its_content() {
        let folder = tempfile::tempdir().unwrap();
        let paths = paths(folder.path(), Some("a.example/log"));
        let refused = |text: &str| {
            Pending::write(&paths.key, text).unwrap().keep().unwrap();
            let told = Keys::read(&paths).unwrap_err().to_string();
            assert!(told.contains("signing.key"), "{told}");
            told
        };
        assert!(refused("").contains("no signing key"));
        assert!(refused("hunter2\n").contains("PRIVATE+KEY"));
        assert!(!refused("hunter2\n").contains("hunter2"));
        let (a, b) = (key("a.example/log", 1), key("b.example/log", 1));
        let two = format!("{}\n{}\n", a.secret_text(), b.secret_text());
        assert!(refused(&two).contains("two logs"));
        assert!(refused(&b.secret_text()).contains("COUNTERSIGN_LOG_ORIGIN"));
    }
}

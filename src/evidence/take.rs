//! A file comes in: streamed to the disk, hashed on the way, checked, scanned.
use super::folder::{self, INCOMING, trouble};
use super::kind::{ENDINGS, Kind};
use super::{name, refused, scan};
use crate::config::Config;
use crate::error::{Error, Result};
use actix_web::web::Bytes;
use futures_util::{Stream, StreamExt};
use sha2::{Digest, Sha256};
use std::fmt::Display;
use std::fs::{self, File, OpenOptions};
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Bytes that wait before they are written.
const BUFFER: usize = 256 * 1024;

/// What files must be like, by the settings.
#[derive(Debug, Clone)]
pub struct Rules {
    folder: PathBuf,
    max_bytes: u64,
    scan: String,
    patience: Duration,
}

impl Rules {
    /// As the settings say.
    pub fn of(config: &Config) -> Rules {
        Rules {
            folder: folder::folder(config),
            max_bytes: config.evidence_max_bytes,
            scan: config.evidence_scan.clone(),
            patience: Duration::from_secs(config.evidence_scan_seconds),
        }
    }

    /// The largest file, in bytes.
    pub fn max_bytes(&self) -> u64 {
        self.max_bytes
    }

    /// The largest file, for people.
    pub fn most(&self) -> String {
        match self.max_bytes >> 20 {
            0 => format!("{} bytes", self.max_bytes),
            megabytes => format!("{megabytes} MB"),
        }
    }
}

/// A file that was taken and that no entry refers to yet: it goes when this value goes, unless
/// [`super::append`] makes an entry refer to it.
#[derive(Debug)]
pub struct Taken {
    temporary: Temporary,
    folder: PathBuf,
    /// Its name, cleaned.
    pub name: String,
    /// SHA-256 of the content, in lower-case hex.
    pub digest: String,
    /// Its media type.
    pub media_type: &'static str,
    /// Its length.
    pub bytes: u64,
}

impl Taken {
    /// Lays the content where its digest leads; the next start of the machine finds it there.
    pub(super) fn settle(&self) -> Result<()> {
        let place = folder::place(&self.folder, &self.digest);
        let above = place.parent().unwrap_or(&self.folder);
        folder::make(above)?;
        fs::rename(&self.temporary.0, &place).map_err(|e| trouble(&place, &e))?;
        let synced = File::open(above).and_then(|above| above.sync_all());
        synced.map_err(|e| trouble(above, &e))
    }
}

#[derive(Debug)]
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // It is gone when it was settled.
        let _ = fs::remove_file(&self.0);
    }
}

/// A file while it comes in.
struct Incoming {
    file: File,
    temporary: Temporary,
    hash: Sha256,
    bytes: u64,
}

impl Incoming {
    fn new(folder: &Path) -> Result<Incoming> {
        let folder = folder.join(INCOMING);
        folder::make(&folder)?;
        let path = folder.join(uuid::Uuid::now_v7().to_string());
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).map_err(|e| trouble(&path, &e))?;
        Ok(Incoming {
            file,
            temporary: Temporary(path),
            hash: Sha256::new(),
            bytes: 0,
        })
    }

    fn write(mut self, piece: &[u8]) -> Result<Incoming> {
        let written = self.file.write_all(piece);
        written.map_err(|e| trouble(&self.temporary.0, &e))?;
        self.hash.update(piece);
        self.bytes += u64::try_from(piece.len()).unwrap_or(u64::MAX);
        Ok(self)
    }

    fn finish(mut self, rules: Rules, name: String, kind: Kind) -> Result<Taken> {
        if self.bytes == 0 {
            return Err(refused("the file is empty; choose another"));
        }
        let path = self.temporary.0.clone();
        let not_taken = |why: String| refused(format!("the file was not taken: {why}"));
        self.file.rewind().map_err(|e| trouble(&path, &e))?;
        kind.check(&mut self.file).map_err(not_taken)?;
        self.file.sync_all().map_err(|e| trouble(&path, &e))?;
        if !rules.scan.is_empty() {
            scan::scan(&rules.scan, &path, rules.patience).map_err(not_taken)?;
        }
        Ok(Taken {
            temporary: self.temporary,
            folder: rules.folder,
            name,
            digest: hex::encode(self.hash.finalize()),
            media_type: kind.media_type(),
            bytes: self.bytes,
        })
    }
}

/// Takes the file that `body` brings under `name`.
///
/// # Errors
/// [`Error::Invalid`] saying why it is refused; nothing is left of it then.
pub async fn take<E: Display>(
    rules: &Rules,
    name: &str,
    body: &mut (impl Stream<Item = std::result::Result<Bytes, E>> + Unpin),
) -> Result<Taken> {
    let name = name::clean(name);
    let Some(kind) = Kind::of_name(&name) else {
        let sentence = format!("the file's name must end in one of these: {ENDINGS}");
        return Err(refused(sentence));
    };
    let folder = rules.folder.clone();
    let mut incoming = blocking(move || Incoming::new(&folder)).await?;
    let (mut waiting, mut length) = (Vec::with_capacity(BUFFER), 0_u64);
    while let Some(piece) = body.next().await {
        let broken = |e| Error::BadRequest(format!("the file broke off on its way: {e}"));
        let piece = piece.map_err(broken)?;
        length = length.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        if length > rules.max_bytes {
            let most = rules.most();
            return Err(refused(format!("the file is larger than {most}")));
        }
        waiting.extend_from_slice(&piece);
        if waiting.len() >= BUFFER {
            let full = std::mem::take(&mut waiting);
            incoming = blocking(move || incoming.write(&full)).await?;
        }
    }
    let rules = rules.clone();
    blocking(move || incoming.write(&waiting)?.finish(rules, name, kind)).await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| Error::Interrupted)?
}

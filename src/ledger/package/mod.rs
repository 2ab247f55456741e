//! A package: one file with a log, or what a filter shows of it, and all that is needed to check it
//! with the tools of others.
//!
//! ```text
//! manifest.json                 what is in it, with the SHA-256 of each file
//! README.txt                    how to check it, also without this program
//! checkpoint                    size and root of the log, signed where the log is
//! keys/1.vkey …                 the keys the log says it has: compare them with your own copy
//! checkpoints/600 …             of a whole log: its signed checkpoints, named by their sizes
//! entries.jsonl                 the exact bytes of each entry and a line feed
//! tile/…                        of a whole log: the tree and the entries as C2SP tlog-tiles
//! proofs/17.tlog-proof …        of a part: the proof of each entry as C2SP tlog-proof
//! state.jsonl                   of a whole log: the state of the register, one thing a line
//! private.jsonl                 when asked for: what the entries' commitments stand for
//! ```
//!
//! The same entries under the same checkpoint give the same bytes. Nothing in it is compressed, so
//! nothing unfolds while it is read, and it is checked in one pass.

mod expected;
mod measure;
pub mod private;
mod read;
mod report;
mod stream;
#[cfg(test)]
mod tests;
pub mod zip;

pub use measure::{Contents, measured};
pub use read::{Asked, Bounds, Witness, verify};
pub use report::Report;

use super::checkpoint::Checkpoint;
use super::tree::Hash;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::io;

/// What the manifest calls this format.
pub const FORMAT: &str = "countersign-package-1";
/// The first file.
pub const MANIFEST: &str = "manifest.json";
/// The longest manifest that is read, in bytes.
pub const MAX_MANIFEST: u64 = 256 << 20;
/// Most keys in a package.
pub const MAX_KEYS: usize = 64;
/// Most entries of a package of a part of the log: each has its proof, a file in the manifest.
pub const MAX_PROOFS: u64 = 40_000;
/// Bytes copied at a time.
const PIECE: usize = 128 * 1024;
/// The file that says how to check a package.
pub const README: &str = include_str!("readme.txt");

/// One file of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// CRC-32, which the container wants.
    pub crc32: u32,
    /// Its name.
    pub name: String,
    /// SHA-256 of its bytes, in hex.
    pub sha256: String,
    /// Its length in bytes.
    pub size: u64,
}

impl Part {
    fn head(&self) -> zip::Head {
        zip::Head {
            name: self.name.clone(),
            size: self.size,
            crc: self.crc32,
        }
    }
}

/// What stands in `manifest.json`, in the order of its spelling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// SHA-256 of the manifest without it: damage shows. A forger can compute it anew.
    pub checksum: String,
    /// How many entries the package has.
    pub count: u64,
    /// Its other files, in their order.
    pub files: Vec<Part>,
    /// What a part of the log was narrowed to; nothing for a whole log.
    pub filter: Option<Map<String, Value>>,
    /// [`FORMAT`].
    pub format: String,
    /// The name of the log.
    pub origin: String,
    /// Its root at that size, in hex.
    pub root: String,
    /// The size of the log.
    pub size: u64,
}

impl Manifest {
    /// A manifest of these files.
    pub fn new(
        checkpoint: &Checkpoint,
        count: u64,
        filter: Option<Map<String, Value>>,
        files: Vec<Part>,
    ) -> Manifest {
        let mut manifest = Manifest {
            checksum: String::new(),
            count,
            files,
            filter,
            format: FORMAT.to_owned(),
            origin: checkpoint.origin.to_string(),
            root: checkpoint.root.to_string(),
            size: checkpoint.size,
        };
        manifest.checksum = manifest.sum();
        manifest
    }

    fn sum(&self) -> String {
        let bare = Manifest {
            checksum: String::new(),
            ..self.clone()
        };
        hex::encode(Sha256::digest(bare.text()))
    }

    /// The only spelling.
    pub fn text(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec(self).unwrap_or_default();
        text.push(b'\n');
        text
    }

    /// Reads a manifest in its only spelling.
    fn read(text: &[u8]) -> Result<Manifest, String> {
        let manifest: Manifest =
            serde_json::from_slice(text).map_err(|error| format!("it cannot be read: {error}"))?;
        if manifest.format != FORMAT {
            return Err(format!(
                "its format is {:?}, and this program knows {FORMAT}",
                manifest.format
            ));
        }
        if manifest.text() != text || manifest.sum() != manifest.checksum {
            return Err("it is not as the export wrote it".to_owned());
        }
        Ok(manifest)
    }

    fn says(&self, checkpoint: &Checkpoint) -> bool {
        let Checkpoint { origin, size, root } = checkpoint;
        (&self.origin, self.size) == (&origin.to_string(), *size) && self.root == root.to_string()
    }
}

/// Writes a package whose files lie one after the other in `body`.
///
/// # Errors
///
/// When reading or writing fails, or `body` is shorter than its files.
pub fn write<W: io::Write>(manifest: &Manifest, body: &mut dyn io::Read, out: W) -> io::Result<W> {
    let mut zip = zip::Writer::new(out);
    let text = manifest.text();
    let head = zip::Head {
        name: MANIFEST.to_owned(),
        size: u64::try_from(text.len()).unwrap_or(u64::MAX),
        crc: crc32fast::hash(&text),
    };
    zip.begin(&head)?.write_all(&text)?;
    let mut piece = vec![0; PIECE];
    for part in &manifest.files {
        let out = zip.begin(&part.head())?;
        let mut left = part.size;
        while left > 0 {
            let length = usize::try_from(left).map_or(PIECE, |left| left.min(PIECE));
            let piece = piece.get_mut(..length).unwrap_or_default();
            body.read_exact(piece)?;
            out.write_all(piece)?;
            left -= u64::try_from(length).unwrap_or(left);
        }
    }
    zip.finish()
}

/// The file of the checkpoint of this size.
pub fn checkpoint_name(size: u64) -> String {
    format!("checkpoints/{size}")
}

/// A root as the manifest spells it.
fn hash(text: &str) -> Option<Hash> {
    Hash::from_slice(&hex::decode(text).ok()?)
}

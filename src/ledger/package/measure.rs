//! Size, CRC and SHA-256 of the files of a package, which stand in it before they do.

use super::Part;
use crc32fast::Hasher;
use sha2::{Digest, Sha256};
use std::io::{self, Write};

/// What gives the bytes of each file.
pub trait Contents {
    /// Writes the file of this name.
    ///
    /// # Errors
    ///
    /// When the bytes cannot be had, or not written.
    fn write(&mut self, name: &str, out: &mut dyn Write) -> io::Result<()>;
}

/// Writes these files into `out`, one after the other, and measures them.
///
/// # Errors
///
/// As [`Contents::write`].
pub fn measured(
    names: impl IntoIterator<Item = String>,
    contents: &mut dyn Contents,
    out: &mut dyn Write,
) -> io::Result<Vec<Part>> {
    let mut parts = Vec::new();
    for name in names {
        let mut measure = Measure::new(&mut *out);
        contents.write(&name, &mut measure)?;
        parts.push(measure.part(name));
    }
    Ok(parts)
}

/// Hands bytes on and measures them.
struct Measure<W> {
    out: W,
    hash: Sha256,
    crc: Hasher,
    size: u64,
}

impl<W: Write> Measure<W> {
    fn new(out: W) -> Measure<W> {
        Measure {
            out,
            hash: Sha256::new(),
            crc: Hasher::new(),
            size: 0,
        }
    }

    fn part(self, name: String) -> Part {
        Part {
            crc32: self.crc.finalize(),
            name,
            sha256: hex::encode(self.hash.finalize()),
            size: self.size,
        }
    }
}

impl<W: Write> Write for Measure<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write_all(bytes)?;
        self.hash.update(bytes);
        self.crc.update(bytes);
        self.size += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

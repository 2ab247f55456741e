//! Size, CRC and SHA-256 of the files of a package before it is written.

use super::Part;
use super::zip::Crc;
use sha2::{Digest, Sha256};
use std::io::{self, Write};

/// What gives the bytes of each file, as often as it is asked.
pub trait Contents {
    /// Writes the file of this name.
    ///
    /// # Errors
    ///
    /// When the bytes cannot be had, or not written.
    fn write(&mut self, name: &str, out: &mut dyn Write) -> io::Result<()>;
}

/// A file and what it was measured to be.
pub type Listed = Part;

/// Measures these files.
///
/// # Errors
///
/// As [`Contents::write`].
pub fn measured(names: &[String], contents: &mut dyn Contents) -> io::Result<Vec<Listed>> {
    let mut parts = Vec::with_capacity(names.len());
    for name in names {
        let mut measure = Measure::new(io::sink());
        contents.write(name, &mut measure)?;
        parts.push(measure.part(name));
    }
    Ok(parts)
}

/// Hands bytes on and measures them.
pub(super) struct Measure<W> {
    out: W,
    hash: Sha256,
    crc: Crc,
    size: u64,
}

impl<W: Write> Measure<W> {
    pub fn new(out: W) -> Measure<W> {
        Measure {
            out,
            hash: Sha256::new(),
            crc: Crc::default(),
            size: 0,
        }
    }

    pub fn part(self, name: &str) -> Part {
        Part {
            crc32: self.crc.value(),
            name: name.to_owned(),
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

//! Files of a package as they pass by.

use super::super::verify::Refusal;
use super::Part;
use sha2::{Digest, Sha256};
use std::io::{self, Read};

/// Bytes read at a time.
const PIECE: usize = 64 * 1024;

/// A refusal that names a file, or a line of it.
pub fn broken(place: &str, reason: impl Into<String>) -> Refusal {
    Refusal::Broken {
        place: place.to_owned(),
        seq: None,
        reason: reason.into(),
    }
}

/// What to say when reading fails.
pub fn unread(place: &str) -> impl Fn(io::Error) -> Refusal {
    move |error| match error.kind() {
        io::ErrorKind::UnexpectedEof => broken(place, "the package breaks off here"),
        _ => Refusal::Unreadable {
            reason: format!("the package cannot be read: {error}"),
        },
    }
}

/// That a file has the sum that the manifest states.
///
/// # Errors
///
/// A [`Refusal`] when it has not.
pub fn matches(part: &Part, found: [u8; 32]) -> Result<(), Refusal> {
    match part.sha256 == hex::encode(found) {
        true => Ok(()),
        false => Err(broken(
            &part.name,
            "it does not have the SHA-256 of the manifest",
        )),
    }
}

/// Lines of a file of known length, each of bounded length.
pub struct Lines {
    left: u64,
    longest: usize,
    hash: Sha256,
    buffer: Vec<u8>,
    at: usize,
}

impl Lines {
    /// Lines of so many bytes in all.
    pub fn new(size: u64, longest: usize) -> Lines {
        Lines {
            left: size,
            longest,
            hash: Sha256::new(),
            buffer: Vec::new(),
            at: 0,
        }
    }

    /// The next line without its line feed; whether there is one.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] when it breaks off, or is too long.
    pub fn next(
        &mut self,
        source: &mut impl Read,
        line: &mut Vec<u8>,
        place: &str,
    ) -> Result<bool, Refusal> {
        line.clear();
        loop {
            let rest = self.buffer.get(self.at..).unwrap_or_default();
            if let Some(length) = memchr::memchr(b'\n', rest) {
                line.extend_from_slice(rest.get(..length).unwrap_or_default());
                self.at += length + 1;
                return self.fits(line, place).map(|()| true);
            }
            line.extend_from_slice(rest);
            self.fits(line, place)?;
            if self.left == 0 {
                self.at = self.buffer.len();
                return match line.is_empty() {
                    true => Ok(false),
                    false => Err(broken(place, "its last line has no end")),
                };
            }
            self.fill(source, place)?;
        }
    }

    /// SHA-256 of all that was read.
    pub fn sum(&mut self) -> [u8; 32] {
        self.hash.finalize_reset().into()
    }

    fn fits(&self, line: &[u8], place: &str) -> Result<(), Refusal> {
        match line.len() < self.longest {
            true => Ok(()),
            false => Err(broken(place, "a line is longer than such a line can be")),
        }
    }

    fn fill(&mut self, source: &mut impl Read, place: &str) -> Result<(), Refusal> {
        let piece = u64::try_from(PIECE).unwrap_or(u64::MAX).min(self.left);
        self.buffer
            .resize(usize::try_from(piece).unwrap_or(PIECE), 0);
        self.at = 0;
        source.read_exact(&mut self.buffer).map_err(unread(place))?;
        self.hash.update(&self.buffer);
        self.left -= piece;
        Ok(())
    }
}

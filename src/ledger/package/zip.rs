//! The container of a package: a zip that stores its files as they are, one after the other, each
//! with its size ahead of it. There is one spelling for given files, so that the same log gives the
//! same bytes, and a reader needs neither to jump nor to trust a length.

use std::io::{self, Read, Write};

/// What stands ahead of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Its name.
    pub name: String,
    /// Its length in bytes.
    pub size: u64,
    /// CRC-32 of its bytes.
    pub crc: u32,
}

const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const END_64: u32 = 0x0606_4b50;
const LOCATOR_64: u32 = 0x0706_4b50;
/// 1 January 1980, the first day a zip knows.
const DATE: u16 = 0x21;
/// A length that stands elsewhere, in 64 bits.
const ELSEWHERE: u32 = u32::MAX;

fn put16(out: &mut Vec<u8>, number: u16) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn put32(out: &mut Vec<u8>, number: u32) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn put64(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(&number.to_le_bytes());
}

/// A length in 32 bits, where it fits.
fn short(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(ELSEWHERE)
}

fn version(large: bool) -> u16 {
    if large { 45 } else { 20 }
}

impl Head {
    fn is_large(&self) -> bool {
        short(self.size) == ELSEWHERE
    }

    fn common(&self, out: &mut Vec<u8>, extra: usize) {
        let (flags, stored, time) = (0, 0, 0);
        put16(out, flags);
        put16(out, stored);
        put16(out, time);
        put16(out, DATE);
        put32(out, self.crc);
        put32(out, short(self.size));
        put32(out, short(self.size));
        put16(out, u16::try_from(self.name.len()).unwrap_or(u16::MAX));
        put16(out, u16::try_from(extra).unwrap_or(u16::MAX));
    }

    /// The bytes ahead of the file.
    fn local(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put32(&mut out, LOCAL);
        put16(&mut out, version(self.is_large()));
        self.common(&mut out, if self.is_large() { 20 } else { 0 });
        out.extend_from_slice(self.name.as_bytes());
        if self.is_large() {
            put16(&mut out, 1);
            put16(&mut out, 16);
            put64(&mut out, self.size);
            put64(&mut out, self.size);
        }
        out
    }

    /// Its line in the list at the end.
    fn central(&self, offset: u64) -> Vec<u8> {
        let mut wide = Vec::new();
        if self.is_large() {
            put64(&mut wide, self.size);
            put64(&mut wide, self.size);
        }
        if short(offset) == ELSEWHERE {
            put64(&mut wide, offset);
        }
        let large = !wide.is_empty();
        let extra = if large { wide.len() + 4 } else { 0 };
        let mut out = Vec::new();
        put32(&mut out, CENTRAL);
        put16(&mut out, version(large));
        put16(&mut out, version(large));
        self.common(&mut out, extra);
        let (comment, disk, internal, external) = (0, 0, 0, 0);
        put16(&mut out, comment);
        put16(&mut out, disk);
        put16(&mut out, internal);
        put32(&mut out, external);
        put32(&mut out, short(offset));
        out.extend_from_slice(self.name.as_bytes());
        if large {
            put16(&mut out, 1);
            put16(&mut out, u16::try_from(wide.len()).unwrap_or(u16::MAX));
            out.extend_from_slice(&wide);
        }
        out
    }
}

/// The list at the end, as it grows.
#[derive(Debug, Default)]
struct Directory {
    list: Vec<u8>,
    count: u64,
    /// Where the next file begins.
    offset: u64,
}

impl Directory {
    fn add(&mut self, head: &Head, local: usize) {
        self.list.extend(head.central(self.offset));
        self.count += 1;
        let ahead = u64::try_from(local).unwrap_or(u64::MAX);
        self.offset = self.offset.saturating_add(ahead).saturating_add(head.size);
    }

    /// The list and what follows it.
    fn end(mut self) -> Vec<u8> {
        let size = u64::try_from(self.list.len()).unwrap_or(u64::MAX);
        let files = u16::try_from(self.count).unwrap_or(u16::MAX);
        let wide = files == u16::MAX || short(self.offset) == ELSEWHERE || short(size) == ELSEWHERE;
        let out = &mut self.list;
        if wide {
            put32(out, END_64);
            put64(out, 44);
            put16(out, 45);
            put16(out, 45);
            put32(out, 0);
            put32(out, 0);
            put64(out, self.count);
            put64(out, self.count);
            put64(out, size);
            put64(out, self.offset);
            put32(out, LOCATOR_64);
            put32(out, 0);
            put64(out, self.offset.saturating_add(size));
            put32(out, 1);
        }
        put32(out, END);
        put16(out, 0);
        put16(out, 0);
        put16(out, files);
        put16(out, files);
        put32(out, short(size));
        put32(out, short(self.offset));
        put16(out, 0);
        self.list
    }
}

/// Writes files whose heads are known before.
pub struct Writer<W> {
    out: W,
    directory: Directory,
}

impl<W: Write> Writer<W> {
    /// An empty container.
    pub fn new(out: W) -> Writer<W> {
        Writer {
            out,
            directory: Directory::default(),
        }
    }

    /// Begins a file: exactly its bytes are to be written next.
    ///
    /// # Errors
    ///
    /// When writing fails.
    pub fn begin(&mut self, head: &Head) -> io::Result<&mut W> {
        let local = head.local();
        self.out.write_all(&local)?;
        self.directory.add(head, local.len());
        Ok(&mut self.out)
    }

    /// Writes the list of files.
    ///
    /// # Errors
    ///
    /// When writing fails.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.write_all(&self.directory.end())?;
        self.out.flush()?;
        Ok(self.out)
    }
}

/// Reads what [`Writer`] writes, and nothing else.
pub struct Reader<R> {
    pub(super) source: R,
    directory: Directory,
}

impl<R: Read> Reader<R> {
    /// A container that is read from its beginning.
    pub fn new(source: R) -> Reader<R> {
        Reader {
            source,
            directory: Directory::default(),
        }
    }

    /// Reads the head of the first file, whose size only it says; at most `most` bytes. Its CRC
    /// stands there too.
    ///
    /// # Errors
    ///
    /// When reading fails; `None` for what this container never holds there.
    pub fn first(&mut self, name: &str, most: u64) -> io::Result<Option<Head>> {
        let mut head = Head {
            name: name.to_owned(),
            size: 0,
            crc: 0,
        };
        let mut found = head.local();
        self.source.read_exact(&mut found)?;
        let at = |from: usize| -> Option<[u8; 4]> {
            found.get(from..from.checked_add(4)?)?.try_into().ok()
        };
        head.crc = at(14).map_or(0, u32::from_le_bytes);
        head.size = at(18).map_or(0, |bytes| u64::from(u32::from_le_bytes(bytes)));
        let right = head.local() == found && head.size <= most;
        self.directory.add(&head, found.len());
        Ok(right.then_some(head))
    }

    /// Reads the head of a file that must be this one; whether it is.
    ///
    /// # Errors
    ///
    /// When reading fails.
    pub fn next(&mut self, head: &Head) -> io::Result<bool> {
        let local = head.local();
        let mut found = vec![0; local.len()];
        self.source.read_exact(&mut found)?;
        self.directory.add(head, local.len());
        Ok(found == local)
    }

    /// Reads the list of files and the end; whether they are as they must be and nothing follows.
    ///
    /// # Errors
    ///
    /// When reading fails.
    pub fn end(mut self) -> io::Result<bool> {
        let expected = self.directory.end();
        let mut found = vec![0; expected.len()];
        self.source.read_exact(&mut found)?;
        let mut more = [0; 1];
        let followed = self.source.read(&mut more)? > 0;
        Ok(found == expected && !followed)
    }
}

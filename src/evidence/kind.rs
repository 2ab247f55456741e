//! The kinds of files that are taken, each told by its content. Pure but for reading.
use super::{name, zip};
use serde::de::IgnoredAny;
use std::io::{BufReader, Read, Seek, SeekFrom};

/// What is taken, for people.
pub const ENDINGS: &str = "pdf, png, jpg, txt, csv, json, xlsx, docx";
/// Bytes read at a time.
const PIECE: usize = 64 * 1024;

/// A kind of file on the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A PDF document.
    Pdf,
    /// A PNG image.
    Png,
    /// A JPEG image.
    Jpeg,
    /// Plain text in UTF-8.
    Text,
    /// A table as text in UTF-8.
    Csv,
    /// JSON.
    Json,
    /// A workbook without macros.
    Workbook,
    /// A text document without macros.
    Document,
}

impl Kind {
    /// The kind that a name promises by its ending.
    pub fn of_name(name: &str) -> Option<Kind> {
        Some(match name::ending(name)?.as_str() {
            "pdf" => Kind::Pdf,
            "png" => Kind::Png,
            "jpg" | "jpeg" => Kind::Jpeg,
            "txt" => Kind::Text,
            "csv" => Kind::Csv,
            "json" => Kind::Json,
            "xlsx" => Kind::Workbook,
            "docx" => Kind::Document,
            _ => return None,
        })
    }

    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Kind::Pdf => "application/pdf",
            Kind::Png => "image/png",
            Kind::Jpeg => "image/jpeg",
            Kind::Text => "text/plain; charset=utf-8",
            Kind::Csv => "text/csv; charset=utf-8",
            Kind::Json => "application/json",
            Kind::Workbook => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Kind::Document => {
                "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
            }
        }
    }

    /// Whether the content is what the kind says.
    ///
    /// # Errors
    /// Why it is not, as words that complete "the file was not taken: …".
    pub fn check(self, file: &mut (impl Read + Seek)) -> Result<(), String> {
        let mut begin = [0; 8];
        let length = fill(file, &mut begin)?;
        let begin = begin.get(..length).unwrap_or_default();
        file.seek(SeekFrom::Start(0)).map_err(unread)?;
        match self {
            Kind::Pdf => starts(begin, b"%PDF-", "a PDF document"),
            Kind::Png => starts(begin, b"\x89PNG\r\n\x1a\n", "a PNG image"),
            Kind::Jpeg => starts(begin, b"\xff\xd8\xff", "a JPEG image"),
            Kind::Text | Kind::Csv => is_text(file),
            Kind::Json => {
                is_text(file)?;
                file.seek(SeekFrom::Start(0)).map_err(unread)?;
                let read = serde_json::from_reader::<_, IgnoredAny>(BufReader::new(file));
                read.map(|_| ()).map_err(|e| format!("it is no JSON: {e}"))
            }
            Kind::Workbook => zip::check(file, "xl/workbook.xml", "a workbook"),
            Kind::Document => zip::check(file, "word/document.xml", "a text document"),
        }
    }
}

fn starts(begin: &[u8], with: &[u8], what: &str) -> Result<(), String> {
    match begin.starts_with(with) {
        true => Ok(()),
        false => Err(format!("its name says {what}, but its content is none")),
    }
}

fn is_text(file: &mut impl Read) -> Result<(), String> {
    let not_utf8 = || "it is no text in UTF-8; save it as UTF-8 and choose it again".to_owned();
    let (mut piece, mut open) = (vec![0; PIECE], Vec::new());
    loop {
        let length = fill(file, &mut piece)?;
        let end = length < piece.len();
        open.extend_from_slice(piece.get(..length).unwrap_or_default());
        if open.contains(&0) {
            return Err("it holds zero bytes, which text does not".to_owned());
        }
        let read = match std::str::from_utf8(&open) {
            Ok(_) => open.len(),
            Err(error) if error.error_len().is_none() && !end => error.valid_up_to(),
            Err(_) => return Err(not_utf8()),
        };
        open.drain(..read);
        if end {
            return Ok(());
        }
    }
}

/// Reads until `into` is full or the file ends.
fn fill(file: &mut impl Read, into: &mut [u8]) -> Result<usize, String> {
    let mut length = 0;
    while let Some(room) = into.get_mut(length..).filter(|room| !room.is_empty()) {
        match file.read(room).map_err(unread)? {
            0 => break,
            more => length += more,
        }
    }
    Ok(length)
}

pub(super) fn unread(error: std::io::Error) -> String {
    format!("it cannot be read: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn check(name: &str, content: &[u8]) -> Result<(), String> {
        let kind = Kind::of_name(name).ok_or("not on the list")?;
        kind.check(&mut Cursor::new(content))
    }

    #[test]
    fn content_must_be_what_the_name_says() {
        assert!(check("a.PDF", b"%PDF-1.7 ...").is_ok());
        assert!(check("a.png", b"%PDF-1.7 ...").is_err());
        assert!(check("a.jpeg", b"\xff\xd8\xff\xe0").is_ok());
        assert!(check("a.json", b"{\"a\": 1}").is_ok());
        assert!(check("a.json", b"{\"a\": 1").is_err());
        assert!(check("a.exe", b"MZ").is_err());
        assert!(check("pdf", b"%PDF-1.7").is_err());
        assert!(check("a.xlsx", b"PK\x03\x04").is_err());
    }

    #[test]
    fn text_is_utf_8_without_zero_bytes_however_long() {
        let long = "€".repeat(PIECE);
        assert!(check("a.txt", long.as_bytes()).is_ok());
        assert!(check("a.txt", long.as_bytes().get(..PIECE * 3 - 1).unwrap()).is_err());
        assert!(check("a.csv", b"a;b\0").is_err());
        assert!(check("a.csv", b"\xff\xfea\0").is_err());
        assert!(check("a.txt", b"M\xfcller").is_err());
    }
}

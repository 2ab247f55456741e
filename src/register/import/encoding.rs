//! From bytes to text: which encoding a file has, and whether it is a text table at all.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::table::Unreadable;

/// How much of a file is looked at to tell what it is.
const SAMPLE: usize = 64 * 1024;

/// Text and the name of the encoding it was written in.
///
/// A byte order mark decides; then `label` (any name the web knows, such as `windows-1252`); else
/// UTF-8 where the bytes are UTF-8 or nearly so, and windows-1252 otherwise. Bytes that do not fit
/// become `�`, which the rows report.
pub(crate) fn decode(
    mut bytes: Vec<u8>,
    label: Option<&str>,
) -> Result<(String, &'static str), Unreadable> {
    refuse_other_formats(&bytes)?;
    if let Some((encoding, length)) = Encoding::for_bom(&bytes) {
        bytes.drain(..length);
        return Ok((decode_as(bytes, encoding), encoding.name()));
    }
    let encoding = match label {
        Some(label) => named(label)?,
        None => guess(&bytes),
    };
    let text = decode_as(bytes, encoding);
    refuse_binary(&text)?;
    Ok((text, encoding.name()))
}

/// The encoding of that name.
pub(crate) fn named(label: &str) -> Result<&'static Encoding, Unreadable> {
    Encoding::for_label(label.as_bytes())
        .ok_or_else(|| Unreadable::UnknownEncoding(label.to_owned()))
}

fn decode_as(bytes: Vec<u8>, encoding: &'static Encoding) -> String {
    if encoding != UTF_8 {
        return encoding.decode_without_bom_handling(&bytes).0.into_owned();
    }
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

fn guess(bytes: &[u8]) -> &'static Encoding {
    if let Some(wide) = guess_utf16(bytes) {
        return wide;
    }
    let (mut good, mut bad) = (0_usize, 0_usize);
    for chunk in bytes.utf8_chunks() {
        good += chunk
            .valid()
            .chars()
            .filter(|sign| !sign.is_ascii())
            .count();
        bad += usize::from(!chunk.invalid().is_empty());
    }
    // One broken sign must not turn every other accent of a UTF-8 file into two wrong ones.
    if good >= bad.saturating_mul(4) {
        UTF_8
    } else {
        WINDOWS_1252
    }
}

/// UTF-16 without a mark shows as a NUL in nearly every second byte.
fn guess_utf16(bytes: &[u8]) -> Option<&'static Encoding> {
    let sample = bytes.get(..bytes.len().min(SAMPLE)).unwrap_or_default();
    let nul_at = |odd: usize| {
        let halves = sample
            .iter()
            .enumerate()
            .filter(|(place, _)| place % 2 == odd);
        halves.filter(|(_, byte)| **byte == 0).count()
    };
    let (even, odd, most) = (nul_at(0), nul_at(1), sample.len() * 2 / 5);
    match sample.len() {
        0..8 => None,
        _ if odd > most && even * 4 < odd => Some(UTF_16LE),
        _ if even > most && odd * 4 < even => Some(UTF_16BE),
        _ => None,
    }
}

fn refuse_other_formats(bytes: &[u8]) -> Result<(), Unreadable> {
    let starts = |magic: &[u8]| bytes.starts_with(magic);
    if bytes.is_empty() {
        return Err(Unreadable::Empty);
    }
    if starts(b"PK\x03\x04") || starts(b"PK\x05\x06") {
        return Err(Unreadable::Workbook);
    }
    if starts(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") {
        return Err(Unreadable::Workbook);
    }
    if starts(b"%PDF-") {
        return Err(Unreadable::OtherFormat("a PDF document"));
    }
    if starts(b"\x1f\x8b") || starts(b"BZh") || starts(b"\x28\xb5\x2f\xfd") || starts(b"7z\xbc\xaf")
    {
        return Err(Unreadable::OtherFormat("a compressed archive"));
    }
    refuse_markup(bytes)
}

/// JSON, HTML and XML are text too; they show in their first signs.
fn refuse_markup(bytes: &[u8]) -> Result<(), Unreadable> {
    let bytes = bytes
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(bytes)
        .trim_ascii_start();
    let head = bytes
        .get(..bytes.len().min(64))
        .unwrap_or_default()
        .to_ascii_lowercase();
    if [&b"<!doctype"[..], b"<html", b"<?xml"]
        .iter()
        .any(|mark| head.starts_with(mark))
    {
        return Err(Unreadable::OtherFormat("a web page or XML document"));
    }
    if (head.starts_with(b"{") || head.starts_with(b"[")) && is_json(bytes) {
        return Err(Unreadable::OtherFormat("JSON"));
    }
    Ok(())
}

/// One JSON value, or one a line; a CSV header may begin with a bracket as well.
fn is_json(bytes: &[u8]) -> bool {
    let mut values =
        serde_json::Deserializer::from_slice(bytes).into_iter::<serde::de::IgnoredAny>();
    values.next().is_some_and(|value| value.is_ok())
        && values.next().is_none_or(|next| next.is_ok())
}

fn refuse_binary(text: &str) -> Result<(), Unreadable> {
    let (mut seen, mut odd) = (0_usize, 0_usize);
    for sign in text.chars().take(SAMPLE) {
        seen += 1;
        let fine = matches!(sign, '\n' | '\r' | '\t') || !sign.is_control();
        odd += usize::from(!fine);
    }
    if odd > 8 && odd * 10 > seen {
        Err(Unreadable::Binary)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> (String, &'static str) {
        decode(bytes.to_vec(), None).unwrap()
    }

    #[test]
    fn utf8_with_and_without_a_mark_reads_the_same() {
        assert_eq!(
            read("\u{feff}né,b\n".as_bytes()),
            ("né,b\n".to_owned(), "UTF-8")
        );
        assert_eq!(read("né,b\n".as_bytes()), ("né,b\n".to_owned(), "UTF-8"));
    }

    #[test]
    fn bytes_that_are_not_utf8_are_read_as_windows_1252() {
        assert_eq!(
            read(b"agency\x92s \x96 ok\n"),
            ("agency’s – ok\n".to_owned(), "windows-1252")
        );
    }

    #[test]
    fn one_broken_byte_does_not_garble_a_utf8_file() {
        let mut bytes = "é".repeat(40).into_bytes();
        bytes.push(0x92);
        let (text, name) = read(&bytes);
        assert_eq!(name, "UTF-8");
        assert_eq!(text.matches('é').count(), 40);
        assert!(text.ends_with('\u{fffd}'));
    }

    #[test]
    fn utf16_is_read_with_its_mark_and_without() {
        let wide = |text: &str| {
            text.encode_utf16()
                .flat_map(u16::to_le_bytes)
                .collect::<Vec<u8>>()
        };
        assert_eq!(
            read(&wide("\u{feff}Títle,b\n")),
            ("Títle,b\n".to_owned(), "UTF-16LE")
        );
        assert_eq!(
            read(&wide("Title,b\nx,y\n")),
            ("Title,b\nx,y\n".to_owned(), "UTF-16LE")
        );
        let big: Vec<u8> = "Title,b\n"
            .encode_utf16()
            .flat_map(u16::to_be_bytes)
            .collect();
        assert_eq!(read(&big), ("Title,b\n".to_owned(), "UTF-16BE"));
    }

    #[test]
    fn a_named_encoding_is_obeyed_unless_a_mark_says_otherwise() {
        let mac = decode(b"agency\xd5s".to_vec(), Some("macintosh")).unwrap();
        assert_eq!(mac.0, "agency’s");
        let marked = decode("\u{feff}é".as_bytes().to_vec(), Some("windows-1252")).unwrap();
        assert_eq!(marked.0, "é");
        assert!(decode(b"a".to_vec(), Some("utf-9000")).is_err());
    }

    #[test]
    fn files_of_other_kinds_are_refused_with_a_sentence_that_helps() {
        let say = |bytes: &[u8]| decode(bytes.to_vec(), None).unwrap_err().to_string();
        assert!(say(b"PK\x03\x04rest").contains("save the sheet as CSV"));
        assert!(say(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1").contains("workbook"));
        assert!(say(b"%PDF-1.7").contains("PDF"));
        assert!(say(b" [{\"a\": 1}]\n").contains("JSON"));
        assert!(say(b"{\"a\": 1}\n{\"a\": 2}\n").contains("JSON"));
        assert!(say(b"<!DOCTYPE html><p>").contains("web page"));
        assert!(say(b"\x1f\x8b\x08").contains("compressed"));
        assert!(say(b"").contains("empty"));
        assert!(say(&[1_u8, 2, 3, 4, 5, 6, 7, 8, 9, 65].repeat(9)).contains("not text"));
    }

    #[test]
    fn a_header_that_begins_with_a_bracket_is_still_a_table() {
        assert_eq!(read(b"[Agency],Title\nx,y\n").0, "[Agency],Title\nx,y\n");
    }
}

//! Workbooks and text documents are packed files: their table of contents is read, and nothing is
//! unpacked. Pure but for reading.
use super::kind::unread;
use std::io::{Read, Seek, SeekFrom};

/// The table of contents ends within this many bytes of the end.
const TAIL: u64 = 22 + 65_535;
/// Longest table of contents, in bytes.
const CONTENTS_MAX: u64 = 4 << 20;
/// Most parts.
const PARTS_MAX: u64 = 10_000;
/// Most bytes that all parts may have unpacked.
const UNPACKED_MAX: u64 = 256 << 20;
/// How many times larger than packed all parts together may be.
const RATIO_MAX: u64 = 200;
/// Parts smaller than this in all are no bomb, however well they are packed.
const HARMLESS: u64 = 8 << 20;
/// Endings of parts that hold text and images.
const HARMLESS_ENDINGS: [&str; 12] = [
    "xml", "rels", "vml", "png", "jpg", "jpeg", "gif", "emf", "wmf", "tif", "tiff", "odttf",
];

/// Whether the file is `what`: packed as such, with this part, and without macros or other files
/// inside.
///
/// # Errors
/// Why it is not.
pub(super) fn check(file: &mut (impl Read + Seek), part: &str, what: &str) -> Result<(), String> {
    let contents = contents(file).map_err(|why| match why {
        Some(why) => why,
        None => format!("its name says {what}, but its content is none"),
    })?;
    let (mut packed, mut unpacked, mut found) = (0_u64, 0_u64, Vec::new());
    let mut rest = contents.as_slice();
    while !rest.is_empty() {
        let one = Part::read(rest).ok_or("its table of contents is broken")?;
        packed = packed.saturating_add(one.packed);
        unpacked = unpacked.saturating_add(one.unpacked);
        harmless(&one)?;
        if found.contains(&one.name) {
            return Err("two of its parts have the same name".to_owned());
        }
        found.push(one.name);
        rest = rest.get(one.length..).unwrap_or_default();
    }
    let bomb = unpacked > HARMLESS && unpacked > packed.saturating_mul(RATIO_MAX);
    if bomb || unpacked > UNPACKED_MAX {
        return Err("it would be far larger unpacked than it is packed".to_owned());
    }
    let has = |name: &str| found.iter().any(|one| one == name);
    match has("[content_types].xml") && has(part) {
        true => Ok(()),
        false => Err(format!("its name says {what}, but its content is none")),
    }
}

fn harmless(part: &Part) -> Result<(), String> {
    let name = &part.name;
    if part.is_locked {
        return Err("it is locked with a password; save it without".to_owned());
    }
    let of_macros = [
        "vbaproject",
        "vbadata",
        "macrosheets",
        "activex",
        "/ctrlprops/",
    ];
    if of_macros.iter().any(|of| name.contains(of)) {
        return Err("it has macros or controls; save it without them".to_owned());
    }
    if name.contains("..") || name.starts_with('/') || name.contains('\\') {
        return Err("one of its parts is named as a path out of it".to_owned());
    }
    let ending = name.rsplit('.').next().unwrap_or_default();
    let settings = ending == "bin" && name.contains("printersettings");
    let folder = name.ends_with('/') && part.unpacked == 0;
    match settings || folder || HARMLESS_ENDINGS.contains(&ending) {
        true => Ok(()),
        false => Err("other files are embedded in it; save it without them".to_owned()),
    }
}

struct Part {
    /// In small letters.
    name: String,
    packed: u64,
    unpacked: u64,
    is_locked: bool,
    /// Length of its line in the table of contents.
    length: usize,
}

impl Part {
    fn read(line: &[u8]) -> Option<Part> {
        if !line.starts_with(b"PK\x01\x02") {
            return None;
        }
        let name_length = usize::try_from(small(line, 28)?).ok()?;
        let others = small(line, 30)?.checked_add(small(line, 32)?)?;
        let name = line.get(46..46 + name_length)?;
        Some(Part {
            name: std::str::from_utf8(name).ok()?.to_lowercase(),
            packed: wide(line, 20)?,
            unpacked: wide(line, 24)?,
            is_locked: small(line, 8)? & 1 == 1,
            length: 46 + name_length + usize::try_from(others).ok()?,
        })
    }
}

/// The table of contents; `None` for what is not packed at all.
fn contents(file: &mut (impl Read + Seek)) -> Result<Vec<u8>, Option<String>> {
    let io = |error| Some(unread(error));
    let length = file.seek(SeekFrom::End(0)).map_err(io)?;
    let from = length.saturating_sub(TAIL);
    let tail = read_at(file, from, length - from).map_err(io)?;
    let is_packed = read_at(file, 0, 4.min(length)).map_err(io)? == b"PK\x03\x04";
    let end = tail.windows(4).rposition(|four| four == b"PK\x05\x06");
    let (Some(at), true) = (end, is_packed) else {
        return Err(None);
    };
    let line = tail.get(at..).unwrap_or_default();
    let figures = (|| Some((small(line, 10)?, wide(line, 12)?, wide(line, 16)?)))();
    let broken = || Some("its table of contents is broken".to_owned());
    let remark = small(line, 20).and_then(|length| usize::try_from(length).ok());
    if remark.map(|length| 22 + length) != Some(line.len()) {
        return Err(broken());
    }
    let (parts, size, offset) = figures.ok_or_else(broken)?;
    let end = from.saturating_add(u64::try_from(at).unwrap_or(u64::MAX));
    if parts > PARTS_MAX || size > CONTENTS_MAX {
        return Err(Some("it has too many parts".to_owned()));
    }
    // A table that ends elsewhere than where it is said to is one that programs read differently.
    if offset.checked_add(size) != Some(end) {
        return Err(broken());
    }
    read_at(file, offset, size).map_err(io)
}

fn read_at(file: &mut (impl Read + Seek), from: u64, length: u64) -> std::io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn small(bytes: &[u8], at: usize) -> Option<u64> {
    let two = bytes.get(at..at + 2)?;
    Some(u64::from(u16::from_le_bytes(two.try_into().ok()?)))
}

fn wide(bytes: &[u8], at: usize) -> Option<u64> {
    let four = bytes.get(at..at + 4)?;
    Some(u64::from(u32::from_le_bytes(four.try_into().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    /// A packed file of these parts, each with what it says about its sizes.
    fn packed(parts: &[(&str, u32, u32)]) -> Vec<u8> {
        let mut file = b"PK\x03\x04".to_vec();
        let mut contents = Vec::new();
        for (name, packed, unpacked) in parts {
            let mut line = b"PK\x01\x02".to_vec();
            line.resize(46, 0);
            line[20..24].copy_from_slice(&packed.to_le_bytes());
            line[24..28].copy_from_slice(&unpacked.to_le_bytes());
            line[28..30].copy_from_slice(&(name.len() as u16).to_le_bytes());
            line.extend_from_slice(name.as_bytes());
            contents.extend(line);
        }
        let mut end = b"PK\x05\x06".to_vec();
        end.resize(22, 0);
        end[10..12].copy_from_slice(&(parts.len() as u16).to_le_bytes());
        end[12..16].copy_from_slice(&(contents.len() as u32).to_le_bytes());
        end[16..20].copy_from_slice(&(file.len() as u32).to_le_bytes());
        file.extend(contents);
        file.extend(end);
        file
    }

    const PLAIN: [(&str, u32, u32); 2] = [
        ("[Content_Types].xml", 300, 1_000),
        ("xl/workbook.xml", 500, 2_000),
    ];

    fn verdict(more: &[(&str, u32, u32)]) -> Result<(), String> {
        let parts: Vec<_> = PLAIN.iter().chain(more).copied().collect();
        let file = packed(&parts);
        check(&mut Cursor::new(file), "xl/workbook.xml", "a workbook")
    }

    #[test]
    fn a_workbook_is_taken_and_one_with_more_inside_is_not() {
        assert_eq!(verdict(&[]), Ok(()));
        assert_eq!(
            verdict(&[("xl/worksheets/sheet1.xml", 9_000, 90_000)]),
            Ok(())
        );
        for (name, word) in [
            ("xl/vbaProject.bin", "macros"),
            ("xl/macrosheets/sheet1.xml", "macros"),
            ("xl/embeddings/oleObject1.bin", "embedded"),
            ("xl/media/setup.exe", "embedded"),
            ("../../x.xml", "path"),
            ("xl/workbook.xml", "same name"),
        ] {
            let why = verdict(&[(name, 10, 10)]).unwrap_err();
            assert!(why.contains(word), "{name}: {why}");
        }
    }

    #[test]
    fn a_bomb_is_known_by_what_it_says_it_unpacks_to() {
        let why = verdict(&[("xl/worksheets/sheet1.xml", 20_000, 500_000_000)]);
        assert!(why.unwrap_err().contains("unpacked"));
        let why = verdict(&[("xl/worksheets/sheet1.xml", 1_000_000, u32::MAX)]);
        assert!(why.unwrap_err().contains("unpacked"));
    }

    #[test]
    fn what_is_cut_anywhere_is_refused_and_breaks_nothing() {
        let whole = packed(&PLAIN);
        for length in 0..whole.len() {
            let mut file = Cursor::new(&whole[..length]);
            assert!(
                check(&mut file, "xl/workbook.xml", "a workbook").is_err(),
                "{length}"
            );
        }
    }
}

//! The last line of an export.

use super::super::export::{Coverage, FORMAT, Trailer, encode_trailer};
use super::super::tree::{Hash, MAX_SIZE};
use super::line::MISSPELLED;
use serde::Deserialize;
use serde_json::{Map, Value};

/// How a trailer begins.
pub const BEGIN: &str = "{\"format\":";

/// Reads the trailer and insists on its exact spelling; `listed` is the root over the leaf hashes
/// before it.
///
/// # Errors
///
/// What is wrong with it.
pub fn read(line: &str, listed: Hash) -> Result<Trailer, String> {
    let trailer = loosely(line)?;
    let mut exact = Vec::new();
    encode_trailer(&mut exact, &trailer, listed).map_err(|_| MISSPELLED)?;
    let exact = exact.strip_suffix(b"\n").unwrap_or(&exact);
    if exact == line.as_bytes() {
        return Ok(trailer);
    }
    Err(match trailer.coverage {
        Coverage::Complete => MISSPELLED.to_owned(),
        Coverage::Partial { .. } => "the trailer is not as the export wrote it, or lines before \
                                     it were changed, added or removed"
            .to_owned(),
    })
}

/// Whether a line is the trailer of a complete export.
pub fn is_complete(line: &str) -> bool {
    line.starts_with(BEGIN)
        && loosely(line).is_ok_and(|trailer| trailer.coverage == Coverage::Complete)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SpelledTrailer {
    format: String,
    size: u64,
    root: String,
    complete: bool,
    count: Option<u64>,
    filter: Option<Map<String, Value>>,
    #[serde(rename = "checksum")]
    _checksum: Option<String>,
}

fn loosely(line: &str) -> Result<Trailer, String> {
    let spelled: SpelledTrailer = serde_json::from_str(line).map_err(|_| MISSPELLED)?;
    if spelled.format != FORMAT {
        let format = spelled.format.escape_debug();
        return Err(format!(
            "the trailer names the format {format}; known here is {FORMAT}"
        ));
    }
    if spelled.size > MAX_SIZE {
        return Err("the trailer's size is beyond what a ledger can have".to_owned());
    }
    let coverage = match (spelled.complete, spelled.count, spelled.filter) {
        (true, None, None) => Coverage::Complete,
        (false, Some(count), Some(filter)) => Coverage::Partial { count, filter },
        _ => return Err(MISSPELLED.to_owned()),
    };
    let root = spelled
        .root
        .parse()
        .map_err(|_| "the trailer's root is not a hash")?;
    Ok(Trailer {
        size: spelled.size,
        root,
        coverage,
    })
}

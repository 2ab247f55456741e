//! The decision log as a file: the very rows a filter shows, streamed in constant memory.
use crate::db::{Conn, Db};
use crate::error::{Error, Result};
use crate::ledger::csv::{Cell, Rows};
use crate::ledger::export::Writer;
use crate::ledger::{Filter, Page, Row, head, leaves, root, rows};
use crate::review::{Desk, TimelineItem, describe};
use serde_json::{Map, Value};
use std::io::Write;

/// Rows read at a time.
const CHUNK: i64 = 500;

/// The formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For spreadsheets.
    Csv,
    /// Exact entries with their leaf hashes, size and root: what `countersign verify` checks.
    Jsonl,
}

const HEADER: [&str; 15] = [
    "seq",
    "recorded_at_utc",
    "kind",
    "what",
    "actor",
    "person",
    "record",
    "stage",
    "outcome",
    "revision",
    "digest",
    "method",
    "reason",
    "conditions",
    "leaf_hash",
];

/// Writes what `filter` shows, up to the size the ledger has now, and returns how many entries.
///
/// # Errors
/// When the database or the writing fails.
pub fn download(
    db: &Db,
    desk: &Desk,
    filter: &Filter,
    format: Format,
    out: impl Write,
) -> Result<u64> {
    db.read_now(|conn| match format {
        Format::Csv => write_csv(conn, desk, filter, out),
        Format::Jsonl => write_jsonl(conn, filter, out),
    })
}

fn write_csv(conn: &mut Conn, desk: &Desk, filter: &Filter, out: impl Write) -> Result<u64> {
    let mut file = Rows::new(out, &HEADER).map_err(cut_off)?;
    let mut count = 0;
    each_chunk(conn, filter, &mut |conn, chunk| {
        for item in describe(conn, desk, chunk)? {
            file.row(&cells(&item)).map_err(cut_off)?;
            count += 1;
        }
        Ok(())
    })?;
    file.finish().map_err(cut_off)?.flush().map_err(cut_off)?;
    Ok(count)
}

fn cells(item: &TimelineItem) -> [Cell<'_>; 15] {
    let conditions = item.conditions.join("\n");
    [
        Cell::Integer(item.seq),
        Cell::from(item.at.to_string()),
        Cell::from(item.kind.as_str()),
        Cell::from(item.sentence.as_str()),
        Cell::from(item.actor.as_deref().or(Some("system"))),
        Cell::from(item.person.as_deref()),
        Cell::from(item.reference.as_deref()),
        Cell::from(item.stage.as_deref()),
        Cell::from(item.outcome.as_deref()),
        Cell::from(item.revision),
        Cell::from(item.digest.as_deref()),
        Cell::from(item.method.as_str()),
        Cell::from(item.reason.as_deref()),
        Cell::from(conditions),
        Cell::from(item.leaf_hash.as_str()),
    ]
}

fn write_jsonl(conn: &mut Conn, filter: &Filter, out: impl Write) -> Result<u64> {
    let (size, _) = head(conn)?;
    let root = root(conn, size)?;
    let mut file = if filter.is_empty() {
        Writer::complete(out)
    } else {
        Writer::partial(out, filter_words(filter))
    };
    each_chunk(conn, filter, &mut |conn, chunk| {
        let leaves = leaves(conn, chunk)?;
        for (row, leaf) in chunk.iter().zip(leaves) {
            file.entry(&row.entry, leaf, &[]).map_err(cut_off)?;
        }
        Ok(())
    })?;
    let summary = file.finish(size, root).map_err(cut_off)?;
    if summary.root_holds {
        Ok(summary.count)
    } else {
        Err(Error::Corrupt(
            "the ledger's entries do not give its root".to_owned(),
        ))
    }
}

fn each_chunk(
    conn: &mut Conn,
    filter: &Filter,
    take: &mut dyn FnMut(&mut Conn, &[Row]) -> Result<()>,
) -> Result<()> {
    let mut next = 0;
    loop {
        let chunk = rows(conn, filter, Page::From(next), CHUNK)?;
        let Some(last) = chunk.last() else {
            return Ok(());
        };
        next = u64::try_from(last.seq).unwrap_or(0) + 1;
        take(conn, &chunk)?;
    }
}

fn filter_words(filter: &Filter) -> Map<String, Value> {
    let words = [
        ("from", filter.from.map(|at| at.to_string())),
        ("to", filter.to.map(|at| at.to_string())),
        ("person", filter.person.map(|p| p.to_string())),
        ("stage", filter.stage.clone()),
        ("outcome", filter.outcome.clone()),
        ("record", filter.record.map(|r| r.to_string())),
        ("kind", filter.kind.clone()),
    ];
    let given = words
        .into_iter()
        .filter_map(|(k, v)| Some((k.to_owned(), Value::from(v?))));
    given.collect()
}

fn cut_off(error: impl std::fmt::Display) -> Error {
    Error::Unavailable(format!("the export was cut off: {error}"))
}

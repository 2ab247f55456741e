//! The decision log as a file: the very rows a filter shows, streamed in constant memory.
use crate::db::{At, Conn, Db, Tx};
use crate::error::{Error, Result};
use crate::ledger::csv::{Cell, Rows};
use crate::ledger::export::Writer;
use crate::ledger::tree::Hash;
use crate::ledger::{Actor, Filter, Note, Page, Row, append, head, leaves, root, rows};
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
    let (size, _) = db.read_now(head)?;
    download_first(size, db, desk, filter, format, out)
}

/// As [`download`], of the first `size` entries.
///
/// # Errors
/// As [`download`].
pub fn download_first(
    size: u64,
    db: &Db,
    desk: &Desk,
    filter: &Filter,
    format: Format,
    out: impl Write,
) -> Result<u64> {
    match format {
        Format::Csv => write_csv(db, desk, filter, size, out),
        Format::Jsonl => write_jsonl(db, filter, size, out),
    }
}

/// Enters that somebody takes what `filter` shows away as a file, and returns how many entries
/// the ledger had before that.
///
/// # Errors
/// When the filter holds what no entry may, or the database fails.
pub fn enter_export(
    tx: &mut Tx,
    now: At,
    actor: &Actor,
    filter: &Filter,
    format: Format,
) -> Result<u64> {
    let word = match format {
        Format::Csv => "csv",
        Format::Jsonl => "jsonl",
    };
    let note = Note::new("log.exported", actor).data("format", word);
    append(
        tx,
        now,
        note.data("filter", Value::Object(filter_words(filter))),
    )
}

fn write_csv(db: &Db, desk: &Desk, filter: &Filter, size: u64, out: impl Write) -> Result<u64> {
    let mut file = Rows::new(out, &HEADER).map_err(cut_off)?;
    let mut count = 0;
    let read = |conn: &mut Conn, chunk: Vec<Row>| describe(conn, desk, &chunk);
    each(db, filter, size, read, |item| {
        count += 1;
        file.row(&cells(&item)).map_err(cut_off)
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

fn write_jsonl(db: &Db, filter: &Filter, size: u64, out: impl Write) -> Result<u64> {
    let root = db.read_now(|conn| root(conn, size))?;
    let mut file = if filter.is_empty() {
        Writer::complete(out)
    } else {
        Writer::partial(out, filter_words(filter))
    };
    let read = |conn: &mut Conn, chunk: Vec<Row>| {
        let leaves = leaves(conn, &chunk)?;
        Ok(chunk.into_iter().zip(leaves).collect())
    };
    each(db, filter, size, read, |(row, leaf): (Row, Hash)| {
        file.entry(&row.entry, leaf, &[]).map_err(cut_off)
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

/// Writes what `read` makes of the first `size` entries. They are read a chunk at a time and
/// written with no connection held, so that whoever takes a file slowly keeps nobody else from
/// the database; an entry never changes, so the chunks fit together.
fn each<T>(
    db: &Db,
    filter: &Filter,
    size: u64,
    read: impl Fn(&mut Conn, Vec<Row>) -> Result<Vec<T>>,
    mut write: impl FnMut(T) -> Result<()>,
) -> Result<()> {
    let mut next = 0;
    while next < size {
        let (last, chunk) = db.read_now(|conn| {
            let mut chunk = rows(conn, filter, Page::From(next), CHUNK)?;
            chunk.retain(|row| u64::try_from(row.seq).is_ok_and(|seq| seq < size));
            let last = chunk.last().map(|row| row.seq);
            Ok((last, read(conn, chunk)?))
        })?;
        let Some(last) = last else { break };
        next = u64::try_from(last).unwrap_or(size) + 1;
        chunk.into_iter().try_for_each(&mut write)?;
    }
    Ok(())
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

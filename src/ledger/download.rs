//! The decision log as a file: the very rows a filter shows, streamed in constant memory.
use crate::app::App;
use crate::db::{At, Conn, Db, Tx};
use crate::error::{Error, Result};
use crate::ledger::csv::{Cell, Rows};
use crate::ledger::export::Writer;
use crate::ledger::packing::{Package, prepare};
use crate::ledger::tree::Hash;
use crate::ledger::{Actor, Filter, Note, Page, Row, append, head, leaves, root, rows};
use crate::review::{Desk, TimelineItem, describe};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
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
    /// Entries, checkpoint, tree or proofs in one zip, which the tools of others check as well.
    Package,
}

impl Format {
    /// The word, as people and entries have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::Jsonl => "jsonl",
            Format::Package => "package",
        }
    }
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

/// A file that was made once, so that its entry can name it, and can be made again.
pub struct Ready {
    filter: Filter,
    format: Format,
    size: u64,
    package: Option<Package>,
    count: u64,
    digest: String,
}

/// Makes what `filter` shows ready to be taken away. `state` adds the state of the register to a
/// package of the whole log.
///
/// # Errors
/// When the database fails.
pub fn ready(app: &App, filter: Filter, format: Format, state: bool) -> Result<Ready> {
    let (size, _) = app.db.read_now(head)?;
    let package = match format {
        Format::Package => Some(prepare(app, &filter, state)?),
        _ => None,
    };
    let mut ready = Ready {
        filter,
        format,
        size,
        package,
        count: 0,
        digest: String::new(),
    };
    let mut digest = Sha256::new();
    ready.count = ready.make(app, &mut digest)?;
    ready.digest = hex::encode(digest.finalize());
    Ok(ready)
}

impl Ready {
    /// How many entries are in it.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Enters that somebody takes it away: what was shown, how many entries, and the SHA-256 of
    /// the file.
    ///
    /// # Errors
    /// When the filter holds what no entry may, or the database fails.
    pub fn enter(&self, tx: &mut Tx, now: At, actor: &Actor) -> Result<u64> {
        let note = Note::new("log.exported", actor)
            .subject("digest", self.digest.as_str())
            .data("format", self.format.as_str())
            .data("count", self.count)
            .data("filter", Value::Object(filter_words(&self.filter)));
        append(tx, now, note)
    }

    /// Writes it again.
    ///
    /// # Errors
    /// When the database or the writing fails.
    pub fn write(mut self, app: &App, out: impl Write) -> Result<u64> {
        self.make(app, out)
    }

    fn make(&mut self, app: &App, out: impl Write) -> Result<u64> {
        let (db, desk) = (&app.db, &app.desk);
        match (self.format, &mut self.package) {
            (Format::Csv, _) => write_csv(db, desk, &self.filter, self.size, out),
            (_, Some(package)) => package.write(out).map(|()| package.manifest.count),
            (_, None) => write_jsonl(db, &self.filter, self.size, out),
        }
    }
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
pub(super) fn each<T>(
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

pub(super) fn filter_words(filter: &Filter) -> Map<String, Value> {
    let words = [
        ("from", filter.from.map(|at| at.to_string())),
        ("to", filter.to.map(|at| at.to_string())),
        ("person", filter.person.map(|p| p.to_string())),
        ("stage", filter.stage.clone()),
        ("outcome", filter.outcome.clone()),
        ("record", filter.record.map(|r| r.to_string())),
        ("kind", filter.kind.clone()),
        (
            "by_unit",
            (!filter.units.is_empty()).then(|| "yes".to_owned()),
        ),
    ];
    let given = words
        .into_iter()
        .filter_map(|(k, v)| Some((k.to_owned(), Value::from(v?))));
    given.collect()
}

pub(super) fn cut_off(error: impl std::fmt::Display) -> Error {
    Error::Unavailable(format!("the export was cut off: {error}"))
}

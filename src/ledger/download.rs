//! The decision log as a file: the very rows a filter shows, in constant memory.
use crate::app::App;
use crate::db::{At, Conn, Db, Tx};
use crate::error::{Error, Result};
use crate::ledger::csv::{Cell, Rows};
use crate::ledger::entry::Entry;
use crate::ledger::export::Writer;
pub use crate::ledger::packing::Extras;
use crate::ledger::packing::prepare;
use crate::ledger::spool::{Spool, folder};
use crate::ledger::store::{Exact, Numbered, texts};
use crate::ledger::tree::Hash;
use crate::ledger::views::xlsx::Book;
use crate::ledger::views::{Shown, cef, ocsf};
use crate::ledger::{Actor, Filter, Note, Page, Row, append, head, leaves, root, rows, seal};
use crate::review::{Desk, TimelineItem, describe};
use serde_json::{Map, Value};
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};

/// Rows read at a time.
const CHUNK: u64 = 1000;
/// Chunks that each reader reads ahead of the writing.
const AHEAD: usize = 2;
/// Readers of a whole log, who take its chunks by turns.
const READERS: u64 = 2;

/// The formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Rows for spreadsheets and other programs.
    Csv,
    /// A workbook for spreadsheets, the same rows.
    Xlsx,
    /// Exact entries with their leaf hashes, size and root: what `countersign verify` checks.
    Jsonl,
    /// Entries, checkpoint, tree or proofs in one zip, which the tools of others check as well.
    Package,
    /// Events of OCSF 1.5, one a line, for what watches security.
    Ocsf,
    /// Lines of CEF, for what watches security.
    Cef,
}

impl Format {
    /// All of them.
    pub const ALL: [Format; 6] = [
        Format::Csv,
        Format::Xlsx,
        Format::Jsonl,
        Format::Package,
        Format::Ocsf,
        Format::Cef,
    ];

    /// The word, as people and entries have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::Xlsx => "xlsx",
            Format::Jsonl => "jsonl",
            Format::Package => "package",
            Format::Ocsf => "ocsf",
            Format::Cef => "cef",
        }
    }

    /// The format of this word.
    ///
    /// # Errors
    /// [`Error::BadRequest`] naming the words there are.
    pub fn named(word: &str) -> Result<Format> {
        let found = Format::ALL.into_iter().find(|one| one.as_str() == word);
        found.ok_or_else(|| {
            let rule = "format: write csv, xlsx, jsonl, package, ocsf or cef";
            Error::BadRequest(rule.to_owned())
        })
    }

    /// Media type and file name of a download.
    pub fn file(self) -> (&'static str, &'static str) {
        match self {
            Format::Csv => ("text/csv; charset=utf-8", "decisions.csv"),
            Format::Xlsx => (
                "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
                "decisions.xlsx",
            ),
            Format::Jsonl => ("application/jsonl", "decisions.jsonl"),
            Format::Package => ("application/zip", "decisions.zip"),
            Format::Ocsf => ("application/jsonl", "decisions.ocsf.jsonl"),
            Format::Cef => ("text/plain; charset=utf-8", "decisions.cef"),
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

/// A file that is ready to be taken away.
pub struct Ready {
    filter: Filter,
    format: Format,
    private: bool,
    count: u64,
    digest: String,
    length: u64,
    spool: Spool,
}

/// Makes what `filter` shows ready to be taken away, a package with `extras`.
///
/// # Errors
/// When the database fails, there is no room for the file, or another format is asked for private
/// values.
pub fn ready(app: &App, filter: Filter, format: Format, extras: Extras) -> Result<Ready> {
    if extras.private && format != Format::Package {
        let rule = "private values go into a package only: take the format package";
        return Err(Error::BadRequest(rule.to_owned()));
    }
    let folder = folder(&app.config.database_url);
    let mut spool = Spool::new(&folder)?;
    let standing = app.db.read_now(Standing::read)?;
    let log = Log {
        db: &app.db,
        desk: &app.desk,
        filter: &filter,
        standing,
    };
    let out = &mut spool;
    let count = match format {
        Format::Csv => log.csv(out)?,
        Format::Xlsx => log.xlsx(&folder, out)?,
        Format::Jsonl => log.jsonl(out)?,
        Format::Ocsf => log.ocsf(out)?,
        Format::Cef => log.cef(out)?,
        Format::Package => {
            let package = prepare(app, &filter, extras, &folder)?;
            let count = package.manifest.count;
            package.write(out)?;
            count
        }
    };
    let (digest, length) = spool.finish().map_err(cut_off)?;
    Ok(Ready {
        filter,
        format,
        private: extras.private,
        count,
        digest,
        length,
        spool,
    })
}

impl Ready {
    /// How many entries are in it.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Its length in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Enters that somebody takes it away: what was shown, how many entries, and the SHA-256 of
    /// the file.
    ///
    /// # Errors
    /// When the filter holds what no entry may, or the database fails.
    pub fn enter(&self, tx: &mut Tx, now: At, actor: &Actor) -> Result<u64> {
        let mut note = Note::new("log.exported", actor)
            .subject("digest", self.digest.as_str())
            .data("format", self.format.as_str())
            .data("count", self.count)
            .data("filter", Value::Object(filter_words(&self.filter)));
        if self.private {
            note = note.data("private_values", true);
        }
        append(tx, now, note)
    }

    /// Hands it over.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn write(mut self, out: impl Write) -> Result<u64> {
        self.spool.copy(out).map_err(cut_off)?;
        Ok(self.count)
    }
}

/// How the log stood when an export began: later entries are not in it.
struct Standing {
    size: u64,
    root: Hash,
    sealed: Option<seal::Published>,
}

impl Standing {
    fn read(conn: &mut Conn) -> Result<Standing> {
        let (size, _) = head(conn)?;
        Ok(Standing {
            size,
            root: root(conn, size)?,
            sealed: seal::newest(conn)?,
        })
    }

    /// The name of the log, where it is signed.
    fn name(&self) -> Option<&str> {
        self.sealed.as_ref()?.note.lines().next()
    }
}

/// What is written, and from where.
struct Log<'a> {
    db: &'a Db,
    desk: &'a Desk,
    filter: &'a Filter,
    standing: Standing,
}

impl Log<'_> {
    fn described(&self, write: impl FnMut(TimelineItem) -> Result<()>) -> Result<()> {
        let read = |conn: &mut Conn, chunk: Vec<Row>| describe(conn, self.desk, &chunk);
        let of = (self.db, self.filter, self.standing.size);
        let load = |conn: &mut Conn, filter: &Filter, from, limit| {
            rows(conn, filter, Page::From(from), limit)
        };
        each(of, load, read, write)
    }

    fn exact(&self, mut write: impl FnMut(&Exact, Hash) -> Result<()>) -> Result<()> {
        let read = |conn: &mut Conn, chunk: Vec<Exact>| {
            let leaves = leaves(conn, &chunk)?;
            Ok(chunk.into_iter().zip(leaves).collect())
        };
        let write = |(text, leaf): (Exact, Hash)| write(&text, leaf);
        let of = (self.db, self.filter, self.standing.size);
        each(of, texts, read, write)
    }

    fn csv(&self, out: impl Write) -> Result<u64> {
        let mut file = Rows::new(out, &HEADER).map_err(cut_off)?;
        let mut count = 0;
        self.described(|item| {
            count += 1;
            file.row(&cells(&item)).map_err(cut_off)
        })?;
        file.finish().map_err(cut_off)?.flush().map_err(cut_off)?;
        Ok(count)
    }

    /// The crate that writes workbooks panics where there is no room for its rows.
    fn xlsx(&self, folder: &Path, out: impl Write + Send) -> Result<u64> {
        let made = catch_unwind(AssertUnwindSafe(|| self.workbook(folder, out)));
        made.unwrap_or_else(|_| {
            let room = format!("there may be no room in {}", folder.display());
            Err(cut_off(room))
        })
    }

    fn workbook(&self, folder: &Path, out: impl Write + Send) -> Result<u64> {
        let mut book = Book::new(folder, &HEADER).map_err(cut_off)?;
        let mut span = Span::default();
        self.described(|item| {
            span.takes(&item);
            book.row(&cells(&item)).map_err(cut_off)
        })?;
        let made = span
            .last
            .map_or(jiff::Timestamp::UNIX_EPOCH, |(_, at)| at.0);
        let about = self.about(&span);
        book.finish(&about, made, out).map_err(cut_off)?;
        Ok(span.count)
    }

    /// The first sheet: what the rows are, and how they are held against the log.
    fn about(&self, span: &Span) -> Vec<(String, String)> {
        let Standing { size, root, sealed } = &self.standing;
        let words = filter_words(self.filter);
        let narrowed = words.iter().map(|(name, value)| {
            let value = value.as_str().unwrap_or_default();
            format!("{name}: {value}")
        });
        let narrowed: Vec<String> = narrowed.collect();
        let filter = match narrowed.is_empty() {
            true => "none: the whole log".to_owned(),
            false => narrowed.join("\n"),
        };
        let range = match (span.first, span.last) {
            (Some((first, from)), Some((last, to))) => {
                format!("entry {first} of {from} to entry {last} of {to}")
            }
            _ => "no entry".to_owned(),
        };
        let sealed = sealed
            .as_ref()
            .map_or("none: the log is not signed", |s| &s.note);
        let rows = [
            (
                "What this is",
                "Rows of the decision log of Countersign, for reading",
            ),
            ("Filter", &filter),
            ("Entries here", &span.count.to_string()),
            ("From, to (UTC)", &range),
            ("Size of the log", &size.to_string()),
            ("Root over all of it", &root.to_string()),
            ("Newest signed checkpoint", sealed),
            ("How to verify", VERIFYING),
        ];
        rows.map(|(name, text)| (name.to_owned(), text.to_owned()))
            .to_vec()
    }

    fn jsonl(&self, out: impl Write) -> Result<u64> {
        let mut file = if self.filter.is_empty() {
            Writer::complete(out)
        } else {
            Writer::partial(out, filter_words(self.filter))
        };
        self.exact(|row, leaf| file.entry(&row.entry, leaf, &[]).map_err(cut_off))?;
        let Standing { size, root, .. } = self.standing;
        let summary = file.finish(size, root).map_err(cut_off)?;
        if summary.root_holds {
            Ok(summary.count)
        } else {
            Err(Error::Corrupt(
                "the ledger's entries do not give its root".to_owned(),
            ))
        }
    }

    fn ocsf(&self, mut out: impl Write) -> Result<u64> {
        let mut line = Vec::new();
        self.shown(|shown| {
            line.clear();
            ocsf::line(&shown, &mut line)?;
            out.write_all(&line).map_err(cut_off)
        })
    }

    fn cef(&self, mut out: impl Write) -> Result<u64> {
        let mut line = String::new();
        self.shown(|shown| {
            line.clear();
            cef::line(&shown, &mut line);
            out.write_all(line.as_bytes()).map_err(cut_off)
        })
    }

    fn shown(&self, mut write: impl FnMut(Shown<'_>) -> Result<()>) -> Result<u64> {
        let mut count = 0;
        self.exact(|row, leaf| {
            count += 1;
            let wrong =
                |flaw: &dyn std::fmt::Display| Error::Corrupt(format!("entry {}: {flaw}", row.seq));
            let entry = Entry::parse(&row.entry).map_err(|flaw| wrong(&flaw))?;
            let text = std::str::from_utf8(&row.entry).map_err(|error| wrong(&error))?;
            write(Shown {
                entry: &entry,
                text,
                leaf,
                log: self.standing.name(),
            })
        })?;
        Ok(count)
    }
}

/// What the rows reach over.
#[derive(Default)]
struct Span {
    first: Option<(i64, At)>,
    last: Option<(i64, At)>,
    count: u64,
}

impl Span {
    fn takes(&mut self, item: &TimelineItem) {
        let here = Some((item.seq, item.at));
        self.first = self.first.or(here);
        self.last = here;
        self.count += 1;
    }
}

const VERIFYING: &str = "This workbook is no evidence by itself. Each row names its entry (seq) \
    and the entry's leaf hash. Take the same entries as a package or as JSON Lines, check that \
    file with `countersign verify`, and compare seq and leaf hash. Compare size and root with a \
    checkpoint that you kept or that was mailed to you.";

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

/// Writes what `read` makes of the first `size` entries. They are read a chunk at a time and
/// written with no connection held, so that whoever takes a file slowly keeps nobody else from
/// the database, and ahead of the writing; an entry never changes, so the chunks fit together.
pub(super) fn each<R: Numbered, T: Send>(
    (db, filter, size): (&Db, &Filter, u64),
    load: impl Fn(&mut Conn, &Filter, u64, i64) -> Result<Vec<R>> + Sync,
    read: impl Fn(&mut Conn, Vec<R>) -> Result<Vec<T>> + Sync,
    mut write: impl FnMut(T) -> Result<()>,
) -> Result<()> {
    // Where the chunks of a part begin is known one after the other only.
    let readers = if filter.is_empty() { READERS } else { 1 };
    let chunk = |from: u64| -> Result<(u64, Vec<T>)> {
        let whole = filter.is_empty();
        let end = if whole { size.min(from + CHUNK) } else { size };
        db.read_now(|conn| {
            let mut chunk = load(conn, filter, from, CHUNK as i64)?;
            chunk.retain(|row| u64::try_from(row.seq()).is_ok_and(|seq| seq < end));
            let last = chunk.last().and_then(|row| u64::try_from(row.seq()).ok());
            let next = match whole {
                true => from + readers * CHUNK,
                false => last.map_or(size, |last| last + 1),
            };
            Ok((next, read(conn, chunk)?))
        })
    };
    let chunk = &chunk;
    std::thread::scope(|scope| {
        let reader = |number: u64| {
            let (sender, receiver) = sync_channel(AHEAD);
            scope.spawn(move || {
                let mut from = number * CHUNK;
                while from < size {
                    let (next, read) = match chunk(from) {
                        Ok((next, read)) => (next, Ok(read)),
                        Err(error) => (size, Err(error)),
                    };
                    // Nobody listens any more when the writing failed.
                    if sender.send(read).is_err() {
                        break;
                    }
                    from = next;
                }
            });
            receiver
        };
        let readers: Vec<Receiver<Result<Vec<T>>>> = (0..readers).map(reader).collect();
        // Whoever has no chunk left ends the round: nobody after them has one.
        for reader in readers.iter().cycle() {
            let Ok(chunk) = reader.recv() else { break };
            chunk?.into_iter().try_for_each(&mut write)?;
        }
        Ok(())
    })
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

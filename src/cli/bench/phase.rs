//! One piece of work on a filled ledger, in a process of its own, so that its peak of memory is
//! nobody else's.
use crate::app::App;
use crate::clock::Clock;
use crate::config::Config;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::ledger::download::{Extras, Format, ready};
use crate::ledger::page::drawn_before;
use crate::ledger::{Filter, Page, head, package, rows, verify};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::time::{Duration, Instant};

/// How often a page is drawn up.
const PAGES: u32 = 200;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Phase {
    PageFirst,
    PageMiddle,
    PageLast,
    Select,
    Csv,
    Xlsx,
    Jsonl,
    Package,
    Ocsf,
    Cef,
    VerifyJsonl,
    VerifyPackage,
    HashJsonl,
    HashPackage,
}

/// What it came to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Done {
    /// Seconds; of a page, what one of them takes.
    pub(super) seconds: f64,
    /// What 99 of 100 pages take at most, in seconds.
    pub(super) p99: Option<f64>,
    /// Bytes of the file.
    pub(super) bytes: u64,
    /// Memory over what the process held before, in bytes; nothing where the system does not say.
    pub(super) memory: Option<u64>,
}

impl Phase {
    /// What the table of figures calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Phase::PageFirst => "page of the log, newest",
            Phase::PageMiddle => "page of the log, middle",
            Phase::PageLast => "page of the log, oldest",
            Phase::Select => "bare SELECT of the entries",
            Phase::Csv => "export as CSV",
            Phase::Xlsx => "export as XLSX",
            Phase::Jsonl => "export as JSON Lines",
            Phase::Package => "export as package",
            Phase::Ocsf => "export as OCSF",
            Phase::Cef => "export as CEF",
            Phase::VerifyJsonl => "verify JSON Lines",
            Phase::VerifyPackage => "verify package",
            Phase::HashJsonl => "SHA-256 of the JSON Lines",
            Phase::HashPackage => "SHA-256 of the package",
        }
    }

    /// The word that starts it.
    pub(super) fn word(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// The file that it writes or reads.
    pub(super) fn file(self) -> &'static str {
        match self {
            Phase::Jsonl | Phase::VerifyJsonl | Phase::HashJsonl => "log.jsonl",
            Phase::Package | Phase::VerifyPackage | Phase::HashPackage => "log.zip",
            _ => "log.out",
        }
    }

    /// Does it, in this process.
    pub(super) fn run(self, url: &str, folder: &Path) -> Result<Done> {
        let config = Config {
            database_url: url.to_owned(),
            ..Config::default()
        };
        let app = App::open(config, Clock::system())?;
        let (size, _) = app.db.read_now(head)?;
        let before = memory();
        let path = folder.join(self.file());
        let start = Instant::now();
        let mut p99 = None;
        let bytes = match self {
            Phase::PageFirst | Phase::PageMiddle | Phase::PageLast => {
                let times = self.pages(&app, size)?;
                p99 = Some(percentile(&times, 99));
                return Ok(Done {
                    seconds: percentile(&times, 50),
                    p99,
                    bytes: 0,
                    memory: grown(before),
                });
            }
            Phase::Select => app.db.read_now(|conn| select(conn, size))?,
            Phase::Csv => export(&app, Format::Csv, &path)?,
            Phase::Xlsx => export(&app, Format::Xlsx, &path)?,
            Phase::Jsonl => export(&app, Format::Jsonl, &path)?,
            Phase::Package => export(&app, Format::Package, &path)?,
            Phase::Ocsf => export(&app, Format::Ocsf, &path)?,
            Phase::Cef => export(&app, Format::Cef, &path)?,
            Phase::VerifyJsonl => verified_jsonl(&path)?,
            Phase::VerifyPackage => verified_package(&path)?,
            Phase::HashJsonl | Phase::HashPackage => hashed(&path)?,
        };
        Ok(Done {
            seconds: start.elapsed().as_secs_f64(),
            p99,
            bytes,
            memory: grown(before),
        })
    }

    /// How long each page took, the shortest first.
    fn pages(self, app: &App, size: u64) -> Result<Vec<Duration>> {
        let before = match self {
            Phase::PageMiddle => Some(size / 2),
            Phase::PageLast => Some(50),
            _ => None,
        };
        let mut times = Vec::new();
        for _ in 0..PAGES {
            let start = Instant::now();
            app.db
                .read_now(|conn| drawn_before(conn, &app.desk, before))?;
            times.push(start.elapsed());
        }
        times.sort_unstable();
        Ok(times)
    }
}

fn percentile(times: &[Duration], percent: usize) -> f64 {
    let place = (times.len() * percent / 100).min(times.len().saturating_sub(1));
    times.get(place).map_or(0.0, Duration::as_secs_f64)
}

fn export(app: &App, format: Format, path: &Path) -> Result<u64> {
    let ready = ready(app, Filter::default(), format, Extras::default())?;
    let bytes = ready.length();
    ready.write(File::create(path).map_err(unreadable)?)?;
    Ok(bytes)
}

/// Every entry, read in the order of the log and put nowhere.
fn select(conn: &mut Conn, size: u64) -> Result<u64> {
    let (mut next, mut bytes) = (0, 0);
    while next < size {
        let chunk = rows(conn, &Filter::default(), Page::From(next), 5_000)?;
        let Some(last) = chunk.last() else { break };
        next = u64::try_from(last.seq).unwrap_or(size) + 1;
        bytes += chunk.iter().map(|row| row.entry.len()).sum::<usize>();
    }
    Ok(u64::try_from(bytes).unwrap_or(u64::MAX))
}

fn verified_jsonl(path: &Path) -> Result<u64> {
    let file = File::open(path).map_err(unreadable)?;
    let (code, words) = verify::run_verify(BufReader::with_capacity(1 << 16, file));
    good(code == 0, words, path)
}

fn verified_package(path: &Path) -> Result<u64> {
    let file = BufReader::with_capacity(1 << 16, File::open(path).map_err(unreadable)?);
    match package::verify(file, &package::Asked::default(), &mut ()) {
        Ok(report) => good(true, report.to_string(), path),
        Err(refusal) => good(false, refusal.to_string(), path),
    }
}

fn good(good: bool, words: String, path: &Path) -> Result<u64> {
    if !good {
        return Err(Error::Corrupt(words));
    }
    Ok(std::fs::metadata(path).map_err(unreadable)?.len())
}

fn hashed(path: &Path) -> Result<u64> {
    let mut file = File::open(path).map_err(unreadable)?;
    let (mut hash, mut bytes) = (Sha256::new(), 0);
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = file.read(&mut buffer).map_err(unreadable)?;
        let Some(piece) = buffer.get(..read).filter(|piece| !piece.is_empty()) else {
            break;
        };
        hash.update(piece);
        bytes += u64::try_from(read).unwrap_or(0);
    }
    std::hint::black_box(hash.finalize());
    Ok(bytes)
}

fn unreadable(error: std::io::Error) -> Error {
    Error::Unavailable(format!("the bench's own file: {error}"))
}

/// What this process holds now and held at most, in bytes, where the system tells.
fn memory() -> Option<(u64, u64)> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let field = |name: &str| -> Option<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
        Some(kilobytes * 1024)
    };
    Some((field("VmRSS:")?, field("VmHWM:")?))
}

/// The peak by now over what was held `before`.
fn grown(before: Option<(u64, u64)>) -> Option<u64> {
    let ((held, _), (_, peak)) = (before?, memory()?);
    Some(peak.saturating_sub(held))
}

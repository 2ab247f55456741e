//! `bench ledger`: pages, files and verification of a long log, each in a process of its own.
use super::fill::fill;
use super::ground::Ground;
use super::phase::{Done, Phase};
use super::shell::{self, Shell};
use super::stock::Stock;
use crate::cli::throwaway::Throwaway;
use crate::db::Url;
use crate::error::{Error, Result};
use clap::Args;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

/// The order in which they are measured: what is verified was exported before.
const PHASES: [Phase; 14] = [
    Phase::PageFirst,
    Phase::PageMiddle,
    Phase::PageLast,
    Phase::Select,
    Phase::Csv,
    Phase::Xlsx,
    Phase::Ocsf,
    Phase::Cef,
    Phase::Jsonl,
    Phase::Package,
    Phase::HashJsonl,
    Phase::VerifyJsonl,
    Phase::HashPackage,
    Phase::VerifyPackage,
];

/// `countersign bench ledger …`
#[derive(Debug, Args)]
pub(super) struct Ledger {
    /// Measures on this server, or on the disk of this SQLite file; what is there stays as it is.
    #[arg(long)]
    database_url: Option<String>,
    /// How many entries the log has.
    #[arg(long, default_value_t = 1_000_000,
          value_parser = clap::value_parser!(u64).range(1_000..=10_000_000))]
    entries: u64,
    /// Answer as JSON.
    #[arg(long)]
    json: bool,
    /// Measure this alone on the filled database, in this process; files are in `folder`.
    #[arg(long, hide = true, requires = "folder")]
    phase: Option<Phase>,
    #[arg(long, hide = true)]
    folder: Option<PathBuf>,
}

/// All that was measured.
struct Figures {
    about: String,
    entries: u64,
    filled: f64,
    shell: Option<Shell>,
    done: Vec<(Phase, Done)>,
}

impl Ledger {
    pub(super) fn run(self) -> Result<ExitCode> {
        if let (Some(phase), Some(folder), Some(url)) =
            (self.phase, &self.folder, &self.database_url)
        {
            let done = phase.run(url, folder)?;
            println!("{}", serde_json::to_string(&done)?);
            return Ok(ExitCode::SUCCESS);
        }
        let figures = self.measure()?;
        match self.json {
            true => println!("{}", figures.report()),
            false => figures.print(),
        }
        Ok(ExitCode::SUCCESS)
    }

    fn measure(&self) -> Result<Figures> {
        let ground = Ground::prepare(self.database_url.as_deref())?;
        let url = Url::parse(ground.url())?;
        let start = Instant::now();
        {
            let stock = Stock::found(ground.url())?;
            fill(&stock, self.entries)?;
        }
        let filled = start.elapsed().as_secs_f64();
        let beside = match &url {
            Url::Sqlite(path) => Path::new(path).parent().map(Path::to_owned),
            Url::Postgres(_) => None,
        };
        let files = Throwaway::new_in(&beside.unwrap_or_else(std::env::temp_dir), "files")?;
        let mut done = Vec::new();
        for phase in PHASES {
            done.push((
                phase,
                in_its_own_process(phase, ground.url(), files.path())?,
            ));
        }
        Ok(Figures {
            about: ground.about.clone(),
            entries: self.entries,
            filled,
            shell: shell::measure(&url, files.path())?,
            done,
        })
    }
}

fn in_its_own_process(phase: Phase, url: &str, folder: &Path) -> Result<Done> {
    let failed =
        |why: String| Error::Unavailable(format!("{} was not measured: {why}", phase.name()));
    let program = std::env::current_exe().map_err(|e| failed(e.to_string()))?;
    let done = Command::new(program)
        .args(["bench", "ledger", "--phase", &phase.word()])
        .args(["--database-url", url, "--folder"])
        .arg(folder)
        .output()
        .map_err(|e| failed(e.to_string()))?;
    if !done.status.success() {
        return Err(failed(String::from_utf8_lossy(&done.stderr).into_owned()));
    }
    Ok(serde_json::from_slice(&done.stdout)?)
}

#[allow(clippy::cast_precision_loss, reason = "counts far below 2^52")]
impl Figures {
    fn seconds(&self, wanted: Phase) -> f64 {
        let found = self.done.iter().find(|(phase, _)| *phase == wanted);
        found.map_or(f64::NAN, |(_, done)| done.seconds)
    }

    fn per_second(&self, seconds: f64) -> f64 {
        self.entries as f64 / seconds
    }

    /// What a figure is held against: its name, its seconds, and the figure over or under it, so
    /// that more is better for a rate and less for a time.
    fn beside(&self, phase: Phase) -> Option<(&'static str, f64, f64)> {
        let own = self.seconds(phase);
        let over = |name, limit: f64| Some((name, limit, limit / own));
        let under = |name, limit: f64| Some((name, limit, own / limit));
        match (phase, &self.shell) {
            (Phase::Csv | Phase::Xlsx, Some(shell)) => over("sqlite3, same columns", shell.columns),
            (Phase::Jsonl | Phase::Package | Phase::Ocsf | Phase::Cef, Some(shell)) => {
                over("sqlite3, entries", shell.entries)
            }
            (
                Phase::Csv | Phase::Xlsx | Phase::Jsonl | Phase::Package | Phase::Ocsf | Phase::Cef,
                None,
            ) => over("bare SELECT", self.seconds(Phase::Select)),
            (Phase::VerifyJsonl, _) => under("bare SHA-256", self.seconds(Phase::HashJsonl)),
            (Phase::VerifyPackage, _) => under("bare SHA-256", self.seconds(Phase::HashPackage)),
            _ => None,
        }
    }

    fn report(&self) -> Value {
        let one = |(phase, done): &(Phase, Done)| {
            let beside = self.beside(*phase).map(|(name, seconds, ratio)| {
                json!({ "name": name, "seconds": seconds, "ratio": ratio })
            });
            json!({
                "name": phase.word(), "seconds": done.seconds, "p99_seconds": done.p99,
                "entries_per_second": done.p99.is_none().then(|| self.per_second(done.seconds)),
                "bytes": done.bytes, "memory_over_idle_bytes": done.memory, "beside": beside,
            })
        };
        json!({
            "bench": "ledger", "database": self.about, "entries": self.entries,
            "filled_seconds": self.filled,
            "phases": self.done.iter().map(one).collect::<Vec<_>>(),
        })
    }

    fn print(&self) {
        let rate = self.per_second(self.filled);
        println!("A log of {} entries on {}", self.entries, self.about);
        println!("Appended in {:.0} s, {rate:.0} entries/s", self.filled);
        println!("\n                            p50 ms    p99 ms  memory MB");
        for (phase, done) in &self.done {
            if let Some(p99) = done.p99 {
                let (name, memory) = (phase.name(), megabytes(done.memory));
                let (p50, p99) = (done.seconds * 1e3, p99 * 1e3);
                println!("{name:<26}  {p50:>6.2}  {p99:>8.2}  {memory:>9}");
            }
        }
        println!("\n                                 s  entries/s      MB  memory MB  beside");
        for (phase, done) in self.done.iter().filter(|(_, done)| done.p99.is_none()) {
            let beside = self
                .beside(*phase)
                .map(|(name, seconds, ratio)| format!("  {ratio:.2} of {name} ({seconds:.2} s)"));
            println!(
                "{:<26}  {:>6.2}  {:>9.0}  {:>6.0}  {:>9}{}",
                phase.name(),
                done.seconds,
                self.per_second(done.seconds),
                done.bytes as f64 / 1e6,
                megabytes(done.memory),
                beside.unwrap_or_default(),
            );
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "bytes of a process")]
fn megabytes(bytes: Option<u64>) -> String {
    bytes.map_or_else(
        || "?".to_owned(),
        |bytes| format!("{:.1}", bytes as f64 / 1e6),
    )
}

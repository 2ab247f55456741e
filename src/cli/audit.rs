//! `audit`: the tests of an auditor over a whole population, from the database or a package alone.
use crate::app::App;
use crate::audit::{self, Asked, Drawn, Wanted};
use crate::cli::verify::keys;
use crate::cli::{is_stdout, open_app, operator, read_file};
use crate::db::{At, Conn, Tx};
use crate::error::{Error, Result};
use crate::ledger::api::time;
use crate::ledger::{Filter, Page, Scope, append, package, rows};
use crate::review::engine::Pin;
use crate::review::workflows::{self, of_text};
use clap::Args;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// `countersign audit`: exit code 0 no exception, 1 exceptions or tampered with, 2 cannot read.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: countersign audit --as-of 2026-12-31 --sample 25 --seed e-7\n         \
                        countersign audit decisions.zip --workflow policy.json --json"
)]
pub struct Audit {
    /// A package of a whole log, which is verified first; without one the database is examined.
    package: Option<PathBuf>,
    /// decisions, reviews or overrides.
    #[arg(long, default_value = "decisions")]
    population: String,
    /// Only the entries up to the end of this day, in UTC.
    #[arg(long)]
    as_of: Option<String>,
    /// Only records of this business unit; the database alone knows it.
    #[arg(long, conflicts_with = "package", default_value = "")]
    unit: String,
    /// Not before this day, in UTC.
    #[arg(long, default_value = "")]
    from: String,
    /// Until the end of this day, in UTC.
    #[arg(long, default_value = "")]
    until: String,
    /// Draw a sample of so many.
    #[arg(long, requires = "seed")]
    sample: Option<usize>,
    /// The seed that you wrote down before.
    #[arg(long, requires = "sample")]
    seed: Option<String>,
    /// The higher the risk, the likelier.
    #[arg(long, requires = "sample")]
    weighted: bool,
    /// A workflow version as --workflows-to writes it; may be repeated. Packages hold none, and
    /// without it a person has to look at what rests on it.
    #[arg(long = "workflow", requires = "package")]
    workflows: Vec<PathBuf>,
    /// Also write every workflow version of the database into this folder, for who has a package.
    #[arg(long, conflicts_with = "package")]
    workflows_to: Option<PathBuf>,
    /// The log's vkey as you were given it, or a file with vkeys; may be repeated.
    #[arg(long = "vkey", requires = "package")]
    vkeys: Vec<String>,
    /// Print what a program reads.
    #[arg(long)]
    json: bool,
    /// File to write; - for standard output.
    #[arg(long, default_value = "-")]
    out: PathBuf,
}

impl Audit {
    pub(super) fn run(self) -> Result<ExitCode> {
        let wanted = self.asked().read(&Scope::default());
        let mut wanted = wanted.map_err(Error::Invalid)?;
        let before = self.as_of.as_deref().map(|day| time("as-of", day, 1));
        let before = before.transpose()?;
        let examined = match &self.package {
            Some(path) => self.of_package(path, &wanted, before)?,
            None => Ok(self.of_database(&mut wanted, before)?),
        };
        let drawn = match examined {
            Ok(drawn) => drawn,
            Err((code, words)) => {
                eprintln!("{words}");
                return Ok(ExitCode::from(code));
            }
        };
        let text = match self.json {
            true => serde_json::to_string_pretty(&drawn)? + "\n",
            false => words(&drawn),
        };
        self.give(&text)?;
        Ok(ExitCode::from(u8::from(drawn.excepted > 0)))
    }

    fn asked(&self) -> Asked {
        Asked {
            population: self.population.clone(),
            from: self.from.clone(),
            to: self.until.clone(),
            unit: self.unit.clone(),
            drawing: if self.weighted { "risk" } else { "random" }.to_owned(),
            seed: self.seed.clone().unwrap_or_else(|| "none".to_owned()),
            count: self.sample.unwrap_or(1).to_string(),
            ..Asked::default()
        }
    }

    /// Taking papers out of the database is an entry, the first that they do not know.
    fn of_database(&self, wanted: &mut Wanted, before: Option<At>) -> Result<Drawn> {
        let app = open_app()?;
        if before.is_some() {
            wanted.size = Some(app.db.read_now(|conn| size_at(conn, before))?);
        }
        if let Some(folder) = &self.workflows_to {
            write_workflows(&app, folder)?;
        }
        let mut drawn = audit::draw(&app.db, &app.desk, wanted)?;
        self.without_sample(&mut drawn);
        let format = if self.json { "json" } else { "text" };
        let (note, now) = (
            audit::note(&drawn, &operator(), format),
            app.desk.clock.now(),
        );
        app.db
            .write_now(move |tx: &mut Tx| append(tx, now, note).map(drop))?;
        Ok(drawn)
    }

    fn of_package(
        &self,
        path: &Path,
        wanted: &Wanted,
        before: Option<At>,
    ) -> Result<std::result::Result<Drawn, (u8, String)>> {
        let failed = |e: std::io::Error| Error::Configuration(format!("{}: {e}", path.display()));
        let file = BufReader::new(File::open(path).map_err(failed)?);
        let keys = keys(&self.vkeys)?;
        let trusted = package::Asked {
            keys: &keys,
            since: None,
            ..package::Asked::default()
        };
        let texts = self.workflows.iter().map(|path| read_file(path));
        let texts = texts.collect::<Result<Vec<Vec<u8>>>>()?;
        let texts: Vec<String> = texts
            .iter()
            .map(|text| String::from_utf8_lossy(text).trim().to_owned())
            .collect();
        let find = |pin: &Pin| {
            texts
                .iter()
                .find_map(|text| of_text(text, pin))
                .map(Arc::new)
        };
        Ok(
            match audit::examine(file, &trusted, wanted, before, &find) {
                Ok((mut drawn, report)) => {
                    self.without_sample(&mut drawn);
                    eprintln!("{report}");
                    Ok(drawn)
                }
                Err(refusal) => Err((refusal.exit_code(), refusal.to_string())),
            },
        )
    }

    fn without_sample(&self, drawn: &mut Drawn) {
        if self.sample.is_none() {
            drawn.sample.clear();
        }
    }

    fn give(&self, text: &str) -> Result<()> {
        let failed = |e: std::io::Error| {
            Error::Configuration(format!("cannot write {}: {e}", self.out.display()))
        };
        match is_stdout(&self.out) {
            true => std::io::stdout().write_all(text.as_bytes()),
            false => std::fs::write(&self.out, text),
        }
        .map_err(failed)
    }
}

/// The exact texts whose hashes the entries name.
fn write_workflows(app: &App, folder: &Path) -> Result<()> {
    let texts = app.db.read_now(|conn| {
        let mut texts = Vec::new();
        for version in workflows::versions(conn)? {
            let text = workflows::text(conn, &version.key, version.version)?;
            texts.push((format!("{}-{}.json", version.key, version.version), text));
        }
        Ok(texts)
    })?;
    for (name, text) in texts {
        let path = folder.join(name);
        let failed = |e| Error::Configuration(format!("cannot write {}: {e}", path.display()));
        std::fs::write(&path, text).map_err(failed)?;
    }
    Ok(())
}

/// How many entries there were before an instant.
fn size_at(conn: &mut Conn, before: Option<At>) -> Result<u64> {
    let filter = Filter {
        to: before,
        ..Filter::default()
    };
    let last = rows(conn, &filter, Page::Newest, 1)?;
    let last = last.first().and_then(|row| u64::try_from(row.seq).ok());
    last.map(|seq| seq + 1).ok_or_else(|| {
        Error::BadRequest("as-of: the ledger had no entry on that day yet".to_owned())
    })
}

fn words(drawn: &Drawn) -> String {
    let mut text = format!(
        "Examined: {} {}, {} with exceptions. Ledger size {}, root {}.\n",
        drawn.population,
        drawn.wanted.population.as_str(),
        drawn.excepted,
        drawn.size,
        drawn.root
    );
    for tally in &drawn.tests {
        let _ = writeln!(
            text,
            "  {}: {} hold, {} exceptions, {} not asked, {} to look at yourself",
            tally.title, tally.holds, tally.exceptions, tally.not_applicable, tally.by_hand
        );
    }
    for (title, items) in [("Exceptions", &drawn.exceptions), ("Sample", &drawn.sample)] {
        if items.is_empty() {
            continue;
        }
        let _ = writeln!(text, "{title}:");
        for item in items {
            let _ = writeln!(
                text,
                "  entry {} {} {} {}",
                item.seq, item.at, item.reference, item.outcome
            );
            for test in item.tests.iter().filter(|test| test.found()) {
                let _ = writeln!(text, "    {}: {}", test.key, test.sentence);
            }
        }
    }
    text
}

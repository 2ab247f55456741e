//! `export decisions`.
use crate::app::App;
use crate::cli::{is_stdout, open_app};
use crate::db::{At, Conn, PersonId, RecordId};
use crate::error::{Error, Result};
use crate::ledger::Filter;
use crate::ledger::download::{Format, download};
use clap::{Args, Subcommand};
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// `countersign export …`
#[derive(Debug, Args)]
pub struct Export {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The decision log, whole or filtered.
    #[command(after_help = "Example: countersign export decisions --format jsonl --out log.jsonl")]
    Decisions(Decisions),
}

#[derive(Debug, Args)]
struct Decisions {
    /// csv for spreadsheets, jsonl for `countersign verify`.
    #[arg(long, value_enum, default_value = "jsonl")]
    format: Format,
    /// File to write; - for standard output.
    #[arg(long, default_value = "-")]
    out: PathBuf,
    /// Not before this time, as 2026-01-31 or 2026-01-31T09:00:00Z.
    #[arg(long)]
    from: Option<String>,
    /// Before this time.
    #[arg(long)]
    to: Option<String>,
    /// E-mail address of who did it or whom it concerns.
    #[arg(long)]
    person: Option<String>,
    /// Key of a stage.
    #[arg(long)]
    stage: Option<String>,
    /// An outcome, such as approve.
    #[arg(long)]
    outcome: Option<String>,
    /// Reference of a record, such as AI-2026-0001.
    #[arg(long)]
    record: Option<String>,
}

impl Export {
    pub(super) fn run(self) -> Result<ExitCode> {
        let What::Decisions(wanted) = self.what;
        wanted.run(&open_app()?)
    }
}

impl Decisions {
    fn run(&self, app: &App) -> Result<ExitCode> {
        let filter = app.db.read_now(|conn| self.filter(conn, app))?;
        let count = if is_stdout(&self.out) {
            let out = BufWriter::new(std::io::stdout().lock());
            download(&app.db, &app.desk, &filter, self.format, out)?
        } else {
            self.to_file(app, &filter)?
        };
        eprintln!("{count} entries written.");
        Ok(ExitCode::SUCCESS)
    }

    /// Writes beside the target and renames at the end: a file that is there is whole.
    fn to_file(&self, app: &App, filter: &Filter) -> Result<u64> {
        let failed = |e: std::io::Error| {
            Error::Configuration(format!("cannot write {}: {e}", self.out.display()))
        };
        let part = self.out.with_extension("part");
        let mut out = BufWriter::new(std::fs::File::create(&part).map_err(failed)?);
        let count = download(&app.db, &app.desk, filter, self.format, &mut out)?;
        out.flush().map_err(failed)?;
        std::fs::rename(&part, &self.out).map_err(failed)?;
        Ok(count)
    }

    fn filter(&self, conn: &mut Conn, app: &App) -> Result<Filter> {
        Ok(Filter {
            from: self.from.as_deref().map(time).transpose()?,
            to: self.to.as_deref().map(time).transpose()?,
            person: self.person.as_deref().map(|p| person(conn, p)).transpose()?,
            stage: self.stage.clone(),
            outcome: self.outcome.clone(),
            record: self.record.as_deref().map(|r| record(conn, app, r)).transpose()?,
            kind: None,
        })
    }
}

fn time(text: &str) -> Result<At> {
    let whole = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() };
    whole.parse().map(At).map_err(|_| {
        Error::Configuration(format!("{text}: write 2026-01-31 or 2026-01-31T09:00:00Z"))
    })
}

fn person(conn: &mut Conn, email: &str) -> Result<PersonId> {
    let found = crate::people::by_email(conn, email)?;
    Ok(found.ok_or_else(|| Error::not_found("person", email))?.id)
}

fn record(conn: &mut Conn, app: &App, reference: &str) -> Result<RecordId> {
    for kind in app.desk.kinds.all() {
        if let Ok(record) = crate::register::by_reference(conn, kind.key, reference) {
            return Ok(record.id);
        }
    }
    Err(Error::not_found("record", reference))
}

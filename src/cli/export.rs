//! `export decisions`.
use crate::app::App;
use crate::cli::{is_stdout, open_app, operator};
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::ledger::Scope;
use crate::ledger::api::Asked;
use crate::ledger::download::{Extras, Format, Ready, ready};
use clap::{Args, Subcommand};
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

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
    /// csv or xlsx for spreadsheets, jsonl for `countersign verify`, package for that and for the
    /// tools of others, ocsf or cef for what watches security.
    #[arg(long, value_enum, default_value = "jsonl")]
    format: Format,
    /// With a package of the whole log: add the state of the register, for `verify --replay`.
    #[arg(long)]
    state: bool,
    /// With a package: add the private values (names, reasons, answers) of its entries, each with
    /// its salt. The export's entry says so.
    #[arg(long)]
    with_private: bool,
    /// File to write; - for standard output.
    #[arg(long, default_value = "-")]
    out: PathBuf,
    /// Not before this time, as 2026-01-31 or 2026-01-31T09:00:00Z.
    #[arg(long)]
    from: Option<String>,
    /// Before this time; a day counts whole.
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
        let filter = app
            .db
            .read_now(|conn| self.asked().filter(conn, &Scope::default()))?;
        let extras = Extras {
            state: self.state,
            private: self.with_private,
        };
        let ready = ready(app, filter, self.format, extras)?;
        let count = ready.count();
        let (entered, now) = (Arc::new(ready), app.desk.clock.now());
        let entry = entered.clone();
        let enter = move |tx: &mut Tx| entry.enter(tx, now, &operator()).map(drop);
        app.db.write_now(enter)?;
        let gone = || Error::Interrupted;
        let ready = Arc::into_inner(entered).ok_or_else(gone)?;
        if is_stdout(&self.out) {
            ready.write(BufWriter::new(std::io::stdout().lock()))?;
        } else {
            self.to_file(ready)?;
        }
        eprintln!("{count} entries written.");
        Ok(ExitCode::SUCCESS)
    }

    /// Writes beside the target and renames at the end: a file that is there is whole.
    fn to_file(&self, ready: Ready) -> Result<()> {
        let failed = |e: std::io::Error| {
            Error::Configuration(format!("cannot write {}: {e}", self.out.display()))
        };
        let part = self.out.with_extension("part");
        let mut out = BufWriter::new(std::fs::File::create(&part).map_err(failed)?);
        ready.write(&mut out)?;
        out.flush().map_err(failed)?;
        std::fs::rename(&part, &self.out).map_err(failed)
    }

    fn asked(&self) -> Asked {
        Asked {
            after: None,
            from: self.from.clone(),
            to: self.to.clone(),
            person: self.person.clone(),
            stage: self.stage.clone(),
            outcome: self.outcome.clone(),
            record: self.record.clone(),
        }
    }
}

//! `import FILE`.
use crate::cli::{open_app, read_file};
use crate::error::{Error, Result};
use crate::ledger::Actor;
use crate::ledger::entry::{Method, Via};
use crate::register::import::Mapping;
use crate::register::intake::{Intake, import};
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

/// `countersign import`: exit code 1 when rows were refused.
#[derive(Debug, Args)]
#[command(after_help = "Example: countersign import inventory.csv \
                        --mapping docs/mappings/us-omb-2024.json --dry-run")]
pub struct Import {
    /// The register, as CSV.
    file: PathBuf,
    /// How its columns become fields.
    #[arg(long)]
    mapping: PathBuf,
    /// The kind of record; must be the mapping's.
    #[arg(long)]
    kind: Option<String>,
    /// Say what would happen and keep nothing.
    #[arg(long)]
    dry_run: bool,
    /// Answer as JSON, with every problem.
    #[arg(long)]
    json: bool,
}

impl Import {
    pub(super) fn run(self) -> Result<ExitCode> {
        let name = self.mapping.display().to_string();
        let text = String::from_utf8(read_file(&self.mapping)?)
            .map_err(|_| Error::Configuration(format!("{name}: not UTF-8")))?;
        let mapping = Mapping::load(&name, &text).map_err(|problems| {
            let all: Vec<String> = problems.iter().map(ToString::to_string).collect();
            Error::Configuration(all.join("\n"))
        })?;
        if let Some(kind) = self.kind.as_ref().filter(|k| *k != mapping.kind()) {
            let held = mapping.kind();
            return Err(Error::Configuration(format!(
                "--kind {kind}: the mapping is for {held}; leave --kind out or take another mapping"
            )));
        }
        let app = open_app()?;
        let actor = Actor::system(Via::new(Method::Import, "console"));
        let intake = Intake {
            file: read_file(&self.file)?,
            mapping,
            dry_run: self.dry_run,
        };
        let bar = if self.json {
            indicatif::ProgressBar::hidden()
        } else {
            progress_bar()
        };
        let report = import(&app.db, &app.desk, &actor, intake, &|done, total| {
            bar.set_length(total);
            bar.set_position(done);
        })
        .map_err(|e| with_files(e, &self.file, &name))?;
        bar.finish_and_clear();
        if self.json {
            println!("{}", serde_json::to_string(&report)?);
        } else {
            println!("{report}");
            if self.dry_run {
                println!("This was a dry run: nothing was kept.");
            }
        }
        Ok(if report.refused > 0 {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        })
    }
}

/// What cannot be taken at all is told with the names of the two files that do not fit.
fn with_files(error: Error, file: &std::path::Path, mapping: &str) -> Error {
    match error {
        Error::BadRequest(why) => {
            Error::BadRequest(format!("{} with {mapping}: {why}", file.display()))
        }
        other => other,
    }
}

fn progress_bar() -> indicatif::ProgressBar {
    let bar = indicatif::ProgressBar::new(0);
    let style = indicatif::ProgressStyle::with_template("{wide_bar} {pos} of {len} rows");
    bar.with_style(style.unwrap_or_else(|_| indicatif::ProgressStyle::default_bar()))
}

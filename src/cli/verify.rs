//! `verify FILE` and `verify --replay`.
use crate::cli::open_app;
use crate::error::{Error, Result};
use crate::ledger::verify::{GOOD, TAMPERED, run_verify};
use crate::replay;
use clap::Args;
use std::io::BufReader;
use std::path::PathBuf;
use std::process::ExitCode;

/// `countersign verify`: exit code 0 good, 1 tampered with, 2 cannot read.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples: countersign verify decisions.jsonl\n          \
                        countersign verify --replay"
)]
pub struct Verify {
    /// A decision log exported as JSON Lines.
    #[arg(required_unless_present = "replay")]
    file: Option<PathBuf>,
    /// Rebuild the state of the register from the entries in its database, and compare.
    #[arg(long, conflicts_with = "file")]
    replay: bool,
    /// Print what a program reads.
    #[arg(long)]
    json: bool,
}

impl Verify {
    pub(super) fn run(self) -> Result<ExitCode> {
        let (code, words) = match &self.file {
            Some(file) => {
                let open = std::fs::File::open(file)
                    .map_err(|e| Error::Configuration(format!("{}: {e}", file.display())))?;
                run_verify(BufReader::new(open))
            }
            None => replayed(self.json)?,
        };
        if code == GOOD || self.json {
            println!("{words}");
        } else {
            eprintln!("{words}");
        }
        Ok(ExitCode::from(code))
    }
}

fn replayed(json: bool) -> Result<(u8, String)> {
    let app = open_app()?;
    let checked = app.db.read_now(|conn| replay::check(conn, &app.desk))?;
    let code = if checked.first.is_none() {
        GOOD
    } else {
        TAMPERED
    };
    let words = match json {
        true => serde_json::to_string(&checked)?,
        false => checked.to_string(),
    };
    Ok((code, words))
}

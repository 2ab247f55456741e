//! `verify FILE`.
use crate::error::{Error, Result};
use crate::ledger::verify::run_verify;
use clap::Args;
use std::io::BufReader;
use std::path::PathBuf;
use std::process::ExitCode;

/// `countersign verify`: exit code 0 good, 1 tampered with, 2 cannot read.
#[derive(Debug, Args)]
#[command(after_help = "Example: countersign verify decisions.jsonl")]
pub struct Verify {
    /// A decision log exported as JSON Lines.
    file: PathBuf,
}

impl Verify {
    pub(super) fn run(self) -> Result<ExitCode> {
        let file = std::fs::File::open(&self.file)
            .map_err(|e| Error::Configuration(format!("{}: {e}", self.file.display())))?;
        let (code, words) = run_verify(BufReader::new(file));
        if code == 0 {
            println!("{words}");
        } else {
            eprintln!("{words}");
        }
        Ok(ExitCode::from(code))
    }
}

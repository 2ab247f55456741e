//! `verify FILE` and `verify --replay`.
use crate::cli::open_app;
use crate::error::{Error, Result};
use crate::ledger::key::Vkey;
use crate::ledger::package::{self, Asked, Witness};
use crate::ledger::receipt::{self, Receipt};
use crate::ledger::verify::{GOOD, TAMPERED, UNREADABLE, run_verify};
use crate::replay::{self, Replaying};
use clap::Args;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// `countersign verify`: exit code 0 good, 1 tampered with, 2 cannot read.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: countersign verify decisions.zip --vkey log.vkey\n         \
                        countersign verify decisions.jsonl\n         \
                        countersign verify receipt-17.txt --vkey log.vkey\n         \
                        countersign verify --replay"
)]
pub struct Verify {
    /// A package, a decision log exported as JSON Lines, or a receipt.
    #[arg(required_unless_present = "replay")]
    file: Option<PathBuf>,
    /// The log's vkey as you were given it, or a file with vkeys, one a line; may be repeated.
    #[arg(long = "vkey")]
    vkeys: Vec<String>,
    /// A checkpoint that you kept: shows that the log of the package grew from it.
    #[arg(long, requires = "file")]
    since: Option<PathBuf>,
    /// Rebuild the state of the register from the entries and compare it: with that of the
    /// package, or without a file with that of the database.
    #[arg(long)]
    replay: bool,
    /// Print what a program reads.
    #[arg(long)]
    json: bool,
}

impl Verify {
    pub(super) fn run(self) -> Result<ExitCode> {
        let (code, words) = match &self.file {
            Some(path) => self.of_file(path)?,
            None => self.of_database()?,
        };
        if code == GOOD || self.json {
            println!("{words}");
        } else {
            eprintln!("{words}");
        }
        Ok(ExitCode::from(code))
    }

    fn of_file(&self, path: &Path) -> Result<(u8, String)> {
        let failed = |e: std::io::Error| Error::Configuration(format!("{}: {e}", path.display()));
        let mut file = BufReader::new(File::open(path).map_err(failed)?);
        let begin = file.fill_buf().map_err(failed)?;
        if begin.starts_with(b"PK") {
            return self.of_package(file);
        }
        if self.since.is_some() || self.replay {
            let why = "--since and --replay go with a package; this file is none";
            return Ok((UNREADABLE, format!("cannot verify: {why}")));
        }
        // Nothing is taken from what it claims to be.
        if Receipt::is_one(begin) {
            let mut text = Vec::new();
            let most = u64::try_from(receipt::MAX_TEXT).unwrap_or(u64::MAX);
            let read = file.take(most.saturating_add(1)).read_to_end(&mut text);
            read.map_err(failed)?;
            return Ok(receipt::run_verify(&text, &keys(&self.vkeys)?));
        }
        Ok(run_verify(file))
    }

    fn of_package(&self, file: impl Read) -> Result<(u8, String)> {
        let keys = keys(&self.vkeys)?;
        let since = self.since.as_deref().map(super::read_file).transpose()?;
        let asked = Asked {
            keys: &keys,
            since: since.as_deref(),
        };
        let (mut nobody, mut replaying) = ((), Replaying::default());
        let witness: &mut dyn Witness = match self.replay {
            true => &mut replaying,
            false => &mut nobody,
        };
        let report = match package::verify(file, &asked, witness) {
            Ok(report) => report,
            Err(refusal) => {
                let words = match self.json {
                    true => serde_json::to_string(&refusal)?,
                    false => refusal.to_string(),
                };
                return Ok((refusal.exit_code(), words));
            }
        };
        let mut words = match self.json {
            true => serde_json::to_string(&report)?,
            false => report.to_string(),
        };
        if self.replay {
            match replaying.end() {
                Ok(_) if self.json => {}
                Ok(things) => {
                    let told = format!("\nIts state of {things} things follows from its entries.");
                    words.push_str(&told);
                }
                Err(why) => return Ok((TAMPERED, format!("state.jsonl: {why}"))),
            }
        }
        Ok((GOOD, words))
    }

    fn of_database(&self) -> Result<(u8, String)> {
        let app = open_app()?;
        let checked = app.db.read_now(|conn| replay::check(conn, &app.desk))?;
        let code = match checked.first {
            None => GOOD,
            Some(_) => TAMPERED,
        };
        let words = match self.json {
            true => serde_json::to_string(&checked)?,
            false => checked.to_string(),
        };
        Ok((code, words))
    }
}

/// The keys to trust: each given as it is, or as a file.
pub(super) fn keys(given: &[String]) -> Result<Vec<Vkey>> {
    let mut keys = Vec::new();
    for one in given {
        let text = match one.parse::<Vkey>() {
            Ok(key) => {
                keys.push(key);
                continue;
            }
            // What has the shape of a key is one; its flaw says more than a missing file.
            Err(flaw) if one.matches('+').count() >= 2 => {
                return Err(Error::Configuration(format!("--vkey {one}: {flaw}")));
            }
            Err(_) => super::read_file(std::path::Path::new(one))?,
        };
        for line in String::from_utf8_lossy(&text).lines().map(str::trim) {
            if line.is_empty() {
                continue;
            }
            let key = line.parse();
            keys.push(key.map_err(|flaw| Error::Configuration(format!("{one}: {flaw}")))?);
        }
    }
    Ok(keys)
}

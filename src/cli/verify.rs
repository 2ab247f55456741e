//! `verify FILE` and `verify --replay`.
use crate::cli::open_app;
use crate::error::{Error, Result};
use crate::ledger::key::Vkey;
use crate::ledger::receipt::{self, Receipt};
use crate::ledger::verify::{GOOD, TAMPERED, run_verify};
use crate::replay;
use clap::Args;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// `countersign verify`: exit code 0 good, 1 tampered with, 2 cannot read.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples: countersign verify decisions.jsonl\n          \
                        countersign verify receipt-17.txt --vkey log.vkey\n          \
                        countersign verify --replay"
)]
pub struct Verify {
    /// A decision log exported as JSON Lines, or a receipt.
    #[arg(required_unless_present = "replay")]
    file: Option<PathBuf>,
    /// The log's vkey as you were given it, or a file with vkeys, one a line; may be repeated.
    #[arg(long = "vkey")]
    vkeys: Vec<String>,
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
            Some(file) => checked(file, &keys(&self.vkeys)?)?,
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

/// A file, held against itself and the keys.
fn checked(path: &Path, keys: &[Vkey]) -> Result<(u8, String)> {
    let failed = |e: std::io::Error| Error::Configuration(format!("{}: {e}", path.display()));
    let mut file = BufReader::new(std::fs::File::open(path).map_err(failed)?);
    // What the file claims to be; nothing is taken from it.
    if !Receipt::is_one(file.fill_buf().map_err(failed)?) {
        return Ok(run_verify(file));
    }
    let mut text = Vec::new();
    let most = u64::try_from(receipt::MAX_TEXT).unwrap_or(u64::MAX);
    let read = file.take(most.saturating_add(1)).read_to_end(&mut text);
    read.map_err(failed)?;
    Ok(receipt::run_verify(&text, keys))
}

/// The keys to trust: each given as it is, or as a file.
fn keys(given: &[String]) -> Result<Vec<Vkey>> {
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
            Err(_) => super::read_file(Path::new(one))?,
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

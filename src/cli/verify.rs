//! `verify FILE`.
use crate::error::{Error, Result};
use crate::ledger::key::Vkey;
use crate::ledger::receipt::{self, Receipt};
use crate::ledger::verify::run_verify;
use clap::Args;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::ExitCode;

/// `countersign verify`: exit code 0 good, 1 tampered with, 2 cannot read.
#[derive(Debug, Args)]
#[command(after_help = "Example: countersign verify decisions.jsonl\n         \
                  countersign verify receipt-17.txt --vkey log.vkey")]
pub struct Verify {
    /// A decision log exported as JSON Lines, or a receipt.
    file: PathBuf,
    /// The log's vkey as you were given it, or a file with vkeys, one a line; may be repeated.
    #[arg(long = "vkey")]
    vkeys: Vec<String>,
}

impl Verify {
    pub(super) fn run(self) -> Result<ExitCode> {
        let file = std::fs::File::open(&self.file)
            .map_err(|e| Error::Configuration(format!("{}: {e}", self.file.display())))?;
        let mut file = BufReader::new(file);
        let (code, words) = match is_receipt(&mut file)? {
            true => {
                let mut text = Vec::new();
                let most = u64::try_from(receipt::MAX_TEXT).unwrap_or(u64::MAX);
                let read = file.take(most.saturating_add(1)).read_to_end(&mut text);
                read.map_err(|e| Error::Configuration(format!("{}: {e}", self.file.display())))?;
                receipt::run_verify(&text, &keys(&self.vkeys)?)
            }
            false => run_verify(file),
        };
        if code == 0 {
            println!("{words}");
        } else {
            eprintln!("{words}");
        }
        Ok(ExitCode::from(code))
    }
}

/// Whether the file claims to be a receipt; nothing is taken from it.
fn is_receipt(file: &mut BufReader<std::fs::File>) -> Result<bool> {
    let begin = file
        .fill_buf()
        .map_err(|e| Error::Configuration(format!("the file cannot be read: {e}")))?;
    Ok(Receipt::is_one(begin))
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

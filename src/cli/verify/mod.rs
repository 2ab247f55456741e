//! `verify FILE`, `verify https://…` and `verify --replay`.
mod remote;

use crate::cli::open_app;
use crate::error::{Error, Result};
use crate::ledger::checkpoint::Checkpoint;
use crate::ledger::key::Vkey;
use crate::ledger::origin::Origin;
use crate::ledger::package::{self, Asked, Witness};
use crate::ledger::receipt::{self, Receipt};
use crate::ledger::verify::{GOOD, Refusal, TAMPERED, UNREADABLE, kept, live, run_verify};
use crate::replay::{self, Replaying};
use clap::Args;
use serde::Serialize;
use std::fmt::Display;
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
                        countersign verify https://register.example.org --vkey log.vkey\n         \
                        countersign verify --replay"
)]
pub struct Verify {
    /// A package, a decision log exported as JSON Lines, or a receipt; or the public address of a
    /// register whose log is to be followed.
    #[arg(required_unless_present = "replay")]
    file: Option<PathBuf>,
    /// The log's vkey as you were given it, or a file with vkeys, one a line; may be repeated.
    #[arg(long = "vkey")]
    vkeys: Vec<String>,
    /// What you kept of the log: a checkpoint, the proof in a daily mail, a receipt or an older
    /// package. Shows that the log of the package, or of the address, grew from it.
    #[arg(long, requires = "file")]
    since: Option<PathBuf>,
    /// Ask an address without TLS, where anybody on the way could answer.
    #[arg(long)]
    allow_http: bool,
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
            Some(path) => match path.to_str().filter(|text| is_address(text)) {
                Some(address) => self.of_address(address)?,
                None => self.of_file(path)?,
            },
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
            let why = "--since goes with a package or an address, --replay with a package; this \
                       file is none";
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
        let since = match self.kept(&keys)? {
            Ok(since) => since,
            Err(refusal) => return self.told(Err::<String, _>(refusal)),
        };
        let asked = Asked {
            keys: &keys,
            since: since.as_deref(),
            ..Asked::default()
        };
        let (mut nobody, mut replaying) = ((), Replaying::default());
        let witness: &mut dyn Witness = match self.replay {
            true => &mut replaying,
            false => &mut nobody,
        };
        let report = match package::verify(file, &asked, witness) {
            Ok(report) => report,
            Err(refusal) => return self.told(Err::<String, _>(refusal)),
        };
        let (_, mut words) = self.told(Ok(report))?;
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

    /// Code and words of a verdict.
    fn told<T: Serialize + Display>(&self, verdict: Verdict<T>) -> Result<(u8, String)> {
        Ok(match (verdict, self.json) {
            (Ok(report), false) => (GOOD, report.to_string()),
            (Ok(report), true) => (GOOD, serde_json::to_string(&report)?),
            (Err(refusal), false) => (refusal.exit_code(), refusal.to_string()),
            (Err(refusal), true) => (refusal.exit_code(), serde_json::to_string(&refusal)?),
        })
    }

    fn of_address(&self, address: &str) -> Result<(u8, String)> {
        let unreadable =
            |reason: String| self.told(Err::<String, _>(Refusal::Unreadable { reason }));
        if self.replay {
            let why = "--replay goes with a package or the database, not with an address";
            return unreadable(why.to_owned());
        }
        let keys = keys(&self.vkeys)?;
        if keys.is_empty() {
            let why = "a log that is served is checked with its vkey, which you should have from \
                       another place than the server: --vkey";
            return unreadable(why.to_owned());
        }
        let since = match self.kept(&keys)? {
            Ok(since) => since,
            Err(refusal) => return self.told(Err::<String, _>(refusal)),
        };
        match remote::Remote::at(address, self.allow_http) {
            Ok(mut remote) => self.told(live::verify(&mut remote, &keys, since.as_deref())),
            Err(why) => unreadable(why),
        }
    }

    /// The checkpoint in what --since names. A package is checked before it is believed.
    fn kept(&self, keys: &[Vkey]) -> Result<Verdict<Option<Vec<u8>>>> {
        let Some(path) = &self.since else {
            return Ok(Ok(None));
        };
        let failed = |e: std::io::Error| Error::Configuration(format!("{}: {e}", path.display()));
        let mut file = BufReader::new(File::open(path).map_err(failed)?);
        if file.fill_buf().map_err(failed)?.starts_with(b"PK") {
            let asked = Asked {
                keys,
                ..Asked::default()
            };
            return Ok(package::verify(file, &asked, &mut ())
                .and_then(|report| known(&report))
                .map(Some)
                .map_err(|refusal| about(refusal, path)));
        }
        let mut text = Vec::new();
        let read = file.take(kept::MAX_TEXT + 1).read_to_end(&mut text);
        read.map_err(failed)?;
        let note = kept::note(&text).map_err(|why| Refusal::Unreadable {
            reason: format!("--since {}: {why}", path.display()),
        });
        Ok(note.map(Some))
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

/// What was found, or why not.
type Verdict<T> = std::result::Result<T, Refusal>;

fn is_address(text: &str) -> bool {
    text.starts_with("https://") || text.starts_with("http://")
}

/// The checkpoint of a package that holds.
fn known(report: &package::Report) -> Verdict<Vec<u8>> {
    let origin = Origin::new(&report.origin).map_err(|flaw| Refusal::Unreadable {
        reason: flaw.to_string(),
    })?;
    let checkpoint = Checkpoint {
        origin,
        size: report.size,
        root: report.root,
    };
    Ok(checkpoint.text().into_bytes())
}

/// A refusal of the older package, so that nobody takes it for one of the newer.
fn about(refusal: Refusal, path: &Path) -> Refusal {
    let named = |place: String| format!("--since {}, {place}", path.display());
    match refusal {
        Refusal::Broken { place, seq, reason } => Refusal::Broken {
            place: named(place),
            seq,
            reason,
        },
        Refusal::Unreadable { reason } => Refusal::Unreadable {
            reason: named(reason),
        },
        other => other,
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

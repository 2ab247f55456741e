//! `key new`, `key show`, `key rotate`, `key retire`, `key new-log`.
use crate::app::App;
use crate::cli::{open_app, operator};
use crate::error::Result;
use crate::ledger::checkpoint::Checkpoint;
use crate::ledger::seal::{self, Keys, Signed};
use clap::{Args, Subcommand};
use serde_json::json;
use std::process::ExitCode;

/// `countersign key …`
#[derive(Debug, Args)]
pub struct Key {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make the log's first signing key, in the file that COUNTERSIGN_SIGNING_KEY_FILE names.
    #[command(
        after_help = "Example: COUNTERSIGN_SIGNING_KEY_FILE=/etc/countersign/signing.key \
                            countersign key new"
    )]
    New,
    /// Show the vkey that auditors verify with, and whether the log may be signed.
    #[command(after_help = "Example: countersign key show --json")]
    Show {
        /// Answer as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Make another key; both sign until the old one is retired.
    #[command(after_help = "Example: countersign key rotate")]
    Rotate,
    /// Have the newest key sign alone.
    #[command(after_help = "Example: countersign key retire")]
    Retire,
    /// Go on under a new name with a new key, after the database was restored or the lock lost.
    #[command(after_help = "Example: countersign key new-log --origin register.example.org/log/2")]
    NewLog {
        /// The new name; by default the old one with the next number.
        #[arg(long)]
        origin: Option<String>,
    },
}

impl Key {
    pub(super) fn run(self) -> Result<ExitCode> {
        let app = open_app()?;
        match self.action {
            Action::New => {
                let first = seal::create(&app, &operator())?;
                println!("The log {} is signed from now on.", first.origin);
                tell(&app, &first)?;
            }
            Action::Show { json } => return show(&app, json),
            Action::Rotate => {
                let keys = seal::rotate(&app, &operator())?;
                println!(
                    "Both keys sign now. The new one's vkey:\n{}",
                    keys.newest().vkey()
                );
                println!("When everybody has it: countersign key retire");
            }
            Action::Retire => {
                let keys = seal::retire(&app, &operator())?;
                println!("This key signs alone now:\n{}", keys.newest().vkey());
            }
            Action::NewLog { origin } => {
                let continued = seal::continue_log(&app, &operator(), origin.as_deref())?;
                let new = &continued.checkpoint;
                println!("The log goes on as {}.", new.origin);
                for aside in continued.set_aside {
                    println!("Kept of the old one: {}", aside.display());
                }
                if !app.config.log_origin.is_empty() {
                    println!("Set COUNTERSIGN_LOG_ORIGIN to {} as well.", new.origin);
                }
                tell(&app, new)?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn tell(app: &App, checkpoint: &Checkpoint) -> Result<()> {
    for vkey in app.db.read_now(seal::vkeys)? {
        println!("Give auditors this vkey, by another way than this server:\n{vkey}");
    }
    println!("First checkpoint: {} entries.", checkpoint.size);
    println!("Keep the lock file out of every backup of the database.");
    Ok(())
}

fn show(app: &App, as_json: bool) -> Result<ExitCode> {
    let vkeys = match app.sealer.paths() {
        Some(paths) => Keys::must(paths)?.vkeys(),
        None => app.db.read_now(seal::vkeys)?,
    };
    let vkeys: Vec<String> = vkeys.iter().map(ToString::to_string).collect();
    let examined = seal::examine(app)?;
    let (state, size, why) = match &examined {
        None => ("unsigned", None, None),
        Some(Signed::Refused(why)) => ("refused", None, Some(why.as_str())),
        Some(Signed::Before(last) | Signed::Now(last)) => ("signed", Some(last.size), None),
    };
    if as_json {
        println!(
            "{}",
            json!({ "vkeys": vkeys, "state": state, "size": size, "why": why })
        );
    } else {
        vkeys.iter().for_each(|vkey| println!("{vkey}"));
        match (size, why) {
            (_, Some(why)) => println!("Nothing is signed: {why}"),
            (Some(size), None) => println!("Signed up to {size} entries."),
            (None, None) => println!("COUNTERSIGN_SIGNING_KEY_FILE is empty: nothing is signed."),
        }
    }
    Ok(match why {
        Some(_) => ExitCode::FAILURE,
        None => ExitCode::SUCCESS,
    })
}

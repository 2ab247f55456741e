//! `calendar keep FILE`, `calendar list`, `calendar show KEY`.
use crate::calendar::{self, Document};
use crate::cli::{open_app, operator, read_file};
use crate::error::{Error, Result};
use crate::workflow::Problem;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;

/// `countersign calendar …`
#[derive(Debug, Args)]
pub struct CalendarCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Keep a calendar file as the next version: what is reckoned from now on goes by it.
    #[command(after_help = "Example: countersign calendar keep calendars/head_office.json")]
    Keep(Keep),
    /// List the calendars in force.
    #[command(after_help = "Example: countersign calendar list --json")]
    List {
        /// Answer as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print the document of a calendar.
    #[command(after_help = "Example: countersign calendar show head_office > head_office.json")]
    Show(Show),
}

#[derive(Debug, Args)]
struct Keep {
    /// The calendar, as JSON.
    file: PathBuf,
    /// Answer as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Show {
    /// Short name of the calendar.
    key: String,
    /// Another version than the one in force.
    #[arg(long = "version", value_name = "N")]
    number: Option<i32>,
}

impl CalendarCommand {
    pub(super) fn run(self) -> Result<ExitCode> {
        match self.action {
            Action::Keep(keep) => keep.run(),
            Action::List { json } => list(json),
            Action::Show(show) => show.run(),
        }
    }
}

impl Keep {
    fn run(self) -> Result<ExitCode> {
        let name = self.file.display().to_string();
        let text = String::from_utf8(read_file(&self.file)?)
            .map_err(|_| Error::Configuration(format!("{name}: not UTF-8")))?;
        let document = match Document::load(&name, &text) {
            Ok(document) => document,
            Err(problems) => {
                self.say_bad(&problems);
                return Ok(ExitCode::FAILURE);
            }
        };
        let app = open_app()?;
        let (now, value) = (app.desk.clock.now(), serde_json::from_str(&document.text)?);
        let keep = move |tx: &mut crate::db::Tx| calendar::keep(tx, now, &operator(), &value);
        let version = app.db.write_now(keep)?;
        let (key, hash) = (&document.calendar.key, &document.hash);
        if self.json {
            let answer = json!({ "good": true, "key": key, "version": version, "hash": hash });
            println!("{answer}");
        } else {
            println!("{key}: version {version} is in force, sha256 {hash}");
        }
        Ok(ExitCode::SUCCESS)
    }

    fn say_bad(&self, problems: &[Problem]) {
        if self.json {
            println!("{}", json!({ "good": false, "problems": problems }));
        } else {
            problems.iter().for_each(|problem| eprintln!("{problem}"));
        }
    }
}

fn list(as_json: bool) -> Result<ExitCode> {
    let mut heads = open_app()?.db.read_now(calendar::versions)?;
    heads.dedup_by(|older, newer| older.key == newer.key);
    for head in heads {
        if as_json {
            let row = json!({ "key": head.key, "version": head.version, "title": head.title,
                              "hash": head.hash, "kept_at": head.kept_at.to_string() });
            println!("{row}");
        } else {
            println!("{}  version {}  {}", head.key, head.version, head.title);
        }
    }
    Ok(ExitCode::SUCCESS)
}

impl Show {
    fn run(self) -> Result<ExitCode> {
        let text = open_app()?.db.read_now(|conn| {
            let newest = calendar::versions_of(conn, &self.key)?;
            let newest = newest.first().map_or(0, |head| head.version);
            let number = self.number.unwrap_or(newest);
            Ok(calendar::source(conn, &self.key, number)?.1)
        })?;
        let document: Value = serde_json::from_str(&text)?;
        println!("{}", serde_json::to_string_pretty(&document)?);
        Ok(ExitCode::SUCCESS)
    }
}

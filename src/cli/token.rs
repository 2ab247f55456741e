//! `token create`.
use crate::cli::{open_app, operator};
use crate::db::At;
use crate::error::{Error, Result};
use crate::people;
use clap::{Args, Subcommand};
use std::process::ExitCode;
use std::time::Duration;

/// `countersign token …`
#[derive(Debug, Args)]
pub struct Token {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a token that acts as a person; it is shown once.
    #[command(
        after_help = "Example: countersign token create --person ann@example.org \
                            --scope read,write --days 90"
    )]
    Create(Create),
}

#[derive(Debug, Args)]
struct Create {
    /// E-mail address of the person it acts as.
    #[arg(long)]
    person: String,
    /// What it may do: read, write, decide, log, people.
    #[arg(long, value_delimiter = ',', required = true)]
    scope: Vec<String>,
    /// Days until it expires.
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u16).range(1..=366))]
    days: u16,
}

impl Token {
    pub(super) fn run(self) -> Result<ExitCode> {
        let Action::Create(create) = self.action;
        let app = open_app()?;
        let now: At = app.desk.clock.now();
        let expires_at = now.plus(Duration::from_secs(u64::from(create.days) * 86_400));
        let secret = app.db.write_now(move |tx| {
            let person = people::by_email(tx, &create.person)?
                .ok_or_else(|| Error::not_found("person", &create.person))?;
            let scopes = &create.scope;
            people::create_token(tx, now, &operator(), person.id, scopes, Some(expires_at))
        })?;
        println!("{}", secret.reveal());
        eprintln!("Keep it now: it is not shown again. It expires on {expires_at}.");
        Ok(ExitCode::SUCCESS)
    }
}

//! `bounce`: what a mail server's pipe hands over.
use crate::cli::{open_app, operator};
use crate::error::{Error, Result};
use crate::notify::returns::{self, Return};
use crate::review;
use clap::Args;
use std::process::ExitCode;

/// What mail servers take for "try again later" (sysexits.h): the bounce is kept and comes again.
const TEMPORARY_FAILURE: u8 = 75;

/// `countersign bounce`
#[derive(Debug, Args)]
#[command(after_help = "Example: countersign bounce < message.eml\n\n\
                        As a pipe of Postfix: countersign bounce --recipient ${recipient}")]
pub struct Bounce {
    /// The address it was delivered to, where the message does not say so itself.
    #[arg(long)]
    recipient: Option<String>,
}

impl Bounce {
    pub(super) fn run(self) -> Result<ExitCode> {
        match self.take_in() {
            Ok(found) => {
                println!("{}", said(found));
                Ok(ExitCode::SUCCESS)
            }
            Err(error) if matches!(error, Error::Unavailable(_) | Error::Database(_)) => {
                eprintln!("countersign: {error}");
                Ok(ExitCode::from(TEMPORARY_FAILURE))
            }
            Err(error) => Err(error),
        }
    }

    fn take_in(self) -> Result<Return> {
        let bytes = returns::read_bounded(std::io::stdin())
            .map_err(|e| Error::Unavailable(format!("standard input: {e}")))?;
        let app = open_app()?;
        let found = returns::take_in(&app, &bytes, self.recipient.as_deref())?;
        if found == Return::Lost {
            review::look_again_now(&app.db, &app.desk, &operator());
        }
        Ok(found)
    }
}

fn said(found: Return) -> &'static str {
    match found {
        Return::Nothing => "no report about a mail of ours, or one that is known: nothing changed",
        Return::Late => "a mail is late; noted",
        Return::Bounced => "a mail did not arrive; noted",
        Return::Lost => "a mail did not arrive: its person is not reachable by mail any more",
    }
}

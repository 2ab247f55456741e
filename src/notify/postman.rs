//! Who carries letters away: a mail server, the demo's mailbox, or nobody.
use crate::config::Config;
use crate::db::MessageId;
use crate::error::Result;
use crate::notify::letter::Letter;
use crate::notify::smtp::Smtp;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Most letters the demo's mailbox keeps.
pub const MAILBOX_MAX: usize = 500;

/// Why a letter was not handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The server cannot be reached or does not let us in; no letter would fare better.
    Server(String),
    /// Not now, or nobody knows: to be tried again.
    Later(String),
    /// This message never.
    Never(String),
    /// Nothing to this person: the status, and what the server said.
    Lost(String, String),
}

/// The way letters leave.
#[derive(Debug, Clone)]
pub enum Postman {
    /// Through a mail server.
    Smtp(Arc<Smtp>),
    /// Into a mailbox in memory, for the demo.
    Mailbox(Mailbox),
    /// Nowhere: messages wait until a server is configured.
    Nobody,
}

impl Postman {
    /// The mail server of `COUNTERSIGN_SMTP_URL`, or nobody when that is empty.
    ///
    /// # Errors
    /// [`crate::error::Error::Configuration`] when the setting cannot be understood.
    pub fn new(config: &Config) -> Result<Postman> {
        match config.smtp_url.trim() {
            "" => Ok(Postman::Nobody),
            url => Ok(Postman::Smtp(Arc::new(Smtp::new(url)?))),
        }
    }

    /// The longest that handing one letter over can take.
    pub(super) fn patience(&self) -> Duration {
        match self {
            Postman::Smtp(smtp) => smtp.patience(),
            Postman::Mailbox(_) | Postman::Nobody => Duration::ZERO,
        }
    }

    /// Makes ready for one letter. Asked before a link is made, so that an hour without a server
    /// leaves no links behind.
    pub(super) async fn ready(&self) -> std::result::Result<Counter<'_>, Failure> {
        match self {
            Postman::Smtp(smtp) => Ok(Counter::Smtp(smtp, Box::new(smtp.open().await?))),
            Postman::Mailbox(mailbox) => Ok(Counter::Mailbox(mailbox)),
            Postman::Nobody => Err(Failure::Server("no mail server is configured".to_owned())),
        }
    }
}

/// Where one letter can be handed over now.
pub(super) enum Counter<'a> {
    Smtp(&'a Smtp, Box<AsyncSmtpConnection>),
    Mailbox(&'a Mailbox),
}

impl Counter<'_> {
    /// Hands the letter over.
    pub(super) async fn take(self, letter: Letter) -> std::result::Result<(), Failure> {
        match self {
            Counter::Smtp(smtp, connection) => smtp.deliver(*connection, &letter).await,
            Counter::Mailbox(mailbox) => {
                mailbox.put(letter);
                Ok(())
            }
        }
    }
}

/// The demo's mailbox: the last letters as a server would have got them, gone with the process.
#[derive(Debug, Clone, Default)]
pub struct Mailbox(Arc<Mutex<VecDeque<Arc<Letter>>>>);

impl Mailbox {
    /// The letters, the newest first.
    pub fn list(&self) -> Vec<Arc<Letter>> {
        self.0
            .lock()
            .map(|all| all.iter().cloned().collect())
            .unwrap_or_default()
    }

    /// One letter.
    pub fn get(&self, id: MessageId) -> Option<Arc<Letter>> {
        self.0
            .lock()
            .ok()?
            .iter()
            .find(|letter| letter.cover.id == id)
            .cloned()
    }

    fn put(&self, letter: Letter) {
        if let Ok(mut all) = self.0.lock() {
            all.push_front(Arc::new(letter));
            all.truncate(MAILBOX_MAX);
        }
    }
}

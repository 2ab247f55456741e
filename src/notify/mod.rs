//! Messages: owed in the transaction of the change, sent after it, never inside it.
//!
//! [`outbox`] holds what is owed. A [`Worker`] takes it from there: it looks whether the message
//! is still wanted and what is true now (`mail`), makes the link, builds the message (`letter`)
//! and hands it to the [`Postman`]. Nobody who decides waits for any of it.
mod breaker;
mod case;
mod letter;
pub mod links;
mod mail;
pub mod outbox;
mod postman;
mod smtp;
mod smtp_url;
mod worker;

pub use letter::{Cover, Letter};
pub use postman::{MAILBOX_MAX, Mailbox, Postman};
pub use smtp::Smtp;
pub use worker::Worker;

//! Messages: owed in the transaction of the change, sent after it, never inside it.
//!
//! [`outbox`] holds what is owed. A [`Worker`] takes it from there: it looks whether the message
//! is still wanted and what is true now (`mail`), makes the link, builds the message (`letter`)
//! and hands it to the [`Postman`]. Nobody who decides waits for any of it.
pub mod api;
mod bounce;
mod breaker;
mod case;
mod catalogue;
pub mod digest;
mod feed;
mod given;
mod ics;
mod letter;
pub mod links;
mod mail;
mod notices;
pub mod outbox;
pub mod page;
mod postman;
pub mod returns;
mod smtp;
mod smtp_url;
mod status;
mod timetable;
mod worker;

pub use letter::{Cover, Letter, Thread};
pub use postman::{MAILBOX_MAX, Mailbox, Postman};
pub use smtp::Smtp;
pub use timetable::Timetable;
pub use worker::{Worker, look_again};

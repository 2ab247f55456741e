//! Files that show something: a test report, a certificate, a plan.
//!
//! What it promises:
//! - A file is kept under the SHA-256 of its content. Digest, size and type stand in the entry that
//!   refers to it; its name lies beside that entry, where it can be erased.
//! - A file is taken when its content is of a kind on the list, its name ends accordingly, it is
//!   not too large and the scanner, where there is one, lets it pass. Otherwise nothing is left.
//! - The content lies on the disk before the transaction that refers to it ends; what no entry
//!   refers to is swept away after a day.
//! - Only whoever may see the record that a file belongs to can fetch it, and it is never shown
//!   inside of a page.
//! - An erased file is gone and its digest stays, so that it is told from one that is missing.

mod folder;
pub mod form;
mod kind;
mod name;
pub mod page;
mod scan;
mod store;
mod sweep;
mod take;
mod zip;

pub use folder::folder;
pub use form::Form;
pub use kind::{ENDINGS, Kind};
pub use store::{File, append, check, erase, file, of_entries};
pub use sweep::{UNUSED, sweep};
pub use take::{Rules, Taken, take};

use crate::error::Error;
use crate::form::FieldError;

/// The name that forms and problems have for a file.
pub const FIELD: &str = "file";

/// A refusal of a file.
fn refused(sentence: impl Into<String>) -> Error {
    Error::Invalid(vec![FieldError::new(FIELD, "other", sentence.into())])
}

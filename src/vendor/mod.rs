//! Vendors: what depends on them, and what happens when something changes there.
//!
//! What it promises:
//! - A use case depends on a vendor when it names it, by its reference or its name, or names a tool
//!   of it; found by an index, however many use cases there are.
//! - Anybody may report a change. It counts once somebody who keeps vendors says so.
//! - Then every use case that depends on the vendor is reviewed again: those that are approved get
//!   a review of what is approved, those under review begin anew or go on in the knowledge of it.
//!   Approvals stay in force meanwhile, but nobody is told any more that they may simply use it.
//! - Each such review begins once, however often the program dies in between.
//! - It ends with the reviews: approved is as before, what is rejected is approved no longer.
mod again;
pub mod api;
mod change;
mod dependants;
mod letters;
pub mod page;
mod refusal;
mod reminders;
mod standing;
mod store;
mod view;

pub use again::{Next, began, changes_at, ended, next, open_due, open_due_now};
pub use change::{
    Area, Given, Reported, area_words, close, confirm, dismiss, keeps_vendors, report, words,
};
pub use dependants::{Spelled, dependants, supplied};
pub use letters::{DUE, RE_REVIEW, REPORTED, tell};
pub use refusal::Refusal;
pub use reminders::remind;
pub use standing::standings;
pub use store::{
    Case, CaseState, Change, OpenChange, State, case_digest, cases, change, changes, open_changes,
    under_change,
};
pub use view::{RecordNote, notes, record_note};

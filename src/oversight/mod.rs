//! Human review: when it is required, who oversees, and what they found.
//!
//! What it promises:
//! - When a human must review a use case, and how much, is said by rules in force over its answers.
//! - Who oversees a use case is named, with how they step in and stop it; naming anew replaces it,
//!   and nothing of before is lost.
//! - Only who is named records what they looked at, and only as long as they are named.
//! - What was recorded never changes; who recorded it takes it back by an entry with a reason, and
//!   it stays to be read.
//! - The share that was overridden is computed, never typed, and whoever the rule names hears of it
//!   when it passes the threshold.
//!
//! Rules and judgement are pure. Texts lie beside their entries, where they can be erased.

pub mod api;
mod arrange;
mod document;
mod judge;
mod kind;
pub mod page;
mod refusal;
mod round;
mod samples;
mod standing;
mod store;
mod view;

pub use arrange::{Named, arrange, may_arrange};
pub use document::{Extent, Rule, RuleBook, SCHEMA};
pub use judge::{Judged, Looked, State, judge, share};
pub use kind::{KIND, TEMPLATE};
pub use refusal::Refusal;
pub use round::{MAIL, SOON_DAYS, make as make_round, tell};
pub use samples::{Given, record, withdraw};
pub use standing::standings;
pub use store::{Arranged, Line, Overseen, Sample, overseen, overseen_of, sample};

/// The kind of records that humans review.
pub const USE_CASE: &str = "use_case";

//! Tests as gates: what a use case has to show before it is piloted or goes live.
//!
//! What it promises:
//! - Which tests a use case needs is said by test plans in force, by rules over its answers.
//! - Whether a value passes is computed, never typed; the newest test counts, also one that failed.
//! - A result counts no longer than the plan allows, and never after the day it says itself.
//! - No revision that a person writes marks a use case as piloted or live while a gate before that
//!   step is open. An import states what is so already; the gates then show as open.
//! - A waiver is an approval: asked for with a reason and a last day, granted by a second person
//!   whose role the plan names and who has no part in the use case.
//! - Results and waivers never change; what is private of them lies beside their entries.
//!
//! Plan, amount and judgement are pure.

mod amount;
pub mod api;
mod deed;
mod document;
mod judge;
mod kind;
mod lifecycle;
pub mod page;
mod refusal;
mod round;
mod standing;
mod store;
mod view;
mod waiver;

pub use amount::Amount;
pub use deed::{Given, may_record, record};
pub use document::{Comparison, Gate, OWNER, Plan, SCHEMA, Step};
pub use judge::{Judged, State, Tested, counts_until, judge};
pub use kind::{KIND, TEMPLATE};
pub use lifecycle::{Moved, blocking, door, move_to};
pub use refusal::Refusal;
pub use round::{MAIL, SOON_DAYS, make as make_round, tell};
pub use standing::standings;
pub use store::{Line, Needed, Recorded, Waiver, lines, lines_of, waiver};
pub use waiver::{Settling, WAIVER_DAYS, ask, settle};

/// The kind of records that have gates.
pub const USE_CASE: &str = "use_case";

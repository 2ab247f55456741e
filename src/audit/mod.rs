//! The auditor's desk: what was decided, examined as a whole and by sample, and the register as it
//! stood on a day.
//!
//! `exam` is pure and reads entries alone; see there for the tests and for how samples are drawn.
//! Looking changes nothing. Work papers that are taken away leave an entry.
pub mod api;
mod as_of;
mod asked;
mod draw;
pub mod exam;
mod packaged;
pub mod page;
mod papers;
mod take;
mod view;

pub use asked::{Asked, SAMPLE_MAX, Wanted};
pub use draw::{Drawn, LISTED_MAX, Tally, draw};
pub use packaged::examine;
pub use take::note;

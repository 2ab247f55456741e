//! Countersign: the register where an organisation answers, for every AI use case, who approved
//! what, with which data, under which conditions, and proves it.
#![forbid(unsafe_code)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]
#![warn(missing_docs)]

pub mod ledger;
pub mod register;
pub mod workflow;

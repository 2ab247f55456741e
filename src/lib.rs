//! Countersign: the register where an organisation answers, for every AI use case, who approved
//! what, with which data, under which conditions, and proves it.
//!
//! In reading order: `register` holds records and their revisions, `workflow` the rules of a
//! review, `calendar` says when work is done, `review` runs it, `ledger` remembers it, `notify`
//! tells people, `web` and `cli` let them in. Every change goes through one door, `db`.
#![forbid(unsafe_code)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]
#![warn(missing_docs)]

pub mod app;
pub mod audit;
pub mod calendar;
pub mod catalogue;
pub mod cli;
pub mod clock;
pub mod config;
pub mod db;
pub mod erasure;
pub mod error;
pub mod evidence;
pub mod finding;
pub mod form;
pub mod gates;
pub mod ledger;
pub mod notify;
pub mod oversight;
pub mod overview;
pub mod people;
pub mod policy;
pub mod questionnaire;
pub mod register;
pub mod replay;
pub mod review;
pub mod risk;
pub mod rules;
pub mod templates;
pub mod vendor;
pub mod web;
pub mod workflow;

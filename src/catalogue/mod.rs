//! What is there to use: tools with what the data-use policy says of them, and approvals that
//! other teams may join.
//!
//! What joining promises:
//! - Whoever joins stays within what was approved: data, uses, tool, effect on people. Whatever
//!   lies outside is named, and a request for it is offered filled in.
//! - What joined is worth what the approval is worth, on every day anew: nothing of that is
//!   copied. An edit that leads outside ends it.
//! - Who joined something can be joined by nobody; who approved or owns it may close it.
//!
//! `bounds` is pure.
pub mod api;
mod bounds;
pub mod joins;
pub mod page;
pub mod reminders;
mod spend;
mod store;
mod tools;
mod worth;

pub use bounds::{Outside, outside};
pub use store::{Join, join_of, joins_of, owners_of};
pub use tools::{documents, policy};
pub use worth::{Base, Joined, Worth, joined, joined_among, missed};

//! The catalogue as pages: the list, one tool, what is paid twice, and joining an approval.
mod join;
mod list;
mod tool;

pub use join::{ask, join, limit};
pub use list::{list, spend};
pub use tool::{listed, tool};

pub(super) use list::wanted;

//! Policies as pages: the question and its answer, the table and its rules.
mod answers;
mod matrix;

pub use answers::{accept, ask, keep, kept_answer, read};
pub use matrix::{policies, policy, rule, version};

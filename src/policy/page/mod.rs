//! Policies as pages: the question and its answer, the table, rules, and drafts.
mod answers;
mod drafts;
mod matrix;

pub use answers::{accept, ask, keep, kept_answer, read};
pub(super) use drafts::{Place, authors, done};
pub use drafts::{begin, deed, draft, list as draft_list, save};
pub use matrix::{policies, policy, rule, version};

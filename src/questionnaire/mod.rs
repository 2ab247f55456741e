//! Questionnaires: questions with points, some shown only after certain answers, and what the
//! points come to.
//!
//! What it promises:
//! - A version never changes; answers are scored by the version that was answered.
//! - What is not shown is neither asked nor counted.
//! - Scores are whole numbers; nothing is rounded but where the document says so.
//!
//! All of it is pure but for the kind of rules.

mod convert;
mod document;
mod kind;
mod score;

pub use convert::{Said, convert};
pub use document::{
    Kind, Level, Lowered, MAX_BYTES, Opt, Outcome, Question, Questionnaire, SCHEMA, ScoreKey,
    Section, Shown,
};
pub use kind::{KIND, TEMPLATE};
pub use score::{Answers, Given, Points, Reached, Scored, Wrong, read_answers};

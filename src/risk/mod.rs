//! Risk: nine areas, likelihood times impact, before and after what is done about it; what a law
//! makes of a use case; who has to answer when much risk is left.
//!
//! What it promises:
//! - How scores become levels, which tier follows and why, who is told and what a law says is in a
//!   document of rules with days and sources, not in this program.
//! - An assessment never changes; it belongs to the revision that was assessed, and one of before
//!   counts no more when the content is another.
//! - Less risk is left than there was only where it is said what was done about it.
//! - Where the rules say so, one person of a role answers for what is left: never who assessed it,
//!   nor anybody with a part in the use case.
//!
//! Rules and judgement are pure. Texts lie beside their entries, where they can be erased.

pub mod api;
mod assess;
mod document;
mod form;
mod judge;
mod kind;
mod map;
pub mod page;
mod refusal;
mod round;
mod settle;
mod standing;
mod store;
mod view;

pub use assess::{AreaGiven, Given, assess, may_assess};
pub use document::{
    Class, EscalationRule, Level, Levels, Question, RiskRules, Role, SCHEMA, ScreeningRule, Tier,
};
pub use judge::{Answer, Answers, Fired, Hit, Judged, Score, Scores, Screened, judge, screen};
pub use kind::{KIND, TEMPLATE};
pub use map::{Cell, Measure, map};
pub use refusal::Refusal;
pub use round::{MAIL, SOON_DAYS, make as make_round, tell};
pub use settle::{LONGEST, Settling, settle};
pub use standing::{areas, escalations};
pub use store::{Assessed, Assessment, Escalation, areas_of_all, assessed, escalation};

/// The kind of records that are assessed.
pub const USE_CASE: &str = "use_case";

//! Workflows: which stages a record passes, who decides in them, and under which conditions.
//!
//! Pure. A definition comes in as text through [`Bundle::load`], which refuses everything that
//! could surprise somebody later, and names the place. From then on the type promises:
//! - every stage can be reached and every `needs` ends; every seat has somebody to fall back to;
//! - a condition reads only fields that exist, with values that exist, and its cost is bounded;
//! - a condition that still cannot be answered makes its stage required, never skipped;
//! - the text and its hash say all of it: workflow and stage forms.

mod checker;
mod compare;
mod condition;
mod conditions;
mod definition;
mod diagram;
mod dry_run;
mod examine;
mod format;
mod layout;
mod length;
mod lint;
mod load;
mod problem;
mod reads;
mod staffing;
mod types;
mod verdict;

#[cfg(test)]
mod tests;

pub use compare::{Change, compare};
pub(crate) use condition::Condition;
pub use definition::{
    Case, Delegation, Derive, DeriveKind, Effect, Email, Escalation, EscalationByTime, Link, Mode,
    Need, Obligations, OnChange, OnMissed, OnReject, OnTimeout, Outcome, Override, Party, Pause,
    Relation, Renewal, Seat, Separation, Sla, Stage, StageKind, Trigger, Validity, Who, Workflow,
};
pub use diagram::{Edge, Flow, Line, Mark, Shape, Standing, Step, flow, svg};
pub use dry_run::{Asked, DryRun, Limits, Route, Row, Uncovered, dry_run};
pub use examine::{Examination, examine};
pub use format::SCHEMA;
pub(crate) use format::{Format, MAX_PROBLEMS, typed};
pub use layout::laid_out;
pub use load::Bundle;
pub use problem::{MAX_BYTES, Problem, Severity};
pub(crate) use problem::{Source, did_you_mean};
pub use staffing::{ASKED_MAX, Colleague, HolidaysStated, Staffing, short_staffed};
pub use verdict::{Derived, Inputs, StageResult, Verdict};

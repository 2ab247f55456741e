//! The engine of a review: pure functions from state and command to events or a refusal.
//!
//! A review is one run of one workflow version on one record. What it promises: nobody decides
//! what they submitted, own or edited; a person counts once in a stage; a stage is decided once
//! per epoch, by those who were asked; a decision belongs to the revision that was shown; a
//! recusal never counts; a stage opens only when what it needs is settled and closes with the
//! decision that meets its need; a seat nobody is left to fill falls back; no clock ever approves;
//! an override takes two people without a part in the record; a refused command changes nothing.
//!
//! The engine knows no database, no clock and no randomness: time, people and content come in
//! as arguments, so that the ledger can be replayed years later.
mod clock;
mod command;
mod event;
mod people;
mod refusal;
mod seats;
mod stages;
mod standing;
mod state;

pub use clock::{Calendars, Clock, Step, Timer, timers};
pub use command::{
    Command, Context, Decision, Handover, Opening, Resubmission, decide, needs_sign_in, open,
    opened, would_take,
};
pub use event::{
    Cause, Condition, Escalated, Event, Moved, Opened, RejectedBecause, RevokedBecause,
    SupersededBecause,
};
pub use refusal::Refusal;
pub use seats::{
    Directory, Fitting, Forecast, Needed, OpenTask, crowded, fitting, forecast, lines, named,
    open_tasks, vacant,
};
pub use standing::{
    ApprovalDeed, ConditionDeed, Obligation, ObligationState, OverrideDeed, Overriding,
};
pub use state::{Owed, Phase, Pin, Progress, Review, SeatRun, StageRun, Suspended, merge};

/// Longest reason or withdrawal text, in characters.
pub const REASON_MAX: usize = 4000;
/// Longest text of one condition, in characters.
pub const CONDITION_MAX: usize = 1000;
/// Most conditions on one decision.
pub const CONDITIONS_MAX: usize = 10;

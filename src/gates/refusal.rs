//! Why a test, a waiver or a move stays undone. Each variant's sentence is what is read.

/// A refused deed about gates.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Gates before the step do not let pass.
    #[error("it cannot be {step} while these tests are open: {}", titles.join("; "))]
    GatesOpen {
        /// The step.
        step: &'static str,
        /// The gates.
        titles: Vec<String>,
    },
    /// Without an approval nothing is piloted or goes live.
    #[error("it is {0}; have it approved before it is piloted or goes live")]
    NotApproved(&'static str),
    /// Decisions belong to the revision that was shown.
    #[error("its review runs; move it when the review has ended")]
    UnderReview,
    /// It does not belong to whoever does it.
    #[error("only who submitted it or answers for it does this")]
    NotYours,
    /// The plan names others.
    #[error("this test is recorded by {0}; you are none of them")]
    NotARecorder(String),
    /// The plan lets nobody waive it.
    #[error("the test plan lets nobody waive this test")]
    NotWaivable,
    /// There is one already.
    #[error("a waiver of this test waits or holds already")]
    WaiverThere,
    /// It was settled before.
    #[error("this waiver was settled already")]
    WaiverSettled,
    /// A waiver takes a second person.
    #[error(
        "who submitted, owns or edited the use case, or asked for the waiver, does not grant it"
    )]
    OwnWaiver,
    /// Not the role.
    #[error("this waiver is granted by {0}; you do not hold that role")]
    NotAGranter(String),
}

impl Refusal {
    /// Stable name for API callers.
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::GatesOpen { .. } => "gates-open",
            Refusal::NotApproved(_) => "not-approved",
            Refusal::UnderReview => "under-review",
            Refusal::NotYours => "not-yours-to-move",
            Refusal::NotARecorder(_) => "not-a-recorder",
            Refusal::NotWaivable => "not-waivable",
            Refusal::WaiverThere => "waiver-exists",
            Refusal::WaiverSettled => "waiver-settled",
            Refusal::OwnWaiver => "own-waiver",
            Refusal::NotAGranter(_) => "not-a-granter",
        }
    }

    /// HTTP status: who may not, or the state of things.
    pub fn status(&self) -> u16 {
        match self {
            Refusal::NotYours
            | Refusal::NotARecorder(_)
            | Refusal::OwnWaiver
            | Refusal::NotAGranter(_) => 403,
            _ => 409,
        }
    }
}

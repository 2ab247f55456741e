//! Why something is not erased, or not kept. Each variant's sentence is what is read.

/// A refused step of an erasure, a legal hold or a retention rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It takes two people, neither of them the person.
    #[error("{0}; it takes two administrators, and neither may be the person")]
    SameEyes(&'static str),
    /// Who is here is still asked and mailed.
    #[error("{0} is still here; note that they left first")]
    StillHere(String),
    /// Nothing is left to erase.
    #[error("the data of this person was erased already")]
    ErasedAlready,
    /// One proposal at a time.
    #[error("this was proposed already; agree to it or decline it")]
    ProposedAlready,
    /// Somebody was faster.
    #[error("this proposal was settled meanwhile")]
    Settled,
    /// A legal hold stands against it.
    #[error("a legal hold stands against it: {}", .0.join(", "))]
    Held(Vec<String>),
    /// One hold at a time.
    #[error("there is a legal hold on {0} already")]
    HeldAlready(String),
    /// Nothing is to be lifted.
    #[error("this legal hold was lifted already")]
    Lifted,
}

impl Refusal {
    /// Stable name for API callers.
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::SameEyes(_) => "two-people-needed",
            Refusal::StillHere(_) => "person-still-here",
            Refusal::ErasedAlready => "erased-already",
            Refusal::ProposedAlready => "proposed-already",
            Refusal::Settled => "proposal-settled",
            Refusal::Held(_) => "legal-hold",
            Refusal::HeldAlready(_) => "held-already",
            Refusal::Lifted => "hold-lifted",
        }
    }

    /// HTTP status: the state of things forbids it.
    pub fn status(&self) -> u16 {
        409
    }
}

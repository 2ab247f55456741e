//! Why overseers are not named and samples not taken. Each variant's sentence is what is read.

/// A refused deed about human review.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It does not belong to whoever does it.
    #[error("only who submitted it, answers for it or keeps the rules names who oversees it")]
    NotYoursToArrange,
    /// Somebody was faster.
    #[error("who oversees it was named anew meanwhile; look again before you change it")]
    NamedMeanwhile,
    /// Only overseers record.
    #[error("only who is named to oversee it records what they looked at; you are not")]
    NotAnOverseer,
    /// Only their own.
    #[error("only who recorded it, or who keeps the rules, takes it back")]
    NotYourSample,
    /// Once.
    #[error("this was taken back already")]
    SampleWithdrawn,
}

impl Refusal {
    /// Stable name for API callers.
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::NotYoursToArrange => "not-yours-to-arrange",
            Refusal::NamedMeanwhile => "named-meanwhile",
            Refusal::NotAnOverseer => "not-an-overseer",
            Refusal::NotYourSample => "not-your-sample",
            Refusal::SampleWithdrawn => "sample-withdrawn",
        }
    }

    /// HTTP status: who may not, or the state of things.
    pub fn status(&self) -> u16 {
        match self {
            Refusal::NotYoursToArrange | Refusal::NotAnOverseer | Refusal::NotYourSample => 403,
            Refusal::NamedMeanwhile | Refusal::SampleWithdrawn => 409,
        }
    }
}

//! Why a change at a vendor stays as it is. Each variant's sentence is what is read.

/// A refused deed about a change at a vendor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is decided once.
    #[error("somebody was faster: this change is {0} already")]
    Settled(&'static str),
    /// What is not confirmed has nothing to close.
    #[error("this change is {0}; only a change that counts is closed")]
    NotOpen(&'static str),
    /// The reviews say how it ends.
    #[error(
        "{0} reviews that this change called for are not decided; it ends with them, and is closed \
         by hand only where nothing is under review"
    )]
    UnderReview(i64),
}

impl Refusal {
    /// Stable name for API callers.
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::Settled(_) => "vendor-change-settled",
            Refusal::NotOpen(_) => "vendor-change-not-open",
            Refusal::UnderReview(_) => "vendor-change-under-review",
        }
    }

    /// HTTP status: the state of things forbids it.
    pub fn status(&self) -> u16 {
        409
    }
}

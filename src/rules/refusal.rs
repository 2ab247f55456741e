//! Why a draft stays as it is. Each variant's sentence is what is read.

/// A refused change of a draft.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nobody publishes or sends back what they wrote.
    #[error("you wrote or proposed this draft; another keeper of the policy must decide about it")]
    OwnDraft,
    /// Another version was published meanwhile.
    #[error(
        "this draft was made from version {base}, and version {now} is in force now: take version \
         {now} as the base, look at what the draft then changes, and propose it again"
    )]
    BaseMoved {
        /// The version it was made from.
        base: i32,
        /// The version in force.
        now: i32,
    },
    /// Only a proposed draft is published or sent back.
    #[error("this draft is not proposed; its authors propose it first")]
    NotProposed,
    /// It is proposed already.
    #[error("this draft is proposed already; somebody else decides about it now")]
    Proposed,
    /// A published draft is history.
    #[error("this draft was published; begin a new one from the version in force")]
    Published,
    /// A discarded draft is history.
    #[error("this draft was discarded; begin a new one from the version in force")]
    Discarded,
    /// Something keeps it from being published.
    #[error("{count} things keep this draft from being published; the first: {first}")]
    Flawed {
        /// How many errors there are.
        count: usize,
        /// The first of them.
        first: String,
    },
    /// It says what is in force already.
    #[error("this draft says the same as version {0}, which is in force")]
    Same(i32),
    /// A draft for a new key, where there is one.
    #[error("there is a workflow {0} already; begin a draft from its version in force")]
    KeyTaken(String),
}

impl Refusal {
    /// Stable name for API callers.
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::OwnDraft => "own-draft",
            Refusal::BaseMoved { .. } => "draft-base-moved",
            Refusal::NotProposed => "draft-not-proposed",
            Refusal::Proposed => "draft-proposed",
            Refusal::Published => "draft-published",
            Refusal::Discarded => "draft-discarded",
            Refusal::Flawed { .. } => "draft-flawed",
            Refusal::Same(_) => "draft-unchanged",
            Refusal::KeyTaken(_) => "workflow-exists",
        }
    }

    /// HTTP status: who may not, what is wrong with the text, or the state of things.
    pub fn status(&self) -> u16 {
        match self {
            Refusal::OwnDraft => 403,
            Refusal::Flawed { .. } => 422,
            _ => 409,
        }
    }
}

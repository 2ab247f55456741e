//! Why a command changes nothing. Each variant's sentence is what the person reads.
use crate::form::FieldError;

/// A refused command.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The review is over or waits for its submitter.
    #[error("nothing can be decided now: the review is {0}")]
    NotInReview(&'static str),
    /// The stage is not open.
    #[error("this stage is not open")]
    StageNotOpen,
    /// The stage was started anew since; the old question is void.
    #[error("this question is void: the stage was started anew")]
    Void,
    /// The person is not asked in this stage.
    #[error("you are not asked to decide this stage")]
    NotAsked,
    /// Separation of duties.
    #[error("you cannot decide here because {0}; someone else must")]
    Separated(&'static str),
    /// One decision per person.
    #[error("you decided this already; a decision is never changed")]
    AlreadyDecided,
    /// The decision is about another revision than the present one.
    #[error(
        "the content changed since you opened the page; look at the new revision and decide again"
    )]
    Superseded,
    /// The stage does not offer this outcome.
    #[error("choose one of the outcomes this stage offers")]
    NotOffered,
    /// The workflow wants a reason.
    #[error("give a reason: this stage asks for one with this decision")]
    ReasonMissing,
    /// Too much text for one entry.
    #[error("{0} is too long: at most {1} characters")]
    TooLong(&'static str, usize),
    /// An approval with conditions without any.
    #[error("name at least one condition: what must be done")]
    ConditionMissing,
    /// Conditions with another outcome.
    #[error("conditions belong to 'approve with conditions'; choose that, or clear them")]
    ConditionsNotOffered,
    /// A condition that makes no sense.
    #[error("condition {0}: {1}")]
    ConditionInvalid(usize, &'static str),
    /// The stage's form is not filled rightly.
    #[error("the stage's form needs attention")]
    AnswersInvalid(Vec<FieldError>),
    /// The last resort may not step aside.
    #[error("you stand in for this seat and cannot step aside; there is nobody after you")]
    StandInCannotRecuse,
    /// The stage wants a sign-in.
    #[error("this stage asks you to sign in before you decide")]
    SignInRequired,
    /// Only submitter and owner may.
    #[error("only the submitter or the owner can do this")]
    NotYours,
    /// Nothing to take back.
    #[error("there is no review to withdraw")]
    NothingToWithdraw,
    /// Not in a state to be submitted.
    #[error("this cannot be submitted: it is {0}")]
    NotSubmittable(&'static str),
    /// Not in a state to be edited.
    #[error("this cannot be changed: it is {0}")]
    NotEditable(&'static str),
    /// No workflow is meant for it.
    #[error("no published workflow applies to this use case; ask an administrator to publish one")]
    NoWorkflow,
    /// The owner is not known.
    #[error("the owner is nobody in the directory; choose a person who is")]
    OwnerUnknown,
    /// A link that is used up, expired or unknown.
    #[error("this link is no longer valid")]
    LinkDead,
}

impl Refusal {
    /// Stable name for API callers.
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::NotInReview(_) => "not-in-review",
            Refusal::StageNotOpen => "stage-not-open",
            Refusal::Void => "void",
            Refusal::NotAsked => "not-asked",
            Refusal::Separated(_) => "separation-of-duties",
            Refusal::AlreadyDecided => "already-decided",
            Refusal::Superseded => "superseded",
            Refusal::NotOffered => "outcome-not-offered",
            Refusal::ReasonMissing => "reason-missing",
            Refusal::TooLong(..) => "too-long",
            Refusal::ConditionMissing => "condition-missing",
            Refusal::ConditionsNotOffered => "conditions-not-offered",
            Refusal::ConditionInvalid(..) => "condition-invalid",
            Refusal::AnswersInvalid(_) => "answers-invalid",
            Refusal::StandInCannotRecuse => "stand-in-cannot-recuse",
            Refusal::SignInRequired => "sign-in-required",
            Refusal::NotYours => "not-yours",
            Refusal::NothingToWithdraw => "nothing-to-withdraw",
            Refusal::NotSubmittable(_) => "not-submittable",
            Refusal::NotEditable(_) => "not-editable",
            Refusal::NoWorkflow => "no-workflow",
            Refusal::OwnerUnknown => "owner-unknown",
            Refusal::LinkDead => "link-dead",
        }
    }

    /// HTTP status: 422 for what the caller can mend in the form, 403 for who may not,
    /// 409 for what the state of things forbids.
    pub fn status(&self) -> u16 {
        match self {
            Refusal::NotOffered
            | Refusal::ReasonMissing
            | Refusal::TooLong(..)
            | Refusal::ConditionMissing
            | Refusal::ConditionsNotOffered
            | Refusal::ConditionInvalid(..)
            | Refusal::AnswersInvalid(_)
            | Refusal::OwnerUnknown => 422,
            Refusal::NotAsked
            | Refusal::Separated(_)
            | Refusal::NotYours
            | Refusal::SignInRequired => 403,
            _ => 409,
        }
    }
}

//! Why a command changes nothing. Each variant's sentence is what the person reads.
use crate::db::At;
use crate::form::FieldError;

/// A refused command.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The review is over or waits for its submitter.
    #[error("nothing can be decided now: the review is {}", spaced(.0))]
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
    /// The role or membership by which they were asked is theirs no longer.
    #[error(
        "you no longer hold what you were asked for, so this is no longer yours to decide; others \
         are asked instead"
    )]
    NoLongerNamed,
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
    #[error("give a reason: one is asked for here")]
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
    #[error("you are the last who can stand in for this stage and cannot step aside")]
    StandInCannotRecuse,
    /// The stage wants a sign-in.
    #[error("this stage asks you to sign in first")]
    SignInRequired,
    /// The task went to somebody else.
    #[error("this task went to somebody else; they decide now")]
    TaskMoved,
    /// The workflow keeps tasks with the people it names.
    #[error(
        "this stage does not let you hand the task on; step aside instead if you cannot decide"
    )]
    DelegationNotOffered,
    /// Delegation goes one step.
    #[error("you decide in the place of somebody; a task is handed on only once")]
    DelegatedAlready,
    /// The person chosen cannot take the task.
    #[error("this person cannot take the task: {0}; choose somebody else")]
    DelegateUnfit(&'static str),
    /// A reason that says too little.
    #[error("say more: this reason needs at least {0} characters")]
    ReasonTooShort(usize),
    /// No such condition.
    #[error("the approval has no such condition")]
    ConditionUnknown,
    /// A condition that is over.
    #[error("nothing more is owed on this condition: it is {}", spaced(.0))]
    ConditionSettled(&'static str),
    /// Nothing to judge yet.
    #[error("there is no evidence to judge yet; its owner gives it first")]
    NoEvidence,
    /// Evidence that says nothing.
    #[error("say what shows that it is done, and where it can be seen")]
    EvidenceMissing,
    /// Only who attached the condition, or a keeper.
    #[error("only who attached the condition, or a keeper of the policy, judges it")]
    NotYourJudgement,
    /// Only keepers may.
    #[error("only a keeper of the policy can do this")]
    NotKeeper,
    /// The approval is not in force.
    #[error("there is no approval in force to change: it is {}", spaced(.0))]
    NotInForce(&'static str),
    /// Nothing to put in force again.
    #[error("the approval is not suspended")]
    NotSuspended,
    /// Conditions are still missed.
    #[error("a condition of the approval was missed; it must be met or waived first")]
    ConditionsLacking,
    /// The workflow knows no override.
    #[error("this workflow allows no override")]
    OverrideNotOffered,
    /// The person may not.
    #[error("an override takes two people whom the workflow names for it; you are none of them")]
    OverrideNotYours,
    /// One person is not enough.
    #[error("an override takes two people: somebody else must agree to your proposal")]
    OverrideNeedsAnother,
    /// Somebody proposed one already.
    #[error("an override is proposed already: agree to it or decline it")]
    OverrideProposed,
    /// Nobody proposed one.
    #[error("there is no override to answer")]
    NoOverride,
    /// The proposer of an override may not override any more.
    #[error(
        "who proposed this override may not let it through any more; decline it, and somebody else \
         may propose it"
    )]
    OverrideProposerUnfit,
    /// What stands needs no override.
    #[error("the approval that this renews is still in force; an override would end it")]
    OverrideOfRenewal,
    /// Evidence is there and was not judged yet.
    #[error("evidence was given and waits for its judge; once it is refused you can give other")]
    EvidenceWaits,
    /// Only a running review can be overridden.
    #[error("an override is for a review that is running: this one is {}", spaced(.0))]
    OverrideTooLate(&'static str),
    /// An end that is past or too far.
    #[error("an override must end in the future and at the latest at {0}")]
    OverrideTooLong(At),
    /// Nothing to restart for.
    #[error("the review runs under the version in force already")]
    SameVersion,
    /// The review after the fact cannot begin.
    #[error(
        "the review after the fact cannot begin as the record stands; its form must be complete, \
         its owner active and a workflow published"
    )]
    OverrideWithoutReview,
    /// What an override owes cannot be taken back.
    #[error("this review looks at an override after the fact; it cannot be taken back")]
    AfterTheFact,
    /// What a change at a vendor calls into question is not taken back.
    #[error(
        "this review looks again at an approval because something changed at the vendor; it \
         cannot be taken back"
    )]
    LooksAgain,
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
    /// A stage names more people than can be asked: its title, and how many they are.
    #[error(
        "the stage {0} names {1} people, and at most {max} can be asked; an administrator can make \
         its role or group smaller",
        max = crate::workflow::ASKED_MAX
    )]
    TooManyAsked(String, usize),
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
            Refusal::NoLongerNamed => "no-longer-named",
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
            Refusal::TaskMoved => "task-moved",
            Refusal::DelegationNotOffered => "delegation-not-offered",
            Refusal::DelegatedAlready => "delegated-already",
            Refusal::DelegateUnfit(_) => "delegate-unfit",
            Refusal::ReasonTooShort(_) => "reason-too-short",
            Refusal::ConditionUnknown => "condition-unknown",
            Refusal::ConditionSettled(_) => "condition-settled",
            Refusal::NoEvidence => "no-evidence",
            Refusal::EvidenceMissing => "evidence-missing",
            Refusal::NotYourJudgement => "not-your-judgement",
            Refusal::NotKeeper => "not-keeper",
            Refusal::NotInForce(_) => "not-in-force",
            Refusal::NotSuspended => "not-suspended",
            Refusal::ConditionsLacking => "conditions-lacking",
            Refusal::OverrideNotOffered => "override-not-offered",
            Refusal::OverrideNotYours => "override-not-yours",
            Refusal::OverrideNeedsAnother => "override-needs-another",
            Refusal::OverrideProposed => "override-proposed",
            Refusal::NoOverride => "no-override",
            Refusal::OverrideProposerUnfit => "override-proposer-unfit",
            Refusal::OverrideOfRenewal => "override-of-renewal",
            Refusal::EvidenceWaits => "evidence-waits",
            Refusal::OverrideTooLate(_) => "override-too-late",
            Refusal::OverrideTooLong(_) => "override-too-long",
            Refusal::SameVersion => "same-version",
            Refusal::OverrideWithoutReview => "override-without-review",
            Refusal::AfterTheFact => "after-the-fact",
            Refusal::LooksAgain => "looks-again",
            Refusal::NotYours => "not-yours",
            Refusal::NothingToWithdraw => "nothing-to-withdraw",
            Refusal::NotSubmittable(_) => "not-submittable",
            Refusal::NotEditable(_) => "not-editable",
            Refusal::NoWorkflow => "no-workflow",
            Refusal::TooManyAsked(..) => "too-many-asked",
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
            | Refusal::DelegateUnfit(_)
            | Refusal::ReasonTooShort(_)
            | Refusal::OverrideTooLong(_)
            | Refusal::EvidenceMissing
            | Refusal::OwnerUnknown => 422,
            Refusal::NotAsked
            | Refusal::NoLongerNamed
            | Refusal::OverrideNotYours
            | Refusal::OverrideNeedsAnother
            | Refusal::Separated(_)
            | Refusal::NotYours
            | Refusal::NotYourJudgement
            | Refusal::NotKeeper
            | Refusal::SignInRequired => 403,
            _ => 409,
        }
    }
}

/// A stored word as people read it.
fn spaced(word: &str) -> String {
    word.replace('_', " ")
}

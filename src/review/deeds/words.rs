//! What the page of each deed says.
use super::Deed;

/// The words of one deed.
pub(super) struct Words {
    /// Heading of its page, and text of the link that leads there.
    pub title: &'static str,
    /// What follows from it.
    pub lead: &'static str,
    /// What the text is called; nothing when none is asked for.
    pub text: Option<&'static str>,
    /// Whether the text may stay empty.
    pub optional: bool,
    /// What the button says.
    pub button: &'static str,
    /// How the button looks: a class of the stylesheet.
    pub tone: &'static str,
}

const fn reasoned(title: &'static str, lead: &'static str, button: &'static str) -> Words {
    Words {
        title,
        lead,
        text: Some("Reason"),
        optional: false,
        button,
        tone: "",
    }
}

const fn plain(title: &'static str, lead: &'static str, button: &'static str) -> Words {
    Words {
        text: None,
        ..reasoned(title, lead, button)
    }
}

const fn grave(words: Words) -> Words {
    Words {
        tone: "grave",
        ..words
    }
}

impl Deed {
    pub(super) fn words(self) -> Words {
        match self {
            Deed::GiveEvidence
            | Deed::AcceptEvidence
            | Deed::RefuseEvidence
            | Deed::RefuseCondition
            | Deed::Waive => self.words_on_condition(),
            Deed::Suspend | Deed::Reinstate | Deed::Revoke | Deed::Retire => {
                self.words_on_approval()
            }
            _ => self.words_on_review(),
        }
    }

    fn words_on_condition(self) -> Words {
        match self {
            Deed::GiveEvidence => Words {
                text: Some("What shows that it is done"),
                ..reasoned(
                    "Give evidence",
                    "Say what was done and where it can be seen: a document, a setting, a ticket. \
                     Who attached the condition then accepts it or says what is missing.",
                    "Give this evidence",
                )
            },
            Deed::AcceptEvidence => plain(
                "Accept the evidence",
                "The condition is met then, and nothing more is owed on it. If a missed condition \
                 suspended the approval and no other is missing, it is in force again at once.",
                "The condition is met",
            ),
            Deed::RefuseEvidence => reasoned(
                "Refuse the evidence",
                "The condition stays open, and its owner reads what is missing.",
                "Refuse this evidence",
            ),
            Deed::RefuseCondition => grave(reasoned(
                "Say that it will not be met",
                "Who attached the condition and the keepers of the policy are told and decide what \
                 becomes of the approval.",
                "It will not be met",
            )),
            _ => grave(reasoned(
                "Waive the condition",
                "Nothing more is owed on it. Everyone who can read the use case sees who let it go \
                 and why.",
                "Waive this condition",
            )),
        }
    }

    fn words_on_approval(self) -> Words {
        match self {
            Deed::Suspend => grave(reasoned(
                "Suspend the approval",
                "It is not in force until somebody reinstates it. Submitter and owner are told.",
                "Suspend it",
            )),
            Deed::Reinstate => reasoned(
                "Reinstate the approval",
                "It is in force again, to the same end as before.",
                "Reinstate it",
            ),
            Deed::Revoke => grave(reasoned(
                "Revoke the approval",
                "It is taken away for good, with its conditions. A new review must approve the use \
                 case before it may be used again.",
                "Revoke it",
            )),
            _ => grave(reasoned(
                "Retire the use case",
                "It is no longer used. Its approval and conditions end; what was decided stays in \
                 the log.",
                "Retire it",
            )),
        }
    }

    fn words_on_review(self) -> Words {
        match self {
            Deed::Renew => plain(
                "Begin a renewal",
                "The answers become a draft that you can change. The approval goes on meanwhile, \
                 for the revision that was approved. When the draft is submitted and approved, it \
                 takes the place of the approval.",
                "Begin the renewal",
            ),
            Deed::GiveRenewalUp => plain(
                "Give the renewal up",
                "What was approved becomes the content of the record again, as a new revision. The \
                 draft stays among the revisions.",
                "Give it up",
            ),
            Deed::ProposeOverride => grave(reasoned(
                "Propose an override",
                "An override lets the use case go ahead for a while before its review ended. A \
                 second person must agree, who like you has no part in it. Auditors are told at \
                 once, and a review after the fact begins by itself, in which neither of you \
                 decides.",
                "Propose it",
            )),
            Deed::AgreeToOverride => grave(plain(
                "Agree to the override",
                "The use case may go ahead from now on. Auditors are told at once, and a review \
                 after the fact begins by itself, in which neither of you decides. If it rejects \
                 the use case, the override ends.",
                "Let it go ahead",
            )),
            Deed::DeclineOverride => Words {
                optional: true,
                ..reasoned(
                    "Decline the override",
                    "The proposal comes to nothing, and the review goes on as before.",
                    "Decline it",
                )
            },
            _ => grave(reasoned(
                "Start the review anew",
                "A review under the version of the workflow that is in force now takes the place \
                 of this one. Its decisions are void, and its history stays.",
                "Start it anew",
            )),
        }
    }

    /// Heading of its page, and text of the link that leads there.
    pub fn title(self) -> &'static str {
        self.words().title
    }

    /// Whether its link stands apart, for it takes something away.
    pub fn is_grave(self) -> bool {
        self.words().tone == "grave"
    }
}

//! What a workflow says, as types. [`super::Bundle`] reads them from JSON and refuses what does
//! not fit; here they are already right.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::conditions::Conditions;
use crate::calendar::Span;

/// One version of a workflow: which stages a record passes, and who decides in them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Workflow {
    /// Short name, stable over versions.
    pub key: String,
    /// What people read.
    pub title: String,
    /// What the workflow is for; may be empty.
    #[serde(default)]
    pub description: String,
    /// CEL over `request`; without it the workflow applies to every record of its kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applies_when: Option<String>,
    /// Of the workflows that apply, the one with the highest number is taken.
    #[serde(default = "default_priority")]
    pub priority: u32,
    /// The kind whose fields are `request.*`.
    pub form: String,
    /// How often changes may be asked for before a review ends.
    #[serde(default = "default_max_revisions")]
    pub max_revisions: u32,
    /// Ordered tables that give `derived.*`; a table may read the ones above it.
    #[serde(default)]
    pub derive: Vec<Derive>,
    /// The stages, in the order of the file; [`Stage::needs`] gives the order of work.
    pub stages: Vec<Stage>,
    /// Key of the calendar that business time is counted by.
    #[serde(default = "default_calendar")]
    pub calendar: String,
    /// How long a review may run before it is abandoned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_duration: Option<Span>,
    /// What an edit under review does to decided stages.
    #[serde(default)]
    pub on_change: Vec<OnChange>,
    /// What follows when a condition of an approval comes due.
    #[serde(default, rename = "conditions")]
    pub obligations: Obligations,
    /// How long an approval is valid; without it, until it is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renewal: Option<Renewal>,
    /// Who may let a use case go ahead before its review ends; nobody without it.
    #[serde(default, rename = "override", skip_serializing_if = "Option::is_none")]
    pub over_ride: Option<Override>,
    /// The conditions as parsed at load, by their text.
    #[serde(skip)]
    pub(super) conditions: Conditions,
}

fn default_calendar() -> String {
    "default".to_owned()
}

fn default_priority() -> u32 {
    100
}

fn default_max_revisions() -> u32 {
    5
}

/// A rule about edits under review: the first that names a field says what its edit does. A field
/// that no rule names reopens every stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnChange {
    /// The fields, by their names alone (written `request.<name>`).
    #[serde(with = "request_fields")]
    pub fields: Vec<String>,
    /// What an edit of one of them does.
    pub effect: Effect,
    /// Which stages start anew; empty means every stage. Of no meaning with [`Effect::Keep`].
    #[serde(default)]
    pub stages: Vec<String>,
}

/// What an edit does to decisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// They stand.
    Keep,
    /// Stages start anew.
    Reopen,
}

/// What follows when a condition of an approval comes due.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Obligations {
    /// When a condition without a day of its own is due, counted from the approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Span>,
    /// When its owner is reminded, before it is due.
    #[serde(default)]
    pub remind_before: Vec<Span>,
    /// What follows when it is missed.
    #[serde(default)]
    pub on_missed: OnMissed,
    /// Who is told when it is missed or refused.
    #[serde(default)]
    pub escalate_to: Vec<Who>,
}

/// What follows when a condition is not met in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnMissed {
    /// The approval is suspended until it is met or waived.
    #[default]
    Suspend,
    /// People are told, nothing else.
    Notify,
}

/// How long an approval is valid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renewal {
    /// Rows, the first that holds gives the time.
    pub valid_for: Vec<Validity>,
    /// When submitter and owner are reminded, before the end.
    #[serde(default)]
    pub remind_before: Vec<Span>,
}

/// One row of [`Renewal::valid_for`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validity {
    /// CEL over `request` and `derived`; without it the row always holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// How long.
    pub then: Span,
}

/// Who may let a use case go ahead before its review ends. Always two people, neither of whom
/// submitted, owns or edited the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// Both must hold one of these roles.
    pub roles: Vec<String>,
    /// Characters a reason needs at least.
    #[serde(default = "default_min_reason")]
    pub min_reason_length: usize,
    /// Who is told at once.
    pub notify: Vec<Who>,
    /// How long it holds at most.
    pub valid_for: Span,
}

fn default_min_reason() -> usize {
    40
}

/// A table whose first case that holds gives `derived.<key>`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Derive {
    /// The name after `derived.`.
    pub key: String,
    /// What sort of value the table gives.
    #[serde(rename = "type")]
    pub kind: DeriveKind,
    /// The texts a `string` may be; empty means any text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// The rows, the first that holds wins.
    pub cases: Vec<Case>,
    /// The value when no row holds.
    pub otherwise: Value,
}

/// The sort of value a [`Derive`] table gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeriveKind {
    /// True or false.
    Bool,
    /// A whole number.
    Int,
    /// A text, one of [`Derive::values`] where those are named.
    String,
}

/// One row of a [`Derive`] table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// CEL over `request` and the tables above.
    pub when: String,
    /// The value of the table when `when` holds.
    pub then: Value,
    /// Why, in a sentence for submitter and approver.
    pub because: String,
}

/// One question put to one or more seats.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// Short name, unique in the workflow.
    pub key: String,
    /// What sort of question it answers.
    pub kind: StageKind,
    /// What people read.
    pub title: String,
    /// What the approver should look at; may be empty.
    #[serde(default)]
    pub guidance: String,
    /// Stages that must be approved or skipped first.
    #[serde(default)]
    pub needs: Vec<String>,
    /// CEL over `request`, `derived` and the stages needed; false skips the stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Who decides; the stage is approved when every seat has its need.
    pub seats: Vec<Seat>,
    /// What one rejection does.
    #[serde(default)]
    pub on_reject: OnReject,
    /// What an approver may choose; [`Outcome::Recuse`] is always open and never listed.
    #[serde(default = "default_decisions")]
    pub decisions: Vec<Outcome>,
    /// The decisions that need a reason in words.
    #[serde(default = "default_reason_required")]
    pub reason_required: Vec<Outcome>,
    /// The form the approver fills, a key of [`super::Bundle::forms`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<String>,
    /// Who may not decide here.
    #[serde(default)]
    pub separation: Separation,
    /// What the sign-off link may do.
    #[serde(default)]
    pub email: Email,
    /// To whom a task may be handed on.
    #[serde(default)]
    pub delegation: Delegation,
    /// How long it may take; without it no clock runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sla: Option<Sla>,
    /// Who else is brought in because of risk or disagreement.
    #[serde(default)]
    pub escalate: Vec<Escalation>,
}

/// To whom a person may hand a task on. Never to somebody the rules exclude, and only once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delegation {
    /// To nobody.
    None,
    /// To those the seat itself or its fallback names.
    #[default]
    SameRole,
    /// To anybody in the directory.
    AnyEligible,
}

/// The clock of a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sla {
    /// How long the stage may take.
    pub due: Span,
    /// When the clock stands.
    #[serde(default = "default_pauses")]
    pub pause_while: Vec<Pause>,
    /// When those who still have to decide are reminded, counted from the opening.
    #[serde(default)]
    pub remind: Vec<Span>,
    /// Who else is brought in, counted from the opening.
    #[serde(default)]
    pub escalate: Vec<EscalationByTime>,
    /// What the due time does.
    #[serde(default)]
    pub on_timeout: OnTimeout,
}

fn default_pauses() -> Vec<Pause> {
    vec![Pause::ChangesRequested]
}

/// When a clock stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pause {
    /// While the submitter is asked to change something.
    ChangesRequested,
}

/// What a stage's due time does. There is no way to approve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnTimeout {
    /// The stage stays open and shows as overdue.
    #[default]
    KeepOpen,
    /// The stage is rejected.
    Reject,
    /// The stage is settled without an answer; a later stage must make up for it.
    MarkTimedOut,
}

/// Who is brought in when a stage takes long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EscalationByTime {
    /// Counted from the opening of the stage.
    pub after: Span,
    /// Who.
    pub to: Vec<Who>,
    /// How.
    pub mode: Mode,
    /// The seat they join, or whose fallback stands in for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seat: Option<String>,
}

/// Who is brought in because of risk or disagreement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Escalation {
    /// What calls them in.
    pub on: Trigger,
    /// CEL over what the stage's own condition reads; without it always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Who.
    pub to: Vec<Who>,
    /// How.
    pub mode: Mode,
    /// The seat they join, or whose fallback stands in for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seat: Option<String>,
}

/// What calls an [`Escalation`] in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// The stage opens.
    Opened,
    /// Somebody rejects and somebody approves, and the stage is still open.
    Disagreement,
}

/// What those who are brought in do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// They are told.
    Notify,
    /// They may fill the seat too.
    AddToSeat,
    /// One of them must approve besides everybody else.
    MustAgree,
}

fn default_decisions() -> Vec<Outcome> {
    vec![
        Outcome::Approve,
        Outcome::ApproveWithConditions,
        Outcome::RequestChanges,
        Outcome::Reject,
    ]
}

pub(super) fn default_reason_required() -> Vec<Outcome> {
    vec![Outcome::RequestChanges, Outcome::Reject, Outcome::Recuse]
}

/// The sort of question a stage answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageKind {
    /// May this data go into this tool for this purpose?
    DataUse,
    /// Do people stay in charge of the outcome?
    HumanReview,
    /// Can the vendor be trusted with it?
    VendorAssessment,
    /// Can it be defended?
    Security,
    /// Is it lawful?
    Legal,
    /// Does the organisation want it at all?
    Escalation,
    /// Anything else.
    Other,
}

/// A place in a stage, for people who can stand in for each other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Seat {
    /// Short name, unique in the stage.
    pub key: String,
    /// Who may sit here.
    pub from: Vec<Who>,
    /// How many of them must approve.
    pub need: Need,
    /// Who is asked when `from` can no longer reach `need`; never empty.
    pub fallback: Vec<Who>,
}

/// How many of a seat's people must approve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "NeedText", into = "NeedText")]
pub enum Need {
    /// At least so many, never zero.
    AtLeast(u32),
    /// Everybody found when the stage opens.
    All,
}

/// [`Need`] as it is written: a number, or the word `all`.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum NeedText {
    Count(u32),
    Word(NeedWord),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum NeedWord {
    All,
}

impl From<NeedText> for Need {
    fn from(text: NeedText) -> Need {
        match text {
            NeedText::Count(count) => Need::AtLeast(count),
            NeedText::Word(NeedWord::All) => Need::All,
        }
    }
}

impl From<Need> for NeedText {
    fn from(need: Need) -> NeedText {
        match need {
            Need::AtLeast(count) => NeedText::Count(count),
            Need::All => NeedText::Word(NeedWord::All),
        }
    }
}

/// A way to name people, resolved when the stage opens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// Everybody who holds the role.
    Role(String),
    /// Everybody in the group.
    Group(String),
    /// One person, by e-mail address.
    Person(String),
    /// The person whose e-mail address stands in this field of the request (the name alone, as in
    /// `owner`; written `request.owner`).
    Field(#[serde(with = "request_field")] String),
    /// A person by what they are to the review.
    Relation(Relation),
    /// The manager of such a person.
    ManagerOf(Relation),
}

/// What a person is to a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// Who submitted the record.
    Submitter,
    /// Who answers for the record.
    Owner,
}

/// What one rejection does to its stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnReject {
    /// It rejects the stage.
    #[default]
    Veto,
    /// The stage is rejected once a seat can no longer reach its need.
    UntilImpossible,
}

/// A decision word: what a person says to a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Yes.
    Approve,
    /// Yes, with obligations that live on.
    ApproveWithConditions,
    /// Not like this; the submitter may answer with a new revision.
    RequestChanges,
    /// No.
    Reject,
    /// Stepping aside; never counts toward a need.
    Recuse,
}

impl Outcome {
    /// The word, as stored and as the API says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Approve => "approve",
            Outcome::ApproveWithConditions => "approve_with_conditions",
            Outcome::RequestChanges => "request_changes",
            Outcome::Reject => "reject",
            Outcome::Recuse => "recuse",
        }
    }

    /// Whether it counts toward a need.
    pub fn is_approval(self) -> bool {
        matches!(self, Outcome::Approve | Outcome::ApproveWithConditions)
    }

    /// The outcome by its word.
    pub fn named(word: &str) -> Option<Outcome> {
        [
            Outcome::Approve,
            Outcome::ApproveWithConditions,
            Outcome::RequestChanges,
            Outcome::Reject,
            Outcome::Recuse,
        ]
        .into_iter()
        .find(|outcome| outcome.as_str() == word)
    }
}

/// Who may not decide in a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Separation {
    /// People excluded by what they are to the review; all three unless the file says otherwise.
    #[serde(default = "default_parties")]
    pub not: Vec<Party>,
    /// Nobody who approved in one of these stages, which come before this one or run beside it.
    #[serde(default)]
    pub not_approvers_of: Vec<String>,
}

impl Default for Separation {
    fn default() -> Separation {
        Separation {
            not: default_parties(),
            not_approvers_of: Vec::new(),
        }
    }
}

fn default_parties() -> Vec<Party> {
    vec![Party::Submitter, Party::Owner, Party::Editors]
}

/// People who have a part in the record under review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Party {
    /// Who submitted the record.
    Submitter,
    /// Who answers for the record.
    Owner,
    /// Everybody who wrote a revision of it.
    Editors,
}

/// What mail does in a stage.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Email {
    /// What the sign-off link may do.
    #[serde(default)]
    pub link: Link,
    /// CEL over what the stage's own condition reads: the link alone does not decide then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_up_when: Option<String>,
    /// How long a link is good; seven days without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_for: Option<Span>,
}

/// What a sign-off link may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// Show the task and take the decision.
    #[default]
    Decide,
    /// Show the task; deciding needs a session.
    View,
}

/// `request.owner` in the file, `owner` in the type.
mod request_field {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(name: &str, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&format_args!("request.{name}"))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
        let written = String::deserialize(from)?;
        match written.strip_prefix("request.") {
            Some(name) => Ok(name.to_owned()),
            None => Err(D::Error::custom("write request.<name>")),
        }
    }
}

/// As [`request_field`], for a list.
mod request_fields {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(transparent)]
    struct One(#[serde(with = "super::request_field")] String);

    pub fn serialize<S: Serializer>(names: &[String], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(names.iter().cloned().map(One))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
        let written = Vec::<One>::deserialize(from)?;
        Ok(written.into_iter().map(|one| one.0).collect())
    }
}

impl Workflow {
    /// The stage with this key.
    pub fn stage(&self, key: &str) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.key == key)
    }

    /// Everybody the workflow names anywhere: seats, their fallbacks, escalations, overrides.
    pub fn parties(&self) -> Vec<&Who> {
        let mut all: Vec<&Who> = self.obligations.escalate_to.iter().collect();
        all.extend(self.over_ride.iter().flat_map(|rules| &rules.notify));
        for stage in &self.stages {
            for seat in &stage.seats {
                all.extend(seat.from.iter().chain(&seat.fallback));
            }
            let timed = stage.sla.iter().flat_map(|sla| &sla.escalate);
            all.extend(timed.flat_map(|escalation| &escalation.to));
            all.extend(stage.escalate.iter().flat_map(|escalation| &escalation.to));
        }
        all
    }

    /// Every role the workflow names anywhere.
    pub fn roles(&self) -> BTreeSet<&String> {
        let named = self.parties().into_iter().filter_map(|who| match who {
            Who::Role(role) => Some(role),
            _ => None,
        });
        let overriding = self.over_ride.iter().flat_map(|rules| &rules.roles);
        named.chain(overriding).collect()
    }

    /// Every stage that `stage` needs, directly or through others, in the order of the file.
    pub fn ancestors(&self, stage: &Stage) -> Vec<&Stage> {
        let mut keys: Vec<&str> = stage.needs.iter().map(String::as_str).collect();
        let mut next = 0;
        while let Some(key) = keys.get(next).copied() {
            let needs = self
                .stage(key)
                .map(|found| found.needs.as_slice())
                .unwrap_or_default();
            for need in needs {
                if !keys.contains(&need.as_str()) {
                    keys.push(need);
                }
            }
            next += 1;
        }
        self.stages
            .iter()
            .filter(|found| keys.contains(&found.key.as_str()))
            .collect()
    }

    /// The stages so that each comes after those it needs, else in the order of the file. Stages
    /// on a cycle, which no loaded workflow has, are left out.
    pub fn in_order(&self) -> Vec<&Stage> {
        let mut done: Vec<&Stage> = Vec::with_capacity(self.stages.len());
        while let Some(next) = self.stages.iter().find(|stage| {
            let settled = |need: &String| done.iter().any(|d| d.key == *need);
            !done.iter().any(|d| d.key == stage.key) && stage.needs.iter().all(settled)
        }) {
            done.push(next);
        }
        done
    }
}

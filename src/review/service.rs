//! The commands on a review: load, let the engine decide, write everything in one transaction.
use crate::calendar;
use crate::clock::Clock;
use crate::db::{At, Conn, Day, PersonId, RecordId, ReviewId, TaskId, Tx};
use crate::error::{Error, Result};
use crate::gates;
use crate::ledger::Actor;
use crate::ledger::entry::Method;
use crate::notify::Timetable;
use crate::people::{self, Secret};
use crate::register::{self, Kinds, Record, Status};
use crate::review::engine::{
    self, CONDITIONS_MAX, Calendars, Command, Condition, Context, Decision, Directory, Opening,
    Refusal, Resubmission, Review,
};
use crate::review::keep::{Change, keep};
use crate::review::store::{self, DecisionRow};
use crate::review::workflows::{self, Cache, Loaded};
use crate::vendor;
use crate::workflow::{Outcome, Workflow};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What every command needs besides the database: built once, shared.
#[derive(Debug)]
pub struct Desk {
    /// The time.
    pub clock: Clock,
    /// The organisation's time zone, which says what day it is.
    pub zone: jiff::tz::TimeZone,
    /// The kinds of record.
    pub kinds: Kinds,
    /// Workflow versions that were read before.
    pub workflows: Cache,
    /// Calendar versions that were read before.
    pub calendars: calendar::Cache,
    /// Versions of data-use policies that were read before.
    pub policies: crate::policy::Cache,
    /// How all use cases stood when that was asked last.
    pub overview: crate::overview::Cache,
    /// When mail goes out.
    pub timetable: Timetable,
}

impl Desk {
    /// The time of a command; see [`crate::ledger::time`].
    ///
    /// # Errors
    /// When the database fails.
    pub fn time(&self, tx: &mut Tx) -> Result<At> {
        crate::ledger::time(tx, self.clock.now())
    }

    /// The day it is now in the organisation's zone.
    pub fn today(&self) -> Day {
        Day::of(self.clock.now(), &self.zone)
    }
}

/// A condition as an approver writes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConditionGiven {
    /// What must be done.
    pub text: String,
    /// Address of who does it; empty for the owner of the use case.
    pub owner: String,
    /// `YYYY-MM-DD`; empty for no date.
    pub due: String,
}

/// A decision as a person gives it.
#[derive(Debug, Clone)]
pub struct DecisionGiven {
    /// The task it answers.
    pub task: TaskId,
    /// Digest of the revision they saw.
    pub seen: String,
    /// The choice.
    pub outcome: Outcome,
    /// The reason.
    pub reason: Option<String>,
    /// The stage's form, filled.
    pub answers: Value,
    /// What must still be done.
    pub conditions: Vec<ConditionGiven>,
    /// Hash of the sign-off link's token, when they came by one.
    pub link: Option<String>,
}

/// What a saved change led to.
#[derive(Debug, Clone)]
pub struct Revised {
    /// The record now.
    pub record: Record,
    /// Whether a running review started its stages anew.
    pub reopened: bool,
}

/// What the engine judges a command by.
pub(super) struct Loading {
    pub loaded: Arc<Loaded>,
    pub request: Value,
    pub directory: Directory,
    pub calendars: Calendars,
}

impl Loading {
    /// The same, as the engine takes it.
    pub fn context(&self) -> Context<'_> {
        Context {
            workflow: &self.loaded.workflow,
            forms: &self.loaded.forms,
            request: &self.request,
            directory: &self.directory,
            calendars: &self.calendars,
        }
    }
}

/// Creates a draft of a reviewed kind, or a registered record of another.
///
/// # Errors
/// [`Error::Invalid`] for wrong answers.
pub fn start(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    kind: &str,
    document: Value,
) -> Result<Record> {
    let kind = desk.kinds.by_key(kind)?;
    let status = if kind.reviewed {
        Status::Draft
    } else {
        Status::Registered
    };
    if kind.key == gates::USE_CASE {
        gates::door(tx, desk.today(), None, None, &document)?;
    }
    let new = register::NewRecord {
        document,
        status,
        source_key: None,
    };
    register::create(tx, desk.clock.now(), actor, kind, new)
}

/// Saves a change of a record. Under review this is a new revision, and approvals that no longer
/// match it are void at once; while changes are asked for it waits to be submitted again.
///
/// # Errors
/// [`Error::Stale`], [`Error::Invalid`], or a refusal by the record's state or for want of right.
pub fn revise(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    record: RecordId,
    seen: i32,
    document: &Value,
) -> Result<Revised> {
    let now = desk.time(tx)?;
    let before = register::by_id(tx, record)?;
    let kind = desk.kinds.by_key(&before.kind)?;
    editing_allowed(tx, actor, &before)?;
    let status = before.status()?;
    if kind.reviewed && !status.can_be_edited() {
        return Err(Refusal::NotEditable(status.words()).into());
    }
    if status == Status::InReview {
        complete(kind, document)?;
    }
    if kind.key == gates::USE_CASE {
        let known = register::revision(tx, record, before.revision)?.document()?;
        gates::door(tx, desk.today(), Some(record), Some(&known), document)?;
    }
    let after = register::revise(tx, now, actor, kind, &before, seen, document)?;
    let reopened = status == Status::InReview && after.revision != before.revision;
    if reopened {
        resubmit(tx, desk, actor, &after, now)?;
    }
    let record = register::by_id(tx, record)?;
    Ok(Revised { record, reopened })
}

fn editing_allowed(conn: &mut Conn, actor: &Actor, record: &Record) -> Result<()> {
    match actor.person {
        Some(person) if !may_edit(conn, person, record)? => Err(Refusal::NotYours.into()),
        _ => Ok(()),
    }
}

/// Whether a record is `person`'s to change and to submit, whatever state it is in. Pages ask the
/// same as the commands do, so that they offer what would be taken and nothing else.
///
/// # Errors
/// When the database fails.
pub fn may_edit(conn: &mut Conn, person: PersonId, record: &Record) -> Result<bool> {
    if record.submitter_id == Some(person) || record.owner_id == Some(person) {
        return Ok(true);
    }
    // Who submitted an imported record did not create it and still must answer for changes.
    if let Some(review) = record.review_id
        && store::review(conn, review)?.submitter == person
    {
        return Ok(true);
    }
    let roles = people::held_by(conn, person)?;
    let keeps = [people::GOVERNANCE, people::ADMINISTRATOR]
        .iter()
        .any(|r| roles.contains(*r));
    Ok(keeps && record.status()? == Status::Registered)
}

/// Everybody with a part in a record: who submitted, owns or edited it.
///
/// # Errors
/// When the database fails.
pub fn parties(conn: &mut Conn, record: &Record) -> Result<BTreeSet<PersonId>> {
    let mut all = register::editors(conn, record.id)?;
    all.extend(record.submitter_id);
    all.extend(record.owner_id);
    if let Some(review) = record.review_id {
        all.insert(store::review(conn, review)?.submitter);
    }
    Ok(all)
}

fn complete(kind: &register::Kind, document: &Value) -> Result<()> {
    let errors = kind.form.check(document);
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Error::Invalid(errors))
    }
}

/// Submits a record for review, or again after changes were asked for.
///
/// # Errors
/// [`Error::Stale`], [`Error::Invalid`] for missing answers, or a refusal.
pub fn submit(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    record: RecordId,
    seen: i32,
) -> Result<Review> {
    let now = desk.time(tx)?;
    let record = register::by_id(tx, record)?;
    if record.revision != seen {
        return Err(Error::Stale {
            seen,
            now: record.revision,
        });
    }
    let status = record.status()?;
    if status == Status::ChangesRequested {
        return resubmit(tx, desk, actor, &record, now);
    }
    let kind = desk.kinds.by_key(&record.kind)?;
    if !kind.reviewed || !status.can_be_submitted() {
        return Err(Refusal::NotSubmittable(status.words()).into());
    }
    editing_allowed(tx, actor, &record)?;
    let submitter = actor.person.ok_or(Error::Unauthenticated)?;
    let renews = record
        .approval_id
        .filter(|_| record.standing_can_be_renewed());
    let opening = opening(tx, desk, submitter, &record, renews)?;
    not_crowded(&opening.0)?;
    begin(tx, desk, actor, &record, opening)
}

/// A review of which an entry could not name all who are asked does not begin.
pub(super) fn not_crowded(loading: &Loading) -> Result<()> {
    match engine::crowded(&loading.loaded.workflow, &loading.directory) {
        Some((stage, count)) => Err(Refusal::TooManyAsked(stage, count).into()),
        None => Ok(()),
    }
}

/// Begins a review and keeps what follows.
pub(super) fn begin(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    record: &Record,
    (loading, opening): (Loading, Opening),
) -> Result<Review> {
    let now = desk.time(tx)?;
    let (review, events) = engine::open(&loading.context(), opening, now)
        .ok_or_else(|| Error::Corrupt("a review did not begin with its opening".to_owned()))?;
    let change = Change {
        desk,
        actor,
        record,
        loading: &loading,
        opened: true,
        now,
    };
    keep(tx, &change, &review, &events)?;
    Ok(review)
}

/// What a review of the record's present revision begins with. `renews` is the review whose
/// approval it is about.
pub(super) fn opening(
    tx: &mut Tx,
    desk: &Desk,
    submitter: PersonId,
    record: &Record,
    renews: Option<ReviewId>,
) -> Result<(Loading, Opening)> {
    let kind = desk.kinds.by_key(&record.kind)?;
    let revision = register::revision(tx, record.id, record.revision)?;
    let request = revision.document()?;
    complete(kind, &request)?;
    let owner = active_owner(tx, record)?;
    let loaded =
        workflows::choose(tx, &desk.workflows, kind.key, &request)?.ok_or(Refusal::NoWorkflow)?;
    let loading = unopened(tx, desk, loaded, request, &[submitter, owner].into())?;
    let opening = Opening {
        review: ReviewId::new(),
        record: record.id,
        workflow: loading.loaded.pin.clone(),
        revision: record.revision,
        digest: revision.digest,
        submitter,
        owner,
        editors: register::editors(tx, record.id)?,
        renews,
        after_the_fact: false,
        apart: BTreeSet::new(),
        vendor_changes: vendor::changes_at(tx, record.id)?,
        looks_again: false,
    };
    Ok((loading, opening))
}

fn active_owner(conn: &mut Conn, record: &Record) -> Result<PersonId> {
    let owner = match record.owner_id {
        Some(id) => people::by_id(conn, id)?.filter(|p| p.active),
        None => None,
    };
    Ok(owner.ok_or(Refusal::OwnerUnknown)?.id)
}

fn resubmit(tx: &mut Tx, desk: &Desk, actor: &Actor, record: &Record, now: At) -> Result<Review> {
    let kind = desk.kinds.by_key(&record.kind)?;
    let revision = register::revision(tx, record.id, record.revision)?;
    complete(kind, &revision.document()?)?;
    let review_id = record.review_id.ok_or(Refusal::NothingToWithdraw)?;
    let (before, loading) = load(tx, desk, review_id, record)?;
    not_crowded(&loading)?;
    let former = register::revision(tx, record.id, before.revision)?.document()?;
    let command = Command::Resubmit(Resubmission {
        changed: changed(&former, &loading.request),
        by: actor.person.ok_or(Error::Unauthenticated)?,
        revision: record.revision,
        digest: revision.digest,
        owner: active_owner(tx, record)?,
        editors: register::editors(tx, record.id)?,
    });
    let change = Change {
        desk,
        actor,
        record,
        loading: &loading,
        opened: false,
        now,
    };
    run(tx, &change, &before, &command)
}

/// The fields in which two documents differ.
pub(super) fn changed(former: &Value, now: &Value) -> BTreeSet<String> {
    let names = |document: &Value| -> BTreeSet<String> {
        let fields = document.as_object().into_iter().flatten();
        fields.map(|(name, _)| name.clone()).collect()
    };
    let all = names(former).into_iter().chain(names(now));
    all.filter(|name| former.get(name) != now.get(name))
        .collect()
}

/// A review with what its engine needs. While it runs, the document is the record's present
/// revision; afterwards it is the one that was approved.
pub(super) fn load(
    conn: &mut Conn,
    desk: &Desk,
    id: ReviewId,
    record: &Record,
) -> Result<(Review, Loading)> {
    load_with(conn, desk, id, record, None)
}

/// As [`load`]; `taker` is somebody who shall get a task of the review.
pub(super) fn load_with(
    conn: &mut Conn,
    desk: &Desk,
    id: ReviewId,
    record: &Record,
    taker: Option<PersonId>,
) -> Result<(Review, Loading)> {
    let review = store::review(conn, id)?;
    let number = if review.phase.is_running() {
        record.revision
    } else {
        review.revision
    };
    let request = register::revision(conn, record.id, number)?.document()?;
    let loading = loading(conn, desk, &review, request, taker)?;
    Ok((review, loading))
}

fn loading(
    conn: &mut Conn,
    desk: &Desk,
    review: &Review,
    request: Value,
    taker: Option<PersonId>,
) -> Result<Loading> {
    let loaded = workflows::pinned(conn, &desk.workflows, &review.workflow)?;
    let mut concerned = review.people();
    concerned.extend(taker);
    let directory = people::directory(conn, &loaded.workflow, &request, desk.today(), &concerned)?;
    let calendars = calendars(conn, desk, &loaded.workflow, &review.calendar_versions())?;
    Ok(Loading {
        loaded,
        request,
        directory,
        calendars,
    })
}

/// The versions that a review runs by.
pub struct Rules {
    /// Of its workflow.
    pub loaded: Arc<Loaded>,
    /// Of its calendar.
    pub calendars: Calendars,
}

/// The versions of workflow and calendar that a review runs by.
///
/// # Errors
/// When one is missing.
pub fn rules(conn: &mut Conn, desk: &Desk, review: &Review) -> Result<Rules> {
    let loaded = workflows::pinned(conn, &desk.workflows, &review.workflow)?;
    let calendars = calendars(conn, desk, &loaded.workflow, &review.calendar_versions())?;
    Ok(Rules { loaded, calendars })
}

/// As [`Loading`] for a review that has not begun; `concerned` are those who have a part in it.
pub(super) fn unopened(
    conn: &mut Conn,
    desk: &Desk,
    loaded: Arc<Loaded>,
    request: Value,
    concerned: &BTreeSet<PersonId>,
) -> Result<Loading> {
    let directory = people::directory(conn, &loaded.workflow, &request, desk.today(), concerned)?;
    let calendars = calendars(conn, desk, &loaded.workflow, &BTreeSet::new())?;
    Ok(Loading {
        loaded,
        request,
        directory,
        calendars,
    })
}

/// The calendar of a workflow, and its earlier versions that clocks still run by.
fn calendars(
    conn: &mut Conn,
    desk: &Desk,
    workflow: &Workflow,
    versions: &BTreeSet<i32>,
) -> Result<Calendars> {
    let current = desk.calendars.current(conn, &workflow.calendar)?;
    let mut earlier = BTreeMap::new();
    for number in versions.iter().filter(|n| **n != current.version) {
        let version = desk.calendars.version(conn, &workflow.calendar, *number)?;
        earlier.insert(*number, version);
    }
    Ok(Calendars { current, earlier })
}

/// Lets the engine judge a command and keeps what follows from it.
pub(super) fn run(
    tx: &mut Tx,
    change: &Change,
    before: &Review,
    command: &Command,
) -> Result<Review> {
    let ctx = change.loading.context();
    let (after, events) = engine::decide(&ctx, before, command, change.now)?;
    if !events.is_empty() {
        keep(tx, change, &after, &events)?;
    }
    Ok(after)
}

/// Loads a review, lets the engine judge a command and keeps what follows from it.
pub(super) fn command(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    review: ReviewId,
    command: &Command,
) -> Result<Review> {
    let record = store::review(tx, review)?.record;
    let record = register::by_id(tx, record)?;
    let taker = match command {
        Command::Delegate(handover) | Command::Reassign(handover) => Some(handover.to),
        _ => None,
    };
    let (before, loading) = load_with(tx, desk, review, &record, taker)?;
    let change = Change {
        desk,
        actor,
        record: &record,
        loading: &loading,
        opened: false,
        now: desk.time(tx)?,
    };
    run(tx, &change, &before, command)
}

/// Takes a review back.
///
/// # Errors
/// A refusal when there is none to take back or it is not theirs.
pub fn withdraw(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    review: ReviewId,
    reason: Option<String>,
) -> Result<Review> {
    let state = store::review(tx, review)?;
    let record = register::by_id(tx, state.record)?;
    if record.review_id != Some(review) {
        return Err(Refusal::NothingToWithdraw.into());
    }
    let by = actor.person.ok_or(Error::Unauthenticated)?;
    command(tx, desk, actor, review, &Command::Withdraw { by, reason })
}

/// Records a person's decision on their task.
///
/// # Errors
/// A refusal; nothing is changed then, and a sign-off link stays as good as it was.
pub fn decide(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    given: &DecisionGiven,
) -> Result<DecisionRow> {
    let now = desk.clock.now();
    let asked = mine(tx, actor, given)?;
    match &given.link {
        Some(hash) => crate::review::links::redeem(tx, hash, asked.task.id, now)?,
        None if actor.via.method == Method::EmailLink => return Err(Refusal::LinkDead.into()),
        None => {}
    }
    answer(tx, desk, actor, given, asked)
}

/// As [`decide`], for whom the link of a digest brought: it opens the inbox of one person, and is
/// not used up by one decision.
///
/// # Errors
/// As [`decide`]; [`Refusal::LinkDead`] when the link opens nobody's inbox or somebody else's,
/// [`Refusal::SignInRequired`] when it is older than links of this stage may be.
pub fn decide_from_inbox(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    inbox: &Secret,
    given: &DecisionGiven,
) -> Result<DecisionRow> {
    let now = desk.clock.now();
    let opened = crate::notify::links::inbox(tx, inbox, now)?;
    let Some(opened) = opened.filter(|opened| Some(opened.person) == actor.person) else {
        return Err(Refusal::LinkDead.into());
    };
    let asked = mine(tx, actor, given)?;
    let loaded = workflows::pinned(tx, &desk.workflows, &asked.review.workflow)?;
    let workflow = &loaded.workflow;
    let end = crate::review::links::end_of(tx, desk, workflow, &asked.task.stage, opened.made)?;
    if end <= now {
        return Err(Refusal::SignInRequired.into());
    }
    answer(tx, desk, actor, given, asked)
}

/// The task that a decision answers, which must be the actor's.
fn mine(conn: &mut Conn, actor: &Actor, given: &DecisionGiven) -> Result<store::Asked> {
    let asked = store::asked(conn, given.task)?;
    let person = actor.person.ok_or(Error::Unauthenticated)?;
    // A link works without a session, so this is the only place that asks who is active.
    if asked.task.person_id != person || !asked.active {
        return Err(Refusal::NotAsked.into());
    }
    Ok(asked)
}

fn answer(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    given: &DecisionGiven,
    asked: store::Asked,
) -> Result<DecisionRow> {
    let (task, record) = (asked.task, asked.record);
    let before = asked.review;
    let loading = loading(tx, desk, &before, asked.revision.document()?, None)?;
    let decision = Decision {
        stage: task.stage.clone(),
        epoch: u32::try_from(task.epoch).unwrap_or(0),
        person: task.person_id,
        seen: given.seen.clone(),
        by_link: actor.via.method == Method::EmailLink,
        outcome: given.outcome,
        reason: given.reason.clone(),
        answers: given.answers.clone(),
        conditions: conditions(tx, &given.conditions, desk.today())?,
    };
    let change = Change {
        desk,
        actor,
        record: &record,
        loading: &loading,
        opened: false,
        now: desk.time(tx)?,
    };
    run(tx, &change, &before, &Command::Decide(decision))?;
    store::decision_row(tx, task.id)?
        .ok_or_else(|| Error::Corrupt("a decision was not kept".to_owned()))
}

fn conditions(conn: &mut Conn, given: &[ConditionGiven], today: Day) -> Result<Vec<Condition>> {
    let mut read = Vec::new();
    // One more than allowed is enough for the engine to refuse them all.
    for (index, condition) in given.iter().take(CONDITIONS_MAX + 1).enumerate() {
        let wrong = |what| Error::Refused(Refusal::ConditionInvalid(index + 1, what));
        let owner = match crate::form::plain(&condition.owner).as_str() {
            "" => None,
            address => {
                let person = people::by_email(conn, address)?.filter(|p| p.active);
                Some(
                    person
                        .ok_or_else(|| wrong("nobody in the directory has this address"))?
                        .id,
                )
            }
        };
        let due = match condition.due.trim() {
            "" => None,
            day => match Day::parse(day) {
                Some(day) if day < today => return Err(wrong("its day is over already")),
                Some(day) => Some(day.to_string()),
                None => return Err(wrong("write the day as 2027-01-31")),
            },
        };
        read.push(Condition {
            text: crate::form::plain(&condition.text),
            owner,
            due,
        });
    }
    Ok(read)
}

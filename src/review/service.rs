//! The commands on a review: load, let the engine decide, write everything in one transaction.
use crate::clock::Clock;
use crate::db::{At, Conn, PersonId, RecordId, ReviewId, TaskId, Tx};
use crate::error::{Error, Result};
use crate::ledger::entry::Method;
use crate::ledger::{Actor, Note};
use crate::notify::Timetable;
use crate::notify::outbox::{self, Message};
use crate::people;
use crate::register::{self, Kinds, Record, Status};
use crate::review::engine::{
    self, CONDITIONS_MAX, Command, Condition, Context, Decision, Directory, Event, Forecast,
    Needed, OpenTask, Opening, Phase, Refusal, Resubmission, Review,
};
use crate::review::store::{self, DecisionRow};
use crate::review::workflows::{self, Cache, Loaded};
use crate::workflow::Outcome;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What every command needs besides the database: built once, shared.
#[derive(Debug)]
pub struct Desk {
    /// The time.
    pub clock: Clock,
    /// The kinds of record.
    pub kinds: Kinds,
    /// Workflow versions that were read before.
    pub workflows: Cache,
    /// When mail goes out.
    pub timetable: Timetable,
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

struct Loading {
    loaded: Arc<Loaded>,
    request: Value,
    directory: Directory,
}

impl Loading {
    fn context(&self) -> Context<'_> {
        Context {
            workflow: &self.loaded.workflow,
            forms: &self.loaded.forms,
            request: &self.request,
            directory: &self.directory,
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
    let new = register::NewRecord {
        document,
        status,
        source_key: None,
    };
    register::create(tx, desk.clock.now(), actor, kind, new)
}

/// Saves a change of a record. Under review this is a new revision, every stage starts anew and
/// former approvals are void; while changes are asked for it waits to be submitted again.
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
    let now = desk.clock.now();
    let before = register::by_id(tx, record)?;
    let kind = desk.kinds.by_key(&before.kind)?;
    editing_allowed(tx, actor, &before)?;
    let status = before.status()?;
    if kind.reviewed && status == Status::Approved {
        return Err(Refusal::NotEditable(status.words()).into());
    }
    if status == Status::InReview {
        complete(kind, document)?;
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
    let now = desk.clock.now();
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
    let opening = opening(tx, desk, actor, &record)?;
    let (loading, opening) = opening;
    let (review, events) = engine::open(&loading.context(), opening, now)
        .ok_or_else(|| Error::Corrupt("a review did not begin with its opening".to_owned()))?;
    keep(tx, actor, &record, &loading, None, &review, &events, now)?;
    Ok(review)
}

fn opening(tx: &mut Tx, desk: &Desk, actor: &Actor, record: &Record) -> Result<(Loading, Opening)> {
    let kind = desk.kinds.by_key(&record.kind)?;
    let revision = register::revision(tx, record.id, record.revision)?;
    let request = revision.document()?;
    complete(kind, &request)?;
    let owner = active_owner(tx, record)?;
    let loaded =
        workflows::choose(tx, &desk.workflows, kind.key, &request)?.ok_or(Refusal::NoWorkflow)?;
    let directory = people::directory(tx, &loaded.workflow, &request)?;
    let opening = Opening {
        review: ReviewId::new(),
        record: record.id,
        workflow: loaded.pin.clone(),
        revision: record.revision,
        digest: revision.digest,
        submitter: actor.person.ok_or(Error::Unauthenticated)?,
        owner,
        editors: register::editors(tx, record.id)?,
    };
    Ok((
        Loading {
            loaded,
            request,
            directory,
        },
        opening,
    ))
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
    let command = Command::Resubmit(Resubmission {
        by: actor.person.ok_or(Error::Unauthenticated)?,
        revision: record.revision,
        digest: revision.digest,
        owner: active_owner(tx, record)?,
        editors: register::editors(tx, record.id)?,
    });
    run(tx, actor, record, &loading, &before, &command, now)
}

/// A running review with what its engine needs. The document is the record's present revision.
fn load(conn: &mut Conn, desk: &Desk, id: ReviewId, record: &Record) -> Result<(Review, Loading)> {
    let review = store::review(conn, id)?;
    let request = register::revision(conn, record.id, record.revision)?.document()?;
    let loading = loading(conn, desk, &review, request)?;
    Ok((review, loading))
}

fn loading(conn: &mut Conn, desk: &Desk, review: &Review, request: Value) -> Result<Loading> {
    let loaded = workflows::pinned(conn, &desk.workflows, &review.workflow)?;
    let directory = people::directory(conn, &loaded.workflow, &request)?;
    Ok(Loading {
        loaded,
        request,
        directory,
    })
}

fn run(
    tx: &mut Tx,
    actor: &Actor,
    record: &Record,
    loading: &Loading,
    before: &Review,
    command: &Command,
    now: At,
) -> Result<Review> {
    let (after, events) = engine::decide(&loading.context(), before, command, now)?;
    if !events.is_empty() {
        keep(
            tx,
            actor,
            record,
            loading,
            Some(before),
            &after,
            &events,
            now,
        )?;
    }
    Ok(after)
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
    let (before, loading) = load(tx, desk, review, &record)?;
    let by = actor.person.ok_or(Error::Unauthenticated)?;
    let command = Command::Withdraw { by, reason };
    run(
        tx,
        actor,
        &record,
        &loading,
        &before,
        &command,
        desk.clock.now(),
    )
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
    let asked = store::asked(tx, given.task)?;
    let (task, record) = (asked.task, asked.record);
    let person = actor.person.ok_or(Error::Unauthenticated)?;
    // A link works without a session, so this is the only place that asks who is active.
    if task.person_id != person || !asked.active {
        return Err(Refusal::NotAsked.into());
    }
    match &given.link {
        Some(hash) => crate::review::links::redeem(tx, hash, task.id, now)?,
        None if actor.via.method == Method::EmailLink => return Err(Refusal::LinkDead.into()),
        None => {}
    }
    let before = asked.review;
    let loading = loading(tx, desk, &before, asked.revision.document()?)?;
    let decision = Decision {
        stage: task.stage.clone(),
        epoch: u32::try_from(task.epoch).unwrap_or(0),
        person,
        seen: given.seen.clone(),
        by_link: actor.via.method == Method::EmailLink,
        outcome: given.outcome,
        reason: given.reason.clone(),
        answers: given.answers.clone(),
        conditions: conditions(tx, &given.conditions)?,
    };
    run(
        tx,
        actor,
        &record,
        &loading,
        &before,
        &Command::Decide(decision),
        now,
    )?;
    store::decision_row(tx, task.id)?
        .ok_or_else(|| Error::Corrupt("a decision was not kept".to_owned()))
}

fn conditions(conn: &mut Conn, given: &[ConditionGiven]) -> Result<Vec<Condition>> {
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
            day => match day.parse::<jiff::civil::Date>() {
                Ok(day) => Some(day.to_string()),
                Err(_) => return Err(wrong("write the day as 2027-01-31")),
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

/// Looks again at seats that lacked people; called when the directory changed. Returns how many
/// reviews moved.
///
/// # Errors
/// When the database fails.
pub fn refill(tx: &mut Tx, desk: &Desk, actor: &Actor) -> Result<usize> {
    let mut moved = 0;
    for id in store::running(tx)? {
        let record = store::review(tx, id)?.record;
        let record = register::by_id(tx, record)?;
        let (before, loading) = load(tx, desk, id, &record)?;
        let now = desk.clock.now();
        let after = run(tx, actor, &record, &loading, &before, &Command::Refill, now)?;
        moved += usize::from(after != before);
    }
    if moved == 0 {
        tx.leave_unchanged();
    }
    Ok(moved)
}

/// Writes what happened: entries, state, tasks, decisions and messages.
#[allow(
    clippy::too_many_arguments,
    reason = "one transaction's worth of facts, used here only"
)]
fn keep(
    tx: &mut Tx,
    actor: &Actor,
    record: &Record,
    loading: &Loading,
    before: Option<&Review>,
    after: &Review,
    events: &[Event],
    now: At,
) -> Result<()> {
    store::save(tx, after, before.is_none(), now)?;
    let risk = after.derived.get("risk").and_then(|d| d.value.as_str());
    register::set_review(tx, record.id, after.id, status_of(after.phase), risk, now)?;
    for event in events {
        let seq = crate::ledger::append(tx, now, note(actor, record, after, event)?)?;
        project(tx, actor, after, event, seq, now)?;
    }
    sync_tasks(tx, loading, after, record, now)?;
    announce(tx, after, record, events, now)
}

fn status_of(phase: Phase) -> Status {
    match phase {
        Phase::InReview => Status::InReview,
        Phase::ChangesRequested => Status::ChangesRequested,
        Phase::Approved => Status::Approved,
        Phase::Rejected => Status::Rejected,
        Phase::Withdrawn => Status::Withdrawn,
    }
}

/// The entry of an event. What a person did carries their name; what followed from it is the
/// system's.
fn note(actor: &Actor, record: &Record, review: &Review, event: &Event) -> Result<Note> {
    let deed = matches!(
        event,
        Event::Opened { .. }
            | Event::Resubmitted { .. }
            | Event::Decided { .. }
            | Event::Withdrawn { .. }
    );
    let author = if deed {
        actor.clone()
    } else {
        Actor::system(actor.via.clone())
    };
    let mut note = Note::new(event.kind(), &author)
        .record(record.id, &record.reference)
        .review(review.id)
        .subject("workflow_hash", review.workflow.hash.as_str());
    if let Some(stage) = event.stage() {
        note = note.stage(stage, review.stage(stage).map_or(0, |s| s.epoch));
    }
    detail(note, event)
}

fn detail(note: Note, event: &Event) -> Result<Note> {
    Ok(match event {
        Event::Opened {
            workflow,
            revision,
            digest,
            owner,
            derived,
            ..
        } => note
            .subject("revision", *revision)
            .subject("digest", digest.as_str())
            .subject("workflow", workflow.key.as_str())
            .subject("workflow_version", workflow.version)
            .data("owner", owner.to_string())
            .data("derived", values(derived)),
        Event::Resubmitted {
            revision,
            digest,
            owner,
            derived,
            ..
        } => note
            .subject("revision", *revision)
            .subject("digest", digest.as_str())
            .data("owner", owner.to_string())
            .data("derived", values(derived)),
        Event::StageOpened { seats, unread, .. } => {
            let note = note
                .data("seats", json!(seats))
                .data("condition_unread", unread.is_some());
            match unread {
                Some(why) => note.private("condition_error", why.as_str()),
                None => note,
            }
        }
        Event::SeatFellBack { seat, people, .. } => note
            .data("seat", seat.as_str())
            .data("people", json!(people)),
        Event::Decided { .. } => decided(note, event)?,
        Event::StageSettled { progress, .. } => note.outcome(progress.as_str()),
        Event::Approved { with_conditions } => note.data("with_conditions", *with_conditions),
        Event::Rejected { because } => note.data("because", json!(because)),
        Event::Withdrawn {
            reason: Some(reason),
        } => note.private("reason", reason.as_str()),
        _ => note,
    })
}

fn values(derived: &BTreeMap<String, crate::workflow::Derived>) -> Value {
    let one = |(key, d): (&String, &crate::workflow::Derived)| {
        (key.clone(), json!({ "value": d.value, "row": d.row }))
    };
    Value::Object(derived.iter().map(one).collect())
}

fn decided(note: Note, event: &Event) -> Result<Note> {
    let Event::Decided {
        task,
        person,
        outcome,
        revision,
        digest,
        ..
    } = event
    else {
        return Ok(note);
    };
    let Event::Decided {
        reason,
        answers,
        conditions,
        ..
    } = event
    else {
        return Ok(note);
    };
    let owed = |c: &Condition| json!({ "owner": c.owner, "due": c.due });
    let mut note = note
        .about(*person)
        .outcome(outcome.as_str())
        .subject("task", task.to_string())
        .subject("revision", *revision)
        .subject("digest", digest.as_str())
        .data(
            "conditions",
            Value::Array(conditions.iter().map(owed).collect()),
        );
    if let Some(reason) = reason {
        note = note.private("reason", reason.as_str());
    }
    if answers.as_object().is_some_and(|a| !a.is_empty()) {
        note = note.private("answers", serde_json_canonicalizer::to_string(answers)?);
    }
    for (index, condition) in conditions.iter().enumerate() {
        note = note.private(&format!("condition_{}", index + 1), condition.text.as_str());
    }
    Ok(note)
}

/// Rows that pages and the API read, beside the state itself.
fn project(
    tx: &mut Tx,
    actor: &Actor,
    review: &Review,
    event: &Event,
    seq: u64,
    now: At,
) -> Result<()> {
    match event {
        Event::Decided {
            task,
            stage,
            epoch,
            person,
            outcome,
            revision,
            digest,
            ..
        } => {
            let row = DecisionRow {
                id: *task,
                review_id: review.id,
                record_id: review.record,
                stage: stage.clone(),
                epoch: i32::try_from(*epoch).unwrap_or(i32::MAX),
                revision: *revision,
                digest: digest.clone(),
                person_id: *person,
                outcome: outcome.as_str().to_owned(),
                method: actor.via.method.as_str().to_owned(),
                seq: i64::try_from(seq).unwrap_or(i64::MAX),
                decided_at: now,
            };
            store::insert_decision(tx, &row)?;
            store::close_task(tx, *task, "decided", now)?;
            let Event::Decided { conditions, .. } = event else {
                return Ok(());
            };
            for (index, condition) in conditions.iter().enumerate() {
                store::insert_condition(tx, *task, review.record, index, condition)?;
            }
            let receipt = Message::new("receipt", *person)
                .record(review.record)
                .task(*task);
            outbox::queue(tx, receipt.once(&format!("receipt:{task}")), now)
        }
        Event::StageReopened { stage, .. } => store::void_conditions(tx, review.id, stage),
        Event::Rejected { .. } | Event::Withdrawn { .. } => {
            let mut stages = review.stages.keys();
            stages.try_for_each(|stage| store::void_conditions(tx, review.id, stage))
        }
        _ => Ok(()),
    }
}

/// Closes the tasks that are void and opens those that are new, with their mail.
fn sync_tasks(
    tx: &mut Tx,
    loading: &Loading,
    review: &Review,
    record: &Record,
    now: At,
) -> Result<()> {
    let wanted: BTreeMap<TaskId, OpenTask> = engine::open_tasks(&loading.context(), review)
        .into_iter()
        .map(|open| {
            (
                TaskId::of(review.id, &open.stage, open.epoch, open.person),
                open,
            )
        })
        .collect();
    let present: BTreeSet<TaskId> = store::open_tasks_of(tx, review.id)?
        .into_iter()
        .map(|t| t.id)
        .collect();
    for id in present.iter().filter(|id| !wanted.contains_key(id)) {
        store::close_task(tx, *id, "closed", now)?;
    }
    for (id, open) in wanted.iter().filter(|(id, _)| !present.contains(id)) {
        store::insert_task(tx, review, open, now)?;
        let mail = Message::new("task", open.person)
            .record(record.id)
            .task(*id);
        outbox::queue(tx, mail.once(&format!("task:{id}")), now)?;
    }
    Ok(())
}

/// Tells submitter and owner what they wait for.
fn announce(
    tx: &mut Tx,
    review: &Review,
    record: &Record,
    events: &[Event],
    now: At,
) -> Result<()> {
    for event in events {
        let template = match event {
            Event::ChangesRequested { .. } => "changes_requested",
            Event::Approved { .. } => "approved",
            Event::Rejected { .. } => "rejected",
            Event::Withdrawn { .. } => "withdrawn",
            _ => continue,
        };
        let round = review.resubmissions;
        for person in BTreeSet::from([review.submitter, review.owner]) {
            let key = format!("{template}:{}:{round}:{person}", review.id);
            let mail = Message::new(template, person).record(record.id);
            outbox::queue(tx, mail.once(&key), now)?;
        }
    }
    Ok(())
}

/// What a submitter sees before submitting.
#[derive(Debug, Clone)]
pub struct Preview {
    /// Key of the workflow.
    pub workflow: String,
    /// Its version.
    pub version: i32,
    /// Its title.
    pub title: String,
    /// The risk tier, when the workflow has one.
    pub risk: Option<String>,
    /// The rule that gave it.
    pub because: Option<String>,
    /// The stages in order.
    pub stages: Vec<PreviewStage>,
}

/// One stage ahead.
#[derive(Debug, Clone)]
pub struct PreviewStage {
    /// Its key.
    pub key: String,
    /// Its title.
    pub title: String,
    /// Whether it will be needed.
    pub needed: Needed,
    /// The condition that says so.
    pub when: Option<String>,
    /// Seats: `(key, need, names)`.
    pub seats: Vec<(String, usize, Vec<String>)>,
}

/// The route that submitting would open, for the record's present revision.
///
/// # Errors
/// As [`submit`], without changing anything.
pub fn preview(conn: &mut Conn, desk: &Desk, person: PersonId, record: &Record) -> Result<Preview> {
    let kind = desk.kinds.by_key(&record.kind)?;
    let revision = register::revision(conn, record.id, record.revision)?;
    let request = revision.document()?;
    let loaded =
        workflows::choose(conn, &desk.workflows, kind.key, &request)?.ok_or(Refusal::NoWorkflow)?;
    let directory = people::directory(conn, &loaded.workflow, &request)?;
    let loading = Loading {
        loaded,
        request,
        directory,
    };
    let ctx = loading.context();
    let review = Review::begin(&Event::Opened {
        review: ReviewId(uuid::Uuid::nil()),
        record: record.id,
        workflow: loading.loaded.pin.clone(),
        revision: record.revision,
        digest: revision.digest,
        submitter: person,
        owner: record.owner_id.unwrap_or(person),
        editors: register::editors(conn, record.id)?,
        derived: ctx.workflow.derive(ctx.request),
        stages: ctx.workflow.stages.iter().map(|s| s.key.clone()).collect(),
    })
    .ok_or_else(|| Error::Corrupt("a review did not begin with its opening".to_owned()))?;
    let route = engine::forecast(&ctx, &review);
    let names = people::names(conn, &everyone(&route))?;
    let risk = review.derived.get("risk");
    Ok(Preview {
        workflow: loading.loaded.pin.key.clone(),
        version: loading.loaded.pin.version,
        title: ctx.workflow.title.clone(),
        risk: risk.and_then(|d| d.value.as_str()).map(str::to_owned),
        because: risk.and_then(|d| d.because.clone()),
        stages: route
            .iter()
            .map(|f| preview_stage(&ctx, f, &names))
            .collect(),
    })
}

fn everyone(route: &[Forecast]) -> BTreeSet<PersonId> {
    route
        .iter()
        .flat_map(|f| &f.seats)
        .flat_map(|s| s.asked().collect::<Vec<_>>())
        .collect()
}

fn preview_stage(
    ctx: &Context,
    forecast: &Forecast,
    names: &BTreeMap<PersonId, String>,
) -> PreviewStage {
    let stage = ctx.workflow.stage(&forecast.stage);
    let seat = |s: &engine::SeatRun| {
        let asked: BTreeSet<PersonId> = s.asked().collect();
        (
            s.key.clone(),
            s.need,
            asked.iter().filter_map(|p| names.get(p).cloned()).collect(),
        )
    };
    PreviewStage {
        key: forecast.stage.clone(),
        title: stage.map_or_else(String::new, |s| s.title.clone()),
        needed: forecast.needed,
        when: stage.and_then(|s| s.when.clone()),
        seats: forecast.seats.iter().map(seat).collect(),
    }
}

//! Reviews, tasks and decisions in the database, one statement a function.
use crate::db::schema::{
    conditions, decisions, ledger_private, people, records, reviews, revisions, tasks,
};
use crate::db::{At, ConditionId, Conn, Kept, PersonId, RecordId, ReviewId, TaskId, Tx};
use crate::error::{Error, Result};
use crate::on_backend;
use crate::register::{Record, Revision};
use crate::review::engine::{Condition, OpenTask, Review};
use diesel::prelude::*;

/// One person's question in a stage.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = tasks)]
pub struct Task {
    /// Identifier, which its decision shares.
    pub id: TaskId,
    /// The review.
    pub review_id: ReviewId,
    /// The record.
    pub record_id: RecordId,
    /// Key of the stage.
    pub stage: String,
    /// Epoch of the stage.
    pub epoch: i32,
    /// Who is asked.
    pub person_id: PersonId,
    /// `open`, `decided` or `closed`.
    pub state: String,
    /// Since when.
    pub opened_at: At,
    /// Until when.
    pub closed_at: Option<At>,
}

/// A recorded decision; its reason and conditions lie beside it.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = decisions)]
pub struct DecisionRow {
    /// Identifier, its task's.
    pub id: TaskId,
    /// The review.
    pub review_id: ReviewId,
    /// The record.
    pub record_id: RecordId,
    /// Key of the stage.
    pub stage: String,
    /// Epoch of the stage.
    pub epoch: i32,
    /// The revision decided on.
    pub revision: i32,
    /// Its digest.
    pub digest: String,
    /// Who decided.
    pub person_id: PersonId,
    /// What.
    pub outcome: String,
    /// How they were known.
    pub method: String,
    /// Number of the ledger entry.
    pub seq: i64,
    /// When.
    pub decided_at: At,
}

/// A condition attached to an approval.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = conditions)]
pub struct ConditionRow {
    /// Identifier.
    pub id: ConditionId,
    /// The decision it came with.
    pub decision_id: TaskId,
    /// The record.
    pub record_id: RecordId,
    /// What must be done.
    pub text: String,
    /// By whom.
    pub owner_id: Option<PersonId>,
    /// By when, `YYYY-MM-DD`.
    pub due: Option<String>,
    /// `open`, or `void` when the approval it came with fell.
    pub state: String,
}

/// Who holds an open question.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct Holder {
    /// The record.
    pub record_id: RecordId,
    /// Key of the stage.
    pub stage: String,
    /// Name of the person.
    pub name: String,
    /// Since when.
    pub since: At,
}

/// The review with this identifier.
///
/// # Errors
/// [`Error::NotFound`].
pub fn review(conn: &mut Conn, id: ReviewId) -> Result<Review> {
    let state: Option<String> = reviews::table
        .find(id)
        .select(reviews::state)
        .get_result(conn)
        .optional()?;
    let state = state.ok_or_else(|| Error::not_found("review", id))?;
    Ok(serde_json::from_str(&state)?)
}

pub(super) fn save(tx: &mut Tx, review: &Review, opened: bool, now: At) -> Result<()> {
    let state = serde_json::to_string(review)?;
    let closed_at = review.phase.is_final().then_some(now);
    if opened {
        diesel::insert_into(reviews::table)
            .values((
                reviews::id.eq(review.id),
                reviews::record_id.eq(review.record),
                reviews::workflow_key.eq(&review.workflow.key),
                reviews::workflow_version.eq(review.workflow.version),
                reviews::phase.eq(review.phase.as_str()),
                reviews::state.eq(state),
                reviews::opened_at.eq(now),
                reviews::closed_at.eq(closed_at),
            ))
            .execute(&mut **tx)?;
    } else {
        let update = diesel::update(reviews::table.find(review.id)).set((
            reviews::phase.eq(review.phase.as_str()),
            reviews::state.eq(state),
            reviews::closed_at.eq(closed_at),
        ));
        on_backend!(&mut **tx, c => Kept(update).execute(c))?;
    }
    Ok(())
}

/// The running reviews.
pub(super) fn running(conn: &mut Conn) -> Result<Vec<ReviewId>> {
    Ok(reviews::table
        .filter(reviews::phase.eq("in_review"))
        .select(reviews::id)
        .load(conn)?)
}

/// The task with this identifier.
///
/// # Errors
/// [`Error::NotFound`].
pub fn task(conn: &mut Conn, id: TaskId) -> Result<Task> {
    let found = tasks::table
        .find(id)
        .select(Task::as_select())
        .get_result(conn)
        .optional()?;
    found.ok_or_else(|| Error::not_found("task", id))
}

/// A task with all that is needed to judge who answers it.
pub(super) struct Asked {
    /// The task.
    pub task: Task,
    /// Whether the person who is asked is active.
    pub active: bool,
    /// The record.
    pub record: Record,
    /// The record's present revision.
    pub revision: Revision,
    /// The review.
    pub review: Review,
}

/// One statement for all of it, because every decision asks this.
///
/// # Errors
/// [`Error::NotFound`].
pub(super) fn asked(conn: &mut Conn, id: TaskId) -> Result<Asked> {
    let present = revisions::record_id
        .eq(records::id)
        .and(revisions::number.eq(records::revision));
    let found: Option<(Task, bool, Record, Revision, String)> = on_backend!(conn, c => {
        tasks::table
            .inner_join(people::table)
            .inner_join(records::table)
            .inner_join(reviews::table.on(reviews::id.eq(tasks::review_id)))
            .inner_join(revisions::table.on(present))
            .filter(tasks::id.eq(id))
            .select((
                Task::as_select(),
                people::active,
                Record::as_select(),
                Revision::as_select(),
                reviews::state,
            ))
            .get_result(c)
    })
    .optional()?;
    let (task, active, record, revision, state) =
        found.ok_or_else(|| Error::not_found("task", id))?;
    let review = serde_json::from_str(&state)?;
    Ok(Asked {
        task,
        active,
        record,
        revision,
        review,
    })
}

/// The open tasks of a person, the oldest first.
///
/// # Errors
/// When the database fails.
pub fn tasks_of_person(conn: &mut Conn, person: PersonId) -> Result<Vec<Task>> {
    Ok(tasks::table
        .filter(tasks::person_id.eq(person).and(tasks::state.eq("open")))
        .order((tasks::opened_at, tasks::id))
        .select(Task::as_select())
        .load(conn)?)
}

/// How many tasks wait for a person.
///
/// # Errors
/// When the database fails.
pub fn open_task_count(conn: &mut Conn, person: PersonId) -> Result<i64> {
    Ok(tasks::table
        .filter(tasks::person_id.eq(person).and(tasks::state.eq("open")))
        .count()
        .get_result(conn)?)
}

/// The open tasks of a review.
///
/// # Errors
/// When the database fails.
pub fn open_tasks_of(conn: &mut Conn, review: ReviewId) -> Result<Vec<Task>> {
    Ok(on_backend!(conn, c => {
        tasks::table
            .filter(tasks::review_id.eq(review).and(tasks::state.eq("open")))
            .order((tasks::opened_at, tasks::id))
            .select(Task::as_select())
            .load(c)
    })?)
}

/// Who holds the open questions of these records.
///
/// # Errors
/// When the database fails.
pub fn holders(conn: &mut Conn, records: &[RecordId]) -> Result<Vec<Holder>> {
    Ok(tasks::table
        .inner_join(people::table)
        .filter(
            tasks::record_id
                .eq_any(records)
                .and(tasks::state.eq("open")),
        )
        .order((tasks::opened_at, people::name))
        .select((
            tasks::record_id,
            tasks::stage,
            people::name,
            tasks::opened_at,
        ))
        .load(conn)?)
}

pub(super) fn insert_task(
    tx: &mut Tx,
    review: &Review,
    open: &OpenTask,
    now: At,
) -> Result<TaskId> {
    let id = TaskId::of(review.id, &open.stage, open.epoch, open.person);
    let row = diesel::insert_into(tasks::table).values((
        tasks::id.eq(id),
        tasks::review_id.eq(review.id),
        tasks::record_id.eq(review.record),
        tasks::stage.eq(&open.stage),
        tasks::epoch.eq(i32::try_from(open.epoch).unwrap_or(i32::MAX)),
        tasks::person_id.eq(open.person),
        tasks::state.eq("open"),
        tasks::opened_at.eq(now),
    ));
    on_backend!(&mut **tx, c => row.execute(c))?;
    Ok(id)
}

pub(super) fn close_task(tx: &mut Tx, id: TaskId, state: &str, now: At) -> Result<()> {
    let update = diesel::update(tasks::table.find(id))
        .set((tasks::state.eq(state), tasks::closed_at.eq(now)));
    on_backend!(&mut **tx, c => Kept(update).execute(c))?;
    Ok(())
}

pub(super) fn insert_decision(tx: &mut Tx, row: &DecisionRow) -> Result<()> {
    let row = diesel::insert_into(decisions::table).values((
        decisions::id.eq(row.id),
        decisions::review_id.eq(row.review_id),
        decisions::record_id.eq(row.record_id),
        decisions::stage.eq(&row.stage),
        decisions::epoch.eq(row.epoch),
        decisions::revision.eq(row.revision),
        decisions::digest.eq(&row.digest),
        decisions::person_id.eq(row.person_id),
        decisions::outcome.eq(&row.outcome),
        decisions::method.eq(&row.method),
        decisions::seq.eq(row.seq),
        decisions::decided_at.eq(row.decided_at),
    ));
    on_backend!(&mut **tx, c => row.execute(c))?;
    Ok(())
}

pub(super) fn insert_condition(
    tx: &mut Tx,
    decision: TaskId,
    record: RecordId,
    index: usize,
    condition: &Condition,
) -> Result<()> {
    diesel::insert_into(conditions::table)
        .values((
            conditions::id.eq(ConditionId::of(decision, index)),
            conditions::decision_id.eq(decision),
            conditions::record_id.eq(record),
            conditions::text.eq(&condition.text),
            conditions::owner_id.eq(condition.owner),
            conditions::due.eq(&condition.due),
            conditions::state.eq("open"),
        ))
        .execute(&mut **tx)?;
    Ok(())
}

/// The conditions of a stage's decisions fall with the approvals they came with.
pub(super) fn void_conditions(tx: &mut Tx, review: ReviewId, stage: &str) -> Result<()> {
    let fallen = decisions::table
        .filter(
            decisions::review_id
                .eq(review)
                .and(decisions::stage.eq(stage)),
        )
        .select(decisions::id);
    diesel::update(conditions::table.filter(conditions::decision_id.eq_any(fallen)))
        .set(conditions::state.eq("void"))
        .execute(&mut **tx)?;
    Ok(())
}

/// The decisions of a record, the first first.
///
/// # Errors
/// When the database fails.
pub fn decisions_of(conn: &mut Conn, record: RecordId) -> Result<Vec<DecisionRow>> {
    Ok(decisions::table
        .filter(decisions::record_id.eq(record))
        .order(decisions::seq)
        .select(DecisionRow::as_select())
        .load(conn)?)
}

/// The decision that answered a task.
pub(super) fn decision_row(conn: &mut Conn, task: TaskId) -> Result<Option<DecisionRow>> {
    let row = on_backend!(conn, c => {
        decisions::table
            .find(task)
            .select(DecisionRow::as_select())
            .get_result(c)
    });
    Ok(row.optional()?)
}

/// The decision that answered a task, with its reason.
///
/// # Errors
/// When the database fails.
pub fn decision(conn: &mut Conn, task: TaskId) -> Result<Option<(DecisionRow, Option<String>)>> {
    let Some(row) = decision_row(conn, task)? else {
        return Ok(None);
    };
    let reason = ledger_private::table
        .find((row.seq, "reason"))
        .select(ledger_private::value)
        .get_result::<String>(conn)
        .optional()?;
    Ok(Some((row, reason)))
}

/// The conditions attached to a record's approvals.
///
/// # Errors
/// When the database fails.
pub fn conditions_of(conn: &mut Conn, record: RecordId) -> Result<Vec<ConditionRow>> {
    Ok(conditions::table
        .filter(conditions::record_id.eq(record))
        .order((conditions::due, conditions::id))
        .select(ConditionRow::as_select())
        .load(conn)?)
}

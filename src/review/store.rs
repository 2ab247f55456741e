//! Reviews, tasks and decisions in the database, one statement a function.
use crate::db::schema::{
    conditions, decisions, ledger_private, people, records, reviews, revisions, tasks, timers,
};
use crate::db::{At, ConditionId, Conn, Kept, PersonId, RecordId, ReviewId, TaskId, TimerId, Tx};
use crate::error::{Error, Result};
use crate::on_backend;
use crate::register::{Record, Revision};
use crate::review::engine::{Condition, Obligation, OpenTask, Review};
use diesel::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

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
    /// When the stage is due, where a clock runs.
    pub due_at: Option<At>,
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
    /// In whose place.
    pub on_behalf_of: Option<PersonId>,
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
    /// By when, `YYYY-MM-DD`, as the approver wrote it.
    pub due: Option<String>,
    /// By when, once the approval is in force.
    pub due_at: Option<At>,
    /// `open`, `evidence_given`, `met`, `waived`, `missed`, `refused`, or `void` when the approval
    /// it came with fell.
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

/// Key and version of the workflow that each of these reviews follows.
pub(super) fn followed(
    conn: &mut Conn,
    ids: &BTreeSet<ReviewId>,
) -> Result<Vec<(ReviewId, String, i32)>> {
    let ids: Vec<ReviewId> = ids.iter().copied().collect();
    let followed = reviews::table.filter(reviews::id.eq_any(ids)).select((
        reviews::id,
        reviews::workflow_key,
        reviews::workflow_version,
    ));
    Ok(followed.load(conn)?)
}

/// The reviews that were opened last, the latest first, but for those that look at an override
/// after the fact.
pub(super) fn latest_reviews(conn: &mut Conn, count: i64) -> Result<Vec<Review>> {
    let states: Vec<String> = reviews::table
        .order((reviews::opened_at.desc(), reviews::id.desc()))
        .limit(count)
        .select(reviews::state)
        .load(conn)?;
    let mut found = Vec::new();
    for state in states {
        let review: Review = serde_json::from_str(&state)?;
        if !review.after_the_fact {
            found.push(review);
        }
    }
    Ok(found)
}

pub(super) fn save(tx: &mut Tx, review: &Review, opened: bool, now: At) -> Result<()> {
    let state = serde_json::to_string(review)?;
    let closed_at = (!review.phase.is_running()).then_some(now);
    let override_until = review.override_until();
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
                reviews::route.eq(closed_at.map(|_| review.route())),
            ))
            .execute(&mut **tx)?;
    } else {
        let update = diesel::update(reviews::table.find(review.id)).set((
            reviews::phase.eq(review.phase.as_str()),
            reviews::state.eq(state),
            reviews::override_until.eq(override_until),
        ));
        on_backend!(&mut **tx, c => Kept(update).run(c))?;
        if let Some(now) = closed_at {
            let first = reviews::table.find(review.id);
            let update = diesel::update(first.filter(reviews::closed_at.is_null())).set((
                reviews::closed_at.eq(now),
                reviews::route.eq(review.route()),
            ));
            on_backend!(&mut **tx, c => Kept(update).run(c))?;
        }
    }
    Ok(())
}

/// When the newest reviews of a workflow that took this route to a decision began and ended.
pub(super) fn closed_on(
    conn: &mut Conn,
    workflow: &str,
    route: &str,
    most: i64,
) -> Result<Vec<(At, At)>> {
    let rows: Vec<(At, Option<At>)> = reviews::table
        .filter(reviews::workflow_key.eq(workflow))
        .filter(reviews::route.eq(route))
        .filter(reviews::closed_at.is_not_null())
        .filter(reviews::phase.ne_all(["withdrawn", "abandoned"]))
        .order(reviews::closed_at.desc())
        .limit(most)
        .select((reviews::opened_at, reviews::closed_at))
        .load(conn)?;
    let closed = |(opened, closed): (At, Option<At>)| Some((opened, closed?));
    Ok(rows.into_iter().filter_map(closed).collect())
}

/// The running reviews.
pub(super) fn running(conn: &mut Conn) -> Result<Vec<ReviewId>> {
    Ok(reviews::table
        .filter(reviews::phase.eq("in_review"))
        .order(reviews::id)
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

/// The open tasks of a person with all that is needed to judge who answers them, the oldest first:
/// one statement, however many there are.
///
/// # Errors
/// When the database fails or holds what cannot be read.
pub(super) fn asked_of(conn: &mut Conn, person: PersonId) -> Result<Vec<Asked>> {
    let present = revisions::record_id
        .eq(records::id)
        .and(revisions::number.eq(records::revision));
    let rows: Vec<(Task, bool, Record, Revision, String)> = tasks::table
        .inner_join(people::table)
        .inner_join(records::table)
        .inner_join(reviews::table.on(reviews::id.eq(tasks::review_id)))
        .inner_join(revisions::table.on(present))
        .filter(tasks::person_id.eq(person).and(tasks::state.eq("open")))
        .order((tasks::opened_at, tasks::id))
        .select((
            Task::as_select(),
            people::active,
            Record::as_select(),
            Revision::as_select(),
            reviews::state,
        ))
        .load(conn)?;
    let asked =
        |(task, active, record, revision, state): (Task, bool, Record, Revision, String)| {
            Ok(Asked {
                task,
                active,
                record,
                revision,
                review: serde_json::from_str(&state)?,
            })
        };
    rows.into_iter().map(asked).collect()
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

/// Opens a task, or opens it again for who had handed it on and has it back. Answers how often it
/// was opened before.
pub(super) fn open_task(tx: &mut Tx, review: &Review, open: &OpenTask, now: At) -> Result<i32> {
    let id = TaskId::of(review.id, &open.stage, open.epoch, open.person);
    let due = review.due(&open.stage);
    let row = diesel::insert_into(tasks::table)
        .values((
            tasks::id.eq(id),
            tasks::review_id.eq(review.id),
            tasks::record_id.eq(review.record),
            tasks::stage.eq(&open.stage),
            tasks::epoch.eq(i32::try_from(open.epoch).unwrap_or(i32::MAX)),
            tasks::person_id.eq(open.person),
            tasks::state.eq("open"),
            tasks::opened_at.eq(now),
            tasks::round.eq(0),
            tasks::due_at.eq(due),
        ))
        .on_conflict(tasks::id)
        .do_nothing();
    if on_backend!(&mut **tx, c => row.execute(c))? == 1 {
        return Ok(0);
    }
    let none: Option<At> = None;
    diesel::update(tasks::table.find(id))
        .set((
            tasks::state.eq("open"),
            tasks::opened_at.eq(now),
            tasks::closed_at.eq(none),
            tasks::due_at.eq(due),
            tasks::round.eq(tasks::round + 1),
        ))
        .execute(&mut **tx)?;
    let round = tasks::table.find(id).select(tasks::round);
    Ok(round.get_result(&mut **tx)?)
}

/// Notes when an open task is due now.
pub(super) fn set_due(tx: &mut Tx, id: TaskId, due: Option<At>) -> Result<()> {
    let update = diesel::update(tasks::table.find(id)).set(tasks::due_at.eq(due));
    on_backend!(&mut **tx, c => Kept(update).run(c))?;
    Ok(())
}

pub(super) fn close_task(tx: &mut Tx, id: TaskId, state: &str, now: At) -> Result<()> {
    let update = diesel::update(tasks::table.find(id))
        .set((tasks::state.eq(state), tasks::closed_at.eq(now)));
    on_backend!(&mut **tx, c => Kept(update).run(c))?;
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
        decisions::on_behalf_of.eq(row.on_behalf_of),
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

/// Notes what a condition's obligation says now.
pub(super) fn set_condition(tx: &mut Tx, id: ConditionId, now: &Obligation) -> Result<()> {
    diesel::update(conditions::table.find(id))
        .set((
            conditions::state.eq(now.state.as_str()),
            conditions::owner_id.eq(now.owner),
            conditions::due_at.eq(now.due),
        ))
        .execute(&mut **tx)?;
    Ok(())
}

/// The steps of a review's clocks that are still to come.
pub(super) fn timers_of(conn: &mut Conn, review: ReviewId) -> Result<Vec<(TimerId, At)>> {
    Ok(on_backend!(conn, c => {
        timers::table
            .filter(timers::review_id.eq(review))
            .select((timers::id, timers::fire_at))
            .load(c)
    })?)
}

pub(super) fn insert_timer(
    tx: &mut Tx,
    id: TimerId,
    review: ReviewId,
    timer: &str,
    at: At,
) -> Result<()> {
    let row = diesel::insert_into(timers::table).values((
        timers::id.eq(id),
        timers::review_id.eq(review),
        timers::timer.eq(timer),
        timers::fire_at.eq(at),
    ));
    on_backend!(&mut **tx, c => row.execute(c))?;
    Ok(())
}

pub(super) fn move_timer(tx: &mut Tx, id: TimerId, at: At) -> Result<()> {
    let update = diesel::update(timers::table.find(id)).set(timers::fire_at.eq(at));
    on_backend!(&mut **tx, c => Kept(update).run(c))?;
    Ok(())
}

pub(super) fn drop_timers(tx: &mut Tx, ids: &[TimerId]) -> Result<()> {
    let gone = diesel::delete(timers::table.filter(timers::id.eq_any(ids)));
    on_backend!(&mut **tx, c => Kept(gone).run(c))?;
    Ok(())
}

/// The timers that are due, the earliest first: the row, its review and its step.
pub(super) fn due_timers(
    conn: &mut Conn,
    now: At,
    most: i64,
) -> Result<Vec<(TimerId, ReviewId, String)>> {
    Ok(timers::table
        .filter(timers::fire_at.le(now))
        .order((timers::fire_at, timers::id))
        .select((timers::id, timers::review_id, timers::timer))
        .limit(most)
        .load(conn)?)
}

/// Whether a timer is still there.
pub(super) fn timer_is_there(conn: &mut Conn, id: TimerId) -> Result<bool> {
    let there = diesel::dsl::exists(timers::table.find(id));
    Ok(diesel::select(there).get_result(conn)?)
}

/// The review whose approval a condition came with.
///
/// # Errors
/// [`Error::NotFound`].
pub(super) fn review_of_condition(conn: &mut Conn, id: ConditionId) -> Result<ReviewId> {
    let review: Option<ReviewId> = conditions::table
        .inner_join(decisions::table)
        .filter(conditions::id.eq(id))
        .select(decisions::review_id)
        .get_result(conn)
        .optional()?;
    review.ok_or_else(|| Error::not_found("condition", id))
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
    let owed = conditions::table
        .filter(conditions::decision_id.eq_any(fallen))
        .filter(conditions::state.ne_all(["met", "waived"]));
    diesel::update(owed)
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

/// What these conditions say.
pub(super) fn condition_texts(
    conn: &mut Conn,
    ids: &[ConditionId],
) -> Result<BTreeMap<ConditionId, String>> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows: Vec<(ConditionId, String)> = conditions::table
        .filter(conditions::id.eq_any(ids))
        .select((conditions::id, conditions::text))
        .load(conn)?;
    Ok(rows.into_iter().collect())
}

/// The reviews of a record, the first first.
///
/// # Errors
/// When the database fails.
pub fn reviews_of(conn: &mut Conn, record: RecordId) -> Result<Vec<Review>> {
    let states: Vec<String> = reviews::table
        .filter(reviews::record_id.eq(record))
        .order((reviews::opened_at, reviews::id))
        .select(reviews::state)
        .load(conn)?;
    let read = |state: &String| Ok(serde_json::from_str(state)?);
    states.iter().map(read).collect()
}

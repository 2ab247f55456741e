//! Sign-off links: a bearer key to one page of one task, never a decision by itself.
use crate::db::schema::{sign_off_links, tasks};
use crate::db::{At, Conn, PersonId, TaskId, Tx};
use crate::error::{Error, Result};
use crate::people::Secret;
use crate::review::engine::{Phase, Refusal, Review};
use crate::review::service::Desk;
use crate::review::store::{self, Task};
use crate::review::workflows;
use crate::workflow::Workflow;
use diesel::prelude::*;
use std::time::Duration;

/// How long a link works, in days, where the workflow says nothing; it dies earlier with its stage.
pub const LINK_DAYS: u64 = 7;

/// Until when a link works that is made now for this task.
///
/// # Errors
/// When the database fails.
pub fn link_end(conn: &mut Conn, desk: &Desk, task: &Task, now: At) -> Result<At> {
    let review = store::review(conn, task.review_id)?;
    let loaded = workflows::pinned(conn, &desk.workflows, &review.workflow)?;
    end_of(conn, desk, &loaded.workflow, &task.stage, now)
}

/// Until when a link works for this stage that was made at `made`, in whatever mail it came.
pub(super) fn end_of(
    conn: &mut Conn,
    desk: &Desk,
    workflow: &Workflow,
    stage: &str,
    made: At,
) -> Result<At> {
    let stage = workflow.stage(stage);
    let span = stage.and_then(|stage| stage.email.valid_for.as_ref());
    match span {
        Some(span) => {
            let calendar = desk.calendars.current(conn, &workflow.calendar)?;
            Ok(calendar.calendar.after(made, span))
        }
        None => Ok(made.plus(Duration::from_secs(LINK_DAYS * 86_400))),
    }
}

/// What a link leads to now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkState {
    /// Nothing is known of it.
    Unknown,
    /// It was made too long ago; its task is still open.
    Expired(Task),
    /// The task can be decided.
    Open(Task),
    /// Its person decided.
    DecidedByYou(Task),
    /// The stage was settled without them.
    DecidedByOthers(Task),
    /// It went to somebody else, who decides in their place or instead of them.
    Moved(Task),
    /// The stage was started anew, or waits for a new revision.
    Superseded(Task),
    /// The review was taken back.
    Withdrawn(Task),
}

/// Makes a link for a task that works until `end`. Mail workers call it right before they send.
///
/// # Errors
/// When the database fails.
pub fn issue_link(tx: &mut Tx, task: TaskId, now: At, end: At) -> Result<Secret> {
    let secret = Secret::new()?;
    diesel::insert_into(sign_off_links::table)
        .values((
            sign_off_links::token_hash.eq(secret.hash()),
            sign_off_links::task_id.eq(task),
            sign_off_links::created_at.eq(now),
            sign_off_links::expires_at.eq(end),
        ))
        .execute(&mut **tx)?;
    Ok(secret)
}

/// The task a link was made for, whatever became of it.
///
/// # Errors
/// When the database fails.
pub fn task_of_link(conn: &mut Conn, secret: &Secret) -> Result<Option<Task>> {
    let task: Option<TaskId> = sign_off_links::table
        .find(secret.hash())
        .select(sign_off_links::task_id)
        .get_result(conn)
        .optional()?;
    task.map(|id| store::task(conn, id)).transpose()
}

/// What a link leads to. Reading it changes nothing.
///
/// # Errors
/// When the database fails.
pub fn link_state(conn: &mut Conn, secret: &Secret, now: At) -> Result<LinkState> {
    let row: Option<(TaskId, At)> = sign_off_links::table
        .find(secret.hash())
        .select((sign_off_links::task_id, sign_off_links::expires_at))
        .get_result(conn)
        .optional()?;
    let Some((task, expires_at)) = row else {
        return Ok(LinkState::Unknown);
    };
    let task = store::task(conn, task)?;
    let review = store::review(conn, task.review_id)?;
    Ok(state(task, &review, expires_at <= now))
}

/// What a task leads to for its person when they are signed in and need no link.
///
/// # Errors
/// When the database fails.
pub fn task_state(conn: &mut Conn, task: Task) -> Result<LinkState> {
    let review = store::review(conn, task.review_id)?;
    Ok(state(task, &review, false))
}

fn state(task: Task, review: &Review, expired: bool) -> LinkState {
    match task.state.as_str() {
        "open" if expired => LinkState::Expired(task),
        "open" => LinkState::Open(task),
        "decided" => LinkState::DecidedByYou(task),
        _ if review.phase == Phase::Withdrawn => LinkState::Withdrawn(task),
        _ => {
            let run = review.stage(&task.stage);
            let anew = run.map(|s| i64::from(s.epoch)) != Some(i64::from(task.epoch));
            if anew || review.phase == Phase::ChangesRequested {
                LinkState::Superseded(task)
            } else if run.is_some_and(|run| run.gone.contains(&task.person_id)) {
                LinkState::Moved(task)
            } else {
                LinkState::DecidedByOthers(task)
            }
        }
    }
}

/// Ends every unused link that was made for a person; how many there were. They stay known, so
/// that their page can say what became of them.
///
/// # Errors
/// When the database fails.
pub fn end_links_of(tx: &mut Tx, person: PersonId, now: At) -> Result<usize> {
    let theirs = tasks::table
        .filter(tasks::person_id.eq(person))
        .select(tasks::id);
    let live = sign_off_links::table
        .filter(sign_off_links::task_id.eq_any(theirs))
        .filter(sign_off_links::used_at.is_null())
        .filter(sign_off_links::expires_at.gt(now));
    Ok(diesel::update(live)
        .set(sign_off_links::expires_at.eq(now))
        .execute(&mut **tx)?)
}

/// Uses a link up, in the decision's own transaction: a refused decision leaves it as it was.
pub(super) fn redeem(tx: &mut Tx, hash: &str, task: TaskId, now: At) -> Result<()> {
    let live = sign_off_links::table
        .find(hash)
        .filter(sign_off_links::task_id.eq(task))
        .filter(sign_off_links::expires_at.gt(now));
    let used: Option<Option<At>> = live
        .select(sign_off_links::used_at)
        .get_result(&mut **tx)
        .optional()?;
    match used {
        None => Err(Error::Refused(Refusal::LinkDead)),
        Some(Some(_)) => Err(Error::Refused(Refusal::AlreadyDecided)),
        Some(None) => {
            diesel::update(sign_off_links::table.find(hash))
                .set(sign_off_links::used_at.eq(now))
                .execute(&mut **tx)?;
            Ok(())
        }
    }
}

//! What reviews hold of values that are erased: answers that conditions read, texts of conditions,
//! links to tasks.
use crate::db::schema::{conditions, decisions, reviews, sign_off_links, tasks};
use crate::db::{At, ConditionId, PersonId, ReviewId, TaskId, Tx};
use crate::error::Result;
use crate::ledger::{self, PrivateValue};
use crate::review::engine::merge;
use crate::review::store;
use diesel::prelude::*;
use serde_json::{Value, json};

/// What a condition says whose text was erased.
pub const ERASED: &str = "Erased";

/// Takes out of reviews what these values said. A stage to come whose condition reads answers that
/// are gone is asked rather than skipped.
///
/// # Errors
/// When the database fails.
pub fn forget(tx: &mut Tx, values: &[PrivateValue]) -> Result<()> {
    for (seq, name) in values {
        let index = name.strip_prefix("condition_");
        let index = index.and_then(|number| number.parse::<usize>().ok());
        if name != "answers" && index.is_none() {
            continue;
        }
        let decision: Option<(TaskId, ReviewId, String, i32)> = decisions::table
            .filter(decisions::seq.eq(seq))
            .select((
                decisions::id,
                decisions::review_id,
                decisions::stage,
                decisions::epoch,
            ))
            .get_result(&mut **tx)
            .optional()?;
        match (decision, index) {
            (Some((task, ..)), Some(number)) => {
                let id = ConditionId::of(task, number.saturating_sub(1));
                diesel::update(conditions::table.find(id))
                    .set(conditions::text.eq(ERASED))
                    .execute(&mut **tx)?;
            }
            (Some((_, review, stage, epoch)), None) => {
                forget_answers(tx, review, &stage, epoch)?;
            }
            (None, _) => {}
        }
    }
    Ok(())
}

fn forget_answers(tx: &mut Tx, id: ReviewId, stage: &str, epoch: i32) -> Result<()> {
    let mut review = store::review(tx, id)?;
    let run = review.stages.get_mut(stage);
    if let Some(run) = run.filter(|run| i32::try_from(run.epoch) == Ok(epoch)) {
        run.answers = left(tx, id, stage, epoch)?;
        diesel::update(reviews::table.find(id))
            .set(reviews::state.eq(serde_json::to_string(&review)?))
            .execute(&mut **tx)?;
    }
    Ok(())
}

/// The answers of a stage that are left.
fn left(tx: &mut Tx, review: ReviewId, stage: &str, epoch: i32) -> Result<Value> {
    let approvals: Vec<i64> = decisions::table
        .filter(decisions::review_id.eq(review))
        .filter(decisions::stage.eq(stage).and(decisions::epoch.eq(epoch)))
        .filter(decisions::outcome.like("approve%"))
        .select(decisions::seq)
        .load(&mut **tx)?;
    let mut answers = json!({});
    // In the order of their entries, as they came.
    for (_, name, _, value) in ledger::opened(tx, &approvals)? {
        if name == "answers" {
            merge(&mut answers, &serde_json::from_str(&value)?);
        }
    }
    Ok(answers)
}

/// Deletes the sign-off links of a person; how many.
///
/// # Errors
/// When the database fails.
pub fn delete_links_of(tx: &mut Tx, person: PersonId) -> Result<usize> {
    let theirs = tasks::table
        .filter(tasks::person_id.eq(person))
        .select(tasks::id);
    let links = sign_off_links::table.filter(sign_off_links::task_id.eq_any(theirs));
    Ok(diesel::delete(links).execute(&mut **tx)?)
}

/// Deletes the sign-off links that ended before `before`; how many.
///
/// # Errors
/// When the database fails.
pub fn delete_links_before(tx: &mut Tx, before: At) -> Result<usize> {
    let dead = sign_off_links::table.filter(sign_off_links::expires_at.lt(before));
    Ok(diesel::delete(dead).execute(&mut **tx)?)
}

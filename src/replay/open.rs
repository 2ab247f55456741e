//! What is open: the tasks of people and the steps of clocks, which follow from the state of a
//! review and the versions of workflow and calendar that it runs by.
use crate::db::{TaskId, TimerId};
use crate::error::Result;
use crate::replay::reviews::object;
use crate::replay::{Key, Snapshot, Thing};
use crate::review::Rules;
use crate::review::engine::{self, Context, Directory, Review};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Adds what is open in these reviews. `rules` knows the versions that a review runs by.
///
/// # Errors
/// What `rules` answers.
pub fn add<'a>(
    all: &mut Snapshot,
    reviews: impl Iterator<Item = &'a Review>,
    rules: &mut dyn FnMut(&Review) -> Result<Rules>,
) -> Result<()> {
    for review in reviews.filter(|review| !review.phase.is_final()) {
        of_review(all, review, &rules(review)?)?;
    }
    Ok(())
}

fn of_review(all: &mut Snapshot, review: &Review, rules: &Rules) -> Result<()> {
    let (nobody, nothing, no_forms) = (Directory::default(), Value::Null, BTreeMap::new());
    let ctx = Context {
        workflow: &rules.loaded.workflow,
        forms: &no_forms,
        request: &nothing,
        directory: &nobody,
        calendars: &rules.calendars,
    };
    let last = all
        .get(&Key::new("review", review.id))
        .and_then(|review| review.last.clone());
    for task in engine::open_tasks(&ctx, review) {
        let id = TaskId::of(review.id, &task.stage, task.epoch, task.person);
        let due = review.due(&task.stage).map(|at| at.to_string());
        let fields = json!({
            "review": review.id, "record": review.record, "stage": task.stage,
            "epoch": task.epoch, "person": task.person, "due_at": due,
        });
        let fields = object(fields);
        let last = last.clone();
        all.insert(Key::new("task", id), Thing { fields, last });
    }
    for (timer, at) in engine::timers(&ctx, review) {
        let text = serde_json::to_string(&timer)?;
        let id = TimerId::of(review.id, &text);
        let fields = json!({ "review": review.id, "timer": text, "at": at.to_string() });
        let fields = object(fields);
        let last = last.clone();
        all.insert(Key::new("timer", id), Thing { fields, last });
    }
    Ok(())
}

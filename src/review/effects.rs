//! What editing a record under review does to the decisions so far, said before it is saved.
use crate::db::{Conn, ReviewId};
use crate::error::Result;
use crate::review::engine::Progress;
use crate::review::service::Desk;
use crate::review::{store, workflows};
use crate::workflow::{Effect, OnChange, Workflow};
use std::collections::BTreeMap;

/// What becomes of the decisions of a running review when one of these fields is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Falling {
    /// The fields, in the order in which they were asked for.
    pub fields: Vec<String>,
    /// Titles of the stages whose decisions fall; none when every decision stands.
    pub stages: Vec<String>,
}

/// What changing each of `fields` would do, those with the same effect together. Only stages that
/// were reached can lose anything.
///
/// # Errors
/// When the database fails.
pub fn falling(
    conn: &mut Conn,
    desk: &Desk,
    review: ReviewId,
    fields: &[String],
) -> Result<Vec<Falling>> {
    let review = store::review(conn, review)?;
    let loaded = workflows::pinned(conn, &desk.workflows, &review.workflow)?;
    let workflow = &loaded.workflow;
    let reached = |key: &str| {
        let run = review.stage(key);
        run.is_some_and(|run| !matches!(run.progress, Progress::Pending | Progress::Skipped))
    };
    let mut by_effect: BTreeMap<Vec<String>, Vec<String>> = BTreeMap::new();
    for field in fields {
        let fall = fallen(workflow, field)
            .into_iter()
            .filter(|(key, _)| reached(key))
            .map(|(_, title)| title);
        by_effect
            .entry(fall.collect())
            .or_default()
            .push(field.clone());
    }
    let falling = |(stages, fields)| Falling { fields, stages };
    Ok(by_effect.into_iter().map(falling).collect())
}

/// Keys and titles of the stages that an edit of `field` starts anew: all of them, where no rule
/// names it.
fn fallen(workflow: &Workflow, field: &str) -> Vec<(String, String)> {
    let rule = workflow
        .on_change
        .iter()
        .find(|rule| rule.fields.iter().any(|named| named == field));
    let named = |rule: &OnChange, key: &String| match rule.effect {
        Effect::Keep => false,
        Effect::Reopen => rule.stages.is_empty() || rule.stages.contains(key),
    };
    let stages = workflow.in_order().into_iter();
    stages
        .filter(|stage| rule.is_none_or(|rule| named(rule, &stage.key)))
        .map(|stage| (stage.key.clone(), stage.title.clone()))
        .collect()
}

//! The last reviews, loaded and taken through a draft.
use super::Examined;
use crate::db::Conn;
use crate::error::Result;
use crate::register::{self, Record};
use crate::review::engine::{Opening, Review};
use crate::review::service::{self, Desk};
use crate::review::simulation::{Course, Replayed, Simulation, replay};
use crate::review::store;
use crate::review::workflows::{self, Loaded, ready};
use crate::workflow::Bundle;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Most reviews that are replayed at once.
pub const LAST_MAX: i64 = 200;

/// Takes the last `count` reviews through a draft; nothing when the draft cannot be read.
///
/// # Errors
/// When the database fails.
pub fn simulate(
    conn: &mut Conn,
    desk: &Desk,
    examined: &Examined,
    count: i64,
) -> Result<Option<Simulation>> {
    let bundle = examined.found.bundle.as_ref();
    bundle
        .map(|bundle| simulate_bundle(conn, desk, bundle, count))
        .transpose()
}

/// As [`simulate`], for a bundle.
///
/// # Errors
/// When the database fails.
pub fn simulate_bundle(
    conn: &mut Conn,
    desk: &Desk,
    bundle: &Bundle,
    count: i64,
) -> Result<Simulation> {
    let draft = Arc::new(ready(bundle.clone(), 0)?);
    let mut replayed = Vec::new();
    for review in store::latest_reviews(conn, count.clamp(1, LAST_MAX))? {
        let record = register::by_id(conn, review.record)?;
        if record.kind == draft.workflow.form {
            replayed.push(one(conn, desk, &draft, &record, &review)?);
        }
    }
    Ok(Simulation::of(replayed))
}

fn one(
    conn: &mut Conn,
    desk: &Desk,
    draft: &Arc<Loaded>,
    record: &Record,
    review: &Review,
) -> Result<Replayed> {
    let pinned = workflows::pinned(conn, &desk.workflows, &review.workflow)?;
    let request = register::revision(conn, record.id, review.revision)?.document()?;
    let ours = pinned.pin.key == draft.pin.key;
    let meant = draft.workflow.applies(&request)
        && (ours || draft.workflow.priority > pinned.workflow.priority);
    let before = under(conn, desk, pinned, review, &request)?;
    let after = match meant {
        true => Some(under(conn, desk, draft.clone(), review, &request)?),
        false => None,
    };
    Ok(Replayed {
        reference: record.reference.clone(),
        title: record.title.clone(),
        before,
        after,
    })
}

fn under(
    conn: &mut Conn,
    desk: &Desk,
    loaded: Arc<Loaded>,
    review: &Review,
    request: &Value,
) -> Result<Course> {
    let concerned: BTreeSet<_> = [review.submitter, review.owner].into();
    let loading = service::unopened(conn, desk, loaded, request.clone(), &concerned)?;
    let opening = Opening {
        review: review.id,
        record: review.record,
        workflow: loading.loaded.pin.clone(),
        revision: review.revision,
        digest: review.digest.clone(),
        submitter: review.submitter,
        owner: review.owner,
        editors: review.editors.clone(),
        renews: None,
        after_the_fact: false,
        apart: BTreeSet::new(),
        vendor_changes: Default::default(),
        looks_again: false,
    };
    let stages = review.stages.iter();
    let answers: BTreeMap<String, Value> = stages
        .map(|(key, run)| (key.clone(), run.answers.clone()))
        .collect();
    let now = desk.clock.now();
    Ok(replay(&loading.context(), opening, &answers, now))
}

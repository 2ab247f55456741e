//! What depends on a vendor is reviewed again, one use case at a time: each in a write of its own,
//! so that a thousand of them keep nobody waiting, and whoever dies in between loses nothing.
use super::change::end;
use super::store::{self, CaseState, State};
use crate::app::App;
use crate::db::{Conn, Db, RecordId, Tx, VendorChangeId};
use crate::error::{Error, Result};
use crate::ledger::entry::{Method, Via};
use crate::ledger::{self, Actor, Note};
use crate::register::{self, Record};
use crate::review::engine::{Phase, Review, SupersededBecause};
use crate::review::{self, Desk};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Most use cases that are taken before the rest of the clockwork has its turn.
const BATCH: i64 = 250;
/// Most of those that something keeps back, which are looked at once a day.
const HELD_BACK: i64 = 10_000;

/// What the review of a use case means for the changes that called for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It runs.
    Runs,
    /// It is decided.
    Ended,
    /// It ended without saying anything about what is approved: another begins.
    Again,
}

/// What a review means for the changes that called for it. Pure: replay asks the same.
pub fn next(review: &Review) -> Next {
    let renewal = review.renews.is_some() && !review.after_the_fact && !review.looks_again;
    match review.phase {
        Phase::InReview | Phase::ChangesRequested => Next::Runs,
        Phase::Superseded => Next::Again,
        // The former approval goes on, and nobody has said that it may.
        Phase::Rejected | Phase::Withdrawn | Phase::Abandoned if renewal => Next::Again,
        _ => Next::Ended,
    }
}

/// The changes that count for a record and whose review of it is not decided: a review that begins
/// now deals with them.
///
/// # Errors
/// When the database fails.
pub fn changes_at(conn: &mut Conn, record: RecordId) -> Result<BTreeSet<VendorChangeId>> {
    store::changes_at(conn, record)
}

/// A review began that deals with the changes it names.
///
/// # Errors
/// When the database fails.
pub fn began(tx: &mut Tx, review: &Review) -> Result<()> {
    let (record, by) = (review.record, Some(review.id));
    let mut changes = review.vendor_changes.iter();
    changes.try_for_each(|change| store::set_case(tx, *change, record, CaseState::Open, by, None))
}

/// A review is no longer running, if it is not: what that means for the changes it dealt with. The
/// last use case of a change closes it.
///
/// # Errors
/// When the database fails.
pub fn ended(tx: &mut Tx, desk: &Desk, review: &Review) -> Result<()> {
    let (state, outcome) = match next(review) {
        Next::Runs => return Ok(()),
        Next::Ended => (CaseState::Ended, Some(review.phase.as_str())),
        Next::Again => (CaseState::Waiting, None),
    };
    for change in store::of_review(tx, review.id)? {
        let by = Some(review.id).filter(|_| state == CaseState::Ended);
        store::set_case(tx, change, review.record, state, by, outcome)?;
        if state == CaseState::Ended {
            close_when_done(tx, desk, change)?;
        }
    }
    Ok(())
}

fn close_when_done(tx: &mut Tx, desk: &Desk, id: VendorChangeId) -> Result<()> {
    let counts = store::counts(tx, id)?;
    let left = |word: &str| ["open", "waiting"].contains(&word);
    let change = store::change(tx, id)?;
    if counts.iter().any(|(state, ..)| left(state)) || change.state()? != State::Open {
        return Ok(());
    }
    end(tx, desk, &system(), &change, None)
}

fn system() -> Actor {
    Actor::system(Via::new(Method::Timer, "none"))
}

/// Begins the reviews that open changes call for; how many began.
///
/// # Errors
/// When the database fails. What cannot begin says why, and is tried again tomorrow.
pub async fn open_due(app: &App) -> Result<usize> {
    let (db, desk) = (app.db.clone(), app.desk.clone());
    let begun = tokio::task::spawn_blocking(move || open_due_now(&db, &desk, false));
    let begun = begun.await.map_err(|_| Error::Interrupted)??;
    if begun > 0 {
        app.post.notify_one();
    }
    Ok(begun)
}

/// As [`open_due`], for a thread that may block; `troubled_too` tries those again that something
/// kept back.
///
/// # Errors
/// As [`open_due`].
pub fn open_due_now(db: &Db, desk: &Arc<Desk>, troubled_too: bool) -> Result<usize> {
    let limit = if troubled_too { HELD_BACK } else { BATCH };
    let mut begun = 0;
    loop {
        let due = db.read_now(|conn| store::waiting(conn, troubled_too, limit))?;
        let count = due.len();
        for (change, record) in due {
            begun += usize::from(take(db, desk, change, record)?);
        }
        // Whatever was tried either began or says what keeps it: nothing is tried twice.
        if troubled_too || i64::try_from(count).unwrap_or(0) < limit {
            return Ok(begun);
        }
    }
}

fn take(db: &Db, desk: &Arc<Desk>, change: VendorChangeId, record: RecordId) -> Result<bool> {
    let at_desk = desk.clone();
    let done = db.write_now(move |tx| begin(tx, &at_desk, change, record));
    let trouble = match done {
        Ok(Step::Begun) => return Ok(true),
        Ok(Step::Nothing | Step::Skipped) => return Ok(false),
        Ok(Step::Held(why)) => why.to_owned(),
        Err(error @ (Error::Refused(_) | Error::Invalid(_))) => error.to_string(),
        Err(error) => {
            tracing::error!(%error, %record, "a use case could not be reviewed again");
            "the database failed; the log of the program says how".to_owned()
        }
    };
    let trouble: String = trouble.chars().take(500).collect();
    db.upkeep_now(move |tx| store::set_trouble(tx, change, record, &trouble))?;
    Ok(false)
}

enum Step {
    /// A review began, or the one that runs deals with it.
    Begun,
    /// Another program was faster.
    Nothing,
    /// Nothing is approved any more that could be reviewed again.
    Skipped,
    /// Somebody must do something first.
    Held(&'static str),
}

fn begin(tx: &mut Tx, desk: &Desk, change: VendorChangeId, id: RecordId) -> Result<Step> {
    let case = store::case(tx, change, id)?;
    let waits = case.is_some_and(|case| matches!(case.state(), Ok(CaseState::Waiting)));
    if !waits || store::change(tx, change)?.state()? != State::Open {
        tx.leave_unchanged();
        return Ok(Step::Nothing);
    }
    let record = register::by_id(tx, id)?;
    if let Some(running) = record.review_id.filter(|_| record.is_under_review()) {
        let running = review::review(tx, running)?;
        return join(tx, desk, change, &record, &running);
    }
    let (Some(approval), Some(standing)) = (record.approval_id, record.standing()) else {
        return skip(tx, desk, change, &record);
    };
    if !standing.is_approval() {
        return skip(tx, desk, change, &record);
    }
    if record.status()? != standing {
        tx.leave_unchanged();
        return Ok(Step::Held(
            "it says other than what is approved: its owner submits the renewal or gives it up",
        ));
    }
    review::look_again_at(tx, desk, &system(), &record, approval)?;
    Ok(Step::Begun)
}

/// What waited for its review was given up or refused before that began: its people were told, and
/// that is all. The log says so, or a use case could be let off unseen.
fn skip(tx: &mut Tx, desk: &Desk, change: VendorChangeId, record: &Record) -> Result<Step> {
    let now = desk.time(tx)?;
    let note = Note::new("vendor_change.skipped", &system())
        .record(record.id, &record.reference)
        .subject("vendor_change", change.to_string());
    ledger::append(tx, now, note)?;
    store::set_case(tx, change, record.id, CaseState::Told, None, None)?;
    close_when_done(tx, desk, change)?;
    Ok(Step::Skipped)
}

/// A review runs already. Whoever decided in it did not know: it begins anew. Where nobody decided,
/// or its submitter is asked for changes, it goes on in the knowledge of the change.
fn join(
    tx: &mut Tx,
    desk: &Desk,
    change: VendorChangeId,
    record: &Record,
    running: &Review,
) -> Result<Step> {
    let decided = running.stages.values().any(|run| !run.votes.is_empty());
    if decided && running.phase == Phase::InReview {
        let because = (SupersededBecause::LookedAgain, None);
        review::start_anew(tx, desk, &system(), running, record, because)?;
        return Ok(Step::Begun);
    }
    let now = desk.time(tx)?;
    let note = Note::new("vendor_change.joined", &system())
        .record(record.id, &record.reference)
        .review(running.id)
        .subject("workflow_hash", running.workflow.hash.as_str())
        .subject("vendor_change", change.to_string());
    ledger::append(tx, now, note)?;
    let open = CaseState::Open;
    store::set_case(tx, change, record.id, open, Some(running.id), None)?;
    Ok(Step::Begun)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::ReviewId;
    use serde_json::json;

    fn review(phase: &str, renews: bool, looks_again: bool) -> Review {
        let former = renews.then(ReviewId::new);
        serde_json::from_value(json!({
            "id": ReviewId::new(), "record": RecordId::new(), "phase": phase, "revision": 1,
            "workflow": { "key": "k", "version": 1, "hash": "h" }, "digest": "d",
            "resubmissions": 0, "submitter": uuid::Uuid::nil(), "owner": uuid::Uuid::nil(),
            "editors": [], "derived": {}, "stages": {}, "opened_at": "2027-01-01T00:00:00Z",
            "renews": former, "looks_again": looks_again,
        }))
        .expect("a review")
    }

    #[test]
    fn a_renewal_that_fails_leaves_the_question_open_and_the_review_it_called_for_answers_it() {
        for phase in ["rejected", "abandoned"] {
            assert_eq!(next(&review(phase, true, false)), Next::Again, "{phase}");
            assert_eq!(next(&review(phase, true, true)), Next::Ended, "{phase}");
            assert_eq!(next(&review(phase, false, false)), Next::Ended, "{phase}");
        }
        assert_eq!(next(&review("approved", true, false)), Next::Ended);
        assert_eq!(next(&review("superseded", true, true)), Next::Again);
        assert_eq!(next(&review("changes_requested", true, true)), Next::Runs);
    }
}

//! Writes what a command led to in one transaction: entries, state, tasks, timers, messages, and
//! what it means for other reviews of the same record.
use crate::db::{At, PersonId, ReviewId, TaskId, TimerId, Tx};
use crate::error::{Error, Result};
use crate::ledger::Actor;
use crate::notify::digest;
use crate::notify::outbox::{self, Message};
use crate::people::mailing;
use crate::register::{self, Record};
use crate::review::announce::announce;
use crate::review::engine::{
    self, Command, Event, OpenTask, Opening, Phase, Refusal, Review, SupersededBecause,
};
use crate::review::notes::note;
use crate::review::place::{Place, status_of};
use crate::review::service::{self, Desk, Loading};
use crate::review::store::{self, DecisionRow};
use crate::vendor;
use std::collections::{BTreeMap, BTreeSet};

/// One command's worth of facts.
pub(super) struct Change<'a> {
    pub desk: &'a Desk,
    pub actor: &'a Actor,
    pub record: &'a Record,
    pub loading: &'a Loading,
    /// Whether the review began just now.
    pub opened: bool,
    pub now: At,
}

/// Writes what happened.
pub(super) fn keep(tx: &mut Tx, change: &Change, after: &Review, events: &[Event]) -> Result<()> {
    let Change { record, now, .. } = *change;
    store::save(tx, after, change.opened, now)?;
    place(tx, change, after)?;
    let mut happened = Vec::new();
    for event in events {
        let entry = note(change.actor, record, after, event)?;
        let seq = crate::ledger::append(tx, now, entry)?;
        project(tx, change, after, event, seq)?;
        happened.push((event, seq));
    }
    sync_tasks(tx, change, after, events)?;
    sync_timers(tx, change.loading, after)?;
    for (event, seq) in happened {
        announce(tx, change, after, event, seq)?;
        follow_up(tx, change, after, event)?;
    }
    if change.opened {
        vendor::began(tx, after)?;
    }
    vendor::ended(tx, change.desk, after)
}

/// Where the record stands now: by its latest review, and by the review whose approval counts.
fn place(tx: &mut Tx, change: &Change, after: &Review) -> Result<()> {
    let Change { record, now, .. } = *change;
    if after.phase == Phase::Superseded {
        return Ok(());
    }
    let (place, status) = (Place::of(record), status_of(after.phase));
    if place.is_latest(after, change.opened) {
        let risk = after.derived.get("risk").and_then(|d| d.value.as_str());
        register::set_review(tx, record.id, after.id, status, risk, now)?;
    }
    if place.counts(after) {
        register::set_standing(tx, record.id, after.id, status, after.valid_until, now)?;
    }
    Ok(())
}

/// Rows that pages and the API read, beside the state itself.
fn project(tx: &mut Tx, change: &Change, review: &Review, event: &Event, seq: u64) -> Result<()> {
    match event {
        Event::Decided { .. } => keep_decision(tx, change, review, event, seq),
        Event::StageReopened { stage, .. } => store::void_conditions(tx, review.id, stage),
        Event::Rejected { .. }
        | Event::Withdrawn { .. }
        | Event::Abandoned
        | Event::Expired
        | Event::Superseded { .. }
        | Event::Revoked { .. }
        | Event::Retired { .. } => {
            let mut stages = review.stages.keys();
            stages.try_for_each(|stage| store::void_conditions(tx, review.id, stage))
        }
        Event::Approved { obligations, .. } => {
            for (id, obligation) in obligations {
                store::set_condition(tx, *id, obligation)?;
            }
            Ok(())
        }
        _ => match event
            .condition()
            .and_then(|id| Some((id, review.obligations.get(&id)?)))
        {
            Some((id, obligation)) => store::set_condition(tx, id, obligation),
            None => Ok(()),
        },
    }
}

fn keep_decision(
    tx: &mut Tx,
    change: &Change,
    review: &Review,
    event: &Event,
    seq: u64,
) -> Result<()> {
    let Event::Decided {
        task,
        stage,
        epoch,
        person,
        on_behalf_of,
        outcome,
        revision,
        digest,
        conditions,
        ..
    } = event
    else {
        return Ok(());
    };
    let row = DecisionRow {
        id: *task,
        review_id: review.id,
        record_id: review.record,
        stage: stage.clone(),
        epoch: i32::try_from(*epoch).unwrap_or(i32::MAX),
        revision: *revision,
        digest: digest.clone(),
        person_id: *person,
        on_behalf_of: *on_behalf_of,
        outcome: outcome.as_str().to_owned(),
        method: change.actor.via.method.as_str().to_owned(),
        seq: i64::try_from(seq).unwrap_or(i64::MAX),
        decided_at: change.now,
    };
    store::insert_decision(tx, &row)?;
    store::close_task(tx, *task, "decided", change.now)?;
    for (index, condition) in conditions.iter().enumerate() {
        store::insert_condition(tx, *task, review.record, index, condition)?;
    }
    let receipt = Message::new("receipt", *person)
        .record(review.record)
        .task(*task);
    outbox::queue(tx, receipt.once(&format!("receipt:{task}")), change.now)
}

/// Closes the tasks that are void and opens those that are new, with their mail.
fn sync_tasks(tx: &mut Tx, change: &Change, review: &Review, events: &[Event]) -> Result<()> {
    let wanted: BTreeMap<TaskId, OpenTask> = engine::open_tasks(&change.loading.context(), review)
        .into_iter()
        .map(|open| {
            let id = TaskId::of(review.id, &open.stage, open.epoch, open.person);
            (id, open)
        })
        .collect();
    let mut present = BTreeSet::new();
    for task in store::open_tasks_of(tx, review.id)? {
        let due = review.due(&task.stage);
        if task.due_at != due && wanted.contains_key(&task.id) {
            store::set_due(tx, task.id, due)?;
        }
        present.insert(task.id);
    }
    for id in present.iter().filter(|id| !wanted.contains_key(id)) {
        store::close_task(tx, *id, "closed", change.now)?;
    }
    for (id, open) in wanted.iter().filter(|(id, _)| !present.contains(id)) {
        let round = store::open_task(tx, review, open, change.now)?;
        let template = if was_brought_in(events, open) {
            "escalated"
        } else {
            "task"
        };
        // A change at a vendor may ask one person about a thousand use cases: in one mail a day.
        let together = review.looks_again && mailing::wants_digest(tx, open.person)?;
        if together {
            digest::want(tx, &change.desk.timetable, open.person, change.now)?;
            continue;
        }
        let mail = Message::new(template, open.person)
            .record(change.record.id)
            .task(*id);
        let key = match round {
            0 => format!("task:{id}"),
            _ => format!("task:{id}:{round}"),
        };
        outbox::queue(tx, mail.once(&key), change.now)?;
    }
    Ok(())
}

fn was_brought_in(events: &[Event], open: &OpenTask) -> bool {
    let brought = |event: &Event| match event {
        Event::Escalated(e) => e.stage == open.stage && e.people.contains(&open.person),
        _ => false,
    };
    events.iter().any(brought)
}

/// Makes the rows of timers what the state says is still to come.
pub(super) fn sync_timers(tx: &mut Tx, loading: &Loading, review: &Review) -> Result<()> {
    let mut wanted = BTreeMap::new();
    for (timer, at) in engine::timers(&loading.context(), review) {
        let text = serde_json::to_string(&timer)?;
        wanted.insert(TimerId::of(review.id, &text), (text, at));
    }
    let present: BTreeMap<TimerId, At> = store::timers_of(tx, review.id)?.into_iter().collect();
    let void: Vec<TimerId> = present
        .keys()
        .filter(|id| !wanted.contains_key(id))
        .copied()
        .collect();
    if !void.is_empty() {
        store::drop_timers(tx, &void)?;
    }
    for (id, (text, at)) in wanted {
        match present.get(&id) {
            Some(known) if *known == at => {}
            Some(_) => store::move_timer(tx, id, at)?,
            None => store::insert_timer(tx, id, review.id, &text, at)?,
        }
    }
    Ok(())
}

/// What an event means for other reviews of the record.
fn follow_up(tx: &mut Tx, change: &Change, review: &Review, event: &Event) -> Result<()> {
    match (event, review.renews) {
        (Event::Approved { .. }, Some(former)) => supersede(tx, change, former, review),
        // Nobody keeps an override by taking its review back or letting it run out.
        (Event::Rejected { .. } | Event::Withdrawn { .. } | Event::Abandoned, Some(former))
            if review.after_the_fact =>
        {
            let system = Actor::system(change.actor.via.clone());
            let command = Command::RevokeAfterTheFact;
            service::command(tx, change.desk, &system, former, &command).map(drop)
        }
        // Nor does an approval outlive the review that a change at the vendor called for.
        (Event::Rejected { .. } | Event::Abandoned, Some(former)) if review.looks_again => {
            let system = Actor::system(change.actor.via.clone());
            let command = Command::RevokeLookedAgain;
            service::command(tx, change.desk, &system, former, &command).map(drop)
        }
        (Event::OverrideGranted { first, second, .. }, former) => {
            if let Some(former) = former {
                supersede(tx, change, former, review)?;
            }
            look_after_the_fact(tx, change, review, [*first, *second].into())
        }
        _ => Ok(()),
    }
}

fn supersede(tx: &mut Tx, change: &Change, former: ReviewId, by: &Review) -> Result<()> {
    let phase = store::review(tx, former)?.phase;
    if phase.is_final() && phase != Phase::Expired {
        return Ok(());
    }
    let command = Command::Supersede {
        by: by.id,
        because: SupersededBecause::Renewed,
        reason: None,
    };
    let system = Actor::system(change.actor.via.clone());
    service::command(tx, change.desk, &system, former, &command).map(drop)
}

/// An override is looked at after the fact: a review of the same revision begins, in which those
/// who overrode decide nothing.
fn look_after_the_fact(
    tx: &mut Tx,
    change: &Change,
    overridden: &Review,
    apart: BTreeSet<PersonId>,
) -> Result<()> {
    let record = register::by_id(tx, change.record.id)?;
    let system = Actor::system(change.actor.via.clone());
    let (desk, submitter, former) = (change.desk, overridden.submitter, Some(overridden.id));
    let begun = service::opening(tx, desk, submitter, &record, former).and_then(|opened| {
        let (loading, opening) = opened;
        let opening = Opening {
            after_the_fact: true,
            apart,
            ..opening
        };
        service::begin(tx, desk, &system, &record, (loading, opening))
    });
    match begun {
        Err(Error::Refused(_) | Error::Invalid(_)) => {
            Err(Error::Refused(Refusal::OverrideWithoutReview))
        }
        other => other.map(drop),
    }
}

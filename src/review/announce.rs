//! Who is told of what happened.
use crate::catalogue;
use crate::db::{PersonId, Tx};
use crate::error::Result;
use crate::notify::digest;
use crate::notify::outbox::{self, Message};
use crate::review::engine::{self, Event, Progress, Review};
use crate::review::keep::Change;
use crate::workflow::Mode;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Queues the messages of one event, whose entry has the number `seq`. Their texts are made when
/// they are sent; reasons are read from beside the entry, where they can be erased.
pub(super) fn announce(
    tx: &mut Tx,
    change: &Change,
    review: &Review,
    event: &Event,
    seq: u64,
) -> Result<()> {
    if let Event::Reminded { people, .. } = event {
        let table = &change.desk.timetable;
        let mut people = people.iter();
        return people.try_for_each(|one| digest::want(tx, table, *one, change.now));
    }
    let Some((template, people, context)) = told(change, review, event) else {
        return Ok(());
    };
    let mut context = context;
    if let Value::Object(facts) = &mut context {
        facts.insert("entry".to_owned(), json!(seq));
        facts.insert("review".to_owned(), json!(review.id));
    }
    let mut people = people;
    if concerns_joined(event) {
        people.extend(catalogue::owners_of(tx, change.record.id)?);
    }
    for person in people {
        let mail = Message::new(template, person)
            .record(change.record.id)
            .context(context.clone())
            .once(&format!("{template}:{seq}:{person}"));
        outbox::queue(tx, mail, change.now)?;
    }
    Ok(())
}

/// Whether an event changes what an approval is worth, for whoever joined it as well.
fn concerns_joined(event: &Event) -> bool {
    matches!(
        event,
        Event::Expired
            | Event::Suspended { .. }
            | Event::Reinstated { .. }
            | Event::Revoked { .. }
            | Event::ConditionMissed { .. }
            | Event::ConditionRefused { .. }
    )
}

type Told = Option<(&'static str, BTreeSet<PersonId>, Value)>;

fn told(change: &Change, review: &Review, event: &Event) -> Told {
    let theirs = || BTreeSet::from([review.submitter, review.owner]);
    let plain = |template| Some((template, theirs(), json!({})));
    match event {
        Event::ChangesRequested { .. } => plain("changes_requested"),
        Event::Approved { .. } => plain("approved"),
        Event::Rejected { .. } => plain("rejected"),
        Event::Withdrawn { .. } => plain("withdrawn"),
        Event::Abandoned => plain("abandoned"),
        Event::RenewalDue { .. } => plain("renewal_due"),
        Event::Expired => plain("expired"),
        Event::Suspended { .. } => plain("suspended"),
        Event::Reinstated { .. } => plain("reinstated"),
        Event::Revoked { .. } => plain("revoked"),
        Event::OverrideProposed { .. } | Event::OverrideGranted { .. } => {
            of_override(change, review, event)
        }
        _ if event.condition().is_some() => of_condition(change, review, event),
        _ => of_stage(review, event),
    }
}

fn of_stage(review: &Review, event: &Event) -> Told {
    match event {
        Event::StageOpened {
            stage, on_behalf, ..
        } if !on_behalf.is_empty() => {
            let away = on_behalf.values().copied().collect();
            Some((
                "delegated",
                away,
                json!({ "stage": stage, "because": "absent" }),
            ))
        }
        Event::TaskMoved {
            stage, from, to, ..
        } => Some((
            "delegated",
            BTreeSet::from([*from]),
            json!({ "stage": stage, "to": to }),
        )),
        Event::Escalated(e) if e.mode == Mode::Notify => {
            Some(("escalated", e.people.clone(), json!({ "stage": e.stage })))
        }
        Event::StageOverdue { stage, .. } => {
            let progress = review.stage(stage).map(|run| run.progress);
            let template = match progress {
                Some(Progress::TimedOut) => "timed_out",
                Some(Progress::Rejected) => return None,
                _ => "overdue",
            };
            let people = BTreeSet::from([review.submitter, review.owner]);
            Some((template, people, json!({ "stage": stage })))
        }
        _ => None,
    }
}

fn of_condition(change: &Change, review: &Review, event: &Event) -> Told {
    let id = event.condition()?;
    let obligation = review.obligations.get(&id)?;
    let owners = [obligation.owner, review.owner];
    let above = || {
        let ctx = change.loading.context();
        engine::named(&ctx, review, &ctx.workflow.obligations.escalate_to)
    };
    let (template, people) = match event {
        Event::ConditionReminded { .. } => ("condition_due", BTreeSet::from([obligation.owner])),
        Event::EvidenceGiven { .. } => {
            ("condition_evidence", BTreeSet::from([obligation.asked_by]))
        }
        Event::ConditionMissed { .. } => {
            let mut people = above();
            people.extend(owners);
            people.insert(obligation.asked_by);
            ("condition_missed", people)
        }
        Event::ConditionRefused { .. } => {
            let mut people = above();
            people.insert(obligation.asked_by);
            ("condition_refused", people)
        }
        Event::EvidenceRefused { .. } => ("condition_refused", owners.into()),
        _ => ("condition_met", owners.into()),
    };
    Some((template, people, json!({ "condition": id })))
}

fn of_override(change: &Change, review: &Review, event: &Event) -> Told {
    let directory = &change.loading.directory;
    let rules = change.loading.loaded.workflow.over_ride.as_ref()?;
    match event {
        Event::OverrideProposed { by, until, .. } => {
            let holders = rules.roles.iter().filter_map(|r| directory.roles.get(r));
            let mut people: BTreeSet<PersonId> = holders.flatten().copied().collect();
            people.retain(|person| person != by && !review.has_part(*person));
            Some(("override_requested", people, json!({ "until": until })))
        }
        Event::OverrideGranted { notify, until, .. } => {
            let asked = review.stages.values().flat_map(|run| run.asked());
            let mut people: BTreeSet<PersonId> = asked.chain(notify.iter().copied()).collect();
            people.extend([review.submitter, review.owner]);
            Some(("override_granted", people, json!({ "until": until })))
        }
        _ => None,
    }
}

//! The ledger entry of each event.
use crate::db::PersonId;
use crate::error::Result;
use crate::ledger::{Actor, Note};
use crate::register::Record;
use crate::review::engine::{Condition, Event, Review};
use crate::workflow::{ASKED_MAX, Derived, Mode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// The entry of an event. What a person did carries their name; what followed from it is the
/// system's.
pub(super) fn note(actor: &Actor, record: &Record, review: &Review, event: &Event) -> Result<Note> {
    let author = if is_deed(event) {
        actor.clone()
    } else {
        Actor::system(actor.via.clone())
    };
    let mut note = Note::new(event.kind(), &author)
        .record(record.id, &record.reference)
        .review(review.id)
        .subject("workflow_hash", review.workflow.hash.as_str());
    if let Some(stage) = event.stage() {
        let present = || review.stage(stage).map_or(0, |run| run.epoch);
        note = note.stage(stage, event.epoch().unwrap_or_else(present));
    }
    if let Some(condition) = event.condition() {
        note = note.subject("condition", condition.to_string());
    }
    detail(note, event)
}

/// Whether the event is what the actor did, and not what followed.
fn is_deed(event: &Event) -> bool {
    match event {
        Event::Opened(_)
        | Event::Resubmitted { .. }
        | Event::Decided { .. }
        | Event::Withdrawn { .. }
        | Event::EvidenceGiven { .. }
        | Event::ConditionMet { .. }
        | Event::EvidenceRefused { .. }
        | Event::ConditionRefused { .. }
        | Event::ConditionWaived { .. }
        | Event::Retired { .. }
        | Event::OverrideProposed { .. }
        | Event::OverrideDeclined { .. }
        | Event::OverrideGranted { .. } => true,
        Event::TaskMoved { by, .. }
        | Event::Suspended { by, .. }
        | Event::Reinstated { by, .. }
        | Event::Revoked { by, .. } => by.is_some(),
        Event::Superseded { reason, .. } => reason.is_some(),
        _ => false,
    }
}

fn detail(note: Note, event: &Event) -> Result<Note> {
    Ok(match event {
        Event::Opened(_) | Event::Resubmitted { .. } => submitted(note, event),
        Event::Decided { .. } => decided(note, event)?,
        Event::Approved { .. }
        | Event::Rejected { .. }
        | Event::Withdrawn { .. }
        | Event::Superseded { .. } => ended(note, event),
        Event::EvidenceGiven { .. }
        | Event::EvidenceRefused { .. }
        | Event::ConditionRefused { .. }
        | Event::ConditionWaived { .. }
        | Event::ConditionReminded { .. } => on_condition(note, event),
        Event::Suspended { .. }
        | Event::Reinstated { .. }
        | Event::Revoked { .. }
        | Event::Retired { .. }
        | Event::RenewalDue { .. } => on_approval(note, event),
        Event::OverrideProposed { .. }
        | Event::OverrideDeclined { .. }
        | Event::OverrideGranted { .. } => on_override(note, event),
        _ => in_stage(note, event),
    })
}

fn submitted(note: Note, event: &Event) -> Note {
    match event {
        Event::Opened(opened) => {
            let note = note
                .subject("revision", opened.revision)
                .subject("digest", opened.digest.as_str())
                .subject("workflow", opened.workflow.key.as_str())
                .subject("workflow_version", opened.workflow.version)
                .data("submitter", opened.submitter.to_string())
                .data("stages", json!(opened.stages))
                .data("owner", opened.owner.to_string())
                .data("editors", json!(opened.editors))
                .data("derived", values(&opened.derived))
                .data("calendar_version", opened.calendar);
            let note = match opened.renews {
                Some(former) => note
                    .data("renews", former.to_string())
                    .data("after_the_fact", opened.after_the_fact)
                    .data("apart", json!(opened.apart)),
                None => note,
            };
            match opened.vendor_changes.is_empty() {
                true => note,
                false => note
                    .data("vendor_changes", json!(opened.vendor_changes))
                    .data("looks_again", opened.looks_again),
            }
        }
        Event::Resubmitted {
            revision,
            digest,
            owner,
            editors,
            derived,
            changed,
            reopened,
        } => note
            .subject("revision", *revision)
            .subject("digest", digest.as_str())
            .data("owner", owner.to_string())
            .data("editors", json!(editors))
            .data("derived", values(derived))
            .data("changed", json!(changed))
            .data("reopened", json!(reopened)),
        _ => note,
    }
}

fn in_stage(note: Note, event: &Event) -> Note {
    match event {
        Event::StageOpened {
            seats,
            on_behalf,
            clock,
            unread,
            ..
        } => {
            let note = note
                .data("seats", json!(seats))
                .data("on_behalf", json!(on_behalf))
                .data("clock", json!(clock))
                .data("condition_unread", unread.is_some());
            match unread {
                Some(why) => note.private("condition_error", why.as_str()),
                None => note,
            }
        }
        Event::SeatFellBack { seat, people, .. } => note
            .data("seat", seat.as_str())
            .data("people", json!(people)),
        Event::TaskMoved {
            from,
            to,
            because,
            reason,
            ..
        } => with_reason(
            note.about(*to)
                .data("from", from.to_string())
                .data("to", to.to_string())
                .data("because", json!(because)),
            reason.as_deref(),
        ),
        Event::PersonLeft { person, .. } => note.about(*person),
        Event::Reminded { step, people, .. } => told(note.data("step", *step), "people", people),
        Event::Escalated(escalated) => {
            let note = note
                .data("cause", json!(escalated.cause))
                .data("mode", json!(escalated.mode))
                .data("seat", json!(escalated.seat));
            match escalated.mode {
                Mode::Notify => told(note, "people", &escalated.people),
                Mode::AddToSeat | Mode::MustAgree => note.data("people", json!(escalated.people)),
            }
        }
        Event::ClockResumed { due, .. } => note.data("due", due.to_string()),
        Event::StageSettled { progress, .. } => note.outcome(progress.as_str()),
        _ => note,
    }
}

fn ended(note: Note, event: &Event) -> Note {
    match event {
        Event::Approved {
            with_conditions,
            valid_until,
            obligations,
        } => note
            .data("with_conditions", *with_conditions)
            .data("valid_until", json!(valid_until.map(|at| at.to_string())))
            .data("obligations", json!(obligations)),
        Event::Rejected { because } => note.data("because", json!(because)),
        Event::Withdrawn { reason } => with_reason(note, reason.as_deref()),
        Event::Superseded {
            by,
            because,
            reason,
        } => with_reason(
            note.data("by", by.to_string())
                .data("because", json!(because)),
            reason.as_deref(),
        ),
        _ => note,
    }
}

fn on_condition(note: Note, event: &Event) -> Note {
    match event {
        Event::EvidenceGiven { evidence, .. } => note.private("evidence", evidence.as_str()),
        Event::EvidenceRefused { reason, .. }
        | Event::ConditionRefused { reason, .. }
        | Event::ConditionWaived { reason, .. } => note.private("reason", reason.as_str()),
        Event::ConditionReminded { step, .. } => note.data("step", *step),
        _ => note,
    }
}

fn on_approval(note: Note, event: &Event) -> Note {
    match event {
        Event::Suspended { reason, .. } | Event::Reinstated { reason, .. } => {
            with_reason(note, reason.as_deref())
        }
        Event::Revoked {
            because, reason, ..
        } => with_reason(note.data("because", json!(because)), reason.as_deref()),
        Event::Retired { reason, .. } => note.private("reason", reason.as_str()),
        Event::RenewalDue { step } => note.data("step", *step),
        _ => note,
    }
}

fn on_override(note: Note, event: &Event) -> Note {
    match event {
        Event::OverrideProposed {
            revision,
            digest,
            reason,
            until,
            ..
        } => note
            .subject("revision", *revision)
            .subject("digest", digest.as_str())
            .data("until", until.to_string())
            .private("reason", reason.as_str()),
        Event::OverrideDeclined { reason, .. } => with_reason(note, reason.as_deref()),
        Event::OverrideGranted {
            revision,
            digest,
            first,
            second,
            until,
            notify,
        } => {
            let note = note
                .subject("revision", *revision)
                .subject("digest", digest.as_str())
                .data("first", first.to_string())
                .data("second", second.to_string())
                .data("until", until.to_string());
            told(note, "notify", notify)
        }
        _ => note,
    }
}

/// Those who are merely told something, by name. A crowd that an entry cannot name stands as its
/// number and the SHA-256 of the sorted identifiers, a line each: nobody's task hangs on it.
fn told(note: Note, name: &str, people: &BTreeSet<PersonId>) -> Note {
    if people.len() <= ASKED_MAX {
        return note.data(name, json!(people));
    }
    let mut hash = Sha256::new();
    for person in people {
        hash.update(format!("{person}\n"));
    }
    let digest = hex::encode(hash.finalize());
    note.data("told", json!({ "count": people.len(), "digest": digest }))
}

fn with_reason(note: Note, reason: Option<&str>) -> Note {
    match reason {
        Some(reason) => note.private("reason", reason),
        None => note,
    }
}

fn values(derived: &BTreeMap<String, Derived>) -> Value {
    let one =
        |(key, d): (&String, &Derived)| (key.clone(), json!({ "value": d.value, "row": d.row }));
    Value::Object(derived.iter().map(one).collect())
}

fn decided(note: Note, event: &Event) -> Result<Note> {
    let Event::Decided {
        task,
        person,
        on_behalf_of,
        outcome,
        revision,
        digest,
        ..
    } = event
    else {
        return Ok(note);
    };
    let Event::Decided {
        reason,
        answers,
        conditions,
        ..
    } = event
    else {
        return Ok(note);
    };
    let owed = |c: &Condition| json!({ "owner": c.owner, "due": c.due });
    let mut note = note
        .about(*person)
        .outcome(outcome.as_str())
        .subject("task", task.to_string())
        .subject("revision", *revision)
        .subject("digest", digest.as_str())
        .data(
            "conditions",
            Value::Array(conditions.iter().map(owed).collect()),
        );
    if let Some(first) = on_behalf_of {
        note = note.data("on_behalf_of", first.to_string());
    }
    note = with_reason(note, reason.as_deref());
    if answers.as_object().is_some_and(|a| !a.is_empty()) {
        note = note.private("answers", serde_json_canonicalizer::to_string(answers)?);
    }
    for (index, condition) in conditions.iter().enumerate() {
        note = note.private(&format!("condition_{}", index + 1), condition.text.as_str());
    }
    Ok(note)
}

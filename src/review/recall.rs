//! The event that an entry tells of: what `notes` wrote, read back. What stands beside the ledger
//! (reasons, answers, texts of conditions) comes back empty; the state does not need it.
use crate::db::ReviewId;
use crate::ledger::entry::{Entry, SYSTEM};
use crate::review::engine::Event;
use serde_json::{Map, Value, json};

/// The review and the event, or nothing for an entry that tells of no review.
///
/// # Errors
/// What the entry lacks, in words that complete "the entry cannot be replayed: …".
pub fn recall(entry: &Entry) -> Result<Option<(ReviewId, Event)>, String> {
    let (Some(review), Some(name)) = (entry.subject.get("review"), event_name(&entry.kind)) else {
        return Ok(None);
    };
    let review: ReviewId = read("review", review)?;
    let mut fields = entry.data.clone();
    fields.insert("event".to_owned(), name.into());
    for (name, value) in &entry.subject {
        fields.insert(name.clone(), value.clone());
    }
    complete(&mut fields, entry);
    let event = serde_json::from_value(Value::Object(fields)).map_err(|e| e.to_string())?;
    Ok(Some((review, event)))
}

fn read<T: serde::de::DeserializeOwned>(name: &str, value: &Value) -> Result<T, String> {
    T::deserialize(value).map_err(|error| format!("`{name}`: {error}"))
}

/// Lays what entries say in another way, or leave out, where the event has it.
fn complete(fields: &mut Map<String, Value>, entry: &Entry) {
    let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    let person = (entry.actor != SYSTEM).then(|| entry.actor.clone());
    match entry.kind.as_str() {
        "review.opened" => {
            let of = |name: &str| entry.subject.get(name).cloned().unwrap_or_default();
            let pin = json!({
                "key": of("workflow"), "version": of("workflow_version"),
                "hash": of("workflow_hash"),
            });
            put("workflow", pin);
            let data = |name: &str| entry.data.get(name).cloned();
            put("calendar", data("calendar_version").unwrap_or_default());
            let after = data("after_the_fact").unwrap_or(Value::Bool(false));
            put("after_the_fact", after);
            put("apart", data("apart").unwrap_or_else(|| json!([])));
        }
        "stage.skipped" => drop(put("condition", "".into())),
        "stage.settled" => {
            let progress = entry.data.get("outcome").cloned().unwrap_or_default();
            put("progress", progress);
        }
        "decision.recorded" => {
            let owed = entry.data.get("conditions").and_then(Value::as_array);
            let owed = owed.into_iter().flatten().cloned().map(|mut owed| {
                if let Some(owed) = owed.as_object_mut() {
                    owed.insert("text".to_owned(), "".into());
                }
                owed
            });
            put("conditions", owed.collect());
            put("answers", json!({}));
        }
        "condition.evidence_given" => drop(put("evidence", "".into())),
        "condition.evidence_refused"
        | "condition.refused"
        | "condition.waived"
        | "approval.retired"
        | "override.proposed" => drop(put("reason", "".into())),
        _ => {}
    }
    if !entry.data.contains_key("by") {
        put("by", person.map_or(Value::Null, Value::from));
    }
}

/// The event by the kind of its entry, as `Event::kind` names it.
fn event_name(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "review.opened" => "opened",
        "review.resubmitted" => "resubmitted",
        "stage.reopened" => "stage_reopened",
        "stage.skipped" => "stage_skipped",
        "stage.opened" => "stage_opened",
        "seat.fell_back" => "seat_fell_back",
        "decision.recorded" => "decided",
        "task.moved" => "task_moved",
        "seat.left" => "person_left",
        "stage.reminded" => "reminded",
        "stage.escalated" => "escalated",
        "stage.overdue" => "stage_overdue",
        "stage.resumed" => "clock_resumed",
        "stage.settled" => "stage_settled",
        "review.changes_requested" => "changes_requested",
        "review.approved" => "approved",
        "review.rejected" => "rejected",
        "review.withdrawn" => "withdrawn",
        "review.abandoned" => "abandoned",
        "review.superseded" => "superseded",
        "condition.reminded" => "condition_reminded",
        "condition.evidence_given" => "evidence_given",
        "condition.met" => "condition_met",
        "condition.evidence_refused" => "evidence_refused",
        "condition.refused" => "condition_refused",
        "condition.waived" => "condition_waived",
        "condition.missed" => "condition_missed",
        "approval.renewal_due" => "renewal_due",
        "approval.expired" => "expired",
        "approval.suspended" => "suspended",
        "approval.reinstated" => "reinstated",
        "approval.revoked" => "revoked",
        "approval.retired" => "retired",
        "override.proposed" => "override_proposed",
        "override.declined" => "override_declined",
        "override.granted" => "override_granted",
        _ => return None,
    })
}

//! Entries as events of OCSF 1.5, class Entity Management (3004): one JSON object a line.
//!
//! `raw_data` is the entry's exact text, so that `SHA-256(0x00 ‖ raw_data)` is the leaf hash and an
//! event can be held against the log where it ended up.

use super::{PRODUCT, Shown, VERSION};
use crate::ledger::entry::SYSTEM;
use serde::Serialize;
use serde_json::{Map, Value};
use std::borrow::Cow;

/// The version of the schema.
pub const SCHEMA: &str = "1.5.0";

const CATEGORY: u32 = 3;
const CLASS: u32 = 3004;
/// OCSF's "the activity is not mapped".
const OTHER: u32 = 99;
/// OCSF's type of a person in `user` and its type of a hash among the observables.
const USER: u32 = 1;
const HASH: u32 = 8;

/// What happened, in OCSF's numbers and words. What has none keeps its own kind as its name.
fn activity(kind: &str) -> (u32, &str) {
    match kind {
        "record.created" | "person.added" | "review.opened" | "token.created" | "key.created"
        | "workflow.published" | "calendar_link.made" => (1, "Create"),
        "log.exported" | "audit.drawn" => (2, "Read"),
        "record.revised" | "review.resubmitted" | "manager.set" | "retention.changed"
        | "key.rotated" | "calendar.kept" => (3, "Update"),
        "person.erased" | "values.erased" => (4, "Delete"),
        "task.moved" => (5, "Move"),
        "person.returned" => (8, "Enable"),
        "person.left" | "key.retired" | "calendar_link.revoked" => (9, "Disable"),
        "review.approved" => (10, "Activate"),
        "approval.revoked" | "approval.expired" | "approval.retired" => (11, "Deactivate"),
        "approval.suspended" => (12, "Suspend"),
        "approval.reinstated" => (13, "Resume"),
        other => (OTHER, other),
    }
}

#[derive(Serialize)]
struct Event<'a> {
    activity_id: u32,
    activity_name: &'a str,
    actor: Actor<'a>,
    category_name: &'static str,
    category_uid: u32,
    class_name: &'static str,
    class_uid: u32,
    entity: Entity<'a>,
    message: String,
    metadata: Metadata<'a>,
    observables: [Observable<'a>; 1],
    raw_data: &'a str,
    severity: &'static str,
    severity_id: u32,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_detail: Option<&'a str>,
    status_id: u32,
    time: i64,
    type_name: String,
    type_uid: u32,
    unmapped: Unmapped<'a>,
}

/// A person by their id, or the program itself.
#[derive(Serialize)]
#[serde(untagged)]
enum Actor<'a> {
    Person { user: User<'a> },
    Program { app_name: &'static str },
}

#[derive(Serialize)]
struct User<'a> {
    uid: &'a str,
    type_id: u32,
}

#[derive(Serialize)]
struct Entity<'a> {
    data: &'a Map<String, Value>,
    name: Cow<'a, str>,
    #[serde(rename = "type")]
    sort: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<Cow<'a, str>>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    event_code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_name: Option<&'a str>,
    original_time: String,
    product: Product,
    sequence: u64,
    uid: String,
    version: &'static str,
}

#[derive(Serialize)]
struct Product {
    name: &'static str,
    vendor_name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct Observable<'a> {
    name: &'static str,
    #[serde(rename = "type")]
    sort: &'static str,
    type_id: u32,
    value: &'a str,
}

#[derive(Serialize)]
struct Unmapped<'a> {
    assurance: &'a str,
    leaf_hash: &'a str,
    method: &'static str,
    seq: u64,
}

/// Writes an entry as one line, its line feed included.
///
/// # Errors
///
/// When it cannot be written as JSON, which no entry brings about.
pub fn line(shown: &Shown<'_>, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    let entry = shown.entry;
    let (activity_id, activity_name) = activity(&entry.kind);
    let leaf = shown.leaf.to_string();
    let (severity_id, severity) = match shown.is_grave() {
        true => (3, "Medium"),
        false => (1, "Informational"),
    };
    let event = Event {
        activity_id,
        activity_name,
        actor: actor(shown),
        category_name: "Identity & Access Management",
        category_uid: CATEGORY,
        class_name: "Entity Management",
        class_uid: CLASS,
        entity: entity(shown),
        message: shown.name(),
        metadata: metadata(shown),
        observables: [Observable {
            name: "unmapped.leaf_hash",
            sort: "Hash",
            type_id: HASH,
            value: &leaf,
        }],
        raw_data: shown.text,
        severity,
        severity_id,
        status: "Success",
        status_detail: shown.outcome(),
        status_id: 1,
        time: entry.at.as_millisecond(),
        type_name: format!("Entity Management: {activity_name}"),
        type_uid: CLASS * 100 + activity_id,
        unmapped: Unmapped {
            assurance: &entry.via.assurance,
            leaf_hash: &leaf,
            method: entry.via.method.as_str(),
            seq: entry.seq,
        },
    };
    serde_json::to_writer(&mut *out, &event)?;
    out.push(b'\n');
    Ok(())
}

fn actor<'a>(shown: &Shown<'a>) -> Actor<'a> {
    if !shown.by_person() {
        return Actor::Program { app_name: SYSTEM };
    }
    let user = User {
        uid: &shown.entry.actor,
        type_id: USER,
    };
    Actor::Person { user }
}

/// The record, else the person, else the workflow it is about, else what its kind names.
fn entity<'a>(shown: &Shown<'a>) -> Entity<'a> {
    let known = ["record", "person", "workflow"];
    let found = known
        .into_iter()
        .find_map(|name| Some((name, shown.subject(name)?)));
    let (sort, uid) = match found {
        Some((name, id)) => (name, Some(id)),
        None => (shown.noun(), None),
    };
    let version = match sort {
        "record" => shown.subject("revision"),
        "workflow" => shown.subject("workflow_version"),
        _ => None,
    };
    let name = shown
        .subject("reference")
        .filter(|_| sort == "record")
        .unwrap_or(Cow::Borrowed(sort));
    Entity {
        data: &shown.entry.subject,
        name,
        sort,
        uid,
        version,
    }
}

fn metadata<'a>(shown: &Shown<'a>) -> Metadata<'a> {
    Metadata {
        event_code: &shown.entry.kind,
        log_name: shown.log,
        original_time: crate::ledger::entry::time_text(shown.entry.at),
        product: Product {
            name: PRODUCT,
            vendor_name: PRODUCT,
            version: VERSION,
        },
        sequence: shown.entry.seq,
        uid: shown.entry.id.to_string(),
        version: SCHEMA,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::entry_of;
    use super::*;
    use crate::ledger::tree::leaf_hash;
    use serde_json::json;

    fn event(kind: &str, subject: Value, data: Value, log: Option<&str>) -> Value {
        let (entry, text) = entry_of(kind, subject, data);
        let shown = Shown {
            entry: &entry,
            text: &text,
            leaf: leaf_hash(text.as_bytes()),
            log,
        };
        let mut out = Vec::new();
        line(&shown, &mut out).unwrap();
        assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), 1);
        serde_json::from_slice(&out).unwrap()
    }

    /// The class as JSON Schema; where it came from stands in the file.
    fn schema() -> jsonschema::Validator {
        let path = "tests/fixtures/ocsf/entity_management-1.5.0.json";
        let text = std::fs::read_to_string(path).unwrap();
        jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap()
    }

    #[test]
    fn events_are_what_the_published_schema_asks_for() {
        let schema = schema();
        let record = json!({"record": "r1", "reference": "AI-2026-0001", "revision": 3});
        let nothing = || json!({});
        for (kind, subject, data, activity) in [
            ("record.created", record.clone(), nothing(), 1),
            ("log.exported", json!({"digest": "ab"}), nothing(), 2),
            ("person.erased", json!({"person": "p1"}), nothing(), 4),
            ("review.approved", record.clone(), nothing(), 10),
            ("approval.suspended", record.clone(), nothing(), 12),
            (
                "decision.recorded",
                record,
                json!({"outcome": "reject"}),
                99,
            ),
            ("something.new", nothing(), nothing(), 99),
        ] {
            let event = event(kind, subject, data, Some("example.org/log"));
            let faults: Vec<String> = schema
                .iter_errors(&event)
                .map(|fault| format!("{}: {fault}", fault.instance_path()))
                .collect();
            assert!(faults.is_empty(), "{kind}: {faults:?}");
            assert_eq!(event["activity_id"], activity, "{kind}");
            assert_eq!(event["type_uid"], 300_400 + activity, "{kind}");
        }
        let mut broken = event("record.created", json!({}), json!({}), None);
        broken["metadata"]
            .as_object_mut()
            .map(|all| all.remove("product"));
        assert!(!schema.is_valid(&broken), "the schema does judge");
    }

    #[test]
    fn an_event_names_its_entry_so_that_it_can_be_checked_where_it_ended_up() {
        let event = event(
            "decision.recorded",
            json!({"record": "r1", "reference": "AI-2026-0001", "revision": 3}),
            json!({"outcome": "reject"}),
            None,
        );
        let raw = event["raw_data"].as_str().unwrap();
        let leaf = leaf_hash(raw.as_bytes()).to_string();
        assert_eq!(event["unmapped"]["leaf_hash"], leaf.as_str());
        assert_eq!(event["observables"][0]["value"], leaf.as_str());
        assert_eq!(event["unmapped"]["seq"], 7);
        assert_eq!(
            event["metadata"]["uid"],
            serde_json::from_str::<Value>(raw).unwrap()["id"]
        );
        let entity = &event["entity"];
        assert_eq!(
            (&entity["name"], &entity["uid"], &entity["version"]),
            (&json!("AI-2026-0001"), &json!("r1"), &json!("3"))
        );
        assert_eq!(event["status_detail"], "reject");
        assert_eq!(event["activity_name"], "decision.recorded");
    }
}

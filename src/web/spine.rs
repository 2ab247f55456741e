//! The decision timeline as `parts/spine` draws it.
use crate::review::TimelineItem;
use serde::Serialize;

/// One line, or one sheet where a person decided.
#[derive(Debug, Clone, Serialize)]
pub struct SpineItem {
    seq: i64,
    at: String,
    decision: bool,
    tone: &'static str,
    sentence: String,
    actor: Option<String>,
    method: &'static str,
    revision: Option<i64>,
    digest: Option<String>,
    reason: Option<String>,
    evidence: Option<String>,
    conditions: Vec<String>,
}

impl From<TimelineItem> for SpineItem {
    fn from(item: TimelineItem) -> SpineItem {
        SpineItem {
            seq: item.seq,
            at: item.at.to_string(),
            decision: item.decision,
            tone: tone(item.outcome.as_deref()),
            sentence: item.sentence,
            actor: item.actor,
            method: method(&item.method),
            revision: item.revision,
            digest: item.digest,
            reason: item.reason,
            evidence: item.evidence,
            conditions: item.conditions,
        }
    }
}

/// The shape of a decision: a class of the stylesheet.
pub fn tone(outcome: Option<&str>) -> &'static str {
    match outcome {
        Some("approve" | "approved") => "good",
        Some("approve_with_conditions" | "approved_with_conditions") => "good",
        Some("request_changes") => "part",
        Some("reject" | "rejected") => "bad",
        _ => "idle",
    }
}

/// How somebody was known, in words.
pub fn method(method: &str) -> &'static str {
    match method {
        "session" => "signed in",
        "email_link" => "by mail link",
        "api_token" => "by API token",
        "timer" => "by timer",
        "cli" => "on the command line",
        _ => "by the system",
    }
}

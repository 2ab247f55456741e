//! What happened to a record, in sentences without the name of who did it, which stands beside.
use crate::db::{At, ConditionId, PersonId};
use crate::ledger::Row;
use crate::ledger::entry::fact;
use crate::policy;
use crate::review::words::sentence;
use crate::rules::Kind;
use serde_json::Value;
use std::collections::BTreeMap;

/// Characters of a condition that stand in a sentence about it.
const CONDITION_SHOWN: usize = 70;

/// The data that carry people: one each, or a list.
const NAMED: [&str; 6] = [
    "/data/from",
    "/data/to",
    "/data/on_behalf_of",
    "/data/first",
    "/data/second",
    "/data/people",
];

/// Everybody whom an entry about a record names besides actor and subject.
pub(super) fn named(entry: &Value) -> Vec<PersonId> {
    let mut all = Vec::new();
    for at in NAMED {
        match fact(entry, at) {
            Some(Value::String(id)) => all.extend(id.parse::<PersonId>().ok()),
            Some(Value::Array(ids)) => {
                let ids = ids.iter().filter_map(Value::as_str);
                all.extend(ids.filter_map(|id| id.parse::<PersonId>().ok()));
            }
            _ => {}
        }
    }
    all
}

/// The condition that an entry is about.
pub(super) fn condition(entry: &Value) -> Option<ConditionId> {
    let id = fact(entry, "/subject/condition").and_then(Value::as_str);
    id.and_then(|id| id.parse().ok())
}

/// An entry with what its sentence is made of.
pub(super) struct Told<'a> {
    pub row: &'a Row,
    pub entry: &'a Value,
    pub stage: Option<&'a str>,
    pub names: &'a BTreeMap<PersonId, String>,
    pub conditions: &'a BTreeMap<ConditionId, String>,
    pub zone: &'a jiff::tz::TimeZone,
}

impl Told<'_> {
    pub fn sentence(&self) -> String {
        let kind = self.row.kind.as_str();
        let room = kind.split_once('.').map_or(kind, |(room, _)| room);
        let said = match room {
            "record" | "review" => self.of_review(kind),
            "stage" | "seat" | "task" | "decision" => self.of_stage(kind),
            "condition" => self.of_condition(kind),
            "approval" | "override" => self.of_approval(kind),
            _ => self.of_others(kind),
        };
        said.unwrap_or_else(|| spaced(Some(&kind.replace('.', " "))))
    }

    fn of_review(&self, kind: &str) -> Option<String> {
        let revision = self.number("/subject/revision").unwrap_or(1);
        let renews = self.text("/data/renews").is_some();
        let afterwards = fact(self.entry, "/data/after_the_fact") == Some(&Value::Bool(true));
        let again = fact(self.entry, "/data/looks_again") == Some(&Value::Bool(true));
        Some(match kind {
            "record.created" => "Created, revision 1".to_owned(),
            "record.revised" => format!("Changed: revision {revision}"),
            "review.opened" if afterwards => {
                format!("The review after the fact began, of revision {revision}")
            }
            "review.opened" if again => {
                format!("A change at the vendor called for another review of revision {revision}")
            }
            "review.opened" if renews => format!("Submitted revision {revision} for renewal"),
            "review.opened" => format!("Submitted revision {revision} for review"),
            "review.resubmitted" => format!("Submitted again, revision {revision}"),
            "review.changes_requested" => {
                format!("{}: back to the submitter for changes", self.stage())
            }
            "review.approved" => match self.day("/data/valid_until") {
                Some(day) => format!("The review ended: approved, valid until {day}"),
                None => "The review ended: approved".to_owned(),
            },
            "review.rejected" => match self.text("/data/because") {
                Some("timeout") => "The review ended: rejected, a stage's time ran out",
                Some("not_covered") => {
                    "The review ended: rejected, nobody made up for a stage whose time ran out"
                }
                Some("too_many_revisions") => {
                    "The review ended: rejected, it had more revisions than its workflow allows"
                }
                _ => "The review ended: rejected",
            }
            .to_owned(),
            "review.withdrawn" => "Withdrawn".to_owned(),
            "review.abandoned" => {
                "The review ended: it ran longer than its workflow allows".to_owned()
            }
            "review.superseded" => match self.text("/data/because") {
                Some("looked_again") => "Started anew, because something changed at the vendor",
                Some("restarted") => "Started anew under another version of the workflow",
                _ => "The former approval ended: a newer review took its place",
            }
            .to_owned(),
            _ => return None,
        })
    }

    fn of_stage(&self, kind: &str) -> Option<String> {
        let what = match kind {
            "stage.opened" => "opened".to_owned(),
            "stage.skipped" => "not needed, its condition does not hold".to_owned(),
            "stage.reopened" => "starts anew".to_owned(),
            "stage.settled" => spaced(self.row.outcome.as_deref()),
            "stage.reminded" => format!("{} reminded", self.people()),
            "stage.overdue" => "its time ran out".to_owned(),
            "stage.resumed" => match self.day("/data/due") {
                Some(day) => format!("goes on, due on {day}"),
                None => "goes on".to_owned(),
            },
            "stage.escalated" => self.escalated(),
            "seat.fell_back" => "others were asked to stand in".to_owned(),
            "seat.left" => match self.row.person_id.and_then(|id| self.names.get(&id)) {
                Some(name) => format!("{name} left, or lost the role, and is asked no more"),
                None => "somebody left, or lost the role, and is asked no more".to_owned(),
            },
            "task.moved" => self.moved(),
            "decision.recorded" => self.decided(),
            _ => return None,
        };
        Some(format!("{}: {what}", self.stage()))
    }

    fn decided(&self) -> String {
        let what = choice(self.row.outcome.as_deref());
        match self.name("/data/on_behalf_of") {
            Some(first) => format!("{what} on behalf of {first}"),
            None => what.to_owned(),
        }
    }

    fn moved(&self) -> String {
        let name = |at| self.name(at).unwrap_or("somebody");
        let (from, to) = (name("/data/from"), name("/data/to"));
        match self.text("/data/because") {
            Some("delegated") => format!("the task of {from} was handed on to {to}"),
            Some("absent") => format!("{from} is away; {to} is asked in their place"),
            Some("reassigned") => format!("the task of {from} was given to {to}"),
            Some("returned") => format!("{from} left; the task is {to}’s again"),
            _ => format!("the task of {from} went to {to}"),
        }
    }

    fn escalated(&self) -> String {
        let people = self.people();
        if people == "nobody" {
            return "there is nobody to bring in".to_owned();
        }
        match self.text("/data/mode") {
            Some("add_to_seat") => format!("{people} may decide too"),
            Some("must_agree") => format!("{people} must agree too"),
            _ => format!("{people} told that it waits"),
        }
    }

    fn of_condition(&self, kind: &str) -> Option<String> {
        let what = match kind {
            "condition.reminded" => "a reminder to its owner",
            "condition.evidence_given" => "evidence given",
            "condition.met" => "met, the evidence was accepted",
            "condition.evidence_refused" => "the evidence does not suffice",
            "condition.refused" => "it will not be met",
            "condition.waived" => "waived",
            "condition.missed" => "not met in time",
            _ => return None,
        };
        let text = condition(self.entry).and_then(|id| self.conditions.get(&id));
        Some(match text {
            Some(text) => format!("Condition “{}”: {what}", shortened(text)),
            None => format!("Condition: {what}"),
        })
    }

    fn of_approval(&self, kind: &str) -> Option<String> {
        let by_somebody = self.row.actor_id.is_some();
        let until = || self.day("/data/until").unwrap_or_default();
        Some(match kind {
            "approval.renewal_due" => "A reminder: the approval ends soon".to_owned(),
            "approval.renewal_begun" => "Renewal begun; the approval goes on".to_owned(),
            "approval.renewal_given_up" => {
                "Renewal given up; the approved content stands again".to_owned()
            }
            "approval.expired" => "The approval ended: its time is over".to_owned(),
            "approval.suspended" if by_somebody => "Approval suspended".to_owned(),
            "approval.suspended" => {
                "Approval suspended: a condition was not met in time".to_owned()
            }
            "approval.reinstated" if by_somebody => "Approval in force again".to_owned(),
            "approval.reinstated" => {
                "Approval in force again: no missed condition is left".to_owned()
            }
            "approval.revoked" => match self.text("/data/because") {
                Some("after_the_fact") => {
                    "Approval revoked: the review after the fact rejected what was let through"
                }
                Some("looked_again") => {
                    "Approval revoked: the review that a change at the vendor called for did not \
                     approve it"
                }
                _ => "Approval revoked",
            }
            .to_owned(),
            "approval.retired" => "Use case retired".to_owned(),
            "override.proposed" => format!("Override proposed, until {}", until()),
            "override.declined" => "Override declined".to_owned(),
            "override.granted" => {
                let first = self.name("/data/first").unwrap_or("somebody");
                format!(
                    "Override of {first} agreed to: let through until {}",
                    until()
                )
            }
            _ => return None,
        })
    }

    fn of_others(&self, kind: &str) -> Option<String> {
        Some(match kind {
            "calendar.kept" => {
                let key = self.text("/subject/calendar").unwrap_or("?");
                let version = self.number("/subject/calendar_version").unwrap_or(1);
                format!("Calendar {key}: version {version} kept")
            }
            "workflow.published" => self.of_workflow("published"),
            "workflow.drafted" => self.of_workflow("a draft was begun"),
            "workflow.draft_saved" => self.of_workflow("a draft was changed"),
            "workflow.draft_rebased" => {
                self.of_workflow("a draft took the new version as its base")
            }
            "workflow.draft_discarded" => self.of_workflow("a draft was discarded"),
            "workflow.proposed" => self.of_workflow("a draft was proposed"),
            "workflow.returned" => self.of_workflow("a draft was sent back"),
            "use_case.joined" => {
                let base = self.text("/subject/base_reference").unwrap_or("another");
                format!("Joined the approval of {base}, within its conditions")
            }
            "joining.limited" => match self.number("/data/places") {
                None => "Opened for joining".to_owned(),
                Some(0) => "Closed for joining".to_owned(),
                Some(places) => format!("Open for joining to {places} use cases"),
            },
            "answer.kept" => self.of_document(&policy::KIND, "gave an answer that was kept"),
            "answer.accepted" => self.of_document(
                &policy::KIND,
                "was accepted, and a use case registered under it",
            ),
            "token.created" => "API token created".to_owned(),
            "person.unreachable" => "Mail does not reach this person any more".to_owned(),
            "person.reachable" => "Mail reaches this person again".to_owned(),
            "digest.stopped" => "Daily digest turned off".to_owned(),
            "digest.started" => "Daily digest turned on".to_owned(),
            "checkpoint_mail.started" => "Daily checkpoint by mail turned on".to_owned(),
            "checkpoint_mail.stopped" => "Daily checkpoint by mail turned off".to_owned(),
            "calendar_link.made" => "Address of a calendar feed made".to_owned(),
            "calendar_link.revoked" => "Address of a calendar feed revoked".to_owned(),
            "vendor_change.reported" => self.of_vendor_change("reported"),
            "vendor_change.confirmed" => self.of_vendor_change(
                "counts; what depends on it is \
                                                               reviewed again",
            ),
            "vendor_change.dismissed" => self.of_vendor_change("dismissed"),
            "vendor_change.joined" => {
                "A change at the vendor is part of the review that runs".to_owned()
            }
            "vendor_change.skipped" => {
                "A change at the vendor needs no review: nothing is approved any more".to_owned()
            }
            "vendor_change.closed" => self.of_vendor_change("closed"),
            "auditor.scoped" => {
                let change = self.text("/data/change").unwrap_or("changed");
                format!("Appointment of an auditor {change}")
            }
            "audit.drawn" => "Work papers of an audit taken away".to_owned(),
            "log.exported" => "Decision log exported".to_owned(),
            _ => return self.of_keys(kind),
        })
    }

    fn of_keys(&self, kind: &str) -> Option<String> {
        Some(match kind {
            "key.created" => "Signing key of the ledger made".to_owned(),
            "key.rotated" => "New signing key of the ledger made, beside the old one".to_owned(),
            "key.retired" => "Old signing key of the ledger retired".to_owned(),
            "log.continued" => {
                let origin = self.text("/data/origin").unwrap_or("another name");
                format!("Ledger goes on under the name {origin}")
            }
            _ => {
                let tests = self.of_tests(kind).or_else(|| self.of_oversight(kind));
                let risk = tests.or_else(|| self.of_risk(kind));
                return risk.or_else(|| self.of_rules(kind));
            }
        })
    }

    fn of_vendor_change(&self, what: &str) -> String {
        let area = self.text("/data/area").unwrap_or("other");
        format!(
            "Change at the vendor, {}: {what}",
            crate::vendor::area_words(area)
        )
    }

    fn of_tests(&self, kind: &str) -> Option<String> {
        let test = spaced(self.text("/subject/gate"));
        let passed = self.entry.pointer("/data/met") == Some(&Value::Bool(true));
        let until = self.text("/data/until").unwrap_or("?");
        Some(match kind {
            "test.recorded" => {
                let value = self.text("/data/value").unwrap_or("?");
                let so = if passed { "passed" } else { "not passed" };
                format!("{test}: test recorded, {value}, {so}")
            }
            "waiver.asked" => format!("{test}: a waiver until {until} was asked for"),
            "waiver.granted" => format!("{test}: waived until {until}"),
            "waiver.refused" => format!("{test}: the waiver was refused"),
            "waiver.withdrawn" => format!("{test}: the waiver was taken back"),
            "lifecycle.moved" => {
                let to = self.text("/data/to").unwrap_or("?");
                format!("Moved to {to}")
            }
            "file.erased" => "The content of an evidence file was erased".to_owned(),
            _ => return None,
        })
    }

    fn of_oversight(&self, kind: &str) -> Option<String> {
        let count = |name: &str| {
            let count = self.entry.pointer(&format!("/data/{name}"));
            count.and_then(Value::as_u64).unwrap_or_default()
        };
        let (looked_at, overridden) = (count("looked_at"), count("overridden"));
        Some(match kind {
            "oversight.arranged" => {
                let named = self
                    .entry
                    .pointer("/data/overseers")
                    .and_then(Value::as_array);
                match named.map_or(0, Vec::len) {
                    1 => "One person named to oversee it".to_owned(),
                    many => format!("{many} people named to oversee it"),
                }
            }
            "oversight.sampled" => {
                let on = self.text("/data/looked_on").unwrap_or("?");
                format!(
                    "Human review on {on}: {looked_at} outputs looked at, {overridden} overridden"
                )
            }
            "oversight.withdrawn" => {
                format!("Human review of {looked_at} outputs taken back, {overridden} overridden")
            }
            _ => return None,
        })
    }

    fn of_risk(&self, kind: &str) -> Option<String> {
        let role = spaced(self.text("/data/role"));
        Some(match kind {
            "risk.assessed" => {
                let (tier, class) = (
                    spaced(self.text("/data/tier")),
                    spaced(self.text("/data/class")),
                );
                let waiting = self.entry.pointer("/data/escalations");
                let waiting = match waiting.and_then(Value::as_array).map_or(0, Vec::len) {
                    0 => String::new(),
                    1 => "; one has to answer for what is left".to_owned(),
                    many => format!("; {many} have to answer for what is left"),
                };
                format!("Risk assessed: tier {tier}, by law {class}{waiting}")
            }
            "risk.accepted" => {
                let until = self.text("/data/until").unwrap_or("?");
                format!("Risk that is left accepted by {role} until {until}")
            }
            "risk.sent_back" => format!("Risk that is left not accepted by {role}"),
            _ => return None,
        })
    }

    fn of_rules(&self, kind: &str) -> Option<String> {
        let (word, deed) = kind.split_once('.')?;
        let kind = Kind::of_word(word)?;
        let what = match deed {
            "published" => "published",
            "drafted" => "a draft was begun",
            "draft_saved" => "a draft was changed",
            "draft_rebased" => "a draft took the new version as its base",
            "draft_discarded" => "a draft was discarded",
            "proposed" => "a draft was proposed",
            "returned" => "a draft was sent back",
            _ => return None,
        };
        Some(self.of_document(kind, what))
    }

    fn of_document(&self, kind: &Kind, what: &str) -> String {
        let key = self.text(&format!("/subject/{}", kind.word)).unwrap_or("?");
        let title = sentence(kind.title);
        match self.number(&format!("/subject/{}_version", kind.word)) {
            Some(version) => format!("{title} {key}: version {version} {what}"),
            None => format!("{title} {key}: {what}"),
        }
    }

    fn of_workflow(&self, what: &str) -> String {
        let key = self.text("/subject/workflow").unwrap_or("?");
        match self.number("/subject/workflow_version") {
            Some(version) => format!("Workflow {key}: version {version} {what}"),
            None => format!("Workflow {key}: {what}"),
        }
    }

    fn stage(&self) -> &str {
        self.stage.unwrap_or("The stage")
    }

    fn text(&self, at: &str) -> Option<&str> {
        fact(self.entry, at).and_then(Value::as_str)
    }

    fn number(&self, at: &str) -> Option<i64> {
        fact(self.entry, at).and_then(Value::as_i64)
    }

    fn name(&self, at: &str) -> Option<&str> {
        let id: PersonId = self.text(at)?.parse().ok()?;
        self.names.get(&id).map(String::as_str)
    }

    fn people(&self) -> String {
        let ids = fact(self.entry, "/data/people").and_then(Value::as_array);
        let ids = ids.into_iter().flatten().filter_map(Value::as_str);
        let people = ids.filter_map(|id| id.parse::<PersonId>().ok());
        let names = people.filter_map(|id| self.names.get(&id).cloned());
        let names: Vec<String> = names.collect();
        let crowd = fact(self.entry, "/data/told/count");
        match names.as_slice() {
            [] => match crowd.and_then(Value::as_u64) {
                Some(count) => format!("{count} people"),
                None => "nobody".to_owned(),
            },
            [one] => one.clone(),
            [many @ .., last] => format!("{} and {last}", many.join(", ")),
        }
    }

    fn day(&self, at: &str) -> Option<String> {
        let at = At::parse(self.text(at)?)?;
        Some(spelled(at, self.zone))
    }
}

/// The day of an instant as pages write it.
pub fn spelled(at: At, zone: &jiff::tz::TimeZone) -> String {
    let there = zone.to_datetime(at.0);
    there.strftime("%-d %b %Y").to_string()
}

fn shortened(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= CONDITION_SHOWN {
        return line;
    }
    let cut: String = line.chars().take(CONDITION_SHOWN).collect();
    format!("{}…", cut.trim_end())
}

fn spaced(word: Option<&str>) -> String {
    word.unwrap_or("settled").replace('_', " ")
}

fn choice(outcome: Option<&str>) -> &'static str {
    match outcome {
        Some("approve") => "approved",
        Some("approve_with_conditions") => "approved with conditions",
        Some("request_changes") => "changes requested",
        Some("reject") => "rejected",
        Some("recuse") => "stepped aside",
        _ => "decided",
    }
}

//! Reviews, replayed: what follows for the review, its decisions and its conditions.
use crate::db::{At, ConditionId, TaskId};
use crate::ledger::entry::Entry;
use crate::replay::{ERASED, Key, Last, Snapshot, Thing};
use crate::review::engine::{Event, Review};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// One review as its entries tell it.
#[derive(Debug, Clone)]
pub(super) struct Course {
    pub review: Review,
    /// By stage, what stands for the answers of those who approved in its epoch.
    answers: BTreeMap<String, Vec<(u64, Value)>>,
    closed: Option<(At, String)>,
    decisions: BTreeMap<TaskId, Map<String, Value>>,
    conditions: BTreeMap<ConditionId, Map<String, Value>>,
    /// The entries that speak last of the review, and of its decisions and conditions.
    last: Last,
    last_of: BTreeMap<Key, Last>,
}

impl Course {
    pub fn begin(review: Review, last: Last) -> Course {
        Course {
            review,
            answers: BTreeMap::new(),
            closed: None,
            decisions: BTreeMap::new(),
            conditions: BTreeMap::new(),
            last,
            last_of: BTreeMap::new(),
        }
    }

    pub fn take(&mut self, event: &Event, entry: &Entry, last: Last) {
        let at = At(entry.at);
        self.review.apply(event, at);
        if !self.review.phase.is_running() && self.closed.is_none() {
            self.closed = Some((at, self.review.route()));
        }
        match event {
            Event::Decided { .. } => self.decided(event, entry, &last),
            Event::StageReopened { stage, .. } => {
                self.answers.remove(stage);
                self.void(Some(stage));
            }
            Event::Rejected { .. }
            | Event::Withdrawn { .. }
            | Event::Abandoned
            | Event::Expired
            | Event::Superseded { .. }
            | Event::Revoked { .. }
            | Event::Retired { .. } => self.void(None),
            Event::Approved { obligations, .. } => {
                obligations.keys().for_each(|id| self.oblige(*id, &last));
            }
            _ => event
                .condition()
                .into_iter()
                .for_each(|id| self.oblige(id, &last)),
        }
        self.last = last;
    }

    fn decided(&mut self, event: &Event, entry: &Entry, last: &Last) {
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
            return;
        };
        let committed = |name: &str| entry.private.get(name).map(hex::encode);
        if let Some(answers) = committed("answers").filter(|_| outcome.is_approval()) {
            let all = self.answers.entry(stage.clone()).or_default();
            all.push((entry.seq, answers.into()));
        }
        let decision = json!({
            "review": self.review.id, "record": self.review.record, "stage": stage,
            "epoch": epoch, "person": person, "on_behalf_of": on_behalf_of,
            "outcome": outcome.as_str(), "revision": revision, "digest": digest,
            "method": entry.via.method.as_str(), "entry": entry.seq,
            "at": At(entry.at).to_string(), "task": "decided",
        });
        self.decisions.insert(*task, object(decision));
        self.last_of
            .insert(Key::new("decision", task), last.clone());
        for (index, condition) in conditions.iter().enumerate() {
            let id = ConditionId::of(*task, index);
            let owed = json!({
                "decision": task, "record": self.review.record, "stage": stage,
                "owner": condition.owner, "due": condition.due, "due_at": null, "state": "open",
                "text": committed(&format!("condition_{}", index + 1)),
            });
            self.conditions.insert(id, object(owed));
            self.last_of.insert(Key::new("condition", id), last.clone());
        }
    }

    /// A condition stands as its obligation says.
    fn oblige(&mut self, id: ConditionId, last: &Last) {
        let obligation = self.review.obligations.get(&id);
        let (Some(owed), Some(now)) = (self.conditions.get_mut(&id), obligation) else {
            return;
        };
        owed.insert("state".to_owned(), now.state.as_str().into());
        owed.insert("owner".to_owned(), json!(now.owner));
        let due = now.due.map(|at| at.to_string());
        owed.insert("due_at".to_owned(), json!(due));
        self.last_of.insert(Key::new("condition", id), last.clone());
    }

    /// A value beside entry `seq` is gone: with an answer all of its stage, as the state has them
    /// laid over each other.
    pub fn forget(&mut self, seq: u64, name: &str) {
        if name == "answers" {
            self.answers
                .retain(|_, given| given.iter().all(|(entry, _)| *entry != seq));
        }
        let index = name.strip_prefix("condition_");
        let index = index.and_then(|number| number.parse::<usize>().ok()?.checked_sub(1));
        let of_entry = |decision: &Map<String, Value>| decision.get("entry") == Some(&json!(seq));
        let made = self.decisions.iter().find(|(_, made)| of_entry(made));
        if let (Some(index), Some((task, _))) = (index, made)
            && let Some(owed) = self.conditions.get_mut(&ConditionId::of(*task, index))
        {
            owed.insert("text".to_owned(), ERASED.into());
        }
    }

    /// Conditions fall with the approvals they came with.
    fn void(&mut self, stage: Option<&String>) {
        for owed in self.conditions.values_mut() {
            let of_stage = stage.is_none_or(|stage| owed.get("stage") == Some(&json!(stage)));
            let settled = [json!("met"), json!("waived")];
            let stays = owed.get("state").is_some_and(|s| settled.contains(s));
            if of_stage && !stays {
                owed.insert("state".to_owned(), "void".into());
            }
        }
    }

    /// The review, its decisions and its conditions as things.
    pub fn things(self, all: &mut Snapshot) {
        let closed = self.closed.as_ref();
        let columns = Columns {
            phase: self.review.phase.as_str().to_owned(),
            workflow: self.review.workflow.key.clone(),
            version: self.review.workflow.version,
            record: self.review.record.to_string(),
            opened_at: self.review.opened_at,
            closed_at: closed.map(|(at, _)| *at),
            route: closed.map(|(_, route)| route.clone()),
            override_until: self.review.override_until(),
        };
        let bare = |given: &Vec<(u64, Value)>| given.iter().map(|(_, v)| v.clone()).collect();
        let answers = self
            .answers
            .iter()
            .map(|(key, given)| (key.clone(), bare(given)));
        let fields = fields(columns, &self.review, &answers.collect());
        let thing = |fields, last| Thing { fields, last };
        let key = Key::new("review", self.review.id);
        all.insert(key, thing(fields, Some(self.last)));
        for (id, fields) in self.decisions {
            let key = Key::new("decision", id);
            let last = self.last_of.get(&key).cloned();
            all.insert(key, thing(fields, last));
        }
        for (id, mut fields) in self.conditions {
            fields.remove("stage");
            let key = Key::new("condition", id);
            let last = self.last_of.get(&key).cloned();
            all.insert(key, thing(fields, last));
        }
    }
}

/// What the row of a review says beside its state.
pub(super) struct Columns {
    pub phase: String,
    pub workflow: String,
    pub version: i32,
    pub record: String,
    pub opened_at: At,
    pub closed_at: Option<At>,
    pub route: Option<String>,
    pub override_until: Option<At>,
}

/// A review's fields. Answers stand by what stands for them, results of tables without the words of
/// the workflow.
pub(super) fn fields(
    columns: Columns,
    review: &Review,
    answers: &BTreeMap<String, Vec<Value>>,
) -> Map<String, Value> {
    let mut state = json!(review);
    for (key, run) in &review.stages {
        let none = Vec::new();
        let answers = match run.votes.is_empty() {
            true => &none,
            false => answers.get(key).unwrap_or(&none),
        };
        if let Some(place) = state.pointer_mut(&format!("/stages/{key}/answers")) {
            *place = answers.clone().into();
        }
    }
    for (key, derived) in &review.derived {
        if let Some(place) = state.pointer_mut(&format!("/derived/{key}")) {
            *place = json!({ "value": derived.value, "row": derived.row });
        }
    }
    let time = |at: Option<At>| at.map(|at| at.to_string());
    object(json!({
        "phase": columns.phase, "workflow": columns.workflow, "version": columns.version,
        "record": columns.record, "opened_at": time(Some(columns.opened_at)),
        "closed_at": time(columns.closed_at), "route": columns.route,
        "override_until": time(columns.override_until), "state": state,
    }))
}

/// The members of a JSON object.
pub(super) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

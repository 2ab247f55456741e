//! A record with its latest review, in the words that mails need.
use crate::db::{At, ConditionId, Conn, PersonId, RecordId, ReviewId, TaskId};
use crate::error::{Error, Result};
use crate::people::{self, Person};
use crate::register::{self, Record};
use crate::review::engine::{
    Calendars, Context, Directory, Progress, Review, StageRun, needs_sign_in,
};
use crate::review::workflows::{self, Loaded};
use crate::review::{self, ConditionRow, DecisionRow, Desk, Finish, Task, TimelineItem};
use crate::workflow::{Stage, Trigger};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Everything that mails about one record tell of.
pub(super) struct Case {
    pub(super) record: Record,
    pub(super) review: Review,
    loaded: Arc<Loaded>,
    decisions: Vec<DecisionRow>,
    conditions: Vec<ConditionRow>,
    timeline: Vec<TimelineItem>,
    names: BTreeMap<PersonId, String>,
}

/// Who ended a stage or a review, and why.
#[derive(Default)]
pub(super) struct Said<'a> {
    pub(super) by: Option<&'a str>,
    pub(super) stage: Option<&'a str>,
    pub(super) reason: Option<&'a str>,
}

impl Case {
    /// Loads a record with this review, or with its latest.
    ///
    /// # Errors
    /// When the database fails or the record was never submitted.
    pub(super) fn load(
        conn: &mut Conn,
        desk: &Desk,
        record: RecordId,
        review: Option<ReviewId>,
    ) -> Result<Case> {
        let record = register::by_id(conn, record)?;
        let id = review
            .or(record.review_id)
            .ok_or_else(|| Error::not_found("review of", record.id))?;
        let review = review::review(conn, id)?;
        let (key, version) = (&review.workflow.key, review.workflow.version);
        let loaded = workflows::version(conn, &desk.workflows, key, version)?;
        let decisions = review::decisions_of(conn, record.id)?;
        let conditions = review::conditions_of(conn, record.id)?;
        let timeline = review::timeline(conn, desk, record.id)?;
        let mut named = BTreeSet::from([review.submitter, review.owner]);
        named.extend(decisions.iter().map(|row| row.person_id));
        named.extend(conditions.iter().filter_map(|row| row.owner_id));
        let names = people::names(conn, &named)?;
        Ok(Case {
            record,
            review,
            loaded,
            decisions,
            conditions,
            timeline,
            names,
        })
    }

    /// What the record is called.
    pub(super) fn named(&self) -> Value {
        json!({ "reference": self.record.reference, "title": self.record.title })
    }

    /// Path of the record's page.
    ///
    /// # Errors
    /// When the record is of a kind that this program does not know.
    pub(super) fn path(&self, desk: &Desk) -> Result<String> {
        let kind = desk.kinds.by_key(&self.record.kind)?;
        Ok(format!("/{}/{}", kind.path, self.record.reference))
    }

    /// Name of a person who has a part in the review.
    pub(super) fn name(&self, person: PersonId) -> &str {
        self.names.get(&person).map_or("", String::as_str)
    }

    /// What a person who waits for the outcome is to the use case.
    pub(super) fn role_of(&self, person: PersonId) -> &'static str {
        match (person == self.review.submitter, person == self.review.owner) {
            (true, true) => "submitter and owner",
            (true, false) => "submitter",
            _ => "owner",
        }
    }

    /// Why a person gets a mail about the record, after "because".
    ///
    /// # Errors
    /// When the database fails.
    pub(super) fn why(&self, conn: &mut Conn, person: &Person) -> Result<String> {
        let id = person.id;
        if id == self.review.submitter || id == self.review.owner {
            return Ok(format!("you are the {} of this use case", self.role_of(id)));
        }
        if self
            .conditions
            .iter()
            .any(|row| row.owner_id == Some(id) && row.state != "void")
        {
            return Ok("you owe a condition of this approval".to_owned());
        }
        if self.decisions.iter().any(|row| row.person_id == id) {
            return Ok("you decided on this use case".to_owned());
        }
        if crate::catalogue::owners_of(conn, self.record.id)?.contains(&id) {
            return Ok("a use case of yours joined this approval".to_owned());
        }
        let roles: Vec<String> = people::held_by(conn, id)?
            .into_iter()
            .map(|role| spoken(&role))
            .collect();
        Ok(match roles.as_slice() {
            [] => "the workflow names you".to_owned(),
            [role] => format!("you hold the role {role}"),
            roles => format!("you hold the roles {}", roles.join(", ")),
        })
    }

    /// When a stage is due, while it is open.
    pub(super) fn due(&self, stage: &str) -> Option<At> {
        self.review.due(stage)
    }

    /// When the review is expected to end, as its page says it.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) fn finish(&self, conn: &mut Conn, desk: &Desk) -> Result<Option<Finish>> {
        let revision = register::revision(conn, self.record.id, self.review.revision)?;
        let request = revision.document()?;
        review::finish(conn, desk, &self.loaded, &self.review, &request)
    }

    /// Who decides in a person's place.
    pub(super) fn delegate_of(&self, stage: &str, person: PersonId) -> Option<PersonId> {
        let mut behalf = self.review.stage(stage)?.on_behalf.iter();
        behalf
            .find(|(_, first)| **first == person)
            .map(|(to, _)| *to)
    }

    /// In whose place a person decides.
    pub(super) fn first_of(&self, stage: &str, person: PersonId) -> Option<PersonId> {
        self.review.stage(stage)?.on_behalf.get(&person).copied()
    }

    /// What calls in a rule of a stage.
    pub(super) fn trigger(&self, stage: &str, rule: usize) -> Option<Trigger> {
        Some(self.definition(stage)?.escalate.get(rule)?.on)
    }

    /// Since when a stage stands where it does.
    pub(super) fn since(&self, stage: &str) -> Option<At> {
        self.review.stage(stage)?.since
    }

    /// A condition of the record's approvals.
    pub(super) fn condition(&self, id: ConditionId) -> Option<&ConditionRow> {
        self.conditions.iter().find(|row| row.id == id)
    }

    /// A decision on the record.
    pub(super) fn decision(&self, id: TaskId) -> Option<&DecisionRow> {
        self.decisions.iter().find(|row| row.id == id)
    }

    /// Names of those who still have to decide in a stage.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) fn holders(&self, conn: &mut Conn, stage: &str) -> Result<Vec<String>> {
        let open = review::open_tasks_of(conn, self.review.id)?;
        let here = open.iter().filter(|task| task.stage == stage);
        sorted_names(conn, here.map(|task| task.person_id).collect())
    }

    /// Risk tier and the reason of the rule that gave it, when the workflow has such a table.
    pub(super) fn risk(&self) -> Option<Value> {
        let risk = self.review.derived.get("risk")?;
        let tier = risk.value.as_str()?;
        Some(json!({ "tier": tier, "because": risk.because }))
    }

    fn definition(&self, stage: &str) -> Option<&Stage> {
        self.loaded.workflow.stage(stage)
    }

    /// Title of a stage.
    pub(super) fn title(&self, stage: &str) -> &str {
        self.definition(stage)
            .map_or("", |stage| stage.title.as_str())
    }

    /// Title of a stage, and which of those that are not skipped it is.
    pub(super) fn stage_with_place(&self, stage: &str) -> Value {
        let skipped = |key: &str| {
            self.review
                .stage(key)
                .is_some_and(|run| run.progress == Progress::Skipped)
        };
        let route: Vec<&str> = self
            .loaded
            .workflow
            .in_order()
            .into_iter()
            .map(|stage| stage.key.as_str())
            .filter(|key| !skipped(key))
            .collect();
        let number = route
            .iter()
            .position(|key| *key == stage)
            .map_or(1, |at| at + 1);
        json!({ "title": self.title(stage), "number": number, "count": route.len() })
    }

    /// Whether the link of a stage only shows the task.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) fn wants_sign_in(&self, conn: &mut Conn, stage: &str) -> Result<bool> {
        let Some(stage) = self.definition(stage) else {
            return Ok(false);
        };
        let revision = register::revision(conn, self.record.id, self.review.revision)?;
        let context = Context {
            workflow: &self.loaded.workflow,
            forms: &self.loaded.forms,
            request: &revision.document()?,
            directory: &Directory::default(),
            calendars: &Calendars::default(),
        };
        Ok(needs_sign_in(&context, &self.review, stage))
    }

    /// Whether a person is asked only because others cannot decide.
    pub(super) fn stands_in(&self, stage: &str, person: PersonId) -> bool {
        let first = |run: &StageRun| run.seats.iter().any(|seat| seat.people.contains(&person));
        self.review.stage(stage).is_some_and(|run| !first(run))
    }

    /// Names of those who are asked the same question and have not answered.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) fn others_asked(&self, conn: &mut Conn, task: &Task) -> Result<Vec<String>> {
        let open = review::open_tasks_of(conn, task.review_id)?;
        let others = open
            .iter()
            .filter(|other| other.stage == task.stage && other.id != task.id);
        sorted_names(conn, others.map(|other| other.person_id).collect())
    }

    /// Labels of the answers that changed since the revision a person decided on last.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) fn changed_since(
        &self,
        conn: &mut Conn,
        desk: &Desk,
        person: PersonId,
    ) -> Result<Vec<String>> {
        let now = self.review.revision;
        let theirs = self.decisions.iter().filter(|row| row.person_id == person);
        let Some(seen) = theirs
            .map(|row| row.revision)
            .max()
            .filter(|seen| *seen < now)
        else {
            return Ok(Vec::new());
        };
        let before = register::revision(conn, self.record.id, seen)?.document()?;
        let after = register::revision(conn, self.record.id, now)?.document()?;
        let form = &desk.kinds.by_key(&self.record.kind)?.form;
        Ok(form
            .diff(&before, &after)
            .into_iter()
            .map(|change| change.label)
            .collect())
    }

    /// The decisions that count now: of this review, and of each stage's present epoch.
    pub(super) fn decided(&self) -> Vec<Value> {
        let counting = self.decisions.iter().filter(|row| self.counts(row));
        let told = counting.map(|row| {
            json!({
                "stage": self.title(&row.stage),
                "outcome": outcome(&row.outcome),
                "person": self.name(row.person_id),
            })
        });
        told.collect()
    }

    fn counts(&self, row: &DecisionRow) -> bool {
        let epoch = self
            .review
            .stage(&row.stage)
            .map(|run| i64::from(run.epoch));
        row.review_id == self.review.id && epoch == Some(i64::from(row.epoch))
    }

    /// The conditions that `wanted` picks, with the names of those who owe them.
    pub(super) fn conditions(&self, wanted: impl Fn(&ConditionRow) -> bool) -> Vec<Value> {
        let told = self.conditions.iter().filter(|row| wanted(row)).map(|row| {
            let owner = row.owner_id.map(|person| self.name(person));
            json!({ "text": row.text, "owner": owner, "due": row.due })
        });
        told.collect()
    }

    /// Leaf hash of a ledger entry about this record.
    pub(super) fn leaf_hash(&self, seq: i64) -> &str {
        let item = self.timeline.iter().find(|item| item.seq == seq);
        item.map_or("", |item| item.leaf_hash.as_str())
    }

    /// The last time that the review came into a phase.
    pub(super) fn event(&self, phase: &str) -> Option<&TimelineItem> {
        let kind = format!("review.{phase}");
        self.timeline.iter().rev().find(|item| item.kind == kind)
    }

    /// Who brought an event about, and why: its own actor, or who decided last in the stage that
    /// asked for changes or rejected. Nobody, when the rules of the workflow did.
    pub(super) fn verdict<'a>(&'a self, event: &'a TimelineItem) -> Said<'a> {
        if event.actor.is_some() {
            return Said {
                by: event.actor.as_deref(),
                stage: None,
                reason: event.reason.as_deref(),
            };
        }
        let rejected = || {
            let mut stages = self.review.stages.iter();
            stages
                .find(|(_, run)| run.progress == Progress::Rejected)
                .map(|(key, _)| key.as_str())
        };
        let Some(stage) = event.stage.as_deref().or_else(rejected) else {
            return Said::default();
        };
        let decided = |item: &&TimelineItem| {
            item.decision && item.seq < event.seq && item.stage.as_deref() == Some(stage)
        };
        let last = self.timeline.iter().rev().find(decided);
        Said {
            by: last.and_then(|item| item.actor.as_deref()),
            stage: Some(self.title(stage)),
            reason: last.and_then(|item| item.reason.as_deref()),
        }
    }
}

/// The key of a role as people say it.
fn spoken(key: &str) -> String {
    let word = |word: &str| match word {
        "ai" | "ceo" | "cto" | "ciso" => word.to_uppercase(),
        _ => word.to_owned(),
    };
    key.split('_').map(word).collect::<Vec<_>>().join(" ")
}

fn sorted_names(conn: &mut Conn, people: BTreeSet<PersonId>) -> Result<Vec<String>> {
    let mut names: Vec<String> = people::names(conn, &people)?.into_values().collect();
    names.sort();
    Ok(names)
}

/// A decision as a mail says it, after "you" as well as after a stage.
pub(super) fn outcome(word: &str) -> &'static str {
    match word {
        "approve" => "approved",
        "approve_with_conditions" => "approved with conditions",
        "request_changes" => "requested changes",
        "reject" => "rejected",
        "recuse" => "stepped aside",
        _ => "decided",
    }
}

/// How a person was known, as a mail says it.
pub(super) fn method(word: &str) -> &'static str {
    match word {
        "email_link" => "by mail link",
        "session" => "signed in",
        "api_token" => "by API token",
        _ => "by the operator",
    }
}

/// What somebody wrote, line by line.
pub(super) fn lines(text: Option<&str>) -> Vec<String> {
    text.unwrap_or_default()
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect()
}

//! What whoever queued a message gave along: keys, identifiers and times. What else is to be told
//! of it stands in the ledger entry it followed from; names are looked up when it is sent, and
//! reasons where the ledger keeps them.
use crate::db::{At, ConditionId, Conn, PersonId, ReviewId};
use crate::error::{Error, Result};
use crate::ledger::{self, Filter, Page, Row};
use crate::notify::outbox::Owed;
use crate::people;
use crate::review::Task;
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Entries of one kind about one stage that are looked through.
const LOOK_BACK: i64 = 50;

/// The context of a message. Which keys a template wants stands in the table of `notify`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Given {
    /// The review.
    pub(super) review: Option<ReviewId>,
    /// Key of the stage.
    pub(super) stage: Option<String>,
    /// The condition.
    pub(super) condition: Option<ConditionId>,
    /// Who did it.
    pub(super) by: Option<PersonId>,
    /// Who agreed.
    pub(super) second: Option<PersonId>,
    /// Whose task it was.
    pub(super) from: Option<PersonId>,
    /// Whose task it is.
    pub(super) to: Option<PersonId>,
    /// Why, as a word.
    pub(super) because: Option<String>,
    /// What those who are brought in do.
    pub(super) mode: Option<String>,
    /// Which of the stage's rules called them in, from 0.
    pub(super) rule: Option<usize>,
    /// What follows, as a word.
    pub(super) then: Option<String>,
    /// Until when: a time, or a day.
    pub(super) until: Option<String>,
    /// When an approval ends or ended.
    pub(super) ends: Option<At>,
    /// Number of the ledger entry it followed from.
    pub(super) entry: Option<i64>,
    /// The reason itself, when no entry holds it.
    pub(super) reason: Option<String>,
    /// Title of the workflow.
    pub(super) title: Option<String>,
    /// Page the link leads to, below the public address.
    pub(super) path: Option<String>,
}

impl Given {
    /// The context of a message.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when a key holds something else than it should.
    pub(super) fn read(owed: &Owed) -> Result<Given> {
        let wrong = |e| Error::Corrupt(format!("the context of a {} mail: {e}", owed.template));
        serde_json::from_str(&owed.context).map_err(wrong)
    }

    /// Adds what the entry says that it followed from.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) fn with_its_entry(mut self, conn: &mut Conn) -> Result<Given> {
        let Some(seq) = self.entry else {
            return Ok(self);
        };
        let from = Page::From(u64::try_from(seq).unwrap_or(u64::MAX));
        let row = ledger::rows(conn, &Filter::default(), from, 1)?.pop();
        if let Some(row) = row.filter(|row| row.seq == seq) {
            self.add(&row);
            if row.kind == "override.granted" {
                self.entry = proposal(conn, &row)?.or(self.entry);
            }
        }
        Ok(self)
    }

    fn add(&mut self, row: &Row) {
        let entry: Value = serde_json::from_slice(&row.entry).unwrap_or_default();
        let data = |name: &str| entry.pointer(&format!("/data/{name}"));
        let word = |name: &str| data(name).and_then(Value::as_str).map(str::to_owned);
        let person = |name: &str| word(name).and_then(|id| id.parse().ok());
        self.entry = Some(row.seq);
        self.by = self.by.or(person("first")).or(row.actor_id);
        self.second = self.second.or(person("second"));
        self.from = self.from.or(person("from"));
        self.to = self.to.or(person("to"));
        self.until = self.until.take().or(word("until"));
        self.mode = self.mode.take().or(word("mode"));
        let rule = data("cause/rule").and_then(Value::as_u64);
        self.rule = self.rule.or(rule.and_then(|at| usize::try_from(at).ok()));
        let because = word("because").or_else(|| of_kind(row, data("cause/time").is_some()));
        self.because = self.because.take().or(because);
    }

    /// How a task came to its person, when it is not the workflow alone that asks them.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) fn for_task(mut self, conn: &mut Conn, task: &Task, kind: &str) -> Result<Given> {
        self.stage = self.stage.take().or_else(|| Some(task.stage.clone()));
        if self.because.is_some() || self.mode.is_some() {
            return Ok(self);
        }
        let filter = Filter {
            record: Some(task.record_id),
            stage: Some(task.stage.clone()),
            kind: Some(kind.to_owned()),
            ..Filter::default()
        };
        let rows = ledger::rows(conn, &filter, Page::Newest, LOOK_BACK)?;
        if let Some(row) = rows.iter().find(|row| concerns(row, task)) {
            self.add(row);
        }
        Ok(self)
    }

    /// The reason, line by line; none when there was none or it was erased.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) fn reason(&self, conn: &mut Conn) -> Result<Vec<String>> {
        match &self.reason {
            Some(reason) => Ok(super::case::lines(Some(reason))),
            None => self.kept(conn, "reason"),
        }
    }

    /// What lies beside the entry under this name, line by line.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) fn kept(&self, conn: &mut Conn, name: &str) -> Result<Vec<String>> {
        let Some(entry) = self.entry else {
            return Ok(Vec::new());
        };
        let opened = ledger::opened(conn, &[entry])?;
        let kept = opened.into_iter().find(|(_, found, _, _)| found == name);
        Ok(super::case::lines(
            kept.as_ref().map(|kept| kept.3.as_str()),
        ))
    }

    /// The names of everybody it speaks of.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) fn names(&self, conn: &mut Conn) -> Result<Names> {
        let all = [self.by, self.second, self.from, self.to];
        let all: BTreeSet<PersonId> = all.into_iter().flatten().collect();
        Ok(Names(people::names(conn, &all)?))
    }
}

/// Whether an entry is about this task's epoch and names its person: as who has it now, or as one
/// of those who were brought in.
fn concerns(row: &Row, task: &Task) -> bool {
    let entry: Value = serde_json::from_slice(&row.entry).unwrap_or_default();
    let epoch = entry.pointer("/subject/epoch").and_then(Value::as_i64);
    let person = task.person_id.to_string();
    let people = entry.pointer("/data/people").and_then(Value::as_array);
    let brought = people.is_some_and(|all| all.iter().any(|one| one.as_str() == Some(&person)));
    let now = epoch == Some(i64::from(task.epoch)) && row.review_id == Some(task.review_id);
    now && (row.person_id == Some(task.person_id) || brought)
}

/// Why, where the kind of an entry says it all.
fn of_kind(row: &Row, by_time: bool) -> Option<String> {
    let because = match (row.kind.as_str(), row.actor_id) {
        ("stage.escalated", _) if by_time => "late",
        ("condition.refused", _) => "owner",
        ("condition.waived", _) => "waived",
        ("approval.suspended", None) => "condition_missed",
        ("approval.reinstated", None) => "condition_met",
        _ => return None,
    };
    Some(because.to_owned())
}

/// The entry of the proposal that an override followed from: it holds the reason.
fn proposal(conn: &mut Conn, granted: &Row) -> Result<Option<i64>> {
    let filter = Filter {
        record: granted.record_id,
        kind: Some("override.proposed".to_owned()),
        ..Filter::default()
    };
    let before = Page::Before(u64::try_from(granted.seq).unwrap_or(0));
    let rows = ledger::rows(conn, &filter, before, 1)?;
    Ok(rows.first().map(|row| row.seq))
}

/// Names by identifier.
pub(super) struct Names(BTreeMap<PersonId, String>);

impl Names {
    /// The name, when a person is given and known.
    pub(super) fn of(&self, person: Option<PersonId>) -> Option<&str> {
        self.0.get(&person?).map(String::as_str)
    }
}

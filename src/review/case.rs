//! One task with everything around it that is needed to show it and to read its answer.
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::form::Form;
use crate::people::{self, Person};
use crate::register::{self, Record, Revision};
use crate::review::engine::{self, Calendars, Context, Directory, Progress, Review};
use crate::review::service::Desk;
use crate::review::store::{self, Task};
use crate::review::workflows::{self, Loaded};
use crate::workflow::{Outcome, Stage};
use serde_json::Value;
use std::sync::Arc;

/// A task with its review, its workflow, its record and its person.
#[derive(Debug)]
pub struct Case {
    /// The task.
    pub task: Task,
    /// The review it belongs to.
    pub review: Review,
    /// The workflow version the review runs under.
    pub loaded: Arc<Loaded>,
    /// The record.
    pub record: Record,
    /// The revision under review.
    pub revision: Revision,
    /// Who is asked.
    pub person: Person,
}

impl Case {
    /// Loads the case of a task.
    ///
    /// # Errors
    /// When the database fails or lacks a part.
    pub fn load(conn: &mut Conn, desk: &Desk, task: Task) -> Result<Case> {
        let review = store::review(conn, task.review_id)?;
        let pin = &review.workflow;
        let loaded = workflows::version(conn, &desk.workflows, &pin.key, pin.version)?;
        let record = register::by_id(conn, task.record_id)?;
        let revision = register::revision(conn, record.id, review.revision)?;
        let person = people::by_id(conn, task.person_id)?;
        let person = person.ok_or_else(|| Error::not_found("person", task.person_id))?;
        Ok(Case {
            task,
            review,
            loaded,
            record,
            revision,
            person,
        })
    }

    /// The definition of the stage.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when the workflow lacks it.
    pub fn stage(&self) -> Result<&Stage> {
        let key = &self.task.stage;
        let found = self.loaded.workflow.stage(key);
        found.ok_or_else(|| Error::Corrupt(format!("task {}: no stage {key}", self.task.id)))
    }

    /// The form of the stage, if it has one.
    pub fn form(&self) -> Option<&Form> {
        let key = self
            .loaded
            .workflow
            .stage(&self.task.stage)?
            .form
            .as_ref()?;
        self.loaded.forms.get(key)
    }

    /// Whether the person was asked in the place of others.
    pub fn stands_in(&self) -> bool {
        let person = self.task.person_id;
        let run = self.review.stage(&self.task.stage);
        run.is_some_and(|run| {
            run.seats
                .iter()
                .any(|seat| seat.fallback.iter().flatten().any(|p| *p == person))
        })
    }

    /// What the person may choose, in the order of the page. Who stands in has nobody after them
    /// and so cannot step aside.
    ///
    /// # Errors
    /// As [`Case::stage`].
    pub fn choices(&self) -> Result<Vec<Outcome>> {
        let mut choices = self.stage()?.decisions.clone();
        choices.retain(|outcome| *outcome != Outcome::Recuse);
        choices.sort();
        if !self.stands_in() {
            choices.push(Outcome::Recuse);
        }
        Ok(choices)
    }

    /// Whether the mailed link alone may decide.
    ///
    /// # Errors
    /// As [`Case::stage`], and when the revision cannot be read.
    pub fn link_decides(&self) -> Result<bool> {
        let request = self.revision.document()?;
        let stage = self.stage()?;
        Ok(link_decides(&self.loaded, &self.review, stage, &request))
    }

    /// The place of the stage among those that are not left out, from 1, and how many these are.
    pub fn place(&self) -> (usize, usize) {
        let needed = |stage: &&Stage| {
            let run = self.review.stage(&stage.key);
            run.is_some_and(|run| run.progress != Progress::Skipped)
        };
        let stages: Vec<&Stage> = self
            .loaded
            .workflow
            .in_order()
            .into_iter()
            .filter(needed)
            .collect();
        let at = stages.iter().position(|s| s.key == self.task.stage);
        (at.map_or(1, |at| at + 1), stages.len())
    }
}

/// Whether a mailed link alone may decide this stage of the review of `request`.
pub fn link_decides(loaded: &Loaded, review: &Review, stage: &Stage, request: &Value) -> bool {
    let (directory, calendars) = (Directory::default(), Calendars::default());
    let ctx = Context {
        workflow: &loaded.workflow,
        forms: &loaded.forms,
        request,
        directory: &directory,
        calendars: &calendars,
    };
    !engine::needs_sign_in(&ctx, review, stage)
}

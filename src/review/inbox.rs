//! An approver's inbox: every open task of one person in one statement, and what of it can be
//! decided together with others.
use crate::db::{At, Conn, PersonId, TaskId};
use crate::error::{Error, Result};
use crate::people;
use crate::review::case::link_decides;
use crate::review::due::{self, Due};
use crate::review::links;
use crate::review::service::Desk;
use crate::review::store::{self, Asked};
use crate::review::workflows;
use crate::web::badge::{self, Badge};
use crate::workflow::{Outcome, Stage};
use serde::Serialize;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// One open task, as the inbox and the home page draw it.
#[derive(Debug, Clone, Serialize)]
pub struct Item {
    /// The task.
    pub id: TaskId,
    /// Title of the stage.
    pub stage: String,
    /// What it asks to look at; may be empty.
    pub guidance: String,
    /// Title of the record.
    pub title: String,
    /// Reference of the record.
    pub reference: String,
    /// Who submitted it.
    pub submitter: String,
    /// Since when the person is asked.
    pub since: At,
    /// When it is due.
    pub due: Option<Due>,
    /// The risk.
    pub risk: Option<Badge>,
    /// The risk tier by its word.
    #[serde(skip)]
    pub tier: Option<String>,
    /// In whose place the person decides.
    pub on_behalf_of: Option<String>,
    /// Number of the revision under review.
    pub revision: i32,
    /// Its digest: what is signed.
    pub digest: String,
    /// Whether a mailed link alone does not decide it.
    pub wants_sign_in: bool,
    /// What keeps it from being approved with others; nothing where it can be.
    pub alone: Option<String>,
    /// What can be chosen without anything else to fill.
    #[serde(skip)]
    bulk: BTreeSet<Outcome>,
    /// The decisions that need a reason.
    #[serde(skip)]
    reasons: BTreeSet<Outcome>,
}

impl Item {
    /// Why `outcome` cannot be chosen for this task together with others; nothing when it can.
    pub fn stands_alone(&self, outcome: Outcome) -> Option<String> {
        match (outcome, &self.alone) {
            (Outcome::Approve, Some(why)) => Some(why.clone()),
            _ if self.bulk.contains(&outcome) => None,
            _ => Some("its stage does not offer this decision".to_owned()),
        }
    }

    /// Whether this outcome needs a reason here.
    pub fn wants_reason(&self, outcome: Outcome) -> bool {
        self.reasons.contains(&outcome)
    }
}

/// Every open task of a person: the overdue first, then by the time they are due, then the oldest.
/// `link` is when the link was made by which they came, if they did: for a stage whose links last
/// less than has passed since then they must sign in.
///
/// # Errors
/// When the database fails or holds what cannot be read.
pub fn inbox(
    conn: &mut Conn,
    desk: &Desk,
    person: PersonId,
    link: Option<At>,
) -> Result<Vec<Item>> {
    let open = store::asked_of(conn, person)?;
    let concerned: BTreeSet<PersonId> = open
        .iter()
        .flat_map(|asked| [Some(asked.review.submitter), first(asked)])
        .flatten()
        .collect();
    let names = people::names(conn, &concerned)?;
    let mut items = Vec::new();
    for asked in &open {
        items.push(item(conn, desk, asked, &names, link)?);
    }
    items.sort_by_key(|item| {
        (
            item.due.is_none(),
            item.due.as_ref().map(|d| d.at),
            item.since,
        )
    });
    Ok(items)
}

/// Tasks of a person by their identifiers, whatever became of them; those of others are left out.
///
/// # Errors
/// When the database fails or holds what cannot be read.
pub fn theirs(
    conn: &mut Conn,
    desk: &Desk,
    person: PersonId,
    tasks: &[TaskId],
) -> Result<Vec<Item>> {
    let mut items = Vec::new();
    for id in tasks {
        let asked = match store::asked(conn, *id) {
            Ok(asked) if asked.task.person_id == person => asked,
            Ok(_) | Err(Error::NotFound(_)) => continue,
            Err(error) => return Err(error),
        };
        let concerned = [Some(asked.review.submitter), first(&asked)];
        let names = people::names(conn, &concerned.into_iter().flatten().collect())?;
        items.push(item(conn, desk, &asked, &names, None)?);
    }
    Ok(items)
}

/// In whose place the person decides.
fn first(asked: &Asked) -> Option<PersonId> {
    let run = asked.review.stage(&asked.task.stage)?;
    run.on_behalf.get(&asked.task.person_id).copied()
}

fn item(
    conn: &mut Conn,
    desk: &Desk,
    asked: &Asked,
    names: &BTreeMap<PersonId, String>,
    link: Option<At>,
) -> Result<Item> {
    let (task, review, record) = (&asked.task, &asked.review, &asked.record);
    let loaded = workflows::pinned(conn, &desk.workflows, &review.workflow)?;
    let stage = loaded.workflow.stage(&task.stage);
    let form = stage.and_then(|stage| loaded.forms.get(stage.form.as_ref()?));
    let asks = form.is_some_and(|form| !form.check(&json!({})).is_empty());
    let document = asked.revision.document()?;
    let by_link = stage.is_none_or(|stage| link_decides(&loaded, review, stage, &document));
    let outlived = match link {
        Some(made) => {
            let end = links::end_of(conn, desk, &loaded.workflow, &task.stage, made)?;
            end <= desk.clock.now()
        }
        None => false,
    };
    let name = |id: PersonId| names.get(&id).cloned().unwrap_or_default();
    Ok(Item {
        id: task.id,
        stage: stage.map_or_else(|| task.stage.clone(), |stage| stage.title.clone()),
        guidance: stage.map_or_else(String::new, |stage| stage.guidance.clone()),
        title: record.title.clone(),
        reference: record.reference.clone(),
        submitter: name(review.submitter),
        since: task.opened_at,
        due: due::of_stage(conn, desk, &loaded, review, &task.stage)?,
        risk: record.risk.as_deref().map(badge::of_risk),
        tier: record.risk.clone(),
        on_behalf_of: first(asked).map(name),
        revision: review.revision,
        digest: review.digest.clone(),
        wants_sign_in: !by_link || outlived,
        alone: asks.then(|| "its form is filled with the approval".to_owned()),
        bulk: stage.map(offered).unwrap_or_default(),
        reasons: stage
            .map(|stage| stage.reason_required.iter().copied().collect())
            .unwrap_or_default(),
    })
}

/// What a stage offers that needs nothing but perhaps a reason.
fn offered(stage: &Stage) -> BTreeSet<Outcome> {
    let plain = [Outcome::Approve, Outcome::Reject];
    let decisions = stage.decisions.iter().copied();
    decisions
        .filter(|outcome| plain.contains(outcome))
        .collect()
}

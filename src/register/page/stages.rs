//! The open stages of a running review on its record's page: who holds them, when they are due, who
//! was brought in.
use super::Names;
use crate::db::{Conn, PersonId, TaskId};
use crate::error::Result;
use crate::notify::outbox::{self, Notice};
use crate::review::engine::{Phase, Progress, Review, StageRun, Step};
use crate::review::workflows::Loaded;
use crate::review::{self, Desk, Due};
use crate::workflow::{Mode, Stage, Trigger};
use serde::Serialize;

/// One open stage, as `parts/open-stages` draws it.
#[derive(Debug, Serialize)]
pub(super) struct OpenStage {
    stage: String,
    since: String,
    due: Option<Due>,
    /// Those who still may decide; nobody while changes are asked for.
    people: Vec<HolderView>,
    /// Why others were brought in.
    called: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
struct HolderView {
    name: String,
    /// In whose place.
    on_behalf_of: Option<String>,
    /// Whether no mail told them.
    not_notified: bool,
    /// Where an administrator gives the task to somebody else.
    give: Option<String>,
}

/// The open stages of a review. `keeps` says whether an administrator looks.
///
/// # Errors
/// When the database fails.
pub(super) fn open_stages(
    conn: &mut Conn,
    desk: &Desk,
    (review, loaded): (&Review, &Loaded),
    names: &Names,
    keeps: bool,
) -> Result<Vec<OpenStage>> {
    let mut views = Vec::new();
    if !review.phase.is_running() {
        return Ok(views);
    }
    for stage in loaded.workflow.in_order() {
        let open = |run: &&StageRun| run.progress == Progress::Open;
        let Some(run) = review.stage(&stage.key).filter(open) else {
            continue;
        };
        let people = match review.phase {
            Phase::InReview => holders(conn, review, (&stage.key, run), names, keeps)?,
            _ => Vec::new(),
        };
        views.push(OpenStage {
            stage: stage.title.clone(),
            since: run.since.map_or_else(String::new, |at| at.to_string()),
            due: review::due_of_stage(conn, desk, loaded, review, &stage.key)?,
            people,
            called: called(stage, run),
        });
    }
    Ok(views)
}

fn holders(
    conn: &mut Conn,
    review: &Review,
    (stage, run): (&str, &StageRun),
    names: &Names,
    keeps: bool,
) -> Result<Vec<HolderView>> {
    let asked = run.asked().into_iter();
    let waiting = asked.filter(|person| !run.votes.contains_key(person));
    let waiting: Vec<(PersonId, TaskId)> = waiting
        .map(|person| (person, TaskId::of(review.id, stage, run.epoch, person)))
        .collect();
    let tasks: Vec<TaskId> = waiting.iter().map(|(_, task)| *task).collect();
    let notices = outbox::state_of_task_mail(conn, &tasks)?;
    let name = |id: &PersonId| names.get(id).cloned();
    let view = |(person, task): (PersonId, TaskId)| {
        Some(HolderView {
            name: name(&person)?,
            on_behalf_of: run.on_behalf.get(&person).and_then(name),
            not_notified: notices.get(&task) == Some(&Notice::NotNotified),
            give: keeps.then(|| format!("/tasks/{task}/holder")),
        })
    };
    let mut views: Vec<HolderView> = waiting.into_iter().filter_map(view).collect();
    views.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(views)
}

/// Why others were brought in, or told.
fn called(stage: &Stage, run: &StageRun) -> Vec<&'static str> {
    let by_time = stage.sla.iter().flat_map(|sla| &sla.escalate).enumerate();
    let fired = |place: usize| {
        let clock = run.clock.as_ref();
        clock.is_some_and(|clock| clock.fired.contains(&Step::Escalate(place)))
    };
    let by_time = by_time.filter(|(place, _)| fired(*place));
    let mut words: Vec<&'static str> = by_time
        .map(|(_, rule)| match rule.mode {
            Mode::Notify => "Others were told, because it takes longer than foreseen.",
            Mode::AddToSeat => "More people may decide, because it takes longer than foreseen.",
            Mode::MustAgree => "Somebody else must agree, because it takes longer than foreseen.",
        })
        .collect();
    let by_rule = stage.escalate.iter().enumerate();
    let by_rule = by_rule.filter(|(place, _)| run.called.contains(place));
    words.extend(by_rule.map(|(_, rule)| match (rule.on, rule.mode) {
        (Trigger::Opened, Mode::Notify) => "Others were told, as the workflow says for this case.",
        (Trigger::Opened, Mode::AddToSeat) => "More people may decide in this case.",
        (Trigger::Opened, Mode::MustAgree) => "Somebody else must agree in this case.",
        (Trigger::Disagreement, Mode::Notify) => {
            "Others were told, because those who decided disagree."
        }
        (Trigger::Disagreement, _) => "Others were brought in, because those who decided disagree.",
    }));
    words
}

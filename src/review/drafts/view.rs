//! A draft as its page shows it.
use super::parts::{PartLink, part_of, parts_of};
use super::{Draft, Examined, LAST_MAX, State, examined, missing_people, published, simulate};
use crate::db::{At, Conn, PersonId};
use crate::error::Result;
use crate::people;
use crate::review::service::Desk;
use crate::review::simulation::{Course, Replayed, Simulation};
use crate::review::workflows;
use crate::web::badge::{Badge, badge, sentence_case};
use crate::web::session::Visitor;
use crate::workflow::{Change, DryRun, Flow, Problem, compare, flow};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Routes that stand on the page; the others are counted.
const ROUTES: usize = 40;

/// A draft in a list.
#[derive(Debug, Serialize)]
pub struct DraftLine {
    /// Key of the workflow.
    pub key: String,
    /// Identifier.
    pub id: String,
    /// The version it was made from; 0 for a new workflow.
    pub base: i32,
    /// Where it stands.
    pub status: Badge,
    /// Names of those who wrote it; the operator where nobody is named.
    pub authors: Vec<String>,
    /// When it was last changed.
    pub changed_at: At,
}

/// A draft as a line of a list.
///
/// # Errors
/// When the database fails.
pub fn line(conn: &mut Conn, draft: &Draft) -> Result<DraftLine> {
    let mut authors: Vec<String> = people::names(conn, &draft.authors)?.into_values().collect();
    authors.sort();
    if authors.is_empty() {
        authors.push("the operator".to_owned());
    }
    Ok(DraftLine {
        key: draft.key.clone(),
        id: draft.id.to_string(),
        base: draft.base,
        status: match draft.state {
            State::Draft => badge("Draft", ""),
            State::Proposed => badge("Proposed", "open"),
            State::Published => badge("Published", "good"),
            State::Returned => badge("Sent back", "part"),
            State::Discarded => badge("Discarded", ""),
        },
        authors,
        changed_at: draft.changed_at,
    })
}

/// Everything there is to know about a draft.
#[derive(Debug, Serialize)]
pub(super) struct DraftView {
    #[serde(flatten)]
    line: DraftLine,
    title: String,
    path: String,
    seen: i32,
    reason: Option<String>,
    /// The version in force, when it is no longer the base.
    moved: Option<i32>,
    may_edit: bool,
    may_propose: bool,
    may_decide: bool,
    waits: bool,
    /// Who discarded it.
    discarded_by: Option<String>,
    errors: usize,
    warnings: usize,
    problems: Vec<ProblemView>,
    flow: Option<Flow>,
    run: Option<RunView>,
    changes: Vec<Change>,
    parts: Vec<PartLink>,
    simulation: Option<SimulationView>,
    last: i64,
    last_max: i64,
}

#[derive(Debug, Serialize)]
pub(super) struct ProblemView {
    /// The page of the part it stands in.
    edit: Option<String>,
    status: Badge,
    line: usize,
    column: usize,
    place: String,
    message: String,
}

#[derive(Debug, Serialize)]
struct RunView {
    requests: String,
    combinations: String,
    not_meant: String,
    sampled: bool,
    routes: Vec<RouteView>,
    more_routes: usize,
}

#[derive(Debug, Serialize)]
struct RouteView {
    count: String,
    stages: Vec<String>,
    derived: Vec<String>,
    timed_out: Vec<String>,
}

#[derive(Debug, Serialize)]
struct SimulationView {
    count: usize,
    figures: Value,
    reviews: Vec<ReplayedView>,
    load: Vec<LoadView>,
}

#[derive(Debug, Serialize)]
struct ReplayedView {
    reference: String,
    title: String,
    status: Badge,
    before: Vec<String>,
    after: Vec<String>,
}

#[derive(Debug, Serialize)]
struct LoadView {
    name: String,
    before: usize,
    after: usize,
}

impl DraftView {
    pub(super) fn of(
        conn: &mut Conn,
        desk: &Desk,
        draft: &Draft,
        visitor: &Visitor,
        last: Option<i64>,
    ) -> Result<DraftView> {
        let (seen, keeps) = (examined(desk, draft)?, visitor.keeps_policy());
        let path = format!("/workflows/{}/drafts/{}", draft.key, draft.id);
        let ours = draft.authors.contains(&visitor.id()?);
        let problems = problems(conn, desk, &seen)?;
        let errors = problems.iter().filter(|p| p.is_error()).count();
        let in_force = workflows::in_force(conn, &draft.key)?;
        let open = draft.state.closed().is_none();
        let moved = (open && in_force != draft.base).then_some(in_force);
        let workflow = seen.found.bundle.as_ref().map(|bundle| &bundle.workflow);
        let proposed = draft.state == State::Proposed;
        let last = last.map(|last| last.clamp(1, LAST_MAX));
        let simulated = last.map(|last| simulate(conn, desk, &seen, last));
        let simulated = simulated.transpose()?.flatten();
        Ok(DraftView {
            line: line(conn, draft)?,
            title: title_of(draft),
            path: path.clone(),
            seen: draft.seen,
            reason: match draft.state {
                State::Returned => super::reason(conn, draft)?,
                _ => None,
            },
            moved,
            may_edit: keeps && open,
            may_propose: keeps && open && !proposed && errors == 0 && moved.is_none(),
            may_decide: keeps && proposed && !ours,
            waits: proposed && ours,
            discarded_by: discarded_by(conn, draft)?,
            errors,
            warnings: problems.len() - errors,
            problems: problems
                .into_iter()
                .map(|problem| {
                    let part = part_of(&draft.text, &problem.place).filter(|_| keeps && open);
                    problem_view(problem, part.map(|part| format!("{path}{part}")))
                })
                .collect(),
            parts: parts_of(&path, &draft.text),
            flow: workflow.map(|workflow| flow(workflow, &[])),
            run: seen.found.dry_run.as_ref().map(run_view),
            changes: changes(conn, desk, draft)?,
            simulation: simulated.map(|s| simulation_view(conn, s)).transpose()?,
            last: last.unwrap_or(20),
            last_max: LAST_MAX,
        })
    }
}

/// Its title, also where the rest of it cannot be read yet; else its key.
fn title_of(draft: &Draft) -> String {
    let whole: Value = serde_json::from_str(&draft.text).unwrap_or_default();
    match whole.get("title").and_then(Value::as_str) {
        Some(title) if !title.trim().is_empty() => title.to_owned(),
        _ => draft.key.clone(),
    }
}

fn discarded_by(conn: &mut Conn, draft: &Draft) -> Result<Option<String>> {
    let who: BTreeSet<PersonId> = draft.discarded_by.into_iter().collect();
    Ok(people::names(conn, &who)?.into_values().next())
}

/// What was found in the text and among the people, errors first.
pub(super) fn problems(conn: &mut Conn, desk: &Desk, seen: &Examined) -> Result<Vec<Problem>> {
    let mut problems = seen.found.problems.clone();
    problems.extend(missing_people(conn, desk, seen)?);
    problems.sort_by_key(|problem| problem.severity);
    Ok(problems)
}

/// What a draft changes in its base; nothing where it cannot be read or is new.
pub(super) fn changes(conn: &mut Conn, desk: &Desk, draft: &Draft) -> Result<Vec<Change>> {
    let Ok(document) = serde_json::from_str::<Value>(&draft.text) else {
        return Ok(Vec::new());
    };
    if draft.base == 0 {
        return Ok(Vec::new());
    }
    let (before, _) = published(conn, desk, &draft.key, draft.base)?;
    Ok(compare(&before, &document))
}

pub(super) fn problem_view(problem: Problem, edit: Option<String>) -> ProblemView {
    ProblemView {
        edit,
        status: match problem.is_error() {
            true => badge("Error", "bad"),
            false => badge("Warning", "part"),
        },
        line: problem.line,
        column: problem.column,
        place: problem.place,
        message: problem.message,
    }
}

fn run_view(run: &DryRun) -> RunView {
    let plain = |value: &Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    let route = |route: &crate::workflow::Route| RouteView {
        count: grouped(route.count),
        stages: route.stages.clone(),
        derived: route
            .derived
            .iter()
            .map(|(key, value)| format!("{} {}", sentence_case(key), plain(value)))
            .collect(),
        timed_out: route.timed_out.clone(),
    };
    RunView {
        requests: grouped(run.requests),
        combinations: grouped(run.combinations),
        not_meant: grouped(run.not_meant),
        sampled: run.sampled,
        routes: run.routes.iter().take(ROUTES).map(route).collect(),
        more_routes: run.routes.len().saturating_sub(ROUTES),
    }
}

/// `12,345`.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn simulation_view(conn: &mut Conn, simulation: Simulation) -> Result<SimulationView> {
    let courses = simulation.reviews.iter();
    let courses = courses.flat_map(|r| [Some(&r.before), r.after.as_ref()]);
    let asked = courses.flatten().flat_map(|course| &course.asked);
    let everyone: BTreeSet<PersonId> = asked.flat_map(|a| &a.people).copied().collect();
    let names = people::names(conn, &everyone)?;
    let mut load: Vec<LoadView> = simulation
        .load
        .iter()
        .map(|(person, load)| LoadView {
            name: names.get(person).cloned().unwrap_or_default(),
            before: load.before,
            after: load.after,
        })
        .collect();
    load.sort_by(|a, b| (b.after, &a.name).cmp(&(a.after, &b.name)));
    let reviews = simulation.reviews.iter();
    Ok(SimulationView {
        count: simulation.reviews.len(),
        figures: simulation.figures(),
        reviews: reviews.map(|r| replayed_view(r, &names)).collect(),
        load,
    })
}

fn replayed_view(replayed: &Replayed, names: &BTreeMap<PersonId, String>) -> ReplayedView {
    let after = replayed.after.as_ref();
    ReplayedView {
        reference: replayed.reference.clone(),
        title: replayed.title.clone(),
        status: match after {
            None => badge("Not meant for it", ""),
            Some(after) if !after.stuck.is_empty() => badge("Nobody can decide", "bad"),
            Some(after) if after.asked.is_empty() => badge("Nobody is asked", "part"),
            Some(after) if *after == replayed.before => badge("The same", ""),
            Some(_) => badge("Other people", "open"),
        },
        before: told(&replayed.before, names),
        after: after.map_or_else(Vec::new, |after| told(after, names)),
    }
}

fn told(course: &Course, names: &BTreeMap<PersonId, String>) -> Vec<String> {
    let stage = |asked: &crate::review::simulation::Asked| {
        let people = asked.people.iter().filter_map(|p| names.get(p).cloned());
        let mut people: Vec<String> = people.collect();
        people.sort();
        let people = match people.is_empty() {
            true => "nobody".to_owned(),
            false => people.join(", "),
        };
        format!("{}: {people}", asked.title)
    };
    course.asked.iter().map(stage).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn long_counts_are_grouped() {
        let told = [0, 999, 1_000, 27_876, 1_234_567].map(super::grouped);
        assert_eq!(told, ["0", "999", "1,000", "27,876", "1,234,567"]);
    }
}

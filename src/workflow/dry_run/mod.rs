//! The dry run: a workflow taken through every combination of answers that its conditions can tell
//! apart, with every way in which its stages can be settled. It shows which routes there are, which
//! rows and conditions never matter, and where a stage that timed out is made up for by nobody.
//!
//! Histories in which a stage is rejected are left out: they end there.

mod chance;
mod findings;
mod space;
mod table;
mod walk;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::load::Bundle;
use chance::Chance;
use walk::{Leg, Walk};

/// How far a dry run goes.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The most combinations; of more, so many are drawn by chance.
    pub combinations: u64,
    /// The most steps that conditions may take, each time it is tried.
    pub steps: u64,
    /// Where chance starts; the same number gives the same draws.
    pub seed: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            combinations: 200_000,
            steps: 10_000_000,
            seed: 1,
        }
    }
}

/// What a dry run found.
#[derive(Debug, Clone, Serialize)]
pub struct DryRun {
    /// Sets of answers that were tried.
    pub requests: u64,
    /// Those, each with every history that was tried.
    pub combinations: u64,
    /// Sets of answers that the workflow is not meant for (`applies_when`).
    pub not_meant: u64,
    /// Whether the combinations were drawn by chance, because there are too many.
    pub sampled: bool,
    /// Whether the combinations stand for all there are: neither drawn by chance, nor are there
    /// conditions that count, reckon or look into texts.
    pub complete: bool,
    /// The routes, the most frequent first.
    pub routes: Vec<Route>,
    /// The rows of tables and of validity.
    pub rows: Vec<Row>,
    /// The conditions.
    pub conditions: Vec<Asked>,
    /// Stages that time out with no later stage to make up for it.
    pub uncovered: Vec<Uncovered>,
    /// Stages that no combination reaches.
    pub unreached: Vec<String>,
}

/// One way through the stages.
#[derive(Debug, Clone, Serialize)]
pub struct Route {
    /// Combinations that take it.
    pub count: u64,
    /// Keys of the stages that are asked, in the order of work.
    pub stages: Vec<String>,
    /// Keys of those whose time runs out.
    pub timed_out: Vec<String>,
    /// The values of the tables.
    pub derived: BTreeMap<String, Value>,
    /// Answers that lead to it, as far as conditions read them.
    pub example: Value,
}

/// A row of a table, and how often it gave the value.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// JSON pointer into the workflow.
    pub place: String,
    /// The key of the table, or `valid_for`.
    pub table: String,
    /// What the row gives.
    pub gives: Value,
    /// Sets of answers that it gave this for.
    pub hits: u64,
    /// Whether it is what remains when no row holds.
    pub otherwise: bool,
}

/// A condition, and how often it held where it was asked.
#[derive(Debug, Clone, Serialize)]
pub struct Asked {
    /// JSON pointer into the workflow.
    pub place: String,
    /// The condition.
    pub condition: String,
    /// Times it held.
    pub held: u64,
    /// Times it did not.
    pub failed: u64,
    /// Times it could not be answered.
    pub errors: u64,
    /// The first reason why not.
    pub error: Option<String>,
    /// Answers with which it could not be answered.
    pub example: Option<Value>,
}

/// A stage that times out with no later stage asked.
#[derive(Debug, Clone, Serialize)]
pub struct Uncovered {
    /// The key of the stage.
    pub stage: String,
    /// Answers that lead there.
    pub example: Value,
}

/// Takes the workflow through the answers that `request_schema` admits.
pub fn dry_run(bundle: &Bundle, request_schema: &Value, limits: Limits) -> DryRun {
    let mut walk = Walk::new(bundle, request_schema, limits);
    let sampled = !walk.everything();
    if sampled {
        walk.forget();
        walk.sample(Chance::new(limits.seed));
    }
    DryRun {
        requests: walk.requests,
        combinations: walk.combinations,
        not_meant: walk.not_meant,
        sampled,
        complete: walk.exact && !sampled,
        routes: routes(&walk),
        rows: rows(bundle, &walk),
        conditions: conditions(&walk),
        uncovered: uncovered(&walk),
        unreached: unreached(&walk),
    }
}

fn routes(walk: &Walk) -> Vec<Route> {
    let stages = walk.stages();
    let named = |legs: &[Leg], wanted: fn(&Leg) -> bool| {
        let found = stages.iter().zip(legs).filter(|(_, leg)| wanted(leg));
        found.map(|(stage, _)| stage.key.clone()).collect()
    };
    let mut routes: Vec<Route> = walk
        .routes
        .iter()
        .map(|((legs, derived), taken)| Route {
            count: taken.count,
            stages: named(legs, |leg| *leg != Leg::LeftOut),
            timed_out: named(legs, |leg| *leg == Leg::TimedOut),
            derived: walk.values(derived),
            example: walk.document(&taken.example),
        })
        .collect();
    routes.sort_by_key(|route| std::cmp::Reverse(route.count));
    routes
}

fn rows(bundle: &Bundle, walk: &Walk) -> Vec<Row> {
    let mut rows = Vec::new();
    for ((index, table), hits) in bundle
        .workflow
        .derive
        .iter()
        .enumerate()
        .zip(&walk.row_hits)
    {
        let cases = table.cases.iter().map(|case| &case.then);
        let values = cases.chain([&table.otherwise]).zip(hits).enumerate();
        rows.extend(values.map(|(row, (value, hits))| {
            let otherwise = row == table.cases.len();
            let place = match otherwise {
                true => format!("/derive/{index}/otherwise"),
                false => format!("/derive/{index}/cases/{row}"),
            };
            Row {
                place,
                table: table.key.clone(),
                gives: value.clone(),
                hits: *hits,
                otherwise,
            }
        }));
    }
    let validity = bundle.workflow.renewal.iter().flat_map(|r| &r.valid_for);
    let validity = validity.zip(&walk.validity_hits).enumerate();
    rows.extend(validity.map(|(row, (validity, hits))| Row {
        place: format!("/renewal/valid_for/{row}"),
        table: "valid_for".to_owned(),
        gives: validity.then.to_string().into(),
        hits: *hits,
        otherwise: validity.when.is_none(),
    }));
    rows
}

fn conditions(walk: &Walk) -> Vec<Asked> {
    let asked = walk.tallies().map(|(place, condition, tally)| Asked {
        place: place.to_owned(),
        condition: condition.to_owned(),
        held: tally.held,
        failed: tally.failed,
        errors: tally.errors,
        error: tally.error.as_ref().map(|(message, _)| message.clone()),
        example: tally.error.as_ref().map(|(_, example)| example.clone()),
    });
    asked.collect()
}

fn uncovered(walk: &Walk) -> Vec<Uncovered> {
    let stages = walk.stages();
    let uncovered = walk.uncovered.iter().filter_map(|(at, example)| {
        Some(Uncovered {
            stage: stages.get(*at)?.key.clone(),
            example: walk.document(example),
        })
    });
    uncovered.collect()
}

fn unreached(walk: &Walk) -> Vec<String> {
    let stages = walk.stages().into_iter().enumerate();
    let asked = |at: &usize, legs: &[Leg]| legs.get(*at).is_some_and(|l| *l != Leg::LeftOut);
    let taken = |at: &usize| walk.routes.keys().any(|(legs, _)| asked(at, legs));
    stages
        .filter(|(at, _)| !taken(at))
        .map(|(_, stage)| stage.key.clone())
        .collect()
}

//! Test plans as a kind of rules.
use super::Plan;
use super::document::MAX_BYTES;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::people;
use crate::register::Kinds;
use crate::review::Desk;
use crate::rules::{Change, Effect, FILE, Heading, Kind, Part, Read, moves};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What a first plan can begin with.
pub const TEMPLATE: &str = include_str!("../../templates/test_plans/test_plan.json");

/// Test plans.
pub const KIND: Kind = Kind {
    word: "testing",
    draft_word: "testing_draft",
    title: "test plan",
    plural: "Test plans",
    path: "/rules/test-plans",
    keepers: &[people::GOVERNANCE],
    max_bytes: MAX_BYTES,
    first: ("test_plan", TEMPLATE),
    read,
    examine,
    tell,
};

fn read(_: &mut Conn, text: &str) -> Result<Read> {
    let kinds = Kinds::load()?;
    let schema = &kinds.by_key(super::USE_CASE)?.schema;
    Ok(Plan::read(FILE, text, Some(schema)).map(|plan| Heading {
        key: plan.key,
        title: plan.title,
        text: plan.text,
        hash: plan.hash,
    }))
}

fn lines(text: &str) -> Result<BTreeMap<String, String>> {
    let plan = Plan::read(FILE, text, None).map_err(|_| Error::Interrupted)?;
    let line = |gate: &super::Gate| {
        let steps: Vec<&str> = gate.steps.iter().map(|step| step.as_str()).collect();
        let who = match gate.when {
            Some(_) => gate.because.as_str(),
            None => "every use case",
        };
        let (demand, steps, days) = (gate.demand(), steps.join(" and "), gate.days);
        format!("{demand}; before {steps}; counts {days} days; {who}")
    };
    let gates = plan
        .gates
        .iter()
        .map(|(gate, _)| (gate.title.clone(), line(gate)));
    Ok(gates.collect())
}

fn examine(_: &mut Conn, _: &Desk, change: &Change<'_>) -> Result<Effect> {
    let after = lines(change.after)?;
    let before = change.before.map(lines).transpose()?.unwrap_or_default();
    let moves = moves(&before, &after);
    let count = moves.len();
    let changed = change.before.map(|_| Part {
        heading: "Tests that change".to_owned(),
        moves,
        ..Part::default()
    });
    let mut facts = Map::new();
    facts.insert("gates".to_owned(), json!(after));
    Ok(Effect {
        found: Vec::new(),
        changed: changed.into_iter().collect(),
        facts,
        figures: json!({ "gates": after.len(), "gates_changed": count }),
    })
}

fn tell(_: &mut Conn, _: &Desk, text: &str) -> Result<Vec<Part>> {
    let document: Value = serde_json::from_str(text)?;
    let description = document.get("description").and_then(Value::as_str);
    let tests = lines(text)?.into_iter();
    Ok(vec![Part {
        heading: "Tests".to_owned(),
        text: description.unwrap_or_default().to_owned(),
        lines: tests
            .map(|(title, line)| format!("{title}: {line}"))
            .collect(),
        ..Part::default()
    }])
}

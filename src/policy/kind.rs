//! The data-use policy as a kind of rules: how a text is read, what a draft does.
use super::lint::{Cell, Findings};
use super::view::of_verdict;
use super::{CellChange, Document, Index, MAIN, MAX_BYTES, Verdict, changes, kept, lint, store};
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::people;
use crate::review::Desk;
use crate::rules::{Change, Effect, FILE, Heading, Kind, Move, Part, Read};
use crate::web::badge::{Badge, badge};
use crate::workflow::{Problem, Source, did_you_mean};
use serde_json::{Map, json};
use std::collections::BTreeSet;

/// What a new policy can begin with.
const TEMPLATE: &str = include_str!("../../templates/policies/data_use.json");

/// The data-use policy.
pub const KIND: Kind = Kind {
    word: "policy",
    draft_word: "policy_draft",
    title: "data-use policy",
    plural: "Data-use policies",
    path: "/policy",
    keepers: &[people::GOVERNANCE],
    max_bytes: MAX_BYTES,
    first: (MAIN, TEMPLATE),
    read,
    examine,
    tell,
};

fn read(conn: &mut Conn, text: &str) -> Result<Read> {
    let document = match Document::load(FILE, text) {
        Ok(document) => document,
        Err(problems) => return Ok(Err(problems)),
    };
    let problems = without_workflow(conn, text, &document)?;
    if !problems.is_empty() {
        return Ok(Err(problems));
    }
    Ok(Ok(Heading {
        key: document.policy.key,
        title: document.policy.title,
        text: document.text,
        hash: document.hash,
    }))
}

/// Rules that name a workflow there is none of.
fn without_workflow(conn: &mut Conn, text: &str, document: &Document) -> Result<Vec<Problem>> {
    let versions = crate::review::workflows::versions(conn)?;
    let known: BTreeSet<&str> = versions
        .iter()
        .map(|version| version.key.as_str())
        .collect();
    let source = Source::new(FILE, text, "");
    let mut problems = Vec::new();
    for (index, rule) in document.policy.rules.iter().enumerate() {
        let missing = rule.workflow.as_deref().filter(|key| !known.contains(key));
        if let Some(key) = missing {
            let hint = did_you_mean(key, known.iter().copied());
            let message = format!("there is no workflow `{key}`{hint}");
            problems.push(source.value(&format!("/rules/{index}/workflow"), message));
        }
    }
    Ok(problems)
}

fn examine(conn: &mut Conn, desk: &Desk, change: &Change<'_>) -> Result<Effect> {
    let document = Document::load(FILE, change.after).map_err(|_| Error::Interrupted)?;
    let (index, today) = (Index::new(document.policy), desk.today().0);
    let findings = lint(&index, today);
    let (mut cells, mut answers) = (Vec::new(), Vec::new());
    let mut changed = Vec::new();
    if change.before.is_some() {
        let now = store::current(conn, &desk.policies, change.key)?;
        cells = changes(&now.index, &index, today);
        answers = kept::moved(conn, &now.index, &index, change.key, today)?;
        changed = vec![cell_changes(&cells), answer_changes(&answers)];
    }
    let mut facts = Map::new();
    facts.insert("findings".to_owned(), json!(findings));
    facts.insert("cells".to_owned(), json!(cells));
    facts.insert("answers".to_owned(), json!(answers));
    let figures = json!({
        "cells_changed": cells.len(), "answers_changed": answers.len(),
        "gaps": findings.gap_count, "contradictions": findings.contradictions.len(),
        "idle": findings.idle.len(),
    });
    Ok(Effect {
        found: found(&findings),
        changed,
        facts,
        figures,
    })
}

/// The policy's own page tells it as a table.
fn tell(_: &mut Conn, _: &Desk, _: &str) -> Result<Vec<Part>> {
    Ok(Vec::new())
}

fn words(cell: &Cell) -> String {
    let tool = cell.tool.as_deref().unwrap_or("a tool that is not listed");
    let parts = [
        Some(tool),
        cell.mode.as_deref(),
        Some(&cell.class),
        cell.purpose.as_deref(),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

fn cells_of(count: usize) -> String {
    match count {
        1 => "1 cell".to_owned(),
        more => format!("{more} cells"),
    }
}

fn part(heading: impl Into<String>, lines: Vec<String>) -> Option<Part> {
    (!lines.is_empty()).then(|| Part {
        heading: heading.into(),
        lines,
        ..Part::default()
    })
}

fn found(findings: &Findings) -> Vec<Part> {
    let first = |cells: &[Cell]| {
        let shown: Vec<String> = cells.iter().take(5).map(words).collect();
        shown.join("; ")
    };
    let contradictions = findings.contradictions.iter().map(|one| {
        let (rules, verdict) = (one.rules.join(", "), short(one.verdict).word);
        let (count, cells) = (cells_of(one.count), first(&one.cells));
        format!("{rules}: “{verdict}” counts, being the strictest, in {count}: {cells}")
    });
    let idle = findings.idle.iter().map(|one| match one.behind.is_empty() {
        true => one.rule.clone(),
        false => format!("{}, behind {}", one.rule, one.behind.join(", ")),
    });
    let overlaps = findings.overlaps.iter().map(|one| {
        let milder = if one.loosens { ", and is milder" } else { "" };
        let (counts, yields) = (&one.counts, &one.yields);
        format!(
            "{counts} before {yields} in {}{milder}",
            cells_of(one.count)
        )
    });
    let gaps = format!("Cells that no rule answers: {}", findings.gap_count);
    let partly = Part {
        text: "The policy is so large that only a part of it was looked at.".to_owned(),
        ..Part::default()
    };
    let folded = |part: Part| Part {
        folded: true,
        ..part
    };
    let before_others = part("Rules that count before others", overlaps.collect());
    [
        (!findings.complete).then_some(partly),
        part(gaps, findings.gaps.iter().map(words).collect()),
        part("Rules that contradict each other", contradictions.collect()),
        part("Rules that never count", idle.collect()),
        part("Rules that are over", findings.expired.clone()),
        part("Rules that begin later", findings.not_yet.clone()),
        before_others.map(folded),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn short(verdict: Verdict) -> Badge {
    match verdict {
        Verdict::AllowedWithConditions => badge("With conditions", "part"),
        other => of_verdict(other, 0),
    }
}

fn perhaps(verdict: Option<Verdict>) -> Badge {
    verdict.map_or_else(|| badge("Not in it", ""), short)
}

fn cell_changes(cells: &[CellChange]) -> Part {
    let heading = match cells.len() {
        0 => "No cell of the table".to_owned(),
        count => format!("{} of the table", cells_of(count)),
    };
    Part {
        heading,
        moves: cells.iter().map(cell_change).collect(),
        ..Part::default()
    }
}

fn cell_change(change: &CellChange) -> Move {
    let cell = Cell {
        tool: Some(change.tool.clone()),
        mode: change.mode.clone(),
        class: change.class.clone(),
        purpose: None,
    };
    let mut after = perhaps(change.after);
    if change.conditions && change.before == change.after {
        after = badge("Other conditions", "part");
    }
    Move {
        place: words(&cell),
        before: perhaps(change.before),
        after,
    }
}

fn answer_changes(answers: &[kept::Moved]) -> Part {
    let heading = match answers.len() {
        0 => "No answer that somebody kept".to_owned(),
        1 => "1 answer that somebody kept would be another".to_owned(),
        count => format!("{count} answers that somebody kept would be another"),
    };
    Part {
        heading,
        moves: answers.iter().map(answer_change).collect(),
        ..Part::default()
    }
}

fn answer_change(moved: &kept::Moved) -> Move {
    let tool = moved.tool.as_deref().unwrap_or("a tool that is not listed");
    let mut parts = vec![tool.to_owned()];
    parts.extend(moved.mode.clone());
    parts.push(moved.classes.join(", "));
    if moved.registered {
        parts.push("registered".to_owned());
    }
    Move {
        place: parts.join(" · "),
        before: short(moved.before),
        after: short(moved.after),
    }
}

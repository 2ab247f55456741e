//! Questionnaires as a kind of rules.
use super::{MAX_BYTES, Questionnaire};
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::people;
use crate::review::Desk;
use crate::rules::{Change, Effect, FILE, Heading, Kind, Part, Read, moves};
use serde_json::{Map, json};
use std::collections::BTreeMap;

/// What a first questionnaire can begin with.
pub const TEMPLATE: &str = include_str!("../../templates/questionnaires/ai_vendor.json");

/// Questionnaires.
pub const KIND: Kind = Kind {
    word: "questionnaire",
    draft_word: "questionnaire_draft",
    title: "questionnaire",
    plural: "Questionnaires",
    path: "/rules/questionnaires",
    keepers: &[people::GOVERNANCE],
    max_bytes: MAX_BYTES,
    first: ("ai_vendor", TEMPLATE),
    read,
    examine,
    tell,
};

fn read(_: &mut Conn, text: &str) -> Result<Read> {
    Ok(Questionnaire::read(FILE, text).map(|one| Heading {
        key: one.key,
        title: one.title,
        text: one.text,
        hash: one.hash,
    }))
}

fn parsed(text: &str) -> Result<Questionnaire> {
    Questionnaire::read(FILE, text).map_err(|_| Error::Interrupted)
}

/// Each question with its options, their points, and when it is shown.
fn lines(one: &Questionnaire) -> BTreeMap<String, String> {
    let line = |question: &super::Question| {
        let options = question.options.iter().map(|option| match option.points {
            0 => option.text.clone(),
            points => format!("{} ({points})", option.text),
        });
        let options: Vec<String> = options.collect();
        let shown = match question.shown_if.is_empty() {
            true => String::new(),
            false => " Shown only after certain answers.".to_owned(),
        };
        (
            question.key.clone(),
            format!("{}: {}.{shown}", question.text, options.join(", ")),
        )
    };
    one.questions().map(line).collect()
}

fn examine(_: &mut Conn, _: &Desk, change: &Change<'_>) -> Result<Effect> {
    let after = lines(&parsed(change.after)?);
    let before = change.before.map(parsed).transpose()?;
    let before = before.as_ref().map(lines).unwrap_or_default();
    let moves = moves(&before, &after);
    let figures = json!({ "questions": after.len(), "questions_changed": moves.len() });
    let changed = change.before.map(|_| Part {
        heading: "Questions that change".to_owned(),
        text: "Answers that were given stay as they were scored.".to_owned(),
        moves,
        ..Part::default()
    });
    let mut facts = Map::new();
    facts.insert("questions".to_owned(), json!(after.len()));
    Ok(Effect {
        found: Vec::new(),
        changed: changed.into_iter().collect(),
        facts,
        figures,
    })
}

fn tell(_: &mut Conn, _: &Desk, text: &str) -> Result<Vec<Part>> {
    let one = parsed(text)?;
    let all = lines(&one);
    let section = |section: &super::Section| Part {
        heading: section.title.clone(),
        lines: section
            .questions
            .iter()
            .filter_map(|question| all.get(&question.key).cloned())
            .collect(),
        ..Part::default()
    };
    let mut parts = vec![Part {
        heading: "What it is for".to_owned(),
        text: one.description.clone(),
        ..Part::default()
    }];
    parts.extend(one.sections.iter().map(section));
    if let Some(result) = &one.result {
        let level =
            |level: &super::Level| format!("{}: up to {} %", level.title, level.up_to_percent);
        let mut lines: Vec<String> = result.levels.iter().map(level).collect();
        lines.extend(result.lowered.as_ref().map(|lowered| {
            format!(
                "From {} % of {} on, {} % of the points are left",
                lowered.from_percent, lowered.by, lowered.to_percent
            )
        }));
        parts.push(Part {
            heading: format!("What {} comes to", result.of),
            lines,
            ..Part::default()
        });
    }
    Ok(parts)
}

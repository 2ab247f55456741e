//! The rules for human review as a kind of rules.
use super::document::MAX_BYTES;
use super::{Rule, RuleBook, USE_CASE};
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::people;
use crate::register::Kinds;
use crate::review::Desk;
use crate::rules::{Change, Effect, FILE, Heading, Kind, Part, Read, moves};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What first rules can begin with.
pub const TEMPLATE: &str = include_str!("../../templates/oversight/human_review.json");

/// Rules for human review.
pub const KIND: Kind = Kind {
    word: "oversight_rules",
    draft_word: "oversight_draft",
    title: "rules for human review",
    plural: "Human review",
    path: "/rules/human-review",
    keepers: &[people::GOVERNANCE],
    max_bytes: MAX_BYTES,
    first: ("human_review", TEMPLATE),
    read,
    examine,
    tell,
};

fn read(_: &mut Conn, text: &str) -> Result<Read> {
    let kinds = Kinds::load()?;
    let schema = &kinds.by_key(USE_CASE)?.schema;
    Ok(
        RuleBook::read(FILE, text, Some(schema)).map(|book| Heading {
            key: book.key,
            title: book.title,
            text: book.text,
            hash: book.hash,
        }),
    )
}

fn lines(text: &str) -> Result<BTreeMap<String, String>> {
    let book = RuleBook::read(FILE, text, None).map_err(|_| Error::Interrupted)?;
    let line = |rule: &Rule| {
        let who = match rule.when {
            Some(_) => rule.because.as_str(),
            None => "every use case",
        };
        let apart = match rule.apart_from_owner {
            true => ", without owner and submitter",
            false => "",
        };
        let (demand, review) = (rule.demand(), rule.review.words());
        let (overseers, days) = (rule.overseers, rule.named_for);
        format!("{review}; {overseers} named for {days} days{apart}; {demand}; {who}")
    };
    let rules = book.rules.iter();
    Ok(rules
        .map(|(rule, _)| (rule.title.clone(), line(rule)))
        .collect())
}

fn examine(_: &mut Conn, _: &Desk, change: &Change<'_>) -> Result<Effect> {
    let after = lines(change.after)?;
    let before = change.before.map(lines).transpose()?.unwrap_or_default();
    let moves = moves(&before, &after);
    let figures = json!({ "rules": after.len(), "rules_changed": moves.len() });
    let changed = change.before.map(|_| Part {
        heading: "Rules that change".to_owned(),
        moves,
        ..Part::default()
    });
    let mut facts = Map::new();
    facts.insert("rules".to_owned(), json!(after));
    Ok(Effect {
        found: Vec::new(),
        changed: changed.into_iter().collect(),
        facts,
        figures,
    })
}

fn tell(_: &mut Conn, _: &Desk, text: &str) -> Result<Vec<Part>> {
    let document: Value = serde_json::from_str(text)?;
    let description = document.get("description").and_then(Value::as_str);
    let rules = lines(text)?.into_iter();
    Ok(vec![Part {
        heading: "When a human reviews".to_owned(),
        text: description.unwrap_or_default().to_owned(),
        lines: rules
            .map(|(title, line)| format!("{title}: {line}"))
            .collect(),
        ..Part::default()
    }])
}

//! The risk rules as a kind of rules.
use super::document::MAX_BYTES;
use super::{RiskRules, USE_CASE};
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::people;
use crate::register::Kinds;
use crate::review::Desk;
use crate::rules::{Change, Effect, FILE, Heading, Kind, Part, Read, moves};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What first rules can begin with.
pub const TEMPLATE: &str = include_str!("../../templates/risk/risk.json");

/// Risk rules.
pub const KIND: Kind = Kind {
    word: "risk_rules",
    draft_word: "risk_draft",
    title: "risk rules",
    plural: "Risk rules",
    path: "/rules/risk",
    keepers: &[people::GOVERNANCE],
    max_bytes: MAX_BYTES,
    first: ("risk", TEMPLATE),
    read,
    examine,
    tell,
};

fn read(_: &mut Conn, text: &str) -> Result<Read> {
    let kinds = Kinds::load()?;
    let schema = &kinds.by_key(USE_CASE)?.schema;
    Ok(
        RiskRules::read(FILE, text, Some(schema)).map(|rules| Heading {
            key: rules.key,
            title: rules.title,
            text: rules.text,
            hash: rules.hash,
        }),
    )
}

fn parsed(text: &str) -> Result<RiskRules> {
    RiskRules::read(FILE, text, None).map_err(|_| Error::Interrupted)
}

fn tiers(rules: &RiskRules) -> Vec<(String, String)> {
    let line = |(tier, _): &(super::Tier, _)| {
        let told = format!("{} Assessed again within {} days.", tier.because, tier.days);
        (format!("Tier {} ({})", tier.title, tier.key), told)
    };
    rules.tiers.iter().map(line).collect()
}

fn escalations(rules: &RiskRules) -> Vec<(String, String)> {
    let line = |rule: &super::EscalationRule| {
        let told = format!(
            "{} answers within {} days. {}",
            rule.to.replace('_', " "),
            rule.within_days,
            rule.because
        );
        (rule.title.clone(), told)
    };
    rules.escalations.iter().map(line).collect()
}

fn screening(rules: &RiskRules) -> Vec<(String, String)> {
    let line = |rule: &super::ScreeningRule| {
        let until = rule.until.map(|until| format!(" until {until}"));
        let told = format!(
            "{}, from {}{}. {} {}",
            rule.class.words(),
            rule.from,
            until.unwrap_or_default(),
            rule.because,
            rule.source
        );
        (rule.key.clone(), told)
    };
    rules.screening.iter().map(line).collect()
}

fn lines(rules: &RiskRules) -> BTreeMap<String, String> {
    let all = tiers(rules).into_iter().chain(escalations(rules));
    let mut lines: BTreeMap<String, String> = all.chain(screening(rules)).collect();
    let levels = rules.levels;
    lines.insert(
        "Levels".to_owned(),
        format!(
            "medium from {}, high from {}, very high from {}",
            levels.medium, levels.high, levels.very_high
        ),
    );
    lines
}

fn examine(_: &mut Conn, _: &Desk, change: &Change<'_>) -> Result<Effect> {
    let after = lines(&parsed(change.after)?);
    let before = change.before.map(parsed).transpose()?;
    let before = before.as_ref().map(lines).unwrap_or_default();
    let moves = moves(&before, &after);
    let figures = json!({ "lines": after.len(), "lines_changed": moves.len() });
    let changed = change.before.map(|_| Part {
        heading: "What changes".to_owned(),
        moves,
        ..Part::default()
    });
    let mut facts = Map::new();
    facts.insert("lines".to_owned(), json!(after));
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
    let rules = parsed(text)?;
    let part = |heading: &str, lines: Vec<(String, String)>| Part {
        heading: heading.to_owned(),
        lines: lines
            .into_iter()
            .map(|(title, line)| format!("{title}: {line}"))
            .collect(),
        ..Part::default()
    };
    let levels = rules.levels;
    let scale = |words: &[String]| words.join(", ");
    let first = Part {
        heading: "How risk is scored".to_owned(),
        text: description.unwrap_or_default().to_owned(),
        lines: vec![
            format!("Likelihood 1 to 5: {}", scale(&rules.likelihood)),
            format!("Impact 1 to 5: {}", scale(&rules.impact)),
            format!(
                "Likelihood times impact is medium from {}, high from {}, very high from {}",
                levels.medium, levels.high, levels.very_high
            ),
        ],
        ..Part::default()
    };
    Ok(vec![
        first,
        part("Tiers, the first that fits", tiers(&rules)),
        part("Who answers when much risk is left", escalations(&rules)),
        Part {
            folded: true,
            ..part("What the law makes of the answers", screening(&rules))
        },
    ])
}

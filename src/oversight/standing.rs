//! How the point "human review" stands for use cases.
use super::store::{self, Line, Overseen};
use super::{KIND, State, USE_CASE, share};
use crate::db::schema::{records, revisions};
use crate::db::{Conn, Day, RecordId};
use crate::error::Result;
use crate::overview::{Proof, Standing};
use crate::rules;
use diesel::prelude::*;
use jiff::civil::Date;
use serde_json::Value;
use std::collections::HashMap;

/// How human review stands for each of these records on a day.
///
/// # Errors
/// When the database fails.
pub fn standings(
    conn: &mut Conn,
    ids: &[RecordId],
    today: Date,
) -> Result<HashMap<RecordId, Standing>> {
    let rows: Vec<(RecordId, String, String)> = records::table
        .inner_join(revisions::table.on(revisions::record_id.eq(records::id)))
        .filter(records::id.eq_any(ids))
        .filter(records::kind.eq(USE_CASE))
        .filter(revisions::number.eq(records::revision))
        .select((records::id, records::reference, revisions::document))
        .load(conn)?;
    let (mut cases, mut names) = (Vec::new(), HashMap::new());
    for (id, reference, text) in rows {
        let document: Value = serde_json::from_str(&text)?;
        names.insert(id, (reference, lifecycle(&document).to_owned()));
        cases.push((id, document));
    }
    let is_ruled = !rules::heads(conn, &KIND)?.is_empty();
    let mut all = HashMap::new();
    for (id, overseen) in store::overseen_of(conn, &cases, Day(today))? {
        if let Some((reference, lifecycle)) = names.get(&id) {
            let so = standing(&overseen, (reference, lifecycle), is_ruled, today);
            all.insert(id, so);
        }
    }
    Ok(all)
}

/// Where a use case says it is in its life.
pub(super) fn lifecycle(document: &Value) -> &str {
    let said = document.get("lifecycle").and_then(Value::as_str);
    said.unwrap_or_default()
}

/// How it stands for one use case that is called so and is there in its life.
pub(super) fn standing(
    overseen: &Overseen,
    (reference, lifecycle): (&str, &str),
    is_ruled: bool,
    today: Date,
) -> Standing {
    if lifecycle == "retired" {
        return Standing::not_needed("It is retired.");
    }
    if !is_ruled {
        return Standing::open("No rules for human review are in force.");
    }
    if overseen.lines.is_empty() {
        return Standing::not_needed("No rule in force asks for human review of it.");
    }
    let (Some(arranged), Some(until)) = (&overseen.arranged, overseen.named_until()) else {
        return Standing::open("Nobody is named to oversee it.");
    };
    let lacks = |line: &&Line| overseen.counted(&line.rule) < line.rule.overseers as usize;
    if let Some(line) = overseen.lines.iter().find(lacks) {
        let (here, wanted) = (overseen.counted(&line.rule), line.rule.overseers);
        let title = &line.rule.title;
        let asked = match wanted {
            1 => "1 overseer".to_owned(),
            many => format!("{many} overseers"),
        };
        return Standing::open(format!(
            "“{title}” asks for {asked}; those named who count: {here}."
        ));
    }
    let href = format!("/use-cases/{reference}/human-review");
    let named = Proof {
        label: "Overseers named".to_owned(),
        href: href.clone(),
        on: arranged.on.0,
        until: Some(until.0),
    };
    // What nobody uses yet puts nothing out that could be looked at.
    let in_use = ["pilot", "live"].contains(&lifecycle) || !overseen.samples.is_empty();
    if !in_use {
        return Standing::by(
            vec![named],
            today,
            "Overseers are named; it is not in use yet.",
        );
    }
    if let Some(line) = overseen
        .lines
        .iter()
        .find(|line| matches!(line.judged.state, State::Open | State::Exceeded))
    {
        return Standing::open(short(line));
    }
    let looked = overseen.lines.iter().map(|line| Proof {
        label: line.rule.title.clone(),
        href: href.clone(),
        on: line.judged.since.unwrap_or(today),
        until: line.judged.until,
    });
    let proofs: Vec<Proof> = std::iter::once(named).chain(looked).collect();
    let over = |proof: &Proof| proof.until.is_some_and(|until| until < today);
    let why = match proofs.iter().find(|proof| over(proof)) {
        Some(proof) => format!("Run out: {}.", proof.label),
        None => "Overseers are named, and they looked at enough.".to_owned(),
    };
    Standing::by(proofs, today, why)
}

fn short(line: &Line) -> String {
    let (title, judged) = (&line.rule.title, line.judged);
    match judged.state {
        State::Exceeded => format!(
            "{title}: {} overridden, more than {} %.",
            share(judged.overridden, judged.looked_at).unwrap_or_default(),
            line.rule.override_at_most
        ),
        _ => format!(
            "{title}: {} of {} outputs looked at in {} days.",
            judged.looked_at, line.rule.samples, line.rule.days
        ),
    }
}

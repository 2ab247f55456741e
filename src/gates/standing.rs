//! How the point "tests" stands for use cases.
use super::store::{self, Line};
use super::{KIND, State, Step};
use crate::db::schema::{records, revisions};
use crate::db::{Conn, Day, RecordId};
use crate::error::Result;
use crate::overview::{Proof, Standing};
use crate::rules;
use diesel::prelude::*;
use jiff::civil::Date;
use serde_json::Value;
use std::collections::HashMap;

/// How tests stand for each of these records on a day.
///
/// # Errors
/// When the database fails.
pub fn standings(
    conn: &mut Conn,
    records: &[RecordId],
    today: Date,
) -> Result<HashMap<RecordId, Standing>> {
    let rows: Vec<(RecordId, String, String)> = records::table
        .inner_join(revisions::table.on(revisions::record_id.eq(records::id)))
        .filter(records::id.eq_any(records))
        .filter(revisions::number.eq(records::revision))
        .select((records::id, records::reference, revisions::document))
        .load(conn)?;
    let (mut cases, mut names) = (Vec::new(), HashMap::new());
    for (id, reference, text) in rows {
        let document: Value = serde_json::from_str(&text)?;
        let said = document.get("lifecycle").and_then(Value::as_str);
        names.insert(id, (reference, said.unwrap_or_default().to_owned()));
        cases.push((id, document));
    }
    let is_planned = !rules::heads(conn, &KIND)?.is_empty();
    let mut all = HashMap::new();
    for (id, lines) in store::lines_of(conn, &cases, Day(today))? {
        if let Some((reference, lifecycle)) = names.get(&id) {
            all.insert(
                id,
                standing(&lines, reference, lifecycle, is_planned, today),
            );
        }
    }
    Ok(all)
}

fn standing(
    lines: &[Line],
    reference: &str,
    lifecycle: &str,
    is_planned: bool,
    today: Date,
) -> Standing {
    if lifecycle == "retired" {
        return Standing::not_needed("It is retired.");
    }
    if !is_planned {
        return Standing::open("No test plan is in force.");
    }
    // Before its first step everything that is to come counts.
    let step = Step::of(lifecycle);
    let counts = |line: &&Line| step.is_none_or(|step| line.needed.gate.steps.contains(&step));
    let lines: Vec<&Line> = lines.iter().filter(counts).collect();
    if lines.is_empty() {
        return Standing::not_needed("No test plan in force asks for a test of it.");
    }
    let open = |line: &&&Line| matches!(line.judged.state, State::Open | State::Failed);
    let open: Vec<&str> = lines.iter().filter(open).map(title).collect();
    if !open.is_empty() {
        return Standing::open(format!("Not shown yet: {}.", open.join("; ")));
    }
    let proofs = lines.iter().map(|line| proof(line, reference, today));
    let waived = lines
        .iter()
        .filter(|line| line.judged.state == State::Waived);
    let waived: Vec<&str> = waived.map(title).collect();
    let why = match (lines.len(), waived.is_empty()) {
        (1, true) => "The one test it needs was recorded.".to_owned(),
        (count, true) => format!("All {count} tests it needs were recorded."),
        (_, false) => format!("Waived for now: {}.", waived.join("; ")),
    };
    Standing::by(proofs.collect(), today, why)
}

fn title<'a>(line: &&'a Line) -> &'a str {
    &line.needed.gate.title
}

fn proof(line: &Line, reference: &str, today: Date) -> Proof {
    let gate = &line.needed.gate;
    let waived = line.judged.state == State::Waived;
    let tested = line.judged.newest.map(|result| result.on);
    Proof {
        label: match waived {
            true => format!("Waiver: {}", gate.title),
            false => gate.title.clone(),
        },
        href: format!(
            "/use-cases/{reference}/tests/{}/{}",
            line.needed.plan, gate.key
        ),
        on: tested.filter(|_| !waived).unwrap_or(today),
        until: line.judged.until,
    }
}

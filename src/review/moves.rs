//! How tasks went from one person to another, as the ledger tells it.
use crate::db::{Conn, PersonId};
use crate::error::{Error, Result};
use crate::ledger::entry::Entry;
use crate::ledger::{self, Filter, Page};
use crate::people;
use crate::review::engine::{Moved, Review};
use crate::review::store::Task;
use serde_json::Value;
use std::collections::BTreeSet;

/// Most entries that are looked through; a task moves a few times at most.
const ENTRIES: i64 = 1000;

/// One step of a task from one person to another.
#[derive(Debug, Clone)]
pub struct Move {
    /// Whose it was.
    pub from: PersonId,
    /// Whose it is.
    pub to: PersonId,
    /// Who did it, when it was somebody's deed.
    pub by: Option<PersonId>,
    /// Why.
    pub because: Moved,
    /// The reason in words, where there is one and it is not erased.
    pub reason: Option<String>,
    /// Number of its entry.
    pub seq: i64,
}

/// The steps of the tasks of a stage in the epoch of `task`, the first first.
///
/// # Errors
/// When the database fails or an entry cannot be read.
pub fn of_stage(conn: &mut Conn, task: &Task) -> Result<Vec<Move>> {
    let filter = Filter {
        record: Some(task.record_id),
        kind: Some("task.moved".to_owned()),
        stage: Some(task.stage.clone()),
        ..Filter::default()
    };
    let rows = ledger::rows(conn, &filter, Page::From(0), ENTRIES)?;
    let here = rows
        .into_iter()
        .filter(|row| row.review_id == Some(task.review_id));
    let rows: Vec<ledger::Row> = here.collect();
    let seqs: Vec<i64> = rows.iter().map(|row| row.seq).collect();
    let opened = ledger::opened(conn, &seqs)?;
    let mut moves = Vec::new();
    for row in rows {
        let entry = Entry::parse(&row.entry)
            .map_err(|why| Error::Corrupt(format!("entry {}: {why}", row.seq)))?;
        if entry.subject.get("epoch").and_then(Value::as_i64) != Some(i64::from(task.epoch)) {
            continue;
        }
        let person = |name: &str| entry.data.get(name)?.as_str()?.parse().ok();
        let because = entry.data.get("because").cloned().unwrap_or_default();
        let reason = opened
            .iter()
            .find(|(seq, name, ..)| *seq == row.seq && name == "reason");
        if let (Some(from), Some(to)) = (person("from"), person("to")) {
            moves.push(Move {
                from,
                to,
                by: entry.actor.parse().ok(),
                because: serde_json::from_value(because)?,
                reason: reason.map(|(.., value)| value.clone()),
                seq: row.seq,
            });
        }
    }
    Ok(moves)
}

/// How a task came to whom it is with, or went from whom it was with: a sentence, and the words of
/// whoever did it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Told {
    /// What happened.
    pub sentence: String,
    /// The reason, in the words of who did it.
    pub reason: Option<String>,
}

/// How `task` came to its person, when it was somebody else's before or is decided in the place of
/// somebody.
///
/// # Errors
/// As [`of_stage`].
pub fn came(conn: &mut Conn, review: &Review, task: &Task) -> Result<Option<Told>> {
    let moves = of_stage(conn, task)?;
    let last = moves.iter().rev().find(|step| step.to == task.person_id);
    let run = review.stage(&task.stage);
    let first = run.and_then(|run| run.on_behalf.get(&task.person_id).copied());
    let concerned: BTreeSet<PersonId> = last
        .iter()
        .flat_map(|step| [Some(step.from), step.by])
        .chain([first])
        .flatten()
        .collect();
    let names = people::names(conn, &concerned)?;
    let name = |id: PersonId| names.get(&id).cloned().unwrap_or_default();
    let Some(step) = last else {
        return Ok(first.map(|first| Told {
            sentence: format!("{0} is away. You decide in the place of {0}.", name(first)),
            reason: None,
        }));
    };
    let from = name(step.from);
    let sentence = match step.because {
        Moved::Delegated => format!("{from} handed this on to you."),
        Moved::Absent => format!("{from} is away, and you stand in."),
        Moved::Reassigned => {
            let by = step.by.map_or_else(String::new, name);
            format!("{by}, who administers this register, gave you this task of {from}.")
        }
        Moved::Returned => format!("This is yours again: {from} left."),
    };
    let place = first.map(|first| format!(" You decide in the place of {}.", name(first)));
    Ok(Some(Told {
        sentence: format!("{sentence}{}", place.unwrap_or_default()),
        reason: step.reason.clone(),
    }))
}

/// What became of a task that is no longer its person's: who decides now, when somebody does.
///
/// # Errors
/// As [`of_stage`].
pub fn went(conn: &mut Conn, task: &Task) -> Result<Option<(Move, String)>> {
    let moves = of_stage(conn, task)?;
    let Some(step) = moves.iter().rev().find(|step| step.from == task.person_id) else {
        return Ok(None);
    };
    // It may have gone on from there; a task that came back is no longer gone.
    let mut holder = step.to;
    let later = moves.iter().filter(|next| next.seq > step.seq);
    for next in later {
        if next.from == holder {
            holder = next.to;
        }
    }
    let names = people::names(conn, &BTreeSet::from([holder]))?;
    let name = names.get(&holder).cloned().unwrap_or_default();
    Ok(Some((step.clone(), name)))
}

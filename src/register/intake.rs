//! Import into the register: rows become records through the door, a batch to a transaction.
use crate::db::schema::{records, revisions};
use crate::db::{Conn, Db, Tx};
use crate::error::{Error, Result};
use crate::ledger::Actor;
use crate::register::import::{
    Mapped, Mapping, Problem, Refused, Report, Table, Taken, fields_of, map_rows, settle_repeats,
};
use crate::register::{self, Kind, NewRecord, Status, store};
use crate::review::Desk;
use diesel::prelude::*;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;

/// Rows that share one transaction.
const BATCH: usize = 200;

/// What to import and how.
pub struct Intake {
    /// The file's bytes.
    pub file: Vec<u8>,
    /// How its columns become fields.
    pub mapping: Mapping,
    /// Whether to keep nothing.
    pub dry_run: bool,
}

/// Imports a file. `progress` hears how many rows of how many are done. A dry run takes the same
/// path and rolls each batch back.
///
/// # Errors
/// When the file cannot be read or does not fit its mapping; what single rows lack stands in the
/// report instead.
pub fn import(
    db: &Db,
    desk: &Arc<Desk>,
    actor: &Actor,
    intake: Intake,
    progress: &dyn Fn(u64, u64),
) -> Result<Report> {
    let kind = desk.kinds.by_key(intake.mapping.kind())?;
    let table = Table::open(intake.file, intake.mapping.layout())
        .map_err(|e| Error::BadRequest(e.to_string()))?;
    let fields = fields_of(&kind.schema);
    let plan = intake.mapping.fit(&table, &fields).map_err(|problems| {
        let all: Vec<String> = problems.iter().map(sentence).collect();
        Error::BadRequest(format!(
            "the mapping does not fit the file:\n{}",
            all.join("\n")
        ))
    })?;
    let check = |document: &Value| {
        let errors = kind.form.check_draft(document);
        errors.into_iter().map(|e| (e.field, e.message)).collect()
    };
    let mut report = Report::default();
    report.remark(plan.remarks());
    let (mut rows, mut refused) = (Vec::new(), Vec::new());
    for row in map_rows(&plan, &check) {
        match row {
            Ok(row) => rows.push(row),
            Err(row) => refused.push(row),
        }
    }
    let held = db.read_now(|conn| held_documents(conn, kind.key))?;
    settle_repeats(&mut rows, &|key, document| {
        held.get(key).map(|known| known == document)
    });
    let total = rows.len() as u64;
    let mut done = 0;
    while !rows.is_empty() {
        let rest = rows.split_off(rows.len().min(BATCH));
        let batch = std::mem::replace(&mut rows, rest);
        done += batch.len() as u64;
        for (row, taken) in write_batch(db, desk, actor, kind.key, batch, intake.dry_run)? {
            match taken {
                Ok(taken) => report.take(&row, taken),
                Err(problem) => refused.push(refusal(row, problem)),
            }
        }
        progress(done, total);
    }
    refused.into_iter().for_each(|row| report.refuse(row));
    report.problems.sort_by_key(|p| p.line);
    Ok(report)
}

fn sentence(problem: &Problem) -> String {
    match problem.column.as_str() {
        "" => problem.rule.clone(),
        column => format!("{column}: {}", problem.rule),
    }
}

fn refusal(row: Mapped, problem: Problem) -> Refused {
    let mut problems = row.problems;
    problems.push(problem);
    Refused {
        line: row.line,
        problems,
    }
}

type Outcome = (Mapped, std::result::Result<Taken, Problem>);

fn write_batch(
    db: &Db,
    desk: &Arc<Desk>,
    actor: &Actor,
    kind: &'static str,
    batch: Vec<Mapped>,
    dry_run: bool,
) -> Result<Vec<Outcome>> {
    let (desk, actor) = (desk.clone(), actor.clone());
    let outcomes = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = outcomes.clone();
    let done = db.write_now(move |tx| {
        let kind = desk.kinds.by_key(kind)?;
        let mut all = Vec::new();
        for row in batch {
            let taken = take(tx, &desk, &actor, kind, &row)?;
            all.push((row, taken));
        }
        tx.leave_unchanged();
        if let Ok(mut seen) = seen.lock() {
            *seen = all;
        }
        if dry_run { Err(Error::DryRun) } else { Ok(()) }
    });
    match done {
        Ok(()) | Err(Error::DryRun) => {}
        Err(error) => return Err(error),
    }
    let mut outcomes = outcomes.lock().map_err(|_| Error::Interrupted)?;
    Ok(std::mem::take(&mut *outcomes))
}

fn take(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    kind: &Kind,
    row: &Mapped,
) -> Result<std::result::Result<Taken, Problem>> {
    let now = desk.clock.now();
    let Some(record) = store::by_source(tx, kind.key, &row.key)? else {
        let new = NewRecord {
            document: row.document.clone(),
            status: Status::Registered,
            source_key: Some(row.key.clone()),
        };
        return Ok(match register::create(tx, now, actor, kind, new) {
            Ok(_) => Ok(Taken::Created),
            Err(error) if !error.is_ours() => Err(not_taken(row, &error.to_string())),
            Err(error) => return Err(error),
        });
    };
    if last_imported(tx, &record)?.as_ref() == Some(&row.document) {
        return Ok(Ok(Taken::Unchanged));
    }
    if store::revision(tx, record.id, record.revision)?
        .author_id
        .is_some()
    {
        let rule = format!(
            "{} was changed here since it was imported and is left as it is; change it by hand",
            record.reference
        );
        return Ok(Err(not_taken(row, &rule)));
    }
    if record.status()? != Status::Registered {
        let rule = format!(
            "{} is {}: change it there",
            record.reference,
            record.status()?.words()
        );
        return Ok(Err(not_taken(row, &rule)));
    }
    register::revise(
        tx,
        now,
        actor,
        kind,
        &record,
        record.revision,
        &row.document,
    )?;
    Ok(Ok(Taken::Revised))
}

fn not_taken(row: &Mapped, rule: &str) -> Problem {
    Problem::new(row.line, "", &row.title, rule)
}

/// The document a record got from its last import: an import has no author.
fn last_imported(conn: &mut Conn, record: &register::Record) -> Result<Option<Value>> {
    let text: Option<String> = revisions::table
        .filter(
            revisions::record_id
                .eq(record.id)
                .and(revisions::author_id.is_null()),
        )
        .order(revisions::number.desc())
        .select(revisions::document)
        .first(conn)
        .optional()?;
    Ok(text.map(|t| serde_json::from_str(&t)).transpose()?)
}

/// The documents last imported, by key.
fn held_documents(conn: &mut Conn, kind: &str) -> Result<HashMap<String, Value>> {
    let rows: Vec<(Option<String>, String)> = records::table
        .inner_join(revisions::table.on(revisions::record_id.eq(records::id)))
        .filter(
            records::kind
                .eq(kind)
                .and(records::source_key.is_not_null()),
        )
        .filter(revisions::author_id.is_null())
        .order(revisions::number)
        .select((records::source_key, revisions::document))
        .load(conn)?;
    let mut held = HashMap::new();
    for (key, text) in rows {
        if let Some(key) = key {
            held.insert(key, serde_json::from_str(&text)?);
        }
    }
    Ok(held)
}

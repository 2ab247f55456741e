//! Fills a ledger: decisions about real use cases, appended as the program appends them, many to a
//! commit.
use super::stock::{Case, ROUTE, Stock};
use crate::db::RecordId;
use crate::error::Result;
use crate::ledger::{self, Note};
use crate::{register, review};
use std::sync::Arc;

/// Use cases that the entries are about.
const CASES: usize = 1_000;
/// Use cases that are decided at the same time.
const LIVE: usize = 20;
/// Entries to a commit. Within one savepoint SQLite walks through all it has changed so far at the
/// end of each statement, so that long ones take their time squared.
const BATCH: u64 = 500;
/// What a reviewer writes, on average.
const REASON: &str = "The purpose is narrow, a person reads each text before it is used, and the \
                      contract rules out training on what we send.";

/// Fills it up to `entries`.
pub(super) fn fill(stock: &Stock, entries: u64) -> Result<()> {
    let db = &stock.app.db;
    let most = usize::try_from(entries / 50).unwrap_or(CASES);
    let mut cases = Vec::new();
    for case in stock.submit(most.clamp(1, CASES))? {
        let review = db.read_now(|conn| review::review(conn, case.review()))?;
        let record = db.read_now(|conn| register::by_id(conn, review.record))?;
        cases.push(About {
            case,
            record: record.id,
            reference: record.reference,
            revision: review.revision,
        });
    }
    let cases: Arc<[About]> = cases.into();
    loop {
        let size = db.read_now(|conn| Ok(ledger::head(conn)?.0))?;
        if size >= entries {
            return Ok(());
        }
        let (cases, desk) = (cases.clone(), stock.app.desk.clone());
        db.write_now(move |tx| {
            for number in size..entries.min(size + BATCH) {
                if let Some(note) = nth(&cases, number) {
                    ledger::append(tx, desk.clock.now(), note)?;
                }
            }
            Ok(())
        })?;
    }
}

/// A use case, and what its entries say of the record.
struct About {
    case: Case,
    record: RecordId,
    reference: String,
    revision: i32,
}

/// The use cases go through their route some at a time, as they would in a busy house; when all
/// have, they begin again.
fn nth(cases: &[About], number: u64) -> Option<Note> {
    let place = usize::try_from(number).ok()?;
    let (round, within) = (place / (LIVE * ROUTE.len()), place % (LIVE * ROUTE.len()));
    let about = cases.get((round * LIVE + within % LIVE).checked_rem(cases.len())?)?;
    let (stage, actor) = about.case.step(within / LIVE)?;
    let note = Note::new("decision.recorded", actor)
        .record(about.record, &about.reference)
        .review(about.case.review())
        .stage(stage, 0)
        .subject("revision", about.revision)
        .subject("digest", about.case.digest())
        .outcome("approve")
        .private("reason", REASON);
    Some(note)
}

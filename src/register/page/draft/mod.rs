//! Writing a record: its sections, one form after the other, and the last look before submitting.
mod check;
mod form;
mod sections;

pub use check::{check, submit};
pub use form::{change, create, section, start};
pub use sections::draft;

use crate::db::{Conn, PersonId};
use crate::error::Result;
use crate::register::{self, AlikeLine, Kind, Record};
use crate::review::Desk;
use serde_json::Value;

/// A record of this kind with its present document.
fn written(conn: &mut Conn, desk: &Desk, kind: &str, reference: &str) -> Result<(Record, Value)> {
    let kind: &Kind = desk.kinds.by_path(kind)?;
    let record = register::by_reference(conn, kind.key, reference)?;
    let document = register::revision(conn, record.id, record.revision)?.document()?;
    Ok((record, document))
}

/// What a team should know before it asks: records like this one, of a kind that is reviewed.
fn alike_to(
    conn: &mut Conn,
    kind: &Kind,
    record: &Record,
    document: &Value,
    within: Option<&(Vec<String>, PersonId)>,
) -> Result<Vec<AlikeLine>> {
    if !kind.reviewed {
        return Ok(Vec::new());
    }
    register::lines(conn, kind.key, document, Some(record.id), within)
}

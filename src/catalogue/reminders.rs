//! Tools whose time ends: whoever looks after one is reminded, once before its last day and once
//! after.
use crate::catalogue::tools;
use crate::db::schema::records;
use crate::db::{At, Conn, Day, RecordId, Tx};
use crate::error::Result;
use crate::notify::outbox::{self, Message};
use crate::register::Record;
use diesel::prelude::*;
use serde_json::{Value, json};

/// Days before the last day from which it is near.
const NEAR_DAYS: i64 = 30;
/// Name of the mail.
pub const MAIL: &str = "tool_ends";

/// A tool whose time ends or is over.
#[derive(Debug, Clone)]
pub struct Ending {
    /// Its record.
    id: RecordId,
    reference: String,
    title: String,
    owner: crate::db::PersonId,
    until: String,
    over: bool,
}

/// The tools whose last day is near or past, with somebody to tell.
///
/// # Errors
/// When the database fails.
pub fn endings(conn: &mut Conn, today: Day) -> Result<Vec<Ending>> {
    let all: Vec<Record> = records::table
        .filter(
            records::kind
                .eq("tool")
                .and(records::owner_id.is_not_null()),
        )
        .select(Record::as_select())
        .load(conn)?;
    let mut found = Vec::new();
    for chunk in all.chunks(500) {
        let documents = tools::documents(conn, chunk)?;
        let ends = |record: &Record| {
            let document = documents.get(&record.id)?;
            let until = document.get("approved_until").and_then(Value::as_str)?;
            let last = Day::parse(until)?;
            (last <= today.days_later(NEAR_DAYS)).then(|| until.to_owned())
        };
        let ending = |record: &Record| {
            let until = ends(record)?;
            Some(Ending {
                id: record.id,
                reference: record.reference.clone(),
                title: record.title.clone(),
                owner: record.owner_id?,
                over: Day::parse(&until).is_some_and(|last| last < today),
                until,
            })
        };
        found.extend(chunk.iter().filter_map(ending));
    }
    Ok(found)
}

/// Queues the mails of these, each once.
///
/// # Errors
/// When the database fails.
pub fn remind(tx: &mut Tx, endings: &[Ending], now: At) -> Result<()> {
    for one in endings {
        let context = json!({
            "reference": one.reference, "title": one.title, "until": one.until, "over": one.over,
            "path": format!("/catalogue/{}", one.reference),
        });
        let name = format!("{MAIL}:{}:{}:{}", one.id, one.until, one.over);
        let mail = Message::new(MAIL, one.owner).context(context).once(&name);
        outbox::queue(tx, mail, now)?;
    }
    Ok(())
}

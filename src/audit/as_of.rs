//! The register as it stood at the end of a day, rebuilt from the entries up to it.
use crate::app::App;
use crate::audit::asked::error;
use crate::db::{At, Conn, Day, Db, PersonId, RecordId};
use crate::error::{Error, Result};
use crate::ledger::api::time;
use crate::ledger::entry::Entry;
use crate::ledger::{Filter, Page, Scope, head, root, rows};
use crate::people;
use crate::register;
use crate::replay::entries::Replay;
use crate::replay::{Snapshot, Thing};
use crate::review::Desk;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// Rows read at a time.
const CHUNK: i64 = 500;
/// Records that are listed; the rest is counted.
pub const LISTED_MAX: usize = 1_000;

/// How it stood.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AsOf {
    /// The day, which ends at midnight UTC.
    pub day: String,
    /// How many entries there were.
    pub size: u64,
    /// The root over them, in hex.
    pub root: String,
    /// How many records there were.
    pub records_count: usize,
    /// The records, by reference.
    pub records: Vec<RecordThen>,
    /// The workflow versions in force.
    pub workflows: Vec<WorkflowThen>,
    /// Who held what.
    pub held: Vec<HeldThen>,
}

/// A record.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RecordThen {
    /// What people call it.
    pub reference: String,
    /// Its kind.
    pub kind: String,
    /// The title of that revision.
    pub title: String,
    /// Its revision.
    pub revision: i64,
    /// Where it stood.
    pub status: String,
    /// Whether an approval was in force, and what became of it.
    pub standing: Option<String>,
    /// The risk that its workflow found.
    pub risk: Option<String>,
    /// Address below the base path.
    pub path: String,
    /// The last entry about it until then.
    pub entry: Option<u64>,
}

/// A workflow version.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WorkflowThen {
    /// Key of the workflow.
    pub key: String,
    /// Its version.
    pub version: String,
    /// Its hash.
    pub hash: String,
    /// The entry that published it.
    pub entry: Option<u64>,
}

/// A role or group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct HeldThen {
    /// `role` or `group`.
    pub what: String,
    /// Its key.
    pub name: String,
    /// Who held it.
    pub person: String,
    /// The entry that gave it.
    pub entry: Option<u64>,
}

/// How it stood at the end of `day`.
///
/// # Errors
/// [`Error::Invalid`] for what is no day, [`Error::Corrupt`] when entries cannot be replayed.
pub(super) async fn at_the_end_of(app: &App, scope: &Scope, day: &str) -> Result<AsOf> {
    let end = Day::parse(day).and_then(|_| time("day", day, 1).ok());
    let message = "Write a day as 2027-01-31.";
    let end = end.ok_or_else(|| Error::Invalid(vec![error("day", message)]))?;
    let start = time("day", day, 0)?;
    let ends_late = scope.before.is_some_and(|before| before < end);
    if ends_late || scope.from.is_some_and(|from| start < from) {
        let message = format!("Your appointment covers {}.", scope.words());
        return Err(Error::Invalid(vec![error("day", &message)]));
    }
    let (db, desk, day) = (app.db.clone(), app.desk.clone(), day.to_owned());
    let units = scope.units.clone();
    tokio::task::spawn_blocking(move || rebuild(&db, &desk, &units, day, end))
        .await
        .map_err(|_| Error::Interrupted)?
}

fn rebuild(db: &Db, desk: &Desk, units: &[String], day: String, end: At) -> Result<AsOf> {
    let mut replay = Replay::default();
    let (size, _) = db.read_now(head)?;
    let mut next = 0;
    while next < size {
        let upto = Filter {
            to: Some(end),
            ..Filter::default()
        };
        let chunk = db.read_now(|conn| rows(conn, &upto, Page::From(next), CHUNK))?;
        if chunk.is_empty() {
            break;
        }
        for row in chunk {
            let entry = Entry::parse(&row.entry)
                .map_err(|why| Error::Corrupt(format!("entry {}: {why}", row.seq)))?;
            replay.take(&entry).map_err(Error::Corrupt)?;
            next = entry.seq + 1;
        }
    }
    let mut then = replay.snapshot();
    db.read_now(|conn| {
        if !units.is_empty() {
            let within = register::of_units(conn, units)?;
            let within: BTreeSet<String> = within.iter().map(ToString::to_string).collect();
            then.retain(|key, _| key.thing != "record" || within.contains(&key.id));
        }
        let root = root(conn, next)?;
        Ok(AsOf {
            day,
            size: next,
            root: hex::encode(root.as_bytes()),
            records_count: things(&then, "record").count(),
            records: records(conn, desk, &then)?,
            workflows: workflows(&then),
            held: held(conn, &then)?,
        })
    })
}

fn things<'a>(all: &'a Snapshot, thing: &'a str) -> impl Iterator<Item = (&'a str, &'a Thing)> {
    let those = all.iter().filter(move |(key, _)| key.thing == thing);
    those.map(|(key, thing)| (key.id.as_str(), thing))
}

fn text(thing: &Thing, name: &str) -> Option<String> {
    Some(thing.fields.get(name)?.as_str()?.to_owned())
}

fn entry(thing: &Thing) -> Option<u64> {
    thing.last.as_ref().map(|last| last.seq)
}

fn records(conn: &mut Conn, desk: &Desk, then: &Snapshot) -> Result<Vec<RecordThen>> {
    let mut all: Vec<(String, &str, &Thing)> = things(then, "record")
        .map(|(id, thing)| (text(thing, "reference").unwrap_or_default(), id, thing))
        .collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    let mut listed = Vec::new();
    for (reference, id, thing) in all.into_iter().take(LISTED_MAX) {
        let kind = text(thing, "kind").unwrap_or_default();
        let path = desk.kinds.by_key(&kind)?.path;
        let revision = thing.fields.get("revision").and_then(Value::as_i64);
        listed.push(RecordThen {
            title: title(conn, id, revision.unwrap_or(1))?,
            path: format!("/{path}/{reference}"),
            revision: revision.unwrap_or(1),
            status: text(thing, "status").unwrap_or_default().replace('_', " "),
            standing: text(thing, "standing").map(|word| word.replace('_', " ")),
            risk: text(thing, "risk"),
            entry: entry(thing),
            reference,
            kind,
        });
    }
    Ok(listed)
}

/// The title lies outside of the entries: it is read from the revision that the entries name.
fn title(conn: &mut Conn, record: &str, revision: i64) -> Result<String> {
    let wrong = |_| Error::Corrupt(format!("{record} is no record"));
    let record: RecordId = record.parse().map_err(wrong)?;
    let number = i32::try_from(revision).unwrap_or(i32::MAX);
    let document = register::revision(conn, record, number)?.document()?;
    let title = document.get("title").and_then(Value::as_str);
    Ok(title.unwrap_or_default().to_owned())
}

fn workflows(then: &Snapshot) -> Vec<WorkflowThen> {
    let in_force = |(_, thing): &(&str, &Thing)| thing.fields.get("active") == Some(&true.into());
    let one = |(id, thing): (&str, &Thing)| {
        let (key, version) = id.rsplit_once(':').unwrap_or((id, ""));
        WorkflowThen {
            key: key.to_owned(),
            version: version.to_owned(),
            hash: text(thing, "hash").unwrap_or_default(),
            entry: entry(thing),
        }
    };
    things(then, "workflow").filter(in_force).map(one).collect()
}

fn held(conn: &mut Conn, then: &Snapshot) -> Result<Vec<HeldThen>> {
    let person = |id: &str| id.rsplit_once(':')?.1.parse::<PersonId>().ok();
    let ids: BTreeSet<PersonId> = things(then, "holding")
        .filter_map(|(id, _)| person(id))
        .collect();
    let names = people::names(conn, &ids)?;
    let one = |(id, thing): (&str, &Thing)| {
        let (what, rest) = id.split_once(':')?;
        let (name, _) = rest.rsplit_once(':')?;
        Some(HeldThen {
            what: what.to_owned(),
            name: name.to_owned(),
            person: names.get(&person(id)?)?.clone(),
            entry: entry(thing),
        })
    };
    let mut all: Vec<HeldThen> = things(then, "holding").filter_map(one).collect();
    all.sort();
    Ok(all)
}

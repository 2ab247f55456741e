//! The ledger's own tables, each held against the entries: the tree, what the log is filtered by,
//! and what lies beside the entries.
use crate::db::{At, Conn};
use crate::error::Result;
use crate::ledger::entry::{Entry, SYSTEM, commitment};
use crate::ledger::tree::{Hash, Range, leaf_hash};
use crate::ledger::{Filter, Opened, Page, Row, leaves, opened, root, rows};
use serde_json::Value;

/// Rows read at a time.
const CHUNK: i64 = 500;

/// Takes the first `size` entries in their order and hands each on. What is wrong first, as a
/// sentence.
///
/// # Errors
/// When the database fails.
pub(super) fn check(
    conn: &mut Conn,
    size: u64,
    take: &mut dyn FnMut(&Entry) -> std::result::Result<(), String>,
) -> Result<Option<String>> {
    let mut tree = Range::default();
    while tree.size() < size {
        let mut chunk = rows(conn, &Filter::default(), Page::From(tree.size()), CHUNK)?;
        chunk.retain(|row| u64::try_from(row.seq).is_ok_and(|seq| seq < size));
        if chunk.is_empty() {
            let next = tree.size();
            return Ok(Some(format!("entry {next} is missing in the database")));
        }
        let leaves = leaves(conn, &chunk)?;
        let seqs: Vec<i64> = chunk.iter().map(|row| row.seq).collect();
        let beside = opened(conn, &seqs)?;
        for (row, leaf) in chunk.iter().zip(leaves) {
            match of_row(row, leaf, &beside, tree.size()) {
                Ok(entry) => {
                    if let Err(why) = take(&entry) {
                        return Ok(Some(why));
                    }
                }
                Err(why) => return Ok(Some(format!("entry {}: {why}", row.seq))),
            }
            tree.push(leaf);
        }
    }
    let same = root(conn, size)? == tree.root();
    let why = "the nodes of the ledger's tree in the database do not give its root";
    Ok((!same).then(|| why.to_owned()))
}

fn of_row(
    row: &Row,
    leaf: Hash,
    beside: &[Opened],
    next: u64,
) -> std::result::Result<Entry, String> {
    let entry = Entry::parse(&row.entry).map_err(|why| format!("its text is no entry: {why}"))?;
    if entry.seq != next || u64::try_from(row.seq) != Ok(next) {
        return Err(format!(
            "it stands in the database where entry {next} belongs"
        ));
    }
    if leaf_hash(&row.entry) != leaf {
        return Err(
            "its text in the database does not have the leaf hash it was written with; \
                    one of them was changed"
                .to_owned(),
        );
    }
    let about = |name: &str| entry.subject.get(name).and_then(Value::as_str);
    let indexed = [
        ("person", row.person_id.map(|id| id.to_string())),
        ("record", row.record_id.map(|id| id.to_string())),
        ("review", row.review_id.map(|id| id.to_string())),
        ("stage", row.stage.clone()),
    ];
    let outcome = entry.data.get("outcome").and_then(Value::as_str);
    let actor = row.actor_id.map_or(SYSTEM.to_owned(), |id| id.to_string());
    let same = indexed
        .iter()
        .all(|(name, id)| about(name) == id.as_deref())
        && row.outcome.as_deref() == outcome
        && (&row.kind, &actor, row.at) == (&entry.kind, &entry.actor, At(entry.at));
    if !same {
        return Err("the log in the database shows something else than the entry says".to_owned());
    }
    for (_, name, salt, value) in beside.iter().filter(|(seq, ..)| *seq == row.seq) {
        let salt = <[u8; 32]>::try_from(salt.as_slice()).unwrap_or_default();
        let sealed = commitment(&salt, name, value.as_bytes());
        if entry.private.get(name) != Some(&sealed) {
            return Err(format!(
                "`{name}`, which the database keeps beside it, is not what it was written with"
            ));
        }
    }
    Ok(entry)
}

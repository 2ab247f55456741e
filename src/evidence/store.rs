//! Which files entries refer to, and which are erased.
use super::folder::place;
use super::refused;
use super::take::Taken;
use crate::db::schema::{evidence_files, evidence_uses};
use crate::db::{At, Conn, FileId, RecordId, Tx};
use crate::erasure;
use crate::error::{Error, Result};
use crate::finding::Finding;
use crate::ledger::{self, Actor, Note};
use crate::review::Desk;
use crate::{people, register};
use diesel::prelude::*;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io;
use std::path::Path;

/// Name of the private value that holds the name of the `index`-th file of an entry.
fn named(index: i32) -> String {
    format!("file_{index}")
}

/// A file as an entry refers to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct File {
    /// Identifier of this reference.
    pub id: FileId,
    /// SHA-256 of the content, in hex.
    pub digest: String,
    /// Media type.
    pub media_type: String,
    /// Length in bytes.
    pub bytes: i64,
    /// Its name; nothing once it is erased.
    pub name: Option<String>,
    /// Whether the content was erased.
    pub erased: bool,
    /// The entry that refers to it.
    pub entry: i64,
    /// The record it belongs to.
    #[serde(skip)]
    pub record: RecordId,
}

impl File {
    /// What to call it.
    pub fn called(&self) -> String {
        let short = self.digest.get(..12).unwrap_or_default();
        self.name.clone().unwrap_or_else(|| format!("file {short}"))
    }
}

/// Appends an entry that refers to files. Their contents lie in place before it is written, and the
/// entry says digest, size and type of each.
///
/// # Errors
/// [`Error::Invalid`] for a file that was erased here before; those of [`ledger::append`].
pub fn append(
    tx: &mut Tx,
    now: At,
    mut note: Note,
    record: RecordId,
    files: &[Taken],
) -> Result<(u64, Vec<FileId>)> {
    let (mut told, mut ids) = (Vec::new(), Vec::new());
    for (index, taken) in (0..).zip(files) {
        if erased(tx, &taken.digest)? {
            let sentence = "the same file was erased here before, and is not taken again";
            return Err(refused(sentence));
        }
        taken.settle()?;
        let id = FileId::new();
        told.push(json!({
            "id": id.to_string(), "digest": taken.digest, "bytes": taken.bytes,
            "media_type": taken.media_type,
        }));
        note = note.private(&named(index), taken.name.clone());
        ids.push(id);
    }
    if !told.is_empty() {
        note = note.data("files", Value::Array(told));
    }
    let seq = ledger::append(tx, now, note)?;
    let entry = i64::try_from(seq).unwrap_or(i64::MAX);
    for ((index, taken), id) in (0..).zip(files).zip(&ids) {
        insert(tx, taken)?;
        diesel::insert_into(evidence_uses::table)
            .values((
                evidence_uses::id.eq(*id),
                evidence_uses::digest.eq(&taken.digest),
                evidence_uses::record_id.eq(record),
                evidence_uses::seq.eq(entry),
                evidence_uses::place.eq(index),
            ))
            .execute(&mut **tx)?;
    }
    Ok((seq, ids))
}

fn insert(tx: &mut Tx, taken: &Taken) -> Result<()> {
    let known: i64 = evidence_files::table
        .filter(evidence_files::digest.eq(&taken.digest))
        .count()
        .get_result(&mut **tx)?;
    if known == 0 {
        diesel::insert_into(evidence_files::table)
            .values((
                evidence_files::digest.eq(&taken.digest),
                evidence_files::media_type.eq(taken.media_type),
                evidence_files::bytes.eq(i64::try_from(taken.bytes).unwrap_or(i64::MAX)),
            ))
            .execute(&mut **tx)?;
    }
    Ok(())
}

fn erased(conn: &mut Conn, digest: &str) -> Result<bool> {
    let found: Option<Option<i64>> = evidence_files::table
        .find(digest)
        .select(evidence_files::erased_seq)
        .get_result(conn)
        .optional()?;
    Ok(found.flatten().is_some())
}

type Row = (FileId, String, RecordId, i64, i32, String, i64, Option<i64>);

macro_rules! rows {
    () => {
        evidence_uses::table
            .inner_join(evidence_files::table)
            .select((
                evidence_uses::id,
                evidence_uses::digest,
                evidence_uses::record_id,
                evidence_uses::seq,
                evidence_uses::place,
                evidence_files::media_type,
                evidence_files::bytes,
                evidence_files::erased_seq,
            ))
    };
}

fn read(conn: &mut Conn, rows: Vec<Row>) -> Result<Vec<File>> {
    let seqs: Vec<i64> = rows.iter().map(|row| row.3).collect();
    let names = ledger::opened(conn, &seqs)?.into_iter();
    let mut names: HashMap<(i64, String), String> = names
        .map(|(seq, name, _, value)| ((seq, name), value))
        .collect();
    let file = |row: Row| {
        let (id, digest, record, entry, place, media_type, bytes, erased) = row;
        File {
            id,
            digest,
            media_type,
            bytes,
            name: names.remove(&(entry, named(place))),
            erased: erased.is_some(),
            entry,
            record,
        }
    };
    Ok(rows.into_iter().map(file).collect())
}

/// The file behind this reference.
///
/// # Errors
/// [`Error::NotFound`].
pub fn file(conn: &mut Conn, id: FileId) -> Result<File> {
    let rows: Vec<Row> = rows!().filter(evidence_uses::id.eq(id)).load(conn)?;
    let found = read(conn, rows)?.into_iter().next();
    found.ok_or_else(|| Error::not_found("file", id))
}

/// The files that these entries refer to, by entry, in their order.
///
/// # Errors
/// When the database fails.
pub fn of_entries(conn: &mut Conn, seqs: &[i64]) -> Result<HashMap<i64, Vec<File>>> {
    let rows: Vec<Row> = rows!()
        .filter(evidence_uses::seq.eq_any(seqs))
        .order((evidence_uses::seq, evidence_uses::place))
        .load(conn)?;
    let mut all: HashMap<i64, Vec<File>> = HashMap::new();
    for file in read(conn, rows)? {
        all.entry(file.entry).or_default().push(file);
    }
    Ok(all)
}

/// Erases the content behind a reference, for all that refer to it; the digest stays. The content
/// itself goes once this is kept, or by the next sweep.
///
/// # Errors
/// [`Error::Forbidden`] for others than administrators, [`Error::Invalid`] for the reason or while
/// a legal hold is on a record that refers to it.
pub fn erase(tx: &mut Tx, desk: &Desk, actor: &Actor, id: FileId, why: &str) -> Result<String> {
    let person = actor.person.ok_or(Error::Unauthenticated)?;
    let roles = people::roles_on(tx, desk.today(), person)?;
    if !roles.contains(people::ADMINISTRATOR) {
        let sentence = "only administrators erase files";
        return Err(Error::Forbidden(sentence.to_owned()));
    }
    let why = erasure::reason(why)?;
    let file = file(tx, id)?;
    if file.erased {
        return Err(refused("the file is erased already"));
    }
    let users: Vec<RecordId> = evidence_uses::table
        .filter(evidence_uses::digest.eq(&file.digest))
        .select(evidence_uses::record_id)
        .distinct()
        .load(&mut **tx)?;
    let held = erasure::records_held(tx)?;
    if users.iter().any(|record| held.contains(record)) {
        let sentence = "a legal hold is on a record that the file belongs to; it stays";
        return Err(refused(sentence));
    }
    let record = register::by_id(tx, file.record)?;
    let note = Note::new("file.erased", actor)
        .record(record.id, &record.reference)
        .subject("file", id.to_string())
        .data("digest", file.digest.as_str())
        .private("reason", why);
    let seq = ledger::append(tx, desk.clock.now(), note)?;
    diesel::update(evidence_files::table.find(&file.digest))
        .set(evidence_files::erased_seq.eq(i64::try_from(seq).unwrap_or(i64::MAX)))
        .execute(&mut **tx)?;
    Ok(file.digest)
}

/// The digests that entries refer to and that are not erased, among these.
pub(super) fn wanted(conn: &mut Conn, digests: &[String]) -> Result<BTreeSet<String>> {
    let found: Vec<String> = evidence_files::table
        .filter(evidence_files::digest.eq_any(digests))
        .filter(evidence_files::erased_seq.is_null())
        .select(evidence_files::digest)
        .load(conn)?;
    Ok(found.into_iter().collect())
}

/// Digest and length of what lies on the disk.
pub(super) fn measure(path: &Path) -> io::Result<(String, u64)> {
    let mut hash = Sha256::new();
    let bytes = io::copy(&mut fs::File::open(path)?, &mut hash)?;
    Ok((hex::encode(hash.finalize()), bytes))
}

/// Whether each file that entries refer to is there with the content it came with, and each that
/// was erased is gone.
///
/// # Errors
/// When the database fails.
pub fn check(conn: &mut Conn, folder: &Path) -> Result<Finding> {
    let rows: Vec<(String, i64, Option<i64>)> = evidence_files::table
        .select((
            evidence_files::digest,
            evidence_files::bytes,
            evidence_files::erased_seq,
        ))
        .order(evidence_files::digest)
        .load(conn)?;
    let (count, mut gone, mut wrong) = (rows.len(), 0, Vec::new());
    for (digest, bytes, erased) in rows {
        let path = place(folder, &digest);
        let found = measure(&path);
        match (erased, found) {
            (None, Ok((is, length))) if is == digest && i64::try_from(length) == Ok(bytes) => {}
            (None, Ok(_)) => wrong.push(format!("{digest}: its content was altered")),
            (None, Err(e)) if e.kind() == io::ErrorKind::NotFound => {
                wrong.push(format!("{digest}: it is missing; take it from a backup"));
            }
            (None, Err(e)) => wrong.push(format!("{digest}: it cannot be read: {e}")),
            (Some(_), Err(e)) if e.kind() == io::ErrorKind::NotFound => gone += 1,
            (Some(seq), _) => {
                let sentence = format!("{digest}: entry {seq} says that it was erased");
                wrong.push(format!("{sentence}, but it is there (after a restore?)"));
            }
        }
    }
    let kept = count - gone;
    Ok(Finding::of(
        "evidence",
        wrong,
        format!("all {kept} files are there as they came, and {gone} are erased"),
        format!("files in {} are not as entries say", folder.display()),
    ))
}

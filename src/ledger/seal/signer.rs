//! Signing: the next checkpoint, when the database shows that the log only grew.
use crate::app::App;
use crate::db::{At, Conn, Db};
use crate::error::{Error, Result};
use crate::ledger::checkpoint::{self, Checkpoint};
use crate::ledger::key::Vkey;
use crate::ledger::origin::Origin;
use crate::ledger::proof::check_growth;
use crate::ledger::seal::keys::Keys;
use crate::ledger::seal::lock::Held;
use crate::ledger::seal::store::{newest, publish, texts};
use crate::ledger::seal::{Paths, file};
use crate::ledger::store::read_nodes;
use crate::ledger::tree::{self, Hash, Range, TreeError};
use crate::ledger::{head, root};

/// Entries whose hashes are checked at a time.
const CHUNK: i64 = 500;

/// How an attempt to sign ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signed {
    /// Nothing was entered since the last checkpoint, which still holds.
    Before(Checkpoint),
    /// A new checkpoint was signed and published.
    Now(Checkpoint),
    /// Nothing may be signed; why, for the operator.
    Refused(String),
}

/// Signs the log as it is now, unless that is done.
///
/// # Errors
/// When key, lock file or database cannot be read or written.
pub fn sign(app: &App) -> Result<Signed> {
    let paths = super::paths(app)?;
    let keys = Keys::must(&paths)?;
    let held = Held::take(&paths.lock)?;
    sign_held(&app.db, &paths, &keys, &held, app.desk.clock.now())
}

/// What [`sign`] would say, without signing; nothing when this program is not to sign.
///
/// # Errors
/// As [`sign`].
pub fn examine(app: &App) -> Result<Option<Signed>> {
    let Some(paths) = app.sealer.paths() else {
        return Ok(None);
    };
    let keys = Keys::must(paths)?;
    let last = file::read(&paths.lock)?;
    let next = app
        .db
        .read_now(|conn| next(conn, paths, &keys, last.as_deref()))?;
    Ok(Some(match next {
        Next::Refused(why) => Signed::Refused(why),
        Next::Grown(_, last) | Next::Same(last) => Signed::Before(last),
    }))
}

/// As [`sign`], by who holds the lock.
pub(super) fn sign_held(
    db: &Db,
    paths: &Paths,
    keys: &Keys,
    held: &Held,
    now: At,
) -> Result<Signed> {
    let seen = held.last()?;
    let next = db.read_now(|conn| next(conn, paths, keys, seen.as_deref()))?;
    let checkpoint = match next {
        Next::Refused(why) => return Ok(Signed::Refused(why)),
        Next::Same(last) => {
            // It was signed, but a power cut may have come before it was published.
            let note = seen.unwrap_or_default();
            put_out(db, &last, note, now)?;
            return Ok(Signed::Before(last));
        }
        Next::Grown(next, _) => next,
    };
    sign_over(db, keys, held, seen.as_deref(), &checkpoint, now)?;
    Ok(Signed::Now(checkpoint))
}

/// The very first checkpoint of a key, whose lock file is written with it.
pub(super) fn sign_first(db: &Db, keys: &Keys, held: &Held, now: At) -> Result<Checkpoint> {
    let seen = held.last()?;
    let origin = keys.origin().clone();
    let first = db
        .read_now(|conn| whole(conn, &origin))?
        .map_err(Error::Corrupt)?;
    sign_over(db, keys, held, seen.as_deref(), &first, now)?;
    Ok(first)
}

/// The checkpoint over all entries, each looked at; or what is wrong with the ledger.
pub(super) fn whole(
    conn: &mut Conn,
    origin: &Origin,
) -> Result<std::result::Result<Checkpoint, String>> {
    grown(conn, Range::default(), origin)
}

fn sign_over(
    db: &Db,
    keys: &Keys,
    held: &Held,
    seen: Option<&str>,
    checkpoint: &Checkpoint,
    now: At,
) -> Result<()> {
    let note = checkpoint::sign(checkpoint, &keys.all());
    let note = String::from_utf8(note).map_err(|e| Error::Corrupt(e.to_string()))?;
    // On the disk before anybody sees it: what was shown once must never be contradicted.
    held.replace(seen, &note)?;
    put_out(db, checkpoint, note, now)
}

/// Publishes a checkpoint, unless that is done.
fn put_out(db: &Db, checkpoint: &Checkpoint, note: String, now: At) -> Result<()> {
    let is_out = |conn: &mut Conn| Ok(newest(conn)?.is_some_and(|newest| newest.note == note));
    if db.read_now(is_out)? {
        return Ok(());
    }
    let checkpoint = checkpoint.clone();
    db.upkeep_now(move |tx| publish(tx, &checkpoint, &note, now))
}

/// What may be signed next.
pub(super) enum Next {
    Refused(String),
    Same(Checkpoint),
    /// The next checkpoint, and the last one.
    Grown(Checkpoint, Checkpoint),
}

/// What may be signed after the checkpoint in the lock file.
pub(super) fn next(
    conn: &mut Conn,
    paths: &Paths,
    keys: &Keys,
    last: Option<&str>,
) -> Result<Next> {
    let Some(last) = last else {
        return Ok(Next::Refused(format!(
            "the lock file {} is missing. It says what was signed last; without it two versions of \
             this log could be signed. {REMEDY}",
            paths.lock.display()
        )));
    };
    let vkeys = keys.vkeys();
    let last = match checkpoint::open(last.as_bytes(), &vkeys) {
        Ok(last) => last,
        Err(flaw) => {
            return Ok(Next::Refused(format!(
                "the lock file {} does not fit the key: {flaw}. {REMEDY}",
                paths.lock.display()
            )));
        }
    };
    let mut signed = vec![last.clone()];
    signed.extend(published(conn, &vkeys)?);
    for before in &signed {
        if let Some(why) = contradicts(conn, before)? {
            return Ok(Next::Refused(format!("{why} {REMEDY}")));
        }
    }
    let (size, _) = head(conn)?;
    if size == last.size {
        return Ok(Next::Same(last));
    }
    let range = range(conn, last.size)?;
    Ok(match grown(conn, range, &last.origin)? {
        Ok(next) => match consistent(conn, &last, &next)? {
            Some(why) => Next::Refused(format!("{why} {REMEDY}")),
            None => Next::Grown(next, last),
        },
        Err(why) => Next::Refused(format!("{why} {REMEDY}")),
    })
}

const REMEDY: &str = "Put the right database and lock file back, or go on under a new name with \
                      `countersign key new-log`: docs/evidence.md tells how to choose.";

/// The newest checkpoint that was published under the same name and by the same keys: a lock file
/// may have been put back from an older copy.
fn published(conn: &mut Conn, keys: &[Vkey]) -> Result<Option<Checkpoint>> {
    let newest = newest(conn)?;
    Ok(newest.and_then(|newest| checkpoint::open(newest.note.as_bytes(), keys).ok()))
}

/// Why the database is not one that grew out of this checkpoint.
fn contradicts(conn: &mut Conn, last: &Checkpoint) -> Result<Option<String>> {
    let (size, _) = head(conn)?;
    if size < last.size {
        return Ok(Some(format!(
            "{} entries of {} were signed, but the database holds {size}: it was restored from a \
             backup, or entries were deleted.",
            last.size, last.origin
        )));
    }
    let same = match root(conn, last.size) {
        Ok(root) => root == last.root,
        Err(Error::Corrupt(_)) => false,
        Err(error) => return Err(error),
    };
    Ok((!same).then(|| {
        format!(
            "the first {} entries in the database are not those that were signed as {}: it is \
             another database, it was restored and went on, or it was changed by hand.",
            last.size, last.origin
        )
    }))
}

fn range(conn: &mut Conn, size: u64) -> Result<Range> {
    Range::load(size, &mut |wanted| read_nodes(conn, wanted)).map_err(torn)
}

fn torn(error: TreeError<Error>) -> Error {
    match error {
        TreeError::Read(error) => error,
        other => Error::Corrupt(format!("the ledger's tree: {other}")),
    }
}

/// The checkpoint over all entries, those after `range` hashed from their very texts; or which
/// disagrees with the tree.
fn grown(
    conn: &mut Conn,
    mut range: Range,
    origin: &Origin,
) -> Result<std::result::Result<Checkpoint, String>> {
    let (size, _) = head(conn)?;
    while range.size() < size {
        let first = range.size();
        let texts = match texts(conn, first, CHUNK) {
            Ok(texts) => texts,
            Err(Error::Corrupt(why)) => return Ok(Err(format!("{why}."))),
            Err(error) => return Err(error),
        };
        let leaves: Vec<u64> = (first..)
            .zip(&texts)
            .filter_map(|(seq, _)| tree::leaf_index(seq))
            .collect();
        let stored = read_nodes(conn, &leaves)?;
        for ((seq, text), stored) in (first..).zip(&texts).zip(stored) {
            let leaf: Hash = tree::leaf_hash(text);
            if leaf != stored {
                return Ok(Err(format!(
                    "entry {seq} was changed after it was entered: it no longer has the hash that \
                     the ledger's tree holds for it."
                )));
            }
            range.push(leaf);
        }
    }
    if root(conn, size)? != range.root() {
        return Ok(Err(
            "the nodes of the ledger's tree do not belong to its entries.".to_owned(),
        ));
    }
    let (origin, root) = (origin.clone(), range.root());
    Ok(Ok(Checkpoint { origin, size, root }))
}

/// Why `next` is not consistent with `last`, by the proof that any monitor would ask for.
fn consistent(conn: &mut Conn, last: &Checkpoint, next: &Checkpoint) -> Result<Option<String>> {
    let proof = tree::consistency(last.size, next.size, &mut |wanted| read_nodes(conn, wanted));
    let proof = proof.map_err(torn)?;
    Ok(check_growth(last, next, &proof)
        .err()
        .map(|flaw| format!("{flaw}.")))
}

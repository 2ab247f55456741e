//! How the signing stands, for `countersign doctor`: from the files and the database alone, since
//! it looks from another process than the one that signs.
use crate::config::Config;
use crate::db::schema::{ledger_checkpoints, ledger_keys};
use crate::db::{At, Conn};
use crate::error::{Error, Result};
use crate::finding::Finding;
use crate::ledger::checkpoint;
use crate::ledger::key::Vkey;
use crate::ledger::seal::keys::Keys;
use crate::ledger::seal::signer::{Next, next};
use crate::ledger::seal::store::{Published, newest, vkeys};
use crate::ledger::seal::{Paths, Sealer, file};
use crate::ledger::store::{head, root, signed, unsigned};
use diesel::prelude::*;

/// Name of the check.
const CHECK: &str = "signing";
/// Most faults told.
const TOLD: usize = 20;
/// Checkpoints that the short look opens, from the newest on.
const NEWEST: i64 = 16;

/// Whether key, lock file and checkpoints belong to each other and to the database; `full` opens
/// every checkpoint under the log's present name.
///
/// # Errors
/// When the database fails.
pub fn check(conn: &mut Conn, config: &Config, now: At, full: bool) -> Result<Finding> {
    let sealer = Sealer::new(config);
    let newest = newest(conn)?;
    let (size, _) = head(conn)?;
    let Some(paths) = sealer.paths() else {
        return Ok(Finding::advice(CHECK, unsigned_here(newest.as_ref(), now)));
    };
    let mut found = checkpoints(conn, full)?;
    let entered = vkeys(conn)?;
    match Keys::read(paths) {
        Ok(Some(keys)) => found.extend(with_keys(conn, paths, &keys, &entered)?),
        Ok(None) => found.push(no_key(paths, &entered)),
        Err(error) => found.push(error.to_string()),
    }
    found.truncate(TOLD);
    let says = told(conn, &entered, newest.as_ref(), size, now)?;
    if found.is_empty() && (newest.as_ref().is_none_or(|n| n.size < size) || entered.len() > 1) {
        return Ok(Finding::advice(CHECK, says));
    }
    let wrong = "nothing may be signed, or what was signed does not hold; docs/evidence.md tells \
                 what to do";
    Ok(Finding::of(CHECK, found, says, wrong))
}

fn unsigned_here(newest: Option<&Published>, now: At) -> String {
    let setting = "COUNTERSIGN_SIGNING_KEY_FILE is empty: nothing is signed from here";
    match newest {
        None => format!("{setting}, and nothing ever was"),
        Some(newest) => format!(
            "{setting}; another node signed {} {} ago",
            counted(newest.size, "entry", "entries"),
            age(newest.at, now)
        ),
    }
}

fn no_key(paths: &Paths, entered: &[Vkey]) -> String {
    let path = paths.key.display();
    match entered {
        [] => format!("there is no signing key in {path}: make one with `countersign key new`"),
        _ => format!(
            "the signing key {path} is missing, and the log has one: put its file back, or go on \
             under a new name with `countersign key new-log`"
        ),
    }
}

/// What is wrong between the key file, the lock file and the database.
fn with_keys(conn: &mut Conn, paths: &Paths, keys: &Keys, entered: &[Vkey]) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let path = paths.key.display();
    if file::is_open_to_others(&paths.key) {
        found.push(format!(
            "others than its owner may read {path}: chmod 600 {path}, and consider whether \
             somebody has it by now"
        ));
    }
    let held = keys.vkeys();
    for key in held.iter().filter(|key| !entered.contains(key)) {
        found.push(format!(
            "the key {} in {path} is not one that signs by the ledger: it is of another log, was \
             retired, or the database was restored",
            name(key)
        ));
    }
    for key in entered.iter().filter(|key| !held.contains(key)) {
        found.push(format!(
            "the key {} signs by the ledger, but is not in {path}",
            name(key)
        ));
    }
    let last = match file::read(&paths.lock) {
        Ok(last) => last,
        Err(error) => {
            found.push(error.to_string());
            return Ok(found);
        }
    };
    match next(conn, paths, keys, last.as_deref()) {
        Ok(Next::Refused(why)) => found.push(why),
        Ok(Next::Same(_) | Next::Grown(..)) => {}
        Err(Error::Corrupt(why)) => found.push(why),
        Err(error) => return Err(error),
    }
    Ok(found)
}

fn name(key: &Vkey) -> String {
    format!("{}+{}", key.name(), hex::encode(key.id()))
}

/// Which checkpoints under the present name do not open with a key of the log, or have another
/// root than the tree.
fn checkpoints(conn: &mut Conn, full: bool) -> Result<Vec<String>> {
    let Some((origin, _)) = super::tip(conn)? else {
        return Ok(Vec::new());
    };
    let keys = all_keys(conn, &origin)?;
    let (size, _) = head(conn)?;
    let most = if full { i64::MAX } else { NEWEST };
    let rows: Vec<(i64, String)> = ledger_checkpoints::table
        .filter(ledger_checkpoints::origin.eq(&origin))
        .filter(ledger_checkpoints::size.le(signed(size)))
        .order(ledger_checkpoints::size.desc())
        .limit(most)
        .select((ledger_checkpoints::size, ledger_checkpoints::note))
        .load(conn)?;
    let mut found = Vec::new();
    for (size, note) in rows.into_iter().rev() {
        let size = unsigned(size);
        let why = match checkpoint::open(note.as_bytes(), &keys) {
            Err(flaw) => flaw.to_string(),
            Ok(opened) if opened.size != size => format!("it says {} entries", opened.size),
            Ok(opened) => match root(conn, size) {
                Ok(root) if root == opened.root => continue,
                Ok(_) | Err(Error::Corrupt(_)) => {
                    "the tree in the database has another root".to_owned()
                }
                Err(error) => return Err(error),
            },
        };
        found.push(format!("the checkpoint of {size} entries: {why}"));
        if found.len() >= TOLD {
            break;
        }
    }
    Ok(found)
}

/// Every key that ever signed under this name.
fn all_keys(conn: &mut Conn, origin: &str) -> Result<Vec<Vkey>> {
    let texts: Vec<String> = ledger_keys::table
        .filter(ledger_keys::origin.eq(origin))
        .order(ledger_keys::seq)
        .select(ledger_keys::vkey)
        .load(conn)?;
    Ok(texts.iter().filter_map(|text| text.parse().ok()).collect())
}

/// How it stands, where nothing is wrong.
fn told(
    conn: &mut Conn,
    entered: &[Vkey],
    newest: Option<&Published>,
    size: u64,
    now: At,
) -> Result<String> {
    let Some(newest) = newest else {
        return Ok("nothing was signed yet".to_owned());
    };
    let origin = entered.first().map(|key| key.name().to_string());
    let mut says = format!(
        "{}: signed up to {}, {} ago",
        origin.unwrap_or_default(),
        counted(newest.size, "entry", "entries"),
        age(newest.at, now)
    );
    if newest.size < size {
        let waiting = size.saturating_sub(newest.size);
        says.push_str(&format!(
            "; {} since then, for `countersign serve` to sign",
            counted(waiting, "entry", "entries")
        ));
    }
    if entered.len() > 1 {
        says.push_str("; two keys sign until `countersign key retire`");
    }
    let retired: i64 = ledger_keys::table
        .filter(ledger_keys::retired_seq.is_not_null())
        .count()
        .get_result(conn)?;
    if retired > 0 {
        says.push_str(&format!("; keys retired so far: {retired}"));
    }
    Ok(says)
}

/// How long ago, in the largest whole unit.
fn age(at: At, now: At) -> String {
    let seconds = now.0.as_second().saturating_sub(at.0.as_second());
    let units = [(86_400, "day"), (3600, "hour"), (60, "minute")];
    let unit = units.into_iter().find(|(long, _)| seconds >= *long);
    let (long, word) = unit.unwrap_or((1, "second"));
    let count = seconds.max(0).checked_div(long).unwrap_or_default();
    counted(count.unsigned_abs(), word, &format!("{word}s"))
}

/// A count with its word.
pub(super) fn counted(count: u64, one: &str, more: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        count => format!("{count} {more}"),
    }
}

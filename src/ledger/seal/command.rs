//! What an operator does with keys: make the first, change it, go on under another name.
use crate::app::App;
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::ledger::checkpoint::{self, Checkpoint};
use crate::ledger::key::{SigningKey, Vkey};
use crate::ledger::origin::Origin;
use crate::ledger::seal::keys::Keys;
use crate::ledger::seal::lock::Held;
use crate::ledger::seal::signer::{Signed, sign_first, sign_held, whole};
use crate::ledger::seal::store::{enter_key, newest, retire_all_but, vkeys};
use crate::ledger::seal::{Paths, file, origin, paths};
use crate::ledger::{Actor, Note, append, random};
use base64::prelude::*;
use serde_json::{Map, Value, json};
use std::path::PathBuf;

/// Makes the first key of the log, enters it, and signs what is there.
///
/// # Errors
/// When there is a key already, a setting is missing, or a file or the database fails.
pub fn create(app: &App, actor: &Actor) -> Result<Checkpoint> {
    let paths = paths(app)?;
    let held = Held::take(&paths.lock)?;
    if file::read(&paths.key)?.is_some() {
        return Err(refused(format!(
            "there is a key in {} already; `countersign key rotate` makes another",
            paths.key.display()
        )));
    }
    if held.last()?.is_some() {
        return Err(refused(format!(
            "the lock file {} is of an earlier key: put that key back, or move the lock file away \
             when it belongs to another log",
            paths.lock.display()
        )));
    }
    if !app.db.read_now(vkeys)?.is_empty() {
        return Err(refused(
            "this log has a key already: take its file to this machine, or go on under a new name \
             with `countersign key new-log`"
                .to_owned(),
        ));
    }
    let keys = Keys::only(fresh(origin(app, &paths)?)?);
    must_be_whole(app, keys.origin())?;
    let file = keys.write(&paths.key)?;
    let (now, key) = (app.desk.clock.now(), keys.newest().vkey());
    let note = Note::new("key.created", actor).data("vkey", key.to_string());
    app.db.write_now(move |tx| {
        let seq = append(tx, now, note)?;
        enter_key(tx, &key, seq)
    })?;
    file.keep()?;
    sign_first(&app.db, &keys, &held, now)
}

/// Makes another key that signs beside the present one, and enters it.
///
/// # Errors
/// When two keys sign already, the log may not be signed, or a file or the database fails.
pub fn rotate(app: &App, actor: &Actor) -> Result<Keys> {
    let paths = paths(app)?;
    let held = Held::take(&paths.lock)?;
    let keys = Keys::must(&paths)?;
    if !keys.older().is_empty() {
        return Err(refused(
            "two keys sign already: retire the old one first, with `countersign key retire`"
                .to_owned(),
        ));
    }
    must_hold(app, &paths, &keys, &held)?;
    let both = keys.with(fresh(keys.origin().clone())?);
    let file = both.write(&paths.key)?;
    let (now, key) = (app.desk.clock.now(), both.newest().vkey());
    let note = Note::new("key.rotated", actor)
        .data("vkey", key.to_string())
        .data("from", hex::encode(keys.newest().vkey().id()));
    app.db.write_now(move |tx| {
        let seq = append(tx, now, note)?;
        enter_key(tx, &key, seq)
    })?;
    file.keep()?;
    must_hold(app, &paths, &both, &held)?;
    Ok(both)
}

/// Ends the change of keys: from now on the newest signs alone.
///
/// # Errors
/// When one key signs, the log may not be signed, or a file or the database fails.
pub fn retire(app: &App, actor: &Actor) -> Result<Keys> {
    let paths = paths(app)?;
    let held = Held::take(&paths.lock)?;
    let keys = Keys::must(&paths)?;
    if keys.older().is_empty() {
        let sentence = "only one key signs; `countersign key rotate` makes another";
        return Err(refused(sentence.to_owned()));
    }
    // The new key must have signed what the lock file holds, or it could not be read afterwards.
    must_hold(app, &paths, &keys, &held)?;
    let one = Keys::only(keys.newest().clone());
    let (now, key) = (app.desk.clock.now(), one.newest().vkey());
    let old: Vec<String> = keys.older().iter().map(|key| id(&key.vkey())).collect();
    let note = Note::new("key.retired", actor).data("keys", json!(old));
    app.db.write_now(move |tx| {
        let seq = append(tx, now, note)?;
        retire_all_but(tx, &key, seq)
    })?;
    one.write(&paths.key)?.keep()?;
    must_hold(app, &paths, &one, &held)?;
    Ok(one)
}

/// That the ledger's entries and tree belong together: no name makes good what does not.
fn must_be_whole(app: &App, origin: &Origin) -> Result<()> {
    match app.db.read_now(|conn| whole(conn, origin))? {
        Ok(_) => Ok(()),
        Err(why) => Err(refused(format!("nothing can be signed: {why}"))),
    }
}

fn must_hold(app: &App, paths: &Paths, keys: &Keys, held: &Held) -> Result<()> {
    match sign_held(&app.db, paths, keys, held, app.desk.clock.now())? {
        Signed::Refused(why) => Err(refused(why)),
        Signed::Before(_) | Signed::Now(_) => Ok(()),
    }
}

/// How a log went on under another name.
#[derive(Debug, Clone)]
pub struct Continued {
    /// The first checkpoint under the new name.
    pub checkpoint: Checkpoint,
    /// Where the old key was put, when there was one.
    pub set_aside: Vec<PathBuf>,
}

/// Goes on under a new name with a new key, when the old log may not be signed any more. The
/// first entry under the new name holds the last checkpoint of the old one.
///
/// # Errors
/// When the name is the old one, nothing was ever signed, or a file or the database fails.
pub fn continue_log(app: &App, actor: &Actor, name: Option<&str>) -> Result<Continued> {
    let paths = Paths {
        origin: None,
        ..paths(app)?
    };
    let held = Held::take(&paths.lock)?;
    let (note, from) = match held.last()? {
        Some(note) => (note, "lock_file"),
        None => match app.db.read_now(newest)? {
            Some(newest) => (newest.note, "database"),
            None => {
                return Err(refused(
                    "nothing was signed yet: make the first key with \
                                        `countersign key new`"
                        .to_owned(),
                ));
            }
        },
    };
    let old = checkpoint::unverified(note.as_bytes())
        .map_err(|flaw| refused(format!("the last checkpoint cannot be read: {flaw}")))?;
    let origin = match name {
        Some(name) => Origin::new(name).map_err(|flaw| refused(flaw.to_string()))?,
        None => following(&old.origin)?,
    };
    if origin == old.origin {
        let sentence = format!("{origin} is the name of the old log; the new one needs another");
        return Err(refused(sentence));
    }
    let keys = Keys::only(fresh(origin)?);
    must_be_whole(app, keys.origin())?;
    let file = keys.write(&paths.key)?;
    let mut set_aside = put_aside(&paths.key, &old)?;
    enter_continued(app, actor, &keys, last_words(&old, &note, from))?;
    file.keep()?;
    set_aside.extend(put_aside(&paths.lock, &old)?);
    let checkpoint = sign_first(&app.db, &keys, &held, app.desk.clock.now())?;
    Ok(Continued {
        checkpoint,
        set_aside,
    })
}

fn enter_continued(app: &App, actor: &Actor, keys: &Keys, old: Value) -> Result<()> {
    let (now, key) = (app.desk.clock.now(), keys.newest().vkey());
    let note = Note::new("log.continued", actor)
        .data("origin", keys.origin().as_str())
        .data("vkey", key.to_string())
        .data("old", old);
    app.db.write_now(move |tx: &mut Tx| {
        let seq = append(tx, now, note)?;
        enter_key(tx, &key, seq)?;
        retire_all_but(tx, &key, seq)
    })
}

/// The old log's last checkpoint in parts that an entry may hold, from which its note can be put
/// together again.
fn last_words(old: &Checkpoint, note: &str, from: &str) -> Value {
    let signature = note.lines().last().and_then(|line| line.rsplit(' ').next());
    let parts = [
        ("origin", json!(old.origin.as_str())),
        ("size", json!(old.size)),
        ("root", json!(BASE64_STANDARD.encode(old.root.as_bytes()))),
        ("signature", json!(signature.unwrap_or_default())),
        ("from", json!(from)),
    ];
    let parts = parts
        .into_iter()
        .map(|(name, part)| (name.to_owned(), part));
    Value::Object(parts.collect::<Map<String, Value>>())
}

/// `…/log` is followed by `…/log/2`, that by `…/log/3`.
fn following(old: &Origin) -> Result<Origin> {
    let name = old.as_str();
    let next = name.rsplit_once('/').and_then(|(before, last)| {
        let number: u32 = last.parse().ok()?;
        Some(format!("{before}/{}", number.checked_add(1)?))
    });
    let next = next.unwrap_or_else(|| format!("{name}/2"));
    Origin::new(&next).map_err(|flaw| refused(flaw.to_string()))
}

/// Moves a file of the old log out of the way, under a name that says of when it is.
fn put_aside(path: &std::path::Path, old: &Checkpoint) -> Result<Vec<PathBuf>> {
    if file::read(path)?.is_none() {
        return Ok(Vec::new());
    }
    let aside = file::beside(path, &format!(".old-{}", old.size));
    std::fs::copy(path, &aside).map_err(|error| file::trouble(&aside, error))?;
    Ok(vec![aside])
}

fn fresh(origin: Origin) -> Result<SigningKey> {
    Ok(SigningKey::from_seed(origin, &random::<32>()?))
}

fn id(key: &Vkey) -> String {
    hex::encode(key.id())
}

fn refused(sentence: String) -> Error {
    Error::BadRequest(sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_goes_on_counts_its_names() {
        let next = |name| following(&Origin::new(name).unwrap()).unwrap().to_string();
        assert_eq!(next("a.example/log"), "a.example/log/2");
        assert_eq!(next("a.example/log/2"), "a.example/log/3");
        assert_eq!(
            next("a.example/log/4294967295"),
            "a.example/log/4294967295/2"
        );
        assert_eq!(next("log"), "log/2");
    }
}

//! Packages out of the database.
use crate::app::App;
use crate::db::{Conn, Db};
use crate::error::{Error, Result};
use crate::ledger::checkpoint::{self, Checkpoint};
use crate::ledger::download::{cut_off, each, filter_words};
use crate::ledger::entry::Entry;
use crate::ledger::origin::Origin;
use crate::ledger::package::private::{self, Held};
use crate::ledger::package::{
    self, Contents, MAX_PROOFS, Manifest, README, checkpoint_name, measured,
};
use crate::ledger::proof::Proof;
use crate::ledger::spool::Spool;
use crate::ledger::store::{Exact, erased, read_nodes, texts};
use crate::ledger::tiles::{self, Level, Tile, bundle};
use crate::ledger::{Filter, head, opened, root, seal, tree};
use crate::replay;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::Path;

/// What a package holds besides, when it is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extras {
    /// The state of the register; in a package of the whole log.
    pub state: bool,
    /// The private values of its entries.
    pub private: bool,
}

/// A package that is ready to be written. Its files were made once and wait, so that the manifest,
/// which tells their sums, can stand before them.
pub struct Package {
    /// What stands in it.
    pub manifest: Manifest,
    body: Spool,
}

impl Package {
    /// Writes it.
    ///
    /// # Errors
    /// When the writing fails.
    pub fn write(mut self, out: impl Write) -> Result<()> {
        let body = self.body.read().map_err(cut_off)?;
        package::write(&self.manifest, body, out).map_err(cut_off)?;
        Ok(())
    }
}

/// Makes a package ready of what `filter` shows: under the newest signed checkpoint, or where
/// nothing is signed, of the log as it stands.
///
/// # Errors
/// When the database fails, the state cannot be told for that checkpoint, or a part of the log has
/// more entries than a package of a part can hold.
pub fn prepare(app: &App, filter: &Filter, extras: Extras, folder: &Path) -> Result<Package> {
    let (filter, desk) = (filter.clone(), &app.desk);
    let whole = filter.is_empty();
    let (sealed, state) = app.db.read_now(|conn| {
        let sealed = newest(conn, app)?;
        let wanted = extras.state && whole;
        let state = wanted
            .then(|| told(conn, desk, sealed.checkpoint.size))
            .transpose()?;
        Ok((sealed, state))
    })?;
    let checkpoint = sealed.checkpoint.clone();
    let mut parts = Parts {
        db: app.db.clone(),
        filter,
        size: checkpoint.size,
        sealed,
        state,
    };
    let mut names = parts.first_names(whole);
    let mut count = checkpoint.size;
    if whole {
        names.extend(tiles::all(checkpoint.size).map(|tile| tile.to_string()));
        names.extend(parts.state.iter().map(|_| "state.jsonl".to_owned()));
    } else {
        let seqs = parts.few(MAX_PROOFS)?;
        count = u64::try_from(seqs.len()).unwrap_or(0);
        names.extend(seqs.iter().map(|seq| format!("proofs/{seq}.tlog-proof")));
    }
    names.extend(extras.private.then(|| private::NAME.to_owned()));
    let mut body = Spool::unnamed(folder)?;
    let listed = measured(names, &mut parts, &mut body).map_err(cut_off)?;
    let filter = (!whole).then(|| filter_words(&parts.filter));
    Ok(Package {
        manifest: Manifest::new(&checkpoint, count, filter, listed),
        body,
    })
}

/// What a package stands on.
struct Sealed {
    checkpoint: Checkpoint,
    note: Vec<u8>,
    keys: Vec<String>,
    /// Sizes at which the log was signed, this one included.
    before: Vec<u64>,
}

fn newest(conn: &mut Conn, app: &App) -> Result<Sealed> {
    let flaw = |flaw| Error::Corrupt(format!("the newest checkpoint: {flaw}"));
    if let Some(published) = seal::newest(conn)? {
        let note = published.note.into_bytes();
        let checkpoint = checkpoint::unverified(&note).map_err(flaw)?;
        let name = checkpoint.origin.as_str();
        let keys = seal::keys_until(conn, name, checkpoint.size)?;
        let before = seal::sizes_until(conn, name, checkpoint.size)?;
        return Ok(Sealed {
            checkpoint,
            note,
            keys,
            before,
        });
    }
    let origin = match app.config.log_origin.as_str() {
        "" => Origin::of_address(&app.config.public_url),
        name => Origin::new(name),
    };
    let (size, _) = head(conn)?;
    let checkpoint = Checkpoint {
        origin: origin.map_err(|_| {
            let rule = "be set: the public address makes no name for a log";
            crate::config::wrong("log_origin", rule)
        })?,
        size,
        root: root(conn, size)?,
    };
    let note = checkpoint.text().into_bytes();
    Ok(Sealed {
        checkpoint,
        note,
        keys: Vec::new(),
        before: Vec::new(),
    })
}

/// The state of the register, which is that of `size` entries only while there are no more.
fn told(conn: &mut Conn, desk: &crate::review::Desk, size: u64) -> Result<Vec<u8>> {
    if head(conn)?.0 != size {
        return Err(Error::BadRequest(format!(
            "the newest checkpoint covers {size} entries, and there are more by now: the state \
             is that of all of them; try again once they are sealed"
        )));
    }
    let mut text = Vec::new();
    for (key, thing) in replay::stored::snapshot(conn, &desk.kinds, false)? {
        text.extend_from_slice(replay::line(&key, &thing).as_bytes());
        text.push(b'\n');
    }
    Ok(text)
}

struct Parts {
    db: Db,
    filter: Filter,
    size: u64,
    sealed: Sealed,
    state: Option<Vec<u8>>,
}

impl Parts {
    /// The files up to the entries.
    fn first_names(&self, whole: bool) -> Vec<String> {
        let mut names = vec!["README.txt".to_owned(), "checkpoint".to_owned()];
        let keys = 1..=self.sealed.keys.len();
        names.extend(keys.map(|number| format!("keys/{number}.vkey")));
        if whole {
            names.extend(self.sealed.before.iter().copied().map(checkpoint_name));
        }
        names.push("entries.jsonl".to_owned());
        names
    }

    /// The numbers of the entries of a part of the log. Each takes a line of the manifest and of
    /// the list at the end, which lie in memory, so there are few.
    fn few(&self, most: u64) -> Result<Vec<i64>> {
        let mut seqs = Vec::new();
        self.texts(|text| {
            seqs.push(text.seq);
            match u64::try_from(seqs.len()).is_ok_and(|count| count <= most) {
                true => Ok(()),
                false => Err(Error::BadRequest(format!(
                    "format: a package of a part of the log holds at most {most} entries, \
                     each with its own proof; narrow it further, by from and to, or take the \
                     whole log"
                ))),
            }
        })?;
        Ok(seqs)
    }

    fn texts(&self, take: impl FnMut(Exact) -> Result<()>) -> Result<()> {
        each(
            (&self.db, &self.filter, self.size),
            texts,
            |_, chunk| Ok(chunk),
            take,
        )
    }

    fn entries(&self, out: &mut dyn Write) -> Result<()> {
        self.texts(|mut text| {
            text.entry.push(b'\n');
            out.write_all(&text.entry).map_err(cut_off)
        })
    }

    fn tile(&self, tile: &Tile, out: &mut dyn Write) -> Result<()> {
        let bytes = self.db.read_now(|conn| match tile.level {
            Level::Hashes(_) => tile
                .hashes(&mut |wanted| read_nodes(conn, wanted))
                .map_err(|error| Error::Corrupt(format!("the ledger's tree: {error}"))),
            Level::Entries => bundled(conn, tile),
        })?;
        out.write_all(&bytes).map_err(cut_off)
    }

    fn proof(&self, seq: u64, out: &mut dyn Write) -> Result<()> {
        let path = self.db.read_now(|conn| {
            tree::inclusion(seq, self.size, &mut |wanted| read_nodes(conn, wanted))
                .map_err(|error| Error::Corrupt(format!("the ledger's tree: {error}")))
        })?;
        let proof = Proof {
            seq,
            path,
            extra: None,
            note: self.sealed.note.clone(),
        };
        out.write_all(&proof.text()).map_err(cut_off)
    }

    fn checkpoint(&self, size: u64, out: &mut dyn Write) -> Result<()> {
        let name = self.sealed.checkpoint.origin.as_str();
        let note = self
            .db
            .read_now(|conn| seal::growing(conn, name, None, size))?;
        let note = note.ok_or_else(|| Error::Corrupt(format!("no checkpoint of size {size}")))?;
        out.write_all(note.text.as_bytes()).map_err(cut_off)
    }

    fn private(&self, out: &mut dyn Write) -> Result<()> {
        let of = (&self.db, &self.filter, self.size);
        each(of, texts, held, |line: Vec<u8>| {
            out.write_all(&line).map_err(cut_off)
        })
    }

    fn file(&self, name: &str, out: &mut dyn Write) -> Result<()> {
        let missing = || Error::Corrupt(format!("a package has no file {name}"));
        let inside = |begin: &str, end: &str| -> Option<u64> {
            name.strip_prefix(begin)?.strip_suffix(end)?.parse().ok()
        };
        if let Some(seq) = inside("proofs/", ".tlog-proof") {
            return self.proof(seq, out);
        }
        if let Some(size) = inside("checkpoints/", "") {
            return self.checkpoint(size, out);
        }
        if let Some(number) = inside("keys/", ".vkey") {
            let place = usize::try_from(number).ok().and_then(|n| n.checked_sub(1));
            let key = place
                .and_then(|place| self.sealed.keys.get(place))
                .ok_or_else(missing)?;
            return writeln!(out, "{key}").map_err(cut_off);
        }
        match name {
            "README.txt" => out.write_all(README.as_bytes()).map_err(cut_off),
            "checkpoint" => out.write_all(&self.sealed.note).map_err(cut_off),
            "entries.jsonl" => self.entries(out),
            private::NAME => self.private(out),
            "state.jsonl" => {
                let state = self.state.as_ref().ok_or_else(missing)?;
                out.write_all(state).map_err(cut_off)
            }
            _ => self.tile(&name.parse().map_err(|_| missing())?, out),
        }
    }
}

/// The lines of these entries' private values.
fn held(conn: &mut Conn, rows: Vec<Exact>) -> Result<Vec<Vec<u8>>> {
    let seqs: Vec<i64> = rows.iter().map(|row| row.seq).collect();
    let values = opened(conn, &seqs)?.into_iter();
    let mut values: BTreeMap<(i64, String), (Vec<u8>, String)> = values
        .map(|(seq, name, salt, value)| ((seq, name), (salt, value)))
        .collect();
    let erased: BTreeSet<(i64, String)> = erased(conn, &seqs)?.into_iter().collect();
    let mut lines = Vec::new();
    for row in rows {
        let seq = row.seq;
        let corrupt = |what: String| Error::Corrupt(format!("entry {seq}: {what}"));
        let entry = Entry::parse(&row.entry).map_err(|flaw| corrupt(flaw.to_string()))?;
        for (name, commitment) in entry.private {
            let place = (seq, name);
            let held = match values.remove(&place) {
                Some((salt, value)) => Held::Open {
                    salt: salt
                        .try_into()
                        .map_err(|_| corrupt(format!("the salt of `{}` is broken", place.1)))?,
                    value,
                },
                None if erased.contains(&place) => Held::Erased(commitment),
                None => {
                    let what =
                        format!("its value `{}` is missing, and no erasure took it", place.1);
                    return Err(corrupt(what));
                }
            };
            lines.push(private::line(entry.seq, &place.1, held));
        }
    }
    Ok(lines)
}

fn bundled(conn: &mut Conn, tile: &Tile) -> Result<Vec<u8>> {
    let wanted = tile.entries();
    let most = i64::try_from(tile.width).unwrap_or(0);
    let mut bytes = Vec::new();
    for row in texts(conn, &Filter::default(), wanted.start, most)? {
        bundle(&mut bytes, &row.entry).map_err(|flaw| Error::Corrupt(flaw.to_string()))?;
    }
    Ok(bytes)
}

impl Contents for Parts {
    fn write(&mut self, name: &str, out: &mut dyn Write) -> io::Result<()> {
        self.file(name, out)
            .map_err(|error| io::Error::other(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::config::Config;
    use crate::db::At;
    use crate::ledger::entry::{Method, Via};
    use crate::ledger::{Actor, Note, append};

    #[test]
    fn a_package_of_a_part_names_few_entries_or_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config {
            database_url: format!("sqlite:{}/register.db", folder.path().display()),
            ..Config::default()
        };
        Db::migrate(&config.database_url).unwrap();
        let app = App::open(config, Clock::system()).unwrap();
        let at = At::parse("2026-11-24T09:00:00Z").unwrap();
        let told = app.db.write_now(move |tx| {
            for kind in ["story.told", "story.heard", "story.told", "story.told"] {
                let teller = Actor::system(Via::new(Method::Cli, "test"));
                append(tx, at, Note::new(kind, &teller))?;
            }
            Ok(())
        });
        told.unwrap();
        let parts = Parts {
            db: app.db.clone(),
            filter: Filter {
                kind: Some("story.told".to_owned()),
                ..Filter::default()
            },
            size: 4,
            sealed: app.db.read_now(|conn| newest(conn, &app)).unwrap(),
            state: None,
        };
        assert_eq!(parts.few(3).unwrap(), [0, 2, 3]);
        let refused = parts.few(2).unwrap_err();
        assert_eq!(refused.meaning().status, 400);
        assert!(refused.to_string().contains("at most 2 entries"));
    }
}

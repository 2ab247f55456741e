//! Packages out of the database.
use crate::app::App;
use crate::db::{Conn, Db};
use crate::error::{Error, Result};
use crate::ledger::checkpoint::{self, Checkpoint};
use crate::ledger::download::{cut_off, each, filter_words};
use crate::ledger::origin::Origin;
use crate::ledger::package::{self, Contents, Manifest, README, measured};
use crate::ledger::proof::Proof;
use crate::ledger::store::read_nodes;
use crate::ledger::tiles::{self, Level, Tile, bundle};
use crate::ledger::{Filter, Page, Row, head, root, rows, seal, tree};
use crate::replay;
use std::io::{self, Write};

/// A package that is ready to be written, as often as it is wanted.
pub struct Package {
    /// What stands in it.
    pub manifest: Manifest,
    parts: Parts,
}

impl Package {
    /// Writes it.
    ///
    /// # Errors
    /// When the database or the writing fails.
    pub fn write(&mut self, out: impl Write) -> Result<()> {
        package::write(&self.manifest, &mut self.parts, out).map_err(cut_off)?;
        Ok(())
    }
}

/// Makes a package ready of what `filter` shows: under the newest signed checkpoint, or where
/// nothing is signed, of the log as it stands. `state` adds the state of the register to a whole
/// log.
///
/// # Errors
/// When the database fails, or the state cannot be told for that checkpoint.
pub fn prepare(app: &App, filter: &Filter, state: bool) -> Result<Package> {
    let (filter, desk) = (filter.clone(), &app.desk);
    let whole = filter.is_empty();
    let (checkpoint, note, keys, state) = app.db.read_now(|conn| {
        let (checkpoint, note, keys) = newest(conn, app)?;
        let wanted = state && whole;
        let state = wanted
            .then(|| told(conn, desk, checkpoint.size))
            .transpose()?;
        Ok((checkpoint, note, keys, state))
    })?;
    let mut parts = Parts {
        db: app.db.clone(),
        filter,
        size: checkpoint.size,
        note,
        keys,
        state,
    };
    let mut names = vec!["README.txt".to_owned(), "checkpoint".to_owned()];
    names.extend((1..=parts.keys.len()).map(|number| format!("keys/{number}.vkey")));
    names.push("entries.jsonl".to_owned());
    let mut count = checkpoint.size;
    if whole {
        names.extend(tiles::all(checkpoint.size).map(|tile| tile.to_string()));
        names.extend(parts.state.iter().map(|_| "state.jsonl".to_owned()));
    } else {
        let before = names.len();
        parts.rows(|row| {
            names.push(format!("proofs/{}.tlog-proof", row.seq));
            Ok(())
        })?;
        count = u64::try_from(names.len() - before).unwrap_or(0);
    }
    let listed = measured(&names, &mut parts).map_err(cut_off)?;
    let filter = (!whole).then(|| filter_words(&parts.filter));
    Ok(Package {
        manifest: Manifest::new(&checkpoint, count, filter, listed),
        parts,
    })
}

type Newest = (Checkpoint, Vec<u8>, Vec<String>);

fn newest(conn: &mut Conn, app: &App) -> Result<Newest> {
    let flaw = |flaw| Error::Corrupt(format!("the newest checkpoint: {flaw}"));
    if let Some(published) = seal::newest(conn)? {
        let note = published.note.into_bytes();
        let checkpoint = checkpoint::unverified(&note).map_err(flaw)?;
        let keys = seal::vkeys(conn)?;
        let keys = keys.iter().map(ToString::to_string).collect();
        return Ok((checkpoint, note, keys));
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
    Ok((checkpoint, note, Vec::new()))
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
    note: Vec<u8>,
    keys: Vec<String>,
    state: Option<Vec<u8>>,
}

impl Parts {
    fn rows(&self, take: impl FnMut(Row) -> Result<()>) -> Result<()> {
        each(
            &self.db,
            &self.filter,
            self.size,
            |_, chunk| Ok(chunk),
            take,
        )
    }

    fn entries(&self, out: &mut dyn Write) -> Result<()> {
        self.rows(|mut row| {
            row.entry.push(b'\n');
            out.write_all(&row.entry).map_err(cut_off)
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
            note: self.note.clone(),
        };
        out.write_all(&proof.text()).map_err(cut_off)
    }

    fn file(&self, name: &str, out: &mut dyn Write) -> Result<()> {
        let missing = || Error::Corrupt(format!("a package has no file {name}"));
        let inside = |begin: &str, end: &str| -> Option<u64> {
            name.strip_prefix(begin)?.strip_suffix(end)?.parse().ok()
        };
        if let Some(seq) = inside("proofs/", ".tlog-proof") {
            return self.proof(seq, out);
        }
        if let Some(number) = inside("keys/", ".vkey") {
            let place = usize::try_from(number).ok().and_then(|n| n.checked_sub(1));
            let key = place
                .and_then(|place| self.keys.get(place))
                .ok_or_else(missing)?;
            return writeln!(out, "{key}").map_err(cut_off);
        }
        match name {
            "README.txt" => out.write_all(README.as_bytes()).map_err(cut_off),
            "checkpoint" => out.write_all(&self.note).map_err(cut_off),
            "entries.jsonl" => self.entries(out),
            "state.jsonl" => {
                let state = self.state.as_ref().ok_or_else(missing)?;
                out.write_all(state).map_err(cut_off)
            }
            _ => self.tile(&name.parse().map_err(|_| missing())?, out),
        }
    }
}

fn bundled(conn: &mut Conn, tile: &Tile) -> Result<Vec<u8>> {
    let wanted = tile.entries();
    let most = i64::try_from(tile.width).unwrap_or(0);
    let mut bytes = Vec::new();
    for row in rows(conn, &Filter::default(), Page::From(wanted.start), most)? {
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

//! Published checkpoints and public keys in the database.
use crate::db::schema::{ledger_checkpoints, ledger_cosignatures, ledger_entries, ledger_keys};
use crate::db::{At, Conn, Tx};
use crate::error::{Error, Result};
use crate::ledger::checkpoint::Checkpoint;
use crate::ledger::key::Vkey;
use crate::ledger::store::{signed, unsigned};
use crate::on_backend;
use diesel::prelude::*;

const COLUMNS: (
    ledger_checkpoints::size,
    ledger_checkpoints::note,
    ledger_checkpoints::at,
) = (
    ledger_checkpoints::size,
    ledger_checkpoints::note,
    ledger_checkpoints::at,
);

/// A checkpoint that was signed and published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// How many entries it covers.
    pub size: u64,
    /// The signed note.
    pub note: String,
    /// When it was published.
    pub at: At,
}

type Row = (i64, String, At);

impl From<Row> for Published {
    fn from((size, note, at): Row) -> Published {
        Published {
            size: unsigned(size),
            note,
            at,
        }
    }
}

/// The newest checkpoint of the log under its present name; nothing when none was ever signed.
///
/// # Errors
/// When the database fails.
pub fn newest(conn: &mut Conn) -> Result<Option<Published>> {
    let Some(origin) = origin(conn)? else {
        return Ok(None);
    };
    let newest = ledger_checkpoints::table
        .filter(ledger_checkpoints::origin.eq(origin))
        .order(ledger_checkpoints::size.desc())
        .select(COLUMNS);
    let row: Option<Row> = newest.first(conn).optional()?;
    Ok(row.map(Published::from))
}

/// The checkpoint of this name and size.
///
/// # Errors
/// When the database fails.
pub(super) fn of_size(conn: &mut Conn, origin: &str, size: u64) -> Result<Option<Published>> {
    let one = ledger_checkpoints::table.find((origin, signed(size)));
    let row: Option<Row> = one.select(COLUMNS).get_result(conn).optional()?;
    Ok(row.map(Published::from))
}

impl Published {
    /// The name of the log.
    pub fn origin(&self) -> &str {
        self.note.lines().next().unwrap_or_default()
    }

    /// The note with the lines of the witnesses who saw it by now.
    ///
    /// # Errors
    /// When the database fails.
    pub fn witnessed(&self, conn: &mut Conn) -> Result<String> {
        let lines: Vec<String> = ledger_cosignatures::table
            .filter(ledger_cosignatures::origin.eq(self.origin()))
            .filter(ledger_cosignatures::size.eq(signed(self.size)))
            .order(ledger_cosignatures::witness)
            .select(ledger_cosignatures::line)
            .load(conn)?;
        Ok(self.note.clone() + &lines.concat())
    }
}

/// Name and size of the newest checkpoint.
///
/// # Errors
/// When the database fails.
pub fn tip(conn: &mut Conn) -> Result<Option<(String, u64)>> {
    let newest = newest(conn)?;
    Ok(origin(conn)?.zip(newest.map(|newest| newest.size)))
}

/// The present name of the log: that of its newest key.
fn origin(conn: &mut Conn) -> Result<Option<String>> {
    Ok(ledger_keys::table
        .filter(ledger_keys::retired_seq.is_null())
        .order(ledger_keys::seq.desc())
        .select(ledger_keys::origin)
        .first(conn)
        .optional()?)
}

/// Publishes a checkpoint. One of its size that is there already stays: there is only one.
///
/// # Errors
/// When the database fails.
pub(super) fn publish(tx: &mut Tx, checkpoint: &Checkpoint, note: &str, at: At) -> Result<()> {
    let row = diesel::insert_into(ledger_checkpoints::table)
        .values((
            ledger_checkpoints::origin.eq(checkpoint.origin.as_str()),
            ledger_checkpoints::size.eq(signed(checkpoint.size)),
            ledger_checkpoints::note.eq(note),
            ledger_checkpoints::at.eq(at),
        ))
        .on_conflict((ledger_checkpoints::origin, ledger_checkpoints::size))
        .do_nothing();
    on_backend!(&mut **tx, c => row.execute(c))?;
    Ok(())
}

/// The exact texts of entries from `first` on, at most `most`, in their order.
///
/// # Errors
/// When one is missing or the database fails.
pub(super) fn texts(conn: &mut Conn, first: u64, most: i64) -> Result<Vec<Vec<u8>>> {
    let rows: Vec<(i64, Vec<u8>)> = ledger_entries::table
        .filter(ledger_entries::seq.ge(signed(first)))
        .order(ledger_entries::seq)
        .limit(most)
        .load(conn)?;
    let place = |((seq, text), expected): ((i64, Vec<u8>), u64)| {
        let missing = || Error::Corrupt(format!("entry {expected} is missing"));
        (unsigned(seq) == expected)
            .then_some(text)
            .ok_or_else(missing)
    };
    rows.into_iter().zip(first..).map(place).collect()
}

/// The keys that sign the log now, the newest first.
///
/// # Errors
/// When the database fails or holds what is no key.
pub fn vkeys(conn: &mut Conn) -> Result<Vec<Vkey>> {
    let texts: Vec<String> = ledger_keys::table
        .filter(ledger_keys::retired_seq.is_null())
        .order(ledger_keys::seq.desc())
        .select(ledger_keys::vkey)
        .load(conn)?;
    let read = |text: &String| {
        let flaw = |flaw| Error::Corrupt(format!("a key of the log: {flaw}"));
        text.parse().map_err(flaw)
    };
    texts.iter().map(read).collect()
}

/// The keys that ever signed this log up to that size, retired ones as well, the newest first.
///
/// # Errors
/// When the database fails.
pub fn keys_until(conn: &mut Conn, origin: &str, size: u64) -> Result<Vec<String>> {
    Ok(ledger_keys::table
        .filter(ledger_keys::origin.eq(origin))
        .filter(ledger_keys::seq.lt(signed(size)))
        .order((ledger_keys::seq.desc(), ledger_keys::vkey))
        .select(ledger_keys::vkey)
        .load(conn)?)
}

/// The sizes up to this one at which this log was signed, ascending.
///
/// # Errors
/// When the database fails.
pub fn sizes_until(conn: &mut Conn, origin: &str, size: u64) -> Result<Vec<u64>> {
    let sizes: Vec<i64> = ledger_checkpoints::table
        .filter(ledger_checkpoints::origin.eq(origin))
        .filter(ledger_checkpoints::size.le(signed(size)))
        .order(ledger_checkpoints::size)
        .select(ledger_checkpoints::size)
        .load(conn)?;
    Ok(sizes.into_iter().map(unsigned).collect())
}

/// Enters a key that signs from entry `seq` on.
///
/// # Errors
/// When the database fails.
pub(super) fn enter_key(tx: &mut Tx, key: &Vkey, seq: u64) -> Result<()> {
    diesel::insert_into(ledger_keys::table)
        .values((
            ledger_keys::vkey.eq(key.to_string()),
            ledger_keys::origin.eq(key.name().as_str()),
            ledger_keys::seq.eq(signed(seq)),
        ))
        .execute(&mut **tx)?;
    Ok(())
}

/// Notes that every key but `kept` signs no more, since entry `seq`.
///
/// # Errors
/// When the database fails.
pub(super) fn retire_all_but(tx: &mut Tx, kept: &Vkey, seq: u64) -> Result<()> {
    let others = ledger_keys::table
        .filter(ledger_keys::retired_seq.is_null())
        .filter(ledger_keys::vkey.ne(kept.to_string()));
    diesel::update(others)
        .set(ledger_keys::retired_seq.eq(signed(seq)))
        .execute(&mut **tx)?;
    Ok(())
}

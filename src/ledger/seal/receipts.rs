//! Receipts of entries, as soon as a checkpoint covers them.
use crate::db::{At, Conn};
use crate::error::{Error, Result};
use crate::ledger::proof::{Growth, Proof};
use crate::ledger::receipt::Receipt;
use crate::ledger::seal::store::{newest, of_size, texts};
use crate::ledger::store::read_nodes;
use crate::ledger::tree;
use serde::Serialize;

/// Whether an entry is sealed, as pages and mails tell it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sealing {
    /// The receipt as text, once there is one.
    pub receipt: Option<String>,
    /// How many entries its checkpoint covers.
    pub size: Option<u64>,
    /// Its root, as the checkpoint spells it.
    pub root: Option<String>,
    /// When that was published.
    pub at: Option<At>,
    /// Whether a checkpoint is still to come; false where nothing is ever signed.
    pub waits: bool,
}

impl Sealing {
    /// How entry `seq` stands.
    ///
    /// # Errors
    /// When the database fails or lacks the entry.
    pub fn of(conn: &mut Conn, seq: u64) -> Result<Sealing> {
        let newest = newest(conn)?;
        let Some(newest) = newest.as_ref().filter(|newest| newest.size > seq) else {
            return Ok(Sealing {
                receipt: None,
                size: None,
                root: None,
                at: None,
                waits: newest.is_some(),
            });
        };
        let note = newest.witnessed(conn)?;
        let receipt = with_note(conn, seq, newest.size, &note)?;
        Ok(Sealing {
            receipt: Some(receipt.text()),
            size: Some(newest.size),
            root: newest.note.lines().nth(2).map(str::to_owned),
            at: Some(newest.at),
            waits: false,
        })
    }
}

/// A checkpoint, with the proof that it goes on from an older one when there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Growing {
    /// The checkpoint's note, or the proof that ends with it.
    pub text: String,
    /// Its root, as it spells it.
    pub root: String,
    /// When it was published.
    pub at: At,
}

/// The checkpoint of this name and size, proven to go on from that of size `since`; nothing when
/// there is none.
///
/// # Errors
/// When the database fails, or `since` is greater than `size`.
pub fn growing(
    conn: &mut Conn,
    origin: &str,
    since: Option<u64>,
    size: u64,
) -> Result<Option<Growing>> {
    let Some(new) = of_size(conn, origin, size)? else {
        return Ok(None);
    };
    let root = new.note.lines().nth(2).unwrap_or_default().to_owned();
    let note = new.witnessed(conn)?;
    let text = match since {
        None => note,
        Some(old) => {
            let path = tree::consistency(old, size, &mut |wanted| read_nodes(conn, wanted))
                .map_err(|error| Error::Corrupt(format!("the ledger's tree: {error}")))?;
            let note = note.into_bytes();
            String::from_utf8_lossy(&Growth { old, path, note }.text()).into_owned()
        }
    };
    Ok(Some(Growing {
        text,
        root,
        at: new.at,
    }))
}

/// Whether entry `seq` waits for a checkpoint that will cover it.
///
/// # Errors
/// When the database fails.
pub fn waits(conn: &mut Conn, seq: u64) -> Result<bool> {
    Ok(newest(conn)?.is_some_and(|newest| newest.size <= seq))
}

fn with_note(conn: &mut Conn, seq: u64, size: u64, note: &str) -> Result<Receipt> {
    let text = texts(conn, seq, 1)?.pop();
    let text = text.ok_or_else(|| Error::Corrupt(format!("entry {seq} is missing")))?;
    let path = tree::inclusion(seq, size, &mut |wanted| read_nodes(conn, wanted))
        .map_err(|error| Error::Corrupt(format!("the ledger's tree: {error}")))?;
    let entry =
        String::from_utf8(text).map_err(|_| Error::Corrupt(format!("entry {seq} is not text")))?;
    let note = note.as_bytes().to_vec();
    let proof = Proof {
        seq,
        path,
        extra: None,
        note,
    };
    Ok(Receipt { entry, proof })
}

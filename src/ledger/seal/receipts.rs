//! Receipts of entries, as soon as a checkpoint covers them.
use crate::db::{At, Conn};
use crate::error::{Error, Result};
use crate::ledger::proof::Proof;
use crate::ledger::receipt::Receipt;
use crate::ledger::seal::store::{newest, texts};
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
                at: None,
                waits: newest.is_some(),
            });
        };
        let receipt = with_note(conn, seq, newest.size, &newest.note)?;
        Ok(Sealing {
            receipt: Some(receipt.text()),
            size: Some(newest.size),
            at: Some(newest.at),
            waits: false,
        })
    }
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

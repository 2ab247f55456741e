//! The ledger: the append-only log of every change, one entry each, that a reader can check
//! without trusting whoever runs the server.
//!
//! - An entry is one line of canonical JSON (RFC 8785). Its bytes are written once and are the
//!   truth from then on; nothing is ever serialised again to be checked.
//! - Sequence numbers are dense from 0, and no entry is dated before its predecessor.
//! - Personal data and free text stay outside: an entry holds salted commitments to them, so a
//!   value can be erased while every proof still verifies.
//! - The entries are the leaves of an RFC 6962 Merkle tree. Its nodes are only ever added; one
//!   root of 32 bytes stands for the whole history, and short proofs tie an entry to it.
//! - An export carries exact texts, leaf hashes, size and root. Verifying one needs the file and
//!   nothing else, and names the first line that does not hold.
//!
//! Checkpoints, signed statements of size and root, are made by `seal`, which alone knows of keys
//! and files. Everything else but the store is pure: time, randomness and stored nodes come in as
//! arguments.

pub mod api;
mod check;
pub mod checkpoint;
mod counted;
pub mod csv;
pub mod download;
pub mod entry;
mod erase;
pub mod export;
mod histories;
pub mod key;
pub mod origin;
pub mod package;
mod packing;
pub mod page;
mod parts;
pub mod proof;
pub mod receipt;
mod rows;
#[cfg(test)]
mod sample;
mod scan;
mod scope;
pub mod seal;
pub mod send;
mod spool;
mod store;
pub mod summary;
pub mod tiles;
pub mod tree;
pub mod turns;
pub mod verify;
pub mod verifying;
pub mod views;

pub use check::{check, newest};
pub use counted::Counted;
pub use erase::{Value as PrivateValue, erase};
pub use scope::Scope;
pub use store::{
    Actor, Count, Filter, Note, Opened, Page, Row, Tip, append, head, leaves, opened, random, root,
    rows, time,
};

//! The Merkle tree of RFC 6962 over the ledger's entries.
//!
//! Nodes are numbered in the order in which they come to be (the layout of Go's `sumdb/tlog`), so
//! appending only ever adds nodes with higher numbers and never changes one. Every function takes
//! a `read` that answers node numbers with their hashes, in the same order. No input makes these
//! functions panic: sizes, lengths and proofs from outside are checked before use.

use std::cell::RefCell;
use std::fmt;
use std::str::FromStr;
use tlog_tiles::tlog;

/// The greatest number of entries: sequence numbers stay below 2^53.
pub const MAX_SIZE: u64 = 1 << 53;

/// More hashes than any proof in a tree of [`MAX_SIZE`] has.
const MAX_PROOF: usize = 64;

/// A SHA-256 hash of a leaf, a node or a whole tree; written as 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// The root of the tree without entries.
    pub const EMPTY: Hash = Hash(tlog::EMPTY_HASH.0);

    /// The hash in these bytes, when there are exactly 32.
    pub fn from_slice(bytes: &[u8]) -> Option<Hash> {
        bytes.try_into().ok().map(Hash)
    }

    /// Its 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for Hash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, NotAHash> {
        let mut bytes = [0; 32];
        let lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
        match hex::decode_to_slice(text, &mut bytes) {
            Ok(()) if lower => Ok(Hash(bytes)),
            _ => Err(NotAHash),
        }
    }
}

impl serde::Serialize for Hash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The text is not 64 lower-case hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there are not exactly 64 lower-case hex digits")]
pub struct NotAHash;

/// Why the tree cannot answer; `E` is what `read` fails with.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TreeError<E> {
    /// `read` failed.
    #[error(transparent)]
    Read(E),
    /// `read` answered another number of hashes than it was asked for.
    #[error("{found} of {wanted} nodes of the ledger's tree were found")]
    Missing {
        /// How many were asked for.
        wanted: usize,
        /// How many came.
        found: usize,
    },
    /// There is no such entry or size in the tree.
    #[error("the tree has no such entry or size: {0}")]
    OutOfRange(String),
}

/// The proof does not tie the given hashes together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the proof does not hold")]
pub struct BadProof;

/// What answers node numbers, ascending, with the hashes of those nodes in the same order.
pub type Read<'r, E> = &'r mut dyn FnMut(&[u64]) -> Result<Vec<Hash>, E>;

/// The hash of an entry as a leaf: `SHA-256(0x00 ‖ text)`.
pub fn leaf_hash(text: &[u8]) -> Hash {
    Hash(tlog::record_hash(text).0)
}

/// The hash of a node over its two children: `SHA-256(0x01 ‖ left ‖ right)`.
pub fn node_hash(left: Hash, right: Hash) -> Hash {
    Hash(tlog::node_hash(tlog::Hash(left.0), tlog::Hash(right.0)).0)
}

/// The number of the node that is the leaf of entry `seq`; `None` beyond [`MAX_SIZE`].
pub fn leaf_index(seq: u64) -> Option<u64> {
    (seq < MAX_SIZE).then(|| tlog::stored_hash_index(0, seq))
}

/// How many nodes a tree of `size` entries stores; `None` beyond [`MAX_SIZE`].
pub fn node_count(size: u64) -> Option<u64> {
    (size <= MAX_SIZE).then(|| tlog::stored_hash_count(size))
}

/// The nodes to store, numbers ascending, when `leaf` becomes entry number `size`.
///
/// # Errors
///
/// [`TreeError`] when `read` fails or the tree is full.
pub fn append<E>(
    size: u64,
    leaf: Hash,
    read: Read<'_, E>,
) -> Result<Vec<(u64, Hash)>, TreeError<E>> {
    if size >= MAX_SIZE {
        return Err(TreeError::OutOfRange(format!("entry {size}")));
    }
    let first = tlog::stored_hash_index(0, size);
    let nodes = Nodes::ask(read, |nodes| {
        tlog::stored_hashes_for_record_hash(size, tlog::Hash(leaf.0), nodes)
    })?;
    Ok((first..)
        .zip(nodes.into_iter().map(|node| Hash(node.0)))
        .collect())
}

/// The root of the tree's first `size` entries.
///
/// # Errors
///
/// [`TreeError`] when `read` fails or the size is beyond [`MAX_SIZE`].
pub fn root<E>(size: u64, read: Read<'_, E>) -> Result<Hash, TreeError<E>> {
    if size > MAX_SIZE {
        return Err(TreeError::OutOfRange(format!("size {size}")));
    }
    Nodes::ask(read, |nodes| tlog::tree_hash(size, nodes)).map(|hash| Hash(hash.0))
}

/// The proof that entry `seq` stands in the tree of `size` entries.
///
/// # Errors
///
/// [`TreeError`] when `read` fails or there is no such entry.
pub fn inclusion<E>(seq: u64, size: u64, read: Read<'_, E>) -> Result<Vec<Hash>, TreeError<E>> {
    if seq >= size || size > MAX_SIZE {
        return Err(TreeError::OutOfRange(format!("entry {seq} of {size}")));
    }
    Nodes::ask(read, |nodes| tlog::prove_record(size, seq, nodes)).map(ours)
}

/// The proof that the tree of `size` entries begins with the tree of `old` entries; it is empty
/// when `old` is 0 or equals `size`.
///
/// # Errors
///
/// [`TreeError`] when `read` fails or `old` is greater than `size`.
pub fn consistency<E>(old: u64, size: u64, read: Read<'_, E>) -> Result<Vec<Hash>, TreeError<E>> {
    if old > size || size > MAX_SIZE {
        return Err(TreeError::OutOfRange(format!("size {old} before {size}")));
    }
    if old == 0 {
        return Ok(Vec::new());
    }
    Nodes::ask(read, |nodes| tlog::prove_tree(size, old, nodes)).map(ours)
}

/// Checks that `proof` ties entry `seq` with this leaf hash to a tree of this size and root.
///
/// # Errors
///
/// [`BadProof`] when it does not.
pub fn check_inclusion(
    proof: &[Hash],
    seq: u64,
    leaf: Hash,
    size: u64,
    root: Hash,
) -> Result<(), BadProof> {
    let proof = theirs(proof)?;
    if seq >= size || size > MAX_SIZE {
        return Err(BadProof);
    }
    tlog::check_record(&proof, size, tlog::Hash(root.0), seq, tlog::Hash(leaf.0))
        .map_err(|_| BadProof)
}

/// Checks that `proof` shows the tree `(size, root)` to begin with the tree `(old, old_root)`.
/// The empty tree begins every tree, by an empty proof.
///
/// # Errors
///
/// [`BadProof`] when it does not.
pub fn check_consistency(
    proof: &[Hash],
    (old, old_root): (u64, Hash),
    (size, root): (u64, Hash),
) -> Result<(), BadProof> {
    let proof = theirs(proof)?;
    if old > size || size > MAX_SIZE {
        return Err(BadProof);
    }
    if old == 0 {
        let holds = proof.is_empty() && old_root == Hash::EMPTY && (size > 0 || root == old_root);
        return if holds { Ok(()) } else { Err(BadProof) };
    }
    tlog::check_tree(
        &proof,
        size,
        tlog::Hash(root.0),
        old,
        tlog::Hash(old_root.0),
    )
    .map_err(|_| BadProof)
}

fn ours(proof: Vec<tlog::Hash>) -> Vec<Hash> {
    proof.into_iter().map(|hash| Hash(hash.0)).collect()
}

fn theirs(proof: &[Hash]) -> Result<Vec<tlog::Hash>, BadProof> {
    if proof.len() > MAX_PROOF {
        return Err(BadProof);
    }
    Ok(proof.iter().map(|hash| tlog::Hash(hash.0)).collect())
}

/// Our `read` in the shape the library asks for. The library panics on answers of the wrong
/// length and knows only its own errors, so both are kept here and handed back afterwards.
struct Nodes<'r, E> {
    read: RefCell<Read<'r, E>>,
    failure: RefCell<Option<TreeError<E>>>,
}

impl<'r, E> Nodes<'r, E> {
    fn ask<T>(
        read: Read<'r, E>,
        question: impl FnOnce(&Self) -> Result<T, tlog::Error>,
    ) -> Result<T, TreeError<E>> {
        let nodes = Nodes {
            read: RefCell::new(read),
            failure: RefCell::new(None),
        };
        question(&nodes).map_err(|error| {
            let failure = nodes.failure.into_inner();
            failure.unwrap_or_else(|| TreeError::OutOfRange(error.to_string()))
        })
    }

    fn fetch(&self, indexes: &[u64]) -> Result<Vec<Hash>, TreeError<E>> {
        if indexes.is_empty() {
            return Ok(Vec::new());
        }
        let hashes = (self.read.borrow_mut())(indexes).map_err(TreeError::Read)?;
        if hashes.len() != indexes.len() {
            return Err(TreeError::Missing {
                wanted: indexes.len(),
                found: hashes.len(),
            });
        }
        Ok(hashes)
    }
}

impl<E> tlog::HashReader for Nodes<'_, E> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog::Hash>, tlog::Error> {
        match self.fetch(indexes) {
            Ok(hashes) => Ok(hashes.into_iter().map(|hash| tlog::Hash(hash.0)).collect()),
            Err(failure) => {
                self.failure.replace(Some(failure));
                Err(tlog::Error::IndexesNotInTree)
            }
        }
    }
}

/// The root of a growing tree in as many hashes as its size has one-bits: what a reader that sees
/// the leaves once, in order, needs to keep.
#[derive(Debug, Clone, Default)]
pub struct Range {
    size: u64,
    peaks: Vec<Hash>,
}

impl Range {
    /// Adds the next leaf.
    pub fn push(&mut self, leaf: Hash) {
        let mut node = leaf;
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                node = node_hash(left, node);
            }
        }
        self.peaks.push(node);
        self.size = self.size.saturating_add(1);
    }

    /// The number of leaves so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root over the leaves so far.
    pub fn root(&self) -> Hash {
        let peaks = self.peaks.iter().copied().rev();
        peaks
            .reduce(|right, left| node_hash(left, right))
            .unwrap_or(Hash::EMPTY)
    }
}

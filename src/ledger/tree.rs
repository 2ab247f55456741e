//! The Merkle tree of RFC 6962 over the ledger's entries.
//!
//! Nodes are numbered in the order in which they come to be (the layout of Go's `sumdb/tlog`), so
//! appending only ever adds nodes with higher numbers and never changes one. Every function takes
//! a `read` that answers node numbers with their hashes, in the same order. No input makes these
//! functions panic: sizes, lengths and proofs from outside are checked before use.

use std::cell::RefCell;
use std::fmt::{self, Write as _};
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

    /// Its 64 lower-case hex digits.
    pub fn hex(&self) -> [u8; 64] {
        let digit = |nibble: u8| {
            if nibble < 10 {
                b'0' + nibble
            } else {
                b'a' - 10 + nibble
            }
        };
        let mut digits = [0; 64];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(&self.0) {
            pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
        }
        digits
    }

    /// Its 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.hex()
            .into_iter()
            .try_for_each(|digit| f.write_char(char::from(digit)))
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

/// The number of the node over the `index`-th subtree of `2^height` entries; `None` beyond
/// [`MAX_SIZE`].
pub fn subtree_index(height: u8, index: u64) -> Option<u64> {
    let end = index
        .checked_add(1)?
        .checked_mul(1u64.checked_shl(u32::from(height))?)?;
    (end <= MAX_SIZE).then(|| tlog::stored_hash_index(height, index))
}

/// The hashes of these nodes, in the same order.
///
/// # Errors
///
/// [`TreeError`] when `read` fails or does not answer all of them.
pub fn fetch<E>(nodes: &[u64], read: Read<'_, E>) -> Result<Vec<Hash>, TreeError<E>> {
    if nodes.is_empty() {
        return Ok(Vec::new());
    }
    let hashes = read(nodes).map_err(TreeError::Read)?;
    if hashes.len() != nodes.len() {
        return Err(TreeError::Missing {
            wanted: nodes.len(),
            found: hashes.len(),
        });
    }
    Ok(hashes)
}

/// How many nodes a tree of `size` entries stores; `None` beyond [`MAX_SIZE`].
pub fn node_count(size: u64) -> Option<u64> {
    (size <= MAX_SIZE).then(|| tlog::stored_hash_count(size))
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
/// when they are the same.
///
/// # Errors
///
/// [`TreeError`] when `read` fails, or `old` is 0 or greater than `size`.
pub fn consistency<E>(old: u64, size: u64, read: Read<'_, E>) -> Result<Vec<Hash>, TreeError<E>> {
    if old == 0 || old > size || size > MAX_SIZE {
        return Err(TreeError::OutOfRange(format!("size {old} before {size}")));
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
/// The empty tree begins every tree, so there is nothing to prove about it: it is refused.
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
    if old == 0 || old > size || size > MAX_SIZE {
        return Err(BadProof);
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
        fetch(indexes, *self.read.borrow_mut())
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
/// the leaves once, in order, needs to keep, and what a writer needs to know to add the next.
#[derive(Debug, Clone, Default)]
pub struct Range {
    size: u64,
    peaks: Vec<Hash>,
}

impl Range {
    /// The tree of the first `size` entries, by its stored nodes.
    ///
    /// # Errors
    ///
    /// [`TreeError`] when `read` fails or the size is beyond [`MAX_SIZE`].
    pub fn load<E>(size: u64, read: Read<'_, E>) -> Result<Range, TreeError<E>> {
        if size > MAX_SIZE {
            return Err(TreeError::OutOfRange(format!("size {size}")));
        }
        // One peak for each one-bit: the last whole subtree of that height.
        let heights = (0..=53).rev().filter(|height| size >> height & 1 == 1);
        let numbers: Vec<u64> = heights
            .map(|height| tlog::stored_hash_index(height, (size >> height) - 1))
            .collect();
        let peaks = Nodes::ask(read, |nodes| tlog::HashReader::read_hashes(nodes, &numbers))?;
        Ok(Range {
            size,
            peaks: ours(peaks),
        })
    }

    /// Adds the next leaf.
    pub fn push(&mut self, leaf: Hash) {
        self.add(leaf, |_| ());
    }

    /// Adds the next leaf and answers with the nodes to store, numbers ascending. The tree must
    /// not be full: see [`MAX_SIZE`].
    pub fn grow(&mut self, leaf: Hash) -> Vec<(u64, Hash)> {
        let first = tlog::stored_hash_index(0, self.size);
        let mut new = Vec::with_capacity(2);
        self.add(leaf, |node| new.push(node));
        (first..).zip(new).collect()
    }

    fn add(&mut self, leaf: Hash, mut made: impl FnMut(Hash)) {
        let mut node = leaf;
        made(node);
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                node = node_hash(left, node);
                made(node);
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

#[cfg(test)]
mod tests {
    use super::super::sample::{Sample, shared};
    use super::*;
    use base64::prelude::*;
    use ct_merkle::digest::array::typenum::U32;
    use ct_merkle::digest::{FixedOutput, HashMarker, Output, OutputSizeUser, Update};
    use ct_merkle::mem_backed_tree::MemoryBackedTree;
    use proptest::collection;
    use proptest::prelude::*;
    use sha2::Digest;
    use std::path::{Path, PathBuf};

    /// SHA-256 under the newer digest traits that the oracle is written against.
    #[derive(Clone, Default)]
    struct Sha256(sha2::Sha256);

    impl HashMarker for Sha256 {}
    impl OutputSizeUser for Sha256 {
        type OutputSize = U32;
    }
    impl Update for Sha256 {
        fn update(&mut self, data: &[u8]) {
            Digest::update(&mut self.0, data);
        }
    }
    impl FixedOutput for Sha256 {
        fn finalize_into(self, out: &mut Output<Self>) {
            out.copy_from_slice(&self.0.finalize());
        }
    }

    type Oracle = MemoryBackedTree<Sha256, Vec<u8>>;

    fn oracle(texts: &[Vec<u8>]) -> Oracle {
        let mut tree = Oracle::new();
        texts.iter().for_each(|text| tree.push(text.clone()));
        tree
    }

    fn flat(proof: &[Hash]) -> Vec<u8> {
        proof.iter().flat_map(|hash| hash.0).collect()
    }

    fn sample(texts: &[Vec<u8>]) -> Sample {
        let mut sample = Sample::default();
        texts.iter().for_each(|text| sample.push(text.clone()));
        sample
    }

    #[test]
    fn the_hashes_of_rfc_6962_come_out() {
        let hex = |hash: Hash| hash.to_string();
        let empty_root = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(hex(Hash::EMPTY), empty_root);
        let empty_leaf = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d";
        assert_eq!(hex(leaf_hash(b"")), empty_leaf);
        let leaf = "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56";
        assert_eq!(hex(leaf_hash(b"L123456")), leaf);
        let node: [u8; 32] = sha2::Sha256::digest(b"\x01N123N456").into();
        assert!(hex(Hash(node)).starts_with("aa217fe8") && hex(Hash(node)).ends_with("6bbb"));
    }

    #[test]
    fn a_tree_without_entries_has_the_empty_root() {
        assert_eq!(Sample::default().root(0), Hash::EMPTY);
        assert_eq!(Range::default().root(), Hash::EMPTY);
    }

    #[test]
    fn roots_and_proofs_equal_those_of_an_independent_implementation() {
        let texts: Vec<Vec<u8>> = (0..70u8).map(|n| vec![n; usize::from(n)]).collect();
        let sample = sample(&texts);
        for size in 1..=70u64 {
            let there = usize::try_from(size).unwrap();
            let other = oracle(&texts[..there]);
            let root = sample.root(size);
            assert_eq!(
                root.as_bytes()[..],
                other.root().as_bytes()[..],
                "root at {size}"
            );
            for seq in 0..size {
                let proof = inclusion(seq, size, &mut sample.read()).unwrap();
                let theirs = other.prove_inclusion(usize::try_from(seq).unwrap());
                assert_eq!(flat(&proof), theirs.as_bytes(), "entry {seq} of {size}");
                assert_eq!(
                    check_inclusion(&proof, seq, sample.leaf(seq), size, root),
                    Ok(())
                );
            }
            for old in 1..size {
                let proof = consistency(old, size, &mut sample.read()).unwrap();
                let added = usize::try_from(size - old).unwrap();
                assert_eq!(flat(&proof), other.prove_consistency(added).as_bytes());
                let (before, now) = ((old, sample.root(old)), (size, root));
                assert_eq!(check_consistency(&proof, before, now), Ok(()));
            }
        }
    }

    #[test]
    fn a_proof_with_any_hash_changed_does_not_hold() {
        let sample = Sample::of(21);
        let root = sample.root(21);
        for seq in 0..21 {
            let proof = inclusion(seq, 21, &mut sample.read()).unwrap();
            let holds = |proof: &[Hash], seq, size| {
                check_inclusion(proof, seq, sample.leaf(seq % 21), size, root).is_ok()
            };
            for place in 0..proof.len() {
                let mut bad = proof.clone();
                bad[place].0[31] ^= 1;
                assert!(!holds(&bad, seq, 21));
            }
            assert!(!holds(&proof[1..], seq, 21), "shortened");
            assert!(
                !holds(&[&proof[..], &[root]].concat(), seq, 21),
                "lengthened"
            );
            assert!(!holds(&proof, seq + 1, 21), "for another entry");
        }
        let proof = consistency(13, 21, &mut sample.read()).unwrap();
        for place in 0..proof.len() {
            let mut bad = proof.clone();
            bad[place].0[0] ^= 128;
            assert!(check_consistency(&bad, (13, sample.root(13)), (21, root)).is_err());
        }
        assert!(check_consistency(&proof, (12, sample.root(12)), (21, root)).is_err());
    }

    #[test]
    fn no_size_entry_or_proof_from_outside_makes_it_panic() {
        let edges = [
            0,
            1,
            2,
            3,
            1 << 32,
            MAX_SIZE - 1,
            MAX_SIZE,
            MAX_SIZE + 1,
            u64::MAX,
        ];
        let mut none = |_: &[u64]| Err("no nodes");
        let mut short =
            |wanted: &[u64]| Ok::<_, &str>(vec![Hash::EMPTY; wanted.len().saturating_sub(1)]);
        let zero = Hash([0; 32]);
        for a in edges {
            assert_eq!(leaf_index(a).is_some(), a < MAX_SIZE);
            assert_eq!(node_count(a).is_some(), a <= MAX_SIZE);
            let _ = (Range::load(a, &mut none), Range::load(a, &mut short));
            let _ = (root(a, &mut none), root(a, &mut short));
            for b in edges {
                let _ = (inclusion(a, b, &mut none), inclusion(a, b, &mut short));
                let _ = (consistency(a, b, &mut none), consistency(a, b, &mut short));
                for length in [0, 1, 2, 53, 64, 65, 10_000] {
                    let proof = vec![zero; length];
                    assert!(check_inclusion(&proof, a, zero, b, Hash::EMPTY).is_err());
                    let one_tree = a == b && a > 0 && a <= MAX_SIZE && length == 0;
                    let same = check_consistency(&proof, (a, zero), (b, zero)).is_ok();
                    assert_eq!(same, one_tree, "{a} in {b} by {length} hashes");
                }
            }
        }
    }

    #[test]
    fn a_store_that_fails_or_forgets_nodes_is_reported_as_such() {
        let mut broken = |_: &[u64]| Err("disk");
        assert_eq!(root(5, &mut broken), Err(TreeError::Read("disk")));
        assert_eq!(
            Range::load(5, &mut broken).unwrap_err(),
            TreeError::Read("disk")
        );
        let mut forgetful = |_: &[u64]| Ok::<_, &str>(vec![Hash::EMPTY]);
        assert_eq!(
            root(5, &mut forgetful),
            Err(TreeError::Missing {
                wanted: 2,
                found: 1
            })
        );
        assert_eq!(Range::load(0, &mut broken).unwrap().root(), Hash::EMPTY);
    }

    #[test]
    fn hashes_are_written_in_one_way_only() {
        let text = "aa217fe8".repeat(8);
        assert_eq!(text.parse::<Hash>().unwrap().to_string(), text);
        for bad in [
            "",
            "aa",
            &text.to_uppercase(),
            &format!("{text}00"),
            &"zz".repeat(32),
        ] {
            assert_eq!(bad.parse::<Hash>(), Err(NotAHash), "{bad}");
        }
        assert_eq!(Hash::from_slice(&[1; 31]), None);
    }

    proptest! {
        #[test]
        fn appending_whatever_entries_gives_the_roots_of_an_independent_implementation(
            texts in collection::vec(collection::vec(any::<u8>(), 0..40), 1..90),
        ) {
            let sample = sample(&texts);
            let root = sample.root(sample.size());
            let theirs = oracle(&texts).root();
            prop_assert_eq!(&root.as_bytes()[..], &theirs.as_bytes()[..]);
            prop_assert_eq!(Some(sample.nodes.len() as u64), node_count(sample.size()));
            let mut range = Range::default();
            (0..sample.size()).for_each(|seq| range.push(sample.leaf(seq)));
            prop_assert_eq!((range.size(), range.root()), (sample.size(), root));
            prop_assert!(range.peaks.len() <= 7, "a logarithm of hashes is kept");
            let loaded = Range::load(sample.size(), &mut sample.read()).unwrap();
            prop_assert_eq!(loaded.peaks, range.peaks);
        }
    }

    const VECTORS: &str = "vectors/transparency-dev-merkle/testdata";

    fn files(directory: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files(&path, found);
            } else if path
                .extension()
                .is_some_and(|extension| extension == "json")
            {
                found.push(path);
            }
        }
    }

    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Vector {
        #[serde(default)]
        leaf_idx: u64,
        #[serde(default)]
        tree_size: u64,
        root: Option<String>,
        leaf_hash: Option<String>,
        #[serde(default)]
        size1: u64,
        #[serde(default)]
        size2: u64,
        root1: Option<String>,
        root2: Option<String>,
        proof: Option<Vec<String>>,
        want_err: bool,
    }

    /// `None` when a field is no hash of 32 bytes, which the type alone refuses.
    fn hash(field: Option<&String>) -> Option<Hash> {
        Hash::from_slice(&BASE64_STANDARD.decode(field?).ok()?)
    }

    fn run(vector: &Vector) -> Option<bool> {
        let proof = vector.proof.iter().flatten();
        let proof = proof
            .map(|field| hash(Some(field)))
            .collect::<Option<Vec<_>>>()?;
        if vector.leaf_hash.is_some() {
            let (leaf, root) = (
                hash(vector.leaf_hash.as_ref())?,
                hash(vector.root.as_ref())?,
            );
            let (seq, size) = (vector.leaf_idx, vector.tree_size);
            return Some(check_inclusion(&proof, seq, leaf, size, root).is_ok());
        }
        let (old, new) = (hash(vector.root1.as_ref())?, hash(vector.root2.as_ref())?);
        Some(check_consistency(&proof, (vector.size1, old), (vector.size2, new)).is_ok())
    }

    /// How many vectors there are, and how many of them reach the check.
    fn run_all(directory: &Path) -> (usize, usize) {
        let mut paths = Vec::new();
        files(directory, &mut paths);
        let mut reached = 0;
        for path in &paths {
            let vector: Vector = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
            // What is no hash cannot be expressed. One of those should hold: two empty roots.
            let expressed = run(&vector);
            let empty = path.ends_with("additional/sizes-are-equal-one-and-proof-is-empty.json");
            let holds = expressed.unwrap_or(empty);
            assert_eq!(holds, !vector.want_err, "{}", path.display());
            reached += usize::from(expressed.is_some());
        }
        (paths.len(), reached)
    }

    #[test]
    fn the_public_vectors_for_inclusion_agree() {
        if let Some(directory) = shared(&format!("{VECTORS}/inclusion")) {
            assert_eq!(run_all(&directory), (98, 72));
        }
    }

    #[test]
    fn the_public_vectors_for_consistency_agree() {
        if let Some(directory) = shared(&format!("{VECTORS}/consistency")) {
            assert_eq!(run_all(&directory), (98, 71));
        }
    }

    #[derive(serde::Deserialize)]
    struct Sigsum {
        leaf_hash: String,
        leaf_index: u64,
        tree_size: u64,
        root_hash: String,
        inclusion_path: Vec<String>,
    }

    fn sigsum_holds(vector: &Sigsum) -> bool {
        let hash = |text: &String| hash(Some(text)).expect("a hash");
        let path: Vec<Hash> = vector.inclusion_path.iter().map(hash).collect();
        let (leaf, root) = (hash(&vector.leaf_hash), hash(&vector.root_hash));
        check_inclusion(&path, vector.leaf_index, leaf, vector.tree_size, root).is_ok()
    }

    #[test]
    fn the_vectors_of_sigsum_agree() {
        for (file, holds) in [
            ("inclusion-valid.json", true),
            ("inclusion-invalid.json", false),
        ] {
            let Some(path) = shared(&format!("vectors/mullvad-sigsum-rs/{file}")) else {
                return;
            };
            let vectors = std::fs::read(path).unwrap();
            let vectors: Vec<Sigsum> = serde_json::from_slice(&vectors).unwrap();
            assert_eq!(vectors.len(), 4, "{file}");
            for vector in &vectors {
                assert_eq!(
                    sigsum_holds(vector),
                    holds,
                    "{file}, leaf {}",
                    vector.leaf_index
                );
            }
        }
    }
}

//! Checks a log where it is served, in the layout of C2SP `tlog-tiles`: from the signed checkpoint
//! down to each hash, and to each entry where entries are public.

use super::super::checkpoint::{self, Checkpoint, MAX_NOTE};
use super::super::entry::MAX_BYTES;
use super::super::histories::Told;
use super::super::key::Vkey;
use super::super::parts::View;
use super::super::tiles::{Level, Tile, WIDTH, unbundle};
use super::super::tree::{Hash, Range, leaf_hash};
use super::facts::{Facts, Order};
use super::{Refusal, kept};
use serde::Serialize;
use std::fmt;

/// What a server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// With these bytes.
    Bytes(Vec<u8>),
    /// That there is nothing for this reader: a status such as 401, 403 or 404.
    Refused(u16),
}

/// Where a log is served.
pub trait Source {
    /// What lies at a path such as `tile/0/000`; at most `most` bytes of it.
    ///
    /// # Errors
    ///
    /// Why there is no answer, in words.
    fn get(&mut self, path: &str, most: usize) -> Result<Answer, String>;
}

/// What a served log that holds shows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Seen {
    /// The name of the log.
    pub origin: String,
    /// Its size.
    pub size: u64,
    /// Its root.
    pub root: Hash,
    /// The size of the checkpoint from before from which it was shown to have grown.
    pub since: Option<u64>,
    /// Whether its entries were read as well, and not their hashes alone.
    pub entries: bool,
    /// With what status the server kept the entries to itself.
    pub refused: Option<u16>,
    /// Whether the histories of records are whole, where entries were read.
    pub histories: Told,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (size, origin) = (self.size, &self.origin);
        writeln!(
            f,
            "Good: {origin} has {size} entries by a checkpoint that a key you gave signed."
        )?;
        writeln!(f, "Size {size}, root {}: the hashes give it.", self.root)?;
        if let Some(since) = self.since {
            writeln!(
                f,
                "It grew from the {since} entries that you knew; none of those changed."
            )?;
        }
        match self.refused {
            Some(status) => writeln!(
                f,
                "Not checked: what the entries say, their order and their times. The server keeps \
                 them to itself (it answered {status}); only their hashes are public."
            )?,
            None => writeln!(
                f,
                "Every entry was read and has its hash; {} records have their whole history.",
                self.histories.complete
            )?,
        }
        write!(
            f,
            "That others are shown the same log: compare the checkpoint with theirs, and keep it \
             for --since."
        )
    }
}

/// Verifies a log that is served, against the reader's own keys.
///
/// # Errors
///
/// A [`Refusal`] that names the first thing that does not hold, or says what could not be read.
pub fn verify(
    source: &mut dyn Source,
    keys: &[Vkey],
    since: Option<&[u8]>,
) -> Result<Seen, Refusal> {
    let note = match source.get("checkpoint", MAX_NOTE).map_err(unreadable)? {
        Answer::Bytes(note) => note,
        Answer::Refused(status) => {
            let why = format!(
                "there is no public checkpoint (the server answered {status}): the log is not \
                 signed or not public, or this is another address"
            );
            return Err(unreadable(why));
        }
    };
    let now = checkpoint::open(&note, keys).map_err(|flaw| broken("checkpoint", flaw))?;
    let place = "the checkpoint from before";
    let since = since.map(|note| kept::opened(note, keys)).transpose();
    let since = since.map_err(|flaw| broken(place, flaw))?;
    if let Some(old) = &since {
        kept::precedes(old, &now, "the log").map_err(|why| broken(place, why))?;
    }
    let mut follow = Follow {
        source,
        now,
        since,
        tree: Range::default(),
        rows: Vec::new(),
        order: Order::default(),
        refused: None,
    };
    follow.all()?;
    Ok(follow.seen())
}

fn broken(place: &str, reason: impl fmt::Display) -> Refusal {
    Refusal::Broken {
        place: place.to_owned(),
        seq: None,
        reason: reason.to_string(),
    }
}

fn unreadable(reason: String) -> Refusal {
    Refusal::Unreadable { reason }
}

/// The hashes of a level, as they follow from those below.
#[derive(Default)]
struct Row {
    bytes: Vec<u8>,
    range: Range,
    index: u64,
}

struct Follow<'s> {
    source: &'s mut dyn Source,
    now: Checkpoint,
    since: Option<Checkpoint>,
    tree: Range,
    rows: Vec<Row>,
    order: Order,
    refused: Option<u16>,
}

impl Follow<'_> {
    fn all(&mut self) -> Result<(), Refusal> {
        self.grown()?;
        while self.tree.size() < self.now.size {
            let first = self.tree.size();
            let width = WIDTH.min(self.now.size - first);
            let leaves = self.leaves(first / WIDTH, width)?;
            if self.refused.is_none() {
                self.entries(first, &leaves)?;
            }
            for leaf in leaves {
                self.tree.push(leaf);
                self.grown()?;
                self.rise(0, leaf)?;
            }
        }
        if self.tree.root() != self.now.root {
            let why = "the hashes do not give the root that the checkpoint states: an entry was \
                       changed after it was signed";
            return Err(broken("tile/0", why));
        }
        for level in 1..self.rows.len() {
            self.compare(level)?;
        }
        Ok(())
    }

    /// A tile, which the checkpoint says is there.
    fn tile(&mut self, tile: Tile, most: usize) -> Result<Vec<u8>, Refusal> {
        match self.source.get(&tile.to_string(), most) {
            Ok(Answer::Bytes(bytes)) => Ok(bytes),
            Ok(Answer::Refused(status)) => Err(unreadable(format!(
                "the server answered {status} for {tile}, which its checkpoint covers"
            ))),
            Err(why) => Err(unreadable(why)),
        }
    }

    fn leaves(&mut self, index: u64, width: u64) -> Result<Vec<Hash>, Refusal> {
        let tile = Tile {
            level: Level::Hashes(0),
            index,
            width,
        };
        let bytes = self.tile(tile, whole_tile())?;
        let (hashes, rest) = bytes.as_chunks::<32>();
        if !rest.is_empty() || u64::try_from(hashes.len()) != Ok(width) {
            let why = format!("it does not hold {width} hashes");
            return Err(broken(&tile.to_string(), why));
        }
        Ok(hashes.iter().copied().map(Hash).collect())
    }

    /// The entries under these hashes, unless the server keeps them to itself from the first on.
    fn entries(&mut self, first: u64, leaves: &[Hash]) -> Result<(), Refusal> {
        let tile = Tile {
            level: Level::Entries,
            index: first / WIDTH,
            width: u64::try_from(leaves.len()).unwrap_or(WIDTH),
        };
        let most = leaves.len() * (MAX_BYTES + 2);
        if first == 0 {
            let answer = self.source.get(&tile.to_string(), most);
            match answer.map_err(unreadable)? {
                Answer::Bytes(bytes) => return self.bundle(tile, &bytes, leaves),
                Answer::Refused(status) => self.refused = Some(status),
            }
            return Ok(());
        }
        let bytes = self.tile(tile, most)?;
        self.bundle(tile, &bytes, leaves)
    }

    fn bundle(&mut self, tile: Tile, bytes: &[u8], leaves: &[Hash]) -> Result<(), Refusal> {
        let texts = unbundle(bytes).map_err(|flaw| broken(&tile.to_string(), flaw))?;
        if texts.len() != leaves.len() {
            let why = format!("it does not hold {} entries", leaves.len());
            return Err(broken(&tile.to_string(), why));
        }
        for (seq, (text, leaf)) in tile.entries().zip(texts.into_iter().zip(leaves)) {
            self.entry(seq, text, *leaf)
                .map_err(|reason| Refusal::Broken {
                    place: tile.to_string(),
                    seq: Some(seq),
                    reason,
                })?;
        }
        Ok(())
    }

    fn entry(&mut self, seq: u64, text: &[u8], leaf: Hash) -> Result<(), String> {
        if leaf_hash(text) != leaf {
            return Err("it does not have the hash that the tree holds for it".to_owned());
        }
        let view = View::parse(text).map_err(|flaw| format!("the text is not an entry: {flaw}"))?;
        let mut facts = Facts::of(&view, leaf);
        if facts.seq != seq {
            return Err(format!("it calls itself entry {}", facts.seq));
        }
        self.order.time(&facts)?;
        self.order.content(&mut facts, true)
    }

    fn grown(&self) -> Result<(), Refusal> {
        match &self.since {
            Some(old) if old.size == self.tree.size() && old.root != self.tree.root() => {
                let why = format!(
                    "the first {} entries do not give its root: an entry that you knew was \
                     changed",
                    old.size
                );
                Err(broken("the checkpoint from before", why))
            }
            _ => Ok(()),
        }
    }

    /// Adds a hash to a level; a full tile of it must be served as it follows, and is a hash above.
    fn rise(&mut self, mut level: usize, mut node: Hash) -> Result<(), Refusal> {
        loop {
            if self.rows.len() == level {
                self.rows.push(Row::default());
            }
            let Some(row) = self.rows.get_mut(level) else {
                return Ok(());
            };
            row.bytes.extend_from_slice(node.as_bytes());
            row.range.push(node);
            if row.range.size() < WIDTH {
                return Ok(());
            }
            node = row.range.root();
            if level > 0 {
                self.compare(level)?;
            }
            if let Some(row) = self.rows.get_mut(level) {
                let index = row.index + 1;
                *row = Row {
                    index,
                    ..Row::default()
                };
            }
            level += 1;
        }
    }

    /// The server must serve a tile above the lowest as it follows from those below.
    fn compare(&mut self, level: usize) -> Result<(), Refusal> {
        let row = self.rows.get_mut(level).map(std::mem::take);
        let Some(row) = row.filter(|row| row.range.size() > 0) else {
            return Ok(());
        };
        let tile = Tile {
            level: Level::Hashes(u8::try_from(level).unwrap_or(u8::MAX)),
            index: row.index,
            width: row.range.size(),
        };
        let served = self.tile(tile, whole_tile())?;
        if served != row.bytes {
            let why = "it is not what follows from the hashes below it";
            return Err(broken(&tile.to_string(), why));
        }
        if let Some(place) = self.rows.get_mut(level) {
            *place = row;
        }
        Ok(())
    }

    fn seen(self) -> Seen {
        Seen {
            origin: self.now.origin.to_string(),
            size: self.now.size,
            root: self.now.root,
            since: self.since.map(|old| old.size),
            entries: self.refused.is_none(),
            refused: self.refused,
            histories: self.order.histories.told(),
        }
    }
}

/// The length of a full tile in bytes.
fn whole_tile() -> usize {
    usize::try_from(WIDTH).unwrap_or(256) * 32
}

#[cfg(test)]
mod tests {
    use super::super::super::checkpoint::sign;
    use super::super::super::key::SigningKey;
    use super::super::super::origin::Origin;
    use super::super::super::sample::Sample;
    use super::super::super::tiles::{all, bundle};
    use super::*;
    use std::collections::BTreeMap;

    fn key() -> SigningKey {
        SigningKey::from_seed(Origin::new("register.example/log").unwrap(), &[3; 32])
    }

    /// A server, as a map from paths to what lies there.
    #[derive(Clone)]
    struct Served(BTreeMap<String, Vec<u8>>);

    impl Source for Served {
        fn get(&mut self, path: &str, most: usize) -> Result<Answer, String> {
            Ok(match self.0.get(path) {
                Some(bytes) if bytes.len() <= most => Answer::Bytes(bytes.clone()),
                Some(_) => return Err("too long".to_owned()),
                None => Answer::Refused(404),
            })
        }
    }

    fn note(sample: &Sample, size: u64) -> Vec<u8> {
        let checkpoint = Checkpoint {
            origin: key().origin().clone(),
            size,
            root: sample.root(size),
        };
        sign(&checkpoint, &[&key()])
    }

    fn served(sample: &Sample) -> Served {
        let mut files = BTreeMap::new();
        files.insert("checkpoint".to_owned(), note(sample, sample.size()));
        for tile in all(sample.size()) {
            let bytes = match tile.level {
                Level::Hashes(_) => tile.hashes(&mut sample.read()).unwrap(),
                Level::Entries => {
                    let mut bytes = Vec::new();
                    for seq in tile.entries() {
                        bundle(&mut bytes, &sample.texts[seq as usize]).unwrap();
                    }
                    bytes
                }
            };
            files.insert(tile.to_string(), bytes);
        }
        Served(files)
    }

    fn look(served: &Served, since: Option<&[u8]>) -> Result<Seen, Refusal> {
        verify(&mut served.clone(), &[key().vkey()], since)
    }

    #[test]
    fn a_served_log_holds_and_has_grown() {
        for size in [0, 1, 255, 256, 257, 600] {
            let sample = Sample::of(size);
            let seen = look(&served(&sample), None).unwrap();
            assert_eq!((seen.size, seen.root), (size, sample.root(size)));
            assert!(seen.entries && seen.refused.is_none());
        }
        let sample = Sample::of(600);
        for old in [0, 1, 256, 600] {
            let seen = look(&served(&sample), Some(&note(&sample, old))).unwrap();
            assert_eq!(seen.since, Some(old));
        }
    }

    #[test]
    fn hashes_alone_are_checked_and_the_rest_is_said_not_to_be() {
        let sample = Sample::of(300);
        let mut served = served(&sample);
        served.0.retain(|path, _| !path.starts_with("tile/entries"));
        let seen = look(&served, None).unwrap();
        assert_eq!((seen.entries, seen.refused), (false, Some(404)));
        assert!(
            seen.to_string()
                .contains("Not checked: what the entries say")
        );
    }

    #[test]
    fn every_bit_that_is_served_counts() {
        let sample = Sample::of(600);
        let good = served(&sample);
        for (path, bytes) in &good.0 {
            for place in (0..bytes.len()).step_by(bytes.len() / 40 + 1) {
                let mut bad = good.clone();
                bad.0.get_mut(path).unwrap()[place] ^= 1;
                let refusal = look(&bad, None).unwrap_err();
                assert_eq!(refusal.exit_code(), 1, "{path}, byte {place}: {refusal}");
            }
            let mut shorter = good.clone();
            shorter.0.get_mut(path).unwrap().pop();
            assert!(look(&shorter, None).is_err(), "{path} cut");
            let mut gone = good.clone();
            gone.0.remove(path);
            match look(&gone, None) {
                Ok(seen) => assert!(path == "tile/entries/000" && !seen.entries),
                Err(refusal) => assert_eq!(refusal.exit_code(), 2, "{path} gone: {refusal}"),
            }
        }
    }

    #[test]
    fn a_log_that_was_written_anew_or_cut_contradicts_what_was_kept() {
        let sample = Sample::of(300);
        let mut other = Sample::of(100);
        other.push(b"of another log".to_vec());
        let told = look(&served(&sample), Some(&note(&other, 101))).unwrap_err();
        assert!(
            told.to_string()
                .contains("an entry that you knew was changed"),
            "{told}"
        );
        let told = look(&served(&Sample::of(200)), Some(&note(&sample, 300))).unwrap_err();
        assert!(
            told.to_string().contains("entries were taken away"),
            "{told}"
        );
        let stranger = SigningKey::from_seed(key().origin().clone(), &[4; 32]);
        let told = verify(&mut served(&sample), &[stranger.vkey()], None).unwrap_err();
        assert_eq!(told.exit_code(), 1);
    }
}

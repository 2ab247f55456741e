//! Checks a package in one pass, in memory bounded by its manifest and a few batches of entries.

use super::super::checkpoint::{self, Checkpoint};
use super::super::entry::MAX_BYTES;
use super::super::key::Vkey;
use super::super::parts::View;
use super::super::proof::Proof;
use super::super::tiles;
use super::super::tree::{Hash, Range, check_inclusion, leaf_hash};
use super::super::verify::crew::{self, Look, Work};
use super::super::verify::facts::{Facts, Odd, Order};
use super::super::verify::{Refusal, kept};
use super::expected::Tiles;
use super::private::{self, Promises, Values};
use super::report::Report;
use super::stream::{Lines, broken, matches, unread};
use super::{MANIFEST, MAX_KEYS, MAX_MANIFEST, Manifest, Part, README, checkpoint_name, hash, zip};
use sha2::{Digest, Sha256};
use std::io::{self, Read};
use std::iter::Peekable;

const ENTRIES: &str = "entries.jsonl";
/// The longest line of state or private values.
const LONGEST: usize = 16 << 20;
/// The longest of the small files.
const MAX_SMALL: u64 = 1 << 20;

/// What a package is asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked<'a> {
    /// The log's keys as the reader has them; none to take those in the package.
    pub keys: &'a [Vkey],
    /// A checkpoint from before, from which the log must have grown.
    pub since: Option<&'a [u8]>,
    /// What a package may ask of who checks it.
    pub bounds: Bounds,
}

/// What a package may ask of who checks it, beyond what its length tells.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// The longest manifest, in bytes.
    pub manifest: u64,
    /// Most checkpoints from before.
    pub checkpoints: usize,
    /// What to add to a refusal: where more is taken.
    pub beyond: &'static str,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds {
            manifest: MAX_MANIFEST,
            checkpoints: usize::MAX,
            beyond: "",
        }
    }
}

impl Bounds {
    fn too_much(&self, what: String) -> Refusal {
        let reason = format!("{what}{}", self.beyond);
        Refusal::Unreadable { reason }
    }
}

/// Somebody who looks on while a package is read.
pub trait Witness {
    /// The text of an entry that was found good.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in words.
    fn entry(&mut self, text: &[u8]) -> Result<(), String>;
    /// A line of the state, without its line feed.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in words.
    fn state(&mut self, line: &[u8]) -> Result<(), String>;
}

/// Nobody looks on.
impl Witness for () {
    fn entry(&mut self, _: &[u8]) -> Result<(), String> {
        Ok(())
    }
    fn state(&mut self, _: &[u8]) -> Result<(), String> {
        Ok(())
    }
}

/// Verifies a package.
///
/// # Errors
///
/// A [`Refusal`] that names the first bad file or entry, or says why there is nothing to verify.
pub fn verify(
    source: impl Read,
    asked: &Asked,
    witness: &mut dyn Witness,
) -> Result<Report, Refusal> {
    let mut zip = zip::Reader::new(source);
    let manifest = manifest(&mut zip, &asked.bounds)?;
    Pass {
        zip,
        asked,
        witness,
        files: manifest.files.iter().collect::<Vec<&Part>>().into_iter(),
        manifest: &manifest,
        tree: Range::default(),
        order: Order::default(),
        lines: Lines::new(0, 0),
        line: Vec::new(),
        cut: None,
        promises: Promises::default(),
        listed: Vec::new(),
        tiles: Tiles::default(),
        since: None,
        before: Vec::new().into_iter().peekable(),
        sealed: 0,
    }
    .run()
}

fn manifest<R: Read>(zip: &mut zip::Reader<R>, bounds: &Bounds) -> Result<Manifest, Refusal> {
    let head = zip
        .first(MANIFEST, MAX_MANIFEST)
        .map_err(unread(MANIFEST))?;
    let Some(head) = head else {
        return Err(Refusal::Unreadable {
            reason: "this is no package of a Countersign ledger: it does not begin with \
                     manifest.json as the export writes it"
                .to_owned(),
        });
    };
    if head.size > bounds.manifest {
        let most = bounds.manifest >> 20;
        return Err(bounds.too_much(format!("its manifest is longer than {most} MB")));
    }
    let mut text = Vec::new();
    let mut source = zip.source.by_ref().take(head.size);
    source.read_to_end(&mut text).map_err(unread(MANIFEST))?;
    if u64::try_from(text.len()) != Ok(head.size) {
        return Err(broken(MANIFEST, "the package breaks off here"));
    }
    if crc32fast::hash(&text) != head.crc {
        return Err(broken(MANIFEST, "it does not have its checksum"));
    }
    Manifest::read(&text).map_err(|why| broken(MANIFEST, why))
}

struct Pass<'a, R> {
    zip: zip::Reader<R>,
    asked: &'a Asked<'a>,
    witness: &'a mut dyn Witness,
    files: std::vec::IntoIter<&'a Part>,
    manifest: &'a Manifest,
    tree: Range,
    order: Order,
    /// What is left of the entries, the line at hand, and why they broke off.
    lines: Lines,
    line: Vec<u8>,
    cut: Option<Refusal>,
    promises: Promises,
    /// Of a part: numbers and leaf hashes, for the proofs that follow.
    listed: Vec<(u64, Hash)>,
    tiles: Tiles,
    since: Option<Checkpoint>,
    /// Sizes and roots of the package's checkpoints that are still ahead.
    before: Peekable<std::vec::IntoIter<(u64, Hash)>>,
    /// How many entries such a checkpoint was found to hold for.
    sealed: u64,
}

impl<R: Read> Work for Pass<'_, R> {
    type Look = Eyes;
    type Stop = Refusal;

    fn look(&self) -> Eyes {
        Eyes {
            promises: self.has_private(),
        }
    }

    fn fill(&mut self, lines: &mut crew::Lines) -> bool {
        while !lines.is_full() {
            let source = &mut self.zip.source;
            match self.lines.next(source, &mut self.line, ENTRIES) {
                Ok(true) => lines.push(&self.line),
                Ok(false) => return false,
                Err(refusal) => {
                    self.cut = Some(refusal);
                    return false;
                }
            }
        }
        true
    }

    fn take(&mut self, line: &[u8], seen: Seen) -> Result<(), Refusal> {
        let number = self.tree.size() + 1;
        self.entry(line, seen)
            .map_err(|(seq, reason)| Refusal::Broken {
                place: format!("{ENTRIES}, line {number}"),
                seq,
                reason,
            })?;
        self.grown()
    }
}

/// Looks at the entries of a package.
struct Eyes {
    /// Whether what they promise of private values is asked for.
    promises: bool,
}

struct Seen {
    facts: Result<Facts, Odd>,
    promise: Option<[u8; 32]>,
}

impl Look for Eyes {
    type Found = Seen;

    fn look(&mut self, text: &[u8]) -> Seen {
        match View::parse(text) {
            Ok(view) => Seen {
                facts: Ok(Facts::of(&view, leaf_hash(text))),
                promise: match self.promises && !view.private.is_empty() {
                    true => Some(private::promise(view.seq, &view.private)),
                    false => None,
                },
            },
            Err(flaw) => Seen {
                facts: Err((None, format!("the text is not an entry: {flaw}"))),
                promise: None,
            },
        }
    }
}

impl<R: Read> Pass<'_, R> {
    fn run(mut self) -> Result<Report, Refusal> {
        let readme = self.small("README.txt")?;
        if readme != README.as_bytes() {
            return Err(broken(
                "README.txt",
                "it is not the text that packages have",
            ));
        }
        let note = self.small("checkpoint")?;
        let keys = self.keys()?;
        let (checkpoint, signed_by) = self.checkpoint(&note, &keys)?;
        self.since = self.known(&checkpoint, &keys)?;
        let checkpoints = self.checkpoints(&checkpoint, keys)?;
        self.entries()?;
        match self.manifest.filter {
            None => self.whole(&checkpoint)?,
            Some(_) => self.part(&checkpoint, &note)?,
        }
        let private = self.has_private().then(|| self.private()).transpose()?;
        if let Some(odd) = self.files.next() {
            return Err(broken(&odd.name, "this file belongs into no package"));
        }
        let ended = self.zip.end().map_err(unread("the list of files"))?;
        if !ended {
            let why = "it is not as the export wrote it, or something follows the package";
            return Err(broken("the list of files", why));
        }
        Ok(Report {
            origin: checkpoint.origin.to_string(),
            count: self.manifest.count,
            size: checkpoint.size,
            root: checkpoint.root,
            filter: self.manifest.filter.clone(),
            trusted: !signed_by.is_empty() && !self.asked.keys.is_empty(),
            signed_by,
            since: self.since.map(|old| old.size),
            checkpoints,
            private,
            histories: self.order.histories.told(),
        })
    }

    /// The next file, which must have this name.
    fn begin(&mut self, name: &str) -> Result<Part, Refusal> {
        let part = self.files.next().filter(|part| part.name == name);
        let part =
            part.ok_or_else(|| broken(name, "the manifest does not list it in its place"))?;
        let right = self.zip.next(&part.head()).map_err(unread(name))?;
        if !right {
            let why = "it is not in its place in the zip with the size and sum of the manifest";
            return Err(broken(name, why));
        }
        Ok(part.clone())
    }

    fn small(&mut self, name: &str) -> Result<Vec<u8>, Refusal> {
        let part = self.begin(name)?;
        if part.size > MAX_SMALL {
            return Err(broken(name, "it is longer than such a file can be"));
        }
        let mut text = Vec::new();
        let mut source = self.zip.source.by_ref().take(part.size);
        source.read_to_end(&mut text).map_err(unread(name))?;
        if u64::try_from(text.len()) != Ok(part.size) {
            return Err(broken(name, "the package breaks off here"));
        }
        matches(&part, Sha256::digest(&text).into())?;
        Ok(text)
    }

    fn keys(&mut self) -> Result<Vec<Vkey>, Refusal> {
        let mut keys = Vec::new();
        loop {
            let name = format!("keys/{}.vkey", keys.len() + 1);
            let next = self.files.as_slice().first();
            if next.is_none_or(|part| part.name != name) {
                return Ok(keys);
            }
            if keys.len() >= MAX_KEYS {
                let why = format!("a package has at most {MAX_KEYS} keys");
                return Err(broken(&name, why));
            }
            let text = self.small(&name)?;
            let text = String::from_utf8(text).map_err(|_| broken(&name, "it is not text"))?;
            let key: Result<Vkey, _> = text.strip_suffix('\n').unwrap_or("").parse();
            keys.push(key.map_err(|flaw| broken(&name, flaw.to_string()))?);
        }
    }

    fn checkpoint(&self, note: &[u8], keys: &[Vkey]) -> Result<(Checkpoint, Vec<String>), Refusal> {
        let flaw = |why: String| broken("checkpoint", why);
        let unsigned = std::str::from_utf8(note).ok();
        let unsigned = unsigned.and_then(|text| Checkpoint::parse(text).ok());
        let (checkpoint, signed_by) = match unsigned {
            Some(_) if !self.asked.keys.is_empty() => {
                return Err(flaw("it is not signed, and a key was given".to_owned()));
            }
            Some(checkpoint) => (checkpoint, Vec::new()),
            None => {
                let trusted = match self.asked.keys {
                    [] => keys,
                    given => given,
                };
                let opened = checkpoint::open(note, trusted);
                let checkpoint = opened.map_err(|why| flaw(why.to_string()))?;
                let signed = |key: &&Vkey| checkpoint::open(note, &[(*key).clone()]).is_ok();
                let own = trusted.iter().filter(signed);
                (checkpoint, own.map(ToString::to_string).collect())
            }
        };
        if !self.manifest.says(&checkpoint) || hash(&self.manifest.root) != Some(checkpoint.root) {
            return Err(flaw(
                "the manifest states another log, size or root".to_owned(),
            ));
        }
        if self.manifest.filter.is_none() && self.manifest.count != checkpoint.size {
            return Err(flaw(format!(
                "it states {} entries, and the package says that it has {}",
                checkpoint.size, self.manifest.count
            )));
        }
        Ok((checkpoint, signed_by))
    }

    /// The checkpoints that were signed before, each in a file named by its size. Keys that were
    /// retired since came with the package: what these checkpoints say must follow from the entries
    /// besides.
    fn checkpoints(&mut self, now: &Checkpoint, mut keys: Vec<Vkey>) -> Result<u64, Refusal> {
        keys.extend(self.asked.keys.iter().cloned());
        let mut known: Vec<(u64, Hash)> = Vec::new();
        while let Some(name) = self.upcoming("checkpoints/") {
            if self.manifest.filter.is_some() {
                return Err(broken(&name, "only a whole log has checkpoints of before"));
            }
            let most = self.asked.bounds.checkpoints;
            if known.len() >= most {
                let what = format!("it has more than {most} checkpoints");
                return Err(self.asked.bounds.too_much(what));
            }
            let note = self.small(&name)?;
            let old = checkpoint::open(&note, &keys);
            let old = old.map_err(|flaw| broken(&name, flaw.to_string()))?;
            let last = known.last().map(|(size, _)| *size);
            if old.origin != now.origin || name != checkpoint_name(old.size) {
                return Err(broken(
                    &name,
                    "it is of another log or size than its place says",
                ));
            }
            if old.size > now.size || last >= Some(old.size) {
                return Err(broken(&name, "it is out of order, or beyond the log"));
            }
            known.push((old.size, old.root));
        }
        let count = u64::try_from(known.len()).unwrap_or(u64::MAX);
        self.before = known.into_iter().peekable();
        Ok(count)
    }

    /// The name of the next file, if it lies in this folder.
    fn upcoming(&self, folder: &str) -> Option<String> {
        let name = &self.files.as_slice().first()?.name;
        name.starts_with(folder).then(|| name.clone())
    }

    fn has_private(&self) -> bool {
        let last = self.manifest.files.last();
        last.is_some_and(|part| part.name == private::NAME)
    }

    /// The private values of the entries.
    fn private(&mut self) -> Result<Values, Refusal> {
        let part = self.begin(private::NAME)?;
        let mut lines = Lines::new(part.size, LONGEST);
        let (mut line, mut number) = (Vec::new(), 0_u64);
        let promises = std::mem::take(&mut self.promises);
        let mut opening = promises.opening();
        while lines.next(&mut self.zip.source, &mut line, private::NAME)? {
            number += 1;
            let taken = opening.line(&line);
            taken.map_err(|(seq, reason)| Refusal::Broken {
                place: format!("{}, line {number}", private::NAME),
                seq,
                reason,
            })?;
        }
        let values = opening.end().map_err(|(seq, reason)| Refusal::Broken {
            place: private::NAME.to_owned(),
            seq,
            reason,
        })?;
        matches(&part, lines.sum())?;
        Ok(values)
    }

    /// The checkpoint from before.
    fn known(&self, now: &Checkpoint, keys: &[Vkey]) -> Result<Option<Checkpoint>, Refusal> {
        let Some(note) = self.asked.since else {
            return Ok(None);
        };
        let place = "the checkpoint from before";
        if self.manifest.filter.is_some() {
            return Err(Refusal::Unreadable {
                reason: "a part of a log does not show how it grew: take a whole log".to_owned(),
            });
        }
        let trusted = match self.asked.keys {
            [] => keys,
            given => given,
        };
        let old = kept::opened(note, trusted).map_err(|why| broken(place, why.to_string()))?;
        kept::precedes(&old, now, "the package").map_err(|why| broken(place, why))?;
        Ok(Some(old))
    }

    fn entries(&mut self) -> Result<(), Refusal> {
        let part = self.begin(ENTRIES)?;
        self.lines = Lines::new(part.size, MAX_BYTES + 1);
        self.grown()?;
        crew::run(self)?;
        if let Some(refusal) = self.cut.take() {
            return Err(refusal);
        }
        let (number, stated) = (self.tree.size(), self.manifest.count);
        if number != stated {
            return Err(broken(
                ENTRIES,
                format!("it has {number} entries where {stated} are stated"),
            ));
        }
        matches(&part, self.lines.sum())
    }

    fn entry(&mut self, line: &[u8], seen: Seen) -> Result<(), Odd> {
        let Seen { facts, promise } = seen;
        let mut facts = facts?;
        let (seq, whole) = (facts.seq, self.manifest.filter.is_none());
        let wrong = |reason: String| (Some(seq), reason);
        let next = self.tree.size();
        if whole && seq != next {
            return Err(wrong(format!("it stands where entry {next} belongs")));
        }
        if self.order.last.is_some_and(|last| seq <= last) || seq >= self.manifest.size {
            return Err(wrong("it is out of order, or beyond the log".to_owned()));
        }
        self.order.time(&facts).map_err(wrong)?;
        self.order.content(&mut facts, whole).map_err(wrong)?;
        self.tree.push(facts.leaf);
        if whole {
            self.tiles.push(facts.leaf, line);
        } else {
            self.listed.push((seq, facts.leaf));
        }
        if let Some(promise) = promise {
            self.promises.add(promise);
        }
        self.witness.entry(line).map_err(wrong)
    }

    /// Where the log had a size that is known, it must have had that root.
    fn grown(&mut self) -> Result<(), Refusal> {
        let size = self.tree.size();
        match &self.since {
            Some(old) if old.size == size && old.root != self.tree.root() => {
                let why = format!(
                    "the first {size} entries do not give its root: an entry that you knew was \
                     changed"
                );
                return Err(broken("the checkpoint from before", why));
            }
            _ => {}
        }
        let Some((_, root)) = self.before.next_if(|(known, _)| *known == size) else {
            return Ok(());
        };
        if root != self.tree.root() {
            let (first, last) = (self.sealed, size.saturating_sub(1));
            let which = match first == last {
                true => format!("entry {first} was"),
                false => format!("of the entries {first} to {last} at least one was"),
            };
            let reason = format!(
                "the entries up to it do not give its root: {which} changed after it was signed"
            );
            return Err(Refusal::Broken {
                place: checkpoint_name(size),
                seq: (first == last).then_some(first),
                reason,
            });
        }
        self.sealed = size;
        Ok(())
    }

    fn whole(&mut self, checkpoint: &Checkpoint) -> Result<(), Refusal> {
        if self.tree.root() != checkpoint.root {
            let why = "the entries do not give the root that the checkpoint states: an entry was \
                       changed after it was written, or the checkpoint is of another log";
            return Err(broken("entries.jsonl", why));
        }
        let hashes = std::mem::take(&mut self.tiles).finish();
        for (tile, expected) in tiles::all(checkpoint.size).zip(hashes) {
            let name = tile.to_string();
            let part = self.begin(&name)?;
            let found = self.digest(&part)?;
            matches(&part, found)?;
            if found != expected {
                return Err(broken(&name, "it is not what follows from the entries"));
            }
        }
        let state = self.files.as_slice().first();
        if state.is_none_or(|part| part.name != "state.jsonl") {
            return Ok(());
        }
        self.state()
    }

    fn state(&mut self) -> Result<(), Refusal> {
        let name = "state.jsonl";
        let part = self.begin(name)?;
        let mut lines = Lines::new(part.size, LONGEST);
        let mut line = Vec::new();
        while lines.next(&mut self.zip.source, &mut line, name)? {
            self.witness.state(&line).map_err(|why| broken(name, why))?;
        }
        matches(&part, lines.sum())
    }

    fn digest(&mut self, part: &Part) -> Result<[u8; 32], Refusal> {
        let mut hash = Sha256::new();
        let mut source = self.zip.source.by_ref().take(part.size);
        let copied = io::copy(&mut source, &mut hash).map_err(unread(&part.name))?;
        if copied != part.size {
            return Err(broken(&part.name, "the package breaks off here"));
        }
        Ok(hash.finalize().into())
    }

    fn part(&mut self, checkpoint: &Checkpoint, note: &[u8]) -> Result<(), Refusal> {
        for (seq, leaf) in std::mem::take(&mut self.listed) {
            let name = format!("proofs/{seq}.tlog-proof");
            let text = self.small(&name)?;
            let wrong = |reason: String| Refusal::Broken {
                place: name.clone(),
                seq: Some(seq),
                reason,
            };
            let proof = Proof::parse(&text).map_err(|flaw| wrong(flaw.to_string()))?;
            if proof.text() != text || proof.seq != seq || proof.extra.is_some() {
                return Err(wrong(
                    "it is not spelled as the export writes it".to_owned(),
                ));
            }
            if proof.note != note {
                return Err(wrong("it leads to another checkpoint".to_owned()));
            }
            let Checkpoint { size, root, .. } = checkpoint;
            check_inclusion(&proof.path, seq, leaf, *size, *root).map_err(|_| {
                wrong(
                    "it does not show that this entry stands in the log: the entry was changed \
                     after it was written, or the proof is of another"
                        .to_owned(),
                )
            })?;
        }
        Ok(())
    }
}

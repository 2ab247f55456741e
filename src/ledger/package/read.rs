//! Checks a package in one pass, in memory bounded by its manifest and one entry.

use super::super::checkpoint::{self, Checkpoint};
use super::super::entry::{MAX_BYTES, View};
use super::super::histories::{Histories, Told};
use super::super::key::Vkey;
use super::super::proof::Proof;
use super::super::tiles::{self, WIDTH};
use super::super::tree::{Hash, Range, check_inclusion, leaf_hash};
use super::super::verify::Refusal;
use super::{MANIFEST, MAX_MANIFEST, Manifest, Part, README, hash, zip};
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::fmt;
use std::io::{self, Read};

/// The longest of the small files.
const MAX_SMALL: u64 = 1 << 20;
/// Bytes read at a time.
const PIECE: usize = 64 * 1024;

/// What a package is asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked<'a> {
    /// The log's keys as the reader has them; none to take those in the package.
    pub keys: &'a [Vkey],
    /// A checkpoint from before, from which the log must have grown.
    pub since: Option<&'a [u8]>,
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

/// What a package that holds shows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The name of the log.
    pub origin: String,
    /// The entries in the package.
    pub count: u64,
    /// The size of the log.
    pub size: u64,
    /// Its root.
    pub root: Hash,
    /// What the package was narrowed to; nothing for a whole log.
    pub filter: Option<Map<String, Value>>,
    /// The keys that signed the checkpoint.
    pub signed_by: Vec<String>,
    /// Whether those came from the reader and not from the package.
    pub trusted: bool,
    /// The size of the checkpoint from before from which it was shown to have grown.
    pub since: Option<u64>,
    /// Whether the histories of records are whole.
    pub histories: Told,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, size, origin) = (self.count, self.size, &self.origin);
        match &self.filter {
            None => writeln!(
                f,
                "Good: the package holds all {count} entries of {origin}."
            )?,
            Some(filter) => writeln!(
                f,
                "Good: the package holds {count} entries of {origin}, each proven to stand in it.\n\
                 It is a part; its filter is {}.",
                Value::Object(filter.clone())
            )?,
        }
        writeln!(f, "Size {size}, root {}.", self.root)?;
        if let Some(since) = self.since {
            writeln!(
                f,
                "It grew from the {since} entries that you knew; none of those changed."
            )?;
        }
        let Told {
            complete,
            with_gaps,
            ..
        } = self.histories;
        writeln!(
            f,
            "Records whose history has no gap up to its last entry here: {complete}; \
             with gaps: {with_gaps}."
        )?;
        match (self.signed_by.is_empty(), self.trusted) {
            (true, _) => write!(
                f,
                "Its checkpoint is not signed: compare size and root with what others hold."
            ),
            (false, true) => write!(f, "Its checkpoint is signed by the key you gave."),
            (false, false) => write!(
                f,
                "Its checkpoint is signed by a key that came with the package: compare {} with \
                 your own copy, or give it with --vkey.",
                self.signed_by.join(", ")
            ),
        }
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
    let manifest = manifest(&mut zip)?;
    Pass {
        zip,
        asked,
        witness,
        files: manifest.files.iter().collect::<Vec<&Part>>().into_iter(),
        manifest: &manifest,
        tree: Range::default(),
        histories: Histories::default(),
        last_at: String::new(),
        last_seq: None,
        listed: Vec::new(),
        tiles: Tiles::default(),
        since: None,
    }
    .run()
}

fn broken(place: &str, reason: impl Into<String>) -> Refusal {
    Refusal::Broken {
        place: place.to_owned(),
        seq: None,
        reason: reason.into(),
    }
}

fn unread(place: &str) -> impl Fn(io::Error) -> Refusal {
    move |error| match error.kind() {
        io::ErrorKind::UnexpectedEof => broken(place, "the package breaks off here"),
        _ => Refusal::Unreadable {
            reason: format!("the package cannot be read: {error}"),
        },
    }
}

fn manifest<R: Read>(zip: &mut zip::Reader<R>) -> Result<Manifest, Refusal> {
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
    let mut text = Vec::new();
    let mut source = zip.source.by_ref().take(head.size);
    source.read_to_end(&mut text).map_err(unread(MANIFEST))?;
    if u64::try_from(text.len()) != Ok(head.size) {
        return Err(broken(MANIFEST, "the package breaks off here"));
    }
    let mut crc = zip::Crc::default();
    crc.update(&text);
    if crc.value() != head.crc {
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
    histories: Histories,
    last_at: String,
    last_seq: Option<u64>,
    /// Of a part: numbers and leaf hashes, for the proofs that follow.
    listed: Vec<(u64, Hash)>,
    tiles: Tiles,
    since: Option<Checkpoint>,
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
        self.entries()?;
        match self.manifest.filter {
            None => self.whole(&checkpoint)?,
            Some(_) => self.part(&checkpoint, &note)?,
        }
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
            histories: self.histories.told(),
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
                let own = trusted
                    .iter()
                    .filter(|key| *key.name() == checkpoint.origin);
                (checkpoint.clone(), own.map(ToString::to_string).collect())
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
        let unsigned = std::str::from_utf8(note).ok();
        let unsigned = unsigned.and_then(|text| Checkpoint::parse(text).ok());
        let old = match unsigned {
            Some(old) => old,
            None => {
                checkpoint::open(note, trusted).map_err(|why| broken(place, why.to_string()))?
            }
        };
        if old.origin != now.origin {
            let why = format!("it is of {}, and the package of {}", old.origin, now.origin);
            return Err(broken(place, why));
        }
        if old.size > now.size {
            let why = format!(
                "it has {} entries, and the package only {}: entries were taken away",
                old.size, now.size
            );
            return Err(broken(place, why));
        }
        Ok(Some(old))
    }

    fn entries(&mut self) -> Result<(), Refusal> {
        let name = "entries.jsonl";
        let part = self.begin(name)?;
        let whole = self.manifest.filter.is_none();
        self.grown()?;
        let mut lines = Lines::new(part.size, MAX_BYTES + 1);
        let mut line = Vec::new();
        let mut number = 0_u64;
        while lines.next(&mut self.zip.source, &mut line, name)? {
            number += 1;
            self.entry(&line, whole)
                .map_err(|(seq, reason)| Refusal::Broken {
                    place: format!("{name}, line {number}"),
                    seq,
                    reason,
                })?;
            self.grown()?;
        }
        if number != self.manifest.count {
            let stated = self.manifest.count;
            return Err(broken(
                name,
                format!("it has {number} entries where {stated} are stated"),
            ));
        }
        matches(&part, lines.hash.finalize().into())
    }

    fn entry(&mut self, line: &[u8], whole: bool) -> Result<(), (Option<u64>, String)> {
        let view = View::parse(line)
            .map_err(|flaw| (None, format!("the text is not an entry: {flaw}")))?;
        let (seq, at) = (view.seq, view.at);
        let wrong = |reason: String| (Some(seq), reason);
        let next = self.tree.size();
        if whole && seq != next {
            return Err(wrong(format!("it stands where entry {next} belongs")));
        }
        if self.last_seq.is_some_and(|last| seq <= last) || seq >= self.manifest.size {
            return Err(wrong("it is out of order, or beyond the log".to_owned()));
        }
        if at < self.last_at.as_str() {
            return Err(wrong(format!(
                "its time {at} is before that of the one before it"
            )));
        }
        self.histories.take(view.subject, whole).map_err(wrong)?;
        let leaf = leaf_hash(line);
        self.last_seq = Some(seq);
        at.clone_into(&mut self.last_at);
        self.tree.push(leaf);
        if whole {
            self.tiles.push(leaf, line);
        } else {
            self.listed.push((seq, leaf));
        }
        self.witness
            .entry(line)
            .map_err(|reason| (Some(seq), reason))
    }

    /// Where the log had the size that was known, it must have had that root.
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
        const LONGEST: usize = 16 << 20;
        let name = "state.jsonl";
        let part = self.begin(name)?;
        let mut lines = Lines::new(part.size, LONGEST);
        let mut line = Vec::new();
        while lines.next(&mut self.zip.source, &mut line, name)? {
            self.witness.state(&line).map_err(|why| broken(name, why))?;
        }
        matches(&part, lines.hash.finalize().into())
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

fn matches(part: &Part, found: [u8; 32]) -> Result<(), Refusal> {
    match part.sha256 == hex::encode(found) {
        true => Ok(()),
        false => Err(broken(
            &part.name,
            "it does not have the SHA-256 of the manifest",
        )),
    }
}

/// Lines of a file of known length, each of bounded length.
struct Lines {
    left: u64,
    longest: usize,
    hash: Sha256,
    buffer: Vec<u8>,
    at: usize,
}

impl Lines {
    fn new(size: u64, longest: usize) -> Lines {
        Lines {
            left: size,
            longest,
            hash: Sha256::new(),
            buffer: Vec::new(),
            at: 0,
        }
    }

    /// The next line without its line feed; whether there is one.
    fn next(
        &mut self,
        source: &mut impl Read,
        line: &mut Vec<u8>,
        place: &str,
    ) -> Result<bool, Refusal> {
        line.clear();
        loop {
            let rest = self.buffer.get(self.at..).unwrap_or_default();
            if let Some(length) = rest.iter().position(|byte| *byte == b'\n') {
                line.extend_from_slice(rest.get(..length).unwrap_or_default());
                self.at += length + 1;
                return self.fits(line, place).map(|()| true);
            }
            line.extend_from_slice(rest);
            self.fits(line, place)?;
            if self.left == 0 {
                self.at = self.buffer.len();
                return match line.is_empty() {
                    true => Ok(false),
                    false => Err(broken(place, "its last line has no end")),
                };
            }
            self.fill(source, place)?;
        }
    }

    fn fits(&self, line: &[u8], place: &str) -> Result<(), Refusal> {
        match line.len() < self.longest {
            true => Ok(()),
            false => Err(broken(place, "a line is longer than such a line can be")),
        }
    }

    fn fill(&mut self, source: &mut impl Read, place: &str) -> Result<(), Refusal> {
        let piece = u64::try_from(PIECE).unwrap_or(u64::MAX).min(self.left);
        self.buffer
            .resize(usize::try_from(piece).unwrap_or(PIECE), 0);
        self.at = 0;
        source.read_exact(&mut self.buffer).map_err(unread(place))?;
        self.hash.update(&self.buffer);
        self.left -= piece;
        Ok(())
    }
}

/// What the tiles of a log must be, computed while its entries pass by: one hash a tile is kept.
#[derive(Default)]
struct Tiles {
    levels: Vec<Row>,
    bundle: Sha256,
    bundled: u64,
    bundles: Vec<[u8; 32]>,
}

#[derive(Default)]
struct Row {
    hash: Sha256,
    range: Range,
    done: Vec<[u8; 32]>,
}

impl Tiles {
    fn push(&mut self, leaf: Hash, text: &[u8]) {
        let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
        self.bundle.update(length.to_be_bytes());
        self.bundle.update(text);
        self.bundled += 1;
        if self.bundled == WIDTH {
            self.bundled = 0;
            self.bundles.push(self.bundle.finalize_reset().into());
        }
        let mut node = leaf;
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Row::default());
            }
            let Some(row) = self.levels.get_mut(level) else {
                return;
            };
            row.hash.update(node.as_bytes());
            row.range.push(node);
            if row.range.size() < WIDTH {
                return;
            }
            node = row.range.root();
            row.range = Range::default();
            row.done.push(row.hash.finalize_reset().into());
        }
    }

    /// The hash of every tile and bundle, in the order of [`tiles::all`].
    fn finish(mut self) -> Vec<[u8; 32]> {
        let mut all = Vec::new();
        for mut row in self.levels {
            if row.range.size() > 0 {
                row.done.push(row.hash.finalize_reset().into());
            }
            all.append(&mut row.done);
        }
        if self.bundled > 0 {
            self.bundles.push(self.bundle.finalize_reset().into());
        }
        all.append(&mut self.bundles);
        all
    }
}

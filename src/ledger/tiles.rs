//! The log as files that never change, in the layout of C2SP `tlog-tiles`: tiles of up to 256
//! hashes of the tree, and bundles of the entries under them.
//!
//! ```text
//! tile/0/x001/234          the 256 leaf hashes from entry 1234 × 256 on
//! tile/1/000.p/17          17 hashes, each over a full tile of level 0
//! tile/entries/001.p/44    44 entries from entry 256 on
//! ```

use super::entry::{Flaw, MAX_BYTES};
use super::tree::{self, Hash, MAX_SIZE, Read, TreeError};
use std::fmt;
use std::str::FromStr;

/// Hashes in a full tile, entries in a full bundle.
pub const WIDTH: u64 = 256;
/// The longest path that is looked at.
const MAX_PATH: usize = 100;
/// The last level a path may name.
const MAX_LEVEL: u8 = 63;

/// What a tile holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Hashes of subtrees over `256^level` entries.
    Hashes(u8),
    /// The entries themselves.
    Entries,
}

/// The address of a tile or bundle below the log's prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tile {
    /// What it holds.
    pub level: Level,
    /// Its number within the level.
    pub index: u64,
    /// How many hashes or entries it has, 1 to 256.
    pub width: u64,
}

impl Tile {
    /// How many entries one place of the tile spans; `None` beyond any tree.
    fn span(&self) -> Option<u64> {
        match self.level {
            Level::Entries => Some(1),
            Level::Hashes(level) => 1u64.checked_shl(u32::from(level).checked_mul(8)?),
        }
    }

    /// Its first place, counted along its level from 0.
    fn first(&self) -> Option<u64> {
        self.index.checked_mul(WIDTH)
    }

    /// Whether a tree of `size` entries has all of it.
    pub fn lies_within(&self, size: u64) -> bool {
        let end = self
            .first()
            .and_then(|first| first.checked_add(self.width))
            .zip(self.span())
            .and_then(|(end, span)| end.checked_mul(span));
        (1..=WIDTH).contains(&self.width) && end.is_some_and(|end| end <= size)
    }

    /// The sequence numbers of a bundle's entries.
    pub fn entries(&self) -> std::ops::Range<u64> {
        let first = self.first().unwrap_or(MAX_SIZE);
        first..first.saturating_add(self.width)
    }

    /// The hashes of a tile, one after the other.
    ///
    /// # Errors
    ///
    /// [`TreeError`] when `read` fails, or the tile lies beyond any tree.
    pub fn hashes<E>(&self, read: Read<'_, E>) -> Result<Vec<u8>, TreeError<E>> {
        let beyond = || TreeError::OutOfRange(self.to_string());
        let Level::Hashes(level) = self.level else {
            return Err(beyond());
        };
        if !self.lies_within(MAX_SIZE) {
            return Err(beyond());
        }
        let nodes = self
            .entries()
            .map(|place| tree::subtree_index(level.checked_mul(8)?, place))
            .collect::<Option<Vec<u64>>>()
            .ok_or_else(beyond)?;
        let hashes = tree::fetch(&nodes, read)?;
        Ok(hashes.iter().flat_map(Hash::as_bytes).copied().collect())
    }
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.level {
            Level::Entries => write!(f, "tile/entries/")?,
            Level::Hashes(level) => write!(f, "tile/{level}/")?,
        }
        let mut elements = vec![format!("{:03}", self.index % 1000)];
        let mut rest = self.index / 1000;
        while rest > 0 {
            elements.push(format!("x{:03}", rest % 1000));
            rest /= 1000;
        }
        elements.reverse();
        write!(f, "{}", elements.join("/"))?;
        if self.width == WIDTH {
            return Ok(());
        }
        write!(f, ".p/{}", self.width)
    }
}

impl FromStr for Tile {
    type Err = Flaw;

    /// Reads the one spelling that [`Tile`] displays.
    fn from_str(path: &str) -> Result<Tile, Flaw> {
        let tile = read_path(path).filter(|tile| tile.to_string() == path);
        tile.ok_or_else(|| Flaw::new("that is no path of a tile, such as tile/0/x001/234.p/5"))
    }
}

fn read_path(path: &str) -> Option<Tile> {
    let path = Some(path).filter(|path| path.len() <= MAX_PATH)?;
    let (level, place) = path.strip_prefix("tile/")?.split_once('/')?;
    let level = match level {
        "entries" => Level::Entries,
        level => Level::Hashes(level.parse().ok().filter(|level| *level <= MAX_LEVEL)?),
    };
    let (place, width) = match place.split_once(".p/") {
        Some((place, width)) => (
            place,
            width.parse().ok().filter(|w| (1..WIDTH).contains(w))?,
        ),
        None => (place, WIDTH),
    };
    let mut index = 0u64;
    for element in place.split('/') {
        let digits = element.trim_start_matches('x');
        let element = digits.parse::<u64>().ok().filter(|_| digits.len() == 3)?;
        index = index.checked_mul(1000)?.checked_add(element)?;
    }
    Some(Tile {
        level,
        index,
        width,
    })
}

/// Every tile and bundle of a tree of `size` entries, the bundles last: what a mirror holds.
pub fn all(size: u64) -> impl Iterator<Item = Tile> {
    let levels = (0..=MAX_LEVEL).map(Level::Hashes);
    let levels = levels.take_while(move |level| count(*level, size) > 0);
    let levels = levels.chain([Level::Entries]);
    levels.flat_map(move |level| {
        let places = count(level, size);
        (0..places.div_ceil(WIDTH)).map(move |index| Tile {
            level,
            index,
            width: places
                .saturating_sub(index.saturating_mul(WIDTH))
                .min(WIDTH),
        })
    })
}

/// How many places a level of a tree of this size has.
fn count(level: Level, size: u64) -> u64 {
    match level {
        Level::Entries => size,
        Level::Hashes(level) => size
            .checked_shr(u32::from(level).saturating_mul(8))
            .unwrap_or(0),
    }
}

/// Adds an entry to a bundle.
///
/// # Errors
///
/// A [`Flaw`] when it is longer than a bundle can say.
pub fn bundle(into: &mut Vec<u8>, entry: &[u8]) -> Result<(), Flaw> {
    let length = u16::try_from(entry.len())
        .map_err(|_| Flaw::new(format!("an entry is longer than {MAX_BYTES} bytes")))?;
    into.extend_from_slice(&length.to_be_bytes());
    into.extend_from_slice(entry);
    Ok(())
}

/// The entries of a bundle.
///
/// # Errors
///
/// A [`Flaw`] when it breaks off, or holds none or more than 256.
pub fn unbundle(mut bundle: &[u8]) -> Result<Vec<&[u8]>, Flaw> {
    let broken = || Flaw::new("an entry bundle breaks off within an entry");
    let mut entries = Vec::new();
    while let Some((length, rest)) = bundle.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes(*length));
        let (entry, rest) = rest.split_at_checked(length).ok_or_else(broken)?;
        entries.push(entry);
        bundle = rest;
    }
    if !bundle.is_empty() {
        return Err(broken());
    }
    let most = usize::try_from(WIDTH).unwrap_or(usize::MAX);
    if entries.is_empty() || entries.len() > most {
        return Err(Flaw::new(
            "an entry bundle holds none or more than 256 entries",
        ));
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::super::sample::{Sample, shared};
    use super::*;
    use proptest::prelude::*;

    fn tile(level: u8, index: u64, width: u64) -> Tile {
        Tile {
            level: Level::Hashes(level),
            index,
            width,
        }
    }

    fn entries(index: u64, width: u64) -> Tile {
        Tile {
            level: Level::Entries,
            index,
            width,
        }
    }

    #[test]
    fn a_tile_has_the_path_that_the_specification_gives_it() {
        for (tile, path) in [
            (tile(0, 0, 256), "tile/0/000"),
            (tile(1, 0, 17), "tile/1/000.p/17"),
            (tile(63, 999, 1), "tile/63/999.p/1"),
            (tile(0, 1_234_067, 256), "tile/0/x001/x234/067"),
            (tile(0, 1000, 255), "tile/0/x001/000.p/255"),
            (entries(1, 44), "tile/entries/001.p/44"),
        ] {
            assert_eq!(tile.to_string(), path);
            assert_eq!(path.parse::<Tile>().unwrap(), tile);
        }
    }

    #[test]
    fn no_other_path_leads_to_a_tile() {
        let long = format!("tile/0/{}000", "x001/".repeat(30));
        for path in [
            "",
            "tile",
            "tile/",
            "tile/0",
            "tile/0/",
            "tile/0/0",
            "tile/0/00",
            "tile/0/0000",
            "tile/00/000",
            "tile/64/000",
            "tile/-1/000",
            "tile/+1/000",
            "tile/x/000",
            "tile/0/x000/001",
            "tile/0/001/000",
            "tile/0/x001",
            "tile/0/xx01/000",
            "tile/0/000.p",
            "tile/0/000.p/",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/01",
            "tile/0/000.p/+1",
            "tile/0/000.p/1/2",
            "tile/0/000/",
            "/tile/0/000",
            "tile/0/../000",
            "tile/entries/../../etc",
            "tile/data/000",
            "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
            &long,
            "tile/0/٠٠٠",
        ] {
            assert!(path.parse::<Tile>().is_err(), "{path}");
        }
    }

    #[test]
    fn a_tree_of_seventy_thousand_entries_has_the_tiles_of_the_specification() {
        let of = |level| all(70_000).filter(move |tile| tile.level == level);
        let zero: Vec<Tile> = of(Level::Hashes(0)).collect();
        assert_eq!((zero.len(), zero[273]), (274, tile(0, 273, 112)));
        assert!(zero[..273].iter().all(|tile| tile.width == 256));
        let one: Vec<Tile> = of(Level::Hashes(1)).collect();
        assert_eq!(one, [tile(1, 0, 256), tile(1, 1, 17)]);
        assert_eq!(of(Level::Hashes(2)).collect::<Vec<_>>(), [tile(2, 0, 1)]);
        assert_eq!(of(Level::Hashes(3)).count(), 0);
        assert_eq!(of(Level::Entries).count(), 274);
        assert!(all(70_000).all(|tile| tile.lies_within(70_000)));
        let full: Vec<Tile> = all(256).collect();
        assert_eq!(full, [tile(0, 0, 256), tile(1, 0, 1), entries(0, 256)]);
        assert_eq!(all(0).count(), 0);
    }

    #[test]
    fn what_a_tree_does_not_have_lies_outside_of_it() {
        assert!(tile(0, 1, 44).lies_within(300) && tile(0, 1, 1).lies_within(300));
        assert!(!tile(0, 1, 45).lies_within(300) && !tile(0, 1, 256).lies_within(300));
        assert!(tile(1, 0, 1).lies_within(300) && !tile(1, 0, 2).lies_within(300));
        assert!(!tile(63, 0, 1).lies_within(u64::MAX));
        assert!(!tile(0, u64::MAX, 256).lies_within(u64::MAX));
        assert!(!entries(0, 0).lies_within(300) && !entries(0, 257).lies_within(300));
        let mut none = |_: &[u64]| Err("no nodes");
        assert!(matches!(
            tile(0, 0, 1).hashes(&mut none),
            Err(TreeError::Read("no nodes"))
        ));
        for beyond in [
            tile(7, 0, 1),
            tile(63, 0, 1),
            tile(0, u64::MAX, 1),
            entries(0, 1),
        ] {
            assert!(matches!(
                beyond.hashes(&mut none),
                Err(TreeError::OutOfRange(_))
            ));
        }
    }

    #[test]
    fn the_tiles_of_the_toy_log_are_those_of_its_entries() {
        let Some(toy) = shared("vectors/our-toy") else {
            return;
        };
        let texts = std::fs::read_to_string(toy.join("entries.jsonl")).unwrap();
        let mut sample = Sample::default();
        texts
            .lines()
            .for_each(|line| sample.push(line.as_bytes().to_vec()));
        assert_same_files(&sample, &toy.join("tiles"));
    }

    #[test]
    fn the_tiles_of_tessera_are_those_of_its_entries() {
        let Some(log) = shared("vectors/tessera/testdata/log") else {
            return;
        };
        let mut sample = Sample::default();
        for name in "one two three four five six seven eit nain ten ileven twelf threeten \
                     fourten fivten"
            .split_whitespace()
        {
            sample.push(name.as_bytes().to_vec());
            assert_same_files(&sample, &log);
        }
    }

    fn assert_same_files(sample: &Sample, folder: &std::path::Path) {
        for tile in all(sample.size()) {
            let theirs = std::fs::read(folder.join(tile.to_string())).unwrap();
            let texts = sample.texts.iter().map(Vec::as_slice);
            let texts: Vec<&[u8]> = texts
                .skip(usize::try_from(tile.index * WIDTH).unwrap())
                .take(usize::try_from(tile.width).unwrap())
                .collect();
            if tile.level == Level::Entries {
                let mut ours = Vec::new();
                texts
                    .iter()
                    .for_each(|text| bundle(&mut ours, text).unwrap());
                assert_eq!(ours, theirs, "{tile}");
                assert_eq!(unbundle(&theirs).unwrap(), texts);
            } else {
                assert_eq!(tile.hashes(&mut sample.read()).unwrap(), theirs, "{tile}");
            }
        }
    }

    #[test]
    fn a_bundle_that_breaks_off_is_refused() {
        let mut good = Vec::new();
        bundle(&mut good, b"first").unwrap();
        bundle(&mut good, b"").unwrap();
        bundle(&mut good, b"third").unwrap();
        assert_eq!(unbundle(&good).unwrap(), [&b"first"[..], b"", b"third"]);
        for end in 0..good.len() {
            let whole = [7, 9].contains(&end);
            assert_eq!(unbundle(&good[..end]).is_ok(), whole, "cut at {end}");
        }
        assert!(unbundle(&[0; 2 * 257]).is_err() && unbundle(&[0; 2 * 256]).is_ok());
        assert!(bundle(&mut good, &[0; 65_536]).is_err());
    }

    proptest! {
        #[test]
        fn whatever_path_reads_back_is_the_one_that_is_written(path: String, n: u64) {
            for path in [path.clone(), format!("tile/0/{path}"), format!("tile/0/{n}")] {
                if let Ok(tile) = path.parse::<Tile>() {
                    prop_assert_eq!(tile.to_string(), path);
                }
            }
            let tile = tile(0, n, 1 + n % 256);
            if let Ok(read) = tile.to_string().parse::<Tile>() {
                prop_assert_eq!(read, tile);
            }
        }
    }
}

//! The tiles of a log, as they must be.

use super::super::tiles::WIDTH;
use super::super::tree::{Hash, Range};
use sha2::{Digest, Sha256};

/// What the tiles of a log must be, computed while its entries pass by: one hash a tile is kept.
#[derive(Default)]
pub struct Tiles {
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
    /// Takes the next entry.
    pub fn push(&mut self, leaf: Hash, text: &[u8]) {
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

    /// The hash of every tile and bundle, in the order of [`all`](super::super::tiles::all).
    pub fn finish(mut self) -> Vec<[u8; 32]> {
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

//! A small ledger in memory, as the tests of this room need it.

use super::entry::{Draft, Method, Stamp, Via, commitment};
use super::export::{Opened, Writer};
use super::tree::{self, Hash};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use uuid::{Builder, Uuid};

/// Texts and nodes, as the database would hold them.
#[derive(Default, Clone)]
pub(super) struct Sample {
    pub(super) texts: Vec<Vec<u8>>,
    pub(super) nodes: Vec<Hash>,
    range: tree::Range,
}

pub(super) fn id(n: u64) -> Uuid {
    Builder::from_unix_timestamp_millis(1_795_000_000_000 + n, &[7; 10]).into_uuid()
}

pub(super) fn stamp(n: u64) -> Stamp {
    let seconds = i64::try_from(1_795_000_000 + n / 2).unwrap();
    let at = Timestamp::from_second(seconds).unwrap();
    Stamp {
        seq: n,
        id: id(n),
        at,
        salt: [u8::try_from(n % 251).unwrap(); 16],
    }
}

pub(super) fn opened(n: u64) -> Vec<Opened> {
    let salt = [u8::try_from(n % 251).unwrap(); 32];
    let value = |text: &str| format!("{text} \u{1f512} \"{n}\"\n=1+1");
    vec![
        Opened {
            name: "comment".to_owned(),
            salt,
            value: value("Straße"),
        },
        Opened {
            name: "reason".to_owned(),
            salt,
            value: value("tested\\by hand"),
        },
    ]
}

pub(super) fn draft(n: u64) -> Draft {
    let via = Via::new(Method::EmailLink, "link");
    let mut draft = Draft::new("decision.recorded", id(900 + n % 3).to_string(), via)
        .subject("record", id(700).to_string())
        .subject("record_seq", n + 1)
        .subject("reference", "AI-2026-0042")
        .subject("revision", n)
        .data("outcome", "approve")
        .data("roles", json!(["legal", "security"]))
        .data(
            "quorum",
            json!({"needed": 2, "reached": n.is_multiple_of(2)}),
        );
    for Opened { name, salt, value } in opened(n) {
        draft = draft.private(&name, commitment(&salt, &name, value.as_bytes()));
    }
    draft
}

impl Sample {
    pub(super) fn of(size: u64) -> Self {
        let mut sample = Sample::default();
        for n in 0..size {
            sample.push(draft(n).seal(&stamp(n)).unwrap());
        }
        sample
    }

    pub(super) fn push(&mut self, text: Vec<u8>) {
        for (index, hash) in self.range.grow(tree::leaf_hash(&text)) {
            assert_eq!(
                index,
                self.nodes.len() as u64,
                "nodes are added, never changed"
            );
            self.nodes.push(hash);
        }
        self.texts.push(text);
    }

    pub(super) fn size(&self) -> u64 {
        self.texts.len() as u64
    }

    pub(super) fn read(&self) -> impl FnMut(&[u64]) -> Result<Vec<Hash>, Infallible> + use<> {
        let nodes = self.nodes.clone();
        move |wanted| {
            Ok(wanted
                .iter()
                .map(|n| nodes[usize::try_from(*n).unwrap()])
                .collect())
        }
    }

    pub(super) fn root(&self, size: u64) -> Hash {
        tree::root(size, &mut self.read()).unwrap()
    }

    pub(super) fn leaf(&self, n: u64) -> Hash {
        self.nodes[usize::try_from(tree::leaf_index(n).unwrap()).unwrap()]
    }

    /// The whole ledger as a file; every eighth entry shows its private values.
    pub(super) fn export(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(Writer::complete(&mut out), |_| true);
        out
    }

    /// The entries with an even number, and the last one.
    pub(super) fn export_even(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let filter = json!({"outcome": "approve", "search": "Straße \"x\""});
        let filter: Map<String, Value> = filter.as_object().unwrap().clone();
        let size = self.size();
        self.write(Writer::partial(&mut out, filter), |n| {
            n % 2 == 0 || n + 1 == size
        });
        out
    }

    fn write(&self, mut writer: Writer<&mut Vec<u8>>, wanted: impl Fn(u64) -> bool) {
        for (n, text) in (0..).zip(&self.texts).filter(|(n, _)| wanted(*n)) {
            let private = if n % 8 == 2 { opened(n) } else { Vec::new() };
            writer.entry(text, self.leaf(n), &private).unwrap();
        }
        writer.finish(self.size(), self.root(self.size())).unwrap();
    }
}

/// A place among the public test vectors, which are not part of this repository: beside the
/// checkout, or where the variable `SHARED_DATA` says. Without it the tests that need it say so
/// and pass.
#[cfg(test)]
pub(super) fn shared(below: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let shared = std::env::var_os("SHARED_DATA").map_or_else(beside, PathBuf::from);
    if !shared.is_dir() {
        let place = shared.display();
        println!("skipped: there is no directory {place} with test vectors");
        return None;
    }
    Some(shared.join(below))
}

//! The state that a package states, held against its own entries.
use crate::ledger::entry::Entry;
use crate::ledger::package::Witness;
use crate::replay::entries::Replay;
use crate::replay::{Key, Snapshot, Thing, compare};
use crate::rules::KINDS;
use serde_json::{Map, Value};

/// Things by name, as a package may state them.
const THINGS: [&str; 31] = [
    "absence",
    "answer",
    "appointment",
    "calendar",
    "calendar_link",
    "condition",
    "decision",
    "draft",
    "erased_value",
    "erasure",
    "evidence",
    "file",
    "hold",
    "holding",
    "join",
    "join_limit",
    "oversight_arrangement",
    "oversight_sample",
    "person",
    "record",
    "retention",
    "review",
    "revision",
    "risk_assessment",
    "risk_escalation",
    "test",
    "token",
    "vendor_change",
    "vendor_change_case",
    "waiver",
    "workflow",
];

/// Every thing by name, those of rules among them.
pub(super) fn things() -> impl Iterator<Item = &'static str> {
    let of_rules = KINDS.iter().flat_map(|kind| [kind.word, kind.draft_word]);
    THINGS.into_iter().chain(of_rules)
}

/// Looks on while a package is read, and replays it.
#[derive(Debug, Default)]
pub struct Replaying {
    replay: Replay,
    stated: Snapshot,
}

impl Replaying {
    /// How many things the package states, when they are what follows from its entries.
    ///
    /// # Errors
    /// The first difference, as a sentence.
    pub fn end(self) -> Result<usize, String> {
        if self.stated.is_empty() {
            return Err("the package states no state: export it with --state".to_owned());
        }
        let entries = self.replay.snapshot();
        match compare(&entries, &self.stated) {
            None => Ok(self.stated.len()),
            Some(first) => Err(first.to_string()),
        }
    }
}

impl Witness for Replaying {
    fn entry(&mut self, text: &[u8]) -> Result<(), String> {
        let entry = Entry::parse(text).map_err(|flaw| flaw.to_string())?;
        self.replay.take(&entry)
    }

    fn state(&mut self, line: &[u8]) -> Result<(), String> {
        let read = |_| "a line is no JSON object".to_owned();
        let mut fields: Map<String, Value> = serde_json::from_slice(line).map_err(read)?;
        let thing = fields.remove("thing");
        let thing = thing.as_ref().and_then(Value::as_str).unwrap_or("");
        let known = things().find(|known| *known == thing);
        let known = known.ok_or_else(|| format!("there is no thing called {thing:?}"))?;
        let id = fields.remove("id");
        let id = id.as_ref().and_then(Value::as_str).unwrap_or("");
        let key = Key::new(known, id);
        let thing = Thing { fields, last: None };
        match self.stated.insert(key, thing) {
            None => Ok(()),
            Some(_) => Err(format!("{known} {id} is stated twice")),
        }
    }
}

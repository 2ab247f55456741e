//! Views: the decision log in the forms that other programs take. None of them is evidence by
//! itself: each row or line names its entry and leaf hash, by which it is held against the log.
//!
//! - `xlsx`: workbooks for spreadsheets.
//! - `ocsf`: events of the Open Cybersecurity Schema Framework, one a line.
//! - `cef`: lines of the Common Event Format.
//!
//! What watches security gets what stands in the entries and nothing beside them, so no name and no
//! reason leaves the register that way.

pub mod cef;
pub mod ocsf;
pub mod xlsx;

use super::entry::{Entry, SYSTEM};
use super::tree::Hash;
use serde_json::Value;
use std::borrow::Cow;

/// What views call the program.
const PRODUCT: &str = "Countersign";
/// Its version.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// An entry on its way into a view.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    /// The entry.
    pub entry: &'a Entry,
    /// Its exact text.
    pub text: &'a str,
    /// The leaf hash that the ledger's tree holds for it.
    pub leaf: Hash,
    /// The name of the log; nothing where it is not signed.
    pub log: Option<&'a str>,
}

impl<'a> Shown<'a> {
    /// What of the subject has this name, as text.
    fn subject(&self, name: &str) -> Option<Cow<'a, str>> {
        self.entry.subject.get(name).map(plain)
    }

    /// What was decided, for what has an outcome.
    fn outcome(&self) -> Option<&'a str> {
        self.entry.data.get("outcome").and_then(Value::as_str)
    }

    fn name(&self) -> String {
        in_words(&self.entry.kind)
    }

    /// The noun of its kind: `decision` of `decision.recorded`.
    fn noun(&self) -> &'a str {
        let kind = &self.entry.kind;
        kind.split_once('.').map_or(kind, |(noun, _)| noun)
    }

    /// Whether somebody who watches should look at it: rules were set aside, or the log itself was
    /// touched.
    fn is_grave(&self) -> bool {
        let grave = [
            "override.granted",
            "person.erased",
            "values.erased",
            "log.continued",
        ];
        grave.contains(&self.entry.kind.as_str())
    }

    fn by_person(&self) -> bool {
        self.entry.actor != SYSTEM
    }
}

/// A kind in words: `decision.recorded` is "Decision recorded".
pub fn in_words(kind: &str) -> String {
    let words = kind.replace(['.', '_'], " ");
    let mut letters = words.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

fn plain(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::entry::{Draft, Method, Stamp, Via};
    use serde_json::json;

    /// The eighth entry of a log: what `p7` did in a session, and its exact text.
    pub(super) fn entry_of(kind: &str, subject: Value, data: Value) -> (Entry, String) {
        let mut draft = Draft::new(kind, "p7", Via::new(Method::Session, "mailed_link"));
        for (name, value) in subject.as_object().unwrap() {
            draft = draft.subject(name, value.clone());
        }
        for (name, value) in data.as_object().unwrap() {
            draft = draft.data(name, value.clone());
        }
        let stamp = Stamp {
            seq: 7,
            id: uuid::Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0007),
            at: "2026-11-23T10:00:00Z".parse().unwrap(),
            salt: [7; 16],
        };
        let text = draft.seal(&stamp).unwrap();
        let entry = Entry::parse(&text).unwrap();
        (entry, String::from_utf8(text).unwrap())
    }

    #[test]
    fn kinds_are_told_in_words() {
        let (entry, text) = entry_of("condition.evidence_given", json!({}), json!({}));
        let shown = Shown {
            entry: &entry,
            text: &text,
            leaf: Hash::EMPTY,
            log: None,
        };
        assert_eq!(shown.name(), "Condition evidence given");
        assert_eq!(shown.noun(), "condition");
    }
}

//! Looking into a schema and noting what is wrong with it.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::form::{SchemaProblem, text};

pub(super) type Problems = Vec<SchemaProblem>;

/// An object in the schema and where it stands.
pub(super) struct Node<'a> {
    pub(super) at: String,
    pub(super) map: &'a Map<String, Value>,
}

impl<'a> Node<'a> {
    pub(super) fn of(at: &str, value: &'a Value, problems: &mut Problems) -> Option<Node<'a>> {
        let map = value.as_object();
        if map.is_none() {
            note(problems, at, "this must be an object");
        }
        map.map(|map| Node {
            at: at.to_owned(),
            map,
        })
    }

    pub(super) fn note(&self, message: impl Into<String>, problems: &mut Problems) {
        note(problems, &self.at, message);
    }

    pub(super) fn only(&self, allowed: &[&[&str]], problems: &mut Problems) {
        let known = |key: &str| allowed.iter().any(|keys| keys.contains(&key));
        for key in self.map.keys().filter(|key| !known(key)) {
            let names: Vec<_> = allowed.iter().copied().flatten().copied().collect();
            let message = format!("is not available here; there are {}", names.join(", "));
            note(
                problems,
                &format!("{}/{}", self.at, pointer_part(key)),
                message,
            );
        }
    }

    pub(super) fn must_be(&self, key: &str, right: &Value, problems: &mut Problems) {
        if self.map.get(key) != Some(right) {
            self.note(format!("`{key}` must be {right}"), problems);
        }
    }

    pub(super) fn take<T: DeserializeOwned>(
        &self,
        key: &str,
        what: &str,
        problems: &mut Problems,
    ) -> Option<T> {
        let value = self.map.get(key)?;
        let taken = serde_json::from_value(value.clone()).ok();
        if taken.is_none() {
            note(
                problems,
                &format!("{}/{key}", self.at),
                format!("must be {what}"),
            );
        }
        taken
    }

    /// Words for people: not blank, on one line, nothing that cannot be shown.
    pub(super) fn sentence(&self, key: &str, problems: &mut Problems) -> Option<String> {
        let words = self.take::<String>(key, "text", problems)?;
        if words.trim().is_empty() || text::fault(&words, false).is_some() {
            let message = "must be words on one line".to_owned();
            note(problems, &format!("{}/{key}", self.at), message);
        }
        Some(words)
    }

    pub(super) fn needed(&self, key: &str, problems: &mut Problems) -> Option<String> {
        if !self.map.contains_key(key) {
            self.note(format!("`{key}` is missing"), problems);
        }
        self.sentence(key, problems)
    }

    pub(super) fn words_for(
        &self,
        key: &str,
        values: &[String],
        problems: &mut Problems,
    ) -> BTreeMap<String, String> {
        let Some(value) = self.map.get(key) else {
            return BTreeMap::new();
        };
        let Some(node) = Node::of(&format!("{}/{key}", self.at), value, problems) else {
            return BTreeMap::new();
        };
        let names: Vec<&str> = values.iter().map(String::as_str).collect();
        node.only(&[&names], problems);
        let word = |name: &String| Some((name.clone(), node.sentence(name, problems)?));
        node.map.keys().filter_map(word).collect()
    }
}

pub(super) fn note(problems: &mut Problems, pointer: &str, message: impl Into<String>) {
    problems.push(SchemaProblem {
        pointer: pointer.to_owned(),
        message: message.into(),
    });
}

pub(super) fn pointer_part(name: &str) -> String {
    text::shortened(name, 80)
        .replace('~', "~0")
        .replace('/', "~1")
}

pub(super) fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    name.len() <= 63
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(plain)
}

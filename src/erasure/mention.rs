//! Where a text mentions a person, and the text without that. Pure.
use serde_json::Value;

/// What stands where a person was mentioned.
pub const TAKEN_OUT: &str = "[erased]";

/// What a person is mentioned by.
#[derive(Debug, Clone)]
pub struct Mention(Vec<Vec<char>>);

impl Mention {
    /// The address, and the name when it has several words: a single word means too many things.
    pub fn of(address: &str, name: &str) -> Mention {
        let name = name.trim();
        let name = name.contains(' ').then_some(name);
        let needles = [Some(address), name].into_iter().flatten();
        Mention(
            needles
                .map(|needle| needle.chars().flat_map(char::to_lowercase).collect())
                .collect(),
        )
    }

    /// The texts that the database should look for, in small letters.
    pub fn needles(&self) -> Vec<String> {
        self.0
            .iter()
            .map(|needle| needle.iter().collect())
            .collect()
    }

    /// Whether the text mentions the person.
    pub fn is_in(&self, text: &str) -> bool {
        self.without(text).is_some()
    }

    /// The text without the person; nothing when it does not mention them.
    pub fn without(&self, text: &str) -> Option<String> {
        let mut left = String::with_capacity(text.len());
        let (mut rest, mut before, mut found) = (text, None, false);
        while let Some(sign) = rest.chars().next() {
            match self.at_start(rest, before) {
                Some(after) => {
                    left.push_str(TAKEN_OUT);
                    rest = after;
                    before = Some(']');
                    found = true;
                }
                None => {
                    left.push(sign);
                    rest = rest.get(sign.len_utf8()..).unwrap_or_default();
                    before = Some(sign);
                }
            }
        }
        found.then_some(left)
    }

    /// What follows when the text begins with the person, as a word of its own.
    fn at_start<'t>(&self, text: &'t str, before: Option<char>) -> Option<&'t str> {
        if before.is_some_and(char::is_alphanumeric) {
            return None;
        }
        self.0.iter().find_map(|needle| {
            let after = strip(text, needle)?;
            let next = after.chars().next();
            (!next.is_some_and(char::is_alphanumeric)).then_some(after)
        })
    }

    /// The document without the person, and which fields that changed; nothing when none did.
    pub fn without_in(&self, document: &Value) -> Option<(Value, Vec<String>)> {
        let fields = document.as_object()?;
        let mut changed = Vec::new();
        let mut left = fields.clone();
        for (name, value) in &mut left {
            if self.take_out(value) {
                changed.push(name.clone());
            }
        }
        (!changed.is_empty()).then_some((Value::Object(left), changed))
    }

    fn take_out(&self, value: &mut Value) -> bool {
        match value {
            Value::String(text) => match self.without(text) {
                Some(left) => {
                    *text = left;
                    true
                }
                None => false,
            },
            Value::Array(items) => {
                let changed = items.iter_mut().map(|item| self.take_out(item));
                changed.fold(false, |any, one| any | one)
            }
            Value::Object(fields) => {
                let changed = fields.values_mut().map(|item| self.take_out(item));
                changed.fold(false, |any, one| any | one)
            }
            _ => false,
        }
    }
}

/// What follows `needle`, whatever the case of letters.
fn strip<'t>(text: &'t str, needle: &[char]) -> Option<&'t str> {
    let mut wanted = needle.iter();
    let mut rest = text;
    loop {
        if wanted.as_slice().is_empty() {
            return Some(rest);
        }
        let sign = rest.chars().next()?;
        for small in sign.to_lowercase() {
            if wanted.next() != Some(&small) {
                return None;
            }
        }
        rest = rest.get(sign.len_utf8()..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ann() -> Mention {
        Mention::of("ann@example.org", "Ann Ürsula Lee")
    }

    #[test]
    fn address_and_full_name_are_found_as_words_in_any_case() {
        for (text, left) in [
            ("ask ANN@example.ORG.", "ask [erased]."),
            ("<ann@example.org>", "<[erased]>"),
            ("ann ürsula lee said no", "[erased] said no"),
            ("ANN ÜRSULA LEE's view", "[erased]'s view"),
            ("ann@example.org,ann@example.org", "[erased],[erased]"),
        ] {
            assert_eq!(ann().without(text).as_deref(), Some(left));
        }
    }

    #[test]
    fn others_with_like_names_are_left_alone() {
        for text in [
            "joann@example.org",
            "ann@example.organic",
            "Ann Lee",
            "Hann Ürsula Lee",
            "Ann Ürsula Leeds",
            "",
        ] {
            assert!(!ann().is_in(text), "{text}");
        }
        assert!(!Mention::of("may@example.org", "May").is_in("This may wait."));
    }

    #[test]
    fn a_document_says_which_fields_changed() {
        let document = json!({
            "title": "Chat", "owner": "ann@example.org", "n": 3,
            "list": ["x", "by Ann Ürsula Lee"]
        });
        let (left, changed) = ann().without_in(&document).unwrap();
        assert_eq!(changed, ["list", "owner"]);
        assert_eq!(left["owner"], "[erased]");
        assert_eq!(left["list"], json!(["x", "by [erased]"]));
        assert_eq!(ann().without_in(&left), None);
    }
}

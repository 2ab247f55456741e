//! The name under which a log is known: the first line of each of its checkpoints, and the name
//! of the keys that sign them.

use super::entry::Flaw;
use std::fmt;
use std::str::FromStr;

/// The longest name, in bytes: an entry that names a key of it stays within its bounds.
pub const MAX_BYTES: usize = 200;

/// A log's name, such as `register.example.org/log`: one line that cannot be mistaken for
/// another part of a checkpoint, a signature or a key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin(String);

impl Origin {
    /// Checks a name.
    ///
    /// # Errors
    ///
    /// A [`Flaw`] that says which rule the name breaks.
    pub fn new(name: &str) -> Result<Origin, Flaw> {
        if name.is_empty() {
            return Err(Flaw::new("a log's name is empty"));
        }
        if name.len() > MAX_BYTES {
            return Err(Flaw::new(format!(
                "a log's name is longer than {MAX_BYTES} bytes"
            )));
        }
        if name.contains('+') || name.chars().any(unsafe_in_a_line) {
            return Err(Flaw::new(
                "a log's name holds a space, a plus sign or a control character",
            ));
        }
        Ok(Origin(name.to_owned()))
    }

    /// The name of the log that a server with this public address keeps: its host and path, and
    /// `/log`.
    ///
    /// # Errors
    ///
    /// A [`Flaw`] when the address makes no good name.
    pub fn of_address(public_url: &str) -> Result<Origin, Flaw> {
        let rest = public_url
            .split_once("://")
            .map_or(public_url, |(_, rest)| rest);
        Origin::new(&format!("{}/log", rest.trim_end_matches('/')))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Invisible characters that turn the direction of text would show a name other than it is.
fn unsafe_in_a_line(c: char) -> bool {
    let turns = matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' |
        '\u{2060}'..='\u{2069}' | '\u{feff}');
    c.is_whitespace() || c.is_control() || turns
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Origin {
    type Err = Flaw;

    fn from_str(text: &str) -> Result<Origin, Flaw> {
        Origin::new(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_named_after_the_address_of_its_server() {
        let named = |address| Origin::of_address(address).unwrap().to_string();
        assert_eq!(named("https://ai.example.org"), "ai.example.org/log");
        assert_eq!(named("https://example.org/ai/"), "example.org/ai/log");
        assert_eq!(named("http://127.0.0.1:8080"), "127.0.0.1:8080/log");
    }

    #[test]
    fn a_name_that_could_pass_for_something_else_is_refused() {
        let long = "x".repeat(MAX_BYTES + 1);
        let bad = [
            "",
            "a b",
            "a+b",
            "evil\n999",
            "tab\tbed",
            "no\u{a0}break",
            "nul\0",
            "del\u{7f}",
            "line\u{2028}",
            "c1\u{85}",
            "turned\u{202e}gro",
            "zero\u{200b}width",
            long.as_str(),
        ];
        for bad in bad {
            assert!(Origin::new(bad).is_err(), "{bad:?}");
        }
        assert!(Origin::new(&"x".repeat(MAX_BYTES)).is_ok());
        assert!(Origin::new("größe.example/λ").is_ok());
    }
}

//! Keys of the engine and the ledger in the words that people read, with the tone a page gives
//! them.
use crate::workflow::Outcome;

/// What a person did, after their name or “you”: “approved with conditions”.
pub fn done(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Approve => "approved",
        Outcome::ApproveWithConditions => "approved with conditions",
        Outcome::RequestChanges => "requested changes",
        Outcome::Reject => "rejected",
        Outcome::Recuse => "stepped aside",
    }
}

/// As [`done`], by the stored word; a word nobody knows is shown as it is.
pub fn done_by_key(outcome: &str) -> String {
    Outcome::named(outcome).map_or_else(|| outcome.replace('_', " "), |o| done(o).to_owned())
}

/// What a choice is called on the page, and what it leads to.
pub fn choice(outcome: Outcome) -> (&'static str, &'static str) {
    match outcome {
        Outcome::Approve => ("Approve", "as written in this revision"),
        Outcome::ApproveWithConditions => (
            "Approve with conditions",
            "you name what must be done, by whom and by when",
        ),
        Outcome::RequestChanges => (
            "Request changes",
            "goes back to the submitter; what their change touches is decided again",
        ),
        Outcome::Reject => ("Reject", "this must not be done"),
        Outcome::Recuse => (
            "Step aside",
            "conflict of interest; you are not counted, somebody else decides",
        ),
    }
}

/// An address that its owner recognises and nobody else learns: `i•••••m@harbour.example`.
pub fn masked(address: &str) -> String {
    let Some((local, domain)) = address.split_once('@') else {
        return "•••••".to_owned();
    };
    let mut letters = local.chars();
    match (letters.next(), letters.next_back()) {
        (Some(first), Some(last)) => format!("{first}•••••{last}@{domain}"),
        _ => format!("•••••@{domain}"),
    }
}

/// A sentence with a capital and a full stop.
pub fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let Some(first) = letters.next() else {
        return String::new();
    };
    let end = if text.ends_with(['.', '!', '?']) {
        ""
    } else {
        "."
    };
    format!("{}{}{end}", first.to_uppercase(), letters.as_str())
}

/// What somebody typed, without what neither a reader can see nor a database keep; line ends
/// become one kind.
pub fn typed(text: &str) -> String {
    let hidden = |c: char| {
        (c.is_control() && c != '\n' && c != '\t')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.chars().filter(|c| !hidden(*c)).collect()
}

/// What was typed into a field of a form; empty where the form has none of that name.
pub fn field(pairs: &[(String, String)], name: &str) -> String {
    let found = pairs.iter().find(|(known, _)| known == name);
    found.map_or_else(String::new, |(_, value)| typed(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_known_by_its_owner_only() {
        assert_eq!(masked("ingrid@harbour.example"), "i•••••d@harbour.example");
        assert_eq!(masked("i@harbour.example"), "•••••@harbour.example");
        assert_eq!(masked("nonsense"), "•••••");
    }

    #[test]
    fn a_refusal_reads_as_a_sentence() {
        assert_eq!(sentence("you own this"), "You own this.");
        assert_eq!(sentence("Why?"), "Why?");
        assert_eq!(sentence(""), "");
    }

    #[test]
    fn what_was_typed_keeps_its_lines_and_loses_what_nobody_sees() {
        assert_eq!(typed("a\r\nb\rc\0\u{202e}d\te"), "a\nb\ncd\te");
    }
}

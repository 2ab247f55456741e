//! Entries as lines of the Common Event Format, version 0.
//!
//! ```text
//! CEF:0|Countersign|Countersign|0.1.0|decision.recorded|Decision recorded|3|rt=… cn1=… cs1=…
//! ```

use super::{PRODUCT, Shown, VERSION};
use std::borrow::Cow;
use std::fmt::Write;

/// Writes an entry as one line, its line feed included.
pub fn line(shown: &Shown<'_>, out: &mut String) {
    let entry = shown.entry;
    out.push_str("CEF:0");
    let severity = if shown.is_grave() { "6" } else { "3" };
    let name = shown.name();
    for field in [PRODUCT, PRODUCT, VERSION, &entry.kind, &name, severity] {
        out.push('|');
        escape(out, field, '|');
    }
    // Writing into a string cannot fail.
    let _ = write!(
        out,
        "|rt={} externalId={}",
        entry.at.as_millisecond(),
        entry.id
    );
    add(out, "act", Some(Cow::Borrowed(entry.kind.as_str())));
    add(out, "suid", Some(Cow::Borrowed(entry.actor.as_str())));
    add(out, "duid", shown.subject("person"));
    add(out, "outcome", shown.outcome().map(Cow::Borrowed));
    add(out, "deviceExternalId", shown.log.map(Cow::Borrowed));
    named(out, "cn1", "seq", Some(entry.seq.to_string().into()));
    named(out, "cn2", "revision", shown.subject("revision"));
    named(out, "cs1", "leafHash", Some(shown.leaf.to_string().into()));
    named(out, "cs2", "reference", shown.subject("reference"));
    named(out, "cs3", "stage", shown.subject("stage"));
    named(out, "cs4", "digest", shown.subject("digest"));
    named(out, "cs5", "review", shown.subject("review"));
    let method = Cow::Borrowed(entry.via.method.as_str());
    named(out, "cs6", "method", Some(method));
    out.push('\n');
}

/// A field of our own: CEF wants its name beside it.
fn named(out: &mut String, key: &str, label: &str, value: Option<Cow<'_, str>>) {
    if value.is_some() {
        let _ = write!(out, " {key}Label={label}");
        add(out, key, value);
    }
}

fn add(out: &mut String, key: &str, value: Option<Cow<'_, str>>) {
    if let Some(value) = value {
        let _ = write!(out, " {key}=");
        escape(out, &value, '=');
    }
}

/// Text as it stands in CEF: `sign` parts fields there. In the header a line break becomes a
/// space, in the extension it is written as `\n` or `\r`; other control characters become spaces.
fn escape(out: &mut String, text: &str, sign: char) {
    for letter in text.chars() {
        match letter {
            '\\' => out.push_str("\\\\"),
            letter if letter == sign => out.extend(['\\', sign]),
            '\n' if sign == '=' => out.push_str("\\n"),
            '\r' if sign == '=' => out.push_str("\\r"),
            letter if letter.is_control() => out.push(' '),
            '\u{2028}' | '\u{2029}' => out.push(' '),
            letter => out.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::entry_of;
    use super::*;
    use crate::ledger::tree::leaf_hash;
    use serde_json::json;

    #[test]
    fn a_line_names_entry_actor_and_outcome() {
        let subject = json!({"record": "r1", "reference": "AI-2026-0001", "revision": 3,
                             "stage": "legal"});
        let (entry, text) = entry_of("decision.recorded", subject, json!({"outcome": "reject"}));
        let leaf = leaf_hash(text.as_bytes());
        let shown = Shown {
            entry: &entry,
            text: &text,
            leaf,
            log: Some("example.org/log"),
        };
        let mut out = String::new();
        line(&shown, &mut out);
        let expected = format!(
            "CEF:0|Countersign|Countersign|{VERSION}|decision.recorded|Decision recorded|3|\
             rt=1795428000000 externalId={} act=decision.recorded suid=p7 outcome=reject \
             deviceExternalId=example.org/log cn1Label=seq cn1=7 cn2Label=revision cn2=3 \
             cs1Label=leafHash cs1={leaf} cs2Label=reference cs2=AI-2026-0001 cs3Label=stage \
             cs3=legal cs6Label=method cs6=session\n",
            entry.id
        );
        assert_eq!(out, expected);
    }

    #[test]
    fn no_text_opens_another_field_or_line() {
        let written = |text: &str, sign| {
            let mut out = String::new();
            escape(&mut out, text, sign);
            out
        };
        let hostile = "a|b\\c=d\r\ne\0f\u{2028}g";
        assert_eq!(written(hostile, '|'), "a\\|b\\\\c=d  e f g");
        assert_eq!(written(hostile, '='), "a|b\\\\c\\=d\\r\\ne f g");
    }

    #[test]
    fn a_hostile_subject_stays_inside_its_field() {
        let subject = json!({"reference": "x=y|act=none"});
        let (entry, text) = entry_of("record.created", subject, json!({}));
        let shown = Shown {
            entry: &entry,
            text: &text,
            leaf: leaf_hash(text.as_bytes()),
            log: None,
        };
        let mut out = String::new();
        line(&shown, &mut out);
        assert!(out.contains(" cs2=x\\=y|act\\=none cs6Label="), "{out}");
        assert_eq!(out.matches(" act=").count(), 1);
    }
}

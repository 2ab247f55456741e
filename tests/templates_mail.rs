//! Every mail with what it is given: complete in plain text, safe in HTML, one link, no remote
//! content. `NAME-CASE.json` is another case of the mail `NAME`.
use countersign::templates::{Mail, Place, Templates};
use jiff::tz::TimeZone;
use serde_json::Value;
use std::sync::LazyLock;

/// Every case, by the name of its fixture.
fn cases() -> Vec<String> {
    let folder = format!("{}/tests/fixtures/mail", env!("CARGO_MANIFEST_DIR"));
    let files = std::fs::read_dir(folder).unwrap().flatten();
    let names =
        files.filter_map(|f| Some(f.file_name().to_str()?.strip_suffix(".json")?.to_owned()));
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

fn templates() -> &'static Templates {
    static TEMPLATES: LazyLock<Templates> = LazyLock::new(|| {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        Templates::load(&Place {
            base_path: String::new(),
            zone,
        })
        .unwrap()
    });
    &TEMPLATES
}

fn given(name: &str) -> Value {
    let path = format!(
        "{}/tests/fixtures/mail/{name}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn template_of(case: &str) -> &str {
    case.split('-').next().unwrap()
}

fn mail(name: &str, given: &Value) -> Mail {
    templates()
        .mail(template_of(name), given)
        .unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// Every text of `given` replaced by `hostile`, but for times, days and the link.
fn spoilt(given: &Value, hostile: &str) -> Value {
    const KEPT: [&str; 16] = [
        "half",
        "most",
        "due_at",
        "effective_on",
        "day",
        "valid_until",
        "link",
        "now",
        "at",
        "expires",
        "since",
        "decided_at",
        "signed_at",
        "due",
        "until",
        "ends",
    ];
    match given {
        Value::String(_) => Value::from(hostile),
        Value::Array(all) => all.iter().map(|v| spoilt(v, hostile)).collect(),
        Value::Object(fields) => {
            let spoil = |(key, value): (&String, &Value)| {
                let kept = KEPT.contains(&key.as_str());
                (
                    key.clone(),
                    if kept {
                        value.clone()
                    } else {
                        spoilt(value, hostile)
                    },
                )
            };
            Value::Object(fields.iter().map(spoil).collect())
        }
        other => other.clone(),
    }
}

#[test]
fn every_mail_has_exactly_one_link_and_shows_its_address_in_both_parts() {
    for name in &cases() {
        let given = given(name);
        let mail = mail(name, &given);
        let link = given["link"].as_str().unwrap();
        assert_eq!(
            mail.text.matches("http").count(),
            1,
            "{name}: {}",
            mail.text
        );
        assert!(
            mail.text.lines().any(|line| line == link),
            "{name}: {}",
            mail.text
        );
        assert_eq!(mail.html.matches("href=").count(), 1, "{name}");
        assert_eq!(mail.html.matches("http").count(), 2, "{name}");
        assert!(
            mail.html.contains(&format!("href=\"{link}\"")),
            "{name}: {}",
            mail.html
        );
    }
}

#[test]
fn no_mail_loads_anything_or_is_cut_by_mailboxes() {
    for name in &cases() {
        let mail = mail(name, &given(name));
        for remote in [
            "src=", "<img", "<script", "<iframe", "url(", "@import", "<link",
        ] {
            assert!(!mail.html.contains(remote), "{name}: {remote}");
        }
        assert!(mail.html.len() < 80_000, "{name}");
        assert!(
            mail.html.contains("lang=\"en\"") && mail.html.contains("<title>"),
            "{name}"
        );
        assert!(mail.html.contains("color-scheme"), "{name}");
    }
}

#[test]
fn the_plain_text_is_complete_and_its_lines_are_short() {
    for name in &cases() {
        let given = given(name);
        let mail = mail(name, &given);
        let link = given["link"].as_str().unwrap();
        let long: Vec<&str> = mail
            .text
            .lines()
            .filter(|l| l.chars().count() > 76 && *l != link)
            .collect();
        assert!(long.is_empty(), "{name}: {long:?}");
        assert!(
            !mail.subject.contains('\n') && !mail.subject.is_empty(),
            "{name}"
        );
        let words = mail.text.split_whitespace().collect::<Vec<_>>().join(" ");
        for fact in facts(&given) {
            assert!(
                words.contains(&fact) || mail.subject.contains(&fact),
                "{name}: {fact}"
            );
            assert!(
                mail.html.contains(&escaped(&fact)),
                "{name} in HTML: {fact}"
            );
        }
    }
}

fn escaped(text: &str) -> String {
    handlebars::html_escape(text)
}

/// The texts of a fixture that a reader must find; the name of whoever reads is no fact.
fn facts(given: &Value) -> Vec<String> {
    const OTHERWISE: [&str; 18] = [
        "effective_on",
        "day",
        "half",
        "most",
        "due_at",
        "valid_until",
        "until",
        "ends",
        "mode",
        "person",
        "now",
        "at",
        "expires",
        "since",
        "decided_at",
        "signed_at",
        "due",
        "role",
    ];
    match given {
        Value::String(text) => vec![text.clone()],
        Value::Array(all) => all.iter().flat_map(facts).collect(),
        Value::Object(fields) => fields
            .iter()
            .filter(|(key, _)| !OTHERWISE.contains(&key.as_str()))
            .flat_map(|(_, value)| facts(value))
            .collect(),
        _ => Vec::new(),
    }
}

#[test]
fn what_somebody_typed_adds_neither_markup_nor_header_nor_line() {
    let hostile = "<b onload=x>\"'&\r\nBcc: all@example.org\u{202e}";
    for name in &cases() {
        let mail = mail(name, &spoilt(&given(name), hostile));
        assert!(!mail.html.contains("<b onload"), "{name}");
        assert!(!mail.subject.contains(['\r', '\n', '\u{202e}']), "{name}");
        assert!(!mail.text.contains(['\r', '\u{202e}']), "{name}");
        assert!(
            !mail.text.lines().any(|line| line.starts_with("Bcc:")),
            "{name}: {}",
            mail.text
        );
    }
}

#[test]
fn a_mail_without_its_facts_is_a_fault_and_not_a_mail_with_gaps() {
    for name in &cases() {
        assert!(
            templates()
                .mail(template_of(name), &serde_json::json!({}))
                .is_err(),
            "{name}"
        );
    }
}

#[test]
fn every_mail_has_a_case() {
    let folder = format!("{}/templates/mail", env!("CARGO_MANIFEST_DIR"));
    let cases = cases();
    for folder in std::fs::read_dir(folder).unwrap().flatten() {
        let name = folder.file_name().into_string().unwrap();
        let shown = cases.iter().any(|case| template_of(case) == name);
        assert!(
            shown || name == "parts",
            "tests/fixtures/mail has no {name}"
        );
    }
}

#[test]
fn a_mail_that_asks_nothing_says_how_to_get_no_more_of_them() {
    for name in [
        "digest",
        "escalated",
        "overdue",
        "delegated",
        "condition_met",
    ] {
        let mail = mail(name, &given(name));
        for reading in [&mail.text, &mail.html] {
            let words = reading.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(words.contains("unsubscribe button"), "{name}: {words}");
        }
    }
    let asking = mail("escalated-asked", &given("escalated-asked"));
    assert!(!asking.text.contains("unsubscribe"), "{}", asking.text);
}

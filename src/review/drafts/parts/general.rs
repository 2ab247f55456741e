//! The workflow as a whole: title, when it applies, how long, which calendar.
use super::answers::{Pairs, number, one, plain, put};
use super::condition::{Reads, clauses};
use super::pen::{Pen, Section, section};
use super::picker;
use serde_json::{Map, Value};

/// Its questions.
pub(super) fn ask(pen: &Pen, whole: &Value, reads: &Reads) -> Vec<Section> {
    let text = |name: &str, label: &str| pen.text((name, name, label), whole.get(name)).free();
    let description = ("description", "description", "Description");
    let description = pen
        .area(description, &plain(whole.get("description")))
        .free();
    let applies = ("applies_when", "applies_when", "It applies when");
    let applies = pen.condition(applies, whole.get("applies_when"));
    let mut sections = vec![section(
        "The whole",
        vec![
            pen.text(("title", "title", "Title"), whole.get("title")),
            description,
            text("priority", "Priority")
                .hint("Of the workflows that apply, the highest is taken. 100 when empty."),
            text("max_revisions", "Changes asked for at most").hint("5 when empty."),
            text("max_duration", "A review ends after").hint("Such as P90D or 60 business days."),
            text("calendar", "Calendar")
                .hint("The short name of the calendar for business time.")
                .offering("calendars"),
            applies.hint("A condition in CEL over request; empty: always."),
        ],
    )];
    let into = [("applies_when".to_owned(), "It applies when".to_owned())];
    sections.push(picker(pen, &clauses(reads), &into));
    sections
}

/// Its answers, into the document.
pub(super) fn take(document: &mut Map<String, Value>, pairs: &Pairs) {
    for name in [
        "title",
        "description",
        "applies_when",
        "calendar",
        "max_duration",
    ] {
        put(document, name, one(pairs, name).into());
    }
    for name in ["priority", "max_revisions"] {
        put(document, name, number(&one(pairs, name)));
    }
}

#[cfg(test)]
mod tests {
    use super::super::answers::sent;
    use super::*;
    use serde_json::json;

    #[test]
    fn a_number_that_is_none_is_kept_as_it_was_typed() {
        let mut document = Map::new();
        let typed = sent(&[("priority", "high"), ("max_revisions", "3")]);
        take(&mut document, &typed);
        assert_eq!(
            Value::Object(document),
            json!({"priority": "high", "max_revisions": 3})
        );
    }
}

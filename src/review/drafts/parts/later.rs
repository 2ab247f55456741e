//! What edits under review do, what follows an approval, renewal and override.
use super::answers::{Pairs, inner, many, number, one, parts, put, put_usual, rows, spans, usual};
use super::condition::{Reads, clauses};
use super::pen::{Offer, Pen, Rows, Said, Section, section};
use super::who::people;
use super::{answers::plain, picker};
use crate::form::{Field, Widget};
use serde_json::{Map, Value};

const EFFECTS: Said = &[
    ("keep", "Every decision stands"),
    ("reopen", "Stages start anew"),
];
const MISSED: Said = &[
    ("suspend", "The approval is suspended"),
    ("notify", "People are told"),
];

fn texts(value: Option<&Value>) -> Vec<String> {
    let items = value.and_then(Value::as_array).into_iter().flatten();
    items.map(|item| plain(Some(item))).collect()
}

/// The questions about edits under review.
pub(super) fn ask_edits(pen: &Pen, rules: Option<&Value>, stages: Said) -> Vec<Section> {
    let rows = Rows {
        pen,
        sort: "edit",
        below: "",
        noun: "rule",
        ordered: true,
    };
    let groups = rows.draw(rules, |row| {
        vec![
            row.several("fields", "Fields", texts(row.value("fields")))
                .offering("fields")
                .hint("Such as request.vendor; several with commas between them."),
            row.choose("effect", "An edit of them", Widget::Select, EFFECTS),
            row.choose(
                "stages",
                "Which stages start anew",
                Widget::Checkboxes,
                stages,
            )
            .hint("None chosen: every stage."),
        ]
    });
    vec![Section {
        title: "Rules for edits".to_owned(),
        note: Some(
            "The first rule that names a field counts. An edit of a field that no rule names \
             reopens every stage.",
        ),
        groups,
        button: None,
    }]
}

/// The fields a rule can name.
pub(super) fn fields_offered(fields: &[Field]) -> Vec<Offer> {
    let offer = |field: &Field| Offer {
        value: format!("request.{}", field.name),
        says: field.short.clone(),
    };
    fields.iter().map(offer).collect()
}

/// The answers about edits under review, into the document.
pub(super) fn take_edits(document: &mut Map<String, Value>, pairs: &Pairs) {
    let row = |at: usize| {
        let name = |part: &str| format!("edit_{at}_{part}");
        let fields = parts(pairs, &name("fields")).into_iter();
        let fields = fields.map(|field| match field.contains('.') {
            true => Value::from(field),
            false => format!("request.{field}").into(),
        });
        let mut members = Map::new();
        put(&mut members, "fields", fields.collect());
        put(&mut members, "effect", one(pairs, &name("effect")).into());
        put(&mut members, "stages", many(pairs, &name("stages")).into());
        (!members.is_empty()).then_some(Value::Object(members))
    };
    put(document, "on_change", rows(pairs, "edit", row));
}

/// The questions about conditions of an approval.
pub(super) fn ask_conditions(pen: &Pen, rules: &Value) -> Vec<Section> {
    let missed = ("on_missed", "on_missed", "When one is missed");
    let told = (
        "escalate_to",
        "escalate_to",
        "Who is told when one is missed or refused",
    );
    vec![section(
        "Conditions of an approval",
        vec![
            pen.text(("due", "due", "Due after"), rules.get("due"))
                .free()
                .hint("For a condition without a day of its own, counted from the approval: P30D."),
            reminders(pen, "Its owner is reminded", rules),
            pen.choose(missed, Widget::Select, MISSED, rules.get("on_missed")),
            pen.people(told, rules.get("escalate_to")).free(),
        ],
    )]
}

fn reminders(pen: &Pen, label: &str, rules: &Value) -> super::pen::Question {
    let asked = ("remind_before", "remind_before", label);
    pen.text(asked, rules.get("remind_before"))
        .free()
        .hint("How long before: the longest first, with commas between them, such as P7D, P1D.")
}

/// The answers about conditions of an approval, into the document.
pub(super) fn take_conditions(document: &mut Map<String, Value>, pairs: &Pairs) {
    let rules = inner(document, "conditions", |rules| {
        put(rules, "due", one(pairs, "due").into());
        put(rules, "remind_before", spans(&one(pairs, "remind_before")));
        let missed = one(pairs, "on_missed").into();
        put_usual(rules, "on_missed", missed, &usual("on_missed"));
        put(rules, "escalate_to", people(pairs, "escalate_to"));
    });
    put(document, "conditions", rules);
}

/// The questions about renewal.
pub(super) fn ask_renewal(pen: &Pen, rules: &Value, reads: &Reads) -> Vec<Section> {
    let rows = Rows {
        pen,
        sort: "valid",
        below: "valid_for",
        noun: "row",
        ordered: true,
    };
    let groups = rows.draw(rules.get("valid_for"), |row| {
        vec![
            row.condition("when", "When")
                .free()
                .hint("CEL; empty: always. Such a row comes last."),
            row.text("then", "It is valid for").hint("Such as P6M."),
        ]
    });
    let count = groups.len();
    let row = |at: usize| {
        let says = match at + 1 == count {
            true => "A new row".to_owned(),
            false => format!("Row {}", at + 1),
        };
        (format!("valid_{at}_when"), says)
    };
    let into: Vec<(String, String)> = (0..count).rev().map(row).collect();
    vec![
        Section {
            title: "How long an approval is valid".to_owned(),
            note: Some("The first row that holds gives the time. Without a row it has no end."),
            groups,
            button: None,
        },
        section(
            "Reminders",
            vec![reminders(pen, "Submitter and owner are reminded", rules)],
        ),
        picker(pen, &clauses(reads), &into),
    ]
}

/// The answers about renewal, into the document.
pub(super) fn take_renewal(document: &mut Map<String, Value>, pairs: &Pairs) {
    let row = |at: usize| {
        let text = |part: &str| one(pairs, &format!("valid_{at}_{part}"));
        let mut members = Map::new();
        put(&mut members, "when", text("when").into());
        put(&mut members, "then", text("then").into());
        (!members.is_empty()).then_some(Value::Object(members))
    };
    let rules = inner(document, "renewal", |rules| {
        put(rules, "valid_for", rows(pairs, "valid", row));
        put(rules, "remind_before", spans(&one(pairs, "remind_before")));
    });
    put(document, "renewal", rules);
}

/// The questions about overrides.
pub(super) fn ask_override(pen: &Pen, rules: &Value) -> Vec<Section> {
    let roles = ("roles", "roles", "Both people hold one of the roles");
    let told = ("notify", "notify", "Who is told at once");
    let reason = (
        "min_reason_length",
        "min_reason_length",
        "Characters a reason needs",
    );
    let mut only = section(
        "Override",
        vec![
            pen.several(roles, texts(rules.get("roles")))
                .free()
                .offering("roles")
                .hint("The short name of a role; several with commas between them."),
            pen.people(told, rules.get("notify")).free(),
            pen.text(
                ("valid_for", "valid_for", "It holds for"),
                rules.get("valid_for"),
            )
            .free()
            .hint("At most, such as P14D."),
            pen.text(reason, rules.get("min_reason_length"))
                .free()
                .hint("40 when empty."),
        ],
    );
    only.note = Some(
        "An override lets a use case go ahead before its review ends. It always takes two \
         people, neither of whom submitted, owns or edited the record. Empty: nobody can.",
    );
    vec![only]
}

/// The answers about overrides, into the document.
pub(super) fn take_override(document: &mut Map<String, Value>, pairs: &Pairs) {
    let rules = inner(document, "override", |rules| {
        put(rules, "roles", parts(pairs, "roles").into());
        put(rules, "notify", people(pairs, "notify"));
        put(rules, "valid_for", one(pairs, "valid_for").into());
        let length = number(&one(pairs, "min_reason_length"));
        put(rules, "min_reason_length", length);
    });
    // Two people are needed for any override; alone, that allows none.
    let said = |name: &str| rules.get(name).is_some();
    let any = ["roles", "notify", "valid_for", "min_reason_length"];
    let any = any.into_iter().any(said);
    put(document, "override", if any { rules } else { Value::Null });
}

#[cfg(test)]
mod tests {
    use super::super::answers::sent;
    use super::*;
    use serde_json::json;

    #[test]
    fn a_rule_for_edits_takes_fields_by_their_short_names() {
        let mut document = Map::new();
        let typed = sent(&[
            ("edit_0_fields", "vendor"),
            ("edit_0_fields", "request.title"),
            ("edit_0_effect", "keep"),
            ("edit_0_stages", ""),
        ]);
        take_edits(&mut document, &typed);
        let rule = json!({"fields": ["request.vendor", "request.title"], "effect": "keep"});
        assert_eq!(document["on_change"], json!([rule]));
        take_edits(&mut document, &sent(&[("edit_0_fields", "")]));
        assert_eq!(document.get("on_change"), None);
    }

    #[test]
    fn what_is_emptied_is_not_there() {
        let mut document = json!({
            "conditions": {"due": "P1D"},
            "renewal": {"valid_for": [{"then": "P1D"}]},
            "override": {"roles": ["a"], "second_person": true},
        });
        let members = document.as_object_mut().expect("an object");
        let nothing = sent(&[("on_missed", "suspend")]);
        take_conditions(members, &nothing);
        take_renewal(members, &nothing);
        take_override(members, &nothing);
        assert_eq!(document, json!({}));
    }
}

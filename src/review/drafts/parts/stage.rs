//! One stage: its question, when it is asked, who decides and how, its clock, who is brought in.
use super::answers::{Pairs, inner, many, number, one, plain, put, put_usual, rows, spans, usual};
use super::condition::{Reads, clauses};
use super::pen::{Group, Pen, Row, Rows, Said, Section, section};
use super::picker;
use super::who::{self, people};
use crate::form::Widget;
use serde_json::{Map, Value, json};

const KINDS: Said = &[
    ("data_use", "Data use"),
    ("human_review", "Human review"),
    ("vendor_assessment", "Vendor assessment"),
    ("security", "Security"),
    ("legal", "Legal"),
    ("escalation", "Escalation"),
    ("other", "Other"),
];
/// What an approver may choose; stepping aside is always open.
const DECISIONS: Said = &[
    ("approve", "Approve"),
    ("approve_with_conditions", "Approve with conditions"),
    ("request_changes", "Request changes"),
    ("reject", "Reject"),
];
const PARTIES: Said = &[
    ("submitter", "Who submitted it"),
    ("owner", "Who owns it"),
    ("editors", "Who edited it"),
];
const REJECTS: Said = &[
    ("veto", "One rejection rejects"),
    (
        "until_impossible",
        "Rejected once a seat can no longer reach its need",
    ),
];
const LINKS: Said = &[
    ("decide", "The mailed link takes the decision"),
    (
        "view",
        "The mailed link only shows; deciding needs a sign-in",
    ),
];
const HANDS: Said = &[
    ("none", "Nobody"),
    ("same_role", "Those whom the seat or its fallback names"),
    ("any_eligible", "Anybody whom the rules admit"),
];
const ENDS: Said = &[
    ("keep_open", "It shows as overdue and stays open"),
    ("reject", "It is rejected"),
    ("mark_timed_out", "It is settled without an answer"),
];
const TRIGGERS: Said = &[
    ("opened", "When it opens"),
    (
        "disagreement",
        "When somebody rejects and somebody approves",
    ),
];
const MODES: Said = &[
    ("notify", "They are told"),
    ("add_to_seat", "They may decide too, in the seat"),
    ("must_agree", "One of them must agree as well"),
];
/// By risk or disagreement, and by time.
const RISK: &str = "risk";
const TIMED: &str = "timed";

/// What a stage's questions need besides the stage.
pub(super) struct Around<'a> {
    /// The other stages: short name and title.
    pub others: Said<'a>,
    /// The forms there are for those who approve.
    pub forms: Said<'a>,
    /// What its conditions can read.
    pub reads: Reads<'a>,
}

/// Its questions.
pub(super) fn ask(pen: &Pen, stage: &Value, around: &Around) -> Vec<Section> {
    vec![
        question(pen, stage, around),
        section(
            "When it is asked",
            vec![
                pen.condition(("when", "when", "Needed when"), stage.get("when"))
                    .free()
                    .hint("CEL; empty: always."),
            ],
        ),
        seats(pen, stage),
        decisions(pen, stage, around.others),
        clock(pen, stage),
        brought_in(pen, stage, TIMED),
        brought_in(pen, stage, RISK),
        picker(pen, &clauses(&around.reads), &conditions(stage)),
    ]
}

/// The conditions of a stage: the control and what it is.
fn conditions(stage: &Value) -> Vec<(String, String)> {
    let steps = stage.get("escalate").and_then(Value::as_array);
    let steps = steps.map_or(0, Vec::len);
    let named = |name: &str, says: &str| (name.to_owned(), says.to_owned());
    let mut conditions = vec![
        named("when", "Needed when"),
        named("email_step_up_when", "Sign-in needed when"),
    ];
    for at in 0..steps {
        let says = format!("Step {}, because of risk or disagreement: only if", at + 1);
        conditions.push((format!("{RISK}_{at}_when"), says));
    }
    conditions
}

fn question(pen: &Pen, stage: &Value, around: &Around) -> Section {
    let choose = |name: &str, label: &str, widget, choices| {
        pen.choose((name, name, label), widget, choices, stage.get(name))
    };
    let guidance = plain(stage.get("guidance"));
    section(
        "The question",
        vec![
            pen.text(("title", "title", "Title"), stage.get("title")),
            pen.area(("guidance", "guidance", "Guidance"), &guidance)
                .free(),
            choose("kind", "What sort of question", Widget::Select, KINDS),
            choose("needs", "Opens after", Widget::Checkboxes, around.others).free(),
            choose(
                "form",
                "Form for those who approve",
                Widget::Select,
                around.forms,
            )
            .free(),
        ],
    )
}

fn seats(pen: &Pen, stage: &Value) -> Section {
    let rows = Rows {
        pen,
        sort: "seat",
        below: "seats",
        noun: "seat",
        ordered: false,
    };
    let groups = rows.draw(stage.get("seats"), |row| {
        vec![
            row.text("key", "Short name"),
            row.people("from", "Who decides"),
            row.text("need", "How many of them")
                .hint("A number, or all. 1 when empty."),
            row.people("fallback", "Who stands in"),
        ]
    });
    Section {
        title: "Who decides".to_owned(),
        note: Some(who::HOW_IN_SEATS),
        groups,
        button: None,
    }
}

fn decisions(pen: &Pen, stage: &Value, others: Said) -> Section {
    let apart = |name: &str| stage.get("separation").and_then(|apart| apart.get(name));
    let email = |name: &str| stage.get("email").and_then(|email| email.get(name));
    let choose = |asked, widget, choices, value| pen.choose(asked, widget, choices, value).free();
    let own = |name: &str, label: &str, widget, choices| {
        let asked = (name, name, label);
        pen.choose(asked, widget, choices, stage.get(name)).free()
    };
    let (boxes, select) = (Widget::Checkboxes, Widget::Select);
    let mut reasons = DECISIONS.to_vec();
    reasons.push(("recuse", "Step aside"));
    let not = ("not", "separation/not", "Cannot decide here");
    let approvers = "separation/not_approvers_of";
    let approvers = ("not_approvers_of", approvers, "Nor who approved in");
    let link = ("email_link", "email/link", "Mail");
    let step_up = "email/step_up_when";
    let step_up = ("email_step_up_when", step_up, "Sign-in needed when");
    let valid = ("email_valid_for", "email/valid_for", "A link is good for");
    section(
        "How they decide",
        vec![
            own("decisions", "May choose", boxes, DECISIONS),
            own("reason_required", "Reason needed for", boxes, &reasons),
            own("on_reject", "A rejection", select, REJECTS),
            choose(not, boxes, PARTIES, apart("not")),
            choose(approvers, boxes, others, apart("not_approvers_of")),
            own("delegation", "May hand on to", select, HANDS),
            choose(link, select, LINKS, email("link")),
            pen.text(valid, email("valid_for"))
                .free()
                .hint("P7D when empty."),
            pen.condition(step_up, email("step_up_when"))
                .free()
                .hint("CEL; empty: never."),
        ],
    )
}

fn clock(pen: &Pen, stage: &Value) -> Section {
    let sla = |name: &str| stage.get("sla").and_then(|sla| sla.get(name));
    let end = ("on_timeout", "sla/on_timeout", "When the time is up");
    section(
        "The clock",
        vec![
            pen.text(("due", "sla/due", "Due after"), sla("due"))
                .free()
                .hint("Such as 3 business days, 4 business hours, P10D. Empty: no clock."),
            pen.text(("remind", "sla/remind", "Reminders after"), sla("remind"))
                .free()
                .hint("Several with commas between them."),
            pen.choose(end, Widget::Select, ENDS, sla("on_timeout")),
        ],
    )
}

/// Who else is brought in: when it takes long, or because of risk or disagreement.
fn brought_in(pen: &Pen, stage: &Value, sort: &'static str) -> Section {
    let timed = sort == TIMED;
    let below = if timed { "sla/escalate" } else { "escalate" };
    let rows = Rows {
        pen,
        sort,
        below,
        noun: "step",
        ordered: false,
    };
    let groups: Vec<Group> = rows.draw(stage.pointer(&format!("/{below}")), |row| step(row, timed));
    let title = match timed {
        true => "Who is brought in when it takes long",
        false => "Who is brought in because of risk or disagreement",
    };
    Section {
        title: title.to_owned(),
        note: Some(who::HOW),
        groups,
        button: None,
    }
}

fn step(row: &Row, timed: bool) -> Vec<super::pen::Question> {
    let mut questions = match timed {
        true => vec![row.text("after", "After").hint("Such as 2 business days.")],
        false => vec![
            row.choose("on", "When", Widget::Select, TRIGGERS),
            row.condition("when", "Only if")
                .free()
                .hint("CEL; empty: always."),
        ],
    };
    questions.push(row.people("to", "Who"));
    questions.push(row.choose("mode", "How", Widget::Select, MODES));
    let seat = row.text("seat", "Which seat").free();
    questions.push(seat.hint("The short name of a seat, for those who may decide in it."));
    questions
}

/// Its answers, into it.
pub(super) fn take(stage: &mut Map<String, Value>, pairs: &Pairs) {
    for name in [
        "title",
        "guidance",
        "kind",
        "when",
        "on_reject",
        "form",
        "delegation",
    ] {
        put_usual(stage, name, one(pairs, name).into(), &usual(name));
    }
    for name in ["needs", "decisions", "reason_required"] {
        put_usual(stage, name, many(pairs, name).into(), &usual(name));
    }
    let apart = inner(stage, "separation", |apart| separation(apart, pairs));
    put(stage, "separation", apart);
    let email = inner(stage, "email", |email| {
        for (name, asked) in [
            ("link", "email_link"),
            ("valid_for", "email_valid_for"),
            ("step_up_when", "email_step_up_when"),
        ] {
            put_usual(email, name, one(pairs, asked).into(), &usual(asked));
        }
    });
    put(stage, "email", email);
    put(stage, "seats", rows(pairs, "seat", |at| seat(pairs, at)));
    let sla = inner(stage, "sla", |sla| {
        put(sla, "due", one(pairs, "due").into());
        put(sla, "remind", spans(&one(pairs, "remind")));
        let on_timeout = one(pairs, "on_timeout").into();
        put_usual(sla, "on_timeout", on_timeout, &usual("on_timeout"));
        put(sla, "escalate", steps(pairs, TIMED, "after"));
    });
    // Without any length of time there is no clock, whatever else was chosen for it.
    let clock = ["due", "remind", "escalate"];
    let runs = clock.iter().any(|name| sla.get(*name).is_some());
    put(stage, "sla", if runs { sla } else { Value::Null });
    put(stage, "escalate", steps(pairs, RISK, "on"));
}

fn separation(apart: &mut Map<String, Value>, pairs: &Pairs) {
    let not = Value::from(many(pairs, "not"));
    // Nobody kept out is not the same as nothing said about it.
    if apart.contains_key("not") || not != usual("not") {
        apart.insert("not".to_owned(), not);
    }
    let approvers = many(pairs, "not_approvers_of").into();
    put(apart, "not_approvers_of", approvers);
}

/// A seat; nothing where neither its short name nor anybody stands there.
fn seat(pairs: &Pairs, at: usize) -> Option<Value> {
    let name = |part: &str| format!("seat_{at}_{part}");
    let (key, from) = (one(pairs, &name("key")), people(pairs, &name("from")));
    let fallback = people(pairs, &name("fallback"));
    if key.is_empty() && [&from, &fallback].iter().all(|named| nobody(named)) {
        return None;
    }
    let need = match one(pairs, &name("need")).as_str() {
        "" => 1.into(),
        need => number(need),
    };
    Some(json!({ "key": key, "from": from, "need": need, "fallback": fallback }))
}

fn nobody(people: &Value) -> bool {
    people.as_array().is_some_and(Vec::is_empty)
}

/// Escalations by time (`after`) or by what happened (`on`); nothing where nothing was typed.
fn steps(pairs: &Pairs, sort: &str, by: &str) -> Value {
    let row = |at: usize| {
        let name = |part: &str| format!("{sort}_{at}_{part}");
        let mut members = Map::new();
        put(&mut members, "to", people(pairs, &name("to")));
        for part in [by, "mode", "seat", "when"] {
            put(&mut members, part, one(pairs, &name(part)).into());
        }
        (!members.is_empty()).then_some(Value::Object(members))
    };
    rows(pairs, sort, row)
}

#[cfg(test)]
mod tests {
    use super::super::answers::sent;
    use super::*;

    #[test]
    fn a_stage_keeps_what_no_question_asks_and_loses_what_was_emptied() {
        let mut before = json!({"key": "a", "x": 1, "guidance": "old",
            "sla": {"due": "P1D", "pause_while": []}});
        let typed = sent(&[
            ("title", "A"),
            ("guidance", ""),
            ("due", "P2D"),
            ("remind", "P1D, PT4H"),
            ("seat_0_key", "s"),
            ("seat_0_from", "role legal"),
            ("seat_0_from", "dana@example.org"),
            ("seat_0_need", "2"),
            ("seat_0_fallback", "role ciso"),
            ("seat_1_key", ""),
            ("seat_1_from", ""),
            ("risk_0_when", "true"),
            ("not", ""),
            ("not", "submitter"),
        ]);
        take(before.as_object_mut().unwrap(), &typed);
        let from = json!([{"role": "legal"}, {"person": "dana@example.org"}]);
        assert_eq!(
            before,
            json!({
                "key": "a", "x": 1, "title": "A", "separation": {"not": ["submitter"]},
                "seats": [{"key": "s", "from": from, "need": 2,
                           "fallback": [{"role": "ciso"}]}],
                "sla": {"due": "P2D", "remind": ["P1D", "PT4H"], "pause_while": []},
                "escalate": [{"when": "true"}],
            }),
            "a step that names nobody yet is kept: the check asks for what is missing"
        );
    }
}

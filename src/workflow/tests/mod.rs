//! What an author, a submitter or an auditor would notice. Fixtures first.

mod clocks;
mod conditions;
mod diagram;
mod dry_run;
mod faults;
mod hostile;
mod policy;
mod staffing;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;

const POLICY: &str = include_str!("../../../templates/workflows/ai_use_case.json");

/// The fields of a use case that the tests read, required or not as in the shipped kind.
fn request_schema() -> Value {
    let classes = [
        "public",
        "internal",
        "confidential",
        "personal",
        "special_category",
    ];
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["title", "purpose", "owner", "tool", "sourcing", "data_classes", "uses",
                     "effect_on_people"],
        "properties": {
            "title": {"type": "string", "maxLength": 120},
            "purpose": {"type": "string", "maxLength": 4000},
            "owner": {"type": "string", "format": "email", "x-widget": "person"},
            "contact": {"type": "string", "format": "email"},
            "tool": {"type": "string"},
            "sourcing": {"type": "string", "enum": ["vendor", "in_house", "open_model"]},
            "data_classes": {"type": "array", "maxItems": 5,
                             "items": {"type": "string", "enum": classes}},
            "uses": {"type": "array", "items": {"type": "string", "enum": [
                "drafting", "summarising", "coding", "search", "translation", "customer_chat",
                "hiring", "scoring", "monitoring_people", "social_scoring",
                "emotion_recognition_at_work", "other"]}},
            "effect_on_people": {"type": "string", "enum": ["none", "assistive", "significant"]},
            "vendor": {"type": "string"},
            "vendor_assessed": {"type": "boolean"},
            "trains_on_our_data": {"type": "boolean"},
            "cost_eur_per_year": {"type": "integer", "minimum": 0},
            "expected_users": {"type": "integer", "minimum": 1, "maximum": 1_000_000},
            "hit_rate": {"type": "number"},
            "tags": {"type": "array", "maxItems": 60, "items": {"type": "string"}},
            "notes": {"type": "string"},
            "topic": {"type": "string"},
            "code_url": {"type": "string"},
        },
        "allOf": [{
            "if": {"properties": {"sourcing": {"const": "vendor"}}, "required": ["sourcing"]},
            "then": {"required": ["vendor", "vendor_assessed", "trains_on_our_data",
                                  "cost_eur_per_year"]}
        }]
    })
}

/// The five stage forms that are shipped.
fn stage_forms() -> BTreeMap<String, Value> {
    let files = [
        (
            "data_use_review",
            include_str!("../../../schemas/forms/data_use_review.json"),
        ),
        (
            "human_oversight_review",
            include_str!("../../../schemas/forms/human_oversight_review.json"),
        ),
        (
            "vendor_assessment",
            include_str!("../../../schemas/forms/vendor_assessment.json"),
        ),
        (
            "legal_security_review",
            include_str!("../../../schemas/forms/legal_security_review.json"),
        ),
        (
            "escalation_review",
            include_str!("../../../schemas/forms/escalation_review.json"),
        ),
    ];
    files
        .map(|(key, text)| (key.to_owned(), serde_json::from_str(text).unwrap()))
        .into()
}

fn load(text: &str) -> Result<Bundle, Vec<Problem>> {
    Bundle::load("policy.json", text, &request_schema(), &stage_forms())
}

fn policy() -> Bundle {
    load(POLICY).unwrap_or_else(|problems| panic!("{}", lines(&problems)))
}

fn lines(problems: &[Problem]) -> String {
    problems
        .iter()
        .map(Problem::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}

/// A small workflow that is right: `first`, then `second`, and a table `risk`.
fn small() -> Value {
    let seat = json!({"key": "s", "from": [{"role": "legal"}], "need": 1,
                      "fallback": [{"role": "governance_admin"}]});
    let sla = json!({"due": "3 business days", "escalate": [
        {"after": "5 business days", "to": [{"role": "general_counsel"}], "mode": "notify"}]});
    json!({
        "format": 1, "key": "small", "title": "Small", "form": "use_case",
        "derive": [{
            "key": "risk", "type": "string", "values": ["low", "high"],
            "cases": [
                {"when": "request.sourcing == 'vendor'", "then": "high", "because": "Bought."}
            ],
            "otherwise": "low"
        }],
        "stages": [
            {"key": "first", "kind": "data_use", "title": "First", "seats": [seat],
             "form": "data_use_review", "sla": sla},
            {"key": "second", "kind": "legal", "title": "Second", "needs": ["first"],
             "when": "derived.risk == 'high'", "seats": [seat], "sla": sla},
        ]
    })
}

/// [`small`] with the value at `place` set; a place that ends in `-` adds to a list.
fn small_with(place: &str, value: Value) -> Value {
    set(small(), place, value)
}

fn set(mut workflow: Value, place: &str, value: Value) -> Value {
    let (owner, name) = place.rsplit_once('/').unwrap();
    match workflow.pointer_mut(owner).unwrap() {
        Value::Array(items) if name == "-" => items.push(value),
        Value::Array(items) => items[name.parse::<usize>().unwrap()] = value,
        owner => owner[name] = value,
    }
    workflow
}

/// The one problem that setting `place` to `value` in [`small`] causes.
fn problem_with(place: &str, value: Value) -> Problem {
    one_problem(&small_with(place, value))
}

/// The default policy against the form that is shipped.
fn shipped(workflow: &Value) -> Result<Bundle, Vec<Problem>> {
    let text = serde_json::to_string_pretty(workflow).unwrap();
    Bundle::load("policy.json", &text, &use_case(), &stage_forms())
}

/// The form of use cases that is shipped.
fn use_case() -> Value {
    serde_json::from_str(include_str!("../../../schemas/kinds/use_case.json")).unwrap()
}

/// The default policy with the value at `place` set.
fn policy_with(place: &str, value: Value) -> Value {
    set(serde_json::from_str(POLICY).unwrap(), place, value)
}

/// The one thing wrong with the default policy once `place` is set to `value`: an error or a
/// warning, as `severity` says.
fn seeded(severity: Severity, place: &str, value: Value) -> Problem {
    only(severity, &policy_with(place, value))
}

fn only(severity: Severity, workflow: &Value) -> Problem {
    let problems = match shipped(workflow) {
        Ok(bundle) => bundle.warnings,
        Err(problems) => problems,
    };
    assert_eq!(problems.len(), 1, "{}", lines(&problems));
    let problem = problems.into_iter().next().unwrap();
    assert_eq!(problem.severity, severity, "{problem}");
    problem
}

fn one_problem(workflow: &Value) -> Problem {
    let text = serde_json::to_string_pretty(workflow).unwrap();
    let problems = load(&text).expect_err("it should be refused");
    assert_eq!(problems.len(), 1, "{}", lines(&problems));
    problems.into_iter().next().unwrap()
}

/// Asserts that the problem stands at `place` and says all of `words`.
fn assert_says(problem: &Problem, place: &str, words: &[&str]) {
    assert_eq!(problem.place, place, "{problem}");
    for word in words {
        assert!(
            problem.message.contains(word),
            "{word:?} should stand in: {problem}"
        );
    }
}

/// A request that passes the form, with `changes` made.
fn request(changes: Value) -> Value {
    let mut request = json!({
        "title": "Summaries", "purpose": "Summarise tickets", "owner": "dana@example.org",
        "tool": "Some model", "sourcing": "in_house", "data_classes": ["internal"],
        "uses": ["summarising"], "effect_on_people": "none"
    });
    for (name, value) in changes.as_object().unwrap() {
        request[name] = value.clone();
    }
    request
}

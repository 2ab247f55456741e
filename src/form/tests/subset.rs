use serde_json::json;

use super::*;

fn small() -> Value {
    json!({
        "type": "object", "additionalProperties": false, "title": "Small", "required": ["reads"],
        "properties": {
            "reads": {"type": "boolean", "title": "Is it read?", "x-order": 1},
            "who": {"type": "string", "title": "Who reads it?", "x-order": 2},
        },
        "allOf": [{
            "if": {"properties": {"reads": {"const": true}}, "required": ["reads"]},
            "then": {"required": ["who"], "x-because": "It is read."},
        }],
    })
}

/// The problems of the small form after one change to it.
fn problems(pointer: &str, value: Value) -> Vec<String> {
    let mut schema = small();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    schema.pointer_mut(parent).unwrap()[key] = value;
    let problems = Form::parse(&schema).err().unwrap_or_default();
    problems.iter().map(ToString::to_string).collect()
}

fn refuses(pointer: &str, value: Value, place: &str, words: &str) {
    let found = problems(pointer, value);
    let hit = found
        .iter()
        .any(|p| p.starts_with(&format!("{place}: ")) && p.contains(words));
    assert!(hit, "expected {place} … {words}, got {found:#?}");
}

#[test]
fn a_form_without_sections_has_one_and_asks_what_is_required_first() {
    let form = Form::parse(&small()).unwrap();
    assert_eq!(names(&form.asked(&json!({}))), ["reads"]);
    let states = form.sections(&json!({"reads": true}));
    assert_eq!(
        (states[0].key.as_str(), states[0].title.as_str()),
        ("form", "Small")
    );
    assert_eq!(states[0].state, State::Incomplete);
}

#[test]
fn references_to_files_and_to_the_network_are_refused() {
    for target in [
        "file:///etc/passwd",
        "https://example.com/x.json",
        "#/$defs/x",
    ] {
        refuses(
            "/properties/who/$ref",
            json!(target),
            "/properties/who/$ref",
            "not available",
        );
        refuses("/$ref", json!(target), "/$ref", "not available");
    }
    refuses(
        "/$schema",
        json!("https://example.com/mine"),
        "the schema",
        "2020-12",
    );
}

#[test]
fn what_the_subset_does_not_know_is_refused_with_its_place() {
    refuses(
        "/properties/who/oneOf",
        json!([]),
        "/properties/who/oneOf",
        "not available",
    );
    refuses(
        "/properties/who/type",
        json!("object"),
        "/properties/who",
        "`type` is",
    );
    refuses(
        "/properties/who/type",
        json!(["string"]),
        "/properties/who/type",
        "one type",
    );
    refuses(
        "/properties/who/format",
        json!("uri"),
        "/properties/who",
        "`date` or `email`",
    );
    refuses(
        "/properties/who",
        json!(true),
        "/properties/who",
        "an object",
    );
    refuses(
        "/properties/a~b",
        json!({}),
        "/properties/a~0b",
        "lower-case",
    );
    refuses(
        "/additionalProperties",
        json!(true),
        "the schema",
        "must be false",
    );
    refuses("/allOf/0/else", json!({}), "/allOf/0/else", "not available");
    refuses(
        "/properties/who/x-order",
        json!("2"),
        "/properties/who/x-order",
        "whole number",
    );
    refuses(
        "/properties/who/x-widget",
        json!("radios"),
        "/properties/who",
        "`textarea`",
    );
}

#[test]
fn a_fraction_is_refused_because_the_ledger_holds_whole_numbers_only() {
    refuses(
        "/properties/who/type",
        json!("number"),
        "/properties/who",
        "use `integer`",
    );
}

#[test]
fn a_follow_up_that_would_be_asked_before_an_answer_is_refused() {
    refuses(
        "/allOf/0/if/required",
        json!([]),
        "/allOf/0/if",
        "add `reads` to `required`",
    );
}

#[test]
fn a_follow_up_says_why_and_asks_for_what_exists() {
    refuses(
        "/allOf/0/then",
        json!({"required": ["who"]}),
        "/allOf/0/then",
        "`x-because`",
    );
    refuses(
        "/allOf/0/then/required",
        json!(["whom"]),
        "/allOf/0/then/required",
        "`whom`",
    );
    refuses(
        "/allOf/0/then/x-because",
        json!(" "),
        "/allOf/0/then/x-because",
        "words",
    );
    let never = "/properties/who/x-ask";
    refuses(
        never,
        json!("never"),
        "/allOf/0/then/required",
        "never asked",
    );
}

#[test]
fn a_test_that_can_never_hold_is_refused() {
    let test = "/allOf/0/if/properties/reads";
    refuses(test, json!({"const": "yes"}), test, "can never be");
    refuses(
        test,
        json!({"pattern": "x"}),
        &format!("{test}/pattern"),
        "not available",
    );
}

#[test]
fn a_question_that_nobody_would_ever_see_is_refused() {
    refuses(
        "/allOf",
        json!([]),
        "/properties/who",
        "no `then` asks for it",
    );
    refuses(
        "/properties/reads/x-ask",
        json!("follow_up"),
        "/required",
        "`x-ask` is `first`",
    );
    refuses("/required", json!(["reads", "gone"]), "/required", "`gone`");
}

#[test]
fn two_questions_cannot_stand_in_the_same_place() {
    refuses(
        "/properties/who/x-order",
        json!(1),
        "/properties/who",
        "same `x-order`",
    );
}

#[test]
fn a_pattern_that_could_run_for_ever_or_does_not_parse_is_refused() {
    refuses(
        "/properties/who/pattern",
        json!("(?=a)b"),
        "/properties/who/pattern",
        "look-around",
    );
    refuses(
        "/properties/who/pattern",
        json!("("),
        "/properties/who/pattern",
        "expression",
    );
}

#[test]
fn sections_are_listed_once_and_every_field_stands_in_one() {
    let sections = json!([{"key": "a", "title": "A"}]);
    refuses(
        "/x-sections",
        sections,
        "/properties/who",
        "in which section",
    );
    refuses(
        "/properties/who/x-section",
        json!("b"),
        "/properties/who",
        "`b` is not among",
    );
}

#[test]
fn choices_have_plain_values_and_labels_for_those_only() {
    let field = |extra: Value| {
        with(
            &json!({"type": "string", "title": "Which?", "x-order": 2}),
            extra,
        )
    };
    let place = "/properties/who";
    refuses(place, field(json!({"enum": ["a", "a"]})), place, "twice");
    refuses(place, field(json!({"enum": ["a b"]})), place, "letters");
    refuses(place, field(json!({"enum": []})), place, "choices");
    refuses(
        place,
        field(json!({"enum": [1]})),
        "/properties/who/enum",
        "texts",
    );
    let labels = json!({"enum": ["a"], "x-labels": {"b": "B"}});
    refuses(
        place,
        field(labels),
        "/properties/who/x-labels/b",
        "not available",
    );
}

#[test]
fn anything_at_all_may_stand_in_place_of_a_schema() {
    for schema in [
        json!(null),
        json!([]),
        json!("x"),
        json!(true),
        json!({}),
        json!({"type": 1}),
    ] {
        assert!(Form::parse(&schema).is_err(), "{schema}");
    }
}

#[test]
fn a_limit_is_there_even_where_the_schema_names_none() {
    let form = Form::parse(&small()).unwrap();
    let errors = form.check_draft(&json!({"who": "x".repeat(501)}));
    assert_eq!(
        messages(&errors),
        ["“Who reads it?” must be at most 500 characters, is 501"]
    );
}

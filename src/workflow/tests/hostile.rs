//! Whatever is thrown at it, loading answers with a workflow or with problems.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;

/// Loads and holds the answer to its promises; the answer itself does not matter.
fn survives(text: &str) {
    if let Err(problems) = load(text) {
        assert!(!problems.is_empty() && problems.len() <= 51);
        for problem in problems {
            assert!(problem.line >= 1 && problem.column >= 1 && !problem.message.is_empty());
            assert!(problem.line <= text.matches('\n').count() + 1, "{problem}");
        }
    }
}

#[test]
fn odd_texts_are_refused_and_not_crashed_on() {
    for text in [
        "",
        " ",
        "null",
        "[]",
        "{}",
        "\u{feff}{}",
        "\"x\"",
        "{\"stages\": []}",
        "1e999",
    ] {
        assert!(load(text).is_err(), "{text:?}");
        survives(text);
    }
    survives("{\"a\": \"\\ud800\"}");
    survives(&"{\"a\":".repeat(10_000));
}

#[test]
fn many_problems_are_cut_short() {
    let stages: Vec<Value> = (0..40).map(|_| json!({"x": 1, "y": 2, "z": 3})).collect();
    let problems = load(&json!({"format": 1, "stages": stages}).to_string()).unwrap_err();
    assert_eq!(problems.len(), 50);
}

#[test]
fn long_keys_and_values_are_not_echoed_in_full() {
    let long = "k".repeat(100_000);
    let problems = load(&json!({ long.as_str(): 1, "format": long }).to_string()).unwrap_err();
    let said: usize = problems.iter().map(|problem| problem.message.len()).sum();
    assert!(said < 5_000, "{said}");
}

/// Chains that an unguarded parser or checker would follow down its stack.
#[test]
fn the_longest_chains_that_fit_a_condition_are_answered() {
    let chains = [
        format!("{}true", "!".repeat(990)),
        format!("{}1 == 1", "-".repeat(990)),
        format!("1{} == 1", "+1".repeat(490)),
        format!("request{}", ".a".repeat(490)),
        format!("true{}", " && true".repeat(120)),
        format!("true{}", "?true:true".repeat(90)),
        format!("1{}", "==1".repeat(300)),
        format!("{}1{}", "[".repeat(490), "]".repeat(490)),
        format!("request.uses{}", ".map(u,u)".repeat(100)),
        format!("has({}", "has(".repeat(240)),
        "request.uses.exists(exists, exists.exists(exists, exists))".to_owned(),
        "has(has(request.vendor))".to_owned(),
        "request.uses.exists(u)".to_owned(),
        "request.uses.exists(1, true)".to_owned(),
        "exists(u, true)".to_owned(),
        "request.has(vendor)".to_owned(),
        "`a`.b".to_owned(),
        "request.?vendor == 'x'".to_owned(),
        "'\u{0}\u{1f600}' == '\\u0041\\xff' && r'\\d' == b'a'".to_owned(),
        "9223372036854775808 > -9223372036854775809".to_owned(),
        "0x7fffffffffffffff + 1 > 0".to_owned(),
    ];
    for when in chains {
        survives(&small_with("/stages/1/when", json!(when)).to_string());
    }
}

const WORDS: [&str; 40] = [
    "request", "derived", "stages", ".", "sourcing", "uses", "risk", "first", "==", "!=", "&&",
    "||", "!", "(", ")", "[", "]", "{", "}", ",", "?", ":", "'high'", "\"x", "1", "2.5", "-", "+",
    "%", "in", "has", "exists", "map", "u", "null", "true", "\\", "`", "ü", "\n",
];

/// Any JSON, small.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z@.' ]{0,8}".prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z_~/]{0,8}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Every JSON pointer into a value.
fn places(value: &Value, here: String, out: &mut Vec<String>) {
    out.push(here.clone());
    match value {
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(i, v)| places(v, format!("{here}/{i}"), out));
        }
        Value::Object(map) => {
            map.iter()
                .for_each(|(key, value)| places(value, format!("{here}/{key}"), out));
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_text_is_answered(text in any::<String>()) {
        survives(&text);
    }

    #[test]
    fn any_json_in_place_of_a_part_is_answered(
        at in any::<prop::sample::Index>(), part in any_json()
    ) {
        let mut workflow: Value = serde_json::from_str(POLICY).unwrap();
        let mut all = Vec::new();
        places(&workflow, String::new(), &mut all);
        *workflow.pointer_mut(&all[at.index(all.len())]).unwrap() = part;
        survives(&serde_json::to_string_pretty(&workflow).unwrap());
    }

    #[test]
    fn a_policy_with_a_letter_changed_or_dropped_is_answered(
        at in any::<prop::sample::Index>(), letter in any::<Option<char>>()
    ) {
        let mut letters: Vec<char> = POLICY.chars().collect();
        let at = at.index(letters.len());
        letters.splice(at..=at, letter);
        survives(&letters.into_iter().collect::<String>());
    }

    #[test]
    fn any_row_of_words_as_a_condition_is_answered(
        words in prop::collection::vec(prop::sample::select(&WORDS[..]), 0..14),
        spaced in any::<bool>()
    ) {
        let when = words.join(if spaced { " " } else { "" });
        survives(&small_with("/stages/1/when", json!(when)).to_string());
    }

    #[test]
    fn any_text_as_a_condition_is_answered(when in any::<String>()) {
        survives(&small_with("/stages/1/when", json!(when)).to_string());
    }

    #[test]
    fn any_document_gets_a_verdict(document in any_json()) {
        static SHIPPED: LazyLock<Bundle> = LazyLock::new(policy);
        prop_assert_eq!(SHIPPED.workflow.forecast(&document).len(), 5);
    }
}

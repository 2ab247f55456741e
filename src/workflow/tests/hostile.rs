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

/// What an answer cost, whatever it was: bytes of conditions read and parts of them looked at.
/// Counted, because a clock says as much about the machine as about the program.
fn work(workflow: &Value) -> (Result<Bundle, Vec<Problem>>, u64) {
    let text = workflow.to_string();
    load::judge("policy.json", &text, &use_case(), &stage_forms())
}

/// No definition is given more work than this; the default policy takes a tenth.
const MOST_WORK: u64 = 48_000;

fn refused_soon(workflow: &Value, words: &str) {
    let (answer, work) = work(workflow);
    let problems = answer.err().unwrap_or_default();
    assert!(work <= MOST_WORK, "{work} steps");
    assert!(problems.len() <= 50);
    let said = lines(&problems);
    assert!(said.contains(words), "{words:?} should stand in: {said}");
}

/// Forty stages in a row, each with the condition.
fn forty_stages(when: &str) -> Value {
    let mut workflow = small();
    let stage = |index: usize| {
        let mut stage = small()["stages"][0].clone();
        stage["key"] = json!(format!("s{index}"));
        stage["needs"] = match index {
            0 => json!([]),
            _ => json!([format!("s{}", index - 1)]),
        };
        stage["when"] = json!(when);
        stage
    };
    workflow["stages"] = (0..40).map(stage).collect();
    workflow
}

#[test]
fn the_default_policy_is_little_work() {
    let (bundle, work) = work(&serde_json::from_str(POLICY).unwrap());
    assert!(bundle.is_ok() && work < MOST_WORK / 10, "{work}");
}

#[test]
fn more_condition_text_than_can_be_read_soon_is_not_read_at_all() {
    let long = format!("true{}", " || true".repeat(100));
    let (answer, work) = work(&forty_stages(&long));
    let problems = answer.unwrap_err();
    assert_says(&problems[0], "", &["32188 bytes together", "at most 24000"]);
    assert_eq!(work, 0);
}

#[test]
fn conditions_that_are_costly_only_together_are_refused() {
    let costly = "request.uses.exists(a, request.uses.exists(b, request.uses.exists(c, a == b)))";
    refused_soon(&forty_stages(costly), "steps together; at most 200000");
    let four = "request.uses.all(a, request.uses.all(b, request.uses.all(c, \
                request.uses.all(d, a == b && c == d))))";
    refused_soon(
        &small_with("/stages/1/when", json!(four)),
        "nest fewer exists() and all()",
    );
}

#[test]
fn as_much_as_fits_is_within_the_bound() {
    let full = format!("{}true", "!".repeat(590));
    let (answer, work) = work(&forty_stages(&full));
    assert!(answer.is_ok(), "{}", lines(&answer.unwrap_err()));
    assert!(work > 20_000 && work <= MOST_WORK, "{work} steps");
    let names = format!(
        "request.title == 'a'{}",
        " || request.title == 'b'".repeat(23)
    );
    refused_soon(&forty_stages(&format!("{names} == 1")), "");
}

#[test]
fn a_definition_of_very_many_values_is_refused_before_anything_is_checked() {
    let many = json!({ "stages": vec![0; 30_000] });
    refused_soon(&many, "more than 20000 values");
    let keys: serde_json::Map<String, Value> =
        (0..10_000).map(|at| (format!("k{at}"), json!(0))).collect();
    refused_soon(&Value::Object(keys), "unknown key `k0`");
    let needs: Vec<String> = (0..10_000).map(|at| format!("n{at}")).collect();
    refused_soon(
        &small_with("/stages/1/needs", json!(needs)),
        "too many items",
    );
    let large = json!({ "title": "x".repeat(300_000) });
    refused_soon(&large, "at most 262144 are read");
}

/// Each step names the one below twice: whoever followed would walk 2^30 of them.
#[test]
fn a_stage_form_that_grows_when_it_is_followed_is_refused_and_not_followed() {
    let step = |at: usize| {
        let below = json!({"$ref": format!("#/$defs/s{}", at + 1)});
        (format!("s{at}"), json!({"allOf": [below, below]}))
    };
    let mut defs: serde_json::Map<String, Value> = (0..30).map(step).collect();
    defs.insert("s30".to_owned(), json!({"type": "string"}));
    let mut forms = stage_forms();
    let form = forms.get_mut("data_use_review").unwrap();
    form["$defs"] = Value::Object(defs);
    form["properties"]["lawful"] = json!({"$ref": "#/$defs/s0"});
    let problems = Bundle::load("policy.json", POLICY, &use_case(), &forms).unwrap_err();
    let words = ["the form `data_use_review` cannot be used"];
    assert_says(&problems[0], "/stages/0/form", &words);
    forms.get_mut("data_use_review").unwrap()["description"] = json!("x".repeat(70_000));
    let problems = Bundle::load("policy.json", POLICY, &use_case(), &forms).unwrap_err();
    assert_says(&problems[0], "/stages/0/form", &["at most 65536 are read"]);
}

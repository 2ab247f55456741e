//! Conditions: what is refused at load and what an answer is.

use super::*;

/// Loads the small workflow with `when` as the condition of its second stage.
fn with_condition(when: &str) -> Result<Bundle, Vec<Problem>> {
    load(&small_with("/stages/1/when", json!(when)).to_string())
}

fn refused(when: &str, words: &[&str]) {
    match with_condition(when) {
        Ok(_) => panic!("{when} should be refused with {words:?}"),
        Err(problems) => {
            let said = problems
                .iter()
                .map(|p| p.message.as_str())
                .collect::<Vec<_>>()
                .join("\n");
            for word in words {
                assert!(
                    said.contains(word),
                    "{when}: {word:?} should stand in: {said}"
                );
            }
            assert!(
                problems
                    .iter()
                    .all(|problem| problem.place == "/stages/1/when")
            );
        }
    }
}

fn verdict(when: &str, request: &Value) -> Verdict {
    let bundle = with_condition(when).unwrap_or_else(|p| panic!("{when}: {}", lines(&p)));
    let derived = bundle.workflow.derive(request);
    let stages = BTreeMap::from([("first".to_owned(), StageResult::new("approved"))]);
    let inputs = Inputs {
        request,
        derived: &derived,
        stages: &stages,
    };
    bundle
        .workflow
        .condition(&bundle.workflow.stages[1], &inputs)
}

fn holds(when: &str, request: &Value) -> bool {
    match verdict(when, request) {
        Verdict::Required { .. } => true,
        Verdict::Skipped { .. } => false,
        Verdict::Error { message, .. } => panic!("{when}: {message}"),
    }
}

#[test]
fn what_a_condition_may_say() {
    let request = request(json!({
        "cost_eur_per_year": 50000, "hit_rate": 3, "tags": ["a", "bc"],
        "uses": ["hiring", "search"],
    }));
    let true_ones = [
        "request.sourcing != 'vendor' && derived.risk == 'low'",
        "stages.first.outcome == 'approved' && !stages.first.timed_out",
        "request.uses.exists(u, u in ['hiring', 'scoring'])",
        "request.uses.all(u, u != 'coding') && request.uses.exists_one(u, u == 'search')",
        "size(request.uses.filter(u, u == 'search')) == 1",
        "size(request.uses.map(u, u == 'search')) == 2",
        "has(request.cost_eur_per_year) && request.cost_eur_per_year >= 50000.0",
        "has(request.cost_eur_per_year) && request.cost_eur_per_year + 1 - 2 * 3 > -5",
        "!has(request.cost_eur_per_year) || request.cost_eur_per_year > 10",
        "has(request.cost_eur_per_year) ? request.cost_eur_per_year > 1 : true",
        "!(has(request.vendor_assessed) && request.vendor_assessed)",
        "has(request.hit_rate) && double(request.hit_rate) * 1.5 > 4.0",
        "has(request.hit_rate) && request.hit_rate < 3.5 && request.hit_rate == 3",
        "request.title.startsWith('Sum') && request.title.contains('mar')",
        "size(request.title) > 3",
        "(request.sourcing == 'vendor' ? 'high' : 'low') == derived.risk",
        "has(request.tags) && request.tags.exists(t, t.endsWith('c')) && 'a' in request.tags",
        "!has(stages.first.answers.lawful)",
        "'hiring' in request.uses",
    ];
    for when in true_ones {
        assert!(holds(when, &request), "{when}");
    }
}

#[test]
fn names_that_are_not_there_are_refused_with_the_nearest() {
    refused(
        "request.sorcing == 'vendor'",
        &["no field `sorcing`", "did you mean `sourcing`?"],
    );
    refused(
        "reqest.sourcing == 'vendor'",
        &["`reqest` is not known", "did you mean `request`?"],
    );
    refused("sourcing == 'vendor'", &["write request.sourcing"]);
    refused("derived.rsk == 'low'", &["did you mean `risk`?"]);
    refused("'vendor' in request.uses.list", &["has no fields"]);
    refused(
        "now > 3",
        &["`now` is not known", "`derived`, `request` or `stages`"],
    );
}

#[test]
fn a_value_that_the_form_does_not_offer_is_refused() {
    refused(
        "'persnal' in request.data_classes",
        &["'persnal'", "did you mean `personal`?"],
    );
    refused(
        "request.sourcing == 'seller'",
        &["`vendor`, `in_house` or `open_model`"],
    );
    refused(
        "request.sourcing in ['vendor', 'inhouse']",
        &["did you mean `in_house`?"],
    );
    refused(
        "request.uses.exists(u, u in ['hring'])",
        &["did you mean `hiring`?"],
    );
    refused("derived.risk != 'medium'", &["`low` or `high`"]);
    refused(
        "stages.first.outcome == 'aproved'",
        &["did you mean `approved`?"],
    );
    refused(
        "(request.sourcing == 'vendor' ? 'hig' : 'low') == derived.risk",
        &["`high`"],
    );
}

#[test]
fn the_place_inside_a_condition_is_the_wrong_word_itself() {
    let when = "derived.risk == 'high' || 'persnal' in request.data_classes";
    let text = small_with("/stages/1/when", json!(when)).to_string();
    let problems = load(&text).unwrap_err();
    assert_eq!(
        problems[0].column,
        text.find("'persnal'").unwrap() + 1,
        "{}",
        lines(&problems)
    );
}

#[test]
fn an_optional_field_must_be_guarded() {
    refused(
        "request.vendor_assessed",
        &["may be missing: write has(request.vendor_assessed) &&"],
    );
    refused(
        "request.vendor_assessed && has(request.vendor_assessed)",
        &["may be missing"],
    );
    refused(
        "has(request.vendor) && request.vendor_assessed",
        &["may be missing"],
    );
    refused(
        "has(request.vendor_assessed) || request.vendor_assessed",
        &["may be missing"],
    );
    refused(
        "!has(request.vendor_assessed) && request.vendor_assessed",
        &["may be missing"],
    );
    refused(
        "has(request.vendor_assessed) ? true : request.vendor_assessed",
        &["may be missing"],
    );
    refused(
        "(has(request.vendor_assessed) && true) == request.vendor_assessed",
        &["may be missing"],
    );
    refused("stages.first.answers.lawful == 'yes'", &["may be missing"]);
}

#[test]
fn what_is_always_there_is_not_asked_for() {
    refused(
        "has(derived.risk) && derived.risk == 'low'",
        &["always there: remove has()"],
    );
    refused("has(stages.first.outcome)", &["always there"]);
}

#[test]
fn only_stages_that_are_settled_before_can_be_read() {
    refused(
        "stages.second.timed_out",
        &["`stages.second` is not settled", "Add it to `needs`"],
    );
    let problem = problem_with("/stages/0/when", json!("stages.second.timed_out"));
    assert_says(&problem, "/stages/0/when", &["needs no other"]);
    let problem = problem_with("/derive/0/cases/0/when", json!("stages.first.timed_out"));
    assert_says(
        &problem,
        "/derive/0/cases/0/when",
        &["`stages` is not known here"],
    );
    let problem = problem_with("/applies_when", json!("derived.risk == 'low'"));
    assert_says(&problem, "/applies_when", &["`derived` is not known here"]);
}

#[test]
fn a_table_reads_the_tables_above_it_and_no_other() {
    let table = |when: &str| {
        json!({"key": "urgent", "type": "bool", "otherwise": false,
               "cases": [{"when": when, "then": true, "because": "High."}]})
    };
    let bundle =
        load(&small_with("/derive/-", table("derived.risk == 'high'")).to_string()).unwrap();
    let derived = bundle
        .workflow
        .derive(&request(json!({"sourcing": "vendor"})));
    assert_eq!(derived["urgent"].value, json!(true));
    let problem = problem_with("/derive/-", table("derived.urgent"));
    assert_says(&problem, "/derive/1/cases/0/when", &["cannot read itself"]);
}

#[test]
fn types_that_do_not_go_together_are_refused() {
    refused(
        "request.title == 3",
        &["a text is never equal to a whole number"],
    );
    refused(
        "has(request.cost_eur_per_year) && request.cost_eur_per_year == '5'",
        &["never equal"],
    );
    refused("3 in request.uses", &["never in"]);
    refused("'a' in request.title", &["must be a list"]);
    refused("request.uses == 'hiring'", &["never equal"]);
    refused("derived.risk > 'low'", &["have no order"]);
    refused("request.uses > 3", &["have no order"]);
    refused("!request.title", &["`!` turns true into false"]);
    refused(
        "request.title && true",
        &["`&&` joins what is true or false"],
    );
    refused("true || request.uses", &["`||` joins"]);
    refused("true ? 1 : 'a'", &["both must be of one sort"]);
    refused(
        "request.title ? true : false",
        &["before ? must be true or false"],
    );
    refused("'a' in ['a', 3]", &["a list cannot hold both"]);
    refused(
        "request.title.exists(c, c == 'a')",
        &["goes through a list"],
    );
    refused("request.uses.contains('hiring')", &["write 'x' in list"]);
    refused("size(3) == 1", &["size() counts"]);
    refused(
        "has(request.expected_users) && request.expected_users * 1.5 > 3.0",
        &["do not mix"],
    );
    refused(
        "has(request.hit_rate) && request.hit_rate * 2 > 3",
        &["do not mix"],
    );
}

#[test]
fn a_condition_must_be_true_or_false() {
    refused(
        "request.title",
        &["this gives a text; a condition must be true or false"],
    );
    refused(
        "request.uses.map(u, u == 'hiring')",
        &["must be true or false"],
    );
    refused("1 + 1", &["this gives a whole number"]);
    refused("[]", &["must be true or false"]);
}

#[test]
fn functions_outside_the_list_are_refused() {
    refused("request.title.matches('^a')", &["`matches` is not allowed"]);
    refused(
        "timestamp('2026-01-01T00:00:00Z') > timestamp('2025-01-01T00:00:00Z')",
        &["no clock"],
    );
    refused("duration('1h') == duration('2h')", &["no clock"]);
    refused("request.title + 'x' == 'ax'", &["texts cannot be joined"]);
    refused("string(3) == '3'", &["`string` is not allowed"]);
    refused(
        "size(request.title.split(',')) > 1",
        &["`split` is not allowed"],
    );
    refused("request.uses[0] == 'hiring'", &["picked by number"]);
    refused("request.title == null", &["never null"]);
    refused("{'a': 1}.a == 1", &["braces"]);
    refused("5u == 5", &["5, not 5u"]);
    refused(
        "request.uses.exists(request, true)",
        &["already means something"],
    );
    refused("int('5') == 5", &["`int` cannot be used like this"]);
    refused(
        "request.title.startWith('a')",
        &["did you mean `startsWith`?"],
    );
    refused("dyn(request.title) == 3", &["`dyn` is not allowed"]);
    refused("type(request.title) == string", &["`type` is not allowed"]);
}

#[test]
fn what_cannot_be_read_is_refused_with_a_hint() {
    refused(
        "derived.risk = 'high'",
        &["cannot be read as a condition", "to compare write =="],
    );
    refused("true and false", &["write &&"]);
    refused("(true", &["cannot be read"]);
    refused("'open", &["cannot be read"]);
    refused("   ", &["cannot be read"]);
}

#[test]
fn a_condition_that_could_take_long_is_refused() {
    let pairs = "has(request.tags) && request.tags.exists(a, request.tags.exists(b, a == b))";
    refused(pairs, &["steps; at most 20000"]);
    refused(
        "request.uses.exists(a, request.uses.exists(b, a == b))",
        &["steps"],
    );
    let wide = format!("[{}].exists(a, a == 1)", vec!["1"; 400].join(","));
    with_condition(&wide).unwrap();
    refused(
        &format!("request.title == '{}'", "x".repeat(1000)),
        &["at most 1000"],
    );
    refused(
        &format!("{}true{}", "(".repeat(40), ")".repeat(40)),
        &["deeper than 32"],
    );
}

#[test]
fn an_error_makes_the_stage_required() {
    let when = "has(request.expected_users) && 10 / request.expected_users > 1";
    let zero = verdict(when, &request(json!({"expected_users": 0})));
    let Verdict::Error { condition, message } = &zero else {
        panic!("{zero:?}")
    };
    assert_eq!(condition, when);
    assert!(!message.is_empty() && zero.is_required());
}

#[test]
fn a_document_that_never_saw_its_form_gives_an_error_and_no_wrong_answer() {
    for wrong in [
        json!({}),
        json!(null),
        json!([1]),
        json!("text"),
        json!({"sourcing": 4}),
    ] {
        let bundle = policy();
        let derived = bundle.workflow.derive(&wrong);
        assert!(
            derived["risk"].error.is_some() && derived["risk"].value.is_null(),
            "{wrong}"
        );
        let route = bundle.workflow.forecast(&wrong);
        let asked = |key: &str| route.iter().any(|(s, v)| s.key == key && v.is_required());
        assert!(
            asked("data_use") && asked("legal_security") && asked("council"),
            "{wrong}"
        );
    }
}

#[test]
fn a_row_that_cannot_be_answered_stops_the_table() {
    let rows = json!([
        {"when": "has(request.expected_users) && 10 / request.expected_users > 1",
         "then": "high", "because": "Few."},
        {"when": "true", "then": "low", "because": "Else."},
    ]);
    let bundle = load(&small_with("/derive/0/cases", rows).to_string()).unwrap();
    let derived = bundle
        .workflow
        .derive(&request(json!({"expected_users": 0})));
    assert_eq!(
        (derived["risk"].row, &derived["risk"].because),
        (Some(0), &None)
    );
    assert!(derived["risk"].error.is_some());
    let route = bundle
        .workflow
        .forecast(&request(json!({"expected_users": 0})));
    assert!(matches!(route[1].1, Verdict::Error { .. }));
}

#[test]
fn whole_numbers_are_whole_however_they_are_written() {
    let when = "has(request.cost_eur_per_year) && request.cost_eur_per_year - 1 == 4";
    assert!(holds(when, &request(json!({"cost_eur_per_year": 5}))));
    assert!(holds(when, &request(json!({"cost_eur_per_year": 5.0}))));
    let huge = request(json!({"cost_eur_per_year": u64::MAX}));
    assert!(verdict(when, &huge).is_required());
}

#[test]
fn a_field_that_is_null_counts_as_missing() {
    let nothing = request(json!({"vendor_assessed": null}));
    assert!(!holds(
        "has(request.vendor_assessed) && request.vendor_assessed",
        &nothing
    ));
}

#[test]
fn a_workflow_applies_unless_its_condition_says_no() {
    let when = "request.sourcing == 'vendor'";
    let bundle = load(&small_with("/applies_when", json!(when)).to_string()).unwrap();
    assert!(
        bundle
            .workflow
            .applies(&request(json!({"sourcing": "vendor"})))
    );
    assert!(!bundle.workflow.applies(&request(json!({}))));
    assert!(
        bundle.workflow.applies(&json!({})),
        "an error never leaves a record without review"
    );
    assert!(policy().workflow.applies(&json!({})));
}

#[test]
fn a_workflow_built_by_hand_answers_the_same() {
    let loaded = policy().workflow;
    let by_hand: Workflow = serde_json::from_value(serde_json::to_value(&loaded).unwrap()).unwrap();
    let personal = request(json!({"data_classes": ["personal"]}));
    assert_eq!(by_hand.derive(&personal), loaded.derive(&personal));
    let broken = Workflow {
        applies_when: Some("((".to_owned()),
        ..by_hand
    };
    assert!(broken.applies(&personal));
}

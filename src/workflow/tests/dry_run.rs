//! The dry run: what it finds in the default policy, and in policies with a mistake.

use super::*;

fn tried(workflow: &Value) -> DryRun {
    let bundle = shipped(workflow).unwrap_or_else(|problems| panic!("{}", lines(&problems)));
    super::super::dry_run(&bundle, &use_case(), Limits::default())
}

/// The one problem that the dry run finds in the default policy with `place` set to `value`.
fn found(severity: Severity, place: &str, value: Value) -> Problem {
    found_in(severity, &policy_with(place, value))
}

fn found_in(severity: Severity, workflow: &Value) -> Problem {
    let problems = tried(workflow).problems("policy.json", &workflow.to_string());
    assert_eq!(problems.len(), 1, "{}", lines(&problems));
    assert_eq!(problems[0].severity, severity, "{}", problems[0]);
    problems.into_iter().next().unwrap()
}

fn asked<'d>(run: &'d DryRun, place: &str) -> &'d Asked {
    run.conditions
        .iter()
        .find(|asked| asked.place == place)
        .unwrap()
}

#[test]
fn the_default_policy_over_its_whole_answer_space_has_no_error_and_hits_every_row() {
    let policy: Value = serde_json::from_str(POLICY).unwrap();
    let run = tried(&policy);
    println!("{run}");
    assert!(run.complete && !run.sampled);
    assert!(run.conditions.iter().all(|asked| asked.errors == 0));
    assert!(run.rows.iter().all(|row| row.hits > 0), "{run}");
    assert_eq!(run.unreached, Vec::<String>::new());
    assert_eq!(lines(&run.problems("policy.json", POLICY)), "");
    let sum: u64 = run.routes.iter().map(|route| route.count).sum();
    assert_eq!(sum, run.combinations);
    for route in &run.routes {
        let asks = |stage: &str| route.stages.iter().any(|key| key == stage);
        match route.derived["risk"].as_str().unwrap() {
            "prohibited" => assert_eq!(route.stages, ["council"]),
            "high" => assert!(asks("legal_security") && asks("council")),
            "medium" => assert!(asks("legal_security")),
            _ => assert!(asks("data_use") && asks("human_review")),
        }
    }
}

#[test]
fn the_table_names_every_route_with_its_count() {
    let run = tried(&serde_json::from_str(POLICY).unwrap());
    let text = run.to_string();
    for words in [
        "all there are",
        "\n0 errors in conditions",
        "  council [prohibited]",
        "  data_use > human_review [low]",
        "  data_use > human_review > vendor > legal_security > council [high]",
        "  data_use > human_review > vendor (timed out) > legal_security [low]",
        "risk prohibited (/derive/0/cases/0)",
        "/stages/4/email/step_up_when",
    ] {
        assert!(text.contains(words), "{words:?} should stand in:\n{text}");
    }
    let json = serde_json::to_value(&run).unwrap();
    assert_eq!(json["routes"].as_array().unwrap().len(), run.routes.len());
    assert!(json["routes"][0]["example"]["uses"].is_array());
}

#[test]
fn a_row_that_can_never_hit_is_found() {
    let row = json!({"when": "'hiring' in request.uses && request.effect_on_people == 'none'",
                     "then": "medium", "because": "Late."});
    let problem = found(Severity::Error, "/derive/0/cases/-", row);
    assert_says(
        &problem,
        "/derive/0/cases/8",
        &["no answers lead to this row", "\"medium\""],
    );
    let row = json!({"when": "derived.risk == 'high' && request.effect_on_people == 'none' && \
                              request.effect_on_people == 'significant'", "then": "P1M"});
    let mut policy: Value = serde_json::from_str(POLICY).unwrap();
    policy["renewal"]["valid_for"]
        .as_array_mut()
        .unwrap()
        .insert(0, row);
    let problem = found_in(Severity::Error, &policy);
    assert_says(
        &problem,
        "/renewal/valid_for/0",
        &["no answers lead to this row"],
    );
}

#[test]
fn a_stage_that_is_never_asked_and_one_that_always_is_are_found() {
    let never = "request.sourcing == 'vendor' && !has(request.vendor_assessed)";
    let mut policy = policy_with("/stages/4/when", json!(never));
    policy["stages"][3]["sla"]["on_timeout"] = json!("keep_open");
    let problem = found_in(Severity::Error, &policy);
    assert_says(&problem, "/stages/4/when", &["never holds", "never asked"]);
    let always = "request.sourcing in ['vendor', 'in_house', 'open_model']";
    let problem = found(Severity::Warning, "/stages/0/when", json!(always));
    assert_says(&problem, "/stages/0/when", &["always holds", "remove it"]);
}

#[test]
fn a_code_and_an_escalation_that_nobody_is_ever_asked_for_are_found() {
    let at = "/stages/4/email/step_up_when";
    let never = "has(request.cost_eur_per_year) && request.cost_eur_per_year < 0";
    let problem = found(Severity::Error, at, json!(never));
    assert_says(&problem, at, &["never holds", "more than the link"]);
    let escalation = json!([{"on": "opened", "when": "derived.risk == 'prohibited'",
                             "to": [{"role": "cto"}], "mode": "notify"}]);
    let problem = found(Severity::Error, "/stages/0/escalate", escalation);
    assert_says(
        &problem,
        "/stages/0/escalate/0/when",
        &["nobody is ever called in"],
    );
}

#[test]
fn a_stage_whose_time_runs_out_unseen_is_found() {
    let when = "derived.risk in ['high', 'prohibited']";
    let problem = found(Severity::Error, "/stages/4/when", json!(when));
    let place = "/stages/3/sla/on_timeout";
    assert_says(
        &problem,
        place,
        &["`legal_security`", "stages.legal_security.timed_out"],
    );
    assert!(problem.message.contains("For example {"), "{problem}");
}

#[test]
fn a_workflow_meant_for_nothing_is_found() {
    let when = "request.sourcing == 'vendor' && request.sourcing != 'vendor'";
    let policy = policy_with("/applies_when", json!(when));
    let problems = tried(&policy).problems("policy.json", &policy.to_string());
    assert_says(&problems[0], "/applies_when", &["meant for nothing"]);
}

#[test]
fn what_could_not_all_be_tried_is_a_warning_only() {
    let row = json!({"when": "request.purpose.contains('x') && request.purpose == 'y'",
                     "then": "medium", "because": "Never."});
    let mut policy: Value = serde_json::from_str(POLICY).unwrap();
    policy["derive"][0]["cases"]
        .as_array_mut()
        .unwrap()
        .insert(0, row);
    let problem = found_in(Severity::Warning, &policy);
    assert_says(
        &problem,
        "/derive/0/cases/0",
        &["not everything could be tried"],
    );
    assert!(tried(&policy).to_string().contains("not all there are"));
}

#[test]
fn a_condition_that_cannot_be_answered_says_for_which_answers() {
    let when = "has(request.cost_eur_per_year) && \
                100 / (request.cost_eur_per_year - 50000) > 1";
    let mut policy = policy_with(
        "/stages/3/when",
        json!(format!("derived.risk == 'high' || {when}")),
    );
    policy["stages"][2]["sla"]["on_timeout"] = json!("keep_open");
    policy["stages"][4]["when"] =
        json!("derived.risk in ['high', 'prohibited'] || stages.legal_security.timed_out");
    let problem = found_in(Severity::Error, &policy);
    assert_says(
        &problem,
        "/stages/3/when",
        &["could not be answered", "For example {"],
    );
    assert!(problem.message.contains("50000"), "{problem}");
}

#[test]
fn more_combinations_than_fit_are_drawn_by_chance_and_that_is_said() {
    let bundle = shipped(&serde_json::from_str(POLICY).unwrap()).unwrap();
    let few = |seed: u64| Limits {
        combinations: 2_000,
        steps: 10_000_000,
        seed,
    };
    let run = |seed: u64| super::super::dry_run(&bundle, &use_case(), few(seed));
    let (one, again, other) = (run(7), run(7), run(8));
    assert!(one.sampled && !one.complete);
    assert_eq!(one.requests, 2_000);
    assert_eq!(one.to_string(), again.to_string());
    assert_ne!(one.to_string(), other.to_string());
    assert!(one.to_string().contains("drawn by chance"));
    assert!(one.rows.iter().all(|row| row.hits > 0), "{one}");
}

/// Forty tables, each reading another field in a way that differs: whoever tried it all would
/// never end.
#[test]
fn a_workflow_that_could_be_tried_for_ever_is_tried_within_bounds() {
    let mut schema = use_case();
    let mut workflow = small();
    for at in 0..19 {
        let name = format!("f{at}");
        schema["properties"][&name] = json!({"type": "integer"});
        schema["required"].as_array_mut().unwrap().push(json!(name));
        let when = format!("request.{name} > {at}");
        let table = json!({"key": format!("t{at}"), "type": "bool", "otherwise": false,
                           "cases": [{"when": when, "then": true, "because": "So."}]});
        workflow["derive"].as_array_mut().unwrap().push(table);
    }
    let text = workflow.to_string();
    let bundle = Bundle::load("many.json", &text, &schema, &stage_forms()).unwrap();
    let limits = Limits {
        combinations: 500,
        steps: 100_000,
        seed: 1,
    };
    let run = super::super::dry_run(&bundle, &schema, limits);
    assert!(run.sampled && run.requests <= 501, "{}", run.requests);
    assert_eq!(asked(&run, "/stages/1/when").errors, 0);
}

#[test]
fn answers_of_a_stage_form_are_tried_where_a_later_condition_reads_them() {
    let when = "derived.risk == 'high' || \
                (has(stages.data_use.answers.impact_assessment) && \
                 stages.data_use.answers.impact_assessment == 'needed') || \
                stages.vendor.timed_out";
    let run = tried(&policy_with("/stages/3/when", json!(when)));
    let asked = asked(&run, "/stages/3/when");
    assert!(asked.held > 0 && asked.failed > 0 && asked.errors == 0);
    let low = run
        .routes
        .iter()
        .filter(|route| route.derived["risk"] == "low");
    let stages: Vec<String> = low.map(|route| route.stages.join(" ")).collect();
    assert!(
        stages
            .iter()
            .any(|stages| stages.contains("legal_security")),
        "{stages:?}"
    );
}

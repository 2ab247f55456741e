//! The default policy as shipped: which requests go where.

use super::*;
use crate::form::Form;

fn risk(changes: Value) -> (Value, Option<String>) {
    let derived = policy().workflow.derive(&request(changes));
    (
        derived["risk"].value.clone(),
        derived["risk"].because.clone(),
    )
}

/// The stages a request passes, when every stage required is approved.
fn route(changes: Value) -> Vec<String> {
    let bundle = policy();
    let request = request(changes);
    let required = bundle.workflow.forecast(&request).into_iter();
    required
        .filter(|(_, v)| v.is_required())
        .map(|(stage, _)| stage.key.clone())
        .collect()
}

#[test]
fn the_policy_is_laid_out_as_agreed() {
    let workflow = policy().workflow;
    let order: Vec<&str> = workflow
        .in_order()
        .iter()
        .map(|stage| stage.key.as_str())
        .collect();
    assert_eq!(
        order,
        [
            "data_use",
            "human_review",
            "vendor",
            "legal_security",
            "council"
        ]
    );
    let council = workflow.stage("council").unwrap();
    assert_eq!(council.on_reject, OnReject::UntilImpossible);
    assert_eq!(council.separation.not_approvers_of, ["legal_security"]);
    assert_eq!(council.reason_required.len(), 5);
    assert_eq!(council.seats[1].from, [Who::Group("ai_council".to_owned())]);
    assert_eq!(council.seats[1].need, Need::AtLeast(2));
    let ancestors: Vec<&str> = workflow
        .ancestors(council)
        .iter()
        .map(|stage| stage.key.as_str())
        .collect();
    assert_eq!(
        ancestors,
        ["data_use", "human_review", "vendor", "legal_security"]
    );
}

#[test]
fn the_policy_fits_the_use_case_form_that_is_shipped() {
    let kind = include_str!("../../../schemas/kinds/use_case.json");
    let kind: Value = serde_json::from_str(kind).unwrap();
    let shipped = Bundle::load("ai_use_case.json", POLICY, &kind, &stage_forms());
    let shipped = shipped.unwrap_or_else(|problems| panic!("{}", lines(&problems)));
    assert_eq!(shipped.hash, policy().hash);
    for (name, field) in request_schema()["properties"].as_object().unwrap() {
        let there = kind["properties"].get(name);
        let same = there.is_some_and(|f| f["type"] == field["type"] && f["enum"] == field["enum"]);
        assert!(
            same || ["hit_rate", "tags"].contains(&name.as_str()),
            "{name} differs"
        );
    }
}

#[test]
fn risk_follows_data_effect_and_use_and_says_why() {
    assert_eq!(risk(json!({})), (json!("low"), None));
    assert_eq!(risk(json!({"data_classes": ["confidential"]})).0, "medium");
    let (value, because) = risk(json!({"data_classes": ["personal"]}));
    assert_eq!(
        (value, because.unwrap().as_str()),
        (json!("medium"), "It uses personal data.")
    );
    assert_eq!(
        risk(json!({"data_classes": ["special_category"]})).0,
        "high"
    );
    assert_eq!(risk(json!({"effect_on_people": "significant"})).0, "high");
    for high in ["hiring", "scoring", "monitoring_people"] {
        assert_eq!(risk(json!({"uses": ["search", high]})).0, "high", "{high}");
    }
    let trained = |yes: bool| json!({"data_classes": ["personal"], "trains_on_our_data": yes});
    assert_eq!(risk(trained(true)).0, "high");
    assert_eq!(risk(trained(false)).0, "medium");
    let trained_on_public = json!({"data_classes": ["public"], "trains_on_our_data": true});
    assert_eq!(risk(trained_on_public).0, "low");
    for banned in ["social_scoring", "emotion_recognition_at_work"] {
        assert_eq!(
            risk(json!({"uses": [banned, "hiring"]})).0,
            "prohibited",
            "{banned}"
        );
    }
}

#[test]
fn a_prohibited_practice_goes_straight_to_the_council() {
    let banned = json!({"uses": ["social_scoring"], "sourcing": "vendor",
                        "cost_eur_per_year": 90000, "data_classes": ["personal"]});
    assert_eq!(route(banned), ["council"]);
}

#[test]
fn a_harmless_use_case_is_asked_no_more_than_it_needs() {
    assert_eq!(route(json!({})), ["data_use", "human_review"]);
    let bought = json!({"sourcing": "vendor", "vendor_assessed": true});
    assert_eq!(route(bought), ["data_use", "human_review"]);
}

#[test]
fn a_vendor_is_assessed_when_it_was_not_or_when_the_risk_is_high() {
    let unknown = json!({"sourcing": "vendor"});
    assert_eq!(route(unknown), ["data_use", "human_review", "vendor"]);
    let outdated = json!({"sourcing": "vendor", "vendor_assessed": false});
    assert_eq!(route(outdated), ["data_use", "human_review", "vendor"]);
    let all = [
        "data_use",
        "human_review",
        "vendor",
        "legal_security",
        "council",
    ];
    let risky = json!({"sourcing": "vendor", "vendor_assessed": true, "uses": ["hiring"]});
    assert_eq!(route(risky), all);
}

#[test]
fn cost_or_conditions_on_data_use_bring_in_legal_and_security() {
    let dear = |cost: u32| json!({"cost_eur_per_year": cost});
    assert_eq!(
        route(dear(50_000)),
        ["data_use", "human_review", "legal_security"]
    );
    assert_eq!(route(dear(49_999)), ["data_use", "human_review"]);
    let workflow = policy().workflow;
    let request = request(json!({}));
    let derived = workflow.derive(&request);
    let mut stages: BTreeMap<String, StageResult> = ["data_use", "human_review"]
        .map(|key| (key.to_owned(), StageResult::new("approved")))
        .into();
    stages.insert("vendor".to_owned(), StageResult::new("skipped"));
    stages.insert(
        "data_use".to_owned(),
        StageResult::new("approved_with_conditions"),
    );
    let inputs = Inputs {
        request: &request,
        derived: &derived,
        stages: &stages,
    };
    let verdict = workflow.condition(workflow.stage("legal_security").unwrap(), &inputs);
    assert!(
        matches!(verdict, Verdict::Required { condition: Some(_) }),
        "{verdict:?}"
    );
}

/// All requests made of a few values each, as changes to the plain request.
fn combinations() -> Vec<Value> {
    let data = [
        json!([]),
        json!(["internal"]),
        json!(["confidential"]),
        json!(["personal"]),
        json!(["special_category", "personal"]),
    ];
    let uses = [
        "drafting",
        "hiring",
        "customer_chat",
        "social_scoring",
        "emotion_recognition_at_work",
    ];
    let maybe = [json!(null), json!(true), json!(false)];
    let mut all = Vec::new();
    for classes in &data {
        for used in uses {
            for sourcing in ["vendor", "in_house", "open_model"] {
                for effect in ["none", "assistive", "significant"] {
                    for assessed in &maybe {
                        for trains in &maybe {
                            for cost in [json!(null), json!(0), json!(50_000)] {
                                all.push(json!({
                                    "data_classes": classes, "uses": [used],
                                    "sourcing": sourcing, "effect_on_people": effect,
                                    "vendor_assessed": assessed, "trains_on_our_data": trains,
                                    "cost_eur_per_year": cost,
                                }));
                            }
                        }
                    }
                }
            }
        }
    }
    all
}

#[test]
fn a_dry_run_over_six_thousand_requests_has_no_error_and_hits_every_row() {
    let workflow = policy().workflow;
    let mut routes: BTreeMap<(String, Vec<&str>), u32> = BTreeMap::new();
    let mut rows = std::collections::BTreeSet::new();
    for changes in combinations() {
        let request = request(changes);
        let risk = &workflow.derive(&request)["risk"];
        assert_eq!(risk.error, None, "{request}");
        rows.insert(risk.row);
        let forecast = workflow.forecast(&request);
        let failed = forecast
            .iter()
            .any(|(_, v)| matches!(v, Verdict::Error { .. }));
        assert!(!failed, "{request}: {forecast:?}");
        let required = forecast.iter().filter(|(_, v)| v.is_required());
        let keys = required.map(|(stage, _)| stage.key.as_str()).collect();
        *routes
            .entry((risk.value.as_str().unwrap().to_owned(), keys))
            .or_default() += 1;
    }
    assert_eq!(
        rows.len(),
        workflow.derive[0].cases.len() + 1,
        "a row can never hit: {rows:?}"
    );
    let with = |risk: &str, stage: &str| {
        let of_risk = routes.iter().filter(|((r, _), _)| r == risk);
        of_risk
            .map(|((_, keys), _)| keys.contains(&stage))
            .collect::<Vec<bool>>()
    };
    assert_eq!(with("prohibited", "council"), [true]);
    assert!(with("high", "council").iter().all(|asked| *asked));
    assert!(with("medium", "legal_security").iter().all(|asked| *asked));
    assert!(
        with("medium", "council")
            .iter()
            .chain(&with("low", "council"))
            .all(|asked| !asked)
    );
    assert!(
        routes
            .keys()
            .all(|(risk, keys)| risk == "prohibited" || keys[0] == "data_use")
    );
    assert_eq!(routes.len(), 9, "{routes:#?}");
}

#[test]
fn the_stage_forms_ask_three_to_six_questions_and_explain_the_ones_that_follow() {
    for (key, form) in stage_forms() {
        Form::parse(&form).unwrap_or_else(|problems| panic!("{key}: {problems:?}"));
        let fields = form["properties"].as_object().unwrap();
        assert!(
            (3..=6).contains(&fields.len()),
            "{key} asks {}",
            fields.len()
        );
        for block in form["allOf"].as_array().unwrap() {
            assert!(block["then"]["x-because"].is_string(), "{key}");
            for field in block["then"]["required"].as_array().unwrap() {
                let field = &fields[field.as_str().unwrap()];
                assert_eq!(field["x-ask"], "follow_up", "{key}");
            }
        }
        for (name, field) in fields {
            let labels = field["x-labels"].as_object();
            let values = field.get("enum").or_else(|| field.pointer("/items/enum"));
            for value in values.and_then(Value::as_array).into_iter().flatten() {
                assert!(
                    labels.unwrap().contains_key(value.as_str().unwrap()),
                    "{key}.{name}"
                );
            }
        }
    }
}

//! Each mistake an author can make is refused, with its place and with what would be right.

use super::*;

#[test]
fn the_small_workflow_of_these_tests_is_right() {
    let bundle = load(&small().to_string()).unwrap();
    assert_eq!(lines(&bundle.warnings), "");
}

#[test]
fn a_misspelt_key_is_refused_and_the_right_one_suggested() {
    let problem = problem_with("/stages/0/seats/0/aprovers", json!([]));
    assert_says(
        &problem,
        "/stages/0/seats/0/aprovers",
        &["unknown key `aprovers`", "`fallback`"],
    );
    let problem = problem_with("/stages/1/reason_requird", json!([]));
    assert_says(
        &problem,
        "/stages/1/reason_requird",
        &["did you mean `reason_required`?"],
    );
}

#[test]
fn a_problem_names_file_line_and_column() {
    let text = POLICY.replace("\"need\": 2", "\"need\": 0");
    let problems = load(&text).unwrap_err();
    let line = text
        .lines()
        .position(|line| line.contains("\"need\": 0"))
        .unwrap()
        + 1;
    let shown = problems[0].to_string();
    let start = format!("policy.json:{line}:19 /stages/3/seats/1/need: ");
    assert!(shown.starts_with(&start), "{shown}");
}

#[test]
fn a_seat_that_nobody_needs_to_fill_is_refused() {
    let problem = problem_with("/stages/0/seats/0/need", json!(0));
    assert_says(
        &problem,
        "/stages/0/seats/0/need",
        &["from 1 to 20, or \"all\""],
    );
    let problem = problem_with("/stages/0/seats/0/need", json!("most"));
    assert_says(
        &problem,
        "/stages/0/seats/0/need",
        &["from 1 to 20, or \"all\""],
    );
}

#[test]
fn a_seat_without_fallback_is_refused() {
    let mut workflow = small();
    workflow["stages"][0]["seats"][0]
        .as_object_mut()
        .unwrap()
        .remove("fallback");
    let problem = one_problem(&workflow);
    assert_says(
        &problem,
        "/stages/0/seats/0",
        &["`fallback` is missing", "no stage sticks"],
    );
    let problem = problem_with("/stages/0/seats/0/fallback", json!([]));
    assert_says(
        &problem,
        "/stages/0/seats/0/fallback",
        &["at least one item"],
    );
}

#[test]
fn a_seat_that_needs_more_people_than_it_names_is_refused() {
    let mut workflow = small_with(
        "/stages/0/seats/0/from",
        json!([{"person": "a@example.org"}]),
    );
    workflow["stages"][0]["seats"][0]["need"] = json!(2);
    assert_says(
        &one_problem(&workflow),
        "/stages/0/seats/0/need",
        &["need at most 1"],
    );
}

#[test]
fn stages_that_wait_for_each_other_are_refused() {
    let mut workflow = small_with("/stages/0/needs", json!(["second"]));
    workflow["stages"][1]["when"] = json!("true");
    let problem = one_problem(&workflow);
    assert_says(&problem, "/stages/0/needs", &["first → second → first"]);
    let problem = problem_with("/stages/0/needs", json!(["first"]));
    assert_says(&problem, "/stages/0/needs/0", &["cannot need itself"]);
}

#[test]
fn a_stage_that_needs_one_that_is_not_there_is_refused() {
    let problem = problem_with("/stages/1/needs", json!(["frist"]));
    assert_says(
        &problem,
        "/stages/1/needs/0",
        &["no stage `frist`", "did you mean `first`?"],
    );
}

#[test]
fn keys_that_are_taken_are_refused() {
    let seat = small()["stages"][0]["seats"][0].clone();
    let problem = problem_with("/stages/0/seats/-", seat);
    assert_says(&problem, "/stages/0/seats/1/key", &["`s` is taken"]);
    let table = small()["derive"][0].clone();
    assert_says(
        &problem_with("/derive/-", table),
        "/derive/1/key",
        &["`risk` is taken"],
    );
    let mut workflow = small_with("/stages/1/needs", json!([]));
    workflow["stages"][1]["key"] = json!("first");
    assert_says(
        &one_problem(&workflow),
        "/stages/1/key",
        &["`first` is taken"],
    );
}

#[test]
fn separation_is_never_from_a_stage_that_is_decided_later() {
    let later = json!({"not_approvers_of": ["second"]});
    let problem = problem_with("/stages/0/separation", later);
    let place = "/stages/0/separation/not_approvers_of/0";
    assert_says(
        &problem,
        place,
        &["`second` is not decided before or beside this stage"],
    );
    let unknown = json!({"not_approvers_of": ["firs"]});
    let problem = problem_with("/stages/1/separation", unknown);
    let place = "/stages/1/separation/not_approvers_of/0";
    assert_says(&problem, place, &["did you mean `first`?"]);
}

#[test]
fn separation_that_names_only_stages_still_keeps_out_submitter_owner_and_editors() {
    let separation = json!({"not_approvers_of": ["first"]});
    let bundle = load(&small_with("/stages/1/separation", separation).to_string()).unwrap();
    let all = vec![Party::Submitter, Party::Owner, Party::Editors];
    assert_eq!(bundle.workflow.stages[0].separation.not, all);
    assert_eq!(bundle.workflow.stages[1].separation.not, all);
}

#[test]
fn an_unknown_form_is_refused() {
    let problem = problem_with("/stages/0/form", json!("data_use_reviews"));
    assert_says(
        &problem,
        "/stages/0/form",
        &["did you mean `data_use_review`?"],
    );
}

#[test]
fn a_field_that_holds_no_address_cannot_name_a_person() {
    let from = |name: &str| json!([{"role": "legal"}, {"field": name}]);
    let place = "/stages/0/seats/0/from";
    assert!(load(&small_with(place, from("request.owner")).to_string()).is_ok());
    assert!(load(&small_with(place, from("request.contact")).to_string()).is_ok());
    let wrong = "/stages/0/seats/0/from/1/field";
    let problem = problem_with(place, from("request.title"));
    assert_says(
        &problem,
        wrong,
        &["does not hold an e-mail address", "`contact` or `owner`"],
    );
    let problem = problem_with(place, from("request.ownr"));
    assert_says(
        &problem,
        wrong,
        &["no field `ownr`", "did you mean `owner`?"],
    );
    let problem = problem_with(place, from("owner"));
    assert_says(&problem, wrong, &["write request.<name>"]);
}

#[test]
fn a_who_names_exactly_one_way() {
    let two = json!([{"role": "legal", "group": "council"}]);
    let problem = problem_with("/stages/0/seats/0/from", two);
    assert_says(
        &problem,
        "/stages/0/seats/0/from/0",
        &["exactly one of role, group, person"],
    );
    let problem = problem_with("/stages/0/seats/0/from", json!([{"relation": "watchers"}]));
    let place = "/stages/0/seats/0/from/0/relation";
    assert_says(&problem, place, &["not available in this version"]);
    let problem = problem_with("/stages/0/seats/0/from", json!([{"person": "Dana"}]));
    assert_says(
        &problem,
        "/stages/0/seats/0/from/0/person",
        &["e-mail address"],
    );
}

#[test]
fn delegation_none_is_taken() {
    load(&small_with("/stages/0/delegation", json!("none")).to_string()).unwrap();
}

#[test]
fn a_stage_in_which_nobody_can_say_no_is_refused() {
    let problem = problem_with(
        "/stages/0/decisions",
        json!(["approve", "approve_with_conditions"]),
    );
    assert_says(&problem, "/stages/0/decisions", &["able to say no"]);
    let problem = problem_with("/stages/0/decisions", json!(["reject"]));
    assert_says(&problem, "/stages/0/decisions", &["needs `approve`"]);
    let problem = problem_with("/stages/0/decisions", json!(["approve", "rejct"]));
    assert!(
        problem.message.contains("did you mean `reject`?"),
        "{problem}"
    );
}

#[test]
fn a_table_gives_only_values_of_its_type_and_list() {
    let place = "/derive/0/cases/0/then";
    assert_says(
        &problem_with(place, json!("hihg")),
        place,
        &["did you mean `high`?"],
    );
    assert_says(&problem_with(place, json!(3)), place, &["write a text"]);
    let problem = problem_with("/derive/0/otherwise", json!("medium"));
    assert_says(&problem, "/derive/0/otherwise", &["`low` or `high`"]);
    let int = json!({"key": "n", "type": "int", "values": ["1"], "otherwise": 2,
                     "cases": [{"when": "true", "then": true, "because": "x"}]});
    let problems = load(&small_with("/derive/-", int).to_string()).unwrap_err();
    let places: Vec<&str> = problems
        .iter()
        .map(|problem| problem.place.as_str())
        .collect();
    assert_eq!(places, ["/derive/1/values", "/derive/1/cases/0/then"]);
}

#[test]
fn a_row_without_a_reason_is_refused() {
    let row = json!({"when": "true", "then": "low"});
    let problem = problem_with("/derive/0/cases/0", row);
    assert_says(&problem, "/derive/0/cases/0", &["`because` is missing"]);
}

#[test]
fn every_problem_of_one_kind_is_told_at_once() {
    let mut workflow = small_with("/stages/1/needs", json!(["nobody"]));
    workflow["stages"][0]["form"] = json!("nothing");
    workflow["derive"][0]["otherwise"] = json!("none");
    assert_eq!(load(&workflow.to_string()).unwrap_err().len(), 3);
}

#[test]
fn a_stored_version_comes_back_as_it_was_published() {
    let published = policy();
    let again = Bundle::from_canonical(&published.text, &request_schema()).unwrap();
    assert_eq!((again.text, again.hash), (published.text, published.hash));
    assert_eq!(again.workflow.stages, published.workflow.stages);
}

#[test]
fn a_stored_version_that_was_touched_is_refused() {
    let text = policy().text;
    let spaced = text.replacen(':', ": ", 1);
    let problems = Bundle::from_canonical(&spaced, &request_schema()).unwrap_err();
    assert!(
        problems[0].message.contains("not what was published"),
        "{}",
        lines(&problems)
    );
    assert!(Bundle::from_canonical("{}", &request_schema()).is_err());
    assert!(Bundle::pinned("{\"workflow\": {}, \"forms\": []}").is_err());
}

#[test]
fn a_problem_in_a_stored_version_is_found_behind_the_forms() {
    let text = policy().text.replace("\"need\":2", "\"need\":0");
    let problems = Bundle::pinned(&text).unwrap_err();
    let at = text.find("\"need\":0").unwrap() + "\"need\":".len() + 1;
    assert_eq!(problems[0].place, "/stages/3/seats/1/need");
    assert_eq!(problems[0].column, text[..at].chars().count());
}

#[test]
fn a_running_review_goes_on_when_its_kind_has_lost_a_field() {
    let text = policy().text;
    let mut schema = request_schema();
    schema["properties"]
        .as_object_mut()
        .unwrap()
        .remove("sourcing");
    assert!(Bundle::from_canonical(&text, &schema).is_err());
    let bundle = Bundle::pinned(&text).unwrap();
    let mut old = request(json!({}));
    old.as_object_mut().unwrap().remove("sourcing");
    let route = bundle.workflow.forecast(&old);
    let vendor = route
        .iter()
        .find(|(stage, _)| stage.key == "vendor")
        .unwrap();
    assert!(matches!(vendor.1, Verdict::Error { .. }) && vendor.1.is_required());
}

#[test]
fn the_same_workflow_in_another_layout_has_the_same_hash() {
    let compact: Value = serde_json::from_str(POLICY).unwrap();
    assert_eq!(load(&compact.to_string()).unwrap().hash, policy().hash);
    let other = POLICY.replace("\"need\": 2", "\"need\": 3");
    assert_ne!(load(&other).unwrap().hash, policy().hash);
}

#[test]
fn a_change_to_a_stage_form_changes_the_hash() {
    let mut forms = stage_forms();
    forms.get_mut("data_use_review").unwrap()["title"] = json!("Another title");
    let other = Bundle::load("policy.json", POLICY, &request_schema(), &forms).unwrap();
    assert_ne!(other.hash, policy().hash);
}

#[test]
fn types_are_written_back_as_they_were_read() {
    let original = policy().workflow;
    let text = serde_json::to_string(&original).unwrap();
    let again: Workflow = serde_json::from_str(&text).unwrap();
    assert_eq!(again.stages, original.stages);
    assert_eq!(again.derive, original.derive);
    let who: Who = serde_json::from_value(json!({"field": "request.owner"})).unwrap();
    assert_eq!(who, Who::Field("owner".to_owned()));
    assert_eq!(
        serde_json::to_value(&who).unwrap(),
        json!({"field": "request.owner"})
    );
    assert_eq!(serde_json::to_value(Need::All).unwrap(), json!("all"));
}

#[test]
fn the_smallest_workflow_of_the_guide_is_right() {
    let guide = include_str!("../../../docs/workflows.md");
    let (_, from) = guide.split_once("```json\n").unwrap();
    let (example, _) = from.split_once("```").unwrap();
    load(example).unwrap_or_else(|problems| panic!("{}", lines(&problems)));
}

#[test]
fn the_guide_names_every_key_of_the_format() {
    let guide = include_str!("../../../docs/workflows.md");
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let objects = [
        "",
        "/$defs/derive",
        "/$defs/case",
        "/$defs/who",
        "/$defs/seat",
        "/$defs/stage",
        "/$defs/stage/properties/email",
        "/$defs/sla",
        "/$defs/escalation_by_time",
        "/$defs/escalation",
        "/$defs/on_change",
        "/$defs/conditions",
        "/$defs/renewal",
        "/$defs/override",
    ];
    for object in objects {
        let keys = schema
            .pointer(&format!("{object}/properties"))
            .unwrap()
            .as_object()
            .unwrap();
        for key in keys.keys().filter(|key| *key != "$schema") {
            let named =
                guide.contains(&format!("`{key}`")) || guide.contains(&format!("\"{key}\""));
            assert!(named, "{key}");
        }
    }
}

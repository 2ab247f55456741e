//! Mistakes with clocks, changes, ends and overrides, each seeded into the default policy.

use super::*;

fn refused(place: &str, value: Value, at: &str, words: &[&str]) {
    assert_says(&seeded(Severity::Error, place, value), at, words);
}

fn warned(place: &str, value: Value, at: &str, words: &[&str]) {
    assert_says(&seeded(Severity::Warning, place, value), at, words);
}

#[test]
fn the_default_policy_has_neither_errors_nor_warnings() {
    let policy: Value = serde_json::from_str(POLICY).unwrap();
    let bundle = shipped(&policy).unwrap_or_else(|problems| panic!("{}", lines(&problems)));
    assert_eq!(lines(&bundle.warnings), "");
}

#[test]
fn a_warning_says_that_it_is_one_and_stops_nothing() {
    let mut policy: Value = serde_json::from_str(POLICY).unwrap();
    policy["stages"][0].as_object_mut().unwrap().remove("sla");
    let warning = only(Severity::Warning, &policy);
    assert_says(&warning, "/stages/0", &["no clock runs here", "Add `sla`"]);
    assert!(
        warning.to_string().contains("/stages/0: warning: no clock"),
        "{warning}"
    );
    let json = serde_json::to_value(&warning).unwrap();
    assert_eq!(json["severity"], "warning");
}

#[test]
fn no_clock_approves() {
    let at = "/stages/0/sla/on_timeout";
    refused(
        at,
        json!("approve"),
        at,
        &["no clock ever approves", "`mark_timed_out`"],
    );
}

#[test]
fn an_override_by_one_person_is_refused() {
    let at = "/override/second_person";
    refused(at, json!(false), at, &["always takes two people"]);
}

#[test]
fn a_loose_length_of_time_is_refused_with_one_that_is_right() {
    let loose = [
        ("/stages/0/sla/due", json!("10 days")),
        ("/stages/0/sla/remind/0", json!("tomorrow")),
        ("/renewal/valid_for/2/then", json!("1y")),
        ("/max_duration", json!("120")),
        ("/override/valid_for", json!("-P3D")),
        ("/conditions/remind_before/0", json!("P1D2H")),
    ];
    for (at, value) in loose {
        refused(at, value, at, &["\"3 business days\"", "\"P10D\""]);
    }
}

#[test]
fn a_length_of_time_that_is_none_is_refused_at_its_place() {
    let none = [
        ("/stages/0/sla/due", json!("P0D")),
        ("/stages/1/sla/remind/1", json!("PT0H")),
        ("/stages/3/sla/escalate/0/after", json!("PT0M")),
        ("/stages/4/email/valid_for", json!("P0D")),
        ("/renewal/remind_before/1", json!("P0D")),
        ("/conditions/due", json!("P0M")),
    ];
    for (at, value) in none {
        refused(at, value, at, &["no time at all"]);
    }
    let at = "/override/valid_for";
    refused(at, json!("P99Y"), at, &["too long"]);
}

#[test]
fn reminders_rise_and_come_before_the_time_is_up() {
    let at = "/stages/1/sla/remind";
    let late = json!(["3 business days", "5 business days"]);
    refused(
        at,
        late,
        "/stages/1/sla/remind/1",
        &["when the time is up", "5 business days"],
    );
    let falling = json!(["4 business days", "3 business days"]);
    refused(at, falling, "/stages/1/sla/remind/1", &["rising order"]);
    let twice = json!(["3 business days", "3 business days"]);
    refused(at, twice, "/stages/1/sla/remind/1", &["each once"]);
    shipped(&policy_with(at, json!(["PT4H", "3 business days"]))).unwrap();
}

#[test]
fn escalations_by_time_rise() {
    let at = "/stages/1/sla/escalate/-";
    let notify = |after: &str| json!({"after": after, "to": [{"role": "cto"}], "mode": "notify"});
    let place = "/stages/1/sla/escalate/1/after";
    refused(at, notify("6 business days"), place, &["rising order"]);
    shipped(&policy_with(at, notify("7 business days"))).unwrap();
}

#[test]
fn an_escalation_after_the_stage_has_ended_is_refused() {
    let at = "/stages/3/sla/escalate/0/after";
    for after in ["5 business days", "9 business days", "P30D"] {
        refused(
            at,
            json!(after),
            at,
            &["can never happen", "shorter than `due`"],
        );
    }
    let open = "/stages/0/sla/escalate/0/after";
    shipped(&policy_with(open, json!("9 business days"))).unwrap();
}

#[test]
fn an_escalation_names_a_seat_that_is_there() {
    let at = "/stages/2/sla/escalate/0/seat";
    refused(
        at,
        json!("vendor_rsk"),
        at,
        &["no seat `vendor_rsk`", "did you mean `vendor_risk`?"],
    );
    let joins = |mode: &str| json!({"on": "disagreement", "to": [{"role": "ceo"}], "mode": mode});
    for mode in ["add_to_seat", "must_agree"] {
        let at = "/stages/4/escalate/0";
        refused(at, joins(mode), at, &["add `seat`", "`cto` or `council`"]);
    }
    let at = "/stages/1/sla/escalate/0/seat";
    warned(at, json!("line"), at, &["take no seat"]);
}

#[test]
fn a_disagreement_that_cannot_be_is_refused() {
    let at = "/stages/4/on_reject";
    refused(
        at,
        json!("veto"),
        "/stages/4/escalate/0/on",
        &["one rejection ends this stage"],
    );
    let at = "/stages/4/decisions";
    let decisions = json!(["approve", "approve_with_conditions", "request_changes"]);
    let mut policy = policy_with(at, decisions);
    policy["stages"][4]["reason_required"] = json!(["approve"]);
    let problem = only(Severity::Error, &policy);
    assert_says(&problem, "/stages/4/escalate/0/on", &["nobody can reject"]);
    let escalation = json!([{"on": "disagreement", "to": [{"role": "ceo"}], "mode": "notify"}]);
    let mut policy = policy_with("/stages/0/escalate", escalation);
    policy["stages"][0]["on_reject"] = json!("until_impossible");
    let problem = only(Severity::Error, &policy);
    assert_says(
        &problem,
        "/stages/0/escalate/0/on",
        &["one approval ends this stage"],
    );
}

#[test]
fn a_timed_out_stage_that_no_later_one_makes_up_for_is_refused() {
    let at = "/stages/4/sla/on_timeout";
    refused(
        at,
        json!("mark_timed_out"),
        at,
        &["no later stage makes up", "`reject`"],
    );
}

#[test]
fn a_clock_that_nobody_hears_is_warned_of() {
    let at = "/stages/0/sla/escalate";
    warned(at, json!([]), "/stages/0/sla", &["nobody else hears of it"]);
}

#[test]
fn a_review_that_ends_before_its_stages_is_warned_of() {
    warned(
        "/max_duration",
        json!("P14D"),
        "/max_duration",
        &["abandoned", "make it longer"],
    );
}

#[test]
fn an_edit_names_fields_and_stages_that_are_there_once() {
    let rule = |field: &str| json!({"fields": [field], "effect": "keep"});
    let at = "/on_change/-";
    let place = "/on_change/3/fields/0";
    refused(
        at,
        rule("request.note"),
        place,
        &["no field `note`", "did you mean `notes`?"],
    );
    refused(
        at,
        rule("request.title"),
        place,
        &["stands in /on_change/0 already"],
    );
    let stages = "/on_change/2/stages";
    let problem = seeded(
        Severity::Error,
        stages,
        json!(["legal_security", "counsel"]),
    );
    assert_says(
        &problem,
        "/on_change/2/stages/1",
        &["did you mean `council`?"],
    );
    let at = "/on_change/0/stages";
    refused(
        at,
        json!(["council"]),
        at,
        &["reopens no stage", "`reopen`"],
    );
}

#[test]
fn what_decides_who_is_asked_cannot_be_edited_without_asking_again() {
    let keep = |field: &str| json!([{"fields": [field], "effect": "keep"}]);
    let at = "/on_change/0/fields/0";
    let readers = [
        (
            "request.uses",
            "/derive/0/cases/0/when reads `request.uses`",
        ),
        ("request.sourcing", "/stages/2/when reads"),
        ("request.cost_eur_per_year", "/stages/3/when reads"),
        ("request.owner", "/stages/1/seats/0 reads"),
    ];
    for (field, words) in readers {
        refused("/on_change", keep(field), at, &[words, "write `reopen`"]);
    }
    let mut policy = policy_with("/on_change", keep("request.unit"));
    policy["renewal"]["valid_for"][0]["when"] =
        json!("has(request.unit) && request.unit == 'People'");
    let problems = shipped(&policy).unwrap_err();
    assert_says(&problems[0], at, &["/renewal/valid_for/0/when reads"]);
    let mut policy = policy_with("/on_change", keep("request.owner"));
    policy["stages"][1]["seats"][0]["from"] = json!([{"role": "line_manager"}]);
    let problem = only(Severity::Error, &policy);
    assert_says(&problem, at, &["/stages/0/separation reads"]);
}

#[test]
fn an_edit_that_forgets_a_stage_whose_condition_it_changes_is_warned_of() {
    let at = "/on_change/2/stages";
    warned(
        at,
        json!(["council"]),
        at,
        &["`legal_security` reads", "add `legal_security`"],
    );
}

#[test]
fn reminders_before_an_end_come_nearer_to_it() {
    let falling = "put the longest first";
    let at = "/renewal/remind_before";
    refused(
        at,
        json!(["P7D", "P30D"]),
        "/renewal/remind_before/1",
        &[falling],
    );
    let at = "/conditions/remind_before";
    refused(
        at,
        json!(["P1D", "P1D"]),
        "/conditions/remind_before/1",
        &[falling],
    );
    let at = "/renewal/remind_before/0";
    warned(at, json!("P3Y"), at, &["no approval is valid for longer"]);
    let at = "/conditions/remind_before/0";
    warned(at, json!("P40D"), at, &["before the approval"]);
}

#[test]
fn a_row_of_validity_below_one_that_always_holds_is_refused() {
    let row = json!({"when": "derived.risk == 'low'", "then": "P18M"});
    let at = "/renewal/valid_for/3";
    refused("/renewal/valid_for/-", row, at, &["never reached"]);
    let at = "/renewal/valid_for/1/when";
    refused(
        at,
        json!("true"),
        "/renewal/valid_for/2",
        &["never reached"],
    );
}

#[test]
fn a_missed_condition_of_which_nobody_is_told_is_warned_of() {
    let told = json!({"on_missed": "notify"});
    warned(
        "/conditions",
        told,
        "/conditions/on_missed",
        &["add `escalate_to`"],
    );
}

#[test]
fn an_override_tells_somebody_who_cannot_override() {
    let at = "/override/notify";
    let own = json!([{"role": "ciso"}, {"role": "governance_admin"}]);
    refused(at, own, at, &["add somebody who watches", "auditor"]);
    let at = "/override/valid_for";
    warned(at, json!("P5Y"), at, &["longer than an approval"]);
}

#[test]
fn people_are_looked_up_wherever_they_are_named() {
    let wrong = json!([{"field": "request.title"}]);
    for list in [
        "/stages/0/sla/escalate/0/to",
        "/stages/4/escalate/0/to",
        "/conditions/escalate_to",
        "/override/notify",
    ] {
        let at = format!("{list}/0/field");
        refused(
            list,
            wrong.clone(),
            &at,
            &["does not hold an e-mail address"],
        );
    }
}

#[test]
fn a_code_that_no_link_can_ask_for_is_refused() {
    let email = json!({"link": "view", "step_up_when": "derived.risk == 'high'"});
    let at = "/stages/4/email/step_up_when";
    refused(
        "/stages/4/email",
        email,
        at,
        &["never decides", "remove one"],
    );
}

#[test]
fn a_seat_for_somebody_whom_the_stage_keeps_out_is_warned_of() {
    let words = ["the owner cannot decide here", "`separation.not`"];
    let at = "/stages/0/seats/0/from/0";
    warned(at, json!({"field": "request.owner"}), at, &words);
    warned(at, json!({"relation": "owner"}), at, &words);
    let at = "/stages/1/seats/0/from/1";
    let words = ["the submitter cannot decide here"];
    warned(at, json!({"relation": "submitter"}), at, &words);
}

#[test]
fn a_fallback_that_adds_nobody_is_warned_of() {
    let at = "/stages/0/seats/0/fallback";
    warned(
        at,
        json!([{"role": "data_protection"}]),
        at,
        &["nobody is left"],
    );
    warned(at, json!([{"manager_of": "owner"}]), at, &["may be nobody"]);
}

#[test]
fn a_reason_for_what_nobody_can_choose_is_warned_of() {
    let at = "/stages/0/decisions";
    let decisions = json!(["approve", "approve_with_conditions", "reject"]);
    warned(
        at,
        decisions,
        "/stages/0/reason_required/1",
        &["`request_changes`"],
    );
}

#[test]
fn a_condition_on_an_answer_that_nobody_has_to_give_is_warned_of() {
    let at = "/stages/3/when";
    let when = "has(request.unit) && request.unit == 'People'";
    warned(
        "/stages/4/when",
        json!(when),
        "/stages/4/when",
        &["nobody has to answer", "unit"],
    );
    let when = "derived.risk == 'high' || stages.vendor.timed_out || \
                (has(stages.data_use.answers.impact_assessment) && \
                 stages.data_use.answers.impact_assessment == 'needed')";
    shipped(&policy_with(at, json!(when))).unwrap();
}

#[test]
fn tables_that_wait_for_each_other_are_refused() {
    let table = |key: &str, when: &str| {
        json!({"key": key, "type": "bool", "otherwise": false,
               "cases": [{"when": when, "then": true, "because": "So."}]})
    };
    let mut policy: Value = serde_json::from_str(POLICY).unwrap();
    let tables = policy["derive"].as_array_mut().unwrap();
    tables.push(table("a", "derived.b"));
    tables.push(table("b", "derived.risk == 'low'"));
    let at = "/derive/1/cases/0/when";
    assert_says(
        &only(Severity::Error, &policy),
        at,
        &["`derived.b` stands below", "Move"],
    );
    policy["derive"][2] = table("b", "derived.a");
    assert_says(&only(Severity::Error, &policy), at, &["a → b → a"]);
    policy["derive"][1] = table("a", "derived.a");
    let problems = shipped(&policy).unwrap_err();
    assert_says(&problems[0], at, &["cannot read itself"]);
}

#[test]
fn a_form_that_nobody_can_be_asked_is_refused() {
    let mut forms = stage_forms();
    forms.get_mut("data_use_review").unwrap()["properties"]["lawful"] =
        json!({"$ref": "#/properties/destination"});
    let problems = Bundle::load("policy.json", POLICY, &use_case(), &forms).unwrap_err();
    assert_eq!(problems.len(), 1, "{}", lines(&problems));
    let words = [
        "the form `data_use_review` cannot be used",
        "/properties/lawful",
    ];
    assert_says(&problems[0], "/stages/0/form", &words);
}

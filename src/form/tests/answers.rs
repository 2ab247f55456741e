use serde_json::json;

use super::*;

#[test]
fn everybody_is_asked_eight_questions_and_no_more() {
    let form = use_case();
    let first = [
        "title",
        "purpose",
        "owner",
        "tool",
        "sourcing",
        "data_classes",
        "uses",
        "effect_on_people",
    ];
    assert_eq!(names(&form.asked(&json!({}))), first);
    assert_eq!(names(&form.asked(&plain_case())), first);
    assert_eq!(form.check(&plain_case()), []);
}

#[test]
fn an_answer_asks_for_further_questions_and_says_why() {
    let form = use_case();
    let case = with(
        &plain_case(),
        json!({"sourcing": "vendor", "data_classes": ["personal"]}),
    );
    let asked = form.asked(&case);
    let further: Vec<_> = asked.iter().skip(8).collect();
    let fields: Vec<_> = further.iter().map(|asked| asked.field.as_str()).collect();
    let expected = [
        "vendor",
        "vendor_assessed",
        "trains_on_our_data",
        "cost_eur_per_year",
        "data_subjects",
        "lawful_basis",
        "retention",
        "data_location",
    ];
    assert_eq!(fields, expected);
    assert!(further.iter().all(|asked| asked.because.is_some()));
    assert!(further[0].because.as_ref().unwrap().contains("vendor"));
}

#[test]
fn every_choice_of_the_use_case_asks_exactly_what_the_policy_needs() {
    let form = use_case();
    let extra = |changes: Value| {
        let asked = form.asked(&with(&plain_case(), changes));
        asked
            .into_iter()
            .skip(8)
            .map(|asked| asked.field)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        extra(json!({"data_classes": ["confidential"]})),
        ["data_location"]
    );
    let assistive = ["people_affected", "human_oversight"];
    assert_eq!(extra(json!({"effect_on_people": "assistive"})), assistive);
    let significant = ["people_affected", "human_oversight", "appeal"];
    assert_eq!(
        extra(json!({"effect_on_people": "significant"})),
        significant
    );
    assert_eq!(
        extra(json!({"uses": ["customer_chat"]})),
        ["disclosure", "expected_users"]
    );
    for sharp in ["hiring", "scoring", "monitoring_people"] {
        assert_eq!(extra(json!({"uses": [sharp]})), ["test_plan"]);
    }
    assert_eq!(extra(json!({"uses": ["other"]})), ["other_use"]);
}

#[test]
fn what_is_missing_is_named_in_the_words_of_the_question() {
    let errors = use_case().check(&json!({"sourcing": "vendor", "purpose": " \n "}));
    let texts = messages(&errors);
    assert_eq!(
        texts[..2],
        ["Enter a name for the use case", "Enter what it will do"]
    );
    assert!(texts.contains(&"Enter the company that supplies it"));
    assert!(errors.iter().all(|error| error.rule == "missing"));
    assert_eq!(use_case().check_draft(&json!({"sourcing": "vendor"})), []);
}

#[test]
fn a_wrong_answer_is_explained_without_the_validators_words() {
    let form = use_case();
    let wrong = json!({
        "title": "x".repeat(311), "purpose": 7, "owner": "Tomás, Claims", "tool": "two\nlines",
        "sourcing": "shop", "data_classes": ["public", "public"], "uses": "drafting",
        "cost_eur_per_year": -1, "expected_users": 1.5, "started_on": "2026-02-30",
        "disclosure": "yes", "vendor_name": "Acme",
    });
    let expected = [
        "Title must be at most 300 characters, is 311",
        "Purpose must be text",
        "Owner must be an e-mail address, such as name@example.org",
        "Tool must be on one line",
        "Sourcing: Choose one of: vendor, in_house, open_model",
        "Data must not have the same choice twice",
        "Uses must be a list of choices",
        "Cost per year (EUR) must be 0 or more",
        "Told that it is AI: Choose one of: true, false",
        "Expected users must be a whole number",
        "Started on must be a real date, such as 2026-11-30",
        "There is no question called “vendor_name”",
    ];
    assert_eq!(messages(&form.check_draft(&wrong)), expected);
    let rules: Vec<_> = form
        .check_draft(&wrong)
        .iter()
        .map(|error| error.rule)
        .collect();
    assert_eq!(rules[..4], ["length", "type", "email", "characters"]);
}

#[test]
fn the_task_list_shows_only_sections_that_are_asked_and_how_far_they_are() {
    let form = use_case();
    let states = |document: &Value| {
        let sections = form.sections(document);
        sections
            .into_iter()
            .map(|s| (s.key, s.state))
            .collect::<Vec<_>>()
    };
    assert_eq!(states(&json!({})), [("about".into(), State::NotStarted)]);
    assert_eq!(
        states(&json!({"title": "x"})),
        [("about".into(), State::Incomplete)]
    );
    let chat = with(&plain_case(), json!({"uses": ["customer_chat", "hiring"]}));
    let expected = [
        ("about".into(), State::Complete),
        ("purpose_details".into(), State::NotStarted),
    ];
    assert_eq!(states(&chat), expected);
    assert_eq!(form.sections(&chat)[1].because.len(), 2);
    let wrong = with(&chat, json!({"title": "x".repeat(301)}));
    assert_eq!(states(&wrong)[0].1, State::Incomplete);
}

#[test]
fn a_posted_section_becomes_a_document() {
    let form = use_case();
    let answers = form.read(
        Some("about"),
        &pairs(&[
            ("title", "  Notes "),
            ("purpose", "One\r\nTwo\r\n"),
            ("owner", "Tomas@Harbour.Example"),
            ("uses", ""),
            ("uses", "other"),
            ("uses", "drafting"),
            ("sourcing", ""),
            ("_csrf", "secret"),
        ]),
        &json!({"tool": "Claude"}),
    );
    let expected = json!({
        "title": "Notes", "purpose": "One\nTwo", "owner": "tomas@harbour.example",
        "uses": ["drafting", "other"], "tool": "Claude",
    });
    assert_eq!(answers.document, expected);
    assert_eq!(answers.errors, []);
}

#[test]
fn a_wrong_answer_comes_back_as_typed_and_leaves_the_earlier_one() {
    let form = use_case();
    let before = with(
        &plain_case(),
        json!({"sourcing": "vendor", "cost_eur_per_year": 900}),
    );
    let typed = pairs(&[("cost_eur_per_year", "about 12.5"), ("vendor", "Anthropic")]);
    let answers = form.read(Some("vendor"), &typed, &before);
    assert_eq!(
        messages(&answers.errors),
        ["Cost per year (EUR) must be a whole number, like 1200"]
    );
    assert_eq!(answers.document["cost_eur_per_year"], 900);
    assert_eq!(answers.document["vendor"], "Anthropic");
    let views = form.view(
        Some("vendor"),
        &answers.document,
        Some(&answers.typed),
        &answers.errors,
    );
    let cost = views
        .iter()
        .find(|view| view.name == "cost_eur_per_year")
        .unwrap();
    assert_eq!(cost.value, "about 12.5");
    assert!(cost.error.is_some());
}

#[test]
fn answers_leave_when_their_question_is_no_longer_asked_but_imported_details_stay() {
    let form = use_case();
    let vendor = json!({
        "sourcing": "vendor", "vendor": "Acme", "cost_eur_per_year": 5, "unit": "Claims",
    });
    let before = with(&plain_case(), vendor);
    let answers = form.read(Some("about"), &pairs(&[("sourcing", "in_house")]), &before);
    let expected = with(
        &plain_case(),
        json!({"sourcing": "in_house", "unit": "Claims"}),
    );
    assert_eq!(answers.document, expected);
}

#[test]
fn what_an_import_knew_stays_until_its_question_is_answered_otherwise() {
    let form = use_case();
    let imported = json!({"title": "Triage", "vendor": "Acme"});
    let answers = form.read(Some("about"), &pairs(&[("tool", "Acme Triage")]), &imported);
    assert_eq!(answers.document["vendor"], "Acme");
}

#[test]
fn a_question_and_the_one_it_asks_for_can_be_answered_in_one_post() {
    let form = use_case();
    let answers = form.read(
        None,
        &pairs(&[("other_use", "Routes"), ("uses", "other")]),
        &json!({}),
    );
    assert_eq!(
        answers.document,
        json!({"uses": ["other"], "other_use": "Routes"})
    );
}

#[test]
fn a_post_cannot_fill_what_its_page_does_not_ask() {
    let form = use_case();
    let typed = pairs(&[("unit", "Board"), ("vendor", "Acme"), ("tool", "Other")]);
    let answers = form.read(Some("vendor"), &typed, &plain_case());
    assert_eq!(answers.document, plain_case());
    assert_eq!(answers.errors, []);
}

#[test]
fn a_name_that_is_no_question_is_refused() {
    let answers = use_case().read(None, &pairs(&[("approved", "true")]), &json!({}));
    assert_eq!(
        messages(&answers.errors),
        ["There is no question called “approved”"]
    );
}

#[test]
fn a_single_question_answered_twice_is_refused() {
    let typed = pairs(&[("sourcing", "vendor"), ("sourcing", "in_house")]);
    let answers = use_case().read(None, &typed, &json!({}));
    assert_eq!(
        messages(&answers.errors),
        ["Sourcing was answered more than once"]
    );
    assert_eq!(answers.document, json!({}));
}

#[test]
fn a_complete_reading_misses_what_its_section_must_answer() {
    let form = use_case();
    let before = with(
        &plain_case(),
        json!({"sourcing": "vendor", "data_classes": ["personal"]}),
    );
    let typed = pairs(&[("vendor", ""), ("cost_eur_per_year", "a lot")]);
    let answers = form.read_complete(Some("vendor"), &typed, &before);
    let fields: Vec<_> = answers
        .errors
        .iter()
        .map(|error| error.field.as_str())
        .collect();
    let expected = [
        "vendor",
        "vendor_assessed",
        "trains_on_our_data",
        "cost_eur_per_year",
    ];
    assert_eq!(fields, expected);
    assert_eq!(answers.errors[3].rule, "number");
}

#[test]
fn a_document_from_elsewhere_is_cleaned_as_a_typed_one_would_be() {
    let form = use_case();
    let given = json!({
        "title": " A\ttitle\r\n", "purpose": "a\r\nb ", "owner": "ADA@Example.org", "tool": "  ",
        "uses": ["other", "drafting", "other"], "data_classes": [], "odd": {"kept": 1},
    });
    let expected = json!({
        "title": "A title", "purpose": "a\nb", "owner": "ada@example.org",
        "uses": ["drafting", "other"], "odd": {"kept": 1},
    });
    assert_eq!(form.tidy(given), expected);
}

#[test]
fn facts_speak_in_labels_and_show_what_is_still_missing() {
    let form = use_case();
    let more = json!({
        "sourcing": "vendor", "cost_eur_per_year": 12000, "trains_on_our_data": false,
        "started_on": "2026-11-03", "uses": ["other", "drafting"],
    });
    let facts = form.facts(&with(&plain_case(), more));
    let values = |field: &str| {
        let fact = facts.iter().find(|fact| fact.field == field).unwrap();
        (fact.label.as_str(), fact.values.join(" | "), fact.given)
    };
    assert_eq!(
        values("uses"),
        ("Uses", "Drafting | Something else".into(), true)
    );
    assert_eq!(
        values("cost_eur_per_year"),
        ("Cost per year (EUR)", "12,000".into(), true)
    );
    assert_eq!(
        values("started_on"),
        ("Started on", "3 November 2026".into(), true)
    );
    assert_eq!(values("vendor"), ("Vendor", String::new(), false));
    assert!(values("trains_on_our_data").1.starts_with("No"));
    assert!(
        facts
            .iter()
            .find(|fact| fact.field == "purpose")
            .unwrap()
            .long
    );
    assert!(
        !facts
            .iter()
            .any(|fact| fact.field == "unit" || fact.field == "appeal")
    );
    assert_eq!(form.fact_groups(&plain_case()).len(), 1);
}

#[test]
fn a_difference_names_the_field_and_both_answers_in_words() {
    let form = use_case();
    let before = with(
        &plain_case(),
        json!({"uses": ["summarising", "drafting"], "odd": 1}),
    );
    let after = with(
        &plain_case(),
        json!({
            "sourcing": "vendor", "vendor": "Acme", "uses": ["drafting", "summarising"], "tool": "",
        }),
    );
    let changes = form.diff(&before, &after);
    let lines: Vec<_> = changes
        .iter()
        .map(|c| {
            format!(
                "{}: {} -> {}",
                c.label,
                c.before.join(" "),
                c.after.join(" ")
            )
        })
        .collect();
    let expected = [
        "Tool: Open model on our server -> ",
        "Sourcing: An open model that we run ourselves -> From a vendor",
        "Vendor:  -> Acme",
        "odd: 1 -> ",
    ];
    assert_eq!(lines, expected);
    assert_eq!(form.diff(&before, &before), []);
}

#[test]
fn the_register_filters_by_the_fields_that_say_so() {
    let facets = use_case().facets();
    let fields: Vec<_> = facets.iter().map(|facet| facet.field.as_str()).collect();
    let expected = [
        "tool",
        "sourcing",
        "data_classes",
        "uses",
        "effect_on_people",
        "unit",
        "lifecycle",
        "topic",
        "impact",
    ];
    assert_eq!(fields, expected);
    assert_eq!(
        facets[1].values[0],
        ("vendor".into(), "From a vendor".into())
    );
    assert!(facets[5].values.is_empty());
}

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::json;

use super::*;

fn value_of(field: &Field) -> BoxedStrategy<Value> {
    let many_lines = field.many_lines();
    match &field.kind {
        Kind::Choice(choices) => select(choices.clone())
            .prop_map(|choice| json!(choice.value))
            .boxed(),
        Kind::Choices(choices) => subsequence(choices.clone(), 1..=choices.len())
            .prop_map(|some| some.into_iter().map(|choice| json!(choice.value)).collect())
            .boxed(),
        Kind::Boolean(_) => any::<bool>().prop_map(Value::Bool).boxed(),
        Kind::Integer => (1i64..1_000_000).prop_map(Value::from).boxed(),
        Kind::Date => (1900u16..2100, 1u8..13, 1u8..29)
            .prop_map(|(year, month, day)| json!(format!("{year}-{month:02}-{day:02}")))
            .boxed(),
        Kind::Email { .. } => "[a-z]{1,8}@[a-z]{1,8}\\.example"
            .prop_map(Value::from)
            .boxed(),
        Kind::Text { .. } => "[a-zA-Z<&\"'日é👍][ a-z\n<&%+=;{}]{0,60}[.!?]"
            .prop_map(move |text| Value::from(text::tidy(&text, many_lines)))
            .boxed(),
    }
}

/// Any document that the form itself could have made, with some answers missing.
fn document() -> impl Strategy<Value = Value> {
    let form = use_case();
    let fields: Vec<_> = form
        .fields()
        .iter()
        .map(|field| {
            let name = field.name.clone();
            proptest::option::weighted(0.8, value_of(field))
                .prop_map(move |value| value.map(|value| (name.clone(), value)))
        })
        .collect();
    fields.prop_map(move |members| {
        let all: Value = Value::Object(members.into_iter().flatten().collect());
        let asked: Vec<String> = form
            .asked(&all)
            .into_iter()
            .map(|asked| asked.field)
            .collect();
        let fits =
            |name: &String| form.field(name).unwrap().ask == Ask::Never || asked.contains(name);
        let kept = all
            .as_object()
            .unwrap()
            .clone()
            .into_iter()
            .filter(|(name, _)| fits(name));
        Value::Object(kept.collect())
    })
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        select(vec!["vendor", "personal", "other", "significant", "true"]).prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 20, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::btree_map(any_name(), inner, 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn any_name() -> impl Strategy<Value = String> {
    let known: Vec<String> = use_case()
        .fields()
        .iter()
        .map(|field| field.name.clone())
        .collect();
    prop_oneof![4 => select(known), 1 => any::<String>()]
}

fn any_object() -> impl Strategy<Value = Value> {
    proptest::collection::btree_map(any_name(), any_json(), 0..12)
        .prop_map(|members| Value::Object(members.into_iter().collect()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_page_that_is_sent_back_as_it_was_drawn_changes_nothing(
        case in document(),
        section in select(vec![None, Some("about"), Some("vendor"), Some("data"), Some("people")]),
    ) {
        let form = use_case();
        let sent = posted(&form.view(section, &case, None, &[]));
        let answers = form.read(section, &sent, &case);
        prop_assert_eq!(&answers.errors, &vec![]);
        prop_assert_eq!(&answers.document, &case);
    }

    #[test]
    fn a_document_is_read_back_from_its_page_alone(case in document()) {
        let form = use_case();
        let details = |name: &String| form.field(name).is_none_or(|f| f.ask == Ask::Never);
        let asked: Value = case.as_object().unwrap().clone().into_iter()
            .filter(|(name, _)| !details(name)).collect();
        let answers = form.read(None, &posted(&form.view(None, &asked, None, &[])), &json!({}));
        prop_assert_eq!(&answers.document, &asked);
        prop_assert!(form.check_draft(&asked).is_empty());
        prop_assert_eq!(form.tidy(asked.clone()), asked);
    }

    #[test]
    fn what_is_missed_is_exactly_what_is_asked_and_not_answered(case in document()) {
        let form = use_case();
        let missed: Vec<String> = form.check(&case).into_iter().map(|e| e.field).collect();
        let open: Vec<String> = form.asked(&case).into_iter().map(|asked| asked.field)
            .filter(|name| case.get(name).is_none()).collect();
        prop_assert_eq!(missed, open);
    }

    #[test]
    fn nothing_that_is_posted_makes_the_form_stumble_or_leaves_a_wrong_answer_behind(
        sent in proptest::collection::vec((any_name(), any::<String>()), 0..20),
        case in document(),
        section in select(vec![None, Some("about"), Some("vendor"), Some("nowhere")]),
    ) {
        let form = use_case();
        let answers = form.read(section, &sent, &case);
        prop_assert_eq!(form.check_draft(&answers.document), vec![]);
        form.view(section, &answers.document, Some(&answers.typed), &answers.errors);
    }

    #[test]
    fn no_json_makes_the_form_stumble(given in any_object(), sent in any_object()) {
        let form = use_case();
        for error in form.check(&given) {
            prop_assert!(!error.message.is_empty());
        }
        form.sections(&given);
        form.facts(&given);
        form.diff(&given, &sent);
        let tidy = form.tidy(given.clone());
        prop_assert_eq!(form.tidy(tidy.clone()), tidy);
        form.read(None, &posted(&form.view(None, &given, None, &[])), &given);
    }

    #[test]
    fn no_schema_makes_the_parser_stumble(
        place in select(vec!["/type", "/properties/tool/enum", "/properties/uses/items",
            "/allOf/0/if", "/allOf/1/if/properties/data_classes", "/allOf/2/then",
            "/x-sections/0", "/required", "/properties/owner", "/properties/title/x-order"]),
        value in any_json(),
    ) {
        let mut schema = kind("use_case");
        let (parent, key) = place.rsplit_once('/').unwrap();
        let parent = schema.pointer_mut(parent).unwrap();
        match parent {
            Value::Array(items) => items[key.parse::<usize>().unwrap()] = value,
            other => other[key] = value,
        }
        if let Err(problems) = Form::parse(&schema) {
            prop_assert!(problems.iter().all(|p| !p.message.is_empty()));
        }
    }
}

use serde_json::json;

use super::*;

#[test]
fn a_document_that_is_no_object_gets_one_plain_sentence() {
    for document in [json!(null), json!([1]), json!("x"), json!(3), json!(true)] {
        let errors = use_case().check(&document);
        assert_eq!(errors.len(), 1);
        assert!(errors[0].field.is_empty() && errors[0].message.contains("JSON object"));
        assert!(use_case().asked(&document).len() == 8 && !use_case().facts(&document).is_empty());
    }
}

#[test]
fn every_field_withstands_every_type() {
    let form = use_case();
    let deep: Value =
        serde_json::from_str(&format!("{}1{}", "[".repeat(100), "]".repeat(100))).unwrap();
    let odd = [
        json!(null),
        json!(true),
        json!(1),
        json!(-1),
        json!(1.5),
        json!(1e300),
        json!(18_446_744_073_709_551_615_u64),
        json!(i64::MIN),
        json!("x"),
        json!("a\0b"),
        json!({"a": {"b": [1]}}),
        json!([null, 1, {}, "x"]),
        json!([["public"]]),
        deep,
    ];
    for field in form.fields() {
        for value in &odd {
            let document = json!({ field.name.as_str(): value });
            for error in form
                .check(&document)
                .iter()
                .chain(&form.check_draft(&document))
            {
                assert!(
                    !error.message.is_empty() && !error.message.contains('{'),
                    "{error:?}"
                );
            }
            form.view(None, &document, None, &[]);
            form.facts(&document);
            form.sections(&document);
            form.diff(&document, &json!({}));
            form.tidy(document);
        }
    }
}

#[test]
fn numbers_that_are_not_stored_exactly_are_refused() {
    let form = use_case();
    let rule = |number: &str| {
        let text = format!("{{\"cost_eur_per_year\": {number}}}");
        let document: Value = serde_json::from_str(&text).unwrap();
        form.check_draft(&document).first().map(|error| error.rule)
    };
    assert_eq!(rule("12"), None);
    for number in [
        "1.0",
        "1e3",
        "9007199254740992",
        "-9007199254740992",
        "18446744073709551615",
    ] {
        assert_eq!(rule(number), Some("number"), "{number}");
    }
}

#[test]
fn json_that_no_document_can_hold_never_reaches_the_form() {
    assert!(serde_json::from_str::<Value>(r#"{"cost_eur_per_year": 1e400}"#).is_err());
    assert!(serde_json::from_str::<Value>(r#"{"title": "\ud800"}"#).is_err());
    assert!(serde_json::from_str::<Value>(&"[".repeat(10_000)).is_err());
}

#[test]
fn text_that_hides_something_is_refused_with_its_code_point() {
    let errors = use_case().check_draft(&json!({"title": "a\0b", "tool": "x\u{202e}y"}));
    let expected = [
        "Title contains a character that cannot be shown (U+0000)",
        "Tool contains a character that cannot be shown (U+202E)",
    ];
    assert_eq!(messages(&errors), expected);
    let answers = use_case().read(None, &pairs(&[("title", "a\u{1b}[31m")]), &json!({}));
    assert_eq!(answers.errors[0].rule, "characters");
}

#[test]
fn a_flood_of_wrong_items_or_names_gives_few_short_errors() {
    let form = use_case();
    let items = form.check(&json!({"uses": vec![json!({"x": 1}); 200_000]}));
    let uses: Vec<_> = items.iter().filter(|error| error.field == "uses").collect();
    assert_eq!((uses.len(), uses[0].rule), (1, "count"));
    let names: serde_json::Map<String, Value> = (0..5000)
        .map(|n| (format!("{n}{}", "y".repeat(500)), json!(1)))
        .collect();
    let errors = form.check_draft(&Value::Object(names));
    assert_eq!(errors.len(), 20);
    assert!(errors.iter().all(|error| error.message.len() < 200));
}

#[test]
fn an_unknown_name_is_pointed_at_where_it_stands() {
    let errors = use_case().check_draft(&json!({"a/b~c": 1}));
    assert_eq!(errors[0].pointer, "/a~1b~0c");
    assert_eq!(errors[0].rule, "unknown");
}

#[test]
fn a_long_text_is_counted_in_characters_not_in_bytes() {
    let form = use_case();
    assert_eq!(form.check_draft(&json!({"title": "日".repeat(300)})), []);
    let errors = form.check_draft(&json!({"title": "日".repeat(301)}));
    assert_eq!(
        messages(&errors),
        ["Title must be at most 300 characters, is 301"]
    );
}

#[test]
fn an_address_that_no_mail_server_would_take_is_refused() {
    let odd = [
        "a b@example.org",
        "\"a\"@example.org",
        "Ada <ada@example.org>",
        "a@b@example.org",
        "ada",
        "ada@example.org,bob@example.org",
        "ada@[127.0.0.1]",
        "@example.org",
        "ada@",
        "a@exa mple",
    ];
    for address in odd {
        let errors = use_case().check_draft(&json!({"owner": address}));
        assert_eq!(
            errors.first().map(|error| error.rule),
            Some("email"),
            "{address}"
        );
    }
    assert_eq!(
        use_case().check_draft(&json!({"owner": "o'neil+ai@sub.example.org"})),
        []
    );
}

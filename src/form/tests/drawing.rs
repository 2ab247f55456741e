use handlebars::{Context, Handlebars, Helper, HelperResult, Output, RenderContext};
use serde_json::json;

use super::*;

fn link(
    helper: &Helper,
    _: &Handlebars,
    _: &Context,
    _: &mut RenderContext,
    out: &mut dyn Output,
) -> HelperResult {
    let path = helper
        .param(0)
        .and_then(|path| path.value().as_str())
        .unwrap_or_default();
    Ok(out.write(&handlebars::html_escape(path))?)
}

/// The parts as pages use them: strict, and set in by the page that draws them.
fn pages() -> Handlebars<'static> {
    let mut pages = Handlebars::new();
    pages.set_strict_mode(true);
    pages.register_helper("url", Box::new(link));
    for part in ["field", "error-summary", "facts"] {
        let root = env!("CARGO_MANIFEST_DIR");
        let path = format!("{root}/templates/pages/parts/{part}.hbs");
        pages
            .register_template_file(&format!("parts/{part}"), path)
            .unwrap();
    }
    let page = "<main>\n  {{> parts/error-summary}}\n  <form>\n  {{#each fields}}\n      \
                {{> parts/field}}\n  {{/each}}\n  </form>\n</main>";
    pages.register_template_string("page", page).unwrap();
    pages
}

fn drawn(views: &[FieldView], errors: &[FieldError]) -> String {
    let context = json!({"fields": views, "summary": error_summary(views, errors)});
    pages().render("page", &context).unwrap()
}

fn ids(html: &str) -> Vec<String> {
    let after = html.split(" id=\"").skip(1);
    after
        .map(|rest| rest.split('"').next().unwrap().to_owned())
        .collect()
}

/// A form with every widget, follow-ups and hints.
fn every_widget() -> Form {
    let mut schema = kind("use_case");
    for (name, field) in schema["properties"].as_object_mut().unwrap() {
        field["x-ask"] = json!("first");
        if name == "lifecycle" {
            field["x-widget"] = json!("select");
        }
    }
    Form::parse(&schema).unwrap()
}

#[test]
fn every_kind_of_question_can_be_drawn_in_every_state() {
    let form = every_widget();
    let empty = form.view(None, &json!({}), None, &[]);
    assert!(!drawn(&empty, &[]).contains("checked"));
    assert!(!drawn(&empty, &[]).contains("selected"));
    let errors = form.check(&json!({"lifecycle": "gone", "started_on": "soon"}));
    let html = drawn(&form.view(None, &json!({}), None, &errors), &errors);
    for part in [
        "<textarea",
        "<select",
        "type=\"radio\"",
        "type=\"checkbox\"",
        "type=\"email\"",
    ] {
        assert!(html.contains(part), "{part}");
    }
    assert!(html.contains("list=\"people\"") && html.contains("inputmode=\"numeric\""));
    assert!(!html.contains("style=") && !html.contains("<script"));
}

#[test]
fn every_link_of_the_error_summary_leads_to_a_control() {
    let form = every_widget();
    let errors = form.check(&json!({"unknown_one": 1, "data_classes": ["x"]}));
    let views = form.view(None, &json!({}), None, &errors);
    let html = drawn(&views, &errors);
    let ids = ids(&html);
    let targets: Vec<&str> = html
        .split("href=\"#")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
        .collect();
    assert_eq!(targets.len(), errors.len() - 1);
    for target in targets {
        assert_eq!(ids.iter().filter(|id| *id == target).count(), 1, "{target}");
    }
    assert!(html.contains("role=\"alert\"") && html.contains("There is a problem"));
    assert!(html.contains("no question called “unknown_one”"));
}

#[test]
fn ids_are_unique_and_descriptions_exist() {
    let form = every_widget();
    let errors = form.check(&json!({}));
    let html = drawn(&form.view(None, &json!({}), None, &errors), &errors);
    let ids = ids(&html);
    let unique: std::collections::BTreeSet<_> = ids.iter().collect();
    assert_eq!(unique.len(), ids.len());
    for described in html.split("aria-describedby=\"").skip(1) {
        for id in described.split('"').next().unwrap().split(' ') {
            assert!(unique.contains(&id.to_owned()), "{id}");
        }
    }
    for label in html.split("<label ").skip(1) {
        let of = label
            .split("for=\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap();
        assert!(unique.contains(&of.to_owned()), "{of}");
    }
}

#[test]
fn hostile_answers_are_shown_as_text() {
    let form = every_widget();
    let hostile = "\"'><script>alert(1)</script></textarea>{{constructor}}";
    let mut document = json!({});
    for field in form.fields() {
        document[field.name.as_str()] = json!(hostile);
    }
    let errors = form.check(&with(&document, json!({ hostile: 1 })));
    let html = drawn(&form.view(None, &document, None, &errors), &errors);
    let facts = json!({"facts": form.facts(&document)});
    for html in [html, pages().render("parts/facts", &facts).unwrap()] {
        assert!(html.contains("&lt;script&gt;"));
        assert!(!html.contains("<script") && !html.contains("\"'>"));
    }
}

#[test]
fn lines_that_a_person_typed_are_not_set_in_by_the_page() {
    let form = use_case();
    let document = json!({"purpose": "one\ntwo\n  three"});
    let html = drawn(&form.view(None, &document, None, &[]), &[]);
    assert!(
        html.contains(">one&#10;two&#10;  three</textarea>"),
        "{html}"
    );
}

#[test]
fn chosen_answers_are_checked_and_no_other() {
    let form = use_case();
    let html = drawn(&form.view(None, &plain_case(), None, &[]), &[]);
    assert_eq!(html.matches(" checked").count(), 4);
    assert!(html.contains(
        "value=\"open_model\" aria-describedby=\"field-sourcing-3-hint-of-choice\" checked"
    ));
}

#[test]
fn the_reason_for_further_questions_stands_once_before_them() {
    let form = use_case();
    let case = with(&plain_case(), json!({"data_classes": ["personal"]}));
    let views = form.view(Some("data"), &case, None, &[]);
    let reasons: Vec<_> = views.iter().map(|view| view.because.is_some()).collect();
    assert_eq!(reasons, [true, false, false, true]);
    assert_eq!(drawn(&views, &[]).matches("class=\"because\"").count(), 2);
    assert!(views.iter().all(|view| view.required));
}

#[test]
fn questions_that_may_stay_open_say_so() {
    let form = Form::parse(&kind("vendor")).unwrap();
    let views = form.view(Some("about"), &json!({}), None, &[]);
    assert_eq!(
        drawn(&views, &[]).matches("(optional)").count(),
        views.len() - 1
    );
}

#[test]
fn a_wrong_date_comes_back_as_typed() {
    let form = Form::parse(&kind("vendor")).unwrap();
    let answers = form.read(None, &pairs(&[("assessed_on", "3.11.2026")]), &json!({}));
    let views = form.view(
        None,
        &answers.document,
        Some(&answers.typed),
        &answers.errors,
    );
    let html = drawn(&views, &answers.errors);
    assert!(html.contains("type=\"text\" id=\"field-assessed_on\""));
    assert!(html.contains("value=\"3.11.2026\""));
}

#[test]
fn facts_say_what_is_not_provided_and_offer_the_change_where_the_page_allows_it() {
    let form = use_case();
    let mut facts = form.facts(&with(&plain_case(), json!({"tool": ""})));
    facts[0].change = Some("/use-cases/AI-2026-0001/edit/about#field-title".into());
    let html = pages()
        .render("parts/facts", &json!({ "facts": facts }))
        .unwrap();
    assert_eq!(html.matches("Not provided").count(), 1);
    assert_eq!(
        html.matches("Change<span class=\"visually-hidden\"> Title</span>")
            .count(),
        1
    );
}

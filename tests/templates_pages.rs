//! Every page with what it is given: whatever people typed stays text, nothing is inline, nothing
//! is forgotten. `NAME-CASE.json` is another case of the page `NAME`.
use countersign::templates::{Place, Templates};
use jiff::tz::TimeZone;
use serde_json::Value;
use std::path::PathBuf;

#[path = "tidy/html.rs"]
#[allow(dead_code, reason = "the tidy rules use the rest")]
mod html;

fn folder(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn templates() -> Templates {
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    Templates::load(&Place {
        base_path: "/register".to_owned(),
        zone,
    })
    .unwrap()
}

fn names(path: &str, ending: &str) -> Vec<String> {
    let files = std::fs::read_dir(folder(path)).unwrap().flatten();
    let names =
        files.filter_map(|file| Some(file.file_name().to_str()?.strip_suffix(ending)?.to_owned()));
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// The page a case is of: the longest template name it begins with.
fn template_of(case: &str) -> String {
    let pages = names("templates/pages", ".hbs");
    let fits = |page: &&String| case == *page || case.starts_with(&format!("{page}-"));
    pages
        .iter()
        .filter(fits)
        .max_by_key(|page| page.len())
        .expect(case)
        .clone()
}

/// Every case: its name, its page, what it is given.
fn cases() -> Vec<(String, String, Value)> {
    let cases = names("tests/fixtures/pages", ".json")
        .into_iter()
        .map(|case| {
            let path = folder("tests/fixtures/pages").join(format!("{case}.json"));
            let given = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
            let page = template_of(&case);
            (case, page, given)
        });
    cases.collect()
}

fn rendered() -> Vec<(String, String)> {
    let templates = templates();
    let render = |(case, page, given): (String, String, Value)| {
        let html = templates
            .page(&page, &given)
            .unwrap_or_else(|e| panic!("{case}: {e}"));
        (case, html)
    };
    cases().into_iter().map(render).collect()
}

#[test]
fn every_page_has_a_case() {
    let shown: Vec<String> = cases().into_iter().map(|(_, page, _)| page).collect();
    for page in names("templates/pages", ".hbs")
        .iter()
        .filter(|page| *page != "layout")
    {
        assert!(
            shown.contains(page),
            "tests/fixtures/pages has no case of {page}"
        );
    }
}

#[test]
fn what_people_typed_stays_text() {
    for (case, html) in rendered() {
        assert!(!html.contains("<script"), "{case} lets a script through");
        assert!(!html.contains("{{"), "{case} shows a piece of its template");
    }
}

#[test]
fn nothing_is_inline_and_nothing_comes_from_elsewhere() {
    for (case, html) in rendered() {
        for attribute in html::tags(&html).iter().flat_map(|tag| &tag.attributes) {
            let html::Attribute {
                name,
                value,
                quoted,
                ..
            } = attribute;
            assert!(*quoted, "{case}: {name} is not quoted");
            assert!(
                name != "style" && !name.starts_with("on"),
                "{case}: {name} is inline"
            );
            if matches!(name.as_str(), "href" | "src" | "action" | "formaction") {
                let ours = value.starts_with("/register/") || value.starts_with(['#', '?']);
                assert!(ours, "{case}: {name} leads to {value}");
            }
        }
    }
}

#[test]
fn every_identifier_stands_once_and_every_reference_finds_its_element() {
    for (case, html) in rendered() {
        let tags = html::tags(&html);
        let all = |wanted: &[&str]| -> Vec<String> {
            let found = tags.iter().flat_map(|tag| &tag.attributes);
            let found = found.filter(|a| wanted.contains(&a.name.as_str()));
            found
                .flat_map(|a| a.value.split_whitespace().map(str::to_owned))
                .collect()
        };
        let ids = all(&["id"]);
        for id in &ids {
            let times = ids.iter().filter(|other| *other == id).count();
            assert_eq!(times, 1, "{case}: id {id}");
        }
        for id in all(&["for", "aria-describedby", "aria-labelledby", "list"]) {
            assert!(ids.contains(&id), "{case}: nothing has the id {id}");
        }
        for target in all(&["href"])
            .iter()
            .filter_map(|href| href.strip_prefix('#'))
        {
            assert!(
                ids.iter().any(|id| id == target),
                "{case}: #{target} leads nowhere"
            );
        }
    }
}

#[test]
fn every_page_is_titled_and_says_so_when_something_is_wrong() {
    for ((case, html), (.., given)) in rendered().into_iter().zip(cases()) {
        let title = html
            .split("<title>")
            .nth(1)
            .and_then(|rest| rest.split('<').next());
        let title = title.unwrap_or_default();
        let wrong = given["summary"]
            .as_array()
            .is_some_and(|lines| !lines.is_empty());
        assert_eq!(title.starts_with("Error: "), wrong, "{case}: {title}");
        assert_eq!(
            html.matches("<h1").count(),
            1,
            "{case} has one first heading"
        );
    }
}

#[test]
fn what_a_page_needs_and_is_not_given_is_an_error() {
    let templates = templates();
    for (case, page, given) in cases() {
        for name in given.as_object().unwrap().keys() {
            let mut less = given.clone();
            less.as_object_mut().unwrap().remove(name);
            if let Ok(html) = templates.page(&page, &less) {
                let whole = templates.page(&page, &given).unwrap();
                assert_eq!(html, whole, "{case} leaves {name} out without a word");
            }
        }
    }
}

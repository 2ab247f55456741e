//! `/docs/problems`: every problem explained, so that a problem's `type` leads somewhere.
use crate::app::App;
use crate::error::Result;
use crate::web::answer::page;
use crate::web::session::Visitor;
use actix_web::{HttpResponse, web};
use serde::Serialize;

const TEXT: &str = include_str!("../../docs/problems.md");

#[derive(Debug, PartialEq, Serialize)]
struct Page {
    introduction: String,
    problems: Vec<Problem>,
}

/// One section.
#[derive(Debug, PartialEq, Serialize)]
struct Problem {
    code: String,
    status: String,
    explanation: String,
}

/// `GET /docs/problems`
///
/// # Errors
/// When the template fails.
pub async fn problems(app: web::Data<App>, visitor: Visitor) -> Result<HttpResponse> {
    page(&app, &visitor, "", "problems", &read(TEXT))
}

/// Reads the document: paragraphs of plain words below a heading for each code.
fn read(text: &str) -> Page {
    let mut sections = text.split("\n## ");
    let introduction = sections.next().and_then(|s| s.split_once('\n'));
    let introduction = introduction.map_or("", |(_, words)| words);
    Page {
        introduction: in_one_line(introduction).replace('`', ""),
        problems: sections.filter_map(section).collect(),
    }
}

fn section(text: &str) -> Option<Problem> {
    let (code, words) = text.split_once('\n')?;
    let words = in_one_line(words);
    let (status, explanation) = words.strip_prefix("Status ")?.split_once(". ")?;
    Some(Problem {
        code: code.trim().to_owned(),
        status: status.to_owned(),
        explanation: explanation.to_owned(),
    })
}

fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_read_section_by_section() {
        let read = read("# Problems\n\nAll of\n`them`.\n\n## stale\n\nStatus 409. Look\nagain.\n");
        let stale = Problem {
            code: "stale".to_owned(),
            status: "409".to_owned(),
            explanation: "Look again.".to_owned(),
        };
        assert_eq!(read.introduction, "All of them.");
        assert_eq!(read.problems, [stale]);
    }

    #[test]
    fn every_section_of_the_document_is_shown() {
        let page = read(TEXT);
        assert_eq!(page.problems.len(), TEXT.matches("\n## ").count());
        assert!(page.introduction.starts_with("What cannot be done"));
        assert!(!page.problems.iter().any(|p| p.explanation.contains('`')));
    }
}

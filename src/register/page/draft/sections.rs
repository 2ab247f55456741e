//! The sections of a draft and how far each one is.
use super::{alike_to, written};
use crate::app::App;
use crate::error::Result;
use crate::form::{SectionState, State};
use crate::register::AlikeLine;
use crate::register::page::{KindView, RecordView, here};
use crate::web::answer::page;
use crate::web::badge::{Badge, badge};
use crate::web::session::Visitor;
use actix_web::{HttpResponse, web};
use serde::Serialize;

#[derive(Serialize)]
struct TaskList {
    kind: KindView,
    record: RecordView,
    sections: Vec<SectionView>,
    done: usize,
    total: usize,
    ready: bool,
    ready_status: Badge,
    alike: Vec<AlikeLine>,
}

#[derive(Serialize)]
struct SectionView {
    key: String,
    heading: String,
    path: String,
    because: String,
    complete: bool,
    status: Badge,
}

/// `GET /{kind}/{reference}/draft`
///
/// # Errors
/// 404.
pub async fn draft(
    app: web::Data<App>,
    visitor: Visitor,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse> {
    let (at, reference) = path.into_inner();
    let (desk, path) = (app.desk.clone(), at.clone());
    let within = visitor.register_query()?;
    let context = app
        .db
        .read(move |conn| {
            let (record, document) = written(conn, &desk, &path, &reference)?;
            let kind = desk.kinds.by_path(&path)?;
            let base = format!("/{path}/{reference}/draft");
            let sections: Vec<SectionView> = kind
                .form
                .sections(&document)
                .iter()
                .map(|s| section(&base, s))
                .collect();
            let done = sections.iter().filter(|section| section.complete).count();
            Ok(TaskList {
                record: RecordView::of(conn, &record)?,
                kind: KindView::of(kind),
                done,
                total: sections.len(),
                ready: kind.reviewed && done == sections.len(),
                ready_status: badge("Ready", "open"),
                alike: alike_to(conn, kind, &record, &document, within.as_ref())?,
                sections,
            })
        })
        .await?;
    page(&app, &visitor, here(&app, &at), "task-list", &context)
}

fn section(base: &str, state: &SectionState) -> SectionView {
    SectionView {
        key: state.key.clone(),
        heading: state.title.clone(),
        path: format!("{base}/{}", state.key),
        because: state.because.join(" "),
        complete: state.state == State::Complete,
        status: match state.state {
            State::NotStarted => badge("Not started", ""),
            State::Incomplete => badge("Incomplete", "part"),
            State::Complete => badge("Complete", "good"),
        },
    }
}

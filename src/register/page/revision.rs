//! One revision, and what changed between two.
use super::record::author;
use super::{KindView, RecordView, here, names};
use crate::app::App;
use crate::error::Result;
use crate::form::{Change, FactGroup};
use crate::register;
use crate::web::answer::page;
use crate::web::session::Visitor;
use actix_web::{HttpResponse, web};
use serde::Serialize;

#[derive(Serialize)]
struct RevisionPage {
    kind: KindView,
    record: RecordView,
    revision: OneRevision,
    current: bool,
    before: Option<i32>,
    sections: Vec<FactGroup>,
}

#[derive(Serialize)]
struct OneRevision {
    number: i32,
    heading: String,
    by: String,
    at: String,
    digest: String,
    /// The entry that says that personal data was taken out.
    redacted: Option<i64>,
}

/// `GET /{kind}/{reference}/revisions/{number}`
///
/// # Errors
/// 404.
pub async fn revision(
    app: web::Data<App>,
    visitor: Visitor,
    path: web::Path<(String, String, i32)>,
) -> Result<HttpResponse> {
    let (at, reference, number) = path.into_inner();
    let (desk, path) = (app.desk.clone(), at.clone());
    let context = app
        .db
        .read(move |conn| {
            let kind = desk.kinds.by_path(&path)?;
            let record = register::by_reference(conn, kind.key, &reference)?;
            let revision = register::revision(conn, record.id, number)?;
            let document = revision.document()?;
            let names = names(conn, [revision.author_id])?;
            let title = document.get("title").and_then(|title| title.as_str());
            Ok(RevisionPage {
                record: RecordView::of(conn, &record)?,
                current: number == record.revision,
                before: Some(number - 1).filter(|before| *before > 0),
                sections: kind.form.fact_groups(&document),
                kind: KindView::of(kind),
                revision: OneRevision {
                    number,
                    heading: title.unwrap_or(&record.title).to_owned(),
                    by: author(&names, revision.author_id),
                    at: revision.created_at.to_string(),
                    digest: revision.digest,
                    redacted: revision.redacted_seq,
                },
            })
        })
        .await?;
    page(&app, &visitor, here(&app, &at), "revision", &context)
}

#[derive(Serialize)]
struct ChangesPage {
    kind: KindView,
    record: RecordView,
    since: i32,
    number: i32,
    by: String,
    at: String,
    changes: Vec<Change>,
}

/// `GET /{kind}/{reference}/revisions/{number}/changes-since/{since}`
///
/// # Errors
/// 404.
pub async fn changes(
    app: web::Data<App>,
    visitor: Visitor,
    path: web::Path<(String, String, i32, i32)>,
) -> Result<HttpResponse> {
    let (at, reference, number, since) = path.into_inner();
    let (desk, path) = (app.desk.clone(), at.clone());
    let context = app
        .db
        .read(move |conn| {
            let kind = desk.kinds.by_path(&path)?;
            let record = register::by_reference(conn, kind.key, &reference)?;
            let this = register::revision(conn, record.id, number)?;
            let earlier = register::revision(conn, record.id, since)?;
            let names = names(conn, [this.author_id])?;
            Ok(ChangesPage {
                kind: KindView::of(kind),
                record: RecordView::of(conn, &record)?,
                since,
                number,
                by: author(&names, this.author_id),
                at: this.created_at.to_string(),
                changes: kind.form.diff(&earlier.document()?, &this.document()?),
            })
        })
        .await?;
    page(&app, &visitor, here(&app, &at), "revision-diff", &context)
}

//! Documents that say rules as pages: what is in force, its versions, and drafts.
mod drafts;

pub(super) use drafts::{authors, done};
pub use drafts::{begin, deed, draft, list, save};

use super::drafts::Place;
use super::{Head, KINDS, Kind, Part, store};
use crate::app::App;
use crate::db::{At, Conn};
use crate::error::{Error, Result};
use crate::people;
use crate::web::answer::page;
use crate::web::session::Visitor;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde_json::Value;

/// The kind that an address is of. What stands outside of `/rules` is of the data-use policy.
///
/// # Errors
/// [`Error::NotFound`].
pub(in crate::rules) fn kind_of(request: &HttpRequest) -> Result<&'static Kind> {
    Kind::at(request.match_info().get("rules").unwrap_or("policy"))
}

/// The document that an address is of.
pub(in crate::rules) fn key_of(request: &HttpRequest) -> String {
    let key = request.match_info().get("key");
    key.unwrap_or_default().to_owned()
}

/// The draft that an address is of.
///
/// # Errors
/// [`Error::NotFound`].
pub(in crate::rules) fn place_of(request: &HttpRequest) -> Result<Place> {
    let id = request.match_info().get("id").unwrap_or_default();
    Ok(Place {
        kind: kind_of(request)?,
        key: key_of(request),
        id: id.parse().map_err(|_| Error::not_found("draft", id))?,
    })
}

/// How an address names a kind and what it calls it.
#[derive(Serialize)]
struct KindView {
    path: &'static str,
    title: &'static str,
    many: &'static str,
}

fn view(kind: &Kind) -> KindView {
    KindView {
        path: kind.path,
        title: kind.title,
        many: kind.plural,
    }
}

#[derive(Serialize)]
struct KindsPage {
    kinds: Vec<KindView>,
}

/// `GET /rules`: every kind of rules.
///
/// # Errors
/// When the page cannot be drawn.
pub async fn kinds(app: web::Data<App>, visitor: Visitor) -> Result<HttpResponse> {
    let kinds = KINDS.iter().map(|kind| view(kind)).collect();
    page(
        &app,
        &visitor,
        "policy",
        "rules-kinds",
        &KindsPage { kinds },
    )
}

#[derive(Serialize)]
struct RulesPage {
    kind: KindView,
    documents: Vec<HeadView>,
    first: Option<&'static str>,
    may_keep: bool,
    may_look: bool,
}

#[derive(Serialize)]
struct HeadView {
    key: String,
    title: String,
    version: i32,
    hash: String,
    published_at: At,
    published_by: String,
}

fn head_view(conn: &mut Conn, head: Head) -> Result<HeadView> {
    let by = people::names(conn, &head.published_by.into_iter().collect())?;
    Ok(HeadView {
        published_by: by.into_values().next().unwrap_or_else(operator),
        key: head.key,
        title: head.title,
        version: head.version,
        hash: head.hash,
        published_at: head.published_at,
    })
}

fn operator() -> String {
    "the operator".to_owned()
}

/// `GET /rules/{rules}`: the documents of a kind that are in force.
///
/// # Errors
/// 404.
pub async fn all(
    app: web::Data<App>,
    visitor: Visitor,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let kind = kind_of(&request)?;
    let (may_keep, may_look) = (visitor.keeps(kind.keepers), visitor.reads_whole_log());
    let read = move |conn: &mut Conn| {
        let mut documents = Vec::new();
        for head in store::heads(conn, kind)? {
            documents.push(head_view(conn, head)?);
        }
        let own = documents
            .iter()
            .any(|document| document.key == kind.first.0);
        Ok(RulesPage {
            first: (may_keep && !own).then_some(kind.first.0),
            kind: view(kind),
            documents,
            may_keep,
            may_look: may_keep || may_look,
        })
    };
    let context = app.db.read(read).await?;
    page(&app, &visitor, "policy", "rules", &context)
}

#[derive(Serialize)]
struct VersionPage {
    kind: KindView,
    head: HeadView,
    in_force: i32,
    versions: Vec<HeadView>,
    parts: Vec<Part>,
    lines: Vec<String>,
    may_keep: bool,
    may_look: bool,
}

/// `GET /rules/{rules}/{key}` and `GET /rules/{rules}/{key}/versions/{version}`
///
/// # Errors
/// 404.
pub async fn version(
    app: web::Data<App>,
    visitor: Visitor,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let (kind, key) = (kind_of(&request)?, key_of(&request));
    let number = match request.match_info().get("version") {
        Some(text) => Some(
            text.parse()
                .map_err(|_| Error::not_found("version", text))?,
        ),
        None => None,
    };
    let (may_keep, may_look) = (visitor.keeps(kind.keepers), visitor.reads_whole_log());
    let desk = app.desk.clone();
    let read = move |conn: &mut Conn| {
        let heads = store::versions_of(conn, kind, &key)?;
        let in_force = heads.first().map_or(0, |head| head.version);
        let number: i32 = number.unwrap_or(in_force);
        let head = store::version(conn, kind, &key, number)?;
        let text = store::source(conn, kind, &key, number)?.1;
        let pretty = serde_json::to_string_pretty(&serde_json::from_str::<Value>(&text)?)?;
        let mut versions = Vec::new();
        for head in heads {
            versions.push(head_view(conn, head)?);
        }
        Ok(VersionPage {
            kind: view(kind),
            head: head_view(conn, head)?,
            in_force,
            versions,
            parts: (kind.tell)(conn, &desk, &text)?,
            lines: pretty.split('\n').map(str::to_owned).collect(),
            may_keep,
            may_look: may_keep || may_look,
        })
    };
    let context = app.db.read(read).await?;
    page(&app, &visitor, "policy", "rules-version", &context)
}

//! One tool: for which data, who pays, who answers for it, what may be joined.
use crate::app::App;
use crate::catalogue::tools::{self, Card, Link};
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::policy::view::of_verdict;
use crate::policy::{self, Version};
use crate::register::{self, Query, Sort, Status};
use crate::review::Desk;
use crate::web::answer::page;
use crate::web::badge::{Badge, of_status};
use crate::web::session::Visitor;
use actix_web::{HttpResponse, web};
use serde::Serialize;

/// Lines of a list on the page.
const SHOWN: usize = 10;

#[derive(Serialize)]
struct ToolPage {
    tool: Card,
    /// Titles of the classes.
    columns: Vec<String>,
    rows: Vec<RowView>,
    policy: Option<Link>,
    approved: Vec<UseLine>,
    beside: Vec<Beside>,
    may_keep: bool,
}

/// A mode with what holds for each class.
#[derive(Serialize)]
struct RowView {
    mode: String,
    cells: Vec<CellView>,
}

#[derive(Serialize)]
struct CellView {
    class: String,
    status: Badge,
    path: String,
}

/// An approved use case of the tool.
#[derive(Serialize)]
struct UseLine {
    reference: String,
    title: String,
    status: Badge,
}

/// Another tool of the same sort or vendor.
#[derive(Serialize)]
struct Beside {
    reference: String,
    title: String,
    cost: Option<i64>,
}

/// `GET /catalogue/{reference}`
///
/// # Errors
/// 404.
pub async fn tool(
    app: web::Data<App>,
    visitor: Visitor,
    path: web::Path<String>,
) -> Result<HttpResponse> {
    let (desk, within, reference) = (
        app.desk.clone(),
        visitor.register_query()?,
        path.into_inner(),
    );
    let keeps = visitor.keeps_policy();
    let read = move |conn: &mut Conn| {
        let record = register::by_reference(conn, "tool", &reference)?;
        let version = tools::policy(conn, &desk)?;
        let cards = tools::cards(conn, &desk, version.as_deref(), &[record])?;
        let card = cards.into_iter().next();
        let card = card.ok_or_else(|| Error::not_found("record", &reference))?;
        ToolPage::read(conn, &desk, version.as_deref(), card, &within, keeps)
    };
    let context = app.db.read(read).await?;
    page(&app, &visitor, "catalogue", "catalogue-tool", &context)
}

/// `GET /catalogue/listed/{key}`: a tool that the policy names.
///
/// # Errors
/// 404.
pub async fn listed(
    app: web::Data<App>,
    visitor: Visitor,
    path: web::Path<String>,
) -> Result<HttpResponse> {
    let (desk, within, key) = (
        app.desk.clone(),
        visitor.register_query()?,
        path.into_inner(),
    );
    let keeps = visitor.keeps_policy();
    let read = move |conn: &mut Conn| {
        let missing = || Error::not_found("tool", &key);
        let version = tools::policy(conn, &desk)?.ok_or_else(missing)?;
        let mut all = version.index.policy().tools.iter();
        let found = all.find(|tool| tool.key == key).ok_or_else(missing)?;
        let card = tools::card_of_policy(&version, found, desk.today().0);
        ToolPage::read(conn, &desk, Some(&version), card, &within, keeps)
    };
    let context = app.db.read(read).await?;
    page(&app, &visitor, "catalogue", "catalogue-tool", &context)
}

impl ToolPage {
    fn read(
        conn: &mut Conn,
        desk: &Desk,
        version: Option<&Version>,
        tool: Card,
        within: &tools::Within,
        may_keep: bool,
    ) -> Result<ToolPage> {
        let key = tool.listed.as_deref();
        let rows = version
            .zip(key)
            .map(|(version, key)| rows(desk, version, key));
        Ok(ToolPage {
            columns: tool.classes.iter().map(|one| one.title.clone()).collect(),
            rows: rows.unwrap_or_default(),
            policy: version.map(|version| Link {
                title: format!("version {}", version.version),
                path: format!("/policy/{}/versions/{}", version.key, version.version),
            }),
            approved: approved(conn, version, &tool, within)?,
            beside: beside(conn, &tool, within)?,
            may_keep,
            tool,
        })
    }
}

fn rows(desk: &Desk, version: &Version, key: &str) -> Vec<RowView> {
    let Some(found) = policy::matrix_of(&version.index, key, desk.today().0) else {
        return Vec::new();
    };
    let class = |key: &str| {
        let mut classes = version.index.policy().classes.iter();
        let found = classes.find(|class| class.key == key);
        found.map_or_else(|| key.to_owned(), |class| class.title.clone())
    };
    let row = |row: policy::MatrixRow| RowView {
        cells: row
            .cells
            .iter()
            .map(|cell| CellView {
                class: class(&cell.class),
                status: of_verdict(cell.verdict, cell.conditions),
                path: policy::view::path(
                    &version.key,
                    &policy::Question {
                        tool: found.title.clone(),
                        mode: row.mode.clone(),
                        classes: vec![cell.class.clone()],
                        purpose: None,
                    },
                ),
            })
            .collect(),
        mode: row.title.unwrap_or_else(|| "Any account".to_owned()),
    };
    found.rows.iter().cloned().map(row).collect()
}

/// Approved use cases of the tool, the latest first.
fn approved(
    conn: &mut Conn,
    version: Option<&Version>,
    tool: &Card,
    within: &tools::Within,
) -> Result<Vec<UseLine>> {
    let known = version.and_then(|version| version.index.tool(&tool.title));
    let mut names = vec![tool.title.clone()];
    names.extend(known.into_iter().flat_map(|tool| {
        let own = [tool.title.clone(), tool.key.clone()];
        own.into_iter().chain(tool.aliases.iter().cloned())
    }));
    let query = Query {
        kind: "use_case".to_owned(),
        status: vec![Status::Approved],
        facets: [("tool".to_owned(), names)].into(),
        within: within.clone(),
        ..Query::default()
    };
    let found = register::list(conn, &query)?.records.into_iter();
    found
        .take(SHOWN)
        .map(|record| {
            Ok(UseLine {
                status: of_status(record.status()?),
                reference: record.reference,
                title: record.title,
            })
        })
        .collect()
}

/// Other tools of the same vendor, and what they cost.
fn beside(conn: &mut Conn, tool: &Card, within: &tools::Within) -> Result<Vec<Beside>> {
    let Some(vendor) = tool.vendor.clone() else {
        return Ok(Vec::new());
    };
    let query = Query {
        kind: "tool".to_owned(),
        facets: [("vendor".to_owned(), vec![vendor])].into(),
        within: within.clone(),
        sort: Sort::Title,
        ..Query::default()
    };
    let mut found = register::list(conn, &query)?.records;
    found.retain(|record| Some(&record.reference) != tool.reference.as_ref());
    found.truncate(SHOWN);
    let documents = tools::documents(conn, &found)?;
    let line = |record: register::Record| {
        let document = documents.get(&record.id);
        Beside {
            cost: document.and_then(|document| document.get("cost_eur_per_year")?.as_i64()),
            reference: record.reference,
            title: record.title,
        }
    };
    Ok(found.into_iter().map(line).collect())
}

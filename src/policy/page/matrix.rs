//! A policy as a table, and each of its rules.
use crate::app::App;
use crate::db::{At, Conn, PersonId};
use crate::error::{Error, Result};
use crate::people;
use crate::policy::view::{self, PolicyView, RuleView};
use crate::policy::{self, MAIN, Question, Version};
use crate::review::Desk;
use crate::rules::{self, Head};
use crate::web::answer::page;
use crate::web::badge::{Badge, badge};
use crate::web::session::Visitor;
use actix_web::{HttpResponse, web};
use serde::Serialize;
use std::collections::BTreeSet;

#[derive(Serialize)]
struct MatrixPage {
    policy: PolicyView,
    description: Option<String>,
    contact: Option<String>,
    owner: String,
    published_at: At,
    published_by: Option<String>,
    in_force: i32,
    ask_path: String,
    classes: Vec<ClassView>,
    tools: Vec<ToolView>,
    /// Tools that do not stand on the page.
    more_tools: usize,
    /// Rules whatever the tool, for tools that are not listed too.
    general: Vec<RuleView>,
    versions: Vec<Line>,
    others: Vec<Line>,
    may_keep: bool,
    may_look: bool,
}

#[derive(Serialize)]
struct ClassView {
    title: String,
    description: Option<String>,
}

#[derive(Serialize)]
struct ToolView {
    title: String,
    vendor: Option<String>,
    rows: Vec<RowView>,
}

#[derive(Serialize)]
struct RowView {
    mode: Option<String>,
    cells: Vec<CellView>,
}

#[derive(Serialize)]
struct CellView {
    tone: &'static str,
    word: String,
    path: String,
    depends: bool,
}

/// A version in a list.
#[derive(Serialize)]
struct Line {
    key: String,
    title: String,
    version: i32,
    hash: String,
    published_at: At,
    published_by: Option<String>,
    status: Badge,
}

fn lines(conn: &mut Conn, heads: Vec<Head>) -> Result<Vec<Line>> {
    let who: BTreeSet<PersonId> = heads.iter().filter_map(|head| head.published_by).collect();
    let names = people::names(conn, &who)?;
    let mut seen = BTreeSet::new();
    let line = |head: Head| Line {
        status: match seen.insert(head.key.clone()) {
            true => badge("In force", "good"),
            false => badge("Replaced", ""),
        },
        published_by: head.published_by.and_then(|who| names.get(&who).cloned()),
        key: head.key,
        title: head.title,
        version: head.version,
        hash: head.hash,
        published_at: head.published_at,
    };
    Ok(heads.into_iter().map(line).collect())
}

/// `GET /policy`: the organisation's own policy; where there is none, which there are.
///
/// # Errors
/// When the database fails.
pub async fn policies(app: web::Data<App>, visitor: Visitor) -> Result<HttpResponse> {
    match show(&app, &visitor, MAIN.to_owned(), None).await {
        Err(Error::NotFound(_)) => {}
        done => return done,
    }
    #[derive(Serialize)]
    struct NonePage {
        others: Vec<Line>,
        may_keep: bool,
    }
    let others = app
        .db
        .read(|conn| {
            let heads = rules::heads(conn, &policy::KIND)?;
            lines(conn, heads)
        })
        .await?;
    let context = NonePage {
        others,
        may_keep: visitor.keeps_policy(),
    };
    page(&app, &visitor, "policy", "policy-none", &context)
}

/// `GET /policy/{key}`: the version in force.
///
/// # Errors
/// 404.
pub async fn policy(
    app: web::Data<App>,
    visitor: Visitor,
    key: web::Path<String>,
) -> Result<HttpResponse> {
    show(&app, &visitor, key.into_inner(), None).await
}

/// `GET /policy/{key}/versions/{version}`
///
/// # Errors
/// 404.
pub async fn version(
    app: web::Data<App>,
    visitor: Visitor,
    path: web::Path<(String, i32)>,
) -> Result<HttpResponse> {
    let (key, number) = path.into_inner();
    show(&app, &visitor, key, Some(number)).await
}

async fn show(
    app: &App,
    visitor: &Visitor,
    key: String,
    number: Option<i32>,
) -> Result<HttpResponse> {
    let (desk, who) = (app.desk.clone(), visitor.clone());
    let read = move |conn: &mut Conn| {
        let version = match number {
            Some(number) => policy::version(conn, &desk.policies, &key, number)?,
            None => policy::current(conn, &desk.policies, &key)?,
        };
        MatrixPage::read(conn, &desk, &version, &who)
    };
    let context = app.db.read(read).await?;
    page(app, visitor, "policy", "policy", &context)
}

impl MatrixPage {
    fn read(conn: &mut Conn, desk: &Desk, version: &Version, who: &Visitor) -> Result<MatrixPage> {
        let policy = version.index.policy();
        let mut versions = rules::versions_of(conn, &policy::KIND, &version.key)?;
        let in_force = versions.first().map_or(0, |head| head.version);
        let at = versions
            .iter()
            .position(|head| head.version == version.version);
        let missing = || Error::not_found("data-use policy", &version.key);
        let own = versions
            .get(at.ok_or_else(missing)?)
            .cloned()
            .ok_or_else(missing)?;
        let names = people::names(conn, &own.published_by.into_iter().collect())?;
        let mut general = Vec::new();
        for rule in policy
            .rules
            .iter()
            .filter(|rule| rule.tools.keys().is_none())
        {
            general.push(view::rule_view(conn, desk, version, rule)?);
        }
        versions.truncate(50);
        let mut others = rules::heads(conn, &policy::KIND)?;
        others.retain(|head| head.key != version.key);
        let owner = people::by_email(conn, &policy.owner)?;
        Ok(MatrixPage {
            policy: PolicyView::of(version),
            description: policy.description.clone(),
            contact: policy.contact.clone(),
            owner: owner.map_or_else(|| policy.owner.clone(), |person| person.name),
            published_at: own.published_at,
            published_by: names.into_values().next(),
            in_force,
            ask_path: match version.key.as_str() {
                MAIN => "/answers".to_owned(),
                key => format!("/answers?policy={key}"),
            },
            classes: policy
                .classes
                .iter()
                .map(|class| ClassView {
                    title: class.title.clone(),
                    description: class.description.clone(),
                })
                .collect(),
            more_tools: policy.tools.len().saturating_sub(policy::MATRIX_TOOLS),
            tools: tools(version, desk.today().0),
            general,
            versions: lines(conn, versions)?,
            others: lines(conn, others)?,
            may_keep: who.keeps_policy(),
            may_look: who.keeps_policy() || who.reads_whole_log(),
        })
    }
}

fn tools(version: &Version, today: jiff::civil::Date) -> Vec<ToolView> {
    let matrix = policy::matrix(&version.index, today);
    let tool = |tool: policy::MatrixTool| ToolView {
        rows: tool
            .rows
            .into_iter()
            .map(|row| RowView {
                cells: row
                    .cells
                    .iter()
                    .map(|cell| cell_view(version, &tool.key, row.mode.as_deref(), cell))
                    .collect(),
                mode: row.title,
            })
            .collect(),
        title: tool.title,
        vendor: tool.vendor,
    };
    matrix.tools.into_iter().map(tool).collect()
}

/// A cell leads to the rule that decides it; where several do or none does, to the answer.
fn cell_view(
    version: &Version,
    tool: &str,
    mode: Option<&str>,
    cell: &policy::MatrixCell,
) -> CellView {
    let Badge { word, tone } = view::of_verdict(cell.verdict, cell.conditions);
    let path = match cell.rules.as_slice() {
        [rule] => format!(
            "/policy/{}/versions/{}/rules/{rule}",
            version.key, version.version
        ),
        _ => {
            let question = Question {
                tool: tool.to_owned(),
                mode: mode.map(str::to_owned),
                classes: vec![cell.class.clone()],
                purpose: None,
            };
            view::path(&version.key, &question)
        }
    };
    CellView {
        tone,
        word,
        path,
        depends: cell.depends_on_purpose,
    }
}

#[derive(Serialize)]
struct RulePage {
    policy: PolicyView,
    rule: RuleView,
    in_force: i32,
    counts_today: bool,
    named: Vec<NamedView>,
    conditions: Vec<policy::Condition>,
    workflow: Option<String>,
}

/// What a rule names of one sort.
#[derive(Serialize)]
struct NamedView {
    what: &'static str,
    titles: Vec<String>,
}

/// `GET /policy/{key}/versions/{version}/rules/{rule}`
///
/// # Errors
/// 404.
pub async fn rule(
    app: web::Data<App>,
    visitor: Visitor,
    path: web::Path<(String, i32, String)>,
) -> Result<HttpResponse> {
    let (key, number, rule) = path.into_inner();
    let desk = app.desk.clone();
    let read = move |conn: &mut Conn| {
        let version = policy::version(conn, &desk.policies, &key, number)?;
        let found = version
            .index
            .rule(&rule)
            .ok_or_else(|| Error::not_found("rule", &rule))?;
        Ok(RulePage {
            policy: PolicyView::of(&version),
            rule: view::rule_view(conn, &desk, &version, found)?,
            in_force: rules::in_force(conn, &policy::KIND, &key)?,
            counts_today: found.is_valid(desk.today().0),
            named: named(&version, found),
            conditions: found.conditions.clone(),
            workflow: found.workflow.clone(),
        })
    };
    let context = app.db.read(read).await?;
    page(&app, &visitor, "policy", "policy-rule", &context)
}

fn named(version: &Version, rule: &policy::Rule) -> Vec<NamedView> {
    let policy = version.index.policy();
    let pick = |names: &policy::Names, all: &mut dyn Iterator<Item = (&String, &String)>| {
        let mut titles: Vec<String> = match names.keys() {
            None => Vec::new(),
            Some(_) => all
                .filter(|(key, _)| names.includes(key))
                .map(|(_, title)| title.clone())
                .collect(),
        };
        titles.dedup();
        titles
    };
    let pair = |one: &'_ policy::Named| (one.key.clone(), one.title.clone());
    let mut modes: Vec<(String, String)> = policy
        .tools
        .iter()
        .filter(|tool| rule.tools.includes(&tool.key))
        .flat_map(|tool| tool.modes.iter().map(pair))
        .collect();
    modes.sort();
    modes.dedup();
    let view = |what, titles| NamedView { what, titles };
    let tools = &mut policy.tools.iter().map(|tool| (&tool.key, &tool.title));
    let classes = &mut policy
        .classes
        .iter()
        .map(|class| (&class.key, &class.title));
    let purposes = &mut policy.purposes.iter().map(|one| (&one.key, &one.title));
    vec![
        view("Tools", pick(&rule.tools, tools)),
        view(
            "Modes",
            pick(
                &rule.modes,
                &mut modes.iter().map(|(key, title)| (key, title)),
            ),
        ),
        view("Data", pick(&rule.classes, classes)),
        view("Purposes", pick(&rule.purposes, purposes)),
    ]
}

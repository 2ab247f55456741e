//! The published workflows as pages: what a review asks of whom, and when.
use crate::app::App;
use crate::db::{At, Conn};
use crate::error::Result;
use crate::people;
use crate::review::service::Desk;
use crate::review::words::choice;
use crate::review::workflows::{self, Loaded, Version};
use crate::web::answer::page;
use crate::web::badge::{Badge, badge};
use crate::web::session::Visitor;
use crate::workflow::{
    Derive, Flow, Need, OnReject, Outcome, Party, Relation, Seat, Stage, Who, flow,
};
use actix_web::{HttpResponse, web};
use serde::Serialize;
use serde_json::Value;

#[derive(Serialize)]
struct ListPage {
    versions: Vec<VersionLine>,
}

#[derive(Serialize)]
struct VersionLine {
    key: String,
    version: i32,
    title: String,
    hash: String,
    status: Badge,
    published_at: At,
}

impl VersionLine {
    fn of(version: Version) -> VersionLine {
        let (tone, word) = match version.active {
            true => ("good", "in force"),
            false => ("idle", "replaced"),
        };
        VersionLine {
            key: version.key,
            version: version.version,
            title: version.title,
            hash: version.hash,
            status: badge(word, tone),
            published_at: version.published_at,
        }
    }
}

/// `GET /workflows`: every version, the newest of each first.
///
/// # Errors
/// When the database fails.
pub async fn list(app: web::Data<App>, visitor: Visitor) -> Result<HttpResponse> {
    let versions = app.db.read(workflows::versions).await?;
    let versions = versions.into_iter().map(VersionLine::of).collect();
    page(
        &app,
        &visitor,
        "workflows",
        "workflows",
        &ListPage { versions },
    )
}

#[derive(Serialize)]
struct VersionPage {
    version: VersionLine,
    description: String,
    applies_when: Option<String>,
    max_revisions: u32,
    flow: Flow,
    tables: Vec<Table>,
    stages: Vec<StageView>,
}

#[derive(Serialize)]
struct Table {
    key: String,
    rows: Vec<TableRow>,
    otherwise: String,
}

#[derive(Serialize)]
struct TableRow {
    when: String,
    then: String,
    because: String,
}

#[derive(Serialize)]
struct StageView {
    number: usize,
    key: String,
    title: String,
    guidance: String,
    needs: Vec<String>,
    when: Option<String>,
    seats: Vec<SeatView>,
    choices: Vec<&'static str>,
    reasons: Vec<&'static str>,
    on_reject: &'static str,
    excluded: Vec<String>,
    form: Option<String>,
    questions: Vec<String>,
}

#[derive(Serialize)]
struct SeatView {
    need: String,
    from: Vec<String>,
    fallback: Vec<String>,
}

/// `GET /workflows/{key}/{version}`: one version, whole.
///
/// # Errors
/// 404 for a version there is none of.
pub async fn version(
    app: web::Data<App>,
    visitor: Visitor,
    path: web::Path<(String, i32)>,
) -> Result<HttpResponse> {
    let (key, number) = path.into_inner();
    let desk = app.desk.clone();
    let context = app
        .db
        .read(move |conn| describe(conn, &desk, &key, number))
        .await?;
    page(&app, &visitor, "workflows", "workflow", &context)
}

fn describe(conn: &mut Conn, desk: &Desk, key: &str, number: i32) -> Result<VersionPage> {
    let known = workflows::versions(conn)?;
    let row = known
        .into_iter()
        .find(|v| v.key == key && v.version == number);
    let missing = || crate::error::Error::not_found("workflow version", number);
    let row = row.ok_or_else(missing)?;
    let loaded = workflows::version(conn, &desk.workflows, &row.key, number)?;
    let workflow = &loaded.workflow;
    let mut stages = Vec::new();
    for (at, stage) in workflow.in_order().into_iter().enumerate() {
        stages.push(stage_view(conn, &loaded, at + 1, stage)?);
    }
    Ok(VersionPage {
        version: VersionLine::of(row),
        description: workflow.description.clone(),
        applies_when: workflow.applies_when.clone(),
        max_revisions: workflow.max_revisions,
        flow: flow(workflow, &[]),
        tables: workflow.derive.iter().map(table).collect(),
        stages,
    })
}

fn table(derive: &Derive) -> Table {
    let row = |case: &crate::workflow::Case| TableRow {
        when: case.when.clone(),
        then: plain(&case.then),
        because: case.because.clone(),
    };
    Table {
        key: derive.key.clone(),
        rows: derive.cases.iter().map(row).collect(),
        otherwise: plain(&derive.otherwise),
    }
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn stage_view(conn: &mut Conn, loaded: &Loaded, number: usize, stage: &Stage) -> Result<StageView> {
    let mut seats = Vec::new();
    for seat in &stage.seats {
        seats.push(seat_view(conn, seat)?);
    }
    let title = |key: &String| {
        loaded
            .workflow
            .stage(key)
            .map_or(key.clone(), |s| s.title.clone())
    };
    let form = stage.form.as_ref().and_then(|key| loaded.forms.get(key));
    let names = |outcomes: &[Outcome]| outcomes.iter().map(|o| choice(*o).0).collect();
    Ok(StageView {
        number,
        key: stage.key.clone(),
        title: stage.title.clone(),
        guidance: stage.guidance.clone(),
        needs: stage.needs.iter().map(title).collect(),
        when: stage.when.clone(),
        seats,
        choices: names(&stage.decisions),
        reasons: names(&stage.reason_required),
        on_reject: match stage.on_reject {
            OnReject::Veto => "One rejection ends the review.",
            OnReject::UntilImpossible => {
                "The stage is rejected once a seat can no longer reach its need."
            }
        },
        excluded: excluded(stage, &title),
        form: form.map(|f| f.title().to_owned()),
        questions: form
            .map(|f| f.fields().iter().map(|q| q.label.clone()).collect())
            .unwrap_or_default(),
    })
}

fn excluded(stage: &Stage, title: &dyn Fn(&String) -> String) -> Vec<String> {
    let party = |party: &Party| match party {
        Party::Submitter => "who submitted it".to_owned(),
        Party::Owner => "who owns it".to_owned(),
        Party::Editors => "who edited it".to_owned(),
    };
    let approver = |key: &String| format!("who approved in {}", title(key));
    let parties = stage.separation.not.iter().map(party);
    parties
        .chain(stage.separation.not_approvers_of.iter().map(approver))
        .collect()
}

fn seat_view(conn: &mut Conn, seat: &Seat) -> Result<SeatView> {
    let mut named = |all: &[Who]| all.iter().map(|w| who(conn, w)).collect::<Result<Vec<_>>>();
    Ok(SeatView {
        need: match seat.need {
            Need::AtLeast(count) => count.to_string(),
            Need::All => "all".to_owned(),
        },
        from: named(&seat.from)?,
        fallback: named(&seat.fallback)?,
    })
}

/// Whom a seat names, with the people it means today.
fn who(conn: &mut Conn, who: &Who) -> Result<String> {
    Ok(match who {
        Who::Role(role) => format!("role {role}{}", today(conn, "role", role)?),
        Who::Group(group) => format!("group {group}{}", today(conn, "group", group)?),
        Who::Person(address) => address.clone(),
        Who::Field(field) => format!("the person named in “{}”", field.replace('_', " ")),
        Who::Relation(Relation::Submitter) => "the submitter".to_owned(),
        Who::Relation(Relation::Owner) => "the owner".to_owned(),
        Who::ManagerOf(Relation::Submitter) => "the submitter's manager".to_owned(),
        Who::ManagerOf(Relation::Owner) => "the owner's manager".to_owned(),
    })
}

fn today(conn: &mut Conn, kind: &str, name: &str) -> Result<String> {
    let holders = people::holders(conn, kind, name)?;
    let mut names: Vec<String> = people::names(conn, &holders)?.into_values().collect();
    names.sort();
    Ok(match names.is_empty() {
        true => " (nobody today)".to_owned(),
        false => format!(" ({} today)", names.join(", ")),
    })
}

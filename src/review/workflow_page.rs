//! The published workflows as pages: what a review asks of whom, and when.
use crate::app::App;
use crate::calendar::Span;
use crate::db::{At, Conn};
use crate::error::{Error, Result};
use crate::people;
use crate::review::drafts::{self, DraftLine};
use crate::review::service::Desk;
use crate::review::words::choice;
use crate::review::workflow_words as words;
use crate::review::workflows::{self, Loaded, Version};
use crate::web::answer::page;
use crate::web::badge::{Badge, badge};
use crate::web::session::Visitor;
use crate::workflow::{
    Change, Derive, Flow, Need, OnReject, Outcome, Party, Relation, Seat, Stage, Who, Workflow,
    compare, flow,
};
use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Serialize)]
struct ListPage {
    versions: Vec<VersionLine>,
    drafts: Vec<DraftLine>,
    may_keep: bool,
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
    let may_keep = visitor.keeps_policy();
    let read = move |conn: &mut Conn| {
        let mut open = Vec::new();
        if may_keep {
            open = drafts::drafts(conn, None)?;
            open.retain(|draft| draft.state != drafts::State::Published);
        }
        let versions = workflows::versions(conn)?.into_iter();
        let open = open.iter().map(|draft| drafts::line(conn, draft));
        Ok(ListPage {
            drafts: open.collect::<Result<_>>()?,
            versions: versions.map(VersionLine::of).collect(),
            may_keep,
        })
    };
    let context = app.db.read(read).await?;
    page(&app, &visitor, "workflows", "workflows", &context)
}

/// Which two versions are compared.
#[derive(Debug, Deserialize)]
pub struct Between {
    from: Option<i32>,
    to: Option<i32>,
}

#[derive(Serialize)]
struct HistoryPage {
    key: String,
    title: String,
    versions: Vec<HistoryLine>,
    from: i32,
    to: i32,
    changes: Vec<Change>,
}

#[derive(Serialize)]
struct HistoryLine {
    version: VersionLine,
    publisher: String,
    is_from: bool,
    is_to: bool,
}

/// `GET /workflows/{key}/versions`, with `?from=N&to=M`: every version of a workflow, and what one
/// says other than another; the last two where nothing is chosen.
///
/// # Errors
/// 404.
pub async fn history(
    app: web::Data<App>,
    visitor: Visitor,
    key: web::Path<String>,
    between: web::Query<Between>,
) -> Result<HttpResponse> {
    let (key, between) = (key.into_inner(), between.into_inner());
    let desk = app.desk.clone();
    let read = move |conn: &mut Conn| compared(conn, &desk, key, &between);
    let context = app.db.read(read).await?;
    page(&app, &visitor, "workflows", "workflow-versions", &context)
}

fn compared(conn: &mut Conn, desk: &Desk, key: String, between: &Between) -> Result<HistoryPage> {
    let mut known = workflows::versions(conn)?;
    known.retain(|version| version.key == key);
    let newest = known
        .first()
        .ok_or_else(|| Error::not_found("workflow", &key))?;
    let (newest, title) = (newest.version, newest.title.clone());
    let to = between.to.unwrap_or(newest);
    let from = between.from.unwrap_or_else(|| (to - 1).max(1));
    let (before, _) = drafts::published(conn, desk, &key, from)?;
    let (after, _) = drafts::published(conn, desk, &key, to)?;
    let publishers = known.iter().filter_map(|version| version.published_by);
    let names = people::names(conn, &publishers.collect())?;
    let line = |version: Version| HistoryLine {
        publisher: match version.published_by {
            Some(person) => names.get(&person).cloned().unwrap_or_default(),
            None => "the operator".to_owned(),
        },
        is_from: version.version == from,
        is_to: version.version == to,
        version: VersionLine::of(version),
    };
    Ok(HistoryPage {
        versions: known.into_iter().map(line).collect(),
        changes: compare(&before, &after),
        key,
        title,
        from,
        to,
    })
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
    calendar: String,
    max_duration: Option<String>,
    later: Vec<Rules>,
    may_keep: bool,
}

/// Rules of one sort, in sentences.
#[derive(Serialize)]
struct Rules {
    title: &'static str,
    said: Vec<String>,
}

fn later(workflow: &Workflow) -> Vec<Rules> {
    let rules = |title, said| Rules { title, said };
    vec![
        rules("Edits under review", words::changes(workflow)),
        rules("Conditions of an approval", words::conditions(workflow)),
        rules(
            "How long an approval is valid",
            words::renewal(workflow.renewal.as_ref()),
        ),
        rules(
            "In an emergency",
            words::overriding(workflow.over_ride.as_ref()),
        ),
    ]
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
    clock: Vec<String>,
    escalations: Vec<String>,
    delegation: &'static str,
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
    let mut context = app
        .db
        .read(move |conn| describe(conn, &desk, &key, number))
        .await?;
    context.may_keep &= visitor.keeps_policy();
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
        may_keep: row.active,
        version: VersionLine::of(row),
        description: workflow.description.clone(),
        applies_when: workflow.applies_when.clone(),
        max_revisions: workflow.max_revisions,
        calendar: workflow.calendar.clone(),
        max_duration: workflow.max_duration.as_ref().map(Span::words),
        later: later(workflow),
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
        clock: words::clock(stage),
        escalations: words::escalations(stage),
        delegation: words::delegation(stage),
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

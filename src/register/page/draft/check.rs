//! The last look before submitting: every answer, the risk and why, and who will be asked.
use super::{alike_to, written};
use crate::app::App;
use crate::db::{Conn, PersonId};
use crate::error::{Error, Result};
use crate::form::{FactGroup, SummaryLine};
use crate::register::page::{KindView, PolicyView, RecordView, here, listed};
use crate::register::{self, AlikeLine, Kind, Record};
use crate::review::engine::{Needed, Refusal};
use crate::review::{self, Desk, Finish, Preview, PreviewStage};
use crate::web::answer::{go_to, page_with};
use crate::web::badge::{Badge, badge, of_risk, sentence_case};
use crate::web::session::Visitor;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::Value;

type Path = web::Path<(String, String)>;

#[derive(Serialize)]
struct CheckPage {
    kind: KindView,
    record: RecordView,
    sections: Vec<FactGroup>,
    policy: Option<PolicyView>,
    risk: Option<Badge>,
    because: Option<String>,
    stages: Vec<StageView>,
    finish: Option<Finish>,
    ready: bool,
    missing: Vec<Missing>,
    summary: Vec<SummaryLine>,
    alike: Vec<AlikeLine>,
}

#[derive(Serialize)]
struct StageView {
    heading: String,
    needed: Badge,
    why: Option<String>,
    seats: Vec<SeatView>,
}

#[derive(Serialize)]
struct SeatView {
    label: String,
    people: String,
}

#[derive(Serialize)]
struct Missing {
    message: String,
    path: String,
}

/// `GET /{kind}/{reference}/check`
///
/// # Errors
/// 404.
pub async fn check(app: web::Data<App>, visitor: Visitor, path: Path) -> Result<HttpResponse> {
    show(&app, &visitor, path.into_inner(), None).await
}

async fn show(
    app: &App,
    visitor: &Visitor,
    (at, reference): (String, String),
    refused: Option<String>,
) -> Result<HttpResponse> {
    let (desk, path, person) = (app.desk.clone(), at.clone(), visitor.id()?);
    let within = visitor.register_query()?;
    let status = if refused.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let context = app
        .db
        .read(move |conn| {
            let (record, document) = written(conn, &desk, &path, &reference)?;
            let mut context = CheckPage::read(conn, &desk, person, &record, &document)?;
            context.alike = alike_to(
                conn,
                desk.kinds.by_key(&record.kind)?,
                &record,
                &document,
                within.as_ref(),
            )?;
            let line = |message| SummaryLine {
                target: None,
                message,
            };
            context.summary.extend(refused.map(line));
            Ok(context)
        })
        .await?;
    page_with(
        app,
        visitor,
        here(app, &at),
        "check-answers",
        &context,
        status,
    )
}

impl CheckPage {
    fn read(
        conn: &mut Conn,
        desk: &Desk,
        person: PersonId,
        record: &Record,
        document: &Value,
    ) -> Result<CheckPage> {
        let kind = desk.kinds.by_key(&record.kind)?;
        let missing = missing(kind, record, document);
        let (preview, refused) = match review::preview(conn, desk, person, record) {
            Ok(preview) => (Some(preview), None),
            Err(Error::Refused(refusal)) => (None, Some(refusal.to_string())),
            Err(error) => return Err(error),
        };
        let line = |message| SummaryLine {
            target: None,
            message,
        };
        Ok(CheckPage {
            kind: KindView::of(kind),
            record: RecordView::of(conn, record)?,
            sections: facts(kind, record, document),
            policy: preview
                .as_ref()
                .map(|p| PolicyView::new(&p.workflow, p.version, &p.title)),
            risk: preview
                .as_ref()
                .and_then(|p| p.risk.as_deref())
                .map(of_risk),
            because: preview.as_ref().and_then(|p| p.because.clone()),
            stages: preview.as_ref().map(stages).unwrap_or_default(),
            finish: preview.as_ref().and_then(|p| p.finish.clone()),
            ready: missing.is_empty() && preview.is_some() && may_submit(conn, person, record)?,
            missing,
            alike: Vec::new(),
            summary: refused.map(line).into_iter().collect(),
        })
    }
}

fn may_submit(conn: &mut Conn, person: PersonId, record: &Record) -> Result<bool> {
    let status = record.status()?;
    let open = status.can_be_submitted() || status == register::Status::ChangesRequested;
    Ok(open && review::may_edit(conn, person, record)?)
}

fn address(kind: &Kind, record: &Record, section: &str, field: &str) -> String {
    let base = format!("/{}/{}/draft", kind.path, record.reference);
    format!("{base}/{section}?return=check#field-{field}")
}

/// Every answer, each with the place where it is changed.
fn facts(kind: &Kind, record: &Record, document: &Value) -> Vec<FactGroup> {
    let asked = kind.form.asked(document);
    let mut groups = kind.form.fact_groups(document);
    for fact in groups.iter_mut().flat_map(|group| group.facts.iter_mut()) {
        let is_asked = asked.iter().any(|asked| asked.field == fact.field);
        fact.change = is_asked.then(|| address(kind, record, &fact.section, &fact.field));
    }
    groups
}

fn missing(kind: &Kind, record: &Record, document: &Value) -> Vec<Missing> {
    let errors = kind.form.check(document).into_iter();
    let link = |error: crate::form::FieldError| {
        let section = kind
            .form
            .field(&error.field)
            .map(|field| field.section.clone());
        let path = section.map_or_else(
            || format!("/{}/{}/draft", kind.path, record.reference),
            |section| address(kind, record, &section, &error.field),
        );
        Missing {
            message: error.message,
            path,
        }
    };
    errors.map(link).collect()
}

fn stages(preview: &Preview) -> Vec<StageView> {
    preview.stages.iter().map(stage).collect()
}

fn stage(stage: &PreviewStage) -> StageView {
    let (needed, why) = match (stage.needed, &stage.when) {
        (Needed::Yes, _) => (badge("Will be asked", "open"), None),
        (Needed::No, _) => (badge("Not needed", ""), Some("its condition does not hold")),
        (Needed::Perhaps, _) => (
            badge("Perhaps", "part"),
            Some("it depends on what earlier stages decide"),
        ),
    };
    let seats = stage.seats.iter().map(|(key, need, people)| SeatView {
        label: format!("{}, {need} of", sentence_case(key)),
        people: listed(people, "or"),
    });
    StageView {
        heading: stage.title.clone(),
        needed,
        why: why.map(str::to_owned),
        seats: if stage.needed == Needed::No {
            Vec::new()
        } else {
            seats.collect()
        },
    }
}

/// Which revision is submitted.
#[derive(Debug, Deserialize)]
pub struct Submission {
    #[serde(rename = "_seen")]
    seen: i32,
}

/// `POST /{kind}/{reference}/submission`
///
/// # Errors
/// 403 for others than submitter and owner; what stands in the way comes back on the same page.
pub async fn submit(
    app: web::Data<App>,
    visitor: Visitor,
    path: Path,
    submission: web::Form<Submission>,
) -> Result<HttpResponse> {
    let (at, reference) = path.into_inner();
    let (key, wanted, actor) = (
        app.desk.kinds.by_path(&at)?.key,
        reference.clone(),
        visitor.actor()?,
    );
    let (author, seen) = (actor.clone(), submission.seen);
    let done = app
        .command("submit", reference.clone(), &actor, move |tx, desk| {
            let record = register::by_reference(tx, key, &wanted)?;
            review::submit(tx, desk, &author, record.id, seen)
        })
        .await;
    match done {
        Ok(_) => Ok(go_to(&app, &format!("/{at}/{reference}"))),
        // Sent twice, or somebody was quicker: the record's page says where it stands.
        Err(Error::Refused(Refusal::NotSubmittable(_))) => {
            Ok(go_to(&app, &format!("/{at}/{reference}")))
        }
        Err(Error::Forbidden(why)) => Err(Error::Forbidden(why)),
        Err(error) if error.is_ours() => Err(error),
        Err(Error::Invalid(_)) => show(&app, &visitor, (at, reference), None).await,
        Err(error) => show(&app, &visitor, (at, reference), Some(error.to_string())).await,
    }
}

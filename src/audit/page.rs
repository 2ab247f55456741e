//! The auditor's desk as pages.
use crate::app::App;
use crate::audit::as_of;
use crate::audit::asked::Asked;
use crate::audit::exam::Population;
use crate::audit::papers::csv;
use crate::audit::take::{examined, names, taken};
use crate::audit::view::{Offer, Shown, offer};
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::form::{FieldError, SummaryLine};
use crate::people::AUDITOR;
use crate::people::auditor::{self, Change};
use crate::web::answer::page_with;
use crate::web::session::Visitor;
use actix_web::http::StatusCode;
use actix_web::http::header::ContentDisposition;
use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};

/// Items of a sample when nobody says how many.
const USUAL: &str = "25";

#[derive(Serialize)]
struct AuditPage {
    summary: Vec<SummaryLine>,
    appointment: Option<Appointment>,
    wanted: Asked,
    populations: Vec<Offer>,
    drawings: Vec<Offer>,
    drawn: Option<Shown>,
}

impl AuditPage {
    fn new(wanted: Asked) -> AuditPage {
        let populations = Population::ALL.map(|population| {
            let label = match population {
                Population::Decisions => "Decisions",
                Population::Reviews => "Reviews that ended",
                Population::Overrides => "Overrides",
            };
            offer(population.as_str(), label, &wanted.population)
        });
        let drawings = [
            ("random", "At random"),
            ("risk", "The higher the risk, the likelier"),
        ];
        AuditPage {
            summary: Vec::new(),
            appointment: None,
            populations: populations.into(),
            drawings: drawings
                .map(|(value, label)| offer(value, label, &wanted.drawing))
                .into(),
            drawn: None,
            wanted,
        }
    }
}

/// `GET /audit`: the population, its exceptions and a sample.
///
/// # Errors
/// When the database fails.
pub async fn desk(
    app: web::Data<App>,
    visitor: Visitor,
    asked: web::Query<Asked>,
) -> Result<HttpResponse> {
    let mut asked = asked.into_inner();
    let appointment = appointment(&app, &visitor).await?;
    if asked == Asked::default() {
        asked.count = USUAL.to_owned();
        let page = AuditPage {
            appointment,
            ..AuditPage::new(asked)
        };
        return page_with(&app, &visitor, "audit", "audit", &page, StatusCode::OK);
    }
    let (drawn, summary) = match examined(&app, &asked, &visitor.scope).await {
        Ok(drawn) => (Some(Shown::of(&app, drawn).await?), Vec::new()),
        Err(Error::Invalid(errors)) => (None, complaints(errors)),
        Err(error) => return Err(error),
    };
    let status = match summary.is_empty() {
        true => StatusCode::OK,
        false => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let page = AuditPage {
        summary,
        appointment,
        drawn,
        ..AuditPage::new(asked)
    };
    page_with(&app, &visitor, "audit", "audit", &page, status)
}

/// What an auditor is appointed to, and every change of it for good.
#[derive(Serialize)]
struct Appointment {
    covers: String,
    last_day: Option<String>,
    changes: Vec<ChangeView>,
}

#[derive(Serialize)]
struct ChangeView {
    seq: i64,
    at: String,
    word: &'static str,
    by: String,
    ended: bool,
    units: String,
    period: String,
    last_day: Option<String>,
}

impl From<Change> for ChangeView {
    fn from(change: Change) -> ChangeView {
        ChangeView {
            seq: change.seq,
            at: change.at.to_string(),
            word: change.word(),
            by: change.by().to_owned(),
            ended: change.change == "ended",
            units: change.units(),
            period: change.period(),
            last_day: change.last_day,
        }
    }
}

async fn appointment(app: &App, visitor: &Visitor) -> Result<Option<Appointment>> {
    if !visitor.holds(&[AUDITOR]) {
        return Ok(None);
    }
    let (person, scope) = (visitor.id()?, visitor.scope.clone());
    let read = move |conn: &mut Conn| {
        let changes = auditor::changes(conn, person)?;
        let terms = auditor::terms(conn, person)?.unwrap_or_default();
        Ok(Appointment {
            covers: match scope.is_all() {
                true => "everything".to_owned(),
                false => scope.words(),
            },
            last_day: terms.last_day.map(|day| day.to_string()),
            changes: changes.into_iter().map(ChangeView::from).collect(),
        })
    };
    app.db.read(read).await.map(Some)
}

fn complaints(errors: Vec<FieldError>) -> Vec<SummaryLine> {
    let line = |error: FieldError| SummaryLine {
        target: Some(error.field),
        message: error.message,
    };
    errors.into_iter().map(line).collect()
}

#[derive(Serialize)]
struct PapersPage {
    drawn: Shown,
}

/// `POST /audit/papers`: the work papers, as a file or to be printed. That somebody took them is an
/// entry.
///
/// # Errors
/// [`Error::Invalid`] for what the form of `GET /audit` would not take either.
pub async fn papers(
    app: web::Data<App>,
    visitor: Visitor,
    asked: web::Form<Asked>,
) -> Result<HttpResponse> {
    let asked = asked.into_inner();
    match asked.format.as_str() {
        "csv" => {
            let drawn = taken(&app, &visitor, &asked, "csv").await?;
            let names = names(&app, &drawn).await?;
            let file = csv(&drawn, &names).map_err(|e| Error::Unavailable(e.to_string()))?;
            Ok(HttpResponse::Ok()
                .content_type("text/csv; charset=utf-8")
                .insert_header(ContentDisposition::attachment("work-papers.csv"))
                .body(file))
        }
        "print" => {
            let drawn = taken(&app, &visitor, &asked, "print").await?;
            let drawn = Shown::of(&app, drawn).await?;
            let page = PapersPage { drawn };
            page_with(
                &app,
                &visitor,
                "audit",
                "audit-papers",
                &page,
                StatusCode::OK,
            )
        }
        _ => Err(Error::BadRequest("format: write csv or print".to_owned())),
    }
}

/// Which day.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Which {
    day: String,
}

#[derive(Serialize)]
struct AsOfPage {
    summary: Vec<SummaryLine>,
    /// The day as it was written.
    asked: String,
    shown: Option<as_of::AsOf>,
}

/// `GET /audit/as-of`: register, workflows and roles as they stood at the end of a day.
///
/// # Errors
/// When the database fails.
pub async fn as_of(
    app: web::Data<App>,
    visitor: Visitor,
    which: web::Query<Which>,
) -> Result<HttpResponse> {
    let day = which.into_inner().day.trim().to_owned();
    let (mut status, mut summary, mut shown) = (StatusCode::OK, Vec::new(), None);
    if !day.is_empty() {
        match as_of::at_the_end_of(&app, &visitor.scope, &day).await {
            Ok(found) => shown = Some(found),
            Err(Error::Invalid(errors)) => {
                status = StatusCode::UNPROCESSABLE_ENTITY;
                summary = complaints(errors);
            }
            Err(error) => return Err(error),
        }
    }
    let page = AsOfPage {
        summary,
        asked: day,
        shown,
    };
    page_with(&app, &visitor, "audit", "audit-as-of", &page, status)
}

//! One's own page: who one is here, and when one is away.
use super::away::{self, AbsencesView};
use super::person::{absence_id, changing};
use super::{Again, Offer, Pairs, PersonView, Posted, change, offers};
use crate::app::App;
use crate::db::{Conn, Tx};
use crate::error::Result;
use crate::form::SummaryLine;
use crate::ledger::Actor;
use crate::people;
use crate::people::absence::{self, Typed};
use crate::review::Desk;
use crate::web::answer::{go_to, page_with, status_of};
use crate::web::session::Visitor;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Serialize;

#[derive(Serialize)]
struct ProfilePage {
    summary: Vec<SummaryLine>,
    person: PersonView,
    absences: AbsencesView,
    zone: String,
    people: Vec<Offer>,
    more_people: bool,
}

/// `GET /profile`
///
/// # Errors
/// When the database fails.
pub async fn profile(app: web::Data<App>, visitor: Visitor) -> Result<HttpResponse> {
    show(&app, &visitor, Again::default(), StatusCode::OK).await
}

async fn show(
    app: &App,
    visitor: &Visitor,
    again: Again,
    status: StatusCode,
) -> Result<HttpResponse> {
    let (id, today) = (visitor.id()?, app.desk.today());
    let zone = app.config.time_zone.clone();
    let draw = move |conn: &mut Conn| {
        let line = people::line(conn, today, id)?;
        let absences = AbsencesView::of(conn, today, id, "/profile/absences", &again)?;
        let mut summary = absences.complaints();
        summary.extend(again.refusal.map(|message| SummaryLine {
            target: None,
            message,
        }));
        let (people, more_people) = offers(conn)?;
        Ok(ProfilePage {
            summary,
            person: PersonView::of(conn, &line)?,
            absences,
            zone,
            people,
            more_people,
        })
    };
    let context = app.db.read(draw).await?;
    page_with(app, visitor, "profile", "profile", &context, status)
}

/// Runs what a form of this page asks, and shows the page again.
async fn keep(
    app: &App,
    visitor: &Visitor,
    (name, form): (&'static str, &str),
    (path, pairs): (String, Pairs),
    work: impl FnOnce(&mut Tx, &Desk, &Actor) -> Result<()> + Send + 'static,
) -> Result<HttpResponse> {
    match change(app, visitor, name, (path, &pairs), work).await {
        Ok(()) => Ok(go_to(app, "/profile")),
        Err(error) => {
            let status = status_of(&error);
            let again = Again::with(form, pairs, error)?;
            show(app, visitor, again, status).await
        }
    }
}

/// `POST /profile/absences`
///
/// # Errors
/// When the database fails.
pub async fn profile_absence(
    app: web::Data<App>,
    visitor: Visitor,
    posted: Posted,
) -> Result<HttpResponse> {
    let (id, pairs) = (visitor.id()?, posted.into_inner());
    let typed = Typed::of(&pairs);
    let work = move |tx: &mut Tx, desk: &Desk, actor: &Actor| {
        let new = typed.read(tx)?;
        absence::set(tx, desk.clock.now(), desk.today(), actor, id, &new).map(drop)
    };
    let sent = ("/profile/absences".to_owned(), pairs);
    keep(&app, &visitor, ("set absence", "absence"), sent, work).await
}

/// `POST /profile/absences/{absence}`: changes it, or ends it with `end`.
///
/// # Errors
/// 404 for an absence of somebody else.
pub async fn profile_change(
    app: web::Data<App>,
    visitor: Visitor,
    id: web::Path<String>,
    posted: Posted,
) -> Result<HttpResponse> {
    let (absence, pairs) = (absence_id(&id)?, posted.into_inner());
    let work = changing(visitor.id()?, absence, &pairs);
    let form = away::form_of(absence);
    let sent = (format!("/profile/absences/{absence}"), pairs);
    keep(&app, &visitor, ("change absence", &form), sent, work).await
}

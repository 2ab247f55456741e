//! “I am away”, from a sign-off link: the absence of whom the link was sent to.
//!
//! A link is a key to one task, and mails are forwarded. So by it nobody can be named to stand in,
//! who would decide in other reviews too, and no absence is noted that reaches far ahead.
use super::{Posted, Way};
use crate::app::App;
use crate::db::{At, Conn, Day, PersonId, Tx};
use crate::error::{Error, Result};
use crate::form::{FieldError, SummaryLine};
use crate::ledger::Actor;
use crate::ledger::entry::{Method, Via};
use crate::people::absence::{self, Typed};
use crate::people::page::{Ask, absence_again, ask_for_absence};
use crate::people::{self, Secret};
use crate::review::again;
use crate::review::engine::Refusal;
use crate::review::service::Desk;
use crate::review::store::Task;
use crate::review::{LinkState, links, nonce, words};
use crate::web::answer::{go_to, page_with, status_of};
use crate::web::session::Visitor;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Serialize;

/// How far ahead an absence may reach that is noted by a link, in days.
const DAYS_AHEAD: i64 = 90;
const NO_DELEGATE: &str = "Sign in to say who stands in for you: this link cannot";

#[derive(Serialize)]
struct AwayPage {
    person: String,
    /// Absences that are noted.
    noted: Vec<Noted>,
    nonce: String,
    ask: Ask,
    /// Where the task stands.
    back: String,
    zone: String,
    summary: Vec<SummaryLine>,
}

#[derive(Serialize)]
struct Noted {
    from: Day,
    until: Day,
    delegate: Option<String>,
}

/// What comes back when something is wrong.
#[derive(Default)]
struct Again {
    typed: Vec<(String, String)>,
    errors: Vec<FieldError>,
    refusal: Option<String>,
}

/// Whose link it is while it can still be used: its task is open, whoever's turn it is.
fn live(conn: &mut Conn, secret: &Secret, now: At) -> Result<Option<Task>> {
    Ok(match links::link_state(conn, secret, now)? {
        LinkState::Open(task) => Some(task),
        _ => None,
    })
}

impl AwayPage {
    fn read(
        conn: &mut Conn,
        desk: &Desk,
        way: &Way,
        secret: &Secret,
        person: PersonId,
        again: &Again,
    ) -> Result<AwayPage> {
        let action = format!("{}/absence", way.home());
        let ask = match again.typed.is_empty() {
            true => ask_for_absence(&action)?,
            false => absence_again(&action, &again.typed, &again.errors)?,
        };
        let mut summary = ask.complaints().collect::<Vec<SummaryLine>>();
        let refusal = again.refusal.iter().map(|message| SummaryLine {
            target: None,
            message: message.clone(),
        });
        summary.extend(refusal);
        let mut noted = Vec::new();
        for known in absence::ahead(conn, desk.today(), person)? {
            let delegate = known.delegate_id.map(|id| people::known(conn, id));
            noted.push(Noted {
                from: known.from_day,
                until: known.until_day,
                delegate: delegate.transpose()?.map(|person| person.name),
            });
        }
        Ok(AwayPage {
            person: people::known(conn, person)?.name,
            noted,
            nonce: nonce::make(secret, desk.clock.now()),
            ask,
            back: way.home(),
            zone: String::new(),
            summary,
        })
    }
}

async fn show(app: &App, secret: Secret, again: Again, status: StatusCode) -> Result<HttpResponse> {
    let (desk, way) = (app.desk.clone(), Way::Link(secret.clone()));
    let home = way.home();
    let zone = app.config.time_zone.clone();
    let draw = move |conn: &mut Conn| {
        let Some(task) = live(conn, &secret, desk.clock.now())? else {
            return Ok(None);
        };
        let person = task.person_id;
        let page = AwayPage::read(conn, &desk, &way, &secret, person, &again)?;
        Ok(Some(AwayPage { zone, ..page }))
    };
    match app.db.read(draw).await? {
        Some(context) => page_with(app, &Visitor::default(), "", "away", &context, status),
        None => Ok(go_to(app, &home)),
    }
}

/// `GET /s/{token}/absence`: the form that notes an absence of whom the link was sent to. Nothing
/// is changed.
///
/// # Errors
/// When the database fails.
pub async fn away_by_link(app: web::Data<App>, token: web::Path<String>) -> Result<HttpResponse> {
    let secret = Secret::presented(&token);
    show(&app, secret, Again::default(), StatusCode::OK).await
}

/// `POST /s/{token}/absence`: notes the absence, and has the running reviews looked at again. The
/// link stays good as long as its task is its person's.
///
/// # Errors
/// When the database fails; what can be mended comes back as typed.
pub async fn note_away_by_link(
    app: web::Data<App>,
    token: web::Path<String>,
    posted: Posted,
) -> Result<HttpResponse> {
    let secret = Secret::presented(&token);
    let (pairs, now) = (posted.into_inner(), app.desk.clock.now());
    let key = secret.clone();
    let task = app.db.read(move |conn| live(conn, &key, now)).await?;
    let home = Way::Link(secret.clone()).home();
    let Some(task) = task else {
        return Ok(go_to(&app, &home));
    };
    let sent = pairs.iter().find(|(name, _)| name == "_nonce");
    let proof = nonce::check(&secret, now, sent.map_or("", |(_, value)| value));
    let typed = Typed::of(&pairs);
    let wrong = match proof {
        Err(unproven) => Some(unproven.sentence()),
        Ok(()) => (!typed.delegate.is_empty()).then_some(NO_DELEGATE),
    };
    if let Some(sentence) = wrong {
        let again = Again {
            typed: pairs,
            refusal: Some(sentence.to_owned()),
            ..Again::default()
        };
        return show(&app, secret, again, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    let actor = Actor::person(task.person_id, Via::new(Method::EmailLink, "link"));
    let (by, key) = (actor.clone(), secret.clone());
    let note = move |tx: &mut Tx, desk: &Desk| note(tx, desk, &by, &key, &typed);
    match app
        .command("set absence", task.id.to_string(), &actor, note)
        .await
    {
        Ok(()) => {
            again::look_again(&app, &actor).await;
            Ok(go_to(&app, &format!("{home}/absence")))
        }
        Err(error) => {
            let status = status_of(&error);
            let mut again = Again {
                typed: pairs,
                ..Again::default()
            };
            match error {
                Error::Invalid(errors) => again.errors = errors,
                Error::People(refusal) => {
                    again.refusal = Some(words::sentence(&refusal.to_string()));
                }
                other => return Err(other),
            }
            show(&app, secret, again, status).await
        }
    }
}

fn note(tx: &mut Tx, desk: &Desk, actor: &Actor, secret: &Secret, typed: &Typed) -> Result<()> {
    let now = desk.clock.now();
    let task = live(tx, secret, now)?.ok_or(Refusal::LinkDead)?;
    let new = typed.read(tx)?;
    let limit = desk.today().days_later(DAYS_AHEAD);
    if new.until > limit {
        let sentence = format!("by this link until {limit} at most; sign in for longer");
        return Err(Error::Invalid(vec![FieldError::new(
            "until", "date", sentence,
        )]));
    }
    absence::set(tx, now, desk.today(), actor, task.person_id, &new).map(drop)
}

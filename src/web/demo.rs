//! The demo: act as anybody, read everybody's mail. Outside of the demo there is none of it.
use crate::app::App;
use crate::db::{At, Conn, MessageId, PersonId};
use crate::error::{Error, Result};
use crate::notify::{Letter, Mailbox};
use crate::people::{self, Secret};
use crate::review::{LinkState, link_state, tasks_of_person};
use crate::web::answer::{go_to, page};
use crate::web::session::{Visitor, session_cookie, session_secret};
use actix_web::http::header::CONTENT_SECURITY_POLICY;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

/// Lets a mail bring its own style and lets its link be followed, and nothing else.
const MAIL_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'; sandbox allow-top-navigation-by-user-activation";

fn mailbox_of(app: &App) -> Result<&Mailbox> {
    let none = || Error::NotFound("page at this address".to_owned());
    app.mailbox.as_ref().ok_or_else(none)
}

#[derive(Serialize)]
struct PeoplePage {
    people: Vec<PersonLine>,
}

#[derive(Serialize)]
struct PersonLine {
    id: PersonId,
    name: String,
    email: String,
    holds: String,
    tasks: usize,
}

/// `GET /demo`: everybody of the sample organisation.
///
/// # Errors
/// 404 outside of the demo.
pub async fn people(app: web::Data<App>, visitor: Visitor) -> Result<HttpResponse> {
    mailbox_of(&app)?;
    let people = app.db.read(lines).await?;
    page(&app, &visitor, "", "demo", &PeoplePage { people })
}

fn lines(conn: &mut Conn) -> Result<Vec<PersonLine>> {
    let mut lines = Vec::new();
    for person in people::all(conn)?.into_iter().filter(|p| p.active) {
        let mut holds: Vec<String> = Vec::new();
        for kind in ["role", "group"] {
            holds.extend(people::member_names(conn, person.id, kind)?);
        }
        lines.push(PersonLine {
            id: person.id,
            holds: holds
                .iter()
                .map(|key| spoken(key))
                .collect::<Vec<_>>()
                .join(", "),
            tasks: tasks_of_person(conn, person.id)?.len(),
            name: person.name,
            email: person.email,
        });
    }
    Ok(lines)
}

/// The key of a role or group as people say it.
fn spoken(key: &str) -> String {
    let word = |word: &str| match word {
        "ai" | "ceo" | "cto" | "ciso" => word.to_uppercase(),
        _ => word.to_owned(),
    };
    key.split('_').map(word).collect::<Vec<_>>().join(" ")
}

/// Whom the visitor wants to be.
#[derive(Debug, Deserialize)]
pub struct Chosen {
    person: String,
}

/// `POST /demo/session`: signs the visitor in as anybody.
///
/// # Errors
/// 404 outside of the demo and for a person nobody knows.
pub async fn act_as(
    app: web::Data<App>,
    chosen: std::result::Result<web::Form<Chosen>, actix_web::Error>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    mailbox_of(&app)?;
    let nobody = || Error::NotFound("such person".to_owned());
    let chosen = chosen.map_err(|_| nobody())?;
    let id: PersonId = chosen.person.parse().map_err(|_| nobody())?;
    let before = session_secret(&app, &request);
    let now = app.desk.clock.now();
    let session = app
        .db
        .upkeep(move |tx| {
            if let Some(before) = before {
                people::end_session(tx, &before)?;
            }
            let person = people::by_id(tx, id)?
                .filter(|p| p.active)
                .ok_or_else(nobody)?;
            people::open_session(tx, now, person.id)
        })
        .await?;
    let mut answer = go_to(&app, "/");
    let _ = answer.add_cookie(&session_cookie(&app, &session));
    Ok(answer)
}

#[derive(Serialize)]
struct MailboxPage {
    /// A question that waits for its answer.
    question: Option<LetterLine>,
    /// Somebody was brought in because of time, risk or disagreement.
    escalated: Option<LetterLine>,
    letters: Vec<LetterLine>,
}

#[derive(Serialize)]
struct LetterLine {
    id: MessageId,
    at: At,
    to: String,
    address: String,
    subject: String,
}

impl LetterLine {
    fn of(letter: &Letter) -> LetterLine {
        LetterLine {
            id: letter.cover.id,
            at: letter.cover.at,
            to: letter.cover.name.clone(),
            address: letter.cover.address.clone(),
            subject: letter.subject.clone(),
        }
    }
}

/// `GET /demo/mailbox`: every mail, the newest first.
///
/// # Errors
/// 404 outside of the demo.
pub async fn mailbox(app: web::Data<App>, visitor: Visitor) -> Result<HttpResponse> {
    let letters = mailbox_of(&app)?.list();
    let (all, address) = (letters.clone(), app.config.link("/s/"));
    let now = app.desk.clock.now();
    let waits = move |conn: &mut Conn| {
        for letter in all.iter().filter(|l| l.cover.template == "task") {
            if still_asks(conn, letter, &address, now)? {
                return Ok(Some(LetterLine::of(letter)));
            }
        }
        Ok(None)
    };
    let escalated = letters.iter().find(|l| l.cover.template == "escalated");
    let context = MailboxPage {
        question: app.db.read(waits).await?,
        escalated: escalated.map(|letter| LetterLine::of(letter)),
        letters: letters
            .iter()
            .map(|letter| LetterLine::of(letter))
            .collect(),
    };
    page(&app, &visitor, "", "mailbox", &context)
}

/// Whether the sign-off link of a mail leads to a question that can be decided.
fn still_asks(conn: &mut Conn, letter: &Letter, address: &str, now: At) -> Result<bool> {
    let tokens = letter.text.lines().filter_map(|l| l.strip_prefix(address));
    for token in tokens {
        if let LinkState::Open(_) = link_state(conn, &Secret::presented(token), now)? {
            return Ok(true);
        }
    }
    Ok(false)
}

#[derive(Serialize)]
struct LetterPage {
    letter: LetterLine,
    lines: Vec<TextLine>,
}

/// A line of a mail's text; one that is nothing but an address of ours can be followed.
#[derive(Serialize)]
struct TextLine {
    text: String,
    /// The address below the base path.
    path: Option<String>,
}

/// `GET /demo/mailbox/{id}`: one mail as text.
///
/// # Errors
/// 404 outside of the demo and for a mail there is none of.
pub async fn letter(
    app: web::Data<App>,
    visitor: Visitor,
    id: web::Path<String>,
) -> Result<HttpResponse> {
    let letter = find(&app, &id)?;
    let ours = app.config.link("");
    let path = |text: &str| {
        let rest = text.strip_prefix(&ours)?;
        rest.starts_with('/').then(|| rest.to_owned())
    };
    let line = |text: &str| TextLine {
        path: path(text),
        text: text.to_owned(),
    };
    let context = LetterPage {
        letter: LetterLine::of(&letter),
        lines: letter.text.lines().map(line).collect(),
    };
    page(&app, &visitor, "", "letter", &context)
}

/// `GET /demo/mailbox/{id}/html`: the same mail as a mail program shows it.
///
/// # Errors
/// As [`letter`].
pub async fn html(app: web::Data<App>, id: web::Path<String>) -> Result<HttpResponse> {
    let letter = find(&app, &id)?;
    Ok(HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((CONTENT_SECURITY_POLICY, MAIL_POLICY))
        .body(letter.html.clone()))
}

fn find(app: &App, id: &str) -> Result<std::sync::Arc<Letter>> {
    let none = || Error::NotFound("such mail".to_owned());
    let id: MessageId = id.parse().map_err(|_| none())?;
    mailbox_of(app)?.get(id).ok_or_else(none)
}

//! Pages about mail: what a person wants of it, the end of digests, the calendar feed.
use crate::app::App;
use crate::config::Config;
use crate::db::{At, Conn, Day, PersonId};
use crate::error::{Error, Result};
use crate::ledger::Actor;
use crate::ledger::entry::{Method, Via};
use crate::notify::{checkpoint, feed, links};
use crate::people::mailing::Unreachable;
use crate::people::{self, Person, Secret, mailing};
use crate::review::words;
use crate::web::answer::{go_to, page, page_with};
use crate::web::session::{Visitor, must_read_log};
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};

/// What a person wants of mail, and how it fares.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Mailing {
    /// Their address.
    pub(super) email: String,
    /// Whether they want the daily digest.
    pub(super) digest: bool,
    /// Whether they get the checkpoint of each day; nothing for who may not read the log.
    pub(super) checkpoints: Option<bool>,
    /// Since when they have a calendar feed.
    pub(super) calendar_since: Option<At>,
    /// Why mail does not reach them.
    pub(super) unreachable: Option<Lost>,
}

/// Why mail does not reach somebody.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Lost {
    code: String,
    since: At,
}

impl From<Unreachable> for Lost {
    fn from(lost: Unreachable) -> Lost {
        Lost {
            code: lost.code,
            since: lost.since,
        }
    }
}

impl Mailing {
    /// What a person wants now.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) fn of(conn: &mut Conn, today: Day, person: &Person) -> Result<Mailing> {
        Ok(Mailing {
            email: person.email.clone(),
            digest: mailing::wants_digest(conn, person.id)?,
            checkpoints: match people::reads_log(conn, today, person.id)? {
                true => Some(checkpoint::wanted(conn, person.id)?),
                false => None,
            },
            calendar_since: links::calendar_since(conn, person.id)?,
            unreachable: mailing::unreachable(conn, person.id)?.map(Lost::from),
        })
    }
}

#[derive(Serialize)]
struct MailPage {
    /// Whether checkpoints are theirs to have.
    reads_checkpoints: bool,
    mailing: Mailing,
    digest_at: String,
    /// The address of the feed, in the one answer that shows it.
    address: Option<String>,
}

async fn shown(app: &App, visitor: &Visitor, address: Option<String>) -> Result<HttpResponse> {
    let person = visitor.person()?.clone();
    let today = app.desk.today();
    let read = move |conn: &mut Conn| Mailing::of(conn, today, &person);
    let mailing = app.db.read(read).await?;
    let context = MailPage {
        reads_checkpoints: mailing.checkpoints.is_some(),
        mailing,
        digest_at: app.config.digest_at.clone(),
        address,
    };
    let mut answer = page(app, visitor, "profile", "profile-mail", &context)?;
    let no_store = HeaderValue::from_static("no-store");
    answer.headers_mut().insert(CACHE_CONTROL, no_store);
    Ok(answer)
}

/// `GET /profile/mail`: what the person wants of mail.
///
/// # Errors
/// When the database fails.
pub async fn wishes(app: web::Data<App>, visitor: Visitor) -> Result<HttpResponse> {
    shown(&app, &visitor, None).await
}

/// What the person wants from now on.
#[derive(Debug, Deserialize)]
pub struct Wish {
    digest: String,
}

/// `POST /profile/mail/digest`: turns the digest `on` or `off`.
///
/// # Errors
/// 400 for another word.
pub async fn digest(
    app: web::Data<App>,
    visitor: Visitor,
    wish: web::Form<Wish>,
) -> Result<HttpResponse> {
    let wanted = match wish.digest.as_str() {
        "on" => true,
        "off" => false,
        _ => return Err(Error::BadRequest("digest: choose on or off".to_owned())),
    };
    set_digest(&app, &visitor.actor()?, visitor.id()?, wanted).await?;
    Ok(go_to(&app, "/profile/mail"))
}

/// Turns a person's digest on or off.
///
/// # Errors
/// When the database fails.
pub(super) async fn set_digest(
    app: &App,
    actor: &Actor,
    person: PersonId,
    wanted: bool,
) -> Result<()> {
    let (now, author) = (app.desk.clock.now(), actor.clone());
    let name = if wanted {
        "digest.start"
    } else {
        "digest.stop"
    };
    app.command(name, person.to_string(), actor, move |tx, _| {
        mailing::set_digest(tx, now, &author, person, wanted)
    })
    .await
}

/// Whether the person wants checkpoints from now on.
#[derive(Debug, Deserialize)]
pub struct CheckpointWish {
    checkpoints: String,
}

/// `POST /profile/mail/checkpoints`: turns the checkpoint of each day `on` or `off`.
///
/// # Errors
/// 400 for another word; 403 for who may not read the log.
pub async fn checkpoints(
    app: web::Data<App>,
    visitor: Visitor,
    wish: web::Form<CheckpointWish>,
) -> Result<HttpResponse> {
    let wanted = match wish.checkpoints.as_str() {
        "on" => true,
        "off" => false,
        _ => {
            return Err(Error::BadRequest(
                "checkpoints: choose on or off".to_owned(),
            ));
        }
    };
    set_checkpoints(&app, &visitor, wanted).await?;
    Ok(go_to(&app, "/profile/mail"))
}

/// Turns the visitor's checkpoints on or off.
///
/// # Errors
/// 403 for who may not read the log; when the database fails.
pub(super) async fn set_checkpoints(app: &App, visitor: &Visitor, wanted: bool) -> Result<()> {
    must_read_log(visitor)?;
    let (now, person, actor) = (app.desk.clock.now(), visitor.id()?, visitor.actor()?);
    let author = actor.clone();
    let name = if wanted {
        "checkpoint_mail.start"
    } else {
        "checkpoint_mail.stop"
    };
    app.command(name, person.to_string(), &actor, move |tx, _| {
        checkpoint::set(tx, now, &author, person, wanted)
    })
    .await
}

/// `POST /profile/mail/calendar`: makes a new address of the feed and shows it, this once.
///
/// # Errors
/// When the database fails.
pub async fn make_calendar(app: web::Data<App>, visitor: Visitor) -> Result<HttpResponse> {
    let address = new_address(&app, &visitor).await?;
    shown(&app, &visitor, Some(address)).await
}

/// A new address of the visitor's feed; the one before works no more.
///
/// # Errors
/// When the database fails.
pub(super) async fn new_address(app: &App, visitor: &Visitor) -> Result<String> {
    let (actor, person, now) = (visitor.actor()?, visitor.id()?, app.desk.clock.now());
    let author = actor.clone();
    let make = move |tx: &mut crate::db::Tx, _: &crate::review::Desk| {
        links::make_calendar(tx, now, &author, person)
    };
    let made = app.command("calendar_link.make", person.to_string(), &actor, make);
    Ok(address(&app.config, &made.await?))
}

fn address(config: &Config, secret: &Secret) -> String {
    config.link(&format!("/calendar/{}.ics", secret.reveal()))
}

/// `POST /profile/mail/calendar/revocation`: the address of the feed works no more.
///
/// # Errors
/// When the database fails.
pub async fn revoke_calendar(app: web::Data<App>, visitor: Visitor) -> Result<HttpResponse> {
    revoke(&app, &visitor).await?;
    Ok(go_to(&app, "/profile/mail"))
}

/// Lets the visitor's feed work no more.
///
/// # Errors
/// When the database fails.
pub(super) async fn revoke(app: &App, visitor: &Visitor) -> Result<()> {
    let (actor, person, now) = (visitor.actor()?, visitor.id()?, app.desk.clock.now());
    let author = actor.clone();
    app.command(
        "calendar_link.revoke",
        person.to_string(),
        &actor,
        move |tx, _| links::revoke_calendar(tx, now, &author, person),
    )
    .await
}

/// `GET /calendar/{token}.ics`: the feed that the address belongs to.
///
/// # Errors
/// 404 for an address that is unknown or revoked.
pub async fn calendar(app: web::Data<App>, token: web::Path<String>) -> Result<HttpResponse> {
    let secret = Secret::presented(&token);
    let (config, desk) = (app.config.clone(), app.desk.clone());
    let text = app
        .db
        .read(move |conn| {
            let person = links::calendar(conn, &secret, desk.clock.now())?;
            let person = person.ok_or_else(|| Error::NotFound("such calendar".to_owned()))?;
            feed::feed(conn, &config, &desk, person)
        })
        .await?;
    Ok(HttpResponse::Ok()
        .content_type("text/calendar; charset=utf-8")
        .body(text))
}

#[derive(Serialize)]
struct EndPage {
    /// Whose digests, masked; nothing for a link that leads nowhere.
    address: Option<String>,
    /// Whether they are ended by now.
    ended: bool,
    /// Where the button leads.
    action: String,
}

async fn reader(app: &App, token: &str) -> Result<Option<Person>> {
    let (secret, now) = (Secret::presented(token), app.desk.clock.now());
    app.db
        .read(move |conn| {
            let person = links::unsubscription(conn, &secret, now)?;
            Ok(match person {
                Some(id) => people::by_id(conn, id)?,
                None => None,
            })
        })
        .await
}

fn end_page(app: &App, token: &str, reader: Option<&Person>, ended: bool) -> Result<HttpResponse> {
    let context = EndPage {
        address: reader.map(|person| words::masked(&person.email)),
        ended,
        action: format!("/unsubscription/{token}"),
    };
    let status = match reader {
        Some(_) => StatusCode::OK,
        None => StatusCode::GONE,
    };
    page_with(
        app,
        &Visitor::default(),
        "",
        "unsubscription",
        &context,
        status,
    )
}

/// `GET /unsubscription/{token}`: asks whether digests shall end, and ends none.
///
/// # Errors
/// When the database fails.
pub async fn ask_end(app: web::Data<App>, token: web::Path<String>) -> Result<HttpResponse> {
    let reader = reader(&app, &token).await?;
    end_page(&app, &token, reader.as_ref(), false)
}

/// `POST /unsubscription/{token}`: ends the digests of whom the mail was for. Mail programs call it
/// by themselves when their button is pressed (RFC 8058), without a page of ours.
///
/// # Errors
/// When the database fails.
pub async fn end(app: web::Data<App>, token: web::Path<String>) -> Result<HttpResponse> {
    let reader = reader(&app, &token).await?;
    if let Some(person) = &reader {
        let actor = Actor::person(person.id, Via::new(Method::EmailLink, "link"));
        set_digest(&app, &actor, person.id, false).await?;
    }
    end_page(&app, &token, reader.as_ref(), true)
}

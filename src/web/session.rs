//! Who is asking: a session cookie for people, a bearer token for programs.
use crate::app::App;
use crate::db::PersonId;
use crate::error::{Error, Result};
use crate::ledger::entry::{Method, Via};
use crate::ledger::{Actor, Scope};
use crate::people::{self, Person, Secret};
use crate::web::routes::Who;
use crate::web::within;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::cookie::{Cookie, SameSite, time::Duration};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::{FromRequest, HttpMessage, HttpRequest, ResponseError, web};
use std::collections::BTreeSet;
use std::future::{Ready, ready};

/// Whoever sent a request, as far as it is known.
#[derive(Debug, Clone, Default)]
pub struct Visitor {
    /// The person, when one is signed in or a token acts for one.
    pub person: Option<Person>,
    /// Their roles.
    pub roles: BTreeSet<String>,
    /// What the token may do; `None` for a session.
    pub scopes: Option<BTreeSet<String>>,
    /// How far they may read.
    pub scope: Scope,
    /// How many tasks wait for them.
    pub tasks: i64,
}

impl Visitor {
    /// The person, or that somebody has to sign in.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`].
    pub fn person(&self) -> Result<&Person> {
        self.person.as_ref().ok_or(Error::Unauthenticated)
    }

    /// The person's identifier.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`].
    pub fn id(&self) -> Result<PersonId> {
        Ok(self.person()?.id)
    }

    /// The person as the author of a command.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`].
    pub fn actor(&self) -> Result<Actor> {
        let via = match self.scopes {
            Some(_) => Via::new(Method::ApiToken, "bearer"),
            None => Via::new(Method::Session, "mailed_link"),
        };
        Ok(Actor::person(self.id()?, via))
    }

    /// Whether the person holds one of these roles.
    pub fn holds(&self, roles: &[&str]) -> bool {
        roles.iter().any(|role| self.roles.contains(*role))
    }

    /// Whether the person may read the decision log, as far as their scope reaches.
    pub fn reads_log(&self) -> bool {
        self.holds(&people::LOG_READERS)
    }

    /// Whether the person may read the whole decision log, and so what it tells of everybody.
    pub fn reads_whole_log(&self) -> bool {
        self.reads_log() && self.scope.is_all()
    }

    /// Whether the person may change workflows and calendars.
    pub fn keeps_policy(&self) -> bool {
        self.keeps(&[people::GOVERNANCE])
    }

    /// Whether the person holds one of the roles that keep something, or administers.
    pub fn keeps(&self, keepers: &[&str]) -> bool {
        self.holds(keepers) || self.holds(&[people::ADMINISTRATOR])
    }

    /// That the person keeps the policy.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`], [`Error::Forbidden`].
    pub fn must_keep_policy(&self) -> Result<()> {
        self.must_keep(&[people::GOVERNANCE])
    }

    /// As [`Visitor::keeps`].
    ///
    /// # Errors
    /// [`Error::Unauthenticated`], [`Error::Forbidden`].
    pub fn must_keep(&self, keepers: &[&str]) -> Result<()> {
        self.person()?;
        if self.keeps(keepers) {
            return Ok(());
        }
        Err(Error::Forbidden(match keepers {
            [people::GOVERNANCE] => {
                "this is for administrators and keepers of the policy".to_owned()
            }
            others => format!("this is for administrators and {}", others.join(", ")),
        }))
    }

    /// That the person keeps the policy or may look over the shoulders of those who do: drafts
    /// tell what would change for records and people anywhere.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`], [`Error::Forbidden`].
    pub fn must_see_drafts(&self) -> Result<()> {
        self.must_see_drafts_of(&[people::GOVERNANCE])
    }

    /// As [`Visitor::must_see_drafts`], of what these roles keep.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`], [`Error::Forbidden`].
    pub fn must_see_drafts_of(&self, keepers: &[&str]) -> Result<()> {
        match self.reads_whole_log() {
            true => Ok(()),
            false => self.must_keep(keepers),
        }
    }
}

impl FromRequest for Visitor {
    type Error = actix_web::Error;
    type Future = Ready<std::result::Result<Visitor, actix_web::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(request
            .extensions()
            .get::<Visitor>()
            .cloned()
            .unwrap_or_default()))
    }
}

/// Finds out who asks and lets them in by a row of the table of routes: who may, and its pattern.
///
/// # Errors
/// Those of the rest of the chain; who may not enter gets an answer that says so.
pub(super) async fn admit(
    row: (Who, &'static str),
    app: web::Data<App>,
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> std::result::Result<ServiceResponse<EitherBody<impl MessageBody>>, actix_web::Error> {
    match visitor(&app, &request, row).await {
        Ok(visitor) => {
            request.extensions_mut().insert(visitor);
            Ok(next.call(request).await?.map_into_left_body())
        }
        Err(error) => Ok(request
            .into_response(error.error_response())
            .map_into_right_body()),
    }
}

async fn visitor(
    app: &App,
    request: &ServiceRequest,
    (who, pattern): (Who, &str),
) -> Result<Visitor> {
    // No name of ours holds a zero byte, and a database refuses even to look for one.
    if request.uri().to_string().contains("%00") {
        let sentence = "the address contains a zero byte, which nothing here is called";
        return Err(Error::BadRequest(sentence.to_owned()));
    }
    let visitor = identify(app, request, pattern).await?;
    may_enter(who, &visitor)?;
    within::keep(app, &visitor, pattern, request.match_info()).await?;
    Ok(visitor)
}

async fn identify(app: &App, request: &ServiceRequest, path: &str) -> Result<Visitor> {
    let (now, today) = (app.desk.clock.now(), app.desk.today());
    if path.starts_with("/api/") {
        let Some(token) = bearer(request) else {
            return Ok(Visitor::default());
        };
        return app
            .db
            .read(move |conn| {
                let found = people::person_of_token(conn, now, &token)?;
                let Some((person, scopes)) = found else {
                    return Err(Error::Unauthenticated);
                };
                let roles = people::roles_on(conn, today, person.id)?;
                Ok(Visitor {
                    scope: people::scope_of(conn, person.id)?,
                    person: Some(person),
                    roles,
                    scopes: Some(scopes),
                    tasks: 0,
                })
            })
            .await;
    }
    let Some(secret) = session_secret(app, request.request()) else {
        return Ok(Visitor::default());
    };
    app.db
        .read(move |conn| {
            let Some(person) = people::person_of_session(conn, now, &secret)? else {
                return Ok(Visitor::default());
            };
            let roles = people::roles_on(conn, today, person.id)?;
            let scope = people::scope_of(conn, person.id)?;
            let tasks = crate::review::open_task_count(conn, person.id)?;
            Ok(Visitor {
                person: Some(person),
                roles,
                scopes: None,
                scope,
                tasks,
            })
        })
        .await
}

fn may_enter(who: Who, visitor: &Visitor) -> Result<()> {
    match who {
        Who::Anyone => Ok(()),
        Who::SignedIn => visitor.person().map(|_| ()),
        Who::LogReader => must_read_log(visitor),
        Who::Administrator => is_administrator(visitor),
        Who::Token(scope) => {
            visitor.person()?;
            let held = visitor.scopes.as_ref().is_some_and(|s| s.contains(scope));
            if !held {
                return Err(Error::Forbidden(format!(
                    "this token lacks the scope {scope}"
                )));
            }
            // A token narrows what its person may do and never widens it.
            match scope {
                "log" => must_read_log(visitor),
                "people" => is_administrator(visitor),
                _ => Ok(()),
            }
        }
    }
}

/// That the visitor may read the whole decision log.
///
/// # Errors
/// [`Error::Unauthenticated`], [`Error::Forbidden`].
pub fn must_read_log(visitor: &Visitor) -> Result<()> {
    visitor.person()?;
    if visitor.reads_log() {
        Ok(())
    } else {
        let sentence = "the decision log is for auditors, administrators and keepers of the policy";
        Err(Error::Forbidden(sentence.to_owned()))
    }
}

fn is_administrator(visitor: &Visitor) -> Result<()> {
    visitor.person()?;
    if visitor.holds(&[people::ADMINISTRATOR]) {
        Ok(())
    } else {
        Err(Error::Forbidden("this is for administrators".to_owned()))
    }
}

fn bearer(request: &ServiceRequest) -> Option<Secret> {
    let value = request
        .headers()
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| Secret::presented(token.trim()))
}

/// The name of the session cookie. The prefix makes browsers insist on https and on no domain.
fn cookie_name(app: &App) -> &'static str {
    if app.config.public_url.starts_with("https://") {
        "__Host-session"
    } else {
        "session"
    }
}

/// The secret of the visitor's session cookie.
pub fn session_secret(app: &App, request: &HttpRequest) -> Option<Secret> {
    request
        .cookie(cookie_name(app))
        .map(|c| Secret::presented(c.value()))
}

/// The cookie that carries a session. Lax, because people arrive from their webmail.
pub fn session_cookie(app: &App, secret: &Secret) -> Cookie<'static> {
    cookie(app, secret.reveal().to_owned())
        .max_age(Duration::hours(
            i64::try_from(people::SESSION_HOURS).unwrap_or(12),
        ))
        .finish()
}

/// The cookie that ends a session in the browser.
pub fn end_cookie(app: &App) -> Cookie<'static> {
    cookie(app, String::new()).max_age(Duration::ZERO).finish()
}

fn cookie(app: &App, value: String) -> actix_web::cookie::CookieBuilder<'static> {
    Cookie::build(cookie_name(app), value)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(app.config.public_url.starts_with("https://"))
}

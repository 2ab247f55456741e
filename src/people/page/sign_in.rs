//! Signing in by a mailed link, and out again.
use crate::app::App;
use crate::error::{Error, Result};
use crate::form::SummaryLine;
use crate::notify::look_again;
use crate::notify::outbox::{self, Message};
use crate::people::{self, SIGN_IN_MINUTES, Secret, mailing};
use crate::web::answer::{go_to, page, page_with};
use crate::web::session::{Visitor, end_cookie, session_cookie, session_secret};
use actix_web::cookie::{Cookie, SameSite, time::Duration};
use actix_web::http::StatusCode;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Remembers, in this browser only, which page somebody wanted before they had to sign in.
const NEXT: &str = "next";

/// Where to go after signing in.
#[derive(Debug, Default, Deserialize)]
pub struct Next {
    #[serde(default)]
    next: String,
}

#[derive(Serialize)]
struct SignIn<'a> {
    email: &'a str,
    next: &'a str,
    error: Option<&'a str>,
    summary: Vec<SummaryLine>,
}

/// `GET /sign-in`
///
/// # Errors
/// When the page cannot be made.
pub async fn form(
    app: web::Data<App>,
    visitor: Visitor,
    query: web::Query<Next>,
) -> Result<HttpResponse> {
    let next = own_path(&query.next);
    let context = SignIn {
        email: "",
        next,
        error: None,
        summary: Vec::new(),
    };
    page(&app, &visitor, "", "sign-in", &context)
}

/// A path of ours, or nothing: an address given by somebody else must not lead away from us.
fn own_path(path: &str) -> &str {
    let leads_away = path.starts_with("//") || path.contains('\\');
    let is_plain = path.chars().all(|c| !c.is_control() && !c.is_whitespace());
    if path.starts_with('/') && !leads_away && is_plain {
        path
    } else {
        ""
    }
}

/// An address that asks for a link.
#[derive(Debug, Deserialize)]
pub struct Wanted {
    email: String,
    #[serde(default)]
    next: String,
}

/// `POST /sign-in`: the answer is the same whether the address is known or not.
///
/// # Errors
/// When the database fails.
pub async fn ask(
    app: web::Data<App>,
    visitor: Visitor,
    wanted: web::Form<Wanted>,
) -> Result<HttpResponse> {
    let next = own_path(&wanted.next);
    let Ok(email) = people::address(&wanted.email) else {
        return wrong_address(&app, &visitor, &wanted.email, next);
    };
    let now = app.desk.clock.now();
    app.db.upkeep(move |tx| owe_link(tx, &email, now)).await?;
    let mut answer = go_to(&app, "/sign-in/sent");
    if !next.is_empty() {
        let minutes = i64::try_from(SIGN_IN_MINUTES).unwrap_or(10);
        let cookie = remembered(&app, next)
            .max_age(Duration::minutes(minutes))
            .finish();
        let _ = answer.add_cookie(&cookie);
    }
    Ok(answer)
}

fn wrong_address(app: &App, visitor: &Visitor, typed: &str, next: &str) -> Result<HttpResponse> {
    let message = "Enter an address like name@example.org";
    let line = SummaryLine {
        target: Some("email".to_owned()),
        message: message.to_owned(),
    };
    let context = SignIn {
        email: typed,
        next,
        error: Some(message),
        summary: vec![line],
    };
    page_with(
        app,
        visitor,
        "",
        "sign-in",
        &context,
        StatusCode::UNPROCESSABLE_ENTITY,
    )
}

/// At most one mail a person and minute, however often the button is pressed.
fn owe_link(tx: &mut crate::db::Tx, email: &str, now: crate::db::At) -> Result<()> {
    let Some(person) = people::by_email(tx, email)?.filter(|p| p.active) else {
        return Ok(());
    };
    let minute = now.0.as_second() / 60;
    let mail = Message::new("sign_in", person.id).once(&format!("sign_in:{}:{minute}", person.id));
    outbox::queue(tx, mail, now)
}

fn remembered(app: &App, next: &str) -> actix_web::cookie::CookieBuilder<'static> {
    let value = serde_urlencoded::to_string([(NEXT, next)]).unwrap_or_default();
    Cookie::build(NEXT, value)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(app.config.public_url.starts_with("https://"))
}

fn recalled(request: &HttpRequest) -> Option<String> {
    let cookie = request.cookie(NEXT)?;
    let next: Next = serde_urlencoded::from_str(cookie.value()).ok()?;
    Some(own_path(&next.next).to_owned()).filter(|next| !next.is_empty())
}

/// `GET /sign-in/sent`
///
/// # Errors
/// When the page cannot be made.
pub async fn sent(app: web::Data<App>, visitor: Visitor) -> Result<HttpResponse> {
    let context = json!({ "minutes": SIGN_IN_MINUTES });
    page(&app, &visitor, "", "sign-in-sent", &context)
}

/// `GET /sign-in/{token}`: shows whom the link would sign in and uses nothing up.
///
/// # Errors
/// When the database fails.
pub async fn confirm(app: web::Data<App>, token: web::Path<String>) -> Result<HttpResponse> {
    let now = app.desk.clock.now();
    let secret = Secret::presented(&token);
    let person = app
        .db
        .read(move |conn| people::sign_in_person(conn, now, &secret))
        .await?;
    confirmation(&app, person.map(|p| p.name))
}

fn confirmation(app: &App, name: Option<String>) -> Result<HttpResponse> {
    let status = if name.is_some() {
        StatusCode::OK
    } else {
        StatusCode::GONE
    };
    let context = json!({ "name": name });
    let mut answer = page_with(
        app,
        &Visitor::default(),
        "",
        "sign-in-confirm",
        &context,
        status,
    )?;
    let no_store = actix_web::http::header::HeaderValue::from_static("no-store");
    answer.headers_mut().insert(CACHE_CONTROL, no_store);
    Ok(answer)
}

/// `POST /sign-in/{token}`: uses the link up and opens a session.
///
/// # Errors
/// When the database fails.
pub async fn use_link(
    app: web::Data<App>,
    token: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let now = app.desk.clock.now();
    let secret = Secret::presented(&token);
    let before = session_secret(&app, &request);
    let used = app
        .db
        .upkeep(move |tx| {
            let used = people::use_sign_in_link(tx, now, &secret)?;
            if let Some(before) = before {
                people::end_session(tx, &before)?;
            }
            let reached = mailing::reached(tx, now, used.0.id)?;
            Ok((used.1, reached))
        })
        .await;
    let session = match used {
        Ok((session, reached)) => {
            if reached {
                look_again(&app).await;
            }
            session
        }
        Err(Error::Unauthenticated) => return confirmation(&app, None),
        Err(error) => return Err(error),
    };
    let next = recalled(&request).unwrap_or_else(|| "/".to_owned());
    let mut answer = go_to(&app, &next);
    let _ = answer.add_cookie(&session_cookie(&app, &session));
    let _ = answer.add_cookie(&remembered(&app, "").max_age(Duration::ZERO).finish());
    Ok(answer)
}

/// `POST /sign-out`
///
/// # Errors
/// When the database fails.
pub async fn sign_out(app: web::Data<App>, request: HttpRequest) -> Result<HttpResponse> {
    if let Some(secret) = session_secret(&app, &request) {
        app.db
            .upkeep(move |tx| people::end_session(tx, &secret))
            .await?;
    }
    let mut answer = go_to(&app, "/sign-in");
    let _ = answer.add_cookie(&end_cookie(&app));
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::own_path;

    #[test]
    fn signing_in_never_leads_to_another_site() {
        for away in [
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "tasks",
            "/a b",
        ] {
            assert_eq!(own_path(away), "", "{away}");
        }
        assert_eq!(own_path("/tasks/1?x=y"), "/tasks/1?x=y");
    }
}

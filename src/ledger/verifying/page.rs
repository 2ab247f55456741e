//! The page that checks a file.
use crate::app::App;
use crate::error::{Error, Result};
use crate::form::SummaryLine;
use crate::ledger::seal;
use crate::ledger::verifying::incoming::look;
use crate::ledger::verifying::{FILE_MAX, Found, kept, keys};
use crate::review::words;
use crate::web::answer::page_with;
use crate::web::session::Visitor;
use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use futures_util::StreamExt;
use serde::Serialize;

/// Longest text of a field, in bytes.
const FIELD_MAX: usize = 64 * 1024;
/// Most fields of the form that are looked at.
const FIELDS: usize = 4;

#[derive(Default, Serialize)]
struct VerifyPage {
    summary: Vec<SummaryLine>,
    vkey: String,
    since: String,
    /// The longest file, in megabytes.
    most: u64,
    found: Option<Shown>,
}

/// A verdict in the form of the page.
#[derive(Serialize)]
struct Shown {
    tone: &'static str,
    title: &'static str,
    lines: Vec<String>,
}

impl Shown {
    fn of(found: &Found) -> Shown {
        let (tone, title) = match found.verdict {
            "good" => ("good", "The file holds"),
            "tampered" => ("bad", "The file was changed"),
            _ => ("warn", "The file could not be checked"),
        };
        Shown {
            tone,
            title,
            lines: found.words.lines().map(str::to_owned).collect(),
        }
    }
}

/// `GET /log/verify`: the form.
///
/// # Errors
/// When the database fails.
pub async fn form(app: web::Data<App>, visitor: Visitor) -> Result<HttpResponse> {
    let shows = visitor.reads_log() || app.config.log_public != "nothing";
    let keys = match shows {
        true => app.db.read(seal::vkeys).await?,
        false => Vec::new(),
    };
    let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
    let context = VerifyPage {
        vkey: keys.join("\n"),
        ..VerifyPage::default()
    };
    shown(&app, &visitor, context, StatusCode::OK)
}

/// `POST /log/verify`: the verdict on a file, which is looked at as it comes in and never kept.
///
/// # Errors
/// When two files are being looked at already, or the form cannot be read.
pub async fn verify(
    app: web::Data<App>,
    visitor: Visitor,
    mut form: Multipart,
) -> Result<HttpResponse> {
    let mut context = VerifyPage::default();
    for _ in 0..FIELDS {
        let Some(field) = form.next().await else {
            break;
        };
        let field = field.map_err(|error| unread(&error))?;
        match field.name() {
            Some("vkey") => context.vkey = text("vkey", field).await?,
            Some("since") => context.since = text("since", field).await?,
            Some("file") => return judged(&app, &visitor, context, field).await,
            _ => break,
        }
    }
    let why = "the form brought no file: choose one";
    Err(Error::BadRequest(why.to_owned()))
}

async fn judged(
    app: &App,
    visitor: &Visitor,
    mut context: VerifyPage,
    file: Field,
) -> Result<HttpResponse> {
    let (keys, since) = match (keys(&context.vkey), kept(&context.since)) {
        (Ok(keys), Ok(since)) => (keys, since),
        (keys, since) => {
            drain(file).await;
            let wrong = [("vkey", keys.err()), ("since", since.err())];
            let wrong = wrong
                .into_iter()
                .filter_map(|(id, error)| Some((id, error?)));
            context.summary = wrong.map(|(id, error)| complaint(id, &error)).collect();
            return shown(app, visitor, context, StatusCode::UNPROCESSABLE_ENTITY);
        }
    };
    let turn = app.verifying.take(visitor.actor()?.person)?;
    let found = look(turn, keys, since, file).await?;
    context.found = Some(Shown::of(&found));
    shown(app, visitor, context, StatusCode::OK)
}

fn complaint(field: &str, error: &Error) -> SummaryLine {
    SummaryLine {
        target: Some(field.to_owned()),
        message: words::sentence(&error.to_string()),
    }
}

fn shown(
    app: &App,
    visitor: &Visitor,
    mut context: VerifyPage,
    status: StatusCode,
) -> Result<HttpResponse> {
    context.most = FILE_MAX >> 20;
    page_with(app, visitor, "log", "log-verify", &context, status)
}

fn unread(error: &MultipartError) -> Error {
    Error::BadRequest(format!("the form cannot be read: {error}"))
}

/// A field of text.
async fn text(name: &str, mut field: Field) -> Result<String> {
    let mut text = Vec::new();
    while let Some(piece) = field.next().await {
        text.extend_from_slice(&piece.map_err(|error| unread(&error))?);
        if text.len() > FIELD_MAX {
            let rule = format!("{name}: write at most {FIELD_MAX} bytes");
            return Err(Error::BadRequest(rule));
        }
    }
    String::from_utf8(text).map_err(|_| Error::BadRequest(format!("{name}: write text in UTF-8")))
}

/// Reads the rest, so that the browser comes to show the answer.
async fn drain(mut file: Field) {
    let mut length = 0_u64;
    while let Some(Ok(piece)) = file.next().await {
        length = length.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        if length > FILE_MAX {
            return;
        }
    }
}

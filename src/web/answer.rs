//! Answers: pages in their frame, and errors as a page for people, as a problem for programs.
use crate::app::App;
use crate::error::{Error, Meaning, Result};
use crate::form::{FieldError, SummaryLine};
use crate::review::words::sentence;
use crate::web::session::Visitor;
use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{StatusCode, header};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpResponse, ResponseError, web};
use serde::Serialize;
use serde_json::{Value, json};

/// What every page shows around its content.
#[derive(Debug, Serialize)]
pub struct Frame {
    /// Name of the organisation.
    pub organisation: String,
    /// Name of who is signed in, if somebody is.
    pub person: Option<String>,
    /// How many tasks wait for them.
    pub tasks: i64,
    /// Whether they may read the decision log.
    pub reads_log: bool,
    /// Whether this is the demo.
    pub demo: bool,
    /// Which entry of the navigation the page belongs to; empty for none.
    pub here: &'static str,
}

#[derive(Serialize)]
struct Framed<'a, T: Serialize> {
    frame: Frame,
    #[serde(flatten)]
    page: &'a T,
}

/// A page in its frame. `here` names the entry of the navigation it belongs to.
///
/// # Errors
/// [`Error::Corrupt`] when the template and its context do not fit, which the tests rule out.
pub fn page(
    app: &App,
    visitor: &Visitor,
    here: &'static str,
    name: &str,
    context: &impl Serialize,
) -> Result<HttpResponse> {
    page_with(app, visitor, here, name, context, StatusCode::OK)
}

/// As [`page`], with another status: 422 for a form that comes back as typed.
///
/// # Errors
/// As [`page`].
pub fn page_with(
    app: &App,
    visitor: &Visitor,
    here: &'static str,
    name: &str,
    context: &impl Serialize,
    status: StatusCode,
) -> Result<HttpResponse> {
    let frame = Frame {
        organisation: app.config.organisation.clone(),
        person: visitor.person.as_ref().map(|p| p.name.clone()),
        tasks: visitor.tasks,
        reads_log: visitor.reads_log(),
        demo: app.is_demo(),
        here,
    };
    let html = app
        .templates
        .page(
            name,
            &Framed {
                frame,
                page: context,
            },
        )
        .map_err(|fault| Error::Corrupt(fault.to_string()))?;
    Ok(HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .body(html))
}

/// Sends the browser on to `path` (below the base path) after a form was taken.
pub fn go_to(app: &App, path: &str) -> HttpResponse {
    let address = format!("{}{path}", app.config.base_path());
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, address))
        .finish()
}

/// What went wrong, on its way to being shown.
#[derive(Debug, Clone)]
struct Trouble {
    meaning: Meaning,
    sentence: String,
    fields: Value,
}

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        status(self.meaning())
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::new(self.status_code());
        response.extensions_mut().insert(Trouble::of(self));
        if matches!(self, Error::Busy { .. }) {
            let minute = header::HeaderValue::from_static("60");
            response.headers_mut().insert(header::RETRY_AFTER, minute);
        }
        response
    }
}

impl Trouble {
    fn of(error: &Error) -> Trouble {
        let sentence = if error.is_ours() {
            tracing::error!(%error, "a request failed");
            "something went wrong on our side; nothing was changed".to_owned()
        } else {
            error.to_string()
        };
        let fields = match error {
            Error::Invalid(fields) => json!(fields),
            Error::Refused(crate::review::engine::Refusal::AnswersInvalid(fields)) => {
                json!(fields)
            }
            _ => Value::Null,
        };
        Trouble {
            meaning: error.meaning(),
            sentence,
            fields,
        }
    }

    fn body(&self, app: &App) -> Value {
        let mut body = json!({
            "type": app.config.link(&format!("/docs/problems#{}", self.meaning.code)),
            "title": self.meaning.title,
            "status": self.meaning.status,
            "detail": self.sentence,
            "code": self.meaning.code,
        });
        if let (false, Some(body)) = (self.fields.is_null(), body.as_object_mut()) {
            body.insert("errors".to_owned(), self.fields.clone());
        }
        body
    }
}

/// An error as the problem it would be as an answer of its own, for answers that hold several.
pub fn problem_of(app: &App, error: &Error) -> Value {
    Trouble::of(error).body(app)
}

/// Gives every error its form: a problem (RFC 9457) below `/api/`, else a page.
///
/// # Errors
/// Those of the rest of the chain.
pub async fn dress(
    app: web::Data<App>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> std::result::Result<ServiceResponse<EitherBody<BoxBody>>, actix_web::Error> {
    let path = request.path().to_owned();
    let query = request.query_string().to_owned();
    let is_get = request.method().is_safe();
    let response = next.call(request).await?.map_into_boxed_body();
    let status = response.status();
    let known = response.response().extensions().get::<Trouble>().cloned();
    let bare = response.headers().get(header::CONTENT_TYPE).is_none();
    let trouble = match known {
        Some(trouble) => trouble,
        None if status.is_client_error() && (bare || is_plain(&response)) => plain(status),
        None => return Ok(response.map_into_left_body()),
    };
    let below = path.strip_prefix(app.config.base_path()).unwrap_or(&path);
    let visitor = response
        .request()
        .extensions()
        .get::<Visitor>()
        .cloned()
        .unwrap_or_default();
    let answer = if below == "/api" || below.starts_with("/api/") {
        problem(&app, &trouble)
    } else if trouble.meaning.status == 401 && is_get {
        sign_in_first(&app, below, &query)
    } else {
        error_page(&app, &visitor, &trouble)
    };
    let (request, old) = response.into_parts();
    let mut answer = answer;
    for (name, value) in old.headers() {
        if name == header::ALLOW || name == header::RETRY_AFTER {
            answer.headers_mut().insert(name.clone(), value.clone());
        }
    }
    Ok(ServiceResponse::new(request, answer)
        .map_into_boxed_body()
        .map_into_left_body())
}

fn is_plain<B>(response: &ServiceResponse<B>) -> bool {
    let kind = response
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok());
    kind.is_some_and(|k| k.starts_with("text/plain"))
}

/// An error that the framework made: a body it could not read, an address without a page.
fn plain(status: StatusCode) -> Trouble {
    let (code, title, sentence) = match status {
        StatusCode::NOT_FOUND => ("not-found", "Not found", "there is nothing at this address"),
        StatusCode::METHOD_NOT_ALLOWED => (
            "method-not-allowed",
            "Not possible",
            "this address cannot be used in this way",
        ),
        StatusCode::PAYLOAD_TOO_LARGE => (
            "too-large",
            "Too large",
            "what you sent is larger than we take",
        ),
        StatusCode::FORBIDDEN => ("forbidden", "Not allowed", crate::web::csrf::REFUSAL),
        _ => ("bad-request", "Bad request", "what was sent cannot be read"),
    };
    let meaning = Meaning {
        code,
        status: status.as_u16(),
        title,
    };
    Trouble {
        meaning,
        sentence: sentence.to_owned(),
        fields: Value::Null,
    }
}

fn problem(app: &App, trouble: &Trouble) -> HttpResponse {
    let body = trouble.body(app);
    let mut answer = HttpResponse::build(status(trouble.meaning));
    if trouble.meaning.status == 401 {
        answer.insert_header((header::WWW_AUTHENTICATE, "Bearer realm=\"countersign\""));
    }
    answer
        .content_type("application/problem+json")
        .body(body.to_string())
}

fn status(meaning: Meaning) -> StatusCode {
    StatusCode::from_u16(meaning.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// The status of a page that tells an error beside the form it belongs to.
pub fn status_of(error: &Error) -> StatusCode {
    status(error.meaning())
}

/// The address that was asked for comes back after the sign-in, its filters with it.
fn sign_in_first(app: &App, path: &str, query: &str) -> HttpResponse {
    let wanted = if query.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{query}")
    };
    let next = serde_urlencoded::to_string([("next", wanted)]).unwrap_or_default();
    go_to(app, &format!("/sign-in?{next}"))
}

#[derive(Serialize)]
struct ErrorPage<'a> {
    title: &'a str,
    sentence: &'a str,
    status: u16,
}

fn error_page(app: &App, visitor: &Visitor, trouble: &Trouble) -> HttpResponse {
    let context = ErrorPage {
        title: trouble.meaning.title,
        sentence: &sentence(&trouble.sentence),
        status: trouble.meaning.status,
    };
    page_with(app, visitor, "", "error", &context, status(trouble.meaning)).unwrap_or_else(|_| {
        HttpResponse::build(status(trouble.meaning))
            .content_type("text/plain; charset=utf-8")
            .body(trouble.sentence.clone())
    })
}

/// An error beside the form that it belongs to; what is no refusal goes on.
///
/// # Errors
/// What is ours, what is not found and who is not signed in.
pub fn complaints(error: Error) -> Result<(Vec<SummaryLine>, StatusCode)> {
    if error.is_ours() || matches!(error, Error::NotFound(_) | Error::Unauthenticated) {
        return Err(error);
    }
    let status = status_of(&error);
    let lines = match error {
        Error::Invalid(fields) => {
            let line = |field: FieldError| SummaryLine {
                target: (!field.field.is_empty()).then_some(field.field),
                message: field.message,
            };
            fields.into_iter().map(line).collect()
        }
        other => vec![SummaryLine {
            target: None,
            message: sentence(&other.to_string()),
        }],
    };
    Ok((lines, status))
}

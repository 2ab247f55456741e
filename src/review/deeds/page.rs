//! The page of a deed: what it is about, what follows from it, and the form that does it.
use super::matter::{self, ConditionView, Proposal};
use super::{Deed, Given, Subject, act, offered, record_of};
use crate::app::App;
use crate::db::{At, Conn, PersonId};
use crate::error::{Error, Result};
use crate::form::{FieldView, SummaryLine, Widget};
use crate::people::Secret;
use crate::register::{self, Record};
use crate::review::engine::Refusal;
use crate::review::service::Desk;
use crate::review::{self, words};
use crate::web::answer::{go_to, page_with, status_of};
use crate::web::badge::{Badge, of_status};
use crate::web::once::{Key, once};
use crate::web::session::Visitor;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde_json::Value;

type Pairs = Vec<(String, String)>;

#[derive(Serialize)]
struct DeedPage {
    summary: Vec<SummaryLine>,
    kind: KindView,
    reference: String,
    title: String,
    status: Badge,
    heading: &'static str,
    lead: &'static str,
    condition: Option<ConditionView>,
    proposal: Option<Proposal>,
    signed: Option<Signed>,
    ask: AskView,
}

#[derive(Serialize)]
struct KindView {
    path: String,
    plural: &'static str,
}

/// The form as `parts/ask` draws it.
#[derive(Serialize)]
struct AskView {
    action: String,
    once: Option<String>,
    digest: Option<String>,
    fields: Vec<FieldView>,
    button: &'static str,
    tone: &'static str,
}

/// The revision that an override lets through.
#[derive(Debug, Clone, Serialize)]
struct Signed {
    revision: i32,
    digest: String,
}

/// A form that comes back.
#[derive(Default)]
struct Again {
    given: Given,
    text_error: Option<String>,
    until_error: Option<String>,
    refusal: Option<String>,
}

/// `GET /conditions/{id}/{deed}`
///
/// # Errors
/// 404, and the refusal of a deed that is not offered.
pub async fn on_condition(
    app: web::Data<App>,
    visitor: Visitor,
    request: HttpRequest,
    id: web::Path<String>,
) -> Result<HttpResponse> {
    let subject = condition(&id)?;
    show(&app, &visitor, (deed(&request)?, subject)).await
}

/// `POST /conditions/{id}/{deed}`
///
/// # Errors
/// As its page; a text that is missing comes back with the form.
pub async fn do_on_condition(
    app: web::Data<App>,
    visitor: Visitor,
    request: HttpRequest,
    id: web::Path<String>,
    pairs: web::Form<Pairs>,
) -> Result<HttpResponse> {
    let subject = condition(&id)?;
    take(
        &app,
        &visitor,
        (deed(&request)?, subject),
        pairs.into_inner(),
    )
    .await
}

/// `GET /reviews/{id}/{deed}`
///
/// # Errors
/// As [`on_condition`].
pub async fn on_review(
    app: web::Data<App>,
    visitor: Visitor,
    request: HttpRequest,
    id: web::Path<String>,
) -> Result<HttpResponse> {
    let subject = of_review(&id)?;
    show(&app, &visitor, (deed(&request)?, subject)).await
}

/// `POST /reviews/{id}/{deed}`
///
/// # Errors
/// As [`do_on_condition`].
pub async fn do_on_review(
    app: web::Data<App>,
    visitor: Visitor,
    request: HttpRequest,
    id: web::Path<String>,
    pairs: web::Form<Pairs>,
) -> Result<HttpResponse> {
    let subject = of_review(&id)?;
    take(
        &app,
        &visitor,
        (deed(&request)?, subject),
        pairs.into_inner(),
    )
    .await
}

/// `GET /{kind}/{reference}/{deed}`
///
/// # Errors
/// As [`on_condition`].
pub async fn on_record(
    app: web::Data<App>,
    visitor: Visitor,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse> {
    let subject = record(&app, &path).await?;
    show(&app, &visitor, (deed(&request)?, subject)).await
}

/// `POST /{kind}/{reference}/{deed}`
///
/// # Errors
/// As [`do_on_condition`].
pub async fn do_on_record(
    app: web::Data<App>,
    visitor: Visitor,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    pairs: web::Form<Pairs>,
) -> Result<HttpResponse> {
    let subject = record(&app, &path).await?;
    take(
        &app,
        &visitor,
        (deed(&request)?, subject),
        pairs.into_inner(),
    )
    .await
}

pub(super) fn deed(request: &HttpRequest) -> Result<Deed> {
    let path = request.path();
    Deed::at(path).ok_or_else(|| Error::not_found("page", path))
}

pub(super) fn condition(id: &str) -> Result<Subject> {
    let id = id.parse().map_err(|_| Error::not_found("condition", id))?;
    Ok(Subject::Condition(id))
}

pub(super) fn of_review(id: &str) -> Result<Subject> {
    let id = id.parse().map_err(|_| Error::not_found("review", id))?;
    Ok(Subject::Review(id))
}

pub(super) async fn record(app: &App, (kind, reference): &(String, String)) -> Result<Subject> {
    let (key, wanted) = (app.desk.kinds.by_path(kind)?.key, reference.clone());
    let find = move |conn: &mut Conn| register::by_reference(conn, key, &wanted);
    Ok(Subject::Record(app.db.read(find).await?.id))
}

async fn show(
    app: &App,
    visitor: &Visitor,
    (deed, subject): (Deed, Subject),
) -> Result<HttpResponse> {
    let (desk, person) = (app.desk.clone(), visitor.id()?);
    let draw = move |conn: &mut Conn| {
        let record = record_of(conn, subject)?;
        if !offered(conn, &desk, person, &record)?.contains(&(deed, subject)) {
            return Err(Error::Forbidden(not_offered(deed)));
        }
        DeedPage::of(conn, &desk, &record, (deed, subject), &Again::default())
    };
    let context = app.db.read(draw).await?;
    page_with(app, visitor, "use-cases", "deed", &context, StatusCode::OK)
}

fn not_offered(deed: Deed) -> String {
    let title = deed.title().to_lowercase();
    format!("“{title}” is not open to you as things stand; the record's page says what is")
}

async fn take(
    app: &App,
    visitor: &Visitor,
    (deed, subject): (Deed, Subject),
    pairs: Pairs,
) -> Result<HttpResponse> {
    let value = |name: &str| {
        let found = pairs.iter().find(|(known, _)| known == name);
        found.map_or_else(String::new, |(_, value)| words::typed(value))
    };
    let given = Given {
        text: value("text"),
        until: value("until"),
        digest: value("digest"),
    };
    let desk = app.desk.clone();
    let find = move |conn: &mut Conn| {
        let record = record_of(conn, subject)?;
        let kind = desk.kinds.by_key(&record.kind)?.path;
        Ok((format!("/{kind}/{}", record.reference), record.reference))
    };
    let (path, reference) = app.db.read(find).await?;
    let actor = visitor.actor()?;
    let (author, written) = (actor.clone(), given.clone());
    let key = Key::of_form(visitor, &format!("{path} {}", deed.tail()), &pairs)?;
    let work = move |tx: &mut crate::db::Tx, desk: &Desk| {
        act(tx, desk, &author, (deed, subject), &written)?;
        Ok(Value::Null)
    };
    match once(app, deed.tail(), reference, &actor, key, work).await {
        Ok(_) => Ok(go_to(app, &onward(deed, &path))),
        Err(error) => come_back(app, visitor, (deed, subject), given, error).await,
    }
}

/// A renewal goes on with its answers; everything else with the record.
fn onward(deed: Deed, path: &str) -> String {
    match deed {
        Deed::Renew => format!("{path}/draft"),
        _ => path.to_owned(),
    }
}

async fn come_back(
    app: &App,
    visitor: &Visitor,
    (deed, subject): (Deed, Subject),
    given: Given,
    error: Error,
) -> Result<HttpResponse> {
    let status = status_of(&error);
    let mut again = Again {
        given,
        ..Again::default()
    };
    let said = words::sentence(&error.to_string());
    match &error {
        Error::Refused(Refusal::OverrideTooLong(latest)) => {
            let day = At::new(latest.0 - jiff::Span::new().hours(24));
            let day = review::spelled(day, &app.desk.zone);
            again.until_error = Some(format!(
                "It must end in the future, on {day} at the latest."
            ));
        }
        Error::Invalid(_) => again.until_error = Some("Write the day as 2027-01-31.".to_owned()),
        Error::Refused(
            Refusal::ReasonMissing
            | Refusal::EvidenceMissing
            | Refusal::ReasonTooShort(_)
            | Refusal::TooLong(..),
        ) => again.text_error = Some(said),
        Error::Refused(_) => again.refusal = Some(said),
        _ => return Err(error),
    }
    let desk = app.desk.clone();
    let draw = move |conn: &mut Conn| {
        let record = record_of(conn, subject)?;
        DeedPage::of(conn, &desk, &record, (deed, subject), &again)
    };
    let context = app.db.read(draw).await?;
    page_with(app, visitor, "use-cases", "deed", &context, status)
}

impl DeedPage {
    fn of(
        conn: &mut Conn,
        desk: &Desk,
        record: &Record,
        (deed, subject): (Deed, Subject),
        again: &Again,
    ) -> Result<DeedPage> {
        let kind = desk.kinds.by_key(&record.kind)?;
        let words = deed.words();
        let timeline = review::timeline(conn, desk, record.id)?;
        let (mut condition, mut proposal, mut least, mut signed) = (None, None, None, None);
        match subject {
            Subject::Condition(id) => {
                let all = matter::conditions(conn, desk, record, &timeline)?;
                condition = all.into_iter().find(|view| view.id == id);
            }
            Subject::Review(id) => {
                let state = review::review(conn, id)?;
                proposal = matter::proposal(desk, &state, &timeline);
                least = least_reason(conn, desk, deed, &state)?;
                signed = deed.signs().then(|| Signed {
                    revision: state.revision,
                    digest: state.digest.clone(),
                });
            }
            Subject::Record(_) => {}
        }
        let fields = fields(deed, least, again);
        let mut summary = complaints(&fields, again);
        let seen = &again.given.digest;
        if again.refusal.is_none()
            && signed
                .as_ref()
                .is_some_and(|now| !seen.is_empty() && now.digest != *seen)
        {
            summary.push(SummaryLine {
                target: None,
                message: words::sentence(&Refusal::Superseded.to_string()),
            });
        }
        let digest = signed.as_ref().map(|signed| signed.digest.clone());
        Ok(DeedPage {
            summary,
            reference: record.reference.clone(),
            title: record.title.clone(),
            status: of_status(record.status()?),
            heading: words.title,
            lead: words.lead,
            condition,
            proposal,
            signed,
            ask: AskView {
                action: address(kind.path, record, (deed, subject)),
                once: Some(Secret::new()?.reveal().to_owned()),
                digest,
                fields,
                button: words.button,
                tone: words.tone,
            },
            kind: KindView {
                path: format!("/{}", kind.path),
                plural: kind.plural,
            },
        })
    }
}

/// Where the page of a deed lies.
pub fn address(kind: &str, record: &Record, (deed, subject): (Deed, Subject)) -> String {
    let place = match subject {
        Subject::Condition(id) => format!("/conditions/{id}"),
        Subject::Review(id) => format!("/reviews/{id}"),
        Subject::Record(_) => format!("/{kind}/{}", record.reference),
    };
    format!("{place}/{}", deed.tail())
}

/// How many characters the reason of an override needs.
fn least_reason(
    conn: &mut Conn,
    desk: &Desk,
    deed: Deed,
    state: &review::engine::Review,
) -> Result<Option<usize>> {
    let pin = &state.workflow;
    let loaded = review::workflows::version(conn, &desk.workflows, &pin.key, pin.version)?;
    let rules = loaded.workflow.over_ride.as_ref();
    Ok(rules
        .filter(|_| deed == Deed::ProposeOverride)
        .map(|rules| rules.min_reason_length))
}

fn complaints(fields: &[FieldView], again: &Again) -> Vec<SummaryLine> {
    let wrong = fields.iter().filter_map(|field| {
        Some(SummaryLine {
            target: Some(field.id.clone()),
            message: field.error.clone()?,
        })
    });
    let refused = again.refusal.iter().map(|message| SummaryLine {
        target: None,
        message: message.clone(),
    });
    refused.chain(wrong).collect()
}

fn fields(deed: Deed, least: Option<usize>, again: &Again) -> Vec<FieldView> {
    let words = deed.words();
    let mut fields = Vec::new();
    if let Some(label) = words.text {
        let seen = "Everyone who can read this use case sees it; it is kept in the decision log.";
        let help = match least {
            Some(least) => format!("At least {least} characters. {seen}"),
            None => seen.to_owned(),
        };
        let mut field = field("text", label, &help, &again.given.text, &again.text_error);
        field.widget = Widget::Textarea;
        field.rows = 4;
        field.required = !words.optional;
        fields.push(field);
    }
    if deed == Deed::ProposeOverride {
        let help = "Last day on which it holds; empty for as long as the policy allows.";
        let (day, wrong) = (&again.given.until, &again.until_error);
        let mut field = field("until", "Until", help, day, wrong);
        field.required = false;
        // A wrong day stands in a text control: a date control would show it as empty.
        if wrong.is_none() {
            (field.widget, field.input_type) = (Widget::Date, "date");
        }
        fields.push(field);
    }
    fields
}

fn field(name: &str, label: &str, help: &str, value: &str, error: &Option<String>) -> FieldView {
    let id = format!("field-{name}");
    let hint_id = format!("{id}-hint");
    let error_id = error.as_ref().map(|_| format!("{id}-error"));
    let described = match &error_id {
        Some(error_id) => format!("{hint_id} {error_id}"),
        None => hint_id.clone(),
    };
    FieldView {
        name: name.to_owned(),
        label: label.to_owned(),
        help: Some(help.to_owned()),
        hint_id: Some(hint_id),
        limit: None,
        widget: Widget::Text,
        input_type: "text",
        inputmode: None,
        autocomplete: Some("off"),
        list: None,
        rows: 1,
        lines: value.split('\n').map(str::to_owned).collect(),
        value: value.to_owned(),
        choices: Vec::new(),
        required: true,
        max_length: None,
        error: error.clone(),
        error_id,
        described_by: Some(described),
        because: None,
        id,
    }
}

/// One deed that is offered, as a link.
#[derive(Debug, Clone, Serialize)]
pub struct OfferView {
    /// What it is called.
    pub title: &'static str,
    /// Where its page lies.
    pub path: String,
    /// Whether it takes something away.
    pub grave: bool,
}

/// The links to the pages of what `person` may do about a record, by what it is about.
///
/// # Errors
/// When the database fails.
pub fn offers(
    conn: &mut Conn,
    desk: &Desk,
    person: PersonId,
    record: &Record,
) -> Result<Vec<(Deed, Subject, OfferView)>> {
    let kind = desk.kinds.by_key(&record.kind)?.path;
    let all = offered(conn, desk, person, record)?.into_iter();
    let link = |(deed, subject): (Deed, Subject)| {
        let view = OfferView {
            title: deed.title(),
            path: address(kind, record, (deed, subject)),
            grave: deed.is_grave(),
        };
        (deed, subject, view)
    };
    Ok(all.map(link).collect())
}

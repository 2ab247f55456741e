//! Calendars as pages: the list, one version in words, and the form by which keepers of the policy
//! change it.

use super::{self as calendar, Calendar, Head, Span, Version, WEEKDAYS, sheet};
use crate::app::App;
use crate::db::{At, Conn, PersonId, Tx};
use crate::error::{Error, Result};
use crate::form::{Answers, FieldError, FieldView, SummaryLine, error_summary};
use crate::people;
use crate::review::Desk;
use crate::web::answer::{go_to, page, page_with};
use crate::web::badge::{Badge, badge};
use crate::web::session::Visitor;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use jiff::civil::Date;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Holidays that stand open on the page; the rest is in the document.
const HOLIDAYS: usize = 12;

type Pairs = web::Form<Vec<(String, String)>>;

#[derive(Serialize)]
struct ListPage {
    calendars: Vec<Line>,
    may_keep: bool,
}

#[derive(Serialize)]
struct Line {
    key: String,
    title: String,
    version: i32,
    hash: String,
    kept_at: At,
    kept_by: Option<String>,
    status: Badge,
}

fn lines(conn: &mut Conn, heads: Vec<Head>) -> Result<Vec<Line>> {
    let keepers: BTreeSet<PersonId> = heads.iter().filter_map(|head| head.kept_by).collect();
    let names = people::names(conn, &keepers)?;
    let mut seen = BTreeSet::new();
    let line = |head: Head| Line {
        status: match seen.insert(head.key.clone()) {
            true => badge("In force", "good"),
            false => badge("Replaced", ""),
        },
        kept_by: head.kept_by.and_then(|person| names.get(&person).cloned()),
        key: head.key,
        title: head.title,
        version: head.version,
        hash: head.hash,
        kept_at: head.kept_at,
    };
    Ok(heads.into_iter().map(line).collect())
}

/// `GET /calendars`: what is in force.
///
/// # Errors
/// When the database fails.
pub async fn list(app: web::Data<App>, visitor: Visitor) -> Result<HttpResponse> {
    let read = |conn: &mut Conn| {
        let mut heads = calendar::versions(conn)?;
        heads.dedup_by(|older, newer| older.key == newer.key);
        lines(conn, heads)
    };
    let calendars = app.db.read(read).await?;
    let may_keep = visitor.keeps_policy();
    let context = ListPage {
        calendars,
        may_keep,
    };
    page(&app, &visitor, "calendars", "calendars", &context)
}

#[derive(Serialize)]
struct VersionPage {
    calendar: Line,
    zone: String,
    now_there: String,
    week: Vec<DayView>,
    hours_a_week: String,
    holidays: Vec<HolidayView>,
    more_holidays: usize,
    stated_until: Option<Date>,
    stated_long_enough: bool,
    examples: Vec<Example>,
    versions: Vec<Line>,
    source: String,
    may_keep: bool,
}

#[derive(Serialize)]
struct DayView {
    name: &'static str,
    hours: String,
}

#[derive(Serialize)]
struct HolidayView {
    date: Date,
    weekday: String,
    name: String,
}

#[derive(Serialize)]
struct Example {
    span: String,
    end: String,
}

/// `GET /calendars/{key}`: the version in force.
///
/// # Errors
/// 404.
pub async fn current(
    app: web::Data<App>,
    visitor: Visitor,
    path: web::Path<String>,
) -> Result<HttpResponse> {
    show(&app, &visitor, path.into_inner(), None).await
}

/// `GET /calendars/{key}/{version}`: one version.
///
/// # Errors
/// 404.
pub async fn version(
    app: web::Data<App>,
    visitor: Visitor,
    path: web::Path<(String, i32)>,
) -> Result<HttpResponse> {
    let (key, number) = path.into_inner();
    show(&app, &visitor, key, Some(number)).await
}

async fn show(
    app: &App,
    visitor: &Visitor,
    key: String,
    number: Option<i32>,
) -> Result<HttpResponse> {
    let (desk, may_keep) = (app.desk.clone(), visitor.keeps_policy());
    let context = app
        .db
        .read(move |conn| VersionPage::read(conn, &desk, &key, number, may_keep))
        .await?;
    page(app, visitor, "calendars", "calendar", &context)
}

impl VersionPage {
    fn read(
        conn: &mut Conn,
        desk: &Desk,
        key: &str,
        number: Option<i32>,
        may_keep: bool,
    ) -> Result<VersionPage> {
        let heads = calendar::versions_of(conn, key)?;
        let wanted = |head: &&Head| number.is_none_or(|number| head.version == number);
        let asked = number.unwrap_or_default();
        let missing = || Error::not_found("calendar", format!("{key} version {asked}"));
        let number = heads.iter().find(wanted).ok_or_else(missing)?.version;
        let (_, text) = calendar::source(conn, key, number)?;
        let read = desk.calendars.version(conn, key, number)?;
        let mut versions = lines(conn, heads)?;
        let at = versions
            .iter()
            .position(|line| line.version == number)
            .unwrap_or(0);
        let line = versions.remove(at);
        Ok(in_words(
            &read.calendar,
            line,
            desk.clock.now(),
            versions,
            &text,
            may_keep,
        ))
    }
}

fn in_words(
    calendar: &Calendar,
    line: Line,
    now: At,
    versions: Vec<Line>,
    text: &str,
    may_keep: bool,
) -> VersionPage {
    let today = calendar.day(now);
    let ahead = calendar.holidays.range(today..);
    let view = |(date, name): (&Date, &String)| HolidayView {
        date: *date,
        weekday: date.strftime("%A").to_string(),
        name: name.clone(),
    };
    let document: Value = serde_json::from_str(text).unwrap_or_default();
    VersionPage {
        zone: calendar.zone.iana_name().unwrap_or("UTC").to_owned(),
        now_there: there(calendar, now),
        week: week(calendar),
        hours_a_week: hours_a_week(calendar),
        more_holidays: ahead.clone().count().saturating_sub(HOLIDAYS),
        holidays: ahead.take(HOLIDAYS).map(view).collect(),
        stated_until: calendar.stated_until,
        stated_long_enough: stated_long_enough(calendar, today),
        examples: examples(calendar, now),
        may_keep: may_keep && line.status.tone == "good",
        calendar: line,
        versions,
        source: serde_json::to_string_pretty(&document).unwrap_or_default(),
    }
}

/// What the calendar's wall clock shows: `Fri 27 Nov 2026, 16:30 CET`.
fn there(calendar: &Calendar, at: At) -> String {
    let shown = at.0.to_zoned(calendar.zone.clone());
    shown.strftime("%a %-d %b %Y, %H:%M %Z").to_string()
}

fn week(calendar: &Calendar) -> Vec<DayView> {
    let days = WEEKDAYS.into_iter().enumerate();
    let view = |(weekday, (_, name)): (usize, (&str, &'static str))| DayView {
        name,
        hours: sheet::in_words(calendar.week.hours(weekday)),
    };
    days.map(view).collect()
}

fn hours_a_week(calendar: &Calendar) -> String {
    let days = (0..WEEKDAYS.len()).flat_map(|weekday| calendar.week.hours(weekday));
    let minutes: u32 = days.map(|hours| u32::from(hours.to - hours.from)).sum();
    match (minutes / 60, minutes % 60) {
        (hours, 0) => format!("{hours} hours"),
        (0, minutes) => format!("{minutes} minutes"),
        (hours, minutes) => format!("{hours} hours and {minutes} minutes"),
    }
}

/// Whether all holidays of the coming year are stated.
fn stated_long_enough(calendar: &Calendar, today: Date) -> bool {
    let year = today.saturating_add(jiff::Span::new().years(1));
    calendar.stated_until.is_some_and(|until| until >= year)
}

fn examples(calendar: &Calendar, now: At) -> Vec<Example> {
    let spans = [
        Span::BusinessHours(4),
        Span::BusinessDays(3),
        Span::BusinessDays(10),
    ];
    let example = |span: Span| Example {
        span: span.words(),
        end: there(calendar, calendar.after(now, &span)),
    };
    spans.into_iter().map(example).collect()
}

#[derive(Serialize)]
struct FormPage {
    key: Option<String>,
    heading: String,
    action: String,
    seen: i32,
    sections: Vec<SectionView>,
    zones: Vec<String>,
    summary: Vec<SummaryLine>,
}

#[derive(Serialize)]
struct SectionView {
    key: String,
    title: String,
    description: Option<String>,
    fields: Vec<FieldView>,
}

/// A form to be drawn: of a calendar that is kept, or of a new one.
struct Draft {
    /// Key, title and version of the calendar that is changed.
    kept: Option<(String, String, i32)>,
    answers: Answers,
}

impl Draft {
    /// A new calendar begins with the hours of the built-in one in the zone of the pages.
    fn new(app: &App) -> Draft {
        let mut document = sheet::answers(&Calendar::built_in());
        if let Some(answers) = document.as_object_mut() {
            answers.retain(|name, _| name != "key" && name != "title");
            answers.insert("zone".to_owned(), json!(app.config.time_zone));
        }
        Draft::at(None, document)
    }

    fn of(kept: &Version) -> Draft {
        let calendar = &kept.calendar;
        let name = (calendar.key.clone(), calendar.title.clone(), kept.version);
        Draft::at(Some(name), sheet::answers(calendar))
    }

    fn at(kept: Option<(String, String, i32)>, document: Value) -> Draft {
        let (typed, errors) = (BTreeMap::new(), Vec::new());
        Draft {
            kept,
            answers: Answers {
                document,
                typed,
                errors,
            },
        }
    }

    fn page(&self) -> Result<FormPage> {
        let form = sheet::form()?;
        let Answers {
            document,
            typed,
            errors,
        } = &self.answers;
        let mut all = Vec::new();
        let section = |section: &crate::form::Section| {
            let fields = form.view(Some(&section.key), document, Some(typed), errors);
            let fields: Vec<FieldView> = fields.into_iter().filter_map(|f| self.field(f)).collect();
            all.extend(fields.iter().cloned());
            SectionView {
                key: section.key.clone(),
                title: section.title.clone(),
                description: section.description.clone(),
                fields,
            }
        };
        let sections = form.all_sections().iter().map(section).collect();
        let (key, title, seen) = self.kept.clone().unwrap_or_default();
        Ok(FormPage {
            heading: match &self.kept {
                Some(_) => format!("Change {title}"),
                None => "A new calendar".to_owned(),
            },
            action: match &self.kept {
                Some(_) => format!("/calendars/{key}"),
                None => "/calendars".to_owned(),
            },
            key: self.kept.is_some().then_some(key),
            seen,
            sections,
            zones: jiff::tz::db()
                .available()
                .map(|name| name.to_string())
                .collect(),
            summary: error_summary(&all, errors),
        })
    }

    /// A field as it is drawn here: the key of a calendar never changes.
    fn field(&self, mut field: FieldView) -> Option<FieldView> {
        if field.name == "key" && self.kept.is_some() {
            return None;
        }
        if field.name == "holidays" {
            field.rows = 16;
        }
        // No hours are an answer, too: the heading says so once for all days.
        field.required |= WEEKDAYS.iter().any(|(key, _)| field.name == *key);
        if field.name == "zone" {
            field.list = Some("zones");
            field.autocomplete = Some("off");
        }
        Some(field)
    }

    fn show(&self, app: &App, visitor: &Visitor, status: StatusCode) -> Result<HttpResponse> {
        page_with(
            app,
            visitor,
            "calendars",
            "calendar-form",
            &self.page()?,
            status,
        )
    }
}

/// `GET /calendars/new`
///
/// # Errors
/// 403 for others than keepers of the policy.
pub async fn start(app: web::Data<App>, visitor: Visitor) -> Result<HttpResponse> {
    visitor.must_keep_policy()?;
    Draft::new(&app).show(&app, &visitor, StatusCode::OK)
}

/// `GET /calendars/{key}/change`
///
/// # Errors
/// 403 for others than keepers of the policy, 404.
pub async fn edit(
    app: web::Data<App>,
    visitor: Visitor,
    path: web::Path<String>,
) -> Result<HttpResponse> {
    visitor.must_keep_policy()?;
    let kept = kept(&app, path.into_inner()).await?;
    Draft::of(&kept).show(&app, &visitor, StatusCode::OK)
}

async fn kept(app: &App, key: String) -> Result<Version> {
    let read = move |conn: &mut Conn| {
        let head = calendar::newest(conn, &key)?.ok_or_else(|| Error::not_found("calendar", &key));
        calendar::version(conn, &key, head?.version)
    };
    app.db.read(read).await
}

/// `POST /calendars`: a new calendar.
///
/// # Errors
/// 403 for others than keepers of the policy; what is wrong comes back as typed.
pub async fn create(app: web::Data<App>, visitor: Visitor, pairs: Pairs) -> Result<HttpResponse> {
    visitor.must_keep_policy()?;
    take(&app, &visitor, &pairs, Draft::new(&app), 0).await
}

/// `POST /calendars/{key}`: its next version.
///
/// # Errors
/// As [`create`], and 404; when somebody else changed it meanwhile, that is told with what was
/// typed.
pub async fn change(
    app: web::Data<App>,
    visitor: Visitor,
    path: web::Path<String>,
    pairs: Pairs,
) -> Result<HttpResponse> {
    visitor.must_keep_policy()?;
    let kept = kept(&app, path.into_inner()).await?;
    let seen = pairs.iter().find(|(name, _)| name == "_seen");
    let seen = seen.and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
    take(&app, &visitor, &pairs, Draft::of(&kept), seen).await
}

async fn take(
    app: &App,
    visitor: &Visitor,
    pairs: &[(String, String)],
    mut draft: Draft,
    seen: i32,
) -> Result<HttpResponse> {
    let form = sheet::form()?;
    draft.answers = form.read_complete(None, pairs, &draft.answers.document);
    if let (Some((key, ..)), Some(answers)) = (&draft.kept, draft.answers.document.as_object_mut())
    {
        answers.insert("key".to_owned(), json!(key));
    }
    let mut status = StatusCode::UNPROCESSABLE_ENTITY;
    if draft.answers.errors.is_empty() {
        match keep(app, visitor, &draft.answers.document, seen).await {
            Ok(key) => return Ok(go_to(app, &format!("/calendars/{key}"))),
            Err(Error::Invalid(errors)) => draft.answers.errors = errors,
            Err(Error::Stale { now, .. }) => {
                draft.answers.errors = vec![draft.overtaken(now)];
                status = StatusCode::CONFLICT;
            }
            Err(error) => return Err(error),
        }
    }
    draft.show(app, visitor, status)
}

impl Draft {
    fn overtaken(&self, now: i32) -> FieldError {
        let (field, message) = match &self.kept {
            Some(_) => (
                "",
                format!(
                    "Somebody else changed this calendar meanwhile: it is now version {now}. What \
                     you typed stands below; look at that version, and save again to put yours in \
                     its place."
                ),
            ),
            None => (
                "key",
                "Short name: there is such a calendar; change that one.".to_owned(),
            ),
        };
        FieldError::new(field, "stale", message)
    }
}

async fn keep(app: &App, visitor: &Visitor, answers: &Value, seen: i32) -> Result<String> {
    let document = sheet::document(answers)?;
    let key = answers
        .get("key")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let actor = visitor.actor()?;
    let author = actor.clone();
    let work = move |tx: &mut Tx, desk: &Desk| {
        calendar::revise(tx, desk.clock.now(), &author, seen, &document)
    };
    app.command("keep_calendar", key.clone(), &actor, work)
        .await?;
    Ok(key)
}

//! One form: the questions of a section, or all of them where a kind is written in one go.
use super::written;
use crate::app::App;
use crate::db::{Conn, PersonId, ReviewId, Tx};
use crate::error::{Error, Result};
use crate::form::{Answers, FieldError, FieldView, State, SummaryLine, error_summary};
use crate::people::{self, Secret};
use crate::register::page::{KindView, here, listed};
use crate::register::{self, AlikeLine, Kind, Record, Status};
use crate::review::{self, Desk};
use crate::web::answer::{go_to, page_with};
use crate::web::once::{Key, once};
use crate::web::session::Visitor;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The section that stands for all of them, for kinds that are written in one go.
const ALL: &str = "all";
const FIRST: &str = "about";

/// Business units beyond which a reader must not see, and who reads.
type Within = Option<(Vec<String>, PersonId)>;
type Pairs = Vec<(String, String)>;
type Path = web::Path<(String, String, String)>;

#[derive(Serialize)]
struct FormPage {
    kind: KindView,
    reference: Option<String>,
    heading: String,
    section: String,
    description: Option<String>,
    action: String,
    once: Option<String>,
    seen: i32,
    return_to: String,
    fields: Vec<FieldView>,
    people: Vec<PersonView>,
    more_people: bool,
    /// The vendor, where an address said it: it is asked later.
    vendor: Option<String>,
    reviewed: bool,
    may_wait: bool,
    reopens: bool,
    /// What saving would do to decisions of the review that runs, by the questions drawn here.
    falling: Vec<FallingView>,
    may_look: bool,
    /// Whether what is like the answers so far was asked, and what is.
    looked: bool,
    alike: Vec<AlikeLine>,
    summary: Vec<SummaryLine>,
}

/// Questions, and the stages that start anew when an answer is changed; none when all stand.
#[derive(Serialize)]
struct FallingView {
    questions: String,
    stages: String,
}

#[derive(Serialize)]
struct PersonView {
    email: String,
    name: String,
}

/// What is drawn: a section of a record, or of one that is not there yet.
struct Sheet<'a> {
    kind: &'a Kind,
    record: Option<&'a Record>,
    section: &'a str,
    document: &'a Value,
    typed: Option<&'a BTreeMap<String, Vec<String>>>,
    errors: &'a [FieldError],
    return_to: &'a str,
    look: bool,
    within: Within,
}

impl Sheet<'_> {
    fn draw(&self, conn: &mut Conn, desk: &Desk) -> Result<FormPage> {
        let form = &self.kind.form;
        let fields = form.view(wanted(self.section), self.document, self.typed, self.errors);
        let about = form
            .all_sections()
            .iter()
            .find(|section| section.key == self.section);
        if fields.is_empty() {
            return Err(Error::not_found("section", self.section));
        }
        let title = self.record.map(|record| record.title.clone());
        let heading = title.unwrap_or_else(|| format!("New {}", self.kind.singular));
        let base = format!("/{}", self.kind.path);
        let (people, more_people) = directory(conn)?;
        let status = self.record.map(Record::status).transpose()?;
        let reviewing = status == Some(Status::InReview);
        let asked_back = status == Some(Status::ChangesRequested);
        let running = self.record.and_then(|record| record.review_id);
        let falling = match running.filter(|_| reviewing || asked_back) {
            Some(review) => falling(conn, desk, review, &fields)?,
            None => Vec::new(),
        };
        Ok(FormPage {
            kind: KindView::of(self.kind),
            reference: self.record.map(|record| record.reference.clone()),
            section: about.map_or_else(|| heading.clone(), |about| about.title.clone()),
            description: about.and_then(|about| about.description.clone()),
            heading,
            action: match self.record {
                Some(record) => format!("{base}/{}/draft/{}", record.reference, self.section),
                None => base,
            },
            once: match self.record {
                Some(_) => None,
                None => Some(Secret::new()?.reveal().to_owned()),
            },
            seen: self.record.map_or(0, |record| record.revision),
            return_to: self.return_to.to_owned(),
            people,
            more_people,
            summary: error_summary(&fields, self.errors),
            fields,
            vendor: match self.record {
                Some(_) => None,
                None => self
                    .document
                    .get(LATER)
                    .and_then(Value::as_str)
                    .map(str::to_owned),
            },
            reviewed: self.kind.reviewed,
            may_wait: self.kind.reviewed && !reviewing,
            reopens: reviewing,
            falling,
            may_look: self.kind.reviewed && self.section == FIRST,
            looked: self.look,
            alike: self.alike(conn)?,
        })
    }

    fn alike(&self, conn: &mut Conn) -> Result<Vec<AlikeLine>> {
        if !self.look {
            return Ok(Vec::new());
        }
        let this = self.record.map(|record| record.id);
        register::lines(
            conn,
            self.kind.key,
            self.document,
            this,
            self.within.as_ref(),
        )
    }
}

fn falling(
    conn: &mut Conn,
    desk: &Desk,
    review: ReviewId,
    fields: &[FieldView],
) -> Result<Vec<FallingView>> {
    let names: Vec<String> = fields.iter().map(|field| field.name.clone()).collect();
    let label = |name: &String| {
        let field = fields.iter().find(|field| field.name == *name);
        field.map(|field| format!("“{}”", field.label))
    };
    let view = |found: review::Falling| FallingView {
        questions: listed(
            &found.fields.iter().filter_map(label).collect::<Vec<_>>(),
            "or",
        ),
        stages: match found.stages.is_empty() {
            true => String::new(),
            false => listed(&found.stages, "and"),
        },
    };
    let found = review::falling(conn, desk, review, &names)?;
    Ok(found.into_iter().map(view).collect())
}

fn wanted(section: &str) -> Option<&str> {
    Some(section).filter(|section| *section != ALL)
}

/// Whom a question for a person offers, and whether there are more.
fn directory(conn: &mut Conn) -> Result<(Vec<PersonView>, bool)> {
    let (people, more) = people::offered(conn)?;
    let view = |person: people::Person| PersonView {
        email: person.email,
        name: person.name,
    };
    Ok((people.into_iter().map(view).collect(), more))
}

fn first_section(kind: &Kind) -> &'static str {
    if kind.reviewed { FIRST } else { ALL }
}

/// `GET /{kind}/new`
///
/// # Errors
/// When the page cannot be made.
pub async fn start(
    app: web::Data<App>,
    visitor: Visitor,
    path: web::Path<String>,
    asked: web::Query<Pairs>,
) -> Result<HttpResponse> {
    let mut document = json!({ "owner": visitor.person()?.email });
    prefill(app.desk.kinds.by_path(&path)?, &asked, &mut document);
    let (desk, at) = (app.desk.clone(), path.clone());
    let context = app
        .db
        .read(move |conn| blank(conn, &desk, &at, &document, None, (false, None)))
        .await?;
    page_with(
        &app,
        &visitor,
        here(&app, &path),
        "record-form",
        &context,
        StatusCode::OK,
    )
}

/// Fields that an address may fill in, of those asked first.
const FILLED: [&str; 6] = [
    "title",
    "purpose",
    "tool",
    "sourcing",
    "data_classes",
    "uses",
];
/// A field that an address may fill in and that is asked later.
const LATER: &str = "vendor";

/// Takes over what an address says, as far as it is right: people see it and can change it.
fn prefill(kind: &Kind, asked: &Pairs, document: &mut Value) {
    let known = |(name, _): &&(String, String)| {
        kind.reviewed && (FILLED.contains(&name.as_str()) || name == LATER)
    };
    let pairs: Pairs = asked.iter().filter(known).cloned().collect();
    let read = kind.form.read(None, &pairs, document).document;
    let wrong = kind.form.check_draft(&read);
    let (Some(fields), Some(read)) = (document.as_object_mut(), read.as_object()) else {
        return;
    };
    for (name, _) in &pairs {
        let is_right = wrong.iter().all(|error| error.field != *name);
        if let Some(value) = read.get(name).filter(|_| is_right) {
            fields.insert(name.clone(), value.clone());
        }
    }
}

/// What a form carries along that is asked later.
fn carried(kind: &Kind, pairs: &Pairs) -> Value {
    let mut document = json!({});
    let later = pairs.iter().filter(|(name, _)| name == "_vendor");
    let later: Pairs = later
        .map(|(_, value)| (LATER.to_owned(), value.clone()))
        .collect();
    prefill(kind, &later, &mut document);
    document
}

fn blank(
    conn: &mut Conn,
    desk: &Desk,
    path: &str,
    document: &Value,
    answers: Option<&Answers>,
    (look, within): (bool, Within),
) -> Result<FormPage> {
    let kind = desk.kinds.by_path(path)?;
    let sheet = Sheet {
        kind,
        record: None,
        section: first_section(kind),
        document,
        typed: answers.map(|answers| &answers.typed),
        errors: answers
            .map(|answers| answers.errors.as_slice())
            .unwrap_or_default(),
        return_to: "",
        look,
        within,
    };
    sheet.draw(conn, desk)
}

/// `POST /{kind}`: a draft, or at once a record of a kind that is not reviewed.
///
/// # Errors
/// When the database fails; wrong answers come back as typed.
pub async fn create(
    app: web::Data<App>,
    visitor: Visitor,
    path: web::Path<String>,
    pairs: web::Form<Pairs>,
) -> Result<HttpResponse> {
    let kind = app.desk.kinds.by_path(&path)?;
    let page_says = Page::read(&pairs);
    let mut answers = page_says.answers(kind, first_section(kind), &pairs, &carried(kind, &pairs));
    if answers.errors.is_empty() && !page_says.look {
        let (actor, key) = (visitor.actor()?, kind.key);
        let (author, document) = (actor.clone(), answers.document.clone());
        let sent = Key::of_form(&visitor, &path, &pairs)?;
        let start = move |tx: &mut Tx, desk: &Desk| {
            let record = review::start(tx, desk, &author, key, document)?;
            Ok(json!({ "reference": record.reference, "status": record.status }))
        };
        match once(&app, "create", path.to_string(), &actor, sent, start).await {
            Err(Error::Invalid(errors)) => answers.errors = errors,
            made => {
                let made = Place::read(&made?);
                let next = page_says.onward(kind, &made, &answers.document, first_section(kind));
                return Ok(go_to(&app, &next));
            }
        }
    }
    let (desk, at) = (app.desk.clone(), path.clone());
    let within = visitor.register_query()?;
    let context = app
        .db
        .read(move |conn| {
            blank(
                conn,
                &desk,
                &at,
                &answers.document,
                Some(&answers),
                (page_says.look, within),
            )
        })
        .await?;
    let status = page_says.status();
    page_with(
        &app,
        &visitor,
        here(&app, &path),
        "record-form",
        &context,
        status,
    )
}

/// Where a change of a section came from.
#[derive(Debug, Default, Deserialize)]
pub struct From {
    #[serde(default, rename = "return")]
    back: String,
}

/// `GET /{kind}/{reference}/draft/{section}`
///
/// # Errors
/// 404.
pub async fn section(
    app: web::Data<App>,
    visitor: Visitor,
    path: Path,
    from: web::Query<From>,
) -> Result<HttpResponse> {
    let (at, reference, section) = path.into_inner();
    let (desk, path) = (app.desk.clone(), at.clone());
    let context = app
        .db
        .read(move |conn| {
            let (record, document) = written(conn, &desk, &path, &reference)?;
            let sheet = Sheet {
                kind: desk.kinds.by_path(&path)?,
                record: Some(&record),
                section: &section,
                document: &document,
                typed: None,
                errors: &[],
                return_to: &from.back,
                look: false,
                within: None,
            };
            sheet.draw(conn, &desk)
        })
        .await?;
    page_with(
        &app,
        &visitor,
        here(&app, &at),
        "record-form",
        &context,
        StatusCode::OK,
    )
}

/// `POST /{kind}/{reference}/draft/{section}`
///
/// # Errors
/// 403 for others than submitter and owner; wrong answers come back as typed, and so do answers
/// to a revision that is no longer the present one.
pub async fn change(
    app: web::Data<App>,
    visitor: Visitor,
    path: Path,
    pairs: web::Form<Pairs>,
) -> Result<HttpResponse> {
    let (at, reference, section) = path.into_inner();
    let (desk, key, wanted) = (app.desk.clone(), at.clone(), reference.clone());
    let (record, before) = app
        .db
        .read(move |conn| written(conn, &desk, &key, &wanted))
        .await?;
    let kind = app.desk.kinds.by_path(&at)?;
    let page_says = Page::read(&pairs);
    let mut answers = page_says.answers(kind, &section, &pairs, &before);
    let mut status = page_says.status();
    if answers.errors.is_empty() && !page_says.look {
        match save(&app, &visitor, &record, page_says.seen, &answers.document).await {
            Ok(saved) => {
                let saved = Place {
                    reference: saved.reference,
                    status: saved.status,
                };
                let next = page_says.onward(kind, &saved, &answers.document, &section);
                return Ok(go_to(&app, &next));
            }
            Err(Error::Invalid(errors)) => answers.errors = errors,
            Err(stale @ Error::Stale { .. }) => {
                answers.errors = vec![changed_meanwhile(&stale)];
                status = StatusCode::CONFLICT;
            }
            Err(error) => return Err(error),
        }
    }
    let (desk, within) = (app.desk.clone(), visitor.register_query()?);
    let context = app
        .db
        .read(move |conn| {
            let sheet = Sheet {
                kind: desk.kinds.by_key(&record.kind)?,
                record: Some(&record),
                section: &section,
                document: &answers.document,
                typed: Some(&answers.typed),
                errors: &answers.errors,
                return_to: &page_says.back,
                look: page_says.look,
                within,
            };
            sheet.draw(conn, &desk)
        })
        .await?;
    page_with(
        &app,
        &visitor,
        here(&app, &at),
        "record-form",
        &context,
        status,
    )
}

async fn save(
    app: &App,
    visitor: &Visitor,
    record: &Record,
    seen: i32,
    document: &Value,
) -> Result<Record> {
    let (actor, id, document) = (visitor.actor()?, record.id, document.clone());
    let author = actor.clone();
    app.command(
        "revise",
        record.reference.clone(),
        &actor,
        move |tx, desk| Ok(review::revise(tx, desk, &author, id, seen, &document)?.record),
    )
    .await
}

fn changed_meanwhile(stale: &Error) -> FieldError {
    let message = format!(
        "Somebody else saved a change ({stale}). What you typed stands below; save again to keep \
         it."
    );
    FieldError::new("", "stale", message)
}

/// The record a form was taken for, as far as the way onward depends on it.
struct Place {
    reference: String,
    status: String,
}

impl Place {
    fn read(made: &Value) -> Place {
        let text = |name: &str| made.get(name).and_then(Value::as_str).unwrap_or_default();
        Place {
            reference: text("reference").to_owned(),
            status: text("status").to_owned(),
        }
    }
}

/// What the page itself sends beside the answers.
#[derive(Debug, Default)]
struct Page {
    seen: i32,
    back: String,
    later: bool,
    /// Nothing is saved: what was typed comes back with what is like it.
    look: bool,
}

impl Page {
    fn read(pairs: &Pairs) -> Page {
        let value = |name: &str| {
            let pair = pairs.iter().rev().find(|(known, _)| known == name);
            pair.map(|(_, value)| value.as_str()).unwrap_or_default()
        };
        Page {
            seen: value("_seen").parse().unwrap_or(0),
            back: value("_return").to_owned(),
            later: value("_then") == "later",
            look: value("_then") == "look",
        }
    }

    fn status(&self) -> StatusCode {
        match self.look {
            true => StatusCode::OK,
            false => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }

    /// A draft is kept with gaps; whoever wants to continue is told of them.
    fn answers(&self, kind: &Kind, section: &str, pairs: &Pairs, before: &Value) -> Answers {
        if self.look {
            let read = kind.form.read(wanted(section), pairs, before);
            return Answers {
                errors: Vec::new(),
                ..read
            };
        }
        if self.later {
            kind.form.read(wanted(section), pairs, before)
        } else {
            kind.form.read_complete(wanted(section), pairs, before)
        }
    }

    /// The next page: the record, the sections, the last look, or the next section with gaps.
    fn onward(&self, kind: &Kind, at: &Place, document: &Value, section: &str) -> String {
        let base = format!("/{}/{}", kind.path, at.reference);
        if !kind.reviewed || at.status == Status::InReview.as_str() {
            return base;
        }
        let sections = kind.form.sections(document);
        let gap = sections
            .iter()
            .skip_while(|s| s.key != section)
            .chain(&sections)
            .find(|s| s.state != State::Complete);
        match gap {
            _ if self.later => format!("{base}/draft"),
            Some(gap) => format!("{base}/draft/{}", gap.key),
            None if self.back == "check" => format!("{base}/check"),
            None => format!("{base}/draft"),
        }
    }
}

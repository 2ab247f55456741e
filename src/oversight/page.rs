//! The human review of a use case on pages, and what one oversees.
use super::arrange::of_record;
use super::view::{self, OverseenView, SHOWN};
use super::{Given, Named, arrange, may_arrange, record, standing, store, withdraw};
use crate::app::App;
use crate::db::{Conn, PersonId, SampleId, Tx};
use crate::error::{Error, Result};
use crate::form::SummaryLine;
use crate::people::{self, Secret};
use crate::register;
use crate::review::Desk;
use crate::review::words::field;
use crate::web::answer::{complaints, go_to, page_with};
use crate::web::badge::Badge;
use crate::web::once::{Key, once};
use crate::web::session::Visitor;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeSet;

type Shared = web::Data<App>;
type Pairs = Vec<(String, String)>;

#[derive(Serialize)]
struct OversightPage {
    summary: Vec<SummaryLine>,
    reference: String,
    title: String,
    overseen: OverseenView,
    rows: Vec<Row>,
    older: usize,
    may_arrange: bool,
    may_record: bool,
    named: NamedTyped,
    given: Given,
    today: String,
    once: String,
}

/// A sample with whether its reader may take it back.
#[derive(Serialize)]
struct Row {
    sample: view::SampleView,
    withdraw: bool,
}

/// The form that names overseers, as it was typed.
#[derive(Default, Serialize)]
struct NamedTyped {
    overseers: String,
    intervene: String,
    stop: String,
    seen: String,
    open: bool,
}

#[derive(Serialize)]
struct OwnPage {
    cases: Vec<OwnCase>,
}

/// A use case that one oversees.
#[derive(Serialize)]
struct OwnCase {
    reference: String,
    title: String,
    status: Badge,
    why: String,
}

/// What comes back as it was typed.
#[derive(Default)]
struct Again {
    summary: Vec<SummaryLine>,
    named: Option<NamedTyped>,
    given: Given,
}

fn page_of(reference: &str) -> String {
    format!("/use-cases/{reference}/human-review")
}

/// `GET /human-review`: what one oversees.
///
/// # Errors
/// When the database fails.
pub async fn own(app: Shared, visitor: Visitor) -> Result<HttpResponse> {
    let (desk, person) = (app.desk.clone(), visitor.id()?);
    let read = move |conn: &mut Conn| {
        let mut cases = Vec::new();
        for id in store::overseen_by(conn, person)? {
            let (record, overseen) = of_record(conn, &desk, id)?;
            let document = register::revision(conn, record.id, record.revision)?.document()?;
            let at = (record.reference.as_str(), standing::lifecycle(&document));
            let standing = view::standing_of(conn, &overseen, at, desk.today())?;
            cases.push(OwnCase {
                status: standing.light.badge(),
                why: standing.why,
                reference: record.reference,
                title: record.title,
            });
        }
        Ok(OwnPage { cases })
    };
    let context = app.db.read(read).await?;
    page_with(
        &app,
        &visitor,
        "use-cases",
        "oversight-own",
        &context,
        StatusCode::OK,
    )
}

/// `GET /use-cases/{reference}/human-review`
///
/// # Errors
/// 404.
pub async fn show(app: Shared, visitor: Visitor, path: web::Path<String>) -> Result<HttpResponse> {
    let reference = path.into_inner();
    draw(&app, &visitor, reference, Again::default(), StatusCode::OK).await
}

async fn draw(
    app: &App,
    visitor: &Visitor,
    reference: String,
    again: Again,
    status: StatusCode,
) -> Result<HttpResponse> {
    let (desk, person) = (app.desk.clone(), visitor.id()?);
    let read = move |conn: &mut Conn| OversightPage::read(conn, &desk, person, &reference, again);
    let context = app.db.read(read).await?;
    page_with(app, visitor, "use-cases", "oversight", &context, status)
}

impl OversightPage {
    fn read(
        conn: &mut Conn,
        desk: &Desk,
        person: PersonId,
        reference: &str,
        again: Again,
    ) -> Result<OversightPage> {
        let found = register::by_reference(conn, super::USE_CASE, reference)?;
        let (record, overseen) = of_record(conn, desk, found.id)?;
        let document = register::revision(conn, record.id, record.revision)?.document()?;
        let at = (reference, standing::lifecycle(&document));
        let shown = view::of(conn, &overseen, at, desk.today())?;
        let keeps = people::roles_on(conn, desk.today(), person)?.contains(people::GOVERNANCE);
        let samples = overseen.samples.iter().zip(&shown.samples);
        let rows = samples.map(|(sample, view)| Row {
            sample: view.clone(),
            withdraw: sample.withdrawn_seq.is_none() && (keeps || sample.recorded_by == person),
        });
        let mut named = match again.named {
            Some(typed) => typed,
            None => typed_before(conn, &overseen, &shown)?,
        };
        let newest = overseen.arranged.as_ref().map(|arranged| arranged.seq);
        named.seen = newest.map_or_else(String::new, |seq| seq.to_string());
        Ok(OversightPage {
            summary: again.summary,
            rows: rows.collect(),
            older: shown.samples_in_all.saturating_sub(SHOWN),
            may_arrange: may_arrange(conn, desk, person, &record)?,
            may_record: overseen.here.contains(&person),
            reference: record.reference,
            title: record.title,
            overseen: shown,
            named,
            given: again.given,
            today: desk.today().to_string(),
            once: Secret::new()?.reveal().to_owned(),
        })
    }
}

/// The form as it would be sent to name the same people again.
fn typed_before(
    conn: &mut Conn,
    overseen: &store::Overseen,
    shown: &OverseenView,
) -> Result<NamedTyped> {
    let none = BTreeSet::new();
    let named = overseen.arranged.as_ref();
    let named = named.map_or(&none, |arranged| &arranged.overseers);
    let mut addresses = Vec::new();
    for person in named.intersection(&overseen.here) {
        addresses.push(people::known(conn, *person)?.email);
    }
    let before = shown.arranged.as_ref();
    let text = |text: Option<&String>| text.cloned().unwrap_or_default();
    Ok(NamedTyped {
        overseers: addresses.join("\n"),
        intervene: text(before.and_then(|before| before.intervene.as_ref())),
        stop: text(before.and_then(|before| before.stop.as_ref())),
        seen: String::new(),
        open: before.is_none(),
    })
}

/// `POST /use-cases/{reference}/human-review/overseers`
///
/// # Errors
/// 404; what is wrong comes back beside the form as typed.
pub async fn do_arrange(
    app: Shared,
    visitor: Visitor,
    path: web::Path<String>,
    pairs: web::Form<Pairs>,
) -> Result<HttpResponse> {
    let (actor, reference) = (visitor.actor()?, path.into_inner());
    let typed = NamedTyped {
        overseers: field(&pairs, "overseers"),
        intervene: field(&pairs, "intervene"),
        stop: field(&pairs, "stop"),
        seen: String::new(),
        open: true,
    };
    let named = Named {
        overseers: typed
            .overseers
            .split([',', ';', '\n', ' '])
            .map(|address| address.trim().to_owned())
            .filter(|address| !address.is_empty())
            .collect(),
        intervene: typed.intervene.clone(),
        stop: typed.stop.clone(),
        seen: field(&pairs, "seen").parse().ok(),
    };
    let to = page_of(&reference);
    let key = Key::of_form(&visitor, &format!("{to}/overseers"), &pairs)?;
    let (author, name) = (actor.clone(), reference.clone());
    let work = move |tx: &mut Tx, desk: &Desk| {
        let case = register::by_reference(tx, super::USE_CASE, &name)?;
        arrange(tx, desk, &author, case.id, &named)?;
        Ok(json!({}))
    };
    match once(&app, "name_overseers", reference.clone(), &actor, key, work).await {
        Ok(_) => Ok(go_to(&app, &to)),
        Err(error) => {
            let (summary, status) = complaints(error)?;
            let again = Again {
                summary,
                named: Some(typed),
                ..Again::default()
            };
            draw(&app, &visitor, reference, again, status).await
        }
    }
}

/// `POST /use-cases/{reference}/human-review/samples`
///
/// # Errors
/// 404; what is wrong comes back beside the form as typed.
pub async fn do_record(
    app: Shared,
    visitor: Visitor,
    path: web::Path<String>,
    pairs: web::Form<Pairs>,
) -> Result<HttpResponse> {
    let (actor, reference) = (visitor.actor()?, path.into_inner());
    let given = Given {
        looked_on: field(&pairs, "looked_on"),
        looked_at: field(&pairs, "looked_at"),
        overridden: field(&pairs, "overridden"),
        outputs: field(&pairs, "outputs"),
        reason: field(&pairs, "reason"),
    };
    let to = page_of(&reference);
    let key = Key::of_form(&visitor, &format!("{to}/samples"), &pairs)?;
    let (author, name, typed) = (actor.clone(), reference.clone(), given.clone());
    let work = move |tx: &mut Tx, desk: &Desk| {
        let case = register::by_reference(tx, super::USE_CASE, &name)?;
        record(tx, desk, &author, case.id, &given)?;
        Ok(json!({}))
    };
    match once(&app, "record_sample", reference.clone(), &actor, key, work).await {
        Ok(_) => Ok(go_to(&app, &to)),
        Err(error) => {
            let (summary, status) = complaints(error)?;
            let again = Again {
                summary,
                given: typed,
                ..Again::default()
            };
            draw(&app, &visitor, reference, again, status).await
        }
    }
}

/// `POST /oversight-samples/{sample}/withdrawal`
///
/// # Errors
/// 404; refusals come back beside the form.
pub async fn do_withdraw(
    app: Shared,
    visitor: Visitor,
    path: web::Path<String>,
    pairs: web::Form<Pairs>,
) -> Result<HttpResponse> {
    let id = path.into_inner();
    let missing = |_| Error::not_found("sample", &id);
    let sample: SampleId = id.parse().map_err(missing)?;
    let (actor, why) = (visitor.actor()?, field(&pairs, "reason"));
    let read = move |conn: &mut Conn| {
        let record = store::sample(conn, sample)?.record_id;
        Ok(register::by_id(conn, record)?.reference)
    };
    let reference = app.db.read(read).await?;
    let key = Key::of_form(&visitor, &format!("/oversight-samples/{id}"), &pairs)?;
    let author = actor.clone();
    let work = move |tx: &mut Tx, desk: &Desk| {
        withdraw(tx, desk, &author, sample, &why)?;
        Ok(json!({}))
    };
    match once(&app, "withdraw_sample", id, &actor, key, work).await {
        Ok(_) => Ok(go_to(&app, &page_of(&reference))),
        Err(error) => {
            let (summary, status) = complaints(error)?;
            let again = Again {
                summary,
                ..Again::default()
            };
            draw(&app, &visitor, reference, again, status).await
        }
    }
}

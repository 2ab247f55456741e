//! Changes at a vendor as pages: what depends on it, what is reported, and whether it counts.
use super::view::{self, ChangeLine, ChangeView, Dependants};
use super::{Area, Given, change, store};
use crate::app::App;
use crate::db::{Conn, VendorChangeId};
use crate::error::{Error, Result};
use crate::form::{FieldError, SummaryLine};
use crate::people;
use crate::register::{self, Record};
use crate::review::Desk;
use crate::review::words::{field, sentence};
use crate::web::answer::{go_to, page_with, status_of};
use crate::web::once::{Key, once};
use crate::web::session::Visitor;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Serialize;
use serde_json::{Map, Value, json};

type Pairs = Vec<(String, String)>;
/// Use cases of a change that its page lists.
const CASES: i64 = 200;

#[derive(Serialize)]
struct ChangesPage {
    summary: Vec<SummaryLine>,
    reference: String,
    title: String,
    exit_plan: Option<String>,
    dependants: Dependants,
    changes: Vec<ChangeLine>,
    may_report: bool,
    counts_at_once: bool,
    form: FormView,
    once: String,
}

/// The report as it was typed.
#[derive(Serialize)]
struct FormView {
    areas: Vec<ChoiceView>,
    trains: Vec<ChoiceView>,
    area_error: Option<String>,
    what: String,
    what_error: Option<String>,
    source: String,
    source_error: Option<String>,
    effective_on: String,
    effective_on_error: Option<String>,
    sets_error: Option<String>,
}

#[derive(Serialize)]
struct ChoiceView {
    value: &'static str,
    label: String,
    checked: bool,
}

impl FormView {
    fn of(pairs: &Pairs, errors: &[FieldError]) -> FormView {
        let error = |field: &str| {
            let mut errors = errors.iter();
            let found = errors.find(|error| error.field == field);
            found.map(|error| error.message.clone())
        };
        let area = field(pairs, "area");
        let areas = Area::ALL.into_iter().map(|one| ChoiceView {
            value: one.as_str(),
            label: crate::web::badge::sentence_case(one.words()),
            checked: one.as_str() == area,
        });
        let trains = field(pairs, "trains");
        let choices = [("", "As before"), ("yes", "Yes"), ("no", "No")];
        let trains = choices.map(|(value, label)| ChoiceView {
            value,
            label: label.to_owned(),
            checked: value == trains,
        });
        FormView {
            areas: areas.collect(),
            trains: trains.into(),
            area_error: error("area"),
            what: field(pairs, "what"),
            what_error: error("what"),
            source: field(pairs, "source"),
            source_error: error("source"),
            effective_on: field(pairs, "effective_on"),
            effective_on_error: error("effective_on"),
            sets_error: error("sets"),
        }
    }
}

/// The vendor of an address.
pub(super) fn vendor(conn: &mut Conn, reference: &str) -> Result<Record> {
    register::by_reference(conn, "vendor", reference)
}

/// `GET /vendors/{reference}/changes`: what depends on the vendor, what was reported, and the form
/// that reports.
///
/// # Errors
/// 404.
pub async fn list(
    app: web::Data<App>,
    visitor: Visitor,
    reference: web::Path<String>,
) -> Result<HttpResponse> {
    let at = reference.into_inner();
    show(&app, &visitor, at, &Pairs::new(), Vec::new()).await
}

async fn show(
    app: &App,
    visitor: &Visitor,
    reference: String,
    pairs: &Pairs,
    errors: Vec<FieldError>,
) -> Result<HttpResponse> {
    let (person, within) = (visitor.id()?, visitor.register_query()?);
    let auditor = visitor.holds(&[people::AUDITOR]);
    let form = FormView::of(pairs, &errors);
    let status = match errors.is_empty() {
        true => StatusCode::OK,
        false => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let lines = errors.into_iter().map(|error| SummaryLine {
        target: Some(format!("field-{}", error.field)),
        message: error.message,
    });
    let summary = lines.collect();
    let read = move |conn: &mut Conn| {
        let vendor = vendor(conn, &reference)?;
        let document = register::revision(conn, vendor.id, vendor.revision)?.document()?;
        let plan = document.get("exit_plan").and_then(Value::as_str);
        Ok(ChangesPage {
            summary,
            exit_plan: plan.map(str::to_owned),
            dependants: view::depending(conn, &vendor, &within, (0, view::LISTED))?,
            changes: view::change_lines(conn, &vendor)?,
            may_report: !auditor,
            counts_at_once: change::keeps_vendors(conn, person)?,
            form,
            once: VendorChangeId::new().to_string(),
            reference: vendor.reference,
            title: vendor.title,
        })
    };
    let context = app.db.read(read).await?;
    page_with(app, visitor, "vendors", "vendor-changes", &context, status)
}

/// `POST /vendors/{reference}/changes`: a change is reported.
///
/// # Errors
/// 403 for auditors, 404; wrong answers come back as typed.
pub async fn report(
    app: web::Data<App>,
    visitor: Visitor,
    reference: web::Path<String>,
    form: web::Form<Pairs>,
) -> Result<HttpResponse> {
    let (at, actor, pairs) = (reference.into_inner(), visitor.actor()?, form.into_inner());
    let given = given(&pairs);
    let path = format!("/vendors/{at}/changes");
    let sent = Key::of_form(&visitor, &path, &pairs)?;
    let (author, wanted) = (actor.clone(), at.clone());
    let work = move |tx: &mut crate::db::Tx, desk: &Desk| {
        let vendor = vendor(tx, &wanted)?;
        let change = change::report(tx, desk, &author, vendor.id, &given)?;
        Ok(json!({ "id": change.id }))
    };
    match once(&app, "report_vendor_change", at.clone(), &actor, sent, work).await {
        Ok(answer) => {
            let id = answer.get("id").and_then(Value::as_str).unwrap_or_default();
            Ok(go_to(&app, &format!("{path}/{id}")))
        }
        Err(Error::Invalid(errors)) => show(&app, &visitor, at, &pairs, errors).await,
        Err(error) => Err(error),
    }
}

fn given(pairs: &Pairs) -> Given {
    let mut sets = Map::new();
    match field(pairs, "trains").as_str() {
        "yes" => drop(sets.insert("trains_on_our_data".to_owned(), true.into())),
        "no" => drop(sets.insert("trains_on_our_data".to_owned(), false.into())),
        _ => {}
    }
    Given {
        area: field(pairs, "area"),
        what: field(pairs, "what"),
        source: field(pairs, "source"),
        effective_on: field(pairs, "effective_on"),
        sets,
    }
}

#[derive(Serialize)]
struct ChangePage {
    summary: Vec<SummaryLine>,
    change: ChangeView,
    reported: bool,
    open: bool,
    keeps: bool,
    dependants: Option<Dependants>,
    may_close: bool,
    reason: String,
    reason_error: Option<String>,
}

pub(super) fn parsed(id: &str) -> Result<VendorChangeId> {
    id.parse().map_err(|_| Error::not_found("change", id))
}

/// The change of an address, which must be one at the vendor of the address.
pub(super) fn found(
    conn: &mut Conn,
    reference: &str,
    id: VendorChangeId,
) -> Result<(Record, store::Change)> {
    let vendor = vendor(conn, reference)?;
    let change = store::change(conn, id)?;
    match change.vendor_id == vendor.id {
        true => Ok((vendor, change)),
        false => Err(Error::not_found("change", id)),
    }
}

/// `GET /vendors/{reference}/changes/{id}`
///
/// # Errors
/// 404.
pub async fn one(
    app: web::Data<App>,
    visitor: Visitor,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse> {
    let (reference, id) = path.into_inner();
    let at = (reference, parsed(&id)?);
    show_one(&app, &visitor, at, String::new(), None).await
}

async fn show_one(
    app: &App,
    visitor: &Visitor,
    (reference, id): (String, VendorChangeId),
    reason: String,
    wrong: Option<Error>,
) -> Result<HttpResponse> {
    let (person, within) = (visitor.id()?, visitor.register_query()?);
    let status = wrong.as_ref().map_or(StatusCode::OK, status_of);
    let reason_error = match &wrong {
        Some(Error::Invalid(errors)) => errors.first().map(|error| error.message.clone()),
        _ => None,
    };
    let target = reason_error.is_some().then(|| "field-reason".to_owned());
    let summary = wrong.map(|error| SummaryLine {
        target,
        message: reason_error
            .clone()
            .unwrap_or_else(|| sentence(&error.to_string())),
    });
    let desk = app.desk.clone();
    let read = move |conn: &mut Conn| {
        let (vendor, change) = found(conn, &reference, id)?;
        let form = &desk.kinds.by_key("vendor")?.form;
        let state = change.state()?;
        let reported = state == store::State::Reported;
        let asked = (&vendor, &change);
        let view = view::change_view(conn, form, asked, &within, (0, CASES))?;
        let runs = |case: &view::CaseView| {
            case.state == "open" || (case.state == "waiting" && case.trouble.is_none())
        };
        let open = state == store::State::Open;
        Ok(ChangePage {
            summary: summary.into_iter().collect(),
            may_close: open && view.more == 0 && !view.cases.iter().any(runs),
            change: view,
            reported,
            open,
            keeps: change::keeps_vendors(conn, person)?,
            dependants: match reported {
                true => Some(view::depending(conn, &vendor, &within, (0, view::LISTED))?),
                false => None,
            },
            reason,
            reason_error,
        })
    };
    let context = app.db.read(read).await?;
    page_with(app, visitor, "vendors", "vendor-change", &context, status)
}

/// `POST /vendors/{reference}/changes/{id}/{deed}`: a keeper confirms, dismisses or closes.
///
/// # Errors
/// 403 for others than keepers, 404; a refusal comes back with the page.
pub async fn deed(
    app: web::Data<App>,
    visitor: Visitor,
    path: web::Path<(String, String, String)>,
    form: web::Form<Pairs>,
) -> Result<HttpResponse> {
    let (reference, id, deed) = path.into_inner();
    let (id, actor, reason) = (parsed(&id)?, visitor.actor()?, field(&form, "reason"));
    let (author, wanted, said) = (actor.clone(), reference.clone(), reason.clone());
    let work = move |tx: &mut crate::db::Tx, desk: &Desk| {
        found(tx, &wanted, id)?;
        done(tx, desk, &author, id, (&deed, &said)).map(drop)
    };
    let subject = id.to_string();
    match app
        .command("decide_vendor_change", subject, &actor, work)
        .await
    {
        Ok(()) => Ok(go_to(&app, &format!("/vendors/{reference}/changes/{id}"))),
        Err(error @ (Error::Invalid(_) | Error::VendorChange(_))) => {
            show_one(&app, &visitor, (reference, id), reason, Some(error)).await
        }
        Err(error) => Err(error),
    }
}

/// What a keeper does about a change, by the last word of the address.
pub(super) fn done(
    tx: &mut crate::db::Tx,
    desk: &Desk,
    actor: &crate::ledger::Actor,
    id: VendorChangeId,
    (deed, reason): (&str, &str),
) -> Result<store::Change> {
    match deed {
        "confirmation" => change::confirm(tx, desk, actor, id, Some(reason)),
        "dismissal" => change::dismiss(tx, desk, actor, id, reason),
        "closing" => change::close(tx, desk, actor, id, reason),
        other => Err(Error::not_found("page", other)),
    }
}

//! The tests of a use case on pages: how they stand, one of them, and the way to pilot and live.
use super::api::most;
use super::view::{self, GateView, of_record};
use super::{
    Given, Line, Settling, Step, WAIVER_DAYS, ask, blocking, may_record, move_to, record, settle,
};
use crate::app::App;
use crate::db::{Conn, PersonId, Tx, WaiverId};
use crate::error::{Error, Result};
use crate::evidence::{Rules, form};
use crate::form::SummaryLine;
use crate::people::{self, Secret};
use crate::register::Record;
use crate::review::words::field;
use crate::review::{self, Desk};
use crate::web::answer::{complaints, go_to, page_with};
use crate::web::once::{Key, once};
use crate::web::session::Visitor;
use actix_multipart::Multipart;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Serialize;
use serde_json::json;

type Shared = web::Data<App>;
type Pairs = Vec<(String, String)>;
type At = web::Path<(String, String, String)>;

#[derive(Serialize)]
struct GatesPage {
    summary: Vec<SummaryLine>,
    reference: String,
    title: String,
    revision: i32,
    lifecycle: String,
    gates: Vec<GateView>,
    waiting: Vec<Waiting>,
    moves: Vec<MoveView>,
    once: String,
}

/// A waiver that somebody may settle.
#[derive(Serialize)]
struct Waiting {
    gate: String,
    waiver: view::WaiverView,
    grant: bool,
    withdraw: bool,
}

/// A step that the use case may take.
#[derive(Serialize)]
struct MoveView {
    to: &'static str,
    label: &'static str,
    open: Vec<String>,
}

#[derive(Serialize)]
struct GatePage {
    summary: Vec<SummaryLine>,
    reference: String,
    title: String,
    gate: GateView,
    may_record: bool,
    may_ask: bool,
    administers: bool,
    given: Given,
    reason: String,
    until: String,
    most: String,
    endings: &'static str,
    waiver_days: i64,
    once: String,
}

/// `GET /use-cases/{reference}/tests`
///
/// # Errors
/// 404.
pub async fn list(app: Shared, visitor: Visitor, path: web::Path<String>) -> Result<HttpResponse> {
    show(
        &app,
        &visitor,
        path.into_inner(),
        (Vec::new(), StatusCode::OK),
    )
    .await
}

async fn show(
    app: &App,
    visitor: &Visitor,
    reference: String,
    (summary, status): (Vec<SummaryLine>, StatusCode),
) -> Result<HttpResponse> {
    let (desk, person) = (app.desk.clone(), visitor.id()?);
    let read = move |conn: &mut Conn| GatesPage::read(conn, &desk, person, &reference, summary);
    let context = app.db.read(read).await?;
    page_with(app, visitor, "use-cases", "gates", &context, status)
}

impl GatesPage {
    fn read(
        conn: &mut Conn,
        desk: &Desk,
        person: PersonId,
        reference: &str,
        summary: Vec<SummaryLine>,
    ) -> Result<GatesPage> {
        let (record, lines, lifecycle) = of_record(conn, desk, reference)?;
        let gates = view::of_lines(conn, &lines)?;
        let roles = people::roles_on(conn, desk.today(), person)?;
        let may_move = review::may_edit(conn, person, &record)? && !record.is_under_review();
        let mut waiting = Vec::new();
        for (line, gate) in lines.iter().zip(&gates) {
            for (row, shown) in line.waivers.iter().zip(&gate.waivers) {
                let holds = roles
                    .iter()
                    .any(|role| line.needed.gate.waived_by.contains(role));
                let asked = row.state == "asked";
                let own = row.asked_by == person;
                if asked || row.state == "granted" && own {
                    waiting.push(Waiting {
                        gate: gate.title.clone(),
                        waiver: shown.clone(),
                        grant: asked && holds && !own,
                        withdraw: own,
                    });
                }
            }
        }
        Ok(GatesPage {
            summary,
            moves: match may_move {
                true => moves(&record, &lines, &lifecycle),
                false => Vec::new(),
            },
            reference: record.reference,
            title: record.title,
            revision: record.revision,
            lifecycle: match lifecycle.as_str() {
                "" => "not said".to_owned(),
                word => word.replace('_', " "),
            },
            gates,
            waiting,
            once: Secret::new()?.reveal().to_owned(),
        })
    }
}

fn moves(record: &Record, lines: &[Line], lifecycle: &str) -> Vec<MoveView> {
    let steps = [
        ("pilot", "Move to pilot"),
        ("live", "Move to live"),
        ("retired", "Move to retired"),
    ];
    let may_run = record.is_in_force() || record.status == "registered";
    let there = |to: &str| to != lifecycle && (to == "retired" || may_run);
    let view = |(to, label): (&'static str, &'static str)| {
        let closed = Step::of(to).map_or_else(Vec::new, |step| blocking(lines, step));
        let open = closed.iter().map(|line| line.needed.gate.title.clone());
        let open = open.collect();
        MoveView { to, label, open }
    };
    steps
        .into_iter()
        .filter(|(to, _)| there(to))
        .map(view)
        .collect()
}

/// `POST /use-cases/{reference}/lifecycle`
///
/// # Errors
/// 404; refusals come back beside the form.
pub async fn do_move(
    app: Shared,
    visitor: Visitor,
    path: web::Path<String>,
    pairs: web::Form<Pairs>,
) -> Result<HttpResponse> {
    let (actor, reference) = (visitor.actor()?, path.into_inner());
    let seen = field(&pairs, "revision").parse().unwrap_or_default();
    let (to, name, author) = (field(&pairs, "to"), reference.clone(), actor.clone());
    let key = Key::of_form(
        &visitor,
        &format!("/use-cases/{reference}/lifecycle"),
        &pairs,
    )?;
    let work = move |tx: &mut Tx, desk: &Desk| {
        let (record, ..) = of_record(tx, desk, &name)?;
        move_to(tx, desk, &author, record.id, seen, &to)?;
        Ok(json!({}))
    };
    match once(&app, "move_use_case", reference.clone(), &actor, key, work).await {
        Ok(_) => Ok(go_to(&app, &format!("/use-cases/{reference}/tests"))),
        Err(error) => show(&app, &visitor, reference, complaints(error)?).await,
    }
}

/// `POST /test-waivers/{waiver}/{verb}`
///
/// # Errors
/// 404; refusals come back beside the form.
pub async fn do_settle(
    app: Shared,
    visitor: Visitor,
    path: web::Path<(String, String)>,
    pairs: web::Form<Pairs>,
) -> Result<HttpResponse> {
    let (id, verb) = path.into_inner();
    let missing = || Error::not_found("waiver", &id);
    let waiver: WaiverId = id.parse().map_err(|_| missing())?;
    let settling = Settling::named(&verb).ok_or_else(missing)?;
    let (actor, why) = (visitor.actor()?, field(&pairs, "reason"));
    let read = move |conn: &mut Conn| {
        let record = super::waiver(conn, waiver)?.record_id;
        Ok(crate::register::by_id(conn, record)?.reference)
    };
    let reference = app.db.read(read).await?;
    let key = Key::of_form(&visitor, &format!("/test-waivers/{id}/{verb}"), &pairs)?;
    let author = actor.clone();
    let work = move |tx: &mut Tx, desk: &Desk| {
        settle(tx, desk, &author, waiver, settling, &why)?;
        Ok(json!({}))
    };
    match once(&app, "settle_waiver", id, &actor, key, work).await {
        Ok(_) => Ok(go_to(&app, &format!("/use-cases/{reference}/tests"))),
        Err(error) => show(&app, &visitor, reference, complaints(error)?).await,
    }
}

/// What comes back as it was typed.
#[derive(Default)]
struct Again {
    summary: Vec<SummaryLine>,
    given: Given,
    reason: String,
    until: String,
}

/// `GET /use-cases/{reference}/tests/{plan}/{gate}`
///
/// # Errors
/// 404.
pub async fn gate(app: Shared, visitor: Visitor, path: At) -> Result<HttpResponse> {
    draw(
        &app,
        &visitor,
        path.into_inner(),
        Again::default(),
        StatusCode::OK,
    )
    .await
}

async fn draw(
    app: &App,
    visitor: &Visitor,
    (reference, plan, gate): (String, String, String),
    again: Again,
    status: StatusCode,
) -> Result<HttpResponse> {
    let (desk, person) = (app.desk.clone(), visitor.id()?);
    let (most, endings) = most(app);
    let administers = visitor.holds(&[people::ADMINISTRATOR]);
    let read = move |conn: &mut Conn| {
        let (record, lines, _) = of_record(conn, &desk, &reference)?;
        let at = |line: &&Line| line.needed.plan == plan && line.needed.gate.key == gate;
        let line = lines.iter().find(at);
        let line = line.ok_or_else(|| Error::not_found("test that it needs called", &gate))?;
        let shown = view::of_lines(conn, std::slice::from_ref(line))?;
        let shown = shown.into_iter().next().ok_or(Error::Interrupted)?;
        let waits = line.waivers.iter().any(|waiver| waiver.state == "asked");
        let waived = line.judged.state == super::State::Waived || waits;
        let waivable = !line.needed.gate.waived_by.is_empty() && !waived;
        Ok(GatePage {
            summary: again.summary,
            may_record: may_record(conn, &desk, person, &record, &line.needed.gate)?,
            may_ask: waivable && review::may_edit(conn, person, &record)?,
            administers,
            reference: record.reference,
            title: record.title,
            gate: shown,
            given: again.given,
            reason: again.reason,
            until: again.until,
            most,
            endings,
            waiver_days: WAIVER_DAYS,
            once: Secret::new()?.reveal().to_owned(),
        })
    };
    let context = app.db.read(read).await?;
    page_with(app, visitor, "use-cases", "gate", &context, status)
}

/// `POST /use-cases/{reference}/tests/{plan}/{gate}/results`: a form with files.
///
/// # Errors
/// 404; what is wrong comes back beside the form as typed, but for files.
pub async fn do_record(
    app: Shared,
    visitor: Visitor,
    path: At,
    body: Multipart,
) -> Result<HttpResponse> {
    let (actor, at) = (visitor.actor()?, path.into_inner());
    let form = form::read(&Rules::of(&app.config), body).await?;
    let text = |name: &str| form.text(name).to_owned();
    let given = Given {
        value: text("value"),
        dataset: text("dataset"),
        performed_on: text("performed_on"),
        performed_by: text("performed_by"),
        valid_until: text("valid_until"),
        notes: text("notes"),
    };
    let mut pairs = form.fields.clone();
    pairs.extend(
        form.files
            .iter()
            .map(|file| ("file".to_owned(), file.digest.clone())),
    );
    let (reference, plan, gate) = at.clone();
    let to = format!("/use-cases/{reference}/tests/{plan}/{gate}");
    let key = Key::of_form(&visitor, &to, &pairs)?;
    let (author, typed, subject) = (actor.clone(), given.clone(), reference.clone());
    let done = match form.wrong.is_empty() {
        false => Err(Error::Invalid(form.wrong)),
        true => {
            let work = move |tx: &mut Tx, desk: &Desk| {
                let (case, ..) = of_record(tx, desk, &reference)?;
                let at = (plan.as_str(), gate.as_str());
                record(tx, desk, &author, case.id, at, &given, &form.files)?;
                Ok(json!({}))
            };
            once(&app, "record_test", subject, &actor, key, work).await
        }
    };
    match done {
        Ok(_) => Ok(go_to(&app, &to)),
        Err(error) => {
            let (summary, status) = complaints(error)?;
            let again = Again {
                summary,
                given: typed,
                ..Again::default()
            };
            draw(&app, &visitor, at, again, status).await
        }
    }
}

/// `POST /use-cases/{reference}/tests/{plan}/{gate}/waivers`
///
/// # Errors
/// 404; refusals come back beside the form.
pub async fn do_ask(
    app: Shared,
    visitor: Visitor,
    path: At,
    pairs: web::Form<Pairs>,
) -> Result<HttpResponse> {
    let (actor, at) = (visitor.actor()?, path.into_inner());
    let (reason, until) = (field(&pairs, "reason"), field(&pairs, "until"));
    let (reference, plan, gate) = at.clone();
    let to = format!("/use-cases/{reference}/tests/{plan}/{gate}");
    let key = Key::of_form(&visitor, &format!("{to}/waivers"), &pairs)?;
    let (author, subject) = (actor.clone(), reference.clone());
    let (why, day) = (reason.clone(), until.clone());
    let work = move |tx: &mut Tx, desk: &Desk| {
        let (case, ..) = of_record(tx, desk, &reference)?;
        ask(tx, desk, &author, case.id, (&plan, &gate), (&why, &day))?;
        Ok(json!({}))
    };
    match once(&app, "ask_waiver", subject, &actor, key, work).await {
        Ok(_) => Ok(go_to(&app, &to)),
        Err(error) => {
            let (summary, status) = complaints(error)?;
            let again = Again {
                summary,
                reason,
                until,
                ..Again::default()
            };
            draw(&app, &visitor, at, again, status).await
        }
    }
}

//! Handing a task on: by its person, from a sign-off link or signed in, and by an administrator.
use super::{Posted, Shown, Way, look, task_id};
use crate::app::App;
use crate::db::{At, Conn, PersonId, TaskId, Tx};
use crate::error::{Error, Result};
use crate::form::SummaryLine;
use crate::ledger::Actor;
use crate::ledger::entry::{Method, Via};
use crate::people::{self, Secret};
use crate::review::approvals::{self, HandoverGiven};
use crate::review::case::Case;
use crate::review::engine::{self, Fitting, Refusal};
use crate::review::service::{self, Desk};
use crate::review::sheet::{Named, name_of};
use crate::review::{nonce, store, words};
use crate::web::answer::{go_to, page_with};
use crate::web::session::Visitor;
use crate::workflow::Delegation;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Serialize;

/// Whether the person may hand their task on in this way.
pub(super) fn offered(case: &Case, way: &Way) -> Result<bool> {
    if way.secret().is_some() && !case.link_decides()? {
        return Ok(false);
    }
    let run = case.review.stage(&case.task.stage);
    let deputises = run.is_some_and(|run| run.on_behalf.contains_key(&case.task.person_id));
    Ok(case.stage()?.delegation != Delegation::None && !deputises)
}

/// The page on which a task goes to somebody else.
#[derive(Serialize)]
struct HandoverPage {
    record: Named,
    stage: String,
    /// Whose task it is.
    person: String,
    /// Whether an administrator looks, and not the person.
    reassigns: bool,
    /// Where the form goes, and where the task stands, below the base path.
    action: String,
    back: String,
    seen: String,
    nonce: Option<String>,
    /// Those among whom to choose; nobody where an address is asked for.
    choices: Vec<ChoiceView>,
    by_address: bool,
    /// Why nobody can take it, when that is so.
    nobody: Option<&'static str>,
    /// Whom the question for an address offers.
    people: Vec<Offer>,
    more_people: bool,
    to: String,
    to_error: Option<String>,
    reason: Vec<String>,
    reason_error: Option<String>,
    summary: Vec<SummaryLine>,
}

#[derive(Serialize)]
struct ChoiceView {
    id: String,
    value: PersonId,
    label: String,
    checked: bool,
}

#[derive(Serialize)]
struct Offer {
    email: String,
    name: String,
}

/// What was typed, and what is wrong with it.
#[derive(Debug, Clone, Default)]
struct Typed {
    to: String,
    reason: String,
    seen: String,
    nonce: String,
    wrong: Vec<(Place, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    To,
    Reason,
    Page,
}

impl Typed {
    fn read(pairs: &[(String, String)]) -> Typed {
        let mut typed = Typed::default();
        for (name, value) in pairs {
            match name.as_str() {
                "to" => typed.to = words::typed(value).trim().to_owned(),
                "reason" => typed.reason = words::typed(value),
                "_seen" => typed.seen.clone_from(value),
                "_nonce" => typed.nonce.clone_from(value),
                _ => {}
            }
        }
        if typed.to.is_empty() {
            typed.complain(Place::To, "Choose who shall decide");
        }
        if typed.reason.trim().is_empty() {
            typed.complain(Place::Reason, "Say why, for whoever decides now");
        }
        typed
    }

    fn complain(&mut self, place: Place, message: impl Into<String>) {
        self.wrong.push((place, message.into()));
    }

    fn refused(&mut self, refusal: &Refusal) {
        let place = match refusal {
            Refusal::DelegateUnfit(_) => Place::To,
            Refusal::ReasonMissing | Refusal::TooLong(..) => Place::Reason,
            _ => Place::Page,
        };
        self.complain(place, words::sentence(&refusal.to_string()));
    }

    fn error_at(&self, place: Place) -> Option<String> {
        let found = self.wrong.iter().find(|(at, _)| *at == place);
        found.map(|(_, message)| message.clone())
    }

    fn summary(&self, by_address: bool) -> Vec<SummaryLine> {
        let target = |place: Place| match place {
            Place::To if by_address => Some("to".to_owned()),
            Place::To => Some("choices".to_owned()),
            Place::Reason => Some("reason".to_owned()),
            Place::Page => None,
        };
        let line = |(place, message): &(Place, String)| SummaryLine {
            target: target(*place),
            message: message.clone(),
        };
        self.wrong.iter().map(line).collect()
    }
}

/// Who asks, and from where.
#[derive(Clone)]
enum Door {
    /// The person, by their link or signed in.
    Own(Way),
    /// An administrator.
    Administrator(TaskId),
}

impl Door {
    fn action(&self) -> String {
        match self {
            Door::Own(way) => format!("{}/delegation", way.home()),
            Door::Administrator(task) => format!("/tasks/{task}/holder"),
        }
    }

    fn secret(&self) -> Option<&Secret> {
        match self {
            Door::Own(way) => way.secret(),
            Door::Administrator(_) => None,
        }
    }
}

impl HandoverPage {
    fn draw(
        conn: &mut Conn,
        desk: &Desk,
        door: &Door,
        case: &Case,
        typed: &Typed,
    ) -> Result<HandoverPage> {
        let reassigns = matches!(door, Door::Administrator(_));
        let fitting = fitting(conn, desk, case, reassigns)?;
        let choices = choices(conn, &fitting, typed)?;
        let by_address = fitting == Fitting::Anybody;
        // The names of the directory are for those who are signed in.
        let known = by_address && door.secret().is_none();
        let (people, more_people) = match known {
            true => people::offered(conn)?,
            false => (Vec::new(), false),
        };
        let path = &desk.kinds.by_key(&case.record.kind)?.path;
        let stage = case.stage()?;
        Ok(HandoverPage {
            record: Named::of(case),
            stage: stage.title.clone(),
            person: name_of(conn, case.task.person_id)?,
            reassigns,
            action: door.action(),
            back: match door {
                Door::Own(way) => way.home(),
                Door::Administrator(_) => format!("/{path}/{}", case.record.reference),
            },
            seen: case.review.digest.clone(),
            nonce: door
                .secret()
                .map(|secret| nonce::make(secret, desk.clock.now())),
            nobody: nobody(case, &fitting)?,
            by_address,
            choices,
            people: people.into_iter().map(offer).collect(),
            more_people,
            to: if by_address {
                typed.to.clone()
            } else {
                String::new()
            },
            to_error: typed.error_at(Place::To),
            reason: typed.reason.split('\n').map(str::to_owned).collect(),
            reason_error: typed.error_at(Place::Reason),
            summary: typed.summary(by_address),
        })
    }
}

fn offer(person: people::Person) -> Offer {
    Offer {
        email: person.email,
        name: person.name,
    }
}

fn choices(conn: &mut Conn, fitting: &Fitting, typed: &Typed) -> Result<Vec<ChoiceView>> {
    let Fitting::These(people) = fitting else {
        return Ok(Vec::new());
    };
    let mut named: Vec<(String, PersonId)> = people::names(conn, people)?
        .into_iter()
        .map(|(id, name)| (name, id))
        .collect();
    named.sort();
    let choice = |(label, id): (String, PersonId)| ChoiceView {
        id: format!("to-{id}"),
        checked: typed.to == id.to_string(),
        value: id,
        label,
    };
    Ok(named.into_iter().map(choice).collect())
}

fn nobody(case: &Case, fitting: &Fitting) -> Result<Option<&'static str>> {
    Ok(match fitting {
        Fitting::Nobody if case.stage()?.delegation == Delegation::None => Some(
            "The workflow keeps this question with the people it names. Step aside instead if \
             you cannot decide.",
        ),
        Fitting::Nobody => Some(
            "You decide in the place of somebody, and a task is handed on only once. Step aside \
             instead if you cannot decide.",
        ),
        Fitting::These(people) if people.is_empty() => Some(
            "The workflow lets only people take this whom the stage names, and none of them is \
             free. Step aside instead if you cannot decide.",
        ),
        _ => None,
    })
}

/// Who could take the task. An administrator may choose anybody; the rules judge afterwards.
fn fitting(conn: &mut Conn, desk: &Desk, case: &Case, reassigns: bool) -> Result<Fitting> {
    if reassigns {
        return Ok(Fitting::Anybody);
    }
    let (review, loading) = service::load(conn, desk, case.review.id, &case.record)?;
    let ctx = loading.context();
    let (stage, person) = (&case.task.stage, case.task.person_id);
    Ok(engine::fitting(&ctx, &review, stage, person))
}

/// A choice among people comes as an identifier, anything else as an address.
fn address_of(conn: &mut Conn, to: &str) -> Result<String> {
    let person = match to.parse::<PersonId>() {
        Ok(id) => people::by_id(conn, id)?,
        Err(_) => None,
    };
    Ok(person.map_or_else(|| to.to_owned(), |person| person.email))
}

async fn show(
    app: &App,
    visitor: &Visitor,
    door: Door,
    case: Box<Case>,
    typed: Typed,
    status: StatusCode,
) -> Result<HttpResponse> {
    let desk = app.desk.clone();
    let draw = move |conn: &mut Conn| HandoverPage::draw(conn, &desk, &door, &case, &typed);
    let context = app.db.read(draw).await?;
    page_with(app, visitor, "", "handover", &context, status)
}

/// The task's own page where it is no longer open, else the form for handing it on.
async fn form(app: &App, visitor: &Visitor, way: Way) -> Result<HttpResponse> {
    match look(app, &way, visitor).await? {
        // The task's page leads to the sign-in.
        Shown::Open(case, _) if way.secret().is_none() || case.link_decides()? => {
            let door = Door::Own(way);
            show(app, visitor, door, case, Typed::default(), StatusCode::OK).await
        }
        _ => Ok(go_to(app, &way.home())),
    }
}

/// `GET /s/{token}/delegation`: the form that hands a task on. Nothing is changed.
///
/// # Errors
/// When the database fails.
pub async fn hand_on_by_link(
    app: web::Data<App>,
    token: web::Path<String>,
) -> Result<HttpResponse> {
    let way = Way::Link(Secret::presented(&token));
    form(&app, &Visitor::default(), way).await
}

/// `GET /tasks/{id}/delegation`
///
/// # Errors
/// 404 for a task of somebody else.
pub async fn hand_on_signed_in(
    app: web::Data<App>,
    visitor: Visitor,
    id: web::Path<String>,
) -> Result<HttpResponse> {
    form(&app, &visitor, Way::Session(task_id(&id)?)).await
}

/// `POST /s/{token}/delegation`: whom the link was sent to hands their task on. The link is used up
/// by that, and its page then says who decides.
///
/// # Errors
/// When the database fails.
pub async fn delegate_by_link(
    app: web::Data<App>,
    token: web::Path<String>,
    posted: Posted,
) -> Result<HttpResponse> {
    let way = Way::Link(Secret::presented(&token));
    delegate(&app, &Visitor::default(), way, &posted).await
}

/// `POST /tasks/{id}/delegation`
///
/// # Errors
/// 404 for a task of somebody else.
pub async fn delegate_signed_in(
    app: web::Data<App>,
    visitor: Visitor,
    id: web::Path<String>,
    posted: Posted,
) -> Result<HttpResponse> {
    delegate(&app, &visitor, Way::Session(task_id(&id)?), &posted).await
}

async fn delegate(
    app: &App,
    visitor: &Visitor,
    way: Way,
    pairs: &[(String, String)],
) -> Result<HttpResponse> {
    let Shown::Open(case, _) = look(app, &way, visitor).await? else {
        return Ok(go_to(app, &way.home()));
    };
    let mut typed = Typed::read(pairs);
    let now: At = app.desk.clock.now();
    if let Some(secret) = way.secret()
        && let Err(unproven) = nonce::check(secret, now, &typed.nonce)
    {
        typed.complain(Place::Page, unproven.sentence());
    }
    let actor = match &way {
        Way::Link(_) => Actor::person(case.task.person_id, Via::new(Method::EmailLink, "link")),
        Way::Session(_) => visitor.actor()?,
    };
    let home = way.home();
    hand_over(app, visitor, Door::Own(way), case, typed, (actor, home)).await
}

/// Runs the command, and goes `home`; what can be mended comes back as typed.
async fn hand_over(
    app: &App,
    visitor: &Visitor,
    door: Door,
    case: Box<Case>,
    mut typed: Typed,
    (actor, home): (Actor, String),
) -> Result<HttpResponse> {
    let mut status = StatusCode::UNPROCESSABLE_ENTITY;
    if typed.wrong.is_empty() {
        let (given, by) = (typed.clone(), actor.clone());
        let (task, link) = (case.task.id, door.secret().map(Secret::hash));
        let reassigns = matches!(door, Door::Administrator(_));
        let work = move |tx: &mut Tx, desk: &Desk| {
            still_shown(tx, task, &given.seen)?;
            let given = HandoverGiven {
                task,
                to: address_of(tx, &given.to)?,
                reason: given.reason,
                link,
            };
            match reassigns {
                true => approvals::reassign(tx, desk, &by, &given),
                false => approvals::delegate(tx, desk, &by, &given),
            }
        };
        let name = if reassigns { "reassign" } else { "delegate" };
        match app.command(name, task.to_string(), &actor, work).await {
            Ok(_) => return Ok(go_to(app, &home)),
            Err(Error::Refused(refusal)) => {
                status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::CONFLICT);
                typed.refused(&refusal);
            }
            Err(error) => return Err(error),
        }
    }
    show(app, visitor, door, case, typed, status).await
}

/// Who hands a task on has seen what it asks for, as who decides has.
fn still_shown(conn: &mut Conn, task: TaskId, seen: &str) -> Result<()> {
    let review = store::task(conn, task)?.review_id;
    match store::review(conn, review)?.digest == seen {
        true => Ok(()),
        false => Err(Refusal::Superseded.into()),
    }
}

async fn case_of(app: &App, task: TaskId) -> Result<Box<Case>> {
    let desk = app.desk.clone();
    let load = move |conn: &mut Conn| {
        let task = store::task(conn, task)?;
        Ok(Box::new(Case::load(conn, &desk, task)?))
    };
    app.db.read(load).await
}

/// `GET /tasks/{id}/holder`: the form by which an administrator gives a task to somebody else.
///
/// # Errors
/// 404.
pub async fn holder(
    app: web::Data<App>,
    visitor: Visitor,
    id: web::Path<String>,
) -> Result<HttpResponse> {
    let task = task_id(&id)?;
    let case = case_of(&app, task).await?;
    let (door, typed) = (Door::Administrator(task), Typed::default());
    show(&app, &visitor, door, case, typed, StatusCode::OK).await
}

/// `POST /tasks/{id}/holder`
///
/// # Errors
/// 403 for others than administrators, 404.
pub async fn give(
    app: web::Data<App>,
    visitor: Visitor,
    id: web::Path<String>,
    posted: Posted,
) -> Result<HttpResponse> {
    let task = task_id(&id)?;
    let case = case_of(&app, task).await?;
    let kind = app.desk.kinds.by_key(&case.record.kind)?;
    let home = format!("/{}/{}", kind.path, case.record.reference);
    let (door, typed) = (Door::Administrator(task), Typed::read(&posted));
    let actor = visitor.actor()?;
    hand_over(&app, &visitor, door, case, typed, (actor, home)).await
}

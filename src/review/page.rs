//! Sign-off pages, which need no account, and the same tasks for those who are signed in.
//!
//! GET and HEAD only show. What a link leads to is one of `Shown`, each with its own page.
mod away;
mod handover;
mod inbox;

pub use away::{away_by_link, note_away_by_link};
pub use handover::{
    delegate_by_link, delegate_signed_in, give, hand_on_by_link, hand_on_signed_in, holder,
};
pub use inbox::{check, check_by_link, decide_many, decide_many_by_link, inbox_by_link, tasks};

use crate::app::App;
use crate::db::{At, Conn, TaskId, Tx};
use crate::error::{Error, Result};
use crate::form::SummaryLine;
use crate::ledger::Actor;
use crate::ledger::entry::{Method, Via};
use crate::ledger::seal;
use crate::notify::outbox::{self, Message};
use crate::people::Secret;
use crate::review::ballot::{Ballot, BallotView, Place};
use crate::review::case::Case;
use crate::review::engine::{Moved, Progress, Refusal};
use crate::review::receipt::{Receipt, receipt};
use crate::review::service::{self, Desk};
use crate::review::sheet::{Mark, Named, Sheet, marks, sheet};
use crate::review::{LinkState, links, moves, nonce, store};
use crate::web::answer::{go_to, page, page_with};
use crate::web::session::Visitor;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Serialize;

/// A link that no longer works can be renewed once in so many seconds.
const RENEWAL_SECONDS: i64 = 600;

/// What a posted form holds.
pub type Posted = web::Form<Vec<(String, String)>>;

/// How somebody came to a task.
#[derive(Clone)]
enum Way {
    /// By the link in a mail.
    Link(Secret),
    /// Signed in.
    Session(TaskId),
}

/// The task of an address.
fn task_id(text: &str) -> Result<TaskId> {
    text.parse()
        .map_err(|_| Error::not_found("task", "at this address"))
}

impl Way {
    /// Address of the page, below the base path.
    fn home(&self) -> String {
        match self {
            Way::Link(secret) => format!("/s/{}", secret.reveal()),
            Way::Session(task) => format!("/tasks/{task}"),
        }
    }

    /// Where the decision is sent.
    fn action(&self) -> String {
        match self {
            Way::Link(_) => self.home(),
            Way::Session(_) => format!("{}/decision", self.home()),
        }
    }

    fn secret(&self) -> Option<&Secret> {
        match self {
            Way::Link(secret) => Some(secret),
            Way::Session(_) => None,
        }
    }

    fn state(&self, conn: &mut Conn, visitor: &Visitor, now: At) -> Result<LinkState> {
        match self {
            Way::Link(secret) => links::link_state(conn, secret, now),
            Way::Session(id) => {
                let task = store::task(conn, *id)?;
                if task.person_id != visitor.id()? {
                    return Err(Error::not_found("task", id));
                }
                links::task_state(conn, task)
            }
        }
    }
}

/// What there is to show.
enum Shown {
    /// The question, to be answered.
    Open(Box<Case>, Box<Sheet>),
    /// The person's own decision.
    Decided(Box<Receipt>),
    /// The question is void.
    Closed(Box<Closed>),
    /// The link is unknown or too old; which of them is nobody's business.
    Dead,
}

/// A question that needs no answer any more.
#[derive(Serialize)]
struct Closed {
    #[serde(skip)]
    template: &'static str,
    record: Named,
    stage: String,
    /// Address for those who sign in.
    task: String,
    /// Who decided; only for those who are signed in.
    events: Vec<Mark>,
    signed_in: bool,
    /// To whom the task went, and how.
    moved: Option<Gone>,
}

/// A task that went to somebody else.
#[derive(Serialize)]
struct Gone {
    holder: String,
    sentence: String,
    reason: Option<String>,
    /// Whether the stage still waits for a decision.
    waits: bool,
}

impl Gone {
    fn of(conn: &mut Conn, case: &Case) -> Result<Option<Gone>> {
        let Some((step, holder)) = moves::went(conn, &case.task)? else {
            return Ok(None);
        };
        let sentence = match step.because {
            Moved::Delegated => "You handed it on.",
            Moved::Absent => "You are away, and somebody stands in for you.",
            Moved::Reassigned => "An administrator gave it to somebody else.",
            Moved::Returned => "It went back to whom it came from.",
        };
        let run = case.review.stage(&case.task.stage);
        let open = run.is_some_and(|run| run.progress == Progress::Open);
        Ok(Some(Gone {
            holder,
            sentence: sentence.to_owned(),
            reason: step.reason,
            waits: open && case.review.phase.is_running(),
        }))
    }
}

impl Shown {
    fn find(conn: &mut Conn, desk: &Desk, way: &Way, visitor: &Visitor, now: At) -> Result<Shown> {
        let (task, template) = match way.state(conn, visitor, now)? {
            LinkState::Unknown | LinkState::Expired(_) => return Ok(Shown::Dead),
            LinkState::Open(task) => {
                let case = Case::load(conn, desk, task)?;
                let sheet = sheet(conn, desk, &case)?;
                return Ok(Shown::Open(Box::new(case), Box::new(sheet)));
            }
            LinkState::DecidedByYou(task) => {
                let case = Case::load(conn, desk, task)?;
                return Ok(Shown::Decided(Box::new(receipt(conn, &case)?)));
            }
            LinkState::DecidedByOthers(task) => (task, "sign-off-settled"),
            LinkState::Superseded(task) => (task, "sign-off-superseded"),
            LinkState::Withdrawn(task) => (task, "sign-off-withdrawn"),
            LinkState::Moved(task) => (task, "sign-off-moved"),
        };
        let signed_in = way.secret().is_none();
        let case = Case::load(conn, desk, task)?;
        let stage = case.stage()?;
        let events = match signed_in {
            true => marks(conn, &case, Some(&stage.key))?,
            false => Vec::new(),
        };
        let (record, stage) = (Named::of(&case), stage.title.clone());
        let moved = match template {
            "sign-off-moved" => Gone::of(conn, &case)?,
            _ => None,
        };
        let task = format!("/tasks/{}", case.task.id);
        Ok(Shown::Closed(Box::new(Closed {
            template,
            record,
            stage,
            task,
            events,
            signed_in,
            moved,
        })))
    }
}

async fn look(app: &App, way: &Way, visitor: &Visitor) -> Result<Shown> {
    let (desk, way, visitor) = (app.desk.clone(), way.clone(), visitor.clone());
    let now = desk.clock.now();
    app.db
        .read(move |conn| Shown::find(conn, &desk, &way, &visitor, now))
        .await
}

/// The page of an open task.
#[derive(Serialize)]
struct OpenPage<'a> {
    #[serde(flatten)]
    sheet: &'a Sheet,
    by_link: bool,
    /// Where to sign in, when the link alone may not decide.
    sign_in: Option<String>,
    /// Where to hand the task on, where the workflow lets people.
    hand_on: Option<String>,
    /// Where to note an absence.
    away: String,
    summary: Vec<SummaryLine>,
    ballot: BallotView,
}

#[derive(Serialize)]
struct DecidedPage<'a> {
    #[serde(flatten)]
    receipt: &'a Receipt,
    by_link: bool,
    /// This page, to be loaded again.
    again: String,
    /// The receipt as a file.
    file: String,
}

#[derive(Serialize)]
struct DeadPage {
    renewal: String,
}

/// Where an answer goes and who looks.
struct Desktop<'a> {
    app: &'a App,
    visitor: &'a Visitor,
    way: &'a Way,
}

impl Desktop<'_> {
    fn here(&self) -> &'static str {
        if self.way.secret().is_some() {
            ""
        } else {
            "tasks"
        }
    }

    fn show(&self, shown: &Shown) -> Result<HttpResponse> {
        let (app, who, here) = (self.app, self.visitor, self.here());
        match shown {
            Shown::Open(case, sheet) => self.draw(case, sheet, &Ballot::default(), StatusCode::OK),
            Shown::Decided(receipt) => {
                let by_link = self.way.secret().is_some();
                let again = self.way.home();
                let file = format!("{again}/receipt");
                let context = DecidedPage {
                    receipt,
                    by_link,
                    again,
                    file,
                };
                page(app, who, here, "receipt", &context)
            }
            Shown::Closed(closed) => {
                page_with(app, who, here, closed.template, closed, self.gone())
            }
            Shown::Dead => {
                let renewal = format!("{}/renewal", self.way.home());
                page_with(
                    app,
                    who,
                    here,
                    "sign-off-dead",
                    &DeadPage { renewal },
                    StatusCode::GONE,
                )
            }
        }
    }

    /// A link that leads nowhere is gone; a person's own list of tasks goes on.
    fn gone(&self) -> StatusCode {
        match self.way {
            Way::Link(_) => StatusCode::GONE,
            Way::Session(_) => StatusCode::OK,
        }
    }

    fn draw(
        &self,
        case: &Case,
        sheet: &Sheet,
        ballot: &Ballot,
        status: StatusCode,
    ) -> Result<HttpResponse> {
        let link = self.way.secret();
        let nonce = link.map(|secret| nonce::make(secret, self.app.desk.clock.now()));
        let sign_in = match link.is_some() && !case.link_decides()? {
            true => Some(format!("/tasks/{}", case.task.id)),
            false => None,
        };
        let view = ballot.view(case, self.way.action(), nonce)?;
        let summary = ballot.summary(&view.fields);
        let context = OpenPage {
            sheet,
            by_link: link.is_some(),
            sign_in,
            hand_on: handover::offered(case, self.way)?
                .then(|| format!("{}/delegation", self.way.home())),
            away: match link {
                Some(_) => format!("{}/absence", self.way.home()),
                None => "/profile".to_owned(),
            },
            summary,
            ballot: view,
        };
        page_with(
            self.app,
            self.visitor,
            self.here(),
            "sign-off",
            &context,
            status,
        )
    }

    async fn vote(
        &self,
        actor: Actor,
        case: &Case,
        sheet: &Sheet,
        pairs: &[(String, String)],
    ) -> Result<HttpResponse> {
        let mut ballot = Ballot::read(case, pairs);
        if let Some(secret) = self.way.secret() {
            let now = self.app.desk.clock.now();
            if let Err(unproven) = nonce::check(secret, now, &ballot.nonce) {
                ballot.complain(Place::Page, unproven.sentence());
            }
        }
        let given = ballot.given(case, self.way.secret().map(Secret::hash));
        let Some(given) = given.filter(|_| !ballot.is_wrong()) else {
            return self.draw(case, sheet, &ballot, StatusCode::UNPROCESSABLE_ENTITY);
        };
        let (subject, by) = (case.task.id.to_string(), actor.clone());
        let decide = move |tx: &mut Tx, desk: &Desk| service::decide(tx, desk, &by, &given);
        match self.app.command("decide", subject, &actor, decide).await {
            Ok(_) | Err(Error::Refused(Refusal::AlreadyDecided)) => {
                Ok(go_to(self.app, &self.way.home()))
            }
            Err(Error::Refused(refusal)) => self.refused(&refusal, ballot).await,
            Err(error) => Err(error),
        }
    }

    /// Shows what stands in the way: at its field when it can be mended, else as the page of the
    /// state that came about meanwhile.
    async fn refused(&self, refusal: &Refusal, mut ballot: Ballot) -> Result<HttpResponse> {
        match look(self.app, self.way, self.visitor).await? {
            Shown::Open(case, sheet) => {
                ballot.refused(refusal);
                let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::CONFLICT);
                self.draw(&case, &sheet, &ballot, status)
            }
            shown => self.show(&shown),
        }
    }
}

/// `GET /s/{token}`: what a sign-off link leads to. Nothing is changed and nobody signed in.
///
/// # Errors
/// When the database fails.
pub async fn link(app: web::Data<App>, token: web::Path<String>) -> Result<HttpResponse> {
    let way = Way::Link(Secret::presented(&token));
    let nobody = Visitor::default();
    let shown = look(&app, &way, &nobody).await?;
    Desktop {
        app: &app,
        visitor: &nobody,
        way: &way,
    }
    .show(&shown)
}

/// `GET /s/{token}/receipt`: the receipt of a decision that was made by this link, as a file.
///
/// # Errors
/// 404 when there is no decision, or no checkpoint covers it yet.
pub async fn receipt_by_link(
    app: web::Data<App>,
    token: web::Path<String>,
) -> Result<HttpResponse> {
    let way = Way::Link(Secret::presented(&token));
    receipt_file(&look(&app, &way, &Visitor::default()).await?)
}

fn receipt_file(shown: &Shown) -> Result<HttpResponse> {
    match shown {
        Shown::Decided(receipt) => {
            let seq = u64::try_from(receipt.seq).unwrap_or(0);
            seal::page::download(seq, receipt.seal.clone())
        }
        _ => Err(Error::NotFound(
            "decision of yours at this address".to_owned(),
        )),
    }
}

/// `POST /s/{token}`: the decision of whom the link was sent to.
///
/// # Errors
/// When the database fails.
pub async fn decide_by_link(
    app: web::Data<App>,
    token: web::Path<String>,
    posted: Posted,
) -> Result<HttpResponse> {
    let way = Way::Link(Secret::presented(&token));
    let nobody = Visitor::default();
    let desktop = Desktop {
        app: &app,
        visitor: &nobody,
        way: &way,
    };
    match look(&app, &way, &nobody).await? {
        Shown::Open(case, sheet) => {
            let via = Via::new(Method::EmailLink, "link");
            let actor = Actor::person(case.task.person_id, via);
            desktop.vote(actor, &case, &sheet, &posted).await
        }
        Shown::Decided(_) => Ok(go_to(&app, &way.home())),
        shown => desktop.show(&shown),
    }
}

/// `POST /s/{token}/renewal`: mails a new link to the person the old one was for, at most once
/// in ten minutes. The answer is the same for a link nobody knows.
///
/// # Errors
/// When the database fails.
pub async fn renew(app: web::Data<App>, token: web::Path<String>) -> Result<HttpResponse> {
    let secret = Secret::presented(&token);
    let now = app.desk.clock.now();
    let state = app
        .db
        .read(move |conn| links::link_state(conn, &secret, now))
        .await?;
    if let LinkState::Expired(task) = state {
        let round = now.0.as_second() / RENEWAL_SECONDS;
        let mail = Message::new("task", task.person_id)
            .record(task.record_id)
            .task(task.id)
            .at_once();
        let mail = mail.once(&format!("renewal:{}:{round}", task.id));
        app.db
            .upkeep(move |tx| outbox::queue(tx, mail, now))
            .await?;
        app.post.notify_one();
    }
    page(
        &app,
        &Visitor::default(),
        "",
        "sign-off-renewed",
        &serde_json::json!({}),
    )
}

/// `GET /tasks/{id}`: one task for its person.
///
/// # Errors
/// 404 for a task of somebody else.
pub async fn task(
    app: web::Data<App>,
    visitor: Visitor,
    id: web::Path<String>,
) -> Result<HttpResponse> {
    let way = Way::Session(task_id(&id)?);
    let shown = look(&app, &way, &visitor).await?;
    Desktop {
        app: &app,
        visitor: &visitor,
        way: &way,
    }
    .show(&shown)
}

/// `GET /tasks/{id}/receipt`: the receipt of one's decision, as a file.
///
/// # Errors
/// 404 for a task of somebody else, one that is not decided, or before a checkpoint covers it.
pub async fn receipt_signed_in(
    app: web::Data<App>,
    visitor: Visitor,
    id: web::Path<String>,
) -> Result<HttpResponse> {
    let way = Way::Session(task_id(&id)?);
    receipt_file(&look(&app, &way, &visitor).await?)
}

/// `POST /tasks/{id}/decision`: the decision of a person who is signed in.
///
/// # Errors
/// 404 for a task of somebody else.
pub async fn decide_signed_in(
    app: web::Data<App>,
    visitor: Visitor,
    id: web::Path<String>,
    posted: Posted,
) -> Result<HttpResponse> {
    let way = Way::Session(task_id(&id)?);
    let desktop = Desktop {
        app: &app,
        visitor: &visitor,
        way: &way,
    };
    match look(&app, &way, &visitor).await? {
        Shown::Open(case, sheet) => desktop.vote(visitor.actor()?, &case, &sheet, &posted).await,
        Shown::Decided(_) => Ok(go_to(&app, &way.home())),
        shown => desktop.show(&shown),
    }
}

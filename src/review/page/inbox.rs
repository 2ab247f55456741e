//! The inbox: every open task of a person, and many of them decided at once. Signed in, or by the
//! link of a digest, which names its person and shows only until a decision is sent.
use super::Posted;
use crate::app::App;
use crate::db::{Conn, PersonId, TaskId, Tx};
use crate::error::{Error, Result};
use crate::form::SummaryLine;
use crate::ledger::Actor;
use crate::ledger::entry::{Method, Via};
use crate::notify::links;
use crate::people::{self, Secret};
use crate::review::engine::{REASON_MAX, Refusal};
use crate::review::inbox::{Item, inbox, theirs};
use crate::review::service::{self, DecisionGiven, Desk};
use crate::review::{nonce, words};
use crate::web::answer::{page, page_with};
use crate::web::session::Visitor;
use crate::workflow::Outcome;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeSet;

/// Most tasks that are decided at once: what stands on one page that a person can read.
const MOST: usize = 50;

/// How somebody came to their inbox.
#[derive(Clone)]
enum Way {
    /// By the link of a digest.
    Link(Secret),
    /// Signed in.
    Session(PersonId),
}

impl Way {
    /// Address of the inbox, below the base path.
    fn home(&self) -> String {
        match self {
            Way::Link(secret) => format!("/inbox/{}", secret.reveal()),
            Way::Session(_) => "/tasks".to_owned(),
        }
    }

    fn secret(&self) -> Option<&Secret> {
        match self {
            Way::Link(secret) => Some(secret),
            Way::Session(_) => None,
        }
    }

    /// Whose inbox this is and what waits there; nothing where a link opens none.
    fn open(&self, conn: &mut Conn, desk: &Desk) -> Result<Option<(PersonId, Vec<Item>)>> {
        let (person, link) = match self {
            Way::Link(secret) => match links::inbox(conn, secret, desk.clock.now())? {
                Some(opened) => (opened.person, Some(opened.made)),
                None => return Ok(None),
            },
            Way::Session(person) => (*person, None),
        };
        Ok(Some((person, inbox(conn, desk, person, link)?)))
    }

    /// Whether the person may decide this task in this way.
    fn decides(&self, item: &Item) -> bool {
        matches!(self, Way::Session(_)) || !item.wants_sign_in
    }
}

/// What the list shows.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Wanted {
    #[serde(default)]
    q: String,
    #[serde(default)]
    due: String,
    #[serde(default)]
    risk: String,
}

impl Wanted {
    fn fits(&self, item: &Item) -> bool {
        let text = format!(
            "{} {} {} {}",
            item.title, item.reference, item.stage, item.submitter
        );
        let words = self.q.to_lowercase();
        let overdue = item.due.as_ref().is_some_and(|due| due.overdue);
        let tier = item.tier.as_deref().unwrap_or_default();
        text.to_lowercase().contains(words.trim())
            && (self.due != "overdue" || overdue)
            && (self.risk.is_empty() || self.risk == tier)
    }

    fn is_any(&self) -> bool {
        !self.q.trim().is_empty() || self.due == "overdue" || !self.risk.is_empty()
    }
}

#[derive(Serialize)]
struct InboxPage {
    by_link: bool,
    person: String,
    /// Address of the inbox, and of the page that is looked at before anything is signed.
    home: String,
    check: String,
    /// How many tasks are open at all, and how many of them are overdue.
    all: usize,
    overdue: usize,
    items: Vec<Line>,
    /// Whether one of them can be chosen.
    choosable: bool,
    filtered: bool,
    q: String,
    only_overdue: bool,
    risks: Vec<RiskView>,
}

#[derive(Serialize)]
struct Line {
    #[serde(flatten)]
    item: Item,
    /// Where it is decided by itself; by link only after signing in.
    path: String,
    /// Whether it can be chosen here.
    choosable: bool,
}

#[derive(Serialize)]
struct RiskView {
    value: String,
    label: String,
    selected: bool,
}

impl InboxPage {
    fn read(conn: &mut Conn, desk: &Desk, way: &Way, wanted: &Wanted) -> Result<Option<InboxPage>> {
        let Some((person, items)) = way.open(conn, desk)? else {
            return Ok(None);
        };
        let overdue = |item: &&Item| item.due.as_ref().is_some_and(|due| due.overdue);
        let (all, late) = (items.len(), items.iter().filter(overdue).count());
        let risks = risks(&items, &wanted.risk);
        let shown = items.into_iter().filter(|item| wanted.fits(item));
        let line = |item: Item| Line {
            path: format!("/tasks/{}", item.id),
            choosable: way.decides(&item),
            item,
        };
        let items: Vec<Line> = shown.map(line).collect();
        Ok(Some(InboxPage {
            by_link: way.secret().is_some(),
            person: people::known(conn, person)?.name,
            home: way.home(),
            check: format!("{}/check", way.home()),
            all,
            overdue: late,
            choosable: items.iter().any(|line| line.choosable),
            items,
            filtered: wanted.is_any(),
            q: wanted.q.clone(),
            only_overdue: wanted.due == "overdue",
            risks,
        }))
    }
}

fn risks(items: &[Item], chosen: &str) -> Vec<RiskView> {
    let mut seen = BTreeSet::new();
    let mut views = Vec::new();
    for item in items {
        if let (Some(value), Some(badge)) = (&item.tier, &item.risk)
            && seen.insert(value.clone())
        {
            views.push(RiskView {
                selected: value == chosen,
                value: value.clone(),
                label: badge.word.clone(),
            });
        }
    }
    views
}

async fn list(app: &App, visitor: &Visitor, way: Way, wanted: Wanted) -> Result<HttpResponse> {
    let (desk, by_link) = (app.desk.clone(), way.secret().is_some());
    let read = move |conn: &mut Conn| InboxPage::read(conn, &desk, &way, &wanted);
    match app.db.read(read).await? {
        Some(context) => page(app, visitor, here(by_link), "tasks", &context),
        None => dead(app),
    }
}

fn here(by_link: bool) -> &'static str {
    if by_link { "" } else { "tasks" }
}

/// The same for a link nobody knows, one that is too old, and one whose person left.
fn dead(app: &App) -> Result<HttpResponse> {
    let nobody = Visitor::default();
    page_with(app, &nobody, "", "inbox-dead", &json!({}), StatusCode::GONE)
}

/// `GET /tasks`: what waits for the person, the overdue first.
///
/// # Errors
/// When the database fails.
pub async fn tasks(
    app: web::Data<App>,
    visitor: Visitor,
    wanted: web::Query<Wanted>,
) -> Result<HttpResponse> {
    let way = Way::Session(visitor.id()?);
    list(&app, &visitor, way, wanted.into_inner()).await
}

/// `GET /inbox/{token}`: the same for whom a digest was sent to. Nothing is changed and nobody
/// signed in.
///
/// # Errors
/// When the database fails.
pub async fn inbox_by_link(
    app: web::Data<App>,
    token: web::Path<String>,
    wanted: web::Query<Wanted>,
) -> Result<HttpResponse> {
    let way = Way::Link(Secret::presented(&token));
    list(&app, &Visitor::default(), way, wanted.into_inner()).await
}

/// What is to be decided at once.
#[derive(Debug, Clone)]
struct Choice {
    outcome: Option<Outcome>,
    /// The tasks in the order of the page, each with the digest that was shown, if one was.
    tasks: Vec<(TaskId, String)>,
    more: bool,
    reason: String,
    nonce: String,
}

impl Choice {
    /// Reads `task`, or `task` followed by a colon and the digest that was shown.
    fn read(pairs: &[(String, String)]) -> Choice {
        let mut choice = Choice {
            outcome: None,
            tasks: Vec::new(),
            more: false,
            reason: String::new(),
            nonce: String::new(),
        };
        for (name, value) in pairs {
            match name.as_str() {
                "task" => choice.take(value),
                "_choice" => choice.outcome = Outcome::named(value),
                "_reason" => choice.reason = words::typed(value),
                "_nonce" => choice.nonce.clone_from(value),
                _ => {}
            }
        }
        let plain = [Outcome::Approve, Outcome::Reject];
        choice.outcome = choice.outcome.filter(|outcome| plain.contains(outcome));
        choice
    }

    fn take(&mut self, value: &str) {
        let (task, digest) = value.split_once(':').unwrap_or((value, ""));
        let Ok(task) = task.parse::<TaskId>() else {
            return;
        };
        if self.tasks.iter().any(|(known, _)| *known == task) {
            return;
        }
        if self.tasks.len() == MOST {
            self.more = true;
        } else {
            self.tasks.push((task, digest.to_owned()));
        }
    }

    fn reason(&self) -> Option<String> {
        Some(self.reason.trim().to_owned()).filter(|reason| !reason.is_empty())
    }
}

#[derive(Serialize)]
struct CheckPage {
    by_link: bool,
    person: String,
    home: String,
    action: String,
    nonce: Option<String>,
    outcome: &'static str,
    /// `Approve`, `Reject`.
    label: &'static str,
    grave: bool,
    /// What would be signed.
    items: Vec<Item>,
    /// What is left out, with the reason.
    left_out: Vec<LeftOut>,
    more: bool,
    most: usize,
    reason_needed: bool,
    reason: Vec<String>,
    reason_error: Option<String>,
    summary: Vec<SummaryLine>,
}

#[derive(Serialize)]
struct LeftOut {
    item: Item,
    path: String,
    why: String,
}

impl CheckPage {
    fn read(
        conn: &mut Conn,
        desk: &Desk,
        way: &Way,
        choice: &Choice,
        complaint: Option<&(bool, String)>,
    ) -> Result<Option<CheckPage>> {
        let Some((person, open)) = way.open(conn, desk)? else {
            return Ok(None);
        };
        let outcome = choice.outcome.unwrap_or(Outcome::Approve);
        let (mut items, mut left_out) = (Vec::new(), Vec::new());
        for item in open {
            if !choice.tasks.iter().any(|(task, _)| *task == item.id) {
                continue;
            }
            let why = match way.decides(&item) {
                true => item.stands_alone(outcome),
                false => Some("its stage wants you to sign in".to_owned()),
            };
            match why {
                None => items.push(item),
                Some(why) => left_out.push(LeftOut {
                    path: format!("/tasks/{}", item.id),
                    why,
                    item,
                }),
            }
        }
        let (label, _) = words::choice(outcome);
        let at_reason = complaint.filter(|(at_reason, _)| *at_reason);
        Ok(Some(CheckPage {
            by_link: way.secret().is_some(),
            person: people::known(conn, person)?.name,
            home: way.home(),
            action: format!("{}/decisions", way.home()),
            nonce: way
                .secret()
                .map(|secret| nonce::make(secret, desk.clock.now())),
            outcome: outcome.as_str(),
            label,
            grave: outcome == Outcome::Reject,
            reason_needed: items.iter().any(|item| item.wants_reason(outcome)),
            items,
            left_out,
            more: choice.more,
            most: MOST,
            reason: choice.reason.split('\n').map(str::to_owned).collect(),
            reason_error: at_reason.map(|(_, message)| message.clone()),
            summary: complaint
                .iter()
                .map(|(at_reason, message)| SummaryLine {
                    target: at_reason.then(|| "reason".to_owned()),
                    message: message.clone(),
                })
                .collect(),
        }))
    }
}

async fn look(
    app: &App,
    visitor: &Visitor,
    way: Way,
    choice: Choice,
    complaint: Option<(bool, String)>,
) -> Result<HttpResponse> {
    let (desk, by_link) = (app.desk.clone(), way.secret().is_some());
    let status = match complaint {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
    let read =
        move |conn: &mut Conn| CheckPage::read(conn, &desk, &way, &choice, complaint.as_ref());
    match app.db.read(read).await? {
        Some(context) => page_with(app, visitor, here(by_link), "sign-many", &context, status),
        None => dead(app),
    }
}

type Chosen = web::Query<Vec<(String, String)>>;

/// `GET /tasks/check`: what would be signed, before it is. Nothing is changed.
///
/// # Errors
/// When the database fails.
pub async fn check(app: web::Data<App>, visitor: Visitor, chosen: Chosen) -> Result<HttpResponse> {
    let way = Way::Session(visitor.id()?);
    look(&app, &visitor, way, Choice::read(&chosen), None).await
}

/// `GET /inbox/{token}/check`
///
/// # Errors
/// When the database fails.
pub async fn check_by_link(
    app: web::Data<App>,
    token: web::Path<String>,
    chosen: Chosen,
) -> Result<HttpResponse> {
    let way = Way::Link(Secret::presented(&token));
    look(&app, &Visitor::default(), way, Choice::read(&chosen), None).await
}

#[derive(Serialize)]
struct DonePage {
    by_link: bool,
    home: String,
    /// What was recorded, and what was not.
    done: Vec<Done>,
    refused: Vec<Done>,
}

#[derive(Serialize)]
struct Done {
    title: String,
    reference: String,
    stage: String,
    path: String,
    /// `approved`, with the number of its entry; or why not.
    words: String,
    seq: Option<i64>,
}

/// `POST /tasks/decisions`: one command for each task, one entry for each that is taken; what is
/// refused leaves the others.
///
/// # Errors
/// When the database fails.
pub async fn decide_many(
    app: web::Data<App>,
    visitor: Visitor,
    posted: Posted,
) -> Result<HttpResponse> {
    let way = Way::Session(visitor.id()?);
    sign(&app, &visitor, way, Choice::read(&posted)).await
}

/// `POST /inbox/{token}/decisions`
///
/// # Errors
/// When the database fails.
pub async fn decide_many_by_link(
    app: web::Data<App>,
    token: web::Path<String>,
    posted: Posted,
) -> Result<HttpResponse> {
    let way = Way::Link(Secret::presented(&token));
    sign(&app, &Visitor::default(), way, Choice::read(&posted)).await
}

async fn sign(app: &App, visitor: &Visitor, way: Way, choice: Choice) -> Result<HttpResponse> {
    let (desk, at) = (app.desk.clone(), way.clone());
    let chosen: Vec<TaskId> = choice.tasks.iter().map(|(task, _)| *task).collect();
    let found = move |conn: &mut Conn| match at.open(conn, &desk)? {
        Some((person, items)) => {
            let named = theirs(conn, &desk, person, &chosen)?;
            Ok(Some((person, items, named)))
        }
        None => Ok(None),
    };
    let Some((person, items, named)) = app.db.read(found).await? else {
        return dead(app);
    };
    if let Some(complaint) = wrong(app, &way, &choice, &items) {
        return look(app, visitor, way, choice, Some(complaint)).await;
    }
    let actor = match &way {
        Way::Link(_) => Actor::person(person, Via::new(Method::EmailLink, "inbox_link")),
        Way::Session(_) => visitor.actor()?,
    };
    let (mut done, mut refused) = (Vec::new(), Vec::new());
    for (task, seen) in &choice.tasks {
        let given = DecisionGiven {
            task: *task,
            seen: seen.clone(),
            outcome: choice.outcome.unwrap_or(Outcome::Approve),
            reason: choice.reason(),
            answers: json!({}),
            conditions: Vec::new(),
            link: None,
        };
        let item = named.iter().find(|item| item.id == *task);
        let told = decide(app, &way, &actor, given, item).await?;
        match told.seq {
            Some(_) => done.push(told),
            None => refused.push(told),
        }
    }
    let by_link = way.secret().is_some();
    let context = DonePage {
        by_link,
        home: way.home(),
        done,
        refused,
    };
    page(app, visitor, here(by_link), "signed-many", &context)
}

/// What must be mended before anything is sent: whether at the reason, and the sentence.
fn wrong(app: &App, way: &Way, choice: &Choice, items: &[Item]) -> Option<(bool, String)> {
    if let Some(secret) = way.secret() {
        let now = app.desk.clock.now();
        if let Err(unproven) = nonce::check(secret, now, &choice.nonce) {
            return Some((false, unproven.sentence().to_owned()));
        }
    }
    let Some(outcome) = choice.outcome.filter(|_| !choice.tasks.is_empty()) else {
        let message = "Choose at least one task, and what you decide";
        return Some((false, message.to_owned()));
    };
    let chosen = |item: &&Item| choice.tasks.iter().any(|(task, _)| *task == item.id);
    let needed = items.iter().filter(chosen).any(|item| {
        way.decides(item) && item.stands_alone(outcome).is_none() && item.wants_reason(outcome)
    });
    if needed && choice.reason().is_none() {
        let message = "Give a reason: at least one of these stages asks for one";
        return Some((true, message.to_owned()));
    }
    if choice.reason.chars().count() > REASON_MAX {
        let refusal = Refusal::TooLong("the reason", REASON_MAX);
        return Some((true, words::sentence(&refusal.to_string())));
    }
    None
}

async fn decide(
    app: &App,
    way: &Way,
    actor: &Actor,
    given: DecisionGiven,
    item: Option<&Item>,
) -> Result<Done> {
    let (by, task, inbox) = (actor.clone(), given.task, way.secret().cloned());
    let work = move |tx: &mut Tx, desk: &Desk| match &inbox {
        Some(secret) => service::decide_from_inbox(tx, desk, &by, secret, &given),
        None => service::decide(tx, desk, &by, &given),
    };
    let (words, seq) = match app.command("decide", task.to_string(), actor, work).await {
        Ok(row) => (words::done_by_key(&row.outcome), Some(row.seq)),
        // Somebody else's task is no more than one that is not there.
        Err(Error::NotFound(_)) => (words::sentence(&Refusal::NotAsked.to_string()), None),
        Err(error) if error.is_ours() => return Err(error),
        Err(error) => (words::sentence(&error.to_string()), None),
    };
    let text = |of: fn(&Item) -> &String| item.map_or_else(String::new, |item| of(item).clone());
    Ok(Done {
        title: text(|item| &item.title),
        reference: text(|item| &item.reference),
        stage: text(|item| &item.stage),
        path: format!("/tasks/{task}"),
        words,
        seq,
    })
}

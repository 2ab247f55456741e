//! From an owed message to its words: whether it is still wanted, what is true now, its link.
use crate::app::App;
use crate::db::{At, Conn, PersonId, TaskId, Tx};
use crate::error::{Error, Result};
use crate::notify::case::Case;
use crate::notify::letter::Cover;
use crate::notify::outbox::Owed;
use crate::people::{self, Person, Secret};
use crate::review::{self, LINK_DAYS};
use crate::templates::Mail;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// Why a message is not sent any more.
pub(super) type Unwanted = &'static str;
/// What a message is about, or why it is not sent any more.
type Found = std::result::Result<About, Unwanted>;

const GONE: Unwanted = "the person is no longer active";
const SETTLED: Unwanted = "the task was settled meanwhile";
const UNDECIDED: Unwanted = "there is no decision to confirm";
const MOVED_ON: Unwanted = "the review moved on meanwhile";
const ASKED_OFTEN: Unwanted = "enough sign-in links were sent in the last minutes";

/// A message that is wanted, without its link.
#[derive(Debug)]
pub(super) struct Draft {
    /// Its headers.
    pub(super) cover: Cover,
    /// What its link opens.
    pub(super) key: Key,
    facts: Map<String, Value>,
}

/// What the link of a message opens.
#[derive(Debug, Clone)]
pub(super) enum Key {
    /// One task, for its person.
    Task(TaskId),
    /// A session of this person.
    SignIn(PersonId),
    /// A page that asks who comes.
    Page(String),
}

/// What a message is about.
struct About {
    case: Option<Case>,
    key: Key,
    facts: Value,
}

/// Gathers what a message says, from what is true now.
///
/// # Errors
/// When the database fails or holds what cannot be read.
pub(super) fn draft(
    conn: &mut Conn,
    app: &App,
    owed: &Owed,
    now: At,
) -> Result<std::result::Result<Draft, Unwanted>> {
    let Some(person) = people::by_id(conn, owed.person_id)?.filter(|p| p.active) else {
        return Ok(Err(GONE));
    };
    let about = match (owed.template.as_str(), owed.task_id, owed.record_id) {
        ("sign_in", ..) => Ok(sign_in(&person)),
        ("task", Some(task), _) => asked(conn, app, task, now)?,
        ("receipt", Some(task), _) => receipt(conn, app, task)?,
        (phase, _, Some(record)) => {
            let case = Case::load(conn, &app.desk, record)?;
            ended(case, app, &person, phase)?
        }
        (other, ..) => return Err(Error::Corrupt(format!("a {other} mail is about nothing"))),
    };
    Ok(about.map(|about| about.draft(app, owed, &person, now)))
}

impl About {
    fn draft(self, app: &App, owed: &Owed, person: &Person, now: At) -> Draft {
        let mut facts = Map::new();
        facts.insert("organisation".to_owned(), json!(app.config.organisation));
        facts.insert("person".to_owned(), json!({ "name": person.name }));
        facts.insert("now".to_owned(), json!(now));
        if let Some(case) = &self.case {
            facts.insert("record".to_owned(), case.named());
        }
        if let Value::Object(own) = self.facts {
            facts.extend(own);
        }
        let record = self.case.map(|case| case.record);
        let cover = Cover {
            id: owed.id,
            template: owed.template.clone(),
            name: person.name.clone(),
            address: person.email.clone(),
            record: record.as_ref().map(|r| r.id),
            reference: record.map(|r| r.reference),
            at: now,
        };
        Draft {
            cover,
            key: self.key,
            facts,
        }
    }
}

fn sign_in(person: &Person) -> About {
    let facts = json!({ "minutes": people::SIGN_IN_MINUTES });
    About {
        case: None,
        key: Key::SignIn(person.id),
        facts,
    }
}

/// A person is asked to decide.
fn asked(conn: &mut Conn, app: &App, task: TaskId, now: At) -> Result<Found> {
    let task = review::task(conn, task)?;
    if task.state != "open" {
        return Ok(Err(SETTLED));
    }
    let case = Case::load(conn, &app.desk, task.record_id)?;
    let facts = json!({
        "expires": now.plus(Duration::from_secs(LINK_DAYS * 86_400)),
        "since": task.opened_at,
        "revision": case.review.revision,
        "stage": case.stage_with_place(&task.stage),
        "sign_in": case.wants_sign_in(&task.stage),
        "stands_in": case.stands_in(&task.stage, task.person_id),
        "submitter": case.name(case.review.submitter),
        "risk": case.risk(),
        "changed": case.changed_since(conn, &app.desk, task.person_id)?,
        "decided": case.decided(),
        "others": case.others_asked(conn, &task)?,
    });
    Ok(Ok(About {
        case: Some(case),
        key: Key::Task(task.id),
        facts,
    }))
}

/// What a person decided, as the ledger keeps it.
fn receipt(conn: &mut Conn, app: &App, task: TaskId) -> Result<Found> {
    let Some((decision, reason)) = review::decision(conn, task)? else {
        return Ok(Err(UNDECIDED));
    };
    let case = Case::load(conn, &app.desk, decision.record_id)?;
    let facts = json!({
        "stage": { "title": case.title(&decision.stage) },
        "outcome": super::case::outcome(&decision.outcome),
        "decided_at": decision.decided_at,
        "method": super::case::method(&decision.method),
        "revision": decision.revision,
        "digest": decision.digest,
        "seq": decision.seq,
        "leaf_hash": case.leaf_hash(decision.seq),
        "reason": super::case::lines(reason.as_deref()),
        "conditions": case.conditions(|condition| condition.decision_id == task),
    });
    Ok(Ok(About {
        case: Some(case),
        key: Key::Page(format!("/tasks/{task}")),
        facts,
    }))
}

/// What became of a review, for those who wait for it.
fn ended(case: Case, app: &App, person: &Person, phase: &str) -> Result<Found> {
    let Some(event) = case
        .event(phase)
        .filter(|_| case.review.phase.as_str() == phase)
    else {
        return Ok(Err(MOVED_ON));
    };
    let said = case.verdict(event);
    let facts = json!({
        "role": case.role_of(person.id),
        "revision": case.review.revision,
        "at": event.at,
        "by": said.by,
        "stage": said.stage.map(|title| json!({ "title": title })),
        "reason": super::case::lines(said.reason),
        "decided": case.decided(),
        "conditions": case.conditions(|condition| condition.state == "open"),
    });
    let key = Key::Page(case.path(&app.desk)?);
    Ok(Ok(About {
        case: Some(case),
        key,
        facts,
    }))
}

/// Where the link of a message leads: a path, and the secret at its end if it has one.
pub(super) struct Way {
    path: String,
    secret: Option<Secret>,
}

/// Makes what the link of a message opens. A secret is stored as its hash only: this is the one
/// moment at which anybody could read it.
///
/// # Errors
/// When the database fails.
pub(super) fn link(tx: &mut Tx, key: Key, now: At) -> Result<std::result::Result<Way, Unwanted>> {
    let (path, secret) = match key {
        Key::Page(path) => (path, None),
        Key::Task(task) if review::task(tx, task)?.state != "open" => return Ok(Err(SETTLED)),
        Key::Task(task) => ("/s/".to_owned(), Some(review::issue_link(tx, task, now)?)),
        Key::SignIn(person) => match people::sign_in_link(tx, now, person) {
            Ok(secret) => ("/sign-in/".to_owned(), Some(secret)),
            Err(Error::TooMany(_)) => return Ok(Err(ASKED_OFTEN)),
            Err(error) => return Err(error),
        },
    };
    Ok(Ok(Way { path, secret }))
}

/// Puts a message into words. The secret takes its place only afterwards: the template engine
/// writes what it is given into the log of a server that is being debugged.
///
/// # Errors
/// When its template is missing or wants a fact that it was not given.
pub(super) fn render(app: &App, draft: &Draft, way: &Way) -> Result<Mail> {
    let stand_in = match way.secret {
        Some(_) => Secret::new()?,
        None => Secret::presented(""),
    };
    let link = app
        .config
        .link(&format!("{}{}", way.path, stand_in.reveal()));
    let mut facts = draft.facts.clone();
    facts.insert("link".to_owned(), json!(link));
    let mut mail = app
        .templates
        .mail(&draft.cover.template, &facts)
        .map_err(|fault| Error::Corrupt(fault.to_string()))?;
    if let Some(secret) = &way.secret {
        for part in [&mut mail.text, &mut mail.html] {
            *part = part.replace(stand_in.reveal(), secret.reveal());
        }
    }
    Ok(mail)
}

//! From an owed message to its words: whether it is still wanted, what is true now, its link.
use crate::app::App;
use crate::db::{At, Conn, PersonId, RecordId, TaskId, Tx};
use crate::error::{Error, Result};
use crate::gates;
use crate::ledger::seal::{self, Sealing};
use crate::notify::case::{Case, Said};
use crate::notify::catalogue::sort_of;
use crate::notify::given::Given;
use crate::notify::letter::{Cover, Enclosed, Thread};
use crate::notify::notices::{self, Notice};
use crate::notify::outbox::Owed;
use crate::notify::{checkpoint, digest, links};
use crate::oversight;
use crate::people::auditor::{self, Change};
use crate::people::{self, Person, Secret, mailing};
use crate::review;
use crate::risk;
use crate::templates::Mail;
use crate::vendor;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// Why a message is not sent any more.
pub(super) type Unwanted = &'static str;
/// What a message is about, or why it is not sent any more.
pub(super) type Found = std::result::Result<About, Unwanted>;

const GONE: Unwanted = "the person is no longer active";
const UNWANTED: Unwanted = "the person turned such mails off";
const NOTHING_LEFT: Unwanted = "nothing is left to remind of";
pub(super) const SETTLED: Unwanted = "the task was settled meanwhile";
const UNDECIDED: Unwanted = "there is no decision to confirm";
pub(super) const MOVED_ON: Unwanted = "the review moved on meanwhile";
const ASKED_OFTEN: Unwanted = "enough sign-in links were sent in the last minutes";

/// A message that is wanted, without its link.
#[derive(Debug)]
pub(super) struct Draft {
    /// Its headers.
    pub(super) cover: Cover,
    /// What its link opens.
    pub(super) key: Key,
    /// Whose digests its header ends.
    pub(super) ends_digests_of: Option<PersonId>,
    facts: Map<String, Value>,
}

/// What the link of a message opens.
#[derive(Debug, Clone)]
pub(super) enum Key {
    /// One task, for its person, until then.
    Task(TaskId, At),
    /// A session of this person.
    SignIn(PersonId),
    /// The inbox of this person.
    Inbox(PersonId),
    /// A page that asks who comes.
    Page(String),
}

/// What a message is about.
pub(super) struct About {
    pub(super) case: Option<Case>,
    pub(super) key: Key,
    pub(super) facts: Value,
    pub(super) enclosed: Option<Enclosed>,
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
    let sort = sort_of(&owed.template, owed.task_id.is_some());
    if sort.informs && !mailing::wants_digest(conn, person.id)? {
        return Ok(Err(UNWANTED));
    }
    let found = find(conn, app, owed, &person, now)?;
    Ok(found.map(|about| about.draft(app, owed, &person, now, sort.informs)))
}

fn find(conn: &mut Conn, app: &App, owed: &Owed, person: &Person, now: At) -> Result<Found> {
    let given = Given::read(owed)?.with_its_entry(conn)?;
    Ok(
        match (owed.template.as_str(), owed.task_id, owed.record_id) {
            ("sign_in", ..) => Ok(sign_in(person)),
            ("digest", ..) => reminders(conn, app, person, now)?,
            (checkpoint::TEMPLATE, ..) => checkpoint::tell(conn, app, owed, person)?,
            (auditor::MAIL, ..) => auditor_scope(conn, owed, person)?,
            (crate::catalogue::reminders::MAIL, ..) => Ok(notices::tool_ends(owed)?),
            (vendor::RE_REVIEW | vendor::REPORTED | vendor::DUE, _, Some(record)) => {
                of_vendor(conn, app, owed, record, person.id)?
            }
            (gates::MAIL, _, Some(record)) => told_by(conn, owed, record, gates::tell)?,
            (risk::MAIL, _, Some(record)) => told_by(conn, owed, record, risk::tell)?,
            (oversight::MAIL, _, Some(record)) => told_by(conn, owed, record, oversight::tell)?,
            ("staffing", ..) => Ok(notices::staffing(owed)?),
            ("workflow_proposed", ..) => Ok(notices::proposed(conn, &given, owed.created_at)?),
            ("task", Some(task), _) => asked(conn, app, given, task, now)?,
            ("escalated", Some(task), _) => notices::brought_in(conn, app, given, task, now)?,
            ("receipt", Some(task), _) => receipt(conn, app, task)?,
            (template, _, Some(record)) => {
                let case = Case::load(conn, &app.desk, record, given.review)?;
                if ENDS.contains(&template) {
                    return ended(case, app, &given, person, template);
                }
                let at = owed.created_at;
                let notice = Notice {
                    app,
                    case,
                    given,
                    person,
                    at,
                };
                notice.tell(conn, template)?
            }
            (other, ..) => return Err(Error::Corrupt(format!("a {other} mail is about nothing"))),
        },
    )
}

/// The mails that say what became of a review, each called as the phase it tells of.
const ENDS: [&str; 4] = ["changes_requested", "approved", "rejected", "withdrawn"];

impl About {
    fn draft(self, app: &App, owed: &Owed, person: &Person, now: At, informs: bool) -> Draft {
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
        let thread = match (&record, self.key.clone()) {
            (Some(record), _) => Some(Thread::Record(record.id)),
            (None, Key::Inbox(person)) => Some(Thread::Digest(person)),
            (None, _) => None,
        };
        let cover = Cover {
            id: owed.id,
            template: owed.template.clone(),
            name: person.name.clone(),
            address: person.email.clone(),
            thread,
            reference: record.map(|r| r.reference),
            at: now,
            unsubscription: None,
            enclosed: self.enclosed,
        };
        Draft {
            cover,
            key: self.key,
            ends_digests_of: informs.then_some(person.id),
            facts,
        }
    }
}

fn of_vendor(
    conn: &mut Conn,
    app: &App,
    owed: &Owed,
    vendor: RecordId,
    person: PersonId,
) -> Result<Found> {
    let context: Value = serde_json::from_str(&owed.context)?;
    let told = vendor::tell(conn, app, &owed.template, (vendor, &context), person)?;
    Ok(told.ok_or(MOVED_ON).map(|(path, facts)| About {
        case: None,
        key: Key::Page(path),
        facts,
        enclosed: None,
    }))
}

/// Says what a mail about a use case tells, and where its page is; nothing any more, when there is
/// nothing to tell.
type Teller = fn(&mut Conn, RecordId, &Value) -> Result<Option<(String, Value)>>;

/// What a room tells of a use case.
fn told_by(conn: &mut Conn, owed: &Owed, record: RecordId, tell: Teller) -> Result<Found> {
    let context: Value = serde_json::from_str(&owed.context)?;
    let told = tell(conn, record, &context)?;
    Ok(told.ok_or(MOVED_ON).map(|(path, facts)| About {
        case: None,
        key: Key::Page(path),
        facts,
        enclosed: None,
    }))
}

/// What an auditor's appointment was given, changed to, or ended: the entry says it.
fn auditor_scope(conn: &mut Conn, owed: &Owed, reader: &Person) -> Result<Found> {
    let context: Value = serde_json::from_str(&owed.context)?;
    let id = context.get("auditor").and_then(Value::as_str);
    let id: Option<PersonId> = id.and_then(|id| id.parse().ok());
    let id = id.ok_or_else(|| Error::Corrupt("a mail about no auditor".to_owned()))?;
    let auditor = people::known(conn, id)?;
    let entry = context.get("entry").and_then(Value::as_i64);
    let changes = auditor::changes(conn, id)?;
    let Some(change) = changes.into_iter().find(|c| Some(c.seq) == entry) else {
        return Err(Error::Corrupt(
            "a mail about an entry that is missing".to_owned(),
        ));
    };
    let yours = auditor.id == reader.id;
    let path = match yours && change.change != "ended" {
        true => "/audit".to_owned(),
        false => format!("/people/{id}"),
    };
    Ok(Ok(About {
        case: None,
        key: Key::Page(path),
        facts: appointment(&change, &auditor, yours),
        enclosed: None,
    }))
}

fn appointment(change: &Change, auditor: &Person, yours: bool) -> Value {
    json!({
        "yours": yours,
        "auditor": auditor.name,
        "change": change.word(),
        "by": change.by(),
        "at": change.at,
        "ended": change.change == "ended",
        "units": change.units(),
        "period": change.period(),
        "until": change.last_day.as_deref().unwrap_or("further notice"),
        "entry": change.seq,
    })
}

fn sign_in(person: &Person) -> About {
    let facts = json!({ "minutes": people::SIGN_IN_MINUTES });
    About {
        case: None,
        key: Key::SignIn(person.id),
        facts,
        enclosed: None,
    }
}

/// A person is reminded of all there is.
fn reminders(conn: &mut Conn, app: &App, person: &Person, now: At) -> Result<Found> {
    let Some(mut facts) = digest::facts(conn, &app.desk, person.id, now)? else {
        return Ok(Err(NOTHING_LEFT));
    };
    if let Value::Object(facts) = &mut facts {
        let expires = now.plus(Duration::from_secs(links::INBOX_DAYS * 86_400));
        facts.insert("expires".to_owned(), json!(expires));
    }
    Ok(Ok(About {
        case: None,
        key: Key::Inbox(person.id),
        facts,
        enclosed: None,
    }))
}

/// A person is asked to decide.
pub(super) fn asked(
    conn: &mut Conn,
    app: &App,
    given: Given,
    task: TaskId,
    now: At,
) -> Result<Found> {
    let task = review::task(conn, task)?;
    if task.state != "open" {
        return Ok(Err(SETTLED));
    }
    let end = review::link_end(conn, &app.desk, &task, now)?;
    let given = given.for_task(conn, &task, "task.moved")?;
    let case = Case::load(conn, &app.desk, task.record_id, Some(task.review_id))?;
    let mut given = given;
    if let (None, Some(first)) = (&given.because, case.first_of(&task.stage, task.person_id)) {
        given.because = Some("absent".to_owned());
        given.from = Some(first);
    }
    let names = given.names(conn)?;
    let facts = json!({
        "due": case.due(&task.stage),
        "finish": case.finish(conn, &app.desk)?,
        "moved": notices::moved(&given, &names),
        "reason": given.reason(conn)?,
        "expires": end,
        "since": task.opened_at,
        "revision": case.review.revision,
        "stage": case.stage_with_place(&task.stage),
        "sign_in": case.wants_sign_in(conn, &task.stage)?,
        "stands_in": case.stands_in(&task.stage, task.person_id),
        "submitter": case.name(case.review.submitter),
        "risk": case.risk(),
        "changed": case.changed_since(conn, &app.desk, task.person_id)?,
        "decided": case.decided(),
        "others": case.others_asked(conn, &task)?,
    });
    Ok(Ok(About {
        case: Some(case),
        key: Key::Task(task.id, end),
        facts,
        enclosed: None,
    }))
}

/// How long a receipt waits for the checkpoint that covers it; then it goes without.
const SEAL_PATIENCE: Duration = Duration::from_secs(60);

/// Whether a receipt should wait a moment longer for its checkpoint.
///
/// # Errors
/// When the database fails.
pub(super) fn waits_for_seal(conn: &mut Conn, owed: &Owed, now: At) -> Result<bool> {
    let Some(task) = owed.task_id.filter(|_| owed.template == "receipt") else {
        return Ok(false);
    };
    if now >= owed.created_at.plus(SEAL_PATIENCE) {
        return Ok(false);
    }
    match review::decision(conn, task)? {
        Some((decision, _)) => seal::waits(conn, u64::try_from(decision.seq).unwrap_or(0)),
        None => Ok(false),
    }
}

/// What a person decided, as the ledger keeps it.
fn receipt(conn: &mut Conn, app: &App, task: TaskId) -> Result<Found> {
    let Some((decision, reason)) = review::decision(conn, task)? else {
        return Ok(Err(UNDECIDED));
    };
    let case = Case::load(
        conn,
        &app.desk,
        decision.record_id,
        Some(decision.review_id),
    )?;
    let seal = Sealing::of(conn, u64::try_from(decision.seq).unwrap_or(0))?;
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
        "seal": json!({ "size": seal.size, "root": seal.root }),
    });
    let enclosed = seal.receipt.map(|text| Enclosed {
        name: format!("receipt-{}.txt", decision.seq),
        text,
    });
    Ok(Ok(About {
        case: Some(case),
        key: Key::Page(format!("/tasks/{task}")),
        facts,
        enclosed,
    }))
}

/// What became of a review, for those who wait for it.
fn ended(case: Case, app: &App, given: &Given, person: &Person, phase: &str) -> Result<Found> {
    let Some(event) = case
        .event(phase)
        .filter(|_| case.review.phase.as_str() == phase)
    else {
        return Ok(Err(MOVED_ON));
    };
    let rule = rule(given.because.as_deref());
    let said = match rule {
        Some(_) => Said::default(),
        None => case.verdict(event),
    };
    let facts = json!({
        "rule": rule,
        "valid_until": case.review.valid_until,
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
        enclosed: None,
    }))
}

/// The rule that ended a review when nobody did, as it is said after "the rules of the workflow".
fn rule(because: Option<&str>) -> Option<&'static str> {
    Some(match because? {
        "timeout" => "the time of a stage ran out",
        "not_covered" => "the time of a stage ran out, and no later stage made up for it",
        "too_many_revisions" => "too many revisions",
        _ => return None,
    })
}

/// Where the link of a message leads, a path and the secret at its end if it has one; and the
/// secret of the address in its header by which digests end.
pub(super) struct Way {
    path: String,
    secret: Option<Secret>,
    unsubscription: Option<Secret>,
}

impl Way {
    /// The address that ends digests, for the header of a mail whose reader may do without.
    pub(super) fn unsubscription(&self, app: &App) -> Option<String> {
        let secret = self.unsubscription.as_ref()?;
        Some(
            app.config
                .link(&format!("/unsubscription/{}", secret.reveal())),
        )
    }
}

/// Makes what the links of a message open. A secret is stored as its hash only: this is the one
/// moment at which anybody could read it.
///
/// # Errors
/// When the database fails.
pub(super) fn link(
    tx: &mut Tx,
    key: Key,
    ends_digests_of: Option<PersonId>,
    now: At,
) -> Result<std::result::Result<Way, Unwanted>> {
    let (path, secret) = match key {
        Key::Page(path) => (path, None),
        Key::Task(task, _) if review::task(tx, task)?.state != "open" => return Ok(Err(SETTLED)),
        Key::Task(task, end) => {
            let secret = review::issue_link(tx, task, now, end)?;
            ("/s/".to_owned(), Some(secret))
        }
        Key::Inbox(person) => {
            let secret = links::issue_inbox(tx, person, now)?;
            ("/inbox/".to_owned(), Some(secret))
        }
        Key::SignIn(person) => match people::sign_in_link(tx, now, person) {
            Ok(secret) => ("/sign-in/".to_owned(), Some(secret)),
            Err(Error::TooMany(_)) => return Ok(Err(ASKED_OFTEN)),
            Err(error) => return Err(error),
        },
    };
    let unsubscription = match ends_digests_of {
        Some(person) => Some(links::issue_unsubscription(tx, person, now)?),
        None => None,
    };
    Ok(Ok(Way {
        path,
        secret,
        unsubscription,
    }))
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

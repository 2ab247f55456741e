//! Messages that are owed: queued with the change that owes them, sent by the worker after.
use crate::db::schema::outbox;
use crate::db::{At, Conn, MessageId, PersonId, RecordId, TaskId, Tx};
use crate::error::Result;
use crate::notify::catalogue::{ASKING, Waits, sort_of};
use crate::on_backend;
use diesel::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// A message to one person. Its text is made when it is sent, from what is true then.
#[derive(Debug, Clone)]
pub struct Message {
    template: &'static str,
    person: PersonId,
    record: Option<RecordId>,
    task: Option<TaskId>,
    context: Value,
    key: Option<String>,
    not_before: Option<At>,
    at_once: bool,
}

impl Message {
    /// A message by `template` (a folder name under `templates/mail`) to `person`.
    pub fn new(template: &'static str, person: PersonId) -> Message {
        Message {
            template,
            person,
            record: None,
            task: None,
            context: json!({}),
            key: None,
            not_before: None,
            at_once: false,
        }
    }

    /// The record it is about.
    pub fn record(mut self, record: RecordId) -> Message {
        self.record = Some(record);
        self
    }

    /// The task it is about.
    pub fn task(mut self, task: TaskId) -> Message {
        self.task = Some(task);
        self
    }

    /// Facts the template needs and nothing else holds; never a secret.
    pub fn context(mut self, context: Value) -> Message {
        self.context = context;
        self
    }

    /// Queues it at most once under this key, however often the same thing is announced.
    pub fn once(mut self, key: &str) -> Message {
        self.key = Some(key.to_owned());
        self
    }

    /// Sends it then at the earliest.
    pub fn not_before(mut self, at: At) -> Message {
        self.not_before = Some(at);
        self
    }

    /// Does not hold it as task mails are held: its reader asked for it.
    pub fn at_once(mut self) -> Message {
        self.at_once = true;
        self
    }
}

/// A message that was claimed for sending.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = outbox)]
pub struct Owed {
    /// Identifier, which makes the Message-ID.
    pub id: MessageId,
    /// Template.
    pub template: String,
    /// To whom.
    pub person_id: PersonId,
    /// About which record.
    pub record_id: Option<RecordId>,
    /// About which task.
    pub task_id: Option<TaskId>,
    /// Facts for the template, as JSON text.
    pub context: String,
    /// How often it was tried, this time included.
    pub attempts: i32,
    /// When it was queued.
    pub created_at: At,
}

/// Queues a message.
///
/// # Errors
/// When the database fails.
pub fn queue(tx: &mut Tx, message: Message, now: At) -> Result<()> {
    let id = MessageId::new();
    let key = message.key.unwrap_or_else(|| id.to_string());
    let sort = sort_of(message.template, message.task.is_some());
    let held = sort.waits == Waits::Hold && !message.at_once;
    let first = message.not_before.map_or(now, |at| at.max(now));
    let row = diesel::insert_into(outbox::table)
        .values((
            outbox::id.eq(id),
            outbox::dedupe_key.eq(key),
            outbox::template.eq(message.template),
            outbox::person_id.eq(message.person),
            outbox::record_id.eq(message.record),
            outbox::task_id.eq(message.task),
            outbox::context.eq(message.context.to_string()),
            outbox::state.eq("queued"),
            outbox::attempts.eq(0),
            outbox::next_attempt_at.eq(first),
            outbox::created_at.eq(now),
            outbox::held.eq(held),
        ))
        .on_conflict(outbox::dedupe_key)
        .do_nothing();
    on_backend!(&mut **tx, c => row.execute(c))?;
    Ok(())
}

/// The messages whose turn it is: queued, not to be tried later, and held long enough.
#[diesel::dsl::auto_type]
fn due(now: At, held_since: At) -> _ {
    outbox::state
        .eq("queued")
        .and(outbox::next_attempt_at.le(now))
        .and(outbox::held.eq(false).or(outbox::created_at.le(held_since)))
}

/// The time a message must have been queued at to be held no more.
fn held_since(now: At, hold: Duration) -> At {
    At(now.0.checked_sub(hold).unwrap_or(now.0))
}

/// Whether a message is due, asked without taking the writer's turn. Task mails are due `hold`
/// after they were queued.
///
/// # Errors
/// When the database fails.
pub fn is_due(conn: &mut Conn, now: At, hold: Duration) -> Result<bool> {
    let due = outbox::table.filter(due(now, held_since(now, hold)));
    Ok(diesel::select(diesel::dsl::exists(due)).get_result(conn)?)
}

/// Takes the oldest due message and hides it until `lease`, so that a worker that dies gives it
/// back. Writers take turns, so two workers never claim one message.
///
/// # Errors
/// When the database fails.
pub fn claim(tx: &mut Tx, now: At, hold: Duration, lease: At) -> Result<Option<Owed>> {
    let due: Option<MessageId> = outbox::table
        .filter(due(now, held_since(now, hold)))
        .order((outbox::next_attempt_at, outbox::id))
        .select(outbox::id)
        .first(&mut **tx)
        .optional()?;
    let Some(id) = due else { return Ok(None) };
    diesel::update(outbox::table.find(id))
        .set((
            outbox::next_attempt_at.eq(lease),
            outbox::attempts.eq(outbox::attempts + 1),
        ))
        .execute(&mut **tx)?;
    Ok(Some(
        outbox::table
            .find(id)
            .select(Owed::as_select())
            .get_result(&mut **tx)?,
    ))
}

/// Notes that a message needs no more: `sent`, `dropped` or `failed`, with the reason. Whether that
/// holds: a bounce may have been faster.
///
/// # Errors
/// When the database fails.
pub fn finish(tx: &mut Tx, id: MessageId, state: &str, why: Option<&str>, now: At) -> Result<bool> {
    let open = outbox::table.find(id).filter(outbox::state.eq("queued"));
    let noted = diesel::update(open)
        .set((
            outbox::state.eq(state),
            outbox::last_error.eq(why),
            outbox::done_at.eq(now),
        ))
        .execute(&mut **tx)?;
    Ok(noted > 0)
}

/// Notes that a message came back after a server had taken it. To whom it had gone; nothing when
/// there is no such message, when it never left, or when this is known.
///
/// # Errors
/// When the database fails.
pub(super) fn bounced(tx: &mut Tx, id: MessageId, why: &str, now: At) -> Result<Option<PersonId>> {
    // One that is on its way may come back before it is noted as sent.
    let left = outbox::state.eq_any(["sent", "queued"]);
    let gone = outbox::table
        .find(id)
        .filter(left.and(outbox::attempts.gt(0)));
    let noted = diesel::update(gone)
        .set((
            outbox::state.eq("bounced"),
            outbox::last_error.eq(why),
            outbox::done_at.eq(now),
        ))
        .execute(&mut **tx)?;
    if noted == 0 {
        return Ok(None);
    }
    let person = outbox::table.find(id).select(outbox::person_id);
    Ok(person.get_result(&mut **tx).optional()?)
}

/// Notes that a message that was sent is late. Whether there is one.
///
/// # Errors
/// When the database fails.
pub(super) fn delayed(tx: &mut Tx, id: MessageId, why: &str) -> Result<bool> {
    let sent = outbox::table.find(id).filter(outbox::state.eq("sent"));
    let noted = diesel::update(sent).set(outbox::last_error.eq(why));
    Ok(noted.execute(&mut **tx)? > 0)
}

/// Puts a message back until `next`, with what went wrong.
///
/// # Errors
/// When the database fails.
pub fn retry(tx: &mut Tx, id: MessageId, next: At, why: &str) -> Result<()> {
    diesel::update(outbox::table.find(id))
        .set((outbox::next_attempt_at.eq(next), outbox::last_error.eq(why)))
        .execute(&mut **tx)?;
    Ok(())
}

/// Puts a message back as if it had not been tried: the server, not the message, was at fault.
///
/// # Errors
/// When the database fails.
pub fn give_back(tx: &mut Tx, id: MessageId, next: At, why: &str) -> Result<()> {
    diesel::update(outbox::table.find(id))
        .set((
            outbox::next_attempt_at.eq(next),
            outbox::attempts.eq(outbox::attempts - 1),
            outbox::last_error.eq(why),
        ))
        .execute(&mut **tx)?;
    Ok(())
}

/// Puts a message back until `next` as if it had not been touched: it is not the hour for it.
///
/// # Errors
/// When the database fails.
pub fn postpone(tx: &mut Tx, id: MessageId, next: At) -> Result<()> {
    diesel::update(outbox::table.find(id))
        .set((
            outbox::next_attempt_at.eq(next),
            outbox::attempts.eq(outbox::attempts - 1),
        ))
        .execute(&mut **tx)?;
    Ok(())
}

/// How many messages wait.
///
/// # Errors
/// When the database fails.
pub fn waiting(conn: &mut Conn) -> Result<i64> {
    Ok(outbox::table
        .filter(outbox::state.eq("queued"))
        .count()
        .get_result(conn)?)
}

/// Where the message with a key stands, for whoever wants to add to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stand {
    /// There is none.
    Unknown,
    /// It was not tried yet, and will tell what is true when it is.
    Waiting,
    /// It was not wanted when its turn came.
    Dropped,
    /// It is on its way or through: what comes up now it does not tell.
    Begun,
}

/// Where the message with this key stands.
///
/// # Errors
/// When the database fails.
pub(super) fn stand(conn: &mut Conn, key: &str) -> Result<Stand> {
    let row = outbox::table
        .filter(outbox::dedupe_key.eq(key))
        .select((outbox::state, outbox::attempts));
    let row: Option<(String, i32)> = row.get_result(conn).optional()?;
    Ok(
        match row.as_ref().map(|(state, tried)| (state.as_str(), *tried)) {
            None => Stand::Unknown,
            Some(("queued", 0)) => Stand::Waiting,
            Some(("dropped", _)) => Stand::Dropped,
            Some(_) => Stand::Begun,
        },
    )
}

/// Queues a message that was dropped once more.
///
/// # Errors
/// When the database fails.
pub(super) fn queue_again(tx: &mut Tx, key: &str, now: At) -> Result<()> {
    let dropped = outbox::table
        .filter(outbox::dedupe_key.eq(key))
        .filter(outbox::state.eq("dropped"));
    diesel::update(dropped)
        .set((
            outbox::state.eq("queued"),
            outbox::attempts.eq(0),
            outbox::next_attempt_at.eq(now),
            outbox::last_error.eq(None::<String>),
            outbox::done_at.eq(None::<At>),
        ))
        .execute(&mut **tx)?;
    Ok(())
}

/// What became of the mail that asks a person to decide a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// It waits to be sent.
    Waiting,
    /// A mail server took it, and it has not come back.
    Sent,
    /// It did not reach them: refused, given up, come back, or never sent.
    NotNotified,
}

/// What became of the mails of these tasks; a task that was never mailed is left out. Of several
/// mails the newest that was tried counts.
///
/// # Errors
/// When the database fails.
pub fn state_of_task_mail(conn: &mut Conn, tasks: &[TaskId]) -> Result<BTreeMap<TaskId, Notice>> {
    let rows: Vec<(Option<TaskId>, String)> = outbox::table
        .filter(outbox::task_id.eq_any(tasks))
        .filter(outbox::template.eq_any(ASKING))
        .order(outbox::id)
        .select((outbox::task_id, outbox::state))
        .load(conn)?;
    let mut notices = BTreeMap::new();
    for (task, state) in rows {
        let Some(task) = task else { continue };
        match state.as_str() {
            "sent" => notices.insert(task, Notice::Sent),
            "queued" => Some(*notices.entry(task).or_insert(Notice::Waiting)),
            _ => notices.insert(task, Notice::NotNotified),
        };
    }
    Ok(notices)
}

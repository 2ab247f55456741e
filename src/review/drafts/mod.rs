//! Drafts of workflows: written by one or more keepers of the policy, published by another.
//!
//! Whoever saved or proposed a draft is its author and never decides about it. A draft knows the
//! version it was made from; when another was published meanwhile it is neither proposed nor
//! published until its authors looked at what it changes now. A change of a proposed draft takes
//! the proposal back.
pub mod api;
pub mod page;
pub mod parts;
mod replay;
mod rows;
mod staff;
mod view;

pub use crate::rules::Refusal;
pub use crate::rules::drafts::{REASON_MAX, State};
pub use replay::{LAST_MAX, simulate, simulate_bundle};
pub use staff::staffing;
pub use view::{DraftLine, line};

use crate::db::{At, Conn, DraftId, PersonId, Tx};
use crate::error::{Error, Result};
use crate::form::FieldError;
use crate::ledger::{self, Actor, Note};
use crate::notify::outbox::{self, Message};
use crate::people;
use crate::review::service::Desk;
use crate::review::simulation::Simulation;
use crate::review::workflows::{self, kind_of};
use crate::workflow::{
    Bundle, Examination, Limits, MAX_BYTES, Problem, Source, examine, laid_out, short_staffed,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a draft for a new key can begin with: its name, what it is, its text.
pub const TEMPLATES: [(&str, &str, &str); 2] = [
    (
        "small",
        "One stage, one person",
        include_str!("../../../templates/workflows/small.json"),
    ),
    (
        "ai_use_case",
        "The default policy for AI use cases",
        include_str!("../../../templates/workflows/ai_use_case.json"),
    ),
];
/// What problems name as the file.
const FILE: &str = "draft";

/// A workflow on its way to being published.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Identifier.
    pub id: DraftId,
    /// Key of the workflow.
    pub key: String,
    /// The version it was made from; 0 for a new workflow.
    pub base: i32,
    /// The workflow, as JSON in its authors' layout.
    pub text: String,
    /// Stage forms it may name besides those that ship with the program.
    pub forms: BTreeMap<String, Value>,
    /// Where it stands.
    pub state: State,
    /// Counts its changes: whoever changes it says which state of it they saw.
    pub seen: i32,
    /// Everybody who saved or proposed it.
    pub authors: BTreeSet<PersonId>,
    /// The entry beside which the reason for sending it back lies.
    pub reason_seq: Option<i64>,
    /// When it was begun.
    pub created_at: At,
    /// When it was last changed.
    pub changed_at: At,
    /// Who discarded it.
    pub discarded_by: Option<PersonId>,
}

/// What a new draft begins with.
#[derive(Debug, Clone)]
pub enum Start {
    /// The version in force.
    InForce,
    /// One of [`TEMPLATES`], by name, for a new key.
    Template(String),
    /// A text.
    Text(String),
}

/// What was found in a draft's text, with the text itself.
#[derive(Debug)]
pub struct Examined {
    /// The text that was looked at.
    pub text: String,
    /// What was found.
    pub found: Examination,
}

/// One draft.
///
/// # Errors
/// [`Error::NotFound`].
pub fn draft(conn: &mut Conn, key: &str, id: DraftId) -> Result<Draft> {
    rows::find(conn, key, id)
}

/// The drafts of a workflow, the latest first; those of every workflow without a key.
///
/// # Errors
/// When the database fails.
pub fn drafts(conn: &mut Conn, key: Option<&str>) -> Result<Vec<Draft>> {
    rows::all(conn, key)
}

/// Begins a draft.
///
/// # Errors
/// [`Error::NotFound`] for a template or version there is none of, [`Refusal::KeyTaken`],
/// [`Error::Invalid`] on `key` or `text`, [`Error::Forbidden`].
pub fn begin(tx: &mut Tx, desk: &Desk, actor: &Actor, key: &str, start: Start) -> Result<Draft> {
    people::keeps_policy(tx, actor)?;
    let now = desk.clock.now();
    let base = workflows::in_force(tx, key)?;
    let mut forms = BTreeMap::new();
    let text = match (start, base) {
        (Start::InForce, 0) => return Err(Error::not_found("workflow", key)),
        (Start::InForce, _) => {
            let (document, extra) = published(tx, desk, key, base)?;
            forms = extra;
            laid_out(&document)
        }
        (Start::Template(name), 0) => from_template(&name, key)?,
        (Start::Template(_), _) => return Err(Refusal::KeyTaken(key.to_owned()).into()),
        (Start::Text(text), _) => short_enough(text)?,
    };
    well_named(key)?;
    let draft = Draft {
        id: DraftId::new(),
        key: key.to_owned(),
        base,
        text,
        forms,
        state: State::Draft,
        seen: 1,
        authors: actor.person.into_iter().collect(),
        reason_seq: None,
        created_at: now,
        changed_at: now,
        discarded_by: None,
    };
    rows::insert(tx, &draft)?;
    let begun = note("workflow.drafted", actor, &draft).data("base_version", base);
    ledger::append(tx, now, begun)?;
    Ok(draft)
}

/// A published version's document, and the stage forms it pins that this program does not ship.
pub(super) fn published(
    conn: &mut Conn,
    desk: &Desk,
    key: &str,
    version: i32,
) -> Result<(Value, BTreeMap<String, Value>)> {
    let mut whole: Value = serde_json::from_str(&workflows::text(conn, key, version)?)?;
    let mut part = |name: &str| whole.get_mut(name).map(Value::take).unwrap_or_default();
    let (document, forms) = (part("workflow"), part("forms"));
    let mut forms: BTreeMap<String, Value> = serde_json::from_value(forms)?;
    forms.retain(|name, _| !desk.kinds.stage_forms.contains_key(name));
    Ok((document, forms))
}

fn from_template(name: &str, key: &str) -> Result<String> {
    let found = TEMPLATES.iter().find(|(known, ..)| *known == name);
    let (_, _, text) = found.ok_or_else(|| Error::not_found("template", name))?;
    let mut document: Value = serde_json::from_str(text)?;
    if let Some(members) = document.as_object_mut() {
        members.insert("key".to_owned(), key.into());
    }
    Ok(laid_out(&document))
}

fn well_named(key: &str) -> Result<()> {
    let mut letters = key.chars();
    let first = letters.next().is_some_and(|c| c.is_ascii_lowercase());
    let rest = letters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if first && rest && key.len() <= 48 {
        return Ok(());
    }
    let sentence = "begin with a letter, then lower-case letters, digits and _, at most 48";
    Err(invalid("key", sentence))
}

fn short_enough(text: String) -> Result<String> {
    if text.len() <= MAX_BYTES {
        return Ok(text);
    }
    Err(invalid(
        "text",
        &format!(
            "at most {MAX_BYTES} bytes are taken, this has {}",
            text.len()
        ),
    ))
}

fn invalid(field: &str, sentence: &str) -> Error {
    Error::Invalid(vec![FieldError::new(field, "other", sentence.to_owned())])
}

/// Saves a text. The same text again changes nothing, whichever state of the draft was seen.
///
/// # Errors
/// [`Error::Stale`] when somebody else saved meanwhile, [`Refusal::Published`],
/// [`Error::Invalid`] for a text that is too long, [`Error::Forbidden`].
pub fn save(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    (key, id): (&str, DraftId),
    seen: i32,
    text: String,
) -> Result<Draft> {
    people::keeps_policy(tx, actor)?;
    let mut draft = open(tx, key, id)?;
    if draft.text == text {
        tx.leave_unchanged();
        return Ok(draft);
    }
    fresh(&draft, seen)?;
    draft.text = short_enough(text)?;
    draft.state = State::Draft;
    changed(tx, desk, actor, &mut draft)?;
    let saved = note("workflow.draft_saved", actor, &draft);
    ledger::append(tx, desk.clock.now(), saved)?;
    Ok(draft)
}

/// A draft that can still change.
fn open(conn: &mut Conn, key: &str, id: DraftId) -> Result<Draft> {
    let draft = rows::find(conn, key, id)?;
    match draft.state.closed() {
        None => Ok(draft),
        Some(closed) => Err(closed.into()),
    }
}

fn fresh(draft: &Draft, seen: i32) -> Result<()> {
    if draft.seen == seen {
        return Ok(());
    }
    Err(Error::Stale {
        seen,
        now: draft.seen,
    })
}

/// Whoever changed it is an author of it.
fn changed(tx: &mut Tx, desk: &Desk, actor: &Actor, draft: &mut Draft) -> Result<()> {
    draft.seen += 1;
    draft.changed_at = desk.clock.now();
    draft.authors.extend(actor.person);
    rows::update(tx, draft)
}

/// Takes the version in force as the base: the text stays, and what it changes is reckoned anew.
///
/// # Errors
/// As [`save`]; nothing is changed when the base is in force.
pub fn rebase(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    (key, id): (&str, DraftId),
    seen: i32,
) -> Result<Draft> {
    people::keeps_policy(tx, actor)?;
    let mut draft = open(tx, key, id)?;
    let now = workflows::in_force(tx, key)?;
    if draft.base == now {
        tx.leave_unchanged();
        return Ok(draft);
    }
    fresh(&draft, seen)?;
    let before = std::mem::replace(&mut draft.base, now);
    draft.state = State::Draft;
    changed(tx, desk, actor, &mut draft)?;
    let moved = note("workflow.draft_rebased", actor, &draft).data("former_base", before);
    ledger::append(tx, desk.clock.now(), moved.data("base_version", now))?;
    Ok(draft)
}

/// Gives a draft up. Its text stays to be read; nothing changes it any more.
///
/// # Errors
/// [`Refusal::Published`], [`Refusal::Discarded`], [`Error::Stale`], [`Error::Forbidden`].
pub fn discard(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    (key, id): (&str, DraftId),
    seen: i32,
) -> Result<Draft> {
    people::keeps_policy(tx, actor)?;
    let mut draft = open(tx, key, id)?;
    fresh(&draft, seen)?;
    let former = draft.state.as_str();
    draft.state = State::Discarded;
    draft.seen += 1;
    draft.changed_at = desk.clock.now();
    draft.discarded_by = actor.person;
    rows::update(tx, &draft)?;
    let given_up = note("workflow.draft_discarded", actor, &draft).data("former_state", former);
    ledger::append(tx, desk.clock.now(), given_up)?;
    Ok(draft)
}

/// Proposes a draft: whoever may publish it is told.
///
/// # Errors
/// [`Refusal::Flawed`], [`Refusal::BaseMoved`], [`Refusal::Same`], [`Refusal::Proposed`],
/// [`Refusal::Published`]; [`Error::Stale`] when `seen` or what was examined is not what stands
/// there now; [`Error::Forbidden`].
pub fn propose(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    (key, id): (&str, DraftId),
    seen: i32,
    examined: &Examined,
) -> Result<Draft> {
    people::keeps_policy(tx, actor)?;
    let mut draft = open(tx, key, id)?;
    if draft.state == State::Proposed {
        return Err(Refusal::Proposed.into());
    }
    fresh(&draft, seen)?;
    let bundle = publishable(tx, &draft, examined)?;
    draft.state = State::Proposed;
    changed(tx, desk, actor, &mut draft)?;
    announce(tx, desk, actor, &draft, bundle)?;
    Ok(draft)
}

/// The entry of a proposal and the messages to whoever may publish it.
fn announce(tx: &mut Tx, desk: &Desk, actor: &Actor, draft: &Draft, bundle: &Bundle) -> Result<()> {
    let now = desk.clock.now();
    let proposed = note("workflow.proposed", actor, draft)
        .subject("workflow_hash", bundle.hash.as_str())
        .data("base_version", draft.base);
    let seq = ledger::append(tx, now, proposed)?;
    let mut keepers = people::holders(tx, "role", people::GOVERNANCE)?;
    keepers.extend(people::holders(tx, "role", people::ADMINISTRATOR)?);
    for person in keepers.difference(&draft.authors) {
        let context = json!({ "workflow": draft.key, "draft": draft.id });
        let mail = Message::new("workflow_proposed", *person).context(context);
        let mail = mail.once(&format!("workflow_proposed:{seq}:{person}"));
        outbox::queue(tx, mail, now)?;
    }
    Ok(())
}

/// Publishes a proposed draft as the next version of its workflow; its number. `tried` is what the
/// simulation found, where one was made.
///
/// # Errors
/// [`Refusal::OwnDraft`] for its authors, [`Refusal::NotProposed`], and as [`propose`].
pub fn publish(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    (key, id): (&str, DraftId),
    seen: i32,
    examined: &Examined,
    tried: Option<&Simulation>,
) -> Result<i32> {
    let mut draft = second_person(tx, actor, (key, id), seen)?;
    let bundle = publishable(tx, &draft, examined)?;
    let authors: Vec<String> = draft.authors.iter().map(ToString::to_string).collect();
    let mut facts = vec![
        ("draft", draft.id.to_string().into()),
        ("authors", authors.into()),
        ("base_version", draft.base.into()),
        ("dry_run", figures(&examined.found)),
    ];
    if let Some(tried) = tried {
        facts.push(("simulation", tried.figures()));
    }
    draft.state = State::Published;
    draft.seen += 1;
    draft.changed_at = desk.clock.now();
    rows::update(tx, &draft)?;
    workflows::publish_with(tx, desk.clock.now(), actor, bundle, facts)
}

fn figures(found: &Examination) -> Value {
    let Some(run) = &found.dry_run else {
        return Value::Null;
    };
    json!({
        "requests": run.requests, "combinations": run.combinations, "routes": run.routes.len(),
        "complete": run.complete,
        "warnings": found.problems.iter().filter(|problem| !problem.is_error()).count(),
    })
}

/// Sends a proposed draft back to its authors.
///
/// # Errors
/// [`Error::Invalid`] without a reason, [`Refusal::OwnDraft`], [`Refusal::NotProposed`],
/// [`Error::Stale`], [`Error::Forbidden`].
pub fn send_back(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    (key, id): (&str, DraftId),
    seen: i32,
    reason: &str,
) -> Result<Draft> {
    let mut draft = second_person(tx, actor, (key, id), seen)?;
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > REASON_MAX {
        let sentence = format!("say what must change, in at most {REASON_MAX} characters");
        return Err(invalid("reason", &sentence));
    }
    let returned = note("workflow.returned", actor, &draft).private("reason", reason);
    let seq = ledger::append(tx, desk.clock.now(), returned)?;
    draft.state = State::Returned;
    draft.seen += 1;
    draft.changed_at = desk.clock.now();
    draft.reason_seq = i64::try_from(seq).ok();
    rows::update(tx, &draft)?;
    Ok(draft)
}

/// The draft, for somebody who may decide about it.
fn second_person(
    tx: &mut Tx,
    actor: &Actor,
    (key, id): (&str, DraftId),
    seen: i32,
) -> Result<Draft> {
    people::keeps_policy(tx, actor)?;
    let draft = open(tx, key, id)?;
    if draft.state != State::Proposed {
        return Err(Refusal::NotProposed.into());
    }
    fresh(&draft, seen)?;
    // The operator proposes on the console and is nobody's second person.
    match actor.person {
        Some(person) if !draft.authors.contains(&person) => Ok(draft),
        _ => Err(Refusal::OwnDraft.into()),
    }
}

/// The bundle of a draft that may go on: examined as it stands, from the version in force,
/// without an error, and saying something new.
fn publishable<'e>(conn: &mut Conn, draft: &Draft, examined: &'e Examined) -> Result<&'e Bundle> {
    if examined.text != draft.text {
        return Err(Error::Stale {
            seen: draft.seen - 1,
            now: draft.seen,
        });
    }
    let now = workflows::in_force(conn, &draft.key)?;
    if now != draft.base {
        let base = draft.base;
        return Err(Refusal::BaseMoved { base, now }.into());
    }
    let mut errors = examined.found.problems.iter().filter(|p| p.is_error());
    let bundle = match (errors.next(), examined.found.publishable()) {
        (None, Some(bundle)) => bundle,
        (first, _) => {
            let first = first.map(|p| format!("{}: {}", p.place, p.message));
            let count = 1 + errors.count();
            let first = first.unwrap_or_default();
            return Err(Refusal::Flawed { count, first }.into());
        }
    };
    if now > 0 && workflows::hash(conn, &draft.key, now)? == bundle.hash {
        return Err(Refusal::Same(now).into());
    }
    Ok(bundle)
}

/// Proposes a checked file in the operator's name. What waits already is left as it is.
///
/// # Errors
/// [`Refusal::Same`] when it is in force.
pub fn propose_file(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    bundle: &Bundle,
    text: &str,
) -> Result<Draft> {
    let (key, now) = (&bundle.workflow.key, desk.clock.now());
    let waiting = drafts(tx, Some(key))?.into_iter();
    let mut waiting = waiting.filter(|d| d.state == State::Proposed && d.text == text);
    let base = workflows::in_force(tx, key)?;
    if let Some(known) = waiting.find(|draft| draft.base == base) {
        tx.leave_unchanged();
        return Ok(known);
    }
    let known = |name: &str, form: &Value| desk.kinds.stage_forms.get(name) == Some(form);
    let forms = bundle
        .forms
        .iter()
        .filter(|(name, form)| !known(name, form));
    let draft = Draft {
        id: DraftId::new(),
        key: key.clone(),
        base,
        text: text.to_owned(),
        forms: forms
            .map(|(name, form)| (name.clone(), form.clone()))
            .collect(),
        state: State::Proposed,
        seen: 1,
        authors: actor.person.into_iter().collect(),
        reason_seq: None,
        created_at: now,
        changed_at: now,
        discarded_by: None,
    };
    rows::insert(tx, &draft)?;
    announce(tx, desk, actor, &draft, bundle)?;
    Ok(draft)
}

/// The reason for sending a draft back, where it is not erased.
///
/// # Errors
/// When the database fails.
pub fn reason(conn: &mut Conn, draft: &Draft) -> Result<Option<String>> {
    let Some(seq) = draft.reason_seq else {
        return Ok(None);
    };
    let opened = ledger::opened(conn, &[seq])?.into_iter();
    let mut reasons = opened.filter(|(_, name, ..)| name == "reason");
    Ok(reasons.next().map(|(.., value)| value))
}

fn note(kind: &str, actor: &Actor, draft: &Draft) -> Note {
    Note::new(kind, actor)
        .subject("workflow", draft.key.as_str())
        .subject("draft", draft.id.to_string())
        .subject("digest", digest(&draft.text, &draft.forms))
}

/// What stands for the draft's text and forms in entries.
pub fn digest(text: &str, forms: &BTreeMap<String, Value>) -> String {
    let forms = forms.iter();
    let forms = forms.map(|(name, form)| format!("\n{name}\n{form}"));
    let whole: String = std::iter::once(text.to_owned()).chain(forms).collect();
    hex::encode(Sha256::digest(whole.as_bytes()))
}

/// Looks at a draft's text: reads it, checks it, tries it out. What was looked at before is
/// remembered.
pub fn examined(desk: &Desk, draft: &Draft) -> Result<Arc<Examined>> {
    let forms = serde_json::to_string(&draft.forms)?;
    let name = [draft.key.as_str(), &forms, &draft.text].join("\n");
    let name = hex::encode(Sha256::digest(name.as_bytes()));
    if let Some(known) = desk.workflows.examined(&name) {
        return Ok(known);
    }
    let examined = Arc::new(look(desk, draft)?);
    desk.workflows.remember(name, &examined);
    Ok(examined)
}

fn look(desk: &Desk, draft: &Draft) -> Result<Examined> {
    let mut forms = desk.kinds.stage_forms.clone();
    forms.extend(draft.forms.clone());
    let kind = kind_of(&draft.text, &desk.kinds)?;
    let limits = Limits::default();
    let mut found = examine(FILE, &draft.text, &kind.schema, &forms, limits);
    let other = found.bundle.as_ref().map(|bundle| &bundle.workflow.key);
    if other.is_some_and(|other| *other != draft.key) {
        let message = format!(
            "this draft is of the workflow `{}`: keep its key",
            draft.key
        );
        let problem = Source::new(FILE, &draft.text, "").value("/key", message);
        found.problems.insert(0, problem);
    }
    Ok(Examined {
        text: draft.text.clone(),
        found,
    })
}

/// What people should know before a draft is published: who is missing for its seats today.
///
/// # Errors
/// When the database fails.
pub fn missing_people(conn: &mut Conn, desk: &Desk, examined: &Examined) -> Result<Vec<Problem>> {
    let Some(bundle) = &examined.found.bundle else {
        return Ok(Vec::new());
    };
    let staffing = staffing(conn, desk)?;
    Ok(short_staffed(
        FILE,
        &examined.text,
        &bundle.workflow,
        &staffing,
    ))
}

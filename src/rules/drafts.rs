//! Drafts: written by one or more keepers of a kind of rules, published by another.
use super::rows::{draft, drafts, insert, update};
use super::{Change, Effect, FILE, Heading, Kind, Read, Refusal, store};
use crate::db::{At, Conn, DraftId, PersonId, Tx};
use crate::error::{Error, Result};
use crate::form::FieldError;
use crate::ledger::{self, Actor, Note};
use crate::people;
use crate::review::Desk;
use crate::workflow::{Problem, Source};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

pub use super::rows::{draft as one, drafts as all};

/// Longest reason for sending a draft back, in characters.
pub const REASON_MAX: usize = 4000;

/// Where a draft stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is being written.
    Draft,
    /// It waits for somebody to publish it or send it back.
    Proposed,
    /// It is a version now.
    Published,
    /// It was sent back.
    Returned,
    /// Its authors, or another keeper of the policy, gave it up.
    Discarded,
}

impl State {
    const ALL: [State; 5] = [
        State::Draft,
        State::Proposed,
        State::Published,
        State::Returned,
        State::Discarded,
    ];

    /// The word, as stored and as the API says it.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Draft => "draft",
            State::Proposed => "proposed",
            State::Published => "published",
            State::Returned => "returned",
            State::Discarded => "discarded",
        }
    }

    /// Why nothing changes a draft any more; nothing while it is open.
    pub fn closed(self) -> Option<Refusal> {
        match self {
            State::Published => Some(Refusal::Published),
            State::Discarded => Some(Refusal::Discarded),
            State::Draft | State::Proposed | State::Returned => None,
        }
    }

    /// The state by its word.
    pub fn named(word: &str) -> Option<State> {
        State::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// A document on its way to being published.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Identifier.
    pub id: DraftId,
    /// The kind of its document.
    pub kind: &'static Kind,
    /// Key of the document.
    pub key: String,
    /// The version it was made from; 0 for a new document.
    pub base: i32,
    /// The document, as JSON in its authors' layout.
    pub text: String,
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

/// What was found in a draft.
#[derive(Debug)]
pub struct Examined {
    /// The text that was looked at.
    pub text: String,
    /// What keeps it from being published.
    pub problems: Vec<Problem>,
    /// What it is, when it can be read.
    pub heading: Option<Heading>,
    /// What it does, when it can be read.
    pub effect: Effect,
}

/// Which draft.
#[derive(Debug, Clone)]
pub struct Place {
    /// The kind of its document.
    pub kind: &'static Kind,
    /// Key of its document.
    pub key: String,
    /// Its identifier.
    pub id: DraftId,
}

/// Begins a draft: from a text, or from the version in force.
///
/// # Errors
/// [`Error::NotFound`] where nothing is in force, [`Error::Invalid`] on `key` or `text`,
/// [`Error::Forbidden`].
pub fn begin(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    (kind, key): (&'static Kind, &str),
    text: Option<String>,
) -> Result<Draft> {
    people::keeps(tx, actor, kind.keepers)?;
    let base = store::in_force(tx, kind, key)?;
    let text = match text {
        Some(text) => short_enough(kind, text)?,
        None if base == 0 && key == kind.first.0 => kind.first.1.to_owned(),
        None => {
            let text = store::source(tx, kind, key, base)?.1;
            serde_json::to_string_pretty(&serde_json::from_str::<Value>(&text)?)?
        }
    };
    well_named(key)?;
    let draft = new(desk, actor, (kind, key), base, text, State::Draft);
    insert(tx, &draft)?;
    let begun = note("drafted", actor, &draft).data("base_version", base);
    ledger::append(tx, desk.clock.now(), begun)?;
    Ok(draft)
}

fn new(
    desk: &Desk,
    actor: &Actor,
    (kind, key): (&'static Kind, &str),
    base: i32,
    text: String,
    state: State,
) -> Draft {
    let now = desk.clock.now();
    Draft {
        id: DraftId::new(),
        kind,
        key: key.to_owned(),
        base,
        text,
        state,
        seen: 1,
        authors: actor.person.into_iter().collect(),
        reason_seq: None,
        created_at: now,
        changed_at: now,
        discarded_by: None,
    }
}

fn well_named(key: &str) -> Result<()> {
    let mut letters = key.chars();
    let first = letters.next().is_some_and(|c| c.is_ascii_lowercase());
    let rest = letters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if first && rest && key.len() <= 64 {
        return Ok(());
    }
    let sentence = "begin with a letter, then lower-case letters, digits and _, at most 64";
    Err(invalid("key", sentence))
}

fn short_enough(kind: &Kind, text: String) -> Result<String> {
    let (most, length) = (kind.max_bytes, text.len());
    if length <= most {
        return Ok(text);
    }
    let sentence = format!("at most {most} bytes are taken, this has {length}");
    Err(invalid("text", &sentence))
}

fn invalid(field: &str, sentence: &str) -> Error {
    Error::Invalid(vec![FieldError::new(field, "other", sentence.to_owned())])
}

/// Saves a text. The same text again changes nothing.
///
/// # Errors
/// [`Error::Stale`] when somebody else saved meanwhile, [`Refusal::Published`],
/// [`Refusal::Discarded`], [`Error::Invalid`] for a text that is too long, [`Error::Forbidden`].
pub fn save(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    place: &Place,
    seen: i32,
    text: String,
) -> Result<Draft> {
    people::keeps(tx, actor, place.kind.keepers)?;
    let mut draft = open(tx, place)?;
    if draft.text == text {
        tx.leave_unchanged();
        return Ok(draft);
    }
    fresh(&draft, seen)?;
    draft.text = short_enough(draft.kind, text)?;
    draft.state = State::Draft;
    changed(tx, desk, actor, &mut draft)?;
    let saved = note("draft_saved", actor, &draft);
    ledger::append(tx, desk.clock.now(), saved)?;
    Ok(draft)
}

/// Takes the version in force as the base: the text stays, and what it changes is reckoned anew.
///
/// # Errors
/// As [`save`]; nothing is changed when the base is in force.
pub fn rebase(tx: &mut Tx, desk: &Desk, actor: &Actor, place: &Place, seen: i32) -> Result<Draft> {
    people::keeps(tx, actor, place.kind.keepers)?;
    let mut draft = open(tx, place)?;
    let now = store::in_force(tx, place.kind, &place.key)?;
    if draft.base == now {
        tx.leave_unchanged();
        return Ok(draft);
    }
    fresh(&draft, seen)?;
    let before = std::mem::replace(&mut draft.base, now);
    draft.state = State::Draft;
    changed(tx, desk, actor, &mut draft)?;
    let moved = note("draft_rebased", actor, &draft).data("former_base", before);
    ledger::append(tx, desk.clock.now(), moved.data("base_version", now))?;
    Ok(draft)
}

/// Gives a draft up. Its text stays to be read; nothing changes it any more.
///
/// # Errors
/// [`Refusal::Published`], [`Refusal::Discarded`], [`Error::Stale`], [`Error::Forbidden`].
pub fn discard(tx: &mut Tx, desk: &Desk, actor: &Actor, place: &Place, seen: i32) -> Result<Draft> {
    people::keeps(tx, actor, place.kind.keepers)?;
    let mut draft = open(tx, place)?;
    fresh(&draft, seen)?;
    let former = draft.state.as_str();
    draft.state = State::Discarded;
    draft.discarded_by = actor.person;
    moved(tx, desk, &mut draft)?;
    let given_up = note("draft_discarded", actor, &draft).data("former_state", former);
    ledger::append(tx, desk.clock.now(), given_up)?;
    Ok(draft)
}

/// Proposes a draft.
///
/// # Errors
/// [`Refusal::Flawed`], [`Refusal::BaseMoved`], [`Refusal::Same`], [`Refusal::Proposed`],
/// [`Refusal::Published`], [`Error::Stale`], [`Error::Forbidden`].
pub fn propose(tx: &mut Tx, desk: &Desk, actor: &Actor, place: &Place, seen: i32) -> Result<Draft> {
    people::keeps(tx, actor, place.kind.keepers)?;
    let mut draft = open(tx, place)?;
    if draft.state == State::Proposed {
        return Err(Refusal::Proposed.into());
    }
    fresh(&draft, seen)?;
    let heading = publishable(tx, &draft)?;
    draft.state = State::Proposed;
    changed(tx, desk, actor, &mut draft)?;
    proposed(tx, desk, actor, &draft, &heading)?;
    Ok(draft)
}

fn proposed(tx: &mut Tx, desk: &Desk, actor: &Actor, draft: &Draft, of: &Heading) -> Result<()> {
    let proposed = note("proposed", actor, draft)
        .subject(&format!("{}_hash", draft.kind.word), of.hash.as_str())
        .data("base_version", draft.base);
    ledger::append(tx, desk.clock.now(), proposed)?;
    Ok(())
}

/// Publishes a proposed draft as the next version of its document; its number. What was found in it
/// was looked for before, because it takes a while.
///
/// # Errors
/// [`Refusal::OwnDraft`] for its authors, [`Refusal::NotProposed`], and as [`propose`];
/// [`Error::Stale`] when something else was looked at.
pub fn publish(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    place: &Place,
    seen: i32,
    found: &Examined,
) -> Result<i32> {
    let mut draft = second_person(tx, actor, place, seen)?;
    if found.text != draft.text {
        let now = draft.seen;
        return Err(Error::Stale { seen: now - 1, now });
    }
    let heading = publishable(tx, &draft)?;
    let authors: Vec<String> = draft.authors.iter().map(ToString::to_string).collect();
    let facts = vec![
        ("draft", draft.id.to_string().into()),
        ("authors", authors.into()),
        ("base_version", draft.base.into()),
        ("dry_run", found.effect.figures.clone()),
    ];
    draft.state = State::Published;
    moved(tx, desk, &mut draft)?;
    let now = desk.clock.now();
    store::publish_with(tx, now, actor, draft.kind, &heading, facts)
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
    place: &Place,
    seen: i32,
    reason: &str,
) -> Result<Draft> {
    let mut draft = second_person(tx, actor, place, seen)?;
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > REASON_MAX {
        let sentence = format!("say what must change, in at most {REASON_MAX} characters");
        return Err(invalid("reason", &sentence));
    }
    let returned = note("returned", actor, &draft).private("reason", reason);
    let seq = ledger::append(tx, desk.clock.now(), returned)?;
    draft.state = State::Returned;
    draft.reason_seq = i64::try_from(seq).ok();
    moved(tx, desk, &mut draft)?;
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
    let mut reasons = ledger::opened(conn, &[seq])?.into_iter();
    let found = reasons.find(|(_, name, ..)| name == "reason");
    Ok(found.map(|(.., value)| value))
}

/// Publishes the first version of a document at once, for somebody must begin; proposes a change
/// in the operator's name.
///
/// # Errors
/// [`Refusal::Flawed`] for what cannot be published.
pub fn put(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    kind: &'static Kind,
    text: &str,
) -> Result<Put> {
    let heading = (kind.read)(tx, text)?.map_err(|problems| flawed(&problems))?;
    let key = heading.key.as_str();
    let base = store::in_force(tx, kind, key)?;
    if base == 0 || store::source(tx, kind, key, base)?.0 == heading.hash {
        let now = desk.clock.now();
        let version = store::publish_with(tx, now, actor, kind, &heading, Vec::new())?;
        return Ok(Put::Version(version));
    }
    let mut waiting = drafts(tx, kind, Some(key))?.into_iter();
    let same = |d: &Draft| d.state == State::Proposed && d.text == text && d.base == base;
    if let Some(known) = waiting.find(same) {
        tx.leave_unchanged();
        return Ok(Put::Proposed(Box::new(known)));
    }
    let draft = new(
        desk,
        actor,
        (kind, key),
        base,
        text.to_owned(),
        State::Proposed,
    );
    insert(tx, &draft)?;
    proposed(tx, desk, actor, &draft, &heading)?;
    Ok(Put::Proposed(Box::new(draft)))
}

fn flawed(problems: &[Problem]) -> Error {
    let first = problems.first();
    let first = first.map(|p| format!("{}: {}", p.place, p.message));
    let (count, first) = (problems.len(), first.unwrap_or_default());
    Refusal::Flawed { count, first }.into()
}

/// What became of a file.
#[derive(Debug)]
pub enum Put {
    /// It is this version.
    Version(i32),
    /// It waits for a second person.
    Proposed(Box<Draft>),
}

/// The draft, for somebody who may decide about it.
fn second_person(tx: &mut Tx, actor: &Actor, place: &Place, seen: i32) -> Result<Draft> {
    people::keeps(tx, actor, place.kind.keepers)?;
    let draft = open(tx, place)?;
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

/// The document of a draft that may go on: without an error, from the version in force, and saying
/// something new.
fn publishable(conn: &mut Conn, draft: &Draft) -> Result<Heading> {
    let now = store::in_force(conn, draft.kind, &draft.key)?;
    if now != draft.base {
        let base = draft.base;
        return Err(Refusal::BaseMoved { base, now }.into());
    }
    let heading = read(conn, draft)?.map_err(|problems| flawed(&problems))?;
    if now > 0 && store::source(conn, draft.kind, &draft.key, now)?.0 == heading.hash {
        return Err(Refusal::Same(now).into());
    }
    Ok(heading)
}

fn read(conn: &mut Conn, draft: &Draft) -> Result<Read> {
    let (kind, key) = (draft.kind, &draft.key);
    Ok(match (kind.read)(conn, &draft.text)? {
        Ok(heading) if heading.key != *key => {
            let message = format!("this draft is of the {} `{key}`: keep its key", kind.title);
            Err(vec![
                Source::new(FILE, &draft.text, "").value("/key", message),
            ])
        }
        read => read,
    })
}

/// Looks at a draft: reads it, checks it, and holds it against the version in force.
///
/// # Errors
/// When the database fails.
pub fn examined(conn: &mut Conn, desk: &Desk, draft: &Draft) -> Result<Examined> {
    let mut examined = Examined {
        text: draft.text.clone(),
        problems: Vec::new(),
        heading: None,
        effect: Effect::default(),
    };
    let heading = match read(conn, draft)? {
        Ok(heading) => heading,
        Err(problems) => {
            examined.problems = problems;
            return Ok(examined);
        }
    };
    let before = match store::in_force(conn, draft.kind, &draft.key)? {
        0 => None,
        now => Some(store::source(conn, draft.kind, &draft.key, now)?.1),
    };
    let change = Change {
        key: &draft.key,
        before: before.as_deref(),
        after: &heading.text,
    };
    examined.effect = (draft.kind.examine)(conn, desk, &change)?;
    examined.heading = Some(heading);
    Ok(examined)
}

/// A draft that can still change.
fn open(conn: &mut Conn, place: &Place) -> Result<Draft> {
    let draft = draft(conn, place)?;
    match draft.state.closed() {
        None => Ok(draft),
        Some(closed) => Err(closed.into()),
    }
}

fn fresh(draft: &Draft, seen: i32) -> Result<()> {
    if draft.seen == seen {
        return Ok(());
    }
    let now = draft.seen;
    Err(Error::Stale { seen, now })
}

/// Whoever changed it is an author of it.
fn changed(tx: &mut Tx, desk: &Desk, actor: &Actor, draft: &mut Draft) -> Result<()> {
    draft.authors.extend(actor.person);
    moved(tx, desk, draft)
}

fn moved(tx: &mut Tx, desk: &Desk, draft: &mut Draft) -> Result<()> {
    draft.seen += 1;
    draft.changed_at = desk.clock.now();
    update(tx, draft)
}

fn note(deed: &str, actor: &Actor, draft: &Draft) -> Note {
    let word = draft.kind.word;
    Note::new(&format!("{word}.{deed}"), actor)
        .subject(word, draft.key.as_str())
        .subject("draft", draft.id.to_string())
        .subject("digest", digest(&draft.text))
}

/// What stands for a draft's text in entries.
pub fn digest(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

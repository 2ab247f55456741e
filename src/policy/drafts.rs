//! Drafts of policies: written by one or more keepers of the policy, published by another. The
//! same states, refusals and second person as for workflows.
use super::{CellChange, Document, Findings, Index, changes, kept, lint, store};
use crate::db::schema::{policy_draft_authors, policy_drafts};
use crate::db::{At, Conn, DraftId, PersonId, Tx};
use crate::error::{Error, Result};
use crate::form::FieldError;
use crate::ledger::{self, Actor, Note};
use crate::on_backend;
use crate::people;
use crate::review::Desk;
use crate::review::drafts::{REASON_MAX, Refusal, State};
use crate::workflow::{Problem, Source, did_you_mean};
use diesel::prelude::*;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// What problems name as the file.
const FILE: &str = "draft";
/// What a new policy can begin with.
pub const TEMPLATE: &str = include_str!("../../templates/policies/data_use.json");

/// A policy on its way to being published.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Identifier.
    pub id: DraftId,
    /// Key of the policy.
    pub key: String,
    /// The version it was made from; 0 for a new policy.
    pub base: i32,
    /// The policy, as JSON in its authors' layout.
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
    /// The document, when it can be read.
    pub document: Option<Document>,
    /// What its author should know.
    pub findings: Findings,
    /// Cells that it answers differently from the version in force.
    pub cells: Vec<CellChange>,
    /// Kept answers that it would answer differently.
    pub answers: Vec<kept::Moved>,
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
    key: &str,
    text: Option<String>,
) -> Result<Draft> {
    people::keeps_policy(tx, actor)?;
    let base = store::in_force(tx, key)?;
    let text = match text {
        Some(text) => short_enough(text)?,
        None => {
            let text = store::source(tx, key, base)?.1;
            serde_json::to_string_pretty(&serde_json::from_str::<Value>(&text)?)?
        }
    };
    well_named(key)?;
    let draft = new(desk, actor, key, base, text, State::Draft);
    insert(tx, &draft)?;
    let begun = note("policy.drafted", actor, &draft).data("base_version", base);
    ledger::append(tx, desk.clock.now(), begun)?;
    Ok(draft)
}

fn new(desk: &Desk, actor: &Actor, key: &str, base: i32, text: String, state: State) -> Draft {
    let now = desk.clock.now();
    Draft {
        id: DraftId::new(),
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

fn short_enough(text: String) -> Result<String> {
    if text.len() <= super::MAX_BYTES {
        return Ok(text);
    }
    let sentence = format!(
        "at most {} bytes are taken, this has {}",
        super::MAX_BYTES,
        text.len()
    );
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
    let saved = note("policy.draft_saved", actor, &draft);
    ledger::append(tx, desk.clock.now(), saved)?;
    Ok(draft)
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
    let now = store::in_force(tx, key)?;
    if draft.base == now {
        tx.leave_unchanged();
        return Ok(draft);
    }
    fresh(&draft, seen)?;
    let before = std::mem::replace(&mut draft.base, now);
    draft.state = State::Draft;
    changed(tx, desk, actor, &mut draft)?;
    let moved = note("policy.draft_rebased", actor, &draft).data("former_base", before);
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
    draft.discarded_by = actor.person;
    moved(tx, desk, &mut draft)?;
    let given_up = note("policy.draft_discarded", actor, &draft).data("former_state", former);
    ledger::append(tx, desk.clock.now(), given_up)?;
    Ok(draft)
}

/// Proposes a draft.
///
/// # Errors
/// [`Refusal::Flawed`], [`Refusal::BaseMoved`], [`Refusal::Same`], [`Refusal::Proposed`],
/// [`Refusal::Published`], [`Error::Stale`], [`Error::Forbidden`].
pub fn propose(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    (key, id): (&str, DraftId),
    seen: i32,
) -> Result<Draft> {
    people::keeps_policy(tx, actor)?;
    let mut draft = open(tx, key, id)?;
    if draft.state == State::Proposed {
        return Err(Refusal::Proposed.into());
    }
    fresh(&draft, seen)?;
    let document = publishable(tx, &draft)?;
    draft.state = State::Proposed;
    changed(tx, desk, actor, &mut draft)?;
    proposed(tx, desk, actor, &draft, &document)?;
    Ok(draft)
}

fn proposed(tx: &mut Tx, desk: &Desk, actor: &Actor, draft: &Draft, of: &Document) -> Result<()> {
    let proposed = note("policy.proposed", actor, draft)
        .subject("policy_hash", of.hash.as_str())
        .data("base_version", draft.base);
    ledger::append(tx, desk.clock.now(), proposed)?;
    Ok(())
}

/// Publishes a proposed draft as the next version of its policy; its number. What was found in it
/// was looked for before, because it takes a while.
///
/// # Errors
/// [`Refusal::OwnDraft`] for its authors, [`Refusal::NotProposed`], and as [`propose`];
/// [`Error::Stale`] when something else was looked at.
pub fn publish(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    (key, id): (&str, DraftId),
    seen: i32,
    found: &Examined,
) -> Result<i32> {
    let mut draft = second_person(tx, actor, (key, id), seen)?;
    if found.text != draft.text {
        let now = draft.seen;
        return Err(Error::Stale { seen: now - 1, now });
    }
    let document = publishable(tx, &draft)?;
    let authors: Vec<String> = draft.authors.iter().map(ToString::to_string).collect();
    let facts = vec![
        ("draft", draft.id.to_string().into()),
        ("authors", authors.into()),
        ("base_version", draft.base.into()),
        ("dry_run", figures(found)),
    ];
    draft.state = State::Published;
    moved(tx, desk, &mut draft)?;
    store::publish_with(tx, desk.clock.now(), actor, &document, facts)
}

/// What is told of a dry run in the entry of a publication.
fn figures(found: &Examined) -> Value {
    json!({
        "cells_changed": found.cells.len(), "answers_changed": found.answers.len(),
        "gaps": found.findings.gap_count, "contradictions": found.findings.contradictions.len(),
        "idle": found.findings.idle.len(),
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
    let returned = note("policy.returned", actor, &draft).private("reason", reason);
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

/// Publishes the first version of a policy at once, for somebody must begin; proposes a change in
/// the operator's name.
///
/// # Errors
/// [`Refusal::Flawed`] for what cannot be published, [`Refusal::Same`] when it is in force.
pub fn put(tx: &mut Tx, desk: &Desk, actor: &Actor, text: &str) -> Result<Put> {
    let flawed = |problems: Vec<Problem>| {
        let first = problems
            .first()
            .map(ToString::to_string)
            .unwrap_or_default();
        let count = problems.len();
        Error::from(Refusal::Flawed { count, first })
    };
    let document = Document::load(FILE, text).map_err(flawed)?;
    let problems = without_workflow(tx, text, &document)?;
    if !problems.is_empty() {
        return Err(flawed(problems));
    }
    let key = &document.policy.key;
    let base = store::in_force(tx, key)?;
    if base == 0 || store::source(tx, key, base)?.0 == document.hash {
        let version = store::publish_with(tx, desk.clock.now(), actor, &document, Vec::new())?;
        return Ok(Put::Version(version));
    }
    let mut waiting = drafts(tx, Some(key))?.into_iter();
    let same = |d: &Draft| d.state == State::Proposed && d.text == text && d.base == base;
    if let Some(known) = waiting.find(same) {
        tx.leave_unchanged();
        return Ok(Put::Proposed(Box::new(known)));
    }
    let draft = new(desk, actor, key, base, text.to_owned(), State::Proposed);
    insert(tx, &draft)?;
    proposed(tx, desk, actor, &draft, &document)?;
    Ok(Put::Proposed(Box::new(draft)))
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

/// The document of a draft that may go on: without an error, from the version in force, and saying
/// something new.
fn publishable(conn: &mut Conn, draft: &Draft) -> Result<Document> {
    let now = store::in_force(conn, &draft.key)?;
    if now != draft.base {
        let base = draft.base;
        return Err(Refusal::BaseMoved { base, now }.into());
    }
    let document = match read(conn, draft)? {
        Ok(document) => document,
        Err(problems) => {
            let first = problems.first();
            let first = first.map(|p| format!("{}: {}", p.place, p.message));
            let (count, first) = (problems.len(), first.unwrap_or_default());
            return Err(Refusal::Flawed { count, first }.into());
        }
    };
    if now > 0 && store::source(conn, &draft.key, now)?.0 == document.hash {
        return Err(Refusal::Same(now).into());
    }
    Ok(document)
}

fn read(conn: &mut Conn, draft: &Draft) -> Result<std::result::Result<Document, Vec<Problem>>> {
    let document = match Document::load(FILE, &draft.text) {
        Ok(document) => document,
        Err(problems) => return Ok(Err(problems)),
    };
    let mut problems = without_workflow(conn, &draft.text, &document)?;
    if document.policy.key != draft.key {
        let message = format!("this draft is of the policy `{}`: keep its key", draft.key);
        problems.push(Source::new(FILE, &draft.text, "").value("/key", message));
    }
    Ok(if problems.is_empty() {
        Ok(document)
    } else {
        Err(problems)
    })
}

/// Rules that name a workflow there is none of.
fn without_workflow(conn: &mut Conn, text: &str, document: &Document) -> Result<Vec<Problem>> {
    let versions = crate::review::workflows::versions(conn)?;
    let known: BTreeSet<&str> = versions
        .iter()
        .map(|version| version.key.as_str())
        .collect();
    let source = Source::new(FILE, text, "");
    let mut problems = Vec::new();
    for (index, rule) in document.policy.rules.iter().enumerate() {
        let missing = rule.workflow.as_deref().filter(|key| !known.contains(key));
        if let Some(key) = missing {
            let hint = did_you_mean(key, known.iter().copied());
            let message = format!("there is no workflow `{key}`{hint}");
            problems.push(source.value(&format!("/rules/{index}/workflow"), message));
        }
    }
    Ok(problems)
}

/// Looks at a draft: reads it, checks it, and holds it against the version in force and the kept
/// answers.
///
/// # Errors
/// When the database fails.
pub fn examined(conn: &mut Conn, desk: &Desk, draft: &Draft) -> Result<Examined> {
    let mut examined = Examined {
        text: draft.text.clone(),
        problems: Vec::new(),
        document: None,
        findings: Findings::default(),
        cells: Vec::new(),
        answers: Vec::new(),
    };
    let document = match read(conn, draft)? {
        Ok(document) => document,
        Err(problems) => {
            examined.problems = problems;
            return Ok(examined);
        }
    };
    let today = desk.today().0;
    let index = Index::new(document.policy.clone());
    examined.findings = lint(&index, today);
    if store::in_force(conn, &draft.key)? > 0 {
        let now = store::current(conn, &desk.policies, &draft.key)?;
        examined.cells = changes(&now.index, &index, today);
        examined.answers = kept::moved(conn, &now.index, &index, &draft.key, today)?;
    }
    examined.document = Some(document);
    Ok(examined)
}

/// A draft that can still change.
fn open(conn: &mut Conn, key: &str, id: DraftId) -> Result<Draft> {
    let draft = draft(conn, key, id)?;
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

fn note(kind: &str, actor: &Actor, draft: &Draft) -> Note {
    Note::new(kind, actor)
        .subject("policy", draft.key.as_str())
        .subject("draft", draft.id.to_string())
        .subject("digest", digest(&draft.text))
}

/// What stands for a draft's text in entries.
pub fn digest(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

type Fields = (
    DraftId,
    String,
    i32,
    String,
    String,
    i32,
    Option<i64>,
    At,
    At,
    Option<PersonId>,
);

/// One draft.
///
/// # Errors
/// [`Error::NotFound`].
pub fn draft(conn: &mut Conn, key: &str, id: DraftId) -> Result<Draft> {
    let row: Option<Fields> = policy_drafts::table
        .filter(policy_drafts::id.eq(id).and(policy_drafts::key.eq(key)))
        .get_result(conn)
        .optional()?;
    let row = row.ok_or_else(|| Error::not_found("draft", id))?;
    whole(conn, row)
}

/// The drafts of a policy, the latest first; those of every policy without a key.
///
/// # Errors
/// When the database fails.
pub fn drafts(conn: &mut Conn, key: Option<&str>) -> Result<Vec<Draft>> {
    let mut rows = policy_drafts::table.into_boxed();
    if let Some(key) = key {
        rows = rows.filter(policy_drafts::key.eq(key.to_owned()));
    }
    let order = (policy_drafts::changed_at.desc(), policy_drafts::id.desc());
    let rows: Vec<Fields> = rows.order(order).limit(100).load(conn)?;
    rows.into_iter().map(|row| whole(conn, row)).collect()
}

fn whole(conn: &mut Conn, row: Fields) -> Result<Draft> {
    let (id, key, base, text, state, seen, reason_seq, created_at, changed_at, by) = row;
    let authors: Vec<PersonId> = policy_draft_authors::table
        .filter(policy_draft_authors::draft_id.eq(id))
        .select(policy_draft_authors::person_id)
        .load(conn)?;
    let odd = || Error::Corrupt(format!("draft {id} is {state}"));
    Ok(Draft {
        id,
        key,
        base,
        text,
        state: State::named(&state).ok_or_else(odd)?,
        seen,
        authors: authors.into_iter().collect(),
        reason_seq,
        created_at,
        changed_at,
        discarded_by: by,
    })
}

fn insert(tx: &mut Tx, draft: &Draft) -> Result<()> {
    diesel::insert_into(policy_drafts::table)
        .values((
            policy_drafts::id.eq(draft.id),
            policy_drafts::key.eq(&draft.key),
            policy_drafts::base.eq(draft.base),
            policy_drafts::text.eq(&draft.text),
            policy_drafts::state.eq(draft.state.as_str()),
            policy_drafts::seen.eq(draft.seen),
            policy_drafts::created_at.eq(draft.created_at),
            policy_drafts::changed_at.eq(draft.changed_at),
        ))
        .execute(&mut **tx)?;
    authors(tx, draft)
}

fn update(tx: &mut Tx, draft: &Draft) -> Result<()> {
    diesel::update(policy_drafts::table.find(draft.id))
        .set((
            policy_drafts::base.eq(draft.base),
            policy_drafts::text.eq(&draft.text),
            policy_drafts::state.eq(draft.state.as_str()),
            policy_drafts::seen.eq(draft.seen),
            policy_drafts::reason_seq.eq(draft.reason_seq),
            policy_drafts::changed_at.eq(draft.changed_at),
            policy_drafts::discarded_by.eq(draft.discarded_by),
        ))
        .execute(&mut **tx)?;
    authors(tx, draft)
}

fn authors(tx: &mut Tx, draft: &Draft) -> Result<()> {
    for person in &draft.authors {
        let row = diesel::insert_into(policy_draft_authors::table)
            .values((
                policy_draft_authors::draft_id.eq(draft.id),
                policy_draft_authors::person_id.eq(*person),
            ))
            .on_conflict((
                policy_draft_authors::draft_id,
                policy_draft_authors::person_id,
            ))
            .do_nothing();
        on_backend!(&mut **tx, c => row.execute(c))?;
    }
    Ok(())
}

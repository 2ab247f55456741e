//! The snapshot of what the tables say.
use crate::db::schema::{
    absences, api_tokens, calendars, conditions, decisions, erased_values, ledger_entries,
    ledger_index, ledger_private, memberships, people, person_links, policy_answers, record_facets,
    records, reviews, revisions, tasks, timers, unreachable_people, workflow_draft_authors,
    workflow_drafts, workflows,
};
use crate::db::{At, ConditionId, Conn, PersonId, TaskId, TimerId};
use crate::error::{Error, Result};
use crate::ledger::entry::{Entry, commitment};
use crate::register::{self, Kinds, Record, Revision};
use crate::replay::entries::place_fields;
use crate::replay::joins;
use crate::replay::reviews::{Columns, fields, object};
use crate::replay::{Key, Snapshot, Thing, vendors};
use crate::review::drafts;
use crate::review::engine::{CONDITIONS_MAX, Review, merge};
use crate::review::{ConditionRow, DecisionRow, Place};
use diesel::prelude::*;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};

/// What the tables say. `open` adds tasks and timers.
///
/// # Errors
/// When the database fails or holds what cannot be read.
pub fn snapshot(conn: &mut Conn, kinds: &Kinds, open: bool) -> Result<Snapshot> {
    let mut all = Snapshot::new();
    let beside = Beside::read(conn)?;
    of_people(conn, &beside, &mut all)?;
    of_erased(conn, &mut all)?;
    of_absences(conn, &beside, &mut all)?;
    super::guardians::of_guardians(conn, &beside, &mut all)?;
    of_access(conn, &mut all)?;
    of_versions(conn, &mut all)?;
    of_drafts(conn, &mut all)?;
    super::rules::of_rules(conn, &mut all)?;
    super::evidence::of_evidence(conn, &mut all)?;
    super::gates::of_gates(conn, &mut all)?;
    super::oversight::of_oversight(conn, &mut all)?;
    super::risk::of_risk(conn, &mut all)?;
    of_answers(conn, &mut all)?;
    joins::stored(conn, &mut all)?;
    of_records(conn, kinds, &mut all)?;
    of_reviews(conn, &beside, &mut all)?;
    of_decisions(conn, &beside, &mut all)?;
    vendors::of_vendors(conn, &mut all)?;
    if open {
        of_open(conn, &mut all)?;
    }
    Ok(all)
}

pub(super) fn put(all: &mut Snapshot, key: Key, fields: Value) {
    let fields = object(fields);
    debug_assert!(
        ["task", "timer"].contains(&key.thing)
            || super::packaged::things().any(|thing| thing == key.thing),
        "a package would not know {}",
        key.thing
    );
    all.insert(key, Thing { fields, last: None });
}

/// What lies beside the ledger, and the entries whose commitments stand for it.
pub(super) struct Beside {
    /// Salt and value by entry and name.
    opened: HashMap<(i64, String), (Vec<u8>, String)>,
    /// The entries that added people, and those that set absences last.
    told: HashMap<String, i64>,
    /// The commitments of erased values, by entry and name.
    erased: HashMap<(i64, String), String>,
}

impl Beside {
    fn read(conn: &mut Conn) -> Result<Beside> {
        let rows: Vec<(i64, String, Vec<u8>, String)> = ledger_private::table
            .filter(
                ledger_private::name
                    .ne("reason")
                    .and(ledger_private::name.ne("evidence")),
            )
            .load(conn)?;
        let opened = rows.into_iter();
        let opened = opened.map(|(seq, name, salt, value)| ((seq, name), (salt, value)));
        let rows: Vec<(i64, Vec<u8>)> = ledger_index::table
            .inner_join(ledger_entries::table)
            .filter(ledger_index::kind.eq_any(["person.added", "absence.set"]))
            .order(ledger_index::seq)
            .select((ledger_index::seq, ledger_entries::entry))
            .load(conn)?;
        let mut told = HashMap::new();
        for (seq, text) in rows {
            let entry =
                Entry::parse(&text).map_err(|why| Error::Corrupt(format!("entry {seq}: {why}")))?;
            let of = |name: &str| entry.subject.get(name).and_then(Value::as_str);
            if let Some(id) = of("absence").or(of("person")) {
                told.insert(id.to_owned(), seq);
            }
        }
        let opened = opened.collect();
        let erased = erased(conn)?;
        Ok(Beside {
            opened,
            told,
            erased,
        })
    }

    /// What stands for `value` in the entry, if it is what the entry was made with.
    pub(super) fn commitment(&self, seq: Option<i64>, name: &str, value: &str) -> Value {
        let at = seq.map(|seq| (seq, name.to_owned()));
        let erased = at.as_ref().and_then(|at| self.erased.get(at));
        if let Some(promised) = erased.filter(|_| is_erased(name, value)) {
            return promised.as_str().into();
        }
        let known = at.and_then(|at| self.opened.get(&at));
        match known.and_then(|(salt, _)| <[u8; 32]>::try_from(salt.as_slice()).ok()) {
            Some(salt) => hex::encode(commitment(&salt, name, value.as_bytes())).into(),
            None => "a value without its salt".into(),
        }
    }

    fn told(&self, id: impl ToString) -> Option<i64> {
        self.told.get(&id.to_string()).copied()
    }
}

/// Whether `value` is what stands in the place of an erased value called `name`.
fn is_erased(name: &str, value: &str) -> bool {
    let condition = name.starts_with("condition_") && value == crate::review::ERASED;
    condition || crate::people::is_erased(name, value)
}

/// What erased values were promised to be, by the entries that they lay beside.
fn erased(conn: &mut Conn) -> Result<HashMap<(i64, String), String>> {
    let rows: Vec<(i64, String, Vec<u8>)> = erased_values::table
        .inner_join(ledger_entries::table.on(ledger_entries::seq.eq(erased_values::seq)))
        .select((
            erased_values::seq,
            erased_values::name,
            ledger_entries::entry,
        ))
        .load(conn)?;
    let mut erased = HashMap::new();
    for (seq, name, text) in rows {
        let entry =
            Entry::parse(&text).map_err(|why| Error::Corrupt(format!("entry {seq}: {why}")))?;
        if let Some(promised) = entry.private.get(&name) {
            erased.insert((seq, name), hex::encode(promised));
        }
    }
    Ok(erased)
}

fn of_erased(conn: &mut Conn, all: &mut Snapshot) -> Result<()> {
    let rows: Vec<(i64, String, i64)> = erased_values::table.load(conn)?;
    for (seq, name, entry) in rows {
        let key = Key::new("erased_value", format!("{seq}:{name}"));
        put(all, key, json!({ "entry": entry }));
    }
    Ok(())
}

type PersonRow = (
    PersonId,
    String,
    String,
    bool,
    bool,
    Option<PersonId>,
    bool,
    Option<String>,
);

fn of_people(conn: &mut Conn, beside: &Beside, all: &mut Snapshot) -> Result<()> {
    let rows: Vec<PersonRow> = people::table
        .left_join(unreachable_people::table)
        .select((
            people::id,
            people::email,
            people::name,
            people::active,
            people::reachable,
            people::manager_id,
            people::digest,
            unreachable_people::code.nullable(),
        ))
        .load(conn)?;
    for (id, email, name, active, reachable, manager, digest, code) in rows {
        let seq = beside.told(id);
        let unreachable = match (reachable, code) {
            (false, None) => json!("it is not said why"),
            (true, Some(code)) => json!(format!("{code}, and yet reachable")),
            (_, code) => json!(code),
        };
        let fields = json!({
            "name": beside.commitment(seq, "name", &name),
            "email": beside.commitment(seq, "email", &email),
            "active": active, "manager": manager, "digest": digest, "unreachable": unreachable,
        });
        put(all, Key::new("person", id), fields);
    }
    let rows: Vec<(String, String, PersonId)> = memberships::table.load(conn)?;
    for (what, name, person) in rows {
        put(
            all,
            Key::new("holding", format!("{what}:{name}:{person}")),
            json!({}),
        );
    }
    Ok(())
}

type AbsenceRow = (
    String,
    PersonId,
    String,
    String,
    Option<PersonId>,
    Option<At>,
);

fn of_absences(conn: &mut Conn, beside: &Beside, all: &mut Snapshot) -> Result<()> {
    let rows: Vec<AbsenceRow> = absences::table
        .select((
            absences::id,
            absences::person_id,
            absences::from_day,
            absences::until_day,
            absences::delegate_id,
            absences::ended_at,
        ))
        .load(conn)?;
    for (id, person, from, until, delegate, ended) in rows {
        let days = format!("{from}/{until}");
        let fields = json!({
            "person": person, "delegate": delegate, "ended": ended.is_some(),
            "days": beside.commitment(beside.told(&id), "days", &days),
        });
        put(all, Key::new("absence", id), fields);
    }
    Ok(())
}

type TokenRow = (String, String, PersonId, String, Option<At>, Option<At>);

fn of_access(conn: &mut Conn, all: &mut Snapshot) -> Result<()> {
    let rows: Vec<TokenRow> = api_tokens::table
        .select((
            api_tokens::id,
            api_tokens::token_hash,
            api_tokens::person_id,
            api_tokens::scopes,
            api_tokens::expires_at,
            api_tokens::revoked_at,
        ))
        .load(conn)?;
    for (id, hash, person, scopes, expires, revoked) in rows {
        let scopes: Vec<&str> = scopes.split_whitespace().collect();
        let fields = json!({
            "person": person, "digest": crate::people::token_digest(&hash), "scopes": scopes,
            "expires_at": expires.map(|at| at.to_string()), "revoked": revoked.is_some(),
        });
        put(all, Key::new("token", id), fields);
    }
    let feeds: Vec<PersonId> = person_links::table
        .filter(person_links::purpose.eq("calendar"))
        .select(person_links::person_id)
        .load(conn)?;
    for person in feeds {
        put(all, Key::new("calendar_link", person), json!({}));
    }
    Ok(())
}

/// A hash that is kept beside its text, if it still is its hash.
pub(super) fn hash_of(kept: String, text: &str) -> Value {
    match hex::encode(Sha256::digest(text.as_bytes())) == kept {
        true => kept.into(),
        false => format!("{kept}, which its text no longer has").into(),
    }
}

type CalendarRow = (String, i32, String, String, Option<PersonId>);
type WorkflowRow = (String, i32, String, String, bool, Option<PersonId>);

fn of_versions(conn: &mut Conn, all: &mut Snapshot) -> Result<()> {
    let rows: Vec<CalendarRow> = calendars::table
        .select((
            calendars::key,
            calendars::version,
            calendars::hash,
            calendars::text,
            calendars::kept_by,
        ))
        .load(conn)?;
    for (key, version, hash, text, by) in rows {
        let key = Key::new("calendar", format!("{key}:{version}"));
        put(all, key, json!({ "hash": hash_of(hash, &text), "by": by }));
    }
    let rows: Vec<WorkflowRow> = workflows::table
        .select((
            workflows::key,
            workflows::version,
            workflows::hash,
            workflows::text,
            workflows::active,
            workflows::published_by,
        ))
        .load(conn)?;
    for (key, version, hash, text, active, by) in rows {
        let key = Key::new("workflow", format!("{key}:{version}"));
        let fields = json!({ "hash": hash_of(hash, &text), "active": active, "by": by });
        put(all, key, fields);
    }
    Ok(())
}

type DraftRow = (
    String,
    String,
    i32,
    String,
    String,
    String,
    i32,
    Option<PersonId>,
);

fn of_drafts(conn: &mut Conn, all: &mut Snapshot) -> Result<()> {
    let rows: Vec<(String, PersonId)> = workflow_draft_authors::table.load(conn)?;
    let mut authors: HashMap<String, Vec<String>> = HashMap::new();
    for (draft, person) in rows {
        authors.entry(draft).or_default().push(person.to_string());
    }
    let rows: Vec<DraftRow> = workflow_drafts::table
        .select((
            workflow_drafts::id,
            workflow_drafts::key,
            workflow_drafts::base,
            workflow_drafts::text,
            workflow_drafts::forms,
            workflow_drafts::state,
            workflow_drafts::seen,
            workflow_drafts::discarded_by,
        ))
        .load(conn)?;
    for (id, key, base, text, forms, state, seen, discarded_by) in rows {
        let forms: BTreeMap<String, Value> = serde_json::from_str(&forms)?;
        let mut authors = authors.remove(&id).unwrap_or_default();
        authors.sort();
        let fields = json!({
            "workflow": key, "base": base, "state": state, "seen": seen, "authors": authors,
            "digest": drafts::digest(&text, &forms), "discarded_by": discarded_by,
        });
        put(all, Key::new("draft", id), fields);
    }
    Ok(())
}

type AnswerRow = (
    String,
    i64,
    String,
    i32,
    String,
    String,
    String,
    PersonId,
    Option<String>,
);

fn of_answers(conn: &mut Conn, all: &mut Snapshot) -> Result<()> {
    let rows: Vec<AnswerRow> = policy_answers::table
        .select((
            policy_answers::id,
            policy_answers::seq,
            policy_answers::policy_key,
            policy_answers::policy_version,
            policy_answers::asked,
            policy_answers::verdict,
            policy_answers::rules,
            policy_answers::person_id,
            policy_answers::record_id,
        ))
        .load(conn)?;
    for (id, seq, key, version, asked, verdict, rules, person, record) in rows {
        // What cannot be read was not written by us, and so differs from its entry.
        let read = |text: String| serde_json::from_str(&text).unwrap_or(Value::String(text));
        let fields = json!({
            "policy": key, "version": version, "asked": read(asked), "verdict": verdict,
            "rules": read(rules), "person": person, "record": record, "entry": seq,
        });
        put(all, Key::new("answer", id), fields);
    }
    Ok(())
}

fn is_whole(revision: &Revision) -> bool {
    let digest = revision.redacted_digest.as_ref();
    register::digest_of(revision).as_ref() == Some(digest.unwrap_or(&revision.digest))
}

fn of_records(conn: &mut Conn, kinds: &Kinds, all: &mut Snapshot) -> Result<()> {
    let mut texts = HashMap::new();
    let rows: Vec<Revision> = revisions::table.select(Revision::as_select()).load(conn)?;
    for row in rows {
        let key = Key::new("revision", format!("{}:{}", row.record_id, row.number));
        let digest = match is_whole(&row) {
            true => row.digest.clone(),
            false => format!("{}, which its text no longer has", row.digest),
        };
        let mut fields = json!({ "digest": digest, "author": row.author_id });
        if let (Some(left), Some(fields)) = (&row.redacted_digest, fields.as_object_mut()) {
            fields.insert("redacted".to_owned(), json!(left));
        }
        put(all, key, fields);
        texts.insert((row.record_id, row.number), row);
    }
    let mut facets: HashMap<String, Vec<(String, String)>> = HashMap::new();
    let rows: Vec<(String, String, String)> = record_facets::table.load(conn)?;
    for (record, field, value) in rows {
        facets.entry(record).or_default().push((field, value));
    }
    let rows: Vec<(Record, String)> = records::table
        .select((Record::as_select(), records::body))
        .load(conn)?;
    for (record, body) in rows {
        let mut facets = facets.remove(&record.id.to_string()).unwrap_or_default();
        facets.sort();
        let shown = register::Shown {
            title: record.title.clone(),
            body,
            facets,
        };
        let revision = texts.get(&(record.id, record.revision));
        let revision = revision.filter(|revision| is_whole(revision));
        let follows = match (kinds.by_key(&record.kind), revision) {
            (Ok(kind), Some(revision)) => {
                register::Shown::of(kind, &revision.document()?).ok() == Some(shown)
            }
            // What is wrong with the revision itself is told of it.
            _ => true,
        };
        let content = if follows {
            "of its revision"
        } else {
            "of no revision"
        };
        let fields = json!({
            "kind": record.kind, "reference": record.reference, "owner": record.owner_id,
            "submitter": record.submitter_id, "revision": record.revision, "content": content,
        });
        let key = Key::new("record", record.id);
        put(all, key.clone(), fields);
        if let Some(thing) = all.get_mut(&key) {
            thing
                .fields
                .extend(object(place_fields(&Place::of(&record))));
        }
    }
    Ok(())
}

type ReviewRow = (
    String,
    String,
    String,
    i32,
    String,
    String,
    At,
    Option<At>,
    Option<String>,
    Option<At>,
);

fn of_reviews(conn: &mut Conn, beside: &Beside, all: &mut Snapshot) -> Result<()> {
    let mut made: HashMap<String, Vec<DecisionRow>> = HashMap::new();
    let rows: Vec<DecisionRow> = decisions::table
        .order(decisions::seq)
        .select(DecisionRow::as_select())
        .load(conn)?;
    for row in rows {
        made.entry(row.review_id.to_string()).or_default().push(row);
    }
    let rows: Vec<ReviewRow> = reviews::table
        .select((
            reviews::id,
            reviews::record_id,
            reviews::workflow_key,
            reviews::workflow_version,
            reviews::phase,
            reviews::state,
            reviews::opened_at,
            reviews::closed_at,
            reviews::route,
            reviews::override_until,
        ))
        .load(conn)?;
    for (id, record, workflow, version, phase, state, opened, closed, route, until) in rows {
        let review: Review = serde_json::from_str(&state)?;
        let decisions = made.remove(&id).unwrap_or_default();
        let columns = Columns {
            phase,
            workflow,
            version,
            record,
            opened_at: opened,
            closed_at: closed,
            route,
            override_until: until,
        };
        let answers = answers(beside, &review, &decisions);
        put(
            all,
            Key::new("review", id),
            Value::Object(fields(columns, &review, &answers)),
        );
    }
    Ok(())
}

/// What stands for the answers of each stage, where the state has the very answers that lie beside
/// the entries.
fn answers(beside: &Beside, review: &Review, made: &[DecisionRow]) -> BTreeMap<String, Vec<Value>> {
    let mut all = BTreeMap::new();
    for (stage, run) in &review.stages {
        let of_epoch = made
            .iter()
            .filter(|row| row.stage == *stage && u32::try_from(row.epoch).ok() == Some(run.epoch));
        let (mut merged, mut committed) = (json!({}), Vec::new());
        for row in of_epoch.filter(|row| row.outcome.starts_with("approve")) {
            let at = (row.seq, "answers".to_owned());
            if let Some(promised) = beside.erased.get(&at) {
                committed.push(promised.as_str().into());
            }
            let opened = beside.opened.get(&at);
            if let Some((_, value)) = opened {
                merge(
                    &mut merged,
                    &serde_json::from_str(value).unwrap_or_default(),
                );
                committed.push(beside.commitment(Some(row.seq), "answers", value));
            }
        }
        if merged != run.answers {
            committed.push("answers that nobody gave".into());
        }
        all.insert(stage.clone(), committed);
    }
    all
}

fn of_decisions(conn: &mut Conn, beside: &Beside, all: &mut Snapshot) -> Result<()> {
    let rows: Vec<(DecisionRow, Option<String>)> = decisions::table
        .left_join(tasks::table.on(tasks::id.eq(decisions::id)))
        .select((DecisionRow::as_select(), tasks::state.nullable()))
        .load(conn)?;
    let mut entries = HashMap::new();
    for (row, task) in rows {
        entries.insert(row.id, row.seq);
        let fields = json!({
            "review": row.review_id, "record": row.record_id, "stage": row.stage,
            "epoch": row.epoch, "person": row.person_id, "on_behalf_of": row.on_behalf_of,
            "outcome": row.outcome, "revision": row.revision, "digest": row.digest,
            "method": row.method, "entry": row.seq, "at": row.decided_at.to_string(),
            "task": task,
        });
        put(all, Key::new("decision", row.id), fields);
    }
    let rows: Vec<ConditionRow> = conditions::table
        .select(ConditionRow::as_select())
        .load(conn)?;
    for row in rows {
        let seq = entries.get(&row.decision_id).copied();
        let index = (0..CONDITIONS_MAX)
            .find(|index| ConditionId::of(row.decision_id, *index) == row.id)
            .map_or(0, |index| index + 1);
        let text = beside.commitment(seq, &format!("condition_{index}"), &row.text);
        let fields = json!({
            "decision": row.decision_id, "record": row.record_id, "owner": row.owner_id,
            "due": row.due, "due_at": row.due_at.map(|at| at.to_string()), "state": row.state,
            "text": text,
        });
        put(all, Key::new("condition", row.id), fields);
    }
    Ok(())
}

type TaskRow = (TaskId, String, String, String, i32, PersonId, Option<At>);

fn of_open(conn: &mut Conn, all: &mut Snapshot) -> Result<()> {
    let rows: Vec<TaskRow> = tasks::table
        .filter(tasks::state.eq("open"))
        .select((
            tasks::id,
            tasks::review_id,
            tasks::record_id,
            tasks::stage,
            tasks::epoch,
            tasks::person_id,
            tasks::due_at,
        ))
        .load(conn)?;
    for (id, review, record, stage, epoch, person, due) in rows {
        let fields = json!({
            "review": review, "record": record, "stage": stage, "epoch": epoch,
            "person": person, "due_at": due.map(|at| at.to_string()),
        });
        put(all, Key::new("task", id), fields);
    }
    let rows: Vec<(TimerId, String, String, At)> = timers::table
        .select((
            timers::id,
            timers::review_id,
            timers::timer,
            timers::fire_at,
        ))
        .load(conn)?;
    for (id, review, timer, at) in rows {
        let fields = json!({ "review": review, "timer": timer, "at": at.to_string() });
        put(all, Key::new("timer", id), fields);
    }
    Ok(())
}

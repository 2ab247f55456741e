//! Changes at vendors: reported by anybody, confirmed or dismissed by whoever keeps vendors, closed
//! when what depends on the vendor was reviewed again.
use super::refusal::Refusal;
use super::store::{self, CaseState, Change, State};
use super::{dependants, letters};
use crate::db::{Conn, Day, PersonId, RecordId, Tx, VendorChangeId};
use crate::error::{Error, Result};
use crate::form::{FieldError, plain};
use crate::ledger::{self, Actor, Note};
use crate::notify::outbox::{self, Message};
use crate::people;
use crate::register::{self, Record};
use crate::review::Desk;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Role of those who keep vendors.
pub(super) const KEEPER: &str = "vendor_risk";
/// Longest text of a report.
const WHAT_MAX: usize = 4000;
/// Longest address or name of a source.
const SOURCE_MAX: usize = 2000;
/// Longest reason.
const REASON_MAX: usize = 4000;

/// What a change is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Area {
    /// What it costs.
    Price,
    /// Contract and terms.
    Terms,
    /// The models behind.
    Model,
    /// Who else gets our data.
    SubProcessor,
    /// What our data is used for, training above all.
    DataUse,
    /// Who may see our data, and how long it is kept.
    Access,
    /// A certificate.
    Certificate,
    /// Something else.
    Other,
}

impl Area {
    /// Every area, in the order in which it is asked.
    pub const ALL: [Area; 8] = [
        Area::DataUse,
        Area::SubProcessor,
        Area::Model,
        Area::Access,
        Area::Terms,
        Area::Price,
        Area::Certificate,
        Area::Other,
    ];

    /// The word, as stored and as the API says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Area::Price => "price",
            Area::Terms => "terms",
            Area::Model => "model",
            Area::SubProcessor => "sub_processor",
            Area::DataUse => "data_use",
            Area::Access => "access",
            Area::Certificate => "certificate",
            Area::Other => "other",
        }
    }

    /// The area by its word.
    pub fn named(word: &str) -> Option<Area> {
        Area::ALL.into_iter().find(|area| area.as_str() == word)
    }

    /// What people read.
    pub fn words(self) -> &'static str {
        match self {
            Area::Price => "price",
            Area::Terms => "contract or terms",
            Area::Model => "the models behind",
            Area::SubProcessor => "who else gets our data",
            Area::DataUse => "what our data is used for, such as training",
            Area::Access => "who may see our data, or how long it is kept",
            Area::Certificate => "a certificate",
            Area::Other => "something else",
        }
    }
}

/// What people read for the word of an area.
pub fn area_words(word: &str) -> &'static str {
    Area::named(word).unwrap_or(Area::Other).words()
}

/// A change as somebody reports it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Given {
    /// A word of [`Area`].
    pub area: String,
    /// What changed.
    pub what: String,
    /// Where that can be read.
    #[serde(default)]
    pub source: String,
    /// `YYYY-MM-DD` from which it holds; empty where that is not known.
    #[serde(default)]
    pub effective_on: String,
    /// Fields of the vendor's record as they are from now on, once the change counts.
    #[serde(default)]
    pub sets: Map<String, Value>,
}

/// What was reported, in words, as far as it is not erased.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reported {
    /// What changed.
    pub what: Option<String>,
    /// Where that can be read.
    pub source: Option<String>,
    /// Fields of the vendor's record that it sets.
    pub sets: Map<String, Value>,
    /// Why it was confirmed, dismissed or closed.
    pub reasons: Vec<String>,
}

/// The words that lie beside the entries of a change.
///
/// # Errors
/// When the database fails.
pub fn words(conn: &mut Conn, change: &Change) -> Result<Reported> {
    let seqs = [
        Some(change.reported_seq),
        change.decided_seq,
        change.closed_seq,
    ];
    let seqs: Vec<i64> = seqs.into_iter().flatten().collect();
    let mut said = Reported::default();
    for (_, name, _, value) in ledger::opened(conn, &seqs)? {
        match name.as_str() {
            "what" => said.what = Some(value),
            "source" => said.source = Some(value),
            "sets" => said.sets = serde_json::from_str(&value)?,
            "reason" => said.reasons.push(value),
            _ => {}
        }
    }
    Ok(said)
}

/// Whether a person keeps vendors: says which changes count.
///
/// # Errors
/// When the database fails.
pub fn keeps_vendors(conn: &mut Conn, person: PersonId) -> Result<bool> {
    let active = people::by_id(conn, person)?.is_some_and(|person| person.active);
    Ok(active && people::held_by(conn, person)?.contains(KEEPER))
}

fn must_keep(conn: &mut Conn, actor: &Actor) -> Result<PersonId> {
    let person = actor.person.ok_or(Error::Unauthenticated)?;
    if keeps_vendors(conn, person)? {
        return Ok(person);
    }
    let why = "only somebody with the role vendor risk says whether a change at a vendor counts";
    Err(Error::Forbidden(why.to_owned()))
}

/// Reports a change at a vendor. That of a keeper counts at once; others wait for a keeper, who is
/// told by mail. Nobody of ours reports where the vendor itself does.
///
/// # Errors
/// [`Error::Invalid`] naming the field, [`Error::Forbidden`] for auditors, who change nothing.
pub fn report(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    vendor: RecordId,
    given: &Given,
) -> Result<Change> {
    let keeper = match actor.person {
        Some(person) => {
            if people::held_by(tx, person)?.contains(people::AUDITOR) {
                return Err(Error::Forbidden("auditors change nothing".to_owned()));
            }
            keeps_vendors(tx, person)?
        }
        None => false,
    };
    let vendor = register::by_id(tx, vendor)?;
    let (area, effective_on) = check(tx, desk, &vendor, given)?;
    let now = desk.time(tx)?;
    let id = VendorChangeId::new();
    let note = Note::new("vendor_change.reported", actor)
        .record(vendor.id, &vendor.reference)
        .subject("vendor_change", id.to_string())
        .data("area", area.as_str())
        .data("effective_on", effective_on.map(|day| day.to_string()))
        .private("what", plain(&given.what));
    let note = match plain(&given.source) {
        none if none.is_empty() => note,
        source => note.private("source", source),
    };
    let note = match given.sets.is_empty() {
        true => note,
        false => note.private("sets", Value::Object(given.sets.clone()).to_string()),
    };
    let seq = ledger::append(tx, now, note)?;
    let change = Change {
        id,
        vendor_id: vendor.id,
        area_word: area.as_str().to_owned(),
        effective_on: effective_on.map(|day| day.to_string()),
        state_word: State::Reported.as_str().to_owned(),
        reported_by: actor.person,
        reported_seq: i64::try_from(seq).unwrap_or(i64::MAX),
        reported_at: now,
        decided_by: None,
        decided_seq: None,
        decided_at: None,
        closed_by: None,
        closed_seq: None,
        closed_at: None,
    };
    store::insert(tx, &change)?;
    if keeper {
        return confirm(tx, desk, actor, id, None);
    }
    for person in people::holders(tx, "role", KEEPER)? {
        let mail = Message::new(letters::REPORTED, person)
            .record(vendor.id)
            .context(json!({ "change": id }))
            .once(&format!("{}:{id}:{person}", letters::REPORTED));
        outbox::queue(tx, mail, now)?;
    }
    Ok(change)
}

/// What is wrong with a report, field by field.
fn check(
    conn: &mut Conn,
    desk: &Desk,
    vendor: &Record,
    given: &Given,
) -> Result<(Area, Option<Day>)> {
    if vendor.kind != "vendor" {
        return Err(Error::not_found("vendor", &vendor.reference));
    }
    let mut wrong = Vec::new();
    let mut say = |field: &str, rule: &'static str, sentence: &str| {
        wrong.push(FieldError::new(field, rule, sentence.to_owned()));
    };
    let area = Area::named(&given.area);
    if area.is_none() {
        say("area", "missing", "Choose what changed");
    }
    match plain(&given.what).chars().count() {
        0 => say("what", "missing", "Say what changed, in your own words"),
        1..=WHAT_MAX => {}
        _ => say("what", "other", "Write at most 4,000 characters"),
    }
    if plain(&given.source).chars().count() > SOURCE_MAX {
        say("source", "other", "Write at most 2,000 characters");
    }
    let effective = match given.effective_on.trim() {
        "" => None,
        day => {
            let read = Day::parse(day);
            if read.is_none() {
                say("effective_on", "other", "Write the day as 2027-01-31");
            }
            read
        }
    };
    if given.sets.contains_key("title") {
        say(
            "sets",
            "other",
            "A change cannot give the vendor another name",
        );
    } else if !given.sets.is_empty() {
        let document = changed(conn, vendor, &given.sets)?;
        let kind = desk.kinds.by_key("vendor")?;
        for error in kind.form.check_draft(&document) {
            say(
                "sets",
                "other",
                &format!("{}: {}", error.field, error.message),
            );
        }
    }
    match (wrong.is_empty(), area) {
        (true, Some(area)) => Ok((area, effective)),
        _ => Err(Error::Invalid(wrong)),
    }
}

/// The vendor's document with these fields as they are from now on.
fn changed(conn: &mut Conn, vendor: &Record, sets: &Map<String, Value>) -> Result<Value> {
    let mut document = register::revision(conn, vendor.id, vendor.revision)?.document()?;
    if let Some(fields) = document.as_object_mut() {
        for (name, value) in sets {
            match value {
                Value::Null => drop(fields.remove(name)),
                value => drop(fields.insert(name.clone(), value.clone())),
            }
        }
    }
    Ok(document)
}

/// A keeper says that a change counts: what depends on the vendor is reviewed again, and its people
/// are told, each in one mail.
///
/// # Errors
/// [`Error::Forbidden`] for others than keepers, [`Refusal::Settled`].
pub fn confirm(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    id: VendorChangeId,
    reason: Option<&str>,
) -> Result<Change> {
    let by = must_keep(tx, actor)?;
    let change = undecided(tx, id)?;
    let reason = reason.map(|text| said(text, false)).transpose()?.flatten();
    let vendor = register::by_id(tx, change.vendor_id)?;
    let now = desk.time(tx)?;
    let concerned = dependants::of(tx, &vendor)?;
    let all: Vec<(RecordId, CaseState)> = concerned.iter().map(begins).collect();
    let again = all.iter().filter(|(_, state)| *state == CaseState::Waiting);
    let note = about("vendor_change.confirmed", actor, &vendor, &change)
        .data("dependants", all.len())
        .data("reviews", again.count())
        .data("cases", store::case_digest(all.iter().map(|(id, _)| *id)));
    let note = match reason {
        Some(reason) => note.private("reason", reason),
        None => note,
    };
    let seq = ledger::append(tx, now, note)?;
    store::set_decided(tx, id, State::Open, Some(by), seq, now)?;
    store::insert_cases(tx, id, &all)?;
    set_fields(tx, desk, actor, &vendor, &change)?;
    tell(tx, &vendor, &change, now)?;
    store::change(tx, id)
}

/// What is asked of a use case when a change is confirmed.
fn begins(record: &Record) -> (RecordId, CaseState) {
    let standing = record.standing().is_some_and(register::Status::is_approval);
    let state = match standing || record.is_under_review() {
        true => CaseState::Waiting,
        false => CaseState::Told,
    };
    (record.id, state)
}

/// The vendor's record says from now on what the change says.
fn set_fields(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    vendor: &Record,
    change: &Change,
) -> Result<()> {
    let sets = words(tx, change)?.sets;
    if sets.is_empty() {
        return Ok(());
    }
    let document = changed(tx, vendor, &sets)?;
    let kind = desk.kinds.by_key("vendor")?;
    let (now, seen) = (desk.time(tx)?, vendor.revision);
    register::revise(tx, now, actor, kind, vendor, seen, &document).map(drop)
}

/// Owners, submitters and approvers get one mail each, however many use cases of theirs there are.
fn tell(tx: &mut Tx, vendor: &Record, change: &Change, now: crate::db::At) -> Result<()> {
    let mut people = store::present_approvers(tx, change.id)?;
    for (_, owner, submitter) in store::parts(tx, change.id)? {
        people.extend([owner, submitter].into_iter().flatten());
    }
    for person in people {
        let mail = Message::new(letters::RE_REVIEW, person)
            .record(vendor.id)
            .context(json!({ "change": change.id }))
            .once(&format!("{}:{}:{person}", letters::RE_REVIEW, change.id));
        outbox::queue(tx, mail, now)?;
    }
    Ok(())
}

/// A keeper says that a change does not count, and why.
///
/// # Errors
/// [`Error::Forbidden`] for others than keepers, [`Error::Invalid`] without a reason,
/// [`Refusal::Settled`].
pub fn dismiss(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    id: VendorChangeId,
    reason: &str,
) -> Result<Change> {
    let by = must_keep(tx, actor)?;
    let change = undecided(tx, id)?;
    let reason = said(reason, true)?.unwrap_or_default();
    let vendor = register::by_id(tx, change.vendor_id)?;
    let now = desk.time(tx)?;
    let note = about("vendor_change.dismissed", actor, &vendor, &change);
    let seq = ledger::append(tx, now, note.private("reason", reason))?;
    store::set_decided(tx, id, State::Dismissed, Some(by), seq, now)?;
    store::change(tx, id)
}

/// A keeper closes a change for which nothing is under review, and says why.
///
/// # Errors
/// [`Error::Forbidden`] for others than keepers, [`Error::Invalid`] without a reason,
/// [`Refusal::NotOpen`], [`Refusal::UnderReview`].
pub fn close(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    id: VendorChangeId,
    reason: &str,
) -> Result<Change> {
    must_keep(tx, actor)?;
    let change = store::change(tx, id)?;
    let state = change.state()?;
    if state != State::Open {
        return Err(Refusal::NotOpen(state.as_str()).into());
    }
    let counts = store::counts(tx, id)?.into_iter();
    let under =
        |(state, held, _): &(String, bool, i64)| state == "open" || (state == "waiting" && !held);
    let under: i64 = counts.filter(under).map(|(.., n)| n).sum();
    if under > 0 {
        return Err(Refusal::UnderReview(under).into());
    }
    let reason = said(reason, true)?.unwrap_or_default();
    end(tx, desk, actor, &change, Some(reason))?;
    store::change(tx, id)
}

/// Closes a change: by hand, or because its reviews are decided.
pub(super) fn end(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    change: &Change,
    reason: Option<String>,
) -> Result<()> {
    let vendor = register::by_id(tx, change.vendor_id)?;
    let now = desk.time(tx)?;
    let mut outcomes: BTreeMap<String, i64> = BTreeMap::new();
    for (state, _, n) in store::counts(tx, change.id)? {
        *outcomes.entry(state).or_default() += n;
    }
    let note = about("vendor_change.closed", actor, &vendor, change).data("cases", json!(outcomes));
    let note = match reason {
        Some(reason) => note.private("reason", reason),
        None => note,
    };
    let seq = ledger::append(tx, now, note)?;
    store::set_closed(tx, change.id, actor.person, seq, now)
}

fn about(kind: &str, actor: &Actor, vendor: &Record, change: &Change) -> Note {
    Note::new(kind, actor)
        .record(vendor.id, &vendor.reference)
        .subject("vendor_change", change.id.to_string())
        .data("area", change.area().as_str())
}

fn undecided(conn: &mut Conn, id: VendorChangeId) -> Result<Change> {
    let change = store::change(conn, id)?;
    match change.state()? {
        State::Reported => Ok(change),
        State::Open => Err(Refusal::Settled("confirmed").into()),
        other => Err(Refusal::Settled(other.as_str()).into()),
    }
}

/// A reason as it was written; nothing where none is needed and none was given.
fn said(text: &str, needed: bool) -> Result<Option<String>> {
    let text = plain(text);
    let wrong = |sentence: &str| {
        let error = FieldError::new("reason", "missing", sentence.to_owned());
        Err(Error::Invalid(vec![error]))
    };
    match text.chars().count() {
        0 if needed => wrong("Say why"),
        0 => Ok(None),
        1..=REASON_MAX => Ok(Some(text)),
        _ => wrong("Write at most 4,000 characters"),
    }
}

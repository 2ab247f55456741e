//! Joining an approval, and closing one for that.
use super::bounds::{Outside, outside};
use super::store::{self, Join};
use super::worth::{Base, Worth};
use crate::db::{ConditionId, Conn, PersonId, RecordId, Tx};
use crate::error::{Error, Result};
use crate::form::{FieldError, Form};
use crate::ledger::{self, Actor, Note};
use crate::people;
use crate::register::{self, NewRecord, Record, Status};
use crate::review::{self, Desk};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Longest reason, in characters.
const REASON_MAX: usize = 4000;
/// Most use cases that a limit may name.
const PLACES_MAX: i32 = 100_000;
/// What belongs to the use case that was approved, and not to whoever joins it.
const NOT_TAKEN_OVER: [&str; 12] = [
    "source_id",
    "source_url",
    "contact",
    "cost_eur_per_year",
    "benefits",
    "outputs",
    "lifecycle",
    "started_on",
    "code_url",
    "testing",
    "monitoring",
    "risks_noted",
];

/// A condition of the approval that is still owed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Owed {
    /// Its identifier.
    pub id: ConditionId,
    /// What must be done.
    pub text: String,
}

/// An approval that others may join, or why they may not.
#[derive(Debug)]
pub struct Offer {
    /// The approval.
    pub base: Base,
    /// What whoever joins must confirm.
    pub conditions: Vec<Owed>,
    /// How many joined.
    pub joined: i64,
    /// How many may; nothing for as many as like.
    pub places: Option<i32>,
    /// Why nobody may join, in a sentence.
    pub closed: Option<String>,
}

impl Offer {
    /// What a use case offers to those who would join it; nothing where nothing approved it.
    ///
    /// # Errors
    /// When the database fails.
    pub fn read(conn: &mut Conn, desk: &Desk, record: Record) -> Result<Option<Offer>> {
        if record.kind != "use_case" {
            return Ok(None);
        }
        let id = record.id;
        let Some(base) = Base::read(conn, desk.clock.now(), record)? else {
            return Ok(None);
        };
        let joined = store::counts(conn, &[id])?.get(&id).copied().unwrap_or(0);
        let places = store::limit(conn, id)?.and_then(|(_, places)| places);
        let conditions = owed(conn, &base)?;
        Ok(Some(Offer {
            closed: closed(&base, joined, places),
            base,
            conditions,
            joined,
            places,
        }))
    }
}

fn owed(conn: &mut Conn, base: &Base) -> Result<Vec<Owed>> {
    let rows = review::conditions_of(conn, base.record.id)?.into_iter();
    let obligations = &base.approval.obligations;
    let open = |id: &ConditionId| {
        obligations
            .get(id)
            .is_some_and(|one| !one.state.is_settled())
    };
    let rows = rows.filter(|row| open(&row.id));
    Ok(rows
        .map(|row| Owed {
            id: row.id,
            text: row.text,
        })
        .collect())
}

fn closed(base: &Base, joined: i64, places: Option<i32>) -> Option<String> {
    if base.worth != Worth::InForce {
        return Some(base.worth.sentence().to_owned());
    }
    match places {
        Some(0) => Some("It is closed for joining.".to_owned()),
        Some(places) if joined >= i64::from(places) => {
            Some(format!("{places} may join it, and {joined} did."))
        }
        _ => None,
    }
}

/// What somebody says who joins an approval.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Given {
    /// The approved revision that was shown.
    pub revision: i32,
    /// What the use case is called.
    pub title: String,
    /// Which business unit it is of.
    pub unit: String,
    /// What it is for.
    pub purpose: String,
    /// Which data goes in.
    pub data_classes: Vec<String>,
    /// What is done with it.
    pub uses: Vec<String>,
    /// What it does to people.
    pub effect_on_people: String,
    /// The conditions that are confirmed.
    #[serde(default)]
    pub conditions: Vec<ConditionId>,
    /// That the tool is used in the account and licence that was approved.
    #[serde(default)]
    pub same_account: bool,
}

/// What a use case would say that joins `base` as `given`.
pub fn document(base: &Base, given: &Given, owner: &str) -> Value {
    let mut document = base.document.clone();
    if let Some(fields) = document.as_object_mut() {
        fields.retain(|name, _| !NOT_TAKEN_OVER.contains(&name.as_str()));
        let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
        put("title", given.title.trim().into());
        put("unit", given.unit.trim().into());
        put("purpose", given.purpose.trim().into());
        put("owner", owner.into());
        put("data_classes", json!(given.data_classes));
        put("uses", json!(given.uses));
        put("effect_on_people", given.effect_on_people.as_str().into());
        let reference = &base.record.reference;
        let notes = format!("Joined the approval of {reference}, within its conditions.");
        put("notes", notes.into());
    }
    document
}

/// Everything that stands in the way of joining `offer` as `given`; the answers that lie outside
/// of what was approved apart from what is only missing.
pub fn examined(form: &Form, offer: &Offer, given: &Given) -> (Vec<FieldError>, Vec<Outside>) {
    let mut missing = Vec::new();
    let mut lacks = |field: &str, is_there: bool, sentence: &str| {
        if !is_there {
            missing.push(FieldError::new(field, "missing", sentence.to_owned()));
        }
    };
    let said = |text: &str| !text.trim().is_empty();
    lacks("title", said(&given.title), "Say what you call it");
    lacks("unit", said(&given.unit), "Say which team or unit it is of");
    lacks("purpose", said(&given.purpose), "Say what it is for");
    let some = !given.data_classes.is_empty();
    lacks("data_classes", some, "Choose the data that goes in");
    let some = !given.uses.is_empty();
    lacks("uses", some, "Choose what is done with it");
    let some = said(&given.effect_on_people);
    lacks("effect_on_people", some, "Say what it does to people");
    let mut all = offer.conditions.iter();
    let all = all.all(|one| given.conditions.contains(&one.id));
    lacks(
        "conditions",
        all,
        "Confirm every condition, or ask for a review",
    );
    let sentence = "Confirm the account and licence, or ask for a review";
    lacks("same_account", given.same_account, sentence);
    let mine = document(&offer.base, given, "");
    (missing, outside(form, &offer.base.document, &mine))
}

/// Registers a use case under the approval of another, within its conditions: no review.
///
/// # Errors
/// [`Error::Invalid`] with what is missing, what lies outside of the approval, or
/// why nobody may join it; [`Error::Stale`] when another revision is approved by now.
pub fn join(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    reference: &str,
    given: &Given,
) -> Result<Record> {
    let person = people::known(tx, actor.person.ok_or(Error::Unauthenticated)?)?;
    let record = register::by_reference(tx, "use_case", reference)?;
    let offer = open_offer(tx, desk, record)?;
    let base = &offer.base;
    let (seen, now) = (given.revision, base.approval.revision);
    if seen != now {
        return Err(Error::Stale { seen, now });
    }
    let kind = desk.kinds.by_key("use_case")?;
    let (mut wrong, outside) = examined(&kind.form, &offer, given);
    let outside = outside.into_iter();
    wrong.extend(outside.map(|one| FieldError::new(one.field, "outside", one.message)));
    if !wrong.is_empty() {
        return Err(Error::Invalid(wrong));
    }
    let new = NewRecord {
        document: document(base, given, &person.email),
        status: Status::Registered,
        source_key: None,
    };
    let at = desk.clock.now();
    let made = register::create(tx, at, actor, kind, new)?;
    let conditions = i32::try_from(offer.conditions.len()).unwrap_or(i32::MAX);
    let note = Note::new("use_case.joined", actor)
        .record(made.id, &made.reference)
        .subject("base", base.record.id.to_string())
        .subject("base_reference", base.record.reference.as_str())
        .subject("base_revision", base.approval.revision)
        .subject("base_digest", base.approval.digest.as_str())
        .subject("approval", base.approval.id.to_string())
        .data("conditions_accepted", conditions);
    let seq = i64::try_from(ledger::append(tx, at, note)?).unwrap_or(i64::MAX);
    let join = Join {
        record_id: made.id,
        base_id: base.record.id,
        approval_id: base.approval.id,
        revision: base.approval.revision,
        digest: base.approval.digest.clone(),
        conditions,
        person_id: person.id,
        seq,
        joined_at: at,
    };
    store::insert(tx, &join)?;
    Ok(made)
}

fn open_offer(conn: &mut Conn, desk: &Desk, record: Record) -> Result<Offer> {
    let refused = |sentence: String| {
        Err(Error::Invalid(vec![FieldError::new(
            "", "closed", sentence,
        )]))
    };
    let reference = record.reference.clone();
    match Offer::read(conn, desk, record)? {
        None => refused(format!("{reference} has no approval to join")),
        Some(Offer {
            closed: Some(why), ..
        }) => refused(format!("Nobody can join {reference}. {why}")),
        Some(offer) => Ok(offer),
    }
}

/// Whether a person may say how many join the approval of `base`: who owns it, who approved it,
/// and stewards of the policy.
///
/// # Errors
/// When the database fails.
pub fn may_limit(conn: &mut Conn, person: PersonId, base: &Base) -> Result<bool> {
    let approved = base.approval.stages.values();
    let approved = approved
        .into_iter()
        .any(|run| run.approvers().contains(&person));
    let owns = base.record.owner_id == Some(person) || base.approval.owner == person;
    Ok(approved || owns || review::is_steward(conn, person)?)
}

/// Says how many may join an approval: none closes it, nothing said is as many as like.
///
/// # Errors
/// [`Error::Forbidden`] for others than owner, approvers and stewards; [`Error::Invalid`] without
/// a reason.
pub fn set_limit(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    reference: &str,
    places: Option<i32>,
    reason: &str,
) -> Result<RecordId> {
    let person = actor.person.ok_or(Error::Unauthenticated)?;
    let record = register::by_reference(tx, "use_case", reference)?;
    let wrong = |field: &str, rule: &'static str, sentence: &str| {
        Error::Invalid(vec![FieldError::new(field, rule, sentence.to_owned())])
    };
    let none = wrong("", "closed", "It has no approval that somebody could join");
    let base = Base::read(tx, desk.clock.now(), record)?.ok_or(none)?;
    if !may_limit(tx, person, &base)? {
        let sentence = "only its owner, who approved it and keepers of the policy can say that";
        return Err(Error::Forbidden(sentence.to_owned()));
    }
    let reason = reason.trim();
    if reason.is_empty() {
        return Err(wrong("reason", "missing", "Say why"));
    }
    if reason.chars().count() > REASON_MAX {
        return Err(wrong("reason", "length", "Use at most 4,000 characters"));
    }
    if places.is_some_and(|places| !(0..=PLACES_MAX).contains(&places)) {
        return Err(wrong("places", "number", "Give a number from 0 to 100,000"));
    }
    let at = desk.clock.now();
    let note = Note::new("joining.limited", actor)
        .record(base.record.id, &base.record.reference)
        .data("places", json!(places))
        .private("reason", reason.to_owned());
    let seq = i64::try_from(ledger::append(tx, at, note)?).unwrap_or(i64::MAX);
    store::insert_limit(tx, (seq, base.record.id), places, person, at)?;
    Ok(base.record.id)
}

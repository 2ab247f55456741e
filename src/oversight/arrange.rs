//! Naming who oversees a use case, and how they step in and stop it.
use super::store::{self, Arranged, Overseen};
use super::{MAIL, Refusal, Rule, USE_CASE};
use crate::db::{ArrangementId, Conn, PersonId, RecordId, Tx};
use crate::error::{Error, Result};
use crate::form::{FieldError, plain};
use crate::ledger::{Actor, Note};
use crate::notify::outbox::{self, Message};
use crate::people;
use crate::register::{self, Record};
use crate::review::{self, Desk};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeSet;

/// Most people who oversee one use case.
const MOST: usize = 20;
/// Longest text, in characters.
const TEXT: usize = 4000;

/// Who shall oversee, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Named {
    /// Their addresses.
    pub overseers: Vec<String>,
    /// How they step in: what they see, and how they set an outcome aside.
    pub intervene: String,
    /// How it is stopped.
    pub stop: String,
    /// The entry of the naming that was read; nothing where there was none.
    pub seen: Option<i64>,
}

/// A use case with how its human review stands.
///
/// # Errors
/// [`Error::NotFound`] for what is no use case.
pub(super) fn of_record(
    conn: &mut Conn,
    desk: &Desk,
    record: RecordId,
) -> Result<(Record, Overseen)> {
    let record = register::by_id(conn, record)?;
    if record.kind != USE_CASE {
        return Err(Error::not_found("use case", record.reference));
    }
    let document = register::revision(conn, record.id, record.revision)?.document()?;
    let overseen = store::overseen(conn, record.id, &document, desk.today())?;
    Ok((record, overseen))
}

/// Whether a person may name who oversees a use case: whoever may change it, and who keeps the
/// rules.
///
/// # Errors
/// When the database fails.
pub fn may_arrange(
    conn: &mut Conn,
    desk: &Desk,
    person: PersonId,
    record: &Record,
) -> Result<bool> {
    let roles = people::roles_on(conn, desk.today(), person)?;
    Ok(roles.contains(people::GOVERNANCE) || review::may_edit(conn, person, record)?)
}

/// Names who oversees a use case from now on; whoever is new has mail.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Invalid`] field by field, [`Refusal::NotYoursToArrange`],
/// [`Refusal::NamedMeanwhile`].
pub fn arrange(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    record: RecordId,
    named: &Named,
) -> Result<Arranged> {
    let person = actor.person.ok_or(Error::Unauthenticated)?;
    let (record, overseen) = of_record(tx, desk, record)?;
    if !may_arrange(tx, desk, person, &record)? {
        return Err(Refusal::NotYoursToArrange.into());
    }
    let before = overseen.arranged.as_ref();
    if named.seen != before.map(|before| before.seq) {
        return Err(Refusal::NamedMeanwhile.into());
    }
    let mut wrong = Vec::new();
    let overseers = overseers(tx, named, &overseen, &mut wrong)?;
    let intervene = text(
        ("intervene", "Say how they step in"),
        &named.intervene,
        &mut wrong,
    );
    let stop = text(("stop", "Say how it is stopped"), &named.stop, &mut wrong);
    if !wrong.is_empty() {
        return Err(Error::Invalid(wrong));
    }
    let (id, now) = (ArrangementId::new(), desk.time(tx)?);
    let ids: Vec<String> = overseers.iter().map(ToString::to_string).collect();
    let note = Note::new("oversight.arranged", actor)
        .record(record.id, &record.reference)
        .subject("arrangement", id.to_string())
        .data("on", desk.today().to_string())
        .data("overseers", ids)
        .private("intervene", intervene)
        .private("stop", stop);
    let seq = crate::ledger::append(tx, now, note)?;
    let arranged = Arranged {
        id,
        record_id: record.id,
        on: desk.today(),
        by: person,
        seq: i64::try_from(seq).unwrap_or(i64::MAX),
        at: now,
        overseers,
    };
    store::insert_arrangement(tx, &arranged)?;
    let known = before.map(|before| before.overseers.clone());
    let known = known.unwrap_or_default();
    for new in arranged.overseers.difference(&known) {
        let message = Message::new(MAIL, *new)
            .record(record.id)
            .context(json!({ "what": "named" }));
        let key = format!("overseer:{}:{new}", arranged.id);
        outbox::queue(tx, message.once(&key), now)?;
    }
    Ok(arranged)
}

/// The people behind the addresses, held against the rules.
fn overseers(
    conn: &mut Conn,
    named: &Named,
    overseen: &Overseen,
    wrong: &mut Vec<FieldError>,
) -> Result<BTreeSet<PersonId>> {
    let mut all = BTreeSet::new();
    let mut complain = |rule: &'static str, sentence: String| {
        wrong.push(FieldError::new("overseers", rule, sentence));
    };
    let addresses = named.overseers.iter().map(|address| address.trim());
    let addresses: Vec<&str> = addresses.filter(|address| !address.is_empty()).collect();
    if addresses.len() > MOST {
        complain("length", format!("Name at most {MOST} people"));
        return Ok(all);
    }
    for address in &addresses {
        match people::by_email(conn, &address.to_lowercase())? {
            Some(person) if person.active => {
                all.insert(person.id);
            }
            Some(person) => complain("person", format!("{} is not here any more", person.name)),
            None => complain(
                "person",
                format!("Nobody has the address {address}; name people by their mail address"),
            ),
        }
    }
    if addresses.is_empty() {
        complain("missing", "Name who oversees it".to_owned());
    }
    let judged = Overseen {
        here: all.clone(),
        parties: overseen.parties.clone(),
        ..Overseen::default()
    };
    let strictest = overseen.lines.iter().map(|line| &line.rule);
    let lacking = |rule: &&Rule| judged.counted(rule) < rule.overseers as usize;
    if let Some(rule) = strictest.filter(lacking).max_by_key(|rule| rule.overseers)
        && all.len() == addresses.len()
    {
        let apart = match rule.apart_from_owner {
            true => " besides owner and submitter",
            false => "",
        };
        let (count, title) = (rule.overseers, &rule.title);
        let sentence = format!("Name at least {count}{apart}; “{title}” asks for it");
        complain("too_few", sentence);
    }
    Ok(all)
}

fn text((name, missing): (&str, &str), given: &str, wrong: &mut Vec<FieldError>) -> String {
    let text = plain(given);
    match text.chars().count() {
        0 => wrong.push(FieldError::new(name, "missing", missing.to_owned())),
        length if length > TEXT => {
            let sentence = format!("Write at most {TEXT} characters");
            wrong.push(FieldError::new(name, "length", sentence));
        }
        _ => {}
    }
    text
}

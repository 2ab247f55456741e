//! An auditor's appointment: to which business units, to which time of the log, and until when.
//!
//! Whoever was appointed to nothing in particular reads everything. Each appointment, change and
//! end is an entry, and the auditor and the other administrators are told by mail, so that nobody
//! narrows an auditor unseen. The units are free text and stand beside the entry.
use crate::db::schema::auditor_terms;
use crate::db::{At, Conn, Day, PersonId, Tx};
use crate::error::{Error, Result};
use crate::form::FieldError;
use crate::ledger::api::time;
use crate::ledger::{self, Actor, Filter, Note, Page, Row, Scope};
use crate::notify::outbox::{self, Message};
use crate::people::{ADMINISTRATOR, AUDITOR, GOVERNANCE, Holding, store};
use crate::review::words::typed;
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeSet;

/// The mail that tells of it.
pub const MAIL: &str = "auditor_scope";
/// Most units of an appointment.
const UNITS_MAX: usize = 50;
/// Most characters of a unit.
const UNIT_MAX: usize = 200;
/// Changes that the desk shows.
const CHANGES_MAX: i64 = 200;

/// What an auditor is appointed to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Terms {
    /// Business units as records name them; all when empty.
    pub units: BTreeSet<String>,
    /// First day of the log, in UTC.
    pub from: Option<Day>,
    /// Last day of the log, in UTC.
    pub until: Option<Day>,
    /// Last day of the role, in the organisation's time zone.
    pub last_day: Option<Day>,
}

/// Terms as they are written; what is empty limits nothing.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Typed {
    /// Business units.
    pub units: Vec<String>,
    /// First day of the log.
    pub from: String,
    /// Last day of the log.
    pub until: String,
    /// Last day of the role.
    pub last_day: String,
}

impl Typed {
    /// Reads them.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every field that is wrong.
    pub fn read(&self, today: Day) -> Result<Terms> {
        let mut wrong = Vec::new();
        let units = self.units.iter().map(|unit| typed(unit.trim()));
        let terms = Terms {
            units: units.filter(|unit| !unit.is_empty()).collect(),
            from: day("from", &self.from, &mut wrong),
            until: day("until", &self.until, &mut wrong),
            last_day: day("last_day", &self.last_day, &mut wrong),
        };
        let mut say = |field: &str, message: String| {
            wrong.push(FieldError::new(field, "other", message));
        };
        let long = |unit: &String| unit.chars().count() > UNIT_MAX;
        if terms.units.len() > UNITS_MAX || terms.units.iter().any(long) {
            say(
                "units",
                format!("write at most {UNITS_MAX} units of {UNIT_MAX} characters each"),
            );
        }
        if terms.until.is_some_and(|until| terms.from > Some(until)) {
            say("until", "the last day lies before the first".to_owned());
        }
        if terms.last_day.is_some_and(|last| last < today) {
            say("last_day", "write a day that is not past".to_owned());
        }
        match wrong.is_empty() {
            true => Ok(terms),
            false => Err(Error::Invalid(wrong)),
        }
    }
}

fn day(field: &str, text: &str, wrong: &mut Vec<FieldError>) -> Option<Day> {
    let text = text.trim();
    let day = Day::parse(text).filter(|_| time(field, text, 1).is_ok());
    if day.is_none() && !text.is_empty() {
        let message = "write a day as 2027-01-31".to_owned();
        wrong.push(FieldError::new(field, "other", message));
    }
    day
}

impl Terms {
    /// Whether the role is over on a day.
    pub fn are_over(&self, today: Day) -> bool {
        self.last_day.is_some_and(|last| last < today)
    }

    /// Whether these leave out nothing that `others` allow.
    fn cover(&self, others: &Terms) -> bool {
        let within = |ours: Option<Day>, theirs: Option<Day>, good: fn(Day, Day) -> bool| {
            ours.is_none_or(|ours| theirs.is_some_and(|theirs| good(ours, theirs)))
        };
        let units = self.units.is_empty()
            || (!others.units.is_empty() && others.units.is_subset(&self.units));
        units
            && within(self.from, others.from, |ours, theirs| ours <= theirs)
            && within(self.until, others.until, |ours, theirs| ours >= theirs)
            && within(self.last_day, others.last_day, |ours, theirs| {
                ours >= theirs
            })
    }

    /// What becomes of these by `others`: `widened`, `narrowed`, or `changed` where some of both.
    pub fn change_to(&self, others: &Terms) -> &'static str {
        match (others.cover(self), self.cover(others)) {
            (true, _) => "widened",
            (false, true) => "narrowed",
            (false, false) => "changed",
        }
    }

    /// How far they let read.
    pub fn scope(&self) -> Scope {
        let start = |day: Day, more| time("", &day.to_string(), more).ok();
        Scope {
            units: self.units.iter().cloned().collect(),
            from: self.from.and_then(|day| start(day, 0)),
            before: self.until.and_then(|day| start(day, 1)),
        }
    }

    fn on(&self, note: Note) -> Note {
        let day = |day: Option<Day>| day.map(|day| day.to_string());
        let note = note
            .data("by_unit", !self.units.is_empty())
            .data("from", day(self.from))
            .data("until", day(self.until))
            .data("last_day", day(self.last_day));
        match self.units.is_empty() {
            true => note,
            false => {
                let units: Vec<&str> = self.units.iter().map(String::as_str).collect();
                note.private("units", units.join("\n"))
            }
        }
    }
}

type TermsRow = (String, Option<String>, Option<String>, Option<String>);

/// What a person was appointed to, also when it is over; nothing in particular for who has no
/// terms.
///
/// # Errors
/// When the database fails or holds what cannot be read.
pub fn terms(conn: &mut Conn, person: PersonId) -> Result<Option<Terms>> {
    let row: Option<TermsRow> = auditor_terms::table
        .find(person)
        .select((
            auditor_terms::units,
            auditor_terms::from_day,
            auditor_terms::until_day,
            auditor_terms::last_day,
        ))
        .get_result(conn)
        .optional()?;
    let Some((units, from, until, last_day)) = row else {
        return Ok(None);
    };
    let day = |text: Option<String>| match text {
        None => Ok(None),
        Some(text) => match Day::parse(&text) {
            Some(day) => Ok(Some(day)),
            None => Err(Error::Corrupt(format!("{text} is no day of an auditor"))),
        },
    };
    Ok(Some(Terms {
        units: serde_json::from_str(&units)?,
        from: day(from)?,
        until: day(until)?,
        last_day: day(last_day)?,
    }))
}

/// The roles a person holds on a day: without that of an auditor whose appointment is over.
///
/// # Errors
/// When the database fails.
pub fn roles_on(conn: &mut Conn, today: Day, person: PersonId) -> Result<BTreeSet<String>> {
    let mut roles = store::held_by(conn, person)?;
    if roles.contains(AUDITOR) && terms(conn, person)?.is_some_and(|terms| terms.are_over(today)) {
        roles.remove(AUDITOR);
    }
    Ok(roles)
}

/// Those whose appointment is over on a day.
///
/// # Errors
/// When the database fails.
pub(super) fn over_on(conn: &mut Conn, today: Day) -> Result<BTreeSet<PersonId>> {
    let over = auditor_terms::table
        .filter(auditor_terms::last_day.lt(today.to_string()))
        .select(auditor_terms::person_id);
    Ok(over.load(conn)?.into_iter().collect())
}

/// How far a person may read. Terms bind whoever reads the log as an auditor alone, and stay in
/// force when the appointment is over: its end widens nothing.
///
/// # Errors
/// When the database fails.
pub fn scope_of(conn: &mut Conn, person: PersonId) -> Result<Scope> {
    let Some(terms) = terms(conn, person)? else {
        return Ok(Scope::default());
    };
    let roles = store::held_by(conn, person)?;
    match roles.contains(ADMINISTRATOR) || roles.contains(GOVERNANCE) {
        true => Ok(Scope::default()),
        false => Ok(terms.scope()),
    }
}

/// Appoints an auditor, or changes what they are appointed to; whether that is new.
///
/// # Errors
/// [`Error::Forbidden`] for others than administrators, `Refusal::Left`.
pub fn appoint(tx: &mut Tx, now: At, actor: &Actor, person: PersonId, new: &Terms) -> Result<bool> {
    super::administers(tx, actor)?;
    super::present(tx, person)?;
    let role = Holding::Role.as_str();
    let first = store::add_membership(tx, role, AUDITOR, person)?;
    let old = terms(tx, person)?.unwrap_or_default();
    if !first && old == *new {
        return Ok(false);
    }
    let (note, change) = match first {
        true => {
            let note = Note::new("role.given", actor).data(role, AUDITOR);
            (note, "appointed")
        }
        false => {
            let change = old.change_to(new);
            let note = Note::new("auditor.scoped", actor).data("change", change);
            (note, change)
        }
    };
    let seq = ledger::append(tx, now, new.on(note.about(person)))?;
    keep(tx, person, new, seq)?;
    // A role without limits takes nothing out of anybody's sight.
    if !first || *new != Terms::default() {
        tell(tx, now, actor, person, change, seq)?;
    }
    Ok(true)
}

fn keep(tx: &mut Tx, person: PersonId, terms: &Terms, seq: u64) -> Result<()> {
    forget(tx, person)?;
    if *terms == Terms::default() {
        return Ok(());
    }
    let day = |day: Option<Day>| day.map(|day| day.to_string());
    diesel::insert_into(auditor_terms::table)
        .values((
            auditor_terms::person_id.eq(person),
            auditor_terms::units.eq(serde_json::to_string(&terms.units)?),
            auditor_terms::from_day.eq(day(terms.from)),
            auditor_terms::until_day.eq(day(terms.until)),
            auditor_terms::last_day.eq(day(terms.last_day)),
            auditor_terms::seq.eq(i64::try_from(seq).unwrap_or(i64::MAX)),
        ))
        .execute(&mut **tx)?;
    Ok(())
}

/// Forgets what an auditor was appointed to.
pub(super) fn forget(tx: &mut Tx, person: PersonId) -> Result<()> {
    diesel::delete(auditor_terms::table.find(person)).execute(&mut **tx)?;
    Ok(())
}

/// Owes the auditor and every other administrator a mail about entry `seq`.
pub(super) fn tell(
    tx: &mut Tx,
    now: At,
    actor: &Actor,
    person: PersonId,
    change: &str,
    seq: u64,
) -> Result<()> {
    let mut told = store::holders(tx, Holding::Role.as_str(), ADMINISTRATOR)?;
    if let Some(by) = actor.person {
        told.remove(&by);
    }
    told.insert(person);
    let context = json!({ "auditor": person, "by": actor.person, "change": change, "entry": seq });
    for reader in told {
        let mail = Message::new(MAIL, reader).context(context.clone());
        outbox::queue(tx, mail.once(&format!("{MAIL}:{seq}:{reader}")), now)?;
    }
    Ok(())
}

/// One change of an auditor's appointment, for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Its entry.
    pub seq: i64,
    /// When.
    pub at: At,
    /// `appointed`, `narrowed`, `widened`, `changed` or `ended`.
    pub change: String,
    /// Who did it; nothing for the console.
    pub by: Option<String>,
    /// Whether it names units.
    pub by_unit: bool,
    /// The units, one a line; nothing when they are all, or erased.
    pub units: Option<String>,
    /// First day of the log.
    pub from: Option<String>,
    /// Last day of the log.
    pub until: Option<String>,
    /// Last day of the role.
    pub last_day: Option<String>,
}

/// Every change of a person's appointment as an auditor, the oldest first, from the entries.
///
/// # Errors
/// When the database fails.
pub fn changes(conn: &mut Conn, person: PersonId) -> Result<Vec<Change>> {
    let mut found: Vec<Row> = Vec::new();
    for kind in ["role.given", "auditor.scoped", "role.taken"] {
        let filter = Filter {
            about: Some(person),
            kind: Some(kind.to_owned()),
            ..Filter::default()
        };
        found.extend(ledger::rows(conn, &filter, Page::Newest, CHANGES_MAX)?);
    }
    found.sort_by_key(|row| row.seq);
    let seqs: Vec<i64> = found.iter().map(|row| row.seq).collect();
    let actors = found.iter().filter_map(|row| row.actor_id).collect();
    let (names, opened) = (store::names(conn, &actors)?, ledger::opened(conn, &seqs)?);
    let mut changes = Vec::new();
    for row in found {
        let units = opened
            .iter()
            .find(|(seq, name, ..)| (*seq, name.as_str()) == (row.seq, "units"));
        let by = row.actor_id.and_then(|id| names.get(&id).cloned());
        changes.extend(Change::of(
            &row,
            by,
            units.map(|(.., units)| units.clone()),
        )?);
    }
    Ok(changes)
}

impl Change {
    /// What was done, after "was".
    pub fn word(&self) -> &'static str {
        match self.change.as_str() {
            "appointed" => "made",
            "narrowed" => "narrowed",
            "widened" => "widened",
            "ended" => "ended",
            _ => "changed",
        }
    }

    /// Who did it, in words.
    pub fn by(&self) -> &str {
        self.by.as_deref().unwrap_or("the console")
    }

    /// The units, in words.
    pub fn units(&self) -> String {
        match (&self.units, self.by_unit) {
            (Some(units), _) => units.replace('\n', ", "),
            (None, true) => "erased".to_owned(),
            (None, false) => "all".to_owned(),
        }
    }

    /// The time of the log, in words.
    pub fn period(&self) -> String {
        match (&self.from, &self.until) {
            (None, None) => "all of it".to_owned(),
            (Some(from), None) => format!("from {from} on"),
            (None, Some(until)) => format!("until {until}"),
            (Some(from), Some(until)) => format!("{from} to {until}"),
        }
    }

    /// Nothing when the entry is about another role.
    fn of(row: &Row, by: Option<String>, units: Option<String>) -> Result<Option<Change>> {
        let entry: serde_json::Value = serde_json::from_slice(&row.entry)?;
        let said = |name: &str| Some(entry.get("data")?.get(name)?.as_str()?.to_owned());
        let change = match row.kind.as_str() {
            "auditor.scoped" => said("change"),
            _ if said("role").as_deref() != Some(AUDITOR) => None,
            "role.given" => Some("appointed".to_owned()),
            _ => Some("ended".to_owned()),
        };
        Ok(change.map(|change| Change {
            seq: row.seq,
            at: row.at,
            change,
            by,
            by_unit: entry.pointer("/data/by_unit") == Some(&true.into()),
            units,
            from: said("from"),
            until: said("until"),
            last_day: said("last_day"),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(units: &[&str], from: &str, until: &str, last: &str) -> Terms {
        Terms {
            units: units.iter().map(|unit| (*unit).to_owned()).collect(),
            from: Day::parse(from),
            until: Day::parse(until),
            last_day: Day::parse(last),
        }
    }

    #[test]
    fn whatever_takes_something_away_is_called_narrowed_or_changed() {
        let (all, claims) = (Terms::default(), terms(&["Claims"], "", "", ""));
        assert_eq!(all.change_to(&claims), "narrowed");
        assert_eq!(claims.change_to(&all), "widened");
        let both = terms(&["Claims", "Pricing"], "", "", "");
        assert_eq!(claims.change_to(&both), "widened");
        assert_eq!(
            claims.change_to(&terms(&["Pricing"], "", "", "")),
            "changed"
        );
        let may = terms(&[], "2027-05-01", "2027-05-31", "");
        assert_eq!(all.change_to(&may), "narrowed");
        let wide = terms(&[], "2027-04-01", "2027-06-30", "");
        assert_eq!(
            (may.change_to(&wide), wide.change_to(&may)),
            ("widened", "narrowed")
        );
        assert_eq!(both.change_to(&may), "changed");
        assert_eq!(all.change_to(&terms(&[], "", "", "2027-01-01")), "narrowed");
    }

    #[test]
    fn an_appointment_is_over_when_its_last_day_is() {
        let terms = terms(&[], "", "", "2027-01-31");
        let day = |text| Day::parse(text).expect("a day");
        assert!(!terms.are_over(day("2027-01-31")) && terms.are_over(day("2027-02-01")));
        assert!(!Terms::default().are_over(day("2099-01-01")));
    }

    #[test]
    fn terms_that_cannot_be_meant_are_refused_at_their_field() {
        let typed = Typed {
            from: "2027-02-01".to_owned(),
            until: "2027-01-01".to_owned(),
            last_day: "soon".to_owned(),
            units: vec!["x".repeat(201)],
        };
        let today = Day::parse("2027-01-01").expect("a day");
        let Err(Error::Invalid(wrong)) = typed.read(today) else {
            panic!("it is taken");
        };
        let mut fields: Vec<&str> = wrong.iter().map(|e| e.field.as_str()).collect();
        fields.sort_unstable();
        assert_eq!(fields, ["last_day", "units", "until"]);
    }
}

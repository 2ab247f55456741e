//! Absences: from which day until which somebody is away, and who stands in for them.
//!
//! A delegate stands in for whoever is away, and nobody for the delegate: a delegate's own
//! delegate is never asked. Days are those of the organisation's zone; today comes in.
use crate::db::schema::{absences, people};
use crate::db::{AbsenceId, At, Conn, Day, PersonId, Tx};
use crate::error::{Error, Result};
use crate::form::FieldError;
use crate::ledger::{Actor, Note};
use crate::people::{ADMINISTRATOR, Person, Refusal, by_email, by_id, held_by, present, store};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Most absences of one person that are noted ahead.
const AHEAD_MAX: usize = 30;
/// How far ahead an absence may reach, in years.
const YEARS_AHEAD: i16 = 2;

/// One absence of one person.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = absences)]
pub struct Absence {
    /// Identifier.
    pub id: AbsenceId,
    /// Who is away.
    pub person_id: PersonId,
    /// The first day.
    pub from_day: Day,
    /// The last day, which counts.
    pub until_day: Day,
    /// Who stands in, if anybody does.
    pub delegate_id: Option<PersonId>,
    /// Who said so; `None` for the operator at the console.
    pub set_by: Option<PersonId>,
    /// When it was said.
    pub created_at: At,
    /// When it was ended before its last day.
    pub ended_at: Option<At>,
}

impl Absence {
    /// Whether the person is away on this day by it.
    pub fn covers(&self, day: Day) -> bool {
        self.ended_at.is_none() && self.from_day <= day && day <= self.until_day
    }
}

/// An absence as it is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct New {
    /// The first day.
    pub from: Day,
    /// The last day, which counts.
    pub until: Day,
    /// Who stands in.
    pub delegate: Option<PersonId>,
}

/// An absence as somebody types it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Typed {
    /// The first day, as `2027-01-31`.
    #[serde(default)]
    pub from: String,
    /// The last day.
    #[serde(default)]
    pub until: String,
    /// Address of who stands in; empty for nobody.
    #[serde(default)]
    pub delegate: String,
}

impl Typed {
    /// What a form with the fields `from`, `until` and `delegate` says.
    pub fn of(pairs: &[(String, String)]) -> Typed {
        let value = |name: &str| {
            let found = pairs.iter().find(|(known, _)| known == name);
            found.map_or_else(String::new, |(_, value)| crate::form::plain(value))
        };
        Typed {
            from: value("from"),
            until: value("until"),
            delegate: value("delegate"),
        }
    }

    /// Reads what was typed.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming every field that cannot be read.
    pub fn read(&self, conn: &mut Conn) -> Result<New> {
        let mut wrong = Vec::new();
        let mut day =
            |field: &str, text: &str, what: &str| match (text.trim(), Day::parse(text.trim())) {
                (_, Some(day)) => Some(day),
                ("", None) => {
                    wrong.push(flaw(field, "missing", format!("enter the {what} day")));
                    None
                }
                _ => {
                    let sentence = format!("write the {what} day as 2027-01-31");
                    wrong.push(flaw(field, "date", sentence));
                    None
                }
            };
        let from = day("from", &self.from, "first");
        let until = day("until", &self.until, "last");
        let delegate = match self.delegate.trim() {
            "" => None,
            address => match by_email(conn, address)? {
                Some(person) => Some(person.id),
                None => {
                    let sentence = "nobody in the directory has this address; choose a person of \
                                    the list or leave it empty";
                    wrong.push(flaw("delegate", "unknown", sentence.to_owned()));
                    None
                }
            },
        };
        match (from, until) {
            (Some(from), Some(until)) if wrong.is_empty() => Ok(New {
                from,
                until,
                delegate,
            }),
            _ => Err(Error::Invalid(wrong)),
        }
    }
}

fn flaw(field: &str, rule: &'static str, sentence: String) -> FieldError {
    FieldError::new(field, rule, sentence)
}

fn refuse<T>(field: &str, rule: &'static str, sentence: String) -> Result<T> {
    Err(Error::Invalid(vec![flaw(field, rule, sentence)]))
}

/// Notes that a person will be away. The one way in for pages, the API and sign-off links.
///
/// # Errors
/// [`Error::Invalid`] at `from`, `until` or `delegate`; [`Error::Forbidden`] for others than the
/// person and administrators; [`Refusal::Left`].
pub fn set(
    tx: &mut Tx,
    now: At,
    today: Day,
    actor: &Actor,
    person: PersonId,
    new: &New,
) -> Result<Absence> {
    may_set(tx, actor, person)?;
    let person = present(tx, person)?;
    if new.from < today {
        let sentence = format!("an absence begins today at the earliest, on {today}");
        return refuse("from", "date", sentence);
    }
    if ahead(tx, today, person.id)?.len() >= AHEAD_MAX {
        let sentence = format!("{AHEAD_MAX} absences are noted ahead already; call one off first");
        return refuse("from", "repeated", sentence);
    }
    check(tx, today, &person, new, None)?;
    let absence = Absence {
        id: AbsenceId::new(),
        person_id: person.id,
        from_day: new.from,
        until_day: new.until,
        delegate_id: new.delegate,
        set_by: actor.person,
        created_at: now,
        ended_at: None,
    };
    insert(tx, &absence)?;
    crate::ledger::append(tx, now, note(actor, &absence))?;
    Ok(absence)
}

/// Changes an absence that is not over: its days and who stands in. A day that is past stays.
///
/// # Errors
/// As [`set`], and [`Refusal::AbsenceOver`].
pub fn change(
    tx: &mut Tx,
    now: At,
    today: Day,
    actor: &Actor,
    id: AbsenceId,
    new: &New,
) -> Result<Absence> {
    let before = by_absence_id(tx, id)?;
    may_set(tx, actor, before.person_id)?;
    let person = present(tx, before.person_id)?;
    not_over(&before, today)?;
    let earliest = today.min(before.from_day);
    if new.from != before.from_day && (new.from < today || before.from_day < today) {
        let sentence = match before.from_day < today {
            true => format!("it began on {earliest}, and that is past"),
            false => format!("an absence begins today at the earliest, on {today}"),
        };
        return refuse("from", "date", sentence);
    }
    check(tx, today, &person, new, Some(id))?;
    let after = Absence {
        from_day: new.from,
        until_day: new.until,
        delegate_id: new.delegate,
        set_by: actor.person,
        ..before.clone()
    };
    let same = (before.from_day, before.until_day, before.delegate_id);
    if same == (after.from_day, after.until_day, after.delegate_id) {
        tx.leave_unchanged();
        return Ok(before);
    }
    update(tx, &after)?;
    crate::ledger::append(tx, now, note(actor, &after))?;
    Ok(after)
}

/// Ends an absence at once, or calls off one that has not begun.
///
/// # Errors
/// [`Error::Forbidden`] for others than the person and administrators, [`Refusal::AbsenceOver`].
pub fn end(tx: &mut Tx, now: At, today: Day, actor: &Actor, id: AbsenceId) -> Result<Absence> {
    let before = by_absence_id(tx, id)?;
    may_set(tx, actor, before.person_id)?;
    not_over(&before, today)?;
    let after = Absence {
        ended_at: Some(now),
        ..before
    };
    update(tx, &after)?;
    let note = Note::new("absence.ended", actor).about(after.person_id);
    crate::ledger::append(tx, now, note.subject("absence", id.to_string()))?;
    Ok(after)
}

fn not_over(absence: &Absence, today: Day) -> Result<()> {
    match absence.ended_at {
        None if absence.until_day >= today => Ok(()),
        _ => Err(Refusal::AbsenceOver.into()),
    }
}

/// When somebody is away is theirs to know: the days stand beside the entry.
fn note(actor: &Actor, absence: &Absence) -> Note {
    let delegate = absence.delegate_id.map(|id| id.to_string());
    Note::new("absence.set", actor)
        .about(absence.person_id)
        .subject("absence", absence.id.to_string())
        .data("delegate", delegate)
        .private("days", days(absence))
}

fn days(absence: &Absence) -> String {
    format!("{}/{}", absence.from_day, absence.until_day)
}

fn may_set(conn: &mut Conn, actor: &Actor, person: PersonId) -> Result<()> {
    let Some(author) = actor.person else {
        return Ok(());
    };
    if author == person {
        return Ok(());
    }
    let active = by_id(conn, author)?.is_some_and(|author| author.active);
    if active && held_by(conn, author)?.contains(ADMINISTRATOR) {
        return Ok(());
    }
    let sentence = "an absence is set by the person who will be away or by an administrator";
    Err(Error::Forbidden(sentence.to_owned()))
}

/// What is wrong with an absence of `person`, beside the absence it replaces.
fn check(
    conn: &mut Conn,
    today: Day,
    person: &Person,
    new: &New,
    replaces: Option<AbsenceId>,
) -> Result<()> {
    if new.until < new.from {
        let sentence = format!("the last day lies before the first, {}", new.from);
        return refuse("until", "date", sentence);
    }
    if new.until < today {
        return refuse("until", "date", "the last day is past".to_owned());
    }
    let limit = today.years_later(YEARS_AHEAD);
    if new.until > limit {
        let sentence = format!("an absence reaches {YEARS_AHEAD} years ahead at most: to {limit}");
        return refuse("until", "date", sentence);
    }
    let other = overlapping(conn, person.id, new)?
        .into_iter()
        .find(|other| Some(other.id) != replaces);
    if let Some(other) = other {
        let sentence = format!(
            "there is an absence from {} to {} already; change or end that one",
            other.from_day, other.until_day
        );
        return refuse("from", "repeated", sentence);
    }
    match new.delegate {
        Some(delegate) => check_delegate(conn, today, person, new, delegate),
        None => Ok(()),
    }
}

fn check_delegate(
    conn: &mut Conn,
    today: Day,
    person: &Person,
    new: &New,
    delegate: PersonId,
) -> Result<()> {
    let wrong = |sentence| refuse("delegate", "other", sentence);
    if delegate == person.id {
        return wrong("nobody stands in for themselves; choose somebody else".to_owned());
    }
    let delegate = store::known(conn, delegate)?;
    if !delegate.active {
        return wrong(format!("{} left; choose somebody else", delegate.name));
    }
    let away = overlapping(conn, delegate.id, new)?;
    if let Some(back) = away.iter().find(|a| a.delegate_id == Some(person.id)) {
        return wrong(format!(
            "{} is away from {} to {} and named {} in turn; two people cannot stand in for each \
             other on the same days",
            delegate.name, back.from_day, back.until_day, person.name
        ));
    }
    if all_covered(&away, new.from.max(today), new.until) {
        return wrong(format!(
            "{} is away on these days too; choose somebody else",
            delegate.name
        ));
    }
    Ok(())
}

/// Whether these absences, in the order of their days, leave out no day.
fn all_covered(away: &[Absence], from: Day, until: Day) -> bool {
    let mut next = from;
    for absence in away {
        if absence.from_day > next {
            return false;
        }
        if absence.until_day >= until {
            return true;
        }
        next = next.max(absence.until_day.days_later(1));
    }
    false
}

/// Something about an absence that its person should know and that does not forbid it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// On some of its days the delegate is away as well, from one day to another.
    DelegateAway(String, Day, Day),
    /// The delegate left since.
    DelegateLeft(String),
    /// Mail does not reach the delegate.
    DelegateUnreachable(String),
    /// On some of its days the person stands in for somebody who is away.
    StandsIn(String, Day, Day),
}

impl Warning {
    /// The sentence; days through `spell`, as the page or program wants them.
    pub fn sentence(&self, spell: impl Fn(Day) -> String) -> String {
        match self {
            Warning::DelegateAway(name, from, until) => format!(
                "{name} is away too from {} to {}; on those days nobody stands in",
                spell(*from),
                spell(*until)
            ),
            Warning::DelegateLeft(name) => format!("{name} left, so nobody stands in"),
            Warning::DelegateUnreachable(name) => format!("mail does not reach {name}"),
            Warning::StandsIn(name, from, until) => format!(
                "who is away then cannot stand in for {name}, away from {} to {}",
                spell(*from),
                spell(*until)
            ),
        }
    }
}

/// What to know about an absence, as things stand now.
///
/// # Errors
/// When the database fails.
pub fn warnings(conn: &mut Conn, absence: &Absence) -> Result<Vec<Warning>> {
    let days = New {
        from: absence.from_day,
        until: absence.until_day,
        delegate: absence.delegate_id,
    };
    let mut found = Vec::new();
    if let Some(delegate) = absence.delegate_id {
        let delegate = store::known(conn, delegate)?;
        if !delegate.active {
            found.push(Warning::DelegateLeft(delegate.name.clone()));
        } else if !delegate.reachable {
            found.push(Warning::DelegateUnreachable(delegate.name.clone()));
        }
        for other in overlapping(conn, delegate.id, &days)? {
            let name = delegate.name.clone();
            found.push(Warning::DelegateAway(name, other.from_day, other.until_day));
        }
    }
    for (other, name) in relying_on(conn, absence.person_id, absence.from_day)? {
        if other.from_day <= absence.until_day {
            found.push(Warning::StandsIn(name, other.from_day, other.until_day));
        }
    }
    Ok(found)
}

/// Absences of a person that are in force or ahead, in the order of their days.
///
/// # Errors
/// When the database fails.
pub fn ahead(conn: &mut Conn, today: Day, person: PersonId) -> Result<Vec<Absence>> {
    Ok(absences::table
        .filter(absences::person_id.eq(person))
        .filter(absences::ended_at.is_null())
        .filter(absences::until_day.ge(today))
        .order(absences::from_day)
        .select(Absence::as_select())
        .load(conn)?)
}

/// Absences on which this person stands in for another who is here, from `day` on, with the
/// other's name.
///
/// # Errors
/// When the database fails.
pub fn relying_on(conn: &mut Conn, delegate: PersonId, day: Day) -> Result<Vec<(Absence, String)>> {
    Ok(absences::table
        .inner_join(people::table.on(people::id.eq(absences::person_id)))
        .filter(absences::delegate_id.eq(delegate))
        .filter(absences::ended_at.is_null())
        .filter(absences::until_day.ge(day))
        .filter(people::active.eq(true))
        .order(absences::from_day)
        .select((Absence::as_select(), people::name))
        .load(conn)?)
}

/// Who of these people is away today; one statement for all of them.
///
/// # Errors
/// When the database fails.
pub fn away_today(
    conn: &mut Conn,
    today: Day,
    ids: &[PersonId],
) -> Result<BTreeMap<PersonId, Absence>> {
    let rows: Vec<Absence> = absences::table
        .filter(absences::person_id.eq_any(ids))
        .filter(absences::ended_at.is_null())
        .filter(absences::from_day.le(today))
        .filter(absences::until_day.ge(today))
        .select(Absence::as_select())
        .load(conn)?;
    Ok(rows.into_iter().map(|row| (row.person_id, row)).collect())
}

/// Everybody who is away on a day.
///
/// # Errors
/// When the database fails.
pub fn all_away(conn: &mut Conn, day: Day) -> Result<BTreeSet<PersonId>> {
    let ids: Vec<PersonId> = absences::table
        .filter(absences::ended_at.is_null())
        .filter(absences::from_day.le(day))
        .filter(absences::until_day.ge(day))
        .select(absences::person_id)
        .load(conn)?;
    Ok(ids.into_iter().collect())
}

/// The absence with this identifier.
///
/// # Errors
/// [`Error::NotFound`].
fn by_absence_id(conn: &mut Conn, id: AbsenceId) -> Result<Absence> {
    let found = absences::table
        .find(id)
        .select(Absence::as_select())
        .get_result(conn)
        .optional()?;
    found.ok_or_else(|| Error::not_found("absence", id))
}

/// The absence with this identifier, which must be this person's.
///
/// # Errors
/// [`Error::NotFound`].
pub fn of_person(conn: &mut Conn, id: AbsenceId, person: PersonId) -> Result<Absence> {
    let found = by_absence_id(conn, id)?;
    if found.person_id == person {
        Ok(found)
    } else {
        Err(Error::not_found("absence", id))
    }
}

fn overlapping(conn: &mut Conn, person: PersonId, days: &New) -> Result<Vec<Absence>> {
    Ok(absences::table
        .filter(absences::person_id.eq(person))
        .filter(absences::ended_at.is_null())
        .filter(absences::until_day.ge(days.from))
        .filter(absences::from_day.le(days.until))
        .order(absences::from_day)
        .select(Absence::as_select())
        .load(conn)?)
}

fn insert(tx: &mut Tx, absence: &Absence) -> Result<()> {
    diesel::insert_into(absences::table)
        .values((
            absences::id.eq(absence.id),
            absences::person_id.eq(absence.person_id),
            absences::from_day.eq(absence.from_day),
            absences::until_day.eq(absence.until_day),
            absences::delegate_id.eq(absence.delegate_id),
            absences::set_by.eq(absence.set_by),
            absences::created_at.eq(absence.created_at),
        ))
        .execute(&mut **tx)?;
    Ok(())
}

fn update(tx: &mut Tx, absence: &Absence) -> Result<()> {
    diesel::update(absences::table.find(absence.id))
        .set((
            absences::from_day.eq(absence.from_day),
            absences::until_day.eq(absence.until_day),
            absences::delegate_id.eq(absence.delegate_id),
            absences::set_by.eq(absence.set_by),
            absences::ended_at.eq(absence.ended_at),
        ))
        .execute(&mut **tx)?;
    Ok(())
}

//! The directory as a list: found by words, by where people stand, in pages.
use crate::db::schema::{absences, people};
use crate::db::{Conn, Day, PersonId, lower};
use crate::error::{Error, Result};
use crate::people::absence::{self, Absence};
use crate::people::{Held, Person, held_by_each, store};
use diesel::prelude::*;

/// People on one page.
pub const PAGE: i64 = 50;
/// People a form offers beside a question for a person.
const OFFERED: i64 = 200;
/// Words of a search that count.
const WORDS_MAX: usize = 8;

/// Where people stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum State {
    /// Anywhere.
    #[default]
    Any,
    /// Here and not away.
    Here,
    /// Away today.
    Away,
    /// Mail does not reach them.
    Unreachable,
    /// They left.
    Left,
}

impl State {
    /// All of them.
    pub const ALL: [State; 5] = [
        State::Any,
        State::Here,
        State::Away,
        State::Unreachable,
        State::Left,
    ];

    /// The word in an address.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Any => "",
            State::Here => "here",
            State::Away => "away",
            State::Unreachable => "unreachable",
            State::Left => "left",
        }
    }

    /// The state by its word.
    pub fn named(word: &str) -> Option<State> {
        State::ALL.into_iter().find(|s| s.as_str() == word)
    }
}

/// What a list shows.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Words that must all occur in the name or address.
    pub text: String,
    /// Where people stand.
    pub state: State,
    /// The last person of the page before.
    pub after: Option<PersonId>,
}

/// One person of a list.
#[derive(Debug, Clone)]
pub struct Line {
    /// The person.
    pub person: Person,
    /// What they hold.
    pub held: Held,
    /// Their absence, when they are away today.
    pub away: Option<Absence>,
}

/// One page.
#[derive(Debug, Clone)]
pub struct Listing {
    /// The people, by name.
    pub lines: Vec<Line>,
    /// How many there are on all pages.
    pub total: i64,
    /// After whom the next page begins, if there is one.
    pub next: Option<PersonId>,
}

/// Narrows a statement over `people`. A macro, because what lists and what counts have different
/// types and must never drift apart.
macro_rules! narrowed {
    ($wanted:expr, $today:expr, $rows:expr) => {{
        let mut rows = $rows.into_boxed();
        for word in $wanted.text.split_whitespace().take(WORDS_MAX) {
            let pattern = containing(word);
            rows = rows.filter(
                lower(people::name)
                    .like(pattern.clone())
                    .escape('\\')
                    .or(people::email.like(pattern).escape('\\')),
            );
        }
        let away = absences::table
            .filter(absences::ended_at.is_null())
            .filter(absences::from_day.le($today))
            .filter(absences::until_day.ge($today))
            .select(absences::person_id);
        match $wanted.state {
            State::Any => rows,
            State::Here => rows.filter(people::active.eq(true).and(people::id.ne_all(away))),
            State::Away => rows.filter(people::active.eq(true).and(people::id.eq_any(away))),
            State::Unreachable => {
                rows.filter(people::active.eq(true).and(people::reachable.eq(false)))
            }
            State::Left => rows.filter(people::active.eq(false)),
        }
    }};
}

/// A word as it may stand anywhere in a text.
fn containing(word: &str) -> String {
    let mut pattern = String::from("%");
    for letter in word.to_lowercase().chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

/// One page of the directory.
///
/// # Errors
/// [`Error::BadRequest`] for a page after nobody.
pub fn list(conn: &mut Conn, today: Day, wanted: &Wanted) -> Result<Listing> {
    let total = narrowed!(wanted, today, people::table)
        .count()
        .get_result(conn)?;
    let mut rows = narrowed!(wanted, today, people::table);
    if let Some(after) = wanted.after {
        let nobody = || Error::BadRequest("after: take it from the previous page".to_owned());
        let last = store::by_id(conn, after)?.ok_or_else(nobody)?;
        let same = people::name
            .eq(last.name.clone())
            .and(people::id.gt(last.id));
        rows = rows.filter(people::name.gt(last.name).or(same));
    }
    let mut found: Vec<Person> = rows
        .order((people::name, people::id))
        .limit(PAGE + 1)
        .select(Person::as_select())
        .load(conn)?;
    let more = found.len() > PAGE as usize;
    found.truncate(PAGE as usize);
    let next = found.last().filter(|_| more).map(|person| person.id);
    let lines = lines(conn, today, found)?;
    Ok(Listing { lines, total, next })
}

/// These people as the list shows them; two statements for all of them.
///
/// # Errors
/// When the database fails.
pub fn lines(conn: &mut Conn, today: Day, people: Vec<Person>) -> Result<Vec<Line>> {
    let ids: Vec<PersonId> = people.iter().map(|person| person.id).collect();
    let mut held = held_by_each(conn, &ids)?;
    let mut away = absence::away_today(conn, today, &ids)?;
    let line = |person: Person| Line {
        held: held.remove(&person.id).unwrap_or_default(),
        away: away.remove(&person.id).filter(|_| person.active),
        person,
    };
    Ok(people.into_iter().map(line).collect())
}

/// One person as the list shows them.
///
/// # Errors
/// [`Error::NotFound`].
pub fn line(conn: &mut Conn, today: Day, id: PersonId) -> Result<Line> {
    let person = store::known(conn, id)?;
    let found = lines(conn, today, vec![person])?.into_iter().next();
    found.ok_or_else(|| Error::not_found("person", id))
}

/// Whom a form offers beside a question for a person, by name, and whether there are more than it
/// can.
///
/// # Errors
/// When the database fails.
pub fn offered(conn: &mut Conn) -> Result<(Vec<Person>, bool)> {
    let mut found: Vec<Person> = people::table
        .filter(people::active.eq(true))
        .order((people::name, people::id))
        .limit(OFFERED + 1)
        .select(Person::as_select())
        .load(conn)?;
    let more = found.len() > OFFERED as usize;
    found.truncate(OFFERED as usize);
    Ok((found, more))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_for_a_sign_finds_that_sign() {
        assert_eq!(containing("50%_\\"), "%50\\%\\_\\\\%");
        assert_eq!(containing("Ünal"), "%ünal%");
    }

    #[test]
    fn every_state_is_found_by_its_word() {
        for state in State::ALL {
            assert_eq!(State::named(state.as_str()), Some(state));
        }
        assert_eq!(State::named("gone"), None);
    }
}

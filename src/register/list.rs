//! Finding records: text search, facets, sorting and cursor pages. The address is the state.
use crate::db::schema::{conditions, record_facets, records};
use crate::db::{At, Conn, PersonId};
use crate::error::{Error, Result};
use crate::of_units;
use crate::register::{Record, Status};
use diesel::dsl::{count_star, sql};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use std::collections::BTreeMap;

/// Rows on one page.
pub const PAGE: i64 = 25;

/// How a list is ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    /// Latest change first.
    #[default]
    Updated,
    /// Longest unchanged first.
    Waiting,
    /// By reference.
    Reference,
    /// By title.
    Title,
}

impl Sort {
    /// The word in an address.
    pub fn as_str(self) -> &'static str {
        match self {
            Sort::Updated => "updated",
            Sort::Waiting => "waiting",
            Sort::Reference => "reference",
            Sort::Title => "title",
        }
    }

    /// The order by its word.
    pub fn named(word: &str) -> Option<Sort> {
        [Sort::Updated, Sort::Waiting, Sort::Reference, Sort::Title]
            .into_iter()
            .find(|s| s.as_str() == word)
    }
}

/// Days before its end from which an approval ends soon.
pub const SOON_DAYS: i64 = 60;

/// What an approval is worth, as a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Approved or let through, and not suspended.
    InForce,
    /// In force, and ending within [`SOON_DAYS`].
    EndsSoon,
    /// Not in force for now.
    Suspended,
    /// Its time is over.
    Expired,
}

impl Standing {
    /// Every one.
    pub const ALL: [Standing; 4] = [
        Standing::InForce,
        Standing::EndsSoon,
        Standing::Suspended,
        Standing::Expired,
    ];

    /// The word in an address.
    pub fn as_str(self) -> &'static str {
        match self {
            Standing::InForce => "in_force",
            Standing::EndsSoon => "ends_soon",
            Standing::Suspended => "suspended",
            Standing::Expired => "expired",
        }
    }

    /// The words of a page.
    pub fn words(self) -> &'static str {
        match self {
            Standing::InForce => "In force",
            Standing::EndsSoon => "Ends within 60 days",
            Standing::Suspended => "Suspended",
            Standing::Expired => "Expired",
        }
    }

    /// The filter by its word.
    pub fn named(word: &str) -> Option<Standing> {
        Standing::ALL.into_iter().find(|s| s.as_str() == word)
    }

    /// The stored words that it stands for, whatever the end.
    fn stored(self) -> &'static [&'static str] {
        match self {
            Standing::InForce => &["approved", "overridden"],
            Standing::EndsSoon => &[],
            Standing::Suspended => &["suspended"],
            Standing::Expired => &["expired"],
        }
    }
}

/// The last row of the page before: its sort key and identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// Sort key of that row.
    pub key: String,
    /// Its running number.
    pub nr: i64,
}

impl Cursor {
    /// The text for an address.
    pub fn to_text(&self) -> String {
        format!("{}~{}", self.nr, self.key)
    }

    /// Reads the text of an address.
    ///
    /// # Errors
    /// [`Error::BadRequest`].
    pub fn parse(text: &str) -> Result<Cursor> {
        let parts = text
            .split_once('~')
            .and_then(|(nr, key)| Some((nr.parse().ok()?, key)));
        match parts {
            Some((nr, key)) => Ok(Cursor {
                key: key.to_owned(),
                nr,
            }),
            None => Err(Error::BadRequest(
                "after: take it from the previous page".to_owned(),
            )),
        }
    }
}

/// What a list shows.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Key of the kind.
    pub kind: String,
    /// Words that must all occur.
    pub text: Option<String>,
    /// Any of these statuses; all when empty.
    pub status: Vec<Status>,
    /// Any of these risk tiers; all when empty.
    pub risk: Vec<String>,
    /// Field to values: any value within a field, every field.
    pub facets: BTreeMap<String, Vec<String>>,
    /// Any of these states of its approval; all when empty.
    pub standing: Vec<Standing>,
    /// Only of one of these titles, whatever the case, or references; all when nothing stands here.
    pub called: Option<Vec<String>>,
    /// Only with a condition whose day has passed.
    pub overdue: bool,
    /// When it is asked: what ends soon and what is overdue is counted from here.
    pub now: Option<At>,
    /// Owned or submitted by this person.
    pub person: Option<PersonId>,
    /// Only records of which some revision names one of these business units, beside those that
    /// the person owns or submitted; all when nothing stands here.
    pub within: Option<(Vec<String>, PersonId)>,
    /// Order.
    pub sort: Sort,
    /// Where the page begins.
    pub after: Option<Cursor>,
}

/// States of a condition on which something is owed.
const OWED: [&str; 4] = ["open", "evidence_given", "missed", "refused"];

impl Query {
    /// The instant before which an approval ends soon.
    fn soon(&self) -> Option<At> {
        let days = jiff::Span::new().hours(SOON_DAYS * 24);
        self.now.map(|now| At::new(now.0 + days))
    }
}

/// One page.
#[derive(Debug, Clone)]
pub struct Listing {
    /// The records.
    pub records: Vec<Record>,
    /// Where the next page begins, if there is one.
    pub next: Option<Cursor>,
}

/// How many records have a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FacetCount {
    /// The field.
    pub field: String,
    /// The value.
    pub value: String,
    /// How many of the records that the query finds.
    pub count: i64,
}

use crate::db::MultiBackend as Multi;

type Boxed<'a> = records::BoxedQuery<'a, Multi>;

/// Narrows any boxed statement over `records` to what `query` finds. A macro, for the statements
/// that list and those that count have different types and must never drift apart.
macro_rules! narrowed {
    ($conn:expr, $query:expr, $rows:expr) => {{
        let (conn, query) = (&*$conn, $query);
        let mut rows = $rows.into_boxed().filter(records::kind.eq(&query.kind));
        if let Some(words) = query.text.as_deref().filter(|t| !t.trim().is_empty()) {
            rows = match conn {
                Conn::Postgres(_) => rows.filter(
                    sql::<Bool>(
                        "to_tsvector('simple', records.title || ' ' || records.body) \
                         @@ plainto_tsquery('simple', ",
                    )
                    .bind::<Text, _>(words.to_owned())
                    .sql(")"),
                ),
                Conn::Sqlite(_) => rows.filter(
                    sql::<Bool>(
                        "records.nr IN (SELECT rowid FROM record_text WHERE record_text MATCH ",
                    )
                    .bind::<Text, _>(quoted(words))
                    .sql(")"),
                ),
            };
        }
        if !query.status.is_empty() {
            let words: Vec<&str> = query.status.iter().map(|s| s.as_str()).collect();
            rows = rows.filter(records::status.eq_any(words));
        }
        if !query.risk.is_empty() {
            rows = rows.filter(records::risk.eq_any(&query.risk));
        }
        if !query.standing.is_empty() {
            let stored = query.standing.iter().flat_map(|s| s.stored());
            let stored: Vec<&str> = stored.copied().collect();
            let soon = query.standing.contains(&Standing::EndsSoon);
            let soon: &[&str] = if soon {
                Standing::InForce.stored()
            } else {
                &[]
            };
            let ending = records::standing
                .eq_any(soon)
                .and(records::valid_until.le(query.soon()));
            rows = rows.filter(records::standing.eq_any(stored).or(ending));
        }
        if let Some(names) = &query.called {
            let lower = names.iter().map(|name| name.to_lowercase());
            let lower: Vec<String> = lower.chain(names.iter().cloned()).collect();
            let titled = sql::<Text>("lower(records.title)").eq_any(lower);
            rows = rows.filter(titled.or(records::reference.eq_any(names)));
        }
        if query.overdue {
            let late = conditions::table
                .filter(conditions::state.eq_any(OWED))
                .filter(conditions::due_at.le(query.now))
                .select(conditions::record_id);
            rows = rows.filter(records::id.eq_any(late));
        }
        for (field, values) in &query.facets {
            let having = diesel::alias!(record_facets as having);
            let (of, name, value) = having.fields((
                record_facets::record_id,
                record_facets::field,
                record_facets::value,
            ));
            let found = having
                .filter(name.eq(field).and(value.eq_any(values)))
                .select(of);
            rows = rows.filter(records::id.eq_any(found));
        }
        if let Some((units, person)) = &query.within {
            let named = of_units!(conn, "records.id", units);
            let own = records::owner_id
                .eq(*person)
                .or(records::submitter_id.eq(*person));
            rows = rows.filter(named.or(own.assume_not_null()));
        }
        if let Some(person) = query.person {
            rows = rows.filter(
                records::owner_id
                    .eq(person)
                    .or(records::submitter_id.eq(person)),
            );
        }
        rows
    }};
}

/// One page of the records that `query` finds.
///
/// # Errors
/// [`Error::BadRequest`] for a cursor of another order.
pub fn list(conn: &mut Conn, query: &Query) -> Result<Listing> {
    let rows = narrowed!(conn, query, records::table);
    let rows = after(rows, query)?;
    let rows = match query.sort {
        Sort::Updated => rows.order((records::updated_at.desc(), records::nr.desc())),
        Sort::Waiting => rows.order((records::updated_at.asc(), records::nr.asc())),
        Sort::Reference => rows.order((records::reference.asc(), records::nr.asc())),
        Sort::Title => rows.order((records::title.asc(), records::nr.asc())),
    };
    let mut records: Vec<Record> = rows
        .select(Record::as_select())
        .limit(PAGE + 1)
        .load(conn)?;
    let more = records.len() as i64 > PAGE;
    records.truncate(PAGE as usize);
    let next = if more {
        records.last().map(|last| cursor(last, query.sort))
    } else {
        None
    };
    Ok(Listing { records, next })
}

fn cursor(last: &Record, sort: Sort) -> Cursor {
    let key = match sort {
        Sort::Updated | Sort::Waiting => last.updated_at.to_string(),
        Sort::Reference => last.reference.clone(),
        Sort::Title => last.title.clone(),
    };
    Cursor { key, nr: last.nr }
}

fn after<'a>(rows: Boxed<'a>, query: &'a Query) -> Result<Boxed<'a>> {
    let Some(cursor) = &query.after else {
        return Ok(rows);
    };
    let (key, nr) = (&cursor.key, cursor.nr);
    let time = || {
        let odd = || Error::BadRequest("after: take it from the previous page".to_owned());
        At::parse(key).ok_or_else(odd)
    };
    use records::{nr as number, reference, title, updated_at};
    Ok(match query.sort {
        Sort::Updated => {
            let at = time()?;
            rows.filter(updated_at.lt(at).or(updated_at.eq(at).and(number.lt(nr))))
        }
        Sort::Waiting => {
            let at = time()?;
            rows.filter(updated_at.gt(at).or(updated_at.eq(at).and(number.gt(nr))))
        }
        Sort::Reference => rows.filter(reference.gt(key).or(reference.eq(key).and(number.gt(nr)))),
        Sort::Title => rows.filter(title.gt(key).or(title.eq(key).and(number.gt(nr)))),
    })
}

/// How many records `query` finds.
///
/// # Errors
/// When the database fails.
pub fn total(conn: &mut Conn, query: &Query) -> Result<i64> {
    Ok(narrowed!(conn, query, records::table)
        .select(count_star())
        .get_result(conn)?)
}

/// How many of the records that `query` finds have each status, risk and facet value. A field's
/// own filter is left out for that field, so that its other values can still be chosen.
///
/// # Errors
/// When the database fails.
pub fn facet_counts(conn: &mut Conn, query: &Query, fields: &[String]) -> Result<Vec<FacetCount>> {
    let mut counts = Vec::new();
    let open = Query {
        status: Vec::new(),
        ..query.clone()
    };
    let rows: Vec<(String, i64)> = narrowed!(
        conn,
        &open,
        records::table
            .group_by(records::status)
            .select((records::status, count_star()))
    )
    .load(conn)?;
    counts.extend(rows.into_iter().map(|(v, n)| counted("status", v, n)));
    let open = Query {
        risk: Vec::new(),
        ..query.clone()
    };
    let rows: Vec<(Option<String>, i64)> = narrowed!(
        conn,
        &open,
        records::table
            .group_by(records::risk)
            .select((records::risk, count_star()))
    )
    .load(conn)?;
    counts.extend(
        rows.into_iter()
            .filter_map(|(v, n)| Some(counted("risk", v?, n))),
    );
    counts.extend(standing_counts(conn, query)?);
    for field in fields {
        let mut open = query.clone();
        open.facets.remove(field);
        let counted_by = record_facets::table
            .inner_join(records::table)
            .group_by(record_facets::value)
            .select((record_facets::value, count_star()));
        let rows: Vec<(String, i64)> = narrowed!(conn, &open, counted_by)
            .filter(record_facets::field.eq(field))
            .load(conn)?;
        counts.extend(rows.into_iter().map(|(v, n)| counted(field, v, n)));
    }
    Ok(counts)
}

/// How many approvals stand how, and how many records have a condition overdue.
fn standing_counts(conn: &mut Conn, query: &Query) -> Result<Vec<FacetCount>> {
    let mut counts = Vec::new();
    for standing in Standing::ALL {
        let open = Query {
            standing: vec![standing],
            ..query.clone()
        };
        let count = total(conn, &open)?;
        counts.push(counted("standing", standing.as_str().to_owned(), count));
    }
    let open = Query {
        overdue: true,
        ..query.clone()
    };
    let count = total(conn, &open)?;
    counts.push(counted("conditions", "overdue".to_owned(), count));
    Ok(counts)
}

fn counted(field: &str, value: String, count: i64) -> FacetCount {
    FacetCount {
        field: field.to_owned(),
        value,
        count,
    }
}

/// Each word quoted, so that the search language's own signs mean nothing.
fn quoted(words: &str) -> String {
    let quote = |word: &str| format!("\"{}\"", word.replace('"', "\"\""));
    words
        .split_whitespace()
        .map(quote)
        .collect::<Vec<_>>()
        .join(" ")
}

//! Who oversees, what they looked at and what it comes to, in the database.
use super::{Judged, KIND, Looked, Rule, RuleBook, judge};
use crate::db::schema::{overseers, oversight_arrangements, oversight_samples, records};
use crate::db::{ArrangementId, At, Conn, Day, PersonId, RecordId, SampleId, Tx};
use crate::error::{Error, Result};
use crate::{people, rules};
use diesel::prelude::*;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};

/// What an overseer recorded.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = oversight_samples)]
pub struct Sample {
    /// Identifier.
    pub id: SampleId,
    /// The use case.
    pub record_id: RecordId,
    /// The day on which they looked.
    pub looked_on: Day,
    /// How many outputs.
    pub looked_at: i32,
    /// How many of them they overrode.
    pub overridden: i32,
    /// Who.
    pub recorded_by: PersonId,
    /// The entry, beside which outputs and reason lie.
    pub seq: i64,
    /// When.
    pub at: At,
    /// Who took it back.
    pub withdrawn_by: Option<PersonId>,
    /// The entry that says so.
    pub withdrawn_seq: Option<i64>,
    /// When.
    pub withdrawn_at: Option<At>,
}

impl Sample {
    fn looked(&self) -> Looked {
        Looked {
            on: self.looked_on.0,
            at: u32::try_from(self.looked_at).unwrap_or_default(),
            overridden: u32::try_from(self.overridden).unwrap_or_default(),
        }
    }
}

/// Who was named to oversee a use case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arranged {
    /// Identifier.
    pub id: ArrangementId,
    /// The use case.
    pub record_id: RecordId,
    /// The day from which the naming counts.
    pub on: Day,
    /// Who named them.
    pub by: PersonId,
    /// The entry, beside which it says how they step in and stop it.
    pub seq: i64,
    /// When.
    pub at: At,
    /// Who is named.
    pub overseers: BTreeSet<PersonId>,
}

/// A rule that a use case falls under, with how it stands.
#[derive(Debug, Clone)]
pub struct Line {
    /// Key of the document.
    pub book: String,
    /// Its version in force.
    pub version: i32,
    /// The rule.
    pub rule: Rule,
    /// How it stands by what was looked at.
    pub judged: Judged,
}

/// The human review of one use case, with all that is known of it.
#[derive(Debug, Clone, Default)]
pub struct Overseen {
    /// The rules that it falls under.
    pub lines: Vec<Line>,
    /// Who oversees it now.
    pub arranged: Option<Arranged>,
    /// Those of them who are still here.
    pub here: BTreeSet<PersonId>,
    /// Who answers for it: owner and submitter.
    pub parties: BTreeSet<PersonId>,
    /// What they looked at, the newest first; also what was taken back.
    pub samples: Vec<Sample>,
}

impl Overseen {
    /// How many of its overseers count for a rule.
    pub fn counted(&self, rule: &Rule) -> usize {
        let apart = |person: &&PersonId| !rule.apart_from_owner || !self.parties.contains(*person);
        self.here.iter().filter(apart).count()
    }

    /// The last day on which the naming of its overseers counts, by the strictest of its rules.
    pub fn named_until(&self) -> Option<Day> {
        let on = self.arranged.as_ref()?.on;
        let shortest = self.lines.iter().map(|line| line.rule.named_for).min()?;
        Some(on.days_later(shortest))
    }
}

/// The rules in force, each document with its version.
fn books(conn: &mut Conn) -> Result<Vec<(i32, RuleBook)>> {
    let mut books = Vec::new();
    for head in rules::heads(conn, &KIND)? {
        let (hash, text) = rules::source(conn, &KIND, &head.key, head.version)?;
        let named = format!("human review {} version {}", head.key, head.version);
        let read = RuleBook::read("stored version", &text, None);
        match read {
            Ok(book) if book.hash == hash => books.push((head.version, book)),
            _ => return Err(Error::Corrupt(named)),
        }
    }
    Ok(books)
}

/// The human review of one use case with this content.
///
/// # Errors
/// When the database fails.
pub fn overseen(
    conn: &mut Conn,
    record: RecordId,
    document: &Value,
    today: Day,
) -> Result<Overseen> {
    let mut all = overseen_of(conn, &[(record, document.clone())], today)?;
    Ok(all.remove(&record).unwrap_or_default())
}

/// The human review of many use cases, with a few questions to the database whatever their number.
///
/// # Errors
/// When the database fails.
pub fn overseen_of(
    conn: &mut Conn,
    cases: &[(RecordId, Value)],
    today: Day,
) -> Result<HashMap<RecordId, Overseen>> {
    let books = books(conn)?;
    let ids: Vec<RecordId> = cases.iter().map(|(id, _)| *id).collect();
    let mut arranged = arrangements(conn, &ids)?;
    let named: BTreeSet<PersonId> = arranged
        .values()
        .flat_map(|one| one.overseers.iter().copied())
        .collect();
    let here = people::active(conn, &named)?;
    let mut samples: HashMap<RecordId, Vec<Sample>> = HashMap::new();
    let rows = oversight_samples::table
        .filter(oversight_samples::record_id.eq_any(&ids))
        .order((
            oversight_samples::looked_on.desc(),
            oversight_samples::seq.desc(),
        ))
        .select(Sample::as_select());
    for row in rows.load(conn)? {
        samples.entry(row.record_id).or_default().push(row);
    }
    let parties: Vec<(RecordId, Option<PersonId>, Option<PersonId>)> = records::table
        .filter(records::id.eq_any(&ids))
        .select((records::id, records::owner_id, records::submitter_id))
        .load(conn)?;
    let mut parties: HashMap<RecordId, BTreeSet<PersonId>> = parties
        .into_iter()
        .map(|(id, owner, submitter)| (id, owner.into_iter().chain(submitter).collect()))
        .collect();
    let mut all = HashMap::new();
    for (record, document) in cases {
        let samples = samples.remove(record).unwrap_or_default();
        let arranged = arranged.remove(record);
        let parties = parties.remove(record).unwrap_or_default();
        let named = arranged.iter().flat_map(|one| one.overseers.iter());
        all.insert(
            *record,
            Overseen {
                lines: lines(&books, document, (&samples, &parties), today),
                here: named
                    .filter(|person| here.contains(person))
                    .copied()
                    .collect(),
                parties,
                arranged,
                samples,
            },
        );
    }
    Ok(all)
}

/// The rules that the content falls under. Where a rule wants overseers apart from whoever answers
/// for the use case, what those looked at themselves does not count for it.
fn lines(
    books: &[(i32, RuleBook)],
    document: &Value,
    (samples, parties): (&[Sample], &BTreeSet<PersonId>),
    today: Day,
) -> Vec<Line> {
    let looked = |rule: &Rule| -> Vec<Looked> {
        let counts = |sample: &&Sample| {
            let own = rule.apart_from_owner && parties.contains(&sample.recorded_by);
            sample.withdrawn_seq.is_none() && !own
        };
        samples.iter().filter(counts).map(Sample::looked).collect()
    };
    let mut lines = Vec::new();
    for (version, book) in books {
        for rule in book.required(document) {
            lines.push(Line {
                book: book.key.clone(),
                version: *version,
                judged: judge(rule, &looked(rule), today.0),
                rule: rule.clone(),
            });
        }
    }
    lines
}

/// The newest naming of each use case.
fn arrangements(conn: &mut Conn, ids: &[RecordId]) -> Result<HashMap<RecordId, Arranged>> {
    type Row = (ArrangementId, RecordId, Day, PersonId, i64, At);
    let rows: Vec<Row> = oversight_arrangements::table
        .filter(oversight_arrangements::record_id.eq_any(ids))
        .order(oversight_arrangements::seq)
        .select((
            oversight_arrangements::id,
            oversight_arrangements::record_id,
            oversight_arrangements::named_on,
            oversight_arrangements::arranged_by,
            oversight_arrangements::seq,
            oversight_arrangements::at,
        ))
        .load(conn)?;
    let mut newest = HashMap::new();
    for (id, record_id, on, by, seq, at) in rows {
        let one = Arranged {
            id,
            record_id,
            on,
            by,
            seq,
            at,
            overseers: BTreeSet::new(),
        };
        newest.insert(record_id, one);
    }
    let wanted: Vec<ArrangementId> = newest.values().map(|one| one.id).collect();
    let named: Vec<(ArrangementId, PersonId)> = overseers::table
        .filter(overseers::arrangement_id.eq_any(&wanted))
        .select((overseers::arrangement_id, overseers::person_id))
        .load(conn)?;
    let mut by_arrangement: HashMap<ArrangementId, BTreeSet<PersonId>> = HashMap::new();
    for (arrangement, person) in named {
        by_arrangement
            .entry(arrangement)
            .or_default()
            .insert(person);
    }
    for one in newest.values_mut() {
        one.overseers = by_arrangement.remove(&one.id).unwrap_or_default();
    }
    Ok(newest)
}

/// The use cases that somebody oversees now.
pub(super) fn overseen_by(conn: &mut Conn, person: PersonId) -> Result<Vec<RecordId>> {
    let ever: Vec<RecordId> = overseers::table
        .inner_join(oversight_arrangements::table)
        .filter(overseers::person_id.eq(person))
        .select(oversight_arrangements::record_id)
        .distinct()
        .load(conn)?;
    let newest = arrangements(conn, &ever)?;
    let mut now: Vec<RecordId> = newest
        .into_values()
        .filter(|one| one.overseers.contains(&person))
        .map(|one| one.record_id)
        .collect();
    now.sort();
    Ok(now)
}

/// What an overseer recorded.
///
/// # Errors
/// [`Error::NotFound`].
pub fn sample(conn: &mut Conn, id: SampleId) -> Result<Sample> {
    let found = oversight_samples::table
        .find(id)
        .select(Sample::as_select());
    let found = found.get_result(conn).optional()?;
    found.ok_or_else(|| Error::not_found("sample", id))
}

pub(super) fn insert_arrangement(tx: &mut Tx, arranged: &Arranged) -> Result<()> {
    diesel::insert_into(oversight_arrangements::table)
        .values((
            oversight_arrangements::id.eq(arranged.id),
            oversight_arrangements::record_id.eq(arranged.record_id),
            oversight_arrangements::named_on.eq(arranged.on),
            oversight_arrangements::arranged_by.eq(arranged.by),
            oversight_arrangements::seq.eq(arranged.seq),
            oversight_arrangements::at.eq(arranged.at),
        ))
        .execute(&mut **tx)?;
    for person in &arranged.overseers {
        diesel::insert_into(overseers::table)
            .values((
                overseers::arrangement_id.eq(arranged.id),
                overseers::person_id.eq(*person),
            ))
            .execute(&mut **tx)?;
    }
    Ok(())
}

pub(super) fn insert_sample(tx: &mut Tx, row: &Sample) -> Result<()> {
    diesel::insert_into(oversight_samples::table)
        .values(row)
        .execute(&mut **tx)?;
    Ok(())
}

pub(super) fn withdraw_sample(
    tx: &mut Tx,
    id: SampleId,
    (by, seq, at): (PersonId, i64, At),
) -> Result<()> {
    diesel::update(oversight_samples::table.find(id))
        .set((
            oversight_samples::withdrawn_by.eq(by),
            oversight_samples::withdrawn_seq.eq(seq),
            oversight_samples::withdrawn_at.eq(at),
        ))
        .execute(&mut **tx)?;
    Ok(())
}

//! How long values are kept: for ever, unless two administrators agreed on less. The daily round
//! takes away what is older, and never what a legal hold is on.
//!
//! - `values_months`: the values beside the entries of a review, counted from its last entry, once
//!   nothing can follow it.
//! - `links_days`: sign-off links, sign-in links and sessions, counted from their end; answers kept
//!   for requests that come again; what messages were made from.
use super::perform::listed;
use super::{Refusal, administrator, hold, invalid, reason};
use crate::db::schema::{
    idempotency, ledger_index, ledger_private, person_links, retention_rules, reviews, sessions,
    sign_in_links,
};
use crate::db::{At, Conn, Db, PersonId, RecordId, ReviewId, RuleId, Tx};
use crate::error::{Error, Result};
use crate::ledger::entry::{Method, Via};
use crate::ledger::{self, Actor, Note, PrivateValue};
use crate::notify;
use crate::review::{self, Desk};
use diesel::prelude::*;
use std::sync::Arc;

/// The least that values are kept, in months: laws on records of AI systems ask for six.
pub const MONTHS_MIN: i32 = 6;
/// The most that can be asked for, in months and in days.
pub const MONTHS_MAX: i32 = 600;
/// The least that dead links are kept, in days.
pub const DAYS_MIN: i32 = 30;
/// The most that can be asked for, in days.
pub const DAYS_MAX: i32 = 3650;
/// Most values that go with one entry.
const BATCH: usize = 2000;
/// Reviews looked at in one statement.
const REVIEWS: usize = 500;
/// The phases of a review that nothing can follow.
const OVER: [&str; 7] = [
    "rejected",
    "withdrawn",
    "abandoned",
    "expired",
    "revoked",
    "retired",
    "superseded",
];

/// A rule, proposed or agreed.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = retention_rules)]
pub struct Rule {
    /// Identifier.
    pub id: RuleId,
    /// Months that values are kept after the last entry of their review; for ever when `None`.
    pub values_months: Option<i32>,
    /// Days that dead links are kept; for ever when `None`.
    pub links_days: Option<i32>,
    /// `proposed`, `agreed` or `declined`.
    pub state: String,
    /// Who proposed it.
    pub proposed_by: PersonId,
    /// The entry, beside which the reason lies.
    pub proposed_seq: i64,
    /// When.
    pub proposed_at: At,
    /// Who agreed or declined.
    pub settled_by: Option<PersonId>,
    /// The entry that says so.
    pub settled_seq: Option<i64>,
    /// When.
    pub settled_at: Option<At>,
}

/// The rule that holds; nothing when everything is kept.
///
/// # Errors
/// When the database fails.
pub fn current(conn: &mut Conn) -> Result<Option<Rule>> {
    Ok(retention_rules::table
        .filter(retention_rules::state.eq("agreed"))
        .order(retention_rules::settled_seq.desc())
        .limit(1)
        .select(Rule::as_select())
        .load(conn)?
        .pop())
}

/// The rule that waits for a second administrator.
///
/// # Errors
/// When the database fails.
pub fn proposed(conn: &mut Conn) -> Result<Option<Rule>> {
    Ok(retention_rules::table
        .filter(retention_rules::state.eq("proposed"))
        .select(Rule::as_select())
        .get_result(conn)
        .optional()?)
}

fn unsettled(conn: &mut Conn, id: RuleId) -> Result<Rule> {
    let found = retention_rules::table.find(id).select(Rule::as_select());
    let rule = found.get_result(conn).optional()?;
    let rule = rule.ok_or_else(|| Error::not_found("retention rule", id))?;
    match rule.settled_seq {
        None => Ok(rule),
        Some(_) => Err(Refusal::Settled.into()),
    }
}

/// Proposes how long values are kept from now on.
///
/// # Errors
/// [`Error::Forbidden`] for others than administrators, [`Error::Invalid`] naming the field,
/// [`Refusal::ProposedAlready`].
pub fn propose(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    (values_months, links_days): (Option<i32>, Option<i32>),
    why: &str,
) -> Result<RuleId> {
    let by = administrator(tx, actor)?;
    within("values_months", values_months, (MONTHS_MIN, MONTHS_MAX))?;
    within("links_days", links_days, (DAYS_MIN, DAYS_MAX))?;
    if proposed(tx)?.is_some() {
        return Err(Refusal::ProposedAlready.into());
    }
    let (id, now) = (RuleId::new(), desk.clock.now());
    let note = Note::new("retention.proposed", actor)
        .subject("rule", id.to_string())
        .data("values_months", values_months)
        .data("links_days", links_days)
        .private("reason", reason(why)?);
    let seq = ledger::append(tx, now, note)?;
    diesel::insert_into(retention_rules::table)
        .values((
            retention_rules::id.eq(id),
            retention_rules::values_months.eq(values_months),
            retention_rules::links_days.eq(links_days),
            retention_rules::state.eq("proposed"),
            retention_rules::proposed_by.eq(by),
            retention_rules::proposed_seq.eq(i64::try_from(seq).unwrap_or(i64::MAX)),
            retention_rules::proposed_at.eq(now),
        ))
        .execute(&mut **tx)?;
    Ok(id)
}

fn within(field: &str, number: Option<i32>, (least, most): (i32, i32)) -> Result<()> {
    match number {
        Some(number) if !(least..=most).contains(&number) => Err(invalid(
            field,
            &format!("enter a whole number from {least} to {most}, or nothing to keep for ever"),
        )),
        _ => Ok(()),
    }
}

/// A second administrator agrees; the next daily round follows the rule.
///
/// # Errors
/// As [`propose`]; [`Refusal::SameEyes`], [`Refusal::Settled`].
pub fn agree(tx: &mut Tx, desk: &Desk, actor: &Actor, id: RuleId) -> Result<()> {
    let by = administrator(tx, actor)?;
    let rule = unsettled(tx, id)?;
    if by == rule.proposed_by {
        return Err(Refusal::SameEyes("you proposed this").into());
    }
    let note = Note::new("retention.changed", actor)
        .subject("rule", id.to_string())
        .data("proposed_by", rule.proposed_by.to_string())
        .data("values_months", rule.values_months)
        .data("links_days", rule.links_days);
    settle(tx, desk, id, by, "agreed", note)
}

/// An administrator declines a proposed rule.
///
/// # Errors
/// As [`propose`]; [`Refusal::Settled`].
pub fn decline(tx: &mut Tx, desk: &Desk, actor: &Actor, id: RuleId, why: &str) -> Result<()> {
    let by = administrator(tx, actor)?;
    unsettled(tx, id)?;
    let note = Note::new("retention.declined", actor)
        .subject("rule", id.to_string())
        .private("reason", reason(why)?);
    settle(tx, desk, id, by, "declined", note)
}

fn settle(
    tx: &mut Tx,
    desk: &Desk,
    id: RuleId,
    by: PersonId,
    state: &str,
    note: Note,
) -> Result<()> {
    let now = desk.clock.now();
    let seq = ledger::append(tx, now, note)?;
    diesel::update(retention_rules::table.find(id))
        .set((
            retention_rules::state.eq(state),
            retention_rules::settled_by.eq(by),
            retention_rules::settled_seq.eq(i64::try_from(seq).unwrap_or(i64::MAX)),
            retention_rules::settled_at.eq(now),
        ))
        .execute(&mut **tx)?;
    Ok(())
}

/// Takes away what the rule in force says is too old; how many values went.
///
/// # Errors
/// When the database fails.
pub async fn apply(db: &Db, desk: &Arc<Desk>) -> Result<usize> {
    let Some(rule) = db.read(current).await? else {
        return Ok(0);
    };
    let now = desk.clock.now();
    if let Some(days) = rule.links_days {
        let hours = jiff::Span::new().hours(i64::from(days) * 24);
        let before = At(now.0 - hours);
        db.upkeep(move |tx| clear(tx, before)).await?;
    }
    let Some(months) = rule.values_months else {
        return Ok(0);
    };
    let mut gone = 0;
    loop {
        let desk = desk.clone();
        let some = db
            .write(move |tx| some_values(tx, &desk, rule.id, months))
            .await?;
        gone += some;
        if some == 0 {
            return Ok(gone);
        }
    }
}

/// What the server itself remembers and needs no more.
fn clear(tx: &mut Tx, before: At) -> Result<()> {
    review::delete_links_before(tx, before)?;
    notify::empty_before(tx, before)?;
    let dead = sessions::table.filter(sessions::expires_at.lt(before));
    diesel::delete(dead).execute(&mut **tx)?;
    let dead = sign_in_links::table.filter(sign_in_links::expires_at.lt(before));
    diesel::delete(dead).execute(&mut **tx)?;
    let dead = person_links::table.filter(person_links::expires_at.lt(before));
    diesel::delete(dead).execute(&mut **tx)?;
    let old = idempotency::table.filter(idempotency::created_at.lt(before));
    diesel::delete(old).execute(&mut **tx)?;
    Ok(())
}

/// Erases some of what is too old, in one entry; how many values.
fn some_values(tx: &mut Tx, desk: &Desk, rule: RuleId, months: i32) -> Result<usize> {
    let now = desk.clock.now();
    let span = jiff::Span::new().months(months);
    let local = now.0.to_zoned(desk.zone.clone());
    let limit = local.checked_sub(span);
    let limit = limit.map_or(now, |limit| At::new(limit.timestamp()));
    let values = too_old(tx, limit)?;
    if values.is_empty() {
        tx.leave_unchanged();
        return Ok(0);
    }
    let system = Actor::system(Via::new(Method::Timer, "none"));
    let note = Note::new("values.erased", &system)
        .subject("rule", rule.to_string())
        .data("values_months", months)
        .data("values", listed(&values));
    let seq = ledger::append(tx, now, note)?;
    ledger::erase(tx, seq, &values)?;
    review::forget(tx, &values)?;
    Ok(values.len())
}

/// A value, with whom and what its entry concerns.
type Row = (
    i64,
    String,
    Option<PersonId>,
    Option<PersonId>,
    Option<RecordId>,
);

fn too_old(conn: &mut Conn, limit: At) -> Result<Vec<PrivateValue>> {
    let people = hold::people_held(conn)?;
    let records = hold::records_held(conn)?;
    let over: Vec<(ReviewId, RecordId)> = reviews::table
        .filter(reviews::phase.eq_any(OVER))
        .filter(reviews::opened_at.lt(limit))
        .select((reviews::id, reviews::record_id))
        .order(reviews::id)
        .load(conn)?;
    let free = over.into_iter().filter(|(_, r)| !records.contains(r));
    let free: Vec<String> = free.map(|(review, _)| review.to_string()).collect();
    let held = |id: &Option<PersonId>| id.is_some_and(|id| people.contains(&id));
    let mut found = Vec::new();
    for some in free.chunks(REVIEWS) {
        let ended: Vec<Option<String>> = ledger_index::table
            .filter(ledger_index::review_id.eq_any(some))
            .group_by(ledger_index::review_id)
            .having(diesel::dsl::max(ledger_index::at).lt(limit))
            .select(ledger_index::review_id)
            .load(conn)?;
        let rows: Vec<Row> = ledger_private::table
            .inner_join(ledger_index::table)
            .filter(ledger_index::review_id.eq_any(ended.into_iter().flatten()))
            .select((
                ledger_private::seq,
                ledger_private::name,
                ledger_index::actor_id,
                ledger_index::person_id,
                ledger_index::record_id,
            ))
            .order((ledger_private::seq, ledger_private::name))
            .load(conn)?;
        let free = rows.into_iter().filter(|(_, _, by, about, record)| {
            let record = record.is_some_and(|record| records.contains(&record));
            !held(by) && !held(about) && !record
        });
        found.extend(free.map(|(seq, name, ..)| (seq, name)));
        if found.len() >= BATCH {
            break;
        }
    }
    found.truncate(BATCH);
    Ok(found)
}

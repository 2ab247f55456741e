//! Drafts in the database.
use super::Kind;
use super::drafts::{Draft, Place, State};
use crate::db::schema::{rule_draft_authors, rule_drafts};
use crate::db::{At, Conn, DraftId, PersonId, Tx};
use crate::error::{Error, Result};
use crate::on_backend;
use diesel::prelude::*;

type Fields = (
    DraftId,
    String,
    i32,
    String,
    String,
    i32,
    Option<i64>,
    At,
    At,
    Option<PersonId>,
);

type FieldColumns = (
    rule_drafts::id,
    rule_drafts::key,
    rule_drafts::base,
    rule_drafts::text,
    rule_drafts::state,
    rule_drafts::seen,
    rule_drafts::reason_seq,
    rule_drafts::created_at,
    rule_drafts::changed_at,
    rule_drafts::discarded_by,
);

const FIELDS: FieldColumns = (
    rule_drafts::id,
    rule_drafts::key,
    rule_drafts::base,
    rule_drafts::text,
    rule_drafts::state,
    rule_drafts::seen,
    rule_drafts::reason_seq,
    rule_drafts::created_at,
    rule_drafts::changed_at,
    rule_drafts::discarded_by,
);

/// Drafts of a list, the latest.
const LISTED: i64 = 100;

/// One draft.
///
/// # Errors
/// [`Error::NotFound`].
pub fn draft(conn: &mut Conn, place: &Place) -> Result<Draft> {
    let of = rule_drafts::kind.eq(place.kind.word);
    let row: Option<Fields> = rule_drafts::table
        .find(place.id)
        .filter(of.and(rule_drafts::key.eq(&place.key)))
        .select(FIELDS)
        .get_result(conn)
        .optional()?;
    let row = row.ok_or_else(|| Error::not_found("draft", place.id))?;
    whole(conn, place.kind, row)
}

/// The drafts of one document, the latest first; those of every document of the kind without a key.
///
/// # Errors
/// When the database fails.
pub fn drafts(conn: &mut Conn, kind: &'static Kind, key: Option<&str>) -> Result<Vec<Draft>> {
    let mut rows = rule_drafts::table.into_boxed();
    rows = rows.filter(rule_drafts::kind.eq(kind.word));
    if let Some(key) = key {
        rows = rows.filter(rule_drafts::key.eq(key.to_owned()));
    }
    let order = (rule_drafts::changed_at.desc(), rule_drafts::id.desc());
    let rows = rows.order(order).limit(LISTED).select(FIELDS);
    let rows: Vec<Fields> = rows.load(conn)?;
    rows.into_iter().map(|row| whole(conn, kind, row)).collect()
}

fn whole(conn: &mut Conn, kind: &'static Kind, row: Fields) -> Result<Draft> {
    let (id, key, base, text, state, seen, reason_seq, created_at, changed_at, by) = row;
    let authors: Vec<PersonId> = rule_draft_authors::table
        .filter(rule_draft_authors::draft_id.eq(id))
        .select(rule_draft_authors::person_id)
        .load(conn)?;
    let odd = || Error::Corrupt(format!("draft {id} is {state}"));
    Ok(Draft {
        id,
        kind,
        key,
        base,
        text,
        state: State::named(&state).ok_or_else(odd)?,
        seen,
        authors: authors.into_iter().collect(),
        reason_seq,
        created_at,
        changed_at,
        discarded_by: by,
    })
}

pub(super) fn insert(tx: &mut Tx, draft: &Draft) -> Result<()> {
    diesel::insert_into(rule_drafts::table)
        .values((
            rule_drafts::id.eq(draft.id),
            rule_drafts::kind.eq(draft.kind.word),
            rule_drafts::key.eq(&draft.key),
            rule_drafts::base.eq(draft.base),
            rule_drafts::text.eq(&draft.text),
            rule_drafts::state.eq(draft.state.as_str()),
            rule_drafts::seen.eq(draft.seen),
            rule_drafts::created_at.eq(draft.created_at),
            rule_drafts::changed_at.eq(draft.changed_at),
        ))
        .execute(&mut **tx)?;
    authors(tx, draft)
}

pub(super) fn update(tx: &mut Tx, draft: &Draft) -> Result<()> {
    diesel::update(rule_drafts::table.find(draft.id))
        .set((
            rule_drafts::base.eq(draft.base),
            rule_drafts::text.eq(&draft.text),
            rule_drafts::state.eq(draft.state.as_str()),
            rule_drafts::seen.eq(draft.seen),
            rule_drafts::reason_seq.eq(draft.reason_seq),
            rule_drafts::changed_at.eq(draft.changed_at),
            rule_drafts::discarded_by.eq(draft.discarded_by),
        ))
        .execute(&mut **tx)?;
    authors(tx, draft)
}

fn authors(tx: &mut Tx, draft: &Draft) -> Result<()> {
    for person in &draft.authors {
        let row = diesel::insert_into(rule_draft_authors::table)
            .values((
                rule_draft_authors::draft_id.eq(draft.id),
                rule_draft_authors::person_id.eq(*person),
            ))
            .on_conflict((rule_draft_authors::draft_id, rule_draft_authors::person_id))
            .do_nothing();
        on_backend!(&mut **tx, c => row.execute(c))?;
    }
    Ok(())
}

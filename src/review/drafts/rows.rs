//! Drafts as rows.
use super::{Draft, State};
use crate::db::schema::{workflow_draft_authors, workflow_drafts};
use crate::db::{At, Conn, DraftId, PersonId, Tx};
use crate::error::{Error, Result};
use crate::on_backend;
use diesel::prelude::*;
use std::collections::BTreeSet;

type Fields = (
    DraftId,
    String,
    i32,
    String,
    String,
    String,
    i32,
    Option<i64>,
    At,
    At,
    Option<PersonId>,
);

pub(super) fn find(conn: &mut Conn, key: &str, id: DraftId) -> Result<Draft> {
    let row: Option<Fields> = workflow_drafts::table
        .filter(workflow_drafts::id.eq(id).and(workflow_drafts::key.eq(key)))
        .get_result(conn)
        .optional()?;
    let row = row.ok_or_else(|| Error::not_found("draft", id))?;
    whole(conn, row)
}

/// The drafts of a workflow, the latest first; of every workflow without a key.
pub(super) fn all(conn: &mut Conn, key: Option<&str>) -> Result<Vec<Draft>> {
    let mut rows = workflow_drafts::table.into_boxed();
    if let Some(key) = key {
        rows = rows.filter(workflow_drafts::key.eq(key.to_owned()));
    }
    let rows: Vec<Fields> = rows
        .order((
            workflow_drafts::changed_at.desc(),
            workflow_drafts::id.desc(),
        ))
        .limit(100)
        .load(conn)?;
    rows.into_iter().map(|row| whole(conn, row)).collect()
}

fn whole(conn: &mut Conn, row: Fields) -> Result<Draft> {
    let (id, key, base, text, forms, state, seen, reason_seq, created_at, changed_at, by) = row;
    let authors: Vec<PersonId> = workflow_draft_authors::table
        .filter(workflow_draft_authors::draft_id.eq(id))
        .select(workflow_draft_authors::person_id)
        .load(conn)?;
    let odd = || Error::Corrupt(format!("draft {id} is {state}"));
    Ok(Draft {
        id,
        key,
        base,
        text,
        forms: serde_json::from_str(&forms)?,
        state: State::named(&state).ok_or_else(odd)?,
        seen,
        authors: authors.into_iter().collect::<BTreeSet<_>>(),
        reason_seq,
        created_at,
        changed_at,
        discarded_by: by,
    })
}

pub(super) fn insert(tx: &mut Tx, draft: &Draft) -> Result<()> {
    diesel::insert_into(workflow_drafts::table)
        .values((
            workflow_drafts::id.eq(draft.id),
            workflow_drafts::key.eq(&draft.key),
            workflow_drafts::base.eq(draft.base),
            workflow_drafts::text.eq(&draft.text),
            workflow_drafts::forms.eq(serde_json::to_string(&draft.forms)?),
            workflow_drafts::state.eq(draft.state.as_str()),
            workflow_drafts::seen.eq(draft.seen),
            workflow_drafts::created_at.eq(draft.created_at),
            workflow_drafts::changed_at.eq(draft.changed_at),
            workflow_drafts::discarded_by.eq(draft.discarded_by),
        ))
        .execute(&mut **tx)?;
    authors(tx, draft)
}

pub(super) fn update(tx: &mut Tx, draft: &Draft) -> Result<()> {
    diesel::update(workflow_drafts::table.find(draft.id))
        .set((
            workflow_drafts::base.eq(draft.base),
            workflow_drafts::text.eq(&draft.text),
            workflow_drafts::state.eq(draft.state.as_str()),
            workflow_drafts::seen.eq(draft.seen),
            workflow_drafts::reason_seq.eq(draft.reason_seq),
            workflow_drafts::changed_at.eq(draft.changed_at),
            workflow_drafts::discarded_by.eq(draft.discarded_by),
        ))
        .execute(&mut **tx)?;
    authors(tx, draft)
}

fn authors(tx: &mut Tx, draft: &Draft) -> Result<()> {
    for person in &draft.authors {
        let row = diesel::insert_into(workflow_draft_authors::table)
            .values((
                workflow_draft_authors::draft_id.eq(draft.id),
                workflow_draft_authors::person_id.eq(*person),
            ))
            .on_conflict((
                workflow_draft_authors::draft_id,
                workflow_draft_authors::person_id,
            ))
            .do_nothing();
        on_backend!(&mut **tx, c => row.execute(c))?;
    }
    Ok(())
}

//! Proposals in the database.
use crate::db::schema::erasures;
use crate::db::{At, Conn, ErasureId, PersonId, Tx};
use crate::erasure::Refusal;
use crate::error::{Error, Result};
use diesel::prelude::*;

/// A proposal to erase a person's data.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = erasures)]
pub struct Proposal {
    /// Identifier.
    pub id: ErasureId,
    /// Whose data.
    pub person_id: PersonId,
    /// The word of a [`crate::erasure::Basis`].
    pub basis: String,
    /// `proposed`, `done` or `declined`.
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

/// Who did something, by which entry, when.
type Deed = (PersonId, u64, At);

fn signed(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

pub(super) fn insert(
    tx: &mut Tx,
    id: ErasureId,
    person: PersonId,
    basis: &str,
    (by, seq, at): Deed,
) -> Result<()> {
    diesel::insert_into(erasures::table)
        .values((
            erasures::id.eq(id),
            erasures::person_id.eq(person),
            erasures::basis.eq(basis),
            erasures::state.eq("proposed"),
            erasures::proposed_by.eq(by),
            erasures::proposed_seq.eq(signed(seq)),
            erasures::proposed_at.eq(at),
        ))
        .execute(&mut **tx)?;
    Ok(())
}

pub(super) fn settle(tx: &mut Tx, id: ErasureId, state: &str, (by, seq, at): Deed) -> Result<()> {
    diesel::update(erasures::table.find(id))
        .set((
            erasures::state.eq(state),
            erasures::settled_by.eq(by),
            erasures::settled_seq.eq(signed(seq)),
            erasures::settled_at.eq(at),
        ))
        .execute(&mut **tx)?;
    Ok(())
}

/// The proposal with this identifier.
///
/// # Errors
/// [`Error::NotFound`].
pub fn proposal(conn: &mut Conn, id: ErasureId) -> Result<Proposal> {
    let found = erasures::table.find(id).select(Proposal::as_select());
    let found = found.get_result(conn).optional()?;
    found.ok_or_else(|| Error::not_found("proposal", id))
}

pub(super) fn unsettled(conn: &mut Conn, id: ErasureId) -> Result<Proposal> {
    let proposal = proposal(conn, id)?;
    match proposal.settled_seq {
        None => Ok(proposal),
        Some(_) => Err(Refusal::Settled.into()),
    }
}

pub(super) fn open(conn: &mut Conn, person: PersonId) -> Result<Option<Proposal>> {
    Ok(erasures::table
        .filter(
            erasures::person_id
                .eq(person)
                .and(erasures::state.eq("proposed")),
        )
        .select(Proposal::as_select())
        .get_result(conn)
        .optional()?)
}

/// All proposals, the newest first.
///
/// # Errors
/// When the database fails.
pub fn proposals(conn: &mut Conn) -> Result<Vec<Proposal>> {
    Ok(erasures::table
        .order((erasures::proposed_at.desc(), erasures::id.desc()))
        .select(Proposal::as_select())
        .load(conn)?)
}

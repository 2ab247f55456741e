//! What is left of a person whose data is erased: an identifier that stands in entries.
use crate::db::schema::{
    absences, api_tokens, checkpoint_readers, idempotency, people, person_links, sessions,
    sign_in_links, unreachable_people,
};
use crate::db::{At, PersonId, Tx};
use crate::error::Result;
use diesel::prelude::*;

/// What an erased person is called.
pub const ERASED_NAME: &str = "Erased person";

/// Takes away who a person was: name, address, manager, absences, every way in, and what the
/// server remembers of their requests. There is no way back. How many rows went.
///
/// # Errors
/// When the database fails.
pub fn erase(tx: &mut Tx, person: PersonId, now: At) -> Result<usize> {
    diesel::update(people::table.find(person))
        .set((
            people::name.eq(ERASED_NAME),
            people::email.eq(format!("{person}@erased.invalid")),
            people::active.eq(false),
            people::reachable.eq(false),
            people::digest.eq(false),
            people::manager_id.eq(None::<PersonId>),
            people::erased_at.eq(now),
        ))
        .execute(&mut **tx)?;
    let mut gone = 0;
    macro_rules! delete {
        ($($table:ident)*) => { $(
            let theirs = $table::table.filter($table::person_id.eq(person));
            gone += diesel::delete(theirs).execute(&mut **tx)?;
        )* };
    }
    delete! {
        absences checkpoint_readers sessions sign_in_links api_tokens person_links unreachable_people idempotency
    }
    Ok(gone)
}

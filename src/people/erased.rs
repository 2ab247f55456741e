//! What is left of a person whose data is erased: an identifier that stands in entries.
use crate::db::schema::{
    absences, checkpoint_readers, idempotency, people, sessions, sign_in_links, unreachable_people,
};
use crate::db::{At, PersonId, Tx};
use crate::error::Result;
use diesel::prelude::*;

/// What an erased person is called.
pub const ERASED_NAME: &str = "Erased person";
/// The first and last day of an absence whose days are erased.
const NO_DAY: &str = "0001-01-01";

/// Whether `value` is what stands in the place of an erased value called `name`.
pub fn is_erased(name: &str, value: &str) -> bool {
    match name {
        "name" => value == ERASED_NAME,
        "email" => value.ends_with("@erased.invalid"),
        "days" => value == format!("{NO_DAY}/{NO_DAY}"),
        _ => false,
    }
}

/// Takes away who a person was: name, address, days of absences, ways in, and what the server
/// remembers of their requests. There is no way back. How many rows that changed.
///
/// # Errors
/// When the database fails.
pub fn erase(tx: &mut Tx, person: PersonId, now: At) -> Result<usize> {
    diesel::update(people::table.find(person))
        .set((
            people::name.eq(ERASED_NAME),
            people::email.eq(format!("{person}@erased.invalid")),
            people::active.eq(false),
            people::reachable.eq(true),
            people::erased_at.eq(now),
        ))
        .execute(&mut **tx)?;
    let mut gone = diesel::update(absences::table.filter(absences::person_id.eq(person)))
        .set((
            absences::from_day.eq(NO_DAY),
            absences::until_day.eq(NO_DAY),
        ))
        .execute(&mut **tx)?;
    macro_rules! delete {
        ($($table:ident)*) => { $(
            let theirs = $table::table.filter($table::person_id.eq(person));
            gone += diesel::delete(theirs).execute(&mut **tx)?;
        )* };
    }
    delete! { checkpoint_readers sessions sign_in_links unreachable_people idempotency }
    Ok(gone)
}

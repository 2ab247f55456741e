//! Erasing values that lie beside entries. The entries stay as they are: what is left of a value
//! is a commitment that nobody can open.
use crate::db::Tx;
use crate::db::schema::{erased_values, ledger_private};
use crate::error::Result;
use diesel::prelude::*;

/// Where a value lies: the number of its entry, and its name there.
pub type Value = (i64, String);

/// Deletes these values with their salts, on the word of entry `because`, which must stand
/// already; the database refuses to lose a value in any other way.
///
/// # Errors
/// When the database fails.
pub fn erase(tx: &mut Tx, because: u64, values: &[Value]) -> Result<()> {
    let because = i64::try_from(because).unwrap_or(i64::MAX);
    for (seq, name) in values {
        diesel::insert_into(erased_values::table)
            .values((
                erased_values::seq.eq(seq),
                erased_values::name.eq(name),
                erased_values::entry_seq.eq(because),
            ))
            .execute(&mut **tx)?;
        diesel::delete(ledger_private::table.find((seq, name))).execute(&mut **tx)?;
    }
    Ok(())
}

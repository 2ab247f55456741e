//! The same examination on a package file alone: it is verified while it is read, and what does not
//! verify is not examined.
use crate::audit::asked::Wanted;
use crate::audit::draw::{Drawn, Found};
use crate::db::At;
use crate::ledger::entry::Entry;
use crate::ledger::package::{self, Asked, Report, Witness};
use crate::ledger::verify::Refusal;
use crate::review::engine::Pin;
use crate::review::workflows::Loaded;
use std::io::Read;
use std::sync::Arc;

/// Looks on while a package is read, and examines it.
struct Examining<'a> {
    found: Found,
    /// Entries from then on are not looked at.
    before: Option<At>,
    workflows: &'a dyn Fn(&Pin) -> Option<Arc<Loaded>>,
}

impl Witness for Examining<'_> {
    fn entry(&mut self, text: &[u8]) -> Result<(), String> {
        let entry = Entry::parse(text).map_err(|flaw| flaw.to_string())?;
        if self.before.is_some_and(|before| At(entry.at) >= before) {
            return Ok(());
        }
        let mut find = |pin: &Pin| (self.workflows)(pin);
        for item in self.found.entry(text, &entry, &mut find)? {
            self.found.take(item);
        }
        Ok(())
    }

    fn state(&mut self, _: &[u8]) -> Result<(), String> {
        Ok(())
    }
}

/// Verifies a package of a whole log and examines the entries before `before`. `workflows` finds
/// the workflow versions that the entries name by hash: a package does not hold them, and where one
/// is not found, a person has to look.
///
/// # Errors
/// Why it does not verify, or cannot be examined.
pub fn examine(
    source: impl Read,
    trusted: &Asked,
    wanted: &Wanted,
    before: Option<At>,
    workflows: &dyn Fn(&Pin) -> Option<Arc<Loaded>>,
) -> Result<(Drawn, Report), Refusal> {
    let mut examining = Examining {
        found: Found::new(wanted),
        before,
        workflows,
    };
    let report = package::verify(source, trusted, &mut examining)?;
    let signed = (!report.signed_by.is_empty()).then_some(report.size);
    Ok((examining.found.end(signed), report))
}

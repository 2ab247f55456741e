//! What a change at a vendor does to answers: as long as it is not dealt with, nobody is told that
//! they may simply use a tool of that vendor.
use super::{Answer, Outcome, Verdict, Version};
use crate::db::{Conn, VendorChangeId};
use crate::error::Result;
use crate::register::{self, Name, one_spelling};
use crate::vendor::{self, OpenChange};
use serde::Serialize;

/// A change at the vendor of a tool that answers are given under.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Overlay {
    /// The change.
    pub change: VendorChangeId,
    /// Why the answer is another, in one sentence.
    pub words: String,
    /// Where the change is told.
    pub path: String,
}

/// Answers as a policy does, and as the changes at the tool's vendor that are not dealt with leave
/// it: what was allowed needs a review.
///
/// # Errors
/// When the database fails.
pub fn lay(conn: &mut Conn, version: &Version, answer: &mut Answer) -> Result<Option<Overlay>> {
    let permits = |outcome: &Outcome| outcome.verdict.permits();
    let any = permits(&answer.outcome) || answer.modes.iter().any(|mode| permits(&mode.outcome));
    if !any {
        return Ok(None);
    }
    let Some(change) = change(conn, version, answer)? else {
        return Ok(None);
    };
    let modes = answer.modes.iter_mut().map(|mode| &mut mode.outcome);
    for outcome in modes.chain([&mut answer.outcome]) {
        hold_back(outcome);
    }
    for (_, verdict) in &mut answer.other_purposes {
        if verdict.permits() {
            *verdict = Verdict::ReviewRequired;
        }
    }
    let verdicts: Vec<Verdict> = answer
        .modes
        .iter()
        .map(|mode| mode.outcome.verdict)
        .collect();
    let differ = verdicts.windows(2).any(|two| two.first() != two.last());
    answer.depends_on_mode = answer.depends_on_mode && differ;
    Ok(Some(Overlay {
        words: format!(
            "Something changed at {}: {}. What depends on it is reviewed again, and until that is \
             decided nothing of it is simply allowed.",
            change.title,
            change.area.words()
        ),
        path: change.path(),
        change: change.id,
    }))
}

fn hold_back(outcome: &mut Outcome) {
    if outcome.verdict.permits() {
        outcome.verdict = Verdict::ReviewRequired;
        outcome.conditions.clear();
    }
    for class in &mut outcome.by_class {
        if class.verdict.permits() {
            class.verdict = Verdict::ReviewRequired;
        }
    }
}

/// The first change that is not dealt with at the vendor of the tool that was asked.
fn change(conn: &mut Conn, version: &Version, answer: &Answer) -> Result<Option<OpenChange>> {
    let open = vendor::open_changes(conn)?;
    let Some(tool) = answer
        .asked
        .tool
        .as_deref()
        .filter(|_| !open.is_empty())
        .and_then(|key| version.index.tool(key))
    else {
        return Ok(None);
    };
    let mut makers: Vec<String> = tool.vendor.iter().map(|name| one_spelling(name)).collect();
    let called = [Some(&tool.title), tool.reference.as_ref()];
    let called: Vec<String> = called
        .into_iter()
        .flatten()
        .map(|one| one_spelling(one))
        .collect();
    let mut records = register::naming(conn, "tool", Name::Own, &called)?;
    records.extend(register::referred(conn, "tool", &called)?);
    let ids: Vec<_> = records.iter().map(|record| record.id).collect();
    for (name, said) in register::names_of(conn, &ids)?.into_values().flatten() {
        if name == Name::Vendor {
            makers.push(said);
        }
    }
    let names =
        |change: &OpenChange| [one_spelling(&change.title), one_spelling(&change.reference)];
    let made = |change: &OpenChange| names(change).iter().any(|name| makers.contains(name));
    Ok(open.into_iter().find(made))
}

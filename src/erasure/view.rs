//! What stands of erasures, holds and retention, for pages and the API.
use super::hold::{self, Hold};
use super::retention::{self, Rule};
use super::{Basis, Proposal, reach, store};
use crate::db::{Conn, ErasureId, HoldId, PersonId, RuleId};
use crate::error::Result;
use crate::ledger;
use crate::{people, register};
use serde::Serialize;

/// Everything.
#[derive(Debug, Clone, Serialize)]
pub struct View {
    /// Proposals to erase, the newest first.
    pub erasures: Vec<ErasureView>,
    /// Legal holds, those that stand first.
    pub holds: Vec<HoldView>,
    /// The retention in force; nothing when all is kept.
    pub rule: Option<RuleView>,
    /// The retention that waits for a second administrator.
    pub proposed_rule: Option<RuleView>,
}

/// A person by identifier and name.
#[derive(Debug, Clone, Serialize)]
pub struct Somebody {
    /// Identifier.
    pub id: PersonId,
    /// Name, or that they were erased.
    pub name: String,
}

/// A proposal.
#[derive(Debug, Clone, Serialize)]
pub struct ErasureView {
    /// Identifier.
    pub id: ErasureId,
    /// Whose data.
    pub person: Somebody,
    /// The word of the basis.
    pub basis: String,
    /// The basis in words.
    pub basis_words: String,
    /// `proposed`, `done` or `declined`.
    pub state: String,
    /// Why it was proposed.
    pub reason: Option<String>,
    /// Who proposed it.
    pub proposed_by: Somebody,
    /// When.
    pub proposed_at: String,
    /// Who agreed or declined.
    pub settled_by: Option<Somebody>,
    /// When.
    pub settled_at: Option<String>,
    /// The entry that says so.
    pub entry: Option<i64>,
    /// What would go, while it is proposed.
    pub reach: Option<ReachView>,
}

/// What would go, and what would stay.
#[derive(Debug, Clone, Serialize)]
pub struct ReachView {
    /// Values beside entries.
    pub values: usize,
    /// Revisions whose texts would be replaced.
    pub revisions: usize,
    /// Published workflows that name the person and stay.
    pub workflows: Vec<String>,
    /// Drafts that name the person and stay.
    pub drafts: Vec<String>,
}

/// A legal hold.
#[derive(Debug, Clone, Serialize)]
pub struct HoldView {
    /// Identifier.
    pub id: HoldId,
    /// On whom, or on which record.
    pub on: String,
    /// The person, if it is on one.
    pub person: Option<Somebody>,
    /// Reference of the record, if it is on one.
    pub record: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// Who set it.
    pub set_by: Option<Somebody>,
    /// When.
    pub set_at: String,
    /// When it was lifted.
    pub lifted_at: Option<String>,
}

/// A rule of retention.
#[derive(Debug, Clone, Serialize)]
pub struct RuleView {
    /// Identifier.
    pub id: RuleId,
    /// Months that values of ended reviews are kept.
    pub values_months: Option<i32>,
    /// Days that dead links are kept.
    pub links_days: Option<i32>,
    /// Why.
    pub reason: Option<String>,
    /// Who proposed it.
    pub proposed_by: Somebody,
    /// When.
    pub proposed_at: String,
}

/// Reads everything.
///
/// # Errors
/// When the database fails.
pub fn read(conn: &mut Conn) -> Result<View> {
    let proposals = store::proposals(conn)?.into_iter();
    let erasures = proposals.map(|proposal| erasure(conn, proposal));
    let erasures = erasures.collect::<Result<Vec<_>>>()?;
    let holds = hold::holds(conn)?.into_iter();
    let holds = holds.map(|hold| hold_view(conn, hold));
    let holds = holds.collect::<Result<Vec<_>>>()?;
    let rule = retention::current(conn)?;
    let proposed = retention::proposed(conn)?;
    Ok(View {
        erasures,
        holds,
        rule: rule.map(|rule| rule_view(conn, rule)).transpose()?,
        proposed_rule: proposed.map(|rule| rule_view(conn, rule)).transpose()?,
    })
}

fn somebody(conn: &mut Conn, id: PersonId) -> Result<Somebody> {
    let name = people::known(conn, id)?.name;
    Ok(Somebody { id, name })
}

fn why(conn: &mut Conn, seq: i64) -> Result<Option<String>> {
    let values = ledger::opened(conn, &[seq])?.into_iter();
    let mut reasons = values.filter(|(_, name, ..)| name == "reason");
    Ok(reasons.next().map(|(.., value)| value))
}

fn erasure(conn: &mut Conn, proposal: Proposal) -> Result<ErasureView> {
    let reach = match proposal.state.as_str() {
        "proposed" => {
            let person = people::known(conn, proposal.person_id)?;
            let reach = reach(conn, &person)?;
            Some(ReachView {
                values: reach.values.len(),
                revisions: reach.revisions.len(),
                workflows: reach.remains.workflows,
                drafts: reach.remains.drafts,
            })
        }
        _ => None,
    };
    let settled_by = proposal.settled_by.map(|id| somebody(conn, id));
    Ok(ErasureView {
        id: proposal.id,
        person: somebody(conn, proposal.person_id)?,
        basis_words: Basis::named(&proposal.basis)?.words().to_owned(),
        basis: proposal.basis,
        state: proposal.state,
        reason: why(conn, proposal.proposed_seq)?,
        proposed_by: somebody(conn, proposal.proposed_by)?,
        proposed_at: proposal.proposed_at.to_string(),
        settled_by: settled_by.transpose()?,
        settled_at: proposal.settled_at.map(|at| at.to_string()),
        entry: proposal.settled_seq,
        reach,
    })
}

fn hold_view(conn: &mut Conn, hold: Hold) -> Result<HoldView> {
    let person = hold.person_id.map(|id| somebody(conn, id)).transpose()?;
    let record = hold.record_id.map(|id| register::by_id(conn, id));
    let record = record.transpose()?.map(|record| record.reference);
    let on = person.as_ref().map(|person| person.name.clone());
    let set_by = hold.set_by.map(|id| somebody(conn, id)).transpose()?;
    Ok(HoldView {
        id: hold.id,
        on: on.or_else(|| record.clone()).unwrap_or_default(),
        person,
        record,
        reason: why(conn, hold.set_seq)?,
        set_by,
        set_at: hold.set_at.to_string(),
        lifted_at: hold.lifted_at.map(|at| at.to_string()),
    })
}

fn rule_view(conn: &mut Conn, rule: Rule) -> Result<RuleView> {
    Ok(RuleView {
        id: rule.id,
        values_months: rule.values_months,
        links_days: rule.links_days,
        reason: why(conn, rule.proposed_seq)?,
        proposed_by: somebody(conn, rule.proposed_by)?,
        proposed_at: rule.proposed_at.to_string(),
    })
}

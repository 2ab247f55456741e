//! What an administrator asks for here, however it arrives: read once for pages and the API.
use super::hold::{self, On};
use super::{Basis, invalid, retention};
use crate::db::{Conn, ErasureId, HoldId, RuleId, Tx};
use crate::error::{Error, Result};
use crate::ledger::Actor;
use crate::review::Desk;
use crate::{people, register};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A deed; people and records by what people call them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Deed {
    /// Proposes to erase a person.
    Propose(Proposed),
    /// Agrees to erase them.
    Agree(ErasureId),
    /// Declines it.
    Decline(ErasureId, Why),
    /// Sets a legal hold.
    Hold(Held),
    /// Lifts it.
    Lift(HoldId, Why),
    /// Proposes another retention.
    Keep(Kept),
    /// Agrees to it.
    AgreeToKeep(RuleId),
    /// Declines it.
    DeclineToKeep(RuleId, Why),
}

/// Whom to erase, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proposed {
    /// E-mail address of the person.
    pub person: String,
    /// The word of a [`Basis`].
    pub basis: String,
    /// Why; it should not name the person.
    pub reason: String,
}

/// What to keep, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Held {
    /// E-mail address of the person whose data is kept.
    pub person: Option<String>,
    /// Reference of the record that is kept.
    pub record: Option<String>,
    /// Why.
    pub reason: String,
}

/// How long to keep, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// Months that values of ended reviews are kept; for ever when `None`.
    pub values_months: Option<i32>,
    /// Days that dead links are kept; for ever when `None`.
    pub links_days: Option<i32>,
    /// Why.
    pub reason: String,
}

/// Why something is declined or lifted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Why {
    /// The reason.
    pub reason: String,
}

impl Deed {
    /// What it is called where refusals are noted.
    pub fn name(&self) -> &'static str {
        match self {
            Deed::Propose(_) => "propose erasure",
            Deed::Agree(_) => "agree to erasure",
            Deed::Decline(..) => "decline erasure",
            Deed::Hold(_) => "set hold",
            Deed::Lift(..) => "lift hold",
            Deed::Keep(_) => "propose retention",
            Deed::AgreeToKeep(_) => "agree to retention",
            Deed::DeclineToKeep(..) => "decline retention",
        }
    }

    /// Does it, and answers with what was made or done.
    ///
    /// # Errors
    /// Those of the deed.
    pub fn run(self, tx: &mut Tx, desk: &Desk, actor: &Actor) -> Result<Value> {
        people::administers(tx, actor)?;
        Ok(match self {
            Deed::Propose(given) => {
                let basis = Basis::named(&given.basis)?;
                let person = person_called(tx, &given.person)?;
                let id = super::propose(tx, desk, actor, person, basis, &given.reason)?;
                json!({ "id": id, "state": "proposed" })
            }
            Deed::Agree(id) => {
                let erased = super::agree(tx, desk, actor, id)?;
                json!({ "id": id, "state": "done", "erased": erased })
            }
            Deed::Decline(id, why) => {
                super::decline(tx, desk, actor, id, &why.reason)?;
                json!({ "id": id, "state": "declined" })
            }
            Deed::Hold(given) => {
                let on = held(tx, &given)?;
                json!({ "id": hold::set(tx, desk, actor, on, &given.reason)?, "lifted": false })
            }
            Deed::Lift(id, why) => {
                hold::lift(tx, desk, actor, id, &why.reason)?;
                json!({ "id": id, "lifted": true })
            }
            Deed::Keep(given) => {
                let limits = (given.values_months, given.links_days);
                let id = retention::propose(tx, desk, actor, limits, &given.reason)?;
                json!({ "id": id, "state": "proposed" })
            }
            Deed::AgreeToKeep(id) => {
                retention::agree(tx, desk, actor, id)?;
                json!({ "id": id, "state": "agreed" })
            }
            Deed::DeclineToKeep(id, why) => {
                retention::decline(tx, desk, actor, id, &why.reason)?;
                json!({ "id": id, "state": "declined" })
            }
        })
    }
}

fn person_called(conn: &mut Conn, address: &str) -> Result<crate::db::PersonId> {
    let person = people::by_email(conn, address)?;
    let nobody = || invalid("person", "nobody in the directory has this address");
    Ok(person.ok_or_else(nobody)?.id)
}

fn held(conn: &mut Conn, given: &Held) -> Result<On> {
    let said = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
    match (said(&given.person), said(&given.record)) {
        (Some(address), None) => Ok(On::Person(person_called(conn, &address)?)),
        (None, Some(reference)) => match register::any_by_reference(conn, &reference) {
            Ok(record) => Ok(On::Record(record.id)),
            Err(Error::NotFound(_)) => Err(invalid("record", "no record has this reference")),
            Err(error) => Err(error),
        },
        _ => Err(invalid("person", "name a person or a record, and not both")),
    }
}

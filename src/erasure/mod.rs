//! What may be forgotten, and what must not be: erasing a person's data, legal holds, and how long
//! values are kept.
//!
//! - Erasing takes two administrators, neither of whom is the person: one proposes with a legal
//!   basis, another agrees. There is no way back.
//! - Values go with their salts, on the word of a `person.erased` or `values.erased` entry that
//!   lists them. Entries stay, so every proof and receipt still verifies.
//! - A revision that mentions the person keeps the digest that was signed; its text is replaced by
//!   one without the mentions, whose digest the entry carries.
//! - A legal hold on a person or a record stands against all of it.
//!
//! `docs/erasure.md` says how far it reaches, and what it cannot reach.
pub mod api;
mod deed;
pub mod hold;
mod mention;
pub mod page;
mod perform;
mod reach;
mod refusal;
pub mod retention;
mod store;
mod view;

pub(crate) use hold::records_held;
pub use perform::Erased;
pub use reach::{Reach, Remains, reach};
pub use refusal::Refusal;
pub use store::{Proposal, proposal, proposals};

use crate::db::{Conn, ErasureId, PersonId, Tx};
use crate::error::{Error, Result};
use crate::form::FieldError;
use crate::ledger::{Actor, Note};
use crate::people::{self, Person};
use crate::review::Desk;
use serde::{Deserialize, Serialize};

/// Longest reason, in characters.
pub const REASON_MAX: usize = 2000;

/// On what ground data is erased: the cases of Article 17(1) of the GDPR.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// (a) No longer needed for what it was collected for.
    NoLongerNeeded,
    /// (b) The person withdrew their consent.
    ConsentWithdrawn,
    /// (c) The person objects, and nothing weighs more.
    Objection,
    /// (d) It was never lawful to hold it.
    Unlawful,
    /// (e) A law demands it.
    LegalObligation,
}

impl Basis {
    /// Every basis.
    pub const ALL: [Basis; 5] = [
        Basis::NoLongerNeeded,
        Basis::ConsentWithdrawn,
        Basis::Objection,
        Basis::Unlawful,
        Basis::LegalObligation,
    ];

    /// The word, as stored and as the API says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Basis::NoLongerNeeded => "no_longer_needed",
            Basis::ConsentWithdrawn => "consent_withdrawn",
            Basis::Objection => "objection",
            Basis::Unlawful => "unlawful",
            Basis::LegalObligation => "legal_obligation",
        }
    }

    /// The words a person reads.
    pub fn words(self) -> &'static str {
        match self {
            Basis::NoLongerNeeded => "No longer needed, GDPR Art. 17(1)(a)",
            Basis::ConsentWithdrawn => "Consent withdrawn, GDPR Art. 17(1)(b)",
            Basis::Objection => "Objection, GDPR Art. 17(1)(c)",
            Basis::Unlawful => "Held unlawfully, GDPR Art. 17(1)(d)",
            Basis::LegalObligation => "A law demands it, GDPR Art. 17(1)(e)",
        }
    }

    /// The basis of this word.
    ///
    /// # Errors
    /// [`Error::Invalid`] on `basis`, naming the words there are.
    pub fn named(word: &str) -> Result<Basis> {
        let known = Basis::ALL.into_iter().find(|basis| basis.as_str() == word);
        known.ok_or_else(|| {
            let words = Basis::ALL.map(Basis::as_str).join(", ");
            invalid("basis", &format!("choose one of {words}"))
        })
    }
}

fn invalid(field: &str, message: &str) -> Error {
    Error::Invalid(vec![FieldError::new(field, "other", message.to_owned())])
}

/// A reason that must be given.
pub(crate) fn reason(text: &str) -> Result<String> {
    let text = crate::form::plain(text);
    match text.chars().count() {
        0 => Err(invalid("reason", "say why")),
        length if length <= REASON_MAX => Ok(text),
        _ => Err(invalid(
            "reason",
            &format!("the reason is too long: at most {REASON_MAX} characters"),
        )),
    }
}

/// The administrator who acts: somebody of the directory, for who proposes and who agrees must be
/// two people.
fn administrator(conn: &mut Conn, actor: &Actor) -> Result<PersonId> {
    people::administers(conn, actor)?;
    let nobody = "only people can do this: sign in, or use a token";
    actor
        .person
        .ok_or_else(|| Error::Forbidden(nobody.to_owned()))
}

/// The person, who left and is not erased yet.
fn who_left(conn: &mut Conn, person: PersonId) -> Result<Person> {
    let person = people::known(conn, person)?;
    if person.erased_at.is_some() {
        Err(Refusal::ErasedAlready.into())
    } else if person.active {
        Err(Refusal::StillHere(person.name).into())
    } else {
        Ok(person)
    }
}

/// Proposes to erase the data of a person who left.
///
/// # Errors
/// [`Error::Forbidden`] for others than administrators, [`Error::Invalid`] for the reason,
/// [`Refusal`].
pub fn propose(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    person: PersonId,
    basis: Basis,
    why: &str,
) -> Result<ErasureId> {
    let by = administrator(tx, actor)?;
    let person = who_left(tx, person)?;
    if by == person.id {
        return Err(Refusal::SameEyes("nobody proposes to erase themselves").into());
    }
    if store::open(tx, person.id)?.is_some() {
        return Err(Refusal::ProposedAlready.into());
    }
    let why = reason(why)?;
    let reach = reach(tx, &person)?;
    hold::refuse_held(tx, &person, &reach)?;
    let (id, now) = (ErasureId::new(), desk.clock.now());
    let note = Note::new("erasure.proposed", actor)
        .about(person.id)
        .subject("erasure", id.to_string())
        .data("basis", basis.as_str())
        .private("reason", why);
    let seq = crate::ledger::append(tx, now, note)?;
    store::insert(tx, id, person.id, basis.as_str(), (by, seq, now))?;
    Ok(id)
}

/// A second administrator agrees, and the data is gone.
///
/// # Errors
/// As [`propose`].
pub fn agree(tx: &mut Tx, desk: &Desk, actor: &Actor, id: ErasureId) -> Result<Erased> {
    let by = administrator(tx, actor)?;
    let proposal = store::unsettled(tx, id)?;
    let person = who_left(tx, proposal.person_id)?;
    if by == proposal.proposed_by {
        return Err(Refusal::SameEyes("you proposed this").into());
    }
    if by == person.id {
        return Err(Refusal::SameEyes("nobody agrees to erase themselves").into());
    }
    let reach = reach(tx, &person)?;
    hold::refuse_held(tx, &person, &reach)?;
    let now = desk.clock.now();
    let erased = perform::erase(tx, desk, actor, &proposal, &reach)?;
    store::settle(tx, id, "done", (by, erased.seq, now))?;
    Ok(erased)
}

/// An administrator declines a proposal; who proposed it takes it back in this way.
///
/// # Errors
/// As [`propose`].
pub fn decline(tx: &mut Tx, desk: &Desk, actor: &Actor, id: ErasureId, why: &str) -> Result<()> {
    let by = administrator(tx, actor)?;
    let proposal = store::unsettled(tx, id)?;
    let now = desk.clock.now();
    let note = Note::new("erasure.declined", actor)
        .about(proposal.person_id)
        .subject("erasure", id.to_string())
        .private("reason", reason(why)?);
    let seq = crate::ledger::append(tx, now, note)?;
    store::settle(tx, id, "declined", (by, seq, now))
}

//! Deeds about what became of an approval, a running review or a renewal: each has an address, a
//! small page and a call of the API. Whether one is offered is asked of the function that takes it.
pub mod api;
mod matter;
pub mod page;
mod words;

pub use matter::{Answer, ConditionView, Proposal, Quote, conditions, late, of_state, proposal};

use crate::db::{At, ConditionId, Conn, PersonId, RecordId, ReviewId, Tx};
use crate::error::{Error, Result};
use crate::form::FieldError;
use crate::ledger::Actor;
use crate::people;
use crate::register::{self, Record};
use crate::review::approvals;
use crate::review::engine::{
    self, ApprovalDeed, Command, ConditionDeed, Obligation, OverrideDeed, Review,
};
use crate::review::service::{self, Desk, Loading};

/// Something a person does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Says that a condition is met, and what shows it.
    GiveEvidence,
    /// Accepts the evidence.
    AcceptEvidence,
    /// Says why the evidence does not suffice.
    RefuseEvidence,
    /// Says that a condition will not be met.
    RefuseCondition,
    /// Lets a condition go.
    Waive,
    /// Puts an approval out of force for now.
    Suspend,
    /// Puts it in force again.
    Reinstate,
    /// Takes it away.
    Revoke,
    /// Ends the use case.
    Retire,
    /// Begins a renewal.
    Renew,
    /// Gives a renewal up.
    GiveRenewalUp,
    /// Asks to let a use case go ahead before its review ended.
    ProposeOverride,
    /// Agrees to that.
    AgreeToOverride,
    /// Declines it, or takes their own proposal back.
    DeclineOverride,
    /// Starts a running review anew under the version in force.
    Restart,
}

/// Deeds about a condition, in the order in which they are offered.
const OF_CONDITIONS: [Deed; 5] = [
    Deed::GiveEvidence,
    Deed::AcceptEvidence,
    Deed::RefuseEvidence,
    Deed::RefuseCondition,
    Deed::Waive,
];
/// Deeds about the approval of a record.
const OF_APPROVALS: [Deed; 6] = [
    Deed::Renew,
    Deed::GiveRenewalUp,
    Deed::Suspend,
    Deed::Reinstate,
    Deed::Revoke,
    Deed::Retire,
];
/// Deeds about a running review.
const OF_REVIEWS: [Deed; 4] = [
    Deed::ProposeOverride,
    Deed::AgreeToOverride,
    Deed::DeclineOverride,
    Deed::Restart,
];

/// What a deed is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A condition.
    Condition(ConditionId),
    /// A record, and so its approval or renewal.
    Record(RecordId),
    /// A running review.
    Review(ReviewId),
}

/// What a person wrote.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// Reason or evidence.
    pub text: String,
    /// Last day of an override, `YYYY-MM-DD`; empty for as long as the workflow allows.
    pub until: String,
    /// Digest of the revision that an override was read for.
    pub digest: String,
}

impl Deed {
    /// The end of its address.
    pub fn tail(self) -> &'static str {
        match self {
            Deed::GiveEvidence => "evidence",
            Deed::AcceptEvidence => "acceptance",
            Deed::RefuseEvidence => "evidence/refusal",
            Deed::RefuseCondition => "refusal",
            Deed::Waive => "waiver",
            Deed::Suspend => "suspension",
            Deed::Reinstate => "reinstatement",
            Deed::Revoke => "revocation",
            Deed::Retire => "retirement",
            Deed::Renew => "renewal",
            Deed::GiveRenewalUp => "renewal/withdrawal",
            Deed::ProposeOverride => "override",
            Deed::AgreeToOverride => "override/agreement",
            Deed::DeclineOverride => "override/refusal",
            Deed::Restart => "restart",
        }
    }

    /// Whether who does it signs a revision.
    fn signs(self) -> bool {
        matches!(self, Deed::ProposeOverride | Deed::AgreeToOverride)
    }

    /// The deed at an address.
    fn at(path: &str) -> Option<Deed> {
        let all = OF_CONDITIONS.iter().chain(&OF_APPROVALS).chain(&OF_REVIEWS);
        let here = |deed: &&Deed| {
            let before = path.strip_suffix(deed.tail());
            before.is_some_and(|before| before.ends_with('/'))
        };
        all.filter(here)
            .max_by_key(|deed| deed.tail().len())
            .copied()
    }

    fn of_condition(self, text: &str) -> Option<ConditionDeed> {
        let text = text.to_owned();
        Some(match self {
            Deed::GiveEvidence => ConditionDeed::GiveEvidence(text),
            Deed::AcceptEvidence => ConditionDeed::Accept,
            Deed::RefuseEvidence => ConditionDeed::RefuseEvidence(text),
            Deed::RefuseCondition => ConditionDeed::Refuse(text),
            Deed::Waive => ConditionDeed::Waive(text),
            _ => return None,
        })
    }

    fn of_approval(self) -> Option<ApprovalDeed> {
        Some(match self {
            Deed::Suspend => ApprovalDeed::Suspend,
            Deed::Reinstate => ApprovalDeed::Reinstate,
            Deed::Revoke => ApprovalDeed::Revoke,
            Deed::Retire => ApprovalDeed::Retire,
            _ => return None,
        })
    }

    fn of_override(self, text: &str, until: Option<At>) -> Option<OverrideDeed> {
        let reason = text.to_owned();
        Some(match self {
            Deed::ProposeOverride => OverrideDeed::Propose { reason, until },
            Deed::AgreeToOverride => OverrideDeed::Agree,
            Deed::DeclineOverride => OverrideDeed::Decline(Some(reason)),
            _ => return None,
        })
    }
}

/// Does it, as one command.
///
/// # Errors
/// A refusal, or [`Error::Invalid`] for a day that is none.
pub fn act(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    (deed, subject): (Deed, Subject),
    given: &Given,
) -> Result<()> {
    let foreign = || Error::not_found("deed", deed.tail());
    match (subject, deed) {
        (Subject::Condition(id), _) => {
            let deed = deed.of_condition(&given.text).ok_or_else(foreign)?;
            approvals::on_condition(tx, desk, actor, id, deed).map(drop)
        }
        (Subject::Record(id), Deed::Renew) => approvals::renew(tx, desk, actor, id).map(drop),
        (Subject::Record(id), Deed::GiveRenewalUp) => {
            approvals::give_renewal_up(tx, desk, actor, id).map(drop)
        }
        (Subject::Record(id), _) => {
            let deed = deed.of_approval().ok_or_else(foreign)?;
            approvals::on_approval(tx, desk, actor, id, deed, given.text.clone()).map(drop)
        }
        (Subject::Review(id), Deed::Restart) => {
            approvals::restart(tx, desk, actor, id, &given.text).map(drop)
        }
        (Subject::Review(id), _) => {
            let until = last_moment(desk, &given.until)?;
            let deed = deed.of_override(&given.text, until).ok_or_else(foreign)?;
            approvals::on_override(tx, desk, actor, id, &given.digest, deed).map(drop)
        }
    }
}

/// The end of a day in the organisation's zone.
fn last_moment(desk: &Desk, day: &str) -> Result<Option<At>> {
    let day = day.trim();
    if day.is_empty() {
        return Ok(None);
    }
    let odd = || {
        let sentence = "Write the day as 2027-01-31".to_owned();
        Error::Invalid(vec![FieldError::new("until", "date", sentence)])
    };
    let day: jiff::civil::Date = day.parse().map_err(|_| odd())?;
    let next = day.tomorrow().map_err(|_| odd())?;
    let midnight = next.to_zoned(desk.zone.clone()).map_err(|_| odd())?;
    Ok(Some(At::new(midnight.timestamp())))
}

/// A review with what its engine judges by, to ask it what it would take.
struct Asked<'a> {
    review: Review,
    loading: Loading,
    person: PersonId,
    steward: bool,
    desk: &'a Desk,
}

impl Asked<'_> {
    fn takes(&self, command: &Command) -> bool {
        let now = self.desk.clock.now();
        engine::would_take(&self.loading.context(), &self.review, command, now)
    }

    fn takes_on_condition(&self, condition: ConditionId, deed: Deed) -> bool {
        deed.of_condition("").is_some_and(|deed| {
            self.takes(&Command::OnCondition {
                condition,
                by: self.person,
                steward: self.steward,
                deed,
            })
        })
    }

    fn takes_on_approval(&self, deed: Deed) -> bool {
        deed.of_approval().is_some_and(|deed| {
            self.takes(&Command::OnApproval {
                by: self.person,
                steward: self.steward,
                deed,
                reason: String::new(),
            })
        })
    }

    fn takes_on_override(&self, deed: Deed) -> bool {
        deed.of_override("", None).is_some_and(|deed| {
            self.takes(&Command::OnOverride {
                by: self.person,
                seen: self.review.digest.clone(),
                deed,
            })
        })
    }
}

/// Everything `person` may do now about a record, its approval, conditions and review.
///
/// # Errors
/// When the database fails.
pub fn offered(
    conn: &mut Conn,
    desk: &Desk,
    person: PersonId,
    record: &Record,
) -> Result<Vec<(Deed, Subject)>> {
    let mut offers = Vec::new();
    let steward = approvals::is_steward(conn, person)?;
    if let Some(id) = record.approval_id {
        let (review, loading) = service::load(conn, desk, id, record)?;
        let asked = Asked {
            review,
            loading,
            person,
            steward,
            desk,
        };
        of_approval(conn, &asked, record, &mut offers)?;
    }
    if let Some(id) = record.review_id.filter(|_| record.is_under_review()) {
        // Both take roles: who holds none is spared the look.
        if !people::held_by(conn, person)?.is_empty() {
            let (review, loading) = service::load(conn, desk, id, record)?;
            let asked = Asked {
                review,
                loading,
                person,
                steward,
                desk,
            };
            of_review(conn, &asked, record, &mut offers)?;
        }
    }
    Ok(offers)
}

type Offers = Vec<(Deed, Subject)>;

fn of_approval(conn: &mut Conn, asked: &Asked, record: &Record, offers: &mut Offers) -> Result<()> {
    let obligations: Vec<(ConditionId, &Obligation)> = asked
        .review
        .obligations
        .iter()
        .map(|(id, o)| (*id, o))
        .collect();
    for (id, _) in obligations {
        let taken = OF_CONDITIONS.into_iter();
        let taken = taken.filter(|deed| asked.takes_on_condition(id, *deed));
        offers.extend(taken.map(|deed| (deed, Subject::Condition(id))));
    }
    for deed in OF_APPROVALS {
        let taken = match deed {
            Deed::Renew => approvals::may_renew(conn, asked.person, record)?.is_none(),
            Deed::GiveRenewalUp => {
                approvals::may_give_renewal_up(conn, asked.person, record)?.is_none()
            }
            _ => asked.takes_on_approval(deed),
        };
        if taken {
            offers.push((deed, Subject::Record(record.id)));
        }
    }
    Ok(())
}

fn of_review(conn: &mut Conn, asked: &Asked, record: &Record, offers: &mut Offers) -> Result<()> {
    let renewing = approvals::renews_what_stands(conn, asked.review.id)?;
    for deed in OF_REVIEWS {
        let taken = match deed {
            Deed::Restart if asked.steward => {
                approvals::may_restart(conn, asked.desk, asked.person, &asked.review, record)?
                    .is_none()
            }
            Deed::ProposeOverride | Deed::AgreeToOverride if renewing => false,
            _ => asked.takes_on_override(deed),
        };
        if taken {
            offers.push((deed, Subject::Review(asked.review.id)));
        }
    }
    Ok(())
}

/// The record that a deed's subject belongs to.
///
/// # Errors
/// [`Error::NotFound`].
pub fn record_of(conn: &mut Conn, subject: Subject) -> Result<Record> {
    let id = match subject {
        Subject::Record(id) => id,
        Subject::Review(id) => crate::review::review(conn, id)?.record,
        Subject::Condition(id) => {
            let review = crate::review::store::review_of_condition(conn, id)?;
            crate::review::review(conn, review)?.record
        }
    };
    register::by_id(conn, id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_deed_is_found_at_its_own_address() {
        for deed in OF_CONDITIONS
            .into_iter()
            .chain(OF_APPROVALS)
            .chain(OF_REVIEWS)
        {
            let path = format!("/base/things/refusal/{}", deed.tail());
            assert_eq!(Deed::at(&path), Some(deed), "{path}");
        }
        assert_eq!(Deed::at("/things/1/evidences"), None);
    }
}

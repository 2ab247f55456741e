//! What becomes of an approval: its conditions, its end, suspension, revocation, override.
use crate::calendar::Calendar;
use crate::db::{At, ConditionId, PersonId, ReviewId};
use crate::review::engine::clock::Step;
use crate::review::engine::command::{Run, long_enough, text};
use crate::review::engine::event::{Event, RevokedBecause, SupersededBecause};
use crate::review::engine::refusal::Refusal;
use crate::review::engine::seats::named;
use crate::review::engine::state::{Phase, Review, Suspended};
use crate::workflow::{OnMissed, Override};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A condition of an approval in force. Its text lies in the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Obligation {
    /// The stage that attached it.
    pub stage: String,
    /// Who attached it, and accepts the evidence.
    pub asked_by: PersonId,
    /// Who does it.
    pub owner: PersonId,
    /// Until when; without end when nothing stands here.
    pub due: Option<At>,
    /// Where it stands.
    pub state: ObligationState,
    /// Who gave the last evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence_by: Option<PersonId>,
}

/// Where a condition stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObligationState {
    /// To be done.
    Open,
    /// Said to be done; the evidence waits to be accepted.
    EvidenceGiven,
    /// Done.
    Met,
    /// Let go.
    Waived,
    /// Not done in time.
    Missed,
    /// Its owner says that it will not be done.
    Refused,
}

impl ObligationState {
    /// The word, as stored and as the API says it.
    pub fn as_str(self) -> &'static str {
        match self {
            ObligationState::Open => "open",
            ObligationState::EvidenceGiven => "evidence_given",
            ObligationState::Met => "met",
            ObligationState::Waived => "waived",
            ObligationState::Missed => "missed",
            ObligationState::Refused => "refused",
        }
    }

    /// Whether nothing more is owed.
    pub fn is_settled(self) -> bool {
        matches!(self, ObligationState::Met | ObligationState::Waived)
    }
}

/// An override: proposed by one person, granted once another agrees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overriding {
    /// Who proposed it.
    pub first: PersonId,
    /// Who agreed.
    pub second: Option<PersonId>,
    /// Until when it holds; a proposal nobody agreed to by then is void.
    pub until: At,
}

/// What a person does about a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConditionDeed {
    /// Says that it is done, and what shows it.
    GiveEvidence(String),
    /// Accepts the evidence.
    Accept,
    /// Says why the evidence does not suffice.
    RefuseEvidence(String),
    /// Says that it will not be done, and why.
    Refuse(String),
    /// Lets it go, and says why.
    Waive(String),
}

/// What a person does about an approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApprovalDeed {
    /// Puts it out of force for now.
    Suspend,
    /// Puts it in force again.
    Reinstate,
    /// Takes it away.
    Revoke,
    /// Ends the use case.
    Retire,
}

/// What a person does about an override.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OverrideDeed {
    /// Asks for one.
    Propose {
        /// Why.
        reason: String,
        /// Until when; as long as the workflow allows when nothing is said.
        until: Option<At>,
    },
    /// Agrees, and so grants it.
    Agree,
    /// Declines it, or takes their own proposal back.
    Decline(Option<String>),
}

impl Review {
    pub(super) fn apply_to_standing(&mut self, event: &Event, at: At) {
        match event {
            Event::Approved {
                valid_until,
                obligations,
                ..
            } => {
                self.phase = Phase::Approved;
                self.approved_at = Some(at);
                self.valid_until = *valid_until;
                self.obligations = obligations.clone();
                self.overriding = None;
            }
            Event::RenewalDue { step } => {
                self.fired.insert(Step::RemindRenewal(*step));
            }
            Event::Expired => self.phase = Phase::Expired,
            Event::Suspended { by, .. } => {
                let by_conditions = by.is_none();
                let from = self.phase;
                self.suspended = Some(Suspended {
                    from,
                    by_conditions,
                });
                self.phase = Phase::Suspended;
            }
            Event::Reinstated { .. } => {
                self.phase = self.suspended.map_or(Phase::Approved, |s| s.from);
                self.suspended = None;
            }
            Event::Revoked { .. } => self.phase = Phase::Revoked,
            Event::Retired { .. } => self.phase = Phase::Retired,
            Event::OverrideProposed { by, until, .. } => {
                self.overriding = Some(Overriding {
                    first: *by,
                    second: None,
                    until: *until,
                });
            }
            Event::OverrideDeclined { .. } => self.overriding = None,
            Event::OverrideGranted {
                first,
                second,
                until,
                ..
            } => {
                self.phase = Phase::Overridden;
                self.approved_at = Some(at);
                self.valid_until = Some(*until);
                self.overriding = Some(Overriding {
                    first: *first,
                    second: Some(*second),
                    until: *until,
                });
            }
            _ => self.apply_to_condition(event),
        }
    }

    fn apply_to_condition(&mut self, event: &Event) {
        let Some(id) = event.condition() else { return };
        let missed = self.fired.contains(&Step::ConditionDue(id));
        let Some(obligation) = self.obligations.get_mut(&id) else {
            return;
        };
        obligation.state = match event {
            Event::EvidenceGiven { by, .. } => {
                obligation.evidence_by = Some(*by);
                ObligationState::EvidenceGiven
            }
            Event::ConditionMet { .. } => ObligationState::Met,
            Event::EvidenceRefused { .. } if missed => ObligationState::Missed,
            Event::EvidenceRefused { .. } => ObligationState::Open,
            Event::ConditionRefused { .. } => ObligationState::Refused,
            Event::ConditionWaived { .. } => ObligationState::Waived,
            Event::ConditionMissed { .. } => ObligationState::Missed,
            _ => obligation.state,
        };
        match event {
            Event::ConditionReminded { step, .. } => {
                self.fired.insert(Step::RemindCondition(id, *step));
            }
            Event::ConditionMissed { .. } => {
                self.fired.insert(Step::ConditionDue(id));
            }
            _ => {}
        }
    }

    /// Whether the person has a part in the record: submitted, owns or edited it.
    pub fn has_part(&self, person: PersonId) -> bool {
        person == self.submitter || person == self.owner || self.editors.contains(&person)
    }

    /// Whether a condition was missed and is not made good: what keeps an approval suspended.
    fn lacks_conditions(&self) -> bool {
        self.obligations.iter().any(|(id, obligation)| {
            let over = self.fired.contains(&Step::ConditionDue(*id));
            over && !obligation.state.is_settled()
        })
    }
}

impl Run<'_> {
    /// The conditions of all approvals that stand, with owner and instant.
    pub(super) fn obligations(&self) -> BTreeMap<ConditionId, Obligation> {
        let calendars = self.ctx.calendars;
        let calendar = calendars.get(self.review.calendar);
        let without_day = self.ctx.workflow.obligations.due.as_ref();
        let mut all = BTreeMap::new();
        for (stage, run) in &self.review.stages {
            for (id, owed) in &run.conditions {
                let day = owed.due.as_ref().and_then(|day| day.parse::<Date>().ok());
                // A day that passed while others still decided is no day to keep.
                let due = day.map(|day| end_of(day, calendar));
                let due = due.filter(|due| *due > self.now);
                let due = due.or_else(|| without_day.map(|span| calendar.after(self.now, span)));
                let obligation = Obligation {
                    stage: stage.clone(),
                    asked_by: owed.by,
                    owner: owed.owner.unwrap_or(self.review.owner),
                    due,
                    state: ObligationState::Open,
                    evidence_by: None,
                };
                all.insert(*id, obligation);
            }
        }
        all
    }

    pub(super) fn on_condition(
        &mut self,
        condition: ConditionId,
        by: PersonId,
        steward: bool,
        deed: &ConditionDeed,
    ) -> Result<(), Refusal> {
        let Some(obligation) = self.review.obligations.get(&condition).cloned() else {
            return Err(Refusal::ConditionUnknown);
        };
        if self.review.phase.is_final() {
            return Err(Refusal::NotInForce(self.review.phase.as_str()));
        }
        if obligation.state.is_settled() {
            return Err(Refusal::ConditionSettled(obligation.state.as_str()));
        }
        let given = obligation.state == ObligationState::EvidenceGiven;
        match deed {
            // Who judges must not find other evidence than they read.
            ConditionDeed::GiveEvidence(_) if given => return Err(Refusal::EvidenceWaits),
            ConditionDeed::GiveEvidence(_) | ConditionDeed::Refuse(_) => {
                let theirs = [obligation.owner, self.review.owner, self.review.submitter];
                if !theirs.contains(&by) {
                    return Err(Refusal::NotYours);
                }
            }
            _ => self.may_judge(&obligation, by, steward)?,
        }
        if matches!(
            deed,
            ConditionDeed::Accept | ConditionDeed::RefuseEvidence(_)
        ) && !given
        {
            return Err(Refusal::NoEvidence);
        }
        self.emit(condition_event(condition, by, deed)?);
        self.reinstate_when_made_good();
        Ok(())
    }

    /// Who attached the condition judges it, or a keeper of the policy; never somebody with a part
    /// in the record, and nobody their own evidence.
    fn may_judge(
        &self,
        obligation: &Obligation,
        by: PersonId,
        steward: bool,
    ) -> Result<(), Refusal> {
        if by != obligation.asked_by && !steward {
            return Err(Refusal::NotYourJudgement);
        }
        if self.review.has_part(by) || by == obligation.owner {
            return Err(Refusal::Separated("you have a part in this"));
        }
        if obligation.evidence_by == Some(by) {
            return Err(Refusal::Separated("the evidence is yours"));
        }
        Ok(())
    }

    fn reinstate_when_made_good(&mut self) {
        let by_conditions = self.review.suspended.is_some_and(|s| s.by_conditions);
        let suspended = self.review.phase == Phase::Suspended && by_conditions;
        if suspended && !self.review.lacks_conditions() {
            self.emit(Event::Reinstated {
                by: None,
                reason: None,
            });
        }
    }

    pub(super) fn miss_condition(&mut self, condition: ConditionId) {
        self.emit(Event::ConditionMissed { condition });
        let suspends = self.ctx.workflow.obligations.on_missed == OnMissed::Suspend;
        if suspends && self.review.phase.is_in_force() {
            self.emit(Event::Suspended {
                by: None,
                reason: None,
            });
        }
    }

    pub(super) fn on_approval(
        &mut self,
        by: PersonId,
        steward: bool,
        deed: ApprovalDeed,
        reason: &str,
    ) -> Result<(), Refusal> {
        let phase = self.review.phase;
        let own = by == self.review.owner || by == self.review.submitter;
        let allowed = steward || (deed == ApprovalDeed::Retire && own);
        if !allowed {
            return Err(Refusal::NotKeeper);
        }
        if phase.is_running() || phase.is_final() {
            return Err(Refusal::NotInForce(phase.as_str()));
        }
        match deed {
            ApprovalDeed::Suspend if phase == Phase::Suspended => {
                return Err(Refusal::NotInForce(phase.as_str()));
            }
            ApprovalDeed::Reinstate if phase != Phase::Suspended => {
                return Err(Refusal::NotSuspended);
            }
            ApprovalDeed::Reinstate if self.review.has_part(by) => {
                return Err(Refusal::Separated("you have a part in this"));
            }
            ApprovalDeed::Reinstate if self.review.lacks_conditions() => {
                return Err(Refusal::ConditionsLacking);
            }
            _ => {}
        }
        let reason = long_enough(reason, 1)?;
        let (someone, why) = (Some(by), Some(reason.clone()));
        self.emit(match deed {
            ApprovalDeed::Suspend => Event::Suspended {
                by: someone,
                reason: why,
            },
            ApprovalDeed::Reinstate => Event::Reinstated {
                by: someone,
                reason: why,
            },
            ApprovalDeed::Revoke => Event::Revoked {
                because: RevokedBecause::Person,
                by: someone,
                reason: why,
            },
            ApprovalDeed::Retire => Event::Retired { by, reason },
        });
        Ok(())
    }

    pub(super) fn supersede(
        &mut self,
        by: ReviewId,
        because: SupersededBecause,
        reason: Option<&str>,
    ) -> Result<(), Refusal> {
        if self.review.phase.is_final() && self.review.phase != Phase::Expired {
            return Err(Refusal::NotInForce(self.review.phase.as_str()));
        }
        let reason = match because {
            SupersededBecause::Renewed | SupersededBecause::LookedAgain => {
                text(&reason.map(str::to_owned))
            }
            SupersededBecause::Restarted => Some(long_enough(reason.unwrap_or_default(), 1)?),
        };
        self.emit(Event::Superseded {
            by,
            because,
            reason,
        });
        Ok(())
    }

    /// What an override let through falls when the review after the fact says no.
    pub(super) fn revoke_after_the_fact(&mut self) {
        let granted = self.review.overriding.is_some_and(|o| o.second.is_some());
        if granted && !self.review.phase.is_final() {
            self.emit(Event::Revoked {
                because: RevokedBecause::AfterTheFact,
                by: None,
                reason: None,
            });
        }
    }

    /// What a change at a vendor called into question falls when its review says no.
    pub(super) fn revoke_looked_again(&mut self) {
        if !self.review.phase.is_final() {
            self.emit(Event::Revoked {
                because: RevokedBecause::LookedAgain,
                by: None,
                reason: None,
            });
        }
    }

    pub(super) fn on_override(
        &mut self,
        by: PersonId,
        seen: &str,
        deed: &OverrideDeed,
    ) -> Result<(), Refusal> {
        let workflow = self.ctx.workflow;
        let rules = workflow.over_ride.as_ref();
        let rules = rules.ok_or(Refusal::OverrideNotOffered)?;
        self.may_override(rules, by)?;
        let now = self.now;
        let proposed = self.review.overriding.filter(|o| o.until > now);
        let signs = !matches!(deed, OverrideDeed::Decline(_));
        if signs && seen != self.review.digest {
            return Err(Refusal::Superseded);
        }
        match (deed, proposed) {
            (OverrideDeed::Propose { .. }, Some(_)) => Err(Refusal::OverrideProposed),
            (OverrideDeed::Propose { reason, until }, None) => {
                self.propose_override(rules, by, reason, *until)
            }
            (_, None) => Err(Refusal::NoOverride),
            (OverrideDeed::Agree, Some(run)) if run.first == by => {
                Err(Refusal::OverrideNeedsAnother)
            }
            (OverrideDeed::Agree, Some(run)) => {
                // Whoever proposed it may have got a part in it, or lost the role, since.
                if self.may_override(rules, run.first).is_err() {
                    return Err(Refusal::OverrideProposerUnfit);
                }
                let notify = named(self.ctx, &self.review, &rules.notify);
                self.emit(Event::OverrideGranted {
                    revision: self.review.revision,
                    digest: self.review.digest.clone(),
                    first: run.first,
                    second: by,
                    until: run.until,
                    notify,
                });
                Ok(())
            }
            (OverrideDeed::Decline(reason), Some(_)) => {
                let reason = text(reason);
                self.emit(Event::OverrideDeclined { by, reason });
                Ok(())
            }
        }
    }

    fn may_override(&self, rules: &Override, by: PersonId) -> Result<(), Refusal> {
        // While the submitter is asked for changes, what would be let through is not settled.
        if self.review.phase != Phase::InReview || self.review.after_the_fact {
            return Err(Refusal::OverrideTooLate(self.review.phase.as_str()));
        }
        if self.review.has_part(by) {
            return Err(Refusal::Separated("you have a part in this"));
        }
        let holds = |role: &String| {
            let holders = self.ctx.directory.roles.get(role);
            holders.is_some_and(|people| people.contains(&by))
        };
        match rules.roles.iter().any(holds) {
            true => Ok(()),
            false => Err(Refusal::OverrideNotYours),
        }
    }

    fn propose_override(
        &mut self,
        rules: &Override,
        by: PersonId,
        reason: &str,
        until: Option<At>,
    ) -> Result<(), Refusal> {
        let reason = long_enough(reason, rules.min_reason_length)?;
        let calendar = self.ctx.calendars.get(self.review.calendar);
        let longest = calendar.after(self.now, &rules.valid_for);
        let until = until.unwrap_or(longest);
        if until <= self.now || until > longest {
            return Err(Refusal::OverrideTooLong(longest));
        }
        self.emit(Event::OverrideProposed {
            revision: self.review.revision,
            digest: self.review.digest.clone(),
            by,
            reason,
            until,
        });
        Ok(())
    }
}

/// The end of a day where the calendar's people are.
fn end_of(day: Date, calendar: &Calendar) -> At {
    let last = day.at(23, 59, 59, 0).to_zoned(calendar.zone.clone());
    At::new(last.map_or(jiff::Timestamp::MAX, |zoned| zoned.timestamp()))
}

fn condition_event(
    condition: ConditionId,
    by: PersonId,
    deed: &ConditionDeed,
) -> Result<Event, Refusal> {
    Ok(match deed {
        ConditionDeed::GiveEvidence(evidence) => Event::EvidenceGiven {
            condition,
            by,
            evidence: enough_shown(evidence)?,
        },
        ConditionDeed::Accept => Event::ConditionMet { condition, by },
        ConditionDeed::RefuseEvidence(reason) => Event::EvidenceRefused {
            condition,
            by,
            reason: long_enough(reason, 1)?,
        },
        ConditionDeed::Refuse(reason) => Event::ConditionRefused {
            condition,
            by,
            reason: long_enough(reason, 1)?,
        },
        ConditionDeed::Waive(reason) => Event::ConditionWaived {
            condition,
            by,
            reason: long_enough(reason, 1)?,
        },
    })
}

/// Evidence that says something, or why it is none.
fn enough_shown(evidence: &str) -> Result<String, Refusal> {
    long_enough(evidence, 1).map_err(|refusal| match refusal {
        Refusal::TooLong(_, most) => Refusal::TooLong("the evidence", most),
        _ => Refusal::EvidenceMissing,
    })
}

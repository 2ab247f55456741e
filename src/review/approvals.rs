//! Commands about a task that goes to another person, and about what became of an approval:
//! conditions, suspension, revocation, override, renewal, restart.
use crate::db::{ConditionId, Conn, PersonId, RecordId, ReviewId, TaskId, Tx};
use crate::error::{Error, Result};
use crate::ledger::entry::Method;
use crate::ledger::{Actor, Note};
use crate::people;
use crate::register::{self, Record, Status};
use crate::review::engine::{
    ApprovalDeed, Command, ConditionDeed, Handover, Opening, OverrideDeed, Refusal, Review,
    SupersededBecause,
};
use crate::review::links;
use crate::review::service::{self, Desk};
use crate::review::{store, workflows};

/// A task that is to go to another person.
#[derive(Debug, Clone)]
pub struct HandoverGiven {
    /// The task.
    pub task: TaskId,
    /// Address of who shall decide.
    pub to: String,
    /// Why.
    pub reason: String,
    /// Hash of the sign-off link's token, when the person came by one.
    pub link: Option<String>,
}

/// Hands the actor's own task on to another person.
///
/// # Errors
/// A refusal; a sign-off link stays as good as it was then.
pub fn delegate(tx: &mut Tx, desk: &Desk, actor: &Actor, given: &HandoverGiven) -> Result<Review> {
    let by = actor.person.ok_or(Error::Unauthenticated)?;
    let task = store::task(tx, given.task)?;
    if task.person_id != by || !is_active(tx, by)? {
        return Err(Refusal::NotAsked.into());
    }
    match &given.link {
        Some(hash) => links::redeem(tx, hash, task.id, desk.clock.now())?,
        None if actor.via.method == Method::EmailLink => return Err(Refusal::LinkDead.into()),
        None => {}
    }
    let handover = handover(tx, &task, actor, given)?;
    let command = Command::Delegate(handover);
    service::command(tx, desk, actor, task.review_id, &command)
}

/// Gives somebody's task to another person; for administrators.
///
/// # Errors
/// A refusal, also when the actor is no administrator.
pub fn reassign(tx: &mut Tx, desk: &Desk, actor: &Actor, given: &HandoverGiven) -> Result<Review> {
    let by = actor.person.ok_or(Error::Unauthenticated)?;
    if !people::held_by(tx, by)?.contains(people::ADMINISTRATOR) {
        let why = "only an administrator gives tasks to others";
        return Err(Error::Forbidden(why.to_owned()));
    }
    let task = store::task(tx, given.task)?;
    let handover = handover(tx, &task, actor, given)?;
    let command = Command::Reassign(handover);
    service::command(tx, desk, actor, task.review_id, &command)
}

fn handover(
    conn: &mut Conn,
    task: &store::Task,
    actor: &Actor,
    given: &HandoverGiven,
) -> Result<Handover> {
    let by = actor.person.ok_or(Error::Unauthenticated)?;
    let to = people::by_email(conn, &crate::form::plain(&given.to))?;
    let unknown = Refusal::DelegateUnfit("nobody active in the directory has this address");
    let to = to.filter(|person| person.active).ok_or(unknown)?.id;
    Ok(Handover {
        stage: task.stage.clone(),
        epoch: u32::try_from(task.epoch).unwrap_or(0),
        from: task.person_id,
        to,
        by,
        by_link: actor.via.method == Method::EmailLink,
        reason: given.reason.clone(),
    })
}

fn is_active(conn: &mut Conn, person: PersonId) -> Result<bool> {
    Ok(people::by_id(conn, person)?.is_some_and(|p| p.active))
}

/// Whether the person keeps the policy, and so may judge conditions and approvals of others.
///
/// # Errors
/// When the database fails.
pub fn is_steward(conn: &mut Conn, person: PersonId) -> Result<bool> {
    Ok(people::held_by(conn, person)?.contains(people::GOVERNANCE))
}

/// Somebody does something about a condition of an approval.
///
/// # Errors
/// A refusal.
pub fn on_condition(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    condition: ConditionId,
    deed: ConditionDeed,
) -> Result<Review> {
    let by = actor.person.ok_or(Error::Unauthenticated)?;
    let steward = is_steward(tx, by)?;
    let review = store::review_of_condition(tx, condition)?;
    let command = Command::OnCondition {
        condition,
        by,
        steward,
        deed,
    };
    service::command(tx, desk, actor, review, &command)
}

/// Somebody suspends, reinstates, revokes or retires what a review approved.
///
/// # Errors
/// A refusal.
pub fn on_approval(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    record: RecordId,
    deed: ApprovalDeed,
    reason: String,
) -> Result<Review> {
    let by = actor.person.ok_or(Error::Unauthenticated)?;
    let steward = is_steward(tx, by)?;
    let record = register::by_id(tx, record)?;
    let approval = record
        .approval_id
        .ok_or(Refusal::NotInForce("not approved"))?;
    let command = Command::OnApproval {
        by,
        steward,
        deed,
        reason,
    };
    service::command(tx, desk, actor, approval, &command)
}

/// Somebody proposes, grants or declines an override of a running review, having seen the revision
/// with the digest `seen`.
///
/// # Errors
/// A refusal.
pub fn on_override(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    review: ReviewId,
    seen: &str,
    deed: OverrideDeed,
) -> Result<Review> {
    let by = actor.person.ok_or(Error::Unauthenticated)?;
    let lets_through = !matches!(deed, OverrideDeed::Decline(_));
    if lets_through && renews_what_stands(tx, review)? {
        return Err(Refusal::OverrideOfRenewal.into());
    }
    let command = Command::OnOverride {
        by,
        seen: seen.to_owned(),
        deed,
    };
    service::command(tx, desk, actor, review, &command)
}

/// Whether the review renews an approval that is in force, which an override would end.
///
/// # Errors
/// When the database fails.
pub fn renews_what_stands(conn: &mut Conn, review: ReviewId) -> Result<bool> {
    let review = store::review(conn, review)?;
    match review.renews.filter(|_| !review.after_the_fact) {
        Some(former) => Ok(store::review(conn, former)?.phase.is_in_force()),
        None => Ok(false),
    }
}

/// Begins a renewal: the record becomes a draft of itself, with its answers, while the approval
/// goes on. Submitting it begins a review that takes the place of the approved one.
///
/// # Errors
/// A refusal when there is no approval to renew or it is not theirs.
pub fn renew(tx: &mut Tx, desk: &Desk, actor: &Actor, record: RecordId) -> Result<Record> {
    let person = actor.person.ok_or(Error::Unauthenticated)?;
    let record = register::by_id(tx, record)?;
    if let Some(refusal) = may_renew(tx, person, &record)? {
        return Err(refusal.into());
    }
    let note = Note::new("approval.renewal_begun", actor).record(record.id, &record.reference);
    crate::ledger::append(tx, desk.clock.now(), note)?;
    register::set_status(tx, record.id, Status::Draft, desk.clock.now())?;
    register::by_id(tx, record.id)
}

/// Why `person` may not begin a renewal of the record now; nothing when they may.
///
/// # Errors
/// When the database fails.
pub fn may_renew(conn: &mut Conn, person: PersonId, record: &Record) -> Result<Option<Refusal>> {
    if !service::may_edit(conn, person, record)? {
        return Ok(Some(Refusal::NotYours));
    }
    let status = record.status()?;
    let renewable = record.standing_can_be_renewed() && Some(status) == record.standing();
    Ok((!renewable).then_some(Refusal::NotInForce(status.words())))
}

/// Gives a renewal up that nobody reviews: the approved content is the record's again.
///
/// # Errors
/// A refusal when no renewal is being written or it is not theirs.
pub fn give_renewal_up(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    record: RecordId,
) -> Result<Record> {
    let person = actor.person.ok_or(Error::Unauthenticated)?;
    let record = register::by_id(tx, record)?;
    if let Some(refusal) = may_give_renewal_up(tx, person, &record)? {
        return Err(refusal.into());
    }
    let (Some(approval), Some(standing)) = (record.approval_id, record.standing()) else {
        return Err(Refusal::NothingToWithdraw.into());
    };
    let now = desk.clock.now();
    let approved = store::review(tx, approval)?;
    let kind = desk.kinds.by_key(&record.kind)?;
    let content = register::revision(tx, record.id, approved.revision)?.document()?;
    register::revise(tx, now, actor, kind, &record, record.revision, &content)?;
    let note = Note::new("approval.renewal_given_up", actor).record(record.id, &record.reference);
    crate::ledger::append(tx, now, note)?;
    register::set_review(
        tx,
        record.id,
        approval,
        standing,
        record.risk.as_deref(),
        now,
    )?;
    register::by_id(tx, record.id)
}

/// Why `person` may not give a renewal of the record up now; nothing when they may.
///
/// # Errors
/// When the database fails.
pub fn may_give_renewal_up(
    conn: &mut Conn,
    person: PersonId,
    record: &Record,
) -> Result<Option<Refusal>> {
    if !service::may_edit(conn, person, record)? {
        return Ok(Some(Refusal::NotYours));
    }
    // A renewal that was rejected or taken back is given up in the same way.
    let status = record.status()?;
    let standing = record.standing().filter(|s| *s != status);
    let written = standing.is_some() && record.approval_id.is_some() && !record.is_under_review();
    Ok((!written).then_some(Refusal::NothingToWithdraw))
}

/// Starts a running review anew under the workflow version that is in force now; for keepers of
/// the policy. Its decisions are void, its history stays.
///
/// # Errors
/// A refusal, also when the actor keeps no policy or the review runs under that version already.
pub fn restart(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    review: ReviewId,
    reason: &str,
) -> Result<Review> {
    let by = actor.person.ok_or(Error::Unauthenticated)?;
    if !is_steward(tx, by)? {
        let why = "only a keeper of the policy starts a review anew";
        return Err(Error::Forbidden(why.to_owned()));
    }
    let former = store::review(tx, review)?;
    let record = register::by_id(tx, former.record)?;
    if let Some(refusal) = may_restart(tx, desk, by, &former, &record)? {
        return Err(refusal.into());
    }
    let because = (SupersededBecause::Restarted, Some(reason.to_owned()));
    start_anew(tx, desk, actor, &former, &record, because)
}

/// Ends a running review for another of the same that begins now: its decisions are void.
///
/// # Errors
/// A refusal when a review cannot begin.
pub fn start_anew(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    former: &Review,
    record: &Record,
    (because, reason): (SupersededBecause, Option<String>),
) -> Result<Review> {
    let (loading, opening) = service::opening(tx, desk, former.submitter, record, former.renews)?;
    let opening = Opening {
        after_the_fact: former.after_the_fact,
        apart: former.apart.clone(),
        looks_again: former.looks_again,
        ..opening
    };
    let command = Command::Supersede {
        by: opening.review,
        because,
        reason,
    };
    service::command(tx, desk, actor, former.id, &command)?;
    let record = register::by_id(tx, former.record)?;
    service::begin(tx, desk, actor, &record, (loading, opening))
}

/// Begins another review of what is approved, because something changed at a vendor. The approval
/// goes on until it is decided.
///
/// # Errors
/// A refusal when a review cannot begin.
pub fn look_again_at(
    tx: &mut Tx,
    desk: &Desk,
    actor: &Actor,
    record: &Record,
    approval: ReviewId,
) -> Result<Review> {
    let submitter = store::review(tx, approval)?.submitter;
    let (loading, opening) = service::opening(tx, desk, submitter, record, Some(approval))?;
    service::not_crowded(&loading)?;
    let opening = Opening {
        looks_again: true,
        ..opening
    };
    service::begin(tx, desk, actor, record, (loading, opening))
}

/// Why a keeper of the policy may not start the review anew now; nothing when they may.
///
/// # Errors
/// When the database fails.
pub fn may_restart(
    conn: &mut Conn,
    desk: &Desk,
    by: PersonId,
    review: &Review,
    record: &Record,
) -> Result<Option<Refusal>> {
    if review.has_part(by) {
        return Ok(Some(Refusal::Separated("you have a part in this")));
    }
    if !review.phase.is_running() || record.review_id != Some(review.id) {
        return Ok(Some(Refusal::NotInReview(review.phase.as_str())));
    }
    let kind = desk.kinds.by_key(&record.kind)?;
    let content = register::revision(conn, record.id, record.revision)?.document()?;
    let chosen = workflows::choose(conn, &desk.workflows, kind.key, &content)?;
    Ok(match chosen {
        None => Some(Refusal::NoWorkflow),
        Some(chosen) if chosen.pin == review.workflow => Some(Refusal::SameVersion),
        Some(_) => None,
    })
}

//! What holds of every transition, whatever the model thinks: the invariants of a review.

use super::plan::{Plan, stage_key};
use countersign::db::PersonId;
use countersign::review::engine::{Event, Phase, Progress, Review, SeatRun, StageRun};
use countersign::workflow::Outcome;
use std::collections::BTreeSet;

/// Holds one transition against all of them.
pub fn hold(plan: &Plan, ids: &[PersonId], before: &Review, events: &[Event], after: &Review) {
    what_was_decided_stays(before, after);
    decisions_are_the_right_peoples(plan, before, events, after);
    stages_are_approved_by_enough(plan, after);
    stages_keep_their_order(plan, after);
    every_change_has_one_event(before, events, after);
    the_end_is_the_end(before, after);
    the_review_leads_on(after);
    assert_eq!(
        (before.workflow.clone(), before.submitter),
        (after.workflow.clone(), ids[0])
    );
}

fn what_was_decided_stays(before: &Review, after: &Review) {
    for (key, old) in &before.stages {
        let new = &after.stages[key];
        assert!(
            new.epoch == old.epoch || new.epoch == old.epoch + 1,
            "{key}"
        );
        if new.epoch > old.epoch {
            assert!(
                before.revision < after.revision,
                "{key} started anew for no revision"
            );
            assert!(
                new.votes.is_empty(),
                "{key}: a new epoch starts without decisions"
            );
            continue;
        }
        for (person, outcome) in &old.votes {
            assert_eq!(
                new.votes.get(person),
                Some(outcome),
                "{key}: a decision changed"
            );
        }
        if !matches!(old.progress, Progress::Pending | Progress::Open) {
            assert_eq!(
                (old.progress, &old.votes),
                (new.progress, &new.votes),
                "{key} is settled"
            );
        }
    }
}

fn decisions_are_the_right_peoples(plan: &Plan, before: &Review, events: &[Event], after: &Review) {
    for event in events {
        let Event::Decided {
            stage,
            epoch,
            person,
            outcome,
            revision,
            digest,
            ..
        } = event
        else {
            continue;
        };
        let run = &before.stages[stage];
        assert_eq!(
            (run.progress, run.epoch),
            (Progress::Open, *epoch),
            "{stage} was open"
        );
        assert!(!run.votes.contains_key(person), "one decision a person");
        assert!(run.asked().contains(person), "they were asked");
        assert_eq!((revision, digest), (&before.revision, &before.digest));
        let number = plan
            .stages
            .iter()
            .enumerate()
            .position(|(n, _)| stage_key(n) == *stage);
        let kept = plan.stages[number.expect("the stage")].not;
        assert!(
            !(kept[0] && *person == before.submitter),
            "who submitted decides"
        );
        assert!(!(kept[1] && *person == before.owner), "who owns decides");
        assert!(
            !(kept[2] && before.editors.contains(person)),
            "who edited decides"
        );
        let stands_in = |seat: &SeatRun| seat.fallback.iter().flatten().any(|p| p == person);
        let last = run.seats.iter().any(stands_in);
        assert!(
            !(last && *outcome == Outcome::Recuse),
            "the last resort stepped aside"
        );
    }
    for (number, stage) in plan.stages.iter().enumerate() {
        for other in &stage.apart {
            let (here, there) = (
                &after.stages[&stage_key(number)],
                &after.stages[&stage_key(*other)],
            );
            let both = here.approvers().intersection(&there.approvers()).count();
            assert_eq!(both, 0, "stages {number} and {other} are kept apart");
        }
    }
}

/// Whether each seat can have its need with each person on one seat, tried one by one.
fn enough(seats: &[SeatRun], people: &[PersonId], needs: &[usize]) -> bool {
    let Some((person, rest)) = people.split_first() else {
        return needs.iter().all(|need| *need == 0);
    };
    let takes = |index: usize| {
        let mut left = needs.to_vec();
        left[index] -= 1;
        enough(seats, rest, &left)
    };
    let fits = |index: &usize| needs[*index] > 0 && seats[*index].asked().any(|p| p == *person);
    (0..seats.len()).filter(fits).any(takes) || enough(seats, rest, needs)
}

fn is_full(run: &StageRun) -> bool {
    let approved = |o: &Outcome| matches!(o, Outcome::Approve | Outcome::ApproveWithConditions);
    let yes = run
        .votes
        .iter()
        .filter(|(_, o)| approved(o))
        .map(|(person, _)| *person);
    let needs: Vec<usize> = run.seats.iter().map(|seat| seat.need).collect();
    enough(&run.seats, &yes.collect::<Vec<_>>(), &needs)
}

fn stages_are_approved_by_enough(plan: &Plan, after: &Review) {
    for number in 0..plan.stages.len() {
        let run = &after.stages[&stage_key(number)];
        let full = !run.seats.is_empty() && is_full(run);
        let rejections = run
            .votes
            .values()
            .filter(|o| **o == Outcome::Reject)
            .count();
        match run.progress {
            Progress::Approved => {
                assert!(full, "stage {number} is approved by too few: {run:#?}");
                assert!(
                    !run.votes
                        .values()
                        .any(|o| *o == Outcome::ApproveWithConditions)
                );
            }
            Progress::ApprovedWithConditions => {
                assert!(full, "stage {number} is approved by too few: {run:#?}");
                assert!(
                    run.votes
                        .values()
                        .any(|o| *o == Outcome::ApproveWithConditions)
                );
            }
            Progress::TimedOut => panic!("stage {number} has no clock: {run:#?}"),
            Progress::Rejected => assert!(rejections > 0 && !full, "stage {number}: {run:#?}"),
            Progress::Open if after.phase == Phase::InReview => {
                assert!(!full, "stage {number} has its need and is open: {run:#?}");
                let veto = !plan.stages[number].until_impossible;
                assert!(
                    !(veto && rejections > 0),
                    "stage {number} was vetoed and is open"
                );
            }
            Progress::Skipped | Progress::Pending => assert!(run.votes.is_empty()),
            Progress::Open => {}
        }
    }
}

fn stages_keep_their_order(plan: &Plan, after: &Review) {
    for (number, stage) in plan.stages.iter().enumerate() {
        let progress = after.stages[&stage_key(number)].progress;
        let needs = stage
            .needs
            .iter()
            .map(|need| after.stages[&stage_key(*need)].progress);
        let settled = needs.into_iter().all(Progress::lets_others_start);
        let begun = progress != Progress::Pending;
        assert!(
            !begun || settled,
            "stage {number} began before its needs were settled"
        );
        let waits = progress == Progress::Pending && settled && after.phase == Phase::InReview;
        assert!(!waits, "stage {number} waits for nothing");
    }
}

fn every_change_has_one_event(before: &Review, events: &[Event], after: &Review) {
    let of = |key: &str, kinds: &[&str]| {
        let fits = |e: &&Event| e.stage() == Some(key) && kinds.contains(&e.kind());
        events.iter().filter(fits).count()
    };
    for (key, old) in &before.stages {
        let new = &after.stages[key];
        let anew = usize::from(new.epoch != old.epoch);
        assert_eq!(of(key, &["stage.reopened"]), anew, "{key}");
        let from = if anew == 1 {
            Progress::Pending
        } else {
            old.progress
        };
        let opened = from == Progress::Pending && !new.seats.is_empty();
        assert_eq!(of(key, &["stage.opened"]), usize::from(opened), "{key}");
        let skipped = from == Progress::Pending && new.progress == Progress::Skipped;
        assert_eq!(of(key, &["stage.skipped"]), usize::from(skipped), "{key}");
        let ended = |p| !matches!(p, Progress::Pending | Progress::Open | Progress::Skipped);
        let settled = !ended(from) && ended(new.progress);
        assert_eq!(of(key, &["stage.settled"]), usize::from(settled), "{key}");
        let known = if anew == 1 { 0 } else { old.votes.len() };
        assert_eq!(
            of(key, &["decision.recorded"]),
            new.votes.len() - known,
            "{key}"
        );
    }
    let ends = ["review.approved", "review.rejected", "review.withdrawn"];
    let ended = events.iter().filter(|e| ends.contains(&e.kind())).count();
    assert_eq!(
        ended,
        usize::from(before.phase.is_running() && !after.phase.is_running())
    );
    let revisions = events
        .iter()
        .filter(|e| e.kind() == "review.resubmitted")
        .count();
    assert_eq!(revisions as u32, after.resubmissions - before.resubmissions);
    assert!(
        !events.is_empty() || before == after,
        "a change without an event"
    );
}

fn the_end_is_the_end(before: &Review, after: &Review) {
    if before.phase.is_final() {
        assert_eq!(before, after, "it was over");
    }
    let passed = after
        .stages
        .values()
        .all(|run| run.progress.lets_others_start());
    assert!(
        after.phase != Phase::Approved || passed,
        "approved with a stage unsettled"
    );
    assert!(
        after.phase != Phase::InReview || !passed,
        "every stage is settled"
    );
    let rejected = after
        .stages
        .values()
        .any(|run| run.progress == Progress::Rejected);
    assert!(
        !rejected || after.phase == Phase::Rejected,
        "rejected and yet {:?}",
        after.phase
    );
}

/// From every open state somebody who was asked leads on, or everybody the workflow names for the
/// vacant seat was called.
fn the_review_leads_on(after: &Review) {
    if after.phase != Phase::InReview {
        return;
    }
    let open = after
        .stages
        .values()
        .filter(|run| run.progress == Progress::Open);
    let waiting: Vec<&StageRun> = open.collect();
    assert!(!waiting.is_empty(), "in review and nothing is open");
    for run in waiting {
        let undecided: BTreeSet<PersonId> = run
            .asked()
            .into_iter()
            .filter(|person| !run.votes.contains_key(person))
            .collect();
        let called = run.seats.iter().any(|seat| seat.fallback.is_some());
        assert!(
            !undecided.is_empty() || called,
            "nobody is left and nobody was called: {run:#?}"
        );
    }
}

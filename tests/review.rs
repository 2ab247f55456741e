//! Stories of a review, told on both databases: what a submitter, an approver or an auditor may
//! rely on.

mod support;

use countersign::db::schema::records as record_rows;
use countersign::db::{At, Conn, RecordId};
use countersign::error::Error;
use countersign::ledger::entry::{Method, Via};
use countersign::ledger::{Actor, Filter, Page};
use countersign::register::{self as records, NewRecord, Status};
use countersign::review::engine::{Phase, Progress};
use countersign::review::{self, LINK_DAYS, LinkState, workflows};
use countersign::workflow::Outcome;
use countersign::{ledger, people};
use diesel::prelude::*;
use serde_json::{Value, json};
use support::on_both;
use support::register::{
    Case, Register, answers_to, count, forged_task, forget, in_session, operator, seat, stage,
    tampers, use_case, with, workflow,
};

on_both! { now crate::support::register::Register::open =>
    a_use_case_goes_through_all_five_stages_without_an_account_but_in_the_council
    nobody_approves_what_they_submitted_own_or_edited
    who_becomes_the_owner_loses_their_say
    nobody_decides_on_somebody_elses_task
    a_person_decides_once_and_the_decision_never_changes
    a_recusal_never_counts_and_calls_the_fallback
    a_stand_in_cannot_step_aside
    the_only_stand_in_cannot_step_aside_before_the_call
    one_rejection_ends_a_stage_with_a_veto
    where_a_majority_decides_a_rejection_can_be_outvoted
    what_was_rejected_is_never_approved_by_those_who_come_later
    a_stage_ends_when_a_seat_is_outvoted_though_another_is_vacant
    all_means_everybody_who_was_asked
    two_of_three_are_enough
    each_seat_must_be_filled
    a_person_in_two_seats_counts_once
    parallel_stages_open_together_and_the_next_waits_for_both
    stages_kept_apart_share_no_approver_in_either_order
    a_stage_is_skipped_only_when_its_condition_is_false
    conditions_on_an_approval_bring_in_the_stage_that_asks_for_them
    changes_asked_for_start_every_stage_anew
    an_edit_during_review_voids_what_was_decided
    a_decision_on_a_revision_nobody_sees_any_more_is_refused
    too_many_revisions_end_a_review
    who_takes_a_case_back_ends_its_review
    what_is_over_stays_over
    a_seat_with_nobody_falls_back_and_is_filled_when_somebody_comes
    an_approval_already_given_can_fill_a_seat_that_lacked_somebody
    a_running_review_keeps_its_workflow_version
    the_workflow_with_the_highest_priority_is_taken
    a_text_published_again_is_a_new_version
    references_are_numbered_by_year_without_gaps
    a_save_without_a_change_writes_nothing
    a_save_over_somebody_elses_is_refused
    only_submitter_and_owner_change_a_case
    who_submits_an_imported_case_may_change_it
    every_state_change_has_one_entry_and_a_refusal_has_none
    nothing_decided_can_be_rewritten_in_the_database
    a_change_without_an_entry_is_not_kept
    who_fails_in_a_shared_commit_takes_no_number_of_the_ledger
    the_same_command_twice_has_one_effect
    a_decision_that_lacks_something_leaves_the_link_good
    a_link_that_only_shows_does_not_decide
    a_workflow_says_how_long_a_link_is_good
    a_link_dies_by_time_and_with_its_stage
    looking_at_a_link_changes_nothing
    an_unknown_or_foreign_link_decides_nothing
    conditions_fall_with_the_approval_they_came_with
    reasons_and_answers_lie_beside_the_ledger
    a_clock_set_back_dates_no_entry_before_its_predecessor
}

/// A vendor's system that scores people: every stage of the default policy must decide.
fn risky() -> Value {
    json!({
        "sourcing": "vendor", "vendor": "Acme", "vendor_assessed": true,
        "trains_on_our_data": false, "cost_eur_per_year": 90_000, "uses": ["scoring"],
        "test_plan": "Compare with last year.", "data_classes": ["personal"],
        "data_subjects": "Applicants", "lawful_basis": "consent", "retention": "6 months",
        "data_location": "eu"
    })
}

/// One stage, `check`, with these seats.
fn one_stage(register: &Register, seats: &[Value]) {
    register.publish(&workflow(&[stage("check", &[], seats)]));
}

fn progress_of(register: &Register, case: &Case) -> Vec<(String, Progress)> {
    let stages = register.review(case).stages;
    stages
        .into_iter()
        .map(|(key, run)| (key, run.progress))
        .collect()
}

fn a_use_case_goes_through_all_five_stages_without_an_account_but_in_the_council(
    register: Register,
) {
    let case = register.submitted_by("tomas", risky());
    let signs = |name: &str| {
        let link = register.link_for(name, &case);
        register.as_reviewer(name).by_link(&link).approve(&case);
        assert!(
            matches!(register.link_state(&link), LinkState::DecidedByYou(_)),
            "{name}"
        );
    };
    for (stage, names) in [
        ("data_use", vec!["dana"]),
        ("human_review", vec!["aiko", "lars"]),
        ("vendor", vec!["vera"]),
        ("legal_security", vec!["lena", "sven", "sara"]),
    ] {
        assert_eq!(register.progress(&case, stage), Progress::Open);
        names.into_iter().for_each(signs);
        assert_eq!(register.progress(&case, stage), Progress::Approved);
    }
    for name in ["cleo", "abby", "anton"] {
        let link = register.link_for(name, &case);
        let by_link = register.as_reviewer(name).by_link(&link);
        register.refuses("sign-in-required", || {
            by_link.tries(Outcome::Approve, &case)
        });
        register.as_reviewer(name).approve(&case);
    }
    assert_eq!(register.status(&case), "approved");
    assert_eq!(register.decisions(&case).len(), 10);
    let by_link = |row: &review::DecisionRow| row.method == "email_link" || row.stage == "council";
    assert!(
        register
            .reads(|c| review::decisions_of(c, case.record))
            .iter()
            .all(by_link)
    );
}

fn nobody_approves_what_they_submitted_own_or_edited(register: Register) {
    one_stage(&register, &[seat("reviewer", 1)]);
    // Mei submits, Ravi owns, Rosa edited it when she owned it: all three hold the role.
    let case = register.draft_by("mei", json!({"owner": "rosa@example.org"}));
    let handed_on = json!({"owner": "ravi@example.org"});
    register
        .tries_to_edit("rosa", &case, handed_on)
        .expect("an owner may edit");
    register.submit(&case);
    assert_eq!(
        register.asked(&case, "check"),
        ["stan"],
        "only the stand-in is left"
    );
    for name in ["mei", "ravi", "rosa"] {
        let (task, link) = forged_task(&register, &case, "check", name);
        let reviewer = register.as_reviewer(name).on_task(task);
        for outcome in [Outcome::Approve, Outcome::Reject, Outcome::Recuse] {
            register.refuses("separation-of-duties", || reviewer.tries(outcome, &case));
            let by_link = reviewer.clone().by_link(&link);
            register.refuses("separation-of-duties", || by_link.tries(outcome, &case));
        }
        forget(&register, task);
    }
    register.as_reviewer("stan").approve(&case);
    assert_eq!(register.status(&case), "approved");
}

fn who_becomes_the_owner_loses_their_say(register: Register) {
    one_stage(&register, &[seat("reviewer", 1)]);
    let case = register.submitted_by("tomas", json!({}));
    let link = register.link_for("rosa", &case);
    register.edit(&case, json!({"owner": "rosa@example.org"}));
    assert_eq!(register.asked(&case, "check"), ["mei", "ravi"]);
    assert!(matches!(
        register.link_state(&link),
        LinkState::Superseded(_)
    ));
    let rosa = register.as_reviewer("rosa");
    register.refuses("void", || rosa.tries(Outcome::Approve, &case));
    register.refuses("void", || {
        rosa.clone().by_link(&link).tries(Outcome::Approve, &case)
    });
}

fn nobody_decides_on_somebody_elses_task(register: Register) {
    one_stage(&register, &[seat("reviewer", 1)]);
    let case = register.submitted_by("tomas", json!({}));
    let task = register.tasks_of(&case, "mei")[0].id;
    for name in ["tomas", "ravi", "adam"] {
        let somebody = register.as_reviewer(name).on_task(task);
        register.refuses("not-asked", || somebody.tries(Outcome::Approve, &case));
    }
    let (forged, _) = forged_task(&register, &case, "check", "kim");
    let kim = register.as_reviewer("kim").on_task(forged);
    register.refuses("not-asked", || kim.tries(Outcome::Approve, &case));
    forget(&register, forged);
    let nobody = Actor::system(Via::new(Method::Cli, "none"));
    let given = register
        .as_reviewer("mei")
        .given(Outcome::Approve, &case, &[]);
    register.refuses("unauthenticated", || {
        register.tries(move |tx, desk| review::decide(tx, desk, &nobody, &given))
    });
}

fn a_person_decides_once_and_the_decision_never_changes(register: Register) {
    one_stage(&register, &[seat("reviewer", 2)]);
    let case = register.submitted_by("tomas", json!({}));
    let (first, second) = (
        register.link_for("mei", &case),
        register.link_for("mei", &case),
    );
    let mei = register.as_reviewer("mei");
    mei.clone().by_link(&first).approve(&case);
    for outcome in [
        Outcome::Approve,
        Outcome::Reject,
        Outcome::Recuse,
        Outcome::RequestChanges,
    ] {
        register.refuses("already-decided", || mei.tries(outcome, &case));
        register.refuses("already-decided", || {
            mei.clone().by_link(&first).tries(outcome, &case)
        });
        register.refuses("already-decided", || {
            mei.clone().by_link(&second).tries(outcome, &case)
        });
    }
    assert_eq!(register.decisions(&case), ["mei approve check 1"]);
    assert_eq!(
        register.status(&case),
        "in_review",
        "one approval is one approval"
    );
}

fn a_recusal_never_counts_and_calls_the_fallback(register: Register) {
    one_stage(&register, &[seat("expert", 2)]);
    let case = register.submitted_by("tomas", json!({}));
    register.as_reviewer("kim").recuse(&case);
    assert_eq!(register.asked(&case, "check"), ["noor", "stan"]);
    register.as_reviewer("noor").approve(&case);
    assert_eq!(
        register.progress(&case, "check"),
        Progress::Open,
        "a recusal is no approval"
    );
    register.refuses("already-decided", || {
        register.as_reviewer("kim").tries(Outcome::Approve, &case)
    });
    register.as_reviewer("stan").approve(&case);
    assert_eq!(register.status(&case), "approved");
}

fn a_stand_in_cannot_step_aside(register: Register) {
    let also_expert = json!([{"role": "expert"}, {"role": "stand_in"}]);
    let second = with(
        with(seat("reviewer", 3), "key", json!("second")),
        "from",
        also_expert,
    );
    one_stage(
        &register,
        &[seat("expert", 2), with(second, "need", json!(1))],
    );
    let case = register.submitted_by("tomas", json!({}));
    register.as_reviewer("kim").recuse(&case);
    // Stan has a seat of his own, and from now on stands in for Kim.
    let stan = register.as_reviewer("stan");
    register.refuses("stand-in-cannot-recuse", || {
        stan.tries(Outcome::Recuse, &case)
    });
    stan.approve(&case);
    assert_eq!(
        register.progress(&case, "check"),
        Progress::Open,
        "Noor and one more are needed"
    );
}

fn the_only_stand_in_cannot_step_aside_before_the_call(register: Register) {
    let own = with(seat("stand_in", 1), "from", json!([{"role": "stand_in"}]));
    one_stage(&register, &[own]);
    let case = register.submitted_by("tomas", json!({}));
    let stan = register.as_reviewer("stan");
    register.refuses("stand-in-cannot-recuse", || {
        stan.tries(Outcome::Recuse, &case)
    });
    register.appoint("ezra", "stand_in");
    register.looks_again();
    stan.recuse(&case);
    register.as_reviewer("ezra").approve(&case);
    assert_eq!(register.status(&case), "approved");
}

fn one_rejection_ends_a_stage_with_a_veto(register: Register) {
    one_stage(&register, &[seat("reviewer", 2)]);
    let case = register.submitted_by("tomas", json!({}));
    register.as_reviewer("mei").approve(&case);
    let waiting = register.link_for("rosa", &case);
    register.as_reviewer("ravi").reject(&case);
    assert_eq!(register.progress(&case, "check"), Progress::Rejected);
    assert_eq!(register.status(&case), "rejected");
    assert!(matches!(
        register.link_state(&waiting),
        LinkState::DecidedByOthers(_)
    ));
}

fn by_majority(register: &Register, seats: &[Value]) {
    let check = stage("check", &[], seats);
    register.publish(&workflow(&[with(
        check,
        "on_reject",
        json!("until_impossible"),
    )]));
}

fn where_a_majority_decides_a_rejection_can_be_outvoted(register: Register) {
    by_majority(&register, &[seat("reviewer", 2)]);
    let outvoted = register.submitted_by("tomas", json!({}));
    register.as_reviewer("mei").reject(&outvoted);
    assert_eq!(register.status(&outvoted), "in_review");
    register.as_reviewer("ravi").approve(&outvoted);
    register.as_reviewer("rosa").approve(&outvoted);
    assert_eq!(register.status(&outvoted), "approved");
    let impossible = register.submitted_by("tomas", json!({}));
    register.as_reviewer("mei").reject(&impossible);
    register.as_reviewer("ravi").approve(&impossible);
    register.as_reviewer("rosa").reject(&impossible);
    assert_eq!(register.status(&impossible), "rejected");
    assert!(
        register.asked(&impossible, "check").is_empty(),
        "nobody is asked to overrule them"
    );
}

fn what_was_rejected_is_never_approved_by_those_who_come_later(register: Register) {
    one_stage(&register, &[seat("reviewer", "all")]);
    let case = register.submitted_by("tomas", json!({}));
    let (late, link) = (
        register.as_reviewer("rosa"),
        register.link_for("rosa", &case),
    );
    register.as_reviewer("mei").reject(&case);
    register.refuses("not-in-review", || late.tries(Outcome::Approve, &case));
    register.refuses("not-in-review", || {
        late.clone().by_link(&link).tries(Outcome::Approve, &case)
    });
    assert_eq!(register.status(&case), "rejected");
}

fn a_stage_ends_when_a_seat_is_outvoted_though_another_is_vacant(register: Register) {
    let nobody = json!([{"role": "nobody_holds_this"}]);
    by_majority(
        &register,
        &[
            with(seat("nobody", 1), "fallback", nobody.clone()),
            with(seat("expert", 2), "fallback", nobody),
        ],
    );
    let case = register.submitted_by("tomas", json!({}));
    assert_eq!(register.status(&case), "in_review");
    register.as_reviewer("kim").reject(&case);
    assert_eq!(register.status(&case), "rejected");
}

fn all_means_everybody_who_was_asked(register: Register) {
    one_stage(&register, &[seat("reviewer", "all")]);
    let case = register.submitted_by("tomas", json!({}));
    register.appoint("late", "reviewer");
    for name in ["mei", "ravi"] {
        register.as_reviewer(name).approve(&case);
        assert_eq!(register.progress(&case, "check"), Progress::Open);
    }
    register.as_reviewer("rosa").approve(&case);
    assert_eq!(
        register.status(&case),
        "approved",
        "who came later was not asked"
    );
}

fn two_of_three_are_enough(register: Register) {
    one_stage(&register, &[seat("reviewer", 2)]);
    let case = register.submitted_by("tomas", json!({}));
    let third = register.link_for("rosa", &case);
    register.as_reviewer("ravi").approve(&case);
    register.as_reviewer("mei").approve(&case);
    assert_eq!(register.status(&case), "approved");
    assert!(matches!(
        register.link_state(&third),
        LinkState::DecidedByOthers(_)
    ));
    let late = register.as_reviewer("rosa").by_link(&third);
    register.refuses("not-in-review", || late.tries(Outcome::Reject, &case));
}

fn each_seat_must_be_filled(register: Register) {
    one_stage(&register, &[seat("reviewer", 1), seat("expert", 1)]);
    let case = register.submitted_by("tomas", json!({}));
    for name in ["mei", "ravi", "rosa"] {
        register.as_reviewer(name).approve(&case);
        assert_eq!(
            register.status(&case),
            "in_review",
            "three reviewers are no expert"
        );
    }
    register.as_reviewer("kim").approve(&case);
    assert_eq!(register.status(&case), "approved");
}

fn a_person_in_two_seats_counts_once(register: Register) {
    register.appoint("kim", "reviewer");
    one_stage(&register, &[seat("reviewer", 1), seat("expert", 1)]);
    let case = register.submitted_by("tomas", json!({}));
    register.as_reviewer("kim").approve(&case);
    assert_eq!(register.status(&case), "in_review");
    // Kim sits wherever the other is not: Noor is an expert, so Kim counts as the reviewer.
    register.as_reviewer("noor").approve(&case);
    assert_eq!(register.status(&case), "approved");
    assert_eq!(register.decisions(&case).len(), 2);
}

fn diamond() -> Value {
    workflow(&[
        stage("first", &[], &[seat("reviewer", 1)]),
        stage("left", &["first"], &[seat("expert", 1)]),
        stage("right", &["first"], &[seat("reviewer", 1)]),
        stage("last", &["left", "right"], &[seat("stand_in", 1)]),
    ])
}

fn parallel_stages_open_together_and_the_next_waits_for_both(register: Register) {
    register.publish(&diamond());
    let case = register.submitted_by("tomas", json!({}));
    let waits = |stage: &str| assert_eq!(register.progress(&case, stage), Progress::Pending);
    ["left", "right", "last"]
        .iter()
        .for_each(|stage| waits(stage));
    register.as_reviewer("mei").approve(&case);
    assert_eq!(register.progress(&case, "left"), Progress::Open);
    assert_eq!(register.progress(&case, "right"), Progress::Open);
    register
        .as_reviewer("ravi")
        .in_stage("right", &case)
        .approve(&case);
    waits("last");
    register.as_reviewer("kim").approve(&case);
    assert_eq!(register.progress(&case, "last"), Progress::Open);
    register.as_reviewer("stan").approve(&case);
    assert_eq!(register.status(&case), "approved");
}

fn stages_kept_apart_share_no_approver_in_either_order(register: Register) {
    let right = stage("right", &[], &[seat("reviewer", 1)]);
    let apart = json!({"not_approvers_of": ["left"]});
    let left = stage("left", &[], &[seat("reviewer", 1)]);
    register.publish(&workflow(&[left, with(right, "separation", apart)]));
    for (one, other) in [("left", "right"), ("right", "left")] {
        let case = register.submitted_by("tomas", json!({}));
        let (mei, link) = (register.as_reviewer("mei"), {
            let task = mei_task(&register, &case, other);
            register.link_to(task)
        });
        mei.clone().in_stage(one, &case).approve(&case);
        assert_eq!(register.asked(&case, other), ["ravi", "rosa"]);
        let there = mei.in_stage(other, &case);
        register.refuses("separation-of-duties", || {
            there.tries(Outcome::Approve, &case)
        });
        let by_link = there.by_link(&link);
        register.refuses("separation-of-duties", || {
            by_link.tries(Outcome::Approve, &case)
        });
        register
            .as_reviewer("ravi")
            .in_stage(other, &case)
            .approve(&case);
        assert_eq!(register.status(&case), "approved");
    }
}

fn mei_task(register: &Register, case: &Case, stage: &str) -> countersign::db::TaskId {
    let tasks = register.tasks_of(case, "mei");
    tasks
        .into_iter()
        .find(|task| task.stage == stage)
        .expect("her task")
        .id
}

fn a_stage_is_skipped_only_when_its_condition_is_false(register: Register) {
    let when = |when: &str| {
        with(
            stage("extra", &[], &[seat("expert", 1)]),
            "when",
            json!(when),
        )
    };
    let check = stage("check", &[], &[seat("reviewer", 1)]);
    for (condition, expected) in [
        ("request.sourcing == 'in_house'", Progress::Open),
        ("request.sourcing == 'vendor'", Progress::Skipped),
        // It cannot be answered: ten by zero. Then the stage is required.
        ("10 / (1 - 1) > 1", Progress::Open),
    ] {
        register.publish(&workflow(&[check.clone(), when(condition)]));
        let case = register.submitted_by("tomas", json!({}));
        assert_eq!(register.progress(&case, "extra"), expected, "{condition}");
        let asked = register.asked(&case, "extra");
        assert_eq!(
            asked.is_empty(),
            expected == Progress::Skipped,
            "{condition}: {asked:?}"
        );
    }
    let unread =
        |entry: &ledger::entry::Entry| entry.data.get("condition_unread") == Some(&json!(true));
    let noted = register.entries().into_iter().filter(unread).count();
    assert_eq!(
        noted, 1,
        "the entry says that the condition could not be read"
    );
}

fn conditions_on_an_approval_bring_in_the_stage_that_asks_for_them(register: Register) {
    let plain = register.submitted_by("tomas", json!({}));
    let bound = register.submitted_by("tomas", json!({}));
    register.as_reviewer("dana").approve(&plain);
    register
        .as_reviewer("dana")
        .approve_if(&bound, &[("Mask the names.", "2027-06-01")]);
    for case in [&plain, &bound] {
        register.as_reviewer("aiko").approve(case);
        register.as_reviewer("lars").approve(case);
    }
    assert_eq!(register.status(&plain), "approved");
    assert_eq!(
        register.progress(&plain, "legal_security"),
        Progress::Skipped
    );
    assert_eq!(
        register.progress(&bound, "data_use"),
        Progress::ApprovedWithConditions
    );
    assert_eq!(register.progress(&bound, "legal_security"), Progress::Open);
}

fn changes_asked_for_start_every_stage_anew(register: Register) {
    register.publish(&diamond());
    let case = register.submitted_by("tomas", json!({}));
    register
        .as_reviewer("mei")
        .approve_if(&case, &[("Mask the names.", "")]);
    register
        .as_reviewer("ravi")
        .in_stage("right", &case)
        .approve(&case);
    let old = register.link_for("kim", &case);
    register.as_reviewer("noor").request_changes(&case);
    assert_eq!(register.status(&case), "changes_requested");
    assert!(matches!(
        register.link_state(&old),
        LinkState::Superseded(_)
    ));
    let kim = register.as_reviewer("kim").by_link(&old);
    register.refuses("not-in-review", || kim.tries(Outcome::Approve, &case));
    register.edit(&case, json!({"purpose": "Summarise, without names."}));
    assert_eq!(
        register.status(&case),
        "changes_requested",
        "saved, not yet submitted"
    );
    register.submit(&case);
    let review = register.review(&case);
    assert_eq!(
        (review.phase, review.revision, review.resubmissions),
        (Phase::InReview, 2, 1)
    );
    let stands = |key: &str| review.stages[key].progress;
    assert_eq!(
        ["first", "left", "right", "last"].map(stands),
        [
            Progress::Open,
            Progress::Pending,
            Progress::Pending,
            Progress::Pending
        ]
    );
    assert!(
        review.stages.values().all(|run| run.votes.is_empty()),
        "old approvals do not count"
    );
    assert!(matches!(
        register.link_state(&old),
        LinkState::Superseded(_)
    ));
    register.refuses("void", || kim.tries(Outcome::Approve, &case));
    let conditions = register.reads(|c| review::conditions_of(c, case.record));
    assert_eq!(conditions[0].state, "void");
    register.as_reviewer("mei").approve(&case);
    assert_eq!(
        register.decisions(&case).last().unwrap(),
        "mei approve first 2"
    );
}

fn an_edit_during_review_voids_what_was_decided(register: Register) {
    register.publish(&diamond());
    let case = register.submitted_by("tomas", json!({}));
    register
        .as_reviewer("mei")
        .approve_if(&case, &[("Mask the names.", "")]);
    let old = register.link_for("kim", &case);
    let kinds = register.kinds_of(|| {
        assert!(
            register
                .edit(&case, json!({"purpose": "Another purpose."}))
                .reopened
        );
    });
    assert_eq!(
        kinds,
        [
            "record.revised",
            "review.resubmitted",
            "stage.reopened",
            "stage.reopened",
            "stage.reopened",
            "stage.opened",
        ]
    );
    assert_eq!(register.asked(&case, "first"), ["mei", "ravi", "rosa"]);
    assert!(register.asked(&case, "left").is_empty());
    let kim = register.as_reviewer("kim").by_link(&old);
    register.refuses("void", || kim.tries(Outcome::Approve, &case));
    assert_eq!(
        register.reads(|c| review::conditions_of(c, case.record))[0].state,
        "void"
    );
    assert_eq!(register.review(&case).revision, 2);
    let incomplete = json!({"purpose": Value::Null});
    register.refuses("invalid", || {
        register.tries_to_edit("tomas", &case, incomplete)
    });
    let unknown = json!({"owner": "nobody@example.org"});
    register.refuses("owner-unknown", || {
        register.tries_to_edit("tomas", &case, unknown)
    });
}

fn a_decision_on_a_revision_nobody_sees_any_more_is_refused(register: Register) {
    one_stage(&register, &[seat("reviewer", 1)]);
    let case = register.submitted_by("tomas", json!({}));
    let seen = register.review(&case).digest;
    register.edit(&case, json!({"purpose": "Something quite different."}));
    let link = register.link_for("mei", &case);
    let mei = register.as_reviewer("mei").by_link(&link);
    for digest in [seen.as_str(), "", "no digest"] {
        let blind = mei.clone().seeing(digest);
        register.refuses("superseded", || blind.tries(Outcome::Approve, &case));
    }
    assert!(
        matches!(register.link_state(&link), LinkState::Open(_)),
        "the link survives"
    );
    mei.approve(&case);
    assert_eq!(register.status(&case), "approved");
}

fn too_many_revisions_end_a_review(register: Register) {
    let check = stage("check", &[], &[seat("reviewer", 1)]);
    register.publish(&with(workflow(&[check]), "max_revisions", json!(1)));
    let case = register.submitted_by("tomas", json!({}));
    register.as_reviewer("mei").request_changes(&case);
    register.submit(&case);
    assert_eq!(register.status(&case), "in_review");
    register.edit(&case, json!({"purpose": "A third attempt."}));
    assert_eq!(register.status(&case), "rejected");
    assert!(register.asked(&case, "check").is_empty());
    let last = register.entries().pop().expect("an entry");
    assert_eq!(
        (last.kind.as_str(), &last.data["because"]),
        ("review.rejected", &json!("too_many_revisions"))
    );
}

fn who_takes_a_case_back_ends_its_review(register: Register) {
    one_stage(&register, &[seat("reviewer", 1)]);
    let case = register.submitted_by("tomas", json!({}));
    let link = register.link_for("mei", &case);
    for name in ["mei", "adam", "gus"] {
        register.refuses("not-yours", || register.tries_to_withdraw(name, &case));
    }
    register.withdraw(&case);
    assert_eq!(register.status(&case), "withdrawn");
    assert!(matches!(
        register.link_state(&link),
        LinkState::Withdrawn(_)
    ));
    let mei = register.as_reviewer("mei").by_link(&link);
    register.refuses("not-in-review", || mei.tries(Outcome::Approve, &case));
    let first = register.review(&case).id;
    register.submit(&case);
    assert_ne!(
        register.review(&case).id,
        first,
        "submitted again, it is a new review"
    );
    assert_eq!(register.asked(&case, "check"), ["mei", "ravi", "rosa"]);
    register.as_reviewer("mei").request_changes(&case);
    register
        .tries_to_withdraw("olga", &case)
        .expect("the owner may as well");
    assert_eq!(register.status(&case), "withdrawn");
}

fn what_is_over_stays_over(register: Register) {
    one_stage(&register, &[seat("reviewer", 1)]);
    for end in [Outcome::Approve, Outcome::Reject, Outcome::Recuse] {
        let case = register.submitted_by("tomas", json!({}));
        match end {
            Outcome::Recuse => drop(register.withdraw(&case)),
            end => drop(
                register
                    .as_reviewer("mei")
                    .tries(end, &case)
                    .expect("it ends"),
            ),
        }
        let before = register.review(&case);
        assert!(!before.phase.is_running());
        for outcome in [Outcome::Approve, Outcome::RequestChanges, Outcome::Reject] {
            let late = register.as_reviewer("rosa");
            register.refuses("not-in-review", || late.tries(outcome, &case));
        }
        register.refuses("nothing-to-withdraw", || {
            register.tries_to_withdraw("tomas", &case)
        });
        if end == Outcome::Approve {
            let edit = || register.tries_to_edit("tomas", &case, json!({"purpose": "More."}));
            register.refuses("not-editable", edit);
            register.refuses("not-submittable", || {
                register.tries_to_submit("tomas", &case)
            });
        }
        register.appoint("newcomer", "reviewer");
        assert_eq!(register.review(&case), before);
    }
}

fn a_seat_with_nobody_falls_back_and_is_filled_when_somebody_comes(register: Register) {
    let nobody = json!([{"role": "not_yet_held_either"}]);
    one_stage(
        &register,
        &[with(seat("not_yet_held", 1), "fallback", nobody)],
    );
    let case = register.submitted_by("tomas", json!({}));
    assert_eq!(
        register.status(&case),
        "in_review",
        "nobody there is no approval"
    );
    assert!(register.asked(&case, "check").is_empty());
    register.appoint("nils", "not_yet_held_either");
    assert_eq!(register.asked(&case, "check"), ["nils"]);
    register.appoint("nora", "not_yet_held");
    assert_eq!(
        register.asked(&case, "check"),
        ["nils"],
        "the seat lacks nobody now"
    );
    register.appoint("tomas", "not_yet_held");
    assert_eq!(register.asked(&case, "check"), ["nils"]);
    register.as_reviewer("nils").approve(&case);
    assert_eq!(register.status(&case), "approved");
    // Nobody but the submitter holds the role: the fallback is asked at once.
    one_stage(&register, &[seat("sole", 1)]);
    register.appoint("tomas", "sole");
    let own = register.submitted_by("tomas", json!({}));
    assert_eq!(register.asked(&own, "check"), ["stan"]);
}

fn an_approval_already_given_can_fill_a_seat_that_lacked_somebody(register: Register) {
    let nobody = json!([{"role": "nobody_holds_this"}]);
    let vacant = with(seat("not_yet_held", 1), "fallback", nobody);
    one_stage(&register, &[seat("expert", 1), vacant]);
    let case = register.submitted_by("tomas", json!({}));
    register.as_reviewer("kim").approve(&case);
    register.as_reviewer("noor").approve(&case);
    assert!(
        register.asked(&case, "check").is_empty(),
        "nobody is left to ask"
    );
    register.appoint("kim", "not_yet_held");
    assert_eq!(register.status(&case), "approved");
}

fn a_running_review_keeps_its_workflow_version(register: Register) {
    one_stage(&register, &[seat("reviewer", 2)]);
    let running = register.submitted_by("tomas", json!({}));
    let before = register.review(&running);
    assert_eq!(
        register.publish(&workflow(&[stage("check", &[], &[seat("expert", 1)])])),
        2
    );
    assert_eq!(register.review(&running), before);
    register.as_reviewer("mei").approve(&running);
    register.edit(&running, json!({"purpose": "Another purpose."}));
    assert_eq!(
        register.review(&running).workflow,
        before.workflow,
        "an edit keeps it too"
    );
    assert_eq!(register.asked(&running, "check"), ["mei", "ravi", "rosa"]);
    let fresh = register.submitted_by("tomas", json!({}));
    assert_eq!(register.review(&fresh).workflow.version, 2);
    assert_eq!(register.asked(&fresh, "check"), ["kim", "noor"]);
    for sql in [
        "UPDATE workflows SET text = '{}'",
        "UPDATE workflows SET hash = 'another'",
        "DELETE FROM workflows",
    ] {
        assert!(!tampers(&register, sql), "{sql}");
    }
}

fn the_workflow_with_the_highest_priority_is_taken(register: Register) {
    for (key, priority) in [("low", 200), ("high", 800), ("middle", 500)] {
        let one = workflow(&[stage("check", &[], &[seat("reviewer", 1)])]);
        register.publish(&with(
            with(one, "key", json!(key)),
            "priority",
            json!(priority),
        ));
    }
    let case = register.submitted_by("tomas", json!({}));
    assert_eq!(register.review(&case).workflow.key, "high");
}

fn a_text_published_again_is_a_new_version(register: Register) {
    let first = workflow(&[stage("check", &[], &[seat("reviewer", 1)])]);
    let second = workflow(&[stage("check", &[], &[seat("expert", 1)])]);
    for (version, text) in [(1, &first), (2, &second), (3, &first), (3, &first)] {
        assert_eq!(register.publish(text), version);
        let case = register.submitted_by("tomas", json!({}));
        assert_eq!(register.review(&case).workflow.version, version);
    }
    let active = register
        .reads(workflows::versions)
        .into_iter()
        .filter(|v| v.active);
    assert_eq!(active.filter(|v| v.key == "story").count(), 1);
}

fn references_are_numbered_by_year_without_gaps(register: Register) {
    let reference = |case: &Case| register.record(case).reference;
    let first = register.draft_by("tomas", json!({}));
    register.refuses("invalid", || {
        let (actor, empty) = (in_session(register.person("tomas")), json!({"title": " "}));
        register.tries(move |tx, desk| review::start(tx, desk, &actor, "use_case", empty))
    });
    // An import goes on in the same write after a row that was refused.
    register.does(|tx, desk| {
        let kind = desk.kinds.by_key("use_case")?;
        let row = |title: &str| NewRecord {
            document: json!({ "title": title }),
            status: Status::Registered,
            source_key: None,
        };
        let now = desk.clock.now();
        records::create(tx, now, &operator(), kind, row(" ")).expect_err("a blank title");
        records::create(tx, now, &operator(), kind, row("Imported"))
    });
    let third = register.draft_by("olga", json!({}));
    assert_eq!(
        [reference(&first), reference(&third)],
        ["AI-2027-0001", "AI-2027-0003"]
    );
    register.days_pass(365);
    assert_eq!(
        reference(&register.draft_by("tomas", json!({}))),
        "AI-2028-0001"
    );
}

fn a_save_without_a_change_writes_nothing(register: Register) {
    let draft = register.draft_by("tomas", json!({}));
    let running = register.submitted_by("tomas", json!({}));
    let before = register.dump();
    for case in [&draft, &running] {
        let saved = register.edit(case, json!({}));
        assert_eq!((saved.record.revision, saved.reopened), (1, false));
    }
    assert_eq!(register.dump(), before);
}

fn a_save_over_somebody_elses_is_refused(register: Register) {
    let case = register.draft_by("tomas", json!({}));
    let mine = json!({"purpose": "Mine."});
    register
        .tries_to_edit("olga", &case, json!({"purpose": "Hers."}))
        .expect("the owner edits");
    register.refuses("stale", || {
        register.tries_to_edit_revision("tomas", &case, 1, mine.clone())
    });
    register.refuses("stale", || {
        register.tries_to_edit_revision("tomas", &case, 3, mine)
    });
    let (actor, id) = (in_session(register.person("tomas")), case.record);
    register.refuses("stale", || {
        register.tries(move |tx, desk| review::submit(tx, desk, &actor, id, 1))
    });
    assert_eq!(register.document(&case)["purpose"], "Hers.");
}

fn only_submitter_and_owner_change_a_case(register: Register) {
    let case = register.draft_by("tomas", json!({}));
    for name in ["dana", "gus", "adam", "audra"] {
        let edit = || register.tries_to_edit(name, &case, json!({"purpose": "Theirs."}));
        register.refuses("not-yours", edit);
        register.refuses("not-yours", || register.tries_to_submit(name, &case));
    }
    register.submit(&case);
    for name in ["dana", "gus", "adam"] {
        let edit = || register.tries_to_edit(name, &case, json!({"purpose": "Theirs."}));
        register.refuses("not-yours", edit);
    }
    register.as_reviewer("dana").request_changes(&case);
    register.refuses("not-yours", || register.tries_to_submit("dana", &case));
}

fn who_submits_an_imported_case_may_change_it(register: Register) {
    let document = use_case(&json!({}));
    let record = register.does(move |tx, desk| {
        let kind = desk.kinds.by_key("use_case")?;
        let new = NewRecord {
            document,
            status: Status::Registered,
            source_key: Some("7".into()),
        };
        records::create(tx, desk.clock.now(), &operator(), kind, new)
    });
    let case = Case {
        record: record.id,
        author: "gus".to_owned(),
    };
    register.submit(&case);
    register.as_reviewer("dana").request_changes(&case);
    register.edit(&case, json!({"purpose": "Clearer."}));
    register.submit(&case);
    assert_eq!(register.review(&case).revision, 2);
}

fn every_state_change_has_one_entry_and_a_refusal_has_none(register: Register) {
    let case = register.draft_by("tomas", json!({}));
    let submitted = register.kinds_of(|| register.submit(&case));
    assert_eq!(submitted, ["review.opened", "stage.opened"]);
    let approved = register.kinds_of(|| register.as_reviewer("dana").approve(&case));
    assert_eq!(
        approved,
        [
            "decision.recorded",
            "stage.settled",
            "stage.opened",
            "stage.skipped"
        ]
    );
    let half = register.kinds_of(|| register.as_reviewer("aiko").approve(&case));
    assert_eq!(half, ["decision.recorded"]);
    let refused = register.kinds_of(|| {
        let again = register.as_reviewer("aiko").tries(Outcome::Reject, &case);
        assert!(matches!(again, Err(Error::Refused(_))));
    });
    assert!(refused.is_empty());
    let last = register.kinds_of(|| register.as_reviewer("lars").approve(&case));
    assert_eq!(
        last,
        [
            "decision.recorded",
            "stage.settled",
            "stage.skipped",
            "stage.skipped",
            "review.approved",
        ]
    );
    let actors = register
        .entries()
        .into_iter()
        .rev()
        .take(5)
        .map(|entry| entry.actor);
    let lars = register.person("lars").to_string();
    let expected = ["system", "system", "system", "system", lars.as_str()];
    assert_eq!(
        actors.collect::<Vec<_>>(),
        expected,
        "what followed is the system's"
    );
}

fn nothing_decided_can_be_rewritten_in_the_database(register: Register) {
    let case = register.submitted_by("tomas", json!({}));
    register.as_reviewer("dana").approve(&case);
    let before = register.dump();
    let shared = [
        "UPDATE ledger_entries SET entry = entry",
        "UPDATE ledger_entries SET seq = seq + 1000",
        "DELETE FROM ledger_entries WHERE seq = (SELECT max(seq) FROM ledger_entries)",
        "INSERT INTO ledger_entries SELECT seq + 2, entry FROM ledger_entries",
        "UPDATE ledger_nodes SET hash = hash",
        "DELETE FROM ledger_nodes",
        "UPDATE decisions SET outcome = 'reject'",
        "DELETE FROM decisions",
        "UPDATE revisions SET document = '{}'",
        "DELETE FROM revisions",
        "UPDATE workflows SET text = '{}'",
        "DELETE FROM workflows",
    ];
    let sqlite = [
        "REPLACE INTO ledger_entries SELECT seq, entry FROM ledger_entries WHERE seq = 0",
        "REPLACE INTO ledger_nodes SELECT idx, hash FROM ledger_nodes WHERE idx = 0",
        "REPLACE INTO decisions SELECT * FROM decisions",
        "REPLACE INTO revisions SELECT * FROM revisions",
        "REPLACE INTO workflows SELECT * FROM workflows",
        "UPDATE OR REPLACE ledger_nodes SET idx = 1 WHERE idx = 0",
        "INSERT INTO ledger_nodes SELECT idx, hash FROM ledger_nodes WHERE true
         ON CONFLICT (idx) DO UPDATE SET hash = excluded.hash",
    ];
    let postgresql = [
        "TRUNCATE ledger_entries CASCADE",
        "TRUNCATE ledger_nodes",
        "TRUNCATE decisions CASCADE",
        "TRUNCATE revisions",
        "TRUNCATE workflows CASCADE",
        "SET LOCAL session_replication_role = replica; DELETE FROM ledger_entries",
        "INSERT INTO ledger_entries SELECT * FROM ledger_entries
         ON CONFLICT (seq) DO UPDATE SET entry = excluded.entry",
        "INSERT INTO ledger_nodes SELECT * FROM ledger_nodes
         ON CONFLICT (idx) DO UPDATE SET hash = excluded.hash",
    ];
    let on_sqlite = register.reads(|conn| Ok(matches!(conn, Conn::Sqlite(_))));
    let own: &[&str] = if on_sqlite { &sqlite } else { &postgresql };
    for sql in shared.into_iter().chain(own.iter().copied()) {
        assert!(!tampers(&register, sql), "let through: {sql}");
    }
    assert_eq!(register.dump(), before);
    if !on_sqlite {
        // A session that calls itself a replica skips every trigger that is not ALWAYS ('A').
        let skipped = "SELECT count(*) AS count FROM pg_trigger
                       JOIN pg_class ON pg_class.oid = tgrelid
                       WHERE relnamespace = current_schema()::regnamespace
                       AND NOT tgisinternal AND tgenabled <> 'A'";
        assert_eq!(register.reads(|conn| count(conn, skipped)), 0);
    }
}

fn a_change_without_an_entry_is_not_kept(register: Register) {
    let case = register.draft_by("tomas", json!({}));
    let promote = move |tx: &mut countersign::db::Tx, id: RecordId| {
        diesel::update(record_rows::table.find(id))
            .set(record_rows::status.eq("approved"))
            .execute(&mut **tx)
            .map_err(Error::from)
    };
    let id = case.record;
    register.refuses("internal", || register.tries(move |tx, _| promote(tx, id)));
    // Nor can it hide behind "nothing changed".
    let before = register.dump();
    register.does(move |tx, _| {
        tx.leave_unchanged();
        promote(tx, id)
    });
    assert_eq!(register.dump(), before);
}

fn who_fails_in_a_shared_commit_takes_no_number_of_the_ledger(register: Register) {
    let before = register.ledger_size();
    let (open, opened) = std::sync::mpsc::channel::<()>();
    let now = register.desk.clock.now();
    let append = move |tx: &mut countersign::db::Tx| {
        ledger::append(tx, now, ledger::Note::new("story.told", &operator()))
    };
    let first = register.db.write(move |tx| {
        let number = append(tx)?;
        opened.recv().expect("the others wait");
        Ok(number)
    });
    let second = register.db.write::<u64>(move |tx| {
        append(tx)?;
        Err(Error::DryRun)
    });
    let third = register.db.write(append);
    // They are handed over in this order, and the first goes on when all of them are.
    let told = tokio::runtime::Builder::new_current_thread().build();
    let (first, second, third, ()) = told.expect("a runtime").block_on(async {
        tokio::join!(first, second, third, async {
            open.send(()).expect("it waits")
        })
    });
    assert!(matches!(second, Err(Error::DryRun)));
    assert_eq!(first.expect("kept"), before);
    assert_eq!(third.expect("kept"), before + 1);
    assert_eq!(register.ledger_size(), before + 2);
}

fn the_same_command_twice_has_one_effect(register: Register) {
    let case = register.draft_by("tomas", json!({}));
    register.submit(&case);
    register.refuses("not-submittable", || {
        register.tries_to_submit("tomas", &case)
    });
    let dana = register.as_reviewer("dana");
    dana.approve(&case);
    register.refuses("already-decided", || dana.tries(Outcome::Approve, &case));
    register.withdraw(&case);
    register.refuses("nothing-to-withdraw", || {
        register.tries_to_withdraw("tomas", &case)
    });
    let policy = workflow(&[stage("check", &[], &[seat("reviewer", 1)])]);
    register.publish(&policy);
    let before = register.dump();
    assert_eq!(register.publish(&policy), 1);
    register.appoint("dana", "data_protection");
    assert_eq!(register.dump(), before);
}

fn a_decision_that_lacks_something_leaves_the_link_good(register: Register) {
    let case = register.submitted_by("tomas", json!({}));
    let link = register.link_for("dana", &case);
    let dana = register.as_reviewer("dana").by_link(&link);
    let tries = |who: &support::register::Reviewer, outcome, conditions: &[(&str, &str)]| {
        who.tries_with(outcome, &case, conditions)
    };
    let approve = Outcome::ApproveWithConditions;
    let silent = dana.clone().because("  ");
    register.refuses("reason-missing", || tries(&silent, Outcome::Reject, &[]));
    register.refuses("condition-missing", || tries(&dana, approve, &[]));
    register.refuses("condition-invalid", || tries(&dana, approve, &[(" ", "")]));
    register.refuses("condition-invalid", || {
        tries(&dana, approve, &[("Do it.", "31.1.2027")])
    });
    register.refuses("condition-invalid", || {
        tries(&dana, approve, &[("Do it.", ""); 11])
    });
    register.refuses("conditions-not-offered", || {
        tries(&dana, Outcome::Approve, &[("Do it.", "")])
    });
    let wrong = dana.clone().answering(json!({"lawful": "perhaps"}));
    register.refuses("answers-invalid", || tries(&wrong, Outcome::Approve, &[]));
    let long = dana.clone().because(&"x".repeat(4001));
    register.refuses("too-long", || tries(&long, Outcome::Approve, &[]));
    assert!(matches!(register.link_state(&link), LinkState::Open(_)));
    let full = dana.answering(answers_to("data_use_review"));
    full.approve_if(
        &case,
        &[
            ("Mask the names.", "2027-06-01"),
            ("Tell the works council.", ""),
        ],
    );
    let conditions = register.reads(|conn| review::conditions_of(conn, case.record));
    let due: Vec<Option<&str>> = conditions.iter().map(|c| c.due.as_deref()).collect();
    assert!(
        due.contains(&Some("2027-06-01")) && due.contains(&None),
        "{due:?}"
    );
}

fn a_link_that_only_shows_does_not_decide(register: Register) {
    let check = stage("check", &[], &[seat("reviewer", 1)]);
    let check = with(check, "decisions", json!(["approve", "reject"]));
    register.publish(&workflow(&[with(check, "email", json!({"link": "view"}))]));
    let case = register.submitted_by("tomas", json!({}));
    let link = register.link_for("mei", &case);
    let mei = register.as_reviewer("mei");
    register.refuses("sign-in-required", || {
        mei.clone().by_link(&link).tries(Outcome::Approve, &case)
    });
    register.refuses("outcome-not-offered", || {
        mei.tries(Outcome::RequestChanges, &case)
    });
    mei.approve(&case);
    assert_eq!(register.status(&case), "approved");
}

fn a_workflow_says_how_long_a_link_is_good(register: Register) {
    let check = stage("check", &[], &[seat("reviewer", 1)]);
    let email = json!({"link": "decide", "valid_for": "P2D"});
    register.publish(&workflow(&[with(check, "email", email)]));
    let case = register.submitted_by("tomas", json!({}));
    let link = register.link_for("mei", &case);
    register.days_pass(1);
    assert!(matches!(register.link_state(&link), LinkState::Open(_)));
    register.days_pass(1);
    assert!(matches!(register.link_state(&link), LinkState::Expired(_)));
}

fn a_link_dies_by_time_and_with_its_stage(register: Register) {
    one_stage(&register, &[seat("reviewer", 1)]);
    let case = register.submitted_by("tomas", json!({}));
    let old = register.link_for("mei", &case);
    let mei = register.as_reviewer("mei");
    register.days_pass(LINK_DAYS - 1);
    assert!(matches!(register.link_state(&old), LinkState::Open(_)));
    register.days_pass(1);
    assert!(matches!(register.link_state(&old), LinkState::Expired(_)));
    register.refuses("link-dead", || {
        mei.clone().by_link(&old).tries(Outcome::Approve, &case)
    });
    let new = register.link_for("mei", &case);
    let ravis = register.link_for("ravi", &case);
    mei.clone().by_link(&new).approve(&case);
    assert!(matches!(
        register.link_state(&new),
        LinkState::DecidedByYou(_)
    ));
    assert!(matches!(
        register.link_state(&old),
        LinkState::DecidedByYou(_)
    ));
    assert!(matches!(
        register.link_state(&ravis),
        LinkState::DecidedByOthers(_)
    ));
}

fn looking_at_a_link_changes_nothing(register: Register) {
    let case = register.submitted_by("tomas", json!({}));
    let link = register.link_for("dana", &case);
    let before = register.dump();
    for _ in 0..50 {
        assert!(matches!(register.link_state(&link), LinkState::Open(_)));
        let task = register.reads(|conn| review::task_of_link(conn, &link));
        assert_eq!(task.map(|task| task.stage).as_deref(), Some("data_use"));
    }
    let desk = register.desk.clone();
    register.reads(|conn| review::timeline(conn, &desk, case.record));
    assert_eq!(register.dump(), before);
}

fn an_unknown_or_foreign_link_decides_nothing(register: Register) {
    let case = register.submitted_by("tomas", json!({}));
    let other = register.submitted_by("tomas", json!({}));
    let dana = register.as_reviewer("dana");
    for text in ["", "x", "' OR 1=1 --", &"y".repeat(100_000)] {
        let unknown = people::Secret::presented(text);
        assert_eq!(register.link_state(&unknown), LinkState::Unknown);
        let by_link = dana.clone().by_link(&unknown);
        register.refuses("link-dead", || by_link.tries(Outcome::Approve, &case));
    }
    for foreign in [
        register.link_for("dana", &other),
        register.link_for("dario", &case),
    ] {
        let by_link = dana.clone().by_link(&foreign);
        register.refuses("link-dead", || by_link.tries(Outcome::Approve, &case));
        assert!(matches!(register.link_state(&foreign), LinkState::Open(_)));
    }
    // Whoever says they came by a link must have one.
    let claimed = Actor::person(register.person("dana"), Via::new(Method::EmailLink, "link"));
    let given = dana.given(Outcome::Approve, &case, &[]);
    register.refuses("link-dead", || {
        register.tries(move |tx, desk| review::decide(tx, desk, &claimed, &given))
    });
}

fn conditions_fall_with_the_approval_they_came_with(register: Register) {
    let two = [
        stage("one", &[], &[seat("reviewer", 1)]),
        stage("two", &["one"], &[seat("expert", 1)]),
    ];
    register.publish(&workflow(&two));
    let states = |case: &Case| -> Vec<String> {
        let rows = register.reads(|conn| review::conditions_of(conn, case.record));
        rows.into_iter().map(|row| row.state).collect()
    };
    let begun = || {
        let case = register.submitted_by("tomas", json!({}));
        register
            .as_reviewer("mei")
            .approve_if(&case, &[("Mask the names.", "")]);
        assert_eq!(states(&case), ["open"]);
        case
    };
    let (approved, rejected, withdrawn) = (begun(), begun(), begun());
    register.as_reviewer("kim").approve(&approved);
    register.as_reviewer("kim").reject(&rejected);
    register.withdraw(&withdrawn);
    assert_eq!(
        [states(&approved), states(&rejected), states(&withdrawn)],
        [["open"], ["void"], ["void"]]
    );
}

fn reasons_and_answers_lie_beside_the_ledger(register: Register) {
    let case = register.submitted_by("tomas", json!({}));
    let reason = "Ask Dr. Okonkwo-Lindqvist before the pilot starts.";
    register.as_reviewer("dana").because(reason).approve(&case);
    let rows = register.reads(|conn| ledger::rows(conn, &Filter::default(), Page::From(0), 1000));
    let texts: Vec<String> = rows
        .iter()
        .map(|row| String::from_utf8(row.entry.clone()).expect("text"))
        .collect();
    for private in [
        "Okonkwo",
        "example.org",
        "Summaries of tickets",
        "not_needed",
    ] {
        assert!(
            !texts.iter().any(|text| text.contains(private)),
            "{private} in an entry"
        );
    }
    let task = register.tasks_of(&case, "dana")[0].id;
    let kept = register
        .reads(|conn| review::decision(conn, task))
        .expect("her decision")
        .1;
    assert_eq!(kept.as_deref(), Some(reason));
}

fn a_clock_set_back_dates_no_entry_before_its_predecessor(register: Register) {
    let case = register.submitted_by("tomas", json!({}));
    register
        .desk
        .clock
        .set(At::new("2020-01-01T00:00:00Z".parse().expect("a time")));
    register.as_reviewer("dana").approve(&case);
    let entries = register.entries();
    assert!(entries.windows(2).all(|pair| pair[0].at <= pair[1].at));
    assert_eq!(progress_of(&register, &case).len(), 5);
}

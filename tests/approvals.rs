//! What an approval is worth after the day it was given: conditions, suspension, its end, renewal
//! and override, each told on both databases.

mod support;

use actix_web::http::{StatusCode, header};
use actix_web::rt::System;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use countersign::db::At;
use countersign::people;
use countersign::register::{self as records, Query, Standing};
use countersign::review::deeds::Deed;
use countersign::review::engine::{ApprovalDeed, ConditionDeed, OverrideDeed, Phase};
use countersign::review::{self, TimelineItem};
use countersign::web::serve::configure;
use countersign::web::session::session_cookie;
use countersign::workflow::Outcome;
use serde_json::Value;
use serde_json::json;
use support::afterwards::ORIGIN;
use support::on_both;
use support::register::{Case, Register, first_day, in_session, operator, seat, stage, workflow};

on_both! { now crate::Register::open =>
    a_condition_is_met_when_who_attached_it_accepts_the_evidence
    a_missed_condition_suspends_the_approval_until_it_is_met
    a_keeper_waives_a_condition_but_nobody_with_a_part_in_it
    evidence_is_judged_by_neither_its_giver_nor_a_stranger
    evidence_given_in_time_waits_for_its_judge
    an_owner_can_say_that_a_condition_will_not_be_met
    an_approval_ends_and_its_owner_is_reminded_once_each_time
    a_renewal_takes_the_place_of_the_approval
    a_rejected_renewal_leaves_the_approval_until_its_end
    a_renewal_given_up_restores_what_was_approved
    two_people_let_a_use_case_go_ahead
    an_override_is_refused_to_whom_it_does_not_belong
    an_override_lets_through_what_both_were_shown
    who_proposed_an_override_must_still_be_fit_for_it
    a_renewal_is_overridden_only_when_nothing_stands_any_more
    who_has_a_part_in_a_review_neither_hands_its_tasks_out_nor_restarts_it
    a_condition_has_a_day_that_is_still_to_come
    who_left_while_changes_were_asked_for_is_not_asked_again
    a_rejection_after_the_fact_takes_the_override_away
    an_approval_after_the_fact_takes_its_place
    keepers_suspend_reinstate_and_revoke_and_owners_retire
    a_page_offers_what_the_engine_takes_and_nothing_else
    two_people_at_once_do_one_thing
    a_review_starts_anew_under_the_version_in_force
    the_register_is_filtered_by_what_approvals_are_worth
    what_is_owed_stands_on_the_home_page_of_who_owes_it
    every_event_has_a_sentence
    a_form_comes_back_as_typed_with_the_refusal_at_its_field
    programs_do_the_same_by_the_api
}

fn evidence() -> ConditionDeed {
    ConditionDeed::GiveEvidence("See annex 2 of the contract.".to_owned())
}

fn because(reason: &str) -> String {
    reason.to_owned()
}

fn a_condition_is_met_when_who_attached_it_accepts_the_evidence(register: Register) {
    let case = register.approved_if("Delete prompts after 30 days", "2027-04-01");
    assert_eq!(register.standing(&case), "approved");
    assert_eq!(register.condition_state(&case), "open");
    register.refuses("no-evidence", || {
        register.tries_on_condition("dana", &case, ConditionDeed::Accept)
    });
    register.refuses("evidence-missing", || {
        let nothing = ConditionDeed::GiveEvidence("  ".to_owned());
        register.tries_on_condition("olga", &case, nothing)
    });
    let kinds = register.kinds_of(|| register.gives_evidence("olga", &case));
    assert_eq!(kinds, ["condition.evidence_given"]);
    assert_eq!(register.condition_state(&case), "evidence_given");
    let refused = ConditionDeed::RefuseEvidence(because("The annex is not signed."));
    let kinds = register.kinds_of(|| register.on_condition("dana", &case, refused));
    assert_eq!(kinds, ["condition.evidence_refused"]);
    assert_eq!(register.condition_state(&case), "open");
    register.gives_evidence("tomas", &case);
    let kinds = register.kinds_of(|| register.on_condition("dana", &case, ConditionDeed::Accept));
    assert_eq!(kinds, ["condition.met"]);
    assert_eq!(register.condition_state(&case), "met");
    register.refuses("condition-settled", || {
        register.tries_on_condition("olga", &case, evidence())
    });
    register.days_pass_with_clocks(60);
    assert_eq!(register.standing(&case), "approved", "nothing is owed");
}

fn a_missed_condition_suspends_the_approval_until_it_is_met(register: Register) {
    let case = register.approved_if("Delete prompts after 30 days", "2027-03-20");
    register.days_pass_with_clocks(18);
    assert_eq!(register.condition_state(&case), "open");
    assert_eq!(register.mails("condition_due"), 1, "a week before");
    register.days_pass_with_clocks(3);
    assert_eq!(register.mails("condition_due"), 2, "and a day before");
    assert_eq!(register.condition_state(&case), "missed");
    assert_eq!(register.standing(&case), "suspended");
    assert_eq!(register.status(&case), "suspended");
    register.days_pass_with_clocks(5);
    assert_eq!(register.mails("condition_missed") % 3, 0, "told once each");
    register.refuses("conditions-lacking", || {
        register.tries_on_approval("gus", &case, ApprovalDeed::Reinstate)
    });
    register.gives_evidence("olga", &case);
    assert_eq!(
        register.standing(&case),
        "suspended",
        "evidence waits to be judged"
    );
    let refused = ConditionDeed::RefuseEvidence(because("Not signed."));
    register.on_condition("dana", &case, refused);
    assert_eq!(
        register.condition_state(&case),
        "missed",
        "its day stays over"
    );
    register.gives_evidence("olga", &case);
    let kinds = register.kinds_of(|| register.on_condition("dana", &case, ConditionDeed::Accept));
    assert_eq!(kinds, ["condition.met", "approval.reinstated"]);
    assert_eq!(register.standing(&case), "approved");
    assert_eq!(register.status(&case), "approved");
}

fn evidence_given_in_time_waits_for_its_judge(register: Register) {
    let case = register.approved_if("Delete prompts after 30 days", "2027-03-20");
    register.days_pass_with_clocks(18);
    register.gives_evidence("olga", &case);
    register.days_pass_with_clocks(10);
    assert_eq!(register.condition_state(&case), "evidence_given");
    assert_eq!(register.standing(&case), "approved", "the judge is late");
    let refused = ConditionDeed::RefuseEvidence(because("Not signed."));
    register.on_condition("dana", &case, refused);
    register.clocks_tick();
    assert_eq!(
        register.condition_state(&case),
        "missed",
        "its day is over now"
    );
    assert_eq!(register.standing(&case), "suspended");
}

fn a_keeper_waives_a_condition_but_nobody_with_a_part_in_it(register: Register) {
    let case = register.approved_if("Delete prompts after 30 days", "2027-03-20");
    register.days_pass_with_clocks(21);
    let waive = || ConditionDeed::Waive(because("The vendor deletes at once now."));
    for (name, code) in [
        ("tomas", "not-your-judgement"),
        ("olga", "not-your-judgement"),
        ("audra", "not-your-judgement"),
        ("lars", "not-your-judgement"),
    ] {
        register.refuses(code, || register.tries_on_condition(name, &case, waive()));
    }
    register.appoint("olga", "governance_admin");
    register.refuses("separation-of-duties", || {
        register.tries_on_condition("olga", &case, waive())
    });
    register.refuses("reason-missing", || {
        register.tries_on_condition("gus", &case, ConditionDeed::Waive(because(" ")))
    });
    let kinds = register.kinds_of(|| register.on_condition("gus", &case, waive()));
    assert_eq!(kinds, ["condition.waived", "approval.reinstated"]);
    assert_eq!(register.standing(&case), "approved");
}

fn evidence_is_judged_by_neither_its_giver_nor_a_stranger(register: Register) {
    let case = register.approved_if("Delete prompts after 30 days", "2027-04-01");
    for name in ["dana", "gus", "mei"] {
        register.refuses("not-yours", || {
            register.tries_on_condition(name, &case, evidence())
        });
    }
    register.gives_evidence("tomas", &case);
    for (name, code) in [
        ("tomas", "not-your-judgement"),
        ("olga", "not-your-judgement"),
        ("mei", "not-your-judgement"),
    ] {
        register.refuses(code, || {
            register.tries_on_condition(name, &case, ConditionDeed::Accept)
        });
    }
    register.appoint("tomas", "governance_admin");
    register.refuses("separation-of-duties", || {
        register.tries_on_condition("tomas", &case, ConditionDeed::Accept)
    });
    register.on_condition("gus", &case, ConditionDeed::Accept);
    assert_eq!(register.condition_state(&case), "met");
}

fn an_owner_can_say_that_a_condition_will_not_be_met(register: Register) {
    let case = register.approved_if("Delete prompts after 30 days", "2027-04-01");
    let refuse = ConditionDeed::Refuse(because("The vendor cannot."));
    let kinds = register.kinds_of(|| register.on_condition("olga", &case, refuse));
    assert_eq!(kinds, ["condition.refused"]);
    assert_eq!(register.condition_state(&case), "refused");
    assert!(
        register.mails("condition_refused") >= 2,
        "dana and the keepers"
    );
    assert_eq!(
        register.standing(&case),
        "approved",
        "people decide what becomes of it"
    );
    register.on_approval("gus", &case, ApprovalDeed::Revoke);
    assert_eq!(register.standing(&case), "revoked");
    register.refuses("not-in-force", || {
        register.tries_on_condition("olga", &case, evidence())
    });
}

fn an_approval_ends_and_its_owner_is_reminded_once_each_time(register: Register) {
    let case = register.approved();
    let until = register.record(&case).valid_until.expect("it ends");
    assert!(register.record(&case).is_in_force());
    register
        .desk
        .clock
        .set(until.plus(std::time::Duration::ZERO));
    register.desk.clock.set(countersign::db::At::new(
        until.0 - jiff::Span::new().hours(61 * 24),
    ));
    register.clocks_tick();
    assert_eq!(register.mails("renewal_due"), 0);
    for (days, mails) in [(2, 2), (30, 4), (22, 6)] {
        register.days_pass_with_clocks(days);
        assert_eq!(
            register.mails("renewal_due"),
            mails,
            "submitter and owner, once each"
        );
    }
    assert_eq!(register.standing(&case), "approved");
    register.days_pass_with_clocks(8);
    assert_eq!(register.standing(&case), "expired");
    assert_eq!(register.status(&case), "expired");
    assert!(!register.record(&case).is_in_force());
    assert_eq!(register.clocks_tick(), 0, "nothing more comes");
    register.refuses("not-in-force", || {
        register.tries_on_approval("gus", &case, ApprovalDeed::Suspend)
    });
}

fn a_renewal_takes_the_place_of_the_approval(register: Register) {
    let case = register.approved_if("Delete prompts after 30 days", "2027-12-01");
    let former = register.approval(&case);
    register.refuses("not-yours", || register.tries_to_renew("mei", &case));
    let kinds = register.kinds_of(|| register.renew(&case));
    assert_eq!(kinds, ["approval.renewal_begun"]);
    assert_eq!(
        (register.status(&case), register.standing(&case)),
        ("draft".into(), "approved".into())
    );
    register.refuses("not-in-force", || register.tries_to_renew("tomas", &case));
    register.edit(
        &case,
        json!({"purpose": "Summarise tickets and mails for the team."}),
    );
    assert_eq!(
        register.approval(&case).revision,
        1,
        "the approval is for what was shown"
    );
    let renewal = register.submit(&case);
    assert_eq!(renewal.renews, Some(former.id));
    assert_eq!(register.standing(&case), "approved");
    register.approve_all(&case, &[]);
    let after = register.approval(&case);
    assert_eq!((after.id, after.revision), (renewal.id, 2));
    let before = register.reads(|conn| review::review(conn, former.id));
    assert_eq!(before.phase, Phase::Superseded);
    let rows = register.reads(|conn| review::conditions_of(conn, case.record));
    assert!(rows.iter().all(|row| row.state == "void"), "{rows:?}");
}

fn a_rejected_renewal_leaves_the_approval_until_its_end(register: Register) {
    let case = register.approved();
    let former = register.approval(&case);
    register.renew(&case);
    register.edit(&case, json!({"purpose": "Something else entirely."}));
    register.submit(&case);
    register.as_reviewer("dana").reject(&case);
    assert_eq!(register.status(&case), "rejected");
    assert_eq!(register.standing(&case), "approved");
    assert!(register.record(&case).is_in_force());
    assert_eq!(register.approval(&case).id, former.id);
    let end = former.valid_until.expect("an end");
    register.desk.clock.set(end);
    register.clocks_tick();
    assert_eq!(register.standing(&case), "expired");
}

fn a_renewal_given_up_restores_what_was_approved(register: Register) {
    let case = register.approved();
    let approved = register.document(&case);
    register.refuses("nothing-to-withdraw", || {
        register.tries_to_give_renewal_up("tomas", &case)
    });
    register.renew(&case);
    register.edit(&case, json!({"purpose": "Something else entirely."}));
    register.refuses("not-yours", || {
        register.tries_to_give_renewal_up("mei", &case)
    });
    let kinds = register.kinds_of(|| register.tries_to_give_renewal_up("olga", &case).unwrap());
    assert_eq!(kinds, ["record.revised", "approval.renewal_given_up"]);
    assert_eq!(register.document(&case), approved);
    assert_eq!(
        (register.status(&case), register.standing(&case)),
        ("approved".into(), "approved".into())
    );
    register.renew(&case);
    register.edit(&case, json!({"purpose": "Something else again."}));
    register.submit(&case);
    register.withdraw(&case);
    register
        .tries_to_give_renewal_up("tomas", &case)
        .expect("also after it was taken back");
    assert_eq!(
        (register.document(&case), register.status(&case)),
        (approved, "approved".into())
    );
}

fn two_people_let_a_use_case_go_ahead(register: Register) {
    let case = register.submitted_by("tomas", json!({}));
    let first = register.review(&case).id;
    let kinds = register.kinds_of(|| register.proposes_override("carl", &case).unwrap());
    assert_eq!(kinds, ["override.proposed"]);
    register.refuses("override-needs-another", || {
        register.agrees_to_override("carl", &case)
    });
    register.refuses("override-proposed", || {
        register.proposes_override("gus", &case)
    });
    let kinds = register.kinds_of(|| register.agrees_to_override("gus", &case).unwrap());
    assert_eq!(
        kinds[..2],
        ["override.granted", "review.opened"],
        "{kinds:?}"
    );
    assert_eq!(register.standing(&case), "overridden");
    assert_eq!(register.approval(&case).id, first);
    assert!(register.record(&case).is_in_force());
    assert!(register.mails("override_granted") >= 2, "auditor and CTO");
    let afterwards = register.review(&case);
    assert!(afterwards.after_the_fact && afterwards.renews == Some(first));
    assert!(afterwards.apart.contains(&register.person("gus")));
    register.refuses("after-the-fact", || {
        register.tries_to_withdraw("tomas", &case)
    });
    register.refuses("override-too-late", || {
        register.proposes_override("carl", &case)
    });
    register.days_pass_with_clocks(15);
    assert_eq!(register.standing(&case), "expired", "it held for 14 days");
}

fn an_override_is_refused_to_whom_it_does_not_belong(register: Register) {
    let case = register.submitted_by("tomas", json!({}));
    for name in ["mei", "cleo", "audra", "adam"] {
        register.refuses("override-not-yours", || {
            register.proposes_override(name, &case)
        });
    }
    for name in ["tomas", "olga"] {
        register.appoint(name, "ciso");
        register.refuses("separation-of-duties", || {
            register.proposes_override(name, &case)
        });
    }
    let review = register.review(&case).id;
    let short = OverrideDeed::Propose {
        reason: because("Urgent."),
        until: None,
    };
    register.refuses("reason-too-short", || {
        register.tries_on_override("carl", review, short.clone())
    });
    let long = OverrideDeed::Propose {
        reason: support::afterwards::EMERGENCY.to_owned(),
        until: Some(first_day().plus(std::time::Duration::from_secs(60 * 86_400))),
    };
    register.refuses("override-too-long", || {
        register.tries_on_override("carl", review, long.clone())
    });
    register.refuses("no-override", || register.agrees_to_override("gus", &case));
    register.proposes_override("carl", &case).unwrap();
    for name in ["tomas", "olga"] {
        register.refuses("separation-of-duties", || {
            register.agrees_to_override(name, &case)
        });
    }
    register.refuses("override-not-yours", || {
        register.agrees_to_override("mei", &case)
    });
    let decline = OverrideDeed::Decline(None);
    let kinds = register.kinds_of(|| register.tries_on_override("gus", review, decline).unwrap());
    assert_eq!(kinds, ["override.declined"]);
    register.refuses("no-override", || register.agrees_to_override("gus", &case));
    assert_eq!(register.status(&case), "in_review");
    let closed = register.approved();
    register.refuses("override-too-late", || {
        register.proposes_override("carl", &closed)
    });
}

fn an_override_lets_through_what_both_were_shown(register: Register) {
    let case = register.submitted_by("tomas", json!({}));
    let first = register.review(&case);
    register.proposes_override("carl", &case).unwrap();
    register.edit(&case, json!({"purpose": "Score applicants."}));
    register.refuses("no-override", || register.agrees_to_override("gus", &case));
    register.proposes_override("carl", &case).unwrap();
    let gus = in_session(register.person("gus"));
    register.refuses("superseded", || {
        let (gus, seen) = (gus.clone(), first.digest.clone());
        register.tries(move |tx, desk| {
            review::on_override(tx, desk, &gus, first.id, &seen, OverrideDeed::Agree)
        })
    });
    register.agrees_to_override("gus", &case).unwrap();
    let entries = register.entries();
    let granted = entries.iter().find(|e| e.kind == "override.granted");
    let subject = &granted.expect("an entry").subject;
    assert_eq!(subject["revision"], 2);
    assert_ne!(subject["digest"], json!(first.digest));
    let waits = register.submitted_by("tomas", json!({}));
    register.as_reviewer("dana").request_changes(&waits);
    register.refuses("override-too-late", || {
        register.proposes_override("carl", &waits)
    });
}

fn who_proposed_an_override_must_still_be_fit_for_it(register: Register) {
    let case = register.submitted_by("tomas", json!({}));
    register.proposes_override("carl", &case).unwrap();
    let carl = register.person("carl");
    register.does(move |tx, desk| people::leave(tx, desk.clock.now(), &operator(), carl, None));
    register.refuses("override-proposer-unfit", || {
        register.agrees_to_override("gus", &case)
    });
    let review = register.review(&case).id;
    let decline = OverrideDeed::Decline(None);
    register.tries_on_override("gus", review, decline).unwrap();
}

fn a_renewal_is_overridden_only_when_nothing_stands_any_more(register: Register) {
    let case = register.approved();
    let former = register.approval(&case);
    let end = former.valid_until.expect("an end");
    let shortly_before = At::new(end.0 - jiff::Span::new().hours(48));
    register.desk.clock.set(shortly_before);
    register.renew(&case);
    register.submit(&case);
    assert!(
        !register
            .offered("carl", &case)
            .contains(&Deed::ProposeOverride)
    );
    register.refuses("override-of-renewal", || {
        register.proposes_override("carl", &case)
    });
    register.desk.clock.set(end);
    register.clocks_tick();
    register.overridden(&case);
    assert_eq!(register.standing(&case), "overridden");
    let after = register.review(&case);
    assert!(after.after_the_fact, "a review after the fact began");
    let former = register.reads(|conn| review::review(conn, former.id));
    assert_eq!(former.phase, Phase::Superseded);
}

fn who_has_a_part_in_a_review_neither_hands_its_tasks_out_nor_restarts_it(register: Register) {
    let case = register.submitted_by("tomas", json!({}));
    for role in ["administrator", "governance_admin"] {
        register.appoint("tomas", role);
    }
    let task = register.tasks_of(&case, "dana").remove(0).id;
    let tomas = in_session(register.person("tomas"));
    register.refuses("separation-of-duties", || {
        let (tomas, given) = (
            tomas.clone(),
            review::HandoverGiven {
                task,
                to: "mei@example.org".to_owned(),
                reason: because("A friend."),
                link: None,
            },
        );
        register.tries(move |tx, desk| review::reassign(tx, desk, &tomas, &given))
    });
    register.publish(&workflow(&[stage("one", &[], &[seat("reviewer", 1)])]));
    let review = register.review(&case).id;
    register.refuses("separation-of-duties", || {
        let tomas = tomas.clone();
        register.tries(move |tx, desk| review::restart(tx, desk, &tomas, review, "Mine."))
    });
    assert!(!register.offered("tomas", &case).contains(&Deed::Restart));
}

fn a_condition_has_a_day_that_is_still_to_come(register: Register) {
    let case = register.submitted_by("tomas", json!({}));
    let dana = register.as_reviewer("dana");
    for day in ["-009998-01-01", "2026-01-01", "tomorrow", "99999-01-01"] {
        register.refuses("condition-invalid", || {
            dana.tries_with(
                Outcome::ApproveWithConditions,
                &case,
                &[("Delete prompts", day)],
            )
        });
    }
}

fn who_left_while_changes_were_asked_for_is_not_asked_again(register: Register) {
    let case = register.submitted_by("tomas", json!({}));
    let stage = register.tasks_of(&case, "dana").remove(0).stage;
    register.as_reviewer("dana").request_changes(&case);
    let dana = register.person("dana");
    register.appoint("mei", "reviewer");
    register.does(move |tx, desk| people::leave(tx, desk.clock.now(), &operator(), dana, None));
    register.edit(&case, json!({"purpose": "Something smaller."}));
    let asked = register.asked(&case, &stage);
    assert!(!asked.contains(&"dana".to_owned()), "{asked:?}");
}

fn a_rejection_after_the_fact_takes_the_override_away(register: Register) {
    let case = register.submitted_by("tomas", json!({}));
    register.overridden(&case);
    for name in ["carl", "gus"] {
        assert!(
            register.tasks_of(&case, name).is_empty(),
            "{name} is kept out"
        );
    }
    let kinds = register.kinds_of(|| register.as_reviewer("dana").reject(&case));
    assert!(kinds.contains(&"approval.revoked".to_owned()), "{kinds:?}");
    assert_eq!(register.standing(&case), "revoked");
    assert!(!register.record(&case).is_in_force());
}

fn an_approval_after_the_fact_takes_its_place(register: Register) {
    let case = register.submitted_by("tomas", json!({}));
    let first = register.review(&case).id;
    register.overridden(&case);
    register.approve_all(&case, &[]);
    assert_eq!(register.standing(&case), "approved");
    assert_ne!(register.approval(&case).id, first);
    let before = register.reads(|conn| review::review(conn, first));
    assert_eq!(before.phase, Phase::Superseded);
}

fn keepers_suspend_reinstate_and_revoke_and_owners_retire(register: Register) {
    use ApprovalDeed::{Reinstate, Retire, Revoke, Suspend};
    let case = register.approved();
    for deed in [Suspend, Reinstate, Revoke] {
        for name in ["tomas", "olga", "dana", "audra", "adam"] {
            register.refuses("not-keeper", || {
                register.tries_on_approval(name, &case, deed)
            });
        }
    }
    register.refuses("not-keeper", || {
        register.tries_on_approval("mei", &case, Retire)
    });
    register.refuses("not-suspended", || {
        register.tries_on_approval("gus", &case, Reinstate)
    });
    register.refuses("reason-missing", || {
        register.tries_on_approval_because("gus", &case, Suspend, " \n")
    });
    let kinds = register.kinds_of(|| register.on_approval("gus", &case, Suspend));
    assert_eq!(kinds, ["approval.suspended"]);
    assert_eq!(register.status(&case), "suspended");
    register.refuses("not-in-force", || {
        register.tries_on_approval("gus", &case, Suspend)
    });
    register.appoint("olga", "governance_admin");
    register.refuses("separation-of-duties", || {
        register.tries_on_approval("olga", &case, Reinstate)
    });
    let kinds = register.kinds_of(|| register.on_approval("gus", &case, Reinstate));
    assert_eq!(kinds, ["approval.reinstated"]);
    assert_eq!(register.status(&case), "approved");
    let kinds = register.kinds_of(|| register.on_approval("gus", &case, Revoke));
    assert_eq!(kinds, ["approval.revoked"]);
    register.refuses("not-in-force", || {
        register.tries_on_approval("gus", &case, Reinstate)
    });
    let other = register.approved();
    let kinds = register.kinds_of(|| register.on_approval("tomas", &other, Retire));
    assert_eq!(kinds, ["approval.retired"]);
    assert_eq!(register.status(&other), "retired");
    let draft = register.draft_by("tomas", json!({}));
    register.refuses("not-in-force", || {
        register.tries_on_approval("gus", &draft, Suspend)
    });
}

fn a_page_offers_what_the_engine_takes_and_nothing_else(register: Register) {
    use Deed::*;
    let case = register.submitted_by("tomas", json!({}));
    assert_eq!(register.offered("carl", &case), [ProposeOverride]);
    assert_eq!(register.offered("tomas", &case), []);
    register.proposes_override("carl", &case).unwrap();
    assert_eq!(register.offered("carl", &case), [DeclineOverride]);
    assert_eq!(
        register.offered("gus", &case),
        [AgreeToOverride, DeclineOverride]
    );
    register.approve_all(&case, &[("Delete prompts", "2027-04-01")]);
    assert_eq!(register.offered("carl", &case), []);
    assert_eq!(
        register.offered("olga", &case),
        [GiveEvidence, RefuseCondition, Renew, Retire]
    );
    assert_eq!(register.offered("dana", &case), [Waive]);
    assert_eq!(
        register.offered("gus", &case),
        [Waive, Suspend, Revoke, Retire]
    );
    register.gives_evidence("olga", &case);
    assert_eq!(
        register.offered("dana", &case),
        [AcceptEvidence, RefuseEvidence, Waive]
    );
    register.renew(&case);
    assert_eq!(
        register.offered("tomas", &case),
        [RefuseCondition, GiveRenewalUp, Retire]
    );
    register.on_approval("gus", &case, ApprovalDeed::Suspend);
    let keeper = register.offered("gus", &case);
    assert!(
        keeper.contains(&Reinstate) && !keeper.contains(&Suspend),
        "{keeper:?}"
    );
    register.on_approval("gus", &case, ApprovalDeed::Revoke);
    assert_eq!(register.offered("gus", &case), []);
}

fn two_people_at_once_do_one_thing(register: Register) {
    let case = register.approved_if("Delete prompts after 30 days", "2027-04-01");
    register.gives_evidence("olga", &case);
    let waive = ConditionDeed::Waive(because("No longer needed."));
    let kinds = register.kinds_of(|| {
        let done = std::thread::scope(|scope| {
            let dana = scope.spawn(|| {
                register
                    .tries_on_condition("dana", &case, ConditionDeed::Accept)
                    .is_ok()
            });
            let gus = scope.spawn(|| register.tries_on_condition("gus", &case, waive).is_ok());
            [dana.join().unwrap(), gus.join().unwrap()]
        });
        assert_eq!(done.iter().filter(|done| **done).count(), 1, "{done:?}");
    });
    assert_eq!(kinds.len(), 1, "{kinds:?}");
    let case = register.submitted_by("tomas", json!({}));
    register.proposes_override("carl", &case).unwrap();
    let review = register.review(&case).id;
    let done = std::thread::scope(|scope| {
        let agree = scope.spawn(|| register.agrees_to_override("gus", &case).is_ok());
        let decline = OverrideDeed::Decline(None);
        let decline = scope.spawn(|| register.tries_on_override("carl", review, decline).is_ok());
        [agree.join().unwrap(), decline.join().unwrap()]
    });
    assert_eq!(done.iter().filter(|done| **done).count(), 1, "{done:?}");
}

fn a_review_starts_anew_under_the_version_in_force(register: Register) {
    let case = register.submitted_by("tomas", json!({}));
    let former = register.review(&case).id;
    let restart = |who: &str, reason: &str| {
        let (actor, reason) = (in_session(register.person(who)), reason.to_owned());
        register.tries(move |tx, desk| review::restart(tx, desk, &actor, former, &reason))
    };
    register.refuses("same-version", || restart("gus", "New rules."));
    assert!(!register.offered("gus", &case).contains(&Deed::Restart));
    register.publish(&workflow(&[stage("one", &[], &[seat("reviewer", 1)])]));
    assert!(register.offered("gus", &case).contains(&Deed::Restart));
    register.refuses("forbidden", || restart("tomas", "New rules."));
    register.refuses("reason-missing", || restart("gus", " "));
    let kinds = register.kinds_of(|| restart("gus", "New rules.").unwrap());
    assert_eq!(
        kinds[..2],
        ["review.superseded", "review.opened"],
        "{kinds:?}"
    );
    assert_eq!(register.review(&case).workflow.key, "story");
    assert_eq!(register.asked(&case, "data_use"), Vec::<String>::new());
}

fn found(register: &Register, query: &Query) -> Vec<String> {
    let query = Query {
        kind: "use_case".to_owned(),
        now: Some(register.desk.clock.now()),
        ..query.clone()
    };
    let listing = register.reads(|conn| records::list(conn, &query));
    let total = register.reads(|conn| records::total(conn, &query));
    assert_eq!(listing.records.len() as i64, total);
    let mut all: Vec<String> = listing.records.into_iter().map(|r| r.reference).collect();
    all.sort();
    all
}

fn the_register_is_filtered_by_what_approvals_are_worth(register: Register) {
    let (open, late) = (
        register.approved(),
        register.approved_if("Delete", "2027-03-10"),
    );
    register.submitted_by("tomas", json!({}));
    let reference = |case: &Case| register.record(case).reference;
    let standing = |standing: Standing| {
        let query = Query {
            standing: vec![standing],
            ..Query::default()
        };
        found(&register, &query)
    };
    assert_eq!(
        standing(Standing::InForce),
        [reference(&open), reference(&late)]
    );
    assert_eq!(standing(Standing::Suspended), Vec::<String>::new());
    register.days_pass_with_clocks(12);
    assert_eq!(standing(Standing::Suspended), [reference(&late)]);
    let overdue = Query {
        overdue: true,
        ..Query::default()
    };
    assert_eq!(found(&register, &overdue), [reference(&late)]);
    assert_eq!(standing(Standing::EndsSoon), Vec::<String>::new());
    let end = register.record(&open).valid_until.expect("an end");
    register.desk.clock.set(countersign::db::At::new(
        end.0 - jiff::Span::new().hours(24),
    ));
    assert_eq!(
        standing(Standing::EndsSoon),
        [reference(&open)],
        "not what is suspended"
    );
    register.desk.clock.set(end);
    register.clocks_tick();
    assert!(standing(Standing::Expired).contains(&reference(&open)));
    assert_eq!(standing(Standing::InForce), Vec::<String>::new());
}

fn duties(register: &Register, who: &str) -> Vec<Deed> {
    let (person, desk) = (register.person(who), register.desk.clone());
    let all = register.reads(|conn| review::duties(conn, &desk, person));
    all.into_iter().map(|duty| duty.deed).collect()
}

fn what_is_owed_stands_on_the_home_page_of_who_owes_it(register: Register) {
    let case = register.approved_if("Delete prompts after 30 days", "2027-04-01");
    assert_eq!(duties(&register, "olga"), [Deed::GiveEvidence]);
    assert_eq!(duties(&register, "dana"), []);
    register.gives_evidence("olga", &case);
    assert_eq!(duties(&register, "olga"), []);
    assert_eq!(duties(&register, "dana"), [Deed::AcceptEvidence]);
    assert_eq!(duties(&register, "gus"), [], "dana is there to judge it");
    let other = register.submitted_by("tomas", json!({}));
    register.proposes_override("carl", &other).unwrap();
    assert_eq!(duties(&register, "gus"), [Deed::AgreeToOverride]);
    assert_eq!(duties(&register, "carl"), []);
    register.on_approval("gus", &case, ApprovalDeed::Revoke);
    assert_eq!(duties(&register, "dana"), [], "nothing is owed any more");
}

fn every_event_has_a_sentence(register: Register) {
    let case = register.approved_if("Delete prompts after 30 days", "2027-03-10");
    register.days_pass_with_clocks(12);
    register.gives_evidence("olga", &case);
    register.on_condition("dana", &case, ConditionDeed::Accept);
    register.renew(&case);
    let other = register.submitted_by("tomas", json!({}));
    register.overridden(&other);
    let told = |case: &Case| -> Vec<TimelineItem> {
        register.reads(|conn| review::timeline(conn, &register.desk, case.record))
    };
    let said = |items: &[TimelineItem], kind: &str| -> String {
        let item = items.iter().find(|item| item.kind == kind);
        item.unwrap_or_else(|| panic!("no {kind}")).sentence.clone()
    };
    let items = told(&case);
    assert_eq!(
        said(&items, "condition.missed"),
        "Condition “Delete prompts after 30 days”: not met in time"
    );
    assert_eq!(
        said(&items, "approval.suspended"),
        "Approval suspended: a condition was not met in time"
    );
    assert_eq!(
        said(&items, "approval.renewal_begun"),
        "Renewal begun; the approval goes on"
    );
    let given = items
        .iter()
        .find(|item| item.kind == "condition.evidence_given")
        .unwrap();
    assert_eq!(
        given.evidence.as_deref(),
        Some("See annex 2 of the contract.")
    );
    let items = told(&other);
    assert_eq!(
        said(&items, "override.granted"),
        "Override of carl agreed to: let through until 27 Mar 2027"
    );
    let proposed = items
        .iter()
        .find(|item| item.kind == "override.proposed")
        .unwrap();
    assert_eq!(
        proposed.reason.as_deref(),
        Some(support::afterwards::EMERGENCY)
    );
    for item in items {
        assert!(
            !item.sentence.contains('_') && !item.sentence.contains(" ."),
            "{item:?}"
        );
    }
}

/// Status, address to go on to, body.
fn send(register: &Register, request: TestRequest) -> (StatusCode, String, String) {
    let request = request.insert_header((header::ORIGIN, ORIGIN)).to_request();
    let app = register.app();
    System::new().block_on(async {
        let app = actix_web::App::new().configure(configure(app));
        let response = call_service(&init_service(app).await, request).await;
        let onward = response.headers().get(header::LOCATION);
        let onward = onward
            .and_then(|l| l.to_str().ok())
            .unwrap_or_default()
            .to_owned();
        let status = response.status();
        let body = String::from_utf8_lossy(&read_body(response).await).into_owned();
        (status, onward, body)
    })
}

/// A page as somebody sees it, or what follows when they send a form there.
fn browses(
    register: &Register,
    who: &str,
    path: &str,
    form: Option<&[(&str, &str)]>,
) -> (StatusCode, String, String) {
    let (app, person, now) = (
        register.app(),
        register.person(who),
        register.desk.clock.now(),
    );
    let session = app
        .db
        .upkeep_now(move |tx| people::open_session(tx, now, person));
    let cookie = session_cookie(&app, &session.expect("a session"));
    let request = match form {
        Some(pairs) => TestRequest::post().set_form(pairs),
        None => TestRequest::get(),
    };
    send(register, request.uri(path).cookie(cookie))
}

fn a_form_comes_back_as_typed_with_the_refusal_at_its_field(register: Register) {
    let case = register.approved_if("Delete prompts after 30 days", "2027-04-01");
    let record = format!("/use-cases/{}", register.record(&case).reference);
    let condition = format!("/conditions/{}", register.condition(&case));
    let (status, _, page) = browses(&register, "olga", &record, None);
    assert_eq!(status, StatusCode::OK);
    let evidence = format!("{condition}/evidence");
    assert!(
        page.contains(&evidence) && page.contains("Valid until"),
        "{page}"
    );
    let (_, _, page) = browses(&register, "mei", &record, None);
    assert!(!page.contains(&evidence), "nothing is offered to others");
    assert_eq!(
        browses(&register, "mei", &evidence, None).0,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        browses(&register, "olga", &evidence, None).0,
        StatusCode::OK
    );
    let size = register.ledger_size();
    let (status, _, page) = browses(&register, "olga", &evidence, Some(&[("text", " ")]));
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        page.contains("field-text-error") && page.contains("Say what shows"),
        "{page}"
    );
    let (status, _, page) = browses(
        &register,
        "mei",
        &evidence,
        Some(&[("text", "My own words")]),
    );
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(page.contains("My own words"), "nothing typed is lost");
    assert_eq!(register.ledger_size(), size);
    let typed = [("text", "Annex 2"), ("_once", "abc")];
    for _ in 0..2 {
        let (status, onward, _) = browses(&register, "olga", &evidence, Some(&typed));
        assert_eq!((status, onward), (StatusCode::SEE_OTHER, record.clone()));
    }
    assert_eq!(register.ledger_size(), size + 1, "two presses are one deed");
    let (_, _, page) = browses(&register, "dana", &record, None);
    assert!(page.contains("Annex 2") && page.contains(&format!("{condition}/acceptance")));
    let (_, _, home) = browses(&register, "dana", "/", None);
    assert!(home.contains("has evidence to judge"), "{home}");
    let other = register.submitted_by("tomas", json!({}));
    let proposal = format!("/reviews/{}/override", register.review(&other).id);
    let digest = register.review(&other).digest;
    let late = [
        ("digest", digest.as_str()),
        ("text", support::afterwards::EMERGENCY),
        ("until", "2028-01-01"),
    ];
    let (status, _, page) = browses(&register, "carl", &proposal, Some(&late));
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        page.contains("field-until-error") && page.contains("2028-01-01"),
        "{page}"
    );
}

fn programs_do_the_same_by_the_api(register: Register) {
    let case = register.approved_if("Delete prompts after 30 days", "2027-04-01");
    let token = |name: &str| {
        let (person, now) = (register.person(name), register.desk.clock.now());
        let scopes = ["read", "write", "decide"].map(str::to_owned);
        let secret = register
            .does(move |tx, _| people::create_token(tx, now, &operator(), person, &scopes, None));
        format!("Bearer {}", secret.reveal())
    };
    let call = |name: &str, path: &str, body: Value| -> (StatusCode, Value) {
        let bearer = (header::AUTHORIZATION, token(name));
        let path = format!("/api/v1{path}");
        let request = TestRequest::post()
            .uri(&path)
            .insert_header(bearer)
            .set_json(body);
        let (status, _, body) = send(&register, request);
        (status, serde_json::from_str(&body).unwrap_or_default())
    };
    let reference = register.record(&case).reference;
    let condition = format!("/conditions/{}", register.condition(&case));
    let evidence = format!("{condition}/evidence");
    let (status, answer) = call("olga", &evidence, json!({"evidence": "Annex 2"}));
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(
        answer["approval"]["conditions"][0]["state"],
        "evidence_given"
    );
    let (status, answer) = call("olga", &evidence, json!({"reason": "Annex 2"}));
    assert_eq!(
        (status, &answer["code"]),
        (StatusCode::BAD_REQUEST, &json!("bad-request"))
    );
    let (status, answer) = call("olga", &format!("{condition}/acceptance"), json!({}));
    assert_eq!(
        (status, &answer["code"]),
        (StatusCode::FORBIDDEN, &json!("not-your-judgement"))
    );
    let suspension = format!("/use-cases/{reference}/suspension");
    let (status, answer) = call("gus", &suspension, json!({"reason": "An incident."}));
    assert_eq!(
        (status, &answer["standing"]),
        (StatusCode::OK, &json!("suspended"))
    );
    let (status, answer) = call("gus", &suspension, json!({"reason": "An incident."}));
    assert_eq!(
        (status, &answer["code"]),
        (StatusCode::CONFLICT, &json!("not-in-force"))
    );
    let bearer = (header::AUTHORIZATION, token("gus"));
    let list = TestRequest::get()
        .uri("/api/v1/use-cases?standing=suspended")
        .insert_header(bearer);
    let (_, _, body) = send(&register, list);
    let list: Value = serde_json::from_str(&body).expect("a list");
    assert_eq!(list["records"][0]["reference"], json!(reference), "{list}");
    let (status, answer) = call(
        "tomas",
        &format!("/use-cases/{reference}/renewal"),
        json!({}),
    );
    assert_eq!(
        (status, &answer["status"]),
        (StatusCode::OK, &json!("draft"))
    );
}

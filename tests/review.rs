//! Stories of a review, told on both databases: what a submitter, an approver or an auditor may
//! rely on.

mod support;

use support::on_both;
use support::register::{
    Register, answers_to, forged_task, forget, seat, stage, tampers, with, workflow,
};

on_both! { now crate::support::register::Register::open =>
    a_harmless_use_case_passes_two_stages
}

fn a_harmless_use_case_passes_two_stages(register: Register) {
    let case = register.submitted_by("tomas", serde_json::json!({}));
    register.as_reviewer("dana").approve(&case);
    register.as_reviewer("aiko").approve(&case);
    register.as_reviewer("lars").approve(&case);
    assert_eq!(register.status(&case), "approved");
}

//! The engine explored: every state that small organisations can reach, every command of everybody
//! in each, every invariant over each transition, and a decision within reach of each state.

#[path = "engine/explore.rs"]
mod explore;
#[path = "engine/faults.rs"]
mod faults;
#[allow(dead_code, reason = "the search needs only a part")]
#[path = "engine/laws.rs"]
mod laws;
#[path = "engine/small.rs"]
mod small;

use explore::{Real, explore};
use small::Small;

/// Most states that are looked at for a planted fault in one organisation.
const SHALLOW: usize = 400;

/// Wider constants, for a machine with time: COUNTERSIGN_EXPLORE=wide.
fn wide() -> bool {
    std::env::var("COUNTERSIGN_EXPLORE").is_ok_and(|how| how == "wide")
}

fn every_state_keeps_the_laws_and_leads_to_a_decision(small: &Small) {
    let found = explore(small, &Real, usize::MAX, |_| true);
    println!(
        "{}: {} states, {} transitions, {} refusals",
        small.name, found.states, found.transitions, found.refusals
    );
    if let Some(fault) = found.fault {
        panic!("{:#?}\nfrom {}", fault.breaches, fault.story);
    }
    assert!(
        found.stuck.is_empty(),
        "{} states lead to no decision, the first: {:#?}",
        found.stuck.len(),
        found.stuck[0].review
    );
}

#[test]
fn two_stages_in_a_row() {
    every_state_keeps_the_laws_and_leads_to_a_decision(&small::in_a_row(wide()));
}

#[test]
fn two_stages_side_by_side() {
    every_state_keeps_the_laws_and_leads_to_a_decision(&small::side_by_side(wide()));
}

#[test]
fn tasks_that_change_hands() {
    every_state_keeps_the_laws_and_leads_to_a_decision(&small::deputies(wide()));
}

#[test]
fn what_becomes_of_an_approval() {
    every_state_keeps_the_laws_and_leads_to_a_decision(&small::afterwards(wide()));
}

/// Nothing of this lies in the product: the faults are planted around its engine. That looking at
/// a link changes nothing (I1) is no matter of the engine:
/// `looking_changes_nothing_however_often` in `tests/sign_off.rs` holds it.
#[test]
fn every_planted_fault_is_caught_by_name() {
    let organisations = [
        small::in_a_row(false),
        small::side_by_side(false),
        small::deputies(false),
        small::afterwards(false),
    ];
    let mut missed = Vec::new();
    for (fault, law) in faults::ALL {
        let names = |breaches: &[laws::Breach]| breaches.iter().any(|breach| breach.law == *law);
        let caught = organisations.iter().find_map(|small| {
            let found = explore(small, &faults::Faulty(*fault), SHALLOW, names);
            Some((small.name, found.transitions, found.fault?))
        });
        match caught {
            Some((place, transitions, caught)) => {
                let named = caught.breaches.iter().find(|breach| breach.law == *law);
                let why = &named.expect("its law").why;
                println!("{fault:?}: {law} after {transitions} transitions, {place}: {why:.90}");
            }
            None => missed.push((fault, law)),
        }
    }
    assert!(missed.is_empty(), "nobody noticed: {missed:?}");
}

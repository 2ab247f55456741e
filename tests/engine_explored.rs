//! The engine explored: every state that small organisations can reach, every command of everybody
//! in each, every invariant over each transition, and a decision within reach of each state.

#[path = "engine/explore.rs"]
mod explore;
#[path = "engine/laws.rs"]
mod laws;
#[path = "engine/small.rs"]
mod small;

use explore::{Real, explore};
use small::Small;

/// Most states of each organisation, unless COUNTERSIGN_STATES says another number.
const STATES: usize = 12_000;

fn most() -> usize {
    let said = std::env::var("COUNTERSIGN_STATES").ok();
    said.map_or(STATES, |text| text.parse().expect("a number of states"))
}

fn every_state_keeps_the_laws_and_leads_to_a_decision(small: &Small) {
    let found = explore(small, &Real, most(), |_| true);
    println!(
        "{}: {} states, {} transitions, {} refusals{}",
        small.name,
        found.states,
        found.transitions,
        found.refusals,
        if found.complete { "" } else { ", and more" }
    );
    if let Some(fault) = found.fault {
        panic!("{:#?}\nfrom {}", fault.breaches, fault.story);
    }
    assert!(
        !found.complete || found.stuck.is_empty(),
        "{} states lead to no decision, the first: {:#?}",
        found.stuck.len(),
        found.stuck[0].review
    );
}

#[test]
fn two_stages_in_a_row() {
    every_state_keeps_the_laws_and_leads_to_a_decision(&small::in_a_row());
}

#[test]
fn two_stages_side_by_side() {
    every_state_keeps_the_laws_and_leads_to_a_decision(&small::side_by_side());
}

#[test]
fn tasks_that_change_hands() {
    every_state_keeps_the_laws_and_leads_to_a_decision(&small::deputies());
}

#[test]
fn what_becomes_of_an_approval() {
    every_state_keeps_the_laws_and_leads_to_a_decision(&small::afterwards());
}

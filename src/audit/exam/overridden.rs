//! The tests of an override.
use crate::audit::exam::history::Case;
use crate::audit::exam::{Item, Population, Test};
use crate::db::{At, PersonId};
use crate::review::engine::Event;
use serde_json::Value;

pub(super) const TESTS: &[(&str, &str)] = &[
    ("two_people", "Two people"),
    ("entitled", "Entitled"),
    ("separate", "Duties separate"),
    ("evidence", "Evidence first"),
    ("in_time", "In time"),
    ("workflow", "Workflow in force"),
];

pub(super) fn examine(case: &Case, event: &Event) -> Item {
    let mut tests = Vec::new();
    if let Event::OverrideGranted {
        first,
        second,
        revision,
        digest,
        until,
        ..
    } = event
    {
        tests.push(two_people(case, *first, *second));
        tests.push(entitled(case, &[*first, *second]));
        tests.push(separate(case, &[*first, *second]));
        tests.push(evidence(case, *revision, digest));
        tests.push(in_time(case, *until));
        tests.push(case.version());
    }
    case.item(Population::Overrides, "overridden", tests)
}

fn both(case: &Case) -> impl Iterator<Item = u64> {
    let proposal = case.course.proposal.as_ref().map(|entry| entry.seq);
    proposal.into_iter().chain([case.entry.seq])
}

fn two_people(case: &Case, first: PersonId, second: PersonId) -> Test {
    const KEY: &str = "two_people";
    let proposer = case
        .course
        .proposal
        .as_ref()
        .map(|entry| entry.actor.as_str());
    let proposed = proposer == Some(first.to_string().as_str());
    let agreed = case.entry.actor == second.to_string();
    if first != second && proposed && agreed {
        let sentence = "One person proposed it and another agreed.";
        return Test::holds(KEY, sentence).on(both(case));
    }
    let sentence = "It was not proposed by one person and agreed to by another.";
    Test::fails(KEY, sentence).on(both(case))
}

fn entitled(case: &Case, people: &[PersonId]) -> Test {
    const KEY: &str = "entitled";
    let Some(loaded) = &case.course.definition else {
        let sentence = "The workflow version that the review runs by is not at hand.";
        return Test::by_hand(KEY, sentence).on([case.course.opened]);
    };
    let Some(rules) = &loaded.workflow.over_ride else {
        let sentence = "The workflow lets nobody override.";
        return Test::fails(KEY, sentence).on(both(case));
    };
    let mut rests: Vec<u64> = both(case).collect();
    for person in people {
        let held = |role: &String| case.history.holds("role", role, *person, At(case.entry.at));
        match rules.roles.iter().find_map(held) {
            Some(given) if case.history.left(*person).is_none() => rests.push(given),
            _ => {
                let roles = rules.roles.join(", ");
                let sentence = format!("One of the two held none of the roles it takes: {roles}.");
                return Test::fails(KEY, sentence).on(rests);
            }
        }
    }
    Test::holds(KEY, "Both held a role that may override.").on(rests)
}

fn separate(case: &Case, people: &[PersonId]) -> Test {
    const KEY: &str = "separate";
    let rests = both(case).chain([case.course.shown]);
    if people
        .iter()
        .any(|person| case.course.review.has_part(*person))
    {
        let sentence = "One of the two submitted it, answers for it or wrote in it.";
        return Test::fails(KEY, sentence).on(rests);
    }
    let sentence = "Neither of the two submitted it, answers for it or wrote in it.";
    Test::holds(KEY, sentence).on(rests)
}

fn evidence(case: &Case, revision: i32, digest: &str) -> Test {
    const KEY: &str = "evidence";
    let review = &case.course.review;
    let rests = both(case).chain([case.course.shown]);
    let proposal = case.course.proposal.as_ref();
    let proposed = proposal.and_then(|entry| entry.subject.get("digest")?.as_str());
    if (revision, digest) != (review.revision, review.digest.as_str()) || proposed != Some(digest) {
        let sentence =
            "What was let through is not the revision that was proposed and under review.";
        return Test::fails(KEY, sentence).on(rests);
    }
    if !proposal.is_some_and(|entry| entry.private.contains_key("reason")) {
        return Test::fails(KEY, "It was proposed without a reason.").on(rests);
    }
    let sentence = "The revision under review was let through, for a reason that was written down.";
    Test::holds(KEY, sentence).on(rests)
}

fn in_time(case: &Case, until: At) -> Test {
    const KEY: &str = "in_time";
    let proposal = case.course.proposal.as_ref();
    let proposed = proposal.and_then(|entry| entry.data.get("until").and_then(Value::as_str));
    if proposed != Some(until.to_string().as_str()) || until < At(case.entry.at) {
        let sentence = "It does not end when the proposal says, or was over when it was granted.";
        return Test::fails(KEY, sentence).on(both(case));
    }
    Test::holds(KEY, format!("It ends at {until}, as proposed.")).on(both(case))
}

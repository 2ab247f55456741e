//! The tests of a review that ended.
use crate::audit::exam::history::Case;
use crate::audit::exam::{Item, Population, Test};
use crate::db::PersonId;
use crate::review::engine::{Phase, Progress, StageRun};
use std::collections::BTreeSet;

pub(super) const TESTS: &[(&str, &str)] = &[
    ("stages", "Every stage settled"),
    ("decisions", "Decisions sound"),
    ("in_time", "In time"),
    ("override", "Not overridden"),
    ("workflow", "Workflow in force"),
];

/// `case` is as the entry that ended the review left it.
pub(super) fn examine(case: &Case) -> Item {
    let tests = vec![
        stages(case),
        decisions(case),
        in_time(case),
        overridden(case),
        case.version(),
    ];
    case.item(Population::Reviews, case.phase().as_str(), tests)
}

fn stages(case: &Case) -> Test {
    const KEY: &str = "stages";
    let (course, seq) = (case.course, case.entry.seq);
    if case.phase() != Phase::Approved {
        let sentence = "It did not end in an approval by its stages.";
        return Test::unasked(KEY, sentence).on([seq]);
    }
    let lacks = |(_, run): &(&String, &StageRun)| !is_settled(run);
    let rests = course.settled.values().copied().chain([seq]);
    match course.review.stages.iter().find(lacks) {
        Some((key, _)) => {
            let sentence = format!("It was approved, but stage `{key}` lacks an approval.");
            Test::fails(KEY, sentence).on(rests)
        }
        None => {
            let sentence =
                "Each stage was left out by its rule or has the approvals its seats need.";
            Test::holds(KEY, sentence).on(rests)
        }
    }
}

/// Whether each seat has the approvals it needs, counted anew.
fn is_settled(run: &StageRun) -> bool {
    match run.progress {
        Progress::Skipped | Progress::TimedOut => true,
        Progress::Approved | Progress::ApprovedWithConditions => {
            let approvers = run.approvers();
            run.seats.iter().all(|seat| {
                let asked: BTreeSet<PersonId> = seat.asked().collect();
                let first = |person: &PersonId| run.on_behalf.get(person);
                let sits = |person: &&PersonId| {
                    asked.contains(*person) || first(person).is_some_and(|f| asked.contains(f))
                };
                approvers.iter().filter(sits).count() >= seat.need
            })
        }
        _ => false,
    }
}

fn decisions(case: &Case) -> Test {
    const KEY: &str = "decisions";
    let all = &case.course.decisions;
    let found: Vec<u64> = all
        .iter()
        .filter(|(_, e)| *e)
        .map(|(seq, _)| *seq)
        .collect();
    if all.is_empty() {
        return Test::unasked(KEY, "Nobody decided in it.").on([case.entry.seq]);
    }
    let count = all.len();
    if found.is_empty() {
        let sentence = format!("Each of its decisions ({count}) passes its own tests.");
        return Test::holds(KEY, sentence).on(all.iter().map(|(seq, _)| *seq));
    }
    let sentence = format!(
        "Of its {count} decisions, {} do not pass their tests.",
        found.len()
    );
    Test::fails(KEY, sentence).on(found)
}

fn in_time(case: &Case) -> Test {
    const KEY: &str = "in_time";
    let overdue = &case.course.overdue;
    if overdue.is_empty() {
        let rests = [case.course.opened, case.entry.seq];
        return Test::holds(KEY, "No stage ran out of its time.").on(rests);
    }
    let sentence = format!("Stages ran out of their time ({}).", overdue.len());
    Test::fails(KEY, sentence).on(overdue.iter().copied())
}

fn overridden(case: &Case) -> Test {
    const KEY: &str = "override";
    let seq = case.entry.seq;
    match case.phase() {
        Phase::Overridden => {
            let sentence = "Two people let it go ahead before its review ended.";
            Test::fails(KEY, sentence).on([seq])
        }
        _ => Test::holds(KEY, "Nobody let it go ahead before its review ended.").on([seq]),
    }
}

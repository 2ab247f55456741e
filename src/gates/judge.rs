//! How a gate stands, by what was tested and waived. Pure.
use super::{Amount, Gate};
use jiff::Span;
use jiff::civil::Date;
use serde::Serialize;

/// What was recorded of a test, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tested {
    /// Its place among all entries.
    pub seq: i64,
    /// The value of the metric.
    pub value: Amount,
    /// The day of the test.
    pub on: Date,
    /// The last day on which it counts.
    pub until: Date,
}

/// How a gate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The newest result passes and still counts.
    Passed,
    /// Somebody lets it go for a while.
    Waived,
    /// The newest result passed and counts no more.
    Expired,
    /// The newest result does not pass.
    Failed,
    /// Nothing was recorded.
    Open,
}

impl State {
    /// Whether the gate lets pass.
    pub fn lets_pass(self) -> bool {
        matches!(self, State::Passed | State::Waived)
    }

    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            State::Passed => "Passed",
            State::Waived => "Waived for now",
            State::Expired => "Expired",
            State::Failed => "Not passed",
            State::Open => "Open",
        }
    }
}

/// How a gate stands, and by what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judged {
    /// The state.
    pub state: State,
    /// The newest result.
    pub newest: Option<Tested>,
    /// The last day on which the state can hold, for one that lets pass; the last day on which the
    /// result counted, for one that expired.
    pub until: Option<Date>,
}

/// The last day on which a result counts: what it says itself, and never longer than the gate
/// allows.
pub fn counts_until(gate: &Gate, on: Date, said: Date) -> Date {
    said.min(on.saturating_add(Span::new().days(gate.days.clamp(0, 36_500))))
}

/// Judges a gate. `waivers` are the last days of what was granted. The newest test counts and no
/// other: one that failed is not outweighed by an older one that passed.
pub fn judge(gate: &Gate, results: &[Tested], waivers: &[Date], today: Date) -> Judged {
    let newest = results.iter().max_by_key(|result| (result.on, result.seq));
    let by_result = newest.map(|result| {
        let until = counts_until(gate, result.on, result.until);
        let state = match gate.comparison.passes(result.value, gate.threshold) {
            true if result.on <= today && today <= until => State::Passed,
            true if until < today => State::Expired,
            true => State::Open,
            false => State::Failed,
        };
        (state, until)
    });
    let waived = waivers
        .iter()
        .copied()
        .filter(|until| today <= *until)
        .max();
    let (state, until) = match (by_result, waived) {
        (Some((State::Passed, until)), _) => (State::Passed, Some(until)),
        (_, Some(until)) => (State::Waived, Some(until)),
        (Some((State::Expired, until)), None) => (State::Expired, Some(until)),
        (Some((state, _)), None) => (state, None),
        (None, None) => (State::Open, None),
    };
    let newest = newest.copied();
    Judged {
        state,
        newest,
        until,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gates::Comparison;
    use jiff::civil::date;
    use proptest::prelude::*;

    fn gate(days: i64) -> Gate {
        Gate {
            key: "quality".into(),
            title: "Quality".into(),
            shows: "That answers are right".into(),
            when: None,
            because: "Everybody reads them".into(),
            steps: [crate::gates::Step::Live].into(),
            metric: "share of right answers".into(),
            comparison: Comparison::AtLeast,
            threshold: Amount(900_000),
            days,
            evidence: false,
            recorders: ["owner".to_owned()].into(),
            waived_by: Default::default(),
        }
    }

    fn day(offset: i64) -> Date {
        date(2027, 1, 1).saturating_add(Span::new().days(offset))
    }

    prop_compose! {
        fn tested()(
            seq in 0_i64..50, value in 0_i64..=1_000_000, on in -400_i64..=0, more in 0_i64..800
        )
            -> Tested {
            Tested { seq, value: Amount(value), on: day(on), until: day(on + more) }
        }
    }

    proptest! {
        #[test]
        fn a_gate_lets_pass_only_by_the_newest_result_or_a_waiver_that_still_counts(
            results in proptest::collection::vec(tested(), 0..6),
            waivers in proptest::collection::vec(-90_i64..90, 0..3),
            days in 1_i64..500,
        ) {
            let gate = gate(days);
            let waivers: Vec<Date> = waivers.into_iter().map(day).collect();
            let judged = judge(&gate, &results, &waivers, day(0));
            let newest = results.iter().max_by_key(|r| (r.on, r.seq));
            let counts = newest.is_some_and(|r| {
                let last = r.until.min(r.on.saturating_add(Span::new().days(days)));
                r.value >= gate.threshold && day(0) <= last
            });
            let waived = waivers.iter().any(|until| day(0) <= *until);
            prop_assert_eq!(judged.state.lets_pass(), counts || waived);
            prop_assert_eq!(judged.state == State::Passed, counts);
            if judged.state.lets_pass() {
                prop_assert!(judged.until.is_some_and(|until| day(0) <= until));
            }
            if results.is_empty() && !waived {
                prop_assert_eq!(judged.state, State::Open);
            }
        }

        #[test]
        fn time_alone_never_opens_a_gate(
            results in proptest::collection::vec(tested(), 0..6), days in 1_i64..500,
            later in 0_i64..2_000,
        ) {
            let gate = gate(days);
            let now = judge(&gate, &results, &[], day(0)).state;
            let then = judge(&gate, &results, &[], day(later)).state;
            prop_assert!(now.lets_pass() || !then.lets_pass());
        }

        #[test]
        fn the_order_of_results_does_not_matter(
            mut results in proptest::collection::vec(tested(), 0..6), days in 1_i64..500,
        ) {
            results.sort_by_key(|r| r.seq);
            results.dedup_by_key(|r| r.seq);
            let gate = gate(days);
            let one = judge(&gate, &results, &[], day(0));
            results.reverse();
            prop_assert_eq!(judge(&gate, &results, &[], day(0)), one);
        }
    }
}

//! When a review is likely to finish, by how long earlier ones took on the same route.
//!
//! Pure. Working time is compared, not time on the wall: a review that ran over a weekend took no
//! longer for it.

use crate::calendar::Calendar;
use crate::db::At;
use jiff::SignedDuration;

/// From how many earlier reviews on a conclusion is drawn. Below, due dates are the better guide.
pub const ENOUGH: usize = 5;

/// An earlier review on the same route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Past {
    /// When it was submitted.
    pub opened: At,
    /// When it ended.
    pub closed: At,
}

/// What earlier reviews let one expect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Too few of them went this way.
    TooFew {
        /// How many did.
        past: usize,
    },
    /// Enough did.
    Finish(Finish),
}

/// When a review is likely to finish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finish {
    /// How many earlier reviews it is concluded from.
    pub past: usize,
    /// Working time within which half of them finished.
    pub median: SignedDuration,
    /// Working time within which 85 of 100 finished.
    pub most: SignedDuration,
    /// When this one finishes if it takes the median.
    pub by_median: At,
    /// When it finishes if it takes as long as 85 of 100 at most.
    pub by_most: At,
}

/// When a review that was submitted at `opened` is likely to finish. The order of `past` does not
/// matter. Both times may lie behind: then this review takes longer than that part of the others.
pub fn expected(calendar: &Calendar, opened: At, past: &[Past]) -> Expected {
    let took = |past: &Past| calendar.working_time(past.opened, past.closed);
    let mut times: Vec<SignedDuration> = past.iter().map(took).collect();
    times.sort_unstable();
    match (within(&times, 50), within(&times, 85)) {
        (Some(median), Some(most)) if times.len() >= ENOUGH => Expected::Finish(Finish {
            past: times.len(),
            median,
            most,
            by_median: calendar.later(opened, median),
            by_most: calendar.later(opened, most),
        }),
        _ => Expected::TooFew { past: times.len() },
    }
}

/// The shortest of the times, which are in order, that `percent` of 100 of them do not exceed.
fn within(times: &[SignedDuration], percent: usize) -> Option<SignedDuration> {
    let rank = (times.len() * percent).div_ceil(100);
    times.get(rank.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> At {
        At::new(text.parse().unwrap())
    }

    /// A Monday at nine.
    fn monday() -> At {
        at("2026-11-23T09:00:00Z")
    }

    /// A review that took so many hours of work from that Monday on.
    fn took(hours: i64) -> Past {
        let closed = Calendar::built_in().later(monday(), SignedDuration::from_hours(hours));
        Past {
            opened: monday(),
            closed,
        }
    }

    fn finish(opened: At, past: &[Past]) -> Finish {
        match expected(&Calendar::built_in(), opened, past) {
            Expected::Finish(finish) => finish,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn half_finish_by_the_median_and_nearly_all_by_the_later_date() {
        let past: Vec<Past> = [8, 80, 16, 24, 12, 20, 28, 40, 32, 36].map(took).to_vec();
        let finish = finish(at("2026-11-30T09:00:00Z"), &past);
        assert_eq!(finish.past, 10);
        assert_eq!(finish.median, SignedDuration::from_hours(24));
        assert_eq!(finish.most, SignedDuration::from_hours(40));
        assert_eq!(finish.by_median, at("2026-12-02T17:00:00Z"));
        assert_eq!(finish.by_most, at("2026-12-04T17:00:00Z"));
    }

    #[test]
    fn fewer_than_five_allow_no_conclusion_and_say_so() {
        let calendar = Calendar::built_in();
        for count in 0..ENOUGH {
            let past = vec![took(8); count];
            let said = expected(&calendar, monday(), &past);
            assert_eq!(said, Expected::TooFew { past: count });
        }
        let said = expected(&calendar, monday(), &[took(8); ENOUGH]);
        assert!(matches!(said, Expected::Finish(_)), "{said:?}");
    }

    #[test]
    fn a_weekend_in_between_makes_no_review_longer() {
        let friday = at("2026-11-27T16:00:00Z");
        let over_the_weekend = Past {
            opened: friday,
            closed: at("2026-11-30T10:00:00Z"),
        };
        let finish = finish(friday, &[over_the_weekend; 5]);
        assert_eq!(finish.median, SignedDuration::from_hours(2));
        assert_eq!(finish.by_median, at("2026-11-30T10:00:00Z"));
    }

    #[test]
    fn a_review_that_ended_before_it_began_took_no_time() {
        let odd = Past {
            opened: monday(),
            closed: at("2020-01-01T00:00:00Z"),
        };
        let finish = finish(monday(), &[odd; 5]);
        assert_eq!(
            (finish.median, finish.by_most),
            (SignedDuration::ZERO, monday())
        );
    }

    fn histories() -> impl Strategy<Value = Vec<i64>> {
        prop::collection::vec(0..400_i64, ENOUGH..60)
    }

    proptest! {
        #[test]
        fn as_many_as_it_says_took_no_longer(hours in histories()) {
            let past: Vec<Past> = hours.iter().map(|hours| took(*hours)).collect();
            let finish = finish(monday(), &past);
            for (percent, time) in [(50, finish.median), (85, finish.most)] {
                let count = |fits: &dyn Fn(i64) -> bool| hours.iter().filter(|h| fits(**h)).count();
                let within = count(&|hours| SignedDuration::from_hours(hours) <= time);
                let below = count(&|hours| SignedDuration::from_hours(hours) < time);
                prop_assert!(within * 100 >= hours.len() * percent);
                prop_assert!(below * 100 < hours.len() * percent, "no shorter time would do");
            }
        }

        #[test]
        fn the_dates_are_in_order_after_the_start_whatever_the_order_of_the_past(
            hours in histories(), turn in 0..60_usize, start in 0..100_000_i64,
        ) {
            let opened = At::new(monday().0 + SignedDuration::from_mins(start));
            let mut past: Vec<Past> = hours.iter().map(|hours| took(*hours)).collect();
            let first = finish(opened, &past);
            prop_assert!(opened <= first.by_median && first.by_median <= first.by_most);
            let turn = turn % past.len();
            past.rotate_left(turn);
            prop_assert_eq!(first, finish(opened, &past));
        }

        #[test]
        fn one_more_slow_review_never_brings_the_dates_forward(
            hours in histories(), more in 0..400_i64,
        ) {
            let mut past: Vec<Past> = hours.iter().map(|hours| took(*hours)).collect();
            let before = finish(monday(), &past);
            let slow = SignedDuration::from_hours(more) >= before.most;
            past.push(took(more));
            let after = finish(monday(), &past);
            if slow {
                prop_assert!(after.by_median >= before.by_median);
                prop_assert!(after.by_most >= before.by_most);
            }
        }
    }
}

//! Whether enough was looked at, and how much of it was overridden. Pure.
use super::Rule;
use jiff::ToSpan;
use jiff::civil::Date;
use serde::Serialize;
use std::collections::BTreeMap;

/// What an overseer looked at on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Looked {
    /// The day.
    pub on: Date,
    /// How many outputs.
    pub at: u32,
    /// How many of them were overridden.
    pub overridden: u32,
}

/// How a rule stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Enough was looked at, and no more was overridden than the rule allows.
    Kept,
    /// Enough was looked at, and more was overridden than the rule allows.
    Exceeded,
    /// It was enough once; too little was looked at since.
    Expired,
    /// Never was enough looked at.
    Open,
}

impl State {
    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            State::Kept => "Kept",
            State::Exceeded => "Too much overridden",
            State::Expired => "Run out",
            State::Open => "Too little looked at",
        }
    }
}

/// How a rule stands on a day, and by what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judged {
    /// The state.
    pub state: State,
    /// Outputs looked at within the rule's days.
    pub looked_at: u64,
    /// How many of them were overridden.
    pub overridden: u64,
    /// The first day of what made it enough.
    pub since: Option<Date>,
    /// The last day on which it is, or was, enough without looking again.
    pub until: Option<Date>,
}

/// How a rule stands on `today`. What is of a day to come does not count.
pub fn judge(rule: &Rule, looked: &[Looked], today: Date) -> Judged {
    let mut days: BTreeMap<Date, (u64, u64)> = BTreeMap::new();
    for one in looked.iter().filter(|one| one.on <= today) {
        let day = days.entry(one.on).or_default();
        day.0 += u64::from(one.at);
        day.1 += u64::from(one.overridden);
    }
    // A day counts as long as less than `days` days have passed since.
    let last_of = |day: Date| day.saturating_add((rule.days - 1).days());
    let within = days.iter().filter(|(day, _)| last_of(**day) >= today);
    let (looked_at, overridden) = within.fold((0, 0), |(at, over), (_, (a, o))| (at + a, over + o));
    let enough = enough(&days, u64::from(rule.samples), last_of);
    let state = match enough {
        None => State::Open,
        Some((_, until)) if until < today => State::Expired,
        Some(_) if overridden * 100 > looked_at * u64::from(rule.override_at_most) => {
            State::Exceeded
        }
        Some(_) => State::Kept,
    };
    Judged {
        state,
        looked_at,
        overridden,
        since: enough.map(|(since, _)| since),
        until: enough.map(|(_, until)| until),
    }
}

/// The latest run of days of which the sum reaches `wanted` before its first day stops counting:
/// that first day, and the last day on which it counts.
fn enough(
    days: &BTreeMap<Date, (u64, u64)>,
    wanted: u64,
    last_of: impl Fn(Date) -> Date,
) -> Option<(Date, Date)> {
    let mut newest_first = days.iter().rev();
    let mut run = std::collections::VecDeque::new();
    let mut sum = 0;
    loop {
        while sum < wanted {
            let (day, (at, _)) = newest_first.next()?;
            run.push_back((*day, *at));
            sum += at;
        }
        let ((newest, at), (first, _)) = (*run.front()?, *run.back()?);
        if last_of(first) >= newest {
            return Some((first, last_of(first)));
        }
        run.pop_front();
        sum -= at;
    }
}

/// A share of a whole in per cent with one digit, rounded half up: `7.1 %`; nothing of nothing.
pub fn share(part: u64, whole: u64) -> Option<String> {
    if whole == 0 {
        return None;
    }
    let tenths = (u128::from(part) * 2000 + u128::from(whole)) / (u128::from(whole) * 2);
    Some(format!("{}.{} %", tenths / 10, tenths % 10))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    fn rule(samples: u32, days: i64, override_at_most: u32) -> Rule {
        let book = super::super::RuleBook::read("rules", super::super::TEMPLATE, None);
        let (first, _) = book.expect("rules").rules.remove(0);
        Rule {
            samples,
            days,
            override_at_most,
            ..first
        }
    }

    fn looked(on: Date, at: u32, overridden: u32) -> Looked {
        Looked { on, at, overridden }
    }

    #[test]
    fn what_was_looked_at_counts_on_its_last_day_and_no_longer() {
        let (rule, day) = (rule(10, 30, 20), date(2027, 3, 1));
        let state = |today| judge(&rule, &[looked(day, 10, 2)], today).state;
        assert_eq!(state(date(2027, 2, 28)), State::Open);
        assert_eq!(state(day), State::Kept);
        assert_eq!(state(date(2027, 3, 30)), State::Kept);
        assert_eq!(state(date(2027, 3, 31)), State::Expired);
    }

    #[test]
    fn more_overridden_than_allowed_is_told_and_as_much_as_allowed_is_not() {
        let (rule, day) = (rule(10, 30, 20), date(2027, 3, 1));
        let state = |overridden| judge(&rule, &[looked(day, 10, overridden)], day).state;
        assert_eq!(state(2), State::Kept);
        assert_eq!(state(3), State::Exceeded);
    }

    #[test]
    fn too_little_is_open_however_it_turned_out() {
        let day = date(2027, 3, 1);
        let judged = judge(&rule(10, 30, 20), &[looked(day, 9, 9)], day);
        assert_eq!((judged.state, judged.until), (State::Open, None));
    }

    #[test]
    fn shares_are_rounded_half_up() {
        assert_eq!(share(0, 0), None);
        assert_eq!(share(3, 42).as_deref(), Some("7.1 %"));
        assert_eq!(share(1, 2000).as_deref(), Some("0.1 %"));
        assert_eq!(share(5, 5).as_deref(), Some("100.0 %"));
    }

    fn anything() -> impl Strategy<Value = Vec<Looked>> {
        let one = (0..120_i64, 1..20_u32, 0..20_u32).prop_map(|(day, at, over)| {
            let on = date(2027, 1, 1).saturating_add(day.days());
            looked(on, at, over.min(at))
        });
        proptest::collection::vec(one, 0..12)
    }

    proptest! {
        /// Walks from day to day, as a person with a calendar would.
        #[test]
        fn the_judgement_is_that_of_a_walk_from_day_to_day(
            all in anything(), samples in 1..40_u32, days in 1..50_i64, today in 0..150_i64,
        ) {
            let (rule, first) = (rule(samples, days, 20), date(2027, 1, 1));
            let today = first.saturating_add(today.days());
            let judged = judge(&rule, &all, today);
            let counted = |day: Date| {
                let from = day.saturating_sub(days.days());
                let within = |one: &&Looked| one.on <= today && one.on <= day && one.on > from;
                let all = all.iter().filter(within);
                all.fold((0, 0), |(at, over), one| {
                    (at + u64::from(one.at), over + u64::from(one.overridden))
                })
            };
            prop_assert_eq!((judged.looked_at, judged.overridden), counted(today));
            let walk = (0..=400).map(|day| first.saturating_add(day.days()));
            let last = walk.filter(|day| counted(*day).0 >= u64::from(samples)).max();
            prop_assert_eq!(judged.until, last);
            let enough = counted(today).0 >= u64::from(samples);
            prop_assert_eq!(enough, matches!(judged.state, State::Kept | State::Exceeded));
        }

        #[test]
        fn agreeing_once_more_never_makes_it_worse(all in anything(), samples in 1..40_u32) {
            let (rule, today) = (rule(samples, 60, 20), date(2027, 4, 1));
            let before = judge(&rule, &all, today);
            let more = [all, vec![looked(today, 1, 0)]].concat();
            let after = judge(&rule, &more, today);
            if before.state == State::Kept {
                prop_assert_eq!(after.state, State::Kept);
            }
            prop_assert!(after.until >= before.until);
        }
    }
}

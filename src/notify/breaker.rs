//! When the mail server is out of reach no message is tried until a pause is over, and then one
//! at a time, so that an outage costs no message its attempts.
use crate::db::At;
use std::time::Duration;

/// Messages on their way at the same time.
pub(super) const PLACES: usize = 4;
const PAUSE_FIRST: Duration = Duration::from_secs(5);
const PAUSE_MAX: Duration = Duration::from_secs(300);

/// Whether the server is thought to work.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    pause: Option<(At, Duration)>,
}

impl Breaker {
    /// How many messages may be on their way now.
    pub(super) fn places(&self, now: At) -> usize {
        match self.pause {
            None => PLACES,
            Some((until, _)) if until <= now => 1,
            Some(_) => 0,
        }
    }

    /// Notes that the server failed at `now`; the length of a pause that begins here.
    pub(super) fn failed(&mut self, now: At) -> Option<Duration> {
        let pause = match self.pause {
            Some((until, _)) if until > now => return None,
            Some((_, last)) => (last * 2).min(PAUSE_MAX),
            None => PAUSE_FIRST,
        };
        self.pause = Some((now.plus(pause), pause));
        Some(pause)
    }

    /// Notes that the server answered; whether that ends a pause.
    pub(super) fn answered(&mut self) -> bool {
        self.pause.take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> At {
        At(jiff::Timestamp::UNIX_EPOCH).plus(Duration::from_secs(seconds))
    }

    #[test]
    fn after_a_pause_one_message_tries_whether_the_server_is_back() {
        let mut breaker = Breaker::default();
        assert_eq!(breaker.places(at(0)), PLACES);
        assert_eq!(breaker.failed(at(0)), Some(PAUSE_FIRST));
        assert_eq!(breaker.places(at(4)), 0);
        assert_eq!(breaker.places(at(5)), 1);
        assert!(breaker.answered());
        assert_eq!(breaker.places(at(5)), PLACES);
    }

    #[test]
    fn pauses_grow_to_five_minutes_and_those_on_their_way_count_once() {
        let mut breaker = Breaker::default();
        let mut now = 0;
        let mut pauses = Vec::new();
        for _ in 0..8 {
            let pause = breaker.failed(at(now)).expect("a pause begins");
            assert_eq!(breaker.failed(at(now)), None, "the same outage");
            now += pause.as_secs();
            pauses.push(pause.as_secs());
        }
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 300, 300]);
    }
}

//! The only place that asks what time it is.
use crate::db::At;
use std::sync::{Arc, Mutex};

/// A clock handed to whoever needs the time, so that tests can set it.
#[derive(Debug, Clone, Default)]
pub struct Clock(Option<Arc<Mutex<At>>>);

impl Clock {
    /// The machine's clock.
    pub fn system() -> Clock {
        Clock(None)
    }

    /// A clock that stands at `at` until it is moved.
    pub fn fixed(at: At) -> Clock {
        Clock(Some(Arc::new(Mutex::new(at))))
    }

    /// Moves a fixed clock; the machine's clock stays as it is.
    pub fn set(&self, at: At) {
        if let Some(Ok(mut now)) = self.0.as_ref().map(|now| now.lock()) {
            *now = at;
        }
    }

    /// The time now, to the microsecond, in UTC.
    pub fn now(&self) -> At {
        match self.0.as_ref().map(|now| now.lock()) {
            Some(Ok(now)) => *now,
            _ => At::new(jiff::Timestamp::now()),
        }
    }
}

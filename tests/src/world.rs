//! Time and ids as a test's hand gives them, so that nothing depends on when or how quickly it runs.

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta};
use domain::{
    id::IdSource,
    time::{Clock, Instant},
};
use uuid::{Builder, Uuid};

/// When every test begins: 2026-03-12 09:30 in Asia/Shanghai, in milliseconds.
const START: i64 = 1_773_279_000_000;

/// A clock that stands still until a test moves it.
#[derive(Debug)]
pub struct TestClock(Mutex<Instant>);

impl Default for TestClock {
    fn default() -> Self {
        Self(Mutex::new(DateTime::from_timestamp_millis(START).unwrap_or_default()))
    }
}

impl TestClock {
    /// Moves it.
    pub fn advance(&self, by: TimeDelta) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += by;
    }

    /// Sets it, forward or back.
    pub fn set(&self, to: Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = to;
    }
}

impl Clock for TestClock {
    fn now(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// UUIDv7 made of the test clock and a counter in place of chance: the same ones in every run, and never one
/// that is less than the one before, even when the clock is set back.
pub struct TestIds {
    clock: std::sync::Arc<TestClock>,
    last: Mutex<(u64, u64)>,
}

impl TestIds {
    /// Ids by this clock.
    #[must_use]
    pub fn new(clock: std::sync::Arc<TestClock>) -> Self {
        Self { clock, last: Mutex::new((0, 0)) }
    }
}

impl IdSource for TestIds {
    fn next(&self) -> Uuid {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let (millisecond, count) = *last;
        let now = u64::try_from(self.clock.now().timestamp_millis()).unwrap_or_default();
        *last = (millisecond.max(now), count + 1);
        let (millisecond, count) = *last;
        // the first two bytes stay zero: version and variant are written over bits of the first and the third
        let mut tail = [0; 10];
        tail.iter_mut().skip(3).zip(count.to_be_bytes().iter().skip(1)).for_each(|(to, from)| *to = *from);
        Builder::from_unix_timestamp_millis(millisecond, &tail).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn the_clock_moves_by_hand_only() {
        let clock = TestClock::default();
        assert_eq!(clock.now().to_rfc3339(), "2026-03-12T01:30:00+00:00");
        clock.advance(TimeDelta::seconds(3));
        assert_eq!(clock.now().to_rfc3339(), "2026-03-12T01:30:03+00:00");
    }

    #[test]
    fn ids_are_new_and_never_decrease() {
        let clock = Arc::new(TestClock::default());
        let ids = TestIds::new(Arc::clone(&clock));
        let mut before = ids.next();
        assert_eq!(before.to_string(), "019cdfaa-35c0-7000-8000-000000000001");
        assert_eq!(before.get_version_num(), 7);
        for step in [0, 1, -5_000, 0, 1, 10_000] {
            clock.advance(TimeDelta::milliseconds(step));
            for _ in 0..300 {
                let id = ids.next();
                assert!(id > before, "{id} after {before}");
                before = id;
            }
        }
    }
}

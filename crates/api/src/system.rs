//! The real clock and the real ids: the only place where the program asks the world for them.

use std::time::{Duration, UNIX_EPOCH};

use domain::{
    id::IdSource,
    time::{Clock, Instant},
};
use uuid::Uuid;

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is where time comes from")]
    fn now(&self) -> Instant {
        let elapsed = std::time::SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let milliseconds = i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX);
        Instant::from_timestamp_millis(milliseconds).unwrap_or_default()
    }
}

/// UUIDv7, monotonic within the process.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemIds;

impl IdSource for SystemIds {
    #[expect(clippy::disallowed_methods, reason = "this is where ids come from")]
    fn next(&self) -> Uuid {
        Uuid::now_v7()
    }
}

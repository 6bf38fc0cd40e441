//! Limits: how long something may take.

use chrono::Duration;
use serde::{Deserialize, Serialize};

use super::Counting;
use crate::access::words;

words! {
    /// What a clock measures.
    ClockKind {
        /// 响应时限: until somebody has taken the matter.
        Response = "response",
        /// 办结时限: until it is done.
        Resolution = "resolution",
    }
}

/// How long something may take, by which time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// How long, in minutes.
    pub minutes: i32,
    /// Which time counts.
    pub counting: Counting,
}

impl Limit {
    /// Its length.
    #[must_use]
    pub fn length(self) -> Duration {
        Duration::minutes(self.minutes.into())
    }
}

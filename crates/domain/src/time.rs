//! Instants, calendar days and spans of validity.

use chrono::{DateTime, Duration, FixedOffset, NaiveDate, SubsecRound, Utc};
use serde::{Deserialize, Serialize};

/// A point in time, kept to the millisecond on both databases.
pub type Instant = DateTime<Utc>;

/// Cuts a time to the millisecond, the precision of everything stored and shown.
#[must_use]
pub fn to_millisecond(at: Instant) -> Instant {
    at.trunc_subsecs(3)
}

/// The calendar day of Asia/Shanghai (UTC+08:00 all year) on which an instant falls.
#[must_use]
pub fn day_in_china(at: Instant) -> NaiveDate {
    FixedOffset::east_opt(8 * 3600).map_or_else(|| at.date_naive(), |zone| at.with_timezone(&zone).date_naive())
}

/// The instant at which a calendar day begins in Asia/Shanghai.
#[must_use]
pub fn start_of_day_in_china(day: NaiveDate) -> Instant {
    day.and_time(chrono::NaiveTime::MIN).and_utc() - Duration::hours(8)
}

/// The first day that is believed of a region or a post: that of the republic, 1949-10-01.
pub const EARLIEST_DAY: NaiveDate = match NaiveDate::from_ymd_opt(1949, 10, 1) {
    Some(day) => day,
    None => NaiveDate::MIN,
};

/// Where the time comes from: the outer edge of the program, or a test's hand.
pub trait Clock: Send + Sync {
    /// The time, to the millisecond.
    fn now(&self) -> Instant;
}

/// A span in which something holds: from `from`, until before `until`, or without end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validity {
    /// First instant at which it holds.
    pub from: Instant,
    /// First instant at which it no longer holds.
    pub until: Option<Instant>,
}

impl Validity {
    /// Whether it holds at an instant.
    #[must_use]
    pub fn holds_at(&self, at: Instant) -> bool {
        self.from <= at && self.until.is_none_or(|until| at < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        text.parse().unwrap()
    }

    #[test]
    fn a_day_changes_at_midnight_in_shanghai() {
        assert_eq!(day_in_china(at("2026-03-12T15:59:59Z")).to_string(), "2026-03-12");
        assert_eq!(day_in_china(at("2026-03-12T16:00:00Z")).to_string(), "2026-03-13");
        let day = day_in_china(at("2026-03-12T16:00:00Z"));
        assert_eq!(start_of_day_in_china(day), at("2026-03-12T16:00:00Z"));
    }

    #[test]
    fn validity_excludes_its_end() {
        let span = Validity { from: at("2026-01-01T00:00:00Z"), until: Some(at("2026-02-01T00:00:00Z")) };
        assert!(!span.holds_at(at("2025-12-31T23:59:59Z")));
        assert!(span.holds_at(at("2026-01-01T00:00:00Z")));
        assert!(!span.holds_at(at("2026-02-01T00:00:00Z")));
    }

    #[test]
    fn instants_keep_milliseconds() {
        assert_eq!(to_millisecond(at("2026-01-01T00:00:00.123999Z")), at("2026-01-01T00:00:00.123Z"));
    }
}

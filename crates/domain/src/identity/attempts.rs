//! Failed attempts to sign in: so many of them, and nobody is let in for a while.

use chrono::Duration;

use crate::time::Instant;

/// How many failed attempts are borne under one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptLimit {
    /// So many.
    pub failures: usize,
    /// Within this time; and for as long after the last of them nobody is let in.
    pub within: Duration,
}

/// Under one user name, from wherever: an account, or a name that no account has.
pub const ATTEMPTS_OF_ACCOUNT: AttemptLimit = AttemptLimit { failures: 5, within: Duration::minutes(15) };
/// From one address, under whatever name. Many may sit behind one.
pub const ATTEMPTS_OF_ADDRESS: AttemptLimit = AttemptLimit { failures: 100, within: Duration::minutes(15) };

/// When the latest attempts under one key failed, the latest last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attempts(pub Vec<Instant>);

impl Attempts {
    /// Until when nobody is let in; `None` where he may try.
    #[must_use]
    pub fn blocked_until(&self, limit: AttemptLimit, now: Instant) -> Option<Instant> {
        let first = self.0.iter().rev().nth(limit.failures - 1)?;
        let last = self.0.last()?;
        let until = *last + limit.within;
        (*last - *first <= limit.within && now < until).then_some(until)
    }

    /// With one more; those are left out that can no longer count.
    #[must_use]
    pub fn and(mut self, limit: AttemptLimit, now: Instant) -> Self {
        self.0.retain(|at| now - *at <= limit.within);
        self.0.push(now);
        let surplus = self.0.len().saturating_sub(limit.failures);
        self.0.drain(..surplus);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Instant {
        "2026-03-12T00:00:00Z".parse::<Instant>().unwrap() + Duration::minutes(minute)
    }

    fn after(minutes: &[i64]) -> Attempts {
        minutes.iter().fold(Attempts::default(), |attempts, minute| attempts.and(ATTEMPTS_OF_ACCOUNT, at(*minute)))
    }

    #[test]
    fn five_within_a_quarter_of_an_hour_block_for_another() {
        assert_eq!(after(&[0, 1, 2, 3]).blocked_until(ATTEMPTS_OF_ACCOUNT, at(3)), None);
        let five = after(&[0, 1, 2, 3, 15]);
        assert_eq!(five.blocked_until(ATTEMPTS_OF_ACCOUNT, at(15)), Some(at(30)));
        assert_eq!(five.blocked_until(ATTEMPTS_OF_ACCOUNT, at(29)), Some(at(30)));
        assert_eq!(five.blocked_until(ATTEMPTS_OF_ACCOUNT, at(30)), None);
        assert_eq!(after(&[0, 1, 2, 3, 16]).blocked_until(ATTEMPTS_OF_ACCOUNT, at(16)), None);
        assert_eq!(after(&[0, 5, 10, 15, 20, 25]).blocked_until(ATTEMPTS_OF_ACCOUNT, at(25)), None);
    }

    #[test]
    fn what_cannot_count_is_not_kept() {
        assert_eq!(after(&[0, 16]).0.len(), 1);
        assert_eq!(after(&[0; 9]).0.len(), 5);
    }
}

//! How many requests somebody may send in a minute. Each replica counts for itself.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use chrono::TimeDelta;
use domain::time::Instant;
use uuid::Uuid;

use crate::{problem::Problem, watch};

/// The length of a window, in seconds.
const WINDOW: i64 = 60;

/// For whom requests are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Counted {
    /// Whoever is signed in.
    User(Uuid),
    /// Whoever is not, by his address.
    Address(IpAddr),
}

impl Counted {
    fn policy(self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Address(_) => "address",
        }
    }
}

/// A minute that begins with the first request in it.
#[derive(Debug)]
struct Window {
    since: Instant,
    count: u64,
}

/// Counts requests.
pub struct Limiter {
    quota: Option<u64>,
    windows: moka::sync::Cache<Counted, Arc<Mutex<Window>>>,
}

/// What is left of a window after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    policy: &'static str,
    quota: u64,
    /// `None` where the request is one too many.
    remaining: Option<u64>,
    ends: Instant,
    now: Instant,
}

impl Limiter {
    /// With so many requests a minute; `None` counts nothing.
    #[must_use]
    pub fn new(quota: Option<u64>) -> Self {
        let idle = Duration::from_secs(WINDOW.unsigned_abs() * 2);
        Self { quota, windows: moka::sync::Cache::builder().max_capacity(200_000).time_to_idle(idle).build() }
    }

    /// Counts a request.
    pub fn count(&self, counted: Counted, now: Instant) -> Option<Left> {
        let quota = self.quota?;
        let window = self.windows.get_with(counted, || Arc::new(Mutex::new(Window { since: now, count: 0 })));
        let mut window = window.lock().unwrap_or_else(PoisonError::into_inner);
        let length = TimeDelta::seconds(WINDOW);
        if !(window.since..window.since + length).contains(&now) {
            *window = Window { since: now, count: 0 };
        }
        window.count = window.count.saturating_add(1);
        let remaining = quota.checked_sub(window.count);
        Some(Left { policy: counted.policy(), quota, remaining, ends: window.since + length, now })
    }
}

impl Left {
    /// Refuses the request that is one too many.
    ///
    /// # Errors
    /// `quota-exceeded`
    pub fn refuse(self) -> Result<(), Problem> {
        if self.remaining.is_some() {
            return Ok(());
        }
        watch::note_refusal(self.policy);
        let problem = Problem::new("quota-exceeded").with("violated-policies", serde_json::json!([self.policy]));
        Err(problem.until(self.ends, self.now))
    }

    /// Tells the caller what is left.
    pub fn tell(self, headers: &mut HeaderMap) {
        let Self { policy, quota, remaining, ends, now } = self;
        let seconds = ((ends - now).num_milliseconds() + 999) / 1000;
        let values = [
            ("ratelimit-policy", format!("\"{policy}\";q={quota};w={WINDOW}")),
            ("ratelimit", format!("\"{policy}\";r={};t={seconds}", remaining.unwrap_or(0))),
        ];
        for (name, value) in values {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
    }
}

//! Requests: how long they take, and how many are being answered.

use std::{cell::RefCell, collections::HashMap, time::Duration};

use metrics::{Gauge, Histogram, describe_gauge, describe_histogram, gauge, histogram};

/// How long they took, named as OpenTelemetry names it.
const DURATION: &str = "http_server_request_duration_seconds";
/// How many are being answered.
const ACTIVE: &str = "http_server_active_requests";
/// Methods by their names. All others are one: a client may make up as many as it likes.
const METHODS: [&str; 9] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT"];

pub(super) fn describe() {
    describe_histogram!(DURATION, "Time until the answer to a request was there, by operation and status.");
    describe_gauge!(ACTIVE, "Requests that are being answered.");
    gauge!(ACTIVE).set(0.0);
}

/// The name of a method that labels and spans may have.
#[must_use]
pub fn method_word(method: &str) -> &'static str {
    METHODS.into_iter().find(|known| *known == method).unwrap_or("_OTHER")
}

/// The times of one operation, by method and status.
type Times = Vec<(&'static str, u16, Histogram)>;

thread_local! {
    /// What was asked for once is found here without a look at the registry: by the pattern of the path, of which there
    /// are as many as routes.
    static KNOWN: RefCell<HashMap<String, Times>> = RefCell::default();
    static ANSWERING: Gauge = gauge!(ACTIVE);
}

/// A request that is being answered, until it is dropped.
#[must_use]
pub struct Answering(());

impl Answering {
    /// One more.
    pub fn begin() -> Self {
        ANSWERING.with(|answering| answering.increment(1));
        Self(())
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        // a thread that ends has no such value any more
        let _counted = ANSWERING.try_with(|answering| answering.decrement(1));
    }
}

/// Notes how long a request took, by method and pattern of the path.
pub fn note(method: &'static str, route: &str, status: u16, took: Duration) {
    KNOWN.with_borrow_mut(|known| {
        if !known.contains_key(route) {
            known.insert(route.to_owned(), Vec::new());
        }
        let Some(times) = known.get_mut(route) else { return };
        let found = times.iter().find(|(of, with, _)| (*of, *with) == (method, status));
        if let Some((_, _, time)) = found {
            return time.record(took);
        }
        let time = histogram!(
            DURATION,
            "http_request_method" => method,
            "http_route" => route.to_owned(),
            "http_response_status_code" => status.to_string(),
        );
        time.record(took);
        times.push((method, status, time));
    });
}

//! What the service tells of itself to whoever watches it: numbers for Prometheus on a port of their own, and spans for
//! OpenTelemetry. Labels and attributes are words of ours (operations, statuses, jobs), never an id, an address or a value.

pub mod listen;
mod process;
pub mod requests;
pub mod traces;

use domain::time::Instant;
use metrics::{counter, describe_counter, describe_gauge, gauge};

/// Requests that were refused because somebody sent too many.
const REFUSALS: &str = "lianxin_rate_limit_refusals_total";
/// Failed attempts to prove who one is.
const FAILURES: &str = "lianxin_sign_in_failures_total";
/// Accounts that were locked by them.
const LOCKOUTS: &str = "lianxin_sign_in_lockouts_total";
/// Rounds of jobs.
const ROUNDS: &str = "lianxin_job_rounds_total";
/// When the last one went well.
const LAST: &str = "lianxin_job_last_success_timestamp_seconds";
/// Events without a position.
const WAITING: &str = "lianxin_events_waiting";
/// What clocks told.
const RUNG: &str = "lianxin_clocks_rung_total";

/// Says what the numbers mean, and begins those at zero of which the first one already counts.
fn describe() {
    requests::describe();
    process::describe();
    persistence::describe_metrics();
    describe_counter!(REFUSALS, "Requests refused because an account or an address sent too many in a minute.");
    describe_counter!(FAILURES, "Failed attempts to prove who one is: wrong passwords, second factors and secrets.");
    describe_counter!(LOCKOUTS, "Failed attempts after which an account was locked for a while.");
    describe_counter!(ROUNDS, "Rounds of what the service does by itself, by how they ended.");
    describe_gauge!(LAST, "When the last round of a job ended well, in seconds since 1970.");
    describe_gauge!(WAITING, "Committed events that had no position when this was last looked at.");
    describe_counter!(RUNG, "What the clocks of orders told: that something is nearly due, overdue, or rises.");
    for policy in ["address", "user"] {
        counter!(REFUSALS, "policy" => policy).increment(0);
    }
    for told in ["overdue", "risen", "warned"] {
        counter!(RUNG, "told" => told).increment(0);
    }
    counter!(FAILURES).increment(0);
    counter!(LOCKOUTS).increment(0);
}

/// Notes that somebody sent too many requests, by the policy under which they are counted.
pub fn note_refusal(policy: &'static str) {
    counter!(REFUSALS, "policy" => policy).increment(1);
}

/// Notes a failed attempt to prove who one is, and whether it locked an account.
pub fn note_failed_attempt(has_locked: bool) {
    counter!(FAILURES).increment(1);
    if has_locked {
        counter!(LOCKOUTS).increment(1);
    }
}

/// Notes how a round of a job ended, and hands its end on.
///
/// # Errors
/// Those of the round.
pub fn round<T, E>(job: &'static str, now: Instant, ended: Result<T, E>) -> Result<T, E> {
    let outcome = if ended.is_ok() { "ok" } else { "failed" };
    counter!(ROUNDS, "job" => job, "outcome" => outcome).increment(1);
    if ended.is_ok() {
        gauge!(LAST, "job" => job).set(seconds(now));
    }
    ended
}

/// Notes how many events have no position.
#[expect(clippy::cast_precision_loss, reason = "nobody counts so many events that it matters")]
pub fn note_waiting_events(count: i64) {
    gauge!(WAITING).set(count as f64);
}

/// Notes what a clock told, by the kind of its event.
pub fn note_ring(kind: &'static str) {
    let told = kind.rsplit('.').next().unwrap_or(kind);
    counter!(RUNG, "told" => told).increment(1);
}

/// A time as Prometheus counts it.
#[expect(clippy::cast_precision_loss, reason = "milliseconds of this age are whole in a float")]
fn seconds(at: Instant) -> f64 {
    at.timestamp_millis() as f64 / 1000.0
}

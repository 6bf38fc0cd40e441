//! What the database tells of itself to whoever watches the service: numbers, and spans of transactions. Neither costs
//! anything where nobody listens.

use std::time::Duration;

use metrics::{Histogram, counter, describe_counter, describe_histogram, histogram};
use opentelemetry::{
    Context, KeyValue,
    global::{self, BoxedSpan},
    trace::{SpanKind, TraceContextExt as _, Tracer as _},
};
use sea_orm::DbBackend;

/// How long statements took.
const STATEMENTS: &str = "lianxin_database_statement_duration_seconds";
/// How long writers waited.
const WAITS: &str = "lianxin_database_write_wait_seconds";
/// How many writers waited in vain.
const TIMEOUTS: &str = "lianxin_database_write_timeouts_total";

/// How many connections there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Connections {
    /// There may be so many.
    pub max: u32,
    /// So many are open.
    pub open: u32,
    /// So many of these are not in use.
    pub idle: u32,
}

/// Says what the numbers of this floor mean.
pub fn describe_metrics() {
    describe_histogram!(STATEMENTS, "Time that the database took for a statement, transaction control aside.");
    describe_histogram!(WAITS, "Time that a writer waited until his transaction began.");
    describe_counter!(TIMEOUTS, "Writers that were told to come back because their transaction did not begin in time.");
    counter!(TIMEOUTS).increment(0);
}

/// Notes how long statements take.
pub(crate) struct Statements {
    done: Histogram,
    failed: Histogram,
}

impl Statements {
    pub(crate) fn new() -> Self {
        let of = |outcome: &'static str| histogram!(STATEMENTS, "outcome" => outcome);
        Self { done: of("ok"), failed: of("failed") }
    }

    pub(crate) fn note(&self, took: Duration, has_failed: bool) {
        if has_failed { &self.failed } else { &self.done }.record(took);
    }
}

/// Notes that a writer waited until his transaction began, or was told to come back.
pub(crate) fn note_wait(waited: Duration, in_time: bool) {
    histogram!(WAITS).record(waited);
    if !in_time {
        counter!(TIMEOUTS).increment(1);
    }
}

/// A span for a transaction, where it belongs to something that is traced. It ends when it is dropped.
pub(crate) fn span(backend: DbBackend, operation: &str) -> Option<BoxedSpan> {
    let within = Context::current();
    if !within.has_active_span() {
        return None;
    }
    let system = if backend == DbBackend::Sqlite { "sqlite" } else { "postgresql" };
    let attributes = [KeyValue::new("db.system.name", system), KeyValue::new("db.operation.name", "transaction")];
    let tracer = global::tracer("lianxin");
    let span = tracer.span_builder(format!("write by {operation}"));
    Some(tracer.build_with_context(span.with_kind(SpanKind::Client).with_attributes(attributes), &within))
}

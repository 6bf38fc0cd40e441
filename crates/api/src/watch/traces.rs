//! Spans of requests, sent to a collector by OTLP over HTTP where a setting names one. Everything else is set by the
//! variables of OpenTelemetry itself (`OTEL_SERVICE_NAME`, `OTEL_TRACES_SAMPLER`, …).

use std::time::Duration;

use opentelemetry::{
    Context, Key, KeyValue, global,
    trace::{
        SpanBuilder, SpanContext, SpanId, SpanKind, Status, TraceContextExt as _, TraceFlags, TraceId, TraceState,
        Tracer as _, TracerProvider as _,
    },
};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::{
    Resource,
    trace::{SdkTracer, SdkTracerProvider},
};

use crate::http::traceparent::TraceParent;

/// How long the program waits at its end for what was not sent yet.
const FLUSH: Duration = Duration::from_secs(3);
/// Who the spans are from.
const NAME: &str = "lianxin";

/// Where spans go, until the program ends.
pub struct Traces {
    provider: SdkTracerProvider,
}

impl Traces {
    /// Begins to send spans to a collector. Nobody waits for it: a thread of its own sends them, and what it cannot send
    /// is dropped.
    ///
    /// # Errors
    /// A sentence, if a variable of OpenTelemetry is wrong.
    pub fn start(endpoint: &str) -> Result<Self, String> {
        let exporter = SpanExporter::builder().with_http().with_protocol(Protocol::HttpBinary).with_endpoint(endpoint);
        let exporter = exporter.build().map_err(|error| format!("OTEL_EXPORTER_OTLP_ENDPOINT: {error}"))?;
        let provider = SdkTracerProvider::builder().with_resource(resource()).with_batch_exporter(exporter).build();
        global::set_tracer_provider(provider.clone());
        Ok(Self { provider })
    }

    /// What makes spans.
    #[must_use]
    pub fn tracer(&self) -> SdkTracer {
        self.provider.tracer(NAME)
    }

    /// Sends what was not sent yet, and waits for it a little.
    pub async fn end(self) {
        let ended = tokio::task::spawn_blocking(move || self.provider.shutdown_with_timeout(FLUSH)).await;
        if let Ok(Err(error)) = ended {
            tracing::warn!(error = %error, "the last spans were not sent");
        }
    }
}

/// Who the spans are from: what the variables say, or else this program.
fn resource() -> Resource {
    let said = Resource::builder().build();
    let name = said.get(&Key::from_static_str("service.name"));
    let builder = Resource::builder().with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
    if name.is_none_or(|name| name.as_str().starts_with("unknown_service")) {
        return builder.with_service_name(NAME).build();
    }
    builder.build()
}

/// Begins the span of a request, within the span of whoever asks if he has one.
#[must_use]
pub fn begin(tracer: &SdkTracer, parent: Option<TraceParent<'_>>) -> Context {
    let around =
        parent.and_then(remote).map_or_else(Context::new, |parent| Context::new().with_remote_span_context(parent));
    let span = tracer.build_with_context(SpanBuilder::from_name("request").with_kind(SpanKind::Server), &around);
    around.with_span(span)
}

fn remote(parent: TraceParent<'_>) -> Option<SpanContext> {
    let (trace, span) = (TraceId::from_hex(parent.trace_id).ok()?, SpanId::from_hex(parent.parent_id).ok()?);
    let flags = TraceFlags::default().with_sampled(parent.sampled);
    Some(SpanContext::new(trace, span, flags, true, TraceState::default()))
}

/// The trace to which a span belongs.
#[must_use]
pub fn trace_id(context: &Context) -> String {
    context.span().span_context().trace_id().to_string()
}

/// Ends the span of a request: what was asked for, by a method that may be told, and what became of it.
pub fn end(context: &Context, method: &'static str, route: &str, status: u16, code: Option<&'static str>) {
    let span = context.span();
    span.update_name(format!("{method} {route}"));
    span.set_attributes([
        KeyValue::new("http.request.method", method),
        KeyValue::new("http.route", route.to_owned()),
        KeyValue::new("http.response.status_code", i64::from(status)),
    ]);
    if let Some(code) = code {
        span.set_attribute(KeyValue::new("lianxin.problem", code));
    }
    if status >= 500 {
        span.set_status(Status::error(""));
    }
    span.end();
}

//! A collector of traces (OTLP over HTTP) that keeps what it is sent.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError, mpsc},
    time::{Duration, Instant},
};

use actix_web::{
    App, HttpResponse, HttpServer,
    dev::ServerHandle,
    rt::System,
    web::{self, Bytes, Data},
};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::any_value::Value,
    trace::v1::{ResourceSpans, Span},
};
use prost::Message as _;

/// How long a span may take to arrive.
const LONGEST: Duration = Duration::from_secs(10);

type Kept = Arc<Mutex<Vec<ResourceSpans>>>;

/// The collector. It stops when the value is dropped.
pub struct Collector {
    address: SocketAddr,
    kept: Kept,
    handle: ServerHandle,
}

async fn take(kept: Data<Kept>, body: Bytes) -> HttpResponse {
    let Ok(request) = ExportTraceServiceRequest::decode(body) else { return HttpResponse::BadRequest().finish() };
    kept.lock().unwrap_or_else(PoisonError::into_inner).extend(request.resource_spans);
    HttpResponse::Ok().content_type("application/x-protobuf").finish()
}

impl Default for Collector {
    fn default() -> Self {
        let (started, wait) = mpsc::channel();
        let kept = Kept::default();
        let own = Data::new(Arc::clone(&kept));
        std::thread::spawn(move || {
            System::new().block_on(async move {
                let app = move || App::new().app_data(own.clone()).route("/v1/traces", web::post().to(take));
                let server = HttpServer::new(app).workers(1).disable_signals().bind("127.0.0.1:0");
                let server = server.unwrap_or_else(|error| panic!("no port is to be had: {error}"));
                let address = server.addrs().into_iter().next();
                let server = server.run();
                let _received = started.send((address, server.handle()));
                let _ended = server.await;
            });
        });
        let (address, handle) = wait.recv().unwrap_or_else(|error| panic!("the collector did not start: {error}"));
        Self { address: address.unwrap_or_else(|| panic!("the collector has no address")), kept, handle }
    }
}

impl Collector {
    /// Where it is, as `OTEL_EXPORTER_OTLP_ENDPOINT` wants to know.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All that it was sent.
    #[must_use]
    pub fn kept(&self) -> Vec<ResourceSpans> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The spans of a trace.
    #[must_use]
    pub fn spans(&self, trace_id: &str) -> Vec<Span> {
        let scopes = self.kept().into_iter().flat_map(|resource| resource.scope_spans);
        let spans = scopes.flat_map(|scope| scope.spans);
        spans.filter(|span| hex(&span.trace_id) == trace_id).collect()
    }

    /// Waits until a trace has so many spans, the one that began first in front.
    pub async fn trace(&self, trace_id: &str, count: usize) -> Vec<Span> {
        let begun = Instant::now();
        loop {
            let mut spans = self.spans(trace_id);
            if spans.len() >= count {
                spans.sort_by_key(|span| span.start_time_unix_nano);
                return spans;
            }
            assert!(begun.elapsed() < LONGEST, "{trace_id} has the spans {spans:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

/// Bytes as they stand in a `traceparent`.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What is said of a span or of who sent it, as text.
#[must_use]
pub fn attributes(given: &[opentelemetry_proto::tonic::common::v1::KeyValue]) -> Vec<(String, String)> {
    let text = |value: &Value| match value {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        other => format!("{other:?}"),
    };
    let each = given.iter().map(|pair| {
        let value = pair.value.as_ref().and_then(|value| value.value.as_ref());
        (pair.key.clone(), value.map(text).unwrap_or_default())
    });
    each.collect()
}

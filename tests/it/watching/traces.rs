//! Spans of requests, where a collector is named.

use std::{net::TcpListener, time::Duration};

use harness::{
    collector::{Collector, attributes, hex},
    database::{
        Backend::{self, Postgres, Sqlite},
        TestDatabase,
    },
    program::Program,
};
use opentelemetry_proto::tonic::trace::v1::{Span, span::SpanKind, status::StatusCode};
use rstest::rstest;
use serde_json::json;

use super::log::{lines, of_trace, requests};
use crate::LIANXIN;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

fn traced(database: &TestDatabase, endpoint: &str) -> Program {
    Program::new(LIANXIN, &database.url)
        .setting("LIANXIN_LOG", "info")
        .setting("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        .setting("OTEL_BSP_SCHEDULE_DELAY", "50")
}

fn has(span: &Span, name: &str, value: &str) {
    assert!(attributes(&span.attributes).contains(&(name.to_owned(), value.to_owned())), "{name}: {span:?}");
}

#[rstest]
#[actix_web::test]
async fn a_request_is_a_span_of_the_trace_that_it_names(#[values(Sqlite, Postgres)] backend: Backend) {
    let (collector, database) = (Collector::default(), TestDatabase::bare(backend).await);
    let program = traced(&database, &collector.url());
    let process = program.serve(&["--demo"]).await;
    let resident = process.client.sign_in("resident").await;
    let order = json!({"kind": "tap", "description": "水龙头", "compound_id": resident.compound("福园小区").await});
    // the first order also draws a block of numbers
    assert_eq!(resident.post("/service-orders", order.clone()).await.status, 201);
    let parent = format!("00-{TRACE}-{PARENT}-01");
    let headers = [("traceparent", parent.as_str())];
    let placed = resident.send("POST", "/service-orders", &headers, Some(&order)).await;
    assert_eq!(placed.status, 201);

    let spans = collector.trace(TRACE, 2).await;
    let [request, write] = spans.as_slice() else { panic!("{spans:?}") };
    assert_eq!((request.name.as_str(), hex(&request.parent_span_id).as_str()), ("POST /api/v1/service-orders", PARENT));
    assert_eq!(request.kind, SpanKind::Server as i32);
    has(request, "http.request.method", "POST");
    has(request, "http.route", "/api/v1/service-orders");
    has(request, "http.response.status_code", "201");
    assert_eq!(request.attributes.len(), 3, "{request:?}");
    assert!(request.status.as_ref().is_none_or(|status| status.code() == StatusCode::Unset));
    assert_eq!(
        (write.name.as_str(), &write.parent_span_id),
        ("write by POST /api/v1/service-orders", &request.span_id)
    );
    has(write, "db.system.name", if backend == Sqlite { "sqlite" } else { "postgresql" });
    assert!(request.start_time_unix_nano <= write.start_time_unix_nano);
    assert!(write.end_time_unix_nano <= request.end_time_unix_nano);
    let resource = collector.kept()[0].resource.clone().unwrap();
    assert!(attributes(&resource.attributes).contains(&("service.name".to_owned(), "lianxin".to_owned())));

    // what is wrong with a header makes a trace of its own, by the same id in problem, log and span
    for header in [parent.to_uppercase(), format!("00-{TRACE}-{}-01", "0".repeat(16)), "a".repeat(2000)] {
        let missing = resident.send("GET", "/service-orders/019cdfaa", &[("traceparent", &header)], None).await;
        let trace = missing.text("/trace_id").to_owned();
        let spans = collector.trace(&trace, 1).await;
        assert_eq!((spans.len(), spans[0].parent_span_id.len()), (1, 0), "{spans:?}");
        assert_eq!(spans[0].name, "GET /api/v1/service-orders/{id}");
        has(&spans[0], "lianxin.problem", "not-found");
        assert_eq!(of_trace(&lines(&process), &trace), ["GET /api/v1/service-orders/{id}"]);
    }
    assert_eq!(collector.spans(TRACE).len(), 2);

    // whoever does not record a trace is asked for nothing, and is answered by its id nonetheless
    let silent = format!("00-{}-{PARENT}-00", "ab".repeat(16));
    let missing = resident.send("GET", "/nothing", &[("traceparent", &silent)], None).await;
    assert_eq!(missing.text("/trace_id"), "ab".repeat(16));
    let after = resident.get("/nothing").await;
    collector.trace(after.text("/trace_id"), 1).await;
    assert_eq!(collector.spans(&"ab".repeat(16)), Vec::new());
}

#[rstest]
#[case::gone(false)]
#[case::silent(true)]
#[actix_web::test]
async fn a_collector_that_fails_harms_nobody(#[case] takes_connections: bool) {
    let database = TestDatabase::new(Sqlite).await;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    // nobody accepts; without the listener connections are refused
    let _open = takes_connections.then_some(listener);
    let program = traced(&database, &url);
    let mut process = program.serve(&[]).await;
    let began = std::time::Instant::now();
    for _ in 0..50 {
        assert_eq!(process.client.probe("/livez").await.unwrap().status, 200);
        assert_eq!(process.client.send("GET", "/api/v1/me", &[], None).await.status, 401);
    }
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    process.signal("INT");
    let (status, took) = process.ends_within(Duration::from_secs(10)).await;
    assert!(status.success() && took < Duration::from_secs(6), "{status} {took:?}");
    assert!(requests(&lines(&process)).len() >= 100);
}

#[actix_web::test]
async fn the_end_sends_what_was_not_sent() {
    let (collector, database) = (Collector::default(), TestDatabase::new(Sqlite).await);
    let program = traced(&database, &collector.url()).setting("OTEL_BSP_SCHEDULE_DELAY", "600000");
    let mut process = program.serve(&[]).await;
    let refused = process.client.send("GET", "/api/v1/me", &[], None).await;
    assert_eq!(collector.kept(), Vec::new());
    process.signal("INT");
    assert!(process.ends_within(Duration::from_secs(10)).await.0.success());
    assert_eq!(collector.trace(refused.text("/trace_id"), 1).await[0].name, "GET /api/v1/me");
}

#[actix_web::test]
async fn what_cannot_be_a_collector_is_named() {
    let database = TestDatabase::new(Sqlite).await;
    let output = traced(&database, "https://collector.example").run(&["serve"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with("lianxin: OTEL_EXPORTER_OTLP_ENDPOINT: "), "{said}");
}

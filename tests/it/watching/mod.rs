//! What the program tells of itself to whoever watches it: numbers here, spans and lines of the log in their own files.

mod log;
mod traces;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::TcpListener,
    time::{Duration, Instant},
};

use harness::{
    client::Client,
    database::{
        Backend::{self, Postgres, Sqlite},
        TestDatabase,
    },
    program::{Process, Program, free_address},
    wire::{Wire, head},
};
use rstest::rstest;
use serde_json::json;
use tokio::time::sleep;

use crate::LIANXIN;

/// The numbers as they are read at this address.
pub async fn metrics(address: &str) -> String {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = http.get(format!("http://{address}/metrics")).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    let form = answer.headers()["content-type"].to_str().unwrap().to_owned();
    assert_eq!(form, "text/plain; version=0.0.4; charset=utf-8");
    answer.text().await.unwrap()
}

/// Series by name and labels, as the text format of Prometheus has them; each has a type that was told before it.
fn series(text: &str) -> BTreeMap<String, f64> {
    let mut types = BTreeMap::new();
    let mut found = BTreeMap::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(told) = line.strip_prefix("# TYPE ") {
            let (name, kind) = told.split_once(' ').unwrap();
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert_eq!(types.insert(name.to_owned(), kind.to_owned()), None, "{line}");
            continue;
        }
        if line.starts_with("# HELP ") {
            continue;
        }
        let (name, value) = line.rsplit_once(' ').unwrap();
        let plain = name.split('{').next().unwrap();
        let known = ["", "_bucket", "_sum", "_count"].iter().any(|end| {
            let of = plain.strip_suffix(end).and_then(|name| types.get(name));
            of.is_some_and(|kind| end.is_empty() != (kind == "histogram"))
        });
        assert!(known, "{line} has no type");
        assert_eq!(found.insert(name.to_owned(), value.parse().unwrap()), None, "{line} is there twice");
    }
    found
}

/// The labels of a series.
fn labels(name: &str) -> Vec<(String, String)> {
    let Some((_, inside)) = name.split_once('{') else { return Vec::new() };
    let pairs = inside.trim_end_matches('}').split("\",");
    let pairs = pairs.map(|pair| pair.trim_end_matches('"').split_once("=\"").unwrap());
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The value of the one series with this name and these labels.
fn value(found: &BTreeMap<String, f64>, name: &str, with: &[(&str, &str)]) -> f64 {
    let mut fitting = found.iter().filter(|(series, _)| {
        series.split('{').next() == Some(name)
            && with.iter().all(|(name, value)| labels(series).contains(&((*name).to_owned(), (*value).to_owned())))
    });
    let first = fitting.next().unwrap_or_else(|| panic!("there is no {name} {with:?} in {found:#?}"));
    assert_eq!(fitting.next(), None, "{name} {with:?}");
    *first.1
}

fn requests(method: &'static str, route: &'static str, status: &'static str) -> [(&'static str, &'static str); 3] {
    [("http_request_method", method), ("http_route", route), ("http_response_status_code", status)]
}

const COUNT: &str = "http_server_request_duration_seconds_count";
const LOGIN: &str = "/api/v1/auth/login";

async fn watched(backend: Backend) -> (TestDatabase, Program, Process, String) {
    let database = TestDatabase::bare(backend).await;
    let address = free_address().to_string();
    let program = Program::new(LIANXIN, &database.url)
        .setting("LIANXIN_METRICS_LISTEN", &address)
        .setting("LIANXIN_RATE_LIMIT", "30")
        .setting("LIANXIN_TRUSTED_PROXIES", "127.0.0.1");
    let process = program.serve(&["--demo"]).await;
    (database, program, process, address)
}

/// Signs in with a wrong password until the account is locked, and once more.
async fn locks_himself_out(client: &Client) {
    for status in [401, 401, 401, 401, 401, 429] {
        assert_eq!(client.log_in("resident2", "wrong").await.status, status);
    }
}

#[rstest]
#[actix_web::test]
async fn what_happens_is_counted(#[values(Sqlite, Postgres)] backend: Backend) {
    let (_database, _program, process, address) = watched(backend).await;
    let before = series(&metrics(&address).await);
    for never in
        ["lianxin_sign_in_failures_total", "lianxin_sign_in_lockouts_total", "lianxin_database_write_timeouts_total"]
    {
        assert_eq!(value(&before, never, &[]), 0.0, "{never}");
    }
    locks_himself_out(&process.client).await;
    let resident = process.client.sign_in("resident").await;
    let order = json!({"kind": "tap", "description": "水龙头", "compound_id": resident.compound("福园小区").await});
    for _ in 0..3 {
        assert_eq!(resident.post("/service-orders", order.clone()).await.status, 201);
    }
    let mut refused = 0;
    for _ in 0..30 {
        refused += u32::from(resident.get("/me").await.status == 429);
    }
    assert!(refused > 0);

    let after = series(&metrics(&address).await);
    let of = |name: &str, with: &[(&str, &str)]| value(&after, name, with);
    assert_eq!(of(COUNT, &requests("POST", LOGIN, "401")), 5.0);
    assert_eq!(of(COUNT, &requests("POST", LOGIN, "429")), 1.0);
    assert_eq!(of(COUNT, &requests("POST", LOGIN, "200")), 1.0);
    assert_eq!(of(COUNT, &requests("POST", "/api/v1/service-orders", "201")), 3.0);
    assert_eq!(of(COUNT, &requests("GET", "/api/v1/me", "429")), f64::from(refused));
    let took = of("http_server_request_duration_seconds_sum", &requests("POST", LOGIN, "200"));
    assert!((0.001..60.0).contains(&took), "{took}");
    assert_eq!(of("http_server_active_requests", &[]), 0.0);
    assert_eq!(of("lianxin_rate_limit_refusals_total", &[("policy", "user")]), f64::from(refused));
    assert_eq!(of("lianxin_rate_limit_refusals_total", &[("policy", "address")]), 0.0);
    assert_eq!(of("lianxin_sign_in_failures_total", &[]), 5.0);
    assert_eq!(of("lianxin_sign_in_lockouts_total", &[]), 1.0);

    assert!(of("lianxin_database_statement_duration_seconds_count", &[("outcome", "ok")]) > 20.0);
    assert!(of("lianxin_database_write_wait_seconds_count", &[]) > 8.0);
    let (used, idle) = (("state", "used"), ("state", "idle"));
    let open = of("lianxin_database_connections", &[used]) + of("lianxin_database_connections", &[idle]);
    assert!((1.0..=of("lianxin_database_connections_max", &[])).contains(&open), "{open}");
    assert!(of("process_start_time_seconds", &[]) > 1_700_000_000.0);
    assert!((1e6..1e9).contains(&of("process_resident_memory_bytes", &[])));
    assert!((5.0..1000.0).contains(&of("process_open_fds", &[])));
    assert_eq!(of("lianxin_build_info", &[("version", env!("CARGO_PKG_VERSION"))]), 1.0);
}

#[rstest]
#[actix_web::test]
async fn what_the_service_does_by_itself_is_counted(#[values(Sqlite, Postgres)] backend: Backend) {
    let (_database, _program, _process, address) = watched(backend).await;
    let begun = Instant::now();
    let jobs =
        ["sequencer", "inbox", "refusals", "calendar", "clocks", "silence", "sessions", "attempts", "terms", "purge"];
    let found = loop {
        let found = series(&metrics(&address).await);
        if found.keys().any(|name| name.contains("job=\"purge\"")) {
            break found;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "the jobs did not run: {found:#?}");
        sleep(Duration::from_millis(50)).await;
    };
    let started = value(&found, "process_start_time_seconds", &[]);
    for job in jobs {
        assert!(value(&found, "lianxin_job_rounds_total", &[("job", job), ("outcome", "ok")]) >= 1.0, "{job}");
        let last = value(&found, "lianxin_job_last_success_timestamp_seconds", &[("job", job)]);
        assert!((started..started + 60.0).contains(&last), "{job} {last}");
    }
    assert!(value(&found, "lianxin_events_waiting", &[]) >= 0.0);
    for told in ["overdue", "risen", "warned"] {
        // some orders of the demonstration are late
        assert!(value(&found, "lianxin_clocks_rung_total", &[("told", told)]) >= 1.0, "{told}");
    }
}

/// The values that labels may have, besides numbers: all of them are words of ours.
fn known_values() -> BTreeSet<String> {
    let document = api::app::document("http://127.0.0.1:8080");
    let routes = document["paths"].as_object().unwrap().keys().cloned();
    let others = ["(unknown)", "/livez", "/readyz", "/problems/{code}", "/docs/{_:.*}", "GET", "POST", "PUT", "_OTHER"];
    let states = ["user", "address", "idle", "used", "ok", "failed", "overdue", "risen", "warned"];
    let jobs =
        ["sequencer", "inbox", "refusals", "calendar", "clocks", "silence", "sessions", "attempts", "terms", "purge"];
    let more = others.iter().chain(&states).chain(&jobs).map(|word| (*word).to_owned());
    routes.chain(more).chain([env!("CARGO_PKG_VERSION").to_owned(), "+Inf".to_owned()]).collect()
}

#[rstest]
#[actix_web::test]
async fn nobody_makes_series_of_his_own(#[values(Sqlite, Postgres)] backend: Backend) {
    let (_database, _program, process, address) = watched(backend).await;
    let worker = process.client.sign_in("worker").await;
    let here = process.client.url.trim_start_matches("http://").to_owned();
    let bearer = format!("Bearer {}", worker.token());
    // from an address of its own each, so that nobody is refused for sending too many
    let wander = |number: u32| {
        let from = format!("203.0.113.{number}");
        let headers = [("x-forwarded-for", from.as_str())];
        let id = format!("019cdfaa-49c0-7c3e-9d41-{number:012}");
        let ask = |method: &str, path: String, headers: &[(&str, &str)]| {
            Wire::to_address(&here).ask(&head(method, &path, headers)).status
        };
        assert_eq!(ask("GET", format!("/nothing/{id}"), &headers), 404);
        assert_eq!(ask("GET", format!("/api/v1/nothing/{id}?q={id}"), &headers), 401);
        assert_eq!(ask("GET", format!("/problems/{id}"), &headers), 404);
        assert_eq!(ask("GET", format!("/docs/{id}"), &headers), 404);
        assert_eq!(ask(&format!("BREW{number}"), "/livez".to_owned(), &headers), 404);
        assert_eq!(ask(&format!("BREW{number}"), format!("/api/v1/persons/{id}"), &headers), 401);
        if number < 5 {
            let own = [("authorization", bearer.as_str())];
            assert_eq!(ask("GET", format!("/api/v1/persons/{id}"), &own), 404);
            assert_eq!(ask("GET", format!("/api/v1/nothing/{id}"), &own), 404);
        }
    };
    wander(1);
    sleep(Duration::from_millis(700)).await;
    let names = |found: BTreeMap<String, f64>| found.into_keys().filter(|name| name.contains("http_route"));
    let first: BTreeSet<String> = names(series(&metrics(&address).await)).collect();
    (2..40).for_each(wander);
    let then = series(&metrics(&address).await);
    let known = known_values();
    for name in then.keys() {
        for (label, value) in labels(name) {
            let is_known = value.parse::<f64>().is_ok() || known.contains(&value);
            assert!(is_known, "{label}={value} of {name}");
        }
    }
    let more: Vec<String> = names(then).filter(|name| !first.contains(name)).collect();
    assert_eq!(more, Vec::<String>::new());
    assert!(first.iter().any(|name| name.contains("_OTHER") && name.contains("/api/v1/persons/{id}")), "{first:#?}");
}

#[actix_web::test]
async fn the_numbers_are_on_a_port_of_their_own_until_the_end() {
    let (_database, _program, mut process, address) = watched(Sqlite).await;
    assert_eq!(process.client.probe("/metrics").await.unwrap().status, 404);
    for path in ["/", "/livez", "/api/v1/me", "/openapi.json"] {
        assert_eq!(Wire::to_address(&address).ask(&head("GET", path, &[])).status, 404, "{path}");
    }
    process.signal("TERM");
    // whoever watches sees it leave
    sleep(Duration::from_secs(1)).await;
    assert!(metrics(&address).await.contains("lianxin_build_info"));
    let (status, _) = process.ends_within(Duration::from_secs(20)).await;
    assert!(status.success());
    assert!(std::net::TcpStream::connect(&address).is_err());
}

#[actix_web::test]
async fn a_port_that_is_taken_is_named() {
    let database = TestDatabase::new(Sqlite).await;
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let program = Program::new(LIANXIN, &database.url).setting("LIANXIN_METRICS_LISTEN", &address);
    let output = program.run(&["serve"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(
        said.starts_with(&format!("lianxin: LIANXIN_METRICS_LISTEN: {address}: ")) && said.contains("or off"),
        "{said}"
    );

    // two services that somebody tries on one machine differ in their port only; another test may hold this one
    let _usual = TcpListener::bind(api::config::DEFAULT_METRICS_LISTEN);
    let program = Program::new(LIANXIN, &database.url).setting("LIANXIN_METRICS_LISTEN", "");
    let process = program.serve(&[]).await;
    let said = process.said();
    assert!(said.lines().count() == 1 && said.contains("LIANXIN_METRICS_LISTEN: 127.0.0.1:9464: "), "{said}");
    let program = program.setting("LIANXIN_PROFILE", "production").setting("LIANXIN_METRICS_LISTEN", "");
    assert!(!program.run(&["serve"]).status.success());
}

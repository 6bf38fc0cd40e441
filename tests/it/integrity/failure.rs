//! Writes that fail half way: either all of a use case exists or nothing.

use harness::{
    client::{Answer, User},
    database::Backend::{self, Postgres, Sqlite},
    server::Server,
};
use rstest::rstest;
use serde_json::{Value, json};

use super::placed;

/// Everything that a use case of orders or sessions writes, in words.
const LEDGER: [&str; 10] = [
    "SELECT state || ' ' || version || ' ' || coalesce(target, '') FROM service_orders ORDER BY id",
    "SELECT kind FROM events ORDER BY id",
    "SELECT 'queued ' || count(*) FROM event_queue",
    "SELECT region_code || ' ' || state || ' ' || orders FROM order_counters ORDER BY region_code, state",
    "SELECT idempotency_key || ' ' || coalesce(status, 0) FROM idempotency_keys ORDER BY operation",
    "SELECT started_ms || ' ' || coalesce(ended_ms, 0) FROM order_work ORDER BY order_id, started_ms",
    "SELECT 'participants ' || count(*) FROM order_participants",
    "SELECT 'persons ' || count(*) FROM persons",
    "SELECT 'sessions ' || count(*) || ' ' || count(ended_at) FROM sessions",
    "SELECT 'tokens ' || count(*) || ' ' || count(replaced_by) || ' ' || count(revoked_at) FROM refresh_tokens",
];

/// What goes with a change, and is written when its transaction ends.
const GOES_WITH_IT: [&str; 5] = [
    "INSERT ON service_orders",
    "INSERT ON events",
    "INSERT ON event_queue",
    "INSERT ON order_counters",
    "INSERT ON idempotency_keys",
];

async fn ledger(server: &Server) -> Vec<String> {
    let mut ledger = Vec::new();
    for query in LEDGER {
        ledger.extend(server.sql.all::<String>(query, []).await);
    }
    ledger
}

/// Breaks one write of a request after the other. Whichever it was, nothing of the request is there; and when all
/// is well again, the same request is done, with one event.
async fn all_or_nothing(server: &Server, writes: &[&str], request: impl AsyncFn() -> Answer) -> Answer {
    let before = ledger(server).await;
    let events = server.sql.count("events", []).await;
    for write in writes {
        let (_, table) = write.split_once(" ON ").unwrap();
        server.sql.break_at(write).await;
        let failed = request().await;
        // without what goes with it a change is not made, and may be tried again
        let status = if GOES_WITH_IT.contains(write) { 503 } else { 500 };
        assert_eq!(failed.status, status, "{write}: {:?}", failed.body);
        if status == 503 {
            assert!(failed.header("retry-after").is_some(), "{write}");
        }
        server.sql.mend(table).await;
        assert_eq!(ledger(server).await, before, "{write}");
    }
    let done = request().await;
    assert!((200..300).contains(&done.status), "{:?}", done.body);
    assert_ne!(ledger(server).await, before);
    assert_eq!(server.sql.count("events", []).await, events + 1);
    done
}

async fn with_key(user: &User<'_>, path: &str, body: &Value) -> Answer {
    user.send("POST", path, &[("idempotency-key", "one")], Some(body)).await
}

#[rstest]
#[actix_web::test]
async fn placing_an_order(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let resident = server.sign_in("resident").await;
    let order = json!({"kind": "tap", "description": "水龙头", "compound_id": resident.compound("福园小区").await});
    let writes = [
        "INSERT ON idempotency_keys",
        "INSERT ON service_orders",
        "INSERT ON events",
        "INSERT ON event_queue",
        "INSERT ON order_counters",
    ];
    all_or_nothing(&server, &writes, async || with_key(&resident, "/service-orders", &order).await).await;
}

#[rstest]
#[actix_web::test]
async fn the_steps_of_an_order(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (resident, worker) = (server.sign_in("resident").await, server.sign_in("worker").await);
    let volunteer = server.sign_in("volunteer").await;
    let to = json!({"volunteer_id": volunteer.volunteer_id().await});
    let id = placed(&resident).await;
    let always =
        ["INSERT ON idempotency_keys", "UPDATE ON service_orders", "INSERT ON events", "INSERT ON event_queue"];
    let step = async |user: &User<'_>, step: &str, body: Value, more: &[&str]| {
        let path = format!("/service-orders/{id}/{step}");
        all_or_nothing(&server, &[&always, more].concat(), async || with_key(user, &path, &body).await).await
    };
    step(&worker, "dispatch", to, &["INSERT ON order_counters"]).await;
    step(&volunteer, "accept", json!({}), &["INSERT ON order_counters"]).await;
    step(&volunteer, "start", json!({}), &["INSERT ON order_counters", "INSERT ON order_work"]).await;
    let work = ["INSERT ON order_counters", "UPDATE ON order_work"];
    let done = step(&volunteer, "complete", json!({"outcome": "solved"}), &work).await;
    assert_eq!(done.text("/state"), "completed");
}

#[rstest]
#[actix_web::test]
async fn signing_in_and_out(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let writes = ["INSERT ON sessions", "INSERT ON refresh_tokens", "INSERT ON events", "INSERT ON event_queue"];
    let tokens = all_or_nothing(&server, &writes, async || server.log_in("resident", "lianxin-demo").await).await;
    let body = json!({"refresh_token": tokens.text("/refresh_token")});
    let logout = async || server.send("POST", "/api/v1/auth/logout", &[], Some(&body)).await;
    all_or_nothing(&server, &["UPDATE ON sessions", "INSERT ON events", "INSERT ON event_queue"], logout).await;

    // a wrong password that cannot be written down is not judged
    server.sql.break_at("INSERT ON events").await;
    assert_eq!(server.log_in("resident", "wrong").await.status, 503);
}

#[rstest]
#[actix_web::test]
async fn a_refresh(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let first = server.log_in("resident", "lianxin-demo").await;
    let body = json!({"refresh_token": first.text("/refresh_token")});
    let refresh = async || server.send("POST", "/api/v1/auth/refresh", &[], Some(&body)).await;
    let before = ledger(&server).await;
    for write in ["INSERT ON refresh_tokens", "UPDATE ON refresh_tokens"] {
        server.sql.break_at(write).await;
        assert_eq!(refresh().await.status, 500, "{write}");
        server.sql.mend("refresh_tokens").await;
        assert_eq!(ledger(&server).await, before, "{write}");
    }
    assert_eq!(refresh().await.status, 200);
}

/// The contact of an order is not shown unless it is written down who looked.
#[rstest]
#[actix_web::test]
async fn a_look_that_cannot_be_written_down(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (resident, worker) = (server.sign_in("resident").await, server.sign_in("worker").await);
    let volunteer = server.sign_in("volunteer").await;
    let id = placed(&resident).await;
    let path = |step: &str| format!("/service-orders/{id}/{step}");
    let to = json!({"volunteer_id": volunteer.volunteer_id().await});
    assert_eq!(worker.post(&path("dispatch"), to).await.status, 200);
    assert_eq!(volunteer.post(&path("accept"), json!({})).await.status, 200);
    let look = async || volunteer.post(&path("contact"), json!({})).await;
    let shown = all_or_nothing(&server, &["INSERT ON events", "INSERT ON event_queue"], look).await;
    assert!(shown.text("/phone").starts_with("+86"));
}

/// PostgreSQL can still refuse when everything is written. SQLite has no such check on these tables: what it
/// refuses, it refuses at the statement.
#[actix_web::test]
async fn a_commit_that_fails() {
    let server = Server::start(Postgres).await;
    let resident = server.sign_in("resident").await;
    let order = json!({"kind": "tap", "description": "水龙头", "compound_id": resident.compound("福园小区").await});
    let before = ledger(&server).await;
    server.sql.break_at_commit("INSERT ON events").await;
    assert_eq!(with_key(&resident, "/service-orders", &order).await.status, 500);
    assert_eq!(ledger(&server).await, before);
    server.sql.mend("events").await;
    assert_eq!(with_key(&resident, "/service-orders", &order).await.status, 201);
}

#[actix_web::test]
async fn every_connection_to_sqlite_is_careful() {
    let server = Server::start(Sqlite).await;
    let reports = server.app.database.pragmas().await.unwrap();
    assert_eq!(reports.len(), 8);
    for report in reports {
        let of = |name: &str| report.iter().find(|(known, _)| *known == name).unwrap().1.as_str();
        assert_eq!((of("journal_mode"), of("synchronous"), of("foreign_keys")), ("wal", "2", "1"));
        assert!(of("busy_timeout").parse::<u32>().unwrap() >= 5_000);
    }
}

//! What the other tests lean on: time stands still, runs repeat, replicas are one service.

use chrono::TimeDelta;
use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::{Server, Setup},
};
use rstest::rstest;
use serde_json::json;
use uuid::Uuid;

#[rstest]
#[actix_web::test]
async fn runs_repeat(#[values(Sqlite, Postgres)] backend: Backend) {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let server = Server::start(backend).await;
        let resident = server.sign_in("resident").await;
        let compound = resident.compound("福园小区").await;
        let order = json!({"kind": "tap", "description": "水龙头", "compound_id": compound});
        let placed = resident.post("/service-orders", order).await;
        assert_eq!(placed.status, 201, "{:?}", placed.body);
        let events = resident.get(&format!("/service-orders/{}/events", placed.text("/id"))).await;
        assert_eq!(placed.text("/created_at"), "2026-03-12T09:30:00.000+08:00");
        let ids: Vec<Uuid> = server.sql.all("SELECT id FROM events ORDER BY id", []).await;
        runs.push((placed.body, events.body, ids));
    }
    assert_eq!(runs[0], runs[1]);
}

#[rstest]
#[actix_web::test]
async fn replicas_share_rows_tokens_and_time(#[values(Sqlite, Postgres)] backend: Backend) {
    let one = Server::start(backend).await;
    let other = one.replica();
    let resident = one.sign_in("resident").await;
    assert_eq!(resident.at(&other).get("/me").await.body, resident.get("/me").await.body);
    one.advance(TimeDelta::seconds(629));
    assert_eq!(other.now(), one.now());
    assert_eq!(resident.at(&other).get("/me").await.status, 200);
    one.advance(TimeDelta::seconds(2));
    assert_eq!(resident.at(&other).get("/me").await.status, 401);
}

#[rstest]
#[actix_web::test]
async fn settings_are_chosen(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Setup::default().setting("LIANXIN_ORDERS_PER_RESIDENT_PER_DAY", "1").start(backend).await;
    // what the demonstration data have of today is not of tomorrow
    server.advance(TimeDelta::days(1));
    let resident = server.sign_in("resident").await;
    let order = json!({"kind": "tap", "description": "水龙头", "compound_id": resident.compound("福园小区").await});
    assert_eq!(resident.post("/service-orders", order.clone()).await.status, 201);
    assert_eq!(resident.post("/service-orders", order).await.text("/code"), "quota-exceeded");
    assert_eq!(Setup::default().empty().start(backend).await.sql.count("users", []).await, 0);
}

#[rstest]
#[actix_web::test]
async fn jobs_run_when_told(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let _signed_in = server.sign_in("resident").await;
    assert_eq!(server.sql.count("event_queue", []).await, 1);
    server.run_jobs().await;
    assert_eq!(server.sql.count("event_queue", []).await, 0);
}

#[rstest]
#[actix_web::test]
async fn the_database_breaks_and_is_mended(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Setup::default().empty().start(backend).await;
    let insert = "INSERT INTO number_blocks (name, next) VALUES ('x', 1)";
    server.sql.break_at("INSERT ON number_blocks").await;
    assert!(server.sql.attempt(insert, []).await.unwrap_err().contains("broken"));
    server.sql.mend("number_blocks").await;
    assert_eq!(server.sql.run(insert, []).await, 1);
}

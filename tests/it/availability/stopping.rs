//! The program is told to stop while it serves.

use std::{
    cell::Cell,
    net::TcpStream,
    time::{Duration, Instant},
};

use futures_util::future::{join, join_all};
use harness::{
    database::{
        Backend::{self, Postgres, Sqlite},
        TestDatabase,
    },
    program::{Process, Program},
    sql::Sql,
    wire::{Wire, request},
};
use rstest::rstest;
use serde_json::json;
use tokio::time::sleep;

use crate::LIANXIN;

/// It has ended by then, whatever it was doing.
const LONGEST: Duration = Duration::from_secs(30);

async fn running(database: &TestDatabase) -> (Program, Process) {
    let program = Program::new(LIANXIN, &database.url);
    let process = program.serve(&["--demo"]).await;
    (program, process)
}

/// Waits until the program tells balancers to send nobody any more, which it does while it still answers.
async fn says_that_it_leaves(process: &Process) {
    let begun = Instant::now();
    loop {
        let answer = process.client.probe("/readyz").await;
        let answer = answer.unwrap_or_else(|error| panic!("it was gone before it said so: {error}"));
        if answer.status == 503 {
            // who is connected leaves too
            return assert_eq!(answer.header("connection"), Some("close"));
        }
        assert!(begun.elapsed() < Duration::from_secs(2), "it is still ready: {answer:?}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until no connection is to be had.
async fn is_closed(process: &Process) {
    let begun = Instant::now();
    while TcpStream::connect(address(process)).is_ok() {
        assert!(begun.elapsed() < LONGEST, "it still takes connections");
        sleep(Duration::from_millis(20)).await;
    }
}

fn address(process: &Process) -> &str {
    process.client.url.trim_start_matches("http://")
}

#[rstest]
#[actix_web::test]
async fn a_stop_loses_no_request(#[values(Sqlite, Postgres)] backend: Backend) {
    let database = TestDatabase::new(backend).await;
    let (_program, mut process) = running(&database).await;
    let rows = Sql::new(&database.url);
    let before = rows.count("service_orders", []).await;
    let placed = {
        let resident = process.client.sign_in("resident").await;
        let order = json!({"kind": "tap", "description": "水龙头", "compound_id": resident.compound("福园小区").await});
        let sent_away = Cell::new(false);
        let client = async |_| {
            let mut placed = 0;
            while !sent_away.get() {
                let answer = resident.post("/service-orders", order.clone()).await;
                assert_eq!(answer.status, 201, "{:?}", answer.body);
                placed += 1;
                assert_eq!(resident.get("/service-orders?limit=5").await.status, 200);
            }
            placed
        };
        let balancer = async {
            sleep(Duration::from_millis(500)).await;
            process.signal("TERM");
            says_that_it_leaves(&process).await;
            // some balancers ask once a second only
            sleep(Duration::from_secs(2)).await;
            sent_away.set(true);
        };
        let (placed, ()) = join(join_all((0..8).map(client)), balancer).await;
        placed.into_iter().sum::<i64>()
    };
    let (status, took) = process.ends_within(LONGEST).await;
    assert!(status.success(), "{status} after {took:?}: {}", process.said());
    assert_eq!(rows.count("service_orders", []).await, before + placed);
    assert_eq!(rows.count("event_queue", []).await, 0, "events are left without a position");
}

/// Somebody has sent the head and the first part of a request that places an order; the rest comes with it.
async fn half_sent(process: &Process) -> (Wire, Vec<u8>) {
    let worker = process.client.sign_in("worker").await;
    let order = json!({"kind": "tap", "description": "x", "region_code": "360502002001", "address": "y"}).to_string();
    let bearer = format!("Bearer {}", worker.token());
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let mut first = request("POST", "/api/v1/service-orders", &headers, order.as_bytes());
    let rest = first.split_off(first.len() - 10);
    let mut wire = Wire::to_address(address(process));
    wire.write(&first);
    (wire, rest)
}

#[rstest]
#[actix_web::test]
async fn what_was_begun_is_ended(#[values(Sqlite, Postgres)] backend: Backend) {
    let database = TestDatabase::new(backend).await;
    let (_program, mut process) = running(&database).await;
    let (mut wire, rest) = half_sent(&process).await;
    process.signal("TERM");
    says_that_it_leaves(&process).await;
    is_closed(&process).await;
    let answer = wire.ask(&rest);
    assert_eq!(answer.status, 201, "{:?}", answer.json());
    let (status, took) = process.ends_within(LONGEST).await;
    assert!(status.success(), "{status} after {took:?}: {}", process.said());
}

#[rstest]
#[case::while_it_takes_requests(false)]
#[case::while_it_waits_for_requests_to_end(true)]
#[actix_web::test]
async fn a_second_signal_ends_it_at_once(#[case] closed: bool) {
    let database = TestDatabase::new(Sqlite).await;
    let (_program, mut process) = running(&database).await;
    // somebody who never finishes
    let _half = half_sent(&process).await;
    process.signal("TERM");
    says_that_it_leaves(&process).await;
    if closed {
        is_closed(&process).await;
    }
    assert_eq!(process.ended(), None);
    process.signal("TERM");
    let (status, _) = process.ends_within(Duration::from_secs(1)).await;
    assert!(!status.success());
}

#[actix_web::test]
async fn nobody_holds_it_up_for_long() {
    let database = TestDatabase::new(Sqlite).await;
    let (_program, mut process) = running(&database).await;
    let _half = half_sent(&process).await;
    process.signal("TERM");
    process.ends_within(LONGEST).await;
}

/// Who stops it at a terminal does not wait for balancers.
#[actix_web::test]
async fn an_interrupt_ends_it_when_nobody_is_there() {
    let database = TestDatabase::new(Sqlite).await;
    let (_program, mut process) = running(&database).await;
    process.signal("INT");
    let (status, _) = process.ends_within(Duration::from_secs(2)).await;
    assert!(status.success(), "{status}: {}", process.said());
}

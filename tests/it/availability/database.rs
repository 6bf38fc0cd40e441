//! The database goes away, and comes back.

use std::{
    cell::Cell,
    thread::available_parallelism,
    time::{Duration, Instant},
};

use futures_util::future::{join, join_all};
use harness::{
    client::{Answer, Client, User},
    database::{
        Backend::{self, Postgres, Sqlite},
        TestDatabase,
    },
    program::Program,
    proxy::{Proxy, Way},
    server::Server,
    sql::Sql,
};
use rstest::rstest;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{LIANXIN, hands::refusal};

/// Nobody waits longer to be told that he has to come back.
const TOLD_WITHIN: Duration = Duration::from_secs(3);
/// Nor longer until it works again.
const BACK_WITHIN: Duration = Duration::from_secs(5);

async fn order(user: &User<'_>) -> Value {
    json!({"kind": "tap", "description": "水龙头", "compound_id": user.compound("福园小区").await})
}

/// Whoever asks is told in time that he may try again.
async fn is_put_off(request: impl Future<Output = Answer>) {
    let begun = Instant::now();
    let answer = request.await;
    let took = begun.elapsed();
    assert_eq!(refusal(&answer), (503, "unavailable"), "{:?}", answer.body);
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    assert!(answer.header("retry-after").unwrap().parse::<u64>().unwrap() > 0);
    assert!(took <= TOLD_WITHIN, "he was told after {took:?}");
}

async fn probe(client: &Client, path: &str) -> u16 {
    let begun = Instant::now();
    let answer = client.probe(path).await.unwrap();
    assert!(begun.elapsed() <= TOLD_WITHIN, "{path} took {:?}", begun.elapsed());
    answer.status
}

#[rstest]
#[case::gone(Way::Closed)]
#[case::hanging(Way::Silent)]
#[actix_web::test]
async fn postgres_goes_and_comes_back(#[case] way: Way) {
    let database = TestDatabase::new(Postgres).await;
    let (proxy, url) = Proxy::to_postgres(&database.url);
    let program = Program::new(LIANXIN, &url);
    let mut process = program.serve(&["--demo"]).await;
    let resident = process.client.sign_in("resident").await;
    let order = order(&resident).await;
    for _ in 0..2 {
        proxy.set(way);
        let read = async |_| is_put_off(resident.get("/service-orders")).await;
        let write = async |_| is_put_off(resident.post("/service-orders", order.clone())).await;
        join_all((0..20).map(read)).await;
        join_all((0..20).map(write)).await;
        is_put_off(process.client.log_in("resident", "lianxin-demo")).await;
        assert_eq!(probe(&process.client, "/livez").await, 200);
        assert_eq!(probe(&process.client, "/readyz").await, 503);

        proxy.set(Way::Open);
        let begun = Instant::now();
        while probe(&process.client, "/readyz").await != 200 {
            assert!(begun.elapsed() <= BACK_WITHIN, "it is not ready again");
            sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(resident.post("/service-orders", order.clone()).await.status, 201);
        assert_eq!(resident.get("/service-orders").await.status, 200);
        assert!(begun.elapsed() <= BACK_WITHIN);
    }
    assert_eq!(process.ended(), None);
}

/// Whoever asks next does not learn that the connections were cut while nobody used them.
#[rstest]
#[case::reading(async |user: &User<'_>, _: &Value| user.get("/service-orders").await.status == 200)]
#[case::writing(async |user: &User<'_>, order: &Value| user.post("/service-orders", order.clone()).await.status == 201)]
#[actix_web::test]
async fn connections_are_cut_between_two_requests(#[case] ask: impl AsyncFn(&User<'_>, &Value) -> bool) {
    let database = TestDatabase::new(Postgres).await;
    let (proxy, url) = Proxy::to_postgres(&database.url);
    let program = Program::new(LIANXIN, &url);
    let process = program.serve(&["--demo"]).await;
    let resident = process.client.sign_in("resident").await;
    let order = order(&resident).await;
    // so that each thread that serves has had connections
    let read = async |_| assert_eq!(resident.get("/service-orders").await.status, 200);
    join_all((0..20).map(read)).await;
    proxy.set(Way::Closed);
    sleep(Duration::from_millis(200)).await;
    proxy.set(Way::Open);
    assert!(ask(&resident, &order).await);
}

/// Holds orders back from everybody, as a slow statement of somebody else would.
async fn holding_orders(database: &TestDatabase) -> Sql {
    let holder = Sql::new(&database.url);
    holder.run("BEGIN", []).await;
    holder.run("LOCK TABLE service_orders", []).await;
    holder
}

/// A statement that takes long is not one whose database went away.
#[actix_web::test]
async fn a_slow_answer_is_waited_for() {
    let database = TestDatabase::new(Postgres).await;
    let program = Program::new(LIANXIN, &database.url);
    let process = program.serve(&["--demo"]).await;
    let resident = process.client.sign_in("resident").await;
    let holder = holding_orders(&database).await;
    let let_go = async {
        sleep(Duration::from_millis(2500)).await;
        holder.run("COMMIT", []).await;
    };
    let (answer, ()) = join(resident.get("/service-orders"), let_go).await;
    assert_eq!(answer.status, 200);
}

/// Slow statements take all connections, and end in time: nobody else waits for that, and what needs none is answered.
#[actix_web::test]
async fn slow_statements_hold_all_connections() {
    let database = TestDatabase::new(Postgres).await;
    let program = Program::new(LIANXIN, &database.url);
    let process = program.serve(&["--demo"]).await;
    let resident = process.client.sign_in("resident").await;
    let id = resident.get("/service-orders?limit=1").await.text("/items/0/id").to_owned();
    let one = format!("/service-orders/{id}");
    let holder = holding_orders(&database).await;
    let begun = Instant::now();
    let read = async |path: &str| {
        let answer = resident.get(path).await;
        assert_eq!(refusal(&answer), (503, "unavailable"), "{:?}", answer.body);
        begun.elapsed()
    };
    let probes = async {
        sleep(Duration::from_millis(500)).await;
        assert_eq!(probe(&process.client, "/livez").await, 200);
        probe(&process.client, "/readyz").await;
    };
    let lists = join_all((0..100).map(|_| read("/service-orders")));
    // those who ask for one order wait for each other, and no longer for that
    let single = join_all((0..100).map(|_| read(&one)));
    let ((took, singles), ()) = join(join(lists, single), probes).await;
    assert!(singles.iter().all(|took| *took <= Duration::from_millis(5500)), "{singles:?}");
    let slow = took.iter().filter(|took| **took > TOLD_WITHIN).count();
    // each of them had a connection: no more than there are, eight for each core and eight more
    let connections = 8 * (available_parallelism().unwrap().get() + 1);
    assert!((1..=connections).contains(&slow), "{took:?}");
    assert!(took.iter().all(|took| *took <= Duration::from_millis(5500)), "{took:?}");
    holder.run("COMMIT", []).await;
    assert_eq!(resident.get("/service-orders").await.status, 200);
}

/// An SQLite file does not go away, but another program may hold it. It can be read all the while.
#[actix_web::test]
async fn sqlite_is_held_and_let_go() {
    let database = TestDatabase::new(Sqlite).await;
    let program = Program::new(LIANXIN, &database.url);
    let mut process = program.serve(&["--demo"]).await;
    let resident = process.client.sign_in("resident").await;
    let order = order(&resident).await;
    let holder = Sql::new(&database.url);
    for _ in 0..2 {
        holder.run("BEGIN EXCLUSIVE", []).await;
        // one comes after the other, so that some read while others wait to write and after these were put off
        let write = async |n| {
            sleep(Duration::from_millis(100) * n).await;
            is_put_off(resident.post("/service-orders", order.clone())).await;
        };
        let read = async |n| {
            sleep(Duration::from_millis(200) * n).await;
            let begun = Instant::now();
            assert_eq!(resident.get("/service-orders").await.status, 200);
            assert!(begun.elapsed() <= Duration::from_secs(1), "a reader waited for writers");
        };
        join(join_all((0..20).map(write)), join_all((0..20).map(read))).await;
        is_put_off(process.client.log_in("resident", "lianxin-demo")).await;
        assert_eq!(probe(&process.client, "/livez").await, 200);
        assert_eq!(probe(&process.client, "/readyz").await, 200);

        holder.run("COMMIT", []).await;
        let begun = Instant::now();
        while resident.post("/service-orders", order.clone()).await.status != 201 {
            assert!(begun.elapsed() <= BACK_WITHIN, "it does not write again");
            sleep(Duration::from_millis(50)).await;
        }
    }
    assert_eq!(process.ended(), None);
}

/// SQLite has one writer at a time and lets any of those who wait be the next one; here it is the one who came first.
#[rstest]
#[actix_web::test]
async fn writers_take_turns(#[values(Sqlite, Postgres)] backend: Backend) {
    const TURNS: usize = 20;
    let server = Server::start(backend).await;
    let resident = server.sign_in("resident").await;
    let order = order(&resident).await;
    let first_is_done = Cell::new(false);
    let write = async |_| {
        for turn in 0..TURNS {
            if first_is_done.get() {
                return turn;
            }
            let answer = resident.post("/service-orders", order.clone()).await;
            assert_eq!(answer.status, 201, "{:?}", answer.body);
        }
        first_is_done.set(true);
        TURNS
    };
    let turns = join_all((0..16).map(write)).await;
    assert!(turns.iter().all(|turns| *turns >= TURNS / 2), "{turns:?}");
}

//! Requests that are sent again under a key.

use chrono::TimeDelta;
use futures_util::future::join_all;
use harness::{
    client::{Answer, User},
    database::Backend::{self, Postgres, Sqlite},
    server::{Server, Setup},
};
use rstest::rstest;
use serde_json::{Value, json};

use super::placed;

/// An order that nobody else places.
pub async fn order(user: &User<'_>, description: &str) -> Value {
    json!({"kind": "tap", "description": description, "compound_id": user.compound("福园小区").await})
}

pub async fn place(user: &User<'_>, key: &str, order: &Value) -> Answer {
    user.send("POST", "/service-orders", &[("idempotency-key", key)], Some(order)).await
}

/// Orders of this description, their events, and keys.
pub async fn left(server: &Server, description: &str) -> (i64, i64, i64) {
    let orders = "service_orders WHERE description = $1";
    let events = "events WHERE kind = 'service_order.placed' AND received_at >= $1";
    (
        server.sql.count(orders, [description.into()]).await,
        server.sql.count(events, [server.now().into()]).await,
        server.sql.count("idempotency_keys", []).await,
    )
}

#[rstest]
#[actix_web::test]
async fn the_same_again_is_answered_again(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let resident = server.sign_in("resident").await;
    let order = order(&resident, "水龙头").await;
    let first = place(&resident, "\"one\"", &order).await;
    assert_eq!((first.status, first.header("idempotency-replayed")), (201, None));
    server.advance(TimeDelta::hours(47));
    let resident = server.sign_in("resident").await;
    for again in [place(&resident, "\"one\"", &order).await, place(&resident, "one", &order).await] {
        assert_eq!((again.status, &again.body), (201, &first.body));
        for header in ["location", "etag", "cache-control"] {
            assert_eq!(again.header(header), first.header(header), "{header}");
        }
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
    }
    server.clock.set(first_instant(&first));
    assert_eq!(left(&server, "水龙头").await, (1, 1, 1));
}

fn first_instant(answer: &Answer) -> domain::time::Instant {
    answer.text("/created_at").parse().unwrap()
}

#[rstest]
#[actix_web::test]
async fn a_key_is_of_one_user_path_and_content(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (resident, worker) = (server.sign_in("resident").await, server.sign_in("worker").await);
    let order = order(&resident, "水龙头").await;
    let first = place(&resident, "one", &order).await;
    assert_eq!(first.status, 201);
    let other = json!({"kind": "tap", "description": "另一个", "compound_id": order["compound_id"]});
    let reused = place(&resident, "one", &other).await;
    assert_eq!((reused.status, reused.text("/code")), (422, "idempotency-key-reused"));
    assert_eq!(server.sql.count("service_orders WHERE description = '另一个'", []).await, 0);

    // for another user, and for another path, it is a new key
    let theirs = place(&worker, "one", &order).await;
    assert_eq!((theirs.status, theirs.header("idempotency-replayed")), (201, None));
    assert_ne!(theirs.text("/id"), first.text("/id"));
    assert_ne!(theirs.text("/requester/id"), first.text("/requester/id"));
    let path = format!("/service-orders/{}/cancel", first.text("/id"));
    let cancelled = resident.send("POST", &path, &[("idempotency-key", "one")], Some(&json!({"reason": "好了"}))).await;
    assert_eq!((cancelled.status, cancelled.text("/state")), (200, "cancelled"), "{:?}", cancelled.body);
    assert_eq!(cancelled.header("idempotency-replayed"), None);
}

#[rstest]
#[actix_web::test]
async fn a_key_runs_out_after_two_days(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let order = order(&server.sign_in("resident").await, "水龙头").await;
    let first = place(&server.sign_in("resident").await, "one", &order).await;
    server.advance(TimeDelta::hours(48));
    let later = place(&server.sign_in("resident").await, "one", &order).await;
    assert_eq!((later.status, later.header("idempotency-replayed")), (201, None));
    assert_ne!(later.text("/id"), first.text("/id"));
    server.advance(TimeDelta::hours(48));
    server.run_jobs().await;
    assert_eq!(server.sql.count("idempotency_keys", []).await, 0);
}

#[rstest]
#[actix_web::test]
async fn one_key_at_once_makes_one_order(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let replica = server.replica();
    let resident = server.sign_in("resident").await;
    let order = order(&resident, "水龙头").await;
    server.advance(TimeDelta::seconds(1));
    let users = [resident.at(&server), resident.at(&replica)];
    let answers = join_all((0..20).map(|n| place(&users[n % 2], "one", &order))).await;
    let mut fresh = 0;
    for answer in &answers {
        match answer.status {
            201 => fresh += u32::from(answer.header("idempotency-replayed").is_none()),
            409 => assert_eq!(answer.text("/code"), "idempotency-in-flight"),
            _ => panic!("{answer:?}"),
        }
    }
    assert_eq!(fresh, 1);
    let ids: std::collections::BTreeSet<&str> =
        answers.iter().filter(|answer| answer.status == 201).map(|answer| answer.text("/id")).collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    assert_eq!(left(&server, "水龙头").await, (1, 1, 1));
}

/// Whatever kept a request from being done, once it is gone the same key does it.
#[rstest]
#[actix_web::test]
async fn a_refusal_is_not_kept(
    #[values(Sqlite, Postgres)] backend: Backend,
    #[values(503, 500, 429, 401, 403, 422, 404)] status: u16,
) {
    let server = Setup::default().setting("LIANXIN_ORDERS_PER_RESIDENT_PER_DAY", "1").start(backend).await;
    server.advance(TimeDelta::days(1));
    let resident = server.sign_in("resident").await;
    let order = order(&resident, "水龙头").await;
    let mine = "user_id = (SELECT id FROM users WHERE username = 'resident')";
    let not_yet = match status {
        503 => {
            server.sql.break_at("INSERT ON events").await;
            place(&resident, "one", &order).await
        }
        500 => {
            server.sql.break_at("INSERT ON number_blocks").await;
            place(&resident, "one", &order).await
        }
        429 => {
            let _order_of_the_day = placed(&resident).await;
            place(&resident, "one", &order).await
        }
        401 => {
            server.advance(TimeDelta::minutes(11));
            place(&resident, "one", &order).await
        }
        403 => {
            server.sql.run(&format!("UPDATE grants SET pending = TRUE WHERE {mine}"), []).await;
            server.advance(TimeDelta::seconds(5));
            place(&resident, "one", &order).await
        }
        422 => {
            server.sql.run("UPDATE service_kinds SET active = FALSE WHERE code = 'tap'", []).await;
            place(&resident, "one", &order).await
        }
        _ => {
            let other = server.sign_in("resident2").await;
            let id = placed(&resident).await;
            let path = format!("/service-orders/{id}/join");
            server.sql.run("UPDATE service_orders SET private = TRUE", []).await;
            let unseen = other.send("POST", &path, &[("idempotency-key", "one")], Some(&json!({}))).await;
            assert_eq!(unseen.status, 404);
            assert_eq!(server.sql.count("idempotency_keys", []).await, 0);
            return;
        }
    };
    assert_eq!(not_yet.status, status, "{:?}", not_yet.body);
    assert_eq!(server.sql.count("idempotency_keys", []).await, 0);
    match status {
        503 => server.sql.mend("events").await,
        500 => server.sql.mend("number_blocks").await,
        429 => server.advance(TimeDelta::days(1)),
        403 => {
            server.sql.run(&format!("UPDATE grants SET pending = FALSE WHERE {mine}"), []).await;
            server.advance(TimeDelta::seconds(5));
        }
        422 => {
            server.sql.run("UPDATE service_kinds SET active = TRUE WHERE code = 'tap'", []).await;
            server.advance(TimeDelta::seconds(5));
        }
        _ => {}
    }
    let now = place(&server.sign_in("resident").await, "one", &order).await;
    assert_eq!((now.status, now.header("idempotency-replayed")), (201, None), "{:?}", now.body);
}

//! Orders that are placed at the same time are written together; what is refused of one takes nothing from the others.

use futures_util::future::join_all;
use harness::{
    client::User,
    database::Backend::{self, Postgres, Sqlite},
    server::Server,
};
use rstest::rstest;
use serde_json::{Value, json};

use super::repetition::{left, order, place};
use crate::hands;

/// An order for somebody who telephoned.
async fn telephoned(worker: &User<'_>, description: &str) -> Value {
    let whom = json!({"on_behalf_of": {"name": "张三", "phone": "13800000000"}});
    hands::with(order(worker, description).await, whom)
}

async fn counted(user: &User<'_>) -> i64 {
    user.get("/service-orders/counts?region=360502").await.body["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["count"].as_i64().unwrap())
        .sum()
}

#[rstest]
#[actix_web::test]
async fn those_who_place_at_once_share_a_transaction(#[values(Sqlite, Postgres)] backend: Backend) {
    const MANY: usize = 64;
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let order = telephoned(&worker, "一起写").await;
    assert_eq!(place(&worker, "first", &order).await.status, 201);
    let counts = counted(&worker).await;
    server.advance(chrono::TimeDelta::seconds(1));

    let before = server.app.database.statements();
    assert_eq!(place(&worker, "alone", &order).await.status, 201);
    let alone = server.app.database.statements() - before;
    let keys: Vec<String> = (0..MANY).map(|n| n.to_string()).collect();
    let before = server.app.database.statements();
    let answers = join_all(keys.iter().map(|key| place(&worker, key, &order))).await;
    let statements = server.app.database.statements() - before;
    assert!(answers.iter().all(|answer| answer.status == 201));
    assert!(statements < alone * MANY as u64 / 2, "{statements} statements where one takes {alone}");

    let many = i64::try_from(MANY).unwrap();
    assert_eq!(left(&server, "一起写").await, (many + 2, many + 1, many + 2));
    assert_eq!(counted(&worker).await, counts + many + 1);
    // whoever sends it again is told what he was told
    for (key, first) in keys.iter().zip(&answers) {
        let again = place(&worker, key, &order).await;
        assert_eq!((again.status, again.text("/id")), (201, first.text("/id")));
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
    }
}

#[rstest]
#[actix_web::test]
async fn one_that_is_refused_takes_nobody_with_it(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let (one, other) = (telephoned(&worker, "一起写").await, telephoned(&worker, "另一个").await);
    let used = place(&worker, "used", &one).await;
    assert_eq!(used.status, 201);
    let counts = counted(&worker).await;
    server.advance(chrono::TimeDelta::seconds(1));

    let keys: Vec<String> = (0..10).map(|n| n.to_string()).collect();
    // a fresh key, one that was used before for the same, one that was used before for something else
    let three = |key| [(key, &one), ("used", &one), ("used", &other)];
    let placings = keys.iter().flat_map(|key| three(key.as_str()));
    let answers = join_all(placings.map(|(key, order)| place(&worker, key, order))).await;
    for three in answers.chunks(3) {
        let [fresh, again, reused] = three else { unreachable!() };
        assert_eq!((fresh.status, fresh.header("idempotency-replayed")), (201, None), "{:?}", fresh.body);
        assert_eq!((again.status, again.text("/id")), (201, used.text("/id")), "{:?}", again.body);
        assert_eq!((reused.status, reused.text("/code")), (422, "idempotency-key-reused"));
    }
    assert_eq!(left(&server, "一起写").await, (11, 10, 11));
    assert_eq!(left(&server, "另一个").await.0, 0);
    assert_eq!(counted(&worker).await, counts + 10);
}

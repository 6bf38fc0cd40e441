//! Orders that are placed at the same time are written together; what is refused of one takes nothing from the others.

use futures_util::future::join_all;
use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::{Answer, Server, User},
};
use rstest::rstest;
use serde_json::{Value, json};

/// What the worker places, with a key or an id of his own.
struct Placing {
    method: &'static str,
    path: String,
    key: Option<String>,
    order: Value,
}

impl Placing {
    fn new(key: Option<String>, order: &Value) -> Self {
        Self { method: "POST", path: "/service-orders".to_owned(), key, order: order.clone() }
    }

    async fn by(&self, user: &User<'_>) -> Answer {
        let key = self.key.iter().map(|key| ("idempotency-key", key.as_str())).collect::<Vec<_>>();
        user.send(self.method, &self.path, &key, Some(&self.order)).await
    }
}

async fn order(user: &User<'_>, description: &str) -> Value {
    let whom = json!({"name": "张三", "phone": "13800000000"});
    let compound = user.compound("福园小区").await;
    json!({"kind": "tap", "description": description, "compound_id": compound, "on_behalf_of": whom})
}

/// Orders of this description, their events, and the keys.
async fn left(server: &Server, description: &str) -> (i64, i64, i64) {
    let events = "events WHERE kind = 'service_order.placed' AND subject_version = 1 AND received_at >= $1";
    (
        server.sql.count("service_orders WHERE description = $1", [description.into()]).await,
        server.sql.count(events, [server.now().into()]).await,
        server.sql.count("idempotency_keys", []).await,
    )
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
    let order = order(&worker, "一起写").await;
    assert_eq!(Placing::new(None, &order).by(&worker).await.status, 201);
    let counts = counted(&worker).await;
    server.advance(chrono::TimeDelta::seconds(1));

    let before = server.app.database.statements();
    assert_eq!(Placing::new(Some("alone".to_owned()), &order).by(&worker).await.status, 201);
    let alone = server.app.database.statements() - before;
    let placings: Vec<_> = (0..MANY).map(|n| Placing::new(Some(n.to_string()), &order)).collect();
    let before = server.app.database.statements();
    let answers = join_all(placings.iter().map(|placing| placing.by(&worker))).await;
    let statements = server.app.database.statements() - before;
    assert!(answers.iter().all(|answer| answer.status == 201));
    assert!(statements < alone * MANY as u64 / 2, "{statements} statements where one takes {alone}");

    let many = i64::try_from(MANY).unwrap();
    assert_eq!(left(&server, "一起写").await, (many + 2, many + 1, many + 1));
    assert_eq!(counted(&worker).await, counts + many + 1);
    // whoever sends it again is told what he was told
    for (placing, first) in placings.iter().zip(&answers) {
        let again = placing.by(&worker).await;
        assert_eq!((again.status, again.text("/id")), (201, first.text("/id")));
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
    }
}

#[rstest]
#[actix_web::test]
async fn one_that_is_refused_takes_nobody_with_it(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let (one, other) = (order(&worker, "一起写").await, order(&worker, "另一个").await);
    let used = Placing::new(Some("used".to_owned()), &one).by(&worker).await;
    assert_eq!(used.status, 201);
    let counts = counted(&worker).await;
    server.advance(chrono::TimeDelta::seconds(1));

    let mut placings = Vec::new();
    for n in 0..10 {
        placings.push(Placing::new(Some(n.to_string()), &one));
        // used before for the same, used before for something else
        placings.push(Placing::new(Some("used".to_owned()), &one));
        placings.push(Placing::new(Some("used".to_owned()), &other));
    }
    let answers = join_all(placings.iter().map(|placing| placing.by(&worker))).await;
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

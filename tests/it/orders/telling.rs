//! What is told of a request that is repeated or wrong.

use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::Server,
};
use rstest::rstest;
use serde_json::json;

#[rstest]
#[actix_web::test]
async fn a_key_makes_one_order(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let resident = server.sign_in("resident").await;
    let compound = resident.compound("福园小区").await;
    let order = json!({"kind": "tap", "description": "水龙头", "compound_id": compound});
    let key = [("idempotency-key", "\"one\"")];
    let first = resident.send("POST", "/service-orders", &key, Some(&order)).await;
    let again = resident.send("POST", "/service-orders", &key, Some(&order)).await;
    assert_eq!((first.status, again.status), (201, 201));
    assert_eq!(first.body, again.body);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    let other = json!({"kind": "tap", "description": "另一个", "compound_id": compound});
    let reused = resident.send("POST", "/service-orders", &key, Some(&other)).await;
    assert_eq!((reused.status, reused.text("/code")), (422, "idempotency-key-reused"));
}

#[rstest]
#[actix_web::test]
async fn bad_input_names_each_field_and_stores_nothing(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let resident = server.sign_in("resident").await;
    let count = async || resident.get("/service-orders?count=exact&limit=1").await.body["page"]["total"].clone();
    let before = count().await;
    let bad = json!({"kind": 5, "description": "\u{0}", "state": "placed", "version": 9, "wished_at": "tomorrow"});
    let answer = resident.post("/service-orders", bad).await;
    assert_eq!(answer.status, 422);
    let pointers: Vec<&str> =
        answer.body["errors"].as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    for pointer in ["/kind", "/description", "/state", "/version", "/wished_at"] {
        assert!(pointers.contains(&pointer), "{pointer} of {pointers:?}");
    }
    assert_eq!(count().await, before);
}

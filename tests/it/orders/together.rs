//! Orders that many ask for at the same time are read together, and each sees what is his to see.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::{Answer, Server, User},
};
use rstest::rstest;
use serde_json::Value;

/// An answer without what is another one each time.
fn told(answer: &Answer) -> (u16, Value, Option<String>) {
    let mut body = answer.body.clone();
    if let Some(members) = body.as_object_mut() {
        members.remove("trace_id");
    }
    (answer.status, body, answer.header("etag").map(str::to_owned))
}

#[rstest]
#[actix_web::test]
async fn each_sees_what_he_sees_alone(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let ids: Vec<String> = server
        .sql
        .all("SELECT id FROM service_orders ORDER BY id LIMIT 40", [])
        .await
        .iter()
        .map(uuid::Uuid::to_string)
        .collect();
    let mut users = Vec::new();
    for name in
        ["resident", "resident2", "worker", "volunteer", "volunteer2", "wangshang", "street", "yushui", "auditor"]
    {
        users.push(server.sign_in(name).await);
    }
    let asked: Vec<_> = ids.iter().flat_map(|id| users.iter().map(move |user| (user, id))).collect();
    let mut alone = Vec::new();
    for (user, id) in &asked {
        alone.push(told(&user.get(&format!("/service-orders/{id}")).await));
    }
    let kinds: BTreeSet<u16> = alone.iter().map(|(status, ..)| *status).collect();
    assert!(kinds.contains(&200) && kinds.contains(&404), "{kinds:?}");

    let before = server.app.database.statements();
    let ask = async |(user, id): &(&User<'_>, &String)| told(&user.get(&format!("/service-orders/{id}")).await);
    let together = join_all(asked.iter().map(ask)).await;
    let statements = server.app.database.statements() - before;
    assert!(together == alone, "somebody saw something else");
    assert!(statements < asked.len() as u64 / 2, "{statements} statements for {} orders", asked.len());
}

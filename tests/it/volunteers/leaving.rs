//! How a volunteer leaves: without open orders, out of his teams, and what he did stays his.

use chrono::TimeDelta;
use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::Server,
};
use rstest::rstest;
use serde_json::{Value, json};

use super::{COMMUNITY, apply, serves_at, step};
use crate::hands::{ids, refusal};

#[rstest]
#[actix_web::test]
async fn one_leaves_without_open_orders(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (worker, volunteer) = (server.sign_in("worker").await, server.sign_in("resident").await);
    let id = apply(&volunteer, json!({})).await.text("/id").to_owned();
    assert_eq!(step(&worker, &id, "approve").await.status, 200);
    let team = worker.get("/volunteer-teams?q=红色工匠").await.text("/items/0/id").to_owned();
    let path = format!("/volunteer-teams/{team}");
    let team = worker.post(&format!("{path}/members"), json!({"volunteer_id": id})).await.body;
    let order = json!({"kind": "tap", "description": "水龙头", "region_code": COMMUNITY, "address": "桂花巷 3 号"});
    let order = worker.post("/service-orders", order).await.text("/id").to_owned();
    let order = format!("/service-orders/{order}");
    assert_eq!(worker.post(&format!("{order}/dispatch"), json!({"volunteer_id": id})).await.status, 200);
    let until = (server.now() + TimeDelta::days(1)).to_rfc3339();
    // asked, holding, at work, at rest: each keeps him
    let hold = json!({"reason": "等配件", "until": until});
    for (next, body) in [("accept", json!({})), ("start", json!({})), ("hold", hold), ("resume", json!({}))] {
        assert_eq!(refusal(&step(&volunteer, &id, "leave").await), (409, "has-open-orders"), "before {next}");
        let taken = volunteer.post(&format!("{order}/{next}"), body).await;
        assert_eq!(taken.status, 200, "{next}: {:?}", taken.body);
        server.advance(TimeDelta::minutes(1));
    }
    assert_eq!(refusal(&step(&volunteer, &id, "leave").await), (409, "has-open-orders"));
    assert_eq!(serves_at(&volunteer).await, [COMMUNITY]);
    assert_eq!(volunteer.post(&format!("{order}/complete"), json!({"outcome": "solved"})).await.status, 200);

    let left = step(&volunteer, &id, "leave").await;
    assert_eq!((left.status, left.text("/state"), &left.body["actions"]), (200, "left", &json!([])));
    assert_eq!(serves_at(&volunteer).await, [""; 0]);
    // nothing is asked of him any more, and what he did stays his
    let row = worker.get(&format!("/volunteers/{id}")).await;
    assert_eq!((row.text("/state"), row.body["orders_done"].as_i64()), ("left", Some(1)));
    assert_eq!(refusal(&step(&volunteer, &id, "leave").await), (409, "invalid-transition"));
    // his team has one less, and says so
    let after = worker.get(&path).await;
    let count = |team: &Value, name: &str| team[name].as_i64().unwrap();
    assert_eq!(count(&after.body, "member_count"), count(&team, "member_count") - 1);
    assert_eq!(count(&after.body, "version"), count(&team, "version") + 1);
    let events = worker.get(&format!("{path}/events?limit=100")).await;
    let last = events.body["items"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last["kind"], &last["data"]), (&json!("volunteer_team.member_ended"), &json!({"volunteer_id": id})));
    let members = ids(&worker, &format!("/volunteers?team_id={}", team["id"].as_str().unwrap())).await;
    assert!(!members.contains(&id));
    // he may be taken back
    assert_eq!(step(&worker, &id, "approve").await.text("/state"), "approved");
    assert_eq!(serves_at(&volunteer).await, [COMMUNITY]);
}

//! The inbox: who is told of what, in which words, once.

use chrono::TimeDelta;
use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::{Answer, Server, User},
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::hands::{self, refusal};

/// What a user is told of a resource, the latest last.
async fn told(by: &User<'_>, subject: &str) -> Vec<String> {
    let inbox = by.get("/me/notifications?limit=200&sort=created_at").await;
    assert_eq!(inbox.status, 200, "{:?}", inbox.body);
    let items = inbox.body["items"].as_array().unwrap();
    let about = items.iter().filter(|item| item["subject"]["id"] == subject);
    about.map(|item| item["kind"].as_str().unwrap().split('.').nth(1).unwrap().to_owned()).collect()
}

async fn step(by: &User<'_>, id: &str, transition: &str, body: Value) -> Answer {
    let answer = by.post(&format!("/service-orders/{id}/{transition}"), body).await;
    assert_eq!(answer.status, 200, "{transition}: {:?}", answer.body);
    answer
}

async fn placed(by: &User<'_>) -> String {
    let order = json!({"kind": "tap", "description": "水管", "compound_id": by.compound("福园小区").await});
    hands::made(by, "/service-orders", order).await
}

#[rstest]
#[actix_web::test]
async fn each_is_told_what_concerns_him(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let [resident, worker, volunteer, neighbor] = [
        server.sign_in("resident").await,
        server.sign_in("worker").await,
        server.sign_in("volunteer").await,
        server.sign_in("resident2").await,
    ];
    let id = placed(&resident).await;
    step(&worker, &id, "dispatch", json!({"volunteer_id": volunteer.volunteer_id().await})).await;
    step(&volunteer, &id, "accept", json!({})).await;
    step(&volunteer, &id, "hold", json!({"reason": "等配件", "until": "2026-03-20T09:00:00+08:00"})).await;
    let more = json!({"clock": "resolution", "until": "2026-04-20T09:00:00+08:00", "reason": "等配件"});
    step(&volunteer, &id, "extend", more.clone()).await;
    step(&worker, &id, "extend", more).await;
    step(&volunteer, &id, "resume", json!({})).await;
    step(&volunteer, &id, "complete", json!({"outcome": "solved"})).await;
    step(&resident, &id, "confirm", json!({"solved": true, "satisfaction": 5})).await;
    step(&resident, &id, "reopen", json!({"reason": "又漏了"})).await;
    step(&volunteer, &id, "decline", json!({"reason": "有事"})).await;
    server.run_jobs().await;
    assert_eq!(told(&resident, &id).await, ["accepted", "held", "extended", "completed"]);
    assert_eq!(told(&worker, &id).await, ["placed", "extension_requested", "declined"]);
    assert_eq!(told(&volunteer, &id).await, ["dispatched", "extended", "confirmed", "reopened"]);
    for other in [&neighbor, &server.sign_in("worker2").await, &server.sign_in("street").await] {
        assert_eq!(told(other, &id).await, [""; 0]);
    }
}

#[rstest]
#[actix_web::test]
async fn nobody_is_told_what_he_did_himself(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let (colleague, _) = hands::appoint(&server, "colleague", &[("community_worker", "360502002001")]).await;
    let order = json!({"kind": "tap", "description": "水管", "compound_id": worker.compound("福园小区").await,
        "on_behalf_of": {"name": "何秀英", "phone": "13900139001"}});
    let id = hands::made(&worker, "/service-orders", order).await;
    server.run_jobs().await;
    assert_eq!((told(&worker, &id).await, told(&colleague, &id).await), (vec![], vec!["placed".to_owned()]));
}

#[rstest]
#[actix_web::test]
async fn teams_and_offices_are_told(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let id = placed(&server.sign_in("resident").await).await;
    let teams = worker.get("/volunteer-teams?q=红色工匠").await;
    step(&worker, &id, "dispatch", json!({"team_id": teams.text("/items/0/id")})).await;
    server.run_jobs().await;
    let mut members = 0;
    for username in ["volunteer", "volunteer2", "volunteer3", "volunteer4", "volunteer5"] {
        let user = server.sign_in(username).await;
        let of_team = user.get(&format!("/service-orders/{id}")).await.status == 200;
        assert_eq!(told(&user, &id).await.len(), usize::from(of_team), "{username}");
        members += usize::from(of_team);
    }
    assert!(members > 0);
    let waiting = placed(&server.sign_in("resident").await).await;
    server.advance(TimeDelta::hours(30));
    server.run_jobs().await;
    let (worker, street) = (server.sign_in("worker").await, server.sign_in("street").await);
    assert_eq!(told(&worker, &waiting).await, ["placed", "overdue", "risen", "warned"]);
    assert_eq!(told(&street, &waiting).await, ["risen"]);
    // the team is asked to hurry, and those above hear of it
    assert_eq!(told(&server.sign_in("volunteer2").await, &id).await.first().map(String::as_str), Some("dispatched"));
    assert_eq!(told(&street, &id).await, ["risen"]);
    // who has no office any more is told nothing more
    let (former, _) = hands::appoint(&server, "former", &[("community_worker", "360502002001")]).await;
    let before = placed(&server.sign_in("resident").await).await;
    server.run_jobs().await;
    let path = format!("/grants/{}", former.get("/me").await.text("/grants/0/id"));
    assert_eq!(street.send("DELETE", &path, &[("if-match", "\"1\"")], None).await.status, 204);
    let after = placed(&server.sign_in("resident").await).await;
    server.run_jobs().await;
    assert_eq!((told(&former, &before).await, told(&former, &after).await), (vec!["placed".to_owned()], vec![]));
}

#[rstest]
#[actix_web::test]
async fn words_name_nobody(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let resident = server.sign_in("resident").await;
    let id = placed(&resident).await;
    step(&server.sign_in("worker").await, &id, "reject", json!({"reason": "丁小梅家的事"})).await;
    server.run_jobs().await;
    let list = "/me/notifications?kind=service_order.rejected&limit=1";
    for (language, text) in [("zh-CN", "你的点单未被受理，请查看原因"), ("en", "Your order was turned down; see why")]
    {
        let inbox = resident.send("GET", list, &[("accept-language", language)], None).await;
        let item = &inbox.body["items"][0];
        assert_eq!((item["text"].as_str(), item["subject"]["id"].as_str()), (Some(text), Some(id.as_str())));
        assert_eq!(item["subject"]["type"], "service_order");
        assert_eq!(item["region_code"], "360502002001");
        assert!(!inbox.body.to_string().contains('丁'));
    }
}

#[rstest]
#[actix_web::test]
async fn what_was_read_stays_read(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (resident, worker) = (server.sign_in("resident").await, server.sign_in("worker").await);
    server.run_jobs().await;
    assert_eq!(worker.post("/me/notifications/read", json!({})).await.status, 204);
    let unread = async || worker.get("/me/notifications?unread=true&count=exact").await.body["page"]["total"].clone();
    assert_eq!(unread().await, 0);
    let mut times = Vec::new();
    for _ in 0..3 {
        server.advance(TimeDelta::seconds(1));
        placed(&resident).await;
        times.push(server.now());
    }
    server.run_jobs().await;
    assert_eq!(unread().await, 3);
    let newest = worker.get("/me/notifications?unread=true&limit=1").await;
    let path = format!("/me/notifications/{}", newest.text("/items/0/id"));
    assert_eq!(newest.body["items"][0]["actions"], json!(["read"]));
    let read = worker.post(&format!("{path}/read"), json!({})).await;
    assert_eq!((read.status, read.body["version"].clone(), read.body["actions"].clone()), (200, json!(2), json!([])));
    assert_eq!(worker.post(&format!("{path}/read"), json!({})).await.body, read.body, "once more is the same");
    assert_eq!(worker.get(&path).await.body, read.body);
    assert_eq!(unread().await, 2);
    let until = json!({"until": times[0].to_rfc3339()});
    assert_eq!(worker.post("/me/notifications/read", until).await.status, 204);
    assert_eq!(unread().await, 1);
    let events = worker.get(&format!("{path}/events")).await;
    assert_eq!(events.body["items"][0]["kind"], "notification.read");
    assert_eq!(server.sql.count("events WHERE kind = 'notification.all_read'", []).await, 2);
    // nobody else's
    for (username, status) in [("resident", 404), ("admin", 404), ("auditor", 404)] {
        let user = server.sign_in(username).await;
        assert_eq!(user.get(&path).await.status, status, "{username}");
    }
    let auditor = server.sign_in("auditor").await;
    assert_eq!(refusal(&auditor.post("/me/notifications/read", json!({})).await), (403, "forbidden"));
}

#[rstest]
#[actix_web::test]
async fn nobody_is_told_twice(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let replica = server.replica();
    let resident = server.sign_in("resident").await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(placed(&resident).await);
        futures_util::future::join(server.run_jobs(), replica.run_jobs()).await;
        // a replica that died is replaced once its lease is over
        server.advance(TimeDelta::seconds(11));
    }
    replica.run_jobs().await;
    server.advance(TimeDelta::seconds(11));
    server.run_jobs().await;
    let worker = server.sign_in("worker").await;
    for id in &ids {
        assert_eq!(told(&worker, id).await, ["placed"]);
    }
    // it goes on where it was left, and in time everything is forgotten
    let read = server.sql.count("event_readers r JOIN event_positions p ON p.position = r.position", []).await;
    assert_eq!(read, 1);
    server.advance(TimeDelta::days(181));
    server.run_jobs().await;
    let worker = server.sign_in("worker").await;
    assert!(!told(&worker, &ids[0]).await.contains(&"placed".to_owned()));
}

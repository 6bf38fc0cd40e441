//! Volunteer teams and who belongs to them.

use chrono::TimeDelta;
use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::{Answer, Server, User},
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::hands::{self, Case, change, fault, ids, invalid, refusal, remove, stamp, told};

const COMMUNITY: &str = "360502002001";

fn team(name: &str, region: &str) -> Value {
    json!({"name": name, "region_code": region, "origin": "citizen"})
}

async fn made(by: &User<'_>, region: &str) -> String {
    format!("/volunteer-teams/{}", hands::made(by, "/volunteer-teams", team("试验队", region)).await)
}

async fn add(by: &User<'_>, team: &str, volunteer: &str) -> Answer {
    by.post(&format!("{team}/members"), json!({"volunteer_id": volunteer})).await
}

async fn members(by: &User<'_>, team: &str) -> Vec<String> {
    ids(by, &format!("/volunteers?team_id={}", team.rsplit('/').next().unwrap())).await
}

#[rstest]
#[actix_web::test]
async fn teams_keep_the_promises(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let unseen = made(&server.sign_in("worker2").await, "360502001001").await;
    let _known = worker.get("/me").await;
    let case = Case {
        collection: "/volunteer-teams",
        bodies: [team("晨光服务队", COMMUNITY), team("暮光服务队", COMMUNITY)],
        member: ("name", json!("星光服务队"), json!("月光服务队"), "/name"),
        optional: None,
        required: "origin",
        reads: 1,
        put: true,
        unseen: unseen.rsplit('/').next().map(str::to_owned),
    };
    hands::keeps_the_promises(&server, &worker, &case).await;
}

#[rstest]
#[actix_web::test]
async fn members_come_and_go(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let team = made(&worker, COMMUNITY).await;
    let one = server.sign_in("volunteer").await.volunteer_id().await;
    let other = server.sign_in("volunteer2").await.volunteer_id().await;
    let count =
        |answer: &Answer| (answer.status, answer.body["member_count"].as_i64(), answer.body["version"].as_i64());
    assert_eq!(count(&add(&worker, &team, &one).await), (200, Some(1), Some(2)));
    assert_eq!(count(&add(&worker, &team, &other).await), (200, Some(2), Some(3)));
    assert_eq!(fault(&add(&worker, &team, &one).await), invalid("/volunteer_id", "duplicate"));
    assert_eq!(members(&worker, &team).await, {
        let mut both = [one.clone(), other.clone()];
        both.sort();
        both
    });
    // a version that is not the present one is told, when it was sent
    let late = [("if-match", "\"2\"")];
    let body = json!({"volunteer_id": one});
    assert_eq!(worker.send("POST", &format!("{team}/members"), &late, Some(&body)).await.status, 412);

    server.advance(TimeDelta::seconds(1));
    let path = format!("{team}/members/{one}");
    assert_eq!(refusal(&worker.send("DELETE", &path, &[], None).await), (428, "precondition-required"));
    assert_eq!(refusal(&remove(&worker, &path, 2).await), (412, "version-mismatch"));
    assert_eq!(members(&worker, &team).await.len(), 2);
    assert_eq!(remove(&worker, &path, 3).await.status, 204);
    assert_eq!(count(&worker.get(&team).await), (200, Some(1), Some(4)));
    assert_eq!(members(&worker, &team).await, [other.as_str()]);
    assert_eq!(remove(&worker, &path, 4).await.status, 404);
    assert_eq!(remove(&worker, &format!("{team}/members/{}", hands::own_id(1)), 4).await.status, 404);
    // he may come back
    server.advance(TimeDelta::seconds(1));
    assert_eq!(count(&add(&worker, &team, &one).await), (200, Some(2), Some(5)));
    let kinds = ["created", "member_added", "member_added", "member_ended", "member_added"];
    assert_eq!(told(&worker, &team).await, kinds.map(|kind| format!("volunteer_team.{kind}")));
}

#[rstest]
#[actix_web::test]
async fn only_who_serves_becomes_a_member(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (worker, resident) = (server.sign_in("worker").await, server.sign_in("resident").await);
    let team = made(&worker, COMMUNITY).await;
    let applied = json!({"region_code": COMMUNITY, "skills": [], "origin": "citizen"});
    let applied = resident.post("/volunteers", applied).await.text("/id").to_owned();
    assert_eq!(fault(&add(&worker, &team, &applied).await), invalid("/volunteer_id", "not-active"));
    // of another street, and of nowhere: told alike
    let far = server.sign_in("volunteer7").await.volunteer_id().await;
    let (unseen, unknown) = (add(&worker, &team, &far).await, add(&worker, &team, &hands::own_id(1)).await);
    assert_eq!(fault(&unseen), invalid("/volunteer_id", "not-found"));
    assert_eq!(hands::content(&unseen), hands::content(&unknown));
    assert_eq!(worker.get(&team).await.body["version"], 1);
    // a member sees what is dispatched to his team, and no more of it once he is out
    let one = server.sign_in("volunteer").await;
    let id = one.volunteer_id().await;
    assert_eq!(add(&worker, &team, &id).await.status, 200);
    let order = json!({"kind": "tap", "description": "水龙头", "region_code": COMMUNITY, "address": "桂花巷 3 号"});
    let order = format!("/service-orders/{}", worker.post("/service-orders", order).await.text("/id"));
    assert_eq!(one.get(&order).await.status, 404);
    let to = json!({"team_id": team.rsplit('/').next().unwrap()});
    assert_eq!(worker.post(&format!("{order}/dispatch"), to).await.status, 200);
    assert_eq!(one.get(&order).await.body["actions"], json!(["accept", "decline"]));
    assert_eq!(remove(&worker, &format!("{team}/members/{id}"), 2).await.status, 204);
    assert_eq!(one.get(&order).await.status, 404);
    assert_eq!(one.post(&format!("{order}/accept"), json!({})).await.status, 404);
}

#[rstest]
#[actix_web::test]
async fn a_team_is_its_communitys(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let path = made(&worker, COMMUNITY).await;
    let one = server.sign_in("volunteer").await.volunteer_id().await;
    assert_eq!(add(&worker, &path, &one).await.status, 200);
    let before = stamp(&server, &path).await;
    server.advance(TimeDelta::seconds(1));
    for (username, read, write) in [
        ("worker2", 404, 404),
        ("volunteer7", 404, 404),
        ("street", 200, 403),
        ("yushui", 200, 403),
        ("auditor", 200, 403),
        ("resident", 404, 404),
        ("volunteer", 200, 403),
        ("property", 403, 403),
        ("admin", 403, 403),
    ] {
        let user = server.sign_in(username).await;
        assert_eq!(user.get(&path).await.status, read, "{username}");
        assert_eq!(change(&user, &path, 2, json!({"name": "新名"})).await.status, write, "{username}");
        assert_eq!(change(&user, &path, 9, json!({"name": "新名"})).await.status, write, "{username}");
        assert_eq!(add(&user, &path, &one).await.status, write, "{username}");
        assert_eq!(remove(&user, &format!("{path}/members/{one}"), 2).await.status, write, "{username}");
        let created = user.post("/volunteer-teams", team("新队", COMMUNITY)).await;
        assert_eq!(refusal(&created), (403, "forbidden"), "{username}");
    }
    assert_eq!(stamp(&server, &path).await, before);
    for elsewhere in ["360502001001", "360502002", "360502"] {
        let refused = worker.post("/volunteer-teams", team("新队", elsewhere)).await;
        assert_eq!(refusal(&refused), (403, "forbidden"), "{elsewhere}");
    }
    let unknown = worker.post("/volunteer-teams", team("新队", "360502999")).await;
    assert_eq!(fault(&unknown), invalid("/region_code", "not-found"));
    let moved = hands::put(&worker, &path, Some(2), &team("试验队", "360502002001001")).await;
    assert_eq!(fault(&moved), invalid("/region_code", "not-changeable"));
}

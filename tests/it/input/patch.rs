//! Merge patches (RFC 7396).

use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::Server,
    wire::{Wire, request},
};
use rstest::rstest;
use serde_json::{Value, json};

#[rstest]
#[actix_web::test]
async fn null_removes_and_what_is_absent_stays(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let placed = worker
        .post(
            "/service-orders",
            json!({
                "kind": "tap", "description": "水管", "region_code": "360502002001", "address": "桂花巷 3 号",
                "wished_at": "2030-01-01T08:00:00+08:00", "private": false,
            }),
        )
        .await;
    assert_eq!(placed.status, 201, "{:?}", placed.body);
    let path = format!("/service-orders/{}", placed.text("/id"));
    let mut expected = placed.body.clone();
    for (change, member, value) in [
        (json!({"description": "水管漏水"}), "description", json!("水管漏水")),
        (json!({"wished_at": "2030-02-01T08:00:00+08:00"}), "wished_at", json!("2030-02-01T08:00:00.000+08:00")),
        (json!({"wished_at": null}), "wished_at", Value::Null),
        (json!({"private": true}), "private", json!(true)),
        (json!({"priority": "urgent"}), "priority", json!("urgent")),
        (json!({}), "priority", json!("urgent")),
    ] {
        let etag = worker.get(&path).await.header("etag").unwrap().to_owned();
        let answer = worker.send("PATCH", &path, &[("if-match", &etag)], Some(&change)).await;
        assert_eq!(answer.status, 200, "{change}: {:?}", answer.body);
        let members = expected.as_object_mut().unwrap();
        if value.is_null() {
            members.remove(member);
        } else {
            members.insert(member.to_owned(), value);
        }
        for moving in ["version", "updated_at"] {
            members.insert(moving.to_owned(), answer.body[moving].clone());
        }
        // what is urgent is due sooner
        if member == "priority" {
            members.insert("clocks".to_owned(), answer.body["clocks"].clone());
        }
        assert_eq!(answer.body, expected, "{change}");
        assert_eq!(worker.get(&path).await.body, expected, "{change}");
    }
    // what must be there cannot be removed
    let etag = worker.get(&path).await.header("etag").unwrap().to_owned();
    for member in ["description", "private", "address", "priority"] {
        let answer = worker.send("PATCH", &path, &[("if-match", &etag)], Some(&json!({member: null}))).await;
        assert_eq!((answer.status, answer.text("/errors/0/pointer")), (422, format!("/{member}").as_str()));
    }
    assert_eq!(worker.get(&path).await.body, expected);
}

#[actix_web::test]
async fn a_patch_says_what_it_is() {
    let server = Server::start(Sqlite).await;
    let worker = server.sign_in("worker").await;
    let bearer = format!("Bearer {}", worker.token());
    let path = format!("/api/v1/service-orders/{}", super::NOTHING);
    let ask = |method: &str, media_type: Option<&str>| {
        let mut headers = vec![("authorization", bearer.as_str()), ("if-match", "\"1\"")];
        headers.extend(media_type.map(|media_type| ("content-type", media_type)));
        Wire::to(&server).ask(&request(method, &path, &headers, b"{}")).status
    };
    for other in ["application/json", "application/json-patch+json", "text/plain", "application/merge-patch", "*/*", ""]
    {
        assert_eq!(ask("PATCH", Some(other)), 415, "{other}");
    }
    assert_eq!(ask("PATCH", None), 415);
    for its_own in
        ["application/merge-patch+json", "Application/Merge-Patch+JSON", "application/merge-patch+json; charset=utf-8"]
    {
        assert_eq!(ask("PATCH", Some(its_own)), 404, "{its_own}");
    }
    assert_eq!(ask("PUT", Some("application/merge-patch+json")), 415);
}

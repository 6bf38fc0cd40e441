//! Inspections: the five standards, what is kept and what is not.

use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::{Server, User},
};
use rstest::rstest;
use serde_json::{Value, json};

use super::written;
use crate::hands::{self, fault, faults, ids, invalid, refusal, told};

const STANDARDS: [&str; 5] =
    ["corridors_cleaned", "facilities_maintained", "greenery_kept", "safety_guarded", "parking_ordered"];

/// An inspection with these scores, in the order of the standards.
fn inspection(compound: &str, scores: [i32; 5], members: Value) -> Value {
    let scores: Vec<Value> =
        STANDARDS.iter().zip(scores).map(|(standard, score)| json!({"standard": standard, "score": score})).collect();
    let body = json!({"compound_id": compound, "inspected_on": "2026-03-11", "scores": scores});
    hands::with(body, members)
}

async fn inspected(by: &User<'_>, body: Value) -> String {
    format!("/inspections/{}", hands::made(by, "/inspections", body).await)
}

#[rstest]
#[actix_web::test]
async fn what_is_not_kept_is_told(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let home = written(&worker, "home").await;
    let kept = inspected(&worker, inspection(&home, [60, 70, 80, 90, 100], json!({}))).await;
    let failed = inspected(&worker, inspection(&home, [59, 70, 80, 90, 0], json!({"remark": "东门门禁损坏"}))).await;
    let strict = inspected(&worker, inspection(&home, [60, 70, 80, 90, 100], json!({"pass_mark": 75}))).await;
    let seen = worker.get(&failed).await;
    assert_eq!(seen.body["failed"], json!(["corridors_cleaned", "parking_ordered"]));
    assert_eq!((seen.text("/mean_score"), seen.text("/remark")), ("59.80", "东门门禁损坏"));
    assert_eq!(worker.get(&kept).await.body["failed"], json!([]));
    assert_eq!(worker.get(&strict).await.body["failed"], json!(["corridors_cleaned", "facilities_maintained"]));
    assert_eq!(told(&worker, &kept).await, ["inspection.created"]);
    assert_eq!(told(&worker, &failed).await, ["inspection.created", "inspection.failed"]);
    let events = worker.get(&format!("{failed}/events")).await;
    assert_eq!(events.body["items"][1]["data"]["standards"], json!(["corridors_cleaned", "parking_ordered"]));
    let id = |path: &str| path.rsplit('/').next().unwrap().to_owned();
    let here = |query: &str| format!("/inspections?compound_id={home}&{query}");
    assert_eq!(ids(&worker, &here("failed=true")).await, [id(&failed), id(&strict)]);
    assert_eq!(ids(&worker, &here("failed=false")).await, [id(&kept)]);
    assert_eq!(ids(&worker, &here("from=2026-03-11&to=2026-03-11")).await.len(), 3);
    assert!(ids(&worker, &here("to=2026-03-10")).await.is_empty());
    let (taken, _) = hands::statements(&server, worker.get(&here("limit=100&count=exact"))).await;
    assert_eq!(taken, 1);
}

#[rstest]
#[actix_web::test]
async fn each_standard_is_scored_once(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let home = written(&worker, "home").await;
    let with = |members: Value| inspection(&home, [80; 5], members);
    let four: Vec<Value> =
        STANDARDS.iter().take(4).map(|standard| json!({"standard": standard, "score": 80})).collect();
    let twice = [four.clone(), vec![json!({"standard": "corridors_cleaned", "score": 1})]].concat();
    let worst = [four.clone(), vec![json!({"standard": "parking_ordered", "score": 101})]].concat();
    for (members, pointer, code) in [
        (json!({"scores": four}), "/scores", "incomplete"),
        (json!({"scores": worst}), "/scores/4/score", "too-large"),
        (json!({"inspected_on": "2026-03-13"}), "/inspected_on", "in-future"),
        (json!({"pass_mark": 0}), "/pass_mark", "too-small"),
        (json!({"compound_id": hands::own_id(404)}), "/compound_id", "not-found"),
    ] {
        assert_eq!(fault(&worker.post("/inspections", with(members)).await), invalid(pointer, code));
    }
    let expected = [("/scores", "incomplete"), ("/scores/4/standard", "duplicate")];
    let expected = expected.map(|(pointer, code)| (pointer.to_owned(), code.to_owned()));
    assert_eq!(faults(&worker.post("/inspections", with(json!({ "scores": twice }))).await), expected);
    // who lives there sees it, not who wrote it, and does not inspect himself
    let resident = server.sign_in("resident").await;
    let fuyuan = worker.compound("福园小区").await;
    let path = inspected(&worker, inspection(&fuyuan, [80; 5], json!({}))).await;
    let seen = resident.get(&path).await;
    assert_eq!((seen.status, &seen.body["inspected_by"]), (200, &Value::Null));
    let own = resident.post("/inspections", inspection(&fuyuan, [100; 5], json!({}))).await;
    assert_eq!(refusal(&own), (403, "forbidden"));
    assert_eq!(server.sign_in("committee").await.get(&path).await.status, 404);
}

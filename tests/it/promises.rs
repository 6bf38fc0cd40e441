//! The document promises no more than the code keeps, and the code refuses nothing that the document allows. Each of
//! these was found by fuzzing.

use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::Server,
};
use rstest::rstest;
use serde_json::json;

#[rstest]
#[actix_web::test]
async fn parameters_are_held_to_the_document(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    for (path, parameter) in [
        ("/compounds?q=", "q"),
        ("/compounds?fields=0.5", "fields"),
        ("/service-orders?kind=A", "kind"),
        ("/service-orders?region=%E3%80%80360502", "region"),
        ("/service-orders/counts?by=kind", "by"),
    ] {
        let answer = worker.get(path).await;
        assert_eq!((answer.status, answer.text("/errors/0/parameter")), (400, parameter), "{path}");
    }
    for path in ["/compounds?q=%E7%A6%8F", "/service-orders?sort=-updated_at&state=placed,accepted"] {
        assert_eq!(worker.get(path).await.status, 200, "{path}");
    }
}

#[rstest]
#[actix_web::test]
async fn what_only_others_may_see_is_no_filter(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let county = server.sign_in("yushui").await;
    let id = server.sign_in("volunteer").await.volunteer_id().await;
    let answer = county.get(&format!("/service-orders?assignee_id={id}")).await;
    assert_eq!((answer.status, answer.text("/code")), (400, "field-not-allowed"));
    assert_eq!(answer.text("/errors/0/parameter"), "assignee_id");
}

#[rstest]
#[actix_web::test]
async fn a_whole_number_may_have_a_point(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let resident = server.sign_in("resident").await;
    let completed = resident.get("/service-orders?state=completed").await;
    let path = format!("/service-orders/{}/confirm", completed.text("/items/0/id"));
    let half = resident.post(&path, json!({"solved": true, "satisfaction": 4.5})).await;
    assert_eq!((half.status, half.text("/errors/0/pointer")), (422, "/satisfaction"));
    let whole = resident.post(&path, json!({"solved": true, "satisfaction": 4.0})).await;
    assert_eq!((whole.status, whole.body["confirmation"]["satisfaction"].as_u64()), (200, Some(4)));
}

#[rstest]
#[actix_web::test]
async fn an_ideographic_space_is_blank(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let resident = server.sign_in("resident").await;
    let order = json!({"kind": "tap", "description": "\u{3000}", "compound_id": resident.compound("福园小区").await});
    let answer = resident.post("/service-orders", order).await;
    assert_eq!((answer.status, answer.text("/errors/0/pointer")), (422, "/description"));
}

#[rstest]
#[actix_web::test]
async fn a_fault_of_the_whole_body_points_at_it(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let id = worker.get("/service-orders?state=placed").await.text("/items/0/id").to_owned();
    let nobody = worker.post(&format!("/service-orders/{id}/dispatch"), json!({})).await;
    assert_eq!(nobody.status, 422);
    assert_eq!((nobody.text("/errors/0/code"), nobody.body["errors"][0]["pointer"].as_str()), ("required", Some("")));
}

#[rstest]
#[actix_web::test]
async fn a_literal_path_has_its_own_methods(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    for (method, path, allow) in [
        ("PUT", "/service-orders/counts", "GET"),
        ("PATCH", "/service-orders/similar", "POST"),
        ("DELETE", "/service-orders/019cdfaa-49c0-7c3e-9d41-2f6c1b7a9e10", "GET, PATCH, PUT"),
    ] {
        let answer = worker.send(method, path, &[], Some(&json!({}))).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some(allow)), "{method} {path}");
    }
}

#[rstest]
#[actix_web::test]
async fn a_condition_that_cannot_be_read_is_refused(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let placed = worker.get("/service-orders?state=placed").await;
    let path = format!("/service-orders/{}", placed.text("/items/0/id"));
    let change = json!({"private": true});
    for tag in ["{}", "7", "", "\"7", "\"7\", 8", "é"] {
        let answer = worker.send("PATCH", &path, &[("if-match", tag)], Some(&change)).await;
        assert_eq!((answer.status, answer.text("/errors/0/parameter")), (400, "If-Match"), "{tag}");
    }
    for (tag, status) in [("W/\"1-x\"", 412), ("\"abc\"", 412), ("\"abc\", \"1\"", 200), ("*", 200)] {
        let order = worker.get(&path).await;
        let tag = tag.replace("\"1\"", &format!("\"{}\"", order.body["version"]));
        let answer = worker.send("PATCH", &path, &[("if-match", &tag)], Some(&change)).await;
        assert_eq!(answer.status, status, "{tag}");
    }
}

//! Members of bodies: those that nobody may send, types, times.

use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::{Server, User},
};
use rstest::rstest;
use serde_json::{Map, Value, json};

use super::{faults, operations, rows};

/// What the service alone says of a row, and what no row has.
const NOT_TO_BE_SENT: [&str; 14] = [
    "id",
    "state",
    "created_by",
    "created_at",
    "updated_at",
    "region_code",
    "role",
    "verified_at",
    "version",
    "consent_status",
    "number",
    "actions",
    "__proto__",
    "x/y~z",
];

fn pointer(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

#[rstest]
#[actix_web::test]
async fn what_may_not_be_sent_is_named_once_and_stored_never(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let before = rows(&server).await;
    let written = |operation: &&super::Operation| !matches!(operation.method.as_str(), "GET" | "DELETE");
    for operation in operations().iter().filter(written) {
        let mut body = operation.example.as_object().cloned().unwrap_or_default();
        let unknown: Vec<&str> =
            NOT_TO_BE_SENT.into_iter().filter(|name| !operation.members.contains_key(*name)).collect();
        body.extend(unknown.iter().map(|name| ((*name).to_owned(), json!(1))));
        let answer = operation.send(&worker, &body.into()).await;
        assert_eq!(answer.status, 422, "{}: {:?}", operation.id, answer.body);
        for name in unknown {
            let at = pointer(name);
            let named = faults(&answer).iter().filter(|(pointer, _)| *pointer == at).count();
            assert_eq!(named, 1, "{} {name}: {:?}", operation.id, answer.body);
            assert!(faults(&answer).contains(&(&at, "unknown-member")), "{} {name}", operation.id);
        }
    }
    let nested = order(&[
        ("on_behalf_of", json!({"name": "丁一", "phone": "13800138000", "role": 1})),
        ("point", json!({"longitude": 115.0, "latitude": 27.8, "version": 1})),
    ]);
    let answer = worker.post("/service-orders", nested).await;
    let named = vec![("/on_behalf_of/role", "unknown-member"), ("/point/version", "unknown-member")];
    assert_eq!((answer.status, faults(&answer)), (422, named));
    assert_eq!(rows(&server).await, before);
}

#[rstest]
#[actix_web::test]
async fn a_change_with_such_a_member_changes_nothing(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let placed = worker.post("/service-orders", order(&[])).await;
    let path = format!("/service-orders/{}", placed.text("/id"));
    let etag = placed.header("etag").unwrap();
    for name in NOT_TO_BE_SENT {
        let change = json!({"description": "另一个", name: placed.body[name]});
        let answer = worker.send("PATCH", &path, &[("if-match", etag)], Some(&change)).await;
        assert_eq!((answer.status, faults(&answer)), (422, vec![(pointer(name).as_str(), "unknown-member")]));
        let replaced = order(&[(name, placed.body[name].clone())]);
        // a PUT may say where, where there is an address
        if name != "region_code" {
            let answer = worker.send("PUT", &path, &[("if-match", etag)], Some(&replaced)).await;
            assert_eq!((answer.status, faults(&answer)), (422, vec![(pointer(name).as_str(), "unknown-member")]));
        }
    }
    assert_eq!(worker.get(&path).await.body, placed.body);
}

/// An order at an address, with more members.
fn order(more: &[(&str, Value)]) -> Value {
    let mut order = json!({
        "kind": "tap", "description": "水管", "region_code": "360502002001", "address": "桂花巷 3 号",
    });
    order.as_object_mut().unwrap().extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    order
}

#[actix_web::test]
async fn a_member_of_another_type_is_named() {
    let server = Server::start(Sqlite).await;
    let worker = server.sign_in("worker").await;
    let samples = [
        (&["string"][..], json!("x")),
        (&["integer", "number"], json!(7)),
        (&["number"], json!(7.5)),
        (&["boolean"], json!(true)),
        (&["null"], Value::Null),
        (&["array"], json!([1])),
        (&["object"], json!({"x": 1})),
    ];
    let mut wrong = 0;
    for operation in operations() {
        for (name, types) in &operation.members {
            for (fits, sample) in &samples {
                let body = Map::from_iter([(name.clone(), sample.clone())]);
                let answer = operation.send(&worker, &body.into()).await;
                let at = format!("{} {name} {sample}: {:?}", operation.id, answer.body);
                assert!(answer.status < 500, "{at}");
                if !fits.iter().any(|fit| types.contains(*fit)) {
                    assert_eq!(answer.status, 422, "{at}");
                    let (own, below) = (pointer(name), format!("{}/", pointer(name)));
                    assert!(faults(&answer).iter().any(|(at, _)| *at == own || at.starts_with(&below)), "{at}");
                    wrong += 1;
                }
            }
        }
    }
    assert!(wrong > 200, "only {wrong} were tried");
}

#[rstest]
#[actix_web::test]
async fn times_are_whole_and_exist(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let place = async |at: &str| worker.post("/service-orders", order(&[("wished_at", at.into())])).await;
    for wrong in [
        // without an offset, or without a time
        "2026-12-24T10:00:00",
        "2026-12-24",
        "2026-12-24T10:00Z",
        "10:00:00Z",
        "",
        "tomorrow",
        "1798070400",
        // days and times that there are not
        "2026-02-30T10:00:00Z",
        "2025-02-29T10:00:00Z",
        "2026-13-01T10:00:00Z",
        "2026-00-10T10:00:00Z",
        "2026-01-00T10:00:00Z",
        "2026-12-24T24:00:00Z",
        "2026-12-24T10:60:00Z",
        "2026-12-24T10:00:61Z",
        "2026-12-24T10:00:00+24:00",
        "2026-12-24T10:00:00+08:60",
        // years of other than four digits, here or there
        "0000-01-01T00:00:00Z",
        "0000-12-31T15:59:59Z",
        "10000-01-01T00:00:00Z",
        "+10000-01-01T00:00:00Z",
        "-0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "9999-12-31T16:00:00Z",
        "26-12-24T10:00:00Z",
        // other notations
        "2026-12-24 10:00:00Z",
        "2026/12/24T10:00:00Z",
        "20261224T100000Z",
        "2026-W52-4T10:00:00Z",
        "２０２６-12-24T10:00:00Z",
    ] {
        let answer = place(wrong).await;
        let at = format!("{wrong}: {:?}", answer.body);
        assert_eq!((answer.status, faults(&answer)), (422, vec![("/wished_at", "format")]), "{at}");
    }
    for (sent, shown) in [
        ("2026-12-24T10:00:00+08:00", "2026-12-24T10:00:00.000+08:00"),
        ("2026-12-24T02:00:00Z", "2026-12-24T10:00:00.000+08:00"),
        ("2026-12-24t02:00:00.123456789z", "2026-12-24T10:00:00.123+08:00"),
        ("2026-12-23T20:30:00-05:30", "2026-12-24T10:00:00.000+08:00"),
        ("0001-01-01T00:00:00+08:00", "0001-01-01T00:00:00.000+08:00"),
        ("9999-12-31T15:59:59.999Z", "9999-12-31T23:59:59.999+08:00"),
    ] {
        let placed = place(sent).await;
        assert_eq!((placed.status, placed.text("/wished_at")), (201, shown), "{:?}", placed.body);
        let read = worker.get(&format!("/service-orders/{}", placed.text("/id"))).await;
        assert_eq!(read.text("/wished_at"), shown);
    }
}

#[actix_web::test]
async fn a_pause_ends_after_now_and_not_too_late() {
    let server = Server::start(Sqlite).await;
    let (worker, volunteer) = (server.sign_in("worker").await, server.sign_in("volunteer").await);
    let id = accepted(&worker, &volunteer).await;
    let hold = async |after: chrono::TimeDelta| {
        let until = (server.now() + after).to_rfc3339();
        let body = json!({"reason": "等配件", "until": until});
        volunteer.post(&format!("/service-orders/{id}/hold"), body).await
    };
    for (after, code) in [
        (chrono::TimeDelta::days(-1), "not-in-future"),
        (chrono::TimeDelta::zero(), "not-in-future"),
        (chrono::TimeDelta::days(91), "too-far-ahead"),
    ] {
        let answer = hold(after).await;
        assert_eq!((answer.status, faults(&answer)), (422, vec![("/until", code)]), "{after}");
    }
    assert_eq!(hold(chrono::TimeDelta::days(89)).await.text("/state"), "on_hold");
}

#[rstest]
#[actix_web::test]
async fn a_telephone_number_is_one_however_it_is_written(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let place = async |phone: &str| {
        worker.post("/service-orders", order(&[("on_behalf_of", json!({"name": "丁一", "phone": phone}))])).await
    };
    let first = place("13800138111").await;
    for same in [
        "+86 138-0013-8111",
        "0086 13800138111",
        "８６１３８００１３８１１１",
        "138 0013 8111",
        "+86\u{3000}13800138111",
    ] {
        let answer = place(same).await;
        assert_eq!((answer.status, answer.text("/requester/id")), (201, first.text("/requester/id")), "{same}");
        assert_eq!(answer.text("/requester/phone_masked"), "138****8111", "{same}");
    }
    assert_ne!(place("0791-6666666").await.text("/requester/id"), first.text("/requester/id"));
    for wrong in ["12800138000", "1380013800", "138001380000", "+1 13800138000", "110", "1380013800a", "0791-666666"] {
        let answer = place(wrong).await;
        assert_eq!((answer.status, faults(&answer)), (422, vec![("/on_behalf_of/phone", "phone-format")]), "{wrong}");
        assert!(!answer.body.to_string().contains(wrong), "the number is told again");
    }
}

/// An order that a volunteer holds.
async fn accepted(worker: &User<'_>, volunteer: &User<'_>) -> String {
    let id = worker.post("/service-orders", order(&[])).await.text("/id").to_owned();
    let to = json!({"volunteer_id": volunteer.volunteer_id().await});
    assert_eq!(worker.post(&format!("/service-orders/{id}/dispatch"), to).await.status, 200);
    assert_eq!(volunteer.post(&format!("/service-orders/{id}/accept"), json!({})).await.status, 200);
    id
}

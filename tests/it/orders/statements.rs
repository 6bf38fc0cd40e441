//! How many statements a request takes, whatever the number of rows.

use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::{Answer, Server, User},
};
use rstest::rstest;
use serde_json::{Value, json};

use super::{People, placed};

/// Counts the statements of a request; the transaction itself is not counted.
async fn count(server: &Server, request: impl Future<Output = Answer>) -> (Answer, u64) {
    let before = server.app.database.statements();
    let answer = request.await;
    (answer, server.app.database.statements() - before)
}

#[rstest]
#[actix_web::test]
async fn reading_takes_one_statement_and_a_list_three(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let people = People::sign_in(&server).await;
    let (id, _) = (people.order("accepted").await, people.resident.get("/me").await);
    let official = server.sign_in("street").await;
    for by in [&people.worker, &people.resident, &people.volunteer, &official] {
        // what is looked up once of a caller is not of the request
        let _warm = by.get("/me").await;
        let mut taken = Vec::new();
        for path in [
            "/service-orders?limit=1&count=exact",
            "/service-orders?limit=200&count=exact",
            "/service-orders?limit=200&expand=compound",
            "/service-orders?region=360502&state=placed,confirmed&kind=tap&q=水&sort=updated_at&count=exact",
        ] {
            let (answer, statements) = count(&server, by.get(path)).await;
            assert_eq!(answer.status, 200, "{path}: {:?}", answer.body);
            // the page, the names that go with it, and what is expanded or whether the region has another code now
            let most = if path.contains("expand=") || path.contains("region=") { 3 } else { 2 };
            assert!(statements <= most, "{path} took {statements}");
            taken.push(statements);
        }
        assert_eq!(taken[0], taken[1], "a long list takes more than a short one");
    }
    for (by, path, most) in [
        (&people.worker, format!("/service-orders/{id}"), 1),
        (&people.volunteer, format!("/service-orders/{id}"), 1),
        (&people.worker, format!("/service-orders/{id}?expand=compound"), 2),
        (&people.worker, format!("/service-orders/{id}/events"), 2),
        (&people.worker, format!("/service-orders/{id}/candidates"), 3),
        (&official, "/service-orders/counts?by=state,region".to_owned(), 1),
    ] {
        let (answer, statements) = count(&server, by.get(&path)).await;
        assert_eq!(answer.status, 200, "{path}: {:?}", answer.body);
        assert!(statements <= most, "{path} took {statements}");
    }
}

/// The most statements that a change may take, its idempotency key included.
const MOST: u64 = 8;

#[rstest]
#[actix_web::test]
async fn a_change_takes_few(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let people = People::sign_in(&server).await;
    let other = server.sign_in("volunteer2").await;
    let neighbor = server.sign_in("resident2").await;
    let sisters = people.worker.get("/volunteer-teams?q=敲门嫂").await.text("/items/0/id").to_owned();
    let compound = people.resident.compound("福园小区").await;
    let other_id = other.volunteer_id().await;
    for by in [&people.worker, &people.volunteer, &people.resident, &other, &neighbor] {
        let _warm = by.get("/me").await;
    }
    let public = json!({"private": false, "description": "水龙头", "kind": "tap", "compound_id": compound});
    let caller = json!({"kind": "tap", "description": "水龙头", "compound_id": compound,
        "on_behalf_of": {"name": "何秀英", "phone": "13900139001"}});
    // the first number of a day takes a block of numbers
    placed(&people.resident, json!({})).await;
    let key = std::cell::Cell::new(0);
    let send = async |by: &User<'_>, path: &str, body: &Value, most: u64, status: u16| {
        key.set(key.get() + 1);
        // times of the work are told apart by the millisecond
        server.advance(chrono::TimeDelta::milliseconds(5));
        let key = format!("key-{}", key.get());
        let headers = [("idempotency-key", key.as_str())];
        let (answer, taken) = count(&server, by.send("POST", path, &headers, Some(body))).await;
        assert_eq!(answer.status, status, "{path}: {:?}", answer.body);
        assert!(taken <= most, "{path} took {taken}");
        answer.text("/id").to_owned()
    };
    // place, kind and person are looked up besides, a person is made, or the day's orders are counted
    let id = send(&people.resident, "/service-orders", &public, MOST + 4, 201).await;
    let telephoned = send(&people.worker, "/service-orders", &caller, MOST + 4, 201).await;
    let again = send(&people.worker, "/service-orders", &caller, MOST + 4, 201).await;
    let step = async |by: &User<'_>, id: &str, transition: &str, body: Value| {
        send(by, &format!("/service-orders/{id}/{transition}"), &body, MOST, 200).await;
    };
    step(&neighbor, &id, "join", json!({})).await;
    step(&people.worker, &id, "dispatch", json!({"team_id": sisters})).await;
    step(&people.volunteer, &id, "decline", json!({"reason": "出差"})).await;
    step(&people.worker, &id, "transfer", json!({"open": true, "reason": "换人"})).await;
    step(&people.volunteer, &id, "claim", json!({})).await;
    step(&people.volunteer, &id, "contact", json!({})).await;
    step(&people.volunteer, &id, "start", json!({})).await;
    let pause = json!({"reason": "等配件", "until": "2026-03-14T09:30:00+08:00"});
    step(&people.volunteer, &id, "hold", pause).await;
    step(&people.worker, &id, "resume", json!({})).await;
    step(&people.volunteer, &id, "transfer", json!({"volunteer_id": other_id, "reason": "换人"})).await;
    step(&other, &id, "accept", json!({})).await;
    step(&other, &id, "start", json!({})).await;
    step(&other, &id, "complete", json!({"outcome": "solved", "note": "好了"})).await;
    step(&people.resident, &id, "confirm", json!({"solved": true, "satisfaction": 5})).await;
    step(&people.resident, &id, "reopen", json!({"reason": "又漏了"})).await;
    step(&people.resident, &id, "cancel", json!({"reason": "算了"})).await;
    let into = people.order("accepted").await;
    let merged = placed(&people.resident, json!({"private": false})).await;
    step(&neighbor, &merged, "join", json!({})).await;
    step(&people.worker, &merged, "merge", json!({"into": into})).await;
    step(&people.worker, &telephoned, "dispatch", json!({"volunteer_id": people.volunteer_id})).await;
    step(&people.worker, &again, "reject", json!({"reason": "重复"})).await;

    let path = format!("/service-orders/{telephoned}");
    for (version, body) in [(2, json!({"description": "水管"})), (3, json!({"answers": {"place": "厨房"}}))] {
        let tag = format!("\"{version}\"");
        let headers = [("if-match", tag.as_str())];
        let (answer, taken) = count(&server, people.worker.send("PATCH", &path, &headers, Some(&body))).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        assert!(taken <= 4, "PATCH took {taken}");
    }
    let similar = json!({"kind": "tap", "compound_id": compound});
    let (answer, taken) = count(&server, people.resident.post("/service-orders/similar", similar)).await;
    assert_eq!((answer.status, taken <= 3), (200, true), "similar took {taken}");
}

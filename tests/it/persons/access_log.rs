//! Who looked at one's data, and how often anybody may look.

use chrono::TimeDelta;
use futures_util::future::join_all;
use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::{Answer, Server, User},
};
use rstest::rstest;
use serde_json::{Value, json};

use super::written;
use crate::hands::{self, refusal};

const LOG: &str = "/me/access-log";

async fn reveal(by: &User<'_>, id: &str) -> Answer {
    let body = json!({"fields": ["phone", "name"], "purpose": "verification", "note": "电话核实低保申请"});
    by.post(&format!("/persons/{id}/reveal"), body).await
}

#[rstest]
#[actix_web::test]
async fn the_person_reads_who_looked_and_why(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (resident, worker) = (server.sign_in("resident").await, server.sign_in("worker").await);
    let me = resident.get("/me").await.text("/person_id").to_owned();
    assert_eq!(resident.get(LOG).await.body["items"], json!([]));
    assert_eq!(reveal(&worker, &me).await.status, 200);
    server.advance(TimeDelta::minutes(1));
    // the holder of an order is told how to reach her
    let compound = resident.compound("福园小区").await;
    let order = json!({"kind": "tap", "description": "水龙头", "compound_id": compound});
    let order = hands::made(&resident, "/service-orders", order).await;
    let volunteer = server.sign_in("volunteer").await;
    let to = json!({"volunteer_id": volunteer.volunteer_id().await});
    assert_eq!(worker.post(&format!("/service-orders/{order}/dispatch"), to).await.status, 200);
    assert_eq!(volunteer.post(&format!("/service-orders/{order}/accept"), json!({})).await.status, 200);
    assert_eq!(volunteer.post(&format!("/service-orders/{order}/contact"), json!({})).await.status, 200);
    // what others look at of others is not hers to read
    let other = written(&worker, json!({"phone": "13987650123"})).await;
    assert_eq!(reveal(&worker, &other).await.status, 200);

    let (taken, log) = hands::statements(&server, resident.get(&format!("{LOG}?count=exact"))).await;
    assert_eq!(
        (log.status, &log.body["page"]["total"], log.header("cache-control")),
        (200, &json!(2), Some("no-store"))
    );
    assert!(taken <= 2, "it took {taken} statements");
    let [contact, look] = [log.body["items"][0].clone(), log.body["items"][1].clone()];
    assert_eq!((&contact["kind"], &contact["service_order_id"]), (&json!("service_order.contact_read"), &json!(order)));
    assert_eq!(contact["fields"], json!(["name", "phone", "address"]));
    assert_eq!(contact["actor"], json!({"display_name": "丁丽群", "role": "volunteer", "unit": "公园北村社区"}));
    assert_eq!((&look["kind"], &look["purpose"]), (&json!("person.revealed"), &json!("verification")));
    assert_eq!((&look["fields"], &look["note"]), (&json!(["name", "phone"]), &json!("电话核实低保申请")));
    assert_eq!(look["actor"], json!({"display_name": "徐春燕", "role": "community_worker", "unit": "公园北村社区"}));
    assert_eq!(look["at"], json!("2026-03-12T09:30:00.000+08:00"));
    assert_eq!(hands::ids(&resident, &format!("{LOG}?sort=id")).await.len(), 2);
    assert_eq!(resident.get(&format!("{LOG}?limit=1")).await.body["items"].as_array().unwrap().len(), 1);

    // the note is no open text anywhere, and is gone when it is erased; that there was a look stays
    let open = "access_notes WHERE note_sealed LIKE '%低保%'";
    assert_eq!((server.sql.count("access_notes", []).await, server.sql.count(open, []).await), (2, 0));
    assert_eq!(server.sql.count("events WHERE CAST(data AS TEXT) LIKE '%低保%'", []).await, 0);
    server.sql.run("DELETE FROM access_notes", []).await;
    let erased = resident.get(LOG).await.body["items"][1].clone();
    assert_eq!((erased.get("note"), &erased["purpose"]), (None, &json!("verification")));
}

#[rstest]
#[actix_web::test]
async fn an_office_of_that_day_is_told(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let resident = server.sign_in("resident").await;
    let me = resident.get("/me").await.text("/person_id").to_owned();
    let (official, id) = hands::appoint(&server, "official", &[("official", "360502002")]).await;
    server.advance(TimeDelta::seconds(1));
    assert_eq!(reveal(&official, &me).await.status, 200);
    server.advance(TimeDelta::seconds(1));
    let end = "UPDATE grants SET revoked_at = $1 WHERE user_id = $2";
    server.sql.run(end, [server.now().into(), hands::uuid(&id).into()]).await;
    let seen = resident.get(LOG).await.body["items"][0]["actor"].clone();
    assert_eq!((&seen["role"], &seen["unit"]), (&json!("official"), &json!("新钢街道")));
}

#[rstest]
#[actix_web::test]
async fn auditors_read_it_too_and_nobody_else(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let me = server.sign_in("resident").await.get("/me").await.text("/person_id").to_owned();
    assert_eq!(reveal(&worker, &me).await.status, 200);
    let path = format!("/persons/{me}/access-log");
    let seen = server.sign_in("auditor").await.get(&path).await;
    assert_eq!((seen.status, seen.text("/items/0/note")), (200, "电话核实低保申请"));
    for (username, status) in
        [("worker", 403), ("street", 403), ("yushui", 403), ("admin", 403), ("worker2", 404), ("resident2", 404)]
    {
        assert_eq!(server.sign_in(username).await.get(&path).await.status, status, "{username}");
    }
    // an account without a person has nothing that could be looked at
    assert_eq!(
        server.sign_in("yushui").await.get(&format!("{LOG}?count=exact")).await.body,
        json!({"items": [], "page": {"limit": 20, "total": 0}})
    );
}

async fn told(server: &Server) -> i64 {
    server.sql.count("events WHERE kind = 'auth.reveal_limit_reached'", []).await
}

#[rstest]
#[actix_web::test]
async fn so_many_looks_an_hour_over_all_replicas(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let replica = server.replica();
    let worker = server.sign_in("worker").await;
    let one = written(&worker, json!({"phone": "13987650123"})).await;
    let workers = [worker.at(&server), worker.at(&replica)];
    for round in 0..5_usize {
        let looks = (0..11_usize).map(|number| reveal(&workers[(round + number) % 2], &one));
        assert!(join_all(looks).await.iter().all(|answer| answer.status == 200));
    }
    // five are left, whoever is asked
    let last = join_all((0..8_usize).map(|number| reveal(&workers[number % 2], &one))).await;
    let refused: Vec<&Answer> = last.iter().filter(|answer| answer.status == 429).collect();
    assert_eq!((refused.len(), last.iter().filter(|answer| answer.status == 200).count()), (3, 5), "{last:?}");
    assert_eq!(refusal(refused[0]), (429, "quota-exceeded"));
    assert_eq!(refused[0].text("/type"), "https://iana.org/assignments/http-problem-types#quota-exceeded");
    assert_eq!(refused[0].body["violated-policies"], json!(["looks-per-hour"]));
    assert_eq!(refused[0].header("retry-after"), Some("3600"));
    let looks = "events WHERE kind = 'person.revealed' AND subject_id = $1";
    assert_eq!(server.sql.count(looks, [one.clone().into()]).await, 60);
    assert_eq!(server.sql.count("access_notes", []).await, 60);
    assert!((1..=3).contains(&told(&server).await));
    // somebody else is not kept from his work, and a restart makes nobody free
    assert_eq!(reveal(&server.sign_in("street").await, &one).await.status, 200);
    let restarted = server.replica();
    assert_eq!(reveal(&worker.at(&restarted), &one).await.status, 429);
    let before = told(&server).await;
    assert_eq!(reveal(&worker, &one).await.status, 429);
    assert_eq!(told(&server).await, before);
    server.advance(TimeDelta::hours(1));
    assert_eq!(reveal(&server.sign_in("worker").await, &one).await.status, 200);
}

#[rstest]
#[actix_web::test]
async fn at_so_many_persons_an_hour(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let persons = worker.get("/persons?limit=40").await.body["items"].clone();
    let ids: Vec<&str> = persons.as_array().unwrap().iter().map(|person| person["id"].as_str().unwrap()).collect();
    for id in &ids[..30] {
        assert_eq!(reveal(&worker, id).await.status, 200);
    }
    let refused = reveal(&worker, ids[30]).await;
    assert_eq!((refused.status, &refused.body["violated-policies"]), (429, &json!(["persons-per-hour"])));
    assert_eq!(reveal(&worker, ids[0]).await.status, 200);
    assert_eq!(told(&server).await, 1);
    let key = [("idempotency-key", "look-again")];
    let body = json!({"fields": ["phone"], "purpose": "service", "note": "上门维修"});
    let path = format!("/persons/{}/reveal", ids[31]);
    assert_eq!(worker.send("POST", &path, &key, Some(&body)).await.status, 429);
    server.advance(TimeDelta::hours(1));
    let worker = server.sign_in("worker").await;
    // what was refused is not kept
    assert_eq!(worker.send("POST", &path, &key, Some(&body)).await.status, 200);
    assert_eq!(
        server.sql.all::<Value>("SELECT data FROM events WHERE kind = 'auth.reveal_limit_reached'", []).await,
        [json!({})]
    );
}

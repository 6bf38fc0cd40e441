//! Households: where they are, and who belongs to them on which day.

mod members;

use chrono::TimeDelta;
use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::{Answer, Server, User},
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::hands::{self, change, fault, ids, invalid, made, put, refusal, remove, stamp};

const COMMUNITY: &str = "360502002001";
const NEXT: &str = "360502001001";

async fn household(by: &User<'_>, region: &str) -> String {
    format!("/households/{}", made(by, "/households", json!({"region_code": region, "address": "18 号"})).await)
}

async fn person(by: &User<'_>, region: &str) -> String {
    made(by, "/persons", json!({"region_code": region, "name": "王建国"})).await
}

async fn join(by: &User<'_>, household: &str, person: &str, relation: &str, from: Option<&str>) -> Answer {
    let mut body = json!({"person_id": person, "relation": relation});
    if let Some(from) = from {
        body["valid_from"] = json!(from);
    }
    by.post(&format!("{household}/members"), body).await
}

async fn joined(by: &User<'_>, household: &str, person: &str, relation: &str, from: Option<&str>) {
    let answer = join(by, household, person, relation, from).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
}

async fn leave(by: &User<'_>, household: &str, person: &str) {
    let version = hands::version(by, household).await;
    assert_eq!(remove(by, &format!("{household}/members/{person}"), version).await.status, 204);
}

#[rstest]
#[actix_web::test]
async fn a_household_is_written_once(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let path = format!("/households/{}", hands::own_id(7));
    let (body, other) = (json!({"region_code": COMMUNITY, "address": "18 号"}), json!({"region_code": COMMUNITY}));
    let made = put(&worker, &path, None, &body).await;
    assert_eq!((made.status, made.body["version"].as_i64(), made.body.get("address")), (201, Some(1), None));
    assert_eq!(put(&worker, &path, None, &body).await.status, 200);
    assert_eq!(refusal(&put(&worker, &path, None, &other).await), (428, "precondition-required"));
    assert_eq!(refusal(&put(&worker, &path, Some(2), &other).await), (412, "version-mismatch"));
    assert_eq!(put(&worker, &path, Some(1), &other).await.body["version"], 2);
    assert_eq!(refusal(&change(&worker, &path, 1, json!({"address": "19 号"})).await), (412, "version-mismatch"));
    assert_eq!(change(&worker, &path, 2, json!({"address": "19 号"})).await.body["version"], 3);
    let events = worker.get(&format!("{path}/events")).await;
    let told: Vec<_> = events.body["items"].as_array().unwrap().iter().map(|event| event["data"].clone()).collect();
    assert_eq!(told, [json!({}), json!({"changed": ["address"]}), json!({"changed": ["address"]})]);
}

#[rstest]
#[actix_web::test]
async fn what_is_out_of_reach_does_not_come_together(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (worker, other) = (server.sign_in("worker").await, server.sign_in("worker2").await);
    let [home, far] = [household(&worker, COMMUNITY).await, household(&other, NEXT).await];
    let [one, stranger] = [person(&worker, COMMUNITY).await, person(&other, NEXT).await];
    joined(&other, &far, &stranger, "head", None).await;
    let before = [stamp(&server, &home).await, stamp(&server, &far).await];
    server.advance(TimeDelta::seconds(1));
    let (unseen, unknown) = (
        join(&worker, &home, &stranger, "other", None).await,
        join(&worker, &home, &hands::own_id(1), "other", None).await,
    );
    assert_eq!(fault(&unseen), invalid("/person_id", "not-found"));
    assert_eq!(hands::content(&unseen), hands::content(&unknown));
    assert_eq!(join(&worker, &far, &one, "other", None).await.status, 404);
    assert_eq!(remove(&worker, &format!("{far}/members/{stranger}"), 2).await.status, 404);
    assert_eq!(change(&worker, &far, 2, json!({"address": "19 号"})).await.status, 404);
    for (username, status) in [("street", 403), ("auditor", 403), ("yushui", 403), ("cadre", 403), ("resident", 404)] {
        let user = server.sign_in(username).await;
        assert_eq!(join(&user, &home, &one, "head", None).await.status, status, "{username}");
        assert_eq!(change(&user, &home, 1, json!({"address": "19 号"})).await.status, status, "{username}");
    }
    assert_eq!([stamp(&server, &home).await, stamp(&server, &far).await], before);
}

#[rstest]
#[actix_web::test]
async fn a_household_moves_within_reach(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (worker, other) = (server.sign_in("worker").await, server.sign_in("worker2").await);
    let (fuyuan, far) = (worker.compound("福园小区").await, other.compound("邮政局小区").await);
    let home = household(&worker, COMMUNITY).await;
    let before = stamp(&server, &home).await;
    server.advance(TimeDelta::seconds(1));
    let compound = worker.get(&format!("/compounds/{fuyuan}")).await.body;
    let building = |at: usize| compound["buildings"][at]["id"].as_str().unwrap();
    let unit = |at: usize| compound["buildings"][at]["units"][0]["id"].as_str().unwrap();
    let strange = other.get(&format!("/compounds/{far}")).await.body["buildings"][0]["id"].as_str().unwrap().to_owned();
    let moved = async |members: Value| change(&worker, &home, 1, members).await;
    let into = |compound: &str, building: Option<&str>, unit: Option<&str>| json!({"region_code": null, "compound_id": compound, "building_id": building, "unit_id": unit});
    for (to, pointer, code) in [
        (into(&far, None, None), "/compound_id", "not-found"),
        (into(&fuyuan, Some(&strange), None), "/building_id", "not-found"),
        (into(&fuyuan, Some(building(0)), Some(unit(1))), "/unit_id", "not-found"),
        (into(&fuyuan, None, Some(unit(0))), "/unit_id", "not-found"),
        (json!({"building_id": building(0)}), "/building_id", "not-together"),
        (json!({"unit_id": unit(0)}), "/unit_id", "not-together"),
        (json!({"compound_id": fuyuan}), "/region_code", "not-together"),
        (json!({"region_code": "360502002001099"}), "/region_code", "not-found"),
    ] {
        assert_eq!(fault(&moved(to.clone()).await), invalid(pointer, code), "{to}");
    }
    assert_eq!(refusal(&moved(json!({"region_code": NEXT})).await), (403, "forbidden"));
    assert_eq!(stamp(&server, &home).await, before);
    let inside = moved(into(&fuyuan, Some(building(1)), Some(unit(1)))).await;
    let text = |pointer| inside.text(pointer);
    assert_eq!([text("/compound_id"), text("/building_id"), text("/unit_id")], [fuyuan.as_str(), building(1), unit(1)]);
    let id = home.rsplit('/').next().unwrap();
    let found = ids(&worker, &format!("/households?compound_id={fuyuan}")).await;
    assert!(found.iter().any(|found| found == id));
    let out = json!({"compound_id": null, "building_id": null, "unit_id": null, "region_code": "360502002001001"});
    let back = change(&worker, &home, 2, out).await;
    assert_eq!((back.text("/region_code"), back.body.get("building_id")), ("360502002001001", None));
}

#[rstest]
#[actix_web::test]
async fn one_sees_ones_own_household_as_long_as_one_belongs_to_it(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (worker, resident) = (server.sign_in("worker").await, server.sign_in("guardian").await);
    let keeper = hands::appoint(&server, "worker3", &[("community_worker", "361091200200")]).await.0;
    let own = household(&keeper, "361091200200").await;
    let me = resident.get("/me").await.text("/person_id").to_owned();
    assert_eq!(resident.get(&own).await.status, 404);
    joined(&keeper, &own, &me, "head", Some("2025-01-01")).await;
    let seen = resident.get(&own).await;
    assert_eq!((seen.status, seen.text("/address"), &seen.body["actions"]), (200, "18 号", &json!([])));
    assert_eq!(seen.text("/members/0/person_id"), me);
    assert_eq!(ids(&resident, "/households").await.len(), 1);
    // who keeps it sees where it is, not at which door
    assert_eq!(keeper.get(&own).await.body.get("address"), None);
    assert_eq!(worker.get(&own).await.status, 404);
    leave(&keeper, &own, &me).await;
    assert_eq!(resident.get(&own).await.status, 404);
    assert_eq!(ids(&resident, "/households").await.len(), 0);
}

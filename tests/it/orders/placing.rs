//! Placing an order: where, for whom, and instead of a second one like it.

use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::{Answer, Server, User},
};
use rstest::rstest;
use serde_json::{Value, json};

use super::{People, done, get, members, place, placed, refusal, refused, step};
use crate::hands;

/// In the street, not in a compound.
fn street(members: Value) -> Value {
    hands::with(json!({"compound_id": null, "region_code": "360502002001", "address": "桂花巷3号"}), members)
}

fn fault(answer: &Answer) -> (u16, &str, &str) {
    (answer.status, answer.text("/errors/0/pointer"), answer.text("/errors/0/code"))
}

#[rstest]
#[actix_web::test]
async fn one_call_is_one_request(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let persons = async || server.sql.count("persons", []).await;
    let before = persons().await;
    let caller = |name: &str, phone: &str| json!({"on_behalf_of": {"name": name, "phone": phone}});
    let placed_for = async |order: Value| {
        let answer = place(&worker, order).await;
        assert_eq!(answer.status, 201, "{:?}", answer.body);
        (answer.text("/requester/id").to_owned(), answer)
    };
    // nobody of that number is known: she is from now on
    let (person, order) = placed_for(caller("何秀英", "139-0013-9001")).await;
    assert_eq!(persons().await, before + 1);
    assert_eq!((order.text("/requester/display_name"), order.text("/requester/phone_masked")), ("何**", "139****9001"));
    let row = worker.get(&format!("/persons/{person}")).await;
    assert_eq!((row.text("/region_code"), row.text("/phone_masked")), ("360502002001", "139****9001"));
    // the same number again, however it is written and whoever answers
    for phone in ["+8613900139001", "１３９００１３９００１", "0086 139 0013 9001"] {
        assert_eq!(placed_for(caller("何阿姨", phone)).await.0, person, "{phone}");
    }
    let known = json!({"on_behalf_of": {"person_id": person}});
    assert_eq!(placed_for(known).await.0, person);
    assert_eq!(persons().await, before + 1);
    // somebody of the demonstration, found by his number
    let resident = server.sign_in("resident").await;
    let own = placed(&resident, json!({})).await;
    let volunteer = server.sign_in("volunteer").await;
    done(&worker, &own, "dispatch", json!({"volunteer_id": volunteer.volunteer_id().await})).await;
    done(&volunteer, &own, "accept", json!({})).await;
    let phone = done(&volunteer, &own, "contact", json!({})).await.text("/phone").to_owned();
    let (found, order) = placed_for(caller("胡桂兰", &phone)).await;
    assert_eq!(found, resident.get("/me").await.text("/person_id"));
    // it is hers: she sees it, and calls it off herself
    done(&resident, order.text("/id"), "cancel", json!({})).await;
}

#[rstest]
#[actix_web::test]
async fn whoever_orders_for_somebody_says_for_whom(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let people = People::sign_in(&server).await;
    let nobody = "019cdfaa-49c0-7c3e-9d41-2f6c1b7a9e10";
    let elsewhere = server.sign_in("worker2").await.get("/persons?limit=1").await.text("/items/0/id").to_owned();
    for (whom, pointer, code) in [
        (json!({}), "/on_behalf_of/name", "required"),
        (json!({"name": "何秀英"}), "/on_behalf_of/phone", "required"),
        (json!({"name": "何秀英", "phone": "12345678901"}), "/on_behalf_of/phone", "phone-format"),
        (json!({"name": "何1英", "phone": "13900139001"}), "/on_behalf_of/name", "name-format"),
        (json!({"person_id": nobody}), "/on_behalf_of/person_id", "not-found"),
        (json!({"person_id": elsewhere}), "/on_behalf_of/person_id", "not-found"),
        (json!({"person_id": nobody, "name": "何秀英"}), "/on_behalf_of", "not-together"),
        (json!({"name": "何秀英", "phone": "13900139001", "age": 80}), "/on_behalf_of/age", "unknown-member"),
    ] {
        let answer = place(&people.worker, json!({"on_behalf_of": whom})).await;
        assert_eq!(fault(&answer), (422, pointer, code), "{whom}");
    }
    // a resident orders for himself only
    let whom = json!({"on_behalf_of": {"name": "何秀英", "phone": "13900139001"}});
    assert_eq!(place(&people.resident, whom).await.status, 403);
    // an account without a person orders for others only
    let official = server.sign_in("street").await;
    let order = json!({"kind": "tap", "description": "水龙头", "region_code": "360502002001", "address": "桂花巷3号"});
    assert_eq!(fault(&official.post("/service-orders", order).await), (422, "/on_behalf_of", "required"));
}

#[rstest]
#[actix_web::test]
async fn an_order_is_placed_where_one_belongs(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let people = People::sign_in(&server).await;
    let (resident, worker) = (&people.resident, &people.worker);
    let answer = place(resident, street(json!({}))).await;
    assert_eq!((answer.status, answer.text("/region_code")), (201, "360502002001"), "{:?}", answer.body);
    let grid = place(resident, street(json!({"region_code": "360502002001003"}))).await;
    assert_eq!((grid.status, grid.text("/region_code")), (201, "360502002001003"));
    // not in the street of another community, nor in a compound that is not his
    assert_eq!(place(resident, street(json!({"region_code": "360502002002"}))).await.status, 403);
    let other = worker.compound("桂花村小区").await;
    assert_eq!(fault(&place(resident, json!({"compound_id": other})).await), (422, "/compound_id", "not-found"));
    assert_eq!(place(worker, json!({"compound_id": other})).await.status, 201);
    for user in ["auditor", "yushui", "volunteer"] {
        assert_eq!(place(&server.sign_in(user).await, street(json!({}))).await.status, 403, "{user}");
    }
    let point = json!({"longitude": 114.93, "latitude": 27.81});
    let nowhere = json!({"longitude": 181, "latitude": 27.81});
    for (order, pointer, code) in [
        (json!({"compound_id": null}), "/compound_id", "required"),
        (street(json!({"address": null})), "/address", "required"),
        (street(json!({"region_code": null})), "/compound_id", "required"),
        (street(json!({"region_code": "360502002"})), "/region_code", "not-found"),
        (street(json!({"region_code": "360502002009"})), "/region_code", "not-found"),
        (street(json!({"region_code": "36050200200"})), "/region_code", "region-code-format"),
        (street(json!({"point": nowhere})), "/point/longitude", "too-large"),
        (json!({"region_code": "360502002001"}), "/region_code", "not-together"),
        (json!({"point": point}), "/point", "not-together"),
        (json!({"building_id": other}), "/building_id", "not-found"),
        (json!({"unit_id": other}), "/unit_id", "not-found"),
        (json!({"kind": "nothing"}), "/kind", "not-found"),
        (json!({"kind": "drain"}), "/answers/place", "required"),
        (json!({"answers": {"place": 5}}), "/answers/place", "wrong-type"),
        (json!({"number": "360502-20260312-1"}), "/number", "unknown-member"),
        (json!({"priority": "urgent"}), "/priority", "unknown-member"),
    ] {
        assert_eq!(fault(&place(resident, order.clone()).await), (422, pointer, code), "{order}");
    }
}

async fn similar(by: &User<'_>, query: Value) -> Answer {
    by.post("/service-orders/similar", query).await
}

#[rstest]
#[actix_web::test]
async fn a_neighbor_joins_what_he_finds(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let people = People::sign_in(&server).await;
    let neighbor = server.sign_in("resident2").await;
    let lamp = json!({"kind": "corridor_lamp", "answers": {"floor": 3}, "private": false});
    let public = placed(&people.resident, lamp.clone()).await;
    let mut hidden = lamp.clone();
    hidden["private"] = Value::Null;
    let private = placed(&people.resident, hidden).await;
    let compound = neighbor.compound("福园小区").await;
    let found = similar(&neighbor, json!({"kind": "corridor_lamp", "compound_id": compound})).await;
    assert_eq!(found.status, 200);
    let ids = members(&found, "id");
    assert!(ids.contains(&public.as_str()) && !ids.contains(&private.as_str()));
    let known = ["id", "kind", "state", "region_code", "compound_id", "building_id", "joined_count", "created_at"];
    for item in found.body["items"].as_array().unwrap() {
        assert!(item.as_object().unwrap().keys().all(|member| known.contains(&member.as_str())), "{item}");
    }
    let listed = async || members(&neighbor.get("/service-orders?limit=200").await, "id").contains(&public.as_str());
    assert!(!listed().await);
    assert_eq!(get(&neighbor, &public).await.status, 404);
    assert_eq!(step(&neighbor, &private, "join", json!({})).await.status, 404);
    // his own is no other one's
    assert_eq!(step(&people.resident, &public, "join", json!({})).await.status, 403);
    assert_eq!(step(&people.worker, &public, "join", json!({})).await.status, 403);

    let joined = done(&neighbor, &public, "join", json!({})).await;
    assert_eq!((joined.body["joined_count"].as_i64(), joined.body.get("requester")), (Some(1), None));
    assert_eq!(get(&neighbor, &public).await.status, 200);
    assert!(listed().await);
    let twice = step(&neighbor, &public, "join", json!({})).await;
    assert_eq!((twice.status, twice.text("/current_state")), (409, "placed"));
    assert_eq!(get(&people.worker, &public).await.body["joined_count"], 1);
    // he is told how it goes on, and decides nothing
    people.bring(&public, "completed").await;
    assert_eq!(get(&neighbor, &public).await.body["actions"], json!([]));
    assert_eq!(step(&neighbor, &public, "confirm", json!({"solved": true, "satisfaction": 5})).await.status, 403);
    // what is done is not joined any more
    let late = server.sign_in("resident2").await;
    let done_ = placed(&people.resident, lamp).await;
    people.bring(&done_, "completed").await;
    assert_eq!(step(&late, &done_, "join", json!({})).await.status, 409);
    assert!(
        !members(&similar(&late, json!({"kind": "corridor_lamp", "compound_id": compound})).await, "id")
            .contains(&done_.as_str())
    );
}

#[rstest]
#[actix_web::test]
async fn who_may_not_order_there_finds_nothing_there(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let resident = server.sign_in("resident").await;
    let compound = resident.compound("福园小区").await;
    let here = json!({"kind": "corridor_lamp", "compound_id": compound});
    for (user, status) in [("auditor", 403), ("yushui", 403), ("volunteer", 403), ("worker2", 422), ("worker", 200)] {
        assert_eq!(similar(&server.sign_in(user).await, here.clone()).await.status, status, "{user}");
    }
    let at = |code: &str| json!({"kind": "corridor_lamp", "region_code": code});
    assert_eq!(similar(&resident, at("360502002001")).await.status, 200);
    assert_eq!(similar(&resident, at("360502002002")).await.status, 403);
    for (query, pointer, code) in [
        (at("360502002"), "/region_code", "not-found"),
        (at("360502002009"), "/region_code", "not-found"),
        (json!({"kind": "tap"}), "/compound_id", "required"),
        (
            json!({"kind": "tap", "compound_id": compound, "region_code": "360502002001"}),
            "/region_code",
            "not-together",
        ),
    ] {
        assert_eq!(fault(&similar(&resident, query.clone()).await), (422, pointer, code), "{query}");
    }
}

#[rstest]
#[actix_web::test]
async fn an_order_is_folded_into_another(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let people = People::sign_in(&server).await;
    let neighbor = server.sign_in("resident2").await;
    let lamp = json!({"kind": "corridor_lamp", "answers": {"floor": 3}, "private": false});
    let into = placed(&people.resident, lamp.clone()).await;
    let from = placed(&neighbor, lamp.clone()).await;
    let third = json!({"on_behalf_of": {"name": "何秀英", "phone": "13900139001"}});
    let of_caller = placed(&people.worker, third).await;
    people.bring(&into, "in_progress").await;

    let merge = async |by: &User<'_>, id: &str, into: &str| refused(by, id, "merge", json!({"into": into})).await;
    let unknown = "019cdfaa-49c0-7c3e-9d41-2f6c1b7a9e10";
    let elsewhere = json!({"compound_id": null, "region_code": "360502001001", "address": "湖边路1号",
        "on_behalf_of": {"name": "何秀英", "phone": "13900139001"}});
    let elsewhere = placed(&server.sign_in("worker2").await, elsewhere).await;
    let closed = people.order("completed").await;
    assert_eq!(merge(&people.worker, &from, &from).await, refusal(422, "/into", "not-mergeable"));
    assert_eq!(merge(&people.worker, &from, &closed).await, refusal(422, "/into", "not-mergeable"));
    assert_eq!(merge(&people.worker, &from, unknown).await, refusal(422, "/into", "not-found"));
    assert_eq!(merge(&people.worker, &from, &elsewhere).await, refusal(422, "/into", "not-found"));
    assert_eq!(merge(&neighbor, &from, &into).await, refusal(403, "", "forbidden"));
    assert_eq!(merge(&people.worker, &into, &from).await, refusal(409, "", "invalid-transition"));

    let merged = done(&people.worker, &from, "merge", json!({"into": into})).await;
    assert_eq!((merged.text("/state"), merged.text("/merged_into")), ("merged", into.as_str()));
    assert_eq!(done(&people.worker, &of_caller, "merge", json!({"into": into})).await.status, 200);
    let order = get(&people.worker, &into).await;
    assert_eq!((order.text("/state"), order.body["joined_count"].as_i64()), ("in_progress", Some(2)));
    // he sees his own as it ended, and the other one as it goes on
    assert_eq!(get(&neighbor, &from).await.text("/merged_into"), into);
    assert_eq!(get(&neighbor, &into).await.text("/state"), "in_progress");
    let events = people.worker.get(&format!("/service-orders/{into}/events?limit=100")).await;
    let last = events.body["items"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (last["kind"].as_str(), last["data"]["merged_order_id"].as_str()),
        (Some("service_order.joined"), Some(of_caller.as_str()))
    );
    // a chain: those who were concerned by the first are concerned by the last, once
    let newest = placed(&people.resident, lamp).await;
    let also = placed(&neighbor, json!({"kind": "corridor_lamp", "answers": {"floor": 3}, "private": false})).await;
    done(&people.worker, &also, "merge", json!({"into": newest})).await;
    done(&people.worker, &newest, "merge", json!({"into": into})).await;
    let order = get(&people.worker, &into).await;
    assert_eq!(order.body["joined_count"], 2, "its own resident and the neighbor were concerned before");
}

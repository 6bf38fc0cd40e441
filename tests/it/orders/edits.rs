//! Changing an order: who may change which member, and replacing it under the client's own id.

use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::{Answer, Server, User},
};
use rstest::rstest;
use serde_json::{Value, json};

use super::{People, done, get, patch, placed, told};

/// Status, and the pointer and code of the first member at fault.
fn fault(answer: &Answer) -> (u16, &str, &str) {
    (answer.status, answer.text("/errors/0/pointer"), answer.text("/errors/0/code"))
}

#[rstest]
#[actix_web::test]
async fn a_resident_changes_what_is_to_be_done(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let people = People::sign_in(&server).await;
    let id = placed(&people.resident, json!({})).await;
    let all = json!({"description": " 水龙头和水管 ", "answers": {"place": "厨房"}, "private": false,
        "wished_at": "2026-03-13T08:00:00Z", "address": "3楼302室"});
    let changed = patch(&people.resident, &id, 1, all).await;
    assert_eq!((changed.status, changed.body["version"].as_i64()), (200, Some(2)));
    assert_eq!(changed.text("/description"), "水龙头和水管");
    assert_eq!(changed.body["answers"], json!({"place": "厨房"}));
    assert_eq!(changed.body["private"], false);
    assert_eq!(changed.text("/wished_at"), "2026-03-13T16:00:00.000+08:00");
    assert_eq!(changed.text("/address_masked"), "*楼***室");
    // null takes back, and what is not named stays
    let less = json!({"answers": null, "wished_at": null, "address": null});
    let less = patch(&people.resident, &id, 2, less).await;
    assert_eq!((less.status, less.body["version"].as_i64()), (200, Some(3)));
    assert_eq!(less.text("/description"), "水龙头和水管");
    assert_eq!(less.body["answers"], json!({}));
    for member in ["wished_at", "address_masked"] {
        assert_eq!(less.body.get(member), None, "{member}");
    }
    let events = people.resident.get(&format!("/service-orders/{id}/events")).await;
    let names = json!(["description", "answers", "wished_at", "private", "address"]);
    assert_eq!(events.body["items"][1]["data"]["changed"], names);
    assert_eq!(events.body["items"][2]["data"]["changed"], json!(["answers", "wished_at", "address"]));
    // what is so already needs no new version
    let same = patch(&people.resident, &id, 3, json!({"description": "水龙头和水管", "private": false})).await;
    assert_eq!((same.status, same.body["version"].as_i64()), (200, Some(3)));
    assert_eq!(told(&people.resident, &id).await, ["placed", "updated", "updated"]);
}

#[rstest]
#[actix_web::test]
async fn a_patch_changes_single_answers(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let people = People::sign_in(&server).await;
    let id = placed(&people.resident, json!({"kind": "light_bulb", "answers": {"count": 2, "ladder": true}})).await;
    for (version, patched, answers) in [
        (1, json!({"count": 3}), json!({"count": 3.0, "ladder": true})),
        (2, json!({"ladder": null}), json!({"count": 3.0})),
        (3, json!({"ladder": false, "count": null}), json!({"ladder": false})),
        // what is not there need not be taken back
        (4, json!({"count": null}), json!({"ladder": false})),
        (4, json!({}), json!({"ladder": false})),
    ] {
        let changed = patch(&people.resident, &id, version, json!({"answers": patched})).await;
        assert_eq!((changed.status, &changed.body["answers"]), (200, &answers), "{patched}");
    }
    // a PUT says all of them
    let path = format!("/service-orders/{id}");
    let compound = people.resident.compound("福园小区").await;
    let whole = json!({"kind": "light_bulb", "description": "厨房水龙头漏水", "compound_id": compound,
        "answers": {"count": 1}});
    let replaced = people.resident.send("PUT", &path, &[("If-Match", "\"4\"")], Some(&whole)).await;
    assert_eq!((replaced.status, &replaced.body["answers"]), (200, &json!({"count": 1.0})), "{:?}", replaced.body);
    // what must be answered cannot be taken back
    let drain =
        placed(&people.resident, json!({"kind": "drain", "answers": {"place": "厨房", "overflow": true}})).await;
    for patched in [json!({"answers": {"place": null}}), json!({"answers": null})] {
        let answer = patch(&people.resident, &drain, 1, patched).await;
        assert_eq!(fault(&answer), (422, "/answers/place", "required"));
    }
}

#[rstest]
#[actix_web::test]
async fn a_change_names_the_version_that_it_changes(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let people = People::sign_in(&server).await;
    let id = placed(&people.resident, json!({})).await;
    let path = format!("/service-orders/{id}");
    let body = json!({"description": "水管"});
    let blind = people.resident.send("PATCH", &path, &[], Some(&body)).await;
    assert_eq!((blind.status, blind.text("/code")), (428, "precondition-required"));
    let tag = get(&people.worker, &id).await.header("etag").unwrap().to_owned();
    assert_eq!(people.worker.send("PATCH", &path, &[("if-match", &tag)], Some(&body)).await.status, 200);
    let stale = people.resident.send("PATCH", &path, &[("if-match", &tag)], Some(&json!({"private": false}))).await;
    assert_eq!((stale.status, stale.text("/code")), (412, "version-mismatch"));
    assert_eq!(stale.body["current_version"], 2);
    let now = get(&people.resident, &id).await;
    assert_eq!((now.text("/description"), now.body["private"].as_bool()), ("水管", Some(true)));
}

#[rstest]
#[actix_web::test]
async fn what_cannot_be_changed_is_named(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let people = People::sign_in(&server).await;
    let id = placed(&people.resident, json!({})).await;
    let elsewhere = json!({"region_code": "360502002001", "address": "桂花巷3号", "compound_id": null,
        "point": {"longitude": 114.93, "latitude": 27.81}});
    let street = placed(&people.resident, elsewhere).await;
    let whole = "019cdfaa-49c0-7c3e-9d41-2f6c1b7a9e10";
    for (order, body, pointer, code) in [
        (&id, json!({"state": "confirmed"}), "/state", "unknown-member"),
        (&id, json!({"compound_id": whole}), "/compound_id", "unknown-member"),
        (&id, json!({"requester": {"id": whole}}), "/requester", "unknown-member"),
        (&id, json!({"region_code": "360502001001"}), "/region_code", "unknown-member"),
        (&id, json!({"kind": "drain"}), "/kind", "unknown-member"),
        (&id, json!({"description": null}), "/description", "wrong-type"),
        (&id, json!({"private": null}), "/private", "wrong-type"),
        (&id, json!({"description": " "}), "/description", "too-short"),
        (&id, json!({"answers": {"place": "车库"}}), "/answers/place", "not-allowed"),
        (&id, json!({"answers": {"colour": "红"}}), "/answers/colour", "unknown-member"),
        (&id, json!({"point": {"longitude": 114.93, "latitude": 27.81}}), "/point", "not-changeable"),
        (&street, json!({"address": null}), "/address", "required"),
    ] {
        let answer = patch(&people.resident, order, 1, body.clone()).await;
        assert_eq!(fault(&answer), (422, pointer, code), "{body}");
        assert_eq!(get(&people.resident, order).await.body["version"], 1, "{body}");
    }
    // an order in the street has a position of its own, which can be taken back
    let moved = patch(&people.resident, &street, 1, json!({"address": "桂花巷5号", "point": null})).await;
    assert_eq!((moved.status, moved.text("/address_masked")), (200, "桂花巷*号"));
    people.bring(&street, "accepted").await;
    let contact = done(&people.volunteer, &street, "contact", json!({})).await;
    assert_eq!((contact.text("/address"), contact.body.get("point")), ("桂花巷5号", None));
}

#[rstest]
#[actix_web::test]
async fn only_the_dispatcher_says_how_urgent_it_is(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let people = People::sign_in(&server).await;
    let id = placed(&people.resident, json!({"private": false})).await;
    let urgent = || json!({"priority": "urgent"});
    let refused = patch(&people.resident, &id, 1, urgent()).await;
    assert_eq!((refused.status, refused.text("/code")), (403, "forbidden"));
    // not even beside what he may change
    let both = json!({"description": "水管", "priority": "urgent"});
    assert_eq!(patch(&people.resident, &id, 1, both.clone()).await.status, 403);
    assert_eq!(get(&people.resident, &id).await.text("/description"), "厨房水龙头漏水");
    assert_eq!(patch(&people.worker, &id, 1, both).await.text("/priority"), "urgent");
    let neighbor = server.sign_in("resident2").await;
    done(&neighbor, &id, "join", json!({})).await;
    assert_eq!(patch(&neighbor, &id, 3, json!({"description": "水管"})).await.status, 403);

    people.bring(&id, "in_progress").await;
    let low = patch(&people.worker, &id, 6, json!({"priority": "low"})).await;
    assert_eq!((low.status, low.text("/priority")), (200, "low"));
    // what is being worked on stays what it is
    for who in [&people.worker, &people.resident] {
        let late = patch(who, &id, 7, json!({"description": "水管和下水道"})).await;
        assert_eq!((late.status, late.text("/current_state")), (409, "in_progress"));
    }
    assert_eq!(patch(&people.resident, &id, 7, urgent()).await.status, 403);
    people.bring(&id, "completed").await;
    assert_eq!(patch(&people.worker, &id, 8, urgent()).await.status, 409);
    assert_eq!(get(&people.worker, &id).await.body["version"], 8);
}

const NEW: &str = "019cdfaa-49c0-7c3e-9d41-2f6c1b7a9e10";

async fn put(by: &User<'_>, id: &str, tag: Option<&str>, body: &Value) -> Answer {
    let tag: Vec<(&str, &str)> = tag.map(|tag| ("if-match", tag)).into_iter().collect();
    by.send("PUT", &format!("/service-orders/{id}"), &tag, Some(body)).await
}

fn version(answer: &Answer) -> (u16, Option<i64>) {
    (answer.status, answer.body["version"].as_i64())
}

#[rstest]
#[actix_web::test]
async fn an_order_is_put_under_the_clients_own_id(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let people = People::sign_in(&server).await;
    let resident = &people.resident;
    let compound = resident.compound("福园小区").await;
    let one = json!({"kind": "tap", "description": "水龙头", "compound_id": compound, "address": "302室"});
    let other = json!({"kind": "tap", "description": "水管", "compound_id": compound});
    let first = put(resident, NEW, None, &one).await;
    assert_eq!(version(&first), (201, Some(1)), "{:?}", first.body);
    assert!(first.header("location").unwrap().ends_with(&format!("/api/v1/service-orders/{NEW}")));
    let again = put(resident, NEW, None, &one).await;
    assert_eq!(version(&again), (200, Some(1)));
    assert_eq!((&again.body, again.header("etag")), (&first.body, first.header("etag")));
    // other content needs the version that it replaces
    let blind = put(resident, NEW, None, &other).await;
    assert_eq!((blind.status, blind.text("/code")), (428, "precondition-required"));
    let replaced = put(resident, NEW, Some("\"1\""), &other).await;
    assert_eq!((version(&replaced), replaced.text("/description")), ((200, Some(2)), "水管"));
    assert_eq!(replaced.body.get("address_masked"), None, "what is not sent is not there any more");
    // the answer was lost: the same again is no second change
    assert_eq!(version(&put(resident, NEW, Some("\"1\""), &other).await), (200, Some(2)));
    assert_eq!(version(&put(resident, NEW, None, &other).await), (200, Some(2)));
    // what was replaced does not come back by itself
    assert_eq!(put(resident, NEW, None, &one).await.status, 428);
    let stale = put(resident, NEW, Some("\"1\""), &one).await;
    assert_eq!((stale.status, stale.body["current_version"].as_i64()), (412, Some(2)));
    assert_eq!(version(&put(resident, NEW, Some("\"2\""), &one).await), (200, Some(3)));
    // a patch lies between: the same content replaces it for one who has seen it
    assert_eq!(patch(&people.worker, NEW, 3, json!({"description": "下水道"})).await.status, 200);
    assert_eq!(put(resident, NEW, None, &one).await.text("/description"), "下水道");
    let over = put(resident, NEW, Some("\"4\""), &one).await;
    assert_eq!((version(&over), over.text("/description")), ((200, Some(5)), "水龙头"));
    assert_eq!(told(resident, NEW).await, ["placed", "updated", "updated", "updated", "updated"]);
}

#[rstest]
#[actix_web::test]
async fn not_every_id_and_not_every_member_can_be_put(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let people = People::sign_in(&server).await;
    let resident = &people.resident;
    let compound = resident.compound("福园小区").await;
    let order = json!({"kind": "tap", "description": "水龙头", "compound_id": compound});
    let orders = async || resident.get("/service-orders?count=exact&limit=1").await.body["page"]["total"].clone();
    let before = orders().await;
    let old = put(resident, "3f0a2a8c-5a3e-4d1b-9a51-0c6c4a6d7e11", None, &order).await;
    assert_eq!((old.status, old.text("/code")), (422, "validation-failed"));
    assert_eq!(put(resident, "019CDFAA-49C0-7C3E-9D41-2F6C1B7A9E10", None, &order).await.status, 404);
    assert_eq!(put(resident, "no-id", None, &order).await.status, 404);
    assert_eq!(orders().await, before);

    assert_eq!(put(resident, NEW, None, &order).await.status, 201);
    // an id that exists out of sight
    let neighbor = server.sign_in("resident2").await;
    assert_eq!(put(&neighbor, NEW, None, &order).await.status, 404);
    assert_eq!(put(&neighbor, NEW, Some("\"1\""), &order).await.status, 404);
    assert_eq!(put(&server.sign_in("auditor").await, NEW, None, &order).await.status, 403);

    let with = |member: &str, value: Value| {
        let mut order = order.clone();
        order[member] = value;
        order
    };
    let other_compound = people.worker.compound("桂花村小区").await;
    for (body, pointer, code) in [
        (with("kind", json!("drain")), "/kind", "not-changeable"),
        (with("compound_id", json!(other_compound)), "/compound_id", "not-changeable"),
        (with("region_code", json!("360502002001")), "/region_code", "not-together"),
        (with("on_behalf_of", json!({"name": "何秀英", "phone": "13900139001"})), "/on_behalf_of", "not-changeable"),
        (with("state", json!("confirmed")), "/state", "unknown-member"),
    ] {
        let answer = put(&people.worker, NEW, Some("\"1\""), &body).await;
        assert_eq!(fault(&answer), (422, pointer, code), "{body}");
    }
    people.bring(NEW, "accepted").await;
    let late = put(resident, NEW, Some("\"3\""), &with("description", json!("水管"))).await;
    assert_eq!((late.status, late.text("/current_state")), (409, "accepted"));
    // a create that arrives again is still answered
    assert_eq!(version(&put(resident, NEW, None, &order).await), (200, Some(3)));
}

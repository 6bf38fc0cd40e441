//! Dwellings: their area, and to whom they belong on which day.

use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::{Answer, Server, User},
};
use rstest::rstest;
use serde_json::{Value, json};

use super::{COMMUNITY, building, unit, written};
use crate::hands::{self, Case, fault, faults, ids, invalid, made, refusal, told, uuid};

/// A unit of a new compound.
async fn entrance(by: &User<'_>) -> String {
    let home = written(by, "home").await;
    let block = building(by, &home, "1").await;
    unit(by, &block, "1").await
}

async fn dwelling(by: &User<'_>, unit: &str, code: &str) -> String {
    made(by, "/dwellings", json!({"unit_id": unit, "code": code, "area_m2": "89.37", "area_source": "register"})).await
}

async fn person(by: &User<'_>, name: &str) -> String {
    made(by, "/persons", json!({"region_code": COMMUNITY, "name": name})).await
}

async fn owned(by: &User<'_>, dwelling: &str, owners: Value, from: &str) -> Answer {
    by.post(&format!("/dwellings/{dwelling}/change-owners"), json!({"owners": owners, "valid_from": from})).await
}

#[rstest]
#[actix_web::test]
async fn dwellings_keep_the_promises(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let entrance = entrance(&worker).await;
    let official = server.sign_in("wangshang").await;
    let far = unit(&official, &super::building_elsewhere(&server).await, "1").await;
    let unseen = dwelling(&official, &far, "101").await;
    let _known = worker.get("/me").await;
    let of = |code: &str| json!({"unit_id": entrance, "code": code, "floor": 1, "delivered": false});
    let case = Case {
        collection: "/dwellings",
        bodies: [of("101"), of("102")],
        member: ("floor", json!(2), json!(3), "/floor"),
        optional: Some("delivered"),
        required: "code",
        // the row, and its owners
        reads: 2,
        put: true,
        unseen: Some(unseen),
    };
    hands::keeps_the_promises(&server, &worker, &case).await;
}

#[rstest]
#[actix_web::test]
async fn an_area_is_exact_and_has_a_source(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let entrance = entrance(&worker).await;
    let of = |members: Value| hands::with(json!({"unit_id": entrance, "code": "101"}), members);
    for (members, pointer, code) in [
        (json!({"area_m2": "89.37"}), "/area_source", "required"),
        (json!({"area_source": "contract"}), "/area_m2", "required"),
        (json!({"area_m2": "0", "area_source": "register"}), "/area_m2", "format"),
        (json!({"area_m2": "0.0000", "area_source": "register"}), "/area_m2", "format"),
        (json!({"area_m2": "89.37001", "area_source": "register"}), "/area_m2", "format"),
        (json!({"area_m2": "-1", "area_source": "register"}), "/area_m2", "format"),
        (json!({"area_m2": 89.37, "area_source": "register"}), "/area_m2", "wrong-type"),
        (json!({"area_m2": "89.37", "area_source": "guess"}), "/area_source", "not-found"),
    ] {
        assert_eq!(fault(&worker.post("/dwellings", of(members)).await), invalid(pointer, code));
    }
    let kept = worker.post("/dwellings", of(json!({"area_m2": "89.37", "area_source": "surveyed"}))).await;
    assert_eq!((kept.text("/area_m2"), kept.text("/area_mu")), ("89.3700", "0.1341"));
    assert_eq!(kept.body["delivered"], true);
}

#[rstest]
#[actix_web::test]
async fn it_belongs_to_somebody_from_a_day_on(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let entrance = entrance(&worker).await;
    let [home, empty] = [dwelling(&worker, &entrance, "301").await, dwelling(&worker, &entrance, "302").await];
    let [old, wife, man] =
        [person(&worker, "王建国").await, person(&worker, "丁小梅").await, person(&worker, "李晓明").await];
    let path = format!("/dwellings/{home}");
    let one = json!([{"person_id": old, "share": "1/1"}]);
    assert_eq!(owned(&worker, &home, one, "2010-05-01").await.status, 200);
    let two = json!([{"person_id": wife, "share": "1/3"}, {"person_id": man, "share": "2/3"}]);
    let sold = owned(&worker, &home, two.clone(), "2020-05-01").await;
    let owners = sold.body["owners"].as_array().unwrap();
    assert_eq!(owners[0]["display_name"], "王**");
    assert_eq!((&owners[0]["valid_until"], &owners[1]["valid_from"]), (&json!("2020-05-01"), &json!("2020-05-01")));
    let shares =
        |of: &str| owners.iter().find(|owner| owner["person_id"] == json!(of)).map(|owner| owner["share"].clone());
    assert_eq!((shares(&wife), shares(&man)), (Some(json!("1/3")), Some(json!("2/3"))));
    let inside = |query: String| {
        let worker = &worker;
        let path = format!("/dwellings?unit_id={entrance}&{query}");
        async move { ids(worker, &path).await }
    };
    assert_eq!(inside(format!("owner_id={wife}")).await, [&*home]);
    assert!(inside(format!("owner_id={old}")).await.is_empty());
    assert_eq!(inside(format!("owner_id={old}&as_of=2020-04-30")).await, [&*home]);
    assert_eq!(inside("owned=false".to_owned()).await, [&*empty]);
    assert_eq!(inside("owned=false&as_of=2010-04-30".to_owned()).await, [&*home, &*empty]);
    assert_eq!(told(&worker, &path).await, ["dwelling.created", "dwelling.owners_changed", "dwelling.owners_changed"]);
    for (owners, from, pointer, code) in [
        (json!([{"person_id": old, "share": "1/2"}]), "2021-01-01", "/owners", "shares-not-whole"),
        (
            json!([{"person_id": old, "share": "1/2"}, {"person_id": old, "share": "1/2"}]),
            "2021-01-01",
            "/owners/1",
            "duplicate",
        ),
        (json!([{"person_id": old, "share": "3/2"}]), "2021-01-01", "/owners/0/share", "format"),
        (json!([{"share": "1/1"}]), "2021-01-01", "/owners/0/person_id", "required"),
        (json!([{"person_id": hands::own_id(404), "share": "1/1"}]), "2021-01-01", "/owners/0/person_id", "not-found"),
        (json!([]), "2021-01-01", "/owners", "too-short"),
        (two.clone(), "2020-04-30", "/valid_from", "before-start"),
        (two, "2026-03-13", "/valid_from", "in-future"),
    ] {
        assert_eq!(fault(&owned(&worker, &home, owners.clone(), from).await), invalid(pointer, code), "{owners}");
    }
    // nothing of what was refused is kept
    assert_eq!(worker.get(&path).await.body["version"], 3);
}

#[rstest]
#[actix_web::test]
async fn who_owns_what_is_not_for_everybody(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let resident = server.sign_in("resident").await;
    let fuyuan = worker.compound("福园小区").await;
    let block = building(&worker, &fuyuan, "9").await;
    let entrance = unit(&worker, &block, "1").await;
    let [own, others] = [dwelling(&worker, &entrance, "101").await, dwelling(&worker, &entrance, "102").await];
    let me = resident.get("/me").await.text("/person_id").to_owned();
    let neighbor = person(&worker, "王建国").await;
    for (home, owner) in [(&own, &me), (&others, &neighbor)] {
        let done = owned(&worker, home, json!([{"person_id": owner, "share": "1/1"}]), "2020-05-01").await;
        assert_eq!(done.status, 200, "{:?}", done.body);
    }
    let [mine, his] =
        [resident.get(&format!("/dwellings/{own}")).await, resident.get(&format!("/dwellings/{others}")).await];
    assert_eq!((mine.text("/owners/0/person_id"), &his.body["owners"]), (me.as_str(), &Value::Null));
    assert_eq!((his.text("/code"), his.text("/area_m2")), ("102", "89.3700"));
    // nor does what happened to it tell
    let events = resident.get(&format!("/dwellings/{others}/events")).await;
    assert_eq!((events.status, events.body["items"][1]["data"]["owners"].as_i64()), (200, Some(1)));
    assert!(!events.body.to_string().contains(&neighbor), "{:?}", events.body);
    let county = server.sign_in("yushui").await;
    let bare = county.get(&format!("/dwellings?region={COMMUNITY}&limit=1")).await;
    let members: Vec<&String> = bare.body["items"][0].as_object().unwrap().keys().collect();
    assert_eq!(members, ["actions", "created_at", "id", "region_code", "updated_at", "version"]);
    assert_eq!(refusal(&county.get(&format!("/dwellings/{own}")).await), (403, "access-approval-required"));
    let guessed = [
        ("resident", "owned=true"),
        ("resident", &format!("owner_id={neighbor}")),
        ("yushui", &format!("unit_id={entrance}")),
    ];
    for (username, query) in guessed {
        let guess = server.sign_in(username).await.get(&format!("/dwellings?{query}")).await;
        assert_eq!(refusal(&guess), (400, "field-not-allowed"), "{username} {query}");
    }
    let asked = resident.get(&format!("/dwellings?owner_id={me}")).await;
    assert_eq!((asked.status, faults(&asked).len()), (200, 0));
    let counted = server.sql.count("dwelling_owners WHERE person_id = $1", [uuid(&me).into()]).await;
    assert!(counted >= 1);
}

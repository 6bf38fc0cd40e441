//! Compounds, what they consist of, who manages and covers them, and to whom dwellings belong.

mod dwellings;
mod inspections;
mod management;
mod places;

use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::{Answer, Server, User},
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::hands::{self, Case, change, fault, faults, invalid, made, put, refusal, remove, told, version};

const COMMUNITY: &str = "360502002001";

fn compound(members: Value) -> Value {
    hands::with(json!({"region_code": COMMUNITY, "code": "new", "name": "新风小区"}), members)
}

async fn written(by: &User<'_>, code: &str) -> String {
    made(by, "/compounds", compound(json!({ "code": code }))).await
}

async fn building(by: &User<'_>, compound: &str, code: &str) -> String {
    made(by, "/buildings", json!({"compound_id": compound, "code": code, "name": "1栋"})).await
}

async fn unit(by: &User<'_>, building: &str, code: &str) -> String {
    made(by, "/units", json!({"building_id": building, "code": code, "name": "1单元"})).await
}

#[rstest]
#[actix_web::test]
async fn compounds_keep_the_promises(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let unseen = compound(json!({"region_code": "360121100001"}));
    let unseen = made(&server.sign_in("wangshang").await, "/compounds", unseen).await;
    let _known = worker.get("/me").await;
    let case = Case {
        collection: "/compounds",
        bodies: [compound(json!({"built_year": 1998})), compound(json!({"code": "other"}))],
        member: ("name", json!("新光小区"), json!("新华小区"), "/name"),
        optional: Some("built_year"),
        required: "code",
        // the row, its buildings, how it is managed, and who covers it
        reads: 4,
        put: true,
        unseen: Some(unseen),
    };
    hands::keeps_the_promises(&server, &worker, &case).await;
}

#[rstest]
#[actix_web::test]
async fn buildings_keep_the_promises(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let home = written(&worker, "home").await;
    let unseen = building_elsewhere(&server).await;
    let _known = worker.get("/me").await;
    let of = |code: &str| json!({"compound_id": home, "code": code, "name": "1栋"});
    let case = Case {
        collection: "/buildings",
        bodies: [of("1"), of("2")],
        member: ("name", json!("甲栋"), json!("乙栋"), "/name"),
        optional: None,
        required: "name",
        reads: 1,
        put: true,
        unseen: Some(unseen),
    };
    hands::keeps_the_promises(&server, &worker, &case).await;
}

#[rstest]
#[actix_web::test]
async fn units_keep_the_promises(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let home = written(&worker, "home").await;
    let block = building(&worker, &home, "1").await;
    let elsewhere = building_elsewhere(&server).await;
    let unseen = unit(&server.sign_in("wangshang").await, &elsewhere, "1").await;
    let _known = worker.get("/me").await;
    let of = |code: &str| json!({"building_id": block, "code": code, "name": "1单元"});
    let case = Case {
        collection: "/units",
        bodies: [of("1"), of("2")],
        member: ("name", json!("东单元"), json!("西单元"), "/name"),
        optional: None,
        required: "name",
        reads: 1,
        put: true,
        unseen: Some(unseen),
    };
    hands::keeps_the_promises(&server, &worker, &case).await;
}

/// A building out of the sight of those in the community.
async fn building_elsewhere(server: &Server) -> String {
    let official = server.sign_in("wangshang").await;
    let far = made(&official, "/compounds", compound(json!({"region_code": "360121100001"}))).await;
    building(&official, &far, "1").await
}

#[rstest]
#[actix_web::test]
async fn a_code_is_taken_once_where_it_is_known(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let home = written(&worker, "home").await;
    let twice = |answer: &Answer| assert_eq!(fault(answer), invalid("/code", "duplicate"));
    twice(&worker.post("/compounds", compound(json!({"code": "home"}))).await);
    let block = building(&worker, &home, "1").await;
    twice(&worker.post("/buildings", json!({"compound_id": home, "code": "1", "name": "又一栋"})).await);
    let entrance = unit(&worker, &block, "1").await;
    twice(&worker.post("/units", json!({"building_id": block, "code": "1", "name": "又一单元"})).await);
    made(&worker, "/dwellings", json!({"unit_id": entrance, "code": "101"})).await;
    twice(&worker.post("/dwellings", json!({"unit_id": entrance, "code": "101"})).await);
    // elsewhere it is free
    let other = written(&worker, "other").await;
    let block = building(&worker, &other, "1").await;
    let entrance = unit(&worker, &block, "1").await;
    made(&worker, "/dwellings", json!({"unit_id": entrance, "code": "101"})).await;
    let seen = worker.get(&format!("/compounds/{other}")).await;
    let names = &seen.body["buildings"][0];
    assert_eq!((names["id"].as_str(), names["units"][0]["id"].as_str()), (Some(&*block), Some(&*entrance)));
}

#[rstest]
#[actix_web::test]
async fn what_something_is_part_of_never_changes(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let [home, other] = [written(&worker, "home").await, written(&worker, "other").await];
    let moved = compound(json!({"code": "home", "region_code": "360502002001001"}));
    let refused = put(&worker, &format!("/compounds/{home}"), Some(1), &moved).await;
    assert_eq!(fault(&refused), invalid("/region_code", "not-changeable"));
    let block = building(&worker, &home, "1").await;
    let moved = json!({"compound_id": other, "code": "1", "name": "1栋"});
    let refused = put(&worker, &format!("/buildings/{block}"), Some(1), &moved).await;
    assert_eq!(fault(&refused), invalid("/compound_id", "not-changeable"));
    for (collection, member, id) in [("buildings", "compound_id", &block), ("units", "building_id", &home)] {
        let body = json!({member: "019cdf00-1a2b-7c11-8a01-5b6c7d8e9f00", "code": "7", "name": "无"});
        let refused = worker.post(&format!("/{collection}"), body).await;
        assert_eq!(fault(&refused), invalid(&format!("/{member}"), "not-found"), "{id}");
    }
}

#[rstest]
#[actix_web::test]
async fn only_what_nothing_hangs_on_is_deleted(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let [worker, street] = [server.sign_in("worker").await, server.sign_in("street").await];
    let home = written(&worker, "home").await;
    let path = format!("/compounds/{home}");
    assert_eq!(refusal(&remove(&worker, &path, 1).await), (403, "forbidden"));
    assert_eq!(refusal(&street.send("DELETE", &path, &[], None).await), (428, "precondition-required"));
    assert_eq!(refusal(&remove(&street, &path, 9).await), (412, "version-mismatch"));
    building(&worker, &home, "1").await;
    assert_eq!(refusal(&remove(&street, &path, 1).await), (409, "has-dependents"));
    let empty = written(&worker, "empty").await;
    let path = format!("/compounds/{empty}");
    assert_eq!(remove(&street, &path, 1).await.status, 204);
    for gone in [&path, &format!("{path}/events")] {
        assert_eq!(street.get(gone).await.status, 404, "{gone}");
    }
    assert!(!hands::ids(&street, "/compounds?q=新风").await.contains(&empty));
    let named = worker.post("/buildings", json!({"compound_id": empty, "code": "1", "name": "1栋"})).await;
    assert_eq!(fault(&named), invalid("/compound_id", "not-found"));
    let order = json!({"kind": "tap", "description": "漏水", "compound_id": empty, "on_behalf_of": {"name": "王建国", "phone": "13800138111"}});
    assert_eq!(fault(&worker.post("/service-orders", order).await), invalid("/compound_id", "not-found"));
    // its code is free again, its id is not
    written(&worker, "empty").await;
    let again = put(&worker, &path, None, &compound(json!({"code": "again"}))).await;
    assert_eq!(again.status, 404);
    let kinds: Vec<String> =
        server.sql.all("SELECT kind FROM events WHERE subject_id = $1 ORDER BY subject_version", [empty.into()]).await;
    assert_eq!(kinds, ["compound.created", "compound.deleted"]);
}

#[rstest]
#[actix_web::test]
async fn the_company_keeps_what_it_knows(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let company = server.sign_in("property").await;
    let own = hands::ids(&company, "/compounds").await;
    let [own] = own.as_slice() else { panic!("{own:?}") };
    let path = format!("/compounds/{own}");
    let now = version(&company, &path).await;
    let kept = change(&company, &path, now, json!({"population": 812})).await;
    assert_eq!((kept.status, kept.body["population"].as_i64()), (200, Some(812)));
    let refused = change(&company, &path, now + 1, json!({"difficulty": "hard", "name": "我的小区"})).await;
    let expected = ["/difficulty", "/name"].map(|pointer| (pointer.to_owned(), "not-changeable".to_owned()));
    assert_eq!(faults(&refused), expected);
    let mode = company.post(&format!("{path}/change-mode"), json!({"mode": "keeper"})).await;
    assert_eq!(refusal(&mode), (403, "forbidden"));
    assert_eq!(told(&company, &path).await.last().map(String::as_str), Some("compound.updated"));
}

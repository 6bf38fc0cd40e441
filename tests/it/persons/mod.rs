//! Persons: who may write them down, how much of them is shown to whom, and how they are found.

mod access_log;
mod masks;
mod numbers;
mod reveal;
mod search;

use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::{Answer, Server, User},
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::hands::{self, Case, change, fault, faults, invalid, refusal, stamp};

/// 公园北村社区
const COMMUNITY: &str = "360502002001";
/// 百花湖社区, that of `worker2`, in another street of the district.
const NEXT: &str = "360502001001";

/// A person of the community; members that are given are added to it.
fn person(members: Value) -> Value {
    hands::with(json!({"region_code": COMMUNITY, "name": "欧阳小梅"}), members)
}

async fn write(by: &User<'_>, members: Value) -> Answer {
    by.post("/persons", person(members)).await
}

async fn written(by: &User<'_>, members: Value) -> String {
    hands::made(by, "/persons", person(members)).await
}

#[rstest]
#[actix_web::test]
async fn persons_keep_the_promises(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let unseen = written(&server.sign_in("worker2").await, json!({"region_code": NEXT})).await;
    let case = Case {
        collection: "/persons",
        bodies: [
            person(json!({"phone": "13987650001", "address": "3 栋"})),
            person(json!({"name": "王强", "address": "3 栋 201"})),
        ],
        member: ("political_status", json!("party_member"), json!("citizen"), "/political_status"),
        optional: Some("address"),
        required: "name",
        reads: 1,
        put: true,
        unseen: Some(unseen),
    };
    let _known = worker.get("/me").await;
    hands::keeps_the_promises(&server, &worker, &case).await;
}

#[rstest]
#[actix_web::test]
async fn what_is_out_of_reach_stays_as_it_is(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (worker, other) = (server.sign_in("worker").await, server.sign_in("worker2").await);
    let id = written(&other, json!({"region_code": NEXT})).await;
    let path = format!("/persons/{id}");
    let before = stamp(&server, &path).await;
    let reveal = json!({"fields": ["name"], "purpose": "service", "note": "上门维修"});
    server.advance(chrono::TimeDelta::seconds(1));
    assert_eq!(change(&worker, &path, 1, json!({"name": "王强"})).await.status, 404);
    assert_eq!(change(&worker, &path, 9, json!({"name": "王强"})).await.status, 404);
    assert_eq!(worker.post(&format!("{path}/reveal"), reveal).await.status, 404);
    assert_eq!(stamp(&server, &path).await, before);
    // somebody there who may only read
    let auditor = server.sign_in("auditor").await;
    assert_eq!(refusal(&change(&auditor, &path, 1, json!({"name": "王强"})).await), (403, "forbidden"));
    assert_eq!(stamp(&server, &path).await, before);
}

#[rstest]
#[actix_web::test]
async fn nobody_is_moved_out_of_reach(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let other = server.sign_in("worker2").await;
    let (fuyuan, far) = (worker.compound("福园小区").await, other.compound("邮政局小区").await);
    let id = written(&worker, json!({})).await;
    let path = format!("/persons/{id}");
    let before = stamp(&server, &path).await;
    server.advance(chrono::TimeDelta::seconds(1));
    let moved = async |by: &User<'_>, members: Value| change(by, &path, 1, members).await;
    let into = |compound: &str| json!({"compound_id": compound, "region_code": null});
    // a compound that he does not see is told like none
    for unknown in [far.as_str(), "019cdfaa-49c0-7c3e-9d41-2f6c1b7a9e10"] {
        assert_eq!(fault(&moved(&worker, into(unknown)).await), invalid("/compound_id", "not-found"));
    }
    // regions everybody sees, and he keeps his own community only
    assert_eq!(refusal(&moved(&worker, json!({"region_code": NEXT})).await), (403, "forbidden"));
    assert_eq!(
        fault(&moved(&worker, json!({"region_code": "360502999999"})).await),
        invalid("/region_code", "not-found")
    );
    assert_eq!(fault(&moved(&worker, json!({"region_code": "360502002"})).await).0, 422);
    assert_eq!(fault(&moved(&worker, json!({"compound_id": fuyuan})).await), invalid("/region_code", "not-together"));
    assert_eq!(fault(&moved(&worker, json!({"region_code": null})).await), invalid("/compound_id", "required"));
    // one who sees the compounds of the whole district, and keeps the persons of one community
    let roles = [("community_worker", COMMUNITY), ("cadre", "360502")];
    let (both, _) = hands::appoint(&server, "both", &roles).await;
    assert_eq!(refusal(&moved(&both, into(&far)).await), (403, "forbidden"));
    assert_eq!(refusal(&both.post("/persons", json!({"compound_id": far, "name": "王强"})).await), (403, "forbidden"));
    assert_eq!(stamp(&server, &path).await, before);
    // within reach he moves, into a compound and out of it
    let inside = moved(&worker, into(&fuyuan)).await;
    assert_eq!((inside.status, inside.text("/compound_id")), (200, fuyuan.as_str()));
    let back = change(&worker, &path, 2, json!({"compound_id": null, "region_code": COMMUNITY})).await;
    assert_eq!((back.status, back.body.get("compound_id"), back.text("/region_code")), (200, None, COMMUNITY));
}

#[rstest]
#[actix_web::test]
async fn several_faults_are_told_at_once(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let before = server.sql.count("persons", []).await;
    let bad =
        json!({"name": "王5", "phone": "12800138000", "id_number": "110105194912310021", "birth_date": "2026-03-13"});
    let answer = write(&worker, bad).await;
    let expected = [
        ("/birth_date", "in-future"),
        ("/id_number", "id-number-checksum"),
        ("/name", "name-format"),
        ("/phone", "phone-format"),
    ];
    assert_eq!((answer.status, faults(&answer)), (422, expected.map(|(p, c)| (p.to_owned(), c.to_owned())).to_vec()));
    for (members, pointer, code) in [
        (json!({"birth_date": "1879-12-31"}), "/birth_date", "implausible"),
        (json!({"political_status": "unknown"}), "/political_status", "not-found"),
        (json!({"tags": ["lives_alone", "unknown"]}), "/tags/1", "not-found"),
        (json!({"id": "019cdfaa-49c0-7c3e-9d41-2f6c1b7a9e10"}), "/id", "unknown-member"),
    ] {
        assert_eq!(fault(&write(&worker, members).await), invalid(pointer, code));
    }
    assert_eq!(server.sql.count("persons", []).await, before);
}

//! Organizations: who keeps them and who reads them, their codes, kinds and what is above them.

use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::{Answer, Server, User},
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::hands::{self, Case, change, fault, ids, invalid, refusal, stamp};

const STREET: &str = "360502002";

fn organization(members: Value) -> Value {
    hands::with(json!({"name": "居民委员会", "kind": "residents_committee", "region_code": STREET}), members)
}

async fn write(by: &User<'_>, members: Value) -> Answer {
    by.post("/organizations", organization(members)).await
}

async fn written(by: &User<'_>, members: Value) -> String {
    hands::made(by, "/organizations", organization(members)).await
}

#[rstest]
#[actix_web::test]
async fn organizations_keep_the_promises(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let official = server.sign_in("yushui").await;
    let unseen = written(&server.sign_in("nanchang").await, json!({"region_code": "360121"})).await;
    let _known = official.get("/me").await;
    let case = Case {
        collection: "/organizations",
        bodies: [
            organization(json!({"credit_code": "91350100M000100Y43"})),
            organization(json!({"name": "第二居委会"})),
        ],
        member: ("name", json!("第三居委会"), json!("第四居委会"), "/name"),
        optional: Some("credit_code"),
        required: "kind",
        reads: 1,
        put: true,
        unseen: Some(unseen),
    };
    hands::keeps_the_promises(&server, &official, &case).await;
}

#[rstest]
#[actix_web::test]
async fn a_credit_code_is_checked(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let official = server.sign_in("yushui").await;
    for (given, kept) in [
        ("91350100M000100Y43", "91350100M000100Y43"),
        ("91350100m000000000", "91350100M000000000"),
        ("９１３１０１１５ＭＡ１Ｈ８Ｒ７Ｃ６７", "91310115MA1H8R7C67"),
    ] {
        assert_eq!(write(&official, json!({"credit_code": given})).await.text("/credit_code"), kept, "{given}");
        assert_eq!(fault(&write(&official, json!({"credit_code": kept})).await), invalid("/credit_code", "duplicate"));
    }
    for (wrong, code) in [
        ("91350100M000100Y4Z", "uscc-charset"),
        ("91350100M000100Y44", "uscc-checksum"),
        ("91310115MA1H8R7C6D", "uscc-checksum"),
        ("91350100M000100Y4", "uscc-format"),
        ("9135010AM000100Y43", "uscc-format"),
    ] {
        assert_eq!(
            fault(&write(&official, json!({"credit_code": wrong})).await),
            invalid("/credit_code", code),
            "{wrong}"
        );
    }
}

#[rstest]
#[actix_web::test]
async fn a_kind_has_its_own_members(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let official = server.sign_in("yushui").await;
    for (kind, formation, grade) in [
        ("party_committee", true, false),
        ("party_general_branch", true, false),
        ("party_branch", true, false),
        ("party_group", true, false),
        ("government_office", false, false),
        ("county_department", false, false),
        ("school", false, false),
        ("forest_chief_office", false, false),
        ("state_forest_farm", false, false),
        ("property_company", false, true),
        ("residents_committee", false, false),
        ("villagers_committee", false, false),
        ("resident_unit", false, false),
        ("center_operator", false, false),
        ("village_enterprise", false, false),
    ] {
        let id = written(&official, json!({"kind": kind})).await;
        let path = format!("/organizations/{id}");
        let found = ids(&official, &format!("/organizations?kind={kind}")).await;
        assert!(found.contains(&id), "{kind}");
        let mut version = 1;
        for (member, value, fits) in [("formation", "joint", formation), ("credit_grade", "A", grade)] {
            let refused = write(&official, json!({"kind": kind, member: value})).await;
            let changed = change(&official, &path, version, json!({member: value})).await;
            if fits {
                version += 1;
                assert_eq!((refused.status, changed.status), (201, 200), "{kind} {member}");
            } else {
                let expected = invalid(&format!("/{member}"), "contradicts-member");
                assert_eq!((fault(&refused), fault(&changed)), (expected.clone(), expected), "{kind}");
            }
        }
        let other = if kind == "school" { "party_group" } else { "school" };
        let refused = change(&official, &path, version, json!({"kind": other})).await;
        assert_eq!(fault(&refused), invalid("/kind", "unknown-member"), "{kind}");
        let put = hands::put(&official, &path, Some(version), &organization(json!({"kind": other}))).await;
        assert_eq!(fault(&put), invalid("/kind", "not-changeable"), "{kind}");
    }
}

#[rstest]
#[actix_web::test]
async fn nothing_is_above_itself(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let official = server.sign_in("yushui").await;
    let top = written(&official, json!({})).await;
    let middle = written(&official, json!({"parent_id": top})).await;
    let low = written(&official, json!({"parent_id": middle})).await;
    for below in [&top, &middle, &low] {
        let refused = change(&official, &format!("/organizations/{top}"), 1, json!({"parent_id": below})).await;
        assert_eq!(fault(&refused), invalid("/parent_id", "circular"));
    }
    assert_eq!(ids(&official, &format!("/organizations?parent_id={top}")).await, [middle.as_str()]);
    // one that he does not see is told like none
    let far = written(&server.sign_in("nanchang").await, json!({"region_code": "360121"})).await;
    for unknown in [far.as_str(), "019cdfaa-49c0-7c3e-9d41-2f6c1b7a9e10"] {
        let refused = change(&official, &format!("/organizations/{low}"), 1, json!({"parent_id": unknown})).await;
        assert_eq!(fault(&refused), invalid("/parent_id", "not-found"));
        assert_eq!(fault(&write(&official, json!({"parent_id": unknown})).await), invalid("/parent_id", "not-found"));
    }
    let moved = change(&official, &format!("/organizations/{low}"), 1, json!({"parent_id": top})).await;
    assert_eq!(moved.text("/parent_id"), top);
    let alone = change(&official, &format!("/organizations/{low}"), 2, json!({"parent_id": null})).await;
    assert_eq!((alone.status, alone.body.get("parent_id")), (200, None));
}

#[rstest]
#[actix_web::test]
async fn both_ends_of_a_move_are_his(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (street, county) = (server.sign_in("street").await, server.sign_in("yushui").await);
    let id = written(&street, json!({})).await;
    let high = written(&county, json!({"region_code": "360502"})).await;
    let far = written(&server.sign_in("nanchang").await, json!({"region_code": "360121"})).await;
    let before = [
        stamp(&server, &format!("/organizations/{id}")).await,
        stamp(&server, &format!("/organizations/{high}")).await,
        stamp(&server, &format!("/organizations/{far}")).await,
    ];
    server.advance(chrono::TimeDelta::seconds(1));
    let path = format!("/organizations/{id}");
    // out of his reach: above, beside, elsewhere
    for region in ["360502", "360502001", "360121"] {
        let refused = change(&street, &path, 1, json!({"region_code": region})).await;
        assert_eq!(refusal(&refused), (403, "forbidden"), "{region}");
        assert_eq!(refusal(&write(&street, json!({"region_code": region})).await), (403, "forbidden"), "{region}");
        let put = hands::put(&street, &path, Some(1), &organization(json!({"region_code": region}))).await;
        assert_eq!(refusal(&put), (403, "forbidden"), "{region}");
    }
    let unknown = change(&street, &path, 1, json!({"region_code": "360502999"})).await;
    assert_eq!(fault(&unknown), invalid("/region_code", "not-found"));
    // what he does not see he cannot bring in either, with whatever version
    for (unseen, version) in [(&high, 1), (&high, 9), (&far, 1)] {
        let path = format!("/organizations/{unseen}");
        assert_eq!(change(&street, &path, version, json!({"region_code": STREET})).await.status, 404);
        assert_eq!(hands::put(&street, &path, Some(version), &organization(json!({}))).await.status, 404);
    }
    // who only reads it is refused, not told that it is unknown
    for username in ["worker", "auditor", "resident", "province"] {
        let own = if username == "worker" {
            written(&street, json!({"region_code": "360502002001"})).await
        } else {
            id.clone()
        };
        let path = format!("/organizations/{own}");
        let user = server.sign_in(username).await;
        assert_eq!(refusal(&change(&user, &path, 1, json!({"name": "新名"})).await), (403, "forbidden"), "{username}");
        assert_eq!(user.get(&path).await.body["actions"], json!([]), "{username}");
    }
    let after = [
        stamp(&server, &format!("/organizations/{id}")).await,
        stamp(&server, &format!("/organizations/{high}")).await,
        stamp(&server, &format!("/organizations/{far}")).await,
    ];
    assert_eq!(after, before);
    let moved = change(&street, &path, 1, json!({"region_code": "360502002001"})).await;
    assert_eq!(moved.text("/region_code"), "360502002001");
}

#[rstest]
#[actix_web::test]
async fn some_read_all_and_some_their_own(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let all = server.sql.count("organizations", []).await;
    for username in ["resident", "volunteer", "guardian", "property", "ranger", "chief.village", "teacher", "committee"]
    {
        let user = server.sign_in(username).await;
        assert_eq!(i64::try_from(ids(&user, "/organizations").await.len()), Ok(all), "{username}");
        // all of them are in his scope, so a filter finds those of any region
        for region in ["36", "360121", "360502002001", "361091200"] {
            let filtered = user.get(&format!("/organizations?region={region}&count=exact")).await;
            let within =
                server.sql.count("organizations WHERE region_code LIKE $1", [format!("{region}%").into()]).await;
            assert_eq!((filtered.status, filtered.body["page"]["total"].as_i64()), (200, Some(within)), "{username}");
        }
        assert_eq!(user.get("/organizations?region=360199").await.status, 404, "{username}");
    }
    for (username, region) in
        [("worker", "360502002001"), ("street", STREET), ("cadre", "360121100"), ("yushui", "360502")]
    {
        let user = server.sign_in(username).await;
        let within = server.sql.count("organizations WHERE region_code LIKE $1", [format!("{region}%").into()]).await;
        assert_eq!(i64::try_from(ids(&user, "/organizations").await.len()), Ok(within), "{username}");
        assert_eq!(user.get("/organizations?region=361091200").await.status, 404, "{username}");
    }
    for username in ["mediator", "counselor", "treasurer"] {
        let user = server.sign_in(username).await;
        assert_eq!(refusal(&user.get("/organizations").await), (403, "forbidden"), "{username}");
        assert_eq!(refusal(&user.get("/service-kinds").await), (403, "forbidden"), "{username}");
    }
    // who runs the system has no place, and his accounts are those of all
    let (operator, _) = hands::appoint(&server, "operator", &[("system_administrator", "36")]).await;
    assert_eq!(operator.get("/users?region=360502").await.status, 200);
}

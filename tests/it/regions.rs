//! Regions as they are written: whose they are, what their codes say, and what hangs on what.

use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::{Answer, Server, User},
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::hands::{self, Case, change, fault, ids, invalid, refusal, stamp};

async fn create(by: &User<'_>, code: &str, name: &str, kind: &str) -> Answer {
    by.post("/regions", json!({"code": code, "name": name, "kind": kind})).await
}

async fn created(by: &User<'_>, code: &str, name: &str, kind: &str) -> Value {
    let answer = create(by, code, name, kind).await;
    assert_eq!(answer.status, 201, "{code}: {:?}", answer.body);
    answer.body
}

#[rstest]
#[actix_web::test]
async fn regions_keep_the_promises(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let official = server.sign_in("yushui").await;
    let _known = official.get("/me").await;
    let case = Case {
        collection: "/regions",
        bodies: [
            json!({"code": "360502002009", "name": "长青社区", "kind": "community"}),
            json!({"code": "360502002010", "name": "长青社区", "kind": "community"}),
        ],
        member: ("name", json!("长青北社区"), json!("长青南社区"), "/name"),
        optional: None,
        required: "name",
        reads: 1,
        put: false,
        unseen: None,
    };
    hands::keeps_the_promises(&server, &official, &case).await;
}

#[rstest]
#[actix_web::test]
async fn each_keeps_his_own_subtree(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let grid = ["360502002001009", "360502001001009", "360121100001009"];
    let community = ["360502002009", "360502001009", "360121100009"];
    let township = ["360502009", "360502010", "360121009"];
    // what each may make: of three places, one nearer to him than the other
    for (username, codes, kind, statuses) in [
        ("worker", grid, "grid", [201, 403, 403]),
        ("street", community, "community", [201, 403, 403]),
        ("yushui", township, "street", [201, 201, 403]),
        ("admin", township.map(|code| if code == "360121009" { code } else { "360502011" }), "street", [201, 422, 201]),
        ("province", township, "street", [403, 403, 403]),
        ("auditor", grid, "grid", [403, 403, 403]),
        ("resident", grid, "grid", [403, 403, 403]),
        ("department", township, "street", [403, 403, 403]),
    ] {
        let user = server.sign_in(username).await;
        for (code, status) in codes.into_iter().zip(statuses) {
            assert_eq!(create(&user, code, "新设", kind).await.status, status, "{username} {code}");
        }
    }
    server.advance(chrono::TimeDelta::seconds(1));
    // everybody reads all of them, and changes his own
    for (username, own, other) in [("worker", "360502002001", "360502001001"), ("street", "360502002", "360502")] {
        let user = server.sign_in(username).await;
        let before = stamp(&server, &format!("/regions/{other}")).await;
        let path = format!("/regions/{other}");
        assert_eq!(user.get(&path).await.body["actions"], json!([]), "{username}");
        assert_eq!(refusal(&change(&user, &path, 1, json!({"name": "新名"})).await), (403, "forbidden"));
        assert_eq!(refusal(&change(&user, &path, 9, json!({"name": "新名"})).await), (403, "forbidden"));
        assert_eq!(stamp(&server, &format!("/regions/{other}")).await, before);
        let path = format!("/regions/{own}");
        assert_eq!(user.get(&path).await.body["actions"], json!(["update"]), "{username}");
        let version = hands::version(&user, &path).await;
        assert_eq!(change(&user, &path, version, json!({"name": "新名"})).await.text("/name"), "新名");
    }
    let unknown = change(&server.sign_in("yushui").await, "/regions/360502999", 1, json!({"name": "新名"})).await;
    assert_eq!(unknown.status, 404);
}

#[rstest]
#[actix_web::test]
async fn a_kind_fits_its_level(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let admin = server.sign_in("admin").await;
    for (code, fitting) in [
        ("3670", vec!["city"]),
        ("367001", vec!["county", "district", "functional_zone"]),
        ("367001001", vec!["township", "street", "state_forest_farm", "functional_zone"]),
        ("367001001001", vec!["village", "community"]),
        ("367001001001001", vec!["grid"]),
    ] {
        for kind in [
            "province",
            "city",
            "county",
            "district",
            "functional_zone",
            "township",
            "street",
            "state_forest_farm",
            "village",
            "community",
            "grid",
        ] {
            if !fitting.contains(&kind) {
                let refused = create(&admin, code, "新设", kind).await;
                assert_eq!(fault(&refused), invalid("/kind", "contradicts-member"), "{code} {kind}");
            }
        }
        let path = format!("/regions/{code}");
        assert_eq!(created(&admin, code, "新设", fitting[0]).await["version"], 1);
        for kind in &fitting {
            let version = hands::version(&admin, &path).await;
            let changed = change(&admin, &path, version, json!({"kind": kind})).await;
            assert_eq!(changed.text("/kind"), *kind, "{code}");
        }
    }
}

#[rstest]
#[actix_web::test]
async fn a_code_is_one_however_it_is_written(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let admin = server.sign_in("admin").await;
    let made = created(&admin, "367001000000", "新设", "county").await;
    assert_eq!(
        (&made["id"], &made["region_code"], &made["level"]),
        (&json!("367001"), &json!("367001"), &json!("county"))
    );
    for same in ["367001", "367001000", "367001000000", "367001000000000"] {
        assert_eq!(fault(&create(&admin, same, "新设", "county").await), invalid("/code", "duplicate"), "{same}");
        assert_eq!(admin.get(&format!("/regions/{same}")).await.text("/id"), "367001");
    }
    for wrong in ["036700", "36700", "3670012", "000000"] {
        let refused = create(&admin, wrong, "新设", "county").await;
        assert_eq!(fault(&refused), invalid("/code", "region-code-format"), "{wrong}");
    }
    let fixed = change(&admin, "/regions/367001", 1, json!({"code": "367002"})).await;
    assert_eq!(fault(&fixed), invalid("/code", "unknown-member"));
}

#[rstest]
#[actix_web::test]
async fn a_region_hangs_on_the_nearest_above_it(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let admin = server.sign_in("admin").await;
    let parent = async |code: &str| admin.get(&format!("/regions/{code}")).await.text("/parent_code").to_owned();
    // a city without counties: what came before it hangs on it afterwards, unchanged in itself
    created(&admin, "367000003", "东城街道", "street").await;
    created(&admin, "367000003001", "岗贝社区", "community").await;
    assert_eq!((parent("367000003").await, parent("367000003001").await), ("36".to_owned(), "367000003".to_owned()));
    let before = stamp(&server, "/regions/367000003").await;
    server.advance(chrono::TimeDelta::seconds(1));
    assert_eq!(created(&admin, "367000", "无县之市", "city").await["id"], "3670");
    assert_eq!((parent("367000003").await, parent("367000003001").await), ("3670".to_owned(), "367000003".to_owned()));
    assert_eq!(stamp(&server, "/regions/367000003").await, before);
    // a county administered by the province: its city is a placeholder that no table has
    created(&admin, "369004", "省直管县", "county").await;
    created(&admin, "369004001", "沙嘴街道", "street").await;
    assert_eq!((parent("369004").await, parent("369004001").await), ("36".to_owned(), "369004".to_owned()));
    assert_eq!(admin.get("/regions/3690").await.status, 404);
    for (query, expected) in [
        ("region=367000", vec!["3670", "367000003", "367000003001"]),
        ("region=367000000000", vec!["3670", "367000003", "367000003001"]),
        ("region=367000003", vec!["367000003", "367000003001"]),
        ("region=369004", vec!["369004", "369004001"]),
        ("region=369000", vec!["369004", "369004001"]),
        ("parent=3670", vec!["367000003"]),
        ("parent=369004", vec!["369004001"]),
        ("region=36&kind=county&q=直管", vec!["369004"]),
    ] {
        assert_eq!(ids(&admin, &format!("/regions?{query}")).await, expected, "{query}");
    }
}

#[rstest]
#[actix_web::test]
async fn a_filter_is_a_code_that_exists_within_the_scope(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let lists = [
        "appointments",
        "compounds",
        "households",
        "organizations",
        "persons",
        "regions",
        "service-orders",
        "users",
        "volunteer-teams",
        "volunteers",
    ];
    for list in lists {
        for wrong in ["abc", "3605021", "0605", "360502%201", ""] {
            let answer = worker.get(&format!("/{list}?region={wrong}")).await;
            assert_eq!((answer.status, answer.text("/errors/0/parameter")), (400, "region"), "{list} {wrong}");
        }
        let unknown = worker.get(&format!("/{list}?region=360502002001099")).await;
        assert_eq!(refusal(&unknown), (404, "not-found"), "{list}");
        let beside = worker.get(&format!("/{list}?region=360121")).await;
        assert_eq!(beside.status, if ["appointments", "regions"].contains(&list) { 200 } else { 404 }, "{list}");
    }
}

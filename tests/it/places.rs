//! Regions: a code stands for its whole subtree, however it is written.

use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::{Server, User},
};
use rstest::rstest;

/// Cities without counties, and a county whose city is only a placeholder that no table has.
const ODD: [(&str, &str, &str, Option<&str>); 10] = [
    ("44", "广东省", "province", None),
    ("4419", "东莞市", "city", Some("44")),
    ("441900003", "东城街道", "street", Some("4419")),
    ("441900003001", "岗贝社区", "community", Some("441900003")),
    ("4420", "中山市", "city", Some("44")),
    ("442000001", "石岐街道", "street", Some("4420")),
    ("42", "湖北省", "province", None),
    ("429004", "仙桃市", "county", Some("42")),
    ("429004001", "沙嘴街道", "street", Some("429004")),
    ("429005", "潜江市", "county", Some("42")),
];

async fn codes(user: &User<'_>, query: &str) -> Vec<String> {
    let answer = user.get(&format!("/regions?limit=200&{query}")).await;
    assert_eq!(answer.status, 200, "{query}: {:?}", answer.body);
    answer.body["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

#[rstest]
#[actix_web::test]
async fn a_code_stands_for_its_subtree(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    for (code, name, kind, parent) in ODD {
        let copy = "INSERT INTO regions (code, name, kind, parent_code, version, created_at, updated_at) \
                    SELECT $1, $2, $3, $4, 1, created_at, updated_at FROM regions WHERE code = '36'";
        server.sql.run(copy, [code.into(), name.into(), kind.into(), parent.map(str::to_owned).into()]).await;
    }
    let worker = server.sign_in("worker").await;
    let all: Vec<String> = server.sql.all("SELECT code FROM regions ORDER BY code", []).await;
    assert!(all.len() > 30);
    for (asked, prefix) in [
        ("36", "36"),
        ("360000000000", "36"),
        ("3605", "3605"),
        ("360502", "360502"),
        ("360502000000", "360502"),
        ("360502000", "360502"),
        ("360502002", "360502002"),
        ("360502002001", "360502002001"),
        ("360502002001000", "360502002001"),
        ("360502002001002", "360502002001002"),
        ("441900", "4419"),
        ("441900000000", "4419"),
        ("441900003", "441900003"),
        ("442000", "4420"),
        ("44", "44"),
        ("429004", "429004"),
        ("42", "42"),
        // a placeholder without a row of its own
        ("429000", "4290"),
    ] {
        let expected: Vec<_> = all.iter().filter(|code| code.starts_with(prefix)).cloned().collect();
        assert!(!expected.is_empty());
        assert_eq!(codes(&worker, &format!("region={asked}")).await, expected, "{asked}");
    }
    assert_eq!(codes(&worker, "parent=42").await, ["429004", "429005"]);
    assert_eq!(codes(&worker, "parent=441900").await, ["441900003"]);
    for (asked, id) in [("441900", "4419"), ("4419", "4419"), ("360502000000", "360502"), ("429004", "429004")] {
        let region = worker.get(&format!("/regions/{asked}")).await;
        assert_eq!((region.status, region.text("/id")), (200, id), "{asked}");
    }
    for unknown in ["43", "3606", "360503", "360502002001009"] {
        assert_eq!(worker.get(&format!("/regions?region={unknown}")).await.status, 404, "{unknown}");
        assert_eq!(worker.get(&format!("/regions/{unknown}")).await.status, 404, "{unknown}");
    }
}

#[rstest]
#[actix_web::test]
async fn orders_are_cut_by_the_same_codes(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let count = async |query: &str| {
        let answer = worker.get(&format!("/service-orders?limit=1&count=exact{query}")).await;
        assert_eq!(answer.status, 200, "{query}: {:?}", answer.body);
        answer.body["page"]["total"].as_i64().unwrap()
    };
    let all = count("").await;
    assert!(all > 0);
    // above and around the worker's community: what of it is his
    for region in ["36", "3605", "360502", "360502000000", "360502002", "360502002001", "360502002001000"] {
        assert_eq!(count(&format!("&region={region}")).await, all, "{region}");
    }
    let grids: Vec<String> =
        server.sql.all("SELECT code FROM regions WHERE parent_code = '360502002001' ORDER BY code", []).await;
    let mut in_grids = 0;
    for grid in &grids {
        in_grids += count(&format!("&region={grid}")).await;
    }
    assert!(grids.len() == 4 && in_grids <= all, "{grids:?} {in_grids}");
    for elsewhere in ["360121", "360502001", "360502002002", "44"] {
        assert_eq!(worker.get(&format!("/service-orders?region={elsewhere}")).await.status, 404, "{elsewhere}");
    }
}

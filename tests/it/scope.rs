//! Lists hold exactly what the caller may see, however they are paged, filtered and sorted; what is out of sight is
//! told like what does not exist.

use std::collections::BTreeSet;

use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::{Server, User},
};
use rstest::rstest;
use uuid::Uuid;

use crate::without_trace;

/// A list: its collection, its table, and filters under which it is walked too.
struct Walk {
    collection: &'static str,
    table: &'static str,
    filters: &'static [&'static str],
}

const WALKS: &[Walk] = &[
    Walk {
        collection: "compounds",
        table: "compounds",
        filters: &[
            "q=小区",
            "mode=none",
            "mode=shared,keeper",
            "covered=true",
            "covered=false",
            "demonstration=false",
            "sort=-id",
        ],
    },
    Walk { collection: "buildings", table: "buildings", filters: &["sort=-id"] },
    Walk { collection: "units", table: "units", filters: &["sort=-id"] },
    Walk { collection: "persons", table: "persons", filters: &["sort=-id"] },
    Walk { collection: "households", table: "households", filters: &["sort=-id"] },
    Walk {
        collection: "volunteers",
        table: "volunteers",
        filters: &["state=approved", "skill=tap", "available=true", "q=a", "sort=-id"],
    },
    Walk { collection: "volunteer-teams", table: "volunteer_teams", filters: &["q=队", "sort=-id"] },
    Walk {
        collection: "organizations",
        table: "organizations",
        filters: &["kind=party_committee,county_department", "q=社区", "sort=-id"],
    },
    Walk {
        collection: "service-orders",
        table: "service_orders",
        filters: &[
            "state=placed,dispatched",
            "state=confirmed",
            "priority=normal",
            "kind=tap,drain",
            "q=灯",
            "sort=created_at",
            "sort=-updated_at",
            "created_at_gte=2026-01-01T00:00:00%2B08:00",
            "created_at_lt=2026-01-01T00:00:00%2B08:00",
        ],
    },
];

/// All ids of a list, page by page.
async fn walked(user: &User<'_>, collection: &str, query: &str) -> Vec<String> {
    let mut ids = Vec::new();
    let mut path = format!("/{collection}?limit=7&{query}");
    loop {
        let page = user.get(&path).await;
        assert_eq!(page.status, 200, "{path}: {:?}", page.body);
        ids.extend(page.body["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        match page.text("/page/next").split_once("/api/v1") {
            Some((_, next)) => next.clone_into(&mut path),
            None => return ids,
        }
    }
}

#[rstest]
#[actix_web::test]
async fn a_list_holds_exactly_the_subtree(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    for (username, region) in [("wangshang", "360121100"), ("worker", "360502002001"), ("auditor", "36")] {
        let user = server.sign_in(username).await;
        for Walk { collection, table, filters } in WALKS {
            let sql = format!("SELECT id FROM {table} WHERE substr(region_code, 1, $1) = $2");
            let digits = i32::try_from(region.len()).unwrap();
            let inside: Vec<Uuid> = server.sql.all(&sql, [digits.into(), region.into()]).await;
            let inside: BTreeSet<String> = inside.iter().map(ToString::to_string).collect();
            let all = walked(&user, collection, "").await;
            let seen: BTreeSet<String> = all.iter().cloned().collect();
            assert_eq!(all.len(), seen.len(), "{username} {collection}: a row stands twice");
            assert_eq!(seen, inside, "{username} {collection}");
            let counted = user.get(&format!("/{collection}?limit=1&count=exact")).await;
            assert_eq!(counted.body["page"]["total"].as_u64(), u64::try_from(inside.len()).ok(), "{collection}");
            for filter in filters.iter().chain(&[format!("region={region}").as_str()]) {
                let filtered: BTreeSet<String> = walked(&user, collection, filter).await.into_iter().collect();
                assert!(filtered.is_subset(&inside), "{username} {collection}?{filter}");
            }
        }
    }
}

#[rstest]
#[actix_web::test]
async fn a_region_filter_is_cut_to_the_scope(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let official = server.sign_in("wangshang").await;
    let own: BTreeSet<String> = walked(&official, "service-orders", "").await.into_iter().collect();
    // one above the scope gives the part that the caller may see, a code with its trailing zeros is the same
    for region in ["36", "360121", "360121100", "360121100000"] {
        let seen: BTreeSet<String> =
            walked(&official, "service-orders", &format!("region={region}")).await.into_iter().collect();
        assert_eq!(seen, own, "{region}");
    }
    let known = official.get("/service-orders?region=360502").await;
    let unknown = official.get("/service-orders?region=360199").await;
    assert_eq!((known.status, unknown.status), (404, 404));
    assert_eq!(without_trace(&known.body), without_trace(&unknown.body));
    assert_eq!(official.get("/service-orders?region=abc").await.status, 400);
}

#[rstest]
#[actix_web::test]
async fn what_is_out_of_sight_is_told_like_what_does_not_exist(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let official = server.sign_in("wangshang").await;
    for Walk { collection, table, .. } in WALKS {
        let elsewhere: Option<Uuid> = server
            .sql
            .all(&format!("SELECT id FROM {table} WHERE substr(region_code, 1, 6) = '360502' ORDER BY id"), [])
            .await
            .into_iter()
            .next();
        let Some(elsewhere) = elsewhere else { panic!("{table} has no row elsewhere") };
        for suffix in ["", "/events"] {
            let unseen = official.get(&format!("/{collection}/{elsewhere}{suffix}")).await;
            let unknown = official.get(&format!("/{collection}/{}{suffix}", Uuid::from_u128(7))).await;
            assert_eq!((unseen.status, unknown.status), (404, 404), "{collection}{suffix}");
            assert_eq!(without_trace(&unseen.body), without_trace(&unknown.body), "{collection}{suffix}");
        }
    }
}

//! Regions over time: another code, or part of a neighbor. All that lies in them moves, and so do rights; the old code
//! leads to the new one.

use chrono::TimeDelta;
use futures_util::future::join_all;
use harness::{
    database::Backend::{self, Postgres, Sqlite},
    schema::columns,
    server::{Answer, Server, User},
    sql::Sql,
};
use persistence::MOVED_TABLES;
use rstest::rstest;
use serde_json::{Value, json};

use crate::hands::{self, change, fault, ids, invalid, refusal, told};

async fn recode(by: &User<'_>, code: &str, new: &str, members: Value) -> Answer {
    let body = hands::with(json!({"code": new, "on": "2026-03-01"}), members);
    by.post(&format!("/regions/{code}/recode"), body).await
}

async fn merge(by: &User<'_>, code: &str, into: &str, members: Value) -> Answer {
    let body = hands::with(json!({"into": into, "on": "2026-03-01"}), members);
    by.post(&format!("/regions/{code}/merge"), body).await
}

/// How many rows of a table lie in a subtree.
async fn rows(server: &Server, table: &str, code: &str) -> i64 {
    let within = format!("{table} WHERE region_code >= $1 AND region_code < $2");
    server.sql.count(&within, [code.into(), format!("{code}:").into()]).await
}

async fn all_rows(server: &Server, code: &str) -> Vec<(&'static str, i64)> {
    let mut counts = Vec::new();
    for table in MOVED_TABLES {
        counts.push((*table, rows(server, table, code).await));
    }
    counts
}

/// Every table with a column that names a region moves with it, is summed, or is known to keep the code of its day.
#[rstest]
#[actix_web::test]
async fn no_table_is_forgotten(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let names_region = |column: &String| {
        let (table, name) = column.split_once('.').unwrap();
        name.contains("region") || table == "regions" && name.contains("code")
    };
    let mut columns = columns(backend, &server.sql).await;
    columns.retain(names_region);
    let apart = [
        "regions.code",
        "regions.parent_code",
        "regions.successor_code",
        "order_counters.region_code",
        "events.region_code",
    ];
    let mut expected: Vec<String> = MOVED_TABLES.iter().map(|table| format!("{table}.region_code")).collect();
    expected.extend(apart.map(str::to_owned));
    expected.sort();
    assert_eq!(columns, expected);
}

#[rstest]
#[actix_web::test]
async fn a_zone_gets_its_standard_code_and_all_goes_with_it(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (admin, keeper) = (server.sign_in("admin").await, server.sign_in("dongxin").await);
    let (old, new) = ("361091", "361003");
    assert_eq!(admin.get("/regions/361091").await.body["local"], json!(true));
    let before = all_rows(&server, old).await;
    assert!(before.iter().map(|(_, count)| count).sum::<i64>() > 10, "{before:?}");
    let (persons, orders) = (ids(&keeper, "/persons").await, ids(&keeper, "/service-orders").await);
    let done = recode(&admin, old, new, json!({"name": "东临区"})).await;
    assert_eq!((done.status, done.text("/id"), done.text("/name")), (200, new, "东临区"), "{:?}", done.body);
    assert_eq!((&done.body["local"], done.text("/valid_from")), (&json!(false), "2026-03-01"));
    assert_eq!(
        (all_rows(&server, new).await, all_rows(&server, old).await.iter().all(|(_, count)| *count == 0)),
        (before.clone(), true)
    );

    // the old codes stay, each with the one that came after it
    let seen = admin.get("/regions/361091").await;
    assert_eq!(
        (&seen.body["superseded"], seen.text("/successor_code"), seen.text("/valid_until")),
        (&json!(true), new, "2026-03-01")
    );
    assert!(seen.text("/successor").ends_with("/api/v1/regions/361003"));
    assert_eq!((seen.text("/name"), &seen.body["actions"]), ("东临新区", &json!([])));
    assert_eq!(admin.get("/regions/361091200200").await.text("/successor_code"), "361003200200");
    assert_eq!(admin.get("/regions/361003200200").await.text("/parent_code"), "361003200");
    assert_eq!(ids(&admin, "/regions?region=3610&kind=functional_zone").await, [new]);
    assert_eq!(ids(&admin, "/regions?superseded=true&region=361091").await, [old, "361091200", "361091200200"]);
    assert_eq!(ids(&admin, "/regions?parent=361091").await, ["361003200"]);

    // rights went with it, and what was kept of the old code leads to what lay there
    assert_eq!((ids(&keeper, "/persons").await, ids(&keeper, "/service-orders").await), (persons.clone(), orders));
    for code in [old, "361091000000", new] {
        assert_eq!(ids(&keeper, &format!("/persons?region={code}")).await, persons, "{code}");
    }
    assert_eq!(keeper.get(&format!("/service-orders/counts?region={old}")).await.status, 200);
    let day = json!({"date": "2031-04-15", "kind": "holiday", "name": "三月三", "region_code": new});
    assert_eq!(admin.post("/calendar-days", day).await.status, 201);
    for code in [old, new] {
        let holding = format!("/calendar-days?holds_in={code}&date_gte=2031-01-01");
        assert_eq!(ids(&admin, &holding).await.len(), 1, "{code}");
    }
    let told_of = told(&admin, "/regions/361091").await;
    assert_eq!(told_of.last().map(String::as_str), Some("region.recoded"));
    let event = admin.get("/regions/361091/events?sort=-version").await.body["items"][0]["data"].clone();
    assert_eq!((&event["successor_code"], &event["on"]), (&json!(new), &json!("2026-03-01")));
    for (table, count) in before {
        assert_eq!(event[table], json!(count), "{table}");
    }
    // and once more: the code before the last leads on
    assert_eq!(recode(&admin, new, "361004", json!({"on": "2026-03-12"})).await.status, 200);
    for code in [old, new, "361004"] {
        assert_eq!(ids(&keeper, &format!("/persons?region={code}")).await, persons, "{code}");
    }
}

#[rstest]
#[actix_web::test]
async fn holders_of_grants_see_the_union_or_nothing_of_it(
    #[values(Sqlite, Postgres)] backend: Backend,
    #[values("union", "end", "")] decided: &str,
) {
    let server = Server::start(backend).await;
    let county = server.sign_in("yushui").await;
    let (from, into) = ("360502002002", "360502002001");
    let (neighbor, _) = hands::appoint(&server, "neighbor", &[("community_worker", from)]).await;
    let (both, both_id) =
        hands::appoint(&server, "both", &[("community_worker", from), ("community_worker", into)]).await;
    let worker = server.sign_in("worker").await;
    let (there, here) = (ids(&neighbor, "/persons").await, ids(&worker, "/persons").await);
    let counted = async |user: &User<'_>| {
        user.get("/service-orders/counts").await.body["items"][0]["count"].as_i64().unwrap_or(0)
    };
    let orders = (counted(&neighbor).await, counted(&worker).await);
    let property = server.sign_in("property").await;
    let compounds = ids(&property, "/compounds").await;
    let members = if decided.is_empty() { json!({}) } else { json!({"grants": decided}) };
    let done = merge(&county, from, into, members).await;
    assert_eq!((done.status, done.text("/id"), &done.body["version"]), (200, into, &json!(1)), "{:?}", done.body);
    server.advance(TimeDelta::seconds(4));

    let mut union = [there, here].concat();
    union.sort();
    assert_eq!(ids(&worker, "/persons").await, union);
    assert_eq!(counted(&worker).await, orders.0 + orders.1);
    assert_eq!(rows(&server, "order_counters", from).await, 0);
    let seen = neighbor.get("/persons?limit=200").await;
    if decided == "end" {
        assert_eq!(refusal(&seen), (403, "forbidden"));
    } else {
        assert_eq!(ids(&neighbor, "/persons").await, union);
        assert_eq!(neighbor.get("/persons?region=360502001").await.status, 404);
    }
    // of two grants that say the same one is left
    let left = "grants WHERE user_id = $1 AND revoked_at IS NULL AND role = 'community_worker'";
    assert_eq!(server.sql.count(left, [hands::uuid(&both_id).into()]).await, 1);
    assert_eq!(ids(&both, "/persons").await, union);
    let ended = "events WHERE kind = 'grant.revoked'";
    assert!(server.sql.count(ended, []).await >= 1);
    // whoever is bound to a compound keeps it
    assert_eq!(ids(&property, "/compounds").await, compounds);
    assert_eq!(property.get(&format!("/compounds/{}", compounds[0])).await.text("/region_code"), into);
    assert_eq!(told(&county, &format!("/regions/{into}")).await.last().map(String::as_str), Some("region.enlarged"));
    assert_eq!(told(&county, &format!("/regions/{from}")).await.last().map(String::as_str), Some("region.merged"));
}

#[rstest]
#[actix_web::test]
async fn what_has_a_taken_code_keeps_all_where_it_is(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let county = server.sign_in("yushui").await;
    let (from, into) = ("360502002002", "360502002001");
    let grid = json!({"code": format!("{from}001"), "name": "第一网格", "kind": "grid"});
    hands::made(&county, "/regions", grid).await;
    let kind = |region: &str| json!({"code": "window", "region_code": region, "name": "门窗维修"});
    let (mine, theirs) = (
        hands::made(&county, "/service-kinds", kind(from)).await,
        hands::made(&county, "/service-kinds", kind(into)).await,
    );
    let rename = "UPDATE compounds SET code = 'fuyuan' WHERE region_code = $1";
    server.sql.run(rename, [from.into()]).await;
    let before = (all_rows(&server, from).await, all_rows(&server, into).await);
    let refused = merge(&county, from, into, json!({})).await;
    assert_eq!(refusal(&refused), (409, "codes-clash"));
    assert_eq!(hands::faults(&refused), [("/into".to_owned(), "duplicate".to_owned())]);
    let clashes = json!([{"kind": "region", "code": format!("{into}001")}, {"kind": "compound", "code": "fuyuan"}]);
    assert_eq!(refused.body["clashes"], clashes);
    assert_eq!((all_rows(&server, from).await, all_rows(&server, into).await), before);
    assert_eq!(county.get(&format!("/regions/{from}")).await.body["superseded"], json!(false));

    // once they have other codes it goes on; of two kinds of service of one code that of the target counts
    server.sql.run("UPDATE compounds SET code = 'other' WHERE region_code = $1", [from.into()]).await;
    assert_eq!(recode(&county, &format!("{from}001"), &format!("{from}009"), json!({})).await.status, 200);
    let done = merge(&county, from, into, json!({})).await;
    assert_eq!(done.status, 200, "{:?}", done.body);
    assert_eq!(county.get(&format!("/regions/{from}001")).await.text("/successor_code"), format!("{from}009"));
    assert_eq!(county.get(&format!("/regions/{from}009")).await.text("/successor_code"), format!("{into}009"));
    let [mine, theirs] =
        [county.get(&format!("/service-kinds/{mine}")).await, county.get(&format!("/service-kinds/{theirs}")).await];
    assert_eq!((mine.text("/region_code"), &mine.body["active"]), (from, &json!(false)));
    assert_eq!((theirs.text("/region_code"), &theirs.body["active"]), (into, &json!(true)));
}

#[rstest]
#[actix_web::test]
async fn nothing_is_written_into_an_old_code(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (county, admin) = (server.sign_in("yushui").await, server.sign_in("admin").await);
    let (old, new) = ("360502002002", "360502002008");
    assert_eq!(recode(&county, old, new, json!({})).await.status, 200);
    let street = server.sign_in("street").await;
    for (collection, body) in [
        ("/organizations", json!({"name": "居委会", "kind": "residents_committee", "region_code": old})),
        ("/service-kinds", json!({"code": "window", "region_code": old, "name": "门窗维修"})),
    ] {
        let refused = street.post(collection, body).await;
        assert_eq!(
            (fault(&refused), refused.text("/successor_code")),
            (invalid("/region_code", "superseded"), new),
            "{collection}"
        );
    }
    for code in [old, "360502002002001"] {
        let kind = if code == old { "community" } else { "grid" };
        let refused = street.post("/regions", json!({"code": code, "name": "旧", "kind": kind})).await;
        assert_eq!((fault(&refused), refused.text("/successor_code")), (invalid("/code", "superseded"), new));
    }
    let path = format!("/regions/{old}");
    assert_eq!(fault(&change(&street, &path, 2, json!({"name": "旧"})).await), invalid("", "superseded"));
    assert_eq!(fault(&recode(&county, old, "360502002007", json!({})).await), invalid("", "superseded"));
    assert_eq!(fault(&merge(&county, "360502002001", old, json!({})).await), invalid("/into", "superseded"));
    // a code that was in use is not used again
    assert_eq!(fault(&recode(&county, new, old, json!({"on": "2026-03-12"})).await), invalid("/code", "superseded"));
    let user = admin.get("/me").await.text("/id").to_owned();
    let grant = json!({"user_id": user, "role": "cadre", "region_code": old});
    assert_eq!(fault(&admin.post("/grants", grant).await), invalid("/region_code", "superseded"));
}

#[rstest]
#[actix_web::test]
async fn only_who_keeps_both_codes_moves_one_to_the_other(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (from, into, new) = ("360502002002", "360502002001", "360502002008");
    for username in ["worker", "street", "province", "auditor", "resident", "department", "nanchang"] {
        let user = server.sign_in(username).await;
        assert_eq!(refusal(&recode(&user, from, new, json!({})).await), (403, "forbidden"), "{username}");
        assert_eq!(refusal(&merge(&user, from, into, json!({})).await), (403, "forbidden"), "{username}");
    }
    let county = server.sign_in("yushui").await;
    assert_eq!(refusal(&recode(&county, "360502", "360503", json!({})).await), (403, "forbidden"));
    assert_eq!(refusal(&merge(&county, from, "360121100001", json!({})).await), (403, "forbidden"));
    for (answer, expected) in [
        (recode(&county, from, "360502009", json!({})).await, invalid("/code", "contradicts-member")),
        (recode(&county, from, into, json!({})).await, invalid("/code", "duplicate")),
        (recode(&county, from, new, json!({"on": "2026-03-13"})).await, invalid("/on", "in-future")),
        (recode(&county, from, "1", json!({})).await, invalid("/code", "too-short")),
        (merge(&county, from, "360502002099", json!({})).await, invalid("/into", "not-found")),
        (merge(&county, from, from, json!({})).await, invalid("/into", "contradicts-member")),
        (merge(&county, from, into, json!({"grants": "all"})).await, invalid("/grants", "not-found")),
    ] {
        let first = hands::faults(&answer).into_iter().next().map(|(pointer, code)| (422, pointer, code));
        assert_eq!(first, Some(expected), "{:?}", answer.body);
    }
    assert_eq!(recode(&county, "360502002099", new, json!({})).await.status, 404);
    let stale = [("if-match", "\"7\"")];
    let body = json!({"code": new, "on": "2026-03-01"});
    let path = format!("/regions/{from}/recode");
    assert_eq!(refusal(&county.send("POST", &path, &stale, Some(&body)).await), (412, "version-mismatch"));
    server.advance(TimeDelta::minutes(11));
    let tokens = server.log_in("yushui", "lianxin-demo").await;
    let fresh = server.user(tokens.text("/access_token"));
    assert_eq!(fresh.send("POST", &path, &[("if-match", "\"1\"")], Some(&body)).await.status, 200);
    let refresh = json!({"refresh_token": tokens.text("/refresh_token")});
    server.advance(TimeDelta::minutes(11));
    let renewed = server.send("POST", "/api/v1/auth/refresh", &[], Some(&refresh)).await;
    let late = server.user(renewed.text("/access_token"));
    assert_eq!(refusal(&recode(&late, new, from, json!({})).await), (401, "reauthentication-required"));
    let (system, _) = hands::appoint(&server, "system", &[("system_administrator", "36")]).await;
    assert_eq!(recode(&system, new, "360502002007", json!({"on": "2026-03-12"})).await.status, 200);
}

#[rstest]
#[actix_web::test]
async fn cities_without_counties_and_counties_without_cities_stay_right(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let admin = server.sign_in("admin").await;
    for (code, kind) in [
        ("3670", "city"),
        ("367000003", "street"),
        ("367000003001", "community"),
        ("369004", "county"),
        ("369004001", "street"),
    ] {
        hands::made(&admin, "/regions", json!({"code": code, "name": "新设", "kind": kind})).await;
    }
    assert_eq!(recode(&admin, "367000003", "367000004", json!({})).await.text("/parent_code"), "3670");
    assert_eq!(admin.get("/regions/367000004001").await.text("/parent_code"), "367000004");
    // the city itself, written with its county group
    assert_eq!(recode(&admin, "367000", "367100", json!({})).await.text("/id"), "3671");
    assert_eq!(admin.get("/regions/367100004").await.text("/parent_code"), "3671");
    assert_eq!(ids(&admin, "/regions?region=367000").await, ["3671", "367100004", "367100004001"]);
    // what lay below the first of two codes leads on to the last
    assert_eq!(ids(&admin, "/regions?region=367000003").await, ["367100004", "367100004001"]);
    assert_eq!(recode(&admin, "369004", "369021", json!({})).await.text("/parent_code"), "36");
    assert_eq!(ids(&admin, "/regions?region=369004").await, ["369021", "369021001"]);
}

/// An order that was looked at before its region got another code, and would be written after it.
#[rstest]
#[actix_web::test]
async fn an_order_is_not_written_into_a_code_that_has_ended(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let resident = server.sign_in("resident").await;
    let compound = resident.compound("福园小区").await;
    let order = json!({"kind": "tap", "description": "水管", "compound_id": compound});
    assert_eq!(resident.post("/service-orders", order.clone()).await.status, 201);
    let placed = server.sql.count("service_orders", []).await;

    let holder = Sql::new(&server.app.settings.database_url);
    match backend {
        Sqlite => holder.run("BEGIN IMMEDIATE", []).await,
        Postgres => {
            holder.run("BEGIN", []).await;
            holder.run("LOCK TABLE regions IN EXCLUSIVE MODE", []).await
        }
    };
    let end = async {
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        let ended = "UPDATE regions SET successor_code = '360502002002' WHERE code = '360502002001'";
        assert_eq!(holder.run(ended, []).await, 1);
        holder.run("COMMIT", []).await;
    };
    let (answer, ()) = futures_util::future::join(resident.post("/service-orders", order), end).await;
    assert_eq!((answer.status, answer.text("/code")), (503, "unavailable"), "{:?}", answer.body);
    assert_eq!(server.sql.count("service_orders", []).await, placed);
}

#[rstest]
#[actix_web::test]
async fn who_writes_meanwhile_leaves_nothing_behind(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let replica = server.replica();
    let (worker, admin) = (server.sign_in("worker").await, server.sign_in("admin").await);
    let compound = worker.compound("福园小区").await;
    let (old, new) = ("360502002001", "360502002031");
    let workers = [worker.at(&server), worker.at(&replica)];
    let writing = join_all((0..12_usize).map(|number| {
        let (worker, compound) = (&workers[number % 2], &compound);
        async move {
            let mut made = 0;
            for _ in 0..4 {
                let person = match number % 3 {
                    0 => json!({"region_code": old, "name": "丁小梅"}),
                    _ => json!({"compound_id": compound, "name": "丁小梅"}),
                };
                let order = json!({"kind": "tap", "description": "水管", "compound_id": compound, "on_behalf_of": {"name": "丁小梅", "phone": "13800138111"}});
                let answer = match number % 3 {
                    2 => worker.post("/service-orders", order).await,
                    _ => worker.post("/persons", person).await,
                };
                assert!(matches!(answer.status, 201 | 403 | 422 | 503), "{:?}", answer.body);
                made += i64::from(answer.status == 201);
            }
            made
        }
    }));
    let changing = async {
        tokio::time::sleep(std::time::Duration::from_millis(80)).await;
        recode(&admin, old, new, json!({})).await
    };
    let (made, changed) = futures_util::future::join(writing, changing).await;
    assert_eq!(changed.status, 200, "{:?}", changed.body);
    assert!(made.iter().sum::<i64>() > 0);
    for (table, left) in all_rows(&server, old).await {
        assert_eq!(left, 0, "{table}");
    }
    let counted = "SELECT CAST(COALESCE(SUM(orders), 0) AS BIGINT) FROM order_counters WHERE region_code = $1";
    let counted: i64 = server.sql.one(counted, [new.into()]).await;
    assert_eq!(counted, server.sql.count("service_orders WHERE region_code = $1", [new.into()]).await);
    assert_eq!(rows(&server, "order_counters", old).await, 0);
}

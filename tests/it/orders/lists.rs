//! Lists and counts: each filter gives just the rows that it says, and counts are those of the lists.

use std::collections::{BTreeMap, BTreeSet};

use chrono::DateTime;
use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::{Server, User},
};
use rstest::rstest;
use serde_json::{Value, json};

use super::{People, done, members as members_of, placed};

/// All rows of a list, page by page.
async fn all(by: &User<'_>, query: &str) -> Vec<Value> {
    let mut rows = Vec::new();
    let mut path = format!("/service-orders?limit=50&{query}");
    loop {
        let page = by.get(&path).await;
        assert_eq!(page.status, 200, "{path}: {:?}", page.body);
        rows.extend(page.body["items"].as_array().unwrap().iter().cloned());
        let Some(next) = page.body["page"]["next"].as_str() else { return rows };
        path = next.split("/api/v1").nth(1).unwrap().to_owned();
    }
}

fn ids<'a>(rows: impl IntoIterator<Item = &'a Value>) -> Vec<&'a str> {
    rows.into_iter().map(|row| row["id"].as_str().unwrap()).collect()
}

fn at(row: &Value, member: &str) -> DateTime<chrono::FixedOffset> {
    row[member].as_str().unwrap().parse().unwrap()
}

#[rstest]
#[actix_web::test]
async fn a_filter_gives_what_it_says(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let people = People::sign_in(&server).await;
    let special = placed(&people.resident, json!({"description": "100%漏水_A\\b"})).await;
    let plain = placed(&people.resident, json!({"description": "100分漏水XA/b"})).await;
    let official = server.sign_in("street").await;
    let rows = all(&official, "").await;
    assert!(rows.len() > 60, "{}", rows.len());
    assert!(rows.is_sorted_by(|one, next| at(one, "created_at") >= at(next, "created_at")));
    let compound = people.worker.compound("福园小区").await;
    let resident = people.resident.get("/me").await.text("/person_id").to_owned();
    // when some orders were placed, to the millisecond
    let written = |row: &Value| row["created_at"].as_str().unwrap().replace('+', "%2B");
    let (from, until) = (written(&rows[40]), written(&rows[10]));
    let instant = |text: &str| text.replace("%2B", "+").parse::<DateTime<chrono::FixedOffset>>().unwrap();
    let number = rows[7]["number"].as_str().unwrap().to_owned();
    type Filter<'a> = (String, Box<dyn Fn(&Value) -> bool + 'a>);
    let filters: Vec<Filter<'_>> = vec![
        ("state=placed".to_owned(), Box::new(|row| row["state"] == "placed")),
        (
            "state=on_hold,in_progress".to_owned(),
            Box::new(|row| row["state"] == "on_hold" || row["state"] == "in_progress"),
        ),
        ("kind=tap".to_owned(), Box::new(|row| row["kind"] == "tap")),
        (
            "kind=tap,drain&state=confirmed".to_owned(),
            Box::new(|row| (row["kind"] == "tap" || row["kind"] == "drain") && row["state"] == "confirmed"),
        ),
        ("outcome=withdrawn".to_owned(), Box::new(|row| row["outcome"] == "withdrawn")),
        ("priority=urgent,low".to_owned(), Box::new(|row| row["priority"] != "normal")),
        (format!("compound_id={compound}"), Box::new(|row| row["compound_id"] == compound.as_str())),
        (format!("requester_id={resident}"), Box::new(|row| row["requester"]["id"] == resident.as_str())),
        (
            format!("assignee_id={}&state=completed", people.volunteer_id),
            Box::new(|row| {
                row["assignee"]["volunteer_id"] == people.volunteer_id.as_str() && row["state"] == "completed"
            }),
        ),
        (format!("created_at_gte={from}"), Box::new(|row| at(row, "created_at") >= instant(&from))),
        (format!("created_at_lt={until}"), Box::new(|row| at(row, "created_at") < instant(&until))),
        (
            format!("created_at_gte={from}&created_at_lt={until}"),
            Box::new(|row| (instant(&from)..instant(&until)).contains(&at(row, "created_at"))),
        ),
        (format!("q={number}"), Box::new(|row| row["number"] == number.as_str())),
        ("q=水龙头".to_owned(), Box::new(|row| row["description"].as_str().unwrap().contains("水龙头"))),
        (
            "region=360502002001".to_owned(),
            Box::new(|row| row["region_code"].as_str().unwrap().starts_with("360502002001")),
        ),
        ("region=360502".to_owned(), Box::new(|_| true)),
    ];
    for (query, fits) in &filters {
        let found = all(&official, query).await;
        let expected: Vec<&Value> = rows.iter().filter(|row| fits(row)).collect();
        assert!(!expected.is_empty(), "{query} shows nothing of what it does");
        assert_eq!(ids(&found), ids(expected), "{query}");
        let total = official.get(&format!("/service-orders?limit=1&count=exact&{query}")).await;
        assert_eq!(total.body["page"]["total"], found.len(), "{query}");
    }
    // metacharacters mean themselves, letter case does not matter
    for (q, expected) in
        [("100%25", vec![&special]), ("水_a", vec![&special]), ("a%5Cb", vec![&special]), ("A/B", vec![&plain])]
    {
        assert_eq!(ids(&all(&official, &format!("q={q}")).await), expected, "{q}");
    }
    // what was changed last comes last or first
    done(&people.worker, &special, "dispatch", json!({"open": true})).await;
    let by_update = all(&official, "sort=updated_at").await;
    assert!(by_update.is_sorted_by(|one, next| at(one, "updated_at") <= at(next, "updated_at")));
    assert_eq!(ids(&by_update).into_iter().collect::<BTreeSet<_>>(), ids(&rows).into_iter().collect());
}

#[rstest]
#[actix_web::test]
async fn a_region_is_the_part_of_it_that_one_sees(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let people = People::sign_in(&server).await;
    let grid = json!({"compound_id": null, "region_code": "360502002001003", "address": "桂花巷3号"});
    let in_grid = placed(&people.resident, grid).await;
    let worker = &people.worker;
    let own = all(worker, "").await;
    // above the caller's place: his part of it
    for above in ["360502002001", "360502002", "360502", "3605", "36", "360502000000"] {
        assert_eq!(ids(&all(worker, &format!("region={above}")).await), ids(&own), "{above}");
    }
    assert_eq!(ids(&all(worker, "region=360502002001003").await), [in_grid.as_str()]);
    let unknown = worker.get("/service-orders?region=360502002001099").await;
    for foreign in ["360502001", "360502001001", "36010"] {
        let answer = worker.get(&format!("/service-orders?region={foreign}")).await;
        let status = if foreign.len() == 5 { 400 } else { 404 };
        assert_eq!(answer.status, status, "{foreign}");
        if status == 404 {
            assert_eq!(super::without_trace(&answer.body), super::without_trace(&unknown.body), "{foreign}");
        }
    }
}

#[rstest]
#[actix_web::test]
async fn counts_are_those_of_the_lists(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let people = People::sign_in(&server).await;
    // move some through the counters, also round in a circle
    let grid = json!({"compound_id": null, "region_code": "360502002001003", "address": "桂花巷3号"});
    let id = placed(&people.resident, grid).await;
    people.bring(&id, "accepted").await;
    done(&people.volunteer, &id, "decline", json!({"reason": "出差"})).await;
    let other = people.order("confirmed").await;
    done(&people.resident, &other, "reopen", json!({"reason": "又漏了"})).await;
    let into = people.order("placed").await;
    done(&people.worker, &id, "merge", json!({"into": into})).await;

    for user in ["worker", "street", "yushui", "province", "auditor"] {
        let by = server.sign_in(user).await;
        let rows = all(&by, "").await;
        for (query, members) in [
            ("", vec![]),
            ("by=state", vec!["state"]),
            ("by=region", vec!["region"]),
            ("by=region,state&region=360502", vec!["region", "state"]),
            ("by=state&region=360502002001003", vec!["state"]),
        ] {
            let counts = by.get(&format!("/service-orders/counts?{query}")).await;
            assert_eq!(counts.status, 200, "{user} {query}: {:?}", counts.body);
            let key = |state: &Value, region: &str| {
                let of =
                    |member: &str, text: &str| if members.contains(&member) { text.to_owned() } else { String::new() };
                (of("region", region), of("state", state.as_str().unwrap_or_default()))
            };
            let counted: BTreeMap<_, i64> = counts.body["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|count| {
                    (
                        key(&count["state"], count["region_code"].as_str().unwrap_or_default()),
                        count["count"].as_i64().unwrap(),
                    )
                })
                .collect();
            let codes = members_of(&counts, "region_code");
            let width = codes.iter().map(|code| code.len()).max().unwrap_or_default();
            let asked = query.split("region=").nth(1).filter(|_| query.contains("&region="));
            let mut listed: BTreeMap<_, i64> = BTreeMap::new();
            for row in &rows {
                let code = row["region_code"].as_str().unwrap();
                if asked.is_none_or(|asked| code.starts_with(asked)) {
                    // in the communities themselves nothing lies deeper
                    *listed.entry(key(&row["state"], &code[..width.min(code.len())])).or_default() += 1;
                }
            }
            assert_eq!(counted, listed, "{user} {query}");
        }
    }
    for (user, status) in [("resident", 403), ("volunteer", 403), ("property", 403)] {
        assert_eq!(server.sign_in(user).await.get("/service-orders/counts").await.status, status, "{user}");
    }
    let worker = &people.worker;
    assert_eq!(worker.get("/service-orders/counts?region=360502001").await.status, 404);
    assert_eq!(worker.get("/service-orders/counts?by=kind").await.status, 400);
}

#[rstest]
#[actix_web::test]
async fn orders_are_shown_with_their_compounds(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let people = People::sign_in(&server).await;
    let id = placed(&people.resident, json!({})).await;
    let street = placed(
        &people.worker,
        json!({"compound_id": null, "region_code": "360502002001",
        "address": "桂花巷 3 号", "on_behalf_of": {"name": "何秀英", "phone": "13900139001"}}),
    )
    .await;
    let path = format!("/service-orders/{id}");
    let plain = people.resident.get(&path).await;
    assert_eq!(plain.body.get("compound"), None);
    let expanded = people.resident.get(&format!("{path}?expand=compound")).await;
    let compound = people.resident.get(&format!("/compounds/{}", plain.text("/compound_id"))).await;
    let named = json!({"id": compound.body["id"], "region_code": compound.body["region_code"],
        "code": compound.body["code"], "name": "福园小区"});
    assert_eq!((expanded.status, &expanded.body["compound"]), (200, &named));
    // it is another answer, though the order is the same
    assert_ne!(plain.header("etag"), expanded.header("etag"));
    // lists: the same rows, each with the compound that it has
    for by in [&people.worker, &people.resident, &people.volunteer, &server.sign_in("yushui").await] {
        let (rows, bare) = (all(by, "expand=compound").await, all(by, "").await);
        assert_eq!(ids(&rows), ids(&bare));
        for row in &rows {
            assert_eq!(row["compound"]["id"], row["compound_id"], "{row}");
        }
    }
    let narrow = people.worker.get("/service-orders?limit=200&expand=compound&fields=compound").await;
    let of = |id: &str| narrow.body["items"].as_array().unwrap().iter().find(|row| row["id"] == id).unwrap();
    assert_eq!(of(&id), &json!({"id": id, "compound": named}));
    assert_eq!(of(&street), &json!({"id": street}));
    for query in ["expand=requester", "expand=", "expand=compound,requester"] {
        for path in ["/service-orders".to_owned(), path.clone()] {
            let refused = people.worker.get(&format!("{path}?{query}")).await;
            assert_eq!((refused.status, refused.text("/errors/0/parameter")), (400, "expand"), "{path}?{query}");
        }
    }
}

//! The business calendar: whose days they are, and which of them hold where.

use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::{Answer, Server, User},
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::hands::{self, Case, change, fault, ids, invalid, refusal};

/// The first of January 2026, a holiday of the whole country.
pub const NEW_YEAR: &str = "019a4a72-5c00-7000-8000-000000000065";

fn day(members: Value) -> Value {
    hands::with(json!({"date": "2031-04-15", "kind": "holiday", "name": "三月三", "region_code": "360502"}), members)
}

async fn write(by: &User<'_>, members: Value) -> Answer {
    by.post("/calendar-days", day(members)).await
}

async fn dates(by: &User<'_>, path: &str) -> Vec<String> {
    let page = by.get(path).await;
    assert_eq!(page.status, 200, "{path}: {:?}", page.body);
    let items = page.body["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| format!("{} {}", &item["date"].as_str().unwrap()[5..], item["name"].as_str().unwrap()))
        .collect()
}

#[rstest]
#[actix_web::test]
async fn days_keep_the_promises(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let official = server.sign_in("yushui").await;
    let _known = official.get("/me").await;
    let case = Case {
        collection: "/calendar-days",
        bodies: [day(json!({})), day(json!({"date": "2031-04-16"}))],
        member: ("name", json!("放假"), json!("补休"), "/name"),
        optional: None,
        required: "kind",
        reads: 1,
        put: true,
        unseen: None,
    };
    hands::keeps_the_promises(&server, &official, &case).await;
}

#[rstest]
#[actix_web::test]
async fn a_day_stands_once_for_a_place(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let official = server.sign_in("yushui").await;
    let (operator, _) = hands::appoint(&server, "operator", &[("system_administrator", "36")]).await;
    assert_eq!(write(&official, json!({})).await.status, 201);
    assert_eq!(fault(&write(&official, json!({"name": "又一个"})).await), invalid("/date", "duplicate"));
    assert_eq!(write(&official, json!({"region_code": "360502002"})).await.status, 201);
    assert_eq!(write(&operator, json!({"region_code": null})).await.status, 201);
    assert_eq!(fault(&write(&operator, json!({"region_code": null})).await), invalid("/date", "duplicate"));
    for (member, value) in [("date", json!("2031-04-17")), ("region_code", json!("360502001"))] {
        let made =
            hands::made(&official, "/calendar-days", day(json!({"date": format!("2031-05-0{}", member.len() - 3)})))
                .await;
        let path = format!("/calendar-days/{made}");
        assert_eq!(
            fault(&change(&official, &path, 1, json!({member: value})).await),
            invalid(&format!("/{member}"), "unknown-member")
        );
    }
    for wrong in ["2031-02-29", "2031-4-1", "0000-01-01", "10000-01-01", "2031-04-15T00:00:00+08:00"] {
        assert_eq!(fault(&write(&official, json!({"date": wrong})).await), invalid("/date", "format"), "{wrong}");
    }
    assert_eq!(fault(&write(&official, json!({"kind": "sunday"})).await), invalid("/kind", "not-found"));
    assert_eq!(fault(&write(&official, json!({"region_code": "360999"})).await), invalid("/region_code", "not-found"));
}

#[rstest]
#[actix_web::test]
async fn each_keeps_the_days_of_his_place(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (operator, _) = hands::appoint(&server, "operator", &[("system_administrator", "36")]).await;
    let (keeper, _) = hands::appoint(&server, "keeper", &[("region_administrator", "360502")]).await;
    let official = server.sign_in("yushui").await;
    let mut next = 0;
    for (by, region, may) in [
        (&operator, None, true),
        (&operator, Some("360121"), true),
        (&keeper, Some("360502"), true),
        (&keeper, Some("360502002"), true),
        (&official, Some("360502"), true),
        (&official, None, false),
        (&keeper, None, false),
        (&keeper, Some("3605"), false),
        (&official, Some("360121"), false),
    ] {
        next += 1;
        let answer = write(by, json!({"date": format!("2031-03-{next:02}"), "region_code": region})).await;
        assert_eq!(answer.status, if may { 201 } else { 403 }, "{region:?} {:?}", answer.body);
    }
    let path = format!("/calendar-days/{NEW_YEAR}");
    for username in ["worker", "street", "province", "auditor", "resident"] {
        let user = server.sign_in(username).await;
        assert_eq!(
            refusal(&write(&user, json!({"region_code": "360502002001"})).await),
            (403, "forbidden"),
            "{username}"
        );
        assert_eq!(user.get(&path).await.body["actions"], json!([]), "{username}");
        assert_eq!(refusal(&change(&user, &path, 1, json!({"name": "新名"})).await), (403, "forbidden"), "{username}");
    }
    assert_eq!(refusal(&change(&official, &path, 1, json!({"name": "新名"})).await), (403, "forbidden"));
    assert_eq!(change(&operator, &path, 1, json!({"kind": "make_up_day"})).await.body["kind"], "make_up_day");
}

#[rstest]
#[actix_web::test]
async fn the_days_of_a_place_are_found(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let official = server.sign_in("yushui").await;
    let resident = server.sign_in("resident").await;
    let year = "/calendar-days?date_gte=2026-01-01&date_lte=2026-12-31";
    assert_eq!(ids(&resident, &format!("{year}&kind=holiday")).await.len(), 33);
    assert_eq!(
        dates(&resident, &format!("{year}&kind=make_up_day&limit=100")).await,
        [
            "01-04 元旦调休",
            "02-14 春节调休",
            "02-28 春节调休",
            "05-09 劳动节调休",
            "09-20 国庆节调休",
            "10-10 国庆节调休"
        ]
    );
    let nanchang = server.sign_in("nanchang").await;
    for (by, name, region, date) in [
        (&official, "县里", "360502", "2026-06-20"),
        (&official, "街道", "360502002", "2026-06-21"),
        (&official, "别的街道", "360502001", "2026-06-22"),
        (&nanchang, "别的县", "360121", "2026-06-23"),
    ] {
        assert_eq!(write(by, json!({"name": name, "region_code": region, "date": date})).await.status, 201, "{name}");
    }
    let june = "/calendar-days?date_gte=2026-06-20&date_lte=2026-06-30";
    let holds = dates(&resident, &format!("{june}&holds_in=360502002001")).await;
    assert_eq!(holds.len(), 4);
    for day in ["06-20 县里", "06-20 端午节", "06-21 街道", "06-21 端午节"] {
        assert!(holds.contains(&day.to_owned()), "{holds:?}");
    }
    assert_eq!(
        dates(&resident, &format!("{june}&region=360502&sort=-date")).await,
        ["06-22 别的街道", "06-21 街道", "06-20 县里"]
    );
    for unknown in ["region=360599", "holds_in=360599"] {
        assert_eq!(
            resident.get(&format!("/calendar-days?date_gte=2040-01-01&{unknown}")).await.status,
            404,
            "{unknown}"
        );
    }
    for (wrong, name) in [("date_gte=2026-13-01", "date_gte"), ("holds_in=x", "holds_in"), ("kind=sunday", "kind")] {
        let answer = resident.get(&format!("/calendar-days?{wrong}")).await;
        assert_eq!(
            (answer.status, answer.body["errors"][0]["parameter"].as_str()),
            (400, Some(name)),
            "{:?}",
            answer.body
        );
    }
    // pages go on where they ended, also within a day
    let mut walked = Vec::new();
    let mut page = resident.get(&format!("{june}&limit=1")).await;
    loop {
        walked.extend(page.body["items"].as_array().unwrap().iter().map(|item| item["id"].clone()));
        let Some(next) = page.body["page"]["next"].as_str() else { break };
        page = resident.get(next.split("/api/v1").nth(1).unwrap()).await;
    }
    let all = resident.get(june).await;
    let all: Vec<_> = all.body["items"].as_array().unwrap().iter().map(|item| item["id"].clone()).collect();
    assert_eq!((walked.len(), &walked), (6, &all));
}

//! How a compound is managed, and by which party organization it is covered, on which day.

use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::{Answer, Server, User},
};
use rstest::rstest;
use serde_json::{Value, json};

use super::{COMMUNITY, written};
use crate::hands::{self, fault, ids, invalid, made, told};

async fn step(by: &User<'_>, compound: &str, step: &str, body: Value) -> Answer {
    by.post(&format!("/compounds/{compound}/{step}"), body).await
}

/// Which of the compounds made here a filter finds.
async fn found(by: &User<'_>, query: &str) -> Vec<String> {
    ids(by, &format!("/compounds?q=%E6%96%B0%E9%A3%8E&{query}")).await
}

async fn party_branch(by: &User<'_>, name: &str) -> String {
    made(
        by,
        "/organizations",
        json!({"name": name, "kind": "party_branch", "region_code": COMMUNITY, "formation": "joint"}),
    )
    .await
}

#[rstest]
#[actix_web::test]
async fn a_mode_holds_from_a_day_on(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let [home, other] = [written(&worker, "home").await, written(&worker, "other").await];
    let planned = json!({"planned_mode": "bundled", "planned_by": "2026-06-30"});
    assert_eq!(hands::change(&worker, &format!("/compounds/{home}"), 1, planned).await.status, 200);
    let keeper = step(&worker, &home, "change-mode", json!({"mode": "keeper", "valid_from": "2024-01-01"})).await;
    assert_eq!((keeper.status, keeper.text("/mode"), keeper.text("/planned_mode")), (200, "keeper", "bundled"));
    let bundled = step(&worker, &home, "change-mode", json!({"mode": "bundled", "valid_from": "2026-03-01"})).await;
    assert_eq!(bundled.body["planned_mode"], Value::Null);
    let periods = json!([
        {"mode": "keeper", "valid_from": "2024-01-01", "valid_until": "2026-03-01"},
        {"mode": "bundled", "valid_from": "2026-03-01"},
    ]);
    assert_eq!(bundled.body["management"], periods);
    for (query, expected) in [
        ("mode=bundled", vec![&home]),
        ("mode=none", vec![&other]),
        ("mode=none,bundled", vec![&home, &other]),
        ("mode=bundled&as_of=2026-02-28", vec![]),
        ("mode=keeper&as_of=2026-02-28", vec![&home]),
        ("mode=none&as_of=2023-12-31", vec![&home, &other]),
    ] {
        assert_eq!(found(&worker, query).await.iter().collect::<Vec<_>>(), expected, "{query}");
    }
    for (body, expected) in [
        (json!({"mode": "bundled"}), invalid("/mode", "duplicate")),
        (json!({"mode": "shared", "valid_from": "2026-02-28"}), invalid("/valid_from", "before-start")),
        (json!({"mode": "shared", "valid_from": "2026-03-13"}), invalid("/valid_from", "in-future")),
        (json!({"mode": "shared", "valid_from": "1949-09-30"}), invalid("/valid_from", "implausible")),
        (json!({"mode": "best"}), invalid("/mode", "not-found")),
    ] {
        assert_eq!(fault(&step(&worker, &home, "change-mode", body).await), expected);
    }
    // written down by mistake
    let mended = step(&worker, &home, "change-mode", json!({"mode": "shared", "valid_from": "2026-03-01"})).await;
    assert_eq!(mended.body["management"][1], json!({"mode": "shared", "valid_from": "2026-03-01"}));
    let none = step(&worker, &home, "change-mode", json!({"mode": "none"})).await;
    assert_eq!(none.text("/mode"), "none");
    assert_eq!(found(&worker, "mode=none").await, [home.clone(), other]);
    let kinds = ["created", "updated", "mode_changed", "mode_changed", "mode_changed", "mode_changed"];
    assert_eq!(told(&worker, &format!("/compounds/{home}")).await, kinds.map(|kind| format!("compound.{kind}")));
}

#[rstest]
#[actix_web::test]
async fn one_party_organization_covers_it_from_a_day_on(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let [worker, street] = [server.sign_in("worker").await, server.sign_in("street").await];
    let [home, other] = [written(&worker, "home").await, written(&worker, "other").await];
    let [first, second] = [party_branch(&street, "第一联合党支部").await, party_branch(&street, "第二党支部").await];
    let by = |organization: &str, from: &str| json!({"organization_id": organization, "valid_from": from});
    let covered = step(&worker, &home, "cover", by(&first, "2023-05-01")).await;
    assert_eq!((covered.status, covered.text("/party_organization_id")), (200, first.as_str()));
    assert_eq!(
        fault(&step(&worker, &home, "cover", by(&first, "2024-05-01")).await),
        invalid("/organization_id", "duplicate")
    );
    assert_eq!(step(&worker, &home, "cover", by(&second, "2024-05-01")).await.text("/party_organization_id"), second);
    let ended = step(&worker, &home, "uncover", json!({"on": "2025-05-01"})).await;
    assert_eq!((ended.status, &ended.body["party_organization_id"]), (200, &Value::Null));
    assert!(!ended.body["actions"].as_array().unwrap().contains(&json!("uncover")));
    assert_eq!(fault(&step(&worker, &home, "uncover", json!({})).await), invalid("/on", "not-found"));
    let of = |organization: &str, day: &str| format!("party_organization_id={organization}&as_of={day}");
    for (query, expected) in [
        ("covered=true".to_owned(), vec![]),
        ("covered=false".to_owned(), vec![&home, &other]),
        ("covered=false&as_of=2024-12-31".to_owned(), vec![&other]),
        (of(&first, "2024-04-30"), vec![&home]),
        (of(&first, "2024-05-01"), vec![]),
        (of(&second, "2024-05-01"), vec![&home]),
    ] {
        assert_eq!(found(&worker, &query).await.iter().collect::<Vec<_>>(), expected, "{query}");
    }
    let school = json!({"name": "小学", "kind": "school", "region_code": COMMUNITY});
    let school = made(&street, "/organizations", school).await;
    let refused = step(&worker, &home, "cover", json!({"organization_id": school})).await;
    assert_eq!(fault(&refused), invalid("/organization_id", "no-party-organization"));
    let unknown = json!({"organization_id": hands::own_id(404)});
    assert_eq!(fault(&step(&worker, &home, "cover", unknown).await), invalid("/organization_id", "not-found"));
    let kinds = ["created", "covered", "covered", "uncovered"];
    assert_eq!(told(&worker, &format!("/compounds/{home}")).await, kinds.map(|kind| format!("compound.{kind}")));
}

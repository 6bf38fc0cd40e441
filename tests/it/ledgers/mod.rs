//! Ledgers: entries that are only added, two signers, no overdraft, disclosures, and a balance that the entries prove.

mod disclosures;
mod entries;

use std::sync::atomic::{AtomicU64, Ordering};

use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::{Answer, Server, User},
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::hands::{self, fault, invalid, made, refusal};

const VILLAGE: &str = "361002100200";

/// Somebody who signs at the village beside the treasurer.
async fn official<'a>(server: &'a Server) -> User<'a> {
    hands::appoint(server, "village.official", &[("official", VILLAGE)]).await.0
}

fn ledger(members: Value) -> Value {
    hands::with(json!({"kind": "collective_economy", "name": "石塘村账本", "region_code": VILLAGE}), members)
}

async fn opened(by: &User<'_>) -> String {
    format!("/ledgers/{}", made(by, "/ledgers", ledger(json!({}))).await)
}

/// Writes an entry, each under a key of its own.
async fn enter(by: &User<'_>, ledger: &str, members: Value) -> Answer {
    static KEY: AtomicU64 = AtomicU64::new(0);
    let key = format!("entry-{}", KEY.fetch_add(1, Ordering::Relaxed));
    let entry = json!({"kind": "income", "amount": "100.00", "category": "land_lease", "occurred_on": "2026-03-10"});
    let body = hands::with(entry, members);
    by.send("POST", &format!("{ledger}/entries"), &[("idempotency-key", &key)], Some(&body)).await
}

/// An entry that was written: its path.
async fn entered(by: &User<'_>, ledger: &str, members: Value) -> String {
    let answer = enter(by, ledger, members).await;
    assert_eq!(answer.status, 201, "{:?}", answer.body);
    let location = answer.header("location").unwrap().split_once("/api/v1").unwrap().1.to_owned();
    assert_eq!(location, format!("{ledger}/entries/{}", answer.text("/id")));
    location
}

async fn paid(by: &User<'_>, ledger: &str, amount: &str) -> String {
    entered(by, ledger, json!({"kind": "payment", "amount": amount, "category": "maintenance"})).await
}

async fn sign(by: &User<'_>, entry: &str) -> Answer {
    by.post(&format!("{entry}/sign"), json!({})).await
}

async fn balance(by: &User<'_>, ledger: &str) -> String {
    by.get(ledger).await.text("/balance").to_owned()
}

#[rstest]
#[actix_web::test]
async fn ledgers_are_opened_once_and_never_changed(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let official = official(&server).await;
    let path = format!("/ledgers/{}", hands::own_id(5));
    let first = hands::put(&official, &path, None, &ledger(json!({}))).await;
    assert_eq!((first.status, first.text("/balance"), first.body["entry_count"].as_i64()), (201, "0.00", Some(0)));
    let again = hands::put(&official, &path, None, &ledger(json!({}))).await;
    assert_eq!((again.status, &again.body), (200, &first.body));
    let other = hands::put(&official, &path, Some(1), &ledger(json!({"name": "别的账本"}))).await;
    assert_eq!(fault(&other), invalid("/name", "not-changeable"));
    let elsewhere = hands::put(&server.sign_in("yushui").await, &path, None, &ledger(json!({}))).await;
    assert_eq!(elsewhere.status, 404);
    for (members, pointer, code) in [
        (json!({"region_code": null}), "/region_code", "required"),
        (json!({"kind": "co_managed_account"}), "/compound_id", "required"),
        (json!({"compound_id": hands::own_id(404), "region_code": null}), "/compound_id", "not-found"),
        (json!({"compound_id": hands::own_id(404)}), "/region_code", "not-together"),
        (json!({"region_code": "361002100299"}), "/region_code", "not-found"),
    ] {
        assert_eq!(fault(&official.post("/ledgers", ledger(members)).await), invalid(pointer, code));
    }
    let treasurer = server.sign_in("treasurer").await;
    assert_eq!(refusal(&treasurer.post("/ledgers", ledger(json!({}))).await), (403, "forbidden"));
}

#[rstest]
#[actix_web::test]
async fn ledgers_are_read_cheaply(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let official = official(&server).await;
    let _known = official.get("/me").await;
    let book = opened(&official).await;
    let treasurer = server.sign_in("treasurer").await;
    for _ in 0..3 {
        entered(&treasurer, &book, json!({})).await;
    }
    let entry = entered(&treasurer, &book, json!({})).await;
    let paths = [
        (book.clone(), 1),
        ("/ledgers?limit=100&count=exact".to_owned(), 1),
        (entry.clone(), 1),
        (format!("{book}/entries?limit=100&count=exact"), 2),
        (format!("{book}/disclosures"), 2),
    ];
    for (path, most) in paths {
        let (taken, answer) = hands::statements(&server, official.get(&path)).await;
        assert!(answer.status == 200 && taken <= most, "{path} took {taken} statements: {:?}", answer.body);
    }
    let body = json!({"kind": "income", "amount": "1.00", "category": "other", "occurred_on": "2026-03-10"});
    let key = [("idempotency-key", "the-first")];
    let path = format!("{book}/entries");
    let send = treasurer.send("POST", &path, &key, Some(&body));
    let (taken, answer) = hands::statements(&server, send).await;
    assert!(answer.status == 201 && taken <= 9, "an entry took {taken} statements: {:?}", answer.body);
}

#[rstest]
#[actix_web::test]
async fn money_needs_a_key(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let official = official(&server).await;
    let book = opened(&official).await;
    let treasurer = server.sign_in("treasurer").await;
    let path = format!("{book}/entries");
    let body = json!({"kind": "income", "amount": "100.00", "category": "land_lease", "occurred_on": "2026-03-10"});
    assert_eq!(refusal(&treasurer.send("POST", &path, &[], Some(&body)).await), (400, "idempotency-key-required"));
    let key = [("idempotency-key", "\"once\"")];
    let first = treasurer.send("POST", &path, &key, Some(&body)).await;
    let again = treasurer.send("POST", &path, &key, Some(&body)).await;
    assert_eq!((first.status, again.status, &again.body), (201, 201, &first.body));
    assert_eq!(balance(&treasurer, &book).await, "100.00");
}

#[rstest]
#[actix_web::test]
async fn an_entry_is_found_in_its_own_ledger_only(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let official = official(&server).await;
    let [book, other] = [opened(&official).await, opened(&official).await];
    let treasurer = server.sign_in("treasurer").await;
    let entry = entered(&treasurer, &book, json!({})).await;
    let id = entry.rsplit('/').next().unwrap();
    let elsewhere = format!("{other}/entries/{id}");
    let nobodys = official.get(&format!("{other}/entries/{}", hands::own_id(404))).await;
    for path in [elsewhere.clone(), format!("{elsewhere}/events")] {
        let answer = official.get(&path).await;
        assert_eq!(hands::content(&answer), hands::content(&nobodys), "{path}");
    }
    for (step, body) in [("sign", json!({})), ("refuse", json!({"reason": "否"})), ("reverse", json!({"reason": "否"}))]
    {
        let answer = treasurer.post(&format!("{elsewhere}/{step}"), body).await;
        assert_eq!(hands::content(&answer), hands::content(&nobodys), "{step}");
    }
}

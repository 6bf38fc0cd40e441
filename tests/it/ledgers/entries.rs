//! What comes in, what is paid, and what is taken back.

use futures_util::future::join_all;
use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::Server,
};
use rstest::rstest;
use serde_json::{Value, json};

use super::{balance, enter, entered, official, opened, paid, sign};
use crate::hands::{self, fault, invalid, refusal, told, uuid};

#[rstest]
#[actix_web::test]
async fn a_payment_needs_two_signers(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let official = official(&server).await;
    let treasurer = server.sign_in("treasurer").await;
    let book = opened(&official).await;
    let income = entered(&treasurer, &book, json!({"amount": "500"})).await;
    let counted = official.get(&income).await;
    assert_eq!((counted.text("/state"), counted.text("/balance_after")), ("posted", "500.00"));
    assert_eq!(counted.body["number"], 1);
    let payment = paid(&treasurer, &book, "120.50").await;
    assert_eq!(balance(&official, &book).await, "500.00");
    assert_eq!(treasurer.get(&payment).await.body["actions"], json!([]));
    assert_eq!(official.get(&payment).await.body["actions"], json!(["refuse", "sign"]));
    assert_eq!(refusal(&sign(&treasurer, &payment).await), (409, "same-signer"));
    let signed = sign(&official, &payment).await;
    assert_eq!((signed.status, signed.text("/state"), signed.text("/balance_after")), (200, "posted", "379.50"));
    assert_eq!(signed.body["number"], 2);
    assert_eq!(balance(&official, &book).await, "379.50");
    let again = sign(&official, &payment).await;
    assert_eq!((refusal(&again), again.text("/current_state")), ((409, "invalid-transition"), "posted"));
    assert_eq!(told(&official, &payment).await, ["ledger_entry.entered", "ledger_entry.posted"]);
    assert_eq!(told(&official, &book).await, ["ledger.created", "ledger.entry_posted", "ledger.entry_posted"]);
}

#[rstest]
#[actix_web::test]
async fn two_accounts_of_one_person_are_one_signer(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let official = official(&server).await;
    let treasurer = server.sign_in("treasurer").await;
    let book = opened(&official).await;
    entered(&treasurer, &book, json!({})).await;
    let payment = paid(&treasurer, &book, "10").await;
    let person = uuid(treasurer.get("/me").await.text("/person_id"));
    let sql = "UPDATE users SET person_id = $1 WHERE username = 'village.official'";
    server.sql.run(sql, [person.into()]).await;
    server.app.forget_callers();
    assert_eq!(refusal(&sign(&official, &payment).await), (409, "same-signer"));
}

#[rstest]
#[actix_web::test]
async fn a_refused_payment_never_counts(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let official = official(&server).await;
    let treasurer = server.sign_in("treasurer").await;
    let book = opened(&official).await;
    entered(&treasurer, &book, json!({})).await;
    let payment = paid(&treasurer, &book, "10").await;
    let refuse = format!("{payment}/refuse");
    assert_eq!(fault(&official.post(&refuse, json!({})).await), invalid("/reason", "required"));
    let refused = official.post(&refuse, json!({"reason": "没有发票"})).await;
    assert_eq!((refused.text("/state"), refused.text("/refusal")), ("refused", "没有发票"));
    assert_eq!(refusal(&sign(&official, &payment).await), (409, "invalid-transition"));
    assert_eq!(balance(&official, &book).await, "100.00");
}

#[rstest]
#[actix_web::test]
async fn bad_entries_are_refused(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let official = official(&server).await;
    let treasurer = server.sign_in("treasurer").await;
    let book = opened(&official).await;
    for (members, pointer, code) in [
        (json!({"amount": "0.00"}), "/amount", "format"),
        (json!({"amount": "007"}), "/amount", "format"),
        (json!({"amount": "-5"}), "/amount", "format"),
        (json!({"amount": "1.005"}), "/amount", "format"),
        (json!({"amount": 5}), "/amount", "wrong-type"),
        (json!({"amount": "10000000000.1"}), "/amount", "format"),
        (json!({"occurred_on": "2026-03-13"}), "/occurred_on", "in-future"),
        (json!({"occurred_on": "1949-09-30"}), "/occurred_on", "implausible"),
        (json!({"kind": "reversal"}), "/kind", "not-found"),
        (json!({"category": "gifts"}), "/category", "not-found"),
        (json!({"number": 7}), "/number", "unknown-member"),
    ] {
        assert_eq!(fault(&enter(&treasurer, &book, members).await), invalid(pointer, code));
    }
    assert_eq!(refusal(&enter(&official, &book, json!({})).await), (403, "forbidden"));
    // who keeps ledgers elsewhere does not see this one, and who keeps none has nothing to do with it
    assert_eq!(enter(&server.sign_in("worker").await, &book, json!({})).await.status, 404);
    assert_eq!(enter(&server.sign_in("nanchang").await, &book, json!({})).await.status, 403);
    assert_eq!(official.get(&format!("{book}/entries?count=exact")).await.body["page"]["total"], 0);
}

#[rstest]
#[actix_web::test]
async fn no_more_is_paid_than_there_is(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let official = official(&server).await;
    let treasurer = server.sign_in("treasurer").await;
    let book = opened(&official).await;
    entered(&treasurer, &book, json!({"amount": "100"})).await;
    let mut payments = Vec::new();
    for _ in 0..8 {
        payments.push(paid(&treasurer, &book, "30").await);
    }
    let all = join_all(payments.iter().map(|payment| sign(&official, payment)));
    // on PostgreSQL all of them have begun before the first gets on
    let lock = "SELECT 1 FROM ledgers FOR UPDATE";
    let answers = if backend == Postgres { server.sql.meeting(lock, 8, all).await } else { all.await };
    let posted = answers.iter().filter(|answer| answer.status == 200).count();
    let short = answers.iter().filter(|answer| refusal(answer) == (409, "overdraft")).count();
    assert_eq!((posted, short), (3, 5));
    assert_eq!(balance(&official, &book).await, "10.00");
    let entries = official.get(&format!("{book}/entries?state=posted&limit=200")).await;
    let mut numbers: Vec<i64> =
        entries.body["items"].as_array().unwrap().iter().map(|item| item["number"].as_i64().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3, 4]);
}

#[rstest]
#[actix_web::test]
async fn a_wrong_entry_is_taken_back_by_another(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let official = official(&server).await;
    let treasurer = server.sign_in("treasurer").await;
    let book = opened(&official).await;
    entered(&treasurer, &book, json!({"amount": "100"})).await;
    let wrong = entered(&treasurer, &book, json!({"amount": "70", "memo": "记错了"})).await;
    let reverse = format!("{wrong}/reverse");
    assert_eq!(refusal(&official.post(&reverse, json!({"reason": "记错"})).await), (403, "forbidden"));
    let reversal = treasurer.post(&reverse, json!({"reason": "金额记错"})).await;
    assert_eq!((reversal.status, reversal.text("/kind"), reversal.text("/flow")), (201, "reversal", "out"));
    let path = reversal.header("location").unwrap().split_once("/api/v1").unwrap().1.to_owned();
    let twice = treasurer.post(&reverse, json!({"reason": "再冲"})).await;
    assert_eq!(refusal(&twice), (409, "already-reversed"));
    assert_eq!(refusal(&sign(&treasurer, &path).await), (409, "same-signer"));
    assert_eq!(balance(&official, &book).await, "170.00");
    assert_eq!(sign(&official, &path).await.status, 200);
    assert_eq!(balance(&official, &book).await, "100.00");
    let taken_back = official.get(&wrong).await;
    assert_eq!(taken_back.body["reversed_by"], reversal.body["id"]);
    for gone in [&wrong, &path] {
        let again = treasurer.post(&format!("{gone}/reverse"), json!({"reason": "再冲"})).await;
        assert_eq!(refusal(&again), (409, "invalid-transition"));
    }
    // a refused one is as if it had never been asked for
    let paid = paid(&treasurer, &book, "40").await;
    assert_eq!(sign(&official, &paid).await.status, 200);
    let back = treasurer.post(&format!("{paid}/reverse"), json!({"reason": "退款"})).await;
    let back = back.header("location").unwrap().split_once("/api/v1").unwrap().1.to_owned();
    assert_eq!(official.post(&format!("{back}/refuse"), json!({"reason": "没有退"})).await.status, 200);
    assert_eq!(treasurer.post(&format!("{paid}/reverse"), json!({"reason": "真的退款"})).await.status, 201);
}

#[rstest]
#[actix_web::test]
async fn the_database_holds_entries_fast(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let official = official(&server).await;
    let treasurer = server.sign_in("treasurer").await;
    let book = opened(&official).await;
    entered(&treasurer, &book, json!({})).await;
    let disclosed = official.post(&format!("{book}/disclosures"), json!({})).await;
    assert_eq!(disclosed.status, 201);
    let own = "ledger_id = (SELECT id FROM ledgers WHERE name = '石塘村账本')";
    for change in [
        format!("UPDATE ledger_entries SET amount = 1 WHERE {own}"),
        format!("UPDATE ledger_entries SET flow = 'out' WHERE {own}"),
        format!("UPDATE ledger_entries SET number = 9 WHERE {own}"),
        format!("UPDATE ledger_entries SET balance_after = 0 WHERE {own}"),
        format!("UPDATE ledger_entries SET state = 'refused', number = NULL WHERE {own}"),
        format!("DELETE FROM ledger_entries WHERE {own}"),
        format!("UPDATE disclosures SET income = 1, closing_balance = 1 WHERE {own}"),
        format!("DELETE FROM disclosures WHERE {own}"),
        "UPDATE ledgers SET balance = -1".to_owned(),
    ] {
        assert!(server.sql.attempt(&change, []).await.is_err(), "{change}");
    }
    assert_eq!(balance(&official, &book).await, "100.00");
    let _: Value = official.get(&book).await.body;
    assert!(hands::ids(&official, &format!("{book}/entries")).await.len() == 1);
}

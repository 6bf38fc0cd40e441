//! Guessing passwords: who fails too often waits, wherever he sits and whatever he tries next.

use chrono::TimeDelta;
use futures_util::future::join_all;
use harness::{
    client::{Answer, Client},
    database::Backend::{self, Postgres, Sqlite},
    server::{Server, Setup},
};
use rstest::rstest;
use serde_json::json;

use crate::hands::{content, refusal};

const RIGHT: &str = "lianxin-demo";
const WRONG: &str = "not-the-password";
const LOCKED: (u16, &str) = (429, "account-locked");

/// A server that believes what the test says of addresses.
async fn start(backend: Backend) -> Server {
    Setup::default().setting("LIANXIN_TRUSTED_PROXIES", "127.0.0.0/8").start(backend).await
}

async fn log_in(client: &Client, username: &str, password: &str, address: &str) -> Answer {
    let body = json!({"username": username, "password": password});
    client.send("POST", "/api/v1/auth/login", &[("x-forwarded-for", address)], Some(&body)).await
}

async fn fail(client: &Client, username: &str, times: usize, address: &str) {
    for _ in 0..times {
        let answer = log_in(client, username, WRONG, address).await;
        assert_eq!(refusal(&answer), (401, "wrong-credentials"), "{username}");
    }
}

#[rstest]
#[actix_web::test]
async fn five_wrong_passwords_lock_an_account(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = start(backend).await;
    let replica = server.replica();
    let here = "203.0.113.7";
    fail(&server, "worker", 3, here).await;
    server.advance(TimeDelta::minutes(10));
    fail(&replica, "WORKER", 2, here).await;
    for server in [&server, &replica] {
        for password in [WRONG, RIGHT] {
            let answer = log_in(server, "worker", password, here).await;
            assert_eq!((refusal(&answer), answer.header("retry-after")), (LOCKED, Some("900")), "{password}");
        }
        // others at the same address are none the worse
        assert_eq!(log_in(server, "resident", RIGHT, here).await.status, 200);
    }
    // nor does it help to go elsewhere
    assert_eq!(refusal(&log_in(&server, "worker", RIGHT, "198.51.100.1").await), LOCKED);
    // whoever tries meanwhile does not make it longer
    server.advance(TimeDelta::seconds(899));
    let answer = log_in(&server, "worker", RIGHT, here).await;
    assert_eq!((refusal(&answer), answer.header("retry-after")), (LOCKED, Some("1")));
    server.advance(TimeDelta::seconds(1));
    assert_eq!(log_in(&server, "worker", RIGHT, here).await.status, 200);
    let locked = match backend {
        Sqlite => "events WHERE kind = 'auth.login_failed' AND data LIKE '%\"locked\":true%'",
        Postgres => "events WHERE kind = 'auth.login_failed' AND data->>'locked' = 'true'",
    };
    assert_eq!(server.sql.count(locked, []).await, 1);
}

#[rstest]
#[actix_web::test]
async fn only_what_failed_lately_counts(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = start(backend).await;
    let here = "203.0.113.7";
    fail(&server, "worker", 4, here).await;
    server.advance(TimeDelta::seconds(901));
    fail(&server, "worker", 4, here).await;
    // whoever proves who he is begins anew
    assert_eq!(log_in(&server, "worker", RIGHT, here).await.status, 200);
    fail(&server, "worker", 4, here).await;
    assert_eq!(log_in(&server, "worker", RIGHT, here).await.status, 200);
    server.advance(TimeDelta::seconds(901));
    server.run_jobs().await;
    assert_eq!(server.sql.count("login_failures", []).await, 0);
}

#[rstest]
#[actix_web::test]
async fn guesses_from_everywhere_count_together(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = start(backend).await;
    for n in 0..5 {
        fail(&server, "worker", 1, &format!("198.51.{n}.1")).await;
    }
    for n in 5..768 {
        let answer = log_in(&server, "worker", RIGHT, &format!("198.51.{}.{}", n / 250, n % 250)).await;
        assert_eq!(refusal(&answer), LOCKED, "{n}");
    }
}

#[rstest]
#[actix_web::test]
async fn guesses_at_once_are_no_more_than_one_after_the_other(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = start(backend).await;
    let replica = server.replica();
    let guesses = (0..20).map(|n| log_in(if n % 2 == 0 { &server } else { &replica }, "worker", WRONG, "203.0.113.7"));
    let answers = join_all(guesses).await;
    let told = answers.iter().filter(|answer| answer.status == 401).count();
    assert_eq!(told, 5);
    assert!(answers.iter().all(|answer| matches!(answer.status, 401 | 429)));
}

#[rstest]
#[actix_web::test]
async fn a_name_that_nobody_has_is_treated_alike(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = start(backend).await;
    assert_eq!(server.sql.run("UPDATE users SET state = 'disabled' WHERE username = 'street'", []).await, 1);
    let mut answers = Vec::new();
    for username in ["worker", "nobody-at-all", "street"] {
        fail(&server, username, 5, "203.0.113.7").await;
        let locked = log_in(&server, username, RIGHT, "203.0.113.7").await;
        let names: Vec<String> = locked.headers.iter().map(|(name, _)| name.clone()).collect();
        answers.push((content(&locked), locked.header("retry-after").map(str::to_owned), names));
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0], answers[2]);
    // what is kept tells no name
    assert_eq!(server.sql.count("login_failures", []).await, 4);
    assert_eq!(server.sql.count("login_failures WHERE id LIKE '%worker%' OR id LIKE '%203.0%'", []).await, 0);
}

#[rstest]
#[actix_web::test]
async fn an_address_has_its_own_limit(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = start(backend).await;
    let here = "2001:db8:1:2::77";
    for n in 0..25 {
        fail(&server, &format!("somebody{n}"), 4, here).await;
    }
    // a neighbor of the same /64 is the same host
    for address in [here, "2001:db8:1:2:ffff::1"] {
        let answer = log_in(&server, "resident", RIGHT, address).await;
        assert_eq!((refusal(&answer), answer.header("retry-after")), ((429, "quota-exceeded"), Some("900")));
    }
    assert_eq!(log_in(&server, "resident", RIGHT, "2001:db8:1:3::77").await.status, 200);
    server.advance(TimeDelta::minutes(15));
    assert_eq!(log_in(&server, "resident", RIGHT, here).await.status, 200);
}

#[rstest]
#[actix_web::test]
async fn only_a_trusted_proxy_says_where_somebody_is(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let tokens = log_in(&server, "resident", RIGHT, "198.51.100.1").await;
    let sessions = server.user(tokens.text("/access_token")).get("/sessions").await;
    assert_eq!(sessions.text("/items/0/network"), "127.0.0.0/24");
    assert_eq!(server.sql.count("events WHERE kind = 'auth.logged_in' AND address = '127.0.0.1'", []).await, 1);
    let server = start(backend).await;
    // what the client wrote before the proxy's word is not believed
    let tokens = log_in(&server, "resident", RIGHT, "192.0.2.9, 198.51.100.1").await;
    let sessions = server.user(tokens.text("/access_token")).get("/sessions").await;
    assert_eq!(sessions.text("/items/0/network"), "198.51.100.0/24");
    assert_eq!(server.sql.count("events WHERE kind = 'auth.logged_in' AND address = '198.51.100.1'", []).await, 1);
}

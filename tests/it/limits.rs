//! How many requests somebody may send in a minute: by account, and by address for whoever is not signed in.

use chrono::TimeDelta;
use harness::{
    client::Answer,
    database::Backend::{self, Postgres, Sqlite},
    server::{Server, Setup},
    wire::{Wire, request},
};
use rstest::rstest;
use serde_json::json;

use crate::hands::refusal;

/// Policy and what is left, as headers tell it.
fn told(answer: &Answer) -> (Option<&str>, Option<&str>) {
    (answer.header("ratelimit-policy"), answer.header("ratelimit"))
}

async fn start(backend: Backend) -> Server {
    let proxied = Setup::default().setting("LIANXIN_TRUSTED_PROXIES", "127.0.0.1");
    proxied
        .setting("LIANXIN_RATE_LIMIT", "5")
        .setting("LIANXIN_CORS_ORIGINS", "https://app.example")
        .start(backend)
        .await
}

#[rstest]
#[actix_web::test]
async fn an_account_has_its_minute(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = start(backend).await;
    let replica = server.replica();
    let (worker, resident) = (server.sign_in("worker").await, server.sign_in("resident").await);
    for left in (0..5).rev() {
        let answer = worker.get("/me").await;
        let ratelimit = format!("\"user\";r={left};t=60");
        assert_eq!((answer.status, told(&answer)), (200, (Some("\"user\";q=5;w=60"), Some(ratelimit.as_str()))));
    }
    server.advance(TimeDelta::milliseconds(20_500));
    let refused = worker.get("/service-orders").await;
    assert_eq!(refusal(&refused), (429, "quota-exceeded"));
    assert_eq!(refused.text("/type"), "https://iana.org/assignments/http-problem-types#quota-exceeded");
    assert_eq!(refused.body["violated-policies"], json!(["user"]));
    assert_eq!((refused.header("retry-after"), told(&refused).1), (Some("40"), Some("\"user\";r=0;t=40")));
    // another session of his is his too, others are not, and each replica counts for itself
    let other = server.sign_in("worker").await;
    assert_eq!(other.get("/me").await.status, 429);
    assert_eq!(resident.get("/me").await.status, 200);
    assert_eq!(worker.at(&replica).get("/me").await.status, 200);
    server.advance(TimeDelta::milliseconds(39_499));
    assert_eq!(worker.get("/me").await.status, 429);
    server.advance(TimeDelta::milliseconds(1));
    let again = worker.get("/me").await;
    assert_eq!((again.status, told(&again).1), (200, Some("\"user\";r=4;t=60")));
}

#[rstest]
#[actix_web::test]
async fn whoever_is_not_signed_in_is_counted_by_address(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = start(backend).await;
    let from = |address: &'static str| [("x-forwarded-for", address)];
    let here = "203.0.113.7";
    let refresh = json!({"refresh_token": "x"});
    let login = json!({"username": "resident", "password": "lianxin-demo"});
    let first = server.send("POST", "/api/v1/auth/login", &from(here), Some(&login)).await;
    assert_eq!((first.status, told(&first).0), (200, Some("\"address\";q=5;w=60")));
    assert_eq!(server.send("POST", "/api/v1/auth/refresh", &from(here), Some(&refresh)).await.status, 400);
    assert_eq!(server.send("GET", "/api/v1/me", &from(here), None).await.status, 401);
    let forged = [("x-forwarded-for", here), ("authorization", "Bearer x")];
    assert_eq!(server.send("GET", "/api/v1/me", &forged, None).await.status, 401);
    assert_eq!(server.form("/api/v1/oauth/token", &from(here), "").await.status, 400);
    for path in ["/api/v1/auth/login", "/api/v1/oauth/token"] {
        let answer = server.send("POST", path, &from(here), Some(&login)).await;
        assert_eq!(refusal(&answer), (429, "quota-exceeded"), "{path}");
        assert_eq!(answer.body["violated-policies"], json!(["address"]));
    }
    let jwks = Wire::to(&server).ask(&request("GET", "/.well-known/jwks.json", &from(here), b""));
    assert_eq!(jwks.status, 429);
    // elsewhere, and for who is signed in there, it is another matter
    assert_eq!(server.send("POST", "/api/v1/auth/login", &from("198.51.100.1"), Some(&login)).await.status, 200);
    let bearer = format!("Bearer {}", first.text("/access_token"));
    let signed_in = [("x-forwarded-for", here), ("authorization", bearer.as_str())];
    assert_eq!(server.send("GET", "/api/v1/me", &signed_in, None).await.status, 200);
    for path in ["/livez", "/readyz", "/openapi.json"] {
        assert_eq!(server.probe(path).await.unwrap().status, 200, "{path}");
    }
}

#[actix_web::test]
async fn a_frontend_may_read_what_is_left() {
    let server = start(Sqlite).await;
    let ask = |headers: &[(&str, &str)]| Wire::to(&server).ask(&request("GET", "/api/v1/me", headers, b""));
    let answer = ask(&[("origin", "https://app.example")]);
    let shown = answer.header("access-control-expose-headers").unwrap_or_default().to_ascii_lowercase();
    assert!(shown.contains("ratelimit") && shown.contains("ratelimit-policy"), "{shown}");
    for _ in 0..5 {
        let _counted = ask(&[]);
    }
    let refused = ask(&[("origin", "https://app.example")]);
    assert_eq!((refused.status, refused.header("access-control-allow-origin")), (429, Some("https://app.example")));
}

#[actix_web::test]
async fn without_a_limit_nothing_is_counted() {
    let server = Server::start(Sqlite).await;
    let worker = server.sign_in("worker").await;
    for _ in 0..20 {
        let answer = worker.get("/me").await;
        assert_eq!((answer.status, told(&answer)), (200, (None, None)));
    }
}

//! Signing in and staying signed in.

use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::Server,
};
use rstest::rstest;
use serde_json::json;

#[rstest]
#[actix_web::test]
async fn wrong_and_unknown_are_told_alike(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let wrong = server.log_in("worker", "not-the-password").await;
    let unknown = server.log_in("nobody-at-all", "not-the-password").await;
    assert_eq!((wrong.status, wrong.text("/code")), (401, "wrong-credentials"));
    assert_eq!((unknown.status, unknown.text("/code")), (401, "wrong-credentials"));
    assert_eq!(server.send("GET", "/api/v1/me", &[], None).await.status, 401);
    let forged = server.send("GET", "/api/v1/me", &[("authorization", "Bearer eyJhbGciOiJub25lIn0.e30.")], None).await;
    assert_eq!(forged.header("www-authenticate"), Some("Bearer error=\"invalid_token\""));
}

#[rstest]
#[actix_web::test]
async fn refresh_tokens_rotate_and_survive_a_lost_answer(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let refresh = async |token: &str| {
        server.send("POST", "/api/v1/auth/refresh", &[], Some(&json!({ "refresh_token": token }))).await
    };
    let me = async |answer: &harness::server::Answer| {
        let bearer = format!("Bearer {}", answer.text("/access_token"));
        server.send("GET", "/api/v1/me", &[("authorization", &bearer)], None).await.status
    };
    let first = server.log_in("resident", "lianxin-demo").await;
    let lost = refresh(first.text("/refresh_token")).await;
    // the answer was lost: the same token again gives a new pair, the lost one is dead
    let second = refresh(first.text("/refresh_token")).await;
    assert_eq!(second.status, 200);
    assert_eq!(me(&lost).await, 401);
    assert_eq!(refresh(lost.text("/refresh_token")).await.text("/code"), "invalid-grant");
    assert_eq!(me(&second).await, 200);
    // now the successor was used: whoever still holds the first one has a copy, and the session ends
    assert_eq!(refresh(first.text("/refresh_token")).await.status, 400);
    assert_eq!(me(&second).await, 401);
    assert_eq!(refresh(second.text("/refresh_token")).await.status, 400);
}

#[rstest]
#[actix_web::test]
async fn logout_ends_the_session(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let tokens = server.log_in("worker", "lianxin-demo").await;
    let bearer = format!("Bearer {}", tokens.text("/access_token"));
    assert_eq!(server.send("GET", "/api/v1/me", &[("authorization", &bearer)], None).await.status, 200);
    let body = json!({"refresh_token": tokens.text("/refresh_token")});
    assert_eq!(server.send("POST", "/api/v1/auth/logout", &[], Some(&body)).await.status, 204);
    assert_eq!(server.send("GET", "/api/v1/me", &[("authorization", &bearer)], None).await.status, 401);
    assert_eq!(server.send("POST", "/api/v1/auth/refresh", &[], Some(&body)).await.status, 400);
}

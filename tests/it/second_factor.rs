//! Second factors: who has one shows it, who needs one gets it first, and proving once more who one is.

use chrono::TimeDelta;
use harness::{
    client::{Answer, Client, User},
    database::Backend::{self, Postgres, Sqlite},
    server::{Server, Setup},
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::hands::{appoint, content, fault, invalid, one_time, own_id, refusal, second_factor};

const PASSWORD: &str = "lianxin-demo";

async fn log_in(client: &Client, username: &str, totp: &str) -> Answer {
    let body = json!({"username": username, "password": PASSWORD, "totp": totp});
    client.send("POST", "/api/v1/auth/login", &[], Some(&body)).await
}

async fn again(user: &User<'_>, body: Value) -> Answer {
    user.post("/auth/reauthenticate", body).await
}

async fn own(user: &User<'_>) -> String {
    user.get("/me").await.text("/id").to_owned()
}

#[rstest]
#[actix_web::test]
async fn whoever_has_a_second_factor_shows_it(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    assert_eq!(worker.get("/me").await.body["second_factor"], false);
    let begun = worker.post("/me/second-factor", json!({})).await;
    assert_eq!((begun.status, begun.header("cache-control")), (200, Some("no-store")));
    let url = begun.text("/otpauth_url");
    assert!(url.starts_with("otpauth://totp/Lianxin:worker?") && url.contains(begun.text("/secret")), "{url}");
    // as long as it is not confirmed it is not asked for
    assert_eq!(server.log_in("worker", PASSWORD).await.status, 200);
    for wrong in ["000000", "12345x", "abcd-efgh-jkmn"] {
        let answer = worker.post("/me/second-factor/confirm", json!({ "code": wrong })).await;
        assert_eq!(fault(&answer), invalid("/code", "wrong-code"));
    }
    let (secret, codes) = second_factor(&server, &worker).await;
    assert_eq!(codes.len(), 10);
    assert_eq!(worker.get("/me").await.body["second_factor"], true);
    assert_eq!(refusal(&worker.post("/me/second-factor", json!({})).await), (409, "duplicate"));

    let missing = server.log_in("worker", PASSWORD).await;
    assert_eq!((refusal(&missing), missing.header("www-authenticate")), ((401, "totp-required"), Some("Bearer")));
    // the code that confirmed it was used
    let used = log_in(&server, "worker", &one_time(&secret, server.now(), 0)).await;
    assert_eq!(refusal(&used), (401, "wrong-credentials"));
    server.advance(TimeDelta::seconds(30));
    let right = log_in(&server, "worker", &one_time(&secret, server.now(), 0)).await;
    assert_eq!(right.status, 200, "{:?}", right.body);
    // whoever does not know the password is not told that there is a second factor
    assert_eq!(refusal(&server.log_in("worker", "not-the-password").await), (401, "wrong-credentials"));
    // neither secret nor codes are in the database
    let kept: Vec<String> = server.sql.all("SELECT secret_sealed FROM second_factors", []).await;
    assert!(kept.len() == 1 && !kept[0].contains(&secret));
    let plain = codes[0].replace('-', "").into_bytes();
    assert_eq!(server.sql.count("recovery_codes WHERE code_hash = $1", [plain.into()]).await, 0);
}

#[rstest]
#[actix_web::test]
async fn a_code_is_good_once_and_for_a_minute_and_a_half(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let replica = server.replica();
    let (secret, codes) = second_factor(&server, &server.sign_in("resident").await).await;
    server.advance(TimeDelta::minutes(5));
    // two steps away either way is too far
    for steps in [-2, 2] {
        let answer = log_in(&server, "resident", &one_time(&secret, server.now(), steps)).await;
        assert_eq!(refusal(&answer), (401, "wrong-credentials"), "{steps}");
    }
    let early = one_time(&secret, server.now(), 1);
    assert_eq!(log_in(&server, "resident", &early).await.status, 200);
    // used, and so is every code before it
    for (client, steps) in [(&replica, 1), (&server, 0), (&server, -1)] {
        let answer = log_in(client, "resident", &one_time(&secret, server.now(), steps)).await;
        assert_eq!(refusal(&answer), (401, "wrong-credentials"), "{steps}");
    }
    server.advance(TimeDelta::minutes(1));
    let blank = one_time(&secret, server.now(), 0);
    assert_eq!(log_in(&replica, "resident", &format!("{} {}", &blank[..3], &blank[3..])).await.status, 200);
    // a recovery code once, however it is written
    assert_eq!(log_in(&server, "resident", &codes[0].to_uppercase()).await.status, 200);
    assert_eq!(refusal(&log_in(&replica, "resident", &codes[0]).await), (401, "wrong-credentials"));
    assert_eq!(log_in(&server, "resident", &codes[1].replace('-', "")).await.status, 200);
    assert_eq!(server.sql.count("recovery_codes", []).await, 8);
}

#[rstest]
#[actix_web::test]
async fn codes_are_not_guessed(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let resident = server.sign_in("resident").await;
    let (secret, _) = second_factor(&server, &resident).await;
    server.advance(TimeDelta::minutes(1));
    for _ in 0..3 {
        assert_eq!(refusal(&log_in(&server, "resident", "000000").await), (401, "wrong-credentials"));
    }
    let removal = resident.send("DELETE", "/me/second-factor", &[], Some(&json!({"code": "000000"}))).await;
    assert_eq!(fault(&removal), invalid("/code", "wrong-code"));
    let body = json!({"password": PASSWORD, "totp": "000000"});
    assert_eq!(refusal(&again(&resident, body).await), (401, "wrong-credentials"));
    let right = log_in(&server, "resident", &one_time(&secret, server.now(), 0)).await;
    assert_eq!(refusal(&right), (429, "account-locked"));
    let code = json!({"code": one_time(&secret, server.now(), 0)});
    let removal = resident.send("DELETE", "/me/second-factor", &[], Some(&code)).await;
    assert_eq!(refusal(&removal), (429, "account-locked"));
}

#[rstest]
#[actix_web::test]
async fn a_second_factor_is_given_up_with_a_code(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let resident = server.sign_in("resident").await;
    let (secret, codes) = second_factor(&server, &resident).await;
    server.advance(TimeDelta::minutes(1));
    let renewed = resident.post("/me/second-factor/recovery-codes", json!({})).await;
    let newer = renewed.text("/recovery_codes/0").to_owned();
    assert_eq!(renewed.body["recovery_codes"].as_array().unwrap().len(), 10);
    assert_eq!(refusal(&log_in(&server, "resident", &codes[0]).await), (401, "wrong-credentials"));
    assert_eq!(log_in(&server, "resident", &newer).await.status, 200);
    let code = json!({"code": one_time(&secret, server.now(), 0)});
    let gone = resident.send("DELETE", "/me/second-factor", &[], Some(&code)).await;
    assert_eq!(gone.status, 204, "{:?}", gone.body);
    assert_eq!(server.log_in("resident", PASSWORD).await.status, 200);
    assert_eq!(server.sql.count("recovery_codes", []).await + server.sql.count("second_factors", []).await, 0);
    let again = resident.send("DELETE", "/me/second-factor", &[], Some(&code)).await;
    assert_eq!((again.status, resident.post("/me/second-factor/recovery-codes", json!({})).await.status), (404, 404));
}

/// What is sensitive about an account needs a recent sign-in, and proving once more who one is is one.
#[rstest]
#[actix_web::test]
async fn whoever_proves_it_again_goes_on(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let replica = server.replica();
    let tokens = server.log_in("admin", PASSWORD).await;
    let admin = server.user(tokens.text("/access_token"));
    let (_, somebody) = appoint(&server, "somebody", &[("cadre", "360502002001")]).await;
    let keeper = appoint(&server, "keeper", &[("region_administrator", "360502")]).await.0;
    let granted = json!({"user_id": somebody, "role": "mediator", "region_code": "360502002001"});
    let grant = keeper.post("/grants", granted.clone()).await.text("/id").to_owned();
    let worker = server.sign_in("worker").await;
    let person = worker.get("/persons?limit=1").await.text("/items/0/id").to_owned();
    server.advance(TimeDelta::minutes(10) + TimeDelta::seconds(1));
    let disable = format!("/users/{somebody}/disable");
    let look = json!({"fields": ["name"], "purpose": "service", "note": "核对联系电话"});
    let password = json!({"password": "correct horse battery"});
    for (user, method, path, body) in [
        (&worker, "POST", format!("/persons/{person}/reveal"), look),
        (&keeper, "POST", "/grants".to_owned(), granted),
        (&keeper, "DELETE", format!("/grants/{grant}"), Value::Null),
        (&keeper, "POST", format!("/users/{somebody}/reset-password"), password),
        (&keeper, "POST", format!("/users/{somebody}/reset-second-factor"), json!({})),
        (&admin, "POST", disable.clone(), json!({})),
        (&worker, "POST", "/me/second-factor".to_owned(), json!({})),
        (&worker, "POST", "/me/second-factor/confirm".to_owned(), json!({"code": "000000"})),
        (&worker, "POST", "/me/second-factor/recovery-codes".to_owned(), json!({})),
        (&worker, "DELETE", "/me/second-factor".to_owned(), json!({"code": "000000"})),
    ] {
        let tag: &[(&str, &str)] = if path.starts_with("/grants/") { &[("if-match", "\"1\"")] } else { &[] };
        let answer = user.send(method, &path, tag, Some(&body).filter(|body| !body.is_null())).await;
        assert_eq!(refusal(&answer), (401, "reauthentication-required"), "{path}");
        let challenge = "Bearer error=\"insufficient_user_authentication\", max_age=600";
        assert_eq!(answer.header("www-authenticate"), Some(challenge), "{path}");
    }

    assert_eq!(refusal(&again(&admin, json!({"password": "not-the-password"})).await), (401, "wrong-credentials"));
    let anybody = server.send("POST", "/api/v1/auth/reauthenticate", &[], Some(&json!({"password": PASSWORD}))).await;
    assert_eq!(refusal(&anybody), (401, "unauthenticated"));
    let renewed = again(&admin, json!({"password": PASSWORD})).await;
    assert_eq!((renewed.status, renewed.header("cache-control")), (200, Some("no-store")), "{:?}", renewed.body);
    // the session is the same, and its former refresh token is spent
    let fresh = replica.user(renewed.text("/access_token"));
    let before = admin.get("/sessions").await;
    assert_eq!(fresh.get("/sessions").await.body["items"][0]["id"], before.body["items"][0]["id"]);
    assert_eq!(fresh.post(&disable, json!({})).await.status, 200);
    let refresh = |token: &Answer| json!({"refresh_token": token.text("/refresh_token")});
    let spent = server.send("POST", "/api/v1/auth/refresh", &[], Some(&refresh(&tokens))).await;
    assert_eq!(refusal(&spent), (400, "invalid-grant"));
    assert_eq!(server.sql.count("events WHERE kind = 'auth.refresh_reuse'", []).await, 1);
}

#[rstest]
#[actix_web::test]
async fn proving_it_again_takes_the_second_factor_too(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let resident = server.sign_in("resident").await;
    let (secret, _) = second_factor(&server, &resident).await;
    server.advance(TimeDelta::minutes(1));
    assert_eq!(refusal(&again(&resident, json!({"password": PASSWORD})).await), (401, "totp-required"));
    let body = json!({"password": PASSWORD, "totp": one_time(&secret, server.now(), 0)});
    let renewed = again(&resident, body.clone()).await;
    assert_eq!(renewed.status, 200, "{:?}", renewed.body);
    assert_eq!(refusal(&again(&resident, body).await), (401, "wrong-credentials"));
    // going on as usual
    let token = json!({"refresh_token": renewed.text("/refresh_token")});
    assert_eq!(server.send("POST", "/api/v1/auth/refresh", &[], Some(&token)).await.status, 200);
}

#[rstest]
#[actix_web::test]
async fn an_office_needs_a_second_factor_where_it_is_asked_for(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Setup::default().setting("LIANXIN_REQUIRE_MFA", "true").start(backend).await;
    let tokens = server.log_in("worker", PASSWORD).await;
    let worker = server.user(tokens.text("/access_token"));
    let order = json!({"kind": "tap", "description": "水", "region_code": "360502002001", "address": "1 号"});
    let id = own(&worker).await;
    for (method, path, body) in [
        ("GET", "/service-orders".to_owned(), None),
        ("GET", "/regions".to_owned(), None),
        ("GET", format!("/users/{id}"), None),
        ("POST", "/service-orders".to_owned(), Some(&order)),
    ] {
        let answer = worker.send(method, &path, &[], body).await;
        assert_eq!(refusal(&answer), (403, "mfa-required"), "{path}");
    }
    for path in ["/me", "/sessions"] {
        assert_eq!(worker.get(path).await.status, 200, "{path}");
    }
    assert_eq!(again(&worker, json!({"password": PASSWORD})).await.status, 200);
    // who holds no office needs none
    assert_eq!(server.sign_in("resident").await.get("/service-orders").await.status, 200);
    let _codes = second_factor(&server, &worker).await;
    assert_eq!(worker.get("/service-orders").await.status, 200);
    let refresh = json!({"refresh_token": tokens.text("/refresh_token")});
    assert_eq!(server.send("POST", "/api/v1/auth/logout", &[], Some(&refresh)).await.status, 204);
    // with the setting off nobody is asked
    let server = Server::start(backend).await;
    assert_eq!(server.sign_in("worker").await.get("/service-orders").await.status, 200);
}

#[rstest]
#[actix_web::test]
async fn a_lost_factor_is_reset_by_who_keeps_the_account(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (keeper, _) = appoint(&server, "keeper", &[("region_administrator", "360502")]).await;
    let worker = server.sign_in("worker").await;
    let id = own(&worker).await;
    let reset = async |by: &User<'_>, id: &str| by.post(&format!("/users/{id}/reset-second-factor"), json!({})).await;
    let (secret, _) = second_factor(&server, &worker).await;
    let nobodys = content(&reset(&server.sign_in("resident").await, &own_id(1)).await);
    assert_eq!(content(&reset(&server.sign_in("resident").await, &id).await), nobodys);
    for username in ["worker", "street"] {
        assert_eq!(refusal(&reset(&sign_in(&server, username, &secret).await, &id).await), (403, "forbidden"));
    }
    // who runs the system gets nobody's rights by way of it
    let (system, _) = appoint(&server, "system2", &[("system_administrator", "36")]).await;
    assert_eq!(refusal(&reset(&system, &id).await), (403, "forbidden"));
    let done = reset(&keeper, &id).await;
    assert_eq!(done.status, 200, "{:?}", done.body);
    assert_eq!(worker.get("/me").await.status, 401);
    assert_eq!(server.log_in("worker", PASSWORD).await.status, 200);
}

async fn sign_in<'a>(server: &'a Server, username: &str, secret: &str) -> User<'a> {
    if username != "worker" {
        return server.sign_in(username).await;
    }
    server.advance(TimeDelta::seconds(30));
    let tokens = log_in(server, username, &one_time(secret, server.now(), 0)).await;
    server.user(tokens.text("/access_token"))
}

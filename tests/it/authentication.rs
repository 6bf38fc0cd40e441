//! Tokens, sessions and accounts against one who tries: forged tokens, copies, replicas, time.

use std::{net::TcpListener, time::Duration};

use chrono::TimeDelta;
use futures_util::future::join_all;
use harness::{
    client::{Answer, Client},
    database::Backend::{self, Postgres, Sqlite},
    forge::{self, Forge},
    server::Server,
};
use rstest::rstest;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::without_trace;

/// Within this time a revocation holds on every replica.
const SOON: TimeDelta = TimeDelta::seconds(5);

async fn me(client: &Client, token: &str) -> Answer {
    client.user(token).get("/me").await
}

async fn refresh(client: &Client, token: &str) -> Answer {
    client.send("POST", "/api/v1/auth/refresh", &[], Some(&json!({ "refresh_token": token }))).await
}

/// Access and refresh token of an answer.
fn pair(answer: &Answer) -> (&str, &str) {
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    (answer.text("/access_token"), answer.text("/refresh_token"))
}

async fn refused(server: &Server, what: &str, token: &str) {
    let answer = me(server, token).await;
    let challenge = answer.header("www-authenticate");
    assert_eq!((answer.status, challenge), (401, Some("Bearer error=\"invalid_token\"")), "{what}");
    assert_eq!(answer.text("/code"), "invalid-token", "{what}");
}

/// A server, a forge with its key, and the header and claims of a token that it takes.
async fn forged(backend: Backend) -> (Server, Forge, Value, Value) {
    let server = Server::start(backend).await;
    let forge = Forge::new(&server.keys.signing[0]);
    let token = server.sign_in("worker").await.token().to_owned();
    let header = json!({"alg": "ES256", "typ": "at+jwt", "kid": forge.id()});
    (server, forge, header, forge::claims(&token))
}

fn with(object: &Value, name: &str, value: impl Into<Value>) -> Value {
    let mut object = object.clone();
    object[name] = value.into();
    object
}

fn without(object: &Value, name: &str) -> Value {
    let mut object = object.clone();
    object.as_object_mut().unwrap().remove(name).unwrap();
    object
}

#[rstest]
#[actix_web::test]
async fn only_the_key_of_the_service_signs(#[values(Sqlite, Postgres)] backend: Backend) {
    let (server, forge, header, claims) = forged(backend).await;
    let said = claims.to_string();
    let genuine = forge.sign(&header.to_string(), &said);
    assert_eq!(me(&server, &genuine).await.status, 200);

    for algorithm in ["none", "None", "NONE"] {
        let header = with(&header, "alg", algorithm).to_string();
        refused(&server, algorithm, &format!("{}.", forge::content(&header, &said))).await;
        refused(&server, algorithm, &forge.sign(&header, &said)).await;
    }
    let symmetric = with(&header, "alg", "HS256").to_string();
    for key in forge.public() {
        refused(&server, "HS256 with the public key", &forge::sign_symmetric(&symmetric, &said, &key)).await;
    }
    let foreign = Forge::foreign();
    refused(&server, "a foreign key", &foreign.sign(&header.to_string(), &said)).await;
    for id in [json!(foreign.id()), json!("../lianxin.keys"), json!(""), json!(7)] {
        refused(&server, "an unknown key", &forge.sign(&with(&header, "kid", id).to_string(), &said)).await;
    }
    refused(&server, "no key", &forge.sign(&without(&header, "kid").to_string(), &said)).await;
    let embedded = with(&header, "jwk", foreign.jwk());
    refused(&server, "an embedded key", &foreign.sign(&embedded.to_string(), &said)).await;
    refused(&server, "an embedded key", &foreign.sign(&without(&embedded, "kid").to_string(), &said)).await;
}

#[rstest]
#[actix_web::test]
async fn no_key_is_fetched(#[values(Sqlite, Postgres)] backend: Backend) {
    let (server, forge, header, claims) = forged(backend).await;
    let canary = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/keys", canary.local_addr().unwrap());
    let foreign = Forge::foreign();
    for (signer, kid) in [(&foreign, foreign.id()), (&foreign, forge.id()), (&forge, foreign.id())] {
        for name in ["jku", "x5u"] {
            let header = with(&with(&header, name, url.as_str()), "kid", kid);
            refused(&server, name, &signer.sign(&header.to_string(), &claims.to_string())).await;
        }
    }
    canary.set_nonblocking(true).unwrap();
    assert!(canary.accept().is_err(), "somebody asked for the key");
    // a canary that hears nobody would pass too
    let _knock = std::net::TcpStream::connect(canary.local_addr().unwrap()).unwrap();
    std::thread::sleep(Duration::from_millis(50));
    assert!(canary.accept().is_ok());
}

#[rstest]
#[actix_web::test]
async fn a_mangled_token_is_refused(#[values(Sqlite, Postgres)] backend: Backend) {
    let (server, forge, header, claims) = forged(backend).await;
    let token = forge.sign(&header.to_string(), &claims.to_string());
    let [head, body, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("{token}") };
    let short = &signature[..signature.len() - 2];
    let longer = forge.sign(&header.to_string(), &with(&claims, "exp", i64::MAX).to_string());
    let other = longer.split('.').nth(1).unwrap();
    for mangled in [
        format!("{head}.{body}"),
        format!("{head}.{body}."),
        format!("{head}.{body}.{short}"),
        format!("{body}.{head}.{signature}"),
        format!("{signature}.{body}.{head}"),
        format!("{head}.{body}.{signature}.{signature}"),
        format!("{head}..{signature}"),
        format!("{head}.{other}.{signature}"),
        format!("{head}.{body}.{}", "A".repeat(86)),
        format!("{token}="),
        head.to_owned(),
        "..".to_owned(),
        "…".to_owned(),
    ] {
        let value = format!("Bearer {mangled}");
        let answer = server.send("GET", "/api/v1/me", &[("authorization", &value)], None).await;
        assert_eq!((answer.status, answer.text("/code")), (401, "invalid-token"), "{mangled}");
    }
    assert_eq!(me(&server, &token).await.status, 200);
}

#[rstest]
#[actix_web::test]
async fn claims_are_all_there_and_of_their_type(#[values(Sqlite, Postgres)] backend: Backend) {
    let (server, forge, header, claims) = forged(backend).await;
    let header = header.to_string();
    let exp = claims["exp"].as_i64().unwrap();
    let wrong = [
        ("exp", json!("never")),
        ("exp", json!(exp.to_string())),
        ("exp", json!(null)),
        ("exp", json!([exp])),
        ("exp", json!(exp as f64 + 0.5)),
        ("nbf", json!("9999999999")),
        ("nbf", json!({})),
        ("iat", json!("now")),
        ("aud", json!({})),
        ("aud", json!([])),
        ("aud", json!(1)),
        ("iss", json!([])),
        ("sub", json!(1)),
        ("sub", json!("worker")),
        ("sid", json!(true)),
    ];
    for (name, value) in wrong {
        let what = format!("{name}: {value}");
        refused(&server, &what, &forge.sign(&header, &with(&claims, name, value).to_string())).await;
    }
    let infinite = claims.to_string().replace(&format!("\"exp\":{exp}"), "\"exp\":1e400");
    assert!(infinite.contains("1e400"), "{infinite}");
    refused(&server, "exp: 1e400", &forge.sign(&header, &infinite)).await;
    for name in ["exp", "iat", "iss", "aud", "sub", "sid"] {
        refused(&server, &format!("no {name}"), &forge.sign(&header, &without(&claims, name).to_string())).await;
    }
    refused(&server, "no object", &forge.sign(&header, "[]")).await;
    assert_eq!(me(&server, &forge.sign(&header, &claims.to_string())).await.status, 200);
}

#[test]
fn claims_of_a_wrong_type_are_not_taken_for_absent() {
    // CVE-2026-25537
    let lock: toml::Table = include_str!("../../Cargo.lock").parse().unwrap();
    let packages = lock["package"].as_array().unwrap().iter();
    let found: Vec<&str> = packages
        .filter(|package| package["name"].as_str() == Some("jsonwebtoken"))
        .map(|package| package["version"].as_str().unwrap())
        .collect();
    assert!(!found.is_empty());
    for version in found {
        let [major, minor] = version.split('.').take(2).map(|part| part.parse().unwrap()).collect::<Vec<u32>>()[..]
        else {
            panic!("{version}")
        };
        assert!((major, minor) >= (10, 3), "{version}");
    }
}

#[rstest]
#[actix_web::test]
async fn no_other_token_is_an_access_token(#[values(Sqlite, Postgres)] backend: Backend) {
    let (server, forge, header, claims) = forged(backend).await;
    let said = claims.to_string();
    for kind in [json!("JWT"), json!("jwt"), json!("id+jwt"), json!(""), json!(null), json!(["at+jwt"])] {
        refused(&server, &format!("typ: {kind}"), &forge.sign(&with(&header, "typ", kind).to_string(), &said)).await;
    }
    refused(&server, "no typ", &forge.sign(&without(&header, "typ").to_string(), &said)).await;
    let header = header.to_string();
    for (name, value) in [("iss", "https://elsewhere.example"), ("iss", ""), ("aud", "another"), ("aud", "")] {
        refused(&server, name, &forge.sign(&header, &with(&claims, name, value).to_string())).await;
    }
    // a token of the service for one user does not open the session of another
    let other = forge::claims(server.sign_in("resident").await.token());
    refused(&server, "sub", &forge.sign(&header, &with(&claims, "sub", other["sub"].clone()).to_string())).await;
    refused(&server, "sid", &forge.sign(&header, &with(&claims, "sid", other["sid"].clone()).to_string())).await;
    let tokens = server.log_in("worker", "lianxin-demo").await;
    let (access, renewing) = pair(&tokens);
    refused(&server, "a refresh token", renewing).await;
    // nor the other way round: it is longer than any refresh token
    assert_eq!(refresh(&server, access).await.status, 422);
    assert_eq!(refresh(&server, &renewing.replace('.', ".A")).await.text("/code"), "invalid-grant");
}

#[rstest]
#[actix_web::test]
async fn clocks_may_differ_by_thirty_seconds(#[values(Sqlite, Postgres)] backend: Backend) {
    let (server, forge, header, claims) = forged(backend).await;
    let now = server.now().timestamp();
    let header = header.to_string();
    for (name, away, status) in [("exp", -29, 200), ("exp", -31, 401), ("nbf", 29, 200), ("nbf", 31, 401)] {
        let token = forge.sign(&header, &with(&claims, name, now + away).to_string());
        assert_eq!(me(&server, &token).await.status, status, "{name} {away}");
    }
    // a token that was checked before is remembered, but its time is looked at again
    let token = forge.sign(&header, &with(&claims, "exp", now + 60).to_string());
    for (passed, status) in [(0, 200), (89, 200), (2, 401)] {
        server.advance(TimeDelta::seconds(passed));
        assert_eq!(me(&server, &token).await.status, status, "{passed}");
    }
}

/// A refresh token that was used is used again, after its successor was: somebody has a copy.
#[rstest]
#[actix_web::test]
async fn a_copied_refresh_token_ends_the_session(
    #[values(Sqlite, Postgres)] backend: Backend,
    #[values("access", "refresh")] used: &str,
) {
    let server = Server::start(backend).await;
    let replica = server.replica();
    let first = server.log_in("resident", "lianxin-demo").await;
    let other_session = server.log_in("resident", "lianxin-demo").await;
    let second = refresh(&server, pair(&first).1).await;
    let (access, renewing) = pair(&second);
    let newest = if used == "access" {
        assert_eq!(me(&replica, access).await.status, 200);
        second.body.clone()
    } else {
        refresh(&replica, renewing).await.body
    };
    let again = refresh(&replica, pair(&first).1).await;
    assert_eq!((again.status, again.text("/code")), (400, "invalid-grant"));
    server.advance(SOON);
    for server in [&server, &replica] {
        for token in [pair(&first).0, access, newest["access_token"].as_str().unwrap()] {
            assert_eq!(me(server, token).await.status, 401);
        }
        for token in [pair(&first).1, renewing, newest["refresh_token"].as_str().unwrap()] {
            assert_eq!(refresh(server, token).await.status, 400);
        }
        assert_eq!(me(server, pair(&other_session).0).await.status, 200);
    }
    let session = forge::claims(pair(&first).0)["sid"].as_str().unwrap().to_owned();
    let reuse = "events WHERE kind = 'auth.refresh_reuse' AND subject_id = $1";
    assert_eq!(server.sql.count(reuse, [session.into()]).await, 1);
}

/// Refresh tokens of a session that could be used.
async fn live_branches(server: &Server, access: &str) -> i64 {
    let session: Uuid = forge::claims(access)["sid"].as_str().unwrap().parse().unwrap();
    let live = "refresh_tokens t JOIN sessions s ON s.id = t.session_id WHERE s.id = $1 AND s.ended_at IS NULL \
                AND t.replaced_by IS NULL AND t.revoked_at IS NULL";
    server.sql.count(live, [session.into()]).await
}

#[rstest]
#[actix_web::test]
async fn a_lost_answer_does_not_end_the_session(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let replica = server.replica();
    let first = server.log_in("resident", "lianxin-demo").await;
    let lost = refresh(&server, pair(&first).1).await;
    let again = refresh(&replica, pair(&first).1).await;
    let (access, renewing) = pair(&again);
    assert_eq!(live_branches(&server, access).await, 1);
    for server in [&server, &replica] {
        assert_eq!(me(server, pair(&lost).0).await.status, 401);
        let dead = refresh(server, pair(&lost).1).await;
        assert_eq!((dead.status, dead.text("/code")), (400, "invalid-grant"));
        assert_eq!(me(server, access).await.status, 200);
    }
    assert_eq!(refresh(&server, renewing).await.status, 200);
    assert_eq!(live_branches(&server, access).await, 1);
    assert_eq!(server.sql.count("events WHERE kind = 'auth.refresh_reuse'", []).await, 0);
}

#[rstest]
#[actix_web::test]
async fn parallel_refreshes_leave_one_branch(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let replica = server.replica();
    let first = server.log_in("resident", "lianxin-demo").await;
    let (access, renewing) = pair(&first);
    let answers = join_all((0..20).map(|n| refresh(if n % 2 == 0 { &server } else { &replica }, renewing))).await;
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert!(statuses.iter().all(|status| matches!(status, 200 | 400 | 409)), "{statuses:?}");
    assert!(statuses.contains(&200), "{statuses:?}");
    assert_eq!(live_branches(&server, access).await, 1);
    let mut alive = 0;
    for answer in answers.iter().filter(|answer| answer.status == 200) {
        alive += u32::from(me(&server, pair(answer).0).await.status == 200);
    }
    assert_eq!(alive, 1);
}

#[rstest]
#[actix_web::test]
async fn whoever_is_out_is_out_on_every_replica(
    #[values(Sqlite, Postgres)] backend: Backend,
    #[values("logout", "disabled")] how: &str,
) {
    let server = Server::start(backend).await;
    let replica = server.replica();
    let tokens = server.log_in("worker", "lianxin-demo").await;
    let (access, renewing) = pair(&tokens);
    for server in [&server, &replica] {
        assert_eq!(me(server, access).await.status, 200);
    }
    if how == "logout" {
        let body = json!({ "refresh_token": renewing });
        assert_eq!(server.send("POST", "/api/v1/auth/logout", &[], Some(&body)).await.status, 204);
    } else {
        assert_eq!(server.sql.run("UPDATE users SET state = 'disabled' WHERE username = 'worker'", []).await, 1);
        assert_eq!(server.log_in("worker", "lianxin-demo").await.text("/code"), "wrong-credentials");
    }
    server.advance(SOON);
    for server in [&server, &replica] {
        refused(server, how, access).await;
        let answer = refresh(server, renewing).await;
        assert_eq!((answer.status, answer.text("/code")), (400, "invalid-grant"));
    }
}

#[rstest]
#[actix_web::test]
async fn a_grant_ends_with_its_time(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let replica = server.replica();
    let worker = server.sign_in("worker").await;
    let status = async |server: &Server| worker.at(server).get("/service-orders?limit=1").await.status;
    let until = server.now() + TimeDelta::seconds(60);
    let end = "UPDATE grants SET valid_until = $1 WHERE user_id = (SELECT id FROM users WHERE username = 'worker')";
    assert_eq!((status(&server).await, status(&replica).await), (200, 200));
    assert_eq!(server.sql.run(end, [until.into()]).await, 1);
    server.advance(TimeDelta::seconds(59));
    assert_eq!((status(&server).await, status(&replica).await), (200, 200));
    server.advance(TimeDelta::seconds(1));
    assert_eq!((status(&server).await, status(&replica).await), (403, 403));
    // taken back at once, and noticed soon
    assert_eq!(server.sql.run(end, [None::<chrono::DateTime<chrono::Utc>>.into()]).await, 1);
    server.advance(SOON);
    assert_eq!((status(&server).await, status(&replica).await), (200, 200));
    let revoke = "UPDATE grants SET revoked_at = $1 WHERE user_id = (SELECT id FROM users WHERE username = 'worker')";
    assert_eq!(server.sql.run(revoke, [server.now().into()]).await, 1);
    server.advance(SOON);
    assert_eq!((status(&server).await, status(&replica).await), (403, 403));
}

#[rstest]
#[actix_web::test]
async fn who_exists_is_not_told(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    assert_eq!(server.sql.run("UPDATE users SET state = 'disabled' WHERE username = 'street'", []).await, 1);
    let wrong = server.log_in("worker", "not-the-password").await;
    assert_eq!((wrong.status, wrong.text("/code")), (401, "wrong-credentials"));
    let names = |answer: &Answer| answer.headers.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    for (username, password) in [
        ("nobody-at-all", "not-the-password"),
        ("nobody-at-all", "lianxin-demo"),
        ("street", "lianxin-demo"),
        ("'", "x"),
    ] {
        let answer = server.log_in(username, password).await;
        assert_eq!(answer.status, wrong.status, "{username}");
        assert_eq!(without_trace(&answer.body), without_trace(&wrong.body), "{username}");
        assert_eq!(answer.header("www-authenticate"), wrong.header("www-authenticate"), "{username}");
        assert_eq!(names(&answer), names(&wrong), "{username}");
    }
    // nor does the record of failed logins tell names
    let failed = "events WHERE kind = 'auth.login_failed' AND subject_id = '' AND actor_user_id IS NULL";
    assert_eq!(server.sql.count(failed, []).await, 5);
}

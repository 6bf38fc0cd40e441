//! Looking at masked members in full: for a stated purpose, soon after signing in, and never unrecorded.

use chrono::TimeDelta;
use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::{Answer, Server, User},
};
use rstest::rstest;
use serde_json::{Value, json};

use super::{COMMUNITY, NEXT, written};
use crate::hands::{self, fault, invalid, refusal};

async fn reveal(by: &User<'_>, id: &str, body: Value) -> Answer {
    by.post(&format!("/persons/{id}/reveal"), body).await
}

/// What the trail holds of looks at a person: what each event tells.
async fn looks(server: &Server, id: &str) -> Vec<Value> {
    let read = "SELECT data FROM events WHERE kind = 'person.revealed' AND subject_id = $1 ORDER BY id";
    server.sql.all(read, [id.into()]).await
}

async fn somebody(server: &Server) -> String {
    let members = json!({
        "phone": "13987650123", "id_number": hands::id_number("36050219510203402"), "address": "7 栋 1903",
    });
    written(&server.sign_in("worker").await, members).await
}

#[rstest]
#[actix_web::test]
async fn a_look_shows_what_was_asked_for_and_is_written_down(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let id = somebody(&server).await;
    let all = json!({"fields": ["address", "birth_date", "id_number", "name", "phone"], "purpose": "service", "note": "上门维修"});
    for username in ["worker", "street"] {
        let user = server.sign_in(username).await;
        let shown = reveal(&user, &id, all.clone()).await;
        let whole = json!({
            "id": id, "name": "欧阳小梅", "phone": "+8613987650123", "birth_date": "1951-02-03",
            "id_number": hands::id_number("36050219510203402"), "address": "7 栋 1903",
        });
        assert_eq!((shown.status, &shown.body), (200, &whole), "{username}");
        assert_eq!(shown.header("cache-control"), Some("no-store"));
        let one =
            reveal(&user, &id, json!({"fields": ["phone", "phone"], "purpose": "emergency", "note": "上门维修"})).await;
        assert_eq!((one.status, one.body), (200, json!({"id": id, "phone": "+8613987650123"})));
        let seen = user.get(&format!("/persons/{id}")).await;
        assert_eq!(seen.body["actions"][0], "reveal", "{username}");
    }
    let told = looks(&server, &id).await;
    let phone = json!({"fields": ["phone"], "purpose": "emergency"});
    assert_eq!((told.len(), &told[1], &told[3]), (4, &phone, &phone));
    assert_eq!((told[0]["purpose"].as_str(), told[0]["fields"].as_array().map(Vec::len)), (Some("service"), Some(5)));
    // who it was, where from and by which request
    let known = "events WHERE kind = 'person.revealed' AND subject_id = $1 AND session_id IS NOT NULL \
                 AND actor_user_id IN (SELECT id FROM users WHERE username IN ('worker', 'street'))";
    assert_eq!(server.sql.count(known, [id.clone().into()]).await, 4);
    assert_eq!(server.sign_in("worker").await.get(&format!("/persons/{id}")).await.body["version"], 1);
}

#[rstest]
#[actix_web::test]
async fn a_look_needs_a_purpose(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let id = somebody(&server).await;
    let worker = server.sign_in("worker").await;
    for (body, pointer, code) in [
        (json!({"fields": ["phone"], "note": "上门维修"}), "/purpose", "required"),
        (json!({"fields": ["phone"], "purpose": "curiosity", "note": "上门维修"}), "/purpose", "not-found"),
        (json!({"purpose": "service", "note": "上门维修"}), "/fields", "required"),
        (json!({"fields": ["phone"], "purpose": "service"}), "/note", "required"),
        (json!({"fields": ["phone"], "purpose": "service", "note": "维修"}), "/note", "too-short"),
        (json!({"fields": ["phone"], "purpose": "service", "note": "修".repeat(201)}), "/note", "too-long"),
        (json!({"fields": [], "purpose": "service", "note": "上门维修"}), "/fields", "too-short"),
        (json!({"fields": ["phone", "tags"], "purpose": "service", "note": "上门维修"}), "/fields/1", "not-found"),
    ] {
        assert_eq!(fault(&reveal(&worker, &id, body.clone()).await), invalid(pointer, code), "{body}");
    }
    assert_eq!(looks(&server, &id).await, [Value::Null; 0]);
}

#[rstest]
#[actix_web::test]
async fn a_look_needs_a_recent_sign_in(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let id = somebody(&server).await;
    let body = json!({"fields": ["phone"], "purpose": "service", "note": "上门维修"});
    let tokens = server.log_in("worker", "lianxin-demo").await;
    server.advance(TimeDelta::minutes(10));
    let worker = server.user(tokens.text("/access_token"));
    assert_eq!(reveal(&worker, &id, body.clone()).await.status, 200);
    // a token that is new does not make the sign-in new
    let refresh = json!({"refresh_token": tokens.text("/refresh_token")});
    let renewed = server.send("POST", "/api/v1/auth/refresh", &[], Some(&refresh)).await;
    server.advance(TimeDelta::milliseconds(1));
    let worker = server.user(renewed.text("/access_token"));
    assert_eq!(worker.get(&format!("/persons/{id}")).await.status, 200);
    let late = reveal(&worker, &id, body.clone()).await;
    assert_eq!(refusal(&late), (401, "reauthentication-required"));
    let challenge = late.header("www-authenticate").unwrap();
    assert!(challenge.starts_with("Bearer") && challenge.contains("error=\"insufficient_user_authentication\""));
    assert_eq!(looks(&server, &id).await.len(), 1);
    assert_eq!(reveal(&server.sign_in("worker").await, &id, body).await.status, 200);
    assert_eq!(looks(&server, &id).await.len(), 2);
}

#[rstest]
#[actix_web::test]
async fn a_kept_look_is_not_given_to_one_who_may_look_no_more(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let id = somebody(&server).await;
    let (worker, user) = hands::appoint(&server, "worker3", &[("community_worker", COMMUNITY)]).await;
    let (path, key) = (format!("/persons/{id}/reveal"), [("idempotency-key", "look")]);
    let body = json!({"fields": ["phone"], "purpose": "service", "note": "上门维修"});
    let look = async || worker.send("POST", &path, &key, Some(&body)).await;
    assert_eq!(look().await.status, 200);
    server.advance(TimeDelta::minutes(9));
    assert_eq!(look().await.header("idempotency-replayed"), Some("true"));
    let end = "UPDATE grants SET revoked_at = $1 WHERE user_id = $2";
    server.sql.run(end, [server.now().into(), hands::uuid(&user).into()]).await;
    server.advance(TimeDelta::seconds(5));
    assert_eq!(look().await.status, 403);
}

#[rstest]
#[actix_web::test]
async fn nobody_else_looks(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let id = somebody(&server).await;
    let body = json!({"fields": ["phone"], "purpose": "service", "note": "上门维修"});
    for (username, status) in [
        ("auditor", 403),
        ("admin", 403),
        ("yushui", 403),
        ("province", 403),
        ("worker2", 404),
        ("wangshang", 404),
        ("resident", 404),
        ("volunteer", 404),
        ("property", 404),
    ] {
        let answer = reveal(&server.sign_in(username).await, &id, body.clone()).await;
        assert_eq!(answer.status, status, "{username}: {:?}", answer.body);
    }
    let near = written(&server.sign_in("worker2").await, json!({"region_code": NEXT})).await;
    assert_eq!(reveal(&server.sign_in("worker").await, &near, body).await.status, 404);
    assert_eq!(looks(&server, &id).await, [Value::Null; 0]);
}

//! Accounts: passwords, who may act on whose account, and that a closed account is closed everywhere.

use chrono::TimeDelta;
use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::{Answer, Server, User},
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::hands::{
    Case, PASSWORD, account, appoint, change, content, enter, fault, faults, ids, invalid, keeps_the_promises, own_id,
    refusal, statements, uuid, version,
};

fn new_account(username: &str, password: &str) -> Value {
    json!({"username": username, "password": password, "display_name": "张敏", "region_code": "360502002001"})
}

async fn reset(by: &User<'_>, id: &str, body: Value) -> Answer {
    by.post(&format!("/users/{id}/reset-password"), body).await
}

async fn disable(by: &User<'_>, id: &str) -> Answer {
    by.post(&format!("/users/{id}/disable"), json!({})).await
}

async fn own(user: &User<'_>) -> String {
    user.get("/me").await.text("/id").to_owned()
}

async fn refreshed(server: &Server, tokens: &Answer) -> Answer {
    let body = json!({"refresh_token": tokens.text("/refresh_token")});
    server.send("POST", "/api/v1/auth/refresh", &[], Some(&body)).await
}

#[rstest]
#[actix_web::test]
async fn passwords_are_long_and_hard_to_guess(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let admin = server.sign_in("admin").await;
    for (password, code) in [
        ("seven77", "password-too-short"),
        ("七个汉字不够长", "password-too-short"),
        ("my-LianXin-2026", "password-guessable"),
        ("我们的连心一二三四", "password-guessable"),
        ("ZhangMin-and-more", "password-guessable"),
        ("住在公园北村社区真好", "password-guessable"),
        ("1qaz2wsx", "password-guessable"),
        ("Password", "password-guessable"),
        ("eight\u{0}long", "control-character"),
        ("eight\u{7}long", "control-character"),
        (&"长".repeat(201), "too-long"),
    ] {
        let answer = admin.post("/users", new_account("zhangmin", password)).await;
        assert_eq!(fault(&answer), invalid("/password", code), "{password:?}");
    }
    assert_eq!(server.sql.count("users WHERE username = 'zhangmin'", []).await, 0);

    let long: String = (0..64).map(|n| char::from_u32(0x4E00 + n).unwrap()).collect();
    for (username, password) in [("short", "eight888"), ("sixtyfour", long.as_str()), ("blanks", "  eight ")] {
        assert_eq!(admin.post("/users", new_account(username, password)).await.status, 201, "{username}");
        assert_eq!(server.log_in(username, password).await.status, 200, "{username}");
        let hash: String =
            server.sql.one("SELECT password_hash FROM users WHERE username = $1", [username.into()]).await;
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    }
    // to the last character, and no character more
    let shorter: String = long.chars().take(63).collect();
    for wrong in [shorter.clone(), format!("{shorter}丁"), format!("{long}长")] {
        assert_eq!(refusal(&server.log_in("sixtyfour", &wrong).await), (401, "wrong-credentials"));
    }
    assert_eq!(server.log_in("blanks", "eight").await.status, 401);
}

#[rstest]
#[actix_web::test]
async fn the_own_telephone_number_is_no_password(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let person = json!({"region_code": "360502002001", "name": "张敏", "phone": "13800138000"});
    let person = worker.post("/persons", person).await.text("/id").to_owned();
    let mut body = new_account("zhangmin", "x-13800138000");
    body["person_id"] = json!(person);
    assert_eq!(fault(&worker.post("/users", body.clone()).await), invalid("/password", "password-guessable"));
    body["password"] = json!(PASSWORD);
    assert_eq!(worker.post("/users", body).await.status, 201);
    let id = own(&enter(&server, "zhangmin").await).await;
    let admin = server.sign_in("admin").await;
    let answer = reset(&admin, &id, json!({"password": "138-0013-8000"})).await;
    assert_eq!(fault(&answer), invalid("/password", "password-guessable"));
}

#[rstest]
#[actix_web::test]
async fn a_user_name_is_taken_once(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let admin = server.sign_in("admin").await;
    let before = server.sql.count("users", []).await;
    let taken = admin.post("/users", new_account("worker", PASSWORD)).await;
    assert_eq!(fault(&taken), invalid("/username", "duplicate"));
    for username in ["Zhangmin", "x", "-x", "张敏", "zhang min", ""] {
        let answer = admin.post("/users", new_account(username, PASSWORD)).await;
        assert_eq!((answer.status, answer.text("/errors/0/pointer")), (422, "/username"), "{username:?}");
    }
    assert_eq!(server.sql.count("users", []).await, before);
    assert_eq!(server.log_in("WORKER", "lianxin-demo").await.status, 200);
}

#[rstest]
#[actix_web::test]
async fn what_the_server_owns_cannot_be_written(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let admin = server.sign_in("admin").await;
    let foreign = ["created_at", "has_long_password", "id", "password_hash", "role", "state", "version"];
    let mut body = new_account("zhangmin", PASSWORD);
    foreign.iter().for_each(|name| body[*name] = json!("x"));
    let answer = admin.post("/users", body).await;
    let named = |names: &[&str]| -> Vec<(String, String)> {
        names.iter().map(|name| (format!("/{name}"), "unknown-member".to_owned())).collect()
    };
    assert_eq!((answer.status, faults(&answer)), (422, named(&foreign)));
    assert_eq!(server.sql.count("users WHERE username = 'zhangmin'", []).await, 0);
    let id = own(&server.sign_in("worker").await).await;
    let path = format!("/users/{id}");
    let before = admin.get(&path).await.body;
    let patch = json!({"display_name": "改了", "username": "x2", "password": "x", "state": "disabled", "version": 9});
    let answer = change(&admin, &path, version(&admin, &path).await, patch).await;
    assert_eq!((answer.status, faults(&answer)), (422, named(&["password", "state", "username", "version"])));
    assert_eq!(admin.get(&path).await.body, before);
    let to = reset(&admin, &id, json!({"password": PASSWORD, "has_long_password": true})).await;
    assert_eq!(fault(&to), invalid("/has_long_password", "unknown-member"));
}

#[rstest]
#[actix_web::test]
async fn who_somebody_is_others_say(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (worker, resident) = (server.sign_in("worker").await, server.sign_in("resident").await);
    let path = format!("/users/{}", own(&resident).await);
    let before = resident.get(&path).await.body;
    assert_eq!(before["actions"], json!(["reset-password", "update"]));
    let version = before["version"].as_i64().unwrap();
    let somebody = worker.get("/persons?limit=1").await.text("/items/0/id").to_owned();
    for (member, value) in [
        ("person_id", json!(somebody)),
        ("person_id", Value::Null),
        ("region_code", json!("360502002001001")),
        ("region_code", Value::Null),
    ] {
        let answer = change(&resident, &path, version, json!({ member: value })).await;
        assert_eq!(fault(&answer), invalid(&format!("/{member}"), "not-changeable"), "{member} {value}");
    }
    assert_eq!(resident.get(&path).await.body, before);
    let renamed = change(&resident, &path, version, json!({"display_name": "桂兰"})).await;
    assert_eq!((renamed.status, renamed.text("/display_name")), (200, "桂兰"));
    // somebody else's account is none of his business
    let other = format!("/users/{}", own(&worker).await);
    let nobodys = content(&resident.get(&format!("/users/{}", own_id(1))).await);
    assert_eq!(nobodys.0, 404);
    assert_eq!(content(&resident.get(&other).await), nobodys);
    assert_eq!(content(&change(&resident, &other, 1, json!({"display_name": "x"})).await), nobodys);
    assert_eq!(content(&disable(&resident, &own(&worker).await).await), nobodys);
    assert_eq!(content(&reset(&resident, &own(&worker).await, json!({"password": PASSWORD})).await), nobodys);
    assert_eq!(resident.post("/users", new_account("zhangmin", PASSWORD)).await.status, 403);
    assert_eq!(ids(&resident, "/users").await.len(), 1);
}

#[rstest]
#[actix_web::test]
async fn an_account_stays_within_reach(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (keeper, _) = appoint(&server, "keeper", &[("region_administrator", "360502002")]).await;
    let id = account(&keeper, "zhangmin", "360502002001").await;
    let path = format!("/users/{id}");
    for (region, status) in [("360502001", 403), ("360502", 403), ("999999", 422), ("3605", 403)] {
        assert_eq!(change(&keeper, &path, 1, json!({"region_code": region})).await.status, status, "{region}");
    }
    assert_eq!(refusal(&change(&keeper, &path, 1, json!({"region_code": null})).await), (403, "forbidden"));
    assert_eq!(change(&keeper, &path, 1, json!({"region_code": "360502002"})).await.status, 200);
    for region in [json!("360502001"), Value::Null] {
        let mut body = new_account("liqiang", PASSWORD);
        body["region_code"] = region;
        assert_eq!(refusal(&keeper.post("/users", body).await), (403, "forbidden"));
    }
    assert_eq!(server.sql.count("users WHERE username = 'liqiang'", []).await, 0);
    // he keeps accounts and sees no persons, so he cannot tie them together
    let worker = server.sign_in("worker").await;
    let person = worker.get("/persons?limit=1").await.text("/items/0/id").to_owned();
    let tied = change(&keeper, &path, 2, json!({"person_id": person})).await;
    assert_eq!(fault(&tied), invalid("/person_id", "not-found"));
}

#[rstest]
#[actix_web::test]
async fn a_closed_account_is_closed_everywhere(#[values(Sqlite, Postgres)] backend: Backend) {
    let one = Server::start(backend).await;
    let other = one.replica();
    let admin = one.sign_in("admin").await;
    let tokens = one.log_in("resident2", "lianxin-demo").await;
    let (here, there) = (one.user(tokens.text("/access_token")), other.user(tokens.text("/access_token")));
    let id = own(&here).await;
    assert_eq!(there.get("/me").await.status, 200);
    let closed = disable(&admin, &id).await;
    assert_eq!((closed.status, closed.text("/state")), (200, "disabled"), "{:?}", closed.body);
    assert_eq!(closed.body["actions"], json!([]));
    assert_eq!(refusal(&here.get("/me").await), (401, "invalid-token"));
    one.advance(TimeDelta::seconds(5));
    assert_eq!(refusal(&there.get("/me").await), (401, "invalid-token"));
    for server in [&one, &other] {
        assert_eq!(refusal(&refreshed(server, &tokens).await), (400, "invalid-grant"));
        let refused = server.log_in("resident2", "lianxin-demo").await;
        let wrong = server.log_in("resident2", "not the password").await;
        assert_eq!((refusal(&refused), content(&refused)), ((401, "wrong-credentials"), content(&wrong)));
    }
    let again = disable(&admin, &id).await;
    assert_eq!((refusal(&again), again.text("/current_state")), ((409, "invalid-transition"), "disabled"));
    let opened = reset(&admin, &id, json!({"password": PASSWORD})).await;
    assert_eq!(refusal(&opened), (409, "invalid-transition"));
    assert_eq!(one.log_in("resident2", PASSWORD).await.status, 401);
    assert_eq!(admin.get("/users?state=disabled").await.text("/items/0/id"), id);
}

#[rstest]
#[actix_web::test]
async fn nobody_closes_his_own_account(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    for username in ["admin", "resident", "worker"] {
        let user = server.sign_in(username).await;
        let id = own(&user).await;
        assert_eq!(refusal(&disable(&user, &id).await), (403, "forbidden"), "{username}");
        assert_eq!(user.get("/me").await.status, 200);
    }
}

#[rstest]
#[actix_web::test]
async fn nobody_gets_up_by_way_of_an_account(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (keeper, own_account) = appoint(&server, "keeper", &[("region_administrator", "360502")]).await;
    let accounts: &[(&str, &[(&str, &str)])] = &[
        ("equal", &[("region_administrator", "360502")]),
        ("above", &[("region_administrator", "3605")]),
        ("official", &[("official", "360502")]),
        ("elsewhere", &[("community_worker", "360502002001"), ("community_worker", "360121100001")]),
        ("system", &[("system_administrator", "36")]),
        ("auditing", &[("auditor", "360502")]),
    ];
    for (username, roles) in accounts {
        let (_, id) = appoint(&server, username, roles).await;
        // even where he keeps the account, what it may do is not his to give
        server.sql.run("UPDATE users SET region_code = '360502002' WHERE id = $1", [uuid(&id).into()]).await;
        let path = format!("/users/{id}");
        let before = keeper.get(&path).await;
        assert_eq!(before.status, 200, "{username}");
        let version = before.body["version"].as_i64().unwrap();
        assert_eq!(
            refusal(&reset(&keeper, &id, json!({"password": "another horse battery"})).await),
            (403, "forbidden")
        );
        assert_eq!(refusal(&disable(&keeper, &id).await), (403, "forbidden"), "{username}");
        let renamed = change(&keeper, &path, version, json!({"display_name": "x"})).await;
        assert_eq!(refusal(&renamed), (403, "forbidden"), "{username}");
        assert_eq!(server.log_in(username, PASSWORD).await.status, 200);
        assert_eq!(keeper.get(&path).await.body, before.body);
    }
    // who runs the system may close any account, and gets into none that sees persons
    let (system, _) = appoint(&server, "system2", &[("system_administrator", "36")]).await;
    let worker = own(&server.sign_in("worker").await).await;
    assert_eq!(refusal(&reset(&system, &worker, json!({"password": PASSWORD})).await), (403, "forbidden"));
    assert_eq!(server.log_in("worker", "lianxin-demo").await.status, 200);
    assert_eq!(disable(&system, &worker).await.status, 200);
    assert_eq!(server.log_in("worker", "lianxin-demo").await.status, 401);
    // an official makes accounts and keeps none
    let official = server.sign_in("yushui").await;
    let id = account(&official, "zhangmin", "360502002001").await;
    assert_eq!(refusal(&disable(&official, &id).await), (403, "forbidden"));
    assert_eq!(refusal(&reset(&official, &id, json!({"password": PASSWORD})).await), (403, "forbidden"));
    assert_eq!(disable(&keeper, &id).await.status, 200);
    assert_eq!(keeper.get(&format!("/users/{own_account}")).await.status, 200);
}

#[rstest]
#[actix_web::test]
async fn a_new_password_ends_all_sessions(#[values(Sqlite, Postgres)] backend: Backend) {
    let one = Server::start(backend).await;
    let other = one.replica();
    let admin = one.sign_in("admin").await;
    let sessions = [one.log_in("worker", "lianxin-demo").await, other.log_in("worker", "lianxin-demo").await];
    let users = sessions.each_ref().map(|tokens| other.user(tokens.text("/access_token")));
    let id = own(&users[0]).await;
    assert_eq!(users[1].get("/me").await.status, 200);
    // for who holds an office
    let short = reset(&admin, &id, json!({"password": "eleven-char"})).await;
    assert_eq!(fault(&short), invalid("/password", "password-too-short"));
    assert_eq!(users[0].get("/me").await.status, 200);
    let _known = admin.get("/me").await;
    let (taken, done) = statements(&one, reset(&admin, &id, json!({"password": PASSWORD}))).await;
    assert_eq!(done.status, 200, "{:?}", done.body);
    // the right is judged before the password is compared, and once more in the transaction
    assert!(taken <= 9, "a new password took {taken} statements");
    one.advance(TimeDelta::seconds(5));
    for (user, tokens) in users.iter().zip(&sessions) {
        assert_eq!(refusal(&user.get("/me").await), (401, "invalid-token"));
        assert_eq!(refusal(&refreshed(&one, tokens).await), (400, "invalid-grant"));
    }
    assert_eq!(one.log_in("worker", "lianxin-demo").await.status, 401);
    assert_eq!(other.log_in("worker", PASSWORD).await.status, 200);
}

#[rstest]
#[actix_web::test]
async fn one_changes_ones_own_password(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let tokens = server.log_in("resident", "lianxin-demo").await;
    let resident = server.user(tokens.text("/access_token"));
    let id = own(&resident).await;
    let missing = reset(&resident, &id, json!({"password": "eight888"})).await;
    assert_eq!(fault(&missing), invalid("/current_password", "required"));
    let wrong = reset(&resident, &id, json!({"password": "eight888", "current_password": "not mine"})).await;
    assert_eq!((wrong.status, wrong.text("/errors/0/pointer")), (422, "/current_password"));
    assert_eq!(resident.get("/me").await.status, 200);
    let right = reset(&resident, &id, json!({"password": "eight888", "current_password": "lianxin-demo"})).await;
    assert_eq!(right.status, 200, "{:?}", right.body);
    server.advance(TimeDelta::seconds(5));
    assert_eq!(resident.get("/me").await.status, 401);
    assert_eq!(refreshed(&server, &tokens).await.status, 400);
    assert_eq!(server.log_in("resident", "lianxin-demo").await.status, 401);
    assert_eq!(server.log_in("resident", "eight888").await.status, 200);
}

#[rstest]
#[actix_web::test]
async fn whoever_has_no_role_yet_has_himself(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let id = account(&server.sign_in("admin").await, "zhangmin", "360502002001").await;
    let user = enter(&server, "zhangmin").await;
    let me = user.get("/me").await;
    assert_eq!((me.status, me.text("/id"), &me.body["grants"]), (200, id.as_str(), &json!([])));
    assert_eq!(ids(&user, "/users").await, [id.as_str()]);
    for path in ["/persons", "/service-orders", "/volunteers", "/organizations"] {
        assert_eq!(refusal(&user.get(path).await), (403, "forbidden"), "{path}");
    }
    let body = json!({"password": "another horse battery", "current_password": PASSWORD});
    assert_eq!(reset(&user, &id, body).await.status, 200);
    assert_eq!(server.log_in("zhangmin", "another horse battery").await.status, 200);
}

#[rstest]
#[actix_web::test]
async fn accounts_keep_the_promises(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (keeper, _) = appoint(&server, "keeper", &[("region_administrator", "360502")]).await;
    let case = Case {
        collection: "/users",
        bodies: [new_account("zhangmin", PASSWORD), new_account("liqiang", PASSWORD)],
        member: ("display_name", json!("李强"), json!("王五"), "/display_name"),
        optional: None,
        required: "display_name",
        reads: 1,
        put: false,
        unseen: None,
    };
    keeps_the_promises(&server, &keeper, &case).await;
}

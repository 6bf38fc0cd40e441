//! The profile `mlps3`: composition, ninety days, five passwords, thirty minutes; and none of it without the profile.

use chrono::TimeDelta;
use harness::{
    client::{Answer, User},
    database::Backend::{self, Postgres, Sqlite},
    server::{Server, Setup},
};
use rstest::rstest;
use serde_json::json;

use crate::hands::{fault, invalid, refusal, uuid};

const FIRST: &str = "First-of-all-7";

/// A server with a profile, an account that was just made, and its id.
async fn start(backend: Backend, profile: &str) -> (Server, String) {
    let server = Setup::default().setting("LIANXIN_PASSWORD_PROFILE", profile).start(backend).await;
    let now = server.now();
    server.sql.run("UPDATE users SET password_set_at = $1", [now.into()]).await;
    let body =
        json!({"username": "somebody", "password": FIRST, "display_name": "某人", "region_code": "360502002001"});
    let made = server.sign_in("admin").await.post("/users", body).await;
    assert_eq!(made.status, 201, "{:?}", made.body);
    let id = made.text("/id").to_owned();
    (server, id)
}

async fn log_in<'a>(server: &'a Server, password: &str) -> (User<'a>, Answer) {
    let tokens = server.log_in("somebody", password).await;
    assert_eq!(tokens.status, 200, "{:?}", tokens.body);
    (server.user(tokens.text("/access_token")), tokens)
}

async fn set(user: &User<'_>, id: &str, old: &str, new: &str) -> Answer {
    let body = json!({"password": new, "current_password": old});
    user.post(&format!("/users/{id}/reset-password"), body).await
}

#[rstest]
#[actix_web::test]
async fn characters_are_of_three_sorts(
    #[values(Sqlite, Postgres)] backend: Backend,
    #[values("mlps3", "standard")] profile: &str,
) {
    let (server, _) = start(backend, profile).await;
    let admin = server.sign_in("admin").await;
    let new = |password: &str| {
        json!({"username": format!("u{}", password.len()), "password": password, "display_name": "某",
               "region_code": "360502002001"})
    };
    let plain = admin.post("/users", new("only lower case letters")).await;
    match profile {
        "mlps3" => assert_eq!(fault(&plain), invalid("/password", "password-too-plain")),
        _ => assert_eq!(plain.status, 201),
    }
    assert_eq!(admin.post("/users", new("Lower case letters")).await.status, 201);
}

#[rstest]
#[actix_web::test]
async fn a_password_lasts_ninety_days(
    #[values(Sqlite, Postgres)] backend: Backend,
    #[values("mlps3", "standard")] profile: &str,
) {
    let (server, id) = start(backend, profile).await;
    server.advance(TimeDelta::days(90) - TimeDelta::seconds(5));
    let (user, _) = log_in(&server, FIRST).await;
    assert_eq!(user.get("/users").await.status, 200);
    server.advance(TimeDelta::seconds(5));
    if profile == "standard" {
        assert_eq!(user.get("/users").await.status, 200);
        return;
    }
    assert_eq!(refusal(&user.get("/users").await), (403, "password-expired"));
    let (user, _) = log_in(&server, FIRST).await;
    for path in ["/users", "/regions", "/organizations"] {
        assert_eq!(refusal(&user.get(path).await), (403, "password-expired"), "{path}");
    }
    // another's password is not one's own
    let other = account_of(&server).await;
    assert_eq!(refusal(&set(&user, &other, FIRST, "Second-of-all-7").await), (403, "password-expired"));
    assert_eq!((user.get("/me").await.status, user.get("/sessions").await.status), (200, 200));
    assert_eq!(set(&user, &id, FIRST, "Second-of-all-7").await.status, 200);
    let (user, _) = log_in(&server, "Second-of-all-7").await;
    assert_eq!(user.get("/users").await.status, 200);
}

async fn account_of(server: &Server) -> String {
    server.sql.run("UPDATE users SET password_set_at = $1 WHERE username = 'admin'", [server.now().into()]).await;
    let admin = server.sign_in("admin").await;
    let body = json!({"username": "other", "password": FIRST, "display_name": "某", "region_code": "360502002001"});
    admin.post("/users", body).await.text("/id").to_owned()
}

#[rstest]
#[actix_web::test]
async fn five_passwords_are_remembered(
    #[values(Sqlite, Postgres)] backend: Backend,
    #[values("mlps3", "standard")] profile: &str,
) {
    let (server, id) = start(backend, profile).await;
    let passwords: Vec<String> = (1..7).map(|n| format!("Number-{n}-of-all")).collect();
    let mut present = FIRST.to_owned();
    for next in &passwords[..4] {
        assert_eq!(set(&log_in(&server, &present).await.0, &id, &present, next).await.status, 200);
        present = next.clone();
    }
    let (user, _) = log_in(&server, &present).await;
    if profile == "standard" {
        assert_eq!(set(&user, &id, &present, FIRST).await.status, 200);
        assert_eq!(server.sql.count("former_passwords", []).await, 0);
        return;
    }
    for used in [FIRST, passwords[0].as_str(), passwords[3].as_str()] {
        let answer = set(&user, &id, &present, used).await;
        assert_eq!(fault(&answer), invalid("/password", "password-used-before"), "{used}");
    }
    // the sixth one makes the first free
    assert_eq!(set(&user, &id, &present, &passwords[4]).await.status, 200);
    let (user, _) = log_in(&server, &passwords[4]).await;
    assert_eq!(set(&user, &id, &passwords[4], FIRST).await.status, 200);
    assert_eq!(server.sql.count("former_passwords", []).await, 4);
}

#[rstest]
#[actix_web::test]
async fn nobody_guesses_a_password_that_he_may_not_set(#[values(Sqlite, Postgres)] backend: Backend) {
    let (server, _) = start(backend, "mlps3").await;
    let admin = server.sign_in("admin").await;
    let long = "First-of-all-the-passwords-7";
    let mut made = Vec::new();
    for (username, role) in [("keeper", "region_administrator"), ("watcher", "auditor")] {
        let body = json!({"username": username, "password": long, "display_name": "某", "region_code": "360502"});
        let id = admin.post("/users", body).await.text("/id").to_owned();
        let given = admin.post("/grants", json!({"user_id": id, "role": role, "region_code": "360502"})).await;
        assert_eq!(given.status, 201, "{:?}", given.body);
        server.sql.run("UPDATE grants SET pending = $1 WHERE user_id = $2", [false.into(), uuid(&id).into()]).await;
        made.push(id);
    }
    let keeper = server.log_in("keeper", long).await;
    let keeper = server.user(keeper.text("/access_token"));
    for password in [long, "Another-of-all-the-passwords-7"] {
        let answer = keeper.post(&format!("/users/{}/reset-password", made[1]), json!({"password": password})).await;
        assert_eq!(refusal(&answer), (403, "forbidden"), "{password}: {:?}", answer.body);
    }
}

#[rstest]
#[actix_web::test]
async fn a_session_ends_after_thirty_minutes_without_use(
    #[values(Sqlite, Postgres)] backend: Backend,
    #[values("mlps3", "standard")] profile: &str,
) {
    let (server, _) = start(backend, profile).await;
    let (_, mut tokens) = log_in(&server, FIRST).await;
    let refresh = async |tokens: &Answer| {
        let body = json!({"refresh_token": tokens.text("/refresh_token")});
        server.send("POST", "/api/v1/auth/refresh", &[], Some(&body)).await
    };
    for _ in 0..2 {
        server.advance(TimeDelta::minutes(30) - TimeDelta::seconds(1));
        tokens = refresh(&tokens).await;
        assert_eq!(tokens.status, 200, "{:?}", tokens.body);
    }
    server.advance(TimeDelta::minutes(30));
    let late = refresh(&tokens).await;
    assert_eq!(late.status, if profile == "mlps3" { 400 } else { 200 }, "{:?}", late.body);
}

//! Sessions: where somebody is signed in, ending one, and when they end by themselves.

use chrono::TimeDelta;
use harness::{
    client::{Answer, Client, User},
    database::Backend::{self, Postgres, Sqlite},
    forge,
    server::{Server, Setup},
};
use rstest::rstest;
use serde_json::json;

use crate::hands::{account, appoint, content, enter, ids, own_id, refusal, told};

/// Within this time an end holds on every replica.
const SOON: TimeDelta = TimeDelta::seconds(5);
const PASSWORD: &str = "lianxin-demo";

async fn refresh(client: &Client, tokens: &Answer) -> Answer {
    let body = json!({"refresh_token": tokens.text("/refresh_token")});
    client.send("POST", "/api/v1/auth/refresh", &[], Some(&body)).await
}

/// Signs in with more headers.
async fn log_in(server: &Server, username: &str, headers: &[(&str, &str)]) -> Answer {
    let body = json!({"username": username, "password": PASSWORD});
    let answer = server.send("POST", "/api/v1/auth/login", headers, Some(&body)).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    answer
}

fn user<'a>(server: &'a Server, tokens: &Answer) -> User<'a> {
    server.user(tokens.text("/access_token"))
}

fn session(tokens: &Answer) -> String {
    forge::claims(tokens.text("/access_token"))["sid"].as_str().unwrap().to_owned()
}

async fn end(by: &User<'_>, session: &str) -> Answer {
    by.send("DELETE", &format!("/sessions/{session}"), &[], None).await
}

#[rstest]
#[actix_web::test]
async fn everybody_sees_where_he_is_signed_in(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Setup::default().setting("LIANXIN_TRUSTED_PROXIES", "127.0.0.1").start(backend).await;
    let long = format!("Telephone\t/1 {}", "长".repeat(300));
    let first = log_in(&server, "resident", &[("user-agent", "Desk/1"), ("x-forwarded-for", "203.0.113.77")]).await;
    server.advance(TimeDelta::minutes(1));
    let second = log_in(&server, "resident", &[("user-agent", &long), ("x-forwarded-for", "2001:db8:1:2::3")]).await;
    let resident = user(&server, &second);
    let list = resident.get("/sessions?count=exact").await;
    assert_eq!(list.body["page"]["total"], 2);
    let of = |number: usize, member: &str| list.body["items"][number][member].clone();
    // the newest first
    assert_eq!([of(0, "current"), of(1, "current")], [json!(true), json!(false)]);
    assert_eq!([of(0, "id"), of(1, "id")], [json!(session(&second)), json!(session(&first))]);
    assert_eq!([of(0, "network"), of(1, "network")], [json!("2001:db8:1::/48"), json!("203.0.113.0/24")]);
    let device = of(0, "device").as_str().unwrap().to_owned();
    assert!(device.starts_with("Telephone/1 长") && device.chars().count() == 200, "{device}");
    assert_eq!([of(1, "device"), of(1, "actions")], [json!("Desk/1"), json!(["delete"])]);
    assert_eq!(of(1, "created_at"), json!("2026-03-12T09:30:00.000+08:00"));
    assert_eq!(of(1, "expires_at"), json!("2026-04-11T09:30:00.000+08:00"));
    // renewing it is using it
    server.advance(TimeDelta::minutes(9));
    let renewed = refresh(&server, &first).await;
    let shown = user(&server, &renewed).get(&format!("/sessions/{}", session(&first))).await;
    assert_eq!(
        (shown.text("/last_used_at"), shown.text("/expires_at")),
        ("2026-03-12T09:40:00.000+08:00", "2026-04-11T09:40:00.000+08:00")
    );
    assert_eq!(shown.body["current"], true);
    // the whole address is nowhere
    let whole = "sessions WHERE network LIKE '%113.77%' OR network LIKE '%:3%'";
    assert_eq!(server.sql.count(whole, []).await, 0);
}

#[rstest]
#[actix_web::test]
async fn one_session_is_ended_and_no_other(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let replica = server.replica();
    let (lost, kept) = (log_in(&server, "worker", &[]).await, log_in(&server, "worker", &[]).await);
    for server in [&server, &replica] {
        assert_eq!(user(server, &lost).get("/me").await.status, 200);
    }
    let worker = user(&server, &kept);
    assert_eq!(end(&worker, &session(&lost)).await.status, 204);
    assert_eq!(refusal(&user(&server, &lost).get("/me").await), (401, "invalid-token"));
    server.advance(SOON);
    for server in [&server, &replica] {
        assert_eq!(refusal(&user(server, &lost).get("/me").await), (401, "invalid-token"));
        assert_eq!(refusal(&refresh(server, &lost).await), (400, "invalid-grant"));
        assert_eq!(user(server, &kept).get("/me").await.status, 200);
    }
    assert_eq!(ids(&worker, "/sessions").await, [session(&kept)]);
    assert_eq!(end(&worker, &session(&lost)).await.status, 404);
    let ended = "events WHERE kind = 'auth.session_ended' AND subject_id = $1";
    assert_eq!(server.sql.count(ended, [session(&lost).into()]).await, 1);
    assert_eq!(told(&worker, &format!("/sessions/{}", session(&kept))).await, ["auth.logged_in"]);
    // one's own, too
    assert_eq!(end(&worker, &session(&kept)).await.status, 204);
    assert_eq!(worker.get("/me").await.status, 401);
}

#[rstest]
#[actix_web::test]
async fn nobody_ends_the_sessions_of_others(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let tokens = log_in(&server, "resident", &[]).await;
    let victim = session(&tokens);
    let path = format!("/sessions/{victim}");
    let who = user(&server, &tokens).get("/me").await.text("/id").to_owned();
    for username in ["resident2", "worker", "street", "yushui"] {
        let other = server.sign_in(username).await;
        let nobodys = content(&other.get(&format!("/sessions/{}", own_id(1))).await);
        assert_eq!(nobodys.0, 404, "{username}");
        assert_eq!(content(&other.get(&path).await), nobodys, "{username}");
        assert_eq!(content(&end(&other, &victim).await), nobodys, "{username}");
        assert_eq!(ids(&other, &format!("/sessions?user_id={who}")).await, [""; 0]);
    }
    // an auditor writes nothing
    let tokens_of_auditor = log_in(&server, "auditor", &[]).await;
    let auditor = user(&server, &tokens_of_auditor);
    assert_eq!(refusal(&end(&auditor, &session(&tokens_of_auditor)).await), (403, "forbidden"));
    assert_eq!(user(&server, &tokens).get("/me").await.status, 200);
}

#[rstest]
#[actix_web::test]
async fn who_may_close_an_account_may_end_its_sessions(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (keeper, _) = appoint(&server, "keeper", &[("region_administrator", "360502")]).await;
    let (_, equal) = appoint(&server, "equal", &[("region_administrator", "360502")]).await;
    let somebody = account(&keeper, "somebody", "360502002001").await;
    let theirs = async |user: &str| ids(&keeper, &format!("/sessions?user_id={user}")).await;
    let (user, of_equal) = (enter(&server, "somebody").await, theirs(&equal).await);
    let own = theirs(&somebody).await;
    assert_eq!((own.len(), of_equal.len()), (1, 1));
    assert_eq!(refusal(&end(&keeper, &of_equal[0]).await), (403, "forbidden"));
    assert_eq!(end(&keeper, &own[0]).await.status, 204);
    assert_eq!(user.get("/me").await.status, 401);
    // who runs the system may close any account
    let admin = server.sign_in("admin").await;
    assert_eq!(end(&admin, &of_equal[0]).await.status, 204);
}

/// Refreshes at each of these times after signing in; the last must be too late.
async fn lasts(server: &Server, username: &str, steps: &[TimeDelta]) {
    let mut tokens = log_in(server, username, &[]).await;
    for (number, step) in steps.iter().enumerate() {
        server.advance(*step);
        let answer = refresh(server, &tokens).await;
        if number + 1 == steps.len() {
            assert_eq!(refusal(&answer), (400, "invalid-grant"), "{username} {step}");
        } else {
            assert_eq!(answer.status, 200, "{username} {step}: {:?}", answer.body);
            tokens = answer;
        }
    }
}

#[rstest]
#[actix_web::test]
async fn sessions_end_by_themselves(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let second = TimeDelta::seconds(1);
    let (half, month) = (TimeDelta::hours(12), TimeDelta::days(30));
    // idle: an office half a day, everybody else thirty days
    lasts(&server, "worker", &[half - second, half]).await;
    lasts(&server, "resident", &[month - second, month]).await;
    // in all: a day, and ninety days
    lasts(&server, "worker", &[half - second, half - second, TimeDelta::seconds(2)]).await;
    lasts(&server, "resident", &[month - second, month - second, month - second, TimeDelta::seconds(3)]).await;
    // and a moment before the end it is good
    lasts(&server, "worker", &[half - second, half - second, second, second]).await;
}

#[rstest]
#[actix_web::test]
async fn an_access_token_does_not_outlive_its_session(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let replica = server.replica();
    let mut tokens = log_in(&server, "worker", &[]).await;
    let first = session(&tokens);
    for hours in [11, 11] {
        server.advance(TimeDelta::hours(hours));
        tokens = refresh(&server, &tokens).await;
        assert_eq!(tokens.status, 200);
    }
    server.advance(TimeDelta::minutes(119));
    tokens = refresh(&server, &tokens).await;
    server.advance(TimeDelta::seconds(59));
    for server in [&server, &replica] {
        assert_eq!(user(server, &tokens).get("/me").await.status, 200);
    }
    server.advance(TimeDelta::seconds(1));
    for server in [&server, &replica] {
        assert_eq!(refusal(&user(server, &tokens).get("/me").await), (401, "invalid-token"));
    }
    let expired = "events WHERE kind = 'auth.session_expired' AND subject_id = $1";
    assert_eq!(server.sql.count(expired, [first.clone().into()]).await, 0);
    server.run_jobs().await;
    server.run_jobs().await;
    assert_eq!(server.sql.count(expired, [first.into()]).await, 1);
}

/// Who is given an office while he is signed in has the shorter term from the next renewal on.
#[rstest]
#[actix_web::test]
async fn an_office_shortens_the_session(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (keeper, _) = appoint(&server, "keeper", &[("region_administrator", "360502")]).await;
    let id = account(&keeper, "somebody", "360502002001").await;
    let tokens = server.log_in("somebody", crate::hands::PASSWORD).await;
    let given = json!({"user_id": id, "role": "cadre", "region_code": "360502002001"});
    assert_eq!(keeper.post("/grants", given).await.status, 201);
    server.advance(TimeDelta::hours(13));
    let tokens = refresh(&server, &tokens).await;
    assert_eq!(tokens.status, 200, "{:?}", tokens.body);
    server.advance(TimeDelta::hours(11));
    assert_eq!(refusal(&refresh(&server, &tokens).await), (400, "invalid-grant"));
}

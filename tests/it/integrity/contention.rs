//! Many who want the same row at once, over two replicas.

use futures_util::future::join_all;
use harness::{
    client::{Answer, User},
    database::Backend::{self, Postgres, Sqlite},
    server::Server,
};
use rstest::rstest;
use sea_orm::Value as Bound;
use serde_json::{Value, json};
use uuid::Uuid;

use super::placed;

async fn patch(user: &User<'_>, path: &str, version: Option<&str>, description: &str) -> Answer {
    let headers: Vec<(&str, &str)> = version.map(|version| ("if-match", version)).into_iter().collect();
    user.send("PATCH", path, &headers, Some(&json!({ "description": description }))).await
}

#[rstest]
#[actix_web::test]
async fn nobody_overwrites_what_he_has_not_seen(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let resident = server.sign_in("resident").await;
    let path = format!("/service-orders/{}", placed(&resident).await);
    let seen = resident.get(&path).await;
    let etag = seen.header("etag").unwrap();

    let blind = patch(&resident, &path, None, "先到").await;
    assert_eq!((blind.status, blind.text("/code")), (428, "precondition-required"));
    assert_eq!(patch(&resident, &path, Some(etag), "先到").await.status, 200);
    for stale in [etag, "\"1\"", "\"3\"", "\"1\", \"4\""] {
        let late = patch(&resident, &path, Some(stale), "后到").await;
        assert_eq!((late.status, late.text("/code")), (412, "version-mismatch"), "{stale}");
        assert_eq!(late.body["current_version"], 2);
    }
    let now = resident.get(&path).await;
    assert_eq!((now.text("/description"), &now.body["version"]), ("先到", &json!(2)));
    assert_eq!(patch(&resident, &path, Some("\"2\""), "再来").await.body["version"], 3);
    // a transition needs no condition, but holds to one that is sent
    let cancel = |version: &'static str| {
        let path = format!("{path}/cancel");
        let resident = &resident;
        async move { resident.send("POST", &path, &[("if-match", version)], Some(&json!({"reason": "好了"}))).await }
    };
    assert_eq!(cancel("\"2\"").await.status, 412);
    assert_eq!(cancel("\"3\"").await.status, 200);
}

#[rstest]
#[actix_web::test]
async fn each_version_has_one_writer(#[values(Sqlite, Postgres)] backend: Backend) {
    const ROUNDS: usize = 6;
    let server = Server::start(backend).await;
    let replica = server.replica();
    let resident = server.sign_in("resident").await;
    let id = placed(&resident).await;
    let path = format!("/service-orders/{id}");
    let write = async |n: usize| {
        let user = if n.is_multiple_of(2) { resident.at(&server) } else { resident.at(&replica) };
        let mut written = Vec::new();
        for round in 0..ROUNDS {
            let version = format!("\"{}\"", user.get(&path).await.body["version"]);
            let answer = patch(&user, &path, Some(&version), &format!("{n} / {round}")).await;
            match answer.status {
                200 => written.push(answer.body["version"].as_i64().unwrap()),
                412 => {}
                _ => panic!("{answer:?}"),
            }
        }
        written
    };
    let mut versions: Vec<i64> = join_all((0..10).map(write)).await.concat();
    versions.sort_unstable();
    assert!(versions.len() < 10 * ROUNDS, "nobody met anybody");
    let last = i64::try_from(versions.len()).unwrap() + 1;
    assert_eq!(versions, (2..=last).collect::<Vec<_>>());
    assert_eq!(resident.get(&path).await.body["version"], json!(last));
    let updated = "events WHERE kind = 'service_order.updated' AND subject_id = $1";
    assert_eq!(server.sql.count(updated, [id.into()]).await, last - 1);
}

/// Copies the account `volunteer`, as a person and volunteer of another name.
async fn another_volunteer(server: &Server, n: usize) -> String {
    let username = format!("volunteer-{n}");
    let [user, person, volunteer, grant] = [1, 2, 3, 4].map(|part| Uuid::from_u64_pair(part, n as u64));
    let names = |name: &str| Bound::from(name.to_owned());
    let copies: [(&str, Vec<Bound>); 4] = [
        (
            "INSERT INTO persons (id, region_code, name, tags, version, created_at, updated_at) \
             SELECT $1, region_code, $2, tags, 1, created_at, updated_at FROM persons \
             WHERE id = (SELECT person_id FROM users WHERE username = 'volunteer')",
            vec![person.into(), names("志愿者")],
        ),
        (
            "INSERT INTO users (id, username, password_hash, display_name, person_id, region_code, state, has_long_password, \
             version, created_at, updated_at) SELECT $1, $2, password_hash, $3, $4, region_code, state, TRUE, 1, created_at, \
             updated_at FROM users WHERE username = 'volunteer'",
            vec![user.into(), names(&username), names("志愿者"), person.into()],
        ),
        (
            "INSERT INTO grants (id, user_id, role, place, region_code, valid_from, pending, version, created_at, \
             updated_at) SELECT $1, $2, role, place, region_code, valid_from, pending, 1, created_at, updated_at \
             FROM grants WHERE user_id = (SELECT id FROM users WHERE username = 'volunteer')",
            vec![grant.into(), user.into()],
        ),
        (
            "INSERT INTO volunteers (id, person_id, skills, region_code, available, origin, state, version, \
             created_at, updated_at) SELECT $1, $2, skills, region_code, available, origin, state, 1, created_at, \
             updated_at FROM volunteers WHERE person_id = (SELECT person_id FROM users WHERE username = 'volunteer')",
            vec![volunteer.into(), person.into()],
        ),
    ];
    for (sql, values) in copies {
        assert_eq!(server.sql.run(sql, values).await, 1, "{sql}");
    }
    username
}

fn statuses(answers: &[Answer]) -> (usize, usize) {
    let of = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
    (of(200), of(409))
}

/// The order is held once, and one event tells of it.
async fn held_once(server: &Server, worker: &User<'_>, id: &str, event: &str, answers: &[Answer]) {
    let others = answers.iter().filter(|answer| !matches!(answer.status, 200 | 409)).collect::<Vec<_>>();
    assert_eq!(statuses(answers), (1, answers.len() - 1), "{others:?}");
    let won = answers.iter().find(|answer| answer.status == 200).unwrap();
    let holder = won.text("/assignee/volunteer_id").to_owned();
    assert!(!holder.is_empty(), "{:?}", won.body);
    for lost in answers.iter().filter(|answer| answer.status == 409) {
        assert_eq!((lost.text("/code"), lost.text("/current_state")), ("invalid-transition", "accepted"));
        // and is told who was faster
        assert_eq!(lost.text("/assignee/volunteer_id"), holder);
    }
    let order = worker.get(&format!("/service-orders/{id}")).await;
    assert_eq!((order.text("/state"), order.text("/assignee/volunteer_id")), ("accepted", holder.as_str()));
    let events = "events WHERE kind = $1 AND subject_id = $2";
    assert_eq!(server.sql.count(events, [event.into(), id.into()]).await, 1);
}

async fn dispatched(server: &Server, to: &Value) -> String {
    let id = placed(&server.sign_in("resident").await).await;
    let worker = server.sign_in("worker").await;
    let answer = worker.post(&format!("/service-orders/{id}/dispatch"), to.clone()).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    id
}

/// On PostgreSQL as many as there are connections have the order before the first of them gets on.
async fn at_once<T>(server: &Server, backend: Backend, all: impl Future<Output = T>) -> T {
    let orders = "SELECT 1 FROM service_orders FOR UPDATE";
    if backend == Postgres { server.sql.meeting(orders, 16, all).await } else { all.await }
}

#[rstest]
#[actix_web::test]
async fn one_of_fifty_volunteers_claims(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let replica = server.replica();
    let id = dispatched(&server, &json!({"open": true})).await;
    let mut volunteers = Vec::new();
    for n in 0..50 {
        let username = another_volunteer(&server, n).await;
        volunteers.push(server.sign_in(&username).await.at(if n.is_multiple_of(2) { &server } else { &replica }));
    }
    let path = format!("/service-orders/{id}/claim");
    let all = join_all(volunteers.iter().map(|volunteer| volunteer.post(&path, json!({}))));
    let answers = at_once(&server, backend, all).await;
    held_once(&server, &server.sign_in("worker").await, &id, "service_order.claimed", &answers).await;
}

#[rstest]
#[actix_web::test]
async fn one_of_fifty_acceptances_counts(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let replica = server.replica();
    let volunteer = server.sign_in("volunteer").await;
    let id = dispatched(&server, &json!({"volunteer_id": volunteer.volunteer_id().await})).await;
    let path = format!("/service-orders/{id}/accept");
    let users = [volunteer.at(&server), volunteer.at(&replica)];
    let all = join_all((0..50).map(|n| users[n % 2].post(&path, json!({}))));
    let answers = at_once(&server, backend, all).await;
    held_once(&server, &server.sign_in("worker").await, &id, "service_order.accepted", &answers).await;
}

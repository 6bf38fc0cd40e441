//! Terms that end are announced beforehand, each once, whoever does it.

use chrono::TimeDelta;
use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::Server,
};
use rstest::rstest;
use serde_json::{Value, json};

use super::{COMMUNITY, appointed, end, person};
use crate::hands;

/// What was announced of an appointment.
async fn announced(server: &Server, id: &str) -> Vec<Value> {
    let read = "SELECT data FROM events WHERE kind = 'appointment.term_ending' AND subject_id = $1 ORDER BY id";
    server.sql.all(read, [id.into()]).await
}

#[rstest]
#[actix_web::test]
async fn a_term_is_announced_thirty_days_before_once_over_two_replicas(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let replica = server.replica();
    let (worker, street) = (server.sign_in("worker").await, server.sign_in("street").await);
    let one = person(&worker, COMMUNITY, "丁小梅").await;
    let until = |day: &str| json!({"valid_from": "2025-01-01", "valid_until": day});
    let id = appointed(&street, &one, until("2026-04-12")).await;
    let open = appointed(&street, &one, json!({"post": "ranger"})).await;
    let ended = hands::with(until("2026-04-12"), json!({"post": "visiting_cadre"}));
    let ended = appointed(&street, &one, ended).await;
    assert_eq!(end(&street, &ended, "2026-03-12").await.status, 200);
    let both = async || {
        for server in [&server, &replica, &server] {
            server.run_jobs().await;
            // the lease of the one who did it runs out
            server.advance(TimeDelta::seconds(11));
        }
    };
    both().await;
    assert_eq!(announced(&server, &id).await, [Value::Null; 0]);
    // the day on which thirty are left
    server.advance(TimeDelta::days(1));
    both().await;
    assert_eq!(announced(&server, &id).await, [json!({"until": "2026-04-12"})]);
    server.advance(TimeDelta::days(5));
    both().await;
    assert_eq!(announced(&server, &id).await.len(), 1);
    for other in [open, ended] {
        assert_eq!(announced(&server, &other).await, [Value::Null; 0]);
    }
    let street = server.sign_in("street").await;
    let path = format!("/appointments/{id}");
    assert_eq!(hands::told(&street, &path).await, ["appointment.created", "appointment.term_ending"]);
    assert_eq!(street.get(&path).await.body["version"], 1);
    // that of the demonstration set, whose term ends twenty days after loading
    assert_eq!(server.sql.count("events WHERE kind = 'appointment.term_ending'", []).await, 2);
}

#[rstest]
#[actix_web::test]
async fn two_replicas_at_once_announce_it_once(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let replica = server.replica();
    for _ in 0..3 {
        futures_util::future::join(server.run_jobs(), replica.run_jobs()).await;
        server.advance(TimeDelta::seconds(11));
    }
    assert_eq!(server.sql.count("events WHERE kind = 'appointment.term_ending'", []).await, 1);
}

#[rstest]
#[actix_web::test]
async fn many_terms_are_announced_in_one_round(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let row = "INSERT INTO appointments (id, person_id, post, region_code, valid_from, valid_until, version, created_at, updated_at) \
               SELECT $1, person_id, post, region_code, valid_from, $2, version, created_at, updated_at FROM appointments WHERE post = 'legal_helper' AND valid_until IS NULL";
    let until = chrono::NaiveDate::from_ymd_opt(2026, 4, 1).unwrap();
    for number in 0..101 {
        server.sql.run(row, [hands::uuid(&hands::own_id(number)).into(), until.into()]).await;
    }
    server.run_jobs().await;
    assert_eq!(server.sql.count("appointments WHERE announced_at IS NOT NULL", []).await, 102);
}

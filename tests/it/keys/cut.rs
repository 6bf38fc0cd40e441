//! A rotation is killed and started again.

use std::sync::Arc;

use api::{keys::KeyFile, system::SystemIds};
use domain::time::Instant;
use harness::{
    database::Backend::{self, Postgres, Sqlite},
    program::Program,
};
use persistence::{Database, KeyStanding, KeyUse, Patience, Stamp, StoredAnswer, Tx, Vault};
use rstest::rstest;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Replicas, file, ids, path, sealed, succeeded};
use crate::hands::until;

/// Answers that are kept, so many that sealing them again takes a while.
const KEPT: usize = 2_000;

fn key(n: usize) -> KeyUse {
    KeyUse {
        user_id: Uuid::from_u128(u128::try_from(n).unwrap() + 1).into(),
        operation: "POST /of/the/test".to_owned(),
        key: format!("key {n}"),
        digest: vec![1],
    }
}

/// A write to the database of the program, under its keys.
async fn write(program: &Program, url: &str) -> Tx {
    let keys = KeyFile::read(&path(program), false).unwrap().keys().unwrap();
    let database = Database::open(url, 1, Patience::OfRequests, Vault::new(&keys.vault).unwrap(), Arc::new(SystemIds))
        .await
        .unwrap();
    let now: Instant = "2099-01-01T00:00:00Z".parse().unwrap();
    database.begin_write(Stamp::system(now, "test")).await.unwrap()
}

/// Keeps many answers under the keys of the program.
async fn keep_answers(program: &Program, url: &str) {
    let tx = write(program, url).await;
    for n in 0..KEPT {
        let key = key(n);
        assert!(matches!(tx.rows().key_standing(&key, tx.now()).await.unwrap(), KeyStanding::Fresh));
        let body = json!({ "n": n }).to_string();
        let answer = StoredAnswer { status: 201, headers: Value::Null, body, subject: None, in_sight: true };
        tx.notes().keep_answer(&key, &answer).unwrap();
    }
    tx.commit().await.unwrap();
}

/// What people see of what is sealed.
async fn seen(replicas: &Replicas) -> Vec<Value> {
    let mut seen = Vec::new();
    for client in replicas.clients() {
        let worker = client.sign_in("worker").await;
        for path in ["/persons?limit=200", "/service-orders?limit=200", "/households?limit=200"] {
            let answer = worker.get(path).await;
            assert_eq!(answer.status, 200, "{path}: {:?}", answer.body);
            let items = answer.body["items"].as_array().unwrap().iter();
            // orders change by their clocks, but not in this
            seen.extend(items.map(|item| {
                json!([
                    item["id"],
                    item["phone"],
                    item["id_number"],
                    item["address"],
                    item["address_masked"],
                    item["requester"]
                ])
            }));
        }
    }
    seen
}

#[rstest]
#[actix_web::test]
async fn a_rotation_that_is_killed_goes_on(#[values(Sqlite, Postgres)] backend: Backend) {
    const ROTATE: [&str; 5] = ["admin", "keys", "rotate", "--wait", "2"];
    let replicas = Replicas::start(backend).await;
    let (program, rows) = (&replicas.program, &replicas.rows);
    keep_answers(program, replicas.url()).await;
    let before = seen(&replicas).await;
    let all = sealed(rows, "p1").await + sealed(rows, "s1").await;

    // before the new keys are used
    let rotation = program.begin(&ROTATE);
    until("new keys", async || !file(program)["rotation"].is_null()).await;
    rotation.kill();
    let begun = file(program);
    assert_eq!((ids(&begun, "personal").len(), ids(&begun, "personal")[0].as_str()), (2, "p1"));
    assert_eq!(seen(&replicas).await, before);

    // in the midst of sealing again
    let rotation = program.begin(&ROTATE);
    let new = ids(&begun, "personal")[1].clone();
    let some = "idempotency_keys WHERE substr(body_sealed, 1, 3) <> 'p1.' AND operation = 'POST /of/the/test'";
    until("sealing again", async || rows.count(some, []).await > 0).await;
    rotation.kill();
    let done = sealed(rows, &new).await;
    assert!(done > 0 && sealed(rows, "p1").await > 0, "{done}: it was not cut off in the midst");
    assert_eq!(seen(&replicas).await, before);

    let told = succeeded(program, &program.begin(&ROTATE).ends().await);
    assert!(told.contains("it goes on"), "{told}");
    let ended = file(program);
    for class in ["signing", "personal", "sensitive"] {
        let turned: Vec<String> = ids(&begun, class).into_iter().rev().collect();
        assert_eq!(ids(&ended, class), turned, "{class}: the keys that were begun with");
    }
    assert_eq!((sealed(rows, "p1").await, sealed(rows, "s1").await), (0, 0));
    assert_eq!(sealed(rows, &new).await + sealed(rows, &ids(&ended, "sensitive")[0]).await, all);
    assert_eq!(seen(&replicas).await, before);
    assert_eq!(rows.count("events WHERE subject_type = 'key_set'", []).await, 1);
    kept_answers_open(program, replicas.url()).await;
}

async fn kept_answers_open(program: &Program, url: &str) {
    let tx = write(program, url).await;
    for n in [0, KEPT - 1] {
        let key = key(n);
        let standing = tx.rows().key_standing(&key, tx.now()).await.unwrap();
        let KeyStanding::Replay(answer) = standing else { panic!("{n} is not kept") };
        assert_eq!(answer.body, json!({ "n": n }).to_string());
    }
}

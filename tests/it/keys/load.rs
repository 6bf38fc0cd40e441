//! Keys are rotated while people work at two replicas.

use std::{
    cell::Cell,
    collections::BTreeMap,
    time::{Duration, Instant},
};

use futures_util::future::{join, join_all};
use harness::{
    chance::rounds,
    client::{Answer, Client, User},
    database::Backend::{self, Postgres, Sqlite},
    debian::say,
};
use rstest::rstest;
use serde_json::{Value, json};

use super::{Replicas, file, ids, let_time_pass, line, public_keys, sealed, succeeded, verified};
use crate::hands;

/// So many requests are seen anyway.
const FEW: u64 = 100;

/// What is known of the work.
#[derive(Default)]
struct Work {
    requests: Cell<u64>,
    over: Cell<bool>,
}

impl Work {
    fn did(&self, answer: &Answer, statuses: &[u16]) {
        self.requests.set(self.requests.get() + 1);
        assert!(statuses.contains(&answer.status), "{answer:?}");
    }

    /// Places an order at each replica by turns, and reads it and its kept answer at the other one.
    async fn place(&self, clients: [&Client; 2], token: &str, compound: &str, name: &str) {
        for n in 0.. {
            if self.over.get() {
                return;
            }
            let (here, there) = (clients[n % 2].user(token), clients[(n + 1) % 2].user(token));
            let key = format!("{name}-{n}");
            let order = json!({"kind": "tap", "description": key, "compound_id": compound, "address": key});
            let key = [("idempotency-key", key.as_str())];
            let placed = here.send("POST", "/service-orders", &key, Some(&order)).await;
            self.did(&placed, &[201]);
            let again = there.send("POST", "/service-orders", &key, Some(&order)).await;
            self.did(&again, &[201]);
            assert_eq!(again.body, placed.body);
            let read = there.get(&format!("/service-orders/{}", placed.text("/id"))).await;
            self.did(&read, &[200]);
            assert_eq!(sealed_of(&read.body), sealed_of(&placed.body));
        }
    }

    /// Changes what is sealed of one person, at each replica by turns.
    async fn change(&self, clients: [&Client; 2], token: &str, person: &str) {
        let path = format!("/persons/{person}");
        let mut version = clients[0].user(token).get(&path).await.body["version"].as_i64().unwrap();
        for n in 0.. {
            if self.over.get() {
                return;
            }
            let phone = format!("139{:08}", n % 100_000_000);
            let changed = hands::change(&clients[n % 2].user(token), &path, version, json!({ "phone": phone })).await;
            self.did(&changed, &[200]);
            assert_eq!(changed.body["version"], version + 1, "nobody else changes it");
            version += 1;
        }
    }

    /// Reads lists of what is sealed.
    async fn read(&self, clients: [&Client; 2], token: &str) {
        for n in 0.. {
            if self.over.get() {
                return;
            }
            let path = ["/persons?limit=50", "/service-orders?limit=50", "/households?limit=50"][n % 3];
            self.did(&clients[n % 2].user(token).get(path).await, &[200]);
        }
    }

    /// Signs in at one replica and works at the other.
    async fn sign_in(&self, clients: [&Client; 2]) {
        for n in 0.. {
            if self.over.get() {
                return;
            }
            let tokens = clients[n % 2].log_in("street", "lianxin-demo").await;
            self.did(&tokens, &[200]);
            let there = clients[(n + 1) % 2];
            let (public, _) = public_keys(there).await;
            verified(tokens.text("/access_token"), &public);
            self.did(&there.user(tokens.text("/access_token")).get("/me").await, &[200]);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// What an order shows of what is sealed; the rest of it changes by its clocks.
fn sealed_of(order: &Value) -> Value {
    json!([order["id"], order["address_masked"], order["requester"]])
}

/// All that is sealed of some persons and orders; persons in full, with their tags.
async fn in_full(worker: &User<'_>, paths: &[String]) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    for path in paths {
        let answer = worker.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {:?}", answer.body);
        if path.starts_with("/service-orders") {
            all.insert(path.clone(), sealed_of(&answer.body));
        } else {
            all.insert(format!("{path} tag"), json!(answer.header("etag")));
            all.insert(path.clone(), answer.body);
            let look =
                json!({"fields": ["address", "id_number", "phone"], "purpose": "service", "note": "核对电话号码"});
            let shown = worker.post(&format!("{path}/reveal"), look).await;
            assert_eq!(shown.status, 200, "{path}: {:?}", shown.body);
            all.insert(format!("{path} in full"), shown.body);
        }
    }
    all
}

/// The paths of some things that are there.
async fn some(worker: &User<'_>, collection: &str, count: usize) -> Vec<String> {
    let ids = hands::ids(worker, collection).await;
    ids.iter().take(count).map(|id| format!("{collection}/{id}")).collect()
}

/// Ten thousand requests: `just rotate`.
#[rstest]
#[actix_web::test]
async fn nobody_notices_a_rotation(#[values(Sqlite, Postgres)] backend: Backend) {
    let mut replicas = Replicas::start(backend).await;
    let wanted = rounds("LIANXIN_TEST_ROTATION_REQUESTS", FEW);
    let worker = replicas.one.client.sign_in("worker").await.token().to_owned();
    let people = some(&replicas.one.client.user(&worker), "/persons", 6).await;
    let orders = some(&replicas.one.client.user(&worker), "/service-orders", 6).await;
    let (changing, still) = people.split_last().unwrap();
    let still = [still, &orders].concat();
    let before = in_full(&replicas.one.client.user(&worker), &still).await;
    let old = file(&replicas.program);

    let work = Work::default();
    let begun = Instant::now();
    let mut rotations = 0;
    {
        let clients = replicas.clients();
        let resident = clients[0].sign_in("resident").await;
        let compound = resident.compound("福园小区").await;
        let places = ["one", "two"].map(|name| work.place(clients, resident.token(), &compound, name));
        let reads = (0..2).map(|_| work.read(clients, &worker));
        let person = changing.strip_prefix("/persons/").unwrap();
        let others = join(work.change(clients, &worker, person), work.sign_in(clients));
        let rotate = async {
            while rotations == 0 || work.requests.get() < wanted {
                let rotated = replicas.program.begin(&["admin", "keys", "rotate", "--wait", "3"]).ends().await;
                succeeded(&replicas.program, &rotated);
                rotations += 1;
            }
            work.over.set(true);
        };
        join(join(join_all(places), join_all(reads)), join(others, rotate)).await;
    }
    if wanted > FEW {
        let (requests, time) = (work.requests.get(), begun.elapsed());
        say(&format!("{backend:?}: {requests} requests and {rotations} rotations within {time:?}"));
    }
    assert!(work.requests.get() >= wanted);
    for class in ["personal", "sensitive"] {
        for former in &ids(&file(&replicas.program), class)[1..] {
            assert_eq!(sealed(&replicas.rows, former).await, 0, "{class} {former}");
        }
    }
    for client in replicas.clients() {
        assert_eq!(in_full(&client.user(&worker), &still).await, before);
    }
    retired(&mut replicas, &old).await;
    let after = in_full(&replicas.other.client.sign_in("worker").await, &still).await;
    assert_eq!(after, before);
}

/// The former keys go, and the replicas start again without them.
async fn retired(replicas: &mut Replicas, old: &Value) {
    let program = &replicas.program;
    let list = succeeded(program, &program.run(&["admin", "keys", "list"]));
    assert_eq!(
        (line(&list, "p1"), line(&list, "s1")),
        (vec!["former".into(), "0".into()], vec!["former".into(), "0".into()])
    );
    let_time_pass(program);
    succeeded(program, &program.run(&["admin", "keys", "retire"]));
    for class in ["signing", "personal", "sensitive"] {
        let left = ids(&file(program), class);
        assert_eq!(left.len(), 1, "{class}");
        assert_ne!(left, ids(old, class));
    }
    replicas.one = program.serve(&[]).await;
    replicas.other = program.serve(&[]).await;
    assert_eq!(public_keys(&replicas.one.client).await.1, ids(&file(program), "signing"));
}

//! Keys are rotated while the service runs: they are known before they are used, and nothing is lost.

mod cut;
mod load;
mod sealing;

use std::{
    fs,
    path::PathBuf,
    process::Output,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use harness::{
    client::{Client, User},
    database::{
        Backend::{self, Postgres, Sqlite},
        TestDatabase,
    },
    program::{Process, Program},
    sql::Sql,
};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, jwk::JwkSet};
use persistence::SEALED;
use rstest::rstest;
use serde_json::{Value, json};

use crate::LIANXIN;

/// Two replicas with the demonstration data.
struct Replicas {
    rows: Sql,
    program: Program,
    one: Process,
    other: Process,
    database: TestDatabase,
}

impl Replicas {
    async fn start(backend: Backend) -> Self {
        let (program, database) = filled(backend).await;
        let (one, other) = (program.serve(&[]).await, program.serve(&[]).await);
        Self { rows: Sql::new(&database.url), program, one, other, database }
    }

    fn url(&self) -> &str {
        &self.database.url
    }

    fn clients(&self) -> [&Client; 2] {
        [&self.one.client, &self.other.client]
    }
}

/// The program with the demonstration data, and no limits that a test would reach.
async fn filled(backend: Backend) -> (Program, TestDatabase) {
    let database = TestDatabase::new(backend).await;
    let program =
        Program::new(LIANXIN, &database.url).setting("LIANXIN_PUBLIC_URL", "http://lianxin.example").unlimited();
    assert!(program.run(&["demo"]).status.success());
    (program, database)
}

fn path(program: &Program) -> PathBuf {
    program.file("lianxin.keys")
}

fn file(program: &Program) -> Value {
    serde_json::from_str(&fs::read_to_string(path(program)).unwrap()).unwrap()
}

/// Puts another file in the place of the old one, as the program does.
fn replace(program: &Program, file: &Value) {
    let new = program.file("of the test");
    fs::write(&new, file.to_string()).unwrap();
    fs::rename(new, path(program)).unwrap();
}

/// The ids of the keys of a class.
fn ids(file: &Value, class: &str) -> Vec<String> {
    file[class].as_array().unwrap().iter().map(|key| key["id"].as_str().unwrap().to_owned()).collect()
}

/// Lets the time pass after which former keys may go.
fn let_time_pass(program: &Program) {
    let mut file = file(program);
    let ended: domain::time::Instant = file["rotation"]["ended_at"].as_str().unwrap().parse().unwrap();
    file["rotation"]["ended_at"] = json!(ended - TimeDelta::seconds(661));
    replace(program, &file);
}

/// What a command said, which is no key.
fn said(program: &Program, output: &Output) -> String {
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let file = file(program);
    for class in ["signing", "personal", "sensitive"] {
        for key in file[class].as_array().unwrap() {
            assert!(!said.contains(key["key"].as_str().unwrap()), "a key is told: {said}");
        }
    }
    said
}

fn succeeded(program: &Program, output: &Output) -> String {
    let said = said(program, output);
    assert!(output.status.success(), "{said}");
    said
}

/// How many values are sealed, by the id of the key.
async fn sealed(rows: &Sql, key: &str) -> i64 {
    let mut count = 0;
    for table in SEALED {
        for (column, _) in table.columns {
            let with = format!("{} WHERE substr({column}_sealed, 1, {}) = '{key}.'", table.name, key.len() + 1);
            count += rows.count(&with, []).await;
        }
    }
    count
}

/// The line of a key in the list of keys: its standing and how much is sealed with it.
fn line(list: &str, id: &str) -> Vec<String> {
    let line = list.lines().find(|line| line.split_whitespace().nth(1) == Some(id));
    line.unwrap_or_else(|| panic!("{id} is not in {list}")).split_whitespace().skip(2).map(str::to_owned).collect()
}

async fn public_keys(client: &Client) -> (JwkSet, Vec<String>) {
    let answer = client.probe("/.well-known/jwks.json").await.unwrap();
    assert_eq!(answer.status, 200);
    let kept = answer.header("cache-control").unwrap().strip_prefix("public, max-age=").unwrap();
    assert!(kept.parse::<u64>().unwrap() <= 60, "{kept}");
    let mut ids = Vec::new();
    for key in answer.body["keys"].as_array().unwrap() {
        let members: Vec<&str> = key.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x", "y"], "what is not public stays with the service");
        let id = key["kid"].as_str().unwrap().to_owned();
        assert!(!ids.contains(&id), "{id} stands for two keys");
        ids.push(id);
    }
    (serde_json::from_value(answer.body).unwrap(), ids)
}

/// Verifies a token as anybody can who knows the public keys; the id of its key.
fn verified(token: &str, keys: &JwkSet) -> String {
    let id = jsonwebtoken::decode_header(token).unwrap().kid.unwrap();
    let key = DecodingKey::from_jwk(keys.find(&id).unwrap()).unwrap();
    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_audience(&["lianxin"]);
    validation.set_issuer(&["http://lianxin.example"]);
    jsonwebtoken::decode::<Value>(token, &key, &validation).unwrap();
    id
}

async fn works_everywhere(replicas: &Replicas, user: &User<'_>) {
    for client in replicas.clients() {
        let me = user.at(client).get("/me").await;
        assert_eq!(me.status, 200, "{:?}", me.body);
    }
}

#[rstest]
#[actix_web::test]
async fn a_new_key_is_known_everywhere_before_it_signs(#[values(Sqlite, Postgres)] backend: Backend) {
    let replicas = Replicas::start(backend).await;
    let before = replicas.one.client.sign_in("worker").await;
    let (_, old) = public_keys(&replicas.one.client).await;
    let mut rotation = replicas.program.begin(&["admin", "keys", "rotate", "--class", "signing", "--wait", "3"]);

    let begun = Instant::now();
    let mut keys = Vec::new();
    while keys.len() < 2 {
        assert!(!rotation.has_ended() && begun.elapsed() < Duration::from_secs(10), "there is no new key");
        tokio::time::sleep(Duration::from_millis(20)).await;
        keys = public_keys(&replicas.other.client).await.1;
    }
    let new = keys.iter().find(|id| !old.contains(id)).unwrap().clone();
    let meanwhile = replicas.other.client.sign_in("worker").await;
    assert_eq!(verified(meanwhile.token(), &public_keys(&replicas.one.client).await.0), old[0]);
    assert_eq!(ids(&file(&replicas.program), "signing"), [old[0].as_str(), &new]);

    succeeded(&replicas.program, &rotation.ends().await);
    assert_eq!(ids(&file(&replicas.program), "signing"), [new.as_str(), &old[0]]);
    for (client, other) in
        [(&replicas.one.client, &replicas.other.client), (&replicas.other.client, &replicas.one.client)]
    {
        let after = client.sign_in("worker").await;
        let (public, ids) = public_keys(other).await;
        assert_eq!(ids, [new.clone(), old[0].clone()]);
        assert_eq!(verified(after.token(), &public), new);
        for token in [before.token(), meanwhile.token()] {
            assert_eq!(verified(token, &public), old[0]);
        }
        works_everywhere(&replicas, &after).await;
    }
    works_everywhere(&replicas, &before).await;
    works_everywhere(&replicas, &meanwhile).await;
}

/// Whoever changes the file by hand can harm nothing that runs.
#[actix_web::test]
async fn a_file_that_is_no_good_is_not_taken_over() {
    let replicas = Replicas::start(Sqlite).await;
    let worker = replicas.one.client.sign_in("worker").await;
    let good = file(&replicas.program);
    let mut other_index = good.clone();
    other_index["index"]["key"] = json!(URL_SAFE_NO_PAD.encode([7; 32]));
    let mut half = good.clone();
    half["signing"] = json!([]);
    let mut twice = good.clone();
    twice["sensitive"][0]["id"] = json!("p1");
    for (bad, why) in [(other_index, "blind index"), (half, "no signing key"), (twice, "two keys are called p1")] {
        replace(&replicas.program, &bad);
        let begun = Instant::now();
        while !replicas.one.said().contains(why) {
            assert!(begun.elapsed() < Duration::from_secs(5), "{why} is not told: {}", replicas.one.said());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        works_everywhere(&replicas, &worker).await;
        assert_eq!(worker.get("/persons").await.status, 200);
    }
    assert!(!replicas.one.said().contains("\"key\""));
}

/// Holds the directory of the file as a rotation does.
#[actix_web::test]
async fn one_at_a_time_rotates_and_where_the_file_can_be_replaced() {
    let (program, _database) = filled(Sqlite).await;
    let before = file(&program);
    let directory = fs::File::open(path(&program).parent().unwrap()).unwrap();
    directory.lock().unwrap();
    for command in [&["admin", "keys", "rotate", "--wait", "2"][..], &["admin", "keys", "retire"]] {
        let output = program.run(command);
        assert!(!output.status.success() && said(&program, &output).contains("Somebody else"), "{output:?}");
    }
    directory.unlock().unwrap();

    // what is in the way cannot be removed, and root is not held up by modes
    fs::create_dir(program.file("lianxin.keys.new")).unwrap();
    let output = program.run(&["admin", "keys", "rotate", "--wait", "2"]);
    assert!(!output.status.success());
    assert!(said(&program, &output).contains("docs/operations.md"), "{output:?}");
    for wait in ["0", "1", "86401", "soon"] {
        assert!(!program.run(&["admin", "keys", "rotate", "--wait", wait]).status.success(), "{wait}");
    }
    assert_eq!(file(&program), before);
}

//! Queries: what they may ask, and that what they ask for is text and nothing more.

use std::time::{Duration, Instant};

use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::{Server, User},
    wire::{Wire, request},
};
use rstest::rstest;
use serde_json::{Value, json};

use super::{Operation, faults, operations, rows};

/// What means something to a database, to `LIKE`, to a shell or to a template.
const META: [&str; 26] = [
    "'",
    "''",
    "\"",
    "`",
    "\\",
    "\\'",
    "%",
    "_",
    "%%",
    "\\%",
    "*",
    "?",
    "$1",
    ":a",
    "@a",
    "#",
    ";",
    "--",
    "/*",
    "()",
    "' OR '1'='1",
    "' OR 1=1 --",
    "'; DROP TABLE users; --",
    "1); SELECT pg_sleep(20); --",
    "'||pg_sleep(20)||'",
    "{{7*7}}${7*7}",
];

fn coded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn lists() -> Vec<Operation> {
    let pages = |operation: &Operation| operation.parameters.iter().any(|name| name == "limit");
    operations().into_iter().filter(|operation| operation.method == "GET" && pages(operation)).collect()
}

fn path(operation: &Operation) -> &str {
    operation.path.trim_start_matches("/api/v1")
}

async fn place(worker: &User<'_>, description: &str) -> String {
    let order = json!({
        "kind": "tap", "description": description, "region_code": "360502002001", "address": "桂花巷 3 号",
    });
    let placed = worker.post("/service-orders", order).await;
    assert_eq!(placed.status, 201, "{:?}", placed.body);
    placed.text("/id").to_owned()
}

fn ids(body: &Value) -> Vec<&str> {
    body["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect()
}

#[rstest]
#[actix_web::test]
async fn a_search_takes_every_character_for_itself(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let mut placed = Vec::new();
    for text in META {
        placed.push((text, place(&worker, &format!("修灯甲{text}乙")).await));
    }
    for text in META {
        let sought = format!("甲{text}乙");
        let found = worker.get(&format!("/service-orders?limit=200&q={}", coded(&sought))).await;
        let expected: Vec<&str> =
            placed.iter().filter(|(known, _)| *known == text).map(|(_, id)| id.as_str()).collect();
        assert_eq!((found.status, ids(&found.body)), (200, expected), "{text}");
        // alone, it is found wherever it stands, and nowhere else
        let found = worker.get(&format!("/service-orders?limit=200&q={}", coded(text))).await;
        assert_eq!(found.status, 200, "{text}: {:?}", found.body);
        for item in found.body["items"].as_array().unwrap() {
            let there = item["description"].as_str().unwrap().contains(text);
            assert!(there || item["number"].as_str().unwrap().contains(text), "{text} is not in {item}");
        }
        let there = placed.iter().filter(|(known, _)| known.contains(text)).count();
        assert!(ids(&found.body).len() >= there, "{text}");
    }
    // letters are found whatever their case, on both databases
    let id = place(&worker, "楼道 WiFi 坏了").await;
    for text in ["wifi", "WIFI", "WiFi"] {
        assert_eq!(ids(&worker.get(&format!("/service-orders?q={text}")).await.body), [id.as_str()]);
    }
}

/// Who reads a list: a worker has nothing to do with clients.
fn reader<'a>(operation: &Operation, worker: &'a User<'a>, admin: &'a User<'a>) -> &'a User<'a> {
    if operation.path.starts_with("/api/v1/clients") { admin } else { worker }
}

#[rstest]
#[actix_web::test]
async fn no_parameter_reaches_the_database_as_code(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let admin = server.sign_in("admin").await;
    let before = rows(&server).await;
    for operation in lists() {
        let worker = reader(&operation, &worker, &admin);
        let path = path(&operation);
        let all = worker.get(&format!("{path}?limit=200")).await;
        // an item of chosen members is no longer one of the document's: below
        for name in operation.parameters.iter().filter(|name| *name != "fields") {
            for text in META {
                let asked = Instant::now();
                let answer = worker.get(&format!("{path}?{name}={}", coded(text))).await;
                let at = format!("{} {name}={text}: {:?}", operation.id, answer.body);
                assert!(asked.elapsed() < Duration::from_secs(10), "{at}");
                match answer.status {
                    200 => assert!(ids(&answer.body).iter().all(|id| ids(&all.body).contains(id)), "{at}"),
                    400 if name == "cursor" => assert_eq!(answer.text("/code"), "invalid-cursor", "{at}"),
                    400 => assert_eq!(faults(&answer).first().map(|fault| fault.0), Some(name.as_str()), "{at}"),
                    // a list below a row that is not there
                    404 => assert!(operation.path.contains(super::NOTHING), "{at}"),
                    _ => panic!("{at}"),
                }
            }
        }
    }
    let bearer = format!("Bearer {}", worker.token());
    for text in META {
        let path = format!("/api/v1/service-orders?fields={}", coded(text));
        let answer = Wire::to(&server).ask(&request("GET", &path, &[("authorization", &bearer)], b""));
        assert!(matches!(answer.status, 200 | 400), "{text}: {}", answer.status);
    }
    assert_eq!(rows(&server).await, before);
}

#[actix_web::test]
async fn parameters_are_known_single_and_within_bounds() {
    let server = Server::start(Sqlite).await;
    let worker = server.sign_in("worker").await;
    let admin = server.sign_in("admin").await;
    for operation in lists() {
        let worker = reader(&operation, &worker, &admin);
        let path = path(&operation);
        let refused = async |query: String, name: &str| {
            let answer = worker.get(&format!("{path}?{query}")).await;
            let fault = faults(&answer).first().map(|fault| fault.0.to_owned());
            assert_eq!((answer.status, fault.as_deref()), (400, Some(name)), "{} {query}", operation.id);
        };
        for limit in
            ["0", "-1", "201", "abc", "", "1.5", "+5", "%2B5", "99999999999999999999", "1e2", "٣", "0x10", "%205"]
        {
            refused(format!("limit={limit}"), "limit").await;
        }
        for count in ["yes", "EXACT", "", "true"] {
            refused(format!("count={count}"), "count").await;
        }
        for sort in ["nothing", "-", "", "--id", "id,id", "password_hash", "(select 1)"] {
            refused(format!("sort={}", coded(sort)), "sort").await;
        }
        for unknown in ["nothing", "Limit", "limit%20", "q%5B%5D", "region_code", "user_id", "offset", "page"] {
            let name: String = url::form_urlencoded::parse(unknown.as_bytes()).map(|(name, _)| name).collect();
            if !operation.parameters.contains(&name) {
                refused(format!("{unknown}=1"), &name).await;
            }
        }
        for name in &operation.parameters {
            // the same value twice is twice as well
            refused(format!("{name}=1&{name}=1"), name).await;
        }
        for limit in ["1", "200"] {
            let status = worker.get(&format!("{path}?limit={limit}")).await.status;
            assert!(matches!(status, 200 | 404), "{} limit={limit}", operation.id);
        }
    }
}

#[actix_web::test]
async fn filters_know_their_values() {
    let server = Server::start(Sqlite).await;
    let worker = server.sign_in("worker").await;
    for (query, name) in [
        ("state=nothing", "state"),
        ("state=placed,nothing", "state"),
        ("state=", "state"),
        ("state=placed,", "state"),
        ("outcome=good", "outcome"),
        ("priority=1", "priority"),
        ("compound_id=1", "compound_id"),
        ("assignee_id=x", "assignee_id"),
        ("region=abc", "region"),
        ("region=36050", "region"),
        ("region=", "region"),
        ("created_at_gte=2026-01-01", "created_at_gte"),
        ("created_at_gte=2026-02-30T00:00:00Z", "created_at_gte"),
        ("created_at_gte=0000-01-01T00:00:00Z", "created_at_gte"),
        ("created_at_lt=10000-01-01T00:00:00Z", "created_at_lt"),
        ("created_at_lt=2026-01-01T00:00:00", "created_at_lt"),
    ] {
        let answer = worker.get(&format!("/service-orders?{query}")).await;
        let fault = faults(&answer).first().map(|fault| fault.0.to_owned());
        assert_eq!((answer.status, fault.as_deref()), (400, Some(name)), "{query}");
    }
    // well formed, but nothing that this caller can see: told apart from a mistake, not from each other
    let unknown = worker.get("/service-orders?region=99").await;
    let elsewhere = worker.get("/service-orders?region=360121").await;
    assert_eq!((unknown.status, elsewhere.status), (404, 404));
    assert_eq!(unknown.body["code"], elsewhere.body["code"]);
}

#[actix_web::test]
async fn no_operation_takes_a_parameter_that_it_does_not_have() {
    let server = Server::start(Sqlite).await;
    let worker = server.sign_in("worker").await;
    for operation in operations().iter().filter(|operation| !operation.path.starts_with("/api/v1/auth/")) {
        let path = format!("{}?nothing=1", path(operation));
        let body = (operation.method != "GET").then(|| operation.example.clone());
        let answer = worker.send(&operation.method, &path, &[], body.as_ref()).await;
        let fault = faults(&answer).first().map(|fault| (fault.0.to_owned(), fault.1.to_owned()));
        let expected = Some(("nothing".to_owned(), "unknown-member".to_owned()));
        assert_eq!((answer.status, fault), (400, expected), "{}", operation.id);
    }
}

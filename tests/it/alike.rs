//! Both databases answer alike, to the byte: the same rows in the same order, the same faults.

use harness::{
    database::Backend::{Postgres, Sqlite},
    server::Server,
};
use serde_json::{Value, json};

/// What is asked, as which user.
const READS: &[(&str, &str)] = &[
    ("worker", "/service-orders?limit=50&count=exact"),
    ("worker", "/service-orders?limit=50&sort=updated_at"),
    ("worker", "/service-orders?limit=50&q=灯"),
    ("worker", "/service-orders/counts?by=state,region"),
    ("worker", "/persons?limit=100"),
    ("worker", "/households?limit=100"),
    ("worker", "/volunteers?limit=100"),
    ("worker", "/volunteers?skill=light_bulb"),
    ("worker", "/volunteer-teams"),
    ("worker", "/appointments?limit=100&count=exact"),
    ("resident", "/appointments?on=2024-01-01&state=active,ended"),
    ("worker", "/compounds?q=小区"),
    ("worker", "/users?limit=100"),
    ("worker", "/users?q=WORKER"),
    ("worker", "/grants?limit=100"),
    ("resident", "/me"),
    ("resident", "/service-orders"),
    ("resident", "/regions?limit=100"),
    ("resident", "/regions?q=社区"),
    ("resident", "/organizations?limit=100"),
    ("resident", "/service-kinds?limit=100"),
    ("volunteer", "/service-orders?state=accepted,in_progress"),
    ("yushui", "/service-orders?limit=100"),
    ("yushui", "/persons?limit=100"),
    ("admin", "/users?limit=100&count=exact"),
    ("admin", "/grants?limit=100&sort=-id"),
];

/// A body without what differs between any two servers: the address, the signature of a cursor, the trace.
fn plain(server: &Server, mut body: Value) -> String {
    if let Some(page) = body.get_mut("page").and_then(Value::as_object_mut)
        && page.contains_key("next")
    {
        page.insert("next".to_owned(), "(there is one)".into());
    }
    if let Some(members) = body.as_object_mut() {
        members.remove("trace_id");
    }
    body.to_string().replace(&server.url, "")
}

#[actix_web::test]
async fn they_answer_alike() {
    let (sqlite, postgres) = (Server::start(Sqlite).await, Server::start(Postgres).await);
    for (username, path) in READS {
        let mut answers = Vec::new();
        for server in [&sqlite, &postgres] {
            let answer = server.sign_in(username).await.get(path).await;
            assert_eq!(answer.status, 200, "{username} {path}: {:?}", answer.body);
            answers.push(plain(server, answer.body));
        }
        assert_eq!(answers[0], answers[1], "{username} {path}");
    }
}

#[actix_web::test]
async fn they_write_and_refuse_alike() {
    let (sqlite, postgres) = (Server::start(Sqlite).await, Server::start(Postgres).await);
    let writes = [
        ("/persons", json!({"region_code": "360502002001", "name": "买买提·艾合买提", "phone": "+86 138-0013-8000"})),
        ("/persons", json!({"region_code": "360502002001", "name": "丁", "id_number": "11010519491231002X"})),
        // the same ID number again: a unique value
        ("/persons", json!({"region_code": "360502002001", "name": "丁", "id_number": "11010519491231002x"})),
        // no such region: a foreign key
        ("/persons", json!({"region_code": "360502999999", "name": "丁"})),
        ("/persons", json!({"name": "", "phone": "12", "id_number": "1", "tags": ["x"]})),
        ("/households", json!({"compound_id": "019cdfaa-49c0-7c3e-9d41-2f6c1b7a9e10"})),
        ("/users", json!({"username": "newcomer", "password": "short", "display_name": "新"})),
        (
            "/users",
            json!({"username": "worker", "password": "a good long password", "display_name": "新",
                          "region_code": "360502002001"}),
        ),
        ("/volunteer-teams", json!({"name": "𠮷㛃队", "region_code": "360502002001", "origin": "citizen"})),
        (
            "/service-orders",
            json!({"kind": "tap", "description": "水龙头 😀", "region_code": "360502002001",
                                   "address": "1 号", "on_behalf_of": {"name": "丁一", "phone": "13900139000"}}),
        ),
    ];
    let mut statuses = Vec::new();
    for (path, body) in writes {
        let mut answers = Vec::new();
        for server in [&sqlite, &postgres] {
            let answer = server.sign_in("worker").await.post(path, body.clone()).await;
            statuses.push(answer.status);
            answers.push((answer.status, plain(server, answer.body)));
        }
        assert_eq!(answers[0], answers[1], "{path} {body}");
    }
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 8, "{statuses:?}");
}

//! Finding persons: by the whole of a number or the beginning of a name, in the body only, and within reach.

use aws_lc_rs::{
    digest::{SHA256, digest},
    hmac,
};
use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::{Answer, Server, User},
};
use rstest::rstest;
use serde_json::{Value, json};

use super::{NEXT, written};
use crate::hands::{self, fault, invalid, refusal};

async fn search(by: &User<'_>, body: Value) -> Answer {
    by.post("/persons/search", body).await
}

fn ids(answer: &Answer) -> Vec<&str> {
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    answer.body["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect()
}

#[rstest]
#[actix_web::test]
async fn one_is_found_by_a_number(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (worker, other) = (server.sign_in("worker").await, server.sign_in("worker2").await);
    let number = hands::id_number("36050219510203402");
    let id = written(&worker, json!({"id_number": number, "phone": "13987650123"})).await;
    let far = written(&other, json!({"region_code": NEXT, "phone": "13987650123"})).await;
    assert_eq!(ids(&search(&worker, json!({"id_number": number})).await), [id.as_str()]);
    // each finds those within his reach only
    for (username, found) in [("worker", vec![&id]), ("worker2", vec![&far]), ("street", vec![&id])] {
        let user = server.sign_in(username).await;
        assert_eq!(ids(&search(&user, json!({"phone": "13987650123"})).await), found, "{username}");
    }
    assert_eq!(ids(&search(&other, json!({"id_number": number})).await), [""; 0]);
    // all that is given must fit
    for (more, fits) in [
        (json!({"phone": "13987650123"}), true),
        (json!({"phone": "13987650124"}), false),
        (json!({"name": "欧阳"}), true),
        (json!({"name": "阳"}), false),
        (json!({"region_code": "360502002"}), true),
        (json!({"region_code": "360502002001002"}), false),
    ] {
        let mut body = more;
        body["id_number"] = json!(number);
        let expected = if fits { vec![id.as_str()] } else { Vec::new() };
        assert_eq!(ids(&search(&worker, body.clone()).await), expected, "{body}");
    }
    // part of a number finds nobody
    assert_eq!(search(&worker, json!({"id_number": &number[..17]})).await.status, 422);
    assert_eq!(fault(&search(&worker, json!({"region_code": "360502"})).await), invalid("/name", "required"));
    assert_eq!(
        fault(&search(&worker, json!({"name": "欧", "region_code": "360121"})).await),
        invalid("/region_code", "not-found")
    );
}

#[rstest]
#[actix_web::test]
async fn a_number_never_stands_in_a_query(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let number = hands::id_number("36050219510203402");
    written(&worker, json!({"id_number": number, "phone": "13987650123"})).await;
    for name in ["id_number", "phone", "name", "q"] {
        for value in [number.as_str(), "13987650123"] {
            for (method, path) in [("GET", "/persons"), ("POST", "/persons/search")] {
                let body = (method == "POST").then(|| json!({"name": "欧"}));
                let answer = worker.send(method, &format!("{path}?{name}={value}"), &[], body.as_ref()).await;
                assert_eq!((answer.status, answer.text("/errors/0/parameter")), (400, name), "{method} {path}");
                assert!(!answer.body.to_string().contains(value), "{:?}", answer.body);
            }
        }
    }
}

#[rstest]
#[actix_web::test]
async fn a_search_is_written_down_without_what_was_looked_for(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let id = written(&worker, json!({"phone": "13987650123"})).await;
    assert_eq!(ids(&search(&worker, json!({"phone": "13987650123", "name": "欧"})).await), [id]);
    let told: Vec<Value> = server.sql.all("SELECT data FROM events WHERE kind = 'person.searched'", []).await;
    assert_eq!(told, [json!({"by": ["name", "phone"], "found": 1})]);
    for username in ["resident", "volunteer", "property", "auditor", "yushui", "admin", "cadre"] {
        let answer = search(&server.sign_in(username).await, json!({"phone": "13987650123"})).await;
        assert_eq!(refusal(&answer), (403, "forbidden"), "{username}");
    }
    assert_eq!(server.sql.count("events WHERE kind = 'person.searched'", []).await, 1);
}

#[rstest]
#[actix_web::test]
async fn the_index_is_keyed(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (number, phone) = (hands::id_number("36050219510203402"), "+8613987650123");
    let id = written(&server.sign_in("worker").await, json!({"id_number": number, "phone": phone})).await;
    let read = |column: &str| format!("SELECT {column} FROM persons WHERE id = $1");
    let hmac = |key: &[u8], text: &str| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes());
    for (column, value) in [("id_number", number.as_str()), ("phone", phone)] {
        let index: Vec<u8> = server.sql.one(&read(&format!("{column}_index")), [hands::uuid(&id).into()]).await;
        let sealed: String = server.sql.one(&read(&format!("{column}_sealed")), [hands::uuid(&id).into()]).await;
        assert!(!sealed.contains(value));
        let text = format!("{column}\0{value}");
        // the same by the key of the service, so that what is compared below would be found
        assert_eq!(index, hmac(&server.keys.vault.index, &text).as_ref()[..16]);
        for guess in [value, &text, value.trim_start_matches("+86")] {
            for open in
                [digest(&SHA256, guess.as_bytes()).as_ref(), hmac(b"", guess).as_ref(), hmac(&[0; 32], guess).as_ref()]
            {
                assert_ne!(index, open[..16], "{column} {guess}");
            }
        }
    }
}

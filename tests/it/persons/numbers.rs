//! Telephone and ID numbers: one form for each, and no contradiction with what stands beside them.

use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::{Server, User},
};
use rstest::rstest;
use serde_json::{Value, json};

use super::{write, written};
use crate::hands::{change, fault, faults, invalid};

/// A woman born on 1949-12-31 (formats of GB 11643-1999).
const NUMBER: &str = "11010519491231002X";

async fn revealed(by: &User<'_>, id: &str, field: &str) -> String {
    let body = json!({"fields": [field], "purpose": "verification", "note": "上门维修"});
    let answer = by.post(&format!("/persons/{id}/reveal"), body).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    answer.text(&format!("/{field}")).to_owned()
}

async fn found(by: &User<'_>, search: Value) -> Vec<String> {
    let answer = by.post("/persons/search", search).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    answer.body["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

#[rstest]
#[actix_web::test]
async fn an_id_number_tells_birth_date_and_sex(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let both = |pointer: &str| {
        vec![
            (pointer.to_owned(), "contradicts-id-number".to_owned()),
            ("/id_number".to_owned(), "contradicts-member".to_owned()),
        ]
    };
    let contradictions = [
        (json!({"birth_date": "1949-12-30"}), both("/birth_date")),
        (json!({"sex": "male"}), both("/sex")),
        (json!({"sex": "male", "birth_date": "1950-12-31"}), [both("/birth_date"), both("/sex")].concat()),
    ];
    for (members, mut expected) in contradictions.clone() {
        let mut body = members;
        body["id_number"] = json!(NUMBER);
        let answer = write(&worker, body).await;
        expected.sort();
        expected.dedup();
        assert_eq!((answer.status, faults(&answer)), (422, expected));
        assert!(!answer.body.to_string().contains(NUMBER));
    }
    // what is not said is taken from it
    let made = write(&worker, json!({"id_number": NUMBER})).await;
    assert_eq!((made.text("/sex"), made.body["birth_year"].as_i64()), ("female", Some(1949)));
    assert_eq!(made.text("/id_number_masked"), "1****************X");
    let id = made.text("/id");
    assert_eq!(revealed(&worker, id, "birth_date").await, "1949-12-31");
    // and a change is held to it as well, from either side
    let path = format!("/persons/{id}");
    for (members, mut expected) in contradictions {
        expected.sort();
        expected.dedup();
        let answer = change(&worker, &path, 1, members).await;
        assert_eq!((answer.status, faults(&answer)), (422, expected));
    }
    let other = written(&worker, json!({"birth_date": "1950-01-01", "sex": "female"})).await;
    let man = crate::hands::id_number("36050219500101001");
    let answer = change(&worker, &format!("/persons/{other}"), 1, json!({"id_number": man})).await;
    assert_eq!((answer.status, faults(&answer)), (422, both("/sex").into_iter().rev().collect::<Vec<_>>()));
}

#[rstest]
#[actix_web::test]
async fn an_id_number_is_one_however_it_is_written(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let id = written(&worker, json!({"id_number": "11010519491231002x"})).await;
    assert_eq!(revealed(&worker, &id, "id_number").await, NUMBER);
    for same in [NUMBER, "11010519491231002x", "１１０１０５１９４９１２３１００２Ｘ"] {
        assert_eq!(found(&worker, json!({"id_number": same})).await, [id.as_str()], "{same}");
        // nobody else has it, in whatever form
        let twice = write(&worker, json!({"id_number": same})).await;
        assert_eq!(fault(&twice), invalid("/id_number", "duplicate"), "{same}");
    }
    for (wrong, code) in [
        ("110105194912310021", "id-number-checksum"),
        ("110105194912320025", "id-number-date"),
        ("440524188001010014", "id-number-date"),
        ("110105491231002", "legacy-id-number"),
        ("3.60502E+17", "precision-lost"),
        ("360502199001010000", "precision-lost"),
        ("1101051949123100", "id-number-format"),
    ] {
        assert_eq!(fault(&write(&worker, json!({"id_number": wrong})).await), invalid("/id_number", code), "{wrong}");
        let search = worker.post("/persons/search", json!({"id_number": wrong})).await;
        assert_eq!(fault(&search), invalid("/id_number", code), "{wrong}");
        assert!(!search.body.to_string().contains(wrong), "{wrong}");
    }
}

#[rstest]
#[actix_web::test]
async fn a_telephone_number_is_one_however_it_is_written(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let mut ids = Vec::new();
    let forms = ["13987650123", "+86 139-8765-0123", "008613987650123", "１３９８７６５０１２３", "86 139 8765 0123"];
    for form in forms {
        let made = write(&worker, json!({"phone": form})).await;
        assert_eq!(made.text("/phone_masked"), "139****0123", "{form}: {:?}", made.body);
        assert_eq!(revealed(&worker, made.text("/id"), "phone").await, "+8613987650123");
        ids.push(made.text("/id").to_owned());
    }
    for form in forms {
        assert_eq!(found(&worker, json!({"phone": form})).await, ids, "{form}");
    }
    assert_eq!(found(&worker, json!({"phone": "13987650124"})).await, [""; 0]);
    for wrong in ["12987650123", "1398765012", "139876501234", "+1 13987650123"] {
        let answer = write(&worker, json!({"phone": wrong})).await;
        assert_eq!(fault(&answer), invalid("/phone", "phone-format"), "{wrong}");
        assert!(!answer.body.to_string().contains(wrong), "{wrong}");
        let search = worker.post("/persons/search", json!({"phone": wrong})).await;
        assert_eq!(fault(&search), invalid("/phone", "phone-format"), "{wrong}");
    }
    // another number is found, the former no more
    let path = format!("/persons/{}", ids[0]);
    assert_eq!(change(&worker, &path, 1, json!({"phone": "13987650124"})).await.status, 200);
    assert_eq!(found(&worker, json!({"phone": "13987650124"})).await, ids[..1]);
    assert_eq!(found(&worker, json!({"phone": forms[0]})).await, ids[1..]);
    assert_eq!(change(&worker, &path, 2, json!({"phone": null})).await.body.get("phone_masked"), None);
    assert_eq!(found(&worker, json!({"phone": "13987650124"})).await, [""; 0]);
}
